"""What is kept by a peer's own words is bounded, in entries and in octets."""

from __future__ import annotations

import sys

import pytest
from tests.support.nfs import PUTROOTFH, Clock, Peer, make_server

from nfsrdma.rpcrdma.rpc.auth import Credentials, parse_sys
from nfsrdma.rpcrdma.rpc.message import AuthError
from nfsrdma.server import attributes
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr import XdrError
from nfsrdma.xdr.nfs4 import attrs
from nfsrdma.xdr.nfs4 import types as t

CACHES = {
    "wanted": attributes._wanted,
    "steps": attributes._steps,
    "owner": attributes._number,
    "plan": attrs._plan,
    "numbers": attrs._numbers_in,
    "masks": attrs.mask_of,
    "credentials": parse_sys,
}


def sizes() -> dict[str, int]:
    return {name: cache.cache_info().currsize for name, cache in CACHES.items()}


@pytest.mark.parametrize("name", CACHES)
def test_caches_have_a_bound(name: str) -> None:
    assert 0 < (CACHES[name].cache_info().maxsize or 0) <= 2048


def test_long_bitmaps_leave_nothing_behind() -> None:
    session = Peer(make_server()).session()
    session.ok(PUTROOTFH, (t.OP_GETATTR, t.GETATTR4args([2])))
    before = sizes()
    for number in range(100):
        words = [2, 0, 0, *[number + 1] * 5000]
        given = t.fattr4(words, b"")
        session.ok(PUTROOTFH, (t.OP_GETATTR, t.GETATTR4args(words)))
        session.ok(PUTROOTFH, (t.OP_READDIR, t.READDIR4args(0, bytes(8), 0, 4096, words)))
        for operation in (
            (t.OP_VERIFY, t.VERIFY4args(given)),
            (t.OP_NVERIFY, t.NVERIFY4args(given)),
            (t.OP_SETATTR, t.SETATTR4args(t.stateid4(0, bytes(12)), given)),
        ):
            session.fails(t.NFS4ERR_ATTRNOTSUPP, PUTROOTFH, operation)
        with pytest.raises(XdrError):
            attrs.decode_fattr4(given)
        assert attrs.numbers_in(attrs.mask_from_bitmap(words))[0] == 1
    after = sizes()
    assert all(after[name] <= before[name] + 2 for name in before)


def test_all_short_bitmaps_are_a_bounded_number() -> None:
    session = Peer(make_server()).session()
    for number in range(1500):
        session.ok(PUTROOTFH, (t.OP_GETATTR, t.GETATTR4args([2, 0, 0, number])))
        session.run(PUTROOTFH, (t.OP_GETATTR, t.GETATTR4args([number, number])))
    assert all(cache.cache_info().currsize <= 1024 for cache in CACHES.values())


def test_credentials_are_bounded() -> None:
    """As many as there are kept, each as long as it can be, are less than a megabyte."""
    for number in range(1000):
        name = (b"%d" % number).ljust(255, b"x")
        parse_sys(Credentials.sys(number, number, (number,) * 16, machine=name).to_auth().body)
    kept = parse_sys.cache_info().currsize
    each = sys.getsizeof(name) + 16 * 32 + 2000
    assert kept * each < 1 << 20
    with pytest.raises(AuthError):
        parse_sys(bytes(4) + b"\0\0\1\0" + bytes(300))


def test_users_of_an_export_are_bounded() -> None:
    export = Export("", MemoryFileSystem(Clock()))
    for number in range(5000):
        export.user(Credentials.sys(number, number, stamp=number))
    assert len(export._users) <= 1024
