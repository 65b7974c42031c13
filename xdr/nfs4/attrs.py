"""File attributes: natural Python values on one side, ``fattr4`` on the other.

A ``fattr4`` is a bitmap and the values of the attributes in it, by increasing number (RFC 8881,
Section 3.3.7). Values here are what the emitted types decode to: integers, ``bool``, ``bytes``,
:class:`~.types.nfstime4`, lists of :class:`~.types.nfsace4` and so on, by attribute number.

GETATTR and READDIR do little else, so a bitmap is turned into a *plan* once: neighbouring numbers
of fixed size go into one ``struct.Struct``, everything else keeps its own encoder.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Any, Final

from ..codec import Decoder, Encoder, XdrError
from . import types as t

Encode = Callable[[Encoder, Any], None]
Decode = Callable[[Decoder], Any]

PLANS: Final = 512
"""How many bitmaps' plans are kept: the peer chooses bitmaps, so there must be a bound."""
_KEPT_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class AttributeSpec:
    """One attribute of RFC 7530, RFC 8881, RFC 7862, RFC 8275, RFC 8276 or RFC 9754."""

    number: int
    name: str
    """Without the prefix: ``"time_modify_set"``."""
    encode: Encode
    decode: Decode
    settable: bool
    """SETATTR, or the creation of a file, may set it."""
    readable: bool
    """GETATTR may ask for it; if not, that is ``NFS4ERR_INVAL`` (RFC 8881, Section 5.5)."""
    minor: int
    """The first minor version that has it."""
    code: str = ""
    """Its ``struct`` letters if it is of fixed size; ``?`` for a boolean."""
    type: type[Any] | None = None
    """The class of its values if it is a structure or a union."""


@lru_cache(maxsize=PLANS)
def mask_of(*numbers: int) -> int:
    """Return a set of attributes: an integer in which their bits are set."""
    mask = 0
    for number in numbers:
        mask |= 1 << number
    return mask


def mask_from_bitmap(words: Sequence[int]) -> int:
    """Return a ``bitmap4`` as an integer, whose bit *n* is attribute *n*."""
    return int.from_bytes(struct.pack(f"<{len(words)}I", *words), "little")


def bitmap_from_mask(mask: int) -> list[int]:
    """Return the shortest ``bitmap4`` of an integer."""
    words = (mask.bit_length() + 31) // 32
    return list(struct.unpack(f"<{words}I", mask.to_bytes(4 * words, "little")))


def numbers_in(mask: int) -> tuple[int, ...]:
    """Return the attributes in a set, in increasing order."""
    # A peer chooses how long its bitmap is, too: what has no attributes is not kept.
    return _numbers_in(mask) if mask.bit_length() <= _KEPT_BITS else _numbers_in.__wrapped__(mask)


@lru_cache(maxsize=PLANS)
def _numbers_in(mask: int) -> tuple[int, ...]:
    return tuple(number for number, bit in enumerate(reversed(f"{mask:b}")) if bit == "1")


# --- The attributes ---


_NUMBERS: Mapping[str, tuple[Encode, Decode]] = {
    "i": (Encoder.int32, Decoder.int32),
    "I": (Encoder.uint32, Decoder.uint32),
    "Q": (Encoder.uint64, Decoder.uint64),
    "?": (Encoder.boolean, Decoder.boolean),
}


def _composite(enc: Encoder, value: Any) -> None:
    value.encode(enc)


def _encode_opaque(enc: Encoder, value: bytes) -> None:
    enc.opaque(value)


def _decode_opaque(dec: Decoder) -> bytes:
    return dec.opaque()


_BITMAP = (t.encode_bitmap4, t.decode_bitmap4)
_HANDLE = (t.encode_nfs_fh4, t.decode_nfs_fh4)
_OPAQUE = (_encode_opaque, _decode_opaque)
_ACL = (t.encode_fattr4_acl, t.decode_fattr4_acl)
_LAYOUTS = (t.encode_fattr4_layout_types, t.decode_fattr4_layout_types)

_FLAT: Mapping[type[Any], str] = {
    t.change_policy4: "QQ",
    t.fsid4: "QQ",
    t.mode_masked4: "II",
    t.mode_umask4: "II",
    t.nfstime4: "qI",
    t.specdata4: "II",
}
"""The structures whose members are numbers: they are packed along with their neighbours."""

# Name, type, and where it may be used: r(ead), w(rite). The order is that of the numbers.
_TABLE: Sequence[tuple[str, Any, str]] = (
    ("supported_attrs", _BITMAP, "r"),
    ("type", "i", "r"),
    ("fh_expire_type", "I", "r"),
    ("change", "Q", "r"),
    ("size", "Q", "rw"),
    ("link_support", "?", "r"),
    ("symlink_support", "?", "r"),
    ("named_attr", "?", "r"),
    ("fsid", t.fsid4, "r"),
    ("unique_handles", "?", "r"),
    ("lease_time", "I", "r"),
    ("rdattr_error", "i", "r"),
    ("acl", _ACL, "rw"),
    ("aclsupport", "I", "r"),
    ("archive", "?", "rw"),
    ("cansettime", "?", "r"),
    ("case_insensitive", "?", "r"),
    ("case_preserving", "?", "r"),
    ("chown_restricted", "?", "r"),
    ("filehandle", _HANDLE, "r"),
    ("fileid", "Q", "r"),
    ("files_avail", "Q", "r"),
    ("files_free", "Q", "r"),
    ("files_total", "Q", "r"),
    ("fs_locations", t.fs_locations4, "r"),
    ("hidden", "?", "rw"),
    ("homogeneous", "?", "r"),
    ("maxfilesize", "Q", "r"),
    ("maxlink", "I", "r"),
    ("maxname", "I", "r"),
    ("maxread", "Q", "r"),
    ("maxwrite", "Q", "r"),
    ("mimetype", _OPAQUE, "rw"),
    ("mode", "I", "rw"),
    ("no_trunc", "?", "r"),
    ("numlinks", "I", "r"),
    ("owner", _OPAQUE, "rw"),
    ("owner_group", _OPAQUE, "rw"),
    ("quota_avail_hard", "Q", "r"),
    ("quota_avail_soft", "Q", "r"),
    ("quota_used", "Q", "r"),
    ("rawdev", t.specdata4, "r"),
    ("space_avail", "Q", "r"),
    ("space_free", "Q", "r"),
    ("space_total", "Q", "r"),
    ("space_used", "Q", "r"),
    ("system", "?", "rw"),
    ("time_access", t.nfstime4, "r"),
    ("time_access_set", t.settime4, "w"),
    ("time_backup", t.nfstime4, "rw"),
    ("time_create", t.nfstime4, "rw"),
    ("time_delta", t.nfstime4, "r"),
    ("time_metadata", t.nfstime4, "r"),
    ("time_modify", t.nfstime4, "r"),
    ("time_modify_set", t.settime4, "w"),
    ("mounted_on_fileid", "Q", "r"),
    ("dir_notif_delay", t.nfstime4, "r"),
    ("dirent_notif_delay", t.nfstime4, "r"),
    ("dacl", t.nfsacl41, "rw"),
    ("sacl", t.nfsacl41, "rw"),
    ("change_policy", t.change_policy4, "r"),
    ("fs_status", t.fs4_status, "r"),
    ("fs_layout_types", _LAYOUTS, "r"),
    ("layout_hint", t.layouthint4, "w"),
    ("layout_types", _LAYOUTS, "r"),
    ("layout_blksize", "I", "r"),
    ("layout_alignment", "I", "r"),
    ("fs_locations_info", t.fs_locations_info4, "r"),
    ("mdsthreshold", t.mdsthreshold4, "r"),
    ("retention_get", t.retention_get4, "r"),
    ("retention_set", t.retention_set4, "w"),
    ("retentevt_get", t.retention_get4, "r"),
    ("retentevt_set", t.retention_set4, "w"),
    ("retention_hold", "Q", "rw"),
    ("mode_set_masked", t.mode_masked4, "w"),
    ("suppattr_exclcreat", _BITMAP, "r"),
    ("fs_charset_cap", "I", "r"),
    ("clone_blksize", "I", "r"),
    ("space_freed", "Q", "r"),
    ("change_attr_type", "i", "r"),
    ("sec_label", t.sec_label4, "rw"),
    ("mode_umask", t.mode_umask4, "w"),
    ("xattr_support", "?", "r"),
    ("offline", "?", "r"),
    ("time_deleg_access", t.nfstime4, "rw"),
    ("time_deleg_modify", t.nfstime4, "rw"),
    ("open_arguments", t.open_arguments4, "r"),
)


def _specification(number: int, name: str, kind: Any, use: str) -> AttributeSpec:
    code, composite = "", None
    if isinstance(kind, str):
        encode, decode = _NUMBERS[kind]
        code = kind
    elif isinstance(kind, tuple):
        encode, decode = kind
    else:
        encode, decode = _composite, kind.decode
        code, composite = _FLAT.get(kind, ""), kind
    minor = 2 if number >= t.FATTR4_CLONE_BLKSIZE else int(number >= t.FATTR4_DIR_NOTIF_DELAY)
    settable, readable = "w" in use, "r" in use
    return AttributeSpec(number, name, encode, decode, settable, readable, minor, code, composite)


ATTRIBUTES: Final[Mapping[int, AttributeSpec]] = MappingProxyType(
    {number: _specification(number, *row) for number, row in enumerate(_TABLE)}
)
"""Every attribute, by number."""


def _mask(chosen: Iterable[AttributeSpec]) -> int:
    return mask_of(*(spec.number for spec in chosen))


KNOWN: Final = tuple(
    _mask(spec for spec in ATTRIBUTES.values() if spec.minor <= minor) for minor in range(3)
)
"""The set of the attributes that each minor version has."""
SETTABLE: Final = _mask(spec for spec in ATTRIBUTES.values() if spec.settable)
"""The set of the attributes that SETATTR may name."""
READABLE: Final = _mask(spec for spec in ATTRIBUTES.values() if spec.readable)
"""The set of the attributes that GETATTR may name."""


# --- Plans ---


class _Run:
    """Neighbouring attributes of fixed size, packed and unpacked in one step."""

    __slots__ = ("booleans", "fields", "layout")

    def __init__(self, specs: Sequence[AttributeSpec]) -> None:
        codes = "".join(spec.code for spec in specs)
        self.layout = struct.Struct(">" + codes.replace("?", "I"))
        self.booleans = tuple(spec.number for spec in specs if spec.code == "?")
        self.fields: list[tuple[int, type[Any] | None, Callable[[Any], Any], int, int]] = []
        place = 0
        for spec in specs:
            members = attrgetter(*spec.type.__slots__) if spec.type else itemgetter(0)
            self.fields.append((spec.number, spec.type, members, place, place + len(spec.code)))
            place += len(spec.code)

    def encode(self, enc: Encoder, values: Mapping[int, Any]) -> None:
        numbers: list[Any] = []
        for number, composite, members, _, _ in self.fields:
            if composite is None:
                numbers.append(values[number])
            else:
                numbers += members(values[number])
        enc.buffer += self.layout.pack(*numbers)

    def decode(self, dec: Decoder, values: dict[int, Any]) -> None:
        numbers = dec.unpack(self.layout)
        for number, composite, _, start, end in self.fields:
            values[number] = numbers[start] if composite is None else composite(*numbers[start:end])
        for number in self.booleans:
            if values[number] > 1:
                raise XdrError(f"{ATTRIBUTES[number].name}: {values[number]} is no boolean")
            values[number] = values[number] == 1


class _One:
    """An attribute that is packed by itself."""

    __slots__ = ("number", "read", "write")

    def __init__(self, spec: AttributeSpec) -> None:
        self.number = spec.number
        self.write = spec.encode
        self.read = spec.decode

    def encode(self, enc: Encoder, values: Mapping[int, Any]) -> None:
        self.write(enc, values[self.number])

    def decode(self, dec: Decoder, values: dict[int, Any]) -> None:
        values[self.number] = self.read(dec)


class _Plan:
    """How the attributes of one set are encoded and decoded."""

    __slots__ = ("head", "steps", "words")

    def __init__(self, mask: int) -> None:
        unknown = mask >> len(ATTRIBUTES)
        if unknown:
            raise XdrError(f"there is no attribute {mask.bit_length() - 1}")
        self.words = bitmap_from_mask(mask)
        size = len(self.words)
        self.head = struct.pack(f">{size + 2}I", size, *self.words, 0)
        """The bitmap, and a length word to be filled in."""
        self.steps: list[_Run | _One] = []
        run: list[AttributeSpec] = []
        for number in numbers_in(mask):
            spec = ATTRIBUTES[number]
            if spec.code:
                run.append(spec)
                continue
            if run:
                self.steps.append(_Run(run))
                run = []
            self.steps.append(_One(spec))
        if run:
            self.steps.append(_Run(run))

    def encode(self, enc: Encoder, values: Mapping[int, Any]) -> None:
        """Append the values, and nothing else."""
        try:
            for step in self.steps:
                step.encode(enc, values)
        except struct.error as error:
            raise XdrError(f"attributes {self.words}: {error}") from None


_plan = lru_cache(maxsize=PLANS)(_Plan)
_LENGTH = struct.Struct(">I")


def encode_attributes(enc: Encoder, mask: int, values: Mapping[int, Any]) -> None:
    """Append a whole ``fattr4``: the attributes in ``mask``, taken from ``values``.

    Errors: ``KeyError`` for a value that is missing, ``XdrError`` for one that does not fit.
    """
    plan = _plan(mask)
    buffer = enc.buffer
    buffer += plan.head
    start = len(buffer)
    plan.encode(enc, values)
    _LENGTH.pack_into(buffer, start - 4, len(buffer) - start)


def encode_fattr4(values: Mapping[int, Any]) -> t.fattr4:
    """Return the ``fattr4`` of these attributes.

    Errors: ``XdrError`` for a value that does not fit.
    """
    plan = _plan(mask_of(*values))
    enc = Encoder()
    plan.encode(enc, values)
    return t.fattr4(list(plan.words), bytes(enc.buffer))


def decode_fattr4(attributes: t.fattr4) -> dict[int, Any]:
    """Return the values of a ``fattr4``, by number.

    Errors: ``XdrError`` if it holds an attribute that does not exist, or if the values are not
    exactly as long as they should be.
    """
    plan = _plan(mask_from_bitmap(attributes.attrmask))
    dec = Decoder(attributes.attr_vals)
    values: dict[int, Any] = {}
    for step in plan.steps:
        step.decode(dec, values)
    dec.done()
    return values
