"""Record marking: framing, reassembly, where octets go, limits."""

from __future__ import annotations

import sys
import tracemalloc

import pytest

from nfsrdma.rpcrdma.rpc.record import RecordError, RecordReader, frame
from nfsrdma.xdr import Encoder

MAX = 1 << 20


def fragment(data: bytes, last: bool = True) -> bytes:
    return (len(data) | (0x80000000 if last else 0)).to_bytes(4, "big") + data


def reader(max_record: int = MAX, max_fragments: int = 4096) -> RecordReader:
    return RecordReader(max_record, max_fragments)


def joined(message: Encoder) -> bytes:
    parts = frame(message)
    assert all(len(part) for part in parts)
    return b"".join(parts)


def message(*items: bytes | int) -> Encoder:
    """Opaque items in line, numbers as payloads of that many octets."""
    enc = Encoder()
    for item in items:
        if isinstance(item, int):
            enc.payload(bytes(range(256)) * (item // 256) + bytes(item % 256))
        else:
            enc.opaque(item)
    return enc


@pytest.mark.parametrize(
    "items",
    [
        (),
        (b"abc",),
        (b"x" * 5000,),
        (b"abc", 10, b"def"),
        (b"abc", 100_001),
        (100_001, b"def", 100_002, b"ghi"),
        (b"x" * 5000, 100_003, b"y" * 5000),
        (5000, 5000),
    ],
)
def test_a_framed_message_is_one_fragment(items: tuple[bytes | int, ...]) -> None:
    enc = message(*items)
    assert joined(enc) == fragment(enc.to_bytes())


def test_framing_does_not_copy_large_payloads() -> None:
    data = bytearray(100_000)
    enc = message(b"head")
    enc.payload(data)
    enc.uint32(1)
    parts = frame(enc)
    assert len(parts) == 3
    assert isinstance(parts[1], memoryview)
    assert parts[1].obj is data


def test_a_record_in_one_read_is_a_view_of_it() -> None:
    data = fragment(b"abcd") + fragment(b"") + fragment(b"efgh")
    records = reader().feed(data)
    assert [bytes(record) for record in records] == [b"abcd", b"", b"efgh"]
    assert records[0].obj is data
    assert records[2].obj is data


def test_octet_by_octet() -> None:
    data = fragment(b"ab", False) + fragment(b"", False) + fragment(b"cde") + fragment(b"f")
    subject = reader()
    records: list[memoryview] = []
    for value in data:
        records += subject.feed(bytes([value]))
    assert [bytes(record) for record in records] == [b"abcde", b"f"]


def test_in_record() -> None:
    subject = reader()
    assert not subject.in_record
    subject.feed(b"\x80")
    assert subject.in_record
    subject.feed(b"\0\0\x02a")
    assert subject.in_record
    subject.feed(b"b")
    assert not subject.in_record
    subject.feed(fragment(b"ab", False))
    assert subject.in_record
    assert subject.target() is None


def test_a_long_record_is_read_into_place() -> None:
    body = bytes(range(256)) * 2048  # 512 KiB
    data = fragment(body)
    subject = reader()
    assert subject.feed(data[: 1 << 16]) == []
    position = 1 << 16
    while True:
        target = subject.target()
        assert target is not None
        assert len(target) == len(data) - position
        step = min(100_000, len(target))
        target[:step] = data[position : position + step]
        position += step
        record = subject.filled(step)
        if record is not None:
            break
    assert record == body
    assert isinstance(record.obj, bytearray)
    assert subject.target() is None
    assert not subject.in_record


def test_long_fragments_are_read_into_place_each() -> None:
    pieces = [bytes([n]) * 150_000 for n in range(3)]
    data = b"".join(fragment(piece, n == 2) for n, piece in enumerate(pieces))
    subject = reader()
    position = 0
    direct = 0
    found: list[memoryview] = []
    while position < len(data):
        target = subject.target()
        if target is None:
            found += subject.feed(data[position : position + 65536])
            position += 65536
        else:
            step = len(target)
            target[:] = data[position : position + step]
            del target
            direct += step
            position += step
            record = subject.filled(step)
            if record is not None:
                found.append(record)
    assert [bytes(record) for record in found] == [b"".join(pieces)]
    assert direct > 200_000


def test_no_memory_is_given_on_a_mere_promise() -> None:
    subject = reader(max_record=1 << 24)
    promise = fragment(bytes(1 << 24))
    subject.feed(promise[: 1 << 16])  # a 256th of it
    assert subject.target() is None
    for position in range(1 << 16, 1 << 20, 1 << 16):
        assert subject.target() is None
        subject.feed(promise[position : position + (1 << 16)])
    subject.feed(promise[1 << 20 : (1 << 20) + 100])
    assert subject.target() is not None


def test_a_promise_alone() -> None:
    subject = reader()
    assert subject.feed(b"\x80\x0f\xff\xff") == []
    assert subject.target() is None


def test_limits() -> None:
    assert reader(max_record=100).feed(fragment(bytes(100)))[0] == bytes(100)
    with pytest.raises(RecordError):
        reader(max_record=100).feed(fragment(bytes(101))[:4])
    with pytest.raises(RecordError):
        reader(max_record=100).feed(fragment(bytes(60), False) + fragment(bytes(41)))
    with pytest.raises(RecordError):
        reader().feed(b"\x7f\xff\xff\xff")


def test_the_number_of_fragments_is_bounded_empty_ones_too() -> None:
    for data in (b"", b"a"):
        good = fragment(data, False) * 9 + fragment(b"z")
        subject = reader(max_fragments=10)
        assert [bytes(record) for record in subject.feed(good * 3)] == [data * 9 + b"z"] * 3
        with pytest.raises(RecordError):
            subject.feed(fragment(data, False) * 11)


def test_thousands_of_fragments_take_linear_work() -> None:
    def calls(count: int) -> int:
        """How many calls, of Python or C, a record of so many fragments takes."""
        data = fragment(bytes(2048), False) * (count - 1) + fragment(bytes(2048))
        subject = RecordReader(1 << 30, 1 << 20)
        counted = found = 0

        def count_one(frame: object, event: str, argument: object) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(count_one)
        try:
            for position in range(0, len(data), 2052):  # as a peer without Nagle would send them
                found += len(subject.feed(data[position : position + 2052]))
        finally:
            sys.setprofile(before)
        assert found == 1
        return counted

    assert calls(4000) < 4.1 * calls(1000)


def test_fragments_are_joined_once() -> None:
    count = 2000
    subject = RecordReader(1 << 30, 1 << 20)
    tracemalloc.start()
    try:
        for _ in range(count - 1):
            subject.feed(fragment(bytes(2048), False))
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        (record,) = subject.feed(fragment(bytes(2048)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(record) == count * 2048
    assert kept < 1.5 * len(record)
    assert peak < 2.5 * len(record)
