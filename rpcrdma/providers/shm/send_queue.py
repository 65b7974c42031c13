"""The send queue: what is posted becomes descriptors in our ring, to be carried out by the peer.

An RDMA WRITE is placed in the shadow of the peer's region when it is posted; an RDMA READ of a
region that does not change is read from the shadow. The peer, who owns the region, checks the key
all the same, and counts the descriptor as consumed. An RDMA READ of a region that may change is
answered by the peer, with a descriptor of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from ...verbs.types import Access, QpState, SendWR, VerbsError, WcStatus, WrOpcode
from .link import Host, Link
from .memory import Piece
from .remote import gather, scatter
from .ring import (
    DESCRIPTOR,
    DESCRIPTOR_OCTETS,
    DIRECT,
    HAS_IMM,
    IN_RING,
    INVALIDATES,
    NEVER,
    PRODUCED,
    READ,
    READ_ANSWER,
    REFUSE,
    SEND,
    SEND_IMM,
    SEND_INV,
    WANTED,
    WRITE,
    WRITE_IMM,
    Broken,
)
from .talk import put

_LONGEST_IN_RING: Final = 1 << 15
"""Longer messages travel in a slab, so that a few of them do not fill the ring."""

_pack: Final = DESCRIPTOR.pack_into
_LOCAL_INV: Final = int(WrOpcode.LOCAL_INV)
_SENDS: Final = frozenset((SEND, SEND_IMM, SEND_INV))
_REMOTE_WRITE: Final = int(Access.REMOTE_WRITE)
_REMOTE_READ: Final = int(Access.REMOTE_READ)

QUIET_MOST: Final = 64
"""Most descriptors that are posted quietly and not complete."""


class Quiet(SendWR):
    """The request of what was posted quietly; ``rkey`` is what the peer is to invalidate, or 0."""

    __slots__ = ()


QUIET: Final = Quiet(SEND, signaled=False)
"""The one that invalidates nothing."""

Posted = tuple[int, SendWR | None, int, Piece | None]
"""A descriptor in our ring that is not complete: how many the peer has consumed when it is; the
request (None for an answer of ours); where its octets end in the ring of messages, or -1; the piece
with its octets, if they are not in the ring."""

_NOTHING_BEGUN: Final = (0, -1, None, 0)


class SendQueue:
    """Our ring and what is posted in it. ``reclaim`` completes what the peer has carried out."""

    __slots__ = (
        "_arena",
        "_begun",
        "_doorbell",
        "_host",
        "_message_head",
        "_messages",
        "_messages_size",
        "_next_head",
        "_peer_words",
        "_reclaim_done",
        "_remote",
        "_ring",
        "_words",
        "message_tail",
        "posted",
        "produced",
        "quiet",
        "reads",
        "requests",
        "signaled",
        "wanted",
    )

    def __init__(
        self,
        host: Host,
        link: Link,
        reclaim: Callable[[], None],
    ) -> None:
        ring = link.ring
        self._host = host
        self._arena = host.pd.arena
        self._ring = ring
        self._words = ring.words
        self._peer_words = link.peer.words
        self._messages = ring.messages
        self._messages_size = len(ring.messages)
        self._remote = link.remote
        self._doorbell = link.doorbell
        self._reclaim_done = reclaim
        self._begun: tuple[int, int, Piece | None, int] = _NOTHING_BEGUN
        self._message_head = self._next_head = 0
        self.message_tail = 0
        """Up to here the peer has taken the octets in the ring of messages."""
        self.posted: deque[Posted] = deque()
        self.requests = 0
        """How many of ``posted`` are work requests."""
        self.reads: deque[Posted] = deque()
        """READs that wait for an answer."""
        self.produced = 0
        self.signaled: deque[int] = deque()
        """The numbers of descriptors whose completion the owner wants."""
        self.wanted = NEVER
        """A turn is due when the peer has carried out so many descriptors."""
        self.quiet = False
        """Whether something was posted of which the peer was not notified."""

    def post(self, request: SendWR) -> None:
        """Append a work request. Raises ``VerbsError`` when it cannot be carried out."""
        opcode = request.opcode
        if opcode in _SENDS:
            self._post_message(request, opcode)
        elif opcode == READ:
            self._post_read(request)
        elif opcode == _LOCAL_INV:
            self.posted.append((self.produced, request, -1, None))
            self.wanted = 0  # it does not need the peer
            self._host.later(0.0)
        else:
            self._post_write(request, opcode)
        self.requests += 1
        if request.signaled or opcode == _LOCAL_INV:
            self._signal()
        if opcode == WRITE and not request.signaled:
            # A message that needs a notification follows at once, as a rule.
            self.quiet = True
            self._host.later(0.0)
        else:
            self.quiet = False
            self._doorbell.notify()

    def post_answer(self, piece: Piece, length: int) -> None:
        """Answer the oldest READ of the peer that waits with what is in ``piece``."""
        self._produce(READ_ANSWER, 0, 0, length, piece.where, 0, 0)
        self.posted.append((self.produced, None, -1, piece))
        self._signal()
        self.quiet = False
        self._doorbell.notify()

    def take_answer(self, length: int, where: int) -> None:
        """Take the peer's answer to the READ that waits longest. Raises ``Broken``."""
        if not self.reads:
            raise Broken("an answer to no READ")
        request = self.reads.popleft()[1]
        assert request is not None
        source = self._remote.slab_view(where, 0, length)
        if source is None or length != request.length():
            raise Broken("an answer to another READ")
        scatter(source, request.sg_list)
        self.wanted = 0  # this READ, and what is behind it, may be complete

    def clear(self) -> None:
        """Forget everything. Pieces that the peer may still look at are not used again."""
        self.posted.clear()
        self.reads.clear()

    def _signal(self) -> None:
        """Note that the owner wants the completion of the latest descriptor."""
        self.signaled.append(self.produced)
        if self.wanted == NEVER:
            self.wanted = self._words[WANTED] = self.produced

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
        where, end, piece = self._put(pieces, length)
        self._produce(SEND, flags, request.imm_data, length, where, rkey, 0)
        self.posted.append((self.produced, request, end, piece))

    def begin(self, length: int) -> memoryview | None:
        """Return room for a message that is posted quietly by :meth:`finish`.

        Returns None if too much is not complete already. Raises ``VerbsError``.
        """
        if len(self.posted) >= QUIET_MOST - 1:
            self._reclaim()
            if len(self.posted) >= QUIET_MOST - 1:
                return None
        forgotten = self._begun[2]
        if forgotten is not None:
            self._arena.release(forgotten)
            self._begun = _NOTHING_BEGUN
        target, where, end, piece = self._room(length)
        self._begun = where, end, piece, length
        return target

    def put(self, pieces: Sequence[bytes | memoryview]) -> bool:
        """Post a message quietly, all at once, if there is room for it.

        Where that is simple ``talk.post`` does the same. Raises ``VerbsError``.
        """
        length = sum(map(len, pieces))
        if length > _LONGEST_IN_RING or self._begun[2] is not None:
            target = self.begin(length)
            if target is None:
                return False
            gather(target, 0, pieces)
            self.finish(0)
            return True
        start = self.start(length)
        if start < 0:
            return False
        armed = put(
            *(self._words, self._ring.descriptors, self._messages, self._peer_words),
            *(self.produced, start, pieces),
        )
        self.started()
        if armed:
            self._doorbell.notify()
        return True

    def start(self, length: int) -> int:
        """Return where in the ring of messages a message may be put; -1 if there is no room.

        It is posted by others, who say so by :meth:`started`. Raises ``VerbsError``.
        """
        if length > _LONGEST_IN_RING or self._begun[2] is not None:
            return -1
        if len(self.posted) >= QUIET_MOST - 1:
            self._reclaim()
            if len(self.posted) >= QUIET_MOST - 1:
                return -1
        size, head = self._messages_size, self._message_head
        start = head & (size - 1)
        if start + length > size:
            head += size - start
            start = 0
        self._next_head = head = head + length
        if head - self.message_tail > size:
            self._reclaim()
        return start if head - self.message_tail <= size else -1

    def started(self) -> None:
        """Note that what :meth:`start` found room for was posted quietly."""
        self._begun = _NOTHING_BEGUN
        self._message_head = head = self._next_head
        self.produced = produced = self.produced + 1
        self.posted.append((produced, QUIET, head, None))
        self.quiet = False

    def place(self, rkey: int, address: int, length: int) -> None:
        """Post quietly an RDMA WRITE whose octets are in place."""
        self._produce(WRITE, 0, 0, length, 0, rkey, address)
        self.posted.append((self.produced, QUIET, -1, None))

    def finish(self, rkey: int) -> None:
        """Post what was begun, and notify the peer of all; it invalidates ``rkey`` unless 0."""
        where, end, piece, length = self._begun
        self._begun = _NOTHING_BEGUN
        if end >= 0:
            self._message_head = end
        if rkey:
            self._remote.dead.add(rkey)
            request = Quiet(SEND_INV, rkey=rkey, signaled=False)
            self._produce(SEND, INVALIDATES, 0, length, where, rkey, 0)
        else:
            request = QUIET
            self._produce(SEND, 0, 0, length, where, 0, 0)
        self.posted.append((self.produced, request, end, piece))
        self.quiet = False
        self._doorbell.notify()

    def _put(
        self, pieces: Sequence[bytes | memoryview], length: int
    ) -> tuple[int, int, Piece | None]:
        """Copy a message to where the peer can read it, and return where that is (``_room``)."""
        target, where, end, piece = self._room(length)
        gather(target, 0, pieces)
        if end >= 0:
            self._message_head = end
        return where, end, piece

    def _room(self, length: int) -> tuple[memoryview, int, int, Piece | None]:
        """Return room where the peer can read it, which is free until something is put there.

        With it come the place, where it ends in the ring of messages (or -1), and its piece
        elsewhere.
        """
        size = self._messages_size
        if length <= _LONGEST_IN_RING:
            head = self._message_head
            start = head & (size - 1)
            if start + length > size:
                head += size - start
                start = 0
            end = head + length
            if end - self.message_tail > size:
                self._reclaim()
            if end - self.message_tail <= size:
                return self._messages[start : start + length], IN_RING | start, end, None
        self._reclaim()  # so that few pieces are in use, whose pages are warm
        piece = self._arena.acquire(max(length, 1))
        target = piece.slab.view[piece.offset : piece.offset + length]
        return target, piece.where, -1, piece

    def _reclaim(self) -> None:
        """Complete what the peer has carried out, to make room."""
        self._reclaim_done()
        if self._host.state is not QpState.RTS:
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
        self._produce(opcode, flags, request.imm_data, length, 0, rkey, address)
        self.posted.append((self.produced, request, -1, None))

    def _post_read(self, request: SendWR) -> None:
        length = request.length()
        rkey, address = request.rkey, request.remote_address
        if any(view.readonly for view in request.sg_list):
            raise VerbsError("a destination must be writable", WcStatus.LOC_PROT_ERR)
        posted: Posted = (self.produced + 1, request, -1, None)
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
                self.reads.append(posted)
        self._produce(READ, flags, 0, length, 0, rkey, address)
        self.posted.append(posted)

    def _produce(
        self, opcode: int, flags: int, imm: int, length: int, where: int, rkey: int, address: int
    ) -> None:
        """Put a descriptor into our ring."""
        ring = self._ring
        produced = self.produced
        at = (produced & ring.mask) * DESCRIPTOR_OCTETS
        _pack(ring.descriptors, at, opcode, flags, 0, imm, length, where, rkey, address)
        self.produced = self._words[PRODUCED] = produced + 1
