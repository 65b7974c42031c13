"""Our requester against our responder: every way for a call and its reply to travel."""

from __future__ import annotations

import dataclasses

import pytest
from tests.support.fake_verbs import FakeFabric
from tests.support.transport import (
    PORT,
    Item,
    Pair,
    Recorder,
    call_message,
    decode_call,
    decode_reply,
    echo,
    reply_message,
    reply_size,
)

from nfsrdma.rpcrdma.rpc.channel import CallRefused, IncomingCall, TransportError
from nfsrdma.rpcrdma.task import Cancelled
from nfsrdma.rpcrdma.transport import TransportOptions, connect_rdma, listen_rdma
from nfsrdma.rpcrdma.verbs.types import DeviceLimits
from nfsrdma.xdr import Encoder

BIG = bytes(range(256)) * 40  # 10 KiB
SMALL = b"seven.."


def sink(size: int) -> memoryview:
    return memoryview(bytearray(size))


def test_short_call() -> None:
    pair = Pair()
    items = [(False, b"name"), (True, SMALL)]
    assert pair.call(1, items) == items
    client, server = pair.client.stats, pair.server.stats
    assert (client.calls_sent, client.replies_received, client.pullups) == (1, 1, 1)
    assert (server.calls_received, server.replies_sent) == (1, 1)
    assert client.registrations == 0
    pair.assert_at_rest()


def test_payload_goes_in_a_read_chunk() -> None:
    pair = Pair()
    pair.server.responder._service = answer_with([])
    assert pair.call(1, [(False, b"x"), (True, BIG + b"odd")]) == []
    assert pair.client.stats.read_chunks == 1
    assert pair.client.stats.bytes_read_chunks == len(BIG) + 3  # its pad is left out
    assert pair.server.stats.rdma_reads == 1
    assert pair.server.stats.bytes_read == len(BIG) + 3
    assert pair.client.stats.nomsg_calls == 0
    pair.assert_at_rest()


def answer_with(items: list[Item], seen: list[list[Item]] | None = None):  # type: ignore[no-untyped-def]
    def service(call: IncomingCall) -> None:
        xid, came = decode_call(call.decoder)
        if seen is not None:
            seen.append(came)
        call.reply(reply_message(xid, items))

    return service


def test_several_payloads_in_as_many_chunks_as_allowed() -> None:
    seen: list[list[Item]] = []
    pair = Pair(answer_with([], seen), client=TransportOptions(max_read_chunks=4))
    items = [(True, BIG), (True, SMALL), (True, BIG[:5001]), (False, b"z"), (True, b"")]
    pair.call(1, items)
    assert seen == [items]
    assert pair.client.stats.read_chunks == 2  # the small one was pulled up
    assert pair.client.stats.pullups == 1
    pair.assert_at_rest()


def test_more_payloads_than_chunks_make_a_long_call() -> None:
    seen: list[list[Item]] = []
    pair = Pair(answer_with([], seen))
    items = [(True, BIG), (True, BIG[1:]), (True, SMALL)]
    pair.call(1, items)
    assert seen == [items]
    stats = pair.client.stats
    assert (stats.nomsg_calls, stats.read_chunks) == (1, 1)
    assert stats.registrations == 5  # head, payload, middle with a pad, payload, tail
    pair.assert_at_rest()


def test_long_call_without_payloads() -> None:
    seen: list[list[Item]] = []
    pair = Pair(answer_with([], seen))
    pair.call(1, [(False, BIG)])
    assert seen == [[(False, BIG)]]
    assert pair.client.stats.nomsg_calls == 1
    assert pair.client.stats.registrations == 1
    pair.assert_at_rest()


def test_long_call_with_payloads_of_its_own() -> None:
    """A Position-Zero Read chunk beside another, which holds the reduced stream."""
    seen: list[list[Item]] = []
    options = TransportOptions(reduce_long_calls=True)
    pair = Pair(answer_with([], seen), client=options)
    items = [(False, BIG), (True, BIG[:-1]), (False, BIG)]
    pair.call(1, items)
    assert seen == [items]
    assert (pair.client.stats.nomsg_calls, pair.client.stats.read_chunks) == (1, 2)
    pair.assert_at_rest()


def test_result_goes_to_the_sink() -> None:
    pair = Pair(answer_with([(False, b"n"), (True, BIG[:-1])]))
    buffer = sink(len(BIG))
    future = pair.client.call(call_message(1), max_reply=100, sinks=[buffer])
    pair.reactor.run()
    decoder = future.result()
    assert decode_reply(decoder)[1] == [(False, b"n"), (True, BIG[:-1])]
    assert decoder.tell() == len(reply_message(1, [(False, b"n"), (True, BIG[:-1])]).to_bytes())
    assert buffer[: len(BIG) - 1] == BIG[:-1]
    assert buffer[-1] == 0  # nothing was written behind it, no pad either
    assert pair.client.stats.bytes_write_chunks == len(BIG) - 1
    pair.assert_at_rest()


def test_payload_view_is_of_the_sink() -> None:
    pair = Pair(answer_with([(True, BIG)]))
    buffer = bytearray(len(BIG))
    future = pair.client.call(call_message(1), max_reply=100, sinks=[memoryview(buffer)])
    pair.reactor.run()
    decoder = future.result()
    decoder.fixed_opaque(32)
    view = decoder.payload()
    assert view.obj is buffer


def test_small_results_come_inline_in_spite_of_a_sink() -> None:
    pair = Pair(answer_with([(True, SMALL)]))
    assert pair.call(1, [], 100, [sink(100)]) == [(True, SMALL)]
    assert pair.client.stats.registrations == 0
    pair.assert_at_rest()


def test_results_in_their_chunks_or_in_line() -> None:
    """Second result empty, third inline by an empty sink: each keeps its place."""
    items = [(True, BIG), (True, b""), (True, SMALL), (True, BIG[:7777]), (True, SMALL)]
    pair = Pair(answer_with(items), client=TransportOptions(max_write_chunks=8))
    sinks = [sink(len(BIG)), sink(9000), sink(0), sink(7777)]
    assert pair.call(1, [], 300, sinks) == items
    assert pair.client.stats.write_chunks == 4
    assert sinks[3] == BIG[:7777]
    assert not any(sinks[1])
    pair.assert_at_rest()


def test_more_sinks_than_write_chunks() -> None:
    """The first goes to its sink, the second comes with the message in the Reply chunk."""
    items = [(True, BIG), (True, BIG[1:])]
    pair = Pair(answer_with(items))
    assert pair.call(1, [], 300, [sink(len(BIG)), sink(len(BIG))]) == items
    stats = pair.client.stats
    assert (stats.write_chunks, stats.reply_chunks, stats.nomsg_replies) == (1, 1, 1)
    pair.assert_at_rest()


def test_long_reply() -> None:
    items = [(False, BIG)]
    pair = Pair(answer_with(items))
    assert pair.call(1, [], reply_size(items)) == items
    assert pair.client.stats.nomsg_replies == 1
    assert pair.client.stats.bytes_reply_chunks == len(reply_message(1, items).to_bytes())
    pair.assert_at_rest()


def test_reply_chunk_offered_and_not_used() -> None:
    pair = Pair(answer_with([(False, SMALL)]))
    assert pair.call(1, [], 50000) == [(False, SMALL)]
    assert (pair.client.stats.reply_chunks, pair.client.stats.nomsg_replies) == (1, 0)
    pair.assert_at_rest()


def test_long_reply_and_sink_together() -> None:
    items = [(True, BIG), (False, BIG)]
    pair = Pair(answer_with(items))
    assert pair.call(1, [], reply_size(items), [sink(len(BIG))]) == items
    assert (pair.client.stats.write_chunks, pair.client.stats.reply_chunks) == (1, 1)
    pair.assert_at_rest()


def test_small_sink_does_without_a_chunk_when_the_reply_needs_one() -> None:
    items = [(True, SMALL), (False, BIG)]
    pair = Pair(answer_with(items))
    assert pair.call(1, [], reply_size(items), [sink(64)]) == items
    assert (pair.client.stats.write_chunks, pair.client.stats.reply_chunks) == (0, 1)


def test_everything_at_once() -> None:
    items = [(True, BIG), (False, BIG), (True, BIG[:-3])]
    options = TransportOptions(max_read_chunks=2, max_write_chunks=2, reduce_long_calls=True)
    pair = Pair(client=options)
    assert pair.call(1, items, reply_size(items), [sink(len(BIG))] * 2) == items
    pair.assert_at_rest()


def test_many_segments() -> None:
    """Small registrations: a chunk of up to sixteen segments in every list."""
    items = [(True, BIG), (False, BIG[:5000])]
    options = TransportOptions(max_segment_length=700)
    pair = Pair(client=options)
    assert pair.call(1, items, reply_size(items), [sink(len(BIG))]) == items
    assert pair.client.stats.registrations >= 16 + 8
    assert pair.server_qp.most_reads <= 16
    pair.assert_at_rest()


def test_device_that_carries_little_at_once() -> None:
    """Transfers longer than the device's messages are split."""
    fabric = FakeFabric()
    limits = DeviceLimits(max_message=4096, max_sge=2)
    device = fabric.device("server", limits)
    items = [(True, BIG), (False, BIG), (True, SMALL), (False, SMALL)]
    listen_rdma(device, fabric.reactor, "server", PORT, echo)
    future = connect_rdma(fabric.device("client"), fabric.reactor, "server", PORT)
    fabric.reactor.run()
    channel = future.result()
    call = channel.call(
        call_message(1, items), max_reply=reply_size(items), sinks=[sink(len(BIG)), sink(7)]
    )
    fabric.reactor.run()
    assert decode_reply(call.result())[1] == items


def test_short_messages_need_no_chunks() -> None:
    """A device may say up to which length a message is quicker than a registration."""
    fabric = FakeFabric()
    limits = DeviceLimits(short_message=20 << 10)
    listen_rdma(fabric.device("server", limits), fabric.reactor, "server", PORT, echo)
    future = connect_rdma(fabric.device("client", limits), fabric.reactor, "server", PORT)
    fabric.reactor.run()
    channel = future.result()
    for xid, size, registrations in ((1, 16 << 10, 0), (2, 20 << 10, 2)):
        items = [(True, bytes(size))]
        call = channel.call(
            call_message(xid, items), max_reply=reply_size(items), sinks=[sink(size)]
        )
        fabric.reactor.run()
        assert decode_reply(call.result())[1] == items
        assert channel.stats.registrations == registrations
    assert TransportOptions.suiting(limits).inline_send == 20 << 10
    assert TransportOptions.suiting(limits).inline_receive == 20 << 10
    assert TransportOptions.suiting(DeviceLimits()) == TransportOptions()


def test_default_thresholds_without_private_data_size() -> None:
    """1 KiB each way still carries everything."""
    options = TransportOptions(inline_send=1024, inline_receive=1024)
    pair = Pair(client=options)
    items = [(True, BIG), (False, BIG), (True, BIG)]
    assert pair.call(1, items, reply_size(items), [sink(len(BIG))] * 2) == items
    pair.assert_at_rest()


def test_remote_invalidation_spares_a_deregistration() -> None:
    pair = Pair(answer_with([(True, BIG)]))
    pair.call(1, [], 100, [sink(len(BIG))])
    assert pair.client.stats.remote_invalidations == 1
    assert pair.client.stats.local_invalidations == 0
    assert pair.server.stats.remote_invalidations_sent == 1


def test_all_that_the_peer_has_not_invalidated_is_deregistered() -> None:
    pair = Pair(client=TransportOptions(max_segment_length=1000))
    pair.call(1, [(True, BIG)], 100, [sink(len(BIG))])
    assert pair.client.stats.remote_invalidations == 1
    assert pair.client.stats.local_invalidations == pair.client.stats.registrations - 1
    pair.assert_at_rest()


@pytest.mark.parametrize("side", ["client", "server"])
def test_no_remote_invalidation_unless_both_agree(side: str) -> None:
    options = TransportOptions(remote_invalidation=False)
    pair = Pair(answer_with([(True, BIG)]), **{side: options})
    pair.call(1, [], 100, [sink(len(BIG))])
    assert pair.client.stats.remote_invalidations == 0
    assert pair.client.stats.local_invalidations == 1
    pair.assert_at_rest()


def test_memory_is_out_of_reach_before_the_caller_is_told() -> None:
    pair = Pair(answer_with([(True, BIG)]), client=TransportOptions(max_segment_length=999))
    registered: list[int] = []
    future = pair.client.call(call_message(1), max_reply=100, sinks=[sink(len(BIG))])
    future.add_done_callback(lambda _: registered.append(len(pair.client_device.regions)))
    pair.reactor.run()
    assert registered == [0]


def test_room_is_told_before_execution() -> None:
    recorder = Recorder()
    pair = Pair(recorder)
    pair.client.call(call_message(1), max_reply=20000, sinks=[sink(30000)])
    pair.reactor.run()
    (call,) = recorder.calls
    assert call.reply_room == 20000
    assert list(call.payload_room) == [30000]
    assert call.channel is pair.server
    call.refuse()
    assert call.answered
    pair.client.call(call_message(2), max_reply=100)
    pair.reactor.run()
    assert recorder.calls[1].reply_room == 4096 - 28
    assert recorder.calls[1].payload_room == ()
    recorder.calls[1].drop()


def test_refusal_reaches_the_caller() -> None:
    pair = Pair(lambda call: call.refuse())
    future = pair.client.call(call_message(1), max_reply=100, sinks=[sink(9000)])
    pair.reactor.run()
    assert isinstance(future.error(), CallRefused)
    assert "ERR_CHUNK" in str(future.error())
    pair.assert_at_rest()
    assert not pair.client.closed


@pytest.mark.parametrize(
    ("items", "sinks"),
    [
        ([(False, BIG)], []),  # beyond the inline threshold, no Reply chunk
        ([(True, BIG)], [9000]),  # more than its Write chunk holds
        ([(True, BIG), (False, BIG)], [len(BIG)]),  # the rest does not fit inline
    ],
)
def test_reply_longer_than_what_was_offered(items: list[Item], sinks: list[int]) -> None:
    """Never cut short: ERR_CHUNK, and nothing leaks."""
    sent: list[int] = []

    def service(call: IncomingCall) -> None:
        call.reply(reply_message(1, items), lambda: sent.append(1))

    pair = Pair(service)
    future = pair.client.call(call_message(1), max_reply=200, sinks=[sink(n) for n in sinks])
    pair.reactor.run()
    assert isinstance(future.error(), CallRefused)
    assert pair.server.stats.replies_too_long == 1
    assert sent == [1]
    pair.assert_at_rest()


def test_on_sent_waits_for_the_rdma_write_only() -> None:
    sent: list[str] = []
    recorder = Recorder()
    pair = Pair(recorder)
    pair.client.call(call_message(1), max_reply=100, sinks=[sink(len(BIG))])
    pair.client.call(call_message(2), max_reply=100)
    pair.reactor.run()
    first, *_ = recorder.calls
    first.reply(reply_message(1, [(True, BIG)]), lambda: sent.append("written"))
    assert sent == []  # its payload is still needed
    pair.reactor.run()
    assert sent == ["written"]
    recorder.calls[1].reply(reply_message(2, [(True, SMALL)]), lambda: sent.append("copied"))
    assert sent == ["written", "copied"]
    pair.reactor.run()
    pair.assert_at_rest()


def test_views_of_the_call_may_be_in_its_reply() -> None:
    """A service that echoes views: what lay in the receive buffer, and what was fetched."""

    def service(call: IncomingCall) -> None:
        dec = call.decoder
        dec.fixed_opaque(40)
        reply = Encoder()
        reply.buffer += reply_message(1).buffer[:24]
        reply.uint32(dec.uint32())
        while dec.remaining() > 4:
            reply.uint32(dec.uint32())
            reply.payload(dec.payload())
        reply.uint32(0xC0DE)
        call.reply(reply)

    items = [(True, BIG), (True, SMALL)]
    pair = Pair(service, client=TransportOptions(max_write_chunks=2))
    first, second = sink(len(BIG)), sink(3000)
    for _ in range(3):
        assert pair.call(1, items, 100, [first, second]) == items
    pair.assert_at_rest()


def test_message_too_long_for_a_call() -> None:
    options = TransportOptions(max_call=64 << 10, max_buffered=128 << 10)
    pair = Pair(server=options)
    future = pair.client.call(call_message(1, [(True, bytes(70000))]), max_reply=100)
    pair.reactor.run()
    assert isinstance(future.error(), CallRefused)
    assert pair.server.stats.rdma_reads == 0
    pair.assert_at_rest()


def test_calls_wait_for_memory_in_turn() -> None:
    options = TransportOptions(max_call=64 << 10, max_buffered=128 << 10)
    recorder = Recorder()
    pair = Pair(recorder, server=options)
    warm = pair.client.call(call_message(99), max_reply=100)
    pair.reactor.run()
    recorder.calls.pop().reply(reply_message(99))
    pair.reactor.run()
    assert warm.done()
    futures = [
        pair.client.call(call_message(xid, [(True, bytes([xid]) * 50000)]), max_reply=100)
        for xid in range(5)
    ]
    pair.reactor.run()
    order = []
    while recorder.calls:
        assert pair.server.responder.buffered <= 128 << 10
        call = recorder.calls.pop(0)
        xid, items = decode_call(call.decoder)
        assert items == [(True, bytes([xid]) * 50000)]
        order.append(xid)
        call.reply(reply_message(xid))
        pair.reactor.run()
    assert order == list(range(5))
    assert all(future.done() for future in futures)
    pair.assert_at_rest()


def test_registration_refused_fails_the_call_alone() -> None:
    pair = Pair()
    pair.client_device.refuse_registrations = True
    future = pair.client.call(call_message(1, [(True, BIG)]), max_reply=100)
    assert isinstance(future.error(), TransportError)
    pair.client_device.refuse_registrations = False
    read_only = pair.client.call(call_message(2), max_reply=100, sinks=[memoryview(BIG)])
    assert isinstance(read_only.error(), TransportError)
    assert pair.call(3, [(True, BIG)], 20000) == [(True, BIG)]
    pair.assert_at_rest()


def test_header_that_cannot_fit() -> None:
    options = TransportOptions(
        inline_send=1024, inline_receive=1024, max_segment_length=100, max_segments=64
    )
    pair = Pair(client=options)
    future = pair.client.call(call_message(1, [(False, bytes(6000))]), max_reply=100)
    assert isinstance(future.error(), CallRefused)
    assert pair.call(2) == []
    pair.assert_at_rest()


def test_one_xid_one_call() -> None:
    pair = Pair(Recorder())
    pair.client.call(call_message(1), max_reply=100)
    with pytest.raises(ValueError, match="in use"):
        pair.client.call(call_message(1), max_reply=100)
    pair.client.call(call_message(2), max_reply=100)  # waits for a credit
    with pytest.raises(ValueError, match="in use"):
        pair.client.call(call_message(2), max_reply=100)


def test_cancelled_call_gives_memory_back_at_once_and_its_credit_later() -> None:
    recorder = Recorder()
    pair = Pair(recorder)
    future = pair.client.call(call_message(1), max_reply=9000)
    waiting = pair.client.call(call_message(2), max_reply=100)
    pair.reactor.run()
    assert pair.client_device.regions
    assert pair.client.cancel(2)
    assert isinstance(waiting.error(), Cancelled)
    assert pair.client.cancel(1)
    assert isinstance(future.error(), Cancelled)
    assert not pair.client_device.regions
    assert not pair.client.cancel(1)
    assert not pair.client.cancel(3)
    assert pair.client.requester.window.in_use == 1
    recorder.calls[0].refuse()
    pair.reactor.run()
    assert pair.client.requester.window.in_use == 0
    pair.assert_at_rest()


def test_send_queue_smaller_than_the_traffic() -> None:
    items = [(True, BIG)]
    small = TransportOptions(send_depth=8, max_segment_length=1000)
    pair = Pair(client=small, server=small)
    pair.call(1)
    buffers = [sink(len(BIG)) for _ in range(40)]
    futures = [
        pair.client.call(call_message(10 + n, items), max_reply=100, sinks=[buffer])
        for n, buffer in enumerate(buffers)
    ]
    pair.reactor.run()
    for future in futures:
        assert decode_reply(future.result())[1] == items
    assert pair.server.stats.send_queue_full
    pair.assert_at_rest()


def test_most_sends_are_silent() -> None:
    pair = Pair()
    for xid in range(100):
        pair.call(xid)
    assert len(pair.client._endpoint.send_queue._tickets) == 0


def test_options_can_be_replaced_and_are_seen() -> None:
    options = dataclasses.replace(TransportOptions(), credits=3)
    pair = Pair(client=options)
    assert pair.client.options.credits == 3
    assert pair.client.peer.transport == "rdma"
    assert pair.client.peer.address == "server"
    assert pair.client.max_message == 1 << 20
    assert pair.server.max_message == 4096 - 28
    assert pair.client.established_at == 1000.0
