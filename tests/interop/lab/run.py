"""``make interop``: the cases in three labs at once, those that failed once more, and one table.

Cases wait, for a lease, a lost packet, a guest's next command: a lab keeps about two thirds of a
core busy. So three labs, with a guest each, share a small machine's two. What fails is tried once
more in fresh guests, alone: real kernels under software emulation sometimes are late, and the table
says so.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import packages
from .report import Report

HERE = Path(__file__).parents[1]

#: Files that share a lab, in the order in which they run; about the same time for each lab. A file
#: that is named nowhere joins the first.
GROUPS = (
    (
        "test_interop_our_server.py",
        "test_interop_callbacks.py",
    ),
    (
        "test_interop_our_client.py",
        "test_interop_soft.py",
        "test_interop_names.py",
        "test_interop_connections.py",
    ),
    # What has guests run our own programs, in few long cases, and what compares speeds.
    (
        "test_interop_verbs.py",
        "test_interop_mount.py",
        "test_interop_perftest.py",
        "test_interop_ratios.py",
    ),
)

_SERVER, _CLIENT = "test_interop_our_server.py", "test_interop_our_client.py"

#: What ``--heart`` runs: the few cases without which there is no interoperability.
HEART = (
    (
        f"{_SERVER}::test_server_copy_tree[rdma v4.2 IPv4]",
        f"{_SERVER}::test_server_copy_tree[tcp v4.2 IPv4]",
        f"{_SERVER}::test_server_workload[4.2-extended_attributes]",
        f"{_SERVER}::test_server_locks_between_mounts[fcntl]",
    ),
    (
        f"{_CLIENT}::test_client_copy_tree[rdma v4.2 IPv4]",
        f"{_CLIENT}::test_client_copy_tree[tcp v4.2 IPv4]",
        f"{_SERVER}::test_server_delegations[rdma v4.2 IPv4]",
    ),
)

#: What belongs to runs of its own; ``long`` is for ``--long``.
USUAL = "not yardstick and not captures and not endurance"

_AGAIN = "again"
_NO_TESTS = 5


class Session:
    """One pytest with a lab of its own; what it prints goes to a file, a line a case to us."""

    def __init__(
        self,
        output: Path,
        tests: Sequence[str],
        options: Sequence[str],
        mark: str = USUAL,
    ) -> None:
        self.output = output
        output.mkdir(parents=True)
        self.log = output / "pytest.log"
        progress = os.dup(1)
        environment = {
            **os.environ,
            "NFSRDMA_INTEROP": "1",
            "NFSRDMA_INTEROP_OUT": str(output),
            "NFSRDMA_INTEROP_PROGRESS": str(progress),
        }
        cache = f"cache_dir={output / 'cache'}"
        with self.log.open("w") as log:
            # However this program ends, its sessions end too, and their labs with them.
            pytest = ("setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "pytest")
            self.process = subprocess.Popen(
                [*pytest, *tests, "-m", mark, "-o", cache, *options],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                pass_fds=(progress,),
            )
        os.close(progress)

    def wait(self) -> None:
        """Wait for its end. Raises ``LabError`` if that was none of the usual ones."""
        code = self.process.wait()
        if code not in (0, 1, _NO_TESTS):
            raise packages.LabError(f"pytest ended with {code}; see {self.log}\n{self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])

    def failed(self) -> list[str]:
        """The tests that failed, as pytest names them."""
        found = self.output / "cache/v/cache/lastfailed"
        return list(json.loads(found.read_text())) if found.exists() else []

    def report(self) -> Report:
        """Its table."""
        return Report.load(self.output)

    def stop(self) -> None:
        """End it, and its lab with it."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


def in_labs(
    output: Path,
    groups: Sequence[Sequence[str]],
    options: Sequence[str],
    mark: str = USUAL,
    name: str = "",
) -> list[Session]:
    """Run groups of tests at once, each in a lab, to their ends; a single one may have a name."""
    sessions: list[Session] = []
    try:
        for number, tests in enumerate(groups, 1):
            sessions.append(Session(output / (name or str(number)), tests, options, mark))
        for session in sessions:
            session.wait()
    finally:
        for session in sessions:
            session.stop()
    return sessions


def groups(heart: bool, labs: int = len(GROUPS)) -> list[list[str]]:
    """The files of each lab, or of the heart the cases; dealt to fewer labs where that is asked."""
    if heart:
        found = [list(group) for group in HEART]
    else:
        named = {name for group in GROUPS for name in group}
        others = sorted(path.name for path in HERE.glob("test_*.py") if path.name not in named)
        first, *rest = GROUPS
        found = [[*first, *others], *map(list, rest)]
    dealt = (found[lab::labs] for lab in range(min(labs, len(found))))
    found = [[name for group in hand for name in group] for hand in dealt]
    return [[str(HERE / name) for name in group] for group in found]


def main() -> int:
    """Run everything; 0 if in the end nothing failed."""
    parser = argparse.ArgumentParser(prog="make interop", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("out/interop"))
    parser.add_argument("--heart", action="store_true", help="the few cases that matter most")
    parser.add_argument(
        "--labs", type=int, choices=(1, 2, 3), default=3, help="1 where others need the cores too"
    )
    parser.add_argument("--long", action="store_true", help="also the cases that take minutes each")
    given, options = parser.parse_known_args()
    mark = USUAL if given.long else f"{USUAL} and not long"
    # Whoever ends the run politely gets the same tidying up as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    output = given.output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    started = time.monotonic()
    sessions = in_labs(output, groups(given.heart, given.labs), options, mark)
    report = Report.joined([session.report() for session in sessions])
    failed = [test for session in sessions for test in session.failed()]
    if failed:
        for session in sessions:
            if session.failed():
                print(f"\n== {session.log}\n{session.tail()}")
        print(f"\n== once more, in a fresh lab: {len(failed)} that failed", flush=True)
        (again,) = in_labs(output, [failed], (), name=_AGAIN)
        report.replace(again.report())
        failed = again.failed()
        if failed:
            print(f"\n== {again.log}\n{again.tail()}")
    report.machine["seconds, all in all"] = f"{time.monotonic() - started:.0f}"
    report.save(output)
    print(f"\n{report.text()}\n\n(the same in {output}/report.txt and .json)")
    if not report.cases:
        print("no case was run")
    return 1 if failed or not report.cases else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except packages.LabError as error:
        sys.exit(f"lab: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
