"""The requester: the send queue and the packets it becomes.

Every work request owns a range of *sequences* (``psn``), one for each packet that it sends, or for
a READ one for each response packet that it expects. So a sequence tells the work request and the
offset in its data, and going back N is setting ``next`` back:

          sent (deque)              pending (deque)
    [ WRITE ][ READ  ][ SEND ][ WRITE      ][ SEND ] ...
       ^                          ^                  ^
       una                        next               tail         (high: the furthest next has been)

``una`` is the first sequence that is not acknowledged, ``next`` the next to send. ``sent`` holds
the requests wholly before ``next``, ``pending`` the others. A LOCAL_INV owns an empty range.

A READ work request goes out as several READ requests of bounded length, so that the responses do
not overrun our own socket buffer; ``reads`` holds the ranges of those not yet answered. Their
boundaries stay the same for ever, because a responder replays only part of what it once answered.

What is in flight is counted in octets. Each work request knows at which octet of the stream of all
work requests it begins (``base``) and how many it counts for (``cost``).
"""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TYPE_CHECKING

from ...software.memory import octets
from ...software.queue_pair import flushed_send
from ...verbs.types import COMPLETES, WC, SendWR, VerbsError, WcStatus, WrOpcode
from ..packets.burst import BurstBuilder
from ..wire.headers import ACK_REQUEST, BTH, RETH
from ..wire.opcode import BTH_OCTETS, ICRC_OCTETS, READ_REQUEST
from ..wire.psn import MASK
from .congestion import CongestionWindow, RetransmissionTimer
from .early import EarlyResponses
from .requests import REQUESTS, RequestCodes

if TYPE_CHECKING:
    from .queue_pair import QueuePair

_WORD = Struct(">I")
_BARE_OCTETS = BTH_OCTETS + ICRC_OCTETS
_READ_REQUEST_OCTETS = _BARE_OCTETS + RETH.size
_INFINITE_RNR_RETRIES = 7
_READ_PROBES = 3
_ASKS = 4
"""How many acknowledgements are asked for in a window."""
_ADDRESS_MASK = (1 << 64) - 1

_SUCCESS = WcStatus.SUCCESS
_WRITES = frozenset((WrOpcode.RDMA_WRITE, WrOpcode.RDMA_WRITE_WITH_IMM))
_WITH_IMMEDIATE = frozenset((WrOpcode.SEND_WITH_IMM, WrOpcode.RDMA_WRITE_WITH_IMM))
_READ, _LOCAL_INV = WrOpcode.RDMA_READ, WrOpcode.LOCAL_INV
_SEND_WITH_INV = WrOpcode.SEND_WITH_INV


class Entry:
    """A work request on its way: sequences ``first`` to ``end`` (exclusive)."""

    __slots__ = (
        "base", "codes", "cost", "done", "end", "first", "length", "request", "status", "views",
    )  # fmt: skip

    def __init__(
        self,
        request: SendWR,
        codes: RequestCodes | None,
        views: list[memoryview],
        length: int,
        first: int,
        packets: int,
        base: int,
        cost: int,
    ) -> None:
        self.request = request
        self.codes = codes
        self.views = views
        self.length = length
        self.first = first
        self.end = first + packets
        self.base = base
        self.cost = cost
        self.status: int = _SUCCESS
        self.done = False
        """A LOCAL_INV that was carried out."""


class Requester:
    """The sending half of a queue pair. ``start`` is called once, at RTS."""

    def __init__(self, qp: QueuePair) -> None:
        self._qp = qp
        self.sent: deque[Entry] = deque()
        self.pending: deque[Entry] = deque()
        self.reads: deque[tuple[int, int]] = deque()
        self.early = EarlyResponses()
        self.una = self.next = self.high = self.tail = 0
        self._una_octets = self._next_octets = self._tail_octets = 0
        self._asked_octets = 0
        """Where a packet last asked for an acknowledgement."""
        self.window = CongestionWindow(qp.tuning, qp.mtu)
        self.timer = RetransmissionTimer(qp.tuning)
        self.deadline: float | None = None
        """When to give up waiting: for an answer, or (``_not_ready``) for the peer's leave."""
        self._not_ready = False
        self._timeouts = 0
        self._rnr_count = 0
        self._silent_since = 0.0
        self._recovering: int | None = None
        self._timed: int | None = None
        """What a round trip is measured by: a packet that was sent once."""
        self._timed_since = 0.0
        self.again: int | None = None
        """What is to be sent once more, by itself, to make a silent peer speak."""
        self._doubt: int | None = None
        """What was sent so: if it is answered twice, there was no need."""
        self._waited = 0.0
        """How long its first answer took."""
        self._depth = 0
        self._retry_count = 0
        self._rnr_retry_count = 0

    def start(
        self, send_psn: int, initiator_depth: int, retry_count: int, rnr_retry_count: int
    ) -> None:
        """Begin at ``send_psn`` with the limits that were negotiated."""
        # One turn of the PSN circle up, so that no sequence is ever negative.
        self.una = self.next = self.high = self.tail = send_psn + MASK + 1
        self.window = CongestionWindow(self._qp.tuning, self._qp.mtu)
        self._depth = initiator_depth
        self._retry_count = retry_count
        self._rnr_retry_count = rnr_retry_count

    # -- commands from above ------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.sent) + len(self.pending)

    def post(self, request: SendWR) -> None:
        """Append a work request. Raises ``VerbsError`` if it can never be carried out."""
        qp = self._qp
        if request.opcode == _LOCAL_INV:
            entry = Entry(request, None, [], 0, self.tail, 0, self._tail_octets, 0)
            self.pending.append(entry)
            if not self.sent and len(self.pending) == 1:
                self._retire()
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
        base = self._tail_octets
        cost = max(length, qp.tuning.message_cost)
        self.pending.append(Entry(request, codes, views, length, self.tail, packets, base, cost))
        self.tail += packets
        self._tail_octets = base + cost
        if not qp.scheduled:
            qp.schedule()

    # -- packets out ----------------------------------------------------------------------------

    def transmit(self, builder: BurstBuilder, now: float) -> None:
        """Add to ``builder`` what the window allows and what fits."""
        if self._not_ready:
            return
        if self.again is not None:
            self._send_again(self.again, builder)
        before = self.next
        pending = self.pending
        local = False
        while pending:
            entry = pending[0]
            if entry.codes is None:
                local = True
                self._execute_local(entry)
                if entry.status != _SUCCESS:
                    break
            elif entry.request.opcode == _READ:
                self._send_read(entry, builder)
            else:
                self._send_data(entry, entry.codes, builder)
            if self.next < entry.end:
                break
            self.sent.append(pending.popleft())
            self._next_octets = entry.base + entry.cost
        if self.next > before:
            if before < self.high:
                self._qp.counters.retransmitted += min(self.high, self.next) - before
            elif self._timed is None:
                self._timed = self.next
                self._timed_since = now
            if self.next > self.high:
                self.high = self.next
            if self.deadline is None:
                self._silent_since = now
                self.deadline = now + self.timer.timeout
                if not self._qp.watched:
                    self._qp.watch()
        if local:
            self._retire()

    def _flight_room(self) -> int:
        """Octets of the window that are free; negative when it has shrunk below the flight."""
        return self.window.octets - (self._next_octets - self._una_octets)

    def _send_data(self, entry: Entry, codes: RequestCodes, builder: BurstBuilder) -> None:
        """Add packets of a SEND or WRITE, from ``next`` on."""
        qp = self._qp
        mtu = qp.mtu
        full = mtu + _BARE_OCTETS
        middle_head = qp.head | codes.middle << 56
        last = entry.end - 1
        while self.next <= last:
            offset = (self.next - entry.first) * mtu
            in_flight = self._next_octets - self._una_octets
            room = self.window.octets - in_flight
            if room < mtu and room < entry.cost and in_flight > 0:
                return
            if entry.first < self.next < last:
                count = min(builder.room(full), max(room // mtu, 1), last - self.next)
                if count <= 0:
                    return
                if len(entry.views) != 1:
                    count = 1
                self._next_octets = entry.base + offset + count * mtu
                ask = self._ask()
                if len(entry.views) == 1:
                    view = entry.views[0]
                    builder.add_run(middle_head, self.next, view, offset, mtu, count, ask)
                else:
                    header = BTH.pack(middle_head, self.next & MASK | ask)
                    builder.add(header, entry.views, offset, mtu)
                self.next += count
            elif not self._send_edge(entry, codes, builder, offset):
                return

    def _ask(self, ends: bool = False) -> int:
        """The A bit, if the packets up to ``_next_octets`` are to be acknowledged soon.

        At the end of a message (``ends``). Where more is queued than the window holds, also some
        times in each window, so that it goes on moving, and when it is full and no answer is under
        way. An acknowledgement costs both sides about as much as several packets do.
        """
        window, mtu = self.window.octets, self._qp.mtu
        if ends or (
            # Less than a packet's room already blocks, so what nearly fits counts as too much.
            self._tail_octets - self._una_octets > window - 2 * mtu
            and (
                self._next_octets - self._asked_octets >= window // _ASKS
                or (self._asked_octets <= self._una_octets and self._flight_room() < 2 * mtu)
            )
        ):
            self._asked_octets = self._next_octets
            return ACK_REQUEST
        return 0

    def _send_edge(
        self,
        entry: Entry,
        codes: RequestCodes,
        builder: BurstBuilder,
        offset: int,
        urgent: bool = False,
    ) -> bool:
        """Add the first, last or only packet of a message; false if it does not fit."""
        qp = self._qp
        request = entry.request
        length = min(qp.mtu, entry.length - offset)
        pad = -length & 3
        ends = self.next == entry.end - 1
        extension = b""
        if self.next == entry.first:
            code = codes.first
            if request.opcode in _WRITES:
                extension = RETH.pack(request.remote_address, request.rkey, entry.length)
        else:
            code = codes.last
        if ends:
            if self.next == entry.first:
                code = codes.only
            if request.opcode in _WITH_IMMEDIATE:
                extension += _WORD.pack(request.imm_data)
            elif request.opcode == _SEND_WITH_INV:
                extension += _WORD.pack(request.rkey)
        size = _BARE_OCTETS + len(extension) + length + pad
        if not builder.room(size):
            return False
        self._next_octets = entry.base + min(offset + qp.mtu, entry.cost)
        # Whatever follows will ask in its place, unless somebody waits for this one.
        asks = urgent or (ends and (request.signaled or entry.end == self.tail))
        tail = self.next & MASK | self._ask(asks)
        header = BTH.pack(qp.head | code << 56 | pad << 52, tail) + extension
        builder.add(header, entry.views, offset, length)
        self.next += 1
        return True

    def _send_read(self, entry: Entry, builder: BurstBuilder) -> None:
        """Add READ requests for what is missing, from ``next`` on."""
        qp = self._qp
        mtu = qp.mtu
        request = entry.request
        while self.next < entry.end:
            start = self.next
            end = next((stop for begin, stop in self.reads if begin <= start < stop), 0)
            fresh = not end
            if fresh:
                if len(self.reads) >= self._depth:
                    return
                most = max(min(qp.tuning.read_octets, self.window.octets) // mtu, 1)
                end = min(entry.end, start + most)
            offset = (start - entry.first) * mtu
            length = min((end - start) * mtu, entry.length - offset)
            cost = entry.cost - offset if end == entry.end else length
            if cost > self._flight_room() and self._next_octets > self._una_octets:
                return
            if not builder.room(_READ_REQUEST_OCTETS):
                return
            builder.add(self._read_request(request, start, offset, length), (), 0, 0)
            if fresh:
                self.reads.append((start, end))
            self.next = end
            self._next_octets = entry.base + offset + cost

    def _read_request(self, request: SendWR, start: int, offset: int, length: int) -> bytes:
        header = BTH.pack(self._qp.head | READ_REQUEST << 56, start & MASK)
        # The peer named the address: if it wraps, the peer may refuse it.
        address = request.remote_address + offset & _ADDRESS_MASK
        return header + RETH.pack(address, request.rkey, length)

    def _send_again(self, sequence: int, builder: BurstBuilder) -> None:
        """Add one packet that was sent before, or ask again for what is missing of a READ.

        What follows it is not sent again: nothing says that the peer misses it.
        """
        entry = self.entry_of(sequence)
        if entry is None or entry.codes is None or not self.una <= sequence < self.next:
            self.again = None
            return
        qp = self._qp
        mtu = qp.mtu
        offset = (sequence - entry.first) * mtu
        if entry.request.opcode == _READ:
            stop = next(stop for begin, stop in self.reads if begin <= sequence < stop)
            length = min((stop - sequence) * mtu, entry.length - offset)
            if not builder.room(_READ_REQUEST_OCTETS):
                return
            builder.add(self._read_request(entry.request, sequence, offset, length), (), 0, 0)
        elif entry.first < sequence < entry.end - 1:
            if not builder.room(mtu + _BARE_OCTETS):
                return
            head = qp.head | entry.codes.middle << 56
            header = BTH.pack(head, sequence & MASK | ACK_REQUEST)
            builder.add(header, entry.views, offset, mtu)
        else:
            before = self.next, self._next_octets, self._asked_octets
            self.next = sequence
            sent = self._send_edge(entry, entry.codes, builder, offset, urgent=True)
            self.next, self._next_octets, self._asked_octets = before
            if not sent:
                return
        self.again = None
        qp.counters.retransmitted += 1

    def entry_of(self, sequence: int) -> Entry | None:
        """The work request that owns a sequence."""
        for queue in (self.sent, self.pending):
            for entry in queue:
                if entry.first <= sequence < entry.end:
                    return entry
        return None

    def _execute_local(self, entry: Entry) -> None:
        """Carry out a LOCAL_INV, once: it may be passed again when going back."""
        if not entry.done:
            entry.done = True
            if not self._qp.pd.invalidate(entry.request.rkey):
                entry.status = WcStatus.LOC_QP_OP_ERR

    # -- what the completer learns ----------------------------------------------------------------

    def advance(self, sequence: int, now: float) -> None:
        """Everything before ``sequence`` is acknowledged (and, of READs, has arrived)."""
        if sequence <= self.una:
            return
        self.una = sequence
        self._rnr_count = 0
        if self._timeouts:
            if self._doubt is not None:
                self._waited = now - self._silent_since
            self._timeouts = 0
            self.timer.progress()
        if self._recovering is not None and sequence > self._recovering:
            self._recovering = None
        if self._timed is not None and sequence >= self._timed:
            self.timer.sample(now - self._timed_since)
            self._timed = None
        reads = self.reads
        while reads and reads[0][1] <= sequence:
            reads.popleft()
        if self.next < sequence:
            self.next = sequence
        before = self._una_octets
        self._retire()
        if self._qp.failed:
            return
        head = self.head() if self.sent or self.pending else None
        if head is None:
            self._una_octets = self._tail_octets
        elif sequence > head.first:
            done = min((sequence - head.first) * self._qp.mtu, head.cost)
            self._una_octets = head.base + done
        else:
            self._una_octets = head.base
        if self._next_octets < self._una_octets:
            self._next_octets = self._una_octets
        if self.window.octets < self.window.ceiling:
            self.window.acknowledged(self._una_octets - before)
        self._silent_since = now
        if not self._not_ready:
            self.deadline = now + self.timer.timeout if self.next > sequence else None
        if self.pending:
            self._qp.schedule()

    def head(self) -> Entry | None:
        """The oldest work request that is not complete."""
        if self.sent:
            return self.sent[0]
        return self.pending[0] if self.pending else None

    def catch_up(self, now: float) -> None:
        """Go on over the READ responses that were here early."""
        early = self.early
        while self.reads and (at := max(self.reads[0][0], self.una)) in early.sequences:
            self.advance(early.take_from(at), now)
        early.forget_before(self.una)

    def lost(self, sequence: int) -> None:
        """The peer misses ``sequence``: send from there. Once, until something moves again."""
        if self._recovering == sequence:
            return
        self._recovering = sequence
        self.window.lost()
        self._go_back(sequence)

    def wait(self, sequence: int, seconds: float, now: float) -> None:
        """The peer has no receive posted for ``sequence``: try again later (RNR NAK)."""
        if self._not_ready:
            return
        if self._rnr_retry_count != _INFINITE_RNR_RETRIES:
            if self._rnr_count >= self._rnr_retry_count:
                self.fail(sequence, WcStatus.RNR_RETRY_EXC_ERR, "the peer posts no receives")
                return
            self._rnr_count += 1
        self._go_back(sequence)
        self._not_ready = True
        self.deadline = now + seconds
        self._qp.watch()

    def handle_timeout(self, now: float) -> None:
        """The deadline has passed."""
        self.deadline = None
        if self._not_ready:
            self._not_ready = False
            self._qp.schedule()
            return
        qp = self._qp
        qp.counters.timeouts += 1
        self._timeouts += 1
        silent = now - self._silent_since
        if self._timeouts > self._retry_count and silent >= qp.tuning.retry_seconds:
            reason = f"no answer for {silent:.1f} seconds and {self._timeouts - 1} retries"
            self.fail(self.una, WcStatus.RETRY_EXC_ERR, reason)
            return
        self.timer.back_off()
        self.early.timed_out()
        if self._doubt is not None and self._timeouts == 1:
            self.timer.justified()  # the last time: there was one answer since, and no second
        reading = bool(self.reads) and self.reads[0][0] <= self.una
        if self._recovering is None and self._timeouts <= (_READ_PROBES if reading else 1):
            # The peer may only be busy. One packet makes it say what it has, or what it misses
            # (as TCP does with its tail loss probe, RFC 8985). What is missing of a READ it gives
            # to whoever asks for just that; a refusal of data it says once, and may have been lost.
            self.again = self._doubt = self._last_word()
            self._timed = None
            qp.schedule()
        else:
            self._recovering = None
            self.window.timed_out()
            self._go_back(self.una)
        self.deadline = now + self.timer.timeout

    def _last_word(self) -> int:
        """The last packet whose answer would tell that all before it has arrived.

        With RDMA READs unanswered that is the packet before them, or the first that is missing of
        their answers. Never a later part of a READ: soft-RoCE takes the latest beginning that it
        was asked for as the READ's, and does not answer an earlier one any more.
        """
        if not self.reads:
            return self.next - 1
        begin = self.reads[0][0]
        return self.una if self.una >= begin else begin - 1

    def answered_twice(self, sequence: int, count: int) -> None:
        """What the peer says it has said before, of ``count`` packets from ``sequence`` on."""
        if self._doubt is not None and self._doubt <= sequence < self.una:
            self._doubt = None
            self.timer.hasty(self._waited)
        self.early.came_twice(sequence, count)

    def _go_back(self, sequence: int) -> None:
        """Send again from ``sequence``, which is not before ``una``."""
        if sequence >= self.next:
            return
        self._timed = self.again = self._doubt = None
        sent, pending = self.sent, self.pending
        while sent and sent[-1].end > sequence:
            pending.appendleft(sent.pop())
        entry = pending[0]
        self.next = sequence
        offset = (sequence - entry.first) * self._qp.mtu
        self._next_octets = max(entry.base + offset, self._una_octets)
        self._asked_octets = min(self._asked_octets, self._next_octets)
        self.deadline = None
        self._qp.schedule()

    # -- completions ------------------------------------------------------------------------------

    def _retire(self) -> None:
        """Complete, in order, what is finished."""
        una = self.una
        qp = self._qp
        for queue in (self.sent, self.pending):
            while queue and queue[0].end <= una:
                entry = queue[0]
                if entry.codes is None:
                    self._execute_local(entry)
                    if entry.status != _SUCCESS:
                        self._break(entry, entry.status, "LOCAL_INV of an unknown key")
                        return
                queue.popleft()
                request = entry.request
                if request.signaled:
                    opcode = COMPLETES[request.opcode]
                    qp.send_cq.push(WC(request.wr_id, _SUCCESS, opcode, entry.length))
            if queue:
                return

    def fail(self, sequence: int, status: WcStatus, reason: str) -> None:
        """The work request that owns ``sequence`` has failed, and the queue pair with it."""
        for queue in (self.sent, self.pending):
            for entry in queue:
                if entry.first <= sequence < entry.end:
                    self._break(entry, status, reason)
                    return

    def _break(self, entry: Entry, status: int, reason: str) -> None:
        entry.status = status
        self._qp.break_down(f"{WcStatus(status).name}: {reason}")

    def flush(self) -> None:
        """Complete everything that is left, in order: the one that failed, and the others."""
        self.deadline = self.again = None
        self._not_ready = False
        self.reads.clear()
        self.early.sequences.clear()
        entries = [*self.sent, *self.pending]
        self.sent.clear()
        self.pending.clear()
        for entry in entries:
            status = entry.status or WcStatus.WR_FLUSH_ERR
            self._qp.send_cq.push(flushed_send(entry.request, status))
