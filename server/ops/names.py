"""Names of directory entries: what a ``component4`` may be."""

from __future__ import annotations

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from ..vfs.export import Export
from ..vfs.interface import FileSystem


def check_name(name: bytes, fs: FileSystem) -> bytes:
    """Return the name of an entry that may exist; raise the error that says why it cannot be one.

    RFC 8881, Section 15.1.7, defines NAMETOOLONG, BADNAME and BADCHAR. Octets that are no UTF-8 are
    a name like any other: all that READDIR lists can be looked up and removed.
    """
    if not name:
        raise NfsError(nfs.NFS4ERR_INVAL)
    if len(name) > fs.max_name:
        raise NfsError(nfs.NFS4ERR_NAMETOOLONG)
    if name in (b".", b".."):
        raise NfsError(nfs.NFS4ERR_BADNAME)
    if b"/" in name or b"\0" in name:
        raise NfsError(nfs.NFS4ERR_BADCHAR)
    return name


def check_new_name(name: bytes, export: Export, refusal: int = nfs.NFS4ERR_INVAL) -> bytes:
    """Return the name of an entry to be made: like :func:`check_name`, and by the export's policy.

    RFC 8881, Section 14.4, has INVAL for what is no UTF-8, where that is the policy.
    """
    check_name(name, export.fs)
    if export.utf8_only and not name.isascii():
        try:
            name.decode()
        except UnicodeDecodeError:
            raise NfsError(refusal) from None
    return name
