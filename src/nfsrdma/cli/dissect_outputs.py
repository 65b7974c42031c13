"""``nfsrdma dissect``: all outputs that are asked for, from one pass over the capture.

A capture is read once, however many outputs there are. Each file is written under its own name.
Standard output has a fixed order: lines, lint, the summary, connections, the slowest, the top, what
failed, service times, state, I/O, histograms, latency, health. Options that exclude each other are
refused before anything is read (``dissect_wishes``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

import click

from .dissect_filter import wanted
from .dissect_progress import paint, progress
from .dissect_wishes import Wishes

if TYPE_CHECKING:
    from nfsrdma.dissector.base.finding import Finding
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.tracking.claims import DecodeAs
    from nfsrdma.dissector.tracking.events import View
    from nfsrdma.dissector.views.answers import Answer

Write = Callable[[str], object]
_IN_MEMORY = 1 << 20
"""Octets of text that wait in memory for their turn; more goes to a temporary file."""


def _nothing(*_: object) -> None:
    """Do nothing."""


@dataclass(slots=True)
class Output:
    """One output of a pass: its view, and what to do after the pass."""

    view: View
    text: Callable[[], object] = _nothing
    """Writes to standard output after the pass."""
    files: Callable[[], str | None] = _nothing
    """Writes files after the pass, and returns what to print about them."""
    resources: ExitStack = field(default_factory=ExitStack)
    """Files that take their names when this is closed without an exception."""
    bad: Callable[[], bool] = bool
    """Returns whether ``--exit-code`` should exit with 1."""


def run(reader: Reader, file: str, wishes: Wishes, decode_as: DecodeAs) -> bool:
    """Write all outputs; return whether ``--exit-code`` should exit with 1."""
    from nfsrdma.dissector.pipeline import Pipeline

    with ExitStack() as stack:
        outputs: list[Output] = []
        for output in _outputs(reader, file, wishes):
            stack.enter_context(output.resources)
            outputs.append(output)
        views = [output.view for output in outputs]
        with progress(shown(file), reader, writes=wishes.streams) as advanced:
            Pipeline(
                reader, *views, check_crc=wishes.crc, decode_as=decode_as, progress=advanced
            ).run()
        for output in outputs:
            output.text()
        sys.stdout.flush()
        reader.check()
        said = [output.files() for output in outputs]
        reader.check()
    for sentence in said:
        if sentence:
            click.echo(sentence, err=True)
    return any(output.bad() for output in outputs)


def shown(file: str) -> str:
    """Return what to call a capture when something is said of it."""
    return "standard input" if file == "-" else os.path.basename(file)


def _outputs(reader: Reader, file: str, wishes: Wishes) -> Iterator[Output]:
    """Yield outputs in the order of standard output; those that read again come last."""
    if wishes.listing:
        yield _listing(reader, wishes)
    if wishes.linted:
        yield _lint(reader, wishes)
    if wishes.answers:
        yield from _answers(reader, wishes)
    if wishes.latency or wishes.health:
        from .dissect_views import health, latency

        if wishes.latency:
            yield latency(reader, wishes)
        if wishes.health:
            yield health(reader, wishes)
    if wishes.html is not None:
        from .dissect_views import page

        yield page(reader, wishes, shown(file))
    if wishes.parquet is not None:
        from .dissect_parquet import parquet

        yield parquet(reader, wishes, wishes.parquet)
    if wishes.pcapng is not None or wishes.fixed is not None:
        from .dissect_pcapng import annotate, repair

        if wishes.pcapng is not None:
            yield annotate(reader, wishes, wishes.pcapng)
        if wishes.fixed is not None:
            yield repair(reader, wishes.fixed)


def _listing(reader: Reader, wishes: Wishes) -> Output:
    from nfsrdma.dissector.views.chunks import ChunkView
    from nfsrdma.dissector.views.columns import ColumnView, style
    from nfsrdma.dissector.views.filtered import FilteredView
    from nfsrdma.dissector.views.line import LineView
    from nfsrdma.dissector.views.ndjson import NdjsonView
    from nfsrdma.dissector.views.tree import TreeView
    from nfsrdma.dissector.views.wireshark_json import WiresharkJsonView

    write = sys.stdout.write
    fits = wanted(reader, wishes.wanted)

    def began() -> int:
        return reader.began_ns

    view: View
    if wishes.listing == "json":
        return Output(NdjsonView(write, fits))
    if wishes.listing == "wireshark":
        return Output(WiresharkJsonView(write, fits, began))
    if wishes.listing == "fields":
        return Output(ColumnView(write, wishes.columns, style(wishes.style), fits, began))
    if wishes.listing == "tree":
        view = TreeView(write, began=began, paint=paint(wishes.color))
    elif wishes.listing == "chunks":
        view = ChunkView(write, began=began, paint=paint(wishes.color))
    else:
        view = LineView(write, brief=not wishes.all_ops, began=began, paint=paint(wishes.color))
    return Output(FilteredView(view, fits) if fits else view)


def _lint(reader: Reader, wishes: Wishes) -> Output:
    """List what breaks a rule: at once, or after the list of RPCs if there is one."""
    from nfsrdma.dissector.base.finding import Severity
    from nfsrdma.dissector.views.lint import Lint
    from nfsrdma.dissector.views.lint.report import ndjson_finding, text_finding, text_summary

    colors = paint(wishes.color)

    def form(finding: Finding) -> str:
        return ndjson_finding(finding) if wishes.ndjson else text_finding(finding, colors)

    resources = ExitStack()
    write: Write = sys.stdout.write
    spool = None
    if wishes.listing:
        spool = SpooledTemporaryFile(  # noqa: SIM115 (it is closed with the others)
            max_size=_IN_MEMORY, mode="w+", encoding="utf-8", newline=""
        )
        resources.enter_context(spool)
        write = spool.write
    view = Lint(lambda finding: write(form(finding)), wanted(reader, wishes.wanted))

    def text() -> None:
        if spool is not None:
            spool.seek(0)
            sys.stdout.writelines(spool)
        if not wishes.ndjson:
            sys.stdout.write(text_summary(view))

    def bad() -> bool:
        return any(view.counts[severity] for severity in (Severity.WARNING, Severity.ERROR))

    return Output(view, text, resources=resources, bad=bad)


def _answers(reader: Reader, wishes: Wishes) -> Iterator[Output]:
    from nfsrdma.dissector.views.answers import ConnectionList, Slowest
    from nfsrdma.dissector.views.bars import has_blocks
    from nfsrdma.dissector.views.filtered import FilteredView
    from nfsrdma.dissector.views.histogram import Histogram
    from nfsrdma.dissector.views.holdings import HoldingList
    from nfsrdma.dissector.views.io_graph import IoGraph
    from nfsrdma.dissector.views.overview import Overview
    from nfsrdma.dissector.views.totals import Failures, ServiceTimes, Top

    from .dissect_views import plotted

    def began() -> int:
        return reader.began_ns

    views: list[Answer] = []
    if wishes.summary:
        views.append(Overview(began))
    if wishes.connections:
        views.append(ConnectionList())
    if wishes.slowest is not None:
        views.append(Slowest(wishes.slowest, began, paint(wishes.color)))
    views += [Top(kind, count) for kind, count in wishes.top]
    if wishes.errors:
        views.append(Failures())
    if wishes.srt:
        views.append(ServiceTimes())
    blocks = has_blocks(sys.stdout.encoding)
    if wishes.state:
        views.append(HoldingList(began))
    if wishes.io_graph:
        views.append(IoGraph(began, blocks=blocks))
    if wishes.histogram:
        views.append(Histogram(blocks=blocks))
    for view in views:
        fits = wanted(reader, wishes.wanted)
        lines = view.objects if wishes.ndjson else view.text
        yield Output(
            FilteredView(view, fits, closes=True) if fits else view,
            text=lambda lines=lines: sys.stdout.writelines(lines()),  # type: ignore[misc]
            files=plotted(view, wishes.plot) if wishes.plot is not None else _nothing,
        )
