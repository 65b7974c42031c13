"""Locks of clients and of those who do not come through the server keep each other off.

Programs of the server's own host lock the files of a ``local`` export as well, and other clients of
the far server those of a proxy. For each file of which clients have locked ranges the back end has
a *keeper* (``vfs.interface.RangeKeeper``), which holds all that any of them has: so the server's
own table (``state.lock``) says how clients exclude each other, and the keeper how they and all
others do.

A range is held before it is entered in the table. When less of it is locked, what nobody has any
more is released. One LOCK of a file is served at a time, as the back end may take its time.

What is in the way is no client's, so DENIED names an owner without a client. Nobody tells the
server when it is gone: a range that a client waits for is looked at now and then.
"""

from __future__ import annotations

import errno
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from nfsrdma.rpcrdma.task import Future, Reactor, Task, TimerHandle

from .lock_notices import LockNotices
from .loop import CallSoon
from .state.share import OpenedFile
from .state.waiter import Waiter
from .vfs.interface import READ, ROOT, WRITE, Eventual, Foreign, RangeKeeper, RangesLost, User
from .vfs.namespace import Filehandle
from .vfs.posix import failure
from .waiting import ready, started

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 256
"""Ranges that are released, or keepers closed, before others have their turn."""
_POLL_S: Final = 1.0
"""How often ranges are looked at that clients wait for."""
_MOST_POLLED: Final = 64
"""Waiters that are looked for each time."""


class Pauses:
    """Lets others have their turn after so many steps; ``later`` calls in the loop's next turn."""

    def __init__(self, later: CallSoon) -> None:
        self._later = later
        self._taken = 0
        self._waiting: deque[Future[None]] = deque()
        self._closed = False

    def step(self) -> Future[None] | None:
        """Count a step; return a future to wait for if there were many in this turn."""
        if self._closed:
            return None
        if not self._taken:
            self._later(self._turn)
        self._taken += 1
        if self._taken <= _AT_ONCE:
            return None
        pause: Future[None] = Future()
        self._waiting.append(pause)
        return pause

    def _turn(self) -> None:
        self._taken = 0
        for _ in range(min(_AT_ONCE, len(self._waiting))):
            self._waiting.popleft().set_result(None)
        if self._waiting and not self._taken:
            self._taken = 1
            self._later(self._turn)

    def close(self) -> None:
        """Pause no more."""
        self._closed = True
        while self._waiting:
            self._waiting.popleft().set_result(None)


class KeptFile:
    """What is kept of one file. Whoever locks takes a turn: :meth:`enter`, then :meth:`leave`."""

    __slots__ = ("_busy", "_keeper", "_loosened", "_pauses", "_turns", "_unused", "file", "later")

    def __init__(
        self, file: OpenedFile, pauses: Pauses, later: CallSoon, unused: Callable[[KeptFile], None]
    ) -> None:
        self.file = file
        self.later = later
        self._pauses = pauses
        self._unused = unused
        self._keeper: RangeKeeper | None = None
        self._busy = False
        self._turns: deque[Future[None]] = deque()
        self._loosened: deque[tuple[int, int]] = deque()
        """Ranges of which somebody has let go, some of which may have to be released."""

    def enter(self) -> Future[None] | None:
        """Take the turn. Return a future of it if another one has it."""
        if not self._busy:
            self._busy = True
            return None
        turn: Future[None] = Future()
        self._turns.append(turn)
        return turn

    def leave(self) -> None:
        """End the turn: what nobody has locked is released, and then the next one has it."""
        if self._loosened or self._is_unused:
            started(self._tidy())
        else:
            self._pass_on()

    def loosen(self, start: int, end: int) -> None:
        """Note that less of a range is locked than before; or that a lock owner is gone."""
        if start < end:
            self._loosened.append((start, end))
        if not self._busy:
            self._busy = True
            self.leave()

    def settled(self) -> Future[None] | None:
        """Return a future of when others can have what was loosened; None if they can."""
        return started(self._settle()) if self._busy else None

    async def _settle(self) -> None:
        await ready(self.enter())
        self.leave()

    @property
    def _is_unused(self) -> bool:
        return not self.file.lock_states and not self._turns

    def _pass_on(self) -> None:
        if self._turns:
            # In the loop's next turn: a long queue would be as deep a stack.
            self.later(partial(self._turns.popleft().set_result, None))
            return
        self._busy = False
        if self._is_unused:
            self._unused(self)

    async def _tidy(self) -> None:
        try:
            while self._loosened and not self._is_unused:
                await self._release(*self._loosened.popleft())
            if self._is_unused:
                self._loosened.clear()
                await ready(self._pauses.step())
                await self._close()
        except OSError as error:
            _log.warning("a range could not be unlocked for others: %s", error)
        finally:
            self._pass_on()

    async def _release(self, start: int, end: int) -> None:
        if self._keeper is None:
            return
        for gap in self.file.locks.gaps(start, end):
            await ready(self._pauses.step())
            await ready(self._keeper.release(*gap))

    async def _close(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await ready(keeper.close())

    def close(self) -> None:
        """Let go of everything, as the server ends."""
        started(self._close())

    # --- In a turn ---

    def hold(self, who: User, start: int, end: int, exclusive: bool) -> Eventual[Foreign | None]:
        """Hold a range for one who has the file open, or return what is in the way.

        No client's lock may be in the way.
        """
        return started(self._hold(who, start, end, exclusive))

    async def _hold(self, who: User, start: int, end: int, exclusive: bool) -> Foreign | None:
        needed = WRITE if exclusive else READ
        keeper = self._keeper
        if keeper is None or not keeper.access & needed:
            keeper = await self._reopened(who, needed)
        try:
            return await ready(keeper.hold(start, end, exclusive))
        except RangesLost:
            _log.warning("locks of clients were lost at the back end, and are taken once more")
        await self._close()
        keeper = await self._reopened(who, needed)
        return await ready(keeper.hold(start, end, exclusive))

    async def _reopened(self, who: User, needed: int) -> RangeKeeper:
        """Return a keeper for what is needed, which holds all that is locked."""
        before, file = self._keeper, self.file
        if before is not None and before.access != READ:
            raise failure(errno.EACCES)  # It cannot hand over what it holds for writing.
        fs, node = file.handle.export.fs, file.handle.node
        held = file.locks.all()
        more = before is not None or any(each.exclusive for each in held)
        access = needed | READ | (WRITE if more else 0)
        try:
            keeper = await ready(fs.keep_ranges(node, who, access))
        except PermissionError:
            if needed == READ or before is not None:
                raise
            keeper = await ready(fs.keep_ranges(node, who, WRITE))
        try:
            for each in held:
                # Two keepers may have the same range for reading, so nobody comes in between.
                if await ready(keeper.hold(each.start, each.end, each.exclusive)) is not None:
                    _log.warning("a range that a client has locked is another's at the back end")
            await self._close()
        except BaseException:
            await ready(keeper.close())
            raise
        self._keeper = keeper
        return keeper

    async def conflict(self, start: int, end: int, exclusive: bool) -> Foreign | None:
        """Return what would be in the way of a range. Takes a turn."""
        await ready(self.enter())
        try:
            if self._keeper is None:
                return None
            return await ready(self._keeper.conflict(start, end, exclusive))
        finally:
            self.leave()


class OutsideLocks:
    """All that is kept from others than clients, and what clients wait for of it."""

    def __init__(self, notices: LockNotices, reactor: Reactor, later: CallSoon) -> None:
        self._notices = notices
        self._reactor = reactor
        self._later = later
        self._pauses = Pauses(later)
        self._files: dict[bytes, KeptFile] = {}
        self._watched: dict[OpenedFile, None] = {}
        self._timer: TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._files)

    @staticmethod
    def applies(handle: Filehandle) -> bool:
        """Return whether others than clients are kept off from a file."""
        return handle.export.local_locks and handle.export.fs.keeps_ranges

    def kept(self, file: OpenedFile) -> KeptFile | None:
        """Return what keeps a file's ranges; None if only clients can lock it."""
        wire = file.handle.wire
        kept = self._files.get(wire)
        if kept is None:
            if not self.applies(file.handle):
                return None
            kept = self._files[wire] = KeptFile(file, self._pauses, self._later, self._forget)
        kept.file, file.kept = file, kept
        return kept

    def _forget(self, kept: KeptFile) -> None:
        kept.file.kept = None
        self._files.pop(kept.file.handle.wire, None)

    def conflict(
        self, handle: Filehandle, who: User, start: int, end: int, exclusive: bool
    ) -> Eventual[Foreign | None]:
        """Return what is in the way of a range that is no client's."""
        kept = self._files.get(handle.wire)
        if kept is not None:
            return started(kept.conflict(start, end, exclusive))
        if not self.applies(handle):
            return None
        return started(self._look(handle, who, start, end, exclusive))

    async def _look(
        self, handle: Filehandle, who: User, start: int, end: int, exclusive: bool
    ) -> Foreign | None:
        try:
            keeper = await ready(handle.export.fs.keep_ranges(handle.node, who, READ))
        except PermissionError:
            return None  # Who may not read it is told nothing of it.
        try:
            return await ready(keeper.conflict(start, end, exclusive))
        finally:
            await ready(keeper.close())

    # --- Those who wait ---

    def watch(self, file: OpenedFile) -> None:
        """Look now and then whether what clients wait for in a file is free."""
        self._watched[file] = None
        if self._timer is None and not self._closed:
            self._timer = self._reactor.call_at(self._reactor.time() + _POLL_S, self._begin_poll)

    def _begin_poll(self) -> None:
        if not self._closed:
            Task(self._poll())

    async def _poll(self) -> None:
        left = _MOST_POLLED
        for file in list(self._watched):
            if left <= 0:
                break
            waiters = [each for each in file.waiters.values() if each.outside]
            del self._watched[file]
            for waiter in waiters[:left]:
                await self._ask(file, waiter)
            left -= len(waiters)
            self._notices.look(file)
            if any(each.outside for each in file.waiters.values()):
                self._watched[file] = None  # behind the others
        self._timer = None
        if self._watched:
            self.watch(next(iter(self._watched)))

    async def _ask(self, file: OpenedFile, waiter: Waiter) -> None:
        who = waiter.opening.writing or waiter.opening.reading or ROOT
        wanted = waiter.start, waiter.end, waiter.exclusive
        try:
            waiter.outside = await ready(self.conflict(file.handle, who, *wanted)) is not None
        except OSError as error:
            _log.debug("a range that is waited for could not be looked at: %s", error)

    def close(self) -> None:
        """Let go of everything."""
        self._closed = True
        self._pauses.close()
        if self._timer is not None:
            self._timer.cancel()
        for kept in list(self._files.values()):
            kept.close()
        self._files.clear()
