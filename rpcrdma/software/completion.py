"""Completion queues: where finished work requests are collected."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..verbs.types import WC


class CompletionQueue:
    """Finished work requests, oldest first (``verbs.interfaces.CompletionQueue``).

    ``depth`` is advisory: a completion is never lost. What the queue can hold is bounded by the
    work requests that its queue pairs accepted and that were not yet polled.
    The device's ``announce`` is called when the queue has become non-empty; the device then calls
    ``deliver`` from the reactor.
    """

    __slots__ = ("_announce", "_announced", "_entries", "_handler", "depth")

    def __init__(self, depth: int, announce: Callable[[CompletionQueue], None]) -> None:
        self.depth = depth
        self._entries: deque[WC] = deque()
        self._handler: Callable[[], None] | None = None
        self._announce = announce
        self._announced = False

    def __len__(self) -> int:
        return len(self._entries)

    def poll(self, limit: int) -> list[WC]:
        """Take at most ``limit`` completions, oldest first."""
        entries = self._entries
        if len(entries) <= limit:
            taken = list(entries)
            entries.clear()
            return taken
        return [entries.popleft() for _ in range(limit)]

    def set_handler(self, handler: Callable[[], None] | None) -> None:
        """Have ``handler`` called from the reactor when the queue has become non-empty."""
        self._handler = handler
        if handler is not None and self._entries:
            self._tell()

    def push(self, completion: WC) -> None:
        """Add a completion; called by the machines of a queue pair."""
        self._entries.append(completion)
        if not self._announced and self._handler is not None:
            self._announced = True
            self._announce(self)

    def deliver(self) -> None:
        """Call the handler once, and announce again what it leaves; called by the device."""
        self._announced = False
        if self._entries and self._handler is not None:
            self._handler()
            if self._entries and not self._announced:
                self._tell()

    def _tell(self) -> None:
        self._announced = True
        self._announce(self)
