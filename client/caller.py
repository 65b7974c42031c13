"""What executes compounds: the narrow side of a session that operations see.

Operations, open files and paths are written against :class:`Caller`. A session of minor version 1
or 2 is one; so can be a client of minor version 0, which has no sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .compound import Compound
from .errors import NfsError
from .stats import Statistics


class Limits:
    """What a server takes in one call, in octets and operations (RFC 8881, Section 18.36)."""

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
    def limits(self) -> Limits:
        """What fits into one call."""

    @property
    def stats(self) -> Statistics:
        """What was called, and how often."""

    @property
    def minor_version(self) -> int:
        """The minor version that the server is spoken to in."""

    @property
    def epoch(self) -> bytes:
        """A name that changes whenever the server may have restarted."""

    @property
    def abandoned(self) -> Callable[[], NfsError] | None:
        """Makes the error that calls fail with, once the mount belongs to another process."""

    def time(self) -> float:
        """Return the time in seconds, on a clock that never goes back."""

    async def pause(self, seconds: float) -> None:
        """Wait so long."""

    def compound(self, name: str, *, idempotent: bool = True) -> Compound:
        """Begin a compound for :meth:`call`; ``name`` is how statistics call it.

        ``idempotent`` says that executing it twice does no harm.
        """

    async def call(self, compound: Compound, *, recovering: bool = False) -> None:
        """Execute ``compound``; then the results of its operations are known.

        ``recovering`` is for the calls that make the server usable again: they do not wait until
        it is. Raises :class:`~.errors.StatusError`, or an :class:`~.errors.NfsError` that says
        what else went wrong; ``TransportError`` only with ``recovering``.
        """
