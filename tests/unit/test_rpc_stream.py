"""The stream machine: calls both ways, limits, and how it ends."""

from __future__ import annotations

import logging

import pytest

from nfsrdma.rpcrdma.rpc import message as rpc
from nfsrdma.rpcrdma.rpc.channel import CallRefused, IncomingCall, Peer, TransportError
from nfsrdma.rpcrdma.rpc.record import frame
from nfsrdma.rpcrdma.rpc.stream import DEFAULT_LIMITS, StreamChannel, StreamLimits
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder

PEER = Peer("tcp", "nowhere", 1)


def call_message(xid: int, size: int = 0) -> Encoder:
    enc = Encoder()
    rpc.encode_call(enc, xid, 200, 1, 1, rpc.NO_AUTH)
    enc.payload(bytes([xid & 255]) * size)
    return enc


def reply_message(xid: int, size: int = 0) -> Encoder:
    enc = Encoder()
    rpc.encode_accepted(enc, xid)
    enc.payload(bytes([xid & 255]) * size)
    return enc


def wire(message: Encoder) -> bytes:
    return b"".join(frame(message))


def xid_of(call: IncomingCall) -> int:
    return rpc.decode_call(Decoder(call.decoder._view)).xid


class Service:
    """Keeps the calls, or echoes them at once."""

    def __init__(self, echo: bool = False) -> None:
        self.calls: list[IncomingCall] = []
        self.echo = echo

    def __call__(self, call: IncomingCall) -> None:
        if self.echo:
            answer(call)
        else:
            self.calls.append(call)


def answer(call: IncomingCall) -> None:
    header = rpc.decode_call(call.decoder)
    data = call.decoder.payload()
    enc = Encoder()
    rpc.encode_accepted(enc, header.xid)
    enc.payload(data)
    call.reply(enc)


class Pipe:
    """Two channels, and what carries octets between them when told."""

    def __init__(self, left: StreamChannel, right: StreamChannel, step: int = 1 << 20) -> None:
        self.left = left
        self.right = right
        self.step = step

    def move(self, source: StreamChannel, target: StreamChannel) -> int:
        if source.closed or target.closed or not target.wants_input:
            return 0
        data = b"".join(source.poll_transmit())[: self.step]
        if not data:
            return 0
        source.transmitted(len(data))
        place = target.target()
        if place is None:
            target.handle_data(data)
            return len(data)
        size = min(len(place), len(data))
        place[:size] = data[:size]
        target.handle_filled(size)
        if data[size:] and not target.closed:
            target.handle_data(data[size:])
        return len(data)

    def run(self) -> None:
        while self.move(self.left, self.right) + self.move(self.right, self.left):
            pass


def pair(
    left: Service | None = None,
    right: Service | None = None,
    limits: StreamLimits = DEFAULT_LIMITS,
    step: int = 1 << 20,
) -> Pipe:
    return Pipe(StreamChannel(PEER, left, limits), StreamChannel(PEER, right, limits), step)


def lone(
    service: Service | None = None, limits: StreamLimits = DEFAULT_LIMITS
) -> tuple[StreamChannel, list[str]]:
    channel = StreamChannel(PEER, service, limits)
    events: list[str] = []
    channel.on_ready = lambda: events.append("ready")
    channel.on_shut = lambda: events.append("shut")
    return channel, events


def sent(channel: StreamChannel) -> bytes:
    data = b""
    while parts := channel.poll_transmit():
        data += b"".join(parts)
        channel.transmitted(sum(map(len, parts)))
    return data


def payload_of(reply: Future[Decoder]) -> bytes:
    dec = reply.result()
    rpc.decode_reply(dec)
    return bytes(dec.payload())


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_both_directions_at_once(step: int) -> None:
    pipe = pair(Service(echo=True), Service(echo=True), step=step)
    # The same XIDs both ways: each direction has a space of its own.
    over = [pipe.left.call(call_message(xid, xid), max_reply=100) for xid in (5, 6, 7)]
    back = [pipe.right.call(call_message(xid, xid + 1), max_reply=100) for xid in (5, 6, 7)]
    pipe.run()
    assert [payload_of(reply) for reply in over] == [bytes([x]) * x for x in (5, 6, 7)]
    assert [payload_of(reply) for reply in back] == [bytes([x]) * (x + 1) for x in (5, 6, 7)]


def test_a_large_message_through_small_steps() -> None:
    pipe = pair(right=Service(echo=True), step=50_000)
    reply = pipe.left.call(call_message(1, 1_000_001), max_reply=100)
    pipe.run()
    assert payload_of(reply) == b"\1" * 1_000_001


def test_replies_in_any_order() -> None:
    service = Service()
    pipe = pair(right=service)
    replies = [pipe.left.call(call_message(xid), max_reply=100) for xid in (1, 2, 3)]
    pipe.run()
    for call in reversed(service.calls):
        answer(call)
    pipe.run()
    assert [rpc.decode_reply(reply.result())[0] for reply in replies] == [1, 2, 3]


def test_calls_that_are_held_go_together() -> None:
    channel = StreamChannel(PEER)
    ready: list[int] = []
    channel.on_ready = lambda: ready.append(1)
    channel.hold()
    for xid in range(3):
        channel.call(call_message(xid), max_reply=100)
    assert not ready
    channel.let_go()
    assert len(ready) == 1
    assert sent(channel) == b"".join(wire(call_message(xid)) for xid in range(3))
    channel.let_go()
    assert len(ready) == 1, "there is nothing more"
    channel.hold()
    channel.call(call_message(3, 300 << 10), max_reply=100)
    assert len(ready) == 2, "what is long does not wait"
    channel.handle_lost("gone")
    channel.let_go()
    assert len(ready) == 2


def test_a_call_without_a_service_is_told_so() -> None:
    pipe = pair()
    reply = pipe.left.call(call_message(1), max_reply=100)
    pipe.run()
    with pytest.raises(rpc.ProgramUnavailable):
        rpc.decode_reply(reply.result())


def test_refuse_and_drop_and_what_a_call_offers() -> None:
    service = Service()
    pipe = pair(right=service)
    first = pipe.left.call(call_message(1), max_reply=100)
    second = pipe.left.call(call_message(2), max_reply=100)
    pipe.run()
    assert service.calls[0].reply_room == DEFAULT_LIMITS.max_record
    assert service.calls[0].payload_room == ()
    assert service.calls[0].channel is pipe.right
    service.calls[0].refuse()
    service.calls[1].drop()
    pipe.run()
    with pytest.raises(rpc.RemoteFailure):
        rpc.decode_reply(first.result())
    assert not second.done()


def test_a_call_is_answered_once() -> None:
    service = Service()
    pipe = pair(right=service)
    pipe.left.call(call_message(1), max_reply=100)
    pipe.run()
    service.calls[0].drop()
    with pytest.raises(AssertionError):
        service.calls[0].drop()


def test_a_reply_too_long_becomes_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    limits = StreamLimits(max_record=1000)
    service = Service()
    pipe = pair(right=service, limits=limits)
    reply = pipe.left.call(call_message(1), max_reply=100)
    pipe.run()
    done: list[int] = []
    service.calls[0].reply(reply_message(1, 1000), lambda: done.append(1))
    assert done == [1]
    pipe.run()
    with pytest.raises(rpc.RemoteFailure):
        rpc.decode_reply(reply.result())
    assert "octets" in caplog.text


def test_a_call_too_long_is_refused() -> None:
    channel, _ = lone(limits=StreamLimits(max_record=1000))
    assert channel.max_message == 1000
    assert isinstance(channel.call(call_message(1, 1000), max_reply=9).error(), CallRefused)
    assert sent(channel) == b""


def test_an_xid_in_use_is_our_mistake() -> None:
    channel, _ = lone()
    channel.call(call_message(1), max_reply=9)
    with pytest.raises(ValueError, match="0x00000001"):
        channel.call(call_message(1), max_reply=9)


def test_a_failing_service_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    def fail(call: IncomingCall) -> None:
        raise KeyError("a bug")

    def fail_late(call: IncomingCall) -> None:
        call.drop()
        raise KeyError("a late bug")

    channel = StreamChannel(PEER, fail)
    with caplog.at_level(logging.ERROR):
        channel.handle_data(wire(call_message(1)))
    assert "a bug" in caplog.text
    assert sent(channel)[4:] == bytes.fromhex(
        "00000001 00000001 00000000 00000000 00000000 00000005"
    )
    channel = StreamChannel(PEER, fail_late)
    channel.handle_data(wire(call_message(1)))
    assert "a late bug" in caplog.text
    assert sent(channel) == b""


def test_a_stray_reply_is_counted() -> None:
    channel, _ = lone()
    reply = channel.call(call_message(1), max_reply=9)
    channel.handle_data(wire(reply_message(2)) + wire(reply_message(1)) + wire(reply_message(1)))
    assert reply.done()
    assert channel.stray_replies == 2
    assert channel.records_received == 3
    assert not channel.closed


def test_answers_to_a_batch_go_out_together() -> None:
    channel, events = lone(Service(echo=True))
    channel.handle_data(b"".join(wire(call_message(xid)) for xid in range(10)))
    assert events == ["ready"]
    assert len(channel.poll_transmit()) == 10


def test_but_large_answers_do_not_wait() -> None:
    channel, events = lone(Service(echo=True))
    channel.handle_data(b"".join(wire(call_message(xid, 100_000)) for xid in range(4)))
    assert len(events) > 2


def test_on_sent_comes_when_the_last_octet_went() -> None:
    service = Service()
    channel, _ = lone(service)
    channel.handle_data(wire(call_message(1)) + wire(call_message(2)))
    done: list[int] = []
    service.calls[0].reply(reply_message(1, 100_000), lambda: done.append(1))
    service.calls[1].reply(reply_message(2), lambda: done.append(2))
    parts = channel.poll_transmit()
    total = sum(map(len, parts))
    channel.transmitted(100)
    assert b"".join(channel.poll_transmit()) == b"".join(parts)[100:]
    channel.transmitted(total - 100 - len(wire(reply_message(2))) - 1)
    assert done == []
    channel.transmitted(1)
    assert done == [1]
    channel.transmitted(len(wire(reply_message(2))))
    assert done == [1, 2]
    assert channel.poll_transmit() == []


def test_on_sent_may_send(caplog: pytest.LogCaptureFixture) -> None:
    service = Service()
    channel, _ = lone(service)
    channel.handle_data(wire(call_message(1)) + wire(call_message(2)))
    service.calls[0].reply(reply_message(1), lambda: service.calls[1].reply(reply_message(2)))
    assert sent(channel) == wire(reply_message(1)) + wire(reply_message(2))
    channel.handle_data(wire(call_message(3)))
    service.calls[2].reply(reply_message(3), lambda: 1 // 0)
    sent(channel)
    assert "ZeroDivisionError" in caplog.text


def test_calls_beyond_the_limit_wait() -> None:
    service = Service()
    channel, events = lone(service, StreamLimits(max_incoming=2))
    channel.handle_data(b"".join(wire(call_message(xid)) for xid in range(5)))
    assert [xid_of(call) for call in service.calls] == [0, 1]
    assert not channel.wants_input
    service.calls[0].drop()
    assert [xid_of(call) for call in service.calls] == [0, 1, 2]
    service.calls[1].drop()
    service.calls[2].drop()
    assert len(service.calls) == 5
    assert channel.wants_input
    assert events[-1] == "ready"


def test_calls_wait_while_the_peer_does_not_take_its_replies() -> None:
    service = Service(echo=True)
    channel, _ = lone(service, StreamLimits(max_unsent=100_000))
    calls = b"".join(wire(call_message(xid, 30_000)) for xid in range(6))
    channel.handle_data(calls)
    assert not channel.wants_input
    total = 0
    while parts := channel.poll_transmit():
        total += sum(map(len, parts))
        channel.transmitted(sum(map(len, parts)))
    assert channel.wants_input
    assert total > 180_000


def test_replies_are_not_held_back_by_calls_that_wait() -> None:
    """A service may need a reply to finish what keeps the calls waiting."""
    service = Service()
    channel, _ = lone(service, StreamLimits(max_incoming=1))
    ours = channel.call(call_message(77), max_reply=9)
    channel.handle_data(wire(call_message(1)) + wire(call_message(2)) + wire(reply_message(77)))
    assert ours.done()


def test_a_call_dropped_by_a_reply_makes_room_for_one_of_the_same_portion() -> None:
    service = Service()
    channel, _ = lone(service, StreamLimits(max_incoming=1))
    channel.handle_data(wire(call_message(1)))
    ours = channel.call(call_message(77), max_reply=9)
    ours.add_done_callback(lambda _: service.calls[0].drop())
    channel.handle_data(wire(call_message(2)) + wire(reply_message(77)))
    assert [xid_of(call) for call in service.calls] == [1, 2]
    assert channel.wants_input


def test_our_own_unsent_calls_do_not_stop_us_from_reading() -> None:
    channel, _ = lone(limits=StreamLimits(max_unsent=1000))
    for xid in range(10):
        channel.call(call_message(xid, 1000), max_reply=9)
    assert channel.wants_input


def test_losing_the_stream_ends_everything() -> None:
    service = Service()
    channel, events = lone(service)
    reasons: list[str] = []
    channel.on_close(reasons.append)
    channel.handle_data(wire(call_message(1)) + wire(call_message(2)))
    replies = [channel.call(call_message(xid), max_reply=9) for xid in (1, 2)]
    done: list[int] = []
    service.calls[0].reply(reply_message(1), lambda: done.append(1))
    channel.handle_lost("the cable is cut")
    channel.handle_lost("again")
    assert reasons == ["the cable is cut"]
    assert events[-1] == "shut"
    assert events.count("shut") == 1
    assert done == [1]
    for reply in replies:
        assert isinstance(reply.error(), TransportError)
        assert str(reply.error()) == "the cable is cut"
    # What comes afterwards does no harm.
    service.calls[1].reply(reply_message(2), lambda: done.append(2))
    assert done == [1, 2]
    assert isinstance(channel.call(call_message(9), max_reply=9).error(), TransportError)
    channel.handle_data(wire(call_message(3)))
    channel.handle_filled(0)
    channel.on_close(reasons.append)
    assert reasons == ["the cable is cut"] * 2
    assert channel.poll_transmit() == []
    assert "the cable is cut" in repr(channel)


def test_close_and_callbacks_that_fail(caplog: pytest.LogCaptureFixture) -> None:
    channel, _ = lone()
    reasons: list[str] = []
    channel.on_close(lambda _: 1 // 0)
    channel.on_close(reasons.append)
    assert "open" in repr(channel)
    channel.close()
    assert reasons == ["closed on this side"]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "stream",
    [
        bytes.fromhex("80000000"),  # an empty record
        bytes.fromhex("80000004 00000001"),
        bytes.fromhex("80000008 00000001 00000002"),  # neither call nor reply
        bytes.fromhex("ffffffff"),  # too long
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_rpc_ends_the_stream(stream: bytes) -> None:
    service = Service()
    channel, events = lone(service)
    channel.handle_data(stream + wire(call_message(1)))
    assert channel.closed
    assert events == ["shut"]
    assert service.calls == []


def test_a_service_that_closes_ends_the_batch() -> None:
    seen: list[IncomingCall] = []

    def service(call: IncomingCall) -> None:
        seen.append(call)
        call.channel.close()
        call.drop()

    channel = StreamChannel(PEER, service)
    channel.handle_data(wire(call_message(1)) * 3)
    assert len(seen) == 1


def test_a_reply_whose_taker_closes_ends_the_batch() -> None:
    channel, _ = lone()
    first = channel.call(call_message(1), max_reply=9)
    second = channel.call(call_message(2), max_reply=9)
    first.add_done_callback(lambda _: channel.close())
    channel.handle_data(wire(reply_message(1)) + wire(reply_message(2)))
    assert isinstance(second.error(), TransportError)


def test_a_reply_may_lead_to_the_next_call() -> None:
    pipe = pair(right=Service(echo=True))
    finished: list[int] = []

    def go(xid: int) -> None:
        reply = pipe.left.call(call_message(xid), max_reply=9)
        reply.add_done_callback(lambda _: go(xid + 1) if xid < 50 else finished.append(xid))

    go(1)
    pipe.run()
    assert finished == [50]


def test_a_long_message_goes_out_in_slices() -> None:
    service = Service()
    channel, _ = lone(service)
    channel.handle_data(wire(call_message(1)) + wire(call_message(2)))
    service.calls[0].reply(reply_message(1, 700_000))
    service.calls[1].reply(reply_message(2))
    sent: list[bytes] = []
    while parts := channel.poll_transmit():
        sent.append(b"".join(parts))
        channel.transmitted(len(sent[-1]))
    assert [len(part) for part in sent[:-1]] == [256 << 10] * 2
    assert b"".join(sent) == wire(reply_message(1, 700_000)) + wire(reply_message(2))
