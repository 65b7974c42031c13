"""Health as a view of the pipeline: every direction is watched, every RPC that suffers is named."""

from __future__ import annotations

from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES
from nfsrdma.rpcrdma.roce.wire.opcode import Kind as Operation

from ...tracking.events import Events, PacketSeen, Totals
from ...tracking.model import Direction, Exchange, Message, RdmaOp, Side, client
from ..latency.latency import Latency, main_operation
from ..latency.measure import Timeline
from .events import Event, RpcBrief, Span, Sufferer
from .watch import Hurt, Watch

MAX_EVENTS = 20_000
"""Events that are kept; beyond, they are counted."""
MAX_SUFFERERS = 20_000
MAX_WATCHES = 16_384
"""Directions that are watched, the first ones."""
_MAX_NAMED = 64
"""RPCs that one event names."""
_FEW = 2
"""A median of fewer says nothing."""

CONGESTION_EXPERIENCED = 3
FECN, BECN = 0x80, 0x40
_READ_REQUEST, _READ_RESPONSE = int(Operation.READ_REQUEST), int(Operation.READ_RESPONSE)
_ACKNOWLEDGE, _CONGESTION = int(Operation.ACKNOWLEDGE), int(Operation.CONGESTION)
_REQUESTS = frozenset((int(Operation.SEND), int(Operation.WRITE), _READ_REQUEST))
_HAS_AETH = frozenset(code for code, row in OPCODES.items() if "AETH" in row.headers)


class Health:
    """A view that watches every direction, and names the RPCs that suffer."""

    def __init__(self) -> None:
        self.latency = Latency()
        self.watches: dict[Direction, Watch] = {}
        self.events: list[Event] = []
        self.event_count = 0
        self.sufferers: dict[int, Sufferer] = {}
        """By the exchange's number."""
        self.sufferer_count = 0
        self.streams: list[tuple[Side, int]] = []
        """Senders of TCP streams, and how many of their segments brought nothing new."""
        self.packets = 0
        self.first_time = self.last_time = 0
        self.again = Timeline()
        """Octets that were sent again, over time."""
        self.sent = Timeline()
        """All octets of payload, over time."""

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        self.subscribe_early(events)
        events.exchanges.subscribe(self.exchange)
        events.closed.subscribe(self.close)

    def subscribe_early(self, events: Events) -> None:
        """Subscribe to packets and calls as they come.

        For a view that has health watched, and calls the other methods when it is their turn.
        """
        events.packets.subscribe(self.packet)
        self.latency.subscribe_early(events)

    # --- Packets ---

    def packet(self, seen: PacketSeen) -> None:
        """Take a RoCE or InfiniBand packet that was dealt with, and its run."""
        packet, operation, flow, back = seen.packet, seen.operation, seen.flow, seen.opposite
        followers, time = seen.followers, seen.last_time_ns
        self.packets += 1 + followers
        self.first_time = self.first_time or packet.time_ns
        self.last_time = max(self.last_time, time)
        if flow is None:
            return
        if len(self.watches) >= MAX_WATCHES and not (flow in self.watches and back in self.watches):
            return
        watch = self.watches.get(flow) or self._watch(flow)
        other = None
        if back is not None:
            other = self.watches.get(back) or self._watch(back)
        if operation in _REQUESTS:
            watch.request(packet, followers, time, is_read=operation == _READ_REQUEST)
            self.sent.add(time, packet.size * (1 + followers))
        elif operation == _CONGESTION:
            if other is not None:
                other.notified(packet)
            return
        elif other is not None:
            explicit = operation == _ACKNOWLEDGE
            other.heard(packet, explicit=explicit, has_aeth=packet.opcode in _HAS_AETH)
            if operation == _READ_RESPONSE:
                watch.response(packet, followers, other)
                self.sent.add(time, packet.size * (1 + followers))
        if packet.ecn == CONGESTION_EXPERIENCED:
            counting = watch if operation in _REQUESTS else other
            if counting is not None:
                watch.marked(packet, followers, counting)
        if packet.notify:
            watch.counts.fecn += bool(packet.notify & FECN) * (1 + followers)
            watch.counts.becn += bool(packet.notify & BECN) * (1 + followers)

    def _watch(self, flow: Direction) -> Watch:
        """Watch a direction that was not watched before."""
        watch = self.watches[flow] = Watch(flow, self._event, self._hurt)
        return watch

    def _event(self, event: Event) -> None:
        self.event_count += 1
        if len(self.events) < MAX_EVENTS:
            self.events.append(event)

    def _hurt(self, watch: Watch, hurt: Hurt) -> None:
        if hurt.octets:
            self.again.add(hurt.time, hurt.octets)
        span = next(watch.spans_at(hurt.start, hurt.end), None)
        if span is None:
            watch.waiting.append(hurt)
        else:
            self._suffers(span, hurt)

    # --- RPCs ---

    def exchange(self, exchange: Exchange) -> None:
        """Take an RPC that is over: what has happened to its packets happened to it."""
        self.latency.exchange(exchange)
        call, reply = exchange.call, exchange.reply
        latency = exchange.latency_ns
        rpc = RpcBrief(
            exchange.number, exchange.requester.connection.number, main_operation(exchange),
            exchange.xid, call.frame if call else 0, reply.frame if reply else 0,
            call.first_time_ns if call else exchange.time_ns, -1 if latency is None else latency,
            exchange.paths[0] if exchange.paths else "", client(exchange),
        )  # fmt: skip
        for message in (call, reply):
            if message is not None:
                self._belongs(message, Span(message.sequence, message.end, rpc, message is reply))
        for op in _merged(exchange.operations):
            flow, start, end = op
            self._add(flow, Span(start, end, rpc, False))

    def _belongs(self, message: Message, span: Span) -> None:
        if message.side.flow is not None and message.end > message.sequence:
            self._add(message.side.flow, span)

    def _add(self, flow: Direction, span: Span) -> None:
        watch = self.watches.get(flow)
        if watch is None:
            return
        watch.spans.append(span)
        if watch.waiting:
            for hurt in watch.claim(span.start, span.end):
                self._suffers(span, hurt)

    def _suffers(self, span: Span, hurt: Hurt) -> None:
        rpc, event = span.rpc, hurt.event
        sufferer = self.sufferers.get(rpc.exchange)
        if sufferer is None:
            self.sufferer_count += 1
            if len(self.sufferers) >= MAX_SUFFERERS:
                return
            sufferer = self.sufferers[rpc.exchange] = Sufferer(rpc)
        if rpc.exchange not in event.exchanges and len(event.exchanges) < _MAX_NAMED:
            event.exchanges.append(rpc.exchange)
        if event.kind == "nak":
            sufferer.naks.append(event.frame)
        elif event.kind in ("ecn", "cnp"):
            sufferer.ecn += hurt.end - hurt.start
        elif event.kind in ("late", "twice"):
            sufferer.disorder += 1
        else:
            sufferer.again += 1
            sufferer.octets += hurt.octets
            sufferer.timeouts += event.cause == "timeout" and hurt.start == event.sequence
            if span.is_reply and hurt.needed:
                sufferer.finished = max(sufferer.finished, hurt.time)

    def close(self, totals: Totals) -> None:
        """Tell how much later than its kind each sufferer was, the latest first."""
        for watch in self.watches.values():
            watch.settle()
        self.events.sort(key=lambda event: event.frame)
        self.streams = list(totals.resent[:MAX_WATCHES])
        self.latency.close(totals)
        for sufferer in self.sufferers.values():
            stages = self.latency.operations.get(sufferer.rpc.operation, {})
            times = stages.get("reply")
            if sufferer.took >= 0 and times is not None and len(times) >= _FEW:
                sufferer.late = sufferer.took - times.quantile(0.5)
        order = sorted(self.sufferers.values(), key=lambda one: -(one.late or 0))
        self.sufferers = {one.rpc.exchange: one for one in order}


def _merged(operations: list[RdmaOp]) -> list[tuple[Direction, int, int]]:
    """Return the sequences of operations, those that follow one another in one piece."""
    pieces: list[tuple[Direction, int, int]] = []
    for op in operations:
        flow = op.actor.flow
        if flow is None or op.end <= op.sequence:
            continue
        if pieces and pieces[-1][0] is flow and pieces[-1][2] == op.sequence:
            pieces[-1] = (flow, pieces[-1][1], op.end)
        else:
            pieces.append((flow, op.sequence, op.end))
    return pieces
