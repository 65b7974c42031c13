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
from collections.abc import Callable
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
    COUNT_BITS,
    COUNT_MASK,
    DESCRIPTOR,
    DESCRIPTOR_OCTETS,
    DIRECT,
    HAS_IMM,
    IN_RING,
    INVALIDATES,
    NEVER,
    PRODUCED,
    READ_ANSWER,
    REFUSE,
    WANTED,
    Ring,
)

if TYPE_CHECKING:
    from ...roce.completion import CompletionQueue

_LONGEST_IN_RING: Final = 1 << 15
"""Longer messages travel in a slab, so that a few of them do not fill the ring."""

_RTS: Final = QpState.RTS
_pack: Final = DESCRIPTOR.pack_into
_unpack: Final = DESCRIPTOR.unpack_from
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


_Posted = tuple[int, SendWR | None, int, Piece | None]
"""A descriptor in our ring that is not finished: it is when the peer has consumed so many; the
request (None for an answer of ours); where its octets end in the ring of messages, or -1; the piece
that they are in, if they are not in the ring."""


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
        time: Callable[[], float],
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
        self._time = time
        self._receives: deque[RecvWR] = deque()
        self._send_depth = options.send_depth
        self._words = ring.words
        self._messages = ring.messages
        self._messages_size = len(ring.messages)
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
        self._rnr_retries = _FOREVER
        self._rnr_since: float | None = None
        self._rung = 0
        self._arms = 0
        self._quiet = False  # something was posted without ringing
        self._wanted = NEVER  # a turn is due when the peer has carried out so many
        self._signaled: deque[int] = deque()  # numbers of those whose completion is waited for

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
        self._peer_messages = peer.messages
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
                self._consume(self._peer_words[PRODUCED])
                self._complete()
        if self.state != QpState.ERR:
            self.state = QpState.ERR
            self._flush()

    def _flush(self) -> None:
        # Pieces that the peer may still look at are not used again.
        for posted in self._posted:
            request = posted[1]
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
        """Nothing of the peer's is needed any more, and nobody is told of anything."""
        if self in self.pd.queue_pairs:
            self.pd.queue_pairs.remove(self)
            self._remote.close()
        if self._peer is not None:
            self._peer.close()
            self._peer = None
        # The connection keeps us, so we do not keep the connection.
        self._on_error, self._later, self._ring_peer = _not_told, _not_asked, _not_rung

    def uses(self, slot: int) -> bool:
        """See ``regions.Peers``."""
        return self._peer is not None and self._peer_marks[slot] != 0

    # Posting

    def post_recv(self, request: RecvWR) -> None:
        """Queue a receive buffer."""
        if self.state is QpState.ERR:
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
        if self.state is not _RTS:
            if self.state != QpState.ERR:
                raise VerbsError("the queue pair is not connected", WcStatus.LOC_QP_OP_ERR)
            opcode = _COMPLETES[request.opcode]
            self._send_cq.push(WC(request.wr_id, _FLUSHED, opcode))
            return
        if self._requests >= self._send_depth:
            raise VerbsError("the send queue is full", WcStatus.LOC_QP_OP_ERR)
        opcode = request.opcode
        if opcode in _SENDS:
            self._post_message(request, opcode)
        elif opcode == _READ:
            self._post_read(request)
        elif opcode == _LOCAL_INV:
            self._posted.append((self._produced, request, -1, None))
            self._wanted = 0  # it needs nobody else
            self._later(0.0)
        else:
            self._post_write(request, opcode)
        self._requests += 1
        if request.signaled or opcode == _LOCAL_INV:
            self._signal()
        if opcode == _WRITE and not request.signaled:
            # As a rule something that has to be noticed follows at once.
            self._quiet = True
            self._later(0.0)
        else:
            self._ring_bell()

    def _signal(self) -> None:
        """The completion of what was posted last is waited for."""
        self._signaled.append(self._produced)
        if self._wanted == NEVER:
            self._wanted = self._words[WANTED] = self._produced

    def _post_message(self, request: SendWR, opcode: int) -> None:
        pieces = request.sg_list
        length = len(pieces[0]) if len(pieces) == 1 else request.length()
        flags = rkey = 0
        if opcode == _SEND_INV:
            flags = INVALIDATES
            rkey = request.rkey
            self._remote.dead.add(rkey)
        elif opcode == _SEND_IMM:
            flags = HAS_IMM
        piece = None
        messages = self._messages
        size = self._messages_size
        end = -1
        if length <= _LONGEST_IN_RING:
            head = self._message_head
            start = head & (size - 1)
            if start + length > size:
                head += size - start
                start = 0
            end = head + length
            if end - self._message_tail > size:
                self._reclaim()
        if length <= _LONGEST_IN_RING and end - self._message_tail <= size:
            gather(messages, start, pieces)
            self._message_head = end
            where = IN_RING | start
        else:
            end = -1
            self._reclaim()  # so that few pieces are in use, whose pages are warm
            piece = self.pd.arena.take(max(length, 1))
            gather(piece.slab.view, piece.offset, pieces)
            where = piece.where
        self._produce(_SEND, flags, request.imm_data, length, where, rkey, 0)
        self._posted.append((self._produced, request, end, piece))

    def _reclaim(self) -> None:
        """Take back what the peer is done with. If it counts wrongly, the next turn says so."""
        with suppress(Broken):
            self._complete()
        if self.state is not _RTS:
            raise VerbsError("the queue pair has failed", WcStatus.WR_FLUSH_ERR)

    def _post_write(self, request: SendWR, opcode: int) -> None:
        length = request.length()
        rkey, address = request.rkey, request.remote_address
        flags = HAS_IMM if opcode == _WRITE_IMM else 0
        if length:
            target = self._remote.map(rkey, address, length, _REMOTE_WRITE)
            if target is None:
                flags |= REFUSE
            else:
                if not request.placed:
                    gather(target, 0, request.sg_list)
                self._remote.unmap(rkey)
        self._produce(opcode, flags, request.imm_data, length, 0, rkey, address)
        self._posted.append((self._produced, request, -1, None))

    def _post_read(self, request: SendWR) -> None:
        length = request.length()
        rkey, address = request.rkey, request.remote_address
        if any(view.readonly for view in request.sg_list):
            raise VerbsError("a destination must be writable", WcStatus.LOC_PROT_ERR)
        posted: _Posted = (self._produced + 1, request, -1, None)
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
                self._reads.append(posted)
        self._produce(_READ, flags, 0, length, 0, rkey, address)
        self._posted.append(posted)

    def _produce(
        self, opcode: int, flags: int, imm: int, length: int, where: int, rkey: int, address: int
    ) -> None:
        ring = self.ring
        produced = self._produced
        at = (produced & ring.mask) * DESCRIPTOR_OCTETS
        _pack(ring.descriptors, at, opcode, flags, 0, imm, length, where, rkey, address)
        self._produced = self._words[PRODUCED] = produced + 1

    def _ring_bell(self) -> None:
        """Wake the peer, if it sleeps and was not woken yet."""
        self._quiet = False
        with fence:
            pass
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
        return self._remote.map_apart(rkey, address, length, access)

    def unmap_remote(self, rkey: int) -> None:
        """Done with what :meth:`map_remote` gave."""
        if self._peer is not None:
            self._remote.unmap(rkey)

    # Turns

    def turn(self) -> bool:
        """Carry out what the peer posted, complete what it carried out; whether there was any.

        Raises ``Broken``.
        """
        if self.state is not _RTS:
            return False
        words = self._peer_words
        produced = words[PRODUCED]
        found = produced != self._seen
        if found:
            self._consume(produced)
        elif self._rnr_since is not None:
            self._patience()
        if words[CONSUMED] >= self._wanted:
            found = True
            self._complete()
        if self._quiet and self.state is _RTS:
            self._ring_bell()
        return found

    @property
    def news(self) -> bool:
        """Whether a turn would find something to do."""
        words = self._peer_words
        return self.state == QpState.RTS and (
            words[PRODUCED] != self._seen or words[CONSUMED] >= self._wanted
        )

    def look(self, times: int) -> bool:
        """The same, looked at so many times."""
        words, seen, wanted = self._peer_words, self._seen, self._wanted
        for _ in range(times):  # noqa: SIM110 - a generator takes twice as long
            if words[PRODUCED] != seen or words[CONSUMED] >= wanted:
                return True
        return False

    def arm(self) -> bool:
        """Have the bell rung from now on. False if there is something to do instead."""
        self._arms += 1
        self._words[ARMED] = self._arms
        with fence:
            pass
        words = self._peer_words
        if words[PRODUCED] == self._seen and words[CONSUMED] < self._wanted:
            return True
        if self.state != QpState.RTS:
            return True
        self._words[ARMED] = 0
        return False

    def disarm(self) -> None:
        """The bell need not be rung."""
        self._words[ARMED] = 0

    # What the peer posted

    def _consume(self, produced: int) -> None:
        peer = self._peer
        assert peer is not None
        consumed = before = self._consumed
        if not consumed <= produced <= consumed + peer.count:
            raise Broken("it counts its requests wrongly")
        self._seen = produced
        descriptors, mask = peer.descriptors, peer.mask
        receives, messages = self._receives, peer.messages
        carry_out, push = self._carry_out, self._recv_cq.push
        try:
            while consumed != produced:
                fields = _unpack(descriptors, (consumed & mask) * DESCRIPTOR_OCTETS)
                opcode, flags, _, _, length, where, _, _ = fields
                if opcode == _SEND and not flags and receives and where & IN_RING:
                    # Most are like this. Whatever is odd about it the long way finds.
                    receive = receives[0]
                    start = where ^ IN_RING
                    source = messages[start : start + length]
                    if len(source) == length <= len(receive.buffer):
                        receive.buffer[:length] = source
                        receives.popleft()
                        push(WC(receive.wr_id, 0, _RECV, length))
                        consumed += 1
                        continue
                if not carry_out(*fields):
                    if self._rnr_since is None:
                        self._rnr_since = self._time()
                    self._patience()
                    break
                consumed += 1
        except Refusal as refusal:
            self._refuse(consumed, int(refusal.status), str(refusal))
            return
        if self.state == QpState.RTS:
            self._consumed = self._words[CONSUMED] = consumed
            if before < peer.words[WANTED] <= consumed:
                self._ring_bell()

    def _refuse(self, consumed: int, status: int, reason: str) -> None:
        """Tell the peer that its next descriptor failed."""
        self._consumed = consumed
        self._words[CONSUMED] = consumed | status << COUNT_BITS
        self._ring_bell()
        self._break(reason)

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
                source = self._peer_messages[start : start + length]
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

    def _patience(self) -> None:
        """A message waits for a receive: for how long may it?"""
        if self._rnr_retries == _FOREVER or self._rnr_since is None:
            return
        left = self._rnr_since + self._rnr_retries * _RNR_WAIT_S - self._time()
        if left > 0:
            self._later(left)
            return
        status = int(WcStatus.RNR_RETRY_EXC_ERR)
        self._refuse(self._consumed, status, "no receive was posted for a message of the peer")

    def _answer(self, flags: int, length: int, rkey: int, address: int) -> bool:
        """Answer a READ of the peer, unless it has read already. False if it has to wait."""
        if not length:
            return True
        region = self._reached(flags, length, rkey, address, _REMOTE_READ)
        if flags & DIRECT:
            return True
        if self._answers >= self._most_answers:
            return False
        start = address - region.address
        piece = self.pd.arena.take(length)
        piece.slab.view[piece.offset : piece.offset + length] = region.view[start : start + length]
        self._answers += 1
        self._produce(READ_ANSWER, 0, 0, length, piece.where, 0, 0)
        self._posted.append((self._produced, None, -1, piece))
        self._signal()
        self._ring_bell()
        return True

    def _take_answer(self, length: int, where: int) -> None:
        if not self._reads:
            raise Broken("an answer to no READ")
        request = self._reads.popleft()[1]
        assert request is not None
        source = self._remote.slab_view(where, 0, length)
        if source is None or length != request.length():
            raise Broken("an answer to another READ")
        scatter(source, request.sg_list)
        self._wanted = 0  # it may be complete, and what is behind it

    # What the peer carried out

    def _complete(self) -> None:
        """Finish what is finished. Raises ``Broken``."""
        words = self._peer_words
        word = words[CONSUMED]
        status = word >> COUNT_BITS
        if status:
            # Whatever was carried out before that came before it.
            self._consume(words[PRODUCED])
        if self.state != QpState.RTS:
            return
        consumed = word & COUNT_MASK
        posted, reads = self._posted, self._reads
        if consumed > self._produced:
            raise Broken("it has carried out what was never posted")
        while posted:
            first = posted[0]
            if first[0] > consumed or (reads and first is reads[0]):
                break
            posted.popleft()
            if not self._retire(*first):
                return
        if status:
            if not posted or posted[0][0] != consumed + 1:
                raise Broken("it refused what was never posted")
            self._refused(posted.popleft()[1], status)
            return
        signaled = self._signaled
        done = posted[0][0] if posted else NEVER
        while signaled and signaled[0] < done:
            signaled.popleft()
        if signaled:
            # A READ that the peer has consumed waits for its answer, which is news by itself.
            due = signaled[0] if signaled[0] > consumed else NEVER
        else:
            due = NEVER
        self._wanted = due
        words = self._words
        words[WANTED] = due & COUNT_MASK

    def _retire(
        self, number: int, request: SendWR | None, message_end: int, piece: Piece | None
    ) -> bool:
        """It is done; whether it went well."""
        if message_end >= 0:
            self._message_tail = message_end
        if piece is not None:
            self.pd.arena.give_back(piece)
        if request is None:
            self._answers -= 1
            if self._seen != self._consumed:
                self._seen = -1  # READs may wait for this
                self._later(0.0)
            return True
        self._requests -= 1
        opcode = request.opcode
        if opcode == _SEND_INV:
            self._remote.dead.discard(request.rkey)
        elif opcode == _LOCAL_INV and not self.pd.invalidate(request.rkey):
            self._refused(request, int(WcStatus.LOC_QP_OP_ERR))
            return False
        if request.signaled:
            length = request.length() if opcode == _READ else 0
            self._send_cq.push(WC(request.wr_id, 0, _COMPLETES[opcode], length))
        return True

    def _refused(self, request: SendWR | None, status: int) -> None:
        """The first that failed; everything behind it is flushed."""
        if status not in _STATUSES:
            status = int(WcStatus.GENERAL_ERR)
        if request is not None:
            self._send_cq.push(WC(request.wr_id, status, _COMPLETES[request.opcode]))
        self._break(f"a request failed: {WcStatus(status).name}")


def _not_told(reason: str) -> None:
    """The owner has closed the connection."""


def _not_asked(delay_s: float) -> None:
    """There are no more turns."""


def _not_rung() -> None:
    """The peer is not woken any more."""
