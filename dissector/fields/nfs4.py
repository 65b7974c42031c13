"""Fields of NFS version 4 in detail: attributes, flags, state IDs, under Wireshark's names.

There are many of them, so they are worked out only for what asks for one. Wireshark shows a number
of flags and then each flag; of a bitmap each word, how many attributes that word has, and each
attribute.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

from nfsrdma.xdr import XdrError
from nfsrdma.xdr.nfs4 import attrs
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.runtime import Struct, Union

from ..base.text import text
from ..messages.body import Body
from ..messages.decoder import Placed
from ..messages.nested import BODIES, OPENED
from . import layouts
from .kinds import wireshark_fields
from .rpc import opaque

_MAX_DEPTH = 40
_MAX_FIELDS = 20_000
"""Fields of one message; a directory may have many entries."""

_SEQUENCE = "nfs.sequence.flags"
_SEQUENCE_FLAGS = {
    f"{_SEQUENCE}.{name.removeprefix('SEQ4_STATUS_').lower()}": getattr(t, name)
    for name in dir(t)
    if name.startswith("SEQ4_STATUS_")
}
_EXCHANGE = "nfs.exchange_id.flags"
_EXCHANGE_FLAGS = {
    f"{_EXCHANGE}.confirmed_r": t.EXCHGID4_FLAG_CONFIRMED_R,
    f"{_EXCHANGE}.confirmed_rec_a": t.EXCHGID4_FLAG_UPD_CONFIRMED_REC_A,
    f"{_EXCHANGE}.pnfs_ds": t.EXCHGID4_FLAG_USE_PNFS_DS,
    f"{_EXCHANGE}.pnfs_mds": t.EXCHGID4_FLAG_USE_PNFS_MDS,
    f"{_EXCHANGE}.non_pnfs": t.EXCHGID4_FLAG_USE_NON_PNFS,
    f"{_EXCHANGE}.bind_princ": t.EXCHGID4_FLAG_BIND_PRINC_STATEID,
    f"{_EXCHANGE}.moved_migr": t.EXCHGID4_FLAG_SUPP_MOVED_MIGR,
    f"{_EXCHANGE}.moved_refer": t.EXCHGID4_FLAG_SUPP_MOVED_REFER,
}
_OPEN_FLAGS = {
    "nfs.open_rflags.confirm": t.OPEN4_RESULT_CONFIRM,
    "nfs.open_rflags.locktype_posix": t.OPEN4_RESULT_LOCKTYPE_POSIX,
    "nfs.open_rflags.preserve_unlinked": t.OPEN4_RESULT_PRESERVE_UNLINKED,
    "nfs.open_rflags.may_notify_lock": t.OPEN4_RESULT_MAY_NOTIFY_LOCK,
}
_SESSION_FLAGS = {
    "nfs.create_session.flags.persist": t.CREATE_SESSION4_FLAG_PERSIST,
    "nfs.create_session.flags.conn_back_chan": t.CREATE_SESSION4_FLAG_CONN_BACK_CHAN,
    "nfs.create_session.flags.conn_rdma": t.CREATE_SESSION4_FLAG_CONN_RDMA,
}
MODE_FLAGS = {
    "nfs.mode.set_user_id": 0o4000,
    "nfs.mode.set_group_id": 0o2000,
    "nfs.mode.save_swap_text": 0o1000,
    "nfs.mode.read_owner": 0o400,
    "nfs.mode.write_owner": 0o200,
    "nfs.mode.exec_owner": 0o100,
    "nfs.mode.read_group": 0o40,
    "nfs.mode.write_group": 0o20,
    "nfs.mode.exec_group": 0o10,
    "nfs.mode.read_other": 4,
    "nfs.mode.write_other": 2,
    "nfs.mode.exec_other": 1,
}
_ACCESS = {
    "read": t.ACCESS4_READ,
    "lookup": t.ACCESS4_LOOKUP,
    "modify": t.ACCESS4_MODIFY,
    "extend": t.ACCESS4_EXTEND,
    "delete": t.ACCESS4_DELETE,
    "execute": t.ACCESS4_EXECUTE,
}

_MEMBERS: Final[dict[tuple[type[Any], str], str]] = {
    (t.change_info4, "atomic"): "nfs.change_info.atomic",
    (t.change_info4, "before"): "nfs.changeid4.before",
    (t.change_info4, "after"): "nfs.changeid4.after",
    (t.OPEN4args, "share_access"): "nfs.open4.share_access",
    (t.OPEN4args, "share_deny"): "nfs.open4.share_deny",
    **dict.fromkeys(
        (
            (kind, "seqid")
            for kind in (t.OPEN4args, t.CLOSE4args, t.OPEN_CONFIRM4args, t.OPEN_DOWNGRADE4args)
        ),
        "nfs.seqid",
    ),
    (t.open_owner4, "owner"): "nfs.open_owner4",
    (t.openflag4, "opentype"): "nfs.open.opentype",
    (t.createhow4, "mode"): "nfs.createmode4",
    (t.open_claim4, "claim"): "nfs.open.claim_type",
    (t.open_delegation4, "delegation_type"): "nfs.open.delegation_type",
    (t.LOOKUP4args, "objname"): "nfs.pathname.component",
    (t.open_claim4, "value"): "nfs.pathname.component",
    (t.CREATE4args, "objname"): "nfs.pathname.component",
    (t.REMOVE4args, "target"): "nfs.pathname.component",
    (t.RENAME4args, "oldname"): "nfs.pathname.component",
    (t.RENAME4args, "newname"): "nfs.pathname.component",
    (t.LINK4args, "newname"): "nfs.pathname.component",
    (t.entry4, "name"): "nfs.entry_name",
    (t.client_owner4, "co_verifier"): "nfs.verifier4",
    (t.client_owner4, "co_ownerid"): "nfs.data",
    (t.WRITE4resok, "writeverf"): "nfs.verifier4",
    (t.COMMIT4resok, "writeverf"): "nfs.verifier4",
    (t.READDIR4resok, "cookieverf"): "nfs.verifier4",
    (t.READDIR4args, "dircount"): "nfs.dircount",
    (t.READDIR4args, "cookieverf"): "nfs.cookie_verf4",
    (t.dirlist4, "eof"): "nfs.dirlist4.eof",
    (t.WRITE4resok, "committed"): "nfs.stable_how4",
    (t.channel_attrs4, "ca_headerpadsize"): "nfs.padsize4",
    (t.channel_attrs4, "ca_maxrequestsize"): "nfs.maxreqsize4",
    (t.channel_attrs4, "ca_maxresponsesize"): "nfs.maxrespsize4",
    (t.channel_attrs4, "ca_maxresponsesize_cached"): "nfs.maxrespsizecached4",
    (t.channel_attrs4, "ca_maxoperations"): "nfs.maxops4",
    (t.channel_attrs4, "ca_maxrequests"): "nfs.maxreqs4",
    (t.CREATE_SESSION4args, "csa_cb_program"): "nfs.cb_program",
    (t.RECLAIM_COMPLETE4args, "rca_one_fs"): "nfs.reclaim_one_fs4",
    (t.mode_umask4, "mu_mode"): "nfs.mode",
    (t.mode_umask4, "mu_umask"): "nfs.fattr4.umask",
    (t.nfstime4, "seconds"): "nfs.nfstime4.seconds",
    (t.nfstime4, "nseconds"): "nfs.nfstime4.nseconds",
    (t.server_owner4, "so_minor_id"): "nfs.minorid4",
    (t.server_owner4, "so_major_id"): "nfs.majorid4",
    (t.EXCHANGE_ID4resok, "eir_server_scope"): "nfs.scope",
    (t.fsid4, "major"): "nfs.fsid4.major",
    (t.fsid4, "minor"): "nfs.fsid4.minor",
    (t.specdata4, "specdata1"): "nfs.specdata1",
    (t.specdata4, "specdata2"): "nfs.specdata2",
    (t.ACCESS4args, "access"): "nfs.access_check",
    (t.ACCESS4resok, "supported"): "nfs.access_supported",
    (t.ACCESS4resok, "access"): "nfs.access_rights",
    (t.SEQUENCE4resok, "sr_status_flags"): _SEQUENCE,
    (t.EXCHANGE_ID4args, "eia_flags"): "nfs.exchange_id.call_flags",
    (t.EXCHANGE_ID4resok, "eir_flags"): "nfs.exchange_id.reply_flags",
    (t.OPEN4resok, "rflags"): "nfs.open_rflags",
    (t.CREATE_SESSION4args, "csa_flags"): "nfs.create_session_flags",
    (t.CREATE_SESSION4resok, "csr_flags"): "nfs.create_session_flags",
    **layouts.MEMBERS,
}
_FLAGS: Final[dict[str, dict[str, int]]] = {
    _SEQUENCE: _SEQUENCE_FLAGS,
    "nfs.exchange_id.call_flags": _EXCHANGE_FLAGS,
    "nfs.exchange_id.reply_flags": _EXCHANGE_FLAGS,
    "nfs.open_rflags": _OPEN_FLAGS,
    "nfs.create_session_flags": _SESSION_FLAGS,
    "nfs.mode": MODE_FLAGS,
    **layouts.FLAGS,
}
_ATTRIBUTES = {1: "nfs.nfs_ftype4", 3: "nfs.changeid4", 11: "nfs.nfsstat4", 33: "nfs.mode"}
"""Attributes whose fields are not called as they are."""
_FILEHANDLE = 19
_TEXTS = frozenset(
    ("nfs.pathname.component", "nfs.entry_name", "nfs.r_netid", "nfs.r_addr",
     "nfs.ff.synthetic_owner", "nfs.ff.synthetic_owner_group")
)  # fmt: skip
_VERIFIERS = frozenset(("nfs.verifier4", "nfs.cookie_verf4"))
"""Octets that are shown as a number."""
_KEYS = frozenset(("nfs.devaddr.scsi_private_key",))
"""Numbers that are shown as octets."""
_FIXED = frozenset(("nfs.deviceid",))
"""Octets without a length of their own."""
_FOLLOWS = "nfs.value_follows"
_DATA = frozenset(("data",))
_BITMAPS = frozenset(("attr_request", "attrset"))
_LISTS = frozenset(
    (*layouts.COUNTS, *layouts.BITS, *layouts.INDEXES, (t.ff_data_server4, "ffds_fh_vers"))
)
_HANDLES = frozenset(("object", "fh", "lor_fh", "cna_fh", "cnla_fh", "coa_fh", "cpda_fh"))
_OCTETS = (bytes, bytearray, memoryview)


def _attribute_names() -> dict[int, str]:
    """Return attribute -> field, of those that Wireshark has a field for."""
    there = wireshark_fields()
    found = {}
    for number, attribute in attrs.ATTRIBUTES.items():
        for name in (f"nfs.fattr4.{attribute.name}", f"nfs.fattr4_{attribute.name}"):
            if name in there:
                found[number] = name
                break
    return found | _ATTRIBUTES


_NAMED = _attribute_names()
NAMES: Final[frozenset[str]] = frozenset(
    (
        *_MEMBERS.values(), *_NAMED.values(),
        *(one for flags in _FLAGS.values() for one in flags),
        *(f"nfs.access_{name}" for name in _ACCESS),
        *(f"nfs.access_supp_{name}" for name in _ACCESS),
        "nfs.attr", "nfs.attr_mask", "nfs.attr_count", "nfs.mode.name", "nfs.fh.length",
        "nfs.stateid", "nfs.stateid.seqid", "nfs.stateid.other",
        "nfs.stateid.hash", "nfs.stateid.other_hash", "nfs.fhandle", "nfs.fh.hash",
        "rpc.opaque_length", "rpc.fill_bytes", "nfs.value_follows", "nfs.status",
        *layouts.NAMES,
    )
)  # fmt: skip


def _crc16(octets: bytes) -> int:
    """Return the checksum by which Wireshark shows a state ID: CRC-16 of X.25 (0x1021)."""
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return register ^ 0xFFFF


def detail_fields(body: Body) -> list[tuple[str, Any]]:
    """Return the fields of a compound that ``fields`` leaves out; some are there several times."""
    collector = _Collector()
    for op in body.operations:
        if op.value is not None:
            collector.value(op.value, 0)
    return collector.found


class _Collector:
    def __init__(self) -> None:
        self.found: list[tuple[str, Any]] = []
        self._hidden = 0
        """How many opaque items this is within: ``fields`` looks into none."""
        self._supported = 0
        """The rights that an ACCESS can tell of."""

    def _add(self, name: str, value: Any) -> None:
        if len(self.found) < _MAX_FIELDS:
            self.found.append((name, value))

    def value(self, value: Any, depth: int) -> None:
        """Add the fields of a structure and of what is in it."""
        if depth > _MAX_DEPTH or len(self.found) >= _MAX_FIELDS:
            return
        if isinstance(value, list):
            for item in value:
                self.value(item, depth + 1)
        elif isinstance(value, t.fattr4):
            self._attributes(value)
        elif isinstance(value, Struct | Union):
            kind = type(value)
            opened = OPENED.get(kind)
            hidden = kind in BODIES
            self._hidden += hidden
            self._structure(value if opened is None else opened(value), depth)
            self._hidden -= hidden

    def _structure(self, value: Any, depth: int) -> None:
        if isinstance(value, t.stateid4):
            whole = value.seqid.to_bytes(4, "big") + value.other
            self._add("nfs.stateid", whole.hex())
            self._add("nfs.stateid.hash", _crc16(whole))
            self._add("nfs.stateid.other_hash", zlib.crc32(value.other))
            if self._hidden:
                self._add("nfs.stateid.seqid", value.seqid)
                self._add("nfs.stateid.other", value.other.hex())
        kind = type(value)
        slots = value.__slots__ if isinstance(value, Struct) else (value.__slots__[0], "value")
        listed = kind is t.entry4
        while value is not None:
            following = None
            if listed:
                self._add(_FOLLOWS, 1)
            for member in slots:
                item = getattr(value, member, None)
                if member == "nextentry":
                    following = item  # a directory may be longer than any depth
                elif item is None and kind is t.dirlist4:
                    self._add(_FOLLOWS, 0)  # an empty directory
                elif member in _DATA and isinstance(item, bytes | memoryview | Placed):
                    self._data(len(item))
                elif member in _BITMAPS and isinstance(item, list):
                    self._bitmap(item)
                elif (name := _MEMBERS.get((kind, member))) and isinstance(item, int | bytes):
                    self._leaf(name, item)
                elif member in _HANDLES and isinstance(item, bytes):
                    self._add("nfs.fh.length", len(item))
                elif isinstance(item, list) and (kind, member) in _LISTS:
                    self._list(kind, member, item, depth)
                else:
                    self.value(item, depth + 1)
            value = following
        if listed:
            self._add(_FOLLOWS, 0)

    def _list(self, kind: type[Any], member: str, items: list[Any], depth: int) -> None:
        """Add what is shown of a list of layouts' and devices' as a whole, and of its items."""
        key = (kind, member)
        if key in layouts.BITS:
            word_name, bit_name = layouts.BITS[key]
            for word in items:
                self._add(word_name, word)
            for number in attrs.numbers_in(attrs.mask_from_bitmap(items)):
                self._add(bit_name, number)
            return
        if key in layouts.COUNTS:
            self._add(layouts.COUNTS[key], len(items))
        for index, item in enumerate(items):
            if key in layouts.INDEXES:
                self._add(layouts.INDEXES[key], index)
            if key in layouts.EACH:
                self._add(layouts.EACH[key], item)
            elif member in layouts.HANDLES:
                self._handle(item)
            else:
                self.value(item, depth + 1)

    def _handle(self, octets: Any) -> None:
        self._add("nfs.fh.length", len(octets))
        self._add("nfs.fhandle", bytes(octets).hex())
        self._add("nfs.fh.hash", zlib.crc32(octets))

    def _leaf(self, name: str, item: Any) -> None:
        if isinstance(item, bytes):
            if name in _VERIFIERS:
                self._add(name, int.from_bytes(item, "big"))
            else:
                self._add(name, text(item) if name in _TEXTS else item.hex())
                if name not in _FIXED:
                    self._opaque(item)
            return
        self._add(name, item if name not in _KEYS else item.to_bytes(8, "big").hex())
        if name == "nfs.nfsstat4":
            self._add("nfs.status", item)
        if name in _FLAGS:
            for flag, bit in _FLAGS[name].items():
                self._add(flag, bool(item & bit))
        if name == "nfs.nfl_util":
            for part, bits in layouts.UTIL.items():
                self._add(part, item & bits if part.endswith("size") else int(bool(item & bits)))
        elif name == "nfs.mode":
            self._add("nfs.mode.name", item >> 13)
        elif name == "nfs.access_check":
            self._access("nfs.access_", item, item)
        elif name == "nfs.access_supported":
            self._supported = item
            self._access("nfs.access_supp_", item, item)
        elif name == "nfs.access_rights":
            self._access("nfs.access_", self._supported, item)

    def _access(self, prefix: str, asked: int, given: int) -> None:
        for name, bit in _ACCESS.items():
            if asked & bit:
                self._add(prefix + name, bool(given & bit))

    def _bitmap(self, words: list[int]) -> None:
        for word in words:
            if word:
                self._add("nfs.attr_mask", word)
                self._add("nfs.attr_count", word.bit_count())
        for number in attrs.numbers_in(attrs.mask_from_bitmap(words)):
            self._add("nfs.attr", number)

    def _attributes(self, value: t.fattr4) -> None:
        self._bitmap(value.attrmask)
        try:
            decoded = attrs.decode_fattr4(value)
        except XdrError:
            return
        for number, item in decoded.items():
            name = _NAMED.get(number)
            if isinstance(item, Struct | Union):
                self.value(item, 1)
            elif isinstance(item, list) and all(isinstance(word, int) for word in item):
                self._bitmap(item)
            elif number == _FILEHANDLE and isinstance(item, _OCTETS):
                self._handle(item)
            elif name is not None and isinstance(item, int):
                self._leaf(name, item)
            elif name is not None and isinstance(item, _OCTETS):
                self._add(name, text(bytes(item)))
                self._opaque(bytes(item))

    def _data(self, size: int) -> None:
        """Add what is shown of a file's octets beside themselves."""
        self._add("rpc.opaque_length", size)
        if size % 4:
            self._add("rpc.fill_bytes", "00" * (-size % 4))

    def _opaque(self, octets: bytes) -> None:
        for name, value in opaque(octets):
            self._add(name, value)
