"""The native kernel against its twin in Python: the same results for any packets at all."""

from __future__ import annotations

import zlib
from random import Random
from types import ModuleType

import pytest
from tests.support import kernel_cases

from nfsrdma.rpcrdma.roce.packets import kernel, twin

V4 = kernel_cases.FLOWS[0]


@pytest.fixture
def native() -> ModuleType:
    module = kernel_cases.native()
    if module is None:
        pytest.skip("the native kernel is not built, or NFSRDMA_NATIVE=0")
    return module


@pytest.mark.parametrize("seed", range(4))
def test_both_make_the_same_of_random_packets(native: ModuleType, seed: int) -> None:
    assert kernel_cases.compare(native, 5000, seed) >= 5000


def test_the_random_packets_are_of_every_kind() -> None:
    rng = Random(5)
    runs = longest = joined = malformed = damaged = wholes = pairs = apart = 0
    for _ in range(600):
        found, bad, wrong = twin.scan(*kernel_cases.bursts(rng))
        runs += len(found)
        longest = max([longest, *(run[8] for run in found)])
        joined += sum(len(run[10]) for run in found)
        whole = [run for run in found if run[11] is not None]
        wholes += len(whole)
        pairs += sum(run[8] == 2 for run in whole)
        apart += sum(bool(run[10]) for run in whole)
        malformed += bad
        damaged += wrong
    assert min(runs, joined, malformed, damaged) > 50
    assert min(wholes, pairs, apart) > 10, (wholes, pairs, apart)
    assert longest > 4


def test_the_kernel_is_chosen(native: ModuleType) -> None:
    assert kernel.native
    assert kernel.scan is native.scan


def test_the_checksum_of_any_length_at_any_place(native: ModuleType) -> None:
    data = Random(7).randbytes(9000)
    for length in (*range(1100), 4096, 4100, 8191, 8999):
        for start in (0, 1):
            piece = memoryview(data)[start : start + length]
            for way, name in enumerate(native.METHODS):
                assert native.crc32(piece, length, way) == zlib.crc32(piece, length), name
    assert native.crc32(b"123456789", 0, 0) == 0xCBF43926
    with pytest.raises(ValueError, match="no such way"):
        native.crc32(b"", 0, len(native.METHODS))


@pytest.mark.parametrize("code", range(256))
def test_every_opcode_and_every_length(native: ModuleType, code: int) -> None:
    for size in range(12, 60, 4):
        packet = bytes((code, 0x40, 0xFF, 0xFF)) + bytes(size - 4)
        packet += V4.icrc(packet).to_bytes(4, "little")
        view = memoryview(packet)
        assert native.scan(V4, [(view, 4200)], None) == twin.scan(V4, [(view, 4200)], None)


def test_what_is_not_there_is_refused(native: ModuleType) -> None:
    view, sink = memoryview(bytes(100)), memoryview(bytearray(100))
    huge = (1 << 63) - 1
    for begin, size, count, length, at in (
        (0, 10, 11, 10, 0), (0, 10, 5, 11, 0), (-1, 10, 1, 10, 0), (0, 10, 1, 10, -1),
        (0, 10, 1, 10, 91), (0, huge, 3, 10, 0), (huge, huge, huge, huge, huge),
        (0, 0, huge, 0, huge), (1, 10, -1, 10, 0), (0, 10, 2, -1, 0), (101, 10, 1, 0, 0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="do not fit"):
            native.place(view, begin, size, count, length, sink, at)
    assert bytes(sink) == bytes(100)
    with pytest.raises(BufferError):
        native.place(view, 0, 10, 1, 10, view, 0)
    for start, mtu, n in (
        (0, 51, 2),
        (1, 50, 2),
        (-1, 50, 1),
        (0, 0, 1),
        (0, 50, 0),
        (0, huge, huge),
    ):
        with pytest.raises(ValueError, match="not there"):
            native.frames(V4, 0, 0, 0, 0, view, start, mtu, n)
    for index, header, offset, length in (
        (-1, 12, 0, 1), (0, 11, 0, 1), (0, 12, -1, 1), (0, 12, 0, 101), (0, 12, 0, -1),
        (0, 12, 99, 2), (0, 12, huge, 1), (0, 12, 0, huge), (0, 5000, 0, 1), (0, 12, 100, 1),
    ):  # fmt: skip
        for packet in (native.packet, twin.packet):
            with pytest.raises(ValueError, match="not the parts"):
                packet(V4, index, bytes(header), (view,), offset, length)
    for octets, more, mtu in ((20481, 0, 1024), (10, 29, 1024), (10, 0, 0), (10, 0, 4097)):
        for message in (native.message, twin.message):
            with pytest.raises(ValueError, match="no message"):
                message(V4, (0, 0, 0, 0), 0, 0, bytes(more), memoryview(bytes(octets)), mtu)


def test_what_is_no_argument_is_refused(native: ModuleType) -> None:
    view = memoryview(bytes(16))
    functions = native.scan, native.frames, native.packet, native.message, native.place
    for function in (*functions, native.spread, native.onlies, native.crc32):
        with pytest.raises(TypeError):
            function()
    with pytest.raises(AttributeError):
        native.scan(object(), [(view, 16)], None)
    for bursts in ([("no buffer", 16)], [(view, "")], [(view,)], [view], 5):
        with pytest.raises(TypeError):
            native.scan(V4, bursts, None)
    with pytest.raises(OverflowError):
        native.scan(V4, [(view, 1 << 80)], None)
    with pytest.raises(IndexError):
        native.scan(V4, [(view, 16)], ())
    with pytest.raises(ValueError, match="16 bits"):
        native.scan(V4, [(view, 16)], (65536,))
    sink = memoryview(bytearray(16))
    for parts in (5, [view], [(view, 0)], [(view, 0, "")], [("no buffer", 0, 1)]):
        with pytest.raises(TypeError):
            native.spread(parts, 0, 8, 8, sink, 0)
    with pytest.raises(BufferError):
        native.spread([(view, 0, 1)], 0, 8, 8, view, 0)
    for offset, header in ((-1, 2), (2, -1), ((1 << 63) - 1, 2)):
        for spread in (native.spread, twin.spread):
            with pytest.raises(ValueError, match="do not fit"):
                spread([(view, offset, 1)], header, 8, 8, sink, 0)
    for function in (native.onlies, twin.onlies):
        for views in (5, ["no buffer"], [view, None]):
            with pytest.raises(TypeError):
                function(V4, 0, 0, 0, views)
    with pytest.raises(TypeError):
        native.packet(V4, 0, bytes(12), (None,), 0, 16)
    for heads, extension, payload in (
        ((0, 0, 0), b"", view), ([0, 0, 0, 0], b"", view), ((0, 0, None, 0), b"", view),
        ((0, 0, 0, 0), "", view), ((0, 0, 0, 0), b"", ""),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            native.message(V4, heads, 0, 0, extension, payload, 1024)
