"""One direction of a TCP connection: segments, in any order, into a stream without copies.

A *position* is a sequence number that does not wrap. What is known to be missing (the receiver
has acknowledged it, or too much waits behind it) becomes a chunk of which nothing is in the file,
so that the stream's reader finds holes and cut segments alike.
"""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush
from operator import attrgetter
from typing import NamedTuple

from ..base.extent import ByteMap, Piece
from ..base.packet import Carrier

MAX_HELD = 1024
"""Segments that may wait for one before them."""
_HALF, _WHOLE = 1 << 31, 1 << 32


class Received(NamedTuple):
    """``size`` octets of the stream from ``start``; the first ``have`` are at ``offset``."""

    start: int
    size: int
    have: int
    offset: int
    frame: int
    time_ns: int
    carrier: Carrier | None = None
    """Where the frame's headers are, if something asks for them."""


_START = attrgetter("start")


class Stream:
    """What one side sends. ``chunks`` are in order and without gaps, the last ends at ``end``."""

    __slots__ = ("_acked", "_held", "begun", "chunks", "end", "lost", "resent")

    def __init__(self) -> None:
        self.chunks: list[Received] = []
        self.begun = False
        """A sequence number was seen."""
        self.end = 0
        self.resent = 0
        """Segments that brought nothing new."""
        self.lost: list[tuple[int, int]] = []
        """Frame and length of every hole since the caller emptied the list."""
        self._held: list[Received] = []
        self._acked = 0

    def begin(self, sequence: int) -> None:
        """Learn the sequence number of the next octet, if none is known yet."""
        if not self.begun:
            self.begun = True
            self.end = self._acked = sequence

    def _position(self, sequence: int) -> int:
        return self.end + (sequence - self.end + _HALF) % _WHOLE - _HALF

    def add(
        self, sequence: int, size: int, have: int, offset: int, frame: int, time_ns: int,
        carrier: Carrier | None = None,
    ) -> None:  # fmt: skip
        """Take a segment with ``size`` octets."""
        self.begin(sequence)
        position = self._position(sequence)
        if position + size <= self.end:
            self.resent += 1
            return
        chunk = Received(position, size, have, offset, frame, time_ns, carrier)
        if position <= self.end and not self._held:
            self._append(chunk)
        else:
            heappush(self._held, chunk)
            self._release()

    def acknowledged(self, sequence: int) -> None:
        """Learn that the receiver has everything before ``sequence``."""
        if self.begun:
            self._acked = max(self._acked, self._position(sequence))
            if self._held:
                self._release()

    def _release(self) -> None:
        held = self._held
        while held:
            start = held[0].start
            if start > self.end:
                if start > self._acked and len(held) <= MAX_HELD:
                    return
                self._hole(held[0])
            self._append(heappop(held))

    def _hole(self, following: Received) -> None:
        size = following.start - self.end
        self.lost.append((following.frame, size))
        self._append(Received(self.end, size, 0, 0, following.frame, following.time_ns))

    def _append(self, chunk: Received) -> None:
        start, size, have, offset, frame, time_ns, carrier = chunk
        skip = self.end - start
        if skip >= size:
            self.resent += 1
            return
        if skip:
            chunk = Received(
                self.end, size - skip, max(0, have - skip), offset + skip, frame, time_ns, carrier
            )  # fmt: skip
        self.chunks.append(chunk)
        self.end = start + size

    def flush(self) -> None:
        """Hand on what waits: nothing more will come."""
        self._acked = self.end + _WHOLE
        self._release()

    # --- Reading ---

    def _index(self, position: int) -> int:
        return max(0, bisect_right(self.chunks, position, key=_START) - 1)

    def at(self, position: int) -> Received:
        """Return the chunk that has a position, which must be before ``end`` and not dropped."""
        return self.chunks[self._index(position)]

    def behind_holes(self, position: int) -> int:
        """Return the first position from ``position`` on that no hole follows.

        A hole's length is what a sequence number says: up to two gigabytes.
        """
        for start, size, have, _, _, _, _ in reversed(self.chunks):
            if start + size <= position:
                break
            if not have:
                return start + size
        return position

    def map(self, start: int, end: int) -> ByteMap:
        """Return where the octets of ``[start, end)`` are."""
        pieces = []
        chunks = self.chunks
        for index in range(self._index(start), len(chunks)):
            low, _, have, offset, frame, _, _ = chunks[index]
            if low >= end:
                break
            first, last = max(low, start), min(low + have, end)
            if first < last:
                pieces.append(Piece(first - start, last - first, offset + first - low, frame))
        return ByteMap(max(0, end - start), pieces)

    def read(self, start: int, size: int, view: memoryview) -> bytes | None:
        """Return octets before ``end``; ``None`` if the file has not all of them."""
        if not size:
            return b""
        low, _, have, offset, _, _, _ = self.at(start)
        if low <= start and start + size <= low + have:
            at = offset + start - low
            return bytes(view[at : at + size])
        content = self.map(start, start + size)
        return bytes(content.read(view)) if content.complete else None

    def drop(self, position: int) -> None:
        """Forget what is before ``position``."""
        chunks = self.chunks
        if chunks and position >= self.end:
            chunks.clear()
        elif len(chunks) > 1 and position >= chunks[1].start:
            del chunks[: self._index(position)]
