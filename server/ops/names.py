"""Names of directory entries: what a ``component4`` may be."""

from __future__ import annotations

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from ..utf8 import is_utf8
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


def takes(name: bytes, export: Export) -> bool:
    """Return whether a name may be made in an export, by its policy."""
    return not export.utf8_only or is_utf8(name)


def check_policy(name: bytes, export: Export, refusal: int = nfs.NFS4ERR_INVAL) -> None:
    """Raise INVAL, or another refusal, for what is no UTF-8 where an export wants that.

    RFC 8881, Section 14.5, has INVAL for it. It is for a name that is to be made, and for one that
    turned out not to exist: what is there already can be used and removed.
    """
    if not takes(name, export):
        raise NfsError(refusal)


def check_new_name(name: bytes, export: Export) -> bytes:
    """Return the name of an entry to be made: checked, and by the export's policy."""
    check_name(name, export.fs)
    check_policy(name, export)
    return name
