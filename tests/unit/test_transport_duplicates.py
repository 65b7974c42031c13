"""The reply cache: a call repeated on another connection is answered, not executed again."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.transport import (
    PORT,
    Item,
    Pair,
    Recorder,
    call_message,
    decode_call,
    decode_reply,
    reply_message,
    reply_size,
)

from nfsrdma.rpcrdma.rpc.channel import IncomingCall, Peer
from nfsrdma.rpcrdma.task import Future
from nfsrdma.rpcrdma.transport import DuplicateFilter, ReplyCache, connect_rdma
from nfsrdma.rpcrdma.transport.duplicates import CachedReply, call_key
from nfsrdma.xdr import Decoder, Encoder

BIG = bytes(range(256)) * 40


class Counter:
    """Executes calls, and counts how often."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.executed = 0

    def __call__(self, call: IncomingCall) -> None:
        xid, _ = decode_call(call.decoder)
        self.executed += 1
        call.reply(reply_message(xid, self.items))


def again(pair: Pair, xid: int, max_reply: int, sinks: Sequence[memoryview] = ()) -> list[Item]:
    """The same call on a new connection, as after the loss of the first."""
    return decode_reply(repeat(pair, xid, max_reply, sinks).result())[1]


def repeat(
    pair: Pair, xid: int, max_reply: int, sinks: Sequence[memoryview] = ()
) -> Future[Decoder]:
    pair.client.close()
    future = connect_rdma(pair.client_device, pair.reactor, "server", PORT)
    pair.reactor.run()
    pair.client = future.result()
    reply = pair.client.call(call_message(xid), max_reply=max_reply, sinks=sinks)
    pair.reactor.run()
    return reply


def test_reply_is_marshalled_anew_for_what_is_offered_now() -> None:
    """Once through a sink, once through a Reply chunk, once refused as too long."""
    items = [(True, BIG), (False, b"x"), (True, b"")]
    service = Counter(items)
    cache = ReplyCache()
    pair = Pair(DuplicateFilter(service, cache))
    assert pair.call(1, [], 300, [memoryview(bytearray(len(BIG)))]) == items
    assert again(pair, 1, 300, [memoryview(bytearray(len(BIG)))]) == items
    assert again(pair, 1, reply_size(items) + len(BIG)) == items
    assert pair.client.stats.nomsg_replies == 1
    assert repeat(pair, 1, 300).error() is not None
    assert service.executed == 1
    assert cache.replayed == 3
    assert again(pair, 2, reply_size(items) + len(BIG)) == items
    assert service.executed == 2
    assert len(cache) == 2


def test_other_arguments_make_another_call() -> None:
    service = Counter([])
    pair = Pair(DuplicateFilter(service, ReplyCache()))
    pair.call(1, [(False, b"one")])
    pair.call(1, [(False, b"two")])
    assert service.executed == 2


def test_key_has_no_port_and_covers_what_is_inline() -> None:
    dec = Decoder(call_message(1, [(False, b"x")]).to_bytes())
    key = call_key("host", dec)
    assert key is not None
    assert key[:5] == ("host", 1, 200000, 1, 7)
    assert dec.offset == 0
    assert call_key("host", Decoder(b"short")) is None
    assert call_key("other", dec) != key


def test_call_repeated_while_in_progress_is_answered_with_the_first() -> None:
    recorder = Recorder()
    cache = ReplyCache()
    pair = Pair(DuplicateFilter(recorder, cache))
    lost = pair.client.call(call_message(1), max_reply=100)
    pair.reactor.run()
    second = repeat(pair, 1, 100)
    third = repeat(pair, 1, 100)
    assert lost.error() is not None
    assert not third.done()
    (call,) = recorder.calls
    call.reply(reply_message(1, [(False, b"once")]))
    pair.reactor.run()
    assert decode_reply(third.result())[1] == [(False, b"once")]
    assert second.error() is not None  # its connection went away, too
    assert cache.joined == 2


def test_refused_and_dropped_calls_are_forgotten() -> None:
    recorder = Recorder()
    cache = ReplyCache()
    pair = Pair(DuplicateFilter(recorder, cache))
    for answer in ("refuse", "drop"):
        pair.client.call(call_message(1), max_reply=100)
        pair.reactor.run()
        repeated = repeat(pair, 1, 100)
        first = recorder.calls.pop()
        assert first.channel is not None
        assert first.reply_room
        assert list(first.payload_room) == []
        assert len(cache) == 1
        getattr(first, answer)()
        pair.reactor.run()
        assert repeated.done() == (answer == "refuse")
        assert len(cache) == 0
        assert cache.octets == 0
        pair.client.close()
        repeat(pair, 2, 100)
        recorder.calls.pop().drop()


def test_calls_of_no_interest_pass() -> None:
    service = Counter([])
    cache = ReplyCache()
    pair = Pair(DuplicateFilter(service, cache, lambda program, version, procedure: False))
    pair.call(1)
    pair.call(1)
    assert service.executed == 2
    assert len(cache) == 0


class FakeCall:
    """An incoming call without a transport."""

    peer = Peer("tcp", "client", 700)
    max_message = 1 << 20

    def __init__(self, xid: int) -> None:
        self.decoder = Decoder(call_message(xid).to_bytes())
        self.replies: list[bytes] = []
        self.channel = self

    def reply(self, message: Encoder, on_sent: object = None) -> None:
        self.replies.append(message.to_bytes())


def test_cache_is_bounded() -> None:
    cache = ReplyCache(max_entries=8, max_octets=20000)
    service = Counter([(False, bytes(1000))])
    served = DuplicateFilter(service, cache)  # type: ignore[arg-type]
    for xid in range(50):
        served(FakeCall(xid))  # type: ignore[arg-type]
        assert len(cache) <= 8
        assert cache.octets <= 20000
    repeated = FakeCall(49)
    served(repeated)  # type: ignore[arg-type]
    assert service.executed == 50
    assert decode_reply(Decoder(repeated.replies[0])) == (49, service.items)
    service.items = [(True, bytes(30000))]  # more than may be kept at all
    served(FakeCall(60))  # type: ignore[arg-type]
    assert cache.octets == 0


def test_calls_in_progress_are_not_forgotten() -> None:
    recorder = Recorder()
    cache = ReplyCache(max_entries=2)
    served = DuplicateFilter(recorder, cache)
    for xid in range(4):
        served(FakeCall(xid))  # type: ignore[arg-type]
    assert len(cache) == 4
    for call in recorder.calls:
        call.reply(reply_message(1))
        call.reply(reply_message(1))  # a second answer changes nothing
    assert len(cache) == 2


def test_kept_reply_is_independent_of_the_memory_it_came_from() -> None:
    data = bytearray(b"abcde")
    message = Encoder()
    message.uint32(1)
    message.payload(data)
    message.payload(b"")
    message.uint32(2)
    expected = message.to_bytes()
    kept = CachedReply(message)
    data[:] = b"-----"
    message.buffer[0] = 0xFF
    assert kept.message().to_bytes() == expected
    assert [p.position for p in kept.message().payloads] == [p.position for p in message.payloads]
    assert kept.size == 4 + 4 + 4 + 4 + 5
