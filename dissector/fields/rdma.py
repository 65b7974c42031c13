"""Fields of what RDMA moved for a message, under the names that Wireshark has for its reassembly.

Wireshark lists the packets of a Write or Reply chunk in the frame of the reply, and has the key of
a SEND with Invalidate twice. What RDMA requests name is in packets that end no message: a reply has
it here, so that a question about a handle or an address finds the RPC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ..tracking.kinds import Transport
from ..tracking.model import Exchange, Message

_KEY: Final = "infiniband.ieth"
_FRAGMENT: Final = "rpcordma.fragment"
_COUNT: Final = "rpcordma.fragment.count"
_LENGTH: Final = "rpcordma.reassembled.length"
_RETH: Final = "infiniband.reth"
NAMES: Final[frozenset[str]] = frozenset(
    (_KEY, _FRAGMENT, _COUNT, _LENGTH, *(f"{_RETH}.{part}" for part in ("va", "r_key", "dmalen")))
)


def rdma_fields(exchange: Exchange, message: Message) -> Iterator[tuple[str, Any]]:
    """Give the values beside those that ``fields`` gives to these names."""
    if message.invalidated is not None:
        yield _KEY, message.invalidated
    if message is (exchange.reply or exchange.call):
        yield from _requests(exchange, message)
    if message is not exchange.reply or exchange.reply_header is None:
        return
    chunks = [chunk for chunk in exchange.chunks if chunk.kind != "read"]
    frames = [frame for chunk in chunks for frame in chunk.content.frames()]
    if not frames:
        return
    for frame in frames:
        yield _FRAGMENT, frame
    yield _COUNT, len(frames)
    yield _LENGTH, sum(chunk.content.length for chunk in chunks)


def _requests(exchange: Exchange, message: Message) -> Iterator[tuple[str, Any]]:
    """Give the memory that each RDMA operation of an RPC named in its first packet."""
    if message.side.connection.transport == Transport.IWARP:
        return
    for op in exchange.operations:
        if not op.inferred:
            yield f"{_RETH}.va", op.address
            yield f"{_RETH}.r_key", op.handle
            yield f"{_RETH}.dmalen", op.length
