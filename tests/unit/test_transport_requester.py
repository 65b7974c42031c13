"""Our requester against a server that speaks the wire itself: well, oddly, and badly."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from tests.support.fake_verbs import FakeFabric
from tests.support.transport import (
    PORT,
    RawPeer,
    Recorder,
    call_message,
    decode_reply,
    parse,
    reply_message,
)

from nfsrdma.rpcrdma.rpc.channel import CallRefused, ReplyDropped, TransportError
from nfsrdma.rpcrdma.task import Future
from nfsrdma.rpcrdma.transport import RdmaChannel, TransportOptions, connect_rdma
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment, filled
from nfsrdma.rpcrdma.transport.header import (
    RDMA_DONE,
    RDMA_ERROR,
    RDMA_MSG,
    RDMA_NOMSG,
    RpcRdmaHeader,
    encode_chunk_error,
    encode_header,
    encode_version_error,
)
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr import Decoder, XdrError

BIG = bytes(range(256)) * 40
FULL = PrivateData(4096, 4096, False)


class Client:
    """A client of ours at a raw server."""

    def __init__(
        self,
        options: TransportOptions | None = None,
        private_data: PrivateData | None = FULL,
    ) -> None:
        self.fabric = FakeFabric()
        self.server = RawPeer(self.fabric.device("server"))
        self.server.listen(private_data)
        self.device = self.fabric.device("client")
        future = connect_rdma(self.device, self.fabric.reactor, "server", PORT, options=options)
        self.fabric.reactor.run()
        self.channel: RdmaChannel = future.result()

    def call(
        self, xid: int, max_reply: int = 100, sinks: Sequence[memoryview] = ()
    ) -> tuple[Future[Decoder], RpcRdmaHeader]:
        """Send a call; the server gets it."""
        future = self.channel.call(call_message(xid), max_reply=max_reply, sinks=sinks)
        ((message, _),) = self.server.messages()
        return future, parse(message)

    def answer(self, message: bytes | bytearray, rkey: int | None = None) -> None:
        self.server.send(message, rkey)
        self.fabric.reactor.run()

    def assert_at_rest(self) -> None:
        assert not self.device.regions
        assert self.channel.requester.window.in_use == 0


def short_reply(xid: int, credit: int = 8) -> bytes:
    return bytes(encode_header(xid, credit, RDMA_MSG)) + reply_message(xid).to_bytes()


def test_call_asks_for_credits_and_tells_its_sizes() -> None:
    client = Client(TransportOptions(credits=17))
    _, header = client.call(0xABCD)
    assert (header.xid, header.credit, header.proc) == (0xABCD, 17, RDMA_MSG)
    assert PrivateData.decode(client.server.theirs) == PrivateData(4096, 4096, True)


def test_server_that_answers_without_the_lists_it_was_offered() -> None:
    """Some leave out an unused Write list or Reply chunk, rather than return zeros."""
    client = Client()
    future, header = client.call(1, 9000, [memoryview(bytearray(9000))])
    assert header.write_list
    assert header.reply_chunk is not None
    client.answer(short_reply(1))
    assert decode_reply(future.result()) == (1, [])
    client.assert_at_rest()


def test_server_that_puts_a_result_inline_in_spite_of_its_chunk() -> None:
    client = Client()
    future, header = client.call(1, 100, [memoryview(bytearray(9000))])
    unused = [filled(chunk, 0) for chunk in header.write_list]
    reply = reply_message(1, [(True, b"inline")]).to_bytes()
    client.answer(encode_header(1, 8, RDMA_MSG, (), unused) + reply)
    assert decode_reply(future.result())[1] == [(True, b"inline")]


def test_server_that_gives_no_chunk_to_an_empty_result() -> None:
    """[b"", BIG] with BIG in the first chunk: not what we would do, but it is unambiguous."""
    client = Client(TransportOptions(max_write_chunks=2))
    sinks = [memoryview(bytearray(len(BIG))) for _ in range(2)]
    future, header = client.call(1, 100, sinks)
    client.server.write(header.write_list[0].segments[0], BIG)
    write_list = [header.write_list[0], filled(header.write_list[1], 0)]
    reply = bytes(reply_message(1, [(True, b""), (True, BIG)]).buffer)
    client.answer(encode_header(1, 8, RDMA_MSG, (), write_list) + reply)
    assert decode_reply(future.result())[1] == [(True, b""), (True, BIG)]


def test_server_that_writes_the_pad_too() -> None:
    client = Client()
    future, header = client.call(1, 100, [memoryview(bytearray(9000))])
    (chunk,) = header.write_list
    client.server.write(chunk.segments[0], BIG[:4097] + b"\xff\xff\xff")
    reply = bytes(reply_message(1, [(True, BIG[:4097])]).buffer)
    client.answer(encode_header(1, 8, RDMA_MSG, (), [filled(chunk, 4100)]) + reply)
    assert decode_reply(future.result())[1] == [(True, BIG[:4097])]


def test_server_that_always_uses_the_reply_chunk() -> None:
    """As Linux's does, however short the reply."""
    client = Client()
    future, header = client.call(1, 9000)
    assert header.reply_chunk is not None
    message = reply_message(1).to_bytes()
    client.server.write(header.reply_chunk.segments[0], message)
    client.answer(encode_header(1, 8, RDMA_NOMSG, (), (), filled(header.reply_chunk, len(message))))
    assert decode_reply(future.result()) == (1, [])
    client.assert_at_rest()


def bad_replies(header: RpcRdmaHeader) -> list[bytes | bytearray]:
    """Replies to a call with a sink of two segments and a Reply chunk."""
    (chunk,), reply = header.write_list, header.reply_chunk
    assert reply is not None
    body = reply_message(1).to_bytes()
    first, second = chunk.segments
    longer = Chunk([first._replace(length=first.length + 1), second])
    gap = Chunk([first._replace(length=1), second])
    return [
        encode_header(1, 8, RDMA_MSG, (), [chunk, chunk]) + body,
        encode_header(1, 8, RDMA_MSG, (), [Chunk([first])]) + body,
        encode_header(1, 8, RDMA_MSG, (), [longer]) + body,
        encode_header(1, 8, RDMA_MSG, (), [gap]) + body,
        encode_header(1, 8, RDMA_MSG, (), [filled(chunk, 0)], filled(reply, 8)) + body,
        encode_header(1, 8, RDMA_NOMSG, (), [filled(chunk, 0)]),
        encode_header(1, 8, RDMA_NOMSG, (), [filled(chunk, 0)], filled(reply, 0)),
        encode_header(1, 8, RDMA_MSG) + body[:4],
        encode_header(1, 8, RDMA_MSG) + reply_message(2).to_bytes(),
        encode_header(1, 8, RDMA_MSG) + struct.pack(">3I", 1, 7, 0),
        struct.pack(">4I", 1, 2, 8, 0) + bytes(40),
        struct.pack(">5I", 1, 1, 8, 0, 7) + bytes(40),
        encode_header(1, 8, 9) + body,
    ]


def bad_reply_client() -> tuple[Client, Future[Decoder], RpcRdmaHeader]:
    client = Client(TransportOptions(max_segment_length=6000))
    future, header = client.call(1, 9000, [memoryview(bytearray(9000))])
    return client, future, header


def read_list_reply(header: RpcRdmaHeader) -> bytes:
    (chunk,) = header.write_list
    head = encode_header(1, 8, RDMA_MSG, [Chunk([chunk.segments[0]], 4)], [chunk])
    return head + reply_message(1).to_bytes()


@pytest.mark.parametrize("case", range(14))
def test_reply_whose_header_has_errors_is_dropped(case: int) -> None:
    client, future, header = bad_reply_client()
    replies = [*bad_replies(header), read_list_reply(header)]
    assert len(replies) == 14
    client.answer(replies[case])
    client.answer(replies[case])
    assert not future.done()
    assert client.channel.stats.bad_replies == 2
    assert len(client.device.regions) == 3, "its memory is still offered"
    client.answer(short_reply(1))
    assert future.result()
    client.assert_at_rest()
    second, _ = client.call(2)
    client.answer(short_reply(2))
    client.fabric.reactor.advance(100)
    assert second.result()
    assert not client.channel.closed


@pytest.mark.parametrize("case", [0, 7, 12])
def test_a_call_whose_reply_was_dropped_ends_with_the_connection(case: int) -> None:
    client, future, header = bad_reply_client()
    reasons: list[str] = []
    client.channel.on_close(reasons.append)
    client.answer(bad_replies(header)[case])
    client.fabric.reactor.advance(4)
    assert not future.done()
    client.fabric.reactor.advance(2)
    error = future.error()
    assert isinstance(error, ReplyDropped)
    assert reasons == ["no other reply came for one that was dropped"]
    assert reasons[0] in str(error)
    client.assert_at_rest()


def test_replies_that_were_dropped_one_after_the_other_are_each_waited_for() -> None:
    client = Client()
    client.call(1)
    client.answer(short_reply(1))
    futures = [client.call(xid)[0] for xid in (2, 3)]
    client.answer(encode_header(2, 8, 9))
    client.fabric.reactor.advance(3)
    client.answer(encode_header(3, 8, 9))
    client.answer(short_reply(2))
    client.fabric.reactor.advance(3)
    assert not client.channel.closed
    client.fabric.reactor.advance(5)
    assert client.channel.closed
    assert isinstance(futures[1].error(), ReplyDropped)
    assert futures[0].result()


def test_a_dropped_reply_that_invalidates_memory_ends_the_connection() -> None:
    client, future, header = bad_reply_client()
    client.answer(bad_replies(header)[0], header.write_list[0].segments[0].handle)
    assert isinstance(future.error(), TransportError)
    assert client.channel.closed


def test_a_reply_chunk_without_a_reply_fails_its_call_alone() -> None:
    client, future, header = bad_reply_client()
    assert header.reply_chunk is not None
    unused = [filled(chunk, 0) for chunk in header.write_list]
    client.answer(encode_header(1, 8, RDMA_NOMSG, (), unused, filled(header.reply_chunk, 64)))
    assert isinstance(future.error(), XdrError)
    assert client.channel.stats.bad_replies == 1
    assert not client.channel.closed
    client.assert_at_rest()


@pytest.mark.parametrize(
    "octets",
    [
        struct.pack(">5I", 1, 1, 8, RDMA_ERROR, 77),
        struct.pack(">4I", 1, 1, 8, RDMA_ERROR),
        struct.pack(">6I", 1, 1, 8, RDMA_ERROR, 1, 1),
        struct.pack(">6I", 1, 1, 8, RDMA_MSG, 0, 0),
    ],
)
def test_errors_that_cannot_be_decoded_and_short_messages_are_dropped(octets: bytes) -> None:
    client = Client()
    future, _ = client.call(1)
    client.answer(octets)
    assert not future.done()
    assert client.channel.stats.messages_dropped == 1
    client.answer(short_reply(1))
    assert future.result()


def test_reply_with_a_result_that_does_not_match_its_chunk() -> None:
    client = Client()
    future, header = client.call(1, 100, [memoryview(bytearray(9000))])
    reply = bytes(reply_message(1, [(True, BIG[:5000])]).buffer)
    client.answer(encode_header(1, 8, 0, (), [filled(header.write_list[0], 4000)]) + reply)
    with pytest.raises(XdrError, match="5000 octets returned, 4000"):
        decode_reply(future.result())


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (encode_chunk_error(1, 8), "ERR_CHUNK"),
        (encode_version_error(1, 1, 8), "ERR_VERS"),
    ],
)
def test_errors_refuse_the_call(answer: bytes, name: str) -> None:
    client = Client()
    future, _ = client.call(1, 9000)
    client.answer(answer)
    assert isinstance(future.error(), CallRefused)
    assert name in str(future.error())
    assert client.channel.requester.window.limit == 8
    client.assert_at_rest()


def test_answers_to_nothing_are_dropped() -> None:
    client = Client()
    future, _ = client.call(1)
    client.answer(short_reply(2))
    client.answer(encode_header(2, 8, RDMA_NOMSG, (), (), Chunk([Segment(1, 2, 3)])))
    client.answer(encode_chunk_error(2, 8))
    assert client.channel.stats.bad_replies == 3
    client.answer(struct.pack(">4I", 2, 9, 8, 0))
    client.answer(struct.pack(">4I", 1, 1, 8, RDMA_DONE))
    client.answer(b"abc")
    client.answer(b"")
    assert client.channel.stats.messages_dropped == 4
    assert not future.done()
    client.answer(short_reply(1))
    assert future.result()
    client.answer(short_reply(1))  # answered already
    assert client.channel.stats.bad_replies == 4
    assert client.channel.requester.window.in_use == 0


def test_reply_before_its_call_was_sent() -> None:
    client = Client()
    client.call(1)
    waiting = client.channel.call(call_message(2), max_reply=100)
    client.answer(short_reply(2))
    assert not waiting.done()


def test_credits_start_at_one_and_follow_the_grant() -> None:
    client = Client(TransportOptions(credits=5))
    futures = [client.channel.call(call_message(xid), max_reply=100) for xid in range(9)]
    sent = [parse(m).xid for m, _ in client.server.messages()]
    assert sent == [0]
    assert client.channel.stats.credit_stalls == 8
    client.answer(short_reply(0, credit=100))
    assert [parse(m).xid for m, _ in client.server.messages()] == [1, 2, 3, 4, 5]  # our ceiling
    client.answer(short_reply(1, credit=2))
    client.answer(short_reply(2, credit=2))
    client.answer(short_reply(3, credit=2))
    assert client.server.messages() == []
    client.answer(short_reply(4, credit=2))
    assert [parse(m).xid for m, _ in client.server.messages()] == [6]
    client.answer(short_reply(5, credit=0))
    assert client.server.messages() == []
    client.answer(short_reply(6, credit=0))
    assert [parse(m).xid for m, _ in client.server.messages()] == [7]  # none counts as one
    assert client.channel.requester.window.violations == 2
    assert client.channel.stats.credit_violations == 2
    assert [future.done() for future in futures] == [True] * 7 + [False] * 2


def test_remote_invalidation_of_our_memory() -> None:
    client = Client()
    future, header = client.call(1, 9000)
    assert header.reply_chunk is not None
    client.answer(short_reply(1), rkey=header.reply_chunk.segments[0].handle)
    assert future.result()
    assert client.channel.stats.remote_invalidations == 1
    assert client.channel.stats.local_invalidations == 0
    client.assert_at_rest()


@pytest.mark.parametrize("kind", ["reply", "unknown reply", "call", "garbage"])
def test_invalidation_of_another_calls_memory_ends_the_connection(kind: str) -> None:
    client = Client()
    first, header = client.call(1)
    client.answer(short_reply(1))
    first, header = client.call(1, 9000)
    client.call(2)
    assert header.reply_chunk is not None
    answers = {
        "reply": short_reply(2),
        "unknown reply": short_reply(3),
        "call": bytes(encode_header(9, 1, RDMA_MSG)) + call_message(9).to_bytes(),
        "garbage": bytes(encode_header(9, 1, RDMA_MSG)) + call_message(8).to_bytes(),
    }
    client.answer(answers[kind], rkey=header.reply_chunk.segments[0].handle)
    assert client.channel.closed
    assert isinstance(first.error(), TransportError)
    assert not client.device.regions


def test_server_that_writes_past_its_chunk_ends_the_connection() -> None:
    client = Client()
    buffer = bytearray(9000)
    future, header = client.call(1, 100, [memoryview(buffer)])
    handle, _, offset = header.write_list[0].segments[0]
    client.server.write(Segment(handle, 9000, offset + 1), b"x" * 9000)
    client.fabric.reactor.run()
    assert isinstance(future.error(), TransportError)
    assert not any(buffer)
    assert client.channel.closed


def test_server_that_writes_after_its_reply_ends_the_connection() -> None:
    """The memory is the caller's again: not one octet may change."""
    client = Client()
    buffer = bytearray(9000)
    future, header = client.call(1, 100, [memoryview(buffer)])
    client.answer(short_reply(1))
    assert future.done()
    client.server.write(header.write_list[0].segments[0], b"x" * 9000)
    client.fabric.reactor.run()
    assert not any(buffer)
    assert client.channel.closed


def test_reply_longer_than_a_receive_buffer_ends_the_connection() -> None:
    client = Client(TransportOptions(inline_receive=1024))
    future, _ = client.call(1)
    client.answer(short_reply(1) + bytes(1024))
    assert isinstance(future.error(), TransportError)


def test_thresholds_of_a_server_without_private_data() -> None:
    client = Client(private_data=None)
    future, header = client.call(1, 1000)
    assert header.reply_chunk is not None
    client.answer(short_reply(1))
    assert future.result()
    message = call_message(2, [(False, bytes(1000))])
    client.channel.call(message, max_reply=100)
    ((sent, _),) = client.server.messages()
    assert parse(sent).proc == RDMA_NOMSG


def test_connection_refused() -> None:
    fabric = FakeFabric()
    device = fabric.device("client")
    future = connect_rdma(device, fabric.reactor, "server", PORT)
    fabric.reactor.run()
    assert isinstance(future.error(), ConnectionRefusedError)
    assert not device.connections
    unreachable = connect_rdma(device, fabric.reactor, "unreachable", PORT)
    assert isinstance(unreachable.error(), OSError)


def test_closed_while_connecting() -> None:
    fabric = FakeFabric()
    RawPeer(fabric.device("server")).listen()
    future = connect_rdma(fabric.device("client"), fabric.reactor, "server", PORT)
    fabric.reactor.step()
    assert not future.done()


def test_call_on_a_closed_channel() -> None:
    client = Client()
    reasons: list[str] = []
    client.channel.on_close(reasons.append)
    client.channel.close()
    client.channel.close()
    assert reasons == ["closed on this side"]
    client.channel.on_close(reasons.append)
    assert reasons == ["closed on this side"] * 2
    future = client.channel.call(call_message(1), max_reply=100)
    assert isinstance(future.error(), TransportError)


def test_calls_made_by_the_callbacks_of_a_failure() -> None:
    """Whoever retries at once finds a channel that is closed, not one half torn down."""
    client = Client()
    first, _ = client.call(1, 9000)
    again: list[Future[Decoder]] = []
    first.add_done_callback(
        lambda _: again.append(client.channel.call(call_message(1), max_reply=9000))
    )
    client.server.connection.disconnect()
    client.fabric.reactor.run()
    assert isinstance(again[0].error(), TransportError)
    client.assert_at_rest()


def test_reverse_calls_without_a_service_are_refused() -> None:
    client = Client()
    client.answer(bytes(encode_header(9, 1, RDMA_MSG)) + call_message(9).to_bytes())
    ((answer, _),) = client.server.messages()
    assert answer == encode_chunk_error(9, 16)


def test_chunks_in_the_reverse_direction_are_refused() -> None:
    client = Client()
    recorder = Recorder()
    client.channel.responder._service = recorder
    chunk = client.server.offer(100)
    client.answer(encode_header(9, 1, RDMA_MSG, (), [chunk]) + call_message(9).to_bytes())
    ((answer, _),) = client.server.messages()
    assert answer == encode_chunk_error(9, 16)
    assert recorder.calls == []
    assert client.channel.responder.grant.in_use == 0
