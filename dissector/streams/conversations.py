"""TCP connections and UDP ports: which of them carry RPC, and what is in them.

Port numbers tell little: a TCP connection to NFS's port is RPC from its first octet; any other
(or one that began before the capture) is, once it shows a record mark with an RPC header behind
it. Until one does, it costs a search through what is new.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple, Protocol

from ..base.extent import Octets
from ..base.finding import Finding, Severity
from ..base.packet import Carrier, Packet, carried, carrier_without_rdma
from ..layers.roce import NFS_PORT
from ..tracking.events import Events
from ..tracking.kinds import Transport
from ..tracking.matching import Matching
from ..tracking.model import Connection, Message, Side
from .iwarp import Iwarp
from .mpa import HELLO_OCTETS, KEY_OCTETS, REPLY_KEY, REQUEST_KEY, SEARCH_BUDGET, find_fpdu
from .reassembly import Stream
from .records import RECORD_PREFIX, Records, find_record
from .talk import Talk, Voice

MAX_CONVERSATIONS = 1 << 14
_SPARED = 64
"""So many of the oldest are spared if they are RPC."""
_SERVICES = frozenset((NFS_PORT, 20049))
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_MASK, _HALF = 0xFFFFFFFF, 1 << 31
REORDERED = 64
"""Frames that a segment may be late in the capture, behind what acknowledges it."""

Open = Callable[[Transport, int, int], Connection]
Key = tuple[str, int, str, int]


class StreamReader(Protocol):
    """What makes something of a stream."""

    def advance(self) -> None:
        """Take what is new in the stream."""
        ...

    def close(self) -> None:
        """Take the end of the stream."""
        ...


class Segment(NamedTuple):
    """A TCP segment, ``have`` of whose octets are at ``offset``."""

    sequence: int
    acknowledged: int
    flags: int
    size: int
    have: int
    offset: int
    frame: int
    time_ns: int
    carrier: Carrier | None


class Half:
    """One direction of a TCP connection."""

    __slots__ = (
        "_conversations",
        "begin",
        "connected",
        "effort",
        "needed",
        "opposite",
        "reader",
        "searched",
        "side",
        "stream",
        "talk",
        "voice",
        "waiting",
    )

    def __init__(self, conversations: Conversations, side: Side) -> None:
        self._conversations = conversations
        self.side = side
        self.talk: Talk | None = None
        self.voice: Voice | None = None
        self.waiting: deque[Segment] = deque()
        """Segments that acknowledge what has not come: it may be late in the capture."""
        self.stream = Stream()
        self.reader: StreamReader | None = None
        self.searched = 0
        """Up to where nothing was recognized."""
        self.needed = 0
        """Before the stream has come so far, a search would find nothing more."""
        self.effort = 0
        """Octets that were searched for FPDUs."""
        self.begin: int | None = None
        """Position of the connection's first octet, if its SYN was seen."""
        self.connected = False
        """It has sent the first SYN."""
        self.opposite: Half = self

    def ahead(self, segment: Segment) -> bool:
        """Return whether a segment acknowledges what was not seen yet."""
        if not segment.flags & _ACK or segment.flags & (_SYN | _RST):
            return False
        theirs = self.opposite.stream
        if not theirs.begun:
            return self.begin is not None  # as their SYN has to come
        return 0 < (segment.acknowledged - theirs.end & _MASK) < _HALF

    def source(self) -> memoryview:
        """Return the octets of the capture."""
        return self._conversations.source()

    def note(
        self, frame: int, rule: str, text: str, severity: Severity = Severity.NOTE
    ) -> None:  # fmt: skip
        """Report something about a frame."""
        self._conversations.events.findings.emit(Finding(frame, severity, rule, text))


class Conversations:
    """All TCP and UDP traffic that may be RPC."""

    def __init__(
        self,
        events: Events,
        matching: Matching,
        connect: Open,
        source: Octets,
        *,
        check_crc: bool = False,
    ) -> None:
        self.events = events
        self._matching = matching
        self._source = source
        self._check_crc = check_crc
        """Whether the checksum of each FPDU of iWARP is computed."""
        self.kinds: Counter[int] = Counter()
        """iWARP's DDP segments by RDMAP opcode."""
        self._connect = connect
        self._halves: dict[Key, Half] = {}
        self._late: deque[tuple[int, Half]] = deque()
        """Frames with what came before that which it acknowledges."""
        self._talks = 0
        """TCP connections so far, if fields of headers are asked for."""
        self._ports: dict[Key, Side] = {}

    def source(self) -> memoryview:
        """Return the octets of the capture."""
        return self._source.view

    def resent(self) -> Iterator[tuple[Side, int]]:
        """Give the sender of each TCP stream with RPC, and its segments that brought nothing."""
        for half in self._halves.values():
            if half.reader is not None:
                yield half.side, half.stream.resent

    # --- TCP ---

    def tcp(self, packet: Packet) -> None:
        """Take a TCP segment."""
        key = (packet.source, packet.source_port, packet.destination, packet.destination_port)
        half = self._halves.get(key)
        flags, sequence = packet.flags, packet.tcp_sequence
        if flags & _SYN:
            sequence = sequence + 1 & 0xFFFFFFFF
            if half is not None and half.stream.begun and half.begin != sequence:
                self._drop(key, half)
                half = None
        if half is None:
            half = self._new(key)
            connection = half.side.connection
            connection.tunnels, connection.ethernet = packet.inside, packet.ethernet
        carrier = self._carrier(packet, half) if packet.headed else None
        stream = half.stream
        if flags & _SYN:
            half.begin = sequence
            half.connected = not flags & _ACK
        if not flags & _RST:
            stream.begin(sequence)
        segment = Segment(
            sequence, packet.tcp_ack, flags, packet.size, packet.have, packet.payload,
            packet.number, packet.time_ns, carrier,
        )  # fmt: skip
        late = self._late
        while late and packet.number - late[0][0] > REORDERED:
            self._overdue(*late.popleft())
        if half.ahead(segment):
            half.waiting.append(segment)
            late.append((packet.number, half))
        else:
            self._take(half, segment)
            if half.opposite.waiting:
                self._caught_up(half.opposite)

    def _take(self, half: Half, segment: Segment) -> None:
        flags, stream, opposite = segment.flags, half.stream, half.opposite
        if flags & _ACK and opposite.stream.begun:
            before = opposite.stream.end
            opposite.stream.acknowledged(segment.acknowledged)
            if opposite.stream.end != before:
                self._advance(opposite)
        if segment.size > 0 and not flags & _RST:
            before = stream.end
            stream.add(
                segment.sequence, segment.size, segment.have, segment.offset, segment.frame,
                segment.time_ns, segment.carrier,
            )  # fmt: skip
            if stream.end != before:
                self._advance(half)

    def _caught_up(self, half: Half) -> None:
        """Take what waited for the other direction to come this far, and what waited for that."""
        while half.waiting and not half.ahead(half.waiting[0]):
            self._take(half, half.waiting.popleft())
            other = half.opposite
            if other.waiting and not other.ahead(other.waiting[0]):
                half = other

    def _overdue(self, frame: int, half: Half) -> None:
        """Take a segment that has waited long enough, and those before it."""
        while half.waiting and half.waiting[0].frame <= frame:
            self._take(half, half.waiting.popleft())
        self._caught_up(half.opposite)

    def _carrier(self, packet: Packet, half: Half) -> Carrier | None:
        opposite = half.opposite
        if half.talk is None or half.voice is None or opposite.voice is None:
            half.talk = opposite.talk = Talk(self._talks)
            half.voice, opposite.voice = Voice(), Voice()
            self._talks += 1
        spoken = half.talk.take(packet, self.source(), half.voice, opposite.voice)
        return carrier_without_rdma(packet, spoken)

    def _new(self, key: Key) -> Half:
        if len(self._halves) >= 2 * MAX_CONVERSATIONS:
            oldest = self._oldest()
            self._drop(oldest, self._halves[oldest])
        # A connection gets its number when it turns out to be one of ours.
        connection = Connection(0, Transport.TCP, 0, 0)
        one, other = (
            Half(self, _side(key[0], key[1], connection)),
            Half(self, _side(key[2], key[3], connection)),
        )
        _introduce(one.side, other.side)
        one.opposite, other.opposite = other, one
        self._halves[key] = one
        self._halves[key[2:] + key[:2]] = other
        return one

    def _oldest(self) -> Key:
        """Return the oldest conversation in which nothing was recognized, as after a port scan."""
        for key in islice(self._halves, _SPARED):
            half = self._halves[key]
            if half.reader is None and half.opposite.reader is None:
                return key
        return next(iter(self._halves))

    def _drop(self, key: Key, half: Half) -> None:
        self._close(half)
        self._close(half.opposite)
        del self._halves[key]
        self._halves.pop(key[2:] + key[:2], None)

    def _close(self, half: Half) -> None:
        for one in (half, half.opposite):
            while one.waiting:
                self._take(one, one.waiting.popleft())
        half.stream.flush()
        self._advance(half)
        if half.reader is not None:
            half.reader.close()

    def _advance(self, half: Half) -> None:
        stream = half.stream
        if half.reader is None:
            self._recognize(half)
        if half.reader is None:
            stream.lost.clear()
            return
        for frame, size in stream.lost:
            half.note(frame, "capture-hole", f"{size} octets of the TCP stream are missing")
        stream.lost.clear()
        half.reader.advance()

    def _recognize(self, half: Half) -> None:
        """Look for something known in what is new."""
        stream = half.stream
        if not stream.chunks:
            return
        known = half.opposite.reader
        if known is not None:
            # The other direction has shown what this connection is.
            at = stream.chunks[0].start
            if isinstance(known, Iwarp):
                self._iwarp(half, at).meet(known)
            else:
                half.reader = Records(half, at, self._record, lost=half.begin != at)
            return
        if stream.end < half.needed:
            return
        start = stream.behind_holes(max(half.searched, stream.chunks[0].start))
        octets = stream.map(start, stream.end).read(self.source())
        head = bytes(octets[:KEY_OCTETS])
        if REQUEST_KEY.startswith(head) or REPLY_KEY.startswith(head):
            if len(octets) >= HELLO_OCTETS:
                self._become_iwarp(half, start)
            return
        from_start = half.begin == start and NFS_PORT in (half.side.port, half.opposite.side.port)
        resume = stream.end
        if not from_start and half.effort < SEARCH_BUDGET:
            # First, since what travels by RDMA may look like a record.
            fpdu = find_fpdu(octets, stream.chunks, start)
            half.effort += fpdu.resume - start
            if fpdu.at >= 0:
                self._become_iwarp(half, fpdu.at)
                return
            resume, half.needed = fpdu.resume, fpdu.needed
        found = 0 if from_start else find_record(octets)
        if found >= 0 and start + found <= resume:
            self._become_rpc(half, start + found)
            return
        half.searched = max(start, min(resume, stream.end - RECORD_PREFIX + 1))
        stream.drop(half.searched)

    def _number(self, half: Half, transport: Transport, position: int) -> None:
        """Make a conversation that is one of ours a connection."""
        chunk = half.stream.at(position)
        made = self._connect(transport, chunk.frame, chunk.time_ns)
        one, other = half, half.opposite
        if _client(other, one):
            one, other = other, one
        begun = half.side.connection
        made.tunnels, made.ethernet = begun.tunnels, begun.ethernet
        made.first, made.second = one.side, other.side
        one.side.connection = other.side.connection = made

    def _become_rpc(self, half: Half, position: int) -> None:
        self._number(half, Transport.TCP, position)
        half.reader = Records(half, position, self._record)
        if half.opposite.stream.chunks:
            self._advance(half.opposite)

    def _become_iwarp(self, half: Half, position: int) -> None:
        self._number(half, Transport.IWARP, position)
        half.side.connection.paired_by = "MPA"
        self._iwarp(half, position)
        if half.opposite.stream.chunks:
            self._advance(half.opposite)

    def _iwarp(self, half: Half, position: int) -> Iwarp:
        reader = half.reader = Iwarp(
            half,
            position,
            self._matching,
            self.events.cm.emit,
            check=self._check_crc,
        )
        reader.messages.kinds = self.kinds
        return reader

    def _record(self, message: Message) -> None:
        self._matching.record(message)

    # --- UDP ---

    def udp(self, packet: Packet) -> None:
        """Take a datagram from or to one of ``RPC_PORTS``."""
        content = carried(packet)
        if packet.size < RECORD_PREFIX or packet.have < RECORD_PREFIX:
            return
        mark = (packet.size | 1 << 31).to_bytes(4, "big")
        head = self.source()[packet.payload : packet.payload + RECORD_PREFIX]
        if find_record(mark + head) != 0:
            return
        key = (packet.source, packet.source_port, packet.destination, packet.destination_port)
        side = self._ports.get(key)
        if side is None:
            side = self._new_ports(key, packet)
        message = Message(side, packet.number, packet.time_ns, content)
        message.carrier = carrier_without_rdma(packet)
        self._matching.record(message)

    def _new_ports(self, key: Key, packet: Packet) -> Side:
        if len(self._ports) >= 2 * MAX_CONVERSATIONS:
            for old in list(self._ports)[:MAX_CONVERSATIONS]:
                del self._ports[old]
        connection = self._connect(Transport.UDP, packet.number, packet.time_ns)
        connection.tunnels, connection.ethernet = packet.inside, packet.ethernet
        one = _side(key[0], key[1], connection)
        other = _side(key[2], key[3], connection)
        _introduce(one, other)
        connection.first, connection.second = one, other
        self._ports[key] = one
        self._ports[key[2:] + key[:2]] = other
        return one

    def close(self) -> None:
        """Close all streams: the capture is over."""
        for half in self._halves.values():
            self._close(half)


def _side(address: str, port: int, connection: Connection) -> Side:
    side = Side(address, connection)
    side.port = port
    return side


def _introduce(one: Side, other: Side) -> None:
    one.peer, other.peer = other, one


def _client(one: Half, other: Half) -> bool:
    """Return whether ``one`` has connected to ``other``, or that seems likely."""
    if one.connected or other.connected:
        return one.connected
    return other.side.port in _SERVICES
