"""Numbers that an enumeration does not have (RFC 4506, Section 4.3), where unions have defaults."""

from __future__ import annotations

import pytest
from tests.support.nfs import (
    PUTROOTFH,
    Clock,
    Peer,
    Session,
    lookup,
    make_server,
    open_,
    putfh,
    setattr_,
)

from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t


@pytest.fixture
def session() -> Session:
    return Peer(make_server(fs=MemoryFileSystem(Clock()))).session()


@pytest.mark.parametrize("number", [2, -1, 1 << 30])
@pytest.mark.parametrize("attribute", [t.FATTR4_TIME_ACCESS_SET, t.FATTR4_TIME_MODIFY_SET])
def test_how_a_time_is_set(session: Session, attribute: int, number: int) -> None:
    _, handle = session.create(b"f")
    values = {attribute: t.settime4(number)}
    session.fails(t.NFS4ERR_BADXDR, putfh(handle), setattr_(values))
    created = open_(b"g", create=t.UNCHECKED4, values=values)
    session.fails(t.NFS4ERR_BADXDR, PUTROOTFH, created)
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"g"))


@pytest.mark.parametrize("number", [2, -1, 1 << 30])
def test_whether_an_open_creates(session: Session, number: int) -> None:
    session.create(b"f")
    code, arguments = open_(b"f")
    arguments.openhow = t.openflag4(number)
    session.fails(t.NFS4ERR_BADXDR, PUTROOTFH, (code, arguments))
