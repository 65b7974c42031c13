"""Parts of octets in a display filter: ``[1:2]``, ``[1-2]``, ``[-4:]``, ``[0,3:2]``."""

from __future__ import annotations

import re

from .tree import Ranges

_RANGE = re.compile(r"\s*(?:(-?\d*)\s*:\s*(\d*)|(\d+)\s*-\s*(\d+)|(-?\d+))\s*")
MAX_RANGES = 64


def ranges_of(text: str) -> Ranges:
    """Return offsets and lengths of what stands in brackets. Raises ``ValueError``."""
    parts = text.strip("[]").split(",")
    if len(parts) > MAX_RANGES:
        raise ValueError(f"more than {MAX_RANGES} parts")
    return tuple(_range(part) for part in parts)


def _range(text: str) -> tuple[int, int | None]:
    match = _RANGE.fullmatch(text)
    if match is None or match[1] == "-" or (not match[1] and not match[2] and match[3] is None
                                            and match[5] is None):  # fmt: skip
        raise ValueError(f"{text.strip()!r} is no part: offset:length, first-last, or one offset")
    if match[5] is not None:
        return int(match[5]), 1
    if match[3] is not None:
        first, last = int(match[3]), int(match[4])
        if last < first:
            raise ValueError(f"{last} comes before {first}")
        return first, last - first + 1
    length = int(match[2]) if match[2] else None
    if length == 0:
        raise ValueError("a part of no octets")
    return int(match[1] or 0), length


def cut(octets: bytes, ranges: Ranges) -> bytes | None:
    """Return the parts, joined; ``None`` if one of them is not there."""
    parts = []
    for offset, length in ranges:
        first = offset if offset >= 0 else len(octets) + offset
        last = len(octets) if length is None else first + length
        if not 0 <= first < last <= len(octets):
            return None
        parts.append(octets[first:last])
    return parts[0] if len(parts) == 1 else b"".join(parts)
