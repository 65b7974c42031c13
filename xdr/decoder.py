"""The decoder of XDR (RFC 4506) in Python: the twin of ``_codec``, and its oracle.

A :class:`Decoder` is a cursor over a ``memoryview``. Both have the same results, octet for octet,
and the same errors; ``codec`` chooses between them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar

from .errors import XdrError

T = TypeVar("T")

_UINT32 = struct.Struct(">I")
_INT32 = struct.Struct(">i")
_UINT64 = struct.Struct(">Q")
_INT64 = struct.Struct(">q")

MAX_DEPTH = 64
"""How deep types that contain themselves may nest when decoded (lists are not nested)."""


def unpack_numbers(dec: Decoder, code: str, count: int) -> list[Any]:
    """Return the ``count`` numbers at the cursor, which are known to be there."""
    values = struct.unpack_from(f">{count}{code}", dec._view, dec.offset)
    dec.offset += count * (8 if code in "qQd" else 4)
    return list(values)


class Decoder:
    """A cursor over one XDR stream. Its methods read and move on.

    Errors: ``XdrError`` for octets that are not what was asked for. A decoder never reads past the
    end of the stream, nor allocates more than the stream is long.
    """

    __slots__ = ("_depth", "_end", "_view", "offset")

    def __init__(self, data: bytes | bytearray | memoryview, offset: int = 0) -> None:
        self._view = memoryview(data)
        self._end = len(self._view)
        self._depth = 0
        self.offset = offset

    def tell(self) -> int:
        """Return the cursor's place in the unreduced stream, in octets."""
        return self.offset

    def remaining(self) -> int:
        """Return how many octets are left inline."""
        return self._end - self.offset

    def peek(self, size: int) -> memoryview:
        """Return the next ``size`` octets, or as many as there are inline, and stay where it is."""
        return self._view[self.offset : min(self.offset + size, self._end)]

    def done(self) -> None:
        """Raise ``XdrError`` unless the whole stream was read."""
        if self.offset != self._end:
            raise XdrError(f"{self._end - self.offset} octets left over")

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Read a fixed run of fields in one step; ``layout`` is big-endian and of whole words."""
        try:
            values = layout.unpack_from(self._view, self.offset)
        except struct.error:
            raise self._short(layout.size) from None
        self.offset += layout.size
        return values

    def uint32(self) -> int:
        """Read an ``unsigned int`` (RFC 4506, Section 4.2)."""
        try:
            (value,) = _UINT32.unpack_from(self._view, self.offset)
        except struct.error:
            raise self._short(4) from None
        self.offset += 4
        return value  # type: ignore[no-any-return]

    def int32(self) -> int:
        """Read an ``int`` or an enumeration (RFC 4506, Sections 4.1 and 4.3)."""
        try:
            (value,) = _INT32.unpack_from(self._view, self.offset)
        except struct.error:
            raise self._short(4) from None
        self.offset += 4
        return value  # type: ignore[no-any-return]

    def uint64(self) -> int:
        """Read an ``unsigned hyper`` (RFC 4506, Section 4.5)."""
        try:
            (value,) = _UINT64.unpack_from(self._view, self.offset)
        except struct.error:
            raise self._short(8) from None
        self.offset += 8
        return value  # type: ignore[no-any-return]

    def int64(self) -> int:
        """Read a ``hyper`` (RFC 4506, Section 4.5)."""
        try:
            (value,) = _INT64.unpack_from(self._view, self.offset)
        except struct.error:
            raise self._short(8) from None
        self.offset += 8
        return value  # type: ignore[no-any-return]

    def boolean(self) -> bool:
        """Read a ``bool``, which is 0 or 1 (RFC 4506, Section 4.4)."""
        value = self.uint32()
        if value > 1:
            raise XdrError(f"{value} is no boolean")
        return value == 1

    def fixed_opaque(self, size: int) -> bytes:
        """Read ``opaque name[size]`` (RFC 4506, Section 4.9)."""
        return self.octets(size)

    def opaque(self, limit: int | None = None) -> bytes:
        """Read ``opaque name<limit>`` (RFC 4506, Section 4.10)."""
        return self.octets(self._length(limit))

    def octets(self, size: int) -> bytes:
        """Read opaque data whose length word, if it has one, was read before."""
        start = self.offset
        padded = start + ((size + 3) & ~3)
        if padded > self._end:
            return bytes(self._take(size))  # raises, unless a subclass has the data elsewhere
        self.offset = padded
        return self._view[start : start + size].tobytes()

    def payload(self, limit: int | None = None) -> memoryview:
        """Read bulk data: a view that is valid as long as the message it was received in."""
        return self._take(self._length(limit))

    def array(self, decode: Callable[[], T], limit: int | None) -> list[T]:
        """Read ``type name<limit>``; ``decode`` reads an element (RFC 4506, Section 4.13)."""
        count = self.uint32()
        if limit is not None and count > limit:
            raise XdrError(f"{count} elements where at most {limit} fit")
        # Every element but an empty structure takes a word: a count past the end is a lie.
        if count * 4 > self.remaining():
            raise self._short(count * 4)
        return [decode() for _ in range(count)]

    def check_count(self, count: int, size: int, limit: int | None = None) -> None:
        """Raise ``XdrError`` unless ``count`` elements of ``size`` octets or more can follow."""
        if limit is not None and count > limit:
            raise XdrError(f"{count} elements where at most {limit} fit")
        if count * size > self.remaining():
            raise self._short(count * size)

    def numbers(self, code: str, count: int) -> list[Any]:
        """Read ``count`` numbers; ``code`` is their letter in a ``struct`` format."""
        size = count * (8 if code in "qQd" else 4)
        if size > self._end - self.offset:
            raise self._short(size)
        return unpack_numbers(self, code, count)

    def descend(self) -> None:
        """Enter a type that contains itself. Raise ``XdrError`` if that makes it too deep."""
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
