"""Byte-range locks held through an open, recorded to reclaim them (RFC 8881, Section 9.1).

A lock belongs to an owner: a process, or an open file description, as the caller chooses. The
server identifies the locks of an owner by a stateid. Their ranges are recorded here too, since a
restarted server has to be told. A lock that cannot be reclaimed is lost: another owner may have
held it meanwhile, so that the data it protected cannot be trusted, and its owner has to be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as t

FOREVER: Final = (1 << 64) - 1
"""The length of a range without an end."""
_END: Final = 1 << 64
LOCKS_LOST: Final = "the server has lost the locks that were held on the file"
"""The message of errors of reads and writes until the lock owner has unlocked."""


@dataclass(frozen=True, slots=True)
class Range:
    """A locked range of a file: ``kind`` is ``READ_LT`` or ``WRITE_LT``."""

    start: int
    end: int
    kind: int

    @property
    def length(self) -> int:
        """The length, as LOCK encodes it."""
        return FOREVER if self.end == _END else self.end - self.start


class HeldLocks:
    """The locks of one owner through one open."""

    __slots__ = ("lost", "owner", "ranges", "stateid")

    def __init__(self, owner: bytes, stateid: t.stateid4) -> None:
        self.owner = owner
        self.set_stateid(stateid)
        self.ranges: list[Range] = []
        self.lost = False
        """Whether the server has lost the locks."""

    def set_stateid(self, stateid: t.stateid4) -> None:
        """Adopt the stateid of the latest LOCK or LOCKU."""
        self.stateid = _latest(stateid)

    def add(self, kind: int, offset: int, length: int) -> None:
        """Record that a range was locked; it replaces overlapping locks."""
        self.remove(offset, length)
        self.ranges.append(Range(offset, _end(offset, length), kind))

    def remove(self, offset: int, length: int) -> None:
        """Record that a range was unlocked."""
        end = _end(offset, length)
        left: list[Range] = []
        for each in self.ranges:
            if each.end <= offset or each.start >= end:
                left.append(each)
                continue
            if each.start < offset:
                left.append(Range(each.start, offset, each.kind))
            if each.end > end:
                left.append(Range(end, each.end, each.kind))
        self.ranges = left


class LockNotices:
    """Who waits for locks, and is told by the server when to ask again (CB_NOTIFY_LOCK).

    A notice names a file and a lock owner (RFC 8881, Section 20.11). It may overtake the answer
    that denies the lock, so whoever asks expects it before asking.
    """

    def __init__(self) -> None:
        self._expected: dict[tuple[bytes, bytes], list[Future[None]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._expected.values()))

    def expect(self, handle: bytes, owner: bytes) -> Future[None]:
        """Return the future of a notice. Call :meth:`forget` if it is not awaited any more."""
        notice: Future[None] = Future()
        self._expected.setdefault((handle, owner), []).append(notice)
        return notice

    def forget(self, handle: bytes, owner: bytes, notice: Future[None]) -> None:
        """Expect a notice no longer. Harmless to repeat, and after it has come."""
        expected = self._expected.get((handle, owner), [])
        if notice in expected:
            expected.remove(notice)
            if not expected:
                del self._expected[handle, owner]

    def came(self, handle: bytes, owner: bytes) -> None:
        """Tell all those who expect a notice that it has come."""
        for notice in self._expected.pop((handle, owner), ()):
            if not notice.done():
                notice.set_result(None)


def _latest(stateid: t.stateid4) -> t.stateid4:
    """Return a stateid as it is sent: a sequence ID of 0 stands for the latest (Section 8.2.2).

    With it, several calls of one owner may be in flight, and be executed in any order.
    """
    return t.stateid4(0, stateid.other)


def _end(offset: int, length: int) -> int:
    return _END if length == FOREVER else offset + length


def lock_arguments(
    opened: t.stateid4,
    held: HeldLocks | None,
    owner: bytes,
    kind: int,
    offset: int,
    length: int,
    *,
    reclaim: bool = False,
) -> t.LOCK4args:
    """Return the arguments of LOCK, by the stateid of the owner's locks or else of the open."""
    if held is None:
        # Sessions do not use these sequence IDs: they are 0 (RFC 8881, Section 8.8).
        new = t.open_to_lock_owner4(0, _latest(opened), 0, t.lock_owner4(0, owner))
        locker = t.locker4(True, new)
    else:
        locker = t.locker4(False, t.exist_lock_owner4(held.stateid, 0))
    return t.LOCK4args(kind, reclaim, offset, length, locker)
