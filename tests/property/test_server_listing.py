"""READDIR's compiled twin beside the Python that appends entries one by one: the same octets."""

from __future__ import annotations

import errno
import os
import stat
from random import Random
from typing import Any

import pytest
from tests.support.nfs import PUTROOTFH, Clock, Peer, Session, make_server, readdir

from nfsrdma.server import attributes
from nfsrdma.server.ops import directory
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.interface import Attributes, Entry, Listing, Node, User
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import numbers_in

if directory.append_entries is None:
    pytest.skip("the compiled lane is not built, or NFSRDMA_NATIVE=0", allow_module_level=True)

LISTINGS = int(os.environ.get("NFSRDMA_LISTINGS", "150"))
USUAL = list(numbers_in(attributes.LISTED))
OTHERS = [t.FATTR4_TIME_CREATE, t.FATTR4_LEASE_TIME, t.FATTR4_MAXNAME]
TYPES = [stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK]


class Listed(MemoryFileSystem):
    """Has whatever entries it is given in its root."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self.listed: list[Entry] = []

    def entries(
        self, directory: Node, cookie: int, who: User, most: int, birth: bool = False
    ) -> Listing:
        rest = [entry for entry in self.listed if entry.cookie > cookie]
        return Listing(rest[:most], len(rest) <= most)


def number(rng: Random, bits: int) -> int:
    return rng.choice((0, 1, rng.getrandbits(bits), rng.getrandbits(bits // 2), (1 << bits) - 1))


def made(rng: Random) -> Attributes:
    """Attributes as the kernel may have them."""
    result = Attributes()
    result.type, result.mode = rng.choice(TYPES), rng.getrandbits(12)
    result.nlink, result.uid, result.gid = (number(rng, 32) for _ in range(3))
    result.size, result.space_used, result.fileid, result.change = (
        number(rng, 64) for _ in range(4)
    )
    result.rdev = number(rng, 32), number(rng, 32)
    result.atime_ns, result.mtime_ns, result.ctime_ns = (
        rng.choice((-1, 1)) * number(rng, 62) for _ in range(3)
    )
    result.btime_ns = 5
    return result


def spoilt(rng: Random, found: Attributes) -> None:
    """Give it something that no kernel has."""
    name = rng.choice([each for each in Attributes.__slots__ if each not in ("rdev", "btime_ns")])
    setattr(found, name, rng.choice((-1, 1 << 64, 1 << 70)))


def entry(rng: Random, cookie: int, damaged: bool) -> Entry:
    found, identity = made(rng), rng.randbytes(rng.choice((1, 8, 9, 40)))
    name = rng.randbytes(rng.choice((1, 2, 3, 4, 8, 255)))
    kind = rng.randrange(20) if damaged else 20
    if kind == 0:
        return Entry(cookie, name, OSError(rng.choice((errno.EIO, errno.EACCES)), "none"))
    if kind == 1:
        spoilt(rng, found)
    elif kind == 2:
        identity = rng.randbytes(200)
    elif kind == 3:
        name = rng.randbytes(3000)
    return Entry(cookie, name, (found, identity))


def outcome(session: Session, operation: Any) -> str:
    """What a READDIR says, or how it fails."""
    reply = session.run(PUTROOTFH, operation)
    return f"{reply.status} {reply.result.resarray[1:]}"


@pytest.mark.parametrize("damaged", [False, True])
def test_listings_are_the_same(monkeypatch: pytest.MonkeyPatch, damaged: bool) -> None:
    fs = Listed()
    session = Peer(make_server(fs=fs)).session()
    compiled = directory.append_entries
    calls = 0

    def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return compiled(*arguments)

    for seed in range(LISTINGS):
        rng = Random(seed)
        count = rng.choice((0, 1, 2, 9, 60))
        fs.listed = [entry(rng, 10 + 3 * place, damaged) for place in range(count)]
        numbers = USUAL if rng.randrange(3) else rng.sample(USUAL, rng.randrange(1, len(USUAL)))
        if not rng.randrange(5):
            numbers = [*numbers, rng.choice(OTHERS)]
        operation = readdir(
            cookie=rng.choice((0, 0, 0, 11, 40)),
            dircount=rng.choice((0, 0, 1, 100, 1000)),
            maxcount=rng.choice((100, 300, 1000, 5000, 1 << 16)),
            numbers=sorted(numbers),
        )
        monkeypatch.setattr(directory, "append_entries", counted)
        by_c = outcome(session, operation)
        monkeypatch.setattr(directory, "append_entries", None)
        assert outcome(session, operation) == by_c, seed
    assert calls > LISTINGS // 3


def append(entries: list[Any], **how: Any) -> Any:
    """Call the compiled twin alone."""
    given = {"buffer": bytearray(b"head"), "index": 0, "limit": 1 << 20, "names": 1000} | how
    mask, handle_of = how.get("mask", attributes.LISTED), how.get("handle_of", lambda *_: b"handle")
    fs = MemoryFileSystem(Clock())
    export = Export("", fs)
    export.id = 7
    return directory.append_entries(
        *(given["buffer"], entries, given["index"], given["limit"], given["names"]),
        *(0, mask, export, handle_of),
    )


def test_what_is_not_an_entry_stops_it() -> None:
    good = Entry(5, b"name", (made(Random(1)), b"identity"))
    for bad in (None, (), (1, b"n"), (1, "n", good.found), (-1, b"n", good.found), (1, b"n", ())):
        buffer = bytearray(b"head")
        assert append([good, bad, good], buffer=buffer)[::2] == (1, 1)
        assert append([good, bad, good], index=2)[0] == 3
        assert buffer.startswith(b"head\0\0\0\1")
    assert append([good], index=7) == (7, 1000, 0, False)
    for handle in (b"x" * 129, None, "x"):
        assert append([good], handle_of=lambda *_, handle=handle: handle) == (0, 1000, 0, False)


def test_wrong_arguments_are_refused() -> None:
    good = Entry(5, b"name", (made(Random(1)), b"identity"))
    with pytest.raises(ValueError, match="not for this module"):
        append([good], mask=1 << t.FATTR4_ACL)
    with pytest.raises(OverflowError):
        append([good], mask=1 << 70)
    with pytest.raises(ValueError, match="below 0"):
        append([good], index=-1)
    with pytest.raises(TypeError):
        append([good], buffer=b"head")


def test_what_makes_handles_may_take_the_list_away() -> None:
    entries = [Entry(place, b"name", (made(Random(1)), b"identity")) for place in range(5)]

    def handle_of(*_: Any) -> bytes:
        entries.clear()
        return b"handle"

    assert append(entries, handle_of=handle_of) == (1, 980, 1, False)

    def fails(*_: Any) -> bytes:
        raise OSError(errno.EIO, "no handle")

    assert append([Entry(1, b"n", (made(Random(1)), b"i"))], handle_of=fails)[2] == 0

    def ends(*_: Any) -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        append([Entry(1, b"n", (made(Random(1)), b"i"))], handle_of=ends)
