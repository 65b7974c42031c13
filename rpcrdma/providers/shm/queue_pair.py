"""Queue pairs: what is posted goes into our ring, what the peer posted is carried out here.

A request is carried out in two places. Who posts it writes the descriptor and, of an RDMA WRITE,
places the octets in the shadow of the peer's region; who owns the region checks the key, takes the
octets in, and counts the descriptor as consumed. So a completion says what it says elsewhere: it
arrived. The first descriptor that fails is answered with a status, and both queue pairs are broken.

An RDMA READ of a region that may change is answered by its owner, with a descriptor of its own.

All that a peer writes is hostile until checked: an index or a place that cannot be breaks the
connection (``Broken``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ...verbs.types import (
    WC,
    Access,
    QpOptions,
    QpState,
    RecvWR,
    SendWR,
    VerbsError,
    WcOpcode,
    WcStatus,
    WrOpcode,
)
from .memory import PeerFile, Piece
from .order import fence
from .regions import MemoryRegion, ProtectionDomain
from .remote import RemoteMemory, gather, scatter
from .ring import (
    ARMED,
    CONSUMED,
    DESCRIPTOR,
    DIRECT,
    HAS_IMM,
    IN_RING,
    INVALIDATES,
    PRODUCED,
    READ_ANSWER,
    REFUSE,
    REFUSED,
    WANTED,
    Ring,
)

if TYPE_CHECKING:
    from ...roce.completion import CompletionQueue

_LONGEST_IN_RING: Final = 1 << 15
"""Longer messages travel in a slab, so that a few of them do not fill the ring."""

_WRITE: Final = int(WrOpcode.RDMA_WRITE)
_WRITE_IMM: Final = int(WrOpcode.RDMA_WRITE_WITH_IMM)
_SEND: Final = int(WrOpcode.SEND)
_SEND_IMM: Final = int(WrOpcode.SEND_WITH_IMM)
_SEND_INV: Final = int(WrOpcode.SEND_WITH_INV)
_READ: Final = int(WrOpcode.RDMA_READ)
_LOCAL_INV: Final = int(WrOpcode.LOCAL_INV)
_SENDS: Final = frozenset((_SEND, _SEND_IMM, _SEND_INV))
_REMOTE_WRITE: Final = int(Access.REMOTE_WRITE)
_REMOTE_READ: Final = int(Access.REMOTE_READ)

_COMPLETES: Final = {
    _WRITE: int(WcOpcode.RDMA_WRITE),
    _WRITE_IMM: int(WcOpcode.RDMA_WRITE),
    _SEND: int(WcOpcode.SEND),
    _SEND_IMM: int(WcOpcode.SEND),
    _SEND_INV: int(WcOpcode.SEND),
    _READ: int(WcOpcode.RDMA_READ),
    _LOCAL_INV: int(WcOpcode.LOCAL_INV),
}
_RECV: Final = int(WcOpcode.RECV)
_RECV_IMM: Final = int(WcOpcode.RECV_RDMA_WITH_IMM)
_FLUSHED: Final = int(WcStatus.WR_FLUSH_ERR)
_STATUSES: Final = frozenset(map(int, WcStatus)) - {0}
_FOREVER: Final = 7
_RNR_WAIT_S: Final = 0.01
"""How long a message without a receive waits for each retry that the peer is allowed."""


class Broken(Exception):
    """The peer wrote what no peer should."""


class Refusal(Exception):
    """A descriptor of the peer cannot be carried out; ``status`` is what it is told."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Posted:
    """A descriptor in our ring that is not finished. ``request`` is None for an answer of ours."""

    __slots__ = ("message_end", "number", "piece", "request", "waiting")

    def __init__(self, request: SendWR | None, number: int) -> None:
        self.request = request
        self.number = number
        """Finished when the peer has consumed so many."""
        self.waiting = False
        """For an answer of the peer, as well."""
        self.piece: Piece | None = None
        self.message_end = -1
        """Where its octets end in the ring of messages."""


class QueuePair:
    """One end of a connection's traffic (``verbs.interfaces.QueuePair``).

    ``ring`` is ours. ``on_error`` is told when it failed by itself, ``later`` asks for a turn in so
    many seconds.
    """

    def __init__(
        self,
        number: int,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
        ring: Ring,
        *,
        on_error: Callable[[str], None],
        later: Callable[[float], None],
    ) -> None:
        self.number = number
        self.pd = pd
        self.options = options
        self.state = QpState.INIT
        self.ring = ring
        self._send_cq = send_cq
        self._recv_cq = recv_cq
        self._on_error = on_error
        self._later = later
        self._receives: deque[RecvWR] = deque()
        self._words = ring.words
        self._posted: deque[_Posted] = deque()
        self._requests = 0  # of those, work requests
        self._produced = 0
        self._message_head = 0
        self._message_tail = 0
        self._reads: deque[_Posted] = deque()  # that wait for an answer
        self._answers = 0  # of ours, that the peer has not taken yet
        self._most_answers = 0
        # The peer's side.
        self._peer: Ring | None = None
        self._seen = 0  # what the peer had posted when we looked last
        self._consumed = 0
        self._acked = 0  # what the peer had carried out when we looked last
        self._rnr_retries = _FOREVER
        self._rnr_since: float | None = None
        self._rung = 0
        self._arms = 0
        self._quiet = False  # something was posted without ringing
        self._look = False  # something may be complete though the peer did nothing

    # Life

    def start(
        self,
        peer: Ring,
        table: PeerFile,
        *,
        ring_peer: Callable[[], object],
        access: int,
        answers: int,
        rnr_retries: int,
        fetch_slab: Callable[[int], PeerFile | None],
    ) -> None:
        """To RTS. ``access``: what the peer's queue pair answers to; ``answers``: how many of its
        READs we answer at a time; ``rnr_retries``: how often it may ask for a receive;
        ``ring_peer`` wakes it, and ``fetch_slab`` finds a slab of its by the index."""
        self._peer = peer
        self._peer_words = peer.words
        self._peer_marks = peer.marks
        self._ring_peer = ring_peer
        self._remote = RemoteMemory(table, self.ring.marks, access, fetch_slab)
        self._most_answers = max(1, answers)
        self._rnr_retries = rnr_retries
        self.state = QpState.RTS
        self.pd.queue_pairs.append(self)

    def fail(self, *, finish: bool = False) -> None:
        """To ERR: flush everything, with ``finish`` after what is there already. Harmless to
        repeat."""
        if finish and self.state == QpState.RTS:
            with suppress(Broken):
                self._consume(self._peer_words[PRODUCED], 0.0)
                if self.state == QpState.RTS:
                    self._complete()
        if self.state != QpState.ERR:
            self.state = QpState.ERR
            self._flush()

    def _flush(self) -> None:
        # Pieces that the peer may still look at are not used again.
        for posted in self._posted:
            request = posted.request
            if request is not None:
                self._send_cq.push(WC(request.wr_id, _FLUSHED, _COMPLETES[request.opcode]))
        for receive in self._receives:
            self._recv_cq.push(WC(receive.wr_id, _FLUSHED, _RECV))
        self._posted.clear()
        self._receives.clear()
        self._reads.clear()

    def _break(self, reason: str) -> None:
        """Fail by itself."""
        self.fail()
        self._on_error(reason)

    def close(self) -> None:
        """Nothing of the peer's is needed any more."""
        if self in self.pd.queue_pairs:
            self.pd.queue_pairs.remove(self)
            self._remote.close()
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def uses(self, slot: int) -> bool:
        """See ``regions.Peers``."""
        return self._peer is not None and self._peer_marks[slot] != 0

    # Posting

    def post_recv(self, request: RecvWR) -> None:
        """Queue a receive buffer."""
        if self.state == QpState.ERR:
            self._recv_cq.push(WC(request.wr_id, _FLUSHED, _RECV))
            return
        if len(self._receives) >= self.options.recv_depth:
            raise VerbsError("the receive queue is full", WcStatus.LOC_QP_OP_ERR)
        if request.buffer.readonly:
            raise VerbsError("a receive buffer must be writable", WcStatus.LOC_PROT_ERR)
        self._receives.append(request)
        if self._rnr_since is not None:
            self._rnr_since = None
            self._seen = -1  # look again
            self._later(0.0)

    def post_send(self, request: SendWR) -> None:
        """Queue a send request."""
        if self.state != QpState.RTS:
            if self.state != QpState.ERR:
                raise VerbsError("the queue pair is not connected", WcStatus.LOC_QP_OP_ERR)
            opcode = _COMPLETES[request.opcode]
            self._send_cq.push(WC(request.wr_id, _FLUSHED, opcode))
            return
        if self._requests >= self.options.send_depth:
            raise VerbsError("the send queue is full", WcStatus.LOC_QP_OP_ERR)
        opcode = request.opcode
        if opcode in _SENDS:
            posted = self._post_message(request, opcode)
        elif opcode == _READ:
            posted = self._post_read(request)
        elif opcode == _LOCAL_INV:
            posted = _Posted(request, self._produced)
            self._look = True
            self._later(0.0)
        else:
            posted = self._post_write(request, opcode)
        self._requests += 1
        self._posted.append(posted)
        if request.signaled and not self._words[WANTED]:
            self._words[WANTED] = posted.number
        if opcode == _WRITE and not request.signaled:
            # As a rule something that has to be noticed follows at once.
            self._quiet = True
            self._later(0.0)
        else:
            self._ring_bell()

    def _post_message(self, request: SendWR, opcode: int) -> _Posted:
        pieces = request.sg_list
        length = request.length()
        posted = _Posted(request, self._produced + 1)
        where = self._place_message(posted, pieces, length)
        flags = 0
        if opcode == _SEND_IMM:
            flags = HAS_IMM
        elif opcode == _SEND_INV:
            flags = INVALIDATES
            self._remote.dead.add(request.rkey)
        self._produce(_SEND, flags, request.imm_data, length, where, request.rkey, 0)
        return posted

    def _place_message(self, posted: _Posted, pieces: Sequence[memoryview], length: int) -> int:
        """Put the octets where the peer can take them; where that is."""
        messages = self.ring.messages
        size = len(messages)
        if length <= _LONGEST_IN_RING:
            head = self._message_head
            start = head & (size - 1)
            if start + length > size:
                head += size - start
                start = 0
            if head + length - self._message_tail <= size:
                gather(messages, start, pieces)
                self._message_head = posted.message_end = head + length
                return IN_RING | start
        posted.piece = piece = self.pd.arena.take(max(length, 1))
        gather(piece.slab.view, piece.offset, pieces)
        return piece.where

    def _post_write(self, request: SendWR, opcode: int) -> _Posted:
        length = request.length()
        rkey, address = request.rkey, request.remote_address
        flags = HAS_IMM if opcode == _WRITE_IMM else 0
        if length:
            target = self._remote.map(rkey, address, length, _REMOTE_WRITE)
            if target is None:
                flags |= REFUSE
            else:
                gather(target, 0, request.sg_list)
                self._remote.unmap(rkey)
        posted = _Posted(request, self._produced + 1)
        self._produce(opcode, flags, request.imm_data, length, 0, rkey, address)
        return posted

    def _post_read(self, request: SendWR) -> _Posted:
        length = request.length()
        rkey, address = request.rkey, request.remote_address
        if any(view.readonly for view in request.sg_list):
            raise VerbsError("a destination must be writable", WcStatus.LOC_PROT_ERR)
        posted = _Posted(request, self._produced + 1)
        flags = 0
        if length:
            source = self._remote.map(rkey, address, length, _REMOTE_READ)
            if source is not None:
                flags = DIRECT
                scatter(source, request.sg_list)
                self._remote.unmap(rkey)
            elif self._remote.permitted(rkey, address, length, _REMOTE_READ) is None:
                flags = REFUSE
            else:
                posted.waiting = True
                self._reads.append(posted)
        self._produce(_READ, flags, 0, length, 0, rkey, address)
        return posted

    def _produce(
        self, opcode: int, flags: int, imm: int, length: int, where: int, rkey: int, address: int
    ) -> None:
        ring = self.ring
        at = (self._produced & ring.mask) * 64
        DESCRIPTOR.pack_into(
            ring.descriptors, at, opcode, flags, 0, imm, length, where, rkey, address
        )
        self._produced += 1
        self._words[PRODUCED] = self._produced

    def _ring_bell(self) -> None:
        """Wake the peer, if it sleeps and was not woken yet."""
        self._quiet = False
        fence()
        arms = self._peer_words[ARMED]
        if arms and arms != self._rung:
            self._rung = arms
            with suppress(OSError):  # a peer that keeps its bell from ringing harms itself
                self._ring_peer()

    # The peer's memory, for whoever has octets that could be placed there at once.

    def map_remote(self, rkey: int, address: int, length: int, access: int) -> memoryview | None:
        """See ``verbs.interfaces.MappingQueuePair``."""
        if self.state != QpState.RTS:
            return None
        return self._remote.map(rkey, address, length, access)

    def unmap_remote(self, rkey: int) -> None:
        """Done with what :meth:`map_remote` gave."""
        if self._peer is not None:
            self._remote.unmap(rkey)

    # Turns

    def turn(self, now: float) -> None:
        """Carry out what the peer posted, complete what it carried out. Raises ``Broken``."""
        if self.state != QpState.RTS:
            return
        words = self._peer_words
        produced = words[PRODUCED]
        if produced != self._seen:
            self._consume(produced, now)
        elif self._rnr_since is not None:
            self._patience(now)
        if self._look or words[CONSUMED] != self._acked or words[REFUSED]:
            self._complete()
        if self._quiet and self.state == QpState.RTS:
            self._ring_bell()

    @property
    def news(self) -> bool:
        """Whether a turn would find something to do."""
        if self.state != QpState.RTS:
            return False
        words = self._peer_words
        return (
            words[PRODUCED] != self._seen or words[CONSUMED] != self._acked or words[REFUSED] != 0
        )

    def arm(self) -> bool:
        """Have the bell rung from now on. False if there is something to do instead."""
        self._arms += 1
        self._words[ARMED] = self._arms
        fence()
        if self.news:
            self._words[ARMED] = 0
            return False
        return True

    def disarm(self) -> None:
        """The bell need not be rung."""
        self._words[ARMED] = 0

    # What the peer posted

    def _consume(self, produced: int, now: float) -> None:
        peer = self._peer
        assert peer is not None
        consumed = before = self._consumed
        if not consumed <= produced <= consumed + peer.count:
            raise Broken("it counts its requests wrongly")
        self._seen = produced
        try:
            while consumed != produced:
                at = (consumed & peer.mask) * 64
                fields = DESCRIPTOR.unpack_from(peer.descriptors, at)
                if not self._carry_out(*fields):
                    if self._rnr_since is None:
                        self._rnr_since = now
                    self._patience(now)
                    break
                consumed += 1
        except Refusal as refusal:
            self._consumed = self._words[CONSUMED] = consumed
            self._words[REFUSED] = refusal.status
            self._ring_bell()
            self._break(str(refusal))
            return
        self._consumed = self._words[CONSUMED] = consumed
        if before < peer.words[WANTED] <= consumed:
            self._ring_bell()

    def _carry_out(
        self,
        opcode: int,
        flags: int,
        _: int,
        imm: int,
        length: int,
        where: int,
        rkey: int,
        address: int,
    ) -> bool:
        """One descriptor; False if it has to wait. Raises ``Refusal`` and ``Broken``."""
        if opcode == _SEND:
            return self._receive(flags, imm, length, where, rkey)
        if opcode == READ_ANSWER:
            self._take_answer(length, where)
            return True
        if opcode == _READ:
            return self._answer(flags, length, rkey, address)
        if opcode not in (_WRITE, _WRITE_IMM):
            raise Broken(f"there is no operation {opcode}")
        if opcode == _WRITE_IMM and not self._receives:
            return False
        if length:
            region = self._reached(flags, length, rkey, address, _REMOTE_WRITE)
            region.take_in(address, length)
        if opcode == _WRITE_IMM:
            receive = self._receives.popleft()
            self._recv_cq.push(WC(receive.wr_id, 0, _RECV_IMM, length, imm))
        return True

    def _reached(
        self, flags: int, length: int, rkey: int, address: int, access: int
    ) -> MemoryRegion:
        region = self.pd.find(rkey)
        if (
            flags & REFUSE
            or region is None
            or not self.options.access & access
            or not region.permits(address, length, access)
        ):
            raise Refusal(WcStatus.REM_ACCESS_ERR, "the peer reached for what it may not have")
        return region

    def _receive(self, flags: int, imm: int, length: int, where: int, rkey: int) -> bool:
        if not self._receives:
            return False
        receive = self._receives.popleft()
        buffer = receive.buffer
        if length > len(buffer):
            self._recv_cq.push(WC(receive.wr_id, WcStatus.LOC_LEN_ERR, _RECV))
            raise Refusal(WcStatus.REM_INV_REQ_ERR, "a message longer than the receive buffer")
        if length:
            if where & IN_RING:
                start = where ^ IN_RING
                source = self._peer.messages[start : start + length]  # type: ignore[union-attr]
            else:
                found = self._remote.slab_view(where, 0, length)
                source = found if found is not None else buffer[:0]
            if len(source) != length:
                raise Broken("a message that is nowhere")
            buffer[:length] = source
        invalidated = None
        if flags & INVALIDATES:
            if not self.pd.invalidate(rkey):
                self._recv_cq.push(WC(receive.wr_id, WcStatus.LOC_PROT_ERR, _RECV))
                raise Refusal(WcStatus.REM_ACCESS_ERR, "the peer invalidated a key that is none")
            invalidated = rkey
        self._recv_cq.push(
            WC(receive.wr_id, 0, _RECV, length, imm if flags & HAS_IMM else None, invalidated)
        )
        return True

    def _patience(self, now: float) -> None:
        """A message waits for a receive: for how long may it?"""
        if self._rnr_retries == _FOREVER or self._rnr_since is None:
            return
        end = self._rnr_since + self._rnr_retries * _RNR_WAIT_S
        if now < end:
            self._later(end - now)
            return
        self._words[REFUSED] = WcStatus.RNR_RETRY_EXC_ERR
        self._ring_bell()
        self._break("no receive was posted for a message of the peer")

    def _answer(self, flags: int, length: int, rkey: int, address: int) -> bool:
        """Answer a READ of the peer, unless it has read already. False if it has to wait."""
        if not length:
            return True
        region = self._reached(flags, length, rkey, address, _REMOTE_READ)
        if flags & DIRECT:
            return True
        if self._answers >= self._most_answers:
            return False
        posted = _Posted(None, self._produced + 1)
        start = address - region.address
        posted.piece = piece = self.pd.arena.take(length)
        piece.slab.view[piece.offset : piece.offset + length] = region.view[start : start + length]
        self._answers += 1
        self._posted.append(posted)
        self._produce(READ_ANSWER, 0, 0, length, piece.where, 0, 0)
        if not self._words[WANTED]:
            self._words[WANTED] = posted.number
        self._ring_bell()
        return True

    def _take_answer(self, length: int, where: int) -> None:
        if not self._reads:
            raise Broken("an answer to no READ")
        posted = self._reads.popleft()
        request = posted.request
        assert request is not None
        source = self._remote.slab_view(where, 0, length)
        if source is None or length != request.length():
            raise Broken("an answer to another READ")
        scatter(source, request.sg_list)
        posted.waiting = False
        self._look = True

    # What the peer carried out

    def _complete(self) -> None:
        words = self._peer_words
        self._look = False
        status = words[REFUSED]
        if status:
            # Whatever was carried out before that came before it.
            self._consume(words[PRODUCED], 0.0)
            if self.state != QpState.RTS:
                return
        consumed = words[CONSUMED]
        if not self._acked <= consumed <= self._produced:
            raise Broken("it has carried out what was never posted")
        self._acked = consumed
        posted = self._posted
        freed = False
        while posted:
            first = posted[0]
            if first.number > consumed or first.waiting:
                break
            posted.popleft()
            self._retire(first)
            freed = True
            if self.state != QpState.RTS:
                return
        if status:
            if not posted or posted[0].number != consumed + 1:
                raise Broken("it refused what was never posted")
            self._refused(posted.popleft(), status)
        elif freed:
            self._want()

    def _retire(self, posted: _Posted) -> None:
        """It is done."""
        if posted.message_end >= 0:
            self._message_tail = posted.message_end
        if posted.piece is not None:
            self.pd.arena.give_back(posted.piece)
        request = posted.request
        if request is None:
            self._answers -= 1
            if self._seen != self._consumed:
                self._seen = -1  # READs may wait for this
                self._later(0.0)
            return
        self._requests -= 1
        opcode = request.opcode
        if opcode == _SEND_INV:
            self._remote.dead.discard(request.rkey)
        elif opcode == _LOCAL_INV and not self.pd.invalidate(request.rkey):
            self._refused(posted, WcStatus.LOC_QP_OP_ERR)
            return
        if request.signaled:
            length = request.length() if opcode == _READ else 0
            self._send_cq.push(WC(request.wr_id, 0, _COMPLETES[opcode], length))

    def _refused(self, posted: _Posted, status: int) -> None:
        """The first that failed; everything behind it is flushed."""
        if status not in _STATUSES:
            status = int(WcStatus.GENERAL_ERR)
        if posted.request is not None:
            opcode = _COMPLETES[posted.request.opcode]
            self._send_cq.push(WC(posted.request.wr_id, status, opcode))
        self._break(f"a request failed: {WcStatus(status).name}")

    def _want(self) -> None:
        """Say which descriptor is waited for now."""
        for posted in self._posted:
            if posted.request is None or posted.request.signaled:
                self._words[WANTED] = posted.number
                return
        self._words[WANTED] = 0
