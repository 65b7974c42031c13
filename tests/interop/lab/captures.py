"""``make interop-captures``: the corpus in tests/data/captures/linux, made anew.

Each case of ``test_interop_captures.py`` becomes a file, its docstring a line in the README.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .packages import LabError
from .report import PASSED, Case
from .run import HERE, Session

SOURCE = HERE / "test_interop_captures.py"
CORPUS = HERE.parent / "data/captures/linux"

#: A capture is to be small enough for a repository.
MOST_OCTETS = 200_000

_HEAD = """\
# Captures with Linux

Made by `make interop-captures` ({machine}): RoCEv2 between a virtual machine with soft-RoCE (rxe,
10.99.0.11) and this project's soft provider on the host (10.99.0.1), taken at the machine's network
interface. Whole conversations, whole packets.

| file | what happens in it |
|---|---|
"""


def main() -> int:
    """Make all of it, or nothing."""
    with tempfile.TemporaryDirectory(prefix="nfsrdma-captures-") as scratch:
        output = Path(scratch) / "lab"
        session = Session(output, [str(SOURCE)], sys.argv[1:], mark="captures")
        try:
            session.wait()
        finally:
            session.stop()
        report = session.report()
        if not report.cases or any(case.result != PASSED for case in report.cases):
            raise LabError(f"a case failed, and the corpus stays as it is\n{session.tail()}")
        made = Path(scratch) / "made"
        made.mkdir()
        for case in report.cases:
            _keep(case, output, made)
        if not sys.argv[1:]:
            shutil.rmtree(CORPUS, ignore_errors=True)
        shutil.copytree(made, CORPUS, dirs_exist_ok=True)
    corpus = sorted(CORPUS.glob("*.pcap"))
    lines = [f"| `{path.name}` | {_description(path.stem)} |\n" for path in corpus]
    head = _HEAD.format(machine=f"Linux {report.machine['kernel']}")
    (CORPUS / "README.md").write_text(head + "".join(lines))
    print(f"{len(lines)} captures in {CORPUS}")
    return 0


def _keep(case: Case, output: Path, made: Path) -> None:
    """Convert a case's capture, without the recording machine's description."""
    name = case.name.replace("_", "-").replace("[", "-").rstrip("]")
    target = made / f"{name}.pcap"
    (folder,) = (output / "cases").glob(case.folder)
    subprocess.run(
        ["editcap", "-F", "nsecpcap", folder / "traffic.pcapng", target],
        check=True,
        capture_output=True,
    )
    size = target.stat().st_size
    if size > MOST_OCTETS:
        raise LabError(f"{target.name} has {size} octets, more than {MOST_OCTETS}")


def _description(stem: str) -> str:
    """The docstring, in one line, of the case that a file was made by."""
    for each in ast.parse(SOURCE.read_text()).body:
        if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"):
            name = each.name.removeprefix("test_").replace("_", "-")
            if stem == name or stem.startswith(f"{name}-ib-"):
                return " ".join((ast.get_docstring(each) or "").split())
    raise LabError(f"{stem} was made by no case of {SOURCE.name}: remove it")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"lab: {error}")
