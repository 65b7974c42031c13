"""The pipeline: one pass over a capture, from frames to exchanges.

    capture -> layers -> flows -> connections -> messages -> exchanges -> views

Frames are looked at one by one, but for the middles of RDMA WRITEs and READ responses, which come
by the thousand: those the reader takes in runs, and a run becomes one extent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES
from nfsrdma.rpcrdma.roce.wire.opcode import Kind as Operation

from .base import packet as packets
from .base.effort import Effort
from .base.packet import Packet
from .capture.reader import Reader
from .capture.runs import PSN_MASK
from .layers import Layers
from .layers.fragments import Datagram
from .layers.offload import QUIET, stride_of
from .layers.roce import pattern_of
from .streams import Conversations
from .tracking.claims import DecodeAs
from .tracking.connections import Connections
from .tracking.exchange import Exchange
from .tracking.flow import Flow
from .tracking.matching import Exchanges
from .tracking.model import MAX_FINDINGS, CmEvent, Finding, RdmaOp, Severity
from .views.several import Observers

WRITE_MIDDLE = 0x07
READ_RESPONSE_MIDDLE = 0x0E
CNP = 0x81

_ROCE, _TCP, _BROKEN = int(packets.Kind.ROCE), int(packets.Kind.TCP), int(packets.Kind.BROKEN)
_UDP = int(packets.Kind.UDP)
_MISSES = 8
"""After so many vain attempts, runs are tried only now and then."""
_PATIENCE = 64
_TRIM = 1 << 16
"""Frames after which what is kept is counted."""

_KIND = {code: int(row.kind) for code, row in OPCODES.items()}
_SEND, _WRITE = int(Operation.SEND), int(Operation.WRITE)
_READ_REQUEST, _READ_RESPONSE = int(Operation.READ_REQUEST), int(Operation.READ_RESPONSE)
_ACKNOWLEDGE, _DATAGRAM = int(Operation.ACKNOWLEDGE), int(Operation.DATAGRAM)
_HAS_AETH = frozenset((0x0D, 0x0F, 0x10))


class View(Protocol):
    """Who is shown what the pipeline finds, in the order in which it does."""

    def exchange(self, exchange: Exchange) -> None: ...

    def cm(self, event: CmEvent) -> None: ...

    def finding(self, finding: Finding) -> None: ...

    def close(self, pipeline: Pipeline) -> None: ...


class Observer(Protocol):
    """Who is shown every packet of RDMA, once it was dealt with."""

    def packet(self, packet: Packet, operation: int, followers: int, time: int) -> None:
        """``packet``, and ``followers`` in a run with it, the last of them at ``time``."""


class Pipeline:
    """Runs a reader to its end and shows one view what there is.

    ``check_crc`` asks for the checksums of iWARP's FPDUs; ``decode_as`` knows of connections that
    they are RPC-over-RDMA.
    """

    def __init__(
        self,
        reader: Reader,
        view: View,
        *,
        check_crc: bool = False,
        decode_as: DecodeAs | None = None,
    ) -> None:
        self.reader = reader
        self.view = view
        self.layers = Layers()
        self.effort = Effort(lambda: reader.number, self._spent)
        self.exchanges = Exchanges(lambda: reader.source.view, view.exchange, self.effort)
        self.exchanges.on_finding = self.on_finding
        self.exchanges.decode_as = decode_as or DecodeAs()
        self.connections = Connections(self.exchanges, self.on_finding)
        self.connections.on_cm = view.cm
        self.conversations = Conversations(
            self.exchanges,
            lambda: reader.source.view,
            self.connections.open,
            self.on_finding,
            check_crc=check_crc,
        )
        self.conversations.on_cm = view.cm
        self.kinds: Counter[int] = Counter()
        """Packets by kind of operation; ``-1`` for other traffic."""
        self.findings = 0
        self.congestion = 0
        """Congestion notification packets."""
        self.offloaded = 0
        """Frames that were several packets, before segmentation or after its reverse."""
        self._offloaded = False
        self._trimmed = 0
        reader.on_progress = self._progress
        self.observer: Observer | None = None
        self._dealt = self._roce

    def observe(self, observer: Observer) -> None:
        """Show every packet to one more; before :meth:`run`."""
        first = self.observer
        self.observer = observer if first is None else Observers(first, observer)

    def run(self) -> None:
        """Everything."""
        reader, decode = self.reader, self.layers.decode
        kinds, fragments = self.kinds, self.layers.fragments
        dealt = self._dealt = self._roce if self.observer is None else self._observed
        more = reader.read()
        reader.began = reader.time if more else 0
        while more:
            packet = decode(reader)
            kind = packet.kind
            if kind == _ROCE:
                if packet.size <= QUIET[packet.opcode] or not self._segments(packet):
                    operation = _KIND.get(packet.opcode, -2)
                    kinds[operation] += 1
                    dealt(packet, operation)
            elif kind == _BROKEN:
                kinds[-2] += 1
                self.fault(packet.number, "frame-broken", packet.fault)
            else:
                kinds[-1] += 1
                if kind == _TCP:
                    self.conversations.tcp(packet)
                elif kind == _UDP:
                    self.conversations.udp(packet)
                if fragments.given_up:
                    self._incomplete(fragments.given_up)
                    fragments.given_up = []
            more = reader.read()
        self._incomplete(fragments.rest())
        self.close()

    def _incomplete(self, datagrams: Iterable[Datagram]) -> None:
        """Datagrams of which fragments are missing: take what there is of ours."""
        for datagram in datagrams:
            if datagram.fault:
                self.fault(self.reader.number, "fragments", datagram.fault)
                continue
            packet = self.layers.leftover(self.reader.view, datagram)
            if packet is None:
                continue
            self.fault(
                packet.number, "capture-hole", "fragments of this datagram are not in the capture"
            )
            if packet.kind == _UDP:
                self.conversations.udp(packet)
            elif _KIND.get(packet.opcode, -2) == _SEND:
                self.connections.flow(packet).send(packet)

    def _segments(self, packet: Packet) -> bool:
        """All packets of a frame that segmentation offload has made of them; if it has."""
        if packet.pieces is not None:
            return False
        view = self.reader.view
        stride = stride_of(packet, view)
        if not stride:
            return False
        self._offloaded = True
        self.offloaded += 1
        end = packet.transport_end
        for at in range(packet.bth, end, stride):
            self.layers.segment(view, at, min(at + stride, end))
            if packet.kind != _ROCE:
                self.fault(packet.number, "frame-broken", packet.fault)
                break
            operation = _KIND.get(packet.opcode, -2)
            self.kinds[operation] += 1
            self._dealt(packet, operation)
        self._offloaded = False
        return True

    def _observed(self, packet: Packet, operation: int) -> None:
        self._roce(packet, operation)
        if self.observer is not None:
            reader = self.reader
            followers = reader.number - packet.number
            self.observer.packet(packet, operation, followers, reader.time)

    def _roce(self, packet: Packet, operation: int) -> None:
        connections = self.connections
        if operation == _DATAGRAM:
            connections.datagram(packet, self.reader.view)
            return
        if operation < 0 or packet.opcode == CNP:
            self.congestion += operation >= 0
            return
        flow = connections.flow(packet)
        if operation == _ACKNOWLEDGE:
            connections.acknowledge(flow, packet)
        elif operation == _SEND:
            flow.send(packet)
        elif operation == _WRITE:
            op = flow.write(packet)
            if op is not None and packet.opcode == WRITE_MIDDLE:
                self._bulk(flow, flow, op, packet)
        elif operation == _READ_REQUEST:
            flow.read_request(packet)
        elif operation == _READ_RESPONSE:
            self._response(flow, packet)

    def _response(self, flow: Flow, packet: Packet) -> None:
        opposite = self.connections.opposite(flow, packet.psn)
        if opposite is None:
            return
        op = opposite.response_data(packet)
        if packet.opcode in _HAS_AETH:
            self.connections.acknowledge(flow, packet)
        elif op is not None:
            self._bulk(flow, opposite, op, packet)

    def _bulk(self, flow: Flow, owner: Flow, op: RdmaOp, packet: Packet) -> None:
        """Take as many of the following frames as go on with the same operation.

        ``flow`` is the packets' flow, ``owner`` that of the request.
        """
        left = op.end - 1 - op.next
        if left < 1 or not op.extents or self._offloaded or packet.pieces is not None:
            return
        if packet.psn + 1 - op.next & PSN_MASK:
            # It fills a hole: what follows it was seen before.
            return
        if flow.run_misses > _MISSES and flow.run_misses % _PATIENCE:
            flow.run_misses += 1
            return
        reader = self.reader
        following = op.next
        if owner is flow and (flow.tracker.next != following or flow.tracker.holes):
            return
        count = reader.run(pattern_of(packet), left)
        if not count:
            flow.run_misses += 1
            return
        flow.run_misses = 0
        self.kinds[_WRITE if owner is flow else _READ_RESPONSE] += count
        if owner is flow:
            flow.tracker.skip(count)
        owner.extend_run(op, packet, count, reader.stride, reader.number, reader.time)

    def _progress(self) -> None:
        """Now and then look whether what is kept has grown too much."""
        number = self.reader.number
        if number - self._trimmed >= _TRIM:
            self._trimmed = number
            self.connections.trim(number)
            self.exchanges.trim()

    def _spent(self) -> None:
        self.fault(
            self.reader.number,
            "search-limit",
            "so much is unclear in this capture that not all of it is searched for what fits",
        )

    def fault(self, frame: int, rule: str, text: str) -> None:
        self.on_finding(Finding(frame, Severity.NOTE, rule, text))

    def on_finding(self, finding: Finding) -> None:
        self.findings += 1
        if self.findings <= MAX_FINDINGS:
            self.view.finding(finding)

    def close(self) -> None:
        """No more frames: give up what is in progress."""
        self.connections.close()
        self.conversations.close()
        self.exchanges.close()
        for notice in self.reader.notices:
            self.fault(notice.frame, "capture-file", notice.text)
        self.view.close(self)
