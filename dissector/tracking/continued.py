"""RPC messages that travel in several SENDs: version 2 of RPC-over-RDMA continues them.

Each SEND but the last has a part behind its header (draft-ietf-nfsv4-rpcrdma-version-two-09,
Section 6.6.2); the last has the chunk lists, and the rest.
"""

from __future__ import annotations

from ..base.extent import ByteMap, joined
from ..messages.rpcrdma2 import SecondHeader
from .model import Message, Side

MAX_MESSAGES = 256
"""Messages of which parts are kept."""
MAX_PARTS = 1024
MAX_OCTETS = 64 << 20


class Continued:
    """Keeps parts until the last of a message comes; the oldest give way."""

    def __init__(self) -> None:
        self._parts: dict[tuple[Side, int], list[ByteMap]] = {}

    def keep(self, message: Message, header: SecondHeader) -> bool:
        """Keep what follows a header; return whether there was room for it."""
        key = message.side, header.xid
        if key not in self._parts and len(self._parts) >= MAX_MESSAGES:
            del self._parts[next(iter(self._parts))]
        parts = self._parts.setdefault(key, [])
        part = message.content.cut(header.size, message.content.length)
        if len(parts) >= MAX_PARTS or sum(one.length for one in parts) + part.length > MAX_OCTETS:
            del self._parts[key]
            return False
        parts.append(part)
        return True

    def complete(self, message: Message, header: SecondHeader) -> None:
        """Put the parts before the rest of a message, behind the header of its last SEND."""
        parts = self._parts.pop((message.side, header.xid), None)
        if parts is None:
            return
        content, size = message.content, header.size
        message.content = joined(
            (content.cut(0, size), *parts, content.cut(size, content.length))
        )  # fmt: skip
        message.view = None
