"""Names of directory entries: what a ``component4`` may be."""

from __future__ import annotations

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from ..vfs.interface import FileSystem


def check_name(name: bytes, fs: FileSystem) -> bytes:
    """The name, if it is one; else INVAL, NAMETOOLONG, BADNAME or BADCHAR.

    RFC 8881, Section 14.5, and Section 15.1.7 for the meaning of the errors.
    """
    if not name:
        raise NfsError(nfs.NFS4ERR_INVAL)
    if len(name) > fs.max_name:
        raise NfsError(nfs.NFS4ERR_NAMETOOLONG)
    if name in (b".", b".."):
        raise NfsError(nfs.NFS4ERR_BADNAME)
    if b"/" in name or b"\0" in name:
        raise NfsError(nfs.NFS4ERR_BADCHAR)
    if not name.isascii():
        try:
            name.decode()
        except UnicodeDecodeError:
            raise NfsError(nfs.NFS4ERR_INVAL) from None
    return name
