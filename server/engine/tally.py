"""What a server has done: operations by outcome, time, and octets; who does what, if asked.

Both ways through a compound count here, the machine and the lane. It is counted per operation and
status, which are few, and never per client, which are not: but while somebody watches
(:class:`Activity`), what clients and files are busy with is kept for a moment, up to a bound.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from nfsrdma.xdr.nfs4 import types as nfs

from ..state.client import Client
from ..vfs.namespace import Filehandle

BOUNDS: Final = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0),
)
"""Upper bounds of the spans of time that are told apart, in seconds."""
_HIGHEST: Final = 128
"""Above the numbers of operations."""
AUXILIARY: Final = frozenset(
    (
        *(nfs.OP_SEQUENCE, nfs.OP_PUTFH, nfs.OP_PUTROOTFH, nfs.OP_PUTPUBFH, nfs.OP_GETFH),
        *(nfs.OP_SAVEFH, nfs.OP_RESTOREFH, nfs.OP_GETATTR),
    )
)
"""What COMPOUNDs of every kind have in them."""
_READ_LENGTH_AT: Final = 12  # behind the operation, status, end of file
_WRITTEN_AT: Final = 8  # behind the operation, status
_LENGTH: Final = struct.Struct(">I")
_LONGEST: Final = 6
"""Above the numbers of operations of the lane's shapes: three, four with a GETATTR behind, and
five with a GETFH before that."""
_MOST_WATCHED: Final = 4096
_WATCHED_S: Final = 15.0
"""For how long it is noted who does what, when nobody looks any more."""


@dataclass(slots=True)
class Spans:
    """How long things took: how many at most each of ``BOUNDS``, or longer, and all together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total_s: float = 0.0


@dataclass(slots=True)
class Work:
    """What was done for somebody, or with something: operations, and octets of files."""

    operations: int = 0
    read: int = 0
    written: int = 0

    def add(self, read: int, written: int) -> None:
        """Count one operation."""
        self.operations += 1
        self.read += read
        self.written += written


class Activity:
    """What clients and files are busy with, from when somebody has looked last."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.clients: dict[int, Work] = {}
        """By the client's id; 0 is those who have none."""
        self.files: dict[bytes, tuple[Filehandle, Work]] = {}
        """By their handles."""

    def note(
        self, client: Client | None, handle: Filehandle | None, read: int, written: int
    ) -> None:
        """Note an operation, and how many octets it has read and written."""
        number = 0 if client is None else client.id
        if number in self.clients or len(self.clients) < _MOST_WATCHED:
            self.clients.setdefault(number, Work()).add(read, written)
        if handle is None:
            return
        if handle.wire in self.files or len(self.files) < _MOST_WATCHED:
            self.files.setdefault(handle.wire, (handle, Work()))[1].add(read, written)


class Tally:
    """The counts of one server."""

    __slots__ = ("_lanes", "_succeeded", "activity", "failed", "read", "spans", "written")

    def __init__(self) -> None:
        self._succeeded = [0] * _HIGHEST
        """Operations that succeeded, by their number, but for those that all lanes have."""
        self._lanes = [0] * _LONGEST
        """How many COMPOUNDs of so many operations took the lane."""
        self.failed: Counter[tuple[int, int]] = Counter()
        """Those that did not, by number and status; of all unknown numbers there is OP_ILLEGAL."""
        self.spans: defaultdict[int, Spans] = defaultdict(Spans)
        """How long COMPOUNDs took, by the number of the operation that they are about."""
        self.read = 0
        """Octets of files, by READ."""
        self.written = 0
        self.activity: Activity | None = None
        """What who does, while somebody watches."""

    @property
    def succeeded(self) -> dict[int, int]:
        """How often operations succeeded, by their number."""
        counts = list(self._succeeded)
        counts[nfs.OP_SEQUENCE] += sum(self._lanes)
        counts[nfs.OP_PUTFH] += sum(self._lanes)
        counts[nfs.OP_GETATTR] += sum(self._lanes[4:])
        counts[nfs.OP_GETFH] += self._lanes[5]
        return {number: count for number, count in enumerate(counts) if count}

    def succeed(self, number: int) -> None:
        """Count an operation that succeeded."""
        self._succeeded[number] += 1

    def note(
        self,
        number: int,
        results: bytearray | memoryview,
        at: int,
        client: Client | None,
        handle: Filehandle | None,
    ) -> None:
        """Note what an operation that succeeded has moved, and for whom.

        ``at`` is where its result begins. That it succeeded is counted already.
        """
        read = written = 0
        if number == nfs.OP_READ:
            (read,) = _LENGTH.unpack_from(results, at + _READ_LENGTH_AT)
            self.read += read
        elif number == nfs.OP_WRITE:
            (written,) = _LENGTH.unpack_from(results, at + _WRITTEN_AT)
            self.written += written
        if self.activity is not None:
            self.activity.note(client, handle, read, written)

    def pass_lane(
        self,
        number: int,
        count: int,
        results: bytearray | memoryview,
        at: int,
        client: Client,
        handle: Filehandle,
        seconds: float,
    ) -> None:
        """Count a COMPOUND of the lane's shape: as :meth:`note` and :meth:`end` do, but at once."""
        self._succeeded[number] += 1
        self._lanes[count] += 1
        read = written = 0
        if number == nfs.OP_READ:
            (read,) = _LENGTH.unpack_from(results, at + _READ_LENGTH_AT)
            self.read += read
        elif number == nfs.OP_WRITE:
            (written,) = _LENGTH.unpack_from(results, at + _WRITTEN_AT)
            self.written += written
        if self.activity is not None and number not in AUXILIARY:
            self.activity.note(client, handle, read, written)
        spans = self.spans[number]
        spans.counts[bisect_left(BOUNDS, seconds)] += 1
        spans.total_s += seconds

    def end(self, number: int, seconds: float) -> None:
        """Count a COMPOUND that is about the operation of a number, and how long it took."""
        spans = self.spans[number]
        spans.counts[bisect_left(BOUNDS, seconds)] += 1
        spans.total_s += seconds

    def watch(self, now: float) -> Activity:
        """Return who did what since this was asked last, and go on noting it for a while."""
        noted, self.activity = self.activity, Activity(now)
        return noted or Activity(now)

    def stop_watching(self, now: float) -> None:
        """Note nothing more if nobody has looked for a while."""
        if self.activity is not None and now - self.activity.began > _WATCHED_S:
            self.activity = None
