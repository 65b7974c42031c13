"""Our responder against a client that speaks the wire itself: shapes, refusals, limits."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from tests.support.transport import (
    FULL,
    Item,
    RawPeer,
    Recorder,
    Server,
    call_message,
    decode_call,
    decode_reply,
    echo,
    parse,
    reply_message,
)

from nfsrdma.rpcrdma.rpc.channel import IncomingCall
from nfsrdma.rpcrdma.transport import HeaderLimits, TransportOptions
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import (
    RDMA_DONE,
    RDMA_ERROR,
    RDMA_MSG,
    RDMA_MSGP,
    RDMA_NOMSG,
    encode_chunk_error,
    encode_header,
)
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr import Decoder, XdrError

BIG = bytes(range(256)) * 40


def reduced(xid: int, items: list[Item]) -> tuple[bytes, list[tuple[int, bytes]]]:
    """A call without its payloads, and these with their Positions."""
    message = call_message(xid, items)
    return bytes(message.buffer), [(p.position, bytes(p.data)) for p in message.payloads]


def test_reply_goes_back_with_credits() -> None:
    server = Server()
    (answer,) = server.ask(encode_header(7, 1, RDMA_MSG), call_message(7).to_bytes())
    assert answer[:28] == struct.pack(">7I", 7, 1, 128, 0, 0, 0, 0)
    assert decode_reply(Decoder(answer[28:])) == (7, [])


def test_call_before_the_connection_is_known_to_be_up() -> None:
    """The last message of the handshake may be late: what is received waits for it."""
    server = Server(late=3)
    while server.client.connection.queue_pair.state != 3:
        server.fabric.reactor.step()
    server.client.send(encode_header(7, 1, RDMA_MSG) + call_message(7).to_bytes())
    assert len(server.client.messages()) == 1


@pytest.mark.parametrize("padded", [False, True])
def test_read_chunk_with_and_without_its_pad(padded: bool) -> None:
    """RFC 8166, Section 3.4.5.2: take both, and never take the pad for data."""
    recorder = Recorder()
    server = Server(recorder)
    items = [(True, BIG + b"x"), (False, b"tail")]
    body, ((position, data),) = reduced(3, items)
    segments = server.client.expose(data + (b"\xee" * 3 if padded else b""), [100])
    chunk = Chunk(segments, position)
    assert server.ask(encode_header(3, 1, RDMA_MSG, [chunk]), body) == []
    (call,) = recorder.calls
    assert decode_call(call.decoder) == (3, items)
    assert call.decoder.tell() == len(call_message(3, items).to_bytes())
    call.reply(reply_message(3))


def test_read_chunks_in_any_order_with_segments_interleaved() -> None:
    recorder = Recorder()
    server = Server(recorder)
    items = [(True, BIG), (True, BIG[7:]), (True, b"odd")]
    body, chunks = reduced(3, items)
    entries = []
    for position, data in chunks:
        cuts = [len(data) // 3, len(data) // 2]
        entries.append([(position, s) for s in server.client.expose(data, cuts)])
    order = [entries[2][0], entries[0][0], entries[1][0], entries[0][1], entries[1][1]]
    order += [entries[2][1], entries[0][2], entries[2][2], entries[1][2]]
    header = encode_header(3, 1, RDMA_MSG, [Chunk([s], position) for position, s in order])
    server.ask(header, body)
    assert decode_call(recorder.calls[0].decoder) == (3, items)


def test_position_zero_chunk_with_others() -> None:
    """The combination that Linux's server is suspected to get wrong."""
    recorder = Recorder()
    server = Server(recorder)
    items = [(False, BIG), (True, BIG[1:]), (True, b"seven")]
    body, chunks = reduced(3, items)
    read_list = [Chunk(server.client.expose(data), position) for position, data in chunks]
    read_list.append(Chunk(server.client.expose(body, [11, 50])))
    server.ask(encode_header(3, 1, RDMA_NOMSG, read_list))
    assert decode_call(recorder.calls[0].decoder) == (3, items)


def test_empty_segments_and_chunks_hold_nothing() -> None:
    recorder = Recorder()
    server = Server(recorder)
    body, ((position, data),) = reduced(3, [(True, BIG)])
    (segment,) = server.client.expose(data)
    empty = Segment(0xDEAD, 0, 0)
    read_list = [Chunk([empty, segment, empty], position), Chunk([empty], 16)]
    server.ask(encode_header(3, 1, RDMA_MSG, read_list), body)
    assert decode_call(recorder.calls[0].decoder) == (3, [(True, BIG)])


def test_chunk_in_a_wrong_place_is_garbage_not_a_crash() -> None:
    """An item not where the chunk is, or not as long as it: the decoder says so."""
    recorder = Recorder()
    server = Server(recorder)
    body, ((position, data),) = reduced(3, [(True, BIG)])
    for bad in (
        Chunk(server.client.expose(data), position - 4),
        Chunk(server.client.expose(b"x" * 9), position),
    ):
        server.ask(encode_header(3, 1, RDMA_MSG, [bad]), body)
        call = recorder.calls.pop()
        with pytest.raises(XdrError):
            decode_call(call.decoder)
        call.refuse()


def test_chunk_left_over() -> None:
    recorder = Recorder()
    server = Server(recorder)
    body = call_message(3).to_bytes()
    chunk = Chunk(server.client.expose(b"more"), len(body))
    server.ask(encode_header(3, 1, RDMA_MSG, [chunk]), body)
    with pytest.raises(XdrError, match="left over"):
        decode_call(recorder.calls[0].decoder)


def test_write_chunk_comes_back_with_what_was_written() -> None:
    server = Server()
    items = [(True, BIG[:1001])]
    chunk = server.client.offer(600, 300, 200, 4)  # as Linux does, with a segment for the pad
    (answer,) = server.ask(
        encode_header(3, 1, RDMA_MSG, (), [chunk]), call_message(3, items).to_bytes()
    )
    header = parse(answer)
    assert header.proc == RDMA_MSG
    assert [s.length for s in header.write_list[0].segments] == [600, 300, 101, 0]
    assert [s.handle for s in header.write_list[0].segments] == [s.handle for s in chunk.segments]
    assert answer[header.size :] == bytes(reply_message(3, items).buffer)  # no data, no pad
    assert server.client.contents(header.write_list[0]) == BIG[:1001]
    assert not any(server.client.memory[chunk.segments[2].handle][101:])
    assert not any(server.client.memory[chunk.segments[3].handle])


@pytest.mark.parametrize("segments", [0, 1, 3])
@pytest.mark.parametrize("others", [0, 1])
def test_write_chunk_without_octets_leaves_its_result_in_line(segments: int, others: int) -> None:
    """Whether it has segments or none; the service was told by ``payload_room``."""
    rooms: list[list[int]] = []

    def service(call: IncomingCall) -> None:
        rooms.append(list(call.payload_room))
        echo(call)

    server = Server(service)
    empty = Chunk([Segment(77, 0, 4096)] * segments)
    items = [(True, BIG[:9]), (True, BIG[:40])][: 1 + others]
    chunks = [empty, *(server.client.offer(64) for _ in range(others))]
    (answer,) = server.ask(
        encode_header(3, 1, RDMA_MSG, (), chunks), call_message(3, items).to_bytes()
    )
    header = parse(answer)
    assert header.proc == RDMA_MSG
    assert rooms == [[0, 64][: 1 + others]]
    assert [s.length for s in header.write_list[0].segments] == [0] * segments
    assert BIG[:9] in answer[header.size :]
    if others:
        assert server.client.contents(header.write_list[1]) == BIG[:40]


def test_reply_chunk_unused_comes_back_empty() -> None:
    server = Server()
    (answer,) = server.ask(
        encode_header(3, 1, RDMA_MSG, (), (), server.client.offer(5000, 5000)),
        call_message(3).to_bytes(),
    )
    header = parse(answer)
    assert header.proc == RDMA_MSG
    assert header.reply_chunk is not None
    assert [s.length for s in header.reply_chunk.segments] == [0, 0]


def test_long_reply_through_several_segments() -> None:
    server = Server()
    items = [(False, BIG[:2500]), (True, BIG[:1403])]
    chunk = server.client.offer(1000, 1000, 1000, 1000, 1000)

    def service(call: IncomingCall) -> None:
        call.reply(reply_message(3, [*items, (False, bytes(500))]))

    server.channel.responder._service = service
    (answer,) = server.ask(encode_header(3, 1, RDMA_MSG, (), (), chunk), call_message(3).to_bytes())
    header = parse(answer)
    assert header.proc == RDMA_NOMSG
    assert header.size == len(answer)
    assert header.reply_chunk is not None
    message = server.client.contents(header.reply_chunk)
    assert decode_reply(Decoder(message)) == (3, [*items, (False, bytes(500))])


def test_one_rkey_of_the_call_is_invalidated() -> None:
    server = Server()
    chunk = server.client.offer(6000)
    items = [(True, bytes(3000))]
    server.client.send(
        encode_header(3, 1, RDMA_MSG, (), [chunk]) + call_message(3, items).to_bytes()
    )
    ((_, rkey),) = server.client.messages()
    assert rkey == chunk.segments[0].handle
    assert rkey not in server.client.device.regions


@pytest.mark.parametrize("private_data", [None, PrivateData(4096, 4096, False)])
def test_nothing_is_invalidated_without_leave(private_data: PrivateData | None) -> None:
    server = Server(private_data=private_data)
    server.client.send(
        encode_header(3, 1, RDMA_MSG, (), [server.client.offer(600)])
        + call_message(3, [(True, bytes(300))]).to_bytes()
    )
    ((_, rkey),) = server.client.messages()
    assert rkey is None


def test_peer_without_private_data_gets_at_most_1024_octets() -> None:
    server = Server(private_data=None)
    chunk = server.client.offer(5000)
    for size, proc in ((900, RDMA_MSG), (1000, RDMA_NOMSG)):
        items = [(False, bytes(size))]

        def service(call: IncomingCall, items: list[Item] = items) -> None:
            call.reply(reply_message(3, items))

        server.channel.responder._service = service
        (answer,) = server.ask(
            encode_header(3, 1, RDMA_MSG, (), (), chunk), call_message(3).to_bytes()
        )
        assert parse(answer).proc == proc
        assert len(answer) <= 1024


def test_historic_procedures_received() -> None:
    server = Server()
    assert server.ask(struct.pack(">4I", 1, 1, 1, RDMA_DONE)) == []
    assert server.channel.stats.messages_dropped == 1
    padded = struct.pack(">9I", 3, 1, 1, RDMA_MSGP, 512, 1024, 0, 0, 0)
    (answer,) = server.ask(padded, call_message(3).to_bytes())
    assert decode_reply(Decoder(answer[28:])) == (3, [])


def test_versions() -> None:
    server = Server()
    (answer,) = server.ask(struct.pack(">7I", 5, 2, 1, 0, 0, 0, 0), call_message(5).to_bytes())
    assert answer == struct.pack(">7I", 5, 2, 128, RDMA_ERROR, 1, 1, 1)


def test_too_short_for_an_answer() -> None:
    server = Server()
    assert server.ask(b"abc") == []
    assert server.ask(b"abcdefg") == []
    assert server.ask(b"") == []
    assert server.ask(encode_header(3, 1, 0)[:27]) == []
    assert server.ask(struct.pack(">4I", 3, 1, 1, RDMA_ERROR)) == []
    assert server.ask(struct.pack(">5I", 3, 1, 1, RDMA_ERROR, 77)) == []
    assert server.channel.stats.messages_dropped == 6
    assert server.ask(encode_header(3, 1, 0), call_message(3).to_bytes())


def message(xid: int = 3) -> bytes:
    return call_message(xid).to_bytes()


def hostile_headers() -> list[tuple[bytearray, bytes]]:
    """Headers that decode, and calls that are no good all the same."""
    some = [Segment(1, 64, 0)]
    return [
        (encode_header(3, 1, RDMA_NOMSG), message()),  # no message anywhere
        (encode_header(3, 1, RDMA_NOMSG, [Chunk(some, 40)]), b""),
        (encode_header(3, 1, RDMA_NOMSG, [Chunk([Segment(1, 0, 0)], 0)]), b""),
        (encode_header(3, 1, RDMA_MSG, [Chunk(some, 0)]), message()),
        (encode_header(3, 1, RDMA_MSG, [Chunk(some, 42)]), message()),
        (encode_header(3, 1, RDMA_MSG, [Chunk(some, 52)]), message()),
        (encode_header(3, 1, RDMA_MSG, [Chunk(some, 40), Chunk(some, 96)]), message()),
        (encode_header(3, 1, RDMA_MSG, [Chunk([Segment(1, 1 << 30, 0)], 40)]), message()),
        (encode_header(3, 1, RDMA_MSG, (), [Chunk([Segment(1, 4, 0)] * 300)]), message()),
        (encode_header(4, 1, RDMA_MSG), message()),  # two XIDs
        (encode_header(3, 1, RDMA_MSG), message()[:4]),
        (encode_header(3, 1, RDMA_MSG), struct.pack(">2I", 3, 2) + bytes(32)),
        (encode_header(3, 1, 9), message()),
    ]


@pytest.mark.parametrize("case", range(len(hostile_headers())))
def test_unusable_calls_are_refused_before_execution(case: int) -> None:
    recorder = Recorder()
    server = Server(recorder)
    header, body = hostile_headers()[case]
    assert server.error(header[:4000], body) == 2
    assert recorder.calls == []
    assert server.channel.stats.rdma_reads == 0


def test_refusals_are_counted_by_reason_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="nfsrdma.rpcrdma.transport")
    server = Server(Recorder())
    segment = [Segment(1, 64, 0)]
    for position in (42, 52):
        header = encode_header(3, 1, RDMA_MSG, [Chunk(segment, position)])
        assert server.error(header, message()) == 2
    assert server.error(encode_header(3, 1, RDMA_NOMSG), message()) == 2
    assert server.error(encode_header(3, 1, 9), message()) == 2
    assert len(server.ask(struct.pack(">7I", 3, 2, 1, 0, 0, 0, 0), message())) == 1
    place, whole = (
        "Read chunks that overlap or lie outside of the message",
        "RDMA_NOMSG without a Position-Zero Read chunk",
    )
    stats = server.channel.stats
    assert stats.refused == {place: 2, whole: 1, "unknown procedure": 1, "unknown version": 1}
    assert stats.as_dict()[f"refused: {place}"] == 2
    assert stats.errors_sent == 5
    texts = [record.getMessage() for record in caplog.records]
    assert texts == [
        f"client over rdma: call refused, {place}",
        f"client over rdma: call refused, {whole}",
        "client over rdma: call refused, unknown procedure: 9",
        "client over rdma: call refused, unknown version: 2",
    ]


def test_pieces_beyond_the_device_are_joined_and_counted() -> None:
    """Neither the plan's lists nor the program's memory is touched for it."""
    server = Server()
    endpoint, responder = server.channel._endpoint, server.channel.responder
    offered = server.client.offer(12)
    pieces = [memoryview(b"abcd"), memoryview(b"efgh"), memoryview(b"ijkl")]
    writes = [(offered.segments[0], pieces)]
    endpoint.limits = dataclasses.replace(endpoint.limits, max_sge=2)
    responder.post_writes(writes, ())
    server.client.run()
    assert server.client.contents(offered) == b"abcdefghijkl"
    assert writes == [(offered.segments[0], pieces)]
    assert [bytes(piece) for piece in pieces] == [b"abcd", b"efgh", b"ijkl"]
    assert (server.channel.stats.writes_joined, server.channel.stats.writes_copied) == (1, 0)


def test_what_is_in_the_receive_buffer_is_copied_for_a_write() -> None:
    """The buffer is posted again before the RDMA WRITE has been completed."""
    server = Server()
    endpoint, responder = server.channel._endpoint, server.channel.responder
    offered = server.client.offer(8)
    lent = endpoint._receives[:4]
    lent[:] = b"lent"
    pieces = [lent, memoryview(b"ours")]
    responder.post_writes([(offered.segments[0], pieces)], ())
    lent[:] = b"next"
    server.client.run()
    assert server.client.contents(offered) == b"lentours"
    assert pieces[0] is lent
    assert (server.channel.stats.writes_joined, server.channel.stats.writes_copied) == (0, 1)


def test_long_call_whose_message_is_another() -> None:
    server = Server()
    for other in (message(4), reply_message(3).to_bytes(), b"abcd"):
        chunk = Chunk(server.client.expose(other))
        assert server.error(encode_header(3, 1, RDMA_NOMSG, [chunk])) == 2


def test_reply_header_longer_than_the_threshold() -> None:
    """A call can offer so much that no reply could name it all."""
    server = Server(private_data=PrivateData(4096, 1024, False))
    chunk = Chunk([Segment(1, 100, 0)] * 70)
    assert server.error(encode_header(3, 1, RDMA_MSG, (), [chunk]), message()) == 2


def test_limits_are_the_options() -> None:
    options = TransportOptions(header_limits=HeaderLimits(max_segments=2, max_chunks=1))
    server = Server(options=options)
    assert server.error(encode_header(3, 1, 0, (), [Chunk([])] * 2), message()) == 2


def test_memory_that_is_not_there_ends_the_connection() -> None:
    recorder = Recorder()
    server = Server(recorder)
    body, ((position, data),) = reduced(3, [(True, BIG)])
    assert (
        server.ask(
            encode_header(3, 1, RDMA_MSG, [Chunk([Segment(12345, len(data), 0)], position)]), body
        )
        == []
    )
    assert server.channel.closed
    assert recorder.calls == []
    assert server.client.lost is not None


def test_calls_beyond_the_grant_end_the_connection() -> None:
    recorder = Recorder()
    server = Server(recorder, TransportOptions(credits=4))
    for xid in range(4):
        server.client.send(encode_header(xid, 1, RDMA_MSG) + message(xid))
    assert server.client.messages() == []
    assert not server.channel.closed
    assert len(recorder.calls) == 4
    recorder.calls.pop().reply(reply_message(3))
    ((answer, _),) = server.client.messages()
    assert parse(answer).credit == 4
    for xid in range(10, 12):
        server.client.send(encode_header(xid, 1, RDMA_MSG) + message(xid))
    server.client.run()
    assert server.channel.closed
    assert server.channel.stats.credit_violations == 1
    assert len(recorder.calls) == 4


def test_calls_with_chunks_beyond_the_grant() -> None:
    server = Server(Recorder(), TransportOptions(credits=1))
    header = encode_header(3, 1, RDMA_MSG, (), [server.client.offer(100)])
    for _ in range(2):
        server.client.send(header + message())
    server.client.run()
    assert server.channel.closed


def test_error_to_no_call_is_dropped() -> None:
    server = Server()
    assert server.ask(encode_chunk_error(3, 1)) == []
    assert not server.channel.closed


def test_invalidation_of_the_servers_memory_is_no_call() -> None:
    """It has none registered, so the provider refuses; nothing reaches the transport."""
    server = Server()
    server.client.send(encode_header(3, 1, 0) + message(), rkey=17)
    server.client.run()
    assert server.channel.closed


def test_replies_nobody_takes_end_the_connection() -> None:
    """Whoever sends without receiving does not fill our memory."""
    options = TransportOptions(credits=2, reverse_credits=1, send_depth=8)
    server = Server(options=options)
    qp = server.channel._endpoint.connection.queue_pair
    server.client.connection.queue_pair._receives.clear()
    held: list[object] = []
    execute = qp._reactor.call_soon
    qp._reactor.call_soon = lambda c, *a: held.append(c) if c == qp._execute else execute(c, *a)
    for xid in range(40):
        if not server.channel.closed:
            server.client.send(encode_header(xid, 1, RDMA_MSG) + message(xid))
            server.client.run()
    assert server.channel.closed
    assert len(held) <= 8


def test_reads_in_flight_are_what_the_client_offers() -> None:
    recorder = Recorder()
    server = Server(recorder, depth=2)
    body, ((position, data),) = reduced(3, [(True, BIG)])
    segments = server.client.expose(data, range(500, 10000, 500))
    server.ask(encode_header(3, 1, RDMA_MSG, [Chunk(segments, position)]), body)
    assert decode_call(recorder.calls[0].decoder) == (3, [(True, BIG)])
    assert server.channel._endpoint.connection.queue_pair.most_reads == 2


def test_client_that_answers_no_reads_is_rejected() -> None:
    server = Server(depth=0)
    assert server.channels == []
    assert server.client.lost == "rejected"
    assert server.listener.rejected == 1
    assert not server.listener.channels


def test_too_many_connections() -> None:
    server = Server(options=TransportOptions(max_connections=1))
    server.channel.relied_on = True
    second = RawPeer(server.fabric.device("client2"))
    second.connect(FULL)
    second.run()
    assert second.lost == "rejected"
    server.client.connection.disconnect()
    server.client.run()
    assert not server.listener.channels
    third = RawPeer(server.fabric.device("client3"))
    third.connect(FULL)
    third.run()
    assert third.lost is None


def test_answering_late_after_the_connection_is_gone() -> None:
    recorder = Recorder()
    server = Server(recorder)
    done: list[int] = []
    body, ((position, data),) = reduced(3, [(True, BIG)])
    chunk = Chunk(server.client.expose(data), position)
    server.ask(encode_header(3, 1, RDMA_MSG, [chunk], [server.client.offer(9000)]), body)
    server.ask(encode_header(4, 1, RDMA_MSG), message(4))
    server.channel.close()
    server.client.run()
    recorder.calls[0].reply(reply_message(3, [(True, bytes(9000))]), lambda: done.append(1))
    recorder.calls[1].refuse()
    assert done == [1]
    assert server.channel.responder.buffered == 0


def test_answer_twice_is_our_bug() -> None:
    recorder = Recorder()
    server = Server(recorder)
    server.ask(encode_header(4, 1, RDMA_MSG), message(4))
    recorder.calls[0].drop()
    with pytest.raises(AssertionError):
        recorder.calls[0].refuse()


def test_server_queue_pair_grants_no_access() -> None:
    server = Server()
    qp = server.channel._endpoint.connection.queue_pair
    assert qp.options.access == 0
    assert not qp.pd.device.regions
    assert dataclasses.is_dataclass(qp.options)
