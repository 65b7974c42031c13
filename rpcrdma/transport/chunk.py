"""Segments and chunks: how one peer names its memory to the other.

A *segment* is one contiguous piece of registered memory (RFC 8166, Section 3.4.3). A *chunk* is
one or more of them that together hold one thing: a data item removed from the XDR stream, or a
whole RPC message. A call carries up to three kinds of them, always in this order:

* the **Read list** (Section 4.3.1): what the responder fetches by RDMA READ. Each chunk has a
  *Position*, the offset of its data in the unreduced stream; Position 0 is the message itself;
* the **Write list** (Section 4.3.2): room for the DDP-eligible results, in their order. A chunk
  without segments says: leave this result inline;
* the **Reply chunk** (Section 4.3.3): room for the whole reply message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from nfsrdma.xdr import round_up


class Segment(NamedTuple):
    """One piece of a peer's registered memory: its R_key, its length, its virtual address."""

    handle: int
    length: int
    offset: int


class Chunk:
    """Segments that hold one item, in order. ``position`` is meaningful in a Read list only."""

    __slots__ = ("length", "position", "segments")

    def __init__(self, segments: Sequence[Segment], position: int = 0) -> None:
        self.segments = segments
        self.position = position
        length = 0
        for segment in segments:
            length += segment[1]
        self.length = length
        """The octets of all segments together."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Chunk):
            return NotImplemented
        return self.position == other.position and list(self.segments) == list(other.segments)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Chunk({list(self.segments)!r}, position={self.position})"


ReadList = Sequence[Chunk]
"""Chunks to be read, by ascending Position, no two of the same."""

WriteList = Sequence[Chunk]
"""Chunks to be written, in the order of the results that they are for."""

ReplyChunk = Chunk
"""The chunk for a whole reply."""


def gather_read_list(entries: Iterable[tuple[int, Segment]]) -> ReadList:
    """Return the chunks of a Read list, whose entries may come in any order.

    Segments with the same Position form one chunk, in the order of the list (RFC 8166,
    Section 3.4.5). Linux sorts them as well.
    """
    by_position: dict[int, list[Segment]] = {}
    for position, segment in entries:
        by_position.setdefault(position, []).append(segment)
    return [Chunk(by_position[position], position) for position in sorted(by_position)]


def handles(read_list: ReadList, write_list: WriteList, reply: Chunk | None) -> Iterator[int]:
    """Yield every R_key that a call names memory by, in the order of the header."""
    lists: list[Sequence[Chunk]] = [read_list, write_list]
    if reply is not None:
        lists.append((reply,))
    for chunks in lists:
        for chunk in chunks:
            for segment in chunk.segments:
                if segment.length:
                    yield segment.handle


def distribute(
    parts: Iterable[memoryview], segments: Sequence[Segment]
) -> Iterator[tuple[Segment, list[memoryview]]]:
    """Yield each segment with the pieces of a stream of octets that go to it.

    Each segment is filled before the next one is begun (RFC 8166, Section 3.4.6); empty ones are
    left out. The segments must have room for all octets.
    """
    room = iter(segments)
    segment, free = _EMPTY, 0
    pieces: list[memoryview] = []
    for part in parts:
        start = 0
        while start < len(part):
            if free == 0:
                if pieces:
                    yield segment, pieces
                segment, pieces = next(room), []
                free = segment.length
                continue
            taken = part[start : start + free]
            pieces.append(taken)
            free -= len(taken)
            start += len(taken)
    if pieces:
        yield segment, pieces


_EMPTY = Segment(0, 0, 0)


def fit(
    transfers: Iterable[tuple[Segment, list[memoryview]]], largest: int
) -> Iterator[tuple[Segment, list[memoryview]]]:
    """Yield the same transfers, cut so that none is longer than ``largest`` octets.

    Each segment is exactly as long as what goes to it.
    """
    for (handle, _, offset), pieces in transfers:
        length = sum(map(len, pieces))
        if length <= largest:
            yield Segment(handle, length, offset), pieces
            continue
        parts = [
            Segment(handle, min(largest, length - start), offset + start)
            for start in range(0, length, largest)
        ]
        yield from distribute(pieces, parts)


def filled(chunk: Chunk, octets: int) -> Chunk:
    """Return a chunk as it goes back once ``octets`` were written to it.

    It has as many segments as before, each with the number of octets written to it.
    """
    if octets == chunk.length:
        return chunk
    segments = []
    for handle, length, offset in chunk.segments:
        written = min(octets, length)
        segments.append(Segment(handle, written, offset))
        octets -= written
    return Chunk(segments)


def boundaries(read_list: ReadList, inline: int) -> list[int] | None:
    """Return where each chunk belongs in the reduced stream, or ``None`` if one cannot be placed.

    ``read_list`` is without the Position-Zero chunk, ``inline`` the length of the reduced stream.
    A Position counts the earlier chunks and their pads. Chunks that overlap, lie outside of the
    message or off a word boundary cannot be placed.
    """
    result: list[int] = []
    left_out = 0
    for chunk in read_list:
        boundary = chunk.position - left_out
        if chunk.position & 3 or boundary > inline or (result and boundary < result[-1]):
            return None
        result.append(boundary)
        left_out += round_up(chunk.length)
    return result
