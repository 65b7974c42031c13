"""Every provider: connecting, refusing, disconnecting."""

from __future__ import annotations

import pytest
from tests.conformance.harness import ProviderHarness, Side, pair, start

from nfsrdma.rpcrdma.verbs.interfaces import ConnectionRequest
from nfsrdma.rpcrdma.verbs.types import (
    ConnectOptions,
    QpOptions,
    QpState,
    VerbsError,
    WcStatus,
    WrOpcode,
)


def refuse(request: ConnectionRequest) -> None:
    request.reject(b"not today")


def accept(side: Side, request: ConnectionRequest) -> None:
    side.connection = request.prepare(side.pd, side.send_cq, side.recv_cq, side.options)
    request.accept(ConnectOptions(), side)


def test_private_data_and_addresses(harness: ProviderHarness) -> None:
    client, server = pair(
        harness,
        connect=ConnectOptions(private_data=b"c" * 56),
        accept=ConnectOptions(private_data=b"s" * 196),
    )
    assert server.peer_data.startswith(b"c" * 56)
    assert client.peer_data.startswith(b"s" * 196)
    assert client.connection.peer_address[0] == harness.host
    assert server.connection.peer_address == client.connection.local_address
    assert server.connection.local_address == client.connection.peer_address
    assert client.connection.queue_pair.state == QpState.RTS
    assert client.connection.pd is client.pd


def test_depths_are_the_lesser_of_both_sides(harness: ProviderHarness) -> None:
    client, server = pair(
        harness,
        connect=ConnectOptions(initiator_depth=2, responder_resources=9),
        accept=ConnectOptions(initiator_depth=4, responder_resources=3),
    )
    assert client.connection.initiator_depth == 2
    assert server.connection.initiator_depth == 4


def test_depths_are_capped_by_the_offer(harness: ProviderHarness) -> None:
    client, server = pair(
        harness,
        connect=ConnectOptions(initiator_depth=8, responder_resources=1),
        accept=ConnectOptions(initiator_depth=4, responder_resources=3),
    )
    assert client.connection.initiator_depth == 3
    assert server.connection.initiator_depth == 1


def test_nobody_listens(harness: ProviderHarness) -> None:
    client = Side(harness.b, QpOptions())
    start(harness, client, 9, ConnectOptions())
    harness.run_until(lambda: client.told("failed"))
    assert isinstance(client.error, ConnectionRefusedError)
    assert client.events[1:] == []
    client.connection.close()


@pytest.mark.needs("private data in a reject")
def test_rejected_with_private_data(harness: ProviderHarness) -> None:
    client = Side(harness.b, QpOptions())
    port = harness.new_port()
    harness.a.listen(harness.host, port, refuse)
    start(harness, client, port, ConnectOptions())
    buffer = client.recv(64, "posted")
    harness.run_until(lambda: client.told("failed") and client.received)
    assert isinstance(client.error, ConnectionRefusedError)
    assert client.error.private_data.startswith(b"not today")  # type: ignore[attr-defined]
    assert [wc.status for wc in client.received] == [WcStatus.WR_FLUSH_ERR]
    assert not any(buffer)


def test_nobody_answers(harness: ProviderHarness) -> None:
    if harness.nowhere is None:
        pytest.skip("no address at which nobody answers")
    client = Side(harness.b, QpOptions())
    request = client.request(harness.nowhere, 20049, ConnectOptions(timeout_s=1.0))
    client.connection = harness.b.connect(request)
    before = harness.reactor.time()
    harness.run_until(lambda: client.told("failed"))
    assert isinstance(client.error, TimeoutError)
    assert 0.9 < harness.reactor.time() - before < 5


@pytest.mark.needs("notice of a busy peer")
def test_a_slow_owner(harness: ProviderHarness) -> None:
    """The peer waits while the owner of a request makes up its mind."""
    client, server = Side(harness.b, QpOptions()), Side(harness.a, QpOptions())
    requests: list[ConnectionRequest] = []
    port = harness.new_port()
    harness.a.listen(harness.host, port, requests.append)
    start(harness, client, port, ConnectOptions(timeout_s=0.5))
    harness.run_until(lambda: requests)
    harness.run_for(1.2)
    assert client.events == []
    accept(server, requests[0])
    harness.run_until(lambda: client.told("established") and server.told("established"))
    assert len(requests) == 1


def test_a_request_is_answered_once_and_prepared_before(harness: ProviderHarness) -> None:
    client, server = Side(harness.b, QpOptions()), Side(harness.a, QpOptions())
    requests: list[ConnectionRequest] = []
    port = harness.new_port()
    harness.a.listen(harness.host, port, requests.append)
    start(harness, client, port, ConnectOptions())
    harness.run_until(lambda: requests)
    with pytest.raises(VerbsError):
        requests[0].accept(ConnectOptions(), server)
    accept(server, requests[0])
    with pytest.raises(VerbsError):
        requests[0].accept(ConnectOptions(), server)
    with pytest.raises(VerbsError):
        requests[0].reject()
    harness.run_until(lambda: client.told("established") and server.told("established"))


def test_private_data_that_do_not_fit(harness: ProviderHarness) -> None:
    client = Side(harness.b, QpOptions())
    with pytest.raises(VerbsError):
        start(harness, client, 20049, ConnectOptions(private_data=b"x" * 57))


def test_a_port_has_one_listener(harness: ProviderHarness) -> None:
    port = harness.new_port()
    first = harness.a.listen(harness.host, port, refuse)
    assert first.address == (harness.host, port)
    with pytest.raises(OSError):
        harness.a.listen(harness.host, port, refuse)
    first.close()
    first.close()
    harness.a.listen(harness.host, port, refuse).close()


def test_a_closed_listener_refuses_but_leaves_connections(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=1)  # Closes its listener.
    late = Side(harness.b, QpOptions())
    start(harness, late, client.connection.peer_address[1], ConnectOptions())
    harness.run_until(lambda: late.told("failed"))
    assert isinstance(late.error, ConnectionRefusedError)
    client.send(b"still here")
    harness.run_until(lambda: server.received)


@pytest.mark.parametrize("who", ["client", "server"])
def test_disconnect_flushes_and_tells_both(harness: ProviderHarness, who: str) -> None:
    client, server = pair(harness, receives=2)
    (client if who == "client" else server).connection.disconnect()
    harness.run_until(lambda: client.told("disconnected") and server.told("disconnected"))
    harness.run_until(lambda: len(client.received) == len(server.received) == 2)
    for side in (client, server):
        assert {wc.status for wc in side.received} == {WcStatus.WR_FLUSH_ERR}
        assert side.connection.queue_pair.state == QpState.ERR
        assert [event for event, _ in side.events] == ["established", "disconnected"]
        side.connection.disconnect()
        side.send(b"too late", wr_id="late")
        side.recv(16, "late")
    harness.run_until(lambda: all(s.sent and len(s.received) == 3 for s in (client, server)))
    for side in (client, server):
        assert (side.sent[0].wr_id, side.sent[0].status) == ("late", WcStatus.WR_FLUSH_ERR)
        side.connection.close()
        side.connection.close()


def test_no_handler_is_called_from_inside_a_command(harness: ProviderHarness) -> None:
    client, _ = pair(harness, receives=1)
    client.connection.disconnect()
    assert not client.told("disconnected")
    assert client.received == []
    harness.run_until(lambda: client.told("disconnected") and client.received)


def test_the_owner_of_a_closed_connection_hears_no_more(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    client.connection.close()
    harness.run_until(lambda: server.told("disconnected"))
    harness.run_for(0.2)
    assert not client.told("disconnected")


def test_closing_a_device_disconnects(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    if harness.a is harness.b:
        pytest.skip("a device that talks to itself has nobody left to tell")
    harness.b.close()
    # Its good-bye may be lost; then the server learns it when it has something to say.
    server.send(b"anybody there?")
    harness.run_until(lambda: server.told("disconnected"), 120)
    del client


def test_giving_up_before_it_is_up(harness: ProviderHarness) -> None:
    client = Side(harness.b, QpOptions())
    requests: list[ConnectionRequest] = []
    port = harness.new_port()
    harness.a.listen(harness.host, port, requests.append)
    start(harness, client, port, ConnectOptions())
    harness.run_until(lambda: requests)
    client.connection.disconnect()
    harness.run_until(lambda: client.told("failed"))
    # The request's owner may not have noticed; an answer does no harm then.
    server = Side(harness.a, QpOptions())
    harness.run_for(0.1)
    accept(server, requests[0])
    harness.run_until(lambda: server.told("failed"), 120)
    assert not server.told("established")


def test_many_connections(harness: ProviderHarness) -> None:
    count = 40
    servers: list[Side] = []

    def on_request(request: ConnectionRequest) -> None:
        server = Side(harness.a, QpOptions())
        servers.append(server)
        accept(server, request)
        server.recv(64)

    port = harness.new_port()
    harness.a.listen(harness.host, port, on_request)
    clients = [Side(harness.b, QpOptions()) for _ in range(count)]
    for client in clients:
        start(harness, client, port, ConnectOptions(timeout_s=60))
    harness.run_until(lambda: all(side.told("established") for side in clients), 60)
    assert len({c.connection.queue_pair.number for c in clients}) == count
    for index, client in enumerate(clients):
        client.post(WrOpcode.SEND, [b"client %d" % index])
    harness.run_until(lambda: all(server.received for server in servers), 60)
    assert len(servers) == count
    for client in clients:
        client.connection.close()
    harness.run_until(lambda: all(server.told("disconnected") for server in servers), 120)
