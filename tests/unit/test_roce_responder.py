"""The responder, one question at a time, asked by a scripted peer. Path MTU 256."""

from __future__ import annotations

import pytest
from tests.support.roce import REMOTE, Peer, names, syndrome

from nfsrdma.rpcrdma.roce.engine.memory import MemoryRegion
from nfsrdma.rpcrdma.roce.wire.headers import Aeth, AtomicEth, Ieth, ImmDt, Packet, Reth
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES, Role
from nfsrdma.rpcrdma.verbs.types import (
    Access,
    QpState,
    RecvWR,
    SendWR,
    WcOpcode,
    WcStatus,
    WrOpcode,
)

ACK, SEQUENCE, INVALID, ACCESS = 0x1F, 0x60, 0x61, 0x62
RNR_640_MICROSECONDS = 0x20 | 12


@pytest.fixture
def peer() -> Peer:
    return Peer()


def post(peer: Peer, length: int = 4096, wr_id: object = "r") -> bytearray:
    buffer = bytearray(length)
    peer.qp.post_recv(RecvWR(memoryview(buffer), wr_id))
    return buffer


def region(peer: Peer, length: int = 4096, access: Access = REMOTE) -> MemoryRegion:
    return peer.end.pd.register(memoryview(bytearray(length)), access, remote_address=0x10_0000)


def reth(memory: MemoryRegion, offset: int = 0, length: int | None = None) -> Reth:
    return Reth(
        memory.address + offset, memory.rkey, len(memory.view) if length is None else length
    )


def assert_fatal(peer: Peer, answer: list[Packet], code: int, psn: int) -> None:
    """One NAK, and the queue pair is in error with everything flushed."""
    assert names(answer) == ["ACKNOWLEDGE"]
    assert syndrome(answer[0]) == code
    assert answer[0].bth.psn == psn
    assert peer.state == QpState.ERR
    assert len(peer.end.errors) == 1
    assert peer.send("SEND_ONLY", psn, ask=True) == []


def test_a_send_fills_the_posted_receive(peer: Peer) -> None:
    buffer = post(peer)
    (ack,) = peer.send("SEND_ONLY", 10, payload=b"hello", ask=True)
    assert (syndrome(ack), ack.bth.psn, ack.bth.qpn) == (ACK, 10, peer.QPN)
    assert ack.headers == (Aeth(ACK, 1),)
    (wc,) = peer.end.received()
    assert (wc.wr_id, wc.status, wc.opcode, wc.byte_len) == ("r", 0, WcOpcode.RECV, 5)
    assert (wc.imm_data, wc.invalidated_rkey) == (None, None)
    assert buffer[:6] == b"hello\0"


def test_no_acknowledgement_unless_asked(peer: Peer) -> None:
    post(peer)
    assert peer.send("SEND_ONLY", 10, payload=b"x") == []
    assert len(peer.end.received()) == 1


def test_a_send_of_several_packets_with_immediate(peer: Peer) -> None:
    buffer = post(peer)
    parts = [bytes([n]) * 256 for n in (1, 2)] + [b"end"]
    assert peer.send("SEND_FIRST", 10, payload=parts[0]) == []
    assert peer.send("SEND_MIDDLE", 11, payload=parts[1]) == []
    assert peer.end.received() == []
    (ack,) = peer.send("SEND_LAST_IMM", 12, ImmDt(77), payload=parts[2], ask=True)
    assert ack.headers == (Aeth(ACK, 1),)
    (wc,) = peer.end.received()
    assert (wc.byte_len, wc.imm_data) == (515, 77)
    assert buffer[:515] == b"".join(parts)


def test_send_with_invalidate(peer: Peer) -> None:
    memory = region(peer)
    post(peer)
    (ack,) = peer.send("SEND_ONLY_INV", 10, Ieth(memory.rkey), payload=b"x", ask=True)
    assert syndrome(ack) == ACK
    (wc,) = peer.end.received()
    assert wc.invalidated_rkey == memory.rkey
    assert not memory.valid
    assert_fatal(peer, peer.send("WRITE_ONLY", 11, reth(memory, 0, 1), payload=b"x"), ACCESS, 11)


def test_send_with_invalidate_of_an_unknown_key_is_fatal(peer: Peer) -> None:
    post(peer)
    answer = peer.send("SEND_ONLY_INV", 10, Ieth(0xBAD), payload=b"x")
    assert_fatal(peer, answer, ACCESS, 10)
    assert [wc.status for wc in peer.end.received()] == [WcStatus.WR_FLUSH_ERR]


def test_invalidating_what_was_just_deregistered_is_harmless(peer: Peer) -> None:
    memory = region(peer)
    memory.deregister()
    post(peer)
    peer.send("SEND_ONLY_INV", 10, Ieth(memory.rkey), payload=b"x")
    assert peer.state == QpState.RTS


def test_no_receive_posted(peer: Peer) -> None:
    (nak,) = peer.send("SEND_ONLY", 10, payload=b"x", ask=True)
    assert (syndrome(nak), nak.bth.psn) == (RNR_640_MICROSECONDS, 10)
    assert peer.send("SEND_ONLY", 11, payload=b"y", ask=True) == [], "silent until 10 comes again"
    post(peer)
    (ack,) = peer.send("SEND_ONLY", 10, payload=b"x", ask=True)
    assert (syndrome(ack), ack.bth.psn) == (ACK, 10)
    assert len(peer.end.received()) == 1


def test_a_message_longer_than_the_receive_is_fatal(peer: Peer) -> None:
    buffer = memoryview(bytearray(b"\xaa" * 512))
    peer.qp.post_recv(RecvWR(buffer[:300], "small"))
    post(peer, wr_id="next")
    peer.send("SEND_FIRST", 10, payload=bytes(256))
    assert_fatal(peer, peer.send("SEND_LAST", 11, payload=bytes(45)), INVALID, 11)
    statuses = [(wc.wr_id, wc.status) for wc in peer.end.received()]
    assert statuses == [("small", WcStatus.LOC_LEN_ERR), ("next", WcStatus.WR_FLUSH_ERR)]
    assert buffer[300:] == b"\xaa" * 212


def test_a_gap_is_refused_once(peer: Peer) -> None:
    post(peer)
    (nak,) = peer.send("SEND_ONLY", 12, payload=b"late", ask=True)
    assert (syndrome(nak), nak.bth.psn) == (SEQUENCE, 10)
    assert peer.send("SEND_ONLY", 13, payload=b"later", ask=True) == []
    assert names(peer.send("SEND_ONLY", 10, payload=b"now", ask=True)) == ["ACKNOWLEDGE"]
    (nak,) = peer.send("SEND_ONLY", 12, payload=b"late", ask=True)
    assert (syndrome(nak), nak.bth.psn) == (SEQUENCE, 11)
    assert peer.qp.counters.out_of_order == 3


def test_a_duplicate_is_acknowledged_again_but_not_carried_out(peer: Peer) -> None:
    memory = region(peer)
    post(peer), post(peer)
    peer.send("SEND_ONLY", 10, payload=b"x")
    peer.send("WRITE_ONLY", 11, reth(memory, 0, 1), payload=b"1")
    memory.view[0:1] = b"2"
    for psn, answer in (
        (10, peer.send("SEND_ONLY", 10, payload=b"x")),
        (11, peer.send("WRITE_ONLY", 11, reth(memory, 0, 1), payload=b"1")),
    ):
        assert names(answer) == ["ACKNOWLEDGE"], psn
        assert (syndrome(answer[0]), answer[0].bth.psn) == (ACK, 11)
    assert len(peer.end.received()) == 1
    assert memory.view[0:1] == b"2"
    assert peer.qp.counters.duplicates == 2


@pytest.mark.parametrize("kind", ["SEND_ONLY", "WRITE_ONLY"])
@pytest.mark.parametrize("reads", [1, 2, 9])
def test_what_acknowledges_a_duplicate_names_no_read(kind: str, reads: int) -> None:
    peer = Peer(resources=2)
    memory = region(peer)
    post(peer)
    headers = [reth(memory, 0, 1)] if kind == "WRITE_ONLY" else []
    peer.send(kind, 10, *headers, payload=b"x", ask=True)
    for index in range(reads):
        peer.send("READ_REQUEST", 11 + 2 * index, reth(memory, 0, 512))
    (ack,) = peer.send(kind, 10, *headers, payload=b"x", ask=True)
    assert (syndrome(ack), ack.bth.psn) == (ACK, 10)
    (ack,) = peer.send("WRITE_ONLY", 11 + 2 * reads, reth(memory, 0, 1), payload=b"y", ask=True)
    assert ack.bth.psn == 11 + 2 * reads
    (ack,) = peer.send(kind, 10, *headers, payload=b"x", ask=True)
    assert ack.bth.psn == 11 + 2 * reads


def test_a_duplicate_when_there_was_nothing_but_reads(peer: Peer) -> None:
    memory = region(peer)
    peer.send("READ_REQUEST", 10, reth(memory, 0, 512))
    (ack,) = peer.send("WRITE_ONLY", 10, reth(memory, 0, 1), payload=b"x", ask=True)
    assert ack.bth.psn == 9


def test_a_refusal_that_was_not_sent_yet_goes_with_its_reason(peer: Peer) -> None:
    memory = region(peer)
    late = peer.packet("WRITE_ONLY", 12, reth(memory, 0, 1), payload=b"z")
    peer.inject(peer.octets(late))
    assert peer.qp.responder.due == (SEQUENCE, peer.qp.responder.expected)
    read = peer.send("READ_REQUEST", 10, reth(memory, 0, 512))
    assert names(read) == ["READ_RESPONSE_FIRST", "READ_RESPONSE_LAST"]


def test_a_write_goes_where_its_reth_says(peer: Peer) -> None:
    memory = region(peer)
    assert peer.send("WRITE_FIRST", 10, reth(memory, 100, 600), payload=b"a" * 256) == []
    peer.send("WRITE_MIDDLE", 11, payload=b"b" * 256)
    (ack,) = peer.send("WRITE_LAST", 12, payload=b"c" * 88, ask=True)
    assert ack.headers == (Aeth(ACK, 1),)
    expected = bytes(100) + b"a" * 256 + b"b" * 256 + b"c" * 88
    assert memory.view == expected + bytes(4096 - 700)
    assert peer.end.received() == []


def test_a_write_with_immediate_takes_a_receive(peer: Peer) -> None:
    memory = region(peer)
    (nak,) = peer.send("WRITE_ONLY_IMM", 10, reth(memory, 0, 2), ImmDt(5), payload=b"ab")
    assert syndrome(nak) == RNR_640_MICROSECONDS
    post(peer)
    peer.send("WRITE_ONLY_IMM", 10, reth(memory, 0, 2), ImmDt(5), payload=b"ab")
    (wc,) = peer.end.received()
    assert (wc.opcode, wc.imm_data, wc.byte_len) == (WcOpcode.RECV_RDMA_WITH_IMM, 5, 2)
    assert memory.view[:3] == b"ab\0"


def test_a_write_of_nothing_needs_no_key(peer: Peer) -> None:
    (ack,) = peer.send("WRITE_ONLY", 10, Reth(0, 0, 0), ask=True)
    assert syndrome(ack) == ACK


@pytest.mark.parametrize(
    ("offset", "length", "payload"),
    [(0, 4097, 256), (-1, 300, 256), (4096, 1, 1), (-(1 << 19), 1, 1), (0, 1 << 31, 256)],
)
def test_a_write_outside_the_region_is_fatal(
    peer: Peer, offset: int, length: int, payload: int
) -> None:
    memory = region(peer)
    opcode = "WRITE_ONLY" if payload == length else "WRITE_FIRST"
    answer = peer.send(opcode, 10, reth(memory, offset, length), payload=b"x" * payload)
    assert_fatal(peer, answer, ACCESS, 10)
    assert memory.view == bytes(4096)


@pytest.mark.parametrize("opcode", ["WRITE_ONLY", "READ_REQUEST"])
@pytest.mark.parametrize(
    ("key", "access"), [(1, REMOTE), (0, Access.LOCAL_WRITE)], ids=["key", "flags"]
)
def test_a_wrong_key_or_missing_flag_is_fatal(
    peer: Peer, opcode: str, key: int, access: Access
) -> None:
    memory = region(peer, access=access)
    payload = b"x" * 8 if opcode == "WRITE_ONLY" else b""
    answer = peer.send(opcode, 10, Reth(memory.address, memory.rkey ^ key, 8), payload=payload)
    assert_fatal(peer, answer, ACCESS, 10)
    assert memory.view == bytes(4096)


@pytest.mark.parametrize("opcode", ["WRITE_ONLY", "READ_REQUEST"])
def test_a_queue_pair_without_access_answers_to_nothing(opcode: str) -> None:
    peer = Peer(access=0)
    payload = b"x" * 8 if opcode == "WRITE_ONLY" else b""
    answer = peer.send(opcode, 10, reth(region(peer), 0, 8), payload=payload)
    assert_fatal(peer, answer, INVALID, 10)


def test_a_key_of_another_domain_means_nothing(peer: Peer) -> None:
    other = peer.end.engine.create_pd().register(memoryview(bytearray(8)), REMOTE)
    answer = peer.send("WRITE_ONLY", 10, Reth(other.address, other.rkey, 1), payload=b"x")
    assert_fatal(peer, answer, ACCESS, 10)
    assert other.view == bytes(8)


@pytest.mark.parametrize("how", ["deregister", "invalidate", "close"])
def test_placement_stops_in_the_middle_of_a_message(peer: Peer, how: str) -> None:
    memory = region(peer)
    peer.send("WRITE_FIRST", 10, reth(memory, 0, 600), payload=b"a" * 256)
    if how == "deregister":
        memory.deregister()
    elif how == "invalidate":
        peer.end.pd.invalidate(memory.rkey)
    else:
        peer.end.pd.close()
    assert_fatal(peer, peer.send("WRITE_MIDDLE", 11, payload=b"b" * 256), ACCESS, 11)
    assert memory.view[256:] == bytes(4096 - 256)


@pytest.mark.parametrize(
    ("opcode", "length"),
    [("WRITE_LAST", 87), ("WRITE_LAST", 89), ("WRITE_MIDDLE", 256)],
    ids=["short", "long", "endless"],
)
def test_a_write_that_is_not_as_long_as_it_said_is_fatal(
    peer: Peer, opcode: str, length: int
) -> None:
    memory = region(peer)
    peer.send("WRITE_FIRST", 10, reth(memory, 0, 344), payload=b"a" * 256)
    assert_fatal(peer, peer.send(opcode, 11, payload=b"b" * length), INVALID, 11)
    assert memory.view[256:] == bytes(4096 - 256)


@pytest.mark.parametrize(
    ("opcode", "length"),
    [
        ("SEND_FIRST", 252), ("SEND_FIRST", 260), ("SEND_ONLY", 260), ("WRITE_ONLY", 257),
        ("WRITE_FIRST", 255),
    ],
)  # fmt: skip
def test_lengths_against_the_path_mtu(peer: Peer, opcode: str, length: int) -> None:
    post(peer)
    headers = (reth(region(peer), 0, length),) if opcode.startswith("WRITE") else ()
    answer = peer.send(opcode, 10, *headers, payload=bytes(length))
    assert_fatal(peer, answer, INVALID, 10)


def test_an_empty_last_packet_is_fatal(peer: Peer) -> None:
    post(peer)
    peer.send("SEND_FIRST", 10, payload=bytes(256))
    assert_fatal(peer, peer.send("SEND_LAST", 11), INVALID, 11)


BEGINS = ["SEND_FIRST", "SEND_ONLY", "WRITE_FIRST", "WRITE_ONLY", "READ_REQUEST"]
CONTINUES = ["SEND_MIDDLE", "SEND_LAST", "WRITE_MIDDLE", "WRITE_LAST"]
ORDERS = [
    *((None, opcode) for opcode in CONTINUES),
    *(("SEND_FIRST", opcode) for opcode in [*BEGINS, "WRITE_MIDDLE", "WRITE_LAST"]),
    *(("WRITE_FIRST", opcode) for opcode in [*BEGINS, "SEND_MIDDLE", "SEND_LAST"]),
]


@pytest.mark.parametrize(("before", "opcode"), ORDERS)
def test_packets_out_of_their_order_in_a_message_are_fatal(
    peer: Peer, before: str | None, opcode: str
) -> None:
    post(peer)
    memory = region(peer)
    psn = 10
    for name in filter(None, (before, opcode)):
        headers = (reth(memory),) if name.startswith(("WRITE_F", "WRITE_O", "READ")) else ()
        payload = b"" if name == "READ_REQUEST" else bytes(256)
        answer = peer.send(name, psn, *headers, payload=payload)
        psn += 1
    assert_fatal(peer, answer, INVALID, psn - 1)


@pytest.mark.parametrize("opcode", ["COMPARE_SWAP", "FETCH_ADD"])
def test_atomics_are_not_offered(peer: Peer, opcode: str) -> None:
    memory = region(peer)
    answer = peer.send(opcode, 10, AtomicEth(memory.address, memory.rkey, 1, 1))
    assert_fatal(peer, answer, INVALID, 10)


# -- READ ------------------------------------------------------------------------------------------


def filled(peer: Peer, length: int = 4096) -> MemoryRegion:
    memory = region(peer, length)
    memory.view[:] = bytes(n * 7 & 0xFF for n in range(length))
    return memory


def test_a_read_is_answered(peer: Peer) -> None:
    memory = filled(peer)
    answer = peer.send("READ_REQUEST", 10, reth(memory, 50, 600))
    assert names(answer) == [f"READ_RESPONSE_{name}" for name in ("FIRST", "MIDDLE", "LAST")]
    assert [packet.bth.psn for packet in answer] == [10, 11, 12]
    assert b"".join(packet.payload for packet in answer) == memory.view[50:650]
    assert answer[0].headers == answer[2].headers == (Aeth(ACK, 1),)


def test_a_read_of_one_packet_and_of_nothing(peer: Peer) -> None:
    memory = filled(peer)
    (answer,) = peer.send("READ_REQUEST", 10, reth(memory, 0, 255))
    assert (names([answer]), bytes(answer.payload)) == (
        ["READ_RESPONSE_ONLY"],
        bytes(memory.view[:255]),
    )
    (answer,) = peer.send("READ_REQUEST", 11, Reth(0, 0, 0))
    assert (names([answer]), bytes(answer.payload)) == (["READ_RESPONSE_ONLY"], b"")
    assert answer.headers == (Aeth(ACK, 2),)


def test_a_read_outside_the_region_is_fatal(peer: Peer) -> None:
    answer = peer.send("READ_REQUEST", 10, reth(filled(peer), 4000, 97))
    assert_fatal(peer, answer, ACCESS, 10)


def test_a_part_of_a_read_is_answered_again(peer: Peer) -> None:
    memory = filled(peer)
    peer.send("READ_REQUEST", 10, reth(memory, 0, 600))
    answer = peer.send("READ_REQUEST", 11, reth(memory, 256, 344))
    assert names(answer) == ["READ_RESPONSE_FIRST", "READ_RESPONSE_LAST"]
    assert [packet.bth.psn for packet in answer] == [11, 12]
    assert b"".join(packet.payload for packet in answer) == memory.view[256:600]
    assert peer.qp.counters.replayed_reads == 1
    (middle,) = peer.send("READ_REQUEST", 11, reth(memory, 256, 256))
    assert names([middle]) == ["READ_RESPONSE_ONLY"]


@pytest.mark.parametrize(
    ("psn", "offset", "length", "key"),
    [(10, 0, 601, 0), (11, 0, 344, 0), (11, 256, 344, 1), (11, 256, 345, 0), (11, 256, 300, 0)],
    ids=["longer", "elsewhere", "another key", "past the end", "another end"],
)
def test_what_was_never_asked_is_not_answered_again(
    peer: Peer, psn: int, offset: int, length: int, key: int
) -> None:
    memory = filled(peer)
    peer.send("READ_REQUEST", 10, reth(memory, 0, 600))
    again = Reth(memory.address + offset, memory.rkey ^ key, length)
    assert peer.send("READ_REQUEST", psn, again) == []
    assert peer.state == QpState.RTS


def test_only_so_many_reads_are_remembered() -> None:
    peer = Peer(resources=2)
    memory = filled(peer)
    for psn in (10, 11, 12):
        peer.send("READ_REQUEST", psn, reth(memory, 0, 8))
    assert peer.send("READ_REQUEST", 10, reth(memory, 0, 8)) == []
    assert len(peer.send("READ_REQUEST", 11, reth(memory, 0, 8))) == 1


def test_more_reads_than_negotiated_at_a_time_are_fatal() -> None:
    peer = Peer(resources=2)
    memory = filled(peer)
    packets = [peer.packet("READ_REQUEST", 10 + n, reth(memory, 0, 8)) for n in range(3)]
    peer.inject(*map(peer.octets, packets))
    assert_fatal(peer, peer.collect(), INVALID, 12)


def test_a_read_when_none_was_negotiated_is_fatal() -> None:
    peer = Peer(resources=0)
    answer = peer.send("READ_REQUEST", 10, reth(filled(peer), 0, 8))
    assert_fatal(peer, answer, INVALID, 10)


def test_an_acknowledgement_does_not_overtake_a_read(peer: Peer) -> None:
    memory = filled(peer)
    post(peer)
    packets = [
        peer.packet("READ_REQUEST", 10, reth(memory, 0, 4096)),
        peer.packet("SEND_ONLY", 26, payload=b"x", ask=True),
    ]
    peer.inject(*map(peer.octets, packets))
    answer = peer.collect()
    assert [packet.bth.psn for packet in answer] == list(range(10, 27))
    assert names(answer)[-1] == "ACKNOWLEDGE"


def test_a_read_ends_with_the_registration() -> None:
    peer = Peer()
    memory = filled(peer)
    packet = peer.packet("READ_REQUEST", 10, reth(memory, 0, 4096))
    peer.inject(peer.octets(packet))
    first = peer.end.engine.poll_transmit(peer.now)
    assert first is not None
    memory.deregister()
    answer = peer.collect()
    assert_fatal(peer, answer, ACCESS, 10 + first.packets)


# -- bursts ----------------------------------------------------------------------------------------


def test_a_burst_gets_one_acknowledgement(peer: Peer) -> None:
    memory = region(peer)
    first = peer.packet("WRITE_FIRST", 10, reth(memory, 0, 256 * 8), payload=b"a" * 256)
    run = [peer.packet("WRITE_MIDDLE", 11 + n, payload=b"b" * 256, ask=True) for n in range(6)]
    last = peer.packet("WRITE_LAST", 17, payload=b"c" * 256, ask=True)
    peer.inject(peer.octets(first))
    # Each with the ICRC for identification 0, as from a peer that does not know our index.
    peer.inject_burst([*run, last])
    (ack,) = peer.collect()
    assert (syndrome(ack), ack.bth.psn) == (ACK, 17)
    assert memory.view[: 256 * 8] == b"a" * 256 + b"b" * 256 * 6 + b"c" * 256


def test_a_run_of_which_the_beginning_is_known(peer: Peer) -> None:
    memory = region(peer)
    peer.send("WRITE_FIRST", 10, reth(memory, 0, 256 * 6), payload=b"a" * 256)
    run = [peer.packet("WRITE_MIDDLE", 11 + n, payload=bytes([n]) * 256) for n in range(4)]
    peer.inject_burst(run[:2])
    memory.view[:] = bytes(4096)
    peer.inject_burst(run)
    assert peer.qp.responder.expected & 0xFFFFFF == 15
    assert memory.view[: 256 * 5] == bytes(256 * 3) + b"\2" * 256 + b"\3" * 256
    assert peer.qp.counters.duplicates == 2


def test_every_request_opcode_has_been_asked() -> None:
    """A reminder for who adds one."""
    assert len([row for row in OPCODES.values() if row.role == Role.RESPONDER]) == 17


# -- acknowledgements that wait --------------------------------------------------------------------


def waiting_peer() -> Peer:
    peer = Peer(acknowledge_within=0.001)
    for _ in range(4):
        peer.qp.post_recv(RecvWR(memoryview(bytearray(64))))
    return peer


def test_the_acknowledgement_of_a_message_rides_with_the_answer() -> None:
    peer = waiting_peer()
    assert peer.send("SEND_ONLY", 10, payload=b"call", ask=True) == []
    peer.qp.post_send(SendWR(WrOpcode.SEND, [memoryview(b"answer")]))
    assert names(peer.collect()) == ["SEND_ONLY", "ACKNOWLEDGE"]
    peer.acknowledge(100)
    assert peer.end.engine.next_timeout() is None


def test_it_goes_by_itself_when_no_answer_comes() -> None:
    peer = waiting_peer()
    assert peer.send("SEND_ONLY", 10, payload=b"call", ask=True) == []
    assert peer.end.engine.next_timeout() == pytest.approx(peer.now + 0.001)
    (packet,) = peer.wait()
    assert (names([packet]), packet.bth.psn) == (["ACKNOWLEDGE"], 10)
    assert peer.end.engine.next_timeout() is None


def test_it_goes_behind_an_answer_that_it_cannot_ride_with_if_it_is_nearly_time() -> None:
    peer = waiting_peer()
    for psn, passed, expected in (
        (10, 0.0, ["SEND_FIRST", "SEND_LAST"]),
        (11, 0.0007, ["SEND_FIRST", "SEND_LAST", "ACKNOWLEDGE"]),
    ):
        assert peer.send("SEND_ONLY", psn, payload=b"call", ask=True) == []
        peer.now += passed
        peer.qp.post_send(SendWR(WrOpcode.SEND, [memoryview(bytes(300))]))
        assert names(peer.collect()) == expected


MTU = 4096


@pytest.mark.parametrize(
    ("octets", "writes", "waits"), [(8, False, 15), (20 << 10, False, 3), (8, True, 3)]
)
def test_messages_of_some_length_are_acknowledged_at_once(
    octets: int, writes: bool, waits: int
) -> None:
    peer = Peer(mtu=MTU, acknowledge_within=0.001, access=Access.REMOTE_WRITE)
    for _ in range(waits + 1):
        peer.qp.post_recv(RecvWR(memoryview(bytearray(octets))))
    psn = 10
    for number in range(waits + 1):
        if writes:
            assert peer.send("WRITE_ONLY", psn, Reth(0, 0, 0)) == []
            psn += 1
        for code, part in parts_of(octets):
            ask = code in ("SEND_ONLY", "SEND_LAST")
            answer = peer.send(code, psn, payload=bytes(part), ask=ask)
            assert (answer == []) == (number < waits or not ask)
            psn += 1
    (packet,) = answer
    assert (names([packet]), packet.bth.psn) == (["ACKNOWLEDGE"], psn - 1)


def parts_of(octets: int) -> list[tuple[str, int]]:
    """The packets of a SEND: their opcodes and lengths."""
    if octets <= MTU:
        return [("SEND_ONLY", octets)]
    middles = [("SEND_MIDDLE", MTU)] * (octets // MTU - 2)
    return [("SEND_FIRST", MTU), *middles, ("SEND_LAST", MTU)]


def test_it_waits_on_when_no_packet_may_follow_the_answer() -> None:
    peer = waiting_peer()
    assert peer.send("SEND_ONLY", 10, payload=b"call", ask=True) == []
    for length in (200, 8):
        data = memoryview(bytes(length))
        peer.qp.post_send(SendWR(WrOpcode.SEND, [data], signaled=False))
    assert names(peer.collect()) == ["SEND_ONLY", "SEND_ONLY"]
    assert names(peer.wait()) == ["ACKNOWLEDGE"]


def test_a_nak_does_not_wait() -> None:
    peer = waiting_peer()
    assert peer.send("SEND_ONLY", 10, payload=b"one", ask=True) == []
    (packet,) = peer.send("SEND_ONLY", 12, payload=b"three", ask=True)
    assert syndrome(packet) == 0x60


@pytest.mark.parametrize("end", ["fail", "destroy"])
def test_what_waits_goes_before_the_end(end: str) -> None:
    peer = waiting_peer()
    assert peer.send("SEND_ONLY", 10, payload=b"call", ask=True) == []
    if end == "fail":
        peer.qp.fail("over")
    else:
        peer.end.engine.destroy_queue_pair(peer.qp)
    assert names(peer.collect()) == ["ACKNOWLEDGE"]
