"""What every call has to keep to (RFC 8166, Sections 3 and 4; RFC 8267, Section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nfsrdma.rpcrdma.transport.header import RDMA_NOMSG, RpcRdmaHeader
from nfsrdma.xdr.nfs4 import types as t

from ..relay import Passing
from ..relay.streams import Stream

_ELIGIBLE: Final = (t.OP_READ, t.OP_READLINK)
"""Operations whose results are DDP-eligible (RFC 8267, Section 6.1)."""


def complaints_about_call(
    passing: Passing, stream: Stream, header: RpcRdmaHeader, threshold: int
) -> Iterator[str]:
    """Yield what is wrong with a call; ``threshold`` is the longest reply that fits inline."""
    long = header.proc == RDMA_NOMSG
    positions = [chunk.position for chunk in header.read_list]
    if long and passing.body:
        yield (
            f"{len(passing.body)} octets behind the lists of RDMA_NOMSG (RFC 8166, Section 4.2.4)"
        )
    if long and 0 not in positions:
        yield "RDMA_NOMSG without a Position-Zero Read chunk (RFC 8166, Section 3.5.3)"
    if not long and 0 in positions:
        yield "RDMA_MSG with a Position-Zero Read chunk (RFC 8166, Section 3.5.3)"
    if not long and passing.body[:4] != passing.xid.to_bytes(4, "big"):
        yield "the XIDs of header and RPC message differ (RFC 8166, Section 4.2.1)"
    if stream.complaint:
        yield stream.complaint
        return
    items = dict(zip(stream.positions, stream.lengths, strict=True))
    for chunk in header.read_list:
        if chunk.position and stream.operations and chunk.position not in items:
            yield (
                f"a Read chunk at Position {chunk.position}, where nothing is DDP-eligible "
                "(RFC 8267, Section 6.1)"
            )
        if chunk.position % 4:
            yield f"a Read chunk at Position {chunk.position}, off a word (RFC 8166, 3.4.5)"
    if stream.is_gss and (header.write_list or any(positions)) and _protected(passing.body):
        yield "chunks of data in a call that RPCSEC_GSS protects (RFC 8166, Section 8.2.2)"
    yield from _room(stream, header, threshold)


def _protected(body: bytes) -> bool:
    """Whether the service of an RPCSEC_GSS credential is integrity or privacy (RFC 2203, 5)."""
    return len(body) >= 48 and int.from_bytes(body[44:48], "big") in (2, 3)


def _room(stream: Stream, header: RpcRdmaHeader, threshold: int) -> Iterator[str]:
    """Yield what a call has no room for in its reply."""
    chunks = [chunk.length for chunk in header.write_list]
    reply = header.reply_chunk.length if header.reply_chunk is not None else 0
    eligible = [each for each in stream.operations if each.argop in _ELIGIBLE]
    inline = 0
    for number, operation in enumerate(eligible):
        wanted = int(operation.value.count) if operation.argop == t.OP_READ else 0
        room = chunks[number] if number < len(chunks) else 0
        if not room:
            inline += wanted
        elif room < wanted:
            yield (
                f"a READ of {wanted} octets with a Write chunk for {room} (RFC 8166, Section 4.3.2)"
            )
    for operation in stream.operations:
        if operation.argop == t.OP_READDIR:
            inline += int(operation.value.maxcount)
    if inline > max(threshold, reply):
        yield (
            f"results of up to {inline} octets, where {threshold} go inline and the Reply chunk "
            f"has {reply} (RFC 8166, Section 3.5.3)"
        )
