"""The RPC-over-RDMA header of a SEND (RFC 8166, Section 4), read as far as it goes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

MSG, NOMSG, MSGP, DONE, ERROR = range(5)
PROCEDURES = ("RDMA_MSG", "RDMA_NOMSG", "RDMA_MSGP", "RDMA_DONE", "RDMA_ERROR")
ERR_VERS, ERR_CHUNK = 1, 2
ERRORS = {ERR_VERS: "ERR_VERS", ERR_CHUNK: "ERR_CHUNK"}

VERSION_1 = 1
VERSION_2 = 2
"""draft-ietf-nfsv4-rpcrdma-version-two: see ``rpcrdma2``."""

MAX_CREDITS = 1 << 20
MAX_PROC_2 = 13
MAX_SEGMENTS = 4096
"""Of one list; an adapter's receive buffer of 64 KiB could hold no more."""

_FIXED = Struct(">4I")
_SHORT = Struct(">7I")
SHORT_SIZE = 28
"""Octets of a header with three empty lists."""
_NO_LISTS = [0, 0, 0]
_READ = Struct(">3IQ")
_SEGMENT = Struct(">2IQ")
_WORD = Struct(">I")
_TWO = Struct(">2I")


class Segment(NamedTuple):
    """Memory of the requester."""

    handle: int
    length: int
    offset: int


class ReadSegment(NamedTuple):
    """An entry of a Read list."""

    position: int
    handle: int
    length: int
    offset: int


class TransportHeader:
    """A header. ``size`` is where what follows it begins; ``fault`` says what is wrong."""

    __slots__ = (
        "align",
        "credits",
        "error",
        "fault",
        "high",
        "low",
        "proc",
        "reads",
        "reply",
        "size",
        "thresh",
        "version",
        "writes",
        "xid",
    )

    def __init__(self, xid: int, version: int, credits: int, proc: int) -> None:
        self.xid = xid
        self.version = version
        self.credits = credits
        self.proc = proc
        self.reads: list[ReadSegment] = []
        self.writes: list[list[Segment]] = []
        self.reply: list[Segment] | None = None
        self.size = 16
        self.fault = ""
        self.error = 0
        self.low = self.high = 0
        """With ERR_VERS: the versions that the sender speaks."""
        self.align = self.thresh = 0
        """Of an RDMA_MSGP."""

    @property
    def name(self) -> str:
        """``RDMA_MSG``, ``RDMA_NOMSG``..., or the number of another procedure."""
        return PROCEDURES[self.proc] if self.proc < len(PROCEDURES) else f"procedure {self.proc}"

    @property
    def error_name(self) -> str:
        """``ERR_VERS``, ``ERR_CHUNK``, or the number of another error."""
        return ERRORS.get(self.error, str(self.error))

    @property
    def long(self) -> bool:
        """Whether the RPC message is in a chunk."""
        return self.proc == NOMSG

    def handles(self) -> Iterator[int]:
        """Give the handles of all segments; some come more than once."""
        for entry in self.reads:
            yield entry.handle
        for chunk in self.writes:
            for segment in chunk:
                yield segment.handle
        for segment in self.reply or ():
            yield segment.handle

    def read_chunks(self) -> list[tuple[int, list[Segment]]]:
        """Return the Read list's segments by position, in ascending order of it."""
        chunks: dict[int, list[Segment]] = {}
        for position, handle, length, offset in self.reads:
            chunks.setdefault(position, []).append(Segment(handle, length, offset))
        return sorted(chunks.items())


def plausible(header: TransportHeader, view: memoryview) -> bool:
    """Return whether a SEND of an unknown connection may be RPC-over-RDMA.

    For RDMA_MSG the RPC message must have the header's XID and be a call or a reply, where that
    much of it is there.
    """
    if header.version == VERSION_2:
        return header.credits < MAX_CREDITS and header.proc <= MAX_PROC_2
    if header.version != VERSION_1 or header.proc > ERROR or header.credits > MAX_CREDITS:
        return False
    if header.proc != MSG:
        return True
    if header.fault:
        return header.fault == CUT
    if len(view) < header.size + 8:
        return True
    rpc_xid, direction = _TWO.unpack_from(view, header.size)
    return bool(rpc_xid == header.xid and direction <= 1)


CUT = "cut inside of the RPC-over-RDMA header"


def decode_transport(view: memoryview) -> TransportHeader:
    """Return the header that ``view`` (at least 16 octets of it) begins with."""
    if len(view) >= SHORT_SIZE:
        xid, version, credits, proc, *lists = _SHORT.unpack_from(view)
        header = TransportHeader(xid, version, credits, proc)
        if version == VERSION_1 and proc == MSG and lists == _NO_LISTS:
            header.size = SHORT_SIZE
            return header
    else:
        xid, version, credits, proc = _FIXED.unpack_from(view)
        header = TransportHeader(xid, version, credits, proc)
    if version != VERSION_1:
        header.fault = "" if version == VERSION_2 else f"version {version}"
        return header
    try:
        if proc in (MSG, NOMSG):
            _lists(header, view, 16)
        elif proc == MSGP:
            header.align, header.thresh = _TWO.unpack_from(view, 16)
            _lists(header, view, 24)
        elif proc == ERROR:
            (header.error,) = _WORD.unpack_from(view, 16)
            header.size = 20
            if header.error == ERR_VERS:
                header.low, header.high = _TWO.unpack_from(view, 20)
                header.size = 28
        elif proc != DONE:
            header.fault = f"procedure {proc}"
    except struct.error:
        header.fault = CUT
        header.size = len(view)
    return header


def _lists(header: TransportHeader, view: memoryview, at: int) -> None:
    """Decode the three lists. What is cut has those alone of which all was seen."""
    for part in (read_list, write_list, reply_chunk):
        at = part(header, view, at)
        if at < 0:
            return
    header.size = at


TOO_MANY = -1
"""Where a list ends that has more segments than are believed."""


def read_list(header: TransportHeader, view: memoryview, at: int) -> int:
    """Decode a Read list; return where it ends."""
    reads: list[ReadSegment] = []
    more = _more(header, view, at, "Read list")
    at += 4
    while more:
        reads.append(ReadSegment._make(_READ.unpack_from(view, at)))
        at += 20
        if len(reads) > MAX_SEGMENTS:
            header.fault = f"more than {MAX_SEGMENTS} segments in the Read list"
            return TOO_MANY
        more = _more(header, view, at, "Read list")
        at += 4
    header.reads = reads
    return at


def write_list(header: TransportHeader, view: memoryview, at: int) -> int:
    """Decode a Write list; return where it ends."""
    left = MAX_SEGMENTS
    more = _more(header, view, at, "Write list")
    at += 4
    while more:
        segments: list[Segment] = []
        at = _segments(header, view, at, segments, left)
        header.writes.append(segments)
        left -= len(segments) + 1
        if header.fault:
            return TOO_MANY
        more = _more(header, view, at, "Write list")
        at += 4
    return at


def reply_chunk(header: TransportHeader, view: memoryview, at: int) -> int:
    """Decode a Reply chunk; return where it ends."""
    if not _more(header, view, at, "Reply chunk"):
        return at + 4
    segments: list[Segment] = []
    at = _segments(header, view, at + 4, segments, MAX_SEGMENTS)
    header.reply = segments
    return at


def _more(header: TransportHeader, view: memoryview, at: int, where: str) -> bool:
    (word,) = _WORD.unpack_from(view, at)
    if word > 1:
        header.fault = header.fault or f"{word} is no boolean, in the {where}"
        return False
    return bool(word)


def _segments(
    header: TransportHeader, view: memoryview, at: int, into: list[Segment], limit: int
) -> int:
    (count,) = _WORD.unpack_from(view, at)
    at += 4
    if count > limit:
        header.fault = f"a chunk of {count} segments"
        return at
    for _ in range(count):
        into.append(Segment._make(_SEGMENT.unpack_from(view, at)))
        at += 16
    return at
