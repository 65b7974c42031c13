"""Leases and the grace period (RFC 8881, Sections 8.3 and 8.4.2)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from .recovery import RecoveryStore, StoreError, is_revocation, revocation_of

_log = logging.getLogger(__name__)

_MARGIN_S: Final = 15.0
_EXTENSION_S: Final = 1.0
"""How much longer the grace period lasts, at least, after each reclaim."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long things last, in seconds.

    ``lease`` is what clients are told. A client that is silent for longer keeps its state as a
    courtesy for ``courtesy`` more, unless another client wants what it holds. After a restart
    clients have ``grace`` to reclaim what they had. None is somewhat longer than the lease, so that
    a client that has just renewed it notices the restart in time.
    """

    lease: float = 90.0
    grace: float | None = None
    courtesy: float = 86_400.0

    @property
    def grace_period(self) -> float:
        """Seconds in which clients may reclaim after a restart; more if they go on reclaiming."""
        if self.grace is not None:
            return self.grace
        return self.lease + min(_MARGIN_S, self.lease / 2)


class Grace:
    """The grace period: after a start clients reclaim what they had, and get nothing new.

    There is none if no client could reclaim, and it ends early once all have said that they are
    done (RECLAIM_COMPLETE). While reclaims arrive it goes on, for up to a lease more (RFC 8881,
    Section 8.4.2.1). It does not end before its end is on record: otherwise a client that missed it
    could reclaim, after the next restart, what others have got in between (Section 8.4.3).
    """

    def __init__(self, store: RecoveryStore, times: LeaseTimes, now: float) -> None:
        self._store = store
        self.boot, self._entitled = store.start()
        self._waiting_for = frozenset(entry for entry in self._entitled if not is_revocation(entry))
        self._active = bool(self._waiting_for)
        self._ends = now + times.grace_period
        self._latest = self._ends + times.lease
        self._failed = False

    def active(self, now: float) -> bool:
        """Return whether the grace period lasts."""
        if self._active and (now >= self._ends or not self._waiting_for):
            self._end(now)
        return self._active

    @property
    def awaited(self) -> frozenset[bytes]:
        """The clients, by their records, that may still come back; none when it is over."""
        return self._waiting_for if self._active else frozenset()

    def remaining(self, now: float) -> float:
        """Return the seconds that the grace period is going to last; 0 if it is over."""
        return max(0.0, self._ends - now) if self._active and self._waiting_for else 0.0

    def may_reclaim(self, record: bytes) -> bool:
        """Return whether a client held state before the restart."""
        return record in self._entitled

    def may_reclaim_delegations(self, record: bytes) -> bool:
        """Return whether a client that held state had no delegation revoked."""
        return record in self._entitled and revocation_of(record) not in self._entitled

    def reclaimed(self, now: float) -> None:
        """Note that a client has reclaimed something: it may want more."""
        self._ends = max(self._ends, min(now + _EXTENSION_S, self._latest))

    def completed(self, record: bytes) -> None:
        """Note that a client has reclaimed all that it wanted."""
        self._waiting_for -= {record}

    def _end(self, now: float) -> None:
        if self._failed and now < self._ends:
            return  # It is not tried for every call.
        try:
            self._store.end_grace()
        except StoreError as error:
            if not self._failed:
                _log.warning("the grace period cannot end, as that cannot be recorded: %s", error)
            self._failed, self._ends = True, now + _EXTENSION_S
            return
        self._active = False
        self._entitled = frozenset()
