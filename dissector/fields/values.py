"""Decoded XDR values for people and programs: walked by their slots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from nfsrdma.xdr import XdrError, chain
from nfsrdma.xdr.nfs4 import attrs
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.runtime import LinkedStruct, Struct, Union

from ..base.text import printable, text
from ..messages.decoder import Placed
from ..messages.nested import OPENED

MAX_SHOWN = 64
"""Octets of opaque data that are shown."""
MAX_DEPTH = 32
MAX_ITEMS = 100_000

TEXT_FIELDS = frozenset(
    ("tag", "name", "objname", "newname", "oldname", "target", "owner", "who", "file", "linkdata",
     "link", "gxa_name", "sxa_key", "rxa_name", "machinename", "na_r_netid", "na_r_addr", "r_netid",
     "r_addr", "so_major_id", "nii_domain", "nii_name", "symlink_data", "path", "ml_hostname",
     "ml_directory", "gr_name", "ex_dir", "caller_name", "mon_name", "my_name", "gqa_pathp",
     "sqa_pathp", "r_netid", "r_addr", "r_owner", "uaddr", "addr", "netid", "r_maddr", "r_nc_netid",
     "r_nc_protofmly", "r_nc_proto", "ne_file", "ffds_user", "ffds_group")
)  # fmt: skip
"""Opaque members that are meant to be read."""

_SIMPLE = (bool, int, str)
_OCTETS = (bytes, bytearray, memoryview)
_LISTS = (list, tuple)
_NESTED = (dict, list)

BITMAPS = frozenset(("attr_request", "attrmask", "attrset", "rdattr_request"))


def attributes(value: t.fattr4) -> dict[str, Any] | None:
    """Return the attributes of a ``fattr4`` by name; ``None`` if they cannot be decoded."""
    try:
        decoded = attrs.decode_fattr4(value)
    except XdrError:
        return None
    return {attrs.ATTRIBUTES[number].name: item for number, item in decoded.items()}


def bitmap(words: list[int]) -> list[str]:
    """Return the attributes in a ``bitmap4``, by name; unknown ones by number."""
    return list(_bitmap(tuple(words)) if len(words) <= _FEW else _names_in(words))


_FEW = 4
"""Words of a bitmap that are remembered, as most compounds ask for the same attributes."""


@lru_cache(1024)
def _bitmap(words: tuple[int, ...]) -> list[str]:
    return _names_in(words)


def _names_in(words: Sequence[int]) -> list[str]:
    mask = attrs.mask_from_bitmap(list(words))
    known = attrs.ATTRIBUTES
    return [known[n].name if n in known else str(n) for n in attrs.numbers_in(mask)]


def members(value: Any) -> list[tuple[str, Any]]:
    """Return the members of a structure, or a union's discriminant and what it selects."""
    if isinstance(value, Union):
        name = value.__slots__[0]
        arm = getattr(value, "value")  # noqa: B009 (a slot of the subclasses)
        pair = (name, getattr(value, name))
        return [pair] if arm is None else [pair, ("value", arm)]
    return [(name, getattr(value, name)) for name in value.__slots__]


def plain(value: Any, name: str = "", depth: int = 0) -> Any:
    """Return a value as JSON can hold it: octets as hexadecimal digits, or as text where they are.

    ``name`` is the member that it is the value of.
    """
    kind = type(value)
    how = _HOW.get(kind)
    if how is None:
        how = _HOW[kind] = _opened(kind)
    return how(value, name, depth)


How = Callable[[Any, str, int], Any]
_HOW: dict[type, How] = {}
"""How values of a type are shown, once there was one: as many as the specifications have."""


def _opened(kind: type) -> How:
    """Return how values of a type are shown, with what is in their opaque members."""
    how, opened = _how(kind), OPENED.get(kind)
    if opened is None:
        return how
    return lambda value, name, depth: how(opened(value), name, depth)


def _how(kind: type) -> How:
    """Return how values of a type are shown."""
    if kind is type(None) or issubclass(kind, _SIMPLE):
        return _itself
    if issubclass(kind, _OCTETS):
        return _octets
    if issubclass(kind, Placed):
        return _placed
    if issubclass(kind, t.fattr4):
        return _attributes(_structure(kind))
    if issubclass(kind, LinkedStruct):
        return _linked
    if issubclass(kind, Union):
        return _union
    if issubclass(kind, Struct):
        return _structure(kind)
    return _listed if issubclass(kind, _LISTS) else _unknown


def _itself(value: Any, name: str, depth: int) -> Any:
    return value


def _octets(value: Any, name: str, depth: int) -> Any:
    if name in TEXT_FIELDS:
        return text(bytes(value))
    shown = bytes(value[:MAX_SHOWN]).hex()
    return shown if len(value) <= MAX_SHOWN else {"length": len(value), "start": shown}


def _placed(value: Any, name: str, depth: int) -> Any:
    return {"length": value.size, "captured": min(value.size, value.content.present)}


def _attributes(structure: How) -> How:
    def shown(value: Any, name: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            return "..."
        decoded = attributes(value)
        if decoded is None:
            return structure(value, name, depth)
        return _plain_members(decoded.items(), depth)

    return shown


def _linked(value: Any, name: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return "..."
    following = value.__slots__[-1]
    return [
        _plain_members((one for one in members(node) if one[0] != following), depth)
        for node in chain(value)
    ]


def _union(value: Any, name: str, depth: int) -> Any:
    return "..." if depth > MAX_DEPTH else _plain_members(members(value), depth)


def _structure(kind: type) -> How:
    """Return how a structure is shown: its members are taken out of it in one step."""
    slots: tuple[str, ...] = tuple(kind.__slots__)  # type: ignore[attr-defined]
    if len(slots) < 2:
        return _union  # the same, one by one
    taken = attrgetter(*slots)

    def shown(value: Any, name: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            return "..."
        return _plain_members(zip(slots, taken(value), strict=True), depth)

    return shown


def _listed(value: Any, name: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return "..."
    if name in BITMAPS and all(isinstance(item, int) for item in value):
        return bitmap(list(value))
    return [plain(item, name, depth + 1) for item in value[:MAX_ITEMS]]


def _unknown(value: Any, name: str, depth: int) -> Any:
    return "..." if depth > MAX_DEPTH else repr(value)


def _plain_members(pairs: Iterable[tuple[str, Any]], depth: int) -> dict[str, Any]:
    depth += 1
    return {
        key: item if type(item) is int else plain(item, key, depth)  # most of them are numbers
        for key, item in pairs
    }


def lines(value: Any, name: str, indent: str) -> list[str]:
    """Return a plain value as an indented tree."""
    out: list[str] = []
    _add_lines(out, value, name, indent)
    return out


def _add_lines(out: list[str], value: Any, name: str, indent: str) -> None:
    if isinstance(value, dict):
        out.append(f"{indent}{name}:" if name else indent.rstrip())
        deeper = indent + "  "
        for key, item in value.items():
            if type(item) is int:
                out.append(f"{deeper}{key}: {item}")
            else:
                _add_lines(out, item, key, deeper)
    elif not isinstance(value, list):
        out.append(f"{indent}{name}: {printable(str(value))}")
    elif any(isinstance(item, _NESTED) for item in value):
        out.append(f"{indent}{name}: {len(value)}")
        for index, item in enumerate(value):
            _add_lines(out, item, f"[{index}]", indent + "  ")
    else:
        out.append(f"{indent}{name}: {', '.join(printable(str(item)) for item in value)}")
