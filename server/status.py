"""What is going on at a server, for its administrator: a picture of one moment, made when asked.

Nothing is counted for this: all of it is read from where it is. The picture is bounded, whatever
clients do: of each list the first come, and how many were left out is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.transport.channel import RdmaChannel

from .records import path_of
from .service import NfsService
from .state.backchannel import Path
from .state.client import Client, address_and_owner
from .state.registry import Registry
from .state.session import Session
from .vfs.export import Export

MOST_CLIENTS: Final = 512
MOST_WAITS: Final = 64
MOST_SESSIONS: Final = 4
"""Of one client."""
MOST_CONNECTIONS: Final = 16
"""Of one session. A connection may be in many sessions."""
MOST_OTHERS: Final = 512
"""Connections that no session uses."""


@dataclass(frozen=True, slots=True)
class Credits:
    """The calls that a peer may have in progress over a connection, and those that it has."""

    granted: int
    in_use: int


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One connection.

    ``transport`` is ``"rdma"`` or ``"tcp"``, ``provider`` how RDMA is done (empty for TCP), and
    ``user`` whose process the peer is, if it is one of this host. TCP has no credits.
    """

    address: str
    port: int
    transport: str
    provider: str
    user: int | None
    credits: Credits | None
    calls: int
    """How many came over it (over TCP: records)."""


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """One session. ``idle_s`` are the seconds since its last call.

    ``slots`` is how many calls it may have in progress, ``callbacks`` whether those of the server
    arrive: ``"up"``, ``"down"``, ``"unknown"``, or ``"none"`` if no connection was given for them.
    """

    id: str
    slots: int
    busy: bool
    idle_s: float
    callbacks: str
    connections: tuple[ConnectionStatus, ...]
    connections_left_out: int


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """One client. ``name`` is its own word for itself, with escapes; ``version`` is NFS's.

    The lease was renewed ``lease_age_s`` seconds ago, and has ``lease_left_s`` left: below 0 if it
    ran out, and the state is kept out of courtesy. ``locks`` are byte ranges.
    """

    id: str
    name: str
    address: str
    user: int | None
    version: str
    confirmed: bool
    lease_age_s: float
    lease_left_s: float
    opens: int
    locks: int
    delegations: int
    recalled: int
    """How many of the delegations the server has asked back."""
    sessions: tuple[SessionStatus, ...]
    sessions_left_out: int


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """Where the server listens, and how many connections came there and are up."""

    transport: str
    provider: str
    address: str
    port: int
    connections: int


@dataclass(frozen=True, slots=True)
class ExportStatus:
    """One export. ``hosts`` may use it: networks, ``"any"``, or none for this host alone."""

    name: str
    hosts: tuple[str, ...]
    readers: tuple[str, ...]
    """Those of them that may change nothing where others may."""
    read_only: bool
    squash: str
    files_in_use: int
    """Files with opens or delegations."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is of something, and may be; None where the limit is not a number of them."""

    held: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class WaitStatus:
    """Somebody who waits for a client to give up something that it holds of a file.

    ``what`` is ``"lock"`` or ``"delegation"``; ``waiting`` and ``holding`` are ids of clients.
    ``waiting`` is empty for a delegation, which several may want back, and ``holding`` for a lock
    that no client has: it is about to be had, or a program of the server's host has it.
    """

    what: str
    path: str
    waiting: str
    holding: str


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """A server at one moment. ``grace_s`` is 0 outside of a grace period."""

    up_s: float
    lease_s: float
    grace_s: float
    awaited: tuple[str, ...]
    """The clients that it lasts for: they have not come back yet."""
    waits: tuple[WaitStatus, ...]
    draining: bool
    listeners: tuple[ListenerStatus, ...]
    exports: tuple[ExportStatus, ...]
    clients: tuple[ClientStatus, ...]
    clients_left_out: int
    other_connections: tuple[ConnectionStatus, ...]
    """Those that no session uses: of NFS 4.0, and of peers that have not said who they are."""
    other_connections_left_out: int
    amounts: Mapping[str, Amount]
    """What all clients have together, by its name; ``memory`` is in octets."""


def status_of(service: NfsService, now: float) -> ServerStatus:
    """Return what is going on at a server. ``now`` is by its reactor's clock."""
    registry = service.registry
    providers = {
        channel: provider
        for listener, provider in service.listeners.items()
        for channel in listener.channels
    }
    used = {channel for each in registry.sessions.values() for channel in each.connections}
    clients = [*registry.clients.confirmed(), *registry.clients.unconfirmed()]
    others = [channel for channel in providers if channel not in used]
    return ServerStatus(
        up_s=now - service.started,
        lease_s=registry.times.lease,
        grace_s=registry.grace.remaining(now),
        awaited=tuple(islice(_awaited(registry), MOST_CLIENTS)),
        waits=tuple(islice(_waits(service), MOST_WAITS)),
        draining=service.draining,
        listeners=tuple(_listeners(service)),
        exports=tuple(_exports(service)),
        clients=tuple(
            _client(each, registry.times.lease, providers, now) for each in clients[:MOST_CLIENTS]
        ),
        clients_left_out=_beyond(clients, MOST_CLIENTS),
        other_connections=tuple(_connection(each, providers) for each in others[:MOST_CONNECTIONS]),
        other_connections_left_out=_beyond(others, MOST_OTHERS),
        amounts=amounts_of(service),
    )


def amounts_of(service: NfsService) -> dict[str, Amount]:
    """Return what all clients have together, and what they may have."""
    registry, limits = service.registry, service.registry.limits
    connections = sum(len(listener.channels) for listener in service.listeners)
    ranges = sum(client.ranges for client in registry.clients.confirmed())
    return {
        "clients": Amount(len(registry.clients), limits.clients.clients),
        "sessions": Amount(len(registry.sessions), None),
        "connections": Amount(connections, None),
        "states": Amount(len(registry.states), limits.states),
        "locks": Amount(ranges, limits.ranges),
        "delegations": Amount(len(registry.delegations), limits.delegations),
        "waiters": Amount(len(registry.states.waiters), limits.waiters),
        "copies": Amount(len(registry.copies), limits.copies),
        "memory": Amount(service.memory.held, service.memory.limit),
    }


def _listeners(service: NfsService) -> Iterator[ListenerStatus]:
    for listener, provider in service.listeners.items():
        transport = "rdma" if provider else "tcp"
        yield ListenerStatus(transport, provider, *listener.address, len(listener.channels))


def _exports(service: NfsService) -> Iterator[ExportStatus]:
    in_use = service.registry.states.files_by_export()
    for export in service.namespace.named:
        yield ExportStatus(
            name="/" + export.name,
            hosts=_hosts(export),
            readers=() if export.read_only else _readers(export),
            read_only=export.read_only,
            squash=export.squash.name.lower(),
            files_in_use=in_use.get(export, 0),
        )


def _hosts(export: Export) -> tuple[str, ...]:
    return ("any",) if export.for_everyone else tuple(map(str, export.networks))


def _readers(export: Export) -> tuple[str, ...]:
    readers = export.readers
    return (("any",) if readers.everyone else ()) + tuple(map(str, readers.networks))


def _waits(service: NfsService) -> Iterator[WaitStatus]:
    for export in service.namespace.exports:
        for file in service.registry.states.files_of(export):
            for waiter in file.waiters.values():
                held = file.locks.conflict(
                    waiter.start, waiter.end, waiter.exclusive, waiter.client, waiter.owner
                )
                holding = "" if held is None else id_of(held.holder.client)
                yield WaitStatus("lock", path_of(file.handle), id_of(waiter.client), holding)
            for client, delegation in file.delegations.items():
                if delegation.recalled:
                    yield WaitStatus("delegation", path_of(file.handle), "", id_of(client))


def id_of(client: Client) -> str:
    """Return the id of a client as people see it."""
    return end_of(client.id.to_bytes(8, "big"))


def _awaited(registry: Registry) -> Iterator[str]:
    for record in sorted(registry.grace.awaited):
        address, owner = address_and_owner(record)
        yield f"{shown_name(owner)} of {address}"


def _client(
    client: Client, lease: float, providers: Mapping[Channel, str], now: float
) -> ClientStatus:
    sessions = list(client.sessions.values())
    age = now - client.renewed
    return ClientStatus(
        id=id_of(client),
        name=shown_name(client.owner),
        address=client.source[0],
        user=client.source[1],
        version=_version(client, sessions),
        confirmed=client.confirmed,
        lease_age_s=age,
        lease_left_s=lease - age,
        opens=len(client.open_states),
        locks=client.ranges,
        delegations=len(client.delegations),
        recalled=sum(each.recalled for each in client.delegations.values()),
        sessions=tuple(_session(each, providers, now) for each in sessions[:MOST_SESSIONS]),
        sessions_left_out=_beyond(sessions, MOST_SESSIONS),
    )


def _version(client: Client, sessions: list[Session]) -> str:
    """Return the version of a client; which of those with sessions it is, these say."""
    if not client.has_sessions:
        return "4.0"
    return f"4.{sessions[-1].back.minor}" if sessions else ""


def _session(session: Session, providers: Mapping[Channel, str], now: float) -> SessionStatus:
    connections = list(session.connections)
    return SessionStatus(
        id=end_of(session.id),
        slots=session.slot_count,
        busy=session.busy,
        idle_s=now - session.used,
        callbacks=_callbacks(session),
        connections=tuple(_connection(each, providers) for each in connections[:MOST_CONNECTIONS]),
        connections_left_out=_beyond(connections, MOST_CONNECTIONS),
    )


def _callbacks(session: Session) -> str:
    back = session.back
    if not back.paths:
        return "none"
    if not back.operational:
        return Path.DOWN.value
    return Path.UP.value if back.is_up else Path.UNKNOWN.value


def _connection(channel: Channel, providers: Mapping[Channel, str]) -> ConnectionStatus:
    peer = channel.peer
    credits_: Credits | None = None
    if isinstance(channel, RdmaChannel):
        grant = channel.responder.grant
        credits_ = Credits(grant.offered, grant.in_use)
        calls = channel.stats.calls_received
    else:
        calls = getattr(channel, "records_received", 0)
    provider = providers.get(channel, "")
    return ConnectionStatus(
        peer.address, peer.port, peer.transport, provider, peer.uid, credits_, calls
    )


def end_of(name: bytes) -> str:
    """Return what tells a client or session from others, and does not give it away.

    Who knows the whole name of a session of another host may call in it: see ``principal``.
    """
    return name[-4:].hex()


def shown_name(name: bytes) -> str:
    """Return octets as text; what is no UTF-8 is escaped."""
    return name.decode("utf-8", "backslashreplace")


def _beyond(items: Sequence[object], most: int) -> int:
    return max(0, len(items) - most)
