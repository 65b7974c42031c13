"""File attributes: the few sets that the client asks for, decoded straight into ``Stat``.

Attributes travel as a bitmap, followed by their values in the order of its bits (RFC 8881,
Section 3.3.7). A server returns those attributes that it supports, which is nearly always all of
those requested: this case takes two ``struct`` steps. Any other reply is decoded attribute by
attribute.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from nfsrdma.xdr import Decoder, XdrError
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import bitmap_from_mask, decode_fattr4, encode_fattr4, mask_of

_NOBODY: Final = 65534
_SECOND_NS: Final = 1_000_000_000
_BLOCK: Final = 512
NAME_MAX: Final = 1024
"""The longest name in octets, of an entry or a user, that is accepted from a server."""
_HANDLE_MAX: Final = 128

# nfs_ftype4 -> the file type in st_mode. POSIX leaves the numbers open, but all systems agree.
_FILE_TYPES: Final = {
    t.NF4REG: 0o100000,
    t.NF4DIR: 0o040000,
    t.NF4BLK: 0o060000,
    t.NF4CHR: 0o020000,
    t.NF4LNK: 0o120000,
    t.NF4SOCK: 0o140000,
    t.NF4FIFO: 0o010000,
    t.NF4ATTRDIR: 0o040000,
    t.NF4NAMEDATTR: 0o100000,
}


def bitmap(bits: Iterable[int]) -> bytes:
    """Return an encoded bitmap4."""
    words = bitmap_from_mask(mask_of(*bits))
    return struct.pack(f">{len(words) + 1}I", len(words), *words)


class Stat:
    """The result of ``stat()``: the attributes of an ``os.stat_result``, and some of NFS's own.

    Times are integers in nanoseconds (``st_mtime_ns``), with float properties in seconds.
    ``st_uid`` and ``st_gid`` are 65534 for an owner whose name is not a number; ``owner`` and
    ``group`` are the names as the server sent them.
    """

    __slots__ = (
        "change",
        "fsid",
        "group",
        "handle",
        "owner",
        "st_atime_ns",
        "st_blocks",
        "st_ctime_ns",
        "st_ino",
        "st_mode",
        "st_mtime_ns",
        "st_nlink",
        "st_rdev",
        "st_size",
    )

    st_blksize = 1 << 20

    def __init__(self) -> None:
        self.st_mode = 0
        self.st_size = 0
        self.st_ino = 0
        self.st_nlink = 1
        self.st_rdev = 0
        self.st_blocks = 0
        self.st_atime_ns = self.st_mtime_ns = self.st_ctime_ns = 0
        self.owner = self.group = b""
        self.fsid = (0, 0)
        self.change = 0
        self.handle = b""

    @property
    def st_uid(self) -> int:
        """The numeric user ID of the owner."""
        return _identity(self.owner)

    @property
    def st_gid(self) -> int:
        """The numeric ID of the owner's group."""
        return _identity(self.group)

    @property
    def st_dev(self) -> int:
        """A number for the file system: its fsid."""
        return self.fsid[0] << 64 | self.fsid[1]

    @property
    def st_atime(self) -> float:
        """The time of the last access, in seconds."""
        return self.st_atime_ns / _SECOND_NS

    @property
    def st_mtime(self) -> float:
        """The time of the last modification, in seconds."""
        return self.st_mtime_ns / _SECOND_NS

    @property
    def st_ctime(self) -> float:
        """The time of the last change of the metadata, in seconds."""
        return self.st_ctime_ns / _SECOND_NS

    @property
    def is_dir(self) -> bool:
        """Whether this is a directory."""
        return self.st_mode & 0o170000 == 0o040000

    @property
    def is_file(self) -> bool:
        """Whether this is a regular file."""
        return self.st_mode & 0o170000 == 0o100000

    @property
    def is_symlink(self) -> bool:
        """Whether this is a symbolic link."""
        return self.st_mode & 0o170000 == 0o120000

    def __repr__(self) -> str:
        return (
            f"Stat(st_mode={self.st_mode:#o}, st_size={self.st_size}, st_ino={self.st_ino}, "
            f"st_uid={self.st_uid}, st_gid={self.st_gid}, st_mtime={self.st_mtime})"
        )


@lru_cache(maxsize=1024)
def _identity(name: bytes) -> int:
    # With AUTH_SYS, a numeric string is a numeric ID (RFC 8881, Section 5.9).
    if name.isdigit() and len(name) <= 10:
        return int(name)
    return 0 if name.startswith(b"root@") else _NOBODY


Values = dict[int, Any]


def decode_values(dec: Decoder) -> Values:
    """Decode a fattr4 into values by attribute number. Raises ``XdrError``."""
    return decode_fattr4(t.fattr4.decode(dec))


def _time_ns(seconds: int, nanoseconds: int) -> int:
    if nanoseconds >= _SECOND_NS:
        raise XdrError(f"{nanoseconds} nanoseconds of a second")
    return seconds * _SECOND_NS + nanoseconds


# --- The attributes of stat() ---

_STAT_BITS: Final = (
    t.FATTR4_TYPE,
    t.FATTR4_CHANGE,
    t.FATTR4_SIZE,
    t.FATTR4_FSID,
    t.FATTR4_FILEID,
    t.FATTR4_MODE,
    t.FATTR4_NUMLINKS,
    t.FATTR4_OWNER,
    t.FATTR4_OWNER_GROUP,
    t.FATTR4_RAWDEV,
    t.FATTR4_SPACE_USED,
    t.FATTR4_TIME_ACCESS,
    t.FATTR4_TIME_METADATA,
    t.FATTR4_TIME_MODIFY,
)
STAT: Final[bytes] = bitmap(_STAT_BITS)
"""The bitmap to request for :func:`decode_stat`."""
STAT_ROOM: Final = 512
"""Octets that these attributes take at most: 140, and room for the owners' names."""

_STAT_MASK: Final = struct.unpack(">3I", STAT)
_STAT_HEAD: Final = struct.Struct(">5I2Q2QQ2I")
_STAT_TAIL: Final = struct.Struct(">2IQ" + "qI" * 3)


def decode_stat_in_python(dec: Decoder) -> Stat:
    """Decode a fattr4 that was requested with :data:`STAT`. Raises ``XdrError``."""
    start = dec.offset
    try:
        head = dec.unpack(_STAT_HEAD)
    except XdrError:
        return stat_from_values(decode_values(dec))
    if head[:3] != _STAT_MASK:
        dec.offset = start
        return stat_from_values(decode_values(dec))
    result = Stat.__new__(Stat)
    _, _, _, size, kind, result.change, result.st_size, major, minor, result.st_ino, mode, links = (
        head
    )
    end = start + 16 + size
    result.st_mode = _mode(kind, mode)
    result.st_nlink = links
    result.fsid = (major, minor)
    result.handle = b""
    result.owner = dec.opaque(NAME_MAX)
    result.group = dec.opaque(NAME_MAX)
    _tail(result, dec)
    if dec.offset != end:
        raise XdrError("attributes that are longer or shorter than they say")
    return result


def _tail(result: Stat, dec: Decoder) -> None:
    major, minor, used, access, access_ns, change, change_ns, modify, modify_ns = dec.unpack(
        _STAT_TAIL
    )
    if (most := max(access_ns, change_ns, modify_ns)) >= _SECOND_NS:
        raise XdrError(f"{most} nanoseconds of a second")
    result.st_rdev = major << 32 | minor
    result.st_blocks = used // _BLOCK
    result.st_atime_ns = access * _SECOND_NS + access_ns
    result.st_ctime_ns = change * _SECOND_NS + change_ns
    result.st_mtime_ns = modify * _SECOND_NS + modify_ns


def _mode(kind: int, mode: int) -> int:
    try:
        return _FILE_TYPES[kind] | mode & 0o7777
    except KeyError:
        raise XdrError(f"{kind} is no type of file") from None


def stat_from_values(values: Values) -> Stat:
    """Make a :class:`Stat` the slow way. Raises ``XdrError`` if even the type is missing."""
    if t.FATTR4_TYPE not in values:
        raise XdrError("attributes without a type")
    result = Stat()
    result.st_mode = _mode(values[t.FATTR4_TYPE], values.get(t.FATTR4_MODE, 0))
    result.st_size = values.get(t.FATTR4_SIZE, 0)
    result.st_ino = values.get(t.FATTR4_FILEID, 0)
    result.st_nlink = values.get(t.FATTR4_NUMLINKS, 1)
    device = values.get(t.FATTR4_RAWDEV)
    result.st_rdev = device.specdata1 << 32 | device.specdata2 if device else 0
    result.st_blocks = values.get(t.FATTR4_SPACE_USED, result.st_size) // _BLOCK
    result.st_atime_ns = _time_of(values.get(t.FATTR4_TIME_ACCESS))
    result.st_ctime_ns = _time_of(values.get(t.FATTR4_TIME_METADATA))
    result.st_mtime_ns = _time_of(values.get(t.FATTR4_TIME_MODIFY))
    result.owner = values.get(t.FATTR4_OWNER, b"")
    result.group = values.get(t.FATTR4_OWNER_GROUP, b"")
    fsid = values.get(t.FATTR4_FSID)
    result.fsid = (fsid.major, fsid.minor) if fsid else (0, 0)
    result.change = values.get(t.FATTR4_CHANGE, 0)
    result.handle = values.get(t.FATTR4_FILEHANDLE, b"")
    return result


def _time_of(time: t.nfstime4 | None) -> int:
    return _time_ns(time.seconds, time.nseconds) if time is not None else 0


try:
    from ._quick import decode_stat as decode_stat
    from ._quick import take_entries as take_entries
except ImportError:
    decode_stat = decode_stat_in_python

    def take_entries(
        decoder: Decoder, entries: list[tuple[bytes, Stat | int]], cookies: list[int], /
    ) -> None:
        """Take none of the entries that the compiled twin of :func:`decode_entries` would."""


# --- Directories ---

ENTRY: Final = bitmap((*_STAT_BITS, t.FATTR4_RDATTR_ERROR, t.FATTR4_FILEHANDLE))
"""The bitmap to request of each entry for :func:`decode_entries`."""
_ENTRY_MASK: Final = struct.unpack(">3I", ENTRY)
_ENTRY_HEAD: Final = struct.Struct(">5I2Q2QI")
_ENTRY_MIDDLE: Final = struct.Struct(">Q2I")


class Page:
    """One reply to READDIR: entries, and where the next page begins unless this is the last."""

    __slots__ = ("cookie", "cookies", "end", "entries", "verifier")

    def __init__(self, verifier: bytes) -> None:
        self.verifier = verifier
        self.entries: list[tuple[bytes, Stat | int]] = []
        self.cookies: list[int] = []
        """The cookies of the entries: a listing can go on after any of them."""
        self.cookie = 0
        self.end = False


def decode_entries(dec: Decoder) -> Page:
    """Decode a READDIR4resok whose entries were requested with :data:`ENTRY`.

    If the server could not get an entry's attributes, the status that says why stands in their
    place (rdattr_error: RFC 8881, Section 5.8.1.12). Raises ``XdrError``, also for a name that no
    directory can hold, since callers build paths from names.
    """
    page = Page(dec.fixed_opaque(8))
    form = _EntryForm()
    take_entries(dec, page.entries, page.cookies)
    while dec.boolean():
        page.cookies.append(dec.uint64())
        name = dec.opaque(NAME_MAX)
        if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
            raise XdrError(f"a directory entry called {name!r}")
        page.entries.append((name, form.decode(dec)))
        take_entries(dec, page.entries, page.cookies)
    page.end = dec.boolean()
    if page.cookies:
        page.cookie = page.cookies[-1]
    return page


@lru_cache(maxsize=64)
def _layout(handle: int, owner: int, group: int) -> struct.Struct:
    """Return the layout of an entry's attributes whose handle and names are of these lengths."""
    parts = [f"I{size}s{-size % 4}x" for size in (handle, owner, group)]
    return struct.Struct(f">5I2Q2QI{parts[0]}Q2I{parts[1]}{parts[2]}2IQqIqIqI")


_NO_ENTRY: Final = (0,) * 28


class _EntryForm:
    """Decodes the attributes of entries in one step each, as long as they have the same lengths."""

    __slots__ = ("_fsid", "_layout", "_sizes")

    def __init__(self) -> None:
        self._fsid = (0, 0)
        self._use(0, 0, 0)

    def _use(self, handle: int, owner: int, group: int) -> None:
        self._layout = _layout(handle, owner, group)
        self._sizes = (self._layout.size - 16, handle, owner, group)

    def decode(self, dec: Decoder) -> Stat | int:
        """Decode the attributes of one entry, or the status that stands in their place."""
        start = dec.offset
        try:
            found = dec.unpack(self._layout)
        except XdrError:
            found = _NO_ENTRY
        if (found[3], found[10], found[15], found[17]) != self._sizes or found[:3] != _ENTRY_MASK:
            dec.offset = start
            if not self._fit(dec):
                return _entry_from_values(decode_values(dec))
            found = dec.unpack(self._layout)
        # fmt: off
        (
            _, _, _, _, kind, change, length, major, minor, _,
            _, handle, inode, mode, links, _, owner, _, group,
            major_device, minor_device, used,
            accessed, accessed_ns, changed, changed_ns, modified, modified_ns,
        ) = found
        # fmt: on
        if self._fsid != (major, minor):
            self._fsid = (major, minor)
        if accessed_ns >= _SECOND_NS or changed_ns >= _SECOND_NS or modified_ns >= _SECOND_NS:
            raise XdrError("a billion nanoseconds of a second, or more")
        result = Stat.__new__(Stat)
        result.st_mode = _mode(kind, mode)
        result.change = change
        result.st_size = length
        result.fsid = self._fsid
        result.handle = handle
        result.st_ino = inode
        result.st_nlink = links
        result.owner = owner
        result.group = group
        result.st_rdev = major_device << 32 | minor_device
        result.st_blocks = used // _BLOCK
        result.st_atime_ns = accessed * _SECOND_NS + accessed_ns
        result.st_ctime_ns = changed * _SECOND_NS + changed_ns
        result.st_mtime_ns = modified * _SECOND_NS + modified_ns
        return result

    def _fit(self, dec: Decoder) -> bool:
        """Expect the lengths of the attributes ahead; False if they are not those asked for."""
        start = dec.offset
        try:
            head = dec.unpack(_ENTRY_HEAD)
        except XdrError:
            return False
        asked = bool(head[:3] == _ENTRY_MASK)
        if asked:
            handle = len(dec.opaque(_HANDLE_MAX))
            dec.unpack(_ENTRY_MIDDLE)
            self._use(handle, len(dec.opaque(NAME_MAX)), len(dec.opaque(NAME_MAX)))
            if head[3] != self._layout.size - 16:
                raise XdrError("attributes that are longer or shorter than they say")
        dec.offset = start
        return asked


def _entry_from_values(values: Values) -> Stat | int:
    if t.FATTR4_TYPE in values:
        return stat_from_values(values)
    return values.get(t.FATTR4_RDATTR_ERROR, 0) or t.NFS4ERR_SERVERFAULT


# --- Types, for the server to compare ---

DIRECTORY_TYPE: Final = t.fattr4([1 << t.FATTR4_TYPE], t.NF4DIR.to_bytes(4))
LINK_TYPE: Final = t.fattr4([1 << t.FATTR4_TYPE], t.NF4LNK.to_bytes(4))


def size_attribute(size: int) -> t.fattr4:
    """Return a fattr4 with a size alone, for the server to compare."""
    return t.fattr4([1 << t.FATTR4_SIZE], size.to_bytes(8))


# --- File systems ---

CHANGE: Final = bitmap((t.FATTR4_CHANGE,))
"""The bitmap of the change attribute alone, for :func:`decode_change`."""
CHANGE_ROOM: Final = 24


def decode_change(dec: Decoder) -> int:
    """Decode a fattr4 that was requested with :data:`CHANGE`. Raises ``XdrError``."""
    return int(decode_values(dec).get(t.FATTR4_CHANGE, 0))


ACL: Final = bitmap((t.FATTR4_ACL,))
"""The bitmap of the access control list alone, for :func:`decode_values`."""
ACL_ROOM: Final = 1 << 16
"""Octets of a list that are accepted at most."""
SERVER_LIMITS: Final = bitmap(
    (
        t.FATTR4_SUPPORTED_ATTRS,
        t.FATTR4_LEASE_TIME,
        t.FATTR4_MAXFILESIZE,
        t.FATTR4_MAXREAD,
        t.FATTR4_MAXWRITE,
        t.FATTR4_SUPPATTR_EXCLCREAT,
    )
)
FILE_SYSTEM: Final = bitmap(
    (
        t.FATTR4_FILES_AVAIL,
        t.FATTR4_FILES_FREE,
        t.FATTR4_FILES_TOTAL,
        t.FATTR4_MAXNAME,
        t.FATTR4_SPACE_AVAIL,
        t.FATTR4_SPACE_FREE,
        t.FATTR4_SPACE_TOTAL,
    )
)
VALUES_ROOM: Final = 256


class StatVfs:
    """The result of ``statvfs()``: sizes in units of ``f_frsize`` octets."""

    __slots__ = (
        "f_bavail",
        "f_bfree",
        "f_blocks",
        "f_favail",
        "f_ffree",
        "f_files",
        "f_namemax",
    )

    f_bsize = 4096
    f_frsize = 4096

    def __init__(self, values: Values) -> None:
        self.f_blocks = values.get(t.FATTR4_SPACE_TOTAL, 0) // self.f_frsize
        self.f_bfree = values.get(t.FATTR4_SPACE_FREE, 0) // self.f_frsize
        self.f_bavail = values.get(t.FATTR4_SPACE_AVAIL, 0) // self.f_frsize
        self.f_files = values.get(t.FATTR4_FILES_TOTAL, 0)
        self.f_ffree = values.get(t.FATTR4_FILES_FREE, 0)
        self.f_favail = values.get(t.FATTR4_FILES_AVAIL, 0)
        self.f_namemax = values.get(t.FATTR4_MAXNAME, 255)


# --- Setting attributes ---


def encode_attributes(
    *,
    size: int | None = None,
    mode: int | None = None,
    umask: int = 0,
    uid: int | None = None,
    gid: int | None = None,
    atime_ns: int | None = None,
    mtime_ns: int | None = None,
    atime_now: bool = False,
    mtime_now: bool = False,
) -> t.fattr4:
    """Return a fattr4 with those attributes that are not None.

    ``atime_now`` and ``mtime_now`` set a time to the server's current time. With ``umask`` the
    server takes that from the ``mode`` of a new object that inherits no list (RFC 8275).
    """
    values: Values = {}
    if size is not None:
        values[t.FATTR4_SIZE] = size
    if mode is not None and umask:
        values[t.FATTR4_MODE_UMASK] = t.mode_umask4(mode & 0o7777, umask & 0o777)
    elif mode is not None:
        values[t.FATTR4_MODE] = mode & 0o7777
    if uid is not None:
        values[t.FATTR4_OWNER] = b"%d" % uid
    if gid is not None:
        values[t.FATTR4_OWNER_GROUP] = b"%d" % gid
    if atime_ns is not None or atime_now:
        values[t.FATTR4_TIME_ACCESS_SET] = _settime(atime_ns)
    if mtime_ns is not None or mtime_now:
        values[t.FATTR4_TIME_MODIFY_SET] = _settime(mtime_ns)
    return encode_fattr4(values)


def _settime(time_ns: int | None) -> t.settime4:
    if time_ns is None:
        return t.settime4(t.SET_TO_SERVER_TIME4)
    return t.settime4(t.SET_TO_CLIENT_TIME4, t.nfstime4(*divmod(time_ns, _SECOND_NS)))
