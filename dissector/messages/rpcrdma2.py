"""Headers of RPC-over-RDMA version 2: draft-ietf-nfsv4-rpcrdma-version-two-09, Section 6.

The draft has expired, and no RFC came of it. The first four words are those of version 1, and the
chunk lists have version 1's form.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from struct import Struct
from typing import Final

from .rpcrdma import (
    CUT,
    ReadSegment,
    TransportHeader,
    read_list,
    reply_chunk,
    write_list,
)

ERROR, GRANT, CONNPROP_MIDDLE, CONNPROP_FINAL = range(4, 8)
CALL_EXTERNAL, CALL_MIDDLE, CALL_INLINE = range(8, 11)
REPLY_EXTERNAL, REPLY_MIDDLE, REPLY_INLINE = range(11, 14)
TYPES: Final = {
    4: "RDMA2_ERROR", 5: "RDMA2_GRANT", 6: "RDMA2_CONNPROP_MIDDLE", 7: "RDMA2_CONNPROP_FINAL",
    8: "RDMA2_CALL_EXTERNAL", 9: "RDMA2_CALL_MIDDLE", 10: "RDMA2_CALL_INLINE",
    11: "RDMA2_REPLY_EXTERNAL", 12: "RDMA2_REPLY_MIDDLE", 13: "RDMA2_REPLY_INLINE",
}  # fmt: skip
ERRORS: Final = {
    1: "ERR_VERS", 2: "ERR_BAD_XDR", 3: "ERR_BAD_PROPVAL", 4: "ERR_INVAL_HTYPE",
    5: "ERR_INVAL_CONT", 6: "ERR_READ_CHUNKS", 7: "ERR_WRITE_CHUNKS", 8: "ERR_SEGMENTS",
    9: "ERR_WRITE_RESOURCE", 10: "ERR_REPLY_RESOURCE", 11: "ERR_VERS_MISMATCH", 100: "ERR_SYSTEM",
}  # fmt: skip
PROPERTIES: Final = {
    1: "send size", 2: "receive size", 3: "segment size", 4: "segment count",
    5: "reverse direction", 6: "host authentication",
}  # fmt: skip
"""Transport properties (Section 5.2); all but the last are numbers."""
_CONTINUED: Final = frozenset((CALL_MIDDLE, REPLY_MIDDLE))
_ENDING: Final = frozenset((CALL_EXTERNAL, CALL_INLINE, REPLY_EXTERNAL, REPLY_INLINE))
_NUMBERS_OF_ERROR: Final = {1: 2, 6: 1, 7: 1, 8: 1, 9: 2, 10: 1}
"""How many words tell more of an error."""
_MAX_PROPERTIES = 64
_WORD, _TWO = Struct(">I"), Struct(">2I")


List = Callable[[TransportHeader, memoryview, int], int]


class SecondHeader(TransportHeader):
    """A header of version 2; ``proc`` is its type."""

    __slots__ = ("details", "invalidates", "properties", "remaining")

    def __init__(self, xid: int, credits: int, proc: int) -> None:
        super().__init__(xid, 2, credits, proc)
        self.invalidates = 0
        """The handle that the reply may invalidate; 0 for none."""
        self.remaining = 0
        """Octets of the message that are still to come."""
        self.properties: list[tuple[int, bytes]] = []
        self.details: tuple[int, ...] = ()
        """What tells more of an error."""

    @property
    def name(self) -> str:
        """``RDMA2_CALL_INLINE``..., or the number of a type that the draft does not have."""
        return TYPES.get(self.proc, f"version 2 type {self.proc}")

    @property
    def error_name(self) -> str:
        """``ERR_BAD_XDR``..., or the number of an error that the draft does not have."""
        return ERRORS.get(self.error, str(self.error))

    @property
    def long(self) -> bool:
        """Whether the RPC message is in a chunk."""
        return self.proc in (CALL_EXTERNAL, REPLY_EXTERNAL)

    @property
    def continued(self) -> bool:
        """Whether a part of a message follows, and not its end."""
        return self.proc in _CONTINUED

    @property
    def ending(self) -> bool:
        """Whether with this an RPC message is all there."""
        return self.proc in _ENDING

    @property
    def is_call(self) -> bool:
        """Whether it is about a call."""
        return self.proc in (CALL_EXTERNAL, CALL_MIDDLE, CALL_INLINE)

    def said(self) -> str:
        """Return what a header without an RPC message says, in words."""
        words = [f"{self.name}, credits {self.credits}"]
        for number, value in self.properties:
            name = PROPERTIES.get(number, f"property {number}")
            shown = int.from_bytes(value, "big") if len(value) == 4 else f"{len(value)} octets"
            words.append(f"{name} {shown}")
        return ", ".join(words)


def decode_second(first: TransportHeader, view: memoryview) -> SecondHeader:
    """Return all of the header whose first words are ``first``."""
    header = SecondHeader(first.xid, first.credits, first.proc)
    try:
        _decode(header, view)
    except struct.error:
        header.fault = CUT
        header.size = len(view)
    return header


def _decode(header: SecondHeader, view: memoryview) -> None:
    kind, at = header.proc, 16
    if kind in (CALL_EXTERNAL, CALL_INLINE):
        (header.invalidates,) = _WORD.unpack_from(view, at)
        at += 4
        message: list[ReadSegment] = []
        if kind == CALL_EXTERNAL:
            at = read_list(header, view, at)
            message, header.reads = header.reads, []
        _lists(header, view, at, read_list, write_list, reply_chunk)
        # Wherever the entries say that they belong, they are the message.
        header.reads = [one._replace(position=0) for one in message] + header.reads
    elif kind in (REPLY_EXTERNAL, REPLY_INLINE):
        lists = (write_list, reply_chunk) if kind == REPLY_EXTERNAL else (write_list,)
        _lists(header, view, at, *lists)
    elif header.continued:
        (header.remaining,) = _WORD.unpack_from(view, at)
        header.size = at + 4
    elif kind == ERROR:
        (header.error,) = _WORD.unpack_from(view, at)
        words = Struct(f">{_NUMBERS_OF_ERROR.get(header.error, 0)}I")
        header.details = words.unpack_from(view, at + 4)
        if header.error == 1:
            header.low, header.high = header.details
        header.size = at + 4 + words.size
    elif kind in (CONNPROP_MIDDLE, CONNPROP_FINAL):
        _properties(header, view, at)
    elif kind != GRANT:
        header.fault = f"version 2 has no type {kind}"


def _lists(header: SecondHeader, view: memoryview, at: int, *lists: List) -> None:
    for one in lists:
        if at >= 0:
            at = one(header, view, at)
    header.size = at if at >= 0 else len(view)


def _properties(header: SecondHeader, view: memoryview, at: int) -> None:
    (count,) = _WORD.unpack_from(view, at)
    at += 4
    if count > _MAX_PROPERTIES:
        header.fault = f"{count} properties"
        return
    for _ in range(count):
        number, size = _TWO.unpack_from(view, at)
        at += 8
        if at + size > len(view):
            raise struct.error
        header.properties.append((number, bytes(view[at : at + size])))
        at += size + -size % 4
    header.size = at
