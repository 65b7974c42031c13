"""The file systems that fsspec sees; their files are in :mod:`.files`."""

from __future__ import annotations

import asyncio
import errno
import os
import weakref
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from glob import has_magic
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar, TypedDict, TypeVar

from fsspec.asyn import AsyncFileSystem, _run_coros_in_chunks, sync, sync_wrapper
from fsspec.callbacks import DEFAULT_CALLBACK, Callback
from fsspec.utils import stringify_path

from ..api.aio import AsyncMount, mount
from ..api.aio_file import AsyncFile
from ..api.shared import texts_of
from ..attributes import Stat
from ..copies import Progress
from .files import NfsReader, NfsUpdater, NfsWriter, RawWriter, read_range

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")

_PORTS = {"nfs+rdma": 20049, "nfs+tcp": 2049}
_CLOSE_S = 2.0
"""Seconds that unmounting may take when the process ends."""


class Info(TypedDict, total=False):
    """What is known of a name: the keys of fsspec's local file system, and ``change``."""

    name: str
    size: int
    type: str
    islink: bool
    destination: str
    mode: int
    uid: int
    gid: int
    ino: int
    nlink: int
    mtime: float
    created: float
    change: int


def authority(host: str, port: int | None = None, **_: object) -> str:
    """Return a server's name and port as a URL has them."""
    name = f"[{host.replace('%', '%25')}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


class NfsFileSystem(AsyncFileSystem):
    """The files of one server; ``host`` and ``port`` say which.

    With ``auto_mkdir`` opening a file to write it makes the directories above it. Copies into the
    file system always do. In a listing a link to a directory has the type ``"link"``, so that no
    walk goes in circles; ``info`` and ``isdir`` follow it.
    """

    scheme: ClassVar[str]
    """The scheme of its URLs."""
    root_marker = "/"

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        auto_mkdir: bool = False,
        timeout: float | None = None,
        uid: int | None = None,
        gid: int | None = None,
        groups: Sequence[int] | None = None,
        minor_version: int | None = None,
        provider: str | None = None,
        device: str | None = None,
        rsize: int | None = None,
        wsize: int | None = None,
        nconnect: int | None = None,
        delegations: bool | None = None,
        paths: str | Sequence[str] | None = None,
        asynchronous: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        batch_size: int | None = None,
        **options: object,
    ) -> None:
        super().__init__(asynchronous=asynchronous, loop=loop, batch_size=batch_size, **options)
        self._authority = authority(host, None if port == _PORTS[self.scheme] else port)
        self.auto_mkdir = auto_mkdir
        self._mounting = lambda: mount(
            f"{self.scheme}://{self._authority}/",
            timeout=timeout,
            uid=uid,
            gid=gid,
            groups=None if groups is None else tuple(groups),
            minor_version=minor_version,
            provider=provider,
            device=device,
            rsize=rsize,
            wsize=wsize,
            nconnect=nconnect,
            delegations=delegations,
            paths=texts_of(paths),
        )
        self._mounts: dict[asyncio.AbstractEventLoop, asyncio.Future[AsyncMount]] = {}
        self._finalizers: list[weakref.finalize[..., NfsFileSystem]] = []

    @classmethod
    def _strip_protocol(cls, path: str | os.PathLike[str] | list[str]) -> str | list[str]:
        if isinstance(path, list):
            return [_stripped(each) for each in path]
        return _stripped(path)

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str | int]:
        _, separator, rest = str(path).partition("://")
        if not separator:
            return {}
        authority = rest.partition("/")[0]
        host, colon, port = authority.rpartition(":")
        if not colon or "]" in port:
            host, port = authority, ""
        found: dict[str, str | int] = {"host": host.strip("[]").replace("%25", "%")}
        if port:
            found["port"] = int(port)
        return found

    def unstrip_protocol(self, name: str) -> str:
        """Return the URL of a path, with the server in it."""
        return f"{self.scheme}://{self._authority}{_stripped(name)}"

    # --- The mount ---

    async def mounted(self) -> AsyncMount:
        """Return the mount of the running event loop, which is made if there is none."""
        loop = asyncio.get_running_loop()
        coming = self._mounts.get(loop)
        if coming is None:
            self._mounts = {each: found for each, found in self._mounts.items() if _alive(each)}
            coming = self._mounts[loop] = asyncio.ensure_future(_made(self._mounting()))
        try:
            made = await asyncio.shield(coming)
        except BaseException:
            if coming.done() and self._mounts.get(loop) is coming:
                del self._mounts[loop]
            raise
        if not self.asynchronous and not self._finalizers:
            self._finalizers.append(weakref.finalize(self, _unmount, loop, made))
        return made

    async def _close(self) -> None:
        """Unmount. What is used afterwards mounts again."""
        coming = self._mounts.pop(asyncio.get_running_loop(), None)
        while self._finalizers:
            self._finalizers.pop().detach()
        if coming is not None:
            await (await coming).close()

    close = sync_wrapper(_close)

    # --- Looking ---

    async def _info(self, path: str, **kwargs: object) -> Info:
        path = _stripped(path)
        fs = await self.mounted()
        status = await fs.lstat(path)
        if not status.is_symlink:
            return _info(path, status)
        return await self._info_of_link(fs, path, status)

    async def _info_of_link(self, fs: AsyncMount, path: str, status: Stat) -> Info:
        """Return what is known of a link: about what it leads to, if it leads anywhere."""
        try:
            info = _info(path, await fs.stat(path))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise
            info = _info(path, status)
        info["islink"] = True
        info["destination"] = await fs.readlink(path)
        return info

    async def _ls(self, path: str, detail: bool = True, **kwargs: object) -> list[Info] | list[str]:
        path = _stripped(path)
        fs = await self.mounted()
        infos: list[Info] = []
        try:
            async for entry in fs.scandir(path):
                where = f"{path.rstrip('/')}/{entry.name}"
                try:
                    status = entry.stat()
                except OSError:
                    continue  # the server cannot say what it is: perhaps it is gone
                if not status.is_symlink:
                    infos.append(_info(where, status))
                    continue
                with suppress(FileNotFoundError):  # removed meanwhile
                    info = await self._info_of_link(fs, where, status)
                    if info["type"] == "directory":
                        info["type"] = "link"
                    infos.append(info)
        except NotADirectoryError:
            infos = [await self._info(path)]
        return infos if detail else [info["name"] for info in infos]

    async def _exists(self, path: str, **kwargs: object) -> bool:
        return await (await self.mounted()).exists(_stripped(path))

    async def _lexists(self, path: str, **kwargs: object) -> bool:
        """Return whether there is anything at ``path``, even a link that leads nowhere."""
        try:
            await (await self.mounted()).lstat(_stripped(path))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    lexists = sync_wrapper(_lexists)

    async def _modified(self, path: str) -> datetime:
        """Return when the contents were changed last."""
        return datetime.fromtimestamp((await self._info(path))["mtime"], UTC)

    modified = sync_wrapper(_modified)

    async def _created(self, path: str) -> datetime:
        """Return when the attributes were changed last, as fsspec's local file system does."""
        return datetime.fromtimestamp((await self._info(path))["created"], UTC)

    created = sync_wrapper(_created)

    async def _ukey(self, path: str) -> str:
        """Return a text that is another one when the file has changed.

        It is made of the change attribute, which the server increases with each change.
        """
        info = await self._info(path)
        key = f"{self._authority}{info['name']} {info['ino']} {info['change']} {info['size']}"
        return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()

    ukey = sync_wrapper(_ukey)

    async def _checksum(self, path: str) -> int:
        """Return a number that is another one when the file has changed."""
        return int(await self._ukey(path), 16)

    checksum = sync_wrapper(_checksum)

    # --- Names ---

    async def _mkdir(self, path: str, create_parents: bool = True, **kwargs: object) -> None:
        fs = await self.mounted()
        await (fs.makedirs if create_parents else fs.mkdir)(_stripped(path))

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        await (await self.mounted()).makedirs(_stripped(path), exist_ok=exist_ok)

    async def _rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        await (await self.mounted()).rmdir(_stripped(path))

    rmdir = sync_wrapper(_rmdir)

    async def _rm_file(self, path: str, **kwargs: object) -> None:
        await (await self.mounted()).remove(_stripped(path))

    async def _rm(
        self,
        path: str | list[str],
        recursive: bool = False,
        batch_size: int | None = None,
        maxdepth: int | None = None,
        **kwargs: object,
    ) -> None:
        fs = await self.mounted()
        paths = [path] if isinstance(path, str | os.PathLike) else path
        if maxdepth is not None or any(has_magic(stringify_path(each)) for each in paths):
            found = await self._expand_path(path, recursive=recursive, maxdepth=maxdepth)
            paths = sorted(found, reverse=True)  # what is in a directory goes before it
        for each in map(_stripped, paths):
            try:
                await fs.remove(each)
            except IsADirectoryError:
                if maxdepth is not None:
                    with suppress(OSError):  # something deeper is left in it
                        await fs.rmdir(each)
                elif recursive:
                    await fs.rmtree(each)
                else:
                    await fs.rmdir(each)
            except FileNotFoundError:
                if len(paths) == 1:
                    raise

    async def _mv_file(self, path1: str, path2: str) -> None:
        await (await self.mounted()).rename(_stripped(path1), _stripped(path2))

    mv_file = sync_wrapper(_mv_file)

    async def _mv(
        self,
        path1: str | list[str],
        path2: str | list[str],
        recursive: bool = False,
        maxdepth: int | None = None,
        **kwargs: object,
    ) -> None:
        """Move files: by renaming, where it is one file or one whole directory."""
        single = isinstance(path1, str) and isinstance(path2, str) and not has_magic(path1)
        if not single or maxdepth is not None:
            await self._copy(path1, path2, recursive=recursive, maxdepth=maxdepth, on_error="raise")
            await self._rm(path1, recursive=recursive)
            return
        assert isinstance(path1, str)
        assert isinstance(path2, str)
        source, target = _stripped(path1), _stripped(path2)
        fs = await self.mounted()
        if source == target:
            return
        if path2.endswith("/") or (await fs.exists(target) and (await fs.stat(target)).is_dir):
            target = f"{target.rstrip('/')}/{source.rpartition('/')[2]}"
        await fs.rename(source, target)

    mv = sync_wrapper(_mv)

    async def _touch(self, path: str, truncate: bool = True, **kwargs: object) -> None:
        """Make an empty file; without ``truncate`` one that is there only gets a new time."""
        path = _stripped(path)
        fs = await self.mounted()
        if truncate:
            await self._making_way(fs, path, lambda: fs.write_bytes(path, b""))
        else:
            file = await self._making_way(fs, path, lambda: fs.open(path, "ab"))
            await file.close()
            await fs.utime(path)

    touch = sync_wrapper(_touch)

    async def _making_way(
        self, fs: AsyncMount, path: str, make: Callable[[], Awaitable[T]], wanted: bool = False
    ) -> T:
        """Call ``make``, with the directories above ``path`` if ``wanted`` or by option."""
        try:
            return await make()
        except FileNotFoundError:
            if not (wanted or self.auto_mkdir):
                raise
        await fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        return await make()

    # --- Contents ---

    async def _cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **kwargs: object
    ) -> bytes:
        path = _stripped(path)
        fs = await self.mounted()
        if start is None and end is None:
            return await fs.read_bytes(path)
        async with await fs.open(path, "rb") as file:
            return await read_range(file, start, end)

    async def _cat_ranges(
        self,
        paths: list[str],
        starts: int | list[int | None] | None,
        ends: int | list[int | None] | None,
        max_gap: int | None = None,
        batch_size: int | None = None,
        on_error: str = "return",
        **kwargs: object,
    ) -> list[bytes | BaseException]:
        """Return ranges of files; each file is opened once, and all are read at the same time.

        ``max_gap`` says which ranges may be read as one: here none need be, the result is the same.
        """
        begin = starts if isinstance(starts, list) else [starts] * len(paths)
        finish = ends if isinstance(ends, list) else [ends] * len(paths)
        if not len(paths) == len(begin) == len(finish):
            raise ValueError("as many starts and ends as paths are needed")
        fs = await self.mounted()
        found: list[bytes | BaseException] = [b""] * len(paths)
        numbers: dict[str, list[int]] = {}
        for number, path in enumerate(paths):
            numbers.setdefault(_stripped(path), []).append(number)

        async def read(path: str, wanted: list[int]) -> None:
            try:
                async with await fs.open(path, "rb") as file:
                    ranges = [read_range(file, begin[each], finish[each]) for each in wanted]
                    results = await asyncio.gather(*ranges, return_exceptions=True)
            except OSError as error:
                results = [error] * len(wanted)
            for each, result in zip(wanted, results, strict=True):
                found[each] = result

        await _run_coros_in_chunks(
            [read(path, wanted) for path, wanted in numbers.items()],
            batch_size=batch_size or self.batch_size,
            nofiles=True,
        )
        if on_error != "return":
            for result in found:
                if isinstance(result, BaseException):
                    raise result
        return found

    async def _pipe_file(
        self, path: str, value: Buffer, mode: str = "overwrite", **kwargs: object
    ) -> None:
        path = _stripped(path)
        fs = await self.mounted()
        if mode != "create":
            await self._making_way(fs, path, lambda: fs.write_bytes(path, value))
            return
        file = await self._making_way(fs, path, lambda: fs.open(path, "xb"))
        async with file:
            await file.write(value)

    async def _cp_file(self, path1: str, path2: str, **kwargs: object) -> None:
        source, target = _stripped(path1), _stripped(path2)
        fs = await self.mounted()
        if (await fs.stat(source)).is_dir:
            await fs.makedirs(target, exist_ok=True)
            return
        await self._making_way(fs, target, lambda: fs.copy(source, target), True)

    async def _put_file(
        self,
        lpath: str,
        rpath: str,
        mode: str = "overwrite",
        callback: Callback = DEFAULT_CALLBACK,
        **kwargs: object,
    ) -> None:
        local, path = stringify_path(lpath), _stripped(rpath)
        fs = await self.mounted()
        if os.path.isdir(local):
            await fs.makedirs(path, exist_ok=True)
            return
        if mode == "create" and await fs.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        report = _reporting(callback)
        await self._making_way(fs, path, lambda: fs.put(local, path, progress=report), True)

    async def _get_file(
        self,
        rpath: str,
        lpath: str,
        callback: Callback = DEFAULT_CALLBACK,
        **kwargs: object,
    ) -> None:
        local, path = stringify_path(lpath), _stripped(rpath)
        fs = await self.mounted()
        if (await fs.stat(path)).is_dir:
            os.makedirs(local, exist_ok=True)
            return
        if above := os.path.dirname(local):
            os.makedirs(above, exist_ok=True)
        await fs.get(path, local, progress=_reporting(callback))

    # --- Open files ---

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, object] | None = None,
        cache_type: str = "readahead",
        **kwargs: object,
    ) -> NfsReader | NfsWriter | NfsUpdater:
        path = _stripped(path)
        if mode == "rb":
            size = block_size if block_size else "default"
            return NfsReader(self, path, size, cache_type, cache_options)
        raw = RawWriter(self, path, mode, autocommit or "w" not in mode)
        size = block_size if block_size else 1 << 20
        return NfsUpdater(raw, size) if "+" in mode else NfsWriter(raw, size)

    async def open_async(self, path: str, mode: str = "rb", **kwargs: object) -> AsyncFile:
        """Open a file, unbuffered, whose methods are coroutines: an ``nfsrdma.client`` file."""
        return await self.open_file(_stripped(path), mode)

    async def open_file(self, path: str, mode: str) -> AsyncFile:
        """Open a file of the server, for the classes of :mod:`.files`."""
        fs = await self.mounted()
        return await self._making_way(
            fs, path, lambda: fs.open(path, mode), self.auto_mkdir and "r" not in mode
        )


class NfsRdmaFileSystem(NfsFileSystem):
    """The files of one server, over RDMA."""

    protocol = ("nfs+rdma", "nfsrdma")
    scheme = "nfs+rdma"


class NfsTcpFileSystem(NfsFileSystem):
    """The files of one server, over TCP."""

    protocol = "nfs+tcp"
    scheme = "nfs+tcp"


# --- Parts ---


def _stripped(path: str | os.PathLike[str]) -> str:
    """Return a path from the root of the server on: ``/`` before each name, and none at the end."""
    text: str = stringify_path(path)
    scheme, separator, rest = text.partition("://")
    if separator and scheme in ("nfs+rdma", "nfsrdma", "nfs+tcp"):
        text = rest.partition("/")[2]
    return "/" + text.strip("/")


def _info(path: str, status: Stat) -> Info:
    if status.is_dir:
        kind = "directory"
    elif status.is_file:
        kind = "file"
    else:
        kind = "link" if status.is_symlink else "other"
    return {
        "name": path,
        "size": 0 if status.is_dir else status.st_size,
        "type": kind,
        "islink": status.is_symlink,
        "mode": status.st_mode,
        "uid": status.st_uid,
        "gid": status.st_gid,
        "ino": status.st_ino,
        "nlink": status.st_nlink,
        "mtime": status.st_mtime_ns / 1e9,
        "created": status.st_ctime_ns / 1e9,
        "change": status.change,
    }


def _reporting(callback: Callback) -> Callable[[Progress], None]:
    """Return a function that tells a callback of fsspec how far a copy of one file is."""

    def report(progress: Progress) -> None:
        callback.set_size(progress.octets)
        callback.absolute_update(progress.octets_done)

    return report


async def _made(mounting: Awaitable[AsyncMount]) -> AsyncMount:
    return await mounting


def _alive(loop: asyncio.AbstractEventLoop) -> bool:
    return not loop.is_closed()


def _unmount(loop: asyncio.AbstractEventLoop, made: AsyncMount) -> None:
    """Unmount for a file system that is gone: the process may be about to end, too."""
    if loop.is_running() and not made.closed:
        with suppress(Exception):
            sync(loop, made.close, timeout=_CLOSE_S)
