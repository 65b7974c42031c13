"""RPCs of which all was seen: what is sent again for a reply comes after the reply."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from ..tracking.model import Exchange

MAX_WAITING = 1024
"""RPCs that wait for the acknowledgement of a reply."""
T = TypeVar("T")


class Settled(Generic[T]):
    """Hands things on in their order, each once the reply that it is about was acknowledged.

    Only then is it known how often the reply was sent. Where nothing is acknowledged in packets
    (TCP, UDP), or there is no reply, nothing is waited for.
    """

    def __init__(self, exchange_of: Callable[[T], Exchange]) -> None:
        self._exchange_of = exchange_of
        self._waiting: deque[T] = deque()

    def add(self, one: T) -> Iterator[T]:
        """Add one, and give what waits no longer."""
        waiting = self._waiting
        waiting.append(one)
        while waiting and (len(waiting) > MAX_WAITING or _settled(self._exchange_of(waiting[0]))):
            yield waiting.popleft()

    def rest(self) -> Iterator[T]:
        """Give what is left at the end of the capture."""
        while self._waiting:
            yield self._waiting.popleft()


def _settled(exchange: Exchange) -> bool:
    reply = exchange.reply
    return reply is None or bool(reply.ack_time_ns) or reply.side.flow is None


def itself(exchange: Exchange) -> Exchange:
    """Return an exchange, for what is handed on as it is."""
    return exchange
