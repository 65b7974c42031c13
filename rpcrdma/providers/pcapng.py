"""A writer of pcapng captures (draft-ietf-opsawg-pcapng): one section, one Ethernet interface."""

from __future__ import annotations

import struct
from typing import BinaryIO

_SECTION_HEADER = 0x0A0D0D0A
_INTERFACE_DESCRIPTION = 1
_ENHANCED_PACKET = 6
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_LINKTYPE_ETHERNET = 1

_OPT_END = b"\0\0\0\0"
_OPT_COMMENT = 1
_SHB_USERAPPL = 4
_IF_NAME = 2
_IF_TSRESOL = 9
_NANOSECONDS = 9

_BLOCK = struct.Struct("<II")
_PACKET = struct.Struct("<IIIII")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


class PcapngWriter:
    """Writes frames to ``file`` (binary), at most ``buffered`` octets behind; owns the file."""

    __slots__ = ("_buffer", "_buffered", "_file")

    def __init__(
        self,
        file: BinaryIO,
        *,
        interface: str = "roce0",
        application: str = "nfsrdma",
        buffered: int = 1 << 18,
    ) -> None:
        self._file = file
        self._buffered = buffered
        self._buffer = bytearray()
        section = struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, -1)
        self._block(
            _SECTION_HEADER, section + _option(_SHB_USERAPPL, application.encode()) + _OPT_END
        )
        self._block(
            _INTERFACE_DESCRIPTION,
            struct.pack("<HHI", _LINKTYPE_ETHERNET, 0, 0)
            + _option(_IF_NAME, interface.encode())
            + _option(_IF_TSRESOL, bytes((_NANOSECONDS,)))
            + _OPT_END,
        )

    def write(self, frame: bytes, time_s: float, comment: str = "") -> None:
        """Add a frame; ``time_s`` is seconds since 1970. Raises ``OSError`` from the file."""
        stamp = round(time_s * 1e9)
        head = _PACKET.pack(0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame))
        options = _option(_OPT_COMMENT, comment.encode()) + _OPT_END if comment else b""
        self._block(_ENHANCED_PACKET, head + _padded(frame) + options)
        if len(self._buffer) >= self._buffered:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the file."""
        buffer, self._buffer = self._buffer, bytearray()
        self._file.write(buffer)
        self._file.flush()

    def close(self) -> None:
        """Flush and close the file. Harmless to repeat."""
        if not self._file.closed:
            self.flush()
            self._file.close()

    def _block(self, kind: int, body: bytes) -> None:
        length = 12 + len(body)
        self._buffer += _BLOCK.pack(kind, length) + body + length.to_bytes(4, "little")
