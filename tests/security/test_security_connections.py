"""However many connections somebody makes, another address gets one, and sessions keep theirs."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support.hosts import loopback
from tests.support.nfs import PUTROOTFH, destroy_session, make_server
from tests.support.nfs import Peer as Client
from tests.support.transport import PORT, Pair, RawPeer, Recorder, call_message

from nfsrdma.rpcrdma.admission import CROWDED, MADE_ROOM, Admission
from nfsrdma.rpcrdma.budget import Budget
from nfsrdma.rpcrdma.complaints import Complaints
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import TcpListener, TcpOptions, listen_tcp
from nfsrdma.rpcrdma.providers.shm import ShmDevice
from nfsrdma.rpcrdma.providers.shm import listener as shm_listener
from nfsrdma.rpcrdma.providers.shm.order import SUITABLE
from nfsrdma.rpcrdma.providers.shm.rendezvous import meet
from nfsrdma.rpcrdma.rpc.channel import Peer
from nfsrdma.rpcrdma.rpc.program import RpcProgram, RpcService, null_procedure
from nfsrdma.rpcrdma.transport import TransportOptions, connect_rdma, listen_rdma
from nfsrdma.rpcrdma.transport.header import SHORT
from nfsrdma.rpcrdma.transport.private_data import PrivateData

SERVICE = RpcService([RpcProgram(200000, {1: {0: null_procedure}})])
NULL = bytes.fromhex("80000028 00000007 00000000 00000002 00030d40 00000001") + bytes(20)
LOG = logging.getLogger("nfsrdma.test_connections")


# The rule.


@dataclass(eq=False)
class Guest:
    peer: Peer
    relied_on: bool = False
    ended: list[str] = field(default_factory=list)


class Hotel:
    def __init__(self, limit: int) -> None:
        self.guests: list[Guest] = []
        self.admission = Admission[Guest](limit, self.end, Complaints(LOG, lambda: 0.0))

    def end(self, guest: Guest, reason: str) -> None:
        guest.ended.append(reason)
        self.guests.remove(guest)
        self.admission.leave(guest)

    def come(self, address: str, relied_on: bool = False) -> Guest | None:
        peer = Peer("tcp", address, 1)
        if not self.admission.admit(peer):
            return None
        guest = Guest(peer, relied_on)
        self.guests.append(guest)
        self.admission.enter(guest, peer)
        return guest

    def count(self, address: str) -> int:
        return sum(guest.peer.address == address for guest in self.guests)


def test_one_address_has_half_and_its_oldest_idle_ones_go() -> None:
    hotel = Hotel(64)
    first = hotel.come("10.0.0.1")
    assert first is not None
    for _ in range(1000):
        assert hotel.come("10.0.0.1")
    assert first.ended == [MADE_ROOM]
    assert hotel.count("10.0.0.1") == len(hotel.admission) == 32


def test_those_with_sessions_stay_and_others_are_refused() -> None:
    hotel = Hotel(64)
    busy = [hotel.come("10.0.0.1", relied_on=True) for _ in range(32)]
    assert hotel.come("10.0.0.1") is None
    assert hotel.admission.refused == 1
    assert all(guest is not None and not guest.ended for guest in busy)
    assert hotel.come("10.0.0.2")


def test_many_addresses_leave_room_for_one_more() -> None:
    hotel = Hotel(64)
    for _ in range(4):
        for host in range(200):
            hotel.come(f"10.0.1.{host}")
    assert len(hotel.admission) <= 64
    newcomer = hotel.come("10.0.0.9")
    assert newcomer is not None
    assert len(hotel.admission) <= 64


def test_a_user_of_this_host_is_one_whatever_address_he_takes() -> None:
    hotel = Hotel(64)

    def come(number: int, uid: int) -> bool:
        peer = Peer("tcp", f"127.0.{number >> 8}.{number & 255}", 1, uid)
        admitted = hotel.admission.admit(peer)
        if admitted:
            guest = Guest(peer, relied_on=True)
            hotel.guests.append(guest)
            hotel.admission.enter(guest, peer)
        return admitted

    assert sum(come(number, 4242) for number in range(1000)) == 32
    assert come(1, 4243)
    assert come(1, 0)
    budget = Budget(100)
    assert budget.account("127.0.0.1", 4242) is budget.account("127.9.9.9", 4242)
    assert budget.account("127.0.0.1", 4243) is not budget.account("127.0.0.1", 4242)
    assert budget.account("127.0.0.1", 0) is not budget.account("127.0.0.2", 0)


def test_room_is_made_where_there_are_most() -> None:
    hotel = Hotel(16)
    quiet = hotel.come("10.0.0.1")
    assert quiet is not None
    for _ in range(7):
        hotel.come("10.0.0.2")
    for host in range(3, 17):
        assert hotel.come(f"10.0.0.{host}")
    assert not quiet.ended
    assert hotel.count("10.0.0.2") == 1


# TCP.


@dataclass
class TcpServer:
    reactor: SelectReactor
    listener: TcpListener
    host: str
    sockets: contextlib.ExitStack

    def connect(self, number: int = 9) -> socket.socket:
        source = (loopback(number), 0)
        sock = socket.create_connection(self.listener.address, 5, source_address=source)
        return self.sockets.enter_context(sock)

    def served(self, sock: socket.socket) -> bool:
        """Whether a NULL call is answered: by turns, not by time."""
        sock.sendall(NULL)
        sock.setblocking(False)
        for _ in range(2000):
            self.reactor.turn(0.005)
            try:
                return bool(sock.recv(1000))
            except BlockingIOError:
                continue
            except OSError:
                return False
        return False


@pytest.fixture
def serve() -> Iterator[Callable[..., TcpServer]]:
    with contextlib.ExitStack() as stack:

        def start(**how: Any) -> TcpServer:
            reactor = SelectReactor()
            stack.callback(reactor.close)
            listener = listen_tcp(reactor, loopback(1), 0, SERVICE, **how)
            stack.callback(listener.close)
            sockets = stack.enter_context(contextlib.ExitStack())
            return TcpServer(reactor, listener, loopback(1), sockets)

        yield start


def test_silent_connections_keep_nobody_out(
    serve: Callable[..., TcpServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(max_connections=32)
    with caplog.at_level(logging.WARNING):
        silent = [server.connect() for _ in range(100)]
        for sock in silent[:5]:
            sock.sendall(NULL)
        assert server.served(server.connect(8))
    assert len(server.listener.channels) <= 32
    assert server.served(silent[-1])
    assert len([line for line in caplog.messages if MADE_ROOM in line]) == 1


def test_a_session_keeps_its_connection(serve: Callable[..., TcpServer]) -> None:
    server = serve(max_connections=16)
    ours = server.connect()
    assert server.served(ours)
    (channel,) = server.listener.channels
    channel.relied_on = True
    others = [server.connect() for _ in range(60)]
    assert server.served(others[-1])
    assert server.served(ours)


def test_without_descriptors_idle_connections_go(
    serve: Callable[..., TcpServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    for _ in range(10):
        assert server.served(server.connect())
    real = server.listener._sock
    failures = [OSError(errno.EMFILE, "Too many open files")] * 3

    class Failing:
        def accept(self) -> Any:
            if failures:
                raise failures.pop()
            return real.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(server.listener, "_sock", Failing())
    assert server.served(server.connect(8))
    assert len(server.listener.channels) == 8
    assert server.listener._accepting


def test_who_takes_no_replies_is_cut_off_in_the_end(serve: Callable[..., TcpServer]) -> None:
    size = 1 << 20

    def large(call: Any) -> None:
        enc = call.start_reply()
        enc.payload(bytes(size))
        call.reply(enc)

    service = RpcService([RpcProgram(200000, {1: {0: large}})])
    server = serve(options=TcpOptions(record_timeout_s=0.05))
    server.listener._service = service
    deaf = server.connect()
    for _ in range(40):
        deaf.sendall(NULL)
    reasons: list[str] = []
    server.reactor.run_until(lambda: bool(server.listener.channels), 10)
    (channel,) = server.listener.channels
    channel.on_close(reasons.append)
    server.reactor.run_until(lambda: bool(reasons), 10)
    assert reasons == ["the peer does not take its replies"]


# RDMA.

FULL = PrivateData(4096, 4096, True)


def test_rdma_connections_are_shared_out_as_well() -> None:
    pair = Pair(server=TransportOptions(max_connections=16))
    pair.server.relied_on = True
    peers = []
    for number in range(40):
        peer = RawPeer(pair.fabric.device("crowd"))
        peer.connect(FULL)
        peer.run()
        peers.append(peer)
        assert len(pair.listener.channels) <= 16, number
    assert sum(peer.lost is None for peer in peers) <= 8
    assert peers[-1].lost is None
    newcomer = RawPeer(pair.fabric.device("newcomer"))
    newcomer.connect(FULL)
    newcomer.run()
    assert newcomer.lost is None
    assert pair.call(5) == []


def test_a_crowd_with_sessions_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    pair = Pair(server=TransportOptions(max_connections=16))
    refused = 0
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            peer = RawPeer(pair.fabric.device("crowd"))
            peer.connect(FULL)
            peer.run()
            refused += peer.lost == "rejected"
            for channel in pair.listener.channels:
                channel.relied_on = True
    assert refused >= 12
    assert len([line for line in caplog.messages if CROWDED in line]) == 1


# Sessions.


def test_a_connection_is_relied_on_as_long_as_a_session_uses_it() -> None:
    client = Client(make_server())
    assert not client.channel.relied_on
    first, second = client.session(b"one"), client.session(b"two")
    first.ok(PUTROOTFH)
    second.ok(PUTROOTFH)
    assert client.channel.relied_on
    client.call(destroy_session(first.id))
    assert client.channel.relied_on
    client.call(destroy_session(second.id))
    assert not client.channel.relied_on


# Shared memory.


@pytest.mark.skipif(not SUITABLE, reason="no shared memory on this processor")
def test_those_who_knock_and_say_nothing_make_room(tmp_path: Path) -> None:
    reactor = SelectReactor()
    device, client = (ShmDevice(reactor, directory=str(tmp_path)) for _ in "ab")
    listener = listen_rdma(device, reactor, "127.0.0.1", PORT, SERVICE)
    with contextlib.ExitStack() as stack:
        for _ in range(140):
            stranger, _ = meet("127.0.0.1", PORT, str(tmp_path))
            stack.enter_context(stranger)
            reactor.turn(0.0)
        channel = reactor.run_until(connect_rdma(client, reactor, "127.0.0.1", PORT), 10)
        assert not channel.closed
        assert len(device.listeners) == 1
    listener.close()
    client.close()
    device.close()
    reactor.close()


@pytest.mark.skipif(not SUITABLE, reason="no shared memory on this processor")
def test_who_knocks_without_end_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reactor = SelectReactor()
    device = ShmDevice(reactor, directory=str(tmp_path))
    listener = listen_rdma(device, reactor, "127.0.0.1", PORT, SERVICE)
    (knocking,) = device.listeners
    real = knocking._meeting.socket
    accepted: list[int] = []

    class Busy:
        def accept(self) -> Any:
            """There is always one more, as from somebody who is quicker than we are."""
            accepted.append(1)
            assert len(accepted) < 1000
            meet("127.0.0.1", PORT, str(tmp_path))[0].close()
            return real.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    meet("127.0.0.1", PORT, str(tmp_path))[0].close()
    monkeypatch.setattr(knocking._meeting, "socket", Busy())
    others: list[int] = []
    reactor.call_soon(others.append, 1)
    reactor.turn(0.0)
    reactor.turn(0.0)
    assert others
    assert 0 < len(accepted) <= 4 * shm_listener._ACCEPTS
    monkeypatch.undo()
    listener.close()
    device.close()
    reactor.close()


@pytest.mark.skipif(not SUITABLE, reason="no shared memory on this processor")
def test_without_descriptors_nobody_spins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shm_listener, "_PAUSE_S", 0.05)
    reactor = SelectReactor()
    device, client = (ShmDevice(reactor, directory=str(tmp_path)) for _ in "ab")
    listener = listen_rdma(device, reactor, "127.0.0.1", PORT, SERVICE)
    (knocking,) = device.listeners
    real = knocking._meeting.socket
    tries: list[int] = []

    class Failing:
        def accept(self) -> Any:
            tries.append(1)
            if len(tries) < 3:
                raise OSError(errno.EMFILE, "Too many open files")
            return real.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(knocking._meeting, "socket", Failing())
    channel = reactor.run_until(connect_rdma(client, reactor, "127.0.0.1", PORT), 10)
    assert not channel.closed
    assert len(tries) <= 5
    assert caplog.text.count("cannot accept connections") == 2
    listener.close()
    client.close()
    device.close()
    reactor.close()


# What the log says.


def test_faults_of_peers_are_said_once(
    serve: Callable[..., TcpServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    with caplog.at_level(logging.WARNING):
        for size in range(20):
            sock = server.connect()
            sock.sendall(b"\xff\xff\xff" + bytes([size]))
            sock.setblocking(False)
            for _ in range(100):
                server.reactor.turn(0.005)
                with contextlib.suppress(BlockingIOError):
                    if not sock.recv(10):
                        break
        pair = Pair(Recorder())
        for xid in range(pair.client.options.credits + 1):
            head = SHORT.pack(xid, 1, 200, 0, 0, 0, 0)
            pair.client._endpoint.send_whole(head, call_message(xid))
        pair.reactor.run()
        assert pair.server.closed
    lines = [line for line in caplog.messages if "the peer" in line]
    assert len(lines) == 2, lines
    assert "broke record marking" in lines[0]
    assert lines[0].startswith(loopback(9))
    assert "exceeded its credits" in lines[1]
