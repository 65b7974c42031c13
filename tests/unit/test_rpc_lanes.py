"""Lanes, as the transports and the RPC service use them: everything is counted as without."""

from __future__ import annotations

import struct
from random import Random
from typing import Any

import pytest
from tests.support.nfs import Peer, make_server
from tests.support.transport import Pair, call_message, decode_reply, echo

from nfsrdma.rpcrdma.rpc import program
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.buffers import BufferPool
from nfsrdma.rpcrdma.rpc.channel import Channel, IncomingCall, Place, Take
from nfsrdma.rpcrdma.rpc.channel import Peer as Address
from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.rpcrdma.rpc.program import RpcProgram, RpcService, null_lane, null_procedure
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.transport import TransportOptions
from nfsrdma.xdr import Encoder

REPLY = struct.Struct(">6I")


class Echo:
    """Echoes, by a lane unless that declines, which it does now and then, or fails."""

    def __init__(self, declines: bool = False) -> None:
        self.declines = declines
        self.by_lane = 0
        self.by_service = 0

    def __call__(self, call: IncomingCall) -> None:
        self.by_service += 1
        echo(call)

    def lane(
        self,
        channel: Channel,
        message: memoryview,
        room: int,
        take: Take,
        place: Place | None = None,
        data: memoryview | None = None,
    ) -> int:
        if place is not None:
            return 0
        # A call of this test and its reply differ in their heads only, of 40 and 24 octets.
        octets = len(message) - 16
        if octets > room:
            return 0
        reply = take(octets)
        if self.declines:
            reply[:] = b"\xff" * octets  # what was taken is nobody's then
            return 0
        REPLY.pack_into(reply, 0, int.from_bytes(message[:4], "big"), 1, 0, 0, 0, 0)
        reply[24:] = message[40:]
        self.by_lane += 1
        return octets


@pytest.mark.parametrize("declines", [False, True])
def test_credits_receives_and_counters_are_those_of_the_other_way(declines: bool) -> None:
    service = Echo(declines)
    options = TransportOptions(credits=4)
    pairs = [
        Pair(service, client=options, server=options),
        Pair(echo, client=options, server=options),
    ]
    items = [(False, b"some octets"), (False, bytes(333))]
    for pair in pairs:
        futures = [pair.client.call(call_message(xid, items), max_reply=512) for xid in range(40)]
        pair.reactor.run()
        assert [decode_reply(future.result()) for future in futures] == [
            (xid, items) for xid in range(40)
        ]
        pair.assert_at_rest()
    ours, theirs = ((pair.client.stats, pair.server.stats) for pair in pairs)
    assert [vars_of(stats) for stats in ours] == [vars_of(stats) for stats in theirs]
    assert (service.by_lane, service.by_service) == ((0, 40) if declines else (40, 0))


def vars_of(stats: object) -> dict[str, object]:
    return {name: getattr(stats, name) for name in type(stats).__slots__}  # type: ignore[attr-defined]


def test_what_does_not_fit_inline_goes_the_other_way() -> None:
    service = Echo()
    pair = Pair(service)
    items = [(False, bytes(9000))]
    assert pair.call(1, items, max_reply=9500) == items
    assert (service.by_lane, service.by_service) == (0, 1)
    pair.assert_at_rest()


class Placing:
    """Answers every call with the same data, which a lane places."""

    DATA = bytes(range(256)) * 40

    def __init__(self, declines: bool) -> None:
        self.declines = declines
        self.by_lane = 0

    def answer(self, xid: int) -> Encoder:
        """A reply that ends with the data."""
        enc = Encoder()
        enc.buffer += REPLY.pack(xid, 1, 0, 0, 0, 0)
        enc.payload(self.DATA)
        return enc

    def __call__(self, call: IncomingCall) -> None:
        call.reply(self.answer(call.decoder.uint32()))

    def lane(
        self,
        channel: Channel,
        message: memoryview,
        room: int,
        take: Take,
        place: Place | None = None,
        data: memoryview | None = None,
    ) -> int:
        if place is None:
            return 0
        head = self.answer(int.from_bytes(message[:4], "big")).buffer
        reply, data = take(len(head)), place(len(self.DATA))
        if data is None or self.declines:
            return 0
        reply[:] = head
        data[:] = self.DATA
        self.by_lane += 1
        return len(head)


@pytest.mark.parametrize("declines", [False, True])
def test_data_is_placed_as_by_the_other_way(declines: bool) -> None:
    services = [Placing(declines), Placing(True)]
    pairs = [Pair(service) for service in services]
    for pair in pairs:
        for xid in range(6):
            sink = memoryview(bytearray(len(Placing.DATA) * (1 if xid < 5 else 3)))
            future = pair.client.call(call_message(xid), max_reply=512, sinks=[sink])
            pair.reactor.run()
            reply = future.result()
            reply.offset += REPLY.size
            assert reply.payload() == Placing.DATA == sink[: len(Placing.DATA)]
        pair.assert_at_rest()
    for side in ("client", "server"):
        ours, theirs = (vars_of(getattr(pair, side).stats) for pair in pairs)
        assert ours == theirs
    assert services[0].by_lane == (0 if declines else 6)


def null_call(xid: int, **how: int) -> bytes:
    enc = Encoder()
    words = {"prog": 200, "vers": 3, "proc": 0, **how}
    encode_call(
        enc, xid, words["prog"], words["vers"], words["proc"], Credentials.sys(5, 5).to_auth()
    )
    return enc.to_bytes()


def stream(lanes: bool) -> tuple[StreamChannel, list[bytes]]:
    ways = {(3, 0): null_lane} if lanes else {}
    service = RpcService([RpcProgram(200, {3: {0: null_procedure}}, ways)])
    assert (service.lane is not None) is lanes
    sent: list[bytes] = []
    channel = StreamChannel(Address("tcp", "10.0.0.1", 1), service)

    def ready() -> None:
        while parts := channel.poll_transmit():
            sent.extend(map(bytes, parts))
            channel.transmitted(sum(map(len, parts)))

    channel.on_ready = ready
    return channel, sent


def record(message: bytes) -> bytes:
    return struct.pack(">I", 1 << 31 | len(message)) + message


def test_a_stream_answers_alike() -> None:
    ends = [stream(True), stream(False)]
    calls = [null_call(1), null_call(2), null_call(3) + b"more", null_call(4, proc=1)]
    calls += [null_call(5, vers=2), null_call(6, prog=1), null_call(7)[:-4], null_call(8)]
    for call in [*calls, b"".join(record(null_call(xid)) for xid in range(9, 50))]:
        for channel, _ in ends:
            channel.handle_data(record(call) if call in calls else call)
            assert not channel.owes
    assert b"".join(ends[0][1]) == b"".join(ends[1][1])
    assert ends[0][0].octets_taken > 40 * 24


@pytest.mark.parametrize("most", [0, 1, 3, 27, 28, 1 << 20])
def test_an_answer_without_a_queue_is_the_same(most: int) -> None:
    ends = [stream(True), stream(False)]
    calls = [null_call(1), null_call(3) + b"more", null_call(4, proc=1), null_call(7)[:-4]]
    calls += [null_call(xid) for xid in range(8, 12)]
    (prompt, sent), (ordinary, queued) = ends
    straight = 0
    for call in calls:
        answer = prompt.answer(record(call))
        assert answer is not None
        if answer:
            straight += 1
            part = bytes(answer[:most])
            if part:
                sent.append(part)
            prompt.answered(answer, len(part))
        ordinary.handle_data(record(call))
        assert b"".join(sent) == b"".join(queued)
        for what in ("octets_taken", "records_received", "owes", "_unsent", "_unsent_replies"):
            assert getattr(prompt, what) == getattr(ordinary, what), what
    assert straight == 4


def test_what_is_no_call_alone_is_not_answered_without_a_queue() -> None:
    channel, sent = stream(True)
    channel.handle_data(record(null_call(1)))
    done = len(sent)
    whole = record(null_call(2))
    reply = record(struct.pack(">6I", 9, 1, 0, 0, 0, 0))
    for data in (b"", whole[:3], whole[:11], whole[:-4], whole + b"\0", whole * 2, reply):
        assert channel.answer(data) is None
    assert channel.answer(struct.pack(">I", len(whole) - 4) + whole[4:]) is None
    channel.handle_data(whole[:-4])
    assert channel.answer(whole) is None  # it is the middle of a record
    channel.handle_data(whole[-4:])
    channel.hold()
    assert channel.answer(whole) is None
    channel.let_go()
    assert len(sent) == done + 1
    assert stream(False)[0].answer(whole) is None
    channel.close()
    assert channel.answer(whole) is None


def test_what_a_lane_sends_goes_before_its_answer() -> None:
    service = RpcService([RpcProgram(200, {3: {0: null_procedure}}, {(3, 0): null_lane})])
    channel = StreamChannel(Address("tcp", "10.0.0.1", 1), service)
    channel.handle_data(record(null_call(1)))
    drain(channel)
    lane = channel._lane
    assert lane is not None

    def with_a_call(*given: Any) -> int:
        enc = Encoder()
        enc.buffer += null_call(77)
        channel.call(enc, max_reply=100)
        return lane(*given)

    channel._lane = with_a_call  # type: ignore[assignment]
    assert channel.answer(record(null_call(2))) == b""
    assert drain(channel) == record(null_call(77)) + record(REPLY.pack(2, 1, 0, 0, 0, 0))


def test_an_answer_of_a_stream_that_its_lane_has_ended_is_dropped() -> None:
    channel, service, buffers = large_stream()
    lane = channel._lane
    assert lane is not None

    def ends(*given: Any) -> int:
        octets = lane(*given)
        channel.close()
        return octets

    channel._lane = ends  # type: ignore[assignment]
    assert channel.answer(record(call_message(1, [(True, bytes(300_000))]).to_bytes())) == b""
    assert (service.by_lane, buffers.lent) == (1, 0)


def test_memory_of_an_answer_without_a_queue_is_given_back() -> None:
    call = record(call_message(1, [(True, bytes(300_000))]).to_bytes())
    for sent in (0, 1000, 1 << 30):
        channel, _, buffers = large_stream()
        answer = channel.answer(call)
        assert answer is not None
        assert buffers.lent
        channel.answered(answer, min(sent, len(answer)))
        drain(channel)
        assert not buffers.lent
    channel, service, buffers = large_stream(declines=True)
    assert channel.answer(call) == b""
    assert (service.by_lane, service.by_service, buffers.lent) == (0, 1, 0)


def test_a_lane_that_fails_is_no_worse_than_none(caplog: pytest.LogCaptureFixture) -> None:
    def fails(*_: object) -> int:
        raise RuntimeError("a fault in the lane")

    service = RpcService([RpcProgram(200, {3: {0: null_procedure}}, {(3, 0): fails})])
    sent: list[bytes] = []
    channel = StreamChannel(Address("tcp", "10.0.0.1", 1), service)
    channel.on_ready = lambda: sent.extend(map(bytes, channel.poll_transmit()))
    channel.handle_data(record(null_call(1)))
    channel.handle_data(record(null_call(2)))
    assert "a fault in the lane" in caplog.text
    assert sent[-1][4:] == REPLY.pack(2, 1, 0, 0, 0, 0)


def test_a_caller_that_is_refused_has_no_lane() -> None:
    server = make_server(policy=None)
    stranger = Peer(server, Credentials.sys(77, 77), uid=78)
    assert server.service.lane is not None  # type: ignore[attr-defined]
    for _ in range(3):
        assert stranger.send((53, b"")).denied is not None


def large_stream(declines: bool = False) -> tuple[StreamChannel, Echo, BufferPool]:
    """Return a stream whose lane answers large calls, and where it has its memory from."""
    service, buffers = Echo(declines), BufferPool()
    channel = StreamChannel(Address("tcp", "10.0.0.1", 1), service, buffers=buffers)
    return channel, service, buffers


def drain(channel: StreamChannel, most: int = 1 << 30) -> bytes:
    """Take up to ``most`` octets of what is to be sent."""
    taken = bytearray()
    while len(taken) < most and (parts := channel.poll_transmit()):
        piece = b"".join(parts)[: most - len(taken)]
        taken += piece
        channel.transmitted(len(piece))
    return bytes(taken)


@pytest.mark.parametrize("size", [100, 65_000, (64 << 10) + 4, 300_000, 4 << 20])
def test_a_large_reply_has_memory_that_is_used_again(size: int) -> None:
    channel, service, buffers = large_stream()
    for number in range(1, 4):
        call = call_message(number, [(True, bytes([number]) * size)]).to_bytes()
        channel.handle_data(record(call))
        large = size > 64 << 10
        if large:
            assert size <= buffers.lent < (1 if size == 4 << 20 else 2) * size + 1024
        else:
            assert not buffers.lent
        first = drain(channel, size // 2)
        assert bool(buffers.lent) is large  # as long as octets of it are to be sent
        head = REPLY.pack(number, 1, 0, 0, 0, 0)
        assert first + drain(channel) == record(head + call[40:])
        assert buffers.lent == 0
    assert service.by_lane == 3


def test_memory_for_large_replies_is_given_back_in_any_case() -> None:
    call = record(call_message(1, [(True, bytes(1 << 20))]).to_bytes())
    channel, service, buffers = large_stream(declines=True)
    channel.handle_data(call)
    assert (service.by_lane, service.by_service, buffers.lent) == (0, 1, 0)
    channel, service, buffers = large_stream()
    channel.handle_data(call)
    drain(channel, 1000)
    assert buffers.lent
    channel.handle_lost("the peer is gone")
    assert (service.by_lane, buffers.lent) == (1, 0)


@pytest.mark.skipif(program._lanes is None, reason="not compiled, or NFSRDMA_NATIVE=0")
@pytest.mark.parametrize("seed", range(8))
def test_the_same_comes_of_it_in_python(
    seed: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = []
    for lanes in (program._lanes, None):
        monkeypatch.setattr(program, "_lanes", lanes)
        caplog.clear()
        outcomes.append([*asked_at_random(Random(seed), lanes is None), caplog.messages])
    assert outcomes[0] == outcomes[1]
    assert any(each for each in outcomes[0][:-1])


def asked_at_random(rng: Random, in_python: bool) -> list[object]:
    """Ask a service's lane for calls that are more or less known; return what it answered."""

    def faulty(*args: Any) -> int:
        raise KeyError("of no use")

    null = program.null_lane_in_python if in_python else program.null_lane
    lanes: dict[tuple[int, int], Any] = {(3, 0): null, (3, 1): faulty}
    procedures = dict.fromkeys((0, 1, 2), null_procedure)
    service = RpcService([RpcProgram(200, {3: procedures}, lanes)])
    pair = Pair(service)
    channel: Any = pair.server
    credentials = [Credentials.sys(1, 2), Credentials.sys(0, 0, (1, 2, 3), b"a machine")]
    calls = []
    for xid in range(6):
        encoder = Encoder()
        encode_call(encoder, xid, 200, 3, xid % 3, credentials[xid % 2].to_auth())
        calls.append(bytes(encoder.buffer))
        pair.client.call(encoder, max_reply=64)
    pair.reactor.run()
    assert service.lane is not None
    said: list[object] = []
    for _ in range(1000):
        call = bytearray(rng.choice(calls))
        if rng.random() < 0.2:
            call[rng.randrange(len(call))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.1:
            call = call[: rng.randrange(len(call))] if rng.random() < 0.5 else call + bytes(4)
        memory = memoryview(bytearray(b"." * 24))
        more = (None, rng.choice((None, None, memory)))[: rng.randrange(3)]
        octets = service.lane(
            channel, memoryview(call), rng.choice((23, 24, 4096)), _first(memory), *more
        )
        said.append((octets, bytes(memory)) if octets else 0)
    return said


def _first(memory: memoryview) -> Take:
    return lambda octets: memory[:octets]
