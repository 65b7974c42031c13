"""The short way: READ, WRITE and GETATTR of an open file, by one function.

It makes the call that ``compound`` and ``session`` would make, octet for octet, while the session
is usable and a slot is free, and knows the reply that servers usually send: all three operations
have succeeded, in the slot that was asked. Any other outcome it hands on as it is (:class:`Begun`):
:meth:`.session.Session.call` takes up the call where it is, in its slot, and does the rest.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from nfsrdma.rpcrdma.rpc.channel import CallRefused, Channel, TransportError
from nfsrdma.rpcrdma.rpc.message import RpcError
from nfsrdma.rpcrdma.task import Cancelled, Future
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t

from .attributes import STAT, STAT_ROOM, Stat, decode_stat
from .compound import (
    INLINE,
    INLINE_MAX,
    READ_ARGUMENTS,
    REPLY_ROOM,
    STAMP,
    WRITE_ARGUMENTS,
    Header,
)
from .errors import ProtocolError, Where, name_file
from .results import ReadResult, decode_read, decode_write
from .slots import SlotTable

if TYPE_CHECKING:
    from .opens import Open
    from .session import Session

T = TypeVar("T")

_OPERATIONS: Final = 3
_STAT: Final = struct.pack(">I", t.OP_GETATTR) + STAT
_XID: Final = struct.Struct(">I")
_REPLY: Final = struct.Struct(">11I16s9I")
"""A reply up to the third result's status: see :func:`_succeeded`."""
_ROOM: Final = REPLY_ROOM + 8
# REPLY, accepted, AUTH_NONE, no verifier, SUCCESS; NFS4_OK, no tag, the results; SEQUENCE, NFS4_OK
_WELL: Final = (1, 0, 0, 0, 0, 0, 0, _OPERATIONS, t.OP_SEQUENCE, 0)


class Begun:
    """A call that was sent in a slot; ``reply`` is done, with a reply or with an error."""

    __slots__ = ("channel", "reply", "sent_at", "seqid", "slot", "slots", "xid")

    def __init__(
        self,
        channel: Channel,
        slots: SlotTable,
        slot: int,
        xid: int,
        sent_at: float,
        reply: Future[Decoder],
    ) -> None:
        self.channel = channel
        self.slots = slots
        self.slot = slot
        self.seqid = slots.seqids[slot]
        self.xid = xid
        self.sent_at = sent_at
        self.reply = reply


class Quick:
    """The short way into a session, with the credentials of ``header``."""

    __slots__ = ("_header", "_session")

    def __init__(self, session: Session, header: Header) -> None:
        self._session = session
        self._header = header

    # What they return is the result, or a call to be taken up, or None: there is no usable session,
    # or no free slot. All raise :class:`~.errors.ProtocolError`.

    def read(
        self, opened: Open, stateid: bytes, offset: int, sink: memoryview, where: Where
    ) -> Coroutine[Any, Any, ReadResult | Begun | None]:
        """Read as ``Compound.read`` does."""
        size = len(sink)
        arguments = READ_ARGUMENTS.pack(t.OP_READ, stateid, offset, size)
        if size > INLINE_MAX:
            return self._call("READ", where, opened, t.OP_READ, arguments, 16, decode_read, (sink,))
        sinks = (INLINE,)
        return self._call(
            "READ", where, opened, t.OP_READ, arguments, 20 + size, decode_read, sinks
        )

    def write(
        self, opened: Open, stateid: bytes, offset: int, data: memoryview, where: Where
    ) -> Coroutine[Any, Any, t.WRITE4resok | Begun | None]:
        """Write as ``Compound.write`` does, without making it durable."""
        arguments = WRITE_ARGUMENTS.pack(t.OP_WRITE, stateid, offset, t.UNSTABLE4)
        return self._call("WRITE", where, opened, t.OP_WRITE, arguments, 24, decode_write, (), data)

    def getattr(self, opened: Open, where: Where) -> Coroutine[Any, Any, Stat | Begun | None]:
        """Get attributes as ``Compound.stat`` does."""
        return self._call("GETATTR", where, opened, t.OP_GETATTR, _STAT, 8 + STAT_ROOM, decode_stat)

    async def _call(
        self,
        name: str,
        where: Where,
        opened: Open,
        op: int,
        arguments: bytes,
        room: int,
        decode: Callable[[Decoder], T],
        sinks: Sequence[memoryview] = (),
        payload: memoryview | None = None,
    ) -> T | Begun | None:
        """Call SEQUENCE, PUTFH of an open file, and ``op``; return its result.

        ``arguments`` begin with the operation's number, and end before ``payload`` if there is one.
        ``name``, ``room`` and ``sinks`` are those of a ``Compound``; errors are about ``where()``.
        """
        session = self._session
        slots, channel = session.slots, session.channel
        if slots is None or channel is None or session.gate is not None:
            return None
        slot = slots.try_acquire()
        if slot < 0:
            return None
        if session.lanes:
            channel = session.carrier(channel, slot)
        sent_at = session.reactor.time()
        xid = session.rpc.allocate_xid()
        seqid = slots.seqids[slot]
        encoder = Encoder()
        buffer = encoder.buffer
        buffer += self._header.octets
        buffer += STAMP.pack(
            *(_OPERATIONS, t.OP_SEQUENCE, session.session_id, seqid, slot, slots.highest_busy, 0)
        )
        buffer += opened.putfh
        buffer += arguments
        _XID.pack_into(buffer, 0, xid)
        if payload is not None:
            encoder.payload(payload)
        reply = channel.call(encoder, max_reply=_ROOM + room, sinks=sinks)
        try:
            decoder = await reply
            start = decoder.offset
            head = decoder.unpack(_REPLY)
        except Cancelled:
            await session.leave(sinks, slots, slot, reply)
            raise
        except (TransportError, CallRefused, XdrError, RpcError):
            # What was not read to its end is where it was.
            return Begun(channel, slots, slot, xid, sent_at, reply)
        if slots is not session.slots or not _succeeded(head, session.session_id, seqid, slot, op):
            decoder.offset = start
            return Begun(channel, slots, slot, xid, sent_at, reply)
        session.heard_at = now = session.reactor.time()
        session.renewed_at = sent_at
        session.executed(slots, slot, head[15], head[16])
        try:
            return decode(decoder)
        except XdrError as error:
            broken = ProtocolError(f"{name}: {error}")
            name_file(broken, where)
            raise broken from error
        finally:
            session.stats.of(name).record(now - sent_at, encoder.tell(), decoder.tell(), False)


def _succeeded(head: tuple[Any, ...], session_id: bytes, seqid: int, slot: int, op: int) -> bool:
    """Return whether a reply says that all was executed, in this slot."""
    return (
        head[1:11] == _WELL
        and head[11:14] == (session_id, seqid, slot)
        and head[17:] == (t.OP_PUTFH, 0, op, 0)
    )
