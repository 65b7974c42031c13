"""The table of operations: what is here is implemented, and how it may be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.ops import OPERATIONS as SPECIFIED

from ..engine.operation import Handler, Operation
from . import attribute, data, directory, handles, locks, opens, sessions

_NO_ATTRIBUTES: Final = b"\0\0\0\0"
_CHANGE_INFO: Final = 20
_BITMAP: Final = 16
_STATEID: Final = 16

MINORS: Final = (1, 2)
"""The minor versions that are served."""


def _entry(number: int, handler: Handler, *flags: str, **more: Any) -> Operation:
    settings: dict[str, Any] = {**dict.fromkeys(flags, True), **more}
    spec = SPECIFIED[number]
    return Operation(spec, handler, settings.pop("decode", spec.decode_arguments), **settings)


_FH, _SAVED, _ALONE, _MUTATES = "needs_current", "needs_saved", "sessionless", "mutates"

_ENTRIES: Final = (
    _entry(nfs.OP_ACCESS, attribute.access, _FH),
    _entry(nfs.OP_CLOSE, opens.close, _FH, _MUTATES, bound=_STATEID),
    _entry(nfs.OP_COMMIT, data.commit, _FH),
    _entry(nfs.OP_CREATE, directory.create, _FH, _MUTATES, bound=_CHANGE_INFO + _BITMAP),
    _entry(nfs.OP_GETATTR, attribute.getattr_, _FH),
    _entry(nfs.OP_GETFH, handles.getfh, _FH),
    _entry(nfs.OP_LINK, directory.link, _FH, _SAVED, _MUTATES, bound=_CHANGE_INFO),
    _entry(nfs.OP_LOCK, locks.lock, _FH, _MUTATES, bound=_STATEID),
    _entry(nfs.OP_LOCKT, locks.lockt, _FH),
    _entry(nfs.OP_LOCKU, locks.locku, _FH, _MUTATES, bound=_STATEID),
    _entry(nfs.OP_LOOKUP, handles.lookup, _FH),
    _entry(nfs.OP_LOOKUPP, handles.lookupp, _FH),
    _entry(nfs.OP_NVERIFY, attribute.nverify, _FH),
    _entry(
        nfs.OP_OPEN, opens.open_, _FH, _MUTATES, bound=_STATEID + _CHANGE_INFO + 4 + _BITMAP + 12
    ),
    _entry(nfs.OP_OPEN_DOWNGRADE, opens.open_downgrade, _FH, _MUTATES, bound=_STATEID),
    _entry(nfs.OP_PUTFH, handles.putfh),
    _entry(nfs.OP_PUTPUBFH, handles.putrootfh),
    _entry(nfs.OP_PUTROOTFH, handles.putrootfh),
    _entry(nfs.OP_READ, data.read, _FH),
    _entry(nfs.OP_READDIR, directory.readdir, _FH),
    _entry(nfs.OP_READLINK, directory.readlink, _FH),
    _entry(nfs.OP_REMOVE, directory.remove, _FH, _MUTATES, bound=_CHANGE_INFO),
    _entry(nfs.OP_RENAME, directory.rename, _FH, _SAVED, _MUTATES, bound=2 * _CHANGE_INFO),
    _entry(nfs.OP_RESTOREFH, handles.restorefh, _SAVED),
    _entry(nfs.OP_SAVEFH, handles.savefh, _FH),
    _entry(nfs.OP_SECINFO, handles.secinfo, _FH),
    _entry(
        nfs.OP_SETATTR,
        attribute.setattr_,
        _FH,
        _MUTATES,
        bound=_BITMAP,
        failure_body=_NO_ATTRIBUTES,
    ),
    _entry(nfs.OP_VERIFY, attribute.verify, _FH),
    _entry(nfs.OP_WRITE, data.write, _FH, _MUTATES, bound=16),
    # Minor version 1
    _entry(
        nfs.OP_BACKCHANNEL_CTL, sessions.backchannel_ctl, decode=sessions.decode_backchannel_ctl
    ),
    _entry(nfs.OP_BIND_CONN_TO_SESSION, sessions.bind_conn_to_session, _ALONE),
    _entry(nfs.OP_EXCHANGE_ID, sessions.exchange_id, _ALONE, _MUTATES, bound=1024),
    _entry(nfs.OP_CREATE_SESSION, sessions.create_session, _ALONE, _MUTATES, bound=128),
    _entry(nfs.OP_DESTROY_SESSION, sessions.destroy_session, _ALONE, _MUTATES, bound=0),
    _entry(nfs.OP_FREE_STATEID, locks.free_stateid, _MUTATES, bound=0),
    _entry(nfs.OP_SECINFO_NO_NAME, handles.secinfo_no_name, _FH),
    _entry(nfs.OP_SEQUENCE, sessions.sequence),
    _entry(nfs.OP_TEST_STATEID, locks.test_stateid, decode=locks.decode_stateids),
    _entry(nfs.OP_DESTROY_CLIENTID, sessions.destroy_clientid, _ALONE, _MUTATES, bound=0),
    _entry(nfs.OP_RECLAIM_COMPLETE, sessions.reclaim_complete, _MUTATES, bound=0),
    # Minor version 2
    _entry(nfs.OP_ALLOCATE, data.allocate, _FH, _MUTATES, bound=0),
    _entry(nfs.OP_DEALLOCATE, data.deallocate, _FH, _MUTATES, bound=0),
    _entry(nfs.OP_SEEK, data.seek, _FH),
)

OPERATIONS: Final[Mapping[int, Operation]] = {entry.spec.number: entry for entry in _ENTRIES}
"""What is implemented, by number."""


def _legal_in(minor: int) -> dict[int, Operation | None]:
    """What exists in a minor version; None for what exists, but is not implemented (NOTSUPP)."""
    table: dict[int, Operation | None] = {}
    for number, spec in SPECIFIED.items():
        if minor in spec.minors and number != nfs.OP_ILLEGAL:
            table[number] = OPERATIONS.get(number) if spec.legal(minor) else None
    return table


BY_MINOR: Final[Mapping[int, Mapping[int, Operation | None]]] = {
    minor: _legal_in(minor) for minor in MINORS
}
"""For each minor version, its operations by number. What is absent is illegal."""
