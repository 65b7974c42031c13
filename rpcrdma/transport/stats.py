"""Counters of one connection: those of Linux's ``mountstats`` for ``xprt: rdma``, and more."""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(slots=True, repr=False)
class TransportStats:
    """Plain counters, of octets where the name says so. Both roles of a connection share one."""

    bad_replies: int = 0
    """Replies that made no sense, or answered no call."""
    bytes_inline_received: int = 0
    bytes_inline_sent: int = 0
    bytes_read: int = 0
    """Fetched from the peer's memory."""
    bytes_read_chunks: int = 0
    """Offered to be read by the peer."""
    bytes_reply_chunks: int = 0
    """Received in Reply chunks."""
    bytes_write_chunks: int = 0
    """Received in Write chunks."""
    bytes_written: int = 0
    """Written to the peer's memory."""
    calls_cancelled: int = 0
    calls_received: int = 0
    calls_sent: int = 0
    credit_stalls: int = 0
    """Calls that had to wait for a credit."""
    credit_violations: int = 0
    errors_received: int = 0
    """RDMA_ERROR messages."""
    errors_sent: int = 0
    local_invalidations: int = 0
    """Registrations that this side had to end itself."""
    messages_dropped: int = 0
    nomsg_calls: int = 0
    """Calls sent as a Position-Zero Read chunk."""
    nomsg_replies: int = 0
    """Replies received in a Reply chunk."""
    pullups: int = 0
    """Messages whose payloads were copied inline."""
    rdma_reads: int = 0
    rdma_writes: int = 0
    read_chunks: int = 0
    """Read chunks that were offered."""
    registrations: int = 0
    remote_invalidations: int = 0
    """Registrations that the peer ended by SEND_WITH_INV."""
    remote_invalidations_sent: int = 0
    replies_received: int = 0
    replies_sent: int = 0
    replies_too_long: int = 0
    """Answered with ERR_CHUNK after execution: the program did not look at ``reply_room``."""
    reply_chunks: int = 0
    send_queue_full: int = 0
    """Send requests that had to wait for a place in the send queue."""
    write_chunks: int = 0
    writes_copied: int = 0
    """RDMA WRITEs whose data was in a receive buffer, and so had to be copied first."""
    writes_joined: int = 0
    """RDMA WRITEs in more pieces than the device gathers, which were joined by a copy."""

    refused: dict[str, int] = field(default_factory=dict)
    """Calls that were answered with RDMA_ERROR, by the reason for it."""

    def count_refused(self, reason: str) -> None:
        """Count a call that was refused; ``reason`` is one of the transport's few texts."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def as_dict(self) -> dict[str, int]:
        """Return all counters by name, those of refused calls as ``refused: REASON``."""
        counters = {each.name: getattr(self, each.name) for each in fields(self)}
        del counters["refused"]
        for reason, count in self.refused.items():
            counters[f"refused: {reason}"] = count
        return counters

    def __repr__(self) -> str:
        counted = ", ".join(f"{name}={value}" for name, value in self.as_dict().items() if value)
        return f"TransportStats({counted})"
