"""Queue pairs: what is posted goes into our ring, and is complete when the peer has carried it out.

A request is carried out in two places. Who posts it writes the descriptor and, of an RDMA WRITE,
places the octets in the shadow of the peer's region; who owns the region (``responder``) checks the
key, takes the octets in, and counts the descriptor as consumed. So a completion says what it says
elsewhere: it arrived. The first descriptor that fails is answered with a status, and both queue
pairs are broken.

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
from .regions import ProtectionDomain
from .remote import RemoteMemory, gather, scatter
from .responder import Responder
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
    READ,
    REFUSE,
    SEND,
    SEND_IMM,
    SEND_INV,
    WANTED,
    WRITE,
    WRITE_IMM,
    Broken,
    Ring,
)

if TYPE_CHECKING:
    from ...roce.engine.completion import CompletionQueue

_LONGEST_IN_RING: Final = 1 << 15
"""Longer messages travel in a slab, so that a few of them do not fill the ring."""

_RTS: Final = QpState.RTS
_pack: Final = DESCRIPTOR.pack_into
_LOCAL_INV: Final = int(WrOpcode.LOCAL_INV)
_SENDS: Final = frozenset((SEND, SEND_IMM, SEND_INV))
_REMOTE_WRITE: Final = int(Access.REMOTE_WRITE)
_REMOTE_READ: Final = int(Access.REMOTE_READ)

_COMPLETES: Final = {
    WRITE: int(WcOpcode.RDMA_WRITE),
    WRITE_IMM: int(WcOpcode.RDMA_WRITE),
    SEND: int(WcOpcode.SEND),
    SEND_IMM: int(WcOpcode.SEND),
    SEND_INV: int(WcOpcode.SEND),
    READ: int(WcOpcode.RDMA_READ),
    _LOCAL_INV: int(WcOpcode.LOCAL_INV),
}
_RECV: Final = int(WcOpcode.RECV)
_FLUSHED: Final = int(WcStatus.WR_FLUSH_ERR)
_STATUSES: Final = frozenset(map(int, WcStatus)) - {0}

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
        self.recv_cq = recv_cq
        self._on_error = on_error
        self.later = later
        self.time = time
        self._receives: deque[RecvWR] = deque()
        self._responder: Responder | None = None  # from the start to the end
        self._send_depth = options.send_depth
        self._words = ring.words
        self._messages = ring.messages
        self._messages_size = len(ring.messages)
        self.posted: deque[_Posted] = deque()
        self._requests = 0  # of those, work requests
        self.produced = 0
        self._message_head = 0
        self._message_tail = 0
        self._reads: deque[_Posted] = deque()  # that wait for an answer
        # The peer's side.
        self._peer: Ring | None = None
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
        self._peer_marks = peer.marks
        self._ring_peer = ring_peer
        self._remote = RemoteMemory(table, self.ring.marks, access, fetch_slab)
        self._responder = Responder(
            *(self, peer, self._remote, self._receives), answers=answers, rnr_retries=rnr_retries
        )
        self.state = QpState.RTS
        self.pd.queue_pairs.append(self)

    def fail(self, *, finish: bool = False) -> None:
        """To ERR: flush everything, with ``finish`` after what is there already. Harmless to
        repeat."""
        responder = self._responder
        if finish and self.state == QpState.RTS and responder is not None:
            with suppress(Broken):
                responder.consume(self._peer_words[PRODUCED])
                self._complete()
        if self.state != QpState.ERR:
            self.state = QpState.ERR
            self._flush()

    def _flush(self) -> None:
        # Pieces that the peer may still look at are not used again.
        for posted in self.posted:
            request = posted[1]
            if request is not None:
                self._send_cq.push(WC(request.wr_id, _FLUSHED, _COMPLETES[request.opcode]))
        for receive in self._receives:
            self.recv_cq.push(WC(receive.wr_id, _FLUSHED, _RECV))
        self.posted.clear()
        self._receives.clear()
        self._reads.clear()

    def break_down(self, reason: str) -> None:
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
        # The connection keeps us, and so does the responder: we keep neither.
        self._responder = None
        self._on_error, self.later, self._ring_peer = _not_told, _not_asked, _not_rung

    def uses(self, slot: int) -> bool:
        """See ``regions.Peers``."""
        return self._peer is not None and self._peer_marks[slot] != 0

    # Posting

    def post_recv(self, request: RecvWR) -> None:
        """Queue a receive buffer."""
        if self.state is QpState.ERR:
            self.recv_cq.push(WC(request.wr_id, _FLUSHED, _RECV))
            return
        if len(self._receives) >= self.options.recv_depth:
            raise VerbsError("the receive queue is full", WcStatus.LOC_QP_OP_ERR)
        if request.buffer.readonly:
            raise VerbsError("a receive buffer must be writable", WcStatus.LOC_PROT_ERR)
        self._receives.append(request)
        responder = self._responder
        if responder is not None and responder.rnr_since is not None:
            responder.rnr_since = None
            responder.look_again()

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
        elif opcode == READ:
            self._post_read(request)
        elif opcode == _LOCAL_INV:
            self.posted.append((self.produced, request, -1, None))
            self._wanted = 0  # it needs nobody else
            self.later(0.0)
        else:
            self._post_write(request, opcode)
        self._requests += 1
        if request.signaled or opcode == _LOCAL_INV:
            self.signal()
        if opcode == WRITE and not request.signaled:
            # As a rule something that has to be noticed follows at once.
            self._quiet = True
            self.later(0.0)
        else:
            self.ring_bell()

    def signal(self) -> None:
        """The completion of what was posted last is waited for."""
        self._signaled.append(self.produced)
        if self._wanted == NEVER:
            self._wanted = self._words[WANTED] = self.produced

    def _post_message(self, request: SendWR, opcode: int) -> None:
        pieces = request.sg_list
        length = len(pieces[0]) if len(pieces) == 1 else request.length()
        flags = rkey = 0
        if opcode == SEND_INV:
            flags = INVALIDATES
            rkey = request.rkey
            self._remote.dead.add(rkey)
        elif opcode == SEND_IMM:
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
        self.produce(SEND, flags, request.imm_data, length, where, rkey, 0)
        self.posted.append((self.produced, request, end, piece))

    def _reclaim(self) -> None:
        """Take back what the peer is done with. If it counts wrongly, the next turn says so."""
        with suppress(Broken):
            self._complete()
        if self.state is not _RTS:
            raise VerbsError("the queue pair has failed", WcStatus.WR_FLUSH_ERR)

    def _post_write(self, request: SendWR, opcode: int) -> None:
        length = request.length()
        rkey, address = request.rkey, request.remote_address
        flags = HAS_IMM if opcode == WRITE_IMM else 0
        if length:
            target = self._remote.map(rkey, address, length, _REMOTE_WRITE)
            if target is None:
                flags |= REFUSE
            else:
                if not request.placed:
                    gather(target, 0, request.sg_list)
                self._remote.unmap(rkey)
        self.produce(opcode, flags, request.imm_data, length, 0, rkey, address)
        self.posted.append((self.produced, request, -1, None))

    def _post_read(self, request: SendWR) -> None:
        length = request.length()
        rkey, address = request.rkey, request.remote_address
        if any(view.readonly for view in request.sg_list):
            raise VerbsError("a destination must be writable", WcStatus.LOC_PROT_ERR)
        posted: _Posted = (self.produced + 1, request, -1, None)
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
        self.produce(READ, flags, 0, length, 0, rkey, address)
        self.posted.append(posted)

    def produce(
        self, opcode: int, flags: int, imm: int, length: int, where: int, rkey: int, address: int
    ) -> None:
        """Put a descriptor into our ring."""
        ring = self.ring
        produced = self.produced
        at = (produced & ring.mask) * DESCRIPTOR_OCTETS
        _pack(ring.descriptors, at, opcode, flags, 0, imm, length, where, rkey, address)
        self.produced = self._words[PRODUCED] = produced + 1

    def ring_bell(self) -> None:
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
        responder = self._responder
        if responder is None or self.state is not _RTS:
            return False
        words = self._peer_words
        produced = words[PRODUCED]
        found = produced != responder.seen
        if found:
            responder.consume(produced)
        elif responder.rnr_since is not None:
            responder.patience()
        if words[CONSUMED] >= self._wanted:
            found = True
            self._complete()
        if self._quiet and self.state is _RTS:
            self.ring_bell()
        return found

    @property
    def news(self) -> bool:
        """Whether a turn would find something to do."""
        responder, words = self._responder, self._peer_words
        return (
            self.state == QpState.RTS
            and responder is not None
            and (words[PRODUCED] != responder.seen or words[CONSUMED] >= self._wanted)
        )

    def look(self, times: int) -> bool:
        """The same, looked at so many times."""
        if self._responder is None:
            return False
        words, seen, wanted = self._peer_words, self._responder.seen, self._wanted
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
        responder, words = self._responder, self._peer_words
        if responder is None or self.state != QpState.RTS:
            return True
        if words[PRODUCED] == responder.seen and words[CONSUMED] < self._wanted:
            return True
        self._words[ARMED] = 0
        return False

    def disarm(self) -> None:
        """The bell need not be rung."""
        self._words[ARMED] = 0

    # What the peer carried out

    def take_answer(self, length: int, where: int) -> None:
        """The peer has answered the READ that waits longest. Raises ``Broken``."""
        if not self._reads:
            raise Broken("an answer to no READ")
        request = self._reads.popleft()[1]
        assert request is not None
        source = self._remote.slab_view(where, 0, length)
        if source is None or length != request.length():
            raise Broken("an answer to another READ")
        scatter(source, request.sg_list)
        self._wanted = 0  # it may be complete, and what is behind it

    def _complete(self) -> None:
        """Finish what is finished. Raises ``Broken``."""
        words = self._peer_words
        word = words[CONSUMED]
        status = word >> COUNT_BITS
        if status and self._responder is not None:
            # Whatever was carried out before that came before it.
            self._responder.consume(words[PRODUCED])
        if self.state != QpState.RTS:
            return
        consumed = word & COUNT_MASK
        posted, reads = self.posted, self._reads
        if consumed > self.produced:
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
            responder = self._responder
            assert responder is not None
            responder.answers -= 1
            if responder.seen != responder.consumed:
                responder.look_again()  # READs may wait for this
            return True
        self._requests -= 1
        opcode = request.opcode
        if opcode == SEND_INV:
            self._remote.dead.discard(request.rkey)
        elif opcode == _LOCAL_INV and not self.pd.invalidate(request.rkey):
            self._refused(request, int(WcStatus.LOC_QP_OP_ERR))
            return False
        if request.signaled:
            length = request.length() if opcode == READ else 0
            self._send_cq.push(WC(request.wr_id, 0, _COMPLETES[opcode], length))
        return True

    def _refused(self, request: SendWR | None, status: int) -> None:
        """The first that failed; everything behind it is flushed."""
        if status not in _STATUSES:
            status = int(WcStatus.GENERAL_ERR)
        if request is not None:
            self._send_cq.push(WC(request.wr_id, status, _COMPLETES[request.opcode]))
        self.break_down(f"a request failed: {WcStatus(status).name}")


def _not_told(reason: str) -> None:
    """The owner has closed the connection."""


def _not_asked(delay_s: float) -> None:
    """There are no more turns."""


def _not_rung() -> None:
    """The peer is not woken any more."""
