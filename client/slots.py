"""The slot table of one session: what makes every call happen once (RFC 8881, Section 2.10.6.1).

A slot carries one request at a time, and each request in it has the sequence id after the one
before. The server keeps the last reply of every slot, so a request that may have been lost is
sent again *in its slot and with its sequence id*: either it is executed now, or the kept reply
comes back. Hence the rules here. A sequence id advances only once the server has taken the
request, which its answer to SEQUENCE says; a slot whose request has an unknown fate stays taken
until it is settled; and a slot is never given away while an answer may still come.
"""

from __future__ import annotations

from collections import deque

from nfsrdma.rpcrdma.task import Cancelled, Future


class SlotTable:
    """Slots of one session, the lowest free one first. All methods are O(1)."""

    __slots__ = ("_busy", "_limit", "_waiting", "closed", "seqids", "size")

    def __init__(self, size: int) -> None:
        assert size > 0
        self.size = size
        """How many slots the session was granted."""
        self.seqids = [1] * size
        """The sequence id of the next request, or of the one under way, by slot."""
        self.closed = False
        """The session is gone; nothing can be sent in its slots any more."""
        self._limit = size
        self._busy = 0  # one bit for each slot
        self._waiting: deque[Future[int]] = deque()

    @property
    def limit(self) -> int:
        """How many slots the server wants used at present."""
        return self._limit

    @property
    def highest_busy(self) -> int:
        """The highest slot with a request outstanding, for ``sa_highest_slotid``."""
        return self._busy.bit_length() - 1

    @property
    def busy(self) -> int:
        """How many slots are taken."""
        return self._busy.bit_count()

    def take(self) -> int:
        """Take the lowest free slot, or return -1 when there is none."""
        lowest = ~self._busy & (self._busy + 1)
        slot = lowest.bit_length() - 1
        if slot >= self._limit or self.closed:
            return -1
        self._busy |= lowest
        return slot

    async def wait(self) -> int:
        """Take a slot when one becomes free, first come first served; -1 if the table closes."""
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
        """The server has taken the request in ``slot``: the next one has the next sequence id."""
        self.seqids[slot] = (self.seqids[slot] + 1) & 0xFFFFFFFF

    def release(self, slot: int) -> None:
        """Nothing is under way in ``slot`` any more."""
        assert self._busy >> slot & 1, "a free slot was released"
        if self._waiting and slot < self._limit:
            self._waiting.popleft().set_result(slot)
        else:
            self._busy &= ~(1 << slot)

    def set_target(self, target_highest: int) -> None:
        """Follow ``sr_target_highest_slotid``: use no slot above it (Section 18.46.3)."""
        limit = min(self.size, target_highest + 1)
        if limit == self._limit:
            return
        self._limit = limit
        while self._waiting:
            slot = self.take()
            if slot < 0:
                break
            self._waiting.popleft().set_result(slot)

    def close(self) -> None:
        """The session is gone: whoever waits for a slot looks for another session."""
        self.closed = True
        waiting, self._waiting = self._waiting, deque()
        for turn in waiting:
            turn.set_result(-1)
