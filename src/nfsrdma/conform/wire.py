"""RPC-over-RDMA headers word by word, right or wrong, and answers taken apart.

``rpcrdma.transport.header`` writes nothing that is forbidden. A test of a peer has to, so headers
are put together here, of any words in any order (RFC 8166, Section 4).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.transport.header import (
    ERR_CHUNK,
    ERR_VERS,
    RDMA_ERROR,
    RDMA_MSG,
    RDMA_NOMSG,
    VERSION,
    HeaderLimits,
    RpcRdmaError,
    RpcRdmaHeader,
    decode_header,
)

from .case import Failed

CREDITS: Final = 32
"""What is asked for where a test does not care."""

_LENIENT: Final = HeaderLimits(max_segments=4096, max_chunks=4096)
_FIXED: Final = struct.Struct(">4I")
_READ: Final = struct.Struct(">4IQ")
_SEGMENT: Final = struct.Struct(">2IQ")

Entry = tuple[int, Segment]
"""An entry of a Read list: the Position, and where the octets are."""


def words(*numbers: int) -> bytes:
    """Return 32-bit words as they are on the wire."""
    return struct.pack(f">{len(numbers)}I", *numbers)


def chunk(segments: Sequence[Segment]) -> bytes:
    """Return a Write chunk or a Reply chunk, behind the word that says that it is there."""
    return words(1, len(segments)) + b"".join(_SEGMENT.pack(*each) for each in segments)


def header(
    xid: int,
    proc: int = RDMA_MSG,
    *,
    reads: Sequence[Entry] = (),
    writes: Sequence[Sequence[Segment]] = (),
    reply: Sequence[Segment] | None = None,
    credit: int = CREDITS,
    version: int = VERSION,
) -> bytes:
    """Return a header with these lists, in this order, whatever they are."""
    parts = [_FIXED.pack(xid, version, credit, proc)]
    parts += [_READ.pack(1, position, *segment) for position, segment in reads]
    parts.append(words(0))
    parts += [chunk(each) for each in writes]
    parts.append(words(0))
    parts.append(words(0) if reply is None else chunk(reply))
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived in one receive, the handle that came with it, and when (in seconds)."""

    octets: bytes
    invalidated: int | None
    at: float

    @property
    def xid(self) -> int:
        """The first word; 0 if there is none."""
        return int.from_bytes(self.octets[:4], "big")

    def header(self) -> RpcRdmaHeader:
        """Return the header. Raises ``Failed`` if it cannot be decoded."""
        if len(self.octets) >= 8 and (version := int.from_bytes(self.octets[4:8], "big")) != 1:
            raise Failed(f"an answer in version {version}: {self.octets[:32].hex(' ', 4)}")
        try:
            return decode_header(memoryview(self.octets), _LENIENT)
        except RpcRdmaError as error:
            raise Failed(f"an answer that cannot be decoded ({error}): {self.brief()}") from None

    def brief(self) -> str:
        """Return what kind of message it is, in a few words."""
        if len(self.octets) < 16:
            return f"{len(self.octets)} octets: {self.octets.hex(' ', 4)}"
        _, _, credit, proc = _FIXED.unpack_from(self.octets)
        name = {RDMA_MSG: "RDMA_MSG", RDMA_NOMSG: "RDMA_NOMSG", RDMA_ERROR: "RDMA_ERROR"}
        text = name.get(proc, f"procedure {proc}")
        if proc == RDMA_ERROR and len(self.octets) >= 20:
            code = int.from_bytes(self.octets[16:20], "big")
            text = {ERR_VERS: "ERR_VERS", ERR_CHUNK: "ERR_CHUNK"}.get(code, f"error {code}")
        return f"{text} of {len(self.octets)} octets, {credit} credits"

    @property
    def is_chunk_error(self) -> bool:
        """Whether it is RDMA_ERROR with ERR_CHUNK."""
        return len(self.octets) == 20 and self.octets[12:20] == words(RDMA_ERROR, ERR_CHUNK)

    @property
    def is_version_error(self) -> bool:
        """Whether it is RDMA_ERROR with ERR_VERS."""
        return len(self.octets) == 28 and self.octets[12:20] == words(RDMA_ERROR, ERR_VERS)
