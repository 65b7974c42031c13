"""Data and holes in files at the server and on this machine, so that holes stay holes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Final

from ..file import OpenFile
from .local import LocalFile

BLOCK: Final = 4096
"""Octets of the smallest hole that is searched for in data."""
_STRETCH: Final = 16 * BLOCK
_ZEROS: Final = bytes(_STRETCH)

Stretch = tuple[int, int]
"""The offsets of the first octet, and of the first one after the stretch."""


async def remote_data(opened: OpenFile, size: int) -> AsyncIterator[Stretch]:
    """Yield the stretches of data of a server's file, by SEEK (RFC 7862, Section 15.11).

    Without SEEK (NFSv4.1) the whole file is one stretch.
    """
    offset = 0
    while offset < size:
        start = await opened.find_data(offset)
        if start is None or start >= size:
            return
        hole = await opened.find_hole(start)
        # The file may have changed in between; what is there now is read.
        end = min(hole, size) if hole is not None and hole > start else size
        yield start, end
        offset = end


def local_data(file: LocalFile, size: int) -> Iterator[Stretch]:
    """Yield the stretches of data of a local file."""
    offset = 0
    while offset < size:
        found = file.data(offset, size)
        if found is None:
            return
        yield found
        offset = found[1]


def pieces(stretch: Stretch, step: int) -> Iterator[Stretch]:
    """Yield the parts of a stretch, cut where offsets are multiples of ``step``."""
    start, end = stretch
    while start < end:
        stop = min(end, start - start % step + step)
        yield start, stop
        start = stop


def solid(data: memoryview) -> Iterator[Stretch]:
    """Yield the parts of ``data`` that are not blocks of zeros, joining neighbors."""
    start = -1
    for stretch in range(0, len(data), _STRETCH):
        step = _STRETCH if _is_zero(data[stretch : stretch + _STRETCH]) else BLOCK
        for at in range(stretch, min(stretch + _STRETCH, len(data)), step):
            if step == _STRETCH or _is_zero(data[at : at + BLOCK]):
                if start >= 0:
                    yield start, at
                start = -1
            elif start < 0:
                start = at
    if start >= 0:
        yield start, len(data)


def _is_zero(block: memoryview) -> bool:
    return bytes(block) == _ZEROS[: len(block)]
