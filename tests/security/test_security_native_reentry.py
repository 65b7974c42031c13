"""What runs amid the native code: finalizers that decode, and that take away what is being read.

Allocating a tuple may start a garbage collection, whose finalizers may be any code at all. Python
3.11 collects right there; later ones between two steps of the interpreter, where it is harmless.
"""

from __future__ import annotations

import gc
import struct
from collections.abc import Callable
from typing import Any

import pytest
from tests.support import kernel_cases

from nfsrdma.rpcrdma.roce.wire.icrc import Flow
from nfsrdma.xdr import Decoder, codec

if not codec.native:
    pytest.skip("the compiled decoder is not built, or NFSRDMA_NATIVE=0", allow_module_level=True)

_CACHED = 512
"""Layouts that the decoder remembers, by the address of their ``struct.Struct``."""


class _Cycle:
    """Garbage that only a collection finds, and that then does something."""

    def __init__(self, deed: Callable[[], None]) -> None:
        self.myself = self
        self.deed = deed

    def __del__(self) -> None:
        self.deed()


def amid(deed: Callable[[], None], call: Callable[..., Any], *arguments: Any) -> Any:
    """Call, and do the deed at the first allocation in there that may start a collection."""
    before = gc.get_threshold()
    gc.collect()
    gc.disable()
    gc.set_threshold(1, 1, 1)
    try:
        _Cycle(deed)
        gc.enable()
        return call(*arguments)
    finally:
        gc.enable()
        gc.set_threshold(*before)


def _neighbours(count: int) -> list[list[struct.Struct]]:
    """Layouts of different fields that have the same place in the decoder's cache."""
    kept = [
        struct.Struct(f">{many}I{rest}s{rest}x")
        for many in range(21, 37)  # shorter tuples come from a free list
        for rest in range(0, 4 * _CACHED, 4)
    ]
    places: dict[int, list[struct.Struct]] = {}
    for layout in kept:
        places.setdefault(id(layout) >> 4 & _CACHED - 1, []).append(layout)
    return sorted(places.values(), key=len, reverse=True)[:count]


def test_a_layout_is_held_while_a_finalizer_decodes_with_others_in_its_place() -> None:
    octets = bytes(range(256)) * 64
    for layouts in _neighbours(8):
        assert len(layouts) > 3
        first, *others = layouts

        def decode_others(others: list[struct.Struct] = others) -> None:
            for layout in others[:8]:
                assert Decoder(octets).unpack(layout) == layout.unpack_from(octets)

        dec = Decoder(octets)
        assert amid(decode_others, dec.unpack, first) == first.unpack_from(octets)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("unpack", (struct.Struct(">64I"),)),
        ("unpack", (struct.Struct(">64I0d"),)),
        ("numbers", ("I", 64)),
        ("_take", (256,)),
        ("peek", (256,)),
        ("opaque", ()),
        ("payload", ()),
    ],
)
def test_octets_that_a_finalizer_takes_away_are_not_read(
    name: str, arguments: tuple[Any, ...]
) -> None:
    octets = b"\0\0\1\0" + b"\0\0\0\4" * 64
    dec: Any = Decoder(bytearray(octets), 0 if name in ("opaque", "payload") else 4)

    def replace() -> None:
        dec._view = bytearray(octets)  # the other one is freed
        [bytearray(b"\xff" * len(octets)) for _ in range(64)]

    found = amid(replace, getattr(dec, name), *arguments)
    words = list(found) if isinstance(found, tuple | list) else list(memoryview(found)[3::4])
    assert set(words) == {4}


def test_a_view_whose_end_looks_at_the_decoder() -> None:
    seen: list[int] = []

    class Octets(bytearray):
        def __del__(self) -> None:
            seen.append(dec.uint32())
            dec._view = b"\0\0\0\3"

    dec: Any = Decoder(Octets(b"\0\0\0\1"))
    dec._view = b"\0\0\0\2"
    assert seen == [2]
    dec.offset = 0
    assert dec.uint32() == 3


def test_a_key_that_lies_about_its_size_reads_nothing_beyond() -> None:
    class Liar:
        size, format = 4, ">4096s"

        def unpack_from(self, view: memoryview, offset: int) -> tuple[bytes, int]:
            return bytes(view), offset

    dec: Any = Decoder(b"four")
    assert dec.unpack(Liar()) == (b"four", 0)


def test_packets_are_checked_and_built_while_finalizers_do_the_same() -> None:
    kernel = kernel_cases.native()
    if kernel is None:
        pytest.skip("the native kernel is not built")
    flow = Flow(("10.0.0.1", 4791), ("10.0.0.2", 4791))
    views = [memoryview(bytes(4096))]
    header = bytes(12)
    packet = b"".join(kernel.packet(flow, 0, header, views, 0, 1024))

    def again() -> None:
        assert b"".join(kernel.packet(flow, 0, header, views, 0, 1024)) == packet
        kernel.scan(flow, [(memoryview(packet * 4), len(packet))] * 2, None)

    scan = flow, [(memoryview(packet * 4), len(packet))] * 2, None
    before = kernel.scan(*scan)
    assert amid(again, kernel.scan, *scan) == before
    for length in (1024, 1028):
        built = flow, 0, header, views, 0, length
        assert amid(again, kernel.packet, *built) == kernel.packet(*built)
