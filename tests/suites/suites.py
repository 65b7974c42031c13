"""The suites: for each how a checkout of it is run, and how its output is read.

None is part of this project, or fetched by it; whoever wants one run names a checkout, built.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import xfstests
from .running import command
from .stage import NAME, PLAIN, Setting, Stage, StageError
from .verdict import Case, Outcome, Results


@dataclass(frozen=True)
class Suite:
    """A suite: its name, the variable that names its checkout, how to build that, how to run it."""

    name: str
    variable: str
    build: str
    """For people: what makes a fresh checkout ready."""
    proof: str
    """A file that is there when it is ready."""
    run: Callable[[Path, Stage], Results]
    setting: Setting = PLAIN
    long: bool = False
    """Whether it takes hours: it is run where ``--only`` names it."""

    def checkout(self) -> Path | None:
        """The checkout that is named, if one is; raises `StageError` if it is not built."""
        named = os.environ.get(self.variable, "")
        if not named:
            return None
        path = Path(named).resolve()
        if not (path / self.proof).exists():
            raise StageError(f"{self.variable}={named} has no {self.proof}; there: {self.build}")
        return path


def _pynfs(minor: int, flags: Sequence[str]) -> Callable[[Path, Stage], Results]:
    def run(checkout: Path, stage: Stage) -> Results:
        host, port = stage.address
        results = stage.folder / "results.json"
        special = stage.setting.special
        where = f"{host}:{port}/{NAME if special else ''}"
        argv = [os.environ.get("PYNFS_PYTHON", sys.executable), "testserver.py", where]
        argv += ["--maketree", f"--json={results}", *flags]
        if special:
            argv.append(f"--usespecial=/{special}")
        with contextlib.ExitStack() as stack:
            if any(flag.startswith(("reboot", "REBT")) for flag in flags):
                argv.append(f"--serverhelper={stack.enter_context(stage.restarts())}")
            _run_pynfs(argv, checkout / f"nfs4.{minor}", stage)
        if not results.exists():
            raise StageError(f"pynfs ended without results; see {stage.folder / 'pynfs.log'}")
        return pynfs_results(json.loads(results.read_text()))

    return run


def _run_pynfs(argv: Sequence[str], folder: Path, stage: Stage) -> None:
    # It writes its records in pieces, each of which would wait for the one before to arrive.
    environment = {"PYTHONPATH": str(Path(__file__).parent / "interpreter")}
    log = stage.folder / "pynfs.log"
    command(argv, log, folder=folder, timeout=3000, environment=environment)


def pynfs_results(saved: Mapping[str, object]) -> Results:
    """Read the file that pynfs writes with ``--json``."""
    results = {}
    cases = saved["testcase"]
    assert isinstance(cases, list)
    for case in cases:
        if "failure" in case:
            said = str(case["failure"]["message"])
            results[case["code"]] = Case(Outcome.FAILED, said)
        elif "skipped" in case:
            results[case["code"]] = Case(Outcome.SKIPPED)
        else:
            results[case["code"]] = Case(Outcome.PASSED)
    return results


def _pjdfstest(checkout: Path, stage: Stage) -> Results:
    """Run its files, as root, who acts for several users in them."""
    files = sorted((checkout / "tests").rglob("*.t"))
    with stage.mounted("allow_other,suid,dev") as point:
        work = point / "work"
        work.mkdir()
        work.chmod(0o777)
        output = command(
            ["prove", "-v", *files],
            stage.folder / "prove.log",
            folder=work,
            timeout=7200,
        )
    return tap_results(output, f"{checkout}/tests/")


def tap_results(output: str, prefix: str) -> Results:
    """Read what ``prove -v`` prints; a case is a file and a number, as ``open/00.t:12``.

    A file that says fewer results than it has planned has one failed case more, ``open/00.t:end``.
    """
    results: dict[str, Case] = {}
    file, planned, seen = "", 0, 0

    def end() -> None:
        if file and seen < planned:
            results[f"{file}:end"] = Case(Outcome.FAILED, f"{seen} of {planned} results")

    for line in output.splitlines():
        if begun := re.match(rf"{re.escape(prefix)}(\S+\.t) \.+", line):
            end()
            file, planned, seen = begun[1], 0, 0
        elif plan := re.match(r"1\.\.(\d+)", line):
            planned = int(plan[1])
        elif found := re.match(r"(not )?ok (\d+)(.*)", line):
            seen += 1
            # What a test marks as not to be expected is no failure of it.
            todo = "# TODO" in found[3] or "# SKIP" in found[3].upper()
            failed = found[1] is not None and not todo
            outcome = Outcome.FAILED if failed else Outcome.SKIPPED if todo else Outcome.PASSED
            results[f"{file}:{found[2]}"] = Case(outcome, found[3].strip(" -"))
    end()
    return results


def _connectathon(checkout: Path, stage: Stage) -> Results:
    results: dict[str, Case] = {}
    copy = stage.folder / "cthon"
    shutil.copytree(checkout, copy)
    with stage.mounted() as point:
        for part in ("basic", "general", "special", "lock"):
            output = command(
                ["sh", "./runtests", f"-{part[0]}", "-f", point / "work"],
                stage.folder / f"{part}.log",
                folder=copy,
                timeout=900,
            )
            passed = "All tests completed" in output
            last = output.strip().splitlines()[-1:] or [""]
            results[part] = Case(Outcome.PASSED if passed else Outcome.FAILED, last[0])
    return results


_LIBNFS_FUNCTIONS = """\
TESTDIR={folder}
TESTURL="nfs://{host}:{port}/{folder.name}"
VERS=4
start_share() {{ rm -rf "$TESTDIR"; mkdir "$TESTDIR"; }}
stop_share() {{ rm -rf "$TESTDIR"; }}
success() {{ echo "[OK]"; }}
failure() {{ echo "[FAILED]"; exit 1; }}
"""


def _libnfs(checkout: Path, stage: Stage) -> Results:
    """Run its scripts on our export, but for those that want valgrind."""
    host, port = stage.address
    tests, utils = stage.folder / "libnfs" / "tests", stage.folder / "libnfs" / "utils"
    shutil.copytree(checkout / "build/tests", tests)
    shutil.copytree(checkout / "build/utils", utils)
    functions = _LIBNFS_FUNCTIONS.format(folder=stage.export / "share", host=host, port=port)
    (tests / "functions.sh").write_text(functions)
    # Some scripts name the folder of the share as it is where libnfs's own functions are used.
    (tests / "testdata").symlink_to(stage.export / "share")
    results: dict[str, Case] = {}
    for script in sorted((checkout / "tests").glob("test_*.sh")):
        if "valgrind" in script.name:
            continue
        shutil.copy(script, tests)
        log = stage.folder / f"{script.stem}.log"
        output = command(["bash", f"./{script.name}"], log, folder=tests, timeout=120)
        lines = output.strip().splitlines() or [""]
        good = "[FAILED]" not in output and "[OK]" in output
        results[script.stem] = Case(Outcome.PASSED if good else Outcome.FAILED, lines[-1])
    return results


_BUILD_PYNFS = "PATH=VENV/bin:$PATH VENV/bin/python setup.py build (VENV: setuptools ply xdrlib3)"


def _of_pynfs(name: str, minor: int, flags: Sequence[str], setting: Setting = PLAIN) -> Suite:
    proof = f"nfs4.{minor}/xdrdef/nfs4_const.py"
    return Suite(name, "PYNFS", _BUILD_PYNFS, proof, _pynfs(minor, flags), setting)


_MOST = ("everything", "noreboot", "nospecial", "noutf8")
_THOUSAND = ("REBT2c", "REBT3c", "REBT4c")
"""A thousand clients, each of which reclaims."""
_PATIENT = Setting(("--grace", "300"), lease_s=300)
"""Pynfs takes minutes for them where it has little of a processor, and the grace is to hold."""
_DELEGATIONS = ("delegations", "noreboot")
_AWAY = Setting(("--refer", "away=192.0.2.1:/there"), special="away")
_ANOTHER = Setting(special=NAME)
_UTF8 = Setting(words=("utf8_only",))
_MINOR_1 = "--minorversion=1"

SUITES = (
    # Left out: what needs Kerberos. What needs a setting of its own follows.
    _of_pynfs("pynfs-4.0", 0, (*_MOST, "nogss", "nodelegations"), _AWAY),
    # While an OPEN is answered DELAY it tries nine times before it looks at anything else.
    _of_pynfs("pynfs-4.0-delegations", 0, (*_DELEGATIONS, "--rundeps"), Setting(lease_s=45)),
    _of_pynfs("pynfs-4.0-special", 0, ("special",), _ANOTHER),
    _of_pynfs("pynfs-4.0-utf8", 0, ("utf8", "--rundeps"), _UTF8),
    _of_pynfs("pynfs-4.0-reboot", 0, ("reboot", "--rundeps")),
    # Of minor version 2 where nothing else is said, since that is what pynfs does.
    _of_pynfs("pynfs-4.1", 1, _MOST),
    _of_pynfs("pynfs-4.1-minor-1", 1, (*_MOST, _MINOR_1)),
    _of_pynfs("pynfs-4.1-special", 1, ("special",), _ANOTHER),
    _of_pynfs("pynfs-4.1-utf8", 1, ("utf8",), _UTF8),
    _of_pynfs("pynfs-4.1-utf8-minor-1", 1, ("utf8", _MINOR_1), _UTF8),
    # It sleeps for a lease and five seconds, and then takes the grace period to be over.
    _of_pynfs(
        "pynfs-4.1-reboot",
        1,
        ("reboot", *(f"no{code}" for code in _THOUSAND)),
        Setting(("--grace", "20"), lease_s=20),
    ),
    _of_pynfs("pynfs-4.1-thousand", 1, _THOUSAND, _PATIENT),
    Suite(
        "pjdfstest",
        "PJDFSTEST",
        "autoreconf -ifs && ./configure && make pjdfstest",
        "pjdfstest",
        _pjdfstest,
    ),
    Suite(
        "connectathon",
        "CTHON",
        "make CFLAGS='-std=gnu89 -w -DLINUX -DHAVE_SOCKLEN_T -DGLIBC=22 -DMMAP -DSTDARG'",
        "lock/tlocklfs",
        _connectathon,
    ),
    Suite(
        "libnfs",
        "LIBNFS",
        "cmake -B build -DENABLE_TESTS=ON -DENABLE_UTILS=ON . && make -C build",
        "build/tests/prog_create",
        _libnfs,
    ),
    Suite("xfstests", "XFSTESTS", "make", "ltp/fsx", xfstests.gate),
    Suite("xfstests-quick", "XFSTESTS", "make", "ltp/fsx", xfstests.quick, long=True),
)
