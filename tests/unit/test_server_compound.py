"""COMPOUND's own rules: what may stand where, what must fit, and what is refused as a whole."""

from __future__ import annotations

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    LOOKUPP,
    PUTPUBFH,
    PUTROOTFH,
    READLINK,
    RESTOREFH,
    SAVEFH,
    Clock,
    Peer,
    Session,
    exchange_id,
    getattr_,
    link,
    lookup,
    make_server,
    mkdir,
    open_,
    putfh,
    read,
    readdir,
    rename,
    setattr_,
    symlink,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.ops.refused import REASONS
from nfsrdma.server.ops.table import MINORS
from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import KNOWN
from nfsrdma.xdr.nfs4.ops import OPERATIONS
from nfsrdma.xdr.rpc import AUTH_TOOWEAK


@pytest.fixture
def peer() -> Peer:
    return Peer(make_server())


@pytest.fixture
def session(peer: Peer) -> Session:
    return peer.session()


def test_no_operations(peer: Peer) -> None:
    reply = peer.call(tag=b"hello")
    assert (reply.status, reply.tag, reply.ops) == (t.NFS4_OK, b"hello", [])


@pytest.mark.parametrize("minor", [3, 50])
def test_minor_version_mismatch(peer: Peer, minor: int) -> None:
    reply = peer.call(exchange_id(b"x"), minor=minor)
    assert (reply.status, reply.ops) == (t.NFS4ERR_MINOR_VERS_MISMATCH, [])


@pytest.mark.parametrize(
    "tag", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbf\xbe", b"\xef\xbf\xbf"]
)
def test_invalid_tag(peer: Peer, tag: bytes) -> None:
    """RFC 8881, Section 16.2.4; U+FFFE and U+FFFF are not in the UTF-8 of ISO 10646-1:1993."""
    reply = peer.call(tag=tag)
    assert (reply.status, reply.tag, reply.ops) == (t.NFS4ERR_INVAL, tag, [])


def test_huge_tag(peer: Peer) -> None:
    assert peer.call(tag=b"x" * 5000).status == t.NFS4ERR_INVAL


@pytest.mark.parametrize("number", [0, 1, 2, 80, 5000, t.OP_ILLEGAL])
def test_illegal_operation(session: Session, number: int) -> None:
    reply = session.fails(t.NFS4ERR_OP_ILLEGAL, PUTROOTFH, (number, None))
    assert reply.ops[-1] == t.OP_ILLEGAL


def test_illegal_operation_without_sequence(peer: Peer) -> None:
    assert peer.call((0, None)).status == t.NFS4ERR_OP_ILLEGAL


@pytest.mark.parametrize("number", [n for n in OPERATIONS if t.OP_ALLOCATE <= n < t.OP_ILLEGAL])
def test_minor_version_1_does_not_know(session: Session, number: int) -> None:
    session.fails(t.NFS4ERR_OP_ILLEGAL, (number, None), minor=1)


@pytest.mark.parametrize(
    "number", [number for number, row in MINORS[2].operations.items() if row is None]
)
def test_not_implemented(session: Session, number: int) -> None:
    reply = session.fails(t.NFS4ERR_NOTSUPP, (number, None))
    assert reply.ops[-1] == number


def test_what_is_not_served_has_a_reason() -> None:
    for minor, version in MINORS.items():
        for number, row in version.operations.items():
            if row is None and OPERATIONS[number].legal(minor):
                assert REASONS[number]


def test_layouts_are_no_feature_of_the_server(peer: Peer) -> None:
    """Not of this file, nor of this kind: a client that hears NOTSUPP asks for none again."""
    flags = peer.exchange_id(b"p", flags=t.EXCHGID4_FLAG_USE_PNFS_MDS)[0].eir_flags
    assert flags & t.EXCHGID4_FLAG_MASK_PNFS == t.EXCHGID4_FLAG_USE_NON_PNFS
    session = peer.session()
    layouts = [
        n for n, spec in OPERATIONS.items() if "LAYOUT" in spec.name or "DEVICE" in spec.name
    ]
    assert len(layouts) == 7
    for number in layouts:
        session.fails(t.NFS4ERR_NOTSUPP, PUTROOTFH, (number, None))


def test_not_in_session(peer: Peer) -> None:
    assert peer.call(PUTROOTFH).status == t.NFS4ERR_OP_NOT_IN_SESSION


def test_sequence_not_first(session: Session) -> None:
    session.fails(t.NFS4ERR_SEQUENCE_POS, session.sequence(seqid=9))


def test_not_only_operation(peer: Peer) -> None:
    reply = peer.call(exchange_id(b"x"), PUTROOTFH)
    assert (reply.status, len(reply.ops)) == (t.NFS4ERR_NOT_ONLY_OP, 1)


def test_first_failure_ends_it(session: Session) -> None:
    reply = session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"no"), mkdir(b"d"))
    assert reply.ops == [t.OP_SEQUENCE, t.OP_PUTROOTFH, t.OP_LOOKUP]


def test_undecodable_arguments(session: Session) -> None:
    session.fails(t.NFS4ERR_BADXDR, PUTROOTFH, (t.OP_LOOKUP, b"\xff\xff\xff\xff"))


def test_undecodable_arguments_of_setattr_have_a_bitmap(session: Session) -> None:
    reply = session.fails(t.NFS4ERR_BADXDR, PUTROOTFH, (t.OP_SETATTR, b"\0\0\0\0"))
    assert reply.result.resarray[-1].value.attrsset == []


def test_fewer_operations_than_promised(session: Session) -> None:
    reply = session.fails(t.NFS4ERR_BADXDR, PUTROOTFH, count=5)
    assert reply.ops == [t.OP_SEQUENCE, t.OP_PUTROOTFH, t.OP_ILLEGAL]
    session.ok(PUTROOTFH)


def test_more_operations_promised_than_could_be(peer: Peer) -> None:
    incoming = peer.send(PUTROOTFH, count=1000)
    garbage_arguments = 4
    assert incoming.message[20:24] == garbage_arguments.to_bytes(4, "big")


@pytest.mark.parametrize(
    "op",
    [
        GETFH,
        SAVEFH,
        LOOKUPP,
        READLINK,
        lookup(b"a"),
        getattr_(1),
        read(ANONYMOUS),
        write(ANONYMOUS, b"x"),
        readdir(),
        mkdir(b"x"),
        open_(b"a"),
        setattr_({t.FATTR4_MODE: 0o644}),
    ],
)
def test_no_current_file_handle(session: Session, op: tuple[int, object]) -> None:
    session.fails(t.NFS4ERR_NOFILEHANDLE, op)


@pytest.mark.parametrize("op", [RESTOREFH, rename(b"a", b"b"), link(b"a")])
def test_no_saved_file_handle(session: Session, op: tuple[int, object]) -> None:
    session.fails(t.NFS4ERR_NOFILEHANDLE, PUTROOTFH, op)


def test_public_file_handle_is_the_root(session: Session) -> None:
    reply = session.ok(PUTROOTFH, GETFH, PUTPUBFH, GETFH)
    assert reply[2].object == reply[4].object


def test_saved_file_handle_comes_back(session: Session) -> None:
    session.mkdir(b"d")
    reply = session.ok(PUTROOTFH, lookup(b"d"), SAVEFH, GETFH, PUTROOTFH, RESTOREFH, GETFH)
    assert reply[4].object == reply[7].object


@pytest.mark.parametrize("handle", [b"", b"abc", bytes(13), b"\1" * 40, b"\xff" * 128])
def test_bad_handle(session: Session, handle: bytes) -> None:
    session.fails(t.NFS4ERR_BADHANDLE, putfh(handle))


def test_handle_cannot_be_changed(session: Session) -> None:
    handle = session.mkdir(b"d")
    for index in range(len(handle)):
        changed = bytearray(handle)
        changed[index] ^= 1
        session.fails(t.NFS4ERR_BADHANDLE, putfh(bytes(changed)))


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (b"", t.NFS4ERR_INVAL),
        (b"x" * 256, t.NFS4ERR_NAMETOOLONG),
        (b".", t.NFS4ERR_BADNAME),
        (b"..", t.NFS4ERR_BADNAME),
        (b"a/b", t.NFS4ERR_BADCHAR),
        (b"a\0b", t.NFS4ERR_BADCHAR),
    ],
)
def test_names(session: Session, name: bytes, status: int) -> None:
    session.create(b"file")
    session.fails(status, PUTROOTFH, lookup(name))
    session.fails(status, PUTROOTFH, mkdir(name))
    session.fails(status, PUTROOTFH, symlink(name, b"x"))
    session.fails(status, PUTROOTFH, open_(name, create=t.GUARDED4))
    session.fails(status, PUTROOTFH, (t.OP_REMOVE, t.REMOVE4args(name)))
    session.fails(status, PUTROOTFH, SAVEFH, rename(b"file", name))
    session.fails(status, PUTROOTFH, SAVEFH, rename(name, b"file"))
    session.fails(status, PUTROOTFH, lookup(b"file"), SAVEFH, PUTROOTFH, link(name))
    session.fails(status, PUTROOTFH, (t.OP_SECINFO, t.SECINFO4args(name)))


def test_name_in_utf8(session: Session) -> None:
    session.mkdir("grüße".encode())
    session.ok(PUTROOTFH, lookup("grüße".encode()))


# What must fit


def test_request_too_big_comes_first(peer: Peer) -> None:
    session = peer.session(request=512)
    session.fails(t.NFS4ERR_REQ_TOO_BIG, PUTROOTFH, lookup(b"x" * 500))


def test_too_many_operations(peer: Peer) -> None:
    session = peer.session(operations=4)
    session.ok(PUTROOTFH, PUTROOTFH, PUTROOTFH)
    reply = session.run(PUTROOTFH, PUTROOTFH, PUTROOTFH, PUTROOTFH)
    assert (reply.status, reply.ops) == (t.NFS4ERR_TOO_MANY_OPS, [t.OP_SEQUENCE])


def test_reply_too_big(peer: Peer) -> None:
    session = peer.session(response=400, cached=400)
    reply = session.run(PUTROOTFH, *[getattr_(*range(12))] * 6)
    assert reply.status == t.NFS4ERR_REP_TOO_BIG
    assert len(reply.body) + 24 <= 400


def test_reply_too_big_to_cache_before_anything_is_done(peer: Peer) -> None:
    session = peer.session(cached=128)
    fill = [GETFH, GETFH]
    reply = session.run(PUTROOTFH, *fill, mkdir(b"d"), cache=True)
    assert reply.status == t.NFS4ERR_REP_TOO_BIG_TO_CACHE
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"d"))


def test_sequence_alone_too_big_to_cache(peer: Peer) -> None:
    session = peer.session(cached=10)
    reply = session.run(cache=True)
    assert (reply.status, reply.ops) == (t.NFS4ERR_REP_TOO_BIG_TO_CACHE, [t.OP_SEQUENCE])
    session.seqid -= 1
    session.ok()


def test_read_is_cut_to_the_reply(peer: Peer) -> None:
    session = peer.session(response=512)
    stateid, handle = session.create(b"f", b"x" * 1000)
    reply = session.ok(putfh(handle), read(stateid, 0, 1000))
    assert 0 < len(reply[2].data) < 512
    assert not reply[2].eof


def test_read_without_any_room(peer: Peer) -> None:
    _, handle = peer.session(b"creator").create(b"f", b"x" * 1000)
    session = peer.session(response=148)
    session.fails(t.NFS4ERR_REP_TOO_BIG, putfh(handle), GETFH, read(ANONYMOUS, 0, 1000))


# What the transport can carry


def refused(session: Session, *ops: tuple[int, object], room: int) -> bool:
    """Whether the call is refused; then the slot has to be as it was."""
    incoming = session.peer.send(session.sequence(), *ops, room=room)
    if incoming.outcome == "refused":
        session.seqid -= 1
        return True
    return False


def test_reply_that_may_not_fit_is_refused_before_anything_is_done(session: Session) -> None:
    assert refused(session, PUTROOTFH, mkdir(b"d"), room=130)
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"d"))


def test_every_room_gives_refusal_or_reply(session: Session) -> None:
    for room in range(0, 400, 4):
        ops = (PUTROOTFH, mkdir(b"%d" % room), getattr_(1, 3, 33), GETFH)
        incoming = session.peer.send(session.sequence(), *ops, room=room)
        if incoming.outcome == "refused":
            session.seqid -= 1
            session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"%d" % room))
        else:
            assert len(incoming.message) <= room
            session.ok(PUTROOTFH, lookup(b"%d" % room))
    assert incoming.outcome == "reply"


def test_after_a_change_the_reply_ends_where_the_room_does(session: Session) -> None:
    incoming = session.peer.send(
        session.sequence(), PUTROOTFH, mkdir(b"d"), getattr_(*range(48)), room=250
    )
    assert incoming.outcome == "reply"
    assert len(incoming.message) <= 250
    session.ok(PUTROOTFH, lookup(b"d"))


def test_read_only_compound_without_room_is_refused(session: Session) -> None:
    assert refused(session, PUTROOTFH, getattr_(*range(48)), room=200)
    session.ok(PUTROOTFH)


def test_data_in_chunks_does_not_count(session: Session) -> None:
    stateid, handle = session.create(b"f", b"x" * 5000)
    incoming = session.peer.send(
        session.sequence(), putfh(handle), read(stateid, 0, 5000), room=200, payload_room=[5000]
    )
    assert incoming.encoder is not None
    assert len(incoming.encoder.payloads[0].data) == 5000


def test_read_is_cut_to_its_chunk(session: Session) -> None:
    stateid, handle = session.create(b"f", b"x" * 5000)
    incoming = session.peer.send(
        session.sequence(), putfh(handle), read(stateid, 0, 5000), room=200, payload_room=[4000]
    )
    assert incoming.encoder is not None
    assert len(incoming.encoder.payloads[0].data) == 4000


def test_second_read_without_a_chunk_goes_inline(session: Session) -> None:
    stateid, handle = session.create(b"f", b"x" * 5000)
    incoming = session.peer.send(
        session.sequence(),
        putfh(handle),
        read(stateid, 0, 2000),
        read(stateid, 2000, 3000),
        room=1000,
        payload_room=[2000, 0],
    )
    assert incoming.encoder is not None
    first, second = incoming.encoder.payloads
    assert len(first.data) == 2000
    assert 0 < len(second.data) < 1000
    assert len(incoming.encoder.buffer) + len(second.data) <= 1000


def test_empty_read_counts_as_a_result(session: Session) -> None:
    stateid, handle = session.create(b"f", b"x" * 50)
    incoming = session.peer.send(
        session.sequence(),
        putfh(handle),
        read(stateid, 50, 10),
        read(stateid, 0, 50),
        room=400,
        payload_room=[10, 50],
    )
    assert incoming.encoder is not None
    assert [len(p.data) for p in incoming.encoder.payloads] == [0, 50]


def test_link_too_long_for_its_chunk_goes_inline(session: Session) -> None:
    session.ok(PUTROOTFH, symlink(b"l", b"x" * 300))
    incoming = session.peer.send(
        session.sequence(), PUTROOTFH, lookup(b"l"), READLINK, room=1000, payload_room=[100]
    )
    assert incoming.outcome in ("reply", "refused")
    if incoming.outcome == "refused":
        session.seqid -= 1
    session.ok(PUTROOTFH)


def test_without_credentials(peer: Peer) -> None:
    """AUTH_NONE is for exports where everybody is nobody."""
    assert peer.send(exchange_id(b"a"), credentials=Credentials()).denied == AUTH_TOOWEAK
    fs = MemoryFileSystem(Clock())
    nobodies = Peer(make_server(Export("", fs, squash=Squash.ALL)))
    assert nobodies.call(exchange_id(b"a"), credentials=Credentials()).status == t.NFS4_OK


def test_all_attributes_of_both_minor_versions(session: Session) -> None:
    for minor in (1, 2):
        mask = KNOWN[minor]
        words = [mask >> shift & 0xFFFFFFFF for shift in (0, 32, 64)]
        words[1] &= ~(1 << 48 - 32 | 1 << 54 - 32)
        words[2] &= ~(1 << 74 - 64 | 1 << 81 - 64 | 1 << 84 - 64 | 1 << 85 - 64)
        reply = session.ok(PUTROOTFH, (t.OP_GETATTR, t.GETATTR4args(words)), minor=minor)
        top = reply[2].obj_attributes.attrmask[-1]
        assert bool(top >> t.FATTR4_XATTR_SUPPORT - 64 & 1) == (minor == 2)
