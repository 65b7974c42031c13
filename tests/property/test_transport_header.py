"""The header codec against the types emitted from the RFC's XDR, and against damage."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import (
    ERR_CHUNK,
    ERR_VERS,
    RDMA_MSG,
    RDMA_MSGP,
    RDMA_NOMSG,
    HeaderLimits,
    RpcRdmaError,
    RpcRdmaHeader,
    decode_header,
    encode_chunk_error,
    encode_header,
    encode_version_error,
)
from nfsrdma.xdr import Decoder, Encoder, XdrError, rpcrdma1

WORD = st.integers(0, 2**32 - 1)
SEGMENT = st.builds(Segment, WORD, WORD, st.integers(0, 2**64 - 2**32))
SEGMENTS = st.lists(SEGMENT, max_size=5)
READ_LIST = st.dictionaries(WORD, st.lists(SEGMENT, min_size=1, max_size=4), max_size=4).map(
    lambda chunks: [Chunk(chunks[position], position) for position in sorted(chunks)]
)
WRITE_LIST = st.lists(SEGMENTS.map(Chunk), max_size=4)
REPLY = st.none() | SEGMENTS.map(Chunk)
LIMITS = HeaderLimits()


def emitted(
    xid: int,
    credit: int,
    proc: int,
    read_list: list[Chunk],
    write_list: list[Chunk],
    reply: Chunk | None,
) -> rpcrdma1.rdma_msg:
    """The same header in the emitted types."""
    reads = None
    for chunk in reversed(read_list):
        for segment in reversed(chunk.segments):
            entry = rpcrdma1.xdr_read_chunk(chunk.position, rpcrdma1.xdr_rdma_segment(*segment))
            reads = rpcrdma1.xdr_read_list(entry, reads)
    writes = None
    for chunk in reversed(write_list):
        writes = rpcrdma1.xdr_write_list(_write_chunk(chunk), writes)
    replies = None if reply is None else _write_chunk(reply)
    body: (
        rpcrdma1.rpc_rdma_header | rpcrdma1.rpc_rdma_header_nomsg | rpcrdma1.rpc_rdma_header_padded
    )
    if proc == RDMA_MSG:
        body = rpcrdma1.rpc_rdma_header(reads, writes, replies)
    elif proc == RDMA_NOMSG:
        body = rpcrdma1.rpc_rdma_header_nomsg(reads, writes, replies)
    else:
        body = rpcrdma1.rpc_rdma_header_padded(512, 1024, reads, writes, replies)
    return rpcrdma1.rdma_msg(xid, 1, credit, rpcrdma1.rdma_body(proc, body))


def _write_chunk(chunk: Chunk) -> rpcrdma1.xdr_write_chunk:
    segments = [rpcrdma1.xdr_rdma_segment(*segment) for segment in chunk.segments]
    return rpcrdma1.xdr_write_chunk(segments)


@settings(max_examples=150, deadline=None)
@given(WORD, WORD, st.sampled_from([RDMA_MSG, RDMA_NOMSG]), READ_LIST, WRITE_LIST, REPLY)
def test_encodes_what_the_emitted_types_encode(
    xid: int,
    credit: int,
    proc: int,
    read_list: list[Chunk],
    write_list: list[Chunk],
    reply: Chunk | None,
) -> None:
    ours = encode_header(xid, credit, proc, read_list, write_list, reply)
    enc = Encoder()
    emitted(xid, credit, proc, read_list, write_list, reply).encode(enc)
    assert ours == enc.buffer
    decoded = decode_header(memoryview(bytes(ours) + b"body"), LIMITS)
    assert (decoded.xid, decoded.credit, decoded.proc) == (xid, credit, proc)
    assert list(decoded.read_list) == read_list
    assert list(decoded.write_list) == write_list
    assert decoded.reply_chunk == reply
    assert decoded.size == len(ours)


@settings(max_examples=30, deadline=None)
@given(WORD, READ_LIST, WRITE_LIST, REPLY)
def test_padded_messages(
    xid: int, read_list: list[Chunk], write_list: list[Chunk], reply: Chunk | None
) -> None:
    enc = Encoder()
    emitted(xid, 5, RDMA_MSGP, read_list, write_list, reply).encode(enc)
    decoded = decode_header(memoryview(enc.buffer), LIMITS)
    assert (decoded.proc, decoded.size) == (RDMA_MSG, len(enc.buffer))
    assert list(decoded.read_list) == read_list
    assert list(decoded.write_list) == write_list
    assert decoded.reply_chunk == reply


@settings(max_examples=20, deadline=None)
@given(WORD, WORD)
def test_errors(xid: int, credit: int) -> None:
    enc = Encoder()
    error = rpcrdma1.rpc_rdma_error(ERR_CHUNK)
    rpcrdma1.rdma_msg(xid, 1, credit, rpcrdma1.rdma_body(4, error)).encode(enc)
    assert encode_chunk_error(xid, credit) == enc.buffer
    enc = Encoder()
    error = rpcrdma1.rpc_rdma_error(ERR_VERS, rpcrdma1.rpc_rdma_errvers(1, 1))
    rpcrdma1.rdma_msg(xid, 3, credit, rpcrdma1.rdma_body(4, error)).encode(enc)
    assert encode_version_error(xid, 3, credit) == enc.buffer


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([RDMA_MSG, RDMA_NOMSG]),
    READ_LIST,
    WRITE_LIST,
    REPLY,
    st.data(),
)
def test_damaged_headers_decode_to_the_same_or_to_nothing(
    proc: int,
    read_list: list[Chunk],
    write_list: list[Chunk],
    reply: Chunk | None,
    data: st.DataObject,
) -> None:
    """Whatever the octets, both decoders agree on whether they are a header, and on which."""
    header = bytearray(encode_header(1, 2, proc, read_list, write_list, reply))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(header) - 1))
        header[at] = data.draw(st.integers(0, 255) | st.sampled_from([0, 1]))
    view = memoryview(header)[: data.draw(st.integers(0, len(header)))]
    try:
        dec = Decoder(view)
        fixed = [dec.uint32() for _ in range(3)]
        oracle = rpcrdma1.rdma_msg(*fixed, rpcrdma1.rdma_body.decode(dec))
    except XdrError:
        oracle = None
    ours, complaint = attempt(view)
    if ours is None:
        if oracle is not None:
            # Well-formed XDR all the same: another version, or beyond our limits.
            assert oracle.rdma_vers != 1 or "segment past the end" in complaint
        return
    assert ours.xid == int.from_bytes(header[:4], "big")
    if oracle is not None and ours.proc in (RDMA_MSG, RDMA_NOMSG) and header[15] != RDMA_MSGP:
        enc = Encoder()
        oracle.encode(enc)
        assert bytes(enc.buffer) == bytes(view[: ours.size])


def attempt(view: memoryview) -> tuple[RpcRdmaHeader | None, str]:
    """The header, or what is wrong with it."""
    try:
        return decode_header(view, LIMITS), ""
    except RpcRdmaError as error:
        return None, str(error)
