"""``nfsrdma dissect --parquet``: a table with a row for each RPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .dissect_filter import wanted
from .output import replaced

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader


def write_parquet(reader: Reader, output: str, expression: str | None, crc: bool) -> None:
    """Write the table, a row group at a time: what is in memory does not depend on the capture."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise click.ClickException(
            "--parquet needs the package pyarrow: pip install nfsrdma[arrow]"
        ) from None
    from nfsrdma.dissector.pipeline import Pipeline
    from nfsrdma.dissector.render.filtered import FilteredView
    from nfsrdma.dissector.render.rows import COLUMNS, Row, RowView

    special = {
        "timestamp": pyarrow.timestamp("ns", tz="UTC"),
        "list<string>": pyarrow.list_(pyarrow.string()),
        "bool": pyarrow.bool_(),
    }
    schema = pyarrow.schema(
        [(name, special.get(kind) or getattr(pyarrow, kind)()) for name, kind in COLUMNS.items()]
    )
    fits = wanted(reader, expression)
    with replaced(output) as out, parquet.ParquetWriter(out, schema, compression="zstd") as writer:

        def write(rows: list[Row]) -> Any:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))

        view = RowView(write)
        pipeline = Pipeline(reader, FilteredView(view, fits) if fits else view, check_crc=crc)
        pipeline.run()
        view.flush()  # a filter tells nobody of the end
        reader.check()
    click.echo(f"{view.count} rows in {output}", err=True)
