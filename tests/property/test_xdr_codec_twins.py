"""The compiled decoder against its twin: the same values, errors, words and places, always."""

from __future__ import annotations

import gc
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.xdr import XdrError, codec, decoder

if not codec.native:
    pytest.skip("the compiled decoder is not built, or NFSRDMA_NATIVE=0", allow_module_level=True)

LAYOUTS = [
    struct.Struct(text)
    for text in (
        ">I", ">2I", ">I16sQI", ">11I16s5I", ">I24xI", ">q", ">i2Iq", ">0I", ">200I", ">dI", ">4x3s"
    )
]  # fmt: skip
COUNT = st.integers(0, 40) | st.sampled_from([2**31, 2**32 - 1, 2**32])
LIMIT = st.none() | st.integers(0, 50)

Step = tuple[str, tuple[Any, ...]]
STEP: st.SearchStrategy[Step] = st.one_of(
    st.tuples(
        st.sampled_from(
            [
                "tell",
                "remaining",
                "done",
                "uint32",
                "int32",
                "uint64",
                "int64",
                "boolean",
                "descend",
                "ascend",
            ]
        ),
        st.just(()),
    ),
    st.tuples(st.sampled_from(["peek", "octets", "fixed_opaque", "_take"]), st.tuples(COUNT)),
    st.tuples(st.sampled_from(["opaque", "payload"]), st.tuples(LIMIT) | st.just(())),
    st.tuples(st.just("_length"), st.tuples(LIMIT)),
    st.tuples(st.just("unpack"), st.tuples(st.sampled_from(LAYOUTS))),
    st.tuples(st.just("numbers"), st.tuples(st.sampled_from("iIqQd"), COUNT)),
    st.tuples(st.just("check_count"), st.tuples(COUNT, st.integers(0, 24), LIMIT)),
    st.tuples(st.just("array"), st.tuples(st.sampled_from(["uint32", "int64", "opaque"]), LIMIT)),
    st.tuples(st.just("offset"), st.tuples(st.integers(0, 80))),
)
# Words that are small are lengths and counts that can be.
STREAM = st.lists(
    st.integers(0, 12).map(lambda n: n.to_bytes(4, "big")) | st.binary(max_size=9), max_size=20
).map(b"".join)


class Elsewhere:
    """What subclasses do: items past the end are in another place, and errors have other words."""

    def _take(self: Any, size: int) -> Any:
        self.taken.append(size)
        if self.offset == self._end and size == 8:
            return memoryview(b"8 octets")
        return super()._take(size)  # type: ignore[misc]

    def remaining(self: Any) -> int:
        return self._end - self.offset + 8  # type: ignore[no-any-return]

    def _short(self: Any, wanted: int) -> XdrError:
        return XdrError(f"{wanted} wanted, {self.remaining()} here or there")


def derived(base: Any) -> Any:
    return type("Derived", (Elsewhere, base), {"__slots__": ("taken",)})


def outcome(dec: Any, step: Step) -> tuple[Any, ...]:
    name, arguments = step
    try:
        if name == "offset":
            (dec.offset,) = arguments
            return ("set",)
        if name == "array":
            arguments = (getattr(dec, arguments[0]), arguments[1])
        value = getattr(dec, name)(*arguments)
        # As text: a NaN is not equal to itself.
        return (
            type(value),
            repr(bytes(value) if isinstance(value, memoryview) else value),
            dec.offset,
        )
    except XdrError as error:
        return (str(error), dec.offset)


def compare(native: Any, pure: Any, steps: list[Step]) -> None:
    for step in steps:
        assert outcome(native, step) == outcome(pure, step), step
    assert native.tell() == pure.tell()
    assert (native._end, bytes(native._view)) == (pure._end, bytes(pure._view))


@settings(max_examples=600, deadline=None)
@given(STREAM, st.lists(STEP, max_size=12), st.integers(0, 12))
def test_the_same_steps_have_the_same_outcome(data: bytes, steps: list[Step], offset: int) -> None:
    compare(codec.Decoder(data, offset), decoder.Decoder(data, offset), steps)


@settings(max_examples=400, deadline=None)
@given(STREAM, st.lists(STEP, max_size=12), st.integers(0, 40))
def test_subclasses_are_asked_where_the_twins_are(data: bytes, steps: list[Step], end: int) -> None:
    made = []
    for base in (codec.Decoder, decoder.Decoder):
        dec = derived(base)(data)
        dec.taken = []
        dec._view = memoryview(data)[:end]
        dec._end = min(end, len(data))
        made.append(dec)
    compare(*made, steps)
    assert made[0].taken == made[1].taken


@pytest.mark.parametrize("data", [b"\0\0\0\1abcd", bytearray(b"\0\0\0\1abcd")])
def test_memory_is_held_as_long_as_someone_looks_and_no_longer(data: Any) -> None:
    before = sys.getrefcount(data)
    dec = codec.Decoder(data)
    view = dec.peek(4)
    assert sys.getrefcount(data) > before
    dec._view = memoryview(b"other")
    with pytest.raises(AttributeError):
        del dec._view
    del dec, view
    gc.collect()
    assert sys.getrefcount(data) == before
    if isinstance(data, bytearray):
        data.append(0)  # nothing is exported any more


@pytest.mark.parametrize(
    "misuse",
    [
        lambda make: make(),
        lambda make: make(5),
        lambda make: make(memoryview(bytes(8))[::2]),
        lambda make: make(b"", 0, 0),
        lambda make: make(b"abcd").unpack("I"),
        lambda make: make(b"abcd").unpack(None),
        lambda make: make(b"abcd").octets("x"),
        lambda make: make(b"abcd").numbers("I"),
        lambda make: make(b"abcd").numbers(1, 1),
        lambda make: make(b"abcd").peek(None),
        lambda make: make(b"\0\0\0\1").opaque("x"),
        lambda make: make(b"\0\0\0\1abcd").array(None, None),
    ],
)
def test_misuse_is_an_error_and_no_crash(misuse: Callable[[Any], Any]) -> None:
    with pytest.raises((TypeError, AttributeError, ValueError, BufferError)):
        misuse(codec.Decoder)


def test_a_decoder_that_was_never_made_has_nothing() -> None:
    dec = codec.Decoder.__new__(codec.Decoder)
    nothing = struct.Struct(">0I"), struct.Struct(">0d")
    uses = [lambda: dec._take(1), *(partial(dec.unpack, layout) for layout in nothing)]
    for use in (dec.uint32, dec.opaque, dec.payload, lambda: dec.octets(4), *uses):
        with pytest.raises(XdrError):
            use()
    with pytest.raises(AttributeError):
        dec.peek(4)
    assert dec.remaining() == 0


def test_many_layouts_take_each_others_places_and_are_still_themselves() -> None:
    data = bytes(range(64))
    for _ in range(3):
        for count in range(1, 1200):
            layout = struct.Struct(f">{count % 3 + 1}I{count % 5}s{count % 2}Q")
            expected = layout.unpack_from(data)
            assert codec.Decoder(data).unpack(layout) == expected
