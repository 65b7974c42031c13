"""Two ends of an RPC-over-RDMA connection for tests, and ends that do as the test pleases."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.fake_verbs import FakeDevice, FakeFabric, FakeQp

from nfsrdma.rpcrdma.rpc.channel import IncomingCall
from nfsrdma.rpcrdma.transport import (
    RdmaChannel,
    TransportOptions,
    connect_rdma,
    listen_rdma,
)
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import (
    RDMA_ERROR,
    HeaderLimits,
    RpcRdmaHeader,
    decode_header,
)
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.rpcrdma.verbs.interfaces import ConnectRequest
from nfsrdma.rpcrdma.verbs.types import (
    Access,
    ConnectOptions,
    QpOptions,
    RecvWR,
    SendWR,
    WcStatus,
    WrOpcode,
)
from nfsrdma.xdr import Decoder, Encoder

PORT = 20049
CALL_HEAD = struct.Struct(">10I")
REPLY_HEAD = struct.Struct(">6I")
PROGRAM = 200000

Item = tuple[bool, bytes]
"""One opaque of a test message: whether it is DDP-eligible, and its octets."""


def call_message(xid: int, items: Sequence[Item] = ()) -> Encoder:
    """A call: AUTH_NONE, a count, then for each item a word, and an opaque."""
    enc = Encoder()
    enc.buffer += CALL_HEAD.pack(xid, 0, 2, PROGRAM, 1, 7, 0, 0, 0, 0)
    encode_items(enc, items)
    return enc


def reply_message(xid: int, items: Sequence[Item] = ()) -> Encoder:
    """A successful reply with the same kind of body."""
    enc = Encoder()
    enc.buffer += REPLY_HEAD.pack(xid, 1, 0, 0, 0, 0)
    encode_items(enc, items)
    return enc


def encode_items(enc: Encoder, items: Sequence[Item]) -> None:
    enc.uint32(len(items))
    for eligible, data in items:
        enc.uint32(int(eligible))
        if eligible:
            enc.payload(data)
        else:
            enc.opaque(data)
    enc.uint32(0xC0DE)


def decode_items(dec: Decoder) -> list[Item]:
    items = []
    for _ in range(dec.uint32()):
        eligible = bool(dec.uint32())
        items.append((eligible, bytes(dec.payload()) if eligible else dec.opaque()))
    assert dec.uint32() == 0xC0DE
    dec.done()
    return items


def decode_call(dec: Decoder) -> tuple[int, list[Item]]:
    xid, kind, rpc_version, *_ = dec.unpack(CALL_HEAD)
    assert (kind, rpc_version) == (0, 2)
    return xid, decode_items(dec)


def decode_reply(dec: Decoder) -> tuple[int, list[Item]]:
    xid, kind, *_ = dec.unpack(REPLY_HEAD)
    assert kind == 1
    return xid, decode_items(dec)


def reply_size(items: Sequence[Item]) -> int:
    """The octets of such a reply, contents of eligible items not counted."""
    sizes = (8 + (0 if eligible else (len(data) + 3) & ~3) for eligible, data in items)
    return REPLY_HEAD.size + 4 + sum(sizes) + 4


def echo(call: IncomingCall) -> None:
    """Answer with what was sent."""
    xid, items = decode_call(call.decoder)
    call.reply(reply_message(xid, items))


@dataclass
class Recorder:
    """A service that keeps its calls for the test to answer."""

    calls: list[Any] = field(default_factory=list)

    def __call__(self, call: IncomingCall) -> None:
        self.calls.append(call)


class Pair:
    """A client and a server of ours, connected."""

    def __init__(
        self,
        service: Callable[[IncomingCall], None] = echo,
        *,
        client: TransportOptions | None = None,
        server: TransportOptions | None = None,
        reverse: Callable[[IncomingCall], None] | None = None,
        fabric: FakeFabric | None = None,
    ) -> None:
        self.fabric = fabric or FakeFabric()
        self.reactor = self.fabric.reactor
        self.server_device = self.fabric.device("server")
        self.client_device = self.fabric.device("client")
        channels: list[RdmaChannel] = []
        self.listener = listen_rdma(
            self.server_device,
            self.reactor,
            "server",
            PORT,
            service,
            options=server,
            on_channel=channels.append,
        )
        future = connect_rdma(
            self.client_device, self.reactor, "server", PORT, options=client, service=reverse
        )
        self.reactor.run()
        self.client = future.result()
        self.server = channels[0]
        self.client_qp: FakeQp = self.client._endpoint.connection.queue_pair
        self.server_qp: FakeQp = self.server._endpoint.connection.queue_pair

    def call(
        self,
        xid: int,
        items: Sequence[Item] = (),
        max_reply: int = 512,
        sinks: Sequence[memoryview] = (),
    ) -> list[Item]:
        """One call and its reply."""
        future = self.client.call(call_message(xid, items), max_reply=max_reply, sinks=sinks)
        self.reactor.run()
        reply_xid, result = decode_reply(future.result())
        assert reply_xid == xid
        return result

    def assert_at_rest(self) -> None:
        """Nothing is registered, lent, or in progress; every receive is posted."""
        assert not self.client_device.regions
        assert not self.server_device.regions
        for channel, qp in ((self.client, self.client_qp), (self.server, self.server_qp)):
            assert not channel.requester._sent
            assert not channel.requester._waiting
            assert channel.requester.window.in_use == 0
            assert channel.responder.grant.in_use == 0
            assert channel.responder.buffered == 0
            if not channel.closed:
                assert qp.receives_posted == channel.options.receive_depth


class RawPeer:
    """One end of a connection without any transport: it sends what it is told to."""

    def __init__(self, device: FakeDevice, receive_size: int = 4096) -> None:
        self.device = device
        self.pd = device.create_pd()
        self.send_cq = device.create_cq(4096)
        self.recv_cq = device.create_cq(4096)
        self.send_cq.set_handler(lambda: self.send_cq.poll(4096))
        self.lost: str | None = None
        self.theirs: bytes = b""
        self._receive_size = receive_size
        self.qp_options = QpOptions(2048, 512, int(Access.REMOTE_READ | Access.REMOTE_WRITE))
        self.connection: Any = None
        self.memory: dict[int, memoryview] = {}
        """What was offered to be written, by R_key, for as long as the peer lives."""

    def connect(
        self, private_data: PrivateData | None = None, receives: int = 64, depth: int = 16
    ) -> None:
        """Connect to the server."""
        data = private_data.encode() if private_data else b""
        self.connection = self.device.connect(
            ConnectRequest(
                "server",
                PORT,
                self.pd,
                self.send_cq,
                self.recv_cq,
                self,
                self.qp_options,
                ConnectOptions(private_data=data, responder_resources=depth),
            )
        )
        self._post(receives)

    def listen(self, private_data: PrivateData | None = None) -> None:
        """Be the server."""

        def on_request(request: Any) -> None:
            self.theirs = request.private_data
            self.connection = request.prepare(self.pd, self.send_cq, self.recv_cq, self.qp_options)
            self._post(256)
            data = private_data.encode() if private_data else b""
            request.accept(ConnectOptions(private_data=data), self)

        self.device.listen("server", PORT, on_request)

    def _post(self, receives: int) -> None:
        for _ in range(receives):
            view = memoryview(bytearray(self._receive_size))
            self.connection.queue_pair.post_recv(RecvWR(view, view))

    def established(self, connection: Any, private_data: bytes) -> None:
        if private_data:
            self.theirs = private_data

    def failed(self, error: Exception) -> None:
        self.lost = str(error)

    def disconnected(self, reason: str) -> None:
        self.lost = reason

    def send(self, message: bytes | bytearray, rkey: int | None = None) -> None:
        opcode = WrOpcode.SEND if rkey is None else WrOpcode.SEND_WITH_INV
        self.connection.queue_pair.post_send(
            SendWR(opcode, (memoryview(bytes(message)),), rkey=rkey or 0)
        )

    def write(self, segment: Segment, data: bytes) -> None:
        self.connection.queue_pair.post_send(
            SendWR(
                WrOpcode.RDMA_WRITE,
                (memoryview(data),),
                remote_address=segment.offset,
                rkey=segment.handle,
            )
        )

    def run(self) -> None:
        self.device.reactor.run()

    def expose(self, data: bytes, pieces: Sequence[int] = ()) -> list[Segment]:
        """Register octets for reading, cut at ``pieces``; one segment each."""
        cuts = [0, *sorted(pieces), len(data)]
        segments = []
        for start, end in itertools.pairwise(cuts):
            view = memoryview(bytearray(data[start:end]))
            region = self.pd.register(view, Access.REMOTE_READ)
            segments.append(Segment(region.rkey, len(view), region.address))
        return segments

    def offer(self, *sizes: int) -> Chunk:
        """Register zeroed memory for writing; one segment for each size."""
        segments = []
        for size in sizes:
            region = self.pd.register(
                memoryview(bytearray(size)), Access.LOCAL_WRITE | Access.REMOTE_WRITE
            )
            self.memory[region.rkey] = region.view
            segments.append(Segment(region.rkey, size, region.address))
        return Chunk(segments)

    def contents(self, returned: Chunk) -> bytes:
        """What was written to a chunk, by the lengths that came back."""
        return b"".join(
            bytes(self.memory[handle][:length]) for handle, length, _ in returned.segments
        )

    def messages(self) -> list[tuple[bytes, int | None]]:
        """Run, and take what arrived, each with the R_key that came with it."""
        self.run()
        taken = []
        for completion in self.recv_cq.poll(4096):
            if completion.status == WcStatus.SUCCESS:
                view = completion.wr_id
                taken.append((bytes(view[: completion.byte_len]), completion.invalidated_rkey))
                self.connection.queue_pair.post_recv(RecvWR(view, view))
        return taken


def parse(message: bytes) -> RpcRdmaHeader:
    """The header of a message that arrived."""
    return decode_header(memoryview(message), HeaderLimits())


FULL = PrivateData(4096, 4096, True)


class Server:
    """A server of ours with one raw client."""

    def __init__(
        self,
        service: Callable[[IncomingCall], None] = echo,
        options: TransportOptions | None = None,
        private_data: PrivateData | None = FULL,
        *,
        receives: int = 64,
        depth: int = 16,
        late: int = 0,
    ) -> None:
        self.fabric = FakeFabric()
        device = self.fabric.device("server")
        device.late_establishment = late
        self.channels: list[RdmaChannel] = []
        self.listener = listen_rdma(
            device,
            self.fabric.reactor,
            "server",
            PORT,
            service,
            options=options,
            on_channel=self.channels.append,
        )
        self.client = RawPeer(self.fabric.device("client"))
        self.client.connect(private_data, receives, depth)
        if not late:
            self.fabric.reactor.run()

    @property
    def channel(self) -> RdmaChannel:
        return self.channels[0]

    def ask(self, header: bytes | bytearray, body: bytes = b"") -> list[bytes]:
        """Send one message; what comes back."""
        self.client.send(bytes(header) + body)
        return [message for message, _ in self.client.messages()]

    def error(self, header: bytes | bytearray, body: bytes = b"") -> int:
        """Send one message that is answered with an error; its code."""
        (answer,) = self.ask(header, body)
        parsed = parse(answer)
        assert parsed.proc == RDMA_ERROR
        assert parsed.xid == int.from_bytes(header[:4], "big")
        assert parsed.credit > 0
        assert not self.channel.closed
        assert self.channel.responder.grant.in_use == 0
        assert self.channel.responder.buffered == 0
        return parsed.error
