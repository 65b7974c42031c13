"""Messages that are posted quietly, by the compiled ``post`` and by ``SendQueue.put``: the same."""

from __future__ import annotations

import os
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nfsrdma.rpcrdma.providers.shm import talk
from nfsrdma.rpcrdma.providers.shm.doorbell import Doorbell
from nfsrdma.rpcrdma.providers.shm.exchange import Exchange
from nfsrdma.rpcrdma.providers.shm.ring import (
    ARMED,
    CONSUMED,
    DESCRIPTOR,
    DESCRIPTOR_OCTETS,
    IN_RING,
    NEVER,
    PLACE,
    PRODUCED,
    SEND,
    WANTED,
)
from nfsrdma.rpcrdma.providers.shm.send_queue import QUIET, SendQueue
from nfsrdma.rpcrdma.verbs.types import QpState

if not talk.native:
    pytest.skip("the compiled exchange is not built, or NFSRDMA_NATIVE=0", allow_module_level=True)

CASES = int(os.environ.get("NFSRDMA_TALKS", "4000")) // 20
COUNT = 64
ROOMS = (1 << 9, 1 << 12, 1 << 16)


class World:
    """A send queue in memory that nobody shares, and a peer that carries out what it likes."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.words = memoryview(bytearray(8 * 64)).cast("Q")
        self.peer_words = memoryview(bytearray(8 * 64)).cast("Q")
        self.descriptors = memoryview(bytearray(rng.randbytes(COUNT * DESCRIPTOR_OCTETS)))
        self.messages = memoryview(bytearray(rng.choice(ROOMS)))
        self.slab = SimpleNamespace(view=memoryview(bytearray(1 << 17)))
        self.woken = self.reclaimed = self.rung = 0
        ring = SimpleNamespace(
            words=self.words,
            descriptors=self.descriptors,
            messages=self.messages,
            mask=COUNT - 1,
        )
        doorbell = Doorbell(self.words, self.peer_words, self._wake)
        self.peer = SimpleNamespace(
            words=self.peer_words,
            descriptors=memoryview(bytearray(rng.randbytes(COUNT * DESCRIPTOR_OCTETS))),
            messages=memoryview(bytearray(1 << 12)),
            mask=COUNT - 1,
        )
        link = SimpleNamespace(
            ring=ring,
            peer=self.peer,
            remote=SimpleNamespace(dead=set()),
            doorbell=doorbell,
        )
        arena = SimpleNamespace(acquire=self._acquire, release=lambda piece: None)
        host = SimpleNamespace(pd=SimpleNamespace(arena=arena), state=QpState.RTS)
        self.queue = SendQueue(cast(Any, host), cast(Any, link), self._reclaim)
        start = rng.choice((0, 5, (1 << 40) - 3))
        self.queue.produced = start
        self.queue._message_head = self.queue.message_tail = start
        self.responder = SimpleNamespace(consumed=start, seen=start)
        self.words[CONSUMED] = start
        self.turns = SimpleNamespace(turning=False, ring=self._ring)
        self.exchange = Exchange(
            cast(Any, host),
            cast(Any, link),
            self.queue,
            cast(Any, self.responder),
            cast(Any, self.turns),
        )

    def _wake(self) -> None:
        self.woken += 1

    def _ring(self) -> None:
        self.rung += 1

    def answer(self) -> tuple[bytes, bytes]:
        """Have the peer post something beforehand; return what is expected, with a mask."""
        rng, consumed = self.rng, self.responder.consumed
        expected = rng.randbytes(rng.choice((8, 40)))
        size = len(expected) + rng.choice((0, 4, 60))
        start = rng.randrange(1 << 11)
        octets = expected if rng.random() < 0.8 else rng.randbytes(len(expected))
        self.peer.messages[start : start + len(octets)] = octets
        fields = [SEND, 0, 0, 0, size, IN_RING | start, 0, 0]
        if rng.random() < 0.1:
            fields[rng.randrange(6)] = rng.choice((1, 7, 255))
        at = consumed % COUNT * DESCRIPTOR_OCTETS
        DESCRIPTOR.pack_into(self.peer.descriptors, at, *fields)
        self.peer_words[PRODUCED] = consumed + rng.choice((0, 1, 1, 1, 1, 1, 2))
        self.peer_words[CONSUMED] = rng.choice((0, self.queue.produced))
        self.peer_words[WANTED] = rng.choice((0, consumed + 1, consumed + 5, NEVER))
        self.queue.wanted = rng.choice((NEVER, 0, self.queue.produced + 1))
        mask = b"\xff" * (len(expected) - 4) + rng.choice((b"\xff" * 4, bytes(4)))
        return expected, mask

    def _acquire(self, length: int) -> Any:
        return SimpleNamespace(slab=self.slab, offset=0, where=0)

    def _reclaim(self) -> None:
        self.reclaimed += 1
        self.complete(self.rng.randrange(4))

    def complete(self, count: int) -> None:
        """Have the peer carry out the oldest."""
        queue = self.queue
        for _ in range(min(count, len(queue.posted))):
            end = queue.posted.popleft()[2]
            if end >= 0:
                queue.message_tail = end

    def pieces(self) -> tuple[bytes | memoryview, ...]:
        """Return a message."""
        rng = self.rng
        longest = rng.choice((8, 100, 100, 300, 1 << 13))
        made: list[bytes | memoryview] = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            octets = rng.randbytes(rng.randrange(longest))
            made.append(octets if rng.random() < 0.7 else memoryview(bytearray(octets)))
        return tuple(made)

    def state(self) -> tuple[object, ...]:
        """Return all that may have changed."""
        queue = self.queue
        posted = [(number, request is QUIET, end) for number, request, end, _ in queue.posted]
        return (
            *(bytes(self.words), bytes(self.descriptors), bytes(self.messages)),
            *(queue.produced, queue._message_head, queue.message_tail, queue.quiet, posted),
            *(queue._begun[:2], queue._begun[2] is None, self.woken, self.reclaimed),
            *(queue._doorbell._woken, queue._doorbell.arms, self.rung),
            *(self.responder.consumed, self.responder.seen, bytes(self.exchange._report)),
        )


def act(world: World, compiled: bool) -> object:
    """Do something with a send queue, as its rng says."""
    rng, queue = world.rng, world.queue
    what = rng.randrange(12)
    if what == 0:
        world.peer_words[ARMED] = rng.choice((0, 0, 1, 2, (1 << 64) - 1))
    elif what == 1:
        world.complete(rng.randrange(40))
    elif what == 2:
        target = queue.begin(rng.choice((10, 100, 1 << 16)))
        return None if target is None else len(target)
    elif what == 3 and queue._begun[3]:
        queue.finish(0)
    elif what == 4:
        queue.quiet = True
    else:
        pieces = world.pieces()
        # Room for it comes with the next turn at the latest, so a long message is no error here.
        if sum(map(len, pieces)) <= len(world.messages):
            return (compiled and talk.post(queue, pieces, QUIET)) or queue.put(pieces)
    return None


def test_same_as_in_python() -> None:
    quick = 0
    for seed in range(CASES):
        one, other = World(seed), World(seed)
        for step in range(120):
            before = one.queue.produced
            left, right = act(one, compiled=True), act(other, compiled=False)
            assert left == right, (seed, step)
            assert one.state() == other.state(), (seed, step)
            quick += one.queue.produced - before
    assert quick > CASES * 20


def test_what_is_left_to_python() -> None:
    world = World(1)
    world.peer_words[ARMED] = 0
    before = world.state()
    assert not talk.post(world.queue, tuple(bytes([n]) for n in range(17)), QUIET)
    assert not talk.post(world.queue, (bytes(1 << 16),), QUIET)
    assert not talk.post(world.queue, [b"1"], QUIET)  # type: ignore[arg-type]
    world.queue.begin(10)
    begun = world.state()
    assert not talk.post(world.queue, (b"1",), QUIET)
    assert world.state() == begun
    world.queue.finish(0)
    assert world.state() != before


@pytest.mark.parametrize("name", ["_words", "_messages", "_peer_words"])
def test_what_is_no_ring(name: str) -> None:
    world = World(2)
    broken: Any = world.queue
    setattr(broken, name, memoryview(bytearray(4)))
    with pytest.raises((ValueError, TypeError)):
        talk.post(broken, (b"12345678",), QUIET)


def test_pieces_that_say_another_length() -> None:
    world = World(3)
    wide = memoryview(bytearray(32)).cast("Q")
    with pytest.raises(ValueError, match="length"):
        talk.post(world.queue, (wide,), QUIET)
    assert not world.queue.posted


def speak(world: World, compiled: bool) -> object:
    """Exchange, in the rings, what the world's rng says."""
    rng, exchange = world.rng, world.exchange
    if not rng.randrange(3):
        world.peer_words[ARMED] = rng.choice((0, 0, 0, 1, 2))
    expected, mask = world.answer()
    pieces = world.pieces()
    most = rng.choice((30, 1 << 12))
    sink = rng.choice((None, memoryview(bytearray(60))))
    arms = rng.choice((0, exchange._doorbell.arms + 1))
    said: object = None
    kept = None if sink is None else bytes(sink)
    if sum(map(len, pieces)) > len(world.messages):
        return None
    if compiled:
        said = talk.speak(exchange, pieces, expected, mask, most, sink, 0.0, arms, QUIET)
    if said is None:
        start = world.queue.start(sum(map(len, pieces)))
        if start < 0:
            return None
        said = exchange._talk(start, pieces, expected, mask, most, sink, None, 0.0, 0.0, arms)
    # What an exchange leaves to the next turn is carried out there.
    if isinstance(said, int):
        world.words[CONSUMED] = world.peer_words[PRODUCED]
        world.responder.consumed = world.responder.seen = world.words[CONSUMED]
    return said, kept != (None if sink is None else bytes(sink)), sink and bytes(sink)


def test_exchanges_are_the_same_as_in_python() -> None:
    answers = 0
    for seed in range(CASES):
        one, other = World(seed), World(seed)
        for step in range(60):
            # The words that say where a process is are those of the moment.
            left, right = speak(one, compiled=True), speak(other, compiled=False)
            one.words[PLACE] = other.words[PLACE] = 0
            assert left == right, (seed, step)
            assert one.state() == other.state(), (seed, step)
            answers += isinstance(left, tuple) and isinstance(left[0], bytes)
            for world in (one, other):
                world.complete(world.rng.randrange(3))
    assert answers > CASES


def test_an_exchange_that_is_not_simple_is_left_to_python() -> None:
    world = World(1)
    say: Any = talk.speak
    ours: Any = world.exchange
    rest = (b"12345678", b"\xff" * 8, 100, None, 0.0, 0, QUIET)
    assert say(ours, (bytes(1 << 16),), *rest) is None
    assert say(ours, tuple(b"1" for _ in range(17)), *rest) is None
    world.queue.begin(10)
    assert say(ours, (b"1",), *rest) is None
    with pytest.raises(TypeError):
        say(ours)
    with pytest.raises(OverflowError):
        say(ours, (b"1",), *rest[:2], -1, *rest[3:])
    world = World(1)
    world.exchange._peer = cast(
        Any, SimpleNamespace(**vars(world.peer) | {"words": world.words[:20]})
    )
    with pytest.raises(ValueError, match="no rings"):
        say(world.exchange, (b"1",), *rest)
