"""The reply to one COMPOUND: its octets, and what still fits.

Three limits hold: that of the session for a reply as a whole, that of the slot's cache if the reply
is to be kept, and what the transport can carry (an RDMA client offers its chunks with the call).
An operation that changes something has its room checked before it is executed, every other one
when its result is there. The contents of a READ may go elsewhere than the rest: into a Write chunk.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import Final

from nfsrdma.rpcrdma.rpc.buffers import BufferPool
from nfsrdma.rpcrdma.rpc.program import Call
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

RESULT: Final = struct.Struct(">II")
"""How a result begins: the number of the operation, and its status."""

MAX_TAG: Final = 1024
"""Octets of a tag that are sent back."""
_RESULT_SIZE: Final = RESULT.size
_DATA_HEAD: Final = 16
"""Octets before a READ's data: the operation, its status, the end-of-file word, the length."""
_SHORT_DATA: Final = 1024
"""Octets of a result that are copied into a reply without chunks."""
_NO_TAG: Final = bytes(12)
"""The status, an empty tag, and the number of results."""
_EMPTY: Final = bytes(4)
_WORD: Final = struct.Struct(">I")
_UNLIMITED: Final = 1 << 62


class Refused(Exception):
    """The transport has no room for the reply, and nothing was changed yet."""


class Reply:
    """The reply to one COMPOUND, as far as it is written.

    ``more`` says whether another operation follows the one that is executed, whose number and
    status need room as well; ``mutated`` whether anything was changed so far.
    """

    __slots__ = (
        "_buffers",
        "_cached_limit",
        "_call",
        "_charged",
        "_count_at",
        "_data_results",
        "_inline_data",
        "_limit",
        "_payload_room",
        "_pool",
        "_start",
        "_transport_room",
        "ample",
        "buffer",
        "cached",
        "encoder",
        "more",
        "mutated",
        "out_of_line",
    )

    def __init__(self, call: Call, pool: BufferPool, tag: bytes = b"") -> None:
        self._call = call
        self._pool = pool
        self.encoder: Encoder = call.start_reply()
        self.buffer: bytearray = self.encoder.buffer
        """What is written, contents that are kept out of line excepted."""
        self.out_of_line = 0
        """Octets of those contents, with their pads."""
        self._start = len(self.buffer)
        if tag:
            self.buffer += _EMPTY
            self.encoder.opaque(tag[:MAX_TAG])
            self.buffer += _EMPTY
        else:
            self.buffer += _NO_TAG
        self._count_at = len(self.buffer) - 4
        self.more = True
        self.mutated = False
        self.cached = False
        """Whether the client asked for the reply to be kept."""
        self.ample = 0
        """Up to so many octets, those out of line included, fit whatever limit there is, and
        another result behind them."""
        self._transport_room = call.reply_room
        self._payload_room = call.payload_room
        self._limit: int | None = None
        self._cached_limit = 0
        self._data_results = 0
        """Results so far that could have been placed by RDMA."""
        self._inline_data = 0
        """Octets of such results that travel inline all the same."""
        self._buffers: list[bytearray] = []
        self._charged = 0
        """Octets of the buffers that are charged to the peer."""

    # --- What fits ---

    def limit(self, fore: nfs.channel_attrs4 | None, cached: bool = False) -> None:
        """Hold the reply to a session's limits, or to none after all."""
        if fore is None:
            self._limit, self.cached, self.ample = None, False, 0
            return
        limit: int = fore.ca_maxresponsesize
        self.cached, self._limit = cached, limit
        if cached:
            self._cached_limit = fore.ca_maxresponsesize_cached
            limit = min(limit, self._cached_limit)
        self.ample = min(self._transport_room, limit) - _RESULT_SIZE

    def _session_room(self) -> int:
        """Return the octets that the session's limits leave: a great many without a session."""
        limit = self._limit
        if limit is None:
            return _UNLIMITED
        if self.cached:
            limit = min(limit, self._cached_limit)
        return limit - len(self.buffer) - self.out_of_line

    def room(self) -> int:
        """Return the octets that may follow the status of this result."""
        room = self._transport_room - len(self.buffer) - self._inline_data
        return min(room, self._session_room()) - (_RESULT_SIZE if self.more else 0)

    def check(self, size: int) -> None:
        """Raise unless ``size`` octets can follow what is written.

        ``NfsError`` with REP_TOO_BIG or REP_TOO_BIG_TO_CACHE for the session's limits.
        ``Refused`` for the transport's, if nothing was changed yet.
        """
        total = len(self.buffer) + self.out_of_line + size
        if total <= self.ample:
            return
        after = _RESULT_SIZE if self.more else 0
        if self._limit is not None:
            if total + after > self._limit:
                raise NfsError(nfs.NFS4ERR_REP_TOO_BIG)
            if self.cached and total + after > self._cached_limit:
                raise NfsError(nfs.NFS4ERR_REP_TOO_BIG_TO_CACHE)
        if len(self.buffer) + self._inline_data + size + after > self._transport_room:
            if self.mutated:
                raise NfsError(nfs.NFS4ERR_REP_TOO_BIG)
            raise Refused

    # --- DDP-eligible contents ---

    def data_room(self) -> tuple[int, bool]:
        """Return the octets that a DDP-eligible result may have, and whether it will be placed.

        What is placed, in a Write chunk, takes no inline room.
        """
        rooms = self._payload_room
        index = self._data_results
        if index < len(rooms) and rooms[index]:
            return max(0, min(rooms[index], self._session_room() - _DATA_HEAD)), True
        return max(0, self.room() - _DATA_HEAD) & ~3, False

    def data_target(self, size: int) -> memoryview | None:
        """Return memory of the caller for a result that will be placed, if it can be had."""
        return self._call.payload_target(self._data_results, size) if size else None

    def acquire(self, size: int) -> memoryview:
        """Return memory for ``size`` octets of a result, until the reply is sent.

        DELAY if there is none. A transport serves no call to a peer that holds its share of what
        all may hold, so what one call takes is no matter; but see :meth:`charge`.
        """
        try:
            buffer = self._pool.acquire(size)
        except MemoryError:
            raise NfsError(nfs.NFS4ERR_DELAY) from None
        self._buffers.append(buffer)
        return memoryview(buffer)[:size]

    def append_data(self, data: memoryview, placed: bool) -> None:
        """Append a DDP-eligible result, having asked :meth:`data_room`."""
        self._data_results += 1
        if not placed and len(data) <= _SHORT_DATA and not self._payload_room:
            # There is no chunk for it: a copy takes less than to remember where it is.
            self.encoder.opaque(data)
            return
        self.encoder.payload(data)
        octets = len(data) + 3 & ~3
        self.out_of_line += octets
        if not placed:
            self._inline_data += octets

    # --- While the call waits ---

    def charge(self) -> None:
        """Charge the buffers to the peer: its call waits for something, and others are served."""
        if self._buffers:
            self._charged = sum(map(len, self._buffers))
            self._call.channel.account.charge(self._charged)

    def discharge(self) -> None:
        """Charge the peer no more: its call goes on."""
        if self._charged:
            self._call.channel.account.charge(-self._charged)
            self._charged = 0

    # --- The whole ---

    @property
    def size(self) -> int:
        """Octets of ``COMPOUND4res`` so far, contents out of line excepted."""
        return len(self.buffer) - self._start

    def repeat(self, octets: bytes) -> None:
        """Make ``octets`` the whole of ``COMPOUND4res``."""
        del self.buffer[self._start :]
        self.buffer += octets

    def conclude(self, status: int, results: int) -> None:
        """Write the status of the compound, and how many results there are."""
        _WORD.pack_into(self.buffer, self._start, status)
        _WORD.pack_into(self.buffer, self._count_at, results)

    def octets(self) -> bytes:
        """Return ``COMPOUND4res`` in one piece: a copy."""
        return self.encoder.to_bytes()[self._start :]

    def roll_back(self, mark: int) -> None:
        """Take back what was appended since ``buffer`` had ``mark`` octets."""
        self.encoder.truncate(mark)
        self.out_of_line = self.encoder.tell() - len(self.buffer)

    def send(self) -> None:
        """Answer the call. The buffers go back when their contents are sent."""
        if self._buffers:
            self._call.reply(self.encoder, partial(_release, self._buffers, self._pool))
        else:
            self._call.reply(self.encoder)

    def release(self) -> None:
        """Give the buffers back: nothing will be sent."""
        _release(self._buffers, self._pool)


def _release(buffers: list[bytearray], pool: BufferPool) -> None:
    for buffer in buffers:
        pool.release(buffer)
    buffers.clear()
