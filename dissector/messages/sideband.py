"""Protocols beside NFS versions 3 and 4: locks, ACLs, quotas, the status monitor, RPCBIND, and what
was before version 3.

Each procedure stands by itself. Most captures have none of them, so their types are imported when
the first one is seen. NFS version 2 is RFC 1094, RPCBIND RFC 1833.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from nfsrdma.xdr import rpcbind
from nfsrdma.xdr.nfs2 import nlm as nlm3
from nfsrdma.xdr.nfs2 import types as nfs2
from nfsrdma.xdr.nfs3 import mount, nlm, sideband

from .nested import opens_attributes
from .procedures import (
    ACL2,
    ACL3,
    MOUNT2,
    NFS2,
    NLM3,
    NLM4,
    PORTMAP,
    RPCBIND,
    RQUOTA,
    STATUS1,
    Procedure,
)

Row = tuple[str, Any, Any]
"""The name of a procedure, the type of its arguments, and of its result."""


def _names(kind: type[IntEnum]) -> dict[int, str]:
    return {int(member): member.name for member in kind}


def _rows(
    first: int, rows: tuple[Row, ...], status: str | None = "", names: Mapping[int, str] = {}
) -> tuple[Procedure, ...]:
    """Return procedures, numbered from 0, whose results say alike how they ended."""
    return tuple(
        Procedure(first + number, *row, status, 0, names) for number, row in enumerate(rows)
    )


_NULL: Row = ("NULL", None, None)


def _without(first: int, last: int) -> tuple[Row, ...]:
    """Return the rows of numbers that no procedure has."""
    return tuple((f"proc {number}", None, None) for number in range(first, last + 1))


def _lock_manager(
    first: int, messages: tuple[Row, ...], more: tuple[Row, ...], names: Mapping[int, str]
) -> tuple[Procedure, ...]:
    """Return the procedures of a lock manager.

    ``messages`` are its procedures 1 to 5; as messages without a reply they are 6 to 10, and
    their answers 11 to 15. ``more`` begin at 20.
    """
    return _rows(
        first,
        (
            _NULL,
            *messages,
            *((f"{name}_MSG", asked, None) for name, asked, _ in messages),
            *((f"{name}_RES", told, None) for name, _, told in messages),
            *_without(16, 19),
            *more,
        ),
        "stat",
        names,
    )


_LOCKS4 = _lock_manager(
    NLM4,
    (
        ("TEST", nlm.nlm4_testargs, nlm.nlm4_testres),
        ("LOCK", nlm.nlm4_lockargs, nlm.nlm4_res),
        ("CANCEL", nlm.nlm4_cancargs, nlm.nlm4_res),
        ("UNLOCK", nlm.nlm4_unlockargs, nlm.nlm4_res),
        ("GRANTED", nlm.nlm4_testargs, nlm.nlm4_res),
    ),
    (
        ("SHARE", nlm.nlm4_shareargs, nlm.nlm4_shareres),
        ("UNSHARE", nlm.nlm4_shareargs, nlm.nlm4_shareres),
        ("NM_LOCK", nlm.nlm4_lockargs, nlm.nlm4_res),
        ("FREE_ALL", nlm.nlm4_notify, None),
    ),
    _names(nlm.nlm4_stats),
)
_LOCKS3 = _lock_manager(
    NLM3,
    (
        ("TEST", nlm3.nlm_testargs, nlm3.nlm_testres),
        ("LOCK", nlm3.nlm_lockargs, nlm3.nlm_res),
        ("CANCEL", nlm3.nlm_cancargs, nlm3.nlm_res),
        ("UNLOCK", nlm3.nlm_unlockargs, nlm3.nlm_res),
        ("GRANTED", nlm3.nlm_testargs, nlm3.nlm_res),
    ),
    (
        ("SHARE", nlm3.nlm_shareargs, nlm3.nlm_shareres),
        ("UNSHARE", nlm3.nlm_shareargs, nlm3.nlm_shareres),
        ("NM_LOCK", nlm3.nlm_lockargs, nlm3.nlm_res),
        ("FREE_ALL", nlm3.nlm_notify, None),
    ),
    _names(nlm3.nlm_stats),
)
_ACL3 = _rows(
    ACL3,
    (
        _NULL,
        ("GETACL", sideband.GETACL3args, sideband.GETACL3res),
        ("SETACL", sideband.SETACL3args, sideband.SETACL3res),
        ("GETXATTRDIR", sideband.GETXATTRDIR3args, sideband.GETXATTRDIR3res),
    ),
)
_ACL2 = _rows(
    ACL2,
    (
        _NULL,
        ("GETACL", nfs2.GETACL2args, nfs2.GETACL2res),
        ("SETACL", nfs2.SETACL2args, nfs2.attrstat),
        ("GETATTR", nfs2.fhandleargs, nfs2.attrstat),
        ("ACCESS", nfs2.ACCESS2args, nfs2.ACCESS2res),
    ),
    names=_names(nfs2.stat),
)
_NFS2 = _rows(
    NFS2,
    (
        _NULL,
        ("GETATTR", nfs2.fhandleargs, nfs2.attrstat),
        ("SETATTR", nfs2.sattrargs, nfs2.attrstat),
        ("ROOT", None, None),
        ("LOOKUP", nfs2.diropargs, nfs2.diropres),
        ("READLINK", nfs2.fhandleargs, nfs2.readlinkres),
        ("READ", nfs2.readargs, nfs2.readres),
        ("WRITECACHE", None, None),
        ("WRITE", nfs2.writeargs, nfs2.attrstat),
        ("CREATE", nfs2.createargs, nfs2.diropres),
        ("REMOVE", nfs2.diropargs, nfs2.statres),
        ("RENAME", nfs2.renameargs, nfs2.statres),
        ("LINK", nfs2.linkargs, nfs2.statres),
        ("SYMLINK", nfs2.symlinkargs, nfs2.statres),
        ("MKDIR", nfs2.createargs, nfs2.diropres),
        ("RMDIR", nfs2.diropargs, nfs2.statres),
        ("READDIR", nfs2.readdirargs, nfs2.readdirres),
        ("STATFS", nfs2.fhandleargs, nfs2.statfsres),
    ),
    names=_names(nfs2.stat),
)


def _mounts(*more: Procedure) -> tuple[Procedure, ...]:
    """Return the procedures of MOUNT before version 3 (RFC 1094, Appendix A)."""
    return (
        Procedure(MOUNT2, *_NULL),
        Procedure(
            MOUNT2 + 1, "MNT", mount.mountargs3, nfs2.fhstatus, names=_names(nfs2.stat)
        ),
        Procedure(MOUNT2 + 2, "DUMP", None, mount.mountlist3, None),
        Procedure(MOUNT2 + 3, "UMNT", mount.mountargs3, None),
        Procedure(MOUNT2 + 4, "UMNTALL", None, None),
        Procedure(MOUNT2 + 5, "EXPORT", None, mount.exports3, None),
        Procedure(MOUNT2 + 6, "EXPORTALL", None, mount.exports3, None),
        *more,
    )  # fmt: skip


_PATHCONF = Procedure(MOUNT2 + 7, "PATHCONF", mount.mountargs3, nfs2.ppathcnf, None)
_PORTMAP = _rows(
    PORTMAP,
    (
        _NULL,
        ("SET", rpcbind.mapping, rpcbind.pmap_answer),
        ("UNSET", rpcbind.mapping, rpcbind.pmap_answer),
        ("GETPORT", rpcbind.mapping, rpcbind.pmap_port),
        ("DUMP", None, rpcbind.pmaps),
        ("CALLIT", rpcbind.call_args, rpcbind.call_result),
    ),
    None,
)
_BOUND: tuple[Row, ...] = (
    _NULL,
    ("SET", rpcbind.rpcb, rpcbind.pmap_answer),
    ("UNSET", rpcbind.rpcb, rpcbind.pmap_answer),
    ("GETADDR", rpcbind.rpcb, rpcbind.rpcb_uaddr),
    ("DUMP", None, rpcbind.rpcblist),
)
_TRANSLATED: tuple[Row, ...] = (
    ("GETTIME", None, rpcbind.rpcb_time),
    ("UADDR2TADDR", rpcbind.rpcb_uaddr, rpcbind.netbuf),
    ("TADDR2UADDR", rpcbind.netbuf, rpcbind.rpcb_uaddr),
)
_RPCBIND3 = _rows(
    RPCBIND,
    (*_BOUND, ("CALLIT", rpcbind.rpcb_rmtcallargs, rpcbind.rpcb_rmtcallres), *_TRANSLATED),
    None,
)
_RPCBIND4 = _rows(
    RPCBIND + 0x100,
    (
        *_BOUND,
        ("BCAST", rpcbind.rpcb_rmtcallargs, rpcbind.rpcb_rmtcallres),
        *_TRANSLATED,
        ("GETVERSADDR", rpcbind.rpcb, rpcbind.rpcb_uaddr),
        ("INDIRECT", rpcbind.rpcb_rmtcallargs, rpcbind.rpcb_rmtcallres),
        ("GETADDRLIST", rpcbind.rpcb, rpcbind.rpcb_entries),
        ("GETSTAT", None, rpcbind.rpcb_stat_byvers),
    ),
    None,
)


def _monitor(number: int, name: str, arguments: Any) -> Procedure:
    """Return a procedure that tells of success, and of the state of the monitor."""
    names, result = _names(sideband.sm_res), sideband.sm_stat_res
    return Procedure(STATUS1 + number, name, arguments, result, "res_stat", 0, names)


_STATUS = (
    Procedure(STATUS1, *_NULL),
    _monitor(1, "STAT_STAT", sideband.sm_name),
    _monitor(2, "STAT_MON", sideband.mon),
    Procedure(STATUS1 + 3, "STAT_UNMON", sideband.mon_id, sideband.sm_stat, None),
    Procedure(STATUS1 + 4, "STAT_UNMON_ALL", sideband.my_id, sideband.sm_stat, None),
    Procedure(STATUS1 + 5, "STAT_SIMU_CRASH", None, None),
    Procedure(STATUS1 + 6, "STAT_NOTIFY", sideband.stat_chge, None),
)


def _quotas(asked: Any, changed: Any) -> tuple[Procedure, ...]:
    names, result = _names(sideband.qr_status), sideband.getquota_rslt
    rows = (("GETQUOTA", asked), ("GETACTIVEQUOTA", asked), ("SETQUOTA", changed),
            ("SETACTIVEQUOTA", changed))  # fmt: skip
    return (
        Procedure(RQUOTA, *_NULL),
        *(
            Procedure(RQUOTA + number, f"RQUOTA_{name}", arguments, result, "status", 1, names)
            for number, (name, arguments) in enumerate(rows, 1)
        ),
    )


opens_attributes(sideband.acl_attr3)

TABLES: Final[dict[tuple[int, int], tuple[Procedure, ...]]] = {
    (100000, 2): _PORTMAP,
    (100000, 3): _RPCBIND3,
    (100000, 4): _RPCBIND4,
    (100003, 2): _NFS2,
    (100005, 1): _mounts(),
    (100005, 2): _mounts(_PATHCONF),
    (100011, 1): _quotas(sideband.getquota_args, sideband.setquota_args),
    (100011, 2): _quotas(sideband.ext_getquota_args, sideband.ext_setquota_args),
    (100021, 1): _LOCKS3,
    (100021, 2): _LOCKS3,
    (100021, 3): _LOCKS3,
    (100021, 4): _LOCKS4,
    (100024, 1): _STATUS,
    (100227, 2): _ACL2,
    (100227, 3): _ACL3,
}
"""Program and version -> their procedures, by number."""
