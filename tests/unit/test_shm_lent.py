"""Memory that a mount lends: data goes there and comes from there without a copy."""

from __future__ import annotations

import gc
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.support.shm_world import Ends, ShmWorld, shm_world, waiting

from nfsrdma.rpcrdma.providers.shm.regions import (
    DIRECT_READ,
    ENTRY_WORDS,
    MemoryRegion,
    ProtectionDomain,
)
from nfsrdma.rpcrdma.rpc.channel import EndedChannel, memory_of
from nfsrdma.rpcrdma.verbs.types import Access, VerbsError
from nfsrdma.server.vfs.local import LocalFileSystem

READS = Access.REMOTE_READ
WRITES = Access.LOCAL_WRITE | Access.REMOTE_WRITE


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Ends:
    return waiting(monkeypatch)


@pytest.fixture
def taken_in(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether there was a shadow to copy from, of each RDMA WRITE."""
    found: list[bool] = []
    take_in = MemoryRegion.take_in

    def noted(region: MemoryRegion, address: int, length: int) -> None:
        found.append(region.piece is not None)
        take_in(region, address, length)

    monkeypatch.setattr(MemoryRegion, "take_in", noted)
    return found


def entry(domain: ProtectionDomain, region: MemoryRegion) -> list[int]:
    at = region.slot * ENTRY_WORDS
    return list(domain._words[at : at + ENTRY_WORDS])


def test_what_a_peer_writes_without_our_doing_is_known_by_its_key() -> None:
    domain = ProtectionDomain(Random(1))
    lent = domain.lend(10_000)
    region = domain.register(lent[100:300], WRITES)
    assert domain.reach(region.rkey) == (region.rkey, region.address, 200)
    # What has a shadow is copied from there, and what may only be read is not written.
    elsewhere = domain.register(memoryview(bytearray(10)), WRITES)
    frozen = domain.register(lent.toreadonly(), READS)
    ours = domain.register(lent, Access.LOCAL_WRITE)
    for other in (elsewhere, frozen, ours):
        assert domain.reach(other.rkey) == (other.rkey, 0, 0)
    region.deregister()
    assert domain.reach(region.rkey) == (region.rkey, 0, 0)
    domain.close()


def test_what_is_lent_is_its_own_shadow() -> None:
    domain = ProtectionDomain(Random(1))
    lent = domain.lend(10_000)
    assert lent == bytes(10_000)
    whole = domain.register(lent, WRITES)
    part = domain.register(lent[100:300], WRITES)
    frozen = domain.register(lent[5000:].toreadonly(), READS)
    base = entry(domain, whole)[3]
    assert entry(domain, part)[3] == base + 100
    assert entry(domain, frozen)[3] == base + 5000
    assert entry(domain, frozen)[0] & DIRECT_READ
    assert not entry(domain, part)[0] & DIRECT_READ
    assert whole.piece is part.piece is frozen.piece is None
    other = domain.register(memoryview(bytearray(10_000)), WRITES)
    assert other.piece is not None
    domain.close()


def test_what_is_given_back_is_lent_again_without_its_octets() -> None:
    domain = ProtectionDomain(Random(1))
    lent = domain.lend(5000)
    lent[:] = b"x" * 5000
    region = domain.register(lent[10:20], WRITES)
    where = entry(domain, region)[3] - 10
    del lent
    gc.collect()
    second = domain.lend(5000)  # the region still has the first
    assert entry(domain, domain.register(second, READS))[3] != where
    region.deregister()
    del region
    gc.collect()
    third = domain.lend(6000)
    assert entry(domain, domain.register(third, READS))[3] == where
    assert third == bytes(6000)
    domain.close()


def test_for_who_overwrites_it_memory_is_lent_as_it_is() -> None:
    domain = ProtectionDomain(Random(1))
    lent = domain.lend(5000)
    lent[:] = b"x" * 5000
    del lent
    gc.collect()
    assert domain.lend(5000, clear=False) == b"x" * 5000
    domain.close()


def test_it_outlives_its_domain() -> None:
    domain = ProtectionDomain(Random(1))
    lent = domain.lend(100)
    domain.close()
    lent[:] = bytes(range(100))
    assert lent == bytes(range(100))
    with pytest.raises(VerbsError, match="closed"):
        domain.lend(1)
    other = ProtectionDomain(Random(2))
    assert other.register(lent, WRITES).piece is not None
    other.close()
    del lent, domain
    gc.collect()


def test_there_is_so_much_and_no_more() -> None:
    domain = ProtectionDomain(Random(1))
    with pytest.raises(VerbsError, match="too much memory"):
        domain.lend(1 << 31)
    domain.close()


def test_other_connections_have_memory_as_any() -> None:
    class Plain:
        lend: Any = staticmethod(lambda size, clear: None)

    for channel in (Plain(), object.__new__(EndedChannel)):
        memory = memory_of(channel, 100)  # type: ignore[arg-type]
        assert memory == bytes(100)
        memory[:] = b"x" * 100


def there_and_back(world: ShmWorld, file: Any, lent: memoryview, rng: Random) -> None:
    """Write out of lent memory, and read into it."""
    size = rng.choice((1, 4096, 70_000, len(lent)))
    start, offset = rng.randrange(len(lent) - size + 1), rng.randrange(100_000)
    part = lent[start : start + size]
    octets = rng.randbytes(size)
    part[:] = octets
    world.run(file.write_at(offset, part.toreadonly()))
    part[:] = bytes(size)
    assert world.run(file.read_at(offset, part)) == size
    assert part == octets


def test_data_comes_and_goes(tmp_path: Path, ends: Ends, taken_in: list[bool]) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    with shm_world(tmp_path / "shm", ends, LocalFileSystem(folder)) as world:
        file = world.run(world.client.open("file", "w+b"))
        lent = world.run(world.client.buffer(300_000))
        rng = Random(1)
        for _ in range(30):
            there_and_back(world, file, lent, rng)
            world.run(file.commit())
        assert taken_in
        assert not any(taken_in)
        other = memoryview(bytearray(200_000))
        world.run(file.read_at(0, other))
        assert any(taken_in)


def test_a_lost_connection_makes_it_memory_as_any(
    tmp_path: Path, ends: Ends, taken_in: list[bool]
) -> None:
    with shm_world(tmp_path / "shm", ends) as world:
        file = world.run(world.client.open("file", "w+b"))
        lent = world.run(world.client.buffer(300_000))
        rng = Random(2)
        there_and_back(world, file, lent, rng)
        world.run(file.commit())
        world.channel.close()
        for _ in range(10):
            there_and_back(world, file, lent, rng)
        assert any(taken_in)
        with pytest.raises(ValueError, match="no octets"):
            world.run(world.client.buffer(0))
