"""What the sharers of a port tell one another: each message is one packet of a Unix socket.

The keeper of the port says WELCOME, with the socket's descriptor beside it. A member says CLAIM and
RELEASE of its numbers, and is told TAKEN if somebody else has one already. DATAGRAMS are what one
receive call brought, handed on. ASK is answered by HERE: whoever does not answer is stuck.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final

from ...roce.packets.burst import Address
from ...roce.wire.addressee import Key, Number

MAX_MESSAGE: Final = 65536 + 256
_KEYS_IN_ONE: Final = 4096
_KEY: Final = struct.Struct("=BI")
_DATAGRAMS: Final = struct.Struct("=BBHI")
_NUMBERS: Final = frozenset(Number)


class Kind(IntEnum):
    """The messages."""

    WELCOME = 1
    CLAIM = 2
    RELEASE = 3
    TAKEN = 4
    DATAGRAMS = 5
    ASK = 6
    HERE = 7


class BadMessage(Exception):
    """The octets are no message of a sharer."""


def kind_of(message: memoryview) -> Kind:
    """Return what kind of message it is. Raises ``BadMessage``."""
    try:
        return Kind(message[0])
    except (IndexError, ValueError):
        raise BadMessage(f"no message: {bytes(message[:8]).hex()}") from None


def about(kind: Kind, keys: Iterable[Key]) -> Iterator[bytes]:
    """Yield messages of a kind about numbers."""
    packed = [_KEY.pack(*key) for key in keys]
    for start in range(0, len(packed), _KEYS_IN_ONE):
        yield bytes((kind,)) + b"".join(packed[start : start + _KEYS_IN_ONE])


def keys_in(message: memoryview) -> list[Key]:
    """Return the numbers of CLAIM, RELEASE or TAKEN. Raises ``BadMessage``."""
    body = message[1:]
    if len(body) % _KEY.size:
        raise BadMessage("a number is cut off")
    found = list(_KEY.iter_unpack(body))
    if any(kind not in _NUMBERS for kind, _ in found):
        raise BadMessage("numbers of no kind")
    return [(Number(kind), number) for kind, number in found]


def datagrams(source: Address, segment_size: int) -> bytes:
    """Return what stands before the octets of datagrams that are handed on."""
    host = source[0].encode()
    return _DATAGRAMS.pack(Kind.DATAGRAMS, len(host), source[1], segment_size) + host


def datagrams_in(message: memoryview) -> tuple[memoryview, int, Address]:
    """Return datagrams, the octets of each but the last, and their source.

    Raises ``BadMessage``.
    """
    try:
        _, length, port, segment_size = _DATAGRAMS.unpack_from(message)
        start = _DATAGRAMS.size + length
        host = str(message[_DATAGRAMS.size : start], "ascii")
    except (struct.error, UnicodeDecodeError):
        raise BadMessage("datagrams without a source") from None
    if segment_size < 1 or start >= len(message):
        raise BadMessage("datagrams without octets")
    return message[start:], segment_size, (host, port)
