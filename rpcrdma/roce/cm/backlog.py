"""Bounds for what unconfirmed peers can make the connection manager keep and send.

A request to connect costs its sender one datagram, with any source address that it likes to write
on it. So the number of half-open connections is bounded, for each address and in total. When there
are too many, the address with the most of them loses its oldest one; a peer that answers needs one
round trip, and is through before that. What is sent to unconfirmed addresses has a rate, for each
address and in total, as it may go to a host that never asked. An IPv6 address counts as its network
of 64 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...budget import network_of

if TYPE_CHECKING:
    from .cm_id import CmId

MAX_HALF_OPEN = 128
"""In total. Fewer than a server's connections, as each of these takes one of them."""
MAX_HALF_OPEN_EACH = 64
"""For each address."""
ROUND_TRIP_S = 0.02
"""No connection is evicted earlier; until then new requests are dropped, and peers repeat them."""
PRESSED, PRESSED_EACH = MAX_HALF_OPEN // 4, MAX_HALF_OPEN_EACH // 8
"""With more than these, half-open connections are evicted after ``PRESSED_PATIENCE_S``."""
PRESSED_PATIENCE_S = 1.0


class Backlog:
    """The half-open connections, oldest first, with the address that each came from."""

    __slots__ = ("_each", "_most", "_of", "_since")

    def __init__(self, most: int = MAX_HALF_OPEN, each: int = MAX_HALF_OPEN_EACH) -> None:
        self._most = most
        self._each = each
        self._since: dict[CmId, float] = {}
        self._of: dict[str, dict[CmId, None]] = {}

    def __len__(self) -> int:
        return len(self._since)

    def pressed(self, host: str) -> bool:
        """Return whether there are unusually many, in total or of ``host`` alone."""
        return len(self._since) > PRESSED or len(self._of.get(network_of(host), ())) > PRESSED_EACH

    def add(self, cm_id: CmId, now: float) -> None:
        """Add a connection that has become half-open at ``now``."""
        self._since[cm_id] = now
        self._of.setdefault(network_of(cm_id.remote_port[0]), {})[cm_id] = None

    def discard(self, cm_id: CmId) -> None:
        """Remove a connection that is not half-open any more, or never was."""
        if self._since.pop(cm_id, None) is not None:
            network = network_of(cm_id.remote_port[0])
            own = self._of[network]
            del own[cm_id]
            if not own:
                del self._of[network]

    def age(self, cm_id: CmId, now: float) -> float:
        """Return for how many seconds a connection has been half-open."""
        return now - self._since[cm_id]

    def victim(self, host: str, now: float) -> CmId | None:
        """Return the connection to evict for one more of ``host``; ``None`` if there is room."""
        own = self._of.get(network_of(host))
        if own is not None and len(own) >= self._each:
            return next(iter(own))
        if len(self._since) >= self._most:
            greatest = max(map(len, self._of.values()))
            if greatest == 1:
                return next(iter(self._since))
            most = {network for network, those in self._of.items() if len(those) == greatest}
            return next(one for one in self._since if network_of(one.remote_port[0]) in most)
        if len(self._since) > PRESSED:
            oldest = next(iter(self._since))
            if self.age(oldest, now) > PRESSED_PATIENCE_S:
                return oldest
        return None


class Quota:
    """A rate limit: ``rate`` a second and ``burst`` at once for each address, and one for all."""

    __slots__ = ("_all", "_burst", "_levels", "_most", "_rate")

    def __init__(self, rate: float, burst: int, total: Quota | None = None) -> None:
        self._rate = rate
        self._burst = burst
        self._all = total
        self._most = 1024
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, host: str, now: float) -> bool:
        """Use one up for ``host``; return false if it has none left."""
        network = network_of(host)
        level, since = self._levels.pop(network, (0.0, now))
        level = max(0.0, level - max(0.0, now - since) * self._rate)
        allowed = level + 1 <= self._burst and (self._all is None or self._all.take("", now))
        self._levels[network] = (level + 1 if allowed else level, now)
        if len(self._levels) > self._most:
            del self._levels[next(iter(self._levels))]
        return allowed
