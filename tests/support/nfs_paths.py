"""Several paths to fake servers, in virtual time, each of which a test may cut or make silent."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.support.nfs_fake import FakeReactor, FakeServer
from tests.support.nfs_fake_channel import LATENCY_S, FakeChannel

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.routes import Way
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Service
from nfsrdma.rpcrdma.task import Future


class PathChannel(FakeChannel):
    """A connection over a path."""

    def __init__(self, path: FakePath, service: Service) -> None:
        super().__init__(path.server, service)
        self.path = path

    def _arrive(self, xid: int, message: bytes, max_reply: int) -> None:
        if self.path.mute:
            self.path.held.append(lambda: self._arrive(xid, message, max_reply))
            return
        self.path.carried += 1
        super()._arrive(xid, message, max_reply)


class FakePath:
    """A way to a server: ``up`` or refused, ``deaf`` to those who connect, or ``mute``."""

    def __init__(self, server: FakeServer, name: str, last_resort: bool = False) -> None:
        self.server = server
        self.up = True
        self.deaf = self.mute = False
        self.carried = 0
        """Calls that came over it."""
        self.attempts = 0
        self.channels: list[PathChannel] = []
        self.held: list[Callable[[], None]] = []
        """What arrives when it is well again, unless its connection has ended."""
        self.way = Way(name, self.connect, last_resort)

    def connect(self, timeout_s: float, service: Service) -> Future[Any]:
        future: Future[Any] = Future()
        self.attempts += 1
        reactor = self.server.reactor

        def done() -> None:
            if self.up:
                channel = PathChannel(self, service)
                self.channels.append(channel)
                self.server.channels.append(channel)
                future.set_result(channel)
            else:
                future.set_error(ConnectionRefusedError(111, "Connection refused"))

        def too_late() -> None:
            future.set_error(TimeoutError(110, "no answer"))

        if self.deaf:
            reactor.call_at(reactor.now + timeout_s, too_late)
        else:
            reactor.call_at(reactor.now + LATENCY_S, done)
        return future

    @property
    def open(self) -> list[PathChannel]:
        """Connections that stand."""
        return [each for each in self.channels if each.closed is None]

    def cut(self, *, stays_down: bool = True) -> None:
        """Break every connection, and refuse others from now on."""
        self.up = not stays_down
        for channel in self.open:
            channel.lose("the path is cut")

    def silence(self) -> None:
        """Answer nothing from now on, neither to calls nor to those who connect."""
        self.deaf = self.mute = True

    def mend(self) -> None:
        """Be well again."""
        self.up, self.deaf, self.mute = True, False, False
        held, self.held = self.held, []
        for arrive in held:
            arrive()


class Paths:
    """A client of a server to which several paths lead."""

    def __init__(self, count: int = 2, last_resorts: int = 0, **options: Any) -> None:
        self.reactor = FakeReactor()
        self.server = FakeServer(self.reactor)
        self.server.add("file", data=b"contents")
        self.paths = [FakePath(self.server, f"path {n}") for n in range(count)]
        self.paths += [FakePath(self.server, f"spare {n}", True) for n in range(last_resorts)]
        self.options = options
        self.run = self.reactor.run

    def client(self) -> FileSystem:
        """The client, not mounted yet."""
        identity = ClientOptions(Credentials.sys(0, 0), b"tester", b"verifier", **self.options)
        ways = [path.way for path in self.paths]
        self.fs = FileSystem(self.reactor, ways[0].connect, (), identity, Random(1), ways)
        return self.fs

    def mount(self) -> FileSystem:
        """The client, mounted, and everything connected that is wanted."""
        fs = self.client()
        self.run(fs.mount())
        self.reactor.advance(0.1)
        self.server.log.clear()
        self.server.executed.clear()
        return fs

    def up(self) -> list[int]:
        """How many connections are in use, by path."""
        return [path.up for path in self.fs.stats.paths]
