"""Packets with data into RDMA operations: what WRITEs and READs have in common."""

from __future__ import annotations

from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES, Position

from ..base.extent import Extent
from ..base.finding import Finding, Severity
from ..base.packet import Packet
from .kinds import OpKind
from .model import Direction, RdmaOp
from .orphans import Orphan, Orphans
from .sends import Outbox

MAX_EXTENTS = 1 << 14
"""Extents that one RDMA operation may have."""

POSITIONS = {code: int(row.position) for code, row in OPCODES.items()}
"""Opcode -> where in its message a packet stands, as the number of a ``Position``."""
FIRST, LAST, ONLY = int(Position.FIRST), int(Position.LAST), int(Position.ONLY)


def new_operation(kind: OpKind, direction: Direction, packet: Packet, sequence: int) -> RdmaOp:
    """Return the operation that a packet with an RDMA header (RETH) begins."""
    op = RdmaOp(
        kind, direction.side, packet.rkey, packet.address, packet.dma_length, packet.number,
        packet.time_ns,
    )  # fmt: skip
    op.sequence = op.next = sequence
    return op


def extend(op: RdmaOp, sequence: int, packet: Packet, outbox: Outbox) -> None:
    """Add a packet's data to its operation; what is beyond its end is a finding."""
    address = op.address + (sequence - op.sequence) * op.mtu
    size = packet.size
    over = address + size - op.address - op.length
    if over > 0:
        text = f"{over} octets more than its RETH announced"
        outbox.append(Finding(packet.number, Severity.NOTE, "rdma-length", text))
        return
    if packet.pieces is not None:
        op.extents += [
            Extent(address + piece.start, piece.length, piece.length, piece.offset, piece.frame)
            for piece in packet.pieces
        ]
    elif size and len(op.extents) < MAX_EXTENTS:
        op.extents.append(Extent(address, size, packet.have, packet.payload, packet.number))
    op.packets += 1
    if sequence >= op.next:
        op.next = sequence + 1
    op.last_frame, op.last_time_ns = packet.number, packet.time_ns


def extend_run(op: RdmaOp, count: int, stride: int, last_frame: int, last_time: int) -> None:
    """Add ``count`` packets in a row, each like the operation's latest, ``stride`` octets apart.

    An extent has one stride. Where the latest has another one already, from an interface whose
    records are of another length, the data of this run are not kept: they count as packets, and
    show as a hole.
    """
    latest = op.extents[-1]
    if latest.packets == 1 or latest.stride == stride:
        op.extents[-1] = latest._replace(packets=latest.packets + count, stride=stride)
    op.packets += count
    op.next += count
    op.last_frame, op.last_time_ns = last_frame, last_time


def keep_orphan(orphans: Orphans, kind: OpKind, sequence: int, packet: Packet) -> None:
    """Keep a packet of which it is not known where its data belong."""
    extent = Extent(0, packet.size, packet.have, packet.payload, packet.number)
    orphans.add(sequence, Orphan(kind, POSITIONS[packet.opcode], packet.time_ns, extent))


def adopt(op: RdmaOp, orphans: Orphans) -> None:
    """Give an operation its packets that came before the one that says where they belong."""
    first = op.sequence + (op.kind == OpKind.WRITE)
    for sequence in orphans.between(first, op.end):
        if orphans[sequence].kind == op.kind:
            orphan = orphans.pop(sequence)
            address = op.address + (sequence - op.sequence) * op.mtu
            op.extents.append(orphan.extent._replace(address=address))
            op.packets += 1
            if op.first_data_time_ns is None:
                op.first_data_time_ns = orphan.time_ns
            if sequence == op.next:
                op.next = sequence + 1
