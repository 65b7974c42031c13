"""Compounds: what is written is what the specification's types read, and the other way round."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.client.attributes import ENTRY, STAT, STAT_ROOM, decode_stat, encode_attributes
from nfsrdma.client.compound import (
    ANONYMOUS_STATEID,
    CURRENT_STATEID,
    Compound,
    Header,
    decode_compound_head,
)
from nfsrdma.client.errors import ProtocolError, StatusError
from nfsrdma.client.results import ReadResult, Result
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.message import RpcError, decode_call, encode_accepted
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t

HEADER = Header(Credentials.sys(1000, 100, (4, 5), b"here"), 2)
SESSION = b"0123456789abcdef"


def parsed(compound: Compound) -> t.COMPOUND4args:
    dec = Decoder(compound.encoder.to_bytes())
    header = decode_call(dec)
    assert (header.xid, header.prog, header.vers, header.proc) == (0xABCD, 100003, 4, 1)
    call = t.COMPOUND4args.decode(dec)
    dec.done()
    return call


def _say_everything(compound: Compound, attributes: t.fattr4, large: memoryview) -> None:
    """Encode every operation that a compound has a method for."""
    sink = memoryview(bytearray(10))
    compound.putrootfh()
    compound.savefh()
    compound.restorefh()
    compound.getfh()
    compound.putfh(b"handle")
    compound.lookup(b"name")
    compound.remove(b"gone")
    compound.link(b"link")
    compound.rename(b"old", b"newer")
    compound.getattr(STAT, STAT_ROOM, decode_stat)
    compound.setattr(ANONYMOUS_STATEID, attributes)
    compound.verify(t.OP_NVERIFY, attributes)
    compound.access(63)
    compound.read(CURRENT_STATEID, 5, sink)
    compound.write(CURRENT_STATEID, 6, t.FILE_SYNC4, memoryview(b"hello"))
    compound.commit(1, 2)
    compound.readdir(3, b"verifier", 4096)
    compound.readlink()
    compound.read(ANONYMOUS_STATEID, 0, large)
    compound.close(CURRENT_STATEID)
    compound.delegreturn(CURRENT_STATEID)
    compound.free_stateid(CURRENT_STATEID)
    compound.reclaim_complete()
    compound.destroy_session(SESSION)
    compound.destroy_clientid(5)


def _everything(attributes: t.fattr4) -> list[tuple[int, Any]]:
    """Return what :func:`_say_everything` encodes, as the specification has it."""
    current = t.stateid4(1, bytes(12))
    words = list(struct.unpack(">2I", STAT[4:]))
    entry = list(struct.unpack(">2I", ENTRY[4:]))
    return [
        (t.OP_SEQUENCE, t.SEQUENCE4args(SESSION, 9, 3, 5, True)),
        (t.OP_PUTROOTFH, None),
        (t.OP_SAVEFH, None),
        (t.OP_RESTOREFH, None),
        (t.OP_GETFH, None),
        (t.OP_PUTFH, t.PUTFH4args(b"handle")),
        (t.OP_LOOKUP, t.LOOKUP4args(b"name")),
        (t.OP_REMOVE, t.REMOVE4args(b"gone")),
        (t.OP_LINK, t.LINK4args(b"link")),
        (t.OP_RENAME, t.RENAME4args(b"old", b"newer")),
        (t.OP_GETATTR, t.GETATTR4args(words)),
        (t.OP_SETATTR, t.SETATTR4args(t.stateid4(0, bytes(12)), attributes)),
        (t.OP_NVERIFY, t.NVERIFY4args(attributes)),
        (t.OP_ACCESS, t.ACCESS4args(63)),
        (t.OP_READ, t.READ4args(current, 5, 10)),
        (t.OP_WRITE, t.WRITE4args(current, 6, t.FILE_SYNC4, memoryview(b"hello"))),
        (t.OP_COMMIT, t.COMMIT4args(1, 2)),
        (t.OP_READDIR, t.READDIR4args(3, b"verifier", 4096, 4096, entry)),
        (t.OP_READLINK, None),
        (t.OP_READ, t.READ4args(t.stateid4(0, bytes(12)), 0, 5000)),
        (t.OP_CLOSE, t.CLOSE4args(0, current)),
        (t.OP_DELEGRETURN, t.DELEGRETURN4args(current)),
        (t.OP_FREE_STATEID, t.FREE_STATEID4args(current)),
        (t.OP_RECLAIM_COMPLETE, t.RECLAIM_COMPLETE4args(False)),
        (t.OP_DESTROY_SESSION, t.DESTROY_SESSION4args(SESSION)),
        (t.OP_DESTROY_CLIENTID, t.DESTROY_CLIENTID4args(5)),
    ]


def test_every_operation_reads_back_as_the_specification_has_it() -> None:
    compound = Compound(HEADER, "ALL", idempotent=False)
    attributes = encode_attributes(
        size=7, mode=0o640, uid=1, gid=2, atime_ns=-1, atime_now=True, mtime_now=True
    )
    large = memoryview(bytearray(5000))
    _say_everything(compound, attributes, large)
    compound.stamp(0xABCD, SESSION, 9, 3, 5)
    call = parsed(compound)
    assert call.minorversion == 2
    assert [(op.argop, op.value) for op in call.argarray] == _everything(attributes)
    assert [len(view) for view in compound.sinks] == [0, 0, 5000]
    assert compound.sinks[2] is large
    assert compound.lookups(6) == 1
    assert len(compound) == 25
    # Sent again: only the stamp changes.
    compound.stamp(0xABCD, SESSION, 10, 0, 0)
    again = parsed(compound)
    assert again.argarray[0].value == t.SEQUENCE4args(SESSION, 10, 0, 0, True)
    assert again.argarray[1:] == call.argarray[1:]


def test_a_compound_without_sequence() -> None:
    compound = Compound(HEADER, "DESTROY_CLIENTID", sequenced=False)
    compound.destroy_clientid(5)
    compound.stamp_plain(0xABCD)
    assert parsed(compound).argarray == [
        t.nfs_argop4(t.OP_DESTROY_CLIENTID, t.DESTROY_CLIENTID4args(5))
    ]


def reply(status: int, results: list[bytes], tag: bytes = b"", sequence: int | None = 0) -> bytes:
    enc = Encoder()
    encode_accepted(enc, 1)
    enc.uint32(status)
    enc.opaque(tag)
    if sequence is not None:
        head = struct.pack(">2I", t.OP_SEQUENCE, sequence)
        if not sequence:
            head += SESSION + struct.pack(">5I", 9, 3, 63, 31, 4)
        results = [head, *results]
    enc.uint32(len(results))
    return bytes(enc.buffer) + b"".join(results)


def build() -> tuple[Compound, Result[bytes]]:
    compound = Compound(HEADER, "TEST")
    compound.putfh(b"x")
    return compound, compound.getfh()


PUTFH_OK = struct.pack(">2I", t.OP_PUTFH, 0)
GETFH_OK = struct.pack(">3I", t.OP_GETFH, 0, 4) + b"abcd"


@pytest.mark.parametrize("tag", [b"", b"a tag that nobody asked for"])
def test_a_good_reply(tag: bytes) -> None:
    compound, handle = build()
    dec = Decoder(reply(0, [PUTFH_OK, GETFH_OK], tag))
    status, count, sequence = compound.decode_sequence(dec)
    assert sequence is not None
    assert (sequence.session_id, sequence.seqid, sequence.slot) == (SESSION, 9, 3)
    assert (sequence.highest, sequence.target, sequence.status_flags) == (63, 31, 4)
    assert not handle.known
    with pytest.raises(RuntimeError, match="not been executed"):
        _ = handle.value
    compound.decode_results(dec, status, count)
    assert handle.known
    assert handle.value == b"abcd"
    dec.done()


def decode(compound: Compound, message: bytes) -> None:
    dec = Decoder(message)
    status, count, sequence = compound.decode_sequence(dec)
    assert sequence is not None
    compound.decode_results(dec, status, count)


@pytest.mark.parametrize(
    ("results", "index"),
    [
        ([PUTFH_OK, struct.pack(">2I", t.OP_GETFH, 70)], 1),
        ([struct.pack(">2I", t.OP_PUTFH, 70)], 0),
        ([PUTFH_OK, struct.pack(">2I", t.OP_ILLEGAL, 70)], 1),
        ([PUTFH_OK], 1),  # the failing operation's result is left out
    ],
)
def test_a_failure_says_where(results: list[bytes], index: int) -> None:
    compound, handle = build()
    with pytest.raises(StatusError) as caught:
        decode(compound, reply(70, results))
    error = caught.value
    assert (error.status, error.index, handle.known) == (70, index, False)
    assert error.operation == (t.OP_PUTFH, t.OP_GETFH)[index]
    assert "NFS4ERR_STALE" in str(error)


@pytest.mark.parametrize(
    "message",
    [
        reply(0, [PUTFH_OK]),
        reply(0, [PUTFH_OK, GETFH_OK, GETFH_OK]),
        reply(0, [GETFH_OK, PUTFH_OK]),
        reply(70, [struct.pack(">2I", t.OP_PUTFH, 70), GETFH_OK]),
        reply(70, [struct.pack(">2I", t.OP_PUTFH, 71)]),
        reply(0, [PUTFH_OK, struct.pack(">2I", t.OP_GETFH, 70)]),
        reply(0, [PUTFH_OK, struct.pack(">3I", t.OP_GETFH, 0, 1000)]),
        reply(0, [PUTFH_OK, struct.pack(">3I", t.OP_GETFH, 0, 132) + bytes(132)]),
        reply(0, [], sequence=None),
        reply(0, [PUTFH_OK], sequence=None),
        reply(10052, [PUTFH_OK], sequence=10052),
        reply(0, [], sequence=10052),
        b"",
        b"\0\0\0\1\0\0\0\1",
    ],
)
def test_contradictions_are_refused(message: bytes) -> None:
    with pytest.raises(XdrError):
        decode(build()[0], message)


def test_sequence_failures_are_told_apart() -> None:
    compound, _ = build()
    for message in (reply(10052, [], sequence=10052), reply(10052, [], sequence=None)):
        assert compound.decode_sequence(Decoder(message)) == (10052, 0, None)


def test_the_head_without_sequence() -> None:
    dec = Decoder(reply(5, [PUTFH_OK], b"tag", sequence=None))
    assert decode_compound_head(dec) == (5, 1)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_raises_typed_errors_only(data: st.DataObject) -> None:
    message = bytearray(reply(0, [PUTFH_OK, GETFH_OK]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at] = data.draw(st.sampled_from([0, 1, 2, 0x7F, 0xFF]))
    del message[data.draw(st.integers(0, len(message))) :]
    compound, _ = build()
    dec = Decoder(bytes(message))
    try:
        status, count, sequence = compound.decode_sequence(dec)
        if sequence is not None:
            compound.decode_results(dec, status, count)
    except (XdrError, RpcError, StatusError):
        pass


def test_the_stateid_can_be_replaced() -> None:
    compound = Compound(HEADER, "READ")
    compound.putfh(b"handle")
    compound.read(ANONYMOUS_STATEID, 7, memoryview(bytearray(10)))
    stateid = t.stateid4(5, b"another open")
    compound.restate(b"\0\0\0\5another open")
    compound.stamp(0xABCD, SESSION, 9, 3, 5)
    assert parsed(compound).argarray[1:] == [
        t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"handle")),
        t.nfs_argop4(t.OP_READ, t.READ4args(stateid, 7, 10)),
    ]


def test_data_is_copied_only_if_it_is_elsewhere() -> None:
    sink = memoryview(bytearray(8))
    assert ReadResult(True, memoryview(b"abc")).place(sink) == 3
    assert bytes(sink[:3]) == b"abc"
    assert ReadResult(True, sink[:4]).place(sink) == 4
    assert ReadResult(True, memoryview(b"")).place(sink) == 0
    with pytest.raises(ProtocolError, match="9 octets read where 8"):
        ReadResult(True, memoryview(bytes(9))).place(sink)
