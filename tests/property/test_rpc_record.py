"""However a stream is cut, the same records come out; and no octets make the reader misbehave."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.rpcrdma.rpc.record import RecordError, RecordReader

SIZES = st.one_of(st.integers(0, 20), st.sampled_from([4095, 65536, 150_000]))


def fragments(record: bytes, cuts: list[int]) -> bytes:
    """The record in fragments that end at ``cuts`` of a thousand of its length."""
    ends = [*sorted(len(record) * cut // 1000 for cut in cuts), len(record)]
    out = bytearray()
    start = 0
    for index, end in enumerate(ends):
        last = 0x80000000 if index == len(ends) - 1 else 0
        out += (last | (end - start)).to_bytes(4, "big") + record[start:end]
        start = end
    return bytes(out)


def read_all(reader: RecordReader, stream: bytes, steps: list[int]) -> list[bytes]:
    """What comes out when the edge gets ``steps`` octets at a time, over and over."""
    records: list[bytes] = []
    position = 0
    turn = 0
    while position < len(stream):
        step = max(1, steps[turn % len(steps)])
        turn += 1
        target = reader.target()
        if target is None:
            portion = stream[position : position + step]
            records += map(bytes, reader.feed(portion))
            position += len(portion)
        else:
            portion = stream[position : position + min(step, len(target))]
            target[: len(portion)] = portion
            position += len(portion)
            record = reader.filled(len(portion))
            if record is not None:
                records.append(bytes(record))
    return records


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(SIZES, st.lists(st.integers(0, 1000), max_size=5)), max_size=4),
    st.lists(st.sampled_from([1, 2, 3, 5, 4096, 65536, 200_000]), min_size=1, max_size=6),
)
def test_cuts_make_no_difference(shapes: list[tuple[int, list[int]]], steps: list[int]) -> None:
    records = [bytes([n + 1]) * size for n, (size, _) in enumerate(shapes)]
    stream = b"".join(fragments(records[n], cuts) for n, (_, cuts) in enumerate(shapes))
    if max(steps) < 4096:
        steps = [*steps, 4096]
    assert read_all(RecordReader(1 << 20, 100), stream, steps) == records


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(1, 50), min_size=1, max_size=4))
def test_any_octets(stream: bytes, steps: list[int]) -> None:
    reader = RecordReader(64, 4)
    try:
        records = read_all(reader, stream, steps)
    except RecordError:
        return
    assert all(len(record) <= 64 for record in records)
