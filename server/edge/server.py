"""``Server``: exports served by a thread of this process, or by the running asyncio loop."""

from __future__ import annotations

import asyncio
import resource
import threading
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from os import PathLike
from types import TracebackType
from typing import cast

from nfsrdma.rpcrdma.io.reactor import SelectReactor

from ..authority import Policy
from ..config import ServerConfig
from ..state.limits import StateLimits
from ..state.recovery import RecoveryStore
from ..vfs.export import Export
from ..vfs.syscalls import CAP_SYS_RESOURCE, give_up_capability
from .serving import RDMA_PORT, ListenAddress, MachineReactor, Serving
from .state_directory import StateDirectory, default_directory, hide_from
from .users import own_policy


class Server:
    """An NFS server in this process, for as long as its context lasts.

    ``with`` serves on a thread of its own, ``async with`` on the running asyncio loop::

        with Server([Export("", LocalFileSystem("/srv"))], ephemeral=True) as server:
            print(*server.urls, sep="\\n")
            server.wait()

    Who may connect is said by each export: this host alone, unless ``networks`` names others; and
    root of other hosts is nobody, unless its ``squash`` says otherwise. ``addresses`` are those of
    this host to serve at, the loopback's by default. A port of None is not served, 0 picks one.
    RDMA is done by ``provider`` (``soft`` if none is named, and ``shm`` for clients of this host);
    ``device`` names an adapter, ``pcap`` a file for all packets.

    ``state_directory`` keeps what must survive a restart: the key of the file handles, and who held
    state. It must be this server's alone, and is hidden from clients. A server that is to keep
    nothing is ``ephemeral``: its clients' file handles end with it.

    ``config`` has the limits, ``policy`` says whom to believe; without one the server acts as a
    process of its user may, see :func:`~nfsrdma.server.edge.users.own_policy`. A server can be
    started once; its end closes the exports' file systems.

    Errors of the constructor: ``ValueError`` for choices that contradict each other. Errors when it
    is started: ``OSError`` if it cannot listen or keep state, ``StateDirectoryBusy``,
    ``NobodyNamed`` if other hosts could connect and no export names any, ``ValueError``.
    """

    def __init__(
        self,
        exports: Iterable[Export],
        *,
        addresses: Iterable[str] = ("127.0.0.1",),
        rdma_port: int | None = RDMA_PORT,
        tcp_port: int | None = None,
        state_directory: str | PathLike[str] | None = None,
        ephemeral: bool = False,
        provider: str | None = None,
        device: str | None = None,
        pcap: str | PathLike[str] | None = None,
        config: ServerConfig | None = None,
        policy: Policy | None = None,
    ) -> None:
        if ephemeral == (state_directory is not None):
            raise ValueError("a server has a state_directory, or is ephemeral")
        if rdma_port is None and tcp_port is None:
            raise ValueError("there is no port to serve")
        self._exports = tuple(exports)
        self._addresses = tuple(addresses)
        self._rdma_port, self._tcp_port = rdma_port, tcp_port
        self._state_directory = state_directory
        self._provider, self._device, self._pcap = provider, device, pcap
        self._config = config
        self._policy = policy
        self._kept = ExitStack()
        self._serving: Serving | None = None
        self._places: list[ListenAddress] = []
        self._reactor: SelectReactor | None = None
        self._thread: threading.Thread | None = None

    @property
    def urls(self) -> list[str]:
        """What clients mount: one URL for each export at each place where it is served."""
        serving = self._serving
        assert serving is not None, "not started"
        return [url for place in self._places for url in serving.urls(place)]

    # --- On a thread ---

    def start(self) -> None:
        """Serve on a thread of its own, from now on."""
        assert self._serving is None, "a server is started once"
        started = threading.Event()
        failures: list[BaseException] = []
        self._thread = threading.Thread(
            target=self._run, args=(started, failures), name="nfsrdma server", daemon=True
        )
        self._thread.start()
        started.wait()
        if failures:
            self._thread.join()
            raise failures[0]

    def stop(self) -> None:
        """Serve no more, and give everything back. From any thread; harmless to repeat."""
        if self._reactor is not None:
            self._reactor.stop()
        self.wait()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the server was stopped; return whether it was, within ``timeout_s``."""
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, started: threading.Event, failures: list[BaseException]) -> None:
        with suppress(OSError):
            # What a disk keeps free for root is not for callers; this is about the thread alone.
            give_up_capability(CAP_SYS_RESOURCE)
        reactor = self._reactor = SelectReactor()
        try:
            try:
                self._open(reactor)
            except BaseException as error:
                failures.append(error)
            finally:
                started.set()
            if not failures:
                reactor.run_forever()
        finally:
            if self._serving is not None:
                for _ in self._serving.closing():
                    reactor.turn(0)
            self._kept.close()
            reactor.close()

    # --- On asyncio ---

    async def __aenter__(self) -> Server:
        assert self._serving is None, "a server is started once"
        try:
            self._open(cast(MachineReactor, asyncio.get_running_loop()))
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    async def serve_forever(self) -> None:
        """Wait until the task is cancelled. For ``async with``."""
        await asyncio.get_running_loop().create_future()

    async def _close(self) -> None:
        if self._serving is not None:
            for _ in self._serving.closing():
                await asyncio.sleep(0)
        self._kept.close()

    # --- Both ---

    def _open(self, reactor: MachineReactor) -> None:
        """Make the service, and listen."""
        serving = self._serving = Serving(
            self._exports,
            reactor,
            config=self._config or _affordable(),
            store=self._store(),
            policy=self._policy or own_policy(),
        )
        if self._rdma_port is not None:
            self._places += serving.listen_rdma(
                self._addresses,
                self._rdma_port,
                provider=self._provider,
                device=self._device,
                pcap=self._pcap,
            )
        if self._tcp_port is not None:
            for address in self._addresses:
                self._places.append(serving.listen_tcp(address, self._tcp_port))

    def _store(self) -> RecoveryStore | None:
        """Open the store in the state directory, which is hidden from clients."""
        hide_from([default_directory()], self._exports)
        if self._state_directory is None:
            return None
        directory = StateDirectory(self._state_directory)
        self._kept.callback(directory.close)
        hide_from([directory.path], self._exports)
        return directory.open_store()


def _affordable() -> ServerConfig:
    """Return the usual settings, with no more open files than this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return ServerConfig()
    return ServerConfig(state=StateLimits.affordable(soft))
