"""The requester: the send queue and the packets it becomes.

Every work request owns a range of *sequences* (``psn``), one for each packet that it sends, or for
a READ one for each response packet that it expects. So a sequence tells the work request and the
offset in its data, and going back N is setting ``next`` back:

          sent (deque)              pending (deque)
    [ WRITE ][ READ  ][ SEND ][ WRITE      ][ SEND ] ...
       ^                          ^                  ^
       una                        next               tail         (high: the furthest next has been)

``sent`` holds the requests wholly before ``next``, ``pending`` the others; a LOCAL_INV owns an
empty range. ``flight`` keeps the positions, and what is in flight in octets; ``retry`` says when to
go back and when to give up; ``window`` how much may be in flight.

A READ work request goes out as several READ requests of bounded length, so that the responses do
not overrun our own socket buffer; ``reads`` holds the ranges of those not yet answered. Their
boundaries stay the same for ever, because a responder replays only part of what it once answered.
"""

from __future__ import annotations

from collections import deque
from struct import Struct

from ...software.memory import octets
from ...software.queue_pair import flushed_send
from ...verbs.types import COMPLETES, WC, SendWR, VerbsError, WcStatus, WrOpcode
from ..packets.burst import BurstBuilder
from ..packets.kernel import MOST_COPIED
from ..wire.headers import ACK_REQUEST, BTH, PAD_SHIFT, RETH
from ..wire.opcode import BTH_OCTETS, ICRC_OCTETS, READ_REQUEST
from ..wire.psn import MASK
from .congestion import CongestionWindow
from .early import EarlyResponses
from .flight import Flight
from .quiet import QUIET, QUIET_CODES, add_quiet, keep
from .requests import REQUESTS, RequestCodes, Wqe
from .retry import Retry, Verdict
from .shared import SharedState

_WORD = Struct(">I")
_BARE_OCTETS = BTH_OCTETS + ICRC_OCTETS
_READ_REQUEST_OCTETS = _BARE_OCTETS + RETH.size
_ASKS = 4
"""How many acknowledgements are requested in a window."""
_SHORT = 14
"""Packets for which no train is worth a thought."""
_ADDRESS_MASK = (1 << 64) - 1

_SUCCESS = WcStatus.SUCCESS
_WRITES = frozenset((WrOpcode.RDMA_WRITE, WrOpcode.RDMA_WRITE_WITH_IMM))
_PLAIN = frozenset((WrOpcode.SEND, WrOpcode.SEND_WITH_INV))
_WITH_IMMEDIATE = frozenset((WrOpcode.SEND_WITH_IMM, WrOpcode.RDMA_WRITE_WITH_IMM))
_READ, _WRITE, _LOCAL_INV = WrOpcode.RDMA_READ, WrOpcode.RDMA_WRITE, WrOpcode.LOCAL_INV
_SEND_WITH_INV = WrOpcode.SEND_WITH_INV


class Requester:
    """The sending half of a queue pair. ``start`` is called once, at RTS."""

    def __init__(self, qp: SharedState) -> None:
        self._qp = qp
        self.sent: deque[Wqe] = deque()
        self.pending: deque[Wqe] = deque()
        self.reads: deque[tuple[int, int]] = deque()
        self.early = EarlyResponses()
        self.flight = Flight()
        self.window = CongestionWindow(qp.tuning, qp.mtu)
        self.retry = Retry(qp.tuning)
        self.again: int | None = None
        """The sequence to send once more, by itself, to make a silent peer answer."""
        self._depth = 0
        self.quiet = 0
        """Messages in ``sent`` and ``pending`` that have no place in the send queue."""
        self.quiet_octets = 0
        self.spares: list[bytearray] = []
        """Memory of quiet messages that were long, and are done."""

    def start(
        self, send_psn: int, initiator_depth: int, retry_count: int, rnr_retry_count: int
    ) -> None:
        """Begin at ``send_psn`` with the limits that were negotiated."""
        # Start one turn of the PSN circle up, so that no sequence is ever negative.
        self.flight = Flight(send_psn + MASK + 1)
        self.window = CongestionWindow(self._qp.tuning, self._qp.mtu)
        self.retry = Retry(self._qp.tuning, retry_count, rnr_retry_count)
        self._depth = initiator_depth

    # --- Commands from above ---

    def __len__(self) -> int:
        return len(self.sent) + len(self.pending)

    def post(self, request: SendWR) -> None:
        """Append a work request. Raises ``VerbsError`` if it can never be carried out."""
        qp = self._qp
        if request.opcode == _LOCAL_INV:
            flight = self.flight
            self.pending.append(Wqe(request, None, [], 0, flight.tail, 0, flight.tail_octets, 0))
            if not self.sent and len(self.pending) == 1:
                self._retire(flight.una)
                return
            qp.schedule()
            return
        codes = REQUESTS.get(request.opcode)
        if codes is None:
            raise VerbsError(f"no such work request: {request.opcode}", WcStatus.LOC_QP_OP_ERR)
        if len(request.sg_list) == 1:
            views = [octets(request.sg_list[0])]
            length = len(views[0])
        else:
            views = [view for view in map(octets, request.sg_list) if len(view)]
            length = sum(map(len, views))
        if length > qp.max_message:
            raise VerbsError(f"{length} octets are too many", WcStatus.LOC_LEN_ERR)
        if (request.rkey | request.imm_data) >> 32 or request.remote_address >> 64:
            raise VerbsError("a key, address or immediate out of range", WcStatus.LOC_QP_OP_ERR)
        if request.opcode == _READ:
            if not self._depth:
                raise VerbsError("the peer answers no RDMA READ", WcStatus.LOC_QP_OP_ERR)
            if any(view.readonly for view in views):
                raise VerbsError("an RDMA READ into a read-only buffer", WcStatus.LOC_PROT_ERR)
        packets = -(-length // qp.mtu) or 1
        cost = max(length, qp.tuning.message_cost)
        flight = self.flight
        first, base = flight.tail, flight.tail_octets
        self.pending.append(Wqe(request, codes, views, length, first, packets, base, cost))
        flight.append(packets, cost)
        if not qp.scheduled:
            qp.schedule()

    def post_quiet(self, message: memoryview, rkey: int) -> None:
        """Append a SEND that takes no place in the send queue and has no completion.

        The message must not change; ``rkey`` is for the peer to invalidate, or 0.
        """
        request, codes = QUIET, QUIET_CODES
        if rkey:
            request = SendWR(_SEND_WITH_INV, rkey=rkey, signaled=False)
            codes = REQUESTS[_SEND_WITH_INV]
        length = len(message)
        packets = -(-length // self._qp.mtu) or 1
        cost = max(length, self._qp.tuning.message_cost)
        flight = self.flight
        first, base = flight.tail, flight.tail_octets
        wqe = Wqe(request, codes, [message], length, first, packets, base, cost)
        wqe.quiet = True
        self.quiet += 1
        self.quiet_octets += length
        self.pending.append(wqe)
        flight.append(packets, cost)
        if not self._qp.scheduled:
            self._qp.schedule()

    # --- Packets out ---

    def transmit(self, builder: BurstBuilder, now: float) -> None:
        """Add packets to ``builder``, as many as the window allows and as fit."""
        flight, retry = self.flight, self.retry
        if retry.for_receive:
            return
        if self.again is not None:
            self._send_again(self.again, builder)
        before = flight.next
        pending = self.pending
        local = False
        if (
            self.quiet
            and pending
            and pending[0].quiet
            and not builder.packets
            and flight.tail_octets - flight.una_octets <= self.window.octets - 2 * self._qp.mtu
        ):
            add_quiet(self._qp, pending, self.sent, flight, builder)
        while pending:
            wqe = pending[0]
            if wqe.codes is None:
                local = True
                self._execute_local(wqe)
                if wqe.status != _SUCCESS:
                    break
            elif wqe.request.opcode == _READ:
                self._send_read(wqe, builder)
            else:
                self._send_data(wqe, wqe.codes, builder)
            if flight.next < wqe.end:
                break
            self.sent.append(pending.popleft())
            flight.next_octets = wqe.base + wqe.cost
        end = flight.next
        if end > before:
            fresh = before >= flight.high
            if not fresh:
                self._qp.counters.retransmitted += min(flight.high, end) - before
            if end > flight.high:
                flight.high = end
            if retry.sent(end, fresh, now) and not self._qp.watched:
                self._qp.watch()
        if local:
            self._retire(flight.una)

    def _window_room(self) -> int:
        """Return the free octets of the window; negative when it has shrunk below the flight."""
        flight = self.flight
        return self.window.octets - (flight.next_octets - flight.una_octets)

    def _send_data(self, wqe: Wqe, codes: RequestCodes, builder: BurstBuilder) -> None:
        """Add packets of a SEND or WRITE, from ``flight.next`` on."""
        qp, flight = self._qp, self.flight
        mtu = qp.mtu
        left = wqe.length - (flight.next - wqe.first) * mtu
        if not builder.packets and wqe.view is not None and left <= MOST_COPIED:
            opcode = wqe.request.opcode
            if (
                opcode in _PLAIN or (opcode == _WRITE and flight.next > wqe.first)
            ) and self._send_rest(wqe, codes, wqe.view, builder):
                return
        last = wqe.end - 1
        while (start := flight.next) <= last:
            in_flight = flight.next_octets - flight.una_octets
            room = self.window.octets - in_flight
            if room < mtu and room < wqe.cost and in_flight > 0:
                return
            if (
                last - start > _SHORT
                and not builder.packets
                and wqe.view is not None
                and self._send_train(wqe, codes, wqe.view, builder, start, room)
            ):
                return
            offset = (start - wqe.first) * mtu
            if wqe.first < start < last:
                full = builder.room(mtu + _BARE_OCTETS)
                count = min(full, max(room // mtu, 1), last - start)
                if count <= 0:
                    return
                view = wqe.view
                if view is None:
                    count = 1
                flight.send(start + count, wqe.base + offset + count * mtu)
                ask = self._ask()
                if view is not None:
                    builder.add_run(qp.words[codes.middle], start, view, offset, mtu, count, ask)
                else:
                    header = BTH.pack(qp.words[codes.middle], start & MASK | ask)
                    builder.add(header, wqe.views, offset, mtu)
            elif not self._send_edge(wqe, codes, builder, start):
                return

    def _send_train(
        self,
        wqe: Wqe,
        codes: RequestCodes,
        view: memoryview,
        builder: BurstBuilder,
        start: int,
        room: int,
    ) -> bool:
        """Add several bursts of a long message to an empty one; return false if that cannot be.

        Its last packet is never among them.
        """
        qp, request = self._qp, wqe.request
        mtu = qp.mtu
        code, extension = codes.middle, b""
        if start == wqe.first:
            code = codes.first
            if request.opcode in _WRITES:
                extension = RETH.pack(request.remote_address, request.rkey, wqe.length)
        cuts = builder.cut(mtu, len(extension), min(room // mtu, wqe.end - 1 - start))
        if not cuts:
            return False
        offset = (start - wqe.first) * mtu
        end = start + sum(cuts)
        self.flight.send(end, wqe.base + (end - wqe.first) * mtu)
        head, middle = qp.words[code], qp.words[codes.middle]
        builder.add_train(
            head, middle, start & MASK, self._ask(), extension, view, offset, mtu, cuts
        )
        return True

    def _send_rest(
        self, wqe: Wqe, codes: RequestCodes, view: memoryview, builder: BurstBuilder
    ) -> bool:
        """Add all that is left of a message to an empty burst; return false if that cannot be.

        It must be short. The first packet of an RDMA WRITE is never among it.
        """
        qp, flight, request = self._qp, self.flight, wqe.request
        in_flight = flight.next_octets - flight.una_octets
        start, mtu = flight.next, qp.mtu
        packets, offset = wqe.end - start, (start - wqe.first) * mtu
        extension = _WORD.pack(request.rkey) if request.opcode == _SEND_WITH_INV else b""
        if (
            (in_flight > 0 or offset) and self.window.octets - in_flight < wqe.cost - offset
        ) or not builder.takes(wqe.length - offset, packets, mtu, len(extension)):
            return False
        flight.next, flight.next_octets = wqe.end, wqe.base + wqe.cost
        ask = ACK_REQUEST
        if request.signaled or wqe.end == flight.tail:
            flight.asked_octets = flight.next_octets
        else:
            ask = self._ask()
        words, middle, last = qp.words, codes.middle, codes.last
        if offset:
            heads = words[middle], words[middle], words[last], words[last]
            view = view[offset:]
        else:
            heads = words[codes.first], words[middle], words[last], words[codes.only]
        builder.add_message(heads, start & MASK, ask, extension, view, mtu, packets)
        return True

    def _ask(self) -> int:
        """Return the A bit if the packets sent so far should be acknowledged soon, else 0.

        The last packet of a message asks in any case. Where more is queued than the window holds,
        some packets in each window ask as well, so that it keeps moving, and so does one packet
        when the window is full and no answer is under way. An acknowledgement costs both sides
        about as much as several packets do.
        """
        flight = self.flight
        window, mtu = self.window.octets, self._qp.mtu
        # Less room than a packet blocks already, so what nearly fits counts as too much.
        if flight.tail_octets - flight.una_octets > window - 2 * mtu and (
            flight.next_octets - flight.asked_octets >= window // _ASKS
            or (flight.asked_octets <= flight.una_octets and self._window_room() < 2 * mtu)
        ):
            flight.asked_octets = flight.next_octets
            return ACK_REQUEST
        return 0

    def _send_edge(
        self,
        wqe: Wqe,
        codes: RequestCodes,
        builder: BurstBuilder,
        sequence: int,
        again: bool = False,
    ) -> bool:
        """Add the first, last or only packet of a message; return false if it does not fit.

        ``again``: the packet was sent before, and is repeated by itself.
        """
        qp, request = self._qp, wqe.request
        offset = (sequence - wqe.first) * qp.mtu
        length = min(qp.mtu, wqe.length - offset)
        pad = -length & 3
        ends = sequence == wqe.end - 1
        extension = b""
        if sequence == wqe.first:
            code = codes.only if ends else codes.first
            if request.opcode in _WRITES:
                extension = RETH.pack(request.remote_address, request.rkey, wqe.length)
        else:
            code = codes.last
        if ends:
            if request.opcode in _WITH_IMMEDIATE:
                extension += _WORD.pack(request.imm_data)
            elif request.opcode == _SEND_WITH_INV:
                extension += _WORD.pack(request.rkey)
        if not builder.room(_BARE_OCTETS + len(extension) + length + pad):
            return False
        ask = ACK_REQUEST
        if not again:
            flight = self.flight
            flight.send(sequence + 1, wqe.base + min(offset + qp.mtu, wqe.cost))
            if ends and (request.signaled or wqe.end == flight.tail):
                flight.asked_octets = flight.next_octets
            else:
                # No owner waits for this packet: a later one can ask in its place.
                ask = self._ask()
        header = BTH.pack(qp.words[code] | pad << PAD_SHIFT, sequence & MASK | ask) + extension
        builder.add(header, wqe.views, offset, length)
        return True

    def _send_read(self, wqe: Wqe, builder: BurstBuilder) -> None:
        """Add READ requests for the missing data, from ``flight.next`` on."""
        qp, flight = self._qp, self.flight
        mtu = qp.mtu
        while (start := flight.next) < wqe.end:
            end = next((stop for begin, stop in self.reads if begin <= start < stop), 0)
            fresh = not end
            if fresh:
                if len(self.reads) >= self._depth:
                    return
                most = max(min(qp.tuning.read_octets, self.window.octets) // mtu, 1)
                end = min(wqe.end, start + most)
            offset = (start - wqe.first) * mtu
            length = min((end - start) * mtu, wqe.length - offset)
            cost = wqe.cost - offset if end == wqe.end else length
            if cost > self._window_room() and flight.next_octets > flight.una_octets:
                return
            if not builder.room(_READ_REQUEST_OCTETS):
                return
            builder.add(self._read_request(wqe.request, start, offset, length), (), 0, 0)
            if fresh:
                self.reads.append((start, end))
            flight.send(end, wqe.base + offset + cost)

    def _read_request(self, request: SendWR, start: int, offset: int, length: int) -> bytes:
        header = BTH.pack(self._qp.words[READ_REQUEST], start & MASK)
        # The peer chose the address; if it wraps, the peer may refuse it.
        address = request.remote_address + offset & _ADDRESS_MASK
        return header + RETH.pack(address, request.rkey, length)

    def _send_again(self, sequence: int, builder: BurstBuilder) -> None:
        """Add one packet that was sent before, or request the missing part of a READ again.

        The packets after it are not sent again: the peer may well have them.
        """
        wqe = self.wqe_of(sequence)
        flight = self.flight
        if wqe is None or wqe.codes is None or not flight.una <= sequence < flight.next:
            self.again = None
            return
        qp = self._qp
        mtu = qp.mtu
        offset = (sequence - wqe.first) * mtu
        if wqe.request.opcode == _READ:
            stop = next(stop for begin, stop in self.reads if begin <= sequence < stop)
            length = min((stop - sequence) * mtu, wqe.length - offset)
            if not builder.room(_READ_REQUEST_OCTETS):
                return
            builder.add(self._read_request(wqe.request, sequence, offset, length), (), 0, 0)
        elif wqe.first < sequence < wqe.end - 1:
            if not builder.room(mtu + _BARE_OCTETS):
                return
            header = BTH.pack(qp.words[wqe.codes.middle], sequence & MASK | ACK_REQUEST)
            builder.add(header, wqe.views, offset, mtu)
        elif not self._send_edge(wqe, wqe.codes, builder, sequence, again=True):
            return
        self.again = None
        qp.counters.retransmitted += 1

    def wqe_of(self, sequence: int) -> Wqe | None:
        """Return the work request that owns a sequence."""
        for queue in (self.sent, self.pending):
            for wqe in queue:
                if wqe.first <= sequence < wqe.end:
                    return wqe
        return None

    def _execute_local(self, wqe: Wqe) -> None:
        """Carry out a LOCAL_INV, once: it may be passed again when going back."""
        if not wqe.done:
            wqe.done = True
            if not self._qp.pd.invalidate(wqe.request.rkey):
                wqe.status = WcStatus.LOC_QP_OP_ERR

    # --- What the completer learns ---

    def advance(self, sequence: int, now: float) -> None:
        """Take everything before ``sequence`` as acknowledged, and READ data as arrived."""
        flight = self.flight
        if sequence <= flight.una:
            return
        self.retry.progressed(sequence, flight.next > sequence, now)
        reads = self.reads
        while reads and reads[0][1] <= sequence:
            reads.popleft()
        self._retire(sequence)
        if self._qp.failed:
            return
        queue = self.sent or self.pending
        if not queue:
            octets_done = flight.tail_octets
        else:
            head = queue[0]
            octets_done = head.base
            if sequence > head.first:
                octets_done += min((sequence - head.first) * self._qp.mtu, head.cost)
        fresh = flight.acknowledge(sequence, octets_done)
        window = self.window
        if window.octets < window.ceiling:
            window.acknowledged(fresh)
        if self.pending:
            self._qp.schedule()

    def head(self) -> Wqe | None:
        """Return the oldest work request that is not complete."""
        if self.sent:
            return self.sent[0]
        return self.pending[0] if self.pending else None

    def catch_up(self, now: float) -> None:
        """Advance over READ responses that arrived early."""
        early = self.early
        while self.reads and (at := max(self.reads[0][0], self.flight.una)) in early.sequences:
            self.advance(early.take_from(at), now)
        early.forget_before(self.flight.una)

    def lost(self, sequence: int) -> None:
        """Send again from ``sequence``, which the peer misses; once, until something moves."""
        if self.retry.recover(sequence):
            self.window.lost()
            self._go_back(sequence)

    def wait(self, sequence: int, seconds: float, now: float) -> None:
        """Send ``sequence`` again after ``seconds``: the peer has no receive posted (RNR NAK)."""
        retry = self.retry
        if retry.for_receive:
            return
        if not retry.has_rnr_retry():
            self.fail(sequence, WcStatus.RNR_RETRY_EXC_ERR, "the peer posts no receives")
            return
        self._go_back(sequence)
        retry.wait_for_receive(now + seconds)
        self._qp.watch()

    def handle_timeout(self, now: float) -> None:
        """Retry or give up: the deadline has passed."""
        qp, flight, retry = self._qp, self.flight, self.retry
        if not retry.for_receive:
            qp.counters.timeouts += 1
        reading = bool(self.reads) and self.reads[0][0] <= flight.una
        verdict = retry.timed_out(now, reading)
        if verdict is Verdict.RESUME:
            qp.schedule()
            return
        if verdict is Verdict.GIVE_UP:
            self.fail(flight.una, WcStatus.RETRY_EXC_ERR, retry.describe_silence(now))
            return
        self.early.timed_out()
        if retry.is_doubtful:
            qp.silent()
        if verdict is Verdict.PROBE:
            # One packet makes the peer say what it has, or what it misses (as TCP's tail loss
            # probe does, RFC 8985). A peer answers a repeated READ request for just the missing
            # part; but it sends a sequence NAK only once, and that may have been lost.
            self.again = self._last_word()
            retry.probe(self.again)
            qp.schedule()
        else:
            self.window.timed_out()
            self._go_back(flight.una)
        retry.wait_for_answer(now)

    def _last_word(self) -> int:
        """Return the last packet whose answer implies that all packets before it have arrived.

        With RDMA READs unanswered that is the packet before them, or the first missing packet of
        their answers. It is never a later part of a READ: soft-RoCE takes the latest start that it
        was asked for as the READ's start, and then answers no earlier one.
        """
        if not self.reads:
            return self.flight.next - 1
        begin, una = self.reads[0][0], self.flight.una
        return una if una >= begin else begin - 1

    def answered_twice(self, sequence: int, count: int) -> None:
        """Learn from an answer that arrived twice, for ``count`` packets from ``sequence`` on."""
        self.retry.answered_twice(sequence, self.flight.una)
        self.early.came_twice(sequence, count)

    def _go_back(self, sequence: int) -> None:
        """Send again from ``sequence``, which is not before ``una``."""
        flight = self.flight
        if sequence >= flight.next:
            return
        self.again = None
        self.retry.went_back()
        sent, pending = self.sent, self.pending
        while sent and sent[-1].end > sequence:
            pending.appendleft(sent.pop())
        wqe = pending[0]
        flight.go_back(sequence, wqe.base + (sequence - wqe.first) * self._qp.mtu)
        self._qp.schedule()

    # --- Completions ---

    def _retire(self, una: int) -> None:
        """Complete, in order, the work requests that end before the sequence ``una``."""
        qp = self._qp
        for queue in (self.sent, self.pending):
            while queue and queue[0].end <= una:
                wqe = queue[0]
                if wqe.codes is None:
                    self._execute_local(wqe)
                    if wqe.status != _SUCCESS:
                        self._fail(wqe, wqe.status, "LOCAL_INV of an unknown key")
                        return
                queue.popleft()
                request = wqe.request
                if wqe.quiet:
                    self.quiet -= 1
                    self.quiet_octets -= wqe.length
                    keep(self.spares, wqe.view)
                elif request.signaled:
                    opcode = COMPLETES[request.opcode]
                    qp.send_cq.push(WC(request.wr_id, _SUCCESS, opcode, wqe.length))
            if queue:
                return

    def fail(self, sequence: int, status: WcStatus, reason: str) -> None:
        """Fail the work request that owns ``sequence``, and the queue pair with it."""
        wqe = self.wqe_of(sequence)
        if wqe is not None:
            self._fail(wqe, status, reason)

    def _fail(self, wqe: Wqe, status: int, reason: str) -> None:
        wqe.status = status
        self._qp.break_down(f"{WcStatus(status).name}: {reason}")

    def flush(self) -> None:
        """Complete everything that is left, in order: the failed request and the flushed ones."""
        self.again = None
        self.retry.stop()
        self.reads.clear()
        self.early.sequences.clear()
        self.spares.clear()
        wqes = [*self.sent, *self.pending]
        self.sent.clear()
        self.pending.clear()
        for wqe in wqes:
            if not wqe.quiet:
                status = wqe.status or WcStatus.WR_FLUSH_ERR
                self._qp.send_cq.push(flushed_send(wqe.request, status))
