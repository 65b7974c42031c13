"""What a server does with what it reads, compiled and not: the same answers and the same behind."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import socket
import sys
import termios
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from nfsrdma.rpcrdma.budget import Budget
from nfsrdma.rpcrdma.io import link
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import listen_tcp
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import IncomingCall, TransportError
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.rpc.program import Call, RpcProgram, RpcService
from nfsrdma.rpcrdma.rpc.stream import StreamChannel, StreamLimits
from nfsrdma.xdr import Encoder

if link.Reader is None:
    pytest.skip("the compiled reader is not built, or NFSRDMA_NATIVE=0", allow_module_level=True)

FIONREAD = termios.FIONREAD
HERE = "127.0.0.1"
LIMITS = StreamLimits(max_record=400_000, max_incoming=4, max_unsent=1 << 20)
CALL, REPLY = bytes(4), (1).to_bytes(4, "big")
LANE, SERVICE, LATER, BOTH, RAISES, CLOSES, NESTED, DROPS = range(8)
"""What is done with a call, as the word behind its direction says."""


def record(message: bytes) -> bytes:
    return (0x80000000 | len(message)).to_bytes(4, "big") + message


def call(xid: int, kind: int, size: int = 16, more: bytes = b"") -> bytes:
    """A call that is answered with ``size`` octets."""
    head = xid.to_bytes(4, "big") + CALL + kind.to_bytes(4, "big") + size.to_bytes(4, "big")
    return record(head + more)


def answer_to(message: bytes, size: int) -> bytes:
    return message[:4] + REPLY + bytes((message[3] + at) & 0xFF for at in range(size - 8))


class Service:
    """Answers some calls by a lane, and others later or never."""

    def __init__(self, reactor: SelectReactor) -> None:
        self.reactor = reactor
        self.said: list[Any] = []
        self.kept: list[tuple[IncomingCall, bytes]] = []

    def lane(self, channel: Any, message: memoryview, room: int, take: Any, *_: Any) -> int:
        octets = bytes(message)
        kind, size = (int.from_bytes(octets[at : at + 4]) for at in (8, 12))
        self.said.append(("lane", octets[:4], room))
        if kind in (SERVICE, LATER, DROPS) or len(octets) < 16:
            return 0
        if kind == RAISES:
            raise ValueError("a lane that fails")
        if kind == CLOSES:
            channel.close("closed by the lane")
        if kind == NESTED:
            self.reactor.turn(0)
        if kind == BOTH:
            enc = Encoder()
            enc.buffer += b"\0\0\1\0" + CALL + bytes(16)
            with contextlib.suppress(ValueError):
                channel.call(enc, max_reply=10).error()
        reply = take(size)
        reply[:] = answer_to(octets, size)
        return size

    def __call__(self, incoming: IncomingCall) -> None:
        message = bytes(incoming.decoder._take(incoming.decoder.remaining()))
        self.said.append(("service", message))
        if len(message) < 16:
            incoming.drop()
            return
        kind = int.from_bytes(message[8:12])
        if kind == LATER:
            self.kept.append((incoming, message))
        elif kind == DROPS:
            incoming.drop()
        else:
            self.answer(incoming, message)

    def answer(self, incoming: IncomingCall, message: bytes) -> None:
        enc = Encoder()
        enc.buffer += answer_to(message, int.from_bytes(message[12:16]) % 100_000 + 8)
        incoming.reply(enc)


class World:
    """A server and a client's bare socket."""

    def __init__(self, served: Any = None) -> None:
        self.reactor = SelectReactor()
        self.service = Service(self.reactor)
        self.budget = Budget(1 << 22)
        self.listener = listen_tcp(
            self.reactor, HERE, 0, served or self.service, limits=LIMITS, budget=self.budget
        )
        self.sock = socket.create_connection(self.listener.address)
        self.sock.setblocking(False)
        self.reactor.run_until(lambda: len(self.listener.channels) == 1, 20)
        (self.channel,) = self.listener.channels
        assert isinstance(self.channel, StreamChannel)
        self.got = b""

    def turn(self) -> None:
        for _ in range(6):
            self.reactor.turn(0)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while octets := self.sock.recv(1 << 20):
                    self.got += octets

    def send(self, octets: bytes) -> None:
        while octets and not self.channel.closed:
            try:
                octets = octets[self.sock.send(octets) :]
            except BlockingIOError:
                self.turn()
            except ConnectionError:
                return
        for _ in range(10_000):
            self.turn()
            if self.settled():
                break

    def settled(self) -> bool:
        """Whether all that was sent was read or waits for its turn, and all replies are here."""
        channel: Any = self.channel
        if channel.closed:
            return True
        queued = 0
        for sock, what in (
            (self.sock, termios.TIOCOUTQ),
            (channel.on_shut.__self__._sock, FIONREAD),
        ):
            queued += int.from_bytes(fcntl.ioctl(sock, what, bytes(4)), sys.byteorder)
        return len(self.got) == channel.octets_taken and (not queued or not channel.wants_input)

    def state(self) -> tuple[Any, ...]:
        channel: Any = self.channel
        return (
            channel.closed,
            channel.fault,
            channel.records_received,
            channel.octets_taken,
            (channel._in_service, channel._unsent, channel._unsent_replies, len(channel._out)),
            (channel._lent, len(channel._taken), self.listener._buffers.lent),
            self.budget.held,
        )

    def close(self) -> None:
        self.sock.close()
        self.listener.close()
        self.reactor.close()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def words(rng: Random) -> Iterator[bytes]:
    """What a peer sends: calls of all kinds, in one piece or several, alone or together."""
    for xid in range(rng.randrange(1, 30)):
        kind = rng.choice((LANE, LANE, LANE, SERVICE, LATER, BOTH, DROPS))
        size = rng.choice((8, 16, 200, 4096, 65_536, 66_556, 66_557, 70_000, 200_000))
        more = rng.randbytes(rng.choice((0, 0, 0, 4, 100, 5000, 65_000, 66_540, 66_545, 150_000)))
        octets = call(xid, kind, size, more)
        if not rng.randrange(60):
            octets = call(xid, rng.choice((RAISES, CLOSES)))
        elif not rng.randrange(60):
            octets = rng.randbytes(rng.randrange(40))
        elif not rng.randrange(20):
            octets = record(octets[4 : rng.randrange(5, 13)])
        elif not rng.randrange(20):
            octets += call(1000 + xid, LANE)
        elif not rng.randrange(20):
            half = rng.randrange(len(octets))
            yield octets[:half]
            octets = octets[half:]
        elif not rng.randrange(20):
            octets = (3).to_bytes(4, "big") + octets[4:7] + record(octets[7:])
        yield octets


def story(seed: int) -> Any:
    """What a peer got, what the service was asked, and what is left behind after each step."""
    rng = Random(seed)
    world = World()
    try:
        states = []
        for octets in words(rng):
            world.send(octets)
            if world.service.kept and not rng.randrange(3):
                world.service.answer(*world.service.kept.pop())
                world.turn()
            states.append(world.state())
        for late in world.service.kept:
            world.service.answer(*late)
        world.turn()
        # What is on its way when the connection is ended may be lost.
        got = b"" if world.channel.closed else world.got
        return states, got, world.service.said, world.state()
    finally:
        world.close()


@pytest.mark.parametrize("seeds", [range(start, start + 8) for start in range(0, 64, 8)])
def test_the_same_comes_of_what_is_sent(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = 0
    for seed in seeds:
        native = story(seed)
        with monkeypatch.context() as without:
            without.setattr(link, "Reader", None)
            usual = story(seed)
        said, usually = native[2], usual[2]
        assert said == usually, seed
        assert native == usual, seed
        lanes += sum(each[0] == "lane" for each in said)
    assert lanes > 40


@pytest.mark.parametrize("size", [60_000, 66_556, 300_000])
def test_a_reply_that_is_not_taken_waits_in_memory_of_its_own(world: World, size: int) -> None:
    expected = b""
    for xid in range(30):
        octets = call(xid, LANE, size)
        world.sock.sendall(octets)
        world.reactor.turn(0)
        expected += record(answer_to(octets[4:20], size))
    for _ in range(10):
        world.reactor.turn(0)
    assert world.channel._unsent > 0  # type: ignore[attr-defined]
    for _ in range(3000):
        world.turn()
        if len(world.got) == len(expected):
            break
    assert world.got == expected
    assert world.listener._buffers.lent == 0
    assert world.budget.held == 0


def test_what_holds_its_share_is_not_served(world: World) -> None:
    world.channel.account.charge(world.budget.limit)
    world.send(call(1, LANE))
    assert world.service.said == []
    assert world.got == b""
    world.channel.account.charge(-world.budget.limit)
    world.turn()
    assert world.got == record(answer_to(call(1, LANE)[4:], 16))


def test_a_turn_within_the_lane_finds_the_memory_busy(world: World) -> None:
    other = socket.create_connection(world.listener.address)
    with other:
        world.reactor.run_until(lambda: len(world.listener.channels) == 2, 20)
        other.sendall(call(7, LANE, 300, b"of the other"))
        world.sock.sendall(call(8, NESTED, 200, b"first"))
        # Whoever is first has its turn; the one within it is served the usual way.
        world.turn()
        assert other.recv(1000) == record(answer_to(call(7, LANE)[4:], 300))
        assert world.got == record(answer_to(call(8, LANE)[4:], 200))


def test_an_end_and_a_reset_are_told_apart(world: World) -> None:
    reasons: list[str] = []
    world.channel.on_close(reasons.append)
    world.sock.shutdown(socket.SHUT_WR)
    world.turn()
    assert reasons == ["the peer closed the connection"]


def test_a_reset_has_its_reason(world: World) -> None:
    reasons: list[str] = []
    world.channel.on_close(reasons.append)
    world.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0" + bytes(4))
    world.sock.close()
    world.reactor.run_until(lambda: world.channel.closed, 20)
    assert reasons == ["the connection failed: Connection reset by peer"]


def test_a_lane_that_raises_ends_its_connection_alone(world: World) -> None:
    other = socket.create_connection(world.listener.address)
    with other:
        world.reactor.run_until(lambda: len(world.listener.channels) == 2, 20)
        world.send(call(1, RAISES))
        assert world.channel.closed
        other.sendall(call(2, LANE))
        world.turn()
        assert other.recv(100) == record(answer_to(call(2, LANE)[4:], 16))


def test_a_reply_of_another_length_is_a_bug_that_ends_the_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = link.Reader(world.sock.fileno(), world.channel, lambda _: None)  # type: ignore[arg-type]
    assert len(reader.take(10)) == 10
    assert len(reader.take(0)) == 0
    assert len(reader.take(100_000)) == 100_000  # the stream's
    with pytest.raises(OverflowError):
        reader.take(1 << 70)
    world.channel._return_lent()  # type: ignore[attr-defined]


def test_nothing_is_left_in_a_circle(world: World) -> None:
    def readers() -> int:
        return sum(isinstance(each, link._Link | link.Reader) for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = readers()
        world.send(call(1, LANE))
        world.sock.close()
        world.reactor.run_until(lambda: not world.listener.channels, 20)
        world.reactor.turn(0)
        assert readers() == before - 2
    finally:
        gc.enable()


def test_a_closed_connection_fails_its_calls(world: World) -> None:
    enc = Encoder()
    enc.buffer += bytes(16)
    pending = world.channel.call(enc, max_reply=10)
    world.send(call(1, CLOSES))
    assert isinstance(pending.error(), TransportError)


# --- A service that knows calls by their heads ---

PROGRAM = 0x20000001


class Lane:
    """A procedure, and the short way to it, which fails, declines or answers as it is told."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.forget: Callable[[], object] = list

    def procedure(self, call: Call) -> None:
        self.said.append(("procedure", call.header.xid))
        enc = call.start_reply()
        enc.uint32(1)
        call.reply(enc)

    def __call__(
        self, channel: Any, claim: Any, message: memoryview, at: int, room: int, take: Any, *_: Any
    ) -> int:
        self.said.append(("lane", claim.uid, bytes(message[:4]), at, len(message), room))
        self.forget()
        kind = bytes(message[at : at + 4])
        if kind == b"fail":
            raise RuntimeError("a lane that fails")
        if kind == b"stop":
            raise KeyboardInterrupt
        if kind != b"well":
            return 0
        take(28)[:] = bytes(message[:4]) + REPLY + bytes(16) + (2).to_bytes(4, "big")
        return 28


def rpc_calls(rng: Random) -> Iterator[bytes]:
    """Calls of two callers, usual and odd ones."""
    clients = [RpcClient(Random(n), Credentials.sys(n, n, (), b"x" * n)) for n in (0, 7)]
    for _ in range(60):
        enc = rng.choice(clients).start(PROGRAM, 1, rng.choice((1, 1, 1, 1, 2)))
        octets = bytearray(enc.buffer)
        octets += rng.choice((b"well", b"well", b"fail", b"no", b""))
        if not rng.randrange(6):
            octets[28:32] = rng.choice((0, 1, 400, 401, 1 << 31, (1 << 32) - 1)).to_bytes(4, "big")
        if not rng.randrange(6):
            octets = octets[: rng.randrange(8, len(octets))]
        yield record(bytes(octets))


def rpc_story(seed: int) -> Any:
    lane = Lane()
    service = RpcService(
        [RpcProgram(PROGRAM, {1: {1: lane.procedure}}, {(1, 1): lane})], clock=lambda: 0.0
    )
    rng = Random(seed)
    if seed % 2:
        lane.forget = service._known.clear
    world = World(service)
    try:
        for octets in rpc_calls(rng):
            world.send(octets)
        return lane.said, world.got, world.state()
    finally:
        world.close()


@pytest.mark.parametrize("seed", range(8))
def test_calls_are_known_as_the_service_knows_them(
    seed: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> list[str]:
        texts = [each.getMessage().split(" of Peer")[0] for each in caplog.records]
        caplog.clear()
        return texts

    native, complaints = rpc_story(seed), told()
    monkeypatch.setattr(link, "Reader", None)
    assert rpc_story(seed) == native
    assert told() == complaints
    assert any("the lane of" in each for each in complaints)
    assert sum(each[0] == "lane" for each in native[0]) > 5


def test_an_interrupt_in_the_lane_is_raised_and_ends_the_connection() -> None:
    lane = Lane()
    service = RpcService([RpcProgram(PROGRAM, {1: {1: lane.procedure}}, {(1, 1): lane})])
    world = World(service)
    try:
        rpc = RpcClient(Random(1), Credentials.sys(0, 0, (), b""))
        for kind in (b"well", b"stop"):
            enc = rpc.start(PROGRAM, 1, 1)
            octets = record(bytes(enc.buffer) + kind)
            if kind == b"well":
                world.send(octets)
        world.sock.sendall(octets)
        with pytest.raises(KeyboardInterrupt):
            world.reactor.run_until(lambda: False, 20)
        assert world.channel.closed
    finally:
        world.close()
