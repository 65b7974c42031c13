"""Our responder with a lane: large results and fetched arguments, and what is declined."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.support.transport import (
    Server,
    call_message,
    decode_reply,
    parse,
    reply_message,
)

from nfsrdma.rpcrdma.rpc.channel import Channel, IncomingCall, Place, Take
from nfsrdma.rpcrdma.transport import TransportOptions
from nfsrdma.rpcrdma.transport.chunk import Chunk
from nfsrdma.rpcrdma.transport.header import RDMA_MSG, encode_header
from nfsrdma.xdr import Decoder

XID = 3
SIZES = [100, 4096, 128 << 10, (128 << 10) + 1, 300_001, 1 << 20]


def up_to_data(size: int) -> bytes:
    """Return a reply that ends with the length of its data, which are elsewhere."""
    message = reply_message(XID, [(True, bytes(size))])
    return bytes(message.buffer)[: message.payloads[0].offset]


class Laned:
    """A service whose lane answers with ``size`` octets, or takes an argument; or declines."""

    def __init__(self, size: int = 0, *, declines: bool = False) -> None:
        self.data = bytes(range(256)) * (size // 256 + 1)
        self.size = size
        self.declines = declines
        self.taken = 0
        self.seen: list[bytes] = []
        self.calls: list[IncomingCall] = []

    def __call__(self, call: IncomingCall) -> None:
        self.calls.append(call)
        call.reply(reply_message(XID))

    def lane(
        self,
        channel: Channel,
        message: memoryview,
        room: int,
        take: Take,
        place: Place | None = None,
        data: memoryview | None = None,
    ) -> int:
        if data is not None:
            self.seen.append(bytes(data))
            if self.declines:
                return 0
            reply = bytes(reply_message(XID).buffer)
        else:
            into = None if place is None else place(self.size)
            if into is None:
                return 0
            into[:] = self.data[: self.size]
            if self.declines:
                return 0
            reply = up_to_data(self.size)
        self.taken += 1
        take(len(reply))[:] = reply
        return len(reply)


def at_rest(server: Server) -> None:
    """What a call took has been given back."""
    assert server.channel.responder.grant.in_use == 0
    assert server.channel.responder.buffered == 0
    assert not server.channel.closed


@pytest.mark.parametrize("size", SIZES)
def test_a_result_of_any_size_is_placed(size: int) -> None:
    service = Laned(size)
    server = Server(service)
    for _ in range(3):
        chunk = server.client.offer(size)
        (answer,) = server.ask(
            encode_header(XID, 1, RDMA_MSG, (), [chunk]), call_message(XID).to_bytes()
        )
        header = parse(answer)
        assert server.client.contents(header.write_list[0]) == service.data[:size]
        assert answer[header.size :] == up_to_data(size)
        at_rest(server)
    assert service.taken == 3
    assert not service.calls


@pytest.mark.parametrize("size", SIZES)
def test_what_the_lane_declines_after_it_was_lent_memory_is_for_the_service(size: int) -> None:
    service = Laned(size, declines=True)
    server = Server(service)
    chunk = server.client.offer(size)
    (answer,) = server.ask(
        encode_header(XID, 1, RDMA_MSG, (), [chunk]), call_message(XID).to_bytes()
    )
    assert decode_reply(Decoder(answer[parse(answer).size :])) == (XID, [])
    assert len(service.calls) == 1
    at_rest(server)


def test_a_result_for_which_there_is_no_memory_is_for_the_service() -> None:
    service = Laned(1 << 20)
    server = Server(service, TransportOptions(max_call=64 << 10, max_buffered=64 << 10))
    chunk = server.client.offer(1 << 20)
    server.ask(encode_header(XID, 1, RDMA_MSG, (), [chunk]), call_message(XID).to_bytes())
    assert not service.taken
    assert len(service.calls) == 1
    at_rest(server)


def ask_with_argument(
    server: Server,
    size: int,
    *,
    behind: bool = False,
    write_list: Sequence[Chunk] = (),
    reply_chunk: Chunk | None = None,
) -> list[bytes]:
    """Send a call with an argument in a Read chunk, with which it ends unless ``behind``."""
    message = call_message(XID, [(True, bytes(range(256)) * (size // 256 + 1))])
    (payload,) = message.payloads
    chunk = Chunk(server.client.expose(bytes(payload.data), [1000]), payload.position)
    body = bytes(message.buffer)
    header = encode_header(XID, 1, RDMA_MSG, [chunk], write_list, reply_chunk)
    return server.ask(header, body if behind else body[: payload.offset])


@pytest.mark.parametrize("size", SIZES)
def test_an_argument_that_was_fetched_takes_the_lane(size: int) -> None:
    service = Laned()
    server = Server(service)
    (answer,) = ask_with_argument(server, size)
    header = parse(answer)
    assert not header.write_list
    assert decode_reply(Decoder(answer[header.size :])) == (XID, [])
    assert service.taken == 1
    assert service.seen == [bytes(range(256)) * (size // 256 + 1)]
    assert not service.calls
    at_rest(server)


def test_an_argument_that_the_lane_declines_is_for_the_service() -> None:
    service = Laned(declines=True)
    server = Server(service)
    ask_with_argument(server, 5000)
    assert len(service.seen) == 1
    assert len(service.calls) == 1
    at_rest(server)


def test_an_argument_with_more_behind_it_is_for_the_service() -> None:
    service = Laned()
    server = Server(service)
    ask_with_argument(server, 5000, behind=True)
    assert not service.seen
    assert len(service.calls) == 1
    at_rest(server)


@pytest.mark.parametrize("kind", ["write", "reply"])
def test_an_argument_beside_another_chunk_is_for_the_service(kind: str) -> None:
    service = Laned()
    server = Server(service)
    writes = [server.client.offer(6000)] if kind == "write" else ()
    reply = server.client.offer(6000) if kind == "reply" else None
    ask_with_argument(server, 5000, write_list=writes, reply_chunk=reply)
    assert not service.seen
    assert len(service.calls) == 1
    at_rest(server)
