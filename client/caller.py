"""The narrow interface between operations and what executes their compounds.

Operations, open files and paths are written against :class:`Caller`. A session of minor version 1
or 2 is one; a client of minor version 0, which has no sessions, can be another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from nfsrdma.rpcrdma.rpc.auth import Credentials

from .compound import Compound
from .errors import NfsError
from .quick import Begun, Quick
from .stats import Statistics


class Limits:
    """The limits of one call, in octets and operations (RFC 8881, Section 18.36)."""

    __slots__ = ("max_cached", "max_operations", "max_request", "max_response")

    def __init__(
        self, max_request: int, max_response: int, max_cached: int, max_operations: int
    ) -> None:
        self.max_request = max_request
        self.max_response = max_response
        self.max_cached = max_cached
        self.max_operations = max_operations


class Caller(Protocol):
    """Makes compounds and executes them, each exactly once."""

    @property
    def credentials(self) -> Credentials:
        """The credentials of the calls."""

    @property
    def limits(self) -> Limits:
        """The limits of one call."""

    @property
    def stats(self) -> Statistics:
        """Counters of the calls made."""

    @property
    def minor_version(self) -> int:
        """The minor version in use."""

    @property
    def epoch(self) -> bytes:
        """A value that changes whenever the server may have restarted."""

    @property
    def abandoned(self) -> Callable[[], NfsError] | None:
        """The maker of the error that every call raises, once the mount is another process's."""

    def time(self) -> float:
        """Return the time in seconds, on a clock that never goes back."""

    async def pause(self, seconds: float) -> None:
        """Wait for that many seconds."""

    def compound(self, name: str, *, idempotent: bool = True) -> Compound:
        """Begin a compound for :meth:`call`; ``name`` is its name in statistics.

        ``idempotent`` says that executing it twice does no harm.
        """

    @property
    def quick(self) -> Quick | None:
        """The short way for calls of the common shape, if there is one."""

    async def call(
        self, compound: Compound, *, recovering: bool = False, begun: Begun | None = None
    ) -> None:
        """Execute ``compound``; afterwards the results of its operations are known.

        ``recovering`` is for calls that restore the session: they do not wait until it is usable.
        Raises :class:`~.errors.StatusError` if an operation failed, an
        :class:`~.errors.NfsError` for any other failure, and ``TransportError`` only with
        ``recovering``. ``begun`` is the same call, if it was sent the short way already.
        """
