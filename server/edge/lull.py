"""The moment before a server's end, or its successor's beginning: when to close the connections.

A change that was made, and whose answer is lost with the connection, is one of which a client of a
new session does not know. So the server begins no change any more, and says so (DELAY), until what
it had begun is answered and the answers have arrived. What comes after that is not executed, and
the next life of the server says so to whoever asks (``state.legacy``); whoever does not ask makes
the call again, and it is executed once. So the moment need not be one in which nothing comes: of
many clients there would be none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nfsrdma.rpcrdma.task import Reactor

from ..service import NfsService

_LEAST_S: Final = 0.09
"""Longer than answers are on their way."""
_MOST_S: Final = 1.0
"""By then it is over, whatever goes on."""
_LOOK_S: Final = 0.004


def begin_lull(reactor: Reactor, service: NfsService, then: Callable[[], None]) -> None:
    """Have a server begin no change any more, and call ``then`` in the right moment."""
    service.hold_changes(True)
    began = reactor.time()

    def look() -> None:
        now = reactor.time()
        if service.is_idle or now - began >= _MOST_S:
            then()
        else:
            reactor.call_at(now + _LOOK_S, look)

    reactor.call_at(began + _LEAST_S, look)
