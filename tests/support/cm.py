"""A connection manager with nothing around it: a fake engine that records what is sent."""

from __future__ import annotations

from random import Random

from nfsrdma.rpcrdma.roce.cm.manager import ROCE_PORT, ConnectionManager, Route
from nfsrdma.rpcrdma.roce.engine.memory import ProtectionDomain
from nfsrdma.rpcrdma.roce.wire.cm_messages import (
    CmMessage,
    RdmaCmHeader,
    Rep,
    Req,
    decode_message,
    gid_of,
    service_id,
)
from nfsrdma.rpcrdma.roce.wire.mad import decode_mad, encode_mad
from nfsrdma.rpcrdma.software.completion import CompletionQueue
from nfsrdma.rpcrdma.verbs.interfaces import ConnectRequest
from nfsrdma.rpcrdma.verbs.types import ConnectOptions, DeviceLimits, QpOptions, QpState, VerbsError

US, THEM, PORT = "10.0.0.1", "10.0.0.2", 20049
GUID, QPN, COMM_ID = 0x1122334455667788, 0x4242, 0xC0FFEE


class FakeQueuePair:
    """Remembers how it was raised."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.state = QpState.INIT
        self.on_error = None
        self.on_silence = None
        self.on_traffic = None
        self.raised: dict[str, object] = {}
        self.failures: list[str] = []

    def ready_to_receive(self, **how: object) -> None:
        if self.state != QpState.INIT:
            raise VerbsError("not in INIT")
        self.state = QpState.RTR
        self.raised |= how

    def ready_to_send(self, **how: object) -> None:
        assert self.state == QpState.RTR
        self.state = QpState.RTS
        self.raised |= how

    def fail(self, reason: str) -> None:
        if self.state != QpState.ERR:
            self.failures.append(reason)
        self.state = QpState.ERR


class Handler:
    """A connection's owner: what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []

    def established(self, connection: object, private_data: bytes) -> None:
        self.told.append(("established", private_data))

    def failed(self, error: Exception) -> None:
        self.told.append(("failed", error))

    def disconnected(self, reason: str) -> None:
        self.told.append(("disconnected", reason))

    @property
    def last(self) -> object:
        return self.told[-1][1]

    def names(self) -> list[str]:
        return [name for name, _ in self.told]


class World:
    """A manager at ``US``, its clock, its mail, and a hand-made peer at ``THEM``."""

    def __init__(self, seed: int = 0) -> None:
        self.now = 100.0
        self.limits = DeviceLimits()
        self.woken = 0
        self.outbox: list[tuple[CmMessage, int, tuple[str, int], tuple[str, int]]] = []
        self.destroyed: list[FakeQueuePair] = []
        self.queue_pairs: list[FakeQueuePair] = []
        self.path_mtu = 4096
        self.unroutable: set[str] = set()
        self.rng = Random(seed)
        self.cm = ConnectionManager(self, rng=self.rng, route=self._route)  # type: ignore[arg-type]
        self.requests: list = []

    # What the manager needs of an engine.

    def on_ready(self) -> None:
        self.woken += 1

    def send_mad(self, mad: bytes, source: tuple[str, int], destination: tuple[str, int]) -> None:
        attribute, transaction, data = decode_mad(memoryview(mad))
        self.outbox.append((decode_message(attribute, data), transaction, source, destination))

    def create_queue_pair(self, *_: object) -> FakeQueuePair:
        made = FakeQueuePair(0x1000 + len(self.queue_pairs))
        self.queue_pairs.append(made)
        return made

    def destroy_queue_pair(self, queue_pair: FakeQueuePair) -> None:
        queue_pair.fail("destroyed")
        self.destroyed.append(queue_pair)

    def _route(self, host: str, local: str | None = None) -> Route:
        if host in self.unroutable:
            raise OSError("no route")
        return Route(local or US, self.path_mtu)

    # What tests do.

    def objects(self) -> tuple[ProtectionDomain, CompletionQueue, CompletionQueue]:
        return (
            ProtectionDomain(self.rng),
            CompletionQueue(8, lambda _: None),
            CompletionQueue(8, lambda _: None),
        )

    def connect(self, handler: Handler, **options: object):
        connect = ConnectOptions(**options)  # type: ignore[arg-type]
        request = ConnectRequest(THEM, PORT, *self.objects(), handler, connect_options=connect)
        cm_id = self.cm.connect(request)
        self.turn()
        return cm_id

    def listen(self) -> None:
        self.cm.listen("0.0.0.0", PORT, self.requests.append)

    def accept(self, handler: Handler, index: int = -1, **options: object):
        request = self.requests[index]
        connection = request.prepare(*self.objects(), QpOptions())
        request.accept(ConnectOptions(**options), handler)  # type: ignore[arg-type]
        self.turn()
        return connection

    def turn(self) -> None:
        self.cm.handle_timeout(self.now)

    def sent(self) -> list[CmMessage]:
        """What was sent since the last look."""
        messages = [message for message, *_ in self.outbox]
        self.outbox.clear()
        return messages

    def receive(
        self, message: CmMessage, *, source: str = THEM, destination: str = US, transaction: int = 7
    ) -> None:
        mad = encode_mad(message.ATTRIBUTE, transaction, message.encode())
        self.cm.handle_mad(memoryview(mad), (source, 55410), (destination, ROCE_PORT), self.now)

    def advance(self, seconds: float) -> list[tuple[float, CmMessage]]:
        """Let time pass, and return what was sent and how long after the start."""
        start, end = self.now, self.now + seconds
        log = []
        while (due := self.cm.next_timeout()) is not None and due <= end:
            self.now = max(self.now, due)
            self.turn()
            log += [(round(self.now - start, 6), message) for message in self.sent()]
        self.now = end
        return log


def request(**fields: object) -> Req:
    """A REQ as the peer sends it."""
    values: dict = {
        "local_comm_id": COMM_ID,
        "service_id": service_id(PORT),
        "local_ca_guid": GUID,
        "local_qpn": QPN,
        "starting_psn": 0x123456,
        "local_gid": gid_of(THEM),
        "remote_gid": gid_of(US),
        "path_mtu": 5,
        "responder_resources": 5,
        "initiator_depth": 3,
        "retry_count": 6,
        "rnr_retry_count": 2,
        "private_data": RdmaCmHeader(THEM, 50000, US).encode() + b"hello",
    }
    return Req(**(values | fields))


def reply(to: Req, **fields: object) -> Rep:
    """A REP as the peer sends it."""
    values: dict = {
        "local_comm_id": COMM_ID,
        "remote_comm_id": to.local_comm_id,
        "local_qpn": QPN,
        "starting_psn": 0x654321,
        "local_ca_guid": GUID,
        "responder_resources": 4,
        "initiator_depth": 9,
        "rnr_retry_count": 1,
        "private_data": b"welcome",
    }
    return Rep(**(values | fields))
