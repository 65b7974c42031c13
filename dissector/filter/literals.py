"""Values in a display filter: from their text to what a field of a type can be compared with."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from typing import Any

from ..fields.kinds import IN_OCTETS, FieldKind, FieldType
from ..fields.labels import labels
from .lexer import Token, near, unquoted
from .tree import Constant

_INTEGER = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)")
_FLOAT = re.compile(r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_YES, _NO = frozenset(("true", "1", "set", "yes")), frozenset(("false", "0", "not set", "no"))
_DAYS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%b %d, %Y %H:%M:%S", "%Y-%m-%d %H:%M",
         "%Y-%m-%d", "%b %d, %Y")  # fmt: skip


class ValueProblem(ValueError):
    """A text that is no value of a type; ``near`` says which ones are like it."""

    def __init__(self, reason: str, similar: str = "") -> None:
        super().__init__(reason)
        self.near = similar


def constant(token: Token, type_: FieldType, field: str = "", minus: bool = False) -> Constant:
    """Return a value for a type; ``field`` is the one whose names are meant.

    Raises ``ValueProblem``.
    """
    kind = type_.kind
    text = unquoted(token)
    if minus and kind not in (FieldKind.NUMBER, FieldKind.SECONDS):
        raise ValueProblem(f"{text!r} cannot be negative here")
    if kind in IN_OCTETS or kind == FieldKind.PROTOCOL:
        return _in_octets(token, text, type_)
    value: Any = text
    if kind == FieldKind.NUMBER:
        value = _number(token, text, field)
        if not isinstance(value, int) or value >= 1 << 64:
            raise ValueProblem(f"{text!r} is too large for a number")
    elif kind == FieldKind.SECONDS:
        value = _seconds(text)
    elif kind == FieldKind.BOOLEAN:
        value = _boolean(text)
    elif kind == FieldKind.TIME:
        value = moment(text)
    return Constant(-value if minus else value, type_)


def _number(token: Token, text: str, field: str) -> int:
    names = labels().get(field, {})
    if token.kind == "char":
        return ord(text)
    if token.kind == "word" and _INTEGER.fullmatch(text):
        return integer(text)
    lowered = text.lower()
    for name, number in names.items():
        if name.lower() == lowered:
            return number
    if _INTEGER.fullmatch(text):
        return integer(text)
    raise ValueProblem(f"{text!r} is no number, nor the name of one", near(text, names))


def integer(text: str) -> int:
    """Return a number in decimal, or as C has it: ``0x1f``, ``0b101``, ``017``."""
    lowered = text.lower().lstrip("-")
    sign = -1 if text.startswith("-") else 1
    if lowered[:2] in ("0x", "0b"):
        return sign * int(lowered, 0)
    try:
        return sign * int(lowered, 8 if len(lowered) > 1 and lowered[0] == "0" else 10)
    except ValueError:
        raise ValueProblem(f"{text!r} is no number: what begins with 0 is octal") from None


def _seconds(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise ValueProblem(f"{text!r} is no number of seconds")
    return float(text)


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in _YES or lowered in _NO:
        return lowered in _YES
    if _INTEGER.fullmatch(text):
        return bool(integer(text))
    raise ValueProblem(f"{text!r} is neither True nor False")


def moment(text: str) -> int:
    """Return a date and time of UTC in nanoseconds since 1970. Raises ``ValueProblem``."""
    words, _, fraction = text.strip().removesuffix(" UTC").removesuffix("Z").partition(".")
    if not fraction or (fraction.isascii() and fraction.isdigit()):
        for form in _DAYS:
            try:
                day = datetime.strptime(words, form).replace(tzinfo=UTC)
            except ValueError:
                continue
            return int(day.timestamp()) * 1_000_000_000 + int(f"{fraction:0<9}"[:9])
    raise ValueProblem(f'{text!r} is no time: it is written "2026-11-30 13:00:00.5", of UTC')


def _in_octets(token: Token, text: str, type_: FieldType) -> Constant:
    kind = type_.kind
    if kind in (FieldKind.IPV4, FieldKind.IPV6):
        version = 4 if kind == FieldKind.IPV4 else 6
        return _address(text, version, type_)
    if token.kind in ("string", "raw") and kind != FieldKind.ETHER:
        return Constant(text.encode(), type_)
    digits = text.lower().removeprefix("0x")
    parts = re.split(r"[:.-]", digits.removeprefix(":"))
    digits = "".join(part.rjust(2, "0") if len(parts) > 1 else part for part in parts)
    if len(digits) == 1:
        digits = f"0{digits}"
    if not digits or len(digits) % 2 or set(digits) - set("0123456789abcdef"):
        raise ValueProblem(f"{text!r} is no octets: pairs of hexadecimal digits are wanted")
    octets = bytes.fromhex(digits)
    if kind == FieldKind.ETHER and len(octets) != 6:
        raise ValueProblem(f"{text!r} is no address of Ethernet: it has six octets")
    return Constant(octets, type_)


def _address(text: str, version: int, type_: FieldType) -> Constant:
    try:
        if "/" in text:
            network = ipaddress.ip_network(text, strict=False)
            octets, bits, found = (
                network.network_address.packed, network.prefixlen, network.version,
            )  # fmt: skip
        else:
            address = ipaddress.ip_address(text)
            octets, bits, found = address.packed, None, address.version
    except ValueError:
        raise ValueProblem(f"{text!r} is no address") from None
    if found != version:
        other = "ipv6" if version == 4 else "ip"
        raise ValueProblem(
            f"{text!r} is no address of IPv{version} (the field begins with {other}.)"
        )
    return Constant(octets, type_, bits)
