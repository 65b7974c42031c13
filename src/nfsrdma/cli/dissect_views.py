"""``nfsrdma dissect --latency`` and ``--health``: views of a capture as a whole."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.health import Health
    from nfsrdma.dissector.latency import Latency


def run_views(
    reader: Reader, ndjson: bool, expression: str | None, *, latency: bool, health: bool
) -> None:
    """Write what was asked for, of the RPCs that fit ``expression``."""
    if latency and health:
        raise click.UsageError("--latency and --health: one at a time")
    if latency:
        _latency(reader, ndjson, expression)
    else:
        _health(reader, ndjson, expression)
    sys.stdout.flush()


def _run(reader: Reader, view: Latency | Health, expression: str | None) -> None:
    from nfsrdma.dissector.filter import compile_filter
    from nfsrdma.dissector.pipeline import Pipeline
    from nfsrdma.dissector.render.filtered import FilteredView

    wanted = compile_filter(expression) if expression else None
    pipeline = Pipeline(reader, FilteredView(view, wanted) if wanted else view)
    view.attach(pipeline)
    pipeline.run()
    if wanted:
        view.close(pipeline)  # a filter tells nobody of the end


def _latency(reader: Reader, ndjson: bool, expression: str | None) -> None:
    """Write how long what took."""
    from nfsrdma.dissector.latency import Latency
    from nfsrdma.dissector.render.times import ndjson_latency, text_latency

    view = Latency()
    _run(reader, view, expression)
    sys.stdout.write(ndjson_latency(view) if ndjson else text_latency(view))


def _health(reader: Reader, ndjson: bool, expression: str | None) -> None:
    """Write what was sent again, why, and who suffered."""
    from nfsrdma.dissector.health import Health
    from nfsrdma.dissector.render.health import ndjson_health, text_health

    view = Health()
    _run(reader, view, expression)
    if ndjson:
        sys.stdout.writelines(ndjson_health(view))
    else:
        sys.stdout.write(text_health(view))
