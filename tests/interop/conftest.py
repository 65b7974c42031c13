"""The lab's fixtures. Cases share their guests' boots; each has a folder with its logs.

None of this is collected by an ordinary test run: it needs root, a few minutes and QEMU.
``make interop`` sets ``NFSRDMA_INTEROP=1``; ``NFSRDMA_INTEROP_OUT`` names the folder for results.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

if os.environ.get("NFSRDMA_INTEROP") != "1":
    collect_ignore_glob = ["*"]

from lab import kernel, nfs, packages  # noqa: E402
from lab.guest import Guest  # noqa: E402
from lab.host import REPOSITORY  # noqa: E402
from lab.machine import Lab  # noqa: E402
from lab.nfs import Knfsd  # noqa: E402
from lab.report import FAILED, PASSED, Case, Report  # noqa: E402
from peers.server import OurServer  # noqa: E402

#: Where Debian's pyverbs is; it is shown to our interpreter by a link, without its neighbours.
_DEBIAN_PYVERBS = "/usr/lib/python3/dist-packages/pyverbs"
_SHOWN = "/tmp/pyverbs-only"

_REPORT = pytest.StashKey[Report]()
_OUTCOME = pytest.StashKey[pytest.TestReport]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_REPORT] = Report()
    config.addinivalue_line(
        "markers", "yardstick: Linux on both sides, slow; proves the workloads, not us"
    )
    config.addinivalue_line("markers", "endurance: long runs on a bad network")
    config.addinivalue_line("markers", "long: minutes each; make interop INTEROP_ARGS=--long")
    config.addinivalue_line("markers", "captures: short conversations for the corpus of captures")
    # Whoever ends the run politely gets the same tidying up as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome = yield
    if outcome.when == "call":
        item.stash[_OUTCOME] = outcome
    return outcome


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    report = config.stash[_REPORT]
    if report.cases:
        terminalreporter.section("interoperability")
        terminalreporter.write_line(report.table())


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """The run's report."""
    return pytestconfig.stash[_REPORT]


@pytest.fixture(scope="session")
def lab(report: Report) -> Iterator[Lab]:
    """The lab of this run; guests boot when a case first asks for one."""
    problems = packages.obstacles()
    if problems:
        pytest.exit("no lab here: " + "; ".join(problems), returncode=3)
    output = Path(os.environ.get("NFSRDMA_INTEROP_OUT", "out/interop"))
    shutil.rmtree(output / "cases", ignore_errors=True)
    with Lab(output) as lab:
        report.machine |= {"kernel": lab.kernel_release, "accelerator": lab.accelerator}
        try:
            yield lab
        finally:
            for guest in lab.guests.values():
                report.machine[f"{guest.name}, seconds to boot"] = f"{guest.ready_seconds:.1f}"
            report.save(lab.output)


@pytest.fixture(scope="session")
def alpha(lab: Lab) -> Guest:
    """The guest that takes part in every case."""
    return lab.guest("alpha")


@pytest.fixture(scope="session")
def beta(lab: Lab) -> Guest:
    """A second guest, for Linux on both sides; boots together with the first."""
    lab.boot("alpha", "beta")
    return lab.guest("beta")


class Run:
    """A case while it runs: its row in the report, its folder, and what its log may contain."""

    def __init__(self, row: Case, folder: Path) -> None:
        self.row = row
        self.folder = folder
        self._expected: list[str] = []

    def describe(self, peer: str, transport: object) -> None:
        """Say who the peer is, and how it is reached."""
        self.row.peer, self.row.transport = peer, str(transport)

    def expect_log(self, *expressions: str) -> None:
        """Allow kernel log lines that would otherwise fail the case."""
        self._expected += expressions

    @property
    def expected(self) -> list[str]:
        """Expressions for lines of the kernel's log that are no trouble here."""
        return self._expected


def note_counters(case: Run, output: str) -> None:
    """Put what our side of a case counted, and printed, into the report."""
    for line in output.splitlines():
        if line.startswith("counters "):
            seen = json.loads(line.removeprefix("counters "))
            case.row.counters["soft"] = seen
            again = seen.get("retransmitted", 0) + seen.get("replayed_reads", 0)
            if again:
                case.row.notes["resent by soft"] = str(again)


@pytest.fixture
def case(request: pytest.FixtureRequest, lab: Lab, alpha: Guest, report: Report) -> Iterator[Run]:
    """Captures the case's traffic, watches kernel logs and counters, writes the report's row."""
    name = request.node.name.removeprefix("test_")
    folder = lab.output / "cases" / re.sub(r"[^\w.-]+", "-", name).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(Case(name, folder.name), folder)
    watches = {guest: kernel.Watch(guest, name) for guest in lab.guests.values()}
    started = time.monotonic()
    with lab.host.capture(folder / "traffic.pcapng", alpha.tap):
        yield run
    run.row.seconds = time.monotonic() - started
    trouble = {}
    for guest, watch in watches.items():
        watch.end()
        run.row.counters[guest.name] = watch.moved
        (folder / f"{guest.name}.dmesg").write_text("\n".join(watch.lines) + "\n")
        trouble[guest.name] = watch.trouble(run.expected)
    run.row.resent = kernel.retransmissions(watches[alpha].moved)
    run.row.result = _result(request.node, trouble)
    report.cases.append(run.row)
    report.say(run.row)
    for guest_name, lines in trouble.items():
        assert not lines, f"in the kernel log of {guest_name}: {lines}"


def _result(item: pytest.Item, trouble: dict[str, list[str]]) -> str:
    outcome = item.stash.get(_OUTCOME, None)
    if outcome is None:
        return f"{FAILED} (setup)"
    if outcome.skipped:
        return f"peer: {outcome.wasxfail}" if hasattr(outcome, "wasxfail") else "skipped"
    if outcome.passed and any(trouble.values()):
        return f"{FAILED} (kernel log)"
    return PASSED if outcome.passed else FAILED


@pytest.fixture(scope="session")
def running_knfsd(alpha: Guest) -> Iterator[Knfsd]:
    """The kernel's server in the first guest, started once."""
    with Knfsd(alpha) as server:
        yield server


@pytest.fixture
def knfsd(running_knfsd: Knfsd) -> Knfsd:
    """The kernel's server in the first guest, with an empty export."""
    running_knfsd.clear()
    return running_knfsd


@pytest.fixture(scope="session")
def tree(lab: Lab) -> str:
    """A tree of files to copy, seen by every guest at this path (on the host: ``lab.output``)."""
    folder = lab.output / "tree"
    shutil.rmtree(folder, ignore_errors=True)
    nfs.make_tree(folder)
    return "/lab/tree"


@pytest.fixture
def our_server(lab: Lab, case: Run) -> Iterator[OurServer]:
    """Our server on the bridge, on the soft provider, with an empty folder exported."""
    with OurServer(lab.host, case.folder) as server:
        yield server


@pytest.fixture
def verbs_python(alpha: Guest) -> str:
    """How our interpreter is started in the first guest, with pyverbs in its path."""
    return python_with_verbs(alpha)


def python_with_verbs(guest: Guest) -> str:
    """How our interpreter is started in a guest, with pyverbs in its path; skips without it."""
    path = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "tests/interop"), _SHOWN])
    command = f"cd {REPOSITORY} && PYTHONUNBUFFERED=1 PYTHONPATH={path} {sys.executable}"
    guest.run(f"mkdir -p {_SHOWN} && ln -sfn {_DEBIAN_PYVERBS} {_SHOWN}/pyverbs")
    tried = guest.run(f"{command} -c 'import pyverbs.device'", check=False)
    if "ModuleNotFoundError" in tried.stderr:
        pytest.skip(f"the distribution's pyverbs is for another Python: {tried.stderr}")
    assert tried.ok, tried
    return command
