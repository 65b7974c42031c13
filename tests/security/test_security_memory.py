"""What a peer's octets make the server hold has a bound for the peer and one for the process, and
another client is served all the same."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    PUTROOTFH,
    Op,
    commit,
    make_server,
    open_,
    putfh,
    read,
    write,
)
from tests.support.nfs_wire import WireSession

from nfsrdma.rpcrdma.budget import Account, Budget, network_of
from nfsrdma.rpcrdma.rpc.buffers import BufferPool
from nfsrdma.rpcrdma.rpc.channel import Peer
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.server.engine.offload import Threads
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.memory import MemoryFile
from nfsrdma.xdr.nfs4 import types as t

MIB = 1 << 20


# The budget.


def test_alone_a_peer_has_half_and_each_newcomer_something() -> None:
    budget = Budget(64 * MIB)
    held = []
    for host in range(1, 6):
        account = budget.account(f"10.0.0.{host}")
        while account.acquire(4096):
            pass
        held.append(account.held)
    assert held[0] == 32 * MIB
    assert held == sorted(held, reverse=True)
    assert all(octets >= 1 * MIB for octets in held)
    assert budget.free > 0


def test_addresses_of_one_host_are_one_peer() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8::1")
    assert network_of("::ffff:10.0.0.1") == "10.0.0.1"
    assert network_of("fe80::1%eth0") == network_of("fe80::2%eth0")
    budget = Budget(100)
    assert budget.account("2001:db8::1") is budget.account("2001:db8::2")


def test_those_who_wait_go_on_in_turn_and_only_if_they_may() -> None:
    soon: list[Any] = []
    budget = Budget(100, soon.append)
    one, two = budget.account("10.0.0.1"), budget.account("10.0.0.2")
    one.charge(60)
    two.charge(30)
    told: list[str] = []
    one.wait(lambda: told.append("one"))
    two.wait(lambda: told.append("two"))
    one.charge(-20)
    one.charge(-1)
    assert len(soon) == 1  # one look for all that is given back in a turn
    soon.pop()()
    assert told == ["two"]  # it holds 30, and 31 are free; the other one holds 39
    one.charge(-9)
    soon.pop()()
    assert told == ["two", "one"]
    one.charge(-30)
    assert not soon  # nobody waits


def test_an_account_ends_with_its_last_connection() -> None:
    budget = Budget(100)
    account = budget.account("10.0.0.1")
    assert budget.account("10.0.0.1") is account
    account.leave()
    assert budget.account("10.0.0.1") is account
    account.leave()
    account.leave()
    assert budget.account("10.0.0.1") is not account


# Replies over a stream.


class Link:
    """A client and a server joined by a stream in memory; ``deaf``: it takes no replies."""

    def __init__(self, server: NfsService, account: Account, host: str, owner: bytes) -> None:
        self.deaf = False
        self.client = StreamChannel(Peer("tcp", "server", 2049))
        self.server = StreamChannel(Peer("tcp", host, 700), server.service, account=account)
        self.session = WireSession(self.client, self.wait, owner)

    def move(self) -> bool:
        moved = False
        for source, target in ((self.client, self.server), (self.server, self.client)):
            if target is self.client and self.deaf:
                continue
            while target.wants_input and (parts := source.poll_transmit()):
                data = b"".join(parts)
                place = target.target()
                if place is None:
                    source.transmitted(len(data))
                    target.handle_data(data)
                else:
                    size = min(len(place), len(data))
                    place[:size] = data[:size]
                    source.transmitted(size)
                    target.handle_filled(size)
                moved = True
        return moved

    def push(self, ops: list[Op], slot: int = 0) -> Any:
        """Send a compound, in another slot if others are still being executed."""
        session = self.session
        session.seqid += slot == 0
        seqid = 1 if slot else session.seqid
        head: Op = (t.OP_SEQUENCE, t.SEQUENCE4args(session.id, seqid, slot, slot, False))
        future = session.start([head, *ops], 2 * MIB, ())
        self.move()
        return future

    def wait(self, future: Any) -> Any:
        while not future.done() and self.move():
            pass
        return future.result()


class World:
    """A server with a file of 4 MiB, and links to it."""

    def __init__(self, memory: int = 64 * MIB, threads: Threads | None = None) -> None:
        self.soon: list[Any] = []
        self.server = make_server(threads=threads)
        self.budget = Budget(memory, self.soon.append)
        self.owners = 0
        self.first = self.link("10.0.0.100")
        create = open_(b"file", create=t.UNCHECKED4)
        results = self.first.session.run([PUTROOTFH, create, GETFH])
        self.stateid, self.handle = results[2].stateid, results[3].object
        for offset in range(0, 4 * MIB, MIB):
            self.first.session.run([putfh(self.handle), write(self.stateid, bytes(MIB), offset)])

    def link(self, host: str) -> Link:
        self.owners += 1
        return Link(self.server, self.budget.account(host), host, b"%d" % self.owners)

    def deaf(self, host: str) -> Link:
        """A link whose client takes nothing from now on."""
        link = self.link(host)
        link.deaf = True
        return link

    def served(self, link: Link) -> bool:
        results = link.session.run([putfh(self.handle), read(ANONYMOUS, 0, MIB)])
        return len(results[2].data) == MIB

    @property
    def lent(self) -> int:
        return self.server._core.buffers.lent


def test_reads_of_nothing_hold_nothing() -> None:
    world = World()
    link = world.deaf("10.0.0.1")
    for _ in range(20):
        link.push([putfh(world.handle), *[read(ANONYMOUS, 1 << 40, MIB)] * 120])
    assert world.lent == 0
    assert world.budget.held < MIB


def test_small_reads_hold_what_they_read() -> None:
    world = World()
    link = world.deaf("10.0.0.1")
    for size in (1, 1000, 5000, 4097):
        link.push([putfh(world.handle), *[read(ANONYMOUS, 0, size)] * 120])
    assert world.lent <= 2 * world.budget.held


def test_who_takes_no_replies_is_not_read_from_any_more() -> None:
    """Neither on one connection nor on many; an address has half, and others are served."""
    world = World(64 * MIB)
    links = [world.deaf("10.0.0.1") for _ in range(12)]
    for link in links:
        for _ in range(40):
            link.push([putfh(world.handle), read(ANONYMOUS, 0, MIB)])
    account = links[0].server.account
    assert 16 * MIB < account.held <= 34 * MIB
    assert world.lent <= 36 * MIB
    assert not all(link.server.wants_input for link in links)
    for host in range(2, 6):
        others = [world.deaf(f"10.0.0.{host}") for _ in range(12)]
        for link in others:
            for _ in range(40):
                link.push([putfh(world.handle), read(ANONYMOUS, 0, MIB)])
        assert world.budget.held <= 64 * MIB
        assert world.served(world.first)
    assert world.served(world.link("10.0.0.77"))


def test_who_takes_its_replies_again_gets_them_all() -> None:
    """Also on connections that wait for what others of the same address hold."""
    world = World(8 * MIB)
    links = [world.deaf("10.0.0.1") for _ in range(4)]
    replies = [
        link.push([putfh(world.handle), read(ANONYMOUS, 0, MIB)]) for link in links for _ in "12345"
    ]
    assert world.budget.held <= 6 * MIB
    for link in links:
        link.deaf = False
    while sum(link.move() for link in links) or world.soon:
        soon, world.soon[:] = list(world.soon), []
        for callback in soon:
            callback()
    assert all(len(t.COMPOUND4res.decode(reply.result()).resarray) == 3 for reply in replies)
    assert world.budget.held == 0
    assert world.lent == 0


def test_connections_that_end_give_everything_back() -> None:
    world = World(64 * MIB)
    links = [world.deaf("10.0.0.1") for _ in range(6)]
    for link in links:
        for _ in range(20):
            link.push([putfh(world.handle), read(ANONYMOUS, 0, MIB)])
    for link in links:
        link.server.handle_lost("gone")
    assert world.budget.held == 0
    assert world.lent == 0
    assert not world.budget._waiting


def test_what_waits_for_the_disk_is_held_for_its_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[Any] = []
    monkeypatch.setattr(MemoryFile, "sync", lambda file, metadata: lambda: None)
    world = World(64 * MIB, lambda job, later: jobs.append((job, later)))
    links = [world.link("10.0.0.1") for _ in range(8)]
    for link in links:
        for slot in range(1, 8):
            link.push([putfh(world.handle), read(ANONYMOUS, 0, MIB), commit()], slot)
    assert len(jobs) < 40
    assert 31 * MIB <= links[0].server.account.held <= 34 * MIB
    assert world.served(world.first)
    while jobs or world.soon:
        for job, later in [*jobs]:
            jobs.remove((job, later))
            job()
            later(None)
        soon, world.soon[:] = list(world.soon), []
        for callback in soon:
            callback()
        for link in links:
            link.move()
    assert world.budget.held == 0
    assert world.lent == 0


def test_no_memory_is_a_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def none(size: int) -> bytearray:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(BufferPool, "acquire", lambda pool, size: none(size))
        reply = world.first.push([putfh(world.handle), read(ANONYMOUS, 0, MIB)])
        assert t.COMPOUND4res.decode(world.first.wait(reply)).status == t.NFS4ERR_DELAY
    assert world.served(world.first)


# Records that are not complete.


def head_of_record(size: int, arrived: int) -> bytes:
    """The beginning of a WRITE or of whatever a peer may send."""
    call = bytes.fromhex("00000007 00000000 00000002 000186a3")
    return (1 << 31 | size).to_bytes(4, "big") + call + bytes(arrived - len(call))


def test_records_that_do_not_end() -> None:
    """Memory is for what arrived; who has its share is not read from, and others go on."""
    world = World(64 * MIB)
    bad = [world.link("10.0.0.1").server for _ in range(40)]
    for stream in bad:
        stream.handle_data(head_of_record(4 * MIB, 60_000))
    assert world.budget.held == 0

    def send_more() -> None:
        for stream in bad:
            while stream.wants_input and stream.target() is None and not stream.closed:
                stream.handle_data(bytes(65_536))

    send_more()
    assert 28 * MIB <= world.budget.held <= 32 * MIB
    assert 4 <= sum(stream.target() is not None for stream in bad) <= 8
    assert world.served(world.first)
    assert world.served(world.link("10.0.0.2"))
    for stream in bad[:8]:
        stream.handle_lost("gone")
    for callback in world.soon:
        callback()
    assert all(stream.wants_input for stream in bad[8:12])
    send_more()
    assert 28 * MIB <= world.budget.held <= 32 * MIB
    for stream in bad:
        stream.handle_lost("gone")
    assert world.budget.held == 0


def test_octets_one_by_one_are_kept_together() -> None:
    world = World()
    stream = world.link("10.0.0.1").server
    stream.handle_data((30_000).to_bytes(4, "big"))
    for _ in range(30_000):
        stream.handle_data(b"x")
    assert len(stream._reader._parts) <= 65
    stream.handle_data((1 << 31 | 1).to_bytes(4, "big"))
    assert stream.in_record
    stream.handle_data(b"x")
    assert stream.records_received


# The server's buffers.


def test_few_buffers_are_kept() -> None:
    pool = BufferPool()
    for size in (1, 5000, 100_000, MIB, 4 * MIB):
        buffers = [pool.acquire(size) for _ in range(200)]
        assert all(size <= len(buffer) < max(2 * size, 4096 + 513) for buffer in buffers)
        assert pool.lent == sum(map(len, buffers))
        for buffer in buffers:
            pool.release(buffer)
        assert pool.lent == 0
    kept = (32 * 4096, 32 * 8192, 32 * 131_072, 8 * MIB, 8 * MIB)
    assert pool._made <= sum(kept) + 5 * 32 * 512
