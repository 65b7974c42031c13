"""Payload back out of a capture: what one RPC carried, or all that is known of a file's octets."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from nfsrdma.xdr.nfs3 import types as nfs3
from nfsrdma.xdr.nfs4 import types as t

from ..base.extent import ByteMap
from ..messages.body import Body, Operation
from ..messages.decoder import Placed
from ..messages.procedures import (
    NFS3,
    READ2,
    READ3,
    READDIR3,
    READDIRPLUS3,
    READLINK3,
    SYMLINK3,
    WRITE2,
    WRITE3,
)
from ..tracking.events import Events
from ..tracking.model import Exchange

Write = Callable[[int, memoryview], object]
"""Writes octets at an offset of the output."""


class Payload(NamedTuple):
    """Data that an operation carried: inline octets, or where they are."""

    operation: str
    handle: bytes
    """The file handle, or nothing where that is not known."""
    offset: int
    """In the file; 0 where that has no meaning."""
    data: memoryview | ByteMap

    @property
    def length(self) -> int:
        """How many octets it has."""
        return self.data.length if isinstance(self.data, ByteMap) else len(self.data)

    def write(self, source: memoryview, write: Write, at: int) -> int:
        """Write it at ``at``; how many octets of it are not in the capture."""
        if not isinstance(self.data, ByteMap):
            write(at, self.data)
            return 0
        for start, length, offset, _ in self.data.pieces:
            write(at + start, source[offset : offset + length])
        return self.data.length - self.data.present


def _data(value: Any) -> memoryview | ByteMap | None:
    if isinstance(value, Placed):
        return value.content
    if isinstance(value, bytes | memoryview):
        return memoryview(value)
    return None


def payloads(exchange: Exchange) -> Iterator[Payload]:
    """Give the bulk data of an RPC: READ, WRITE, READLINK, symbolic links.

    Of an RPC that has none of these the whole reply, if it came in a Reply chunk: READDIR's.
    """
    call, reply = exchange.call_body, exchange.reply_body
    named = call if call is not None else reply
    if named is None or named.callback:
        return  # a callback's operations have numbers of their own
    if call is None:
        yield from _answered(named)
    else:
        yield from _carried(call, reply)
    numbers = {op.number for op in named.operations}
    if not numbers & _DATA:
        name = "READDIR" if numbers & _LISTS else "REPLY"
        handle = b"" if call is None else _last_handle(call)
        for chunk in exchange.chunks_of("reply"):
            if chunk.used_octets:
                yield Payload(name, handle, 0, chunk.content)


def _last_handle(call: Body) -> bytes:
    """Return the last file handle that a call names."""
    handles = [op.value.object for op in call.operations if op.number == t.OP_PUTFH]
    return handles[-1] if handles else b""


def _carried(call: Body, reply: Body | None) -> Iterator[Payload]:
    """Give what the operations of a call and their results carried."""
    handle = b""
    for index, op in enumerate(call.operations):
        result = _result(reply, index, op.number)
        if op.number == t.OP_PUTFH:
            handle = op.value.object
        elif op.number in _CHANGING:
            handle = b""
        elif op.number == t.OP_GETFH and result is not None:
            handle = result.object
        elif op.number == t.OP_WRITE:
            yield from _payload("WRITE", handle, op.value.offset, op.value.data)
        elif op.number == t.OP_READ and result is not None:
            yield from _payload("READ", handle, op.value.offset, result.data)
        elif op.number == t.OP_READLINK and result is not None:
            yield from _payload("READLINK", handle, 0, result.link)
        elif op.number == t.OP_CREATE and op.value.objtype.type == t.NF4LNK:
            yield from _payload("CREATE", b"", 0, op.value.objtype.value)
        elif op.number >= NFS3:
            yield from _procedure(op, result)


def _answered(reply: Body) -> Iterator[Payload]:
    """Give what a reply carried whose call is not in the capture; its file is not known."""
    for op in reply.operations:
        result = getattr(op.value, "value", None)
        if op.number in (t.OP_READ, READ3):
            yield from _payload("READ", b"", 0, getattr(result, "data", None))
        elif op.number in (t.OP_READLINK, READLINK3):
            yield from _payload("READLINK", b"", 0, getattr(result, "link", None))


def _procedure(op: Operation, result: Any) -> Iterator[Payload]:
    """Give what a procedure of NFS version 2 or 3 carried."""
    if op.number == WRITE2:
        yield from _payload("WRITE", op.value.file, op.value.offset, op.value.data)
    elif op.number == READ2 and result is not None:
        yield from _payload("READ", op.value.file, op.value.offset, result.data)
    if op.number == WRITE3:
        yield from _payload("WRITE", op.value.file.data, op.value.offset, op.value.data)
    elif op.number == READ3 and isinstance(result, nfs3.READ3resok):
        yield from _payload("READ", op.value.file.data, op.value.offset, result.data)
    elif op.number == READLINK3 and isinstance(result, nfs3.READLINK3resok):
        yield from _payload("READLINK", op.value.symlink.data, 0, result.data)
    elif op.number == SYMLINK3:
        yield from _payload("SYMLINK", b"", 0, op.value.symlink.symlink_data)


_DATA = frozenset((t.OP_READ, t.OP_READLINK, t.OP_READ_PLUS, READ2, READ3, READLINK3))
"""Operations with results that are data: what else is in their reply is nothing to extract."""
_LISTS = frozenset((t.OP_READDIR, READDIR3, READDIRPLUS3))
_CHANGING = frozenset((t.OP_LOOKUP, t.OP_LOOKUPP, t.OP_OPEN, t.OP_CREATE, t.OP_PUTROOTFH,
                       t.OP_PUTPUBFH, t.OP_RESTOREFH, t.OP_OPENATTR))  # fmt: skip
"""Operations after which the current file handle is another one."""


def _payload(operation: str, handle: bytes, offset: int, value: Any) -> Iterator[Payload]:
    data = _data(value)
    if data is not None:
        yield Payload(operation, handle, offset, data)


def _result(body: Body | None, index: int, number: int) -> Any:
    """Return the ``resok`` of an operation that succeeded, if the reply answers it."""
    if body is None or index >= len(body.operations) or body.operations[index].number != number:
        return None
    return getattr(body.operations[index].value, "value", None)


class ExtractView:
    """Writes the payload of the RPC with a message in ``frame``, or of the file ``handle``.

    A handle is given as Wireshark's hash of it, or whole.
    """

    def __init__(
        self,
        source: Callable[[], memoryview],
        write: Write,
        frame: int = 0,
        handle: bytes | int = 0,
    ) -> None:
        self._source = source
        self._write = write
        self._frame = frame
        self._handle = handle
        self.end = 0
        """Octets of the output, with what is missing."""
        self.octets = 0
        self.missing = 0
        self.payloads = 0
        self.lost = 0
        """Octets of the RPC that are not in the capture."""

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Write what an RPC carried, if it is the one, or about the file."""
        if self._frame:
            messages = [m for m in (exchange.call, exchange.reply) if m is not None]
            if not any(m.first_frame <= self._frame <= m.frame for m in messages):
                return
            maps = [m.content for m in messages] + [c.content for c in exchange.chunks]
            self.lost += sum(one.length - one.present for one in maps)
        for payload in payloads(exchange):
            if self._frame:
                self._put(payload, self.end)
            elif payload.operation in ("READ", "WRITE") and self._fits(payload.handle):
                self._put(payload, payload.offset)

    def _fits(self, handle: bytes) -> bool:
        if isinstance(self._handle, int):
            return zlib.crc32(handle) == self._handle
        return handle == self._handle

    def _put(self, payload: Payload, at: int) -> None:
        self.missing += payload.write(self._source(), self._write, at)
        self.octets += payload.length
        self.end = max(self.end, at + payload.length)
        self.payloads += 1
