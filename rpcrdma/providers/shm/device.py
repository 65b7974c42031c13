"""The device: what is made on one reactor, and what ends with it."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random, SystemRandom
from socket import socket
from time import perf_counter
from typing import Any, Final
from weakref import WeakSet

from ...complaints import Complaints
from ...software.completion import CompletionQueue
from ...software.patience import BOTH_WAKE_S, Expected, Naps, Patience
from ...task import PolledReactor, Reactor
from ...verbs.interfaces import ConnectionRequest, ConnectRequest
from ...verbs.types import DeviceLimits
from ..routes import is_local, resolve
from . import messages
from .connection import ShmConnection
from .listener import ShmListener
from .order import SUITABLE
from .queue_pair import QueuePair
from .regions import ProtectionDomain
from .rendezvous import Credentials, Meeting, meet, network_namespace
from .talk import BESIDE, LATE, OTHER, nap, place

_log = logging.getLogger(__name__)

_LIMITS: Final = DeviceLimits(
    max_qp_wr=16384,
    max_message=1 << 30,
    max_rd_atomic=16,
    short_message=68 << 10,
    copies_sends=True,
)
_NUMBERS: Final = 1 << 24
_EPHEMERAL: Final = range(49152, 65536)
_HERE: Final = "127.0.0.1"
_AT_ONCE_S: Final = 5e-6
"""Whatever comes sooner than this was there already, more or less: nobody waited for it."""
_LONGEST_WAIT_S: Final = 1e-3
"""No news are slept for, rather than waited for asleep, that take longer to come."""
_SOMEWHERE: Final = "0.0.0.0"
"""The address of a peer in another network namespace."""


class ShmDevice:
    """Peers on this host, reached through shared memory (``verbs.interfaces.Device``)."""

    name = "shm"
    limits = _LIMITS

    def __init__(
        self,
        reactor: Reactor,
        *,
        rng: Random | None = None,
        address: str | None = None,
        directory: str | None = None,
    ) -> None:
        """``address`` is our address for peers; ``directory`` is where listeners are found.

        Raises ``OSError`` on a processor that is not supported.
        """
        if not SUITABLE:
            raise OSError("the shm provider runs on x86-64 processors only")
        self.reactor = reactor
        self._rng = rng or SystemRandom()
        self._directory = directory
        self._address = resolve(address)[0] if address is not None else None
        self._number = self._rng.randrange(_NUMBERS)
        self._announced: deque[CompletionQueue] = deque()
        self._failures = Complaints(_log, reactor.time)
        self._soon = False
        self._domains: WeakSet[ProtectionDomain] = WeakSet()
        self.turning = 0
        """How many connections have their turn; they deliver completions themselves."""
        self._patience = Patience(BOTH_WAKE_S)
        self._naps = Naps()
        self._expected = Expected(_LONGEST_WAIT_S, self._naps)
        self._waits_since = 0.0
        """When it began to wait, if it sleeps since then."""
        self._busy: dict[ShmConnection, None] = {}  # those that were used lately
        if isinstance(reactor, PolledReactor):
            reactor.add_poller(self._look)
        self.connections: dict[ShmConnection, None] = {}
        self.listeners: dict[ShmListener, None] = {}
        self.handed_over: dict[tuple[str, int], socket] = {}
        """Sockets of a predecessor that listen already, by their addresses and ports."""

    def packet_counters(self) -> dict[str, int]:
        """Return nothing: there are no packets."""
        return {}

    def create_pd(self) -> ProtectionDomain:
        """Return a new protection domain."""
        domain = ProtectionDomain(self._rng)
        self._domains.add(domain)
        return domain

    def create_cq(self, depth: int) -> CompletionQueue:
        """Return a new completion queue."""
        return CompletionQueue(depth, self._announce)

    def listen(
        self, address: str, port: int, on_request: Callable[[ConnectionRequest], None]
    ) -> ShmListener:
        """Listen on a local address. Raises ``OSError``: not a local one, or the port is taken."""
        host = resolve(address)[0]
        bound = self.handed_over.pop((host, port), None)
        meeting = Meeting(host, port, self._directory, bound)
        listener = ShmListener(self, meeting, host, on_request)
        self.listeners[listener] = None
        return listener

    @property
    def listening(self) -> dict[tuple[str, int], socket]:
        """The sockets that listen, for a successor to have them as well."""
        return {listener.address: listener.sock for listener in self.listeners}

    def connect(self, request: ConnectRequest) -> ShmConnection:
        """Start to connect to a server on this host."""
        options, port = request.connect_options, request.port
        messages.check_private(options.private_data, messages.REQ_PRIVATE_ROOM)
        host = resolve(request.address)[0]
        local = self._address or host, self._rng.choice(_EPHEMERAL)
        pd, send_cq, recv_cq = request.pd, request.send_cq, request.recv_cq
        assert isinstance(pd, ProtectionDomain)
        assert isinstance(send_cq, CompletionQueue)
        assert isinstance(recv_cq, CompletionQueue)
        connection = ShmConnection(
            self, pd, send_cq, recv_cq, request.qp_options, local, (host, port)
        )
        meeting = partial(meet, host, port, self._directory)
        connection.connect(meeting, options, request.handler)
        return connection

    def close(self) -> None:
        """Disconnect everything, flush, free.

        The owners of connections are told from inside this call: there may be no other turn.
        """
        for listener in list(self.listeners):
            listener.close()
        for sock in self.handed_over.values():
            sock.close()
        self.handed_over.clear()
        for connection in list(self.connections):
            connection.end_now("the device was closed")
            connection.close()
        self.deliver()
        for domain in list(self._domains):
            domain.close()
        if isinstance(self.reactor, PolledReactor):
            self.reactor.remove_poller(self._look)

    # --- Looking before sleeping ---

    def _look(self, wait: float | None) -> bool:
        """Look for news before the reactor sleeps; return whether there was any."""
        busy = list(self._busy)
        if not busy:
            return False
        patience = self._patience
        seconds = patience.seconds if wait is None else min(wait, patience.seconds)
        began = perf_counter()
        if not seconds:
            self._sleep(began)
            return False
        # Closed ones have been forgotten, and nothing is called between here and their turns.
        pairs = [connection.queue_pair for connection in busy]
        here = place()
        if all(queue_pair.beside(here) for queue_pair in pairs):
            self._busy.clear()  # they are armed; and that says nothing of how long a look pays
            return False
        for queue_pair in pairs:
            queue_pair.disarm()
        nap_s = self._expected.nap_s if len(pairs) == 1 else 0.0
        overslept = False
        if nap_s and (wait is None or nap_s + seconds <= wait):
            overslept = self._nap(pairs[0], nap_s)
            seconds += nap_s
        else:
            self._naps.none()
        outcome = _look_at(pairs, began + seconds)
        now = perf_counter()
        # All of them have a turn: that arms them again.
        found = False
        for connection in busy:
            try:
                found = connection.run() or found
            except Exception as error:
                # This one has ended. The others have yet to be armed again.
                self._failures.failure(f"{connection!r}", error)
        if found:
            patience.found(now - began)
            if overslept:
                self._expected.overslept()
            elif now - began > _AT_ONCE_S:
                self._expected.took(now - began)
        elif outcome == BESIDE:
            self._busy.clear()
        else:
            self._sleep(began)
        return found

    def _nap(self, pair: QueuePair, seconds: float) -> bool:
        """Sleep, unless there is something to do; return whether that was too long."""
        if pair.look(0.0) != LATE:
            return False
        began = perf_counter()
        nap(seconds)
        self._naps.took(seconds, perf_counter() - began)
        return pair.look(0.0) == OTHER

    def _sleep(self, since: float) -> None:
        """Look no more until there is news."""
        self._busy.clear()
        self._patience.nothing()
        self._waits_since = since

    def heard_from(self, connection: ShmConnection) -> None:
        """Note that something came over this connection, which is not closed."""
        self._busy[connection] = None
        if self._waits_since:
            waited = perf_counter() - self._waits_since
            self._patience.slept(waited)
            self._waits_since = 0.0

    # --- For connections ---

    def new_number(self) -> int:
        """Return a number for a queue pair, not used lately."""
        self._number = (self._number + 1) % _NUMBERS
        return self._number

    def forget(self, connection: ShmConnection) -> None:
        """Forget a connection that is closed."""
        self.connections.pop(connection, None)
        self._busy.pop(connection, None)

    def trusts(self, who: Credentials | None) -> bool:
        """Return whether a peer's user could do us harm in other ways as well."""
        return who is not None and who.uid in (0, os.geteuid())

    def believed(self, host: str, who: Credentials) -> str:
        """Return the address of a peer that claims to be ``host``.

        A process of this host may bind any of its addresses, so it may claim any of them here. One
        in another network namespace has none of them.
        """
        theirs = network_namespace(who.pid)
        if theirs is None or theirs != network_namespace():
            return _SOMEWHERE
        try:
            return host if is_local(host) else _HERE
        except ValueError:
            return _HERE

    def deliver(self) -> None:
        """Tell the owners of completion queues that have news."""
        announced = self._announced
        try:
            while announced:
                try:
                    announced.popleft().deliver()
                except Exception as error:
                    # Its own owner's error: the others must be told all the same.
                    self._failures.failure("the owner of a completion queue", error)
        finally:
            if announced:
                self.deliver_soon()

    def deliver_soon(self) -> None:
        """Do the same at the next turn of the reactor."""
        if not self._soon:
            self._soon = True
            self.reactor.call_soon(self._deliver_now)

    def _announce(self, queue: CompletionQueue) -> None:
        self._announced.append(queue)
        if not self.turning:
            self.deliver_soon()

    def _deliver_now(self) -> None:
        self._soon = False
        self.deliver()


def _look_at(pairs: list[QueuePair], end: float) -> int:
    """Look until one of them has something to do, or until ``end``; return what it came to.

    Those of which the peers need this very processor keep nobody looking.
    """
    if len(pairs) == 1:
        return pairs[0].look(end - perf_counter())
    while True:
        outcomes = [queue_pair.look(0.0) for queue_pair in pairs]
        if OTHER in outcomes:
            return OTHER
        if LATE not in outcomes:
            return BESIDE
        if perf_counter() >= end:
            return LATE


def open_device(
    reactor: Reactor,
    *,
    rng: Random | None = None,
    address: str | None = None,
    tap: Any = None,
    directory: str | None = None,
    **unknown: Any,
) -> ShmDevice:
    """Open a device, for the registry."""
    if unknown:
        raise TypeError(f"the shm provider has no option {', '.join(unknown)}")
    if tap is not None:
        raise ValueError("there are no packets in shared memory: to capture, use --provider soft")
    return ShmDevice(reactor, rng=rng, address=address, directory=directory)
