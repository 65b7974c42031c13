"""The event channel of the connection manager: one per device, for all of its identifiers."""

from __future__ import annotations

from typing import Final, Protocol

from ...task import Reactor, TimerHandle
from .librdmacm import CONNECT_REQUEST, DISCONNECTED, TIMEWAIT_EXIT, Event, Library

_LINGER_S: Final = 5.0
"""How long a DREQ may be repeated after its connection is gone."""
_EVENTS: Final = 64
"""Most events taken in one turn of the reactor."""


class EventOwner(Protocol):
    """The owner of an identifier, which takes its events; a listener takes requests."""

    def handle(self, event: Event) -> None:
        """Take an event of the identifier."""


class EventChannel:
    """The event channel: identifiers and the owners that take their events."""

    def __init__(self, library: Library, reactor: Reactor) -> None:
        """Open the channel. Raises ``OSError`` if the kernel has no RDMA connection manager."""
        self.library = library
        self.reactor = reactor
        self._owners: dict[int, EventOwner] = {}
        self._lingering: dict[int, TimerHandle] = {}
        self._channel, self._descriptor = library.create_channel()
        reactor.add_reader(self._descriptor, self._readable)

    def create(self, owner: EventOwner) -> int:
        """Return a new identifier whose events are for ``owner``. Raises ``OSError``."""
        identifier = self.library.create_id(self._channel)
        self._owners[identifier] = owner
        return identifier

    def adopt(self, identifier: int, owner: EventOwner) -> None:
        """Make ``owner`` take the events of an identifier that came with a request."""
        self._owners[identifier] = owner

    def destroy(self, identifier: int) -> None:
        """Destroy an identifier, at any time."""
        self._owners.pop(identifier, None)
        timer = self._lingering.pop(identifier, None)
        if timer is not None:
            timer.cancel()
        self.library.destroy_id(identifier)

    def linger(self, identifier: int) -> None:
        """Destroy an identifier when its DREQ is answered, or soon. It has no owner any more."""
        del self._owners[identifier]
        due = self.reactor.time() + _LINGER_S
        self._lingering[identifier] = self.reactor.call_at(due, self.destroy, identifier)

    def close(self) -> None:
        """Destroy all identifiers."""
        self.reactor.remove_reader(self._descriptor)
        for identifier in [*self._owners, *self._lingering]:
            self.destroy(identifier)
        self.library.destroy_channel(self._channel)

    def _readable(self) -> None:
        for _ in range(_EVENTS):
            event = self.library.next_event(self._channel)
            if event is None:
                return
            if event.id in self._lingering:
                if event.kind in (DISCONNECTED, TIMEWAIT_EXIT):
                    self.destroy(event.id)
                continue
            request = event.kind == CONNECT_REQUEST
            owner = self._owners.get(event.listener if request else event.id)
            if owner is not None:
                owner.handle(event)
            elif request:
                self.library.destroy_id(event.id)  # its listener has just been closed
