"""``nfsrdma conform``: tests of anybody's server, or client."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import randbits
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nfsrdma import __version__
from nfsrdma.conform import report
from nfsrdma.conform import suite as _suite  # noqa: F401 - enters the tests
from nfsrdma.conform.case import CASES, Case, Severity, chosen
from nfsrdma.conform.client.catalogue import SCENARIOS, chosen_scenarios
from nfsrdma.conform.client.edge import run_scenarios
from nfsrdma.conform.edge import Means, Run, run_cases
from nfsrdma.conform.lab import Target
from nfsrdma.conform.packets import source_of
from nfsrdma.conform.runner import Outcome, Unreachable, Verdict
from nfsrdma.rpcrdma.providers.registry import PROVIDERS
from nfsrdma.rpcrdma.providers.routes import resolve
from nfsrdma.rpcrdma.rpc.auth import Credentials

from .common import Failed, read_url
from .conform_client import OfClient, of_client, serve
from .device import device_option
from .folding import folded
from .output import write_whole

_COLORS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.NOTED: "yellow",
    Verdict.SKIPPED: "bright_black",
    Verdict.ERROR: "magenta",
}
_NFS_PORT = 2049
_HINT_S = 1.0
_ANSWER_S = 5.0
_TEST_S = 30.0
_WORK_S = 120.0


class CouldNotRun(Failed):
    """There was nothing to test, or nothing to test with."""

    exit_code = 2


class Patterns(click.ParamType):  # type: ignore[type-arg]
    """Identifiers or patterns of them, separated by commas."""

    name = "patterns"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Return the patterns."""
        if isinstance(value, tuple):
            return value
        return tuple(each.strip() for each in str(value).split(",") if each.strip())


class Severities(click.ParamType):  # type: ignore[type-arg]
    """Severities, separated by commas."""

    name = "severities"

    def convert(self, value: Any, param: Any, ctx: Any) -> frozenset[Severity]:
        """Return the severities that are named."""
        if isinstance(value, frozenset):
            return value
        try:
            return frozenset(Severity(each.strip()) for each in str(value).split(","))
        except ValueError as error:
            self.fail(f"{error}: there are {', '.join(Severity)}", param, ctx)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tests are meant."""

    only: tuple[str, ...]
    skip: tuple[str, ...]
    severity: frozenset[Severity]
    destructive: bool
    long: bool

    def cases(self, of_clients: bool) -> list[Case]:
        """Return them. Raises ``click.UsageError`` if there are none."""
        try:
            if of_clients:
                found = chosen_scenarios(self.only, self.skip, self.severity)
            else:
                found = chosen(self.only, self.skip, self.severity, self.destructive, self.long)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        if not found:
            raise click.UsageError("no test is left to run: --list shows them all")
        return found


_choice = folded(
    Choice,
    "choice",
    (
        click.option("--only", type=Patterns(), default=(), metavar="RC*,HD3", help="These tests."),
        click.option("--skip", type=Patterns(), default=(), metavar="FT*", help="Not these."),
        click.option(
            "--severity",
            type=Severities(),
            default=frozenset(Severity),
            metavar="must,should",
            help="Tests of these severities: must, should, robustness, quality.  [default: all]",
        ),
        click.option(
            "--destructive",
            is_flag=True,
            help="Also what may disturb other clients of the server: floods, and what some die of.",
        ),
        click.option("--long", is_flag=True, help="Also what takes ten minutes."),
    ),
)


@dataclass(frozen=True, slots=True)
class How:
    """How the tests are run."""

    provider: str
    device: str | None
    seed: int | None
    timeout: float | None
    restart_cmd: str | None

    @property
    def means(self) -> Means:
        """The same for the runner."""
        seed = randbits(32) if self.seed is None else self.seed
        limit = _TEST_S if self.timeout is None else self.timeout
        answer = min(_ANSWER_S, limit)
        return Means(self.provider, self.device, answer, limit, seed, self.restart_cmd)


_how = folded(
    How,
    "how",
    (
        click.option(
            "--provider",
            type=click.Choice(sorted(PROVIDERS)),
            default="soft",
            show_default=True,
            help="soft shows every packet; the others show what is in memory.",
        ),
        device_option,
        click.option(
            "--seed", type=click.IntRange(0), metavar="N", help="Repeat the run with this seed."
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(0, min_open=True),
            metavar="SECONDS",
            help="The time of each test, 30 unless it is given, of which an answer has 5 at most; "
            "of a client: of each command, 120 unless it is given.",
        ),
        click.option(
            "--restart-cmd",
            metavar="COMMAND",
            help="Restarts the server, and returns; for the tests that take it.",
        ),
    ),
)


@click.command()
@click.argument("url", required=False)
@_choice
@_how
@of_client
@click.option(
    "--report",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write index.html, report.json, junit.xml and a capture of each test.",
)
@click.option("--list", "listed", is_flag=True, help="List the tests, and run none.")
@click.option(
    "--compare",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    nargs=2,
    metavar="A.json B.json",
    help="Compare two reports, and run nothing; exit 1 if verdicts differ.",
)
def conform(
    url: str | None,
    choice: Choice,
    how: How,
    of_client: OfClient,
    folder: Path | None,
    listed: bool,
    compare: tuple[Path, Path] | None,
) -> None:
    """Test whether an NFS/RDMA server, or a client, keeps to the specifications.

    Each test of a server has a connection and files of its own below URL, which are removed. With
    --client an empty tree is served, and what mounts it is tested; for whoever reaches the address
    it is open while the tests run. Exit status: 0 if no "must" failed, 1 if one did, 2 if the
    tests could not be run.
    """
    console = Console(highlight=False, soft_wrap=True)
    if compare is not None:
        sys.exit(_compare(*compare, console))
    cases = choice.cases(of_client.client is not None)
    if listed:
        _list(cases, console, len(CASES if of_client.client is None else SCENARIOS))
        return
    if url is None and of_client.client is None:
        raise click.UsageError("name the URL of a server, or --client, or use --list")
    if url is not None and of_client.client is not None:
        raise click.UsageError("name the URL of a server, or --client, not both")
    if of_client.client is not None:
        if how.restart_cmd is not None:
            raise click.UsageError("--restart-cmd restarts a server: there is none with --client")
        console.print(f"{len(cases)} tests of a client")
        sys.exit(_test_client(cases, how, of_client, folder, console))
    assert url is not None
    sys.exit(_test_server(url, cases, how, folder, console))


def _test_server(
    url: str, cases: list[Case], how: How, folder: Path | None, console: Console
) -> int:
    target, shown = _target(url)
    means = how.means
    writer = Writer(folder, lambda source: source == target.address)
    console.print(f"{len(cases)} tests of {shown} over {means.provider}, seed {means.seed}")
    began = datetime.now(UTC)
    try:
        run = run_cases(target, means, cases, Printer(console, writer, len(cases)).outcome)
    except (Unreachable, ValueError) as error:
        hint = _hint(target) if isinstance(error, Unreachable) else ""
        raise CouldNotRun(f"server: {shown}: {error}{hint}") from None
    about = report.About(
        shown,
        means.provider,
        means.seed,
        began.isoformat(timespec="seconds"),
        __version__,
        run.interrupted,
    )
    return _finish(run, about, writer, folder, console)


def _test_client(
    cases: list[Case], how: How, of_client: OfClient, folder: Path | None, console: Console
) -> int:
    limit = how.timeout if how.timeout is not None else _WORK_S
    seed = how.means.seed
    means = of_client.means(how.provider, how.device, limit, seed)
    shown = f"the client of {means.host}:{means.port}"
    commands = of_client.commands
    writer = Writer(folder, lambda source: source != means.host)
    console.print(f"It is served at {means.host}:{means.port} over {means.provider}, seed {seed}")
    began = datetime.now(UTC)
    try:
        run = run_scenarios(
            means,
            commands,
            cases,
            serve,
            on_outcome=Printer(console, writer, len(cases)).outcome,
            say=lambda text: console.print(text, markup=False),
        )
    except (OSError, ValueError) as error:
        raise CouldNotRun(f"{means.host}:{means.port}: {error}") from None
    if commands.mount is not None:
        shown += f" ({commands.mount})"
    about = report.About(
        shown,
        means.provider,
        seed,
        began.isoformat(timespec="seconds"),
        __version__,
        run.interrupted,
    )
    return _finish(run, about, writer, folder, console)


def _finish(
    run: Run, about: report.About, writer: Writer, folder: Path | None, console: Console
) -> int:
    writer.finish(about)
    _summary(run.outcomes, console)
    if run.gave_up:
        console.print("The server has not answered any more: the other tests were not run.")
    if folder is not None:
        console.print(f"Written: {folder / 'index.html'}, report.json, junit.xml, captures")
    return _status(run.outcomes, run.interrupted)


def _target(text: str) -> tuple[Target, str]:
    url = read_url(text)
    if url.transport != "rdma":
        raise click.UsageError(f"{text}: this tests NFS over RDMA: name nfs+rdma://host/export")
    try:
        address = resolve(url.host)[0]
    except OSError as error:
        raise CouldNotRun(f"server: {url}: {error.strerror or error}") from None
    options = url.options
    uid = os.geteuid() if options.uid is None else options.uid
    gid = os.getegid() if options.gid is None else options.gid
    return Target(address, url.port, url.path, Credentials.sys(uid, gid)), str(url)


def _hint(target: Target) -> str:
    """Return what else may be said of a host where no server over RDMA answers."""
    for port in dict.fromkeys((target.port, _NFS_PORT)):
        with suppress(OSError), socket.create_connection((target.address, port), _HINT_S):
            return f" (port {port} answers by TCP: NFS may be served without RDMA there)"
    return ""


def _status(outcomes: Sequence[Outcome], interrupted: bool) -> int:
    if any(
        each.verdict is Verdict.FAILED and each.case.severity is Severity.MUST for each in outcomes
    ):
        return 1
    if interrupted:
        return 130
    return 2 if any(each.verdict is Verdict.ERROR for each in outcomes) else 0


class Writer:
    """Writes the reports of a run; each capture as soon as it is there. Raises ``OSError``."""

    def __init__(self, folder: Path | None, theirs: Callable[[str], bool]) -> None:
        self._folder = folder
        self._theirs = theirs
        """Whether an address is that of who is tested."""
        self.rows: list[report.Row] = []
        if folder is not None:
            (folder / "captures").mkdir(parents=True, exist_ok=True)
            write_whole(folder / "index.html", b"")

    def add(self, outcome: Outcome) -> None:
        """Take one test; its packets are not kept."""
        name = ""
        if self._folder is not None and outcome.frames:
            name = f"captures/{outcome.case.id}.pcapng"
            path = self._folder / name
            write_whole(path, report.capture(outcome))
            remarks = findings(path)
            outcome.findings = [
                f"frame {frame}: {text}"
                for frame, text in remarks.items()
                if self._theirs(source_of(outcome.frames[frame - 1][1]))
            ]
            write_whole(path, report.capture(outcome, remarks))
        outcome.frames = []
        self.rows.append(report.row_of(outcome, name))

    def finish(self, about: report.About) -> None:
        """Write what is of the whole run."""
        if self._folder is None:
            return
        for name, text in (
            ("report.json", report.dump(about, self.rows)),
            ("junit.xml", report.junit(about, self.rows)),
            ("index.html", report.page(about, self.rows)),
        ):
            write_whole(self._folder / name, text.encode("utf-8", "replace"))


def findings(path: Path) -> dict[int, str]:
    """Return what the dissector finds in a capture, by frame; nothing if it is not installed.

    Notes are left out: what a test does on purpose has them everywhere.
    """
    try:
        from nfsrdma.dissector import CaptureError, Severity, dissect
    except ImportError:
        return {}
    try:
        with dissect(str(path), lint=True) as capture:
            every = [finding for rpc in capture for finding in rpc.findings]
            every += capture.findings
    except (CaptureError, ImportError):
        return {}
    found: dict[int, list[str]] = {}
    for each in every:
        if each.severity is not Severity.NOTE:
            text = f"{each.severity.name.lower()}: {each.rule}: {each.text}"
            found.setdefault(each.frame, []).append(text)
    return {frame: "; ".join(found[frame]) for frame in sorted(found)}


class Printer:
    """Shows each test as it ends."""

    def __init__(self, console: Console, writer: Writer, total: int) -> None:
        self._console = console
        self._writer = writer
        self._total = total
        self._done = 0

    def outcome(self, outcome: Outcome) -> None:
        """Show one, and write its capture."""
        self._done += 1
        self._writer.add(outcome)
        color = _COLORS[outcome.verdict]
        self._console.print(
            f"[bright_black]{self._done:>3}/{self._total}[/] {outcome.case.id:<5} "
            f"[{color}]{outcome.verdict:<7}[/] {escape(outcome.case.sentence)}"
        )
        if outcome.observed and outcome.verdict is not Verdict.PASSED:
            self._console.print(f"{'':>22}[{color}]{escape(outcome.observed)}[/]")


def _summary(outcomes: Sequence[Outcome], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for verdict in Verdict:
        table.add_column(verdict, justify="right", style=_COLORS[verdict])
    for severity in Severity:
        of = [each for each in outcomes if each.case.severity is severity]
        if of:
            counts = [sum(each.verdict is verdict for each in of) for verdict in Verdict]
            table.add_row(severity, *(str(count) if count else "·" for count in counts))
    console.print()
    console.print(table)


def _list(cases: Sequence[Case], console: Console, count: int) -> None:
    for each in cases:
        needs = f" (needs {', '.join(sorted(each.needs))})" if each.needs else ""
        console.print(
            f"{each.id:<5} {each.severity:<10} {escape(each.sentence)} "
            f"[bright_black]{escape(each.source)}{needs}[/]"
        )
    console.print(f"{len(cases)} tests of {count}")


def _compare(one: Path, other: Path, console: Console) -> int:
    reports = []
    for path in (one, other):
        try:
            reports.append(report.load(path.read_bytes()))
        except report.ReportError as error:
            raise CouldNotRun(f"{path}: {error}") from None
    (about, rows), (about_other, rows_other) = reports
    found = report.differences(rows, rows_other)
    console.print(f"A: {about.server} over {about.provider}, {about.when}", markup=False)
    console.print(
        f"B: {about_other.server} over {about_other.provider}, {about_other.when}", markup=False
    )
    for each in sorted(found, key=lambda difference: not difference.grave):
        console.print(f"{each.id} {each.demand}", markup=False)
        for name, row in (("A", each.one), ("B", each.other)):
            text = "did not run" if row is None else f"{row.verdict} {row.observed}"
            console.print(f"    {name}: {text}", markup=False)
    grave = sum(each.grave for each in found)
    console.print(f"{grave} verdicts differ, {len(found) - grave} observations")
    return 1 if grave else 0
