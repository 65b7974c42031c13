"""Where octets are, instead of the octets: extents, and maps of what a thing is made of.

Nothing here holds payload. A thing that was transferred (a message, a chunk, a file) is a
:class:`ByteMap`: pieces of the capture file in their order, with holes where a packet is missing
or was cut. Its octets are read when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol


class Octets(Protocol):
    """What has the octets of a capture."""

    @property
    def view(self) -> memoryview:
        """All of them so far; another view once there are more."""
        ...


class Extent(NamedTuple):
    """The payload of one packet, or of ``packets`` packets in a row that are alike.

    The n-th packet has the ``size`` octets for ``address + n * size``; the first ``have`` of them
    are in the file at ``offset + n * stride``.
    """

    address: int
    size: int
    have: int
    offset: int
    frame: int
    packets: int = 1
    stride: int = 0

    @property
    def end(self) -> int:
        """The address after the last octet."""
        return self.address + self.size * self.packets


class Piece(NamedTuple):
    """``length`` octets of a thing, from its octet ``start``, at ``offset`` in the file."""

    start: int
    length: int
    offset: int
    frame: int


class ByteMap:
    """The pieces of a thing of ``length`` octets, in order and without overlaps."""

    __slots__ = ("length", "pieces")

    def __init__(self, length: int, pieces: list[Piece]) -> None:
        self.length = length
        self.pieces = pieces

    @property
    def present(self) -> int:
        """How many octets are in the file."""
        return sum(piece.length for piece in self.pieces)

    @property
    def complete(self) -> bool:
        """Whether all octets are in the file."""
        return self.present == self.length

    def holes(self) -> Iterator[tuple[int, int]]:
        """Start and end of every stretch that is not in the file."""
        at = 0
        for piece in self.pieces:
            if piece.start > at:
                yield at, piece.start
            at = piece.start + piece.length
        if at < self.length:
            yield at, self.length

    def prefix(self) -> int:
        """Return how many octets there are before the first hole."""
        pieces = self.pieces
        if len(pieces) == 1 and not pieces[0].start:  # nearly always
            return min(pieces[0].length, self.length)
        for start, _ in self.holes():
            return start
        return self.length

    def cut(self, start: int, end: int) -> ByteMap:
        """Return the map of a part."""
        pieces = []
        for piece in self.pieces:
            first = max(piece.start, start)
            last = min(piece.start + piece.length, end)
            if first < last:
                skip = first - piece.start
                pieces.append(Piece(first - start, last - first, piece.offset + skip, piece.frame))
        return ByteMap(max(0, end - start), pieces)

    def read(self, view: memoryview, limit: int | None = None) -> bytearray | memoryview:
        """Return the octets, with zeros in the holes; at most ``limit`` of them.

        A view of the file where they are in one piece.
        """
        length = self.length if limit is None else min(self.length, limit)
        if len(self.pieces) == 1 and self.pieces[0].length >= length and not self.pieces[0].start:
            offset = self.pieces[0].offset
            return view[offset : offset + length]
        octets = bytearray(length)
        for start, size, offset, _ in self.pieces:
            if start >= length:
                break
            end = min(start + size, length)
            octets[start:end] = view[offset : offset + end - start]
        return octets

    def frames(self) -> Iterator[int]:
        """Give the frames that the pieces came from, each once while they follow each other."""
        last = 0
        for piece in self.pieces:
            if piece.frame != last:
                last = piece.frame
                yield last


def joined(maps: Iterable[ByteMap]) -> ByteMap:
    """Return the map of several things, one after the other."""
    pieces: list[Piece] = []
    at = 0
    for one in maps:
        pieces += [piece._replace(start=piece.start + at) for piece in one.pieces]
        at += one.length
    return ByteMap(at, pieces)


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges as runs in ascending order, none of which touches another."""
    runs: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if runs and start <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        else:
            runs.append((start, end))
    return runs


def covered(extents: Iterable[Extent], start: int, end: int) -> int:
    """Return how many octets of ``[start, end)`` packets carried, in the file or cut."""
    total, at = 0, start
    for address, last in sorted((extent.address, extent.end) for extent in extents):
        first, last = max(address, at), min(last, end)
        if first < last:
            total += last - first
            at = last
    return total


def mapped(extents: Iterable[Extent], start: int, end: int) -> ByteMap:
    """Return the map of what extents hold of the addresses ``[start, end)``.

    Where several packets carried the same address, the first in the file that has it counts.
    """
    claims: list[tuple[int, int, int, int]] = []
    for address, size, have, offset, frame, count, stride in extents:
        if not size or not have:
            continue
        first = max(0, (start - address) // size)
        last = min(count, -(-(end - address) // size))
        for index in range(first, last):
            low = address + index * size
            claims.append((low, low + have, offset + index * stride, frame + index))
    claims.sort()
    pieces: list[Piece] = []
    at = start
    for low, high, offset, frame in claims:
        first, last = max(low, at), min(high, end)
        if first < last:
            pieces.append(Piece(first - start, last - first, offset + first - low, frame))
            at = last
    return ByteMap(max(0, end - start), pieces)
