"""``nfsrdma bench``: RDMA and TCP compared, on this machine or over a link."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from nfsrdma.bench import compare as comparing
from nfsrdma.bench import iozone, machine, plan, rows, tables, targets
from nfsrdma.bench.conduct import Conductor, Sample, Target
from nfsrdma.bench.servers import ServerError
from nfsrdma.client import UrlError, parse_url

from .bench_options import (
    Outputs,
    Servers,
    Settings,
    output_options,
    server_options,
    settings_options,
)
from .common import Failed
from .doctor_checks import GOOD, check_native
from .endings import ending_by, interrupt
from .output import check_replaceable, replaced, write_whole

_WIDTH = 110
"""Columns of the tables where the terminal does not say how many it has."""
_PLAIN_S = 5.0
"""Seconds between two lines of progress where there is no terminal for a bar."""


@click.command()
@click.argument("urls", nargs=-1, metavar="[URL]...")
@settings_options
@server_options
@output_options
@click.option(
    "--compare",
    type=(click.Path(path_type=Path), click.Path(path_type=Path)),
    metavar="OLD NEW",
    help="Measure nothing: compare two files of --json.",
)
def bench(
    urls: tuple[str, ...],
    settings: Settings,
    servers: Servers,
    outputs: Outputs,
    compare: tuple[Path, Path] | None,
) -> None:
    """Measure reading, writing and names over several transports, side by side.

    Without a URL it starts a server of its own for each transport on this machine. The
    measurements take turns, round after round; shown are the median, the least and the greatest.
    """
    console = _console()
    if compare is not None:
        _compare(compare, console)
        return
    _check_writable(outputs)
    written: list[Path] = []
    with ExitStack() as stack:
        stack.enter_context(ending_by(interrupt, signal.SIGTERM))
        # Outputs are opened before anything is measured, which may take hours.
        forms = {outputs.json_file: rows.as_json, outputs.csv_file: rows.as_csv}
        files = {path: stack.enter_context(replaced(path)) for path in forms if path is not None}
        steps = None
        if outputs.steps_file is not None:
            steps = stack.enter_context(outputs.steps_file.open("a", buffering=1))
        outcome = _run(urls, settings, servers, console, steps)
        for path, file in files.items():
            file.write(forms[path](outcome.rows).encode())
            written.append(path)
    written += _write(outcome, outputs)
    if written:
        console.print("Written: " + ", ".join(map(str, written)))
    if outcome.failed:
        sys.exit(1)


def _check_writable(outputs: Outputs) -> None:
    """Raise now what would keep the outputs from being written in the end."""
    folder = outputs.plot_folder
    if folder is not None:
        _need_matplotlib()
        folder.mkdir(parents=True, exist_ok=True)
        check_replaceable(folder / "index.html")
    if outputs.iozone_file is not None:
        check_replaceable(outputs.iozone_file)


@dataclass(slots=True)
class Outcome:
    """The outcome of a run: the rows, and the lines that go with them."""

    rows: list[rows.Row]
    remarks: list[str]
    failed: bool


def _write(outcome: Outcome, outputs: Outputs) -> Iterator[Path]:
    """Write IOZone's reports and the page; yield each path that was written."""
    if outputs.iozone_file is not None:
        for path, text in iozone.reports(outputs.iozone_file, outcome.rows).items():
            write_whole(path, text.encode())
            yield path
    if outputs.plot_folder is not None:
        from nfsrdma.bench.page import pages

        for name, octets in pages(outcome.rows, outcome.remarks).items():
            write_whole(outputs.plot_folder / name, octets)
            yield outputs.plot_folder / name


def _run(
    urls: Sequence[str],
    settings: Settings,
    servers: Servers,
    console: Console,
    steps: TextIO | None,
) -> Outcome:
    """Start the servers, measure them, and show the figures."""
    about = describe_here()
    console.print(about)
    busy = machine.describe_business(machine.busy_processors())
    if busy is not None:
        console.print(f"[yellow]{busy}[/]")

    def measured(sample: Sample) -> None:
        if steps is not None:
            steps.write(json.dumps(asdict(sample)) + "\n")

    with ExitStack() as stack:
        chosen = _targets(urls, settings, servers, stack)
        remarks = [*chosen.left_out, *_links(chosen.targets)]
        for line in remarks:
            console.print(line)
        if not chosen.targets:
            raise Failed("no transport is left to measure")
        todo = settings.plan(len(chosen.targets))
        with _progress(todo, len(chosen.targets)) as report:
            conductor = Conductor(todo, chosen.targets, report, measured)
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
    about_all = [about, *([busy] if busy else []), *remarks]
    return Outcome(made, about_all, conductor.failed)


def describe_here() -> str:
    """Return a line about this machine, and how much of the native code runs on it."""
    native = [finding.verdict == GOOD for finding in check_native()]
    return f"{machine.describe_machine()}; native code: {sum(native)} of {len(native)} modules"


def _show(made: Sequence[rows.Row], left_behind: Sequence[str], console: Console) -> None:
    for table in tables.all_tables(made):
        console.print(table)
    told = (tables.copies(made), tables.fairness(made))
    for line in [*filter(None, told), *tables.remarks(made)]:
        console.print(line)
    for line in [*tables.problems(made), *(f"[red]{line}[/]" for line in left_behind)]:
        console.print(line, soft_wrap=True)


def _targets(
    urls: Sequence[str], settings: Settings, servers: Servers, stack: ExitStack
) -> targets.Chosen:
    """Return our own servers, or those of the URLs, and then the peers."""
    options = {"timeout": servers.timeout}
    transports = settings.transports or ()
    chosen = targets.Chosen()
    try:
        if not urls:
            chosen = stack.enter_context(
                targets.own_servers(
                    transports or plan.TRANSPORTS,
                    settings.octets,
                    folder=servers.folder,
                    serve_options=("--max-io", str(servers.max_io)),
                    mount_options=options,
                    verbs_address=servers.verbs_address,
                )
            )
        others = [(url, transports, "", servers.server_pid) for url in urls]
        others += [(url, (), "peer ", servers.peer_pid) for url in servers.peers]
        for url, by, prefix, pid in others:
            found = targets.url_targets(
                url, by, prefix=prefix, server_pid=pid, mount_options=options
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
    """Append numbers to the labels that would be equal."""
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
