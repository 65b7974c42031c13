"""Locks that wait, and delegations of minor version 0, on a faulty fabric: none is held by two.

Real clients lock ranges of one file over RDMA in virtual time, and wait for each other. Connections
are cut meanwhile, and one client dies with what it holds. A client of minor version 0 is called
over connections that fail now and then, and gives back what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, cast

import pytest
from tests.sim.test_server_v40_sim import WirePeer
from tests.support.nfs import PUTROOTFH, Clock, Peer, open_export, putfh, read
from tests.support.nfs40 import Client40, close, renew, setclientid_confirm

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric, simulate
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, Service, TransportError
from nfsrdma.rpcrdma.rpc.message import decode_call, encode_accepted
from nfsrdma.rpcrdma.task import Future, Task, gather, sleep
from nfsrdma.rpcrdma.transport import connect_rdma
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t

SERVER = "10.0.0.1"
PORT = 20049
LEASE = 20.0
CLIENTS = 3
OWNERS = 2
ROUNDS = 6
HOURS = 10_000.0
FAULTS = Faults(loss=0.01, duplication=0.01, reordering=0.01)


class Holdings:
    """What is locked, as those who lock it know."""

    def __init__(self) -> None:
        self._held: list[tuple[object, int, int, int]] = []
        self.granted = 0

    @contextmanager
    def held(self, owner: object, kind: int, start: int, end: int) -> Iterator[None]:
        """Have an owner hold a range. It must be in nobody's way."""
        for other, what, begin, stop in self._held:
            apart = end <= begin or stop <= start
            assert other == owner or apart or kind == what == t.READ_LT, (owner, other)
        entry = owner, kind, start, end
        self._held.append(entry)
        self.granted += 1
        try:
            yield
        finally:
            self._held.remove(entry)


class World:
    """A server and clients that lock the same file."""

    def __init__(self, fabric: SimFabric) -> None:
        self.reactor = fabric.reactor
        self.rng = Random(f"locks {fabric.seed}")
        self.holdings = Holdings()
        config = ServerConfig(times=LeaseTimes(lease=LEASE, grace=1), delegations=True)
        exports = [open_export("", MemoryFileSystem(Clock()))]
        self.server = NfsService(exports, self.reactor, self.rng, config=config)
        self.channels: list[Channel] = []
        device = fabric.open_device(SERVER)
        self.server.listen_rdma(device, SERVER, PORT, on_channel=self.channels.append)
        self.dead: set[int] = set()
        self.clients = [self.client(fabric, number) for number in range(CLIENTS)]

    def client(self, fabric: SimFabric, number: int) -> FileSystem:
        device = fabric.open_device(f"10.0.0.{number + 2}")

        def connect(timeout_s: float, service: Service) -> Future[Any]:
            if number in self.dead:
                refused: Future[Any] = Future()
                refused.set_error(TransportError("dead"))
                return refused
            return connect_rdma(device, self.reactor, SERVER, PORT, service=service)

        options = ClientOptions(
            Credentials.sys(0, 0), b"client %d" % number, self.rng.randbytes(8), timeout=60.0
        )
        return FileSystem(self.reactor, connect, (), options, Random(self.rng.random()))

    async def work(self, number: int, owner: bytes, rounds: int) -> None:
        """Lock, wait, hold and unlock."""
        fs, rng = self.clients[number], Random(self.rng.random())
        file = await fs.open("file", "r+")
        for _ in range(rounds):
            start = rng.randrange(0, 40, 10)
            length = rng.choice((10, 20, 100))
            kind = rng.choice((t.READ_LT, t.WRITE_LT, t.WRITE_LT))
            wait = rng.random() < 0.8
            try:
                await fs.locks.lock(file.opened, owner, kind, start, length, wait=wait)
            except BlockingIOError:
                assert not wait
                continue
            with self.holdings.held((number, owner), kind, start, start + length):
                await sleep(self.reactor, rng.random() * rng.choice((0.01, 0.5, 5.0)))
            await fs.locks.unlock(file.opened, owner, start, length)
            await sleep(self.reactor, rng.random() * rng.choice((0.01, 1.0)))
        await file.close()

    async def cut(self) -> None:
        """Break connections now and then."""
        for _ in range(5):
            await sleep(self.reactor, self.rng.random() * 10)
            channels, self.channels = self.channels, []
            for channel in channels:
                if self.rng.random() < 0.4:
                    channel.close("cut")
                else:
                    self.channels.append(channel)

    async def start(self) -> None:
        for client in self.clients:
            await client.mount()
        await self.clients[0].write_bytes("file", b"contents")

    async def all_live(self) -> None:
        """Everybody gets each lock in the end, and none that somebody else has."""
        await self.start()
        cut = Task(self.cut())
        tasks = [
            Task(self.work(number, b"owner %d" % owner, ROUNDS))
            for number in range(CLIENTS)
            for owner in range(OWNERS)
        ]
        await gather(tasks)
        await cut
        assert self.holdings.granted
        for client in self.clients:
            assert not len(client.open_operations.opens.notices)
            await client.unmount()
        assert not len(self.server.lock_notices.table)

    async def one_dies(self) -> None:
        """Who waits for a client that died has its lock after a lease."""
        await self.start()
        victim = self.clients[0]
        file = await victim.open("file", "r+")
        await victim.locks.lock(file.opened, b"victim", t.WRITE_LT, 0, 100)
        self.dead.add(0)
        for channel in list(self.channels):
            if channel.peer.address == "10.0.0.2":
                channel.close("dead")
        began = self.reactor.time()
        await gather([Task(self.work(number, b"owner", 3)) for number in (1, 2)])
        assert self.reactor.time() - began < LEASE * 4
        assert self.holdings.granted
        assert not len(self.server.lock_notices.table)


def run(name: str, seed: int) -> None:
    def scenario(fabric: SimFabric) -> None:
        world = World(fabric)
        fabric.reactor.run_until(Task(getattr(world, name)()), HOURS)

    command = f"pytest {__file__} -k {name}-{seed}"
    simulate(scenario, seed, faults=FAULTS if seed else None, command=command)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["all_live", "one_dies"])
def test_locks(name: str, seed: int) -> None:
    run(name, seed)


# --- Delegations of minor version 0 ---


class Line:
    """A connection to the client that answers late, or ends instead."""

    def __init__(self, reactor: Any, rng: Random, recalled: Callable[[bytes], None]) -> None:
        self._reactor = reactor
        self._rng = rng
        self._recalled = recalled
        self._closing: list[Callable[[str], None]] = []
        self._open: list[Future[Decoder]] = []

    def call(self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()) -> Any:
        reply: Future[Decoder] = Future()
        self._open.append(reply)
        octets = message.to_bytes()
        end = self.close if self._rng.random() < 0.2 else self._answer
        self._reactor.call_at(self._reactor.time() + self._rng.random(), end, octets, reply)
        return reply

    def _answer(self, octets: bytes, reply: Future[Decoder]) -> None:
        if reply.done():
            return
        dec = Decoder(octets)
        header = decode_call(dec)
        enc = Encoder()
        encode_accepted(enc, header.xid)
        if header.proc == t.CB_COMPOUND:
            (operation,) = t.CB_COMPOUND4args.decode(dec).argarray
            for word in (0, 0, 1, operation.argop, 0):
                enc.uint32(word)
            self._recalled(operation.value.stateid.other)
        reply.set_result(Decoder(enc.to_bytes()))

    def close(self, *_: Any) -> None:
        for reply in self._open:
            if not reply.done():
                reply.set_error(TransportError("closed"))
        closing, self._closing = self._closing, []
        for callback in closing:
            callback("closed")

    def on_close(self, callback: Callable[[str], None]) -> None:
        self._closing.append(callback)


def delegations_v40(fabric: SimFabric) -> None:
    """One holds a file again and again; others want it, and find it as it was when it was held."""
    reactor, rng = fabric.reactor, Random(f"delegations 4.0 {fabric.seed}")
    recalled: set[bytes] = set()

    def connect(address: str, port: int, timeout_s: float) -> Future[Channel]:
        assert (address, port) == ("10.0.0.2", 1000)
        future: Future[Channel] = Future()
        if rng.random() < 0.2:
            future.set_error(ConnectionRefusedError("not now"))
        else:
            future.set_result(cast(Channel, Line(reactor, rng, recalled.add)))
        return future

    config = ServerConfig(times=LeaseTimes(lease=LEASE, grace=1), delegations=True)
    exports = [open_export("", MemoryFileSystem(Clock()))]
    server = NfsService(exports, reactor, rng, config=config, connect=connect)
    server.listen_rdma(fabric.open_device(SERVER), SERVER, PORT)

    def wait(future: Any) -> Any:
        return reactor.run_until(future, HOURS)

    def joined(number: int, name: bytes) -> Client40:
        device = fabric.open_device(f"10.0.0.{number}")
        peer = WirePeer(wait(connect_rdma(device, reactor, SERVER, PORT)), wait, number)
        return Client40(cast(Peer, peer), name)

    holder, other = joined(2, b"holder"), joined(3, b"other")
    where = t.cb_client4(0x40000001, t.netaddr4(b"tcp", b"10.0.0.2.3.232"))
    writing, handle = other.create(b"f")
    other.ok(putfh(handle), close(writing, other.next(b"owner")))
    holder.create(b"f", access=1, create=None)
    granted = 0
    for _ in range(6):
        client_id, confirm = holder.introduce(b"verifier", callback=where)
        holder.ok(setclientid_confirm(client_id, confirm))
        wait(Task(sleep(reactor, 3.0)))
        holder.run(renew(holder.id))
        other.ok(renew(other.id))
        found = holder.ok(PUTROOTFH, holder.open_(b"f", access=1, create=None))[1].delegation
        if found.delegation_type == t.OPEN_DELEGATE_NONE:
            continue
        granted += 1
        stateid = found.value.stateid
        removing = other.run(PUTROOTFH, (t.OP_REMOVE, t.REMOVE4args(b"f")))
        while removing.status == t.NFS4ERR_DELAY:
            if stateid.other in recalled or rng.random() < 0.3:
                assert holder.ok(putfh(handle), read(stateid)).status == t.NFS4_OK
                holder.ok(putfh(handle), (t.OP_DELEGRETURN, t.DELEGRETURN4args(stateid)))
                recalled.discard(stateid.other)
            wait(Task(sleep(reactor, rng.random() * 3)))
            holder.run(renew(holder.id))
            other.ok(renew(other.id))
            removing = other.run(PUTROOTFH, (t.OP_REMOVE, t.REMOVE4args(b"f")))
        assert removing.status == t.NFS4_OK, removing
        assert not len(server.delegations.table)
        other.ok(PUTROOTFH, other.open_(b"f"))
        wait(Task(sleep(reactor, 1.0)))
        opened, handle = other.create(b"f")
        other.ok(putfh(handle), close(opened, other.next(b"owner")))
        holder.create(b"f", access=1, create=None)
    server.close()


def run_v40(seed: int) -> None:
    faults = FAULTS if seed else None
    simulate(delegations_v40, seed, faults=faults, command=f"pytest {__file__} -k v40-{seed}")


@pytest.mark.parametrize("seed", range(5))
def test_delegations_v40(seed: int) -> None:
    run_v40(seed)
