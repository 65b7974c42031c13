"""What every provider offers: the verbs as protocols.

One set of rules for all of them, checked by one conformance suite:

* Everything happens on the thread of the device's reactor. No method blocks. Callbacks are
  called from the reactor, never from inside the call that caused them, and must not raise.
* A queue pair's work requests complete in the order posted. When a queue pair fails or is
  closed, every request still posted completes with ``WR_FLUSH_ERR``; none is lost.
* A memory region can be reached by the peer from ``register`` until ``deregister``, its
  invalidation (by the peer's SEND_WITH_INV or our LOCAL_INV) or the close of its protection
  domain, within its bounds and its access flags, by queue pairs of that domain only.
* After any of these returns, no octet of the region is written by the peer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from .types import (
    WC,
    Access,
    ConnectOptions,
    DeviceLimits,
    QpOptions,
    QpState,
    RecvWR,
    SendWR,
)


class MemoryRegion(Protocol):
    """A registered buffer."""

    @property
    def address(self) -> int:
        """The virtual address by which the peer names its first octet (64 bits)."""

    @property
    def rkey(self) -> int:
        """The key by which the peer names it (32 bits, unpredictable, never reused soon)."""

    @property
    def view(self) -> memoryview:
        """The registered memory."""

    @property
    def valid(self) -> bool:
        """False once invalidated or deregistered: the peer cannot reach it any more."""

    def deregister(self) -> None:
        """End the registration. Harmless to repeat."""


class ProtectionDomain(Protocol):
    """What regions and queue pairs must share for a peer to reach the former by the latter.

    As a rule there is one for each connection.
    """

    def register(
        self, buffer: memoryview, access: Access, *, remote_address: int | None = None
    ) -> MemoryRegion:
        """Register without a copy; ``buffer`` must be writable if ``access`` has a WRITE flag.

        ``remote_address`` proposes the region's address (a provider may choose another). Memory
        that is registered only to be read must not change meanwhile: a provider may copy it now,
        or later. Raises ``VerbsError`` when the buffer cannot be registered with these flags.
        """

    def close(self) -> None:
        """End every registration of the domain."""


@runtime_checkable
class LendingDomain(Protocol):
    """A protection domain that has memory to which data comes without a copy; few have it."""

    def lend(self, size: int, *, clear: bool = True) -> memoryview:
        """Return memory for ``size`` octets, at least one, of zeros, until its last view is gone.

        The peer may touch it at any moment, registered or not. If it need not be clear, it may hold
        what was in it when it was lent before. Raises ``VerbsError`` if there is no more of it.
        """


class CompletionQueue(Protocol):
    """Where finished work requests are collected."""

    def poll(self, limit: int) -> list[WC]:
        """Take at most ``limit`` completions, oldest first."""

    def set_handler(self, handler: Callable[[], None] | None) -> None:
        """Have ``handler`` called when the queue has become non-empty (once per batch).

        It is called again only after a ``poll`` emptied the queue and more arrived, or at the
        next turn of the reactor if it was left non-empty.
        """


class QueuePair(Protocol):
    """One end of a reliable connection: a send queue and a receive queue."""

    @property
    def number(self) -> int:
        """What the peer calls it (24 bits)."""

    @property
    def state(self) -> QpState:
        """Where it is in its life."""

    def post_send(self, request: SendWR) -> None:
        """Queue a send request. Raises ``VerbsError`` if the queue is full or was never up.

        Posting to a failed queue pair is no error: the request completes flushed.
        """

    def post_recv(self, request: RecvWR) -> None:
        """Queue a receive buffer, from INIT on."""


@runtime_checkable
class MappingQueuePair(QueuePair, Protocol):
    """A queue pair whose peer's memory can be mapped here; few providers have them.

    Data can be read from a file right into the peer's memory, or be written from there, without a
    copy between. Access checks are those of RDMA WRITE and READ.
    """

    def map_remote(self, rkey: int, address: int, length: int, access: int) -> memoryview | None:
        """Return the peer's memory under this key; ``None`` if it is out of reach or unmapped.

        ``access`` is ``REMOTE_WRITE`` or ``REMOTE_READ``. Each view has an ``obj`` of its own, by
        which slices of it can be recognized. The peer may change the memory at any moment, so do
        not look at it twice. An RDMA WRITE that is ``placed`` tells the peer of what was put
        there. Until :meth:`unmap_remote` the memory is used for nothing else, even if the peer
        ends its registration meanwhile.
        """

    def unmap_remote(self, rkey: int) -> None:
        """End one :meth:`map_remote` of this key."""


@runtime_checkable
class PromptQueuePair(QueuePair, Protocol):
    """A queue pair that can show a message to its owner before it completes a receive; few can."""

    prompt: Callable[[memoryview], bool] | None
    """Called from the reactor with a plain message, for which there is a receive, if no completions
    wait that came before. True says that the message was dealt with: it has no completion, and the
    buffer is used again. False, before anything was posted, that it is to be completed as ever. The
    view is valid until the return, or until something is posted; an exchange from within may be
    declined."""

    def begin(self, length: int) -> memoryview | None:
        """Return memory for a message of so many octets, of any content, or None if there is none.

        It is sent by :meth:`finish`, if nothing else is posted before, and else forgotten. The peer
        may see it, and change it, before that.
        """

    def put(self, pieces: Sequence[bytes | memoryview]) -> bool:
        """Send a message, which is copied, without a completion; return False if it was not sent.

        That is so where it would have to wait. ``pieces`` is a tuple.
        """

    def place(self, rkey: int, address: int, length: int) -> None:
        """Tell the peer, before :meth:`finish`, of octets that are in its memory already.

        They are those of an RDMA WRITE that is ``placed`` (``types.SendWR``).
        """

    def finish(self, rkey: int = 0) -> None:
        """Send what was begun, without a completion; ``rkey`` is for the peer to invalidate."""


@runtime_checkable
class ExchangingQueuePair(QueuePair, Protocol):
    """A queue pair that can wait a little for the answer to a message; few can."""

    def exchange(
        self,
        pieces: Sequence[bytes | memoryview],
        expected: bytes,
        mask: bytes,
        most: int,
        sink: memoryview | None,
        rkey: int | None = None,
        octets: int = 0,
    ) -> bytes | None:
        """Send a message and take the peer's next one, if that comes soon and is the answer.

        The message, in ``pieces``, is copied, and takes no place in the send queue. The answer is
        a plain message of ``most`` octets at the most that begins with the octets ``expected``,
        where ``mask``, as long as these, has ones. Without a ``sink`` all of it is returned.
        With one ``expected`` ends with the length of an opaque that is the rest of the answer: the
        sink, in which there must be room for it, gets its octets, and what comes before them is
        returned. No receive is used. ``rkey`` is of the memory that the message offers, if it does:
        before it answers, the peer may write there, and with the answer invalidate it. ``octets``
        is how much it has to read or write there, which says how long it may take.

        Returns None if nothing was sent, since something else is under way or waiting here does
        not pay; and no octets if the message was sent and its answer is still to come, or is
        something else: then it arrives as ever. Raises ``VerbsError``.
        """


class Connection(Protocol):
    """A queue pair and its connection management identifier."""

    @property
    def queue_pair(self) -> QueuePair:
        """The queue pair that carries the traffic."""

    @property
    def pd(self) -> ProtectionDomain:
        """The queue pair's protection domain."""

    @property
    def local_address(self) -> tuple[str, int]:
        """Our host and port."""

    @property
    def peer_address(self) -> tuple[str, int]:
        """The peer's host and port."""

    @property
    def initiator_depth(self) -> int:
        """RDMA READs that may be in flight from here, as negotiated."""

    def disconnect(self) -> None:
        """Say good-bye (DREQ) and flush the queue pair. Harmless to repeat."""

    def close(self) -> None:
        """Disconnect if need be and free queue pair and identifier."""


class ConnectionHandler(Protocol):
    """Callbacks for the owner of a connection. Each method is called at most once."""

    def established(self, connection: Connection, private_data: bytes) -> None:
        """Learn that both sides may send; ``private_data`` is the peer's (passive side: empty)."""

    def failed(self, error: Exception) -> None:
        """Learn why there is none: ``ConnectionRejected``, ``TimeoutError`` or ``OSError``."""

    def disconnected(self, reason: str) -> None:
        """Learn that the connection has ended. The queue pair has been or is being flushed."""


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """What the active side of a connection asks of ``Device.connect``.

    ``address`` is numeric or a name, ``pd`` and the completion queues are the device's own, and
    ``handler`` is told how the connection fares.
    """

    address: str
    port: int
    pd: ProtectionDomain
    send_cq: CompletionQueue
    recv_cq: CompletionQueue
    handler: ConnectionHandler
    qp_options: QpOptions = field(default_factory=QpOptions)
    connect_options: ConnectOptions = field(default_factory=ConnectOptions)


class ConnectionRequest(Protocol):
    """A peer's request to connect. Exactly one of ``accept`` and ``reject`` must be called.

    ``prepare`` makes the queue pair so that receives can be posted before the peer may send.
    """

    @property
    def private_data(self) -> bytes:
        """What the peer sent along, with padding where the message has a fixed size."""

    @property
    def peer_address(self) -> tuple[str, int]:
        """The peer's host and port."""

    @property
    def responder_resources(self) -> int:
        """How many RDMA READs of ours the peer offers to answer at a time."""

    @property
    def uid(self) -> int | None:
        """The user whose process the peer is, if the provider can tell this early."""

    def prepare(
        self,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
    ) -> Connection:
        """Make the queue pair, so that receives can be posted before the peer may send.

        Raises ``VerbsError`` when it was prepared before, or the objects are another device's.
        """

    def accept(self, options: ConnectOptions, handler: ConnectionHandler) -> None:
        """Accept. Raises ``VerbsError`` if it is not prepared, or answered already."""

    def reject(self, private_data: bytes = b"") -> None:
        """Reject. Raises ``VerbsError`` if it is answered already."""


class Listener(Protocol):
    """A port that peers can connect to."""

    @property
    def address(self) -> tuple[str, int]:
        """The host and port listened on."""

    def close(self) -> None:
        """Refuse new connections; those that are up stay up."""


class Device(Protocol):
    """One adapter, real or not, opened on one reactor."""

    @property
    def name(self) -> str:
        """What the device is called."""

    @property
    def limits(self) -> DeviceLimits:
        """What the device can do."""

    def packet_counters(self) -> dict[str, int]:
        """Return what became of packets below the connections, by name.

        Empty where the provider has no packets, or where an adapter counts them.
        """

    def create_pd(self) -> ProtectionDomain:
        """Return a new protection domain."""

    def create_cq(self, depth: int) -> CompletionQueue:
        """Return a new completion queue for about ``depth`` completions."""

    def listen(
        self, address: str, port: int, on_request: Callable[[ConnectionRequest], None]
    ) -> Listener:
        """Listen on a local address, name or wildcard; port 0 takes a free one.

        Raises ``OSError`` when the address or the port cannot be had.
        """

    def connect(self, request: ConnectRequest) -> Connection:
        """Start to connect; receives may be posted on the result's queue pair at once.

        Raises ``OSError`` when the peer cannot be reached from here, ``VerbsError`` when the
        request's objects or options do not suit this device.
        """

    def close(self) -> None:
        """Disconnect everything, flush everything, free everything."""
