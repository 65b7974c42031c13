"""Making connections: ``connect_rdma`` and ``listen_rdma``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ..admission import Admission
from ..budget import UNBOUNDED, Account, Budget
from ..complaints import Complaints
from ..rpc.channel import Owner, Peer, Service
from ..task import Future, Reactor, TimerHandle
from ..verbs.interfaces import Connection, ConnectionRequest, ConnectRequest, Device, Listener
from ..verbs.types import Access, ConnectOptions, QpOptions, VerbsError
from .channel import RdmaChannel
from .endpoint import FAULT, Queues
from .options import SHORT_INLINE, TransportOptions

_log = logging.getLogger(__name__)

NFS_RDMA_PORT: Final = 20049
"""Where NFS servers listen for RDMA (RFC 8267)."""

_REACHABLE: Final = int(Access.REMOTE_READ | Access.REMOTE_WRITE)

RULES_BROKEN: Final = "the peer broke the rules"
"""How the reason begins if a provider ended a connection for what the peer did."""

OnChannel = Callable[[RdmaChannel], object]
OwnerOf = Callable[[Connection], Owner | None]
"""Returns whose process a peer is (see ``Peer``); None if it is on another host."""


def connect_rdma(
    device: Device,
    reactor: Reactor,
    address: str,
    port: int = NFS_RDMA_PORT,
    *,
    options: TransportOptions | None = None,
    service: Service | None = None,
) -> Future[RdmaChannel]:
    """Connect over ``device``, which was opened on ``reactor``.

    ``service`` answers the server's calls in the reverse direction (RFC 8167); without it they
    are refused. Errors: ``ConnectionRefusedError``, ``TimeoutError``, other kinds of ``OSError``.
    """
    options = _fitted(options, device)
    limits = device.limits
    if not limits.remote_invalidation:
        options = replace(options, remote_invalidation=False)
    future: Future[RdmaChannel] = Future()
    queues = Queues(device, options)
    handler = _Handler(reactor, future=future)
    connect_options = ConnectOptions(
        private_data=options.private_data.encode(),
        responder_resources=min(options.responder_resources, limits.max_rd_atomic),
        initiator_depth=0,  # only the other side reads
        timeout_s=options.connect_timeout_s,
    )
    try:
        connection = device.connect(
            ConnectRequest(
                address,
                port,
                queues.pd,
                queues.send_cq,
                queues.recv_cq,
                handler,
                QpOptions(options.send_depth, options.receive_depth, _REACHABLE),
                connect_options,
            )
        )
    except OSError as error:
        queues.pd.close()
        future.set_error(error)
        return future
    handler.channel = RdmaChannel(
        connection,
        queues,
        limits,
        options,
        service,
        active=True,
        read_depth=0,
        complaints=Complaints(_log, reactor.time),
        reactor=reactor,
    )
    return future


def _fitted(options: TransportOptions | None, device: Device) -> TransportOptions:
    """Return the options, or those that suit the device if none were given."""
    return options or TransportOptions.suiting(device.limits)


class _Handler:
    """Receives what becomes of a connection, on either side.

    ``channel`` is set before anything can happen to the connection.
    """

    __slots__ = ("_future", "_on_channel", "_owner_of", "_reactor", "_request_data", "channel")

    channel: RdmaChannel

    def __init__(
        self,
        reactor: Reactor,
        *,
        future: Future[RdmaChannel] | None = None,
        request_data: bytes | None = None,
        on_channel: OnChannel | None = None,
        owner_of: OwnerOf | None = None,
    ) -> None:
        self._owner_of = owner_of
        self._reactor = reactor
        self._future = future
        self._request_data = request_data
        self._on_channel = on_channel

    def established(self, connection: Connection, private_data: bytes) -> None:
        """Begin to use the connection."""
        # To the accepting side, the peer has spoken in its request.
        theirs = private_data if self._request_data is None else self._request_data
        channel = self.channel
        if self._owner_of is not None:
            # Not before: a request costs nothing to make, and this does to answer.
            try:
                channel.belongs_to(self._owner_of(connection))
            except OSError as error:
                # The peer may try again. Without knowing its owner we do not let it in.
                channel.close(f"the peer's owner cannot be looked up: {error}")
                return
        channel.establish(theirs, self._reactor.time())
        if self._future is not None:
            self._future.set_result(channel)
        if self._on_channel is not None and not channel.closed:
            try:
                self._on_channel(channel)
            except BaseException:
                channel.disconnected(FAULT)
                raise

    def failed(self, error: Exception) -> None:
        """Give up: the connection will not come up."""
        self.channel.disconnected(f"never established: {error}")
        if self._future is not None:
            self._future.set_error(error)

    def disconnected(self, reason: str) -> None:
        """End the channel."""
        self.channel.disconnected(reason)


class RdmaListener:
    """A listening device, from :func:`listen_rdma`."""

    def __init__(
        self,
        device: Device,
        reactor: Reactor,
        service: Service,
        options: TransportOptions,
        on_channel: OnChannel | None,
        budget: Budget,
        owner_of: OwnerOf | None,
    ) -> None:
        self._owner_of = owner_of
        self._device = device
        self._budget = budget
        self._reactor = reactor
        self._service = service
        self._options = options
        self._on_channel = on_channel
        self._listener: Listener | None = None
        self._timer: TimerHandle | None = None
        self._ask_at = 0.0
        self.channels: dict[RdmaChannel, None] = {}
        """The connections that are up, or about to be, in the order they came."""
        self._receive_memory = Budget(options.max_receive_memory)
        self._complaints = Complaints(_log, reactor.time)
        self._admission = Admission(
            options.max_connections, RdmaChannel.disconnected, self._complaints
        )
        self.rejected = 0
        """Connections refused: for want of RDMA READ, or because there were too many."""

    def listen(self, address: str, port: int) -> None:
        """Start to listen. Raises ``OSError`` if the address or the port is not to be had."""
        self._listener = self._device.listen(address, port, self._on_request)

    @property
    def address(self) -> tuple[str, int]:
        """The address and port that it listens on."""
        assert self._listener is not None, "not listening"
        return self._listener.address

    def close(self) -> None:
        """Accept no more connections; those that are up stay up."""
        if self._listener is not None:
            self._listener.close()

    def _on_request(self, request: ConnectionRequest) -> None:
        options = self._options
        depth = min(request.responder_resources, self._device.limits.max_rd_atomic)
        uid = request.uid
        peer = Peer("rdma", *request.peer_address, uid)
        # Without RDMA READ no call with Read chunks could be taken: Linux, too, refuses here.
        if depth < 1 or not self._admission.admit(peer):
            self.rejected += 1
            request.reject()
            return
        receives = self._receive_memory.account(peer.address, uid)
        options, octets = self._within(receives)
        account = self._budget.account(peer.address, uid)
        queues = Queues(self._device, options)
        try:
            channel = self._prepare(request, queues, options, depth, account)
        except (OSError, VerbsError, MemoryError) as error:
            queues.pd.close()
            account.leave()
            _give_back(receives, octets)
            self.rejected += 1
            self._complaints.about(peer, "nothing left to make a connection of", error)
            request.reject()
            return
        channel.on_close(lambda _: _give_back(receives, octets))
        self.channels[channel] = None
        self._admission.enter(channel, peer)
        channel.on_close(lambda reason: self._gone(channel, reason))
        if self._timer is None:
            self._ask_at = self._reactor.time() + options.keepalive_s
            self._look_later()
        handler = _Handler(
            self._reactor,
            request_data=request.private_data,
            on_channel=self._on_channel,
            owner_of=self._owner_of,
        )
        handler.channel = channel
        answer = options.private_data.encode()
        request.accept(
            ConnectOptions(answer, responder_resources=0, initiator_depth=depth), handler
        )

    def _prepare(
        self,
        request: ConnectionRequest,
        queues: Queues,
        options: TransportOptions,
        depth: int,
        account: Account,
    ) -> RdmaChannel:
        """Make the channel of a connection that is about to be accepted."""
        # No access at all: a server exposes no memory (RFC 8166, Section 8.1).
        qp_options = QpOptions(options.send_depth, options.receive_depth, access=0)
        connection = request.prepare(queues.pd, queues.send_cq, queues.recv_cq, qp_options)
        try:
            return RdmaChannel(
                connection,
                queues,
                self._device.limits,
                options,
                self._service,
                active=False,
                read_depth=depth,
                complaints=self._complaints,
                reactor=self._reactor,
                account=account,
            )
        except BaseException:
            connection.close()
            raise

    def _within(self, receives: Account) -> tuple[TransportOptions, int]:
        """Charge the receive buffers of one more connection; return its options and the octets."""
        options = self._options
        octets = options.receive_depth * options.inline_receive
        if not receives.acquire(octets):
            options = replace(options, inline_receive=min(options.inline_receive, SHORT_INLINE))
            octets = options.receive_depth * options.inline_receive
            receives.charge(octets)
        return options, octets

    def _gone(self, channel: RdmaChannel, reason: str) -> None:
        self.channels.pop(channel, None)
        self._admission.leave(channel)
        if channel.fault or reason.startswith(RULES_BROKEN):
            what, _, detail = reason.partition(": ")
            self._complaints.about(channel.peer, what, detail)
        if not self.channels and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_later(self) -> None:
        options = self._options
        when = self._reactor.time() + min(options.keepalive_s, options.read_timeout_s)
        self._timer = self._reactor.call_at(when, self._look)

    def _look(self) -> None:
        """Find connections whose peers are gone, which a side that only answers never notices."""
        self._look_later()
        now = self._reactor.time()
        ask = now >= self._ask_at
        if ask:
            self._ask_at = now + self._options.keepalive_s
        for channel in list(self.channels):
            channel.look()
            if ask:
                channel.keep_alive()


def _give_back(receives: Account, octets: int) -> None:
    receives.charge(-octets)
    receives.leave()


def listen_rdma(
    device: Device,
    reactor: Reactor,
    address: str,
    port: int,
    service: Service,
    *,
    options: TransportOptions | None = None,
    on_channel: OnChannel | None = None,
    budget: Budget | None = None,
    owner_of: OwnerOf | None = None,
) -> RdmaListener:
    """Serve every peer that connects to ``device``, which was opened on ``reactor``.

    ``on_channel`` gets each connection once it is up. What peers make us hold is charged to
    ``budget``. ``owner_of`` finds the owner of a peer on this host (``providers.owners``). Raises
    ``OSError`` if the address or the port is not to be had.
    """
    if budget is None:
        budget = Budget(UNBOUNDED)
    fitted = _fitted(options, device)
    listener = RdmaListener(device, reactor, service, fitted, on_channel, budget, owner_of)
    listener.listen(address, port)
    return listener
