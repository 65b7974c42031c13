"""Several programs of one user on one address of the soft provider."""

from __future__ import annotations

import errno
import socket
from random import Random

import pytest
from tests.conformance.harness import EVERYTHING, ProviderHarness, Side, pair
from tests.support.hosts import loopback

from nfsrdma.client.edge.driver import SharedReactor
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.sharing import SharedPort
from nfsrdma.rpcrdma.providers.sharing import port as port_module
from nfsrdma.rpcrdma.providers.soft import SoftDevice
from nfsrdma.rpcrdma.verbs.types import WcStatus, WrOpcode

THERE, HERE = loopback(1), loopback(2)


@pytest.fixture
def reactor():
    made = SelectReactor()
    yield made
    made.close()


@pytest.fixture
def devices(reactor):
    """Makes devices and closes them in the end."""
    opened = []

    def make(address):
        opened.append(SoftDevice(reactor, rng=Random(len(opened)), address=address))
        return opened[-1]

    yield make
    for device in opened:
        device.close()


def connected(reactor, server, client, host=THERE):
    harness = ProviderHarness("soft", reactor, server, client, host, None, reactor.run_until, [])
    return Talk(reactor, *pair(harness, receives=8))


class Talk:
    """A connection, and what goes both ways over it."""

    def __init__(self, reactor, client: Side, server: Side):
        self.reactor, self.client, self.server = reactor, client, server

    def exchange(self, size=300_000):
        data = Random(size).randbytes(size)
        memory = bytearray(size)
        region = self.server.pd.register(memoryview(memory), EVERYTHING)
        where = {"rkey": region.rkey, "remote_address": region.address}
        sink = bytearray(size)
        before = len(self.client.sent)
        self.client.post(WrOpcode.RDMA_WRITE, [data], **where)
        self.client.post(WrOpcode.RDMA_READ, [sink], **where)
        self.reactor.run_until(lambda: len(self.client.sent) == before + 2, 20)
        assert {wc.status for wc in self.client.sent} == {WcStatus.SUCCESS}
        assert memory == data == sink


def port_of(device) -> SharedPort:
    (port,) = device._ports
    return port


def test_programs_of_one_user_share_an_address(reactor, devices):
    server = devices(THERE)
    first, second, third = devices(HERE), devices(HERE), devices(HERE)
    talks = [connected(reactor, server, client) for client in (first, second, third)]
    for talk in talks * 2:
        talk.exchange()
    assert port_of(first).keeps
    assert not port_of(second).keeps
    assert port_of(first).members == 2
    for device in (first, second, third):
        assert device.engine.counters.unknown_queue_pair == 0


@pytest.mark.parametrize("host", [HERE, "::1"])
def test_a_server_and_its_clients_on_one_address(reactor, devices, host):
    try:
        first, server, second = (devices(host) for _ in range(3))
    except OSError as error:
        pytest.skip(f"{host} cannot be had: {error}")
    if not port_of(first).keeps:
        pytest.skip(f"another program of this user keeps {host}")
    for client in (first, second, server):
        talk = connected(reactor, server, client, host)
        talk.exchange()
        assert talk.client.connection.local_address[0] == host
    first.close()
    talk.exchange()
    connected(reactor, server, second, host).exchange()


def test_another_goes_on_when_the_keeper_leaves(reactor, devices):
    server = devices(THERE)
    first, second, third = devices(HERE), devices(HERE), devices(HERE)
    talks = [connected(reactor, server, client) for client in (first, second, third)]
    first.close()
    for talk in talks[1:]:
        talk.exchange()
    assert port_of(second).keeps is not port_of(third).keeps
    connected(reactor, server, devices(HERE)).exchange()


def test_servers_share_an_address_but_no_port(reactor, devices):
    first, second = devices(THERE), devices(THERE)
    first.listen(THERE, 7001, lambda request: None)
    with pytest.raises(OSError, match="another program of this user") as raised:
        second.listen(THERE, 7001, lambda request: None)
    assert raised.value.errno == errno.EADDRINUSE
    listener = second.listen(THERE, 7002, lambda request: None)
    listener.close()
    listener = second.listen(THERE, 7002, lambda request: None)
    connected(reactor, second, devices(HERE)).exchange()
    connected(reactor, first, devices(HERE)).exchange()


def test_a_program_of_this_user_that_does_not_share(reactor, devices, monkeypatch):
    """It may be a keeper's successor that is about to answer, so only time tells; not much."""
    monkeypatch.setattr(port_module, "_PATIENCE_S", 0.05)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 4791))
        device = devices(HERE)
        with pytest.raises(OSError, match="does not share"):
            device.listen(HERE, 7001, lambda request: None)
        device = devices(HERE)
        reactor.run_until(lambda: port_of(device).failure is not None, 20)
        with pytest.raises(OSError, match="does not share"):
            device.listen(HERE, 7001, lambda request: None)
    device.listen(HERE, 7001, lambda request: None)


def test_a_program_that_others_rely_on_is_attentive():
    """Its reactor is turned soon after a call, too, where it would be left alone for a while."""
    reactor = SharedReactor()
    first = SoftDevice(reactor, rng=Random(1), address=HERE)
    second = SoftDevice(reactor, rng=Random(2), address=HERE)
    third = SoftDevice(reactor, rng=Random(3), address=HERE)
    with reactor.lock:
        reactor.run_until(lambda: reactor.relied_on == 2, 20)
        second.close()
        reactor.run_until(lambda: reactor.relied_on == 1, 20)
        first.close()
        assert reactor.relied_on == 0
        third.close()
    reactor.close()
