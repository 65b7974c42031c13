"""NFS version 3: arguments and a successful result of every procedure, and the messages of them."""

from __future__ import annotations

from typing import Any

from tests.support.rdma_wire import CREDENTIAL, pattern

from nfsrdma.rpcrdma.rpc.auth import OpaqueAuth
from nfsrdma.rpcrdma.rpc.message import encode_accepted, encode_call
from nfsrdma.xdr import Encoder, link
from nfsrdma.xdr.nfs3 import types as t

FH = t.nfs_fh3(b"the-handle-of-a-file")
TIME = t.nfstime3(1_700_000_000, 5)
ATTRIBUTES = t.fattr3(
    t.NF3REG, 0o644, 1, 10, 20, 4096, 8192, t.specdata3(1, 2), 3, 4, TIME, TIME, TIME
)
AFTER = t.post_op_attr(True, ATTRIBUTES)
NONE = t.post_op_attr(False)
WCC = t.wcc_data(t.pre_op_attr(True, t.wcc_attr(4095, TIME, TIME)), AFTER)
SET = t.sattr3(
    t.set_mode3(True, 0o600), t.set_uid3(True, 7), t.set_gid3(False), t.set_size3(True, 99),
    t.set_atime(t.SET_TO_CLIENT_TIME, TIME), t.set_mtime(t.SET_TO_SERVER_TIME),
)  # fmt: skip
WHERE = t.diropargs3(FH, b"name")
FOUND = t.post_op_fh3(True, t.nfs_fh3(b"another-handle"))
MADE = (FOUND, AFTER, WCC)
VERIFIER = b"verifier"
DATA = pattern(1001)
ENTRIES = [t.entry3(number, b"entry-%d" % number, number, None) for number in range(3)]
PLUS = [t.entryplus3(number, b"entry", number, AFTER, FOUND, None) for number in range(2)]

CALLS: dict[str, tuple[Any, Any]] = {
    "GETATTR": (t.GETATTR3args(FH), t.GETATTR3resok(ATTRIBUTES)),
    "SETATTR": (t.SETATTR3args(FH, SET, t.sattrguard3(True, TIME)), t.SETATTR3resok(WCC)),
    "LOOKUP": (t.LOOKUP3args(WHERE), t.LOOKUP3resok(FH, AFTER, NONE)),
    "ACCESS": (t.ACCESS3args(FH, 0x1F), t.ACCESS3resok(AFTER, 0x0D)),
    "READLINK": (t.READLINK3args(FH), t.READLINK3resok(AFTER, b"to/there")),
    "READ": (t.READ3args(FH, 4096, 1001), t.READ3resok(AFTER, 1001, True, DATA)),
    "WRITE": (
        t.WRITE3args(FH, 8192, 1001, t.FILE_SYNC, DATA),
        t.WRITE3resok(WCC, 1001, t.FILE_SYNC, VERIFIER),
    ),
    "CREATE": (t.CREATE3args(WHERE, t.createhow3(t.GUARDED, SET)), t.CREATE3resok(*MADE)),
    "MKDIR": (t.MKDIR3args(WHERE, SET), t.MKDIR3resok(*MADE)),
    "SYMLINK": (t.SYMLINK3args(WHERE, t.symlinkdata3(SET, b"to/there")), t.SYMLINK3resok(*MADE)),
    "MKNOD": (
        t.MKNOD3args(WHERE, t.mknoddata3(t.NF3CHR, t.devicedata3(SET, t.specdata3(4, 5)))),
        t.MKNOD3resok(*MADE),
    ),
    "REMOVE": (t.REMOVE3args(WHERE), t.REMOVE3resok(WCC)),
    "RMDIR": (t.RMDIR3args(WHERE), t.RMDIR3resok(WCC)),
    "RENAME": (t.RENAME3args(WHERE, t.diropargs3(FH, b"new")), t.RENAME3resok(WCC, WCC)),
    "LINK": (t.LINK3args(FH, WHERE), t.LINK3resok(AFTER, WCC)),
    "READDIR": (
        t.READDIR3args(FH, 7, VERIFIER, 4096),
        t.READDIR3resok(AFTER, VERIFIER, t.dirlist3(link(ENTRIES), True)),
    ),
    "READDIRPLUS": (
        t.READDIRPLUS3args(FH, 7, VERIFIER, 512, 4096),
        t.READDIRPLUS3resok(AFTER, VERIFIER, t.dirlistplus3(link(PLUS), False)),
    ),
    "FSSTAT": (t.FSSTAT3args(FH), t.FSSTAT3resok(AFTER, 1, 2, 3, 4, 5, 6, 7)),
    "FSINFO": (t.FSINFO3args(FH), t.FSINFO3resok(AFTER, 1, 2, 3, 4, 5, 6, 7, 8, TIME, 0x1B)),
    "PATHCONF": (
        t.PATHCONF3args(FH),
        t.PATHCONF3resok(AFTER, 32000, 255, True, True, False, True),
    ),
    "COMMIT": (t.COMMIT3args(FH, 1, 2), t.COMMIT3resok(WCC, VERIFIER)),
}


def call(
    procedure: int, arguments: Any, xid: int = 1, credential: OpaqueAuth = CREDENTIAL,
    program: int = 100003,
) -> bytes:  # fmt: skip
    enc = Encoder()
    encode_call(enc, xid, program, 3, procedure, credential)
    if arguments is not None:
        arguments.encode(enc)
    return enc.to_bytes()


def reply(result: Any, xid: int = 1) -> bytes:
    enc = Encoder()
    encode_accepted(enc, xid)
    if result is not None:
        result.encode(enc)
    return enc.to_bytes()


def result_of(name: str, resok: Any) -> Any:
    return getattr(t, f"{name}3res")(t.NFS3_OK, resok)
