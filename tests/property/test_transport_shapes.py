"""Every mix of chunks, both roles, against a reference that puts the message together again.

The reference knows nothing of decoders: it inserts each chunk's octets into the stream at its
Position, pads, and compares octets.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.fake_verbs import FakeDevice, FakeFabric
from tests.support.transport import (
    PORT,
    Item,
    Pair,
    RawPeer,
    call_message,
    decode_call,
    decode_reply,
    parse,
    reply_message,
    reply_size,
)

from nfsrdma.rpcrdma.rpc.channel import IncomingCall
from nfsrdma.rpcrdma.transport import RdmaChannel, TransportOptions, connect_rdma, listen_rdma
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import RDMA_MSG, RDMA_NOMSG, encode_header
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr import round_up

XID = 0x5EED


def octets(size: int, seed: int) -> bytes:
    return bytes((seed * 31 + n * 7) & 0xFF for n in range(251)) * (size // 251 + 1)


ITEM = st.builds(
    lambda eligible, size, seed: (eligible, octets(size, seed)[:size]),
    st.booleans(),
    st.one_of(st.integers(0, 9), st.integers(0, 3000), st.sampled_from([4096, 8191, 10001])),
    st.integers(0, 255),
)
ITEMS = st.lists(ITEM, max_size=5)


def inserted(stream: bytes, chunks: list[tuple[int, bytes]]) -> bytes:
    """The unreduced stream, by insertion at each Position in ascending order."""
    for position, data in sorted(chunks):
        pad = bytes(-len(data) & 3)
        stream = stream[:position] + data + pad + stream[position:]
    return stream


# Our responder, and a client that uses chunks as it likes


@st.composite
def cut(draw: Any, size: int) -> list[int]:
    return draw(st.lists(st.integers(0, size), max_size=3))  # type: ignore[no-any-return]


def drawn_call(draw: Any, client: RawPeer, message: Any) -> tuple[list[Chunk], bytes, bool]:
    """Draw how a call travels: some payloads in chunks, padded or not.

    The rest is inline, or in Position zero. Return the Read list, the rest, and whether it is
    in Position zero.
    """
    stream = message.to_bytes()
    entries: list[list[tuple[int, Segment]]] = []
    body = stream
    for payload in reversed(message.payloads):
        content = bytes(payload.data)
        if not content or not draw(st.booleans()):
            continue
        end = payload.position + round_up(len(content))
        body = body[: payload.position] + body[end:]
        if draw(st.booleans()):
            content += bytes(-len(content) & 3)
        segments = client.expose(content, draw(cut(len(content))))
        entries.append([(payload.position, segment) for segment in segments])
    long = draw(st.booleans())
    if long:
        entries.append([(0, segment) for segment in client.expose(body, draw(cut(len(body))))])
    read_list = []
    while any(entries):
        source = draw(st.sampled_from([entry for entry in entries if entry]))
        position, segment = source.pop(0)
        read_list.append(Chunk([segment], position))
    return read_list, body, long


def drawn_places(draw: Any, client: RawPeer, reply: Any) -> tuple[list[Chunk], Chunk | None]:
    """Draw Write chunks for some results of a reply, perhaps empty ones, and a Reply chunk."""
    whole = len(reply.to_bytes())
    write_list = []
    for payload in reply.payloads[: draw(st.integers(0, len(reply.payloads)))]:
        size = len(payload.data)
        pieces = [
            p for p in draw(st.lists(st.integers(0, size), max_size=3)) if draw(st.booleans())
        ]
        if pieces:
            pieces.append(max(0, size - sum(pieces)) + draw(st.sampled_from([0, 4, 100])))
        write_list.append(client.offer(*pieces))
    reply_chunk = client.offer(whole // 2, whole + 8) if draw(st.booleans()) else None
    return write_list, reply_chunk


@settings(max_examples=120, deadline=None)
@given(ITEMS, st.data())
def test_responder_takes_any_shape(items: list[Item], data: st.DataObject) -> None:
    draw = data.draw
    fabric = FakeFabric()
    seen: list[tuple[int, list[Item]]] = []
    results = draw(ITEMS)

    def service(call: IncomingCall) -> None:
        seen.append(decode_call(call.decoder))
        assert call.decoder.tell() == len(message.to_bytes())
        call.reply(reply_message(XID, results))

    channels: list[RdmaChannel] = []
    listen_rdma(
        fabric.device("server"),
        fabric.reactor,
        "server",
        PORT,
        service,
        options=TransportOptions(inline_receive=65536, inline_send=4096),
        on_channel=channels.append,
    )
    client = RawPeer(fabric.device("client"))
    client.connect(PrivateData(65536, 4096, draw(st.booleans())))
    client.run()

    message = call_message(XID, items)
    read_list, body, long = drawn_call(draw, client, message)
    reply = reply_message(XID, results)
    write_list, reply_chunk = drawn_places(draw, client, reply)
    header = encode_header(
        XID, 8, RDMA_NOMSG if long else RDMA_MSG, read_list, write_list, reply_chunk
    )
    client.send(bytes(header) + (b"" if long else body))
    ((answer, _),) = client.messages()

    assert seen == [(XID, items)]
    assert_reply(client, answer, reply, write_list, reply_chunk)
    (channel,) = channels
    assert not channel.closed
    assert channel.responder.buffered == 0
    assert channel.responder.grant.in_use == 0


def assert_reply(
    client: RawPeer,
    answer: bytes,
    reply: Any,
    write_list: list[Chunk],
    reply_chunk: Chunk | None,
) -> None:
    """The reply is whole, or refused because it did not fit."""
    got = parse(answer)
    moved = {
        payload.position: bytes(payload.data)
        for chunk, payload in zip(write_list, reply.payloads, strict=False)
        if chunk.segments and len(payload.data)
    }
    left = len(reply.to_bytes()) - sum(round_up(len(data)) for data in moved.values())
    inline_room = 4096 - len(encode_header(1, 1, 0, (), write_list, reply_chunk))
    if left > inline_room and reply_chunk is None:
        assert got.error == 2
        return
    assert len(got.write_list) == len(write_list)
    returned = []
    for chunk, offered in zip(got.write_list, write_list, strict=True):
        assert [s.handle for s in chunk.segments] == [s.handle for s in offered.segments]
        assert [s.offset for s in chunk.segments] == [s.offset for s in offered.segments]
        short = False
        for segment, room in zip(chunk.segments, offered.segments, strict=True):
            assert segment.length <= room.length
            assert not (short and segment.length)  # earlier segments are filled first
            short = segment.length < room.length
            assert not any(client.memory[room.handle][segment.length :])
        if chunk.length:
            returned.append(client.contents(chunk))
    assert returned == list(moved.values())
    if got.proc == RDMA_MSG:
        assert got.reply_chunk is None or got.reply_chunk.length == 0
        stream = answer[got.size :]
        assert len(answer) <= 4096
    else:
        assert got.reply_chunk is not None
        assert left > inline_room
        stream = client.contents(got.reply_chunk)
    assert inserted(stream, list(moved.items())) == reply.to_bytes()


# Our requester, and a server that reads and writes its memory as it likes


def fetch(device: FakeDevice, chunk: Chunk) -> bytes:
    """What a server's RDMA READs would bring."""
    parts = []
    for handle, length, offset in chunk.segments:
        region = device.regions[handle]
        assert region.access == 4  # to be read, and nothing else
        start = offset - region.address
        parts.append(bytes(region.view[start : start + length]))
    return b"".join(parts)


@settings(max_examples=120, deadline=None)
@given(ITEMS, ITEMS, st.data())
def test_requester_marshals_any_message(
    items: list[Item], results: list[Item], data: st.DataObject
) -> None:
    draw = data.draw
    fabric = FakeFabric()
    options = TransportOptions(
        max_read_chunks=draw(st.integers(0, 3)),
        max_write_chunks=draw(st.integers(0, 3)),
        max_segment_length=draw(st.sampled_from([1000, 1 << 30])),
        max_segments=draw(st.sampled_from([4, 16])),
        reduce_long_calls=draw(st.booleans()),
    )
    server = RawPeer(fabric.device("server"), 65536)
    server.listen(PrivateData(4096, 4096, False))
    device = fabric.device("client")
    connecting = connect_rdma(device, fabric.reactor, "server", PORT, options=options)
    fabric.reactor.run()
    channel = connecting.result()

    message = call_message(XID, items)
    eligible = [content for is_payload, content in results if is_payload]
    sinks = [memoryview(bytearray(len(content) + draw(st.integers(0, 5)))) for content in eligible]
    future = channel.call(message, max_reply=reply_size(results), sinks=sinks)
    ((sent, _),) = server.messages()
    header = parse(sent)
    assert len(sent) <= 4096
    assert len(header.read_list) <= options.max_read_chunks + 1
    assert len(header.write_list) <= options.max_write_chunks

    # The call is whole.
    chunks = [(chunk.position, fetch(device, chunk)) for chunk in header.read_list]
    stream = sent[header.size :]
    if header.proc == RDMA_NOMSG:
        assert stream == b""
        assert chunks[0][0] == 0
        stream = chunks.pop(0)[1]
    assert inserted(stream, chunks) == message.to_bytes()
    assert all(position for position, _ in chunks)

    # Our own planner for replies answers it, through what was offered.
    answer_as_planned(server, header, results, draw(st.booleans()))
    fabric.reactor.run()
    assert decode_reply(future.result()) == (XID, results)
    assert not device.regions
    assert not channel.closed


def answer_as_planned(server: RawPeer, header: Any, results: list[Item], lazy: bool) -> None:
    """Reply inline if it fits, else as offered; ``lazy`` leaves out unused lists."""
    reply = reply_message(XID, results)
    taken = []
    write_list = []
    for chunk, payload in zip(header.write_list, reply.payloads, strict=False):
        size = len(payload.data) if chunk.segments else 0
        left, segments = size, []
        for handle, length, offset in chunk.segments:
            part = min(left, length)
            if part:
                start = size - left
                content = bytes(payload.data[start : start + part])
                server.write(Segment(handle, part, offset), content)
            segments.append(Segment(handle, part, offset))
            left -= part
        assert not left
        write_list.append(Chunk(segments))
        if size:
            taken.append((payload.position, round_up(size)))
    stream = reply.to_bytes()
    for position, size in reversed(taken):
        stream = stream[:position] + stream[position + size :]
    if lazy and not taken:
        write_list = []
    head = encode_header(XID, 8, RDMA_MSG, (), write_list)
    if len(head) + len(stream) <= 4096 and header.reply_chunk is None:
        server.send(bytes(head) + stream)
        return
    assert header.reply_chunk is not None
    left, segments = stream, []
    for handle, length, offset in header.reply_chunk.segments:
        part = left[:length]
        server.write(Segment(handle, len(part), offset), part)
        segments.append(Segment(handle, len(part), offset))
        left = left[length:]
    assert not left
    server.send(encode_header(XID, 8, RDMA_NOMSG, (), write_list, Chunk(segments)))


# Both together


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(ITEMS, ITEMS), min_size=1, max_size=6), st.data())
def test_both_roles_understand_each_other(
    exchanges: list[tuple[list[Item], list[Item]]], data: st.DataObject
) -> None:
    draw = data.draw
    sizes = st.sampled_from([1024, 4096, 65536])
    client = TransportOptions(
        max_read_chunks=draw(st.integers(0, 3)),
        max_write_chunks=draw(st.integers(0, 3)),
        reduce_long_calls=draw(st.booleans()),
        max_segment_length=draw(st.sampled_from([2000, 1 << 30])),
        max_segments=4,
        inline_send=draw(sizes),
        inline_receive=draw(sizes),
    )
    server = TransportOptions(inline_send=draw(sizes), inline_receive=draw(sizes))
    calls: list[Any] = []
    pair = Pair(calls.append, client=client, server=server)
    futures = []
    for xid, (items, results) in enumerate(exchanges):
        sinks = [memoryview(bytearray(len(content))) for eligible, content in results if eligible]
        futures.append(
            pair.client.call(call_message(xid, items), max_reply=reply_size(results), sinks=sinks)
        )
    pair.reactor.run()
    while calls:
        call = calls.pop(draw(st.integers(0, len(calls) - 1)))
        xid, items = decode_call(call.decoder)
        assert items == exchanges[xid][0]
        call.reply(reply_message(xid, exchanges[xid][1]))
        pair.reactor.run()
    for xid, future in enumerate(futures):
        assert decode_reply(future.result()) == (xid, exchanges[xid][1])
    pair.assert_at_rest()
