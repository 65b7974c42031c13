"""NFS version 4, minor versions 0 to 2 (RFC 7531, RFC 5662, RFC 7863, RFC 8276).

Emitted by nfsrdma.xdr.compiler from specs/nfs4_basic.x, specs/nfs4_attributes.x, specs/nfs4_layouts.x, specs/nfs4_operations.x, specs/nfs41_operations.x, specs/nfs42_operations.x, specs/nfs4_compound.x, specs/nfs4_callbacks.x.
Do not edit: change those, and run ``python -m nfsrdma.xdr.compiler``.
"""

# fmt: off
# ruff: noqa

from __future__ import annotations

from enum import IntEnum
from struct import Struct, pack
from typing import Any, Final, TypeAlias

from ..codec import Decoder, Encoder
from ..runtime import (
    MISSING,
    PAD,
    LinkedStruct,
    StructError,
    no_arm,
    not_boolean,
    too_long,
    unencodable,
    wrong_arm,
    wrong_length,
)
from ..runtime import Struct as XdrStruct
from ..runtime import Union as XdrUnion

# Numbers

NFS4_FHSIZE: Final = 128
NFS4_VERIFIER_SIZE: Final = 8
NFS4_OTHER_SIZE: Final = 12
NFS4_OPAQUE_LIMIT: Final = 1024
NFS4_SESSIONID_SIZE: Final = 16
NFS4_DEVICEID4_SIZE: Final = 16
NFS4_INT64_MAX: Final = 0x7fffffffffffffff
NFS4_UINT64_MAX: Final = 0xffffffffffffffff
NFS4_INT32_MAX: Final = 0x7fffffff
NFS4_UINT32_MAX: Final = 0xffffffff
NFS4_MAXFILELEN: Final = 0xffffffffffffffff
NFS4_MAXFILEOFF: Final = 0xfffffffffffffffe
AUTH_NONE: Final = 0
AUTH_SYS: Final = 1
RPCSEC_GSS: Final = 6
ACL4_SUPPORT_ALLOW_ACL: Final = 0x1
ACL4_SUPPORT_DENY_ACL: Final = 0x2
ACL4_SUPPORT_AUDIT_ACL: Final = 0x4
ACL4_SUPPORT_ALARM_ACL: Final = 0x8
ACE4_ACCESS_ALLOWED_ACE_TYPE: Final = 0x0
ACE4_ACCESS_DENIED_ACE_TYPE: Final = 0x1
ACE4_SYSTEM_AUDIT_ACE_TYPE: Final = 0x2
ACE4_SYSTEM_ALARM_ACE_TYPE: Final = 0x3
ACE4_FILE_INHERIT_ACE: Final = 0x1
ACE4_DIRECTORY_INHERIT_ACE: Final = 0x2
ACE4_NO_PROPAGATE_INHERIT_ACE: Final = 0x4
ACE4_INHERIT_ONLY_ACE: Final = 0x8
ACE4_SUCCESSFUL_ACCESS_ACE_FLAG: Final = 0x10
ACE4_FAILED_ACCESS_ACE_FLAG: Final = 0x20
ACE4_IDENTIFIER_GROUP: Final = 0x40
ACE4_INHERITED_ACE: Final = 0x80
ACE4_READ_DATA: Final = 0x1
ACE4_LIST_DIRECTORY: Final = 0x1
ACE4_WRITE_DATA: Final = 0x2
ACE4_ADD_FILE: Final = 0x2
ACE4_APPEND_DATA: Final = 0x4
ACE4_ADD_SUBDIRECTORY: Final = 0x4
ACE4_READ_NAMED_ATTRS: Final = 0x8
ACE4_WRITE_NAMED_ATTRS: Final = 0x10
ACE4_EXECUTE: Final = 0x20
ACE4_DELETE_CHILD: Final = 0x40
ACE4_READ_ATTRIBUTES: Final = 0x80
ACE4_WRITE_ATTRIBUTES: Final = 0x100
ACE4_WRITE_RETENTION: Final = 0x200
ACE4_WRITE_RETENTION_HOLD: Final = 0x400
ACE4_DELETE: Final = 0x10000
ACE4_READ_ACL: Final = 0x20000
ACE4_WRITE_ACL: Final = 0x40000
ACE4_WRITE_OWNER: Final = 0x80000
ACE4_SYNCHRONIZE: Final = 0x100000
ACE4_GENERIC_READ: Final = 0x120081
ACE4_GENERIC_WRITE: Final = 0x160106
ACE4_GENERIC_EXECUTE: Final = 0x1200a0
ACL4_AUTO_INHERIT: Final = 0x1
ACL4_PROTECTED: Final = 0x2
ACL4_DEFAULTED: Final = 0x4
MODE4_SUID: Final = 0x800
MODE4_SGID: Final = 0x400
MODE4_SVTX: Final = 0x200
MODE4_RUSR: Final = 0x100
MODE4_WUSR: Final = 0x80
MODE4_XUSR: Final = 0x40
MODE4_RGRP: Final = 0x20
MODE4_WGRP: Final = 0x10
MODE4_XGRP: Final = 0x8
MODE4_ROTH: Final = 0x4
MODE4_WOTH: Final = 0x2
MODE4_XOTH: Final = 0x1
FH4_PERSISTENT: Final = 0x0
FH4_NOEXPIRE_WITH_OPEN: Final = 0x1
FH4_VOLATILE_ANY: Final = 0x2
FH4_VOL_MIGRATION: Final = 0x4
FH4_VOL_RENAME: Final = 0x8
LAYOUT4_RET_REC_FILE: Final = 1
LAYOUT4_RET_REC_FSID: Final = 2
LAYOUT4_RET_REC_ALL: Final = 3
TH4_READ_SIZE: Final = 0
TH4_WRITE_SIZE: Final = 1
TH4_READ_IOSIZE: Final = 2
TH4_WRITE_IOSIZE: Final = 3
RET4_DURATION_INFINITE: Final = 0xffffffffffffffff
FSCHARSET_CAP4_CONTAINS_NON_UTF8: Final = 0x1
FSCHARSET_CAP4_ALLOWS_ONLY_UTF8: Final = 0x2
FSLI4BX_GFLAGS: Final = 0
FSLI4BX_TFLAGS: Final = 1
FSLI4BX_CLSIMUL: Final = 2
FSLI4BX_CLHANDLE: Final = 3
FSLI4BX_CLFILEID: Final = 4
FSLI4BX_CLWRITEVER: Final = 5
FSLI4BX_CLCHANGE: Final = 6
FSLI4BX_CLREADDIR: Final = 7
FSLI4BX_READRANK: Final = 8
FSLI4BX_WRITERANK: Final = 9
FSLI4BX_READORDER: Final = 10
FSLI4BX_WRITEORDER: Final = 11
FSLI4GF_WRITABLE: Final = 0x1
FSLI4GF_CUR_REQ: Final = 0x2
FSLI4GF_ABSENT: Final = 0x4
FSLI4GF_GOING: Final = 0x8
FSLI4GF_SPLIT: Final = 0x10
FSLI4TF_RDMA: Final = 0x1
FSLI4IF_VAR_SUB: Final = 0x1
FATTR4_SUPPORTED_ATTRS: Final = 0
FATTR4_TYPE: Final = 1
FATTR4_FH_EXPIRE_TYPE: Final = 2
FATTR4_CHANGE: Final = 3
FATTR4_SIZE: Final = 4
FATTR4_LINK_SUPPORT: Final = 5
FATTR4_SYMLINK_SUPPORT: Final = 6
FATTR4_NAMED_ATTR: Final = 7
FATTR4_FSID: Final = 8
FATTR4_UNIQUE_HANDLES: Final = 9
FATTR4_LEASE_TIME: Final = 10
FATTR4_RDATTR_ERROR: Final = 11
FATTR4_ACL: Final = 12
FATTR4_ACLSUPPORT: Final = 13
FATTR4_ARCHIVE: Final = 14
FATTR4_CANSETTIME: Final = 15
FATTR4_CASE_INSENSITIVE: Final = 16
FATTR4_CASE_PRESERVING: Final = 17
FATTR4_CHOWN_RESTRICTED: Final = 18
FATTR4_FILEHANDLE: Final = 19
FATTR4_FILEID: Final = 20
FATTR4_FILES_AVAIL: Final = 21
FATTR4_FILES_FREE: Final = 22
FATTR4_FILES_TOTAL: Final = 23
FATTR4_FS_LOCATIONS: Final = 24
FATTR4_HIDDEN: Final = 25
FATTR4_HOMOGENEOUS: Final = 26
FATTR4_MAXFILESIZE: Final = 27
FATTR4_MAXLINK: Final = 28
FATTR4_MAXNAME: Final = 29
FATTR4_MAXREAD: Final = 30
FATTR4_MAXWRITE: Final = 31
FATTR4_MIMETYPE: Final = 32
FATTR4_MODE: Final = 33
FATTR4_NO_TRUNC: Final = 34
FATTR4_NUMLINKS: Final = 35
FATTR4_OWNER: Final = 36
FATTR4_OWNER_GROUP: Final = 37
FATTR4_QUOTA_AVAIL_HARD: Final = 38
FATTR4_QUOTA_AVAIL_SOFT: Final = 39
FATTR4_QUOTA_USED: Final = 40
FATTR4_RAWDEV: Final = 41
FATTR4_SPACE_AVAIL: Final = 42
FATTR4_SPACE_FREE: Final = 43
FATTR4_SPACE_TOTAL: Final = 44
FATTR4_SPACE_USED: Final = 45
FATTR4_SYSTEM: Final = 46
FATTR4_TIME_ACCESS: Final = 47
FATTR4_TIME_ACCESS_SET: Final = 48
FATTR4_TIME_BACKUP: Final = 49
FATTR4_TIME_CREATE: Final = 50
FATTR4_TIME_DELTA: Final = 51
FATTR4_TIME_METADATA: Final = 52
FATTR4_TIME_MODIFY: Final = 53
FATTR4_TIME_MODIFY_SET: Final = 54
FATTR4_MOUNTED_ON_FILEID: Final = 55
FATTR4_DIR_NOTIF_DELAY: Final = 56
FATTR4_DIRENT_NOTIF_DELAY: Final = 57
FATTR4_DACL: Final = 58
FATTR4_SACL: Final = 59
FATTR4_CHANGE_POLICY: Final = 60
FATTR4_FS_STATUS: Final = 61
FATTR4_FS_LAYOUT_TYPES: Final = 62
FATTR4_LAYOUT_HINT: Final = 63
FATTR4_LAYOUT_TYPES: Final = 64
FATTR4_LAYOUT_BLKSIZE: Final = 65
FATTR4_LAYOUT_ALIGNMENT: Final = 66
FATTR4_FS_LOCATIONS_INFO: Final = 67
FATTR4_MDSTHRESHOLD: Final = 68
FATTR4_RETENTION_GET: Final = 69
FATTR4_RETENTION_SET: Final = 70
FATTR4_RETENTEVT_GET: Final = 71
FATTR4_RETENTEVT_SET: Final = 72
FATTR4_RETENTION_HOLD: Final = 73
FATTR4_MODE_SET_MASKED: Final = 74
FATTR4_SUPPATTR_EXCLCREAT: Final = 75
FATTR4_FS_CHARSET_CAP: Final = 76
FATTR4_CLONE_BLKSIZE: Final = 77
FATTR4_SPACE_FREED: Final = 78
FATTR4_CHANGE_ATTR_TYPE: Final = 79
FATTR4_SEC_LABEL: Final = 80
FATTR4_MODE_UMASK: Final = 81
FATTR4_XATTR_SUPPORT: Final = 82
FATTR4_OFFLINE: Final = 83
FATTR4_TIME_DELEG_ACCESS: Final = 84
FATTR4_TIME_DELEG_MODIFY: Final = 85
FATTR4_OPEN_ARGUMENTS: Final = 86
NFL4_UFLG_MASK: Final = 0x3f
NFL4_UFLG_DENSE: Final = 0x1
NFL4_UFLG_COMMIT_THRU_MDS: Final = 0x2
NFL42_UFLG_IO_ADVISE_THRU_MDS: Final = 0x4
NFL4_UFLG_STRIPE_UNIT_SIZE_MASK: Final = 0xffffffc0
FF_FLAGS_NO_LAYOUTCOMMIT: Final = 0x1
FF_FLAGS_NO_IO_THRU_MDS: Final = 0x2
FF_FLAGS_NO_READ_IO: Final = 0x4
FF_FLAGS_WRITE_ONE_MIRROR: Final = 0x8
ACCESS4_READ: Final = 0x1
ACCESS4_LOOKUP: Final = 0x2
ACCESS4_MODIFY: Final = 0x4
ACCESS4_EXTEND: Final = 0x8
ACCESS4_DELETE: Final = 0x10
ACCESS4_EXECUTE: Final = 0x20
ACCESS4_XAREAD: Final = 0x40
ACCESS4_XAWRITE: Final = 0x80
ACCESS4_XALIST: Final = 0x100
OPEN4_SHARE_ACCESS_READ: Final = 0x1
OPEN4_SHARE_ACCESS_WRITE: Final = 0x2
OPEN4_SHARE_ACCESS_BOTH: Final = 0x3
OPEN4_SHARE_DENY_NONE: Final = 0x0
OPEN4_SHARE_DENY_READ: Final = 0x1
OPEN4_SHARE_DENY_WRITE: Final = 0x2
OPEN4_SHARE_DENY_BOTH: Final = 0x3
OPEN4_SHARE_ACCESS_WANT_DELEG_MASK: Final = 0xff00
OPEN4_SHARE_ACCESS_WANT_NO_PREFERENCE: Final = 0x0
OPEN4_SHARE_ACCESS_WANT_READ_DELEG: Final = 0x100
OPEN4_SHARE_ACCESS_WANT_WRITE_DELEG: Final = 0x200
OPEN4_SHARE_ACCESS_WANT_ANY_DELEG: Final = 0x300
OPEN4_SHARE_ACCESS_WANT_NO_DELEG: Final = 0x400
OPEN4_SHARE_ACCESS_WANT_CANCEL: Final = 0x500
OPEN4_SHARE_ACCESS_WANT_SIGNAL_DELEG_WHEN_RESRC_AVAIL: Final = 0x10000
OPEN4_SHARE_ACCESS_WANT_PUSH_DELEG_WHEN_UNCONTENDED: Final = 0x20000
OPEN4_SHARE_ACCESS_WANT_DELEG_TIMESTAMPS: Final = 0x100000
OPEN4_SHARE_ACCESS_WANT_OPEN_XOR_DELEGATION: Final = 0x200000
OPEN4_RESULT_CONFIRM: Final = 0x2
OPEN4_RESULT_LOCKTYPE_POSIX: Final = 0x4
OPEN4_RESULT_PRESERVE_UNLINKED: Final = 0x8
OPEN4_RESULT_NO_OPEN_STATEID: Final = 0x10
OPEN4_RESULT_MAY_NOTIFY_LOCK: Final = 0x20
EXCHGID4_FLAG_SUPP_MOVED_REFER: Final = 0x1
EXCHGID4_FLAG_SUPP_MOVED_MIGR: Final = 0x2
EXCHGID4_FLAG_SUPP_FENCE_OPS: Final = 0x4
EXCHGID4_FLAG_BIND_PRINC_STATEID: Final = 0x100
EXCHGID4_FLAG_USE_NON_PNFS: Final = 0x10000
EXCHGID4_FLAG_USE_PNFS_MDS: Final = 0x20000
EXCHGID4_FLAG_USE_PNFS_DS: Final = 0x40000
EXCHGID4_FLAG_MASK_PNFS: Final = 0x70000
EXCHGID4_FLAG_UPD_CONFIRMED_REC_A: Final = 0x40000000
EXCHGID4_FLAG_CONFIRMED_R: Final = 0x80000000
CREATE_SESSION4_FLAG_PERSIST: Final = 0x1
CREATE_SESSION4_FLAG_CONN_BACK_CHAN: Final = 0x2
CREATE_SESSION4_FLAG_CONN_RDMA: Final = 0x4
SEQ4_STATUS_CB_PATH_DOWN: Final = 0x1
SEQ4_STATUS_CB_GSS_CONTEXTS_EXPIRING: Final = 0x2
SEQ4_STATUS_CB_GSS_CONTEXTS_EXPIRED: Final = 0x4
SEQ4_STATUS_EXPIRED_ALL_STATE_REVOKED: Final = 0x8
SEQ4_STATUS_EXPIRED_SOME_STATE_REVOKED: Final = 0x10
SEQ4_STATUS_ADMIN_STATE_REVOKED: Final = 0x20
SEQ4_STATUS_RECALLABLE_STATE_REVOKED: Final = 0x40
SEQ4_STATUS_LEASE_MOVED: Final = 0x80
SEQ4_STATUS_RESTART_RECLAIM_NEEDED: Final = 0x100
SEQ4_STATUS_CB_PATH_DOWN_SESSION: Final = 0x200
SEQ4_STATUS_BACKCHANNEL_FAULT: Final = 0x400
SEQ4_STATUS_DEVID_CHANGED: Final = 0x800
SEQ4_STATUS_DEVID_DELETED: Final = 0x1000
NFS4_PROGRAM: Final = 100003
NFS_V4: Final = 4
NFSPROC4_NULL: Final = 0
NFSPROC4_COMPOUND: Final = 1
RCA4_TYPE_MASK_RDATA_DLG: Final = 0
RCA4_TYPE_MASK_WDATA_DLG: Final = 1
RCA4_TYPE_MASK_DIR_DLG: Final = 2
RCA4_TYPE_MASK_FILE_LAYOUT: Final = 3
RCA4_TYPE_MASK_BLK_LAYOUT: Final = 4
RCA4_TYPE_MASK_OBJ_LAYOUT_MIN: Final = 8
RCA4_TYPE_MASK_OBJ_LAYOUT_MAX: Final = 9
RCA4_TYPE_MASK_OTHER_LAYOUT_MIN: Final = 12
RCA4_TYPE_MASK_OTHER_LAYOUT_MAX: Final = 15
NFS4_CALLBACK: Final = 0x40000000
NFS_CB: Final = 1
CB_NULL: Final = 0
CB_COMPOUND: Final = 1

# Enumerations


class nfs_ftype4(IntEnum):
    NF4REG = 1
    NF4DIR = 2
    NF4BLK = 3
    NF4CHR = 4
    NF4LNK = 5
    NF4SOCK = 6
    NF4FIFO = 7
    NF4ATTRDIR = 8
    NF4NAMEDATTR = 9


NF4REG: Final = 1
NF4DIR: Final = 2
NF4BLK: Final = 3
NF4CHR: Final = 4
NF4LNK: Final = 5
NF4SOCK: Final = 6
NF4FIFO: Final = 7
NF4ATTRDIR: Final = 8
NF4NAMEDATTR: Final = 9


class nfsstat4(IntEnum):
    NFS4_OK = 0
    NFS4ERR_PERM = 1
    NFS4ERR_NOENT = 2
    NFS4ERR_IO = 5
    NFS4ERR_NXIO = 6
    NFS4ERR_ACCESS = 13
    NFS4ERR_EXIST = 17
    NFS4ERR_XDEV = 18
    NFS4ERR_NOTDIR = 20
    NFS4ERR_ISDIR = 21
    NFS4ERR_INVAL = 22
    NFS4ERR_FBIG = 27
    NFS4ERR_NOSPC = 28
    NFS4ERR_ROFS = 30
    NFS4ERR_MLINK = 31
    NFS4ERR_NAMETOOLONG = 63
    NFS4ERR_NOTEMPTY = 66
    NFS4ERR_DQUOT = 69
    NFS4ERR_STALE = 70
    NFS4ERR_BADHANDLE = 10001
    NFS4ERR_BAD_COOKIE = 10003
    NFS4ERR_NOTSUPP = 10004
    NFS4ERR_TOOSMALL = 10005
    NFS4ERR_SERVERFAULT = 10006
    NFS4ERR_BADTYPE = 10007
    NFS4ERR_DELAY = 10008
    NFS4ERR_SAME = 10009
    NFS4ERR_DENIED = 10010
    NFS4ERR_EXPIRED = 10011
    NFS4ERR_LOCKED = 10012
    NFS4ERR_GRACE = 10013
    NFS4ERR_FHEXPIRED = 10014
    NFS4ERR_SHARE_DENIED = 10015
    NFS4ERR_WRONGSEC = 10016
    NFS4ERR_CLID_INUSE = 10017
    NFS4ERR_RESOURCE = 10018
    NFS4ERR_MOVED = 10019
    NFS4ERR_NOFILEHANDLE = 10020
    NFS4ERR_MINOR_VERS_MISMATCH = 10021
    NFS4ERR_STALE_CLIENTID = 10022
    NFS4ERR_STALE_STATEID = 10023
    NFS4ERR_OLD_STATEID = 10024
    NFS4ERR_BAD_STATEID = 10025
    NFS4ERR_BAD_SEQID = 10026
    NFS4ERR_NOT_SAME = 10027
    NFS4ERR_LOCK_RANGE = 10028
    NFS4ERR_SYMLINK = 10029
    NFS4ERR_RESTOREFH = 10030
    NFS4ERR_LEASE_MOVED = 10031
    NFS4ERR_ATTRNOTSUPP = 10032
    NFS4ERR_NO_GRACE = 10033
    NFS4ERR_RECLAIM_BAD = 10034
    NFS4ERR_RECLAIM_CONFLICT = 10035
    NFS4ERR_BADXDR = 10036
    NFS4ERR_LOCKS_HELD = 10037
    NFS4ERR_OPENMODE = 10038
    NFS4ERR_BADOWNER = 10039
    NFS4ERR_BADCHAR = 10040
    NFS4ERR_BADNAME = 10041
    NFS4ERR_BAD_RANGE = 10042
    NFS4ERR_LOCK_NOTSUPP = 10043
    NFS4ERR_OP_ILLEGAL = 10044
    NFS4ERR_DEADLOCK = 10045
    NFS4ERR_FILE_OPEN = 10046
    NFS4ERR_ADMIN_REVOKED = 10047
    NFS4ERR_CB_PATH_DOWN = 10048
    NFS4ERR_BADIOMODE = 10049
    NFS4ERR_BADLAYOUT = 10050
    NFS4ERR_BAD_SESSION_DIGEST = 10051
    NFS4ERR_BADSESSION = 10052
    NFS4ERR_BADSLOT = 10053
    NFS4ERR_COMPLETE_ALREADY = 10054
    NFS4ERR_CONN_NOT_BOUND_TO_SESSION = 10055
    NFS4ERR_DELEG_ALREADY_WANTED = 10056
    NFS4ERR_BACK_CHAN_BUSY = 10057
    NFS4ERR_LAYOUTTRYLATER = 10058
    NFS4ERR_LAYOUTUNAVAILABLE = 10059
    NFS4ERR_NOMATCHING_LAYOUT = 10060
    NFS4ERR_RECALLCONFLICT = 10061
    NFS4ERR_UNKNOWN_LAYOUTTYPE = 10062
    NFS4ERR_SEQ_MISORDERED = 10063
    NFS4ERR_SEQUENCE_POS = 10064
    NFS4ERR_REQ_TOO_BIG = 10065
    NFS4ERR_REP_TOO_BIG = 10066
    NFS4ERR_REP_TOO_BIG_TO_CACHE = 10067
    NFS4ERR_RETRY_UNCACHED_REP = 10068
    NFS4ERR_UNSAFE_COMPOUND = 10069
    NFS4ERR_TOO_MANY_OPS = 10070
    NFS4ERR_OP_NOT_IN_SESSION = 10071
    NFS4ERR_HASH_ALG_UNSUPP = 10072
    NFS4ERR_CLIENTID_BUSY = 10074
    NFS4ERR_PNFS_IO_HOLE = 10075
    NFS4ERR_SEQ_FALSE_RETRY = 10076
    NFS4ERR_BAD_HIGH_SLOT = 10077
    NFS4ERR_DEADSESSION = 10078
    NFS4ERR_ENCR_ALG_UNSUPP = 10079
    NFS4ERR_PNFS_NO_LAYOUT = 10080
    NFS4ERR_NOT_ONLY_OP = 10081
    NFS4ERR_WRONG_CRED = 10082
    NFS4ERR_WRONG_TYPE = 10083
    NFS4ERR_DIRDELEG_UNAVAIL = 10084
    NFS4ERR_REJECT_DELEG = 10085
    NFS4ERR_RETURNCONFLICT = 10086
    NFS4ERR_DELEG_REVOKED = 10087
    NFS4ERR_PARTNER_NOTSUPP = 10088
    NFS4ERR_PARTNER_NO_AUTH = 10089
    NFS4ERR_UNION_NOTSUPP = 10090
    NFS4ERR_OFFLOAD_DENIED = 10091
    NFS4ERR_WRONG_LFS = 10092
    NFS4ERR_BADLABEL = 10093
    NFS4ERR_OFFLOAD_NO_REQS = 10094
    NFS4ERR_NOXATTR = 10095
    NFS4ERR_XATTR2BIG = 10096


NFS4_OK: Final = 0
NFS4ERR_PERM: Final = 1
NFS4ERR_NOENT: Final = 2
NFS4ERR_IO: Final = 5
NFS4ERR_NXIO: Final = 6
NFS4ERR_ACCESS: Final = 13
NFS4ERR_EXIST: Final = 17
NFS4ERR_XDEV: Final = 18
NFS4ERR_NOTDIR: Final = 20
NFS4ERR_ISDIR: Final = 21
NFS4ERR_INVAL: Final = 22
NFS4ERR_FBIG: Final = 27
NFS4ERR_NOSPC: Final = 28
NFS4ERR_ROFS: Final = 30
NFS4ERR_MLINK: Final = 31
NFS4ERR_NAMETOOLONG: Final = 63
NFS4ERR_NOTEMPTY: Final = 66
NFS4ERR_DQUOT: Final = 69
NFS4ERR_STALE: Final = 70
NFS4ERR_BADHANDLE: Final = 10001
NFS4ERR_BAD_COOKIE: Final = 10003
NFS4ERR_NOTSUPP: Final = 10004
NFS4ERR_TOOSMALL: Final = 10005
NFS4ERR_SERVERFAULT: Final = 10006
NFS4ERR_BADTYPE: Final = 10007
NFS4ERR_DELAY: Final = 10008
NFS4ERR_SAME: Final = 10009
NFS4ERR_DENIED: Final = 10010
NFS4ERR_EXPIRED: Final = 10011
NFS4ERR_LOCKED: Final = 10012
NFS4ERR_GRACE: Final = 10013
NFS4ERR_FHEXPIRED: Final = 10014
NFS4ERR_SHARE_DENIED: Final = 10015
NFS4ERR_WRONGSEC: Final = 10016
NFS4ERR_CLID_INUSE: Final = 10017
NFS4ERR_RESOURCE: Final = 10018
NFS4ERR_MOVED: Final = 10019
NFS4ERR_NOFILEHANDLE: Final = 10020
NFS4ERR_MINOR_VERS_MISMATCH: Final = 10021
NFS4ERR_STALE_CLIENTID: Final = 10022
NFS4ERR_STALE_STATEID: Final = 10023
NFS4ERR_OLD_STATEID: Final = 10024
NFS4ERR_BAD_STATEID: Final = 10025
NFS4ERR_BAD_SEQID: Final = 10026
NFS4ERR_NOT_SAME: Final = 10027
NFS4ERR_LOCK_RANGE: Final = 10028
NFS4ERR_SYMLINK: Final = 10029
NFS4ERR_RESTOREFH: Final = 10030
NFS4ERR_LEASE_MOVED: Final = 10031
NFS4ERR_ATTRNOTSUPP: Final = 10032
NFS4ERR_NO_GRACE: Final = 10033
NFS4ERR_RECLAIM_BAD: Final = 10034
NFS4ERR_RECLAIM_CONFLICT: Final = 10035
NFS4ERR_BADXDR: Final = 10036
NFS4ERR_LOCKS_HELD: Final = 10037
NFS4ERR_OPENMODE: Final = 10038
NFS4ERR_BADOWNER: Final = 10039
NFS4ERR_BADCHAR: Final = 10040
NFS4ERR_BADNAME: Final = 10041
NFS4ERR_BAD_RANGE: Final = 10042
NFS4ERR_LOCK_NOTSUPP: Final = 10043
NFS4ERR_OP_ILLEGAL: Final = 10044
NFS4ERR_DEADLOCK: Final = 10045
NFS4ERR_FILE_OPEN: Final = 10046
NFS4ERR_ADMIN_REVOKED: Final = 10047
NFS4ERR_CB_PATH_DOWN: Final = 10048
NFS4ERR_BADIOMODE: Final = 10049
NFS4ERR_BADLAYOUT: Final = 10050
NFS4ERR_BAD_SESSION_DIGEST: Final = 10051
NFS4ERR_BADSESSION: Final = 10052
NFS4ERR_BADSLOT: Final = 10053
NFS4ERR_COMPLETE_ALREADY: Final = 10054
NFS4ERR_CONN_NOT_BOUND_TO_SESSION: Final = 10055
NFS4ERR_DELEG_ALREADY_WANTED: Final = 10056
NFS4ERR_BACK_CHAN_BUSY: Final = 10057
NFS4ERR_LAYOUTTRYLATER: Final = 10058
NFS4ERR_LAYOUTUNAVAILABLE: Final = 10059
NFS4ERR_NOMATCHING_LAYOUT: Final = 10060
NFS4ERR_RECALLCONFLICT: Final = 10061
NFS4ERR_UNKNOWN_LAYOUTTYPE: Final = 10062
NFS4ERR_SEQ_MISORDERED: Final = 10063
NFS4ERR_SEQUENCE_POS: Final = 10064
NFS4ERR_REQ_TOO_BIG: Final = 10065
NFS4ERR_REP_TOO_BIG: Final = 10066
NFS4ERR_REP_TOO_BIG_TO_CACHE: Final = 10067
NFS4ERR_RETRY_UNCACHED_REP: Final = 10068
NFS4ERR_UNSAFE_COMPOUND: Final = 10069
NFS4ERR_TOO_MANY_OPS: Final = 10070
NFS4ERR_OP_NOT_IN_SESSION: Final = 10071
NFS4ERR_HASH_ALG_UNSUPP: Final = 10072
NFS4ERR_CLIENTID_BUSY: Final = 10074
NFS4ERR_PNFS_IO_HOLE: Final = 10075
NFS4ERR_SEQ_FALSE_RETRY: Final = 10076
NFS4ERR_BAD_HIGH_SLOT: Final = 10077
NFS4ERR_DEADSESSION: Final = 10078
NFS4ERR_ENCR_ALG_UNSUPP: Final = 10079
NFS4ERR_PNFS_NO_LAYOUT: Final = 10080
NFS4ERR_NOT_ONLY_OP: Final = 10081
NFS4ERR_WRONG_CRED: Final = 10082
NFS4ERR_WRONG_TYPE: Final = 10083
NFS4ERR_DIRDELEG_UNAVAIL: Final = 10084
NFS4ERR_REJECT_DELEG: Final = 10085
NFS4ERR_RETURNCONFLICT: Final = 10086
NFS4ERR_DELEG_REVOKED: Final = 10087
NFS4ERR_PARTNER_NOTSUPP: Final = 10088
NFS4ERR_PARTNER_NO_AUTH: Final = 10089
NFS4ERR_UNION_NOTSUPP: Final = 10090
NFS4ERR_OFFLOAD_DENIED: Final = 10091
NFS4ERR_WRONG_LFS: Final = 10092
NFS4ERR_BADLABEL: Final = 10093
NFS4ERR_OFFLOAD_NO_REQS: Final = 10094
NFS4ERR_NOXATTR: Final = 10095
NFS4ERR_XATTR2BIG: Final = 10096


class time_how4(IntEnum):
    SET_TO_SERVER_TIME4 = 0
    SET_TO_CLIENT_TIME4 = 1


SET_TO_SERVER_TIME4: Final = 0
SET_TO_CLIENT_TIME4: Final = 1


class layouttype4(IntEnum):
    LAYOUT4_NFSV4_1_FILES = 1
    LAYOUT4_OSD2_OBJECTS = 2
    LAYOUT4_BLOCK_VOLUME = 3
    LAYOUT4_FLEX_FILES = 4
    LAYOUT4_SCSI = 5


LAYOUT4_NFSV4_1_FILES: Final = 1
LAYOUT4_OSD2_OBJECTS: Final = 2
LAYOUT4_BLOCK_VOLUME: Final = 3
LAYOUT4_FLEX_FILES: Final = 4
LAYOUT4_SCSI: Final = 5


class layoutiomode4(IntEnum):
    LAYOUTIOMODE4_READ = 1
    LAYOUTIOMODE4_RW = 2
    LAYOUTIOMODE4_ANY = 3


LAYOUTIOMODE4_READ: Final = 1
LAYOUTIOMODE4_RW: Final = 2
LAYOUTIOMODE4_ANY: Final = 3


class layoutreturn_type4(IntEnum):
    LAYOUTRETURN4_FILE = 1
    LAYOUTRETURN4_FSID = 2
    LAYOUTRETURN4_ALL = 3


LAYOUTRETURN4_FILE: Final = 1
LAYOUTRETURN4_FSID: Final = 2
LAYOUTRETURN4_ALL: Final = 3


class fs4_status_type(IntEnum):
    STATUS4_FIXED = 1
    STATUS4_UPDATED = 2
    STATUS4_VERSIONED = 3
    STATUS4_WRITABLE = 4
    STATUS4_REFERRAL = 5


STATUS4_FIXED: Final = 1
STATUS4_UPDATED: Final = 2
STATUS4_VERSIONED: Final = 3
STATUS4_WRITABLE: Final = 4
STATUS4_REFERRAL: Final = 5


class netloc_type4(IntEnum):
    NL4_NAME = 1
    NL4_URL = 2
    NL4_NETADDR = 3


NL4_NAME: Final = 1
NL4_URL: Final = 2
NL4_NETADDR: Final = 3


class change_attr_type4(IntEnum):
    NFS4_CHANGE_TYPE_IS_MONOTONIC_INCR = 0
    NFS4_CHANGE_TYPE_IS_VERSION_COUNTER = 1
    NFS4_CHANGE_TYPE_IS_VERSION_COUNTER_NOPNFS = 2
    NFS4_CHANGE_TYPE_IS_TIME_METADATA = 3
    NFS4_CHANGE_TYPE_IS_UNDEFINED = 4


NFS4_CHANGE_TYPE_IS_MONOTONIC_INCR: Final = 0
NFS4_CHANGE_TYPE_IS_VERSION_COUNTER: Final = 1
NFS4_CHANGE_TYPE_IS_VERSION_COUNTER_NOPNFS: Final = 2
NFS4_CHANGE_TYPE_IS_TIME_METADATA: Final = 3
NFS4_CHANGE_TYPE_IS_UNDEFINED: Final = 4


class data_content4(IntEnum):
    NFS4_CONTENT_DATA = 0
    NFS4_CONTENT_HOLE = 1


NFS4_CONTENT_DATA: Final = 0
NFS4_CONTENT_HOLE: Final = 1


class stable_how4(IntEnum):
    UNSTABLE4 = 0
    DATA_SYNC4 = 1
    FILE_SYNC4 = 2


UNSTABLE4: Final = 0
DATA_SYNC4: Final = 1
FILE_SYNC4: Final = 2


class open_args_share_access4(IntEnum):
    OPEN_ARGS_SHARE_ACCESS_READ = 1
    OPEN_ARGS_SHARE_ACCESS_WRITE = 2
    OPEN_ARGS_SHARE_ACCESS_BOTH = 3


OPEN_ARGS_SHARE_ACCESS_READ: Final = 1
OPEN_ARGS_SHARE_ACCESS_WRITE: Final = 2
OPEN_ARGS_SHARE_ACCESS_BOTH: Final = 3


class open_args_share_deny4(IntEnum):
    OPEN_ARGS_SHARE_DENY_NONE = 0
    OPEN_ARGS_SHARE_DENY_READ = 1
    OPEN_ARGS_SHARE_DENY_WRITE = 2
    OPEN_ARGS_SHARE_DENY_BOTH = 3


OPEN_ARGS_SHARE_DENY_NONE: Final = 0
OPEN_ARGS_SHARE_DENY_READ: Final = 1
OPEN_ARGS_SHARE_DENY_WRITE: Final = 2
OPEN_ARGS_SHARE_DENY_BOTH: Final = 3


class open_args_share_access_want4(IntEnum):
    OPEN_ARGS_SHARE_ACCESS_WANT_ANY_DELEG = 3
    OPEN_ARGS_SHARE_ACCESS_WANT_NO_DELEG = 4
    OPEN_ARGS_SHARE_ACCESS_WANT_CANCEL = 5
    OPEN_ARGS_SHARE_ACCESS_WANT_SIGNAL_DELEG_WHEN_RESRC_AVAIL = 17
    OPEN_ARGS_SHARE_ACCESS_WANT_PUSH_DELEG_WHEN_UNCONTENDED = 18
    OPEN_ARGS_SHARE_ACCESS_WANT_DELEG_TIMESTAMPS = 20
    OPEN_ARGS_SHARE_ACCESS_WANT_OPEN_XOR_DELEGATION = 21


OPEN_ARGS_SHARE_ACCESS_WANT_ANY_DELEG: Final = 3
OPEN_ARGS_SHARE_ACCESS_WANT_NO_DELEG: Final = 4
OPEN_ARGS_SHARE_ACCESS_WANT_CANCEL: Final = 5
OPEN_ARGS_SHARE_ACCESS_WANT_SIGNAL_DELEG_WHEN_RESRC_AVAIL: Final = 17
OPEN_ARGS_SHARE_ACCESS_WANT_PUSH_DELEG_WHEN_UNCONTENDED: Final = 18
OPEN_ARGS_SHARE_ACCESS_WANT_DELEG_TIMESTAMPS: Final = 20
OPEN_ARGS_SHARE_ACCESS_WANT_OPEN_XOR_DELEGATION: Final = 21


class open_args_open_claim4(IntEnum):
    OPEN_ARGS_OPEN_CLAIM_NULL = 0
    OPEN_ARGS_OPEN_CLAIM_PREVIOUS = 1
    OPEN_ARGS_OPEN_CLAIM_DELEGATE_CUR = 2
    OPEN_ARGS_OPEN_CLAIM_DELEGATE_PREV = 3
    OPEN_ARGS_OPEN_CLAIM_FH = 4
    OPEN_ARGS_OPEN_CLAIM_DELEG_CUR_FH = 5
    OPEN_ARGS_OPEN_CLAIM_DELEG_PREV_FH = 6


OPEN_ARGS_OPEN_CLAIM_NULL: Final = 0
OPEN_ARGS_OPEN_CLAIM_PREVIOUS: Final = 1
OPEN_ARGS_OPEN_CLAIM_DELEGATE_CUR: Final = 2
OPEN_ARGS_OPEN_CLAIM_DELEGATE_PREV: Final = 3
OPEN_ARGS_OPEN_CLAIM_FH: Final = 4
OPEN_ARGS_OPEN_CLAIM_DELEG_CUR_FH: Final = 5
OPEN_ARGS_OPEN_CLAIM_DELEG_PREV_FH: Final = 6


class open_args_createmode4(IntEnum):
    OPEN_ARGS_CREATEMODE_UNCHECKED4 = 0
    OPEN_ARGS_CREATE_MODE_GUARDED = 1
    OPEN_ARGS_CREATEMODE_EXCLUSIVE4 = 2
    OPEN_ARGS_CREATE_MODE_EXCLUSIVE4_1 = 3


OPEN_ARGS_CREATEMODE_UNCHECKED4: Final = 0
OPEN_ARGS_CREATE_MODE_GUARDED: Final = 1
OPEN_ARGS_CREATEMODE_EXCLUSIVE4: Final = 2
OPEN_ARGS_CREATE_MODE_EXCLUSIVE4_1: Final = 3


class nfs_lock_type4(IntEnum):
    READ_LT = 1
    WRITE_LT = 2
    READW_LT = 3
    WRITEW_LT = 4


READ_LT: Final = 1
WRITE_LT: Final = 2
READW_LT: Final = 3
WRITEW_LT: Final = 4


class ssv_subkey4(IntEnum):
    SSV4_SUBKEY_MIC_I2T = 1
    SSV4_SUBKEY_MIC_T2I = 2
    SSV4_SUBKEY_SEAL_I2T = 3
    SSV4_SUBKEY_SEAL_T2I = 4


SSV4_SUBKEY_MIC_I2T: Final = 1
SSV4_SUBKEY_MIC_T2I: Final = 2
SSV4_SUBKEY_SEAL_I2T: Final = 3
SSV4_SUBKEY_SEAL_T2I: Final = 4


class filelayout_hint_care4(IntEnum):
    NFLH4_CARE_DENSE = 1
    NFLH4_CARE_COMMIT_THRU_MDS = 2
    NFL42_CARE_IO_ADVISE_THRU_MDS = 4
    NFLH4_CARE_STRIPE_UNIT_SIZE = 64
    NFLH4_CARE_STRIPE_COUNT = 128


NFLH4_CARE_DENSE: Final = 1
NFLH4_CARE_COMMIT_THRU_MDS: Final = 2
NFL42_CARE_IO_ADVISE_THRU_MDS: Final = 4
NFLH4_CARE_STRIPE_UNIT_SIZE: Final = 64
NFLH4_CARE_STRIPE_COUNT: Final = 128


class ff_cb_recall_any_mask(IntEnum):
    FF_RCA4_TYPE_MASK_READ = -2
    FF_RCA4_TYPE_MASK_RW = -1


FF_RCA4_TYPE_MASK_READ: Final = -2
FF_RCA4_TYPE_MASK_RW: Final = -1


class nfs_opnum4(IntEnum):
    OP_ACCESS = 3
    OP_CLOSE = 4
    OP_COMMIT = 5
    OP_CREATE = 6
    OP_DELEGPURGE = 7
    OP_DELEGRETURN = 8
    OP_GETATTR = 9
    OP_GETFH = 10
    OP_LINK = 11
    OP_LOCK = 12
    OP_LOCKT = 13
    OP_LOCKU = 14
    OP_LOOKUP = 15
    OP_LOOKUPP = 16
    OP_NVERIFY = 17
    OP_OPEN = 18
    OP_OPENATTR = 19
    OP_OPEN_CONFIRM = 20
    OP_OPEN_DOWNGRADE = 21
    OP_PUTFH = 22
    OP_PUTPUBFH = 23
    OP_PUTROOTFH = 24
    OP_READ = 25
    OP_READDIR = 26
    OP_READLINK = 27
    OP_REMOVE = 28
    OP_RENAME = 29
    OP_RENEW = 30
    OP_RESTOREFH = 31
    OP_SAVEFH = 32
    OP_SECINFO = 33
    OP_SETATTR = 34
    OP_SETCLIENTID = 35
    OP_SETCLIENTID_CONFIRM = 36
    OP_VERIFY = 37
    OP_WRITE = 38
    OP_RELEASE_LOCKOWNER = 39
    OP_BACKCHANNEL_CTL = 40
    OP_BIND_CONN_TO_SESSION = 41
    OP_EXCHANGE_ID = 42
    OP_CREATE_SESSION = 43
    OP_DESTROY_SESSION = 44
    OP_FREE_STATEID = 45
    OP_GET_DIR_DELEGATION = 46
    OP_GETDEVICEINFO = 47
    OP_GETDEVICELIST = 48
    OP_LAYOUTCOMMIT = 49
    OP_LAYOUTGET = 50
    OP_LAYOUTRETURN = 51
    OP_SECINFO_NO_NAME = 52
    OP_SEQUENCE = 53
    OP_SET_SSV = 54
    OP_TEST_STATEID = 55
    OP_WANT_DELEGATION = 56
    OP_DESTROY_CLIENTID = 57
    OP_RECLAIM_COMPLETE = 58
    OP_ALLOCATE = 59
    OP_COPY = 60
    OP_COPY_NOTIFY = 61
    OP_DEALLOCATE = 62
    OP_IO_ADVISE = 63
    OP_LAYOUTERROR = 64
    OP_LAYOUTSTATS = 65
    OP_OFFLOAD_CANCEL = 66
    OP_OFFLOAD_STATUS = 67
    OP_READ_PLUS = 68
    OP_SEEK = 69
    OP_WRITE_SAME = 70
    OP_CLONE = 71
    OP_GETXATTR = 72
    OP_SETXATTR = 73
    OP_LISTXATTRS = 74
    OP_REMOVEXATTR = 75
    OP_ILLEGAL = 10044


OP_ACCESS: Final = 3
OP_CLOSE: Final = 4
OP_COMMIT: Final = 5
OP_CREATE: Final = 6
OP_DELEGPURGE: Final = 7
OP_DELEGRETURN: Final = 8
OP_GETATTR: Final = 9
OP_GETFH: Final = 10
OP_LINK: Final = 11
OP_LOCK: Final = 12
OP_LOCKT: Final = 13
OP_LOCKU: Final = 14
OP_LOOKUP: Final = 15
OP_LOOKUPP: Final = 16
OP_NVERIFY: Final = 17
OP_OPEN: Final = 18
OP_OPENATTR: Final = 19
OP_OPEN_CONFIRM: Final = 20
OP_OPEN_DOWNGRADE: Final = 21
OP_PUTFH: Final = 22
OP_PUTPUBFH: Final = 23
OP_PUTROOTFH: Final = 24
OP_READ: Final = 25
OP_READDIR: Final = 26
OP_READLINK: Final = 27
OP_REMOVE: Final = 28
OP_RENAME: Final = 29
OP_RENEW: Final = 30
OP_RESTOREFH: Final = 31
OP_SAVEFH: Final = 32
OP_SECINFO: Final = 33
OP_SETATTR: Final = 34
OP_SETCLIENTID: Final = 35
OP_SETCLIENTID_CONFIRM: Final = 36
OP_VERIFY: Final = 37
OP_WRITE: Final = 38
OP_RELEASE_LOCKOWNER: Final = 39
OP_BACKCHANNEL_CTL: Final = 40
OP_BIND_CONN_TO_SESSION: Final = 41
OP_EXCHANGE_ID: Final = 42
OP_CREATE_SESSION: Final = 43
OP_DESTROY_SESSION: Final = 44
OP_FREE_STATEID: Final = 45
OP_GET_DIR_DELEGATION: Final = 46
OP_GETDEVICEINFO: Final = 47
OP_GETDEVICELIST: Final = 48
OP_LAYOUTCOMMIT: Final = 49
OP_LAYOUTGET: Final = 50
OP_LAYOUTRETURN: Final = 51
OP_SECINFO_NO_NAME: Final = 52
OP_SEQUENCE: Final = 53
OP_SET_SSV: Final = 54
OP_TEST_STATEID: Final = 55
OP_WANT_DELEGATION: Final = 56
OP_DESTROY_CLIENTID: Final = 57
OP_RECLAIM_COMPLETE: Final = 58
OP_ALLOCATE: Final = 59
OP_COPY: Final = 60
OP_COPY_NOTIFY: Final = 61
OP_DEALLOCATE: Final = 62
OP_IO_ADVISE: Final = 63
OP_LAYOUTERROR: Final = 64
OP_LAYOUTSTATS: Final = 65
OP_OFFLOAD_CANCEL: Final = 66
OP_OFFLOAD_STATUS: Final = 67
OP_READ_PLUS: Final = 68
OP_SEEK: Final = 69
OP_WRITE_SAME: Final = 70
OP_CLONE: Final = 71
OP_GETXATTR: Final = 72
OP_SETXATTR: Final = 73
OP_LISTXATTRS: Final = 74
OP_REMOVEXATTR: Final = 75
OP_ILLEGAL: Final = 10044


class createmode4(IntEnum):
    UNCHECKED4 = 0
    GUARDED4 = 1
    EXCLUSIVE4 = 2
    EXCLUSIVE4_1 = 3


UNCHECKED4: Final = 0
GUARDED4: Final = 1
EXCLUSIVE4: Final = 2
EXCLUSIVE4_1: Final = 3


class opentype4(IntEnum):
    OPEN4_NOCREATE = 0
    OPEN4_CREATE = 1


OPEN4_NOCREATE: Final = 0
OPEN4_CREATE: Final = 1


class limit_by4(IntEnum):
    NFS_LIMIT_SIZE = 1
    NFS_LIMIT_BLOCKS = 2


NFS_LIMIT_SIZE: Final = 1
NFS_LIMIT_BLOCKS: Final = 2


class open_delegation_type4(IntEnum):
    OPEN_DELEGATE_NONE = 0
    OPEN_DELEGATE_READ = 1
    OPEN_DELEGATE_WRITE = 2
    OPEN_DELEGATE_NONE_EXT = 3
    OPEN_DELEGATE_READ_ATTRS_DELEG = 4
    OPEN_DELEGATE_WRITE_ATTRS_DELEG = 5


OPEN_DELEGATE_NONE: Final = 0
OPEN_DELEGATE_READ: Final = 1
OPEN_DELEGATE_WRITE: Final = 2
OPEN_DELEGATE_NONE_EXT: Final = 3
OPEN_DELEGATE_READ_ATTRS_DELEG: Final = 4
OPEN_DELEGATE_WRITE_ATTRS_DELEG: Final = 5


class open_claim_type4(IntEnum):
    CLAIM_NULL = 0
    CLAIM_PREVIOUS = 1
    CLAIM_DELEGATE_CUR = 2
    CLAIM_DELEGATE_PREV = 3
    CLAIM_FH = 4
    CLAIM_DELEG_CUR_FH = 5
    CLAIM_DELEG_PREV_FH = 6


CLAIM_NULL: Final = 0
CLAIM_PREVIOUS: Final = 1
CLAIM_DELEGATE_CUR: Final = 2
CLAIM_DELEGATE_PREV: Final = 3
CLAIM_FH: Final = 4
CLAIM_DELEG_CUR_FH: Final = 5
CLAIM_DELEG_PREV_FH: Final = 6


class why_no_delegation4(IntEnum):
    WND4_NOT_WANTED = 0
    WND4_CONTENTION = 1
    WND4_RESOURCE = 2
    WND4_NOT_SUPP_FTYPE = 3
    WND4_WRITE_DELEG_NOT_SUPP_FTYPE = 4
    WND4_NOT_SUPP_UPGRADE = 5
    WND4_NOT_SUPP_DOWNGRADE = 6
    WND4_CANCELLED = 7
    WND4_IS_DIR = 8


WND4_NOT_WANTED: Final = 0
WND4_CONTENTION: Final = 1
WND4_RESOURCE: Final = 2
WND4_NOT_SUPP_FTYPE: Final = 3
WND4_WRITE_DELEG_NOT_SUPP_FTYPE: Final = 4
WND4_NOT_SUPP_UPGRADE: Final = 5
WND4_NOT_SUPP_DOWNGRADE: Final = 6
WND4_CANCELLED: Final = 7
WND4_IS_DIR: Final = 8


class rpc_gss_svc_t(IntEnum):
    RPC_GSS_SVC_NONE = 1
    RPC_GSS_SVC_INTEGRITY = 2
    RPC_GSS_SVC_PRIVACY = 3


RPC_GSS_SVC_NONE: Final = 1
RPC_GSS_SVC_INTEGRITY: Final = 2
RPC_GSS_SVC_PRIVACY: Final = 3


class channel_dir_from_client4(IntEnum):
    CDFC4_FORE = 1
    CDFC4_BACK = 2
    CDFC4_FORE_OR_BOTH = 3
    CDFC4_BACK_OR_BOTH = 7


CDFC4_FORE: Final = 1
CDFC4_BACK: Final = 2
CDFC4_FORE_OR_BOTH: Final = 3
CDFC4_BACK_OR_BOTH: Final = 7


class channel_dir_from_server4(IntEnum):
    CDFS4_FORE = 1
    CDFS4_BACK = 2
    CDFS4_BOTH = 3


CDFS4_FORE: Final = 1
CDFS4_BACK: Final = 2
CDFS4_BOTH: Final = 3


class state_protect_how4(IntEnum):
    SP4_NONE = 0
    SP4_MACH_CRED = 1
    SP4_SSV = 2


SP4_NONE: Final = 0
SP4_MACH_CRED: Final = 1
SP4_SSV: Final = 2


class gddrnf4_status(IntEnum):
    GDD4_OK = 0
    GDD4_UNAVAIL = 1


GDD4_OK: Final = 0
GDD4_UNAVAIL: Final = 1


class secinfo_style4(IntEnum):
    SECINFO_STYLE4_CURRENT_FH = 0
    SECINFO_STYLE4_PARENT = 1


SECINFO_STYLE4_CURRENT_FH: Final = 0
SECINFO_STYLE4_PARENT: Final = 1


class IO_ADVISE_type4(IntEnum):
    IO_ADVISE4_NORMAL = 0
    IO_ADVISE4_SEQUENTIAL = 1
    IO_ADVISE4_SEQUENTIAL_BACKWARDS = 2
    IO_ADVISE4_RANDOM = 3
    IO_ADVISE4_WILLNEED = 4
    IO_ADVISE4_WILLNEED_OPPORTUNISTIC = 5
    IO_ADVISE4_DONTNEED = 6
    IO_ADVISE4_NOREUSE = 7
    IO_ADVISE4_READ = 8
    IO_ADVISE4_WRITE = 9
    IO_ADVISE4_INIT_PROXIMITY = 10


IO_ADVISE4_NORMAL: Final = 0
IO_ADVISE4_SEQUENTIAL: Final = 1
IO_ADVISE4_SEQUENTIAL_BACKWARDS: Final = 2
IO_ADVISE4_RANDOM: Final = 3
IO_ADVISE4_WILLNEED: Final = 4
IO_ADVISE4_WILLNEED_OPPORTUNISTIC: Final = 5
IO_ADVISE4_DONTNEED: Final = 6
IO_ADVISE4_NOREUSE: Final = 7
IO_ADVISE4_READ: Final = 8
IO_ADVISE4_WRITE: Final = 9
IO_ADVISE4_INIT_PROXIMITY: Final = 10


class setxattr_option4(IntEnum):
    SETXATTR4_EITHER = 0
    SETXATTR4_CREATE = 1
    SETXATTR4_REPLACE = 2


SETXATTR4_EITHER: Final = 0
SETXATTR4_CREATE: Final = 1
SETXATTR4_REPLACE: Final = 2


class layoutrecall_type4(IntEnum):
    LAYOUTRECALL4_FILE = 1
    LAYOUTRECALL4_FSID = 2
    LAYOUTRECALL4_ALL = 3


LAYOUTRECALL4_FILE: Final = 1
LAYOUTRECALL4_FSID: Final = 2
LAYOUTRECALL4_ALL: Final = 3


class notify_type4(IntEnum):
    NOTIFY4_CHANGE_CHILD_ATTRS = 0
    NOTIFY4_CHANGE_DIR_ATTRS = 1
    NOTIFY4_REMOVE_ENTRY = 2
    NOTIFY4_ADD_ENTRY = 3
    NOTIFY4_RENAME_ENTRY = 4
    NOTIFY4_CHANGE_COOKIE_VERIFIER = 5


NOTIFY4_CHANGE_CHILD_ATTRS: Final = 0
NOTIFY4_CHANGE_DIR_ATTRS: Final = 1
NOTIFY4_REMOVE_ENTRY: Final = 2
NOTIFY4_ADD_ENTRY: Final = 3
NOTIFY4_RENAME_ENTRY: Final = 4
NOTIFY4_CHANGE_COOKIE_VERIFIER: Final = 5


class notify_deviceid_type4(IntEnum):
    NOTIFY_DEVICEID4_CHANGE = 1
    NOTIFY_DEVICEID4_DELETE = 2


NOTIFY_DEVICEID4_CHANGE: Final = 1
NOTIFY_DEVICEID4_DELETE: Final = 2


class nfs_cb_opnum4(IntEnum):
    OP_CB_GETATTR = 3
    OP_CB_RECALL = 4
    OP_CB_LAYOUTRECALL = 5
    OP_CB_NOTIFY = 6
    OP_CB_PUSH_DELEG = 7
    OP_CB_RECALL_ANY = 8
    OP_CB_RECALLABLE_OBJ_AVAIL = 9
    OP_CB_RECALL_SLOT = 10
    OP_CB_SEQUENCE = 11
    OP_CB_WANTS_CANCELLED = 12
    OP_CB_NOTIFY_LOCK = 13
    OP_CB_NOTIFY_DEVICEID = 14
    OP_CB_OFFLOAD = 15
    OP_CB_ILLEGAL = 10044


OP_CB_GETATTR: Final = 3
OP_CB_RECALL: Final = 4
OP_CB_LAYOUTRECALL: Final = 5
OP_CB_NOTIFY: Final = 6
OP_CB_PUSH_DELEG: Final = 7
OP_CB_RECALL_ANY: Final = 8
OP_CB_RECALLABLE_OBJ_AVAIL: Final = 9
OP_CB_RECALL_SLOT: Final = 10
OP_CB_SEQUENCE: Final = 11
OP_CB_WANTS_CANCELLED: Final = 12
OP_CB_NOTIFY_LOCK: Final = 13
OP_CB_NOTIFY_DEVICEID: Final = 14
OP_CB_OFFLOAD: Final = 15
OP_CB_ILLEGAL: Final = 10044


# Layouts: the runs of fields that are packed in one step

_16s = Struct(">16s")
_16s2I = Struct(">16s2I")
_16s2I12sI = Struct(">16s2I12sI")
_16s2IQI = Struct(">16s2IQI")
_16s2i = Struct(">16s2i")
_16s4I = Struct(">16s4I")
_16s5I = Struct(">16s5I")
_16sI = Struct(">16sI")
_16si2I = Struct(">16si2I")
_16siI = Struct(">16siI")
_2I = Struct(">2I")
_2I12s = Struct(">2I12s")
_2I12sI = Struct(">2I12sI")
_2Q = Struct(">2Q")
_2Q2I12s = Struct(">2Q2I12s")
_2QI12s = Struct(">2QI12s")
_2QI12s4Q16s = Struct(">2QI12s4Q16s")
_2QI12sI = Struct(">2QI12sI")
_2Qi = Struct(">2Qi")
_2i = Struct(">2i")
_2iI = Struct(">2iI")
_3I = Struct(">3I")
_4I = Struct(">4I")
_4QIQI = Struct(">4QIQI")
_5I = Struct(">5I")
_5QqIqI = Struct(">5QqIqI")
_5QqIqI5QqIqIq2I = Struct(">5QqIqI5QqIqIq2I")
_7I = Struct(">7I")
_8s = Struct(">8s")
_8s8s = Struct(">8s8s")
_8sI = Struct(">8sI")
_8sI12sI = Struct(">8sI12sI")
_I = Struct(">I")
_I12s = Struct(">I12s")
_I12s2I = Struct(">I12s2I")
_I12s2Q = Struct(">I12s2Q")
_I12s2QI = Struct(">I12s2QI")
_I12s3I = Struct(">I12s3I")
_I12sI = Struct(">I12sI")
_I12sI12s3Q = Struct(">I12sI12s3Q")
_I12sI12s3Q3I = Struct(">I12sI12s3Q3I")
_I12sI2Q2I = Struct(">I12sI2Q2I")
_I12sQI = Struct(">I12sQI")
_I12sQi = Struct(">I12sQi")
_I12si = Struct(">I12si")
_I2Q = Struct(">I2Q")
_I2QI = Struct(">I2QI")
_I2QI2Q = Struct(">I2QI2Q")
_I2i = Struct(">I2i")
_I2i3QI12sI = Struct(">I2i3QI12sI")
_IQ = Struct(">IQ")
_Ii = Struct(">Ii")
_Ii8s = Struct(">Ii8s")
_IiI = Struct(">IiI")
_IqI = Struct(">IqI")
_Q = Struct(">Q")
_Q2I = Struct(">Q2I")
_Q8s = Struct(">Q8s")
_Q8s3I = Struct(">Q8s3I")
_Q8sI = Struct(">Q8sI")
_QI = Struct(">QI")
_Qi8s = Struct(">Qi8s")
_i = Struct(">i")
_i16s = Struct(">i16s")
_i16s4I = Struct(">i16s4I")
_i16s5I = Struct(">i16s5I")
_i16sI = Struct(">i16sI")
_i16siI = Struct(">i16siI")
_i2I = Struct(">i2I")
_i2I12s2Q = Struct(">i2I12s2Q")
_i2Q = Struct(">i2Q")
_i8s = Struct(">i8s")
_iI = Struct(">iI")
_iI12s = Struct(">iI12s")
_iI2Q = Struct(">iI2Q")
_iI2QI2Q = Struct(">iI2QI2Q")
_iIQ = Struct(">iIQ")
_iIQ8s = Struct(">iIQ8s")
_iIi8s = Struct(">iIi8s")
_iQ = Struct(">iQ")
_iQ8s = Struct(">iQ8s")
_iqI = Struct(">iqI")
_q2I12sI = Struct(">q2I12sI")
_qI = Struct(">qI")
_qIq2I = Struct(">qIq2I")

int32_t: TypeAlias = int

uint32_t: TypeAlias = int

int64_t: TypeAlias = int

uint64_t: TypeAlias = int


class authsys_parms(XdrStruct):
    __slots__ = ("stamp", "machinename", "uid", "gid", "gids")

    def __init__(self, stamp: int, machinename: bytes, uid: int, gid: int, gids: list[int]) -> None:
        self.stamp = stamp
        self.machinename = machinename
        self.uid = uid
        self.gid = gid
        self.gids = gids

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            machinename = self.machinename
            n = len(machinename)
            if n > 255:
                raise too_long("authsys_parms.machinename", n, 255)
            buf += _2I.pack(self.stamp, n)
            buf += machinename
            if n & 3:
                buf += PAD[n & 3]
            gids = self.gids
            n2 = len(gids)
            if n2 > 16:
                raise too_long("authsys_parms.gids", n2, 16)
            buf += _3I.pack(self.uid, self.gid, n2)
            buf += pack(f">{n2}I", *gids)
        except StructError as error:
            raise unencodable("authsys_parms", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> authsys_parms:
        stamp, machinename_n = dec.unpack(_2I)
        if machinename_n > 255:
            raise too_long("authsys_parms.machinename", machinename_n, 255)
        machinename = dec.octets(machinename_n)
        uid, gid, gids_n = dec.unpack(_3I)
        if gids_n > 16:
            raise too_long("authsys_parms.gids", gids_n, 16)
        gids = dec.numbers("I", gids_n)
        return cls(stamp, machinename, uid, gid, gids)


attrlist4: TypeAlias = "bytes"


def encode_attrlist4(enc: Encoder, value: attrlist4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("attrlist4", error) from None


def decode_attrlist4(dec: Decoder) -> attrlist4:
    return dec.opaque()


bitmap4: TypeAlias = "list[uint32_t]"


def encode_bitmap4(enc: Encoder, value: bitmap4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += pack(f">{n}I", *value)
    except StructError as error:
        raise unencodable("bitmap4", error) from None


def decode_bitmap4(dec: Decoder) -> bitmap4:
    result_n = dec.uint32()
    result = dec.numbers("I", result_n)
    return result

changeid4: TypeAlias = uint64_t

clientid4: TypeAlias = uint64_t

count4: TypeAlias = uint32_t

length4: TypeAlias = uint64_t

mode4: TypeAlias = uint32_t

nfs_cookie4: TypeAlias = uint64_t


nfs_fh4: TypeAlias = "bytes"


def encode_nfs_fh4(enc: Encoder, value: nfs_fh4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        if n > 128:
            raise too_long("nfs_fh4", n, 128)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("nfs_fh4", error) from None


def decode_nfs_fh4(dec: Decoder) -> nfs_fh4:
    return dec.opaque(128)

offset4: TypeAlias = uint64_t

qop4: TypeAlias = uint32_t


sec_oid4: TypeAlias = "bytes"


def encode_sec_oid4(enc: Encoder, value: sec_oid4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("sec_oid4", error) from None


def decode_sec_oid4(dec: Decoder) -> sec_oid4:
    return dec.opaque()

sequenceid4: TypeAlias = uint32_t

seqid4: TypeAlias = uint32_t


sessionid4: TypeAlias = "bytes"


def encode_sessionid4(enc: Encoder, value: sessionid4) -> None:
    buf = enc.buffer
    try:
        if len(value) != 16:
            raise wrong_length("sessionid4", len(value), 16)
        buf += _16s.pack(value)
    except StructError as error:
        raise unencodable("sessionid4", error) from None


def decode_sessionid4(dec: Decoder) -> sessionid4:
    return dec.fixed_opaque(16)

slotid4: TypeAlias = uint32_t


utf8string: TypeAlias = "bytes"


def encode_utf8string(enc: Encoder, value: utf8string) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("utf8string", error) from None


def decode_utf8string(dec: Decoder) -> utf8string:
    return dec.opaque()


utf8str_cis: TypeAlias = "utf8string"


def encode_utf8str_cis(enc: Encoder, value: utf8str_cis) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("utf8str_cis", error) from None


def decode_utf8str_cis(dec: Decoder) -> utf8str_cis:
    return dec.opaque()


utf8str_cs: TypeAlias = "utf8string"


def encode_utf8str_cs(enc: Encoder, value: utf8str_cs) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("utf8str_cs", error) from None


def decode_utf8str_cs(dec: Decoder) -> utf8str_cs:
    return dec.opaque()


utf8str_mixed: TypeAlias = "utf8string"


def encode_utf8str_mixed(enc: Encoder, value: utf8str_mixed) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("utf8str_mixed", error) from None


def decode_utf8str_mixed(dec: Decoder) -> utf8str_mixed:
    return dec.opaque()


component4: TypeAlias = "utf8str_cs"


def encode_component4(enc: Encoder, value: component4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("component4", error) from None


def decode_component4(dec: Decoder) -> component4:
    return dec.opaque()


linktext4: TypeAlias = "bytes"


def encode_linktext4(enc: Encoder, value: linktext4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("linktext4", error) from None


def decode_linktext4(dec: Decoder) -> linktext4:
    return dec.opaque()


ascii_REQUIRED4: TypeAlias = "utf8string"


def encode_ascii_REQUIRED4(enc: Encoder, value: ascii_REQUIRED4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("ascii_REQUIRED4", error) from None


def decode_ascii_REQUIRED4(dec: Decoder) -> ascii_REQUIRED4:
    return dec.opaque()


pathname4: TypeAlias = "list[component4]"


def encode_pathname4(enc: Encoder, value: pathname4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        for item in value:
            n2 = len(item)
            buf += _I.pack(n2)
            buf += item
            if n2 & 3:
                buf += PAD[n2 & 3]
    except StructError as error:
        raise unencodable("pathname4", error) from None


def decode_pathname4(dec: Decoder) -> pathname4:
    result_n = dec.uint32()
    dec.check_count(result_n, 4)
    result = [dec.opaque() for _ in range(result_n)]
    return result


verifier4: TypeAlias = "bytes"


def encode_verifier4(enc: Encoder, value: verifier4) -> None:
    buf = enc.buffer
    try:
        if len(value) != 8:
            raise wrong_length("verifier4", len(value), 8)
        buf += _8s.pack(value)
    except StructError as error:
        raise unencodable("verifier4", error) from None


def decode_verifier4(dec: Decoder) -> verifier4:
    return dec.fixed_opaque(8)


secret4: TypeAlias = "bytes"


def encode_secret4(enc: Encoder, value: secret4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("secret4", error) from None


def decode_secret4(dec: Decoder) -> secret4:
    return dec.opaque()

policy4: TypeAlias = uint32_t


class nfstime4(XdrStruct):
    __slots__ = ("seconds", "nseconds")

    def __init__(self, seconds: int64_t, nseconds: uint32_t) -> None:
        self.seconds = seconds
        self.nseconds = nseconds

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _qI.pack(self.seconds, self.nseconds)
        except StructError as error:
            raise unencodable("nfstime4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfstime4:
        seconds, nseconds = dec.unpack(_qI)
        return cls(seconds, nseconds)


class settime4(XdrUnion):
    __slots__ = ("set_it", "value")

    def __init__(self, set_it: int, value: nfstime4 | None = None) -> None:
        self.set_it = set_it
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        set_it = self.set_it
        try:
            if set_it == SET_TO_CLIENT_TIME4:
                buf += _iqI.pack(set_it, value.seconds, value.nseconds)
            else:
                buf += _i.pack(set_it)
        except StructError as error:
            raise unencodable("settime4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> settime4:
        set_it = dec.int32()
        if set_it == SET_TO_CLIENT_TIME4:
            time__seconds, time__nseconds = dec.unpack(_qI)
            return cls(set_it, nfstime4(time__seconds, time__nseconds))
        return cls(set_it)

    @property
    def time(self) -> nfstime4:
        if not (self.set_it == SET_TO_CLIENT_TIME4):
            raise wrong_arm(self, "time")
        arm: nfstime4 = self.value
        return arm

nfs_lease4: TypeAlias = uint32_t


class fsid4(XdrStruct):
    __slots__ = ("major", "minor")

    def __init__(self, major: uint64_t, minor: uint64_t) -> None:
        self.major = major
        self.minor = minor

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2Q.pack(self.major, self.minor)
        except StructError as error:
            raise unencodable("fsid4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fsid4:
        major, minor = dec.unpack(_2Q)
        return cls(major, minor)


class change_policy4(XdrStruct):
    __slots__ = ("cp_major", "cp_minor")

    def __init__(self, cp_major: uint64_t, cp_minor: uint64_t) -> None:
        self.cp_major = cp_major
        self.cp_minor = cp_minor

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2Q.pack(self.cp_major, self.cp_minor)
        except StructError as error:
            raise unencodable("change_policy4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> change_policy4:
        cp_major, cp_minor = dec.unpack(_2Q)
        return cls(cp_major, cp_minor)


class fs_location4(XdrStruct):
    __slots__ = ("server", "rootpath")

    def __init__(self, server: list[utf8str_cis], rootpath: pathname4) -> None:
        self.server = server
        self.rootpath = rootpath

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            server = self.server
            n = len(server)
            buf += _I.pack(n)
            for item in server:
                n2 = len(item)
                buf += _I.pack(n2)
                buf += item
                if n2 & 3:
                    buf += PAD[n2 & 3]
            rootpath = self.rootpath
            n3 = len(rootpath)
            buf += _I.pack(n3)
            for item2 in rootpath:
                n4 = len(item2)
                buf += _I.pack(n4)
                buf += item2
                if n4 & 3:
                    buf += PAD[n4 & 3]
        except StructError as error:
            raise unencodable("fs_location4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fs_location4:
        server_n = dec.uint32()
        dec.check_count(server_n, 4)
        server = [dec.opaque() for _ in range(server_n)]
        rootpath_n = dec.uint32()
        dec.check_count(rootpath_n, 4)
        rootpath = [dec.opaque() for _ in range(rootpath_n)]
        return cls(server, rootpath)


class fs_locations4(XdrStruct):
    __slots__ = ("fs_root", "locations")

    def __init__(self, fs_root: pathname4, locations: list[fs_location4]) -> None:
        self.fs_root = fs_root
        self.locations = locations

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fs_root = self.fs_root
            n = len(fs_root)
            buf += _I.pack(n)
            for item in fs_root:
                n2 = len(item)
                buf += _I.pack(n2)
                buf += item
                if n2 & 3:
                    buf += PAD[n2 & 3]
            locations = self.locations
            n3 = len(locations)
            buf += _I.pack(n3)
            for item2 in locations:
                item2.encode(enc)
        except StructError as error:
            raise unencodable("fs_locations4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fs_locations4:
        fs_root_n = dec.uint32()
        dec.check_count(fs_root_n, 4)
        fs_root = [dec.opaque() for _ in range(fs_root_n)]
        locations_n = dec.uint32()
        dec.check_count(locations_n, 8)
        locations = [fs_location4.decode(dec) for _ in range(locations_n)]
        return cls(fs_root, locations)

acetype4: TypeAlias = uint32_t

aceflag4: TypeAlias = uint32_t

acemask4: TypeAlias = uint32_t


class nfsace4(XdrStruct):
    __slots__ = ("type", "flag", "access_mask", "who")

    def __init__(
        self,
        type: acetype4,
        flag: aceflag4,
        access_mask: acemask4,
        who: utf8str_mixed,
    ) -> None:
        self.type = type
        self.flag = flag
        self.access_mask = access_mask
        self.who = who

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            who = self.who
            n = len(who)
            buf += _4I.pack(self.type, self.flag, self.access_mask, n)
            buf += who
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("nfsace4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfsace4:
        type, flag, access_mask, who_n = dec.unpack(_4I)
        who = dec.octets(who_n)
        return cls(type, flag, access_mask, who)

aclflag4: TypeAlias = uint32_t


class nfsacl41(XdrStruct):
    __slots__ = ("na41_flag", "na41_aces")

    def __init__(self, na41_flag: aclflag4, na41_aces: list[nfsace4]) -> None:
        self.na41_flag = na41_flag
        self.na41_aces = na41_aces

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            na41_aces = self.na41_aces
            n = len(na41_aces)
            buf += _2I.pack(self.na41_flag, n)
            for item in na41_aces:
                item.encode(enc)
        except StructError as error:
            raise unencodable("nfsacl41", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfsacl41:
        na41_flag, na41_aces_n = dec.unpack(_2I)
        dec.check_count(na41_aces_n, 16)
        na41_aces = [nfsace4.decode(dec) for _ in range(na41_aces_n)]
        return cls(na41_flag, na41_aces)


class mode_masked4(XdrStruct):
    __slots__ = ("mm_value_to_set", "mm_mask_bits")

    def __init__(self, mm_value_to_set: mode4, mm_mask_bits: mode4) -> None:
        self.mm_value_to_set = mm_value_to_set
        self.mm_mask_bits = mm_mask_bits

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.mm_value_to_set, self.mm_mask_bits)
        except StructError as error:
            raise unencodable("mode_masked4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mode_masked4:
        mm_value_to_set, mm_mask_bits = dec.unpack(_2I)
        return cls(mm_value_to_set, mm_mask_bits)


class mode_umask4(XdrStruct):
    __slots__ = ("mu_mode", "mu_umask")

    def __init__(self, mu_mode: mode4, mu_umask: mode4) -> None:
        self.mu_mode = mu_mode
        self.mu_umask = mu_umask

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.mu_mode, self.mu_umask)
        except StructError as error:
            raise unencodable("mode_umask4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mode_umask4:
        mu_mode, mu_umask = dec.unpack(_2I)
        return cls(mu_mode, mu_umask)


class specdata4(XdrStruct):
    __slots__ = ("specdata1", "specdata2")

    def __init__(self, specdata1: uint32_t, specdata2: uint32_t) -> None:
        self.specdata1 = specdata1
        self.specdata2 = specdata2

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.specdata1, self.specdata2)
        except StructError as error:
            raise unencodable("specdata4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> specdata4:
        specdata1, specdata2 = dec.unpack(_2I)
        return cls(specdata1, specdata2)


class netaddr4(XdrStruct):
    __slots__ = ("na_r_netid", "na_r_addr")

    def __init__(self, na_r_netid: bytes, na_r_addr: bytes) -> None:
        self.na_r_netid = na_r_netid
        self.na_r_addr = na_r_addr

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            na_r_netid = self.na_r_netid
            n = len(na_r_netid)
            buf += _I.pack(n)
            buf += na_r_netid
            if n & 3:
                buf += PAD[n & 3]
            na_r_addr = self.na_r_addr
            n2 = len(na_r_addr)
            buf += _I.pack(n2)
            buf += na_r_addr
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("netaddr4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> netaddr4:
        na_r_netid_n = dec.uint32()
        na_r_netid = dec.octets(na_r_netid_n)
        na_r_addr_n = dec.uint32()
        na_r_addr = dec.octets(na_r_addr_n)
        return cls(na_r_netid, na_r_addr)


class nfs_impl_id4(XdrStruct):
    __slots__ = ("nii_domain", "nii_name", "nii_date")

    def __init__(self, nii_domain: utf8str_cis, nii_name: utf8str_cs, nii_date: nfstime4) -> None:
        self.nii_domain = nii_domain
        self.nii_name = nii_name
        self.nii_date = nii_date

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            nii_domain = self.nii_domain
            n = len(nii_domain)
            buf += _I.pack(n)
            buf += nii_domain
            if n & 3:
                buf += PAD[n & 3]
            nii_name = self.nii_name
            n2 = len(nii_name)
            buf += _I.pack(n2)
            buf += nii_name
            if n2 & 3:
                buf += PAD[n2 & 3]
            nii_date = self.nii_date
            buf += _qI.pack(nii_date.seconds, nii_date.nseconds)
        except StructError as error:
            raise unencodable("nfs_impl_id4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfs_impl_id4:
        nii_domain_n = dec.uint32()
        nii_domain = dec.octets(nii_domain_n)
        nii_name_n = dec.uint32()
        nii_name = dec.octets(nii_name_n)
        nii_date__seconds, nii_date__nseconds = dec.unpack(_qI)
        return cls(nii_domain, nii_name, nfstime4(nii_date__seconds, nii_date__nseconds))


class stateid4(XdrStruct):
    __slots__ = ("seqid", "other")

    def __init__(self, seqid: uint32_t, other: bytes) -> None:
        self.seqid = seqid
        self.other = other

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.other) != 12:
                raise wrong_length("stateid4.other", len(self.other), 12)
            buf += _I12s.pack(self.seqid, self.other)
        except StructError as error:
            raise unencodable("stateid4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> stateid4:
        seqid, other = dec.unpack(_I12s)
        return cls(seqid, other)


class layout_content4(XdrStruct):
    __slots__ = ("loc_type", "loc_body")

    def __init__(self, loc_type: int, loc_body: bytes) -> None:
        self.loc_type = loc_type
        self.loc_body = loc_body

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            loc_body = self.loc_body
            n = len(loc_body)
            buf += _iI.pack(self.loc_type, n)
            buf += loc_body
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("layout_content4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> layout_content4:
        loc_type, loc_body_n = dec.unpack(_iI)
        loc_body = dec.octets(loc_body_n)
        return cls(loc_type, loc_body)


class layouthint4(XdrStruct):
    __slots__ = ("loh_type", "loh_body")

    def __init__(self, loh_type: int, loh_body: bytes) -> None:
        self.loh_type = loh_type
        self.loh_body = loh_body

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            loh_body = self.loh_body
            n = len(loh_body)
            buf += _iI.pack(self.loh_type, n)
            buf += loh_body
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("layouthint4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> layouthint4:
        loh_type, loh_body_n = dec.unpack(_iI)
        loh_body = dec.octets(loh_body_n)
        return cls(loh_type, loh_body)


class layout4(XdrStruct):
    __slots__ = ("lo_offset", "lo_length", "lo_iomode", "lo_content")

    def __init__(
        self,
        lo_offset: offset4,
        lo_length: length4,
        lo_iomode: int,
        lo_content: layout_content4,
    ) -> None:
        self.lo_offset = lo_offset
        self.lo_length = lo_length
        self.lo_iomode = lo_iomode
        self.lo_content = lo_content

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2Qi.pack(self.lo_offset, self.lo_length, self.lo_iomode)
            self.lo_content.encode(enc)
        except StructError as error:
            raise unencodable("layout4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> layout4:
        lo_offset, lo_length, lo_iomode = dec.unpack(_2Qi)
        lo_content = layout_content4.decode(dec)
        return cls(lo_offset, lo_length, lo_iomode, lo_content)


deviceid4: TypeAlias = "bytes"


def encode_deviceid4(enc: Encoder, value: deviceid4) -> None:
    buf = enc.buffer
    try:
        if len(value) != 16:
            raise wrong_length("deviceid4", len(value), 16)
        buf += _16s.pack(value)
    except StructError as error:
        raise unencodable("deviceid4", error) from None


def decode_deviceid4(dec: Decoder) -> deviceid4:
    return dec.fixed_opaque(16)


class device_addr4(XdrStruct):
    __slots__ = ("da_layout_type", "da_addr_body")

    def __init__(self, da_layout_type: int, da_addr_body: bytes) -> None:
        self.da_layout_type = da_layout_type
        self.da_addr_body = da_addr_body

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            da_addr_body = self.da_addr_body
            n = len(da_addr_body)
            buf += _iI.pack(self.da_layout_type, n)
            buf += da_addr_body
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("device_addr4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> device_addr4:
        da_layout_type, da_addr_body_n = dec.unpack(_iI)
        da_addr_body = dec.octets(da_addr_body_n)
        return cls(da_layout_type, da_addr_body)


class layoutupdate4(XdrStruct):
    __slots__ = ("lou_type", "lou_body")

    def __init__(self, lou_type: int, lou_body: bytes) -> None:
        self.lou_type = lou_type
        self.lou_body = lou_body

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            lou_body = self.lou_body
            n = len(lou_body)
            buf += _iI.pack(self.lou_type, n)
            buf += lou_body
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("layoutupdate4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> layoutupdate4:
        lou_type, lou_body_n = dec.unpack(_iI)
        lou_body = dec.octets(lou_body_n)
        return cls(lou_type, lou_body)


class layoutreturn_file4(XdrStruct):
    __slots__ = ("lrf_offset", "lrf_length", "lrf_stateid", "lrf_body")

    def __init__(
        self,
        lrf_offset: offset4,
        lrf_length: length4,
        lrf_stateid: stateid4,
        lrf_body: bytes,
    ) -> None:
        self.lrf_offset = lrf_offset
        self.lrf_length = lrf_length
        self.lrf_stateid = lrf_stateid
        self.lrf_body = lrf_body

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            lrf_stateid = self.lrf_stateid
            if len(lrf_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(lrf_stateid.other), 12)
            lrf_body = self.lrf_body
            n = len(lrf_body)
            buf += _2QI12sI.pack(self.lrf_offset, self.lrf_length, lrf_stateid.seqid, lrf_stateid.other, n)
            buf += lrf_body
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("layoutreturn_file4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> layoutreturn_file4:
        lrf_offset, lrf_length, lrf_stateid__seqid, lrf_stateid__other, lrf_body_n = dec.unpack(_2QI12sI)
        lrf_body = dec.octets(lrf_body_n)
        return cls(lrf_offset, lrf_length, stateid4(lrf_stateid__seqid, lrf_stateid__other), lrf_body)


class layoutreturn4(XdrUnion):
    __slots__ = ("lr_returntype", "value")

    def __init__(self, lr_returntype: int, value: layoutreturn_file4 | None = None) -> None:
        self.lr_returntype = lr_returntype
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        lr_returntype = self.lr_returntype
        try:
            if lr_returntype == LAYOUTRETURN4_FILE:
                buf += _i.pack(lr_returntype)
                value.encode(enc)
            else:
                buf += _i.pack(lr_returntype)
        except StructError as error:
            raise unencodable("layoutreturn4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> layoutreturn4:
        lr_returntype = dec.int32()
        if lr_returntype == LAYOUTRETURN4_FILE:
            lr_layout = layoutreturn_file4.decode(dec)
            return cls(lr_returntype, lr_layout)
        return cls(lr_returntype)

    @property
    def lr_layout(self) -> layoutreturn_file4:
        if not (self.lr_returntype == LAYOUTRETURN4_FILE):
            raise wrong_arm(self, "lr_layout")
        arm: layoutreturn_file4 = self.value
        return arm


class fs4_status(XdrStruct):
    __slots__ = ("fss_absent", "fss_type", "fss_source", "fss_current", "fss_age", "fss_version")

    def __init__(
        self,
        fss_absent: bool,
        fss_type: int,
        fss_source: utf8str_cs,
        fss_current: utf8str_cs,
        fss_age: int32_t,
        fss_version: nfstime4,
    ) -> None:
        self.fss_absent = fss_absent
        self.fss_type = fss_type
        self.fss_source = fss_source
        self.fss_current = fss_current
        self.fss_age = fss_age
        self.fss_version = fss_version

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fss_source = self.fss_source
            n = len(fss_source)
            buf += _IiI.pack(1 if self.fss_absent else 0, self.fss_type, n)
            buf += fss_source
            if n & 3:
                buf += PAD[n & 3]
            fss_current = self.fss_current
            n2 = len(fss_current)
            buf += _I.pack(n2)
            buf += fss_current
            if n2 & 3:
                buf += PAD[n2 & 3]
            fss_version = self.fss_version
            buf += _iqI.pack(self.fss_age, fss_version.seconds, fss_version.nseconds)
        except StructError as error:
            raise unencodable("fs4_status", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fs4_status:
        fss_absent, fss_type, fss_source_n = dec.unpack(_IiI)
        if fss_absent > 1:
            raise not_boolean("fs4_status.fss_absent", fss_absent)
        fss_source = dec.octets(fss_source_n)
        fss_current_n = dec.uint32()
        fss_current = dec.octets(fss_current_n)
        fss_age, fss_version__seconds, fss_version__nseconds = dec.unpack(_iqI)
        return cls(fss_absent == 1, fss_type, fss_source, fss_current, fss_age, nfstime4(fss_version__seconds, fss_version__nseconds))

threshold4_read_size: TypeAlias = length4

threshold4_write_size: TypeAlias = length4

threshold4_read_iosize: TypeAlias = length4

threshold4_write_iosize: TypeAlias = length4


class threshold_item4(XdrStruct):
    __slots__ = ("thi_layout_type", "thi_hintset", "thi_hintlist")

    def __init__(self, thi_layout_type: int, thi_hintset: bitmap4, thi_hintlist: bytes) -> None:
        self.thi_layout_type = thi_layout_type
        self.thi_hintset = thi_hintset
        self.thi_hintlist = thi_hintlist

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            thi_hintset = self.thi_hintset
            n = len(thi_hintset)
            buf += _iI.pack(self.thi_layout_type, n)
            buf += pack(f">{n}I", *thi_hintset)
            thi_hintlist = self.thi_hintlist
            n2 = len(thi_hintlist)
            buf += _I.pack(n2)
            buf += thi_hintlist
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("threshold_item4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> threshold_item4:
        thi_layout_type, thi_hintset_n = dec.unpack(_iI)
        thi_hintset = dec.numbers("I", thi_hintset_n)
        thi_hintlist_n = dec.uint32()
        thi_hintlist = dec.octets(thi_hintlist_n)
        return cls(thi_layout_type, thi_hintset, thi_hintlist)


class mdsthreshold4(XdrStruct):
    __slots__ = ("mth_hints",)

    def __init__(self, mth_hints: list[threshold_item4]) -> None:
        self.mth_hints = mth_hints

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            mth_hints = self.mth_hints
            n = len(mth_hints)
            buf += _I.pack(n)
            for item in mth_hints:
                item.encode(enc)
        except StructError as error:
            raise unencodable("mdsthreshold4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> mdsthreshold4:
        mth_hints_n = dec.uint32()
        dec.check_count(mth_hints_n, 12)
        mth_hints = [threshold_item4.decode(dec) for _ in range(mth_hints_n)]
        return cls(mth_hints)


class retention_get4(XdrStruct):
    __slots__ = ("rg_duration", "rg_begin_time")

    def __init__(self, rg_duration: uint64_t, rg_begin_time: list[nfstime4]) -> None:
        self.rg_duration = rg_duration
        self.rg_begin_time = rg_begin_time

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            rg_begin_time = self.rg_begin_time
            n = len(rg_begin_time)
            if n > 1:
                raise too_long("retention_get4.rg_begin_time", n, 1)
            buf += _QI.pack(self.rg_duration, n)
            for item in rg_begin_time:
                buf += _qI.pack(item.seconds, item.nseconds)
        except StructError as error:
            raise unencodable("retention_get4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> retention_get4:
        rg_duration, rg_begin_time_n = dec.unpack(_QI)
        dec.check_count(rg_begin_time_n, 12, 1)
        rg_begin_time = [nfstime4.decode(dec) for _ in range(rg_begin_time_n)]
        return cls(rg_duration, rg_begin_time)


class retention_set4(XdrStruct):
    __slots__ = ("rs_enable", "rs_duration")

    def __init__(self, rs_enable: bool, rs_duration: list[uint64_t]) -> None:
        self.rs_enable = rs_enable
        self.rs_duration = rs_duration

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            rs_duration = self.rs_duration
            n = len(rs_duration)
            if n > 1:
                raise too_long("retention_set4.rs_duration", n, 1)
            buf += _2I.pack(1 if self.rs_enable else 0, n)
            buf += pack(f">{n}Q", *rs_duration)
        except StructError as error:
            raise unencodable("retention_set4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> retention_set4:
        rs_enable, rs_duration_n = dec.unpack(_2I)
        if rs_enable > 1:
            raise not_boolean("retention_set4.rs_enable", rs_enable)
        if rs_duration_n > 1:
            raise too_long("retention_set4.rs_duration", rs_duration_n, 1)
        rs_duration = dec.numbers("Q", rs_duration_n)
        return cls(rs_enable == 1, rs_duration)

fs_charset_cap4: TypeAlias = uint32_t


class fs_locations_server4(XdrStruct):
    __slots__ = ("fls_currency", "fls_info", "fls_server")

    def __init__(self, fls_currency: int32_t, fls_info: bytes, fls_server: utf8str_cis) -> None:
        self.fls_currency = fls_currency
        self.fls_info = fls_info
        self.fls_server = fls_server

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fls_info = self.fls_info
            n = len(fls_info)
            buf += _iI.pack(self.fls_currency, n)
            buf += fls_info
            if n & 3:
                buf += PAD[n & 3]
            fls_server = self.fls_server
            n2 = len(fls_server)
            buf += _I.pack(n2)
            buf += fls_server
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("fs_locations_server4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fs_locations_server4:
        fls_currency, fls_info_n = dec.unpack(_iI)
        fls_info = dec.octets(fls_info_n)
        fls_server_n = dec.uint32()
        fls_server = dec.octets(fls_server_n)
        return cls(fls_currency, fls_info, fls_server)


class fs_locations_item4(XdrStruct):
    __slots__ = ("fli_entries", "fli_rootpath")

    def __init__(self, fli_entries: list[fs_locations_server4], fli_rootpath: pathname4) -> None:
        self.fli_entries = fli_entries
        self.fli_rootpath = fli_rootpath

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fli_entries = self.fli_entries
            n = len(fli_entries)
            buf += _I.pack(n)
            for item in fli_entries:
                item.encode(enc)
            fli_rootpath = self.fli_rootpath
            n2 = len(fli_rootpath)
            buf += _I.pack(n2)
            for item2 in fli_rootpath:
                n3 = len(item2)
                buf += _I.pack(n3)
                buf += item2
                if n3 & 3:
                    buf += PAD[n3 & 3]
        except StructError as error:
            raise unencodable("fs_locations_item4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fs_locations_item4:
        fli_entries_n = dec.uint32()
        dec.check_count(fli_entries_n, 12)
        fli_entries = [fs_locations_server4.decode(dec) for _ in range(fli_entries_n)]
        fli_rootpath_n = dec.uint32()
        dec.check_count(fli_rootpath_n, 4)
        fli_rootpath = [dec.opaque() for _ in range(fli_rootpath_n)]
        return cls(fli_entries, fli_rootpath)


class fs_locations_info4(XdrStruct):
    __slots__ = ("fli_flags", "fli_valid_for", "fli_fs_root", "fli_items")

    def __init__(
        self,
        fli_flags: uint32_t,
        fli_valid_for: int32_t,
        fli_fs_root: pathname4,
        fli_items: list[fs_locations_item4],
    ) -> None:
        self.fli_flags = fli_flags
        self.fli_valid_for = fli_valid_for
        self.fli_fs_root = fli_fs_root
        self.fli_items = fli_items

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fli_fs_root = self.fli_fs_root
            n = len(fli_fs_root)
            buf += _IiI.pack(self.fli_flags, self.fli_valid_for, n)
            for item in fli_fs_root:
                n2 = len(item)
                buf += _I.pack(n2)
                buf += item
                if n2 & 3:
                    buf += PAD[n2 & 3]
            fli_items = self.fli_items
            n3 = len(fli_items)
            buf += _I.pack(n3)
            for item2 in fli_items:
                item2.encode(enc)
        except StructError as error:
            raise unencodable("fs_locations_info4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fs_locations_info4:
        fli_flags, fli_valid_for, fli_fs_root_n = dec.unpack(_IiI)
        dec.check_count(fli_fs_root_n, 4)
        fli_fs_root = [dec.opaque() for _ in range(fli_fs_root_n)]
        fli_items_n = dec.uint32()
        dec.check_count(fli_items_n, 8)
        fli_items = [fs_locations_item4.decode(dec) for _ in range(fli_items_n)]
        return cls(fli_flags, fli_valid_for, fli_fs_root, fli_items)


class netloc4(XdrUnion):
    __slots__ = ("nl_type", "value")

    def __init__(self, nl_type: int, value: utf8str_cis | netaddr4 | None = None) -> None:
        self.nl_type = nl_type
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        nl_type = self.nl_type
        try:
            if nl_type == NL4_NAME:
                n = len(value)
                buf += _iI.pack(nl_type, n)
                buf += value
                if n & 3:
                    buf += PAD[n & 3]
            elif nl_type == NL4_URL:
                n2 = len(value)
                buf += _iI.pack(nl_type, n2)
                buf += value
                if n2 & 3:
                    buf += PAD[n2 & 3]
            elif nl_type == NL4_NETADDR:
                buf += _i.pack(nl_type)
                value.encode(enc)
            else:
                raise no_arm("netloc4", nl_type)
        except StructError as error:
            raise unencodable("netloc4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> netloc4:
        nl_type = dec.int32()
        if nl_type == NL4_NAME:
            nl_name_n = dec.uint32()
            nl_name = dec.octets(nl_name_n)
            return cls(nl_type, nl_name)
        if nl_type == NL4_URL:
            nl_url_n = dec.uint32()
            nl_url = dec.octets(nl_url_n)
            return cls(nl_type, nl_url)
        if nl_type == NL4_NETADDR:
            nl_addr = netaddr4.decode(dec)
            return cls(nl_type, nl_addr)
        raise no_arm("netloc4", nl_type)

    @property
    def nl_name(self) -> utf8str_cis:
        if not (self.nl_type == NL4_NAME):
            raise wrong_arm(self, "nl_name")
        arm: utf8str_cis = self.value
        return arm

    @property
    def nl_url(self) -> utf8str_cis:
        if not (self.nl_type == NL4_URL):
            raise wrong_arm(self, "nl_url")
        arm: utf8str_cis = self.value
        return arm

    @property
    def nl_addr(self) -> netaddr4:
        if not (self.nl_type == NL4_NETADDR):
            raise wrong_arm(self, "nl_addr")
        arm: netaddr4 = self.value
        return arm


class labelformat_spec4(XdrStruct):
    __slots__ = ("lfs_lfs", "lfs_pi")

    def __init__(self, lfs_lfs: policy4, lfs_pi: policy4) -> None:
        self.lfs_lfs = lfs_lfs
        self.lfs_pi = lfs_pi

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.lfs_lfs, self.lfs_pi)
        except StructError as error:
            raise unencodable("labelformat_spec4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> labelformat_spec4:
        lfs_lfs, lfs_pi = dec.unpack(_2I)
        return cls(lfs_lfs, lfs_pi)


class sec_label4(XdrStruct):
    __slots__ = ("slai_lfs", "slai_data")

    def __init__(self, slai_lfs: labelformat_spec4, slai_data: bytes) -> None:
        self.slai_lfs = slai_lfs
        self.slai_data = slai_data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            slai_lfs = self.slai_lfs
            slai_data = self.slai_data
            n = len(slai_data)
            buf += _3I.pack(slai_lfs.lfs_lfs, slai_lfs.lfs_pi, n)
            buf += slai_data
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("sec_label4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> sec_label4:
        slai_lfs__lfs_lfs, slai_lfs__lfs_pi, slai_data_n = dec.unpack(_3I)
        slai_data = dec.octets(slai_data_n)
        return cls(labelformat_spec4(slai_lfs__lfs_lfs, slai_lfs__lfs_pi), slai_data)


class copy_from_auth_priv(XdrStruct):
    __slots__ = ("cfap_shared_secret", "cfap_destination", "cfap_username")

    def __init__(
        self,
        cfap_shared_secret: secret4,
        cfap_destination: netloc4,
        cfap_username: utf8str_mixed,
    ) -> None:
        self.cfap_shared_secret = cfap_shared_secret
        self.cfap_destination = cfap_destination
        self.cfap_username = cfap_username

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cfap_shared_secret = self.cfap_shared_secret
            n = len(cfap_shared_secret)
            buf += _I.pack(n)
            buf += cfap_shared_secret
            if n & 3:
                buf += PAD[n & 3]
            self.cfap_destination.encode(enc)
            cfap_username = self.cfap_username
            n2 = len(cfap_username)
            buf += _I.pack(n2)
            buf += cfap_username
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("copy_from_auth_priv", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> copy_from_auth_priv:
        cfap_shared_secret_n = dec.uint32()
        cfap_shared_secret = dec.octets(cfap_shared_secret_n)
        cfap_destination = netloc4.decode(dec)
        cfap_username_n = dec.uint32()
        cfap_username = dec.octets(cfap_username_n)
        return cls(cfap_shared_secret, cfap_destination, cfap_username)


class copy_to_auth_priv(XdrStruct):
    __slots__ = ("ctap_shared_secret", "ctap_source", "ctap_username")

    def __init__(
        self,
        ctap_shared_secret: secret4,
        ctap_source: list[netloc4],
        ctap_username: utf8str_mixed,
    ) -> None:
        self.ctap_shared_secret = ctap_shared_secret
        self.ctap_source = ctap_source
        self.ctap_username = ctap_username

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ctap_shared_secret = self.ctap_shared_secret
            n = len(ctap_shared_secret)
            buf += _I.pack(n)
            buf += ctap_shared_secret
            if n & 3:
                buf += PAD[n & 3]
            ctap_source = self.ctap_source
            n2 = len(ctap_source)
            buf += _I.pack(n2)
            for item in ctap_source:
                item.encode(enc)
            ctap_username = self.ctap_username
            n3 = len(ctap_username)
            buf += _I.pack(n3)
            buf += ctap_username
            if n3 & 3:
                buf += PAD[n3 & 3]
        except StructError as error:
            raise unencodable("copy_to_auth_priv", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> copy_to_auth_priv:
        ctap_shared_secret_n = dec.uint32()
        ctap_shared_secret = dec.octets(ctap_shared_secret_n)
        ctap_source_n = dec.uint32()
        dec.check_count(ctap_source_n, 8)
        ctap_source = [netloc4.decode(dec) for _ in range(ctap_source_n)]
        ctap_username_n = dec.uint32()
        ctap_username = dec.octets(ctap_username_n)
        return cls(ctap_shared_secret, ctap_source, ctap_username)


class copy_confirm_auth_priv(XdrStruct):
    __slots__ = ("ccap_shared_secret_mic", "ccap_username")

    def __init__(self, ccap_shared_secret_mic: bytes, ccap_username: utf8str_mixed) -> None:
        self.ccap_shared_secret_mic = ccap_shared_secret_mic
        self.ccap_username = ccap_username

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ccap_shared_secret_mic = self.ccap_shared_secret_mic
            n = len(ccap_shared_secret_mic)
            buf += _I.pack(n)
            buf += ccap_shared_secret_mic
            if n & 3:
                buf += PAD[n & 3]
            ccap_username = self.ccap_username
            n2 = len(ccap_username)
            buf += _I.pack(n2)
            buf += ccap_username
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("copy_confirm_auth_priv", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> copy_confirm_auth_priv:
        ccap_shared_secret_mic_n = dec.uint32()
        ccap_shared_secret_mic = dec.octets(ccap_shared_secret_mic_n)
        ccap_username_n = dec.uint32()
        ccap_username = dec.octets(ccap_username_n)
        return cls(ccap_shared_secret_mic, ccap_username)


class app_data_block4(XdrStruct):
    __slots__ = (
        "adb_offset",
        "adb_block_size",
        "adb_block_count",
        "adb_reloff_blocknum",
        "adb_block_num",
        "adb_reloff_pattern",
        "adb_pattern",
    )

    def __init__(
        self,
        adb_offset: offset4,
        adb_block_size: length4,
        adb_block_count: length4,
        adb_reloff_blocknum: length4,
        adb_block_num: count4,
        adb_reloff_pattern: length4,
        adb_pattern: bytes,
    ) -> None:
        self.adb_offset = adb_offset
        self.adb_block_size = adb_block_size
        self.adb_block_count = adb_block_count
        self.adb_reloff_blocknum = adb_reloff_blocknum
        self.adb_block_num = adb_block_num
        self.adb_reloff_pattern = adb_reloff_pattern
        self.adb_pattern = adb_pattern

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            adb_pattern = self.adb_pattern
            n = len(adb_pattern)
            buf += _4QIQI.pack(self.adb_offset, self.adb_block_size, self.adb_block_count, self.adb_reloff_blocknum, self.adb_block_num, self.adb_reloff_pattern, n)
            buf += adb_pattern
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("app_data_block4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> app_data_block4:
        adb_offset, adb_block_size, adb_block_count, adb_reloff_blocknum, adb_block_num, adb_reloff_pattern, adb_pattern_n = dec.unpack(_4QIQI)
        adb_pattern = dec.octets(adb_pattern_n)
        return cls(adb_offset, adb_block_size, adb_block_count, adb_reloff_blocknum, adb_block_num, adb_reloff_pattern, adb_pattern)


class data4(XdrStruct):
    __slots__ = ("d_offset", "d_data")

    def __init__(self, d_offset: offset4, d_data: bytes) -> None:
        self.d_offset = d_offset
        self.d_data = d_data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            d_data = self.d_data
            n = len(d_data)
            buf += _QI.pack(self.d_offset, n)
            buf += d_data
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("data4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> data4:
        d_offset, d_data_n = dec.unpack(_QI)
        d_data = dec.octets(d_data_n)
        return cls(d_offset, d_data)


class data_info4(XdrStruct):
    __slots__ = ("di_offset", "di_length")

    def __init__(self, di_offset: offset4, di_length: length4) -> None:
        self.di_offset = di_offset
        self.di_length = di_length

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2Q.pack(self.di_offset, self.di_length)
        except StructError as error:
            raise unencodable("data_info4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> data_info4:
        di_offset, di_length = dec.unpack(_2Q)
        return cls(di_offset, di_length)


class write_response4(XdrStruct):
    __slots__ = ("wr_callback_id", "wr_count", "wr_committed", "wr_writeverf")

    def __init__(
        self,
        wr_callback_id: list[stateid4],
        wr_count: length4,
        wr_committed: int,
        wr_writeverf: verifier4,
    ) -> None:
        self.wr_callback_id = wr_callback_id
        self.wr_count = wr_count
        self.wr_committed = wr_committed
        self.wr_writeverf = wr_writeverf

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            wr_callback_id = self.wr_callback_id
            n = len(wr_callback_id)
            if n > 1:
                raise too_long("write_response4.wr_callback_id", n, 1)
            buf += _I.pack(n)
            for item in wr_callback_id:
                if len(item.other) != 12:
                    raise wrong_length("stateid4.other", len(item.other), 12)
                buf += _I12s.pack(item.seqid, item.other)
            if len(self.wr_writeverf) != 8:
                raise wrong_length("write_response4.wr_writeverf", len(self.wr_writeverf), 8)
            buf += _Qi8s.pack(self.wr_count, self.wr_committed, self.wr_writeverf)
        except StructError as error:
            raise unencodable("write_response4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> write_response4:
        wr_callback_id_n = dec.uint32()
        dec.check_count(wr_callback_id_n, 16, 1)
        wr_callback_id = [stateid4.decode(dec) for _ in range(wr_callback_id_n)]
        wr_count, wr_committed, wr_writeverf = dec.unpack(_Qi8s)
        return cls(wr_callback_id, wr_count, wr_committed, wr_writeverf)


xattrkey4: TypeAlias = "component4"


def encode_xattrkey4(enc: Encoder, value: xattrkey4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("xattrkey4", error) from None


def decode_xattrkey4(dec: Decoder) -> xattrkey4:
    return dec.opaque()


xattrvalue4: TypeAlias = "bytes"


def encode_xattrvalue4(enc: Encoder, value: xattrvalue4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("xattrvalue4", error) from None


def decode_xattrvalue4(dec: Decoder) -> xattrvalue4:
    return dec.opaque()


class open_arguments4(XdrStruct):
    __slots__ = (
        "oa_share_access",
        "oa_share_deny",
        "oa_share_access_want",
        "oa_open_claim",
        "oa_create_mode",
    )

    def __init__(
        self,
        oa_share_access: bitmap4,
        oa_share_deny: bitmap4,
        oa_share_access_want: bitmap4,
        oa_open_claim: bitmap4,
        oa_create_mode: bitmap4,
    ) -> None:
        self.oa_share_access = oa_share_access
        self.oa_share_deny = oa_share_deny
        self.oa_share_access_want = oa_share_access_want
        self.oa_open_claim = oa_open_claim
        self.oa_create_mode = oa_create_mode

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            oa_share_access = self.oa_share_access
            n = len(oa_share_access)
            buf += _I.pack(n)
            buf += pack(f">{n}I", *oa_share_access)
            oa_share_deny = self.oa_share_deny
            n2 = len(oa_share_deny)
            buf += _I.pack(n2)
            buf += pack(f">{n2}I", *oa_share_deny)
            oa_share_access_want = self.oa_share_access_want
            n3 = len(oa_share_access_want)
            buf += _I.pack(n3)
            buf += pack(f">{n3}I", *oa_share_access_want)
            oa_open_claim = self.oa_open_claim
            n4 = len(oa_open_claim)
            buf += _I.pack(n4)
            buf += pack(f">{n4}I", *oa_open_claim)
            oa_create_mode = self.oa_create_mode
            n5 = len(oa_create_mode)
            buf += _I.pack(n5)
            buf += pack(f">{n5}I", *oa_create_mode)
        except StructError as error:
            raise unencodable("open_arguments4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> open_arguments4:
        oa_share_access_n = dec.uint32()
        oa_share_access = dec.numbers("I", oa_share_access_n)
        oa_share_deny_n = dec.uint32()
        oa_share_deny = dec.numbers("I", oa_share_deny_n)
        oa_share_access_want_n = dec.uint32()
        oa_share_access_want = dec.numbers("I", oa_share_access_want_n)
        oa_open_claim_n = dec.uint32()
        oa_open_claim = dec.numbers("I", oa_open_claim_n)
        oa_create_mode_n = dec.uint32()
        oa_create_mode = dec.numbers("I", oa_create_mode_n)
        return cls(oa_share_access, oa_share_deny, oa_share_access_want, oa_open_claim, oa_create_mode)


fattr4_supported_attrs: TypeAlias = "bitmap4"


def encode_fattr4_supported_attrs(enc: Encoder, value: fattr4_supported_attrs) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += pack(f">{n}I", *value)
    except StructError as error:
        raise unencodable("fattr4_supported_attrs", error) from None


def decode_fattr4_supported_attrs(dec: Decoder) -> fattr4_supported_attrs:
    result_n = dec.uint32()
    result = dec.numbers("I", result_n)
    return result

fattr4_type: TypeAlias = int

fattr4_fh_expire_type: TypeAlias = uint32_t

fattr4_change: TypeAlias = changeid4

fattr4_size: TypeAlias = uint64_t

fattr4_link_support: TypeAlias = bool

fattr4_symlink_support: TypeAlias = bool

fattr4_named_attr: TypeAlias = bool


fattr4_fsid = fsid4

fattr4_unique_handles: TypeAlias = bool

fattr4_lease_time: TypeAlias = nfs_lease4

fattr4_rdattr_error: TypeAlias = int


fattr4_acl: TypeAlias = "list[nfsace4]"


def encode_fattr4_acl(enc: Encoder, value: fattr4_acl) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        for item in value:
            item.encode(enc)
    except StructError as error:
        raise unencodable("fattr4_acl", error) from None


def decode_fattr4_acl(dec: Decoder) -> fattr4_acl:
    result_n = dec.uint32()
    dec.check_count(result_n, 16)
    result = [nfsace4.decode(dec) for _ in range(result_n)]
    return result

fattr4_aclsupport: TypeAlias = uint32_t

fattr4_archive: TypeAlias = bool

fattr4_cansettime: TypeAlias = bool

fattr4_case_insensitive: TypeAlias = bool

fattr4_case_preserving: TypeAlias = bool

fattr4_chown_restricted: TypeAlias = bool


fattr4_filehandle: TypeAlias = "nfs_fh4"


def encode_fattr4_filehandle(enc: Encoder, value: fattr4_filehandle) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        if n > 128:
            raise too_long("fattr4_filehandle", n, 128)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("fattr4_filehandle", error) from None


def decode_fattr4_filehandle(dec: Decoder) -> fattr4_filehandle:
    return dec.opaque(128)

fattr4_fileid: TypeAlias = uint64_t

fattr4_files_avail: TypeAlias = uint64_t

fattr4_files_free: TypeAlias = uint64_t

fattr4_files_total: TypeAlias = uint64_t


fattr4_fs_locations = fs_locations4

fattr4_hidden: TypeAlias = bool

fattr4_homogeneous: TypeAlias = bool

fattr4_maxfilesize: TypeAlias = uint64_t

fattr4_maxlink: TypeAlias = uint32_t

fattr4_maxname: TypeAlias = uint32_t

fattr4_maxread: TypeAlias = uint64_t

fattr4_maxwrite: TypeAlias = uint64_t


fattr4_mimetype: TypeAlias = "ascii_REQUIRED4"


def encode_fattr4_mimetype(enc: Encoder, value: fattr4_mimetype) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("fattr4_mimetype", error) from None


def decode_fattr4_mimetype(dec: Decoder) -> fattr4_mimetype:
    return dec.opaque()

fattr4_mode: TypeAlias = mode4

fattr4_no_trunc: TypeAlias = bool

fattr4_numlinks: TypeAlias = uint32_t


fattr4_owner: TypeAlias = "utf8str_mixed"


def encode_fattr4_owner(enc: Encoder, value: fattr4_owner) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("fattr4_owner", error) from None


def decode_fattr4_owner(dec: Decoder) -> fattr4_owner:
    return dec.opaque()


fattr4_owner_group: TypeAlias = "utf8str_mixed"


def encode_fattr4_owner_group(enc: Encoder, value: fattr4_owner_group) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("fattr4_owner_group", error) from None


def decode_fattr4_owner_group(dec: Decoder) -> fattr4_owner_group:
    return dec.opaque()

fattr4_quota_avail_hard: TypeAlias = uint64_t

fattr4_quota_avail_soft: TypeAlias = uint64_t

fattr4_quota_used: TypeAlias = uint64_t


fattr4_rawdev = specdata4

fattr4_space_avail: TypeAlias = uint64_t

fattr4_space_free: TypeAlias = uint64_t

fattr4_space_total: TypeAlias = uint64_t

fattr4_space_used: TypeAlias = uint64_t

fattr4_system: TypeAlias = bool


fattr4_time_access = nfstime4


fattr4_time_access_set = settime4


fattr4_time_backup = nfstime4


fattr4_time_create = nfstime4


fattr4_time_delta = nfstime4


fattr4_time_metadata = nfstime4


fattr4_time_modify = nfstime4


fattr4_time_modify_set = settime4

fattr4_mounted_on_fileid: TypeAlias = uint64_t


fattr4_dir_notif_delay = nfstime4


fattr4_dirent_notif_delay = nfstime4


fattr4_dacl = nfsacl41


fattr4_sacl = nfsacl41


fattr4_change_policy = change_policy4


fattr4_fs_status = fs4_status


fattr4_fs_layout_types: TypeAlias = "list[int]"


def encode_fattr4_fs_layout_types(enc: Encoder, value: fattr4_fs_layout_types) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += pack(f">{n}i", *value)
    except StructError as error:
        raise unencodable("fattr4_fs_layout_types", error) from None


def decode_fattr4_fs_layout_types(dec: Decoder) -> fattr4_fs_layout_types:
    result_n = dec.uint32()
    result = dec.numbers("i", result_n)
    return result


fattr4_layout_hint = layouthint4


fattr4_layout_types: TypeAlias = "list[int]"


def encode_fattr4_layout_types(enc: Encoder, value: fattr4_layout_types) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += pack(f">{n}i", *value)
    except StructError as error:
        raise unencodable("fattr4_layout_types", error) from None


def decode_fattr4_layout_types(dec: Decoder) -> fattr4_layout_types:
    result_n = dec.uint32()
    result = dec.numbers("i", result_n)
    return result

fattr4_layout_blksize: TypeAlias = uint32_t

fattr4_layout_alignment: TypeAlias = uint32_t


fattr4_fs_locations_info = fs_locations_info4


fattr4_mdsthreshold = mdsthreshold4


fattr4_retention_get = retention_get4


fattr4_retention_set = retention_set4


fattr4_retentevt_get = retention_get4


fattr4_retentevt_set = retention_set4

fattr4_retention_hold: TypeAlias = uint64_t


fattr4_mode_set_masked = mode_masked4


fattr4_suppattr_exclcreat: TypeAlias = "bitmap4"


def encode_fattr4_suppattr_exclcreat(enc: Encoder, value: fattr4_suppattr_exclcreat) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += pack(f">{n}I", *value)
    except StructError as error:
        raise unencodable("fattr4_suppattr_exclcreat", error) from None


def decode_fattr4_suppattr_exclcreat(dec: Decoder) -> fattr4_suppattr_exclcreat:
    result_n = dec.uint32()
    result = dec.numbers("I", result_n)
    return result

fattr4_fs_charset_cap: TypeAlias = fs_charset_cap4

fattr4_clone_blksize: TypeAlias = uint32_t

fattr4_space_freed: TypeAlias = uint64_t

fattr4_change_attr_type: TypeAlias = int


fattr4_sec_label = sec_label4


fattr4_mode_umask = mode_umask4

fattr4_xattr_support: TypeAlias = bool

fattr4_offline: TypeAlias = bool


fattr4_time_deleg_access = nfstime4


fattr4_time_deleg_modify = nfstime4


fattr4_open_arguments = open_arguments4


class fattr4(XdrStruct):
    __slots__ = ("attrmask", "attr_vals")

    def __init__(self, attrmask: bitmap4, attr_vals: attrlist4) -> None:
        self.attrmask = attrmask
        self.attr_vals = attr_vals

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            attrmask = self.attrmask
            n = len(attrmask)
            buf += _I.pack(n)
            buf += pack(f">{n}I", *attrmask)
            attr_vals = self.attr_vals
            n2 = len(attr_vals)
            buf += _I.pack(n2)
            buf += attr_vals
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("fattr4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> fattr4:
        attrmask_n = dec.uint32()
        attrmask = dec.numbers("I", attrmask_n)
        attr_vals_n = dec.uint32()
        attr_vals = dec.octets(attr_vals_n)
        return cls(attrmask, attr_vals)


class change_info4(XdrStruct):
    __slots__ = ("atomic", "before", "after")

    def __init__(self, atomic: bool, before: changeid4, after: changeid4) -> None:
        self.atomic = atomic
        self.before = before
        self.after = after

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I2Q.pack(1 if self.atomic else 0, self.before, self.after)
        except StructError as error:
            raise unencodable("change_info4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> change_info4:
        atomic, before, after = dec.unpack(_I2Q)
        if atomic > 1:
            raise not_boolean("change_info4.atomic", atomic)
        return cls(atomic == 1, before, after)


clientaddr4 = netaddr4


class cb_client4(XdrStruct):
    __slots__ = ("cb_program", "cb_location")

    def __init__(self, cb_program: uint32_t, cb_location: netaddr4) -> None:
        self.cb_program = cb_program
        self.cb_location = cb_location

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(self.cb_program)
            self.cb_location.encode(enc)
        except StructError as error:
            raise unencodable("cb_client4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> cb_client4:
        cb_program = dec.uint32()
        cb_location = netaddr4.decode(dec)
        return cls(cb_program, cb_location)


class nfs_client_id4(XdrStruct):
    __slots__ = ("verifier", "id")

    def __init__(self, verifier: verifier4, id: bytes) -> None:
        self.verifier = verifier
        self.id = id

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.verifier) != 8:
                raise wrong_length("nfs_client_id4.verifier", len(self.verifier), 8)
            id = self.id
            n = len(id)
            if n > 1024:
                raise too_long("nfs_client_id4.id", n, 1024)
            buf += _8sI.pack(self.verifier, n)
            buf += id
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("nfs_client_id4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfs_client_id4:
        verifier, id_n = dec.unpack(_8sI)
        if id_n > 1024:
            raise too_long("nfs_client_id4.id", id_n, 1024)
        id = dec.octets(id_n)
        return cls(verifier, id)


class client_owner4(XdrStruct):
    __slots__ = ("co_verifier", "co_ownerid")

    def __init__(self, co_verifier: verifier4, co_ownerid: bytes) -> None:
        self.co_verifier = co_verifier
        self.co_ownerid = co_ownerid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.co_verifier) != 8:
                raise wrong_length("client_owner4.co_verifier", len(self.co_verifier), 8)
            co_ownerid = self.co_ownerid
            n = len(co_ownerid)
            if n > 1024:
                raise too_long("client_owner4.co_ownerid", n, 1024)
            buf += _8sI.pack(self.co_verifier, n)
            buf += co_ownerid
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("client_owner4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> client_owner4:
        co_verifier, co_ownerid_n = dec.unpack(_8sI)
        if co_ownerid_n > 1024:
            raise too_long("client_owner4.co_ownerid", co_ownerid_n, 1024)
        co_ownerid = dec.octets(co_ownerid_n)
        return cls(co_verifier, co_ownerid)


class server_owner4(XdrStruct):
    __slots__ = ("so_minor_id", "so_major_id")

    def __init__(self, so_minor_id: uint64_t, so_major_id: bytes) -> None:
        self.so_minor_id = so_minor_id
        self.so_major_id = so_major_id

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            so_major_id = self.so_major_id
            n = len(so_major_id)
            if n > 1024:
                raise too_long("server_owner4.so_major_id", n, 1024)
            buf += _QI.pack(self.so_minor_id, n)
            buf += so_major_id
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("server_owner4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> server_owner4:
        so_minor_id, so_major_id_n = dec.unpack(_QI)
        if so_major_id_n > 1024:
            raise too_long("server_owner4.so_major_id", so_major_id_n, 1024)
        so_major_id = dec.octets(so_major_id_n)
        return cls(so_minor_id, so_major_id)


class state_owner4(XdrStruct):
    __slots__ = ("clientid", "owner")

    def __init__(self, clientid: clientid4, owner: bytes) -> None:
        self.clientid = clientid
        self.owner = owner

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            owner = self.owner
            n = len(owner)
            if n > 1024:
                raise too_long("state_owner4.owner", n, 1024)
            buf += _QI.pack(self.clientid, n)
            buf += owner
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("state_owner4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> state_owner4:
        clientid, owner_n = dec.unpack(_QI)
        if owner_n > 1024:
            raise too_long("state_owner4.owner", owner_n, 1024)
        owner = dec.octets(owner_n)
        return cls(clientid, owner)


open_owner4 = state_owner4


lock_owner4 = state_owner4


class ssv_mic_plain_tkn4(XdrStruct):
    __slots__ = ("smpt_ssv_seq", "smpt_orig_plain")

    def __init__(self, smpt_ssv_seq: uint32_t, smpt_orig_plain: bytes) -> None:
        self.smpt_ssv_seq = smpt_ssv_seq
        self.smpt_orig_plain = smpt_orig_plain

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            smpt_orig_plain = self.smpt_orig_plain
            n = len(smpt_orig_plain)
            buf += _2I.pack(self.smpt_ssv_seq, n)
            buf += smpt_orig_plain
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("ssv_mic_plain_tkn4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ssv_mic_plain_tkn4:
        smpt_ssv_seq, smpt_orig_plain_n = dec.unpack(_2I)
        smpt_orig_plain = dec.octets(smpt_orig_plain_n)
        return cls(smpt_ssv_seq, smpt_orig_plain)


class ssv_mic_tkn4(XdrStruct):
    __slots__ = ("smt_ssv_seq", "smt_hmac")

    def __init__(self, smt_ssv_seq: uint32_t, smt_hmac: bytes) -> None:
        self.smt_ssv_seq = smt_ssv_seq
        self.smt_hmac = smt_hmac

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            smt_hmac = self.smt_hmac
            n = len(smt_hmac)
            buf += _2I.pack(self.smt_ssv_seq, n)
            buf += smt_hmac
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("ssv_mic_tkn4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ssv_mic_tkn4:
        smt_ssv_seq, smt_hmac_n = dec.unpack(_2I)
        smt_hmac = dec.octets(smt_hmac_n)
        return cls(smt_ssv_seq, smt_hmac)


class ssv_seal_plain_tkn4(XdrStruct):
    __slots__ = ("sspt_confounder", "sspt_ssv_seq", "sspt_orig_plain", "sspt_pad")

    def __init__(
        self,
        sspt_confounder: bytes,
        sspt_ssv_seq: uint32_t,
        sspt_orig_plain: bytes,
        sspt_pad: bytes,
    ) -> None:
        self.sspt_confounder = sspt_confounder
        self.sspt_ssv_seq = sspt_ssv_seq
        self.sspt_orig_plain = sspt_orig_plain
        self.sspt_pad = sspt_pad

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            sspt_confounder = self.sspt_confounder
            n = len(sspt_confounder)
            buf += _I.pack(n)
            buf += sspt_confounder
            if n & 3:
                buf += PAD[n & 3]
            sspt_orig_plain = self.sspt_orig_plain
            n2 = len(sspt_orig_plain)
            buf += _2I.pack(self.sspt_ssv_seq, n2)
            buf += sspt_orig_plain
            if n2 & 3:
                buf += PAD[n2 & 3]
            sspt_pad = self.sspt_pad
            n3 = len(sspt_pad)
            buf += _I.pack(n3)
            buf += sspt_pad
            if n3 & 3:
                buf += PAD[n3 & 3]
        except StructError as error:
            raise unencodable("ssv_seal_plain_tkn4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ssv_seal_plain_tkn4:
        sspt_confounder_n = dec.uint32()
        sspt_confounder = dec.octets(sspt_confounder_n)
        sspt_ssv_seq, sspt_orig_plain_n = dec.unpack(_2I)
        sspt_orig_plain = dec.octets(sspt_orig_plain_n)
        sspt_pad_n = dec.uint32()
        sspt_pad = dec.octets(sspt_pad_n)
        return cls(sspt_confounder, sspt_ssv_seq, sspt_orig_plain, sspt_pad)


class ssv_seal_cipher_tkn4(XdrStruct):
    __slots__ = ("ssct_ssv_seq", "ssct_iv", "ssct_encr_data", "ssct_hmac")

    def __init__(
        self,
        ssct_ssv_seq: uint32_t,
        ssct_iv: bytes,
        ssct_encr_data: bytes,
        ssct_hmac: bytes,
    ) -> None:
        self.ssct_ssv_seq = ssct_ssv_seq
        self.ssct_iv = ssct_iv
        self.ssct_encr_data = ssct_encr_data
        self.ssct_hmac = ssct_hmac

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ssct_iv = self.ssct_iv
            n = len(ssct_iv)
            buf += _2I.pack(self.ssct_ssv_seq, n)
            buf += ssct_iv
            if n & 3:
                buf += PAD[n & 3]
            ssct_encr_data = self.ssct_encr_data
            n2 = len(ssct_encr_data)
            buf += _I.pack(n2)
            buf += ssct_encr_data
            if n2 & 3:
                buf += PAD[n2 & 3]
            ssct_hmac = self.ssct_hmac
            n3 = len(ssct_hmac)
            buf += _I.pack(n3)
            buf += ssct_hmac
            if n3 & 3:
                buf += PAD[n3 & 3]
        except StructError as error:
            raise unencodable("ssv_seal_cipher_tkn4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ssv_seal_cipher_tkn4:
        ssct_ssv_seq, ssct_iv_n = dec.unpack(_2I)
        ssct_iv = dec.octets(ssct_iv_n)
        ssct_encr_data_n = dec.uint32()
        ssct_encr_data = dec.octets(ssct_encr_data_n)
        ssct_hmac_n = dec.uint32()
        ssct_hmac = dec.octets(ssct_hmac_n)
        return cls(ssct_ssv_seq, ssct_iv, ssct_encr_data, ssct_hmac)

nfl_util4: TypeAlias = uint32_t


class nfsv4_1_file_layouthint4(XdrStruct):
    __slots__ = ("nflh_care", "nflh_util", "nflh_stripe_count")

    def __init__(
        self,
        nflh_care: uint32_t,
        nflh_util: nfl_util4,
        nflh_stripe_count: count4,
    ) -> None:
        self.nflh_care = nflh_care
        self.nflh_util = nflh_util
        self.nflh_stripe_count = nflh_stripe_count

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _3I.pack(self.nflh_care, self.nflh_util, self.nflh_stripe_count)
        except StructError as error:
            raise unencodable("nfsv4_1_file_layouthint4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfsv4_1_file_layouthint4:
        nflh_care, nflh_util, nflh_stripe_count = dec.unpack(_3I)
        return cls(nflh_care, nflh_util, nflh_stripe_count)


multipath_list4: TypeAlias = "list[netaddr4]"


def encode_multipath_list4(enc: Encoder, value: multipath_list4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        for item in value:
            item.encode(enc)
    except StructError as error:
        raise unencodable("multipath_list4", error) from None


def decode_multipath_list4(dec: Decoder) -> multipath_list4:
    result_n = dec.uint32()
    dec.check_count(result_n, 8)
    result = [netaddr4.decode(dec) for _ in range(result_n)]
    return result


class nfsv4_1_file_layout_ds_addr4(XdrStruct):
    __slots__ = ("nflda_stripe_indices", "nflda_multipath_ds_list")

    def __init__(
        self,
        nflda_stripe_indices: list[uint32_t],
        nflda_multipath_ds_list: list[multipath_list4],
    ) -> None:
        self.nflda_stripe_indices = nflda_stripe_indices
        self.nflda_multipath_ds_list = nflda_multipath_ds_list

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            nflda_stripe_indices = self.nflda_stripe_indices
            n = len(nflda_stripe_indices)
            buf += _I.pack(n)
            buf += pack(f">{n}I", *nflda_stripe_indices)
            nflda_multipath_ds_list = self.nflda_multipath_ds_list
            n2 = len(nflda_multipath_ds_list)
            buf += _I.pack(n2)
            for item in nflda_multipath_ds_list:
                n3 = len(item)
                buf += _I.pack(n3)
                for item2 in item:
                    item2.encode(enc)
        except StructError as error:
            raise unencodable("nfsv4_1_file_layout_ds_addr4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfsv4_1_file_layout_ds_addr4:
        nflda_stripe_indices_n = dec.uint32()
        nflda_stripe_indices = dec.numbers("I", nflda_stripe_indices_n)
        nflda_multipath_ds_list_n = dec.uint32()
        dec.check_count(nflda_multipath_ds_list_n, 4)
        nflda_multipath_ds_list: list[multipath_list4] = []
        for _ in range(nflda_multipath_ds_list_n):
            nflda_multipath_ds_list_item_n = dec.uint32()
            dec.check_count(nflda_multipath_ds_list_item_n, 8)
            nflda_multipath_ds_list_item = [netaddr4.decode(dec) for _ in range(nflda_multipath_ds_list_item_n)]
            nflda_multipath_ds_list.append(nflda_multipath_ds_list_item)
        return cls(nflda_stripe_indices, nflda_multipath_ds_list)


class nfsv4_1_file_layout4(XdrStruct):
    __slots__ = (
        "nfl_deviceid",
        "nfl_util",
        "nfl_first_stripe_index",
        "nfl_pattern_offset",
        "nfl_fh_list",
    )

    def __init__(
        self,
        nfl_deviceid: deviceid4,
        nfl_util: nfl_util4,
        nfl_first_stripe_index: uint32_t,
        nfl_pattern_offset: offset4,
        nfl_fh_list: list[nfs_fh4],
    ) -> None:
        self.nfl_deviceid = nfl_deviceid
        self.nfl_util = nfl_util
        self.nfl_first_stripe_index = nfl_first_stripe_index
        self.nfl_pattern_offset = nfl_pattern_offset
        self.nfl_fh_list = nfl_fh_list

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.nfl_deviceid) != 16:
                raise wrong_length("nfsv4_1_file_layout4.nfl_deviceid", len(self.nfl_deviceid), 16)
            nfl_fh_list = self.nfl_fh_list
            n = len(nfl_fh_list)
            buf += _16s2IQI.pack(self.nfl_deviceid, self.nfl_util, self.nfl_first_stripe_index, self.nfl_pattern_offset, n)
            for item in nfl_fh_list:
                n2 = len(item)
                if n2 > 128:
                    raise too_long("nfsv4_1_file_layout4.nfl_fh_list", n2, 128)
                buf += _I.pack(n2)
                buf += item
                if n2 & 3:
                    buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("nfsv4_1_file_layout4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfsv4_1_file_layout4:
        nfl_deviceid, nfl_util, nfl_first_stripe_index, nfl_pattern_offset, nfl_fh_list_n = dec.unpack(_16s2IQI)
        dec.check_count(nfl_fh_list_n, 4)
        nfl_fh_list = [dec.opaque(128) for _ in range(nfl_fh_list_n)]
        return cls(nfl_deviceid, nfl_util, nfl_first_stripe_index, nfl_pattern_offset, nfl_fh_list)


class device_error4(XdrStruct):
    __slots__ = ("de_deviceid", "de_status", "de_opnum")

    def __init__(self, de_deviceid: deviceid4, de_status: int, de_opnum: int) -> None:
        self.de_deviceid = de_deviceid
        self.de_status = de_status
        self.de_opnum = de_opnum

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.de_deviceid) != 16:
                raise wrong_length("device_error4.de_deviceid", len(self.de_deviceid), 16)
            buf += _16s2i.pack(self.de_deviceid, self.de_status, self.de_opnum)
        except StructError as error:
            raise unencodable("device_error4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> device_error4:
        de_deviceid, de_status, de_opnum = dec.unpack(_16s2i)
        return cls(de_deviceid, de_status, de_opnum)


class io_info4(XdrStruct):
    __slots__ = ("ii_count", "ii_bytes")

    def __init__(self, ii_count: uint64_t, ii_bytes: uint64_t) -> None:
        self.ii_count = ii_count
        self.ii_bytes = ii_bytes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2Q.pack(self.ii_count, self.ii_bytes)
        except StructError as error:
            raise unencodable("io_info4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> io_info4:
        ii_count, ii_bytes = dec.unpack(_2Q)
        return cls(ii_count, ii_bytes)


class ff_device_versions4(XdrStruct):
    __slots__ = (
        "ffdv_version",
        "ffdv_minorversion",
        "ffdv_rsize",
        "ffdv_wsize",
        "ffdv_tightly_coupled",
    )

    def __init__(
        self,
        ffdv_version: uint32_t,
        ffdv_minorversion: uint32_t,
        ffdv_rsize: uint32_t,
        ffdv_wsize: uint32_t,
        ffdv_tightly_coupled: bool,
    ) -> None:
        self.ffdv_version = ffdv_version
        self.ffdv_minorversion = ffdv_minorversion
        self.ffdv_rsize = ffdv_rsize
        self.ffdv_wsize = ffdv_wsize
        self.ffdv_tightly_coupled = ffdv_tightly_coupled

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _5I.pack(self.ffdv_version, self.ffdv_minorversion, self.ffdv_rsize, self.ffdv_wsize, 1 if self.ffdv_tightly_coupled else 0)
        except StructError as error:
            raise unencodable("ff_device_versions4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_device_versions4:
        ffdv_version, ffdv_minorversion, ffdv_rsize, ffdv_wsize, ffdv_tightly_coupled = dec.unpack(_5I)
        if ffdv_tightly_coupled > 1:
            raise not_boolean("ff_device_versions4.ffdv_tightly_coupled", ffdv_tightly_coupled)
        return cls(ffdv_version, ffdv_minorversion, ffdv_rsize, ffdv_wsize, ffdv_tightly_coupled == 1)


class ff_device_addr4(XdrStruct):
    __slots__ = ("ffda_netaddrs", "ffda_versions")

    def __init__(
        self,
        ffda_netaddrs: multipath_list4,
        ffda_versions: list[ff_device_versions4],
    ) -> None:
        self.ffda_netaddrs = ffda_netaddrs
        self.ffda_versions = ffda_versions

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ffda_netaddrs = self.ffda_netaddrs
            n = len(ffda_netaddrs)
            buf += _I.pack(n)
            for item in ffda_netaddrs:
                item.encode(enc)
            ffda_versions = self.ffda_versions
            n2 = len(ffda_versions)
            buf += _I.pack(n2)
            for item2 in ffda_versions:
                buf += _5I.pack(item2.ffdv_version, item2.ffdv_minorversion, item2.ffdv_rsize, item2.ffdv_wsize, 1 if item2.ffdv_tightly_coupled else 0)
        except StructError as error:
            raise unencodable("ff_device_addr4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_device_addr4:
        ffda_netaddrs_n = dec.uint32()
        dec.check_count(ffda_netaddrs_n, 8)
        ffda_netaddrs = [netaddr4.decode(dec) for _ in range(ffda_netaddrs_n)]
        ffda_versions_n = dec.uint32()
        dec.check_count(ffda_versions_n, 20)
        ffda_versions = [ff_device_versions4.decode(dec) for _ in range(ffda_versions_n)]
        return cls(ffda_netaddrs, ffda_versions)

ff_flags4: TypeAlias = uint32_t


class ff_data_server4(XdrStruct):
    __slots__ = (
        "ffds_deviceid",
        "ffds_efficiency",
        "ffds_stateid",
        "ffds_fh_vers",
        "ffds_user",
        "ffds_group",
    )

    def __init__(
        self,
        ffds_deviceid: deviceid4,
        ffds_efficiency: uint32_t,
        ffds_stateid: stateid4,
        ffds_fh_vers: list[nfs_fh4],
        ffds_user: fattr4_owner,
        ffds_group: fattr4_owner_group,
    ) -> None:
        self.ffds_deviceid = ffds_deviceid
        self.ffds_efficiency = ffds_efficiency
        self.ffds_stateid = ffds_stateid
        self.ffds_fh_vers = ffds_fh_vers
        self.ffds_user = ffds_user
        self.ffds_group = ffds_group

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.ffds_deviceid) != 16:
                raise wrong_length("ff_data_server4.ffds_deviceid", len(self.ffds_deviceid), 16)
            ffds_stateid = self.ffds_stateid
            if len(ffds_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(ffds_stateid.other), 12)
            ffds_fh_vers = self.ffds_fh_vers
            n = len(ffds_fh_vers)
            buf += _16s2I12sI.pack(self.ffds_deviceid, self.ffds_efficiency, ffds_stateid.seqid, ffds_stateid.other, n)
            for item in ffds_fh_vers:
                n2 = len(item)
                if n2 > 128:
                    raise too_long("ff_data_server4.ffds_fh_vers", n2, 128)
                buf += _I.pack(n2)
                buf += item
                if n2 & 3:
                    buf += PAD[n2 & 3]
            ffds_user = self.ffds_user
            n3 = len(ffds_user)
            buf += _I.pack(n3)
            buf += ffds_user
            if n3 & 3:
                buf += PAD[n3 & 3]
            ffds_group = self.ffds_group
            n4 = len(ffds_group)
            buf += _I.pack(n4)
            buf += ffds_group
            if n4 & 3:
                buf += PAD[n4 & 3]
        except StructError as error:
            raise unencodable("ff_data_server4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_data_server4:
        ffds_deviceid, ffds_efficiency, ffds_stateid__seqid, ffds_stateid__other, ffds_fh_vers_n = dec.unpack(_16s2I12sI)
        dec.check_count(ffds_fh_vers_n, 4)
        ffds_fh_vers = [dec.opaque(128) for _ in range(ffds_fh_vers_n)]
        ffds_user_n = dec.uint32()
        ffds_user = dec.octets(ffds_user_n)
        ffds_group_n = dec.uint32()
        ffds_group = dec.octets(ffds_group_n)
        return cls(ffds_deviceid, ffds_efficiency, stateid4(ffds_stateid__seqid, ffds_stateid__other), ffds_fh_vers, ffds_user, ffds_group)


class ff_mirror4(XdrStruct):
    __slots__ = ("ffm_data_servers",)

    def __init__(self, ffm_data_servers: list[ff_data_server4]) -> None:
        self.ffm_data_servers = ffm_data_servers

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ffm_data_servers = self.ffm_data_servers
            n = len(ffm_data_servers)
            buf += _I.pack(n)
            for item in ffm_data_servers:
                item.encode(enc)
        except StructError as error:
            raise unencodable("ff_mirror4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_mirror4:
        ffm_data_servers_n = dec.uint32()
        dec.check_count(ffm_data_servers_n, 48)
        ffm_data_servers = [ff_data_server4.decode(dec) for _ in range(ffm_data_servers_n)]
        return cls(ffm_data_servers)


class ff_layout4(XdrStruct):
    __slots__ = ("ffl_stripe_unit", "ffl_mirrors", "ffl_flags", "ffl_stats_collect_hint")

    def __init__(
        self,
        ffl_stripe_unit: length4,
        ffl_mirrors: list[ff_mirror4],
        ffl_flags: ff_flags4,
        ffl_stats_collect_hint: uint32_t,
    ) -> None:
        self.ffl_stripe_unit = ffl_stripe_unit
        self.ffl_mirrors = ffl_mirrors
        self.ffl_flags = ffl_flags
        self.ffl_stats_collect_hint = ffl_stats_collect_hint

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ffl_mirrors = self.ffl_mirrors
            n = len(ffl_mirrors)
            buf += _QI.pack(self.ffl_stripe_unit, n)
            for item in ffl_mirrors:
                item.encode(enc)
            buf += _2I.pack(self.ffl_flags, self.ffl_stats_collect_hint)
        except StructError as error:
            raise unencodable("ff_layout4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_layout4:
        ffl_stripe_unit, ffl_mirrors_n = dec.unpack(_QI)
        dec.check_count(ffl_mirrors_n, 4)
        ffl_mirrors = [ff_mirror4.decode(dec) for _ in range(ffl_mirrors_n)]
        ffl_flags, ffl_stats_collect_hint = dec.unpack(_2I)
        return cls(ffl_stripe_unit, ffl_mirrors, ffl_flags, ffl_stats_collect_hint)


class ff_ioerr4(XdrStruct):
    __slots__ = ("ffie_offset", "ffie_length", "ffie_stateid", "ffie_errors")

    def __init__(
        self,
        ffie_offset: offset4,
        ffie_length: length4,
        ffie_stateid: stateid4,
        ffie_errors: list[device_error4],
    ) -> None:
        self.ffie_offset = ffie_offset
        self.ffie_length = ffie_length
        self.ffie_stateid = ffie_stateid
        self.ffie_errors = ffie_errors

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ffie_stateid = self.ffie_stateid
            if len(ffie_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(ffie_stateid.other), 12)
            ffie_errors = self.ffie_errors
            n = len(ffie_errors)
            buf += _2QI12sI.pack(self.ffie_offset, self.ffie_length, ffie_stateid.seqid, ffie_stateid.other, n)
            for item in ffie_errors:
                if len(item.de_deviceid) != 16:
                    raise wrong_length("device_error4.de_deviceid", len(item.de_deviceid), 16)
                buf += _16s2i.pack(item.de_deviceid, item.de_status, item.de_opnum)
        except StructError as error:
            raise unencodable("ff_ioerr4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_ioerr4:
        ffie_offset, ffie_length, ffie_stateid__seqid, ffie_stateid__other, ffie_errors_n = dec.unpack(_2QI12sI)
        dec.check_count(ffie_errors_n, 24)
        ffie_errors = [device_error4.decode(dec) for _ in range(ffie_errors_n)]
        return cls(ffie_offset, ffie_length, stateid4(ffie_stateid__seqid, ffie_stateid__other), ffie_errors)


class ff_io_latency4(XdrStruct):
    __slots__ = (
        "ffil_ops_requested",
        "ffil_bytes_requested",
        "ffil_ops_completed",
        "ffil_bytes_completed",
        "ffil_bytes_not_delivered",
        "ffil_total_busy_time",
        "ffil_aggregate_completion_time",
    )

    def __init__(
        self,
        ffil_ops_requested: uint64_t,
        ffil_bytes_requested: uint64_t,
        ffil_ops_completed: uint64_t,
        ffil_bytes_completed: uint64_t,
        ffil_bytes_not_delivered: uint64_t,
        ffil_total_busy_time: nfstime4,
        ffil_aggregate_completion_time: nfstime4,
    ) -> None:
        self.ffil_ops_requested = ffil_ops_requested
        self.ffil_bytes_requested = ffil_bytes_requested
        self.ffil_ops_completed = ffil_ops_completed
        self.ffil_bytes_completed = ffil_bytes_completed
        self.ffil_bytes_not_delivered = ffil_bytes_not_delivered
        self.ffil_total_busy_time = ffil_total_busy_time
        self.ffil_aggregate_completion_time = ffil_aggregate_completion_time

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ffil_total_busy_time = self.ffil_total_busy_time
            ffil_aggregate_completion_time = self.ffil_aggregate_completion_time
            buf += _5QqIqI.pack(self.ffil_ops_requested, self.ffil_bytes_requested, self.ffil_ops_completed, self.ffil_bytes_completed, self.ffil_bytes_not_delivered, ffil_total_busy_time.seconds, ffil_total_busy_time.nseconds, ffil_aggregate_completion_time.seconds, ffil_aggregate_completion_time.nseconds)
        except StructError as error:
            raise unencodable("ff_io_latency4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_io_latency4:
        ffil_ops_requested, ffil_bytes_requested, ffil_ops_completed, ffil_bytes_completed, ffil_bytes_not_delivered, ffil_total_busy_time__seconds, ffil_total_busy_time__nseconds, ffil_aggregate_completion_time__seconds, ffil_aggregate_completion_time__nseconds = dec.unpack(_5QqIqI)
        return cls(ffil_ops_requested, ffil_bytes_requested, ffil_ops_completed, ffil_bytes_completed, ffil_bytes_not_delivered, nfstime4(ffil_total_busy_time__seconds, ffil_total_busy_time__nseconds), nfstime4(ffil_aggregate_completion_time__seconds, ffil_aggregate_completion_time__nseconds))


class ff_layoutupdate4(XdrStruct):
    __slots__ = ("ffl_addr", "ffl_fhandle", "ffl_read", "ffl_write", "ffl_duration", "ffl_local")

    def __init__(
        self,
        ffl_addr: netaddr4,
        ffl_fhandle: nfs_fh4,
        ffl_read: ff_io_latency4,
        ffl_write: ff_io_latency4,
        ffl_duration: nfstime4,
        ffl_local: bool,
    ) -> None:
        self.ffl_addr = ffl_addr
        self.ffl_fhandle = ffl_fhandle
        self.ffl_read = ffl_read
        self.ffl_write = ffl_write
        self.ffl_duration = ffl_duration
        self.ffl_local = ffl_local

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.ffl_addr.encode(enc)
            ffl_fhandle = self.ffl_fhandle
            n = len(ffl_fhandle)
            if n > 128:
                raise too_long("ff_layoutupdate4.ffl_fhandle", n, 128)
            buf += _I.pack(n)
            buf += ffl_fhandle
            if n & 3:
                buf += PAD[n & 3]
            ffl_read = self.ffl_read
            ffil_total_busy_time = ffl_read.ffil_total_busy_time
            ffil_aggregate_completion_time = ffl_read.ffil_aggregate_completion_time
            ffl_write = self.ffl_write
            ffil_total_busy_time2 = ffl_write.ffil_total_busy_time
            ffil_aggregate_completion_time2 = ffl_write.ffil_aggregate_completion_time
            ffl_duration = self.ffl_duration
            buf += _5QqIqI5QqIqIq2I.pack(ffl_read.ffil_ops_requested, ffl_read.ffil_bytes_requested, ffl_read.ffil_ops_completed, ffl_read.ffil_bytes_completed, ffl_read.ffil_bytes_not_delivered, ffil_total_busy_time.seconds, ffil_total_busy_time.nseconds, ffil_aggregate_completion_time.seconds, ffil_aggregate_completion_time.nseconds, ffl_write.ffil_ops_requested, ffl_write.ffil_bytes_requested, ffl_write.ffil_ops_completed, ffl_write.ffil_bytes_completed, ffl_write.ffil_bytes_not_delivered, ffil_total_busy_time2.seconds, ffil_total_busy_time2.nseconds, ffil_aggregate_completion_time2.seconds, ffil_aggregate_completion_time2.nseconds, ffl_duration.seconds, ffl_duration.nseconds, 1 if self.ffl_local else 0)
        except StructError as error:
            raise unencodable("ff_layoutupdate4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_layoutupdate4:
        ffl_addr = netaddr4.decode(dec)
        ffl_fhandle_n = dec.uint32()
        if ffl_fhandle_n > 128:
            raise too_long("ff_layoutupdate4.ffl_fhandle", ffl_fhandle_n, 128)
        ffl_fhandle = dec.octets(ffl_fhandle_n)
        ffl_read__ffil_ops_requested, ffl_read__ffil_bytes_requested, ffl_read__ffil_ops_completed, ffl_read__ffil_bytes_completed, ffl_read__ffil_bytes_not_delivered, ffl_read__ffil_total_busy_time__seconds, ffl_read__ffil_total_busy_time__nseconds, ffl_read__ffil_aggregate_completion_time__seconds, ffl_read__ffil_aggregate_completion_time__nseconds, ffl_write__ffil_ops_requested, ffl_write__ffil_bytes_requested, ffl_write__ffil_ops_completed, ffl_write__ffil_bytes_completed, ffl_write__ffil_bytes_not_delivered, ffl_write__ffil_total_busy_time__seconds, ffl_write__ffil_total_busy_time__nseconds, ffl_write__ffil_aggregate_completion_time__seconds, ffl_write__ffil_aggregate_completion_time__nseconds, ffl_duration__seconds, ffl_duration__nseconds, ffl_local = dec.unpack(_5QqIqI5QqIqIq2I)
        if ffl_local > 1:
            raise not_boolean("ff_layoutupdate4.ffl_local", ffl_local)
        return cls(ffl_addr, ffl_fhandle, ff_io_latency4(ffl_read__ffil_ops_requested, ffl_read__ffil_bytes_requested, ffl_read__ffil_ops_completed, ffl_read__ffil_bytes_completed, ffl_read__ffil_bytes_not_delivered, nfstime4(ffl_read__ffil_total_busy_time__seconds, ffl_read__ffil_total_busy_time__nseconds), nfstime4(ffl_read__ffil_aggregate_completion_time__seconds, ffl_read__ffil_aggregate_completion_time__nseconds)), ff_io_latency4(ffl_write__ffil_ops_requested, ffl_write__ffil_bytes_requested, ffl_write__ffil_ops_completed, ffl_write__ffil_bytes_completed, ffl_write__ffil_bytes_not_delivered, nfstime4(ffl_write__ffil_total_busy_time__seconds, ffl_write__ffil_total_busy_time__nseconds), nfstime4(ffl_write__ffil_aggregate_completion_time__seconds, ffl_write__ffil_aggregate_completion_time__nseconds)), nfstime4(ffl_duration__seconds, ffl_duration__nseconds), ffl_local == 1)


class ff_iostats4(XdrStruct):
    __slots__ = (
        "ffis_offset",
        "ffis_length",
        "ffis_stateid",
        "ffis_read",
        "ffis_write",
        "ffis_deviceid",
        "ffis_layoutupdate",
    )

    def __init__(
        self,
        ffis_offset: offset4,
        ffis_length: length4,
        ffis_stateid: stateid4,
        ffis_read: io_info4,
        ffis_write: io_info4,
        ffis_deviceid: deviceid4,
        ffis_layoutupdate: ff_layoutupdate4,
    ) -> None:
        self.ffis_offset = ffis_offset
        self.ffis_length = ffis_length
        self.ffis_stateid = ffis_stateid
        self.ffis_read = ffis_read
        self.ffis_write = ffis_write
        self.ffis_deviceid = ffis_deviceid
        self.ffis_layoutupdate = ffis_layoutupdate

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ffis_stateid = self.ffis_stateid
            if len(ffis_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(ffis_stateid.other), 12)
            ffis_read = self.ffis_read
            ffis_write = self.ffis_write
            if len(self.ffis_deviceid) != 16:
                raise wrong_length("ff_iostats4.ffis_deviceid", len(self.ffis_deviceid), 16)
            buf += _2QI12s4Q16s.pack(self.ffis_offset, self.ffis_length, ffis_stateid.seqid, ffis_stateid.other, ffis_read.ii_count, ffis_read.ii_bytes, ffis_write.ii_count, ffis_write.ii_bytes, self.ffis_deviceid)
            self.ffis_layoutupdate.encode(enc)
        except StructError as error:
            raise unencodable("ff_iostats4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_iostats4:
        ffis_offset, ffis_length, ffis_stateid__seqid, ffis_stateid__other, ffis_read__ii_count, ffis_read__ii_bytes, ffis_write__ii_count, ffis_write__ii_bytes, ffis_deviceid = dec.unpack(_2QI12s4Q16s)
        ffis_layoutupdate = ff_layoutupdate4.decode(dec)
        return cls(ffis_offset, ffis_length, stateid4(ffis_stateid__seqid, ffis_stateid__other), io_info4(ffis_read__ii_count, ffis_read__ii_bytes), io_info4(ffis_write__ii_count, ffis_write__ii_bytes), ffis_deviceid, ffis_layoutupdate)


class ff_layoutreturn4(XdrStruct):
    __slots__ = ("fflr_ioerr_report", "fflr_iostats_report")

    def __init__(
        self,
        fflr_ioerr_report: list[ff_ioerr4],
        fflr_iostats_report: list[ff_iostats4],
    ) -> None:
        self.fflr_ioerr_report = fflr_ioerr_report
        self.fflr_iostats_report = fflr_iostats_report

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fflr_ioerr_report = self.fflr_ioerr_report
            n = len(fflr_ioerr_report)
            buf += _I.pack(n)
            for item in fflr_ioerr_report:
                item.encode(enc)
            fflr_iostats_report = self.fflr_iostats_report
            n2 = len(fflr_iostats_report)
            buf += _I.pack(n2)
            for item2 in fflr_iostats_report:
                item2.encode(enc)
        except StructError as error:
            raise unencodable("ff_layoutreturn4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_layoutreturn4:
        fflr_ioerr_report_n = dec.uint32()
        dec.check_count(fflr_ioerr_report_n, 36)
        fflr_ioerr_report = [ff_ioerr4.decode(dec) for _ in range(fflr_ioerr_report_n)]
        fflr_iostats_report_n = dec.uint32()
        dec.check_count(fflr_iostats_report_n, 236)
        fflr_iostats_report = [ff_iostats4.decode(dec) for _ in range(fflr_iostats_report_n)]
        return cls(fflr_ioerr_report, fflr_iostats_report)


class ff_mirrors_hint(XdrUnion):
    __slots__ = ("ffmc_valid", "value")

    def __init__(self, ffmc_valid: bool, value: uint32_t | None = None) -> None:
        self.ffmc_valid = ffmc_valid
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        ffmc_valid = self.ffmc_valid
        try:
            if ffmc_valid:
                buf += _2I.pack(1 if ffmc_valid else 0, value)
            elif not ffmc_valid:
                buf += _I.pack(1 if ffmc_valid else 0)
            else:
                raise no_arm("ff_mirrors_hint", ffmc_valid)
        except StructError as error:
            raise unencodable("ff_mirrors_hint", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_mirrors_hint:
        ffmc_valid = dec.boolean()
        if ffmc_valid:
            ffmc_mirrors = dec.uint32()
            return cls(ffmc_valid, ffmc_mirrors)
        if not ffmc_valid:
            return cls(ffmc_valid)
        raise no_arm("ff_mirrors_hint", ffmc_valid)

    @property
    def ffmc_mirrors(self) -> uint32_t:
        if not (self.ffmc_valid):
            raise wrong_arm(self, "ffmc_mirrors")
        arm: uint32_t = self.value
        return arm


class ff_layouthint4(XdrStruct):
    __slots__ = ("fflh_mirrors_hint",)

    def __init__(self, fflh_mirrors_hint: ff_mirrors_hint) -> None:
        self.fflh_mirrors_hint = fflh_mirrors_hint

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.fflh_mirrors_hint.encode(enc)
        except StructError as error:
            raise unencodable("ff_layouthint4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ff_layouthint4:
        fflh_mirrors_hint = ff_mirrors_hint.decode(dec)
        return cls(fflh_mirrors_hint)


class ACCESS4args(XdrStruct):
    __slots__ = ("access",)

    def __init__(self, access: uint32_t) -> None:
        self.access = access

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(self.access)
        except StructError as error:
            raise unencodable("ACCESS4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ACCESS4args:
        access = dec.uint32()
        return cls(access)


class ACCESS4resok(XdrStruct):
    __slots__ = ("supported", "access")

    def __init__(self, supported: uint32_t, access: uint32_t) -> None:
        self.supported = supported
        self.access = access

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.supported, self.access)
        except StructError as error:
            raise unencodable("ACCESS4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ACCESS4resok:
        supported, access = dec.unpack(_2I)
        return cls(supported, access)


class ACCESS4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: ACCESS4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                buf += _i2I.pack(status, value.supported, value.access)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("ACCESS4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ACCESS4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4__supported, resok4__access = dec.unpack(_2I)
            return cls(status, ACCESS4resok(resok4__supported, resok4__access))
        return cls(status)

    @property
    def resok4(self) -> ACCESS4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: ACCESS4resok = self.value
        return arm


class CLOSE4args(XdrStruct):
    __slots__ = ("seqid", "open_stateid")

    def __init__(self, seqid: seqid4, open_stateid: stateid4) -> None:
        self.seqid = seqid
        self.open_stateid = open_stateid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            open_stateid = self.open_stateid
            if len(open_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(open_stateid.other), 12)
            buf += _2I12s.pack(self.seqid, open_stateid.seqid, open_stateid.other)
        except StructError as error:
            raise unencodable("CLOSE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CLOSE4args:
        seqid, open_stateid__seqid, open_stateid__other = dec.unpack(_2I12s)
        return cls(seqid, stateid4(open_stateid__seqid, open_stateid__other))


class CLOSE4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: stateid4 | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                if len(value.other) != 12:
                    raise wrong_length("stateid4.other", len(value.other), 12)
                buf += _iI12s.pack(status, value.seqid, value.other)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("CLOSE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CLOSE4res:
        status = dec.int32()
        if status == NFS4_OK:
            open_stateid__seqid, open_stateid__other = dec.unpack(_I12s)
            return cls(status, stateid4(open_stateid__seqid, open_stateid__other))
        return cls(status)

    @property
    def open_stateid(self) -> stateid4:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "open_stateid")
        arm: stateid4 = self.value
        return arm


class COMMIT4args(XdrStruct):
    __slots__ = ("offset", "count")

    def __init__(self, offset: offset4, count: count4) -> None:
        self.offset = offset
        self.count = count

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _QI.pack(self.offset, self.count)
        except StructError as error:
            raise unencodable("COMMIT4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COMMIT4args:
        offset, count = dec.unpack(_QI)
        return cls(offset, count)


class COMMIT4resok(XdrStruct):
    __slots__ = ("writeverf",)

    def __init__(self, writeverf: verifier4) -> None:
        self.writeverf = writeverf

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.writeverf) != 8:
                raise wrong_length("COMMIT4resok.writeverf", len(self.writeverf), 8)
            buf += _8s.pack(self.writeverf)
        except StructError as error:
            raise unencodable("COMMIT4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COMMIT4resok:
        (writeverf,) = dec.unpack(_8s)
        return cls(writeverf)


class COMMIT4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: COMMIT4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                if len(value.writeverf) != 8:
                    raise wrong_length("COMMIT4resok.writeverf", len(value.writeverf), 8)
                buf += _i8s.pack(status, value.writeverf)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("COMMIT4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COMMIT4res:
        status = dec.int32()
        if status == NFS4_OK:
            (resok4__writeverf,) = dec.unpack(_8s)
            return cls(status, COMMIT4resok(resok4__writeverf))
        return cls(status)

    @property
    def resok4(self) -> COMMIT4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: COMMIT4resok = self.value
        return arm


class createtype4(XdrUnion):
    __slots__ = ("type", "value")

    def __init__(
        self,
        type: int,
        value: bytes | bytearray | memoryview | specdata4 | None = None,
    ) -> None:
        self.type = type
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        type = self.type
        try:
            if type == NF4LNK:
                buf += _i.pack(type)
                enc.payload(value)
            elif type in (NF4BLK, NF4CHR):
                buf += _i2I.pack(type, value.specdata1, value.specdata2)
            else:
                buf += _i.pack(type)
        except StructError as error:
            raise unencodable("createtype4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> createtype4:
        type = dec.int32()
        if type == NF4LNK:
            linkdata = dec.payload()
            return cls(type, linkdata)
        if type in (NF4BLK, NF4CHR):
            devdata__specdata1, devdata__specdata2 = dec.unpack(_2I)
            return cls(type, specdata4(devdata__specdata1, devdata__specdata2))
        return cls(type)

    @property
    def linkdata(self) -> bytes | bytearray | memoryview:
        if not (self.type == NF4LNK):
            raise wrong_arm(self, "linkdata")
        arm: bytes | bytearray | memoryview = self.value
        return arm

    @property
    def devdata(self) -> specdata4:
        if not (self.type in (NF4BLK, NF4CHR)):
            raise wrong_arm(self, "devdata")
        arm: specdata4 = self.value
        return arm


class CREATE4args(XdrStruct):
    __slots__ = ("objtype", "objname", "createattrs")

    def __init__(self, objtype: createtype4, objname: component4, createattrs: fattr4) -> None:
        self.objtype = objtype
        self.objname = objname
        self.createattrs = createattrs

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.objtype.encode(enc)
            objname = self.objname
            n = len(objname)
            buf += _I.pack(n)
            buf += objname
            if n & 3:
                buf += PAD[n & 3]
            self.createattrs.encode(enc)
        except StructError as error:
            raise unencodable("CREATE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CREATE4args:
        objtype = createtype4.decode(dec)
        objname_n = dec.uint32()
        objname = dec.octets(objname_n)
        createattrs = fattr4.decode(dec)
        return cls(objtype, objname, createattrs)


class CREATE4resok(XdrStruct):
    __slots__ = ("cinfo", "attrset")

    def __init__(self, cinfo: change_info4, attrset: bitmap4) -> None:
        self.cinfo = cinfo
        self.attrset = attrset

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cinfo = self.cinfo
            attrset = self.attrset
            n = len(attrset)
            buf += _I2QI.pack(1 if cinfo.atomic else 0, cinfo.before, cinfo.after, n)
            buf += pack(f">{n}I", *attrset)
        except StructError as error:
            raise unencodable("CREATE4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CREATE4resok:
        cinfo__atomic, cinfo__before, cinfo__after, attrset_n = dec.unpack(_I2QI)
        if cinfo__atomic > 1:
            raise not_boolean("change_info4.atomic", cinfo__atomic)
        attrset = dec.numbers("I", attrset_n)
        return cls(change_info4(cinfo__atomic == 1, cinfo__before, cinfo__after), attrset)


class CREATE4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: CREATE4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("CREATE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CREATE4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4 = CREATE4resok.decode(dec)
            return cls(status, resok4)
        return cls(status)

    @property
    def resok4(self) -> CREATE4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: CREATE4resok = self.value
        return arm


class DELEGPURGE4args(XdrStruct):
    __slots__ = ("clientid",)

    def __init__(self, clientid: clientid4) -> None:
        self.clientid = clientid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _Q.pack(self.clientid)
        except StructError as error:
            raise unencodable("DELEGPURGE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> DELEGPURGE4args:
        clientid = dec.uint64()
        return cls(clientid)


class DELEGPURGE4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("DELEGPURGE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> DELEGPURGE4res:
        status = dec.int32()
        return cls(status)


class DELEGRETURN4args(XdrStruct):
    __slots__ = ("deleg_stateid",)

    def __init__(self, deleg_stateid: stateid4) -> None:
        self.deleg_stateid = deleg_stateid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            deleg_stateid = self.deleg_stateid
            if len(deleg_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(deleg_stateid.other), 12)
            buf += _I12s.pack(deleg_stateid.seqid, deleg_stateid.other)
        except StructError as error:
            raise unencodable("DELEGRETURN4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> DELEGRETURN4args:
        deleg_stateid__seqid, deleg_stateid__other = dec.unpack(_I12s)
        return cls(stateid4(deleg_stateid__seqid, deleg_stateid__other))


class DELEGRETURN4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("DELEGRETURN4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> DELEGRETURN4res:
        status = dec.int32()
        return cls(status)


class GETATTR4args(XdrStruct):
    __slots__ = ("attr_request",)

    def __init__(self, attr_request: bitmap4) -> None:
        self.attr_request = attr_request

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            attr_request = self.attr_request
            n = len(attr_request)
            buf += _I.pack(n)
            buf += pack(f">{n}I", *attr_request)
        except StructError as error:
            raise unencodable("GETATTR4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETATTR4args:
        attr_request_n = dec.uint32()
        attr_request = dec.numbers("I", attr_request_n)
        return cls(attr_request)


class GETATTR4resok(XdrStruct):
    __slots__ = ("obj_attributes",)

    def __init__(self, obj_attributes: fattr4) -> None:
        self.obj_attributes = obj_attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.obj_attributes.encode(enc)
        except StructError as error:
            raise unencodable("GETATTR4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETATTR4resok:
        obj_attributes = fattr4.decode(dec)
        return cls(obj_attributes)


class GETATTR4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: GETATTR4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("GETATTR4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETATTR4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4 = GETATTR4resok.decode(dec)
            return cls(status, resok4)
        return cls(status)

    @property
    def resok4(self) -> GETATTR4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: GETATTR4resok = self.value
        return arm


class GETFH4resok(XdrStruct):
    __slots__ = ("object",)

    def __init__(self, object: nfs_fh4) -> None:
        self.object = object

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            object = self.object
            n = len(object)
            if n > 128:
                raise too_long("GETFH4resok.object", n, 128)
            buf += _I.pack(n)
            buf += object
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("GETFH4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETFH4resok:
        object_n = dec.uint32()
        if object_n > 128:
            raise too_long("GETFH4resok.object", object_n, 128)
        object = dec.octets(object_n)
        return cls(object)


class GETFH4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: GETFH4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("GETFH4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETFH4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4 = GETFH4resok.decode(dec)
            return cls(status, resok4)
        return cls(status)

    @property
    def resok4(self) -> GETFH4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: GETFH4resok = self.value
        return arm


class LINK4args(XdrStruct):
    __slots__ = ("newname",)

    def __init__(self, newname: component4) -> None:
        self.newname = newname

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            newname = self.newname
            n = len(newname)
            buf += _I.pack(n)
            buf += newname
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("LINK4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LINK4args:
        newname_n = dec.uint32()
        newname = dec.octets(newname_n)
        return cls(newname)


class LINK4resok(XdrStruct):
    __slots__ = ("cinfo",)

    def __init__(self, cinfo: change_info4) -> None:
        self.cinfo = cinfo

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cinfo = self.cinfo
            buf += _I2Q.pack(1 if cinfo.atomic else 0, cinfo.before, cinfo.after)
        except StructError as error:
            raise unencodable("LINK4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LINK4resok:
        cinfo__atomic, cinfo__before, cinfo__after = dec.unpack(_I2Q)
        if cinfo__atomic > 1:
            raise not_boolean("change_info4.atomic", cinfo__atomic)
        return cls(change_info4(cinfo__atomic == 1, cinfo__before, cinfo__after))


class LINK4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: LINK4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                cinfo = value.cinfo
                buf += _iI2Q.pack(status, 1 if cinfo.atomic else 0, cinfo.before, cinfo.after)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("LINK4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LINK4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4__cinfo__atomic, resok4__cinfo__before, resok4__cinfo__after = dec.unpack(_I2Q)
            if resok4__cinfo__atomic > 1:
                raise not_boolean("change_info4.atomic", resok4__cinfo__atomic)
            return cls(status, LINK4resok(change_info4(resok4__cinfo__atomic == 1, resok4__cinfo__before, resok4__cinfo__after)))
        return cls(status)

    @property
    def resok4(self) -> LINK4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: LINK4resok = self.value
        return arm


class open_to_lock_owner4(XdrStruct):
    __slots__ = ("open_seqid", "open_stateid", "lock_seqid", "lock_owner")

    def __init__(
        self,
        open_seqid: seqid4,
        open_stateid: stateid4,
        lock_seqid: seqid4,
        lock_owner: lock_owner4,
    ) -> None:
        self.open_seqid = open_seqid
        self.open_stateid = open_stateid
        self.lock_seqid = lock_seqid
        self.lock_owner = lock_owner

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            open_stateid = self.open_stateid
            if len(open_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(open_stateid.other), 12)
            buf += _2I12sI.pack(self.open_seqid, open_stateid.seqid, open_stateid.other, self.lock_seqid)
            self.lock_owner.encode(enc)
        except StructError as error:
            raise unencodable("open_to_lock_owner4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> open_to_lock_owner4:
        open_seqid, open_stateid__seqid, open_stateid__other, lock_seqid = dec.unpack(_2I12sI)
        lock_owner = state_owner4.decode(dec)
        return cls(open_seqid, stateid4(open_stateid__seqid, open_stateid__other), lock_seqid, lock_owner)


class exist_lock_owner4(XdrStruct):
    __slots__ = ("lock_stateid", "lock_seqid")

    def __init__(self, lock_stateid: stateid4, lock_seqid: seqid4) -> None:
        self.lock_stateid = lock_stateid
        self.lock_seqid = lock_seqid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            lock_stateid = self.lock_stateid
            if len(lock_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(lock_stateid.other), 12)
            buf += _I12sI.pack(lock_stateid.seqid, lock_stateid.other, self.lock_seqid)
        except StructError as error:
            raise unencodable("exist_lock_owner4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> exist_lock_owner4:
        lock_stateid__seqid, lock_stateid__other, lock_seqid = dec.unpack(_I12sI)
        return cls(stateid4(lock_stateid__seqid, lock_stateid__other), lock_seqid)


class locker4(XdrUnion):
    __slots__ = ("new_lock_owner", "value")

    def __init__(
        self,
        new_lock_owner: bool,
        value: open_to_lock_owner4 | exist_lock_owner4 | None = None,
    ) -> None:
        self.new_lock_owner = new_lock_owner
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        new_lock_owner = self.new_lock_owner
        try:
            if new_lock_owner:
                buf += _I.pack(1 if new_lock_owner else 0)
                value.encode(enc)
            elif not new_lock_owner:
                lock_stateid = value.lock_stateid
                if len(lock_stateid.other) != 12:
                    raise wrong_length("stateid4.other", len(lock_stateid.other), 12)
                buf += _2I12sI.pack(1 if new_lock_owner else 0, lock_stateid.seqid, lock_stateid.other, value.lock_seqid)
            else:
                raise no_arm("locker4", new_lock_owner)
        except StructError as error:
            raise unencodable("locker4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> locker4:
        new_lock_owner = dec.boolean()
        if new_lock_owner:
            open_owner = open_to_lock_owner4.decode(dec)
            return cls(new_lock_owner, open_owner)
        if not new_lock_owner:
            lock_owner__lock_stateid__seqid, lock_owner__lock_stateid__other, lock_owner__lock_seqid = dec.unpack(_I12sI)
            return cls(new_lock_owner, exist_lock_owner4(stateid4(lock_owner__lock_stateid__seqid, lock_owner__lock_stateid__other), lock_owner__lock_seqid))
        raise no_arm("locker4", new_lock_owner)

    @property
    def open_owner(self) -> open_to_lock_owner4:
        if not (self.new_lock_owner):
            raise wrong_arm(self, "open_owner")
        arm: open_to_lock_owner4 = self.value
        return arm

    @property
    def lock_owner(self) -> exist_lock_owner4:
        if not (not self.new_lock_owner):
            raise wrong_arm(self, "lock_owner")
        arm: exist_lock_owner4 = self.value
        return arm


class LOCK4args(XdrStruct):
    __slots__ = ("locktype", "reclaim", "offset", "length", "locker")

    def __init__(
        self,
        locktype: int,
        reclaim: bool,
        offset: offset4,
        length: length4,
        locker: locker4,
    ) -> None:
        self.locktype = locktype
        self.reclaim = reclaim
        self.offset = offset
        self.length = length
        self.locker = locker

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _iI2Q.pack(self.locktype, 1 if self.reclaim else 0, self.offset, self.length)
            self.locker.encode(enc)
        except StructError as error:
            raise unencodable("LOCK4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOCK4args:
        locktype, reclaim, offset, length = dec.unpack(_iI2Q)
        if reclaim > 1:
            raise not_boolean("LOCK4args.reclaim", reclaim)
        locker = locker4.decode(dec)
        return cls(locktype, reclaim == 1, offset, length, locker)


class LOCK4denied(XdrStruct):
    __slots__ = ("offset", "length", "locktype", "owner")

    def __init__(self, offset: offset4, length: length4, locktype: int, owner: lock_owner4) -> None:
        self.offset = offset
        self.length = length
        self.locktype = locktype
        self.owner = owner

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2Qi.pack(self.offset, self.length, self.locktype)
            self.owner.encode(enc)
        except StructError as error:
            raise unencodable("LOCK4denied", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOCK4denied:
        offset, length, locktype = dec.unpack(_2Qi)
        owner = state_owner4.decode(dec)
        return cls(offset, length, locktype, owner)


class LOCK4resok(XdrStruct):
    __slots__ = ("lock_stateid",)

    def __init__(self, lock_stateid: stateid4) -> None:
        self.lock_stateid = lock_stateid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            lock_stateid = self.lock_stateid
            if len(lock_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(lock_stateid.other), 12)
            buf += _I12s.pack(lock_stateid.seqid, lock_stateid.other)
        except StructError as error:
            raise unencodable("LOCK4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOCK4resok:
        lock_stateid__seqid, lock_stateid__other = dec.unpack(_I12s)
        return cls(stateid4(lock_stateid__seqid, lock_stateid__other))


class LOCK4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: LOCK4resok | LOCK4denied | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                lock_stateid = value.lock_stateid
                if len(lock_stateid.other) != 12:
                    raise wrong_length("stateid4.other", len(lock_stateid.other), 12)
                buf += _iI12s.pack(status, lock_stateid.seqid, lock_stateid.other)
            elif status == NFS4ERR_DENIED:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("LOCK4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOCK4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4__lock_stateid__seqid, resok4__lock_stateid__other = dec.unpack(_I12s)
            return cls(status, LOCK4resok(stateid4(resok4__lock_stateid__seqid, resok4__lock_stateid__other)))
        if status == NFS4ERR_DENIED:
            denied = LOCK4denied.decode(dec)
            return cls(status, denied)
        return cls(status)

    @property
    def resok4(self) -> LOCK4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: LOCK4resok = self.value
        return arm

    @property
    def denied(self) -> LOCK4denied:
        if not (self.status == NFS4ERR_DENIED):
            raise wrong_arm(self, "denied")
        arm: LOCK4denied = self.value
        return arm


class LOCKT4args(XdrStruct):
    __slots__ = ("locktype", "offset", "length", "owner")

    def __init__(self, locktype: int, offset: offset4, length: length4, owner: lock_owner4) -> None:
        self.locktype = locktype
        self.offset = offset
        self.length = length
        self.owner = owner

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i2Q.pack(self.locktype, self.offset, self.length)
            self.owner.encode(enc)
        except StructError as error:
            raise unencodable("LOCKT4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOCKT4args:
        locktype, offset, length = dec.unpack(_i2Q)
        owner = state_owner4.decode(dec)
        return cls(locktype, offset, length, owner)


class LOCKT4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: LOCK4denied | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4ERR_DENIED:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("LOCKT4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOCKT4res:
        status = dec.int32()
        if status == NFS4ERR_DENIED:
            denied = LOCK4denied.decode(dec)
            return cls(status, denied)
        return cls(status)

    @property
    def denied(self) -> LOCK4denied:
        if not (self.status == NFS4ERR_DENIED):
            raise wrong_arm(self, "denied")
        arm: LOCK4denied = self.value
        return arm


class LOCKU4args(XdrStruct):
    __slots__ = ("locktype", "seqid", "lock_stateid", "offset", "length")

    def __init__(
        self,
        locktype: int,
        seqid: seqid4,
        lock_stateid: stateid4,
        offset: offset4,
        length: length4,
    ) -> None:
        self.locktype = locktype
        self.seqid = seqid
        self.lock_stateid = lock_stateid
        self.offset = offset
        self.length = length

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            lock_stateid = self.lock_stateid
            if len(lock_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(lock_stateid.other), 12)
            buf += _i2I12s2Q.pack(self.locktype, self.seqid, lock_stateid.seqid, lock_stateid.other, self.offset, self.length)
        except StructError as error:
            raise unencodable("LOCKU4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOCKU4args:
        locktype, seqid, lock_stateid__seqid, lock_stateid__other, offset, length = dec.unpack(_i2I12s2Q)
        return cls(locktype, seqid, stateid4(lock_stateid__seqid, lock_stateid__other), offset, length)


class LOCKU4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: stateid4 | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                if len(value.other) != 12:
                    raise wrong_length("stateid4.other", len(value.other), 12)
                buf += _iI12s.pack(status, value.seqid, value.other)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("LOCKU4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOCKU4res:
        status = dec.int32()
        if status == NFS4_OK:
            lock_stateid__seqid, lock_stateid__other = dec.unpack(_I12s)
            return cls(status, stateid4(lock_stateid__seqid, lock_stateid__other))
        return cls(status)

    @property
    def lock_stateid(self) -> stateid4:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "lock_stateid")
        arm: stateid4 = self.value
        return arm


class LOOKUP4args(XdrStruct):
    __slots__ = ("objname",)

    def __init__(self, objname: component4) -> None:
        self.objname = objname

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            objname = self.objname
            n = len(objname)
            buf += _I.pack(n)
            buf += objname
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("LOOKUP4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOOKUP4args:
        objname_n = dec.uint32()
        objname = dec.octets(objname_n)
        return cls(objname)


class LOOKUP4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("LOOKUP4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOOKUP4res:
        status = dec.int32()
        return cls(status)


class LOOKUPP4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("LOOKUPP4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LOOKUPP4res:
        status = dec.int32()
        return cls(status)


class NVERIFY4args(XdrStruct):
    __slots__ = ("obj_attributes",)

    def __init__(self, obj_attributes: fattr4) -> None:
        self.obj_attributes = obj_attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.obj_attributes.encode(enc)
        except StructError as error:
            raise unencodable("NVERIFY4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> NVERIFY4args:
        obj_attributes = fattr4.decode(dec)
        return cls(obj_attributes)


class NVERIFY4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("NVERIFY4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> NVERIFY4res:
        status = dec.int32()
        return cls(status)


class creatverfattr(XdrStruct):
    __slots__ = ("cva_verf", "cva_attrs")

    def __init__(self, cva_verf: verifier4, cva_attrs: fattr4) -> None:
        self.cva_verf = cva_verf
        self.cva_attrs = cva_attrs

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.cva_verf) != 8:
                raise wrong_length("creatverfattr.cva_verf", len(self.cva_verf), 8)
            buf += _8s.pack(self.cva_verf)
            self.cva_attrs.encode(enc)
        except StructError as error:
            raise unencodable("creatverfattr", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> creatverfattr:
        (cva_verf,) = dec.unpack(_8s)
        cva_attrs = fattr4.decode(dec)
        return cls(cva_verf, cva_attrs)


class createhow4(XdrUnion):
    __slots__ = ("mode", "value")

    def __init__(self, mode: int, value: fattr4 | verifier4 | creatverfattr | None = None) -> None:
        self.mode = mode
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        mode = self.mode
        try:
            if mode in (UNCHECKED4, GUARDED4):
                buf += _i.pack(mode)
                value.encode(enc)
            elif mode == EXCLUSIVE4:
                if len(value) != 8:
                    raise wrong_length("createhow4.createverf", len(value), 8)
                buf += _i8s.pack(mode, value)
            elif mode == EXCLUSIVE4_1:
                buf += _i.pack(mode)
                value.encode(enc)
            else:
                raise no_arm("createhow4", mode)
        except StructError as error:
            raise unencodable("createhow4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> createhow4:
        mode = dec.int32()
        if mode in (UNCHECKED4, GUARDED4):
            createattrs = fattr4.decode(dec)
            return cls(mode, createattrs)
        if mode == EXCLUSIVE4:
            (createverf,) = dec.unpack(_8s)
            return cls(mode, createverf)
        if mode == EXCLUSIVE4_1:
            ch_createboth = creatverfattr.decode(dec)
            return cls(mode, ch_createboth)
        raise no_arm("createhow4", mode)

    @property
    def createattrs(self) -> fattr4:
        if not (self.mode in (UNCHECKED4, GUARDED4)):
            raise wrong_arm(self, "createattrs")
        arm: fattr4 = self.value
        return arm

    @property
    def createverf(self) -> verifier4:
        if not (self.mode == EXCLUSIVE4):
            raise wrong_arm(self, "createverf")
        arm: verifier4 = self.value
        return arm

    @property
    def ch_createboth(self) -> creatverfattr:
        if not (self.mode == EXCLUSIVE4_1):
            raise wrong_arm(self, "ch_createboth")
        arm: creatverfattr = self.value
        return arm


class openflag4(XdrUnion):
    __slots__ = ("opentype", "value")

    def __init__(self, opentype: int, value: createhow4 | None = None) -> None:
        self.opentype = opentype
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        opentype = self.opentype
        try:
            if opentype == OPEN4_CREATE:
                buf += _i.pack(opentype)
                value.encode(enc)
            else:
                buf += _i.pack(opentype)
        except StructError as error:
            raise unencodable("openflag4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> openflag4:
        opentype = dec.int32()
        if opentype == OPEN4_CREATE:
            how = createhow4.decode(dec)
            return cls(opentype, how)
        return cls(opentype)

    @property
    def how(self) -> createhow4:
        if not (self.opentype == OPEN4_CREATE):
            raise wrong_arm(self, "how")
        arm: createhow4 = self.value
        return arm


class nfs_modified_limit4(XdrStruct):
    __slots__ = ("num_blocks", "bytes_per_block")

    def __init__(self, num_blocks: uint32_t, bytes_per_block: uint32_t) -> None:
        self.num_blocks = num_blocks
        self.bytes_per_block = bytes_per_block

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.num_blocks, self.bytes_per_block)
        except StructError as error:
            raise unencodable("nfs_modified_limit4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfs_modified_limit4:
        num_blocks, bytes_per_block = dec.unpack(_2I)
        return cls(num_blocks, bytes_per_block)


class nfs_space_limit4(XdrUnion):
    __slots__ = ("limitby", "value")

    def __init__(self, limitby: int, value: uint64_t | nfs_modified_limit4 | None = None) -> None:
        self.limitby = limitby
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        limitby = self.limitby
        try:
            if limitby == NFS_LIMIT_SIZE:
                buf += _iQ.pack(limitby, value)
            elif limitby == NFS_LIMIT_BLOCKS:
                buf += _i2I.pack(limitby, value.num_blocks, value.bytes_per_block)
            else:
                raise no_arm("nfs_space_limit4", limitby)
        except StructError as error:
            raise unencodable("nfs_space_limit4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfs_space_limit4:
        limitby = dec.int32()
        if limitby == NFS_LIMIT_SIZE:
            filesize = dec.uint64()
            return cls(limitby, filesize)
        if limitby == NFS_LIMIT_BLOCKS:
            mod_blocks__num_blocks, mod_blocks__bytes_per_block = dec.unpack(_2I)
            return cls(limitby, nfs_modified_limit4(mod_blocks__num_blocks, mod_blocks__bytes_per_block))
        raise no_arm("nfs_space_limit4", limitby)

    @property
    def filesize(self) -> uint64_t:
        if not (self.limitby == NFS_LIMIT_SIZE):
            raise wrong_arm(self, "filesize")
        arm: uint64_t = self.value
        return arm

    @property
    def mod_blocks(self) -> nfs_modified_limit4:
        if not (self.limitby == NFS_LIMIT_BLOCKS):
            raise wrong_arm(self, "mod_blocks")
        arm: nfs_modified_limit4 = self.value
        return arm


class open_claim_delegate_cur4(XdrStruct):
    __slots__ = ("delegate_stateid", "file")

    def __init__(self, delegate_stateid: stateid4, file: component4) -> None:
        self.delegate_stateid = delegate_stateid
        self.file = file

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            delegate_stateid = self.delegate_stateid
            if len(delegate_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(delegate_stateid.other), 12)
            file = self.file
            n = len(file)
            buf += _I12sI.pack(delegate_stateid.seqid, delegate_stateid.other, n)
            buf += file
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("open_claim_delegate_cur4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> open_claim_delegate_cur4:
        delegate_stateid__seqid, delegate_stateid__other, file_n = dec.unpack(_I12sI)
        file = dec.octets(file_n)
        return cls(stateid4(delegate_stateid__seqid, delegate_stateid__other), file)


class open_claim4(XdrUnion):
    __slots__ = ("claim", "value")

    def __init__(
        self,
        claim: int,
        value: component4 | int | open_claim_delegate_cur4 | stateid4 | None = None,
    ) -> None:
        self.claim = claim
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        claim = self.claim
        try:
            if claim == CLAIM_NULL:
                n = len(value)
                buf += _iI.pack(claim, n)
                buf += value
                if n & 3:
                    buf += PAD[n & 3]
            elif claim == CLAIM_PREVIOUS:
                buf += _2i.pack(claim, value)
            elif claim == CLAIM_DELEGATE_CUR:
                buf += _i.pack(claim)
                value.encode(enc)
            elif claim == CLAIM_DELEGATE_PREV:
                n2 = len(value)
                buf += _iI.pack(claim, n2)
                buf += value
                if n2 & 3:
                    buf += PAD[n2 & 3]
            elif claim == CLAIM_FH:
                buf += _i.pack(claim)
            elif claim == CLAIM_DELEG_PREV_FH:
                buf += _i.pack(claim)
            elif claim == CLAIM_DELEG_CUR_FH:
                if len(value.other) != 12:
                    raise wrong_length("stateid4.other", len(value.other), 12)
                buf += _iI12s.pack(claim, value.seqid, value.other)
            else:
                raise no_arm("open_claim4", claim)
        except StructError as error:
            raise unencodable("open_claim4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> open_claim4:
        claim = dec.int32()
        if claim == CLAIM_NULL:
            file_n = dec.uint32()
            file = dec.octets(file_n)
            return cls(claim, file)
        if claim == CLAIM_PREVIOUS:
            delegate_type = dec.int32()
            return cls(claim, delegate_type)
        if claim == CLAIM_DELEGATE_CUR:
            delegate_cur_info = open_claim_delegate_cur4.decode(dec)
            return cls(claim, delegate_cur_info)
        if claim == CLAIM_DELEGATE_PREV:
            file_delegate_prev_n = dec.uint32()
            file_delegate_prev = dec.octets(file_delegate_prev_n)
            return cls(claim, file_delegate_prev)
        if claim == CLAIM_FH:
            return cls(claim)
        if claim == CLAIM_DELEG_PREV_FH:
            return cls(claim)
        if claim == CLAIM_DELEG_CUR_FH:
            oc_delegate_stateid__seqid, oc_delegate_stateid__other = dec.unpack(_I12s)
            return cls(claim, stateid4(oc_delegate_stateid__seqid, oc_delegate_stateid__other))
        raise no_arm("open_claim4", claim)

    @property
    def file(self) -> component4:
        if not (self.claim == CLAIM_NULL):
            raise wrong_arm(self, "file")
        arm: component4 = self.value
        return arm

    @property
    def delegate_type(self) -> int:
        if not (self.claim == CLAIM_PREVIOUS):
            raise wrong_arm(self, "delegate_type")
        arm: int = self.value
        return arm

    @property
    def delegate_cur_info(self) -> open_claim_delegate_cur4:
        if not (self.claim == CLAIM_DELEGATE_CUR):
            raise wrong_arm(self, "delegate_cur_info")
        arm: open_claim_delegate_cur4 = self.value
        return arm

    @property
    def file_delegate_prev(self) -> component4:
        if not (self.claim == CLAIM_DELEGATE_PREV):
            raise wrong_arm(self, "file_delegate_prev")
        arm: component4 = self.value
        return arm

    @property
    def oc_delegate_stateid(self) -> stateid4:
        if not (self.claim == CLAIM_DELEG_CUR_FH):
            raise wrong_arm(self, "oc_delegate_stateid")
        arm: stateid4 = self.value
        return arm


class OPEN4args(XdrStruct):
    __slots__ = ("seqid", "share_access", "share_deny", "owner", "openhow", "claim")

    def __init__(
        self,
        seqid: seqid4,
        share_access: uint32_t,
        share_deny: uint32_t,
        owner: open_owner4,
        openhow: openflag4,
        claim: open_claim4,
    ) -> None:
        self.seqid = seqid
        self.share_access = share_access
        self.share_deny = share_deny
        self.owner = owner
        self.openhow = openhow
        self.claim = claim

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _3I.pack(self.seqid, self.share_access, self.share_deny)
            self.owner.encode(enc)
            self.openhow.encode(enc)
            self.claim.encode(enc)
        except StructError as error:
            raise unencodable("OPEN4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPEN4args:
        seqid, share_access, share_deny = dec.unpack(_3I)
        owner = state_owner4.decode(dec)
        openhow = openflag4.decode(dec)
        claim = open_claim4.decode(dec)
        return cls(seqid, share_access, share_deny, owner, openhow, claim)


class open_read_delegation4(XdrStruct):
    __slots__ = ("stateid", "recall", "permissions")

    def __init__(self, stateid: stateid4, recall: bool, permissions: nfsace4) -> None:
        self.stateid = stateid
        self.recall = recall
        self.permissions = permissions

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            stateid = self.stateid
            if len(stateid.other) != 12:
                raise wrong_length("stateid4.other", len(stateid.other), 12)
            buf += _I12sI.pack(stateid.seqid, stateid.other, 1 if self.recall else 0)
            self.permissions.encode(enc)
        except StructError as error:
            raise unencodable("open_read_delegation4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> open_read_delegation4:
        stateid__seqid, stateid__other, recall = dec.unpack(_I12sI)
        if recall > 1:
            raise not_boolean("open_read_delegation4.recall", recall)
        permissions = nfsace4.decode(dec)
        return cls(stateid4(stateid__seqid, stateid__other), recall == 1, permissions)


class open_write_delegation4(XdrStruct):
    __slots__ = ("stateid", "recall", "space_limit", "permissions")

    def __init__(
        self,
        stateid: stateid4,
        recall: bool,
        space_limit: nfs_space_limit4,
        permissions: nfsace4,
    ) -> None:
        self.stateid = stateid
        self.recall = recall
        self.space_limit = space_limit
        self.permissions = permissions

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            stateid = self.stateid
            if len(stateid.other) != 12:
                raise wrong_length("stateid4.other", len(stateid.other), 12)
            buf += _I12sI.pack(stateid.seqid, stateid.other, 1 if self.recall else 0)
            self.space_limit.encode(enc)
            self.permissions.encode(enc)
        except StructError as error:
            raise unencodable("open_write_delegation4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> open_write_delegation4:
        stateid__seqid, stateid__other, recall = dec.unpack(_I12sI)
        if recall > 1:
            raise not_boolean("open_write_delegation4.recall", recall)
        space_limit = nfs_space_limit4.decode(dec)
        permissions = nfsace4.decode(dec)
        return cls(stateid4(stateid__seqid, stateid__other), recall == 1, space_limit, permissions)


class open_none_delegation4(XdrUnion):
    __slots__ = ("ond_why", "value")

    def __init__(self, ond_why: int, value: bool | None = None) -> None:
        self.ond_why = ond_why
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        ond_why = self.ond_why
        try:
            if ond_why == WND4_CONTENTION:
                buf += _iI.pack(ond_why, 1 if value else 0)
            elif ond_why == WND4_RESOURCE:
                buf += _iI.pack(ond_why, 1 if value else 0)
            else:
                buf += _i.pack(ond_why)
        except StructError as error:
            raise unencodable("open_none_delegation4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> open_none_delegation4:
        ond_why = dec.int32()
        if ond_why == WND4_CONTENTION:
            ond_server_will_push_deleg = dec.uint32()
            if ond_server_will_push_deleg > 1:
                raise not_boolean("open_none_delegation4.ond_server_will_push_deleg", ond_server_will_push_deleg)
            return cls(ond_why, ond_server_will_push_deleg == 1)
        if ond_why == WND4_RESOURCE:
            ond_server_will_signal_avail = dec.uint32()
            if ond_server_will_signal_avail > 1:
                raise not_boolean("open_none_delegation4.ond_server_will_signal_avail", ond_server_will_signal_avail)
            return cls(ond_why, ond_server_will_signal_avail == 1)
        return cls(ond_why)

    @property
    def ond_server_will_push_deleg(self) -> bool:
        if not (self.ond_why == WND4_CONTENTION):
            raise wrong_arm(self, "ond_server_will_push_deleg")
        arm: bool = self.value
        return arm

    @property
    def ond_server_will_signal_avail(self) -> bool:
        if not (self.ond_why == WND4_RESOURCE):
            raise wrong_arm(self, "ond_server_will_signal_avail")
        arm: bool = self.value
        return arm


class open_delegation4(XdrUnion):
    __slots__ = ("delegation_type", "value")

    def __init__(
        self,
        delegation_type: int,
        value: open_read_delegation4 | open_write_delegation4 | open_none_delegation4 | None = None,
    ) -> None:
        self.delegation_type = delegation_type
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        delegation_type = self.delegation_type
        try:
            if delegation_type == OPEN_DELEGATE_NONE:
                buf += _i.pack(delegation_type)
            elif delegation_type in (OPEN_DELEGATE_READ, OPEN_DELEGATE_READ_ATTRS_DELEG):
                buf += _i.pack(delegation_type)
                value.encode(enc)
            elif delegation_type in (OPEN_DELEGATE_WRITE, OPEN_DELEGATE_WRITE_ATTRS_DELEG):
                buf += _i.pack(delegation_type)
                value.encode(enc)
            elif delegation_type == OPEN_DELEGATE_NONE_EXT:
                buf += _i.pack(delegation_type)
                value.encode(enc)
            else:
                raise no_arm("open_delegation4", delegation_type)
        except StructError as error:
            raise unencodable("open_delegation4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> open_delegation4:
        delegation_type = dec.int32()
        if delegation_type == OPEN_DELEGATE_NONE:
            return cls(delegation_type)
        if delegation_type in (OPEN_DELEGATE_READ, OPEN_DELEGATE_READ_ATTRS_DELEG):
            read = open_read_delegation4.decode(dec)
            return cls(delegation_type, read)
        if delegation_type in (OPEN_DELEGATE_WRITE, OPEN_DELEGATE_WRITE_ATTRS_DELEG):
            write = open_write_delegation4.decode(dec)
            return cls(delegation_type, write)
        if delegation_type == OPEN_DELEGATE_NONE_EXT:
            od_whynone = open_none_delegation4.decode(dec)
            return cls(delegation_type, od_whynone)
        raise no_arm("open_delegation4", delegation_type)

    @property
    def read(self) -> open_read_delegation4:
        if not (self.delegation_type in (OPEN_DELEGATE_READ, OPEN_DELEGATE_READ_ATTRS_DELEG)):
            raise wrong_arm(self, "read")
        arm: open_read_delegation4 = self.value
        return arm

    @property
    def write(self) -> open_write_delegation4:
        if not (self.delegation_type in (OPEN_DELEGATE_WRITE, OPEN_DELEGATE_WRITE_ATTRS_DELEG)):
            raise wrong_arm(self, "write")
        arm: open_write_delegation4 = self.value
        return arm

    @property
    def od_whynone(self) -> open_none_delegation4:
        if not (self.delegation_type == OPEN_DELEGATE_NONE_EXT):
            raise wrong_arm(self, "od_whynone")
        arm: open_none_delegation4 = self.value
        return arm


class OPEN4resok(XdrStruct):
    __slots__ = ("stateid", "cinfo", "rflags", "attrset", "delegation")

    def __init__(
        self,
        stateid: stateid4,
        cinfo: change_info4,
        rflags: uint32_t,
        attrset: bitmap4,
        delegation: open_delegation4,
    ) -> None:
        self.stateid = stateid
        self.cinfo = cinfo
        self.rflags = rflags
        self.attrset = attrset
        self.delegation = delegation

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            stateid = self.stateid
            if len(stateid.other) != 12:
                raise wrong_length("stateid4.other", len(stateid.other), 12)
            cinfo = self.cinfo
            attrset = self.attrset
            n = len(attrset)
            buf += _I12sI2Q2I.pack(stateid.seqid, stateid.other, 1 if cinfo.atomic else 0, cinfo.before, cinfo.after, self.rflags, n)
            buf += pack(f">{n}I", *attrset)
            self.delegation.encode(enc)
        except StructError as error:
            raise unencodable("OPEN4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPEN4resok:
        stateid__seqid, stateid__other, cinfo__atomic, cinfo__before, cinfo__after, rflags, attrset_n = dec.unpack(_I12sI2Q2I)
        if cinfo__atomic > 1:
            raise not_boolean("change_info4.atomic", cinfo__atomic)
        attrset = dec.numbers("I", attrset_n)
        delegation = open_delegation4.decode(dec)
        return cls(stateid4(stateid__seqid, stateid__other), change_info4(cinfo__atomic == 1, cinfo__before, cinfo__after), rflags, attrset, delegation)


class OPEN4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: OPEN4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("OPEN4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPEN4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4 = OPEN4resok.decode(dec)
            return cls(status, resok4)
        return cls(status)

    @property
    def resok4(self) -> OPEN4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: OPEN4resok = self.value
        return arm


class OPENATTR4args(XdrStruct):
    __slots__ = ("createdir",)

    def __init__(self, createdir: bool) -> None:
        self.createdir = createdir

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(1 if self.createdir else 0)
        except StructError as error:
            raise unencodable("OPENATTR4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPENATTR4args:
        createdir = dec.uint32()
        if createdir > 1:
            raise not_boolean("OPENATTR4args.createdir", createdir)
        return cls(createdir == 1)


class OPENATTR4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("OPENATTR4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPENATTR4res:
        status = dec.int32()
        return cls(status)


class OPEN_CONFIRM4args(XdrStruct):
    __slots__ = ("open_stateid", "seqid")

    def __init__(self, open_stateid: stateid4, seqid: seqid4) -> None:
        self.open_stateid = open_stateid
        self.seqid = seqid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            open_stateid = self.open_stateid
            if len(open_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(open_stateid.other), 12)
            buf += _I12sI.pack(open_stateid.seqid, open_stateid.other, self.seqid)
        except StructError as error:
            raise unencodable("OPEN_CONFIRM4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPEN_CONFIRM4args:
        open_stateid__seqid, open_stateid__other, seqid = dec.unpack(_I12sI)
        return cls(stateid4(open_stateid__seqid, open_stateid__other), seqid)


class OPEN_CONFIRM4resok(XdrStruct):
    __slots__ = ("open_stateid",)

    def __init__(self, open_stateid: stateid4) -> None:
        self.open_stateid = open_stateid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            open_stateid = self.open_stateid
            if len(open_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(open_stateid.other), 12)
            buf += _I12s.pack(open_stateid.seqid, open_stateid.other)
        except StructError as error:
            raise unencodable("OPEN_CONFIRM4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPEN_CONFIRM4resok:
        open_stateid__seqid, open_stateid__other = dec.unpack(_I12s)
        return cls(stateid4(open_stateid__seqid, open_stateid__other))


class OPEN_CONFIRM4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: OPEN_CONFIRM4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                open_stateid = value.open_stateid
                if len(open_stateid.other) != 12:
                    raise wrong_length("stateid4.other", len(open_stateid.other), 12)
                buf += _iI12s.pack(status, open_stateid.seqid, open_stateid.other)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("OPEN_CONFIRM4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPEN_CONFIRM4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4__open_stateid__seqid, resok4__open_stateid__other = dec.unpack(_I12s)
            return cls(status, OPEN_CONFIRM4resok(stateid4(resok4__open_stateid__seqid, resok4__open_stateid__other)))
        return cls(status)

    @property
    def resok4(self) -> OPEN_CONFIRM4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: OPEN_CONFIRM4resok = self.value
        return arm


class OPEN_DOWNGRADE4args(XdrStruct):
    __slots__ = ("open_stateid", "seqid", "share_access", "share_deny")

    def __init__(
        self,
        open_stateid: stateid4,
        seqid: seqid4,
        share_access: uint32_t,
        share_deny: uint32_t,
    ) -> None:
        self.open_stateid = open_stateid
        self.seqid = seqid
        self.share_access = share_access
        self.share_deny = share_deny

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            open_stateid = self.open_stateid
            if len(open_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(open_stateid.other), 12)
            buf += _I12s3I.pack(open_stateid.seqid, open_stateid.other, self.seqid, self.share_access, self.share_deny)
        except StructError as error:
            raise unencodable("OPEN_DOWNGRADE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPEN_DOWNGRADE4args:
        open_stateid__seqid, open_stateid__other, seqid, share_access, share_deny = dec.unpack(_I12s3I)
        return cls(stateid4(open_stateid__seqid, open_stateid__other), seqid, share_access, share_deny)


class OPEN_DOWNGRADE4resok(XdrStruct):
    __slots__ = ("open_stateid",)

    def __init__(self, open_stateid: stateid4) -> None:
        self.open_stateid = open_stateid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            open_stateid = self.open_stateid
            if len(open_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(open_stateid.other), 12)
            buf += _I12s.pack(open_stateid.seqid, open_stateid.other)
        except StructError as error:
            raise unencodable("OPEN_DOWNGRADE4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPEN_DOWNGRADE4resok:
        open_stateid__seqid, open_stateid__other = dec.unpack(_I12s)
        return cls(stateid4(open_stateid__seqid, open_stateid__other))


class OPEN_DOWNGRADE4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: OPEN_DOWNGRADE4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                open_stateid = value.open_stateid
                if len(open_stateid.other) != 12:
                    raise wrong_length("stateid4.other", len(open_stateid.other), 12)
                buf += _iI12s.pack(status, open_stateid.seqid, open_stateid.other)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("OPEN_DOWNGRADE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OPEN_DOWNGRADE4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4__open_stateid__seqid, resok4__open_stateid__other = dec.unpack(_I12s)
            return cls(status, OPEN_DOWNGRADE4resok(stateid4(resok4__open_stateid__seqid, resok4__open_stateid__other)))
        return cls(status)

    @property
    def resok4(self) -> OPEN_DOWNGRADE4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: OPEN_DOWNGRADE4resok = self.value
        return arm


class PUTFH4args(XdrStruct):
    __slots__ = ("object",)

    def __init__(self, object: nfs_fh4) -> None:
        self.object = object

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            object = self.object
            n = len(object)
            if n > 128:
                raise too_long("PUTFH4args.object", n, 128)
            buf += _I.pack(n)
            buf += object
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("PUTFH4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> PUTFH4args:
        object_n = dec.uint32()
        if object_n > 128:
            raise too_long("PUTFH4args.object", object_n, 128)
        object = dec.octets(object_n)
        return cls(object)


class PUTFH4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("PUTFH4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> PUTFH4res:
        status = dec.int32()
        return cls(status)


class PUTPUBFH4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("PUTPUBFH4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> PUTPUBFH4res:
        status = dec.int32()
        return cls(status)


class PUTROOTFH4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("PUTROOTFH4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> PUTROOTFH4res:
        status = dec.int32()
        return cls(status)


class READ4args(XdrStruct):
    __slots__ = ("stateid", "offset", "count")

    def __init__(self, stateid: stateid4, offset: offset4, count: count4) -> None:
        self.stateid = stateid
        self.offset = offset
        self.count = count

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            stateid = self.stateid
            if len(stateid.other) != 12:
                raise wrong_length("stateid4.other", len(stateid.other), 12)
            buf += _I12sQI.pack(stateid.seqid, stateid.other, self.offset, self.count)
        except StructError as error:
            raise unencodable("READ4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READ4args:
        stateid__seqid, stateid__other, offset, count = dec.unpack(_I12sQI)
        return cls(stateid4(stateid__seqid, stateid__other), offset, count)


class READ4resok(XdrStruct):
    __slots__ = ("eof", "data")

    def __init__(self, eof: bool, data: bytes | bytearray | memoryview) -> None:
        self.eof = eof
        self.data = data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(1 if self.eof else 0)
            enc.payload(self.data)
        except StructError as error:
            raise unencodable("READ4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READ4resok:
        eof = dec.uint32()
        if eof > 1:
            raise not_boolean("READ4resok.eof", eof)
        data = dec.payload()
        return cls(eof == 1, data)


class READ4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: READ4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("READ4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READ4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4 = READ4resok.decode(dec)
            return cls(status, resok4)
        return cls(status)

    @property
    def resok4(self) -> READ4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: READ4resok = self.value
        return arm


class READDIR4args(XdrStruct):
    __slots__ = ("cookie", "cookieverf", "dircount", "maxcount", "attr_request")

    def __init__(
        self,
        cookie: nfs_cookie4,
        cookieverf: verifier4,
        dircount: count4,
        maxcount: count4,
        attr_request: bitmap4,
    ) -> None:
        self.cookie = cookie
        self.cookieverf = cookieverf
        self.dircount = dircount
        self.maxcount = maxcount
        self.attr_request = attr_request

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.cookieverf) != 8:
                raise wrong_length("READDIR4args.cookieverf", len(self.cookieverf), 8)
            attr_request = self.attr_request
            n = len(attr_request)
            buf += _Q8s3I.pack(self.cookie, self.cookieverf, self.dircount, self.maxcount, n)
            buf += pack(f">{n}I", *attr_request)
        except StructError as error:
            raise unencodable("READDIR4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIR4args:
        cookie, cookieverf, dircount, maxcount, attr_request_n = dec.unpack(_Q8s3I)
        attr_request = dec.numbers("I", attr_request_n)
        return cls(cookie, cookieverf, dircount, maxcount, attr_request)


class entry4(LinkedStruct):
    __slots__ = ("cookie", "name", "attrs", "nextentry")

    def __init__(
        self,
        cookie: nfs_cookie4,
        name: component4,
        attrs: fattr4,
        nextentry: entry4 | None = None,
    ) -> None:
        self.cookie = cookie
        self.name = name
        self.attrs = attrs
        self.nextentry = nextentry

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            node: entry4 | None = self
            while node is not None:
                name = node.name
                n = len(name)
                buf += _QI.pack(node.cookie, n)
                buf += name
                if n & 3:
                    buf += PAD[n & 3]
                node.attrs.encode(enc)
                node = node.nextentry
                buf += _I.pack(0 if node is None else 1)
        except StructError as error:
            raise unencodable("entry4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> entry4:
        head_: entry4 | None = None
        tail_: entry4 | None = None
        while True:
            cookie, name_n = dec.unpack(_QI)
            name = dec.octets(name_n)
            attrs = fattr4.decode(dec)
            more_ = dec.uint32()
            if more_ > 1:
                raise not_boolean("entry4.nextentry", more_)
            node_ = cls(cookie, name, attrs)
            if tail_ is None:
                head_ = node_
            else:
                tail_.nextentry = node_
            tail_ = node_
            if not (more_ == 1):
                return head_ or node_


class dirlist4(XdrStruct):
    __slots__ = ("entries", "eof")

    def __init__(self, entries: entry4 | None, eof: bool) -> None:
        self.entries = entries
        self.eof = eof

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            entries = self.entries
            if entries is None:
                buf += _I.pack(0)
            else:
                buf += _I.pack(1)
                entries.encode(enc)
            buf += _I.pack(1 if self.eof else 0)
        except StructError as error:
            raise unencodable("dirlist4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> dirlist4:
        entries_set = dec.uint32()
        if entries_set > 1:
            raise not_boolean("dirlist4.entries", entries_set)
        entries = entry4.decode(dec) if entries_set else None
        eof = dec.uint32()
        if eof > 1:
            raise not_boolean("dirlist4.eof", eof)
        return cls(entries, eof == 1)


class READDIR4resok(XdrStruct):
    __slots__ = ("cookieverf", "reply")

    def __init__(self, cookieverf: verifier4, reply: dirlist4) -> None:
        self.cookieverf = cookieverf
        self.reply = reply

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.cookieverf) != 8:
                raise wrong_length("READDIR4resok.cookieverf", len(self.cookieverf), 8)
            buf += _8s.pack(self.cookieverf)
            self.reply.encode(enc)
        except StructError as error:
            raise unencodable("READDIR4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIR4resok:
        (cookieverf,) = dec.unpack(_8s)
        reply = dirlist4.decode(dec)
        return cls(cookieverf, reply)


class READDIR4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: READDIR4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("READDIR4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READDIR4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4 = READDIR4resok.decode(dec)
            return cls(status, resok4)
        return cls(status)

    @property
    def resok4(self) -> READDIR4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: READDIR4resok = self.value
        return arm


class READLINK4resok(XdrStruct):
    __slots__ = ("link",)

    def __init__(self, link: bytes | bytearray | memoryview) -> None:
        self.link = link

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            enc.payload(self.link)
        except StructError as error:
            raise unencodable("READLINK4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READLINK4resok:
        link = dec.payload()
        return cls(link)


class READLINK4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: READLINK4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("READLINK4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READLINK4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4 = READLINK4resok.decode(dec)
            return cls(status, resok4)
        return cls(status)

    @property
    def resok4(self) -> READLINK4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: READLINK4resok = self.value
        return arm


class REMOVE4args(XdrStruct):
    __slots__ = ("target",)

    def __init__(self, target: component4) -> None:
        self.target = target

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            target = self.target
            n = len(target)
            buf += _I.pack(n)
            buf += target
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("REMOVE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> REMOVE4args:
        target_n = dec.uint32()
        target = dec.octets(target_n)
        return cls(target)


class REMOVE4resok(XdrStruct):
    __slots__ = ("cinfo",)

    def __init__(self, cinfo: change_info4) -> None:
        self.cinfo = cinfo

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cinfo = self.cinfo
            buf += _I2Q.pack(1 if cinfo.atomic else 0, cinfo.before, cinfo.after)
        except StructError as error:
            raise unencodable("REMOVE4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> REMOVE4resok:
        cinfo__atomic, cinfo__before, cinfo__after = dec.unpack(_I2Q)
        if cinfo__atomic > 1:
            raise not_boolean("change_info4.atomic", cinfo__atomic)
        return cls(change_info4(cinfo__atomic == 1, cinfo__before, cinfo__after))


class REMOVE4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: REMOVE4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                cinfo = value.cinfo
                buf += _iI2Q.pack(status, 1 if cinfo.atomic else 0, cinfo.before, cinfo.after)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("REMOVE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> REMOVE4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4__cinfo__atomic, resok4__cinfo__before, resok4__cinfo__after = dec.unpack(_I2Q)
            if resok4__cinfo__atomic > 1:
                raise not_boolean("change_info4.atomic", resok4__cinfo__atomic)
            return cls(status, REMOVE4resok(change_info4(resok4__cinfo__atomic == 1, resok4__cinfo__before, resok4__cinfo__after)))
        return cls(status)

    @property
    def resok4(self) -> REMOVE4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: REMOVE4resok = self.value
        return arm


class RENAME4args(XdrStruct):
    __slots__ = ("oldname", "newname")

    def __init__(self, oldname: component4, newname: component4) -> None:
        self.oldname = oldname
        self.newname = newname

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            oldname = self.oldname
            n = len(oldname)
            buf += _I.pack(n)
            buf += oldname
            if n & 3:
                buf += PAD[n & 3]
            newname = self.newname
            n2 = len(newname)
            buf += _I.pack(n2)
            buf += newname
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("RENAME4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RENAME4args:
        oldname_n = dec.uint32()
        oldname = dec.octets(oldname_n)
        newname_n = dec.uint32()
        newname = dec.octets(newname_n)
        return cls(oldname, newname)


class RENAME4resok(XdrStruct):
    __slots__ = ("source_cinfo", "target_cinfo")

    def __init__(self, source_cinfo: change_info4, target_cinfo: change_info4) -> None:
        self.source_cinfo = source_cinfo
        self.target_cinfo = target_cinfo

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            source_cinfo = self.source_cinfo
            target_cinfo = self.target_cinfo
            buf += _I2QI2Q.pack(1 if source_cinfo.atomic else 0, source_cinfo.before, source_cinfo.after, 1 if target_cinfo.atomic else 0, target_cinfo.before, target_cinfo.after)
        except StructError as error:
            raise unencodable("RENAME4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RENAME4resok:
        source_cinfo__atomic, source_cinfo__before, source_cinfo__after, target_cinfo__atomic, target_cinfo__before, target_cinfo__after = dec.unpack(_I2QI2Q)
        if source_cinfo__atomic > 1:
            raise not_boolean("change_info4.atomic", source_cinfo__atomic)
        if target_cinfo__atomic > 1:
            raise not_boolean("change_info4.atomic", target_cinfo__atomic)
        return cls(change_info4(source_cinfo__atomic == 1, source_cinfo__before, source_cinfo__after), change_info4(target_cinfo__atomic == 1, target_cinfo__before, target_cinfo__after))


class RENAME4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: RENAME4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                source_cinfo = value.source_cinfo
                target_cinfo = value.target_cinfo
                buf += _iI2QI2Q.pack(status, 1 if source_cinfo.atomic else 0, source_cinfo.before, source_cinfo.after, 1 if target_cinfo.atomic else 0, target_cinfo.before, target_cinfo.after)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("RENAME4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RENAME4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4__source_cinfo__atomic, resok4__source_cinfo__before, resok4__source_cinfo__after, resok4__target_cinfo__atomic, resok4__target_cinfo__before, resok4__target_cinfo__after = dec.unpack(_I2QI2Q)
            if resok4__source_cinfo__atomic > 1:
                raise not_boolean("change_info4.atomic", resok4__source_cinfo__atomic)
            if resok4__target_cinfo__atomic > 1:
                raise not_boolean("change_info4.atomic", resok4__target_cinfo__atomic)
            return cls(status, RENAME4resok(change_info4(resok4__source_cinfo__atomic == 1, resok4__source_cinfo__before, resok4__source_cinfo__after), change_info4(resok4__target_cinfo__atomic == 1, resok4__target_cinfo__before, resok4__target_cinfo__after)))
        return cls(status)

    @property
    def resok4(self) -> RENAME4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: RENAME4resok = self.value
        return arm


class RENEW4args(XdrStruct):
    __slots__ = ("clientid",)

    def __init__(self, clientid: clientid4) -> None:
        self.clientid = clientid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _Q.pack(self.clientid)
        except StructError as error:
            raise unencodable("RENEW4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RENEW4args:
        clientid = dec.uint64()
        return cls(clientid)


class RENEW4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("RENEW4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RENEW4res:
        status = dec.int32()
        return cls(status)


class RESTOREFH4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("RESTOREFH4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RESTOREFH4res:
        status = dec.int32()
        return cls(status)


class SAVEFH4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("SAVEFH4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SAVEFH4res:
        status = dec.int32()
        return cls(status)


class SECINFO4args(XdrStruct):
    __slots__ = ("name",)

    def __init__(self, name: component4) -> None:
        self.name = name

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            name = self.name
            n = len(name)
            buf += _I.pack(n)
            buf += name
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("SECINFO4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SECINFO4args:
        name_n = dec.uint32()
        name = dec.octets(name_n)
        return cls(name)


class rpcsec_gss_info(XdrStruct):
    __slots__ = ("oid", "qop", "service")

    def __init__(self, oid: sec_oid4, qop: qop4, service: int) -> None:
        self.oid = oid
        self.qop = qop
        self.service = service

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            oid = self.oid
            n = len(oid)
            buf += _I.pack(n)
            buf += oid
            if n & 3:
                buf += PAD[n & 3]
            buf += _Ii.pack(self.qop, self.service)
        except StructError as error:
            raise unencodable("rpcsec_gss_info", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> rpcsec_gss_info:
        oid_n = dec.uint32()
        oid = dec.octets(oid_n)
        qop, service = dec.unpack(_Ii)
        return cls(oid, qop, service)


class secinfo4(XdrUnion):
    __slots__ = ("flavor", "value")

    def __init__(self, flavor: uint32_t, value: rpcsec_gss_info | None = None) -> None:
        self.flavor = flavor
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        flavor = self.flavor
        try:
            if flavor == RPCSEC_GSS:
                buf += _I.pack(flavor)
                value.encode(enc)
            else:
                buf += _I.pack(flavor)
        except StructError as error:
            raise unencodable("secinfo4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> secinfo4:
        flavor = dec.uint32()
        if flavor == RPCSEC_GSS:
            flavor_info = rpcsec_gss_info.decode(dec)
            return cls(flavor, flavor_info)
        return cls(flavor)

    @property
    def flavor_info(self) -> rpcsec_gss_info:
        if not (self.flavor == RPCSEC_GSS):
            raise wrong_arm(self, "flavor_info")
        arm: rpcsec_gss_info = self.value
        return arm


SECINFO4resok: TypeAlias = "list[secinfo4]"


def encode_SECINFO4resok(enc: Encoder, value: SECINFO4resok) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        for item in value:
            item.encode(enc)
    except StructError as error:
        raise unencodable("SECINFO4resok", error) from None


def decode_SECINFO4resok(dec: Decoder) -> SECINFO4resok:
    result_n = dec.uint32()
    dec.check_count(result_n, 4)
    result = [secinfo4.decode(dec) for _ in range(result_n)]
    return result


class SECINFO4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: SECINFO4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                n = len(value)
                buf += _iI.pack(status, n)
                for item in value:
                    item.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("SECINFO4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SECINFO4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4_n = dec.uint32()
            dec.check_count(resok4_n, 4)
            resok4 = [secinfo4.decode(dec) for _ in range(resok4_n)]
            return cls(status, resok4)
        return cls(status)

    @property
    def resok4(self) -> SECINFO4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: SECINFO4resok = self.value
        return arm


class SETATTR4args(XdrStruct):
    __slots__ = ("stateid", "obj_attributes")

    def __init__(self, stateid: stateid4, obj_attributes: fattr4) -> None:
        self.stateid = stateid
        self.obj_attributes = obj_attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            stateid = self.stateid
            if len(stateid.other) != 12:
                raise wrong_length("stateid4.other", len(stateid.other), 12)
            buf += _I12s.pack(stateid.seqid, stateid.other)
            self.obj_attributes.encode(enc)
        except StructError as error:
            raise unencodable("SETATTR4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETATTR4args:
        stateid__seqid, stateid__other = dec.unpack(_I12s)
        obj_attributes = fattr4.decode(dec)
        return cls(stateid4(stateid__seqid, stateid__other), obj_attributes)


class SETATTR4res(XdrStruct):
    __slots__ = ("status", "attrsset")

    def __init__(self, status: int, attrsset: bitmap4) -> None:
        self.status = status
        self.attrsset = attrsset

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            attrsset = self.attrsset
            n = len(attrsset)
            buf += _iI.pack(self.status, n)
            buf += pack(f">{n}I", *attrsset)
        except StructError as error:
            raise unencodable("SETATTR4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETATTR4res:
        status, attrsset_n = dec.unpack(_iI)
        attrsset = dec.numbers("I", attrsset_n)
        return cls(status, attrsset)


class SETCLIENTID4args(XdrStruct):
    __slots__ = ("client", "callback", "callback_ident")

    def __init__(
        self,
        client: nfs_client_id4,
        callback: cb_client4,
        callback_ident: uint32_t,
    ) -> None:
        self.client = client
        self.callback = callback
        self.callback_ident = callback_ident

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.client.encode(enc)
            self.callback.encode(enc)
            buf += _I.pack(self.callback_ident)
        except StructError as error:
            raise unencodable("SETCLIENTID4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETCLIENTID4args:
        client = nfs_client_id4.decode(dec)
        callback = cb_client4.decode(dec)
        callback_ident = dec.uint32()
        return cls(client, callback, callback_ident)


class SETCLIENTID4resok(XdrStruct):
    __slots__ = ("clientid", "setclientid_confirm")

    def __init__(self, clientid: clientid4, setclientid_confirm: verifier4) -> None:
        self.clientid = clientid
        self.setclientid_confirm = setclientid_confirm

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.setclientid_confirm) != 8:
                raise wrong_length("SETCLIENTID4resok.setclientid_confirm", len(self.setclientid_confirm), 8)
            buf += _Q8s.pack(self.clientid, self.setclientid_confirm)
        except StructError as error:
            raise unencodable("SETCLIENTID4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETCLIENTID4resok:
        clientid, setclientid_confirm = dec.unpack(_Q8s)
        return cls(clientid, setclientid_confirm)


class SETCLIENTID4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: SETCLIENTID4resok | clientaddr4 | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                if len(value.setclientid_confirm) != 8:
                    raise wrong_length("SETCLIENTID4resok.setclientid_confirm", len(value.setclientid_confirm), 8)
                buf += _iQ8s.pack(status, value.clientid, value.setclientid_confirm)
            elif status == NFS4ERR_CLID_INUSE:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("SETCLIENTID4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETCLIENTID4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4__clientid, resok4__setclientid_confirm = dec.unpack(_Q8s)
            return cls(status, SETCLIENTID4resok(resok4__clientid, resok4__setclientid_confirm))
        if status == NFS4ERR_CLID_INUSE:
            client_using = netaddr4.decode(dec)
            return cls(status, client_using)
        return cls(status)

    @property
    def resok4(self) -> SETCLIENTID4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: SETCLIENTID4resok = self.value
        return arm

    @property
    def client_using(self) -> clientaddr4:
        if not (self.status == NFS4ERR_CLID_INUSE):
            raise wrong_arm(self, "client_using")
        arm: clientaddr4 = self.value
        return arm


class SETCLIENTID_CONFIRM4args(XdrStruct):
    __slots__ = ("clientid", "setclientid_confirm")

    def __init__(self, clientid: clientid4, setclientid_confirm: verifier4) -> None:
        self.clientid = clientid
        self.setclientid_confirm = setclientid_confirm

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.setclientid_confirm) != 8:
                raise wrong_length("SETCLIENTID_CONFIRM4args.setclientid_confirm", len(self.setclientid_confirm), 8)
            buf += _Q8s.pack(self.clientid, self.setclientid_confirm)
        except StructError as error:
            raise unencodable("SETCLIENTID_CONFIRM4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETCLIENTID_CONFIRM4args:
        clientid, setclientid_confirm = dec.unpack(_Q8s)
        return cls(clientid, setclientid_confirm)


class SETCLIENTID_CONFIRM4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("SETCLIENTID_CONFIRM4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETCLIENTID_CONFIRM4res:
        status = dec.int32()
        return cls(status)


class VERIFY4args(XdrStruct):
    __slots__ = ("obj_attributes",)

    def __init__(self, obj_attributes: fattr4) -> None:
        self.obj_attributes = obj_attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.obj_attributes.encode(enc)
        except StructError as error:
            raise unencodable("VERIFY4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> VERIFY4args:
        obj_attributes = fattr4.decode(dec)
        return cls(obj_attributes)


class VERIFY4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("VERIFY4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> VERIFY4res:
        status = dec.int32()
        return cls(status)


class WRITE4args(XdrStruct):
    __slots__ = ("stateid", "offset", "stable", "data")

    def __init__(
        self,
        stateid: stateid4,
        offset: offset4,
        stable: int,
        data: bytes | bytearray | memoryview,
    ) -> None:
        self.stateid = stateid
        self.offset = offset
        self.stable = stable
        self.data = data

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            stateid = self.stateid
            if len(stateid.other) != 12:
                raise wrong_length("stateid4.other", len(stateid.other), 12)
            buf += _I12sQi.pack(stateid.seqid, stateid.other, self.offset, self.stable)
            enc.payload(self.data)
        except StructError as error:
            raise unencodable("WRITE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WRITE4args:
        stateid__seqid, stateid__other, offset, stable = dec.unpack(_I12sQi)
        data = dec.payload()
        return cls(stateid4(stateid__seqid, stateid__other), offset, stable, data)


class WRITE4resok(XdrStruct):
    __slots__ = ("count", "committed", "writeverf")

    def __init__(self, count: count4, committed: int, writeverf: verifier4) -> None:
        self.count = count
        self.committed = committed
        self.writeverf = writeverf

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.writeverf) != 8:
                raise wrong_length("WRITE4resok.writeverf", len(self.writeverf), 8)
            buf += _Ii8s.pack(self.count, self.committed, self.writeverf)
        except StructError as error:
            raise unencodable("WRITE4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WRITE4resok:
        count, committed, writeverf = dec.unpack(_Ii8s)
        return cls(count, committed, writeverf)


class WRITE4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: WRITE4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                if len(value.writeverf) != 8:
                    raise wrong_length("WRITE4resok.writeverf", len(value.writeverf), 8)
                buf += _iIi8s.pack(status, value.count, value.committed, value.writeverf)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("WRITE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WRITE4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4__count, resok4__committed, resok4__writeverf = dec.unpack(_Ii8s)
            return cls(status, WRITE4resok(resok4__count, resok4__committed, resok4__writeverf))
        return cls(status)

    @property
    def resok4(self) -> WRITE4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: WRITE4resok = self.value
        return arm


class RELEASE_LOCKOWNER4args(XdrStruct):
    __slots__ = ("lock_owner",)

    def __init__(self, lock_owner: lock_owner4) -> None:
        self.lock_owner = lock_owner

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.lock_owner.encode(enc)
        except StructError as error:
            raise unencodable("RELEASE_LOCKOWNER4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RELEASE_LOCKOWNER4args:
        lock_owner = state_owner4.decode(dec)
        return cls(lock_owner)


class RELEASE_LOCKOWNER4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("RELEASE_LOCKOWNER4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RELEASE_LOCKOWNER4res:
        status = dec.int32()
        return cls(status)


class ILLEGAL4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("ILLEGAL4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ILLEGAL4res:
        status = dec.int32()
        return cls(status)


gsshandle4_t: TypeAlias = "bytes"


def encode_gsshandle4_t(enc: Encoder, value: gsshandle4_t) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("gsshandle4_t", error) from None


def decode_gsshandle4_t(dec: Decoder) -> gsshandle4_t:
    return dec.opaque()


class gss_cb_handles4(XdrStruct):
    __slots__ = ("gcbp_service", "gcbp_handle_from_server", "gcbp_handle_from_client")

    def __init__(
        self,
        gcbp_service: int,
        gcbp_handle_from_server: gsshandle4_t,
        gcbp_handle_from_client: gsshandle4_t,
    ) -> None:
        self.gcbp_service = gcbp_service
        self.gcbp_handle_from_server = gcbp_handle_from_server
        self.gcbp_handle_from_client = gcbp_handle_from_client

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            gcbp_handle_from_server = self.gcbp_handle_from_server
            n = len(gcbp_handle_from_server)
            buf += _iI.pack(self.gcbp_service, n)
            buf += gcbp_handle_from_server
            if n & 3:
                buf += PAD[n & 3]
            gcbp_handle_from_client = self.gcbp_handle_from_client
            n2 = len(gcbp_handle_from_client)
            buf += _I.pack(n2)
            buf += gcbp_handle_from_client
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("gss_cb_handles4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> gss_cb_handles4:
        gcbp_service, gcbp_handle_from_server_n = dec.unpack(_iI)
        gcbp_handle_from_server = dec.octets(gcbp_handle_from_server_n)
        gcbp_handle_from_client_n = dec.uint32()
        gcbp_handle_from_client = dec.octets(gcbp_handle_from_client_n)
        return cls(gcbp_service, gcbp_handle_from_server, gcbp_handle_from_client)


class callback_sec_parms4(XdrUnion):
    __slots__ = ("cb_secflavor", "value")

    def __init__(
        self,
        cb_secflavor: uint32_t,
        value: authsys_parms | gss_cb_handles4 | None = None,
    ) -> None:
        self.cb_secflavor = cb_secflavor
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        cb_secflavor = self.cb_secflavor
        try:
            if cb_secflavor == AUTH_NONE:
                buf += _I.pack(cb_secflavor)
            elif cb_secflavor == AUTH_SYS:
                buf += _I.pack(cb_secflavor)
                value.encode(enc)
            elif cb_secflavor == RPCSEC_GSS:
                buf += _I.pack(cb_secflavor)
                value.encode(enc)
            else:
                raise no_arm("callback_sec_parms4", cb_secflavor)
        except StructError as error:
            raise unencodable("callback_sec_parms4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> callback_sec_parms4:
        cb_secflavor = dec.uint32()
        if cb_secflavor == AUTH_NONE:
            return cls(cb_secflavor)
        if cb_secflavor == AUTH_SYS:
            cbsp_sys_cred = authsys_parms.decode(dec)
            return cls(cb_secflavor, cbsp_sys_cred)
        if cb_secflavor == RPCSEC_GSS:
            cbsp_gss_handles = gss_cb_handles4.decode(dec)
            return cls(cb_secflavor, cbsp_gss_handles)
        raise no_arm("callback_sec_parms4", cb_secflavor)

    @property
    def cbsp_sys_cred(self) -> authsys_parms:
        if not (self.cb_secflavor == AUTH_SYS):
            raise wrong_arm(self, "cbsp_sys_cred")
        arm: authsys_parms = self.value
        return arm

    @property
    def cbsp_gss_handles(self) -> gss_cb_handles4:
        if not (self.cb_secflavor == RPCSEC_GSS):
            raise wrong_arm(self, "cbsp_gss_handles")
        arm: gss_cb_handles4 = self.value
        return arm


class BACKCHANNEL_CTL4args(XdrStruct):
    __slots__ = ("bca_cb_program", "bca_sec_parms")

    def __init__(self, bca_cb_program: uint32_t, bca_sec_parms: list[callback_sec_parms4]) -> None:
        self.bca_cb_program = bca_cb_program
        self.bca_sec_parms = bca_sec_parms

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            bca_sec_parms = self.bca_sec_parms
            n = len(bca_sec_parms)
            buf += _2I.pack(self.bca_cb_program, n)
            for item in bca_sec_parms:
                item.encode(enc)
        except StructError as error:
            raise unencodable("BACKCHANNEL_CTL4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> BACKCHANNEL_CTL4args:
        bca_cb_program, bca_sec_parms_n = dec.unpack(_2I)
        dec.check_count(bca_sec_parms_n, 4)
        bca_sec_parms = [callback_sec_parms4.decode(dec) for _ in range(bca_sec_parms_n)]
        return cls(bca_cb_program, bca_sec_parms)


class BACKCHANNEL_CTL4res(XdrStruct):
    __slots__ = ("bcr_status",)

    def __init__(self, bcr_status: int) -> None:
        self.bcr_status = bcr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.bcr_status)
        except StructError as error:
            raise unencodable("BACKCHANNEL_CTL4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> BACKCHANNEL_CTL4res:
        bcr_status = dec.int32()
        return cls(bcr_status)


class BIND_CONN_TO_SESSION4args(XdrStruct):
    __slots__ = ("bctsa_sessid", "bctsa_dir", "bctsa_use_conn_in_rdma_mode")

    def __init__(
        self,
        bctsa_sessid: sessionid4,
        bctsa_dir: int,
        bctsa_use_conn_in_rdma_mode: bool,
    ) -> None:
        self.bctsa_sessid = bctsa_sessid
        self.bctsa_dir = bctsa_dir
        self.bctsa_use_conn_in_rdma_mode = bctsa_use_conn_in_rdma_mode

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.bctsa_sessid) != 16:
                raise wrong_length("BIND_CONN_TO_SESSION4args.bctsa_sessid", len(self.bctsa_sessid), 16)
            buf += _16siI.pack(self.bctsa_sessid, self.bctsa_dir, 1 if self.bctsa_use_conn_in_rdma_mode else 0)
        except StructError as error:
            raise unencodable("BIND_CONN_TO_SESSION4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> BIND_CONN_TO_SESSION4args:
        bctsa_sessid, bctsa_dir, bctsa_use_conn_in_rdma_mode = dec.unpack(_16siI)
        if bctsa_use_conn_in_rdma_mode > 1:
            raise not_boolean("BIND_CONN_TO_SESSION4args.bctsa_use_conn_in_rdma_mode", bctsa_use_conn_in_rdma_mode)
        return cls(bctsa_sessid, bctsa_dir, bctsa_use_conn_in_rdma_mode == 1)


class BIND_CONN_TO_SESSION4resok(XdrStruct):
    __slots__ = ("bctsr_sessid", "bctsr_dir", "bctsr_use_conn_in_rdma_mode")

    def __init__(
        self,
        bctsr_sessid: sessionid4,
        bctsr_dir: int,
        bctsr_use_conn_in_rdma_mode: bool,
    ) -> None:
        self.bctsr_sessid = bctsr_sessid
        self.bctsr_dir = bctsr_dir
        self.bctsr_use_conn_in_rdma_mode = bctsr_use_conn_in_rdma_mode

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.bctsr_sessid) != 16:
                raise wrong_length("BIND_CONN_TO_SESSION4resok.bctsr_sessid", len(self.bctsr_sessid), 16)
            buf += _16siI.pack(self.bctsr_sessid, self.bctsr_dir, 1 if self.bctsr_use_conn_in_rdma_mode else 0)
        except StructError as error:
            raise unencodable("BIND_CONN_TO_SESSION4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> BIND_CONN_TO_SESSION4resok:
        bctsr_sessid, bctsr_dir, bctsr_use_conn_in_rdma_mode = dec.unpack(_16siI)
        if bctsr_use_conn_in_rdma_mode > 1:
            raise not_boolean("BIND_CONN_TO_SESSION4resok.bctsr_use_conn_in_rdma_mode", bctsr_use_conn_in_rdma_mode)
        return cls(bctsr_sessid, bctsr_dir, bctsr_use_conn_in_rdma_mode == 1)


class BIND_CONN_TO_SESSION4res(XdrUnion):
    __slots__ = ("bctsr_status", "value")

    def __init__(self, bctsr_status: int, value: BIND_CONN_TO_SESSION4resok | None = None) -> None:
        self.bctsr_status = bctsr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        bctsr_status = self.bctsr_status
        try:
            if bctsr_status == NFS4_OK:
                if len(value.bctsr_sessid) != 16:
                    raise wrong_length("BIND_CONN_TO_SESSION4resok.bctsr_sessid", len(value.bctsr_sessid), 16)
                buf += _i16siI.pack(bctsr_status, value.bctsr_sessid, value.bctsr_dir, 1 if value.bctsr_use_conn_in_rdma_mode else 0)
            else:
                buf += _i.pack(bctsr_status)
        except StructError as error:
            raise unencodable("BIND_CONN_TO_SESSION4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> BIND_CONN_TO_SESSION4res:
        bctsr_status = dec.int32()
        if bctsr_status == NFS4_OK:
            bctsr_resok4__bctsr_sessid, bctsr_resok4__bctsr_dir, bctsr_resok4__bctsr_use_conn_in_rdma_mode = dec.unpack(_16siI)
            if bctsr_resok4__bctsr_use_conn_in_rdma_mode > 1:
                raise not_boolean("BIND_CONN_TO_SESSION4resok.bctsr_use_conn_in_rdma_mode", bctsr_resok4__bctsr_use_conn_in_rdma_mode)
            return cls(bctsr_status, BIND_CONN_TO_SESSION4resok(bctsr_resok4__bctsr_sessid, bctsr_resok4__bctsr_dir, bctsr_resok4__bctsr_use_conn_in_rdma_mode == 1))
        return cls(bctsr_status)

    @property
    def bctsr_resok4(self) -> BIND_CONN_TO_SESSION4resok:
        if not (self.bctsr_status == NFS4_OK):
            raise wrong_arm(self, "bctsr_resok4")
        arm: BIND_CONN_TO_SESSION4resok = self.value
        return arm


class state_protect_ops4(XdrStruct):
    __slots__ = ("spo_must_enforce", "spo_must_allow")

    def __init__(self, spo_must_enforce: bitmap4, spo_must_allow: bitmap4) -> None:
        self.spo_must_enforce = spo_must_enforce
        self.spo_must_allow = spo_must_allow

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            spo_must_enforce = self.spo_must_enforce
            n = len(spo_must_enforce)
            buf += _I.pack(n)
            buf += pack(f">{n}I", *spo_must_enforce)
            spo_must_allow = self.spo_must_allow
            n2 = len(spo_must_allow)
            buf += _I.pack(n2)
            buf += pack(f">{n2}I", *spo_must_allow)
        except StructError as error:
            raise unencodable("state_protect_ops4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> state_protect_ops4:
        spo_must_enforce_n = dec.uint32()
        spo_must_enforce = dec.numbers("I", spo_must_enforce_n)
        spo_must_allow_n = dec.uint32()
        spo_must_allow = dec.numbers("I", spo_must_allow_n)
        return cls(spo_must_enforce, spo_must_allow)


class ssv_sp_parms4(XdrStruct):
    __slots__ = ("ssp_ops", "ssp_hash_algs", "ssp_encr_algs", "ssp_window", "ssp_num_gss_handles")

    def __init__(
        self,
        ssp_ops: state_protect_ops4,
        ssp_hash_algs: list[sec_oid4],
        ssp_encr_algs: list[sec_oid4],
        ssp_window: uint32_t,
        ssp_num_gss_handles: uint32_t,
    ) -> None:
        self.ssp_ops = ssp_ops
        self.ssp_hash_algs = ssp_hash_algs
        self.ssp_encr_algs = ssp_encr_algs
        self.ssp_window = ssp_window
        self.ssp_num_gss_handles = ssp_num_gss_handles

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.ssp_ops.encode(enc)
            ssp_hash_algs = self.ssp_hash_algs
            n = len(ssp_hash_algs)
            buf += _I.pack(n)
            for item in ssp_hash_algs:
                n2 = len(item)
                buf += _I.pack(n2)
                buf += item
                if n2 & 3:
                    buf += PAD[n2 & 3]
            ssp_encr_algs = self.ssp_encr_algs
            n3 = len(ssp_encr_algs)
            buf += _I.pack(n3)
            for item2 in ssp_encr_algs:
                n4 = len(item2)
                buf += _I.pack(n4)
                buf += item2
                if n4 & 3:
                    buf += PAD[n4 & 3]
            buf += _2I.pack(self.ssp_window, self.ssp_num_gss_handles)
        except StructError as error:
            raise unencodable("ssv_sp_parms4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ssv_sp_parms4:
        ssp_ops = state_protect_ops4.decode(dec)
        ssp_hash_algs_n = dec.uint32()
        dec.check_count(ssp_hash_algs_n, 4)
        ssp_hash_algs = [dec.opaque() for _ in range(ssp_hash_algs_n)]
        ssp_encr_algs_n = dec.uint32()
        dec.check_count(ssp_encr_algs_n, 4)
        ssp_encr_algs = [dec.opaque() for _ in range(ssp_encr_algs_n)]
        ssp_window, ssp_num_gss_handles = dec.unpack(_2I)
        return cls(ssp_ops, ssp_hash_algs, ssp_encr_algs, ssp_window, ssp_num_gss_handles)


class state_protect4_a(XdrUnion):
    __slots__ = ("spa_how", "value")

    def __init__(
        self,
        spa_how: int,
        value: state_protect_ops4 | ssv_sp_parms4 | None = None,
    ) -> None:
        self.spa_how = spa_how
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        spa_how = self.spa_how
        try:
            if spa_how == SP4_NONE:
                buf += _i.pack(spa_how)
            elif spa_how == SP4_MACH_CRED:
                buf += _i.pack(spa_how)
                value.encode(enc)
            elif spa_how == SP4_SSV:
                buf += _i.pack(spa_how)
                value.encode(enc)
            else:
                raise no_arm("state_protect4_a", spa_how)
        except StructError as error:
            raise unencodable("state_protect4_a", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> state_protect4_a:
        spa_how = dec.int32()
        if spa_how == SP4_NONE:
            return cls(spa_how)
        if spa_how == SP4_MACH_CRED:
            spa_mach_ops = state_protect_ops4.decode(dec)
            return cls(spa_how, spa_mach_ops)
        if spa_how == SP4_SSV:
            spa_ssv_parms = ssv_sp_parms4.decode(dec)
            return cls(spa_how, spa_ssv_parms)
        raise no_arm("state_protect4_a", spa_how)

    @property
    def spa_mach_ops(self) -> state_protect_ops4:
        if not (self.spa_how == SP4_MACH_CRED):
            raise wrong_arm(self, "spa_mach_ops")
        arm: state_protect_ops4 = self.value
        return arm

    @property
    def spa_ssv_parms(self) -> ssv_sp_parms4:
        if not (self.spa_how == SP4_SSV):
            raise wrong_arm(self, "spa_ssv_parms")
        arm: ssv_sp_parms4 = self.value
        return arm


class EXCHANGE_ID4args(XdrStruct):
    __slots__ = ("eia_clientowner", "eia_flags", "eia_state_protect", "eia_client_impl_id")

    def __init__(
        self,
        eia_clientowner: client_owner4,
        eia_flags: uint32_t,
        eia_state_protect: state_protect4_a,
        eia_client_impl_id: list[nfs_impl_id4],
    ) -> None:
        self.eia_clientowner = eia_clientowner
        self.eia_flags = eia_flags
        self.eia_state_protect = eia_state_protect
        self.eia_client_impl_id = eia_client_impl_id

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.eia_clientowner.encode(enc)
            buf += _I.pack(self.eia_flags)
            self.eia_state_protect.encode(enc)
            eia_client_impl_id = self.eia_client_impl_id
            n = len(eia_client_impl_id)
            if n > 1:
                raise too_long("EXCHANGE_ID4args.eia_client_impl_id", n, 1)
            buf += _I.pack(n)
            for item in eia_client_impl_id:
                item.encode(enc)
        except StructError as error:
            raise unencodable("EXCHANGE_ID4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> EXCHANGE_ID4args:
        eia_clientowner = client_owner4.decode(dec)
        eia_flags = dec.uint32()
        eia_state_protect = state_protect4_a.decode(dec)
        eia_client_impl_id_n = dec.uint32()
        dec.check_count(eia_client_impl_id_n, 20, 1)
        eia_client_impl_id = [nfs_impl_id4.decode(dec) for _ in range(eia_client_impl_id_n)]
        return cls(eia_clientowner, eia_flags, eia_state_protect, eia_client_impl_id)


class ssv_prot_info4(XdrStruct):
    __slots__ = (
        "spi_ops",
        "spi_hash_alg",
        "spi_encr_alg",
        "spi_ssv_len",
        "spi_window",
        "spi_handles",
    )

    def __init__(
        self,
        spi_ops: state_protect_ops4,
        spi_hash_alg: uint32_t,
        spi_encr_alg: uint32_t,
        spi_ssv_len: uint32_t,
        spi_window: uint32_t,
        spi_handles: list[gsshandle4_t],
    ) -> None:
        self.spi_ops = spi_ops
        self.spi_hash_alg = spi_hash_alg
        self.spi_encr_alg = spi_encr_alg
        self.spi_ssv_len = spi_ssv_len
        self.spi_window = spi_window
        self.spi_handles = spi_handles

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.spi_ops.encode(enc)
            spi_handles = self.spi_handles
            n = len(spi_handles)
            buf += _5I.pack(self.spi_hash_alg, self.spi_encr_alg, self.spi_ssv_len, self.spi_window, n)
            for item in spi_handles:
                n2 = len(item)
                buf += _I.pack(n2)
                buf += item
                if n2 & 3:
                    buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("ssv_prot_info4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ssv_prot_info4:
        spi_ops = state_protect_ops4.decode(dec)
        spi_hash_alg, spi_encr_alg, spi_ssv_len, spi_window, spi_handles_n = dec.unpack(_5I)
        dec.check_count(spi_handles_n, 4)
        spi_handles = [dec.opaque() for _ in range(spi_handles_n)]
        return cls(spi_ops, spi_hash_alg, spi_encr_alg, spi_ssv_len, spi_window, spi_handles)


class state_protect4_r(XdrUnion):
    __slots__ = ("spr_how", "value")

    def __init__(
        self,
        spr_how: int,
        value: state_protect_ops4 | ssv_prot_info4 | None = None,
    ) -> None:
        self.spr_how = spr_how
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        spr_how = self.spr_how
        try:
            if spr_how == SP4_NONE:
                buf += _i.pack(spr_how)
            elif spr_how == SP4_MACH_CRED:
                buf += _i.pack(spr_how)
                value.encode(enc)
            elif spr_how == SP4_SSV:
                buf += _i.pack(spr_how)
                value.encode(enc)
            else:
                raise no_arm("state_protect4_r", spr_how)
        except StructError as error:
            raise unencodable("state_protect4_r", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> state_protect4_r:
        spr_how = dec.int32()
        if spr_how == SP4_NONE:
            return cls(spr_how)
        if spr_how == SP4_MACH_CRED:
            spr_mach_ops = state_protect_ops4.decode(dec)
            return cls(spr_how, spr_mach_ops)
        if spr_how == SP4_SSV:
            spr_ssv_info = ssv_prot_info4.decode(dec)
            return cls(spr_how, spr_ssv_info)
        raise no_arm("state_protect4_r", spr_how)

    @property
    def spr_mach_ops(self) -> state_protect_ops4:
        if not (self.spr_how == SP4_MACH_CRED):
            raise wrong_arm(self, "spr_mach_ops")
        arm: state_protect_ops4 = self.value
        return arm

    @property
    def spr_ssv_info(self) -> ssv_prot_info4:
        if not (self.spr_how == SP4_SSV):
            raise wrong_arm(self, "spr_ssv_info")
        arm: ssv_prot_info4 = self.value
        return arm


class EXCHANGE_ID4resok(XdrStruct):
    __slots__ = (
        "eir_clientid",
        "eir_sequenceid",
        "eir_flags",
        "eir_state_protect",
        "eir_server_owner",
        "eir_server_scope",
        "eir_server_impl_id",
    )

    def __init__(
        self,
        eir_clientid: clientid4,
        eir_sequenceid: sequenceid4,
        eir_flags: uint32_t,
        eir_state_protect: state_protect4_r,
        eir_server_owner: server_owner4,
        eir_server_scope: bytes,
        eir_server_impl_id: list[nfs_impl_id4],
    ) -> None:
        self.eir_clientid = eir_clientid
        self.eir_sequenceid = eir_sequenceid
        self.eir_flags = eir_flags
        self.eir_state_protect = eir_state_protect
        self.eir_server_owner = eir_server_owner
        self.eir_server_scope = eir_server_scope
        self.eir_server_impl_id = eir_server_impl_id

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _Q2I.pack(self.eir_clientid, self.eir_sequenceid, self.eir_flags)
            self.eir_state_protect.encode(enc)
            self.eir_server_owner.encode(enc)
            eir_server_scope = self.eir_server_scope
            n = len(eir_server_scope)
            if n > 1024:
                raise too_long("EXCHANGE_ID4resok.eir_server_scope", n, 1024)
            buf += _I.pack(n)
            buf += eir_server_scope
            if n & 3:
                buf += PAD[n & 3]
            eir_server_impl_id = self.eir_server_impl_id
            n2 = len(eir_server_impl_id)
            if n2 > 1:
                raise too_long("EXCHANGE_ID4resok.eir_server_impl_id", n2, 1)
            buf += _I.pack(n2)
            for item in eir_server_impl_id:
                item.encode(enc)
        except StructError as error:
            raise unencodable("EXCHANGE_ID4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> EXCHANGE_ID4resok:
        eir_clientid, eir_sequenceid, eir_flags = dec.unpack(_Q2I)
        eir_state_protect = state_protect4_r.decode(dec)
        eir_server_owner = server_owner4.decode(dec)
        eir_server_scope_n = dec.uint32()
        if eir_server_scope_n > 1024:
            raise too_long("EXCHANGE_ID4resok.eir_server_scope", eir_server_scope_n, 1024)
        eir_server_scope = dec.octets(eir_server_scope_n)
        eir_server_impl_id_n = dec.uint32()
        dec.check_count(eir_server_impl_id_n, 20, 1)
        eir_server_impl_id = [nfs_impl_id4.decode(dec) for _ in range(eir_server_impl_id_n)]
        return cls(eir_clientid, eir_sequenceid, eir_flags, eir_state_protect, eir_server_owner, eir_server_scope, eir_server_impl_id)


class EXCHANGE_ID4res(XdrUnion):
    __slots__ = ("eir_status", "value")

    def __init__(self, eir_status: int, value: EXCHANGE_ID4resok | None = None) -> None:
        self.eir_status = eir_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        eir_status = self.eir_status
        try:
            if eir_status == NFS4_OK:
                buf += _i.pack(eir_status)
                value.encode(enc)
            else:
                buf += _i.pack(eir_status)
        except StructError as error:
            raise unencodable("EXCHANGE_ID4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> EXCHANGE_ID4res:
        eir_status = dec.int32()
        if eir_status == NFS4_OK:
            eir_resok4 = EXCHANGE_ID4resok.decode(dec)
            return cls(eir_status, eir_resok4)
        return cls(eir_status)

    @property
    def eir_resok4(self) -> EXCHANGE_ID4resok:
        if not (self.eir_status == NFS4_OK):
            raise wrong_arm(self, "eir_resok4")
        arm: EXCHANGE_ID4resok = self.value
        return arm


class channel_attrs4(XdrStruct):
    __slots__ = (
        "ca_headerpadsize",
        "ca_maxrequestsize",
        "ca_maxresponsesize",
        "ca_maxresponsesize_cached",
        "ca_maxoperations",
        "ca_maxrequests",
        "ca_rdma_ird",
    )

    def __init__(
        self,
        ca_headerpadsize: count4,
        ca_maxrequestsize: count4,
        ca_maxresponsesize: count4,
        ca_maxresponsesize_cached: count4,
        ca_maxoperations: count4,
        ca_maxrequests: count4,
        ca_rdma_ird: list[uint32_t],
    ) -> None:
        self.ca_headerpadsize = ca_headerpadsize
        self.ca_maxrequestsize = ca_maxrequestsize
        self.ca_maxresponsesize = ca_maxresponsesize
        self.ca_maxresponsesize_cached = ca_maxresponsesize_cached
        self.ca_maxoperations = ca_maxoperations
        self.ca_maxrequests = ca_maxrequests
        self.ca_rdma_ird = ca_rdma_ird

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ca_rdma_ird = self.ca_rdma_ird
            n = len(ca_rdma_ird)
            if n > 1:
                raise too_long("channel_attrs4.ca_rdma_ird", n, 1)
            buf += _7I.pack(self.ca_headerpadsize, self.ca_maxrequestsize, self.ca_maxresponsesize, self.ca_maxresponsesize_cached, self.ca_maxoperations, self.ca_maxrequests, n)
            buf += pack(f">{n}I", *ca_rdma_ird)
        except StructError as error:
            raise unencodable("channel_attrs4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> channel_attrs4:
        ca_headerpadsize, ca_maxrequestsize, ca_maxresponsesize, ca_maxresponsesize_cached, ca_maxoperations, ca_maxrequests, ca_rdma_ird_n = dec.unpack(_7I)
        if ca_rdma_ird_n > 1:
            raise too_long("channel_attrs4.ca_rdma_ird", ca_rdma_ird_n, 1)
        ca_rdma_ird = dec.numbers("I", ca_rdma_ird_n)
        return cls(ca_headerpadsize, ca_maxrequestsize, ca_maxresponsesize, ca_maxresponsesize_cached, ca_maxoperations, ca_maxrequests, ca_rdma_ird)


class CREATE_SESSION4args(XdrStruct):
    __slots__ = (
        "csa_clientid",
        "csa_sequence",
        "csa_flags",
        "csa_fore_chan_attrs",
        "csa_back_chan_attrs",
        "csa_cb_program",
        "csa_sec_parms",
    )

    def __init__(
        self,
        csa_clientid: clientid4,
        csa_sequence: sequenceid4,
        csa_flags: uint32_t,
        csa_fore_chan_attrs: channel_attrs4,
        csa_back_chan_attrs: channel_attrs4,
        csa_cb_program: uint32_t,
        csa_sec_parms: list[callback_sec_parms4],
    ) -> None:
        self.csa_clientid = csa_clientid
        self.csa_sequence = csa_sequence
        self.csa_flags = csa_flags
        self.csa_fore_chan_attrs = csa_fore_chan_attrs
        self.csa_back_chan_attrs = csa_back_chan_attrs
        self.csa_cb_program = csa_cb_program
        self.csa_sec_parms = csa_sec_parms

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _Q2I.pack(self.csa_clientid, self.csa_sequence, self.csa_flags)
            self.csa_fore_chan_attrs.encode(enc)
            self.csa_back_chan_attrs.encode(enc)
            csa_sec_parms = self.csa_sec_parms
            n = len(csa_sec_parms)
            buf += _2I.pack(self.csa_cb_program, n)
            for item in csa_sec_parms:
                item.encode(enc)
        except StructError as error:
            raise unencodable("CREATE_SESSION4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CREATE_SESSION4args:
        csa_clientid, csa_sequence, csa_flags = dec.unpack(_Q2I)
        csa_fore_chan_attrs = channel_attrs4.decode(dec)
        csa_back_chan_attrs = channel_attrs4.decode(dec)
        csa_cb_program, csa_sec_parms_n = dec.unpack(_2I)
        dec.check_count(csa_sec_parms_n, 4)
        csa_sec_parms = [callback_sec_parms4.decode(dec) for _ in range(csa_sec_parms_n)]
        return cls(csa_clientid, csa_sequence, csa_flags, csa_fore_chan_attrs, csa_back_chan_attrs, csa_cb_program, csa_sec_parms)


class CREATE_SESSION4resok(XdrStruct):
    __slots__ = (
        "csr_sessionid",
        "csr_sequence",
        "csr_flags",
        "csr_fore_chan_attrs",
        "csr_back_chan_attrs",
    )

    def __init__(
        self,
        csr_sessionid: sessionid4,
        csr_sequence: sequenceid4,
        csr_flags: uint32_t,
        csr_fore_chan_attrs: channel_attrs4,
        csr_back_chan_attrs: channel_attrs4,
    ) -> None:
        self.csr_sessionid = csr_sessionid
        self.csr_sequence = csr_sequence
        self.csr_flags = csr_flags
        self.csr_fore_chan_attrs = csr_fore_chan_attrs
        self.csr_back_chan_attrs = csr_back_chan_attrs

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.csr_sessionid) != 16:
                raise wrong_length("CREATE_SESSION4resok.csr_sessionid", len(self.csr_sessionid), 16)
            buf += _16s2I.pack(self.csr_sessionid, self.csr_sequence, self.csr_flags)
            self.csr_fore_chan_attrs.encode(enc)
            self.csr_back_chan_attrs.encode(enc)
        except StructError as error:
            raise unencodable("CREATE_SESSION4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CREATE_SESSION4resok:
        csr_sessionid, csr_sequence, csr_flags = dec.unpack(_16s2I)
        csr_fore_chan_attrs = channel_attrs4.decode(dec)
        csr_back_chan_attrs = channel_attrs4.decode(dec)
        return cls(csr_sessionid, csr_sequence, csr_flags, csr_fore_chan_attrs, csr_back_chan_attrs)


class CREATE_SESSION4res(XdrUnion):
    __slots__ = ("csr_status", "value")

    def __init__(self, csr_status: int, value: CREATE_SESSION4resok | None = None) -> None:
        self.csr_status = csr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        csr_status = self.csr_status
        try:
            if csr_status == NFS4_OK:
                buf += _i.pack(csr_status)
                value.encode(enc)
            else:
                buf += _i.pack(csr_status)
        except StructError as error:
            raise unencodable("CREATE_SESSION4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CREATE_SESSION4res:
        csr_status = dec.int32()
        if csr_status == NFS4_OK:
            csr_resok4 = CREATE_SESSION4resok.decode(dec)
            return cls(csr_status, csr_resok4)
        return cls(csr_status)

    @property
    def csr_resok4(self) -> CREATE_SESSION4resok:
        if not (self.csr_status == NFS4_OK):
            raise wrong_arm(self, "csr_resok4")
        arm: CREATE_SESSION4resok = self.value
        return arm


class DESTROY_SESSION4args(XdrStruct):
    __slots__ = ("dsa_sessionid",)

    def __init__(self, dsa_sessionid: sessionid4) -> None:
        self.dsa_sessionid = dsa_sessionid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.dsa_sessionid) != 16:
                raise wrong_length("DESTROY_SESSION4args.dsa_sessionid", len(self.dsa_sessionid), 16)
            buf += _16s.pack(self.dsa_sessionid)
        except StructError as error:
            raise unencodable("DESTROY_SESSION4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> DESTROY_SESSION4args:
        (dsa_sessionid,) = dec.unpack(_16s)
        return cls(dsa_sessionid)


class DESTROY_SESSION4res(XdrStruct):
    __slots__ = ("dsr_status",)

    def __init__(self, dsr_status: int) -> None:
        self.dsr_status = dsr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.dsr_status)
        except StructError as error:
            raise unencodable("DESTROY_SESSION4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> DESTROY_SESSION4res:
        dsr_status = dec.int32()
        return cls(dsr_status)


class FREE_STATEID4args(XdrStruct):
    __slots__ = ("fsa_stateid",)

    def __init__(self, fsa_stateid: stateid4) -> None:
        self.fsa_stateid = fsa_stateid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fsa_stateid = self.fsa_stateid
            if len(fsa_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(fsa_stateid.other), 12)
            buf += _I12s.pack(fsa_stateid.seqid, fsa_stateid.other)
        except StructError as error:
            raise unencodable("FREE_STATEID4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> FREE_STATEID4args:
        fsa_stateid__seqid, fsa_stateid__other = dec.unpack(_I12s)
        return cls(stateid4(fsa_stateid__seqid, fsa_stateid__other))


class FREE_STATEID4res(XdrStruct):
    __slots__ = ("fsr_status",)

    def __init__(self, fsr_status: int) -> None:
        self.fsr_status = fsr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.fsr_status)
        except StructError as error:
            raise unencodable("FREE_STATEID4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> FREE_STATEID4res:
        fsr_status = dec.int32()
        return cls(fsr_status)


attr_notice4 = nfstime4


class GET_DIR_DELEGATION4args(XdrStruct):
    __slots__ = (
        "gdda_signal_deleg_avail",
        "gdda_notification_types",
        "gdda_child_attr_delay",
        "gdda_dir_attr_delay",
        "gdda_child_attributes",
        "gdda_dir_attributes",
    )

    def __init__(
        self,
        gdda_signal_deleg_avail: bool,
        gdda_notification_types: bitmap4,
        gdda_child_attr_delay: attr_notice4,
        gdda_dir_attr_delay: attr_notice4,
        gdda_child_attributes: bitmap4,
        gdda_dir_attributes: bitmap4,
    ) -> None:
        self.gdda_signal_deleg_avail = gdda_signal_deleg_avail
        self.gdda_notification_types = gdda_notification_types
        self.gdda_child_attr_delay = gdda_child_attr_delay
        self.gdda_dir_attr_delay = gdda_dir_attr_delay
        self.gdda_child_attributes = gdda_child_attributes
        self.gdda_dir_attributes = gdda_dir_attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            gdda_notification_types = self.gdda_notification_types
            n = len(gdda_notification_types)
            buf += _2I.pack(1 if self.gdda_signal_deleg_avail else 0, n)
            buf += pack(f">{n}I", *gdda_notification_types)
            gdda_child_attr_delay = self.gdda_child_attr_delay
            gdda_dir_attr_delay = self.gdda_dir_attr_delay
            gdda_child_attributes = self.gdda_child_attributes
            n2 = len(gdda_child_attributes)
            buf += _qIq2I.pack(gdda_child_attr_delay.seconds, gdda_child_attr_delay.nseconds, gdda_dir_attr_delay.seconds, gdda_dir_attr_delay.nseconds, n2)
            buf += pack(f">{n2}I", *gdda_child_attributes)
            gdda_dir_attributes = self.gdda_dir_attributes
            n3 = len(gdda_dir_attributes)
            buf += _I.pack(n3)
            buf += pack(f">{n3}I", *gdda_dir_attributes)
        except StructError as error:
            raise unencodable("GET_DIR_DELEGATION4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GET_DIR_DELEGATION4args:
        gdda_signal_deleg_avail, gdda_notification_types_n = dec.unpack(_2I)
        if gdda_signal_deleg_avail > 1:
            raise not_boolean("GET_DIR_DELEGATION4args.gdda_signal_deleg_avail", gdda_signal_deleg_avail)
        gdda_notification_types = dec.numbers("I", gdda_notification_types_n)
        gdda_child_attr_delay__seconds, gdda_child_attr_delay__nseconds, gdda_dir_attr_delay__seconds, gdda_dir_attr_delay__nseconds, gdda_child_attributes_n = dec.unpack(_qIq2I)
        gdda_child_attributes = dec.numbers("I", gdda_child_attributes_n)
        gdda_dir_attributes_n = dec.uint32()
        gdda_dir_attributes = dec.numbers("I", gdda_dir_attributes_n)
        return cls(gdda_signal_deleg_avail == 1, gdda_notification_types, nfstime4(gdda_child_attr_delay__seconds, gdda_child_attr_delay__nseconds), nfstime4(gdda_dir_attr_delay__seconds, gdda_dir_attr_delay__nseconds), gdda_child_attributes, gdda_dir_attributes)


class GET_DIR_DELEGATION4resok(XdrStruct):
    __slots__ = (
        "gddr_cookieverf",
        "gddr_stateid",
        "gddr_notification",
        "gddr_child_attributes",
        "gddr_dir_attributes",
    )

    def __init__(
        self,
        gddr_cookieverf: verifier4,
        gddr_stateid: stateid4,
        gddr_notification: bitmap4,
        gddr_child_attributes: bitmap4,
        gddr_dir_attributes: bitmap4,
    ) -> None:
        self.gddr_cookieverf = gddr_cookieverf
        self.gddr_stateid = gddr_stateid
        self.gddr_notification = gddr_notification
        self.gddr_child_attributes = gddr_child_attributes
        self.gddr_dir_attributes = gddr_dir_attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.gddr_cookieverf) != 8:
                raise wrong_length("GET_DIR_DELEGATION4resok.gddr_cookieverf", len(self.gddr_cookieverf), 8)
            gddr_stateid = self.gddr_stateid
            if len(gddr_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(gddr_stateid.other), 12)
            gddr_notification = self.gddr_notification
            n = len(gddr_notification)
            buf += _8sI12sI.pack(self.gddr_cookieverf, gddr_stateid.seqid, gddr_stateid.other, n)
            buf += pack(f">{n}I", *gddr_notification)
            gddr_child_attributes = self.gddr_child_attributes
            n2 = len(gddr_child_attributes)
            buf += _I.pack(n2)
            buf += pack(f">{n2}I", *gddr_child_attributes)
            gddr_dir_attributes = self.gddr_dir_attributes
            n3 = len(gddr_dir_attributes)
            buf += _I.pack(n3)
            buf += pack(f">{n3}I", *gddr_dir_attributes)
        except StructError as error:
            raise unencodable("GET_DIR_DELEGATION4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GET_DIR_DELEGATION4resok:
        gddr_cookieverf, gddr_stateid__seqid, gddr_stateid__other, gddr_notification_n = dec.unpack(_8sI12sI)
        gddr_notification = dec.numbers("I", gddr_notification_n)
        gddr_child_attributes_n = dec.uint32()
        gddr_child_attributes = dec.numbers("I", gddr_child_attributes_n)
        gddr_dir_attributes_n = dec.uint32()
        gddr_dir_attributes = dec.numbers("I", gddr_dir_attributes_n)
        return cls(gddr_cookieverf, stateid4(gddr_stateid__seqid, gddr_stateid__other), gddr_notification, gddr_child_attributes, gddr_dir_attributes)


class GET_DIR_DELEGATION4res_non_fatal(XdrUnion):
    __slots__ = ("gddrnf_status", "value")

    def __init__(
        self,
        gddrnf_status: int,
        value: GET_DIR_DELEGATION4resok | bool | None = None,
    ) -> None:
        self.gddrnf_status = gddrnf_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        gddrnf_status = self.gddrnf_status
        try:
            if gddrnf_status == GDD4_OK:
                buf += _i.pack(gddrnf_status)
                value.encode(enc)
            elif gddrnf_status == GDD4_UNAVAIL:
                buf += _iI.pack(gddrnf_status, 1 if value else 0)
            else:
                raise no_arm("GET_DIR_DELEGATION4res_non_fatal", gddrnf_status)
        except StructError as error:
            raise unencodable("GET_DIR_DELEGATION4res_non_fatal", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GET_DIR_DELEGATION4res_non_fatal:
        gddrnf_status = dec.int32()
        if gddrnf_status == GDD4_OK:
            gddrnf_resok4 = GET_DIR_DELEGATION4resok.decode(dec)
            return cls(gddrnf_status, gddrnf_resok4)
        if gddrnf_status == GDD4_UNAVAIL:
            gddrnf_will_signal_deleg_avail = dec.uint32()
            if gddrnf_will_signal_deleg_avail > 1:
                raise not_boolean("GET_DIR_DELEGATION4res_non_fatal.gddrnf_will_signal_deleg_avail", gddrnf_will_signal_deleg_avail)
            return cls(gddrnf_status, gddrnf_will_signal_deleg_avail == 1)
        raise no_arm("GET_DIR_DELEGATION4res_non_fatal", gddrnf_status)

    @property
    def gddrnf_resok4(self) -> GET_DIR_DELEGATION4resok:
        if not (self.gddrnf_status == GDD4_OK):
            raise wrong_arm(self, "gddrnf_resok4")
        arm: GET_DIR_DELEGATION4resok = self.value
        return arm

    @property
    def gddrnf_will_signal_deleg_avail(self) -> bool:
        if not (self.gddrnf_status == GDD4_UNAVAIL):
            raise wrong_arm(self, "gddrnf_will_signal_deleg_avail")
        arm: bool = self.value
        return arm


class GET_DIR_DELEGATION4res(XdrUnion):
    __slots__ = ("gddr_status", "value")

    def __init__(
        self,
        gddr_status: int,
        value: GET_DIR_DELEGATION4res_non_fatal | None = None,
    ) -> None:
        self.gddr_status = gddr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        gddr_status = self.gddr_status
        try:
            if gddr_status == NFS4_OK:
                buf += _i.pack(gddr_status)
                value.encode(enc)
            else:
                buf += _i.pack(gddr_status)
        except StructError as error:
            raise unencodable("GET_DIR_DELEGATION4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GET_DIR_DELEGATION4res:
        gddr_status = dec.int32()
        if gddr_status == NFS4_OK:
            gddr_res_non_fatal4 = GET_DIR_DELEGATION4res_non_fatal.decode(dec)
            return cls(gddr_status, gddr_res_non_fatal4)
        return cls(gddr_status)

    @property
    def gddr_res_non_fatal4(self) -> GET_DIR_DELEGATION4res_non_fatal:
        if not (self.gddr_status == NFS4_OK):
            raise wrong_arm(self, "gddr_res_non_fatal4")
        arm: GET_DIR_DELEGATION4res_non_fatal = self.value
        return arm


class GETDEVICEINFO4args(XdrStruct):
    __slots__ = ("gdia_device_id", "gdia_layout_type", "gdia_maxcount", "gdia_notify_types")

    def __init__(
        self,
        gdia_device_id: deviceid4,
        gdia_layout_type: int,
        gdia_maxcount: count4,
        gdia_notify_types: bitmap4,
    ) -> None:
        self.gdia_device_id = gdia_device_id
        self.gdia_layout_type = gdia_layout_type
        self.gdia_maxcount = gdia_maxcount
        self.gdia_notify_types = gdia_notify_types

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.gdia_device_id) != 16:
                raise wrong_length("GETDEVICEINFO4args.gdia_device_id", len(self.gdia_device_id), 16)
            gdia_notify_types = self.gdia_notify_types
            n = len(gdia_notify_types)
            buf += _16si2I.pack(self.gdia_device_id, self.gdia_layout_type, self.gdia_maxcount, n)
            buf += pack(f">{n}I", *gdia_notify_types)
        except StructError as error:
            raise unencodable("GETDEVICEINFO4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETDEVICEINFO4args:
        gdia_device_id, gdia_layout_type, gdia_maxcount, gdia_notify_types_n = dec.unpack(_16si2I)
        gdia_notify_types = dec.numbers("I", gdia_notify_types_n)
        return cls(gdia_device_id, gdia_layout_type, gdia_maxcount, gdia_notify_types)


class GETDEVICEINFO4resok(XdrStruct):
    __slots__ = ("gdir_device_addr", "gdir_notification")

    def __init__(self, gdir_device_addr: device_addr4, gdir_notification: bitmap4) -> None:
        self.gdir_device_addr = gdir_device_addr
        self.gdir_notification = gdir_notification

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.gdir_device_addr.encode(enc)
            gdir_notification = self.gdir_notification
            n = len(gdir_notification)
            buf += _I.pack(n)
            buf += pack(f">{n}I", *gdir_notification)
        except StructError as error:
            raise unencodable("GETDEVICEINFO4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETDEVICEINFO4resok:
        gdir_device_addr = device_addr4.decode(dec)
        gdir_notification_n = dec.uint32()
        gdir_notification = dec.numbers("I", gdir_notification_n)
        return cls(gdir_device_addr, gdir_notification)


class GETDEVICEINFO4res(XdrUnion):
    __slots__ = ("gdir_status", "value")

    def __init__(self, gdir_status: int, value: GETDEVICEINFO4resok | count4 | None = None) -> None:
        self.gdir_status = gdir_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        gdir_status = self.gdir_status
        try:
            if gdir_status == NFS4_OK:
                buf += _i.pack(gdir_status)
                value.encode(enc)
            elif gdir_status == NFS4ERR_TOOSMALL:
                buf += _iI.pack(gdir_status, value)
            else:
                buf += _i.pack(gdir_status)
        except StructError as error:
            raise unencodable("GETDEVICEINFO4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETDEVICEINFO4res:
        gdir_status = dec.int32()
        if gdir_status == NFS4_OK:
            gdir_resok4 = GETDEVICEINFO4resok.decode(dec)
            return cls(gdir_status, gdir_resok4)
        if gdir_status == NFS4ERR_TOOSMALL:
            gdir_mincount = dec.uint32()
            return cls(gdir_status, gdir_mincount)
        return cls(gdir_status)

    @property
    def gdir_resok4(self) -> GETDEVICEINFO4resok:
        if not (self.gdir_status == NFS4_OK):
            raise wrong_arm(self, "gdir_resok4")
        arm: GETDEVICEINFO4resok = self.value
        return arm

    @property
    def gdir_mincount(self) -> count4:
        if not (self.gdir_status == NFS4ERR_TOOSMALL):
            raise wrong_arm(self, "gdir_mincount")
        arm: count4 = self.value
        return arm


class GETDEVICELIST4args(XdrStruct):
    __slots__ = ("gdla_layout_type", "gdla_maxdevices", "gdla_cookie", "gdla_cookieverf")

    def __init__(
        self,
        gdla_layout_type: int,
        gdla_maxdevices: count4,
        gdla_cookie: nfs_cookie4,
        gdla_cookieverf: verifier4,
    ) -> None:
        self.gdla_layout_type = gdla_layout_type
        self.gdla_maxdevices = gdla_maxdevices
        self.gdla_cookie = gdla_cookie
        self.gdla_cookieverf = gdla_cookieverf

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.gdla_cookieverf) != 8:
                raise wrong_length("GETDEVICELIST4args.gdla_cookieverf", len(self.gdla_cookieverf), 8)
            buf += _iIQ8s.pack(self.gdla_layout_type, self.gdla_maxdevices, self.gdla_cookie, self.gdla_cookieverf)
        except StructError as error:
            raise unencodable("GETDEVICELIST4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETDEVICELIST4args:
        gdla_layout_type, gdla_maxdevices, gdla_cookie, gdla_cookieverf = dec.unpack(_iIQ8s)
        return cls(gdla_layout_type, gdla_maxdevices, gdla_cookie, gdla_cookieverf)


class GETDEVICELIST4resok(XdrStruct):
    __slots__ = ("gdlr_cookie", "gdlr_cookieverf", "gdlr_deviceid_list", "gdlr_eof")

    def __init__(
        self,
        gdlr_cookie: nfs_cookie4,
        gdlr_cookieverf: verifier4,
        gdlr_deviceid_list: list[deviceid4],
        gdlr_eof: bool,
    ) -> None:
        self.gdlr_cookie = gdlr_cookie
        self.gdlr_cookieverf = gdlr_cookieverf
        self.gdlr_deviceid_list = gdlr_deviceid_list
        self.gdlr_eof = gdlr_eof

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.gdlr_cookieverf) != 8:
                raise wrong_length("GETDEVICELIST4resok.gdlr_cookieverf", len(self.gdlr_cookieverf), 8)
            gdlr_deviceid_list = self.gdlr_deviceid_list
            n = len(gdlr_deviceid_list)
            buf += _Q8sI.pack(self.gdlr_cookie, self.gdlr_cookieverf, n)
            for item in gdlr_deviceid_list:
                if len(item) != 16:
                    raise wrong_length("GETDEVICELIST4resok.gdlr_deviceid_list", len(item), 16)
                buf += _16s.pack(item)
            buf += _I.pack(1 if self.gdlr_eof else 0)
        except StructError as error:
            raise unencodable("GETDEVICELIST4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETDEVICELIST4resok:
        gdlr_cookie, gdlr_cookieverf, gdlr_deviceid_list_n = dec.unpack(_Q8sI)
        dec.check_count(gdlr_deviceid_list_n, 16)
        gdlr_deviceid_list = [dec.fixed_opaque(16) for _ in range(gdlr_deviceid_list_n)]
        gdlr_eof = dec.uint32()
        if gdlr_eof > 1:
            raise not_boolean("GETDEVICELIST4resok.gdlr_eof", gdlr_eof)
        return cls(gdlr_cookie, gdlr_cookieverf, gdlr_deviceid_list, gdlr_eof == 1)


class GETDEVICELIST4res(XdrUnion):
    __slots__ = ("gdlr_status", "value")

    def __init__(self, gdlr_status: int, value: GETDEVICELIST4resok | None = None) -> None:
        self.gdlr_status = gdlr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        gdlr_status = self.gdlr_status
        try:
            if gdlr_status == NFS4_OK:
                buf += _i.pack(gdlr_status)
                value.encode(enc)
            else:
                buf += _i.pack(gdlr_status)
        except StructError as error:
            raise unencodable("GETDEVICELIST4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETDEVICELIST4res:
        gdlr_status = dec.int32()
        if gdlr_status == NFS4_OK:
            gdlr_resok4 = GETDEVICELIST4resok.decode(dec)
            return cls(gdlr_status, gdlr_resok4)
        return cls(gdlr_status)

    @property
    def gdlr_resok4(self) -> GETDEVICELIST4resok:
        if not (self.gdlr_status == NFS4_OK):
            raise wrong_arm(self, "gdlr_resok4")
        arm: GETDEVICELIST4resok = self.value
        return arm


class newtime4(XdrUnion):
    __slots__ = ("nt_timechanged", "value")

    def __init__(self, nt_timechanged: bool, value: nfstime4 | None = None) -> None:
        self.nt_timechanged = nt_timechanged
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        nt_timechanged = self.nt_timechanged
        try:
            if nt_timechanged:
                buf += _IqI.pack(1 if nt_timechanged else 0, value.seconds, value.nseconds)
            elif not nt_timechanged:
                buf += _I.pack(1 if nt_timechanged else 0)
            else:
                raise no_arm("newtime4", nt_timechanged)
        except StructError as error:
            raise unencodable("newtime4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> newtime4:
        nt_timechanged = dec.boolean()
        if nt_timechanged:
            nt_time__seconds, nt_time__nseconds = dec.unpack(_qI)
            return cls(nt_timechanged, nfstime4(nt_time__seconds, nt_time__nseconds))
        if not nt_timechanged:
            return cls(nt_timechanged)
        raise no_arm("newtime4", nt_timechanged)

    @property
    def nt_time(self) -> nfstime4:
        if not (self.nt_timechanged):
            raise wrong_arm(self, "nt_time")
        arm: nfstime4 = self.value
        return arm


class newoffset4(XdrUnion):
    __slots__ = ("no_newoffset", "value")

    def __init__(self, no_newoffset: bool, value: offset4 | None = None) -> None:
        self.no_newoffset = no_newoffset
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        no_newoffset = self.no_newoffset
        try:
            if no_newoffset:
                buf += _IQ.pack(1 if no_newoffset else 0, value)
            elif not no_newoffset:
                buf += _I.pack(1 if no_newoffset else 0)
            else:
                raise no_arm("newoffset4", no_newoffset)
        except StructError as error:
            raise unencodable("newoffset4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> newoffset4:
        no_newoffset = dec.boolean()
        if no_newoffset:
            no_offset = dec.uint64()
            return cls(no_newoffset, no_offset)
        if not no_newoffset:
            return cls(no_newoffset)
        raise no_arm("newoffset4", no_newoffset)

    @property
    def no_offset(self) -> offset4:
        if not (self.no_newoffset):
            raise wrong_arm(self, "no_offset")
        arm: offset4 = self.value
        return arm


class LAYOUTCOMMIT4args(XdrStruct):
    __slots__ = (
        "loca_offset",
        "loca_length",
        "loca_reclaim",
        "loca_stateid",
        "loca_last_write_offset",
        "loca_time_modify",
        "loca_layoutupdate",
    )

    def __init__(
        self,
        loca_offset: offset4,
        loca_length: length4,
        loca_reclaim: bool,
        loca_stateid: stateid4,
        loca_last_write_offset: newoffset4,
        loca_time_modify: newtime4,
        loca_layoutupdate: layoutupdate4,
    ) -> None:
        self.loca_offset = loca_offset
        self.loca_length = loca_length
        self.loca_reclaim = loca_reclaim
        self.loca_stateid = loca_stateid
        self.loca_last_write_offset = loca_last_write_offset
        self.loca_time_modify = loca_time_modify
        self.loca_layoutupdate = loca_layoutupdate

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            loca_stateid = self.loca_stateid
            if len(loca_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(loca_stateid.other), 12)
            buf += _2Q2I12s.pack(self.loca_offset, self.loca_length, 1 if self.loca_reclaim else 0, loca_stateid.seqid, loca_stateid.other)
            self.loca_last_write_offset.encode(enc)
            self.loca_time_modify.encode(enc)
            self.loca_layoutupdate.encode(enc)
        except StructError as error:
            raise unencodable("LAYOUTCOMMIT4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTCOMMIT4args:
        loca_offset, loca_length, loca_reclaim, loca_stateid__seqid, loca_stateid__other = dec.unpack(_2Q2I12s)
        if loca_reclaim > 1:
            raise not_boolean("LAYOUTCOMMIT4args.loca_reclaim", loca_reclaim)
        loca_last_write_offset = newoffset4.decode(dec)
        loca_time_modify = newtime4.decode(dec)
        loca_layoutupdate = layoutupdate4.decode(dec)
        return cls(loca_offset, loca_length, loca_reclaim == 1, stateid4(loca_stateid__seqid, loca_stateid__other), loca_last_write_offset, loca_time_modify, loca_layoutupdate)


class newsize4(XdrUnion):
    __slots__ = ("ns_sizechanged", "value")

    def __init__(self, ns_sizechanged: bool, value: length4 | None = None) -> None:
        self.ns_sizechanged = ns_sizechanged
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        ns_sizechanged = self.ns_sizechanged
        try:
            if ns_sizechanged:
                buf += _IQ.pack(1 if ns_sizechanged else 0, value)
            elif not ns_sizechanged:
                buf += _I.pack(1 if ns_sizechanged else 0)
            else:
                raise no_arm("newsize4", ns_sizechanged)
        except StructError as error:
            raise unencodable("newsize4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> newsize4:
        ns_sizechanged = dec.boolean()
        if ns_sizechanged:
            ns_size = dec.uint64()
            return cls(ns_sizechanged, ns_size)
        if not ns_sizechanged:
            return cls(ns_sizechanged)
        raise no_arm("newsize4", ns_sizechanged)

    @property
    def ns_size(self) -> length4:
        if not (self.ns_sizechanged):
            raise wrong_arm(self, "ns_size")
        arm: length4 = self.value
        return arm


class LAYOUTCOMMIT4resok(XdrStruct):
    __slots__ = ("locr_newsize",)

    def __init__(self, locr_newsize: newsize4) -> None:
        self.locr_newsize = locr_newsize

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.locr_newsize.encode(enc)
        except StructError as error:
            raise unencodable("LAYOUTCOMMIT4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTCOMMIT4resok:
        locr_newsize = newsize4.decode(dec)
        return cls(locr_newsize)


class LAYOUTCOMMIT4res(XdrUnion):
    __slots__ = ("locr_status", "value")

    def __init__(self, locr_status: int, value: LAYOUTCOMMIT4resok | None = None) -> None:
        self.locr_status = locr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        locr_status = self.locr_status
        try:
            if locr_status == NFS4_OK:
                buf += _i.pack(locr_status)
                value.encode(enc)
            else:
                buf += _i.pack(locr_status)
        except StructError as error:
            raise unencodable("LAYOUTCOMMIT4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTCOMMIT4res:
        locr_status = dec.int32()
        if locr_status == NFS4_OK:
            locr_resok4 = LAYOUTCOMMIT4resok.decode(dec)
            return cls(locr_status, locr_resok4)
        return cls(locr_status)

    @property
    def locr_resok4(self) -> LAYOUTCOMMIT4resok:
        if not (self.locr_status == NFS4_OK):
            raise wrong_arm(self, "locr_resok4")
        arm: LAYOUTCOMMIT4resok = self.value
        return arm


class LAYOUTGET4args(XdrStruct):
    __slots__ = (
        "loga_signal_layout_avail",
        "loga_layout_type",
        "loga_iomode",
        "loga_offset",
        "loga_length",
        "loga_minlength",
        "loga_stateid",
        "loga_maxcount",
    )

    def __init__(
        self,
        loga_signal_layout_avail: bool,
        loga_layout_type: int,
        loga_iomode: int,
        loga_offset: offset4,
        loga_length: length4,
        loga_minlength: length4,
        loga_stateid: stateid4,
        loga_maxcount: count4,
    ) -> None:
        self.loga_signal_layout_avail = loga_signal_layout_avail
        self.loga_layout_type = loga_layout_type
        self.loga_iomode = loga_iomode
        self.loga_offset = loga_offset
        self.loga_length = loga_length
        self.loga_minlength = loga_minlength
        self.loga_stateid = loga_stateid
        self.loga_maxcount = loga_maxcount

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            loga_stateid = self.loga_stateid
            if len(loga_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(loga_stateid.other), 12)
            buf += _I2i3QI12sI.pack(1 if self.loga_signal_layout_avail else 0, self.loga_layout_type, self.loga_iomode, self.loga_offset, self.loga_length, self.loga_minlength, loga_stateid.seqid, loga_stateid.other, self.loga_maxcount)
        except StructError as error:
            raise unencodable("LAYOUTGET4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTGET4args:
        loga_signal_layout_avail, loga_layout_type, loga_iomode, loga_offset, loga_length, loga_minlength, loga_stateid__seqid, loga_stateid__other, loga_maxcount = dec.unpack(_I2i3QI12sI)
        if loga_signal_layout_avail > 1:
            raise not_boolean("LAYOUTGET4args.loga_signal_layout_avail", loga_signal_layout_avail)
        return cls(loga_signal_layout_avail == 1, loga_layout_type, loga_iomode, loga_offset, loga_length, loga_minlength, stateid4(loga_stateid__seqid, loga_stateid__other), loga_maxcount)


class LAYOUTGET4resok(XdrStruct):
    __slots__ = ("logr_return_on_close", "logr_stateid", "logr_layout")

    def __init__(
        self,
        logr_return_on_close: bool,
        logr_stateid: stateid4,
        logr_layout: list[layout4],
    ) -> None:
        self.logr_return_on_close = logr_return_on_close
        self.logr_stateid = logr_stateid
        self.logr_layout = logr_layout

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            logr_stateid = self.logr_stateid
            if len(logr_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(logr_stateid.other), 12)
            logr_layout = self.logr_layout
            n = len(logr_layout)
            buf += _2I12sI.pack(1 if self.logr_return_on_close else 0, logr_stateid.seqid, logr_stateid.other, n)
            for item in logr_layout:
                item.encode(enc)
        except StructError as error:
            raise unencodable("LAYOUTGET4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTGET4resok:
        logr_return_on_close, logr_stateid__seqid, logr_stateid__other, logr_layout_n = dec.unpack(_2I12sI)
        if logr_return_on_close > 1:
            raise not_boolean("LAYOUTGET4resok.logr_return_on_close", logr_return_on_close)
        dec.check_count(logr_layout_n, 28)
        logr_layout = [layout4.decode(dec) for _ in range(logr_layout_n)]
        return cls(logr_return_on_close == 1, stateid4(logr_stateid__seqid, logr_stateid__other), logr_layout)


class LAYOUTGET4res(XdrUnion):
    __slots__ = ("logr_status", "value")

    def __init__(self, logr_status: int, value: LAYOUTGET4resok | bool | None = None) -> None:
        self.logr_status = logr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        logr_status = self.logr_status
        try:
            if logr_status == NFS4_OK:
                buf += _i.pack(logr_status)
                value.encode(enc)
            elif logr_status == NFS4ERR_LAYOUTTRYLATER:
                buf += _iI.pack(logr_status, 1 if value else 0)
            else:
                buf += _i.pack(logr_status)
        except StructError as error:
            raise unencodable("LAYOUTGET4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTGET4res:
        logr_status = dec.int32()
        if logr_status == NFS4_OK:
            logr_resok4 = LAYOUTGET4resok.decode(dec)
            return cls(logr_status, logr_resok4)
        if logr_status == NFS4ERR_LAYOUTTRYLATER:
            logr_will_signal_layout_avail = dec.uint32()
            if logr_will_signal_layout_avail > 1:
                raise not_boolean("LAYOUTGET4res.logr_will_signal_layout_avail", logr_will_signal_layout_avail)
            return cls(logr_status, logr_will_signal_layout_avail == 1)
        return cls(logr_status)

    @property
    def logr_resok4(self) -> LAYOUTGET4resok:
        if not (self.logr_status == NFS4_OK):
            raise wrong_arm(self, "logr_resok4")
        arm: LAYOUTGET4resok = self.value
        return arm

    @property
    def logr_will_signal_layout_avail(self) -> bool:
        if not (self.logr_status == NFS4ERR_LAYOUTTRYLATER):
            raise wrong_arm(self, "logr_will_signal_layout_avail")
        arm: bool = self.value
        return arm


class LAYOUTRETURN4args(XdrStruct):
    __slots__ = ("lora_reclaim", "lora_layout_type", "lora_iomode", "lora_layoutreturn")

    def __init__(
        self,
        lora_reclaim: bool,
        lora_layout_type: int,
        lora_iomode: int,
        lora_layoutreturn: layoutreturn4,
    ) -> None:
        self.lora_reclaim = lora_reclaim
        self.lora_layout_type = lora_layout_type
        self.lora_iomode = lora_iomode
        self.lora_layoutreturn = lora_layoutreturn

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I2i.pack(1 if self.lora_reclaim else 0, self.lora_layout_type, self.lora_iomode)
            self.lora_layoutreturn.encode(enc)
        except StructError as error:
            raise unencodable("LAYOUTRETURN4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTRETURN4args:
        lora_reclaim, lora_layout_type, lora_iomode = dec.unpack(_I2i)
        if lora_reclaim > 1:
            raise not_boolean("LAYOUTRETURN4args.lora_reclaim", lora_reclaim)
        lora_layoutreturn = layoutreturn4.decode(dec)
        return cls(lora_reclaim == 1, lora_layout_type, lora_iomode, lora_layoutreturn)


class layoutreturn_stateid(XdrUnion):
    __slots__ = ("lrs_present", "value")

    def __init__(self, lrs_present: bool, value: stateid4 | None = None) -> None:
        self.lrs_present = lrs_present
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        lrs_present = self.lrs_present
        try:
            if lrs_present:
                if len(value.other) != 12:
                    raise wrong_length("stateid4.other", len(value.other), 12)
                buf += _2I12s.pack(1 if lrs_present else 0, value.seqid, value.other)
            elif not lrs_present:
                buf += _I.pack(1 if lrs_present else 0)
            else:
                raise no_arm("layoutreturn_stateid", lrs_present)
        except StructError as error:
            raise unencodable("layoutreturn_stateid", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> layoutreturn_stateid:
        lrs_present = dec.boolean()
        if lrs_present:
            lrs_stateid__seqid, lrs_stateid__other = dec.unpack(_I12s)
            return cls(lrs_present, stateid4(lrs_stateid__seqid, lrs_stateid__other))
        if not lrs_present:
            return cls(lrs_present)
        raise no_arm("layoutreturn_stateid", lrs_present)

    @property
    def lrs_stateid(self) -> stateid4:
        if not (self.lrs_present):
            raise wrong_arm(self, "lrs_stateid")
        arm: stateid4 = self.value
        return arm


class LAYOUTRETURN4res(XdrUnion):
    __slots__ = ("lorr_status", "value")

    def __init__(self, lorr_status: int, value: layoutreturn_stateid | None = None) -> None:
        self.lorr_status = lorr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        lorr_status = self.lorr_status
        try:
            if lorr_status == NFS4_OK:
                buf += _i.pack(lorr_status)
                value.encode(enc)
            else:
                buf += _i.pack(lorr_status)
        except StructError as error:
            raise unencodable("LAYOUTRETURN4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTRETURN4res:
        lorr_status = dec.int32()
        if lorr_status == NFS4_OK:
            lorr_stateid = layoutreturn_stateid.decode(dec)
            return cls(lorr_status, lorr_stateid)
        return cls(lorr_status)

    @property
    def lorr_stateid(self) -> layoutreturn_stateid:
        if not (self.lorr_status == NFS4_OK):
            raise wrong_arm(self, "lorr_stateid")
        arm: layoutreturn_stateid = self.value
        return arm

SECINFO_NO_NAME4args: TypeAlias = int


SECINFO_NO_NAME4res = SECINFO4res


class SEQUENCE4args(XdrStruct):
    __slots__ = ("sa_sessionid", "sa_sequenceid", "sa_slotid", "sa_highest_slotid", "sa_cachethis")

    def __init__(
        self,
        sa_sessionid: sessionid4,
        sa_sequenceid: sequenceid4,
        sa_slotid: slotid4,
        sa_highest_slotid: slotid4,
        sa_cachethis: bool,
    ) -> None:
        self.sa_sessionid = sa_sessionid
        self.sa_sequenceid = sa_sequenceid
        self.sa_slotid = sa_slotid
        self.sa_highest_slotid = sa_highest_slotid
        self.sa_cachethis = sa_cachethis

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.sa_sessionid) != 16:
                raise wrong_length("SEQUENCE4args.sa_sessionid", len(self.sa_sessionid), 16)
            buf += _16s4I.pack(self.sa_sessionid, self.sa_sequenceid, self.sa_slotid, self.sa_highest_slotid, 1 if self.sa_cachethis else 0)
        except StructError as error:
            raise unencodable("SEQUENCE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SEQUENCE4args:
        sa_sessionid, sa_sequenceid, sa_slotid, sa_highest_slotid, sa_cachethis = dec.unpack(_16s4I)
        if sa_cachethis > 1:
            raise not_boolean("SEQUENCE4args.sa_cachethis", sa_cachethis)
        return cls(sa_sessionid, sa_sequenceid, sa_slotid, sa_highest_slotid, sa_cachethis == 1)


class SEQUENCE4resok(XdrStruct):
    __slots__ = (
        "sr_sessionid",
        "sr_sequenceid",
        "sr_slotid",
        "sr_highest_slotid",
        "sr_target_highest_slotid",
        "sr_status_flags",
    )

    def __init__(
        self,
        sr_sessionid: sessionid4,
        sr_sequenceid: sequenceid4,
        sr_slotid: slotid4,
        sr_highest_slotid: slotid4,
        sr_target_highest_slotid: slotid4,
        sr_status_flags: uint32_t,
    ) -> None:
        self.sr_sessionid = sr_sessionid
        self.sr_sequenceid = sr_sequenceid
        self.sr_slotid = sr_slotid
        self.sr_highest_slotid = sr_highest_slotid
        self.sr_target_highest_slotid = sr_target_highest_slotid
        self.sr_status_flags = sr_status_flags

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.sr_sessionid) != 16:
                raise wrong_length("SEQUENCE4resok.sr_sessionid", len(self.sr_sessionid), 16)
            buf += _16s5I.pack(self.sr_sessionid, self.sr_sequenceid, self.sr_slotid, self.sr_highest_slotid, self.sr_target_highest_slotid, self.sr_status_flags)
        except StructError as error:
            raise unencodable("SEQUENCE4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SEQUENCE4resok:
        sr_sessionid, sr_sequenceid, sr_slotid, sr_highest_slotid, sr_target_highest_slotid, sr_status_flags = dec.unpack(_16s5I)
        return cls(sr_sessionid, sr_sequenceid, sr_slotid, sr_highest_slotid, sr_target_highest_slotid, sr_status_flags)


class SEQUENCE4res(XdrUnion):
    __slots__ = ("sr_status", "value")

    def __init__(self, sr_status: int, value: SEQUENCE4resok | None = None) -> None:
        self.sr_status = sr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        sr_status = self.sr_status
        try:
            if sr_status == NFS4_OK:
                if len(value.sr_sessionid) != 16:
                    raise wrong_length("SEQUENCE4resok.sr_sessionid", len(value.sr_sessionid), 16)
                buf += _i16s5I.pack(sr_status, value.sr_sessionid, value.sr_sequenceid, value.sr_slotid, value.sr_highest_slotid, value.sr_target_highest_slotid, value.sr_status_flags)
            else:
                buf += _i.pack(sr_status)
        except StructError as error:
            raise unencodable("SEQUENCE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SEQUENCE4res:
        sr_status = dec.int32()
        if sr_status == NFS4_OK:
            sr_resok4__sr_sessionid, sr_resok4__sr_sequenceid, sr_resok4__sr_slotid, sr_resok4__sr_highest_slotid, sr_resok4__sr_target_highest_slotid, sr_resok4__sr_status_flags = dec.unpack(_16s5I)
            return cls(sr_status, SEQUENCE4resok(sr_resok4__sr_sessionid, sr_resok4__sr_sequenceid, sr_resok4__sr_slotid, sr_resok4__sr_highest_slotid, sr_resok4__sr_target_highest_slotid, sr_resok4__sr_status_flags))
        return cls(sr_status)

    @property
    def sr_resok4(self) -> SEQUENCE4resok:
        if not (self.sr_status == NFS4_OK):
            raise wrong_arm(self, "sr_resok4")
        arm: SEQUENCE4resok = self.value
        return arm


class ssa_digest_input4(XdrStruct):
    __slots__ = ("sdi_seqargs",)

    def __init__(self, sdi_seqargs: SEQUENCE4args) -> None:
        self.sdi_seqargs = sdi_seqargs

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            sdi_seqargs = self.sdi_seqargs
            if len(sdi_seqargs.sa_sessionid) != 16:
                raise wrong_length("SEQUENCE4args.sa_sessionid", len(sdi_seqargs.sa_sessionid), 16)
            buf += _16s4I.pack(sdi_seqargs.sa_sessionid, sdi_seqargs.sa_sequenceid, sdi_seqargs.sa_slotid, sdi_seqargs.sa_highest_slotid, 1 if sdi_seqargs.sa_cachethis else 0)
        except StructError as error:
            raise unencodable("ssa_digest_input4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ssa_digest_input4:
        sdi_seqargs__sa_sessionid, sdi_seqargs__sa_sequenceid, sdi_seqargs__sa_slotid, sdi_seqargs__sa_highest_slotid, sdi_seqargs__sa_cachethis = dec.unpack(_16s4I)
        if sdi_seqargs__sa_cachethis > 1:
            raise not_boolean("SEQUENCE4args.sa_cachethis", sdi_seqargs__sa_cachethis)
        return cls(SEQUENCE4args(sdi_seqargs__sa_sessionid, sdi_seqargs__sa_sequenceid, sdi_seqargs__sa_slotid, sdi_seqargs__sa_highest_slotid, sdi_seqargs__sa_cachethis == 1))


class SET_SSV4args(XdrStruct):
    __slots__ = ("ssa_ssv", "ssa_digest")

    def __init__(self, ssa_ssv: bytes, ssa_digest: bytes) -> None:
        self.ssa_ssv = ssa_ssv
        self.ssa_digest = ssa_digest

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ssa_ssv = self.ssa_ssv
            n = len(ssa_ssv)
            buf += _I.pack(n)
            buf += ssa_ssv
            if n & 3:
                buf += PAD[n & 3]
            ssa_digest = self.ssa_digest
            n2 = len(ssa_digest)
            buf += _I.pack(n2)
            buf += ssa_digest
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("SET_SSV4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SET_SSV4args:
        ssa_ssv_n = dec.uint32()
        ssa_ssv = dec.octets(ssa_ssv_n)
        ssa_digest_n = dec.uint32()
        ssa_digest = dec.octets(ssa_digest_n)
        return cls(ssa_ssv, ssa_digest)


class ssr_digest_input4(XdrStruct):
    __slots__ = ("sdi_seqres",)

    def __init__(self, sdi_seqres: SEQUENCE4res) -> None:
        self.sdi_seqres = sdi_seqres

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.sdi_seqres.encode(enc)
        except StructError as error:
            raise unencodable("ssr_digest_input4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ssr_digest_input4:
        sdi_seqres = SEQUENCE4res.decode(dec)
        return cls(sdi_seqres)


class SET_SSV4resok(XdrStruct):
    __slots__ = ("ssr_digest",)

    def __init__(self, ssr_digest: bytes) -> None:
        self.ssr_digest = ssr_digest

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ssr_digest = self.ssr_digest
            n = len(ssr_digest)
            buf += _I.pack(n)
            buf += ssr_digest
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("SET_SSV4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SET_SSV4resok:
        ssr_digest_n = dec.uint32()
        ssr_digest = dec.octets(ssr_digest_n)
        return cls(ssr_digest)


class SET_SSV4res(XdrUnion):
    __slots__ = ("ssr_status", "value")

    def __init__(self, ssr_status: int, value: SET_SSV4resok | None = None) -> None:
        self.ssr_status = ssr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        ssr_status = self.ssr_status
        try:
            if ssr_status == NFS4_OK:
                buf += _i.pack(ssr_status)
                value.encode(enc)
            else:
                buf += _i.pack(ssr_status)
        except StructError as error:
            raise unencodable("SET_SSV4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SET_SSV4res:
        ssr_status = dec.int32()
        if ssr_status == NFS4_OK:
            ssr_resok4 = SET_SSV4resok.decode(dec)
            return cls(ssr_status, ssr_resok4)
        return cls(ssr_status)

    @property
    def ssr_resok4(self) -> SET_SSV4resok:
        if not (self.ssr_status == NFS4_OK):
            raise wrong_arm(self, "ssr_resok4")
        arm: SET_SSV4resok = self.value
        return arm


class TEST_STATEID4args(XdrStruct):
    __slots__ = ("ts_stateids",)

    def __init__(self, ts_stateids: list[stateid4]) -> None:
        self.ts_stateids = ts_stateids

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ts_stateids = self.ts_stateids
            n = len(ts_stateids)
            buf += _I.pack(n)
            for item in ts_stateids:
                if len(item.other) != 12:
                    raise wrong_length("stateid4.other", len(item.other), 12)
                buf += _I12s.pack(item.seqid, item.other)
        except StructError as error:
            raise unencodable("TEST_STATEID4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> TEST_STATEID4args:
        ts_stateids_n = dec.uint32()
        dec.check_count(ts_stateids_n, 16)
        ts_stateids = [stateid4.decode(dec) for _ in range(ts_stateids_n)]
        return cls(ts_stateids)


class TEST_STATEID4resok(XdrStruct):
    __slots__ = ("tsr_status_codes",)

    def __init__(self, tsr_status_codes: list[int]) -> None:
        self.tsr_status_codes = tsr_status_codes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            tsr_status_codes = self.tsr_status_codes
            n = len(tsr_status_codes)
            buf += _I.pack(n)
            buf += pack(f">{n}i", *tsr_status_codes)
        except StructError as error:
            raise unencodable("TEST_STATEID4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> TEST_STATEID4resok:
        tsr_status_codes_n = dec.uint32()
        tsr_status_codes = dec.numbers("i", tsr_status_codes_n)
        return cls(tsr_status_codes)


class TEST_STATEID4res(XdrUnion):
    __slots__ = ("tsr_status", "value")

    def __init__(self, tsr_status: int, value: TEST_STATEID4resok | None = None) -> None:
        self.tsr_status = tsr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        tsr_status = self.tsr_status
        try:
            if tsr_status == NFS4_OK:
                buf += _i.pack(tsr_status)
                value.encode(enc)
            else:
                buf += _i.pack(tsr_status)
        except StructError as error:
            raise unencodable("TEST_STATEID4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> TEST_STATEID4res:
        tsr_status = dec.int32()
        if tsr_status == NFS4_OK:
            tsr_resok4 = TEST_STATEID4resok.decode(dec)
            return cls(tsr_status, tsr_resok4)
        return cls(tsr_status)

    @property
    def tsr_resok4(self) -> TEST_STATEID4resok:
        if not (self.tsr_status == NFS4_OK):
            raise wrong_arm(self, "tsr_resok4")
        arm: TEST_STATEID4resok = self.value
        return arm


class deleg_claim4(XdrUnion):
    __slots__ = ("dc_claim", "value")

    def __init__(self, dc_claim: int, value: int | None = None) -> None:
        self.dc_claim = dc_claim
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        dc_claim = self.dc_claim
        try:
            if dc_claim == CLAIM_FH:
                buf += _i.pack(dc_claim)
            elif dc_claim == CLAIM_DELEG_PREV_FH:
                buf += _i.pack(dc_claim)
            elif dc_claim == CLAIM_PREVIOUS:
                buf += _2i.pack(dc_claim, value)
            else:
                raise no_arm("deleg_claim4", dc_claim)
        except StructError as error:
            raise unencodable("deleg_claim4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> deleg_claim4:
        dc_claim = dec.int32()
        if dc_claim == CLAIM_FH:
            return cls(dc_claim)
        if dc_claim == CLAIM_DELEG_PREV_FH:
            return cls(dc_claim)
        if dc_claim == CLAIM_PREVIOUS:
            dc_delegate_type = dec.int32()
            return cls(dc_claim, dc_delegate_type)
        raise no_arm("deleg_claim4", dc_claim)

    @property
    def dc_delegate_type(self) -> int:
        if not (self.dc_claim == CLAIM_PREVIOUS):
            raise wrong_arm(self, "dc_delegate_type")
        arm: int = self.value
        return arm


class WANT_DELEGATION4args(XdrStruct):
    __slots__ = ("wda_want", "wda_claim")

    def __init__(self, wda_want: uint32_t, wda_claim: deleg_claim4) -> None:
        self.wda_want = wda_want
        self.wda_claim = wda_claim

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(self.wda_want)
            self.wda_claim.encode(enc)
        except StructError as error:
            raise unencodable("WANT_DELEGATION4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WANT_DELEGATION4args:
        wda_want = dec.uint32()
        wda_claim = deleg_claim4.decode(dec)
        return cls(wda_want, wda_claim)


class WANT_DELEGATION4res(XdrUnion):
    __slots__ = ("wdr_status", "value")

    def __init__(self, wdr_status: int, value: open_delegation4 | None = None) -> None:
        self.wdr_status = wdr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        wdr_status = self.wdr_status
        try:
            if wdr_status == NFS4_OK:
                buf += _i.pack(wdr_status)
                value.encode(enc)
            else:
                buf += _i.pack(wdr_status)
        except StructError as error:
            raise unencodable("WANT_DELEGATION4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WANT_DELEGATION4res:
        wdr_status = dec.int32()
        if wdr_status == NFS4_OK:
            wdr_resok4 = open_delegation4.decode(dec)
            return cls(wdr_status, wdr_resok4)
        return cls(wdr_status)

    @property
    def wdr_resok4(self) -> open_delegation4:
        if not (self.wdr_status == NFS4_OK):
            raise wrong_arm(self, "wdr_resok4")
        arm: open_delegation4 = self.value
        return arm


class DESTROY_CLIENTID4args(XdrStruct):
    __slots__ = ("dca_clientid",)

    def __init__(self, dca_clientid: clientid4) -> None:
        self.dca_clientid = dca_clientid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _Q.pack(self.dca_clientid)
        except StructError as error:
            raise unencodable("DESTROY_CLIENTID4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> DESTROY_CLIENTID4args:
        dca_clientid = dec.uint64()
        return cls(dca_clientid)


class DESTROY_CLIENTID4res(XdrStruct):
    __slots__ = ("dcr_status",)

    def __init__(self, dcr_status: int) -> None:
        self.dcr_status = dcr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.dcr_status)
        except StructError as error:
            raise unencodable("DESTROY_CLIENTID4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> DESTROY_CLIENTID4res:
        dcr_status = dec.int32()
        return cls(dcr_status)


class RECLAIM_COMPLETE4args(XdrStruct):
    __slots__ = ("rca_one_fs",)

    def __init__(self, rca_one_fs: bool) -> None:
        self.rca_one_fs = rca_one_fs

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(1 if self.rca_one_fs else 0)
        except StructError as error:
            raise unencodable("RECLAIM_COMPLETE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RECLAIM_COMPLETE4args:
        rca_one_fs = dec.uint32()
        if rca_one_fs > 1:
            raise not_boolean("RECLAIM_COMPLETE4args.rca_one_fs", rca_one_fs)
        return cls(rca_one_fs == 1)


class RECLAIM_COMPLETE4res(XdrStruct):
    __slots__ = ("rcr_status",)

    def __init__(self, rcr_status: int) -> None:
        self.rcr_status = rcr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.rcr_status)
        except StructError as error:
            raise unencodable("RECLAIM_COMPLETE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> RECLAIM_COMPLETE4res:
        rcr_status = dec.int32()
        return cls(rcr_status)


class COPY4args(XdrStruct):
    __slots__ = (
        "ca_src_stateid",
        "ca_dst_stateid",
        "ca_src_offset",
        "ca_dst_offset",
        "ca_count",
        "ca_consecutive",
        "ca_synchronous",
        "ca_source_server",
    )

    def __init__(
        self,
        ca_src_stateid: stateid4,
        ca_dst_stateid: stateid4,
        ca_src_offset: offset4,
        ca_dst_offset: offset4,
        ca_count: length4,
        ca_consecutive: bool,
        ca_synchronous: bool,
        ca_source_server: list[netloc4],
    ) -> None:
        self.ca_src_stateid = ca_src_stateid
        self.ca_dst_stateid = ca_dst_stateid
        self.ca_src_offset = ca_src_offset
        self.ca_dst_offset = ca_dst_offset
        self.ca_count = ca_count
        self.ca_consecutive = ca_consecutive
        self.ca_synchronous = ca_synchronous
        self.ca_source_server = ca_source_server

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ca_src_stateid = self.ca_src_stateid
            if len(ca_src_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(ca_src_stateid.other), 12)
            ca_dst_stateid = self.ca_dst_stateid
            if len(ca_dst_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(ca_dst_stateid.other), 12)
            ca_source_server = self.ca_source_server
            n = len(ca_source_server)
            buf += _I12sI12s3Q3I.pack(ca_src_stateid.seqid, ca_src_stateid.other, ca_dst_stateid.seqid, ca_dst_stateid.other, self.ca_src_offset, self.ca_dst_offset, self.ca_count, 1 if self.ca_consecutive else 0, 1 if self.ca_synchronous else 0, n)
            for item in ca_source_server:
                item.encode(enc)
        except StructError as error:
            raise unencodable("COPY4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COPY4args:
        ca_src_stateid__seqid, ca_src_stateid__other, ca_dst_stateid__seqid, ca_dst_stateid__other, ca_src_offset, ca_dst_offset, ca_count, ca_consecutive, ca_synchronous, ca_source_server_n = dec.unpack(_I12sI12s3Q3I)
        if ca_consecutive > 1:
            raise not_boolean("COPY4args.ca_consecutive", ca_consecutive)
        if ca_synchronous > 1:
            raise not_boolean("COPY4args.ca_synchronous", ca_synchronous)
        dec.check_count(ca_source_server_n, 8)
        ca_source_server = [netloc4.decode(dec) for _ in range(ca_source_server_n)]
        return cls(stateid4(ca_src_stateid__seqid, ca_src_stateid__other), stateid4(ca_dst_stateid__seqid, ca_dst_stateid__other), ca_src_offset, ca_dst_offset, ca_count, ca_consecutive == 1, ca_synchronous == 1, ca_source_server)


class copy_requirements4(XdrStruct):
    __slots__ = ("cr_consecutive", "cr_synchronous")

    def __init__(self, cr_consecutive: bool, cr_synchronous: bool) -> None:
        self.cr_consecutive = cr_consecutive
        self.cr_synchronous = cr_synchronous

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(1 if self.cr_consecutive else 0, 1 if self.cr_synchronous else 0)
        except StructError as error:
            raise unencodable("copy_requirements4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> copy_requirements4:
        cr_consecutive, cr_synchronous = dec.unpack(_2I)
        if cr_consecutive > 1:
            raise not_boolean("copy_requirements4.cr_consecutive", cr_consecutive)
        if cr_synchronous > 1:
            raise not_boolean("copy_requirements4.cr_synchronous", cr_synchronous)
        return cls(cr_consecutive == 1, cr_synchronous == 1)


class COPY4resok(XdrStruct):
    __slots__ = ("cr_response", "cr_requirements")

    def __init__(self, cr_response: write_response4, cr_requirements: copy_requirements4) -> None:
        self.cr_response = cr_response
        self.cr_requirements = cr_requirements

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.cr_response.encode(enc)
            cr_requirements = self.cr_requirements
            buf += _2I.pack(1 if cr_requirements.cr_consecutive else 0, 1 if cr_requirements.cr_synchronous else 0)
        except StructError as error:
            raise unencodable("COPY4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COPY4resok:
        cr_response = write_response4.decode(dec)
        cr_requirements__cr_consecutive, cr_requirements__cr_synchronous = dec.unpack(_2I)
        if cr_requirements__cr_consecutive > 1:
            raise not_boolean("copy_requirements4.cr_consecutive", cr_requirements__cr_consecutive)
        if cr_requirements__cr_synchronous > 1:
            raise not_boolean("copy_requirements4.cr_synchronous", cr_requirements__cr_synchronous)
        return cls(cr_response, copy_requirements4(cr_requirements__cr_consecutive == 1, cr_requirements__cr_synchronous == 1))


class COPY4res(XdrUnion):
    __slots__ = ("cr_status", "value")

    def __init__(
        self,
        cr_status: int,
        value: COPY4resok | copy_requirements4 | None = None,
    ) -> None:
        self.cr_status = cr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        cr_status = self.cr_status
        try:
            if cr_status == NFS4_OK:
                buf += _i.pack(cr_status)
                value.encode(enc)
            elif cr_status == NFS4ERR_OFFLOAD_NO_REQS:
                buf += _i2I.pack(cr_status, 1 if value.cr_consecutive else 0, 1 if value.cr_synchronous else 0)
            else:
                buf += _i.pack(cr_status)
        except StructError as error:
            raise unencodable("COPY4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COPY4res:
        cr_status = dec.int32()
        if cr_status == NFS4_OK:
            cr_resok4 = COPY4resok.decode(dec)
            return cls(cr_status, cr_resok4)
        if cr_status == NFS4ERR_OFFLOAD_NO_REQS:
            cr_requirements__cr_consecutive, cr_requirements__cr_synchronous = dec.unpack(_2I)
            if cr_requirements__cr_consecutive > 1:
                raise not_boolean("copy_requirements4.cr_consecutive", cr_requirements__cr_consecutive)
            if cr_requirements__cr_synchronous > 1:
                raise not_boolean("copy_requirements4.cr_synchronous", cr_requirements__cr_synchronous)
            return cls(cr_status, copy_requirements4(cr_requirements__cr_consecutive == 1, cr_requirements__cr_synchronous == 1))
        return cls(cr_status)

    @property
    def cr_resok4(self) -> COPY4resok:
        if not (self.cr_status == NFS4_OK):
            raise wrong_arm(self, "cr_resok4")
        arm: COPY4resok = self.value
        return arm

    @property
    def cr_requirements(self) -> copy_requirements4:
        if not (self.cr_status == NFS4ERR_OFFLOAD_NO_REQS):
            raise wrong_arm(self, "cr_requirements")
        arm: copy_requirements4 = self.value
        return arm


class COPY_NOTIFY4args(XdrStruct):
    __slots__ = ("cna_src_stateid", "cna_destination_server")

    def __init__(self, cna_src_stateid: stateid4, cna_destination_server: netloc4) -> None:
        self.cna_src_stateid = cna_src_stateid
        self.cna_destination_server = cna_destination_server

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cna_src_stateid = self.cna_src_stateid
            if len(cna_src_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(cna_src_stateid.other), 12)
            buf += _I12s.pack(cna_src_stateid.seqid, cna_src_stateid.other)
            self.cna_destination_server.encode(enc)
        except StructError as error:
            raise unencodable("COPY_NOTIFY4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COPY_NOTIFY4args:
        cna_src_stateid__seqid, cna_src_stateid__other = dec.unpack(_I12s)
        cna_destination_server = netloc4.decode(dec)
        return cls(stateid4(cna_src_stateid__seqid, cna_src_stateid__other), cna_destination_server)


class COPY_NOTIFY4resok(XdrStruct):
    __slots__ = ("cnr_lease_time", "cnr_stateid", "cnr_source_server")

    def __init__(
        self,
        cnr_lease_time: nfstime4,
        cnr_stateid: stateid4,
        cnr_source_server: list[netloc4],
    ) -> None:
        self.cnr_lease_time = cnr_lease_time
        self.cnr_stateid = cnr_stateid
        self.cnr_source_server = cnr_source_server

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cnr_lease_time = self.cnr_lease_time
            cnr_stateid = self.cnr_stateid
            if len(cnr_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(cnr_stateid.other), 12)
            cnr_source_server = self.cnr_source_server
            n = len(cnr_source_server)
            buf += _q2I12sI.pack(cnr_lease_time.seconds, cnr_lease_time.nseconds, cnr_stateid.seqid, cnr_stateid.other, n)
            for item in cnr_source_server:
                item.encode(enc)
        except StructError as error:
            raise unencodable("COPY_NOTIFY4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COPY_NOTIFY4resok:
        cnr_lease_time__seconds, cnr_lease_time__nseconds, cnr_stateid__seqid, cnr_stateid__other, cnr_source_server_n = dec.unpack(_q2I12sI)
        dec.check_count(cnr_source_server_n, 8)
        cnr_source_server = [netloc4.decode(dec) for _ in range(cnr_source_server_n)]
        return cls(nfstime4(cnr_lease_time__seconds, cnr_lease_time__nseconds), stateid4(cnr_stateid__seqid, cnr_stateid__other), cnr_source_server)


class COPY_NOTIFY4res(XdrUnion):
    __slots__ = ("cnr_status", "value")

    def __init__(self, cnr_status: int, value: COPY_NOTIFY4resok | None = None) -> None:
        self.cnr_status = cnr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        cnr_status = self.cnr_status
        try:
            if cnr_status == NFS4_OK:
                buf += _i.pack(cnr_status)
                value.encode(enc)
            else:
                buf += _i.pack(cnr_status)
        except StructError as error:
            raise unencodable("COPY_NOTIFY4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COPY_NOTIFY4res:
        cnr_status = dec.int32()
        if cnr_status == NFS4_OK:
            resok4 = COPY_NOTIFY4resok.decode(dec)
            return cls(cnr_status, resok4)
        return cls(cnr_status)

    @property
    def resok4(self) -> COPY_NOTIFY4resok:
        if not (self.cnr_status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: COPY_NOTIFY4resok = self.value
        return arm


class OFFLOAD_CANCEL4args(XdrStruct):
    __slots__ = ("oca_stateid",)

    def __init__(self, oca_stateid: stateid4) -> None:
        self.oca_stateid = oca_stateid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            oca_stateid = self.oca_stateid
            if len(oca_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(oca_stateid.other), 12)
            buf += _I12s.pack(oca_stateid.seqid, oca_stateid.other)
        except StructError as error:
            raise unencodable("OFFLOAD_CANCEL4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OFFLOAD_CANCEL4args:
        oca_stateid__seqid, oca_stateid__other = dec.unpack(_I12s)
        return cls(stateid4(oca_stateid__seqid, oca_stateid__other))


class OFFLOAD_CANCEL4res(XdrStruct):
    __slots__ = ("ocr_status",)

    def __init__(self, ocr_status: int) -> None:
        self.ocr_status = ocr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.ocr_status)
        except StructError as error:
            raise unencodable("OFFLOAD_CANCEL4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OFFLOAD_CANCEL4res:
        ocr_status = dec.int32()
        return cls(ocr_status)


class OFFLOAD_STATUS4args(XdrStruct):
    __slots__ = ("osa_stateid",)

    def __init__(self, osa_stateid: stateid4) -> None:
        self.osa_stateid = osa_stateid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            osa_stateid = self.osa_stateid
            if len(osa_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(osa_stateid.other), 12)
            buf += _I12s.pack(osa_stateid.seqid, osa_stateid.other)
        except StructError as error:
            raise unencodable("OFFLOAD_STATUS4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OFFLOAD_STATUS4args:
        osa_stateid__seqid, osa_stateid__other = dec.unpack(_I12s)
        return cls(stateid4(osa_stateid__seqid, osa_stateid__other))


class OFFLOAD_STATUS4resok(XdrStruct):
    __slots__ = ("osr_count", "osr_complete")

    def __init__(self, osr_count: length4, osr_complete: list[int]) -> None:
        self.osr_count = osr_count
        self.osr_complete = osr_complete

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            osr_complete = self.osr_complete
            n = len(osr_complete)
            if n > 1:
                raise too_long("OFFLOAD_STATUS4resok.osr_complete", n, 1)
            buf += _QI.pack(self.osr_count, n)
            buf += pack(f">{n}i", *osr_complete)
        except StructError as error:
            raise unencodable("OFFLOAD_STATUS4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OFFLOAD_STATUS4resok:
        osr_count, osr_complete_n = dec.unpack(_QI)
        if osr_complete_n > 1:
            raise too_long("OFFLOAD_STATUS4resok.osr_complete", osr_complete_n, 1)
        osr_complete = dec.numbers("i", osr_complete_n)
        return cls(osr_count, osr_complete)


class OFFLOAD_STATUS4res(XdrUnion):
    __slots__ = ("osr_status", "value")

    def __init__(self, osr_status: int, value: OFFLOAD_STATUS4resok | None = None) -> None:
        self.osr_status = osr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        osr_status = self.osr_status
        try:
            if osr_status == NFS4_OK:
                buf += _i.pack(osr_status)
                value.encode(enc)
            else:
                buf += _i.pack(osr_status)
        except StructError as error:
            raise unencodable("OFFLOAD_STATUS4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> OFFLOAD_STATUS4res:
        osr_status = dec.int32()
        if osr_status == NFS4_OK:
            osr_resok4 = OFFLOAD_STATUS4resok.decode(dec)
            return cls(osr_status, osr_resok4)
        return cls(osr_status)

    @property
    def osr_resok4(self) -> OFFLOAD_STATUS4resok:
        if not (self.osr_status == NFS4_OK):
            raise wrong_arm(self, "osr_resok4")
        arm: OFFLOAD_STATUS4resok = self.value
        return arm


class ALLOCATE4args(XdrStruct):
    __slots__ = ("aa_stateid", "aa_offset", "aa_length")

    def __init__(self, aa_stateid: stateid4, aa_offset: offset4, aa_length: length4) -> None:
        self.aa_stateid = aa_stateid
        self.aa_offset = aa_offset
        self.aa_length = aa_length

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            aa_stateid = self.aa_stateid
            if len(aa_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(aa_stateid.other), 12)
            buf += _I12s2Q.pack(aa_stateid.seqid, aa_stateid.other, self.aa_offset, self.aa_length)
        except StructError as error:
            raise unencodable("ALLOCATE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ALLOCATE4args:
        aa_stateid__seqid, aa_stateid__other, aa_offset, aa_length = dec.unpack(_I12s2Q)
        return cls(stateid4(aa_stateid__seqid, aa_stateid__other), aa_offset, aa_length)


class ALLOCATE4res(XdrStruct):
    __slots__ = ("ar_status",)

    def __init__(self, ar_status: int) -> None:
        self.ar_status = ar_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.ar_status)
        except StructError as error:
            raise unencodable("ALLOCATE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> ALLOCATE4res:
        ar_status = dec.int32()
        return cls(ar_status)


class DEALLOCATE4args(XdrStruct):
    __slots__ = ("da_stateid", "da_offset", "da_length")

    def __init__(self, da_stateid: stateid4, da_offset: offset4, da_length: length4) -> None:
        self.da_stateid = da_stateid
        self.da_offset = da_offset
        self.da_length = da_length

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            da_stateid = self.da_stateid
            if len(da_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(da_stateid.other), 12)
            buf += _I12s2Q.pack(da_stateid.seqid, da_stateid.other, self.da_offset, self.da_length)
        except StructError as error:
            raise unencodable("DEALLOCATE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> DEALLOCATE4args:
        da_stateid__seqid, da_stateid__other, da_offset, da_length = dec.unpack(_I12s2Q)
        return cls(stateid4(da_stateid__seqid, da_stateid__other), da_offset, da_length)


class DEALLOCATE4res(XdrStruct):
    __slots__ = ("dr_status",)

    def __init__(self, dr_status: int) -> None:
        self.dr_status = dr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.dr_status)
        except StructError as error:
            raise unencodable("DEALLOCATE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> DEALLOCATE4res:
        dr_status = dec.int32()
        return cls(dr_status)


class IO_ADVISE4args(XdrStruct):
    __slots__ = ("iaa_stateid", "iaa_offset", "iaa_count", "iaa_hints")

    def __init__(
        self,
        iaa_stateid: stateid4,
        iaa_offset: offset4,
        iaa_count: length4,
        iaa_hints: bitmap4,
    ) -> None:
        self.iaa_stateid = iaa_stateid
        self.iaa_offset = iaa_offset
        self.iaa_count = iaa_count
        self.iaa_hints = iaa_hints

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            iaa_stateid = self.iaa_stateid
            if len(iaa_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(iaa_stateid.other), 12)
            iaa_hints = self.iaa_hints
            n = len(iaa_hints)
            buf += _I12s2QI.pack(iaa_stateid.seqid, iaa_stateid.other, self.iaa_offset, self.iaa_count, n)
            buf += pack(f">{n}I", *iaa_hints)
        except StructError as error:
            raise unencodable("IO_ADVISE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> IO_ADVISE4args:
        iaa_stateid__seqid, iaa_stateid__other, iaa_offset, iaa_count, iaa_hints_n = dec.unpack(_I12s2QI)
        iaa_hints = dec.numbers("I", iaa_hints_n)
        return cls(stateid4(iaa_stateid__seqid, iaa_stateid__other), iaa_offset, iaa_count, iaa_hints)


class IO_ADVISE4resok(XdrStruct):
    __slots__ = ("ior_hints",)

    def __init__(self, ior_hints: bitmap4) -> None:
        self.ior_hints = ior_hints

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ior_hints = self.ior_hints
            n = len(ior_hints)
            buf += _I.pack(n)
            buf += pack(f">{n}I", *ior_hints)
        except StructError as error:
            raise unencodable("IO_ADVISE4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> IO_ADVISE4resok:
        ior_hints_n = dec.uint32()
        ior_hints = dec.numbers("I", ior_hints_n)
        return cls(ior_hints)


class IO_ADVISE4res(XdrUnion):
    __slots__ = ("ior_status", "value")

    def __init__(self, ior_status: int, value: IO_ADVISE4resok | None = None) -> None:
        self.ior_status = ior_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        ior_status = self.ior_status
        try:
            if ior_status == NFS4_OK:
                buf += _i.pack(ior_status)
                value.encode(enc)
            else:
                buf += _i.pack(ior_status)
        except StructError as error:
            raise unencodable("IO_ADVISE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> IO_ADVISE4res:
        ior_status = dec.int32()
        if ior_status == NFS4_OK:
            resok4 = IO_ADVISE4resok.decode(dec)
            return cls(ior_status, resok4)
        return cls(ior_status)

    @property
    def resok4(self) -> IO_ADVISE4resok:
        if not (self.ior_status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: IO_ADVISE4resok = self.value
        return arm


class LAYOUTERROR4args(XdrStruct):
    __slots__ = ("lea_offset", "lea_length", "lea_stateid", "lea_errors")

    def __init__(
        self,
        lea_offset: offset4,
        lea_length: length4,
        lea_stateid: stateid4,
        lea_errors: list[device_error4],
    ) -> None:
        self.lea_offset = lea_offset
        self.lea_length = lea_length
        self.lea_stateid = lea_stateid
        self.lea_errors = lea_errors

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            lea_stateid = self.lea_stateid
            if len(lea_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(lea_stateid.other), 12)
            lea_errors = self.lea_errors
            n = len(lea_errors)
            buf += _2QI12sI.pack(self.lea_offset, self.lea_length, lea_stateid.seqid, lea_stateid.other, n)
            for item in lea_errors:
                if len(item.de_deviceid) != 16:
                    raise wrong_length("device_error4.de_deviceid", len(item.de_deviceid), 16)
                buf += _16s2i.pack(item.de_deviceid, item.de_status, item.de_opnum)
        except StructError as error:
            raise unencodable("LAYOUTERROR4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTERROR4args:
        lea_offset, lea_length, lea_stateid__seqid, lea_stateid__other, lea_errors_n = dec.unpack(_2QI12sI)
        dec.check_count(lea_errors_n, 24)
        lea_errors = [device_error4.decode(dec) for _ in range(lea_errors_n)]
        return cls(lea_offset, lea_length, stateid4(lea_stateid__seqid, lea_stateid__other), lea_errors)


class LAYOUTERROR4res(XdrStruct):
    __slots__ = ("ler_status",)

    def __init__(self, ler_status: int) -> None:
        self.ler_status = ler_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.ler_status)
        except StructError as error:
            raise unencodable("LAYOUTERROR4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTERROR4res:
        ler_status = dec.int32()
        return cls(ler_status)


class LAYOUTSTATS4args(XdrStruct):
    __slots__ = (
        "lsa_offset",
        "lsa_length",
        "lsa_stateid",
        "lsa_read",
        "lsa_write",
        "lsa_deviceid",
        "lsa_layoutupdate",
    )

    def __init__(
        self,
        lsa_offset: offset4,
        lsa_length: length4,
        lsa_stateid: stateid4,
        lsa_read: io_info4,
        lsa_write: io_info4,
        lsa_deviceid: deviceid4,
        lsa_layoutupdate: layoutupdate4,
    ) -> None:
        self.lsa_offset = lsa_offset
        self.lsa_length = lsa_length
        self.lsa_stateid = lsa_stateid
        self.lsa_read = lsa_read
        self.lsa_write = lsa_write
        self.lsa_deviceid = lsa_deviceid
        self.lsa_layoutupdate = lsa_layoutupdate

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            lsa_stateid = self.lsa_stateid
            if len(lsa_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(lsa_stateid.other), 12)
            lsa_read = self.lsa_read
            lsa_write = self.lsa_write
            if len(self.lsa_deviceid) != 16:
                raise wrong_length("LAYOUTSTATS4args.lsa_deviceid", len(self.lsa_deviceid), 16)
            buf += _2QI12s4Q16s.pack(self.lsa_offset, self.lsa_length, lsa_stateid.seqid, lsa_stateid.other, lsa_read.ii_count, lsa_read.ii_bytes, lsa_write.ii_count, lsa_write.ii_bytes, self.lsa_deviceid)
            self.lsa_layoutupdate.encode(enc)
        except StructError as error:
            raise unencodable("LAYOUTSTATS4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTSTATS4args:
        lsa_offset, lsa_length, lsa_stateid__seqid, lsa_stateid__other, lsa_read__ii_count, lsa_read__ii_bytes, lsa_write__ii_count, lsa_write__ii_bytes, lsa_deviceid = dec.unpack(_2QI12s4Q16s)
        lsa_layoutupdate = layoutupdate4.decode(dec)
        return cls(lsa_offset, lsa_length, stateid4(lsa_stateid__seqid, lsa_stateid__other), io_info4(lsa_read__ii_count, lsa_read__ii_bytes), io_info4(lsa_write__ii_count, lsa_write__ii_bytes), lsa_deviceid, lsa_layoutupdate)


class LAYOUTSTATS4res(XdrStruct):
    __slots__ = ("lsr_status",)

    def __init__(self, lsr_status: int) -> None:
        self.lsr_status = lsr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.lsr_status)
        except StructError as error:
            raise unencodable("LAYOUTSTATS4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LAYOUTSTATS4res:
        lsr_status = dec.int32()
        return cls(lsr_status)


class READ_PLUS4args(XdrStruct):
    __slots__ = ("rpa_stateid", "rpa_offset", "rpa_count")

    def __init__(self, rpa_stateid: stateid4, rpa_offset: offset4, rpa_count: count4) -> None:
        self.rpa_stateid = rpa_stateid
        self.rpa_offset = rpa_offset
        self.rpa_count = rpa_count

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            rpa_stateid = self.rpa_stateid
            if len(rpa_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(rpa_stateid.other), 12)
            buf += _I12sQI.pack(rpa_stateid.seqid, rpa_stateid.other, self.rpa_offset, self.rpa_count)
        except StructError as error:
            raise unencodable("READ_PLUS4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READ_PLUS4args:
        rpa_stateid__seqid, rpa_stateid__other, rpa_offset, rpa_count = dec.unpack(_I12sQI)
        return cls(stateid4(rpa_stateid__seqid, rpa_stateid__other), rpa_offset, rpa_count)


class read_plus_content(XdrUnion):
    __slots__ = ("rpc_content", "value")

    def __init__(self, rpc_content: int, value: data4 | data_info4 | None = None) -> None:
        self.rpc_content = rpc_content
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        rpc_content = self.rpc_content
        try:
            if rpc_content == NFS4_CONTENT_DATA:
                buf += _i.pack(rpc_content)
                value.encode(enc)
            elif rpc_content == NFS4_CONTENT_HOLE:
                buf += _i2Q.pack(rpc_content, value.di_offset, value.di_length)
            else:
                buf += _i.pack(rpc_content)
        except StructError as error:
            raise unencodable("read_plus_content", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> read_plus_content:
        rpc_content = dec.int32()
        if rpc_content == NFS4_CONTENT_DATA:
            rpc_data = data4.decode(dec)
            return cls(rpc_content, rpc_data)
        if rpc_content == NFS4_CONTENT_HOLE:
            rpc_hole__di_offset, rpc_hole__di_length = dec.unpack(_2Q)
            return cls(rpc_content, data_info4(rpc_hole__di_offset, rpc_hole__di_length))
        return cls(rpc_content)

    @property
    def rpc_data(self) -> data4:
        if not (self.rpc_content == NFS4_CONTENT_DATA):
            raise wrong_arm(self, "rpc_data")
        arm: data4 = self.value
        return arm

    @property
    def rpc_hole(self) -> data_info4:
        if not (self.rpc_content == NFS4_CONTENT_HOLE):
            raise wrong_arm(self, "rpc_hole")
        arm: data_info4 = self.value
        return arm


class read_plus_res4(XdrStruct):
    __slots__ = ("rpr_eof", "rpr_contents")

    def __init__(self, rpr_eof: bool, rpr_contents: list[read_plus_content]) -> None:
        self.rpr_eof = rpr_eof
        self.rpr_contents = rpr_contents

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            rpr_contents = self.rpr_contents
            n = len(rpr_contents)
            buf += _2I.pack(1 if self.rpr_eof else 0, n)
            for item in rpr_contents:
                item.encode(enc)
        except StructError as error:
            raise unencodable("read_plus_res4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> read_plus_res4:
        rpr_eof, rpr_contents_n = dec.unpack(_2I)
        if rpr_eof > 1:
            raise not_boolean("read_plus_res4.rpr_eof", rpr_eof)
        dec.check_count(rpr_contents_n, 4)
        rpr_contents = [read_plus_content.decode(dec) for _ in range(rpr_contents_n)]
        return cls(rpr_eof == 1, rpr_contents)


class READ_PLUS4res(XdrUnion):
    __slots__ = ("rp_status", "value")

    def __init__(self, rp_status: int, value: read_plus_res4 | None = None) -> None:
        self.rp_status = rp_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        rp_status = self.rp_status
        try:
            if rp_status == NFS4_OK:
                buf += _i.pack(rp_status)
                value.encode(enc)
            else:
                buf += _i.pack(rp_status)
        except StructError as error:
            raise unencodable("READ_PLUS4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> READ_PLUS4res:
        rp_status = dec.int32()
        if rp_status == NFS4_OK:
            rp_resok4 = read_plus_res4.decode(dec)
            return cls(rp_status, rp_resok4)
        return cls(rp_status)

    @property
    def rp_resok4(self) -> read_plus_res4:
        if not (self.rp_status == NFS4_OK):
            raise wrong_arm(self, "rp_resok4")
        arm: read_plus_res4 = self.value
        return arm


class SEEK4args(XdrStruct):
    __slots__ = ("sa_stateid", "sa_offset", "sa_what")

    def __init__(self, sa_stateid: stateid4, sa_offset: offset4, sa_what: int) -> None:
        self.sa_stateid = sa_stateid
        self.sa_offset = sa_offset
        self.sa_what = sa_what

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            sa_stateid = self.sa_stateid
            if len(sa_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(sa_stateid.other), 12)
            buf += _I12sQi.pack(sa_stateid.seqid, sa_stateid.other, self.sa_offset, self.sa_what)
        except StructError as error:
            raise unencodable("SEEK4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SEEK4args:
        sa_stateid__seqid, sa_stateid__other, sa_offset, sa_what = dec.unpack(_I12sQi)
        return cls(stateid4(sa_stateid__seqid, sa_stateid__other), sa_offset, sa_what)


class seek_res4(XdrStruct):
    __slots__ = ("sr_eof", "sr_offset")

    def __init__(self, sr_eof: bool, sr_offset: offset4) -> None:
        self.sr_eof = sr_eof
        self.sr_offset = sr_offset

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _IQ.pack(1 if self.sr_eof else 0, self.sr_offset)
        except StructError as error:
            raise unencodable("seek_res4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> seek_res4:
        sr_eof, sr_offset = dec.unpack(_IQ)
        if sr_eof > 1:
            raise not_boolean("seek_res4.sr_eof", sr_eof)
        return cls(sr_eof == 1, sr_offset)


class SEEK4res(XdrUnion):
    __slots__ = ("sa_status", "value")

    def __init__(self, sa_status: int, value: seek_res4 | None = None) -> None:
        self.sa_status = sa_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        sa_status = self.sa_status
        try:
            if sa_status == NFS4_OK:
                buf += _iIQ.pack(sa_status, 1 if value.sr_eof else 0, value.sr_offset)
            else:
                buf += _i.pack(sa_status)
        except StructError as error:
            raise unencodable("SEEK4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SEEK4res:
        sa_status = dec.int32()
        if sa_status == NFS4_OK:
            resok4__sr_eof, resok4__sr_offset = dec.unpack(_IQ)
            if resok4__sr_eof > 1:
                raise not_boolean("seek_res4.sr_eof", resok4__sr_eof)
            return cls(sa_status, seek_res4(resok4__sr_eof == 1, resok4__sr_offset))
        return cls(sa_status)

    @property
    def resok4(self) -> seek_res4:
        if not (self.sa_status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: seek_res4 = self.value
        return arm


class WRITE_SAME4args(XdrStruct):
    __slots__ = ("wsa_stateid", "wsa_stable", "wsa_adb")

    def __init__(self, wsa_stateid: stateid4, wsa_stable: int, wsa_adb: app_data_block4) -> None:
        self.wsa_stateid = wsa_stateid
        self.wsa_stable = wsa_stable
        self.wsa_adb = wsa_adb

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            wsa_stateid = self.wsa_stateid
            if len(wsa_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(wsa_stateid.other), 12)
            buf += _I12si.pack(wsa_stateid.seqid, wsa_stateid.other, self.wsa_stable)
            self.wsa_adb.encode(enc)
        except StructError as error:
            raise unencodable("WRITE_SAME4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WRITE_SAME4args:
        wsa_stateid__seqid, wsa_stateid__other, wsa_stable = dec.unpack(_I12si)
        wsa_adb = app_data_block4.decode(dec)
        return cls(stateid4(wsa_stateid__seqid, wsa_stateid__other), wsa_stable, wsa_adb)


class WRITE_SAME4res(XdrUnion):
    __slots__ = ("wsr_status", "value")

    def __init__(self, wsr_status: int, value: write_response4 | None = None) -> None:
        self.wsr_status = wsr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        wsr_status = self.wsr_status
        try:
            if wsr_status == NFS4_OK:
                buf += _i.pack(wsr_status)
                value.encode(enc)
            else:
                buf += _i.pack(wsr_status)
        except StructError as error:
            raise unencodable("WRITE_SAME4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> WRITE_SAME4res:
        wsr_status = dec.int32()
        if wsr_status == NFS4_OK:
            resok4 = write_response4.decode(dec)
            return cls(wsr_status, resok4)
        return cls(wsr_status)

    @property
    def resok4(self) -> write_response4:
        if not (self.wsr_status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: write_response4 = self.value
        return arm


class CLONE4args(XdrStruct):
    __slots__ = ("cl_src_stateid", "cl_dst_stateid", "cl_src_offset", "cl_dst_offset", "cl_count")

    def __init__(
        self,
        cl_src_stateid: stateid4,
        cl_dst_stateid: stateid4,
        cl_src_offset: offset4,
        cl_dst_offset: offset4,
        cl_count: length4,
    ) -> None:
        self.cl_src_stateid = cl_src_stateid
        self.cl_dst_stateid = cl_dst_stateid
        self.cl_src_offset = cl_src_offset
        self.cl_dst_offset = cl_dst_offset
        self.cl_count = cl_count

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cl_src_stateid = self.cl_src_stateid
            if len(cl_src_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(cl_src_stateid.other), 12)
            cl_dst_stateid = self.cl_dst_stateid
            if len(cl_dst_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(cl_dst_stateid.other), 12)
            buf += _I12sI12s3Q.pack(cl_src_stateid.seqid, cl_src_stateid.other, cl_dst_stateid.seqid, cl_dst_stateid.other, self.cl_src_offset, self.cl_dst_offset, self.cl_count)
        except StructError as error:
            raise unencodable("CLONE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CLONE4args:
        cl_src_stateid__seqid, cl_src_stateid__other, cl_dst_stateid__seqid, cl_dst_stateid__other, cl_src_offset, cl_dst_offset, cl_count = dec.unpack(_I12sI12s3Q)
        return cls(stateid4(cl_src_stateid__seqid, cl_src_stateid__other), stateid4(cl_dst_stateid__seqid, cl_dst_stateid__other), cl_src_offset, cl_dst_offset, cl_count)


class CLONE4res(XdrStruct):
    __slots__ = ("cl_status",)

    def __init__(self, cl_status: int) -> None:
        self.cl_status = cl_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.cl_status)
        except StructError as error:
            raise unencodable("CLONE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CLONE4res:
        cl_status = dec.int32()
        return cls(cl_status)


class GETXATTR4args(XdrStruct):
    __slots__ = ("gxa_name",)

    def __init__(self, gxa_name: xattrkey4) -> None:
        self.gxa_name = gxa_name

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            gxa_name = self.gxa_name
            n = len(gxa_name)
            buf += _I.pack(n)
            buf += gxa_name
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("GETXATTR4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETXATTR4args:
        gxa_name_n = dec.uint32()
        gxa_name = dec.octets(gxa_name_n)
        return cls(gxa_name)


class GETXATTR4res(XdrUnion):
    __slots__ = ("gxr_status", "value")

    def __init__(self, gxr_status: int, value: xattrvalue4 | None = None) -> None:
        self.gxr_status = gxr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        gxr_status = self.gxr_status
        try:
            if gxr_status == NFS4_OK:
                n = len(value)
                buf += _iI.pack(gxr_status, n)
                buf += value
                if n & 3:
                    buf += PAD[n & 3]
            else:
                buf += _i.pack(gxr_status)
        except StructError as error:
            raise unencodable("GETXATTR4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> GETXATTR4res:
        gxr_status = dec.int32()
        if gxr_status == NFS4_OK:
            gxr_value_n = dec.uint32()
            gxr_value = dec.octets(gxr_value_n)
            return cls(gxr_status, gxr_value)
        return cls(gxr_status)

    @property
    def gxr_value(self) -> xattrvalue4:
        if not (self.gxr_status == NFS4_OK):
            raise wrong_arm(self, "gxr_value")
        arm: xattrvalue4 = self.value
        return arm


class SETXATTR4args(XdrStruct):
    __slots__ = ("sxa_option", "sxa_key", "sxa_value")

    def __init__(self, sxa_option: int, sxa_key: xattrkey4, sxa_value: xattrvalue4) -> None:
        self.sxa_option = sxa_option
        self.sxa_key = sxa_key
        self.sxa_value = sxa_value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            sxa_key = self.sxa_key
            n = len(sxa_key)
            buf += _iI.pack(self.sxa_option, n)
            buf += sxa_key
            if n & 3:
                buf += PAD[n & 3]
            sxa_value = self.sxa_value
            n2 = len(sxa_value)
            buf += _I.pack(n2)
            buf += sxa_value
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("SETXATTR4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETXATTR4args:
        sxa_option, sxa_key_n = dec.unpack(_iI)
        sxa_key = dec.octets(sxa_key_n)
        sxa_value_n = dec.uint32()
        sxa_value = dec.octets(sxa_value_n)
        return cls(sxa_option, sxa_key, sxa_value)


class SETXATTR4res(XdrUnion):
    __slots__ = ("sxr_status", "value")

    def __init__(self, sxr_status: int, value: change_info4 | None = None) -> None:
        self.sxr_status = sxr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        sxr_status = self.sxr_status
        try:
            if sxr_status == NFS4_OK:
                buf += _iI2Q.pack(sxr_status, 1 if value.atomic else 0, value.before, value.after)
            else:
                buf += _i.pack(sxr_status)
        except StructError as error:
            raise unencodable("SETXATTR4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> SETXATTR4res:
        sxr_status = dec.int32()
        if sxr_status == NFS4_OK:
            sxr_info__atomic, sxr_info__before, sxr_info__after = dec.unpack(_I2Q)
            if sxr_info__atomic > 1:
                raise not_boolean("change_info4.atomic", sxr_info__atomic)
            return cls(sxr_status, change_info4(sxr_info__atomic == 1, sxr_info__before, sxr_info__after))
        return cls(sxr_status)

    @property
    def sxr_info(self) -> change_info4:
        if not (self.sxr_status == NFS4_OK):
            raise wrong_arm(self, "sxr_info")
        arm: change_info4 = self.value
        return arm


class LISTXATTRS4args(XdrStruct):
    __slots__ = ("lxa_cookie", "lxa_maxcount")

    def __init__(self, lxa_cookie: nfs_cookie4, lxa_maxcount: count4) -> None:
        self.lxa_cookie = lxa_cookie
        self.lxa_maxcount = lxa_maxcount

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _QI.pack(self.lxa_cookie, self.lxa_maxcount)
        except StructError as error:
            raise unencodable("LISTXATTRS4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LISTXATTRS4args:
        lxa_cookie, lxa_maxcount = dec.unpack(_QI)
        return cls(lxa_cookie, lxa_maxcount)


class LISTXATTRS4resok(XdrStruct):
    __slots__ = ("lxr_cookie", "lxr_names", "lxr_eof")

    def __init__(self, lxr_cookie: nfs_cookie4, lxr_names: list[xattrkey4], lxr_eof: bool) -> None:
        self.lxr_cookie = lxr_cookie
        self.lxr_names = lxr_names
        self.lxr_eof = lxr_eof

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            lxr_names = self.lxr_names
            n = len(lxr_names)
            buf += _QI.pack(self.lxr_cookie, n)
            for item in lxr_names:
                n2 = len(item)
                buf += _I.pack(n2)
                buf += item
                if n2 & 3:
                    buf += PAD[n2 & 3]
            buf += _I.pack(1 if self.lxr_eof else 0)
        except StructError as error:
            raise unencodable("LISTXATTRS4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LISTXATTRS4resok:
        lxr_cookie, lxr_names_n = dec.unpack(_QI)
        dec.check_count(lxr_names_n, 4)
        lxr_names = [dec.opaque() for _ in range(lxr_names_n)]
        lxr_eof = dec.uint32()
        if lxr_eof > 1:
            raise not_boolean("LISTXATTRS4resok.lxr_eof", lxr_eof)
        return cls(lxr_cookie, lxr_names, lxr_eof == 1)


class LISTXATTRS4res(XdrUnion):
    __slots__ = ("lxr_status", "value")

    def __init__(self, lxr_status: int, value: LISTXATTRS4resok | None = None) -> None:
        self.lxr_status = lxr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        lxr_status = self.lxr_status
        try:
            if lxr_status == NFS4_OK:
                buf += _i.pack(lxr_status)
                value.encode(enc)
            else:
                buf += _i.pack(lxr_status)
        except StructError as error:
            raise unencodable("LISTXATTRS4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> LISTXATTRS4res:
        lxr_status = dec.int32()
        if lxr_status == NFS4_OK:
            lxr_value = LISTXATTRS4resok.decode(dec)
            return cls(lxr_status, lxr_value)
        return cls(lxr_status)

    @property
    def lxr_value(self) -> LISTXATTRS4resok:
        if not (self.lxr_status == NFS4_OK):
            raise wrong_arm(self, "lxr_value")
        arm: LISTXATTRS4resok = self.value
        return arm


class REMOVEXATTR4args(XdrStruct):
    __slots__ = ("rxa_name",)

    def __init__(self, rxa_name: xattrkey4) -> None:
        self.rxa_name = rxa_name

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            rxa_name = self.rxa_name
            n = len(rxa_name)
            buf += _I.pack(n)
            buf += rxa_name
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("REMOVEXATTR4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> REMOVEXATTR4args:
        rxa_name_n = dec.uint32()
        rxa_name = dec.octets(rxa_name_n)
        return cls(rxa_name)


class REMOVEXATTR4res(XdrUnion):
    __slots__ = ("rxr_status", "value")

    def __init__(self, rxr_status: int, value: change_info4 | None = None) -> None:
        self.rxr_status = rxr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        rxr_status = self.rxr_status
        try:
            if rxr_status == NFS4_OK:
                buf += _iI2Q.pack(rxr_status, 1 if value.atomic else 0, value.before, value.after)
            else:
                buf += _i.pack(rxr_status)
        except StructError as error:
            raise unencodable("REMOVEXATTR4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> REMOVEXATTR4res:
        rxr_status = dec.int32()
        if rxr_status == NFS4_OK:
            rxr_info__atomic, rxr_info__before, rxr_info__after = dec.unpack(_I2Q)
            if rxr_info__atomic > 1:
                raise not_boolean("change_info4.atomic", rxr_info__atomic)
            return cls(rxr_status, change_info4(rxr_info__atomic == 1, rxr_info__before, rxr_info__after))
        return cls(rxr_status)

    @property
    def rxr_info(self) -> change_info4:
        if not (self.rxr_status == NFS4_OK):
            raise wrong_arm(self, "rxr_info")
        arm: change_info4 = self.value
        return arm


class nfs_argop4(XdrUnion):
    __slots__ = ("argop", "value")

    def __init__(
        self,
        argop: int,
        value: ACCESS4args | CLOSE4args | COMMIT4args | CREATE4args | DELEGPURGE4args | DELEGRETURN4args | GETATTR4args | LINK4args | LOCK4args | LOCKT4args | LOCKU4args | LOOKUP4args | NVERIFY4args | OPEN4args | OPENATTR4args | OPEN_CONFIRM4args | OPEN_DOWNGRADE4args | PUTFH4args | READ4args | READDIR4args | REMOVE4args | RENAME4args | RENEW4args | SECINFO4args | SETATTR4args | SETCLIENTID4args | SETCLIENTID_CONFIRM4args | VERIFY4args | WRITE4args | RELEASE_LOCKOWNER4args | BACKCHANNEL_CTL4args | BIND_CONN_TO_SESSION4args | EXCHANGE_ID4args | CREATE_SESSION4args | DESTROY_SESSION4args | FREE_STATEID4args | GET_DIR_DELEGATION4args | GETDEVICEINFO4args | GETDEVICELIST4args | LAYOUTCOMMIT4args | LAYOUTGET4args | LAYOUTRETURN4args | SECINFO_NO_NAME4args | SEQUENCE4args | SET_SSV4args | TEST_STATEID4args | WANT_DELEGATION4args | DESTROY_CLIENTID4args | RECLAIM_COMPLETE4args | ALLOCATE4args | COPY4args | COPY_NOTIFY4args | DEALLOCATE4args | IO_ADVISE4args | LAYOUTERROR4args | LAYOUTSTATS4args | OFFLOAD_CANCEL4args | OFFLOAD_STATUS4args | READ_PLUS4args | SEEK4args | WRITE_SAME4args | CLONE4args | GETXATTR4args | SETXATTR4args | LISTXATTRS4args | REMOVEXATTR4args | None = None,
    ) -> None:
        self.argop = argop
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        argop = self.argop
        arm = _nfs_argop4_arms.get(argop, MISSING)
        try:
            if arm is not MISSING:
                buf += _i.pack(argop)
                if arm is not None:
                    value.encode(enc)
            elif argop == OP_SECINFO_NO_NAME:
                buf += _2i.pack(argop, value)
            else:
                raise no_arm("nfs_argop4", argop)
        except StructError as error:
            raise unencodable("nfs_argop4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfs_argop4:
        argop = dec.int32()
        arm = _nfs_argop4_arms.get(argop, MISSING)
        if arm is None:
            return cls(argop)
        if arm is not MISSING:
            value = arm.decode(dec)
            return cls(argop, value)
        if argop == OP_SECINFO_NO_NAME:
            opsecinfo_no_name = dec.int32()
            return cls(argop, opsecinfo_no_name)
        raise no_arm("nfs_argop4", argop)

    @property
    def opaccess(self) -> ACCESS4args:
        if not (self.argop == OP_ACCESS):
            raise wrong_arm(self, "opaccess")
        arm: ACCESS4args = self.value
        return arm

    @property
    def opclose(self) -> CLOSE4args:
        if not (self.argop == OP_CLOSE):
            raise wrong_arm(self, "opclose")
        arm: CLOSE4args = self.value
        return arm

    @property
    def opcommit(self) -> COMMIT4args:
        if not (self.argop == OP_COMMIT):
            raise wrong_arm(self, "opcommit")
        arm: COMMIT4args = self.value
        return arm

    @property
    def opcreate(self) -> CREATE4args:
        if not (self.argop == OP_CREATE):
            raise wrong_arm(self, "opcreate")
        arm: CREATE4args = self.value
        return arm

    @property
    def opdelegpurge(self) -> DELEGPURGE4args:
        if not (self.argop == OP_DELEGPURGE):
            raise wrong_arm(self, "opdelegpurge")
        arm: DELEGPURGE4args = self.value
        return arm

    @property
    def opdelegreturn(self) -> DELEGRETURN4args:
        if not (self.argop == OP_DELEGRETURN):
            raise wrong_arm(self, "opdelegreturn")
        arm: DELEGRETURN4args = self.value
        return arm

    @property
    def opgetattr(self) -> GETATTR4args:
        if not (self.argop == OP_GETATTR):
            raise wrong_arm(self, "opgetattr")
        arm: GETATTR4args = self.value
        return arm

    @property
    def oplink(self) -> LINK4args:
        if not (self.argop == OP_LINK):
            raise wrong_arm(self, "oplink")
        arm: LINK4args = self.value
        return arm

    @property
    def oplock(self) -> LOCK4args:
        if not (self.argop == OP_LOCK):
            raise wrong_arm(self, "oplock")
        arm: LOCK4args = self.value
        return arm

    @property
    def oplockt(self) -> LOCKT4args:
        if not (self.argop == OP_LOCKT):
            raise wrong_arm(self, "oplockt")
        arm: LOCKT4args = self.value
        return arm

    @property
    def oplocku(self) -> LOCKU4args:
        if not (self.argop == OP_LOCKU):
            raise wrong_arm(self, "oplocku")
        arm: LOCKU4args = self.value
        return arm

    @property
    def oplookup(self) -> LOOKUP4args:
        if not (self.argop == OP_LOOKUP):
            raise wrong_arm(self, "oplookup")
        arm: LOOKUP4args = self.value
        return arm

    @property
    def opnverify(self) -> NVERIFY4args:
        if not (self.argop == OP_NVERIFY):
            raise wrong_arm(self, "opnverify")
        arm: NVERIFY4args = self.value
        return arm

    @property
    def opopen(self) -> OPEN4args:
        if not (self.argop == OP_OPEN):
            raise wrong_arm(self, "opopen")
        arm: OPEN4args = self.value
        return arm

    @property
    def opopenattr(self) -> OPENATTR4args:
        if not (self.argop == OP_OPENATTR):
            raise wrong_arm(self, "opopenattr")
        arm: OPENATTR4args = self.value
        return arm

    @property
    def opopen_confirm(self) -> OPEN_CONFIRM4args:
        if not (self.argop == OP_OPEN_CONFIRM):
            raise wrong_arm(self, "opopen_confirm")
        arm: OPEN_CONFIRM4args = self.value
        return arm

    @property
    def opopen_downgrade(self) -> OPEN_DOWNGRADE4args:
        if not (self.argop == OP_OPEN_DOWNGRADE):
            raise wrong_arm(self, "opopen_downgrade")
        arm: OPEN_DOWNGRADE4args = self.value
        return arm

    @property
    def opputfh(self) -> PUTFH4args:
        if not (self.argop == OP_PUTFH):
            raise wrong_arm(self, "opputfh")
        arm: PUTFH4args = self.value
        return arm

    @property
    def opread(self) -> READ4args:
        if not (self.argop == OP_READ):
            raise wrong_arm(self, "opread")
        arm: READ4args = self.value
        return arm

    @property
    def opreaddir(self) -> READDIR4args:
        if not (self.argop == OP_READDIR):
            raise wrong_arm(self, "opreaddir")
        arm: READDIR4args = self.value
        return arm

    @property
    def opremove(self) -> REMOVE4args:
        if not (self.argop == OP_REMOVE):
            raise wrong_arm(self, "opremove")
        arm: REMOVE4args = self.value
        return arm

    @property
    def oprename(self) -> RENAME4args:
        if not (self.argop == OP_RENAME):
            raise wrong_arm(self, "oprename")
        arm: RENAME4args = self.value
        return arm

    @property
    def oprenew(self) -> RENEW4args:
        if not (self.argop == OP_RENEW):
            raise wrong_arm(self, "oprenew")
        arm: RENEW4args = self.value
        return arm

    @property
    def opsecinfo(self) -> SECINFO4args:
        if not (self.argop == OP_SECINFO):
            raise wrong_arm(self, "opsecinfo")
        arm: SECINFO4args = self.value
        return arm

    @property
    def opsetattr(self) -> SETATTR4args:
        if not (self.argop == OP_SETATTR):
            raise wrong_arm(self, "opsetattr")
        arm: SETATTR4args = self.value
        return arm

    @property
    def opsetclientid(self) -> SETCLIENTID4args:
        if not (self.argop == OP_SETCLIENTID):
            raise wrong_arm(self, "opsetclientid")
        arm: SETCLIENTID4args = self.value
        return arm

    @property
    def opsetclientid_confirm(self) -> SETCLIENTID_CONFIRM4args:
        if not (self.argop == OP_SETCLIENTID_CONFIRM):
            raise wrong_arm(self, "opsetclientid_confirm")
        arm: SETCLIENTID_CONFIRM4args = self.value
        return arm

    @property
    def opverify(self) -> VERIFY4args:
        if not (self.argop == OP_VERIFY):
            raise wrong_arm(self, "opverify")
        arm: VERIFY4args = self.value
        return arm

    @property
    def opwrite(self) -> WRITE4args:
        if not (self.argop == OP_WRITE):
            raise wrong_arm(self, "opwrite")
        arm: WRITE4args = self.value
        return arm

    @property
    def oprelease_lockowner(self) -> RELEASE_LOCKOWNER4args:
        if not (self.argop == OP_RELEASE_LOCKOWNER):
            raise wrong_arm(self, "oprelease_lockowner")
        arm: RELEASE_LOCKOWNER4args = self.value
        return arm

    @property
    def opbackchannel_ctl(self) -> BACKCHANNEL_CTL4args:
        if not (self.argop == OP_BACKCHANNEL_CTL):
            raise wrong_arm(self, "opbackchannel_ctl")
        arm: BACKCHANNEL_CTL4args = self.value
        return arm

    @property
    def opbind_conn_to_session(self) -> BIND_CONN_TO_SESSION4args:
        if not (self.argop == OP_BIND_CONN_TO_SESSION):
            raise wrong_arm(self, "opbind_conn_to_session")
        arm: BIND_CONN_TO_SESSION4args = self.value
        return arm

    @property
    def opexchange_id(self) -> EXCHANGE_ID4args:
        if not (self.argop == OP_EXCHANGE_ID):
            raise wrong_arm(self, "opexchange_id")
        arm: EXCHANGE_ID4args = self.value
        return arm

    @property
    def opcreate_session(self) -> CREATE_SESSION4args:
        if not (self.argop == OP_CREATE_SESSION):
            raise wrong_arm(self, "opcreate_session")
        arm: CREATE_SESSION4args = self.value
        return arm

    @property
    def opdestroy_session(self) -> DESTROY_SESSION4args:
        if not (self.argop == OP_DESTROY_SESSION):
            raise wrong_arm(self, "opdestroy_session")
        arm: DESTROY_SESSION4args = self.value
        return arm

    @property
    def opfree_stateid(self) -> FREE_STATEID4args:
        if not (self.argop == OP_FREE_STATEID):
            raise wrong_arm(self, "opfree_stateid")
        arm: FREE_STATEID4args = self.value
        return arm

    @property
    def opget_dir_delegation(self) -> GET_DIR_DELEGATION4args:
        if not (self.argop == OP_GET_DIR_DELEGATION):
            raise wrong_arm(self, "opget_dir_delegation")
        arm: GET_DIR_DELEGATION4args = self.value
        return arm

    @property
    def opgetdeviceinfo(self) -> GETDEVICEINFO4args:
        if not (self.argop == OP_GETDEVICEINFO):
            raise wrong_arm(self, "opgetdeviceinfo")
        arm: GETDEVICEINFO4args = self.value
        return arm

    @property
    def opgetdevicelist(self) -> GETDEVICELIST4args:
        if not (self.argop == OP_GETDEVICELIST):
            raise wrong_arm(self, "opgetdevicelist")
        arm: GETDEVICELIST4args = self.value
        return arm

    @property
    def oplayoutcommit(self) -> LAYOUTCOMMIT4args:
        if not (self.argop == OP_LAYOUTCOMMIT):
            raise wrong_arm(self, "oplayoutcommit")
        arm: LAYOUTCOMMIT4args = self.value
        return arm

    @property
    def oplayoutget(self) -> LAYOUTGET4args:
        if not (self.argop == OP_LAYOUTGET):
            raise wrong_arm(self, "oplayoutget")
        arm: LAYOUTGET4args = self.value
        return arm

    @property
    def oplayoutreturn(self) -> LAYOUTRETURN4args:
        if not (self.argop == OP_LAYOUTRETURN):
            raise wrong_arm(self, "oplayoutreturn")
        arm: LAYOUTRETURN4args = self.value
        return arm

    @property
    def opsecinfo_no_name(self) -> SECINFO_NO_NAME4args:
        if not (self.argop == OP_SECINFO_NO_NAME):
            raise wrong_arm(self, "opsecinfo_no_name")
        arm: SECINFO_NO_NAME4args = self.value
        return arm

    @property
    def opsequence(self) -> SEQUENCE4args:
        if not (self.argop == OP_SEQUENCE):
            raise wrong_arm(self, "opsequence")
        arm: SEQUENCE4args = self.value
        return arm

    @property
    def opset_ssv(self) -> SET_SSV4args:
        if not (self.argop == OP_SET_SSV):
            raise wrong_arm(self, "opset_ssv")
        arm: SET_SSV4args = self.value
        return arm

    @property
    def optest_stateid(self) -> TEST_STATEID4args:
        if not (self.argop == OP_TEST_STATEID):
            raise wrong_arm(self, "optest_stateid")
        arm: TEST_STATEID4args = self.value
        return arm

    @property
    def opwant_delegation(self) -> WANT_DELEGATION4args:
        if not (self.argop == OP_WANT_DELEGATION):
            raise wrong_arm(self, "opwant_delegation")
        arm: WANT_DELEGATION4args = self.value
        return arm

    @property
    def opdestroy_clientid(self) -> DESTROY_CLIENTID4args:
        if not (self.argop == OP_DESTROY_CLIENTID):
            raise wrong_arm(self, "opdestroy_clientid")
        arm: DESTROY_CLIENTID4args = self.value
        return arm

    @property
    def opreclaim_complete(self) -> RECLAIM_COMPLETE4args:
        if not (self.argop == OP_RECLAIM_COMPLETE):
            raise wrong_arm(self, "opreclaim_complete")
        arm: RECLAIM_COMPLETE4args = self.value
        return arm

    @property
    def opallocate(self) -> ALLOCATE4args:
        if not (self.argop == OP_ALLOCATE):
            raise wrong_arm(self, "opallocate")
        arm: ALLOCATE4args = self.value
        return arm

    @property
    def opcopy(self) -> COPY4args:
        if not (self.argop == OP_COPY):
            raise wrong_arm(self, "opcopy")
        arm: COPY4args = self.value
        return arm

    @property
    def opoffload_notify(self) -> COPY_NOTIFY4args:
        if not (self.argop == OP_COPY_NOTIFY):
            raise wrong_arm(self, "opoffload_notify")
        arm: COPY_NOTIFY4args = self.value
        return arm

    @property
    def opdeallocate(self) -> DEALLOCATE4args:
        if not (self.argop == OP_DEALLOCATE):
            raise wrong_arm(self, "opdeallocate")
        arm: DEALLOCATE4args = self.value
        return arm

    @property
    def opio_advise(self) -> IO_ADVISE4args:
        if not (self.argop == OP_IO_ADVISE):
            raise wrong_arm(self, "opio_advise")
        arm: IO_ADVISE4args = self.value
        return arm

    @property
    def oplayouterror(self) -> LAYOUTERROR4args:
        if not (self.argop == OP_LAYOUTERROR):
            raise wrong_arm(self, "oplayouterror")
        arm: LAYOUTERROR4args = self.value
        return arm

    @property
    def oplayoutstats(self) -> LAYOUTSTATS4args:
        if not (self.argop == OP_LAYOUTSTATS):
            raise wrong_arm(self, "oplayoutstats")
        arm: LAYOUTSTATS4args = self.value
        return arm

    @property
    def opoffload_cancel(self) -> OFFLOAD_CANCEL4args:
        if not (self.argop == OP_OFFLOAD_CANCEL):
            raise wrong_arm(self, "opoffload_cancel")
        arm: OFFLOAD_CANCEL4args = self.value
        return arm

    @property
    def opoffload_status(self) -> OFFLOAD_STATUS4args:
        if not (self.argop == OP_OFFLOAD_STATUS):
            raise wrong_arm(self, "opoffload_status")
        arm: OFFLOAD_STATUS4args = self.value
        return arm

    @property
    def opread_plus(self) -> READ_PLUS4args:
        if not (self.argop == OP_READ_PLUS):
            raise wrong_arm(self, "opread_plus")
        arm: READ_PLUS4args = self.value
        return arm

    @property
    def opseek(self) -> SEEK4args:
        if not (self.argop == OP_SEEK):
            raise wrong_arm(self, "opseek")
        arm: SEEK4args = self.value
        return arm

    @property
    def opwrite_same(self) -> WRITE_SAME4args:
        if not (self.argop == OP_WRITE_SAME):
            raise wrong_arm(self, "opwrite_same")
        arm: WRITE_SAME4args = self.value
        return arm

    @property
    def opclone(self) -> CLONE4args:
        if not (self.argop == OP_CLONE):
            raise wrong_arm(self, "opclone")
        arm: CLONE4args = self.value
        return arm

    @property
    def opgetxattr(self) -> GETXATTR4args:
        if not (self.argop == OP_GETXATTR):
            raise wrong_arm(self, "opgetxattr")
        arm: GETXATTR4args = self.value
        return arm

    @property
    def opsetxattr(self) -> SETXATTR4args:
        if not (self.argop == OP_SETXATTR):
            raise wrong_arm(self, "opsetxattr")
        arm: SETXATTR4args = self.value
        return arm

    @property
    def oplistxattrs(self) -> LISTXATTRS4args:
        if not (self.argop == OP_LISTXATTRS):
            raise wrong_arm(self, "oplistxattrs")
        arm: LISTXATTRS4args = self.value
        return arm

    @property
    def opremovexattr(self) -> REMOVEXATTR4args:
        if not (self.argop == OP_REMOVEXATTR):
            raise wrong_arm(self, "opremovexattr")
        arm: REMOVEXATTR4args = self.value
        return arm


class nfs_resop4(XdrUnion):
    __slots__ = ("resop", "value")

    def __init__(
        self,
        resop: int,
        value: ACCESS4res | CLOSE4res | COMMIT4res | CREATE4res | DELEGPURGE4res | DELEGRETURN4res | GETATTR4res | GETFH4res | LINK4res | LOCK4res | LOCKT4res | LOCKU4res | LOOKUP4res | LOOKUPP4res | NVERIFY4res | OPEN4res | OPENATTR4res | OPEN_CONFIRM4res | OPEN_DOWNGRADE4res | PUTFH4res | PUTPUBFH4res | PUTROOTFH4res | READ4res | READDIR4res | READLINK4res | REMOVE4res | RENAME4res | RENEW4res | RESTOREFH4res | SAVEFH4res | SECINFO4res | SETATTR4res | SETCLIENTID4res | SETCLIENTID_CONFIRM4res | VERIFY4res | WRITE4res | RELEASE_LOCKOWNER4res | BACKCHANNEL_CTL4res | BIND_CONN_TO_SESSION4res | EXCHANGE_ID4res | CREATE_SESSION4res | DESTROY_SESSION4res | FREE_STATEID4res | GET_DIR_DELEGATION4res | GETDEVICEINFO4res | GETDEVICELIST4res | LAYOUTCOMMIT4res | LAYOUTGET4res | LAYOUTRETURN4res | SECINFO_NO_NAME4res | SEQUENCE4res | SET_SSV4res | TEST_STATEID4res | WANT_DELEGATION4res | DESTROY_CLIENTID4res | RECLAIM_COMPLETE4res | ALLOCATE4res | COPY4res | COPY_NOTIFY4res | DEALLOCATE4res | IO_ADVISE4res | LAYOUTERROR4res | LAYOUTSTATS4res | OFFLOAD_CANCEL4res | OFFLOAD_STATUS4res | READ_PLUS4res | SEEK4res | WRITE_SAME4res | CLONE4res | GETXATTR4res | SETXATTR4res | LISTXATTRS4res | REMOVEXATTR4res | ILLEGAL4res | None = None,
    ) -> None:
        self.resop = resop
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        resop = self.resop
        arm = _nfs_resop4_arms.get(resop, MISSING)
        try:
            if arm is not MISSING:
                buf += _i.pack(resop)
                if arm is not None:
                    value.encode(enc)
            else:
                raise no_arm("nfs_resop4", resop)
        except StructError as error:
            raise unencodable("nfs_resop4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfs_resop4:
        resop = dec.int32()
        arm = _nfs_resop4_arms.get(resop, MISSING)
        if arm is None:
            return cls(resop)
        if arm is not MISSING:
            value = arm.decode(dec)
            return cls(resop, value)
        raise no_arm("nfs_resop4", resop)

    @property
    def opaccess(self) -> ACCESS4res:
        if not (self.resop == OP_ACCESS):
            raise wrong_arm(self, "opaccess")
        arm: ACCESS4res = self.value
        return arm

    @property
    def opclose(self) -> CLOSE4res:
        if not (self.resop == OP_CLOSE):
            raise wrong_arm(self, "opclose")
        arm: CLOSE4res = self.value
        return arm

    @property
    def opcommit(self) -> COMMIT4res:
        if not (self.resop == OP_COMMIT):
            raise wrong_arm(self, "opcommit")
        arm: COMMIT4res = self.value
        return arm

    @property
    def opcreate(self) -> CREATE4res:
        if not (self.resop == OP_CREATE):
            raise wrong_arm(self, "opcreate")
        arm: CREATE4res = self.value
        return arm

    @property
    def opdelegpurge(self) -> DELEGPURGE4res:
        if not (self.resop == OP_DELEGPURGE):
            raise wrong_arm(self, "opdelegpurge")
        arm: DELEGPURGE4res = self.value
        return arm

    @property
    def opdelegreturn(self) -> DELEGRETURN4res:
        if not (self.resop == OP_DELEGRETURN):
            raise wrong_arm(self, "opdelegreturn")
        arm: DELEGRETURN4res = self.value
        return arm

    @property
    def opgetattr(self) -> GETATTR4res:
        if not (self.resop == OP_GETATTR):
            raise wrong_arm(self, "opgetattr")
        arm: GETATTR4res = self.value
        return arm

    @property
    def opgetfh(self) -> GETFH4res:
        if not (self.resop == OP_GETFH):
            raise wrong_arm(self, "opgetfh")
        arm: GETFH4res = self.value
        return arm

    @property
    def oplink(self) -> LINK4res:
        if not (self.resop == OP_LINK):
            raise wrong_arm(self, "oplink")
        arm: LINK4res = self.value
        return arm

    @property
    def oplock(self) -> LOCK4res:
        if not (self.resop == OP_LOCK):
            raise wrong_arm(self, "oplock")
        arm: LOCK4res = self.value
        return arm

    @property
    def oplockt(self) -> LOCKT4res:
        if not (self.resop == OP_LOCKT):
            raise wrong_arm(self, "oplockt")
        arm: LOCKT4res = self.value
        return arm

    @property
    def oplocku(self) -> LOCKU4res:
        if not (self.resop == OP_LOCKU):
            raise wrong_arm(self, "oplocku")
        arm: LOCKU4res = self.value
        return arm

    @property
    def oplookup(self) -> LOOKUP4res:
        if not (self.resop == OP_LOOKUP):
            raise wrong_arm(self, "oplookup")
        arm: LOOKUP4res = self.value
        return arm

    @property
    def oplookupp(self) -> LOOKUPP4res:
        if not (self.resop == OP_LOOKUPP):
            raise wrong_arm(self, "oplookupp")
        arm: LOOKUPP4res = self.value
        return arm

    @property
    def opnverify(self) -> NVERIFY4res:
        if not (self.resop == OP_NVERIFY):
            raise wrong_arm(self, "opnverify")
        arm: NVERIFY4res = self.value
        return arm

    @property
    def opopen(self) -> OPEN4res:
        if not (self.resop == OP_OPEN):
            raise wrong_arm(self, "opopen")
        arm: OPEN4res = self.value
        return arm

    @property
    def opopenattr(self) -> OPENATTR4res:
        if not (self.resop == OP_OPENATTR):
            raise wrong_arm(self, "opopenattr")
        arm: OPENATTR4res = self.value
        return arm

    @property
    def opopen_confirm(self) -> OPEN_CONFIRM4res:
        if not (self.resop == OP_OPEN_CONFIRM):
            raise wrong_arm(self, "opopen_confirm")
        arm: OPEN_CONFIRM4res = self.value
        return arm

    @property
    def opopen_downgrade(self) -> OPEN_DOWNGRADE4res:
        if not (self.resop == OP_OPEN_DOWNGRADE):
            raise wrong_arm(self, "opopen_downgrade")
        arm: OPEN_DOWNGRADE4res = self.value
        return arm

    @property
    def opputfh(self) -> PUTFH4res:
        if not (self.resop == OP_PUTFH):
            raise wrong_arm(self, "opputfh")
        arm: PUTFH4res = self.value
        return arm

    @property
    def opputpubfh(self) -> PUTPUBFH4res:
        if not (self.resop == OP_PUTPUBFH):
            raise wrong_arm(self, "opputpubfh")
        arm: PUTPUBFH4res = self.value
        return arm

    @property
    def opputrootfh(self) -> PUTROOTFH4res:
        if not (self.resop == OP_PUTROOTFH):
            raise wrong_arm(self, "opputrootfh")
        arm: PUTROOTFH4res = self.value
        return arm

    @property
    def opread(self) -> READ4res:
        if not (self.resop == OP_READ):
            raise wrong_arm(self, "opread")
        arm: READ4res = self.value
        return arm

    @property
    def opreaddir(self) -> READDIR4res:
        if not (self.resop == OP_READDIR):
            raise wrong_arm(self, "opreaddir")
        arm: READDIR4res = self.value
        return arm

    @property
    def opreadlink(self) -> READLINK4res:
        if not (self.resop == OP_READLINK):
            raise wrong_arm(self, "opreadlink")
        arm: READLINK4res = self.value
        return arm

    @property
    def opremove(self) -> REMOVE4res:
        if not (self.resop == OP_REMOVE):
            raise wrong_arm(self, "opremove")
        arm: REMOVE4res = self.value
        return arm

    @property
    def oprename(self) -> RENAME4res:
        if not (self.resop == OP_RENAME):
            raise wrong_arm(self, "oprename")
        arm: RENAME4res = self.value
        return arm

    @property
    def oprenew(self) -> RENEW4res:
        if not (self.resop == OP_RENEW):
            raise wrong_arm(self, "oprenew")
        arm: RENEW4res = self.value
        return arm

    @property
    def oprestorefh(self) -> RESTOREFH4res:
        if not (self.resop == OP_RESTOREFH):
            raise wrong_arm(self, "oprestorefh")
        arm: RESTOREFH4res = self.value
        return arm

    @property
    def opsavefh(self) -> SAVEFH4res:
        if not (self.resop == OP_SAVEFH):
            raise wrong_arm(self, "opsavefh")
        arm: SAVEFH4res = self.value
        return arm

    @property
    def opsecinfo(self) -> SECINFO4res:
        if not (self.resop == OP_SECINFO):
            raise wrong_arm(self, "opsecinfo")
        arm: SECINFO4res = self.value
        return arm

    @property
    def opsetattr(self) -> SETATTR4res:
        if not (self.resop == OP_SETATTR):
            raise wrong_arm(self, "opsetattr")
        arm: SETATTR4res = self.value
        return arm

    @property
    def opsetclientid(self) -> SETCLIENTID4res:
        if not (self.resop == OP_SETCLIENTID):
            raise wrong_arm(self, "opsetclientid")
        arm: SETCLIENTID4res = self.value
        return arm

    @property
    def opsetclientid_confirm(self) -> SETCLIENTID_CONFIRM4res:
        if not (self.resop == OP_SETCLIENTID_CONFIRM):
            raise wrong_arm(self, "opsetclientid_confirm")
        arm: SETCLIENTID_CONFIRM4res = self.value
        return arm

    @property
    def opverify(self) -> VERIFY4res:
        if not (self.resop == OP_VERIFY):
            raise wrong_arm(self, "opverify")
        arm: VERIFY4res = self.value
        return arm

    @property
    def opwrite(self) -> WRITE4res:
        if not (self.resop == OP_WRITE):
            raise wrong_arm(self, "opwrite")
        arm: WRITE4res = self.value
        return arm

    @property
    def oprelease_lockowner(self) -> RELEASE_LOCKOWNER4res:
        if not (self.resop == OP_RELEASE_LOCKOWNER):
            raise wrong_arm(self, "oprelease_lockowner")
        arm: RELEASE_LOCKOWNER4res = self.value
        return arm

    @property
    def opbackchannel_ctl(self) -> BACKCHANNEL_CTL4res:
        if not (self.resop == OP_BACKCHANNEL_CTL):
            raise wrong_arm(self, "opbackchannel_ctl")
        arm: BACKCHANNEL_CTL4res = self.value
        return arm

    @property
    def opbind_conn_to_session(self) -> BIND_CONN_TO_SESSION4res:
        if not (self.resop == OP_BIND_CONN_TO_SESSION):
            raise wrong_arm(self, "opbind_conn_to_session")
        arm: BIND_CONN_TO_SESSION4res = self.value
        return arm

    @property
    def opexchange_id(self) -> EXCHANGE_ID4res:
        if not (self.resop == OP_EXCHANGE_ID):
            raise wrong_arm(self, "opexchange_id")
        arm: EXCHANGE_ID4res = self.value
        return arm

    @property
    def opcreate_session(self) -> CREATE_SESSION4res:
        if not (self.resop == OP_CREATE_SESSION):
            raise wrong_arm(self, "opcreate_session")
        arm: CREATE_SESSION4res = self.value
        return arm

    @property
    def opdestroy_session(self) -> DESTROY_SESSION4res:
        if not (self.resop == OP_DESTROY_SESSION):
            raise wrong_arm(self, "opdestroy_session")
        arm: DESTROY_SESSION4res = self.value
        return arm

    @property
    def opfree_stateid(self) -> FREE_STATEID4res:
        if not (self.resop == OP_FREE_STATEID):
            raise wrong_arm(self, "opfree_stateid")
        arm: FREE_STATEID4res = self.value
        return arm

    @property
    def opget_dir_delegation(self) -> GET_DIR_DELEGATION4res:
        if not (self.resop == OP_GET_DIR_DELEGATION):
            raise wrong_arm(self, "opget_dir_delegation")
        arm: GET_DIR_DELEGATION4res = self.value
        return arm

    @property
    def opgetdeviceinfo(self) -> GETDEVICEINFO4res:
        if not (self.resop == OP_GETDEVICEINFO):
            raise wrong_arm(self, "opgetdeviceinfo")
        arm: GETDEVICEINFO4res = self.value
        return arm

    @property
    def opgetdevicelist(self) -> GETDEVICELIST4res:
        if not (self.resop == OP_GETDEVICELIST):
            raise wrong_arm(self, "opgetdevicelist")
        arm: GETDEVICELIST4res = self.value
        return arm

    @property
    def oplayoutcommit(self) -> LAYOUTCOMMIT4res:
        if not (self.resop == OP_LAYOUTCOMMIT):
            raise wrong_arm(self, "oplayoutcommit")
        arm: LAYOUTCOMMIT4res = self.value
        return arm

    @property
    def oplayoutget(self) -> LAYOUTGET4res:
        if not (self.resop == OP_LAYOUTGET):
            raise wrong_arm(self, "oplayoutget")
        arm: LAYOUTGET4res = self.value
        return arm

    @property
    def oplayoutreturn(self) -> LAYOUTRETURN4res:
        if not (self.resop == OP_LAYOUTRETURN):
            raise wrong_arm(self, "oplayoutreturn")
        arm: LAYOUTRETURN4res = self.value
        return arm

    @property
    def opsecinfo_no_name(self) -> SECINFO_NO_NAME4res:
        if not (self.resop == OP_SECINFO_NO_NAME):
            raise wrong_arm(self, "opsecinfo_no_name")
        arm: SECINFO_NO_NAME4res = self.value
        return arm

    @property
    def opsequence(self) -> SEQUENCE4res:
        if not (self.resop == OP_SEQUENCE):
            raise wrong_arm(self, "opsequence")
        arm: SEQUENCE4res = self.value
        return arm

    @property
    def opset_ssv(self) -> SET_SSV4res:
        if not (self.resop == OP_SET_SSV):
            raise wrong_arm(self, "opset_ssv")
        arm: SET_SSV4res = self.value
        return arm

    @property
    def optest_stateid(self) -> TEST_STATEID4res:
        if not (self.resop == OP_TEST_STATEID):
            raise wrong_arm(self, "optest_stateid")
        arm: TEST_STATEID4res = self.value
        return arm

    @property
    def opwant_delegation(self) -> WANT_DELEGATION4res:
        if not (self.resop == OP_WANT_DELEGATION):
            raise wrong_arm(self, "opwant_delegation")
        arm: WANT_DELEGATION4res = self.value
        return arm

    @property
    def opdestroy_clientid(self) -> DESTROY_CLIENTID4res:
        if not (self.resop == OP_DESTROY_CLIENTID):
            raise wrong_arm(self, "opdestroy_clientid")
        arm: DESTROY_CLIENTID4res = self.value
        return arm

    @property
    def opreclaim_complete(self) -> RECLAIM_COMPLETE4res:
        if not (self.resop == OP_RECLAIM_COMPLETE):
            raise wrong_arm(self, "opreclaim_complete")
        arm: RECLAIM_COMPLETE4res = self.value
        return arm

    @property
    def opallocate(self) -> ALLOCATE4res:
        if not (self.resop == OP_ALLOCATE):
            raise wrong_arm(self, "opallocate")
        arm: ALLOCATE4res = self.value
        return arm

    @property
    def opcopy(self) -> COPY4res:
        if not (self.resop == OP_COPY):
            raise wrong_arm(self, "opcopy")
        arm: COPY4res = self.value
        return arm

    @property
    def opcopy_notify(self) -> COPY_NOTIFY4res:
        if not (self.resop == OP_COPY_NOTIFY):
            raise wrong_arm(self, "opcopy_notify")
        arm: COPY_NOTIFY4res = self.value
        return arm

    @property
    def opdeallocate(self) -> DEALLOCATE4res:
        if not (self.resop == OP_DEALLOCATE):
            raise wrong_arm(self, "opdeallocate")
        arm: DEALLOCATE4res = self.value
        return arm

    @property
    def opio_advise(self) -> IO_ADVISE4res:
        if not (self.resop == OP_IO_ADVISE):
            raise wrong_arm(self, "opio_advise")
        arm: IO_ADVISE4res = self.value
        return arm

    @property
    def oplayouterror(self) -> LAYOUTERROR4res:
        if not (self.resop == OP_LAYOUTERROR):
            raise wrong_arm(self, "oplayouterror")
        arm: LAYOUTERROR4res = self.value
        return arm

    @property
    def oplayoutstats(self) -> LAYOUTSTATS4res:
        if not (self.resop == OP_LAYOUTSTATS):
            raise wrong_arm(self, "oplayoutstats")
        arm: LAYOUTSTATS4res = self.value
        return arm

    @property
    def opoffload_cancel(self) -> OFFLOAD_CANCEL4res:
        if not (self.resop == OP_OFFLOAD_CANCEL):
            raise wrong_arm(self, "opoffload_cancel")
        arm: OFFLOAD_CANCEL4res = self.value
        return arm

    @property
    def opoffload_status(self) -> OFFLOAD_STATUS4res:
        if not (self.resop == OP_OFFLOAD_STATUS):
            raise wrong_arm(self, "opoffload_status")
        arm: OFFLOAD_STATUS4res = self.value
        return arm

    @property
    def opread_plus(self) -> READ_PLUS4res:
        if not (self.resop == OP_READ_PLUS):
            raise wrong_arm(self, "opread_plus")
        arm: READ_PLUS4res = self.value
        return arm

    @property
    def opseek(self) -> SEEK4res:
        if not (self.resop == OP_SEEK):
            raise wrong_arm(self, "opseek")
        arm: SEEK4res = self.value
        return arm

    @property
    def opwrite_same(self) -> WRITE_SAME4res:
        if not (self.resop == OP_WRITE_SAME):
            raise wrong_arm(self, "opwrite_same")
        arm: WRITE_SAME4res = self.value
        return arm

    @property
    def opclone(self) -> CLONE4res:
        if not (self.resop == OP_CLONE):
            raise wrong_arm(self, "opclone")
        arm: CLONE4res = self.value
        return arm

    @property
    def opgetxattr(self) -> GETXATTR4res:
        if not (self.resop == OP_GETXATTR):
            raise wrong_arm(self, "opgetxattr")
        arm: GETXATTR4res = self.value
        return arm

    @property
    def opsetxattr(self) -> SETXATTR4res:
        if not (self.resop == OP_SETXATTR):
            raise wrong_arm(self, "opsetxattr")
        arm: SETXATTR4res = self.value
        return arm

    @property
    def oplistxattrs(self) -> LISTXATTRS4res:
        if not (self.resop == OP_LISTXATTRS):
            raise wrong_arm(self, "oplistxattrs")
        arm: LISTXATTRS4res = self.value
        return arm

    @property
    def opremovexattr(self) -> REMOVEXATTR4res:
        if not (self.resop == OP_REMOVEXATTR):
            raise wrong_arm(self, "opremovexattr")
        arm: REMOVEXATTR4res = self.value
        return arm

    @property
    def opillegal(self) -> ILLEGAL4res:
        if not (self.resop == OP_ILLEGAL):
            raise wrong_arm(self, "opillegal")
        arm: ILLEGAL4res = self.value
        return arm


class COMPOUND4args(XdrStruct):
    __slots__ = ("tag", "minorversion", "argarray")

    def __init__(self, tag: utf8str_cs, minorversion: uint32_t, argarray: list[nfs_argop4]) -> None:
        self.tag = tag
        self.minorversion = minorversion
        self.argarray = argarray

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            tag = self.tag
            n = len(tag)
            buf += _I.pack(n)
            buf += tag
            if n & 3:
                buf += PAD[n & 3]
            argarray = self.argarray
            n2 = len(argarray)
            buf += _2I.pack(self.minorversion, n2)
            for item in argarray:
                item.encode(enc)
        except StructError as error:
            raise unencodable("COMPOUND4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COMPOUND4args:
        tag_n = dec.uint32()
        tag = dec.octets(tag_n)
        minorversion, argarray_n = dec.unpack(_2I)
        dec.check_count(argarray_n, 4)
        argarray = [nfs_argop4.decode(dec) for _ in range(argarray_n)]
        return cls(tag, minorversion, argarray)


class COMPOUND4res(XdrStruct):
    __slots__ = ("status", "tag", "resarray")

    def __init__(self, status: int, tag: utf8str_cs, resarray: list[nfs_resop4]) -> None:
        self.status = status
        self.tag = tag
        self.resarray = resarray

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            tag = self.tag
            n = len(tag)
            buf += _iI.pack(self.status, n)
            buf += tag
            if n & 3:
                buf += PAD[n & 3]
            resarray = self.resarray
            n2 = len(resarray)
            buf += _I.pack(n2)
            for item in resarray:
                item.encode(enc)
        except StructError as error:
            raise unencodable("COMPOUND4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> COMPOUND4res:
        status, tag_n = dec.unpack(_iI)
        tag = dec.octets(tag_n)
        resarray_n = dec.uint32()
        dec.check_count(resarray_n, 8)
        resarray = [nfs_resop4.decode(dec) for _ in range(resarray_n)]
        return cls(status, tag, resarray)


class CB_GETATTR4args(XdrStruct):
    __slots__ = ("fh", "attr_request")

    def __init__(self, fh: nfs_fh4, attr_request: bitmap4) -> None:
        self.fh = fh
        self.attr_request = attr_request

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            fh = self.fh
            n = len(fh)
            if n > 128:
                raise too_long("CB_GETATTR4args.fh", n, 128)
            buf += _I.pack(n)
            buf += fh
            if n & 3:
                buf += PAD[n & 3]
            attr_request = self.attr_request
            n2 = len(attr_request)
            buf += _I.pack(n2)
            buf += pack(f">{n2}I", *attr_request)
        except StructError as error:
            raise unencodable("CB_GETATTR4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_GETATTR4args:
        fh_n = dec.uint32()
        if fh_n > 128:
            raise too_long("CB_GETATTR4args.fh", fh_n, 128)
        fh = dec.octets(fh_n)
        attr_request_n = dec.uint32()
        attr_request = dec.numbers("I", attr_request_n)
        return cls(fh, attr_request)


class CB_GETATTR4resok(XdrStruct):
    __slots__ = ("obj_attributes",)

    def __init__(self, obj_attributes: fattr4) -> None:
        self.obj_attributes = obj_attributes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.obj_attributes.encode(enc)
        except StructError as error:
            raise unencodable("CB_GETATTR4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_GETATTR4resok:
        obj_attributes = fattr4.decode(dec)
        return cls(obj_attributes)


class CB_GETATTR4res(XdrUnion):
    __slots__ = ("status", "value")

    def __init__(self, status: int, value: CB_GETATTR4resok | None = None) -> None:
        self.status = status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        status = self.status
        try:
            if status == NFS4_OK:
                buf += _i.pack(status)
                value.encode(enc)
            else:
                buf += _i.pack(status)
        except StructError as error:
            raise unencodable("CB_GETATTR4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_GETATTR4res:
        status = dec.int32()
        if status == NFS4_OK:
            resok4 = CB_GETATTR4resok.decode(dec)
            return cls(status, resok4)
        return cls(status)

    @property
    def resok4(self) -> CB_GETATTR4resok:
        if not (self.status == NFS4_OK):
            raise wrong_arm(self, "resok4")
        arm: CB_GETATTR4resok = self.value
        return arm


class CB_RECALL4args(XdrStruct):
    __slots__ = ("stateid", "truncate", "fh")

    def __init__(self, stateid: stateid4, truncate: bool, fh: nfs_fh4) -> None:
        self.stateid = stateid
        self.truncate = truncate
        self.fh = fh

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            stateid = self.stateid
            if len(stateid.other) != 12:
                raise wrong_length("stateid4.other", len(stateid.other), 12)
            fh = self.fh
            n = len(fh)
            if n > 128:
                raise too_long("CB_RECALL4args.fh", n, 128)
            buf += _I12s2I.pack(stateid.seqid, stateid.other, 1 if self.truncate else 0, n)
            buf += fh
            if n & 3:
                buf += PAD[n & 3]
        except StructError as error:
            raise unencodable("CB_RECALL4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_RECALL4args:
        stateid__seqid, stateid__other, truncate, fh_n = dec.unpack(_I12s2I)
        if truncate > 1:
            raise not_boolean("CB_RECALL4args.truncate", truncate)
        if fh_n > 128:
            raise too_long("CB_RECALL4args.fh", fh_n, 128)
        fh = dec.octets(fh_n)
        return cls(stateid4(stateid__seqid, stateid__other), truncate == 1, fh)


class CB_RECALL4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("CB_RECALL4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_RECALL4res:
        status = dec.int32()
        return cls(status)


class CB_ILLEGAL4res(XdrStruct):
    __slots__ = ("status",)

    def __init__(self, status: int) -> None:
        self.status = status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.status)
        except StructError as error:
            raise unencodable("CB_ILLEGAL4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_ILLEGAL4res:
        status = dec.int32()
        return cls(status)


class layoutrecall_file4(XdrStruct):
    __slots__ = ("lor_fh", "lor_offset", "lor_length", "lor_stateid")

    def __init__(
        self,
        lor_fh: nfs_fh4,
        lor_offset: offset4,
        lor_length: length4,
        lor_stateid: stateid4,
    ) -> None:
        self.lor_fh = lor_fh
        self.lor_offset = lor_offset
        self.lor_length = lor_length
        self.lor_stateid = lor_stateid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            lor_fh = self.lor_fh
            n = len(lor_fh)
            if n > 128:
                raise too_long("layoutrecall_file4.lor_fh", n, 128)
            buf += _I.pack(n)
            buf += lor_fh
            if n & 3:
                buf += PAD[n & 3]
            lor_stateid = self.lor_stateid
            if len(lor_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(lor_stateid.other), 12)
            buf += _2QI12s.pack(self.lor_offset, self.lor_length, lor_stateid.seqid, lor_stateid.other)
        except StructError as error:
            raise unencodable("layoutrecall_file4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> layoutrecall_file4:
        lor_fh_n = dec.uint32()
        if lor_fh_n > 128:
            raise too_long("layoutrecall_file4.lor_fh", lor_fh_n, 128)
        lor_fh = dec.octets(lor_fh_n)
        lor_offset, lor_length, lor_stateid__seqid, lor_stateid__other = dec.unpack(_2QI12s)
        return cls(lor_fh, lor_offset, lor_length, stateid4(lor_stateid__seqid, lor_stateid__other))


class layoutrecall4(XdrUnion):
    __slots__ = ("lor_recalltype", "value")

    def __init__(
        self,
        lor_recalltype: int,
        value: layoutrecall_file4 | fsid4 | None = None,
    ) -> None:
        self.lor_recalltype = lor_recalltype
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        lor_recalltype = self.lor_recalltype
        try:
            if lor_recalltype == LAYOUTRECALL4_FILE:
                buf += _i.pack(lor_recalltype)
                value.encode(enc)
            elif lor_recalltype == LAYOUTRECALL4_FSID:
                buf += _i2Q.pack(lor_recalltype, value.major, value.minor)
            elif lor_recalltype == LAYOUTRECALL4_ALL:
                buf += _i.pack(lor_recalltype)
            else:
                raise no_arm("layoutrecall4", lor_recalltype)
        except StructError as error:
            raise unencodable("layoutrecall4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> layoutrecall4:
        lor_recalltype = dec.int32()
        if lor_recalltype == LAYOUTRECALL4_FILE:
            lor_layout = layoutrecall_file4.decode(dec)
            return cls(lor_recalltype, lor_layout)
        if lor_recalltype == LAYOUTRECALL4_FSID:
            lor_fsid__major, lor_fsid__minor = dec.unpack(_2Q)
            return cls(lor_recalltype, fsid4(lor_fsid__major, lor_fsid__minor))
        if lor_recalltype == LAYOUTRECALL4_ALL:
            return cls(lor_recalltype)
        raise no_arm("layoutrecall4", lor_recalltype)

    @property
    def lor_layout(self) -> layoutrecall_file4:
        if not (self.lor_recalltype == LAYOUTRECALL4_FILE):
            raise wrong_arm(self, "lor_layout")
        arm: layoutrecall_file4 = self.value
        return arm

    @property
    def lor_fsid(self) -> fsid4:
        if not (self.lor_recalltype == LAYOUTRECALL4_FSID):
            raise wrong_arm(self, "lor_fsid")
        arm: fsid4 = self.value
        return arm


class CB_LAYOUTRECALL4args(XdrStruct):
    __slots__ = ("clora_type", "clora_iomode", "clora_changed", "clora_recall")

    def __init__(
        self,
        clora_type: int,
        clora_iomode: int,
        clora_changed: bool,
        clora_recall: layoutrecall4,
    ) -> None:
        self.clora_type = clora_type
        self.clora_iomode = clora_iomode
        self.clora_changed = clora_changed
        self.clora_recall = clora_recall

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2iI.pack(self.clora_type, self.clora_iomode, 1 if self.clora_changed else 0)
            self.clora_recall.encode(enc)
        except StructError as error:
            raise unencodable("CB_LAYOUTRECALL4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_LAYOUTRECALL4args:
        clora_type, clora_iomode, clora_changed = dec.unpack(_2iI)
        if clora_changed > 1:
            raise not_boolean("CB_LAYOUTRECALL4args.clora_changed", clora_changed)
        clora_recall = layoutrecall4.decode(dec)
        return cls(clora_type, clora_iomode, clora_changed == 1, clora_recall)


class CB_LAYOUTRECALL4res(XdrStruct):
    __slots__ = ("clorr_status",)

    def __init__(self, clorr_status: int) -> None:
        self.clorr_status = clorr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.clorr_status)
        except StructError as error:
            raise unencodable("CB_LAYOUTRECALL4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_LAYOUTRECALL4res:
        clorr_status = dec.int32()
        return cls(clorr_status)


class notify_entry4(XdrStruct):
    __slots__ = ("ne_file", "ne_attrs")

    def __init__(self, ne_file: component4, ne_attrs: fattr4) -> None:
        self.ne_file = ne_file
        self.ne_attrs = ne_attrs

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            ne_file = self.ne_file
            n = len(ne_file)
            buf += _I.pack(n)
            buf += ne_file
            if n & 3:
                buf += PAD[n & 3]
            self.ne_attrs.encode(enc)
        except StructError as error:
            raise unencodable("notify_entry4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> notify_entry4:
        ne_file_n = dec.uint32()
        ne_file = dec.octets(ne_file_n)
        ne_attrs = fattr4.decode(dec)
        return cls(ne_file, ne_attrs)


class prev_entry4(XdrStruct):
    __slots__ = ("pe_prev_entry", "pe_prev_entry_cookie")

    def __init__(self, pe_prev_entry: notify_entry4, pe_prev_entry_cookie: nfs_cookie4) -> None:
        self.pe_prev_entry = pe_prev_entry
        self.pe_prev_entry_cookie = pe_prev_entry_cookie

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.pe_prev_entry.encode(enc)
            buf += _Q.pack(self.pe_prev_entry_cookie)
        except StructError as error:
            raise unencodable("prev_entry4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> prev_entry4:
        pe_prev_entry = notify_entry4.decode(dec)
        pe_prev_entry_cookie = dec.uint64()
        return cls(pe_prev_entry, pe_prev_entry_cookie)


class notify_remove4(XdrStruct):
    __slots__ = ("nrm_old_entry", "nrm_old_entry_cookie")

    def __init__(self, nrm_old_entry: notify_entry4, nrm_old_entry_cookie: nfs_cookie4) -> None:
        self.nrm_old_entry = nrm_old_entry
        self.nrm_old_entry_cookie = nrm_old_entry_cookie

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.nrm_old_entry.encode(enc)
            buf += _Q.pack(self.nrm_old_entry_cookie)
        except StructError as error:
            raise unencodable("notify_remove4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> notify_remove4:
        nrm_old_entry = notify_entry4.decode(dec)
        nrm_old_entry_cookie = dec.uint64()
        return cls(nrm_old_entry, nrm_old_entry_cookie)


class notify_add4(XdrStruct):
    __slots__ = (
        "nad_old_entry",
        "nad_new_entry",
        "nad_new_entry_cookie",
        "nad_prev_entry",
        "nad_last_entry",
    )

    def __init__(
        self,
        nad_old_entry: list[notify_remove4],
        nad_new_entry: notify_entry4,
        nad_new_entry_cookie: list[nfs_cookie4],
        nad_prev_entry: list[prev_entry4],
        nad_last_entry: bool,
    ) -> None:
        self.nad_old_entry = nad_old_entry
        self.nad_new_entry = nad_new_entry
        self.nad_new_entry_cookie = nad_new_entry_cookie
        self.nad_prev_entry = nad_prev_entry
        self.nad_last_entry = nad_last_entry

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            nad_old_entry = self.nad_old_entry
            n = len(nad_old_entry)
            if n > 1:
                raise too_long("notify_add4.nad_old_entry", n, 1)
            buf += _I.pack(n)
            for item in nad_old_entry:
                item.encode(enc)
            self.nad_new_entry.encode(enc)
            nad_new_entry_cookie = self.nad_new_entry_cookie
            n2 = len(nad_new_entry_cookie)
            if n2 > 1:
                raise too_long("notify_add4.nad_new_entry_cookie", n2, 1)
            buf += _I.pack(n2)
            buf += pack(f">{n2}Q", *nad_new_entry_cookie)
            nad_prev_entry = self.nad_prev_entry
            n3 = len(nad_prev_entry)
            if n3 > 1:
                raise too_long("notify_add4.nad_prev_entry", n3, 1)
            buf += _I.pack(n3)
            for item2 in nad_prev_entry:
                item2.encode(enc)
            buf += _I.pack(1 if self.nad_last_entry else 0)
        except StructError as error:
            raise unencodable("notify_add4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> notify_add4:
        nad_old_entry_n = dec.uint32()
        dec.check_count(nad_old_entry_n, 20, 1)
        nad_old_entry = [notify_remove4.decode(dec) for _ in range(nad_old_entry_n)]
        nad_new_entry = notify_entry4.decode(dec)
        nad_new_entry_cookie_n = dec.uint32()
        if nad_new_entry_cookie_n > 1:
            raise too_long("notify_add4.nad_new_entry_cookie", nad_new_entry_cookie_n, 1)
        nad_new_entry_cookie = dec.numbers("Q", nad_new_entry_cookie_n)
        nad_prev_entry_n = dec.uint32()
        dec.check_count(nad_prev_entry_n, 20, 1)
        nad_prev_entry = [prev_entry4.decode(dec) for _ in range(nad_prev_entry_n)]
        nad_last_entry = dec.uint32()
        if nad_last_entry > 1:
            raise not_boolean("notify_add4.nad_last_entry", nad_last_entry)
        return cls(nad_old_entry, nad_new_entry, nad_new_entry_cookie, nad_prev_entry, nad_last_entry == 1)


class notify_attr4(XdrStruct):
    __slots__ = ("na_changed_entry",)

    def __init__(self, na_changed_entry: notify_entry4) -> None:
        self.na_changed_entry = na_changed_entry

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.na_changed_entry.encode(enc)
        except StructError as error:
            raise unencodable("notify_attr4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> notify_attr4:
        na_changed_entry = notify_entry4.decode(dec)
        return cls(na_changed_entry)


class notify_rename4(XdrStruct):
    __slots__ = ("nrn_old_entry", "nrn_new_entry")

    def __init__(self, nrn_old_entry: notify_remove4, nrn_new_entry: notify_add4) -> None:
        self.nrn_old_entry = nrn_old_entry
        self.nrn_new_entry = nrn_new_entry

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            self.nrn_old_entry.encode(enc)
            self.nrn_new_entry.encode(enc)
        except StructError as error:
            raise unencodable("notify_rename4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> notify_rename4:
        nrn_old_entry = notify_remove4.decode(dec)
        nrn_new_entry = notify_add4.decode(dec)
        return cls(nrn_old_entry, nrn_new_entry)


class notify_verifier4(XdrStruct):
    __slots__ = ("nv_old_cookieverf", "nv_new_cookieverf")

    def __init__(self, nv_old_cookieverf: verifier4, nv_new_cookieverf: verifier4) -> None:
        self.nv_old_cookieverf = nv_old_cookieverf
        self.nv_new_cookieverf = nv_new_cookieverf

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.nv_old_cookieverf) != 8:
                raise wrong_length("notify_verifier4.nv_old_cookieverf", len(self.nv_old_cookieverf), 8)
            if len(self.nv_new_cookieverf) != 8:
                raise wrong_length("notify_verifier4.nv_new_cookieverf", len(self.nv_new_cookieverf), 8)
            buf += _8s8s.pack(self.nv_old_cookieverf, self.nv_new_cookieverf)
        except StructError as error:
            raise unencodable("notify_verifier4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> notify_verifier4:
        nv_old_cookieverf, nv_new_cookieverf = dec.unpack(_8s8s)
        return cls(nv_old_cookieverf, nv_new_cookieverf)


notifylist4: TypeAlias = "bytes"


def encode_notifylist4(enc: Encoder, value: notifylist4) -> None:
    buf = enc.buffer
    try:
        n = len(value)
        buf += _I.pack(n)
        buf += value
        if n & 3:
            buf += PAD[n & 3]
    except StructError as error:
        raise unencodable("notifylist4", error) from None


def decode_notifylist4(dec: Decoder) -> notifylist4:
    return dec.opaque()


class notify4(XdrStruct):
    __slots__ = ("notify_mask", "notify_vals")

    def __init__(self, notify_mask: bitmap4, notify_vals: notifylist4) -> None:
        self.notify_mask = notify_mask
        self.notify_vals = notify_vals

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            notify_mask = self.notify_mask
            n = len(notify_mask)
            buf += _I.pack(n)
            buf += pack(f">{n}I", *notify_mask)
            notify_vals = self.notify_vals
            n2 = len(notify_vals)
            buf += _I.pack(n2)
            buf += notify_vals
            if n2 & 3:
                buf += PAD[n2 & 3]
        except StructError as error:
            raise unencodable("notify4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> notify4:
        notify_mask_n = dec.uint32()
        notify_mask = dec.numbers("I", notify_mask_n)
        notify_vals_n = dec.uint32()
        notify_vals = dec.octets(notify_vals_n)
        return cls(notify_mask, notify_vals)


class CB_NOTIFY4args(XdrStruct):
    __slots__ = ("cna_stateid", "cna_fh", "cna_changes")

    def __init__(self, cna_stateid: stateid4, cna_fh: nfs_fh4, cna_changes: list[notify4]) -> None:
        self.cna_stateid = cna_stateid
        self.cna_fh = cna_fh
        self.cna_changes = cna_changes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cna_stateid = self.cna_stateid
            if len(cna_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(cna_stateid.other), 12)
            cna_fh = self.cna_fh
            n = len(cna_fh)
            if n > 128:
                raise too_long("CB_NOTIFY4args.cna_fh", n, 128)
            buf += _I12sI.pack(cna_stateid.seqid, cna_stateid.other, n)
            buf += cna_fh
            if n & 3:
                buf += PAD[n & 3]
            cna_changes = self.cna_changes
            n2 = len(cna_changes)
            buf += _I.pack(n2)
            for item in cna_changes:
                item.encode(enc)
        except StructError as error:
            raise unencodable("CB_NOTIFY4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_NOTIFY4args:
        cna_stateid__seqid, cna_stateid__other, cna_fh_n = dec.unpack(_I12sI)
        if cna_fh_n > 128:
            raise too_long("CB_NOTIFY4args.cna_fh", cna_fh_n, 128)
        cna_fh = dec.octets(cna_fh_n)
        cna_changes_n = dec.uint32()
        dec.check_count(cna_changes_n, 8)
        cna_changes = [notify4.decode(dec) for _ in range(cna_changes_n)]
        return cls(stateid4(cna_stateid__seqid, cna_stateid__other), cna_fh, cna_changes)


class CB_NOTIFY4res(XdrStruct):
    __slots__ = ("cnr_status",)

    def __init__(self, cnr_status: int) -> None:
        self.cnr_status = cnr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.cnr_status)
        except StructError as error:
            raise unencodable("CB_NOTIFY4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_NOTIFY4res:
        cnr_status = dec.int32()
        return cls(cnr_status)


class CB_PUSH_DELEG4args(XdrStruct):
    __slots__ = ("cpda_fh", "cpda_delegation")

    def __init__(self, cpda_fh: nfs_fh4, cpda_delegation: open_delegation4) -> None:
        self.cpda_fh = cpda_fh
        self.cpda_delegation = cpda_delegation

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cpda_fh = self.cpda_fh
            n = len(cpda_fh)
            if n > 128:
                raise too_long("CB_PUSH_DELEG4args.cpda_fh", n, 128)
            buf += _I.pack(n)
            buf += cpda_fh
            if n & 3:
                buf += PAD[n & 3]
            self.cpda_delegation.encode(enc)
        except StructError as error:
            raise unencodable("CB_PUSH_DELEG4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_PUSH_DELEG4args:
        cpda_fh_n = dec.uint32()
        if cpda_fh_n > 128:
            raise too_long("CB_PUSH_DELEG4args.cpda_fh", cpda_fh_n, 128)
        cpda_fh = dec.octets(cpda_fh_n)
        cpda_delegation = open_delegation4.decode(dec)
        return cls(cpda_fh, cpda_delegation)


class CB_PUSH_DELEG4res(XdrStruct):
    __slots__ = ("cpdr_status",)

    def __init__(self, cpdr_status: int) -> None:
        self.cpdr_status = cpdr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.cpdr_status)
        except StructError as error:
            raise unencodable("CB_PUSH_DELEG4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_PUSH_DELEG4res:
        cpdr_status = dec.int32()
        return cls(cpdr_status)


class CB_RECALL_ANY4args(XdrStruct):
    __slots__ = ("craa_objects_to_keep", "craa_type_mask")

    def __init__(self, craa_objects_to_keep: uint32_t, craa_type_mask: bitmap4) -> None:
        self.craa_objects_to_keep = craa_objects_to_keep
        self.craa_type_mask = craa_type_mask

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            craa_type_mask = self.craa_type_mask
            n = len(craa_type_mask)
            buf += _2I.pack(self.craa_objects_to_keep, n)
            buf += pack(f">{n}I", *craa_type_mask)
        except StructError as error:
            raise unencodable("CB_RECALL_ANY4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_RECALL_ANY4args:
        craa_objects_to_keep, craa_type_mask_n = dec.unpack(_2I)
        craa_type_mask = dec.numbers("I", craa_type_mask_n)
        return cls(craa_objects_to_keep, craa_type_mask)


class CB_RECALL_ANY4res(XdrStruct):
    __slots__ = ("crar_status",)

    def __init__(self, crar_status: int) -> None:
        self.crar_status = crar_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.crar_status)
        except StructError as error:
            raise unencodable("CB_RECALL_ANY4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_RECALL_ANY4res:
        crar_status = dec.int32()
        return cls(crar_status)


CB_RECALLABLE_OBJ_AVAIL4args = CB_RECALL_ANY4args


class CB_RECALLABLE_OBJ_AVAIL4res(XdrStruct):
    __slots__ = ("croa_status",)

    def __init__(self, croa_status: int) -> None:
        self.croa_status = croa_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.croa_status)
        except StructError as error:
            raise unencodable("CB_RECALLABLE_OBJ_AVAIL4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_RECALLABLE_OBJ_AVAIL4res:
        croa_status = dec.int32()
        return cls(croa_status)


class CB_RECALL_SLOT4args(XdrStruct):
    __slots__ = ("rsa_target_highest_slotid",)

    def __init__(self, rsa_target_highest_slotid: slotid4) -> None:
        self.rsa_target_highest_slotid = rsa_target_highest_slotid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _I.pack(self.rsa_target_highest_slotid)
        except StructError as error:
            raise unencodable("CB_RECALL_SLOT4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_RECALL_SLOT4args:
        rsa_target_highest_slotid = dec.uint32()
        return cls(rsa_target_highest_slotid)


class CB_RECALL_SLOT4res(XdrStruct):
    __slots__ = ("rsr_status",)

    def __init__(self, rsr_status: int) -> None:
        self.rsr_status = rsr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.rsr_status)
        except StructError as error:
            raise unencodable("CB_RECALL_SLOT4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_RECALL_SLOT4res:
        rsr_status = dec.int32()
        return cls(rsr_status)


class referring_call4(XdrStruct):
    __slots__ = ("rc_sequenceid", "rc_slotid")

    def __init__(self, rc_sequenceid: sequenceid4, rc_slotid: slotid4) -> None:
        self.rc_sequenceid = rc_sequenceid
        self.rc_slotid = rc_slotid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(self.rc_sequenceid, self.rc_slotid)
        except StructError as error:
            raise unencodable("referring_call4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> referring_call4:
        rc_sequenceid, rc_slotid = dec.unpack(_2I)
        return cls(rc_sequenceid, rc_slotid)


class referring_call_list4(XdrStruct):
    __slots__ = ("rcl_sessionid", "rcl_referring_calls")

    def __init__(
        self,
        rcl_sessionid: sessionid4,
        rcl_referring_calls: list[referring_call4],
    ) -> None:
        self.rcl_sessionid = rcl_sessionid
        self.rcl_referring_calls = rcl_referring_calls

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.rcl_sessionid) != 16:
                raise wrong_length("referring_call_list4.rcl_sessionid", len(self.rcl_sessionid), 16)
            rcl_referring_calls = self.rcl_referring_calls
            n = len(rcl_referring_calls)
            buf += _16sI.pack(self.rcl_sessionid, n)
            for item in rcl_referring_calls:
                buf += _2I.pack(item.rc_sequenceid, item.rc_slotid)
        except StructError as error:
            raise unencodable("referring_call_list4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> referring_call_list4:
        rcl_sessionid, rcl_referring_calls_n = dec.unpack(_16sI)
        dec.check_count(rcl_referring_calls_n, 8)
        rcl_referring_calls = [referring_call4.decode(dec) for _ in range(rcl_referring_calls_n)]
        return cls(rcl_sessionid, rcl_referring_calls)


class CB_SEQUENCE4args(XdrStruct):
    __slots__ = (
        "csa_sessionid",
        "csa_sequenceid",
        "csa_slotid",
        "csa_highest_slotid",
        "csa_cachethis",
        "csa_referring_call_lists",
    )

    def __init__(
        self,
        csa_sessionid: sessionid4,
        csa_sequenceid: sequenceid4,
        csa_slotid: slotid4,
        csa_highest_slotid: slotid4,
        csa_cachethis: bool,
        csa_referring_call_lists: list[referring_call_list4],
    ) -> None:
        self.csa_sessionid = csa_sessionid
        self.csa_sequenceid = csa_sequenceid
        self.csa_slotid = csa_slotid
        self.csa_highest_slotid = csa_highest_slotid
        self.csa_cachethis = csa_cachethis
        self.csa_referring_call_lists = csa_referring_call_lists

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.csa_sessionid) != 16:
                raise wrong_length("CB_SEQUENCE4args.csa_sessionid", len(self.csa_sessionid), 16)
            csa_referring_call_lists = self.csa_referring_call_lists
            n = len(csa_referring_call_lists)
            buf += _16s5I.pack(self.csa_sessionid, self.csa_sequenceid, self.csa_slotid, self.csa_highest_slotid, 1 if self.csa_cachethis else 0, n)
            for item in csa_referring_call_lists:
                item.encode(enc)
        except StructError as error:
            raise unencodable("CB_SEQUENCE4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_SEQUENCE4args:
        csa_sessionid, csa_sequenceid, csa_slotid, csa_highest_slotid, csa_cachethis, csa_referring_call_lists_n = dec.unpack(_16s5I)
        if csa_cachethis > 1:
            raise not_boolean("CB_SEQUENCE4args.csa_cachethis", csa_cachethis)
        dec.check_count(csa_referring_call_lists_n, 20)
        csa_referring_call_lists = [referring_call_list4.decode(dec) for _ in range(csa_referring_call_lists_n)]
        return cls(csa_sessionid, csa_sequenceid, csa_slotid, csa_highest_slotid, csa_cachethis == 1, csa_referring_call_lists)


class CB_SEQUENCE4resok(XdrStruct):
    __slots__ = (
        "csr_sessionid",
        "csr_sequenceid",
        "csr_slotid",
        "csr_highest_slotid",
        "csr_target_highest_slotid",
    )

    def __init__(
        self,
        csr_sessionid: sessionid4,
        csr_sequenceid: sequenceid4,
        csr_slotid: slotid4,
        csr_highest_slotid: slotid4,
        csr_target_highest_slotid: slotid4,
    ) -> None:
        self.csr_sessionid = csr_sessionid
        self.csr_sequenceid = csr_sequenceid
        self.csr_slotid = csr_slotid
        self.csr_highest_slotid = csr_highest_slotid
        self.csr_target_highest_slotid = csr_target_highest_slotid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.csr_sessionid) != 16:
                raise wrong_length("CB_SEQUENCE4resok.csr_sessionid", len(self.csr_sessionid), 16)
            buf += _16s4I.pack(self.csr_sessionid, self.csr_sequenceid, self.csr_slotid, self.csr_highest_slotid, self.csr_target_highest_slotid)
        except StructError as error:
            raise unencodable("CB_SEQUENCE4resok", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_SEQUENCE4resok:
        csr_sessionid, csr_sequenceid, csr_slotid, csr_highest_slotid, csr_target_highest_slotid = dec.unpack(_16s4I)
        return cls(csr_sessionid, csr_sequenceid, csr_slotid, csr_highest_slotid, csr_target_highest_slotid)


class CB_SEQUENCE4res(XdrUnion):
    __slots__ = ("csr_status", "value")

    def __init__(self, csr_status: int, value: CB_SEQUENCE4resok | None = None) -> None:
        self.csr_status = csr_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        csr_status = self.csr_status
        try:
            if csr_status == NFS4_OK:
                if len(value.csr_sessionid) != 16:
                    raise wrong_length("CB_SEQUENCE4resok.csr_sessionid", len(value.csr_sessionid), 16)
                buf += _i16s4I.pack(csr_status, value.csr_sessionid, value.csr_sequenceid, value.csr_slotid, value.csr_highest_slotid, value.csr_target_highest_slotid)
            else:
                buf += _i.pack(csr_status)
        except StructError as error:
            raise unencodable("CB_SEQUENCE4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_SEQUENCE4res:
        csr_status = dec.int32()
        if csr_status == NFS4_OK:
            csr_resok4__csr_sessionid, csr_resok4__csr_sequenceid, csr_resok4__csr_slotid, csr_resok4__csr_highest_slotid, csr_resok4__csr_target_highest_slotid = dec.unpack(_16s4I)
            return cls(csr_status, CB_SEQUENCE4resok(csr_resok4__csr_sessionid, csr_resok4__csr_sequenceid, csr_resok4__csr_slotid, csr_resok4__csr_highest_slotid, csr_resok4__csr_target_highest_slotid))
        return cls(csr_status)

    @property
    def csr_resok4(self) -> CB_SEQUENCE4resok:
        if not (self.csr_status == NFS4_OK):
            raise wrong_arm(self, "csr_resok4")
        arm: CB_SEQUENCE4resok = self.value
        return arm


class CB_WANTS_CANCELLED4args(XdrStruct):
    __slots__ = ("cwca_contended_wants_cancelled", "cwca_resourced_wants_cancelled")

    def __init__(
        self,
        cwca_contended_wants_cancelled: bool,
        cwca_resourced_wants_cancelled: bool,
    ) -> None:
        self.cwca_contended_wants_cancelled = cwca_contended_wants_cancelled
        self.cwca_resourced_wants_cancelled = cwca_resourced_wants_cancelled

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _2I.pack(1 if self.cwca_contended_wants_cancelled else 0, 1 if self.cwca_resourced_wants_cancelled else 0)
        except StructError as error:
            raise unencodable("CB_WANTS_CANCELLED4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_WANTS_CANCELLED4args:
        cwca_contended_wants_cancelled, cwca_resourced_wants_cancelled = dec.unpack(_2I)
        if cwca_contended_wants_cancelled > 1:
            raise not_boolean("CB_WANTS_CANCELLED4args.cwca_contended_wants_cancelled", cwca_contended_wants_cancelled)
        if cwca_resourced_wants_cancelled > 1:
            raise not_boolean("CB_WANTS_CANCELLED4args.cwca_resourced_wants_cancelled", cwca_resourced_wants_cancelled)
        return cls(cwca_contended_wants_cancelled == 1, cwca_resourced_wants_cancelled == 1)


class CB_WANTS_CANCELLED4res(XdrStruct):
    __slots__ = ("cwcr_status",)

    def __init__(self, cwcr_status: int) -> None:
        self.cwcr_status = cwcr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.cwcr_status)
        except StructError as error:
            raise unencodable("CB_WANTS_CANCELLED4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_WANTS_CANCELLED4res:
        cwcr_status = dec.int32()
        return cls(cwcr_status)


class CB_NOTIFY_LOCK4args(XdrStruct):
    __slots__ = ("cnla_fh", "cnla_lock_owner")

    def __init__(self, cnla_fh: nfs_fh4, cnla_lock_owner: lock_owner4) -> None:
        self.cnla_fh = cnla_fh
        self.cnla_lock_owner = cnla_lock_owner

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cnla_fh = self.cnla_fh
            n = len(cnla_fh)
            if n > 128:
                raise too_long("CB_NOTIFY_LOCK4args.cnla_fh", n, 128)
            buf += _I.pack(n)
            buf += cnla_fh
            if n & 3:
                buf += PAD[n & 3]
            self.cnla_lock_owner.encode(enc)
        except StructError as error:
            raise unencodable("CB_NOTIFY_LOCK4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_NOTIFY_LOCK4args:
        cnla_fh_n = dec.uint32()
        if cnla_fh_n > 128:
            raise too_long("CB_NOTIFY_LOCK4args.cnla_fh", cnla_fh_n, 128)
        cnla_fh = dec.octets(cnla_fh_n)
        cnla_lock_owner = state_owner4.decode(dec)
        return cls(cnla_fh, cnla_lock_owner)


class CB_NOTIFY_LOCK4res(XdrStruct):
    __slots__ = ("cnlr_status",)

    def __init__(self, cnlr_status: int) -> None:
        self.cnlr_status = cnlr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.cnlr_status)
        except StructError as error:
            raise unencodable("CB_NOTIFY_LOCK4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_NOTIFY_LOCK4res:
        cnlr_status = dec.int32()
        return cls(cnlr_status)


class notify_deviceid_delete4(XdrStruct):
    __slots__ = ("ndd_layouttype", "ndd_deviceid")

    def __init__(self, ndd_layouttype: int, ndd_deviceid: deviceid4) -> None:
        self.ndd_layouttype = ndd_layouttype
        self.ndd_deviceid = ndd_deviceid

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.ndd_deviceid) != 16:
                raise wrong_length("notify_deviceid_delete4.ndd_deviceid", len(self.ndd_deviceid), 16)
            buf += _i16s.pack(self.ndd_layouttype, self.ndd_deviceid)
        except StructError as error:
            raise unencodable("notify_deviceid_delete4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> notify_deviceid_delete4:
        ndd_layouttype, ndd_deviceid = dec.unpack(_i16s)
        return cls(ndd_layouttype, ndd_deviceid)


class notify_deviceid_change4(XdrStruct):
    __slots__ = ("ndc_layouttype", "ndc_deviceid", "ndc_immediate")

    def __init__(self, ndc_layouttype: int, ndc_deviceid: deviceid4, ndc_immediate: bool) -> None:
        self.ndc_layouttype = ndc_layouttype
        self.ndc_deviceid = ndc_deviceid
        self.ndc_immediate = ndc_immediate

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            if len(self.ndc_deviceid) != 16:
                raise wrong_length("notify_deviceid_change4.ndc_deviceid", len(self.ndc_deviceid), 16)
            buf += _i16sI.pack(self.ndc_layouttype, self.ndc_deviceid, 1 if self.ndc_immediate else 0)
        except StructError as error:
            raise unencodable("notify_deviceid_change4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> notify_deviceid_change4:
        ndc_layouttype, ndc_deviceid, ndc_immediate = dec.unpack(_i16sI)
        if ndc_immediate > 1:
            raise not_boolean("notify_deviceid_change4.ndc_immediate", ndc_immediate)
        return cls(ndc_layouttype, ndc_deviceid, ndc_immediate == 1)


class CB_NOTIFY_DEVICEID4args(XdrStruct):
    __slots__ = ("cnda_changes",)

    def __init__(self, cnda_changes: list[notify4]) -> None:
        self.cnda_changes = cnda_changes

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            cnda_changes = self.cnda_changes
            n = len(cnda_changes)
            buf += _I.pack(n)
            for item in cnda_changes:
                item.encode(enc)
        except StructError as error:
            raise unencodable("CB_NOTIFY_DEVICEID4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_NOTIFY_DEVICEID4args:
        cnda_changes_n = dec.uint32()
        dec.check_count(cnda_changes_n, 8)
        cnda_changes = [notify4.decode(dec) for _ in range(cnda_changes_n)]
        return cls(cnda_changes)


class CB_NOTIFY_DEVICEID4res(XdrStruct):
    __slots__ = ("cndr_status",)

    def __init__(self, cndr_status: int) -> None:
        self.cndr_status = cndr_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.cndr_status)
        except StructError as error:
            raise unencodable("CB_NOTIFY_DEVICEID4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_NOTIFY_DEVICEID4res:
        cndr_status = dec.int32()
        return cls(cndr_status)


class offload_info4(XdrUnion):
    __slots__ = ("coa_status", "value")

    def __init__(self, coa_status: int, value: write_response4 | length4 | None = None) -> None:
        self.coa_status = coa_status
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        coa_status = self.coa_status
        try:
            if coa_status == NFS4_OK:
                buf += _i.pack(coa_status)
                value.encode(enc)
            else:
                buf += _iQ.pack(coa_status, value)
        except StructError as error:
            raise unencodable("offload_info4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> offload_info4:
        coa_status = dec.int32()
        if coa_status == NFS4_OK:
            coa_resok4 = write_response4.decode(dec)
            return cls(coa_status, coa_resok4)
        coa_bytes_copied = dec.uint64()
        return cls(coa_status, coa_bytes_copied)

    @property
    def coa_resok4(self) -> write_response4:
        if not (self.coa_status == NFS4_OK):
            raise wrong_arm(self, "coa_resok4")
        arm: write_response4 = self.value
        return arm

    @property
    def coa_bytes_copied(self) -> length4:
        if self.coa_status == NFS4_OK:
            raise wrong_arm(self, "coa_bytes_copied")
        arm: length4 = self.value
        return arm


class CB_OFFLOAD4args(XdrStruct):
    __slots__ = ("coa_fh", "coa_stateid", "coa_offload_info")

    def __init__(
        self,
        coa_fh: nfs_fh4,
        coa_stateid: stateid4,
        coa_offload_info: offload_info4,
    ) -> None:
        self.coa_fh = coa_fh
        self.coa_stateid = coa_stateid
        self.coa_offload_info = coa_offload_info

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            coa_fh = self.coa_fh
            n = len(coa_fh)
            if n > 128:
                raise too_long("CB_OFFLOAD4args.coa_fh", n, 128)
            buf += _I.pack(n)
            buf += coa_fh
            if n & 3:
                buf += PAD[n & 3]
            coa_stateid = self.coa_stateid
            if len(coa_stateid.other) != 12:
                raise wrong_length("stateid4.other", len(coa_stateid.other), 12)
            buf += _I12s.pack(coa_stateid.seqid, coa_stateid.other)
            self.coa_offload_info.encode(enc)
        except StructError as error:
            raise unencodable("CB_OFFLOAD4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_OFFLOAD4args:
        coa_fh_n = dec.uint32()
        if coa_fh_n > 128:
            raise too_long("CB_OFFLOAD4args.coa_fh", coa_fh_n, 128)
        coa_fh = dec.octets(coa_fh_n)
        coa_stateid__seqid, coa_stateid__other = dec.unpack(_I12s)
        coa_offload_info = offload_info4.decode(dec)
        return cls(coa_fh, stateid4(coa_stateid__seqid, coa_stateid__other), coa_offload_info)


class CB_OFFLOAD4res(XdrStruct):
    __slots__ = ("cor_status",)

    def __init__(self, cor_status: int) -> None:
        self.cor_status = cor_status

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            buf += _i.pack(self.cor_status)
        except StructError as error:
            raise unencodable("CB_OFFLOAD4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_OFFLOAD4res:
        cor_status = dec.int32()
        return cls(cor_status)


class nfs_cb_argop4(XdrUnion):
    __slots__ = ("argop", "value")

    def __init__(
        self,
        argop: int,
        value: CB_GETATTR4args | CB_RECALL4args | CB_LAYOUTRECALL4args | CB_NOTIFY4args | CB_PUSH_DELEG4args | CB_RECALL_ANY4args | CB_RECALLABLE_OBJ_AVAIL4args | CB_RECALL_SLOT4args | CB_SEQUENCE4args | CB_WANTS_CANCELLED4args | CB_NOTIFY_LOCK4args | CB_NOTIFY_DEVICEID4args | CB_OFFLOAD4args | None = None,
    ) -> None:
        self.argop = argop
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        argop = self.argop
        arm = _nfs_cb_argop4_arms.get(argop, MISSING)
        try:
            if arm is not MISSING:
                buf += _I.pack(argop)
                if arm is not None:
                    value.encode(enc)
            else:
                raise no_arm("nfs_cb_argop4", argop)
        except StructError as error:
            raise unencodable("nfs_cb_argop4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfs_cb_argop4:
        argop = dec.uint32()
        arm = _nfs_cb_argop4_arms.get(argop, MISSING)
        if arm is None:
            return cls(argop)
        if arm is not MISSING:
            value = arm.decode(dec)
            return cls(argop, value)
        raise no_arm("nfs_cb_argop4", argop)

    @property
    def opcbgetattr(self) -> CB_GETATTR4args:
        if not (self.argop == OP_CB_GETATTR):
            raise wrong_arm(self, "opcbgetattr")
        arm: CB_GETATTR4args = self.value
        return arm

    @property
    def opcbrecall(self) -> CB_RECALL4args:
        if not (self.argop == OP_CB_RECALL):
            raise wrong_arm(self, "opcbrecall")
        arm: CB_RECALL4args = self.value
        return arm

    @property
    def opcblayoutrecall(self) -> CB_LAYOUTRECALL4args:
        if not (self.argop == OP_CB_LAYOUTRECALL):
            raise wrong_arm(self, "opcblayoutrecall")
        arm: CB_LAYOUTRECALL4args = self.value
        return arm

    @property
    def opcbnotify(self) -> CB_NOTIFY4args:
        if not (self.argop == OP_CB_NOTIFY):
            raise wrong_arm(self, "opcbnotify")
        arm: CB_NOTIFY4args = self.value
        return arm

    @property
    def opcbpush_deleg(self) -> CB_PUSH_DELEG4args:
        if not (self.argop == OP_CB_PUSH_DELEG):
            raise wrong_arm(self, "opcbpush_deleg")
        arm: CB_PUSH_DELEG4args = self.value
        return arm

    @property
    def opcbrecall_any(self) -> CB_RECALL_ANY4args:
        if not (self.argop == OP_CB_RECALL_ANY):
            raise wrong_arm(self, "opcbrecall_any")
        arm: CB_RECALL_ANY4args = self.value
        return arm

    @property
    def opcbrecallable_obj_avail(self) -> CB_RECALLABLE_OBJ_AVAIL4args:
        if not (self.argop == OP_CB_RECALLABLE_OBJ_AVAIL):
            raise wrong_arm(self, "opcbrecallable_obj_avail")
        arm: CB_RECALLABLE_OBJ_AVAIL4args = self.value
        return arm

    @property
    def opcbrecall_slot(self) -> CB_RECALL_SLOT4args:
        if not (self.argop == OP_CB_RECALL_SLOT):
            raise wrong_arm(self, "opcbrecall_slot")
        arm: CB_RECALL_SLOT4args = self.value
        return arm

    @property
    def opcbsequence(self) -> CB_SEQUENCE4args:
        if not (self.argop == OP_CB_SEQUENCE):
            raise wrong_arm(self, "opcbsequence")
        arm: CB_SEQUENCE4args = self.value
        return arm

    @property
    def opcbwants_cancelled(self) -> CB_WANTS_CANCELLED4args:
        if not (self.argop == OP_CB_WANTS_CANCELLED):
            raise wrong_arm(self, "opcbwants_cancelled")
        arm: CB_WANTS_CANCELLED4args = self.value
        return arm

    @property
    def opcbnotify_lock(self) -> CB_NOTIFY_LOCK4args:
        if not (self.argop == OP_CB_NOTIFY_LOCK):
            raise wrong_arm(self, "opcbnotify_lock")
        arm: CB_NOTIFY_LOCK4args = self.value
        return arm

    @property
    def opcbnotify_deviceid(self) -> CB_NOTIFY_DEVICEID4args:
        if not (self.argop == OP_CB_NOTIFY_DEVICEID):
            raise wrong_arm(self, "opcbnotify_deviceid")
        arm: CB_NOTIFY_DEVICEID4args = self.value
        return arm

    @property
    def opcboffload(self) -> CB_OFFLOAD4args:
        if not (self.argop == OP_CB_OFFLOAD):
            raise wrong_arm(self, "opcboffload")
        arm: CB_OFFLOAD4args = self.value
        return arm


class nfs_cb_resop4(XdrUnion):
    __slots__ = ("resop", "value")

    def __init__(
        self,
        resop: int,
        value: CB_GETATTR4res | CB_RECALL4res | CB_LAYOUTRECALL4res | CB_NOTIFY4res | CB_PUSH_DELEG4res | CB_RECALL_ANY4res | CB_RECALLABLE_OBJ_AVAIL4res | CB_RECALL_SLOT4res | CB_SEQUENCE4res | CB_WANTS_CANCELLED4res | CB_NOTIFY_LOCK4res | CB_NOTIFY_DEVICEID4res | CB_OFFLOAD4res | CB_ILLEGAL4res | None = None,
    ) -> None:
        self.resop = resop
        self.value: Any = value

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        value: Any = self.value
        resop = self.resop
        arm = _nfs_cb_resop4_arms.get(resop, MISSING)
        try:
            if arm is not MISSING:
                buf += _I.pack(resop)
                if arm is not None:
                    value.encode(enc)
            else:
                raise no_arm("nfs_cb_resop4", resop)
        except StructError as error:
            raise unencodable("nfs_cb_resop4", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> nfs_cb_resop4:
        resop = dec.uint32()
        arm = _nfs_cb_resop4_arms.get(resop, MISSING)
        if arm is None:
            return cls(resop)
        if arm is not MISSING:
            value = arm.decode(dec)
            return cls(resop, value)
        raise no_arm("nfs_cb_resop4", resop)

    @property
    def opcbgetattr(self) -> CB_GETATTR4res:
        if not (self.resop == OP_CB_GETATTR):
            raise wrong_arm(self, "opcbgetattr")
        arm: CB_GETATTR4res = self.value
        return arm

    @property
    def opcbrecall(self) -> CB_RECALL4res:
        if not (self.resop == OP_CB_RECALL):
            raise wrong_arm(self, "opcbrecall")
        arm: CB_RECALL4res = self.value
        return arm

    @property
    def opcblayoutrecall(self) -> CB_LAYOUTRECALL4res:
        if not (self.resop == OP_CB_LAYOUTRECALL):
            raise wrong_arm(self, "opcblayoutrecall")
        arm: CB_LAYOUTRECALL4res = self.value
        return arm

    @property
    def opcbnotify(self) -> CB_NOTIFY4res:
        if not (self.resop == OP_CB_NOTIFY):
            raise wrong_arm(self, "opcbnotify")
        arm: CB_NOTIFY4res = self.value
        return arm

    @property
    def opcbpush_deleg(self) -> CB_PUSH_DELEG4res:
        if not (self.resop == OP_CB_PUSH_DELEG):
            raise wrong_arm(self, "opcbpush_deleg")
        arm: CB_PUSH_DELEG4res = self.value
        return arm

    @property
    def opcbrecall_any(self) -> CB_RECALL_ANY4res:
        if not (self.resop == OP_CB_RECALL_ANY):
            raise wrong_arm(self, "opcbrecall_any")
        arm: CB_RECALL_ANY4res = self.value
        return arm

    @property
    def opcbrecallable_obj_avail(self) -> CB_RECALLABLE_OBJ_AVAIL4res:
        if not (self.resop == OP_CB_RECALLABLE_OBJ_AVAIL):
            raise wrong_arm(self, "opcbrecallable_obj_avail")
        arm: CB_RECALLABLE_OBJ_AVAIL4res = self.value
        return arm

    @property
    def opcbrecall_slot(self) -> CB_RECALL_SLOT4res:
        if not (self.resop == OP_CB_RECALL_SLOT):
            raise wrong_arm(self, "opcbrecall_slot")
        arm: CB_RECALL_SLOT4res = self.value
        return arm

    @property
    def opcbsequence(self) -> CB_SEQUENCE4res:
        if not (self.resop == OP_CB_SEQUENCE):
            raise wrong_arm(self, "opcbsequence")
        arm: CB_SEQUENCE4res = self.value
        return arm

    @property
    def opcbwants_cancelled(self) -> CB_WANTS_CANCELLED4res:
        if not (self.resop == OP_CB_WANTS_CANCELLED):
            raise wrong_arm(self, "opcbwants_cancelled")
        arm: CB_WANTS_CANCELLED4res = self.value
        return arm

    @property
    def opcbnotify_lock(self) -> CB_NOTIFY_LOCK4res:
        if not (self.resop == OP_CB_NOTIFY_LOCK):
            raise wrong_arm(self, "opcbnotify_lock")
        arm: CB_NOTIFY_LOCK4res = self.value
        return arm

    @property
    def opcbnotify_deviceid(self) -> CB_NOTIFY_DEVICEID4res:
        if not (self.resop == OP_CB_NOTIFY_DEVICEID):
            raise wrong_arm(self, "opcbnotify_deviceid")
        arm: CB_NOTIFY_DEVICEID4res = self.value
        return arm

    @property
    def opcboffload(self) -> CB_OFFLOAD4res:
        if not (self.resop == OP_CB_OFFLOAD):
            raise wrong_arm(self, "opcboffload")
        arm: CB_OFFLOAD4res = self.value
        return arm

    @property
    def opcbillegal(self) -> CB_ILLEGAL4res:
        if not (self.resop == OP_CB_ILLEGAL):
            raise wrong_arm(self, "opcbillegal")
        arm: CB_ILLEGAL4res = self.value
        return arm


class CB_COMPOUND4args(XdrStruct):
    __slots__ = ("tag", "minorversion", "callback_ident", "argarray")

    def __init__(
        self,
        tag: utf8str_cs,
        minorversion: uint32_t,
        callback_ident: uint32_t,
        argarray: list[nfs_cb_argop4],
    ) -> None:
        self.tag = tag
        self.minorversion = minorversion
        self.callback_ident = callback_ident
        self.argarray = argarray

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            tag = self.tag
            n = len(tag)
            buf += _I.pack(n)
            buf += tag
            if n & 3:
                buf += PAD[n & 3]
            argarray = self.argarray
            n2 = len(argarray)
            buf += _3I.pack(self.minorversion, self.callback_ident, n2)
            for item in argarray:
                item.encode(enc)
        except StructError as error:
            raise unencodable("CB_COMPOUND4args", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_COMPOUND4args:
        tag_n = dec.uint32()
        tag = dec.octets(tag_n)
        minorversion, callback_ident, argarray_n = dec.unpack(_3I)
        dec.check_count(argarray_n, 4)
        argarray = [nfs_cb_argop4.decode(dec) for _ in range(argarray_n)]
        return cls(tag, minorversion, callback_ident, argarray)


class CB_COMPOUND4res(XdrStruct):
    __slots__ = ("status", "tag", "resarray")

    def __init__(self, status: int, tag: utf8str_cs, resarray: list[nfs_cb_resop4]) -> None:
        self.status = status
        self.tag = tag
        self.resarray = resarray

    def encode(self, enc: Encoder) -> None:
        buf = enc.buffer
        try:
            tag = self.tag
            n = len(tag)
            buf += _iI.pack(self.status, n)
            buf += tag
            if n & 3:
                buf += PAD[n & 3]
            resarray = self.resarray
            n2 = len(resarray)
            buf += _I.pack(n2)
            for item in resarray:
                item.encode(enc)
        except StructError as error:
            raise unencodable("CB_COMPOUND4res", error) from None

    @classmethod
    def decode(cls, dec: Decoder) -> CB_COMPOUND4res:
        status, tag_n = dec.unpack(_iI)
        tag = dec.octets(tag_n)
        resarray_n = dec.uint32()
        dec.check_count(resarray_n, 8)
        resarray = [nfs_cb_resop4.decode(dec) for _ in range(resarray_n)]
        return cls(status, tag, resarray)

_nfs_argop4_arms: Final[dict[int, Any]] = {
    OP_ACCESS: ACCESS4args,
    OP_CLOSE: CLOSE4args,
    OP_COMMIT: COMMIT4args,
    OP_CREATE: CREATE4args,
    OP_DELEGPURGE: DELEGPURGE4args,
    OP_DELEGRETURN: DELEGRETURN4args,
    OP_GETATTR: GETATTR4args,
    OP_GETFH: None,
    OP_LINK: LINK4args,
    OP_LOCK: LOCK4args,
    OP_LOCKT: LOCKT4args,
    OP_LOCKU: LOCKU4args,
    OP_LOOKUP: LOOKUP4args,
    OP_LOOKUPP: None,
    OP_NVERIFY: NVERIFY4args,
    OP_OPEN: OPEN4args,
    OP_OPENATTR: OPENATTR4args,
    OP_OPEN_CONFIRM: OPEN_CONFIRM4args,
    OP_OPEN_DOWNGRADE: OPEN_DOWNGRADE4args,
    OP_PUTFH: PUTFH4args,
    OP_PUTPUBFH: None,
    OP_PUTROOTFH: None,
    OP_READ: READ4args,
    OP_READDIR: READDIR4args,
    OP_READLINK: None,
    OP_REMOVE: REMOVE4args,
    OP_RENAME: RENAME4args,
    OP_RENEW: RENEW4args,
    OP_RESTOREFH: None,
    OP_SAVEFH: None,
    OP_SECINFO: SECINFO4args,
    OP_SETATTR: SETATTR4args,
    OP_SETCLIENTID: SETCLIENTID4args,
    OP_SETCLIENTID_CONFIRM: SETCLIENTID_CONFIRM4args,
    OP_VERIFY: VERIFY4args,
    OP_WRITE: WRITE4args,
    OP_RELEASE_LOCKOWNER: RELEASE_LOCKOWNER4args,
    OP_BACKCHANNEL_CTL: BACKCHANNEL_CTL4args,
    OP_BIND_CONN_TO_SESSION: BIND_CONN_TO_SESSION4args,
    OP_EXCHANGE_ID: EXCHANGE_ID4args,
    OP_CREATE_SESSION: CREATE_SESSION4args,
    OP_DESTROY_SESSION: DESTROY_SESSION4args,
    OP_FREE_STATEID: FREE_STATEID4args,
    OP_GET_DIR_DELEGATION: GET_DIR_DELEGATION4args,
    OP_GETDEVICEINFO: GETDEVICEINFO4args,
    OP_GETDEVICELIST: GETDEVICELIST4args,
    OP_LAYOUTCOMMIT: LAYOUTCOMMIT4args,
    OP_LAYOUTGET: LAYOUTGET4args,
    OP_LAYOUTRETURN: LAYOUTRETURN4args,
    OP_SEQUENCE: SEQUENCE4args,
    OP_SET_SSV: SET_SSV4args,
    OP_TEST_STATEID: TEST_STATEID4args,
    OP_WANT_DELEGATION: WANT_DELEGATION4args,
    OP_DESTROY_CLIENTID: DESTROY_CLIENTID4args,
    OP_RECLAIM_COMPLETE: RECLAIM_COMPLETE4args,
    OP_ALLOCATE: ALLOCATE4args,
    OP_COPY: COPY4args,
    OP_COPY_NOTIFY: COPY_NOTIFY4args,
    OP_DEALLOCATE: DEALLOCATE4args,
    OP_IO_ADVISE: IO_ADVISE4args,
    OP_LAYOUTERROR: LAYOUTERROR4args,
    OP_LAYOUTSTATS: LAYOUTSTATS4args,
    OP_OFFLOAD_CANCEL: OFFLOAD_CANCEL4args,
    OP_OFFLOAD_STATUS: OFFLOAD_STATUS4args,
    OP_READ_PLUS: READ_PLUS4args,
    OP_SEEK: SEEK4args,
    OP_WRITE_SAME: WRITE_SAME4args,
    OP_CLONE: CLONE4args,
    OP_GETXATTR: GETXATTR4args,
    OP_SETXATTR: SETXATTR4args,
    OP_LISTXATTRS: LISTXATTRS4args,
    OP_REMOVEXATTR: REMOVEXATTR4args,
    OP_ILLEGAL: None,
}

_nfs_resop4_arms: Final[dict[int, Any]] = {
    OP_ACCESS: ACCESS4res,
    OP_CLOSE: CLOSE4res,
    OP_COMMIT: COMMIT4res,
    OP_CREATE: CREATE4res,
    OP_DELEGPURGE: DELEGPURGE4res,
    OP_DELEGRETURN: DELEGRETURN4res,
    OP_GETATTR: GETATTR4res,
    OP_GETFH: GETFH4res,
    OP_LINK: LINK4res,
    OP_LOCK: LOCK4res,
    OP_LOCKT: LOCKT4res,
    OP_LOCKU: LOCKU4res,
    OP_LOOKUP: LOOKUP4res,
    OP_LOOKUPP: LOOKUPP4res,
    OP_NVERIFY: NVERIFY4res,
    OP_OPEN: OPEN4res,
    OP_OPENATTR: OPENATTR4res,
    OP_OPEN_CONFIRM: OPEN_CONFIRM4res,
    OP_OPEN_DOWNGRADE: OPEN_DOWNGRADE4res,
    OP_PUTFH: PUTFH4res,
    OP_PUTPUBFH: PUTPUBFH4res,
    OP_PUTROOTFH: PUTROOTFH4res,
    OP_READ: READ4res,
    OP_READDIR: READDIR4res,
    OP_READLINK: READLINK4res,
    OP_REMOVE: REMOVE4res,
    OP_RENAME: RENAME4res,
    OP_RENEW: RENEW4res,
    OP_RESTOREFH: RESTOREFH4res,
    OP_SAVEFH: SAVEFH4res,
    OP_SECINFO: SECINFO4res,
    OP_SETATTR: SETATTR4res,
    OP_SETCLIENTID: SETCLIENTID4res,
    OP_SETCLIENTID_CONFIRM: SETCLIENTID_CONFIRM4res,
    OP_VERIFY: VERIFY4res,
    OP_WRITE: WRITE4res,
    OP_RELEASE_LOCKOWNER: RELEASE_LOCKOWNER4res,
    OP_BACKCHANNEL_CTL: BACKCHANNEL_CTL4res,
    OP_BIND_CONN_TO_SESSION: BIND_CONN_TO_SESSION4res,
    OP_EXCHANGE_ID: EXCHANGE_ID4res,
    OP_CREATE_SESSION: CREATE_SESSION4res,
    OP_DESTROY_SESSION: DESTROY_SESSION4res,
    OP_FREE_STATEID: FREE_STATEID4res,
    OP_GET_DIR_DELEGATION: GET_DIR_DELEGATION4res,
    OP_GETDEVICEINFO: GETDEVICEINFO4res,
    OP_GETDEVICELIST: GETDEVICELIST4res,
    OP_LAYOUTCOMMIT: LAYOUTCOMMIT4res,
    OP_LAYOUTGET: LAYOUTGET4res,
    OP_LAYOUTRETURN: LAYOUTRETURN4res,
    OP_SECINFO_NO_NAME: SECINFO_NO_NAME4res,
    OP_SEQUENCE: SEQUENCE4res,
    OP_SET_SSV: SET_SSV4res,
    OP_TEST_STATEID: TEST_STATEID4res,
    OP_WANT_DELEGATION: WANT_DELEGATION4res,
    OP_DESTROY_CLIENTID: DESTROY_CLIENTID4res,
    OP_RECLAIM_COMPLETE: RECLAIM_COMPLETE4res,
    OP_ALLOCATE: ALLOCATE4res,
    OP_COPY: COPY4res,
    OP_COPY_NOTIFY: COPY_NOTIFY4res,
    OP_DEALLOCATE: DEALLOCATE4res,
    OP_IO_ADVISE: IO_ADVISE4res,
    OP_LAYOUTERROR: LAYOUTERROR4res,
    OP_LAYOUTSTATS: LAYOUTSTATS4res,
    OP_OFFLOAD_CANCEL: OFFLOAD_CANCEL4res,
    OP_OFFLOAD_STATUS: OFFLOAD_STATUS4res,
    OP_READ_PLUS: READ_PLUS4res,
    OP_SEEK: SEEK4res,
    OP_WRITE_SAME: WRITE_SAME4res,
    OP_CLONE: CLONE4res,
    OP_GETXATTR: GETXATTR4res,
    OP_SETXATTR: SETXATTR4res,
    OP_LISTXATTRS: LISTXATTRS4res,
    OP_REMOVEXATTR: REMOVEXATTR4res,
    OP_ILLEGAL: ILLEGAL4res,
}

_nfs_cb_argop4_arms: Final[dict[int, Any]] = {
    OP_CB_GETATTR: CB_GETATTR4args,
    OP_CB_RECALL: CB_RECALL4args,
    OP_CB_LAYOUTRECALL: CB_LAYOUTRECALL4args,
    OP_CB_NOTIFY: CB_NOTIFY4args,
    OP_CB_PUSH_DELEG: CB_PUSH_DELEG4args,
    OP_CB_RECALL_ANY: CB_RECALL_ANY4args,
    OP_CB_RECALLABLE_OBJ_AVAIL: CB_RECALLABLE_OBJ_AVAIL4args,
    OP_CB_RECALL_SLOT: CB_RECALL_SLOT4args,
    OP_CB_SEQUENCE: CB_SEQUENCE4args,
    OP_CB_WANTS_CANCELLED: CB_WANTS_CANCELLED4args,
    OP_CB_NOTIFY_LOCK: CB_NOTIFY_LOCK4args,
    OP_CB_NOTIFY_DEVICEID: CB_NOTIFY_DEVICEID4args,
    OP_CB_OFFLOAD: CB_OFFLOAD4args,
    OP_CB_ILLEGAL: None,
}

_nfs_cb_resop4_arms: Final[dict[int, Any]] = {
    OP_CB_GETATTR: CB_GETATTR4res,
    OP_CB_RECALL: CB_RECALL4res,
    OP_CB_LAYOUTRECALL: CB_LAYOUTRECALL4res,
    OP_CB_NOTIFY: CB_NOTIFY4res,
    OP_CB_PUSH_DELEG: CB_PUSH_DELEG4res,
    OP_CB_RECALL_ANY: CB_RECALL_ANY4res,
    OP_CB_RECALLABLE_OBJ_AVAIL: CB_RECALLABLE_OBJ_AVAIL4res,
    OP_CB_RECALL_SLOT: CB_RECALL_SLOT4res,
    OP_CB_SEQUENCE: CB_SEQUENCE4res,
    OP_CB_WANTS_CANCELLED: CB_WANTS_CANCELLED4res,
    OP_CB_NOTIFY_LOCK: CB_NOTIFY_LOCK4res,
    OP_CB_NOTIFY_DEVICEID: CB_NOTIFY_DEVICEID4res,
    OP_CB_OFFLOAD: CB_OFFLOAD4res,
    OP_CB_ILLEGAL: CB_ILLEGAL4res,
}
