"""Calls over TCP whose replies are waited for: the same comes of them as without."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from tests.loopback.test_io_tcp import CALLBACK, PROGRAM
from tests.support.two_ends import TwoEnds, story

from nfsrdma.client import quick
from nfsrdma.rpcrdma.io import exchange
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import connect_tcp, listen_tcp
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Answer, TransportError, swift_of
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.rpc.program import Call, RpcProgram, RpcService
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder

HERE = "127.0.0.1"
SUCCESS = (1).to_bytes(4, "big") + bytes(16)
"""A reply behind its XID: REPLY, MSG_ACCEPTED, AUTH_NONE, no verifier, SUCCESS."""


class Meanwhile:
    """What the peer does while an exchange waits, and what exchanges came to."""

    def __init__(self) -> None:
        self.work: Callable[[], object] | None = None
        self.counts = {"taken": 0, "left": 0}
        self.sleep_s = 10.0
        """How long an exchange sleeps at the longest."""


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Have the other end, on this thread, work while an exchange waits for it."""
    made = Meanwhile()
    is_ready = exchange._is_ready

    def ready(fd: int, events: int, *_: float) -> bool:
        if made.work is not None:
            made.work()
        return is_ready(fd, events, made.sleep_s, math.inf)

    def talk(*args: Any) -> Any:
        said = exchange.talk_in_python(*args)
        made.counts["left" if said[1] is None else "taken"] += 1
        return said

    monkeypatch.setattr(exchange, "_is_ready", ready)
    monkeypatch.setattr(exchange, "talk", talk)
    monkeypatch.setattr(quick, "_STRETCH_S", 1e9)
    return made


class World(TwoEnds):
    """Both over TCP."""

    spills = True

    def __init__(self, meanwhile: Meanwhile) -> None:
        meanwhile.work = self.serve
        super().__init__()

    def listen(self) -> None:
        self.address = self.server.listen_tcp(HERE, 0)

    def connect(self, service: Any) -> Any:
        host, port = self.address
        return connect_tcp(self.reactors[0], host, port, service=service, reserved_port=False)

    def counters(self) -> list[Any]:
        ends: Any = self.client.session.channel, self.served
        assert all(isinstance(each, StreamChannel) for each in ends)
        return [(each.octets_taken, each.records_received) for each in ends]


def test_the_same_comes_of_it(meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch) -> None:
    exchanged = story(lambda: World(meanwhile))
    assert meanwhile.counts["taken"] > 100
    assert meanwhile.counts["left"] < 5
    monkeypatch.setattr(exchange.Exchanges, "__call__", lambda *_: None)
    monkeypatch.setattr(exchange.Exchanges, "post", lambda *_: None)
    taken = meanwhile.counts["taken"]
    usual = story(lambda: World(meanwhile))
    assert meanwhile.counts["taken"] == taken
    for what, value in exchanged.items():
        assert value == usual[what], what


def test_a_server_that_is_slow_is_waited_for(meanwhile: Meanwhile) -> None:
    world = World(meanwhile)
    try:
        file = world.run(world.client.open("file", "w+b"))
        data = memoryview(bytes(range(256)) * 800)
        world.run(file.write_at(0, data))
        meanwhile.work, meanwhile.sleep_s = None, 0.0001
        for size in (10_240, 10_240, 204_800, 204_800):
            for _ in range(600):  # while it does not pay, few calls are waited for
                into = memoryview(bytearray(size))
                assert world.run(file.read_at(0, into)) == size
                assert into == data[:size]
                world.run(file.write_at(0, data[:size]))
                if meanwhile.counts["left"] > 3:
                    break
        assert meanwhile.counts["left"] > 3
        slots = world.client.session.slots
        assert slots is not None
        assert slots.busy == 0
    finally:
        world.close()


# --- What a peer may do besides answering ---


class Peer:
    """A connection whose other end sends what a test says."""

    def __init__(self, meanwhile: Meanwhile) -> None:
        self.meanwhile = meanwhile
        self.reactor = SelectReactor()
        self.served: list[bytes] = []
        self.heard: list[bytes] = []
        self.calls: list[Any] = []

        def echo(call: Call) -> None:
            self.served.append(bytes(call.decoder.opaque()))
            enc = call.start_reply()
            enc.uint32(7)
            call.reply(enc)

        service = RpcService([RpcProgram(CALLBACK, {1: {1: echo}})])
        self.listener = listen_tcp(
            self.reactor, HERE, 0, lambda incoming: self.calls.append(incoming)
        )
        connecting = connect_tcp(
            self.reactor, *self.listener.address, service=service, reserved_port=False
        )
        channel = self.reactor.run_until(connecting, 20)
        assert isinstance(channel, StreamChannel)
        self.channel = channel
        self.reactor.run_until(lambda: len(self.listener.channels) == 1, 20)
        (self.there,) = self.listener.channels
        self.rpc = RpcClient(Random(3), Credentials.sys(0, 0, (0,), b"here"))
        self.sock = self.there.on_ready.__self__._sock  # type: ignore[attr-defined]

    def ask(self, sink: memoryview | None, comes: Callable[[bytes], bytes]) -> Any:
        """Make a call in the short way, to which ``comes(xid)`` is what is sent."""
        call = self.rpc.start(PROGRAM, 1, 1)
        xid = bytes(call.buffer[:4])

        def send() -> None:
            self.meanwhile.work = None
            self.sock.sendall(comes(xid))

        self.meanwhile.work = send
        swift = swift_of(self.channel)
        assert swift is not None
        octets = xid + SUCCESS + (bytes(4) if sink is not None else b"")
        mask = b"\xff" * 24 + (bytes(4) if sink is not None else b"")
        answer = Answer(octets, mask)
        return swift(int.from_bytes(xid), (bytes(call.buffer),), 200, answer, sink)

    def close(self) -> None:
        self.channel.close()
        self.listener.close()
        self.reactor.close()


@pytest.fixture
def peer(meanwhile: Meanwhile) -> Iterator[Peer]:
    made = Peer(meanwhile)
    yield made
    made.close()


def record(message: bytes) -> bytes:
    return (0x80000000 | len(message)).to_bytes(4, "big") + message


def callback(octets: bytes) -> bytes:
    rpc = RpcClient(Random(5), Credentials.sys(0, 0, (0,), b"there"))
    enc = rpc.start(CALLBACK, 1, 1)
    enc.opaque(octets)
    return record(bytes(enc.buffer))


def test_a_call_of_the_peer_behind_the_answer_is_served(peer: Peer) -> None:
    later = callback(b"first") + callback(b"second")
    for cut in (0, 3, 20, len(later)):
        peer.served.clear()
        found = peer.ask(None, lambda xid, cut=cut: record(xid + SUCCESS) + later[:cut])
        assert found[4:] == SUCCESS
        assert peer.served == []  # not from within the call
        if cut:
            # It is the stream's turn: what begins now comes behind what has come.
            assert peer.ask(None, lambda _: b"") is None
        peer.sock.sendall(later[cut:])
        peer.reactor.run_until(lambda: len(peer.served) == 2, 20)
        assert peer.served == [b"first", b"second"]


def test_a_call_of_the_peer_before_the_answer_is_served_first(peer: Peer) -> None:
    reply = peer.ask(None, lambda xid: callback(b"early") + record(xid + SUCCESS))
    assert isinstance(reply, Future)
    decoder = peer.reactor.run_until(reply, 20)
    assert peer.served == [b"early"]
    assert decoder.tell() == 0
    assert decoder.remaining() == 24


@pytest.mark.parametrize("count", [0, 5, 4096, 200_000])
def test_another_reply_is_decoded_as_ever(peer: Peer, count: int) -> None:
    """Of which the first octets are where the data of the usual one would be."""
    sink = memoryview(bytearray(200_000))
    body = bytes(range(1, 101)) * 2000
    other = (1).to_bytes(4, "big") + bytes(12) + (5).to_bytes(4, "big") + body[:count]
    padded = other + bytes(-len(other) & 3)
    sizes = []

    def comes(xid: bytes) -> bytes:
        whole = record(xid + padded)
        sizes.append(len(whole))
        return whole[:60_000]  # what the kernel takes at once

    reply = peer.ask(sink, comes)
    assert isinstance(reply, Future)
    xid = (peer.rpc.allocate_xid() - 1).to_bytes(4, "big")
    rest = record(xid + padded)[60_000:]
    while rest:
        peer.reactor.turn(0)
        with contextlib.suppress(BlockingIOError):
            rest = rest[peer.sock.send(rest) :]
    decoder = peer.reactor.run_until(reply, 20)
    assert bytes(decoder._take(decoder.remaining())) == xid + padded


def test_damage_ends_the_connection_as_ever(peer: Peer) -> None:
    reply = peer.ask(None, lambda _: b"\xff" * 40)
    assert isinstance(reply, Future)
    with pytest.raises(TransportError):
        peer.reactor.run_until(reply, 20)
    assert "record marking" in peer.channel.fault
    assert swift_of(peer.channel) is None


def test_a_connection_that_ends_meanwhile_fails_the_call(peer: Peer) -> None:
    def end(_: bytes) -> bytes:
        peer.there.close()
        return b""

    peer.sock = _Nothing(peer.sock)
    reply = peer.ask(None, end)
    assert isinstance(reply, Future)
    with pytest.raises(TransportError):
        peer.reactor.run_until(reply, 20)
    call = peer.rpc.start(PROGRAM, 1, 1)
    assert isinstance(peer.channel.call(call, max_reply=100).error(), TransportError)


class _Nothing:
    def __init__(self, sock: Any) -> None:
        self.sock = sock

    def sendall(self, octets: bytes) -> None:
        assert not octets


def test_nothing_is_exchanged_while_something_is_under_way(peer: Peer) -> None:
    pending = peer.channel.call(peer.rpc.start(PROGRAM, 1, 1), max_reply=100)
    assert peer.ask(None, lambda _: b"") is None
    peer.reactor.run_until(lambda: len(peer.calls) == 1, 20)
    enc = Encoder()
    enc.buffer += bytes(peer.calls[0]._message[:4]) + SUCCESS
    peer.calls[0].reply(enc)
    assert isinstance(peer.reactor.run_until(pending, 20), Decoder)
    peer.channel.hold()
    assert peer.ask(None, lambda _: b"") is None
    peer.channel.let_go()
    assert peer.ask(None, lambda xid: record(xid + SUCCESS)) is not None


def test_what_does_not_pay_is_tried_less(peer: Peer) -> None:
    peer.meanwhile.sleep_s = 0.0001
    tries = 0
    for _ in range(300):
        reply = peer.ask(None, lambda _: b"")
        if reply is None:
            continue
        tries += 1
        peer.reactor.run_until(lambda: len(peer.calls) == 1, 20)
        enc = Encoder()
        enc.buffer += bytes(peer.calls.pop()._message[:4]) + SUCCESS
        (peer.there)._pending.clear()  # type: ignore[attr-defined]
        peer.sock.sendall(record(bytes(enc.buffer)))
        peer.reactor.run_until(reply, 20)
    assert 4 <= tries < 10
