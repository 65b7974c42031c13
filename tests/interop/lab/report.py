"""What came of the cases: a table for people, JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

PASSED, FAILED = "passed", "FAILED"

#: The number of a descriptor that gets a line when a case has ended.
_PROGRESS = "NFSRDMA_INTEROP_PROGRESS"


@dataclass
class Case:
    """One row of the report."""

    name: str
    #: Of its logs, below ``cases``.
    folder: str = ""
    peer: str = ""
    transport: str = ""
    result: str = ""
    seconds: float = 0.0
    #: Retransmissions by Linux and to Linux, as its counters tell.
    resent: tuple[int, int] | None = None
    #: Figures and findings worth a look, for instance a ratio.
    notes: dict[str, str] = field(default_factory=dict)
    #: Counters of soft-RoCE that moved, per guest.
    counters: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass
class Report:
    """The rows of one run, and the machine that it ran on."""

    machine: dict[str, str] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)

    def table(self) -> str:
        """A table of the cases in plain text."""
        head = ("case", "peer", "transport", "result", "seconds", "resent by/to Linux", "notes")
        rows = [head, *(_row(case) for case in self.cases)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = [_line(row, widths) for row in rows]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join(lines)

    def text(self) -> str:
        """The machine, and the table."""
        machine = "\n".join(f"{name}: {value}" for name, value in self.machine.items())
        return f"{machine}\n\n{self.table()}"

    def save(self, folder: Path) -> None:
        """Write ``report.json`` and ``report.txt``."""
        (folder / "report.txt").write_text(self.text() + "\n")
        (folder / "report.json").write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Report:
        """What was saved there; empty if nothing was."""
        path = folder / "report.json"
        if not path.exists():
            return cls()
        saved = json.loads(path.read_text())
        return cls(saved["machine"], [Case(**case) for case in saved["cases"]])

    @classmethod
    def joined(cls, parts: Sequence[Report]) -> Report:
        """Several in one."""
        whole = cls()
        for part in parts:
            whole.machine |= part.machine
            whole.cases += part.cases
        return whole

    def replace(self, later: Report) -> None:
        """Put the rows of a second attempt where those of the first were, and say so."""
        again = {case.name: case for case in later.cases}
        for index, case in enumerate(self.cases):
            if case.name in again:
                self.cases[index] = second = again.pop(case.name)
                second.notes["attempt"] = "2nd"
        self.cases += again.values()

    @staticmethod
    def say(case: Case) -> None:
        """A line for a case that has ended, for whoever waits."""
        number = os.environ.get(_PROGRESS)
        if number:
            line = f"{case.seconds:6.1f} s  {case.result:8}  {case.name}\n"
            os.write(int(number), line.encode())


def _row(case: Case) -> tuple[str, ...]:
    resent = "" if case.resent is None else "{} / {}".format(*case.resent)
    notes = "; ".join(f"{name} {value}" for name, value in case.notes.items())
    seconds = f"{case.seconds:.1f}"
    return (case.name, case.peer, case.transport, case.result, seconds, resent, notes)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
