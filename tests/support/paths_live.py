"""The real server on a thread, at several addresses: paths that a test can cut, one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from tests.support.hosts import loopback
from tests.support.nfs_live import TIMES, LiveServer

from nfsrdma.rpcrdma.providers.meddling import MeddlingDevice
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.export import Export


class PathServer(LiveServer):
    """Serves at each of ``places``: kinds ``"soft"``, ``"shm"`` and ``"tcp"``, in any number.

    ``base`` keeps the addresses of several servers of one process apart.
    """

    def __init__(self, *places: str, base: int = 100, **options: Any) -> None:
        self.places = places
        self.base = base
        self.came: list[list[Channel]] = [[] for _ in places]
        """Connections by place."""
        self.refused: set[int] = set()
        """Places where connections end as soon as they come."""
        self.seed = base
        self.urls: list[str] = []
        super().__init__(**options)

    def _listen(self) -> None:
        self.server = NfsService(
            [Export("", self.fs)],
            self.reactor,
            random.Random(self.seed),
            config=ServerConfig(times=TIMES, delegations=self.delegations),
            store=self.store,
        )
        self.devices = []
        self.urls = []
        for number, kind in enumerate(self.places):
            came = partial(self._came, number)
            if kind == "tcp":
                _, port = self.server.listen_tcp("127.0.0.1", 0, on_channel=came)
                self.urls.append(f"nfs+tcp://127.0.0.1:{port}/")
                self.devices.append(None)
                continue
            address = loopback(self.base + number)
            device: Any = (
                MeddlingDevice(self.reactor, address=address)
                if kind == "soft"
                else open_device(kind, self.reactor, address=address)
            )
            self.devices.append(device)
            self.server.listen_rdma(device, address, 20049, on_channel=came)
            self.urls.append(f"nfs+rdma://{address}/")

    def _came(self, number: int, channel: Channel) -> None:
        if number in self.refused:
            self.reactor.call_soon(channel.close)
        self.came[number].append(channel)

    def count(self, number: int) -> int:
        """How many connections stand at a place."""
        return self.call(lambda: sum(not each.closed for each in self.came[number]))  # type: ignore[attr-defined]

    def cut_path(self, number: int) -> None:
        """End every connection at a place, and those that will come."""

        def cut() -> None:
            self.refused.add(number)
            for channel in self.came[number]:
                channel.close()

        self.call(cut)

    def darken(self, number: int) -> None:
        """Let no packet through any more at a place (``soft``), as if the cable was pulled."""
        self._set_fate(number, lambda packet, outgoing: ())

    def mend(self, number: int) -> None:
        """Let connections and packets through again."""
        self.refused.discard(number)
        if isinstance(self.devices[number], MeddlingDevice):
            self._set_fate(number, None)

    def _set_fate(self, number: int, fate: Callable[[bytes, bool], Any] | None) -> None:
        def put() -> None:
            self.devices[number].fate = fate

        self.call(put)


def some_octets(seed: int, size: int) -> bytes:
    """Reproducible contents."""
    return Random(seed).randbytes(size)
