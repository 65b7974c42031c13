"""Answers of the FUSE protocol, and messages to the kernel (``linux/fuse.h``)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ..attributes import Stat, StatVfs
from .wire import MAJOR

FOPEN_DIRECT_IO: Final = 1 << 0
"""The flag of an open that bypasses the kernel's page cache."""
FOPEN_KEEP_CACHE: Final = 1 << 1
"""The flag of an open that leaves cached pages as they are."""
FOPEN_CACHE_DIR: Final = 1 << 3
"""The flag of an open directory whose listing the kernel may keep."""
UNKNOWN_INODE: Final = 0xFFFFFFFF
"""The inode number of a directory entry whose attributes are not known."""
_NOTIFY_INVAL_INODE: Final = 2
_NOTIFY_PRUNE: Final = 9
_SECOND_NS: Final = 10**9
_PAGE: Final = 4096
_FOREVER_S: Final = 1 << 30
_SIZE_MAX: Final = (1 << 63) - 1

_OUT: Final = struct.Struct("=IiQ")
OUT_SIZE: Final = _OUT.size
_INIT_OUT: Final = struct.Struct("=4IHHIIHHI28x")
_ATTR: Final = struct.Struct("=3Q3q3I7I")
_ATTR_OUT: Final = struct.Struct("=QI4x")
_ENTRY_OUT: Final = struct.Struct("=4Q2I")
_OPEN_OUT: Final = struct.Struct("=QI4x")
_WRITE_OUT: Final = struct.Struct("=I4x")
_STATFS_OUT: Final = struct.Struct("=5Q3I4x24x")
_LSEEK_OUT: Final = struct.Struct("=Q")
_LOCK_OUT: Final = struct.Struct("=QQII")
_DIRENT: Final = struct.Struct("=QQII")
_INVAL_INODE: Final = struct.Struct("=Qqq")
_ENTRY_PLUS: Final = struct.Struct("=4Q2I" + "3Q3q3I7I" + "QQII")
ENTRY_SIZE: Final = _ENTRY_PLUS.size
"""Octets of an entry of READDIRPLUS, before its name."""
_PADDING: Final = tuple(bytes(-length % 8) for length in range(8))


def head(unique: int, size: int, error: int = 0) -> bytes:
    """Return the head of an answer with ``size`` octets behind it; ``error`` is an ``errno``."""
    return _OUT.pack(OUT_SIZE + size, -error, unique)


class Negotiated(NamedTuple):
    """The answer to INIT."""

    minor: int
    max_readahead: int
    features: int
    max_background: int
    """Requests in flight that no process waits for, at most."""
    max_write: int
    """Octets of a WRITE at most."""

    def pack(self) -> bytes:
        """Return the body of the answer."""
        return _INIT_OUT.pack(
            MAJOR,
            self.minor,
            self.max_readahead,
            self.features & 0xFFFFFFFF,
            self.max_background,
            self.max_background * 3 // 4,
            self.max_write,
            1,
            (self.max_write + _PAGE - 1) // _PAGE,
            0,
            self.features >> 32,
        )


def attributes_out(status: Stat, inode: int, valid_s: float) -> bytes:
    """Return the answer to GETATTR and SETATTR: attributes that are valid for ``valid_s``."""
    return _ATTR_OUT.pack(*lifetime(valid_s)) + _attributes(status, inode)


def entry_out(
    node: int, status: Stat, inode: int, entry_valid_s: float, attributes_valid_s: float
) -> bytes:
    """Return an entry: a name that leads to ``node`` for ``entry_valid_s``."""
    entry_s, entry_ns = lifetime(entry_valid_s)
    valid_s, valid_ns = lifetime(attributes_valid_s)
    lifetimes = _ENTRY_OUT.pack(node, 0, entry_s, valid_s, entry_ns, valid_ns)
    return lifetimes + _attributes(status, inode)


def no_entry_out(valid_s: float) -> bytes:
    """Return an entry that says that there is no such name for ``valid_s``."""
    seconds, nanoseconds = lifetime(valid_s)
    return _ENTRY_OUT.pack(0, 0, seconds, 0, nanoseconds, 0) + bytes(_ATTR.size)


def open_out(fh: int, flags: int) -> bytes:
    """Return the answer to OPEN and OPENDIR."""
    return _OPEN_OUT.pack(fh, flags)


def write_out(count: int) -> bytes:
    """Return the answer to WRITE."""
    return _WRITE_OUT.pack(count)


def xattr_size_out(size: int) -> bytes:
    """Return the answer to GETXATTR and LISTXATTR that tells how long the result is."""
    return _WRITE_OUT.pack(size)


def statfs_out(found: StatVfs) -> bytes:
    """Return the answer to STATFS."""
    return _STATFS_OUT.pack(
        found.f_blocks,
        found.f_bfree,
        found.f_bavail,
        found.f_files,
        found.f_ffree,
        found.f_bsize,
        found.f_namemax,
        found.f_frsize,
    )


def lseek_out(offset: int) -> bytes:
    """Return the answer to LSEEK."""
    return _LSEEK_OUT.pack(offset)


def lock_out(kind: int, start: int, end: int, pid: int) -> bytes:
    """Return the answer to GETLK."""
    return _LOCK_OUT.pack(start, end, kind, pid)


def entry_of_directory(inode: int, cookie: int, mode: int, name: bytes) -> bytes:
    """Return an entry of READDIR; the directory goes on after it at ``cookie``."""
    head = _DIRENT.pack(inode, cookie, len(name), mode >> 12)
    return head + name + bytes(-len(name) % 8)


Row = tuple[int, Stat, int, float, int, bytes]
"""An entry to be told with attributes: the node's number, the attributes, the inode number, for how
many seconds they are valid, the cookie behind it, and the name."""


def entries_with_attributes(rows: Iterable[Row], name_life: tuple[int, int]) -> list[bytes]:
    """Return entries of READDIRPLUS, in pieces, whose names are valid for ``name_life``.

    Each is what :func:`entry_out` and :func:`entry_of_directory` return. ``name_life`` is in
    seconds and nanoseconds: see :func:`lifetime`. What neighbours have in common is found once.
    """
    parts: list[bytes] = []
    add, pack = parts.append, _ENTRY_PLUS.pack
    name_s, name_ns = name_life
    owners: tuple[bytes, bytes] | None = None
    uid = gid = life_s = life_ns = 0
    valid_s = -1.0
    for node, status, inode, seconds, cookie, name in rows:
        if seconds != valid_s:
            valid_s = seconds
            life_s, life_ns = lifetime(seconds)
        if (status.owner, status.group) != owners:
            owners = status.owner, status.group
            uid, gid = status.st_uid, status.st_gid
        modified, changed, accessed = status.st_mtime_ns, status.st_ctime_ns, status.st_atime_ns
        m, m_ns = divmod(modified, _SECOND_NS)
        c, c_ns = (m, m_ns) if changed == modified else divmod(changed, _SECOND_NS)
        a, a_ns = (m, m_ns) if accessed == modified else divmod(accessed, _SECOND_NS)
        mode, size, device, length = status.st_mode, status.st_size, status.st_rdev, len(name)
        if size > _SIZE_MAX:
            size = _SIZE_MAX
        if device:
            device = device_of(device >> 32, device & 0xFFFFFFFF)
        # fmt: off
        add(pack(
            node, 0, name_s, life_s, name_ns, life_ns,
            inode, size, status.st_blocks, a, m, c, a_ns, m_ns, c_ns,
            mode, status.st_nlink, uid, gid, device, status.st_blksize, 0,
            inode, cookie, length, mode >> 12,
        ))
        # fmt: on
        add(name)
        if length & 7:
            add(_PADDING[length & 7])
    return parts


NO_ENTRY: Final = bytes(_ENTRY_OUT.size + _ATTR.size)
"""The entry of READDIRPLUS that tells nothing about what has the name."""


def invalidate_attributes(node: int) -> bytes:
    """Return the message that makes the kernel ask for a node's attributes again."""
    body = _INVAL_INODE.pack(node, -1, 0)
    return _OUT.pack(OUT_SIZE + len(body), _NOTIFY_INVAL_INODE, 0) + body


def forget_unused(nodes: Sequence[int]) -> bytes:
    """Return the message that asks the kernel to forget those of some nodes that nobody uses."""
    body = struct.pack(f"=I12x{len(nodes)}Q", len(nodes), *nodes)
    return _OUT.pack(OUT_SIZE + len(body), _NOTIFY_PRUNE, 0) + body


def lifetime(seconds: float) -> tuple[int, int]:
    """Return whole seconds, and the nanoseconds above them."""
    if seconds >= _FOREVER_S:
        return _FOREVER_S, 0
    whole = int(seconds)
    return whole, int((seconds - whole) * _SECOND_NS)


def _attributes(status: Stat, inode: int) -> bytes:
    atime, atime_ns = divmod(status.st_atime_ns, _SECOND_NS)
    mtime, mtime_ns = divmod(status.st_mtime_ns, _SECOND_NS)
    ctime, ctime_ns = divmod(status.st_ctime_ns, _SECOND_NS)
    return _ATTR.pack(
        inode,
        min(status.st_size, _SIZE_MAX),
        status.st_blocks,
        atime,
        mtime,
        ctime,
        atime_ns,
        mtime_ns,
        ctime_ns,
        status.st_mode,
        status.st_nlink,
        status.st_uid,
        status.st_gid,
        device_of(status.st_rdev >> 32, status.st_rdev & 0xFFFFFFFF),
        status.st_blksize,
        0,
    )


def device_of(major: int, minor: int) -> int:
    """Return a device's number as the kernel codes it in 32 bits."""
    return (minor & 0xFF | (major & 0xFFF) << 8 | (minor & 0xFFF00) << 12) & 0xFFFFFFFF


def device_numbers(device: int) -> tuple[int, int]:
    """Return the major and the minor number in what :func:`device_of` returned."""
    return device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xFFF00
