"""Delegations that are reclaimed after a restart of the server."""

from __future__ import annotations

import pytest
from tests.support.delegations import (
    BOTH,
    READ,
    WANT_NONE,
    WRITE,
    Bed,
    Holder,
    delegating_server,
    in_flight,
    revoked,
    settle,
)
from tests.support.nfs import (
    LEASE,
    FakeReactor,
    Reply,
    open_,
    putfh,
    reclaim_complete,
)

from nfsrdma.server.service import NfsService
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.xdr.nfs4 import types as t


class Lives:
    """A server that restarts, with its file system and what it has recorded."""

    def __init__(self) -> None:
        self.bed = Bed(store=(store := MemoryRecoveryStore()))
        self.store = store

    def restart(self) -> tuple[NfsService, FakeReactor]:
        fs = self.bed.server.namespace.exports[0].fs
        return delegating_server(store=self.store, fs=fs, seed=2)


def reclaim(client: Holder, handle: bytes, kind: int, access: int) -> t.open_delegation4:
    claim = t.open_claim4(t.CLAIM_PREVIOUS, kind)
    reply = client.session.ok(putfh(handle), open_(None, access, claim=claim))
    return reply[2].delegation


@pytest.mark.parametrize(
    ("kind", "access"), [(t.OPEN_DELEGATE_READ, READ), (t.OPEN_DELEGATE_WRITE, BOTH)]
)
def test_reclaim(kind: int, access: int) -> None:
    lives = Lives()
    handle, _, _ = lives.bed.holder.delegated(b"f", access)
    server, reactor = lives.restart()
    client = Holder(server, b"holder", complete=False)
    granted = reclaim(client, handle, kind, access)
    assert granted.delegation_type == kind
    assert not granted.value.recall
    client.session.ok(reclaim_complete())
    reactor.advance(LEASE - 1)
    client.session.ok()
    reactor.advance(20)
    other = Holder(server, b"newcomer")
    opened = in_flight(server, other.session, putfh(handle), open_(None, WRITE | WANT_NONE))
    client.give_back(handle, granted.value.stateid)
    settle(reactor)
    assert Reply(opened).status == t.NFS4_OK


def test_reclaim_of_one_that_was_revoked() -> None:
    lives = Lives()
    handle, _ = revoked(lives.bed)
    server, _ = lives.restart()
    client = Holder(server, b"holder", complete=False)
    granted = reclaim(client, handle, t.OPEN_DELEGATE_READ, READ)
    assert granted.delegation_type == t.OPEN_DELEGATE_NONE


def test_reclaim_against_an_open_of_another() -> None:
    lives = Lives()
    bed = lives.bed
    handle, _, _ = bed.holder.delegated(b"f", BOTH)
    server, _ = lives.restart()
    other = Holder(server, b"other", complete=False)
    reclaim(other, handle, t.OPEN_DELEGATE_NONE, READ)
    client = Holder(server, b"holder", complete=False)
    granted = reclaim(client, handle, t.OPEN_DELEGATE_WRITE, BOTH)
    assert granted.delegation_type == t.OPEN_DELEGATE_NONE
