"""Data of a reply received in the caller's own memory: the same octets, however they come."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.rpcrdma.rpc.channel import Peer, TransportError
from nfsrdma.rpcrdma.rpc.message import NO_AUTH, encode_accepted, encode_call
from nfsrdma.rpcrdma.rpc.stream import PLACED, StreamChannel
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder

PEER = Peer("tcp", "nowhere", 1)
SIZE = PLACED


def called(channel: StreamChannel, xid: int, *sinks: bytearray) -> Future[Decoder]:
    call = Encoder()
    encode_call(call, xid, 100003, 4, 1, NO_AUTH)
    return channel.call(call, max_reply=1000, sinks=[memoryview(sink) for sink in sinks])


def reply(xid: int, before: bytes, data: bytes, after: bytes) -> bytes:
    enc = Encoder()
    encode_accepted(enc, xid)
    enc.buffer += before
    enc.opaque(data)
    enc.buffer += after
    return bytes(enc.buffer)


def record(message: bytes) -> bytes:
    return struct.pack(">I", 0x80000000 | len(message)) + message


def bring(channel: StreamChannel, stream: bytes, steps: list[int]) -> None:
    """Do what the edge does, but never take more than the next of ``steps``."""
    position = turn = 0
    while position < len(stream) and not channel.closed:
        step = steps[turn % len(steps)]
        turn += 1
        target = channel.target()
        size = min(step, channel.portion if target is None else len(target))
        portion = stream[position : position + size]
        position += len(portion)
        if target is None:
            channel.handle_data(portion)
        else:
            target[: len(portion)] = portion
            channel.handle_filled(len(portion))


STEPS = st.lists(st.sampled_from([1, 3, 100, 4096, 200_000]), min_size=1, max_size=5).map(
    lambda steps: [*steps, 65536]
)
WORDS = st.lists(st.integers(0, 2**32 - 1), max_size=20).map(
    lambda words: struct.pack(f">{len(words)}I", *words)
)


@settings(max_examples=80, deadline=None)
@given(
    WORDS,
    st.sampled_from([0, 5, SIZE - 4, SIZE - 3, SIZE, SIZE + 1, 3 * SIZE]),
    WORDS,
    st.booleans(),
    STEPS,
)
def test_the_reply_is_what_was_sent(
    before: bytes, size: int, after: bytes, looks_like_it: bool, steps: list[int]
) -> None:
    # Where the sink would begin if the data came last there may be its length by chance.
    octet = struct.pack(">I", SIZE) if looks_like_it else b"abcd"
    data = (octet * (size // 4 + 1))[:size]
    sink = bytearray(SIZE)
    channel = StreamChannel(PEER)
    first, second = called(channel, 7, sink), called(channel, 8)
    stream = record(reply(7, before, data, after)) + record(reply(8, b"", b"later", b""))
    bring(channel, stream, steps)
    dec = first.result()
    assert len(dec.unpack(struct.Struct(f">24s{len(before)}s"))) == 2
    found = dec.payload()
    assert found == data
    assert dec.octets(len(after)) == after
    dec.done()
    assert dec.tell() == 24 + len(before) + 4 + (size + 3 & ~3) + len(after)
    assert second.result().remaining() == 24 + 4 + 8
    assert not channel._sinks
    if size == SIZE and not after and steps[0] >= 4096:
        assert found.obj is sink  # a head that comes in crumbs may bring data along


@pytest.mark.parametrize("ended", [0, 30, 300, SIZE])
def test_a_connection_that_ends_meanwhile_lets_go_of_the_sink(ended: int) -> None:
    sink = bytearray(SIZE)
    channel = StreamChannel(PEER)
    future = called(channel, 7, sink)
    bring(channel, record(reply(7, b"", bytes(SIZE), b""))[:ended], [65536])
    channel.handle_lost("gone")
    with pytest.raises(TransportError):
        future.result()
    sink.append(0)  # nobody holds it any more
    channel.handle_filled(10)
    channel.handle_data(b"abc")


def test_a_reply_that_comes_twice_is_not_placed_twice() -> None:
    sink = bytearray(SIZE)
    channel = StreamChannel(PEER)
    future = called(channel, 7, sink)
    bring(channel, record(reply(7, b"", b"x" * SIZE, b"")), [65536])
    assert future.done()
    sink[:] = bytes(SIZE)
    bring(channel, record(reply(7, b"", b"y" * SIZE, b"")), [65536])
    assert sink == bytes(SIZE)
    assert channel.stray_replies == 1


def test_several_sinks_and_short_ones_are_left_alone() -> None:
    channel = StreamChannel(PEER)
    several = called(channel, 7, bytearray(SIZE), bytearray(SIZE))
    short = called(channel, 8, bytearray(100))
    odd = called(channel, 9, bytearray(SIZE + 1))
    assert channel.portion == 65536
    for xid, size in ((7, SIZE), (8, 100), (9, SIZE + 1)):
        bring(channel, record(reply(xid, b"", b"z" * size, b"")), [65536])
    for future, size in ((several, SIZE), (short, 100), (odd, SIZE + 1)):
        dec = future.result()
        dec.octets(24)
        assert dec.payload() == b"z" * size
