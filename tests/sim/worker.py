"""One of several tasks of a client: a seeded mix of operations in a directory of its own.

Before each operation the worker asks its model what must come of it. An operation that ends in
a *clean error* (the server is out of reach; a lost session leaves the outcome unknown) may have
been executed or not: then both trees are kept for the comparison at the end, and the worker goes
on in another directory.
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from nfsrdma.client.errors import NfsError, UncertainOutcomeError
from nfsrdma.client.file import OpenFile
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.task import Cancelled, Task, sleep

from . import model
from .disk import BIG, DEEP_PATH
from .model import Expected, File, Link, Path, Tree

if TYPE_CHECKING:
    from .world import SimClient, World

T = TypeVar("T")

_NAMES = ("a", "b", "c", "d", "é", "long" * 60)
_PAUSES = (0.0, 0.0, 0.0, 0.0, 0.001, 0.1, 1.0, 7.0)
_GUARD = 32
_BLANK = 0xEE


class Unknown(Exception):
    """The operation ended with a clean error: nobody knows whether it was executed."""


class Handle:
    """A file that the worker has open."""

    def __init__(self, path: Path, node: File, file: OpenFile, life: int) -> None:
        self.path = path
        self.node = node
        self.file = file
        self.life = life
        """In which life of the server the file was read last."""


class Worker:
    """See the module's text."""

    def __init__(self, world: World, client: SimClient, number: int) -> None:
        self.world = world
        self.client = client
        self.name = f"c{client.index}{'again' * client.generation}w{number}"
        self.rng = Random(f"worker {world.plan.seed} {self.name}")
        self.home: Path = ()
        self.tree: Tree = {}
        self.handles: list[Handle] = []
        self.retired: list[tuple[Path, list[Tree]]] = []
        """Homes that were left, and the trees that may be found there."""
        self.left_alone: list[tuple[bytearray, int]] = []
        """Buffers that nobody may write to any more."""
        self.homes = 0
        self.step = ""

    # -- the run -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Do all operations, then put away what is open."""
        try:
            await self._work()
        except (Exception, AssertionError) as error:
            error.add_note(f"in {self.name}, {self.step}")
            raise

    async def _work(self) -> None:
        await self._new_home()
        steps: list[tuple[int, Callable[[], Coroutine[Any, Any, None]]]] = [
            *((10, self.write), (10, self.read), (5, self.append), (4, self.truncate)),
            *((8, self.rename), (4, self.link), (8, self.remove), (7, self.mkdir)),
            *((4, self.rmdir), (4, self.listdir), (4, self.symlink), (4, self.readlink)),
            *((7, self.create), (5, self.stat), (24, self.use_handle), (5, self.contest)),
            *((2, self.list_big), (4, self.cancel)),
        ]
        weights = [weight for weight, _ in steps]
        for _ in range(self.world.plan.operations):
            await sleep(self.world.reactor, self.rng.choice(_PAUSES) * self.rng.random())
            if self.client.dead:
                break
            (_, step) = self.rng.choices(steps, weights)[0]
            self.step = f"{step.__name__} at {self.world.reactor.time():.6f} s"
            self.world.operation_begins()
            await step()
        while self.handles:
            await self._close_handle(self.handles[0], [self.tree])

    def compare(self) -> None:
        """The server's tree against what was done. At the end."""
        for buffer, octet in self.left_alone:
            assert buffer == bytes((octet,)) * len(buffer), "a buffer was written after its call"
        homes = [*self.retired, (self.home, [self.tree])] if self.home else self.retired
        for home, candidates in homes:
            actual = self.world.disk.tree(home[:-1])
            if home[-1] not in actual:
                assert not all(candidates), f"{home[-1]} is gone"
                continue
            found = [model.differences(tree, actual[home[-1]]) for tree in candidates]
            if all(found):
                raise AssertionError(f"{self.name}, {home[-1]}: " + " | ".join(map(str, found)))

    async def _new_home(self) -> None:
        """A directory that nobody else uses; in some of them paths are long."""
        above = DEEP_PATH if self.rng.random() < 0.2 else ()
        while True:
            self.homes += 1
            self.home = (*above, f"{self.name}-{self.homes}")
            self.tree = {}
            try:
                await self.call(self.fs.mkdir(self.where(())))
                return
            except Unknown:
                self.retired.append((self.home, [{}]))
                self.home = ()
                if self.client.dead:
                    return
                await sleep(self.world.reactor, self.rng.random())

    @property
    def fs(self) -> FileSystem:
        """The client's mount."""
        return self.client.fs

    def where(self, path: Path) -> str:
        """A path of the model as the client takes it."""
        return "/".join((*self.home, *path))

    async def call(self, operation: Awaitable[T]) -> T:
        """Await an operation. ``Unknown`` for a clean error, if there may be one now."""
        start = self.world.reactor.time()
        try:
            return await operation
        except UncertainOutcomeError as error:
            if not (self.client.dead or self.world.lives > 1 or self.world.plan.may_expire):
                raise
            raise Unknown from error
        except (TimeoutError, ConnectionError) as error:
            if not (self.client.dead or self.world.plan.may_time_out):
                raise
            raise Unknown from error
        finally:
            seconds = self.world.reactor.time() - start
            assert seconds < self.world.plan.longest_operation_s, f"it took {seconds:.1f} s"

    async def look(
        self,
        operation: Callable[[], Awaitable[T]],
        check: Callable[[Tree], object] = lambda tree: None,
    ) -> T | None:
        """Do something that changes nothing; its result, ``None`` if it failed as it should."""
        return await self._compare_outcome(operation, check, self.tree)

    async def change(
        self, operation: Callable[[], Awaitable[T]], effect: Callable[[Tree], object]
    ) -> T | None:
        """Do something that has ``effect`` on the model; its result, ``None`` if it failed."""
        return await self._compare_outcome(operation, effect, model.clone(self.tree))

    async def _compare_outcome(
        self,
        operation: Callable[[], Awaitable[T]],
        effect: Callable[[Tree], object],
        after: Tree,
    ) -> T | None:
        wanted: tuple[int, ...] = (0,)
        try:
            effect(after)
        except Expected as error:
            wanted = error.numbers
            after = self.tree
        try:
            result = await self.call(operation())
        except Unknown:
            if after is not self.tree:
                await self.retire(after)
            return None
        except NfsError as error:
            if error.errno not in wanted:
                raise AssertionError(f"{self.step}: {error!r}, wanted {names(wanted)}") from error
            return None
        assert wanted == (0,), f"{self.step}: succeeded, wanted {names(wanted)}"
        self.adopt(after)
        return result

    def adopt(self, tree: Tree) -> None:
        """This is how the home looks now."""
        self.tree = tree
        for handle in self.handles:
            handle.node = model.find(tree, handle.path)

    async def retire(self, *others: Tree) -> None:
        """Nobody knows what became of the last operation: go on elsewhere."""
        candidates = [self.tree, *others]
        self.retired.append((self.home, candidates))
        self.home = ()
        while self.handles:
            await self._close_handle(self.handles[0], candidates)
        if not self.client.dead:
            await self._new_home()

    # -- choices -----------------------------------------------------------------------------

    def directories(self) -> list[Path]:
        return [
            (),
            *(path for path, node in model.walk(self.tree) if isinstance(node, dict)),
        ]

    def existing(self, kind: type | None = None) -> Path | None:
        """Some path that is there."""
        paths = [
            path for path, node in model.walk(self.tree) if kind is None or isinstance(node, kind)
        ]
        return self.rng.choice(paths) if paths else None

    def anywhere(self) -> Path:
        """A path that may be there or not; its directory may be missing, too, or be none."""
        rng = self.rng
        if rng.random() < 0.05:
            above = self.existing() or ("nowhere",)
            if not isinstance(model.find(self.tree, above), Link):
                return (*above, rng.choice(_NAMES))
        directories = [path for path in self.directories() if len(path) < 4]
        return (*rng.choice(directories), rng.choice(_NAMES))

    def to_file(self, *, there: bool = False) -> Path | None:
        """Where a file is or could be: no link."""
        if there or self.rng.random() < 0.3:
            found = self.existing(File)
            if found is not None or there:
                return found
        path = self.anywhere()
        return None if isinstance(model.find(self.tree, path), Link) else path

    def is_unsettled(self, path: Path) -> bool:
        """Whether there is a file that a restart of the server may set back for a while.

        The client sees to that where it has the file open, not where it is found by its path.
        """
        node = model.find(self.tree, path)
        return isinstance(node, File) and bool(node.since)

    def is_busy(self, path: Path) -> bool:
        """Whether an open file is at ``path``, or below."""
        node = model.find(self.tree, path)
        return any(
            handle.path[: len(path)] == path or node is handle.node for handle in self.handles
        )

    def data(self) -> bytes:
        """Contents of a size at which something may change."""
        rng, plan = self.rng, self.world.plan
        near = rng.choice((0, 1, 100, 1000, plan.mtu, 4096, plan.wsize, plan.largest))
        size = max(0, min(near + rng.randrange(-9, 10), plan.largest))
        if rng.random() < 0.2:
            size = int(rng.random() ** 3 * plan.largest)
        return rng.randbytes(size)

    # -- operations --------------------------------------------------------------------------

    async def write(self) -> None:
        path = self.to_file()
        if path is None:
            return
        data = self.data()

        def effect(tree: Tree) -> None:
            before = model.find(tree, path)
            old = before.data if isinstance(before, File) else b""
            model.write(tree, path, data)
            if len(data) > self.fs.wsize:
                # OPEN, several WRITEs, CLOSE: an error may leave anything in between.
                model.regular(tree, path).doubt(old, b"")

        done = await self.change(lambda: self.fs.write_bytes(self.where(path), data), effect)
        if done is not None:
            model.regular(self.tree, path).settle()

    async def read(self) -> None:
        path = self.to_file()
        if path is None:
            return
        there = isinstance(model.find(self.tree, path), File)
        if there and (self.rng.random() < 0.5 or self.is_unsettled(path)):
            await self._read_buffer(path)
            return
        data = await self.look(
            lambda: self.fs.read_bytes(self.where(path)), lambda tree: model.regular(tree, path)
        )
        if data is not None:
            check_data(data, model.regular(self.tree, path).data)

    async def _read_buffer(self, path: Path) -> None:
        """READ to the middle of a buffer, beyond the file's end or not."""
        wanted = model.regular(self.tree, path).data
        offset = self.rng.choice((0, 0, len(wanted) // 2, len(wanted) + 1))
        size = max(1, len(wanted) - offset + self.rng.randrange(-5, 100))
        buffer = bytearray((_BLANK,)) * (size + 2 * _GUARD)

        async def read() -> int:
            file = await self.fs.open(self.where(path))
            try:
                return await file.read_at(offset, memoryview(buffer)[_GUARD : _GUARD + size])
            finally:
                await file.close()

        count = await self.look(read)
        if count is not None:
            check_data(bytes(buffer[_GUARD : _GUARD + count]), wanted[offset : offset + size])
        self.leave_alone(buffer, _GUARD + (count if count is not None else size))

    def leave_alone(self, buffer: bytearray, end: int) -> None:
        """Beside its data the buffer is untouched, and from now on it stays as it is."""
        blank = bytes((_BLANK,))
        assert buffer[:_GUARD] == blank * _GUARD, "written before the buffer"
        assert buffer[end:] == blank * (len(buffer) - end), "written behind the data"
        buffer[:] = b"\x77" * len(buffer)
        self.left_alone.append((buffer, 0x77))

    async def append(self) -> None:
        path = self.to_file()
        if path is None:
            return
        data = self.data()

        async def append() -> bool:
            file = await self.fs.open(self.where(path), "ab")
            try:
                await file.write_at((await file.stat()).st_size, memoryview(data))
            finally:
                await file.close()
            return True

        def effect(tree: Tree) -> None:
            before = model.find(tree, path)
            old = before.data if isinstance(before, File) else b""
            model.append(tree, path, data)
            model.regular(tree, path).doubt(old)

        if await self.change(append, effect):
            model.regular(self.tree, path).settle()

    async def truncate(self) -> None:
        path = self.to_file(there=True)
        if path is None:
            return
        size = self.rng.choice((0, 1, 5000, len(model.regular(self.tree, path).data) // 2))
        await self.change(
            lambda: self.fs.truncate(self.where(path), size),
            lambda tree: model.truncate(tree, path, size),
        )

    async def create(self) -> None:
        """Create, unless it is there: the classic of what must not be executed twice."""
        path = self.anywhere()

        async def create() -> None:
            file = await self.fs.open(self.where(path), "xb")
            await file.close()

        await self.change(create, lambda tree: model.make(tree, path, File()))

    async def mkdir(self) -> None:
        path = self.anywhere()
        await self.change(
            lambda: self.fs.mkdir(self.where(path)), lambda tree: model.make(tree, path, {})
        )

    async def rmdir(self) -> None:
        path = self.existing(dict) if self.rng.random() < 0.8 else self.anywhere()
        if path is not None:
            await self.change(
                lambda: self.fs.rmdir(self.where(path)), lambda tree: model.rmdir(tree, path)
            )

    async def remove(self) -> None:
        path = self.existing() if self.rng.random() < 0.8 else self.anywhere()
        if path is not None and not self.is_busy(path):
            await self.change(
                lambda: self.fs.remove(self.where(path)), lambda tree: model.remove(tree, path)
            )

    async def rename(self) -> None:
        source = self.existing() if self.rng.random() < 0.8 else self.anywhere()
        path = self.anywhere()
        if source is None or self.is_busy(source) or self.is_busy(path):
            return
        await self.change(
            lambda: self.fs.rename(self.where(source), self.where(path)),
            lambda tree: model.rename(tree, source, path),
        )

    async def link(self) -> None:
        source = self.existing(File) if self.rng.random() < 0.8 else self.anywhere()
        path = self.anywhere()
        if source is not None:
            await self.change(
                lambda: self.fs.link(self.where(source), self.where(path)),
                lambda tree: model.link(tree, source, path),
            )

    async def symlink(self) -> None:
        path = self.anywhere()
        target = "t" * self.rng.choice((1, 10, 900, 1000, 4000, 4095))
        await self.change(
            lambda: self.fs.symlink(target, self.where(path)),
            lambda tree: model.make(tree, path, Link(target)),
        )

    async def readlink(self) -> None:
        path = self.existing(Link) or self.anywhere()

        def effect(tree: Tree) -> None:
            found = model.stat(tree, path)
            if not isinstance(found, Link):
                raise Expected(errno.EINVAL)
            self.world.long_targets += len(found.target) > 512

        target = await self.look(lambda: self.fs.readlink(self.where(path)), effect)
        if target is not None:
            assert target == model.find(self.tree, path).target, "the wrong target"

    async def stat(self) -> None:
        path = self.existing() or self.anywhere()
        if self.is_unsettled(path):
            return
        status = await self.look(
            lambda: self.fs.lstat(self.where(path)), lambda tree: model.stat(tree, path)
        )
        if status is None:
            return
        node = model.find(self.tree, path)
        if isinstance(node, File):
            assert status.is_file
            assert (status.st_size, status.st_nlink) == (
                len(node.data),
                model.links_of(self.tree, node),
            ), f"{self.step}: {status.st_size} octets, {status.st_nlink} names"
        else:
            assert status.is_dir == isinstance(node, dict)

    async def listdir(self) -> None:
        path = self.rng.choice(self.directories())
        names = await self.look(lambda: self.fs.listdir(self.where(path)))
        if names is not None:
            assert sorted(names) == sorted(model.find(self.tree, path)), "the wrong names"

    async def list_big(self) -> None:
        names = await self.look(lambda: self.fs.listdir("big"))
        assert names is None or len(set(names)) == len(names) == BIG

    async def contest(self) -> None:
        """Be the first to make something in a directory that all workers use."""
        name = f"n{self.rng.randrange(8)}"
        outcomes = self.world.shared.setdefault(name, [])
        mine = len(outcomes)
        outcomes.append("unknown")
        try:
            if self.rng.random() < 0.5:
                file = await self.call(self.fs.open(f"shared/{name}", "xb"))
                outcomes[mine] = "made"
                await self.call(file.close())
            else:
                await self.call(self.fs.mkdir(f"shared/{name}"))
                outcomes[mine] = "made"
        except FileExistsError:
            # It was there, or somebody was at it: else our own call was executed twice.
            assert len(outcomes) > 1, f"{self.step}: {name} exists, and nobody made it"
            outcomes[mine] = "there"
        except Unknown:
            return

    async def cancel(self) -> None:
        """Give an operation up after a moment."""
        path = self.to_file()
        if path is None:
            return
        data = self.data()[: self.fs.wsize]
        after = model.clone(self.tree)
        try:
            model.write(after, path, data)
        except Expected:
            return
        task = Task(self.call(self.fs.write_bytes(self.where(path), data)))
        delay = self.rng.choice((0.0, 1e-5, 1e-4, 1e-3, 1e-2)) * self.rng.random()
        await sleep(self.world.reactor, delay)
        task.cancel()
        try:
            await task
        except (Cancelled, Unknown):
            # It may yet be executed. Unlike WRITE alone, OPEN and WRITE are two steps.
            old = model.find(self.tree, path)
            model.regular(after, path).doubt(old.data if old is not None else b"", b"")
            await self.retire(after)
        else:
            self.adopt(after)
            model.regular(after, path).settle()

    # -- an open file ------------------------------------------------------------------------

    async def use_handle(self) -> None:
        """One operation on a file that is open, or opening one."""
        if len(self.handles) < self.rng.choice((1, 2, 3)):
            await self._open_handle()
            return
        handle = self.rng.choice(self.handles)
        if handle.node.since and handle.life != self.world.lives:
            handle.life = self.world.lives
            self.step += ", _read_at after a restart"
            await self._read_at(handle)
            return
        step = self.rng.choices(
            (self._write_at, self._read_at, self._commit, self._truncate, self._finish),
            (6, 4, 3, 1, 1),
        )[0]
        self.step += f", {step.__name__}"
        await step(handle)

    async def _open_handle(self) -> None:
        path = self.to_file(there=True) or self.anywhere()
        if not isinstance(model.find(self.tree, path), File):
            return
        file = await self.look(lambda: self.fs.open(self.where(path), "r+b"))
        if file is not None:
            node = model.regular(self.tree, path)
            self.handles.append(Handle(path, node, file, self.world.lives))

    async def _with_handle(self, handle: Handle, operation: Awaitable[T]) -> T | None:
        """Await something that may change the open file: ``None`` if that failed."""
        try:
            return await self.call(operation)
        except Unknown:
            handle.node.doubt()
            await self.retire()
            return None

    async def _write_at(self, handle: Handle) -> None:
        data = self.data()
        offset = self.rng.choice((0, len(handle.node.data), self.rng.randrange(10_000)))
        before = handle.node.data
        handle.node.data = model.patched(before, offset, data)
        handle.node.since = (*handle.node.since, before)
        await self._with_handle(handle, handle.file.write_at(offset, memoryview(data)))

    async def _read_at(self, handle: Handle) -> None:
        wanted = handle.node.data
        offset = self.rng.randrange(len(wanted) + 1)
        size = self.rng.randrange(1, self.world.plan.largest)
        buffer = bytearray((_BLANK,)) * (size + 2 * _GUARD)
        view = memoryview(buffer)[_GUARD : _GUARD + size]
        count = await self._with_handle(handle, handle.file.read_at(offset, view))
        if count is not None:
            check_data(bytes(view[:count]), wanted[offset : offset + size])
        self.leave_alone(buffer, _GUARD + (count if count is not None else size))

    async def _commit(self, handle: Handle) -> None:
        async def commit() -> bool:
            await handle.file.commit()
            return True

        if await self._with_handle(handle, commit()):
            handle.node.settle()

    async def _truncate(self, handle: Handle) -> None:
        size = self.rng.choice((0, 100, len(handle.node.data) // 2))
        before = handle.node.data
        handle.node.data = before[:size] + bytes(max(0, size - len(before)))
        handle.node.since = (*handle.node.since, before)

        async def truncate() -> bool:
            await handle.file.truncate(size)
            return True

        if await self._with_handle(handle, truncate()):
            handle.node.settle()

    async def _finish(self, handle: Handle) -> None:
        async def close() -> bool:
            await handle.file.close()
            return True

        self.handles.remove(handle)
        if await self._with_handle(handle, close()):
            handle.node.settle()

    async def _close_handle(self, handle: Handle, candidates: list[Tree]) -> None:
        self.handles.remove(handle)
        nodes = [model.find(tree, handle.path) for tree in candidates]
        try:
            await self.call(handle.file.close())
        except Unknown:
            for node in nodes:
                node.doubt()
        else:
            for node in nodes:
                node.since = ()


def names(numbers: tuple[int, ...]) -> str:
    """Error numbers by name."""
    return " or ".join(errno.errorcode.get(number, "success") for number in numbers)


def check_data(got: bytes, wanted: bytes) -> None:
    """Raise if what was read is not what was written."""
    if got != wanted:
        raise AssertionError(model.mismatch(got, wanted))
