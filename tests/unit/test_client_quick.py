"""The client's short way sends and heeds what the other way does, whatever comes of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from tests.support import nfs_pair
from tests.support.nfs_pair import Pair

from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.quick import Quick
from nfsrdma.rpcrdma.rpc.channel import CallRefused
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.task import Future, Task, settled
from nfsrdma.xdr import Decoder

Story = Callable[[Pair, FileSystem, list[Any]], None]


class Carried:
    """The octets of each way of each connection, in the order in which they were first used."""

    def __init__(self) -> None:
        self.ways: dict[int, bytearray] = {}
        self.pumps: list[Any] = []
        """They are kept, so that no other gets the identity of one."""

    def take(self) -> list[bytes]:
        """Return all that went so far, and forget it."""
        ways, self.ways, self.pumps = self.ways, {}, []
        return [bytes(way) for way in ways.values()]


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> Carried:
    """All that goes over connections, by the way that it goes."""
    octets = Carried()
    bring = nfs_pair._Pump._bring

    def noted(pump: Any, data: bytes) -> None:
        octets.ways.setdefault(id(pump), bytearray()).extend(data)
        octets.pumps.append(pump)
        bring(pump, data)

    monkeypatch.setattr(nfs_pair._Pump, "_bring", noted)
    return octets


@pytest.fixture
def the_short_way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How calls by the short way ended: what it returned."""
    ways: list[str] = []
    call = Quick._call

    async def noted(quick: Quick, *args: Any, **how: Any) -> Any:
        result = await call(quick, *args, **how)
        ways.append(type(result).__name__)
        return result

    monkeypatch.setattr(Quick, "_call", noted)
    return ways


def told(fs: FileSystem) -> dict[str, Any]:
    """What a client has counted, and where its session is."""
    session = fs.session
    return {
        "counted": {name: vars_of(each) for name, each in fs.stats.operations.items()},
        "stats": (fs.stats.replays, fs.stats.delays, fs.stats.sessions, fs.stats.resent_writes),
        "slots": None if session.slots is None else (session.slots.seqids, session.slots.busy),
        "heard": (session.heard_at, session.renewed_at, session.flags),
    }


def vars_of(counted: Any) -> list[Any]:
    return [getattr(counted, name) for name in type(counted).__slots__]


def tell(story: Story, monkeypatch: pytest.MonkeyPatch, carried: Carried) -> dict[str, Any]:
    """Tell a story with the short way and without it: the same things must happen."""
    ends = []
    for lanes in ("1", "0"):
        monkeypatch.setenv("NFSRDMA_LANES", lanes)
        carried.take()
        pair = Pair()
        fs = pair.client()
        assert (fs.session.quick is not None) == (lanes == "1")
        said: list[Any] = []
        story(pair, fs, said)
        ends.append({"said": said, "carried": carried.take(), **told(fs)})
    for what, value in ends[0].items():
        assert value == ends[1][what], what
    return ends[0]


def attempt(pair: Pair, said: list[Any], coroutine: Any) -> Any:
    """Run a coroutine, and note what came of it."""
    try:
        result = pair.run(coroutine)
    except Exception as error:
        said.append((type(error).__name__, str(error)))
        return None
    said.append(result.st_size if hasattr(result, "st_size") else result)
    return result


def work(pair: Pair, file: Any, said: list[Any], rng: Random, times: int) -> None:
    """Read, write and look at a file."""
    for _ in range(times):
        kind, offset = rng.randrange(4), rng.randrange(20_000)
        if kind == 0:
            data = memoryview(rng.randbytes(rng.randrange(1, 5000)))
            attempt(pair, said, file.write_at(offset, data))
        elif kind == 1:
            attempt(pair, said, file.stat())
        else:
            into = memoryview(bytearray(rng.choice((10, 3073, 5000, 200_000))))
            attempt(pair, said, file.read_at(offset, into))
            said.append(bytes(into))


def usual(pair: Pair, fs: FileSystem, said: list[Any]) -> None:
    file = pair.run(fs.open("file", "w+b"))
    work(pair, file, said, Random(1), 60)
    attempt(pair, said, file.close())


def restarts(pair: Pair, fs: FileSystem, said: list[Any]) -> None:
    file = pair.run(fs.open("file", "w+b"))
    for seed in range(5):
        work(pair, file, said, Random(seed), 6)
        pair.restart()
    work(pair, file, said, Random(9), 3)
    attempt(pair, said, file.close())


def lost_connections(pair: Pair, fs: FileSystem, said: list[Any]) -> None:
    file = pair.run(fs.open("file", "w+b"))
    rng = Random(2)
    for _ in range(12):
        work(pair, file, said, rng, 2)
        channel = fs.session.channel
        assert isinstance(channel, StreamChannel)
        moment = rng.choice((0.0002, 0.0015, 0.0025))
        pair.reactor.call_at(pair.reactor.now + moment, channel.handle_lost, "cut")
        work(pair, file, said, rng, 2)
    attempt(pair, said, file.close())


def lost_state(pair: Pair, fs: FileSystem, said: list[Any]) -> None:
    file = pair.run(fs.open("file", "w+b"))
    for seed in range(3):
        work(pair, file, said, Random(seed), 4)
        for client in pair.server.registry.clients.confirmed():
            if seed == 1:
                pair.server.registry.expire(client)
            else:
                pair.server.registry.states.drop_client(client)
    work(pair, file, said, Random(9), 4)
    attempt(pair, said, file.close())


def no_right(pair: Pair, fs: FileSystem, said: list[Any]) -> None:
    file = pair.run(fs.open("file", "w+b"))
    work(pair, file, said, Random(0), 3)
    pair.tree.max_file_size = 1000
    work(pair, file, said, Random(3), 12)
    pair.server.namespace.root.export.read_only = True
    work(pair, file, said, Random(4), 12)


def many_at_once(pair: Pair, fs: FileSystem, said: list[Any]) -> None:
    file = pair.run(fs.open("file", "w+b"))
    pair.run(file.write_at(0, memoryview(bytes(range(256)) * 4000)))
    rng = Random(5)
    for _ in range(3):
        buffers = [memoryview(bytearray(rng.randrange(1, 9000))) for _ in range(150)]
        tasks = [Task(file.read_at(rng.randrange(90_000), each)) for each in buffers]
        for task in rng.sample(tasks, 20):
            pair.reactor.call_at(pair.reactor.now + rng.random() * 0.004, task.cancel)
        for task in tasks:
            if not task.done():
                pair.run(settled(task))
            said.append(type(task.error()).__name__ if task.error() else task.result())
        pair.wait(0.1)
        said += [bytes(each) for each in buffers]
    attempt(pair, said, file.close())


STORIES = (usual, restarts, lost_connections, lost_state, no_right, many_at_once)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_same_goes_over_the_wire(
    story: Story, monkeypatch: pytest.MonkeyPatch, carried: Carried, the_short_way: list[str]
) -> None:
    end = tell(story, monkeypatch, carried)
    assert end["slots"] is not None
    assert end["slots"][1] == 0, "a slot is still busy"
    assert {"ReadResult", "WRITE4resok", "Stat"} & set(the_short_way)
    if story in (lost_connections, lost_state, no_right):
        assert "Begun" in the_short_way


def replies(rng: Random) -> Iterator[Callable[[bytearray], bytes]]:
    """Ways to spoil a reply."""
    for at in (8, 12, 20, 24, 28, 32, 36, 40, 44, 60, 64, 68, 72, 76, 80, 84, 88, 92):
        yield lambda reply, at=at: bytes(reply[:at] + rng.randbytes(4) + reply[at + 4 :])
    for cut in (30, 80, 94, 98, 103):
        yield lambda reply, cut=cut: bytes(reply[:cut])


@pytest.mark.parametrize("number", range(23))
def test_a_reply_that_is_not_the_usual_one(
    number: int, monkeypatch: pytest.MonkeyPatch, carried: Carried, the_short_way: list[str]
) -> None:
    def story(pair: Pair, fs: FileSystem, said: list[Any]) -> None:
        spoil = list(replies(Random(number)))[number]
        file = pair.run(fs.open("file", "w+b"))
        pair.run(file.write_at(0, memoryview(bytes(5000))))
        channel = fs.session.channel
        assert channel is not None
        call = channel.call

        def spoiled(*args: Any, **how: Any) -> Future[Decoder]:
            outcome: Future[Decoder] = Future()

            def done(reply: Future[Decoder]) -> None:
                octets = bytearray(reply.result().peek(1 << 20))
                outcome.set_result(Decoder(spoil(octets)))

            monkeypatch.undo()
            call(*args, **how).add_done_callback(done)
            return outcome

        monkeypatch.setattr(type(channel), "call", lambda channel, *a, **h: spoiled(*a, **h))
        attempt(pair, said, file.read_at(0, memoryview(bytearray(100))))
        work(pair, file, said, Random(1), 3)
        pair.wait(1.0)

    ends = []
    for lanes in ("1", "0"):
        monkeypatch.setenv("NFSRDMA_LANES", lanes)
        pair = Pair()
        fs = pair.client()
        said: list[Any] = []
        story(pair, fs, said)
        ends.append({"said": said, **told(fs)})
    assert ends[0] == ends[1]


def test_a_call_that_is_refused_is_made_again() -> None:
    pair = Pair()
    fs = pair.client()
    file = pair.run(fs.open("file", "w+b"))
    pair.run(file.write_at(0, memoryview(b"some octets")))
    channel = fs.session.channel
    assert channel is not None

    class Refusing:
        def call(self, *_: Any, **__: Any) -> Future[Decoder]:
            refused: Future[Decoder] = Future()
            refused.set_error(CallRefused("ERR_CHUNK"))
            fs.session.channel = channel
            return refused

    fs.session.channel = Refusing()  # type: ignore[assignment]
    into = memoryview(bytearray(11))
    assert pair.run(file.read_at(0, into)) == 11
    assert into == b"some octets"
    assert fs.session.slots is not None
    assert fs.session.slots.busy == 0
