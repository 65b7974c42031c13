"""The list of the tests of clients."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from fnmatch import fnmatchcase
from typing import Any, Final

from ..case import Case, Need, Severity
from .lab import ClientLab

Body = Callable[[ClientLab], Coroutine[Any, Any, str | None]]

SCENARIOS: Final[dict[str, Case]] = {}
"""Every test of a client, by its identifier, in the order of the report."""


def scenario(id: str, source: str, severity: Severity, *needs: Need) -> Callable[[Body], Body]:
    """Enter the coroutine function below in the list; its docstring is the demand."""

    def enter(body: Body) -> Body:
        assert id not in SCENARIOS, f"two tests {id}"
        sentence = " ".join((body.__doc__ or "").split())
        assert sentence, f"{id} says nothing of what it demands"
        SCENARIOS[id] = Case(id, source, severity, sentence, frozenset(needs), body)
        return body

    return enter


def chosen_scenarios(
    only: tuple[str, ...], skip: tuple[str, ...], severities: frozenset[Severity]
) -> list[Case]:
    """Return the tests that were asked for, in order, as :func:`..case.chosen` does."""
    for pattern in (*only, *skip):
        if not any(fnmatchcase(name, pattern) for name in SCENARIOS):
            raise ValueError(f"no test is called {pattern}: --list shows them all")
    return [
        each
        for name, each in sorted(SCENARIOS.items(), key=lambda item: (len(item[0]), item[0]))
        if (not only or any(fnmatchcase(name, pattern) for pattern in only))
        and not any(fnmatchcase(name, pattern) for pattern in skip)
        and each.severity in severities
    ]
