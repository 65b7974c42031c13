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

from nfsrdma.rpcrdma.rpc.channel import (
    Answer,
    CallRefused,
    Channel,
    Swift,
    TransportError,
    swift_of,
)
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
_PADS: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
_STAT: Final = struct.pack(">I", t.OP_GETATTR) + STAT
_XID: Final = struct.Struct(">I")
_WORD: Final = 4
_STRETCH_S: Final = 0.001
"""Seconds for which calls may be made without a turn of the reactor between them: so many times as
the reactor has ``patience``, if it says."""
_SLOW: Final = 3
"""Calls that go the usual way after one for which it did not pay to wait."""
_REPLY: Final = struct.Struct(">11I16s9I")
"""A reply up to the third result's status: see :func:`heed_in_python`."""
_ROOM: Final = REPLY_ROOM + 8
# REPLY, accepted, AUTH_NONE, no verifier, SUCCESS; NFS4_OK, no tag, the results; SEQUENCE, NFS4_OK
_WELL: Final = (1, 0, 0, 0, 0, 0, 0, _OPERATIONS, t.OP_SEQUENCE, 0)


_HEEDED: Final = struct.Struct(">72x2I")
"""Of :data:`_REPLY`: what SEQUENCE says besides, the target of slots and the flags."""
_HEAD_MASK: Final = _REPLY.pack(
    *(0xFFFFFFFF,) * 11, b"\xff" * 16, *(0xFFFFFFFF,) * 2, 0, 0, 0, *(0xFFFFFFFF,) * 4
)
_DATA: Final = struct.Struct(">2I")
"""The end of file, and how long the data is."""

_UNANSWERED: Final = (TransportError, CallRefused, XdrError, RpcError)
"""What a reply comes to, if not to a message."""

_NULL: Final = struct.pack(">5I", *_WELL[:5])
"""A reply without results, behind its XID."""
_NULL_MASK: Final = b"\xff" * (_WORD + len(_NULL))


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


class Sent:
    """A call that is under way; ``reply`` is done once :meth:`Quick.ended` can say how it ended."""

    __slots__ = ("asked", "channel", "reply", "stateid")

    def __init__(self, asked: Asked, channel: Channel, reply: Future[Decoder]) -> None:
        self.asked = asked
        self.channel = channel
        self.reply = reply
        self.stateid = b""
        """The one in the call, where the open may have another by the time of the reply."""


class Kind:
    """One of the operations: how it is called, and what its result is.

    ``room`` is for the result's octets, data apart. ``behind`` of them are between the status of
    the operation and its data, if it reads.
    """

    __slots__ = ("behind", "decode", "mask", "name", "op", "room", "well")

    def __init__(
        self, name: str, op: int, room: int, decode: Callable[[Decoder], Any], behind: int = 0
    ) -> None:
        self.name = name
        self.op = op
        self.room = _ROOM + room
        self.decode = decode
        self.behind = bytes(behind)
        self.mask = _HEAD_MASK + self.behind
        self.well = t.OP_PUTFH, 0, op, 0
        """What a reply has before the operation's own result, if that succeeded."""


_READ: Final = Kind("READ", t.OP_READ, 16, decode_read, _DATA.size)
_WRITE: Final = Kind("WRITE", t.OP_WRITE, 24, decode_write)
_GETATTR: Final = Kind("GETATTR", t.OP_GETATTR, 8 + STAT_ROOM, decode_stat)


class Asked:
    """A call in its slot, as it is sent: ``pieces`` are its octets."""

    __slots__ = ("kind", "octets", "pieces", "sent_at", "seqid", "slot", "slots", "where", "xid")

    def __init__(
        self,
        kind: Kind,
        where: Where,
        slots: SlotTable,
        slot: int,
        xid: int,
        sent_at: float,
        octets: bytes,
    ) -> None:
        self.kind = kind
        self.where = where
        self.slots = slots
        self.slot = slot
        self.seqid = slots.seqids[slot]
        self.xid = xid
        self.sent_at = sent_at
        self.pieces: tuple[Any, ...] = (octets,)
        self.octets = len(octets)
        """How many octets it has."""


def ask_in_python(
    session: Session, kind: Kind, where: Where, header: bytes, putfh: bytes, arguments: bytes
) -> Asked | None:
    """Take a slot, and make the octets of a call in it: XID, ``header``, and the operations.

    ``putfh`` and ``arguments`` are the last two. Returns None if there is no usable session, or no
    free slot.
    """
    slots = session.slots
    if slots is None or session.channel is None or session.gate is not None:
        return None
    slot = slots.try_acquire()
    if slot < 0:
        return None
    sent_at = session.reactor.time()
    xid = session.rpc.allocate_xid()
    stamp = STAMP.pack(
        *(_OPERATIONS, t.OP_SEQUENCE, session.session_id),
        *(slots.seqids[slot], slot, slots.highest_busy, 0),
    )
    octets = b"".join((_XID.pack(xid), header, stamp, putfh, arguments))
    return Asked(kind, where, slots, slot, xid, sent_at, octets)


def heed_in_python(session: Session, asked: Asked, decoder: Decoder) -> float | None:
    """Heed a reply that says that all was executed, in the slot that was asked.

    Its decoder is left at the operation's own result. Returns the time; None for any other reply,
    which is left as it is.
    """
    start, slots, slot = decoder.offset, asked.slots, asked.slot
    try:
        head = decoder.unpack(_REPLY)
    except XdrError:
        return None  # What was not read to its end is where it was.
    if (
        slots is not session.slots
        or head[1:11] != _WELL
        or head[11:14] != (session.session_id, asked.seqid, slot)
        or head[17:] != asked.kind.well
    ):
        decoder.offset = start
        return None
    session.heard_at = now = session.reactor.time()
    session.renewed_at = asked.sent_at
    session.executed(slots, slot, head[15], head[16])
    return now


def answer_in_python(session: Session, asked: Asked) -> bytes:
    """Return what the reply begins with if all goes well."""
    octets = _REPLY.pack(
        *(asked.xid, *_WELL, session.session_id, asked.seqid, asked.slot, 0, 0, 0),
        *(t.OP_PUTFH, 0, asked.kind.op, 0),
    )
    return octets + asked.kind.behind


def took_in_python(session: Session, asked: Asked, reply: bytes) -> float:
    """Note a reply that begins as was expected; return the time."""
    session.heard_at = now = session.reactor.time()
    session.renewed_at = asked.sent_at
    session.executed(asked.slots, asked.slot, *_HEEDED.unpack_from(reply))
    return now


def count_in_python(session: Session, asked: Asked, now: float, received: int) -> None:
    """Count a call that did not fail, and whose reply of so many octets was there at ``now``."""
    record = session.stats.of(asked.kind.name).record
    record(now - asked.sent_at, asked.octets, received, False)


try:
    from ._quick import answer, ask, count, heed, took

    native = True
except ImportError:
    answer, count, took = answer_in_python, count_in_python, took_in_python
    ask, heed = ask_in_python, heed_in_python

    native = False


class Quick:
    """The short way into a session, with the credentials of ``header``."""

    __slots__ = ("_header", "_patience", "_session", "_slow", "_turn_by")

    def __init__(self, session: Session, header: Header) -> None:
        self._session = session
        self._header = header.octets[_WORD:]
        self._patience = getattr(session.reactor, "patience", 1)
        self._turn_by = 0.0
        """When the reactor is to have a turn, by its time: then a call waits for one."""
        self._slow = 0
        """For so many calls waiting does not pay: none is made without a turn."""

    def several(self) -> None:
        """Send the next call without waiting for it: others follow at once."""
        self._turn_by = 0.0

    # What they return is the result, or a call to be taken up, or None: there is no usable session,
    # or no free slot. All raise :class:`~.errors.ProtocolError`.

    def read(
        self, opened: Open, stateid: bytes, offset: int, sink: memoryview, where: Where
    ) -> Coroutine[Any, Any, ReadResult | Begun | None]:
        """Read as ``Compound.read`` does."""
        arguments = READ_ARGUMENTS.pack(t.OP_READ, stateid, offset, len(sink))
        return self._call(_READ, where, opened, arguments, sink)

    def begin_read(
        self, opened: Open, stateid: bytes, offset: int, sink: memoryview, where: Where
    ) -> ReadResult | Sent | None:
        """Begin what :meth:`read` does; it ends once the reply is done (:meth:`ended`)."""
        arguments = READ_ARGUMENTS.pack(t.OP_READ, stateid, offset, len(sink))
        sent: ReadResult | Sent | None = self._begin(_READ, where, opened, arguments, sink)
        if isinstance(sent, Sent):
            sent.stateid = stateid
        return sent

    def write(
        self, opened: Open, stateid: bytes, offset: int, data: memoryview, where: Where
    ) -> Coroutine[Any, Any, t.WRITE4resok | Begun | None]:
        """Write as ``Compound.write`` does, without making it durable."""
        arguments = WRITE_ARGUMENTS.pack(t.OP_WRITE, stateid, offset, t.UNSTABLE4)
        return self._call(_WRITE, where, opened, arguments, None, data)

    def getattr(self, opened: Open, where: Where) -> Coroutine[Any, Any, Stat | Begun | None]:
        """Get attributes as ``Compound.stat`` does."""
        return self._call(_GETATTR, where, opened, _STAT)

    def null(self, channel: Channel, message: bytes, room: int) -> Future[Decoder]:
        """Make a NULL call, for whose reply there is ``room``; return what the channel would.

        ``message`` is what comes behind its XID.
        """
        session = self._session
        number = session.rpc.allocate_xid()
        xid = _XID.pack(number)
        octets = xid + message
        swift = swift_of(channel)
        reply: bytes | Future[Decoder] | None = None
        if swift is not None:
            now = session.reactor.time()
            if now < self._turn_by:
                answer = Answer(xid + _NULL, _NULL_MASK)
                reply = swift(number, (octets,), room, answer, None)
            else:
                self._turn_by = now + _STRETCH_S * self._patience
            if reply is None:
                reply = swift.post(number, (octets,), room)
        if reply is None:
            encoder = Encoder()
            encoder.buffer += octets
            return channel.call(encoder, max_reply=room)
        if isinstance(reply, bytes):
            future: Future[Decoder] = Future()
            future.set_result(Decoder(reply))
            return future
        return reply

    async def _call(
        self,
        kind: Kind,
        where: Where,
        opened: Open,
        arguments: bytes,
        sink: memoryview | None = None,
        payload: memoryview | None = None,
    ) -> Any:
        """Call SEQUENCE, PUTFH of an open file, and an operation; return its result.

        ``arguments`` begin with the operation's number, and end before ``payload`` if there is one.
        What is read goes to ``sink``; errors are about ``where()``.
        """
        sent = self._begin(kind, where, opened, arguments, sink, payload)
        if not isinstance(sent, Sent):
            return sent
        try:
            await sent.reply
        except Cancelled:
            asked, sinks = sent.asked, () if sink is None else (sink,)
            await self._session.leave(sinks, asked.slots, asked.slot, sent.reply)
            raise
        except _UNANSWERED:
            pass  # as it says again
        return self.ended(sent)

    def _begin(
        self,
        kind: Kind,
        where: Where,
        opened: Open,
        arguments: bytes,
        sink: memoryview | None = None,
        payload: memoryview | None = None,
    ) -> Any:
        """Send what :meth:`_call` calls, and return it, or the result if that is there already."""
        session = self._session
        asked = ask(session, kind, where, self._header, opened.putfh, arguments)
        channel = session.channel
        if asked is None or channel is None:
            return None
        slot, xid, octets = asked.slot, asked.xid, asked.pieces[0]
        if session.lanes:
            channel = session.carrier(channel, slot)
        if payload is not None:
            size = len(payload)
            asked.pieces = octets + _XID.pack(size), payload, _PADS[size & 3]
            asked.octets = sum(map(len, asked.pieces))
        reply: Future[Decoder] | None = None
        swift: Swift | None = getattr(channel, "swift", None)  # as swift_of, without its call
        if swift is not None:
            # With others in flight answers come in batches, which a turn takes.
            if not slot and asked.sent_at < self._turn_by and not session.holding:
                expected = Answer(answer(session, asked), kind.mask)
                found = swift(xid, asked.pieces, kind.room, expected, sink)
                if isinstance(found, bytes):
                    return self._take(asked, found, sink)
                reply = found
                if reply is None:
                    self._slow, self._turn_by = _SLOW, 0.0
            if reply is None:
                room = kind.room
                if sink is not None:
                    room += _WORD + (len(sink) + 3 & ~3)
                reply = swift.post(xid, asked.pieces, room)
        if reply is None:
            reply = self._send(channel, asked, octets, sink, payload)
        return Sent(asked, channel, reply)

    def ended(self, sent: Sent) -> Any:
        """Return the result of a call whose reply is done, or the call to be taken up.

        Raises :class:`~.errors.ProtocolError`.
        """
        session, asked = self._session, sent.asked
        try:
            decoder = sent.reply.result()
        except _UNANSWERED:
            return self._begun(sent)
        now = heed(session, asked, decoder)
        if now is None:
            return self._begun(sent)
        if self._slow:
            self._slow -= 1
        else:
            self._turn_by = now + _STRETCH_S * self._patience
        kind = asked.kind
        try:
            return kind.decode(decoder)
        except XdrError as error:
            raise self._broken(asked, error) from error
        finally:
            count(session, asked, now, decoder.tell())

    @staticmethod
    def _begun(sent: Sent) -> Begun:
        asked = sent.asked
        return Begun(sent.channel, asked.slots, asked.slot, asked.xid, asked.sent_at, sent.reply)

    def _take(self, asked: Asked, reply: bytes, sink: memoryview | None) -> Any:
        """Take a reply that is what was expected; its data is in the sink."""
        session, kind = self._session, asked.kind
        now = took(session, asked, reply)
        size = len(reply)
        try:
            if sink is not None:
                eof, length = _DATA.unpack_from(reply, _REPLY.size)
                size += length + 3 & ~3
                if eof > 1:
                    raise XdrError(f"{eof} is no boolean")
                return ReadResult(bool(eof), sink if length == len(sink) else sink[:length])
            decoder = Decoder(reply)
            decoder.offset = _REPLY.size
            try:
                return kind.decode(decoder)
            finally:
                size = decoder.tell()
        except XdrError as error:
            raise self._broken(asked, error) from error
        finally:
            count(session, asked, now, size)

    def _send(
        self,
        channel: Channel,
        asked: Asked,
        octets: bytes,
        sink: memoryview | None,
        payload: memoryview | None,
    ) -> Future[Decoder]:
        """Send a call the usual way."""
        encoder = Encoder()
        encoder.buffer += octets
        room = asked.kind.room
        sinks: Sequence[memoryview] = ()
        if payload is not None:
            encoder.payload(payload)
        elif sink is not None and len(sink) > INLINE_MAX:
            sinks = (sink,)
        elif sink is not None:
            sinks = (INLINE,)
            room += _WORD + len(sink)
        return channel.call(encoder, max_reply=room, sinks=sinks)

    @staticmethod
    def _broken(asked: Asked, error: XdrError) -> ProtocolError:
        """Return the error for a result that cannot be decoded."""
        broken = ProtocolError(f"{asked.kind.name}: {error}")
        name_file(broken, asked.where)
        return broken
