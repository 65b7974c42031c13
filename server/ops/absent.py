"""What is told of a file system that is elsewhere: where, and little more (RFC 7530, Section 8.3).

The rules of minor version 0 are those of the later ones. Everything else that is asked of such a
file system is answered MOVED, see ``engine.machine``.
"""

from __future__ import annotations

from typing import Final

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import mask_of
from nfsrdma.xdr.nfs4.errors import NfsError

from ..attributes import RDATTR_ERROR

_FS_LOCATIONS: Final = mask_of(nfs.FATTR4_FS_LOCATIONS)
_AVAILABLE: Final = (
    mask_of(nfs.FATTR4_FSID, nfs.FATTR4_MOUNTED_ON_FILEID) | _FS_LOCATIONS | RDATTR_ERROR
)
"""RFC 7530, Section 8.3.1: other attributes should not be told, even if they could be."""


def answered(mask: int) -> int:
    """Return what GETATTR answers of ``mask`` for a file system that is elsewhere.

    RFC 7530, Section 8.3.1: MOVED for those who do not ask where.
    """
    if not mask & _FS_LOCATIONS:
        raise NfsError(nfs.NFS4ERR_MOVED)
    return mask & _AVAILABLE


def listed(mask: int) -> tuple[int, int]:
    """Return what READDIR answers of ``mask`` for such an entry, and the value of rdattr_error.

    RFC 7530, Section 8.3.2: the list fails with MOVED if neither place nor error is asked for.
    """
    if mask & _FS_LOCATIONS:
        return mask & _AVAILABLE, nfs.NFS4_OK
    if mask & RDATTR_ERROR:
        return mask & _AVAILABLE, nfs.NFS4ERR_MOVED
    raise NfsError(nfs.NFS4ERR_MOVED)


def comparable(mask: int) -> int:
    """Return ``mask``, if VERIFY can be answered of a file system that is elsewhere; else MOVED."""
    if not mask & _FS_LOCATIONS or mask & ~_AVAILABLE:
        raise NfsError(nfs.NFS4ERR_MOVED)
    return mask
