"""RPCs that are no compounds: NFS version 3 and what goes with it, each procedure one operation.

So that they are not taken for operations of a compound, their numbers begin at :data:`NFS3`,
:data:`MOUNT3` and so on: READ of NFS version 3 is operation ``NFS3 + 6``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

from nfsrdma.xdr.nfs3 import mount, nlm, sideband
from nfsrdma.xdr.nfs3 import types as nfs3

NFS3: Final = 0x30000
MOUNT3: Final = 0x40000
NLM4: Final = 0x50000
ACL3: Final = 0x60000
STATUS1: Final = 0x70000
RQUOTA: Final = 0x80000


class Procedure(NamedTuple):
    """One procedure: its operation's number, its name, and its types; ``None`` for void."""

    number: int
    name: str
    arguments: Any
    result: Any
    status: str = ""
    """The member of the result that says how it ended, where that is not the first."""
    good: int = 0
    names: Mapping[int, str] = {}
    """Of what that may be, where it is not NFS's."""

    def ended(self, result: Any) -> int:
        """The status of a result, or -1 if it has none."""
        value = getattr(result, self.status or result.__slots__[0])
        if isinstance(value, nlm.nlm4_stat | nlm.nlm4_testrply):
            value = value.stat
        return int(value) if isinstance(value, int) else -1


NFS3_NAMES: Final = (
    "NULL", "GETATTR", "SETATTR", "LOOKUP", "ACCESS", "READLINK", "READ", "WRITE", "CREATE",
    "MKDIR", "SYMLINK", "MKNOD", "REMOVE", "RMDIR", "RENAME", "LINK", "READDIR", "READDIRPLUS",
    "FSSTAT", "FSINFO", "PATHCONF", "COMMIT",
)  # fmt: skip

_MOUNT = (
    Procedure(MOUNT3, "NULL", None, None),
    Procedure(MOUNT3 + 1, "MNT", mount.mountargs3, mount.mountres3),
    Procedure(MOUNT3 + 2, "DUMP", None, mount.mountlist3),
    Procedure(MOUNT3 + 3, "UMNT", mount.mountargs3, None),
    Procedure(MOUNT3 + 4, "UMNTALL", None, None),
    Procedure(MOUNT3 + 5, "EXPORT", None, mount.exports3),
)


def _names(kind: type[IntEnum]) -> dict[int, str]:
    return {int(member): member.name for member in kind}


def _lock(number: int, name: str, arguments: Any, result: Any) -> Procedure:
    return Procedure(NLM4 + number, name, arguments, result, "stat", 0, _names(nlm.nlm4_stats))


_MESSAGES = (
    ("TEST", nlm.nlm4_testargs, nlm.nlm4_testres),
    ("LOCK", nlm.nlm4_lockargs, nlm.nlm4_res),
    ("CANCEL", nlm.nlm4_cancargs, nlm.nlm4_res),
    ("UNLOCK", nlm.nlm4_unlockargs, nlm.nlm4_res),
    ("GRANTED", nlm.nlm4_testargs, nlm.nlm4_res),
)
"""Procedures 1 to 5; as messages without a reply they are 6 to 10, and their answers 11 to 15."""
_LOCKS = (
    _lock(0, "NULL", None, None),
    *(_lock(1 + n, name, asked, told) for n, (name, asked, told) in enumerate(_MESSAGES)),
    *(_lock(6 + n, f"{name}_MSG", asked, None) for n, (name, asked, _) in enumerate(_MESSAGES)),
    *(_lock(11 + n, f"{name}_RES", told, None) for n, (name, _, told) in enumerate(_MESSAGES)),
    *(_lock(number, f"proc {number}", None, None) for number in range(16, 20)),
    _lock(20, "SHARE", nlm.nlm4_shareargs, nlm.nlm4_shareres),
    _lock(21, "UNSHARE", nlm.nlm4_shareargs, nlm.nlm4_shareres),
    _lock(22, "NM_LOCK", nlm.nlm4_lockargs, nlm.nlm4_res),
    _lock(23, "FREE_ALL", nlm.nlm4_notify, None),
)
_ACL = (
    Procedure(ACL3, "NULL", None, None),
    Procedure(ACL3 + 1, "GETACL", sideband.GETACL3args, sideband.GETACL3res),
    Procedure(ACL3 + 2, "SETACL", sideband.SETACL3args, sideband.SETACL3res),
)


def _monitor(number: int, name: str, arguments: Any) -> Procedure:
    """One that tells of success, and of the state of the monitor."""
    names, result = _names(sideband.sm_res), sideband.sm_stat_res
    return Procedure(STATUS1 + number, name, arguments, result, "res_stat", 0, names)


_STATUS = (
    Procedure(STATUS1, "NULL", None, None),
    _monitor(1, "STAT_STAT", sideband.sm_name),
    _monitor(2, "STAT_MON", sideband.mon),
    Procedure(STATUS1 + 3, "STAT_UNMON", sideband.mon_id, sideband.sm_stat),
    Procedure(STATUS1 + 4, "STAT_UNMON_ALL", sideband.my_id, sideband.sm_stat),
    Procedure(STATUS1 + 5, "STAT_SIMU_CRASH", None, None),
    Procedure(STATUS1 + 6, "STAT_NOTIFY", sideband.stat_chge, None),
)


def _quotas(arguments: Any) -> tuple[Procedure, ...]:
    names, result = _names(sideband.qr_status), sideband.getquota_rslt
    return (
        Procedure(RQUOTA, "NULL", None, None),
        Procedure(RQUOTA + 1, "RQUOTA_GETQUOTA", arguments, result, "status", 1, names),
        Procedure(RQUOTA + 2, "RQUOTA_GETACTIVEQUOTA", arguments, result, "status", 1, names),
    )


PROCEDURES: Final[dict[tuple[int, int], tuple[Procedure, ...]]] = {
    (100003, 3): tuple(
        Procedure(
            NFS3 + number, name, getattr(nfs3, f"{name}3args", None),
            getattr(nfs3, f"{name}3res", None),
        )
        for number, name in enumerate(NFS3_NAMES)
    ),
    (100005, 3): _MOUNT,
    (100011, 1): _quotas(sideband.getquota_args),
    (100011, 2): _quotas(sideband.ext_getquota_args),
    (100021, 4): _LOCKS,
    (100024, 1): _STATUS,
    (100227, 3): _ACL,
}  # fmt: skip
"""Program and version -> their procedures, by number."""

NAMES: Final = {row.number: row.name for rows in PROCEDURES.values() for row in rows}
"""Operation number -> procedure name."""

READ3, WRITE3 = NFS3 + nfs3.NFSPROC3_READ, NFS3 + nfs3.NFSPROC3_WRITE
READLINK3, SYMLINK3 = NFS3 + nfs3.NFSPROC3_READLINK, NFS3 + nfs3.NFSPROC3_SYMLINK
READDIR3, READDIRPLUS3 = NFS3 + nfs3.NFSPROC3_READDIR, NFS3 + nfs3.NFSPROC3_READDIRPLUS


def procedure_of(program: int, version: int, number: int) -> Procedure | None:
    """The procedure with a number, or ``None`` if it is none that can be decoded."""
    rows = PROCEDURES.get((program, version), ())
    return rows[number] if 0 <= number < len(rows) else None
