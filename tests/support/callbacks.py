"""A client that a server calls back, without a network: what it sees, and what it answers."""

from __future__ import annotations

from typing import Any

from tests.support.nfs import (
    FakeChannel,
    FakeReactor,
    Peer,
    Session,
    channel_attributes,
    make_server,
)

from nfsrdma.rpcrdma.rpc.channel import CallRefused
from nfsrdma.rpcrdma.rpc.message import (
    RpcError,
    decode_call,
    encode_accepted,
)
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.callback import CallbackOperation
from nfsrdma.server.state.session import Session as ServerSession
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t

BACK = t.CREATE_SESSION4_FLAG_CONN_BACK_CHAN
PROGRAM = 0x40000004
DOWN = t.SEQ4_STATUS_CB_PATH_DOWN | t.SEQ4_STATUS_CB_PATH_DOWN_SESSION
STATEID = t.stateid4(1, b"s" * 12)
RECALL = CallbackOperation(
    t.OP_CB_RECALL, t.CB_RECALL4args(STATEID, False, b"handle"), t.CB_RECALL4res.decode
)
Compound = t.CB_COMPOUND4args


class Call:
    """A call that came to a client."""

    def __init__(self, message: Encoder, reply: Future[Decoder]) -> None:
        dec = Decoder(message.to_bytes())
        self.header = decode_call(dec)
        self.size = message.tell()
        self.compound: Compound | None = None
        if self.header.proc == t.CB_COMPOUND:
            self.compound = t.CB_COMPOUND4args.decode(dec)
        dec.done()
        self._reply = reply

    @property
    def sequence(self) -> t.CB_SEQUENCE4args:
        assert self.compound is not None
        first: t.nfs_cb_argop4 = self.compound.argarray[0]
        assert first.argop == t.OP_CB_SEQUENCE
        return first.value  # type: ignore[no-any-return]

    @property
    def place(self) -> tuple[int, int]:
        """Slot and sequence id."""
        return self.sequence.csa_slotid, self.sequence.csa_sequenceid

    def answer_octets(self, body: bytes) -> None:
        enc = Encoder()
        encode_accepted(enc, self.header.xid)
        self._reply.set_result(Decoder(bytes(enc.buffer) + body))

    def deny(self, error: RpcError) -> None:
        enc = Encoder()
        error.encode(enc, self.header.xid)
        self._reply.set_result(Decoder(bytes(enc.buffer)))

    def answer(self, status: int = 0, *, sequence: int = 0, target: int = 15) -> None:
        """Answer CB_SEQUENCE, and the operation behind it if there is one."""
        if self.compound is None:
            self.answer_octets(b"")
            return
        ours = self.sequence
        results = [t.nfs_cb_resop4(t.OP_CB_SEQUENCE, t.CB_SEQUENCE4res(sequence))]
        if not sequence:
            ok = t.CB_SEQUENCE4resok(
                ours.csa_sessionid, ours.csa_sequenceid, ours.csa_slotid, target, target
            )
            results = [t.nfs_cb_resop4(t.OP_CB_SEQUENCE, t.CB_SEQUENCE4res(0, ok))]
            results += [
                t.nfs_cb_resop4(each.argop, t.CB_RECALL4res(status))
                for each in self.compound.argarray[1:]
            ]
        enc = Encoder()
        t.CB_COMPOUND4res(sequence or status, b"", results).encode(enc)
        self.answer_octets(bytes(enc.buffer))

    def refuse(self) -> None:
        self._reply.set_error(CallRefused("ERR_CHUNK"))


class Bed:
    """A server, and a client with a session whose back channel is up."""

    def __init__(self, *, proved: bool = True, **attrs: Any) -> None:
        self.reactor = FakeReactor()
        self.server = make_server(reactor=self.reactor)
        self.callbacks = self.server.callbacks
        self.peer = Peer(self.server)
        number = self.peer.exchange_id(b"me")[0].eir_clientid
        flavors = attrs.pop("flavors", [])
        arguments = t.CREATE_SESSION4args(
            number, 1, BACK, channel_attributes(), channel_attributes(**attrs), PROGRAM, flavors
        )
        created = self.peer.call((t.OP_CREATE_SESSION, arguments))[0]
        self.flags = created.csr_flags
        self.session = Session(self.peer, number, created)
        self.turn()
        if proved:
            self.next().answer()

    @property
    def theirs(self) -> ServerSession:
        return self.server.registry.session(self.session.id)

    def turn(self) -> None:
        while self.reactor.soon:
            self.reactor.turn()

    def next(self, channel: FakeChannel | None = None) -> Call:
        """The call that has come, which must be the only one."""
        (call,) = self.all(channel)
        return call

    def all(self, channel: FakeChannel | None = None) -> list[Call]:
        channel = channel or self.peer.channel
        self.turn()
        calls, channel.callbacks = channel.callbacks, []
        return [Call(*each) for each in calls]

    def status(self) -> int:
        """The flags that SEQUENCE answers."""
        return int(self.session.ok()[0].sr_status_flags)

    def bind(self, direction: int = t.CDFC4_FORE_OR_BOTH) -> Peer:
        """One more connection of the client, bound to the session."""
        other = Peer(self.server)
        arguments = t.BIND_CONN_TO_SESSION4args(self.session.id, direction, False)
        assert other.call((t.OP_BIND_CONN_TO_SESSION, arguments)).status == t.NFS4_OK
        self.turn()
        return other

    def recall(self) -> Future[t.CB_RECALL4res]:
        return self.callbacks.call(self.theirs, RECALL)


def error(future: Future[Any]) -> BaseException:
    assert future.done()
    outcome = future.error()
    assert outcome is not None
    return outcome
