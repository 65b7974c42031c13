"""Fields in detail of what is no compound: NFS versions 2 and 3, and what goes beside NFS.

They are made of the fields of ``nfs3``: flags of modes and masks, lengths of handles and of other
octets; so they are worked out only for what asks for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from .nfs4 import MODE_FLAGS
from .rpc import opaque

_MODE = {
    "suid": 0o4000, "sgid": 0o2000, "sticky": 0o1000, "rusr": 0o400, "wusr": 0o200, "xusr": 0o100,
    "rgrp": 0o40, "wgrp": 0o20, "xgrp": 0o10, "roth": 4, "woth": 2, "xoth": 1,
}  # fmt: skip
_MASK = {"acl_entry": 1, "acl_count": 2, "default_acl_entry": 4, "default_acl_count": 8}
_PERMISSIONS = {"read": 4, "write": 2, "exec": 1}
_FLAGS: Final = {
    **{
        name: {f"{name}.{flag}": bit for flag, bit in flags.items()}
        for name, flags in (
            ("nfs.mode3", _MODE), ("nfsacl.mask", _MASK), ("nfsacl.aclent.perm", _PERMISSIONS)
        )
    },
    "nfs.mode": MODE_FLAGS,
}  # fmt: skip
"""Numbers of flags, and the flags."""
_FIXED_HANDLES: Final = frozenset(
    ("nfs.procedure_v2", "nfsacl.procedure_v2", "mount.procedure_v1", "mount.procedure_v2")
)
"""Where a handle has no length of its own."""
_OCTETS: Final = ("nlm.cookie", "nlm.lock.owner", "portmap.args", "portmap.result")
_TEXTS: Final = (
    "nlm.lock.caller_name", "mount.path", "mount.export.directory", "mount.export.group",
    "mount.dump.hostname", "mount.dump.directory", "nfs.name", "nfs.symlink.to",
    "nfs.readlink.data", "nfs.readdir.entry.name", "nfs.readdir.entry3.name",
    "nfs.readdirplus.entry.name", "stat.name", "stat.mon_id.name", "stat.my_id.hostname",
    "rquota.pathp", "portmap.rpcb.netid", "portmap.rpcb.addr", "portmap.rpcb.owner",
    "portmap.uaddr",
)  # fmt: skip
"""Octets and texts of which Wireshark shows how long they are, and what fills them up."""
_TIMES: Final = ("nfs.atime", "nfs.mtime", "nfs.ctime")
NAMES: Final[frozenset[str]] = frozenset(
    (
        *_TIMES, "nfs.fh.length", "rpc.opaque_length", "rpc.fill_bytes",
        *(flag for flags in _FLAGS.values() for flag in flags), "nfs.mode.name",
    )
)  # fmt: skip


def detail_fields(fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give what a message's fields, as ``nfs3`` gives them, say in detail."""
    for name, flags in _FLAGS.items():
        for value in _several(fields, name):
            for flag, bits in flags.items():
                yield flag, bool(value & bits)
    for value in _several(fields, "nfs.mode"):
        yield "nfs.mode.name", value >> 13
    if _FIXED_HANDLES.isdisjoint(fields):
        for value in _several(fields, "nfs.fhandle"):
            yield "nfs.fh.length", len(value) // 2
    for name in _TIMES:
        for unit, size in (("nsec", 1), ("usec", 1000)):
            parts = (_several(fields, f"{name}.{part}") for part in ("sec", unit))
            for seconds, rest in zip(*parts, strict=False):
                yield name, seconds * 1_000_000_000 + rest * size
    for name in _OCTETS:
        for value in _several(fields, name):
            yield from opaque(bytes.fromhex(value))
    for name in _TEXTS:
        for value in _several(fields, name):
            yield from opaque(value.encode())


def _several(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name, [])
    return value if isinstance(value, list) else [value]
