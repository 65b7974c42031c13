"""One RPC-over-RDMA message on its way, and what is to become of it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.transport.header import RDMA_ERROR, VERSION, RpcRdmaHeader

from ..wire import Entry, Message, header

CALL: Final = "call"
REPLY: Final = "reply"
CALLBACK: Final = "callback"
"""A call of the server's, or the client's reply to it."""
ERROR: Final = "error"
"""RDMA_ERROR."""
OTHER: Final = "other"
"""What has no place in the protocol, or could not be decoded; it passes as it came."""

_WORD: Final = struct.Struct(">I")


class Cut(Enum):
    """Where the connections are ended."""

    BEFORE = "before"
    """The message does not arrive any more."""
    PLACING = "placing"
    """Half of what it writes to memory arrives."""
    PLACED = "placed"
    """What it writes to memory arrives, and the message does not."""
    AFTER = "after"
    """It arrives."""


@dataclass(slots=True)
class Passing:
    """A message as the side that it goes to will see it; whoever likes changes it."""

    kind: str
    from_client: bool
    number: int
    """Messages of its kind on all connections before it, and 1."""
    raw: bytes
    """As it came."""
    xid: int = 0
    version: int = VERSION
    credit: int = 0
    proc: int = 0
    reads: list[Entry] = field(default_factory=list)
    writes: list[list[Segment]] = field(default_factory=list)
    reply: list[Segment] | None = None
    body: bytes = b""
    """What follows the header: the RPC message, or the rest of an error."""
    placed: list[tuple[Segment, bytes]] = field(default_factory=list)
    """The RDMA WRITEs in front of a reply, in order."""
    invalidate: int | None = None
    """The handle of the receiver's that the message invalidates."""
    operations: tuple[str, ...] = ()
    """What the call asks for, of a reply its call: names of NFSv4 operations."""
    dropped: bool = False
    copies: int = 1
    delay_s: float = 0.0
    cut: Cut | None = None
    changes: list[Callable[[bytearray], object]] = field(default_factory=list)
    """What is done to the octets at last, whatever they mean."""
    news: list[str] = field(default_factory=list)
    """What was done to it, in words."""

    @property
    def way(self) -> str:
        """Where from and where to, in words."""
        return "client->server" if self.from_client else "server->client"

    @property
    def size(self) -> int:
        """Octets of the message, without what is in chunks."""
        return len(self.raw)

    def octets(self) -> bytes:
        """Return the message as it is sent."""
        if self.kind in (OTHER, ERROR):
            octets = bytearray(self.raw)
            if len(octets) >= 16:
                octets[:16] = struct.pack(">4I", self.xid, self.version, self.credit, self.proc)
        else:
            octets = bytearray(
                header(
                    self.xid,
                    self.proc,
                    reads=self.reads,
                    writes=self.writes,
                    reply=self.reply,
                    credit=self.credit,
                    version=self.version,
                )
            )
            octets += self.body
        for change in self.changes:
            change(octets)
        return bytes(octets)

    def become_error(self, code: int, *words: int) -> None:
        """Turn it into RDMA_ERROR with this code; ``words`` follow (RFC 8166, Section 4.2.3)."""
        self.kind, self.proc = ERROR, RDMA_ERROR
        self.placed, self.invalidate = [], None
        head = struct.pack(">4I", self.xid, self.version, self.credit, RDMA_ERROR)
        self.raw = head + b"".join(_WORD.pack(word) for word in (code, *words))


def taken_apart(
    message: Message,
    found: RpcRdmaHeader,
    *,
    kind: str,
    from_client: bool,
    number: int,
) -> Passing:
    """Return a message as it came, its lists with the sender's segments."""
    return Passing(
        kind,
        from_client,
        number,
        message.octets,
        found.xid,
        credit=found.credit,
        proc=found.proc,
        reads=[
            (chunk.position, segment) for chunk in found.read_list for segment in chunk.segments
        ],
        writes=[list(chunk.segments) for chunk in found.write_list],
        reply=None if found.reply_chunk is None else list(found.reply_chunk.segments),
        body=message.octets[found.size :],
    )


def opaque(message: Message, *, from_client: bool, number: int, kind: str = OTHER) -> Passing:
    """Return a message that passes as it came."""
    octets = message.octets
    words: Sequence[int] = (0, VERSION, 0, 0)
    if len(octets) >= 16:
        words = struct.unpack_from(">4I", octets)
    return Passing(kind, from_client, number, octets, words[0], words[1], words[2], words[3])
