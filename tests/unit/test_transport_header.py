"""The transport header and the private data: layouts, limits, the errors that answer them."""

from __future__ import annotations

import struct

import pytest

from nfsrdma.rpcrdma.transport.chunk import (
    Chunk,
    Segment,
    boundaries,
    distribute,
    filled,
    gather_read_list,
    handles,
)
from nfsrdma.rpcrdma.transport.header import (
    ERR_CHUNK,
    ERR_VERS,
    RDMA_DONE,
    RDMA_ERROR,
    RDMA_MSG,
    RDMA_MSGP,
    RDMA_NOMSG,
    HeaderLimits,
    RpcRdmaError,
    decode_header,
    encode_chunk_error,
    encode_header,
    encode_version_error,
    header_size,
)
from nfsrdma.rpcrdma.transport.options import TransportOptions
from nfsrdma.rpcrdma.transport.private_data import PrivateData, thresholds

LIMITS = HeaderLimits()


def words(*values: int) -> memoryview:
    return memoryview(struct.pack(f">{len(values)}I", *values))


def refused(view: memoryview, limits: HeaderLimits = LIMITS) -> int:
    with pytest.raises(RpcRdmaError) as caught:
        decode_header(view, limits)
    return caught.value.code


def test_short_message_is_seven_words() -> None:
    header = encode_header(0x11223344, 32, RDMA_MSG)
    assert header == words(0x11223344, 1, 32, 0, 0, 0, 0)
    decoded = decode_header(memoryview(header), LIMITS)
    assert (decoded.xid, decoded.credit, decoded.proc, decoded.size) == (0x11223344, 32, 0, 28)
    assert not decoded.read_list
    assert not decoded.write_list
    assert decoded.reply_chunk is None


def test_read_list_with_one_chunk_of_two_segments() -> None:
    """The layout of RFC 8166, Section 4.3.1, word by word."""
    chunk = Chunk([Segment(0xA1, 100, 0x1_0000_0002), Segment(0xA2, 7, 3)], position=152)
    header = encode_header(9, 1, RDMA_MSG, [chunk])
    expected = [9, 1, 1, 0]
    expected += [1, 152, 0xA1, 100, 1, 2]
    expected += [1, 152, 0xA2, 7, 0, 3]
    expected += [0, 0, 0]
    assert header == words(*expected)
    assert decode_header(memoryview(header), LIMITS).read_list == [chunk]
    assert len(header) == header_size(2, [], None)


def test_write_list_and_reply_chunk() -> None:
    first = Chunk([Segment(1, 2, 3)])
    empty = Chunk([])
    reply = Chunk([Segment(7, 8, 9), Segment(10, 11, 12)])
    header = encode_header(5, 6, RDMA_NOMSG, (), [first, empty], reply)
    expected = [5, 1, 6, 1, 0]
    expected += [1, 1, 1, 2, 0, 3, 1, 0, 0]
    expected += [1, 2, 7, 8, 0, 9, 10, 11, 0, 12]
    assert header == words(*expected)
    decoded = decode_header(memoryview(header), LIMITS)
    assert list(decoded.write_list) == [first, empty]
    assert decoded.reply_chunk == reply
    assert decoded.size == len(header) == header_size(0, [1, 0], 2)
    assert list(handles(decoded.read_list, decoded.write_list, decoded.reply_chunk)) == [1, 7, 10]


def test_segments_of_a_position_form_one_chunk_in_list_order() -> None:
    a, b, c, d = (Segment(handle, 4, 0) for handle in range(4))
    assert gather_read_list([(64, a), (0, b), (64, c), (32, d)]) == [
        Chunk([b], 0),
        Chunk([d], 32),
        Chunk([a, c], 64),
    ]


def test_errors_are_as_short_as_they_can_be() -> None:
    assert encode_version_error(3, 7, 64) == words(3, 7, 64, 4, 1, 1, 1)
    assert encode_chunk_error(3, 64) == words(3, 1, 64, 4, 2)
    for data in (encode_version_error(3, 1, 64), encode_chunk_error(3, 64)):
        header = decode_header(memoryview(data), LIMITS)
        assert header.proc == RDMA_ERROR
        assert header.error == data[19]


def test_historic_procedures() -> None:
    """RDMA_DONE says nothing; RDMA_MSGP is a message behind two words of advice."""
    assert decode_header(words(1, 1, 1, RDMA_DONE), LIMITS).proc == RDMA_DONE
    padded = decode_header(words(1, 1, 1, RDMA_MSGP, 512, 4096, 0, 0, 0, 0xAB), LIMITS)
    assert (padded.proc, padded.size) == (RDMA_MSG, 36)


@pytest.mark.parametrize("octets", [words(1, 1, 1, 4), words(1, 1, 1, 4, 1, 1)])
def test_errors_that_are_cut_short_have_no_code(octets: memoryview) -> None:
    header = decode_header(octets, HeaderLimits())
    assert (header.proc, header.error) == (RDMA_ERROR, 0)


@pytest.mark.parametrize(
    ("view", "code"),
    [
        (words(1, 2, 1, 0, 0, 0, 0), ERR_VERS),
        (words(1, 0, 1, 0, 0, 0, 0), ERR_VERS),
        (words(1, 1, 1), ERR_CHUNK),
        (words(1, 1, 1, 5, 0, 0, 0), ERR_CHUNK),
        (words(1, 1, 1, 0, 0, 0), ERR_CHUNK),
        (words(1, 1, 1, 0, 2, 0, 0), ERR_CHUNK),
        (words(1, 1, 1, 0, 1, 4, 1, 1, 0), ERR_CHUNK),
        (words(1, 1, 1, 0, 2, 4, 1, 1, 0, 0, 0, 0, 0), ERR_CHUNK),
        (words(1, 1, 1, 0, 0, 2, 0, 0), ERR_CHUNK),
        (words(1, 1, 1, 0, 0, 1, 1, 5, 5, 0), ERR_CHUNK),
        (words(1, 1, 1, 0, 0, 1, 0xFFFFFFFF, 0, 0), ERR_CHUNK),
        (words(1, 1, 1, 0, 0, 0, 3, 0), ERR_CHUNK),
        (words(1, 1, 1, 0, 0, 0, 1, 257), ERR_CHUNK),
        # a segment that runs past the end of the address space
        (words(1, 1, 1, 0, 1, 4, 1, 2, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0, 0), ERR_CHUNK),
        (words(1, 1, 1, 0, 0, 0, 1, 1, 1, 2, 0xFFFFFFFF, 0xFFFFFFFF), ERR_CHUNK),
    ],
)
def test_unusable_headers(view: memoryview, code: int) -> None:
    assert refused(view) == code


def test_counts_are_limited() -> None:
    limits = HeaderLimits(max_segments=3, max_chunks=2)
    four = Chunk([Segment(1, 4, 0)] * 4, position=4)
    assert refused(memoryview(encode_header(1, 1, 0, [four])), limits) == ERR_CHUNK
    assert refused(memoryview(encode_header(1, 1, 0, (), [four])), limits) == ERR_CHUNK
    assert refused(memoryview(encode_header(1, 1, 1, (), (), four)), limits) == ERR_CHUNK
    one = [Chunk([Segment(1, 4, 0)], position=4 * n) for n in range(1, 4)]
    assert refused(memoryview(encode_header(1, 1, 0, one)), limits) == ERR_CHUNK
    assert refused(memoryview(encode_header(1, 1, 0, (), one)), limits) == ERR_CHUNK
    two = Chunk([Segment(1, 4, 0)] * 2)
    assert refused(memoryview(encode_header(1, 1, 0, (), [two, two])), limits) == ERR_CHUNK


def test_boundaries_count_earlier_chunks_with_their_pads() -> None:
    """RFC 8166, Section 3.4.5: a Position is one in the unreduced stream."""
    first, second = Chunk([Segment(1, 5, 0)], 40), Chunk([Segment(1, 8, 0)], 56)
    assert boundaries([first, second], 48) == [40, 48]
    assert boundaries([first, second], 44) is None
    overlapping = Chunk([Segment(1, 8, 0)], 44)
    assert boundaries([first, overlapping], 48) is None
    assert boundaries([Chunk([Segment(1, 8, 0)], 42)], 48) is None


def test_earlier_segments_are_filled_first() -> None:
    segments = [Segment(1, 4, 100), Segment(2, 0, 0), Segment(3, 10, 200), Segment(4, 9, 300)]
    parts = [memoryview(b"abc"), memoryview(b"defgh")]
    assert [
        (s.handle, [bytes(p) for p in pieces]) for s, pieces in distribute(parts, segments)
    ] == [
        (1, [b"abc", b"d"]),
        (3, [b"efgh"]),
    ]
    returned = filled(Chunk(segments), 8)
    assert [segment.length for segment in returned.segments] == [4, 0, 4, 0]
    assert filled(Chunk(segments), 23) == Chunk(segments)


def test_private_data_layout() -> None:
    """RFC 8797: magic, version, flags, and two sizes less one KiB."""
    data = PrivateData(4096, 262144, True).encode()
    assert data == bytes.fromhex("f6ab0e18 01 01 03 ff")
    assert PrivateData.decode(data.ljust(56, b"\0")) == PrivateData(4096, 262144, True)
    assert PrivateData.decode(memoryview(data)).inline_send == 4096


@pytest.mark.parametrize(
    "data",
    [b"", b"\xf6\xab\x0e\x18\x01\x01\x03", bytes(56), bytes.fromhex("f6ab0e18 02 01 03 03")],
)
def test_private_data_that_says_nothing_means_the_defaults(data: bytes) -> None:
    assert PrivateData.decode(data) == PrivateData(1024, 1024, False)


def test_thresholds_are_the_lesser_of_both_sides() -> None:
    ours, theirs = PrivateData(4096, 8192), PrivateData(2048, 1024)
    assert thresholds(ours, theirs) == (1024, 2048)


@pytest.mark.parametrize(
    "settings",
    [
        {"inline_send": 1000},
        {"inline_receive": 512},
        {"inline_send": 257 * 1024},
        {"credits": 0},
        {"reverse_credits": 0},
        {"send_depth": 4},
        {"keepalive_s": 0.0},
        {"max_call": 100},
        {"max_call": 2 << 30},
    ],
)
def test_impossible_options(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        TransportOptions(**settings)


def test_equality_and_representation() -> None:
    chunk = Chunk([Segment(1, 2, 3)], 4)
    assert chunk == Chunk((Segment(1, 2, 3),), 4)
    assert chunk != Chunk([Segment(1, 2, 3)], 8)
    assert chunk != "chunk"
    assert "position=4" in repr(chunk)
    assert "xid=0x9" in repr(decode_header(memoryview(encode_header(9, 1, 0)), LIMITS))
