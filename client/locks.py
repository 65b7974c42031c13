"""Byte-range locks that an open holds, kept to claim them back (RFC 8881, Section 9.1).

A lock belongs to an owner: a process, or an open file description, whatever the user of this says.
The server knows the locks of an owner by a stateid; which ranges they are is noted here too, since
a restarted server has to be told. What cannot be claimed back is lost: another may have had the
lock meanwhile, so the data that it was to protect is not to be trusted, and the owner has to learn
of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nfsrdma.xdr.nfs4 import types as t

FOREVER: Final = (1 << 64) - 1
"""The length of a range that has no end."""
_END: Final = 1 << 64
LOCKS_LOST: Final = "the server has lost the locks that were held on the file"
"""How reads and writes fail then, until their owner has unlocked something."""


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of a file that is locked: ``kind`` is ``READ_LT`` or ``WRITE_LT``."""

    start: int
    end: int
    kind: int

    @property
    def length(self) -> int:
        """Its length, as LOCK wants it."""
        return FOREVER if self.end == _END else self.end - self.start


class HeldLocks:
    """What one owner has locked through one open."""

    __slots__ = ("lost", "owner", "ranges", "stateid")

    def __init__(self, owner: bytes, stateid: t.stateid4) -> None:
        self.owner = owner
        self.set_stateid(stateid)
        self.ranges: list[Range] = []
        self.lost = False
        """Whether the server does not know them any more."""

    def set_stateid(self, stateid: t.stateid4) -> None:
        """Use the stateid that came with the latest LOCK or LOCKU."""
        self.stateid = _latest(stateid)

    def add(self, kind: int, offset: int, length: int) -> None:
        """Note that a range was locked, whatever of it was locked before."""
        self.remove(offset, length)
        self.ranges.append(Range(offset, _end(offset, length), kind))

    def remove(self, offset: int, length: int) -> None:
        """Note that a range was unlocked."""
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


def _latest(stateid: t.stateid4) -> t.stateid4:
    """Return a stateid as it is sent: a sequence id of 0 means the latest (Section 8.2.2).

    So calls of one owner may be under way together, and be executed in any order.
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
    """Return the arguments of LOCK: by the owner's stateid, or the open's if it has none yet."""
    if held is None:
        # Sequence ids are of no use in sessions, and 0 (RFC 8881, Section 8.13).
        new = t.open_to_lock_owner4(0, _latest(opened), 0, t.lock_owner4(0, owner))
        locker = t.locker4(True, new)
    else:
        locker = t.locker4(False, t.exist_lock_owner4(held.stateid, 0))
    return t.LOCK4args(kind, reclaim, offset, length, locker)
