"""The octets of messages, in packed blocks: the page decodes those that somebody looks at."""

from __future__ import annotations

from ...messages.rpcrdma import NOMSG, TransportHeader
from ...tracking.model import Exchange, Message
from .packing import packed

BLOCK = 1 << 18
"""Octets that are packed together."""
MAX_MESSAGE = 1 << 16
"""Octets of one message that are kept."""
MAX_OCTETS = 1 << 28
"""Octets of all messages; later ones are left out."""


class Octets:
    """Octets of one message after the other, in blocks."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self._current = bytearray()
        self._total = 0

    def add(
        self, exchange: Exchange, message: Message | None, source: memoryview
    ) -> tuple[int, int, int, int]:
        """Keep a message; return block, offset, length and how much of that its SEND is.

        What traveled in a chunk instead of in the SEND follows the SEND. There is nothing behind
        the first hole. The block is -1 if nothing is kept.
        """
        if message is None or self._total >= MAX_OCTETS:
            return -1, 0, 0, 0
        is_call = message is exchange.call
        header = exchange.call_header if is_call else exchange.reply_header
        content = message.content
        whole = content.prefix() == message.length
        octets = bytes(content.read(source, min(content.prefix(), MAX_MESSAGE)))
        size = len(octets)
        if whole and size < MAX_MESSAGE:
            octets += _long(exchange, header, is_call, source, MAX_MESSAGE - size)
        if len(self._current) + len(octets) > BLOCK:
            self._pack()
        at = len(self._current)
        self._current += octets
        self._total += len(octets)
        return len(self.blocks), at, len(octets), size

    def _pack(self) -> None:
        if self._current:
            self.blocks.append(packed(self._current))
            self._current = bytearray()

    def data(self) -> list[str]:
        """Return the packed blocks."""
        self._pack()
        return self.blocks


def _long(
    exchange: Exchange, header: TransportHeader | None, is_call: bool, source: memoryview, room: int
) -> bytes:
    """Return the RPC message of an RDMA_NOMSG, which traveled in a chunk (RFC 8166, 3.5.5)."""
    if header is None or header.fault or header.proc != NOMSG:
        return b""
    for chunk in exchange.chunks_of("read" if is_call else "reply"):
        if not is_call or not chunk.position:
            content = chunk.content
            return bytes(content.read(source, min(content.prefix(), room)))
    return b""
