"""The pipeline: one pass over a capture, from frames to events.

    capture -> layers -> tracking, with messages and streams -> events -> views

Frames are looked at one by one, but for the middles of RDMA WRITEs and READ responses, which come
by the thousand: those the reader takes in runs, and a run becomes one extent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sized

from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES
from nfsrdma.rpcrdma.roce.wire.opcode import Kind as Operation

from .base.effort import Effort
from .base.finding import Finding, Severity
from .base.packet import FrameKind, Packet
from .capture.reader import Reader
from .capture.runs import PSN_MASK
from .layers import Layers
from .layers.fragments import Datagram
from .layers.offload import QUIET, stride_of
from .layers.roce import pattern_of
from .streams import Conversations
from .tracking.claims import DecodeAs
from .tracking.connections import Connections, Continuation
from .tracking.data import extend_run
from .tracking.events import Events, PacketSeen, Totals, View
from .tracking.matching import Matching
from .tracking.pairing import Pairing
from .tracking.paths import Paths

_ROCE, _TCP, _BROKEN, _UDP, _CUT = (
    int(FrameKind.ROCE),
    int(FrameKind.TCP),
    int(FrameKind.BROKEN),
    int(FrameKind.UDP),
    int(FrameKind.CUT),
)
_MISSES = 8
"""After so many vain attempts, runs are tried only now and then."""
_PATIENCE = 64
_TRIM = 1 << 16
"""Frames after which what is kept is counted."""

_KIND = {code: int(row.kind) for code, row in OPCODES.items()}
_SEND, _WRITE = int(Operation.SEND), int(Operation.WRITE)
_READ_RESPONSE, _DATAGRAM = int(Operation.READ_RESPONSE), int(Operation.DATAGRAM)
_CONGESTION = int(Operation.CONGESTION)


class Pipeline:
    """Runs a reader to its end, and emits what there is to the views.

    ``check_crc`` asks for the checksums of iWARP's FPDUs; ``decode_as`` knows of connections that
    they are RPC-over-RDMA. ``progress`` is called every few thousand frames.
    """

    def __init__(
        self,
        reader: Reader,
        *views: View,
        check_crc: bool = False,
        decode_as: DecodeAs | None = None,
        progress: Callable[[], object] = lambda: None,
    ) -> None:
        self.reader = reader
        self._report = progress
        self.events = events = Events()
        self.layers = Layers()
        self.effort = Effort(lambda: reader.number, self._spent)

        self.pairing = Pairing(events)
        self.matching = Matching(events, self.pairing, reader.source, self.effort, decode_as)
        self.connections = Connections(events, self.pairing, self.matching)
        self.conversations = Conversations(
            events, self.matching, self.pairing.open, reader.source, check_crc=check_crc
        )
        self.kinds: Counter[int] = Counter()
        """Packets by kind of operation; ``-1`` for other traffic, ``-2`` for broken packets."""
        self.offloaded = 0
        """Frames that were several packets, before segmentation or after its reverse."""
        self._in_segments = False
        """The packet in hand is one of several of its frame."""
        self._deal = self._packet
        self._packet_seen = PacketSeen(self.layers.packet)
        self._trimmed = 0
        reader.on_progress = self._progress
        self._begun = False
        # Before all others: what it finds out is part of each exchange.
        Paths().subscribe(events)
        for view in views:
            view.subscribe(events)

    def run(self) -> None:
        """Read everything."""
        self.step(())

    def step(self, found: Sized) -> bool:
        """Read until there is something in ``found``, or to the end; whether there may be more.

        ``found`` is what a subscriber fills; it is looked at after each frame.
        """
        reader, decode = self.reader, self.layers.decode
        deal = self._deal = self._seen if self.events.packets else self._packet
        kinds, fragments = self.kinds, self.layers.fragments
        self.layers.packet.headed = bool(self.events.heads)
        before = reader.time_ns
        more = reader.read()
        if not self._begun:
            self._begun = True
            before = reader.began_ns = reader.time_ns if more else 0
        while more:
            packet = decode(reader)
            packet.before_ns = before
            kind = packet.kind
            if kind == _ROCE:
                if packet.size <= QUIET[packet.opcode] or not self._segments(packet):
                    operation = _KIND.get(packet.opcode, -2)
                    kinds[operation] += 1
                    deal(packet, operation)
            elif kind == _BROKEN:
                kinds[-2] += 1
                self._note(packet.number, "frame-broken", packet.fault)
            elif kind == _CUT:
                kinds[-2] += 1
                self._note(packet.number, "capture-cut", packet.fault)
                self.connections.cut(packet)
            else:
                kinds[-1] += 1
                if kind == _TCP:
                    self.conversations.tcp(packet)
                elif kind == _UDP:
                    self.conversations.udp(packet)
                if fragments.given_up:
                    self._incomplete(fragments.given_up)
                    fragments.given_up = []
            if found:
                return True
            before = reader.time_ns
            more = reader.read()
        self._incomplete(fragments.rest())
        self._close()
        return False

    # --- Packets ---

    def _incomplete(self, datagrams: Iterable[Datagram]) -> None:
        """Take what there is of ours in datagrams of which fragments are missing."""
        for datagram in datagrams:
            if datagram.fault:
                self._note(self.reader.number, "fragments", datagram.fault)
                continue
            packet = self.layers.leftover(self.reader.view, datagram)
            if packet is None:
                continue
            self._note(
                packet.number, "capture-hole", "fragments of this datagram are not in the capture"
            )
            if packet.kind == _UDP:
                self.conversations.udp(packet)
            elif _KIND.get(packet.opcode, -2) == _SEND:
                self.connections.packet(packet, _SEND, self.reader.view)

    def _segments(self, packet: Packet) -> bool:
        """Take all packets of a frame that segmentation offload has made of them, if it has."""
        if packet.pieces is not None:
            return False
        view = self.reader.view
        stride = stride_of(packet, view)
        if not stride:
            return False
        self._in_segments = True
        self.offloaded += 1
        self.events.offloads.emit(packet.number)
        end = packet.transport_end
        for at in range(packet.bth, end, stride):
            self.layers.segment(view, at, min(at + stride, end))
            if packet.kind != _ROCE:
                self._note(packet.number, "frame-broken", packet.fault)
                break
            operation = _KIND.get(packet.opcode, -2)
            self.kinds[operation] += 1
            self._deal(packet, operation)
        self._in_segments = False
        return True

    def _packet(self, packet: Packet, operation: int) -> None:
        """Take a packet of InfiniBand's transport, and its followers."""
        if 0 <= operation < _CONGESTION:
            following = self.connections.packet(packet, operation, self.reader.view)
            if following is not None:
                self._bulk(following, packet)

    def _seen(self, packet: Packet, operation: int) -> None:
        """Take a packet, and emit that it was seen."""
        self._packet(packet, operation)
        seen, reader = self._packet_seen, self.reader
        seen.packet, seen.operation = packet, operation
        seen.followers = reader.number - packet.number
        seen.last_time_ns = reader.time_ns
        flow = self.connections.known(packet) if operation != _DATAGRAM else None
        seen.flow = flow
        seen.opposite = self.pairing.opposite.get(flow) if flow is not None else None
        self.events.packets.emit(seen)

    def _bulk(self, following: Continuation, packet: Packet) -> None:
        """Take as many of the following frames as go on with the operation of a packet."""
        flow, owner, op = following
        left = op.end - 1 - op.next
        if left < 1 or not op.extents or self._in_segments or packet.pieces is not None:
            return
        if packet.psn + 1 - op.next & PSN_MASK:
            # It fills a hole: what follows it was seen before.
            return
        if flow.run_misses > _MISSES and flow.run_misses % _PATIENCE:
            flow.run_misses += 1
            return
        reader, tracker = self.reader, flow.tracker
        requests = owner is flow
        if requests and (tracker.next != op.next or tracker.holes):
            return
        count = reader.run(pattern_of(packet), left)
        if not count:
            flow.run_misses += 1
            return
        flow.run_misses = 0
        self.kinds[_WRITE if requests else _READ_RESPONSE] += count
        if requests:
            tracker.skip(count)
        extend_run(op, count, reader.stride, reader.number, reader.time_ns)

    # --- Bounds and ends ---

    def _progress(self) -> None:
        """Check now and then whether what is kept has grown too much, and say how far it is."""
        self._report()
        number = self.reader.number
        if number - self._trimmed >= _TRIM:
            self._trimmed = number
            self.connections.trim(number)
            self.matching.trim()

    def _spent(self) -> None:
        self._note(
            self.reader.number,
            "search-limit",
            "so much is unclear in this capture that not all of it is searched for what fits",
        )

    def _note(self, frame: int, rule: str, text: str) -> None:
        self.events.findings.emit(Finding(frame, Severity.NOTE, rule, text))

    def _close(self) -> None:
        """Give up what is in progress: there are no more frames."""
        self.connections.close()
        self.conversations.close()
        self.matching.close()
        for notice in self.reader.notices:
            self._note(notice.frame, "capture-file", notice.text)
        self.events.closed.emit(self.totals())

    def totals(self) -> Totals:
        """Return what is known of the capture as a whole so far."""
        return Totals(
            self.reader.began_ns,
            self.kinds,
            sum(flow.tracker.lost_count for flow in self.connections.flows()),
            list(self.pairing.connections.values()),
            list(self.conversations.resent()),
        )
