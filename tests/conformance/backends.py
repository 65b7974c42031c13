"""What the conformance suite needs of a back end, and the back ends that it runs over.

A back end joins by one more entry in ``BACKENDS``; the suite itself does not change. What a back
end cannot do it leaves out of ``capabilities``: the tests that need it skip, saying so, and
``test_backend_reading`` sees to it that it is refused as the interface says.
"""

from __future__ import annotations

import importlib.util
import io
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
from tests.support.nfs_live import LiveServer
from tests.support.threads import AtOnce
from tests.support.web import serving

from nfsrdma.proxy import ProxyFileSystem, open_proxy
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.vfs.fsspec import FsspecFileSystem, open_url
from nfsrdma.server.vfs.interface import READ, ROOT, WRITE, FileSystem, OpenFile, RangeKeeper
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.server.vfs.pace import Medium

ALL = frozenset(
    (
        "writes",
        # As whoever calls, whose rights apply; without it as one user.
        "callers",
        # The identity is the object's, wherever it is moved; without it the name's.
        "renames",
        "links",
        "xattrs",
        "special files",
        "holes",
        "copies",
        "advice",
        "statistics",
        # Ranges are kept against others that use the files: ``again`` is one.
        "locks",
        # The change attribute of a directory tells each change from the one before.
        "directory changes",
    )
)

Tree = Mapping[str, bytes | None]
"""What is to be there: paths and contents, None for a directory. Those above a path come first."""


class Settled:
    """A back end, or an open file or keeper of one, whose answers are waited for.

    ``wait`` lets time pass until a future is done. So a test reads the same whether the back end
    answers at once or not.
    """

    def __init__(self, wrapped: Any, wait: Callable[[Future[Any]], object]) -> None:
        self._wrapped = wrapped
        self._wait = wait

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._wrapped, name)
        if not callable(found):
            return found

        def call(*args: Any, **how: Any) -> Any:
            plain = [arg._wrapped if isinstance(arg, Settled) else arg for arg in args]
            return self._settled(found(*plain, **how))

        return call

    def _settled(self, answer: Any) -> Any:
        if isinstance(answer, Future):
            self._wait(answer)
            answer = answer.result()
        if isinstance(answer, OpenFile | RangeKeeper):
            return Settled(answer, self._wait)
        if type(answer) is tuple:
            return tuple(self._settled(each) for each in answer)
        return answer


def at_once(future: Future[Any]) -> None:
    """Wait for a future of a back end that waits for nothing."""
    assert future.done()


@dataclass
class Backend:
    """A back end under test. ``real`` is it, ``fs`` the same with its answers waited for."""

    name: str
    real: FileSystem
    capabilities: frozenset[str] = ALL
    wait: Callable[[Future[Any]], object] = at_once
    again: Callable[[], FileSystem] | None = None
    """Opens the same files anew, as a restarted server does."""
    fs: Any = field(init=False)

    def __post_init__(self) -> None:
        self.fs = self.settled(self.real)

    def settled(self, fs: FileSystem) -> Any:
        """Another back end whose answers are waited for in the same way."""
        return Settled(fs, self.wait)


Make = Callable[[Path, Tree], Iterator[Backend]]


def fill(fs: Any, tree: Tree) -> None:
    """Make a tree by the back end itself."""
    nodes = {"": fs.root}
    for path, content in tree.items():
        above, _, name = path.rpartition("/")
        if content is None:
            nodes[path] = fs.mkdir(nodes[above], name.encode(), ROOT, 0o755)
            continue
        _, file = fs.create(nodes[above], name.encode(), ROOT, 0o644, READ | WRITE)
        file.write(0, memoryview(content))
        file.close()


def write(root: Path, tree: Tree) -> None:
    """Make a tree by the operating system."""
    for path, content in tree.items():
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)


class Ticker:
    """A clock that moves by itself, like time."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000_000

    def __call__(self) -> int:
        self.now += 1_000
        return self.now


def _memory(path: Path, tree: Tree) -> Iterator[Backend]:
    # In memory there is neither an extent that could be shared nor anything to restart.
    backend = Backend("memory", MemoryFileSystem(Ticker()), ALL - {"locks"})
    fill(backend.fs, tree)
    yield backend


def _local(handles: str, medium: Medium | None = None) -> Make:
    """Local files: by each kind of handle, and with threads for what may wait."""

    def make(path: Path, tree: Tree) -> Iterator[Backend]:
        root = path / "export"
        root.mkdir()
        root.chmod(0o777)
        path.chmod(0o755)
        write(root, tree)
        threads = AtOnce()
        opened: list[LocalFileSystem] = []

        def open_() -> LocalFileSystem:
            # OSError where the kernel gives no handles: the suite then skips.
            fs = LocalFileSystem(
                root, kernel_handles=handles == "kernel", descriptors=16, medium=medium
            )
            opened.append(fs)
            if medium:
                fs.attach(threads)
            return fs

        real = open_()
        capabilities = ALL - (set() if os.geteuid() == 0 else {"callers"})
        if not real.has_xattrs:
            capabilities -= {"xattrs"}
        yield Backend("local", real, capabilities, again=open_)
        assert threads.done or medium is not Medium.OTHER
        for fs in opened:
            fs.close()
        threads.close()

    return make


def _fsspec(prepare: Callable[[Path, Tree], AbstractContextManager[str]], threads: bool) -> Make:
    """Objects by fsspec, at the URL that ``prepare`` fills."""

    def make(path: Path, tree: Tree) -> Iterator[Backend]:
        with prepare(path, tree) as url:
            workers = AtOnce()
            opened: list[FsspecFileSystem] = []

            def open_() -> FsspecFileSystem:
                fs = open_url(url)
                opened.append(fs)
                if threads:
                    fs.attach(workers)
                return fs

            yield Backend("fsspec", open_(), frozenset(), again=open_)
            for fs in opened:
                fs.close()
            workers.close()

    return make


def _proxy(path: Path, tree: Tree) -> Iterator[Backend]:
    """Another server of ours, over TCP, behind our own client."""
    far = LiveServer()
    reactor = SelectReactor()
    opened: list[ProxyFileSystem] = []

    def open_() -> ProxyFileSystem:
        opened.append(open_proxy(reactor, far.url))
        return opened[-1]

    def wait(future: Future[Any]) -> None:
        reactor.run_until(future.done, 20)

    try:
        # The far server hands out no advice to give, and this one does not copy for callers.
        able = ALL - {"advice", "copies"}
        able -= set() if os.geteuid() == 0 else {"callers"}
        backend = Backend("proxy", open_(), able, wait, again=open_)
        fill(backend.fs, tree)
        yield backend
        for fs in opened:
            fs.close()
    finally:
        reactor.close()
        far.stop()


@contextmanager
def _zipped(path: Path, tree: Tree) -> Iterator[str]:
    with zipfile.ZipFile(path / "tree.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in tree.items():
            archive.writestr(name if content is not None else f"{name}/", content or b"")
    yield f"zip::{path}/tree.zip"


@contextmanager
def _tarred(path: Path, tree: Tree) -> Iterator[str]:
    with tarfile.open(path / "tree.tar.gz", "w:gz") as archive:
        for name, content in tree.items():
            member = tarfile.TarInfo(name)
            member.mtime = 1_700_000_000
            if content is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content or b""))
    yield f"tar::{path}/tree.tar.gz"


@contextmanager
def _tarred_in_place(path: Path, tree: Tree) -> Iterator[str]:
    root = path / "tree"
    root.mkdir()
    write(root, tree)
    with tarfile.open(path / "tree.tar", "w") as archive:
        archive.add(root, "./")
    yield f"tar::{path}/tree.tar"


@contextmanager
def _in_memory(path: Path, tree: Tree) -> Iterator[str]:
    fs = fsspec.filesystem("memory")
    root = f"/{path.name}/bucket"
    fs.makedirs(root)
    for name, content in tree.items():
        if content is None:
            fs.makedirs(f"{root}/{name}")
        else:
            fs.pipe_file(f"{root}/{name}", content)
    yield f"memory:/{root}"
    fs.rm(f"/{path.name}", recursive=True)


@contextmanager
def _on_the_web(path: Path, tree: Tree) -> Iterator[str]:
    root = path / "www"
    root.mkdir()
    write(root, tree)
    with serving(root) as url:
        yield f"{url}/"


BACKENDS: dict[str, Make] = {
    "memory": _memory,
    "local-kernel": _local("kernel"),
    "local-inode": _local("inode"),
    "local-kernel-disk": _local("kernel", Medium.DISK),
    "local-kernel-other": _local("kernel", Medium.OTHER),
    "local-inode-other": _local("inode", Medium.OTHER),
    "proxy": _proxy,
    "fsspec-zip": _fsspec(_zipped, True),
    "fsspec-tar": _fsspec(_tarred, True),
    "fsspec-tar-in-place": _fsspec(_tarred_in_place, False),
    "fsspec-memory": _fsspec(_in_memory, False),
}
if importlib.util.find_spec("aiohttp") is not None:
    BACKENDS["fsspec-http"] = _fsspec(_on_the_web, True)


@contextmanager
def opened(name: str, tree: Tree) -> Iterator[Backend]:
    """Open a back end that has the tree. Raises ``OSError`` where it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="nfsrdma-") as place:
        yield from BACKENDS[name](Path(place), tree)
