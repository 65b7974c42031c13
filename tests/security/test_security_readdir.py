"""READDIR tells a caller what LOOKUP and GETATTR would, no more (RFC 8881, Section 18.23.3)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.nfs import (
    LOOKUPP,
    PUTROOTFH,
    Clock,
    Peer,
    Session,
    lookup,
    make_server,
    open_export,
    putfh,
    readdir,
    setattr_,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.vfs import cookies
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4

ALICE = Credentials.sys(1000, 1000)
TELLING = (
    t.FATTR4_TYPE,
    t.FATTR4_SIZE,
    t.FATTR4_FILEHANDLE,
    t.FATTR4_FILEID,
    t.FATTR4_OWNER,
    t.FATTR4_MOUNTED_ON_FILEID,
    t.FATTR4_TIME_CREATE,
)


@pytest.fixture(params=["memory", "local"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileSystem]:
    if request.param == "memory":
        yield MemoryFileSystem(Clock())
        return
    if os.geteuid() != 0:
        pytest.skip("only a server run by root acts as its callers")
    local = LocalFileSystem(tmp_path)
    yield local
    local.close()


@pytest.fixture
def callers(fs: FileSystem) -> tuple[Session, Session]:
    """Root's session and one of somebody else, below whom are directories of each mode."""
    server = make_server(fs=fs)
    root = Peer(server).session(b"root")
    root.ok(PUTROOTFH, setattr_({t.FATTR4_MODE: 0o755}))
    for mode in (0o744, 0o755, 0o711):
        handle = root.mkdir(b"%o" % mode)
        root.ok(putfh(handle), (t.OP_CREATE, make_args(b"secret")))
        root.ok(putfh(handle), setattr_({t.FATTR4_MODE: mode}))
    return root, Peer(server, ALICE).session(b"alice")


def make_args(name: bytes) -> t.CREATE4args:
    return t.CREATE4args(t.createtype4(t.NF4DIR), name, t.fattr4([], b""))


def entries_of(session: Session, *numbers: int, at: bytes) -> list[t.entry4]:
    found = session.ok(PUTROOTFH, lookup(at), readdir(numbers=numbers))[-1].reply.entries
    result = []
    while found is not None:
        result.append(found)
        found = found.nextentry
    return result


@pytest.mark.parametrize("number", TELLING)
def test_without_search_there_are_no_attributes(
    callers: tuple[Session, Session], number: int
) -> None:
    root, alice = callers
    at = b"744"
    alice.fails(t.NFS4ERR_ACCESS, PUTROOTFH, lookup(at), lookup(b"secret"))
    alice.fails(t.NFS4ERR_ACCESS, PUTROOTFH, lookup(at), readdir(numbers=(number,)))
    (entry,) = entries_of(alice, number, t.FATTR4_RDATTR_ERROR, at=at)
    assert decode_fattr4(entry.attrs) == {t.FATTR4_RDATTR_ERROR: t.NFS4ERR_ACCESS}
    (entry,) = entries_of(root, number, t.FATTR4_RDATTR_ERROR, at=at)
    assert decode_fattr4(entry.attrs)[t.FATTR4_RDATTR_ERROR] == t.NFS4_OK


def test_names_alone_take_the_right_to_read_alone(callers: tuple[Session, Session]) -> None:
    _, alice = callers
    (entry,) = entries_of(alice, at=b"744")
    assert (entry.name, decode_fattr4(entry.attrs)) == (b"secret", {})
    alice.fails(t.NFS4ERR_ACCESS, PUTROOTFH, lookup(b"711"), readdir())


def test_with_search_there_are(callers: tuple[Session, Session]) -> None:
    _, alice = callers
    (entry,) = entries_of(alice, *TELLING, at=b"755")
    assert decode_fattr4(entry.attrs)[t.FATTR4_TYPE] == t.NF4DIR


def test_parents_are_looked_up_as_the_caller(callers: tuple[Session, Session]) -> None:
    root, alice = callers
    handle = root.ok(PUTROOTFH, lookup(b"744"), (t.OP_GETFH, None))[-1].object
    alice.fails(t.NFS4ERR_ACCESS, putfh(handle), LOOKUPP)
    alice.fails(
        t.NFS4ERR_ACCESS,
        putfh(handle),
        (t.OP_SECINFO_NO_NAME, t.SECINFO_STYLE4_PARENT),
    )
    alice.fails(t.NFS4ERR_ACCESS, putfh(handle), (t.OP_SECINFO, t.SECINFO4args(b"secret")))


def test_exports_for_others_are_not_listed() -> None:
    def memory() -> MemoryFileSystem:
        return MemoryFileSystem(Clock())

    server = make_server(
        Export("theirs", memory(), networks=["10.0.0.0/8"]), open_export("ours", memory())
    )
    numbers = (t.FATTR4_FILEHANDLE, t.FATTR4_SIZE)
    for address, expected in (("10.1.2.3", [b"theirs", b"ours"]), ("192.0.2.1", [b"ours"])):
        session = Peer(server, address=address).session(address.encode())
        for asked in (numbers, (), (*numbers, t.FATTR4_RDATTR_ERROR)):
            entry = session.ok(PUTROOTFH, readdir(numbers=asked))[-1].reply.entries
            seen = []
            while entry is not None:
                seen.append(entry.name)
                entry = entry.nextentry
            assert seen == expected
    session.fails(t.NFS4ERR_ACCESS, PUTROOTFH, lookup(b"theirs"))
    session.fails(t.NFS4ERR_ACCESS, PUTROOTFH, (t.OP_SECINFO, t.SECINFO4args(b"theirs")))


# Cookies

EXT4_END = (1 << 63) - 1


@pytest.mark.parametrize(
    "position",
    [0, 1, 2, 3, 4, 512, (1 << 31) - 1, (1 << 32) - 1, 1 << 62, EXT4_END - (1 << 32), EXT4_END],
)
def test_a_position_comes_back(position: int) -> None:
    cookie = cookies.from_position(position)
    assert 3 <= cookie < 1 << 63
    assert cookies.to_position(cookie) == position


def test_positions_have_cookies_of_their_own() -> None:
    positions = [*range(2000), *range(EXT4_END - 2000, EXT4_END + 1)]
    assert len({cookies.from_position(position) for position in positions}) == len(positions)


def test_what_is_no_cookie_is_past_the_end() -> None:
    assert cookies.to_position((1 << 64) - 1) == EXT4_END
    assert cookies.to_position(1 << 63) == EXT4_END
    with pytest.raises(OSError):
        cookies.from_position(-1)


def test_cookies_fit_a_signed_offset(fs: FileSystem) -> None:
    session = Peer(make_server(fs=fs)).session()
    for number in range(40):
        session.mkdir(b"%d" % number)
    entry, seen = session.ok(PUTROOTFH, readdir())[-1].reply.entries, []
    while entry is not None:
        seen.append(entry.cookie)
        entry = entry.nextentry
    assert len(set(seen)) == 40
    assert all(3 <= cookie < 1 << 63 for cookie in seen)
    # From the last one there is nothing more, with any verifier.
    end = session.ok(PUTROOTFH, readdir(seen[-1], b"whatever"))[-1]
    assert (end.reply.entries, end.reply.eof, end.cookieverf) == (None, True, bytes(8))
