"""The verbs provider: what the suite, knowing no provider, cannot ask.

Over an adapter in memory and, with ``NFSRDMA_VERBS_ADDRESS``, over the one that has that address.
"""

from __future__ import annotations

import gc
import mmap
import os
import shutil
import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from tests.conformance.harness import EVERYTHING, HARNESSES, ProviderHarness, Side, pair, start
from tests.support.transport import call_message, decode_reply, echo, reply_size

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.transport import connect_rdma, listen_rdma
from nfsrdma.rpcrdma.verbs.interfaces import ConnectionRequest
from nfsrdma.rpcrdma.verbs.types import (
    Access,
    ConnectOptions,
    QpOptions,
    SendWR,
    VerbsError,
    WcStatus,
    WrOpcode,
)

VARIANTS = [name for name in sorted(HARNESSES) if name.startswith("verbs-")]


@pytest.fixture(params=VARIANTS)
def harness(request: pytest.FixtureRequest) -> Iterator[ProviderHarness]:
    made = HARNESSES[request.param]()
    yield made
    made.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def handles() -> dict[str, int]:
    """Objects of this machine's devices, by the kernel's own count."""
    if shutil.which("rdma") is None:
        return {}
    shown = subprocess.run(["rdma", "resource", "show"], capture_output=True, text=True)
    found = {}
    for line in shown.stdout.splitlines():
        _, device, *counts = line.split()
        found |= {
            f"{device} {kind}": int(n) for kind, n in zip(counts[::2], counts[1::2], strict=True)
        }
    return found


# Nothing is left behind.


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_closed_device_has_given_everything_back(variant: str) -> None:
    HARNESSES[variant]().close()  # librdmacm opens the devices for itself, once and for all
    gc.collect()  # what other tests left behind is not ours to count
    before, resources = descriptors(), handles()
    for _ in range(3):
        harness = HARNESSES[variant]()
        client, server = pair(harness, receives=4)
        region = client.register(memoryview(bytearray(100_000)), EVERYTHING)
        server.post(
            *(WrOpcode.RDMA_READ, [bytearray(100_000)]),
            remote_address=region.address,
            rkey=region.rkey,
        )
        server.send(b"x")
        harness.run_until(lambda c=client, s=server: len(s.sent) == 2 and c.received)
        harness.close()
        del harness, client, server, region
        gc.collect()
    assert descriptors() == before
    assert handles() == resources


def test_a_closed_connection_has_given_everything_back(harness: ProviderHarness) -> None:
    def connect_and_close() -> None:
        client, server = pair(harness, receives=4)
        client.send(b"x" * 3000)
        harness.run_until(lambda: server.received)
        for side in (client, server):
            side.connection.close()
            side.pd.close()
        harness.run_for(0.3)  # for the good-byes

    connect_and_close()
    gc.collect()  # what other tests left behind is not ours to count
    before, resources = descriptors(), handles()
    for _ in range(5):
        connect_and_close()
    assert descriptors() == before
    assert handles() == resources


def test_requests_do_not_leak(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=2)

    def exchange(count: int) -> None:
        for _ in range(count):
            client.send(b"x" * 100)
            server.recv(4096)
            harness.run_until(lambda: client.sent and server.received)
            client.sent.clear()
            server.received.clear()

    exchange(50)
    # pyverbs' own memory is malloc'd: the process must not grow. Python's is traced.
    tracemalloc.start()
    exchange(20)
    traced, resident = tracemalloc.get_traced_memory()[0], resident_octets()
    exchange(400)
    grown = tracemalloc.get_traced_memory()[0] - traced
    tracemalloc.stop()
    assert grown < 40_000
    assert resident_octets() - resident < 1 << 20


def resident_octets() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


# Memory.


def test_a_read_only_mapping_of_a_file(harness: ProviderHarness, tmp_path: Path) -> None:
    """Which the kernel does not pin: it is copied."""
    content = Random(1).randbytes(300_000)
    path = tmp_path / "file"
    path.write_bytes(content)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        client, server = pair(harness)
        region = client.register(memoryview(mapped), Access.REMOTE_READ)
        sink = bytearray(len(content))
        server.post(*(WrOpcode.RDMA_READ, [sink]), remote_address=region.address, rkey=region.rkey)
        harness.run_until(lambda: server.sent)
        assert server.sent[0].status == WcStatus.SUCCESS
        assert sink == content
        # And as a source of ours, too long for a slot.
        target = server.register(memoryview(sink), EVERYTHING)
        request = SendWR(
            *(WrOpcode.RDMA_WRITE, [memoryview(mapped)[7:]]),
            remote_address=target.address,
            rkey=target.rkey,
        )
        client.connection.queue_pair.post_send(request)
        harness.run_until(lambda: client.sent)
        assert sink[: len(content) - 7] == content[7:]
        region.deregister()
        client.sent.clear()
        del region, request


def test_memory_is_let_go(harness: ProviderHarness) -> None:
    """A buffer can be resized again when nothing uses it."""
    client, server = pair(harness)
    buffer = server.recv(4096)
    client.send(b"hello")
    harness.run_until(lambda: server.received)
    server.received.clear()
    buffer.extend(b"more")
    registered = bytearray(5000)
    region = client.register(memoryview(registered), EVERYTHING)
    with pytest.raises(BufferError):
        registered.extend(b"more")
    region.deregister()
    del region
    registered.extend(b"more")


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 65_537, 262_144, 262_145, 3_000_000])
def test_sources_and_destinations_of_every_size(harness: ProviderHarness, size: int) -> None:
    """From the smallest slot to a registration for the moment."""
    client, server = pair(harness)
    memory = bytearray(2 * size + 2)
    region = server.register(memoryview(memory), EVERYTHING)
    where = {"remote_address": region.address, "rkey": region.rkey}
    data = Random(size).randbytes(size)
    client.post(WrOpcode.RDMA_WRITE, [b"a", data, data, b"b"], **where)
    sinks = [bytearray(1), bytearray(size), bytearray(size), bytearray(1)]
    client.post(WrOpcode.RDMA_READ, sinks, **where)
    harness.run_until(lambda: len(client.sent) == 2, 60)
    assert memory == b"a" + data + data + b"b"
    assert b"".join(sinks) == memory


def test_more_pieces_than_the_device_takes(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=1)
    limit = harness.b.limits.max_sge
    # Short ones are put together anyway.
    client.post(WrOpcode.SEND, [bytes([65 + index]) for index in range(limit + 9)])
    harness.run_until(lambda: server.received)
    assert server.received[0].byte_len == limit + 9
    registered = memoryview(bytearray(1000))
    region = client.register(registered, Access.LOCAL_WRITE)
    pieces = [registered[2 * index : 2 * index + 1] for index in range(limit + 1)]
    with pytest.raises(VerbsError, match="pieces"):
        client.connection.queue_pair.post_send(SendWR(WrOpcode.SEND, pieces))
    region.deregister()


def test_many_registrations_without_a_message(harness: ProviderHarness) -> None:
    """Bindings take places in the send queue; they are given back."""
    client, server = pair(harness, client=QpOptions(send_depth=8, access=int(EVERYTHING)))
    buffers = [bytearray(64) for _ in range(300)]
    for index, buffer in enumerate(buffers):
        region = client.pd.register(memoryview(buffer), EVERYTHING)
        server.post(
            *(WrOpcode.RDMA_WRITE, [b"%d" % index]),
            remote_address=region.address,
            rkey=region.rkey,
        )
        harness.run_until(lambda i=index: len(server.sent) == i + 1)
        region.deregister()
    assert {wc.status for wc in server.sent} == {WcStatus.SUCCESS}
    assert [buffer.rstrip(b"\0") for buffer in buffers] == [b"%d" % i for i in range(300)]


def test_invalidating_behind_other_requests(harness: ProviderHarness) -> None:
    client, _ = pair(harness, receives=4)
    region = client.register(memoryview(bytearray(64)), EVERYTHING)
    client.send(b"first", wr_id=1)
    client.post(WrOpcode.LOCAL_INV, rkey=region.rkey, wr_id=2)
    client.send(b"last", wr_id=3)
    harness.run_until(lambda: len(client.sent) == 3)
    assert [(wc.wr_id, wc.status) for wc in client.sent] == [(1, 0), (2, 0), (3, 0)]
    assert not region.valid
    region.deregister()


# Devices and addresses.


@pytest.mark.skipif("NFSRDMA_VERBS_ADDRESS" not in os.environ, reason="no device")
def test_devices_by_name_and_by_address() -> None:
    reactor = SelectReactor()
    device = open_device("verbs", reactor)
    name = device.name
    device.close()
    device.close()
    named = open_device("verbs", reactor, device=name)
    assert named.name == name
    named.close()
    with pytest.raises(OSError, match=f"no RDMA device 'hca99': there are.*{name}"):
        open_device("verbs", reactor, device="hca99")
    with pytest.raises(OSError, match=r"no RDMA device has the address 127\.0\.0\.1"):
        open_device("verbs", reactor, address="127.0.0.1")
    reactor.close()


def test_a_wildcard_listener(harness: ProviderHarness) -> None:
    client, server = Side(harness.b, QpOptions()), Side(harness.a, QpOptions())

    def on_request(request: ConnectionRequest) -> None:
        server.connection = request.prepare(
            server.pd, server.send_cq, server.recv_cq, server.options
        )
        request.accept(ConnectOptions(), server)

    listener = harness.a.listen("0.0.0.0", 20500, on_request)
    assert listener.address == ("0.0.0.0", 20500)
    start(harness, client, 20500, ConnectOptions())
    harness.run_until(lambda: client.told("established") and server.told("established"))


def test_a_listener_whose_owner_fails(
    harness: ProviderHarness, caplog: pytest.LogCaptureFixture
) -> None:
    def on_request(request: ConnectionRequest) -> None:
        raise RuntimeError("no, sorry")

    port = harness.new_port()
    harness.a.listen(harness.host, port, on_request)
    client = Side(harness.b, QpOptions())
    start(harness, client, port, ConnectOptions())
    harness.run_until(lambda: client.told("failed"))
    assert isinstance(client.error, ConnectionRefusedError)
    assert "no, sorry" in caplog.text


def test_depths_that_the_device_does_not_have(harness: ProviderHarness) -> None:
    client = Side(harness.b, QpOptions(send_depth=harness.b.limits.max_qp_wr + 1))
    before = descriptors()
    with pytest.raises(VerbsError):
        start(harness, client, 20049, ConnectOptions())
    assert descriptors() == before


def test_a_shared_completion_queue(harness: ProviderHarness) -> None:
    """Several queue pairs complete in one; it grows, and outlives the first to go."""
    client, server = Side(harness.b, QpOptions()), Side(harness.a, QpOptions())
    client.recv_cq = client.send_cq
    connections = []
    for _ in range(3):

        def on_request(request: ConnectionRequest) -> None:
            server.events.clear()
            server.connection = request.prepare(
                server.pd, server.send_cq, server.recv_cq, server.options
            )
            server.recv(64)
            request.accept(ConnectOptions(), server)

        port = harness.new_port()
        listener = harness.a.listen(harness.host, port, on_request)
        client.events.clear()
        start(harness, client, port, ConnectOptions())
        harness.run_until(lambda: client.told("established") and server.told("established"))
        connections.append(client.connection)
        listener.close()
    for index, connection in enumerate(connections):
        request = SendWR(WrOpcode.SEND, [memoryview(b"hello")], wr_id=index)
        connection.queue_pair.post_send(request)
        harness.run_until(lambda: client.sent)
        assert [wc.wr_id for wc in client.sent] == [index]
        client.sent.clear()
        connection.close()


# The transport above it.


@pytest.mark.parametrize("eligible", [True, False], ids=["reduced", "long"])
def test_calls_with_chunks(harness: ProviderHarness, eligible: bool) -> None:
    """RPC-over-RDMA with chunks of every kind; the server invalidates where it may."""
    listen_rdma(harness.a, harness.reactor, harness.host, 20600, echo)
    future = connect_rdma(harness.b, harness.reactor, harness.host, 20600)
    harness.run_until(future.done)
    channel = future.result()
    for xid, size in enumerate((0, 100, 5000, 70_000, 600_000)):
        items = [(eligible, Random(size).randbytes(size)), (False, b"x" * 9)]
        reply = channel.call(
            call_message(xid, items),
            max_reply=reply_size(items),
            sinks=[memoryview(bytearray(size))] if eligible else [],
        )
        harness.run_until(reply.done)
        assert decode_reply(reply.result()) == (xid, items)
    stats = channel.stats
    assert stats.registrations
    assert bool(stats.remote_invalidations) == harness.b.limits.remote_invalidation
    channel.close()
