"""What the operations of one COMPOUND share: file handles, stateids, who calls, and when.

Nothing of the reply is here (see ``reply``), and nothing of how operations follow each other (see
``machine``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias, TypeVar

from nfsrdma.rpcrdma.budget import holder_of
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.rpc.program import Call
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import stateid4

from ..authority import Caller
from ..state.client import Client
from ..state.owner import OwnerRequest
from ..state.session import Session
from ..vfs.export import Export
from ..vfs.interface import Job, User
from ..vfs.namespace import Filehandle
from ..waiting import then
from .core import Core
from .replay import Outcome, Repeat
from .turns import SLICE_S

T = TypeVar("T")

Waits: TypeAlias = "Future[None] | None"
"""What an operation returns: None if it is done, else the future of its end."""

_CURRENT: Final = bytes(12)


class Context:
    """What the operations of one COMPOUND see of it and of each other."""

    __slots__ = (
        "absent",
        "barred",
        "barrier",
        "began",
        "call",
        "channel",
        "client",
        "core",
        "count",
        "current",
        "current_stateid",
        "frozen",
        "index",
        "jobs",
        "minor",
        "now",
        "numbered",
        "record",
        "repeat",
        "saved",
        "saved_stateid",
        "session",
        "slice_ends",
        "syncs",
        "who",
    )

    def __init__(
        self,
        core: Core,
        call: Call,
        channel: Channel,
        minor: int,
        count: int,
        caller: Caller,
    ) -> None:
        self.core = core
        self.call = call
        self.channel = channel
        """The connection that the call came over."""
        self.minor = minor
        self.now = self.began = core.clock()
        """When the call began, or went on after it had waited."""
        self.count = count
        """Operations of the request."""
        self.index = 0
        """Those that are over."""
        self.barred = caller.barred
        """Exports that are not for the caller."""
        self.frozen = caller.frozen
        """Exports in which the caller may change nothing."""
        self.client: Client | None = None
        self.session: Session | None = None
        self.record: Outcome | None = None
        """Where the reply is kept, so that the request is executed once only."""
        self.repeat: Repeat | None = None
        """The request was executed before: this was its reply."""
        self.numbered: OwnerRequest | None = None
        """The operation has a number of its owner, who keeps the result."""
        self.current: Filehandle | None = None
        self.absent = False
        """The current file handle is of a file system that is elsewhere."""
        self.saved: Filehandle | None = None
        self.current_stateid: stateid4 | None = None
        self.saved_stateid: stateid4 | None = None
        self.who: User | None = None
        """As whom the caller acts in the export of the current file handle."""
        self.jobs: list[Job] = []
        """What is left to be done before the reply is sent."""
        self.syncs: set[bytes] = set()
        """The file handles of what these make durable, all of it."""
        self.barrier = False
        """The jobs are to be done before the next operation."""
        self.slice_ends = 0.0
        """When operations that may take long have to stop; 0 if it is not their turn."""

    @property
    def request_size(self) -> int:
        """Octets of the request, its RPC header included; before anything was read out of line."""
        decoder = self.call.decoder
        return decoder.tell() + decoder.remaining()

    # --- The caller ---

    @property
    def credentials(self) -> Credentials:
        """Who calls."""
        return self.call.credentials

    @property
    def caller(self) -> Client:
        """The client, for operations that need one."""
        assert self.client is not None
        return self.client

    @property
    def source(self) -> str:
        """With whom the caller shares budgets of memory and of time."""
        peer = self.channel.peer
        return holder_of(peer.address, peer.uid)

    def admitted(self, export: Export) -> bool:
        """Return whether the caller may use an export at all."""
        return not self.barred or export not in self.barred

    @property
    def ended(self) -> int:
        """Why no operation may run any more: the session or the client is gone; else NFS4_OK.

        RFC 8881 has NFS4ERR_DEADSESSION for new operations of requests that are under way.
        """
        if self.client is not None and self.client.gone:
            return nfs.NFS4ERR_EXPIRED
        session = self.session
        if session is not None and self.core.registry.sessions.get(session.id) is not session:
            return nfs.NFS4ERR_DEADSESSION
        return nfs.NFS4_OK

    # --- File handles ---

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
            self.absent = export.absent
        self.current = handle
        self.current_stateid = None

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

    def require_writable(self) -> None:
        """Raise ROFS if the export of the current file handle may not be changed."""
        if self.is_frozen(self.here.export):
            raise NfsError(nfs.NFS4ERR_ROFS)

    def is_frozen(self, export: Export) -> bool:
        """Return whether the caller may change nothing in an export."""
        return export.read_only or export in self.frozen

    # --- Stateids ---

    def actual(self, stateid: stateid4) -> stateid4:
        """Return ``stateid``, or the current one that it stands for (RFC 8881, Section 8.2.3)."""
        if stateid.seqid == 1 and stateid.other == _CURRENT:
            if self.current_stateid is None or not self.minor:
                raise NfsError(nfs.NFS4ERR_BAD_STATEID)
            return self.current_stateid
        return stateid

    # --- Waiting ---

    def then(self, value: T | Future[T], finish: Callable[[T], Waits]) -> Waits:
        """Go on with ``value``: now if it is there, else when it is.

        Others are served meanwhile, so that what was looked up before may have changed: a file may
        be closed, the session may be gone, and the client with all its state (see :attr:`ended`).
        """
        if isinstance(value, Future):
            return then(value, partial(self._go_on, finish))
        return finish(value)

    def _go_on(self, finish: Callable[[T], Waits], value: T) -> Waits:
        self.resume()
        return finish(value)

    async def ready(self, value: T | Future[T]) -> T:
        """Return ``value`` once it is there: the same as :meth:`then`, for coroutines."""
        return await self.wait(value) if isinstance(value, Future) else value

    async def wait(self, future: Future[T]) -> T:
        """Return what ``future`` brings, once it is there."""
        try:
            return await future
        finally:
            self.resume()

    def resume(self) -> None:
        """Take up the compound, after others were served."""
        core = self.core
        self.now = core.clock()
        core.offload.peer = self.channel.peer

    def leave(self, job: Job | None, *, barrier: bool = True) -> None:
        """Leave a job to be done before the reply is sent, and others with it.

        With a ``barrier`` that is before the next operation begins.
        """
        if job is not None:
            self.jobs.append(job)
            self.barrier |= barrier

    def will_sync(self) -> bool:
        """Return whether the jobs that are left make all of the current file durable.

        If so, they are done before the next operation begins.
        """
        found = self.here.wire in self.syncs
        self.barrier |= found
        return found

    def take_jobs(self) -> list[Job]:
        """Return the jobs that are left, to be done now."""
        jobs, self.jobs, self.barrier = self.jobs, [], False
        self.syncs.clear()
        return jobs

    def in_turn(self, work: Callable[[], Waits]) -> Waits:
        """Do what may take long: now if the caller's source has time left, else in its turn."""
        core, source = self.core, self.source
        now = core.clock()
        if not self.slice_ends:
            if source not in core.turns.waiting:
                core.turns.had_enough(source)
                self.slice_ends = now + SLICE_S
                return work()
        elif now < self.slice_ends:
            return work()
        self.slice_ends = 0.0
        turn: Future[None] = Future()
        core.turns.put(source, id(self.channel), partial(self._take_turn, turn))

        def begin(_: None) -> Waits:
            return work()

        return self.then(turn, begin)

    def _take_turn(self, turn: Future[None]) -> None:
        self.slice_ends = self.core.clock() + SLICE_S
        turn.set_result(None)
