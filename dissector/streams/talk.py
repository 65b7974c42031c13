"""What Wireshark says of a TCP segment beyond its header: what came before it in its connection.

Only kept where fields of headers are asked for. Numbers are relative to the first of their
direction, as Wireshark shows them: a direction without a SYN begins at 1.
"""

from __future__ import annotations

from ..base.packet import Packet, Spoken

MAX_UNACKNOWLEDGED = 1024
"""Segments of one direction whose acknowledgement is waited for."""
_FIN, _SYN, _PUSH, _ACK = 0x01, 0x02, 0x08, 0x10
_MASK = 0xFFFFFFFF
_UNKNOWN_SCALE, _NO_SCALE = -1, -2
_END_OF_OPTIONS, _NO_OPERATION, _WINDOW_SCALE = 0, 1, 3
_HEADER = 20
_MOST_SCALE = 14
"""More is taken for so much (RFC 7323, Section 2.3)."""


class Voice:
    """One direction."""

    __slots__ = ("acked", "base", "pushed", "scale", "sent", "top", "whole")

    def __init__(self) -> None:
        self.base: int | None = None
        """The number that is shown as 0."""
        self.scale = _UNKNOWN_SCALE
        """Bits by which its windows are shifted, or why that is not said."""
        self.top = 0
        """Relative number behind all that was sent."""
        self.acked = 0
        """Relative number of the other direction that it has acknowledged."""
        self.pushed = 0
        """Octets since the last segment with PSH."""
        self.whole = True
        """The last segment with octets had PSH."""
        self.sent: dict[int, tuple[int, int]] = {}
        """Relative number behind a segment -> its frame, and when that was."""


class Talk:
    """A connection, of which each segment is told by :meth:`take`."""

    __slots__ = ("_before_ns", "_began_ns", "_number", "_opened_ns", "_opener", "_round_trip")

    def __init__(self, number: int) -> None:
        self._number = number
        self._began_ns = self._before_ns = -1
        self._opener: Voice | None = None
        """Who sent the first SYN."""
        self._opened_ns = 0
        self._round_trip = 0

    def take(self, packet: Packet, view: memoryview, mine: Voice, other: Voice) -> Spoken:
        """Take a segment of one direction; return what there is to say of it."""
        if self._began_ns < 0:
            self._began_ns = self._before_ns = packet.time_ns
        since = packet.time_ns - self._before_ns
        self._before_ns = packet.time_ns
        _bases(packet, mine, other)
        if packet.flags & _SYN:
            self._open(packet, view, mine, other)
        elif self._opener is mine and packet.flags & _ACK and not self._round_trip:
            self._round_trip = packet.time_ns - self._opened_ns
        assert mine.base is not None
        start = packet.tcp_sequence - mine.base & _MASK
        end = start + packet.size + bool(packet.flags & (_SYN | _FIN))
        acknowledges = _acknowledged(packet, mine, other)
        if end > start:
            mine.top = max(mine.top, end)
            if len(mine.sent) >= MAX_UNACKNOWLEDGED:
                mine.sent.clear()
            mine.sent.setdefault(end, (packet.number, packet.time_ns))
        if packet.size:
            mine.pushed = packet.size + (0 if mine.whole else mine.pushed)
            mine.whole = bool(packet.flags & _PUSH)
        return Spoken(
            self._number, start, end, mine.acked if packet.flags & _ACK else 0, mine.scale,
            packet.time_ns - self._began_ns, since, self._round_trip, mine.top - other.acked,
            mine.pushed, *acknowledges,
        )  # fmt: skip

    def _open(self, packet: Packet, view: memoryview, mine: Voice, other: Voice) -> None:
        shift = _window_scale(bytes(view[packet.bth + _HEADER : packet.payload]))
        mine.scale = _NO_SCALE if shift is None else shift
        if not packet.flags & _ACK:
            self._opener, self._opened_ns = mine, packet.time_ns
        elif _NO_SCALE in (mine.scale, other.scale):
            # Both have to offer it, or neither does it (RFC 7323, Section 2.2).
            mine.scale = other.scale = _NO_SCALE


def _bases(packet: Packet, mine: Voice, other: Voice) -> None:
    if mine.base is None:
        mine.base = packet.tcp_sequence - (not packet.flags & _SYN) & _MASK
    if other.base is None and packet.flags & _ACK:
        other.base = packet.tcp_ack - 1 & _MASK


def _acknowledged(packet: Packet, mine: Voice, other: Voice) -> tuple[int, int]:
    """Return the frame that a segment is the acknowledgement of, and how long ago that was."""
    if not packet.flags & _ACK or other.base is None:
        return 0, 0
    mine.acked = acked = packet.tcp_ack - other.base & _MASK
    frame, time_ns = other.sent.get(acked, (0, packet.time_ns))
    while other.sent and (first := next(iter(other.sent))) <= acked:
        del other.sent[first]
    return frame, packet.time_ns - time_ns


def _window_scale(options: bytes) -> int | None:
    at = 0
    while at < len(options) and options[at] != _END_OF_OPTIONS:
        if options[at] == _NO_OPERATION:
            at += 1
            continue
        if at + 2 >= len(options) or options[at + 1] < 2:
            break
        if options[at] == _WINDOW_SCALE:
            return min(options[at + 2], _MOST_SCALE)
        at += options[at + 1]
    return None
