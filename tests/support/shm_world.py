"""A client and the real server in one process, joined by shared memory: ``two_ends`` over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.support.two_ends import TwoEnds

from nfsrdma.client import quick
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.shm import ShmDevice, talk
from nfsrdma.rpcrdma.providers.shm import exchange as exchange_module
from nfsrdma.rpcrdma.providers.shm.exchange import Exchange
from nfsrdma.rpcrdma.providers.shm.ring import PRODUCED
from nfsrdma.rpcrdma.transport import connect_rdma
from nfsrdma.rpcrdma.transport.channel import RdmaChannel
from nfsrdma.rpcrdma.transport.prompt import PromptCalls
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.server.vfs.interface import FileSystem as Tree

T = TypeVar("T")
_HERE = "127.0.0.1"
_PORT = 20049
_TURNS = 200


class Ends:
    """What the exchanges of a test came to."""

    def __init__(self) -> None:
        self.counts = {"taken": 0, "left": 0, "declined": 0}
        self.meanwhile: Callable[[], object] | None = None
        """What the peer does while an exchange waits."""
        self.prompt: dict[str, int] = {}
        """Calls that were answered before they completed a receive, by how they came."""


def waiting(monkeypatch: pytest.MonkeyPatch) -> Ends:
    """Have exchanges of this process wait for what a function does, and count how they end."""
    ends = Ends()
    exchange = Exchange.__call__

    def wait(peer_words: memoryview, seen: int, wanted: int | None, seconds: float) -> int:
        if ends.meanwhile is not None:
            ends.meanwhile()
        return talk.OTHER if peer_words[PRODUCED] != seen else talk.LATE

    def counted(self: Exchange, *args: Any) -> bytes | None:
        self._with_awake.seconds = self._with_asleep.seconds = 1e-6
        answer = exchange(self, *args)
        ends.counts["declined" if answer is None else "taken" if answer else "left"] += 1
        return answer

    for way in ("call", "_place", "_see"):
        monkeypatch.setattr(PromptCalls, way, _counted(ends, way))
    # Both ends are on one processor here, and yet the peer has its turns.
    monkeypatch.setattr(exchange_module, "place", lambda: 0)
    monkeypatch.setattr(talk, "place_in_python", lambda: 0)
    monkeypatch.setattr(talk, "look_in_python", wait)
    monkeypatch.setattr(exchange_module, "look", wait)
    monkeypatch.setattr(exchange_module, "talk", talk.talk_in_python)
    monkeypatch.setattr(exchange_module, "speak", talk.speak_in_python)
    monkeypatch.setattr(Exchange, "__call__", counted)
    monkeypatch.setattr(quick, "_STRETCH_S", 1e9)
    return ends


def _counted(ends: Ends, way: str) -> Callable[..., bool]:
    ends.prompt[way] = 0
    original = getattr(PromptCalls, way)

    def counted(calls: PromptCalls, *args: Any) -> bool:
        answered: bool = original(calls, *args)
        ends.prompt[way] += answered
        return answered

    return counted


class ShmWorld(TwoEnds):
    """A server of a tree, in memory unless it is given, and a client of it."""

    host = _HERE

    def __init__(self, folder: Path, ends: Ends, tree: Tree | None = None) -> None:
        folder.mkdir(mode=0o700)
        self._folder = folder
        self.devices: Sequence[Device] = ()
        ends.meanwhile = self.serve
        super().__init__(tree)

    def open_device(self, reactor: SelectReactor, folder: Path) -> Device:
        """Return a device: of the client first, then of the server."""
        return ShmDevice(reactor, directory=str(folder))

    def listen(self) -> None:
        """Have the server listen, with a device for each end."""
        self.devices = [self.open_device(reactor, self._folder) for reactor in self.reactors]
        self.server.listen_rdma(self.devices[1], self.host, _PORT)

    def connect(self, service: Any) -> Any:
        """Connect the client."""
        return connect_rdma(self.devices[0], self.reactors[0], self.host, _PORT, service=service)

    @property
    def channel(self) -> RdmaChannel:
        """The client's connection."""
        channel = self.client.session.channel
        assert isinstance(channel, RdmaChannel)
        return channel

    def counters(self) -> list[Any]:
        """What each end of the connection has counted."""
        return [self.channel.stats.as_dict(), self.served.stats.as_dict()]

    def close(self) -> None:
        """End both."""
        self.run(self.client.unmount())
        self.server.close()
        for device in self.devices:
            device.close()
        for reactor in self.reactors:
            reactor.close()


@contextmanager
def shm_world(folder: Path, ends: Ends, tree: Tree | None = None) -> Iterator[ShmWorld]:
    """Return a world, which is closed in the end."""
    world = ShmWorld(folder, ends, tree)
    try:
        yield world
    finally:
        world.close()
