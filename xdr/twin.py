"""XDR, the External Data Representation (RFC 4506): one encoder and one decoder.

An :class:`Encoder` appends to a ``bytearray``; a :class:`Decoder` is a cursor over a
``memoryview``. Bulk data (the items that RFC 8267 calls DDP-eligible) never passes through the
encoder's buffer: :meth:`Encoder.payload` writes its length word and keeps the view, so that a
transport may place it by RDMA, or gather it in a system call, without having copied it.

Positions are always those of the *unreduced* stream (RFC 8166, Section 3.4.5): the stream as it
would be had nothing been kept out of line, pads included.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_UINT32 = struct.Struct(">I")
_INT32 = struct.Struct(">i")
_UINT64 = struct.Struct(">Q")
_INT64 = struct.Struct(">q")
_PAD = (b"", b"\0\0\0", b"\0\0", b"\0")

MAX_DEPTH = 64
"""How deep types that contain themselves may nest when decoded (lists are not nested)."""


class XdrError(ValueError):
    """Bytes that no encoder could have produced, or a value that XDR cannot carry."""


def round_up(length: int) -> int:
    """The length in octets of ``length`` opaque octets once padded to a multiple of four."""
    return (length + 3) & ~3


class Payload:
    """Opaque data left out of an encoder's buffer.

    ``position`` is its offset in the unreduced stream, ``offset`` the index in the encoder's
    buffer before which it belongs. Neither the data's pad nor its length word is part of it;
    the length word is in the buffer, the pad is nowhere until the stream is joined.
    """

    __slots__ = ("data", "offset", "position")

    def __init__(self, position: int, offset: int, data: memoryview) -> None:
        self.position = position
        self.offset = offset
        self.data = data

    def __repr__(self) -> str:
        return f"Payload(position={self.position}, offset={self.offset}, {len(self.data)} octets)"


class Encoder:
    """Builds one XDR stream. Every method appends; none returns a value."""

    __slots__ = ("_left_out", "buffer", "payloads")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.payloads: list[Payload] = []
        self._left_out = 0

    def tell(self) -> int:
        """The length so far of the unreduced stream, in octets."""
        return len(self.buffer) + self._left_out

    def uint32(self, value: int) -> None:
        try:
            self.buffer += _UINT32.pack(value)
        except struct.error as error:
            raise XdrError(f"{value!r} is no unsigned 32-bit integer") from error

    def int32(self, value: int) -> None:
        try:
            self.buffer += _INT32.pack(value)
        except struct.error as error:
            raise XdrError(f"{value!r} is no 32-bit integer") from error

    def uint64(self, value: int) -> None:
        try:
            self.buffer += _UINT64.pack(value)
        except struct.error as error:
            raise XdrError(f"{value!r} is no unsigned 64-bit integer") from error

    def int64(self, value: int) -> None:
        try:
            self.buffer += _INT64.pack(value)
        except struct.error as error:
            raise XdrError(f"{value!r} is no 64-bit integer") from error

    def boolean(self, value: bool) -> None:
        self.buffer += b"\0\0\0\1" if value else b"\0\0\0\0"

    def fixed_opaque(self, value: bytes | bytearray | memoryview, size: int) -> None:
        """``opaque name[size]``: no length word (RFC 4506, Section 4.9)."""
        if len(value) != size:
            raise XdrError(f"{len(value)} octets where exactly {size} belong")
        self.buffer += value
        self.buffer += _PAD[size & 3]

    def opaque(self, value: bytes | bytearray | memoryview, limit: int | None = None) -> None:
        """``opaque name<limit>``: a length word, the octets, a pad (RFC 4506, Section 4.10)."""
        size = len(value)
        if limit is not None and size > limit:
            raise XdrError(f"{size} octets where at most {limit} fit")
        self.uint32(size)
        self.buffer += value
        self.buffer += _PAD[size & 3]

    def payload(self, value: bytes | bytearray | memoryview, limit: int | None = None) -> None:
        """Like :meth:`opaque`, but the octets stay where they are until the message is sent.

        They must not change before that.
        """
        view = memoryview(value)
        size = view.nbytes
        if size and (view.ndim != 1 or view.itemsize != 1):
            view = view.cast("B")
        if limit is not None and size > limit:
            raise XdrError(f"{size} octets where at most {limit} fit")
        self.uint32(size)
        # Also if it is empty: the n-th payload is the n-th DDP-eligible item (RFC 8166,
        # Section 4.3.2), and a transport counts them.
        self.payloads.append(Payload(self.tell(), len(self.buffer), view))
        self._left_out += (size + 3) & ~3

    def array(self, values: Sequence[T], encode: Callable[[T], None], limit: int | None) -> None:
        """``type name<limit>``; ``encode`` appends one element (RFC 4506, Section 4.13)."""
        if limit is not None and len(values) > limit:
            raise XdrError(f"{len(values)} elements where at most {limit} fit")
        self.uint32(len(values))
        for value in values:
            encode(value)

    def parts(self) -> Iterator[bytes | memoryview]:
        """The unreduced stream as a gather list, each payload in its place and padded."""
        view = memoryview(self.buffer)
        start = 0
        for payload in self.payloads:
            if not len(payload.data):
                continue
            yield view[start : payload.offset]
            yield payload.data
            if len(payload.data) & 3:
                yield _PAD[len(payload.data) & 3]
            start = payload.offset
        if start < len(view):
            yield view[start:]

    def to_bytes(self) -> bytes:
        """The unreduced stream, joined: a copy."""
        return b"".join(self.parts()) if self.payloads else bytes(self.buffer)


def unpack_numbers(dec: Decoder, code: str, count: int) -> list[Any]:
    """The numbers at the cursor, which are known to be there."""
    values = struct.unpack_from(f">{count}{code}", dec._view, dec.offset)
    dec.offset += count * (8 if code in "qQd" else 4)
    return list(values)


class Decoder:
    """A cursor over one XDR stream.

    Raises :class:`XdrError` for whatever the stream cannot mean, and never reads past its end,
    nor allocates more than the stream is long.
    """

    __slots__ = ("_depth", "_end", "_view", "offset")

    def __init__(self, data: bytes | bytearray | memoryview, offset: int = 0) -> None:
        self._view = memoryview(data)
        self._end = len(self._view)
        self._depth = 0
        self.offset = offset

    def tell(self) -> int:
        """Where the cursor is in the unreduced stream, in octets."""
        return self.offset

    def remaining(self) -> int:
        """How many octets are left inline."""
        return self._end - self.offset

    def peek(self, size: int) -> memoryview:
        """The next ``size`` octets, or as many as there are inline, without consuming them."""
        return self._view[self.offset : min(self.offset + size, self._end)]

    def done(self) -> None:
        """Raise unless the whole stream was consumed."""
        if self.offset != self._end:
            raise XdrError(f"{self._end - self.offset} octets left over")

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        """A fixed run of fields in one step; ``layout`` is big-endian and of whole words."""
        try:
            values = layout.unpack_from(self._view, self.offset)
        except struct.error:
            raise self._short(layout.size) from None
        self.offset += layout.size
        return values

    def uint32(self) -> int:
        try:
            (value,) = _UINT32.unpack_from(self._view, self.offset)
        except struct.error:
            raise self._short(4) from None
        self.offset += 4
        return value  # type: ignore[no-any-return]

    def int32(self) -> int:
        try:
            (value,) = _INT32.unpack_from(self._view, self.offset)
        except struct.error:
            raise self._short(4) from None
        self.offset += 4
        return value  # type: ignore[no-any-return]

    def uint64(self) -> int:
        try:
            (value,) = _UINT64.unpack_from(self._view, self.offset)
        except struct.error:
            raise self._short(8) from None
        self.offset += 8
        return value  # type: ignore[no-any-return]

    def int64(self) -> int:
        try:
            (value,) = _INT64.unpack_from(self._view, self.offset)
        except struct.error:
            raise self._short(8) from None
        self.offset += 8
        return value  # type: ignore[no-any-return]

    def boolean(self) -> bool:
        value = self.uint32()
        if value > 1:
            raise XdrError(f"{value} is no boolean")
        return value == 1

    def fixed_opaque(self, size: int) -> bytes:
        return self.octets(size)

    def opaque(self, limit: int | None = None) -> bytes:
        return self.octets(self._length(limit))

    def octets(self, size: int) -> bytes:
        """Opaque data whose length word, if it has one, was read already."""
        start = self.offset
        padded = start + ((size + 3) & ~3)
        if padded > self._end:
            return bytes(self._take(size))  # raises, unless a subclass has the data elsewhere
        self.offset = padded
        return self._view[start : start + size].tobytes()

    def payload(self, limit: int | None = None) -> memoryview:
        """A DDP-eligible item: a view, valid as long as the message it was received in."""
        return self._take(self._length(limit))

    def array(self, decode: Callable[[], T], limit: int | None) -> list[T]:
        """``type name<limit>``; ``decode`` reads one element."""
        count = self.uint32()
        if limit is not None and count > limit:
            raise XdrError(f"{count} elements where at most {limit} fit")
        # Every element but an empty structure takes a word: a count past the end is a lie.
        if count * 4 > self.remaining():
            raise self._short(count * 4)
        return [decode() for _ in range(count)]

    def check_count(self, count: int, size: int, limit: int | None = None) -> None:
        """Raise unless ``count`` elements, each at least ``size`` octets long, can follow."""
        if limit is not None and count > limit:
            raise XdrError(f"{count} elements where at most {limit} fit")
        if count * size > self.remaining():
            raise self._short(count * size)

    def numbers(self, code: str, count: int) -> list[Any]:
        """``count`` numbers; ``code`` is their letter in a ``struct`` format."""
        size = count * (8 if code in "qQd" else 4)
        if size > self._end - self.offset:
            raise self._short(size)
        return unpack_numbers(self, code, count)

    def descend(self) -> None:
        """Enter a type that contains itself; raise if it does so too deeply for our stack."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise XdrError(f"data nested more than {MAX_DEPTH} deep")

    def ascend(self) -> None:
        """Leave a type that contains itself."""
        self._depth -= 1

    def _length(self, limit: int | None) -> int:
        size = self.uint32()
        if limit is not None and size > limit:
            raise XdrError(f"{size} octets where at most {limit} fit")
        return size

    def _take(self, size: int) -> memoryview:
        start = self.offset
        end = start + size
        padded = start + ((size + 3) & ~3)
        if padded > self._end:
            raise self._short(padded - start)
        # Pads ought to be zero (RFC 4506, Section 3), but real peers send what lay in the buffer.
        self.offset = padded
        return self._view[start:end]

    def _short(self, wanted: int) -> XdrError:
        return XdrError(f"{wanted} octets wanted at {self.offset}, {self.remaining()} left")
