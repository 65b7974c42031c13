"""One direction of a reliable connection: packets into SENDs, RDMA WRITEs and RDMA READs.

A :class:`Flow` is all packets from one address to one queue pair. Its *requests* have sequence
numbers of the sender's own; they are put together here, whatever order and however often they
come. Its *responses* (acknowledgements, READ responses) are numbered by the opposite flow, whose
:meth:`Flow.response_data` and :meth:`Flow.acknowledged` are called for them.

A SEND is handed on in sequence, as the receiver saw it: what came behind a hole waits until the
hole is filled, or until an acknowledgement says that it was the capture that lost it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES, Position
from nfsrdma.rpcrdma.roce.wire.psn import unwrap

from ..base.extent import ByteMap, Extent, Piece, carried
from ..base.packet import Packet
from ..base.stretches import Stretches
from .model import Message, OpKind, RdmaOp, Side
from .parts import Numbered, Part, Parts
from .placement import Orphan, Orphans
from .sequence import Tracker, within

_FIRST, _LAST, _ONLY = Position.FIRST, Position.LAST, Position.ONLY
POSITION = {code: int(row.position) for code, row in OPCODES.items()}
SEND_INVALIDATE = frozenset((0x16, 0x17))
WITH_IMMEDIATE = frozenset((0x03, 0x05, 0x09, 0x0B))

MAX_PARTS = 4096
"""Packets of unfinished SENDs that are kept."""
MAX_HELD = 256
"""Finished SENDs that may wait for a hole to be filled."""
MAX_EXTENTS = 1 << 14
"""Extents that one RDMA operation may have."""
MIN_MTU = 256
REORDERED = 64
"""Frames that a packet may be late in the capture, behind what acknowledges it."""
MAX_GAPS = 4096
"""Holes of one operation that may still be filled."""
KEPT_OPS = 128
_MAX_UNACKED = 4096


if TYPE_CHECKING:
    from .pairing import Unpaired


class Sink(Protocol):
    """Who is told of what a flow found."""

    def on_message(self, flow: Flow, message: Message) -> None: ...

    def on_operation(self, flow: Flow, op: RdmaOp) -> None: ...

    def on_fault(self, frame: int, rule: str, text: str) -> None: ...


class Flow:
    """See the module. ``side`` is the sender."""

    __slots__ = (
        "_held",
        "_missing",
        "_op",
        "_parts",
        "_recent",
        "_sink",
        "_unacked",
        "bucket",
        "destination",
        "mtu",
        "orphans",
        "qpn",
        "reads",
        "run_misses",
        "side",
        "snapshot",
        "source",
        "source_port",
        "tracker",
        "unpaired",
    )

    def __init__(self, source: str, destination: str, qpn: int, side: Side, sink: Sink) -> None:
        self.source = source
        self.source_port = 0
        """The UDP port of its first packet, for RoCEv2."""
        self.destination = destination
        self.qpn = qpn
        """Of the receiver."""
        self.side = side
        self.tracker = Tracker()
        self.mtu = 0
        """Payload octets of a full packet, once that is known."""
        self.reads: deque[RdmaOp] = deque(maxlen=KEPT_OPS)
        """READs that the sender has asked for, oldest first."""
        self.run_misses = 0
        """How many attempts in a row to take packets in bulk were in vain."""
        self.unpaired: Unpaired | None = None
        """Among whom a peer is looked for, until there is one."""
        self.bucket = -1
        """Where it stands among them."""
        self.snapshot = (-1, -1)
        """How far both directions were when it was last asked whether they are in use."""
        self._sink = sink
        self._missing: deque[tuple[int, int, int]] = deque(maxlen=_MAX_UNACKED)
        """Frames that acknowledge what was not seen yet, and which sequences."""
        self._parts = Parts()
        self._held: list[tuple[int, int, Message]] = []
        self._unacked: deque[Message] = deque(maxlen=_MAX_UNACKED)
        self._op: RdmaOp | None = None
        self._recent: deque[RdmaOp] = deque(maxlen=KEPT_OPS)
        self.orphans = Orphans()
        """Data of which it is not known where they belong, by sequence."""

    # Requests

    def send(self, packet: Packet) -> None:
        """A packet of a SEND."""
        sequence = self._place(packet)
        position = POSITION[packet.opcode]
        fresh = self.tracker.fresh
        if position == _ONLY and fresh and not (self._parts and self._parts.begun(sequence)):
            self._alone(packet, sequence)
            return
        part = _part(packet, position)
        if not fresh:
            if not self._parts.again(sequence, part):
                self._sent_again(sequence, packet)
                self._release()
            return
        if position == _FIRST:
            self._full(packet.size)
        complete = self._parts.add(sequence, part)
        if complete is not None:
            self._finish(complete)
        elif len(self._parts) > MAX_PARTS:
            self._give_up(self.tracker.next - MAX_PARTS // 2, force=True)
        self._release()

    def _alone(self, packet: Packet, sequence: int) -> None:
        """A SEND of one packet: the commonest case in one step."""
        number, opcode = packet.number, packet.opcode
        content = carried(packet)
        message = Message(self.side, number, packet.time, content)
        message.sequence, message.end = sequence, sequence + 1
        if opcode in SEND_INVALIDATE:
            message.invalidated = packet.invalidate
        if opcode in WITH_IMMEDIATE:
            message.immediate = packet.immediate
        if not self._held and sequence < self.tracker.frontier():
            self._deliver(message)
            return
        heappush(self._held, (sequence + 1, number, message))
        self._release()

    def _sent_again(self, sequence: int, packet: Packet) -> None:
        """Of what waits behind a hole it is the later copy that the receiver takes."""
        for _, _, message in self._held:
            if message.sequence <= sequence < message.end:
                message.resent += 1
                message.frame, message.time = packet.number, packet.time
                break

    def _finish(self, numbered: Numbered) -> None:
        """A SEND, all of its packets."""
        first = numbered[0][0]
        parts = [part for _, part in numbered]
        content = _joined(parts)
        self._hold(parts, first, first + len(parts), content)

    def _hold(self, parts: list[Part], sequence: int, end: int, content: ByteMap) -> Message:
        latest = max(parts, key=lambda part: part.frame) if len(parts) > 1 else parts[0]
        message = Message(self.side, latest.frame, latest.time, content)
        message.first_frame, message.first_time = parts[0].frame, parts[0].time
        message.packets = len(parts)
        message.resent = sum(part.resent for part in parts)
        message.sequence, message.end = sequence, end
        message.invalidated, message.immediate = parts[-1].invalidate, parts[-1].immediate
        if not self._held and end <= self.tracker.frontier():
            self._deliver(message)
        else:
            heappush(self._held, (end, latest.frame, message))
        return message

    def _deliver(self, message: Message) -> None:
        if message.end > self.tracker.acked:
            self._unacked.append(message)
        self._sink.on_message(self, message)

    def _release(self) -> None:
        """Hand on what waits for nothing any more."""
        held = self._held
        if not held:
            return
        frontier = self.tracker.frontier()
        while held and (held[0][0] <= frontier or len(held) > MAX_HELD):
            self._deliver(heappop(held)[2])

    def release_all(self) -> None:
        """Hand on everything, in order: nothing more will come."""
        self._say_missing(1 << 62)
        self._give_up(1 << 62, force=True)
        while self._held:
            self._deliver(heappop(self._held)[2])

    def weight(self) -> int:
        """How much is kept of it that waits for something."""
        offers = len(self.side.offers) + len(self.side.unclaimed)
        extents = sum(len(op.extents) for op in self._recent)
        waiting = len(self._parts) + len(self._held) + len(self.side.connection.doubtful)
        return waiting + len(self.orphans) + offers + extents

    def shed(self) -> None:
        """Keep nothing that waits for anything."""
        self.release_all()
        self.orphans.clear()
        self._recent.clear()
        self.reads.clear()
        self._op = None
        self.side.unclaimed = Stretches()
        self.side.connection.doubtful.clear()

    def release_before(self, frame: int) -> bool:
        """Hand on what was sent before a frame, since the peer has answered it; if there is any."""
        released = False
        while self._held and self._held[0][2].frame < frame:
            released = True
            self._deliver(heappop(self._held)[2])
        return released

    def _give_up(self, limit: int, *, force: bool = False) -> None:
        """SENDs of which a packet before ``limit`` is missing for good."""
        for group in self._parts.give_up(limit, force=force):
            self._partial(group)

    def _partial(self, group: Numbered) -> None:
        start = group[0][0]
        parts = [part for _, part in group]
        headless = not parts[0].position & _FIRST
        numbered = [(sequence - start, part) for sequence, part in group]
        content = _content(numbered, self.mtu or max(part.size for part in parts))
        if not parts[-1].position & _LAST:
            # At least one packet more, of which not even the length is known.
            content.length += 1
        message = self._hold(parts, start, group[-1][0] + 1, content)
        message.headless = headless

    def write(self, packet: Packet) -> RdmaOp | None:
        """A packet of an RDMA WRITE; its operation, if it is new and that is known."""
        sequence = self._place(packet)
        tracker = self.tracker
        position = POSITION[packet.opcode]
        if position & _FIRST:
            if not tracker.fresh:
                self._repeated(sequence)
                return None
            op = self._begin_write(packet, sequence)
        else:
            found = self._write_at(sequence)
            if not tracker.fresh:
                self._repeated(sequence)
                return None
            if found is None:
                self._orphan(OpKind.WRITE, sequence, packet)
                return None
            op = found
        self._extend(op, sequence, packet, 1, 0)
        if self._held:
            self._release()
        return op

    def _begin_write(self, packet: Packet, sequence: int) -> RdmaOp:
        op = RdmaOp(
            OpKind.WRITE, self.side, packet.rkey, packet.address, packet.dma_length,
            packet.number, packet.time,
        )  # fmt: skip
        op.sequence = op.next = sequence
        op.first_data_time = packet.time
        if POSITION[packet.opcode] == _ONLY:
            op.size_with(max(packet.size, op.length, 1))
        else:
            self._full(packet.size)
            op.size_with(max(packet.size, 1))
        self._op = op
        self._recent.append(op)
        self._sink.on_operation(self, op)
        if self.orphans:
            self._adopt(op)
        return op

    def _adopt(self, op: RdmaOp) -> None:
        """Packets that came before the one that says where they belong."""
        first = op.sequence + (op.kind == OpKind.WRITE)
        for sequence in self.orphans.between(first, op.end):
            if self.orphans[sequence].kind == op.kind:
                orphan = self.orphans.pop(sequence)
                address = op.address + (sequence - op.sequence) * op.mtu
                op.extents.append(orphan.extent._replace(address=address))
                op.packets += 1
                op.first_data_time = op.first_data_time or orphan.time
                if sequence == op.next:
                    op.next = sequence + 1

    def _write_at(self, sequence: int) -> RdmaOp | None:
        op = self._op
        if op is not None and op.sequence < sequence < op.end:
            return op
        for op in reversed(self._recent):
            if op.sequence < sequence < op.end:
                return op
        return None

    def _repeated(self, sequence: int) -> None:
        for op in reversed(self._recent):
            if op.sequence <= sequence < op.end:
                op.resent += 1
                break

    def _orphan(self, kind: OpKind, sequence: int, packet: Packet) -> None:
        extent = Extent(0, packet.size, packet.have, packet.payload, packet.number)
        self.orphans.add(sequence, Orphan(kind, POSITION[packet.opcode], packet.time, extent))

    def _extend(self, op: RdmaOp, sequence: int, packet: Packet, count: int, stride: int) -> None:
        """``count`` packets of an operation, of which ``packet`` is the first."""
        address = op.address + (sequence - op.sequence) * op.mtu
        size = packet.size
        over = address + size * count - op.address - op.length
        if over > 0:
            self._sink.on_fault(
                packet.number, "rdma-length", f"{over} octets more than its RETH announced"
            )
            return
        if packet.pieces is not None:
            op.extents += [
                Extent(address + piece.start, piece.length, piece.length, piece.offset, piece.frame)
                for piece in packet.pieces
            ]
        elif size and len(op.extents) < MAX_EXTENTS:
            op.extents.append(
                Extent(address, size, packet.have, packet.payload, packet.number, count, stride)
            )
        op.packets += count
        op.next = max(op.next, sequence + count)
        op.last_frame, op.last_time = packet.number, packet.time

    def extend_run(
        self, op: RdmaOp, packet: Packet, count: int, stride: int, last_frame: int, last_time: int
    ) -> None:
        """``count`` more packets like ``packet``, which was the operation's latest, in a row."""
        address, size, have, offset, frame, had, old = op.extents[-1]
        if had == 1 or old == stride:
            op.extents[-1] = Extent(address, size, have, offset, frame, had + count, stride)
        op.packets += count
        op.next += count
        op.last_frame, op.last_time = last_frame, last_time

    def read_request(self, packet: Packet) -> None:
        """An RDMA READ request: it takes as many sequence numbers as its response has packets."""
        sequence = self._place(packet)
        self._release()
        for op in reversed(self.reads):
            if op.sequence <= sequence and (sequence < op.end or sequence == op.sequence):
                same = op.handle == packet.rkey and (
                    not op.mtu or op.address + (sequence - op.sequence) * op.mtu == packet.address
                )
                if same and not self.tracker.restarted:
                    op.retries.append(packet.number)
                    return
        op = RdmaOp(
            OpKind.READ, self.side, packet.rkey, packet.address, packet.dma_length,
            packet.number, packet.time,
        )  # fmt: skip
        op.sequence = op.next = sequence
        op.end = sequence + 1
        self.reads.append(op)
        if self.mtu:
            self._size_read(op, self.mtu)
        elif op.length > MIN_MTU:
            self.tracker.loose = self.tracker.next == sequence + 1
        self._sink.on_operation(self, op)
        if self.orphans:
            self._adopt(op)

    def _size_read(self, op: RdmaOp, mtu: int) -> None:
        op.size_with(mtu)
        self.tracker.occupy(op.sequence, op.end)

    def response_data(self, packet: Packet) -> RdmaOp | None:
        """A READ response in the opposite flow, to a request of this one; the READ if it is new."""
        position = POSITION[packet.opcode]
        if position == _FIRST:
            self._full(packet.size)
        op = self._read_of(packet.psn)
        if op is None:
            if self.tracker.next >= 0:
                self._orphan(OpKind.READ, unwrap(packet.psn, self.tracker.next), packet)
            return None
        sequence = unwrap(packet.psn, op.sequence)
        if not op.mtu and not self._guess_mtu(op, packet, position):
            return None
        if position == _FIRST and packet.size != op.mtu and not op.packets:
            # Another path MTU than the handshake's.
            self._size_read(op, max(packet.size, 1))
        if not op.first_data_time:
            op.first_data_time = packet.time
        if sequence > op.next:
            op.gaps.append((op.next, sequence))
            if len(op.gaps) > MAX_GAPS:
                del op.gaps[0]
        elif sequence < op.next and not _fill(op, sequence):
            op.resent += 1
            return None
        before = op.packets
        self._extend(op, sequence, packet, 1, 0)
        return op if op.packets > before else None

    def _guess_mtu(self, op: RdmaOp, packet: Packet, position: int) -> bool:
        if position == _ONLY:
            op.size_with(max(packet.size, op.length, 1))
        elif position & _LAST:
            # Its first packets are missing, and with them the size of each.
            sequence = unwrap(packet.psn, op.sequence)
            before = op.length - packet.size
            packets = sequence - op.sequence
            if packets < 1 or before % packets:
                return False
            self._full(before // packets)
        else:
            self._full(packet.size)
        if not op.mtu and self.mtu:
            self._size_read(op, self.mtu)
        return bool(op.mtu)

    def _read_of(self, psn: int) -> RdmaOp | None:
        for op in self.reads:
            if not op.end:
                continue
            sequence = unwrap(psn, op.sequence)
            if op.sequence <= sequence < op.end or (
                not op.mtu and 0 <= sequence - op.sequence < op.length // MIN_MTU + 1
            ):
                return op
        return None

    # Acknowledgements

    def acknowledged(self, psn: int, frame: int, time: int) -> None:
        """The opposite flow says that all requests up to ``psn`` have arrived."""
        tracker = self.tracker
        if tracker.next < 0:
            return
        sequence = unwrap(psn, tracker.next)
        if sequence + 1 <= tracker.acked or abs(sequence - tracker.next) > 1 << 20:
            return
        before = tracker.acked
        if self._missing and frame - self._missing[0][0] > REORDERED:
            self._say_missing(frame - REORDERED)
        if tracker.acknowledge(sequence):
            self._missing.append((frame, before, sequence + 1))
        if self._parts:
            self._give_up(tracker.acked)
        self._release()
        unacked = self._unacked
        while unacked and unacked[0].end <= tracker.acked:
            message = unacked.popleft()
            message.ack_frame, message.ack_time = frame, time

    def _say_missing(self, before: int) -> None:
        """What was acknowledged before a frame and has not come since will not come."""
        while self._missing and self._missing[0][0] < before:
            frame, low, high = self._missing.popleft()
            missing = sum(end - start for start, end in within(self.tracker.lost, low, high))
            if missing:
                self._sink.on_fault(
                    frame,
                    "capture-hole",
                    f"{missing} packets acknowledged here are not in the capture",
                )

    def knows(self, psn: int) -> bool:
        """Whether ``psn`` may be the number of one of the latest requests."""
        if self.tracker.next < 0:
            return False
        behind = self.tracker.next - unwrap(psn, self.tracker.next)
        return 0 < behind <= MAX_PARTS

    def _place(self, packet: Packet) -> int:
        sequence = self.tracker.place(packet.psn)
        if self.tracker.restarted:
            self._restart()
        if self.unpaired is not None:
            self.unpaired.moved(self)
        return sequence

    def _restart(self) -> None:
        """Another connection has this queue pair now, and its beginning was not seen."""
        self.release_all()
        self._op = None
        self._recent.clear()
        self.orphans.clear()
        self._unacked.clear()
        self.reads.clear()

    def _full(self, size: int) -> None:
        """A packet that must be full has ``size`` octets: this is the path MTU."""
        if size != self.mtu and size >= MIN_MTU:
            self.mtu = size
            for op in self.reads:
                if not op.mtu:
                    self._size_read(op, size)


def _fill(op: RdmaOp, sequence: int) -> bool:
    """Take a sequence out of an operation's gaps; whether it was in one."""
    index = bisect_left(op.gaps, (sequence + 1,)) - 1
    if index < 0 or sequence >= op.gaps[index][1]:
        return False
    start, end = op.gaps[index]
    op.gaps[index : index + 1] = [
        gap for gap in ((start, sequence), (sequence + 1, end)) if gap[0] < gap[1]
    ]
    return True


def _part(packet: Packet, position: int) -> Part:
    opcode = packet.opcode
    return Part(
        position,
        packet.number,
        packet.time,
        packet.payload,
        packet.size,
        packet.have,
        packet.invalidate if opcode in SEND_INVALIDATE else None,
        packet.immediate if opcode in WITH_IMMEDIATE else None,
        packet.pieces,
    )


def _joined(parts: list[Part]) -> ByteMap:
    """The map of a SEND of which all packets are there, whatever their sizes."""
    pieces: list[Piece] = []
    at = 0
    for part in parts:
        pieces += _pieces(part, at)
        at += part.size
    return ByteMap(at, pieces)


def _pieces(part: Part, start: int) -> list[Piece]:
    """Where the octets of a packet are that begins at ``start`` of its SEND."""
    if part.pieces is not None:
        return [piece._replace(start=start + piece.start) for piece in part.pieces]
    return [Piece(start, part.have, part.offset, part.frame)] if part.have else []


def _content(numbered: list[tuple[int, Part]], mtu: int) -> ByteMap:
    """The map of a SEND of which these packets are there, by their place in it."""
    pieces = []
    length = 0
    for index, part in numbered:
        start = index * mtu
        pieces += _pieces(part, start)
        length = start + part.size
    return ByteMap(length, pieces)
