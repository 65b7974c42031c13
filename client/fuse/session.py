"""The conversation with the kernel: what is agreed on, what is in flight, what is given up."""

from __future__ import annotations

import errno
import logging
import struct
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from nfsrdma.rpcrdma.task import Cancelled, Future, Reactor, Task

from ..errors import ends_everything
from . import reads, wire, xattrs
from .answers import Negotiated, head
from .choices import Choices
from .mounted import Answer, Mounted
from .operations import TABLE, write_apart
from .wire import (
    HEADER_SIZE,
    MAJOR,
    MINOR,
    MINOR_MAX,
    WRITE_HEAD,
    Feature,
    Header,
    Opcode,
    WireError,
)

_log = logging.getLogger(__name__)

MAX_WRITE: Final = 1 << 20
"""Octets of a READ and of a WRITE at most."""
REQUEST_MAX: Final = MAX_WRITE + WRITE_HEAD
"""Octets of a request at most: the kernel gives none to who has room for less."""
_MAX_BACKGROUND: Final = 64
_LOOK_AGAIN_S: Final = 0.5
"""Seconds after which a process that was interrupted is looked at again."""
_ERRNO_MAX: Final = 511

WANTED: Final = (
    Feature.ASYNC_READ
    | Feature.POSIX_LOCKS
    | Feature.ATOMIC_O_TRUNC
    | Feature.EXPORT_SUPPORT
    | Feature.BIG_WRITES
    | Feature.DONT_MASK
    | Feature.FLOCK_LOCKS
    | Feature.AUTO_INVAL_DATA
    | Feature.DO_READDIRPLUS
    | Feature.ASYNC_DIO
    | Feature.PARALLEL_DIROPS
    | Feature.ABORT_ERROR
    | Feature.MAX_PAGES
    | Feature.CACHE_SYMLINKS
    | Feature.HANDLE_KILLPRIV_V2
    | Feature.INIT_EXT
    | Feature.DIRECT_IO_ALLOW_MMAP
)

Part = bytes | memoryview
_NOTHING: Final = memoryview(b"")


def wanted(choices: Choices) -> Feature:
    """Return what a mount asks the kernel for."""
    features = WANTED
    for kept, feature in (
        (choices.posix_locks, Feature.POSIX_LOCKS),
        (choices.flocks, Feature.FLOCK_LOCKS),
        (choices.read_plus, Feature.DO_READDIRPLUS),
    ):
        if not kept:
            features &= ~feature
    return features | Feature.WRITEBACK_CACHE if choices.write_back else features


Send = Callable[[Sequence[Part]], bool]
"""Sends an answer; returns False if the request is not there any more."""


class _Pending:
    """A request that is not answered yet, or whose process is gone before it was executed."""

    __slots__ = ("given_up", "opcode", "pid", "task", "unique", "watched")

    def __init__(self, header: Header) -> None:
        self.unique = header.unique
        self.opcode = header.opcode
        self.pid = header.pid
        self.given_up = False
        self.watched = False
        self.task: Task[Answer] | None = None
        """What answers it, unless that is a reply alone."""


class Session:
    """Answers the requests of one mount.

    ``is_dying`` says whether a thread, by its number, was killed. :attr:`features` are what was
    agreed on with the kernel, and None before that.
    """

    def __init__(
        self, mount: Mounted, reactor: Reactor, send: Send, is_dying: Callable[[int], bool]
    ) -> None:
        self.features: Feature | None = None
        self.refused: str | None = None
        """Why the kernel is not served, if it is too old."""
        self._mount = mount
        self._reactor = reactor
        self._send = send
        self._is_dying = is_dying
        self._pending: dict[int, _Pending] = {}

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def began(self) -> bool:
        """Whether the kernel has sent its first request, and was answered."""
        return self.features is not None or self.refused is not None

    def handle(self, request: memoryview, data: memoryview = _NOTHING) -> None:
        """Answer a request, now or later.

        The memory of ``request`` may be used again, unless it cannot be written to. ``data`` is the
        rest of it, which stays as it is; of a WRITE it begins with what is to be written.
        """
        try:
            header = Header.parse(request)
            length = len(request) + len(data)
            if header.length != length:
                raise WireError(f"{length} octets of a request with {header.length}")
        except (struct.error, WireError) as error:
            _log.error("an unintelligible request: %s", error)
            return
        body = request[HEADER_SIZE:]
        if data and header.opcode != Opcode.WRITE:
            body, data = memoryview(b"".join((body, data))), _NOTHING
        try:
            self._dispatch(header, body, data)
        except (struct.error, WireError) as error:
            _log.error("request %d, opcode %d: %s", header.unique, header.opcode, error)
            self._refuse(header.unique, errno.EIO)

    def _dispatch(self, header: Header, body: memoryview, data: memoryview) -> None:
        opcode = header.opcode
        if opcode == Opcode.READ and self._reads(header, body):
            return
        operation = TABLE.get(opcode)
        if opcode == Opcode.GETXATTR and xattrs.is_of_nobody(body):
            self._refuse(header.unique, errno.EOPNOTSUPP)
        elif operation is not None:
            if data:
                coroutine = write_apart(self._mount, header, body, data)
            else:
                coroutine = operation.start(self._mount, header, body)
            pending = self._pending[header.unique] = _Pending(header)
            self._await(pending, coroutine)
        elif opcode == Opcode.FORGET:
            self._forget(wire.parse_forget(header.node, body))
        elif opcode == Opcode.BATCH_FORGET:
            self._forget(wire.parse_batch_forget(body))
        elif opcode == Opcode.INTERRUPT:
            self._interrupt(wire.parse_interrupt(body))
        elif opcode == Opcode.INIT:
            self._negotiate(header.unique, wire.Init.parse(body))
        elif opcode == Opcode.DESTROY:
            self._answer(header.unique)
        else:
            self._refuse(header.unique, errno.ENOSYS)

    def _await(self, pending: _Pending, coroutine: Coroutine[Any, Any, Answer]) -> None:
        pending.task = Task(coroutine)
        pending.task.add_done_callback(lambda task: self._finished(pending, task))

    def _reads(self, header: Header, body: memoryview) -> bool:
        """Answer READ without a task, if it is one call to the server (:mod:`.reads`)."""
        reading = reads.begin(self._mount, body)
        if reading is None:
            return False
        sent = reading.sent
        if sent is None:
            self._has_read(header.unique, reading)
        else:
            pending = self._pending[header.unique] = _Pending(header)
            sent.reply.add_done_callback(lambda _: self._replied(pending, reading))
        return True

    def _replied(self, pending: _Pending, reading: reads.Reading) -> None:
        if not reading.end():
            self._await(pending, reading.finish())
            return
        del self._pending[pending.unique]
        if pending.given_up:
            reading.release()
        else:
            self._has_read(pending.unique, reading)

    def _has_read(self, unique: int, reading: reads.Reading) -> None:
        if reading.error is None:
            data = reading.data
            self._send((head(unique, len(data)), data))
        else:
            self._refuse(unique, number_of(reading.error, self._mount.choices.unreachable))
        reading.release()

    def _forget(self, forgotten: list[wire.Forgotten]) -> None:
        for node, lookups in forgotten:
            self._mount.forget(node, lookups)

    # --- INIT ---

    def _negotiate(self, unique: int, offered: wire.Init) -> None:
        if offered.major > MAJOR:
            # The kernel begins again with a version that we know.
            self._answer(unique, Negotiated(MINOR_MAX, 0, 0, 0, 0).pack())
            return
        if offered.major < MAJOR or offered.minor < MINOR:
            self.refused = (
                f"the kernel speaks version {offered.major}.{offered.minor} of the FUSE protocol, "
                f"and {MAJOR}.{MINOR} is the oldest that is understood (Linux 5.4)"
            )
            self._refuse(unique, errno.EPROTO)
            return
        features = Feature(offered.features & wanted(self._mount.choices))
        minor = min(offered.minor, MINOR_MAX)
        self._mount.crowd.agreed(minor)
        answer = Negotiated(
            minor,
            offered.max_readahead,
            features,
            _MAX_BACKGROUND,
            MAX_WRITE,
        )
        self.features = features
        self._answer(unique, answer.pack())

    # --- Answers ---

    def _answer(self, unique: int, *parts: Part) -> bool:
        size = len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
        return self._send((head(unique, size), *parts))

    def _refuse(self, unique: int, error: int) -> None:
        self._send((head(unique, 0, error),))

    def _finished(self, pending: _Pending, task: Future[Answer]) -> None:
        self._pending.pop(pending.unique, None)
        error = task.error()
        if error is not None:
            if not pending.given_up:
                self._refuse(pending.unique, number_of(error, self._mount.choices.unreachable))
            return
        answer = task.result()
        taken = not pending.given_up and self._answer(pending.unique, *answer.parts)
        if answer.sent is not None:
            answer.sent()
        if not taken and answer.undo is not None:
            Task(answer.undo()).add_done_callback(_undone)

    # --- Interrupts ---

    def _interrupt(self, unique: int) -> None:
        """End a request whose process was killed, or that waits for a lock.

        The kernel tells about every signal, and no program expects that an open or a write on a
        disk is interrupted by one that it handles. Only a killed process does not mind.
        """
        pending = self._pending.get(unique)
        if pending is None or pending.given_up:
            return
        if pending.opcode == Opcode.SETLKW:
            if pending.task is not None:
                pending.task.cancel()
        elif self._is_dying(pending.pid):
            # It goes on, as what it began has to be finished or undone, but nobody waits for it.
            pending.given_up = True
            self._refuse(unique, errno.EINTR)
        elif not pending.watched:
            # The kernel tells only once, so the process may be killed later.
            pending.watched = True
            self._look_later(pending)

    def _look_later(self, pending: _Pending) -> None:
        when = self._reactor.time() + _LOOK_AGAIN_S
        self._reactor.call_at(when, self._look_again, pending)

    def _look_again(self, pending: _Pending) -> None:
        if self._pending.get(pending.unique) is pending and not pending.given_up:
            self._interrupt(pending.unique)
            if not pending.given_up:
                self._look_later(pending)


def _undone(task: Future[object]) -> None:
    error = task.error()
    if error is not None:
        _log.info("what nobody waits for any more could not be undone: %s", error)


def number_of(error: BaseException, unreachable: int | None = None) -> int:
    """Return the ``errno`` that a process is told for an error.

    ``unreachable`` is the number for a server that is out of reach; None leaves it as it is.
    """
    if isinstance(error, Cancelled):
        return errno.EINTR
    if isinstance(error, OSError):
        if unreachable is not None and ends_everything(error):
            return unreachable
        number = error.errno
        return number if number is not None and 0 < number <= _ERRNO_MAX else errno.EIO
    if isinstance(error, OverflowError):
        return errno.EFBIG
    _log.error("a request failed", exc_info=error)
    return errno.EIO
