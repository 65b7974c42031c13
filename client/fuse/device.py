"""``/dev/fuse`` on a reactor."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

from nfsrdma.rpcrdma.io.fork import keep_from_children
from nfsrdma.rpcrdma.task import Reactor

from .memory import Memory
from .session import MAX_WRITE, REQUEST_MAX, Part
from .wire import WRITE_HEAD

_A_TURN: Final = 16
"""Requests that are read at most before the network has its turn."""
_BULKY: Final = 64 << 10
"""Octets of a request from which on the next one is read into memory of its own."""
_WHOLE: Final = 512 << 10
"""Octets of data that may take a piece of :data:`MAX_WRITE` for itself; less of it is copied."""
_NOTHING: Final = memoryview(b"")
_SIGKILL: Final = 1 << 8
"""The bit of SIGKILL in the masks of signals in ``/proc``."""
_ABORTED: Final = (errno.ENOENT, errno.EINTR)


class Device:
    """The kernel's end of a mount: the descriptor ``fd``, which becomes this object's.

    ``handle`` is called for each request, in two parts if the second has memory of its own;
    :attr:`on_gone` once nothing is mounted any more. What
    several requests in a row have to say to the server goes together: ``hold`` begins that, and
    returns what ends it (:meth:`.session.Session.hold`).
    """

    def __init__(
        self,
        reactor: Reactor,
        fd: int,
        memory: Memory,
        handle: Callable[[memoryview, memoryview], object],
        hold: Callable[[], Iterable[Callable[[], object]]],
        on_gone: Callable[[], object],
    ) -> None:
        self._reactor = reactor
        self._fd = fd
        self._memory = memory
        self._handle = handle
        self._hold = hold
        self._on_gone = on_gone
        self._buffer = bytearray(REQUEST_MAX)
        self._view = memoryview(self._buffer)
        self._paused = False
        self._many = False
        """Whether there were several requests in the last turn, as there may be in the next."""
        self._last = 0
        """Octets of the last request: after a large WRITE comes another, which keeps its memory."""
        os.set_blocking(fd, False)
        memory.on_room = self._resume
        keep_from_children(self)
        reactor.add_reader(fd, self._readable)

    def _readable(self) -> None:
        held = list(self._hold()) if self._many else []
        self._many = False
        try:
            self._read(held)
        finally:
            for let_go in held:
                let_go()

    def _read(self, held: list[Callable[[], object]]) -> None:
        for number in range(_A_TURN):
            if self._memory.is_full:
                self._paused = True
                self._reactor.remove_reader(self._fd)
                return
            try:
                request, data = self._next()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _ABORTED:
                    continue
                self._gone()
                return
            if number == 1:
                self._many = True
                held += self._hold() if not held else ()
            self._handle(request, data)
            if self._fd < 0:
                return

    def _next(self) -> tuple[memoryview, memoryview]:
        """Read a request: into memory that is used again, or that is the request's if immutable.

        The second part is empty but for the data of a large WRITE, where the server can take it.
        """
        last = self._last
        if last >= _WHOLE and (lent := self._memory.for_data(MAX_WRITE)) is not None:
            return self._next_apart(lent)
        if last >= _BULKY:
            request = memoryview(os.read(self._fd, REQUEST_MAX))
        else:
            request = self._view[: os.readv(self._fd, (self._buffer,))]
        self._last = len(request)
        return request, _NOTHING

    def _next_apart(self, lent: memoryview) -> tuple[memoryview, memoryview]:
        """Read a request whose data goes to ``lent``."""
        head, size = self._view[:WRITE_HEAD], 0
        try:
            self._last = os.readv(self._fd, (head, lent))
            size = max(0, self._last - WRITE_HEAD)
        finally:
            if size < _WHOLE:
                self._memory.not_used(lent)
        data = lent[:size].toreadonly()
        return head[: self._last], data if size >= _WHOLE else memoryview(bytes(data))

    def _resume(self) -> None:
        if self._paused and self._fd >= 0:
            self._paused = False
            self._reactor.add_reader(self._fd, self._readable)

    def _gone(self) -> None:
        self.close()
        self._on_gone()

    def send(self, parts: Sequence[Part]) -> bool:
        """Send an answer; return False if the kernel does not wait for it any more."""
        if self._fd < 0:
            return False
        try:
            os.writev(self._fd, parts)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ECONNABORTED, errno.ENODEV):
                return False
            raise
        return True

    def notify(self, message: bytes) -> None:
        """Send a message; that the kernel does not know the node is no error."""
        if self._fd >= 0:
            with suppress(OSError):
                os.write(self._fd, message)

    def close(self) -> None:
        """Close the descriptor. What is still mounted cannot be used any more."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            if not self._paused:
                self._reactor.remove_reader(fd)
            os.close(fd)

    def abandon(self) -> None:
        """See ``io.fork.Holder``."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def groups_of(thread: int, uid: int, gid: int) -> tuple[int, ...]:
    """Return the supplementary groups of a thread, if it acts as this user and group.

    The fourth numbers are those that file systems go by. There are none for a thread that is gone,
    or whose number is another one's by now.
    """
    seen: dict[bytes, list[bytes]] = {}
    try:
        with open(f"/proc/{thread}/status", "rb") as status:
            for line in status:
                name, _, values = line.partition(b":")
                if name in (b"Uid", b"Gid", b"Groups"):
                    seen[name] = values.split()
                if name == b"Groups":
                    break
        acting = int(seen[b"Uid"][3]), int(seen[b"Gid"][3])
        groups = tuple(int(each) for each in seen[b"Groups"])
    except (OSError, KeyError, IndexError, ValueError):
        return ()
    return tuple(each for each in groups if each != gid) if acting == (uid, gid) else ()


def is_dying(thread: int) -> bool:
    """Return whether a thread was killed, by SIGKILL or another signal that it cannot survive."""
    try:
        with open(f"/proc/{thread}/status", "rb") as status:
            for line in status:
                if line.startswith(b"SigPnd:"):
                    return bool(int(line.split()[1], 16) & _SIGKILL)
    except OSError:
        pass  # a thread of another container, which has no number here
    return False
