"""An exception in a callback costs its own connection at most, and is told once."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.transport import PORT, Recorder, call_message, decode_reply, echo

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.shm import ShmDevice
from nfsrdma.rpcrdma.providers.shm.order import SUITABLE
from nfsrdma.rpcrdma.roce.engine.engine import Engine
from nfsrdma.rpcrdma.transport import RdmaChannel, connect_rdma, listen_rdma
from nfsrdma.rpcrdma.transport.header import SHORT
from nfsrdma.rpcrdma.verbs.types import WC, WcOpcode

pytestmark = pytest.mark.skipif(not SUITABLE, reason="no shared memory on this processor")


class Host:
    """A server over shared memory, and clients, all turned by one reactor."""

    def __init__(self, directory: Path) -> None:
        self.reactor = SelectReactor()
        self.directory = str(directory)
        self.devices: list[ShmDevice] = []
        self.device = self.open()
        self.channels: list[RdmaChannel] = []
        self.service: Any = echo
        self.listener = listen_rdma(
            *(self.device, self.reactor, "127.0.0.1", PORT, lambda call: self.service(call)),
            on_channel=self.channels.append,
        )

    def open(self) -> ShmDevice:
        self.devices.append(ShmDevice(self.reactor, directory=self.directory))
        return self.devices[-1]

    def connect(self) -> tuple[RdmaChannel, RdmaChannel]:
        """A connection's two ends, the client's first. Each client is a device of its own."""
        count = len(self.channels)
        connecting = connect_rdma(self.open(), self.reactor, "127.0.0.1", PORT)
        self.reactor.run_until(lambda: len(self.channels) > count, timeout_s=10)
        return self.reactor.run_until(connecting, timeout_s=10), self.channels[-1]

    def served(self, channel: RdmaChannel, xid: int) -> bool:
        future = channel.call(call_message(xid), max_reply=512)
        return decode_reply(self.reactor.run_until(future, timeout_s=10))[0] == xid


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    for device in reversed(made.devices):
        device.close()
    made.reactor.close()


def test_a_peer_that_exceeds_its_credits(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """It is closed in the midst of its own turn, and polling goes on without it."""
    good, _ = host.connect()
    bad, bad_side = host.connect()
    host.service = Recorder()  # it answers nothing
    with caplog.at_level(logging.ERROR):
        for xid in range(bad.options.credits + 2):
            bad._endpoint.send_whole(SHORT.pack(xid, 1, 200, 0, 0, 0, 0), call_message(xid))
        host.reactor.run_until(lambda: bad.closed and bad_side.closed, timeout_s=10)
        host.service = echo
        for xid in range(50):
            assert host.served(good, xid)
    assert all(connection._up and not connection._closed for connection in host.device._busy)
    assert not caplog.records, caplog.text


def test_a_service_that_fails_costs_one_connection(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    good, _ = host.connect()
    bad, bad_side = host.connect()

    def fail_for_one(call: Any) -> None:
        if call.channel is bad_side:
            raise ZeroDivisionError
        echo(call)

    host.service = fail_for_one
    with caplog.at_level(logging.ERROR):
        bad.call(call_message(1), max_reply=512)
        host.reactor.run_until(lambda: bad.closed and bad_side.closed, timeout_s=10)
        for xid in range(50):
            assert host.served(good, xid)
    assert len(caplog.records) == 1


def test_owners_that_fail_when_told(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """Of the end of a connection, or of its beginning."""
    told: list[str] = []
    first, side = host.connect()
    side.on_close(lambda reason: 1 // 0)
    side.on_close(told.append)
    with caplog.at_level(logging.ERROR):
        first.close()
        host.reactor.run_until(lambda: bool(told), timeout_s=10)

        def fail(channel: RdmaChannel) -> None:
            host.channels.append(channel)
            raise ZeroDivisionError

        host.listener._on_channel = fail
        second, _ = host.connect()
        host.reactor.run_until(lambda: second.closed, timeout_s=10)
        assert not host.listener.channels
        host.listener._on_channel = host.channels.append
        assert host.served(host.connect()[0], 7)


def test_news_of_others_is_not_lost() -> None:
    """One handler raises: the other completion queues are told at the next turn."""
    engine = Engine(rng=random.Random(1))
    told: list[int] = []
    wakes: list[int] = []
    engine.on_ready = lambda: wakes.append(1)
    for number in range(3):
        queue = engine.create_cq(4)

        def handler(number: int = number, queue: Any = queue) -> None:
            queue.poll(4)
            told.append(number)
            if number == 1:
                raise ZeroDivisionError

        queue.set_handler(handler)
        queue.push(WC(None, 0, WcOpcode.SEND))
    wakes.clear()
    with pytest.raises(ZeroDivisionError):
        engine.deliver()
    assert told == [0, 1]
    assert wakes
    engine.deliver()
    assert told == [0, 1, 2]


def test_what_fails_at_every_turn_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    reactor = SelectReactor()
    reading, writing = os.pipe()
    os.write(writing, b"never taken")
    calls: list[int] = []

    def fail(*_: object) -> bool:
        calls.append(1)
        raise ZeroDivisionError

    try:
        reactor.add_reader(reading, fail)
        reactor.add_poller(fail)
        with caplog.at_level(logging.ERROR):
            for _ in range(100):
                reactor.turn(0.001)
        assert len(calls) >= 200
        assert len(caplog.records) == 1
    finally:
        reactor.close()
        os.close(reading)
        os.close(writing)
