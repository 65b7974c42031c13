"""A server that lies: whatever it answers, calls end, and with errors of the promised kind."""

from __future__ import annotations

import struct
from random import Random

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer

from nfsrdma.client.errors import NfsError
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.xdr.nfs4 import types as t

WORDS = [0, 1, 2, 3, 5, 24, 53, 70, 10008, 10013, 10052, 10063, 0x7FFFFFFF, 0xFFFFFFFF]


def damage(rng: Random, reply: bytes) -> bytes:
    """A reply as a fuzzer would like it: still a reply to that XID, most of the time."""
    message = bytearray(reply)
    for _ in range(rng.randrange(1, 4)):
        kind = rng.randrange(4)
        at = rng.randrange(1, max(2, len(message) // 4)) * 4
        if kind == 0:
            message[at : at + 4] = struct.pack(">I", rng.choice(WORDS))
        elif kind == 1:
            message[rng.randrange(4, len(message))] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del message[at:]
        else:
            message[at:at] = rng.randbytes(4 * rng.randrange(1, 5))
        if len(message) < 8:
            break
    return bytes(message)


async def everything(fs: FileSystem, failures: list[BaseException]) -> None:
    """A bit of everything; what fails is noted, and the rest goes on."""

    async def attempt(coroutine: object) -> object:
        try:
            return await coroutine  # type: ignore[misc]
        except Exception as error:
            failures.append(error)
            return None

    await attempt(fs.stat("file"))
    await attempt(fs.listdir(""))
    await attempt(fs.read_bytes("link"))
    await attempt(fs.readlink("link"))
    await attempt(fs.makedirs("a/b", exist_ok=True))
    await attempt(fs.write_bytes("a/b/small", b"12345"))
    await attempt(fs.statvfs())
    await attempt(fs.chmod("file", 0o600))
    await attempt(fs.rename("a/b/small", "a/moved"))
    file = await attempt(fs.open("large", "w+"))
    if file is not None:
        await attempt(file.write_at(0, memoryview(bytes(200_000))))  # type: ignore[attr-defined]
        buffer = memoryview(bytearray(250_000))
        await attempt(file.read_at(0, buffer))  # type: ignore[attr-defined]
        await attempt(file.commit())  # type: ignore[attr-defined]
        await attempt(file.truncate(5))  # type: ignore[attr-defined]
        await attempt(file.close())  # type: ignore[attr-defined]
    await attempt(fs.remove("a/moved"))
    await attempt(fs.ping())


@pytest.mark.parametrize("seed", range(60))
def test_damaged_replies(seed: int) -> None:
    rng = Random(seed)
    server = FakeServer(FakeReactor())
    server.add("file", data=b"contents")
    server.add("link", t.NF4LNK, target=b"file")
    fs = server.mounted(timeout=2.0)
    often = rng.choice([0.05, 0.3, 0.9])
    server.forge = lambda reply: damage(rng, reply) if rng.random() < often else reply
    failures: list[BaseException] = []
    server.reactor.run(everything(fs, failures), seconds=5_000)
    for error in failures:
        assert isinstance(error, NfsError), repr(error)
    # An honest server again: the client is as good as new.
    server.forge = lambda reply: reply
    server.reactor.advance(300)
    assert server.reactor.run(fs.read_bytes("file")) in (b"contents", b"")
    slots = fs.session.slots
    assert slots is not None
    assert slots.busy == 0
    server.reactor.run(fs.unmount())


@pytest.mark.parametrize("seed", range(20))
def test_damaged_replies_while_mounting(seed: int) -> None:
    rng = Random(1000 + seed)
    server = FakeServer(FakeReactor())
    server.forge = lambda reply: damage(rng, reply) if rng.random() < 0.4 else reply
    fs = server.client(timeout=2.0)
    try:
        server.reactor.run(fs.mount(), seconds=5_000)
    except NfsError:
        return
    server.forge = lambda reply: reply
    server.reactor.run(fs.unmount())


@pytest.mark.parametrize("seed", range(20))
def test_connections_that_break_all_the_time(seed: int) -> None:
    rng = Random(2000 + seed)
    server = FakeServer(FakeReactor())
    server.add("file", data=b"contents")
    server.add("link", t.NF4LNK, target=b"file")
    fs = server.mounted(timeout=60.0)
    fates = ["ok"] * 6 + ["lose call", "lose reply"]
    server.script = lambda ops: rng.choice(fates)
    failures: list[BaseException] = []
    server.reactor.run(everything(fs, failures), seconds=5_000)
    assert failures == []
    assert fs.stats.sessions == 1
    assert server.root.children[b"large"].stable == bytes(5)


@pytest.mark.parametrize("seed", range(20))
def test_a_server_that_restarts_all_the_time(seed: int) -> None:
    rng = Random(3000 + seed)
    server = FakeServer(FakeReactor())
    fs = server.mounted(timeout=60.0)
    data = bytes(rng.randbytes(300_000))

    def script(ops: list[str]) -> str:
        if rng.random() < 0.15 and "WRITE" in ops:
            server.reactor.call_at(
                server.reactor.now + rng.random() * 0.01, server.restart, rng.random() < 0.5
            )
        return "ok"

    server.script = script

    async def write() -> None:
        file = await fs.open("large", "w")
        for offset in range(0, len(data), 20_000):
            await file.write_at(offset, memoryview(data)[offset : offset + 20_000])
            if rng.random() < 0.2:
                await file.commit()
        await file.close()

    server.reactor.run(write(), seconds=5_000)
    assert server.root.children[b"large"].stable == data


@pytest.mark.parametrize("seed", range(15))
def test_a_maze_of_links(seed: int) -> None:
    """Wherever the links of a server lead, a walk ends, and after so many calls."""
    rng = Random(4000 + seed)
    server = FakeServer(FakeReactor())
    server.max_ops = rng.choice([8, 16, 64])
    words = [b"..", b".", b"", b"a", b"b", b"c", b"/", b"d" * 200, b"file"]

    def target() -> bytes:
        return b"/".join(rng.choices(words, k=rng.randrange(1, rng.choice([3, 30, 300])))) or b"a"

    below = server.add("a", t.NF4DIR)
    server.add("file", data=b"1")
    server.add("file", parent=below, data=b"2")
    for name in ("b", "c", "d" * 200):
        server.add(name, t.NF4LNK, target=target())
        server.add(name, t.NF4LNK, below, target=target())
    fs = server.mounted()
    for _ in range(8):
        path = target()
        server.log.clear()
        for use in (
            fs.stat(path),
            fs.lstat(path),
            fs.exists(path),
            fs.listdir(path),
            fs.write_bytes(path, b"1"),
            fs.rename(path, target()),
            fs.link("file", path),
        ):
            try:
                server.reactor.run(use)
            except NfsError:
                continue
        assert len(server.log) < 30_000
