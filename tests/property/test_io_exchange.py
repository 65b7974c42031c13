"""The compiled exchange over a socket beside its twin in Python: the same outcome, nothing lost."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from nfsrdma.rpcrdma.io import exchange

if not exchange.native:
    pytest.skip("the compiled exchange is not built, or NFSRDMA_NATIVE=0", allow_module_level=True)

CASES = int(os.environ.get("NFSRDMA_TALKS", "4000"))
"""How many random replies are tried; ``make native-million`` tries a million."""
LAST = 0x80000000
BOTH = pytest.mark.parametrize("talk", [exchange.talk, exchange.talk_in_python])

Talk = Callable[..., tuple[int, bytes | None, bytes, int]]


def mark(octets: int) -> bytes:
    return (LAST | octets).to_bytes(4, "big")


class Case:
    """A call and what comes for it, which may be anything; of one seed it is the same."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.pieces = tuple(rng.randbytes(rng.randrange(40)) for _ in range(rng.randrange(1, 4)))
        self.expected = rng.randbytes(rng.randrange(4, 60))
        mask = bytearray(rng.choice((0, 255, 255, 15)) for _ in self.expected)
        self.sink = rng.choice((None, memoryview(bytearray(rng.randrange(70)))))
        if self.sink is not None:
            mask[-4:] = bytes(4)
        self.mask = bytes(mask)
        self.most = rng.choice((4096, 4096, 4096, 30))
        self.ends = not rng.randrange(8)
        self.comes = self._answer() + rng.choice((b"", b"", rng.randbytes(rng.randrange(50))))

    def _answer(self) -> bytes:
        """Return a record that answers, more or less well."""
        rng = self.rng
        count = rng.choice((0, 1, 4, 7, 63, 200))
        if self.sink is not None:
            count = rng.choice((count, len(self.sink), len(self.sink) + 1))
        answer = bytearray(self.expected)
        for at, ones in enumerate(self.mask):
            answer[at] ^= rng.getrandbits(8) & ~ones
        if self.sink is not None:
            answer[-4:] = count.to_bytes(4, "big")
        answer += rng.randbytes(count + (-count & 3))
        record = bytearray(mark(len(answer)) + answer)
        if not rng.randrange(4):
            record[rng.randrange(len(record))] ^= 1 << rng.randrange(8)
        if not rng.randrange(8):
            record = record[: rng.randrange(len(record))]
        return bytes(record)

    def run(self, talk: Talk) -> tuple[Any, ...]:
        """Return the outcome, what the peer got, what was left in the socket, and the data."""
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            there.sendall(self.comes)
            if self.ends:
                there.shutdown(socket.SHUT_WR)
            sent, answer, rest, _ = talk(
                *(here.fileno(), self.pieces, self.expected, self.mask, self.most, self.sink),
                *(0.0, 0.0005, 20.0),
            )
            got = there.recv(1000, socket.MSG_DONTWAIT) if sent else b""
            here.shutdown(socket.SHUT_RD)
            left = here.recv(5000)
        data = b""
        if answer is not None and self.sink is not None:
            data = bytes(self.sink[: int.from_bytes(answer[-4:])])
        return sent, answer, rest, got, left, data


def test_both_do_the_same() -> None:
    outcomes = {"answered": 0, "answered, and more": 0, "something else": 0, "nothing": 0}
    for seed in range(CASES):
        native, twin = Case(seed).run(exchange.talk), Case(seed).run(exchange.talk_in_python)
        assert native == twin, seed
        case = Case(seed)
        sent, answer, rest, got, left, data = native
        assert got == b"".join(case.pieces)
        assert sent == len(got)
        if answer is None:
            assert rest + left == case.comes, seed
        else:
            padded = data + bytes(-len(data) & 3)
            assert case.comes[4 : 4 + len(answer) + len(data)] == answer + data
            assert case.comes[4 + len(answer) + len(padded) :] == rest + left
        kind = "answered" if answer is not None else "something else" if rest else "nothing"
        outcomes[kind + (", and more" if answer and rest else "")] += 1
    assert min(outcomes.values()) > CASES // 2000, outcomes
    assert outcomes["answered"] > CASES // 8


@BOTH
def test_an_answer_that_comes_in_pieces_is_put_together(talk: Talk) -> None:
    here, there = socket.socketpair()
    sink = memoryview(bytearray(3000))
    answer = b"as expected" + (3000).to_bytes(4, "big")
    record = mark(len(answer) + 3000) + answer + bytes(range(250)) * 12

    def trickle() -> None:
        there.recv(100)
        for at in range(0, len(record), 7):
            there.sendall(record[at : at + 7])

    with here, there:
        here.setblocking(False)
        thread = threading.Thread(target=trickle)
        thread.start()
        mask = b"\xff" * (len(answer) - 4) + bytes(4)
        said = talk(here.fileno(), (b"call",), answer, mask, 0, sink, 0.0, 10.0, 20.0)
        thread.join()
    assert said[:3] == (4, answer, b"")
    assert sink == record[-3000:]


@BOTH
def test_a_peer_that_trickles_is_left_when_the_time_is_over(talk: Talk) -> None:
    here, there = socket.socketpair()
    done = threading.Event()

    def trickle() -> None:
        there.sendall(mark(1000))
        while not done.wait(0.001):
            there.sendall(b"x")

    with here, there:
        here.setblocking(False)
        thread = threading.Thread(target=trickle)
        thread.start()
        _, answer, rest, slept = talk(
            here.fileno(), (b"call",), b"x", b"\xff", 4096, None, 0.0, 0.01, 0.05
        )
        done.set()
        thread.join()
    assert answer is None
    assert rest.startswith(mark(1000) + b"x")
    assert slept


@BOTH
def test_what_the_socket_does_not_take_is_not_sent(talk: Talk) -> None:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        call = (b"head", memoryview(bytes(range(256)) * 16384))
        sent, answer, rest, _ = talk(
            here.fileno(), call, b"x", b"\xff", 4096, None, 0.0, 0.001, 0.01
        )
        assert 0 < sent < len(b"".join(call))
        assert (answer, rest) == (None, b"")
        there.setblocking(False)
        got = there.recv(4)
        assert got == b"head"


@BOTH
def test_a_connection_that_is_lost_raises(talk: Talk) -> None:
    here, there = socket.socketpair()
    with here:
        here.setblocking(False)
        there.close()
        with pytest.raises(BrokenPipeError):
            talk(here.fileno(), (b"call",), b"x", b"\xff", 4096, None, 0.0, 0.001, 0.01)
    with pytest.raises(OSError, match="Bad file descriptor"):
        talk(-1, (b"call",), b"x", b"\xff", 4096, None, 0.0, 0.001, 0.01)


@BOTH
@pytest.mark.parametrize(
    ("expected", "mask", "sink"),
    [(b"xx", b"x", None), (bytes(5000), bytes(5000), None), (b"x", b"x", memoryview(bytearray(8)))],
)
def test_what_is_no_answer_is_refused(talk: Talk, expected: bytes, mask: bytes, sink: Any) -> None:
    here, there = socket.socketpair()
    with here, there, pytest.raises(ValueError, match="this is no answer"):
        talk(here.fileno(), (b"call",), expected, mask, 4096, sink, 0.0, 0.001, 0.01)


@BOTH
def test_looking_finds_what_is_there_without_a_sleep(talk: Talk) -> None:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        there.sendall(mark(4) + b"well")
        said = talk(here.fileno(), (b"call",), b"we", b"\xff\xff", 4096, None, 1.0, 0.0, 20.0)
    assert said == (4, b"well", b"", 0)


@BOTH
def test_a_signal_is_handled_while_it_waits(talk: Talk) -> None:
    class Interrupted(Exception):
        pass

    def handle(*_: object) -> None:
        raise Interrupted

    here, there = socket.socketpair()
    before = signal.signal(signal.SIGALRM, handle)
    try:
        with here, there:
            here.setblocking(False)
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with pytest.raises(Interrupted):  # from within, long before the time is over
                talk(here.fileno(), (b"call",), b"x", b"\xff", 4096, None, 0.0, 200.0, 200.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
