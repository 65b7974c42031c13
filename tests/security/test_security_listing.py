"""Listings of a hostile server: what begins again has an end here, and nothing legal has."""

from __future__ import annotations

import errno
from collections.abc import Callable
from random import Random

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer

from nfsrdma.client.cookies import Cookies
from nfsrdma.client.errors import NfsError
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

Listing = Callable[[int], tuple[list[tuple[int, bytes]], bool]]
"""From the cookie of a call to entries, by cookie and name, and whether these are the last."""

PAGES_MAX = 200


def again(cookie: int) -> tuple[list[tuple[int, bytes]], bool]:
    """The whole listing, whatever was asked for."""
    return [(5, b"a"), (6, b"b"), (7, b"c")], False


def one_for_all(cookie: int) -> tuple[list[tuple[int, bytes]], bool]:
    return [(9, b"n%d" % index) for index in range(5)], False


def by_turns(cookie: int) -> tuple[list[tuple[int, bytes]], bool]:
    return [(11 if cookie == 22 else 22, b"x")], False


def from_the_beginning(cookie: int) -> tuple[list[tuple[int, bytes]], bool]:
    """The last cookie is that of the beginning."""
    return [(3, b"a"), (0, b"b")], False


def after_a_while(cookie: int) -> tuple[list[tuple[int, bytes]], bool]:
    """Thirty good pages, then a ring of seven."""
    return [(cookie + 1 if cookie < 36 else 30, b"n%d" % cookie)], False


@pytest.fixture
def world() -> FakeServer:
    return FakeServer(FakeReactor())


def lists(server: FakeServer, listing: Listing) -> list[int]:
    """Have the server list its root like that; the cookies that it was asked for."""
    asked: list[int] = []

    def op_readdir(args: t.READDIR4args) -> bytes:
        asked.append(args.cookie)
        assert len(asked) < PAGES_MAX, "the client goes round"
        entries, end = listing(args.cookie)
        enc = Encoder()
        enc.fixed_opaque(bytes(8), 8)
        for cookie, name in entries:
            enc.boolean(True)
            enc.uint64(cookie)
            enc.opaque(name)
            server._fattr4(server.root, args.attr_request).encode(enc)
        enc.boolean(False)
        enc.boolean(end)
        return bytes(enc.buffer)

    server.op_readdir = op_readdir  # type: ignore[method-assign]
    return asked


@pytest.mark.parametrize(
    "listing", [again, one_for_all, by_turns, from_the_beginning, after_a_while]
)
@pytest.mark.parametrize("use", ["listdir", "scandir", "rmtree"])
def test_a_listing_that_goes_round_ends(world: FakeServer, listing: Listing, use: str) -> None:
    world.add("d", t.NF4DIR)
    fs = world.mounted()
    asked = lists(world, listing)
    with pytest.raises(NfsError) as caught:
        world.reactor.run(getattr(fs, use)("d"))
    assert caught.value.errno == errno.ELOOP
    assert "goes round" in str(caught.value)
    assert "'d'" in str(caught.value)
    assert len(asked) <= 3 * 40


def test_cookies_that_do_not_ascend_are_good(world: FakeServer) -> None:
    order = list(range(1, 150))
    Random(7).shuffle(order)
    following = dict(zip([0, *order], order, strict=False))
    fs = world.mounted()
    lists(world, lambda cookie: ([(following[cookie], b"n%d" % cookie)], cookie == order[-2]))
    assert len(world.reactor.run(fs.listdir())) == 149


@pytest.mark.parametrize("seed", range(20))
def test_any_ring_is_found_and_nothing_else(seed: int) -> None:
    rng = Random(seed)
    before, period = rng.randrange(1000), rng.randrange(1, 1000)
    cookies = rng.sample(range(1, 1 << 63), before + period)
    watch = Cookies()
    assert not any(watch.come_again(cookie) for cookie in cookies)
    rounds = 0
    while not any(watch.come_again(cookie) for cookie in cookies[before:]):
        rounds += 1
    assert rounds * period <= 2 * max(before, period) + period
