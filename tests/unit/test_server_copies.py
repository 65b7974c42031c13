"""Copies that go on after their COPY was answered: CB_OFFLOAD, OFFLOAD_STATUS, OFFLOAD_CANCEL."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.nfs import (
    LEASE,
    SAVEFH,
    Clock,
    FakeReactor,
    Op,
    Peer,
    Session,
    channel_attributes,
    close,
    destroy_clientid,
    destroy_session,
    make_server,
    putfh,
    read,
)

from nfsrdma.rpcrdma.rpc.message import decode_call, encode_accepted
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.ops.copying import SLICE
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.vfs.interface import ROOT
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.server.vfs.memory_file import MemoryFile
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t

SIZE = 2 * SLICE + 1000
BACK = t.CREATE_SESSION4_FLAG_CONN_BACK_CHAN


class Bed:
    """A server with a file of three portions, and a client that can be called."""

    def __init__(self, *, back: bool = True, limits: StateLimits | None = None) -> None:
        self.reactor = FakeReactor()
        self.fs = MemoryFileSystem(Clock())
        times = LeaseTimes(lease=LEASE, grace=LEASE)
        config = ServerConfig(times=times, state=limits or StateLimits())
        self.server = make_server(fs=self.fs, reactor=self.reactor, config=config)
        self.data = os.urandom(SIZE)
        _, file = self.fs.create(self.fs.root, b"source", ROOT, 0o644, 6)
        file.write(0, memoryview(self.data))
        file.close()
        self.session = self.client(b"me", back)
        self.from_stateid, self.source = self.open(b"source")
        self.to_stateid, self.target = self.open(b"target")
        self.at = (putfh(self.source), SAVEFH, putfh(self.target))

    def client(self, owner: bytes, back: bool = True) -> Session:
        peer = Peer(self.server)
        number = peer.exchange_id(owner)[0].eir_clientid
        attributes = channel_attributes(), channel_attributes()
        flags = BACK if back else 0
        arguments = t.CREATE_SESSION4args(number, 1, flags, *attributes, 0x40000004, [])
        session = Session(peer, number, peer.call((t.OP_CREATE_SESSION, arguments))[0])
        session.ok((t.OP_RECLAIM_COMPLETE, t.RECLAIM_COMPLETE4args(False)))
        self.turn()
        for message, reply in peer.channel.callbacks:
            header = decode_call(Decoder(message.to_bytes()))
            assert header.proc == t.CB_NULL
            enc = Encoder()
            encode_accepted(enc, header.xid)
            reply.set_result(Decoder(bytes(enc.buffer)))
        peer.channel.callbacks.clear()
        return session

    def open(self, name: bytes) -> tuple[t.stateid4, bytes]:
        return self.session.create(name)

    def turn(self) -> None:
        while self.reactor.soon:
            self.reactor.turn()

    def copy(self, count: int = 0, start: int = 0, to: int = 0, synchronous: bool = False) -> Op:
        return t.OP_COPY, t.COPY4args(
            self.from_stateid, self.to_stateid, start, to, count, True, synchronous, []
        )

    def begin(self, *args: int) -> t.COPY4resok:
        result: t.COPY4resok = self.session.ok(*self.at, self.copy(*args))[-1]
        return result

    def status(self, stateid: t.stateid4) -> t.OFFLOAD_STATUS4resok:
        asked = (t.OP_OFFLOAD_STATUS, t.OFFLOAD_STATUS4args(stateid))
        result: t.OFFLOAD_STATUS4resok = self.session.ok(putfh(self.target), asked)[-1]
        return result

    def unknown(self, stateid: t.stateid4, session: Session | None = None) -> None:
        for op, kind in (
            (t.OP_OFFLOAD_STATUS, t.OFFLOAD_STATUS4args),
            (t.OP_OFFLOAD_CANCEL, t.OFFLOAD_CANCEL4args),
        ):
            asked = (op, kind(stateid))
            (session or self.session).fails(t.NFS4ERR_BAD_STATEID, putfh(self.target), asked)

    def cancel(self, stateid: t.stateid4) -> None:
        self.session.ok(putfh(self.target), (t.OP_OFFLOAD_CANCEL, t.OFFLOAD_CANCEL4args(stateid)))

    def told(self, status: int = t.NFS4_OK) -> t.CB_OFFLOAD4args:
        """What the one call has told that has come; it is answered."""
        self.turn()
        ((message, reply),) = self.session.peer.channel.callbacks
        self.session.peer.channel.callbacks.clear()
        dec = Decoder(message.to_bytes())
        header = decode_call(dec)
        sequence, offload = t.CB_COMPOUND4args.decode(dec).argarray
        ours = sequence.value
        ok = t.CB_SEQUENCE4resok(
            ours.csa_sessionid, ours.csa_sequenceid, ours.csa_slotid, ours.csa_slotid, 15
        )
        self.referring = ours.csa_referring_call_lists
        enc = Encoder()
        encode_accepted(enc, header.xid)
        results = [
            t.nfs_cb_resop4(t.OP_CB_SEQUENCE, t.CB_SEQUENCE4res(0, ok)),
            t.nfs_cb_resop4(t.OP_CB_OFFLOAD, t.CB_OFFLOAD4res(status)),
        ]
        t.CB_COMPOUND4res(status, b"", results).encode(enc)
        reply.set_result(Decoder(bytes(enc.buffer)))
        args: t.CB_OFFLOAD4args = offload.value
        return args

    def contents(self, size: int = SIZE) -> bytes:
        return b"".join(
            bytes(self.session.ok(putfh(self.target), read(self.to_stateid, at, 1 << 19))[-1].data)
            for at in range(0, size, 1 << 19)
        )


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_a_copy_goes_on_after_its_reply(bed: Bed) -> None:
    result = bed.begin()
    assert (result.cr_requirements.cr_synchronous, result.cr_response.wr_count) == (False, 0)
    (stateid,) = result.cr_response.wr_callback_id
    assert stateid.seqid
    assert bed.status(stateid).osr_complete == []
    told = bed.told()
    assert (told.coa_fh, told.coa_stateid) == (bed.target, stateid)
    info = told.coa_offload_info
    assert info.coa_status == t.NFS4_OK
    assert info.value == t.write_response4([], SIZE, t.UNSTABLE4, result.cr_response.wr_writeverf)
    assert bed.contents() == bed.data


def test_a_part_of_a_file(bed: Bed) -> None:
    count = SLICE + 3
    bed.begin(count, 100, 7)
    assert bed.told().coa_offload_info.value.wr_count == count
    assert bed.contents(count) == bytes(7) + bed.data[100 : 100 + count]


def test_it_can_be_asked_about_for_a_lease(bed: Bed) -> None:
    (stateid,) = bed.begin().cr_response.wr_callback_id
    seen = set()
    for _ in range(9):
        bed.reactor.turn()
        seen.add(bed.status(stateid).osr_count)
    assert {SLICE, 2 * SLICE, SIZE} <= seen
    assert bed.status(stateid).osr_complete == [t.NFS4_OK]
    bed.told()
    bed.turn()
    assert bed.status(stateid).osr_complete == [t.NFS4_OK]
    bed.unknown(t.stateid4(0, stateid.other))
    bed.unknown(t.stateid4(1, bytes(12)))
    bed.unknown(stateid, bed.client(b"other"))
    for _ in range(2):
        bed.reactor.advance(LEASE / 2)
        bed.session.ok()
    bed.unknown(stateid)


def test_others_are_served_meanwhile(bed: Bed) -> None:
    other = bed.client(b"other")
    (stateid,) = bed.begin().cr_response.wr_callback_id
    bed.reactor.turn()
    assert bed.status(stateid).osr_complete == []
    other.ok(putfh(bed.source), read(t.stateid4(0, bytes(12)), 0, 10))
    bed.turn()


def test_it_is_called_again_that_puts_it_off(bed: Bed) -> None:
    bed.begin()
    bed.told(t.NFS4ERR_DELAY)
    bed.turn()
    assert not bed.session.peer.channel.callbacks
    bed.reactor.advance(2)
    assert bed.told().coa_offload_info.coa_status == t.NFS4_OK
    bed.reactor.advance(60)
    assert not bed.session.peer.channel.callbacks


def test_the_call_that_began_it_is_named(bed: Bed) -> None:
    """So that a client knows which reply it has to wait for."""
    bed.begin()
    bed.told()
    ((named),) = bed.referring
    assert named.rcl_sessionid == bed.session.id
    assert named.rcl_referring_calls == [t.referring_call4(bed.session.seqid, 0)]


def test_cancel(bed: Bed) -> None:
    (stateid,) = bed.begin().cr_response.wr_callback_id
    for _ in range(2):
        bed.reactor.turn()
    done = bed.status(stateid).osr_count
    bed.cancel(stateid)
    bed.turn()
    assert not bed.session.peer.channel.callbacks
    bed.unknown(stateid)
    assert 0 < done < SIZE
    assert bed.contents() == bed.data[:done]
    assert not len(bed.server.registry.copies)


def test_what_a_thread_does_goes_on(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that is cancelled keeps its files until the portion that is under way is done."""
    portion: Future[int] = Future()
    monkeypatch.setattr(MemoryFile, "copy_from", lambda *_: portion)
    bed.session.ok(putfh(bed.target), close(bed.to_stateid))
    bed.to_stateid = t.stateid4(0, bytes(12))
    node = bed.fs.lookup(bed.fs.root, b"target", ROOT)
    (stateid,) = bed.begin().cr_response.wr_callback_id
    bed.turn()
    bed.cancel(stateid)
    assert node.opens == 1
    portion.set_result(SLICE)
    assert node.opens == 0


def test_the_end_of_the_open_is_the_end_of_the_copy(bed: Bed) -> None:
    bed.begin()
    bed.reactor.turn()
    bed.session.ok(putfh(bed.source), close(bed.from_stateid))
    info = bed.told().coa_offload_info
    assert info.coa_status == t.NFS4ERR_BAD_STATEID
    assert info.value < SIZE


def test_an_error_is_told_with_what_was_copied(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    copy: Callable[..., Any] = MemoryFile.copy_from
    copied: list[int] = []

    def fails(*args: Any) -> Any:
        if copied:
            raise OSError(28, "full")
        copied.append(copy(*args))
        return copied[0]

    monkeypatch.setattr(MemoryFile, "copy_from", fails)
    (stateid,) = bed.begin().cr_response.wr_callback_id
    info = bed.told().coa_offload_info
    assert (info.coa_status, info.value) == (t.NFS4ERR_NOSPC, SLICE)
    assert bed.status(stateid).osr_complete == [t.NFS4ERR_NOSPC]


def synchronous(bed: Bed, op: Op) -> int:
    result = bed.session.ok(*bed.at, op)[-1]
    assert result.cr_requirements.cr_synchronous
    assert result.cr_response.wr_callback_id == []
    count: int = result.cr_response.wr_count
    return count


def test_what_is_synchronous_all_the_same(bed: Bed) -> None:
    assert synchronous(bed, bed.copy(SLICE)) == SLICE
    assert synchronous(bed, bed.copy(SIZE, synchronous=True)) == SLICE
    unreachable = Bed(back=False)
    assert synchronous(unreachable, unreachable.copy()) == SLICE


def test_there_is_a_budget() -> None:
    """A source has half of it at most: what is more is copied as others have it copied."""
    bed = Bed(limits=StateLimits(copies=2))
    (stateid,) = bed.begin().cr_response.wr_callback_id
    assert synchronous(bed, bed.copy()) == SLICE
    bed.cancel(stateid)
    bed.begin()


def test_what_is_over_gives_way() -> None:
    bed = Bed(limits=StateLimits(copies=4))
    begun = []
    for _ in range(4):
        begun += bed.begin().cr_response.wr_callback_id
        bed.told()
        bed.turn()
    bed.unknown(begun[0])
    assert bed.status(begun[3]).osr_complete == [t.NFS4_OK]


def test_a_client_that_is_gone_copies_nothing(bed: Bed) -> None:
    bed.begin()
    bed.reactor.turn()
    registry = bed.server.registry
    (client,) = registry.clients.confirmed()
    registry.expire(client)
    assert not len(registry.copies)
    bed.turn()
    assert not bed.session.peer.channel.callbacks


def test_a_client_with_copies_under_way_is_busy() -> None:
    """Of special stateids, which are of no open."""
    bed = Bed()
    session = bed.session
    session.ok(putfh(bed.source), close(bed.from_stateid))
    session.ok(putfh(bed.target), close(bed.to_stateid))
    bed.from_stateid = bed.to_stateid = t.stateid4(0, bytes(12))
    bed.begin()
    session.ok(destroy_session(session.id))
    busy = session.peer.call(destroy_clientid(session.client_id))
    assert busy.status == t.NFS4ERR_CLIENTID_BUSY
    bed.turn()
    gone = session.peer.call(destroy_clientid(session.client_id))
    assert gone.status == t.NFS4_OK
    assert not len(bed.server.registry.copies)


def test_a_client_that_cannot_be_reached_is_called_later(bed: Bed) -> None:
    (stateid,) = bed.begin().cr_response.wr_callback_id
    bed.session.peer.channel.close()
    bed.turn()
    again = Peer(bed.server)
    bed.session.peer = again
    arguments = t.BIND_CONN_TO_SESSION4args(bed.session.id, t.CDFC4_FORE_OR_BOTH, False)
    assert again.call((t.OP_BIND_CONN_TO_SESSION, arguments)).status == t.NFS4_OK
    assert bed.status(stateid).osr_complete == [t.NFS4_OK]
    bed.turn()
    calls = [decode_call(Decoder(m.to_bytes())).proc for m, _ in again.channel.callbacks]
    assert t.CB_COMPOUND in calls


def test_no_copies_from_or_to_other_servers(bed: Bed) -> None:
    there = t.netloc4(t.NL4_NAME, b"other.example")
    op, args = bed.copy()
    args.ca_source_server = [there]
    bed.session.fails(t.NFS4ERR_NOTSUPP, *bed.at, (op, args))
    notify = t.COPY_NOTIFY4args(bed.from_stateid, there)
    bed.session.fails(t.NFS4ERR_NOTSUPP, putfh(bed.source), (t.OP_COPY_NOTIFY, notify))
