"""The fields of NFS version 3, MOUNT and what goes with them, under Wireshark's names."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from nfsrdma.xdr import chain
from nfsrdma.xdr.nfs3 import mount
from nfsrdma.xdr.nfs3 import types as nfs3
from nfsrdma.xdr.runtime import LinkedStruct, Struct, Union

from ..base.text import text
from ..messages.body import NFS_PROGRAM, Body
from ..messages.decoder import Placed
from ..messages.nested import OPENED
from ..messages.procedures import COMPANY, NLM3, NLM4, PROCEDURES
from ..messages.rpc import RpcCall

Fields = dict[str, Any]
Add = Callable[[Fields, str, Any], None]

_MAX_DEPTH = 12
_MAX_ITEMS = 1000
"""Entries of a directory whose fields are shown."""

_OWN: Final[dict[type[Any], str]] = {
    nfs3.fattr3: "nfs.fattr3.",
    nfs3.FSINFO3resok: "nfs.fsinfo.",
    nfs3.FSSTAT3resok: "nfs.fsstat3_resok.",
    nfs3.PATHCONF3resok: "nfs.pathconf.",
    nfs3.entry3: "nfs.readdir.entry3.",
    nfs3.entryplus3: "nfs.readdirplus.entry.",
    nfs3.wcc_attr: "nfs.wcc_attr.",
    nfs3.specdata3: "nfs.",
}
"""Types whose members are called as in the RFC, and what goes before that."""

_NAMES: Final[dict[tuple[type[Any], str], str]] = {
    (nfs3.fattr3, "mode"): "nfs.mode3",
    (nfs3.nfs_fh3, "data"): "nfs.fhandle",
    (nfs3.diropargs3, "name"): "nfs.name",
    (nfs3.post_op_attr, "attributes_follow"): "nfs.attributes_follow",
    (nfs3.pre_op_attr, "attributes_follow"): "nfs.attributes_follow",
    (nfs3.post_op_fh3, "handle_follows"): "nfs.handle_follow",
    (nfs3.set_mode3, "value"): "nfs.mode3",
    (nfs3.set_uid3, "value"): "nfs.uid3",
    (nfs3.set_gid3, "value"): "nfs.gid3",
    (nfs3.set_size3, "value"): "nfs.set_size",
    (nfs3.sattrguard3, "check"): "nfs.sattrguard3",
    (nfs3.createhow3, "mode"): "nfs.createmode",
    (nfs3.createhow3, "value"): "nfs.verifier",
    (nfs3.mknoddata3, "type"): "nfs.type",
    (nfs3.symlinkdata3, "symlink_data"): "nfs.symlink.to",
    (nfs3.READLINK3resok, "data"): "nfs.readlink.data",
    (nfs3.ACCESS3args, "access"): "nfs.access_check",
    (nfs3.ACCESS3resok, "access"): "nfs.access_rights",
    (nfs3.READ3args, "offset"): "nfs.offset3",
    (nfs3.READ3args, "count"): "nfs.count3",
    (nfs3.READ3resok, "count"): "nfs.count3",
    (nfs3.READ3resok, "data"): "nfs.read.data_length",
    (nfs3.WRITE3args, "data"): "nfs.write.data_length",
    (nfs3.READ3resok, "eof"): "nfs.read.eof",
    (nfs3.WRITE3args, "offset"): "nfs.offset3",
    (nfs3.WRITE3args, "count"): "nfs.count3",
    (nfs3.WRITE3args, "stable"): "nfs.write.stable",
    (nfs3.WRITE3resok, "count"): "nfs.count3",
    (nfs3.WRITE3resok, "committed"): "nfs.write.committed",
    (nfs3.WRITE3resok, "verf"): "nfs.verifier",
    (nfs3.READDIR3args, "cookie"): "nfs.cookie3",
    (nfs3.READDIR3args, "cookieverf"): "nfs.verifier",
    (nfs3.READDIR3args, "count"): "nfs.count3",
    (nfs3.READDIR3resok, "cookieverf"): "nfs.verifier",
    (nfs3.dirlist3, "eof"): "nfs.readdir.eof",
    (nfs3.READDIRPLUS3args, "cookie"): "nfs.cookie3",
    (nfs3.READDIRPLUS3args, "cookieverf"): "nfs.verifier",
    (nfs3.READDIRPLUS3args, "dircount"): "nfs.count3_dircount",
    (nfs3.READDIRPLUS3args, "maxcount"): "nfs.count3_maxcount",
    (nfs3.READDIRPLUS3resok, "cookieverf"): "nfs.verifier",
    (nfs3.dirlistplus3, "eof"): "nfs.readdir.eof",
    (nfs3.COMMIT3args, "offset"): "nfs.offset3",
    (nfs3.COMMIT3args, "count"): "nfs.count3",
    (nfs3.COMMIT3resok, "verf"): "nfs.verifier",
    (mount.mountargs3, "path"): "mount.path",
    (mount.mountres3, "fhs_status"): "mount.status",
    (mount.mountres3_ok, "fhandle"): "nfs.fhandle",
    (mount.mountres3_ok, "auth_flavors"): "mount.flavor",
    (mount.mountbody, "ml_hostname"): "mount.dump.hostname",
    (mount.mountbody, "ml_directory"): "mount.dump.directory",
    (mount.groupnode, "gr_name"): "mount.export.group",
    (mount.exportnode, "ex_dir"): "mount.export.directory",
}
_LOADED: Final[dict[tuple[type[Any], str], str]] = {}
"""The same for the sideband protocols, once one of them was seen."""
_LAYERS: Final = {
    NFS_PROGRAM: "nfs",
    100000: "portmap",
    100005: "mount",
    100011: "rquota",
    100021: "nlm",
    100024: "stat",
    100227: "nfsacl",
}
"""Wireshark's protocols by program."""
_STATUS: Final = {
    (NFS_PROGRAM, 2): ("nfs.status2", "nfs.status"),
    (NFS_PROGRAM, 3): ("nfs.status3", "nfs.status"),
    **{(100021, version): ("nlm.stat",) for version in range(1, 5)},
    (100024, 1): ("stat.stat_res.res",),
    **{(100011, version): ("rquota.status",) for version in (1, 2)},
    (100227, 2): ("nfs.status2", "nfs.status"),
    (100227, 3): ("nfs.status3", "nfs.status"),
}
_TESTED: Final = frozenset((NLM4 + 1, NLM4 + 11, NLM3 + 1, NLM3 + 11))
_NLM_TEST: Final = "nlm.test_stat.stat"
"""Where a TEST's answer is instead."""
_CLOCKS: Final = {"atime": "nfs.atime", "mtime": "nfs.mtime", "ctime": "nfs.ctime"}
_SET_CLOCKS: Final[dict[type[Any], str]] = {
    nfs3.set_atime: "nfs.atime",
    nfs3.set_mtime: "nfs.mtime",
    nfs3.sattrguard3: "nfs.ctime",
}
_LENGTHS: Final = frozenset(("nfs.read.data_length", "nfs.write.data_length"))
"""Of data it is shown how long they are."""
_NUMBERS: Final = frozenset(("nfs.readdir.cookie", "nfs.readdir.entry.cookie"))
"""Octets that are shown as a number."""
_OCTETS: Final = ("nlm.cookie", "nlm.lock.owner", "stat.priv", "portmap.args", "portmap.result")
_HEXADECIMAL: Final = frozenset(("nfs.verifier", "nfs.fhandle", *_OCTETS))
"""Octets that are shown as hexadecimal digits; the others are text."""


def names() -> Iterator[str]:
    """Return all names of fields."""
    yield from _NAMES.values()
    for program, version in (*PROCEDURES, *COMPANY):
        yield f"{_LAYERS[program]}.procedure_v{version}"
    yield _NLM_TEST
    for status in _STATUS.values():
        yield from status
    for clock in (*_CLOCKS.values(), *_SET_CLOCKS.values()):
        yield from (f"{clock}.sec", f"{clock}.nsec", f"{clock}.usec")
    for kind, prefix in _OWN.items():
        yield from (prefix + member for member in kind.__slots__)


def procedure_fields(fields: Fields, body: Body, call: RpcCall, add: Add) -> None:
    """Add what the arguments or results of a procedure say."""
    operation = body.operations[0] if body.operations else None
    program, version = call.program, call.version
    if program in _LAYERS:
        fields[f"{_LAYERS[program]}.procedure_v{version}"] = call.procedure
    if body.status >= 0:
        is_test = operation is not None and operation.number in _TESTED
        for status in (_NLM_TEST,) if is_test else _STATUS.get((program, version), ()):
            fields[status] = body.status
    if (program, version) in COMPANY and not _LOADED:
        from .sideband import FIELDS

        _LOADED.update(FIELDS)
    if operation is not None:
        _value(fields, operation.value, add, 0)


def _value(fields: Fields, value: Any, add: Add, depth: int) -> None:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, LinkedStruct):
        following = value.__slots__[-1]
        for index, node in enumerate(chain(value)):
            if index == _MAX_ITEMS:
                break
            for member in node.__slots__:
                if member != following:
                    _member(fields, node, member, add, depth)
    elif isinstance(value, Struct | Union):
        opened = OPENED.get(type(value))
        value = value if opened is None else opened(value)
        for member in value.__slots__:
            _member(fields, value, member, add, depth)


def _member(fields: Fields, owner: Any, member: str, add: Add, depth: int) -> None:
    item = getattr(owner, member)
    kind = type(owner)
    if isinstance(item, nfs3.nfstime3):
        name = _CLOCKS.get(member) or _SET_CLOCKS.get(kind)
        if name is not None:
            add(fields, f"{name}.sec", item.seconds)
            add(fields, f"{name}.nsec", item.nseconds)
        return
    microseconds = getattr(item, "useconds", None)
    if member in _CLOCKS and microseconds is not None:  # NFS version 2 has those
        add(fields, f"{_CLOCKS[member]}.sec", item.seconds)
        add(fields, f"{_CLOCKS[member]}.usec", microseconds)
        return
    if isinstance(item, Struct | Union):
        _value(fields, item, add, depth + 1)
        return
    name = _NAMES.get((kind, member)) or _LOADED.get((kind, member))
    if name is None and kind in _OWN:
        name = _OWN[kind] + member
    if name is None and isinstance(item, list):
        for one in item[:_MAX_ITEMS]:
            _value(fields, one, add, depth + 1)
    if name is None or item is None:
        return
    for one in item[:_MAX_ITEMS] if isinstance(item, list) else (item,):
        _scalar(fields, name, one, add)


def _scalar(fields: Fields, name: str, item: Any, add: Add) -> None:
    if isinstance(item, bool | int):
        add(fields, name, int(item))
    elif name in _LENGTHS:
        add(fields, name, len(item))
    elif isinstance(item, Placed):
        add(fields, name, f"<{item.size} octets in a chunk>")
    elif name in _NUMBERS:
        add(fields, name, int.from_bytes(item, "big"))
    elif name in _HEXADECIMAL:
        add(fields, name, bytes(item).hex())
        if name == "nfs.fhandle":
            add(fields, "nfs.fh.hash", zlib.crc32(item))
    else:
        add(fields, name, text(item))
