"""The most octets that successful results of NFS version 4 have after their status.

``None`` stands for no limit. Bitmaps, to which the RFCs set none, are taken to have
3 words: a result names no attribute that the specification does not have.

Emitted by nfsrdma.xdr.compiler from the specifications of types.py. Do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RESULT_MAX: Final[Mapping[int, int | None]] = {
    3: 8,  # OP_ACCESS
    4: 16,  # OP_CLOSE
    5: 8,  # OP_COMMIT
    6: 36,  # OP_CREATE
    7: 0,  # OP_DELEGPURGE
    8: 0,  # OP_DELEGRETURN
    9: None,  # OP_GETATTR
    10: 132,  # OP_GETFH
    11: 20,  # OP_LINK
    12: 16,  # OP_LOCK
    13: 0,  # OP_LOCKT
    14: 16,  # OP_LOCKU
    15: 0,  # OP_LOOKUP
    16: 0,  # OP_LOOKUPP
    17: 0,  # OP_NVERIFY
    18: None,  # OP_OPEN
    19: 0,  # OP_OPENATTR
    20: 16,  # OP_OPEN_CONFIRM
    21: 16,  # OP_OPEN_DOWNGRADE
    22: 0,  # OP_PUTFH
    23: 0,  # OP_PUTPUBFH
    24: 0,  # OP_PUTROOTFH
    25: None,  # OP_READ
    26: None,  # OP_READDIR
    27: None,  # OP_READLINK
    28: 20,  # OP_REMOVE
    29: 40,  # OP_RENAME
    30: 0,  # OP_RENEW
    31: 0,  # OP_RESTOREFH
    32: 0,  # OP_SAVEFH
    33: None,  # OP_SECINFO
    34: 16,  # OP_SETATTR
    35: 16,  # OP_SETCLIENTID
    36: 0,  # OP_SETCLIENTID_CONFIRM
    37: 0,  # OP_VERIFY
    38: 16,  # OP_WRITE
    39: 0,  # OP_RELEASE_LOCKOWNER
    40: 0,  # OP_BACKCHANNEL_CTL
    41: 24,  # OP_BIND_CONN_TO_SESSION
    42: None,  # OP_EXCHANGE_ID
    43: 88,  # OP_CREATE_SESSION
    44: 0,  # OP_DESTROY_SESSION
    45: 0,  # OP_FREE_STATEID
    46: 76,  # OP_GET_DIR_DELEGATION
    47: None,  # OP_GETDEVICEINFO
    48: None,  # OP_GETDEVICELIST
    49: 12,  # OP_LAYOUTCOMMIT
    50: None,  # OP_LAYOUTGET
    51: 20,  # OP_LAYOUTRETURN
    52: None,  # OP_SECINFO_NO_NAME
    53: 36,  # OP_SEQUENCE
    54: None,  # OP_SET_SSV
    55: None,  # OP_TEST_STATEID
    56: None,  # OP_WANT_DELEGATION
    57: 0,  # OP_DESTROY_CLIENTID
    58: 0,  # OP_RECLAIM_COMPLETE
    59: 0,  # OP_ALLOCATE
    60: 48,  # OP_COPY
    61: None,  # OP_COPY_NOTIFY
    62: 0,  # OP_DEALLOCATE
    63: 16,  # OP_IO_ADVISE
    64: 0,  # OP_LAYOUTERROR
    65: 0,  # OP_LAYOUTSTATS
    66: 0,  # OP_OFFLOAD_CANCEL
    67: 16,  # OP_OFFLOAD_STATUS
    68: None,  # OP_READ_PLUS
    69: 12,  # OP_SEEK
    70: 40,  # OP_WRITE_SAME
    71: 0,  # OP_CLONE
    72: None,  # OP_GETXATTR
    73: 20,  # OP_SETXATTR
    74: None,  # OP_LISTXATTRS
    75: 20,  # OP_REMOVEXATTR
    10044: 0,  # OP_ILLEGAL
}

CALLBACK_RESULT_MAX: Final[Mapping[int, int | None]] = {
    3: None,  # OP_CB_GETATTR
    4: 0,  # OP_CB_RECALL
    5: 0,  # OP_CB_LAYOUTRECALL
    6: 0,  # OP_CB_NOTIFY
    7: 0,  # OP_CB_PUSH_DELEG
    8: 0,  # OP_CB_RECALL_ANY
    9: 0,  # OP_CB_RECALLABLE_OBJ_AVAIL
    10: 0,  # OP_CB_RECALL_SLOT
    11: 32,  # OP_CB_SEQUENCE
    12: 0,  # OP_CB_WANTS_CANCELLED
    13: 0,  # OP_CB_NOTIFY_LOCK
    14: 0,  # OP_CB_NOTIFY_DEVICEID
    15: 0,  # OP_CB_OFFLOAD
    10044: 0,  # OP_CB_ILLEGAL
}
