"""Clients that answer the server's callbacks in every wrong way spoil nothing but their own."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.support.nfs import GETFH, PUTROOTFH, Clock, open_export

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import connect_tcp
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, IncomingCall
from nfsrdma.rpcrdma.rpc.client import RpcClient, results
from nfsrdma.rpcrdma.rpc.message import decode_call, encode_accepted
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.callback import CallbackOperation
from nfsrdma.server.callback.client import CallbackTimes
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.backchannel import Path
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

HERE = "127.0.0.1"
FLOOD = 3000
RECALL = CallbackOperation(
    t.OP_CB_RECALL,
    t.CB_RECALL4args(t.stateid4(1, b"x" * 12), False, b"handle"),
    t.CB_RECALL4res.decode,
)


class Host:
    """A server over TCP, and the raw connections to it."""

    def __init__(self) -> None:
        self.reactor = SelectReactor()
        self.server = NfsService(
            [open_export("", MemoryFileSystem(Clock()))], self.reactor, random.Random(1)
        )
        self.server.callbacks._times = CallbackTimes(answer=0.2, patience=0.5)
        self.channels: list[Channel] = []
        _, self.port = self.server.listen_tcp(HERE, 0, on_channel=self.channels.append)
        self.rpc = RpcClient(random.Random(2), Credentials.sys(0, 0))
        self.names = 0

    def wait(self, future: Any) -> Any:
        return self.reactor.run_until(future, 10)

    def connect(self, service: Callable[[IncomingCall], None]) -> Client:
        channel = self.wait(
            connect_tcp(self.reactor, HERE, self.port, service=service, reserved_port=False)
        )
        return Client(self, channel)


class Client:
    """A client of few words, with a session and a back channel."""

    def __init__(self, host: Host, channel: StreamChannel) -> None:
        self.host = host
        self.channel = channel
        host.names += 1
        self.seqid = 0
        verifier = b"verifier"
        owner = t.client_owner4(verifier, b"client %d" % host.names)
        made = self.call(
            (t.OP_EXCHANGE_ID, t.EXCHANGE_ID4args(owner, 0, t.state_protect4_a(t.SP4_NONE), []))
        )
        attrs = t.channel_attrs4(0, 4096, 4096, 0, 8, 8, [])
        back = t.CREATE_SESSION4_FLAG_CONN_BACK_CHAN
        arguments = t.CREATE_SESSION4args(
            made.eir_clientid, made.eir_sequenceid, back, attrs, attrs, 0x40000000, []
        )
        self.id = self.call((t.OP_CREATE_SESSION, arguments)).csr_sessionid

    def call(self, *operations: tuple[int, Any]) -> Any:
        """The result of the last operation, which must be a success."""
        enc = self.host.rpc.start(t.NFS4_PROGRAM, t.NFS_V4, t.NFSPROC4_COMPOUND)
        ops = [t.nfs_argop4(number, value) for number, value in operations]
        t.COMPOUND4args(b"", 2, ops).encode(enc)
        dec = self.host.wait(results(self.channel.call(enc, max_reply=4096)))
        reply = t.COMPOUND4res.decode(dec)
        assert reply.status == t.NFS4_OK
        return reply.resarray[-1].value.value

    def look(self) -> int:
        """Work in the session; the flags that SEQUENCE answered."""
        self.seqid += 1
        sequence = t.SEQUENCE4args(self.id, self.seqid, 0, 0, False)
        self.call((t.OP_SEQUENCE, sequence), PUTROOTFH, GETFH)
        self.seqid += 1
        sequence = t.SEQUENCE4args(self.id, self.seqid, 0, 0, False)
        return int(self.call((t.OP_SEQUENCE, sequence)).sr_status_flags)

    @property
    def back(self) -> Any:
        return self.host.server.registry.session(self.id).back

    def recall(self) -> Future[t.CB_RECALL4res]:
        session = self.host.server.registry.session(self.id)
        return self.host.server.callbacks.call(session, RECALL)

    def until(self, path: Path) -> None:
        self.host.reactor.run_until(lambda: path in self.back.paths.values(), 10)


def answer(call: IncomingCall) -> Encoder:
    """A proper answer to CB_NULL, or to CB_SEQUENCE and one operation more."""
    header = decode_call(call.decoder)
    enc = Encoder()
    encode_accepted(enc, header.xid)
    if header.proc == t.CB_COMPOUND:
        compound = t.CB_COMPOUND4args.decode(call.decoder)
        ours = compound.argarray[0].value
        ok = t.CB_SEQUENCE4resok(ours.csa_sessionid, ours.csa_sequenceid, ours.csa_slotid, 7, 7)
        done = [t.nfs_cb_resop4(t.OP_CB_SEQUENCE, t.CB_SEQUENCE4res(0, ok))]
        refused = t.CB_RECALL4res(t.NFS4ERR_BAD_STATEID)
        done += [t.nfs_cb_resop4(each.argop, refused) for each in compound.argarray[1:]]
        t.CB_COMPOUND4res(done[-1].value.status if len(done) > 1 else 0, b"", done).encode(enc)
    return enc


def properly(call: IncomingCall) -> None:
    call.reply(answer(call))


def twice(call: IncomingCall) -> None:
    message = answer(call)
    call.reply(message)
    channel = call.channel
    assert isinstance(channel, StreamChannel)
    channel._send(message, 0)


def in_a_flood(call: IncomingCall) -> None:
    """One proper answer among thousands to nothing."""
    channel = call.channel
    assert isinstance(channel, StreamChannel)
    for number in range(FLOOD):
        stray = Encoder()
        stray.buffer += struct.pack(">6I", 0x70000000 + number, 1, 0, 0, 0, 0)
        channel._send(stray, 0)
    properly(call)


def never(call: IncomingCall) -> None:
    call.drop()


def nonsense(call: IncomingCall) -> None:
    (xid,) = struct.unpack(">I", call.decoder.fixed_opaque(4))
    enc = Encoder()
    enc.buffer += struct.pack(">6I", xid, 1, 0, 0, 0, 0) + b"\xff" * 64
    call.reply(enc)


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.server.close()
    made.reactor.close()


@pytest.mark.parametrize("service", [twice, in_a_flood])
def test_answers_beyond_the_one_are_strays(
    host: Host, service: Callable[[IncomingCall], None]
) -> None:
    good, bad = host.connect(properly), host.connect(service)
    bad.until(Path.UP)
    for _ in range(3):
        assert host.wait(bad.recall()).status == t.NFS4ERR_BAD_STATEID
        assert host.wait(good.recall()).status == t.NFS4ERR_BAD_STATEID
    assert good.look() == bad.look() == 0
    strays = [channel.stray_replies for channel in host.channels]  # type: ignore[attr-defined]
    assert strays[0] == 0
    assert strays[1] == (4 if service is twice else 4 * FLOOD)
    assert not host.server.callbacks._unanswered


@pytest.mark.parametrize("service", [never, nonsense])
def test_others_are_called_and_served_meanwhile(
    host: Host, service: Callable[[IncomingCall], None]
) -> None:
    good, bad = host.connect(properly), host.connect(service)
    failing = [bad.recall() for _ in range(30)]
    for _ in range(5):
        assert host.wait(good.recall()).status == t.NFS4ERR_BAD_STATEID
        assert good.look() == 0
    host.reactor.run_until(lambda: all(future.done() for future in failing), 10)
    assert all(future.error() is not None for future in failing)
    assert bad.look() & t.SEQ4_STATUS_CB_PATH_DOWN
    assert good.look() == 0
    bad.channel.close()
    host.reactor.run_until(lambda: host.channels[1].closed, 10)  # type: ignore[attr-defined]
    assert not host.server.callbacks._unanswered
