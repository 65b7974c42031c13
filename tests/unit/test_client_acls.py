"""Access control lists, from the client's methods to the server's memory."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.nfs_pair import Pair

from nfsrdma.client import Ace, AceType
from nfsrdma.client.errors import NfsError
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.xdr.nfs4 import types as t

ENTRIES = [
    Ace(AceType.ALLOW, "OWNER@", t.ACE4_READ_DATA | t.ACE4_WRITE_DATA | t.ACE4_APPEND_DATA),
    Ace(AceType.ALLOW, "1001", t.ACE4_READ_DATA),
    Ace(AceType.ALLOW, "50", t.ACE4_READ_DATA, t.ACE4_IDENTIFIER_GROUP),
]


@pytest.fixture
def pair() -> Pair:
    return Pair()


@pytest.fixture
def fs(pair: Pair) -> FileSystem:
    fs = pair.client()
    pair.run(fs.write_bytes("f", b"data"))
    pair.run(fs.symlink("f", "l"))
    return fs


def test_a_list_goes_there_and_back(pair: Pair, fs: FileSystem) -> None:
    pair.run(fs.set_acl("f", ENTRIES))
    assert pair.run(fs.stat("f")).st_mode & 0o777 == 0o640
    found = {(ace.who, ace.flags): ace for ace in pair.run(fs.acl("f"))}
    assert found["1001", 0].access & t.ACE4_READ_DATA
    assert ("50", t.ACE4_IDENTIFIER_GROUP) in found
    again = pair.run(fs.acl("f"))
    pair.run(fs.set_acl("f", again))
    assert pair.run(fs.acl("f")) == again


def test_links_are_followed_if_asked_to(pair: Pair, fs: FileSystem) -> None:
    pair.run(fs.set_acl("l", ENTRIES))
    assert pair.run(fs.acl("l")) == pair.run(fs.acl("f"))
    assert len(pair.run(fs.acl("l", follow_symlinks=False))) == 3
    with pytest.raises(NfsError) as caught:
        pair.run(fs.set_acl("l", ENTRIES, follow_symlinks=False))
    assert caught.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize(
    ("ace", "number"),
    [
        (Ace(AceType.AUDIT, "EVERYONE@", 1), errno.EOPNOTSUPP),
        (Ace(AceType.ALLOW, "somebody", 1), errno.EINVAL),
    ],
)
def test_what_the_server_refuses(pair: Pair, fs: FileSystem, ace: Ace, number: int) -> None:
    with pytest.raises(NfsError) as caught:
        pair.run(fs.set_acl("f", [ace]))
    assert caught.value.errno == number


def test_a_server_without_lists(
    pair: Pair, fs: FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nfsrdma.server.vfs.memory.MemoryFileSystem.has_acls", False)
    with pytest.raises(NfsError) as caught:
        pair.run(fs.acl("f"))
    assert caught.value.errno == errno.EOPNOTSUPP
    assert caught.value.filename == "f"


def test_the_text_of_an_entry() -> None:
    assert str(ENTRIES[2]) == "A:g:50:r"
    assert Ace.parse("D:fdi:EVERYONE@:waDx") == Ace(AceType.DENY, "EVERYONE@", 0x66, 0x0B)
    assert Ace.parse("A::alice@example.org:").who == "alice@example.org"


WHO = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=9)


@given(
    st.sampled_from(AceType),
    WHO,
    st.lists(st.sampled_from([0, 1, 5, 6, 7, 16, 17, 20])),
    st.integers(0, 0x7F),
)
def test_every_entry_has_its_text(kind: AceType, who: str, bits: list[int], flags: int) -> None:
    ace = Ace(kind, who, sum(1 << bit for bit in set(bits)), flags)
    if ":" not in who:
        assert Ace.parse(str(ace)) == ace


@pytest.mark.parametrize(
    "text", ["", "A", "A::x", "X::OWNER@:r", "A:q:OWNER@:r", "A::OWNER@:z", "AD::o:r"]
)
def test_what_is_no_entry(text: str) -> None:
    with pytest.raises(ValueError, match=r"entry|right|flag"):
        Ace.parse(text)
