"""Leases and the grace period (RFC 8881, Sections 8.3 and 8.4.2)."""

from __future__ import annotations

from dataclasses import dataclass

from .recovery import RecoveryStore


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long things last, in seconds.

    ``lease`` is what clients are told. A client that was silent for longer keeps its state as
    a courtesy for ``courtesy`` more, unless someone wants what it holds.
    """

    lease: float = 90.0
    grace: float = 90.0
    courtesy: float = 86_400.0


class Grace:
    """The time after a start in which clients reclaim what they had, and nobody gets anything new.

    It does not begin when there is nobody who could reclaim, and ends early once all have said
    that they are done (RECLAIM_COMPLETE).
    """

    def __init__(self, store: RecoveryStore, duration: float, now: float) -> None:
        self._store = store
        self.boot, self._waiting_for = store.start()
        self._entitled = self._waiting_for
        self._ends: float | None = now + duration if self._waiting_for else None

    def active(self, now: float) -> bool:
        """Whether it lasts."""
        if self._ends is None:
            return False
        if now >= self._ends:
            self._end()
            return False
        return True

    def may_reclaim(self, owner: bytes) -> bool:
        """Whether a client held state in the life before."""
        return owner in self._entitled

    def completed(self, owner: bytes) -> None:
        """A client has reclaimed what it wanted."""
        self._waiting_for -= {owner}
        if self._ends is not None and not self._waiting_for:
            self._end()

    def _end(self) -> None:
        self._ends = None
        self._entitled = frozenset()
        self._store.end_grace()
