"""RDMA READs of one direction: its requests, and the responses to them in the opposite one.

A request takes as many sequence numbers as its response has packets. How many these are is known
once the path MTU is: from the handshake, or from a packet that must be full.
"""

from __future__ import annotations

from bisect import bisect_left

from nfsrdma.rpcrdma.roce.wire.psn import unwrap

from ..base.packet import Packet
from .data import FIRST, LAST, ONLY, adopt, extend, keep_orphan, new_operation
from .kinds import OpKind
from .model import Direction, RdmaOp
from .sends import Outbox

MIN_MTU = 256
"""The least path MTU that there is."""
MAX_GAPS = 4096
"""Holes of one operation that may still be filled."""


class Reads:
    """The RDMA READs of a direction; each goes to ``outbox`` as it is requested."""

    __slots__ = ("_direction", "_outbox", "_requested", "_tracker")

    def __init__(self, direction: Direction, outbox: Outbox) -> None:
        self._direction = direction
        self._tracker = direction.tracker
        self._outbox = outbox
        self._requested = direction.requested

    def request(self, packet: Packet, sequence: int) -> None:
        """Take a READ request, which the tracker has placed."""
        for op in reversed(self._requested):
            if op.sequence <= sequence and (sequence < op.end or sequence == op.sequence):
                same = op.handle == packet.rkey and (
                    not op.mtu or op.address + (sequence - op.sequence) * op.mtu == packet.address
                )
                if same and not self._tracker.restarted:
                    op.retries.append(packet.number)
                    return
        op = new_operation(OpKind.READ, self._direction, packet, sequence)
        op.end = sequence + 1
        self._requested.append(op)
        if self._direction.mtu:
            self._size(op, self._direction.mtu)
        elif op.length > MIN_MTU:
            self._tracker.loose = self._tracker.next == sequence + 1
        self._outbox.append(op)
        if self._direction.orphans:
            adopt(op, self._direction.orphans)

    def _size(self, op: RdmaOp, mtu: int) -> None:
        op.size_with(mtu)
        self._tracker.occupy(op.sequence, op.end)

    def response(self, packet: Packet, position: int) -> RdmaOp | None:
        """Take a response of the opposite direction; return the READ if the packet is new."""
        if position == FIRST:
            self.learn_mtu(packet.size)
        op = self._request_of(packet.psn)
        if op is None:
            following = self._tracker.next
            if following >= 0:
                sequence = unwrap(packet.psn, following)
                keep_orphan(self._direction.orphans, OpKind.READ, sequence, packet)
            return None
        sequence = unwrap(packet.psn, op.sequence)
        if not op.mtu and not self._guess_mtu(op, packet, position):
            return None
        if position == FIRST and packet.size != op.mtu and not op.packets:
            # Another path MTU than the handshake's.
            self._size(op, max(packet.size, 1))
        if op.first_data_time_ns is None:
            op.first_data_time_ns = packet.time_ns
        if sequence > op.next:
            op.gaps.append((op.next, sequence))
            if len(op.gaps) > MAX_GAPS:
                del op.gaps[0]
        elif sequence < op.next and not _fill(op, sequence):
            op.resent += 1
            return None
        before = op.packets
        extend(op, sequence, packet, self._outbox)
        return op if op.packets > before else None

    def learn_mtu(self, size: int) -> None:
        """Learn the path MTU from a packet that must be full: it has ``size`` octets."""
        if size != self._direction.mtu and size >= MIN_MTU:
            self._direction.mtu = size
            for op in self._requested:
                if not op.mtu:
                    self._size(op, size)

    def _guess_mtu(self, op: RdmaOp, packet: Packet, position: int) -> bool:
        """Learn how large the packets of a READ are from one of them; whether that is possible."""
        if position == ONLY:
            op.size_with(max(packet.size, op.length, 1))
        elif position & LAST:
            # Its first packets are missing, and with them the size of each.
            sequence = unwrap(packet.psn, op.sequence)
            before = op.length - packet.size
            packets = sequence - op.sequence
            if packets < 1 or before % packets:
                return False
            self.learn_mtu(before // packets)
        else:
            self.learn_mtu(packet.size)
        if not op.mtu and self._direction.mtu:
            self._size(op, self._direction.mtu)
        return bool(op.mtu)

    def _request_of(self, psn: int) -> RdmaOp | None:
        """Return the READ whose response may have this number."""
        for op in self._requested:
            if not op.end:
                continue
            sequence = unwrap(psn, op.sequence)
            if op.sequence <= sequence < op.end or (
                not op.mtu and 0 <= sequence - op.sequence < op.length // MIN_MTU + 1
            ):
                return op
        return None

    def clear(self) -> None:
        """Keep no operation: no response to one is to come."""
        self._requested.clear()


def _fill(op: RdmaOp, sequence: int) -> bool:
    """Take a sequence out of an operation's gaps; return whether it was in one."""
    index = bisect_left(op.gaps, (sequence + 1,)) - 1
    if index < 0 or sequence >= op.gaps[index][1]:
        return False
    start, end = op.gaps[index]
    op.gaps[index : index + 1] = [
        gap for gap in ((start, sequence), (sequence + 1, end)) if gap[0] < gap[1]
    ]
    return True
