"""xfstests, its generic tests, on mounts of ours: it takes them for a FUSE file system.

It is run as root, on a copy of its checkout. mount(8) has to find our helper, and some tests act as
users that must be there: ``useradd fsgqa``, ``fsgqa2``, ``123456-fsgqa`` (``--badname``).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from .running import command
from .stage import Stage, StageError
from .verdict import Case, Outcome, Results

HELPER: Final = Path("/sbin/mount.fuse.nfsrdma")
"""What mount(8) runs for the type ``fuse.nfsrdma``."""

GATE: Final = """
    001 002 005 006 007 011 013 014 020 023 024 028 035 069 075 084 087 088 089 091 112 113 117 120
    124 126 130 131 132 141 169 184 193 198 209 211 212 215 221 236 245 246 247 248 257 258 263 285
    294 306 308 309 313 393 403 430 432 438 446 451 452
"""
"""The generic tests that are run by default, by number: of each kind of call some."""

_NOT_FOR_US: Final = (
    *("quota", "encrypt", "shutdown", "scrub", "freeze", "log", "thin", "verity", "fsmap", "swap"),
    *("casefold", "dangerous", "replay", "eio", "clone_stress", "fiemap", "mkfs", "label"),
)
"""Groups of tests of what only file systems on a block device have."""

_TEST, _SCRATCH = "t", "s"
"""The two directories, at the server and where they are mounted."""
_LIMIT_S: Final = 1200.0
"""How long one test may take; it is killed then, and has failed."""
CHOSEN: Final = "XFSTESTS_TESTS"
"""The variable that has the numbers of those tests that are to be run, if not all are."""
_TYPE: Final = "-e 's/fuse.ceph-fuse/ceph-fuse/'"
"""Where its shell code makes the type in the mount table the one that it is told."""


def gate(checkout: Path, stage: Stage) -> Results:
    """Run the tests of :data:`GATE`."""
    return _run(checkout, stage, [f"generic/{number}" for number in GATE.split()])


def quick(checkout: Path, stage: Stage) -> Results:
    """Run all generic tests of the group ``quick`` that are for file systems of a network."""
    groups = (checkout / "tests/generic/group.list").read_text()
    return _run(checkout, stage, quick_tests(groups))


def quick_tests(groups: str) -> list[str]:
    """Choose from xfstests' list of tests and their groups."""
    chosen = []
    for line in groups.splitlines():
        number, *of = line.split() or [""]
        if number.isdigit() and "quick" in of and not set(of) & set(_NOT_FOR_US):
            chosen.append(f"generic/{number}")
    return chosen


def chosen(tests: Sequence[str], numbers: str) -> list[str]:
    """Choose those tests that have one of the ``numbers``; all if there are none."""
    names = {f"generic/{number}" for number in numbers.split()}
    return [test for test in tests if not names or test in names]


def _run(checkout: Path, stage: Stage, tests: Sequence[str]) -> Results:
    _check_host()
    tests = chosen(tests, os.environ.get(CHOSEN, ""))
    if not tests:
        raise StageError(f"{CHOSEN} has no test of this suite")
    copy = stage.folder / "xfstests"
    shutil.copytree(checkout, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    _teach(copy / "common/rc")
    config, results = stage.folder / "local.config", stage.folder / "results"
    config.write_text(_config(stage, results))
    try:
        with _killing(_LIMIT_S, copy):
            output = command(
                ["./check", *tests],
                stage.folder / "check.log",
                folder=copy,
                timeout=60 + _LIMIT_S * len(tests),
                environment={"HOST_OPTIONS": str(config)},
            )
    finally:
        for name in (_TEST, _SCRATCH):  # of a run that was cut off they are still mounted
            subprocess.run(["umount", "-l", stage.folder / name], capture_output=True, check=False)
    return check_results(output)


def _check_host() -> None:
    if os.geteuid():
        raise StageError("xfstests mounts and acts for others: root runs it")
    if not HELPER.exists() or sys.executable not in HELPER.read_text():
        how = f"{sys.executable} -m nfsrdma mount-helper --install"
        raise StageError(f"{HELPER} is not this tree's: {how}")


def _teach(code: Path) -> None:
    """Have ``fuse.nfsrdma`` in the mount table taken for ``fuse``, which it is told to test."""
    text = code.read_text()
    if _TYPE not in text:
        raise StageError(f"{code} has changed: no {_TYPE}")
    code.write_text(text.replace(_TYPE, f"{_TYPE} -e 's/fuse.nfsrdma/fuse/'"))


def _config(stage: Stage, results: Path) -> str:
    """Return its settings: two directories of the export, each mounted where it wants it."""
    options = "-o allow_other,allow_suid,allow_dev"
    if stage.way != "tcp":
        options += f",provider={stage.way}"
    lines = {
        "FSTYP": "fuse",
        "FUSE_SUBTYP": ".nfsrdma",
        "MOUNT_OPTIONS": options,
        "TEST_FS_MOUNT_OPTS": options,
        "RESULT_BASE": str(results),
    }
    places = (("TEST_DEV", "TEST_DIR", _TEST), ("SCRATCH_DEV", "SCRATCH_MNT", _SCRATCH))
    for device, point, name in places:
        (stage.export / name).mkdir(mode=0o777)
        (stage.folder / name).mkdir()
        lines[device] = f"{stage.url.rstrip('/')}/{name}"
        lines[point] = str(stage.folder / name)
    return "".join(f"export {name}='{value}'\n" for name, value in lines.items())


@contextmanager
def _killing(limit_s: float, copy: Path) -> Iterator[None]:
    """Kill every test, with all that it has begun, that takes longer, for the block."""
    over = threading.Event()
    script = re.compile(rf"{re.escape(str(copy))}/tests/generic/\d+")

    def watch() -> None:
        begun: dict[int, float] = {}
        while not over.wait(2.0):
            now = time.monotonic()
            table = _processes()
            tests = [pid for pid, (_, words) in table.items() if any(map(script.fullmatch, words))]
            begun = {pid: begun.get(pid, now) for pid in tests}
            for pid, since in begun.items():
                if now - since > limit_s:
                    for each in (*_below(table, pid), pid):
                        with suppress(ProcessLookupError):
                            os.kill(each, signal.SIGKILL)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _processes() -> dict[int, tuple[int, list[str]]]:
    """Return parent and command line of each process."""
    found = {}
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            with suppress(OSError):
                words = (each / "cmdline").read_bytes().decode(errors="replace").split("\0")
                status = (each / "stat").read_text(errors="replace")
                found[int(each.name)] = (int(status.rpartition(")")[2].split()[1]), words)
    return found


def _below(table: dict[int, tuple[int, list[str]]], pid: int) -> Iterator[int]:
    for each, (parent, _) in table.items():
        if parent == pid:
            yield from _below(table, each)
            yield each


def check_results(output: str) -> Results:
    """Read what ``check`` prints: of each test a line, and how its output differs where it does."""
    results: dict[str, Case] = {}
    tests = re.split(r"^(generic/\d+)(?=\s)", output.partition("\nRan: ")[0], flags=re.MULTILINE)
    for name, text in zip(tests[1::2], tests[2::2], strict=True):
        first, _, more = text.strip().partition("\n")
        if (skipped := re.search(r"\[not run\]\s*(.*)", first)) is not None:
            results[name] = Case(Outcome.SKIPPED, skipped[1])
        elif re.fullmatch(r"(\d+s \.\.\.\s+)?\d+s", first):
            results[name] = Case(Outcome.PASSED)
        else:
            differs = [
                line.strip() for line in more.splitlines() if re.match(r"\s+[-+][^-+]", line)
            ]
            results[name] = Case(Outcome.FAILED, " | ".join((first, *differs)))
    return results
