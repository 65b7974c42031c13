"""A capture without its TLS: an editor that puts what was encrypted in place of what encrypts it.

Frames keep their number and their time. Up to where TLS begins on a connection, which for RPC is
behind the call and the reply that ask for it (RFC 9289, Section 4.1), nothing is changed; from
there on a frame has the data of the records that it completes, and sequence numbers count these.
A record of which octets are missing leaves a hole of its length. Connections whose beginning is
not in the capture, or of which the key log knows nothing, stay as they are.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence

from ..base.packet import FrameKind, Packet
from ..capture.reader import Reader
from ..capture.rewrite import Output
from ..layers import Layers
from ..streams.reassembly import Stream
from ..streams.records import LAST, MAX_RECORD, TLS_BEGINNINGS
from .keylog import KeyLog
from .records import HEADER, NOT_OURS, Direction, Session
from .records import MAX_RECORD as MAX_SEALED

MAX_CONNECTIONS = 1 << 14
_LARGEST = 60_000
"""Octets of data in one frame: an IP packet has at most 65,535."""
_SYN, _ACK = 0x02, 0x10
_WORD = 0xFFFFFFFF
Key = tuple[str, int, str, int]


class Half:
    """One direction of a TCP connection."""

    def __init__(self, direction: Direction) -> None:
        self.direction = direction
        self.stream = Stream()
        self.at = -1
        """Up to where it was read; -1 before its first octet is known."""
        self.begun = -1
        """Where TLS begins; -1 before it has."""
        self.sent = 0
        """Where the next octet of data belongs."""
        self.pending: deque[bytes | int] = deque()
        """Data, and lengths of holes, that no frame has taken yet."""


class Conversation:
    """Both directions of one, its client's first."""

    def __init__(self, log: KeyLog, frame: int) -> None:
        self.frame = frame
        self.session = Session(log)
        self.halves = tuple(Half(Direction(self.session, client)) for client in (True, False))
        self.passed = False
        """It is none of ours: it stays as it is."""
        self.written = False
        """A frame of it was changed."""


class Decryption:
    """An editor for ``capture.rewrite``."""

    def __init__(self, log: KeyLog) -> None:
        self._log = log
        self._layers = Layers()
        self._conversations: dict[Key, Conversation] = {}
        self.records = 0
        """Records with data that were decrypted."""
        self.troubles: list[tuple[int, str]] = []
        """Frame in which a connection begins, and why it was not decrypted, or not to its end."""

    def link_type(self, link_type: int) -> int:
        """Return the link type as it is."""
        return link_type

    def frame(self, reader: Reader) -> Sequence[Output] | None:
        """Return a frame of a decrypted connection, or ``None`` for one that stays as it is."""
        packet = self._layers.decode(reader)
        if packet.kind != FrameKind.TCP or packet.pieces is not None:
            return None
        found = self._conversation(packet)
        if found is None or found[0].passed:
            return None
        conversation, index = found
        half, other = conversation.halves[index], conversation.halves[1 - index]
        self._take(half, other, packet, reader.view)
        if conversation.session.trouble:
            self._troubled(conversation)
        if conversation.passed or half.begun < 0:
            return None
        conversation.written = True
        return (self._written(half, other, packet, reader.view),)

    def _conversation(self, packet: Packet) -> tuple[Conversation, int] | None:
        """Return what a segment belongs to, and whether its client (0) or its server sent it."""
        key = (packet.source, packet.source_port, packet.destination, packet.destination_port)
        if packet.flags & (_SYN | _ACK) == _SYN:
            if any(name != "vlan" for name in packet.inside):
                return None  # whose lengths would not fit any more
            self._conversations.pop(key, None)
            if len(self._conversations) >= MAX_CONNECTIONS:
                del self._conversations[next(iter(self._conversations))]
            self._conversations[key] = Conversation(self._log, packet.number)
        conversation = self._conversations.get(key)
        if conversation is not None:
            return conversation, 0
        conversation = self._conversations.get(key[2:] + key[:2])
        return None if conversation is None else (conversation, 1)

    def _take(self, half: Half, other: Half, packet: Packet, view: memoryview) -> None:
        sequence = packet.tcp_sequence
        if packet.flags & _SYN:
            sequence = sequence + 1 & _WORD
        half.stream.begin(sequence)
        if half.at < 0:
            half.at = half.stream.end
        if packet.flags & _ACK and other.at >= 0:
            other.stream.acknowledged(packet.tcp_ack)
            self._advance(other, view)
        if packet.size > 0:
            half.stream.add(
                sequence, packet.size, packet.have, packet.payload, packet.number, packet.time_ns
            )
            self._advance(half, view)

    def _advance(self, half: Half, view: memoryview) -> None:
        stream = half.stream
        while stream.end - half.at >= HEADER:
            head = stream.read(half.at, HEADER, view)
            if head is None:
                half.direction.give_up("the head of a record is missing")
                half.at = stream.end
            elif half.begun < 0:
                if not self._plain(half, head):
                    half.direction.give_up(NOT_OURS)
            elif not self._record(half, head, view):
                break
            if half.direction.trouble:
                half.at = max(half.at, stream.end)
        stream.drop(min(half.at, stream.end))

    @staticmethod
    def _plain(half: Half, head: bytes) -> bool:
        """Step over a record of RPC, or find that TLS begins; whether it is one of these."""
        mark = int.from_bytes(head[:4], "big")
        if mark >> 8 in TLS_BEGINNINGS:
            half.begun = half.sent = half.at
            return True
        size = mark & (LAST - 1)
        half.at += 4 + size
        return size <= MAX_RECORD

    @staticmethod
    def _record(half: Half, head: bytes, view: memoryview) -> bool:
        """Take a record of TLS; whether there was one."""
        size = int.from_bytes(head[3:], "big")
        if int.from_bytes(head[:3], "big") not in TLS_BEGINNINGS or size > MAX_SEALED:
            half.direction.give_up("what follows a record is no record of TLS")
            return False
        end = half.at + HEADER + size
        if end > half.stream.end:
            return False
        body = half.stream.read(half.at + HEADER, size, view)
        half.at = end
        if body is None:
            half.pending.append(half.direction.missing(size))
        elif data := half.direction.take(head, body):
            half.pending.append(data)
        return True

    def _troubled(self, conversation: Conversation) -> None:
        """Note why a connection is not decrypted; leave it as it is if none of it was."""
        conversation.passed = not conversation.written
        trouble = conversation.session.trouble
        if trouble != NOT_OURS and (conversation.frame, trouble) not in self.troubles[-64:]:
            self.troubles.append((conversation.frame, trouble))

    def _written(self, half: Half, other: Half, packet: Packet, view: memoryview) -> Output:
        """Return the frame with what is to be read in place of what was encrypted."""
        data, sequence = b"", half.sent
        before = max(0, half.begun - self._position(half, packet))
        if before:  # what came before TLS did
            data = bytes(view[packet.payload : packet.payload + min(before, packet.have)])
            sequence = packet.tcp_sequence
        while half.pending and isinstance(hole := half.pending[0], int):
            half.pending.popleft()
            half.sent += hole
            sequence = half.sent
        taken = 0
        while half.pending and len(data) < _LARGEST:
            piece = half.pending[0]
            if isinstance(piece, int):
                break
            half.pending.popleft()
            data += piece
            taken += len(piece)
        half.sent += taken
        self.records += bool(taken)
        acknowledged = other.sent if other.begun >= 0 else packet.tcp_ack
        frame = _rebuilt(packet, view, sequence & _WORD, acknowledged & _WORD, data)
        comments = (f"nfsrdma decrypted: {taken} octets of TLS",) if taken else ()
        return Output(frame, len(frame), comments)

    @staticmethod
    def _position(half: Half, packet: Packet) -> int:
        """Return where a segment begins, near where TLS begins."""
        return half.begun + (packet.tcp_sequence - half.begun + (1 << 31)) % (1 << 32) - (1 << 31)


def _rebuilt(packet: Packet, view: memoryview, sequence: int, acked: int, data: bytes) -> bytes:
    """Return a frame with other numbers and other data; its TCP checksum is left out."""
    link = bytes(view[packet.offset : packet.network])
    network = bytearray(view[packet.network : packet.bth])
    transport = bytearray(view[packet.bth : packet.payload])
    struct.pack_into(">II", transport, 4, sequence, acked)
    transport[16:18] = b"\0\0"
    if packet.ip_version == 4:
        struct.pack_into(">H", network, 2, len(network) + len(transport) + len(data))
        network[10:12] = b"\0\0"
        total = sum(struct.unpack(f">{len(network) // 2}H", network))
        total = (total & 0xFFFF) + (total >> 16)
        struct.pack_into(">H", network, 10, ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
    else:
        struct.pack_into(">H", network, 4, len(network) - 40 + len(transport) + len(data))
    return link + bytes(network) + bytes(transport) + data
