"""Record marking: RPC messages in a byte stream (RFC 5531, Section 11).

A record is one or more fragments, each behind a word of its length and, in the top bit, whether
it is the last. We send a record as one fragment. Peers may cut theirs as they like: some send a
fragment for every 2 KiB.

The life of octets that arrive: the edge reads into memory of its own that is never written again,
and a record that lies whole in one such read is passed on as a view of it. A record in pieces
is collected as a list of views and joined once, which is linear however many there are. A long
record of which enough has arrived gets a buffer of its exact length, and the edge reads the rest
of it straight into that. If memory was offered for the data of a reply, the edge reads the data
straight into that memory (:class:`SplitRecord`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from nfsrdma.xdr import Decoder, Encoder

_WORD = struct.Struct(">I")
LAST: Final = 0x80000000
_LENGTH: Final = 0x7FFFFFFF

HEAD: Final = 4
"""Octets in front of a fragment."""

SMALL: Final = 4096
"""Octets up to which copying a piece costs less than gathering it."""

_DIRECT: Final = 32768
"""Octets still missing of a fragment from which on they are read straight into place."""

_TRUST: Final = 16
"""The most octets allocated for a record, as a multiple of those that have arrived."""

_UNRESERVED: Final = 1 << 16
"""Octets of a record up to which no room is reserved: every connection may have those."""

_PIECES: Final = 64
"""Pieces of an incomplete record that are kept as they arrived."""


class RecordError(ValueError):
    """The peer broke the framing or its limits, and the start of the next record is unknown."""


def frame(message: Encoder) -> list[bytes | bytearray | memoryview]:
    """Return a message as a record of one fragment: buffers to send in order, none empty.

    Large payloads are not copied; small pieces are put together.
    """
    size = message.tell()
    assert size <= _LENGTH
    head = _WORD.pack(LAST | size)
    if not message.payloads and size <= SMALL:
        return [head + message.buffer]
    small = bytearray(head)
    parts: list[bytes | bytearray | memoryview] = []
    for part in message.parts():
        if len(part) <= SMALL:
            small += part
        else:
            if small:
                parts.append(small)
                small = bytearray()
            parts.append(part)
    if small:
        parts.append(small)
    return parts


def mark(record: memoryview, size: int) -> None:
    """Write the mark in front of a message of ``size`` octets, as of one fragment."""
    assert size <= _LENGTH
    _WORD.pack_into(record, 0, LAST | size)


class SplitRecord:
    """A record whose end (``data``) is in memory that was offered, and its rest in ``head``."""

    __slots__ = ("data", "head")

    def __init__(self, head: memoryview, data: memoryview) -> None:
        self.head = head
        self.data = data


class SplitDecoder(Decoder):
    """A decoder of a :class:`SplitRecord`: the data is one item, or else the record is joined."""

    __slots__ = ("_data", "_left_out")

    def __init__(self, record: SplitRecord) -> None:
        super().__init__(record.head)
        self._data: memoryview | None = record.data
        self._left_out = 0

    def tell(self) -> int:
        """Return the offset in the record."""
        return self.offset + self._left_out

    def remaining(self) -> int:
        """Return the octets left in the record."""
        return self._end - self.offset + (len(self._data) if self._data is not None else 0)

    def _take(self, size: int) -> memoryview:
        data = self._data
        if data is None or self.offset + size < self._end:
            return super()._take(size)
        self._data = None
        if self.offset == self._end and size == len(data):
            self._left_out = size
            return data
        # It only looked like the item that the memory was offered for.
        self._view = memoryview(b"".join((self._view, data)))
        self._end = len(self._view)
        return super()._take(size)


Record = memoryview | SplitRecord

FindSink = Callable[[memoryview, int], memoryview | None]
"""Returns memory for the end of a record, given its beginning and its size; None if any will do."""


Reserve = Callable[[int], bool]
"""Acquires room for so many octets, or releases it (below 0); returns whether there was any."""


def _always(octets: int) -> bool:
    return True


def _anywhere(head: memoryview, size: int) -> None:
    return None


class RecordReader:
    """Cuts a stream, which arrives in any portions, into records.

    ``find_sink`` is called for every long record of one fragment once it has begun; the memory that
    it returns has at most as many octets as the record, a multiple of four. ``reserve`` is called
    for every record that is longer than a portion, before it gets memory of its own. If there is no
    room, the reader is ``stalled``: no more octets may be given to it until :meth:`resume`.
    """

    __slots__ = (
        "_buffer",
        "_filled",
        "_find_sink",
        "_fragments",
        "_last",
        "_left",
        "_max_fragments",
        "_max_record",
        "_parts",
        "_reserve",
        "_reserved",
        "_sink",
        "_size",
        "_stub",
        "stalled",
    )

    def __init__(
        self,
        max_record: int,
        max_fragments: int,
        find_sink: FindSink = _anywhere,
        reserve: Reserve = _always,
    ) -> None:
        """Bound records to ``max_record`` octets and ``max_fragments``, empty ones included."""
        self._reserve = reserve
        self._reserved = 0
        self.stalled = False
        self._find_sink = find_sink
        self._max_record = max_record
        self._max_fragments = max_fragments
        self._stub = b""  # one to three octets of a fragment's header
        self._left = 0  # octets still to come of the fragment
        self._last = False  # whether that fragment is the record's last
        self._fragments = 0  # fragments seen of the record
        self._size = 0  # octets of the record up to the end of this fragment
        self._parts: list[bytes | bytearray | memoryview] = []  # what has come of the record
        self._buffer: bytearray | None = None  # the fragment's own memory, if it has any
        self._sink: memoryview | None = None  # or memory that was offered for its end
        self._filled = 0  # octets of either that are filled

    @property
    def in_record(self) -> bool:
        """Whether a record has begun and not ended."""
        return self._fragments > 0 or bool(self._stub)

    def target(self) -> memoryview | None:
        """Return the memory that the next octets must go to; ``None`` if they go to ``feed``."""
        if self._sink is not None:
            return self._sink[self._filled :]
        if self._buffer is None:
            return None
        return memoryview(self._buffer)[self._filled :]

    def filled(self, count: int) -> Record | None:
        """Take ``count`` octets in the ``target``; return the record if it is complete."""
        self._filled += count
        self._left -= count
        if self._left:
            return None
        if self._sink is not None:
            sink, self._sink = self._sink, None
            return SplitRecord(self._end_record(), sink)
        assert self._buffer is not None
        self._parts.append(self._buffer)
        self._buffer = None
        return self._end_record() if self._last else None

    def abandon(self) -> None:
        """Free all memory: the stream has ended. The reader cannot be used after this."""
        self._parts = []
        self._buffer = self._sink = None
        self._find_sink, self._reserve = _anywhere, _always

    def resume(self) -> None:
        """Try to reserve room once more for the record that stalled."""
        if self.stalled:
            self._consider_buffer()

    def feed(self, data: bytes) -> list[Record]:
        """Return the records that end in ``data``, which is kept; only if ``target`` is ``None``.

        Raises ``RecordError``, after which the reader cannot be used.
        """
        assert self._buffer is None
        assert self._sink is None
        records: list[Record] = []
        if self._stub:
            data = self._stub + data
            self._stub = b""
        view = memoryview(data)
        position = 0
        end = len(view)
        while True:
            if self._left == 0:
                if end - position < 4:
                    self._stub = data[position:]
                    break
                (word,) = _WORD.unpack_from(view, position)
                position += 4
                self._start_fragment(word)
            stop = position + self._left
            if stop > end:
                if position < end:
                    self._parts.append(view[position:])
                    self._left = stop - end
                self._consider_buffer()
                break
            if stop > position:
                self._parts.append(view[position:stop])
                self._left = 0
                position = stop
            if self._last:
                records.append(self._end_record())
        return records

    def _start_fragment(self, word: int) -> None:
        self._left = word & _LENGTH
        self._last = word >= LAST
        self._size += self._left
        self._fragments += 1
        if self._size > self._max_record:
            raise RecordError(f"a record of {self._size} octets or more")
        if self._fragments > self._max_fragments:
            raise RecordError(f"a record of more than {self._max_fragments} fragments")

    def _consider_buffer(self) -> None:
        """Give the rest of a long fragment memory of its own, if enough of it has arrived."""
        if len(self._parts) > _PIECES:
            self._join()
        arrived = self._size - self._left
        trusted = arrived * _TRUST >= self._size
        wanted = self._size if trusted else arrived
        if wanted > max(self._reserved, _UNRESERVED):
            self.stalled = not self._reserve(wanted - self._reserved)
            if self.stalled:
                return
            self._reserved = wanted
        if self._left < _DIRECT:
            return
        if self._last and self._fragments == 1 and self._use_sink():
            return
        if not trusted:
            return
        if not self._last:
            self._buffer = bytearray(self._left)
            self._filled = 0
            return
        # The record's length is known: let everything be in place when it ends.
        buffer = bytearray(self._size)
        position = 0
        for part in self._parts:
            buffer[position : position + len(part)] = part
            position += len(part)
        self._parts.clear()
        self._buffer = buffer
        self._filled = position

    def _join(self) -> None:
        """Join many pieces: a piece of one octet takes hundreds of octets of memory."""
        parts = self._parts
        whole = parts[0] if isinstance(parts[0], bytearray) else bytearray(parts[0])
        for part in parts[1:]:
            whole += part
        self._parts = [whole]

    def _use_sink(self) -> bool:
        """Have the end of the record read into its sink, if it has one and is yet to come."""
        parts = self._parts
        if len(parts) > 1 and self._size - self._left > SMALL:
            return False  # it was asked about before, and joining again and again adds up
        head = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))
        sink = self._find_sink(head, self._size)
        if sink is None:
            return False
        start = self._size - len(sink)
        self._filled = len(head) - start
        sink[: self._filled] = head[start:]
        self._parts = [head[:start]]
        self._sink = sink
        return True

    def _end_record(self) -> memoryview:
        parts = self._parts
        record = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))
        self._parts = []
        self._fragments = 0
        self._size = 0
        if self._reserved:
            self._reserve(-self._reserved)
            self._reserved = 0
        return record
