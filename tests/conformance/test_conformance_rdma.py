"""Every provider: RDMA WRITE and READ, and all the ways in which memory is out of reach."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from tests.conformance.harness import EVERYTHING, ProviderHarness, Side, pair

from nfsrdma.rpcrdma.verbs.interfaces import MemoryRegion
from nfsrdma.rpcrdma.verbs.types import (
    Access,
    ConnectOptions,
    QpOptions,
    WcOpcode,
    WcStatus,
    WrOpcode,
)


def write(side: Side, region: MemoryRegion, data: bytes, offset: int = 0, **fields: object) -> None:
    where = {"rkey": region.rkey, "remote_address": region.address + offset}
    side.post(WrOpcode.RDMA_WRITE, [data], **{**where, **fields})


def read(
    side: Side, region: MemoryRegion, size: int, offset: int = 0, **fields: object
) -> bytearray:
    sink = bytearray(size)
    where = {"rkey": region.rkey, "remote_address": region.address + offset}
    side.post(WrOpcode.RDMA_READ, [sink], **{**where, **fields})
    return sink


@pytest.mark.parametrize("size", [1, 2, 3, 4096, 8191, 70_001])
def test_write_and_read_back(harness: ProviderHarness, size: int) -> None:
    client, server = pair(harness)
    memory = bytearray(size + 20)
    region = server.register(memoryview(memory), EVERYTHING)
    data = Random(size).randbytes(size)
    write(client, region, data, offset=7)
    sink = read(client, region, size, offset=7)
    harness.run_until(lambda: len(client.sent) == 2)
    assert [(wc.opcode, wc.status) for wc in client.sent] == [
        (WcOpcode.RDMA_WRITE, WcStatus.SUCCESS),
        (WcOpcode.RDMA_READ, WcStatus.SUCCESS),
    ]
    assert sink == data
    assert memory == bytes(7) + data + bytes(13)
    assert server.received == []


def test_the_passive_side_can_do_it_too(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    memory = bytearray(b"from the client")
    region = client.register(memoryview(memory), EVERYTHING)
    sink = read(server, region, 4)
    # Elsewhere than what is read: without a fence a WRITE may overtake a READ.
    write(server, region, b"CLIENT", offset=9)
    harness.run_until(lambda: len(server.sent) == 2)
    assert sink == b"from"
    assert memory == b"from the CLIENT"


def test_scatter_and_gather(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    memory = bytearray(20_000)
    region = server.register(memoryview(memory), EVERYTHING)
    pieces = [b"a" * 3, b"b" * 5000, b"", b"c" * 4097]
    client.post(WrOpcode.RDMA_WRITE, pieces, rkey=region.rkey, remote_address=region.address + 1)
    sinks = [bytearray(5001), bytearray(2), bytearray(4098)]
    client.post(WrOpcode.RDMA_READ, sinks, rkey=region.rkey, remote_address=region.address)
    harness.run_until(lambda: len(client.sent) == 2)
    assert b"".join(sinks) == b"\0" + b"".join(pieces) == bytes(memory[:9101])


def test_zero_length_needs_no_key(harness: ProviderHarness) -> None:
    client, _ = pair(harness)
    client.post(WrOpcode.RDMA_WRITE, [], rkey=0, remote_address=0)
    client.post(WrOpcode.RDMA_READ, [], rkey=0, remote_address=0)
    harness.run_until(lambda: len(client.sent) == 2)
    assert {wc.status for wc in client.sent} == {WcStatus.SUCCESS}


@pytest.mark.needs("immediate")
def test_write_with_immediate(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=1)
    memory = bytearray(10_000)
    region = server.register(memoryview(memory), EVERYTHING)
    client.post(
        *(WrOpcode.RDMA_WRITE_WITH_IMM, [b"z" * 10_000]),
        rkey=region.rkey,
        remote_address=region.address,
        imm_data=77,
    )
    harness.run_until(lambda: server.received and client.sent)
    (completion,) = server.received
    assert (completion.opcode, completion.imm_data) == (WcOpcode.RECV_RDMA_WITH_IMM, 77)
    assert completion.byte_len == 10_000
    assert memory == b"z" * 10_000


def test_eight_mebibytes_each_way(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    size = 8 << 20
    memory = bytearray(size)
    region = server.register(memoryview(memory), EVERYTHING)
    data = Random(8).randbytes(size)
    write(client, region, data)
    harness.run_until(lambda: client.sent, 120)
    assert client.sent[0].status == WcStatus.SUCCESS
    assert memory == data
    sink = read(client, region, size)
    harness.run_until(lambda: len(client.sent) == 2, 120)
    assert client.sent[1].status == WcStatus.SUCCESS
    assert sink == data


def test_many_reads_beyond_the_depth(harness: ProviderHarness) -> None:
    client, server = pair(harness, connect=ConnectOptions(initiator_depth=2))
    memory = Random(3).randbytes(64 * 1000)
    region = server.register(memoryview(bytearray(memory)), EVERYTHING)
    sinks = [read(client, region, 1000, offset=1000 * index) for index in range(64)]
    harness.run_until(lambda: len(client.sent) == 64)
    assert {wc.status for wc in client.sent} == {WcStatus.SUCCESS}
    assert b"".join(sinks) == memory


# Out of reach.


def wrong_key(server: Side, client: Side, region: MemoryRegion) -> dict[str, int]:
    return {"rkey": region.rkey ^ 0x5A5A5A5A}


def before_the_start(server: Side, client: Side, region: MemoryRegion) -> dict[str, int]:
    return {"remote_address": region.address - 1}


def over_the_end(server: Side, client: Side, region: MemoryRegion) -> dict[str, int]:
    return {"remote_address": region.address + 64 - 7}


def around_the_address_space(server: Side, client: Side, region: MemoryRegion) -> dict[str, int]:
    return {"remote_address": (1 << 64) - 4}


def deregistered(server: Side, client: Side, region: MemoryRegion) -> dict[str, int]:
    region.deregister()
    region.deregister()
    return {}


def of_a_closed_domain(server: Side, client: Side, region: MemoryRegion) -> dict[str, int]:
    server.pd.close()
    return {}


def of_another_domain(server: Side, client: Side, region: MemoryRegion) -> dict[str, int]:
    other = server.device.create_pd().register(region.view, EVERYTHING)
    return {"rkey": other.rkey, "remote_address": other.address}


def without_the_flag(server: Side, client: Side, region: MemoryRegion) -> dict[str, int]:
    local = server.register(region.view, Access.LOCAL_WRITE)
    return {"rkey": local.rkey, "remote_address": local.address}


REACHES = [
    wrong_key,
    before_the_start,
    over_the_end,
    around_the_address_space,
    deregistered,
    of_a_closed_domain,
    of_another_domain,
    without_the_flag,
]


@pytest.mark.parametrize("opcode", [WrOpcode.RDMA_WRITE, WrOpcode.RDMA_READ], ids=["write", "read"])
@pytest.mark.parametrize("reach", REACHES, ids=lambda reach: reach.__name__)
def test_memory_out_of_reach(
    harness: ProviderHarness,
    reach: Callable[[Side, Side, MemoryRegion], dict[str, int]],
    opcode: WrOpcode,
) -> None:
    client, server = pair(harness)
    memory = bytearray(b"-" * 64)
    region = server.register(memoryview(memory), EVERYTHING)
    fields: dict[str, int] = {"rkey": region.rkey, "remote_address": region.address}
    fields |= reach(server, client, region)
    buffer = bytearray(b"intruder")
    client.post(opcode, [buffer], wr_id="bad", **fields)
    client.send(b"behind it", wr_id="flushed")
    harness.run_until(lambda: len(client.sent) == 2)
    assert client.sent[0].wr_id == "bad"
    assert client.sent[0].status == harness.refusal(client.sent[0])
    assert (client.sent[1].wr_id, client.sent[1].status) == ("flushed", WcStatus.WR_FLUSH_ERR)
    assert memory == b"-" * 64
    assert buffer == b"intruder"
    harness.run_until(lambda: client.told("disconnected") and server.told("disconnected"))


@pytest.mark.parametrize("opcode", [WrOpcode.RDMA_WRITE, WrOpcode.RDMA_READ], ids=["write", "read"])
def test_a_queue_pair_without_access_answers_nothing(
    harness: ProviderHarness, opcode: WrOpcode
) -> None:
    client, server = pair(harness, server=QpOptions(access=0))
    memory = bytearray(64)
    region = server.register(memoryview(memory), EVERYTHING)
    client.post(opcode, [bytearray(b"x" * 64)], rkey=region.rkey, remote_address=region.address)
    harness.run_until(lambda: client.sent)
    assert client.sent[0].status in (WcStatus.REM_INV_REQ_ERR, harness.refusal(client.sent[0]))
    assert memory == bytes(64)


def test_a_flag_permits_one_direction_only(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    readable = server.register(memoryview(b"constant"), Access.REMOTE_READ)
    sink = read(client, readable, 8)
    harness.run_until(lambda: client.sent)
    assert sink == b"constant"
    write(client, readable, b"x")
    harness.run_until(lambda: len(client.sent) == 2)
    assert client.sent[1].status == harness.refusal(client.sent[1])


@pytest.mark.needs("remote invalidation")
def test_an_invalidated_region_is_out_of_reach(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=1)
    memory = bytearray(8)
    region = client.register(memoryview(memory), EVERYTHING)
    write(server, region, b"1")
    server.post(WrOpcode.SEND_WITH_INV, [b"done"], rkey=region.rkey)
    write(server, region, b"2")
    harness.run_until(lambda: len(server.sent) == 3)
    assert [wc.status for wc in server.sent] == [
        *(WcStatus.SUCCESS, WcStatus.SUCCESS),
        harness.refusal(server.sent[2]),
    ]
    assert memory == b"1" + bytes(7)


def test_local_invalidation(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    memory = bytearray(8)
    region = server.register(memoryview(memory), EVERYTHING)
    server.post(WrOpcode.LOCAL_INV, rkey=region.rkey, wr_id="inv")
    harness.run_until(lambda: server.sent)
    assert (server.sent[0].opcode, server.sent[0].status) == (
        WcOpcode.LOCAL_INV,
        WcStatus.SUCCESS,
    )
    assert not region.valid
    write(client, region, b"x")
    harness.run_until(lambda: client.sent)
    assert client.sent[0].status == harness.refusal(client.sent[0])
    assert memory == bytes(8)


@pytest.mark.needs("unpredictable keys")
def test_keys_are_unpredictable_and_not_reused(harness: ProviderHarness) -> None:
    pd = harness.a.create_pd()
    view = memoryview(bytearray(16))
    keys = []
    for _ in range(200):
        region = pd.register(view, EVERYTHING)
        keys.append(region.rkey)
        region.deregister()
    assert len(set(keys)) == 200
    steps = {(b - a) & 0xFFFFFFFF for a, b in pairwise(keys)}
    assert len(steps) > 190


def test_a_proposed_address(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    memory = bytearray(32)
    region = server.register(memoryview(memory), EVERYTHING, remote_address=0x1234_0000_0000_0010)
    write(client, region, b"here", offset=4)
    harness.run_until(lambda: client.sent)
    assert client.sent[0].status == WcStatus.SUCCESS
    assert memory[4:8] == b"here"
