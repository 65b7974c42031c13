"""One client of one server: its session, its opens, and its operations by handle.

Operations by path build on it: see :mod:`.filesystem`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import (
    CallRefused,
    Channel,
    Service,
    TransportError,
    memory_of,
)
from nfsrdma.rpcrdma.rpc.client import results
from nfsrdma.rpcrdma.rpc.message import RpcError
from nfsrdma.rpcrdma.rpc.security import PLAIN, ClientSecurity, secured
from nfsrdma.rpcrdma.task import Future, Reactor, Task, settled
from nfsrdma.xdr import XdrError
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import mask_from_bitmap, mask_of

from .about import ServerInfo, about
from .cache import Cache
from .callback import Callbacks
from .errors import NfsError, ProtocolError, unreachable
from .file import Files, OpenFile
from .habits import Habits
from .offloads import Offloads
from .opens import Open, OpenTable
from .operations import LockOperations, OpenOperations, Operations
from .paths import Path
from .recovery import Recovery
from .routes import Way
from .session import Session, why
from .stats import Statistics

if TYPE_CHECKING:
    from random import Random

Connect = Callable[[float, Service], Future[Channel]]
"""Connects within the given number of seconds; incoming calls go to the service."""

IO_SIZE: Final = 1 << 20
"""Octets that one READ or WRITE carries, unless the server allows only fewer."""
LARGEST_FILE: Final = (1 << 63) - 1
"""The size of a file that no system goes beyond."""
_OVERHEAD: Final = 2048
"""Octets of a call or reply that are reserved for everything but file data."""
_LEASE_MAX_S: Final = 600
"""The longest lease that a server is believed to have."""
_MODE_UMASK: Final = mask_of(t.FATTR4_MODE_UMASK)
_PATIENCE_MIN_S: Final = 60.0
_GOODBYE_S: Final = 2.0
"""For how long the server may take to have delegations returned at the end."""


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """The identity of a client, and how it uses its server."""

    credentials: Credentials
    """The credentials of every call."""
    owner: bytes
    """The name of this client, unique among all clients (RFC 8881, Section 2.4)."""
    verifier: bytes
    """Eight octets that tell this instance of the client from earlier ones."""
    minor_version: int = 2
    """The highest minor version to speak."""
    timeout: float = 5.0
    """Seconds for which the server may be silent or unreachable before calls fail."""
    rsize: int = IO_SIZE
    """Octets that one READ carries at most."""
    wsize: int = IO_SIZE
    """Octets that one WRITE carries at most."""
    delegations: bool = False
    """Whether files are kept that the server leaves to this client (see ``delegations``)."""
    nconnect: int = 1
    """Connections of the session over each path, which share its calls (``lanes``)."""
    cache: int = 0
    """Octets of files' contents that are kept to be read again (``cache``)."""
    security: ClientSecurity = PLAIN
    """How connections are made secure."""


class Client:
    """One client of one server.

    ``rng`` generates names that others cannot guess. Coroutines raise :class:`NfsError`.
    ``connect`` is the usual way to the server, which is the first if there are several ``ways``.
    """

    def __init__(
        self,
        reactor: Reactor,
        connect: Connect,
        options: ClientOptions,
        rng: Random,
        ways: Sequence[Way] = (),
    ) -> None:
        patience = max(options.timeout, _PATIENCE_MIN_S)
        self.session = Session(reactor, options.credentials, options.minor_version, rng, patience)
        self.opens = OpenTable()
        offloads = Offloads()
        service = Callbacks(self.session, self.opens, offloads).service()

        def secure(way: Connect, timeout_s: float) -> Future[Channel]:
            return secured(way(timeout_s, service), options.security)

        self.recovery = Recovery(
            self.session,
            self.opens,
            [
                (way.name, partial(secure, way.connect), way.last_resort)
                for way in ways or (Way("the server", connect),)
            ],
            owner=options.owner,
            verifier=options.verifier,
            timeout=options.timeout,
            nconnect=options.nconnect,
        )
        self.files = Files(Cache(options.cache, reactor.time) if options.cache else None)
        self.operations = Operations(self.session, self.files.unstable)
        self.open_operations = OpenOperations(self.session, self.opens, offloads)
        self.locks = LockOperations(self.open_operations)
        self.habits = Habits()
        self.opens.delegations.wanted = options.delegations
        self.opens.delegations.is_sure = self._is_leased
        self.rng = rng
        self.rsize = options.rsize
        self.wsize = options.wsize
        self.file_max = LARGEST_FILE
        """The size that a file of the mounted file system can have."""
        self.takes_umask = False
        """Whether new objects of the mounted file system can be given a mode and a file mask."""

    @property
    def stats(self) -> Statistics:
        """Counters and times of the calls made."""
        return self.session.stats

    def _is_leased(self) -> bool:
        """Return whether the server has kept for us what it granted: the lease lasts."""
        session = self.session
        return session.reactor.time() < session.renewed_at + self.recovery.lease_s

    # --- Life ---

    async def connect(self) -> None:
        """Connect, and create a session."""
        await self.session.become_usable()
        await self.recovery.lanes.first_round()

    async def negotiate(self, root: bytes) -> None:
        """Adopt the server's largest READ, WRITE and file, and the length of its leases.

        ``root`` is the handle of the mounted directory.
        """
        values = await self.operations.server_limits(root)
        limits = self.session.limits
        self.rsize = _io_size(self.rsize, limits.max_response, values.get(t.FATTR4_MAXREAD))
        self.wsize = _io_size(self.wsize, limits.max_request, values.get(t.FATTR4_MAXWRITE))
        self.file_max = values.get(t.FATTR4_MAXFILESIZE) or LARGEST_FILE
        self.takes_umask = all(
            mask_from_bitmap(values.get(each, ())) & _MODE_UMASK
            for each in (t.FATTR4_SUPPORTED_ATTRS, t.FATTR4_SUPPATTR_EXCLCREAT)
        )
        # Calls are retried for two leases while the server answers DELAY, so bound the lease.
        lease_s = min(max(values.get(t.FATTR4_LEASE_TIME, 90), 1), _LEASE_MAX_S)
        self.recovery.set_lease(lease_s)
        self.session.patience = max(self.recovery.timeout, 2.0 * lease_s)

    def wait_for_ever(self) -> None:
        """Let calls wait for as long as the server is away (``hard``), instead of failing."""
        self.recovery.hard = True
        self.session.patience = float("inf")

    async def unmount(self) -> None:
        """Close every file, then end the session and the connection.

        Raises the first error of closing a file, after everything is done.
        """
        failure: Exception | None = None
        for file in self.files.all():
            try:
                await file.close()
            except NfsError as error:
                failure = failure or error
        await self._return_delegations()
        await self.recovery.shut_down()
        if failure is not None:
            raise failure

    async def _return_delegations(self) -> None:
        """Return delegations, unless the server is away: it waits a lease for them then."""
        delegations, reactor = self.opens.delegations, self.session.reactor
        if self.session.channel is None or self.session.gate is not None:
            return
        going = Task(delegations.return_all())
        timer = reactor.call_at(reactor.time() + _GOODBYE_S, going.cancel)
        await settled(going)
        timer.cancel()

    def abandon(self, make_error: Callable[[], NfsError]) -> None:
        """Fail every call from now on without telling the server: the mount is another process's.

        That process keeps the open files, and commits what was not committed yet.
        """
        self.session.abandon(make_error)
        for file in self.files.all():
            file.abandon()

    @property
    def abandoned(self) -> bool:
        """Whether the mount belongs to another process."""
        return self.session.abandoned is not None

    async def buffer(self, size: int) -> memoryview:
        """Return memory of ``size`` octets, of zeros, that is best for data from and to the server.

        Raises ``ValueError`` if that is less than one, and ``OSError`` if there is no memory.
        """
        if size < 1:
            raise ValueError("a buffer of no octets")
        return memory_of(await self._channel(), size)

    async def ping(self) -> float:
        """Return how many seconds a NULL call takes: network and transport alone."""
        session = self.session
        channel = await self._channel()
        start = session.reactor.time()
        try:
            await results(session.ping(channel))
        except TransportError as error:
            raise unreachable(error) from error
        except (RpcError, CallRefused, XdrError) as error:
            raise ProtocolError(f"NULL: {why(error)}") from error
        return session.reactor.time() - start

    async def about(self) -> ServerInfo:
        """Return what the server says of itself and of the session."""
        return await about(self.recovery, await self._channel())

    async def _channel(self) -> Channel:
        await self.session.become_usable()
        channel = self.session.channel
        assert channel is not None
        return channel

    # --- Files ---

    async def open_handle(self, handle: bytes, access: int, path: Path) -> OpenFile:
        """Open a file by its handle; ``path`` is for messages."""
        opening = await self.open_operations.open_handle(handle, access, lambda: path)
        return self.open_file(opening.opened, path)

    def open_file(
        self, opened: Open, path: Path, operations: OpenOperations | None = None
    ) -> OpenFile:
        """Return the open file of ``opened``; ``path`` is for messages.

        ``operations`` are those of the user who opened it, if that is another than the client's.
        """
        io = operations if operations is not None else self.open_operations
        return OpenFile(io, io, opened, path, self.rsize, self.wsize, self.files)


def _io_size(wanted: int, session_limit: int, server_limit: int | None) -> int:
    size = min(wanted, session_limit - _OVERHEAD)
    if server_limit:
        size = min(size, server_limit)
    return max(size & ~4095, 512) if size >= 4096 else max(size, 512)
