"""Peers that send anything at all, in any order: typed answers or the end, and nothing left."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.fake_verbs import FakeFabric
from tests.support.transport import (
    PORT,
    RawPeer,
    call_message,
    decode_call,
    decode_reply,
    parse,
    reply_message,
)

from nfsrdma.rpcrdma.rpc.channel import CallRefused, IncomingCall, TransportError
from nfsrdma.rpcrdma.transport import RdmaChannel, TransportOptions, connect_rdma, listen_rdma
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import RDMA_MSG, RDMA_NOMSG, encode_header
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr import XdrError

FULL = PrivateData(4096, 4096, True)
OPTIONS = TransportOptions(credits=8, max_call=64 << 10, max_buffered=128 << 10)


def damaged(draw: Any, message: bytes, *, header_only: bool = False) -> bytes:
    """The message with some octets changed, perhaps cut short, perhaps longer."""
    octets = bytearray(message)
    for _ in range(draw(st.integers(0, 3))):
        last = min(len(octets), 120) if header_only else len(octets)
        at = draw(st.integers(0, last - 1))
        octets[at] = draw(st.sampled_from([0, 1, 2, 4, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    if draw(st.integers(0, 4)) == 0:
        del octets[draw(st.integers(0, len(octets))) :]
    if draw(st.integers(0, 8)) == 0:
        octets += bytes(draw(st.integers(1, 200)))
    return bytes(octets)


def some_call(draw: Any, client: RawPeer, xid: int) -> bytes:
    """A call that is good, of some shape."""
    message = call_message(xid, [(True, bytes(draw(st.integers(0, 2000)))), (False, b"name")])
    body = message.to_bytes()
    write_list = [client.offer(*draw(st.lists(st.integers(0, 900), max_size=3)))]
    reply_chunk = client.offer(5000) if draw(st.booleans()) else None
    shape = draw(st.integers(0, 2))
    if shape == 0:
        return bytes(encode_header(xid, 8, RDMA_MSG, (), write_list, reply_chunk)) + body
    if shape == 1:
        chunk = Chunk(client.expose(body, [40]))
        return bytes(encode_header(xid, 8, RDMA_NOMSG, [chunk], write_list, reply_chunk))
    (payload,) = message.payloads
    if not len(payload.data):
        return bytes(encode_header(xid, 8, RDMA_MSG)) + body
    chunk = Chunk(client.expose(bytes(payload.data)), payload.position)
    header = encode_header(xid, 8, RDMA_MSG, [chunk], write_list, reply_chunk)
    return bytes(header) + bytes(message.buffer)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_responder_under_fire(data: st.DataObject) -> None:
    draw = data.draw
    fabric = FakeFabric()
    executed: list[int] = []

    def service(call: IncomingCall) -> None:
        """As the RPC layer does: what cannot be decoded is refused."""
        try:
            xid, items = decode_call(call.decoder)
        except (XdrError, AssertionError):
            call.refuse()
            return
        executed.append(xid)
        call.reply(reply_message(xid, items))

    channels: list[RdmaChannel] = []
    listen_rdma(
        fabric.device("server"),
        fabric.reactor,
        "server",
        PORT,
        service,
        options=OPTIONS,
        on_channel=channels.append,
    )
    client = RawPeer(fabric.device("client"))
    client.connect(FULL)
    client.run()
    (server,) = channels
    answers = 0
    messages = draw(st.integers(1, 6))
    for xid in range(messages):
        if client.lost is not None:
            break
        client.send(damaged(draw, some_call(draw, client, xid), header_only=True))
        if draw(st.booleans()):
            answers += len(client.messages())
    answers += len(client.messages())
    assert answers <= messages
    assert server.closed == (client.lost is not None)
    assert server.responder.buffered == 0
    assert server.responder.grant.in_use == 0
    if not server.closed:
        # Still of use to whoever behaves.
        client.send(bytes(encode_header(99, 8, RDMA_MSG)) + call_message(99).to_bytes())
        ((answer, _),) = client.messages()
        assert parse(answer).xid == 99
        assert executed[-1] == 99


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_requester_under_fire(data: st.DataObject) -> None:
    draw = data.draw
    fabric = FakeFabric()
    server = RawPeer(fabric.device("server"))
    server.listen(FULL)
    device = fabric.device("client")
    options = TransportOptions(max_segment_length=1500, max_write_chunks=2)
    connecting = connect_rdma(device, fabric.reactor, "server", PORT, options=options)
    fabric.reactor.run()
    channel = connecting.result()
    sinks = [memoryview(bytearray(3000)), memoryview(bytearray(4500))]
    future = channel.call(call_message(1), max_reply=9000, sinks=sinks)
    ((sent, _),) = server.messages()
    call = parse(sent)
    assert call.reply_chunk is not None

    results = [(True, bytes(draw(st.integers(0, 3000)))), (True, bytes(4500))]
    reply = reply_message(1, results)
    written = [
        Chunk([Segment(h, min(n, 1500), o) for h, n, o in c.segments]) for c in call.write_list
    ]
    if draw(st.booleans()):
        answer = bytes(encode_header(1, 8, RDMA_MSG, (), written)) + bytes(reply.buffer)
    else:
        server.write(call.reply_chunk.segments[0], bytes(reply.buffer))
        length = len(reply.buffer)
        first, *rest = call.reply_chunk.segments
        lengths = [first._replace(length=length), *(s._replace(length=0) for s in rest)]
        answer = bytes(encode_header(1, 8, RDMA_NOMSG, (), written, Chunk(lengths)))
    rkey = draw(
        st.none() | st.sampled_from([s.handle for c in call.write_list for s in c.segments])
    )
    server.send(damaged(draw, answer), rkey)
    server.run()
    if not future.done():
        assert not channel.closed  # it looked like something else: the caller's timer decides
        channel.cancel(1)
    elif isinstance(error := future.error(), Exception):
        assert isinstance(error, XdrError | CallRefused | TransportError)
    else:
        decode_or_refuse(future.result())
    assert not device.regions
    if not channel.closed:
        channel.close()
    server.run()
    assert not device.connections


def decode_or_refuse(decoder: Any) -> None:
    """A reply decodes, or is an ``XdrError``."""
    try:
        decode_reply(decoder)
    except (XdrError, AssertionError):
        return


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_credits_are_kept_whatever_the_order(data: st.DataObject) -> None:
    """Calls made and answered in any order, both directions, grants changing all the time."""
    draw = data.draw
    fabric = FakeFabric()
    forward: list[IncomingCall] = []
    reverse: list[IncomingCall] = []
    options = TransportOptions(credits=draw(st.integers(1, 6)), reverse_credits=2)
    channels: list[RdmaChannel] = []
    listen_rdma(
        fabric.device("server"),
        fabric.reactor,
        "server",
        PORT,
        forward.append,
        options=options,
        on_channel=channels.append,
    )
    asked = TransportOptions(credits=draw(st.integers(1, 6)), reverse_credits=2)
    device = fabric.device("client")
    connecting = connect_rdma(
        device, fabric.reactor, "server", PORT, options=asked, service=reverse.append
    )
    fabric.reactor.run()
    client, (server,) = connecting.result(), channels
    futures = []
    for step in range(draw(st.integers(5, 40))):
        action = draw(st.integers(0, 5))
        if action == 0:
            futures.append(client.call(call_message(step), max_reply=100))
        elif action == 1:
            futures.append(server.call(call_message(step), max_reply=100))
        elif action == 2 and forward:
            answer_one(draw, forward)
        elif action == 3 and reverse:
            answer_one(draw, reverse)
        elif action == 4:
            server.responder.grant.offered = draw(st.integers(1, options.credits))
        else:
            for _ in range(draw(st.integers(0, 20))):
                fabric.reactor.step()
        assert client.requester.window.in_use <= asked.credits
        assert server.responder.grant.in_use <= options.credits
        assert server.requester.window.in_use <= 2
        assert not client.closed
    server.responder.grant.offered = options.credits
    fabric.reactor.run()
    while forward or reverse:
        for calls in (forward, reverse):
            if calls:
                answer_one(draw, calls)
        fabric.reactor.run()
    assert all(future.result() for future in futures)
    assert client.requester.window.in_use == server.requester.window.in_use == 0
    for channel in (client, server):
        qp: Any = channel._endpoint.connection.queue_pair
        assert qp.receives_posted == channel.options.receive_depth


def answer_one(draw: Any, calls: list[IncomingCall]) -> None:
    call = calls.pop(draw(st.integers(0, len(calls) - 1)))
    xid, _ = decode_call(call.decoder)
    call.reply(reply_message(xid))
