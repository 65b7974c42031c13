"""The lane: COMPOUNDs of the common shape, answered by one function.

That shape is SEQUENCE, PUTFH and one operation (``ops.lanes``), with the GETATTR that clients put
behind some of them (and the GETFH behind LOOKUP), in one piece, from a caller who has called
before, and it must succeed at once. Anything else is declined before anything has happened:
then the machine executes the same octets. So the machine says what is right, and the lane only what
is quick: both answer the same octets, and leave the same state behind
(``tests/unit/test_server_lanes``).

READ, WRITE and GETATTR are answered by the compiled twin (``_lane``) where it is there: the same
octets, and the same left behind. It hands on to :class:`Lane` what it does not take.

The lane remembers nothing. What a call names, its session, slot, handle and open, is looked up
where the machine looks, each time, so that nothing that has ended can live on here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final, Protocol

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, Place, Take
from nfsrdma.rpcrdma.rpc.message import ACCEPTED, accepted
from nfsrdma.rpcrdma.rpc.program import ProcedureLane
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from ..state.client import Client
from ..state.flags import status_flags
from ..state.session import Session
from ..state.stateid import DataState
from ..vfs.interface import User
from ..vfs.namespace import Filehandle
from .core import Core
from .replay import digest
from .tally import BOUNDS

try:
    from . import _lane
except ImportError:
    _lane = None  # type: ignore[assignment]

native: Final = _lane is not None


class LaneOperation(Protocol):
    """Executes the operation whose number is at an offset of a call, if that succeeds at once."""

    def __call__(
        self,
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
        /,
    ) -> memoryview | None:
        """Execute an operation of a call, whose number is at the offset ``at``.

        ``handle`` is the current file handle, ``who`` the user as whom the caller acts; ``room`` is
        that in the reply, with what is placed, and the rest as in ``rpc.channel.Lane``. Returns the
        whole reply, with the operation's own result from ``RESULT_AT`` on; None declines, and
        nothing has happened.
        """


_SHAPE: Final = struct.Struct(">4I16s6I")
"""No tag, minor version, how many operations, SEQUENCE, PUTFH, the length of its handle."""
_BEHIND_SEQUENCE: Final = 48
"""From the arguments of COMPOUND to the operation after SEQUENCE, in octets."""
_HEAD: Final = struct.Struct(ACCEPTED.format + "5I16s7I")
"""A reply up to the third result: RPC, COMPOUND, and the results of SEQUENCE and PUTFH."""
RESULT_AT: Final = _HEAD.size
_BEFORE: Final = 2
"""SEQUENCE and PUTFH."""
_COUNTS: Final = range(_BEFORE + 1, _BEFORE + 4)
_OF_RIGHTS: Final = (nfs.OP_WRITE, nfs.OP_ACCESS)
"""What is answered otherwise to a caller who may change nothing."""
_NUMBER: Final = struct.Struct(">I")
_PLACED: Final = 256
"""Octets of a reply, at most, whose data are placed."""
_ANOTHER_RESULT: Final = 8
"""Octets that a reply keeps free, as the machine does while it has room (``reply.Reply.ample``)."""
_DECLINING: Final = (NfsError, OSError, MemoryError)
"""What the machine finds as well, and it knows what to say of it."""


class Lane:
    """The short way to procedure 1 of the NFS program, in the minor versions that have sessions."""

    __slots__ = (
        "_authority",
        "_clock",
        "_core",
        "_handles",
        "_minors",
        "_operations",
        "_registry",
        "_sessions",
        "_tally",
    )

    def __init__(
        self,
        core: Core,
        minors: frozenset[int],
        operations: Mapping[tuple[int, int], LaneOperation],
    ) -> None:
        """``operations`` are found by their number, and by how many there are."""
        self._core = core
        self._minors = minors - {0}
        self._operations = operations
        self._authority = core.authority
        self._clock = core.clock
        self._handles = core.namespace.at_hand
        self._registry = core.registry
        self._sessions = core.registry.sessions
        self._tally = core.tally

    def __call__(
        self,
        channel: Channel,
        claim: Credentials,
        message: memoryview,
        at: int,
        room: int,
        take: Take,
        place: Place | None,
        data: memoryview | None,
    ) -> int:
        """Answer a call (``rpc.program.ProcedureLane``), or return 0."""
        end = len(message)
        if end < at + _SHAPE.size:
            return 0
        tag, minor, count, sequence, session_id, seqid, number, highest, cached, putfh, size = (
            _SHAPE.unpack_from(message, at)
        )
        if (
            tag
            or count not in _COUNTS
            or sequence != nfs.OP_SEQUENCE
            or putfh != nfs.OP_PUTFH
            or cached
            or minor not in self._minors
            or self._core.draining
            or size > nfs.NFS4_FHSIZE
        ):
            return 0
        behind = at + _BEHIND_SEQUENCE
        at += _SHAPE.size
        start = at + (size + 3 & ~3)
        if end < start + _NUMBER.size:
            return 0
        (first,) = _NUMBER.unpack_from(message, start)
        # Before anything is looked up: what is not for the lane should cost little.
        operation = self._operations.get((first, count - _BEFORE))
        if operation is None:
            return 0
        began = self._clock()
        session = self._sessions.get(session_id)
        caller = self._authority.known(channel, claim)
        if session is None or caller is None or channel not in session.connections:
            return 0
        fore = session.fore
        slots: int = fore.ca_maxrequests
        if (
            number >= slots
            or highest >= slots
            or end > fore.ca_maxrequestsize
            or count > fore.ca_maxoperations
        ):
            return 0
        slot = session.slot(number)
        if slot.taken or seqid != slot.next_seqid:
            return 0
        if place is None:
            room = min(room, fore.ca_maxresponsesize) - _ANOTHER_RESULT
        elif room < _PLACED:
            return 0
        else:
            room = fore.ca_maxresponsesize - _ANOTHER_RESULT
        if room < RESULT_AT:
            return 0
        handle = self._handles(message[at : at + size].tobytes())
        if handle is None or handle.export in caller.barred or handle.export.absent:
            return 0
        if first in _OF_RIGHTS and handle.export in caller.frozen:
            return 0
        who = handle.export.user(caller.credentials)
        try:
            reply = operation(
                self._core,
                minor,
                session.client,
                handle,
                who,
                message,
                start,
                room,
                take,
                place,
                data,
            )
        except _DECLINING:
            return 0
        if reply is None:
            return 0
        slot.execute(digest(message, behind, count, caller.credentials, data is None))
        (xid,) = _NUMBER.unpack_from(message)
        now = self._begin(reply, xid, session, seqid, number, count)
        self._tally.pass_lane(first, count, reply, RESULT_AT, session.client, handle, now - began)
        return len(reply)

    def _begin(
        self,
        reply: memoryview,
        xid: int,
        session: Session,
        seqid: int,
        number: int,
        count: int,
    ) -> float:
        """Renew the lease, and write the results before the operation's; return what time it is."""
        registry, now = self._registry, self._clock()
        session.used = now
        registry.renew(session.client, now)
        last = session.fore.ca_maxrequests - 1
        _HEAD.pack_into(
            reply,
            0,
            *accepted(xid),
            *(nfs.NFS4_OK, 0, count),
            *(nfs.OP_SEQUENCE, nfs.NFS4_OK, session.id, seqid, number, last, last),
            status_flags(registry, session, now),
            *(nfs.OP_PUTFH, nfs.NFS4_OK),
        )
        return now


def make_lane(
    core: Core,
    minors: frozenset[int],
    operations: Mapping[tuple[int, int], LaneOperation],
) -> ProcedureLane:
    """Return the lane of a server, compiled if it can be: the arguments of :class:`Lane`."""
    lane = Lane(core, minors, operations)
    if _lane is None:
        return lane
    made = _lane.Lane(lane, core, minors - {0}, BOUNDS, status_flags, DataState, _DECLINING)
    return made.answer
