"""The moment before a server's end, or its successor's beginning: when to close the connections.

A change whose answer is lost with the connection is one of which nobody can tell the client, in a
new session, whether it was made. So the server begins no change any more, and says so (DELAY), and
closes the connections when no change can be on its way: what it had begun is answered, and whoever
was told to ask again has not done so yet. Our client does 20, 60 and 140 ms later, Linux's after
100.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nfsrdma.rpcrdma.task import Reactor

from ..service import NfsService

_LEAST_S: Final = 0.09
"""Longer than calls are on their way."""
_MOST_S: Final = 1.0
"""By then it is over, whoever is busy: many clients have many moments, and no common one."""
_FRESH_S: Final = 0.01
"""Nobody asks again so soon."""
_STALE_S: Final = 0.2
"""Whoever was told so long ago has asked again, or does not."""
_LOOK_S: Final = 0.004


def begin_lull(reactor: Reactor, service: NfsService, then: Callable[[], None]) -> None:
    """Have a server begin no change any more, and call ``then`` in the right moment."""
    service.hold_changes(True)
    began = reactor.time()

    def look() -> None:
        now = reactor.time()
        lasted, told = now - began, now - service.put_off_at
        good = service.is_idle and not _FRESH_S < told < _STALE_S
        if lasted >= _MOST_S or (lasted >= _LEAST_S and good):
            then()
        else:
            reactor.call_at(now + _LOOK_S, look)

    reactor.call_at(began + _LEAST_S, look)
