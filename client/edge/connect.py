"""The way from a URL and options to a client: connections, credentials, randomness."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from weakref import ref

from nfsrdma.rpcrdma.io.fork import keep_from_children
from nfsrdma.rpcrdma.io.tcp import connect_tcp
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, Service
from nfsrdma.rpcrdma.task import Future, Reactor, Task
from nfsrdma.rpcrdma.verbs.interfaces import Device

from ..client import IO_SIZE, ClientOptions
from ..errors import NfsError, forked
from ..filesystem import FileSystem
from ..options import NCONNECT_MAX, MountOptions
from ..recovery import SILENT_SERVER
from ..referral import MovedError
from ..routes import Way
from ..url import Url, parse_url, paths_to
from .local import blamed

if TYPE_CHECKING:
    from nfsrdma.rpcrdma.transport.channel import RdmaChannel
    from nfsrdma.rpcrdma.verbs.interfaces import Device

_SHORTLY_S: Final = 2.0
"""Seconds that a server in shared memory may take to answer."""

_SERVERS_MAX: Final = 16
"""Places that a mount tries, as servers refer it from one to the next."""


class _Place(NamedTuple):
    """Where a path leads, and by which provider's device."""

    url: Url
    provider: str | None
    device: str | None


class Connector:
    """Makes connections to one server, over TCP or over RDMA devices of its own."""

    def __init__(self, reactor: Reactor, url: Url, options: MountOptions) -> None:
        self._reactor = reactor
        self._pcap = options.pcap
        self._devices: dict[tuple[str, str | None], Device] = {}  # by provider and name
        self._channels: list[RdmaChannel] = []  # those over RDMA that are open, and some others
        self._totals: dict[str, int] = {}  # of those before them
        self._pid = os.getpid()
        self._client: Callable[[], FileSystem | None] = lambda: None
        if options.pcap is not None and url.transport != "rdma":
            raise ValueError("packets can be captured only of nfs+rdma://; use tcpdump for TCP")
        if options.device is not None and url.transport != "rdma":
            raise ValueError("a device has a meaning only with nfs+rdma://")
        self._places = [self._place(each, options) for each in paths_to(url, options)]
        if options.pcap is not None:
            # Failing later, as a device is opened, would look like a fault of the connection.
            with blamed(options.pcap):
                open(options.pcap, "ab").close()

    def _place(self, url: Url, options: MountOptions) -> _Place:
        if url.transport == "tcp":
            return _Place(url, None, None)
        own = MountOptions(provider=url.options.provider, device=url.options.device)
        chosen = own.over(options)
        return _Place(url, _checked_provider(chosen), chosen.device)

    def ways(self) -> list[Way]:
        """Return the ways to the server, the usual one first.

        TCP is the last resort if another way is RDMA.
        """
        rdma = any(place.url.transport == "rdma" for place in self._places)
        return [
            Way(
                str(place.url.with_path(())),
                partial(self._connect, place),
                rdma and place.url.transport == "tcp",
            )
            for place in self._places
        ]

    def _connect(self, place: _Place, timeout_s: float, service: Service) -> Future[Channel]:
        """Return a connection whose incoming calls go to ``service``.

        The future's error is an ``OSError``.
        """
        url = place.url
        if url.transport == "tcp":
            return connect_tcp(
                self._reactor, url.host, url.port, service=service, timeout_s=timeout_s
            )
        try:
            return self._connect_rdma(place, timeout_s, service)
        except OSError as error:
            failed: Future[Channel] = Future()
            failed.set_error(error)
            return failed

    def _connect_rdma(self, place: _Place, timeout_s: float, service: Service) -> Future[Channel]:
        found = socket.getaddrinfo(place.url.host, place.url.port, type=socket.SOCK_DGRAM)
        address = str(found[0][4][0])
        if place.provider is not None:
            return self._connect_by(place.provider, place, address, timeout_s, service)
        from nfsrdma.rpcrdma.providers.choice import providers_for

        providers = providers_for(address)
        return Task(self._connect_best(providers, place, address, timeout_s, service))

    async def _connect_best(
        self, providers: list[str], place: _Place, address: str, timeout_s: float, service: Service
    ) -> Channel:
        """Connect by the first provider that can. Raises what the last one says if none can."""
        *hopeful, last = providers
        for provider in hopeful:
            with suppress(OSError):
                # A server on this host that is silent in shared memory may still answer packets.
                patience = min(_SHORTLY_S, timeout_s / 2)
                return await self._connect_by(provider, place, address, patience, service)
        return await self._connect_by(last, place, address, timeout_s, service)

    def _connect_by(
        self, provider: str, place: _Place, address: str, timeout_s: float, service: Service
    ) -> Future[Channel]:
        """Connect by one provider, opening its device if need be. Raises ``OSError``."""
        # Imported here: a TCP client does not need a RoCE engine.
        from nfsrdma.rpcrdma.providers.registry import open_device
        from nfsrdma.rpcrdma.transport.connect import connect_rdma
        from nfsrdma.rpcrdma.transport.options import TransportOptions

        key = provider, place.device
        device = self._devices.get(key)
        if device is None:
            device = self._devices[key] = open_device(
                provider, self._reactor, device=place.device, pcap=self._pcap
            )
        future = connect_rdma(
            device,
            self._reactor,
            address,
            place.url.port,
            options=replace(TransportOptions.suiting(device.limits), connect_timeout_s=timeout_s),
            service=service,
        )
        future.add_done_callback(self._connected)
        return cast("Future[Channel]", future)

    def _connected(self, future: Future[RdmaChannel]) -> None:
        if future.error() is None:
            for channel in [each for each in self._channels if each.closed]:
                _add(self._totals, channel.stats.as_dict())
                self._channels.remove(channel)
            self._channels.append(future.result())

    def counters(self) -> dict[str, int]:
        """Return what the RDMA connections and the packets below them have done, by name.

        Empty for TCP. The names are those of ``TransportStats`` and, where the provider has
        packets, of ``roce.engine.counters.Counters``.
        """
        total = dict(self._totals)
        for channel in self._channels:
            _add(total, channel.stats.as_dict())
        for device in self._devices.values():
            _add(total, device.packet_counters())
        return total

    def serve(self, client: FileSystem) -> None:
        """Make connections for ``client``, and abandon both in children of this process."""
        self._client = ref(client)  # a weak reference: the client refers to us
        keep_from_children(self)

    def abandon(self) -> None:
        """See ``io.fork.Holder``. The devices are holders themselves."""
        self._devices = {}
        client = self._client()
        if client is not None:
            client.abandon(lambda: forked(self._pid))

    def close(self) -> None:
        """Close the devices."""
        devices, self._devices = self._devices, {}
        for device in devices.values():
            device.close()


def _add(total: dict[str, int], counted: dict[str, int]) -> None:
    for name, value in counted.items():
        total[name] = total.get(name, 0) + value


def _checked_provider(options: MountOptions) -> str | None:
    from nfsrdma.rpcrdma.providers.registry import check_provider, implied_provider

    provider = implied_provider(options.provider, options.device, options.pcap)
    if provider is not None:
        check_provider(provider, options.device, options.pcap)
    return provider


def _credentials(options: MountOptions) -> Credentials:
    """Return AUTH_SYS credentials; supplementary groups go along only if the user is our own."""
    uid = os.geteuid() if options.uid is None else options.uid
    gid = os.getegid() if options.gid is None else options.gid
    groups = options.groups
    if groups is None:
        groups = tuple(os.getgroups()) if options.uid is None else ()
    return Credentials.sys(uid, gid, groups[:16], socket.gethostname().encode()[:255])


def make_client(
    reactor: Reactor, url: str, options: MountOptions
) -> tuple[FileSystem, Connector, Url]:
    """Return a client for ``url``, not connected yet. Raises ``UrlError`` and ``ValueError``."""
    return _client_at(reactor, parse_url(url), options)


def _client_at(
    reactor: Reactor, url: Url, options: MountOptions
) -> tuple[FileSystem, Connector, Url]:
    chosen = options.over(url.options)
    connector = Connector(reactor, url, chosen)
    rng = random.SystemRandom()
    timeout = chosen.timeout if chosen.timeout is not None else 5.0
    if not timeout > 0:
        raise ValueError("the timeout must be above 0 seconds")
    minor = chosen.minor_version if chosen.minor_version is not None else 2
    if minor not in (1, 2):
        raise ValueError("the minor version is 1 or 2")
    nconnect = chosen.nconnect if chosen.nconnect is not None else 1
    if not 1 <= nconnect <= NCONNECT_MAX:
        raise ValueError(f"nconnect is a number from 1 to {NCONNECT_MAX}")
    cache = chosen.cache if chosen.cache is not None else 0
    if cache < 0:
        raise ValueError("the cache is a number of octets")
    identity = ClientOptions(
        _credentials(chosen),
        owner=f"nfsrdma {socket.gethostname()} {os.getpid()} {rng.getrandbits(64):x}".encode(),
        verifier=rng.randbytes(8),
        minor_version=minor,
        timeout=timeout,
        rsize=chosen.rsize or IO_SIZE,
        wsize=chosen.wsize or IO_SIZE,
        delegations=bool(chosen.delegations),
        nconnect=nconnect,
        cache=cache,
    )
    ways = connector.ways()
    client = FileSystem(reactor, ways[0].connect, url.path, identity, rng, ways)
    connector.serve(client)
    return client, connector, url


async def mount_client(
    reactor: Reactor, url: str, options: MountOptions
) -> tuple[FileSystem, Connector, Url]:
    """Return a client for ``url``, mounted, and where: that may be another server.

    If the path leads to files that are elsewhere, the servers that are named are tried in order,
    and so on from there, but none twice. Raises ``UrlError``, ``ValueError`` and ``NfsError``.
    """
    first = parse_url(url)
    ahead, tried = [first], set[tuple[object, ...]]()
    failure: NfsError | None = None
    while ahead and len(tried) < _SERVERS_MAX:
        where = ahead.pop(0)
        key = where.host, where.port, where.path
        if key in tried:
            continue
        tried.add(key)
        # Further paths lead to the server that was asked for, and not where that one refers to.
        chosen = options if where is first else replace(options, paths=())
        client, connector, _ = _client_at(reactor, where, chosen)
        try:
            await client.mount()
        except NfsError as error:
            connector.close()
            failure = connect_error(error, where)
            if where is not first:
                failure = _referred(failure, where)
            if isinstance(error, MovedError):
                ahead = [place.url(where) for place in error.places] + ahead
        except BaseException:
            connector.close()
            raise
        else:
            return client, connector, where
    assert failure is not None
    raise failure


def _referred(error: NfsError, where: Url) -> NfsError:
    """Return the same error, saying that it is about a server that another one has named."""
    copy = error.again()
    copy.strerror = f"the server refers to {where}: {error.strerror}"
    return copy


def connect_error(error: NfsError, url: Url) -> NfsError:
    """Return the same error, saying which server it is about."""
    where = f"{url.host} port {url.port}"
    if isinstance(error, ConnectionRefusedError):
        text = f"connection refused: no server listens on port {url.port} there"
    elif isinstance(error, TimeoutError):
        text = (error.strerror or "").removeprefix(SILENT_SERVER)
        text = f"{where}{text or ' does not answer'}"
    elif isinstance(error, ConnectionError):
        text = error.strerror or str(error)
    else:
        return error
    return type(error)(error.errno, text)
