"""The reverse direction (RFC 8167): its own XIDs, its own credits, inline only."""

from __future__ import annotations

import pytest
from tests.support.transport import (
    Pair,
    Recorder,
    call_message,
    decode_call,
    decode_reply,
    echo,
    reply_message,
)

from nfsrdma.rpcrdma.rpc.channel import CallRefused
from nfsrdma.rpcrdma.transport import TransportOptions
from nfsrdma.rpcrdma.transport.backchannel import direction, reverse_limit
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import (
    RDMA_MSG,
    RDMA_NOMSG,
    HeaderLimits,
    RpcRdmaError,
    RpcRdmaHeader,
    decode_header,
    encode_header,
)
from nfsrdma.xdr.rpc import CALL, REPLY


def test_call_in_the_reverse_direction() -> None:
    pair = Pair(reverse=echo)
    items = [(False, b"recall"), (True, b"me")]
    future = pair.server.call(call_message(5, items), max_reply=300)
    pair.reactor.run()
    assert decode_reply(future.result()) == (5, items)
    assert pair.server.stats.calls_sent == 1
    assert pair.client.stats.calls_received == 1
    pair.assert_at_rest()


def test_same_xid_in_both_directions() -> None:
    forward, reverse = Recorder(), Recorder()
    pair = Pair(forward, reverse=reverse)
    ours = pair.client.call(call_message(5, [(False, b"forward")]), max_reply=300)
    theirs = pair.server.call(call_message(5, [(False, b"reverse")]), max_reply=300)
    pair.reactor.run()
    for recorder in (reverse, forward):
        (call,) = recorder.calls
        xid, items = decode_call(call.decoder)
        call.reply(reply_message(xid, items))
        pair.reactor.run()
    assert decode_reply(ours.result())[1] == [(False, b"forward")]
    assert decode_reply(theirs.result())[1] == [(False, b"reverse")]
    pair.assert_at_rest()


def test_a_callback_while_the_call_that_caused_it_waits() -> None:
    """A delegation is recalled before the conflicting open is answered."""

    def service(call) -> None:  # type: ignore[no-untyped-def]
        xid, _ = decode_call(call.decoder)
        callback = call.channel.call(call_message(900), max_reply=100)
        callback.add_done_callback(lambda _: call.reply(reply_message(xid, [(False, b"ok")])))

    pair = Pair(service, reverse=echo)
    assert pair.call(1) == [(False, b"ok")]
    pair.assert_at_rest()


def test_each_direction_has_credits_of_its_own() -> None:
    reverse = Recorder()
    options = TransportOptions(credits=7, reverse_credits=3)
    pair = Pair(client=options, server=options, reverse=reverse)
    futures = [pair.server.call(call_message(xid), max_reply=100) for xid in range(8)]
    pair.reactor.run()
    assert len(reverse.calls) == 1  # one credit until the first reply
    assert pair.call(77) == []  # the forward direction is not affected
    reverse.calls.pop().reply(reply_message(0))
    pair.reactor.run()
    assert len(reverse.calls) == 3
    assert pair.server.requester.window.limit == 3
    assert pair.client.requester.window.limit == 7
    while reverse.calls:
        call = reverse.calls.pop(0)
        call.reply(reply_message(decode_call(call.decoder)[0]))
        pair.reactor.run()
    assert all(future.done() for future in futures)
    pair.assert_at_rest()


def test_nothing_long_in_the_reverse_direction() -> None:
    pair = Pair(reverse=echo)
    limit = pair.server.max_message
    big = pair.server.call(call_message(1, [(False, bytes(limit))]), max_reply=100)
    assert isinstance(big.error(), CallRefused)
    long_reply = pair.server.call(call_message(2), max_reply=limit + 1)
    assert isinstance(long_reply.error(), CallRefused)
    with_sink = pair.server.call(
        call_message(3), max_reply=100, sinks=[memoryview(bytearray(9000))]
    )
    assert isinstance(with_sink.error(), CallRefused)
    empty = call_message(4)
    room = limit - len(empty.to_bytes()) - 8
    fits = pair.server.call(call_message(4, [(False, bytes(room // 4 * 4))]), max_reply=limit)
    pair.reactor.run()
    assert fits.result()
    pair.assert_at_rest()


def test_reverse_reply_too_long_is_refused() -> None:
    pair = Pair(reverse=lambda call: call.reply(reply_message(1, [(False, bytes(5000))])))
    future = pair.server.call(call_message(1), max_reply=100)
    pair.reactor.run()
    assert isinstance(future.error(), CallRefused)
    pair.assert_at_rest()


def test_direction_of_odd_messages() -> None:
    limits = HeaderLimits()
    reply_chunk = Chunk([Segment(1, 100, 0)])

    def of(header: bytearray, body: bytes, active: bool) -> int:
        view = memoryview(bytes(header) + body)
        return direction(decode_header(view, limits), view, active)

    with_chunk = encode_header(7, 1, RDMA_MSG, (), [reply_chunk])
    assert of(with_chunk, call_message(7).to_bytes(), False) == CALL
    assert of(with_chunk, reply_message(7).to_bytes(), True) == REPLY
    long = encode_header(7, 1, RDMA_NOMSG, (), (), reply_chunk)
    assert of(long, b"", True) == REPLY
    assert of(long, b"", False) == CALL
    for body in (b"", call_message(8).to_bytes(), b"\0\0\0\7\0\0\0\2"):
        with pytest.raises(RpcRdmaError):
            of(with_chunk, body, False)
    assert RpcRdmaHeader(1, 2, 3).size == 0


def test_limit_is_the_lesser_threshold() -> None:
    assert reverse_limit(4096, 1024) == 996
