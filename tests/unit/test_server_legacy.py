"""Which calls a server that ended in good order had not executed: what its next life says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.nfs import (
    LEASE,
    PUTROOTFH,
    Peer,
    Session,
    mkdir,
    putfh,
)
from tests.support.restarts import STORES, Machine, opener

from nfsrdma.server.state.recovery import StoreError
from nfsrdma.xdr.nfs4 import types as t


class Host(Machine):
    """Where clients come back after a restart."""

    def session(self) -> Session:
        return Peer(self.server).session(b"me")

    def asked(self, session: Session, seqid: int, slot: int = 0) -> int:
        """What the server that is there now answers to a SEQUENCE of a session of before."""
        return Peer(self.server).call(session.sequence(slot, seqid)).status


@pytest.fixture(params=STORES)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    return Host(opener(request.param, tmp_path))


def test_what_was_not_executed_is_known(host: Host) -> None:
    session = host.session()
    session.ok(PUTROOTFH, mkdir(b"d"))
    last = session.seqid
    host.server.close()
    host.start()
    assert host.asked(session, last) == t.NFS4ERR_BADSESSION
    assert host.asked(session, last + 1) == t.NFS4ERR_DEADSESSION
    assert host.asked(session, last + 2) == t.NFS4ERR_BADSESSION
    assert host.asked(session, 1, slot=5) == t.NFS4ERR_DEADSESSION, "it was never used"
    assert host.asked(session, 2, slot=5) == t.NFS4ERR_BADSESSION
    other = Session(session.peer, 1, session.created)
    other.id = bytes(16)
    assert host.asked(other, 1) == t.NFS4ERR_BADSESSION


def test_whoever_does_not_ask_notices_nothing(host: Host) -> None:
    session = host.session()
    host.server.close()
    host.start()
    reply = Peer(host.server).call(session.sequence(0, session.seqid + 1), PUTROOTFH, mkdir(b"d"))
    assert reply.status == t.NFS4ERR_BADSESSION


def test_what_was_put_off_was_not_executed(host: Host) -> None:
    session = host.session()
    host.server.hold_changes(True)
    session.fails(t.NFS4ERR_DELAY, PUTROOTFH, mkdir(b"d"))
    put_off = session.seqid
    host.server.close()
    host.start()
    assert host.asked(session, put_off) == t.NFS4ERR_DEADSESSION
    assert host.asked(session, put_off + 1) == t.NFS4ERR_DEADSESSION
    assert host.asked(session, put_off - 1) == t.NFS4ERR_BADSESSION


def test_what_was_changed_before_something_was_put_off_is_in_doubt(host: Host) -> None:
    session = host.session()
    root = session.ok(PUTROOTFH, (t.OP_GETFH, None))[2].object
    held: list[bool] = []
    make = host.server.namespace.named[0].fs.mkdir

    def mkdir_and_hold(*arguments: object, **options: object) -> object:
        if not held:
            held.append(True)
            host.server.hold_changes(True)
        return make(*arguments, **options)

    host.server.namespace.named[0].fs.mkdir = mkdir_and_hold  # type: ignore[method-assign, assignment]
    session.fails(t.NFS4ERR_DELAY, putfh(root), mkdir(b"d"), putfh(root), mkdir(b"e"))
    assert held
    host.server.close()
    host.start()
    assert host.asked(session, session.seqid) == t.NFS4ERR_BADSESSION


def test_an_end_that_did_not_come(host: Host) -> None:
    session = host.session()
    host.server.hold_changes(True)
    session.fails(t.NFS4ERR_DELAY, PUTROOTFH, mkdir(b"d"))
    host.server.hold_changes(False)
    session.ok(PUTROOTFH, mkdir(b"d"))
    host.server.close()
    host.start()
    assert host.asked(session, session.seqid) == t.NFS4ERR_BADSESSION


def test_it_is_forgotten_in_time(host: Host) -> None:
    session = host.session()
    host.server.close()
    host.start()
    host.reactor.advance(2 * LEASE)
    assert host.asked(session, session.seqid + 1) == t.NFS4ERR_BADSESSION


def test_a_server_that_is_killed_leaves_nothing(host: Host) -> None:
    session = host.session()
    host.server.close()
    host.start()  # which takes what was left, and is killed
    host.start()
    assert host.asked(session, session.seqid + 1) == t.NFS4ERR_BADSESSION


def test_a_call_under_way_is_in_doubt(host: Host) -> None:
    session = host.session()
    (live,) = host.server.registry.sessions.values()
    live.slot(0).acquire(session.seqid + 1, (1, 1, 0, 1))
    host.server.close()
    host.start()
    assert host.asked(session, session.seqid + 1) == t.NFS4ERR_BADSESSION


def test_a_full_disk_leaves_clients_in_doubt(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise StoreError("database or disk is full")

    session = host.session()
    monkeypatch.setattr(type(host.server._store), "leave", full)
    host.server.close()
    host.start()
    assert host.asked(session, session.seqid + 1) == t.NFS4ERR_BADSESSION
    assert "in doubt about calls under way: database or disk is full" in caplog.text
