"""``nfsstat4``: what each status means, and which ``errno`` it is on either side.

A server's back end raises ``OSError``, which becomes a status; a client's caller wants an
``OSError`` of the status that came back. The two mappings are not each other's inverse.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from . import types as t
from .types import nfsstat4


class NfsError(Exception):
    """The failure of an operation; ``status`` is its ``nfsstat4``."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message or explain(status))
        self.status = status

    def __str__(self) -> str:
        return f"{name_of(self.status)}: {self.args[0]}"


_FROM_ERRNO: Final[Mapping[int, int]] = {
    errno.EPERM: t.NFS4ERR_PERM,
    errno.ENOENT: t.NFS4ERR_NOENT,
    errno.EIO: t.NFS4ERR_IO,
    errno.ENXIO: t.NFS4ERR_NXIO,
    errno.E2BIG: t.NFS4ERR_XATTR2BIG,
    errno.EBADF: t.NFS4ERR_BAD_STATEID,  # it was closed while the call waited
    errno.EAGAIN: t.NFS4ERR_DELAY,
    errno.ENOMEM: t.NFS4ERR_DELAY,
    errno.EMFILE: t.NFS4ERR_DELAY,
    errno.ENFILE: t.NFS4ERR_DELAY,
    errno.EINTR: t.NFS4ERR_DELAY,
    errno.ETIMEDOUT: t.NFS4ERR_DELAY,
    errno.EACCES: t.NFS4ERR_ACCESS,
    errno.EBUSY: t.NFS4ERR_FILE_OPEN,
    errno.ETXTBSY: t.NFS4ERR_FILE_OPEN,
    errno.EEXIST: t.NFS4ERR_EXIST,
    errno.EXDEV: t.NFS4ERR_XDEV,
    errno.ENOTDIR: t.NFS4ERR_NOTDIR,
    errno.EISDIR: t.NFS4ERR_ISDIR,
    errno.EINVAL: t.NFS4ERR_INVAL,
    errno.EFBIG: t.NFS4ERR_FBIG,
    errno.EOVERFLOW: t.NFS4ERR_FBIG,
    errno.ENOSPC: t.NFS4ERR_NOSPC,
    errno.EROFS: t.NFS4ERR_ROFS,
    errno.EMLINK: t.NFS4ERR_MLINK,
    errno.EDEADLK: t.NFS4ERR_DEADLOCK,
    errno.ENAMETOOLONG: t.NFS4ERR_NAMETOOLONG,
    errno.ENOLCK: t.NFS4ERR_LOCK_NOTSUPP,
    errno.ENOSYS: t.NFS4ERR_NOTSUPP,
    errno.ENOTEMPTY: t.NFS4ERR_NOTEMPTY,
    errno.ELOOP: t.NFS4ERR_SYMLINK,
    errno.ENODATA: t.NFS4ERR_NOXATTR,
    errno.EILSEQ: t.NFS4ERR_BADCHAR,
    errno.EOPNOTSUPP: t.NFS4ERR_NOTSUPP,
    errno.EDQUOT: t.NFS4ERR_DQUOT,
    errno.ESTALE: t.NFS4ERR_STALE,
}

# Where a status is a name of its own for an errno, the rows say only how to call it.
_STATUSES: Final[Mapping[int, tuple[int, str]]] = {
    t.NFS4_OK: (0, "success"),
    t.NFS4ERR_PERM: (errno.EPERM, "only the owner or a privileged user may do this"),
    t.NFS4ERR_NOENT: (errno.ENOENT, "no such file or directory"),
    t.NFS4ERR_IO: (errno.EIO, "an input or output error of the server's storage"),
    t.NFS4ERR_NXIO: (errno.ENXIO, "no such device, or nothing there to be found"),
    t.NFS4ERR_ACCESS: (errno.EACCES, "permission denied"),
    t.NFS4ERR_EXIST: (errno.EEXIST, "it exists already"),
    t.NFS4ERR_XDEV: (errno.EXDEV, "the two objects are in different file systems"),
    t.NFS4ERR_NOTDIR: (errno.ENOTDIR, "not a directory"),
    t.NFS4ERR_ISDIR: (errno.EISDIR, "a directory"),
    t.NFS4ERR_INVAL: (errno.EINVAL, "an invalid argument"),
    t.NFS4ERR_FBIG: (errno.EFBIG, "the file would be too large"),
    t.NFS4ERR_NOSPC: (errno.ENOSPC, "no space left"),
    t.NFS4ERR_ROFS: (errno.EROFS, "a read-only file system"),
    t.NFS4ERR_MLINK: (errno.EMLINK, "too many hard links"),
    t.NFS4ERR_NAMETOOLONG: (errno.ENAMETOOLONG, "the name is too long"),
    t.NFS4ERR_NOTEMPTY: (errno.ENOTEMPTY, "the directory is not empty"),
    t.NFS4ERR_DQUOT: (errno.EDQUOT, "the quota is exhausted"),
    t.NFS4ERR_STALE: (errno.ESTALE, "the file of this handle is gone"),
    t.NFS4ERR_BADHANDLE: (errno.ESTALE, "no filehandle that this server made"),
    t.NFS4ERR_BAD_COOKIE: (errno.EINVAL, "the directory cookie means nothing any more"),
    t.NFS4ERR_NOTSUPP: (errno.EOPNOTSUPP, "not supported"),
    t.NFS4ERR_TOOSMALL: (errno.EINVAL, "the result does not fit into the space allowed for it"),
    t.NFS4ERR_SERVERFAULT: (errno.EIO, "the server failed in a way that has no other status"),
    t.NFS4ERR_BADTYPE: (errno.EINVAL, "objects of this type cannot be created"),
    t.NFS4ERR_DELAY: (errno.EAGAIN, "not now: try again after a while"),
    t.NFS4ERR_SAME: (errno.EIO, "NVERIFY found the attributes equal"),
    t.NFS4ERR_DENIED: (errno.EAGAIN, "a conflicting lock is held"),
    t.NFS4ERR_EXPIRED: (errno.EIO, "the lease expired and the state was lost"),
    t.NFS4ERR_LOCKED: (errno.EAGAIN, "the range is locked by someone else"),
    t.NFS4ERR_GRACE: (errno.EAGAIN, "the server is in its grace period"),
    t.NFS4ERR_FHEXPIRED: (errno.ESTALE, "the volatile filehandle expired"),
    t.NFS4ERR_SHARE_DENIED: (errno.EACCES, "another open denies this access"),
    t.NFS4ERR_WRONGSEC: (errno.EPERM, "the security flavor is not allowed here"),
    t.NFS4ERR_CLID_INUSE: (errno.EBUSY, "another principal uses this client identifier"),
    t.NFS4ERR_RESOURCE: (errno.EREMOTEIO, "the server ran out of resources for the compound"),
    t.NFS4ERR_MOVED: (errno.EREMOTE, "the file system is elsewhere"),
    t.NFS4ERR_NOFILEHANDLE: (errno.EIO, "no current or saved filehandle is set"),
    t.NFS4ERR_MINOR_VERS_MISMATCH: (errno.EPROTONOSUPPORT, "no such minor version here"),
    t.NFS4ERR_STALE_CLIENTID: (errno.EIO, "a client identifier from before the restart"),
    t.NFS4ERR_STALE_STATEID: (errno.EIO, "a stateid from before the restart"),
    t.NFS4ERR_OLD_STATEID: (errno.EIO, "a stateid that was superseded"),
    t.NFS4ERR_BAD_STATEID: (errno.EBADF, "no stateid of this client's and this file's"),
    t.NFS4ERR_BAD_SEQID: (errno.EIO, "an owner's sequence number that is out of turn"),
    t.NFS4ERR_NOT_SAME: (errno.EIO, "VERIFY found the attributes, or a verifier, different"),
    t.NFS4ERR_LOCK_RANGE: (errno.EINVAL, "the server cannot split or join lock ranges so"),
    t.NFS4ERR_SYMLINK: (errno.ELOOP, "a symbolic link"),
    t.NFS4ERR_RESTOREFH: (errno.EIO, "no saved filehandle to restore"),
    t.NFS4ERR_LEASE_MOVED: (errno.EREMOTE, "state of this lease moved with its file system"),
    t.NFS4ERR_ATTRNOTSUPP: (errno.EOPNOTSUPP, "an attribute is not supported"),
    t.NFS4ERR_NO_GRACE: (errno.EIO, "nothing can be reclaimed outside the grace period"),
    t.NFS4ERR_RECLAIM_BAD: (errno.EIO, "this client has nothing of the kind to reclaim"),
    t.NFS4ERR_RECLAIM_CONFLICT: (errno.EIO, "someone else holds what is to be reclaimed"),
    t.NFS4ERR_BADXDR: (errno.EINVAL, "the server could not decode the arguments"),
    t.NFS4ERR_LOCKS_HELD: (errno.EBUSY, "locks are held that forbid this"),
    t.NFS4ERR_OPENMODE: (errno.EBADF, "the file is not open for this"),
    t.NFS4ERR_BADOWNER: (errno.EINVAL, "an owner that the server does not know"),
    t.NFS4ERR_BADCHAR: (errno.EILSEQ, "a character that the server does not allow"),
    t.NFS4ERR_BADNAME: (errno.EINVAL, "a name that the server does not allow"),
    t.NFS4ERR_BAD_RANGE: (errno.EINVAL, "a range that the server cannot lock"),
    t.NFS4ERR_LOCK_NOTSUPP: (errno.ENOLCK, "no atomic upgrade or downgrade of locks"),
    t.NFS4ERR_OP_ILLEGAL: (errno.EOPNOTSUPP, "no such operation"),
    t.NFS4ERR_DEADLOCK: (errno.EDEADLK, "waiting for this lock would deadlock"),
    t.NFS4ERR_FILE_OPEN: (errno.EBUSY, "the file is open"),
    t.NFS4ERR_ADMIN_REVOKED: (errno.EIO, "an administrator revoked the state"),
    t.NFS4ERR_CB_PATH_DOWN: (errno.EIO, "the server cannot reach the client"),
    t.NFS4ERR_BADIOMODE: (errno.EIO, "a layout mode that is not allowed"),
    t.NFS4ERR_BADLAYOUT: (errno.EIO, "a layout that is not allowed"),
    t.NFS4ERR_BAD_SESSION_DIGEST: (errno.EIO, "the SET_SSV digest is wrong"),
    t.NFS4ERR_BADSESSION: (errno.EIO, "no such session"),
    t.NFS4ERR_BADSLOT: (errno.EIO, "no such slot"),
    t.NFS4ERR_COMPLETE_ALREADY: (errno.EIO, "RECLAIM_COMPLETE was sent before"),
    t.NFS4ERR_CONN_NOT_BOUND_TO_SESSION: (errno.EIO, "the connection is not bound to the session"),
    t.NFS4ERR_DELEG_ALREADY_WANTED: (errno.EIO, "the delegation is wanted already"),
    t.NFS4ERR_BACK_CHAN_BUSY: (errno.EBUSY, "callbacks are outstanding"),
    t.NFS4ERR_LAYOUTTRYLATER: (errno.EAGAIN, "no layout at the moment"),
    t.NFS4ERR_LAYOUTUNAVAILABLE: (errno.EIO, "no layouts for this file"),
    t.NFS4ERR_NOMATCHING_LAYOUT: (errno.EIO, "the client has no such layout"),
    t.NFS4ERR_RECALLCONFLICT: (errno.EIO, "a recall of this layout is outstanding"),
    t.NFS4ERR_UNKNOWN_LAYOUTTYPE: (errno.EIO, "a layout type that is not known"),
    t.NFS4ERR_SEQ_MISORDERED: (errno.EIO, "a slot's sequence number that is out of turn"),
    t.NFS4ERR_SEQUENCE_POS: (errno.EIO, "SEQUENCE is not the first operation"),
    t.NFS4ERR_REQ_TOO_BIG: (errno.EIO, "the request exceeds the session's limit"),
    t.NFS4ERR_REP_TOO_BIG: (errno.EIO, "the reply would exceed the session's limit"),
    t.NFS4ERR_REP_TOO_BIG_TO_CACHE: (errno.EIO, "the reply would exceed the reply cache's limit"),
    t.NFS4ERR_RETRY_UNCACHED_REP: (errno.EIO, "the reply to this retry was not kept"),
    t.NFS4ERR_UNSAFE_COMPOUND: (errno.EIO, "two operations that must not share a compound"),
    t.NFS4ERR_TOO_MANY_OPS: (errno.EIO, "more operations than the session allows"),
    t.NFS4ERR_OP_NOT_IN_SESSION: (errno.EIO, "SEQUENCE must come first"),
    t.NFS4ERR_HASH_ALG_UNSUPP: (errno.EIO, "no common hash algorithm"),
    t.NFS4ERR_CLIENTID_BUSY: (errno.EBUSY, "the client identifier has state or sessions"),
    t.NFS4ERR_PNFS_IO_HOLE: (errno.EIO, "a hole that only the metadata server can serve"),
    t.NFS4ERR_SEQ_FALSE_RETRY: (errno.EIO, "a retry that is not the same request"),
    t.NFS4ERR_BAD_HIGH_SLOT: (errno.EIO, "a highest slot beyond the session's slots"),
    t.NFS4ERR_DEADSESSION: (errno.EIO, "the persistent session admits nothing new"),
    t.NFS4ERR_ENCR_ALG_UNSUPP: (errno.EIO, "no common encryption algorithm"),
    t.NFS4ERR_PNFS_NO_LAYOUT: (errno.EIO, "input or output without a layout"),
    t.NFS4ERR_NOT_ONLY_OP: (errno.EIO, "this must be the only operation of its compound"),
    t.NFS4ERR_WRONG_CRED: (errno.EPERM, "the credential may not change this state"),
    t.NFS4ERR_WRONG_TYPE: (errno.EINVAL, "an object of the wrong type"),
    t.NFS4ERR_DIRDELEG_UNAVAIL: (errno.EAGAIN, "no delegation of this directory"),
    t.NFS4ERR_REJECT_DELEG: (errno.EIO, "the client refused the delegation"),
    t.NFS4ERR_RETURNCONFLICT: (errno.EIO, "the layout is being returned"),
    t.NFS4ERR_DELEG_REVOKED: (errno.EIO, "the delegation was revoked"),
    t.NFS4ERR_PARTNER_NOTSUPP: (errno.EOPNOTSUPP, "the other server cannot copy"),
    t.NFS4ERR_PARTNER_NO_AUTH: (errno.EACCES, "the other server does not admit the copy"),
    t.NFS4ERR_UNION_NOTSUPP: (errno.EOPNOTSUPP, "an arm of a union is not supported"),
    t.NFS4ERR_OFFLOAD_DENIED: (errno.EACCES, "the copy may not be offloaded"),
    t.NFS4ERR_WRONG_LFS: (errno.EINVAL, "a label format that is not known"),
    t.NFS4ERR_BADLABEL: (errno.EINVAL, "a security label that is not valid"),
    t.NFS4ERR_OFFLOAD_NO_REQS: (errno.EOPNOTSUPP, "the copy cannot be done as required"),
    t.NFS4ERR_NOXATTR: (errno.ENODATA, "no such extended attribute"),
    t.NFS4ERR_XATTR2BIG: (errno.E2BIG, "the extended attribute is too large"),
}

EXPLANATIONS: Final = MappingProxyType({status: text for status, (_, text) in _STATUSES.items()})
"""Each status in a few words."""

_NAMES: Final = {int(member): member.name for member in nfsstat4}


def name_of(status: int) -> str:
    """Return the name of a status, as in the RFCs, or its number if none is assigned."""
    return _NAMES.get(status, f"nfsstat4 {status}")


def explain(status: int) -> str:
    """Return what a status means, in a few words."""
    return EXPLANATIONS.get(status, "a status that no specification knows")


def status_of(error: OSError) -> int:
    """Return the status for an operating system's error; ``NFS4ERR_IO`` if it has no other."""
    return t.NFS4ERR_IO if error.errno is None else _FROM_ERRNO.get(error.errno, t.NFS4ERR_IO)


def errno_of(status: int) -> int:
    """Return the ``errno`` for a status; ``EIO`` if it has no other."""
    known = _STATUSES.get(status)
    return errno.EIO if known is None else known[0]
