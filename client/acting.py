"""Calls with another user's credentials in the client's session, for mounts of many users."""

from __future__ import annotations

from collections.abc import Callable

from nfsrdma.rpcrdma.rpc.auth import Credentials

from .caller import Limits
from .compound import Compound, Header
from .errors import NfsError
from .quick import Begun, Quick
from .session import Session
from .stats import Statistics


class Acting:
    """A :class:`~.caller.Caller` with its own credentials in the session of a client.

    A session is not tied to the credentials that created it, since the client requests no state
    protection (SP4_NONE: RFC 8881, Section 2.10.8.3).
    """

    __slots__ = ("_header", "_session", "credentials", "quick")

    def __init__(self, session: Session, credentials: Credentials) -> None:
        self.credentials = credentials
        self._session = session
        self._header = Header(credentials, session.minor_version)
        self.quick = Quick(session, self._header) if session.quick is not None else None

    @property
    def limits(self) -> Limits:
        """The limits of one call."""
        return self._session.limits

    @property
    def stats(self) -> Statistics:
        """Counters of the calls made by all users of the session."""
        return self._session.stats

    @property
    def minor_version(self) -> int:
        """The minor version in use."""
        return self._session.minor_version

    @property
    def epoch(self) -> bytes:
        """A value that changes whenever the server may have restarted."""
        return self._session.epoch

    @property
    def abandoned(self) -> Callable[[], NfsError] | None:
        """The maker of the error that every call raises, once the mount is another process's."""
        return self._session.abandoned

    def time(self) -> float:
        """Return the reactor's time in seconds."""
        return self._session.time()

    async def pause(self, seconds: float) -> None:
        """Wait for that many seconds."""
        await self._session.pause(seconds)

    def compound(self, name: str, *, idempotent: bool = True) -> Compound:
        """Begin a compound for :meth:`call`; ``name`` is its name in statistics."""
        return Compound(self._header, name, idempotent=idempotent)

    async def call(
        self, compound: Compound, *, recovering: bool = False, begun: Begun | None = None
    ) -> None:
        """Execute ``compound``; afterwards the results of its operations are known."""
        await self._session.call(compound, recovering=recovering, begun=begun)
