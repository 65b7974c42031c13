"""The table of operations: what is here is implemented, and how it may be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from nfsrdma.xdr import Decoder
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.ops import OPERATIONS as SPECIFIED

from ..config import MAX_NAME
from ..engine.minor import MinorVersion, SessionlessVersion, SessionVersion
from ..engine.operation import Handler, Operation, Operations
from . import (
    attribute,
    clients,
    copying,
    data,
    delegations,
    directory,
    handles,
    locks,
    numbered,
    opens,
    sessions,
    sparse,
    xattrs,
)

_NO_ATTRIBUTES: Final = b"\0\0\0\0"
_DELEGATION: Final = 52
_DIRECTORY: Final = 4 + 8 + 16 + 3 * 4
"""GET_DIR_DELEGATION has no limit, as it lists attributes. Here there are none."""
_OPEN: Final = 16 + 20 + 4 + 16 + _DELEGATION
"""OPEN has no limit, as a delegation names a user. Here it names none, so that there are a stateid,
a ``change_info4``, flags, the attributes that were set, and a delegation of fixed size."""
_COPY: Final = 4 + 16 + 8 + 4 + 8 + 8
"""COPY has no limit, as it may name copies under way. It names one at most."""
_EXCHANGE_ID: Final = 64 + 2 * MAX_NAME
"""EXCHANGE_ID has no limit, as a server says what it is called. Here that has one."""


def _row(
    number: int,
    handler: Handler,
    *,
    current: bool = False,
    saved: bool = False,
    absent: bool = False,
    leads: bool = False,
    alone: bool = False,
    mutates: bool = False,
    bound: int | None = None,
    failure_body: bytes = b"",
    decode: Callable[[Decoder], Any] | None = None,
) -> Operation:
    """Return the row of an operation; its fields are those of :class:`Operation`.

    ``bound`` is for results that the specification sets no limit to.
    """
    spec = SPECIFIED[number]
    if bound is None:
        bound = spec.result_max if mutates else 0
    if bound is None:
        raise ValueError(f"{spec.name} changes something, and its result has no limit")
    return Operation(
        spec=spec,
        handler=handler,
        decode=decode or spec.decode_arguments,
        current=current,
        saved=saved,
        absent=absent,
        leads=leads,
        alone=alone,
        mutates=mutates,
        bound=bound,
        failure_body=failure_body,
    )


_ROWS: Final = (
    _row(nfs.OP_ACCESS, attribute.access, current=True),
    _row(nfs.OP_CLOSE, opens.close, current=True, mutates=True),
    _row(nfs.OP_COMMIT, data.commit, current=True),
    _row(nfs.OP_CREATE, directory.create, current=True, mutates=True),
    _row(nfs.OP_DELEGRETURN, delegations.delegreturn, current=True, mutates=True),
    _row(nfs.OP_GETATTR, attribute.get_attributes, current=True, absent=True),
    _row(nfs.OP_GETFH, handles.getfh, current=True),
    _row(nfs.OP_LINK, directory.link, current=True, saved=True, mutates=True),
    _row(nfs.OP_LOCK, locks.lock, current=True, mutates=True),
    _row(nfs.OP_LOCKT, locks.lockt, current=True),
    _row(nfs.OP_LOCKU, locks.locku, current=True, mutates=True),
    _row(nfs.OP_LOOKUP, handles.lookup, current=True),
    _row(nfs.OP_LOOKUPP, handles.lookupp, current=True),
    _row(nfs.OP_NVERIFY, attribute.nverify, current=True, absent=True),
    _row(nfs.OP_OPEN, opens.open_file, current=True, mutates=True, bound=_OPEN),
    _row(nfs.OP_OPEN_DOWNGRADE, opens.downgrade, current=True, mutates=True),
    _row(nfs.OP_PUTFH, handles.putfh),
    _row(nfs.OP_PUTPUBFH, handles.putrootfh),
    _row(nfs.OP_PUTROOTFH, handles.putrootfh),
    _row(nfs.OP_READ, data.read, current=True),
    _row(nfs.OP_READDIR, directory.readdir, current=True),
    _row(nfs.OP_READLINK, directory.readlink, current=True),
    _row(nfs.OP_REMOVE, directory.remove, current=True, mutates=True),
    _row(nfs.OP_RENAME, directory.rename, current=True, saved=True, mutates=True),
    _row(nfs.OP_RESTOREFH, handles.restorefh, saved=True),
    _row(nfs.OP_SAVEFH, handles.savefh, current=True),
    _row(nfs.OP_SECINFO, handles.secinfo, current=True),
    _row(
        nfs.OP_SETATTR,
        attribute.set_attributes,
        current=True,
        mutates=True,
        failure_body=_NO_ATTRIBUTES,
    ),
    _row(nfs.OP_VERIFY, attribute.verify, current=True, absent=True),
    _row(nfs.OP_WRITE, data.write, current=True, mutates=True),
    # Minor version 1
    _row(nfs.OP_BACKCHANNEL_CTL, sessions.backchannel_ctl, decode=sessions.decode_backchannel_ctl),
    _row(nfs.OP_BIND_CONN_TO_SESSION, sessions.bind_conn_to_session, alone=True),
    _row(nfs.OP_EXCHANGE_ID, sessions.exchange_id, alone=True, mutates=True, bound=_EXCHANGE_ID),
    _row(nfs.OP_CREATE_SESSION, sessions.create_session, alone=True, mutates=True),
    _row(nfs.OP_DESTROY_SESSION, sessions.destroy_session, alone=True, mutates=True),
    _row(nfs.OP_FREE_STATEID, locks.free_stateid, mutates=True),
    _row(nfs.OP_SECINFO_NO_NAME, handles.secinfo_no_name, current=True),
    _row(nfs.OP_SEQUENCE, sessions.sequence, leads=True),
    _row(nfs.OP_TEST_STATEID, locks.test_stateid, decode=locks.decode_stateids),
    _row(nfs.OP_DESTROY_CLIENTID, sessions.destroy_clientid, alone=True, mutates=True),
    _row(nfs.OP_RECLAIM_COMPLETE, sessions.reclaim_complete, mutates=True),
    _row(
        nfs.OP_GET_DIR_DELEGATION,
        delegations.get_directory,
        current=True,
        mutates=True,
        bound=_DIRECTORY,
    ),
    _row(
        nfs.OP_WANT_DELEGATION,
        delegations.want,
        current=True,
        mutates=True,
        bound=_DELEGATION,
    ),
    # Minor version 2
    _row(nfs.OP_ALLOCATE, data.allocate, current=True, mutates=True),
    _row(nfs.OP_COPY, copying.copy, current=True, saved=True, mutates=True, bound=_COPY),
    _row(nfs.OP_DEALLOCATE, data.deallocate, current=True, mutates=True),
    _row(nfs.OP_IO_ADVISE, copying.advise, current=True),
    _row(nfs.OP_OFFLOAD_CANCEL, copying.cancel, current=True, mutates=True),
    _row(nfs.OP_OFFLOAD_STATUS, copying.status, current=True),
    _row(nfs.OP_READ_PLUS, sparse.read_plus, current=True),
    _row(nfs.OP_SEEK, data.seek, current=True),
    _row(nfs.OP_CLONE, copying.clone, current=True, saved=True, mutates=True),
    _row(nfs.OP_GETXATTR, xattrs.get, current=True),
    _row(nfs.OP_SETXATTR, xattrs.set_, current=True, mutates=True),
    _row(nfs.OP_LISTXATTRS, xattrs.names, current=True),
    _row(nfs.OP_REMOVEXATTR, xattrs.remove, current=True, mutates=True),
)

_SESSIONLESS_ROWS: Final = (
    _row(nfs.OP_CLOSE, numbered.close, current=True, mutates=True),
    _row(nfs.OP_DELEGRETURN, clients.delegreturn, current=True, mutates=True),
    _row(nfs.OP_LOCK, numbered.lock, current=True, mutates=True),
    _row(nfs.OP_LOCKT, numbered.lockt, current=True),
    _row(nfs.OP_LOCKU, numbered.locku, current=True, mutates=True),
    _row(
        nfs.OP_OPEN,
        numbered.open_file,
        current=True,
        mutates=True,
        bound=_OPEN,
    ),
    _row(nfs.OP_OPEN_CONFIRM, numbered.open_confirm, current=True, mutates=True),
    _row(nfs.OP_OPEN_DOWNGRADE, numbered.downgrade, current=True, mutates=True),
    _row(nfs.OP_READ, clients.with_stateid(data.read, lambda args: args.stateid), current=True),
    _row(nfs.OP_RELEASE_LOCKOWNER, clients.release_lockowner, mutates=True),
    _row(nfs.OP_RENEW, clients.renew),
    _row(
        nfs.OP_SETATTR,
        clients.with_stateid(attribute.set_attributes, attribute.stateid_for_size),
        current=True,
        mutates=True,
        failure_body=_NO_ATTRIBUTES,
    ),
    _row(nfs.OP_SETCLIENTID, clients.set_clientid, mutates=True),
    _row(nfs.OP_SETCLIENTID_CONFIRM, clients.set_clientid_confirm, mutates=True),
    _row(
        nfs.OP_WRITE,
        clients.with_stateid(data.write, lambda args: args.stateid),
        current=True,
        mutates=True,
    ),
)
"""What is particular to minor version 0."""

OPERATIONS: Final[Mapping[int, Operation]] = {row.spec.number: row for row in _ROWS}
"""What is implemented in minor versions 1 and later, by number."""
_SESSIONLESS: Final = {**OPERATIONS, **{row.spec.number: row for row in _SESSIONLESS_ROWS}}


def _legal_in(minor: int) -> Operations:
    """Return what exists in a minor version; None for what exists, but is not implemented."""
    rows = OPERATIONS if minor else _SESSIONLESS
    table: dict[int, Operation | None] = {}
    for number, spec in SPECIFIED.items():
        if minor in spec.minors and number != nfs.OP_ILLEGAL:
            table[number] = rows.get(number) if spec.legal(minor) else None
    return table


MINORS: Final[Mapping[int, MinorVersion]] = {
    0: SessionlessVersion(_legal_in(0)),
    1: SessionVersion(_legal_in(1)),
    2: SessionVersion(_legal_in(2)),
}
"""The minor versions that are served."""
