"""What the conformance suite needs of a provider, and the providers that it runs over.

A provider joins by one more entry in ``HARNESSES``; the suite itself does not change. What a
provider cannot do it leaves out of ``capabilities``, and the tests that need it skip, saying so.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support.fake_librdmacm import two_devices
from tests.support.hosts import loopback

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.providers.shm import ShmDevice
from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.providers.soft import SoftDevice
from nfsrdma.rpcrdma.task import Reactor
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
    WcStatus,
    WrOpcode,
)

ALL = frozenset(
    (
        *("immediate", "remote invalidation", "private data in a reject", "rnr"),
        *("notice of a busy peer", "unpredictable keys"),
    )
)
EVERYTHING = Access.LOCAL_WRITE | Access.REMOTE_WRITE | Access.REMOTE_READ


@dataclass
class ProviderHarness:
    """Two devices that can reach each other, and a way to let time pass.

    ``a`` listens (at ``host``), ``b`` connects; they may be one and the same. ``nowhere`` is an
    address at which nobody answers, if there is one.
    """

    name: str
    reactor: Reactor
    a: Device
    b: Device
    host: str
    nowhere: str | None
    turn: Callable[[Callable[[], bool], float], None]
    """Turn the reactor until the predicate holds. Raises ``TimeoutError`` after so long."""
    resources: list[Any]
    """What is closed in the end, in this order."""
    capabilities: frozenset[str] = ALL
    lossy: bool = False
    concurrent: bool = False
    """Requests are carried out while the reactor is not turned."""
    too_long: frozenset[WcStatus] = frozenset((WcStatus.REM_INV_REQ_ERR,))
    """How a message that did not fit its buffer ends at the sender."""
    opens_late: bool = False
    """What is registered may be closed still: only what its side sends behind it is behind it."""
    _port: int = 20049

    def run_until(self, predicate: Callable[[], object], seconds: float = 30.0) -> None:
        self.turn(lambda: bool(predicate()), seconds)

    def run_for(self, seconds: float) -> None:
        end = self.reactor.time() + seconds
        self.reactor.call_at(end, lambda: None)
        self.run_until(lambda: self.reactor.time() >= end, seconds + 5)

    def refusal(self, completion: WC) -> WcStatus:
        """How an RDMA request that the peer refused must have ended.

        Where packets are lost the good-bye of the peer's broken queue pair may come before the
        repeated NAK, and then the request is flushed.
        """
        if self.lossy and completion.status == WcStatus.WR_FLUSH_ERR:
            return WcStatus.WR_FLUSH_ERR
        return WcStatus.REM_ACCESS_ERR

    def new_port(self) -> int:
        self._port += 1
        return self._port

    def close(self) -> None:
        for resource in self.resources:
            resource.close()


class Side:
    """One end of a connection under test: its queues, its completions, what it was told."""

    def __init__(
        self, device: Device, options: QpOptions, harness: ProviderHarness | None = None
    ) -> None:
        self._harness = harness
        self.device = device
        self.options = options
        self.pd = device.create_pd()
        self.send_cq = device.create_cq(256)
        self.recv_cq = device.create_cq(256)
        self.sent: list[WC] = []
        self.received: list[WC] = []
        self.events: list[tuple[str, object]] = []
        self.peer_data = b""
        self.connection: Connection = None  # type: ignore[assignment]
        self.send_cq.set_handler(lambda: self.sent.extend(self.send_cq.poll(64)))
        self.recv_cq.set_handler(lambda: self.received.extend(self.recv_cq.poll(64)))

    def request(
        self, address: str, port: int, connect: ConnectOptions | None = None
    ) -> ConnectRequest:
        """What this side asks of its device to be connected."""
        ours = self.pd, self.send_cq, self.recv_cq, self, self.options
        return ConnectRequest(address, port, *ours, connect or ConnectOptions())

    # ConnectionHandler

    def established(self, connection: Connection, private_data: bytes) -> None:
        assert connection is self.connection
        self.peer_data = self.peer_data or private_data
        self.events.append(("established", None))

    def failed(self, error: Exception) -> None:
        self.events.append(("failed", error))

    def disconnected(self, reason: str) -> None:
        self.events.append(("disconnected", reason))

    def told(self, what: str) -> bool:
        return any(event == what for event, _ in self.events)

    @property
    def error(self) -> object:
        return next(error for event, error in self.events if event == "failed")

    # Memory and work requests

    def register(self, memory: memoryview, access: int, **fields: int) -> MemoryRegion:
        """Register memory that the peer may use at once, without a message that tells of it."""
        region = self.pd.register(memory, access, **fields)
        if self._harness is not None and self._harness.opens_late:
            # A send queue is worked off in order: memory windows are opened by requests in it.
            opened = object()
            self.post(WrOpcode.RDMA_WRITE, rkey=0, remote_address=0, wr_id=opened)
            self._harness.run_until(lambda: any(wc.wr_id is opened for wc in self.sent))
            self.sent[:] = [wc for wc in self.sent if wc.wr_id is not opened]
        return region

    def recv(self, size: int, wr_id: object = None) -> bytearray:
        buffer = bytearray(size)
        self.connection.queue_pair.post_recv(RecvWR(memoryview(buffer), wr_id))
        return buffer

    def post(self, opcode: int, pieces: Iterable[bytes | bytearray] = (), **fields: object) -> None:
        views = [memoryview(piece) for piece in pieces]
        request = SendWR(opcode, views, **fields)  # type: ignore[arg-type]
        self.connection.queue_pair.post_send(request)

    def send(self, data: bytes, **fields: object) -> None:
        self.post(WrOpcode.SEND, [data], **fields)


Prepare = Callable[[Side], None]


def pair(
    harness: ProviderHarness,
    *,
    client: QpOptions | None = None,
    server: QpOptions | None = None,
    connect: ConnectOptions | None = None,
    accept: ConnectOptions | None = None,
    receives: int = 0,
) -> tuple[Side, Side]:
    """Connect ``b`` to ``a``: (client, server), both established.

    ``receives`` buffers of 4096 octets are posted on either side before the peer may send.
    """
    options = QpOptions(access=int(Access.REMOTE_READ | Access.REMOTE_WRITE))
    ours = Side(harness.b, client or options, harness)
    theirs = Side(harness.a, server or options, harness)
    connect = connect or ConnectOptions()
    accept = accept or ConnectOptions()

    def on_request(request: ConnectionRequest) -> None:
        theirs.connection = request.prepare(
            theirs.pd, theirs.send_cq, theirs.recv_cq, theirs.options
        )
        theirs.peer_data = request.private_data
        for _ in range(receives):
            theirs.recv(4096)
        request.accept(accept, theirs)

    port = harness.new_port()
    listener = harness.a.listen(harness.host, port, on_request)
    start(harness, ours, port, connect)
    for _ in range(receives):
        ours.recv(4096)
    harness.run_until(lambda: ours.told("established") and theirs.told("established"))
    listener.close()
    return ours, theirs


def start(harness: ProviderHarness, side: Side, port: int, connect: ConnectOptions) -> None:
    """Begin to connect ``side`` to ``port`` of ``a``."""
    side.connection = harness.b.connect(side.request(harness.host, port, connect))


# The providers.


def _simulated(faults: Faults) -> Callable[[], ProviderHarness]:
    def make() -> ProviderHarness:
        reactor = SimReactor()
        fabric = SimFabric(reactor, seed=1, faults=faults)
        a, b = fabric.open_device("10.0.0.1"), fabric.open_device("10.0.0.2")
        return ProviderHarness(
            *("sim", reactor, a, b, "10.0.0.1", "10.0.0.99"),
            turn=reactor.run_until,
            resources=[a, b],
            lossy=not faults.harmless,
        )

    return make


def _soft(host: str, peer: str | None, nowhere: str | None) -> Callable[[], ProviderHarness]:
    def make() -> ProviderHarness:
        reactor = SelectReactor()
        a = SoftDevice(reactor, rng=Random(1), address=host)
        b = SoftDevice(reactor, rng=Random(2), address=peer) if peer is not None else a
        return ProviderHarness(
            *("soft", reactor, a, b, host, nowhere),
            turn=reactor.run_until,
            resources=[a, b, reactor] if b is not a else [a, reactor],
        )

    return make


def _verbs_in_memory(windows: bool) -> Callable[[], ProviderHarness]:
    """The verbs provider over an adapter and a connection manager in memory."""

    def make() -> ProviderHarness:
        reactor = SelectReactor()
        made = two_devices(reactor, windows=windows)
        capabilities = ALL - {"notice of a busy peer", "unpredictable keys"}
        if not windows:
            capabilities -= {"remote invalidation"}
        return ProviderHarness(
            *("verbs", reactor, made.a, made.b, "10.0.0.1", "10.0.0.99"),
            turn=reactor.run_until,
            resources=[made.a, made.b, made, reactor],
            capabilities=capabilities,
            concurrent=True,
        )

    return make


class Directory:
    """A temporary directory, as a resource."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="nfsrdma-")
        self.name = self._directory.name
        self.close = self._directory.cleanup


def _shm() -> ProviderHarness:
    reactor = SelectReactor()
    directory = Directory()
    a, b = (ShmDevice(reactor, rng=Random(n), directory=directory.name) for n in (1, 2))
    return ProviderHarness(
        *("shm", reactor, a, b, loopback(1), None),
        turn=reactor.run_until,
        resources=[a, b, reactor, directory],
    )


def _verbs(windows: bool) -> Callable[[], ProviderHarness]:
    """Two openings of the adapter with the address ``NFSRDMA_VERBS_ADDRESS``."""

    def make() -> ProviderHarness:
        host = os.environ["NFSRDMA_VERBS_ADDRESS"]
        reactor = SelectReactor()
        a, b = (open_device("verbs", reactor, address=host, windows=windows) for _ in range(2))
        # The connection manager keeps to itself that a peer asked for time; keys are the device's.
        capabilities = ALL - {"notice of a busy peer", "unpredictable keys"}
        if not a.limits.remote_invalidation:
            capabilities -= {"remote invalidation"}
        return ProviderHarness(
            *("verbs", reactor, a, b, host, os.environ.get("NFSRDMA_VERBS_NOWHERE")),
            turn=reactor.run_until,
            resources=[a, b, reactor],
            capabilities=capabilities,
            concurrent=True,
            opens_late=windows,
            # The latter is what soft-RoCE (Linux 6.1) says.
            too_long=frozenset((WcStatus.REM_INV_REQ_ERR, WcStatus.REM_OP_ERR)),
        )

    return make


FAULTY = Faults(
    loss=0.03, duplication=0.03, reordering=0.05, corruption=0.02, delay_s=1e-4, jitter_s=1e-4
)

HARNESSES: dict[str, Callable[[], ProviderHarness]] = {
    "sim": _simulated(Faults()),
    "sim-faulty": _simulated(FAULTY),
    "soft-ipv4": _soft(loopback(1), loopback(2), loopback(77)),
    "soft-ipv6-self": _soft("::1", None, None),
    "shm": _shm,
    "verbs-in-memory-windows": _verbs_in_memory(True),
    "verbs-in-memory-regions": _verbs_in_memory(False),
}
if "NFSRDMA_VERBS_ADDRESS" in os.environ:
    HARNESSES |= {"verbs-windows": _verbs(True), "verbs-regions": _verbs(False)}
