"""Two ends of one connection, below RPC: SEND, RDMA WRITE and RDMA READ by themselves.

The active end measures. The passive end obeys orders, small SENDs of JSON over the same connection,
so two hosts need nothing but the provider. Receives are consumed in the order they were posted, so
each end posts exactly those for what is to come: the data, then one for the next order.

Every message has a place of its own in a :class:`~.pattern.Pattern`. What the last messages left at
the other end is compared: there for SEND, through RDMA READ for WRITE.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.verbs.interfaces import (
    Connection,
    ConnectionRequest,
    ConnectRequest,
    Device,
    MemoryRegion,
)
from nfsrdma.rpcrdma.verbs.types import (
    WC,
    Access,
    ConnectOptions,
    QpOptions,
    RecvWR,
    SendWR,
    VerbsError,
    WcOpcode,
    WcStatus,
    WrOpcode,
)

from .pattern import PERIOD, Pattern, WrongData, address_of, whole_pages

PORT: Final = 18515
"""The port, which is also that of perftest."""
SLOTS: Final = 4
"""The number of messages that stay in their places to be compared."""
_ORDER_OCTETS: Final = 1024
_QUEUE: Final = 1024
_SIGNALED_EVERY: Final = 64
_ANSWER_S: Final = 60.0
_REMOTE: Final = Access.REMOTE_READ | Access.REMOTE_WRITE
_OPTIONS: Final = QpOptions(
    send_depth=_QUEUE + 16, recv_depth=2 * _QUEUE + 16, access=int(_REMOTE)
)  # fmt: skip

Order = dict[str, Any]


class PeerGone(Exception):
    """The connection ended, or was never established."""


def offset_of(number: int, size: int) -> int:
    """Return the offset of a message in the pattern, which differs for each."""
    return number * max(size, 4096) % PERIOD


class End:
    """One end: queues, the connection, and what was received and completed."""

    def __init__(self, device: Device, reactor: SelectReactor) -> None:
        self.reactor = reactor
        self.pd = device.create_pd()
        self.send_cq = device.create_cq(_QUEUE + 16)
        self.recv_cq = device.create_cq(2 * _QUEUE + 16)
        self.send_cq.set_handler(self._completed)
        self.recv_cq.set_handler(self._received)
        self.connection: Connection | None = None
        self.up = False
        self.gone = ""
        self.arrived: deque[WC] = deque()
        """Messages that were received and not asked for yet."""
        self.on_received: Callable[[WC], None] | None = None
        self.on_sent: Callable[[WC], None] | None = None
        self.error = ""
        self._sends = 0

    # --- Events of the connection ---

    def established(self, connection: Connection, private_data: bytes) -> None:
        """Note that both sides may send."""
        self.up = True

    def failed(self, error: Exception) -> None:
        """Note that the connection was never established."""
        self.gone = getattr(error, "strerror", None) or str(error) or type(error).__name__

    def disconnected(self, reason: str) -> None:
        """Note that the connection has ended."""
        self.gone = reason or "the connection ended"

    # --- Queues ---

    def _completed(self) -> None:
        while completions := self.send_cq.poll(64):
            for completion in completions:
                if completion.status != WcStatus.SUCCESS:
                    self._broken(completion)
                elif self.on_sent is not None and completion.wr_id is not None:
                    self.on_sent(completion)

    def _received(self) -> None:
        while completions := self.recv_cq.poll(64):
            for completion in completions:
                if completion.status != WcStatus.SUCCESS:
                    self._broken(completion)
                elif self.on_received is not None:
                    self.on_received(completion)
                else:
                    self.arrived.append(completion)

    def _broken(self, completion: WC) -> None:
        if completion.status != WcStatus.WR_FLUSH_ERR and not self.error:
            name = WcOpcode(completion.opcode).name
            self.error = f"{name} failed: {WcStatus(completion.status).name}"

    def until(self, condition: Callable[[], bool], timeout_s: float = _ANSWER_S) -> None:
        """Turn the reactor until ``condition`` holds. Raises :class:`PeerGone`."""
        try:
            self.reactor.run_until(
                lambda: bool(self.error or self.gone) or condition(), timeout_s
            )  # fmt: skip
        except TimeoutError:
            raise PeerGone(f"the peer did nothing for {timeout_s:.0f} s") from None
        if self.error or (self.gone and not condition()):
            raise PeerGone(self.error or self.gone)

    # --- Messages ---

    def post_recv(self, view: memoryview) -> None:
        """Post a receive buffer; the completion gives it back."""
        assert self.connection is not None
        self.connection.queue_pair.post_recv(RecvWR(view, view))

    def post_order_recv(self) -> None:
        """Post a receive buffer for an order, or for the answer to one."""
        self.post_recv(whole_pages(_ORDER_OCTETS))

    def send(self, view: memoryview) -> None:
        """Post a SEND that completes in silence unless it fails.

        Unsignaled requests leave the send queue when a signaled one after them completes, so now
        and then one is signaled.
        """
        self._sends += 1
        signaled = self._sends % _SIGNALED_EVERY == 0
        self.post(SendWR(WrOpcode.SEND, [view], signaled=signaled))

    def post(self, request: SendWR) -> None:
        """Post a send request."""
        assert self.connection is not None
        self.connection.queue_pair.post_send(request)

    def tell(self, order: Order) -> None:
        """Send an order, or the answer to one."""
        data = json.dumps(order).encode()
        assert len(data) <= _ORDER_OCTETS
        self.send(memoryview(data))

    def hear(self) -> Order:
        """Return the next order or answer that arrives. Raises :class:`PeerGone`."""
        self.until(lambda: bool(self.arrived))
        completion = self.arrived.popleft()
        order: Order = json.loads(bytes(completion.wr_id[: completion.byte_len]))
        return order

    def close(self) -> None:
        """Disconnect."""
        if self.connection is not None:
            self.connection.close()
        self.pd.close()


class Passive(End):
    """An end that carries out orders until the peer disconnects."""

    def __init__(self, device: Device, reactor: SelectReactor, request: ConnectionRequest) -> None:
        super().__init__(device, reactor)
        self.connection = request.prepare(self.pd, self.send_cq, self.recv_cq, _OPTIONS)
        self.post_order_recv()
        self._region: MemoryRegion | None = None
        self._size = 0
        self._count = 0
        """Messages that are to be taken; of which so many places were posted, and have come."""
        self._posted = 0
        self._number = 0
        self._echo = False
        self._places: list[memoryview] = []
        self._pattern: Pattern | None = None
        self.on_received = self._order
        request.accept(ConnectOptions(), self)

    def _order(self, completion: WC) -> None:
        order = json.loads(bytes(completion.wr_id[: completion.byte_len]))
        try:
            answer = {"region": self._expose, "take": self._take, "check": self._check}[
                order["do"]
            ](order)  # fmt: skip
        except (VerbsError, WrongData) as error:
            answer = {"error": str(error)}
        if order["do"] != "take":
            self.post_order_recv()
        self.tell(answer)

    def _ready(self, size: int) -> Pattern:
        """Return the pattern for messages of this size."""
        if self._pattern is None or size > self._size:
            self._pattern = Pattern(size, 1)
            self._size = size
        return self._pattern

    def _expose(self, order: Order) -> Order:
        """Register memory for :data:`SLOTS` messages, filled with what a READ should find."""
        size = order["size"]
        pattern = self._ready(size)
        if self._region is not None:
            self._region.deregister()
        view = whole_pages(SLOTS * size)
        for slot in range(SLOTS):
            view[slot * size : (slot + 1) * size] = pattern.record(offset_of(slot, size), size, 0)
        self._region = self.pd.register(view, Access.LOCAL_WRITE | _REMOTE)
        return {"address": self._region.address, "rkey": self._region.rkey}

    def _take(self, order: Order) -> Order:
        """Post receives for ``count`` messages, ``window`` at a time; echo them if asked."""
        size, count, window = order["size"], order["count"], order["window"]
        self._ready(size)
        self._places = [whole_pages(size) for _ in range(SLOTS)]
        self._count, self._posted, self._number = count, 0, 0
        self._echo = order["echo"]
        for _ in range(min(window, count)):
            self._post_place()
        if count <= window:
            self.post_order_recv()
        self.on_received = self._data
        return {}

    def _post_place(self) -> None:
        self.post_recv(self._places[self._posted % SLOTS])
        self._posted += 1
        if self._posted == self._count and self._number:
            self.post_order_recv()

    def _data(self, completion: WC) -> None:
        self._number += 1
        if self._posted < self._count:
            self._post_place()
        if self._echo:
            self.send(completion.wr_id[: completion.byte_len])
        if self._number == self._count:
            self.on_received = self._order

    def _check(self, order: Order) -> Order:
        """Compare the last messages that were taken."""
        size = order["size"]
        assert self._pattern is not None
        for number in range(max(0, self._number - SLOTS), self._number):
            place = self._places[number % SLOTS]
            self._pattern.check(address_of(place), place, size, offset_of(number, size), 0)
        return {}


def listen(
    device: Device, reactor: SelectReactor, address: str, port: int, *, once: bool
) -> tuple[tuple[str, int], Callable[[], None]]:
    """Serve measuring peers; return where, and a function that turns the reactor.

    The function returns when the first peer has disconnected, if ``once``, else never. Raises
    ``OSError``.
    """
    ends: list[Passive] = []

    def on_request(request: ConnectionRequest) -> None:
        ends[:] = [end for end in ends if not end.gone]
        ends.append(Passive(device, reactor, request))

    listener = device.listen(address, port, on_request)
    came = False

    def serve() -> None:
        nonlocal came
        while not (once and came and all(end.gone for end in ends)):
            reactor.turn(1.0)
            came = came or bool(ends)

    return listener.address, serve


def connect(device: Device, reactor: SelectReactor, address: str, port: int) -> End:
    """Connect, and return the measuring end. Raises :class:`PeerGone`."""
    end = End(device, reactor)
    end.connection = device.connect(
        ConnectRequest(address, port, end.pd, end.send_cq, end.recv_cq, end, _OPTIONS)
    )
    end.until(lambda: end.up)
    return end
