"""Rules as people write them.

ACTION HOW-MANY [of] [WAY] WHAT [where FIELD OP VALUE [and ...]]

drop 1% of server->client packets
delay 200ms every 5th call where op == WRITE
cut before 3rd reply where op == READ and size > 1000
corrupt word 2 of 1% of replies
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from .words import RuleError, Word, Words

__all__ = [
    "ACTIONS",
    "Action",
    "Condition",
    "Quantity",
    "Rule",
    "RuleError",
    "parse_rule",
    "parse_rules",
]

MESSAGES, PACKETS = "messages", "packets"
MAX_RULES: Final = 100
MAX_DELAY_S: Final = 3600.0

ACTIONS: Final = {
    "drop": (MESSAGES, PACKETS),
    "duplicate": (MESSAGES, PACKETS),
    "delay": (MESSAGES,),
    "cut": (MESSAGES,),
    "corrupt": (MESSAGES,),
    "truncate": (MESSAGES,),
    "grant": (MESSAGES,),
    "swap": (MESSAGES,),
    "refuse": (MESSAGES,),
    "reorder": (PACKETS,),
    "damage": (PACKETS,),
}
"""What can be done, and what to."""

_THINGS: Final = {
    "packet": PACKETS,
    "packets": PACKETS,
    "message": "",
    "messages": "",
    "send": "",
    "sends": "",
    "call": "call",
    "calls": "call",
    "reply": "reply",
    "replies": "reply",
    "callback": "callback",
    "callbacks": "callback",
    "error": "error",
    "errors": "error",
}
_WAYS: Final = {"client->server": True, "server->client": False}
_CUTS: Final = ("before", "after", "placing", "placed")
_REFUSALS: Final = ("chunk", "version")
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": eq,
    "=": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
_MESSAGE_FIELDS: Final = {
    "op": "words", "kind": "words", "size": "number", "xid": "number", "credit": "number",
    "connection": "number", "reads": "number", "writes": "number", "placed": "number",
    "proc": "number",
}  # fmt: skip
_PACKET_FIELDS: Final = {"op": "words", "size": "number", "qp": "number", "psn": "number"}

_TIME: Final = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s)")
_ORDINAL: Final = re.compile(r"(\d+)(st|nd|rd|th)")
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)%")
_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True, slots=True)
class Action:
    """What is done: its name, and a number or a word that belongs to it."""

    name: str
    number: float = 0
    word: str = ""
    value: int | None = None
    """What ``corrupt`` writes; None: all bits of the word are turned over."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """How many: a share of them, the n-th, every n-th, or the first n."""

    kind: str = "all"
    number: float = 0.0


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison with a field."""

    field: str
    comparison: str
    value: int | str

    def holds(self, found: Any) -> bool:
        """Return whether it holds for what the field is; of several words, for any of them."""
        if isinstance(self.value, int):
            return _COMPARISONS[self.comparison](found, self.value)
        pattern = self.value.upper()
        any_of_them = any(fnmatchcase(str(each).upper(), pattern) for each in found)
        return any_of_them is (self.comparison in ("==", "="))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``kind`` is that of messages: empty for all; None means packets."""

    text: str
    action: Action
    quantity: Quantity
    kind: str | None
    from_client: bool | None = None
    """The way: None for both."""
    conditions: tuple[Condition, ...] = ()

    @property
    def of_packets(self) -> bool:
        """Whether packets are meant, and not messages."""
        return self.kind is None


def parse_rules(lines: Iterable[str]) -> list[Rule]:
    """Return the rules in lines; empty ones and what follows ``#`` are left out.

    Raises ``RuleError``.
    """
    rules = []
    for line in lines:
        text = line.partition("#")[0].strip()
        if text:
            rules.append(parse_rule(text))
        if len(rules) > MAX_RULES:
            raise RuleError(text, 0, len(text), f"more than {MAX_RULES} rules")
    return rules


def parse_rule(text: str) -> Rule:
    """Return a rule. Raises ``RuleError``, which shows where it is wrong."""
    words = Words(text)
    first = words.take("what to do (drop, delay, cut, …)")
    action = _action(words, first)
    words.took("of", "at", "on")
    quantity = _quantity(words)
    words.took("of")
    way = _way(words)
    thing = words.take("packets, messages, calls, replies or callbacks")
    meant = _THINGS.get(thing.text.lower())
    if meant is None:
        raise words.error(f"there are no {thing.text}: {_listed(_THINGS)}", thing)
    packets = meant == PACKETS
    if (PACKETS if packets else MESSAGES) not in ACTIONS[action.name]:
        of = " and ".join(ACTIONS[action.name])
        raise words.error(f"{action.name} is for {of}, not for {thing.text}", first)
    if action.name in ("swap", "refuse", "grant") and meant != "reply" and action.name != "swap":
        raise words.error(f"{action.name} is for replies", thing)
    conditions = tuple(_conditions(words, _PACKET_FIELDS if packets else _MESSAGE_FIELDS))
    return Rule(text, action, quantity, None if packets else meant, way, conditions)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _action(words: Words, word: Word) -> Action:
    name = word.text.lower()
    if name == "shrink":
        if not words.took("grant"):
            raise words.error("what shrinks is the grant: shrink grant to 1")
        name = "grant"
    if name not in ACTIONS:
        raise words.error(f"no action is called {word.text}: {_listed(ACTIONS)}", word)
    if name == "delay":
        words.took("by")
        return Action(name, _seconds(words))
    if name == "cut":
        where = words.take("where") if words.peek() in _CUTS else None
        return Action(name, word=where.text.lower() if where is not None else "before")
    if name == "corrupt":
        if not words.took("word"):
            raise words.error("which word? corrupt word 2")
        number = _number(words, "the number of a word", 0, 100_000)
        value = None
        if words.took("with"):
            value = _number(words, "what is written", 0, (1 << 32) - 1)
        return Action(name, number, value=value)
    if name in ("truncate", "grant"):
        words.took("to")
        return Action(name, _number(words, "how many", 0, (1 << 32) - 1))
    if name == "swap":
        words.took("chunks")
    if name == "refuse":
        which = words.take("chunk or version") if words.peek() in _REFUSALS else None
        return Action(name, word=which.text.lower() if which is not None else "chunk")
    return Action(name)


def _quantity(words: Words) -> Quantity:
    word = words.peek()
    if percent := _PERCENT.fullmatch(word):
        taken = words.take("how many")
        share = float(percent[1]) / 100
        if share > 1:
            raise words.error("more than all of them", taken)
        return Quantity("share", share)
    if words.took("all", "any"):
        return Quantity()
    if words.took("every", "each"):
        if _ORDINAL.fullmatch(words.peek()):
            return Quantity("every", _ordinal(words))
        return Quantity()
    if words.took("first"):
        if words.peek().isdecimal():
            return Quantity("first", _number(words, "how many", 1, 10**9))
        return Quantity("nth", 1)
    if _ORDINAL.fullmatch(word):
        return Quantity("nth", _ordinal(words))
    if word in _THINGS or word in _WAYS:
        return Quantity()
    raise words.error("how many? 1% of, every, every 5th, 3rd, first 10, all")


def _ordinal(words: Words) -> int:
    word = words.take("a number")
    found = _ORDINAL.fullmatch(word.text.lower())
    assert found is not None
    if not 0 < int(found[1]) <= 10**9:
        raise words.error("they count from 1", word)
    return int(found[1])


def _number(words: Words, wanted: str, least: int, most: int) -> int:
    word = words.take(wanted)
    try:
        number = int(word.text, 0)
    except ValueError:
        raise words.error(f"{wanted} is a number, not {word.text}", word) from None
    if not least <= number <= most:
        raise words.error(f"{wanted} is from {least} to {most}", word)
    return number


def _seconds(words: Words) -> float:
    word = words.take("how long (200ms)")
    found = _TIME.fullmatch(word.text.lower())
    if found is None:
        raise words.error("a time is 200ms, 1.5s or 50us", word)
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > MAX_DELAY_S:
        raise words.error(f"at most {MAX_DELAY_S:g} s", word)
    return seconds


def _way(words: Words) -> bool | None:
    word = words.peek()
    if "->" not in word:
        return None
    taken = words.take("the way")
    if word not in _WAYS:
        raise words.error(f"there is no such way: {_listed(_WAYS)}", taken)
    return _WAYS[word]


def _conditions(words: Words, fields: dict[str, str]) -> Iterator[Condition]:
    if words.ended:
        return
    if not words.took("where", "when", "if"):
        raise words.error("'where' was expected here, or the end")
    while True:
        name = words.take("a field")
        kind = fields.get(name.text.lower())
        if kind is None:
            raise words.error(f"there is no field {name.text}: {_listed(fields)}", name)
        comparison = words.take("a comparison (==)")
        if comparison.text not in _COMPARISONS:
            raise words.error(f"no comparison: {_listed(_COMPARISONS)}", comparison)
        value: int | str
        if kind == "number":
            value = _number(words, f"the value of {name.text}", 0, (1 << 64) - 1)
        else:
            if comparison.text not in ("==", "=", "!="):
                raise words.error("words are equal (==) or not (!=)", comparison)
            value = words.take("a value").text
        yield Condition(name.text.lower(), comparison.text, value)
        if words.ended:
            return
        if not words.took("and"):
            raise words.error("'and' was expected here, or the end")
