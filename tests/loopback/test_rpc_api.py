"""``connect`` and ``listen``, with what ``xdrgen`` writes, over all carriers."""

from __future__ import annotations

import asyncio
import random
import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from nfsrdma.rpcrdma import CallRefused, Credentials, TransportError, connect, current_call, listen
from nfsrdma.rpcrdma.api.address import AddressError, parse_address
from nfsrdma.rpcrdma.providers.shm.order import SUITABLE
from nfsrdma.rpcrdma.rpc.message import (
    GarbageArguments,
    ProcedureUnavailable,
    ProgramMismatch,
    RemoteFailure,
)
from nfsrdma.xdr import XdrError
from nfsrdma.xdr.compiler.emitter import Parts
from nfsrdma.xdr.compiler.generate import generate

SPECIFICATION = """
struct range { unsigned hyper offset; unsigned int count; };
struct block { bool end; opaque data<>; };   /* xdrgen: ddp block.data, STORE.data */
typedef opaque blob<>;
program TEST_PROG { version TEST_V2 {
    void NULL(void) = 0;
    string SHOUT(string) = 1;
    block FETCH(range) = 2;
    int STORE(blob data) = 3;
    int FAIL(void) = 4;
    void WAIT(void) = 5;
    string WHO(void) = 6;
} = 2; } = 0x20000e41;
"""
DATA = random.Random(1).randbytes(1 << 20)
CARRIERS = [
    "tcp",
    "soft",
    pytest.param("shm", marks=pytest.mark.skipif(not SUITABLE, reason="no shared memory here")),
]


def protocol(text: str = SPECIFICATION) -> Any:
    module = types.ModuleType("protocol")
    exec(generate([("test.x", text)], "A protocol.", Parts()).text, module.__dict__)
    return module


PROTOCOL = protocol()


class Service(PROTOCOL.TestServer):  # type: ignore[name-defined, misc]
    """Answers the calls of the tests."""

    def __init__(self) -> None:
        self.stored = b""
        self.waiting = asyncio.Event()
        self.released = asyncio.Event()
        self.cancelled = False

    async def shout(self, arg: bytes) -> bytes:
        await asyncio.sleep(0)
        return arg.upper()

    async def fetch(self, arg: Any) -> Any:
        end = arg.offset + arg.count
        return PROTOCOL.block(end >= len(DATA), memoryview(DATA)[arg.offset : end])

    async def store(self, data: memoryview) -> int:
        assert isinstance(data, memoryview)
        self.stored = bytes(data)
        return len(data)

    async def fail(self) -> int:
        raise RuntimeError("for the log")

    async def wait(self) -> None:
        self.waiting.set()
        try:
            await self.released.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    async def who(self) -> bytes:
        call = current_call()
        return b"%d %s" % (call.credentials.uid, call.channel.peer.address.encode())


@asynccontextmanager
async def served(carrier: str) -> AsyncIterator[tuple[Service, Any, str]]:
    """A service, a client of it, and where it is."""
    service = Service()
    host = f"127.{random.randrange(16, 240)}.{random.randrange(256)}.9"
    port = 0 if carrier == "tcp" else random.randrange(10_000, 60_000)
    async with listen(f"{carrier}://{host}:{port}", service) as listening:
        credentials = Credentials.sys(1234, 100)
        client = connect(listening.address, PROTOCOL.TestClient, credentials=credentials)
        async with client as calls:
            yield service, calls, listening.address


@pytest.mark.parametrize("carrier", CARRIERS)
def test_calls(carrier: str) -> None:
    async def run() -> None:
        async with served(carrier) as (service, client, _):
            await client.null()
            assert await client.shout(b"hello") == b"HELLO"
            replies = [client.shout(b"number %d" % number) for number in range(300)]
            assert [await reply for reply in replies][-1] == b"NUMBER 299"
            assert replies[0].done()
            assert (await client.who()).startswith(b"1234 127.")
            assert await client.store(DATA[:700_000]) == 700_000
            assert service.stored == DATA[:700_000]

    asyncio.run(run())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_results_go_where_the_caller_wants_them(carrier: str) -> None:
    async def run() -> None:
        async with served(carrier) as (_, client, _):
            memory = bytearray(len(DATA))
            half = len(DATA) // 2
            first = client.fetch(PROTOCOL.range_(0, half), into=memoryview(memory)[:half])
            second = client.fetch(PROTOCOL.range_(half, half), into=memoryview(memory)[half:])
            blocks = [await first, await second]
            assert [block.end for block in blocks] == [False, True]
            assert memory == DATA
            assert all(block.data.obj is memory for block in blocks)
            inline = await client.fetch(PROTOCOL.range_(3, 100_000))
            assert inline.data == DATA[3:100_003]

    asyncio.run(run())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_errors(carrier: str) -> None:
    async def run() -> None:
        async with served(carrier) as (_, client, address):
            with pytest.raises(RemoteFailure):
                await client.fail()
            with pytest.raises(XdrError):
                await client.fetch(PROTOCOL.range_(-1, 0))
            newer = protocol(SPECIFICATION.replace("} = 2;", "} = 3;"))
            async with connect(address, newer.TestClient) as wrong:
                with pytest.raises(ProgramMismatch):
                    await wrong.null()
            more = protocol(SPECIFICATION.replace("SHOUT(string) = 1", "SHOUT(string) = 9"))
            async with connect(address, more.TestClient) as wrong:
                with pytest.raises(ProcedureUnavailable):
                    await wrong.shout(b"")
            odd = protocol(SPECIFICATION.replace("SHOUT(string) = 1", "SHOUT(int) = 1"))
            async with connect(address, odd.TestClient) as wrong:
                with pytest.raises(GarbageArguments):
                    await wrong.shout(5)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await client.wait()
            lines = await asyncio.gather(client.shout(b"a"), client.shout(b"b"))
            assert lines == [b"A", b"B"]

    asyncio.run(run())


def test_one_server_at_two_addresses() -> None:
    async def run() -> None:
        service = Service()
        async with listen("tcp://127.0.0.1:0", service) as one, listen("tcp://:0", service) as two:
            for listening in (one, two):
                async with connect(listening.address, PROTOCOL.TestClient) as client:
                    await client.store(listening.address.encode())
                    assert service.stored.decode() == listening.address

    asyncio.run(run())


def test_a_version_is_served_once() -> None:
    with pytest.raises(ValueError, match="served twice"):
        listen("tcp://:0", Service(), Service())


def test_a_result_longer_than_the_caller_has_room_for_is_refused() -> None:
    async def run() -> None:
        async with served("soft") as (_, client, _):
            with pytest.raises(CallRefused):
                await client.fetch(PROTOCOL.range_(0, len(DATA)))
            with pytest.raises(CallRefused):
                await client.fetch(PROTOCOL.range_(0, 100_000), into=bytearray(99_999))
            with pytest.raises(XdrError, match="room for 999"):
                await client.fetch(PROTOCOL.range_(0, 1000), into=bytearray(999))

    asyncio.run(run())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_end_of_a_connection(carrier: str) -> None:
    async def run() -> None:
        async with served(carrier) as (service, client, address):
            async with connect(address, PROTOCOL.TestClient) as other:
                lost = other.wait()
                await service.waiting.wait()
            with pytest.raises(TransportError):
                await lost
            service.released.set()
            assert await client.shout(b"a") == b"A"

    asyncio.run(run())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_end_of_a_server(carrier: str) -> None:
    async def run() -> None:
        service = Service()
        host = f"127.{random.randrange(16, 240)}.{random.randrange(256)}.9"
        listening = listen(f"{carrier}://{host}:{random.randrange(10_000, 60_000)}", service)
        await listening.__aenter__()
        async with connect(listening.address, PROTOCOL.TestClient) as client:
            lost = client.wait()
            await service.waiting.wait()
            await listening.__aexit__(None, None, None)
            assert service.cancelled
            with pytest.raises((RemoteFailure, TransportError)):
                await lost

    asyncio.run(run())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_blocking_client(carrier: str) -> None:
    async def run() -> None:
        async with served(carrier) as (service, client, address):

            def block() -> None:
                with connect(address, PROTOCOL.TestClient) as calls:
                    assert calls.shout(b"from a thread").wait() == b"FROM A THREAD"
                    memory = bytearray(1000)
                    calls.fetch(PROTOCOL.range_(0, 1000), into=memory).wait(20)
                    assert memory == DATA[:1000]
                    with pytest.raises(TimeoutError):
                        calls.wait().wait(0.01)
                    with pytest.raises(TypeError, match="wait"):
                        calls.null().__await__()
                    service.released.set()

            await asyncio.to_thread(block)
            with pytest.raises(TypeError, match="await"):
                client.null().wait()

    asyncio.run(run())


def test_a_cancelled_call_keeps_its_memory_until_the_reply() -> None:
    async def run() -> None:
        async with served("soft") as (_, client, _):
            memory = bytearray(len(DATA))
            reply = client.fetch(PROTOCOL.range_(0, len(DATA)), into=memory)

            async def wait() -> None:
                await reply

            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert reply.done()

    asyncio.run(run())


def test_nobody_listens() -> None:
    async def run() -> None:
        address = f"tcp://127.38.0.9:{random.randrange(2000, 9000)}"
        with pytest.raises(ConnectionRefusedError):
            async with connect(address, PROTOCOL.TestClient):
                pass

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rdma://127.0.0.1:1", "rdma://127.0.0.1:1"),
        ("soft://[::1]:20", "soft://[::1]:20"),
        ("tcp://:2049", "tcp://127.0.0.1:2049"),
        ("shm://localhost:0", "shm://localhost:0"),
    ],
)
def test_addresses(text: str, shown: str) -> None:
    assert str(parse_address(text)) == shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("127.0.0.1:1", "begins with none of rdma://, tcp://"),
        ("nfs://h:1", "begins with none of"),
        ("rdma:h:1", "begins with none of"),
        ("rdma://h", "names no port"),
        ("rdma://h:x", "a port is a number"),
        ("rdma://h:1/path", "only a host and a port"),
        ("tcp://u@h:1", "only a host and a port"),
    ],
)
def test_texts_that_are_no_addresses(text: str, message: str) -> None:
    with pytest.raises(AddressError, match=message):
        parse_address(text)
    with pytest.raises(AddressError):
        parse_address("tcp://h:1", provider="soft")
    with pytest.raises(AddressError, match="no provider 'none'"):
        parse_address("rdma://h:1", provider="none")
    assert parse_address("rdma://h:1", provider="shm").provider == "shm"
