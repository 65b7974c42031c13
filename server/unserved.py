"""Attributes that exist and are not served, each with the reason: GETATTR leaves them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nfsrdma.xdr.nfs4 import types as nfs

_NO_LAYOUTS: Final = "the server is no metadata server: there are no layouts"
_NO_RETENTION: Final = "no file system of Linux keeps files from being deleted for a time"
_NO_SUCH_FLAG: Final = "of other systems: files on Linux have no such flag"
_QUOTA: Final = (
    "Linux tells quotas of a device by user, not of a file; what is over quota is answered DQUOT"
)
_NO_NOTICES: Final = "a directory that changes is had back: its holder is not told how it changes"

REASONS: Final[Mapping[int, str]] = {
    nfs.FATTR4_ARCHIVE: _NO_SUCH_FLAG,
    nfs.FATTR4_HIDDEN: _NO_SUCH_FLAG,
    nfs.FATTR4_SYSTEM: _NO_SUCH_FLAG,
    nfs.FATTR4_MIMETYPE: "file systems do not know it; it can be an extended attribute",
    nfs.FATTR4_TIME_BACKUP: "no file system of Linux keeps it",
    nfs.FATTR4_QUOTA_AVAIL_HARD: _QUOTA,
    nfs.FATTR4_QUOTA_AVAIL_SOFT: _QUOTA,
    nfs.FATTR4_QUOTA_USED: _QUOTA,
    nfs.FATTR4_DIR_NOTIF_DELAY: _NO_NOTICES,
    nfs.FATTR4_DIRENT_NOTIF_DELAY: _NO_NOTICES,
    nfs.FATTR4_SACL: "there is nobody to be told of access: aclsupport has neither audit nor alarm",
    nfs.FATTR4_CHANGE_POLICY: "it is about policies of replication, of which there are none",
    nfs.FATTR4_FS_STATUS: "every file system is the original, and may be written to elsewhere",
    nfs.FATTR4_FS_LOCATIONS_INFO: "what there is to tell of other places, fs_locations does",
    nfs.FATTR4_LAYOUT_HINT: _NO_LAYOUTS,
    nfs.FATTR4_LAYOUT_TYPES: _NO_LAYOUTS,
    nfs.FATTR4_LAYOUT_BLKSIZE: _NO_LAYOUTS,
    nfs.FATTR4_LAYOUT_ALIGNMENT: _NO_LAYOUTS,
    nfs.FATTR4_MDSTHRESHOLD: _NO_LAYOUTS,
    nfs.FATTR4_RETENTION_GET: _NO_RETENTION,
    nfs.FATTR4_RETENTION_SET: _NO_RETENTION,
    nfs.FATTR4_RETENTEVT_GET: _NO_RETENTION,
    nfs.FATTR4_RETENTEVT_SET: _NO_RETENTION,
    nfs.FATTR4_RETENTION_HOLD: _NO_RETENTION,
    nfs.FATTR4_SPACE_FREED: "with shared extents Linux cannot tell what removing a file would free",
    nfs.FATTR4_SEC_LABEL: "calls carry no label of the caller, so it could not be enforced",
    nfs.FATTR4_OFFLINE: "no file system of Linux tells what has been moved to slower storage",
}
"""Why, by number."""

CONDITIONS: Final[Mapping[int, str]] = {
    nfs.FATTR4_ACL: "where the file system has POSIX lists",
    nfs.FATTR4_DACL: "where the file system has POSIX lists",
    nfs.FATTR4_TIME_CREATE: "where the file system tells it",
    nfs.FATTR4_CLONE_BLKSIZE: "where files can share blocks",
}
"""When, by number, for those that not every file system has."""
