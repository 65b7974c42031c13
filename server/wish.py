"""What a ``fattr4`` asks to be set, of a new object or of one that is there (RFC 8881, Section 5).

Which attributes there are is in ``attributes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from nfsrdma.xdr import XdrError
from nfsrdma.xdr.nfs4 import attrs as xattrs
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import mask_from_bitmap
from nfsrdma.xdr.nfs4.errors import NfsError

from . import acl
from .attributes import (
    ACLS,
    DELEGATED_TIMES,
    MODE_SET_MASKED,
    MODE_UMASK,
    OWNER_BITS,
    OWNERS,
    SET_ONLY,
    SETTABLE,
    supported,
)
from .owners import Owners, Who
from .vfs.interface import NOW, Changes, FileSystem
from .vfs.posix_acl import Acls

_BILLION: Final = 1_000_000_000
MODE_BITS: Final = 0o7777


class DelegatedTimes(NamedTuple):
    """The times of a file that the holder of its delegation tells, in nanoseconds."""

    atime_ns: int | None
    mtime_ns: int | None

    @classmethod
    def of(cls, values: Mapping[int, Any]) -> DelegatedTimes:
        """Take them from decoded attributes. Raises INVAL for a second that is too long."""
        access, modify = (
            None if number not in values else _time_ns(values[number])
            for number in (nfs.FATTR4_TIME_DELEG_ACCESS, nfs.FATTR4_TIME_DELEG_MODIFY)
        )
        return cls(access, modify)


class Wish(NamedTuple):
    """What a ``fattr4`` asks to be set."""

    changes: Changes
    mask: int
    """The set of the attributes."""
    mode_mask: int
    """Which bits of the mode are to be changed (RFC 8881, Section 6.2.5)."""
    umask: int = 0
    """What is to be taken from the mode of a new object, unless it inherits a list (RFC 8275)."""
    aces: list[nfs.nfsace4] | None = None
    owners: Owners | None = None
    delegated: DelegatedTimes | None = None
    """The times that the holder of a delegation tells."""

    def acls(self, directory: bool) -> Acls | None:
        """Return the lists to be set, None if none are. Raises ``NfsError``: see ``acl``."""
        if self.aces is None or self.owners is None:
            return None
        return acl.to_posix(self.aces, directory, self.owners.number_of)


def names_in(given: nfs.fattr4) -> list[Who]:
    """Return whom a ``fattr4`` names; nobody if it cannot be decoded, or names too many."""
    if not mask_from_bitmap(given.attrmask) & (OWNER_BITS | ACLS):
        return []
    try:
        values = xattrs.decode_fattr4(given)
        aces = _aces_in(values) or []
    except (XdrError, NfsError):
        return []
    names = [
        (values[number], number == nfs.FATTR4_OWNER_GROUP) for number in OWNERS if number in values
    ]
    if len(aces) <= acl.MOST_ACES:
        names += [(bytes(ace.who), bool(ace.flag & nfs.ACE4_IDENTIFIER_GROUP)) for ace in aces]
    return names


def to_set(
    given: nfs.fattr4, owners: Owners, fs: FileSystem, minor: int, creating: bool = False
) -> Wish:
    """Return what a ``fattr4`` asks to be set. ``owners`` have been asked for :func:`names_in`.

    Raises ``NfsError``: ATTRNOTSUPP, INVAL for what can only be read, BADXDR, BADOWNER.
    """
    mask = mask_from_bitmap(given.attrmask)
    if mask & ~supported(fs, minor):
        raise NfsError(nfs.NFS4ERR_ATTRNOTSUPP)
    allowed = SETTABLE | MODE_SET_MASKED | (MODE_UMASK if creating else DELEGATED_TIMES)
    if mask & ~allowed or (mask & DELEGATED_TIMES and mask & SET_ONLY):
        raise NfsError(nfs.NFS4ERR_INVAL)
    try:
        values = xattrs.decode_fattr4(given)
    except XdrError:
        raise NfsError(nfs.NFS4ERR_BADXDR) from None
    changes = Changes()
    changes.size = values.get(nfs.FATTR4_SIZE)
    mode_mask, umask = _set_mode(changes, values)
    if nfs.FATTR4_OWNER in values:
        changes.uid = owners.number_of(values[nfs.FATTR4_OWNER], False)
    if nfs.FATTR4_OWNER_GROUP in values:
        changes.gid = owners.number_of(values[nfs.FATTR4_OWNER_GROUP], True)
    if nfs.FATTR4_TIME_ACCESS_SET in values:
        changes.atime_ns = _parse_time(values[nfs.FATTR4_TIME_ACCESS_SET])
    if nfs.FATTR4_TIME_MODIFY_SET in values:
        changes.mtime_ns = _parse_time(values[nfs.FATTR4_TIME_MODIFY_SET])
    delegated = DelegatedTimes.of(values) if mask & DELEGATED_TIMES else None
    return Wish(changes, mask, mode_mask, umask, _aces_in(values), owners, delegated)


def _aces_in(values: Mapping[int, Any]) -> list[nfs.nfsace4] | None:
    """Return the access control list that is given, None if none is."""
    if nfs.FATTR4_DACL not in values:
        return values.get(nfs.FATTR4_ACL)
    if nfs.FATTR4_ACL in values:
        raise NfsError(nfs.NFS4ERR_INVAL)
    given: nfs.nfsacl41 = values[nfs.FATTR4_DACL]
    if given.na41_flag:
        # RFC 8881, Section 6.4.3.2: nothing is inherited afterwards, automatically.
        raise NfsError(nfs.NFS4ERR_ATTRNOTSUPP)
    return given.na41_aces


def _set_mode(changes: Changes, values: Mapping[int, Any]) -> tuple[int, int]:
    """Take the mode from any of its attributes; return the bits to change, and the file mask."""
    forms = (nfs.FATTR4_MODE, nfs.FATTR4_MODE_SET_MASKED, nfs.FATTR4_MODE_UMASK)
    given = [number for number in forms if number in values]
    if len(given) > 1:
        raise NfsError(nfs.NFS4ERR_INVAL)
    mode_mask, umask = MODE_BITS, 0
    if nfs.FATTR4_MODE in values:
        changes.mode = values[nfs.FATTR4_MODE]
    elif nfs.FATTR4_MODE_SET_MASKED in values:
        masked = values[nfs.FATTR4_MODE_SET_MASKED]
        changes.mode, mode_mask = masked.mm_value_to_set, masked.mm_mask_bits
    elif nfs.FATTR4_MODE_UMASK in values:
        both = values[nfs.FATTR4_MODE_UMASK]
        changes.mode, umask = both.mu_mode, both.mu_umask
    if changes.mode is not None and (changes.mode > MODE_BITS or mode_mask > MODE_BITS):
        raise NfsError(nfs.NFS4ERR_INVAL)
    return mode_mask, umask


def _parse_time(value: nfs.settime4) -> int:
    if value.set_it == nfs.SET_TO_SERVER_TIME4:
        return NOW
    if value.set_it != nfs.SET_TO_CLIENT_TIME4:
        raise NfsError(nfs.NFS4ERR_BADXDR)  # a number that the enumeration does not have
    return _time_ns(value.time)


def _time_ns(time: nfs.nfstime4) -> int:
    if time.nseconds >= _BILLION:
        raise NfsError(nfs.NFS4ERR_INVAL)
    return time.seconds * _BILLION + time.nseconds
