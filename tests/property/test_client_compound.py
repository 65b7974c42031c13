"""The client's hand-fused encoders and decoders against the types of the specification."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.client.attributes import ENTRY, STAT, STAT_ROOM, decode_stat, encode_attributes
from nfsrdma.client.compound import Compound, Header
from nfsrdma.client.locks import lock_arguments
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.message import encode_accepted, encode_call
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4, mask_from_bitmap

CREDENTIALS = Credentials.sys(1000, 100, (4, 5), b"here")
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)
NAME = st.binary(max_size=40)
HANDLE = st.binary(min_size=1, max_size=128)
OTHER = st.builds(t.stateid4, U32, st.binary(min_size=12, max_size=12))
DATA = st.binary(max_size=50)
SESSION = st.binary(min_size=16, max_size=16)
VERIFIER = st.binary(min_size=8, max_size=8)
WORDS = st.lists(U32, max_size=3)
ENTRY_WORDS = t.decode_bitmap4(Decoder(ENTRY))
KIND = st.integers(1, 4)
LOCK = st.builds(lock_arguments, OTHER, st.none(), NAME, KIND, U64, U64)
LOCKT = st.builds(t.LOCKT4args, KIND, U64, U64, st.builds(t.lock_owner4, U64, NAME))
LOCKU = st.builds(t.LOCKU4args, KIND, U32, OTHER, U64, U64)
CHANGES = st.builds(encode_attributes, size=U64, mode=st.integers(0, 0o7777))

Step = tuple[Callable[[Compound], object], list[t.nfs_argop4]]


def octets(item: Any) -> bytes:
    enc = Encoder()
    item.encode(enc)
    return enc.to_bytes()


def arg(op: int, value: Any = None) -> list[t.nfs_argop4]:
    return [t.nfs_argop4(op, value)]


def bitmap(words: list[int]) -> bytes:
    enc = Encoder()
    t.encode_bitmap4(enc, words)
    return bytes(enc.buffer)


def step(build: Callable[..., Step], *values: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.tuples(*values).map(lambda drawn: build(*drawn))


PLAIN = st.sampled_from(
    [
        (Compound.putrootfh, arg(t.OP_PUTROOTFH)),
        (Compound.savefh, arg(t.OP_SAVEFH)),
        (Compound.restorefh, arg(t.OP_RESTOREFH)),
        (Compound.getfh, arg(t.OP_GETFH)),
        (Compound.readlink, arg(t.OP_READLINK)),
        (Compound.lookupp, arg(t.OP_LOOKUPP)),
        (Compound.reclaim_complete, arg(t.OP_RECLAIM_COMPLETE, t.RECLAIM_COMPLETE4args(False))),
    ]
)
STEPS = st.one_of(
    PLAIN,
    step(lambda h: (lambda c: c.putfh(h), arg(t.OP_PUTFH, t.PUTFH4args(h))), HANDLE),
    step(lambda n: (lambda c: c.lookup(n), arg(t.OP_LOOKUP, t.LOOKUP4args(n))), NAME),
    step(lambda n: (lambda c: c.remove(n), arg(t.OP_REMOVE, t.REMOVE4args(n))), NAME),
    step(lambda n: (lambda c: c.link(n), arg(t.OP_LINK, t.LINK4args(n))), NAME),
    step(
        lambda a, b: (lambda c: c.rename(a, b), arg(t.OP_RENAME, t.RENAME4args(a, b))), NAME, NAME
    ),
    step(
        lambda w: (
            lambda c: c.getattr(bitmap(w), 0, decode_stat),
            arg(t.OP_GETATTR, t.GETATTR4args(w)),
        ),
        WORDS,
    ),
    step(
        lambda s, a: (
            lambda c: c.setattr(octets(s), a),
            arg(t.OP_SETATTR, t.SETATTR4args(s, a)),
        ),
        OTHER,
        CHANGES,
    ),
    step(
        lambda a: (lambda c: c.verify(t.OP_VERIFY, a), arg(t.OP_VERIFY, t.VERIFY4args(a))), CHANGES
    ),
    step(lambda m: (lambda c: c.access(m), arg(t.OP_ACCESS, t.ACCESS4args(m))), U32),
    step(
        lambda s, at, size: (
            lambda c: c.read(octets(s), at, memoryview(bytearray(size))),
            arg(t.OP_READ, t.READ4args(s, at, size)),
        ),
        OTHER,
        U64,
        st.integers(0, 5000),
    ),
    step(
        lambda s, at, stable, data: (
            lambda c: c.write(octets(s), at, stable, memoryview(data)),
            arg(t.OP_WRITE, t.WRITE4args(s, at, stable, data)),
        ),
        OTHER,
        U64,
        st.integers(0, 2),
        DATA,
    ),
    step(
        lambda at, n: (lambda c: c.commit(at, n), arg(t.OP_COMMIT, t.COMMIT4args(at, n))), U64, U32
    ),
    step(
        lambda cookie, verifier, size: (
            lambda c: c.readdir(cookie, verifier, size),
            arg(t.OP_READDIR, t.READDIR4args(cookie, verifier, size, size, ENTRY_WORDS)),
        ),
        U64,
        VERIFIER,
        U32,
    ),
    step(
        lambda s, at, n: (
            lambda c: c.allocate(octets(s), at, n),
            arg(t.OP_ALLOCATE, t.ALLOCATE4args(s, at, n)),
        ),
        OTHER,
        U64,
        U64,
    ),
    step(
        lambda s, at, n: (
            lambda c: c.deallocate(octets(s), at, n),
            arg(t.OP_DEALLOCATE, t.DEALLOCATE4args(s, at, n)),
        ),
        OTHER,
        U64,
        U64,
    ),
    step(
        lambda s, at, what: (
            lambda c: c.seek(octets(s), at, what),
            arg(t.OP_SEEK, t.SEEK4args(s, at, what)),
        ),
        OTHER,
        U64,
        st.integers(0, 1),
    ),
    step(lambda a: (lambda c: c.lock(a), arg(t.OP_LOCK, a)), LOCK),
    step(lambda a: (lambda c: c.lockt(a), arg(t.OP_LOCKT, a)), LOCKT),
    step(lambda a: (lambda c: c.locku(a), arg(t.OP_LOCKU, a)), LOCKU),
    step(lambda s: (lambda c: c.close(octets(s)), arg(t.OP_CLOSE, t.CLOSE4args(0, s))), OTHER),
    step(
        lambda s: (
            lambda c: c.delegreturn(octets(s)),
            arg(t.OP_DELEGRETURN, t.DELEGRETURN4args(s)),
        ),
        OTHER,
    ),
    step(
        lambda s: (
            lambda c: c.free_stateid(octets(s)),
            arg(t.OP_FREE_STATEID, t.FREE_STATEID4args(s)),
        ),
        OTHER,
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=6), SESSION, U32, U32, U32, U32, st.booleans())
def test_calls_are_octet_for_octet_what_the_types_encode(
    steps: list[Step],
    session: bytes,
    xid: int,
    seqid: int,
    slot: int,
    highest: int,
    idempotent: bool,
) -> None:
    compound = Compound(Header(CREDENTIALS, 2), "ANY", idempotent=idempotent)
    arguments = arg(t.OP_SEQUENCE, t.SEQUENCE4args(session, seqid, slot, highest, not idempotent))
    for build, expected in steps:
        build(compound)
        arguments += expected
    compound.stamp(xid, session, seqid, slot, highest)
    enc = Encoder()
    encode_call(enc, xid, t.NFS4_PROGRAM, t.NFS_V4, t.NFSPROC4_COMPOUND, CREDENTIALS.to_auth())
    t.COMPOUND4args(b"", 2, arguments).encode(enc)
    assert compound.encoder.to_bytes() == enc.to_bytes()
    assert compound.encoder.tell() == len(enc.to_bytes())
    assert len(compound) == len(steps)


TIME = st.builds(t.nfstime4, st.integers(-(2**40), 2**40), st.integers(0, 999_999_999))
ATTRIBUTES = st.fixed_dictionaries(
    {
        t.FATTR4_TYPE: st.sampled_from([t.NF4REG, t.NF4DIR, t.NF4LNK]),
        t.FATTR4_CHANGE: U64,
        t.FATTR4_SIZE: U64,
        t.FATTR4_FSID: st.builds(t.fsid4, U64, U64),
        t.FATTR4_FILEID: U64,
        t.FATTR4_MODE: st.integers(0, 0o7777),
        t.FATTR4_NUMLINKS: U32,
        t.FATTR4_OWNER: NAME,
        t.FATTR4_OWNER_GROUP: NAME,
        t.FATTR4_RAWDEV: st.builds(t.specdata4, U32, U32),
        t.FATTR4_SPACE_USED: U64,
        t.FATTR4_TIME_ACCESS: TIME,
        t.FATTR4_TIME_METADATA: TIME,
        t.FATTR4_TIME_MODIFY: TIME,
    }
)


@settings(max_examples=100, deadline=None)
@given(
    SESSION,
    st.lists(U32, min_size=5, max_size=5),
    NAME,
    st.booleans(),
    DATA,
    HANDLE,
    ATTRIBUTES,
    U32,
    VERIFIER,
)
def test_replies_are_read_as_the_types_read_them(
    session: bytes,
    words: list[int],
    tag: bytes,
    eof: bool,
    data: bytes,
    handle: bytes,
    values: dict[int, Any],
    count: int,
    verifier: bytes,
) -> None:
    def result(op: int, kind: Callable[..., Any], *ok: Any) -> t.nfs_resop4:
        return t.nfs_resop4(op, kind(t.NFS4_OK, *ok))

    enc = Encoder()
    encode_accepted(enc, 7)
    t.COMPOUND4res(
        t.NFS4_OK,
        tag,
        [
            result(t.OP_SEQUENCE, t.SEQUENCE4res, t.SEQUENCE4resok(session, *words)),
            t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(t.NFS4_OK)),
            result(t.OP_GETFH, t.GETFH4res, t.GETFH4resok(handle)),
            result(t.OP_READ, t.READ4res, t.READ4resok(eof, data)),
            result(t.OP_WRITE, t.WRITE4res, t.WRITE4resok(count, t.UNSTABLE4, verifier)),
            result(t.OP_COMMIT, t.COMMIT4res, t.COMMIT4resok(verifier)),
            result(t.OP_GETATTR, t.GETATTR4res, t.GETATTR4resok(encode_fattr4(values))),
        ],
    ).encode(enc)
    stateid = bytes(16)
    compound = Compound(Header(CREDENTIALS, 2), "ANY")
    compound.putfh(handle)
    found = compound.getfh()
    read = compound.read(stateid, 0, memoryview(bytearray(len(data))))
    written = compound.write(stateid, 0, t.UNSTABLE4, memoryview(data))
    committed = compound.commit()
    attributes = compound.getattr(STAT, STAT_ROOM, decode_stat)
    dec = Decoder(enc.to_bytes())
    status, results, sequence = compound.decode_sequence(dec)
    assert (status, results) == (t.NFS4_OK, 6)
    assert sequence is not None
    answered = (sequence.seqid, sequence.slot, sequence.highest, sequence.target)
    assert (*answered, sequence.status_flags) == tuple(words)
    assert sequence.session_id == session
    compound.decode_results(dec, status, results)
    dec.done()
    assert found.value == handle
    assert (read.value.eof, bytes(read.value.data)) == (eof, data)
    assert written.value == t.WRITE4resok(count, t.UNSTABLE4, verifier)
    assert committed.value == verifier
    stat = attributes.value
    assert (stat.change, stat.st_size, stat.st_ino) == tuple(
        values[n] for n in (t.FATTR4_CHANGE, t.FATTR4_SIZE, t.FATTR4_FILEID)
    )
    assert (stat.owner, stat.group) == (values[t.FATTR4_OWNER], values[t.FATTR4_OWNER_GROUP])
    assert stat.st_mode & 0o7777 == values[t.FATTR4_MODE]
    time = values[t.FATTR4_TIME_MODIFY]
    assert stat.st_mtime_ns == time.seconds * 10**9 + time.nseconds
    assert mask_from_bitmap(encode_fattr4(values).attrmask) == mask_from_bitmap(
        t.decode_bitmap4(Decoder(STAT))
    )
