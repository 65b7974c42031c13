"""The soft provider: RoCEv2 over ordinary UDP sockets, for an ordinary user.

One :class:`SoftDevice` is one engine and one UDP socket for each local address in use; on the
wire it is RoCEv2 on port 4791 that adapters, soft-RoCE and analysers understand.

There is one port 4791 per address. The programs of one user share it (``sharing``). A client that
talks to a server on the same host, and finds the address of its route taken, does better than to
share it: it takes another loopback address (127.0.0.2, ...). Where the port is another user's, a
client takes a port of its own, at which servers of ours answer (``cm.answer_port``).
"""

from __future__ import annotations

import errno
import logging
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from random import Random, SystemRandom
from typing import Any, Final

from ..io.fork import keep_from_children
from ..io.reactor import SelectReactor
from ..roce.cm.cm_id import CmId
from ..roce.cm.manager import ROCE_PORT, Listener, Route
from ..roce.engine.engine import Engine
from ..roce.engine.tuning import Tuning
from ..roce.packets.burst import Address, Burst
from ..roce.wire.addressee import Key, Number
from ..task import PolledReactor, Reactor
from ..verbs.interfaces import (
    ConnectionRequest,
    ConnectRequest,
)
from ..verbs.types import DeviceLimits
from .engine_device import EngineDevice
from .lookout import Lookout
from .routes import alternatives, find_route, is_local, local_addresses, resolve
from .sharing import SharedPort
from .tap import Tap
from .udp import (
    BUFFER_OCTETS,
    SO_RCVBUFFORCE,
    Bursts,
    UdpPort,
    family_of,
    granted_buffer,
    segmentation_offload,
)
from .waiting import Waiting

_log = logging.getLogger(__name__)

_LEAST_FLIGHT = 3 * 15 * 4096
_MOST_FLIGHT = 1 << 20
_ROUND_READ = 64
_TAKEN = (
    "UDP port 4791 of {} is taken, by a program of another user, by one that does not share it "
    "or by the kernel's soft-RoCE (rdma link): use another local address, or stop it"
)


def flight_octets(receive_octets: int) -> int:
    """Return how many octets may be in flight to a socket with such a receive buffer.

    The kernel counts what packets occupy, up to four times what they carry.
    """
    return max(_LEAST_FLIGHT, min(receive_octets // 4, _MOST_FLIGHT))


_LIMITS: Final = DeviceLimits(short_message=68 << 10)
"""Up to records of 64 KiB, a few more copies cost half as much as chunks."""


def read_octets(flight: int) -> int:
    """Return the longest RDMA READ request for a flight of so many octets: some of them fit.

    It is 3 packets and a multiple of 15, which take the fewest bursts (``Tuning.read_octets``); or
    64 packets, since a burst more costs less than a request more for a record of 256 KiB.
    """
    packets = flight // 4 // 4096
    if packets >= _ROUND_READ:
        return _ROUND_READ * 4096
    return (3 + 15 * max(1, (packets - 3) // 15)) * 4096


class SoftDevice(EngineDevice):
    """An engine on UDP sockets (``verbs.interfaces.Device``).

    ``address`` (a local address or name) confines it to that one; otherwise it takes what
    ``listen`` names and what the routes of ``connect`` need.
    """

    def __init__(
        self,
        reactor: Reactor,
        *,
        rng: Random | None = None,
        address: str | None = None,
        tap: Tap | None = None,
    ) -> None:
        rng = rng or SystemRandom()
        gso = segmentation_offload()
        engine = Engine(rng=rng, name="soft", gso=gso, limits=_LIMITS, tuning=_tuning())
        super().__init__(
            engine,
            reactor,
            rng,
            transmit=self._transmit,
            route=self._route,
            look=self._look,
        )
        self.udp_counters: Counter[str] = Counter()
        """Failures of the sockets, by kind."""
        self._reactor = reactor
        self._tap = tap
        self._ports: list[UdpPort | SharedPort] = []
        self._port_of: dict[Address, UdpPort | SharedPort] = {}
        self._apart: dict[str, UdpPort] = {}
        """Ports of our own at addresses whose port 4791 is another user's."""
        self._only: UdpPort | SharedPort | None = None
        """The one port there is, at which answers can be waited for."""
        waiting = Waiting(
            engine,
            self.driver.send,
            self._await,
            self._may_wait,
            reactor.time,
            briefly=not isinstance(reactor, SelectReactor),
        )
        self.engine.send_early = self._send_early
        self.engine.wait, self.engine.waiting_pays = waiting, waiting.pays
        self._lookout = Lookout(self._watch, self._may_wait, self.driver.turn, self.driver.wake)
        if isinstance(reactor, PolledReactor):
            reactor.add_poller(self._lookout)
        self.engine.on_number = self.cm.on_number = self._numbered
        self.cm.on_listener = self._listened
        self.cm.is_unsure = self._is_unsure
        self._address = resolve(address)[0] if address is not None else None
        keep_from_children(self)
        if self._address is not None:
            self._open(self._address)

    def listen(
        self, address: str, port: int, on_request: Callable[[ConnectionRequest], None]
    ) -> Listener:
        """Listen on a local address, name or wildcard (``0.0.0.0``, ``::``).

        The wildcard stands for the addresses that the host has now, with a socket for each: one
        socket for all of them would leave no address for a client on the same host.
        Raises ``OSError`` when the address, its UDP port 4791 or ``port`` cannot be had.
        """
        self.open_ports(address)
        return self.cm.listen(resolve(address)[0], port, on_request)

    def open_ports(self, address: str) -> None:
        """Open the UDP sockets that listening at an address takes: they keep what comes.

        Raises ``OSError``.
        """
        host = resolve(address)[0]
        wildcard = host in ("0.0.0.0", "::")
        confined = self._address is not None and family_of(self._address) == family_of(host)
        if not (wildcard and confined):
            for local in local_addresses(host) if wildcard else [host]:
                self._insist(self._open(local))

    @property
    def ports_are_open(self) -> bool:
        """Whether the sockets that were asked for are there, those that others pass us as well."""
        return all(not isinstance(port, SharedPort) or port.is_open for port in self._ports)

    def connect(self, request: ConnectRequest) -> CmId:
        """Start to connect to an address or a name; names are looked up at once.

        Raises ``OSError`` when there is no such name, no route or no free local address.
        """
        hosts = resolve(request.address)
        for host in hosts[:-1]:
            try:
                self._route(host)
            except OSError:
                continue
            break
        else:
            host = hosts[-1]
        return self.cm.connect(replace(request, address=host))

    def close(self) -> None:
        """Disconnect everything, flush, free the sockets."""
        super().close()
        if isinstance(self._reactor, PolledReactor):
            self._reactor.remove_poller(self._lookout)
        for port in (*self._ports, *self._apart.values()):
            port.close()
        if self._tap is not None:
            self._tap.close()

    def abandon(self) -> None:
        """See ``io.fork.Holder``: the sockets are closed by themselves."""
        self.driver.abandon()
        if self._tap is not None:
            self._tap.abandon()
            self._tap = None

    def _open(self, host: str, *, share: bool = True) -> UdpPort | SharedPort:
        """Return the socket of our address ``host``; without ``share`` it must be ours alone.

        Raises ``OSError`` if it cannot be had.
        """
        for port in self._ports:
            if port.serves(host):
                if not isinstance(port, SharedPort) or port.failure is None:
                    return port
                self._ports.remove(port)
                self._port_of.clear()
                port.close()
                raise OSError(errno.EADDRINUSE, _TAKEN.format(host)) from port.failure
        try:
            port = self._new_port(host, share)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise OSError(errno.EADDRINUSE, _TAKEN.format(host)) from error
            raise OSError(error.errno, f"{host}: {error.strerror}") from error
        self._ports.append(port)
        return port

    def _insist(self, port: UdpPort | SharedPort) -> None:
        """Make sure that a socket can be had: a listener has no other sign of it.

        Raises ``OSError``.
        """
        if isinstance(port, SharedPort):
            try:
                port.insist()
            except OSError as error:
                self._ports.remove(port)
                self._port_of.clear()
                raise OSError(errno.EADDRINUSE, _TAKEN.format(port.host)) from error

    def _new_port(self, host: str, share: bool) -> UdpPort | SharedPort:
        """Return a socket. Raises ``OSError``."""
        if host in ("0.0.0.0", "::"):
            return self._udp_port(host, ROCE_PORT)
        port = SharedPort(
            host,
            self._reactor,
            self.udp_counters,
            on_receive=self._received,
            on_batch=self._received_batch,
            on_turn=self.driver.turn,
            on_writable=self.driver.writable,
            on_taken=self._taken,
            numbers=self.engine.numbers + self.cm.numbers,
            share=share,
        )
        for listener in self.cm.listeners:
            if _covers(listener[0], host):
                try:
                    port.listen(listener[1])
                except OSError as error:
                    _log.warning("not listening at %s: %s", host, error.strerror)
        return port

    def _udp_port(self, host: str, port: int) -> UdpPort:
        return UdpPort(
            host,
            self._reactor,
            self.udp_counters,
            on_receive=self._received,
            on_batch=self._received_batch,
            on_turn=self.driver.turn,
            on_writable=self.driver.writable,
            port=port,
        )

    def _numbered(self, key: Key, present: bool) -> None:
        """Tell those who share a port with us what is ours."""
        for port in self._ports:
            if isinstance(port, SharedPort):
                (port.claim if present else port.release)(key)

    def _taken(self, key: Key) -> None:
        """Give up a number that another program had before; identifiers give up by themselves."""
        self.udp_counters["numbers taken"] += 1
        if key[0] is Number.QUEUE_PAIR:
            self.engine.withdraw(key[1])

    def _is_unsure(self) -> bool:
        return any(isinstance(port, SharedPort) and port.is_unsure for port in self._ports)

    def _listened(self, address: Address, present: bool) -> None:
        """Take or give back a listener's port. Raises ``OSError``: another program has it."""
        host, number = address
        shared = [each for each in self._ports if isinstance(each, SharedPort)]
        done: list[SharedPort] = []
        for port in shared:
            if not _covers(host, port.host):
                continue
            if not present:
                port.unlisten(number)
                continue
            try:
                port.listen(number)
            except OSError as error:
                for other in done:
                    other.unlisten(number)
                text = f"{port.host} port {number} is taken by another program of this user"
                raise OSError(error.errno, text) from error
            done.append(port)

    def _route(self, host: str, local: str | None = None) -> Route:
        """Return the route to ``host``, and open the socket at our end. Raises ``OSError``."""
        if local is not None:
            return find_route(host, local)
        if self._address is not None:
            return find_route(host, self._address)
        route = find_route(host)
        here = is_local(host)
        for share in (False, True) if here else (True,):
            try:
                self._open(route.local, share=share)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return route
            if not share and (other := self._other_local(host, route.local)) is not None:
                return other
        apart = self._apart.get(route.local)
        if apart is None:
            apart = self._apart[route.local] = self._udp_port(route.local, 0)
        return replace(route, port=apart.address[1])

    def _other_local(self, host: str, taken: str) -> Route | None:
        """Return a route to ``host``, which is this machine, from another of its addresses."""
        for local in alternatives(taken):
            try:
                route = find_route(host, local)
                self._open(local, share=False)
            except OSError:
                continue
            return route
        return None

    def _received(
        self, view: memoryview, segment_size: int, source: Address, destination: Address
    ) -> None:
        if self._tap is not None and not any(port.serves(source[0]) for port in self._ports):
            self._note(self._tap.packets, source, destination, view, segment_size)
        self._lookout.heard()
        self.engine.handle_burst(view, segment_size, source, destination, self._reactor.time())

    def _received_batch(self, bursts: Bursts, source: Address, destination: Address) -> None:
        if self._tap is not None:
            for view, segment_size in bursts:
                self._received(view, segment_size, source, destination)
            return
        self._lookout.heard()
        self.engine.handle_bursts(bursts, source, destination, self._reactor.time())

    def _transmit(self, burst: Burst) -> bool:
        source = burst.source
        port = self._port_of.get(source)
        if port is None:
            try:
                port = self._port_of[source] = self._port_at(source)
            except OSError:
                self.udp_counters["send: no port"] += 1
                return True
        if not port.send(burst):
            return False
        if self._tap is not None:
            self._note(self._tap.sent, burst)
        return True

    def _port_at(self, source: Address) -> UdpPort | SharedPort:
        """Return the socket of an address and port of ours. Raises ``OSError``."""
        apart = self._apart.get(source[0])
        return apart if apart is not None and apart.address == source else self._open(source[0])

    def _look(self) -> None:
        for port in (*self._ports, *self._apart.values()):
            port.look()

    def _may_wait(self) -> bool:
        """Return whether answers can be waited for: all that comes, comes by one port, to us."""
        if len(self._ports) + len(self._apart) != 1:
            return False
        (self._only,) = self._ports or self._apart.values()
        return self._only.reads

    def _await(self, looking_s: float, sleeping_s: float) -> bool:
        return self._only is not None and self._only.wait(looking_s, sleeping_s)

    def _send_early(self) -> None:
        """Answer before all that has come is handled, unless the peer needs our processor."""
        if self._lookout.pays:
            self.driver.send()

    def _watch(self, looking_s: float) -> bool:
        return self._await(looking_s, 0.0)

    def _note(self, write: Callable[..., None], *packets: Any) -> None:
        """Have the tap write something; if it cannot, only the capture ends."""
        try:
            write(*packets)
        except OSError as error:
            _log.error("the capture ends here: %s", error)
            tap, self._tap = self._tap, None
            if tap is not None:
                with suppress(OSError):
                    tap.close()


def _covers(listening: str, host: str) -> bool:
    """Return whether a listener at an address or wildcard is there for our address ``host``."""
    if listening in ("0.0.0.0", "::"):
        return family_of(listening) == family_of(host)
    return listening == host


def _tuning() -> Tuning:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        granted = granted_buffer(probe, SO_RCVBUFFORCE, socket.SO_RCVBUF, BUFFER_OCTETS)
    flight = flight_octets(granted)
    return Tuning(flight_octets=flight, read_octets=read_octets(flight))


def open_device(
    reactor: Reactor,
    *,
    rng: Random | None = None,
    address: str | None = None,
    tap: Tap | None = None,
    **unknown: Any,
) -> SoftDevice:
    """Open a device, for the registry."""
    if unknown:
        raise TypeError(f"the soft provider has no option {', '.join(unknown)}")
    return SoftDevice(reactor, rng=rng, address=address, tap=tap)
