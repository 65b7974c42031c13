"""A server at work on this machine: its threads, its devices, and where it is reached."""

from __future__ import annotations

import logging
import os
import random
import socket
import time
from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable
from urllib.parse import quote

from nfsrdma.rpcrdma.io.tcp import TcpListener
from nfsrdma.rpcrdma.providers.choice import SHARED_MEMORY
from nfsrdma.rpcrdma.providers.registry import DEFAULT_PROVIDER, implied_provider, open_device
from nfsrdma.rpcrdma.task import Reactor
from nfsrdma.rpcrdma.verbs.interfaces import Device

from ..authority import Policy
from ..config import ServerConfig
from ..service import NfsService, OnChannel
from ..state.recovery import RecoveryStore
from ..vfs.export import Export
from .succession import Estate, Heirloom
from .users import People
from .workers import Workers

_log = logging.getLogger(__name__)

_DRAINING: Final = 50
"""Turns of the reactor, at most, in which the calls under way may end."""
_LAST_WORDS: Final = 5
"""Turns in which the last words to peers go out. Those to one that shares our UDP port (``soft``)
come back to us first, and we hand them on."""

RDMA_PORT: Final = 20049
TCP_PORT: Final = 2049
"""The ports that NFS is served at, unless told otherwise (RFC 8267, Section 6.2; RFC 8881)."""


class MachineReactor(Reactor, Protocol):
    """A reactor that other threads can reach: ``io.SelectReactor``, or asyncio's loop."""

    def call_soon_threadsafe(self, callback: Any, *args: Any) -> Any:
        """Have a callback called by the loop, from any thread."""


class ListenAddress(NamedTuple):
    """Where clients reach a server: ``transport`` is ``"rdma"`` or ``"tcp"``."""

    transport: str
    address: str
    port: int

    def url(self, path: str) -> str:
        """Return what a client mounts; for a wildcard address, by this host's name."""
        address = self.address
        if address in ("0.0.0.0", "::"):
            address = socket.gethostname()
        # RFC 6874: the percent sign before the scope of an address is written as its octet.
        host = f"[{quote(address, safe=':')}]" if ":" in address else address
        default = RDMA_PORT if self.transport == "rdma" else TCP_PORT
        where = host if self.port == default else f"{host}:{self.port}"
        # RFC 3986, Section 2.1: what else has a meaning in a URL is written as its octets.
        return f"nfs+{self.transport}://{where}/{quote(os.fsencode(path))}"


@runtime_checkable
class PassingDevice(Protocol):
    """A device whose listening sockets another process can have as well."""

    name: str
    handed_over: dict[tuple[str, int], socket.socket]

    @property
    def listening(self) -> dict[tuple[str, int], socket.socket]:
        """The sockets that listen, by address and port."""


class Serving:
    """A service with what it takes of this machine, driven by a reactor that somebody turns.

    Errors of the constructor: ``ValueError`` if the exports' names are in each other's way.
    """

    def __init__(
        self,
        exports: Sequence[Export],
        reactor: MachineReactor,
        *,
        config: ServerConfig | None = None,
        store: RecoveryStore | None = None,
        policy: Policy | None = None,
        on_channel: OnChannel | None = None,
        estate: Estate | None = None,
    ) -> None:
        """``estate`` is what a predecessor left."""
        self._reactor = reactor
        self._on_channel = on_channel
        self._estate = estate or Estate()
        self._given: set[tuple[str, int]] = set()
        self._devices: list[Device] = []
        self._workers = Workers(reactor)
        self.service = NfsService(
            exports,
            reactor,
            random.SystemRandom(),
            config=config,
            store=store,
            born_ns=time.time_ns(),
            threads=self._workers,
            policy=policy,
            people=People(),
        )

    def listen_rdma(
        self,
        addresses: Sequence[str],
        port: int = RDMA_PORT,
        *,
        provider: str | None = None,
        device: str | None = None,
        pcap: str | PathLike[str] | None = None,
    ) -> list[ListenAddress]:
        """Serve RDMA at some addresses; return where. Raises ``OSError`` and ``ValueError``.

        Without a provider that is by ``soft`` and, unless packets are to be seen or devices named,
        by ``shm`` as well: clients of this host find it there, see ``providers.choice``.
        """
        provider = implied_provider(provider, device, pcap)
        made = self._device(provider or DEFAULT_PROVIDER, device, pcap)
        places = []
        for address in addresses:
            where = self._listen_with(provider or DEFAULT_PROVIDER, made, address, port)
            places.append(ListenAddress("rdma", *where))
            if provider is None:
                self._listen_beside(*where)
        return places

    def listen_tcp(self, address: str, port: int = TCP_PORT) -> ListenAddress:
        """Serve TCP at an address; return where. Raises ``OSError`` and ``ValueError``."""
        sock = self._estate.take("tcp", address, port)
        if sock is not None:
            return self._listen_at(sock)
        return ListenAddress(
            "tcp", *self.service.listen_tcp(address, port, on_channel=self._on_channel)
        )

    def listen_at(self, sock: socket.socket) -> ListenAddress:
        """Serve TCP at a socket that listens already, and is the server's from here on.

        It is the service manager's as well. Raises ``ValueError``.
        """
        place = self._listen_at(sock)
        self._given.add((place.address, place.port))
        return place

    def _listen_at(self, sock: socket.socket) -> ListenAddress:
        return ListenAddress("tcp", *self.service.listen_at(sock, on_channel=self._on_channel))

    def disclaim(self) -> None:
        """Close what a predecessor left and is not served any more: nobody is to wait there."""
        self._estate.close()
        for device in self._devices:
            if isinstance(device, PassingDevice):
                for sock in device.handed_over.values():
                    sock.close()
                device.handed_over.clear()

    def heirlooms(self) -> Iterator[Heirloom]:
        """Yield the sockets that a successor can have as well, so that nobody is refused."""
        for listener in self.service.listeners:
            if isinstance(listener, TcpListener):
                kind = "given" if listener.address in self._given else "tcp"
                yield Heirloom(kind, *listener.address, listener.sock)
        for device in self._devices:
            if isinstance(device, PassingDevice):
                for where, sock in device.listening.items():
                    yield Heirloom(device.name, *where, sock)

    def urls(self, place: ListenAddress) -> list[str]:
        """Return what clients mount at a place: a URL for each export."""
        return [place.url(export.name) for export in self.service.namespace.named]

    def closing(self) -> Iterator[None]:
        """Give everything back, in steps: after each of them the reactor is to be turned once.

        So what the threads have done is taken note of, and what is posted while connections are
        closed, such as the last word to RDMA peers, goes out. Calls under way are answered before,
        as far as they do not wait for other clients.
        """
        self.service.stop_accepting()
        self._workers.close()
        for _ in range(_DRAINING):
            yield
            if self.service.is_idle:
                break
        self.service.close()
        for _ in range(_LAST_WORDS):
            yield
        for device in self._devices:
            device.close()
        self._devices.clear()

    def _device(self, provider: str, name: str | None, pcap: str | PathLike[str] | None) -> Device:
        made = self._estate.devices.pop(provider, None)
        if made is None:
            made = open_device(provider, self._reactor, device=name, pcap=pcap)
        self._devices.append(made)
        if isinstance(made, PassingDevice):
            made.handed_over.update(self._estate.take_all(made.name))
        return made

    def _listen_with(
        self, provider: str, device: Device, address: str, port: int
    ) -> tuple[str, int]:
        return self.service.listen_rdma(
            device, address, port, on_channel=self._on_channel, provider=provider
        )

    def _listen_beside(self, address: str, port: int) -> None:
        """Serve the clients of this host through shared memory, if that can be."""
        try:
            device = self._device(SHARED_MEMORY, None, None)
            self._listen_with(SHARED_MEMORY, device, address, port)
        except OSError as error:
            _log.info("no shared memory for clients of this host: %s", error)
