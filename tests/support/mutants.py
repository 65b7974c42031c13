"""Faults that a suite must notice: which of its cases must catch each, and what is put where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """A fault: which test must catch it, and what is put where."""

    case: str
    owner: Any
    name: str
    fault: Any


class Mutants(dict[str, Mutant]):
    """Faults by what they are called."""

    def enter(self, case: str, owner: Any, name: str) -> Callable[[Any], Any]:
        """Enter what stands below as the replacement of an attribute."""

        def enter(fault: Any) -> Any:
            text = f"{case} {fault.__name__.strip('_')}"
            assert text not in self
            self[text] = Mutant(case, owner, name, fault)
            return fault

        return enter
