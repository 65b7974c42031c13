"""The real server on a thread of this process, which tests can stop and start again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem

T = TypeVar("T")

TIMES = LeaseTimes(lease=4.0, grace=3.0)


class _KeptStore(MemoryRecoveryStore):
    """What a restarted server finds again."""

    def close(self) -> None:
        pass


class _KeptFileSystem(MemoryFileSystem):
    """A memory file system that outlives its server."""

    def close(self) -> None:
        pass


class LiveServer:
    """Serves a memory file system, or the directory ``path``, over TCP and, if asked, RDMA.

    ``fs`` is another memory file system to serve, whose ``close`` must do nothing.

    That is the soft provider and, at an address of its own, the shm provider: a client finds out
    by itself which of the two is where.
    """

    def __init__(
        self,
        path: str | None = None,
        rdma: bool = False,
        delegations: bool = False,
        fs: MemoryFileSystem | None = None,
    ) -> None:
        self.path = path
        self.rdma = rdma
        self.delegations = delegations
        self.store = _KeptStore()
        self.fs = fs if fs is not None else _KeptFileSystem(time.time_ns)
        self.port = 0
        self.rdma_port = 0
        self.channels: list[Channel] = []
        # There is one RoCE port for each address: other test runs shall not be in our way.
        self.address = f"127.{random.randrange(16, 240)}.{random.randrange(256)}.7"
        self.shm_address = self.address[:-1] + "8"
        self.start()

    @property
    def url(self) -> str:
        return f"nfs+tcp://127.0.0.1:{self.port}/"

    @property
    def rdma_url(self) -> str:
        return f"nfs+rdma://{self.address}:{self.rdma_port}/"

    @property
    def shm_url(self) -> str:
        return f"nfs+rdma://{self.shm_address}:{self.rdma_port}/"

    def url_of(self, transport: str) -> str:
        """The URL for ``"tcp"``, ``"rdma"`` or ``"shm"``."""
        return {"tcp": self.url, "rdma": self.rdma_url, "shm": self.shm_url}[transport]

    def start(self) -> None:
        started = threading.Event()
        failure: list[BaseException] = []

        def serve() -> None:
            self.reactor = SelectReactor()
            try:
                self._listen()
            except BaseException as error:
                failure.append(error)
            started.set()
            if not failure:
                self.reactor.run_forever()
                self.server.close()
                for device in filter(None, self.devices):
                    device.close()
            self.reactor.close()

        self.thread = threading.Thread(target=serve, daemon=True)
        self.thread.start()
        assert started.wait(10)
        if failure:
            raise failure[0]

    def _listen(self) -> None:
        fs: Any = LocalFileSystem(self.path) if self.path else self.fs
        self.server = NfsService(
            [Export("", fs)],
            self.reactor,
            random.Random(5),
            config=ServerConfig(times=TIMES, delegations=self.delegations),
            store=self.store,
        )
        _, self.port = self.server.listen_tcp(
            "127.0.0.1", self.port, on_channel=self.channels.append
        )
        self.devices: list[Any] = []
        if self.rdma:
            from nfsrdma.rpcrdma.providers.registry import open_device

            for provider, address in (("soft", self.address), ("shm", self.shm_address)):
                device = open_device(provider, self.reactor, address=address)
                self.devices.append(device)
                _, self.rdma_port = self.server.listen_rdma(
                    *(device, address, self.rdma_port or 20049), on_channel=self.channels.append
                )

    def call(self, function: Callable[[], T]) -> T:
        """Run on the server's thread."""
        done = threading.Event()
        results: list[T] = []

        def run() -> None:
            results.append(function())
            done.set()

        self.reactor.call_soon_threadsafe(run)
        assert done.wait(10)
        return results[0]

    def cut(self) -> None:
        """Break every connection."""

        def close() -> None:
            channels, self.channels[:] = list(self.channels), []
            for channel in channels:
                channel.close()

        self.call(close)

    def stop(self) -> None:
        self.reactor.stop()
        self.thread.join(10)
        self.channels.clear()

    def restart(self) -> None:
        """Forget every client and session, as a server that crashed does."""
        self.stop()
        self.start()
