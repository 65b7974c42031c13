"""Real clients and the real server in one process, joined by streams in memory, in virtual time."""

from __future__ import annotations

import errno
from random import Random

from tests.support.nfs import Clock, open_export
from tests.support.reactor_fake import FakeReactor

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, Peer, Service
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.memory import MemoryFileSystem

LATENCY_S = 0.001


class _Pump:
    """Carries what one end has to send to the other, a latency later."""

    def __init__(self, reactor: FakeReactor, source: StreamChannel, sink: StreamChannel) -> None:
        self._reactor = reactor
        self._source = source
        self._sink = sink
        self._due = False
        source.on_ready = self._ready
        source.on_shut = lambda: sink.handle_lost("closed by the peer")

    def _ready(self) -> None:
        if not self._due:
            self._due = True
            self._reactor.call_at(self._reactor.now + LATENCY_S, self._carry)

    def _carry(self) -> None:
        self._due = False
        while parts := self._source.poll_transmit():
            data = b"".join(map(bytes, parts))
            self._source.transmitted(len(data))
            self._bring(data)

    def _bring(self, data: bytes) -> None:
        position = 0
        while position < len(data) and not self._sink.closed:
            target = self._sink.target()
            if target is None:
                self._sink.handle_data(data[position:])
                return
            count = min(len(target), len(data) - position)
            target[:count] = data[position : position + count]
            self._sink.handle_filled(count)
            position += count


class Pair:
    """A server of an empty tree in memory, and as many clients of it as are asked for."""

    def __init__(self, *, delegations: bool = False) -> None:
        self.config = ServerConfig(times=LeaseTimes(), delegations=delegations)
        self.reactor = FakeReactor()
        self.run = self.reactor.run
        self.tree = MemoryFileSystem(Clock())
        self.store = MemoryRecoveryStore()
        self._lives = 0
        self._reachable = True
        self._channels: list[StreamChannel] = []
        self._start()

    def _start(self) -> None:
        export = open_export("", self.tree)
        self._lives += 1
        rng = Random(self._lives)  # or sessions of one life would be those of the next
        self.server = NfsService([export], self.reactor, rng, store=self.store, config=self.config)

    def restart(self) -> None:
        """Start the server anew: all state and every connection is gone, the tree is not."""
        channels, self._channels = self._channels, []
        self._start()
        for channel in channels:
            channel.handle_lost("the server restarted")

    def connect(self, timeout_s: float, service: Service) -> Future[Channel]:
        future: Future[Channel] = Future()
        if not self._reachable:
            future.set_error(ConnectionRefusedError(errno.ECONNREFUSED, "no way there"))
            return future
        peer = Peer("tcp", "127.0.0.1", 1)
        ours, theirs = StreamChannel(peer, service), StreamChannel(peer, self.server.service)
        self._channels += (ours, theirs)
        _Pump(self.reactor, ours, theirs)
        _Pump(self.reactor, theirs, ours)
        future.set_result(ours)
        return future

    def partition(self, fs: FileSystem) -> None:
        """Cut a client off, and let it make no connection."""
        self._reachable = False
        channel = fs.session.channel
        assert isinstance(channel, StreamChannel)
        channel.handle_lost("the network is gone")

    def heal(self) -> None:
        """Let clients make connections again."""
        self._reachable = True

    def client(
        self,
        name: bytes = b"client",
        *,
        minor_version: int = 2,
        delegations: bool = False,
        cache: int = 0,
    ) -> FileSystem:
        """Return a client that has mounted the tree."""
        options = ClientOptions(
            Credentials.sys(0, 0),
            name,
            b"verifier",
            minor_version=minor_version,
            delegations=delegations,
            cache=cache,
        )
        fs = FileSystem(self.reactor, self.connect, (), options, Random(name))
        self.run(fs.mount())
        return fs

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        done: Future[None] = Future()
        self.reactor.call_at(self.reactor.now + seconds, done.set_result, None)
        self.reactor.turn(done, seconds + 1)


def calls(fs: FileSystem) -> int:
    """Return how many calls a client has made."""
    return sum(each.calls for each in fs.stats.operations.values())
