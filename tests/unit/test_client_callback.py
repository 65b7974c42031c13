"""The callback program, call by call (RFC 8881, Section 20)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer

from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.rpc.message import OpaqueAuth, decode_reply, encode_call
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t


class Caller:
    """The server's side of the back channel."""

    def __init__(self) -> None:
        self.server = FakeServer(FakeReactor())
        self.client: FileSystem = self.server.mounted()
        self.seqids = [0] * 4

    def send(self, call: t.CB_COMPOUND4args | None, vers: int = 1, proc: int = 1) -> bytes:
        enc = Encoder()
        encode_call(enc, 5, t.NFS4_CALLBACK, vers, proc, OpaqueAuth(0))
        if call is not None:
            call.encode(enc)
        incoming = Incoming(enc.to_bytes())
        service = self.server.channels[-1].service
        assert service is not None
        service(incoming)
        assert incoming.answer is not None
        return incoming.answer

    def compound(self, *ops: tuple[int, Any], minor: int = 2) -> t.CB_COMPOUND4res:
        arguments = [t.nfs_cb_argop4(op, value) for op, value in ops]
        answer = self.send(t.CB_COMPOUND4args(b"tag", minor, 0, arguments))
        dec = Decoder(answer)
        decode_reply(dec)
        result = t.CB_COMPOUND4res.decode(dec)
        dec.done()
        assert result.tag == b"tag"
        return result

    def sequence(self, slot: int = 0, step: int = 1) -> tuple[int, Any]:
        if slot < 4:
            self.seqids[slot] += step
        session_id = self.client.session.session_id
        seqid = self.seqids[slot] if slot < 4 else 1
        return t.OP_CB_SEQUENCE, t.CB_SEQUENCE4args(session_id, seqid, slot, slot, False, [])


class Incoming:
    """An ``IncomingCall`` that keeps the answer."""

    channel: Any = None
    reply_room = 1024
    payload_room = ()

    def __init__(self, message: bytes) -> None:
        self.decoder = Decoder(message)
        self.answer: bytes | None = None

    def reply(self, message: Encoder, on_sent: Any = None) -> None:
        assert self.answer is None
        self.answer = message.to_bytes()

    def payload_target(self, index: int, size: int) -> None:
        raise AssertionError

    def refuse(self) -> None:
        raise AssertionError

    drop = refuse


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.mark.parametrize("version", [1, 4])
def test_null(caller: Caller, version: int) -> None:
    dec = Decoder(caller.send(None, version, 0))
    decode_reply(dec)
    dec.done()


def test_sequence_alone(caller: Caller) -> None:
    result = caller.compound(caller.sequence())
    assert result.status == t.NFS4_OK
    resok = result.resarray[0].value.value
    assert (resok.csr_sequenceid, resok.csr_slotid, resok.csr_highest_slotid) == (1, 0, 3)
    assert caller.client.stats.callbacks == 1


def test_a_retry_gets_the_kept_reply_and_runs_nothing(caller: Caller) -> None:
    recall = (t.OP_CB_RECALL_SLOT, t.CB_RECALL_SLOT4args(2))
    first = caller.compound(caller.sequence(), recall)
    slots = caller.client.session.slots
    assert slots is not None
    assert slots.limit == 3
    slots.set_target(7)
    assert caller.compound(caller.sequence(step=0), recall) == first
    assert slots.limit == 8


@pytest.mark.parametrize(
    ("slot", "step", "status"),
    [(0, 2, t.NFS4ERR_SEQ_MISORDERED), (3, 0, t.NFS4ERR_SEQ_MISORDERED), (9, 1, t.NFS4ERR_BADSLOT)],
)
def test_out_of_step(caller: Caller, slot: int, step: int, status: int) -> None:
    assert caller.compound(caller.sequence(slot, step)).status == status


def test_another_session(caller: Caller) -> None:
    arguments = t.CB_SEQUENCE4args(bytes(16), 1, 0, 0, False, [])
    result = caller.compound((t.OP_CB_SEQUENCE, arguments))
    assert result.status == t.NFS4ERR_BADSESSION


def test_a_new_session_starts_its_slots_anew(caller: Caller) -> None:
    caller.compound(caller.sequence())
    caller.server.restart(grace=False)
    caller.server.reactor.run(caller.client.stat(""))
    caller.seqids = [0] * 4
    assert caller.compound(caller.sequence()).status == t.NFS4_OK


def test_what_must_be_first_and_what_must_not(caller: Caller) -> None:
    any_recall = (t.OP_CB_RECALL_ANY, t.CB_RECALL_ANY4args(1, [1]))
    assert caller.compound(any_recall).status == t.NFS4ERR_OP_NOT_IN_SESSION
    second = caller.sequence()
    result = caller.compound(second, second)
    assert result.status == t.NFS4ERR_SEQUENCE_POS
    assert caller.compound(minor=0).status == t.NFS4ERR_MINOR_VERS_MISMATCH
    many = [any_recall] * 9
    assert caller.compound(*many).status == t.NFS4ERR_TOO_MANY_OPS
    assert caller.compound().status == t.NFS4_OK


def test_recalls(caller: Caller) -> None:
    unknown = t.CB_RECALL4args(t.stateid4(1, b"x" * 12), False, b"handle")
    result = caller.compound(caller.sequence(), (t.OP_CB_RECALL, unknown))
    assert result.status == t.NFS4ERR_BAD_STATEID
    any_recall = (t.OP_CB_RECALL_ANY, t.CB_RECALL_ANY4args(0, [1]))
    assert caller.compound(caller.sequence(), any_recall).status == t.NFS4_OK


def test_a_notice_wakes_who_waits_for_that_lock(caller: Caller) -> None:
    notices = caller.client.open_operations.opens.notices
    mine = notices.expect(b"handle", b"owner")
    others = [notices.expect(b"handle", b"another"), notices.expect(b"other", b"owner")]
    lock = t.CB_NOTIFY_LOCK4args(b"handle", t.state_owner4(1, b"owner"))
    for _ in range(2):
        result = caller.compound(caller.sequence(), (t.OP_CB_NOTIFY_LOCK, lock))
        assert result.status == t.NFS4_OK
    assert mine.done()
    assert not any(each.done() for each in others)
    assert len(notices) == 2
    notices.forget(b"handle", b"owner", mine)
    notices.forget(b"handle", b"another", others[0])
    assert len(notices) == 1


def test_what_is_not_done_here(caller: Caller) -> None:
    offered = t.CB_RECALLABLE_OBJ_AVAIL4args(0, [1])
    result = caller.compound(caller.sequence(), (t.OP_CB_RECALLABLE_OBJ_AVAIL, offered))
    assert result.status == t.NFS4ERR_NOTSUPP
    result = caller.compound(caller.sequence(), (t.OP_CB_ILLEGAL, None))
    assert result.status == t.NFS4ERR_OP_ILLEGAL
    assert result.resarray[-1].resop == t.OP_CB_ILLEGAL
