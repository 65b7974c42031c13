"""One direction of a reliable connection: its packets go to the machines that make sense of them.

A :class:`Flow` is all packets from one address to one queue pair. Its *requests* have sequence
numbers of the sender's own. Its *responses* (acknowledgements, READ responses) are numbered by the
opposite flow, whose :meth:`Flow.response` and :meth:`Flow.acknowledged` take them.

A flow calls no other machine. What it makes of its packets (SENDs in the order of their sequences,
RDMA operations as they begin, findings) goes to an outbox, which ``Connections`` empties.
"""

from __future__ import annotations

from collections import deque

from nfsrdma.rpcrdma.roce.wire.opcode import READ_REQUEST
from nfsrdma.rpcrdma.roce.wire.psn import MASK, unwrap

from ..base.finding import Finding, Severity
from ..base.packet import Packet
from ..base.stretches import Stretches
from .data import FIRST, POSITIONS
from .model import Direction, RdmaOp, Side
from .orphans import Orphans
from .reads import Reads
from .sends import MAX_PARTS, Outbox, Sends
from .sequence import EPOCH, within
from .writes import Writes

REORDERED = 64
"""Frames that a packet may be late in the capture, behind what acknowledges it."""
_MAX_MISSING = 4096


class Flow(Direction):
    """The packets of one direction; ``side`` is the sender, ``outbox`` takes what they are."""

    __slots__ = ("_cut_read", "_missing", "_outbox", "early", "reads", "sends", "writes")

    def __init__(self, source: str, destination: str, qpn: int, side: Side, outbox: Outbox) -> None:
        super().__init__(source, destination, qpn, side)
        self.sends = Sends(self, outbox)
        self.writes = Writes(self, outbox)
        self.reads = Reads(self, outbox)
        self._outbox = outbox
        self._missing: deque[tuple[int, int, int]] = deque(maxlen=_MAX_MISSING)
        """Frames that acknowledge what was not seen yet, and which sequences."""
        self.early = Orphans()
        """Its READ responses before it has a peer, by their numbers: the requests may yet come."""
        self._cut_read = -1
        """The latest request, if it is a READ of which only the number is known."""

    # --- Requests ---

    def send(self, packet: Packet) -> None:
        """Take a packet of a SEND."""
        sequence = self._place(packet)
        position = POSITIONS[packet.opcode]
        if position == FIRST and self.tracker.fresh:
            self.reads.learn_mtu(packet.size)
        self.sends.packet(packet, sequence, position)

    def write(self, packet: Packet) -> RdmaOp | None:
        """Take a packet of an RDMA WRITE; return its operation, if it is new and that is known."""
        sequence = self._place(packet)
        position = POSITIONS[packet.opcode]
        if position == FIRST and self.tracker.fresh:
            self.reads.learn_mtu(packet.size)
        op = self.writes.packet(packet, sequence, position)
        if op is not None:
            self.sends.release()
        return op

    def read_request(self, packet: Packet) -> None:
        """Take an RDMA READ request: it has as many sequences as its response has packets."""
        sequence = self._place(packet)
        self.sends.release()
        self.reads.request(packet, sequence)

    def cut(self, packet: Packet) -> None:
        """Take a request of which nothing but its number is known."""
        sequence = self._place(packet)
        self._cut_read = sequence if packet.opcode == READ_REQUEST else -1
        self.sends.release()

    def _place(self, packet: Packet) -> int:
        """Return the sequence of a request."""
        sequence = self.tracker.place(packet.psn)
        if self.tracker.restarted:
            self._restart()
        return sequence

    def _restart(self) -> None:
        """Begin anew: another connection has this queue pair, and its beginning was not seen."""
        self.release_all()
        self.writes.clear()
        self.orphans.clear()
        self.sends.forget_unacknowledged()
        self.reads.clear()

    # --- Responses of the opposite direction ---

    def response(self, packet: Packet) -> RdmaOp | None:
        """Take a READ response; return the READ, if the packet is new and that is known."""
        op = self.reads.response(packet, POSITIONS[packet.opcode])
        tracker = self.tracker
        if op is None and 0 <= self._cut_read < tracker.next == unwrap(packet.psn, tracker.next):
            tracker.skip(1)  # the response says how many numbers the request has taken
        return op

    def answered_early(self, peer: Flow) -> None:
        """Take what the peer has answered before it was known to be the peer."""
        following = self.tracker.next
        for psn in peer.early.between(0, MASK + 1) if following >= 0 else ():
            self.orphans.add(unwrap(psn, following), peer.early[psn])
        peer.early.clear()

    def acknowledged(self, psn: int, frame: int, time: int) -> None:
        """Learn from the opposite direction that all requests up to ``psn`` have arrived."""
        tracker = self.tracker
        if tracker.next < 0:
            return
        sequence = unwrap(psn, tracker.next)
        before = tracker.acked
        if sequence + 1 <= before or abs(sequence - tracker.next) > EPOCH:
            return
        if self._missing and frame - self._missing[0][0] > REORDERED:
            self._report_missing(frame - REORDERED)
        if tracker.acknowledge(sequence):
            self._missing.append((frame, before, sequence + 1))
        self.sends.acknowledged(frame, time)

    def _report_missing(self, before: int) -> None:
        """Report what was acknowledged before a frame and has not come since: it will not come."""
        while self._missing and self._missing[0][0] < before:
            frame, low, high = self._missing.popleft()
            missing = sum(end - start for start, end in within(self.tracker.lost, low, high))
            if missing:
                text = f"{missing} packets acknowledged here are not in the capture"
                self._outbox.append(Finding(frame, Severity.NOTE, "capture-hole", text))

    def knows(self, psn: int) -> bool:
        """Return whether ``psn`` may be the number of one of the latest requests."""
        if self.tracker.next < 0:
            return False
        behind = self.tracker.next - unwrap(psn, self.tracker.next)
        return 0 < behind <= MAX_PARTS

    # --- What waits ---

    def release_all(self) -> None:
        """Hand on everything, in order: nothing more will come."""
        self._report_missing(1 << 62)
        self.sends.release_all()

    def weight(self) -> int:
        """Return how much is kept of it that waits for something."""
        side = self.side
        offers = len(side.offers) + len(side.unclaimed)
        waiting = len(self.sends) + len(side.connection.doubtful) + len(self.orphans)
        waiting += len(self.early)
        return waiting + offers + len(self.writes)

    def clear(self) -> None:
        """Keep nothing that waits for anything; call :meth:`release_all` before."""
        self.orphans.clear()
        self.early.clear()
        self.writes.clear()
        self.reads.clear()
        self.side.unclaimed = Stretches()
        self.side.connection.doubtful.clear()
