"""Counters of one connection: what Linux's ``mountstats`` tells of an ``xprt: rdma``, and more."""

from __future__ import annotations


class TransportStats:
    """Plain counters; octets where the name says so. Both roles share one object."""

    __slots__ = (
        "bad_replies",
        "bytes_inline_received",
        "bytes_inline_sent",
        "bytes_read",
        "bytes_read_chunks",
        "bytes_reply_chunks",
        "bytes_write_chunks",
        "bytes_written",
        "calls_cancelled",
        "calls_received",
        "calls_sent",
        "credit_stalls",
        "credit_violations",
        "errors_received",
        "errors_sent",
        "local_invalidations",
        "messages_dropped",
        "nomsg_calls",
        "nomsg_replies",
        "pullups",
        "rdma_reads",
        "rdma_writes",
        "read_chunks",
        "registrations",
        "remote_invalidations",
        "remote_invalidations_sent",
        "replies_received",
        "replies_sent",
        "replies_too_long",
        "reply_chunks",
        "send_queue_full",
        "write_chunks",
    )

    bad_replies: int
    """Replies that made no sense, or answered nothing."""
    bytes_inline_received: int
    bytes_inline_sent: int
    bytes_read: int
    """Fetched from the peer's memory."""
    bytes_read_chunks: int
    """Offered to be read by the peer."""
    bytes_reply_chunks: int
    """Received in Reply chunks."""
    bytes_write_chunks: int
    """Received in Write chunks."""
    bytes_written: int
    """Written to the peer's memory."""
    calls_cancelled: int
    calls_received: int
    calls_sent: int
    credit_stalls: int
    """Calls that had to wait for a credit."""
    credit_violations: int
    errors_received: int
    """RDMA_ERROR messages."""
    errors_sent: int
    local_invalidations: int
    """Registrations that this side had to end itself."""
    messages_dropped: int
    nomsg_calls: int
    """Calls sent as a Position-Zero Read chunk."""
    nomsg_replies: int
    """Replies received in a Reply chunk."""
    pullups: int
    """Messages whose payloads were copied inline."""
    rdma_reads: int
    rdma_writes: int
    read_chunks: int
    """Offered, like the other two kinds."""
    registrations: int
    remote_invalidations: int
    """Registrations that the peer ended by SEND_WITH_INV."""
    remote_invalidations_sent: int
    replies_received: int
    replies_sent: int
    replies_too_long: int
    """Answered with ERR_CHUNK after execution: the program did not look at ``reply_room``."""
    reply_chunks: int
    send_queue_full: int
    """Send requests that had to wait for a place in the send queue."""
    write_chunks: int

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    def as_dict(self) -> dict[str, int]:
        """All counters by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __repr__(self) -> str:
        counted = ", ".join(f"{name}={value}" for name, value in self.as_dict().items() if value)
        return f"TransportStats({counted})"
