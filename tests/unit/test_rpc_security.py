"""The security seam: what flavors may do to calls and replies, and what they must notice."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from tests.support.sealed import SEALED, SealedClient, SealedServer

from nfsrdma.rpcrdma.rpc import message as rpc
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, IncomingCall, Peer
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.rpc.program import Call, RpcProgram, RpcService, null_procedure
from nfsrdma.rpcrdma.rpc.security import (
    SECURITIES,
    BadReply,
    PlainSecurity,
    SecuredChannel,
    secured,
)
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.task import Future, Task
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr import rpc as numbers

PROGRAM, VERSION = 200, 1
ALICE = Credentials.sys(1000, 100)
SECRET = b"between you and me"


class Wire:
    """Two stream channels; what goes from one to the other can be changed on the way."""

    def __init__(self, service: RpcService) -> None:
        self.client = StreamChannel(Peer("test", "server", 1))
        self.server = StreamChannel(Peer("test", "client", 2), service)
        self.on_call: Callable[[bytes], bytes] = lambda data: data
        self.on_reply: Callable[[bytes], bytes] = lambda data: data
        self.calls: list[bytes] = []
        self.replies: list[bytes] = []
        self.client.on_ready = self.pump
        self.server.on_ready = self.pump

    def pump(self) -> None:
        for source, sink, change, seen in (
            (self.client, self.server, lambda data: self.on_call(data), self.calls),
            (self.server, self.client, lambda data: self.on_reply(data), self.replies),
        ):
            while parts := source.poll_transmit():
                data = b"".join(parts)
                source.transmitted(len(data))
                seen.append(data)
                sink.handle_data(change(data))


def reverse(call: Call) -> None:
    """Answer with the argument backwards, and who asked for it."""
    data = call.decoder.opaque()
    call.decoder.done()
    enc = call.start_reply()
    enc.payload(data[::-1])
    enc.uint32(call.credentials.uid)
    call.reply(enc)


def complain(call: Call) -> None:
    raise rpc.RemoteFailure


def late(call: Call) -> None:
    LATE.append(call)


LATE: list[Call] = []


class Bed:
    """A service that takes the test's flavor, and a client with a context."""

    def __init__(self) -> None:
        LATE.clear()
        self.sealed = SealedServer(SECRET, ALICE)
        program = RpcProgram(
            PROGRAM, {VERSION: {0: null_procedure, 1: reverse, 2: complain, 3: late}}
        )
        self.wire = Wire(RpcService([program], {**SECURITIES, SEALED: self.sealed}))
        self.rpc = RpcClient(random.Random(1))
        security = SealedClient(self.rpc, PROGRAM, VERSION, SECRET)
        self.channel = Task(security.secure(self.wire.client)).result()

    def call(self, data: bytes, proc: int = 1) -> Future[Decoder]:
        return self.rpc.call(
            self.channel, PROGRAM, VERSION, proc, lambda enc: enc.opaque(data), max_reply=4096
        )


def test_context_creation_is_answered_by_the_flavor() -> None:
    bed = Bed()
    assert (bed.sealed.created, bed.sealed.accepted) == (1, 0)


def test_arguments_and_results_are_wrapped_on_the_way() -> None:
    bed = Bed()
    for text in (b"", b"a", b"some text to be read by two", bytes(3000)):
        results = bed.call(text).result()
        assert results.opaque() == text[::-1]
        assert results.uint32() == ALICE.uid
        results.done()
    assert bed.sealed.accepted == 4
    assert all(b"some text" not in data for data in bed.wire.calls)
    assert all(b"txet emos" not in data for data in bed.wire.replies)


def test_what_is_not_executed_is_not_wrapped() -> None:
    bed = Bed()
    with pytest.raises(rpc.RemoteFailure):
        bed.call(b"", 2).result()
    with pytest.raises(rpc.ProcedureUnavailable):
        bed.call(b"", 9).result()


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_changed_arguments_are_garbage() -> None:
    bed = Bed()
    bed.wire.on_call = lambda data: flipped(data, -1)
    with pytest.raises(rpc.GarbageArguments):
        bed.call(b"text").result()


def test_a_changed_header_is_denied() -> None:
    bed = Bed()
    bed.wire.on_call = lambda data: flipped(data, 4 + 23)  # the procedure
    with pytest.raises(rpc.AuthError) as caught:
        bed.call(b"text").result()
    assert caught.value.stat == numbers.AUTH_BADVERF


def test_an_unknown_context_is_denied() -> None:
    bed = Bed()
    bed.sealed._contexts.clear()
    with pytest.raises(rpc.AuthError) as caught:
        bed.call(b"text").result()
    assert caught.value.stat == numbers.AUTH_BADCRED


def test_a_call_that_comes_twice_is_dropped() -> None:
    bed = Bed()
    bed.wire.on_call = lambda data: data + data
    assert bed.call(b"abc").result().opaque() == b"cba"
    assert bed.sealed.repeated == 1
    assert bed.wire.client.stray_replies == 0


@pytest.mark.parametrize("at", [4 + 24, -1], ids=["verifier", "results"])
def test_a_changed_reply_is_an_error(at: int) -> None:
    bed = Bed()
    bed.wire.on_reply = lambda data: flipped(data, at)
    reply = bed.call(b"text")
    assert isinstance(reply.error(), (BadReply, ValueError))


def test_a_server_without_the_secret_gets_no_connection() -> None:
    bed = Bed()
    bed.sealed._secret = b"another one"
    made: Future[Channel] = Future()
    security = SealedClient(bed.rpc, PROGRAM, VERSION, SECRET)
    outcome = secured(made, security)
    made.set_result(bed.wire.client)
    assert isinstance(outcome.error(), BadReply)
    assert bed.wire.client.closed


def test_plain_flavors_leave_the_channel_alone() -> None:
    bed = Bed()
    made: Future[Channel] = Future()
    outcome = secured(made, PlainSecurity())
    made.set_result(bed.wire.client)
    assert outcome.result() is bed.wire.client
    dec = bed.rpc.call(
        outcome.result(), PROGRAM, VERSION, 1, lambda enc: enc.opaque(b"ab"), max_reply=100
    ).result()
    assert dec.opaque() == b"ba"


def test_answers_may_come_later_and_in_another_order() -> None:
    bed = Bed()
    first, second = bed.call(b"1", 3), bed.call(b"2", 3)
    for call in reversed(LATE):
        enc = call.start_reply()
        enc.opaque(call.decoder.opaque())
        call.reply(enc)
    assert (first.result().opaque(), second.result().opaque()) == (b"1", b"2")


def test_wrapped_calls_place_nothing() -> None:
    """Neither rooms nor targets are shown to a procedure, and Read chunks are refused."""
    bed = Bed()

    class Incoming:
        reply_room = 1000
        payload_room: Sequence[int] = (77,)
        reduced = False

        def __init__(self, message: bytes, channel: Channel) -> None:
            self.decoder = Decoder(message)
            self.channel = channel
            self.replies: list[bytes] = []

        def payload_target(self, index: int, size: int) -> memoryview | None:
            return memoryview(bytearray(size))

        def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
            assert not message.payloads
            self.replies.append(message.to_bytes())

        def refuse(self) -> None:
            raise AssertionError

        def drop(self) -> None:
            raise AssertionError

    def send(reduced: bool) -> Incoming:
        bed.wire.on_call = lambda data: b""
        bed.call(b"text", 3)
        incoming = Incoming(bed.wire.calls[-1][4:], bed.wire.server)
        incoming.reduced = reduced
        service: Callable[[IncomingCall], None] = bed.wire.server._service
        service(incoming)
        return incoming

    send(False)
    (call,) = LATE
    assert (call.payload_room, call.payload_target(0, 10)) == ((), None)
    assert call.reply_room < 1000
    (answer,) = send(True).replies
    with pytest.raises(rpc.GarbageArguments):
        rpc.decode_reply(Decoder(answer))


class Signed:
    """A flavor that signs and wraps nothing, as rpc_gss_svc_none: data may be placed."""

    call_overhead = reply_overhead = 64
    wraps = False
    credential = rpc.OpaqueAuth(numbers.AUTH_SYS, ALICE.to_auth().body)

    def protect(self) -> Signed:
        return self

    def sign(self, header: bytes) -> rpc.OpaqueAuth:
        return rpc.NO_AUTH

    def wrap(self, arguments: bytes) -> bytes:
        raise AssertionError

    def check(self, verifier: rpc.OpaqueAuth) -> None:
        assert verifier == rpc.NO_AUTH

    def unwrap(self, results: Decoder) -> bytes:
        raise AssertionError


def test_a_flavor_that_wraps_nothing_leaves_payloads_where_they_are() -> None:
    sent: list[tuple[Encoder, Sequence[memoryview]]] = []

    class Recorder:
        peer = Peer("test", "server", 1)
        max_message = 1000

        def call(
            self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()
        ) -> Future[Decoder]:
            sent.append((message, sinks))
            assert max_reply == 164
            return Future()

    channel = SecuredChannel(Recorder(), Signed())  # type: ignore[arg-type]
    assert channel.max_message == 936
    message = RpcClient(random.Random(1)).start(PROGRAM, VERSION, 1)
    message.uint32(1)
    first, second = b"x" * 5, b"y" * 8
    message.payload(first)
    message.payload(second)
    message.uint32(2)
    plain = message.to_bytes()
    sink = memoryview(bytearray(10))
    channel.call(message, max_reply=100, sinks=(sink,))
    ((wire, sinks),) = sent
    assert sinks == (sink,)
    assert [bytes(each.data) for each in wire.payloads] == [first, second]
    assert wire.payloads[0].data.obj is first
    dec, ours = Decoder(wire.to_bytes()), Decoder(plain)
    header = rpc.decode_call(dec)
    rpc.decode_call(ours)
    assert header.cred == Signed.credential
    assert bytes(dec.peek(1000)) == bytes(ours.peek(1000))
