"""``nfsrdma bench``: RDMA and TCP compared, on this machine or over a link."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from nfsrdma.bench import compare as comparing
from nfsrdma.bench import iozone, machine, plan, rows, tables, targets
from nfsrdma.bench.conduct import Conductor, Target
from nfsrdma.bench.servers import ServerError
from nfsrdma.client import UrlError, parse_url

from .common import Failed
from .doctor import GOOD, check_native
from .output import check_replaceable, replaced, write_whole

_WIDTH = 110
"""Columns of the tables where the terminal does not say how many it has."""
_PLAIN_S = 5.0
"""Seconds between two lines of progress where there is no terminal for a bar."""


class Parsed(click.ParamType):  # type: ignore[type-arg]
    """An option whose text a function of ``plan`` reads."""

    def __init__(self, name: str, read: Callable[[str], list[int]]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: Any, ctx: Any) -> list[int]:
        """Read the text, once. Fails with the complaint of the reader."""
        if isinstance(value, list):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Words(click.ParamType):  # type: ignore[type-arg]
    """An option of words separated by commas, each of which must be known."""

    def __init__(self, name: str, words: Sequence[str]) -> None:
        self.name = name
        self._words = words

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Split the text into words, once. Fails for a word that is not known."""
        if isinstance(value, tuple):
            return value
        chosen = tuple(word.strip() for word in value.split(","))
        for word in chosen:
            if word not in self._words:
                self.fail(f"{word!r} is none of {', '.join(self._words)}", param, ctx)
        return tuple(word for word in self._words if word in chosen)


SIZES = Parsed("SIZES", plan.parse_sizes)
COUNTS = Parsed("N,N...", plan.parse_counts)
_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@dataclass(slots=True)
class Settings:
    """The options, as the command line has them."""

    urls: tuple[str, ...]
    transports: tuple[str, ...]
    preset: str
    records: list[int] | None
    sizes: list[int] | None
    depths: list[int] | None
    threads: list[int] | None
    ops: tuple[str, ...] | None
    clients: int
    rounds: int | None
    seconds: float | None
    cached: bool
    verify: bool
    split: bool
    peers: tuple[str, ...]
    server_pid: int | None
    peer_pid: int | None
    folder: Path | None
    max_io: int
    verbs_address: str | None
    timeout: float
    seed: int

    def plan(self, transports: int) -> plan.Plan:
        """Return what to measure; the preset decides what no option says."""
        preset = plan.PRESETS[self.preset]
        depths = self.depths or plan.parse_counts(preset.depths)
        groups = plan.make_groups(
            self.records or plan.parse_sizes(preset.records),
            self.sizes or plan.parse_sizes(preset.sizes),
            [1] if self.cached else depths,
            self.threads or plan.parse_counts(preset.threads),
            self.ops or preset.ops,
        )
        if not groups:
            raise click.UsageError("nothing to measure: every record is larger than every file")
        rounds = self.rounds or preset.rounds
        budget = self.seconds or preset.budget_s
        return plan.Plan(
            groups,
            rounds,
            plan.slice_for(groups, rounds, transports, budget),
            self.clients,
            self.cached,
            self.verify,
            self.split,
            self.seed,
        )

    @property
    def octets(self) -> int:
        """The octets that the files of one target take."""
        sizes = self.sizes or plan.parse_sizes(plan.PRESETS[self.preset].sizes)
        threads = self.threads or plan.parse_counts(plan.PRESETS[self.preset].threads)
        return max(sizes) * max(threads) * self.clients


def _measuring(function: Any) -> Any:
    """Add the options that say what to measure."""
    for option in reversed(
        (
            click.option("--transports", type=Words("NAMES", plan.TRANSPORTS), metavar="NAMES",
                help="Some of tcp,soft,shm,verbs.  [default: all that this machine can do; of a "
                "URL its own]"),
            click.option("--short", "preset", flag_value="short", help="About 40 seconds."),
            click.option("--full", "preset", flag_value="full", help="Everything; hours."),
            click.option("--records", type=SIZES, help="Record sizes, as in 1k:16m or 4k,64k."),
            click.option("--sizes", type=SIZES, help="File sizes, as in 16m,256m."),
            click.option("--depths", type=COUNTS, help="Records in flight.  [default: 1,8]"),
            click.option("--threads", type=COUNTS, help="Threads of each client."),
            click.option("--ops", type=Words("NAMES", plan.ALL_OPS), metavar="NAMES",
                help=f"Some of {','.join(plan.ALL_OPS)}."),
            click.option("--clients", default=1, show_default=True, type=click.IntRange(1, 64),
                help="Client processes of each transport."),
            click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds, for the medians."),
            click.option("--seconds", type=click.FloatRange(0, min_open=True), metavar="S",
                help="What all measurements together may take."),
            click.option("--direct/--cached", "direct", default=True, help="Every record is a "
                "request (as with O_DIRECT), or goes through a buffer of 1 MiB."),
            click.option("--verify/--no-verify", default=True, help="Compare all that is read."),
            click.option("--split/--no-split", default=True, help="A record that is too large for "
                "the server goes in several requests, or fails."),
            click.option("--seed", default=1, type=int, help="Of the data and the random offsets."),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def _serving(function: Any) -> Any:
    """Add the options that say which servers to measure."""
    for option in reversed(
        (
            click.option("--peer", "peers", multiple=True, metavar="URL",
                help="Another server to compare with, such as Linux's or Ganesha."),
            click.option("--server-pid", type=int, metavar="PID",
                help="The process of the URL's server, if it is on this machine, to tell its CPU."),
            click.option("--peer-pid", type=int, metavar="PID", help="The same of the peer."),
            click.option("--folder", type=click.Path(exists=True, file_okay=False, path_type=Path),
                help="Where our own server's files are.  [default: memory]"),
            click.option("--max-io", default=1024, show_default=True,
                type=click.IntRange(4, 4096), metavar="KIB",
                help="Largest READ and WRITE of our own server."),
            click.option("--verbs-address", metavar="ADDR", help="Address of the RDMA device."),
            click.option("--timeout", default=5.0, show_default=True, metavar="S",
                type=click.FloatRange(0, min_open=True), help="How long a server may be silent."),
        )
    ):  # fmt: skip
        function = option(function)
    return function


@click.command()
@click.argument("urls", nargs=-1, metavar="[URL]...")
@_measuring
@_serving
@click.option("--json", "json_file", type=_FILE, metavar="FILE", help="A list of rows.")
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="The same as CSV.")
@click.option("--iozone", "iozone_file", type=_FILE, metavar="FILE", help="IOZone's own matrix.")
@click.option(
    "--plot",
    "plot_folder",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    metavar="DIR",
    help="Plots as PNG, and one HTML page (extra: plot).",
)
@click.option(
    "--compare",
    type=(click.Path(path_type=Path), click.Path(path_type=Path)),
    metavar="OLD NEW",
    help="Measure nothing: compare two files of --json.",
)
def bench(
    compare: tuple[Path, Path] | None,
    json_file: Path | None,
    csv_file: Path | None,
    iozone_file: Path | None,
    plot_folder: Path | None,
    direct: bool,
    preset: str | None,
    **given: Any,
) -> None:
    """Measure reading, writing and names over several transports, side by side.

    Without a URL it starts a server of its own for each transport on this machine. The
    measurements take turns, round after round; shown are the median, the least and the greatest.
    """
    console = _console()
    if compare is not None:
        _compare(compare, console)
        return
    if plot_folder is not None:
        _need_matplotlib()
        plot_folder.mkdir(parents=True, exist_ok=True)
        check_replaceable(plot_folder / "index.html")
    if iozone_file is not None:
        check_replaceable(iozone_file)
    settings = Settings(cached=not direct, preset=preset or "default", **given)
    settings.transports = settings.transports or ()
    signal.signal(signal.SIGTERM, _interrupt)
    written: list[Path] = []
    with ExitStack() as stack:
        # Outputs are opened before anything is measured, which may take hours.
        forms = {json_file: rows.as_json, csv_file: rows.as_csv}
        files = {path: stack.enter_context(replaced(path)) for path in forms if path is not None}
        outcome = _run(settings, console)
        for path, file in files.items():
            file.write(forms[path](outcome.rows).encode())
            written.append(path)
    if iozone_file is not None:
        for path, text in iozone.reports(iozone_file, outcome.rows).items():
            write_whole(path, text.encode())
            written.append(path)
    if plot_folder is not None:
        from nfsrdma.bench.page import pages

        for name, octets in pages(outcome.rows, outcome.remarks).items():
            write_whole(plot_folder / name, octets)
            written.append(plot_folder / name)
    if written:
        console.print("Written: " + ", ".join(map(str, written)))
    if outcome.failed:
        sys.exit(1)


@dataclass(slots=True)
class Outcome:
    """The outcome of a run: the rows, and the lines that go with them."""

    rows: list[rows.Row]
    remarks: list[str]
    failed: bool


def _run(settings: Settings, console: Console) -> Outcome:
    """Start the servers, measure them, and show the figures."""
    about = describe_here()
    console.print(about)
    with ExitStack() as stack:
        chosen = _targets(settings, stack)
        remarks = [*chosen.left_out, *_links(chosen.targets)]
        for line in remarks:
            console.print(line)
        if not chosen.targets:
            raise Failed("no transport is left to measure")
        todo = settings.plan(len(chosen.targets))
        with _progress(todo, len(chosen.targets)) as report:
            conductor = Conductor(todo, chosen.targets, report)
            conductor.run()
    made = rows.make_rows(
        conductor.samples,
        clients=todo.clients,
        cached=todo.cached,
        verified=todo.verify,
        machine=about,
        when=time.strftime("%Y-%m-%dT%H:%M:%S"),
    )
    _show(made, conductor.left_behind, console)
    return Outcome(made, [about, *remarks], conductor.failed)


def describe_here() -> str:
    """Return a line about this machine, and how much of the native code runs on it."""
    native = [finding.verdict == GOOD for finding in check_native()]
    return f"{machine.describe_machine()}; native code: {sum(native)} of {len(native)} modules"


def _show(made: Sequence[rows.Row], left_behind: Sequence[str], console: Console) -> None:
    for table in tables.all_tables(made):
        console.print(table)
    copies = tables.copies(made)
    for line in [*([copies] if copies else []), *tables.remarks(made)]:
        console.print(line)
    for line in [*tables.problems(made), *(f"[red]{line}[/]" for line in left_behind)]:
        console.print(line, soft_wrap=True)


def _targets(settings: Settings, stack: ExitStack) -> targets.Chosen:
    """Return our own servers, or those of the URLs, and then the peers."""
    options = {"timeout": settings.timeout}
    chosen = targets.Chosen()
    try:
        if not settings.urls:
            chosen = stack.enter_context(
                targets.own_servers(
                    settings.transports or plan.TRANSPORTS,
                    settings.octets,
                    folder=settings.folder,
                    serve_options=("--max-io", str(settings.max_io)),
                    mount_options=options,
                    verbs_address=settings.verbs_address,
                )
            )
        others = [(url, settings.transports, "", settings.server_pid) for url in settings.urls]
        others += [(url, (), "peer ", settings.peer_pid) for url in settings.peers]
        for url, transports, prefix, pid in others:
            found = targets.url_targets(
                url, transports, prefix=prefix, server_pid=pid, mount_options=options
            )
            chosen.targets += found.targets
            chosen.left_out += found.left_out
    except UrlError as error:
        raise click.UsageError(str(error)) from None
    except (ServerError, OSError) as error:
        raise Failed(str(error)) from None
    _tell_apart(chosen.targets)
    return chosen


def _tell_apart(found: list[Target]) -> None:
    """Number the labels that would be equal."""
    seen: dict[str, int] = {}
    for target in found:
        seen[target.label] = seen.get(target.label, 0) + 1
        if seen[target.label] > 1:
            target.label += f" ({seen[target.label]})"


def _links(found: Sequence[Target]) -> list[str]:
    """Return a line for each link that leads to a server."""
    lines: dict[str, None] = {}
    for target in found:
        url = parse_url(target.url)
        lines[machine.describe_link(url.host, url.port)] = None
    return list(lines)


@contextmanager
def _progress(todo: plan.Plan, transports: int) -> Iterator[Callable[[str], None]]:
    """Show progress on standard error: a bar on a terminal, elsewhere a line now and then."""
    console = Console(stderr=True, highlight=False)
    total = todo.steps * transports
    if console.is_terminal:
        columns = (TextColumn("{task.description:44}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("starting", total=total)

            def draw(text: str) -> None:
                bar.update(task, description=text, advance=0 if text.startswith("mount") else 1)

            yield draw
        return
    done, told = 0, -_PLAIN_S

    def say(text: str) -> None:
        nonlocal done, told
        done += not text.startswith("mount")
        now = time.monotonic()
        if now - told >= _PLAIN_S:
            told = now
            console.print(f"{done}/{total} {text}", soft_wrap=True)

    yield say


def _compare(files: tuple[Path, Path], console: Console) -> None:
    try:
        old, new = (rows.read_json(path) for path in files)
    except ValueError as error:
        raise Failed(str(error)) from None
    changes, gone, come = comparing.compare(old, new)
    if not changes:
        raise Failed("the two runs have no measurement in common")
    machines = {re.sub("; load [0-9.]+", "", row.machine) for row in (*old, *new)}
    if len(machines) > 1:
        console.print("[yellow]The runs are of different machines:[/] " + " / ".join(machines))
    console.print(comparing.report(changes))
    moved = {word: sum(each.verdict == word for each in changes) for word in ("quicker", "slower")}
    console.print(
        f"{len(changes)} compared: {moved['quicker']} quicker and {moved['slower']} slower beyond "
        f"the spread; {len(gone)} only in the old run, {len(come)} only in the new one."
    )


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(console.width, _WIDTH))
    return console


def _need_matplotlib() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise Failed("--plot needs matplotlib: pip install 'nfsrdma[plot]'")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
