"""Runs: how many of the following frames are like this one but for what may differ.

In bulk traffic nearly every frame is the middle of some RDMA WRITE or READ: same addresses, same
queue pair, same length, the next packet sequence number. :func:`match_run` tells how far such a
run goes by looking at the few octets of each header that may not differ. There are two of it,
one on NumPy and one in plain Python, which a property test holds against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from typing import Any

from ..base.packet import Pattern

PSN_MASK = 0xFFFFFF
_WORD = Struct(">I")
_WORTHWHILE = 24
"""Runs shorter than this are matched faster one by one."""


@lru_cache(maxsize=1)
def _numpy() -> Any:
    """Return NumPy, ``None`` without it; a tenth of a second that only long runs are worth."""
    try:
        import numpy
    except ImportError:  # the plain twin does it all
        return None
    return numpy


def match_plain(
    view: memoryview,
    offset: int,
    stride: int,
    header: int,
    time: slice,
    pattern: Pattern,
    limit: int,
) -> int:
    """Return how many of the ``limit`` frames at ``offset + n * stride`` follow the first one."""
    pieces = _pieces(header, time, pattern)
    templates = [(start, end, bytes(view[offset + start : offset + end])) for start, end in pieces]
    (psn,) = _WORD.unpack_from(view, offset + pattern.psn)
    unpack = _WORD.unpack_from
    for count in range(1, limit + 1):
        offset += stride
        if (unpack(view, offset + pattern.psn)[0] - psn - count) & PSN_MASK:
            return count - 1
        for start, end, template in templates:
            if view[offset + start : offset + end] != template:
                return count - 1
    return limit


def match_numpy(
    view: memoryview,
    offset: int,
    stride: int,
    header: int,
    time: slice,
    pattern: Pattern,
    limit: int,
) -> int:
    """Return the same, comparing all headers at once: they are the rows of a block."""
    numpy = _numpy()
    width = header + pattern.psn + 4
    block = numpy.ndarray((limit + 1, width), "u1", view, offset - header, (stride, 1)).copy()
    word = block[:, -4:].copy().view(">u4").ravel().astype(numpy.int64)
    steps = (word - word[0] - numpy.arange(limit + 1)) & PSN_MASK
    differs = ((block != block[0]) & _mask(header, time.start, time.stop, pattern)).any(axis=1)
    differs |= steps != 0
    return int(differs.argmax()) - 1 if differs.any() else limit


@lru_cache(maxsize=256)
def _mask(header: int, start: int, stop: int, pattern: Pattern) -> Any:
    """Return which octets of a row may not differ."""
    mask = _numpy().zeros(header + pattern.psn + 4, bool)
    for first, last in _pieces(header, slice(start, stop), pattern):
        mask[header + first : header + last] = True
    return mask


def _pieces(header: int, time: slice, pattern: Pattern) -> Sequence[tuple[int, int]]:
    """Return all that must not differ, the record's header (before the frame) included."""
    before = ((-header, -header + time.start), (-header + time.stop, 0))
    return [piece for piece in (*before, *pattern.same) if piece[0] < piece[1]]


def match_run(
    view: memoryview,
    offset: int,
    stride: int,
    header: int,
    time: slice,
    pattern: Pattern,
    limit: int,
) -> int:
    """Return the same by the faster of the two. The frames must lie within ``view``."""
    few = limit if limit < _WORTHWHILE else 2
    # Traffic of many queue pairs is interleaved: see first whether there is a run at all.
    count = match_plain(view, offset, stride, header, time, pattern, few)
    if count < few or few == limit:
        return count
    match = match_plain if _numpy() is None else match_numpy
    return match(view, offset, stride, header, time, pattern, limit)
