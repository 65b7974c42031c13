"""Making connections: ``connect_rdma`` and ``listen_rdma``."""

from __future__ import annotations

from collections.abc import Callable

from ..rpc.channel import Service
from ..task import Future, Reactor
from ..verbs.interfaces import Connection, ConnectionRequest, Device, Listener
from ..verbs.types import Access, ConnectOptions, QpOptions
from .channel import RdmaChannel
from .options import TransportOptions

NFS_RDMA_PORT = 20049
"""Where NFS servers listen (RFC 8267)."""

_MOUNTED = int(Access.REMOTE_READ | Access.REMOTE_WRITE)


def connect_rdma(
    device: Device,
    reactor: Reactor,
    address: str,
    port: int = NFS_RDMA_PORT,
    *,
    options: TransportOptions | None = None,
    service: Service | None = None,
) -> Future[RdmaChannel]:
    """Connect; ``service`` answers calls of the reverse direction (RFC 8167).

    Errors: ``ConnectionRefusedError``, ``TimeoutError``, other ``OSError``.
    """
    options = options or TransportOptions()
    future: Future[RdmaChannel] = Future()
    channel = RdmaChannel(device.create_pd(), device.limits, options, service, active=True)
    send_cq = device.create_cq(options.send_depth)
    recv_cq = device.create_cq(options.receive_depth)
    try:
        connection = device.connect(
            address,
            port,
            channel.pd,
            send_cq,
            recv_cq,
            QpOptions(options.send_depth, options.receive_depth, _MOUNTED),
            ConnectOptions(
                private_data=options.private_data.encode(),
                responder_resources=min(
                    options.responder_resources, device.limits.max_rd_atomic
                ),
                initiator_depth=0,
                timeout_s=options.connect_timeout_s,
            ),
            _Handler(channel, future),
        )
    except OSError as error:
        channel.close()
        reactor.call_soon(future.set_error, error)
        return future
    channel.attach(connection, send_cq, recv_cq, read_depth=0)
    return future


class _Handler:
    """What becomes of a connection. ``future`` is that of the side that connects."""

    def __init__(
        self,
        channel: RdmaChannel,
        future: Future[RdmaChannel] | None = None,
        private_data: bytes | None = None,
        on_channel: Callable[[RdmaChannel], None] | None = None,
    ) -> None:
        self._channel = channel
        self._future = future
        self._private_data = private_data
        self._on_channel = on_channel

    def established(self, connection: Connection, private_data: bytes) -> None:
        if self._private_data is not None:
            private_data = self._private_data  # the request's: the last message has none
        channel = self._channel
        channel.establish(private_data)
        if self._future is not None:
            self._future.set_result(channel)
        if self._on_channel is not None:
            self._on_channel(channel)

    def failed(self, error: Exception) -> None:
        self._channel.disconnected(f"never established: {error}")
        if self._future is not None:
            self._future.set_error(error)

    def disconnected(self, reason: str) -> None:
        self._channel.disconnected(reason)


class RdmaListener:
    """Accepts connections until it is closed."""

    def __init__(
        self,
        device: Device,
        service: Service,
        options: TransportOptions,
        on_channel: Callable[[RdmaChannel], None] | None,
    ) -> None:
        self._device = device
        self._service = service
        self._options = options
        self._on_channel = on_channel
        self._listener: Listener | None = None
        self.channels: set[RdmaChannel] = set()
        """The connections that are up, or about to be."""

    def listen(self, address: str, port: int) -> None:
        """Begin. Raises ``OSError`` when the address or the port cannot be had."""
        self._listener = self._device.listen(address, port, self._on_request)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._listener is not None
        return self._listener.address

    def close(self) -> None:
        """Accept no more; the connections that are up stay up."""
        if self._listener is not None:
            self._listener.close()

    def _on_request(self, request: ConnectionRequest) -> None:
        options = self._options
        depth = min(request.responder_resources, self._device.limits.max_rd_atomic)
        # Without RDMA READ no call with chunks could be answered. Linux refuses such a peer, too.
        if depth < 1 or len(self.channels) >= options.max_connections:
            request.reject()
            return
        channel = RdmaChannel(
            self._device.create_pd(), self._device.limits, options, self._service, active=False
        )
        send_cq = self._device.create_cq(options.send_depth)
        recv_cq = self._device.create_cq(options.receive_depth)
        # No access at all: a server exposes no memory (RFC 8166, Section 8.1).
        qp_options = QpOptions(options.send_depth, options.receive_depth, access=0)
        connection = request.prepare(channel.pd, send_cq, recv_cq, qp_options)
        channel.attach(connection, send_cq, recv_cq, depth)
        self.channels.add(channel)
        channel.on_close(lambda _: self.channels.discard(channel))
        request.accept(
            ConnectOptions(
                private_data=options.private_data.encode(),
                responder_resources=0,
                initiator_depth=depth,
            ),
            _Handler(
                channel, private_data=request.private_data, on_channel=self._on_channel
            ),
        )


def listen_rdma(
    device: Device,
    reactor: Reactor,
    address: str,
    port: int = NFS_RDMA_PORT,
    service: Service | None = None,
    *,
    options: TransportOptions | None = None,
    on_channel: Callable[[RdmaChannel], None] | None = None,
) -> RdmaListener:
    """Listen, answering calls with ``service``; ``on_channel`` is told of every connection.

    Raises ``OSError`` when the address or the port cannot be had.
    """
