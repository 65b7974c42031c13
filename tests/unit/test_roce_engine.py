"""The engine: who is called when, management datagrams, malformed packets, bursts, counters."""

from __future__ import annotations

import gc
from contextlib import nullcontext
from dataclasses import replace
from random import Random

import pytest
from tests.support.roce import IPV4, IPV6, REMOTE, Pair, Peer, names, split

from nfsrdma.rpcrdma.roce.engine.engine import Engine
from nfsrdma.rpcrdma.roce.engine.tuning import Tuning
from nfsrdma.rpcrdma.roce.packets import burst as burst_module
from nfsrdma.rpcrdma.roce.packets.burst import Burst, BurstBuilder
from nfsrdma.rpcrdma.roce.packets.run import Run
from nfsrdma.rpcrdma.roce.wire.headers import Bth, Deth, Packet, Reth
from nfsrdma.rpcrdma.roce.wire.icrc import Flow
from nfsrdma.rpcrdma.roce.wire.opcode import ACKNOWLEDGE
from nfsrdma.rpcrdma.verbs.types import RecvWR, SendWR, WcStatus, WrOpcode


class Manager:
    """A connection manager that writes down what it is told."""

    def __init__(self) -> None:
        self.mads: list[tuple[bytes, object, object, float]] = []
        self.due: float | None = None
        self.timeouts: list[float] = []

    def handle_mad(self, mad: memoryview, source: object, destination: object, now: float) -> None:
        self.mads.append((bytes(mad), source, destination, now))

    def next_timeout(self) -> float | None:
        return self.due

    def handle_timeout(self, now: float) -> None:
        self.timeouts.append(now)
        self.due = None


def deliver(burst: Burst, engine: Engine) -> None:
    view = memoryview(b"".join(burst.buffers))
    engine.handle_burst(view, burst.segment_size, burst.source, burst.destination, 1.0)


# -- management datagrams --------------------------------------------------------------------------


@pytest.mark.parametrize("addresses", [IPV4, IPV6], ids=["IPv4", "IPv6"])
def test_a_management_datagram(addresses: tuple[tuple[str, int], tuple[str, int]]) -> None:
    one, other = Engine(rng=Random(1)), Engine(rng=Random(2))
    other.cm = manager = Manager()
    mad = bytes(range(256))
    one.send_mad(mad, *addresses)
    burst = one.poll_transmit(0.0)
    assert burst is not None
    packet = Packet.parse(memoryview(split(burst)[0]))
    assert (names([packet]), packet.bth.qpn) == (["UD_SEND_ONLY"], 1)
    assert packet.headers == (Deth(0x80010000, 1),)
    # 20 + 8 + 280 = 308 octets over IPv4, as rdma_cm's.
    assert burst.segment_size == 280
    deliver(burst, other)
    assert manager.mads == [(mad, *addresses, 1.0)]
    assert one.poll_transmit(0.0) is None
    assert other.counters.packets_received == one.counters.packets_sent == 1


def test_datagrams_with_another_key_or_without_a_manager() -> None:
    engine = Engine(rng=Random(1))
    flow = Flow(*IPV4)
    for qkey, managed, malformed in ((1, True, 1), (0x80010000, False, 1)):
        engine.cm = manager = Manager() if managed else None
        built = Packet(Bth(0x64, 1, 0), (Deth(qkey, 1),), bytes(256)).build()
        octets = built + flow.icrc(built).to_bytes(4, "little")
        engine.handle_burst(memoryview(octets), len(octets), *IPV4, 0.0)
        assert engine.own_counters.malformed == malformed
        assert manager is None or manager.mads == []


def test_the_backlog_of_datagrams_is_bounded() -> None:
    engine = Engine(rng=Random(1))
    for n in range(2000):
        engine.send_mad(n.to_bytes(4, "big") * 64, *IPV4)
    bursts = []
    while burst := engine.poll_transmit(0.0):
        bursts.append(burst)
    assert len(bursts) == 1024
    assert split(bursts[-1])[0][20:24] == (1999).to_bytes(4, "big")


def test_no_path() -> None:
    with pytest.raises(ValueError):
        Engine(rng=Random(1)).send_mad(bytes(256), ("10.0.0.1", 4791), ("fd00::1", 4791))


def test_the_managers_timeouts() -> None:
    engine = Engine(rng=Random(1))
    engine.cm = manager = Manager()
    assert engine.next_timeout() is None
    manager.due = 5.0
    assert engine.next_timeout() == 5.0
    engine.handle_timeout(4.9)
    assert manager.timeouts == []
    engine.handle_timeout(5.0)
    assert manager.timeouts == [5.0]


# -- who is called when ----------------------------------------------------------------------------


def test_on_ready_is_called_once_until_the_output_is_drained() -> None:
    peer = Peer()
    calls: list[int] = []
    peer.end.engine.on_ready = lambda: calls.append(1)
    peer.qp.post_send(SendWR(WrOpcode.SEND))
    peer.qp.post_send(SendWR(WrOpcode.SEND))
    assert len(calls) == 1
    peer.collect()
    peer.acknowledge(101)
    assert len(calls) == 1, "the driver polls after input anyway"
    peer.qp.post_send(SendWR(WrOpcode.SEND))
    assert len(calls) == 2


def test_handlers_are_called_after_the_input_not_inside_a_verb() -> None:
    peer = Peer()
    engine, cq = peer.end.engine, peer.end.send_cq
    ready: list[int] = []
    taken: list[object] = []
    engine.on_ready = lambda: ready.append(1)
    cq.set_handler(lambda: taken.extend(wc.wr_id for wc in cq.poll(100)))
    peer.qp.post_send(SendWR(WrOpcode.SEND, wr_id=1))
    peer.qp.post_send(SendWR(WrOpcode.SEND, wr_id=2))
    peer.collect()
    peer.acknowledge(101)
    assert taken == [1, 2]
    ready.clear()
    peer.qp.post_send(SendWR(WrOpcode.LOCAL_INV, wr_id=3, rkey=1))
    assert taken == [1, 2]
    assert ready == [1]
    engine.deliver()
    assert taken == [1, 2, 3]


def test_what_a_handler_leaves_is_announced_again() -> None:
    peer = Peer()
    engine, cq = peer.end.engine, peer.end.recv_cq
    taken: list[object] = []
    cq.set_handler(lambda: taken.extend(wc.wr_id for wc in cq.poll(1)))
    for wr_id in range(3):
        peer.qp.post_recv(RecvWR(memoryview(bytearray(1)), wr_id))
    ready: list[int] = []
    engine.on_ready = lambda: ready.append(1)
    peer.qp.fail("flush")
    assert ready == [1]
    for round_ in range(3):
        engine.deliver()
        assert taken == list(range(round_ + 1))
        assert engine.poll_transmit(0.0) is None
    assert ready == [1, 1, 1]
    cq.set_handler(None)


def test_a_handler_set_late_hears_of_what_is_there() -> None:
    peer = Peer()
    engine, cq = peer.end.engine, peer.end.recv_cq
    peer.qp.post_recv(RecvWR(memoryview(bytearray(1))))
    peer.qp.fail("flush")
    calls: list[int] = []
    cq.set_handler(lambda: calls.append(len(cq.poll(9))))
    engine.deliver()
    engine.deliver()
    assert calls == [1]
    assert len(cq) == 0


def test_posting_from_a_handler_goes_out_with_the_acknowledgement() -> None:
    peer = Peer()
    peer.qp.post_recv(RecvWR(memoryview(bytearray(99))))
    cq = peer.end.recv_cq

    def reply() -> None:
        cq.poll(9)
        peer.qp.post_send(SendWR(WrOpcode.SEND, [memoryview(b"the reply")]))

    cq.set_handler(reply)
    packet = peer.packet("SEND_ONLY", 10, payload=b"the call", ask=True)
    peer.inject(peer.octets(packet))
    burst = peer.end.engine.poll_transmit(peer.now)
    assert burst is not None
    packets = [Packet.parse(memoryview(octets)) for octets in split(burst)]
    assert names(packets) == ["SEND_ONLY", "ACKNOWLEDGE"], "one send call for both"
    assert peer.end.engine.poll_transmit(peer.now) is None


def test_close_flushes_everything() -> None:
    pair = Pair()
    pair.a.qp.post_send(SendWR(WrOpcode.SEND))
    pair.a.engine.close()
    assert [wc.status for wc in pair.a.sent()] == [WcStatus.WR_FLUSH_ERR]
    assert pair.a.errors == []


# -- malformed packets -----------------------------------------------------------------------------


def test_everything_wrong_with_a_packet_has_a_counter() -> None:
    peer = Peer()
    engine = peer.end.engine
    flow = Flow(peer.there, peer.here)
    good = peer.packet("SEND_ONLY", 10, payload=b"12345678")

    def counted(built: bytes, *, check: bool = True) -> dict[str, int]:
        before = engine.counters.as_dict()
        peer.inject(built + flow.icrc(built).to_bytes(4, "little") if check else built)
        after = engine.counters.as_dict()
        return {name: after[name] - before[name] for name in after if after[name] != before[name]}

    def altered(**fields: int) -> bytes:
        return replace(good, bth=replace(good.bth, **fields)).build()

    assert counted(b"short", check=False) == {"malformed": 1}
    assert counted(bytes(21), check=False) == {"malformed": 1}
    assert counted(good.build() + bytes(4160)) == {"malformed": 1}
    assert counted(good.build() + b"\0\0\0\0", check=False) == {"icrc_errors": 1}
    assert counted(altered(version=1)) == {"malformed": 1}
    assert counted(altered(pkey=0x1234)) == {"malformed": 1}
    assert counted(altered(opcode=0x15)) == {"malformed": 1}
    assert counted(altered(opcode=0x0C)) == {"malformed": 1}, "no room for a RETH"
    assert counted(altered(qpn=12345)) == {"unknown_queue_pair": 1}
    assert counted(altered(qpn=1)) == {"unknown_queue_pair": 1}, "QP1 takes datagrams only"
    assert counted(altered(qpn=12345, opcode=0x81)) == {"unexpected": 1}, "a congestion notice"
    assert counted(altered(opcode=0x64)) == {"unexpected": 1}, "a datagram for a connection"
    engine.handle_burst(memoryview(b"x" * 32), 32, ("nowhere", 1), peer.here, 0.0)
    engine.handle_burst(memoryview(b"x" * 32), 0, peer.there, peer.here, 0.0)
    assert engine.own_counters.malformed >= 8
    assert peer.collect() == []
    assert "malformed=" in repr(engine.counters)
    assert counted(altered(pkey=0x7FFF))["packets_received"] == 1, "a limited member"


def test_known_identifications_are_held_to() -> None:
    peer = Peer()
    engine = peer.end.engine
    flow = Flow(peer.there, peer.here)
    for psn in (10, 11):
        peer.qp.post_recv(RecvWR(memoryview(bytearray(4))))
        built = peer.packet("SEND_ONLY", psn).build()
        octets = memoryview(built + flow.icrc(built, 700).to_bytes(4, "little"))
        known = 700 if psn == 10 else 701
        engine.handle_burst(octets, len(octets), peer.there, peer.here, 0.0, [known])
    assert engine.own_counters.icrc_errors == 1
    assert len(peer.end.received()) == 1


def test_made_up_addresses_do_not_fill_the_memory() -> None:
    engine = Engine(rng=Random(1))
    for port in range(3000):
        engine.handle_burst(memoryview(bytes(32)), 32, ("10.0.0.9", port), ("10.0.0.1", 4791), 0.0)
    assert len(engine._flows) <= 256


def test_a_burst_of_very_many_tiny_packets() -> None:
    peer = Peer()
    peer.qp.post_send(SendWR(WrOpcode.SEND))
    peer.collect()
    ack = peer.octets(peer.packet("CNP", 0))
    view = memoryview(ack * 4000)
    peer.end.engine.handle_burst(view, len(ack), peer.there, peer.here, 0.0)
    assert peer.end.engine.own_counters.icrc_errors == 0
    assert peer.qp.counters.unexpected == 4000


def test_the_input_is_not_kept() -> None:
    peer = Peer()
    peer.qp.post_recv(RecvWR(memoryview(bytearray(64))))
    region = peer.end.pd.register(memoryview(bytearray(600)), REMOTE)
    for packet in (
        peer.packet("SEND_ONLY", 10, payload=b"x" * 8),
        peer.packet("WRITE_FIRST", 11, Reth(region.address, region.rkey, 600), payload=b"y" * 256),
    ):
        buffer = bytearray(peer.octets(packet))
        view = memoryview(buffer)
        peer.end.engine.handle_burst(view, len(buffer), peer.there, peer.here, 0.0)
        view.release()
        gc.collect()
        buffer.append(0)  # BufferError if a view of it is alive


# -- bursts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mtu", [256, 1024, 4096])
@pytest.mark.parametrize("gso", [True, False])
def test_bursts_are_what_one_send_call_takes(mtu: int, gso: bool) -> None:
    pair = Pair(mtu=mtu, gso=gso)
    region = pair.b.pd.register(memoryview(bytearray(1 << 18)), REMOTE)
    data = pair.rng.randbytes(1 << 18)
    seen: list[Burst] = []
    carry = pair.carry

    def spy(burst: Burst) -> None:
        seen.append(burst)
        carry(burst)

    pair.carry = spy  # type: ignore[method-assign]
    for opcode in (WrOpcode.RDMA_WRITE, WrOpcode.RDMA_READ):
        request = SendWR(opcode, [memoryview(bytearray(data))])
        request.remote_address, request.rkey = region.address, region.rkey
        pair.a.qp.post_send(request)
    pair.run()
    assert [wc.status for wc in pair.a.sent()] == [0, 0]
    assert region.view == data
    assert max(len(burst.singles()) for burst in seen) == (
        {256: 7, 1024: 3, 4096: 3}[mtu] if gso else 1
    )
    singles = [single for burst in seen for single in burst.singles()]
    for burst in singles:
        octets = sum(map(len, burst.buffers))
        assert octets <= 65507
        assert burst.packets <= (64 if gso else 1)
        assert -(-octets // burst.segment_size) == burst.packets
    most = {256: 64, 1024: 62, 4096: 15}[mtu]
    assert max(burst.packets for burst in singles) == (most if gso else 1)


@pytest.mark.parametrize("opcode", [WrOpcode.SEND, WrOpcode.RDMA_WRITE, WrOpcode.RDMA_READ])
def test_a_train_has_the_same_packets(opcode: WrOpcode, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the copied rest of a message: as without them, in the same order, and nothing is lost."""
    seen: list[list[Packet]] = []
    for most in (0, 4):
        monkeypatch.setattr(burst_module, "_MOST_BURSTS", most)
        monkeypatch.setattr(burst_module, "_MOST_MORE", 2 * most)
        monkeypatch.setattr(burst_module, "MOST_COPIED", 5120 * most)
        pair = Pair(mtu=256)
        data = pair.rng.randbytes((1 << 17) + 70)
        region = pair.b.pd.register(memoryview(bytearray(data)), REMOTE)
        sink = memoryview(bytearray(data))
        pair.b.qp.post_recv(RecvWR(memoryview(bytearray(1 << 18))))
        request = SendWR(opcode, [sink], remote_address=region.address, rkey=region.rkey)
        pair.a.qp.post_send(request)
        pair.run()
        assert [wc.status for wc in pair.a.sent()] == [0]
        assert sink == region.view == data
        assert pair.a.qp.counters.retransmitted == 0
        seen.append([packet for packet in pair.seen if packet.bth.opcode != ACKNOWLEDGE])
    plain, trains = (
        [(each.bth.opcode, each.bth.psn, each.headers, each.payload) for each in one]
        for one in seen
    )
    assert len(plain) > 512
    assert plain == trains


@pytest.mark.parametrize("faulty", [False, True])
def test_a_long_answer_is_sent_before_the_rest_is_handled(faulty: bool) -> None:
    """Also if sending fails: that is raised when everything has been handled."""
    peer = Peer()
    engine, qp = peer.end.engine, peer.end.qp
    happened: list[str] = []

    def prompt(message: memoryview) -> bool:
        happened.append("handled")
        qp.put((bytes(10 if message == b"ping" else 10000),))
        return True

    def send() -> None:
        happened.append("sent")
        while engine.poll_transmit(peer.now) is not None:
            pass
        if faulty:
            raise RuntimeError("no network")

    qp.prompt = prompt
    engine.send_early = send
    for _ in range(5):
        qp.post_recv(RecvWR(memoryview(bytearray(64))))
    calls = (b"ping", b"read", b"ping", b"read", b"read")
    octets = [peer.octets(peer.packet("SEND_ONLY", 10 + i, payload=calls[i])) for i in range(5)]
    bursts = [(memoryview(each), len(each)) for each in octets]
    with pytest.raises(RuntimeError) if faulty else nullcontext():
        engine.handle_bursts(bursts, peer.there, peer.here, peer.now)
    # Short answers wait for company, and what the last one is answered for the turn that follows.
    assert happened == ["handled", "handled", "sent", "handled", "handled", "sent", "handled"]


def test_middle_packets_of_several_bursts_are_one_run() -> None:
    """Their payloads are placed at once; known ones are dropped, wherever they lie."""
    views = [memoryview(bytes((each,)) * 60) for each in range(4)]
    for known in range(6):
        rest = [(views[1], 0, 1), (views[2], 0, 3)]
        run = Run(17, 0x07, 100, True, views[0], 20, 20, 2, 6, 3, rest)
        if known:
            run.drop(known)
        assert (run.psn, run.count) == (100 + known, 6 - known)
        sink = bytearray(b"." * 20)
        run.place(12, memoryview(sink), 1)
        left = (b"\0" * 6 + b"\1" * 3 + b"\2" * 9)[3 * known :]
        assert sink == b"." + left + b"." * (19 - len(left))
        assert sum(count for _, _, count in run.parts) == run.count


@pytest.mark.parametrize("gap", [False, True])
def test_what_goes_on_in_the_next_burst_is_handled_at_once(gap: bool) -> None:
    peer = Peer()
    region = peer.end.pd.register(memoryview(bytearray(256 * 6)), REMOTE)
    names = ["WRITE_FIRST", *["WRITE_MIDDLE"] * 4, "WRITE_LAST"]
    octets = []
    for index, name in enumerate(names):
        reth = (Reth(region.address, region.rkey, 256 * 6),) if not index else ()
        psn = 10 + index + (gap and index > 3)
        packet = peer.packet(name, psn, *reth, payload=bytes((index + 65,)) * 256)
        octets.append(peer.octets(packet))
    handled: list[int] = []
    receive = peer.end.qp.receive

    def spy(run: Run, flow: Flow, now: float) -> None:
        handled.append(run.count)
        receive(run, flow, now)

    peer.end.qp.receive = spy  # type: ignore[method-assign]
    bursts = [(memoryview(each), len(each)) for each in octets]
    peer.end.engine.handle_bursts(bursts, peer.there, peer.here, 0.0)
    assert handled == ([1, 3, 1, 1] if gap else [1, 4, 1])
    assert bytes(region.view) == (
        b"".join(bytes((65 + i,)) * 256 for i in range(4)) + bytes(512) if gap
        else b"".join(bytes((65 + i,)) * 256 for i in range(6))
    )  # fmt: skip


def test_a_shorter_packet_closes_a_burst() -> None:
    builder = BurstBuilder(Flow(*IPV4), 64, 65507)
    header = Bth(0x04, 5, 6).build()
    assert builder.room(1000) == 64
    builder.add(header, (memoryview(bytes(84)),), 0, 84)
    assert (builder.room(104), builder.room(100), builder.room(96)) == (0, 63, 1)
    builder.add(header, (memoryview(bytes(80)),), 0, 80)
    assert (builder.room(100), builder.room(96), builder.room(20)) == (0, 0, 0)


def test_the_defaults_fit_an_ordinary_socket() -> None:
    assert Tuning().flight_octets < 212_992
    assert Tuning().read_octets % 4096 == 0
