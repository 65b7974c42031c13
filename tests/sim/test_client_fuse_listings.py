"""Listings of a mount: asked for ahead, and kept by the kernel for as long as they are true."""

from __future__ import annotations

import struct
from random import Random
from typing import Any

import pytest
from tests.support import fuse_kernel as fuse
from tests.support.fuse_kernel import ROOT, EntryOut, FakeKernel
from tests.support.nfs_pair import Pair, calls

from nfsrdma.client.errors import make_error
from nfsrdma.client.nodes import Lifetimes

TIMES = Lifetimes(file_min=3, file_max=20, directory_min=30, directory_max=60)
KEEP_CACHE, CACHE_DIR = 1 << 1, 1 << 3
PAGE = 4096


class World:
    """A mount whose kernel keeps listings, and another client."""

    def __init__(self, lifetimes: Lifetimes = TIMES, *, users: bool = False) -> None:
        self.pair = Pair()
        self.fs = self.pair.client()
        self.other = self.pair.client(b"other")
        self.kernel = FakeKernel(self.fs, self.pair.reactor, lifetimes, users=users)
        self.run(self.kernel.begin())
        self.kept: set[bytes] | None = None

    def run(self, coroutine: Any) -> Any:
        return self.pair.run(coroutine)

    def put(self, *names: str) -> None:
        for name in names:
            self.run(self.other.write_bytes(name, b""))

    def opendir(self) -> tuple[int, int]:
        answer = self.run(self.kernel.call(fuse.OPENDIR, ROOT, struct.pack("=I4x", 0)))
        fh, told = struct.unpack("=QI4x", answer)
        return fh, told

    def page(self, fh: int, offset: int) -> dict[bytes, tuple[int, EntryOut]]:
        """Names of a page, each with the offset behind it and what was told of it."""
        body = struct.pack("=QQI20x", fh, offset, PAGE)
        octets, found = self.run(self.kernel.call(fuse.READDIRPLUS, ROOT, body)), {}
        while octets:
            entry = EntryOut(octets)
            _, behind, length, _ = struct.unpack_from("=QQII", octets, 128)
            found[octets[152 : 152 + length]] = behind, entry
            octets = octets[152 + (length + 7) // 8 * 8 :]
        return found

    def releasedir(self, fh: int) -> None:
        self.run(self.kernel.call(fuse.RELEASEDIR, ROOT, struct.pack("=QIIQ", fh, 0, 0, 0)))

    def list(self) -> set[bytes]:
        """List as the kernel does, from what it keeps if it may."""
        fh, told = self.opendir()
        if not told & KEEP_CACHE:
            self.kept = None
        if self.kept is None:
            names: set[bytes] = set()
            offset = 0
            while page := self.page(fh, offset):
                names |= page.keys()
                offset = max(behind for behind, _ in page.values())
            if told & CACHE_DIR:
                self.kept = names
        else:
            names = self.kept
        self.releasedir(fh)
        return names - {b".", b".."}

    def changed(self) -> None:
        """What a process did in the directory: the kernel drops the listing that it has."""
        self.kept = None

    def asked(self) -> int:
        return calls(self.fs)


def test_a_listing_is_kept_without_a_call() -> None:
    world = World()
    world.put("one", "two")
    assert world.list() == {b"one", b"two"}
    before = world.asked()
    for _ in range(3):
        assert world.list() == {b"one", b"two"}
    assert world.asked() == before


def test_what_was_listed_goes_stale_like_the_attributes_that_came_with_it() -> None:
    world = World()
    world.put("one")
    world.list()
    for seconds, asks in ((2.9, 0), (0.2, 1), (5.8, 0), (0.3, 1), (11.8, 0)):
        world.pair.wait(seconds)
        before = world.asked()
        world.list()
        assert (world.asked() > before) == bool(asks), f"after another {seconds} s"


def test_a_change_of_another_client_is_listed_in_time() -> None:
    world = World()
    world.put("one")
    world.list()
    world.put("two")
    world.pair.wait(3)
    assert world.list() == {b"one", b"two"}


def test_a_change_of_our_own_is_listed_at_once() -> None:
    world = World()
    world.put("one")
    world.list()
    world.run(world.kernel.call(fuse.UNLINK, ROOT, b"one\0"))
    world.changed()
    assert world.list() == set()
    world.run(world.kernel.create(ROOT, b"two", 2))
    world.changed()
    assert world.list() == {b"two"}
    before = world.asked()
    assert world.list() == {b"two"}
    assert world.asked() == before


def test_a_listing_amid_a_change_is_not_kept() -> None:
    world = World()
    world.put(*(f"{number:03}{'x' * 60}" for number in range(600)))
    fh, _ = world.opendir()
    page = world.page(fh, 0)
    world.put("more")
    while page:
        page = world.page(fh, max(behind for behind, _ in page.values()))
    world.releasedir(fh)
    assert not world.opendir()[1] & KEEP_CACHE


def test_a_part_of_a_listing_is_not_kept() -> None:
    world = World()
    world.put(*(f"{number:03}{'x' * 60}" for number in range(100)))
    fh, told = world.opendir()
    assert told & CACHE_DIR
    first = world.page(fh, 0)
    second = world.page(fh, max(behind for behind, _ in first.values()))
    assert first
    assert second
    assert not world.opendir()[1] & KEEP_CACHE


@pytest.mark.parametrize(
    "world",
    [lambda: World(users=True), lambda: World(Lifetimes(names=False))],
    ids=["of many users", "without names"],
)
def test_listings_are_not_kept_where_names_are_not(world: Any) -> None:
    made = world()
    made.list()
    assert not made.opendir()[1] & (CACHE_DIR | KEEP_CACHE)


def test_a_page_is_asked_for_before_it_is_wanted() -> None:
    world = World()
    names = {f"{number:04}{'x' * 100}" for number in range(1000)}
    world.put(*names)
    readdir = world.fs.stats.of("READDIR")
    fh, _ = world.opendir()
    page = world.page(fh, 0)
    world.pair.wait(1)
    assert readdir.calls == 3, "two of them ahead"
    found = set()
    while page:
        found |= page.keys()
        page = world.page(fh, max(behind for behind, _ in page.values()))
    world.releasedir(fh)
    assert found == {name.encode() for name in names} | {b".", b".."}
    pages = readdir.calls
    assert world.list() == {name.encode() for name in names}
    assert readdir.calls == 2 * pages < 20, "no page twice, and none beyond the last"


def test_a_page_that_could_not_be_had_ahead_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.put(*(f"{number:04}{'x' * 100}" for number in range(500)))
    readdir, asked = world.kernel.nodes.readdir, []

    async def failing(directory: Any, cookie: int = 0, *more: Any) -> Any:
        asked.append(cookie)
        if len(asked) == 2:
            raise make_error(5, "once")
        return await readdir(directory, cookie, *more)

    monkeypatch.setattr(world.kernel.nodes, "readdir", failing)
    assert len(world.list()) == 500
    assert asked[1] == asked[2]


def test_what_is_told_of_many_files_at_once_is_what_is_told_of_one() -> None:
    world = World()
    world.put("one", "a name of another length")
    world.run(world.other.symlink("one", "link"))
    world.run(world.other.mkdir("folder"))
    world.run(world.other.utime("one", times=(-5, 7)))
    fh, _ = world.opendir()
    for name, (_, entry) in world.page(fh, 0).items():
        if name in (b".", b".."):
            assert not entry.node
            continue
        alone = world.run(world.kernel.lookup(ROOT, name))
        assert vars(entry.attributes) == vars(alone.attributes)
        assert entry.node == alone.node
        assert entry.attributes_valid == pytest.approx(alone.attributes_valid, abs=0.1)
        assert entry.entry_valid == pytest.approx(alone.entry_valid, abs=0.1)


@pytest.mark.parametrize("seed", range(20))
def test_no_listing_is_older_than_it_may_be(seed: int) -> None:
    """What another client has done is seen after :data:`TIMES`, what we did at once."""
    rng, world = Random(f"listings {seed}"), World()
    now = world.pair.reactor.time
    there: set[bytes] = set()
    settled: dict[bytes, float] = {}  # names, and when others have changed them
    for number in range(150):
        step = rng.random()
        name = b"%d" % rng.randrange(6)
        if step < 0.15:
            there ^= {name}
            settled[name] = now()
            path = name.decode()
            world.run(
                world.other.write_bytes(path, b"") if name in there else world.other.remove(path)
            )
        elif step < 0.3 and name not in there:
            if name in settled and now() - settled[name] < 60:
                continue  # our own kernel may still believe that it is there
            world.run(world.kernel.create(ROOT, name, 2 | 0o100))
            world.changed()
            there.add(name)
        elif step < 0.5:
            world.pair.wait(rng.choice((0.5, 2.0, 8.0, 25.0)))
        else:
            found = world.list()
            for each in there ^ found:
                assert now() - settled.get(each, 0) < 20, f"{each!r} at step {number}"
