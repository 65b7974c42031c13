"""The two ways to find runs agree, whatever the frames are."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.dissector.capture import runs
from nfsrdma.dissector.capture.runs import Pattern, match_plain
from nfsrdma.dissector.tracking.sequence import Tracker

PATTERN = Pattern(((0, 4), (6, 10)), 12)
TIME = slice(0, 8)
STRIDE = 16 + 24


def records(count: int, psn: int, damage: list[tuple[int, int]]) -> bytes:
    out = bytearray()
    for index in range(count):
        out += struct.pack("<QII", index * 99, 24, 24)
        frame = b"HEAD" + index.to_bytes(2, "big") + b"same" + b"xx"
        out += frame + struct.pack(">I", (psn + index) & 0xFFFFFF) + b"payload!"
    for place, value in damage:
        out[place % len(out)] ^= value
    return bytes(out)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(2, 60),
    st.integers(0, 0xFFFFFF),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(1, 255)), max_size=3),
)
def test_numpy_and_plain_agree(count: int, psn: int, damage: list[tuple[int, int]]) -> None:
    pytest.importorskip("numpy")
    view = memoryview(records(count, psn, damage))
    arguments = (view, 16, STRIDE, 16, TIME, PATTERN, count - 1)
    plain = match_plain(*arguments)
    assert runs.match_numpy(*arguments) == plain
    assert runs.match_run(*arguments) == plain
    if not damage:
        assert plain == count - 1


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 0xFFFFFF), st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_every_sequence_is_new_once(start: int, order: list[int]) -> None:
    """Whatever comes in whatever order, wrapping or not: each number is fresh exactly once."""
    tracker = Tracker()
    tracker.start_at(start)
    seen = set()
    for step in order:
        tracker.place((start + step) & 0xFFFFFF)
        assert tracker.fresh == (step not in seen)
        seen.add(step)
    missing = set(range(max(seen) + 1)) - seen
    holes = {at for low, high in tracker.holes for at in range(low, high)}
    assert {at - (1 << 24) - start for at in holes} == missing
    in_order = 0
    for step in order:
        in_order += step == in_order
    assert tracker.frontier() == (1 << 24) + start + in_order
