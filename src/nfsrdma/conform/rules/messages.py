"""Rules that are applied to what passes through a relay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nfsrdma.rpcrdma.transport.header import ERR_CHUNK, ERR_VERS, VERSION

from ..relay import Cut, Link, Passing, Script
from ..relay.link import Pending
from .drawn import Drawn, drawn
from .language import Action, Rule


class RuleScript(Script):
    """A relay's script that does what rules say, and otherwise nothing.

    ``told`` gets a line for each time.
    """

    def __init__(
        self, rules: Sequence[Rule], seed: int, told: Callable[[str], None] | None = None
    ) -> None:
        self.drawn = drawn([rule for rule in rules if not rule.of_packets], seed)
        self._told = told or (lambda text: None)

    async def passes(self, link: Link, passing: Passing, pending: Pending | None) -> None:
        """Apply each rule that means this message."""
        for each in self.drawn:
            if self._meant(each, link, passing):
                apply(each.rule.action, passing)
                what = f"{passing.kind} {passing.number}, XID {passing.xid:#x}"
                self._told(f"{each.rule.text}: {what}, {'+'.join(passing.operations) or '-'}")

    def ended(self, link: Link, reason: str) -> None:
        """Tell of the end of a connection."""
        self._told(f"connection {link.number} ended {reason}")

    def happened(self, link: Link, what: str) -> None:
        """Tell of anything else."""
        self._told(f"connection {link.number}: {what}")

    def _meant(self, each: Drawn, link: Link, passing: Passing) -> bool:
        kind = each.rule.kind
        if kind and kind != passing.kind:
            return False
        return each.means(passing.from_client, lambda name: _field(name, link, passing))


def _field(name: str, link: Link, passing: Passing) -> Any:
    if name == "op":
        return passing.operations
    if name == "kind":
        return (passing.kind,)
    if name == "connection":
        return link.number
    if name in ("reads", "writes"):
        return len(getattr(passing, name))
    if name == "placed":
        return sum(len(octets) for _, octets in passing.placed)
    return getattr(passing, name)


def apply(action: Action, passing: Passing) -> None:
    """Do to a message what an action says."""
    if action.name == "drop":
        passing.dropped = True
    elif action.name == "duplicate":
        passing.copies += 1
    elif action.name == "delay":
        passing.delay_s += action.number
    elif action.name == "cut":
        passing.cut = Cut(action.word)
    elif action.name == "corrupt":
        passing.changes.append(lambda octets: _corrupt(octets, int(action.number), action.value))
    elif action.name == "truncate":
        passing.changes.append(lambda octets: octets.__delitem__(slice(int(action.number), None)))
    elif action.name == "grant":
        passing.credit = min(passing.credit, int(action.number))
    elif action.name == "swap":
        passing.reads.reverse()
        passing.writes.reverse()
    elif action.name == "refuse":
        if action.word == "version":
            passing.become_error(ERR_VERS, VERSION, VERSION)
        else:
            passing.become_error(ERR_CHUNK)


def _corrupt(octets: bytearray, word: int, value: int | None) -> None:
    at = 4 * word
    if at + 4 <= len(octets):
        before = int.from_bytes(octets[at : at + 4], "big")
        after = before ^ 0xFFFFFFFF if value is None else value
        octets[at : at + 4] = after.to_bytes(4, "big")
