"""One direction of a connection: what is sent again, why, and what it cost.

A sender goes back to the packet that its peer misses, and sends everything from there on again.
What the receiver already had, or had to drop for coming behind a hole, was sent in vain once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from nfsrdma.rpcrdma.roce.wire.psn import unwrap

from ...base.packet import Packet
from ...tracking.model import Direction
from ...tracking.sequence import Tracker
from .events import NAKS, RNR_TIMERS, Event, Nak, Span, nak_name

MAX_SPANS = 512
"""RPCs that are over, and whose packets may still be sent again."""
MAX_HURT = 4096
"""Packets in trouble whose RPC is not known yet."""
_QUIET = 16
"""A sender that is silent for so many round trips has waited for a timer."""
_MIN_QUIET = 1_000_000
_SOON = 100_000
"""No timer runs out in less, and what the network delays or doubles comes within."""
_MAX_NAKS = 64
_BURST = 64
"""Marked packets with fewer others between them are one event."""

ACK, RNR, NAK = 0, 1, 3


class Counts:
    """What one direction sent, and what came back for it. Octets are those of payload."""

    __slots__ = (
        "acked", "acks", "again", "again_octets", "becn", "cnp", "dropped", "dropped_octets",
        "duplicate_acks", "ecn", "fecn", "filled", "filled_octets", "had", "had_octets", "holes",
        "largest_ack", "late", "lost", "lost_octets", "naks", "octets", "packets",
        "response_octets", "responses", "responses_again", "responses_again_octets", "rnr",
        "timeouts", "twice", "twice_octets", "unknown", "unknown_octets",
    )  # fmt: skip

    def __init__(self) -> None:
        self.packets = self.octets = 0
        """Of requests; those that were sent again are among them."""
        self.again = self.again_octets = 0
        """All that was sent again: the sum of the five that follow."""
        self.had = self.had_octets = 0
        """The receiver had acknowledged it before."""
        self.dropped = self.dropped_octets = 0
        """The receiver had to drop it, since it came behind what a NAK asked for."""
        self.lost = self.lost_octets = 0
        """It was seen, and a NAK asked for it: it was lost behind the place of the capture."""
        self.unknown = self.unknown_octets = 0
        """It was seen, and neither an acknowledgement nor a NAK of it was."""
        self.filled = self.filled_octets = 0
        """Its first copy was not seen: it was lost before the place of the capture."""
        self.late = 0
        """Packets that came behind later ones, although none of them was asked for."""
        self.twice = self.twice_octets = 0
        """Packets that came twice, although none of them was asked for; responses too."""
        self.holes = 0
        """Packets that were missing when a later one came."""
        self.responses = self.response_octets = 0
        """Packets of READ responses, those of them that were sent again included."""
        self.responses_again = self.responses_again_octets = 0
        self.naks = dict.fromkeys(NAKS, 0)
        """NAKs that came back, by code."""
        self.rnr = 0
        self.timeouts = 0
        """How often it was begun to send again although nothing was heard."""
        self.acks = self.acked = self.largest_ack = 0
        """Acknowledgements that came back, the packets they were for, the most for one."""
        self.duplicate_acks = 0
        self.ecn = 0
        """Packets that met congestion (CE)."""
        self.fecn = self.becn = 0
        self.cnp = 0
        """Congestion notifications that came back."""

    @property
    def wasted_octets(self) -> int:
        """Octets that were sent again although the receiver had them or had to drop them.

        Responses that were sent again had come behind one that was missing.
        """
        return self.had_octets + self.dropped_octets + self.responses_again_octets

    def as_dict(self) -> dict[str, object]:
        """Return everything, by name."""
        fields: dict[str, object] = {name: getattr(self, name) for name in sorted(self.__slots__)}
        fields["naks"] = {nak_name(code): count for code, count in self.naks.items() if count}
        return fields


class Copy(NamedTuple):
    """A packet that does not come in order. ``seen`` tells that it was seen before."""

    frame: int
    time: int
    sequence: int
    size: int
    seen: bool
    is_read: bool
    waited: int
    """Nanoseconds since the sender had sent anything."""


class Hurt(NamedTuple):
    """Packets in trouble, ``start`` to ``end``; ``needed`` if the receiver did not have them."""

    start: int
    end: int
    octets: int
    time: int
    needed: bool
    event: Event


class Watch:
    """Watches the direction ``flow``.

    ``on_event`` is told of each event as it begins, ``on_hurt`` of each packet in trouble, with the
    watch that counts its sequence.
    """

    def __init__(
        self,
        flow: Direction,
        on_event: Callable[[Event], None],
        on_hurt: Callable[[Watch, Hurt], None],
    ) -> None:
        self.flow = flow
        self._on_event = on_event
        self._on_hurt = on_hurt
        self.counts = Counts()
        self.spans: deque[Span] = deque(maxlen=MAX_SPANS)
        self.waiting: deque[Hurt] = deque(maxlen=MAX_HURT)
        self.high = -1
        """The sequence after the highest that was sent."""
        self._last = -1
        self._last_time = 0
        self._heard = 0
        """When the peer said anything, last."""
        self._heard_of = -1
        """The highest sequence that it spoke of."""
        self._acked = -1
        self._round = 0
        """The time from a packet to its acknowledgement, smoothed; 0 while unknown."""
        self._naks: list[Nak] = []
        """Those that nothing was sent for yet."""
        self._dropping = (0, 0)
        """The sequences that the receiver drops, up to the end, until the first comes."""
        self._again: Event | None = None
        self._doubts: list[Copy] = []
        self._answered_again: Event | None = None
        self._marked: Event | None = None
        self._responses = Tracker()

    # --- Requests ---

    def request(self, packet: Packet, followers: int, time: int, *, is_read: bool) -> None:
        """Take a request packet and its ``followers`` in a run, the last one sent at ``time``."""
        tracker, counts = self.flow.tracker, self.counts
        sequence = unwrap(packet.psn, tracker.next)
        counts.packets += 1 + followers
        counts.octets += packet.size * (1 + followers)
        if tracker.restarted:
            self._restart()
        if self.high < 0 or sequence >= self.high:
            self.settle()
            self._again = None
            if tracker.holes and tracker.holes[-1] == [self.high, sequence]:
                counts.holes += sequence - self.high
        else:
            waited = packet.time_ns - self._last_time
            seen = not tracker.fresh
            copy = Copy(packet.number, packet.time_ns, sequence, packet.size, seen, is_read, waited)
            if not self._doubtful(copy):
                self._sent_again(copy)
        self.high = max(self.high, tracker.next)
        self._last, self._last_time = self._end(sequence + followers, is_read), time

    def _doubtful(self, copy: Copy) -> bool:
        """Return whether the network may have delayed or doubled a packet; what follows will tell.

        It was not asked for, and hardly any time has passed. A sender that goes back goes on
        from there.
        """
        doubts = self._doubts
        if doubts and not (copy.sequence == doubts[-1].sequence + 1 and not copy.seen):
            self._doubts = []
            for one in doubts:
                self._sent_again(one)
            return False
        if not doubts and (
            self._again is not None
            or copy.waited > max(_SOON, self._round // 4)
            or (copy.is_read and not self._starts_read(copy.sequence))
            or any(nak.sequence == copy.sequence for nak in self._naks)
            or self._heard_of > copy.sequence
        ):
            return False
        doubts.append(copy)
        return True

    def _starts_read(self, sequence: int) -> bool:
        return any(op.sequence == sequence for op in self.flow.requested)

    def settle(self) -> None:
        """Decide that what came late or twice did so in the network: the sender did not go back."""
        counts = self.counts
        for copy in self._doubts:
            event = self._event(
                "twice" if copy.seen else "late", copy.frame, copy.time, copy.sequence
            )
            event.packets, event.octets, event.end = 1, copy.size, copy.sequence + 1
            if copy.seen:
                counts.twice += 1
                counts.twice_octets += copy.size
            else:
                counts.late += 1
            self._on_hurt(self, Hurt(copy.sequence, event.end, 0, copy.time, False, event))
        self._doubts = []

    def _restart(self) -> None:
        self.high = self._last = self._heard_of = self._acked = -1
        self._naks.clear()
        self._dropping = (0, 0)
        self._again = None
        self._doubts = []
        self.spans.clear()
        self.waiting.clear()

    def _end(self, sequence: int, is_read: bool) -> int:
        """Return the sequence after a request's."""
        if is_read:
            for op in reversed(self.flow.requested):
                if op.sequence <= sequence < op.end:
                    return op.end
        return sequence + 1

    def _sent_again(self, copy: Copy) -> None:
        counts, sequence = self.counts, copy.sequence
        nak = next((one for one in self._naks if one.sequence == sequence), None)
        event = self._again
        quiet = max(_MIN_QUIET, _QUIET * self._round)
        silent = copy.waited > quiet and copy.time - self._heard > quiet
        if event is None or nak is not None or sequence < event.end or silent:
            event = self._again = self._begin(copy, nak)
        event.packets += 1
        event.octets += copy.size
        event.last_frame = copy.frame
        event.end = sequence + 1
        counts.again += 1
        counts.again_octets += copy.size
        had = self._judge(sequence, copy.size, nak, seen=copy.seen)
        needed = copy.is_read or not had
        self._on_hurt(self, Hurt(sequence, sequence + 1, copy.size, copy.time, needed, event))

    def _begin(self, copy: Copy, nak: Nak | None) -> Event:
        sequence = copy.sequence
        event = self._event("again", copy.frame, copy.time, sequence)
        event.waited = copy.waited
        if nak is not None:
            event.cause = "nak" if nak.code >= 0 else "rnr"
            event.text = f"after frame {nak.frame}"
            self._naks = [one for one in self._naks if one.sequence > sequence]
            self._dropping = (sequence, self.high)
        elif self._heard_of > sequence:
            event.cause = "response"
        else:
            event.cause = "timeout"
            self.counts.timeouts += 1
        return event

    def _judge(self, sequence: int, size: int, nak: Nak | None, *, seen: bool) -> bool:
        """Count a packet by what had become of its first copy; whether the receiver has it."""
        counts = self.counts
        low, high = self._dropping
        if not seen:
            counts.filled += 1
            counts.filled_octets += size
        elif sequence < self._acked:
            counts.had += 1
            counts.had_octets += size
            return True
        elif nak is not None and nak.code >= 0:
            counts.lost += 1
            counts.lost_octets += size
        elif low < sequence < high or nak is not None:
            counts.dropped += 1
            counts.dropped_octets += size
        else:
            counts.unknown += 1
            counts.unknown_octets += size
        return False

    # --- What the peer says about it ---

    def heard(self, packet: Packet, *, explicit: bool, has_aeth: bool = True) -> None:
        """Take a response: an acknowledgement of its own (``explicit``), or a part of a READ."""
        if self.high < 0:
            return
        sequence = unwrap(packet.psn, self.high)
        if sequence == self._last - 1 and packet.time_ns > self._last_time:
            sample = packet.time_ns - self._last_time
            self._round = (7 * self._round + sample) // 8 if self._round else sample
        self._heard = packet.time_ns
        self._heard_of = max(self._heard_of, sequence)
        kind = packet.syndrome >> 5 & 3
        if not has_aeth:
            return
        if kind == ACK:
            self._acknowledge(sequence, explicit=explicit)
        else:
            self._acknowledge(sequence - 1, explicit=False)
            self._nak(packet, sequence, kind)

    def _acknowledge(self, sequence: int, *, explicit: bool) -> None:
        counts = self.counts
        acked = self._acked if self._acked >= 0 else self.flow.tracker.base
        count = sequence + 1 - acked
        if explicit:
            counts.acks += 1
            if count <= 0:
                counts.duplicate_acks += 1
            else:
                counts.acked += count
                counts.largest_ack = max(counts.largest_ack, count)
        self._acked = max(self._acked, sequence + 1)

    def _nak(self, packet: Packet, sequence: int, kind: int) -> None:
        counts = self.counts
        detail = packet.syndrome & 0x1F
        event = self._event("nak", packet.number, packet.time_ns, sequence)
        event.end = sequence + 1
        if kind == RNR:
            counts.rnr += 1
            nak = Nak(packet.number, packet.time_ns, sequence, -1)
            event.cause = "RNR"
            event.text = f"timer {RNR_TIMERS[detail]} us"
        else:
            counts.naks[detail] = counts.naks.get(detail, 0) + 1
            nak = Nak(packet.number, packet.time_ns, sequence, detail)
            event.cause = nak_name(detail)
        if len(self._naks) < _MAX_NAKS:
            self._naks.append(nak)
        self._on_hurt(self, Hurt(sequence, sequence + 1, 0, packet.time_ns, False, event))

    def notified(self, packet: Packet) -> None:
        """Take a congestion notification for what was sent last."""
        self.counts.cnp += 1
        sequence = max(0, self.high - 1)
        event = self._event("cnp", packet.number, packet.time_ns, sequence)
        event.packets = 1
        self._on_hurt(self, Hurt(sequence, sequence + 1, 0, packet.time_ns, False, event))

    # Its own READ responses, which its peer's sequences count

    def response(self, packet: Packet, followers: int, peer: Watch) -> None:
        """Take a packet of a READ response, and its followers; ``peer`` watches the requester."""
        counts, tracker = self.counts, self._responses
        counts.responses += 1 + followers
        counts.response_octets += packet.size * (1 + followers)
        tracker.place(packet.psn)
        if tracker.fresh:
            tracker.skip(followers)
            return
        sequence = peer.sequence_of(packet)
        if not peer.asked_again(sequence):
            counts.twice += 1
            counts.twice_octets += packet.size
            event = self._event("twice", packet.number, packet.time_ns, sequence)
            event.packets, event.octets, event.end = 1, packet.size, sequence + 1
            self._on_hurt(peer, Hurt(sequence, event.end, 0, packet.time_ns, False, event))
            return
        counts.responses_again += 1
        counts.responses_again_octets += packet.size
        again = self._answered_again
        if again is None or again.end != sequence:
            again = self._event("again", packet.number, packet.time_ns, sequence)
            again.cause = "response"
            self._answered_again = again
        again.packets += 1
        again.octets += packet.size
        again.last_frame, again.end = packet.number, sequence + 1
        self._on_hurt(peer, Hurt(sequence, sequence + 1, packet.size, packet.time_ns, False, again))

    def marked(self, packet: Packet, followers: int, counting: Watch) -> None:
        """Take packets that met congestion, whose sequences ``counting`` counts."""
        count = 1 + followers
        self.counts.ecn += count
        sequence = counting.sequence_of(packet)
        event = self._marked
        if event is None or not event.sequence <= sequence <= event.end + _BURST:
            event = self._marked = self._event("ecn", packet.number, packet.time_ns, sequence)
        event.packets += count
        event.octets += count * packet.size
        event.last_frame = packet.number + followers
        event.end = max(event.end, sequence + count)
        self._on_hurt(counting, Hurt(sequence, sequence + count, 0, packet.time_ns, False, event))

    def asked_again(self, sequence: int) -> bool:
        """Return whether the READ whose response has this number was asked for more than once."""
        return any(op.retries for op in self.flow.requested if op.sequence <= sequence < op.end)

    def sequence_of(self, packet: Packet) -> int:
        """Return the sequence of a request, or of a response to one."""
        return unwrap(packet.psn, self.high) if self.high >= 0 else packet.psn

    def _event(self, kind: str, frame: int, time: int, sequence: int) -> Event:
        side = self.flow.side
        event = Event(kind, side.connection.number, side.address, frame, time, sequence)
        self._on_event(event)
        return event

    # --- RPCs ---

    def spans_at(self, start: int, end: int) -> Iterator[Span]:
        """Give the RPCs that are over and to which these sequences belong, the latest first."""
        for span in reversed(self.spans):
            if span.start < end and start < span.end:
                yield span

    def claim(self, start: int, end: int) -> list[Hurt]:
        """Take what happened to these sequences and belongs to no RPC yet."""
        taken = [hurt for hurt in self.waiting if hurt.start < end and start < hurt.end]
        if taken:
            self.waiting = deque(
                (hurt for hurt in self.waiting if hurt not in taken), maxlen=MAX_HURT
            )
        return taken
