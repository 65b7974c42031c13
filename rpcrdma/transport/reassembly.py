"""Decoders of messages a part of which travelled in chunks.

Nothing is copied together: the decoder steps from the inline stream to a chunk's memory
where a data item was taken out, and back. Its ``tell()`` counts in the unreduced stream, pads
included, as if nothing had ever been moved (RFC 8166, Section 3.4.5).
"""

from __future__ import annotations

from collections.abc import Sequence

from nfsrdma.xdr import Decoder, XdrError, round_up


class ChunkedDecoder(Decoder):
    """A decoder of a call whose Read chunks have been fetched.

    ``boundaries`` are the places in ``inline`` (the reduced stream) where each of ``contents``
    belongs, in order. An item may be taken out only as a whole: the chunk must be met by an
    opaque or a string that is as long as the chunk, pad included or not (RFC 8166,
    Section 3.4.5.2). Any other item across its place is an ``XdrError``.
    """

    __slots__ = ("_boundaries", "_contents", "_index", "_inline", "_left_out")

    def __init__(
        self, inline: memoryview, boundaries: Sequence[int], contents: Sequence[memoryview]
    ) -> None:
        super().__init__(inline)
        self._inline = inline
        self._boundaries = boundaries
        self._contents = contents
        self._index = 0
        self._left_out = 0
        self._stop_at_boundary()

    def _stop_at_boundary(self) -> None:
        """Bound the cursor by the place of the next chunk."""
        if self._index < len(self._boundaries):
            self._view = self._inline[: self._boundaries[self._index]]
        else:
            self._view = self._inline
        self._end = len(self._view)

    def tell(self) -> int:
        """Return the offset in the unreduced stream."""
        return self.offset + self._left_out

    def remaining(self) -> int:
        """Return the octets left in the reduced stream."""
        return len(self._inline) - self.offset

    def done(self) -> None:
        """Raise ``XdrError`` unless everything was decoded, chunks included."""
        if self._index < len(self._contents):
            raise XdrError("a Read chunk left over")
        super().done()

    def _take(self, size: int) -> memoryview:
        if self.offset < self._end or self._index == len(self._contents) or size == 0:
            return super()._take(size)
        content = self._contents[self._index]
        padded = round_up(size)
        if len(content) != size and len(content) != padded:
            raise XdrError(f"{size} octets wanted, {len(content)} in the Read chunk")
        self._index += 1
        self._left_out += padded
        self._stop_at_boundary()
        return content[:size]


class PlacedDecoder(Decoder):
    """A decoder of a reply whose results may have been written to the caller's memory.

    ``results`` has, for each chunk of the Write list, the memory that was filled: an empty view
    if none was. Chunks belong to the DDP-eligible results in order; a result whose chunk came
    back unused is inline, and one without data uses up its chunk (RFC 8166, Section 4.3.2).
    """

    __slots__ = ("_index", "_left_out", "_results")

    def __init__(self, message: memoryview, results: Sequence[memoryview]) -> None:
        super().__init__(message)
        self._results = results
        self._index = 0
        self._left_out = 0

    def tell(self) -> int:
        """Return the offset in the unreduced stream."""
        return self.offset + self._left_out

    def payload(self, limit: int | None = None) -> memoryview:
        """Return a DDP-eligible item, inline or from its chunk."""
        size = self._length(limit)
        if self._index == len(self._results):
            return self._take(size)
        placed = self._results[self._index]
        if len(placed) == 0:
            self._index += 1
            return self._take(size)
        if size == 0:
            # A peer that gives its chunks to the results that have data, not to all.
            return placed[:0]
        if len(placed) != size and len(placed) != round_up(size):
            raise XdrError(f"{size} octets returned, {len(placed)} in the Write chunk")
        self._index += 1
        self._left_out += round_up(size)
        return placed[:size]  # a pad that the peer wrote against the rules is no data
