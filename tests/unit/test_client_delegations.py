"""The client holds delegations: it opens by itself, and gives back what others want."""

from __future__ import annotations

import struct
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from tests.support.nfs_pair import Pair, calls

from nfsrdma.client import delegations as held
from nfsrdma.client.acting import Acting
from nfsrdma.client.opens import READ, WRITE
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.task import Task, gather
from nfsrdma.server.delegations import AdaptivePolicy
from nfsrdma.xdr.nfs4 import types as t

BOTH = READ | WRITE


class World:
    """A server that delegates, one client that wants it, and another."""

    def __init__(self) -> None:
        self.pair = Pair(delegations=True)
        self.run = self.pair.run
        self.mine = self.pair.client(b"mine", delegations=True)
        self.other = self.pair.client(b"other")
        self.run(self.other.write_bytes("f", b"contents"))

    def opened(self, path: str = "f", mode: str = "rb") -> Any:
        """An open file of the holder."""
        return self.run(self.mine.open(path, mode))

    def held(self) -> int:
        """How many delegations the server has given, of which the client knows."""
        assert len(self.pair.server.delegations.table) == len(self.mine.opens.delegations)
        return len(self.pair.server.delegations.table)

    def count(self, name: str) -> int:
        """How often the holder has called something."""
        return self.mine.stats.of(name).calls

    def settled(self) -> None:
        """Let what is under way come to its end."""
        self.pair.wait(0.2)


@pytest.fixture
def world() -> World:
    return World()


def contents(world: World, file: Any) -> bytes:
    buffer = memoryview(bytearray(100))
    return bytes(buffer[: world.run(file.read_at(0, buffer))])


def test_a_thousand_reopens_are_one_open(world: World) -> None:
    for _ in range(1000):
        file = world.opened()
        assert contents(world, file) == b"contents"
        world.run(file.close())
    assert (world.count("OPEN"), world.count("CLOSE")) == (1, 1)
    assert world.held() == 1
    assert len(world.mine.opens) == 0


def test_by_node_there_is_no_call_at_all(world: World) -> None:
    nodes = world.mine.nodes()
    root = world.run(nodes.root())
    node = world.run(nodes.lookup(root, b"f"))
    for _ in range(2):
        world.run(world.run(nodes.open(node, READ)).close())
    before = calls(world.mine)
    for _ in range(1000):
        file = world.run(nodes.open(node, READ))
        assert not file.changed
        world.run(file.close())
    assert calls(world.mine) == before


def test_nobody_else_is_kept_waiting(world: World) -> None:
    world.run(world.opened().close())
    assert world.held() == 1
    world.run(world.other.write_bytes("f", b"new"))
    assert world.held() == 0
    file = world.opened()
    assert contents(world, file) == b"new"
    world.run(file.close())


@pytest.mark.parametrize("mode", ["rb", "r+b"])
def test_what_rests_on_it_goes_on_after_a_recall(world: World, mode: str) -> None:
    first = world.opened("f", mode)
    second = world.opened("f", mode)
    assert world.count("OPEN") == 1
    assert second.opened.delegation is not None
    if mode == "r+b":
        world.run(second.write_at(0, memoryview(b"CON")))
    theirs = world.run(world.other.open("f", "r+b"))
    assert world.held() == 0
    assert second.opened.delegation is None
    world.run(theirs.write_at(3, memoryview(b"TENTS")))
    expected = b"CONTENTS" if mode == "r+b" else b"conTENTS"
    assert contents(world, second) == contents(world, first) == expected
    for file in (first, second, theirs):
        world.run(file.close())
    assert len(world.pair.server.registry.states) == 0


def test_another_access_is_another_open(world: World) -> None:
    world.run(world.opened("f", "rb").close())
    world.run(world.opened("f", "r+b").close())
    assert world.count("OPEN") == 2


def test_another_user_opens_for_himself(world: World) -> None:
    world.run(world.opened().close())
    handle = world.run(world.mine.resolver.find("f", follow=True)).handle
    someone = Acting(world.mine.session, Credentials.sys(1000, 1000))
    assert world.mine.opens.open_here(someone, handle, READ) is None
    same = Acting(world.mine.session, world.mine.session.credentials)
    opened = world.mine.opens.open_here(same, handle, READ)
    assert opened is not None
    world.mine.opens.discard(opened)


def test_a_path_that_leads_elsewhere_opens_what_is_there(world: World) -> None:
    world.run(world.other.mkdir("d"))
    world.run(world.other.write_bytes("d/f", b"old"))
    world.run(world.opened("d/f").close())
    world.run(world.other.rename("d", "e"))
    world.run(world.other.mkdir("d"))
    world.run(world.other.write_bytes("d/f", b"new"))
    file = world.opened("d/f")
    assert contents(world, file) == b"new"
    world.run(file.close())
    world.run(world.other.remove("d/f"))
    with pytest.raises(FileNotFoundError):
        world.opened("d/f")


@pytest.mark.parametrize("how", ["remove", "rename"])
def test_what_is_removed_is_not_kept(world: World, how: str) -> None:
    world.run(world.opened().close())
    if how == "remove":
        world.run(world.mine.remove("f"))
    else:
        world.run(world.mine.write_bytes("g", b"g"))
        world.run(world.mine.rename("g", "f"))
    world.settled()
    assert world.held() == 0


def test_locks_are_those_of_an_open(world: World) -> None:
    nodes = world.mine.nodes()
    root = world.run(nodes.root())
    node = world.run(nodes.lookup(root, b"f"))
    world.run(world.run(nodes.open(node, BOTH)).close())
    file = world.run(nodes.open(node, BOTH))
    assert file.file.opened.delegation is not None
    world.run(file.lock(b"me", t.WRITE_LT))
    assert file.file.opened.delegation is None
    assert world.held() == 1
    world.run(file.unlock(b"me"))
    world.run(file.close())
    assert len(world.pair.server.registry.states) == 1


def test_a_look_by_others_asks_the_holder(world: World) -> None:
    file = world.opened("f", "r+b")
    first = world.run(world.other.stat("f"))
    world.run(file.write_at(0, memoryview(b"written by the holder")))
    second = world.run(world.other.stat("f"))
    assert (first.st_size, second.st_size) == (8, 21)
    assert second.change > first.change
    third = world.run(world.other.stat("f"))
    assert third.change == second.change
    assert world.held() == 1
    world.run(file.close())


def test_what_was_written_is_stable_when_it_is_closed(world: World) -> None:
    world.run(world.opened("f", "r+b").close())
    file = world.opened("f", "r+b")
    world.run(file.write_at(0, memoryview(b"kept")))
    world.run(file.close())
    assert world.count("COMMIT") == 1
    assert world.run(world.other.read_bytes("f")) == b"keptents"


def test_they_go_back_when_they_are_not_used(world: World) -> None:
    world.run(world.opened().close())
    world.pair.wait(2 * held.IDLE_S)
    assert world.held() == 0


def test_the_ones_used_longest_ago_make_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "KEPT_MAX", 3)
    for name in "abcdef":
        world.run(world.other.write_bytes(name, b"x"))
        world.run(world.opened(name).close())
        world.run(world.opened("a").close())
    world.settled()
    assert world.held() == 3
    before = world.count("OPEN")
    world.run(world.opened("a").close())
    assert world.count("OPEN") == before


def test_unmounting_returns_all(world: World) -> None:
    world.run(world.opened().close())
    world.run(world.mine.unmount())
    assert len(world.pair.server.delegations.table) == 0
    names = [client.owner for client in world.pair.server.registry.clients.confirmed()]
    assert b"mine" not in names


def test_who_wants_none_gets_none(world: World) -> None:
    world.run(world.run(world.other.open("f", "rb")).close())
    assert len(world.pair.server.delegations.table) == 0


# --- The server is asked to grant again, or has taken away ---


@pytest.mark.parametrize("mode", ["rb", "r+b"])
def test_they_outlive_a_restart(world: World, mode: str) -> None:
    files = [world.opened("f", mode) for _ in range(3)]
    world.pair.restart()
    assert contents(world, files[2]) == b"contents"
    assert world.held() == 1
    assert [file.opened.delegation is not None for file in files] == [False, True, True]
    world.run(world.opened("f", mode).close())
    assert world.count("OPEN") == 2
    for file in files:
        world.run(file.close())
    assert len(world.pair.server.registry.states) == 1


def test_those_without_an_open_do_not(world: World) -> None:
    world.run(world.opened().close())
    world.pair.restart()
    world.run(world.mine.stat(""))
    assert world.held() == 0


def test_opens_outlive_a_delegation_that_is_not_granted_again(world: World) -> None:
    files = [world.opened() for _ in range(3)]
    world.pair.config = replace(world.pair.config, delegations=False)
    world.pair.restart()
    for file in files:
        assert contents(world, file) == b"contents"
    assert world.held() == 0
    assert len(world.pair.server.registry.states) == 3
    for file in files:
        world.run(file.close())


def test_a_revoked_one_is_freed_and_its_opens_are_made_anew(world: World) -> None:
    world.run(world.opened().close())
    file = world.opened()
    revoke(world)
    assert contents(world, file) == b"contents"
    world.settled()
    assert world.held() == 0
    assert file.opened.delegation is None
    world.run(file.close())
    world.run(world.mine.stat(""))
    assert not world.mine.session.flags & t.SEQ4_STATUS_RECALLABLE_STATE_REVOKED


def test_one_that_was_revoked_while_nothing_was_open(world: World) -> None:
    world.run(world.opened().close())
    revoke(world)
    world.run(world.mine.stat(""))
    world.settled()
    assert world.held() == 0
    world.run(world.mine.stat(""))
    assert not world.mine.session.flags


def test_nothing_is_opened_here_when_the_lease_may_be_over(world: World) -> None:
    world.run(world.opened().close())
    handle = world.run(world.mine.resolver.find("f", follow=True)).handle
    world.pair.partition(world.mine)
    world.pair.wait(2 * world.mine.recovery.lease_s)
    assert world.mine.opens.open_here(world.mine.session, handle, READ) is None


def revoke(world: World) -> None:
    """Take the holder's only delegation away."""
    (client,) = (
        each for each in world.pair.server.registry.clients.confirmed() if each.delegations
    )
    (delegation,) = client.delegations.values()
    world.pair.server.delegations.table.revoke(delegation)


def test_a_recall_may_come_while_files_are_read_and_closed(world: World) -> None:
    """Whatever the moment, each read is right, and nothing is left at the server."""
    for step in range(1, 40):
        world.pair.server.delegations._policy = AdaptivePolicy()
        files = [world.opened() for _ in range(3)]
        tasks = [Task(_read_and_close(file)) for file in files]
        moment = world.pair.reactor.now + step * 0.00025
        late: list[Any] = []
        world.pair.reactor.call_at(
            moment, lambda late=late: late.append(Task(world.other.chmod("f", 0o644)))
        )
        world.pair.wait(1.5)
        assert [task.result() for task in tasks] == [b"contents"] * 3
        assert late[0].done()
        late[0].result()
        assert len(world.pair.server.registry.states) == 0
        assert len(world.mine.opens) == len(world.mine.opens.delegations) == 0


async def _read_and_close(file: Any) -> bytes:
    buffer = memoryview(bytearray(8))
    await file.read_at(0, buffer)
    await file.close()
    return bytes(buffer)


# --- Whatever happens at the same time ---

FILES = ("a", "b", "c")
BLOCK = 64


class Crowd:
    """Clients that contend for a few files, each a register that only grows."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.pair = Pair(delegations=True)
        self.clients = [
            self.pair.client(b"client %d" % number, delegations=number < 2) for number in range(3)
        ]
        self.told = dict.fromkeys(FILES, 0)
        """What was written last of each file, and acknowledged."""
        for name in FILES:
            self.pair.run(self.clients[0].write_bytes(name, block(0)))
        self.turns = dict.fromkeys(FILES, 0)

    async def work(self, client: Any) -> None:
        for _ in range(12):
            name = self.rng.choice(FILES)
            await self.visit(client, name)
            if self.rng.random() < 0.5:
                await client.session.pause(self.rng.random() * self.rng.choice((0.01, 1.0)))

    async def visit(self, client: Any, name: str) -> None:
        """Open a file, look at it, perhaps write to it under a lock, and close it."""
        writes = self.rng.random() < 0.4
        before = self.told[name]
        file = await client.open(name, "r+b" if writes else "rb")
        buffer = memoryview(bytearray(BLOCK))
        assert await file.read_at(0, buffer) == BLOCK
        (value,) = set(struct.unpack(f">{BLOCK // 8}Q", buffer))
        assert value >= before
        if writes:
            owner = b"owner of %d" % id(file)
            await client.locks.lock(file.opened, owner, t.WRITE_LT, wait=True)
            assert await file.read_at(0, buffer) == BLOCK
            (value,) = set(struct.unpack(f">{BLOCK // 8}Q", buffer))
            await file.write_at(0, memoryview(block(value + 1)))
            self.told[name] = max(self.told[name], value + 1)
            self.turns[name] += 1
            await client.locks.unlock(file.opened, owner)
        await file.close()

    async def trouble(self, restarts: bool) -> None:
        """Cut connections, and restart the server."""
        for _ in range(4):
            await self.clients[2].session.pause(self.rng.random() * 3)
            if restarts and self.rng.random() < 0.5:
                self.pair.restart()
            else:
                channel = self.rng.choice(self.clients).session.channel
                if channel is not None:
                    channel.handle_lost("cut")


def block(value: int) -> bytes:
    """Return the contents of a register."""
    return struct.pack(">Q", value) * (BLOCK // 8)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_a_crowd(seed: int, restarts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read is at least as new as what was acknowledged before, and nothing is left over."""
    monkeypatch.setattr(AdaptivePolicy, "pays", lambda *asked: True)
    crowd = Crowd(seed)
    tasks = [Task(crowd.work(client)) for client in crowd.clients for _ in range(2)]
    tasks.append(Task(crowd.trouble(restarts)))
    crowd.pair.reactor.turn(Task(gather(tasks)), 4000)
    for task in tasks:
        task.result()
    for name, times in crowd.turns.items():
        assert crowd.pair.run(crowd.clients[2].read_bytes(name)) == block(times)
    for client in crowd.clients:
        crowd.pair.run(client.unmount())
    server = crowd.pair.server
    assert len(server.registry.states) == len(server.delegations.table) == 0


@pytest.mark.parametrize("step", range(12))
def test_they_outlive_a_restart_amid_their_reclaim(world: World, step: int) -> None:
    files = [world.opened("f", "r+b") for _ in range(2)]
    world.run(world.other.write_bytes("g", b"x"))
    files += [world.opened("g") for _ in range(2)]
    world.pair.restart()
    world.pair.reactor.call_at(world.pair.reactor.now + step * 0.001, world.pair.restart)
    world.pair.wait(1)
    assert contents(world, files[1]) == b"contents"
    assert world.held() == 2
    for file in files:
        world.run(file.close())
    assert len(world.pair.server.registry.states) == 2
