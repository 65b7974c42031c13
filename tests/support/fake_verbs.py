"""Verbs in memory: a loss-free fabric of devices for the tests of what sits on the verbs.

It keeps every promise of ``verbs/interfaces.py`` that a transport may lean on, and takes no
liberties: completions come from the reactor only, bounds, access flags, domains and invalidation
are enforced, a SEND without a posted receive kills the connection (as with an RNR retry count of
zero), and so does one longer than its buffer. Everything registered is counted.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from nfsrdma.rpcrdma.verbs.interfaces import ConnectionHandler, ConnectRequest
from nfsrdma.rpcrdma.verbs.types import (
    WC,
    Access,
    ConnectOptions,
    DeviceLimits,
    QpOptions,
    QpState,
    RecvWR,
    SendWR,
    VerbsError,
    WcOpcode,
    WcStatus,
    WrOpcode,
)

_WC_OPCODES = {
    WrOpcode.RDMA_WRITE: WcOpcode.RDMA_WRITE,
    WrOpcode.SEND: WcOpcode.SEND,
    WrOpcode.SEND_WITH_INV: WcOpcode.SEND,
    WrOpcode.RDMA_READ: WcOpcode.RDMA_READ,
    WrOpcode.LOCAL_INV: WcOpcode.LOCAL_INV,
}


class FakeTimer:
    """One of :class:`FakeReactor`'s."""

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self.when = when
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeReactor:
    """Runs what was asked for, in order. Its clock stands still: timers come due by ``advance``."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[FakeTimer] = []
        self._soon: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        self._soon.append((callback, args))

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> FakeTimer:
        timer = FakeTimer(when, partial(callback, *args))
        self._timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Let that much time pass: what comes due in it is called, and all that follows is run."""
        until = self.now + seconds
        while due := [each for each in self._timers if each.callback and each.when <= until]:
            first = min(due, key=lambda timer: timer.when)
            self._timers.remove(first)
            self.now = max(self.now, first.when)
            assert first.callback is not None
            first.callback()
            self.run()
        self.now = until

    def step(self) -> bool:
        """Run one callback; false if there was none."""
        if not self._soon:
            return False
        callback, args = self._soon.popleft()
        callback(*args)
        return True

    def run(self, limit: int = 1_000_000) -> None:
        """Run until nothing is left to do."""
        for _ in range(limit):
            if not self.step():
                return
        raise AssertionError("the fabric does not come to rest")


class FakeRegion:
    def __init__(self, pd: FakePd, view: memoryview, access: int, address: int, rkey: int) -> None:
        self.pd = pd
        self.view = view
        self.access = access
        self.address = address
        self.rkey = rkey
        self.valid = True

    def deregister(self) -> None:
        if self.valid:
            self.valid = False
            del self.pd.device.regions[self.rkey]


class FakePd:
    def __init__(self, device: FakeDevice) -> None:
        self.device = device

    def register(
        self, buffer: memoryview, access: Access, *, remote_address: int | None = None
    ) -> FakeRegion:
        writes = Access.LOCAL_WRITE | Access.REMOTE_WRITE
        if access & writes and buffer.readonly:
            raise VerbsError("read-only memory", WcStatus.LOC_ACCESS_ERR)
        assert not (access & Access.REMOTE_READ and access & Access.REMOTE_WRITE)
        device = self.device
        if device.refuse_registrations:
            raise VerbsError("out of memory regions")
        rkey = device.rng.getrandbits(32)
        region = FakeRegion(self, buffer, int(access), device.rng.getrandbits(48), rkey)
        device.regions[rkey] = region
        device.registered += 1
        return region

    def close(self) -> None:
        for region in [r for r in self.device.regions.values() if r.pd is self]:
            region.deregister()


class FakeCq:
    def __init__(self, reactor: FakeReactor, depth: int) -> None:
        self._reactor = reactor
        self._depth = depth
        self._queue: deque[WC] = deque()
        self._handler: Callable[[], None] | None = None
        self._scheduled = False

    def poll(self, limit: int) -> list[WC]:
        taken = []
        while self._queue and len(taken) < limit:
            taken.append(self._queue.popleft())
        return taken

    def set_handler(self, handler: Callable[[], None] | None) -> None:
        self._handler = handler

    def add(self, completion: WC) -> None:
        assert len(self._queue) < self._depth, "completion queue overrun"
        self._queue.append(completion)
        self._schedule()

    def _schedule(self) -> None:
        if self._handler is not None and not self._scheduled:
            self._scheduled = True
            self._reactor.call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        if self._handler is not None and self._queue:
            self._handler()
            if self._queue:
                self._schedule()


class FakeQp:
    _numbers = count(17)

    def __init__(self, pd: FakePd, send_cq: FakeCq, recv_cq: FakeCq, options: QpOptions) -> None:
        self.number = next(self._numbers)
        self.state = QpState.INIT
        self.pd = pd
        self.options = options
        self._reactor = pd.device.reactor
        self._send_cq = send_cq
        self._recv_cq = recv_cq
        self._receives: deque[RecvWR] = deque()
        self._sends: deque[SendWR] = deque()
        self._occupied = 0
        self._silent = 0
        self._reads = 0
        self.most_reads = 0
        self.peer: FakeQp | None = None
        self.connection: FakeConnection | None = None
        self.sent = 0
        self.fail_after: int | None = None
        """Fail instead of executing this many requests from now: for tests of disconnection."""

    def post_recv(self, request: RecvWR) -> None:
        if self.state == QpState.ERR:
            self._recv_cq.add(WC(request.wr_id, WcStatus.WR_FLUSH_ERR, WcOpcode.RECV))
            return
        if len(self._receives) >= self.options.recv_depth:
            raise VerbsError("receive queue full")
        self._receives.append(request)

    def post_send(self, request: SendWR) -> None:
        if self.state not in (QpState.RTS, QpState.ERR):
            raise VerbsError("not connected")
        if self._occupied >= self.options.send_depth:
            raise VerbsError("send queue full")
        limits = self.pd.device.limits
        assert len(request.sg_list) <= limits.max_sge
        assert request.length() <= limits.max_message
        self._occupied += 1
        self._sends.append(request)
        if request.opcode == WrOpcode.RDMA_READ:
            self._reads += 1
            self.most_reads = max(self.most_reads, self._reads)
        self._reactor.call_soon(self._execute)

    def _execute(self) -> None:
        if not self._sends:
            return  # flushed
        request = self._sends.popleft()
        status = int(WcStatus.WR_FLUSH_ERR)
        if self.state == QpState.RTS:
            self.sent += 1
            if self.fail_after is not None:
                self.fail_after -= 1
            status = WcStatus.RETRY_EXC_ERR if self.fail_after == 0 else self._carry_out(request)
        self._complete(request, status)
        if status and self.state == QpState.RTS:
            self.fail("work request failed")

    def _complete(self, request: SendWR, status: int) -> None:
        self._reads -= request.opcode == WrOpcode.RDMA_READ
        self._silent += 1
        if request.signaled or status:
            # Its completion says that all before it have completed: their places are free.
            self._occupied -= self._silent
            self._silent = 0
            self._send_cq.add(WC(request.wr_id, int(status), _WC_OPCODES[WrOpcode(request.opcode)]))

    def _carry_out(self, request: SendWR) -> int:
        peer = self.peer
        if peer is None or peer.state == QpState.ERR:
            return WcStatus.RETRY_EXC_ERR
        opcode = request.opcode
        if opcode == WrOpcode.LOCAL_INV:
            region = self.pd.device.regions.get(request.rkey)
            if region is None or region.pd is not self.pd:
                return WcStatus.LOC_ACCESS_ERR
            region.deregister()
            return WcStatus.SUCCESS
        if opcode in (WrOpcode.SEND, WrOpcode.SEND_WITH_INV):
            return peer.receive(request)
        need = Access.REMOTE_WRITE if opcode == WrOpcode.RDMA_WRITE else Access.REMOTE_READ
        length = request.length()
        view = peer.reach(request.rkey, request.remote_address, length, need)
        if view is None:
            self._reactor.call_soon(peer.fail, "remote access violation")
            return WcStatus.REM_ACCESS_ERR
        at = 0
        for piece in request.sg_list:
            if need == Access.REMOTE_WRITE:
                view[at : at + len(piece)] = piece
            else:
                piece[:] = view[at : at + len(piece)]
            at += len(piece)
        return WcStatus.SUCCESS

    def reach(self, rkey: int, address: int, length: int, need: int) -> memoryview | None:
        """The memory that the peer names, if it may do ``need`` to it."""
        if not self.options.access & need:
            return None
        region = self.pd.device.regions.get(rkey)
        if region is None or region.pd is not self.pd or not region.access & need:
            return None
        start = address - region.address
        if start < 0 or start + length > len(region.view):
            return None
        return region.view[start : start + length]

    def receive(self, request: SendWR) -> int:
        if not self._receives:
            return WcStatus.RNR_RETRY_EXC_ERR
        invalidated = None
        if request.opcode == WrOpcode.SEND_WITH_INV:
            region = self.pd.device.regions.get(request.rkey)
            if region is None or region.pd is not self.pd:
                self._reactor.call_soon(self.fail, "bad invalidation")
                return WcStatus.REM_INV_REQ_ERR
            region.deregister()
            invalidated = request.rkey
        receive = self._receives.popleft()
        data = b"".join(request.sg_list)
        if len(data) > len(receive.buffer):
            self._recv_cq.add(WC(receive.wr_id, WcStatus.LOC_LEN_ERR, WcOpcode.RECV))
            self._reactor.call_soon(self.fail, "message too long")
            return WcStatus.REM_INV_REQ_ERR
        receive.buffer[: len(data)] = data
        self._recv_cq.add(
            WC(
                receive.wr_id,
                int(WcStatus.SUCCESS),
                WcOpcode.RECV,
                len(data),
                invalidated_rkey=invalidated,
            )
        )
        return WcStatus.SUCCESS

    def fail(self, reason: str) -> None:
        """Flush everything and tell both ends."""
        if self.state == QpState.ERR:
            return
        self.state = QpState.ERR
        while self._sends:
            self._complete(self._sends.popleft(), WcStatus.WR_FLUSH_ERR)
        while self._receives:
            receive = self._receives.popleft()
            self._recv_cq.add(WC(receive.wr_id, int(WcStatus.WR_FLUSH_ERR), WcOpcode.RECV))
        if self.connection is not None:
            self._reactor.call_soon(self.connection.lost, reason)
        if self.peer is not None:
            self._reactor.call_soon(self.peer.fail, f"the peer is gone: {reason}")

    @property
    def receives_posted(self) -> int:
        return len(self._receives)


class FakeConnection:
    def __init__(
        self, device: FakeDevice, qp: FakeQp, local: tuple[str, int], peer: tuple[str, int]
    ) -> None:
        self.device = device
        self.queue_pair = qp
        self.pd = qp.pd
        self.local_address = local
        self.peer_address = peer
        self.initiator_depth = 0
        self.handler: ConnectionHandler | None = None
        self.up = False
        self.closed = False
        qp.connection = self
        device.connections.add(self)

    def establish(self, private_data: bytes) -> None:
        if not self.closed and self.handler is not None:
            self.up = True
            self.handler.established(self, private_data)

    def refused(self, error: Exception) -> None:
        if not self.closed and self.handler is not None:
            self.handler.failed(error)

    def lost(self, reason: str) -> None:
        if self.up and self.handler is not None:
            self.up = False
            self.handler.disconnected(reason)

    def disconnect(self) -> None:
        self.queue_pair.fail("disconnected")

    def close(self) -> None:
        self.closed = True
        self.up = False
        self.queue_pair.fail("closed")
        self.device.connections.discard(self)


class FakeRequest:
    def __init__(self, device: FakeDevice, active: FakeConnection, options: ConnectOptions) -> None:
        self._device = device
        self._active = active
        self._options = options
        self._passive: FakeConnection | None = None
        # The connection manager pads with zeros to its fixed size.
        self.private_data = options.private_data.ljust(56, b"\0")
        self.peer_address = active.local_address
        self.responder_resources = options.responder_resources
        self.uid: int | None = None

    def prepare(self, pd: Any, send_cq: Any, recv_cq: Any, options: QpOptions) -> FakeConnection:
        qp = FakeQp(pd, send_cq, recv_cq, options)
        self._passive = FakeConnection(
            self._device, qp, self._active.peer_address, self._active.local_address
        )
        return self._passive

    def accept(self, options: ConnectOptions, handler: ConnectionHandler) -> None:
        passive, active = self._passive, self._active
        assert passive is not None
        passive.handler = handler
        passive.initiator_depth = options.initiator_depth
        passive.queue_pair.state = QpState.RTS
        passive.queue_pair.peer = active.queue_pair
        active.queue_pair.peer = passive.queue_pair
        active.queue_pair.state = QpState.RTS
        reactor = self._device.reactor
        reactor.call_soon(active.establish, options.private_data.ljust(196, b"\0"))
        # The active side may speak before the passive one knows that it is up.
        for _ in range(self._device.late_establishment):
            reactor.call_soon(lambda: None)
        reactor.call_soon(self._later, self._device.late_establishment, passive)

    def _later(self, turns: int, passive: FakeConnection) -> None:
        if turns:
            self._device.reactor.call_soon(self._later, turns - 1, passive)
        else:
            passive.establish(b"")

    def reject(self, private_data: bytes = b"") -> None:
        error = ConnectionRefusedError("rejected")
        self._device.reactor.call_soon(self._active.refused, error)


class FakeListener:
    def __init__(self, fabric: FakeFabric, address: tuple[str, int]) -> None:
        self._fabric = fabric
        self.address = address

    def close(self) -> None:
        self._fabric.listeners.pop(self.address, None)


class FakeDevice:
    """One host's adapter; its address is its name."""

    def __init__(self, fabric: FakeFabric, name: str, limits: DeviceLimits) -> None:
        self.fabric = fabric
        self.name = name
        self.limits = limits
        self.reactor = fabric.reactor
        self.rng = fabric.rng
        self.regions: dict[int, FakeRegion] = {}
        self.registered = 0
        self.connections: set[FakeConnection] = set()
        self.refuse_registrations = False
        self.late_establishment = 0
        self._ports = count(40000)

    def create_pd(self) -> FakePd:
        return FakePd(self)

    def create_cq(self, depth: int) -> FakeCq:
        return FakeCq(self.reactor, depth)

    def listen(self, address: str, port: int, on_request: Callable[[Any], None]) -> FakeListener:
        if (address, port) in self.fabric.listeners:
            raise OSError("address in use")
        self.fabric.listeners[address, port] = (self, on_request)
        return FakeListener(self.fabric, (address, port))

    def connect(self, request: ConnectRequest) -> FakeConnection:
        if request.address == "unreachable":
            raise OSError("no route")
        qp: Any = FakeQp(request.pd, request.send_cq, request.recv_cq, request.qp_options)
        local = (self.name, next(self._ports))
        connection = FakeConnection(self, qp, local, (request.address, request.port))
        connection.handler = request.handler
        self.reactor.call_soon(self._request, connection, request.connect_options)
        return connection

    def _request(self, connection: FakeConnection, options: ConnectOptions) -> None:
        listener = self.fabric.listeners.get(connection.peer_address)
        if listener is None:
            connection.refused(ConnectionRefusedError("no listener"))
        elif not connection.closed:
            device, on_request = listener
            on_request(FakeRequest(device, connection, options))

    def close(self) -> None:
        for connection in list(self.connections):
            connection.close()


class FakeFabric:
    """Devices that can reach one another, their reactor and their random numbers."""

    def __init__(self, seed: int = 1) -> None:
        self.reactor = FakeReactor()
        self.rng = random.Random(seed)
        self.listeners: dict[tuple[str, int], tuple[FakeDevice, Callable[[Any], None]]] = {}

    def device(self, name: str, limits: DeviceLimits | None = None) -> FakeDevice:
        return FakeDevice(self, name, limits or DeviceLimits())
