"""A session used in another user's name: a mount acts for each of its users."""

from __future__ import annotations

from collections.abc import Callable

from nfsrdma.rpcrdma.rpc.auth import Credentials

from .caller import Limits
from .compound import Compound, Header
from .errors import NfsError
from .session import Session
from .stats import Statistics


class Acting:
    """A :class:`~.caller.Caller` with credentials of its own in a session of another.

    The session is the client's, whoever calls in it (RFC 8881, Section 2.10.8.3 allows it where
    no state protection was asked for).
    """

    __slots__ = ("_header", "_session", "credentials")

    def __init__(self, session: Session, credentials: Credentials) -> None:
        self.credentials = credentials
        self._session = session
        self._header = Header(credentials, session.minor_version)

    @property
    def limits(self) -> Limits:
        """What fits into one call."""
        return self._session.limits

    @property
    def stats(self) -> Statistics:
        """What was called, by all users of the session."""
        return self._session.stats

    @property
    def minor_version(self) -> int:
        """The minor version that the server is spoken to in."""
        return self._session.minor_version

    @property
    def epoch(self) -> bytes:
        """A name that changes whenever the server may have restarted."""
        return self._session.epoch

    @property
    def abandoned(self) -> Callable[[], NfsError] | None:
        """Makes the error that calls fail with, once the mount belongs to another process."""
        return self._session.abandoned

    def time(self) -> float:
        """Return the reactor's time in seconds."""
        return self._session.time()

    async def pause(self, seconds: float) -> None:
        """Wait so long."""
        await self._session.pause(seconds)

    def compound(self, name: str, *, idempotent: bool = True) -> Compound:
        """Begin a compound for :meth:`call`; ``name`` is how statistics call it."""
        return Compound(self._header, name, idempotent=idempotent)

    async def call(self, compound: Compound, *, recovering: bool = False) -> None:
        """Execute ``compound``; then the results of its operations are known."""
        await self._session.call(compound, recovering=recovering)
