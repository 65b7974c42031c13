"""RPC over TCP on the loopback interface, under both reactors."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import random
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nfsrdma.rpcrdma.io import link, tcp
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import TcpOptions, attach_socket, connect_tcp, listen_tcp
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, Peer, TransportError
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.rpc.message import ProgramUnavailable
from nfsrdma.rpcrdma.rpc.program import Call, RpcProgram, RpcService, null_procedure
from nfsrdma.rpcrdma.rpc.stream import StreamLimits
from nfsrdma.rpcrdma.task import Future, Task, sleep
from nfsrdma.xdr import Decoder, Encoder

PROGRAM = 0x20000001
CALLBACK = 0x20000002


class Driver:
    """A reactor and how to turn it."""

    def __init__(self, kind: str) -> None:
        self.select = SelectReactor() if kind == "select" else None
        self.loop = None if kind == "select" else asyncio.new_event_loop()
        self.reactor: Any = self.select or self.loop

    def wait(self, future: Future[Any], timeout_s: float = 20.0) -> Any:
        if self.select is not None:
            return self.select.run_until(future, timeout_s)
        self.until(future.done, timeout_s)
        return future.result()

    def until(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
        if self.select is not None:
            self.select.run_until(condition, timeout_s)
            return

        async def poll() -> None:
            while not condition():
                await asyncio.sleep(0.0005)

        assert self.loop is not None
        self.loop.run_until_complete(asyncio.wait_for(poll(), timeout_s))

    def close(self) -> None:
        if self.select is not None:
            self.select.close()
        if self.loop is not None:
            self.loop.close()


@pytest.fixture(params=["select", "asyncio"])
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    driver = Driver(request.param)
    yield driver
    driver.close()


@pytest.fixture
def select() -> Iterator[Driver]:
    driver = Driver("select")
    yield driver
    driver.close()


def echo(call: Call) -> None:
    data = call.decoder.payload()
    enc = call.start_reply()
    enc.payload(data)
    call.reply(enc)


async def call_back(call: Call) -> None:
    """Call the client back over the same connection before answering it."""
    data = call.decoder.opaque()
    dec = await CLIENT.call(
        call.channel, CALLBACK, 1, 1, lambda enc: enc.payload(data), max_reply=1000
    )
    enc = call.start_reply()
    enc.payload(dec.payload())
    call.reply(enc)


CLIENT = RpcClient(random.Random(5), Credentials.sys(1, 1, (), b"test"))
SERVICE = RpcService([RpcProgram(PROGRAM, {1: {0: null_procedure, 1: echo, 2: call_back}})])
CALLBACKS = RpcService([RpcProgram(CALLBACK, {1: {0: null_procedure, 1: echo}})])


def call(channel: Channel, proc: int, data: bytes = b"", prog: int = PROGRAM) -> Future[Decoder]:
    def arguments(enc: Encoder) -> None:
        enc.payload(data)

    return CLIENT.call(channel, prog, 1, proc, arguments, max_reply=1000)


def pattern(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_calls(driver: Driver, address: str) -> None:
    listener = listen_tcp(driver.reactor, address, 0, SERVICE)
    channel = driver.wait(connect_tcp(driver.reactor, address, listener.address[1]))
    assert channel.peer.transport == "tcp"
    assert channel.peer.port == listener.address[1]
    driver.wait(call(channel, 0)).done()
    for size in (0, 1, 1000, 65_536, 1_000_001):
        assert driver.wait(call(channel, 1, pattern(size))).payload() == pattern(size)
    channel.close()
    driver.until(lambda: not listener.channels)
    listener.close()


def test_many_in_flight_of_every_size_both_ways(driver: Driver) -> None:
    accepted: list[Channel] = []
    listener = listen_tcp(driver.reactor, "127.0.0.1", 0, SERVICE, on_channel=accepted.append)
    channel = driver.wait(connect_tcp(driver.reactor, *listener.address, service=CALLBACKS))
    driver.until(lambda: bool(accepted))
    assert list(listener.channels) == accepted
    sizes = [random.Random(1).choice([3, 500, 5000, 70_000, 400_000]) for _ in range(60)]
    over = [call(channel, 1, pattern(size)) for size in sizes]
    back = [call(accepted[0], 1, pattern(size), CALLBACK) for size in sizes]
    for size, one, other in zip(sizes, over, back, strict=True):
        assert driver.wait(one).payload() == pattern(size)
        assert driver.wait(other).payload() == pattern(size)
    channel.close()
    listener.close()


def test_a_callback_within_a_call(driver: Driver) -> None:
    listener = listen_tcp(driver.reactor, "127.0.0.1", 0, SERVICE)
    channel = driver.wait(connect_tcp(driver.reactor, *listener.address, service=CALLBACKS))
    replies = [call(channel, 2, pattern(size)) for size in range(1, 40)]
    for size, reply in enumerate(replies, 1):
        assert driver.wait(reply).payload() == pattern(size)
    channel.close()
    listener.close()


def test_a_callback_to_a_client_without_callbacks(driver: Driver) -> None:
    accepted: list[Channel] = []
    listener = listen_tcp(driver.reactor, "127.0.0.1", 0, SERVICE, on_channel=accepted.append)
    channel = driver.wait(connect_tcp(driver.reactor, *listener.address))
    driver.until(lambda: bool(accepted))
    with pytest.raises(ProgramUnavailable):
        driver.wait(call(accepted[0], 1, b"", CALLBACK))
    channel.close()
    listener.close()


def test_nobody_listens(driver: Driver) -> None:
    with contextlib.closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.1"):
            driver.wait(connect_tcp(driver.reactor, "127.0.0.1", port))


def test_nobody_answers(driver: Driver) -> None:
    """A full backlog drops further connection requests, on Linux."""
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        future = connect_tcp(driver.reactor, *deaf.getsockname(), timeout_s=0.1)
        with pytest.raises(TimeoutError, match="does not answer"):
            driver.wait(future)


def test_no_such_name(select: Driver) -> None:
    with pytest.raises(socket.gaierror):
        select.wait(connect_tcp(select.reactor, "no.such.host.invalid", 1))


def test_the_next_address_is_tried(select: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = listen_tcp(select.reactor, "127.0.0.1", 0, SERVICE)
    good = (socket.AF_INET, listener.address)
    refused = (socket.AF_INET6, ("::1", listener.address[1], 0, 0))
    unusable = (socket.AF_INET, ("255.255.255.255", 1))
    monkeypatch.setattr(tcp, "_resolve", lambda *_: [unusable, refused, good])
    channel = select.wait(connect_tcp(select.reactor, "anything", 1))
    assert channel.peer.address == "127.0.0.1"
    channel.close()
    listener.close()
    monkeypatch.setattr(tcp, "_resolve", lambda *_: [unusable, refused])
    with pytest.raises(ConnectionRefusedError):
        select.wait(connect_tcp(select.reactor, "anything", 1))
    monkeypatch.setattr(tcp, "_resolve", lambda *_: [])
    with pytest.raises(OSError):
        select.wait(connect_tcp(select.reactor, "anything", 1))


def test_the_port_is_taken(select: Driver) -> None:
    listener = listen_tcp(select.reactor, "127.0.0.1", 0, SERVICE)
    with pytest.raises(OSError) as caught:
        listen_tcp(select.reactor, "127.0.0.1", listener.address[1], SERVICE)
    assert caught.value.errno == errno.EADDRINUSE
    listener.close()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        select.wait(connect_tcp(select.reactor, *listener.address))


def test_a_reserved_port(select: Driver) -> None:
    accepted: list[Channel] = []
    listener = listen_tcp(select.reactor, "127.0.0.1", 0, SERVICE, on_channel=accepted.append)
    future = connect_tcp(select.reactor, *listener.address, reserved_port=True)
    if os.geteuid() == 0:
        channel = select.wait(future)
        select.until(lambda: bool(accepted))
        assert 665 <= accepted[0].peer.port < 1024
        channel.close()
    else:
        with pytest.raises(PermissionError):
            select.wait(future)
    listener.close()


def test_no_reserved_port_is_left(select: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(socket.create_server(("0.0.0.0", 0))) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(tcp, "_RESERVED_PORTS", range(port, port + 1))
        with pytest.raises(OSError, match="reserved"):
            select.wait(connect_tcp(select.reactor, "127.0.0.1", port, reserved_port=True))


def test_the_server_goes_away(driver: Driver) -> None:
    listener = listen_tcp(driver.reactor, "127.0.0.1", 0, SERVICE)
    channel = driver.wait(connect_tcp(driver.reactor, *listener.address, service=CALLBACKS))
    reasons: list[str] = []
    channel.on_close(reasons.append)
    driver.until(lambda: bool(listener.channels))
    for accepted in listener.channels:
        accepted.close()
    reply = call(channel, 0)
    with pytest.raises(TransportError):
        driver.wait(reply)
    assert len(reasons) == 1
    listener.close()


def test_a_connection_reset(driver: Driver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        future = connect_tcp(driver.reactor, *server.getsockname())
        peer, _ = server.accept()
        channel = driver.wait(future)
        reply = call(channel, 0)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        with pytest.raises(TransportError):
            driver.wait(reply)
        assert isinstance(call(channel, 0).error(), TransportError)


def plain_client(listener: tcp.TcpListener) -> socket.socket:
    sock = socket.create_connection(listener.address)
    sock.setblocking(False)
    return sock


def receive(driver: Driver, sock: socket.socket) -> bytes:
    """What comes next, turning the reactor."""
    found: list[bytes] = []

    def arrived() -> bool:
        try:
            found.append(sock.recv(1 << 20))
        except BlockingIOError:
            return False
        except ConnectionResetError:
            found.append(b"")
        return True

    while not arrived():
        driver.select.turn(0.01) if driver.select else driver.until(lambda: True)
    return found[0]


def test_hostile_octets_cost_only_their_own_connection(driver: Driver) -> None:
    listener = listen_tcp(driver.reactor, "127.0.0.1", 0, SERVICE)
    channel = driver.wait(connect_tcp(driver.reactor, *listener.address))
    for octets in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100, b"\x80\0\0\0", random.randbytes(500)):
        with plain_client(listener) as sock:
            sock.send(octets)
            if octets[0] & 0x7F or octets[1]:
                assert receive(driver, sock) == b""
    driver.wait(call(channel, 0)).done()
    channel.close()
    listener.close()


def test_a_call_in_many_fragments_octet_by_octet(select: Driver) -> None:
    listener = listen_tcp(select.reactor, "127.0.0.1", 0, SERVICE)
    enc = CLIENT.start(PROGRAM, 1, 0)
    message = enc.to_bytes()
    with plain_client(listener) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index, value in enumerate(message):
            last = 0x80000000 if index == len(message) - 1 else 0
            for octet in (last | 1).to_bytes(4, "big") + bytes([value]):
                sock.send(bytes([octet]))
                select.reactor.turn(0)
        assert receive(select, sock) == b"\x80\0\0\x18" + message[:4] + b"\0\0\0\1" + bytes(16)
    listener.close()


def test_a_peer_that_does_not_read_is_not_read_either(select: Driver) -> None:
    limits = StreamLimits(max_unsent=1 << 20)
    listener = listen_tcp(select.reactor, "127.0.0.1", 0, SERVICE, limits=limits)
    enc = CLIENT.start(PROGRAM, 1, 1)
    enc.payload(bytes(200_000))
    request = (0x80000000 | enc.tell()).to_bytes(4, "big") + enc.to_bytes()
    with plain_client(listener) as sock:
        pending = memoryview(request)
        total = 0
        idle = 0
        while idle < 20:
            select.reactor.turn(0.005)
            try:
                count = sock.send(pending)
            except BlockingIOError:
                idle += 1
                continue
            idle = 0
            total += count
            pending = pending[count:] or memoryview(request)
            assert total < 200 << 20
        # All it took is in kernel buffers and within the limits; now take the replies.
        (channel,) = listener.channels
        assert not channel.wants_input  # type: ignore[attr-defined]
        received = 0
        while channel.wants_input is False:  # type: ignore[attr-defined]
            with contextlib.suppress(BlockingIOError):
                received += len(sock.recv(1 << 20))
            select.reactor.turn(0.001)
        assert received > 0
    select.until(lambda: not listener.channels)
    listener.close()


def test_connections_are_bounded(driver: Driver) -> None:
    """An address has half of them, and its oldest make room: ``tests/security`` has the rest."""
    listener = listen_tcp(driver.reactor, "127.0.0.1", 0, SERVICE, max_connections=4)
    channels = [driver.wait(connect_tcp(driver.reactor, *listener.address)) for _ in range(3)]
    for channel in channels[1:]:
        driver.wait(call(channel, 0))
    driver.until(lambda: channels[0].closed)
    assert len(listener.channels) == 2
    for channel in channels:
        channel.close()
    listener.close()


def test_many_connections(select: Driver) -> None:
    listener = listen_tcp(select.reactor, "127.0.0.1", 0, SERVICE)
    connecting = [connect_tcp(select.reactor, *listener.address) for _ in range(200)]
    channels = [select.wait(future) for future in connecting]
    replies = [call(channel, 1, pattern(n)) for n, channel in enumerate(channels)]
    for n, reply in enumerate(replies):
        assert select.wait(reply).payload() == pattern(n)
    for channel in channels:
        channel.close()
    select.until(lambda: not listener.channels)
    listener.close()


def test_who_leaves_a_record_unfinished_is_cut_off(driver: Driver) -> None:
    options = TcpOptions(record_timeout_s=0.05)
    listener = listen_tcp(driver.reactor, "127.0.0.1", 0, SERVICE, options=options)
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(plain_client(listener))
        halting = stack.enter_context(plain_client(listener))
        halting.send(b"\x80\0\0\x28\0\0")
        channel = driver.wait(connect_tcp(driver.reactor, *listener.address))
        driver.wait(call(channel, 0))
        assert receive(driver, silent) == b""
        assert receive(driver, halting) == b""
        # An idle peer that owes nothing stays.
        driver.wait(Task(sleep(driver.reactor, 0.15)))
        driver.wait(call(channel, 0))
        channel.close()
        driver.until(lambda: not listener.channels)
    driver.wait(Task(sleep(driver.reactor, 0.1)))
    assert listener._timer is None
    listener.close()


def test_no_descriptors_left_to_accept_with(
    select: Driver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tcp, "_ACCEPT_PAUSE_S", 0.02)
    listener = listen_tcp(select.reactor, "127.0.0.1", 0, SERVICE)
    accept = listener._sock.accept
    failures = [OSError(errno.EMFILE, "Too many open files")]

    class Failing:
        def accept(self) -> Any:
            if failures:
                raise failures.pop()
            return accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    real = listener._sock
    listener._sock = Failing()  # type: ignore[assignment]
    channel = select.wait(connect_tcp(select.reactor, *listener.address))
    select.wait(call(channel, 0))
    assert "Too many open files" in caplog.text
    channel.close()
    listener.close()


def test_attached_sockets(driver: Driver) -> None:
    left, right = socket.socketpair()
    there = attach_socket(driver.reactor, right, Peer("tcp", "pair", 0), service=SERVICE)
    here = attach_socket(driver.reactor, left, Peer("tcp", "pair", 0))
    assert driver.wait(call(here, 1, pattern(300_000))).payload() == pattern(300_000)
    here.close()
    driver.until(lambda: there.closed)


def test_closing_from_within(driver: Driver) -> None:
    """A reply whose taker closes the channel, and a procedure that does."""

    def hang_up(call: Call) -> None:
        call.channel.close()
        call.drop()

    service = RpcService([RpcProgram(PROGRAM, {1: {0: null_procedure, 1: hang_up}})])
    listener = listen_tcp(driver.reactor, "127.0.0.1", 0, service)
    channel = driver.wait(connect_tcp(driver.reactor, *listener.address))
    with pytest.raises(TransportError):
        driver.wait(call(channel, 1))
    channel = driver.wait(connect_tcp(driver.reactor, *listener.address))
    reply = call(channel, 0)
    other = call(channel, 0)
    reply.add_done_callback(lambda _: channel.close())
    driver.wait(reply)
    assert other.done()
    listener.close()


def test_a_closed_channel_leaves_nothing_behind(select: Driver) -> None:
    listener = listen_tcp(select.reactor, "127.0.0.1", 0, SERVICE)
    channel = select.wait(connect_tcp(select.reactor, *listener.address))
    select.wait(call(channel, 1, pattern(100_000)))
    channel.close()
    select.until(lambda: not listener.channels)
    # One that is closed while it waits for the socket to take more.
    channel = select.wait(connect_tcp(select.reactor, *listener.address))
    watched = len(select.reactor._writers)
    while len(select.reactor._writers) == watched:
        call(channel, 1, pattern(1_000_000))
    channel.close()
    assert len(select.reactor._writers) == watched
    select.until(lambda: not listener.channels)
    assert len(select.reactor._readers) == 2  # the listener's and the reactor's own
    gc.collect()
    assert not [thing for thing in gc.get_objects() if type(thing) is link._Link]
    listener.close()


def test_tasks_over_a_connection(driver: Driver) -> None:
    listener = listen_tcp(driver.reactor, "127.0.0.1", 0, SERVICE)

    async def converse() -> int:
        channel = await connect_tcp(driver.reactor, *listener.address)
        total = 0
        for size in range(100):
            dec = await call(channel, 1, bytes(size))
            total += len(dec.payload())
        channel.close()
        return total

    assert driver.wait(Task(converse())) == sum(range(100))
    listener.close()


def test_an_interrupt_in_the_middle_ends_the_connection(select: Driver) -> None:
    """What was interrupted is in no known state: better none than a wrong one."""

    def interrupted(call: Call) -> None:
        call.reply(call.start_reply())
        raise KeyboardInterrupt

    def interrupted_when_sent(call: Call) -> None:
        def raise_it() -> None:
            raise KeyboardInterrupt

        call.reply(call.start_reply(), raise_it)

    service = RpcService(
        [RpcProgram(PROGRAM, {1: {0: null_procedure, 1: interrupted, 2: interrupted_when_sent}})]
    )
    listener = listen_tcp(select.reactor, "127.0.0.1", 0, service)
    for procedure in (1, 2):
        channel = select.wait(connect_tcp(select.reactor, *listener.address))
        select.wait(call(channel, 0))
        call(channel, procedure)
        with pytest.raises(KeyboardInterrupt):
            select.until(lambda: False)
        assert not listener.channels
        channel.close()
    channel = select.wait(connect_tcp(select.reactor, *listener.address))
    select.wait(call(channel, 0))
    channel.close()
    listener.close()
