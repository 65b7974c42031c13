"""The compiled exchange beside its twin in Python: the same outcome, and the same memory behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from random import Random
from time import perf_counter
from typing import Any

import pytest

from nfsrdma.rpcrdma.providers.shm import talk
from nfsrdma.rpcrdma.providers.shm.ring import (
    ARMED,
    CONSUMED,
    DESCRIPTOR,
    DESCRIPTOR_OCTETS,
    IN_RING,
    INVALIDATES,
    PLACE,
    PRODUCED,
    SEND,
    WRITE,
)

if not talk.native:
    pytest.skip("the compiled exchange is not built, or NFSRDMA_NATIVE=0", allow_module_level=True)

CASES = int(os.environ.get("NFSRDMA_TALKS", "4000"))
"""How many random messages are tried; ``make native-million`` tries a million."""
COUNT = 8
MESSAGES = 1024


class Side:
    """The three parts of one side's ring, with random octets in them."""

    def __init__(self, rng: Random) -> None:
        self.words = memoryview(bytearray(8 * 64)).cast("Q")
        self.descriptors = memoryview(bytearray(rng.randbytes(COUNT * DESCRIPTOR_OCTETS)))
        self.messages = memoryview(bytearray(rng.randbytes(MESSAGES)))

    def octets(self) -> tuple[bytes, ...]:
        return bytes(self.words), bytes(self.descriptors), bytes(self.messages)


class Case:
    """One exchange; made of the same seed it is the same."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.ours, self.peer = Side(rng), Side(rng)
        self.produced, self.consumed = rng.randrange(1 << 40), rng.randrange(1 << 40)
        self.pieces = tuple(rng.randbytes(rng.randrange(40)) for _ in range(rng.randrange(4)))
        size = sum(map(len, self.pieces))
        self.start = rng.choice((0, rng.randrange(MESSAGES), MESSAGES - size))
        self.sink = rng.choice((None, memoryview(bytearray(rng.randrange(64)))))
        self.expected = rng.randbytes(rng.randrange(4, 60))
        self.mask = bytes(rng.choice((0, 255, 255, 15)) for _ in self.expected)
        self.most = rng.choice((4096, 4096, 4096, 30))
        self.seconds = rng.choice((0.0, 1e-6))
        self.nap = rng.choice((0.0, 0.0, 0.0, 1e-6))
        key = rng.randrange(1, 1 << 32)
        self.reach = rng.choice(
            (*((key, rng.randrange(1 << 40), 4096),) * 5, (key, 0, 0), (0, 0, 0))
        )
        if not rng.randrange(16):
            self.reach = key, (1 << 64) - 4096, 4096
        self.writes = rng.choice((0, 0, 0, 1, 1, 2, COUNT - 1, 40))
        self.arms = rng.choice((0, rng.randrange(1, 1 << 64)))
        self.wanted = rng.choice((0, 5, 1 << 48))
        self.peer.words[CONSUMED] = rng.choice((0, 4, 5))
        self.report = memoryview(bytearray(rng.randbytes(8 * talk.REPORTS))).cast("d")
        self._answer()
        for number in range(min(self.writes, COUNT)):
            self._write(self.consumed + number)

    def _write(self, number: int) -> None:
        """Have the peer say that it wrote something, where it may, more or less."""
        rng, (key, start, octets) = self.rng, self.reach
        length = rng.randrange(1, octets + 1) if octets else 1
        address = start + rng.randrange(octets - length + 1) if octets else 0
        fields = [WRITE, 0, 0, 0, length, 0, key, address]
        if not rng.randrange(12):
            wrong = rng.choice(
                (
                    (0, rng.randrange(256)),
                    (1, rng.choice((1, 2, 4, 8))),
                    (4, rng.choice((0, octets + 1, (1 << 64) - 1, octets - (address - start) + 1))),
                    (6, rng.choice((0, key ^ 1, key | 1 << 32))),
                    (7, rng.choice((max(start - 1, 0), start + octets, (1 << 64) - 1))),
                )
            )
            fields[wrong[0]] = wrong[1] & (1 << 64) - 1
        at = number % COUNT * DESCRIPTOR_OCTETS
        DESCRIPTOR.pack_into(self.peer.descriptors, at, *fields)

    def _answer(self) -> None:
        """Have the peer answer, more or less well."""
        rng, peer = self.rng, self.peer
        count = rng.choice((0, 1, 4, 7, 63, 200))
        if self.sink is not None:
            count = rng.choice((count, len(self.sink), len(self.sink) + 1))
            mask = bytearray(self.mask)
            mask[-4:] = bytes(4)
            self.mask = bytes(mask)
        answer = bytearray(self.expected)
        for at, ones in enumerate(self.mask):
            answer[at] ^= rng.getrandbits(8) & ~ones
        if self.sink is not None:
            answer[-4:] = count.to_bytes(4, "big")
        answer += rng.randbytes(count + (-count & 3))
        if not rng.randrange(4):
            answer[rng.randrange(len(answer))] ^= 1 << rng.randrange(8)
        if not rng.randrange(8):
            answer = answer[: rng.randrange(len(answer))]
        start = rng.randrange(MESSAGES - len(answer))
        peer.messages[start : start + len(answer)] = answer
        fields = [SEND, 0, 0, 0, len(answer), IN_RING | start, 0, 0]
        if not rng.randrange(4):
            at = rng.randrange(8)
            fields[at] = (
                rng.choice(
                    (
                        0,
                        1,
                        1 << 7,
                        MESSAGES,
                        MESSAGES + 1,
                        1 << 63,
                        (1 << 64) - 1,
                        IN_RING | MESSAGES,
                    )
                )
                & (0xFF, 0xFF, 0xFFFF, 0xFFFFFFFF, *((1 << 64) - 1,) * 4)[at]
            )
        if not rng.randrange(4):
            fields[1], fields[6] = INVALIDATES, rng.choice((self.reach[0],) * 8 + (7,))
        at = (self.consumed + self.writes) % COUNT * DESCRIPTOR_OCTETS
        DESCRIPTOR.pack_into(peer.descriptors, at, *fields)
        peer.words[PRODUCED] = self.consumed + self.writes + rng.choice((0, 1, 1, 1, 1, 1, 1, 2))
        peer.words[ARMED] = not rng.randrange(16)
        peer.words[PLACE] = rng.choice((0, 1 << 20, (1 << 64) - 1))  # it is on none of ours

    def run(self, function: Any) -> tuple[object, ...]:
        """Return the outcome, and all memory afterwards."""
        ours, peer = self.ours, self.peer
        outcome: object
        try:
            outcome = function(
                *(ours.words, ours.descriptors, ours.messages),
                *(peer.words.toreadonly(), peer.descriptors.toreadonly()),
                *(peer.messages.toreadonly(), self.produced, self.start, self.consumed),
                *(self.pieces, self.expected, self.mask, self.most, self.sink, self.nap),
                *(self.seconds, self.reach, self.arms, self.wanted, self.report),
            )
        except ValueError as error:
            outcome = str(error)
        sink = None if self.sink is None else bytes(self.sink)
        ours.words[PLACE] = ours.words[PLACE] > 0  # it may be moved at any moment
        report = self.report[talk.NAPPED] > 0, *self.report[talk.OVERSLEPT :]
        return outcome, ours.octets(), peer.octets(), sink, report


def test_both_do_the_same() -> None:
    outcomes: dict[object, int] = {}
    for seed in range(CASES):
        case = Case(seed)
        native, twin = case.run(talk.talk), Case(seed).run(talk.talk_in_python)
        assert native == twin, seed
        kind = native[0]
        if isinstance(kind, bytes):
            kind = "answered", case.writes, case.report[talk.INVALIDATED]
        outcomes[kind] = outcomes.get(kind, 0) + 1
    answers = {("answered", writes, ends) for writes in (0, 1, 2, COUNT - 1) for ends in (0.0, 1.0)}
    kinds = {talk.ASLEEP, talk.LATE, talk.OTHER, "a message past the end of its ring"}
    assert set(outcomes) == kinds | answers
    assert min(outcomes.values()) > CASES // 2000
    assert sum(outcomes[each] for each in answers) > CASES // 6


def test_both_put_the_same() -> None:
    outcomes: set[object] = set()
    for seed in range(CASES):
        cases = [Case(seed) for _ in range(2)]
        found = []
        for case, function in zip(cases, (talk.put, talk.put_in_python), strict=True):
            ours, peer = case.ours, case.peer
            peer.words[ARMED] = seed % 3 << 40
            outcome: object
            try:
                outcome = function(
                    *(ours.words, ours.descriptors, ours.messages, peer.words.toreadonly()),
                    *(case.produced, case.start, case.pieces),
                )
            except ValueError as error:
                outcome = str(error)
            found.append((outcome, ours.octets(), peer.octets()))
        assert found[0] == found[1], seed
        outcomes.add(found[0][0])
    assert outcomes == {0, 1 << 40, 2 << 40, "a message past the end of its ring"}


@pytest.mark.parametrize("part", ["words", "descriptors", "peer's words"])
def test_nothing_is_put_where_there_is_no_ring(part: str) -> None:
    case = Case(5)
    ours, peer = case.ours, case.peer
    if part == "words":
        ours.words = ours.words[:5]
    elif part == "descriptors":
        ours.descriptors = ours.descriptors[:63]
    else:
        peer.words = peer.words[:5]
    before = ours.octets()
    with pytest.raises(ValueError, match="these are no rings"):
        talk.put(ours.words, ours.descriptors, ours.messages, peer.words, 0, 0, (b"x",))
    with pytest.raises(TypeError):
        talk.put(ours.words, ours.descriptors, ours.messages, peer.words, 0, 0, [b"x"])
    assert ours.octets() == before


def test_what_comes_while_it_looks_is_taken() -> None:
    case = Case(3)
    ours, peer = case.ours, case.peer
    peer.words[ARMED] = 0
    peer.words[PRODUCED] = case.consumed
    case.expected, case.mask, case.sink, case.pieces = b"answer", b"\xff" * 6, None, (b"asked",)
    case.start, case.seconds, case.most, case.nap = 0, 20.0, 100, 0.0

    def answer() -> None:
        peer.messages[:6] = b"answer"
        at = case.consumed % COUNT * DESCRIPTOR_OCTETS
        DESCRIPTOR.pack_into(peer.descriptors, at, SEND, 0, 0, 0, 6, IN_RING, 0, 0)
        peer.words[PRODUCED] = case.consumed + 1

    # The compiled one keeps the interpreter's lock, so whoever answers it is another process.
    child = threading.Timer(0.01, answer)
    child.start()
    assert case.run(talk.talk_in_python)[0] == b"answer"
    child.join()
    assert ours.words[CONSUMED] == case.consumed + 1
    assert case.run(talk.talk)[0] == b"answer"


@pytest.fixture
def here() -> Iterator[int]:
    """The only processor that this process runs on."""
    allowed = os.sched_getaffinity(0)
    only = min(allowed)
    os.sched_setaffinity(0, {only})
    yield only
    os.sched_setaffinity(0, allowed)


def test_nobody_looks_for_a_peer_that_needs_this_processor(here: int) -> None:
    assert talk.place() == talk.place_in_python() == here + 1
    case = Case(3)
    peer = case.peer
    peer.words[ARMED] = 0
    peer.words[PRODUCED] = case.consumed
    peer.words[PLACE] = here + 1
    case.pieces, case.start, case.seconds, case.nap = (b"asked",), 0, 1e6, 0.0
    for function in (talk.talk, talk.talk_in_python):
        before = case.ours.octets()
        assert case.run(function)[0] == talk.DECLINED
        assert case.ours.octets() == before  # nothing is posted
    for look in (talk.look, talk.look_in_python):
        assert look(peer.words, case.consumed, None, 1e6) == talk.BESIDE
        # What is there already is found all the same.
        assert look(peer.words, case.consumed + 1, None, 1e6) == talk.OTHER
        peer.words[CONSUMED] = 7
        assert look(peer.words, case.consumed, 7, 1e6) == talk.OTHER
        assert look(peer.words, case.consumed, 8, 1e6) == talk.BESIDE
        peer.words[PLACE] = here + 2
        assert look(peer.words, case.consumed, 8, 0.0) == talk.LATE
        peer.words[PLACE] = here + 1


def test_a_nap_is_a_sleep() -> None:
    for nap in (talk.nap, talk.nap_in_python):
        began = perf_counter()
        nap(2e-3)
        assert perf_counter() - began >= 2e-3
        nap(0.0)
    for wrong in (-1.0, 1e9, float("nan"), "1"):
        with pytest.raises((ValueError, TypeError)):
            talk.nap(wrong)  # type: ignore[arg-type]


def test_there_is_no_look_at_what_is_no_ring() -> None:
    with pytest.raises(ValueError, match="these are no rings"):
        talk.look(memoryview(bytearray(8 * 17)), 0, None, 0.0)
    for wrong in ("7", -1, 1 << 64):
        with pytest.raises((TypeError, OverflowError)):
            talk.look(memoryview(bytearray(8 * 64)), 0, wrong, 0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "part", ["words", "descriptors", "peer's words", "mask", "report", "no length"]
)
def test_what_is_no_ring_is_refused(part: str) -> None:
    case = Case(5)
    ours, peer = case.ours, case.peer
    expected, mask, sink, report = case.expected, case.mask, case.sink, case.report
    if part == "words":
        ours.words = ours.words[:5]
    elif part == "descriptors":
        ours.descriptors = ours.descriptors[:63]
    elif part == "peer's words":
        peer.words = peer.words[:5]
    elif part == "mask":
        mask += b"x"
    elif part == "report":
        report = report[:1]
    else:
        expected, mask, sink = b"abc", b"abc", memoryview(bytearray(5))
    with pytest.raises(ValueError, match="these are no rings"):
        talk.talk(
            *(ours.words, ours.descriptors, ours.messages),
            *(peer.words, peer.descriptors, peer.messages),
            *(0, 0, 0, (b"x",), expected, mask, 100, sink, 0.0, 0.0),  # type: ignore[arg-type]
            *((0, 0, 0), 0, 0, report),  # type: ignore[arg-type]
        )
