"""SENDs of one direction: their packets, in any order and however often they come, into messages.

A SEND is handed on in sequence, as the receiver saw it: what came behind a hole waits until the
hole is filled, or until an acknowledgement says that it was the capture that lost it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from heapq import heappop, heappush

from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES, Position

from ..base.extent import ByteMap, Piece
from ..base.finding import Finding
from ..base.packet import Packet, carried, carrier_of
from .model import Direction, Message, RdmaOp
from .parts import Numbered, Part, Parts

Outbox = deque[Message | RdmaOp | Finding]
"""What was made of the packets of all directions and waits to be dealt with, in order."""

MAX_PARTS = 4096
"""Packets of unfinished SENDs that are kept."""
MAX_HELD = 256
"""Finished SENDs that may wait for a hole to be filled."""
_MAX_UNACKED = 4096
_MAX_ACKED = 64

_FIRST, _LAST, _ONLY = int(Position.FIRST), int(Position.LAST), int(Position.ONLY)
_INVALIDATING = frozenset(code for code, row in OPCODES.items() if "IETH" in row.headers)
_WITH_IMMEDIATE = frozenset(code for code, row in OPCODES.items() if "ImmDt" in row.headers)


class Sends:
    """The SENDs of a direction; each goes to ``outbox`` once it is its turn."""

    __slots__ = ("_acked", "_direction", "_outbox", "_parts", "_tracker", "_unacked", "_waiting")

    def __init__(self, direction: Direction, outbox: Outbox) -> None:
        self._direction = direction
        self._tracker = direction.tracker
        self._outbox = outbox
        self._parts = Parts()
        self._waiting: list[tuple[int, int, Message]] = []
        """SENDs that wait for their turn: a heap by end, then by frame."""
        self._unacked: deque[Message] = deque(maxlen=_MAX_UNACKED)
        self._acked: deque[Message] = deque(maxlen=_MAX_ACKED)
        """The latest that were acknowledged, of which there may be copies nevertheless."""

    def __len__(self) -> int:
        """Return how many packets and SENDs wait for something."""
        return len(self._parts) + len(self._waiting)

    def packet(self, packet: Packet, sequence: int, position: int) -> None:
        """Take a packet of a SEND, which the tracker has just placed."""
        fresh = self._tracker.fresh
        parts = self._parts
        if position == _ONLY and fresh and not (parts.there and parts.begun(sequence)):
            self._single_packet_send(packet, sequence)
            return
        part = _part(packet, position)
        if not fresh:
            if not parts.again(sequence, part):
                self._sent_again(sequence, packet)
                self.release()
            return
        complete = parts.add(sequence, part)
        if complete is not None:
            self._complete_send(complete)
        elif len(parts) > MAX_PARTS:
            self._give_up(self._tracker.next - MAX_PARTS // 2, force=True)
        self.release()

    def _single_packet_send(self, packet: Packet, sequence: int) -> None:
        """Take a SEND of one packet: the commonest case, in one step."""
        opcode = packet.opcode
        message = Message(self._direction.side, packet.number, packet.time_ns, carried(packet))
        message.sequence, message.end = sequence, sequence + 1
        message.carrier = carrier_of(packet)
        if opcode in _INVALIDATING:
            message.invalidated = packet.invalidate
        if opcode in _WITH_IMMEDIATE:
            message.immediate = packet.immediate
        tracker = self._tracker
        if not self._waiting and (sequence < tracker.expected or sequence < tracker.acked):
            if sequence >= tracker.acked:
                self._unacked.append(message)
            self._outbox.append(message)
            return
        heappush(self._waiting, (sequence + 1, packet.number, message))
        self.release()

    def _sent_again(self, sequence: int, packet: Packet) -> None:
        """Note another copy of a packet.

        If its SEND waits, it is the later one that is received. What was handed on stays as it is:
        nothing shows that the first copy did not arrive, or it was acknowledged.
        """
        for _, _, message in self._waiting:
            if message.sequence <= sequence < message.end:
                message.resent += 1
                message.frame, message.time_ns = packet.number, packet.time_ns
                message.carrier = carrier_of(packet)
                return
        for handed_on in (self._unacked, self._acked):
            at = bisect_right(handed_on, sequence, key=_end)
            if at < len(handed_on) and handed_on[at].sequence <= sequence:
                handed_on[at].resent += 1
                return

    def _complete_send(self, numbered: Numbered) -> None:
        """Take a SEND of which all packets are there."""
        first = numbered[0][0]
        parts = [part for _, part in numbered]
        self._deliver_in_order(self._message(parts, first, first + len(parts), _joined(parts)))

    def _incomplete_send(self, group: Numbered) -> None:
        """Take what there is of a SEND of which packets are missing for good."""
        start = group[0][0]
        parts = [part for _, part in group]
        numbered = [(sequence - start, part) for sequence, part in group]
        content = _content(numbered, self._direction.mtu or max(part.size for part in parts))
        message = self._message(parts, start, group[-1][0] + 1, content)
        message.headless = not parts[0].position & _FIRST
        message.open_ended = not parts[-1].position & _LAST
        self._deliver_in_order(message)

    def _message(self, parts: list[Part], sequence: int, end: int, content: ByteMap) -> Message:
        latest = max(parts, key=lambda part: part.frame) if len(parts) > 1 else parts[0]
        message = Message(self._direction.side, latest.frame, latest.time_ns, content)
        message.first_frame, message.first_time_ns = parts[0].frame, parts[0].time_ns
        message.packets = len(parts)
        message.carrier = latest.carrier
        message.resent = sum(part.resent for part in parts)
        message.sequence, message.end = sequence, end
        message.invalidated, message.immediate = parts[-1].invalidate, parts[-1].immediate
        return message

    def _deliver_in_order(self, message: Message) -> None:
        """Hand a SEND on if nothing before it is missing; else it waits."""
        if not self._waiting and message.end <= self._tracker.frontier():
            self._deliver(message)
        else:
            heappush(self._waiting, (message.end, message.frame, message))

    def _deliver(self, message: Message) -> None:
        if message.end > self._tracker.acked:
            self._unacked.append(message)
        self._outbox.append(message)

    def release(self) -> None:
        """Hand on what waits for nothing any more."""
        waiting = self._waiting
        if not waiting:
            return
        frontier = self._tracker.frontier()
        while waiting and (waiting[0][0] <= frontier or len(waiting) > MAX_HELD):
            self._deliver(heappop(waiting)[2])

    def release_all(self) -> None:
        """Hand on everything, in order: nothing more will come."""
        self._give_up(1 << 62, force=True)
        while self._waiting:
            self._deliver(heappop(self._waiting)[2])

    def take_before(self, frame: int) -> list[Message]:
        """Take out what was sent before a frame and waits: the peer has answered it."""
        taken: list[Message] = []
        while self._waiting and self._waiting[0][2].frame < frame:
            message = heappop(self._waiting)[2]
            if message.end > self._tracker.acked:
                self._unacked.append(message)
            taken.append(message)
        return taken

    def acknowledged(self, frame: int, time: int) -> None:
        """Learn that all requests before ``tracker.acked`` have arrived, by a packet in a frame."""
        acked = self._tracker.acked
        if self._parts.there:
            self._give_up(acked)
        if self._waiting:
            self.release()
        unacked = self._unacked
        while unacked and unacked[0].end <= acked:
            message = unacked.popleft()
            message.ack_frame, message.ack_time_ns = frame, time
            self._acked.append(message)

    def forget_unacknowledged(self) -> None:
        """Wait for no acknowledgement any more: the connection is another one."""
        self._unacked.clear()
        self._acked.clear()

    def _give_up(self, limit: int, *, force: bool = False) -> None:
        """Take the SENDs of which a packet before ``limit`` is missing for good."""
        for group in self._parts.give_up(limit, force=force):
            self._incomplete_send(group)


def _end(message: Message) -> int:
    return message.end


def _part(packet: Packet, position: int) -> Part:
    opcode = packet.opcode
    return Part(
        position,
        packet.number,
        packet.time_ns,
        packet.payload,
        packet.size,
        packet.have,
        packet.invalidate if opcode in _INVALIDATING else None,
        packet.immediate if opcode in _WITH_IMMEDIATE else None,
        packet.pieces,
        carrier=carrier_of(packet),
    )


def _joined(parts: list[Part]) -> ByteMap:
    """Return the map of a SEND of which all packets are there, of any sizes."""
    pieces: list[Piece] = []
    at = 0
    for part in parts:
        pieces += _pieces(part, at)
        at += part.size
    return ByteMap(at, pieces)


def _pieces(part: Part, start: int) -> list[Piece]:
    """Return where the octets of a packet are that begins at ``start`` of its SEND."""
    if part.pieces is not None:
        return [piece._replace(start=start + piece.start) for piece in part.pieces]
    return [Piece(start, part.have, part.offset, part.frame)] if part.have else []


def _content(numbered: list[tuple[int, Part]], mtu: int) -> ByteMap:
    """Return the map of a SEND of which these packets are there, by their place in it."""
    pieces = []
    length = 0
    for index, part in numbered:
        start = index * mtu
        pieces += _pieces(part, start)
        length = start + part.size
    return ByteMap(length, pieces)
