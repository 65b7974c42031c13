"""Several paths to one server: all that are up are used, and one that is lost is not missed."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest
from tests.support.nfs_fake import FakeServer
from tests.support.nfs_paths import FakePath, Paths

from nfsrdma.client.errors import NfsError
from nfsrdma.rpcrdma.task import Task, settled
from nfsrdma.xdr.nfs4 import types as t


async def together(coroutines: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    tasks = [Task(each) for each in coroutines]
    for task in tasks:
        await settled(task)
    return [task.result() for task in tasks]


def make_directories(world: Paths, count: int, prefix: str = "d") -> Task[list[Any]]:
    return Task(together([world.fs.mkdir(f"{prefix}{n}") for n in range(count)]))


def check_exactly_once(world: Paths, count: int, prefix: str = "d") -> None:
    """Every directory is there, and no CREATE was executed twice: that would have failed."""
    names = {name for name in world.server.root.children if name.startswith(prefix.encode())}
    assert len(names) == count
    assert world.server.executed.count("CREATE") == count


def check_slots(world: Paths) -> None:
    """Nothing is left behind."""
    world.reactor.advance(60)
    world.run(world.fs.stat("file"))
    slots = world.fs.session.slots
    assert slots is not None
    assert slots.busy == 0
    session = world.server.sessions[world.fs.session.session_id]
    assert [seqid + 1 for seqid in session.seqids][: slots.size] == slots.seqids
    assert slots.size == len(session.seqids) - 1, "one is spare, to join by"


def test_all_paths_that_are_up_are_used() -> None:
    world = Paths(3, nconnect=2)
    fs = world.mount()
    assert world.up() == [2, 2, 2]
    before = [path.carried for path in world.paths]
    world.reactor.turn(make_directories(world, 40))
    used = [path.carried - was for path, was in zip(world.paths, before, strict=True)]
    assert all(count >= 5 for count in used)
    assert sum(used) == 40
    assert [stats.calls > 0 for stats in fs.stats.paths] == [True] * 3
    assert fs.stats.sessions == 1
    check_exactly_once(world, 40)
    world.run(fs.unmount())
    assert not any(path.open for path in world.paths)
    assert not world.server.sessions


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("fate", ["lose call", "lose reply"])
def test_a_path_that_is_cut_in_the_midst_is_not_missed(which: int, fate: str) -> None:
    world = Paths()
    fs = world.mount()

    def script(ops: list[str]) -> str:
        if ops[-1] == "CREATE" and world.server.executed.count("CREATE") == 10:
            world.paths[which].cut()
            return fate if world.paths[which].open else "ok"
        return "ok"

    world.server.script = script
    start = world.reactor.now
    work = make_directories(world, 30)
    world.reactor.turn(work)
    assert work.result() is not None
    assert world.reactor.now - start < 0.1, "the rest goes on at once"
    assert fs.stats.paths[which].up == 0
    assert fs.stats.paths[which].trouble
    assert fs.stats.paths[1 - which].up == 1
    check_exactly_once(world, 30)
    assert fs.stats.sessions == 1
    check_slots(world)
    world.paths[which].mend()
    world.reactor.advance(120)
    assert world.up() == [1, 1], "it is tried again in the background"
    assert fs.stats.paths[which].trouble == ""
    world.run(fs.unmount())


@pytest.mark.parametrize("which", [0, 1])
def test_a_path_that_falls_silent_is_left(which: int) -> None:
    world = Paths()
    fs = world.mount()
    world.paths[which].silence()
    start = world.reactor.now
    world.reactor.turn(make_directories(world, 30))
    assert world.reactor.now - start < 1.5, "of five seconds that the server may be silent"
    assert fs.stats.paths[which].up == 0
    assert "no answer over it" in fs.stats.paths[which].trouble
    check_exactly_once(world, 30)
    assert fs.stats.sessions == 1
    world.paths[which].mend()
    world.reactor.advance(120)
    assert world.up() == [1, 1]
    check_slots(world)
    world.run(fs.unmount())


def test_a_server_that_is_slow_on_one_path_is_not_a_dead_path() -> None:
    """It answers what it is asked besides: the calls take long, not the path."""
    world = Paths()
    fs = world.mount()
    channel = world.paths[1].open[0]
    held: list[tuple[Any, ...]] = []
    arrive = channel._arrive

    def slow(xid: int, message: bytes, max_reply: int) -> None:
        if int.from_bytes(message[20:24], "big") == t.NFSPROC4_COMPOUND:
            held.append((xid, message, max_reply))
            world.reactor.call_at(world.reactor.now + 4.0, arrive, xid, message, max_reply)
        else:
            arrive(xid, message, max_reply)

    channel._arrive = slow  # type: ignore[method-assign]
    world.reactor.turn(make_directories(world, 16))
    assert held
    assert channel.closed is None
    assert fs.stats.replays == 0
    check_exactly_once(world, 16)
    world.run(fs.unmount())


def test_a_server_that_is_silent_on_all_paths_is_not_a_dead_path() -> None:
    world = Paths()
    fs = world.mount()
    for path in world.paths:
        path.mute = True
    work = make_directories(world, 4)
    world.reactor.advance(2.0)
    for path in world.paths:
        path.mend()
    world.reactor.turn(work)
    assert fs.stats.sessions == 1
    check_slots(world)
    world.run(fs.unmount())


@pytest.mark.parametrize("trouble", ["up", "deaf", "mute"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_path_that_is_away_does_not_keep_a_mount(trouble: str, which: int) -> None:
    """Nor one that accepts and answers nothing: the time that counts is the path's."""
    world = Paths()
    setattr(world.paths[which], trouble, trouble != "up")
    start = world.reactor.now
    fs = world.client()
    world.run(fs.mount())
    assert world.reactor.now - start < 4.0
    world.reactor.turn(make_directories(world, 10))
    assert fs.stats.paths[which].up == 0
    world.paths[which].mend()
    world.reactor.advance(200)
    assert world.up() == [1, 1]
    check_slots(world)
    world.run(fs.unmount())


def other_server(world: Paths, **identity: Any) -> FakePath:
    """A path to another server, which calls itself the same but for ``identity``."""
    other = FakePath(type(world.server)(world.reactor), "path x")
    for name, value in identity.items():
        setattr(other.server, name, value)
    return other


OTHERS = [
    ({"scope": b"elsewhere"}, "its scope is 'elsewhere' instead of 'scope'"),
    ({"major": b"\xff\x00impostor"}, "it calls itself "),
    ({"minor": 1}, "lets no session travel over both"),
    ({"client_ids": 99}, "it has no such session"),
]


@pytest.mark.parametrize(("identity", "reason"), OTHERS)
def test_another_server_is_refused_at_the_mount(identity: dict[str, Any], reason: str) -> None:
    world = Paths(1)
    other = other_server(world, **identity)
    world.paths.append(other)
    fs = world.client()
    with pytest.raises(NfsError, match="path x is no path to it") as caught:
        world.run(fs.mount())
    assert reason in str(caught.value)
    assert "SEQUENCE" not in other.server.executed
    assert not any(path.open for path in world.paths)
    assert not world.server.sessions


@pytest.mark.parametrize(("identity", "reason"), OTHERS)
def test_another_server_is_refused_later(
    identity: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = Paths()
    fs = world.mount()
    other = other_server(world, **identity)
    taken = world.paths[1]
    taken.server = other.server  # somebody else has the address now
    for channel in taken.open:
        channel.lose("the cable was pulled")
    with caplog.at_level(logging.WARNING):
        world.reactor.advance(1)
        world.reactor.turn(make_directories(world, 10))
        world.reactor.advance(600)
    assert [record.message for record in caplog.records if reason in record.message]
    assert len(caplog.records) == 1, "it is said once"
    assert reason in fs.stats.paths[1].trouble
    assert not taken.open
    assert "SEQUENCE" not in other.server.executed
    assert taken.attempts < 40
    check_exactly_once(world, 10)
    taken.server = world.server
    world.reactor.advance(120)
    assert world.up() == [1, 1]
    world.run(fs.unmount())


@pytest.mark.parametrize(("identity", "reason"), OTHERS[:3])
def test_another_server_takes_over_no_session(identity: dict[str, Any], reason: str) -> None:
    """Even when it is the only one that can be reached: calls fail, and go on once the other is."""
    world = Paths()
    fs = world.mount()
    other = other_server(world, **identity)
    taken = world.paths[1]
    taken.server = other.server
    for path in world.paths:
        path.cut(stays_down=path is not taken)
    with pytest.raises(ConnectionError):
        world.run(fs.mkdir("lost"))
    assert "SEQUENCE" not in other.server.executed
    assert "CREATE_SESSION" not in other.server.executed
    world.paths[0].mend()
    world.run(fs.mkdir("found"))
    assert fs.stats.sessions == 1
    world.run(fs.unmount())


@pytest.mark.parametrize("callbacks", [True, False])
def test_a_server_that_knows_clients_by_address_is_the_same_if_it_has_the_session(
    callbacks: bool,
) -> None:
    """It may let calls through from another address, and yet not bind connections from there."""
    world = Paths()
    exchange, bind = world.server.op_exchange_id, world.server.op_bind_conn_to_session
    count = 0

    def by_address(args: Any) -> bytes:
        nonlocal count
        count += 1
        world.server.client_ids = 7 if count == 1 else 7 + count
        return exchange(args)

    def refuse(args: Any) -> bytes:
        if not callbacks:
            args = t.BIND_CONN_TO_SESSION4args(b"", 3, False)
        return bind(args)

    world.server.op_exchange_id = by_address  # type: ignore[method-assign]
    world.server.op_bind_conn_to_session = refuse  # type: ignore[method-assign]
    fs = world.mount()
    assert world.up() == [1, 1]
    world.paths[0].cut(stays_down=False)
    world.run(fs.stat("file"))
    world.reactor.advance(10)
    world.paths[1].cut(stays_down=False)
    world.run(fs.stat("file"))
    world.reactor.advance(100)
    assert world.up() == [1, 1]
    world.reactor.turn(make_directories(world, 10))
    assert fs.stats.sessions == 1
    world.run(fs.unmount())


def test_the_last_resort_is_used_only_while_no_other_path_is_up() -> None:
    world = Paths(2, last_resorts=1)
    fs = world.mount()
    spare = world.paths[2]
    assert world.up() == [1, 1, 0]
    assert spare.attempts == 1, "it was looked at"
    assert not spare.open
    world.paths[0].cut()
    world.reactor.turn(make_directories(world, 10))
    assert world.up() == [0, 1, 0]
    assert spare.attempts == 1
    work = make_directories(world, 20, "e")
    world.reactor.call_at(world.reactor.now + 0.001, world.paths[1].cut)
    start = world.reactor.now
    world.reactor.turn(work)
    assert world.reactor.now - start < 1.0
    assert world.up() == [0, 0, 1]
    world.paths[1].mend()
    seconds = 0
    while world.up() != [0, 1, 0]:
        world.reactor.turn(make_directories(world, 5, f"f{seconds}-"))
        world.reactor.advance(1)
        seconds += 1
        assert seconds < 130
    assert not spare.open
    assert fs.stats.sessions == 1
    replays = fs.stats.replays
    world.reactor.turn(make_directories(world, 10, "g"))
    assert fs.stats.replays == replays, "what was on its way over it was waited for"
    check_slots(world)
    world.run(fs.unmount())


def test_another_server_is_no_last_resort() -> None:
    world = Paths(1)
    world.paths.append(other_server(world, major=b"other"))
    world.paths[1].way = world.paths[1].way._replace(last_resort=True)
    with pytest.raises(NfsError, match="calls itself 'other' instead of 'fake'"):
        world.run(world.client().mount())


def test_a_path_that_flaps_is_tried_less_and_less() -> None:
    world = Paths()
    fs = world.mount()
    flapping = world.paths[1]
    before = flapping.attempts
    for number in range(600):
        flapping.cut(stays_down=False)
        world.reactor.turn(make_directories(world, 2, f"g{number}-"))
        world.reactor.advance(1)
    assert 5 < flapping.attempts - before < 30
    assert fs.stats.sessions == 1
    check_exactly_once(world, 1200, "g")
    world.reactor.advance(120)
    assert world.up() == [1, 1]
    world.run(fs.unmount())


@pytest.mark.parametrize("hard", [False, True])
def test_all_paths_are_lost(hard: bool) -> None:
    world = Paths(2, last_resorts=1)
    fs = world.mount()
    if hard:
        fs.wait_for_ever()
    for path in world.paths:
        path.cut()
    work = Task(fs.mkdir("made"))
    start = world.reactor.now
    if hard:
        world.reactor.advance(100)
        assert not work.done()
    else:
        world.reactor.turn(work)
        assert isinstance(work.error(), ConnectionError)
        assert world.reactor.now - start < 7
    world.paths[1].mend()
    if hard:
        world.reactor.turn(work)
        work.result()
    else:
        world.run(fs.mkdir("made"))
    assert world.up() == [0, 1, 0]
    assert fs.stats.sessions == 1
    check_slots(world)
    world.run(fs.unmount())


def test_a_server_that_restarts_is_found_again_on_all_paths() -> None:
    world = Paths(2, nconnect=2)
    fs = world.mount()
    world.server.restart(grace=False)
    world.run(fs.mkdir("a"))
    world.reactor.advance(2)
    assert world.up() == [2, 2]
    assert fs.stats.sessions == 2
    check_slots(world)
    world.run(fs.unmount())


def test_the_back_channel_fits_every_path() -> None:
    """What the first connection could carry may be too long for another one (RFC 8167, 5.1)."""
    world = Paths()
    sizes = []
    create = world.server.op_create_session

    def op_create_session(args: Any) -> bytes:
        sizes.append(args.csa_back_chan_attrs.ca_maxrequestsize)
        return create(args)

    world.server.op_create_session = op_create_session  # type: ignore[method-assign]
    world.run(world.mount().unmount())
    assert sizes == [1024 - 28]


@pytest.mark.parametrize("seed", range(24))
def test_paths_come_and_go(seed: int) -> None:
    """Some path is always up, so nothing fails and nothing is done twice."""
    rng = Random(f"paths {seed}")
    world = Paths(rng.choice((2, 3)), last_resorts=rng.choice((0, 1)), nconnect=rng.choice((1, 2)))
    fs = world.mount()
    count = 0
    for step in range(60):
        path = rng.choice(world.paths)
        others = [each for each in world.paths if each is not path]
        well = [each for each in others if each.up and not each.mute]
        change = rng.choice(("cut", "blip", "silence", "mend", "mend"))
        if change == "mend":
            path.mend()
        elif well:
            {"cut": path.cut, "silence": path.silence}.get(
                change, lambda path=path: path.cut(stays_down=False)
            )()
        number = rng.randrange(1, 20)
        count += number
        work = make_directories(world, number, f"s{step}-")
        world.reactor.turn(work)
        work.result()
        if rng.random() < 0.3:
            world.reactor.advance(rng.choice((0.001, 0.1, 1.0, 20.0)))
    check_exactly_once(world, count, "s")
    assert fs.stats.sessions == 1
    for path in world.paths:
        path.mend()
    world.reactor.advance(200)
    assert all(stats.up or stats.last_resort for stats in fs.stats.paths)
    check_slots(world)
    world.run(fs.unmount())
    assert not any(path.open for path in world.paths)


@pytest.mark.parametrize("hard", [False, True])
def test_a_path_that_answers_nonsense_ends_no_mount(hard: bool) -> None:
    """While the other one is away there is nobody else; then calls go on."""
    world = Paths()
    fs = world.mount()
    if hard:
        fs.wait_for_ever()
    other = FakePath(FakeServer(world.reactor), "path x")
    other.server.forge = lambda reply: reply[:24] + b"\xff" * 8 + reply[32:]
    world.paths[1].server = other.server
    world.paths[0].cut()
    world.paths[1].cut(stays_down=False)
    work = Task(fs.mkdir("made"))
    world.reactor.advance(30)
    assert work.done() != hard
    if not hard:
        assert isinstance(work.error(), OSError)
    world.paths[0].mend()
    if hard:
        world.reactor.turn(work)
        work.result()
    else:
        world.run(fs.mkdir("made"))
    assert fs.stats.sessions == 1
    assert world.up() == [1, 0]
    world.run(fs.unmount())
