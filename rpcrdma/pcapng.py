"""Writing pcapng (draft-ietf-opsawg-pcapng): blocks as octets, and a simple writer of captures.

The functions make single blocks and options in either byte order, to rewrite a capture with;
:class:`PcapngWriter` writes frames, as one section with one interface.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

SECTION_HEADER = 0x0A0D0D0A
INTERFACE_DESCRIPTION = 1
ENHANCED_PACKET = 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
LINKTYPE_ETHERNET = 1

OPT_COMMENT = 1
SHB_USERAPPL = 4
IF_NAME = 2
IF_TSRESOL = 9
IF_FCSLEN = 13
NANOSECONDS = 9
MAX_OPTION = 0xFFFF

Option = tuple[int, bytes]

_LITTLE_PACKET = struct.Struct("<IIIII")


def padded(data: bytes) -> bytes:
    """Return ``data`` with zeros up to a multiple of four octets."""
    return data + bytes(-len(data) % 4)


def comment(text: str) -> Option:
    """Return a comment on a block, cut after a whole character if it is too long."""
    octets = text.encode("utf-8", "backslashreplace")
    if len(octets) > MAX_OPTION:
        octets = octets[: MAX_OPTION - 4].decode("utf-8", "ignore").encode() + b" ..."
    return OPT_COMMENT, octets


def encode_options(options: Iterable[Option], order: str = "<") -> bytes:
    """Return options with their end, or nothing if there are none."""
    out = bytearray()
    for code, value in options:
        out += struct.pack(order + "HH", code, len(value)) + padded(value)
    return bytes(out + bytes(4)) if out else b""


def encode_block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Return a block around ``body``, which is padded."""
    body = padded(body)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def section_header(options: Iterable[Option] = ()) -> bytes:
    """Return the header of a little-endian section of unknown length."""
    head = struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1)
    return encode_block(SECTION_HEADER, head + encode_options(options))


def interface_description(
    link_type: int, snaplen: int = 0, options: Iterable[Option] = (), order: str = "<"
) -> bytes:
    """Return the description of an interface; ``snaplen`` 0 is no limit."""
    head = struct.pack(order + "HHI", link_type, 0, snaplen)
    return encode_block(INTERFACE_DESCRIPTION, head + encode_options(options, order), order)


def enhanced_packet(
    frame: bytes | memoryview,
    ticks: int,
    *,
    interface: int = 0,
    original: int | None = None,
    options: Iterable[Option] = (),
    order: str = "<",
) -> bytes:
    """Return the block of a frame; ``ticks`` is the time in units of its interface's clock."""
    size = len(frame)
    original = size if original is None else original
    values = (interface, ticks >> 32, ticks & 0xFFFFFFFF, size, original)
    head = _LITTLE_PACKET.pack(*values) if order == "<" else struct.pack(order + "5I", *values)
    body = b"".join((head, frame, bytes(-size % 4), encode_options(options, order)))
    return encode_block(ENHANCED_PACKET, body, order)


class PcapngWriter:
    """Writes frames to a binary ``file``, which it owns, buffering up to ``buffered`` octets."""

    __slots__ = ("_buffer", "_buffered", "_file")

    def __init__(
        self,
        file: BinaryIO,
        *,
        interface: str = "roce0",
        application: str = "nfsrdma",
        link_type: int = LINKTYPE_ETHERNET,
        buffered: int = 1 << 18,
    ) -> None:
        self._file = file
        self._buffered = buffered
        self._buffer = bytearray(section_header([(SHB_USERAPPL, application.encode())]))
        self._buffer += interface_description(
            link_type,
            options=[(IF_NAME, interface.encode()), (IF_TSRESOL, bytes((NANOSECONDS,)))],
        )

    def write(self, frame: bytes, time_s: float, comment_text: str = "") -> None:
        """Add a frame; ``time_s`` is seconds since 1970. Raises ``OSError`` from the file."""
        options = [comment(comment_text)] if comment_text else []
        self._buffer += enhanced_packet(frame, round(time_s * 1e9), options=options)
        if len(self._buffer) >= self._buffered:
            self.flush()

    def flush(self) -> None:
        """Write everything to the file."""
        buffer, self._buffer = self._buffer, bytearray()
        self._file.write(buffer)
        self._file.flush()

    def close(self) -> None:
        """Flush and close the file. Has no effect when repeated."""
        if not self._file.closed:
            self.flush()
            self._file.close()

    def abandon(self) -> None:
        """Close the file without writing to it, if that is possible without waiting for a lock."""
        self._buffer.clear()
        getattr(self._file, "raw", self._file).close()
