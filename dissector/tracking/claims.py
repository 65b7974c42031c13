"""Which connections are RPC-over-RDMA: nothing in a SEND says so by itself.

The header begins with four small numbers, and so do the headers of others. A connection is claimed
when its handshake names NFS's port or has the private data of RFC 8797, or when a message on it is
a call beyond doubt: its RPC header repeats the XID and is of version 2. Until then what might be
RPC-over-RDMA waits; it is dealt with once the connection is claimed. If it never is, replies and
long messages count at the end, unless the handshake names another port or others were among them.
The user may know better, and say so (:class:`DecodeAs`).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from ..messages.rpcrdma import (
    CUT,
    DONE,
    ERROR,
    ERRORS,
    NOMSG,
    VERSION_1,
    VERSION_2,
    TransportHeader,
    plausible,
)
from .model import Connection, Message

PORTS = frozenset((20049, 2049))
CONSISTENT = 8
"""So many messages that are likely, and none that speaks against it, are as good as one call."""
MAX_DOUBTFUL = 16
"""Messages of a connection that wait until it is known what it is."""
_RPC = Struct(">3I")
_RPC_VERSION = 2
_WHOLE = {DONE: 16, ERROR: 20}


class DecodeAs(NamedTuple):
    """Connections that are RPC-over-RDMA because the user says so."""

    every: bool = False
    ports: frozenset[int] = frozenset()
    queue_pairs: frozenset[int] = frozenset()

    def has(self, connection: Connection) -> bool:
        """Return whether a connection is one, by its handshake's port or a number of either end."""
        if self.every:
            return True
        for side in (connection.first, connection.second):
            if side is None:
                continue
            flow = side.flow
            if side.port in self.ports or side.qpn in self.queue_pairs:
                return True
            if flow is not None and flow.qpn in self.queue_pairs:
                return True
        return False


def decode_as(words: Iterable[str]) -> DecodeAs:
    """Return what ``any``, ports, and ``qp:NUMBER`` name. Raises ``ValueError``."""
    every, ports, numbers = False, set(), set()
    for word in words:
        kind, _, number = word.rpartition(":")
        try:
            if word == "any":
                every = True
            elif kind == "qp":
                numbers.add(int(number, 0))
            elif not kind:
                ports.add(int(number, 0))
            else:
                raise ValueError
        except ValueError:
            raise ValueError(f"{word!r} is no port, qp:NUMBER or any") from None
    return DecodeAs(every, frozenset(ports), frozenset(numbers))


class Evidence(IntEnum):
    """What a message says about its connection."""

    NONE = 0
    """It is none of ours."""
    LITTLE = 1
    """Numbers that might be anything."""
    SOME = 2
    """A message without a body, of exactly the right length."""
    LIKELY = 3
    """A reply, or chunks; or it is cut where nothing contradicts."""
    CERTAIN = 4


def evidence(header: TransportHeader, view: memoryview, message: Message) -> Evidence:
    """Return how far a message looks like RPC-over-RDMA; ``view`` is what there is of it."""
    if not plausible(header, view):
        return Evidence.NONE
    at, length = header.size, message.length
    if header.version != VERSION_1 or header.fault:
        cut = header.fault == CUT and len(view) < length
        return (
            Evidence.LIKELY if cut else Evidence.SOME if header.version == VERSION_2
            else Evidence.LITTLE
        )  # fmt: skip
    if header.proc in _WHOLE:
        exact = length == at and (header.proc == DONE or header.error in ERRORS)
        return Evidence.SOME if exact else Evidence.LITTLE
    if header.proc == NOMSG:
        offered = header.reads or header.writes or header.reply
        return Evidence.LIKELY if offered and length == at else Evidence.LITTLE
    if len(view) < at + _RPC.size:
        return Evidence.LIKELY if len(view) < length else Evidence.LITTLE
    xid, direction, third = _RPC.unpack_from(view, at)
    if xid != header.xid:
        return Evidence.LITTLE
    if not direction:
        return Evidence.CERTAIN if third == _RPC_VERSION else Evidence.LITTLE
    return Evidence.LIKELY if third <= 1 else Evidence.LITTLE


def named(connection: Connection) -> bool | None:
    """Return whether a handshake says that a connection is NFS; ``None`` if none tells."""
    sides = [side for side in (connection.first, connection.second) if side is not None]
    if any(side.private is not None or side.port in PORTS for side in sides):
        return True
    return False if connection.established and any(side.port for side in sides) else None


def claimed_at_last(connection: Connection) -> bool:
    """Return whether what has waited to the end is RPC-over-RDMA after all."""
    return bool(connection.doubtful) and not connection.others and named(connection) is None
