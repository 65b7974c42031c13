"""Two runs, test by test: what one server does and the other does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .rows import Row


@dataclass(frozen=True, slots=True)
class Difference:
    """One test that ended or was observed differently; None where a run lacks it."""

    id: str
    demand: str
    one: Row | None
    other: Row | None

    @property
    def grave(self) -> bool:
        """Whether the verdicts differ, and not only what was observed."""
        return self.one is None or self.other is None or self.one.verdict != self.other.verdict


def differences(one: Sequence[Row], other: Sequence[Row]) -> list[Difference]:
    """Return the tests that differ, in the order of the first run, those of the second after."""
    ours, theirs = ({row.id: row for row in rows} for rows in (one, other))
    found = []
    for name in dict.fromkeys((*ours, *theirs)):
        mine, its = ours.get(name), theirs.get(name)
        same = (
            mine is not None
            and its is not None
            and (mine.verdict, mine.observed) == (its.verdict, its.observed)
        )
        if not same:
            either = mine or its
            assert either is not None
            found.append(Difference(name, either.demand, mine, its))
    return found
