"""The fields of NFS version 3 and MOUNT under the names that Wireshark gives them."""

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
from ..messages.procedures import COMPANY
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
_PROCEDURE: Final = {
    NFS_PROGRAM: "nfs.procedure_v3",
    100005: "mount.procedure_v3",
    100011: "rquota.procedure_v1",
    100021: "nlm.procedure_v4",
    100024: "stat.procedure_v1",
    100227: "nfsacl.procedure_v3",
}
"""Where Wireshark has the number of a program's procedure."""
_STATUS: Final = {
    NFS_PROGRAM: ("nfs.status3", "nfs.status"),
    100021: ("nlm.stat",),
    100024: ("stat.stat_res.res",),
    100011: ("rquota.status",),
    100227: ("nfs.status3", "nfs.status"),
}
_CLOCKS: Final = {"atime": "nfs.atime", "mtime": "nfs.mtime", "ctime": "nfs.ctime"}
_SET_CLOCKS: Final[dict[type[Any], str]] = {
    nfs3.set_atime: "nfs.atime",
    nfs3.set_mtime: "nfs.mtime",
    nfs3.sattrguard3: "nfs.ctime",
}
_LENGTHS: Final = {
    nfs3.READ3resok: "nfs.read.data_length",
    nfs3.WRITE3args: "nfs.write.data_length",
}
_NUMBERS: Final = frozenset(("nfs.verifier", "nfs.fhandle"))
"""Octets that are shown as hexadecimal digits; the others are text."""


def names() -> Iterator[str]:
    """Return all names of fields."""
    yield from _NAMES.values()
    yield from _PROCEDURE.values()
    yield from _LENGTHS.values()
    for status in _STATUS.values():
        yield from status
    for clock in (*_CLOCKS.values(), *_SET_CLOCKS.values()):
        yield from (f"{clock}.sec", f"{clock}.nsec")
    for kind, prefix in _OWN.items():
        yield from (prefix + member for member in kind.__slots__)


def procedure_fields(fields: Fields, body: Body, call: RpcCall, add: Add) -> None:
    """Add what the arguments or results of a procedure say."""
    operation = body.operations[0] if body.operations else None
    name = _PROCEDURE.get(call.program)
    if name is not None:
        fields[name] = call.procedure
    if body.status >= 0:
        for status in _STATUS.get(call.program, ()):
            fields[status] = body.status
    if call.program in COMPANY and not _LOADED:
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
    if member == "data" and kind in _LENGTHS:
        add(fields, _LENGTHS[kind], len(item))
        return
    if isinstance(item, Struct | Union):
        _value(fields, item, add, depth + 1)
        return
    name = _NAMES.get((kind, member)) or _LOADED.get((kind, member))
    if name is None and kind in _OWN:
        name = _OWN[kind] + member
    if name is None or item is None:
        return
    for one in item if isinstance(item, list) else (item,):
        _scalar(fields, name, one, add)


def _scalar(fields: Fields, name: str, item: Any, add: Add) -> None:
    if isinstance(item, bool | int):
        add(fields, name, int(item))
    elif isinstance(item, Placed):
        add(fields, name, f"<{item.size} octets in a chunk>")
    elif name in _NUMBERS:
        add(fields, name, bytes(item).hex())
        if name == "nfs.fhandle":
            add(fields, "nfs.fh.hash", zlib.crc32(item))
    else:
        add(fields, name, text(item))
