"""The functions of display filters: what they take, what they give, and how."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, NamedTuple

from ..fields.kinds import COUNTED, OWN, FieldKind, FieldType, written
from ..fields.labels import labels, named
from .tree import Call, Field, Operand

_NUMBER, _TEXT = OWN[FieldKind.NUMBER], OWN[FieldKind.TEXT]
Values = list[Any]


class Function(NamedTuple):
    """A function. ``fault`` returns why it does not take an operand, empty if it does."""

    fault: Callable[[Operand], str]
    several: bool = False
    """Whether it takes more than one operand."""
    type: FieldType | None = None
    """Of its results; ``None`` is the type of what it takes."""


def _measured(operand: Operand) -> str:
    protocol = operand.type.kind == FieldKind.PROTOCOL
    return "how long a protocol's part of a frame is, is not known here" if protocol else ""


def _field(operand: Operand) -> str:
    return "" if isinstance(operand, Field) else "a field is wanted"


def _counted(operand: Operand) -> str:
    return "" if operand.type.kind in COUNTED else "a number is wanted"


def _text(operand: Operand) -> str:
    return "" if operand.type.kind == FieldKind.TEXT else "a text is wanted: try string()"


def _no_text(operand: Operand) -> str:
    kind = operand.type.kind
    if kind == FieldKind.PROTOCOL:
        return "a protocol has no text"
    return _field(operand) or ("it is a text already" if kind == FieldKind.TEXT else "")


def _labelled(operand: Operand) -> str:
    there = isinstance(operand, Field) and operand.name in labels()
    return "" if there else "its values have no names"


FUNCTIONS: dict[str, Function] = {
    "len": Function(_measured, type=_NUMBER),
    "count": Function(_field, type=_NUMBER),
    "string": Function(_no_text, type=_TEXT),
    "vals": Function(_labelled, type=_TEXT),
    "upper": Function(_text),
    "lower": Function(_text),
    "abs": Function(_counted),
    "max": Function(_counted, several=True),
    "min": Function(_counted, several=True),
}


def call(node: Call, values: list[Values]) -> Values:
    """Return what a function gives for the values of its operands."""
    name, first = node.function, values[0]
    if name in ("max", "min"):
        every = [value for one in values for value in one]
        choose = max if name == "max" else min
        return [choose(every)] if every else []
    if name == "count":
        return [len(first)] if first else []
    if name == "len":
        width = node.arguments[0].type.width
        return [_length(value, width) for value in first]
    if name == "abs":
        return [abs(value) for value in first]
    if name == "upper":
        return [value.upper() for value in first]
    if name == "lower":
        return [value.lower() for value in first]
    operand = node.arguments[0]
    if name == "vals" and isinstance(operand, Field):
        names = named(operand.name)
        return [names[value] for value in first if value in names]
    return [_shown(value, operand.type) for value in first]


def _length(value: Any, width: int) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogateescape"))
    return len(value) if isinstance(value, bytes) else width


def _shown(value: Any, type_: FieldType) -> str:
    """Return a value as text: an address as people write it."""
    if type_.kind in (FieldKind.IPV4, FieldKind.IPV6):
        return str(ipaddress.ip_address(value))
    return written(value, type_)
