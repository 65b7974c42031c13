"""MPA: FPDUs in one direction of a TCP connection (RFC 5044, Section 4), and how they begin.

The connection says in its first frames whether there are markers (each side, whether it wants to
receive them). Without those frames, and behind a hole, an FPDU is found by its looks: a length, a
DDP and an RDMAP header that make sense, and a checksum over them that fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from ..base.extent import ByteMap, joined
from ..base.finding import Severity
from .crc32c import crc32c
from .owner import Owner
from .reassembly import Received, Stream

REQUEST_KEY, REPLY_KEY = b"MPA ID Req Frame", b"MPA ID Rep Frame"
KEY_OCTETS = 16
HELLO_OCTETS = 20
MARKER_SPACING = 512
MIN_ULPDU = 14
SEARCH_BUDGET = 1 << 20
"""Octets of which a checksum is computed in one search that finds nothing."""

_TAIL = Struct(">BBH")
_LENGTH = Struct(">H")
_WORD = Struct(">I")
_CRC = Struct("<I")
_UNTAGGED = Struct(">BBIIII")
_CONTROLS = re.compile(rb"(?=..[\x01\x41\x81\xc1][\x40-\x47])", re.DOTALL)
_QUEUES = {1: 1, 3: 0, 4: 0, 5: 0, 6: 0, 7: 2}
"""RDMAP opcode of an untagged message -> its DDP queue (RFC 5040, Section 4.1)."""


class Hello(NamedTuple):
    """An MPA request or reply frame (RFC 5044, Section 7.1)."""

    reply: bool
    flags: int
    revision: int
    size: int
    """Octets of private data."""
    private: bytes

    @property
    def markers(self) -> bool:
        """The sender wants markers in what it receives."""
        return bool(self.flags & 0x80)

    @property
    def crc(self) -> bool:
        """Whether checksums are asked for."""
        return bool(self.flags & 0x40)

    @property
    def rejected(self) -> bool:
        """Whether the connection is refused."""
        return bool(self.flags & 0x20)

    @property
    def enhanced(self) -> bool:
        """Four octets of read queue depths come before the private data (RFC 6581)."""
        return self.revision >= 2 and bool(self.flags & 0x10)


def read_hello(stream: Stream, at: int, view: memoryview) -> Hello | None:
    """Return the hello at ``at``, if it is there and is one."""
    if at + HELLO_OCTETS > stream.end:
        return None
    octets = stream.read(at, HELLO_OCTETS, view)
    if octets is None or octets[:KEY_OCTETS] not in (REQUEST_KEY, REPLY_KEY):
        return None
    flags, revision, size = _TAIL.unpack_from(octets, KEY_OCTETS)
    start = at + HELLO_OCTETS
    if start + size > stream.end:
        return None
    private = stream.read(start, size, view) or b""
    return Hello(octets.startswith(REPLY_KEY), flags, revision, size, private)


def sensible(octets: bytes | bytearray | memoryview, at: int) -> bool:
    """Return whether an FPDU may begin at ``at``, as far as its headers tell."""
    if at + 4 > len(octets):
        return False
    (size,) = _LENGTH.unpack_from(octets, at)
    tagged, opcode = octets[at + 2] & 0x80, octets[at + 3] & 0x0F
    if octets[at + 2] & 0x3F != 1 or octets[at + 3] & 0xF0 != 0x40:
        return False
    if tagged:
        return size >= MIN_ULPDU and opcode in (0, 2)
    if size < _UNTAGGED.size or at + 2 + _UNTAGGED.size > len(octets):
        return False
    _, _, _, queue, _, _ = _UNTAGGED.unpack_from(octets, at + 2)
    return bool(_QUEUES.get(opcode) == queue)


def spans(start: int, count: int, markers: int | None) -> list[tuple[int, int]]:
    """Give where ``count`` octets from ``start`` are, between the markers.

    ``markers`` is the position of any marker.
    """
    if markers is None:
        return [(start, start + count)]
    out = []
    at = start
    while count > 0:
        until = (markers - at) % MARKER_SPACING
        if not until:
            at += 4
            until = MARKER_SPACING - 4
        size = min(count, until)
        out.append((at, at + size))
        at += size
        count -= size
    return out


def fpdu_octets(size: int) -> int:
    """Return the size of an FPDU without markers: length, ULPDU, pad, checksum."""
    return (2 + size + 3 & ~3) + 4


class Found(NamedTuple):
    """The result of a search: ``at`` is -1 for nothing, then ``resume`` is where to go on."""

    at: int
    markers: int | None
    resume: int
    needed: int = 0
    """Nothing more can be said before the stream has come this far."""


def find_fpdu(octets: bytes | bytearray | memoryview, chunks: list[Received], base: int) -> Found:
    """Search for an FPDU in octets that begin at the position ``base``.

    A checksum of zero may be one that is not in use: such an FPDU must be in line with segments.
    """
    size = len(octets)
    budget = SEARCH_BUDGET
    starts = {chunk.start - base for chunk in chunks}
    ends = {chunk.start + chunk.size - base for chunk in chunks}
    for match in _CONTROLS.finditer(octets):
        at = match.start()
        if at + 2 + _UNTAGGED.size > size:
            return Found(-1, None, base + at)
        if not sensible(octets, at):
            continue
        (length,) = _LENGTH.unpack_from(octets, at)
        total = fpdu_octets(length)
        if at + total > size:
            return Found(-1, None, base + at, base + at + total)
        for markers in _possible(octets, at, min(size - at, total)):
            end = spans(at, total, markers)[-1][1]
            if end > size:
                return Found(-1, None, base + at, base + end)
            budget -= end - at
            (expected,) = _CRC.unpack_from(octets, end - 4)
            aligned = markers is None and not expected and at in starts and end in ends
            # A marker between two FPDUs belongs to the second (RFC 5044, Section 4.3).
            first = at if markers is None else min(at, markers)
            if aligned or crc32c(octets[first : end - 4]) == expected:
                return Found(
                    base + first, None if markers is None else base + markers, base + first
                )
        if budget < 0:
            break
    return Found(-1, None, base + max(0, size - 1 - _UNTAGGED.size))


def _possible(octets: bytes | bytearray | memoryview, at: int, size: int) -> list[int | None]:
    """Return where the first marker may be: it says how far it is from the FPDU's start."""
    before = [at - 4] if at >= 4 and octets[at - 4 : at] == bytes(4) else []
    return [None, *before] + [
        at + distance
        for distance in range(4, min(size - 3, MARKER_SPACING), 4)
        if _WORD.unpack_from(octets, at + distance)[0] == distance
    ]


Deliver = Callable[[ByteMap, Received], None]


class Fpdus:
    """Reads FPDUs from ``at`` and delivers each ULPDU with the segment that completed it."""

    def __init__(
        self, owner: Owner, at: int, deliver: Deliver, *,
        markers: int | None = None, check: bool = False, lost: bool = False,
    ) -> None:  # fmt: skip
        self._owner = owner
        self._deliver = deliver
        self._at = at
        self._markers = markers
        self._check = check
        self._lost = lost
        self._needed = 0
        self._doubted = MARKER_SPACING if lost else 0
        """Without the hello: so many more octets must show that there are no markers."""

    def advance(self) -> None:
        """Take what is new in the stream."""
        while self._search() if self._lost else self._take():
            pass
        self._owner.stream.drop(self._at)

    def close(self) -> None:
        """Take the end of the stream; what is left of it is no FPDU."""
        stream = self._owner.stream
        if self._at < stream.end and not self._lost:
            frame = stream.at(self._at).frame
            self._owner.note(frame, "capture-cut", "the capture ends inside of an FPDU")

    def _take(self) -> bool:
        stream, at = self._owner.stream, self._at
        head = spans(at, 2, self._markers)[0]
        if head[1] > stream.end:
            return False
        octets = stream.read(head[0], 2, self._owner.source())
        if octets is None:
            return self._lose("")
        (size,) = _LENGTH.unpack(octets)
        if self._doubted and size < MIN_ULPDU:
            return self._lose("", 0)
        if size < MIN_ULPDU:
            return self._lose(f"an FPDU of {size} octets")
        parts = spans(at, fpdu_octets(size), self._markers)
        end = parts[-1][1]
        if end > stream.end:
            return False
        if self._doubted and not self._trusted(at, end):
            return self._lose("", 0)
        content = joined([stream.map(*part) for part in parts]).cut(2, 2 + size)
        last = stream.at(end - 1)
        if self._markers is not None:
            self._pointers(at, head[0], end, last.frame)
        if self._check:
            self._checksum(at, end, last.frame)
        self._at = end
        self._deliver(content, last)
        stream.drop(end)
        return True

    def _trusted(self, at: int, end: int) -> bool:
        """Return whether an FPDU is one although there may be markers that are not known of."""
        stream = self._owner.stream
        octets = stream.read(at, end - at, self._owner.source())
        if octets is None:
            return True
        (stored,) = _CRC.unpack_from(octets, end - at - 4)
        if stored and crc32c(octets[:-4]) != stored:
            return False
        self._doubted = max(0, self._doubted - (end - at))
        return True

    def _pointers(self, at: int, start: int, end: int, frame: int) -> None:
        """Check that markers say how far they are behind the FPDU's start (RFC 5044, 4.3)."""
        assert self._markers is not None
        first = at + (self._markers - at) % MARKER_SPACING
        for position in range(first, end - 4, MARKER_SPACING):
            octets = self._owner.stream.read(position, 4, self._owner.source())
            wanted = max(0, position - start)
            if octets is not None and _WORD.unpack(octets)[0] & 0xFFFF != wanted:
                self._owner.note(
                    frame, "mpa-marker", f"a marker that does not say {wanted}", Severity.ERROR
                )

    def _checksum(self, at: int, end: int, frame: int) -> None:
        stream, view = self._owner.stream, self._owner.source()
        covered, stored = stream.read(at, end - 4 - at, view), stream.read(end - 4, 4, view)
        if covered is None or stored is None:
            return
        if crc32c(covered) != _CRC.unpack(stored)[0]:
            self._owner.note(frame, "mpa-crc", "an FPDU's checksum is wrong", Severity.ERROR)

    def _lose(self, why: str, step: int = 1) -> bool:
        """Be out of step, and search. ``why`` is empty where nothing is wrong."""
        if why:
            frame = self._owner.stream.at(self._at).frame
            self._owner.note(frame, "mpa-length", why, Severity.ERROR)
        self._lost = True
        self._at += step
        return True

    def _search(self) -> bool:
        stream = self._owner.stream
        if stream.end < self._needed:
            return False
        at = self._at = stream.behind_holes(self._at)
        if at >= stream.end:
            return False
        octets = stream.map(at, stream.end).read(self._owner.source())
        found = find_fpdu(octets, stream.chunks, at)
        self._needed = found.needed
        if found.at < 0:
            self._at = found.resume
            return False
        self._at, self._lost = found.at, False
        if found.markers is not None:
            self._markers = found.markers
            self._doubted = 0
        return True
