"""The settings of one RPC-over-RDMA connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..verbs.types import DeviceLimits
from .header import HeaderLimits
from .private_data import MAX_INLINE, MIN_INLINE, PrivateData

SHORT_INLINE = 4096
"""Linux's inline threshold."""


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """Sizes in octets, depths in messages. Defaults are Linux's where it has one."""

    credits: int = 128
    """The most calls in progress: asked for by the side that connects, granted by the other."""
    reverse_credits: int = 16
    """The same for calls in the reverse direction (RFC 8167)."""
    inline_send: int = SHORT_INLINE
    """The longest message this side sends inline, header included: whole KiB, 1 to 256."""
    inline_receive: int = SHORT_INLINE
    """The longest message this side receives inline: the size of its receive buffers."""
    remote_invalidation: bool = True
    """Let the peer invalidate our memory (RFC 8797), and invalidate its own if it lets us."""

    max_call: int = (4 << 20) + (64 << 10)
    """The longest call that is fetched by RDMA READ, all chunks of it together."""
    max_buffered: int = 16 << 20
    """Octets of memory for the calls of one connection; further calls wait. ``budget`` bounds those
    of all connections together."""
    header_limits: HeaderLimits = field(default_factory=HeaderLimits)

    max_read_chunks: int = 1
    """Read chunks in one call of ours: all servers take one (RFC 8267)."""
    max_write_chunks: int = 1
    """Write chunks in one call of ours; results beyond come back in the message."""
    max_segments: int = 16
    """Segments in one chunk list of ours."""
    max_segment_length: int = 1 << 30
    """Octets registered under one R_key."""
    reduce_long_calls: bool = False
    """Move payloads out of calls that are themselves in a Read chunk."""

    max_long_message: int = 1 << 20
    """The longest call or reply without its payloads: what ``Channel.max_message`` says."""

    send_depth: int = 1024
    responder_resources: int = 16
    """RDMA READs of the peer answered at a time."""
    connect_timeout_s: float = 10.0
    max_connections: int = 256
    """Connections of a listener at a time, shared out by ``admission``."""
    max_receive_memory: int = 512 << 20
    """Octets of receive buffers of all connections of a listener. A peer that holds its share gets
    connections all the same, with short buffers."""
    read_timeout_s: float = 5.0
    """Seconds without an answer to any RDMA READ, up to twice as many, after which a listener ends
    a connection whose calls it is fetching."""
    keepalive_s: float = 60.0
    """Seconds of silence, up to twice as many, after which a listener asks for a sign of life."""

    reply_timeout_s: float = 5.0
    """Seconds for which a call whose reply was dropped waits for another one; then the side that
    connected ends the connection."""

    def __post_init__(self) -> None:
        for size in (self.inline_send, self.inline_receive):
            if size % 1024 or not MIN_INLINE <= size <= MAX_INLINE:
                raise ValueError(f"an inline size of {size} octets is not 1 to 256 KiB")
        if self.credits < 1 or self.reverse_credits < 1:
            raise ValueError("at least one credit is needed in each direction")
        if not 4096 <= self.max_call <= self.max_buffered:
            raise ValueError("max_call must be 4096 octets at least, and fit in max_buffered")
        if self.send_depth < 8:
            raise ValueError("the send queue must hold 8 requests at least")
        if min(self.keepalive_s, self.read_timeout_s, self.reply_timeout_s) <= 0:
            raise ValueError("a time to wait for the peer must be above 0 seconds")

    @classmethod
    def suiting(cls, limits: DeviceLimits) -> TransportOptions:
        """Return the defaults for a device; ``dataclasses.replace`` changes single ones."""
        inline = min(max(SHORT_INLINE, limits.short_message), MAX_INLINE)
        return cls(inline_send=inline, inline_receive=inline)

    @property
    def private_data(self) -> PrivateData:
        """The private data to connect or accept with (RFC 8797)."""
        return PrivateData(self.inline_send, self.inline_receive, self.remote_invalidation)

    @property
    def receive_depth(self) -> int:
        """Receives posted: one for each call or reply that may come, and some spare ones.

        Thanks to the spare ones, a peer that exceeds its credits is noticed as such.
        """
        return self.credits + self.reverse_credits + SPARE_RECEIVES


SPARE_RECEIVES = 4
