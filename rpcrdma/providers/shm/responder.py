"""What the peer posted is carried out here: messages, RDMA WRITEs, RDMA READs.

All that a peer writes is hostile until checked. A descriptor that it may not have carried out is
refused: it learns the status, and both queue pairs are broken. One that cannot be (``Broken``)
ends the connection. One for which there is no receive, or no room for another answer, waits, and
so do those behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...verbs.types import WC, Access, QpState, WcOpcode, WcStatus
from .link import Host, Link
from .regions import MemoryRegion
from .ring import (
    CONSUMED,
    COUNT_BITS,
    DESCRIPTOR,
    DESCRIPTOR_OCTETS,
    DIRECT,
    HAS_IMM,
    IN_RING,
    INVALIDATES,
    READ,
    READ_ANSWER,
    REFUSE,
    SEND,
    WANTED,
    WRITE,
    WRITE_IMM,
    Broken,
)
from .send_queue import SendQueue

try:
    from ._talk import show
except ImportError:
    show = None  # type: ignore[assignment]

_RTS: Final = QpState.RTS
_unpack: Final = DESCRIPTOR.unpack_from
_REMOTE_WRITE: Final = int(Access.REMOTE_WRITE)
_REMOTE_READ: Final = int(Access.REMOTE_READ)
_RECV: Final = int(WcOpcode.RECV)
_RECV_IMM: Final = int(WcOpcode.RECV_RDMA_WITH_IMM)
_NOTHING: Final = memoryview(b"")
_FOREVER: Final = 7
_RNR_WAIT_S: Final = 0.01
"""How long a message without a receive waits, for each retry that the peer has."""


class Refusal(Exception):
    """A descriptor of the peer cannot be carried out; ``status`` is what it is told."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Responder:
    """The peer's half of a connection's traffic, from the start of its queue pair to the end.

    ``answers`` READs of the peer are answered at a time; a message waits for a receive for
    ``rnr_retries`` intervals.
    """

    __slots__ = (
        "_access",
        "_doorbell",
        "_host",
        "_most_answers",
        "_pd",
        "_peer",
        "_receives",
        "_recv_cq",
        "_remote",
        "_rnr_retries",
        "_sends",
        "_words",
        "answers",
        "consumed",
        "rnr_since",
        "seen",
    )

    def __init__(
        self, host: Host, link: Link, sends: SendQueue, *, answers: int, rnr_retries: int
    ) -> None:
        self._host = host
        self._doorbell = link.doorbell
        self._peer = link.peer
        self._remote = link.remote
        self._words = link.ring.words
        self._sends = sends
        self._receives = host.receives
        self._recv_cq = host.recv_cq
        self._pd = host.pd
        self._access = host.options.access
        self._most_answers = max(1, answers)
        self._rnr_retries = rnr_retries
        self.answers = 0
        """Answers of ours that the peer has not taken yet."""
        self.seen = 0
        """What the peer had posted when we looked last; -1: look again in any case."""
        self.consumed = 0
        self.rnr_since: float | None = None
        """Since when the next descriptor waits."""

    def receive_posted(self) -> None:
        """Look again: a message may have waited for a receive."""
        self.rnr_since = None
        self.look_again()

    def answer_taken(self) -> None:
        """Look again: the peer has taken an answer, which makes room for another."""
        self.answers -= 1
        if self.seen != self.consumed:
            self.look_again()

    def look_again(self) -> None:
        """Ask for a turn that looks at waiting descriptors again."""
        self.seen = -1
        self._host.later(0.0)

    def consume(self, produced: int, prompt: Callable[[memoryview], bool] | None = None) -> None:
        """Carry out what the peer has posted, up to ``produced``. Raises ``Broken``.

        ``prompt`` is shown messages first (``verbs.interfaces.PromptQueuePair``).
        """
        host, peer = self._host, self._peer
        consumed = before = self.consumed
        if not consumed <= produced <= consumed + peer.count:
            raise Broken("it counts its requests wrongly")
        self.seen = produced
        descriptors, mask = peer.descriptors, peer.mask
        receives, messages = self._receives, peer.messages
        completions, slab_view = self._recv_cq, self._remote.slab_view
        carry_out, words = self._carry_out, self._words
        try:
            if prompt is not None and show is not None:
                show(descriptors, messages, words, produced, self, host, prompt)
                if host.state is not _RTS:
                    return
                consumed = self.consumed
            while consumed < produced:
                fields = _unpack(descriptors, (consumed & mask) * DESCRIPTOR_OCTETS)
                opcode, flags, _, _, length, where, _, _ = fields
                if opcode == SEND and not flags and receives:
                    # The usual case. Anything odd is left to the general way, which finds it.
                    receive = receives[0]
                    if where & IN_RING:
                        start = where ^ IN_RING
                        source = messages[start : start + length]
                    else:
                        source = slab_view(where, 0, length) or _NOTHING
                    if len(source) == length <= len(receive.buffer):
                        message = receive.buffer[:length]
                        message[:] = source
                        if prompt is not None and not len(completions):
                            # It may post, which may carry out more, or close.
                            self.consumed = words[CONSUMED] = consumed + 1
                            taken = prompt(message)
                            if host.state is not _RTS:
                                return
                            if taken:
                                consumed = self.consumed
                                continue
                        self.received(length)
                        consumed += 1
                        continue
                if not carry_out(*fields):
                    if self.rnr_since is None:
                        self.rnr_since = host.time()
                    self.check_patience()
                    break
                consumed += 1
        except Refusal as refusal:
            self._refuse(consumed, int(refusal.status), str(refusal))
            return
        if host.state is _RTS:
            self.consumed = self._words[CONSUMED] = consumed
            if before < peer.words[WANTED] <= consumed:
                self._doorbell.notify()

    def received(self, length: int) -> None:
        """Complete the next receive, in whose buffer a plain message of ``length`` octets is."""
        receive = self._receives.popleft()
        self._recv_cq.push(WC(receive.wr_id, 0, _RECV, length))

    def _refuse(self, consumed: int, status: int, reason: str) -> None:
        """Tell the peer that its next descriptor failed."""
        self.consumed = consumed
        self._words[CONSUMED] = consumed | status << COUNT_BITS
        self._doorbell.notify()
        self._host.break_down(reason)

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
        """Carry out one descriptor; return false if it has to wait.

        Raises ``Refusal`` and ``Broken``.
        """
        if opcode == SEND:
            return self._receive(flags, imm, length, where, rkey)
        if opcode == READ_ANSWER:
            self._sends.take_answer(length, where)
            return True
        if opcode == READ:
            return self._answer(flags, length, rkey, address)
        if opcode not in (WRITE, WRITE_IMM):
            raise Broken(f"there is no operation {opcode}")
        if opcode == WRITE_IMM and not self._receives:
            return False
        if length:
            region = self._reached(flags, length, rkey, address, _REMOTE_WRITE)
            region.take_in(address, length)
        if opcode == WRITE_IMM:
            receive = self._receives.popleft()
            self._recv_cq.push(WC(receive.wr_id, 0, _RECV_IMM, length, imm))
        return True

    def _reached(
        self, flags: int, length: int, rkey: int, address: int, access: int
    ) -> MemoryRegion:
        region = self._pd.find(rkey)
        if (
            flags & REFUSE
            or region is None
            or not self._access & access
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
                source = self._peer.messages[start : start + length]
            else:
                found = self._remote.slab_view(where, 0, length)
                source = found if found is not None else buffer[:0]
            if len(source) != length:
                raise Broken("a message that is nowhere")
            buffer[:length] = source
        invalidated = None
        if flags & INVALIDATES:
            if not self._pd.invalidate(rkey):
                self._recv_cq.push(WC(receive.wr_id, WcStatus.LOC_PROT_ERR, _RECV))
                raise Refusal(WcStatus.REM_ACCESS_ERR, "the peer invalidated a key that is none")
            invalidated = rkey
        self._recv_cq.push(
            WC(receive.wr_id, 0, _RECV, length, imm if flags & HAS_IMM else None, invalidated)
        )
        return True

    def check_patience(self) -> None:
        """Refuse the message that waits for a receive when it has waited too long."""
        if self._rnr_retries == _FOREVER or self.rnr_since is None:
            return
        left = self.rnr_since + self._rnr_retries * _RNR_WAIT_S - self._host.time()
        if left > 0:
            self._host.later(left)
            return
        status = int(WcStatus.RNR_RETRY_EXC_ERR)
        self._refuse(self.consumed, status, "no receive was posted for a message of the peer")

    def _answer(self, flags: int, length: int, rkey: int, address: int) -> bool:
        """Answer a READ, unless the peer has read already; return false if it has to wait."""
        if not length:
            return True
        region = self._reached(flags, length, rkey, address, _REMOTE_READ)
        if flags & DIRECT:
            return True
        if self.answers >= self._most_answers:
            return False
        start = address - region.address
        piece = self._pd.arena.acquire(length)
        piece.slab.view[piece.offset : piece.offset + length] = region.view[start : start + length]
        self.answers += 1
        self._sends.post_answer(piece, length)
        return True
