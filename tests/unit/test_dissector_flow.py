"""One direction of a connection: SENDs, WRITEs and READs, each put together by its machine."""

from __future__ import annotations

from collections import deque
from itertools import permutations

import pytest

from nfsrdma.dissector.base.finding import Finding
from nfsrdma.dissector.base.packet import Packet
from nfsrdma.dissector.tracking.flow import REORDERED, Flow
from nfsrdma.dissector.tracking.kinds import OpKind, Transport
from nfsrdma.dissector.tracking.model import Connection, Message, RdmaOp, Side
from nfsrdma.dissector.tracking.sends import Outbox
from nfsrdma.rpcrdma.roce.wire import opcode as codes

MTU = 1024
SEND_LAST, SEND_ONLY, SEND_ONLY_INV = 0x02, 0x04, 0x17
WRITE_FIRST, WRITE_LAST = 0x06, 0x08


class Bench:
    """A flow, and what it hands on."""

    def __init__(self) -> None:
        self.outbox: Outbox = deque()
        connection = Connection(1, Transport.ROCE_V2, 1, 1)
        side = connection.first = Side("10.0.0.1", connection)
        self.flow = Flow("10.0.0.1", "10.0.0.2", 0x11, side, self.outbox)
        side.flow = self.flow
        self.frame = 0

    def packet(
        self, opcode: int, psn: int, size: int = MTU, address: int = 0, length: int = 0
    ) -> Packet:
        self.frame += 1
        packet = Packet()
        packet.number, packet.time_ns = self.frame, self.frame * 1000
        packet.opcode, packet.psn = opcode, psn
        packet.size = packet.have = size
        packet.payload = psn * 10_000
        packet.address, packet.rkey, packet.dma_length = address, 7, length
        return packet

    def sent(self) -> list[Message]:
        """The messages so far, taken out."""
        found = [one for one in self.outbox if isinstance(one, Message)]
        self.outbox.clear()
        return found


def test_a_send_of_one_packet_is_handed_on_at_once() -> None:
    bench = Bench()
    bench.flow.send(bench.packet(SEND_ONLY, 5, 100))
    (message,) = bench.sent()
    assert (message.length, message.sequence + 1, message.packets) == (100, message.end, 1)
    assert message.invalidated is None
    packet = bench.packet(SEND_ONLY_INV, 6, 100)
    packet.invalidate = 9
    bench.flow.send(packet)
    assert [one.invalidated for one in bench.sent()] == [9]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_packets_of_a_send_in_any_order(order: tuple[int, ...]) -> None:
    """As the capture has them; the receiver had them in order, and says so."""
    bench = Bench()
    bench.flow.send(bench.packet(SEND_ONLY, 4, 8))
    bench.sent()
    codes_ = (codes.SEND_FIRST, codes.SEND_MIDDLE, SEND_LAST)
    sizes = (MTU, MTU, 100)
    for count, index in enumerate(order):
        assert not bench.outbox, count
        bench.flow.send(bench.packet(codes_[index], 5 + index, sizes[index]))
    bench.flow.acknowledged(7, 9, 9000)
    (message,) = bench.sent()
    assert (message.length, message.packets, message.content.complete) == (2148, 3, True)
    assert bench.flow.mtu == MTU


def test_what_is_behind_a_hole_waits_for_it() -> None:
    """A receiver drops what is behind a hole: it comes again once the hole is filled."""
    bench = Bench()
    for psn in (5, 7, 8):
        bench.flow.send(bench.packet(SEND_ONLY, psn, psn))
    assert [one.length for one in bench.sent()] == [5]
    for psn in (6, 7, 8):
        bench.flow.send(bench.packet(SEND_ONLY, psn, psn))
    messages = bench.sent()
    assert [(one.length, one.frame, one.resent) for one in messages] == [
        (6, 4, 0), (7, 5, 1), (8, 6, 1),
    ]  # fmt: skip


def test_what_is_behind_a_hole_waits_for_an_acknowledgement() -> None:
    """Then the capture has lost what is missing: it is said, unless it was only late."""
    bench = Bench()
    for psn in (5, 7):
        bench.flow.send(bench.packet(SEND_ONLY, psn, psn))
    bench.flow.acknowledged(7, 4, 4000)
    messages = bench.sent()
    assert [one.length for one in messages] == [5, 7]
    assert messages[0].ack_frame == 4
    bench.flow.send(bench.packet(SEND_ONLY, 8, 8))
    bench.flow.acknowledged(8, 5 + REORDERED, 9000)
    (finding,) = [one for one in bench.outbox if isinstance(one, Finding)]
    assert (finding.frame, finding.rule) == (4, "capture-hole")
    assert finding.text.startswith("1 packets")


def test_what_was_answered_is_taken_out_of_its_turn() -> None:
    bench = Bench()
    for psn in (5, 7, 9):
        bench.flow.send(bench.packet(SEND_ONLY, psn, psn))
    bench.sent()
    taken = bench.flow.sends.take_before(3)
    assert [one.length for one in taken] == [7]
    assert not bench.outbox
    assert len(bench.flow.sends) == 1


def test_a_send_whose_end_is_missing_is_open_ended() -> None:
    bench = Bench()
    bench.flow.send(bench.packet(codes.SEND_FIRST, 5))
    bench.flow.release_all()
    (message,) = bench.sent()
    assert message.open_ended
    assert (message.content.length, message.length) == (MTU, MTU + 1)
    assert not message.headless


def test_packets_of_a_write_follow_the_first() -> None:
    bench = Bench()
    assert bench.flow.write(bench.packet(WRITE_FIRST, 5, address=0x1000, length=2148)) is not None
    assert bench.flow.write(bench.packet(codes.WRITE_MIDDLE, 6)) is not None
    op = bench.flow.write(bench.packet(WRITE_LAST, 7, 100))
    assert op is not None
    assert list(bench.outbox) == [op]
    assert [extent.address for extent in op.extents] == [0x1000, 0x1400, 0x1800]
    assert (op.kind, op.packets, op.next, op.end) == (OpKind.WRITE, 3, op.end, op.sequence + 3)
    # A copy counts, and adds nothing.
    assert bench.flow.write(bench.packet(codes.WRITE_MIDDLE, 6)) is None
    assert (op.resent, op.packets) == (1, 3)


def test_orphans_wait_for_the_packet_that_names_their_memory() -> None:
    bench = Bench()
    bench.flow.send(bench.packet(SEND_ONLY, 4, 8))
    bench.sent()
    assert bench.flow.write(bench.packet(codes.WRITE_MIDDLE, 6)) is None
    assert bench.flow.write(bench.packet(WRITE_LAST, 7, 100)) is None
    assert len(bench.flow.orphans) == 2
    op = bench.flow.write(bench.packet(WRITE_FIRST, 5, address=0x1000, length=2148))
    assert op is not None
    assert sorted(extent.address for extent in op.extents) == [0x1000, 0x1400, 0x1800]
    assert not bench.flow.orphans


def test_more_than_a_write_announced_is_a_finding() -> None:
    bench = Bench()
    bench.flow.write(bench.packet(WRITE_FIRST, 5, address=0x1000, length=MTU + 10))
    bench.flow.write(bench.packet(WRITE_LAST, 6, 100))
    op, finding = bench.outbox
    assert isinstance(op, RdmaOp)
    assert isinstance(finding, Finding)
    assert (finding.rule, finding.frame, op.packets) == ("rdma-length", 2, 1)


def test_a_read_takes_as_many_sequences_as_its_response_has_packets() -> None:
    bench = Bench()
    bench.flow.read_request(bench.packet(codes.READ_REQUEST, 5, 0, 0x1000, 2148))
    (op,) = bench.outbox
    assert isinstance(op, RdmaOp)
    assert (op.mtu, op.first_data_time_ns) == (0, None)
    # Its first packet is full, and says how large each is.
    assert bench.flow.response(bench.packet(codes.READ_RESPONSE_FIRST, 5)) is op
    assert (op.mtu, op.end - op.sequence, bench.flow.tracker.next) == (MTU, 3, op.end)
    assert bench.flow.response(bench.packet(codes.READ_RESPONSE_LAST, 7, 100)) is op
    assert len(op.gaps) == 1
    assert bench.flow.response(bench.packet(codes.READ_RESPONSE_MIDDLE, 6)) is op
    assert op.gaps == []
    assert bench.flow.response(bench.packet(codes.READ_RESPONSE_MIDDLE, 6)) is None
    assert (op.packets, op.resent, op.first_data_time_ns) == (3, 1, 2000)
    # Asked for again it is no other operation.
    bench.flow.read_request(bench.packet(codes.READ_REQUEST, 5, 0, 0x1000, 2148))
    assert op.retries == [6]
    assert len(bench.outbox) == 1
