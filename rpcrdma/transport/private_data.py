"""The private data of a connection request and its reply (RFC 8797).

Eight octets at the start of the connection manager's private data, in both directions: the longest
messages that a side sends and receives inline, and whether it supports remote invalidation. A side
that sends none has the defaults of RFC 8166.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

MAGIC: Final = 0xF6AB0E18
FORMAT_VERSION: Final = 1
REMOTE_INVALIDATION: Final = 0x01

DEFAULT_INLINE: Final = 1024
MIN_INLINE: Final = 1024
MAX_INLINE: Final = 256 * 1024

_LAYOUT = struct.Struct(">IBBBB")


@dataclass(frozen=True, slots=True)
class PrivateData:
    """One side's properties; sizes in octets, whole KiB from 1 to 256."""

    inline_send: int = DEFAULT_INLINE
    inline_receive: int = DEFAULT_INLINE
    remote_invalidation: bool = False

    def encode(self) -> bytes:
        """Return the eight octets."""
        return _LAYOUT.pack(
            MAGIC,
            FORMAT_VERSION,
            REMOTE_INVALIDATION if self.remote_invalidation else 0,
            self.inline_send // 1024 - 1,
            self.inline_receive // 1024 - 1,
        )

    @classmethod
    def decode(cls, data: bytes | memoryview) -> PrivateData:
        """Return what a peer's private data says, or the defaults if it cannot be understood.

        The connection manager pads with zeros, so only the first octets are looked at.
        """
        if len(data) < _LAYOUT.size:
            return cls()
        magic, version, flags, send, receive = _LAYOUT.unpack_from(data)
        if magic != MAGIC or version != FORMAT_VERSION:
            return cls()
        return cls((send + 1) * 1024, (receive + 1) * 1024, bool(flags & REMOTE_INVALIDATION))


def thresholds(ours: PrivateData, theirs: PrivateData) -> tuple[int, int]:
    """Return the longest messages that we may send and may receive inline, headers included."""
    return (
        min(ours.inline_send, theirs.inline_receive),
        min(ours.inline_receive, theirs.inline_send),
    )
