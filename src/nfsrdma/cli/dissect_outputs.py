"""``nfsrdma dissect``: all outputs that are asked for, from one pass over the capture.

A capture is read once, however many outputs there are. Each file is written under its own name.
Standard output has a fixed order: lines, lint, connections, the slowest, latency, health. Outputs
that exclude each other are refused with a sentence before anything is read.
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

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.tracking.claims import DecodeAs
    from nfsrdma.dissector.tracking.events import View

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


@dataclass(frozen=True, slots=True)
class Wishes:
    """The outputs that the options ask for."""

    tree: bool = False
    chunks: bool = False
    lines: bool = False
    ndjson: bool = False
    all_ops: bool = False
    lint: bool = False
    latency: bool = False
    health: bool = False
    connections: bool = False
    slowest: int | None = None
    plot: str | None = None
    html: str | None = None
    parquet: str | None = None
    pcapng: str | None = None
    fixed: str | None = None
    expression: str | None = None
    crc: bool = False
    exit_code: bool = False

    @property
    def files(self) -> dict[str, str]:
        """The files to write, by option."""
        named = {
            "--html": self.html,
            "--parquet": self.parquet,
            "--pcapng": self.pcapng,
            "--fix-for-wireshark": self.fixed,
        }
        return {option: name for option, name in named.items() if name is not None}

    @property
    def linted(self) -> bool:
        """Whether lint is needed: for ``--exit-code`` as well."""
        return self.lint or self.exit_code

    @property
    def views(self) -> bool:
        """Whether a view of the capture as a whole goes to standard output."""
        asked = self.linted, self.latency, self.health, self.connections, self.slowest is not None
        return any(asked)

    @property
    def listing(self) -> str:
        """How to list RPCs, empty if they are not listed; they are if nothing else is asked for."""
        whole = self.views
        if self.tree:
            return "tree"
        if self.chunks:
            return "chunks"
        if self.ndjson and not whole:
            return "json"
        return "line" if self.lines or not (whole or self.files) else ""

    def check(self, file: str) -> None:
        """Raise ``click.UsageError`` if the outputs exclude each other."""
        styles = {"-V": self.tree, "--chunks": self.chunks, "--lines": self.lines}
        styles["--json"] = self.ndjson
        given = [option for option, there in styles.items() if there]
        if len(given) > 1:
            raise click.UsageError(f"{' and '.join(given)}: one way to list RPCs at a time")
        if self.plot is not None and not (self.latency or self.health):
            raise click.UsageError("--plot goes with --latency or --health")
        if self.all_ops and self.listing != "line":
            raise click.UsageError("--all-ops goes with lines")
        if self.expression and not self.listing and self.files.keys() == {"--fix-for-wireshark"}:
            raise click.UsageError("-Y: --fix-for-wireshark changes the whole capture")
        self._check_files(file)

    def _check_files(self, file: str) -> None:
        taken: dict[str, str] = {}
        for option, name in self.files.items():
            if name == "-":
                if self.listing or self.views:
                    raise click.UsageError(f"{option} -: standard output is already taken")
            elif file != "-" and os.path.exists(name) and os.path.samefile(file, name):
                raise click.UsageError(f"{name} is the capture itself: name another file")
            real = name if name == "-" else os.path.realpath(name)
            if real in taken:
                raise click.UsageError(f"{taken[real]} and {option} write to the same file {name}")
            taken[real] = option


NOTHING = Wishes()


def run(reader: Reader, file: str, wishes: Wishes, decode_as: DecodeAs) -> bool:
    """Write all outputs; return whether ``--exit-code`` should exit with 1."""
    from nfsrdma.dissector.pipeline import Pipeline

    with ExitStack() as stack:
        outputs: list[Output] = []
        for output in _outputs(reader, file, wishes):
            stack.enter_context(output.resources)
            outputs.append(output)
        views = [output.view for output in outputs]
        Pipeline(reader, *views, check_crc=wishes.crc, decode_as=decode_as).run()
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


def _outputs(reader: Reader, file: str, wishes: Wishes) -> Iterator[Output]:
    """Yield outputs in the order of standard output; those that read again come last."""
    if wishes.listing:
        yield _listing(reader, wishes)
    if wishes.linted:
        yield _lint(reader, wishes)
    if wishes.connections or wishes.slowest is not None:
        yield from _answers(reader, wishes)
    if wishes.latency or wishes.health:
        from .dissect_views import health, latency

        if wishes.latency:
            yield latency(reader, wishes)
        if wishes.health:
            yield health(reader, wishes)
    if wishes.html is not None:
        from .dissect_views import page

        yield page(reader, wishes, "standard input" if file == "-" else os.path.basename(file))
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
    from nfsrdma.dissector.views.filtered import FilteredView
    from nfsrdma.dissector.views.line import LineView
    from nfsrdma.dissector.views.ndjson import NdjsonView
    from nfsrdma.dissector.views.tree import TreeView

    write = sys.stdout.write
    fits = wanted(reader, wishes.expression)

    def began() -> int:
        return reader.began_ns

    view: View
    if wishes.listing == "json":
        return Output(NdjsonView(write, fits))
    if wishes.listing == "tree":
        view = TreeView(write, began=began)
    elif wishes.listing == "chunks":
        view = ChunkView(write, began=began)
    else:
        view = LineView(write, brief=not wishes.all_ops, began=began)
    return Output(FilteredView(view, fits) if fits else view)


def _lint(reader: Reader, wishes: Wishes) -> Output:
    """List what breaks a rule: at once, or after the list of RPCs if there is one."""
    from nfsrdma.dissector.base.finding import Severity
    from nfsrdma.dissector.views.lint import Lint
    from nfsrdma.dissector.views.lint.report import ndjson_finding, text_finding, text_summary

    form = ndjson_finding if wishes.ndjson else text_finding
    resources = ExitStack()
    write: Write = sys.stdout.write
    spool = None
    if wishes.listing:
        spool = SpooledTemporaryFile(  # noqa: SIM115 (it is closed with the others)
            max_size=_IN_MEMORY, mode="w+", encoding="utf-8", newline=""
        )
        resources.enter_context(spool)
        write = spool.write
    view = Lint(lambda finding: write(form(finding)), wanted(reader, wishes.expression))

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
    from nfsrdma.dissector.views.filtered import FilteredView

    views: list[ConnectionList | Slowest] = [ConnectionList()] if wishes.connections else []
    if wishes.slowest is not None:
        views.append(Slowest(wishes.slowest, lambda: reader.began_ns))
    for view in views:
        fits = wanted(reader, wishes.expression)
        lines = view.objects if wishes.ndjson else view.text
        yield Output(
            FilteredView(view, fits) if fits else view,
            text=lambda lines=lines: sys.stdout.writelines(lines()),  # type: ignore[misc]
        )
