"""The encoder of XDR, the External Data Representation (RFC 4506).

An :class:`Encoder` appends to a ``bytearray``. Bulk data (the items that RFC 8267 calls
DDP-eligible) never passes through that buffer: :meth:`Encoder.payload` writes its length word and
keeps the view, so that a transport may place it by RDMA, or gather it in a system call, without
having copied it.

Positions are always those of the *unreduced* stream (RFC 8166, Section 3.4.5): the stream as it
would be had nothing been kept out of line, pads included.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from .errors import XdrError

T = TypeVar("T")

_UINT32 = struct.Struct(">I")
_INT32 = struct.Struct(">i")
_UINT64 = struct.Struct(">Q")
_INT64 = struct.Struct(">q")
_PAD = (b"", b"\0\0\0", b"\0\0", b"\0")


def round_up(length: int) -> int:
    """Return ``length`` rounded up to a multiple of four: opaque data with its pad, in octets."""
    return (length + 3) & ~3


class Payload:
    """Opaque data that an encoder left out of its buffer.

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
    """One XDR stream under construction. Its methods append.

    Errors: ``XdrError`` for a value that its type cannot carry.
    """

    __slots__ = ("_left_out", "buffer", "payloads")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.payloads: list[Payload] = []
        self._left_out = 0

    def tell(self) -> int:
        """Return the length of the unreduced stream so far, in octets."""
        return len(self.buffer) + self._left_out

    def uint32(self, value: int) -> None:
        """Append an ``unsigned int`` (RFC 4506, Section 4.2)."""
        try:
            self.buffer += _UINT32.pack(value)
        except struct.error as error:
            raise XdrError(f"{value!r} is no unsigned 32-bit integer") from error

    def int32(self, value: int) -> None:
        """Append an ``int`` or an enumeration (RFC 4506, Sections 4.1 and 4.3)."""
        try:
            self.buffer += _INT32.pack(value)
        except struct.error as error:
            raise XdrError(f"{value!r} is no 32-bit integer") from error

    def uint64(self, value: int) -> None:
        """Append an ``unsigned hyper`` (RFC 4506, Section 4.5)."""
        try:
            self.buffer += _UINT64.pack(value)
        except struct.error as error:
            raise XdrError(f"{value!r} is no unsigned 64-bit integer") from error

    def int64(self, value: int) -> None:
        """Append a ``hyper`` (RFC 4506, Section 4.5)."""
        try:
            self.buffer += _INT64.pack(value)
        except struct.error as error:
            raise XdrError(f"{value!r} is no 64-bit integer") from error

    def boolean(self, value: bool) -> None:
        """Append a ``bool`` (RFC 4506, Section 4.4)."""
        self.buffer += b"\0\0\0\1" if value else b"\0\0\0\0"

    def fixed_opaque(self, value: bytes | bytearray | memoryview, size: int) -> None:
        """Append ``opaque name[size]``: octets and a pad (RFC 4506, Section 4.9)."""
        if len(value) != size:
            raise XdrError(f"{len(value)} octets where exactly {size} belong")
        self.buffer += value
        self.buffer += _PAD[size & 3]

    def opaque(self, value: bytes | bytearray | memoryview, limit: int | None = None) -> None:
        """Append ``opaque name<limit>``: a length word, octets, a pad (RFC 4506, Section 4.10)."""
        size = len(value)
        if limit is not None and size > limit:
            raise XdrError(f"{size} octets where at most {limit} fit")
        self.uint32(size)
        self.buffer += value
        self.buffer += _PAD[size & 3]

    def payload(self, value: bytes | bytearray | memoryview, limit: int | None = None) -> None:
        """Append bulk data: its length word goes into the buffer, its octets stay where they are.

        They must not change until the message is sent.
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
        """Append ``type name<limit>``; ``encode`` appends an element (RFC 4506, Section 4.13)."""
        if limit is not None and len(values) > limit:
            raise XdrError(f"{len(values)} elements where at most {limit} fit")
        self.uint32(len(values))
        for value in values:
            encode(value)

    def truncate(self, size: int) -> None:
        """Take back what was appended since ``buffer`` had ``size`` octets, payloads included."""
        payloads = self.payloads
        while payloads and payloads[-1].offset > size:
            self._left_out -= (len(payloads.pop().data) + 3) & ~3
        del self.buffer[size:]

    def parts(self) -> Iterator[bytes | memoryview]:
        """Yield the unreduced stream as a gather list, each payload in its place and padded."""
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
        """Return a copy of the unreduced stream."""
        return b"".join(self.parts()) if self.payloads else bytes(self.buffer)
