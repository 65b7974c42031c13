"""The doorbell: how a side that sleeps is woken, and says that it is about to sleep."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from .order import fence
from .ring import ARMED, PLACE
from .talk import place

_NO_WAIT: Final = getattr(os, "RWF_NOWAIT", 0)


def silence(fd: int) -> None:
    """Take back what has rung our doorbell, an eventfd, without ever waiting for more.

    That it does not block is a flag of the open file, which the peer has as well: it could clear
    it, and take what has rung before we do. So the read itself says that it does not wait.
    """
    try:
        os.preadv(fd, [bytearray(8)], -1, _NO_WAIT)
    except BlockingIOError:
        pass
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        with suppress(BlockingIOError):  # Linux before 5.8 has no such reads of eventfds
            os.eventfd_read(fd)


class Doorbell:
    """One side's view of both sides' ``ARMED`` words.

    ``wake`` wakes the peer's process; it may raise ``OSError``.
    """

    __slots__ = ("_peer_words", "_wake", "_woken", "_words", "arms")

    def __init__(
        self, words: memoryview, peer_words: memoryview, wake: Callable[[], object]
    ) -> None:
        self._words = words
        self._peer_words = peer_words
        self._wake = wake
        self.arms = 0
        """How often we have asked to be woken."""
        self._woken = 0
        """The peer's ``ARMED`` word when we woke it last."""

    def notify(self) -> None:
        """Wake the peer, if it sleeps and has not been woken since it fell asleep."""
        with fence:
            pass
        armed = self._peer_words[ARMED]
        if armed and armed != self._woken:
            self._woken = armed
            with suppress(OSError):  # a peer that prevents this harms only itself
                self._wake()

    def arm(self) -> None:
        """Ask to be woken from now on. What has come until now must be looked for afterwards."""
        self.arms += 1
        self._words[ARMED] = self.arms
        with fence:
            pass

    def disarm(self) -> None:
        """Ask to be woken no more, and say where we are awake."""
        words = self._words
        words[PLACE] = place()
        words[ARMED] = 0
