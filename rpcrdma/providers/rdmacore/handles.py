"""What the parts of one opened device share."""

from __future__ import annotations

from itertools import count
from typing import Any, Protocol

from ...task import Reactor
from ...verbs.types import DeviceLimits
from .bindings import Pyverbs
from .events import EventChannel
from .work_requests import WorkRequests


class Closable(Protocol):
    """A listener or a protection domain."""

    def close(self) -> None:
        """Close it."""


class Disconnectable(Protocol):
    """A connection."""

    def disconnect(self) -> None:
        """Say good-bye and flush."""


class Handles:
    """The device's context, its limits, its event channel; whether it uses memory windows."""

    def __init__(
        self,
        pyverbs: Pyverbs,
        context: Any,
        channel: EventChannel,
        reactor: Reactor,
        *,
        name: str,
        port: int,
        limits: DeviceLimits,
        windows: bool,
    ) -> None:
        self.pyverbs = pyverbs
        self.context = context
        self.channel = channel
        self.reactor = reactor
        self.name = name
        self.port = port
        """The port of new queue pairs, until their address tells the right one."""
        self.limits = limits
        self.windows = windows
        self.requests = WorkRequests(pyverbs, limits.max_sge)
        self.pds: set[Closable] = set()
        self.connections: set[Disconnectable] = set()
        """The connections that have not ended."""
        self.listeners: set[Closable] = set()
        self._tokens = count(1)

    def new_token(self) -> int:
        """Return a number that names a queue pair in its requests; it is never used again."""
        return next(self._tokens)
