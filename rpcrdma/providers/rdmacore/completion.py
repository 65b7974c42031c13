"""Completion queues over the adapter's.

A queue of the adapter, with the channel that announces its completions, exists as long as queue
pairs use it and has room for all of their requests: an adapter's queue must not overflow, and the
verbs interface has no word for closing one. What is left in it when the last queue pair goes is
kept here.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any, Final, Protocol

from ...software import completion
from ...task import Reactor
from ...verbs.types import WC
from .bindings import Pyverbs

_BATCH: Final = 64
_CHANNEL_FILE: Final = "anon_inode:[infinibandevent]"
_ATTEMPTS: Final = 16


class CompletionOwner(Protocol):
    """The queue pair whose requests complete in a completion queue."""

    @property
    def token(self) -> int:
        """What names it in its requests."""

    def requests_on(self, cq: CompletionQueue) -> int:
        """Return how many completions it may have in ``cq`` at a time."""

    def completed(self, wc: Any) -> bool:
        """Take a completion of the adapter; return whether the queue pair is still of use."""

    def break_down(self) -> None:
        """Fail by itself, and tell the owner: a request failed."""


class CompletionQueue(completion.CompletionQueue):
    """Finished work requests, oldest first (``verbs.interfaces.CompletionQueue``)."""

    __slots__ = ("_channel", "_context", "_cq", "_descriptor", "_owners", "_pyverbs", "_reactor")

    def __init__(self, depth: int, pyverbs: Pyverbs, context: Any, reactor: Reactor) -> None:
        super().__init__(depth, lambda queue: reactor.call_soon(queue.deliver))
        self._pyverbs = pyverbs
        self._context = context
        self._reactor = reactor
        self._owners: dict[int, CompletionOwner] = {}
        self._channel: Any = None
        self._cq: Any = None
        self._descriptor = -1

    # --- Queue pairs ---

    def attach(self, owner: CompletionOwner, requests: int) -> Any:
        """Let a queue pair with so many requests complete here; return the adapter's queue.

        Raises pyverbs' errors.
        """
        needed = requests + sum(other.requests_on(self) for other in self._owners.values())
        if self._cq is None:
            self._open(max(self.depth, needed))
        elif needed > self._cq.cqe:
            self._cq.resize(needed)
        self._owners[owner.token] = owner
        return self._cq

    def detach(self, owner: CompletionOwner) -> None:
        """Forget a queue pair that is destroyed; its completions have been taken out."""
        if self._owners.pop(owner.token, None) is not None and not self._owners:
            self._close()

    def _open(self, size: int) -> None:
        pyverbs = self._pyverbs
        self._channel, self._descriptor = open_channel(lambda: pyverbs.CompChannel(self._context))
        try:
            self._cq = pyverbs.CQ(self._context, size, channel=self._channel)
            self._cq.req_notify()
            self._reactor.add_reader(self._descriptor, self._readable)
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        self._reactor.remove_reader(self._descriptor)
        self._descriptor = -1
        cq, self._cq = self._cq, None
        if cq is not None:
            cq.close()
        self._channel.close()
        self._channel = None

    # --- Completions ---

    def poll(self, limit: int) -> list[WC]:
        """Take at most ``limit`` completions, oldest first."""
        if self._cq is None or len(self) >= limit:
            return super().poll(limit)
        # What is taken at once needs no event.
        announced, self._announced = self._announced, True
        self.fill()
        taken = super().poll(limit)
        self._announced = announced
        if self._entries and self._handler is not None and not announced:
            self._tell()
        return taken

    def fill(self) -> None:
        """Take the adapter's completions."""
        owners = self._owners
        while (cq := self._cq) is not None:
            count, found = cq.poll(_BATCH)
            broken = []
            for wc in found:
                owner = owners.get(wc.wr_id >> 32)
                if owner is not None and not owner.completed(wc):
                    broken.append(owner)
            for owner in broken:
                owner.break_down()
            if count < _BATCH:
                return

    def _readable(self) -> None:
        cq = self._cq
        try:
            self._channel.get_cq_event(cq)
        except self._pyverbs.PyverbsError:
            return  # non-blocking: there was none after all
        cq.ack_events(1)
        # In this order: a completion between the two causes another event.
        cq.req_notify()
        self._announced = True
        self.fill()
        self.deliver()


def open_channel(make: Callable[[], Any]) -> tuple[Any, int]:
    """Return a completion channel and its descriptor, made non-blocking. Raises ``OSError``.

    Only from version 59 on pyverbs tells the descriptor. Before, it is the lowest number that was
    free, as for any new descriptor. If another thread has taken that, we try again.
    """
    for _ in range(_ATTEMPTS):
        expected = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        os.close(expected)
        channel = make()
        descriptor: int | None = getattr(channel, "fd", None)
        if descriptor is None and _file_of(expected) == _CHANNEL_FILE:
            descriptor = expected
        if descriptor is not None:
            os.set_blocking(descriptor, False)
            return channel, descriptor
        channel.close()
    raise OSError(errno.EBADF, "the descriptor of a completion channel cannot be found")


def _file_of(descriptor: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return ""
