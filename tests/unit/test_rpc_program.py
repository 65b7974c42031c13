"""The dispatcher: every way a call can end."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Sequence

import pytest

from nfsrdma.rpcrdma.rpc import message as rpc
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, IncomingCall, Peer
from nfsrdma.rpcrdma.rpc.program import Call, RpcProgram, RpcService, null_procedure
from nfsrdma.rpcrdma.rpc.security import Caller
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr import rpc as numbers

CHANNEL = StreamChannel(Peer("test", "nowhere", 1))


class Incoming:
    """An ``IncomingCall`` that remembers how it ended."""

    def __init__(self, raw: bytes) -> None:
        self.decoder = Decoder(raw)
        self.channel: Channel = CHANNEL
        self.reply_room = 1000
        self.payload_room: Sequence[int] = (77,)
        self.reduced = False
        self.ends: list[bytes | str] = []

    def payload_target(self, index: int, size: int) -> memoryview | None:
        return memoryview(bytes(size))

    def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
        self.ends.append(message.to_bytes())
        if on_sent is not None:
            on_sent()

    def refuse(self) -> None:
        self.ends.append("refuse")

    def drop(self) -> None:
        self.ends.append("drop")

    def answer(self) -> Decoder:
        """The results, or the error that the only answer is."""
        (raw,) = self.ends
        assert isinstance(raw, bytes)
        dec = Decoder(raw)
        xid, _ = rpc.decode_reply(dec)
        assert xid == 7
        return dec


def call_message(
    proc: int,
    args: bytes = b"",
    *,
    prog: int = 200,
    vers: int = 3,
    cred: rpc.OpaqueAuth = rpc.NO_AUTH,
) -> bytes:
    enc = Encoder()
    rpc.encode_call(enc, 7, prog, vers, proc, cred)
    return bytes(enc.buffer) + args


gate: Future[int] = Future()


def double(call: Call) -> None:
    value = call.decoder.uint32()
    enc = call.start_reply()
    enc.uint32(2 * value)
    call.reply(enc)


def who(call: Call) -> None:
    enc = call.start_reply()
    enc.uint32(call.credentials.uid)
    call.reply(enc)


def broken(call: Call) -> None:
    raise KeyError("a bug")


def weak(call: Call) -> None:
    raise rpc.AuthError(numbers.AUTH_TOOWEAK)


def broken_late(call: Call) -> None:
    call.reply(call.start_reply())
    raise KeyError("a late bug")


async def slow(call: Call) -> None:
    enc = call.start_reply()
    enc.uint32(await gate)
    call.reply(enc)


async def silent(call: Call) -> None:
    await gate


async def slow_garbage(call: Call) -> None:
    await gate
    call.decoder.uint64()


def refusing(call: Call) -> None:
    assert call.reply_room == 1000
    assert call.payload_room == (77,)
    assert call.payload_target(0, 5) == bytes(5)
    assert call.channel is CHANNEL
    call.refuse()


def dropping(call: Call) -> None:
    call.drop()


SERVICE = RpcService(
    [
        RpcProgram(
            200,
            {
                3: dict(
                    enumerate(
                        [
                            null_procedure,
                            double,
                            who,
                            broken,
                            weak,
                            broken_late,
                            slow,
                            silent,
                            slow_garbage,
                            refusing,
                            dropping,
                        ]
                    )
                ),
                5: {0: null_procedure},
            },
        )
    ]
)


@pytest.fixture(autouse=True)
def closed_gate() -> None:
    global gate
    gate = Future()


def serve(raw: bytes) -> Incoming:
    incoming = Incoming(raw)
    SERVICE(incoming)
    return incoming


def test_success() -> None:
    serve(call_message(0)).answer().done()
    assert serve(call_message(1, b"\0\0\0\x15")).answer().uint32() == 42


def test_credentials_reach_the_procedure() -> None:
    cred = Credentials.sys(1234, 1).to_auth()
    assert serve(call_message(2, cred=cred)).answer().uint32() == 1234
    assert serve(call_message(2)).answer().uint32() == 65534


def test_a_caller_that_is_known_is_served_the_same() -> None:
    cred = Credentials.sys(1234, 1).to_auth()
    first = call_message(2, cred=cred)
    assert serve(first).answer().uint32() == 1234
    later = serve(struct.pack(">I", 8) + first[4:])
    assert later.ends == [struct.pack(">7I", 8, 1, 0, 0, 0, 0, 1234)]
    # Whatever differs in more than the XID is looked at anew.
    other = Credentials.sys(1235, 1).to_auth()
    assert serve(call_message(2, cred=other)).answer().uint32() == 1235
    with pytest.raises(rpc.ProcedureUnavailable):
        serve(call_message(99, cred=cred)).answer()
    with pytest.raises(rpc.RpcVersionMismatch):
        serve(first[:8] + b"\0\0\0\3" + first[12:]).answer()


class Counting:
    """A flavor that takes each call for another caller's."""

    repeatable = False

    def __init__(self) -> None:
        self.seen: list[int] = []

    def accept(self, header: rpc.CallHeader, incoming: IncomingCall) -> Caller:
        self.seen.append(header.xid)
        return Caller(Credentials.sys(len(self.seen), 1))


def test_a_flavor_that_is_not_repeatable_sees_every_call() -> None:
    counting = Counting()
    service = RpcService([RpcProgram(200, {3: {2: who}})], {numbers.AUTH_NONE: counting})
    for expected in (1, 2, 3):
        incoming = Incoming(call_message(2))
        service(incoming)
        assert incoming.answer().uint32() == expected
    assert counting.seen == [7, 7, 7]


def test_callers_without_end_are_forgotten_again() -> None:
    for uid in range(1000):
        cred = Credentials.sys(uid, 1).to_auth()
        assert serve(call_message(2, cred=cred)).answer().uint32() == uid
    assert len(SERVICE._known) <= 256


def test_no_such_program_version_procedure() -> None:
    with pytest.raises(rpc.ProgramUnavailable):
        serve(call_message(0, prog=201)).answer()
    with pytest.raises(rpc.ProgramMismatch) as caught:
        serve(call_message(0, vers=4)).answer()
    assert (caught.value.low, caught.value.high) == (3, 5)
    with pytest.raises(rpc.ProcedureUnavailable):
        serve(call_message(99)).answer()


def test_garbage_arguments() -> None:
    with pytest.raises(rpc.GarbageArguments):
        serve(call_message(1, b"\0\0")).answer()


def test_an_rpc_error_of_a_procedure_is_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(rpc.AuthError) as caught:
        serve(call_message(4)).answer()
    assert caught.value.stat == numbers.AUTH_TOOWEAK
    assert caplog.text == ""


def test_a_bug_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(rpc.RemoteFailure):
        serve(call_message(3)).answer()
    assert "a bug" in caplog.text


def test_a_bug_after_the_answer_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        serve(call_message(5)).answer().done()
    assert "a late bug" in caplog.text


def test_unknown_flavor_bad_credential_and_wrong_version() -> None:
    for cred in (rpc.OpaqueAuth(99, b""), rpc.OpaqueAuth(numbers.AUTH_SYS, b"junk")):
        with pytest.raises(rpc.AuthError) as caught:
            serve(call_message(0, cred=cred)).answer()
        assert caught.value.stat == numbers.AUTH_BADCRED
    raw = bytearray(call_message(0))
    raw[11] = 3
    with pytest.raises(rpc.RpcVersionMismatch):
        serve(bytes(raw)).answer()


def test_a_header_cut_short_gets_no_answer() -> None:
    assert serve(call_message(0)[:30]).ends == ["drop"]


def test_a_broken_flavor_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Counting):
        def accept(self, header: rpc.CallHeader, incoming: IncomingCall) -> Caller:
            raise KeyError("no such table")

    incoming = Incoming(call_message(0))
    with caplog.at_level(logging.ERROR):
        RpcService([], {numbers.AUTH_NONE: Broken()})(incoming)
    with pytest.raises(rpc.RemoteFailure):
        incoming.answer()
    assert "no such table" in caplog.text


def test_a_coroutine_answers_later() -> None:
    incoming = serve(call_message(6))
    assert incoming.ends == []
    gate.set_result(5)
    assert incoming.answer().uint32() == 5


def test_a_coroutine_that_never_answers(caplog: pytest.LogCaptureFixture) -> None:
    incoming = serve(call_message(7))
    with caplog.at_level(logging.ERROR):
        gate.set_result(5)
    with pytest.raises(rpc.RemoteFailure):
        incoming.answer()
    assert "without an answer" in caplog.text


def test_a_coroutine_that_fails() -> None:
    incoming = serve(call_message(8))
    gate.set_result(5)
    with pytest.raises(rpc.GarbageArguments):
        incoming.answer()


def test_refuse_and_drop() -> None:
    assert serve(call_message(9)).ends == ["refuse"]
    assert serve(call_message(10)).ends == ["drop"]


def test_on_sent_is_passed_on() -> None:
    sent: list[int] = []

    def procedure(call: Call) -> None:
        call.reply(call.start_reply(), lambda: sent.append(1))

    RpcService([RpcProgram(200, {3: {0: procedure}})])(Incoming(call_message(0)))
    assert sent == [1]
