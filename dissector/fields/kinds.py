"""What kind of value a field has, and how a value is written: as Wireshark has it."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from enum import Enum
from functools import cache, lru_cache
from typing import Any, NamedTuple

from .wireshark_table import TABLE


class FieldKind(Enum):
    """What a field may be compared with."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    SECONDS = "seconds"
    TIME = "time"
    """Nanoseconds since 1970; written as a date."""
    TEXT = "text"
    OCTETS = "octets"
    IPV4 = "address"
    IPV6 = "ipv6-address"
    ETHER = "ethernet-address"
    PROTOCOL = "protocol"


COUNTED = frozenset((FieldKind.NUMBER, FieldKind.BOOLEAN, FieldKind.SECONDS))
"""Kinds whose values are numbers."""
IN_OCTETS = frozenset((FieldKind.OCTETS, FieldKind.IPV4, FieldKind.IPV6, FieldKind.ETHER))
"""Kinds whose values are compared octet by octet."""
_KINDS = {
    "FT_BOOLEAN": FieldKind.BOOLEAN,
    "FT_RELATIVE_TIME": FieldKind.SECONDS,
    "FT_DOUBLE": FieldKind.SECONDS,
    "FT_ABSOLUTE_TIME": FieldKind.TIME,
    "FT_STRING": FieldKind.TEXT,
    "FT_BYTES": FieldKind.OCTETS,
    "FT_GUID": FieldKind.OCTETS,
    "FT_IPv4": FieldKind.IPV4,
    "FT_IPv6": FieldKind.IPV6,
    "FT_ETHER": FieldKind.ETHER,
    "FT_NONE": FieldKind.PROTOCOL,
}
_WIDTHS = {"8": 1, "16": 2, "24": 3, "32": 4, "56": 7, "64": 8}


class FieldType(NamedTuple):
    """The type of a field."""

    kind: FieldKind
    wireshark: str
    """Wireshark's name of the type, such as ``FT_UINT32``."""
    hexadecimal: bool = False
    width: int = 4
    """Octets of a number."""


def _type(words: str) -> FieldType:
    name, _, base = words.partition(" ")
    kind = _KINDS.get(name, FieldKind.NUMBER)
    width = _WIDTHS.get(name.removeprefix("FT_UINT").removeprefix("FT_INT"), 4)
    return FieldType(kind, name, base == "hex", width)


OWN = {
    FieldKind.NUMBER: FieldType(FieldKind.NUMBER, "FT_UINT64", width=8),
    FieldKind.SECONDS: FieldType(FieldKind.SECONDS, "FT_RELATIVE_TIME"),
    FieldKind.TEXT: FieldType(FieldKind.TEXT, "FT_STRING"),
    FieldKind.OCTETS: FieldType(FieldKind.OCTETS, "FT_BYTES"),
    FieldKind.PROTOCOL: FieldType(FieldKind.PROTOCOL, "FT_PROTOCOL"),
}
"""The types of fields that Wireshark does not have, by kind."""


@cache
def wireshark_fields() -> dict[str, FieldType]:
    """Return the fields that Wireshark has for our protocols, whether we decode them or not."""
    return {name: _type(kind) for kind, names in TABLE.items() for name in names.split()}


def in_octets(value: Any, width: int = 4) -> bytes | None:
    """Return a value of a field of octets or of an address as octets; ``None`` if it is none."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):  # what was too long to be shown
        value = value.get("start")
    if isinstance(value, str):
        return _parsed(value)
    if isinstance(value, int) and 0 <= value < 1 << 8 * width:
        return value.to_bytes(width, "big")
    return None


@lru_cache(4096)
def _parsed(text: str) -> bytes | None:
    try:
        return ipaddress.ip_address(text).packed if "." in text or "::" in text else _hex(text)
    except ValueError:
        try:
            return ipaddress.ip_address(text).packed
        except ValueError:
            return None


def _hex(text: str) -> bytes:
    if ":" in text and any(len(part) != 2 for part in text.split(":")):
        raise ValueError(text)
    return bytes.fromhex(text.replace(":", ""))


def written(value: Any, kind: FieldType) -> str:
    """Return a value as Wireshark writes it in JSON and in ``-T fields``."""
    what = kind.kind
    if what == FieldKind.BOOLEAN:
        return "1" if value else "0"
    if what == FieldKind.PROTOCOL:
        return ""
    if what == FieldKind.TIME and isinstance(value, int):
        moment = datetime.fromtimestamp(value // 1_000_000_000, UTC)
        day = f"{moment:%b} {moment.day:2}, {moment:%Y %H:%M:%S}"
        return f"{day}.{value % 1_000_000_000:09} UTC"
    if what == FieldKind.SECONDS and isinstance(value, int | float):
        return f"{value:.9f}"
    if what in (FieldKind.OCTETS, FieldKind.ETHER):
        octets = in_octets(value, kind.width)
        return octets.hex(":") if octets is not None else str(value)
    if what == FieldKind.NUMBER and kind.hexadecimal and isinstance(value, int):
        return f"0x{value:0{2 * kind.width}x}"
    if isinstance(value, bool):
        return str(int(value))
    return str(value)
