"""The names that values of fields have: ``READ`` of an operation, ``NFS4ERR_STALE`` of a status.

They are those of the specifications; where Wireshark has others, it has both.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import cache

from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES
from nfsrdma.xdr.nfs3 import types as nfs3
from nfsrdma.xdr.nfs4 import types as t

from ..messages.body import PROGRAM_NAMES
from ..messages.rpc import FLAVORS, GSS_SERVICES
from ..messages.rpcrdma import ERRORS, PROCEDURES


def _members(enum: type[IntEnum], prefix: str = "") -> dict[str, int]:
    return {name.removeprefix(prefix): int(value) for name, value in enum.__members__.items()}


def _turned(names: Mapping[int, str]) -> dict[str, int]:
    return {name: number for number, name in names.items()}


_STABLE = {"UNSTABLE": 0, "DATA_SYNC": 1, "FILE_SYNC": 2}
_STATUS3 = _members(nfs3.nfsstat3) | {
    name.replace("NFS3ERR_", "NFSERR_"): value
    for name, value in _members(nfs3.nfsstat3).items()
    if name.startswith("NFS3ERR_")
}  # fmt: skip
_OPERATIONS = _members(t.nfs_opnum4, "OP_")


@cache
def labels() -> dict[str, dict[str, int]]:
    """Return field -> name -> number."""
    operations, statuses = _OPERATIONS, _members(t.nfsstat4)
    flavors = _turned(FLAVORS) | {"AUTH_NULL": 0, "AUTH_UNIX": 1}
    stable = _members(t.stable_how4)
    return {
        "infiniband.bth.opcode": {row.name: code for code, row in OPCODES.items()},
        "rpcordma.msg_type": {name: number for number, name in enumerate(PROCEDURES)},
        "rpcordma.errcode": _turned(ERRORS),
        "rpc.msgtyp": {"Call": 0, "Reply": 1},
        "rpc.program": _turned(PROGRAM_NAMES),
        "rpc.replystat": {"accepted": 0, "denied": 1},
        "rpc.state_accept": {
            "SUCCESS": 0, "PROG_UNAVAIL": 1, "PROG_MISMATCH": 2, "PROC_UNAVAIL": 3,
            "GARBAGE_ARGS": 4, "SYSTEM_ERR": 5,
        },
        "rpc.state_reject": {"RPC_MISMATCH": 0, "AUTH_ERROR": 1},
        "rpc.auth.flavor": flavors,
        "rpc.authgss.service": _turned(GSS_SERVICES),
        "nfs.procedure_v4": {"NULL": 0, "COMPOUND": 1},
        "nfs.opcode": operations,
        "nfs.main_opcode": operations,
        "nfs.cb.operation": _members(t.nfs_cb_opnum4, "OP_"),
        "nfs.nfsstat4": statuses,
        "nfs.status": statuses,
        "nfs.status3": _STATUS3,
        "nfs.stable_how4": stable,
        "nfs.nfs_ftype4": _members(t.nfs_ftype4),
        "nfs.write.stable": _STABLE,
        "nfs.write.committed": _STABLE,
        "nfs.createmode": _members(nfs3.createmode3),
        "nfs.fattr3.type": _members(nfs3.ftype3),
    }  # fmt: skip


@cache
def named(field: str) -> dict[int, str]:
    """Return number -> name of a field's values; empty if they have no names."""
    return {number: name for name, number in reversed(labels().get(field, {}).items())}
