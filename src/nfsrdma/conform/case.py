"""Tests: what they are made of, how they judge, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .lab import Lab


class Severity(StrEnum):
    """How much it matters when a test fails, the gravest first."""

    MUST = "must"
    """A specification demands it."""
    SHOULD = "should"
    """A specification recommends it."""
    ROBUSTNESS = "robustness"
    """No specification says so, but a peer could do harm otherwise."""
    QUALITY = "quality"
    """Reported, and never a failure."""


class Need(StrEnum):
    """What a test cannot do without."""

    PACKETS = "packets"
    """To see every packet, which the ``soft`` provider shows."""
    DESTRUCTIVE = "destructive"
    """Leave to do what may disturb others: floods, connections that are left half open, or what
    servers are known to die of."""
    LONG = "long"
    """Minutes: :data:`LONG_S` more than other tests may take."""


LONG_S: Final = 900.0


class Failed(Exception):
    """The peer did not do what the test demands; the message says what it did."""


class NotApplicable(Exception):
    """The peer, or what carries packets to it, lacks what the test is about."""


Body = Callable[["Lab"], Coroutine[Any, Any, str | None]]
"""A test: returns what was observed, or raises ``Failed`` or ``NotApplicable``."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test. ``id`` is for ever; ``source`` is the specification, and its section."""

    id: str
    source: str
    severity: Severity
    sentence: str
    """What the peer has to do, in one sentence: the docstring of the test."""
    needs: frozenset[Need]
    run: Callable[[Any], Coroutine[Any, Any, str | None]]
    """A :data:`Body`, or, of a test of clients, the same of its own lab."""

    @property
    def group(self) -> str:
        """The letters that the identifier begins with."""
        return self.id.rstrip("0123456789abcdefghijklmnopqrstuvwxyz")


CASES: Final[dict[str, Case]] = {}
"""Every test, by its identifier, in the order of the report."""

GROUPS: Final = {
    "CM": "Connections",
    "PD": "Private data",
    "HD": "Headers",
    "CR": "Credits",
    "RC": "Read chunks",
    "WC": "Write chunks",
    "RP": "Reply chunk",
    "RI": "Remote invalidation",
    "BC": "Back channel",
    "NB": "NFS binding",
    "RR": "Reconnection and replay",
    "GS": "RPCSEC_GSS",
    "FT": "Faults below",
    "CL": "Clients",
}
"""The sections of the report: the letters of an identifier -> what they are about."""


def case(id: str, source: str, severity: Severity, *needs: Need) -> Callable[[Body], Body]:
    """Enter the coroutine function below in the list of tests; its docstring is the demand."""

    def enter(body: Body) -> Body:
        assert id not in CASES, f"two tests {id}"
        sentence = " ".join((body.__doc__ or "").split())
        entered = Case(id, source, severity, sentence, frozenset(needs), body)
        assert entered.group in GROUPS, f"{id} belongs to no section"
        assert sentence, f"{id} says nothing of what it demands"
        CASES[id] = entered
        return body

    return enter


def expect(condition: object, complaint: str) -> None:
    """Raise ``Failed`` with the complaint unless the condition holds."""
    if not condition:
        raise Failed(complaint)


def chosen(
    only: tuple[str, ...],
    skip: tuple[str, ...],
    severities: frozenset[Severity],
    destructive: bool,
    long: bool = False,
) -> list[Case]:
    """Return the tests that were asked for, in order.

    ``only`` and ``skip`` are patterns of identifiers (``RC*``); without ``only`` all are meant.
    Raises ``ValueError`` for a pattern that fits no test.
    """
    for pattern in (*only, *skip):
        if not any(fnmatchcase(name, pattern) for name in CASES):
            raise ValueError(f"no test is called {pattern}: --list shows them all")
    order = list(GROUPS)
    return [
        each
        for name, each in sorted(
            CASES.items(),
            key=lambda item: (order.index(item[1].group), len(item[0]), item[0]),
        )
        if (not only or any(fnmatchcase(name, pattern) for pattern in only))
        and not any(fnmatchcase(name, pattern) for pattern in skip)
        and each.severity in severities
        and (destructive or Need.DESTRUCTIVE not in each.needs)
        and (long or Need.LONG not in each.needs)
    ]
