"""Access control lists over the wire, of files in memory and of local ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    Clock,
    Op,
    Peer,
    Session,
    access,
    getattr_,
    make,
    make_server,
    mkdir,
    open_,
    putfh,
    readdir,
    setattr_,
    symlink,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.acl import MOST_ACES
from nfsrdma.server.vfs.interface import ROOT, FileSystem, User
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.server.vfs.posix_acl import Acls, PosixAcl
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4, mask_from_bitmap

ALICE, BOB = Credentials.sys(1001, 1001), Credentials.sys(1002, 1002)
READ_WRITE_DATA = t.ACE4_READ_DATA | t.ACE4_WRITE_DATA | t.ACE4_APPEND_DATA
ACCESS = t.ACCESS4_READ | t.ACCESS4_MODIFY | t.ACCESS4_EXECUTE
INHERIT = t.ACE4_FILE_INHERIT_ACE | t.ACE4_DIRECTORY_INHERIT_ACE

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root")


@pytest.fixture(params=["memory", "local"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileSystem]:
    if request.param == "memory":
        yield MemoryFileSystem(Clock())
        return
    tmp_path.chmod(0o777)
    local = LocalFileSystem(tmp_path)
    if not local.has_acls:
        local.close()
        pytest.skip("there are no access control lists here")
    yield local
    local.close()


@pytest.fixture
def session(fs: FileSystem) -> Session:
    return Peer(make_server(fs=fs)).session()


def allow(who: bytes, bits: int, flag: int = 0) -> t.nfsace4:
    return t.nfsace4(t.ACE4_ACCESS_ALLOWED_ACE_TYPE, flag, bits, who)


def deny(who: bytes, bits: int, flag: int = 0) -> t.nfsace4:
    return t.nfsace4(t.ACE4_ACCESS_DENIED_ACE_TYPE, flag, bits, who)


def set_acl(aces: list[t.nfsace4], **more: Any) -> Op:
    return setattr_({t.FATTR4_ACL: aces, **more.get("values", {})})


PRIVATE = [allow(b"OWNER@", READ_WRITE_DATA), allow(b"EVERYONE@", 0)]
ALICE_READS = [allow(b"OWNER@", READ_WRITE_DATA), allow(b"1001", t.ACE4_READ_DATA)]


def allowed(session: Session, handle: bytes, who: Credentials) -> int:
    reply = session.ok(putfh(handle), access(ACCESS), credentials=who)
    return int(reply[2].access)


def test_what_is_supported(session: Session) -> None:
    root = session.ok(PUTROOTFH, GETFH)[2].object
    values = session.attributes(root, t.FATTR4_SUPPORTED_ATTRS, t.FATTR4_ACLSUPPORT)
    supported = mask_from_bitmap(values[t.FATTR4_SUPPORTED_ATTRS])
    assert supported >> t.FATTR4_ACL & 1
    assert supported >> t.FATTR4_DACL & 1
    assert not supported >> t.FATTR4_SACL & 1
    assert values[t.FATTR4_ACLSUPPORT] == t.ACL4_SUPPORT_ALLOW_ACL | t.ACL4_SUPPORT_DENY_ACL


def test_without_lists_there_is_no_attribute() -> None:
    class Plain(MemoryFileSystem):
        has_acls = False

    session = Peer(make_server(fs=Plain(Clock()))).session()
    root = session.ok(PUTROOTFH, GETFH)[2].object
    values = session.attributes(root, t.FATTR4_ACL, t.FATTR4_DACL, t.FATTR4_ACLSUPPORT)
    assert values == {t.FATTR4_ACLSUPPORT: 0}
    session.fails(t.NFS4ERR_ATTRNOTSUPP, putfh(root), set_acl(PRIVATE))
    session.create(b"f", values={t.FATTR4_MODE_UMASK: t.mode_umask4(0o666, 0o027)})


def test_a_mode_is_a_list(session: Session) -> None:
    _, handle = session.create(b"f", values={t.FATTR4_MODE: 0o604})
    values = session.attributes(handle, t.FATTR4_ACL, t.FATTR4_DACL)
    aces = values[t.FATTR4_ACL]
    assert values[t.FATTR4_DACL] == t.nfsacl41(0, aces)
    assert [(ace.type, ace.who) for ace in aces] == [
        (t.ACE4_ACCESS_ALLOWED_ACE_TYPE, b"OWNER@"),
        (t.ACE4_ACCESS_ALLOWED_ACE_TYPE, b"GROUP@"),
        (t.ACE4_ACCESS_DENIED_ACE_TYPE, b"GROUP@"),
        (t.ACE4_ACCESS_ALLOWED_ACE_TYPE, b"EVERYONE@"),
    ]
    session.ok(putfh(handle), set_acl(aces))
    assert session.attributes(handle, t.FATTR4_MODE) == {t.FATTR4_MODE: 0o604}


@pytest.mark.parametrize("number", [t.FATTR4_ACL, t.FATTR4_DACL])
def test_a_list_is_set_with_its_mode_and_change(
    session: Session, fs: FileSystem, number: int
) -> None:
    _, handle = session.create(b"f", values={t.FATTR4_MODE: 0o600})
    before = session.attributes(handle, t.FATTR4_CHANGE, t.FATTR4_TIME_METADATA)
    value = ALICE_READS if number == t.FATTR4_ACL else t.nfsacl41(0, ALICE_READS)
    session.ok(putfh(handle), setattr_({number: value}))
    after = session.attributes(handle, t.FATTR4_CHANGE, t.FATTR4_TIME_METADATA)
    assert after[t.FATTR4_CHANGE] != before[t.FATTR4_CHANGE]
    assert session.attributes(handle, t.FATTR4_MODE) == {t.FATTR4_MODE: 0o640}
    found = fs.acls(fs.lookup(fs.root, b"f", ROOT))
    assert found == Acls(PosixAcl(6, 0, 0, 4, {1001: 4}, {}))


@needs_root
def test_rights_are_those_of_the_list(session: Session) -> None:
    _, handle = session.create(b"f", values={t.FATTR4_MODE: 0o600})
    assert allowed(session, handle, ALICE) == 0
    session.ok(putfh(handle), set_acl(ALICE_READS))
    assert allowed(session, handle, ALICE) == t.ACCESS4_READ
    assert allowed(session, handle, BOB) == 0
    reading = t.OPEN4_SHARE_ACCESS_READ
    session.ok(putfh(handle), open_(access=reading, owner=b"alice"), credentials=ALICE)
    session.fails(
        t.NFS4ERR_ACCESS, putfh(handle), open_(access=reading, owner=b"bob"), credentials=BOB
    )
    session.fails(t.NFS4ERR_ACCESS, putfh(handle), open_(owner=b"more"), credentials=ALICE)


@needs_root
def test_chmod_is_the_mask(session: Session) -> None:
    _, handle = session.create(b"f", values={t.FATTR4_MODE: 0o600})
    session.ok(putfh(handle), set_acl(ALICE_READS))
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0o600}))
    assert allowed(session, handle, ALICE) == 0
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0o640}))
    assert allowed(session, handle, ALICE) == t.ACCESS4_READ


@needs_root
def test_a_denial_comes_first(session: Session) -> None:
    _, handle = session.create(b"f", values={t.FATTR4_MODE: 0o600})
    aces = [
        allow(b"OWNER@", READ_WRITE_DATA),
        deny(b"1001", t.ACE4_READ_DATA),
        allow(b"EVERYONE@", t.ACE4_READ_DATA),
    ]
    session.ok(putfh(handle), set_acl(aces))
    assert allowed(session, handle, ALICE) == 0
    assert allowed(session, handle, BOB) == t.ACCESS4_READ
    got = session.attributes(handle, t.FATTR4_ACL)[t.FATTR4_ACL]
    session.ok(putfh(handle), set_acl(got))
    assert session.attributes(handle, t.FATTR4_ACL)[t.FATTR4_ACL] == got


@needs_root
def test_only_the_owner_sets_a_list(session: Session) -> None:
    _, handle = session.create(b"f", values={t.FATTR4_MODE: 0o666})
    session.fails(t.NFS4ERR_PERM, putfh(handle), set_acl(PRIVATE), credentials=ALICE)


def test_the_list_comes_after_the_mode(session: Session) -> None:
    """RFC 8881, Section 6.4.1.3: it has the last word of the nine bits, and of no others."""
    _, handle = session.create(b"f")
    values = {t.FATTR4_MODE: 0o4777, t.FATTR4_ACL: PRIVATE}
    session.ok(putfh(handle), setattr_(values))
    assert session.attributes(handle, t.FATTR4_MODE) == {t.FATTR4_MODE: 0o4600}


def test_made_with_a_list(session: Session) -> None:
    values = {t.FATTR4_MODE: 0o666, t.FATTR4_ACL: ALICE_READS}
    reply = session.ok(PUTROOTFH, open_(b"f", create=t.GUARDED4, values=values), GETFH)
    assert mask_from_bitmap(reply[2].attrset) >> t.FATTR4_ACL & 1
    assert session.attributes(reply[3].object, t.FATTR4_MODE) == {t.FATTR4_MODE: 0o640}
    reply = session.ok(PUTROOTFH, mkdir(b"d", {t.FATTR4_ACL: ALICE_READS}), GETFH)
    assert mask_from_bitmap(reply[2].attrset) >> t.FATTR4_ACL & 1
    who = [ace.who for ace in session.attributes(reply[3].object, t.FATTR4_ACL)[t.FATTR4_ACL]]
    assert b"1001" in who


def test_nothing_is_left_of_what_cannot_have_its_list(session: Session, fs: FileSystem) -> None:
    inheritable = [allow(b"OWNER@", READ_WRITE_DATA, INHERIT)]
    session.fails(
        t.NFS4ERR_ATTRNOTSUPP,
        PUTROOTFH,
        open_(b"f", create=t.GUARDED4, values={t.FATTR4_ACL: inheritable}),
    )
    session.fails(
        t.NFS4ERR_ATTRNOTSUPP,
        PUTROOTFH,
        make(t.createtype4(t.NF4LNK, b"x"), b"l", {t.FATTR4_ACL: PRIVATE}),
    )
    assert fs.entries(fs.root, 0, ROOT, 9).entries == []


def test_what_a_directory_hands_on(session: Session, fs: FileSystem) -> None:
    parent = session.mkdir(b"d")
    aces = [
        allow(b"OWNER@", READ_WRITE_DATA | t.ACE4_EXECUTE | t.ACE4_DELETE_CHILD),
        allow(b"1001", t.ACE4_READ_DATA, t.ACE4_FILE_INHERIT_ACE | t.ACE4_INHERIT_ONLY_ACE),
    ]
    session.ok(putfh(parent), set_acl(aces))
    assert session.attributes(parent, t.FATTR4_MODE) == {t.FATTR4_MODE: 0o700}
    found = fs.acls(fs.lookup(fs.root, b"d", ROOT))
    assert found.default == PosixAcl(7, 0, 0, 4, {1001: 4}, {})
    # RFC 8275: a list that is handed on takes the place of the file mask.
    values = {t.FATTR4_MODE_UMASK: t.mode_umask4(0o666, 0o077)}
    reply = session.ok(putfh(parent), open_(b"f", create=t.GUARDED4, values=values), GETFH)
    handle = reply[3].object
    assert session.attributes(handle, t.FATTR4_MODE) == {t.FATTR4_MODE: 0o640}
    reply = session.ok(putfh(parent), mkdir(b"e", {t.FATTR4_MODE: 0o2755}), GETFH)
    below = reply[3].object
    mode = session.attributes(below, t.FATTR4_MODE)[t.FATTR4_MODE]
    assert mode == 0o2740
    inherited = [ace for ace in session.attributes(below, t.FATTR4_ACL)[12] if ace.flag & INHERIT]
    assert {ace.who for ace in inherited} == {b"OWNER@", b"1001", b"GROUP@", b"EVERYONE@"}
    # And it is gone with the entries that made it. To write takes the right to delete as well.
    session.ok(putfh(below), set_acl(PRIVATE))
    node = fs.lookup(fs.lookup(fs.root, b"d", ROOT), b"e", ROOT)
    assert fs.acls(node) == Acls(PosixAcl(4, 0, 0))


def test_the_file_mask_of_the_server_adds_nothing_to_a_list(
    fs: FileSystem, session: Session
) -> None:
    """A default list that leaves what the server's own file mask would have left."""
    mask = os.umask(0o022)
    try:
        parent = session.mkdir(b"d")
        fs.set_acls(
            fs.lookup(fs.root, b"d", ROOT), ROOT, Acls(PosixAcl(7, 5, 5), PosixAcl(6, 4, 4))
        )
        values = {t.FATTR4_MODE: 0o666}
        reply = session.ok(putfh(parent), open_(b"f", create=t.GUARDED4, values=values), GETFH)
    finally:
        os.umask(mask)
    assert session.attributes(reply[3].object, t.FATTR4_MODE) == {t.FATTR4_MODE: 0o644}


def test_the_file_mask_of_the_client_counts_without_a_list(session: Session) -> None:
    values = {t.FATTR4_MODE_UMASK: t.mode_umask4(0o666, 0o027)}
    _, handle = session.create(b"f", values=values)
    assert session.attributes(handle, t.FATTR4_MODE) == {t.FATTR4_MODE: 0o640}


AUDIT = t.nfsace4(t.ACE4_SYSTEM_AUDIT_ACE_TYPE, 0, 1, b"EVERYONE@")


@pytest.mark.parametrize(
    ("aces", "status"),
    [
        ([AUDIT], t.NFS4ERR_ATTRNOTSUPP),
        ([allow(b"OWNER@", 1, t.ACE4_NO_PROPAGATE_INHERIT_ACE)], t.NFS4ERR_ATTRNOTSUPP),
        ([allow(b"OWNER@", 1, t.ACE4_INHERIT_ONLY_ACE)], t.NFS4ERR_ATTRNOTSUPP),
        ([allow(b"OWNER@", 1, INHERIT)], t.NFS4ERR_ATTRNOTSUPP),
        ([deny(b"EVERYONE@", t.ACE4_READ_ACL)], t.NFS4ERR_ATTRNOTSUPP),
        ([deny(b"OWNER@", t.ACE4_WRITE_ACL)], t.NFS4ERR_ATTRNOTSUPP),
        ([allow(b"nobody@example.org", 1)], t.NFS4ERR_BADOWNER),
        ([allow(b"ANONYMOUS@", 1)], t.NFS4ERR_BADOWNER),
        ([allow(b"", 1)], t.NFS4ERR_INVAL),
        ([allow(b"4294967295", 1)], t.NFS4ERR_BADOWNER),
        ([allow(b"1", 1)] * (MOST_ACES + 1), t.NFS4ERR_FBIG),
    ],
)
def test_what_cannot_be_set(session: Session, aces: list[t.nfsace4], status: int) -> None:
    _, handle = session.create(b"f", values={t.FATTR4_MODE: 0o640})
    session.fails(status, putfh(handle), set_acl(aces))
    assert session.attributes(handle, t.FATTR4_MODE) == {t.FATTR4_MODE: 0o640}


def test_flags_and_two_lists_at_once_are_refused(session: Session) -> None:
    _, handle = session.create(b"f")
    automatic = {t.FATTR4_DACL: t.nfsacl41(t.ACL4_AUTO_INHERIT, PRIVATE)}
    session.fails(t.NFS4ERR_ATTRNOTSUPP, putfh(handle), setattr_(automatic))
    both = {t.FATTR4_ACL: PRIVATE, t.FATTR4_DACL: t.nfsacl41(0, PRIVATE)}
    session.fails(t.NFS4ERR_INVAL, putfh(handle), setattr_(both))


def test_symbolic_links_have_none_of_their_own(session: Session) -> None:
    handle = session.ok(PUTROOTFH, symlink(b"l", b"x"), GETFH)[3].object
    session.fails(t.NFS4ERR_ATTRNOTSUPP, putfh(handle), set_acl(PRIVATE))
    assert len(session.attributes(handle, t.FATTR4_ACL)[t.FATTR4_ACL]) == 3


def test_an_empty_list_grants_nothing(session: Session) -> None:
    _, handle = session.create(b"f")
    session.ok(putfh(handle), set_acl([]))
    assert session.attributes(handle, t.FATTR4_MODE) == {t.FATTR4_MODE: 0}


def test_entries_of_a_directory_have_their_lists(session: Session) -> None:
    for name in (b"a", b"b"):
        _, handle = session.create(name, values={t.FATTR4_MODE: 0o600})
    session.ok(putfh(handle), set_acl(ALICE_READS))
    session.ok(PUTROOTFH, symlink(b"l", b"x"))
    reply = session.ok(PUTROOTFH, readdir(numbers=(t.FATTR4_ACL, t.FATTR4_TYPE)))
    entry, found = reply[2].reply.entries, {}
    while entry is not None:
        found[bytes(entry.name)] = decode_fattr4(entry.attrs)
        entry = entry.nextentry
    assert found.keys() == {b"a", b"b", b"l"}
    assert found[b"b"][t.FATTR4_ACL] == session.attributes(handle, t.FATTR4_ACL)[t.FATTR4_ACL]
    assert [ace.who for ace in found[b"a"][t.FATTR4_ACL]] == [b"OWNER@", b"GROUP@", b"EVERYONE@"]


def test_a_list_can_be_compared(session: Session) -> None:
    _, handle = session.create(b"f", values={t.FATTR4_MODE: 0o600})
    session.ok(putfh(handle), set_acl(ALICE_READS))
    values = session.ok(putfh(handle), getattr_(t.FATTR4_ACL))[2].obj_attributes
    session.ok(putfh(handle), (t.OP_VERIFY, t.VERIFY4args(values)))
    session.fails(t.NFS4ERR_SAME, putfh(handle), (t.OP_NVERIFY, t.NVERIFY4args(values)))


def test_lists_count_for_the_room_in_memory() -> None:
    fs = MemoryFileSystem(Clock(), capacity=1 << 12)
    node, file = fs.create(fs.root, b"f", ROOT, 0o600, 2)
    free = fs.statistics().space_free
    many = Acls(PosixAcl(6, 0, 0, 7, dict.fromkeys(range(1, 20), 4), {}))
    fs.set_acls(node, ROOT, many)
    assert fs.statistics().space_free < free
    with pytest.raises(OSError, match="No space"):
        fs.set_acls(
            node,
            ROOT,
            Acls(many.access, many.access)._replace(
                access=PosixAcl(6, 0, 0, 7, dict.fromkeys(range(1, 200), 4), {})
            ),
        )
    assert fs.acls(node) == many
    file.close()
    fs.remove(fs.root, b"f", User(0, 0))
    assert fs.statistics().space_free == free
