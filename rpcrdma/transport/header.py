"""The RPC-over-RDMA version 1 transport header (RFC 8166, Section 4): octets to objects and back.

The types emitted from the RFC's XDR (``nfsrdma.xdr.rpcrdma1``) say the same more slowly; a
property test compares the two. Any octets either decode, within :class:`HeaderLimits`, or raise
:class:`RpcRdmaError` with the code to answer with.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from .chunk import Chunk, ReadList, Segment, WriteList, gather_read_list

VERSION: Final = 1

RDMA_MSG: Final = 0
RDMA_NOMSG: Final = 1
RDMA_MSGP: Final = 2
RDMA_DONE: Final = 3
RDMA_ERROR: Final = 4

ERR_VERS: Final = 1
ERR_CHUNK: Final = 2

SHORT_HEADER_SIZE: Final = 28
"""Octets of a header with three empty lists: the least that RDMA_MSG can have."""

SHORT = struct.Struct(">7I")
"""A whole header with empty lists: xid, version, credits, RDMA_MSG, 0, 0, 0."""

SHORT_AND_RPC = struct.Struct(">9I")
"""The same and the first two words of the RPC message behind it: its XID and its direction."""

ONE_CHUNK_SIZE: Final = 52
"""Octets of a header with a single segment, in the Read list or in the Write list."""

ONE_WRITE = struct.Struct(">7I2IQ2I")
"""RDMA_MSG with a Write list of one chunk of one segment, and nothing else: what READ sends."""

ONE_READ = struct.Struct(">4I4IQ3I")
"""RDMA_MSG with a Read list of one segment, and nothing else: what WRITE sends."""

FIXED = struct.Struct(">4I")
"""The start of a header of any version (RFC 8166, Section 4.2): xid, version, credits, proc."""

_WORD = struct.Struct(">I")
_READ_ENTRY = struct.Struct(">4IQ")  # the "more" word, then position, handle, length, offset
_READ_SEGMENT = struct.Struct(">3IQ")
_SEGMENT = struct.Struct(">2IQ")
_TWO_WORDS = struct.Struct(">2I")
_ERR_VERS = struct.Struct(">7I")
_ERR_CHUNK = struct.Struct(">5I")
_ERROR: Final = slice(16, 20)

READ_SEGMENT_SIZE: Final = 24
SEGMENT_SIZE: Final = 16
_MAX_ADDRESS: Final = 1 << 64


class RpcRdmaError(Exception):
    """A header that cannot be used.

    ``code`` is the answer to it, ``ERR_VERS`` or ``ERR_CHUNK``; ``reason`` is one of a few texts,
    by which such headers are counted; ``detail`` is what varies.
    """

    def __init__(self, code: int, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.code = code
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """How many things a peer may name in one header."""

    max_segments: int = 256
    """Segments of one list, all of its chunks together."""
    max_chunks: int = 16
    """Chunks of one list."""


class RpcRdmaHeader:
    """A decoded header. ``size`` is its length: where, in RDMA_MSG, the RPC message begins.

    ``error`` is the code of an RDMA_ERROR, and 0 otherwise.
    """

    __slots__ = ("credit", "error", "proc", "read_list", "reply_chunk", "size", "write_list", "xid")

    def __init__(
        self,
        xid: int,
        credit: int,
        proc: int,
        read_list: ReadList = (),
        write_list: WriteList = (),
        reply_chunk: Chunk | None = None,
        size: int = 0,
        error: int = 0,
    ) -> None:
        self.xid = xid
        self.credit = credit
        self.proc = proc
        self.read_list = read_list
        self.write_list = write_list
        self.reply_chunk = reply_chunk
        self.size = size
        self.error = error

    def __repr__(self) -> str:
        return (
            f"RpcRdmaHeader(xid={self.xid:#x}, credit={self.credit}, proc={self.proc}, "
            f"read_list={self.read_list!r}, write_list={self.write_list!r}, "
            f"reply_chunk={self.reply_chunk!r}, error={self.error})"
        )


def decode_header(view: memoryview, limits: HeaderLimits) -> RpcRdmaHeader:
    """Decode the header that ``view`` begins with.

    RDMA_DONE decodes to a bare header, for the caller to drop (RFC 8166, Section 4.6), and an
    RDMA_ERROR that is cut short to one with error 0, for the same (Section 4.5). Raises
    ``RpcRdmaError``; the XID, if there is one, is then the first word all the same.
    """
    if len(view) >= ONE_CHUNK_SIZE and limits.max_chunks and limits.max_segments:
        header = _decode_one_chunk(view)
        if header is not None:
            return header
    try:
        xid, version, credit, proc = FIXED.unpack_from(view)
        if version != VERSION:
            raise RpcRdmaError(ERR_VERS, "unknown version", str(version))
        if proc in (RDMA_MSG, RDMA_NOMSG):
            return _decode_lists(view, FIXED.size, xid, credit, proc, limits)
        if proc == RDMA_ERROR:
            error = int.from_bytes(view[_ERROR]) if len(view) >= _ERR_CHUNK.size else 0
            if error == ERR_VERS and len(view) < _ERR_VERS.size:
                error = 0
            return RpcRdmaHeader(xid, credit, proc, size=len(view), error=error)
        if proc == RDMA_DONE:
            return RpcRdmaHeader(xid, credit, proc, size=len(view))
        if proc == RDMA_MSGP:
            # Two words of alignment advice come first. No implementation follows it: the message is
            # behind the lists, just as in RDMA_MSG.
            return _decode_lists(view, FIXED.size + 8, xid, credit, RDMA_MSG, limits)
    except struct.error:
        raise RpcRdmaError(ERR_CHUNK, "header cut short", f"{len(view)} octets") from None
    raise RpcRdmaError(ERR_CHUNK, "unknown procedure", str(proc))


def _decode_one_chunk(view: memoryview) -> RpcRdmaHeader | None:
    """Return a header with a single segment, decoded in one step; None for any other."""
    words = ONE_WRITE.unpack_from(view)
    xid, version, credit = words[:3]
    if words[3:7] == _WRITE_LIST and words[10:] == (0, 0):
        chunk = Chunk((Segment._make(words[7:10]),))
        lists: tuple[ReadList, WriteList] = (), (chunk,)
    elif words[3:5] == (RDMA_MSG, 1):
        words = ONE_READ.unpack_from(view)
        if words[9:] != (0, 0, 0):
            return None
        chunk = Chunk((Segment._make(words[6:9]),), words[5])
        lists = (chunk,), ()
    else:
        return None
    segment = chunk.segments[0]
    if version != VERSION or segment.offset + segment.length > _MAX_ADDRESS:
        return None
    return RpcRdmaHeader(xid, credit, RDMA_MSG, *lists, None, ONE_CHUNK_SIZE)


_WRITE_LIST: Final = (RDMA_MSG, 0, 1, 1)


def _decode_lists(
    view: memoryview, at: int, xid: int, credit: int, proc: int, limits: HeaderLimits
) -> RpcRdmaHeader:
    (more,) = _WORD.unpack_from(view, at)
    entries: list[tuple[int, Segment]] = []
    while more:
        mark, position, handle, length, offset = _READ_ENTRY.unpack_from(view, at)
        _check(mark == 1, "bad discriminator in the Read list")
        _check(len(entries) < limits.max_segments, "too many segments in the Read list")
        _check(offset + length <= _MAX_ADDRESS, "segment past the end of memory")
        entries.append((position, Segment(handle, length, offset)))
        at += READ_SEGMENT_SIZE
        (more,) = _WORD.unpack_from(view, at)
    read_list: ReadList = gather_read_list(entries) if entries else ()
    _check(len(read_list) <= limits.max_chunks, "too many chunks in the Read list")
    at += 4

    write_list: list[Chunk] = []
    segments_left = limits.max_segments
    (more,) = _WORD.unpack_from(view, at)
    at += 4
    while more:
        _check(more == 1, "bad discriminator in the Write list")
        _check(len(write_list) < limits.max_chunks, "too many chunks in the Write list")
        chunk, at = _decode_chunk(view, at, segments_left)
        segments_left -= len(chunk.segments)
        write_list.append(chunk)
        (more,) = _WORD.unpack_from(view, at)
        at += 4

    reply_chunk = None
    (more,) = _WORD.unpack_from(view, at)
    at += 4
    if more:
        _check(more == 1, "bad discriminator before the Reply chunk")
        reply_chunk, at = _decode_chunk(view, at, limits.max_segments)
    return RpcRdmaHeader(xid, credit, proc, read_list, write_list, reply_chunk, at)


def _decode_chunk(view: memoryview, at: int, max_segments: int) -> tuple[Chunk, int]:
    (count,) = _WORD.unpack_from(view, at)
    at += 4
    _check(count <= max_segments, "too many segments")
    segments = []
    for _ in range(count):
        segment = Segment._make(_SEGMENT.unpack_from(view, at))
        _check(segment.offset + segment.length <= _MAX_ADDRESS, "segment past the end of memory")
        segments.append(segment)
        at += SEGMENT_SIZE
    return Chunk(segments), at


def _check(condition: bool, complaint: str) -> None:
    if not condition:
        raise RpcRdmaError(ERR_CHUNK, complaint)


def encode_header(
    xid: int,
    credit: int,
    proc: int,
    read_list: ReadList = (),
    write_list: WriteList = (),
    reply_chunk: Chunk | None = None,
) -> bytes:
    """Return an RDMA_MSG or RDMA_NOMSG header."""
    if proc == RDMA_MSG and reply_chunk is None and len(read_list) + len(write_list) == 1:
        (chunk,) = write_list or read_list
        if len(chunk.segments) == 1:
            handle, length, offset = chunk.segments[0]
            if write_list:
                return ONE_WRITE.pack(
                    xid, VERSION, credit, proc, 0, 1, 1, handle, length, offset, 0, 0
                )
            return ONE_READ.pack(
                xid, VERSION, credit, proc, 1, chunk.position, handle, length, offset, 0, 0, 0
            )
    header = bytearray(FIXED.pack(xid, VERSION, credit, proc))
    for chunk in read_list:
        for handle, length, offset in chunk.segments:
            header += b"\0\0\0\1"
            header += _READ_SEGMENT.pack(chunk.position, handle, length, offset)
    header += b"\0\0\0\0"
    for chunk in write_list:
        _encode_chunk(header, chunk)
    header += b"\0\0\0\0"
    if reply_chunk is None:
        header += b"\0\0\0\0"
    else:
        _encode_chunk(header, reply_chunk)
    return bytes(header)


def _encode_chunk(header: bytearray, chunk: Chunk) -> None:
    header += _TWO_WORDS.pack(1, len(chunk.segments))
    for handle, length, offset in chunk.segments:
        header += _SEGMENT.pack(handle, length, offset)


def header_size(read_segments: int, write_segments: list[int], reply_segments: int | None) -> int:
    """Return the octets of a header with so many segments.

    They are those of the whole Read list, of each chunk of the Write list, and of the Reply chunk
    if there is one.
    """
    size = SHORT_HEADER_SIZE + READ_SEGMENT_SIZE * read_segments
    for count in write_segments:
        size += 8 + SEGMENT_SIZE * count
    if reply_segments is not None:
        size += 4 + SEGMENT_SIZE * reply_segments
    return size


def encode_version_error(xid: int, version: int, credit: int) -> bytes:
    """Return an ERR_VERS message: only version 1 is supported (RFC 8166, Section 4.5).

    The peer's own version word goes back to it, as Linux does: a peer that knows no version 1
    would not look at an answer in version 1.
    """
    return _ERR_VERS.pack(xid, version, credit, RDMA_ERROR, ERR_VERS, VERSION, VERSION)


def encode_chunk_error(xid: int, credit: int) -> bytes:
    """Return an ERR_CHUNK message: the call is unusable, or its reply cannot be sent as offered."""
    return _ERR_CHUNK.pack(xid, VERSION, credit, RDMA_ERROR, ERR_CHUNK)
