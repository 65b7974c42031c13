"""Calls that are answered while the caller looks: the same comes of them as without."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.conformance.harness import HARNESSES, ProviderHarness, Side, pair
from tests.support.shm_world import Ends, ShmWorld, shm_world, waiting
from tests.support.two_ends import work

from nfsrdma.client.file import spread
from nfsrdma.rpcrdma.providers.shm import exchange as exchange_module
from nfsrdma.rpcrdma.providers.shm import responder as responder_module
from nfsrdma.rpcrdma.providers.shm import talk
from nfsrdma.rpcrdma.providers.shm.ring import (
    ARMED,
    CONSUMED,
    DESCRIPTOR,
    DESCRIPTOR_OCTETS,
    IN_RING,
    PLACE,
    PRODUCED,
    SEND,
    WRITE,
)
from nfsrdma.rpcrdma.providers.shm.send_queue import QUIET_MOST
from nfsrdma.rpcrdma.software.patience import Transfer
from nfsrdma.rpcrdma.transport import short
from nfsrdma.rpcrdma.verbs.types import Access, QpOptions, QpState, SendWR, WrOpcode
from nfsrdma.server.vfs.local import LocalFileSystem


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Ends:
    return waiting(monkeypatch)


@pytest.fixture
def harness(caplog: pytest.LogCaptureFixture) -> Iterator[ProviderHarness]:
    made = HARNESSES["shm"]()
    with caplog.at_level(logging.ERROR):
        yield made
    made.close()
    assert not caplog.records, caplog.text


WRITES = Access.LOCAL_WRITE | Access.REMOTE_WRITE
ONES = b"\xff" * 8
HELLO = b"answer 1"


def exchange(side: Side, sink: memoryview | None = None, expected: bytes = HELLO) -> bytes | None:
    queue_pair: Any = side.connection.queue_pair
    answer: bytes | None = queue_pair.exchange(
        (b"ask", b"ed"), expected, ONES[: len(expected)], 4096, sink
    )
    return answer


def ring_of(side: Side) -> Any:
    return side.connection._ring  # type: ignore[attr-defined]


def publish(side: Side, *fields: int, octets: bytes = b"") -> None:
    """Post a descriptor as the library would not, with octets at the start of the ring."""
    ring = ring_of(side)
    ring.messages[: len(octets)] = octets
    produced = ring.words[PRODUCED]
    at = (produced & ring.mask) * DESCRIPTOR_OCTETS
    DESCRIPTOR.pack_into(ring.descriptors, at, *fields)
    ring.words[PRODUCED] = produced + 1


def two(harness: ProviderHarness) -> tuple[Side, Side]:
    client, server = pair(harness, receives=16)
    for _ in range(16):
        client.recv(4096)
    return client, server


def stock(side: Side) -> None:
    """See to it that some receives are posted."""
    while len(side.connection.queue_pair.receives) < 16:  # type: ignore[attr-defined]
        side.recv(64)


def turns(harness: ProviderHarness) -> None:
    """Have what was posted carried out."""
    for _ in range(3):
        harness.reactor.turn(0)  # type: ignore[attr-defined]


# What a queue pair does.


def test_an_answer_is_taken_without_a_receive(harness: ProviderHarness, ends: Ends) -> None:
    client, server = two(harness)
    ends.meanwhile = lambda: server.send(b"answer 1, and more")
    receives = len(client.connection.queue_pair.receives)  # type: ignore[attr-defined]
    for _ in range(3 * QUIET_MOST):
        stock(server)
        assert exchange(client) == b"answer 1, and more"
        turns(harness)
    assert len(client.connection.queue_pair.receives) == receives  # type: ignore[attr-defined]
    assert not client.received
    assert not client.sent
    # They came as messages that others send.
    harness.run_until(lambda: len(server.received) == 3 * QUIET_MOST)
    assert {wc.byte_len for wc in server.received} == {5}


def test_data_goes_to_the_sink(harness: ProviderHarness, ends: Ends) -> None:
    client, server = two(harness)
    sink = memoryview(bytearray(b"." * 10))
    ends.meanwhile = lambda: server.send(b"answer\0\0\0\5wordsXXX")
    assert exchange(client, sink, b"answer\0\0\0\5") == b"answer\0\0\0\5"
    assert sink == b"words....."


@pytest.mark.parametrize(
    "answer",
    [
        b"answer 2",
        b"answer",
        b"answer\0\0\0\5words",  # no padding
        b"answer\0\0\0\5wordsXXX1234",
        b"answer\0\0\0\xffwordsXXX",
        b"answer\xff\xff\xff\xff",
        b"answer\0\0\0\x0b" + bytes(12),  # more than the sink has
        bytes(4000),
    ],
    ids=range(8),
)
def test_what_is_no_answer_arrives_as_ever(
    answer: bytes, harness: ProviderHarness, ends: Ends
) -> None:
    client, server = two(harness)
    sink = memoryview(bytearray(b"." * 10))
    ends.meanwhile = lambda: server.send(answer)
    queue_pair: Any = client.connection.queue_pair
    mask = b"\xff" * 6 + bytes(4)
    assert queue_pair.exchange((b"asked",), b"answer\0\0\0\0", mask, 4096, sink) == b""
    assert sink == b"." * 10
    harness.run_until(lambda: bool(client.received))
    assert client.received[0].byte_len == len(answer)


def written(client: Side, server: Side, region: Any, ends: Ends) -> bytes | None:
    """Exchange while the peer does nothing but write to a region, at every look."""
    queue_pair: Any = client.connection.queue_pair
    target = region.rkey, region.address
    ends.meanwhile = lambda: publish(server, WRITE, 0, 0, 0, 16, 0, *target)
    answer: bytes | None = queue_pair.exchange((b"asked",), HELLO, ONES, 64, None, region.rkey, 16)
    ends.meanwhile = None
    return answer


@pytest.mark.parametrize("lent", [True, False])
def test_a_peer_that_writes_without_end_is_not_looked_at_without_end(
    lent: bool, harness: ProviderHarness, ends: Ends
) -> None:
    client, server = two(harness)
    pd: Any = client.connection.pd
    region = pd.register(pd.lend(4096) if lent else memoryview(bytearray(4096)), WRITES)
    assert written(client, server, region, ends) == b""
    consumed = ring_of(client).words[CONSUMED]
    assert 16 < consumed < 200
    turns(harness)
    assert ring_of(client).words[CONSUMED] == ring_of(server).words[PRODUCED]
    assert client.connection.queue_pair.state == QpState.RTS


def test_who_answers_no_writes_refuses_those_to_lent_memory(
    harness: ProviderHarness, ends: Ends
) -> None:
    client, server = two(harness)
    queue_pair: Any = client.connection.queue_pair
    queue_pair.options = QpOptions()
    queue_pair._machines.responder._access = 0
    region = queue_pair.pd.register(queue_pair.pd.lend(4096), WRITES)
    assert written(client, server, region, ends) == b""
    assert queue_pair.state == QpState.ERR


def test_a_peer_that_needs_this_processor_is_not_waited_for(
    harness: ProviderHarness, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = two(harness)
    theirs = ring_of(server).words[PLACE]
    assert theirs > 0
    monkeypatch.setattr(talk, "place_in_python", lambda: theirs)
    ends.meanwhile = lambda: server.send(HELLO)
    assert exchange(client) is None
    monkeypatch.setattr(talk, "place_in_python", lambda: theirs + 1)
    assert exchange(client) == HELLO


def test_of_several_messages_none_is_taken(harness: ProviderHarness, ends: Ends) -> None:
    client, server = two(harness)

    def two_at_once() -> None:
        server.send(HELLO)
        server.send(HELLO)

    ends.meanwhile = two_at_once
    assert exchange(client) == b""
    harness.run_until(lambda: len(client.received) == 2)
    # What has come before is to be told first.
    server.send(HELLO)
    assert exchange(client) is None
    harness.run_until(lambda: len(client.received) == 3)


def test_an_answer_that_is_late_wakes_the_reactor(harness: ProviderHarness, ends: Ends) -> None:
    client, server = two(harness)
    harness.run_for(0.001)
    assert exchange(client) == b""
    assert ring_of(client).words[ARMED]
    server.send(HELLO)
    harness.run_until(lambda: bool(client.received))


def test_what_comes_as_it_ends_wakes_the_reactor(
    harness: ProviderHarness, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = two(harness)
    armed = ring_of(client).words

    class Fence:
        """In the place of the one between asking to be woken and the last look."""

        def __enter__(self) -> None:
            if armed[ARMED] and not sent:
                sent.append(server.send(b"late"))

        def __exit__(self, *error: object) -> None:
            pass

    sent: list[object] = []
    ring_of(server).words[ARMED] = 0  # it need not be woken
    ends.meanwhile = lambda: server.send(HELLO)
    monkeypatch.setattr(talk, "fence", Fence())
    assert exchange(client) == HELLO
    assert sent
    harness.run_until(lambda: bool(client.received))
    assert client.received[0].byte_len == 4


def test_a_doorbell_that_a_peer_has_jammed_is_heard_all_the_same(
    harness: ProviderHarness, ends: Ends
) -> None:
    client, server = two(harness)
    harness.run_for(0.001)
    # The peer has the descriptor, and may add to its counter as it likes.
    os.eventfd_write(client.connection._doorbell_fd, (1 << 64) - 2)  # type: ignore[attr-defined]

    def more() -> None:
        server.send(HELLO)
        server.send(b"more")

    ends.meanwhile = more
    assert exchange(client) == b""
    harness.run_until(lambda: len(client.received) == 2)


@pytest.mark.parametrize(
    "fields",
    [
        (SEND, 2, 0, 0, 8, IN_RING, 7, 0),
        (SEND, 0, 0, 0, 8, IN_RING | 1 << 40, 0, 0),
        (SEND, 0, 0, 0, 8, 77 << 40, 0, 0),
        (SEND, 0, 0, 0, 1 << 60, IN_RING, 0, 0),
        (99, 0, 0, 0, 8, IN_RING, 0, 0),
    ],
    ids=range(5),
)
def test_what_no_peer_posts_ends_the_connection(
    fields: tuple[int, ...], harness: ProviderHarness, ends: Ends
) -> None:
    client, server = two(harness)
    ends.meanwhile = lambda: publish(server, *fields, octets=HELLO)
    assert exchange(client) == b""
    server.connection._wake_over_socket()  # type: ignore[attr-defined]
    harness.run_until(lambda: client.told("disconnected"))
    assert client.connection.queue_pair.state == QpState.ERR
    assert exchange(client) is None


def test_a_count_that_cannot_be_ends_the_connection(harness: ProviderHarness, ends: Ends) -> None:
    client, server = two(harness)

    def counts_wrongly() -> None:
        ring_of(server).words[PRODUCED] += 1 << 40

    ends.meanwhile = counts_wrongly
    assert exchange(client) == b""
    server.connection._wake_over_socket()  # type: ignore[attr-defined]
    harness.run_until(lambda: client.told("disconnected"))


def test_a_peer_that_takes_nothing_is_sent_so_much(harness: ProviderHarness, ends: Ends) -> None:
    client, server = two(harness)
    machines = client.connection.queue_pair._machines  # type: ignore[attr-defined]
    server.connection._over = True  # type: ignore[attr-defined] # it has no turn any more
    asked = [exchange(client) for _ in range(2 * QUIET_MOST)]
    assert asked == [b""] * (QUIET_MOST - 1) + [None] * (QUIET_MOST + 1)
    assert len(machines.sends.posted) == QUIET_MOST - 1
    assert ring_of(server).words[CONSUMED] == 0
    server.connection._over = False  # type: ignore[attr-defined]


def test_what_is_posted_as_ever_keeps_its_place(harness: ProviderHarness, ends: Ends) -> None:
    client, server = two(harness)
    for number in range(200):
        client.connection.queue_pair.post_send(
            SendWR(WrOpcode.SEND, (memoryview(b"x%d" % number),), wr_id=number, signaled=True)
        )
        stock(server)
        ends.meanwhile = lambda: server.send(HELLO)
        assert exchange(client) in (HELLO, None)
        turns(harness)
    harness.run_until(lambda: len(client.sent) == 200)
    assert [wc.wr_id for wc in client.sent] == list(range(200))
    assert not any(wc.status for wc in client.sent)


def posted_at_random(harness: ProviderHarness, rng: Random) -> list[object]:
    """Post descriptors that are more or less those of messages; return what came of it."""
    client, server = two(harness)
    came: list[object] = []

    def shown(message: memoryview) -> bool:
        came.append(bytes(message))
        if rng.random() < 0.05:
            server.connection.queue_pair.post_send(SendWR(WrOpcode.SEND, (memoryview(b"word"),)))
        if rng.random() < 0.01:
            server.connection.queue_pair.fail("as it was told")  # type: ignore[attr-defined]
        return rng.random() < 0.7

    server.connection.queue_pair.prompt = shown  # type: ignore[attr-defined]
    octets = rng.randbytes(4096)
    for _ in range(40):
        for _ in range(rng.randrange(1, 6)):
            length, start = rng.randrange(60), rng.randrange(4000)
            if rng.random() < 0.02:
                length, start = rng.choice(((1 << 33, 0), (9, 1 << 18), (5000, 0), (1, 1 << 62)))
            opcode = rng.choice((0, 3, 4)) if rng.random() < 0.01 else SEND
            flags = rng.choice((1, 2, 4)) if rng.random() < 0.01 else 0
            where = start if rng.random() < 0.01 else IN_RING | start
            publish(client, opcode, flags, 0, 0, length, where, 0, 0, octets=octets)
        server.connection.run()  # type: ignore[attr-defined]
        came.append((ring_of(server).words[CONSUMED], server.connection.queue_pair.state))
        if server.connection.queue_pair.state is not QpState.RTS:
            break
        stock(server)
    came.append([(wc.status, wc.byte_len, wc.invalidated_rkey) for wc in server.received])
    return came


@pytest.mark.skipif(responder_module.show is None, reason="not compiled, or NFSRDMA_NATIVE=0")
@pytest.mark.parametrize("seed", range(30))
def test_the_same_is_shown_in_python(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = []
    for show in (responder_module.show, None):
        monkeypatch.setattr(responder_module, "show", show)
        harness = HARNESSES["shm"]()
        outcomes.append(posted_at_random(harness, Random(seed)))
        harness.close()
    assert outcomes[0] == outcomes[1]


# What a client and a server do.


WRITTEN = (1, 3, 4000, 40_000, 100_000)
READ = (1, 10, 3073, 5000, 64 << 10, 200_000)


def several(world: ShmWorld, file: Any, said: list[Any], rng: Random) -> None:
    """Have several coroutines at work on a file."""

    async def one(number: int) -> None:
        for _ in range(10):
            into = memoryview(bytearray(rng.choice((7, 4096))))
            said.append(await file.read_at(rng.randrange(9000), into))

    world.run(spread(one, range(8), 8))


@pytest.mark.parametrize("local", [False, True], ids=["memory", "local"])
def test_the_same_comes_of_it(
    local: bool, tmp_path: Path, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, taken, answered = [], [], []
    compiled, show = short._short, responder_module.show
    for lanes, native in (("1", None), ("0", None), ("1 compiled", compiled)):
        monkeypatch.setattr(short, "_short", native)
        monkeypatch.setattr(responder_module, "show", show if native else None)
        monkeypatch.setenv("NFSRDMA_LANES", lanes[:1])
        said: list[Any] = []
        tree = None
        if local:
            folder = tmp_path / f"tree {lanes}"
            folder.mkdir()
            tree = LocalFileSystem(folder)
        with shm_world(tmp_path / lanes, ends, tree) as world:
            file = world.run(world.client.open("file", "w+b"))
            for seed in range(4):
                work(world, file, said, Random(seed), WRITTEN, READ)
            world.run(file.commit())
            told.append({"said": said, **world.known()})
            several(world, file, said, Random(9))
        taken.append(ends.counts["taken"])
        answered.append(sorted(ends.prompt.items()))
    assert taken[0] > 100
    assert taken[1] == taken[0]
    assert all(count > 5 for way, count in answered[0] if local or way != "_see")
    assert answered[1] == answered[0]
    if compiled is not None:
        assert dict(answered[2])["call"] < 1.1 * dict(answered[1])["call"]
    for what, value in told[0].items():
        assert value == told[1][what], what
        assert value == told[2][what], what


def test_a_server_that_is_slow_is_waited_for(tmp_path: Path, ends: Ends) -> None:
    with shm_world(tmp_path / "shm", ends) as world:
        file = world.run(world.client.open("file", "w+b"))
        data = memoryview(bytes(range(256)) * 40)
        world.run(file.write_at(0, data))
        ends.meanwhile = None
        for _ in range(20):
            into = memoryview(bytearray(10_240))
            assert world.run(file.read_at(0, into)) == 10_240
            assert into == data
        assert ends.counts["left"] >= 20
        slots = world.client.session.slots
        assert slots is not None
        assert slots.busy == 0


def test_a_server_that_ends_is_noticed(tmp_path: Path, ends: Ends) -> None:
    with shm_world(tmp_path / "shm", ends) as world:
        file = world.run(world.client.open("file", "w+b"))
        world.run(file.write_at(0, memoryview(b"some octets")))
        serve = ends.meanwhile
        assert serve is not None

        def lose() -> None:
            (session,) = world.server.registry.sessions.values()
            for channel in list(session.connections):
                channel.close()
            ends.meanwhile = serve

        ends.meanwhile = lose
        into = memoryview(bytearray(11))
        assert world.run(file.read_at(0, into)) == 11  # over the next connection
        assert into == b"some octets"
        assert world.client.stats.connections == 2
        taken = ends.counts["taken"]
        world.run(file.read_at(0, into))
        world.run(file.read_at(0, into))
        assert ends.counts["taken"] > taken


def test_what_takes_long_is_slept_through_in_part(
    tmp_path: Path, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    with shm_world(tmp_path / "shm", ends) as world:
        file = world.run(world.client.open("file", "w+b"))
        data = memoryview(bytes(range(256)) * 800)
        for _ in range(2):
            world.run(file.write_at(0, data))
        into = memoryview(bytearray(len(data)))
        world.run(file.read_at(0, into))
        # The server is at work while the client sleeps, and not while it looks.
        serve, ends.meanwhile = ends.meanwhile, None
        assert serve is not None

        def nap(seconds: float) -> None:
            naps.append(seconds)
            serve()

        monkeypatch.setattr(exchange_module, "nap", nap)
        # No nap takes longer than was asked for, and nothing else takes any time.
        monkeypatch.setattr(exchange_module, "perf_counter", lambda: sum(naps))
        for transfer in transfers(world).values():
            for _ in range(40):
                transfer.took(0.1)
        taken = ends.counts["taken"]
        assert world.run(file.read_at(0, into)) == len(data)
        world.run(file.write_at(0, data))
        assert ends.counts["taken"] == taken + 2
        assert len(naps) == 2
        assert into == data
        # The answers were there: the server had to be woken, and yet the naps were too long.
        for _ in range(20):
            world.run(file.read_at(0, into))
            world.run(file.write_at(0, data))
        assert naps[0] > naps[2] > naps[4] > 2 * naps[-1]
        ends.meanwhile = serve


def transfers(world: ShmWorld) -> dict[tuple[int, int], Transfer]:
    """What the client's end knows of calls with a chunk, by their size."""
    queue_pair: Any = world.channel._endpoint.exchanging
    known: dict[tuple[int, int], Transfer] = queue_pair._machines.exchange._transfers
    return known


def test_who_interrupts_a_look_ends_the_connection(tmp_path: Path, ends: Ends) -> None:
    with shm_world(tmp_path / "shm", ends) as world:
        file = world.run(world.client.open("file", "w+b"))
        world.run(file.write_at(0, memoryview(b"some octets")))
        serve = ends.meanwhile
        into = memoryview(bytearray(11))

        def interrupt() -> None:
            ends.meanwhile = serve
            raise KeyboardInterrupt

        ends.meanwhile = interrupt
        with pytest.raises(KeyboardInterrupt):
            world.run(file.read_at(0, into))
        # What was posted is not known: what follows must not rely on it.
        for _ in range(3):
            assert world.run(file.read_at(0, into)) == 11
        assert into == b"some octets"
        assert world.client.stats.connections == 2


def test_what_is_put_needs_room(harness: ProviderHarness, ends: Ends) -> None:
    client, server = pair(harness, receives=0)
    for _ in range(16):
        server.recv(1 << 16)
    queue_pair: Any = client.connection.queue_pair
    message = b"a message", b" in two pieces"
    assert queue_pair.put((bytes(40_000), bytes(5)))  # that goes in a slab
    turns(harness)
    put = 0
    while queue_pair.put(message):
        put += 1
    assert put == QUIET_MOST - 1  # nobody has taken any
    stock(server)
    for _ in range(20):
        turns(harness)
        stock(server)
    assert len(server.received) == put + 1
    assert [wc.byte_len for wc in server.received] == [40_005] + [23] * put
    for forgotten in (1 << 16, 4096):
        assert queue_pair.begin(forgotten) is not None
        assert queue_pair.put(message)
    turns(harness)
    assert len(server.received) == put + 3


def test_pieces_of_one_transfer_are_in_flight_together(tmp_path: Path, ends: Ends) -> None:
    with shm_world(tmp_path / "shm", ends) as world:
        file = world.run(world.client.open("file", "w+b"))
        data = memoryview(bytes(range(256)) * (3 << 12))
        into = memoryview(bytearray(len(data)))
        for _ in range(2):
            before = dict(ends.counts)
            world.run(file.write_at(0, data))
            assert ends.counts["taken"] == before["taken"]
            assert world.run(file.read_at(0, into)) == len(data)
        assert ends.counts["taken"] == before["taken"]
        assert into == data
