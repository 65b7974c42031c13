"""Attributes of exported objects, between back ends and ``fattr4`` (RFC 8881, Section 5).

What users and groups are called is up to ``owners``.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Encoder, XdrError
from nfsrdma.xdr.nfs4 import attrs as xattrs
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import bitmap_from_mask, mask_from_bitmap, mask_of, numbers_in
from nfsrdma.xdr.nfs4.errors import NfsError, status_of

from . import acl
from .engine.core import Core
from .owners import Id
from .vfs.export import Export
from .vfs.interface import Attributes, FileSystem, Node, Statistics
from .vfs.namespace import Filehandle
from .vfs.posix_acl import Acls
from .waiting import ready, started

TYPES: Final[Mapping[int, int]] = {
    stat.S_IFREG: nfs.NF4REG,
    stat.S_IFDIR: nfs.NF4DIR,
    stat.S_IFBLK: nfs.NF4BLK,
    stat.S_IFCHR: nfs.NF4CHR,
    stat.S_IFLNK: nfs.NF4LNK,
    stat.S_IFSOCK: nfs.NF4SOCK,
    stat.S_IFIFO: nfs.NF4FIFO,
}
"""``nfs_ftype4`` by ``stat.S_IF*``."""

_BILLION: Final = 1_000_000_000
_LENGTH = struct.Struct(">I")


class Subject:
    """An object whose attributes are asked for, and what those of fixed size are made of."""

    __slots__ = (
        "_acls",
        "_room",
        "_wire",
        "accessed_ns",
        "accessed_s",
        "attributes",
        "changed_ns",
        "changed_s",
        "core",
        "export",
        "identity",
        "kind",
        "major",
        "minor",
        "minor_device",
        "modified_ns",
        "modified_s",
        "status",
    )

    no = 0
    yes = 1
    expire_type = nfs.FH4_PERSISTENT

    def __init__(
        self,
        core: Core,
        minor: int,
        export: Export,
        attributes: Attributes,
        identity: bytes,
        wire: bytes | None = None,
        room: Statistics | None = None,
        acls: Acls | None = None,
    ) -> None:
        self.core = core
        self.minor = minor
        self.export = export
        self.attributes = attributes
        self.identity = identity
        self.status = nfs.NFS4_OK
        self.kind = TYPES[attributes.type]
        self.major, self.minor_device = attributes.rdev
        self.accessed_s, self.accessed_ns = divmod(attributes.atime_ns, _BILLION)
        self.modified_s, self.modified_ns = divmod(attributes.mtime_ns, _BILLION)
        self.changed_s, self.changed_ns = divmod(attributes.ctime_ns, _BILLION)
        self._wire = wire
        self._room = room
        self._acls = acls

    def updated(self, attributes: Attributes) -> Subject:
        """Return the same object with other attributes."""
        export, identity = self.export, self.identity
        return Subject(
            self.core, self.minor, export, attributes, identity, self._wire, self._room, self._acls
        )

    @property
    def wire(self) -> bytes:
        """The file handle."""
        if self._wire is None:
            self._wire = self.core.namespace.encode(self.export, self.identity)
        return self._wire

    @property
    def room(self) -> Statistics:
        """The room in the file system: see :func:`room_of`."""
        assert self._room is not None
        return self._room

    @property
    def max_link(self) -> int:
        """The most links that there may be, as far as 32 bits can tell."""
        return min(self.export.fs.max_link, 0xFFFFFFFF)

    @property
    def has_xattrs(self) -> int:
        """Whether objects can have extended attributes (RFC 8276, Section 8.2)."""
        return int(self.export.fs.has_xattrs)

    @property
    def aclsupport(self) -> int:
        """What access control lists there are."""
        return acl.SUPPORT if self.export.fs.has_acls else 0

    @property
    def aces(self) -> list[nfs.nfsace4]:
        """The access control list."""
        assert self._acls is not None
        owners = self.core.owners
        return acl.to_aces(self._acls, self.kind == nfs.NF4DIR, owners.user, owners.group)

    @property
    def lease(self) -> int:
        """The lease in seconds."""
        return int(self.core.config.times.lease)

    @property
    def mounted_on(self) -> int:
        """The fileid of the object, or of what it covers."""
        export = self.export
        if export.mounted_on is not None and self.identity == export.fs.root.identity:
            return export.mounted_on
        return self.attributes.fileid

    @property
    def charset(self) -> int:
        """What names may be: see RFC 8881, Section 14.4.

        Names that are there may have any octets, and are told and taken as they are, also where
        new ones must be UTF-8. So the other flag would not be true, and must not stand beside it.
        """
        return nfs.FSCHARSET_CAP4_CONTAINS_NON_UTF8

    @property
    def change_type(self) -> int:
        """What the change attribute promises (RFC 7862, Section 12.2.3)."""
        if self.export.fs.change_is_monotonic:
            return nfs.NFS4_CHANGE_TYPE_IS_MONOTONIC_INCR
        return nfs.NFS4_CHANGE_TYPE_IS_TIME_METADATA

    @property
    def born_s(self) -> int:
        """Seconds of the time of creation."""
        return self.attributes.btime_ns // _BILLION

    @property
    def born_ns(self) -> int:
        """Nanoseconds of it beyond those seconds."""
        return self.attributes.btime_ns % _BILLION

    @property
    def resolution_s(self) -> int:
        """Seconds of the resolution of times."""
        return self.export.fs.time_resolution_ns // _BILLION

    @property
    def resolution_ns(self) -> int:
        """Nanoseconds of it beyond those seconds."""
        return self.export.fs.time_resolution_ns % _BILLION


def takes_more(core: Core, mask: int) -> bool:
    """Return whether the attributes in ``mask`` are made of more than those of an inode."""
    return bool(mask & (ROOM | ACLS) or (core.owners.sends_names and mask & OWNER_BITS))


def of_handle(core: Core, minor: int, handle: Filehandle, mask: int) -> Subject | Future[Subject]:
    """Return the object of a file handle, with what the attributes in ``mask`` are made of."""
    export, node = handle.export, handle.node
    found = export.fs.attributes(node, bool(mask & TIME_CREATE))
    if isinstance(found, Future) or takes_more(core, mask):
        return started(_of_handle(core, minor, handle, mask, found))
    return Subject(core, minor, export, found, node.identity, handle.wire)


def of_handle_at_once(core: Core, minor: int, handle: Filehandle, mask: int) -> Subject | None:
    """Return what :func:`of_handle` would, or None if that would have to wait."""
    export, node = handle.export, handle.node
    if takes_more(core, mask):
        return None
    found = export.fs.attributes_at_once(node, bool(mask & TIME_CREATE))
    if found is None:
        return None
    return Subject(core, minor, export, found, node.identity, handle.wire)


async def _of_handle(
    core: Core, minor: int, handle: Filehandle, mask: int, found: Attributes | Future[Attributes]
) -> Subject:
    export, identity, wire = handle.export, handle.node.identity, handle.wire
    room = await room_of(export, mask)
    acls = await acls_of(export.fs, handle.node, mask)
    attributes: Attributes = await ready(found)
    await ready(core.owners.look_up(ids_in(attributes, acls, mask)))
    return Subject(core, minor, export, attributes, identity, wire, room, acls)


async def room_of(export: Export, mask: int) -> Statistics | None:
    """Return the room in an export's file system, if the attributes in ``mask`` are about that."""
    if not mask & ROOM:
        return None
    room: Statistics = await ready(export.fs.statistics())
    return room


async def acls_of(fs: FileSystem, node: Node, mask: int) -> Acls | None:
    """Return the access control lists of a node, if the attributes in ``mask`` are about them."""
    if not mask & ACLS:
        return None
    acls: Acls = await ready(fs.acls(node))
    return acls


# --- Reading ---


@lru_cache(maxsize=1024)
def _number(number: int) -> bytes:
    """Return a user or group as it is sent without a name: a string."""
    enc = Encoder()
    enc.opaque(b"%d" % number)
    return bytes(enc.buffer)


def ids_in(attributes: Attributes, acls: Acls | None, mask: int) -> list[Id]:
    """Return the users and groups that are named by the attributes in ``mask``."""
    ids: list[Id] = []
    if mask & OWNER_BITS:
        ids += [(attributes.uid, False), (attributes.gid, True)]
    if acls is not None:
        for each in filter(None, acls):
            ids += [(number, False) for number in each.users]
            ids += [(number, True) for number in each.groups]
    return ids


_FIXED: Final[Mapping[int, tuple[str, ...]]] = {
    number: tuple(names.split())
    for number, names in {
        nfs.FATTR4_TYPE: "kind",
        nfs.FATTR4_FH_EXPIRE_TYPE: "expire_type",
        nfs.FATTR4_CHANGE: "attributes.change",
        nfs.FATTR4_SIZE: "attributes.size",
        nfs.FATTR4_LINK_SUPPORT: "yes",
        nfs.FATTR4_SYMLINK_SUPPORT: "yes",
        nfs.FATTR4_NAMED_ATTR: "no",
        nfs.FATTR4_FSID: "export.id no",
        nfs.FATTR4_UNIQUE_HANDLES: "yes",
        nfs.FATTR4_LEASE_TIME: "lease",
        nfs.FATTR4_RDATTR_ERROR: "status",
        nfs.FATTR4_ACLSUPPORT: "aclsupport",
        nfs.FATTR4_CANSETTIME: "yes",
        nfs.FATTR4_CASE_INSENSITIVE: "no",
        nfs.FATTR4_CASE_PRESERVING: "yes",
        nfs.FATTR4_CHOWN_RESTRICTED: "yes",
        nfs.FATTR4_FILEID: "attributes.fileid",
        nfs.FATTR4_FILES_AVAIL: "room.files_available",
        nfs.FATTR4_FILES_FREE: "room.files_free",
        nfs.FATTR4_FILES_TOTAL: "room.files_total",
        nfs.FATTR4_HOMOGENEOUS: "yes",
        nfs.FATTR4_MAXFILESIZE: "export.fs.max_file_size",
        nfs.FATTR4_MAXLINK: "max_link",
        nfs.FATTR4_MAXNAME: "export.fs.max_name",
        nfs.FATTR4_MAXREAD: "core.config.max_io",
        nfs.FATTR4_MAXWRITE: "core.config.max_io",
        nfs.FATTR4_MODE: "attributes.mode",
        nfs.FATTR4_NO_TRUNC: "yes",
        nfs.FATTR4_NUMLINKS: "attributes.nlink",
        nfs.FATTR4_RAWDEV: "major minor_device",
        nfs.FATTR4_SPACE_AVAIL: "room.space_available",
        nfs.FATTR4_SPACE_FREE: "room.space_free",
        nfs.FATTR4_SPACE_TOTAL: "room.space_total",
        nfs.FATTR4_SPACE_USED: "attributes.space_used",
        nfs.FATTR4_TIME_ACCESS: "accessed_s accessed_ns",
        nfs.FATTR4_TIME_CREATE: "born_s born_ns",
        nfs.FATTR4_TIME_DELTA: "resolution_s resolution_ns",
        nfs.FATTR4_TIME_METADATA: "changed_s changed_ns",
        nfs.FATTR4_TIME_MODIFY: "modified_s modified_ns",
        nfs.FATTR4_MOUNTED_ON_FILEID: "mounted_on",
        nfs.FATTR4_FS_CHARSET_CAP: "charset",
        nfs.FATTR4_CLONE_BLKSIZE: "export.fs.clone_block",
        nfs.FATTR4_CHANGE_ATTR_TYPE: "change_type",
        nfs.FATTR4_XATTR_SUPPORT: "has_xattrs",
    }.items()
}
"""The attributes of fixed size: which of a subject's attributes have their numbers."""

_OPEN_ARGUMENTS: Final = nfs.open_arguments4(
    bitmap_from_mask(
        mask_of(
            nfs.OPEN_ARGS_SHARE_ACCESS_READ,
            nfs.OPEN_ARGS_SHARE_ACCESS_WRITE,
            nfs.OPEN_ARGS_SHARE_ACCESS_BOTH,
        )
    ),
    bitmap_from_mask(
        mask_of(
            nfs.OPEN_ARGS_SHARE_DENY_NONE,
            nfs.OPEN_ARGS_SHARE_DENY_READ,
            nfs.OPEN_ARGS_SHARE_DENY_WRITE,
            nfs.OPEN_ARGS_SHARE_DENY_BOTH,
        )
    ),
    bitmap_from_mask(
        mask_of(
            nfs.OPEN_ARGS_SHARE_ACCESS_WANT_ANY_DELEG,
            nfs.OPEN_ARGS_SHARE_ACCESS_WANT_NO_DELEG,
            nfs.OPEN_ARGS_SHARE_ACCESS_WANT_CANCEL,
            nfs.OPEN_ARGS_SHARE_ACCESS_WANT_DELEG_TIMESTAMPS,
            nfs.OPEN_ARGS_SHARE_ACCESS_WANT_OPEN_XOR_DELEGATION,
        )
    ),
    bitmap_from_mask(
        mask_of(
            nfs.OPEN_ARGS_OPEN_CLAIM_NULL,
            nfs.OPEN_ARGS_OPEN_CLAIM_PREVIOUS,
            nfs.OPEN_ARGS_OPEN_CLAIM_DELEGATE_CUR,
            nfs.OPEN_ARGS_OPEN_CLAIM_FH,
            nfs.OPEN_ARGS_OPEN_CLAIM_DELEG_CUR_FH,
        )
    ),
    bitmap_from_mask(
        mask_of(
            nfs.OPEN_ARGS_CREATEMODE_UNCHECKED4,
            nfs.OPEN_ARGS_CREATE_MODE_GUARDED,
            nfs.OPEN_ARGS_CREATEMODE_EXCLUSIVE4,
            nfs.OPEN_ARGS_CREATE_MODE_EXCLUSIVE4_1,
        )
    ),
)
"""What OPEN takes (RFC 9754, Section 3)."""

_VARIABLE: Final[Mapping[int, Callable[[Subject], Any]]] = {
    nfs.FATTR4_SUPPORTED_ATTRS: lambda s: bitmap_from_mask(supported(s.export.fs, s.minor)),
    nfs.FATTR4_FILEHANDLE: lambda s: s.wire,
    nfs.FATTR4_FS_LAYOUT_TYPES: lambda s: [],
    nfs.FATTR4_FS_LOCATIONS: lambda s: _locations(s.export),
    nfs.FATTR4_OPEN_ARGUMENTS: lambda s: _OPEN_ARGUMENTS,
    nfs.FATTR4_SUPPATTR_EXCLCREAT: lambda s: bitmap_from_mask(
        _EXCLUSIVE_CREATE & supported(s.export.fs, s.minor)
    ),
    nfs.FATTR4_ACL: lambda s: s.aces,
    nfs.FATTR4_DACL: lambda s: nfs.nfsacl41(0, s.aces),
}


def _locations(export: Export) -> nfs.fs_locations4:
    """Return where the files of an export are besides (RFC 7530, Section 8.8)."""
    return nfs.fs_locations4(
        list(export.path),
        [nfs.fs_location4([each.server], list(each.path)) for each in export.locations],
    )


OWNERS: Final[Mapping[int, Callable[[Subject], int]]] = {
    nfs.FATTR4_OWNER: attrgetter("attributes.uid"),
    nfs.FATTR4_OWNER_GROUP: attrgetter("attributes.gid"),
}

_LIKELY_OTHERS: Final = {nfs.FATTR4_FILEHANDLE: 40, nfs.FATTR4_OWNER: 8, nfs.FATTR4_OWNER_GROUP: 8}
_LIKELY_OTHER: Final = 64
"""Octets of an attribute without a fixed size."""
OWNER_BITS: Final = mask_of(*OWNERS)
MOUNTED_ON: Final = mask_of(nfs.FATTR4_MOUNTED_ON_FILEID)
READABLE: Final = mask_of(*_FIXED, *_VARIABLE, *OWNERS)
"""What can be read."""
LISTED: Final = mask_of(
    *(nfs.FATTR4_TYPE, nfs.FATTR4_CHANGE, nfs.FATTR4_SIZE, nfs.FATTR4_FSID),
    *(nfs.FATTR4_RDATTR_ERROR, nfs.FATTR4_FILEHANDLE, nfs.FATTR4_FILEID, nfs.FATTR4_MODE),
    *(nfs.FATTR4_NUMLINKS, nfs.FATTR4_OWNER, nfs.FATTR4_OWNER_GROUP, nfs.FATTR4_RAWDEV),
    *(nfs.FATTR4_SPACE_USED, nfs.FATTR4_TIME_ACCESS, nfs.FATTR4_TIME_METADATA),
    *(nfs.FATTR4_TIME_MODIFY, nfs.FATTR4_MOUNTED_ON_FILEID),
)
"""What the compiled twin of a listing knows (``engine._lane.entries``)."""
SET_ONLY: Final = mask_of(nfs.FATTR4_TIME_ACCESS_SET, nfs.FATTR4_TIME_MODIFY_SET)
_BITMAPS: Final = frozenset({nfs.FATTR4_SUPPORTED_ATTRS, nfs.FATTR4_SUPPATTR_EXCLCREAT})
TIME_CREATE: Final = mask_of(nfs.FATTR4_TIME_CREATE)
_CLONE_BLKSIZE: Final = mask_of(nfs.FATTR4_CLONE_BLKSIZE)
ACLS: Final = mask_of(nfs.FATTR4_ACL, nfs.FATTR4_DACL)
"""What takes a look at access control lists."""
RDATTR_ERROR: Final = mask_of(nfs.FATTR4_RDATTR_ERROR)
ROOM: Final = mask_of(*(number for number, names in _FIXED.items() if names[0].startswith("room.")))
"""What is about the room in a file system."""
DELEGATED_TIMES: Final = mask_of(nfs.FATTR4_TIME_DELEG_ACCESS, nfs.FATTR4_TIME_DELEG_MODIFY)
"""What the holder of a delegation sets before it returns it (RFC 9754, Section 5)."""
SETTABLE: Final = (
    SET_ONLY
    | ACLS
    | mask_of(nfs.FATTR4_SIZE, nfs.FATTR4_MODE, nfs.FATTR4_OWNER, nfs.FATTR4_OWNER_GROUP)
)
_WORDS: Final = (max(mask.bit_length() for mask in xattrs.KNOWN) + 31) // 32
"""The words of a bitmap in which there are attributes."""
MODE_SET_MASKED: Final = mask_of(nfs.FATTR4_MODE_SET_MASKED)
MODE_UMASK: Final = mask_of(nfs.FATTR4_MODE_UMASK)
# What an exclusive OPEN may set: not the times, which hold its verifier.
_EXCLUSIVE_CREATE: Final[int] = (SETTABLE | MODE_UMASK) & ~SET_ONLY


SETS: Final = SETTABLE | MODE_SET_MASKED | MODE_UMASK | DELEGATED_TIMES
"""What can be set, or given to a new object."""
EVERY: Final = READABLE | SETS
"""What some file system has."""


@lru_cache(maxsize=64)
def _supported(has_birth_time: bool, clones: int, has_acls: bool, minor: int) -> int:
    mask = EVERY
    if not has_birth_time:
        mask &= ~TIME_CREATE
    if not clones:
        mask &= ~_CLONE_BLKSIZE
    if not has_acls:
        mask &= ~ACLS
    return mask & xattrs.KNOWN[minor]


def supported(fs: FileSystem, minor: int) -> int:
    """Return the set of the attributes that objects of ``fs`` have."""
    return _supported(fs.has_birth_time, fs.clone_block, fs.has_acls, minor)


def wanted(request: list[int], fs: FileSystem, minor: int) -> int:
    """Return what can be answered of a requested bitmap; INVAL if it names what is only set."""
    # RFC 8881, Section 18.7.3: what is not supported is ignored. The rest of a long bitmap is
    # cut off before it can become a cache's key.
    return _wanted(tuple(request[:_WORDS]), fs.has_birth_time, fs.clone_block, fs.has_acls, minor)


def wanted_of(octets: bytes, fs: FileSystem, minor: int) -> int:
    """Return what :func:`wanted` does, of the words of a short bitmap as they came."""
    return _wanted_of(octets, fs.has_birth_time, fs.clone_block, fs.has_acls, minor)


@lru_cache(maxsize=xattrs.PLANS)
def _wanted_of(octets: bytes, has_birth_time: bool, clones: int, has_acls: bool, minor: int) -> int:
    request = struct.unpack(f">{len(octets) // 4}I", octets)
    return _wanted(request[:_WORDS], has_birth_time, clones, has_acls, minor)


@lru_cache(maxsize=xattrs.PLANS)
def _wanted(
    request: tuple[int, ...], has_birth_time: bool, clones: int, has_acls: bool, minor: int
) -> int:
    mask = mask_from_bitmap(request) & _supported(has_birth_time, clones, has_acls, minor)
    if mask & ~READABLE:
        raise NfsError(nfs.NFS4ERR_INVAL)
    return mask


Step = Callable[[Encoder, Subject], None]


def _fixed_step(numbers: list[int]) -> Step:
    """Return the step for neighbors of fixed size: one look at the subject, one pack."""
    codes = "".join(xattrs.ATTRIBUTES[number].code for number in numbers)
    pack = struct.Struct(">" + codes.replace("?", "I")).pack
    names = [name for number in numbers for name in _FIXED[number]]
    look = attrgetter(*names)

    if len(names) == 1:

        def encode_one(enc: Encoder, subject: Subject) -> None:
            enc.buffer += pack(look(subject))

        return encode_one

    def encode_run(enc: Encoder, subject: Subject) -> None:
        enc.buffer += pack(*look(subject))

    return encode_run


def _variable_step(number: int) -> Step:
    if number in OWNERS:
        who, group = OWNERS[number], number == nfs.FATTR4_OWNER_GROUP

        def encode_owner(enc: Encoder, subject: Subject) -> None:
            owners = subject.core.owners
            if not owners.sends_names:
                enc.buffer += _number(who(subject))
            else:
                enc.opaque((owners.group if group else owners.user)(who(subject)))

        return encode_owner

    get, write = _VARIABLE[number], xattrs.ATTRIBUTES[number].encode

    def encode_variable(enc: Encoder, subject: Subject) -> None:
        write(enc, get(subject))

    return encode_variable


@lru_cache(maxsize=xattrs.PLANS)
def _steps(mask: int) -> tuple[bytes, list[Step]]:
    """Return the bitmap of a set of attributes with an empty length, and the steps for values."""
    words = bitmap_from_mask(mask)
    head = struct.pack(f">{len(words) + 2}I", len(words), *words, 0)
    steps: list[Step] = []
    for fixed, numbers in groupby(numbers_in(mask), _FIXED.__contains__):
        if fixed:
            steps.append(_fixed_step(list(numbers)))
        else:
            steps += map(_variable_step, numbers)
    return head, steps


@lru_cache(maxsize=xattrs.PLANS)
def likely_size(mask: int) -> int:
    """Return about how many octets the ``fattr4`` of the attributes in ``mask`` takes."""
    head, _ = _steps(mask)
    codes = "".join(xattrs.ATTRIBUTES[number].code for number in numbers_in(mask))
    others = sum(
        _LIKELY_OTHERS.get(number, _LIKELY_OTHER)
        for number in numbers_in(mask)
        if number not in _FIXED
    )
    return len(head) + struct.calcsize(">" + codes.replace("?", "I")) + others


def encode(enc: Encoder, subject: Subject, mask: int) -> None:
    """Append the ``fattr4`` of the attributes in ``mask``, all of which must be readable.

    Raises ``XdrError`` for a value that does not fit.
    """
    head, steps = _steps(mask)
    buffer = enc.buffer
    buffer += head
    start = len(buffer)
    try:
        for step in steps:
            step(enc, subject)
    except struct.error as error:
        raise XdrError(f"attributes {mask:#x}: {error}") from None
    _LENGTH.pack_into(buffer, start - 4, len(buffer) - start)


def encode_error(enc: Encoder, error: OSError) -> None:
    """Append the ``fattr4`` of an entry whose attributes could not be had: only the reason."""
    xattrs.encode_attributes(enc, RDATTR_ERROR, {nfs.FATTR4_RDATTR_ERROR: status_of(error)})


def comparable(given: nfs.fattr4, fs: FileSystem, minor: int) -> int:
    """Return the set of the attributes that VERIFY or NVERIFY is given.

    Raises ``NfsError``: ATTRNOTSUPP, and INVAL for what cannot be compared.
    """
    mask = mask_from_bitmap(given.attrmask)
    if mask & ~supported(fs, minor):
        raise NfsError(nfs.NFS4ERR_ATTRNOTSUPP)
    # RFC 8881, Sections 18.15.3 and 18.31.3: neither means anything here.
    if mask & ~READABLE or mask & RDATTR_ERROR:
        raise NfsError(nfs.NFS4ERR_INVAL)
    return mask


def same(subject: Subject, given: nfs.fattr4, mask: int) -> bool:
    """Return whether the object has exactly the attributes given: those in ``mask``."""
    enc = Encoder()
    encode(enc, subject, mask)
    ours = bytes(enc.buffer[len(_steps(mask)[0]) :])
    if ours == given.attr_vals:
        return True
    return _values(nfs.fattr4(bitmap_from_mask(mask), ours)) == _values(given)


def _values(given: nfs.fattr4) -> dict[int, Any]:
    """Return the values of attributes, such that equal ones compare as equal.

    Only a bitmap can be written in several ways: words of zeros may follow it.
    """
    try:
        values = xattrs.decode_fattr4(given)
    except XdrError:
        raise NfsError(nfs.NFS4ERR_BADXDR) from None
    for number in _BITMAPS & values.keys():
        values[number] = mask_from_bitmap(values[number])
    return values
