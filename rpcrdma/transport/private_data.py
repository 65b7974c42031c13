"""What two peers tell each other while they connect (RFC 8797).

Eight octets at the start of the connection manager's private data, in both directions: how long
a message each side sends and receives inline, and whether it can cope with its memory being
invalidated by the other. Who sends none has the defaults of RFC 8166.
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
        """The eight octets."""
        return _LAYOUT.pack(
            MAGIC,
            FORMAT_VERSION,
            REMOTE_INVALIDATION if self.remote_invalidation else 0,
            self.inline_send // 1024 - 1,
            self.inline_receive // 1024 - 1,
        )

    @classmethod
    def decode(cls, data: bytes | memoryview) -> PrivateData:
        """What the peer's private data says; the defaults if it says nothing we understand.

        The connection manager pads with zeros, so only the first octets are looked at.
        """
        if len(data) < _LAYOUT.size:
            return cls()
        magic, version, flags, send, receive = _LAYOUT.unpack_from(data)
        if magic != MAGIC or version != FORMAT_VERSION:
            return cls()
        return cls((send + 1) * 1024, (receive + 1) * 1024, bool(flags & REMOTE_INVALIDATION))


def thresholds(ours: PrivateData, theirs: PrivateData) -> tuple[int, int]:
    """The longest messages, header included, that we may send, and that we can get, inline."""
    return (
        min(ours.inline_send, theirs.inline_receive),
        min(ours.inline_receive, theirs.inline_send),
    )
