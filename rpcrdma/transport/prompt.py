"""Calls that are answered before they complete a receive, by a lane (``rpc.channel.Lane``).

The reply is made where the peer reads it, and what is read or written is in the peer's own memory
where that is mapped. Any call that is not answered here is received as ever, and nothing has
happened: it is declined at the slightest doubt. What is counted, and the octets, are those of
``responder`` and ``call``.
"""

from __future__ import annotations

from typing import Final

from nfsrdma.xdr.rpc import CALL

from ..verbs.types import Access, SendWR, WrOpcode
from .backchannel import XID_AND_DIRECTION
from .endpoint import RpcRdmaEndpoint
from .fetch import Fetch
from .header import (
    ONE_CHUNK_SIZE,
    ONE_READ,
    ONE_WRITE,
    RDMA_MSG,
    SHORT,
    SHORT_HEADER_SIZE,
    VERSION,
)
from .responder import RpcRdmaResponder

_REMOTE_READ: Final = int(Access.REMOTE_READ)
_REMOTE_WRITE: Final = int(Access.REMOTE_WRITE)
_WRITE_LIST: Final = (RDMA_MSG, 0, 1, 1)
_SHORT: Final = 1024
"""Octets of a reply, header included, up to which it is made elsewhere and then copied."""
_LONGEST_HEAD: Final = ONE_CHUNK_SIZE + XID_AND_DIRECTION.size
_NOTHING: Final = memoryview(b"")
_WRITE: Final = int(WrOpcode.RDMA_WRITE)


class PromptCalls:
    """The calls of one connection that a lane may answer; without ``chunks`` those inline only."""

    __slots__ = (
        "_begun",
        "_chunks",
        "_endpoint",
        "_head",
        "_mapped",
        "_offered",
        "_responder",
        "_scratch",
        "_stats",
        "_taken",
    )

    def __init__(
        self, endpoint: RpcRdmaEndpoint, responder: RpcRdmaResponder, *, chunks: bool
    ) -> None:
        self._endpoint = endpoint
        self._responder = responder
        self._stats = endpoint.stats
        self._chunks = chunks
        self._taken = _NOTHING
        self._scratch = memoryview(bytearray(_SHORT))
        self._begun = False
        self._head = SHORT_HEADER_SIZE
        self._offered = 0, 0, 0
        """The peer's memory: its R_key, its octets, and where it begins."""
        self._mapped = 0
        """So many octets of it are mapped here."""

    def call(self, xid: int, message: memoryview) -> bool:
        """Answer a call without any chunk, if that can be."""
        responder = self._responder
        lane = responder.lane
        if lane is None or not responder.may_answer:
            return False
        self._head = SHORT_HEADER_SIZE
        room = self._endpoint.send_threshold - SHORT_HEADER_SIZE
        octets = lane(responder.channel, message, room, self._take_short)
        taken, self._taken = self._taken, _NOTHING
        if not octets:
            responder.declined = xid
            return False
        if self._begun:
            self._answer_short(xid, taken, 0)
            return True
        endpoint, stats = self._endpoint, self._stats
        grant = responder.grant.offered
        SHORT.pack_into(taken, 0, xid, VERSION, grant, RDMA_MSG, 0, 0, 0)
        stats.calls_received += 1
        stats.replies_sent += 1
        prompting = endpoint.prompting
        if prompting is not None and endpoint.send_queue.ready and prompting.put((taken,)):
            stats.bytes_inline_sent += len(taken)
        else:
            endpoint.send(bytes(taken))
        return True

    def call_with_chunk(self, view: memoryview) -> bool:
        """Answer a call with one chunk of one segment, of either list, if that can be."""
        responder, endpoint = self._responder, self._endpoint
        if (
            not self._chunks
            or responder.lane is None
            or len(view) < _LONGEST_HEAD
            or not responder.may_answer
        ):
            return False
        xid = ONE_WRITE.unpack_from(view)[0]
        if XID_AND_DIRECTION.unpack_from(view, ONE_CHUNK_SIZE) != (xid, CALL):
            return False
        words = ONE_WRITE.unpack_from(view)
        if words[3:7] == _WRITE_LIST and words[10:] == (0, 0):
            self._offered = words[7], words[8], words[9]
            if endpoint.mapping is None:
                return self._write(xid, view[ONE_CHUNK_SIZE:])
            return self._place(xid, view[ONE_CHUNK_SIZE:])
        if endpoint.mapping is None:
            return False  # it has to be fetched
        words = ONE_READ.unpack_from(view)
        # The one chunk is behind all that is inline.
        if words[4] != 1 or words[5] != len(view) - ONE_CHUNK_SIZE or words[9:] != (0, 0, 0):
            return False
        self._offered = words[6], words[7], words[8]
        return self._see(xid, view[ONE_CHUNK_SIZE:])

    def _place(self, xid: int, message: memoryview) -> bool:
        """Answer a call whose result goes to the caller's memory."""
        responder, endpoint, stats = self._responder, self._endpoint, self._stats
        lane, prompting = responder.lane, endpoint.prompting
        assert lane is not None
        self._head = ONE_CHUNK_SIZE
        room = endpoint.send_threshold - ONE_CHUNK_SIZE
        octets = lane(responder.channel, message, room, self._take, self._map_result)
        taken, self._taken = self._taken, _NOTHING
        rkey, _, address = self._offered
        placed = self._unmap(rkey)
        if not octets or not self._begun or prompting is None:
            return False
        prompting.place(rkey, address, placed)
        ONE_WRITE.pack_into(
            *(taken, 0, xid, VERSION, responder.grant.offered, *_WRITE_LIST),
            *(rkey, placed, address, 0, 0),
        )
        stats.rdma_writes += 1
        stats.bytes_written += placed
        self._send(taken, rkey)
        return True

    def _write(self, xid: int, message: memoryview) -> bool:
        """Answer a call whose result goes to the caller's memory by an RDMA WRITE."""
        responder, endpoint, stats = self._responder, self._endpoint, self._stats
        lane = responder.lane
        assert lane is not None
        rkey, length, address = self._offered
        lent = Fetch(None, _NOTHING, ())
        placed: list[memoryview] = []

        def place(octets: int) -> memoryview | None:
            if not 0 < octets <= min(length, endpoint.limits.max_message):
                return None
            memory = responder.lend(lent, octets)
            if memory is not None:
                placed.append(memory)
            return memory

        room = endpoint.send_threshold - ONE_CHUNK_SIZE
        octets = lane(responder.channel, message, room, self._take_apart, place)
        taken, self._taken = self._taken, _NOTHING
        if not octets or not placed:
            responder.release(lent)
            responder.declined = xid
            return False
        (data,) = placed
        ONE_WRITE.pack_into(
            *(taken, 0, xid, VERSION, responder.grant.offered, *_WRITE_LIST),
            *(rkey, len(data), address, 0, 0),
        )
        stats.calls_received += 1
        stats.replies_sent += 1
        stats.rdma_writes += 1
        stats.bytes_written += len(data)
        post = endpoint.send_queue.post
        post(SendWR(_WRITE, (data,), remote_address=address, rkey=rkey))
        key = rkey if endpoint.may_invalidate else None
        endpoint.send(taken, rkey=key, done=lambda: responder.release(lent))
        return True

    def _take_apart(self, octets: int) -> memoryview:
        """Return memory for a reply behind a header with one chunk."""
        self._taken = memoryview(bytearray(ONE_CHUNK_SIZE + octets))
        return self._taken[ONE_CHUNK_SIZE:]

    def _see(self, xid: int, message: memoryview) -> bool:
        """Answer a call whose argument is in the caller's memory."""
        responder, endpoint = self._responder, self._endpoint
        lane, mapping = responder.lane, endpoint.mapping
        assert lane is not None
        assert mapping is not None
        rkey, length, address = self._offered
        if not length or length > endpoint.options.max_call:
            return False
        data = mapping.map_remote(rkey, address, length, _REMOTE_READ)
        if data is None:
            return False
        self._mapped = length
        self._head = SHORT_HEADER_SIZE
        room = endpoint.send_threshold - SHORT_HEADER_SIZE
        octets = lane(responder.channel, message, room, self._take, None, data)
        taken, self._taken = self._taken, _NOTHING
        self._unmap(rkey)
        if not octets:
            return False
        self._stats.bytes_read += length
        self._answer_short(xid, taken, rkey)
        return True

    def _map_result(self, octets: int) -> memoryview | None:
        """Return the caller's memory for a result (``rpc.channel.Place``)."""
        rkey, length, address = self._offered
        mapping = self._endpoint.mapping
        if mapping is None or not self._begun or not 0 < octets <= length:
            return None
        view = mapping.map_remote(rkey, address, octets, _REMOTE_WRITE)
        if view is not None:
            self._mapped = octets
        return view

    def _unmap(self, rkey: int) -> int:
        """Unmap what is mapped; return how much that was."""
        mapped, self._mapped = self._mapped, 0
        if mapped and self._endpoint.mapping is not None:
            self._endpoint.mapping.unmap_remote(rkey)
        return mapped

    def _take_short(self, octets: int) -> memoryview:
        """Do as :meth:`_take`; a short reply is copied, which is quicker than to begin it."""
        end = SHORT_HEADER_SIZE + octets
        if end > _SHORT:
            return self._take(octets)
        self._begun = False
        self._taken = self._scratch[:end]
        return self._scratch[SHORT_HEADER_SIZE:end]

    def _take(self, octets: int) -> memoryview:
        """Return memory for a reply behind its header (``rpc.channel.Take``)."""
        endpoint, head = self._endpoint, self._head
        view = None
        if endpoint.prompting is not None and endpoint.send_queue.ready:
            view = endpoint.prompting.begin(head + octets)
        self._begun = view is not None
        self._taken = view if view is not None else memoryview(bytearray(head + octets))
        return self._taken[head:]

    def _answer_short(self, xid: int, taken: memoryview, rkey: int) -> None:
        grant = self._responder.grant.offered
        SHORT.pack_into(taken, 0, xid, VERSION, grant, RDMA_MSG, 0, 0, 0)
        self._send(taken, rkey)

    def _send(self, taken: memoryview, rkey: int) -> None:
        """Send a reply, which may invalidate the caller's key, and count the call."""
        stats, endpoint = self._stats, self._endpoint
        stats.calls_received += 1
        stats.replies_sent += 1
        if not endpoint.may_invalidate:
            rkey = 0
        if not self._begun:
            endpoint.send(taken, rkey=rkey or None)
            return
        if endpoint.prompting is None:
            return  # the lane has ended the connection
        stats.bytes_inline_sent += len(taken)
        if rkey:
            stats.remote_invalidations_sent += 1
        endpoint.prompting.finish(rkey)
