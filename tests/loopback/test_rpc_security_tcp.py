"""Flavors of one's own over TCP, and a filter below the stream, as TLS would have it (RFC 9289)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

import pytest
from tests.support.nfs import Clock, open_export
from tests.support.sealed import SEALED, Scrambler, SealedClient, SealedServer

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import connect_tcp, listen_tcp
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, IncomingCall, Service
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.rpc.filter import Stream
from nfsrdma.rpcrdma.rpc.message import CallHeader, OpaqueAuth, decode_reply, encode_accepted
from nfsrdma.rpcrdma.rpc.security import SECURITIES, secured
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.task import Future, Task
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

AUTH_TLS: Final = 7
SECRET = b"between you and me"
HERE = "127.0.0.1"


@pytest.fixture
def reactor() -> Iterator[SelectReactor]:
    made = SelectReactor()
    yield made
    made.close()


def file_system(reactor: SelectReactor, connect: Any) -> FileSystem:
    rng = random.Random(7)
    options = ClientOptions(Credentials.sys(0, 0), b"loopback", rng.randbytes(8))
    return FileSystem(reactor, connect, (), options, rng)


async def use(fs: FileSystem) -> None:
    await fs.mount()
    for size in (0, 1, 5000, 1_000_001):
        data = random.Random(size).randbytes(size)
        await fs.write_bytes("file", data)
        assert await fs.read_bytes("file") == data
    await fs.unmount()


def test_files_under_a_flavor_of_ones_own(reactor: SelectReactor) -> None:
    sealed = SealedServer(SECRET, Credentials.sys(0, 0))
    server = NfsService(
        [open_export("", MemoryFileSystem(Clock()))],
        reactor,
        random.Random(1),
        security={SEALED: sealed},
    )
    port = server.listen_tcp(HERE, 0)[1]
    rpc = RpcClient(random.Random(2))

    def connect(timeout_s: float, service: Service) -> Future[Channel]:
        made = connect_tcp(reactor, HERE, port, service=service, reserved_port=False)
        return secured(made, SealedClient(rpc, t.NFS4_PROGRAM, t.NFS_V4, SECRET))

    reactor.run_until(Task(use(file_system(reactor, connect))), 60)
    assert sealed.created == 1
    assert sealed.accepted > 10
    server.close()


class Filters:
    """The filter of each connection of one side."""

    def __init__(self) -> None:
        self.of: dict[object, Scrambler] = {}

    def __call__(self, channel: Stream) -> Scrambler:
        made = self.of[channel] = Scrambler(channel)
        return made


class StartServer:
    """The probe that switches a filter on, once it has been answered in the clear."""

    repeatable = False

    def __init__(self, filters: Filters) -> None:
        self._filters = filters

    def accept(self, header: CallHeader, incoming: IncomingCall) -> None:
        enc = Encoder()
        encode_accepted(enc, header.xid, OpaqueAuth(0, b"STARTTLS"))
        incoming.reply(enc, self._filters.of[incoming.channel].switch_on)


class StartClient:
    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._rpc = RpcClient(random.Random(3))

    async def secure(self, channel: Channel) -> Channel:
        message = self._rpc.start(t.NFS4_PROGRAM, t.NFS_V4, t.NFSPROC4_NULL, OpaqueAuth(AUTH_TLS))
        _, verifier = decode_reply(await channel.call(message, max_reply=64))
        assert verifier.body == b"STARTTLS"
        self._filters.of[channel].switch_on()
        return channel


def test_files_over_a_filter_that_a_probe_switches_on(reactor: SelectReactor) -> None:
    ours, theirs = Filters(), Filters()
    server = NfsService(
        [open_export("", MemoryFileSystem(Clock()))],
        reactor,
        random.Random(1),
        security={**SECURITIES, AUTH_TLS: StartServer(theirs)},
    )
    listener = listen_tcp(reactor, HERE, 0, server.service, stream_filter=theirs)

    def connect(timeout_s: float, service: Service) -> Future[Channel]:
        made = connect_tcp(
            reactor,
            HERE,
            listener.address[1],
            service=service,
            reserved_port=False,
            stream_filter=ours,
        )
        return secured(made, StartClient(ours))

    reactor.run_until(Task(use(file_system(reactor, connect))), 60)
    ((channel, scrambler),) = ours.of.items()
    assert isinstance(channel, StreamChannel)
    assert scrambler.scrambled > 1_000_000
    ((_, scrambler),) = theirs.of.items()
    assert scrambler.scrambled > 1_000_000
    channel.close()
    listener.close()
    server.close()
