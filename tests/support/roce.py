"""For tests of the RoCE engine: two engines on a faulty link, and a peer that says what it is told.

Time is virtual and everything random comes from one seed, so a failure is replayed by its seed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from nfsrdma.rpcrdma.roce.engine.engine import Engine
from nfsrdma.rpcrdma.roce.engine.queue_pair import QueuePair
from nfsrdma.rpcrdma.roce.engine.tuning import Tuning
from nfsrdma.rpcrdma.roce.packets.burst import Burst
from nfsrdma.rpcrdma.roce.wire.headers import Address, Aeth, Bth, Header, Packet
from nfsrdma.rpcrdma.roce.wire.icrc import Flow
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES
from nfsrdma.rpcrdma.verbs.types import WC, Access, QpOptions, QpState

REMOTE = Access.LOCAL_WRITE | Access.REMOTE_WRITE | Access.REMOTE_READ
IPV4 = (("10.0.0.1", 4791), ("10.0.0.2", 4791))
IPV6 = (("fd00::1", 4791), ("fd00::2", 4791))


class End:
    """An engine with one queue pair, completion queues and a protection domain."""

    def __init__(
        self,
        seed: int,
        *,
        tuning: Tuning | None = None,
        gso: bool = True,
        options: QpOptions | None = None,
    ) -> None:
        self.engine = Engine(rng=Random(seed), gso=gso, tuning=tuning)
        self.pd = self.engine.create_pd()
        self.send_cq = self.engine.create_cq(1024)
        self.recv_cq = self.engine.create_cq(1024)
        options = options or QpOptions(access=int(REMOTE))
        self.qp = self.engine.create_queue_pair(self.pd, self.send_cq, self.recv_cq, options)
        self.errors: list[str] = []
        self.qp.on_error = self.errors.append

    def sent(self) -> list[WC]:
        return self.send_cq.poll(1 << 20)

    def received(self) -> list[WC]:
        return self.recv_cq.poll(1 << 20)


def raise_queue_pair(
    qp: QueuePair,
    local: Address,
    remote: Address,
    remote_qpn: int,
    *,
    send_psn: int = 0,
    receive_psn: int = 0,
    mtu: int = 1024,
    depth: int = 16,
    resources: int = 16,
    retry_count: int = 7,
    rnr_retry_count: int = 7,
) -> None:
    """INIT to RTS."""
    qp.ready_to_receive(
        local=local,
        remote=remote,
        remote_qpn=remote_qpn,
        receive_psn=receive_psn,
        path_mtu=mtu,
        responder_resources=resources,
    )
    qp.ready_to_send(
        send_psn=send_psn,
        initiator_depth=depth,
        retry_count=retry_count,
        rnr_retry_count=rnr_retry_count,
    )


@dataclass(frozen=True)
class Faults:
    """Probabilities, per packet."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    corruption: float = 0.0

    def any(self) -> bool:
        return bool(self.loss or self.duplication or self.reordering or self.corruption)


def split(burst: Burst) -> list[bytes]:
    """The packets of a burst."""
    return list(burst.each())


class Pair:
    """Two connected ends and the link between them."""

    def __init__(
        self,
        seed: int = 1,
        *,
        mtu: int = 1024,
        faults: Faults | None = None,
        addresses: tuple[Address, Address] = IPV4,
        tuning: Tuning | None = None,
        gso: bool = True,
        options: QpOptions | None = None,
        depth: int = 16,
        resources: int = 16,
        psns: tuple[int, int] = (0xFFFFF0, 0x7FFFF8),
        retry_count: int = 7,
        rnr_retry_count: int = 7,
    ) -> None:
        self.rng = Random(seed)
        self.faults = faults or Faults()
        self.now = 100.0
        self.delay = 0.0001
        self.drop: Callable[[Packet], bool] | None = None
        """Asked for every packet; true loses it."""
        self.together = 1
        """How many bursts may arrive at once."""
        self.seen: list[Packet] = []
        self.a = End(seed * 2 + 1, tuning=tuning, gso=gso, options=options)
        self.b = End(seed * 2 + 2, tuning=tuning, gso=gso, options=options)
        self.ends = {addresses[0]: self.a, addresses[1]: self.b}
        self._queue: list[tuple[float, int, bytes, int, Address, Address]] = []
        self._serial = 0
        for one, other, (local, remote), (mine, theirs) in (
            (self.a, self.b, addresses, psns),
            (self.b, self.a, addresses[::-1], psns[::-1]),
        ):
            raise_queue_pair(
                one.qp,
                local,
                remote,
                other.qp.number,
                send_psn=mine,
                receive_psn=theirs,
                mtu=mtu,
                depth=depth,
                resources=resources,
                retry_count=retry_count,
                rnr_retry_count=rnr_retry_count,
            )

    def carry(self, burst: Burst) -> None:
        """Put bursts on the link, with its faults."""
        for single in burst.singles():
            self._carry(single)

    def _carry(self, burst: Burst) -> None:
        packets = split(burst)
        for octets in packets:
            self.seen.append(Packet.parse(memoryview(octets)))
        if not self.faults.any() and self.drop is None:
            self._put(b"".join(packets), burst.segment_size, burst, self.delay)
            return
        rng, faults = self.rng, self.faults
        for octets in packets:
            if rng.random() < faults.loss:
                continue
            if self.drop is not None and self.drop(Packet.parse(memoryview(octets))):
                continue
            copies = 2 if rng.random() < faults.duplication else 1
            for _ in range(copies):
                sent = bytearray(octets)
                if rng.random() < faults.corruption:
                    sent[rng.randrange(len(sent))] ^= 1 << rng.randrange(8)
                late = rng.random() * 0.002 if rng.random() < faults.reordering else 0.0
                self._put(bytes(sent), len(sent), burst, self.delay + late)

    def _put(self, octets: bytes, segment_size: int, burst: Burst, delay: float) -> None:
        self._serial += 1
        entry = (self.now + delay, self._serial, octets, segment_size)
        heapq.heappush(self._queue, (*entry, burst.source, burst.destination))

    def step(self) -> bool:
        """Everything that can happen now, then one arrival or timeout; false if all is quiet."""
        for end in self.ends.values():
            while burst := end.engine.poll_transmit(self.now):
                self.carry(burst)
            end.engine.deliver()
        timeouts = [due for end in self.ends.values() if (due := end.engine.next_timeout())]
        arrival = self._queue[0][0] if self._queue else None
        if arrival is None and not timeouts:
            return any(end.qp.scheduled for end in self.ends.values())
        if arrival is not None and (not timeouts or arrival <= min(timeouts)):
            self._arrive(self.rng.randint(1, self.together) if self.together > 1 else 1)
        else:
            self.now = max(self.now, min(timeouts))
            for end in self.ends.values():
                end.engine.handle_timeout(self.now)
        return True

    def _arrive(self, most: int) -> None:
        """Hand over what arrives next, and up to ``most`` bursts that follow it in its direction.

        Over buffers that are overwritten afterwards, as a real receiver's would be.
        """
        way = self._queue[0][4:]
        buffers: list[tuple[bytearray, int]] = []
        while self._queue and self._queue[0][4:] == way and len(buffers) < most:
            when, _, octets, segment_size, *_ = heapq.heappop(self._queue)
            self.now = max(self.now, when)
            buffers.append((bytearray(octets), segment_size))
        engine = self.ends[way[1]].engine
        bursts = [(memoryview(buffer), size) for buffer, size in buffers]
        if most == 1:
            engine.handle_burst(*bursts[0], *way, self.now)
        else:
            engine.handle_bursts(bursts, *way, self.now)
        for buffer, _ in buffers:
            buffer[:] = b"\xdd" * len(buffer)

    def run(self, most: int = 200_000) -> None:
        """Until all is quiet."""
        for _ in range(most):
            if not self.step():
                return
        raise AssertionError("the link never came to rest")


class Peer:
    """A scripted peer of one ``End``: sends the packets it is told to, collects what comes."""

    here, there = IPV4
    QPN = 0x4242

    def __init__(
        self,
        *,
        mtu: int = 256,
        access: int = int(REMOTE),
        expect_psn: int = 10,
        send_psn: int = 100,
        resources: int = 4,
        depth: int = 4,
        retry_count: int = 7,
        rnr_retry_count: int = 7,
        tuning: Tuning | None = None,
        acknowledge_within: float = 0.0,
    ) -> None:
        self.now = 50.0
        # What the end owes is seen at once, unless a test is about when it goes.
        tuning = replace(tuning or Tuning(), acknowledge_within=acknowledge_within)
        self.end = End(9, options=QpOptions(access=access), tuning=tuning)
        self.qp = self.end.qp
        raise_queue_pair(
            self.qp,
            self.here,
            self.there,
            self.QPN,
            send_psn=send_psn,
            receive_psn=expect_psn,
            mtu=mtu,
            resources=resources,
            depth=depth,
            retry_count=retry_count,
            rnr_retry_count=rnr_retry_count,
        )
        self._flow = Flow(self.there, self.here)

    def octets(self, packet: Packet) -> bytes:
        """On the wire, with the right pad and ICRC."""
        pad = -len(packet.payload) & 3
        built = replace(packet, bth=replace(packet.bth, pad=pad or packet.bth.pad)).build()
        return built + self._flow.icrc(built).to_bytes(4, "little")

    def packet(
        self,
        opcode: str,
        psn: int,
        *headers: Header,
        payload: bytes = b"",
        ask: bool = False,
        pad: int = 0,
    ) -> Packet:
        code = next(row.code for row in OPCODES.values() if row.name == opcode)
        bth = Bth(code, self.qp.number, psn, pad=pad, ack_request=ask)
        return Packet(bth, headers, payload)

    def inject(self, *packets: bytes, source: Address | None = None) -> None:
        """Let the end receive octets, each in a receive call of its own."""
        for octets in packets:
            view = memoryview(bytearray(octets))
            self.end.engine.handle_burst(
                view, len(octets), source or self.there, self.here, self.now
            )

    def inject_burst(self, packets: Sequence[Packet]) -> None:
        """Let the end receive packets of one size in one receive call."""
        octets = [self.octets(packet) for packet in packets]
        view = memoryview(bytearray(b"".join(octets)))
        self.end.engine.handle_burst(view, len(octets[0]), self.there, self.here, self.now)

    def send(
        self,
        opcode: str,
        psn: int,
        *headers: Header,
        payload: bytes = b"",
        ask: bool = False,
        pad: int = 0,
    ) -> list[Packet]:
        """Send one packet; what the end transmits then."""
        packet = self.packet(opcode, psn, *headers, payload=payload, ask=ask, pad=pad)
        self.inject(self.octets(packet))
        return self.collect()

    def acknowledge(self, psn: int, syndrome: int = 0x1F) -> list[Packet]:
        return self.send("ACKNOWLEDGE", psn, Aeth(syndrome, 0))

    def collect(self) -> list[Packet]:
        """What the end transmits now."""
        found: list[Packet] = []
        while burst := self.end.engine.poll_transmit(self.now):
            assert burst.destination == self.there
            found.extend(Packet.parse(memoryview(octets)) for octets in split(burst))
        self.end.engine.deliver()
        return found

    def wait(self) -> list[Packet]:
        """Jump to the next deadline; what the end transmits then."""
        due = self.end.engine.next_timeout()
        assert due is not None, "no deadline"
        self.now = max(self.now, due)
        self.end.engine.handle_timeout(self.now)
        return self.collect()

    @property
    def state(self) -> QpState:
        return self.qp.state


def names(packets: Sequence[Packet]) -> list[str]:
    return [OPCODES[packet.bth.opcode].name for packet in packets]


def syndrome(packet: Packet) -> int:
    """The syndrome of an acknowledgement."""
    (header,) = packet.headers
    assert isinstance(header, Aeth)
    return header.syndrome
