"""A decoder over a message of which parts traveled in chunks, or are missing.

A DDP-eligible item that was moved out of the message decodes to a :class:`Placed`: which chunk it
is, and how long, not its octets, which may never be asked for. So does one of which octets are
missing: such data say nothing of what follows, which is decoded on. Behind any other hole nothing
is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from nfsrdma.xdr import Decoder, XdrError, round_up

from ..base.extent import ByteMap


class Content(Protocol):
    """A chunk: how long it is, and where its octets are."""

    @property
    def position(self) -> int:
        """The Position of a Read chunk, or the index of a Write chunk."""
        ...

    @property
    def length(self) -> int:
        """How many octets it has."""
        ...

    @property
    def content(self) -> ByteMap:
        """Where its octets are."""
        ...


class Stretch:
    """A part of a message with a hole in it."""

    __slots__ = ("content",)

    def __init__(self, content: ByteMap) -> None:
        self.content = content

    @property
    def position(self) -> int:
        """It has none: it is where it belongs."""
        return -1

    @property
    def length(self) -> int:
        """How many octets it has."""
        return self.content.length


class Placed:
    """A data item in a chunk, or one of which octets are missing."""

    __slots__ = ("chunk", "size")

    def __init__(self, chunk: Content, size: int) -> None:
        self.chunk = chunk
        self.size = size

    @property
    def content(self) -> ByteMap:
        """Where its octets are; without a pad."""
        return self.chunk.content.cut(0, self.size)

    @property
    def moved(self) -> bool:
        """Whether it is in a chunk of its own."""
        return self.chunk.position >= 0

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        missing = self.size - self.content.present
        words = f", {missing} not captured" if missing > 0 else ""
        return f"<{self.size} octets{' in a chunk' if self.moved else ''}{words}>"


class WitnessDecoder(Decoder):
    """A decoder over an inline message, and the base of the two that know chunks."""

    __slots__ = ("_content", "_whole", "faults", "source", "stepped")

    def __init__(self, view: memoryview, source: memoryview) -> None:
        super().__init__(view)
        self._whole = self._view
        self.source = source
        """The whole capture, for what lies in chunks."""
        self.faults: list[str] = []
        self.stepped = False
        """Whether data with a hole was stepped over."""
        self._content: ByteMap | None = None

    def holed(self, content: ByteMap) -> None:
        """Take the message for one with holes: what is there of it is ``content``.

        The decoder is at its start, and its octets are all of the message.
        """
        self._content = content
        self._until(content.prefix())

    def _until(self, end: int) -> None:
        """Read up to there, whatever is read: in a hole there are zeros, which nobody said."""
        self._view = self._whole[:end]
        self._bounded(end)

    def _bounded(self, end: int) -> None:
        """Read up to there: a hole follows."""
        self._end = end

    def _missing(self, size: int) -> Placed | None:
        """Step over ``size`` octets of data if some are missing; what there is of them."""
        content, start = self._content, self.offset
        after = start + round_up(size)
        if content is None or not start < after <= content.length:
            return None
        part = content.cut(start, start + size)
        if part.complete and content.cut(start, after).complete:
            return None
        self.stepped, self.offset = True, after
        self._until(after + content.cut(after, content.length).prefix())
        return Placed(Stretch(part), size)

    def payload(self, limit: int | None = None) -> Any:
        """Read a DDP-eligible item: a :class:`Placed` if octets of it are missing."""
        size = self._length(limit)
        return self._missing(size) or self._take(size)

    def skip(self, size: int) -> None:
        """Step over opaque data whose length word was read."""
        after = self.offset + round_up(size)
        if after > self._end:
            raise self._short(size)
        self.offset = after

    def _short(self, wanted: int) -> XdrError:
        return XdrError(f"{wanted} octets wanted at {self.offset}, {self.remaining()} are there")


class CallDecoder(WitnessDecoder):
    """A decoder over a call; ``chunks`` are its Read chunks but Position Zero's, in order.

    An item that was moved is met where the inline stream reaches the chunk's Position, which
    counts in the stream before anything was moved (RFC 8166, Section 3.4.5).
    """

    __slots__ = ("_at", "_chunks", "_index", "_inline_end", "_left_out")

    def __init__(self, view: memoryview, source: memoryview, chunks: Sequence[Content]) -> None:
        super().__init__(view, source)
        self._inline_end = len(self._view)
        self._chunks = chunks
        self._index = 0
        self._left_out = 0
        self._at = -1
        self._next()

    def _next(self) -> None:
        """Let the cursor run as far as the next chunk's place, and no further."""
        self._end = self._inline_end
        self._at = -1
        if self._index < len(self._chunks):
            place = self._chunks[self._index].position - self._left_out
            if self.offset <= place <= self._inline_end:
                self._at = self._end = place
            else:
                self.faults.append(f"Read chunk at Position {self._chunks[self._index].position}, "
                                   "which is no place in the message")  # fmt: skip

    def _bounded(self, end: int) -> None:
        self._inline_end = end
        self._next()

    def remaining(self) -> int:
        """Return how many octets are left of what is inline."""
        return self._inline_end - self.offset

    def tell(self) -> int:
        """Return the position in the message as it was before reduction."""
        return self.offset + self._left_out

    def _moved(self, size: int) -> Content | None:
        """Return the content of the chunk with the ``size`` octets that belong here, if one has."""
        if self.offset != self._at or not size:
            return None
        content = self._chunks[self._index]
        if content.length not in (size, round_up(size)):
            self.faults.append(
                f"Read chunk at Position {content.position} has {content.length} octets for {size}"
            )
        self._left_out += round_up(size)
        self._index += 1
        self._next()
        return content

    def payload(self, limit: int | None = None) -> Any:
        """Read a DDP-eligible item: a :class:`Placed` if it is in a Read chunk."""
        size = self._length(limit)
        content = self._moved(size)
        if content is None:
            return self._missing(size) or self._take(size)
        return Placed(content, size)

    def _take(self, size: int) -> memoryview:
        content = self._moved(size)
        if content is None:
            return super()._take(size)
        part = content.content.cut(0, size)
        if not part.complete:
            raise XdrError(f"{size - part.present} octets of a Read chunk are not in the capture")
        return memoryview(part.read(self.source))

    def done(self) -> None:
        """Raise ``XdrError`` if something is left, inline or of the Read chunks."""
        if self._index < len(self._chunks):
            raise XdrError("a Read chunk was not used")
        super().done()


class ReplyDecoder(WitnessDecoder):
    """A decoder over a reply; ``chunks`` are its Write list, as returned.

    The n-th DDP-eligible result has the n-th chunk; if that came back empty, it is inline
    (RFC 8166, Section 4.3.2.1; RFC 8267, Section 6.4.1).
    """

    __slots__ = ("_chunks", "_index")

    def __init__(self, view: memoryview, source: memoryview, chunks: Sequence[Content]) -> None:
        super().__init__(view, source)
        self._chunks = chunks
        self._index = 0

    def payload(self, limit: int | None = None) -> Any:
        """Read a DDP-eligible item: a :class:`Placed` if it is in a Write chunk."""
        size = self._length(limit)
        index = self._index
        if index == len(self._chunks):
            return self._missing(size) or self._take(size)
        content = self._chunks[index]
        if not content.length:
            self._index += 1
            return self._missing(size) or self._take(size)
        if not size:
            # Some give their chunks to the results that have data, not to all.
            return memoryview(b"")
        self._index += 1
        if content.length not in (size, round_up(size)):
            self.faults.append(
                f"a result of {size} octets, of which {content.length} were written to its chunk"
            )
        return Placed(content, size)
