"""One COMPOUND while it is executed: what its operations see, set, and have room for.

There is the session's limit, or that of the slot's cache, for the reply as a whole; and there is
what the transport can carry (an RDMA client offers its chunks with the call). Whoever appends a
result asks for room first, and so does ``machine`` before anything irrevocable is done.
"""

from __future__ import annotations

from typing import Any, Final

from nfsrdma.rpcrdma.budget import holder_of
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.program import Call
from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import stateid4

from ..state.client import Client
from ..state.session import Session, Slot
from ..vfs.export import Export
from ..vfs.interface import Job, User
from ..vfs.namespace import Filehandle
from .core import Core
from .operation import RESULT
from .turns import SLICE_S, NotYet

_RESULT_SIZE: Final = RESULT.size
_DATA_HEAD: Final = 16
"""Octets before a READ's data: the operation, its status, the end-of-file word, the length."""
_SHORT_DATA: Final = 1024
"""Octets of a result that are copied into a reply without chunks."""
_CURRENT: Final = bytes(12)


class Refused(Exception):
    """The transport has no room for the reply, and nothing was changed yet."""


class Compound:
    """One COMPOUND while it is executed; what its operations see and set."""

    __slots__ = (
        "ample",
        "barred",
        "buffers",
        "cache_this",
        "call",
        "client",
        "core",
        "count",
        "count_at",
        "current",
        "current_stateid",
        "data_results",
        "decoder",
        "deferred",
        "encoder",
        "held",
        "index",
        "inline_data",
        "jobs",
        "minor",
        "must_settle",
        "mutated",
        "now",
        "replay",
        "request_size",
        "saved",
        "saved_stateid",
        "session",
        "slot",
        "start",
        "turn_ends",
        "who",
    )

    def __init__(self, core: Core, call: Call, encoder: Encoder, now: float) -> None:
        self.core = core
        self.call = call
        self.decoder: Decoder = call.decoder
        self.encoder = encoder
        self.now = now
        self.start = len(encoder.buffer)
        """Where COMPOUND4res begins in the reply, with its status."""
        self.count_at = 0
        self.request_size = call.decoder.tell() + call.decoder.remaining()
        self.minor = 0
        self.count = 0
        self.index = 0
        self.client: Client | None = None
        self.session: Session | None = None
        self.slot: Slot | None = None
        self.cache_this = False
        self.replay = False
        """The slot has seen this call before: it must not be executed."""
        self.current: Filehandle | None = None
        self.saved: Filehandle | None = None
        self.current_stateid: stateid4 | None = None
        self.saved_stateid: stateid4 | None = None
        self.who: User | None = None
        """As whom the caller acts in the export of the current file handle."""
        self.barred: frozenset[Export] = frozenset()
        """Exports that are not for the caller."""
        self.mutated = False
        self.data_results = 0
        """How many results so far could have been placed by RDMA."""
        self.ample = 0
        """A reply of so many octets fits whatever limit there is: checked first, being quick."""
        self.inline_data = 0
        """Octets of such results that travel inline all the same."""
        self.buffers: list[bytearray] = []
        self.held = 0
        """Octets of them that are charged to the peer."""
        self.jobs: list[Job] = []
        """To be done before the reply is sent."""
        self.turn_ends = 0.0
        """When those operations have to stop that may take long; 0 if it is not their turn."""
        self.deferred: tuple[int, Any] | None = None
        """The operation that waits for its turn: its number and arguments."""
        self.must_settle = False
        """They are to be done before the next operation."""

    def settle(self, job: Job | None) -> None:
        """Have ``job``, and all that wait, done before the next operation is executed."""
        if job is not None:
            self.jobs.append(job)
            self.must_settle = True

    def take_turn(self, arguments: Any) -> None:
        """Called first by an operation that may take long: it goes on if it may do so now."""
        core, source = self.core, self.whose
        now = core.clock()
        if not self.turn_ends:
            if source in core.turns.waiting:
                raise NotYet(arguments)
            core.turns.had_enough(source)
            self.turn_ends = now + SLICE_S
        elif now >= self.turn_ends:
            raise NotYet(arguments)

    @property
    def whose(self) -> str:
        """Who takes a turn with it: who has one share of everything has one of the time."""
        peer = self.call.channel.peer
        return holder_of(peer.address, peer.uid)

    @property
    def credentials(self) -> Credentials:
        """Who calls."""
        return self.call.credentials

    # File handles

    def enter(self, handle: Filehandle) -> None:
        """Make a file handle the current one. ACCESS if the client may not use its export.

        RFC 8881, Section 16.2.3.1.2: it has no current stateid, until an operation sets one.
        """
        export = handle.export
        current = self.current
        if current is None or current.export is not export:
            if self.barred and export in self.barred:
                raise NfsError(nfs.NFS4ERR_ACCESS)
            self.who = export.user(self.call.credentials)
        self.current = handle
        self.current_stateid = None

    def admitted(self, export: Export) -> bool:
        """Whether the caller may use an export at all."""
        return not self.barred or export not in self.barred

    @property
    def here(self) -> Filehandle:
        """The current file handle, for operations that need one."""
        assert self.current is not None
        return self.current

    @property
    def user(self) -> User:
        """As whom the caller acts, for operations that need a current file handle."""
        assert self.who is not None
        return self.who

    @property
    def caller(self) -> Client:
        """The client, for operations within a session."""
        assert self.client is not None
        return self.client

    def require_writable(self) -> None:
        """ROFS if the export may not be changed."""
        if self.here.export.read_only:
            raise NfsError(nfs.NFS4ERR_ROFS)

    # Stateids

    def actual(self, stateid: stateid4) -> stateid4:
        """``stateid``, or the one that stands for the current one (RFC 8881, Section 8.2.3)."""
        if stateid.seqid == 1 and stateid.other == _CURRENT:
            if self.current_stateid is None:
                raise NfsError(nfs.NFS4ERR_BAD_STATEID)
            return self.current_stateid
        return stateid

    # Room in the reply

    def within(self, session: Session | None, cache_this: bool = False) -> None:
        """Execute the call within a session's limits, or within none after all."""
        self.session, self.cache_this = session, cache_this
        self.ample = min(self.call.reply_room, self._session_limit()) if session else 0

    def room(self) -> int:
        """Octets that the next result may have inline, with its operation's number and status."""
        encoder = self.encoder
        used = len(encoder.buffer) + self.inline_data
        room = self.call.reply_room - used
        if self.session is not None:
            room = min(room, self._session_limit() - encoder.tell())
        return room - (_RESULT_SIZE if self.index + 1 < self.count else 0)

    def data_room(self) -> tuple[int, bool]:
        """Octets that a DDP-eligible result may have, and whether they leave inline room alone."""
        rooms = self.call.payload_room
        index = self.data_results
        if index < len(rooms) and rooms[index]:
            room = rooms[index]
            if self.session is not None:
                room = min(room, self._session_limit() - self.encoder.tell() - _DATA_HEAD)
            return max(0, room), True
        return max(0, self.room() - _DATA_HEAD) & ~3, False

    def data_target(self, size: int) -> memoryview | None:
        """Memory of the caller for a result that will be ``placed``, if it can be had."""
        return self.call.payload_target(self.data_results, size) if size else None

    def buffer(self, size: int) -> memoryview:
        """Memory for ``size`` octets of a result, until the reply is sent. DELAY if there is none.

        A transport serves no call to a peer that holds its share of what all may hold. So what one
        call takes is no matter; but what waits for a disk is charged, see :meth:`hold`.
        """
        try:
            buffer = self.core.buffers.take(size)
        except MemoryError:
            raise NfsError(nfs.NFS4ERR_DELAY) from None
        self.buffers.append(buffer)
        return memoryview(buffer)[:size]

    def hold(self) -> None:
        """The call waits for something, and others are served: charge its buffers to its peer."""
        self.held = sum(map(len, self.buffers))
        self.call.channel.account.charge(self.held)

    def go_on(self) -> None:
        """It waits no more."""
        if self.held:
            self.call.channel.account.charge(-self.held)
            self.held = 0

    def append_data(self, data: memoryview, placed: bool) -> None:
        """Append a DDP-eligible result, having asked :meth:`data_room`."""
        self.data_results += 1
        if placed:
            self.encoder.payload(data)
        elif len(data) <= _SHORT_DATA and not self.call.payload_room:
            # There is no chunk for it: a copy takes less than to remember where it is.
            self.encoder.opaque(data)
        else:
            self.inline_data += len(data) + 3 & ~3
            self.encoder.payload(data)

    def _session_limit(self) -> int:
        assert self.session is not None
        limit: int = self.session.fore.ca_maxresponsesize
        if self.cache_this:
            limit = min(limit, self.session.fore.ca_maxresponsesize_cached)
        return limit

    def check_room(self, size: int) -> None:
        """Raise unless a result of ``size`` octets, status and number included, fits."""
        encoder = self.encoder
        if self.index + 1 < self.count:
            size += _RESULT_SIZE
        if encoder.tell() + size <= self.ample:
            return
        if self.session is not None:
            total = encoder.tell() + size
            if total > self.session.fore.ca_maxresponsesize:
                raise NfsError(nfs.NFS4ERR_REP_TOO_BIG)
            if self.cache_this and total > self.session.fore.ca_maxresponsesize_cached:
                raise NfsError(nfs.NFS4ERR_REP_TOO_BIG_TO_CACHE)
        if len(encoder.buffer) + self.inline_data + size > self.call.reply_room:
            if self.mutated:
                raise NfsError(nfs.NFS4ERR_REP_TOO_BIG)
            raise Refused
