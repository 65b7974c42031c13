"""What came of a suite, held against the failures that are known: anything else is red."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

#: Why a failure may be known.
CATEGORIES = {
    "suite": "the suite is wrong, or cannot work on any server",
    "optional": "a feature that a server need not have",
    "choice": "a decision of this project's, with its reason",
    "posix": "what a mount cannot or shall not do as a local file system does",
    "setup": "needs what this run does not have",
    "open": "a fault of ours that is not mended yet",
    "rare": "fails now and then",
}


class Outcome(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Case:
    """A case of a suite: how it ended, and what the suite said."""

    outcome: Outcome
    said: str = ""


Results = Mapping[str, Case]


class ListError(ValueError):
    """A list of known failures is not as it must be; the message says where."""


@dataclass(frozen=True)
class Known:
    """The known failures of a suite: category and reason by case, and how many cases there are.

    A list has a line for each: the case, its category, and the reason; ``#`` begins a comment. The
    line ``cases N`` says how many must have been run at least, so that a run that ended early, or
    asked nothing, is not green.
    """

    cases: int = 0
    reasons: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Known:
        """Read a list; one that is not there has no entries. Raises `ListError`."""
        if not path.exists():
            return cls()
        cases, reasons = 0, {}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            words = line.partition("#")[0].split(None, 2)
            if not words:
                continue
            if words[0] == "cases" and len(words) == 2 and words[1].isdigit():
                cases = int(words[1])
                continue
            if len(words) < 3 or words[1] not in CATEGORIES:
                names = ", ".join(CATEGORIES)
                raise ListError(
                    f"{path}:{number}: a case, one of {names}, and a reason belong here"
                )
            if words[0] in reasons:
                raise ListError(f"{path}:{number}: {words[0]} is listed twice")
            reasons[words[0]] = (words[1], words[2].strip())
        return cls(cases, reasons)


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a run."""

    passed: int
    skipped: int
    known: tuple[str, ...]
    """Cases that failed and are on the list."""
    unknown: tuple[str, ...]
    """Cases that failed and are not."""
    mended: tuple[str, ...]
    """Cases that passed though they are listed: their lines can go."""
    missing: int
    """Cases that the list says there are, and were not run."""

    @property
    def red(self) -> bool:
        """Whether something is wrong that nobody knew of."""
        return bool(self.unknown) or self.missing > 0

    @property
    def run(self) -> int:
        """How many cases were run."""
        return self.passed + len(self.known) + len(self.unknown)


def judge(results: Results, known: Known) -> Verdict:
    """Hold results against the known failures."""
    failed = [name for name, case in results.items() if case.outcome is Outcome.FAILED]
    passed = [name for name, case in results.items() if case.outcome is Outcome.PASSED]
    return Verdict(
        passed=len(passed),
        skipped=len(results) - len(failed) - len(passed),
        known=tuple(name for name in failed if name in known.reasons),
        unknown=tuple(name for name in failed if name not in known.reasons),
        mended=tuple(
            name for name in passed if name in known.reasons and known.reasons[name][0] != "rare"
        ),
        missing=max(0, known.cases - len(failed) - len(passed)),
    )
