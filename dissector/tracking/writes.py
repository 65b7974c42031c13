"""RDMA WRITEs of one direction: which operation each packet belongs to, and where its data go.

Only the first packet of a WRITE names its memory. The others follow it by their sequence numbers;
those whose first packet was not captured wait as orphans.
"""

from __future__ import annotations

from collections import deque

from ..base.packet import Packet
from .data import FIRST, ONLY, adopt, extend, keep_orphan, new_operation
from .kinds import OpKind
from .model import KEPT_OPERATIONS, Direction, RdmaOp
from .sends import Outbox


class Writes:
    """The RDMA WRITEs of a direction; each goes to ``outbox`` as it begins."""

    __slots__ = ("_direction", "_latest", "_outbox", "_recent", "_tracker")

    def __init__(self, direction: Direction, outbox: Outbox) -> None:
        self._direction = direction
        self._tracker = direction.tracker
        self._outbox = outbox
        self._latest: RdmaOp | None = None
        self._recent: deque[RdmaOp] = deque(maxlen=KEPT_OPERATIONS)

    def __len__(self) -> int:
        """Return how many extents are kept."""
        return sum(len(op.extents) for op in self._recent)

    def packet(self, packet: Packet, sequence: int, position: int) -> RdmaOp | None:
        """Take a packet that the tracker has placed; return its operation, if it is new and known.

        A packet that was seen before is only counted.
        """
        if position & FIRST:
            if not self._tracker.fresh:
                self._sent_again(sequence)
                return None
            op = self._begin(packet, sequence, position)
        else:
            found = self._operation_at(sequence)
            if not self._tracker.fresh:
                self._sent_again(sequence)
                return None
            if found is None:
                keep_orphan(self._direction.orphans, OpKind.WRITE, sequence, packet)
                return None
            op = found
        extend(op, sequence, packet, self._outbox)
        return op

    def _begin(self, packet: Packet, sequence: int, position: int) -> RdmaOp:
        op = new_operation(OpKind.WRITE, self._direction, packet, sequence)
        op.first_data_time_ns = packet.time_ns
        op.size_with(max(packet.size, op.length if position == ONLY else 0, 1))
        self._latest = op
        self._recent.append(op)
        self._outbox.append(op)
        if self._direction.orphans:
            adopt(op, self._direction.orphans)
        return op

    def _operation_at(self, sequence: int) -> RdmaOp | None:
        """Return the operation in whose midst a sequence is."""
        op = self._latest
        if op is not None and op.sequence < sequence < op.end:
            return op
        for op in reversed(self._recent):
            if op.sequence < sequence < op.end:
                return op
        return None

    def _sent_again(self, sequence: int) -> None:
        for op in reversed(self._recent):
            if op.sequence <= sequence < op.end:
                op.resent += 1
                break

    def clear(self) -> None:
        """Keep no operation: no packet of one is to come."""
        self._latest = None
        self._recent.clear()
