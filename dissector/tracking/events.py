"""What happens in a capture: events that views subscribe to.

A view subscribes once, before the pass, to the events that it shows:

    class Count:
        def subscribe(self, events: Events) -> None:
            events.exchanges.subscribe(self.exchange)

        def exchange(self, exchange: Exchange) -> None: ...

Each event has any number of subscribers, which are called in the order in which they subscribed.
There is no other way to learn of anything: nothing is assigned, so no view can unhook another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from ..base.finding import MAX_FINDINGS, Finding
from ..base.packet import Packet
from .model import CmEvent, Connection, Direction, Exchange, Message, RdmaOp, Side

T = TypeVar("T")


class Signal(Generic[T]):
    """One kind of event.

    It is never delivered from inside of itself: what a subscriber causes is queued by the machine
    that emits, and follows.
    """

    __slots__ = ("_emitting", "_subscribers")

    def __init__(self) -> None:
        self._subscribers: list[Callable[[T], object]] = []
        self._emitting = False

    def __bool__(self) -> bool:
        """Return whether there are subscribers."""
        return bool(self._subscribers)

    def subscribe(self, subscriber: Callable[[T], object]) -> None:
        """Have ``subscriber`` called with each event to come, after those that are there."""
        self._subscribers.append(subscriber)

    def emit(self, what: T) -> None:
        """Call all subscribers."""
        assert not self._emitting, "an event from inside of an event of its kind"
        self._emitting = True
        for subscriber in self._subscribers:
            subscriber(what)
        self._emitting = False


class Findings(Signal[Finding]):
    """Findings of no exchange, of which a capture may have without end: some are only counted."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, what: Finding) -> None:
        """Call all subscribers, unless there were ``MAX_FINDINGS`` before."""
        self.count += 1
        if self.count <= MAX_FINDINGS:
            super().emit(what)


class NewFlow(NamedTuple):
    """A direction that was not seen before, and the packet that showed it."""

    flow: Direction
    packet: Packet
    """Filled anew for each frame: keep nothing of it."""


class PacketSeen:
    """A packet of RDMA that was dealt with, and those that followed it in a run.

    Filled anew for each packet, as the packet is: keep nothing of either.
    """

    __slots__ = ("flow", "followers", "last_time_ns", "operation", "opposite", "packet")

    def __init__(self, packet: Packet) -> None:
        self.packet = packet
        self.operation = 0
        """The kind of its operation (``opcode.Kind``); negative for an opcode that is not known."""
        self.followers = 0
        """How many packets like it follow at once."""
        self.last_time_ns = 0
        """When the last of them was seen."""
        self.flow: Direction | None = None
        """Its direction; ``None`` for datagrams, and where no packet of it was known before."""
        self.opposite: Direction | None = None
        """The opposite direction, if it is known."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What is known of a capture as a whole, once all of it was read."""

    began_ns: int
    """When its first frame was."""
    kinds: Counter[int]
    """Packets by kind of operation (``opcode.Kind``); -1 for other traffic, -2 for broken ones."""
    missing: int
    """Packets that the capture is known not to have."""
    connections: Sequence[Connection]
    resent: Sequence[tuple[Side, int]]
    """The senders of TCP streams that carry RPC, and their segments that brought nothing new."""


@dataclass(frozen=True, slots=True)
class Events:
    """All events of one pass over a capture."""

    packets: Signal[PacketSeen] = field(default_factory=Signal)
    """Each packet of RDMA, once it was dealt with; costs time, so only where it is needed."""
    offloads: Signal[int] = field(default_factory=Signal)
    """Frames that were several packets, before segmentation or after its reverse."""
    flows: Signal[NewFlow] = field(default_factory=Signal)
    pairs: Signal[Connection] = field(default_factory=Signal)
    """Connections of which both sides are known now."""
    cm: Signal[CmEvent] = field(default_factory=Signal)
    """Messages of the connection manager, and handshakes of iWARP."""
    calls: Signal[Exchange] = field(default_factory=Signal)
    """Calls as they are sent; the calls in progress are ``requester.calls``."""
    loose: Signal[RdmaOp] = field(default_factory=Signal)
    """RDMA operations for which no call in progress has offered memory, as they begin."""
    exchanges: Signal[Exchange] = field(default_factory=Signal)
    """RPCs that are complete, or given up."""
    findings: Findings = field(default_factory=Findings)
    """Findings that are about no exchange; those of exchanges are in ``Exchange.findings``."""
    heads: Signal[Message] = field(default_factory=Signal)
    """Messages whose frame's headers were read, which costs time, so only where it is needed."""
    closed: Signal[Totals] = field(default_factory=Signal)
    """The end of the capture."""


class View(Protocol):
    """What looks at the events of a pass, and shows them."""

    def subscribe(self, events: Events) -> None:
        """Subscribe to what it shows; called once, before the pass."""
        ...
