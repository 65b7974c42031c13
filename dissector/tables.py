"""RPCs as Arrow tables, for pandas, polars, DuckDB: one schema for Parquet and for Python.

pyarrow (extra ``arrow``) is imported when a table is made, not before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .views.rows import COLUMNS, Row

if TYPE_CHECKING:
    import pyarrow

HINT = "needs the package pyarrow: pip install 'nfsrdma[arrow]'"


def schema() -> pyarrow.Schema:
    """Return the schema of a table of RPCs. Raises ``ImportError`` without pyarrow."""
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(f"a table {HINT}") from error
    special = {
        "timestamp": pyarrow.timestamp("ns", tz="UTC"),
        "list<string>": pyarrow.list_(pyarrow.string()),
        "bool": pyarrow.bool_(),
    }
    return pyarrow.schema(
        [(name, special.get(kind) or getattr(pyarrow, kind)()) for name, kind in COLUMNS.items()]
    )


def batches(rows: Iterable[Row], size: int) -> Iterator[pyarrow.RecordBatch]:
    """Give rows as record batches of at most ``size``. Raises ``ImportError`` without pyarrow."""
    layout = schema()
    import pyarrow

    waiting: list[Row] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) >= size:
            yield pyarrow.RecordBatch.from_pylist(waiting, layout)
            waiting = []
    if waiting:
        yield pyarrow.RecordBatch.from_pylist(waiting, layout)
