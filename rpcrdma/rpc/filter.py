"""The seam between a byte stream and the edge that moves its octets: a place for filters.

``rpc.stream`` is a :class:`Stream`, and ``io.tcp`` moves octets for any of them. TLS (RFC 9289)
would be a filter between the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Stream(Protocol):
    """What the edge moves octets for: a ``StreamChannel``, or a filter below one.

    A filter (such as TLS) presents this interface to the edge, and acts as the edge of the channel
    above it. It may send other octets than the channel does, at other times and in other numbers:
    ``transmitted`` counts its own octets, and it calls ``transmitted`` above for those it took.
    """

    on_ready: Callable[[], None]
    on_shut: Callable[[], None]

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""

    @property
    def wants_input(self) -> bool:
        """Whether the edge should go on reading."""

    @property
    def portion(self) -> int:
        """The most octets to give to ``handle_data`` at once."""

    def target(self) -> memoryview | None:
        """Return the memory that the next octets must go to; ``None`` for ``handle_data``."""

    def handle_data(self, data: bytes) -> None:
        """Take octets of the stream."""

    def handle_filled(self, count: int) -> None:
        """Take ``count`` octets that were put in the ``target``."""

    def handle_lost(self, reason: str) -> None:
        """End the connection: the stream has ended, or cannot be used any more."""

    def poll_transmit(self) -> list[bytes | bytearray | memoryview]:
        """Return buffers to be sent next, in order; none when there is nothing to send."""

    def transmitted(self, count: int) -> None:
        """Drop the first ``count`` octets of what was polled: they have been sent."""


StreamFilter = Callable[[Stream], Stream]
"""Returns a filter for a channel that is about to be connected."""
