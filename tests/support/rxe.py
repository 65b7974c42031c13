"""What Linux's soft-RoCE (rxe) does as a responder, in as far as a requester notices it.

Written down from its behaviour on the wire: a READ is found again by any of its numbers, but only
what begins no earlier than its latest repetition is answered; the rest is dropped without a word.
A gap is refused once. What acknowledges a duplicate names no READ.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from random import Random

from tests.support.roce import Peer

from nfsrdma.rpcrdma.roce.wire.headers import Aeth, Header, Packet, Reth
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES
from nfsrdma.rpcrdma.roce.wire.psn import distance

ACK, NAK_SEQUENCE = 0x1F, 0x60
PSNS = 1 << 24


@dataclass
class Resource:
    """A READ that is remembered. ``address`` moves with every repetition."""

    first: int
    last: int
    address: int
    length: int
    rkey: int


class Responder:
    """Answers the packets of one requester. SENDs and WRITEs are only counted."""

    def __init__(self, memory: bytes, psn: int, mtu: int, resources: int) -> None:
        self.memory = memory
        self.psn = psn
        self.mtu = mtu
        self.executed: list[int] = []
        """The numbers of the SEND and WRITE packets that were carried out."""
        self.dropped = 0
        """READ requests that it does not answer."""
        self._acknowledged = psn
        self._refused = False
        self._resources: deque[Resource] = deque(maxlen=resources)

    def handle(self, packet: Packet) -> list[tuple[str, int, tuple[Header, ...], bytes]]:
        """The answers: opcode, number, headers, payload."""
        psn, reads = packet.bth.psn, OPCODES[packet.bth.opcode].name == "READ_REQUEST"
        ahead = distance(psn, self.psn)
        if ahead > 0:
            refused, self._refused = self._refused, True
            return [] if refused else [("ACKNOWLEDGE", self.psn, (Aeth(NAK_SEQUENCE, 0),), b"")]
        if ahead < 0:
            return self._repeat(packet) if reads else [self._ack(self._acknowledged - 1)]
        self._refused = False
        if reads:
            reth = packet.headers[0]
            assert isinstance(reth, Reth)
            count = max(1, -(-reth.length // self.mtu))
            self._resources.append(
                Resource(psn, psn + count - 1, reth.address, reth.length, reth.rkey)
            )
            self.psn = (psn + count) % PSNS
            return self._read(psn, True, reth)
        self.executed.append(psn)
        self.psn = self._acknowledged = (psn + 1) % PSNS
        return [self._ack(psn)] if packet.bth.ack_request else []

    def _ack(self, psn: int) -> tuple[str, int, tuple[Header, ...], bytes]:
        return "ACKNOWLEDGE", psn % PSNS, (Aeth(ACK, 0),), b""

    def _repeat(self, packet: Packet) -> list[tuple[str, int, tuple[Header, ...], bytes]]:
        psn, reth = packet.bth.psn, packet.headers[0]
        assert isinstance(reth, Reth)
        for one in self._resources:
            if distance(psn, one.first) >= 0 >= distance(psn, one.last % PSNS):
                end = one.address + one.length
                if (
                    reth.address < one.address
                    or reth.length > one.length
                    or reth.address + reth.length > end
                    or reth.rkey != one.rkey
                ):
                    break
                one.address = reth.address  # but not one.length
                return self._read(psn, psn == one.first, reth)
        self.dropped += 1
        return []

    def _read(
        self, psn: int, begins: bool, reth: Reth
    ) -> list[tuple[str, int, tuple[Header, ...], bytes]]:
        count = max(1, -(-reth.length // self.mtu))
        answers: list[tuple[str, int, tuple[Header, ...], bytes]] = []
        for index in range(count):
            start = index * self.mtu
            payload = self.memory[reth.address + start :][: min(self.mtu, reth.length - start)]
            ends = index == count - 1
            if begins and index == 0:
                name = "ONLY" if ends else "FIRST"
            else:
                name = "LAST" if ends else "MIDDLE"
            headers: tuple[Header, ...] = () if name == "MIDDLE" else (Aeth(ACK, 0),)
            answers.append((f"READ_RESPONSE_{name}", (psn + index) % PSNS, headers, payload))
        return answers


class Wire:
    """A ``Peer`` whose other end is a ``Responder``, with loss, in virtual time."""

    def __init__(self, peer: Peer, responder: Responder, rng: Random, loss: float) -> None:
        self.peer = peer
        self.responder = responder
        self.delay = 0.0005
        self.busy_until = 0.0
        """Until then the responder looks at nothing."""
        self.asked: list[tuple[int, Reth]] = []
        """The READ requests that were sent."""
        self._rng = rng
        self._loss = loss
        self._queue: list[tuple[float, int, Packet, bool]] = []
        self._serial = 0

    def step(self) -> bool:
        """Everything that can happen now, then one arrival or timeout; false if all is quiet."""
        peer = self.peer
        for packet in peer.collect():
            if isinstance(packet.headers[0] if packet.headers else None, Reth):
                reth = packet.headers[0]
                assert isinstance(reth, Reth)
                self.asked.append((packet.bth.psn, reth))
            self._put(packet, outward=True)
        due = peer.end.engine.next_timeout()
        arrival = self._queue[0][0] if self._queue else None
        if arrival is None and due is None:
            return False
        if arrival is None or (due is not None and due < arrival):
            assert due is not None
            peer.now = max(peer.now, due)
            peer.end.engine.handle_timeout(peer.now)
            return True
        _, _, packet, outward = heapq.heappop(self._queue)
        peer.now = max(peer.now, arrival)
        if not outward:
            peer.inject(peer.octets(packet))
            return True
        if peer.now < self.busy_until:
            self._serial += 1
            heapq.heappush(self._queue, (self.busy_until, self._serial, packet, True))
            return True
        for name, psn, headers, payload in self.responder.handle(packet):
            self._put(peer.packet(name, psn, *headers, payload=payload), outward=False)
        return True

    def _put(self, packet: Packet, *, outward: bool) -> None:
        if self._rng.random() >= self._loss:
            self._serial += 1
            when = self.peer.now + self.delay
            heapq.heappush(self._queue, (when, self._serial, packet, outward))
