"""Every provider: SEND and RECEIVE, completions, flow control, what a queue pair refuses."""

from __future__ import annotations

import pytest
from tests.conformance.harness import EVERYTHING, ProviderHarness, Side, pair

from nfsrdma.rpcrdma.verbs.types import (
    Access,
    ConnectOptions,
    QpOptions,
    VerbsError,
    WcOpcode,
    WcStatus,
    WrOpcode,
)


@pytest.mark.parametrize("size", [1, 3, 4095, 4096, 4097, 100_000])
def test_send_both_ways(harness: ProviderHarness, size: int) -> None:
    client, server = pair(harness)
    data = bytes(index % 251 for index in range(size))
    for sender, receiver in ((client, server), (server, client)):
        buffer = receiver.recv(size + 5, "in")
        sender.send(data, wr_id="out")
        harness.run_until(lambda r=receiver, s=sender: r.received and s.sent)
        (received,), (sent,) = receiver.received, sender.sent
        assert (received.wr_id, received.status, received.opcode, received.byte_len) == (
            *("in", WcStatus.SUCCESS),
            *(WcOpcode.RECV, size),
        )
        assert (sent.wr_id, sent.status, sent.opcode) == ("out", WcStatus.SUCCESS, WcOpcode.SEND)
        assert bytes(buffer) == data + bytes(5)


def test_a_gathered_message(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    pieces = [b"a", b"", b"bcd", bytes(range(256)) * 20, b"e" * 4095]
    buffer = server.recv(16384)
    client.post(WrOpcode.SEND, pieces)
    harness.run_until(lambda: server.received)
    whole = b"".join(pieces)
    assert server.received[0].byte_len == len(whole)
    assert bytes(buffer[: len(whole)]) == whole


def test_an_empty_message(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    server.recv(0)
    server.recv(8)
    client.send(b"")
    client.send(b"")
    harness.run_until(lambda: len(server.received) == 2 and len(client.sent) == 2)
    assert [wc.byte_len for wc in server.received] == [0, 0]
    assert {wc.status for wc in server.received + client.sent} == {WcStatus.SUCCESS}


@pytest.mark.needs("immediate")
def test_immediate_data(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=2)
    client.post(WrOpcode.SEND_WITH_IMM, [b"abc"], imm_data=0xDEADBEEF)
    client.send(b"without")
    harness.run_until(lambda: len(server.received) == 2)
    assert [wc.imm_data for wc in server.received] == [0xDEADBEEF, None]
    assert [wc.byte_len for wc in server.received] == [3, 7]


@pytest.mark.needs("remote invalidation")
def test_send_with_invalidate(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=2)
    region = client.register(memoryview(bytearray(64)), EVERYTHING)
    other = client.register(memoryview(bytearray(64)), EVERYTHING)
    server.post(WrOpcode.SEND_WITH_INV, [b"done"], rkey=region.rkey)
    server.send(b"more")
    harness.run_until(lambda: len(client.received) == 2)
    assert [wc.invalidated_rkey for wc in client.received] == [region.rkey, None]
    assert not region.valid
    assert other.valid


def test_messages_arrive_in_order_and_complete_in_order(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    buffers = [server.recv(8, index) for index in range(100)]
    for index in range(100):
        client.send(b"%03d" % index, wr_id=index)
    harness.run_until(lambda: len(server.received) == 100 and len(client.sent) == 100)
    assert [wc.wr_id for wc in server.received] == list(range(100))
    assert [wc.wr_id for wc in client.sent] == list(range(100))
    assert [bytes(buffer[:3]) for buffer in buffers] == [b"%03d" % i for i in range(100)]


def test_mixed_requests_complete_in_the_order_posted(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=8)
    memory = bytearray(range(256)) * 256
    region = server.register(memoryview(memory), EVERYTHING)
    sink = bytearray(30_000)
    # What is read is not what is written: a READ that is repeated may be overtaken.
    where = {"rkey": region.rkey, "remote_address": region.address}
    beyond = {"rkey": region.rkey, "remote_address": region.address + 40_000}
    for index, (opcode, piece) in enumerate(
        [
            (WrOpcode.RDMA_READ, sink),
            (WrOpcode.SEND, b"one"),
            (WrOpcode.RDMA_WRITE, b"w" * 9000),
            (WrOpcode.RDMA_READ, bytearray(10)),
            (WrOpcode.RDMA_WRITE, b""),
            (WrOpcode.SEND, b"two"),
        ]
    ):
        there = beyond if opcode == WrOpcode.RDMA_WRITE else where
        client.post(opcode, [piece], wr_id=index, **there)
    harness.run_until(lambda: len(client.sent) == 6)
    assert [(wc.wr_id, wc.status) for wc in client.sent] == [
        (i, WcStatus.SUCCESS) for i in range(6)
    ]
    assert bytes(sink) == bytes(range(256)) * 117 + bytes(range(48))
    assert memory[40_000:49_000] == b"w" * 9000


def test_unsignaled_requests_complete_silently(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=4)
    for index in range(3):
        client.send(b"quiet", signaled=False, wr_id=index)
    client.send(b"loud", wr_id="loud")
    harness.run_until(lambda: len(server.received) == 4 and client.sent)
    assert [wc.wr_id for wc in client.sent] == ["loud"]


def test_unsignaled_requests_that_fail_are_reported(harness: ProviderHarness) -> None:
    client, _ = pair(harness, accept=ConnectOptions(rnr_retry_count=7))
    client.send(b"never received", signaled=False, wr_id="quiet")
    client.connection.disconnect()
    harness.run_until(lambda: client.sent)
    assert [(wc.wr_id, wc.status) for wc in client.sent] == [("quiet", WcStatus.WR_FLUSH_ERR)]


@pytest.mark.needs("rnr")
def test_the_sender_waits_for_a_receive(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    client.send(b"patience")
    harness.run_for(0.05)
    assert client.sent == []
    buffer = server.recv(16)
    harness.run_until(lambda: client.sent and server.received)
    assert client.sent[0].status == WcStatus.SUCCESS
    assert bytes(buffer[:8]) == b"patience"


@pytest.mark.needs("rnr")
def test_a_sender_without_patience_fails(harness: ProviderHarness) -> None:
    client, server = pair(harness, accept=ConnectOptions(rnr_retry_count=0))
    client.send(b"now or never", wr_id=1)
    client.send(b"behind it", wr_id=2)
    harness.run_until(lambda: len(client.sent) == 2 and client.told("disconnected"))
    assert [wc.status for wc in client.sent] == [
        WcStatus.RNR_RETRY_EXC_ERR,
        WcStatus.WR_FLUSH_ERR,
    ]
    harness.run_until(lambda: server.told("disconnected"))


def test_a_receive_buffer_too_small(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    buffer = server.recv(4, "small")
    server.recv(100, "next")
    client.send(b"five!", wr_id="sent")
    harness.run_until(lambda: len(server.received) == 2 and client.sent)
    assert server.received[0].wr_id == "small"
    assert [wc.status for wc in server.received] == [WcStatus.LOC_LEN_ERR, WcStatus.WR_FLUSH_ERR]
    assert client.sent[0].status in harness.too_long or harness.lossy
    assert bytes(buffer) == bytes(4)
    harness.run_until(lambda: client.told("disconnected") and server.told("disconnected"))


def test_everything_posted_is_flushed_once(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    memory = server.register(memoryview(bytearray(1 << 20)), EVERYTHING)
    for index in range(10):
        client.recv(64, ("recv", index))
    for index in range(10):
        client.post(
            *(WrOpcode.RDMA_READ, [bytearray(1 << 20)]),
            wr_id=("send", index),
            rkey=memory.rkey,
            remote_address=memory.address,
        )
    client.connection.disconnect()
    harness.run_until(lambda: len(client.sent) == 10 and len(client.received) == 10)
    harness.run_for(0.05)
    assert [wc.wr_id for wc in client.sent] == [("send", index) for index in range(10)]
    assert [wc.wr_id for wc in client.received] == [("recv", index) for index in range(10)]
    assert {wc.status for wc in client.received} == {WcStatus.WR_FLUSH_ERR}
    statuses = [wc.status for wc in client.sent]
    if harness.concurrent:  # Some, the first ones, may have been quicker than the good-bye.
        assert statuses == sorted(statuses)
        statuses = [*filter(None, statuses), WcStatus.WR_FLUSH_ERR]
    assert set(statuses) == {WcStatus.WR_FLUSH_ERR}


def test_what_a_queue_pair_refuses(harness: ProviderHarness) -> None:
    client, _ = pair(harness, client=QpOptions(send_depth=4, recv_depth=2))
    for _ in range(4):
        client.send(b"unanswered")
    with pytest.raises(VerbsError):
        client.send(b"one too many")
    client.recv(8)
    client.recv(8)
    with pytest.raises(VerbsError):
        client.recv(8)
    early = Side(harness.b, QpOptions())
    early.connection = harness.b.connect(early.request(harness.host, 9))
    with pytest.raises(VerbsError):
        early.send(b"not connected")
    early.connection.close()


def test_completion_handlers_are_called_again_for_what_they_leave(
    harness: ProviderHarness,
) -> None:
    client, server = pair(harness, receives=0)
    seen: list[int] = []
    server.recv_cq.set_handler(lambda: seen.append(len(server.recv_cq.poll(2))))
    for _ in range(5):
        server.recv(16)
        client.send(b"x")
    harness.run_until(lambda: sum(seen) == 5)
    assert max(seen) <= 2
    server.recv_cq.set_handler(None)
    server.recv(16)
    client.send(b"y")
    harness.run_until(lambda: len(client.sent) == 6)
    assert sum(seen) == 5
    assert len(server.recv_cq.poll(9)) == 1


def test_registrations_need_writable_memory(harness: ProviderHarness) -> None:
    pd = harness.b.create_pd()
    with pytest.raises(VerbsError):
        pd.register(memoryview(b"constant"), Access.REMOTE_WRITE | Access.LOCAL_WRITE)
    assert pd.register(memoryview(b"constant"), Access.REMOTE_READ).valid
