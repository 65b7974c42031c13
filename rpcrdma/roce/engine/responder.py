"""The responder: the peer's requests, carried out once and in order.

``expected`` is the sequence of the next request packet. What comes before it is a duplicate: it is
acknowledged again, a READ is answered again from ``_resources``, and nothing is carried out twice.
What comes after it is refused with one NAK that names ``expected``.

Answers leave in the order of the requests: READ responses wait in ``outbox``, and an
acknowledgement only goes out when that is empty, because it would tell the peer that the responses
before it were lost. At most one acknowledgement or NAK is due at a time: a later one says more.
The acknowledgement of a SEND waits a moment (``deadline``) for a message of ours, its answer as a
rule, to ride with: a packet by itself costs both sides as much as a message. That of the sixteenth
SEND goes at once, or of the fourth if they are long or follow RDMA WRITEs, whose memory the peer
wants back; and so does any other.

What comes next in a message, and how long it may be, is read from the tables of ``opcode``.
"""

from __future__ import annotations

from collections import deque
from struct import Struct

from ...verbs.types import WC, Access, RecvWR, WcOpcode, WcStatus
from ..packets.burst import BurstBuilder
from ..packets.kernel import place
from ..packets.run import Run
from ..packets.twin import Last
from ..wire.headers import (
    ACK,
    BTH,
    NAK_INVALID_REQUEST,
    NAK_REMOTE_ACCESS,
    NAK_SEQUENCE,
    PAD_SHIFT,
    RETH,
    RNR_NAK,
)
from ..wire.opcode import (
    ACKNOWLEDGE,
    BTH_OCTETS,
    ICRC_OCTETS,
    LEGAL_NEXT,
    OPCODES,
    READ_REQUEST,
    READ_RESPONSE_FIRST,
    READ_RESPONSE_LAST,
    READ_RESPONSE_MIDDLE,
    READ_RESPONSE_ONLY,
    Kind,
    Position,
    payload_bounds,
)
from ..wire.psn import MASK, unwrap
from .memory import MemoryRegion
from .shared import SharedState

_WORD = Struct(">I")
_ACK_HEADER = Struct(">QII")
"""BTH and AETH."""
_AETH_OCTETS = _WORD.size
_ACK_OCTETS = BTH_OCTETS + _AETH_OCTETS + ICRC_OCTETS
_PATIENCE = 16
_SHORT = 14
"""Packets for which no train is worth a thought."""
_LONG = 16384
_WEIGHT_OF_LONG = 5
_SOON_S = 0.0005
_REMOTE_READ, _REMOTE_WRITE = int(Access.REMOTE_READ), int(Access.REMOTE_WRITE)
_SUCCESS = WcStatus.SUCCESS
# Looking up a member of an enumeration takes a quarter of a microsecond (Python 3.11).
_SEND, _WRITE, _READ = Kind.SEND, Kind.WRITE, Kind.READ_REQUEST
_RECV = WcOpcode.RECV


class _Row:
    """The fields of an ``opcode.Opcode`` that the responder needs, as plain attributes."""

    __slots__ = ("begins", "ends", "header", "immediate", "invalidates", "kind")

    def __init__(self, code: int) -> None:
        row = OPCODES[code]
        self.kind = row.kind
        self.header = row.header_octets
        self.begins = bool(row.position & Position.FIRST)
        self.ends = bool(row.position & Position.LAST)
        self.immediate = "ImmDt" in row.headers
        self.invalidates = "IETH" in row.headers


_ROWS = {code: _Row(code) for code in OPCODES}


class ReadResource:
    """An RDMA READ request that was granted: sequences ``first`` to ``end``."""

    __slots__ = (
        "address",
        "answered",
        "begin",
        "end",
        "first",
        "length",
        "msn",
        "next",
        "queued",
        "region",
        "stop",
    )

    def __init__(
        self, region: MemoryRegion | None, address: int, length: int, first: int, end: int, msn: int
    ) -> None:
        self.region = region
        """``None`` for a READ of no octets."""
        self.address = address
        self.length = length
        self.first = first
        self.end = end
        self.msn = msn
        self.begin = self.next = first
        """The first sequence of the answer under way, and the next one to send."""
        self.stop = end
        self.queued = False
        self.answered = False
        """Whether all of it has been sent once."""


class Responder:
    """The receiving half of a queue pair. ``start`` is called once, at RTR."""

    def __init__(self, qp: SharedState) -> None:
        self._qp = qp
        self.receives = qp.receives
        self.expected = 0
        self._acknowledged = 0
        """The last packet that an acknowledgement may name: of a SEND or WRITE, never of a READ."""
        self.msn = 0
        self._bounds: dict[int, tuple[int, int]] = {}
        self._rnr_syndrome = RNR_NAK
        self._message: Kind | None = None
        self._receive: RecvWR | None = None
        self._region: MemoryRegion | None = None
        self._placed = 0
        """For a SEND the octets so far; for a WRITE the place of the next octet in the region."""
        self._wrote = False
        """Whether an RDMA WRITE has come since the last SEND."""
        self._length = self._remaining = 0
        """The length of a WRITE, and how much of it is still to come."""
        self._most_resources = 0
        self._resources: deque[ReadResource] = deque()
        self.outbox: deque[ReadResource] = deque()
        self.due: tuple[int, int] | None = None
        """Syndrome and sequence of the acknowledgement to be sent."""
        self.deadline: float | None = None
        """When the acknowledgement that is due is sent by itself."""
        self._patience = 0
        """For how many more messages the acknowledgement may wait for a packet to ride with."""
        self._silent = False
        """A NAK has named ``expected``; no other is sent until that packet arrives."""

    def start(self, receive_psn: int, responder_resources: int, rnr_timer: int) -> None:
        """Expect ``receive_psn`` first."""
        self.expected = receive_psn + MASK + 1
        self._acknowledged = self.expected - 1
        self._most_resources = responder_resources
        self._resources = deque(maxlen=max(responder_resources, 1))
        self._bounds = payload_bounds(self._qp.mtu)
        self._rnr_syndrome = RNR_NAK | rnr_timer & 0x1F

    # --- Packets in ---

    def handle(self, run: Run, now: float) -> None:
        """Take request packets."""
        expected = self.expected
        if run.psn != expected & MASK:
            sequence = unwrap(run.psn, expected)
            known = expected - sequence
            if not 0 < known < run.count:
                self._out_of_order(run, sequence)
                return
            self._qp.counters.duplicates += known
            run.drop(known)
        code = run.code
        if code not in LEGAL_NEXT[self._message]:
            self._refuse(NAK_INVALID_REQUEST, f"{OPCODES[code].name} is not what comes next")
            return
        row = _ROWS[code]
        length = run.length
        low, high = self._bounds[code]
        if not low <= length <= high:
            self._refuse(NAK_INVALID_REQUEST, f"{OPCODES[code].name} of {length} octets")
            return
        if self._silent:
            self._speak()
        kind = row.kind
        count = run.count
        if kind is _SEND:
            if run.last is None:
                done = self._send(run, row, length)
            else:
                self.expected += count - 1
                self._acknowledged = self.expected - 1
                count = 1
                row = _ROWS[run.last[-1]]
                done = self._send_whole(run, run.last, row)
        elif kind is _WRITE:
            done = self._write(run, row, length)
        elif kind is _READ:
            self._read(run)
            return
        else:
            self._refuse(NAK_INVALID_REQUEST, "atomic operations are not offered")
            return
        if done:
            self.expected += count
            latest = self._acknowledged = self.expected - 1
            if not run.ask:
                return
            within = self._qp.tuning.acknowledge_within
            if row.ends and kind is _SEND and within:
                self._owe_soon(latest, now + within)
            else:
                self._owe(ACK, latest)

    def takes(self, run: Run) -> bool:
        """Return whether :meth:`handle` takes a whole SEND: only if nothing is odd about it."""
        last, receives = run.last, self.receives
        if (
            last is None
            or run.psn != self.expected & MASK
            or self._message is not None
            or not receives
        ):
            return False
        _, _, _, length, code = last
        low, high = self._bounds[code]
        return (
            low <= length <= high
            and run.length == self._qp.mtu
            and (run.count - 1) * run.length + length <= len(receives[0].buffer)
        )

    def _speak(self) -> None:
        """Send NAKs again: what the last one named has arrived meanwhile."""
        self._silent = False
        if self.due is not None and self.due[0] != ACK:
            self.due = None

    def _out_of_order(self, run: Run, sequence: int) -> None:
        qp = self._qp
        if sequence > self.expected:
            qp.counters.out_of_order += run.count
            if not self._silent:
                self._silent = True
                self._owe(NAK_SEQUENCE, self.expected)
            return
        qp.counters.duplicates += run.count
        if run.code == READ_REQUEST:
            self._replay(sequence, *RETH.unpack_from(run.view, run.offset + BTH_OCTETS))
        elif self.due is None:
            # Repeat the number of the last acknowledgement (IBA, Section 9.7.5). One that named a
            # READ would mean that its responses were lost, or, to soft-RoCE, that it is done.
            self._owe(ACK, self._acknowledged)

    # --- SEND ---

    def _send(self, run: Run, row: _Row, length: int) -> bool:
        """Place SEND packets in the posted receive; return whether they were carried out."""
        if row.begins:
            if not self.receives:
                self._not_ready()
                return False
            self._receive = self.receives.popleft()
            self._placed = 0
            self._message = _SEND
        receive = self._receive
        assert receive is not None, "a message in progress has its receive"
        end = self._placed + run.count * length
        if end > len(receive.buffer):
            self._fail_receive(WcStatus.LOC_LEN_ERR)
            self._refuse(NAK_INVALID_REQUEST, f"{len(receive.buffer)} octets posted are too few")
            return False
        offset = run.offset + row.header
        alone = row.begins and row.ends
        if not alone:
            run.place(row.header, receive.buffer, self._placed)
        self._placed = end
        if not row.ends:
            return True
        shown = run.view[offset : offset + length] if alone else receive.buffer[:end]
        return self._end_send(row, run.view, run.offset, receive, shown, copied=not alone)

    def _send_whole(self, run: Run, last: Last, row: _Row) -> bool:
        """Place a SEND that :meth:`takes`, whose ``last`` packet is a ``row``, as :meth:`_send`."""
        self._receive = receive = self.receives.popleft()
        self._message = _SEND
        view, offset, size, length, _ = last
        before = (run.count - 1) * run.length
        run.place(BTH_OCTETS, receive.buffer, 0)
        place(view, offset + row.header, size, 1, length, receive.buffer, before)
        self._placed = before + length
        return self._end_send(
            row, view, offset, receive, receive.buffer[: self._placed], copied=True
        )

    def _end_send(
        self,
        row: _Row,
        view: memoryview,
        at: int,
        receive: RecvWR,
        shown: memoryview,
        *,
        copied: bool,
    ) -> bool:
        """Show or complete a SEND, ``shown``, whose last packet lies at ``at`` of ``view``.

        ``copied`` tells whether it is in the receive already.
        """
        qp = self._qp
        immediate = invalidated = None
        if row.invalidates:
            (invalidated,) = _WORD.unpack_from(view, at + BTH_OCTETS)
            if not qp.pd.invalidate(invalidated):
                self._refuse(NAK_REMOTE_ACCESS, f"SEND_WITH_INV of the unknown {invalidated:#x}")
                return False
        elif row.immediate:
            (immediate,) = _WORD.unpack_from(view, at + BTH_OCTETS)
        if immediate is None:
            if qp.show(shown, invalidated):
                if qp.failed:
                    return False  # the receive was flushed with the others
                self._receive = self._message = None
                self.msn += 1
                self.receives.appendleft(receive)
                return True
            if qp.failed:
                return False
        if not copied:
            place(shown, 0, len(shown), 1, len(shown), receive.buffer, 0)
        self._receive = self._message = None
        self.msn += 1
        completion = WC(receive.wr_id, _SUCCESS, _RECV, len(shown), immediate, invalidated)
        qp.recv_cq.push(completion)
        return True

    # --- WRITE ---

    def _write(self, run: Run, row: _Row, length: int) -> bool:
        """Place WRITE packets in the region; return whether they were carried out."""
        if row.immediate and not self.receives:
            self._not_ready()
            return False
        if row.begins and not self._begin_write(
            *RETH.unpack_from(run.view, run.offset + BTH_OCTETS)
        ):
            return False
        octets = run.count * length
        remaining = self._remaining - octets
        if remaining < 0 or row.ends != (remaining == 0):
            self._refuse(NAK_INVALID_REQUEST, "an RDMA WRITE is not as long as it said")
            return False
        if octets:
            region = self._region
            if region is None or not region.valid:
                self._refuse(NAK_REMOTE_ACCESS, "an RDMA WRITE's memory was invalidated")
                return False
            run.place(row.header, region.view, self._placed)
            self._placed += octets
        self._remaining = remaining
        if row.ends:
            self._wrote = True
            self._message = None
            self._region = None
            self.msn += 1
            if row.immediate:
                at = run.offset + row.header - _WORD.size
                (immediate,) = _WORD.unpack_from(run.view, at)
                receive = self.receives.popleft()
                opcode = WcOpcode.RECV_RDMA_WITH_IMM
                completion = WC(receive.wr_id, _SUCCESS, opcode, self._length, immediate)
                self._qp.recv_cq.push(completion)
        return True

    def _begin_write(self, address: int, rkey: int, length: int) -> bool:
        qp = self._qp
        if length > qp.max_message:
            self._refuse(NAK_INVALID_REQUEST, f"an RDMA WRITE of {length} octets")
            return False
        self._region = None
        if length:
            region = self._grant(address, rkey, length, _REMOTE_WRITE)
            if region is None:
                return False
            self._region = region
            self._placed = address - region.address
        self._message = _WRITE
        self._length = self._remaining = length
        return True

    def _grant(self, address: int, rkey: int, length: int, access: int) -> MemoryRegion | None:
        """Return the region if the peer may access it so; otherwise refuse the request."""
        qp = self._qp
        if not qp.access & access:
            self._refuse(NAK_INVALID_REQUEST, "this queue pair grants no such access")
            return None
        region = qp.pd.find(rkey)
        if region is None or not region.permits(address, length, access):
            self._refuse(NAK_REMOTE_ACCESS, f"no access to {length} octets under key {rkey:#x}")
            return None
        return region

    # --- READ ---

    def _read(self, run: Run) -> None:
        """Grant an RDMA READ and queue its answer."""
        qp = self._qp
        address, rkey, length = RETH.unpack_from(run.view, run.offset + BTH_OCTETS)
        if len(self.outbox) >= self._most_resources or length > qp.max_message:
            self._refuse(NAK_INVALID_REQUEST, "too many RDMA READs at a time, or too long a one")
            return
        region = None
        if length:
            region = self._grant(address, rkey, length, _REMOTE_READ)
            if region is None:
                return
        first = self.expected
        end = first + (-(-length // qp.mtu) or 1)
        self.msn += 1
        self.expected = end
        resource = ReadResource(region, address, length, first, end, self.msn)
        self._resources.append(resource)
        # The response acknowledges what came before it.
        if self.due is not None and self.due[0] == ACK:
            self.due = self.deadline = None
        self._answer(resource, first, end)

    def _replay(self, sequence: int, address: int, rkey: int, length: int) -> None:
        """Answer an RDMA READ again if it is part of a remembered one."""
        mtu = self._qp.mtu
        end = sequence + (-(-length // mtu) or 1)
        for resource in self._resources:
            region = resource.region
            offset = (sequence - resource.first) * mtu
            if (
                resource.first <= sequence
                and end <= resource.end
                and address == resource.address + offset
                and offset + length <= resource.length
                and (region is None or region.rkey == rkey)
                # Only the last packet of an answer may be short.
                and (end == resource.end) == (offset + length == resource.length)
            ):
                self._qp.counters.replayed_reads += 1
                self._answer(resource, sequence, end)
                return

    def _answer(self, resource: ReadResource, begin: int, stop: int) -> None:
        resource.begin = resource.next = begin
        resource.stop = stop
        if not resource.queued:
            resource.queued = True
            self.outbox.append(resource)
        self._qp.schedule()

    # --- Packets out ---

    def transmit_reads(self, builder: BurstBuilder) -> None:
        """Add READ responses to ``builder``, as many as fit."""
        outbox = self.outbox
        while outbox:
            resource = outbox[0]
            region = resource.region
            if region is not None and not region.valid:
                if not resource.answered:
                    reason = "an RDMA READ's memory was invalidated"
                    self._refuse(NAK_REMOTE_ACCESS, reason, resource.next)
                    return
                # A late duplicate, as a rule: memory is invalidated only after the peer has said
                # that it has the data. So the request is dropped, not refused.
            elif not self._stream(resource, builder):
                return
            resource.answered = True
            resource.queued = False
            outbox.popleft()

    def _stream(self, resource: ReadResource, builder: BurstBuilder) -> bool:
        """Add responses to one READ; return true when the last one was added."""
        qp = self._qp
        mtu = qp.mtu
        region = resource.region
        base = 0 if region is None else resource.address - region.address
        last = resource.stop - 1
        while resource.next <= last:
            at = resource.next
            offset = (at - resource.first) * mtu
            if last - at > _SHORT and not builder.packets and self._train(resource, builder):
                return False
            if resource.begin < at < last:
                assert region is not None, "an answer of several packets has memory"
                count = min(builder.room(mtu + BTH_OCTETS + ICRC_OCTETS), last - at)
                if count <= 0:
                    return False
                head = qp.words[READ_RESPONSE_MIDDLE]
                builder.add_run(head, at, region.view, base + offset, mtu, count, 0)
                resource.next += count
                continue
            length = min(mtu, resource.length - offset)
            pad = -length & 3
            size = _ACK_OCTETS + length + pad
            if not builder.room(size):
                return False
            if at == last:
                code = READ_RESPONSE_ONLY if at == resource.begin else READ_RESPONSE_LAST
            else:
                code = READ_RESPONSE_FIRST
            header = BTH.pack(qp.words[code] | pad << PAD_SHIFT, at & MASK)
            header += _WORD.pack(ACK << 24 | resource.msn & MASK)
            views = () if region is None else (region.view,)
            builder.add(header, views, base + offset, length)
            resource.next += 1
        return True

    def _train(self, resource: ReadResource, builder: BurstBuilder) -> bool:
        """Add several bursts of responses to an empty one; return false if that cannot be."""
        qp, region, at = self._qp, resource.region, resource.next
        assert region is not None, "an answer of several packets has memory"
        mtu = qp.mtu
        code, extension = READ_RESPONSE_MIDDLE, b""
        if at == resource.begin:
            code = READ_RESPONSE_FIRST
            extension = _WORD.pack(ACK << 24 | resource.msn & MASK)
        cuts = builder.cut(mtu, len(extension), resource.stop - 1 - at)
        if not cuts:
            return False
        offset = resource.address - region.address + (at - resource.first) * mtu
        head, middle = qp.words[code], qp.words[READ_RESPONSE_MIDDLE]
        builder.add_train(head, middle, at & MASK, 0, extension, region.view, offset, mtu, cuts)
        resource.next += sum(cuts)
        return True

    def transmit_acknowledgement(self, builder: BurstBuilder, now: float) -> None:
        """Add the acknowledgement that is due, unless READ responses must go before it.

        One that could not ride goes behind what is sent now if the timer would send it soon.
        """
        due = self.due
        if due is None or self.outbox:
            return
        if self._patience and not (builder.packets and builder.open):
            late = self.deadline is not None and self.deadline - now < _SOON_S
            if late and builder.packets:
                self.hurry()
            return
        if not builder.room(_ACK_OCTETS):
            return
        self.due = self.deadline = None
        syndrome, sequence = due
        qp = self._qp
        aeth = syndrome << 24 | self.msn & MASK
        header = _ACK_HEADER.pack(qp.words[ACKNOWLEDGE], sequence & MASK, aeth)
        builder.add(header, (), 0, 0)
        if syndrome == ACK:
            qp.counters.acks_sent += 1
        elif syndrome >> 5 == RNR_NAK >> 5:
            qp.counters.rnr_sent += 1
        else:
            qp.counters.naks_sent += 1

    # --- What goes wrong ---

    def _owe_soon(self, sequence: int, deadline: float) -> None:
        """Owe the acknowledgement of a SEND, which waits for a message of ours if it may."""
        if self.due is None:
            self._patience = _PATIENCE
            self.deadline = deadline
            if not self._qp.watched:
                self._qp.watch()
        self._patience -= _WEIGHT_OF_LONG if self._wrote or self._placed > _LONG else 1
        self._wrote = False
        if self._patience > 0:
            self.due = (ACK, sequence)
        else:
            self._owe(ACK, sequence)

    def _owe(self, syndrome: int, sequence: int) -> None:
        self.due = (syndrome, sequence)
        self._patience = 0
        self._qp.schedule()

    def handle_timeout(self, now: float) -> None:
        """Send the acknowledgement by itself: no packet came for it to ride with."""
        self.deadline = None
        self.hurry()

    def hurry(self) -> None:
        """Send what is due at once."""
        self._patience = 0
        if self.due is not None:
            self._qp.schedule()

    def _not_ready(self) -> None:
        self._silent = True
        self._owe(self._rnr_syndrome, self.expected)

    def _refuse(self, syndrome: int, reason: str, sequence: int | None = None) -> None:
        """Answer with a NAK that ends the connection, and fail."""
        self._owe(syndrome, self.expected if sequence is None else sequence)
        self._qp.break_down(f"refused a request of the peer: {reason}")

    def _fail_receive(self, status: WcStatus) -> None:
        receive = self._receive
        assert receive is not None, "a message in progress has its receive"
        self._receive = None
        self._qp.recv_cq.push(WC(receive.wr_id, status, _RECV))

    def flush(self) -> None:
        """Complete the posted receives as flushed. What is due is still sent, at once."""
        self.hurry()
        self.outbox.clear()
        self._resources.clear()
        self._region = None
        if self._receive is not None:
            self._fail_receive(WcStatus.WR_FLUSH_ERR)
        self._qp.flush_receives()
