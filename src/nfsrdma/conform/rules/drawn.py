"""Which of the things that a rule could mean it means: counted, or drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from .language import Rule


class Drawn:
    """One rule at work. ``done`` counts how often it was applied, ``met`` what it could mean."""

    def __init__(self, rule: Rule, rng: Random) -> None:
        self.rule = rule
        self.met = 0
        self.done = 0
        self._rng = rng

    def means(self, from_client: bool, field: Callable[[str], Any]) -> bool:
        """Return whether this one is meant; ``field`` returns what a condition asks for."""
        rule = self.rule
        if rule.from_client is not None and rule.from_client is not from_client:
            return False
        if not all(each.holds(field(each.field)) for each in rule.conditions):
            return False
        self.met += 1
        meant = self._drawn()
        self.done += meant
        return meant

    def _drawn(self) -> bool:
        kind, number = self.rule.quantity.kind, self.rule.quantity.number
        if kind == "share":
            return self._rng.random() < number
        if kind == "nth":
            return self.met == number
        if kind == "every":
            return self.met % number == 0
        if kind == "first":
            return self.met <= number
        return True


def drawn(rules: list[Rule], seed: int) -> list[Drawn]:
    """Return the rules at work; each draws for itself, so that none changes what others mean."""
    return [
        Drawn(rule, Random(f"rule {seed} {number} {rule.text}"))
        for number, rule in enumerate(rules)
    ]
