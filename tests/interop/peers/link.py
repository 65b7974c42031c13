"""A connection as futures, over the verbs interfaces: enough for rping's or ucmatose's language.

It knows no provider: the same peers run over ``soft`` here and over anything else that
`open_device` opens.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.task import Future, Reactor, Task, sleep
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
    WcStatus,
    WrOpcode,
)

T = TypeVar("T")

QP_OPTIONS = QpOptions(access=Access.REMOTE_READ | Access.REMOTE_WRITE)
CONNECT_OPTIONS = ConnectOptions(responder_resources=4, initiator_depth=4)


class Link:
    """One connection. Receives are posted before the peer can send."""

    def __init__(self, device: Device, receive_size: int, receives: int) -> None:
        self.established: Future[bytes] = Future()
        self.disconnected: Future[str] = Future()
        self.pd = device.create_pd()
        self._send_cq = device.create_cq(256)
        self._recv_cq = device.create_cq(2 * receives)
        self._send_cq.set_handler(self._sent)
        self._recv_cq.set_handler(self._received)
        self._buffers = [bytearray(receive_size) for _ in range(receives)]
        self._arrived: deque[bytes | Exception] = deque()
        self._waiting: deque[Future[bytes]] = deque()
        self._connection: Connection | None = None

    def connect(self, device: Device, address: str, port: int) -> None:
        """Start to connect; ``established`` tells how that went."""
        self._use(
            device.connect(
                ConnectRequest(
                    address,
                    port,
                    self.pd,
                    self._send_cq,
                    self._recv_cq,
                    Handler(self),
                    QP_OPTIONS,
                    CONNECT_OPTIONS,
                )
            )
        )

    def accept(self, request: ConnectionRequest) -> None:
        """Accept a peer's request."""
        self._use(request.prepare(self.pd, self._send_cq, self._recv_cq, QP_OPTIONS))
        request.accept(CONNECT_OPTIONS, Handler(self))

    def send(self, message: bytes) -> Future[int]:
        """SEND; the future's result is the octets that travelled."""
        return self._post(WrOpcode.SEND, memoryview(message))

    def write(self, source: memoryview, address: int, rkey: int) -> Future[int]:
        """RDMA WRITE."""
        return self._post(WrOpcode.RDMA_WRITE, source, address, rkey)

    def read(self, target: memoryview, address: int, rkey: int) -> Future[int]:
        """RDMA READ."""
        return self._post(WrOpcode.RDMA_READ, target, address, rkey)

    def receive(self) -> Future[bytes]:
        """The next message that has arrived or will."""
        future: Future[bytes] = Future()
        if self._arrived:
            _settle(future, self._arrived.popleft())
        else:
            self._waiting.append(future)
        return future

    def register(self, buffer: bytearray, access: Access) -> MemoryRegion:
        """Register memory for the peer."""
        return self.pd.register(memoryview(buffer), access)

    def disconnect(self) -> None:
        """Say good-bye."""
        assert self._connection is not None
        self._connection.disconnect()

    def _use(self, connection: Connection) -> None:
        self._connection = connection
        for buffer in self._buffers:
            connection.queue_pair.post_recv(RecvWR(memoryview(buffer), buffer))

    def _post(
        self, opcode: WrOpcode, local: memoryview, address: int = 0, rkey: int = 0
    ) -> Future[int]:
        assert self._connection is not None
        done: Future[int] = Future()
        request = SendWR(opcode, [local], wr_id=done, remote_address=address, rkey=rkey)
        self._connection.queue_pair.post_send(request)
        return done

    def _sent(self) -> None:
        for completion in self._send_cq.poll(64):
            error = _error(completion)
            _settle(completion.wr_id, completion.byte_len if error is None else error)

    def _received(self) -> None:
        assert self._connection is not None
        for completion in self._recv_cq.poll(64):
            buffer = completion.wr_id
            arrived = _error(completion) or bytes(buffer[: completion.byte_len])
            if self._waiting:
                _settle(self._waiting.popleft(), arrived)
            else:
                self._arrived.append(arrived)
            if completion.status == WcStatus.SUCCESS:
                self._connection.queue_pair.post_recv(RecvWR(memoryview(buffer), buffer))


class Handler:
    """Tells a link what becomes of its connection."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def established(self, connection: Connection, private_data: bytes) -> None:
        """Both sides may send."""
        self._link.established.set_result(private_data)

    def failed(self, error: Exception) -> None:
        """It never came up."""
        self._link.established.set_error(error)

    def disconnected(self, reason: str) -> None:
        """It was up and is no more."""
        self._link.disconnected.set_result(reason)


def _error(completion: WC) -> VerbsError | None:
    if completion.status == WcStatus.SUCCESS:
        return None
    return VerbsError(repr(completion), WcStatus(completion.status))


def _settle(future: Future[Any], outcome: object) -> None:
    if isinstance(outcome, Exception):
        future.set_error(outcome)
    else:
        future.set_result(outcome)


def listen(
    device: Device, address: str, port: int, receive_size: int, receives: int
) -> Callable[[], Future[Link]]:
    """Listen; the result returns a future of the next connection, established."""
    ready: deque[Link | BaseException] = deque()
    waiting: deque[Future[Link]] = deque()

    def requested(request: ConnectionRequest) -> None:
        link = Link(device, receive_size, receives)
        link.accept(request)
        link.established.add_done_callback(lambda _: established(link))

    def established(link: Link) -> None:
        outcome = link.established.error() or link
        if waiting:
            _settle(waiting.popleft(), outcome)
        else:
            ready.append(outcome)

    def accepted() -> Future[Link]:
        future: Future[Link] = Future()
        if ready:
            _settle(future, ready.popleft())
        else:
            waiting.append(future)
        return future

    device.listen(address, port, requested)
    return accepted


async def connected(
    device: Device, reactor: Reactor, address: str, port: int, receive_size: int, receives: int
) -> Link:
    """Connect; tried again for a few seconds while nobody listens."""
    for attempt in range(50):
        link = Link(device, receive_size, receives)
        link.connect(device, address, port)
        try:
            await link.established
        except ConnectionRefusedError:
            if attempt == 49:
                raise
            await sleep(reactor, 0.1)
        else:
            break
    return link


def run(
    provider: str,
    address: str | None,
    timeout_s: float,
    program: Callable[[Device, Reactor], Coroutine[Any, Any, T]],
) -> T:
    """Run ``program`` on a device of a provider and print the device's counters, if it has any."""
    reactor = SelectReactor()
    device = open_device(provider, reactor, address=address)
    try:
        result: T = reactor.run_until(Task(program(device, reactor)), timeout_s)
        # Good-byes and last acknowledgements; the peer may ask for them again.
        settle_at = reactor.time() + 0.3
        reactor.run_until(lambda: reactor.time() >= settle_at, 1.0)
        counters = device.packet_counters()
        if counters:
            seen = {name: count for name, count in counters.items() if count}
            print(f"counters {json.dumps(seen)}", flush=True)
        return result
    finally:
        device.close()
        reactor.close()
