"""What the lane executes: READ, WRITE, GETATTR, LOOKUP and ACCESS that succeed at once.

See ``engine.lane``.

Each does what its handler in ``data``, ``attribute`` or ``handles`` does with the open of the
caller itself, in the same order, and declines whatever needs more: another one's open, a lock's or
a special stateid, a result that is cut short, data or a name that is not in memory.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import partial
from stat import S_IFREG
from typing import Final

from nfsrdma.rpcrdma.rpc.channel import Place, Take
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as nfs

from .. import attributes
from ..engine.core import Core
from ..engine.lane import RESULT_AT, LaneOperation
from ..state.client import Client
from ..state.stateid import DataState
from ..vfs.interface import User
from ..vfs.namespace import Filehandle
from .attribute import AskedAccess
from .delegations import OF_HOLDER
from .names import check_name, takes

_READ: Final = struct.Struct(">2I12sQI")  # the operation, stateid, offset, count
_READ_RESULT: Final = struct.Struct(">4I")  # the operation, status, end of file, length
_WRITE: Final = struct.Struct(">2I12sQ2I")  # the operation, stateid, offset, stable, length
_WRITE_RESULT: Final = struct.Struct(">4I8s")  # the operation, status, count, committed, verifier
_LOOKUP: Final = struct.Struct(">2I")  # the operation, the length of the name
_LOOKUP_RESULT: Final = struct.pack(">2I", nfs.OP_LOOKUP, nfs.NFS4_OK)
_GETFH: Final = struct.pack(">I", nfs.OP_GETFH)
_GETFH_RESULT: Final = struct.Struct(">3I")  # the operation, status, the length of the handle
_ACCESS: Final = struct.Struct(">2I")  # the operation, the rights asked for
_ACCESS_RESULT: Final = struct.Struct(">4I")  # the operation, status, supported, granted
_GETATTR: Final = struct.Struct(">2I")  # the operation, words of the bitmap
_DATA_AT: Final = RESULT_AT + _READ_RESULT.size
_WRITTEN: Final = RESULT_AT + _WRITE_RESULT.size
_ATTRIBUTES: Final = _GETATTR.pack(nfs.OP_GETATTR, nfs.NFS4_OK)
_MOST_ATTRIBUTES: Final = 1024
"""Octets of the attributes behind a WRITE, for which there is to be room before it is done."""
_MOST_WORDS: Final = 8
_PADS: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
_UINT64_MAX: Final = (1 << 64) - 1


def _own_open(
    core: Core, client: Client, handle: Filehandle, seqid: int, other: bytes
) -> DataState | None:
    """Return the client's open, or delegation, of a stateid for the current file."""
    state = core.registry.states.get(other)
    if (
        not isinstance(state, DataState)
        or state.client is not client
        or seqid not in (0, state.seqid)
    ):
        return None
    its = state.file.handle
    if its is not handle and (
        its.export is not handle.export or its.node.identity != handle.node.identity
    ):
        return None
    return state if handle.node.type == S_IFREG else None


def _read(
    core: Core,
    minor: int,
    client: Client,
    handle: Filehandle,
    who: User,
    message: memoryview,
    at: int,
    room: int,
    take: Take,
    place: Place | None,
    data: memoryview | None,
) -> memoryview | None:
    """READ (RFC 8881, Section 18.22) of what is there in full, or up to the end of the file."""
    if len(message) != at + _READ.size or data is not None:
        return None
    _, seqid, other, offset, count = _READ.unpack_from(message, at)
    state = _own_open(core, client, handle, seqid, other)
    if state is None or state.reading is not who or not 0 < count <= core.config.max_io:
        return None
    file = state.reader
    if file is None:
        return None
    size = file.size_at_once()
    left = size - offset
    if left < count:
        count = left
    if count <= 0:
        return None
    length = _DATA_AT + (count + 3 & ~3)
    if length > room:
        return None
    if place is None:
        reply = take(length)
        into: memoryview | None = reply[_DATA_AT : _DATA_AT + count]
    else:
        reply = take(_DATA_AT)
        into = place(count)
    if into is None or file.read_at_once(offset, into) != count:
        return None
    _READ_RESULT.pack_into(reply, RESULT_AT, nfs.OP_READ, nfs.NFS4_OK, left == count, count)
    if count & 3 and place is None:
        reply[_DATA_AT + count :] = _PADS[count & 3]
    return reply


def _write(
    core: Core,
    minor: int,
    client: Client,
    handle: Filehandle,
    who: User,
    message: memoryview,
    at: int,
    room: int,
    take: Take,
    place: Place | None,
    data: memoryview | None,
) -> memoryview | None:
    """WRITE (RFC 8881, Section 18.32) that need not be durable yet."""
    if place is not None or room < _WRITTEN:
        return None
    end = _end_of_write(message, at) if data is None else at + _WRITE.size
    if end != len(message) or not _do_write(core, client, handle, who, message, at, data):
        return None
    reply = take(_WRITTEN)
    _answer_write(core, message, at, reply)
    return reply


def _write_and_look(
    core: Core,
    minor: int,
    client: Client,
    handle: Filehandle,
    who: User,
    message: memoryview,
    at: int,
    room: int,
    take: Take,
    place: Place | None,
    data: memoryview | None,
) -> memoryview | None:
    """WRITE, and GETATTR of the same file."""
    behind = _end_of_write(message, at) if place is None and data is None else 0
    mask = None if not behind else _wanted(core, minor, handle, message, behind)
    if mask is None or room < _WRITTEN + _MOST_ATTRIBUTES:
        return None
    # Of a file that is open the attributes are at hand, before and afterwards.
    if attributes.of_handle_at_once(core, minor, handle, mask) is None:
        return None
    if not _do_write(core, client, handle, who, message, at, None):
        return None
    looked = _look(core, minor, handle, mask)
    if looked is None or len(looked) > _MOST_ATTRIBUTES:
        return None
    reply = take(_WRITTEN + len(looked))
    _answer_write(core, message, at, reply)
    reply[_WRITTEN:] = looked
    return reply


def _end_of_write(message: memoryview, at: int) -> int:
    """Return where the arguments of a WRITE end; 0 if not within the message."""
    if len(message) < at + _WRITE.size:
        return 0
    end: int = at + _WRITE.size + (_WRITE.unpack_from(message, at)[5] + 3 & ~3)
    return end if end <= len(message) else 0


def _do_write(
    core: Core,
    client: Client,
    handle: Filehandle,
    who: User,
    message: memoryview,
    at: int,
    data: memoryview | None,
) -> bool:
    """Write, whose arguments are all there; return False if that is not to be done here."""
    _, seqid, other, offset, stable, length = _WRITE.unpack_from(message, at)
    if (
        stable != nfs.UNSTABLE4
        or not 0 < length <= core.config.max_io
        or offset + length > _UINT64_MAX
        or handle.export.read_only
    ):
        return False
    state = _own_open(core, client, handle, seqid, other)
    if state is None or state.writing is not who or state.writer is None:
        return False
    if data is None:
        data_at = at + _WRITE.size
        return state.writer.write_at_once(offset, message[data_at : data_at + length])
    # What travels in a chunk may be padded (RFC 8166, Section 3.4.5.2).
    if len(data) not in (length, length + 3 & ~3):
        return False
    return state.writer.write_at_once(offset, data[:length])


def _answer_write(core: Core, message: memoryview, at: int, reply: memoryview) -> None:
    length = _WRITE.unpack_from(message, at)[5]
    verifier = core.registry.write_verifier
    _WRITE_RESULT.pack_into(
        reply, RESULT_AT, nfs.OP_WRITE, nfs.NFS4_OK, length, nfs.UNSTABLE4, verifier
    )


def _get_attributes(
    core: Core,
    minor: int,
    client: Client,
    handle: Filehandle,
    who: User,
    message: memoryview,
    at: int,
    room: int,
    take: Take,
    place: Place | None,
    data: memoryview | None,
) -> memoryview | None:
    """GETATTR (RFC 8881, Section 18.7) of a file that nobody else may know more of."""
    mask = _wanted(core, minor, handle, message, at)
    apart = place is not None or data is not None
    looked = None if mask is None or apart else _look(core, minor, handle, mask)
    if looked is None or RESULT_AT + len(looked) > room:
        return None
    reply = take(RESULT_AT + len(looked))
    reply[RESULT_AT:] = looked
    return reply


def _wanted(core: Core, minor: int, handle: Filehandle, message: memoryview, at: int) -> int | None:
    """Return what a GETATTR asks for, with which the call ends, if it can be told at once."""
    words_at = at + _GETATTR.size
    if len(message) < words_at:
        return None
    operation, words = _GETATTR.unpack_from(message, at)
    if operation != nfs.OP_GETATTR or words > _MOST_WORDS or len(message) != words_at + 4 * words:
        return None
    mask = attributes.wanted_of(message[words_at:].tobytes(), handle.export.fs, minor)
    if core.delegations.table.exclusive and mask & OF_HOLDER:
        return None
    return mask


def _look(core: Core, minor: int, handle: Filehandle, mask: int) -> bytearray | None:
    """Return the result of a GETATTR."""
    subject = attributes.of_handle_at_once(core, minor, handle, mask)
    if subject is None:
        return None
    encoder = Encoder()
    encoder.buffer += _ATTRIBUTES
    attributes.encode(encoder, subject, mask)
    return encoder.buffer


def _look_up(
    core: Core,
    minor: int,
    client: Client,
    handle: Filehandle,
    who: User,
    message: memoryview,
    at: int,
    room: int,
    take: Take,
    place: Place | None,
    data: memoryview | None,
    named: bytes = b"",
) -> memoryview | None:
    """LOOKUP (RFC 8881, Section 18.13), and GETATTR of what is there; between them is ``named``."""
    export, name_at = handle.export, at + _LOOKUP.size
    if len(message) < name_at or place is not None or data is not None:
        return None
    if core.tally.activity is not None:
        return None  # What is found would be noted, and not where.
    size = _LOOKUP.unpack_from(message, at)[1]
    behind = name_at + (size + 3 & ~3)
    name = message[name_at : name_at + size].tobytes()
    if message[behind : behind + len(named)] != named or len(message) < behind:
        return None
    mask = _wanted(core, minor, handle, message, behind + len(named))
    if (
        mask is None
        or not handle.node.is_directory
        or core.namespace.may_lead(handle)
        or not takes(check_name(name, export.fs), export)
    ):
        return None
    node = export.fs.lookup_at_once(handle.node, name, who)
    if node is None:
        return None
    found = core.namespace.at(export, node)
    looked = _look(core, minor, found, mask) if found.export is export else None
    if looked is None:
        return None
    results = bytearray(_LOOKUP_RESULT)
    if named:
        wire = found.wire
        results += _GETFH_RESULT.pack(nfs.OP_GETFH, nfs.NFS4_OK, len(wire))
        results += wire + _PADS[len(wire) & 3]
    results += looked
    if RESULT_AT + len(results) > room:
        return None
    reply = take(RESULT_AT + len(results))
    reply[RESULT_AT:] = results
    return reply


def _access(
    core: Core,
    minor: int,
    client: Client,
    handle: Filehandle,
    who: User,
    message: memoryview,
    at: int,
    room: int,
    take: Take,
    place: Place | None,
    data: memoryview | None,
    looks: bool = False,
) -> memoryview | None:
    """ACCESS (RFC 8881, Section 18.1), and GETATTR if it ``looks``."""
    behind, export = at + _ACCESS.size, handle.export
    if len(message) < behind or place is not None or data is not None:
        return None
    looked: bytes | bytearray | None = b""
    if looks:
        mask = _wanted(core, minor, handle, message, behind)
        looked = None if mask is None else _look(core, minor, handle, mask)
    elif len(message) != behind:
        return None
    if looked is None or RESULT_AT + _ACCESS_RESULT.size + len(looked) > room:
        return None
    asked = AskedAccess(minor, handle, _ACCESS.unpack_from(message, at)[1], export.read_only)
    needed = asked.needed
    granted = export.fs.permitted_at_once(handle.node, who, needed) if needed else 0
    if granted is None:
        return None
    reply = take(RESULT_AT + _ACCESS_RESULT.size + len(looked))
    supported, allowed = asked.answer(granted)
    _ACCESS_RESULT.pack_into(reply, RESULT_AT, nfs.OP_ACCESS, nfs.NFS4_OK, supported, allowed)
    reply[RESULT_AT + _ACCESS_RESULT.size :] = looked
    return reply


LANES: Final[Mapping[tuple[int, int], LaneOperation]] = {
    (nfs.OP_READ, 1): _read,
    (nfs.OP_WRITE, 1): _write,
    (nfs.OP_WRITE, 2): _write_and_look,
    (nfs.OP_GETATTR, 1): _get_attributes,
    (nfs.OP_LOOKUP, 2): _look_up,
    (nfs.OP_LOOKUP, 3): partial(_look_up, named=_GETFH),
    (nfs.OP_ACCESS, 1): _access,
    (nfs.OP_ACCESS, 2): partial(_access, looks=True),
}
"""The operations that have a lane, by the number of the first, and by how many there are."""
