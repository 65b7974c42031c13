"""The completer: what the peer says that it has carried out is finished, in the order posted."""

from __future__ import annotations

from typing import Final

from ...verbs.types import COMPLETES, WC, QpState, SendWR, WcStatus, WrOpcode
from .link import Host, Link
from .memory import Piece
from .responder import Responder
from .ring import CONSUMED, COUNT_BITS, COUNT_MASK, NEVER, PRODUCED, READ, SEND_INV, WANTED, Broken
from .send_queue import Quiet, SendQueue

_LOCAL_INV: Final = int(WrOpcode.LOCAL_INV)
_STATUSES: Final = frozenset(map(int, WcStatus)) - {0}


class Completer:
    """Completes the work requests of a :class:`SendQueue`."""

    __slots__ = (
        "_host",
        "_pd",
        "_peer_words",
        "_remote",
        "_responder",
        "_send_cq",
        "_send_queue",
        "_words",
    )

    def __init__(self, host: Host, link: Link, send_queue: SendQueue, responder: Responder) -> None:
        self._host = host
        self._pd = host.pd
        self._send_cq = host.send_cq
        self._send_queue = send_queue
        self._responder = responder
        self._remote = link.remote
        self._words = link.ring.words
        self._peer_words = link.peer.words

    def complete(self) -> None:
        """Complete everything that the peer has carried out. Raises ``Broken``."""
        words = self._peer_words
        word = words[CONSUMED]
        status = word >> COUNT_BITS
        if status:
            # What the peer posted before that is carried out first.
            self._responder.consume(words[PRODUCED])
        if self._host.state is not QpState.RTS:
            return
        consumed = word & COUNT_MASK
        queue = self._send_queue
        posted, reads = queue.posted, queue.reads
        if consumed > queue.produced:
            raise Broken("it has carried out what was never posted")
        while posted:
            first = posted[0]
            if first[0] > consumed or (reads and first is reads[0]):
                break
            posted.popleft()
            if not self._finish(first[1], first[2], first[3]):
                return
        if status:
            if not posted or posted[0][0] != consumed + 1:
                raise Broken("it refused what was never posted")
            self._refused(posted.popleft()[1], status)
            return
        signaled = queue.signaled
        done = posted[0][0] if posted else NEVER
        while signaled and signaled[0] < done:
            signaled.popleft()
        if signaled:
            # A READ that the peer has consumed waits for its answer, which is news by itself.
            due = signaled[0] if signaled[0] > consumed else NEVER
        else:
            due = NEVER
        queue.wanted = due
        self._words[WANTED] = due & COUNT_MASK

    def _finish(self, request: SendWR | None, message_end: int, piece: Piece | None) -> bool:
        """Complete the oldest descriptor; return whether it succeeded."""
        queue = self._send_queue
        if message_end >= 0:
            queue.message_tail = message_end
        if piece is not None:
            self._pd.arena.release(piece)
        if type(request) is Quiet:
            if request.rkey:
                self._remote.dead.discard(request.rkey)
            return True
        if request is None:
            self._responder.answer_taken()
            return True
        queue.requests -= 1
        opcode = request.opcode
        if opcode == SEND_INV:
            self._remote.dead.discard(request.rkey)
        elif opcode == _LOCAL_INV and not self._pd.invalidate(request.rkey):
            self._refused(request, int(WcStatus.LOC_QP_OP_ERR))
            return False
        if request.signaled:
            length = request.length() if opcode == READ else 0
            self._send_cq.push(WC(request.wr_id, 0, COMPLETES[opcode], length))
        return True

    def _refused(self, request: SendWR | None, status: int) -> None:
        """Complete the first request that failed; everything behind it is flushed."""
        if status not in _STATUSES:
            status = int(WcStatus.GENERAL_ERR)
        if request is not None:
            self._send_cq.push(WC(request.wr_id, status, COMPLETES[request.opcode]))
        self._host.break_down(f"a request failed: {WcStatus(status).name}")
