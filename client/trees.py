"""Work on whole trees: branches that know when everything below is done, and parallel jobs.

There is no recursion and no list of everything, since a tree may be deeper than Python's stack and
have more directories than memory. A walk keeps a stack of branches that it has yet to enter. Jobs
hold their branch, and the last one to release it finishes it.
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final, Generic, TypeVar

from nfsrdma.rpcrdma.task import Future, Task, settled
from nfsrdma.xdr.nfs4 import types as t

from .attributes import Stat
from .descent import Descent
from .errors import NfsError, Where, ends_everything, make_error, name_file
from .operations.by_handle import Operations
from .paths import to_text

JOBS_PARALLEL: Final = 16
"""Files in progress at a time."""
FAILURES_KEPT: Final = 1000
"""The number of errors that the exception of a walk keeps; ``failed`` counts all."""

B = TypeVar("B", bound="Branch")


class TreeError(NfsError):
    """An operation on a tree failed for some names, and succeeded for all others.

    ``failures`` has the errors, each naming its file (only the first ones of very many);
    ``failed`` is their number.
    """

    side = ""

    def __init__(self, number: int, message: str, path: str, failures: Failures) -> None:
        super().__init__(number, message, path)
        self.failures = failures.first
        self.failed = failures.count

    def again(self) -> NfsError:
        """Return this error itself."""
        return self


class Failures:
    """The errors of single files in work that goes on with the others."""

    def __init__(self, tell: Callable[[OSError], object] | None = None) -> None:
        self.count = 0
        self.first: list[OSError] = []
        self._tell = tell

    def add(self, error: OSError) -> None:
        """Add the error of one file. Raises it if no other file can succeed either."""
        if ends_everything(error):
            raise error
        self.count += 1
        if len(self.first) < FAILURES_KEPT:
            self.first.append(error)
        if self._tell is not None:
            self._tell(error)


class Branch:
    """A directory of a tree with work to be done in it.

    The walk that lists it, every job in it and every branch below hold it. The last of them to
    call :meth:`release` makes it :meth:`finish`.
    """

    __slots__ = ("_holders", "name", "parent", "spoiled")

    def __init__(self, parent: Branch | None, name: str) -> None:
        self.parent = parent
        self.name = name
        self.spoiled = False
        """Whether something below failed."""
        self._holders = 1
        if parent is not None:
            parent.hold()

    def path(self, name: str = "") -> str:
        """Return its path, or that of a name in it. Paths are built on demand: they may be long."""
        parts = [name] if name else []
        branch: Branch | None = self
        while branch is not None:
            if branch.name:
                parts.append(branch.name)
            branch = branch.parent
        parts.reverse()
        if len(parts) > 1 and parts[0].endswith("/"):
            return parts[0] + "/".join(parts[1:])
        return "/".join(parts)

    def hold(self) -> None:
        """Expect one more call of :meth:`release`."""
        self._holders += 1

    def spoil(self) -> None:
        """Note that something below failed, here and in all ancestors."""
        branch: Branch | None = self
        while branch is not None and not branch.spoiled:
            branch.spoiled = True
            branch = branch.parent

    async def release(self) -> None:
        """Release the branch; finish it and ancestors that are complete now."""
        branch: Branch | None = self
        while branch is not None:
            branch._holders -= 1
            if branch._holders:
                return
            await branch.finish()
            branch = branch.parent

    async def finish(self) -> None:
        """Do what is left when everything below is done."""


class Jobs:
    """Jobs of which a bounded number runs at a time; after a failure no other one begins."""

    def __init__(self, parallel: int = JOBS_PARALLEL) -> None:
        self._free = parallel
        self._waiting: list[Future[None]] = []
        self._tasks: dict[Task[None], None] = {}
        self._failure: BaseException | None = None

    async def add(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin ``job()`` when there is room. Raises the first failure of any job."""
        while not self._free:
            turn: Future[None] = Future()
            self._waiting.append(turn)
            await turn
        if self._failure is not None:
            raise self._failure
        self._free -= 1
        task = Task(job())
        if not task.done():
            self._tasks[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: Future[None]) -> None:
        self._free += 1
        self._tasks.pop(task, None)  # type: ignore[call-overload]
        if task.error() is not None and self._failure is None:
            self._failure = task.error()
        while self._waiting:
            turn = self._waiting.pop(0)
            if not turn.done():
                turn.set_result(None)
                break

    async def finish(self) -> None:
        """Wait for all jobs. Raises the first failure."""
        while self._tasks:
            await settled(next(iter(self._tasks)))
        if self._failure is not None:
            raise self._failure

    async def cancel(self) -> None:
        """Cancel all jobs, and wait until they have ended."""
        for task in list(self._tasks):
            task.cancel()
        while self._tasks:
            await settled(next(iter(self._tasks)))


class Walk(Generic[B]):
    """A walk over branches: those yet to be entered, and the jobs in the others."""

    def __init__(self, failures: Failures, parallel: int = JOBS_PARALLEL) -> None:
        self.failures = failures
        self._jobs = Jobs(parallel)
        self._left: list[B] = []

    async def run(self, first: B, enter: Callable[[B], Awaitable[list[B]]]) -> None:
        """Enter ``first``, and then the branches that each call of ``enter`` returns.

        Errors of a branch or a job are added to the failures. An error that ends the whole walk is
        raised after all jobs have ended.
        """
        self._left.append(first)
        try:
            while self._left:
                branch = self._left.pop()
                try:
                    below = await enter(branch)
                except OSError as error:
                    self.fail(branch, error)
                else:
                    self._left.extend(reversed(below))
                await branch.release()
            await self._jobs.finish()
        except BaseException:
            await self._jobs.cancel()
            raise

    async def add(
        self, branch: B, where: Where, job: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Begin a job in a branch when there is room; ``where()`` names its file in errors."""
        branch.hold()

        async def guarded() -> None:
            try:
                await job()
            except OSError as error:
                self.fail(branch, error, where)
            await branch.release()

        await self._jobs.add(guarded)

    def fail(self, branch: B, error: OSError, where: Where | None = None) -> None:
        """Add the error of something in ``branch`` to the failures."""
        name_file(error, where if where is not None else branch.path)
        self.failures.add(error)
        branch.spoil()


class _Removal(Branch):
    """A directory that is emptied, and removed in the end."""

    __slots__ = ("_tree", "descent", "directory", "handle", "octets")

    def __init__(
        self,
        tree: _Remover,
        parent: Branch | None,
        directory: bytes,
        name: bytes,
        handle: bytes,
        descent: Descent,
    ) -> None:
        super().__init__(parent, to_text(name) if parent is not None else tree.path)
        self._tree = tree
        self.directory = directory  # the handle of its parent
        self.octets = name
        self.handle = handle
        self.descent = descent

    async def finish(self) -> None:
        if self.spoiled:
            return  # it is not empty; the reasons are among the failures
        try:
            await self._tree.remove(self.directory, self.octets, self.path)
        except OSError as error:
            self._tree.walk.fail(self, error)


class _Remover:
    """The state of :func:`remove_tree`."""

    def __init__(self, operations: Operations, path: str, failures: Failures) -> None:
        self.operations = operations
        self.path = path
        self.walk: Walk[_Removal] = Walk(failures)

    async def remove(self, directory: bytes, name: bytes, where: Where) -> None:
        """Remove one name; it is no error if it is gone already."""
        with suppress(FileNotFoundError):
            await self.operations.remove(directory, name, where)

    async def enter(self, branch: _Removal) -> list[_Removal]:
        """Begin to remove what is in a directory; return the directories in it."""
        below: list[_Removal] = []
        for name, handle, maybe_directory in await self._names(branch):
            if maybe_directory:
                try:
                    entered = await self._directory(branch, name, handle)
                except NfsError as error:
                    self.walk.fail(branch, error)
                    continue
                if entered is not None:
                    below.append(entered)
                    continue
            where = partial(branch.path, to_text(name))
            job = partial(self.remove, branch.handle, name, where)
            await self.walk.add(branch, where, job)
        return below

    async def _names(self, branch: _Removal) -> list[tuple[bytes, bytes, bool]]:
        """Return the names in a directory, with handles, and whether they may be directories.

        All are listed before any is removed, since removing may invalidate the server's cookies.
        """
        found: list[tuple[bytes, bytes, bool]] = []
        try:
            async for page in self.operations.pages(branch.handle, branch.path):
                for name, status in page.entries:
                    if isinstance(status, Stat):
                        found.append((name, status.handle, status.is_dir))
                    else:
                        found.append((name, b"", True))
        except NfsError as error:
            if error.status != t.NFS4ERR_STALE or branch.parent is None:
                raise
            return []  # the directory itself is gone already
        return found

    async def _directory(self, branch: _Removal, name: bytes, handle: bytes) -> _Removal | None:
        """Return the branch of an entry that may be a directory; None if it is none."""
        if not handle:  # the server could not get its attributes
            try:
                status = await self.operations.lookup(
                    branch.handle, name, lambda: branch.path(to_text(name))
                )
            except NfsError as error:
                if ends_everything(error):
                    raise
                return None  # REMOVE will report the error
            if not status.is_dir:
                return None
            handle = status.handle
        descent = branch.descent.below(handle, partial(branch.path, to_text(name)))
        return _Removal(self, branch, branch.handle, name, handle, descent)


async def remove_tree(
    operations: Operations,
    directory: bytes,
    name: bytes,
    path: str,
    tell: Callable[[OSError], object] | None = None,
) -> None:
    """Remove the directory ``name`` of ``directory`` and everything below it.

    Links are removed, not followed. ``tell`` is called with the error of each name that cannot be
    removed; the rest is removed, and then the error or a :class:`TreeError` is raised.
    """
    status = await operations.lookup(directory, name, lambda: path)
    if not status.is_dir:
        raise make_error(errno.ENOTDIR, "not a directory", path)
    failures = Failures(tell)
    remover = _Remover(operations, path, failures)
    top = _Removal(remover, None, directory, name, status.handle, Descent(status.handle))
    await remover.walk.run(top, remover.enter)
    if failures.count == 1:
        raise failures.first[0]
    if failures.count:
        raise TreeError(
            errno.ENOTEMPTY, f"{failures.count} names below it could not be removed", path, failures
        )
