"""The asyncio face: ``mount()``, and mounts, whose methods are coroutines.

An operation is the coroutine of the same name of :class:`~..filesystem.FileSystem`, run by the
event loop that was running when the mount was made. A task that is cancelled cancels its call; if
the server may still place data in the caller's buffer, the cancellation waits for that.

This module, ``aio_paths`` and ``aio_file`` are the sources of the blocking face as well: ``emit``
makes ``blocking``, ``blocking_paths`` and ``blocking_file`` of them, word by word. What differs by
more than words is in ``on_loop`` and ``on_thread``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Coroutine, Iterable
from os import O_RDONLY, PathLike, fspath
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from ..about import ServerInfo
from ..copies import Progress, Report, Transfer, TransferOptions
from ..edge.local import local_tree
from ..errors import NfsError
from ..filesystem import FileSystem
from ..open_mode import OpenMode
from ..options import MountOptions
from ..stats import Statistics
from .aio_file import AsyncFile
from .aio_paths import AsyncPaths
from .on_loop import Mounting, begin, lent, planned
from .shared import StrOrBytesPath, text_of, texts_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")
Opened = AsyncFile
"""What opening a file gives."""


def mount(
    url: str,
    *,
    timeout: float | None = None,
    uid: int | None = None,
    gid: int | None = None,
    groups: tuple[int, ...] | None = None,
    minor_version: int | None = None,
    provider: str | None = None,
    device: str | None = None,
    pcap: str | PathLike[str] | None = None,
    rsize: int | None = None,
    wsize: int | None = None,
    nconnect: int | None = None,
    delegations: bool | None = None,
    paths: tuple[str, ...] | None = None,
    cache: int | None = None,
) -> Mounting[AsyncMount]:
    """Connect to the server of ``url`` and make its export usable.

    ``url`` is ``nfs+rdma://host[:20049]/path`` or ``nfs+tcp://host[:2049]/path``. Use the result as
    ``async with mount(url) as fs:``, or as ``fs = await mount(url)`` and close it. Where an option
    is None, the URL's query decides (``?timeout=30``), and after that the default:

    - ``timeout``: seconds that the server may be silent or out of reach before calls fail; 5.
    - ``uid``, ``gid``, ``groups``: who calls (AUTH_SYS); the user of the process, with its groups.
    - ``minor_version``: 2 or 1 of NFSv4; 2, and 1 with a server that does not speak 2.
    - ``provider``: the RDMA provider; shared memory (``"shm"``) with a server on this host that is
      ready for it, else ``"soft"``.
    - ``device``: the device of the ``"verbs"`` provider, by name; its first.
    - ``pcap``: a pcapng file that gets every packet (``"soft"`` provider); none.
    - ``rsize``, ``wsize``: octets that one READ or WRITE carries at most; 1 MiB, or what the
      server allows.
    - ``nconnect``: connections to the server, 1 to 16 over each path, that share the calls; 1.
    - ``delegations``: whether files that the server leaves to this client are kept until others
      want them, and opened meanwhile without the server; not.
    - ``paths``: more paths to the same server, as URLs or hosts (``("nfs+rdma://10.1.0.1",)``). All
      that are up are used, and one that is lost is not missed. TCP is the last resort where there
      is RDMA. ``stats.paths`` tells what went where; none.
    - ``cache``: octets of what was read of files that are kept to be read again; 0. Each open sees
      what was closed before, as without it, and a file that stays open is looked at again after
      three seconds; one that is left to this client is not. Who reads on and on has it read ahead.

    Raises :class:`UrlError` or ``ValueError`` if the request makes no sense, and
    :class:`NfsError`, which is an ``OSError``, if the server or the network refuses it.
    """
    options = MountOptions(
        timeout=timeout,
        uid=uid,
        gid=gid,
        groups=groups,
        minor_version=minor_version,
        provider=provider,
        device=device,
        pcap=pcap,
        rsize=rsize,
        wsize=wsize,
        nconnect=nconnect,
        delegations=delegations,
        paths=texts_of(paths),
        cache=cache,
    )
    return begin(AsyncMount, url, options)


class AsyncMount(AsyncPaths):
    """An export of a server, in use: an asynchronous context manager that unmounts.

    A path is text, octets or a path object, and begins at the root of the mount, which is ``""``.
    Every failure is an ``OSError`` of the class that a local file system would have raised.

    A mount belongs to the event loop that made it.
    """

    async def __aenter__(self) -> Self:
        """Return the mount."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Unmount. What closing the files raises does not replace an error of the block."""
        try:
            await self.close()
        except NfsError:
            if error is None:
                raise

    def __del__(self) -> None:
        # This may be any thread, in the middle of a call: only ask for it.
        if not self._closed and not self._client.abandoned:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self._runner.finish(self._client.unmount, self._connector.close)

    def __repr__(self) -> str:
        return f"<AsyncMount of {self.url}{' (closed)' if self._closed else ''}>"

    @property
    def client(self) -> FileSystem:
        """The coroutines below, for :meth:`run`."""
        return self._client

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    @property
    def stats(self) -> Statistics:
        """The calls made so far: how many of each operation, and how long they took."""
        return self._client.stats

    def connection_counters(self) -> dict[str, int]:
        """Return what the RDMA connections have done so far, by name; empty over TCP."""
        return self._connector.counters()

    async def run(self, coroutine: Coroutine[object, None, T]) -> T:
        """Run a coroutine that awaits nothing but the client's, and return its result."""
        return await self._run(coroutine)

    async def close(self) -> None:
        """Unmount: close every file, end the session, disconnect. Harmless to repeat.

        Raises what closing a file raised if data may have been lost; everything is closed then.
        """
        if self._closed:
            return
        self._closed = True
        try:
            await self._run(self._client.unmount())
        finally:
            self._connector.close()
            self._runner.close()

    async def ping(self) -> float:
        """Return the seconds that a NULL call takes: the network and both transports alone."""
        return await self._run(self._client.ping())

    async def buffer(self, size: int) -> memoryview:
        """Return writable memory of ``size`` octets that is best for reading into and writing from.

        With a server on this host (``"shm"``) that is memory which both have mapped: the server
        reads files right into it, and writes them out of it, without a copy between. It may
        change it at any moment. Elsewhere, and after a connection was lost, it is memory as any. A
        child of ``fork()`` finds zeros there. Raises ``ValueError`` for a size below 1.
        """
        return await self._run(self._client.buffer(size))

    async def about(self) -> ServerInfo:
        """Return what the server says of itself and of the session with it."""
        return await self._run(self._client.about())

    # --- Files ---

    async def open(
        self,
        path: StrOrBytesPath,
        mode: str = "rb",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        permissions: int = 0o644,
    ) -> Opened:
        """Open a file: unbuffered, of octets. ``permissions`` are those of a file that this makes.

        ``mode`` is of the letters of Python's ``open()``, with a ``b``: there is neither text nor a
        buffer on an event loop, and what asks for one is a ``ValueError``.
        """
        plan = planned(mode, buffering, encoding, errors, newline)
        coroutine = self._client.open(fspath(path), plan.octets, permissions=permissions)
        file = await self._run(coroutine)
        return AsyncFile(self, file, plan.letters, plan.octets)

    async def open_flags(
        self, path: StrOrBytesPath, flags: int = O_RDONLY, *, permissions: int = 0o644
    ) -> AsyncFile:
        """Open a file by the flags of ``os.open``: unbuffered, of octets.

        ``O_CREAT``, ``O_EXCL``, ``O_TRUNC``, ``O_APPEND`` and ``O_NOFOLLOW`` mean what they do
        there. With ``O_DSYNC`` or ``O_SYNC`` what is written is on stable storage when a write
        returns, and with ``O_DIRECT`` nothing is read from a cache here. ``ValueError`` is raised
        for flags that have no meaning for a file of a server.
        """
        how = OpenMode.of_flags(flags)
        coroutine = self._client.open(fspath(path), how, permissions=permissions)
        return AsyncFile(self, await self._run(coroutine), how, how.letters)

    async def open_handle(self, handle: bytes, flags: int = O_RDONLY) -> AsyncFile:
        """Open the file that has an NFS handle, whatever its names are by now.

        :meth:`handle` returns handles. ``flags`` are those of :meth:`open_flags`, but no file is
        made.
        """
        how = OpenMode.of_flags(flags)
        if how.create:
            raise ValueError("flags: a handle is of a file that exists, and O_CREAT makes one")
        file = await self._run(self._client.open_by_handle(bytes(handle), how))
        return AsyncFile(self, file, how, how.letters)

    async def read_bytes(self, path: StrOrBytesPath) -> bytes:
        """Return the contents of a file; a small one takes a single call."""
        return await self._run(self._client.read_bytes(fspath(path)))

    async def write_bytes(
        self, path: StrOrBytesPath, data: Buffer, *, permissions: int = 0o644
    ) -> int:
        """Make ``data`` the contents of a file, on stable storage when this returns.

        A small file takes a single call. Returns the number of octets.
        """
        return await self._run(
            self._client.write_bytes(fspath(path), lent(data), permissions=permissions)
        )

    async def copy(self, source: StrOrBytesPath, path: StrOrBytesPath) -> int:
        """Copy a file to another, which is replaced in place; return the number of octets.

        The data stays at the server, and shares its storage, if the server can do that; else it is
        read and written. A new file gets the permissions of the source.
        """
        return await self._run(self._client.copy(fspath(source), fspath(path)))

    async def read_text(
        self, path: StrOrBytesPath, encoding: str = "utf-8", errors: str = "strict"
    ) -> str:
        """Return the contents of a file as text; ends of lines are left as they are."""
        return (await self.read_bytes(path)).decode(encoding, errors)

    async def write_text(
        self,
        path: StrOrBytesPath,
        text: str,
        encoding: str = "utf-8",
        errors: str = "strict",
        *,
        permissions: int = 0o644,
    ) -> int:
        """Make ``text`` the contents of a file, as :meth:`write_bytes` does."""
        return await self.write_bytes(path, text.encode(encoding, errors), permissions=permissions)

    # --- Trees ---

    async def get(
        self,
        source: StrOrBytesPath,
        local: StrOrBytesPath,
        *,
        recursive: bool = False,
        resume: bool = False,
        checksum: bool = False,
        exclude: Iterable[str] = (),
        delete: bool = False,
        dry_run: bool = False,
        progress: Report | None = None,
        on_failure: Callable[[OSError], object] | None = None,
        on_step: Callable[[str, str], object] | None = None,
    ) -> Progress:
        """Copy a file or, with ``recursive``, a tree from the server to the path ``local``.

        Modes, times, links and holes are preserved. Each file is complete or not there, and
        replaces what has its name as a rename does. ``resume`` leaves alone what has the size and
        the time of its source, ``checksum`` what has its contents. ``exclude`` has patterns of
        names that are left out. ``delete`` removes what the target has and the source lacks, after
        all was copied and only if nothing failed; what is excluded stays. ``dry_run`` does nothing;
        ``on_step`` is called with ``"copy"`` or ``"delete"`` and each path below the top.
        ``progress`` is called after each step, and ``on_failure`` for each
        file of a tree that cannot be copied, which does not keep the rest; ``TreeError`` is raised
        at the end then. Neither of them may use the mount.
        """
        options = TransferOptions(
            recursive,
            resume,
            checksum=checksum,
            exclude=tuple(exclude),
            delete=delete,
            dry_run=dry_run,
            on_failure=on_failure,
            on_step=on_step,
        )
        transfer = Transfer(self._client, local_tree(local), options, progress)
        return await self._run_long(transfer.get(text_of(source)))

    async def put(
        self,
        local: StrOrBytesPath,
        path: StrOrBytesPath,
        *,
        recursive: bool = False,
        resume: bool = False,
        checksum: bool = False,
        exclude: Iterable[str] = (),
        delete: bool = False,
        dry_run: bool = False,
        progress: Report | None = None,
        on_failure: Callable[[OSError], object] | None = None,
        on_step: Callable[[str, str], object] | None = None,
    ) -> Progress:
        """Copy a local file or, with ``recursive``, a tree to ``path`` on the server.

        The options are those of :meth:`get`.
        """
        options = TransferOptions(
            recursive,
            resume,
            checksum=checksum,
            exclude=tuple(exclude),
            delete=delete,
            dry_run=dry_run,
            on_failure=on_failure,
            on_step=on_step,
        )
        transfer = Transfer(self._client, local_tree(local), options, progress)
        return await self._run_long(transfer.put(text_of(path)))
