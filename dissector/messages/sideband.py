"""Protocols beside NFS version 3: locks (NLM), ACLs, the status monitor (NSM) and quotas.

Each procedure stands by itself. Most captures have none of them, so their types are imported when
the first one is seen.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

from nfsrdma.xdr.nfs3 import nlm, sideband

from .procedures import ACL3, NLM4, RQUOTA, STATUS1, Procedure


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
    """Return a procedure that tells of success, and of the state of the monitor."""
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


TABLES: Final[dict[tuple[int, int], tuple[Procedure, ...]]] = {
    (100011, 1): _quotas(sideband.getquota_args),
    (100011, 2): _quotas(sideband.ext_getquota_args),
    (100021, 4): _LOCKS,
    (100024, 1): _STATUS,
    (100227, 3): _ACL,
}
"""Program and version -> their procedures, by number."""
