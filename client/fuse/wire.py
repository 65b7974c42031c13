"""Requests of the FUSE protocol, version 7.31 and later (``linux/fuse.h``).

Numbers have the byte order of the machine. The arguments of requests are named tuples with the
names of the C structures' fields; names of files are octets without the final NUL. Each ``parse``
raises ``struct.error`` or :class:`WireError` for a request that is too short.
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import Final, NamedTuple

MAJOR: Final = 7
MINOR: Final = 31
"""The oldest minor version that is understood: Linux 5.4."""
MINOR_MAX: Final = 45
"""The newest minor version whose structures are known here."""
ROOT: Final = 1
"""The number of the root's node."""
_SECOND_NS: Final = 10**9


class WireError(ValueError):
    """A request that is too short for its kind."""


class Opcode(IntEnum):
    """The kinds of requests."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    READLINK = 5
    SYMLINK = 6
    MKNOD = 8
    MKDIR = 9
    UNLINK = 10
    RMDIR = 11
    RENAME = 12
    LINK = 13
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    SETXATTR = 21
    GETXATTR = 22
    LISTXATTR = 23
    REMOVEXATTR = 24
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    FSYNCDIR = 30
    GETLK = 31
    SETLK = 32
    SETLKW = 33
    ACCESS = 34
    CREATE = 35
    INTERRUPT = 36
    BMAP = 37
    DESTROY = 38
    IOCTL = 39
    POLL = 40
    NOTIFY_REPLY = 41
    BATCH_FORGET = 42
    FALLOCATE = 43
    READDIRPLUS = 44
    RENAME2 = 45
    LSEEK = 46
    COPY_FILE_RANGE = 47


class Feature(IntFlag):
    """What INIT negotiates; from bit 32 on in ``flags2``."""

    ASYNC_READ = 1 << 0
    POSIX_LOCKS = 1 << 1
    ATOMIC_O_TRUNC = 1 << 3
    EXPORT_SUPPORT = 1 << 4
    BIG_WRITES = 1 << 5
    DONT_MASK = 1 << 6
    FLOCK_LOCKS = 1 << 10
    AUTO_INVAL_DATA = 1 << 12
    DO_READDIRPLUS = 1 << 13
    READDIRPLUS_AUTO = 1 << 14
    ASYNC_DIO = 1 << 15
    WRITEBACK_CACHE = 1 << 16
    PARALLEL_DIROPS = 1 << 18
    ABORT_ERROR = 1 << 21
    MAX_PAGES = 1 << 22
    CACHE_SYMLINKS = 1 << 23
    HANDLE_KILLPRIV_V2 = 1 << 28
    INIT_EXT = 1 << 30
    DIRECT_IO_ALLOW_MMAP = 1 << 36


class Valid:
    """The fields of SETATTR that are to be set: plain numbers, as there are three per new file."""

    MODE: Final = 1 << 0
    UID: Final = 1 << 1
    GID: Final = 1 << 2
    SIZE: Final = 1 << 3
    ATIME: Final = 1 << 4
    MTIME: Final = 1 << 5
    FH: Final = 1 << 6
    ATIME_NOW: Final = 1 << 7
    MTIME_NOW: Final = 1 << 8
    KILL_SUIDGID: Final = 1 << 11


GETATTR_FH: Final = 1 << 0
"""The flag of GETATTR that says that there is an open file."""
RELEASE_FLOCK_UNLOCK: Final = 1 << 1
"""The flag of RELEASE that gives up the locks of flock(2)."""
LK_FLOCK: Final = 1 << 0
"""The flag of a lock of flock(2)."""
FSYNC_DATASYNC: Final = 1 << 0
"""The flag of FSYNC that leaves the attributes alone."""
WRITE_CACHE: Final = 1 << 0
"""The flag of WRITE for pages from the kernel's cache, at the offsets that it has decided on."""
OPEN_EXEC: Final = 0x20
"""The flag of OPEN for a program that is to be executed."""
NO_CALLER: Final = 0xFFFFFFFF
"""The user of a request that the kernel makes by itself."""

# --- Requests ---

_HEADER: Final = struct.Struct("=IIQQIIIHH")
HEADER_SIZE: Final = _HEADER.size
_FORGET: Final = struct.Struct("=Q")
_BATCH: Final = struct.Struct("=I4x")
_BATCH_ONE: Final = struct.Struct("=QQ")
_INIT: Final = struct.Struct("=4I")
_FLAGS2: Final = struct.Struct("=I")
_GETATTR: Final = struct.Struct("=I4xQ")
_SETATTR: Final = struct.Struct("=I4xQQ8xqq8xII4xI4xII4x")
_MKNOD: Final = struct.Struct("=III4x")
_MKDIR: Final = struct.Struct("=II")
_RENAME: Final = struct.Struct("=Q")
_RENAME2: Final = struct.Struct("=QI4x")
_LINK: Final = struct.Struct("=Q")
_OPEN: Final = struct.Struct("=I4x")
_CREATE: Final = struct.Struct("=III4x")
READ: Final = struct.Struct("=QQI20x")
"""The body of READ: the open file, where it is read, and how much."""
_WRITE: Final = struct.Struct("=QQII8xI4x")
WRITE_HEAD: Final = HEADER_SIZE + _WRITE.size
"""Octets of a WRITE before its data."""
_SETXATTR: Final = struct.Struct("=II")
_GETXATTR: Final = struct.Struct("=I4x")
GETXATTR_SIZE: Final = _GETXATTR.size
"""Octets of a GETXATTR before the name."""
_FLUSH: Final = struct.Struct("=Q8xQ")
_RELEASE: Final = struct.Struct("=QIIQ")
_FSYNC: Final = struct.Struct("=QI4x")
_ACCESS: Final = struct.Struct("=I4x")
_LSEEK: Final = struct.Struct("=QQI4x")
_FALLOCATE: Final = struct.Struct("=QQQI4x")
_COPY: Final = struct.Struct("=7Q")
_LOCK: Final = struct.Struct("=4Q3I4x")
_INTERRUPT: Final = struct.Struct("=Q")


class Header(NamedTuple):
    """The head of a request."""

    length: int
    opcode: int
    unique: int
    node: int
    uid: int
    gid: int
    pid: int
    extension_length: int
    padding: int

    @classmethod
    def parse(cls, request: memoryview) -> Header:
        """Parse the head of a request."""
        return cls._make(_HEADER.unpack_from(request))


class Forgotten(NamedTuple):
    """A node of FORGET or BATCH_FORGET, and how many of its lookups are taken back."""

    node: int
    lookups: int


def parse_forget(node: int, body: memoryview) -> list[Forgotten]:
    """Parse FORGET, which is about ``node``."""
    return [Forgotten(node, *_FORGET.unpack_from(body))]


def parse_batch_forget(body: memoryview) -> list[Forgotten]:
    """Parse BATCH_FORGET."""
    (count,) = _BATCH.unpack_from(body)
    end = _BATCH.size + count * _BATCH_ONE.size
    if len(body) < end:
        raise WireError(f"{count} nodes in {len(body)} octets")
    return [Forgotten._make(each) for each in _BATCH_ONE.iter_unpack(body[_BATCH.size : end])]


def parse_interrupt(body: memoryview) -> int:
    """Parse INTERRUPT; return the request that it is about."""
    return int(_INTERRUPT.unpack_from(body)[0])


class Init(NamedTuple):
    """INIT."""

    major: int
    minor: int
    max_readahead: int
    features: int

    @classmethod
    def parse(cls, body: memoryview) -> Init:
        """Parse a body."""
        major, minor, readahead, flags = _INIT.unpack_from(body)
        if flags & Feature.INIT_EXT:
            flags |= _FLAGS2.unpack_from(body, _INIT.size)[0] << 32
        return cls(major, minor, readahead, flags)


class Nothing(NamedTuple):
    """A request without arguments."""

    @classmethod
    def parse(cls, body: memoryview) -> Nothing:
        """Parse a body."""
        return cls()


class Name(NamedTuple):
    """LOOKUP, UNLINK and RMDIR."""

    name: bytes

    @classmethod
    def parse(cls, body: memoryview) -> Name:
        """Parse a body."""
        return cls(*_names(body, 0, 1))


class GetAttr(NamedTuple):
    """GETATTR."""

    flags: int
    fh: int

    @classmethod
    def parse(cls, body: memoryview) -> GetAttr:
        """Parse a body."""
        return cls(*_GETATTR.unpack_from(body))


class SetAttr(NamedTuple):
    """SETATTR."""

    valid: int
    fh: int
    size: int
    atime_ns: int
    mtime_ns: int
    mode: int
    uid: int
    gid: int

    @classmethod
    def parse(cls, body: memoryview) -> SetAttr:
        """Parse a body."""
        valid, fh, size, atime, mtime, a_ns, m_ns, mode, uid, gid = _SETATTR.unpack_from(body)
        times = atime * _SECOND_NS + a_ns, mtime * _SECOND_NS + m_ns
        return cls(valid, fh, size, *times, mode, uid, gid)


class SymLink(NamedTuple):
    """SYMLINK."""

    name: bytes
    target: bytes

    @classmethod
    def parse(cls, body: memoryview) -> SymLink:
        """Parse a body."""
        return cls(*_names(body, 0, 2))


class MkNod(NamedTuple):
    """MKNOD; ``device`` has the coding of ``stat(2)`` in the kernel."""

    mode: int
    device: int
    umask: int
    name: bytes

    @classmethod
    def parse(cls, body: memoryview) -> MkNod:
        """Parse a body."""
        return cls(*_MKNOD.unpack_from(body), *_names(body, _MKNOD.size, 1))


class MkDir(NamedTuple):
    """MKDIR."""

    mode: int
    umask: int
    name: bytes

    @classmethod
    def parse(cls, body: memoryview) -> MkDir:
        """Parse a body."""
        return cls(*_MKDIR.unpack_from(body), *_names(body, _MKDIR.size, 1))


class Rename(NamedTuple):
    """RENAME."""

    directory: int
    old: bytes
    new: bytes

    @classmethod
    def parse(cls, body: memoryview) -> Rename:
        """Parse a body."""
        return cls(*_RENAME.unpack_from(body), *_names(body, _RENAME.size, 2))


class Rename2(NamedTuple):
    """RENAME2."""

    directory: int
    flags: int
    old: bytes
    new: bytes

    @classmethod
    def parse(cls, body: memoryview) -> Rename2:
        """Parse a body."""
        return cls(*_RENAME2.unpack_from(body), *_names(body, _RENAME2.size, 2))


class Link(NamedTuple):
    """LINK: the node that gets another name."""

    node: int
    name: bytes

    @classmethod
    def parse(cls, body: memoryview) -> Link:
        """Parse a body."""
        return cls(*_LINK.unpack_from(body), *_names(body, _LINK.size, 1))


class Open(NamedTuple):
    """OPEN and OPENDIR."""

    flags: int

    @classmethod
    def parse(cls, body: memoryview) -> Open:
        """Parse a body."""
        return cls(*_OPEN.unpack_from(body))


class Create(NamedTuple):
    """CREATE."""

    flags: int
    mode: int
    umask: int
    name: bytes

    @classmethod
    def parse(cls, body: memoryview) -> Create:
        """Parse a body."""
        return cls(*_CREATE.unpack_from(body), *_names(body, _CREATE.size, 1))


class Read(NamedTuple):
    """READ, READDIR and READDIRPLUS."""

    fh: int
    offset: int
    size: int

    @classmethod
    def parse(cls, body: memoryview) -> Read:
        """Parse a body."""
        return cls(*READ.unpack_from(body))


class Write(NamedTuple):
    """WRITE; the data is a copy, unless the request is in memory that nobody can write to."""

    fh: int
    offset: int
    write_flags: int
    flags: int
    data: bytes | memoryview

    @classmethod
    def parse(cls, body: memoryview) -> Write:
        """Parse a body."""
        fh, offset, size, write_flags, flags = _WRITE.unpack_from(body)
        data: bytes | memoryview = body[_WRITE.size : _WRITE.size + size]
        if not body.readonly:
            data = bytes(data)
        if len(data) < size:
            raise WireError(f"{len(data)} octets where {size} are to be written")
        return cls(fh, offset, write_flags, flags, data)

    @classmethod
    def parse_apart(cls, body: memoryview, data: memoryview) -> Write:
        """Parse a body whose data is elsewhere, where nobody writes to it."""
        fh, offset, size, write_flags, flags = _WRITE.unpack_from(body)
        if len(data) < size:
            raise WireError(f"{len(data)} octets where {size} are to be written")
        return cls(fh, offset, write_flags, flags, data[:size])


class SetXattr(NamedTuple):
    """SETXATTR; ``flags`` are those of setxattr(2), and the value is a copy."""

    name: bytes
    value: bytes
    flags: int

    @classmethod
    def parse(cls, body: memoryview) -> SetXattr:
        """Parse a body."""
        size, flags = _SETXATTR.unpack_from(body)
        (name,) = _names(body, _SETXATTR.size, 1)
        start = _SETXATTR.size + len(name) + 1
        value = bytes(body[start : start + size])
        if len(value) < size:
            raise WireError(f"{len(value)} octets where a value has {size}")
        return cls(name, value, flags)


class GetXattr(NamedTuple):
    """GETXATTR. The process wants ``size`` octets at most, or with 0 to know how many there are."""

    size: int
    name: bytes

    @classmethod
    def parse(cls, body: memoryview) -> GetXattr:
        """Parse a body."""
        return cls(*_GETXATTR.unpack_from(body), *_names(body, _GETXATTR.size, 1))


class ListXattr(NamedTuple):
    """LISTXATTR, with a size like GETXATTR."""

    size: int

    @classmethod
    def parse(cls, body: memoryview) -> ListXattr:
        """Parse a body."""
        return cls(*_GETXATTR.unpack_from(body))


class Flush(NamedTuple):
    """FLUSH."""

    fh: int
    lock_owner: int

    @classmethod
    def parse(cls, body: memoryview) -> Flush:
        """Parse a body."""
        return cls(*_FLUSH.unpack_from(body))


class Release(NamedTuple):
    """RELEASE and RELEASEDIR."""

    fh: int
    flags: int
    release_flags: int
    lock_owner: int

    @classmethod
    def parse(cls, body: memoryview) -> Release:
        """Parse a body."""
        return cls(*_RELEASE.unpack_from(body))


class Fsync(NamedTuple):
    """FSYNC and FSYNCDIR."""

    fh: int
    flags: int

    @classmethod
    def parse(cls, body: memoryview) -> Fsync:
        """Parse a body."""
        return cls(*_FSYNC.unpack_from(body))


class Access(NamedTuple):
    """ACCESS: a mask of ``R_OK``, ``W_OK`` and ``X_OK``."""

    mask: int

    @classmethod
    def parse(cls, body: memoryview) -> Access:
        """Parse a body."""
        return cls(*_ACCESS.unpack_from(body))


class LSeek(NamedTuple):
    """LSEEK."""

    fh: int
    offset: int
    whence: int

    @classmethod
    def parse(cls, body: memoryview) -> LSeek:
        """Parse a body."""
        return cls(*_LSEEK.unpack_from(body))


class FAllocate(NamedTuple):
    """FALLOCATE."""

    fh: int
    offset: int
    length: int
    mode: int

    @classmethod
    def parse(cls, body: memoryview) -> FAllocate:
        """Parse a body."""
        return cls(*_FALLOCATE.unpack_from(body))


class CopyRange(NamedTuple):
    """COPY_FILE_RANGE: from an offset in one open file to an offset in another."""

    fh: int
    offset: int
    target_node: int
    target_fh: int
    target_offset: int
    length: int
    flags: int

    @classmethod
    def parse(cls, body: memoryview) -> CopyRange:
        """Parse a body."""
        return cls(*_COPY.unpack_from(body))


class Lock(NamedTuple):
    """GETLK, SETLK and SETLKW; ``end`` is the last octet."""

    fh: int
    owner: int
    start: int
    end: int
    kind: int
    pid: int
    flags: int

    @classmethod
    def parse(cls, body: memoryview) -> Lock:
        """Parse a body."""
        return cls(*_LOCK.unpack_from(body))


def _names(body: memoryview, offset: int, count: int) -> list[bytes]:
    """Return ``count`` names that end with NUL each."""
    names = bytes(body[offset:]).split(b"\0", count)
    if len(names) <= count:
        raise WireError("a name without an end")
    return names[:count]
