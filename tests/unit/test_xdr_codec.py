"""The codec by itself: bytes known by heart, positions, and everything that must be refused."""

from __future__ import annotations

import array
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.xdr import Decoder, Encoder, XdrError, round_up
from nfsrdma.xdr.codec import MAX_DEPTH


def test_known_bytes() -> None:
    enc = Encoder()
    enc.uint32(0xFFFFFFFF)
    enc.int32(-2)
    enc.uint64(1 << 63)
    enc.int64(-1)
    enc.boolean(True)
    enc.boolean(False)
    enc.fixed_opaque(b"abcde", 5)
    enc.opaque(b"xy")
    enc.array([1, 2], enc.uint32, 2)
    assert enc.to_bytes() == bytes.fromhex(
        "ffffffff fffffffe 8000000000000000 ffffffffffffffff 00000001 00000000"
        "6162636465000000 00000002 78790000 00000002 00000001 00000002"
    )
    dec = Decoder(enc.to_bytes())
    assert (dec.uint32(), dec.int32()) == (0xFFFFFFFF, -2)
    assert (dec.uint64(), dec.int64()) == (1 << 63, -1)
    assert (dec.boolean(), dec.boolean()) == (True, False)
    assert (dec.fixed_opaque(5), dec.opaque(2)) == (b"abcde", b"xy")
    assert dec.array(dec.uint32, 2) == [1, 2]
    dec.done()


def test_numbers_and_runs() -> None:
    data = struct.pack(">3Iq2dI", 1, 2, 3, -4, 0.5, 1.5, 9)
    dec = Decoder(data)
    assert dec.numbers("I", 3) == [1, 2, 3]
    assert dec.numbers("q", 1) == [-4]
    assert dec.numbers("d", 2) == [0.5, 1.5]
    assert dec.unpack(struct.Struct(">I")) == (9,)
    assert dec.numbers("Q", 0) == []
    for code, count in (("I", 1), ("Q", 1), ("I", 1 << 31)):
        with pytest.raises(XdrError):
            dec.numbers(code, count)


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("uint32", -1),
        ("uint32", 1 << 32),
        ("int32", 1 << 31),
        ("uint64", 1 << 64),
        ("int64", 1 << 63),
        ("uint32", "one"),
    ],
)
def test_numbers_that_do_not_fit(method: str, value: int) -> None:
    with pytest.raises(XdrError):
        getattr(Encoder(), method)(value)


def test_limits() -> None:
    enc = Encoder()
    for refuse in (
        lambda: enc.opaque(b"abc", 2),
        lambda: enc.payload(b"abc", 2),
        lambda: enc.fixed_opaque(b"abc", 4),
        lambda: enc.array([1, 2, 3], enc.uint32, 2),
    ):
        with pytest.raises(XdrError):
            refuse()
    assert enc.to_bytes() == b""
    data = bytes.fromhex("00000003 61626300 00000000 00000000")
    for read in (
        lambda dec: dec.opaque(2),
        lambda dec: dec.payload(2),
        lambda dec: dec.array(dec.uint32, 2),
        lambda dec: dec.array(dec.uint32, 4) and dec.uint32(),
        lambda dec: dec.check_count(3, 4, 2),
        lambda dec: dec.check_count(5, 4),
        lambda dec: dec.octets(17),
        lambda dec: dec.fixed_opaque(17),
        lambda dec: dec.done(),
    ):
        with pytest.raises(XdrError):
            read(Decoder(data))
    Decoder(data).check_count(4, 4, 4)


@pytest.mark.parametrize("method", ["uint32", "int32", "uint64", "int64", "boolean", "opaque"])
def test_nothing_is_read_past_the_end(method: str) -> None:
    for size in range(4):
        dec = Decoder(bytes(size))
        with pytest.raises(XdrError):
            getattr(dec, method)()
        assert dec.offset == 0


def test_booleans_are_zero_or_one() -> None:
    with pytest.raises(XdrError, match="2 is no boolean"):
        Decoder(bytes.fromhex("00000002")).boolean()


def test_pads_may_hold_anything_when_read() -> None:
    assert Decoder(bytes.fromhex("00000001 61ffffff")).opaque() == b"a"


def test_nesting() -> None:
    dec = Decoder(b"")
    for _ in range(MAX_DEPTH):
        dec.descend()
    with pytest.raises(XdrError):
        dec.descend()
    for _ in range(2):
        dec.ascend()
    dec.descend()


def test_payloads_stay_out_of_the_buffer() -> None:
    enc = Encoder()
    enc.uint32(7)
    data = bytearray(b"hello")
    enc.payload(data)
    enc.uint32(8)
    enc.payload(b"")
    enc.payload(array.array("I", [1, 2]))  # type: ignore[arg-type]
    assert enc.buffer == struct.pack(">5I", 7, 5, 8, 0, 8)
    # The empty one, too: transports count DDP-eligible items.
    places = [(item.position, item.offset) for item in enc.payloads]
    assert places == [(8, 8), (24, 16), (28, 20)]
    assert enc.payloads[0].data.obj is data
    assert repr(enc.payloads[0]) == "Payload(position=8, offset=8, 5 octets)"
    assert enc.tell() == 36
    assert [len(part) for part in enc.parts()] == [8, 5, 3, 12, 8]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("uint32"), st.integers(0, 0xFFFFFFFF)),
            st.tuples(st.just("opaque"), st.binary(max_size=9)),
            st.tuples(st.just("payload"), st.binary(max_size=9)),
        ),
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_positions_count_what_was_left_out(items: list[tuple[str, int | bytes]]) -> None:
    enc = Encoder()
    flat = b""
    for method, value in items:
        getattr(enc, method)(value)
        if isinstance(value, int):
            flat += struct.pack(">I", value)
        else:
            flat += struct.pack(">I", len(value)) + value.ljust(round_up(len(value)), b"\0")
        assert enc.tell() == len(flat)
    assert enc.to_bytes() == flat
    for item in enc.payloads:
        assert flat[item.position : item.position + len(item.data)] == item.data
    dec = Decoder(flat)
    for method, value in items:
        assert getattr(dec, method)() == value
    assert (dec.tell(), dec.remaining()) == (len(flat), 0)
    dec.done()


def test_peek_consumes_nothing() -> None:
    dec = Decoder(b"abcdefgh", 4)
    assert dec.peek(2) == b"ef"
    assert dec.peek(100) == b"efgh"
    assert dec.tell() == 4


def test_a_decoder_may_start_inside() -> None:
    dec = Decoder(bytes.fromhex("ffffffff 00000005"), 4)
    assert (dec.tell(), dec.remaining()) == (4, 4)
    assert dec.uint32() == 5


def test_an_empty_payload_of_wide_items_has_no_octets() -> None:
    enc = Encoder()
    enc.payload(array.array("I"))  # type: ignore[arg-type]
    assert enc.to_bytes() == bytes(4)
