"""What lists grant, whichever of the two kinds says it, and what Linux grants."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.server import acl as mapping
from nfsrdma.server.vfs.identity import Identity
from nfsrdma.server.vfs.interface import EXECUTE, READ, WRITE, User
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.posix import granted
from nfsrdma.server.vfs.posix_acl import Acls, PosixAcl, decode, encode
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.errors import NfsError

OWNER, GROUP = 100, 200
RIGHTS = st.integers(0, 7)
NAMED = st.dictionaries(st.integers(1, 4), RIGHTS, max_size=3)
GROUPS = st.lists(st.sampled_from([1, 2, 3, 4, GROUP]), max_size=3, unique=True)
USERS = st.builds(
    lambda uid, gid, groups: User(uid, gid, tuple(groups)),
    st.sampled_from([1, 2, 3, 4, OWNER, 999]),
    st.sampled_from([1, 2, GROUP, 998]),
    GROUPS,
)


@st.composite
def lists(draw: st.DrawFn) -> PosixAcl:
    users, groups = draw(NAMED), draw(NAMED)
    mask = draw(RIGHTS) if users or groups else None
    return PosixAcl(draw(RIGHTS), draw(RIGHTS), draw(RIGHTS), mask, users, groups)


def number(who: bytes, _: bool) -> int:
    return int(who)


def name(number: int) -> bytes:
    return b"%d" % number


def applies(ace: t.nfsace4, who: User) -> bool:
    if ace.who == b"EVERYONE@":
        return True
    if ace.who == b"OWNER@":
        return who.uid == OWNER
    if ace.who == b"GROUP@":
        return who.member_of(GROUP)
    if ace.flag & t.ACE4_IDENTIFIER_GROUP:
        return who.member_of(int(ace.who))
    return who.uid == int(ace.who)


def judged(aces: list[t.nfsace4], who: User, bit: int) -> bool:
    """RFC 8881, Section 6.2.1: the first entry that has the bit in view decides."""
    for ace in aces:
        if ace.access_mask & bit and applies(ace, who):
            return ace.type == t.ACE4_ACCESS_ALLOWED_ACE_TYPE
    return False


BITS = {READ: t.ACE4_READ_DATA, WRITE: t.ACE4_WRITE_DATA, EXECUTE: t.ACE4_EXECUTE}


@given(lists(), USERS, st.booleans())
def test_entries_grant_what_the_list_does(acl: PosixAcl, who: User, directory: bool) -> None:
    aces = mapping.to_aces(Acls(acl), directory, name, name)
    for right, bit in BITS.items():
        wanted = granted(who, OWNER, GROUP, acl.mode, right, directory, acl) == right
        assert judged(aces, who, bit) == wanted


@given(lists(), st.none() | lists(), USERS)
def test_entries_come_back_as_lists_that_grant_the_same(
    access: PosixAcl, default: PosixAcl | None, who: User
) -> None:
    aces = mapping.to_aces(Acls(access, default), True, name, name)
    back = mapping.to_posix(aces, True, number)
    assert (back.default is None) == (default is None)
    for ours, theirs in ((back.access, access), (back.default, default)):
        if ours is not None and theirs is not None:
            assert granted(who, OWNER, GROUP, ours.mode, 7, True, ours) == granted(
                who, OWNER, GROUP, theirs.mode, 7, True, theirs
            )
    assert mapping.to_posix(mapping.to_aces(back, True, name, name), True, number) == back


def _ace(kind: int, who: tuple[bytes, int], bits: int) -> t.nfsace4:
    return t.nfsace4(kind, who[1], bits, who[0])


ACES = st.lists(
    st.builds(
        _ace,
        st.integers(0, 1),
        st.sampled_from(
            [
                (b"OWNER@", 0),
                (b"GROUP@", 0),
                (b"EVERYONE@", 0),
                *((name(n), flag) for n in (1, 2, 3) for flag in (0, t.ACE4_IDENTIFIER_GROUP)),
            ]
        ),
        st.integers(0, 0x7F),
    ),
    max_size=8,
)


@given(ACES, USERS, st.booleans())
def test_lists_never_grant_what_entries_do_not(
    aces: list[t.nfsace4], who: User, directory: bool
) -> None:
    acl = mapping.to_posix(aces, directory, number).access
    for right, bit in BITS.items():
        if granted(who, OWNER, GROUP, acl.mode, right, directory, acl):
            assert judged(aces, who, bit)


@given(lists())
def test_a_value_comes_back_as_the_list(acl: PosixAcl) -> None:
    assert decode(encode(acl)) == acl


@given(st.binary(max_size=60) | st.binary(max_size=60).map(b"\x02\0\0\0".__add__))
def test_any_octets_are_a_list_or_an_error(value: bytes) -> None:
    try:
        acl = decode(value)
    except OSError:
        return
    assert decode(encode(acl)) == acl


@given(st.lists(st.builds(t.nfsace4, *[st.integers(0, 1 << 9)] * 3, st.binary(max_size=9))))
def test_any_entries_are_lists_or_an_error(aces: list[t.nfsace4]) -> None:
    def who(octets: bytes, group: bool) -> int:
        if not octets.isdigit():
            raise NfsError(t.NFS4ERR_BADOWNER)
        return int(octets)

    with suppress(NfsError):
        acls = mapping.to_posix(aces, True, who)
        assert decode(encode(acls.access)) == acls.access


@pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root")
def test_linux_grants_the_same(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    fs = LocalFileSystem(tmp_path)
    if not fs.has_acls:
        pytest.skip("there are no access control lists here")
    path = tmp_path / "f"
    path.touch()
    os.chown(path, OWNER, GROUP)
    root = User(0, 0)
    node = fs.lookup(fs.root, b"f", root)

    @settings(max_examples=150, deadline=None)
    @given(lists(), USERS)
    def compare(acl: PosixAcl, who: User) -> None:
        fs.set_acls(node, root, Acls(acl))
        found = fs.acls(node)
        assert found.access == acl
        status = os.stat(path)
        assert status.st_mode & 0o777 == acl.mode
        if not acl.mode & 0o070:
            return  # With an empty mask Linux does not look at the list at all.
        for right in (READ, WRITE, EXECUTE):
            ours = Identity().estimate(status, acl, who, right)
            assert fs.permitted(node, who, right) == ours

    compare()
    fs.close()
