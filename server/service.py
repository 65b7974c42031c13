"""The NFS service: exports in, a ``channel.Service`` out, on a reactor that the caller turns.

Programs use :class:`nfsrdma.server.Server`, which brings what it takes of a machine::

    service = NfsService([Export("", LocalFileSystem("/srv"))], reactor, random.SystemRandom())
    service.listen_tcp("127.0.0.1", 2049)
    reactor.run_forever()
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from nfsrdma.rpcrdma.budget import Budget
from nfsrdma.rpcrdma.io.fork import keep_from_children
from nfsrdma.rpcrdma.io.tcp import TcpListener, connect_tcp, listen_at, listen_tcp
from nfsrdma.rpcrdma.providers.owners import owner_finder
from nfsrdma.rpcrdma.rpc.channel import Channel, Service
from nfsrdma.rpcrdma.rpc.program import (
    ProcedureLane,
    RpcProgram,
    RpcService,
    null_lane,
    null_procedure,
)
from nfsrdma.rpcrdma.rpc.security import SECURITIES, ServerSecurity
from nfsrdma.rpcrdma.rpc.stream import StreamLimits
from nfsrdma.rpcrdma.task import Future, Reactor, TimerHandle
from nfsrdma.rpcrdma.transport import TransportOptions, listen_rdma
from nfsrdma.rpcrdma.transport.channel import RdmaChannel
from nfsrdma.rpcrdma.transport.connect import RdmaListener
from nfsrdma.rpcrdma.transport.stats import TransportStats
from nfsrdma.rpcrdma.verbs.interfaces import Device

from .authority import Authority, Policy
from .callback import CallbackClient, CallbackTimes, Connect, SessionlessCallbacks
from .config import ServerConfig
from .copies import Copies
from .delegations import AdaptivePolicy, Delegations
from .engine.core import Core
from .engine.lane import make_lane
from .engine.machine import CompoundProcedure
from .engine.offload import Threads
from .engine.tally import Tally
from .engine.witness import Witness
from .lock_notices import LockNotices
from .ops.lanes import LANES
from .ops.table import MINORS
from .outside_locks import OutsideLocks
from .owners import Database, NoDatabase
from .state.client_v40 import ClientV40
from .state.limits import StateLimits
from .state.recovery import MemoryRecoveryStore, RecoveryStore
from .state.registry import Registry
from .vfs.export import Export, is_elsewhere
from .vfs.interface import FileSystem
from .vfs.namespace import Namespace

if TYPE_CHECKING:
    import socket
    from random import Random

PROGRAM: Final = 100003
VERSION: Final = 4
_SWEEPS_PER_LEASE: Final = 4
_KEY_OCTETS: Final = 32
_RETIRING_S: Final = 10.0

OnChannel = Callable[[Channel], object]


_CALLBACK_LIMITS: Final = StreamLimits(
    max_record=64 << 10, max_fragments=64, max_incoming=1, max_unsent=64 << 10
)
"""Of connections to clients of minor version 0, which no budget is charged for."""


class NobodyNamed(ValueError):
    """Other hosts could connect, and no export names any (``networks``)."""


def _outermost(export: Export) -> Export:
    """Return the export that another one is mounted below, however deep."""
    while export.above is not None:
        export = export.above[0]
    return export


def _named(config: ServerConfig, key: bytes) -> ServerConfig:
    """Return the settings of a server with that key, with names by which it is known to clients."""
    digest = hashlib.blake2s(key, digest_size=16, person=b"identity").hexdigest()
    name = b"nfsrdma " + digest.encode()
    return replace(config, owner=config.owner or name, scope=config.scope or name)


class _Nobody:
    """Calls no client of minor version 0: there is nothing to call them for."""

    def begin(self, client: ClientV40) -> None:
        """Leave a client alone."""

    def check(self, client: ClientV40) -> None:
        """Leave a client alone."""


class NfsService:
    """An NFS server of minor versions 0, 1 and 2, or of some of them.

    ``store`` keeps what must survive a restart, such as the key of the file handles. Without one
    nothing does, and handles of an earlier life are BADHANDLE. ``rng`` makes keys and identifiers,
    and must be unpredictable to clients (``random.SystemRandom()``). ``born_ns`` is the time shown
    for the directories above the exports. ``threads``, such as ``edge.workers``, do what blocks:
    then slow disks do not slow others down. ``policy`` says whom to believe (see ``authority``);
    the default is the strictest that the exports can be served by. ``security`` has the RPC
    flavors. ``connect`` makes the connections over which clients of minor version 0 are called, by
    TCP if it is not given. ``people`` are the users and groups that have names.
    Raises ``ValueError`` if the exports' names are in each other's way.
    """

    namespace: Namespace
    registry: Registry
    callbacks: CallbackClient
    """Calls to clients."""
    delegations: Delegations
    """What is delegated, and to whom."""
    lock_notices: LockNotices
    """Who waits for locks."""
    outside_locks: OutsideLocks
    """What is locked against those who are no clients."""
    service: Service
    """What answers calls, whatever they come over."""
    memory: Budget
    """What all peers together make the server hold, in octets."""
    ended: dict[str, Counter[str]]
    """What the RDMA connections that have ended had counted, by their provider."""
    started: float
    """When it began, by the reactor's clock."""
    listeners: dict[TcpListener | RdmaListener, str]
    """What accepts connections, and the provider of those over RDMA (else empty)."""

    def __init__(
        self,
        exports: Sequence[Export],
        reactor: Reactor,
        rng: Random,
        *,
        config: ServerConfig | None = None,
        store: RecoveryStore | None = None,
        born_ns: int = 0,
        threads: Threads | None = None,
        policy: Policy | None = None,
        security: Mapping[int, ServerSecurity] = SECURITIES,
        connect: Connect | None = None,
        people: Database | None = None,
    ) -> None:
        self._reactor = reactor
        self._exports = tuple(exports)
        self._store = store or MemoryRecoveryStore(rng.randrange(1, 1 << 32))
        key = self._store.secret(rng.randbytes(_KEY_OCTETS))
        self.namespace = Namespace(exports, key, born_ns)
        self.config = _named(config or ServerConfig(), key)
        self._policy = policy or Policy.suiting(exports)
        self._retired: list[FileSystem] = []
        self._core = self._assemble(rng, connect or self._connect, threads, people or NoDatabase())
        if self._core.offload.has_threads:
            for export in exports:
                export.fs.attach(self._core.offload)
        self.service = RpcService([self._program()], security, clock=reactor.time)
        self.memory = Budget(self.config.memory, reactor.call_soon)
        self.ended = {}
        self.started = reactor.time()
        self.listeners = {}
        self._timer: TimerHandle | None = None
        self._abandoned = False
        keep_from_children(self)
        self._sweep()

    def _assemble(
        self, rng: Random, connect: Connect, threads: Threads | None, people: Database
    ) -> Core:
        """Put together what compounds share: state, the ways to call clients, and rights."""
        config, reactor = self.config, self._reactor
        lease = config.times.lease
        times = CallbackTimes.suiting(lease)
        sessionless = SessionlessCallbacks(reactor, rng, connect, times.answer, lease)
        self.callbacks = CallbackClient(reactor, rng, times, sessionless)
        self.registry = Registry(
            self._store,
            config.times,
            config.state,
            rng,
            reactor.time(),
            later=self._later,
            probe=self.callbacks.probe,
            reach=sessionless if config.delegations else _Nobody(),
        )
        self.delegations = Delegations(
            self.registry,
            self.callbacks,
            reactor,
            AdaptivePolicy() if config.delegations else None,
        )
        self.lock_notices = LockNotices(self.registry, self.callbacks, reactor)
        self.outside_locks = OutsideLocks(self.lock_notices, reactor, self._later)
        return Core(
            config,
            self.namespace,
            self.registry,
            Authority(self._exports, self._policy, reactor.time),
            self.delegations,
            self.lock_notices,
            self.outside_locks,
            Copies(self.registry.copies, self.callbacks, reactor, lease),
            clock=reactor.time,
            threads=threads,
            call_soon=self._later,
            people=people,
        )

    def _program(self) -> RpcProgram:
        """Return the NFS program, in the minor versions that are served."""
        minors = {minor: MINORS[minor] for minor in sorted(self.config.minor_versions)}
        compound = CompoundProcedure(self._core, minors)
        lanes: dict[tuple[int, int], ProcedureLane] = {}
        if self.config.lanes:
            lane = make_lane(self._core, self.config.minor_versions, LANES)
            lanes = {(VERSION, 0): null_lane, (VERSION, 1): lane}
        return RpcProgram(PROGRAM, {VERSION: {0: null_procedure, 1: compound}}, lanes)

    def listen_at(
        self, sock: socket.socket, *, on_channel: OnChannel | None = None
    ) -> tuple[str, int]:
        """Serve TCP connections to a socket that listens already; return where.

        The socket is the service's from here on. Raises ``NobodyNamed``.
        """
        return self._take(
            listen_at(self._reactor, sock, self.service, on_channel=on_channel, budget=self.memory)
        )

    def listen_tcp(
        self, address: str, port: int, *, on_channel: OnChannel | None = None
    ) -> tuple[str, int]:
        """Serve TCP connections; return where it listens.

        Raises OSError if it cannot, and ``NobodyNamed``.
        """
        return self._take(
            listen_tcp(
                self._reactor,
                address,
                port,
                self.service,
                on_channel=on_channel,
                budget=self.memory,
            )
        )

    def listen_rdma(
        self,
        device: Device,
        address: str,
        port: int,
        *,
        on_channel: OnChannel | None = None,
        options: TransportOptions | None = None,
        provider: str = "",
    ) -> tuple[str, int]:
        """Serve RDMA connections to a device of the same reactor; return where it listens.

        ``provider`` is what the device's kind is called where people look (the device's own name
        if it is not given). Raises OSError if it cannot, and ``NobodyNamed``.
        """
        provider = provider or device.name

        def opened(channel: Channel) -> None:
            if isinstance(channel, RdmaChannel):
                # Not the channel, which would be in a circle.
                channel.on_close(partial(self._count_ended, provider, channel.stats))
            if on_channel is not None:
                on_channel(channel)

        return self._take(
            listen_rdma(
                device,
                self._reactor,
                address,
                port,
                self.service,
                options=options,
                on_channel=opened,
                budget=self.memory,
                owner_of=owner_finder(device),
            ),
            provider,
        )

    def _count_ended(self, provider: str, stats: TransportStats, reason: str) -> None:
        """Keep what a connection has counted, as it ends."""
        self.ended.setdefault(provider, Counter()).update(stats.as_dict())

    @staticmethod
    def _check_reach(exports: Sequence[Export], addresses: Iterable[str]) -> None:
        if not all(export.for_this_host for export in exports):
            return
        for address in filter(is_elsewhere, addresses):
            raise NobodyNamed(
                f"{address} can be reached from other hosts, and no export says which of them may "
                "connect"
            )

    def _take(self, listener: TcpListener | RdmaListener, provider: str = "") -> tuple[str, int]:
        where = listener.address
        try:
            self._check_reach(self._exports, [where[0]])
        except NobodyNamed:
            listener.close()
            raise
        self.listeners[listener] = provider
        return where

    def replace_exports(
        self, exports: Sequence[Export], *, policy: Policy | None = None, born_ns: int = 0
    ) -> None:
        """Serve these exports from now on, by these rules; clients stay connected.

        One with the name and the file system of an export that is there takes over nothing but
        its rules, which hold for the next call: handles, opens and locks stay. Of others
        that were there handles are stale, and state is gone; their file systems are closed a little
        later. ``policy`` changes as well unless it is None, and ``born_ns`` is the new time of the
        directories above the exports. Raises ``ValueError`` as the constructor does, and
        ``NobodyNamed``: then nothing has changed.
        """
        pairs = [(self._present(export), export) for export in exports]
        rules = [(present, export) for present, export in pairs if present is not None]
        kept = [present for present, _ in rules]
        below = [each for each in self._exports if each.above and _outermost(each) in kept]
        chosen = [present or export for present, export in pairs] + below
        self._check_reach(exports, (listener.address[0] for listener in self.listeners))
        before = self._exports
        self.namespace.replace(chosen, born_ns)
        self._exports = tuple(chosen)
        for present, export in rules:
            present.adopt(export)
            present.locations = export.locations
        # Those around come first in the list.
        for junction in below:
            assert junction.above is not None
            junction.adopt(junction.above[0])
        self._policy = policy or self._policy
        self._core.authority.replace(chosen, self._policy)
        if self._core.offload.has_threads:
            for export in chosen:
                if export not in before:
                    export.fs.attach(self._core.offload)
        self._retire([export for export in before if export not in chosen])

    def _present(self, wanted: Export) -> Export | None:
        """Return the export that is there already, of the same files by the same name."""
        for export in self._exports:
            same = export.fs is wanted.fs or (export.absent and wanted.absent)
            if same and export.path == wanted.path and export.number == wanted.number:
                return export
        return None

    def _retire(self, exports: Sequence[Export]) -> None:
        """Forget the state in exports that there were, and close their files a little later."""
        for export in exports:
            self.registry.drop_export(export, self.namespace.prefix_of(export))
            export.junctions.clear()
            self._retired.append(export.fs)
        if exports:
            # What is under way there may come to its end.
            self._reactor.call_at(self._reactor.time() + _RETIRING_S, self._close_retired)

    def _close_retired(self) -> None:
        used = {id(export.fs) for export in self._exports}
        retired, self._retired = self._retired, []
        for fs in retired:
            if id(fs) not in used and not self._abandoned:
                fs.close()

    def resize(self, state: StateLimits, memory: int) -> None:
        """Change how much peers can make the server remember, and hold; what there is stays."""
        if memory < 16 * self.config.max_message:
            raise ValueError("there must be memory for sixteen calls of the longest kind at least")
        self.registry.resize(state)
        self.memory.resize(memory)

    # --- Its end ---

    def hold_changes(self, hold: bool) -> None:
        """Begin no change of files any more: clients are told to ask again (DELAY).

        By the time that they do there is a successor: see ``edge.lull``. Without ``hold`` they
        are begun again, as there is no successor after all.
        """
        self._core.draining = hold
        if not hold:
            self.registry.legacy.go_on()

    def turn_away(self) -> None:
        """Take no clients any more that are not known: they are told to ask again (DELAY)."""
        self.registry.closed = True

    def stop_accepting(self) -> None:
        """Accept no more connections; those that are up stay."""
        for listener in self.listeners:
            listener.close()

    def be_watched(self, witness: Witness) -> None:
        """Have a witness told of operations that change something, and of those that fail."""
        self._core.witness = witness

    @property
    def tally(self) -> Tally:
        """What was done, in numbers."""
        return self._core.tally

    @property
    def draining(self) -> bool:
        """Whether no change of files is begun any more: see :meth:`hold_changes`."""
        return self._core.draining

    @property
    def is_idle(self) -> bool:
        """Whether no call is under way, but those that come with the next turn of the loop."""
        return not self._core.parked

    def abandon(self) -> None:
        """Do no more: clients, files and the store are the parent's (``io.fork.Holder``)."""
        self._abandoned = True

    def close(self) -> None:
        """Accept no more connections, close those that are up, and close the file systems."""
        if self._abandoned:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for listener in self.listeners:
            listener.close()
            for channel in list(listener.channels):
                channel.close()
        self.listeners.clear()
        self.registry.forget_idle()
        self.registry.legacy.leave(self.registry.sessions.values())
        for client in self.registry.clients.confirmed():
            self.registry.expire(client)
        self.registry.states.close_all()
        self.outside_locks.close()
        for export in self.namespace.exports:
            export.fs.close()
        self._close_retired()
        self._store.close()

    def _sweep(self) -> None:
        """Forget expired clients, and close descriptors that are kept only to be quick."""
        if self._abandoned:
            return
        now = self._reactor.time()
        # First of all, so that the next sweep comes even if this one fails.
        interval = max(0.5, self.config.times.lease / _SWEEPS_PER_LEASE)
        self._timer = self._reactor.call_at(now + interval, self._sweep)
        for export in self.namespace.exports:
            with suppress(OSError):
                export.fs.sweep()
        self.registry.sweep(now)
        self.tally.stop_watching(now)

    def _connect(self, address: str, port: int, timeout_s: float) -> Future[Channel]:
        """Connect to a client of minor version 0, from a port that says nothing of who we are."""
        return connect_tcp(
            self._reactor,
            address,
            port,
            timeout_s=timeout_s,
            reserved_port=False,
            limits=_CALLBACK_LIMITS,
        )

    def _later(self, work: Callable[[], None]) -> None:
        """Do something on the loop's next turn, unless the server is closed by then."""
        self._reactor.call_soon(self._if_open, work)

    def _if_open(self, work: Callable[[], None]) -> None:
        if self._timer is not None:
            work()
