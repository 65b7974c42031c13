"""``nfsrdma dissect --parquet``: a table with a row for each RPC."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from .dissect_filter import wanted
from .dissect_outputs import Output
from .dissect_wishes import Wishes
from .output import replaced

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader


def parquet(reader: Reader, wishes: Wishes, output: str) -> Output:
    """Write the table by row groups, so that memory does not depend on the capture's size."""
    from nfsrdma.dissector.tables import HINT, schema

    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError:
        raise click.ClickException(f"--parquet {HINT}") from None
    from nfsrdma.dissector.views.filtered import FilteredView
    from nfsrdma.dissector.views.rows import Row, RowView

    layout = schema()
    resources = ExitStack()
    out = resources.enter_context(replaced(output))
    writer = resources.enter_context(ParquetWriter(out, layout, compression="zstd"))

    def write(rows: list[Row]) -> Any:
        writer.write_table(pyarrow.Table.from_pylist(rows, layout))

    view = RowView(write)
    fits = wanted(reader, wishes.wanted)
    return Output(
        FilteredView(view, fits, closes=True) if fits else view,
        files=lambda: f"{view.count} rows in {output}",
        resources=resources,
    )
