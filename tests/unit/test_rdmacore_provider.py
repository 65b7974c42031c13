"""The verbs provider over an adapter in memory: what happens seldom."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.conformance.harness import EVERYTHING, ProviderHarness, Side, pair, start
from tests.support.fake_adapter import Adapter, FakeError
from tests.support.fake_librdmacm import FakeLibrary, Network, two_devices

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.rdmacore import librdmacm, staging
from nfsrdma.rpcrdma.verbs.interfaces import ConnectionRequest
from nfsrdma.rpcrdma.verbs.types import (
    Access,
    ConnectOptions,
    QpOptions,
    RecvWR,
    SendWR,
    VerbsError,
    WcOpcode,
    WcStatus,
    WrOpcode,
)


class Harness(ProviderHarness):
    """With the insides at hand."""

    adapter: Adapter
    network: Network
    libraries: list[FakeLibrary]


def make(windows: bool) -> Harness:
    reactor = SelectReactor()
    made = two_devices(reactor, windows=windows)
    harness = Harness(
        *("verbs", reactor, made.a, made.b, "10.0.0.1", "10.0.0.99"),
        turn=reactor.run_until,
        resources=[made.a, made.b, made, reactor],
        concurrent=True,
    )
    harness.adapter, harness.network = made.adapter, made.network
    harness.libraries = made.libraries
    return harness


@pytest.fixture
def harness() -> Iterator[Harness]:
    made = make(windows=True)
    yield made
    made.close()


@pytest.fixture
def regions() -> Iterator[Harness]:
    """Without memory windows."""
    made = make(windows=False)
    yield made
    made.close()


# Connecting.


@pytest.mark.parametrize("at", ["resolve_route", "connect", "establish"])
def test_a_step_of_connecting_fails(harness: Harness, at: str) -> None:
    harness.libraries[1].fail_at.add(at)
    client, server = Side(harness.b, QpOptions()), Side(harness.a, QpOptions())
    port = listen(harness, server)
    start(harness, client, port, ConnectOptions())
    client.recv(64, "posted")
    harness.run_until(lambda: client.told("failed") and client.received)
    assert isinstance(client.error, OSError)
    assert client.error.errno == errno.EIO
    assert [wc.status for wc in client.received] == [WcStatus.WR_FLUSH_ERR]


@pytest.mark.parametrize("at", ["create_id", "resolve_address"])
def test_connecting_cannot_even_start(harness: Harness, at: str) -> None:
    harness.libraries[1].fail_at.add(at)
    client = Side(harness.b, QpOptions())
    with pytest.raises(OSError, match=at):
        start(harness, client, 20049, ConnectOptions())
    harness.run_for(0.01)
    assert client.events == []
    assert not harness.adapter.open["QP"]


@pytest.mark.parametrize("name", ["CompChannel", "CQ", "QP"])
def test_no_queue_pair(harness: Harness, name: str) -> None:
    harness.adapter.broken.add(name)
    client = Side(harness.b, QpOptions())
    with pytest.raises(OSError, match=f"no {name}") as caught:
        start(harness, client, 20049, ConnectOptions())
    assert caught.value.errno == errno.ENOMEM
    assert not any(harness.adapter.open[other] for other in ("CompChannel", "CQ", "QP"))


def test_a_closed_protection_domain(harness: Harness) -> None:
    client = Side(harness.b, QpOptions())
    client.pd.close()
    with pytest.raises(VerbsError, match="closed"):
        start(harness, client, 20049, ConnectOptions())
    with pytest.raises(VerbsError, match="closed"):
        client.pd.register(memoryview(bytearray(8)), EVERYTHING)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (librdmacm.ADDR_ERROR, -errno.ENETUNREACH, errno.ENETUNREACH),
        (librdmacm.ROUTE_ERROR, -errno.ETIMEDOUT, None),
        (librdmacm.UNREACHABLE, -errno.ETIMEDOUT, None),
        (librdmacm.CONNECT_ERROR, 0, errno.EHOSTUNREACH),
        (librdmacm.DEVICE_REMOVAL, 0, errno.ENODEV),
        (librdmacm.REJECTED, 28, None),
    ],
)
def test_how_connecting_fails(
    harness: Harness, kind: int, status: int, expected: int | None
) -> None:
    client = Side(harness.b, QpOptions())
    client.connection = harness.b.connect(client.request("10.0.0.99", 20049))
    (identifier,) = harness.network.ids
    harness.libraries[1].tell(identifier, kind, status=status)
    harness.run_until(lambda: client.told("failed"))
    if expected is not None:
        assert isinstance(client.error, OSError)
        assert client.error.errno == expected
    else:
        kinds = {librdmacm.REJECTED: ConnectionRefusedError}
        assert isinstance(client.error, kinds.get(kind, TimeoutError))


def test_the_way_leads_through_another_device(harness: Harness) -> None:
    harness.network.hosts["10.0.0.2"] = "other0"
    client = Side(harness.b, QpOptions())
    start(harness, client, 20049, ConnectOptions())
    harness.run_until(lambda: client.told("failed"))
    assert "through other0, not fake0" in str(client.error)


def test_a_request_through_another_device_is_refused(harness: Harness) -> None:
    requests: list[ConnectionRequest] = []
    harness.a.listen("0.0.0.0", 20500, requests.append)
    client = Side(harness.b, QpOptions())
    start(harness, client, 20500, ConnectOptions())
    harness.network.hosts["10.0.0.1"] = "other0"
    harness.run_until(lambda: client.told("failed"))
    assert isinstance(client.error, ConnectionRefusedError)
    assert requests == []


def listen(harness: Harness, server: Side) -> int:
    """Accept one connection."""

    def on_request(request: ConnectionRequest) -> None:
        server.connection = request.prepare(
            server.pd, server.send_cq, server.recv_cq, server.options
        )
        request.accept(ConnectOptions(), server)

    port = harness.new_port()
    harness.a.listen(harness.host, port, on_request)
    return port


def test_accepting_fails(harness: Harness) -> None:
    harness.libraries[0].fail_at.add("accept")
    client, server = Side(harness.b, QpOptions()), Side(harness.a, QpOptions())
    start(harness, client, listen(harness, server), ConnectOptions())
    harness.run_until(lambda: server.told("failed") and client.told("failed"))
    assert isinstance(server.error, OSError)


def test_a_queue_pair_that_cannot_be_raised(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise FakeError("Failed to modify QP", errno.EINVAL)

    client, server = Side(harness.b, QpOptions()), Side(harness.a, QpOptions())
    start(harness, client, listen(harness, server), ConnectOptions())
    monkeypatch.setattr("tests.support.fake_adapter.QP.modify", refuse)
    harness.run_until(lambda: client.told("failed"))
    monkeypatch.undo()


def test_requests_are_prepared_once_and_rejected_after_it(harness: Harness) -> None:
    requests: list[ConnectionRequest] = []
    port = harness.new_port()
    harness.a.listen(harness.host, port, requests.append)
    client, server = Side(harness.b, QpOptions()), Side(harness.a, QpOptions())
    start(harness, client, port, ConnectOptions())
    harness.run_until(lambda: requests)
    (request,) = requests
    assert request.peer_address == client.connection.local_address
    assert request.responder_resources == 16
    server.connection = request.prepare(server.pd, server.send_cq, server.recv_cq, server.options)
    server.recv(8, "posted")
    with pytest.raises(VerbsError, match="prepared already"):
        request.prepare(server.pd, server.send_cq, server.recv_cq, server.options)
    with pytest.raises(VerbsError, match="room for 148"):
        request.reject(bytes(149))
    request.reject()
    harness.run_until(lambda: client.told("failed") and server.received)
    assert [wc.status for wc in server.received] == [WcStatus.WR_FLUSH_ERR]


@pytest.mark.parametrize("prepared", [False, True])
def test_a_peer_that_gives_up(harness: Harness, prepared: bool) -> None:
    requests: list[ConnectionRequest] = []
    port = harness.new_port()
    harness.a.listen(harness.host, port, requests.append)
    client, server = Side(harness.b, QpOptions()), Side(harness.a, QpOptions())
    start(harness, client, port, ConnectOptions())
    harness.run_until(lambda: requests)

    def prepare() -> None:
        server.connection = requests[0].prepare(
            server.pd, server.send_cq, server.recv_cq, server.options
        )

    if prepared:
        prepare()
    client.connection.close()
    harness.run_for(0.01)
    if not prepared:
        prepare()
    requests[0].accept(ConnectOptions(), server)
    harness.run_until(lambda: server.told("failed"))
    assert isinstance(server.error, ConnectionAbortedError)
    server.recv(8, "late")
    harness.run_until(lambda: server.received)
    assert server.received[0].status == WcStatus.WR_FLUSH_ERR


def test_a_request_to_a_listener_that_is_closed(harness: Harness) -> None:
    requests: list[ConnectionRequest] = []
    port = harness.new_port()
    listener = harness.a.listen(harness.host, port, requests.append)
    client = Side(harness.b, QpOptions())
    start(harness, client, port, ConnectOptions())
    # Until the request is on its way.
    harness.run_until(lambda: len(harness.network.ids) == 3)
    child = max(harness.network.ids)
    event = harness.network.channels[harness.network.ids[child].channel].events[0]
    listener.close()
    harness.libraries[0].tell(child, librdmacm.CONNECT_REQUEST)
    assert event.listener
    harness.run_until(lambda: client.told("failed"))
    assert requests == []


def test_events_that_mean_nothing(harness: Harness) -> None:
    client, server = pair(harness, receives=1)
    for identifier in harness.network.ids:
        harness.libraries[0].tell(identifier, librdmacm.TIMEWAIT_EXIT)
    client.send(b"still here")
    harness.run_until(lambda: server.received)
    listener = harness.a.listen(harness.host, 20700, lambda request: None)
    harness.libraries[0].tell(max(harness.network.ids), librdmacm.DEVICE_REMOVAL)
    harness.run_for(0.01)
    listener.close()


def test_the_device_is_removed(harness: Harness) -> None:
    client, server = pair(harness)
    for identifier in harness.network.ids:
        harness.libraries[0].tell(identifier, librdmacm.DEVICE_REMOVAL)
    harness.run_until(lambda: client.told("disconnected") and server.told("disconnected"))
    assert "fake0 was removed" in str(client.events[-1][1])


def test_good_byes_nobody_answers(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfsrdma.rpcrdma.providers.rdmacore.events._LINGER_S", 0.02)
    client, _ = pair(harness)
    harness.libraries[1].fail_at.add("disconnect")
    client.connection.close()
    assert len(harness.network.ids) == 2
    harness.run_until(lambda: not harness.network.ids, 5)


# Queue pairs.


def test_posting_fails(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = pair(harness)

    def refuse(*_: Any) -> None:
        raise FakeError("Failed to post", errno.ENOMEM)

    monkeypatch.setattr("tests.support.fake_adapter.QP.post_send", refuse)
    monkeypatch.setattr("tests.support.fake_adapter.QP.post_recv", refuse)
    queue_pair = client.connection.queue_pair
    with pytest.raises(VerbsError, match="cannot send"):
        client.send(b"x" * 300_000)
    with pytest.raises(VerbsError, match="cannot receive"):
        client.recv(8)
    with pytest.raises(VerbsError, match="cannot bind"):
        client.pd.register(memoryview(bytearray(8)), EVERYTHING)
    with pytest.raises(VerbsError, match="read-only"):
        queue_pair.post_recv(RecvWR(memoryview(b"constant")))
    request = SendWR(WrOpcode.RDMA_READ, [memoryview(b"constant")])
    with pytest.raises(VerbsError, match="read-only"):
        queue_pair.post_send(request)
    monkeypatch.undo()
    assert not harness.adapter.open["MR"]


def test_numbers_wrap_around(harness: Harness) -> None:
    client, server = pair(harness)
    for side in (client, server):
        side.connection.queue_pair._next_number = (1 << 31) - 3  # type: ignore[attr-defined]
    for index in range(8):
        server.recv(16, index)
        client.send(b"x", wr_id=index, signaled=index % 3 == 1)
    harness.run_until(lambda: len(server.received) == 8)
    assert [wc.wr_id for wc in server.received] == list(range(8))
    assert [wc.wr_id for wc in client.sent] == [1, 4, 7]


def test_a_status_of_the_adapters_own(harness: Harness) -> None:
    client, _ = pair(harness)
    adapter_queue_pair = client.connection.queue_pair._qp  # type: ignore[attr-defined]
    adapter_queue_pair.execute = lambda wr: 18
    client.send(b"x")
    harness.run_until(lambda: client.sent and client.told("disconnected"))
    assert client.sent[0].status == WcStatus.GENERAL_ERR


@pytest.mark.parametrize("told", [2, 9])
def test_what_soft_roce_says_of_a_buffer_too_small(harness: Harness, told: int) -> None:
    client, server = pair(harness)
    server.recv(4)
    adapter_queue_pair = server.connection.queue_pair._qp  # type: ignore[attr-defined]
    wr_id = adapter_queue_pair.receives.popleft().wr_id
    adapter_queue_pair.rcq.add(wr_id=wr_id, status=told, opcode=128)
    harness.run_until(lambda: server.received and client.told("disconnected"))
    assert server.received[0].status == WcStatus.LOC_LEN_ERR


def test_an_adapter_that_does_not_flush(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    client, server = pair(harness)
    region = server.pd.register(memoryview(bytearray(8)), EVERYTHING)
    for index in range(3):
        client.recv(8, index)
        client.send(b"never received", wr_id=index, signaled=index == 1)
    client.post(
        *(WrOpcode.RDMA_READ, [bytearray(300_000)]), rkey=region.rkey, wr_id=3, signaled=False
    )

    def forget(self: Any) -> None:
        self.sends.clear()
        self.receives.clear()

    monkeypatch.setattr("tests.support.fake_adapter.QP.fail", forget)
    client.connection.disconnect()
    harness.run_until(lambda: len(client.sent) == 4 and len(client.received) == 3)
    assert [(wc.wr_id, wc.status) for wc in client.sent] == [(n, 5) for n in range(4)]
    assert [(wc.wr_id, wc.status) for wc in client.received] == [(n, 5) for n in range(3)]


def test_invalidating_in_turn_and_flushed(regions: Harness) -> None:
    """Without windows there is no request for it: it waits for those before it that speak."""
    client, server = pair(regions, receives=1)
    first = client.pd.register(memoryview(bytearray(8)), EVERYTHING)
    second = client.pd.register(memoryview(bytearray(8)), EVERYTHING)
    client.send(b"arrives", wr_id=0)
    client.send(b"waits", wr_id=1)
    client.post(WrOpcode.LOCAL_INV, rkey=first.rkey, wr_id=2)
    assert not first.valid
    client.send(b"waits, too", wr_id=3, signaled=False)
    client.post(WrOpcode.LOCAL_INV, rkey=second.rkey, wr_id=4, signaled=False)
    regions.run_until(lambda: client.sent)
    assert [wc.wr_id for wc in client.sent] == [0]
    client.connection.disconnect()
    regions.run_until(lambda: len(client.sent) == 5)
    assert [(wc.wr_id, wc.status) for wc in client.sent[1:]] == [(n, 5) for n in (1, 2, 3, 4)]
    assert client.sent[2].opcode == WcOpcode.LOCAL_INV
    del server


def test_invalidating_at_once_and_silently(regions: Harness) -> None:
    client, _ = pair(regions)
    regions_of = [client.pd.register(memoryview(bytearray(8)), EVERYTHING) for _ in range(2)]
    client.post(WrOpcode.LOCAL_INV, rkey=regions_of[0].rkey, signaled=False)
    client.post(WrOpcode.LOCAL_INV, rkey=regions_of[1].rkey, wr_id="told")
    regions.run_until(lambda: client.sent)
    assert [wc.wr_id for wc in client.sent] == ["told"]


def test_an_unknown_key_cannot_be_invalidated(harness: Harness) -> None:
    client, _ = pair(harness)
    client.post(WrOpcode.LOCAL_INV, rkey=0xDEAD)
    harness.run_until(lambda: client.sent)
    assert client.sent[0].status != WcStatus.SUCCESS


# Memory.


def test_windows_only_where_one_queue_pair_is_connected(harness: Harness) -> None:
    client, server = pair(harness)
    before = client.pd.register(memoryview(bytearray(8)), EVERYTHING)
    assert harness.adapter.open["MW"] == 1
    lonely = harness.b.create_pd()
    alone = lonely.register(memoryview(bytearray(8)), EVERYTHING)
    assert harness.adapter.open["MW"] == 1
    client.connection.disconnect()
    assert not before.valid
    assert not harness.adapter.open["MW"]
    before.deregister()
    alone.deregister()
    after = client.pd.register(memoryview(bytearray(8)), EVERYTHING)
    assert not harness.adapter.open["MW"]
    after.deregister()
    del server


def test_no_window_to_be_had(harness: Harness) -> None:
    client, _ = pair(harness)
    harness.adapter.broken.add("MW")
    with pytest.raises(VerbsError, match="no memory window"):
        client.pd.register(memoryview(bytearray(8)), EVERYTHING)
    harness.adapter.broken.clear()
    assert not harness.adapter.open["MR"]


def test_no_room_to_bind(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = pair(harness, client=QpOptions(send_depth=4))
    # An adapter that does nothing: the bindings stay in its queue.
    monkeypatch.setattr("tests.support.fake_adapter.QP.run", lambda self: None)
    for _ in range(4 + 4 + 64):
        client.pd.register(memoryview(bytearray(8)), EVERYTHING)
    with pytest.raises(VerbsError, match="no room to bind"):
        client.pd.register(memoryview(bytearray(8)), EVERYTHING)
    monkeypatch.undo()


def test_nothing_can_be_registered(harness: Harness) -> None:
    client, _ = pair(harness)
    harness.adapter.broken.add("MR")
    with pytest.raises(VerbsError, match="ulimit -l"):
        client.pd.register(memoryview(bytearray(8)), EVERYTHING)
    with pytest.raises(VerbsError, match="cannot be registered"):
        harness.b.create_pd().register(memoryview(bytearray(8)), EVERYTHING)
    with pytest.raises(VerbsError, match="cannot be registered"):
        client.send(b"hello")
    with pytest.raises(VerbsError, match="cannot be registered"):
        client.recv(8)
    harness.adapter.broken.clear()
    with pytest.raises(VerbsError, match="empty"):
        client.pd.register(memoryview(bytearray(0)), Access.LOCAL_WRITE)


def unpinnable(monkeypatch: pytest.MonkeyPatch, refused: Callable[[Any], bool]) -> None:
    """Have the kernel refuse some registrations."""
    make_mr = staging.new_mr

    def new_mr(pyverbs: Any, pd: Any, address: int, length: int, access: int) -> Any:
        if refused((address, length, access)):
            raise VerbsError("Bad address", WcStatus.LOC_PROT_ERR)
        return make_mr(pyverbs, pd, address, length, access)

    monkeypatch.setattr(staging, "new_mr", new_mr)
    monkeypatch.setattr("nfsrdma.rpcrdma.providers.rdmacore.memory.new_mr", new_mr)


@pytest.mark.parametrize("windows", [True, False])
def test_what_cannot_be_pinned_is_copied(windows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = make(windows)
    client, server = pair(harness)
    constant = memoryview(b"constant" * 40_000)
    where = staging.address_of(constant)
    unpinnable(monkeypatch, lambda asked: asked[0] == where)
    region = client.pd.register(constant, Access.REMOTE_READ)
    assert region.view == constant
    sink = bytearray(len(constant))
    server.post(*(WrOpcode.RDMA_READ, [sink]), remote_address=region.address, rkey=region.rkey)
    harness.run_until(lambda: server.sent)
    assert sink == constant
    # As a source of ours, too, and it is not taken for what lies at its own address.
    target = server.pd.register(memoryview(sink), EVERYTHING)
    client.post(
        *(WrOpcode.RDMA_WRITE, [constant[3:]]), remote_address=target.address, rkey=target.rkey
    )
    if windows:
        # That part is not where the refused one is: it is registered.
        assert harness.adapter.open["MR"]
    harness.run_until(lambda: client.sent)
    assert sink[: len(constant) - 3] == constant[3:]
    region.deregister()
    harness.close()


def test_a_receive_buffer_too_large_to_register_as_a_whole(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = pair(harness)
    ring = memoryview(bytearray(8192))
    unpinnable(monkeypatch, lambda asked: asked[1] == 8192)
    server.connection.queue_pair.post_recv(RecvWR(ring[100:200], "part"))
    client.send(b"hello")
    harness.run_until(lambda: server.received)
    assert ring[100:105] == b"hello"
    monkeypatch.setattr(staging, "_MOST_WHOLE", 100)
    server.connection.queue_pair.post_recv(RecvWR(ring[200:300], "another"))
    client.send(b"world")
    harness.run_until(lambda: len(server.received) == 2)
    assert ring[200:205] == b"world"


def test_a_receive_ring_is_registered_once(harness: Harness) -> None:
    client, server = pair(harness)
    ring = memoryview(bytearray(64 * 128))
    for start_at in range(0, len(ring), 128):
        server.connection.queue_pair.post_recv(RecvWR(ring[start_at : start_at + 128]))
    assert harness.adapter.open["MR"] == 1
    client.send(b"hello")
    harness.run_until(lambda: server.received)
    # What is in it can be sent from where it is.
    client.recv(128)
    request = SendWR(WrOpcode.SEND, [ring[:5]])
    server.connection.queue_pair.post_send(request)
    harness.run_until(lambda: client.received)
    assert harness.adapter.open["MR"] == 2  # the ring, and the client's slots


def test_local_memory_that_is_read_only_is_no_destination(harness: Harness) -> None:
    client, server = pair(harness)
    constant = b"c" * 64
    region = client.pd.register(memoryview(constant), Access.REMOTE_READ)
    assert client.pd.local.use(memoryview(constant), False)  # type: ignore[attr-defined]
    assert client.pd.local.use(memoryview(constant), True) is None  # type: ignore[attr-defined]
    (registration,) = client.pd.local._by_object[id(constant)]  # type: ignore[attr-defined]
    client.pd.local.release(registration)  # type: ignore[attr-defined]
    region.deregister()
    del server


def test_more_than_the_slots_hold(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then what would be copied is registered."""
    monkeypatch.setattr(staging, "_MOST_ARENAS", 1)
    client, server = pair(harness)
    count = staging._ARENA // 4096 + 5
    for index in range(count):
        client.send(b"%04d" % index)
    client.post(WrOpcode.SEND, [b"a" * 2500, b"b" * 2500])  # of another size: no slot either
    for _ in range(count):
        server.recv(8)
    last = server.recv(5000)
    harness.run_until(lambda: len(server.received) == count + 1)
    assert last == b"a" * 2500 + b"b" * 2500
    assert [wc.status for wc in client.sent] == [WcStatus.SUCCESS] * (count + 1)


def test_buffers_that_are_not_octets(harness: Harness) -> None:
    client, server = pair(harness)
    words = memoryview(bytearray(32)).cast("I")
    server.connection.queue_pair.post_recv(RecvWR(words))
    numbers = memoryview(bytes(range(8))).cast("H")
    client.connection.queue_pair.post_send(SendWR(WrOpcode.SEND, [numbers]))
    harness.run_until(lambda: server.received)
    assert words.cast("B")[:8] == bytes(range(8))
    with pytest.raises(VerbsError, match="not usable"):
        client.pd.register(memoryview(bytearray(64))[::2], EVERYTHING)
