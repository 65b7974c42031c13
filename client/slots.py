"""The slot table of a session, which gives exactly-once semantics (RFC 8881, Section 2.10.6.1).

A slot carries one request at a time, each with the next sequence ID. The server caches the last
reply of every slot, so a request that may have been lost is sent again *in the same slot and with
the same sequence ID*: either it is executed now, or the cached reply comes back. Hence these rules:
a sequence ID advances only after the server accepted the request, as its reply to SEQUENCE says; a
slot whose request has an unknown fate stays busy until it is settled; and a slot is never reused
while a reply may still come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from nfsrdma.rpcrdma.task import Cancelled, Future


class SlotTable:
    """The slots of one session, of which the lowest free one is used. Methods are O(1)."""

    __slots__ = (
        "_busy",
        "_limit",
        "_waiting",
        "closed",
        "in_doubt",
        "not_executed",
        "on_busy",
        "seqids",
        "size",
    )

    def __init__(self, size: int) -> None:
        assert size > 0
        self.size = size
        """The number of slots of the session."""
        self.seqids = [1] * size
        """The sequence ID of the next request, or of the one in flight, by slot."""
        self.closed = False
        """Whether the session has ended, so that its slots are of no use."""
        self.in_doubt: set[int] = set()
        """Slots whose request may have been executed, and must not be so twice; and some more."""
        self.not_executed: set[int] = set()
        """Those of them whose request was not, as the next life of the server has said."""
        self.on_busy: Callable[[], None] | None = None
        """Called once, when the lowest slot is acquired: a call is made."""
        self._limit = size
        self._busy = 0  # one bit for each slot
        self._waiting: deque[Future[int]] = deque()

    @property
    def limit(self) -> int:
        """The number of slots that the server wants used now."""
        return self._limit

    @property
    def highest_busy(self) -> int:
        """The highest slot with a request in flight, for ``sa_highest_slotid``."""
        return self._busy.bit_length() - 1

    @property
    def busy(self) -> int:
        """The number of busy slots."""
        return self._busy.bit_count()

    def is_busy(self, slot: int) -> bool:
        """Return whether a request is in flight, or in doubt, in ``slot``."""
        return bool(self._busy >> slot & 1)

    @property
    def waiting(self) -> int:
        """The number of requests that wait for a slot."""
        return len(self._waiting)

    def try_acquire(self) -> int:
        """Acquire the lowest free slot; return -1 if there is none."""
        lowest = ~self._busy & (self._busy + 1)
        slot = lowest.bit_length() - 1
        if slot >= self._limit or self.closed:
            return -1
        if not slot and self.on_busy is not None:
            tell, self.on_busy = self.on_busy, None
            tell()
        self._busy |= lowest
        return slot

    async def acquire(self) -> int:
        """Acquire a slot when one is free, in the order of calling; -1 if the table closes."""
        if self.closed:
            return -1
        turn: Future[int] = Future()
        self._waiting.append(turn)
        try:
            return await turn
        except Cancelled:
            self._waiting.remove(turn)
            raise

    def accepted(self, slot: int) -> None:
        """Advance the sequence ID of ``slot``, whose request the server has accepted."""
        self.seqids[slot] = (self.seqids[slot] + 1) & 0xFFFFFFFF

    def release(self, slot: int) -> None:
        """Release ``slot``, in which nothing is in flight any more."""
        assert self._busy >> slot & 1, "a free slot was released"
        if self._waiting and slot < self._limit:
            self._waiting.popleft().set_result(slot)
        else:
            self._busy &= ~(1 << slot)

    def executed(self, slot: int, target_highest: int) -> None:
        """Do :meth:`accepted`, :meth:`release` and :meth:`set_target` at once."""
        self.seqids[slot] = (self.seqids[slot] + 1) & 0xFFFFFFFF
        if self._waiting:
            self.release(slot)
        else:
            assert self._busy >> slot & 1, "a free slot was released"
            self._busy &= ~(1 << slot)
        if target_highest + 1 != self._limit:
            self.set_target(target_highest)

    def set_target(self, target_highest: int) -> None:
        """Follow ``sr_target_highest_slotid``: use no slot above it (Section 18.46.3)."""
        limit = min(self.size, target_highest + 1)
        if limit == self._limit:
            return
        self._limit = limit
        while self._waiting:
            slot = self.try_acquire()
            if slot < 0:
                break
            self._waiting.popleft().set_result(slot)

    def close(self) -> None:
        """End the table with its session; calls that wait for a slot look for another session."""
        self.closed = True
        waiting, self._waiting = self._waiting, deque()
        for turn in waiting:
            turn.set_result(-1)
