"""What opaque members hold: bodies of layouts and devices, values of notifications, GSS tokens.

The language of the specifications has no way to say of an opaque which structure is in it; that is
in their words, and here: RFC 8881, Sections 3.3.13 to 3.3.20 (layouts), 20.4 and 20.12 (what
notifications consist of); RFC 5663 (blocks), RFC 8154 (SCSI), RFC 8435 (flexible files); RFC 7862,
Section 3 (thresholds); RFC 2743, Section 3.1 (tokens).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from nfsrdma.xdr import Decoder, XdrError
from nfsrdma.xdr.nfs3.types import fattr3
from nfsrdma.xdr.nfs4 import attrs
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.rpc import rpc_gss_init_arg, rpc_gss_init_res
from nfsrdma.xdr.runtime import Struct

_FILES, _BLOCKS = int(t.LAYOUT4_NFSV4_1_FILES), int(t.LAYOUT4_BLOCK_VOLUME)
_FLEXIBLE, _SCSI = int(t.LAYOUT4_FLEX_FILES), int(t.LAYOUT4_SCSI)
_MAX_NOTICES = 64
"""Values of one notification: a bitmap of the notifications that there are has three."""

Types = Mapping[int, type[Any]]
_LAYOUTS: Types = {
    _FILES: t.nfsv4_1_file_layout4,
    _BLOCKS: t.pnfs_block_layout4,
    _FLEXIBLE: t.ff_layout4,
    _SCSI: t.pnfs_scsi_layout4,
}
_DEVICES: Types = {
    _FILES: t.nfsv4_1_file_layout_ds_addr4,
    _BLOCKS: t.pnfs_block_deviceaddr4,
    _FLEXIBLE: t.ff_device_addr4,
    _SCSI: t.pnfs_scsi_deviceaddr4,
}
_UPDATES: Types = {
    _BLOCKS: t.pnfs_block_layoutupdate4,
    _FLEXIBLE: t.ff_layoutupdate4,
    _SCSI: t.pnfs_scsi_layoutupdate4,
}
_HINTS: Types = {_FILES: t.nfsv4_1_file_layouthint4, _FLEXIBLE: t.ff_layouthint4}
CONTENT: Final[dict[type[Any], Types]] = {
    t.layout_content4: _LAYOUTS,
    t.device_addr4: _DEVICES,
    t.layoutupdate4: _UPDATES,
    t.layouthint4: _HINTS,
}
"""Structures of a type's number and a body, and what the body is by that number."""
_RETURNS: Types = {_FLEXIBLE: t.ff_layoutreturn4}
_NOTICES: Types = {
    int(t.NOTIFY4_CHANGE_CHILD_ATTRS): t.notify_attr4,
    int(t.NOTIFY4_CHANGE_DIR_ATTRS): t.notify_attr4,
    int(t.NOTIFY4_REMOVE_ENTRY): t.notify_remove4,
    int(t.NOTIFY4_ADD_ENTRY): t.notify_add4,
    int(t.NOTIFY4_RENAME_ENTRY): t.notify_rename4,
    int(t.NOTIFY4_CHANGE_COOKIE_VERIFIER): t.notify_verifier4,
}
_DEVICE_NOTICES: Types = {
    int(t.NOTIFY_DEVICEID4_CHANGE): t.notify_deviceid_change4,
    int(t.NOTIFY_DEVICEID4_DELETE): t.notify_deviceid_delete4,
}


class GssToken(Struct):
    """A token of GSS-API: its mechanism, what of that it is, and all of its octets."""

    __slots__ = ("mechanism", "message", "octets")

    def __init__(self, mechanism: str, message: str, octets: bytes) -> None:
        self.mechanism = mechanism
        """Its name, or its object identifier."""
        self.message = message
        """``AP_REQ``...; empty where that is not known."""
        self.octets = octets


MECHANISMS: Final = {"1.2.840.113554.1.2.2": "krb5", "1.3.6.1.5.5.2": "SPNEGO"}
_KERBEROS: Final = {b"\1\0": "AP_REQ", b"\2\0": "AP_REP", b"\3\0": "KRB_ERROR"}
"""RFC 4121, Section 4.1: what begins the inner token while a context is established."""


def token(octets: bytes) -> GssToken | None:
    """Return a token that begins as RFC 2743, Section 3.1, has it; ``None`` for any other."""
    if len(octets) < 4 or octets[0] != 0x60:
        return None
    at = 2 + (octets[1] & 0x7F if octets[1] & 0x80 else 0)
    if at + 2 > len(octets) or octets[at] != 6 or octets[at + 1] & 0x80:
        return None
    end = at + 2 + octets[at + 1]
    identifier = _identifier(octets[at + 2 : end])
    name = MECHANISMS.get(identifier, identifier)
    message = _KERBEROS.get(octets[end : end + 2], "") if name == "krb5" else ""
    return GssToken(name, message, octets)


def _identifier(octets: bytes) -> str:
    """Return an object identifier in dots (X.690, Section 8.19)."""
    numbers: list[int] = []
    value = 0
    for octet in octets:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            first = min(value // 40, 2)
            numbers += [value] if numbers else [first, value - 40 * first]
            value = 0
    return ".".join(map(str, numbers))


BODIES: Final = frozenset(
    kind
    for kinds in (_LAYOUTS, _DEVICES, _UPDATES, _HINTS, _RETURNS, _NOTICES, _DEVICE_NOTICES)
    for kind in kinds.values()
)
"""Structures that are only found in opaque members."""


def _decoded(kind: type[Any] | None, octets: Any) -> Any:
    """Return a structure instead of its octets, if it is all that they are."""
    if kind is None or not octets or not isinstance(octets, bytes | memoryview):
        return octets
    dec = Decoder(memoryview(octets))
    try:
        value = kind.decode(dec)
        dec.done()
    except (XdrError, ValueError, RecursionError):
        return octets
    return value


def _content(kind: type[Any], types: Types) -> Callable[[Any], Any]:
    """Return what opens a structure of a type's number and its body."""
    number, body = kind.__slots__

    def opened(value: Any) -> Any:
        which = getattr(value, number)
        return kind(which, _decoded(types.get(which), getattr(value, body)))

    return opened


def _returned(value: t.LAYOUTRETURN4args) -> Any:
    inner = value.lora_layoutreturn
    of_file = inner.value
    kind = _RETURNS.get(value.lora_layout_type)
    if kind is None or not isinstance(of_file, t.layoutreturn_file4):
        return value
    body: Any = _decoded(kind, of_file.lrf_body)
    of_file = t.layoutreturn_file4(
        of_file.lrf_offset, of_file.lrf_length, of_file.lrf_stateid, body
    )
    inner = t.layoutreturn4(inner.lr_returntype, of_file)
    return t.LAYOUTRETURN4args(value.lora_reclaim, value.lora_layout_type, value.lora_iomode, inner)


def _notices(types: Types, change: t.notify4) -> t.notify4:
    """Return a notification whose values are structures, one for each bit of its mask."""
    octets = change.notify_vals
    if not isinstance(octets, bytes):
        return change
    dec = Decoder(memoryview(octets))
    values: list[Any] = []
    try:
        for number in attrs.numbers_in(attrs.mask_from_bitmap(change.notify_mask)):
            if number not in types or len(values) == _MAX_NOTICES:
                return change
            values.append(types[number].decode(dec))
        dec.done()
    except (XdrError, ValueError, RecursionError):
        return change
    found: Any = values
    return t.notify4(change.notify_mask, found)


def _notified(value: t.CB_NOTIFY4args) -> Any:
    changes = [_notices(_NOTICES, one) for one in value.cna_changes]
    return t.CB_NOTIFY4args(value.cna_stateid, value.cna_fh, changes)


def _devices_notified(value: t.CB_NOTIFY_DEVICEID4args) -> Any:
    return t.CB_NOTIFY_DEVICEID4args([_notices(_DEVICE_NOTICES, one) for one in value.cnda_changes])


def _thresholds(value: t.threshold_item4) -> Any:
    """Open the hints of a threshold: a length for each bit (RFC 7862, Section 3)."""
    numbers = list(attrs.numbers_in(attrs.mask_from_bitmap(value.thi_hintset)))
    octets = value.thi_hintlist
    if len(octets) != 8 * len(numbers):
        return value
    lengths: Any = [int.from_bytes(octets[at : at + 8], "big") for at in range(0, len(octets), 8)]
    return t.threshold_item4(value.thi_layout_type, value.thi_hintset, lengths)


def _initiated(value: rpc_gss_init_arg) -> Any:
    found: Any = token(value.gss_token)
    return value if found is None else rpc_gss_init_arg(found)


def _accepted(value: rpc_gss_init_res) -> Any:
    found: Any = token(value.gss_token)
    if found is None:
        return value
    return rpc_gss_init_res(
        value.handle, value.gss_major, value.gss_minor, value.seq_window, found
    )  # fmt: skip


OPENED: Final[dict[type[Any], Callable[[Any], Any]]] = {
    **{kind: _content(kind, types) for kind, types in CONTENT.items()},
    t.LAYOUTRETURN4args: _returned,
    t.CB_NOTIFY4args: _notified,
    t.CB_NOTIFY_DEVICEID4args: _devices_notified,
    t.threshold_item4: _thresholds,
    rpc_gss_init_arg: _initiated,
    rpc_gss_init_res: _accepted,
}
"""Type -> what makes of a value another of that type, with structures in the place of octets.

What cannot be decoded, or not to its end, stays as it is."""


def opens_attributes(kind: type[Any]) -> None:
    """Let the attributes that follow in a type be those of NFS version 3 (its ACLs have them)."""
    OPENED[kind] = lambda value: kind(
        value.attributes_follow, _decoded(fattr3, value.value) if value.value else None
    )
