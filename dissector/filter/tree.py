"""What a display filter means, as a tree: whatever evaluates it needs to know nothing of the text.

Operands give the values of a message, none, one or several; tests are true or not. Types were
checked when the tree was made, and constants are values: numbers, texts, octets (addresses too),
of a network with the number of bits that count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..fields.kinds import OWN, FieldKind, FieldType

Ranges = tuple[tuple[int, int | None], ...]
"""Offset and length of parts; negative offsets count from the end, ``None`` is all of the rest."""


@dataclass(frozen=True, slots=True)
class Field:
    """The values of a field."""

    name: str
    type: FieldType
    layers: Ranges | None = None
    """Of which layers of the same protocol, from 1; ``None`` is all of them."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value. ``bits`` of it count if it is a network."""

    value: Any
    type: FieldType
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Parts of the octets of an operand, joined."""

    of: Operand
    ranges: Ranges
    type: FieldType = OWN[FieldKind.OCTETS]


@dataclass(frozen=True, slots=True)
class Call:
    """A function of operands: ``len``, ``count``, ``string``, ``upper``, ``lower``, ``vals``..."""

    function: str
    arguments: tuple[Operand, ...]
    type: FieldType


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``+``, ``-``, ``*``, ``/``, ``%`` or ``&`` of two numbers, of ``&`` also octets."""

    operator: str
    left: Operand
    right: Operand
    type: FieldType


Operand = Field | Constant | Slice | Call | Arithmetic


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether there is a value; of ``&`` one that is not zero."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Compare:
    """Whether any value, or all of them, compare so. Nothing compares with no value."""

    operator: str
    """``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=`` or ``contains``."""
    every: bool
    """Whether all pairs of values must compare so, or one."""
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Member:
    """Whether a value is one of a set, or between two of it (both included)."""

    operand: Operand
    items: tuple[tuple[Operand, Operand | None], ...]
    every: bool = False


@dataclass(frozen=True, slots=True)
class Matches:
    """Whether a regular expression fits a part of a value."""

    operand: Operand
    pattern: str
    every: bool = False


@dataclass(frozen=True, slots=True)
class Logic:
    """``not`` of one test; ``and``, ``or`` or ``xor`` of several."""

    operator: str
    tests: tuple[Test, ...]


Test = Exists | Compare | Member | Matches | Logic


def portable(node: Any) -> Any:
    """Return a tree as JSON can hold it, for what evaluates filters elsewhere.

    Each node is an object with ``node`` (the class's name in lower case) and its members; a type is
    the name of its kind, octets are hexadecimal digits.
    """
    if isinstance(node, tuple) and not isinstance(node, FieldType):
        return [portable(item) for item in node]
    if isinstance(node, FieldType):
        return node.kind.value
    if isinstance(node, bytes):
        return node.hex()
    if not hasattr(node, "__dataclass_fields__"):
        return node
    members = {name: portable(getattr(node, name)) for name in node.__dataclass_fields__}
    return {"node": type(node).__name__.lower(), **members}
