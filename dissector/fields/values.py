"""Decoded XDR values for people and programs: walked by their slots, whatever they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nfsrdma.xdr import XdrError, chain
from nfsrdma.xdr.nfs4 import attrs
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.runtime import LinkedStruct, Struct, Union

from ..messages.decoder import Placed
from .summary import printable, text

MAX_SHOWN = 64
"""Octets of opaque data that are shown."""
MAX_DEPTH = 32
MAX_ITEMS = 100_000

_TEXT_FIELDS = frozenset(
    ("tag", "name", "objname", "newname", "oldname", "target", "owner", "who", "file", "linkdata",
     "link", "gxa_name", "sxa_key", "rxa_name", "machinename", "na_r_netid", "na_r_addr", "r_netid",
     "r_addr", "so_major_id", "nii_domain", "nii_name", "symlink_data", "path", "ml_hostname",
     "ml_directory", "gr_name", "ex_dir")
)  # fmt: skip
"""Opaque members that are meant to be read."""

_BITMAPS = frozenset(("attr_request", "attrmask", "attrset", "rdattr_request"))


def attributes(value: t.fattr4) -> dict[str, Any] | None:
    """The attributes of a ``fattr4`` by name, or ``None`` if they cannot be decoded."""
    try:
        decoded = attrs.decode_fattr4(value)
    except XdrError:
        return None
    return {attrs.ATTRIBUTES[number].name: item for number, item in decoded.items()}


def bitmap(words: list[int]) -> list[str]:
    """The attributes in a ``bitmap4``, by name; unknown ones by number."""
    mask = attrs.mask_from_bitmap(words)
    known = attrs.ATTRIBUTES
    return [known[n].name if n in known else str(n) for n in attrs.numbers_in(mask)]


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """The members of a structure, or a union's discriminant and what it selects."""
    if isinstance(value, Union):
        yield value.__slots__[0], getattr(value, value.__slots__[0])
        arm = getattr(value, "value")  # noqa: B009 (a slot of the subclasses)
        if arm is not None:
            yield "value", arm
        return
    for name in value.__slots__:
        yield name, getattr(value, name)


def plain(value: Any, name: str = "", depth: int = 0) -> Any:
    """A value as JSON can hold it: octets as hexadecimal digits, or as text where they are."""
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, Placed):
        return {"length": value.size, "captured": min(value.size, value.content.present)}
    if isinstance(value, bytes | bytearray | memoryview):
        if name in _TEXT_FIELDS:
            return text(bytes(value))
        shown = bytes(value[:MAX_SHOWN]).hex()
        return shown if len(value) <= MAX_SHOWN else {"length": len(value), "start": shown}
    if depth > MAX_DEPTH:
        return "..."
    if isinstance(value, t.fattr4):
        decoded = attributes(value)
        if decoded is not None:
            return {key: plain(item, key, depth + 1) for key, item in decoded.items()}
    if isinstance(value, LinkedStruct):
        following = value.__slots__[-1]
        return [
            {key: plain(item, key, depth + 1) for key, item in members(node) if key != following}
            for node in chain(value)
        ]
    if isinstance(value, Struct | Union):
        return {key: plain(item, key, depth + 1) for key, item in members(value)}
    if isinstance(value, list | tuple):
        if name in _BITMAPS and all(isinstance(item, int) for item in value):
            return bitmap(list(value))
        return [plain(item, name, depth + 1) for item in value[:MAX_ITEMS]]
    return repr(value)


def lines(value: Any, name: str, indent: str) -> Iterator[str]:
    """A plain value as an indented tree."""
    if isinstance(value, dict):
        yield f"{indent}{name}:" if name else indent.rstrip()
        for key, item in value.items():
            yield from lines(item, key, indent + "  ")
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        yield f"{indent}{name}: {len(value)}"
        for index, item in enumerate(value):
            yield from lines(item, f"[{index}]", indent + "  ")
    elif isinstance(value, list):
        yield f"{indent}{name}: {', '.join(printable(str(item)) for item in value)}"
    else:
        yield f"{indent}{name}: {printable(str(value))}"
