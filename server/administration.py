"""What an administrator may have a server do, and what it is busy with.

Who may ask is for others to say: see ``edge.control``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from nfsrdma.xdr.nfs4 import ops
from nfsrdma.xdr.nfs4.errors import NfsError

from .engine.tally import BOUNDS, Work
from .service import NfsService
from .state.client import Client, address_and_owner
from .status import id_of, shown_name
from .vfs.namespace import Filehandle

_MOST_SHOWN: Final = 64


class NotDone(Exception):
    """What was asked for was not done; the text says why."""


# --- Clients that are to go ---


@dataclass(frozen=True, slots=True)
class Evicted:
    """A client that has lost its lease, and with it all that it held."""

    id: str
    name: str
    address: str
    opens: int
    locks: int
    delegations: int


def evict(service: NfsService, who: str) -> list[Evicted]:
    """Put out a client by its id, as ``status`` shows it, or all clients of an address.

    They lose opens, locks and delegations at once, and their connections; they may come again, as
    new ones. Whether they may is for the exports to say. Nor may they reclaim after a restart what
    others may have had in between. Those that a grace period lasts for are named by their address:
    it does not wait for them any more. Raises :class:`NotDone` if there is none.
    """
    clients = service.registry.clients
    every = [*clients.confirmed(), *clients.unconfirmed()]
    meant = [each for each in every if who in (id_of(each), each.source[0])]
    absent = _awaited(service, who)
    if not meant and not absent:
        raise NotDone(f"there is no client {who}: name it by its id or its address")
    gone = _give_up(service, absent)
    for client in meant:
        connections = {each for session in client.sessions.values() for each in session.connections}
        evicted = _evicted(client)
        try:
            service.registry.retire(client)
        except NfsError:
            raise NotDone(f"that {id_of(client)} is gone cannot be recorded: see the log") from None
        gone.append(evicted)
        for channel in connections:
            if not channel.relied_on:
                channel.close()
    return gone


def _awaited(service: NfsService, who: str) -> list[bytes]:
    """Return the clients of an address that the grace period lasts for."""
    known = {each.record for each in service.registry.clients.confirmed()}
    awaited = service.registry.grace.awaited - known
    return sorted(each for each in awaited if address_and_owner(each)[0] == who)


def _give_up(service: NfsService, records: list[bytes]) -> list[Evicted]:
    gone = []
    for record in records:
        address, owner = address_and_owner(record)
        try:
            service.registry.give_up(record)
        except NfsError:
            raise NotDone(f"that {address} is gone cannot be recorded: see the log") from None
        gone.append(Evicted("", shown_name(owner), address, 0, 0, 0))
    return gone


def _evicted(client: Client) -> Evicted:
    return Evicted(
        id_of(client),
        shown_name(client.owner),
        client.source[0],
        len(client.open_states),
        client.ranges,
        len(client.delegations),
    )


# --- What is going on ---


@dataclass(frozen=True, slots=True)
class Doing:
    """What a client does, or what is done with a file, in a span of time.

    A client is its ``id``, a file has none; ``name`` is what the client calls itself, or the path
    of the file, ``where`` the client's address, or the export.
    """

    id: str
    name: str
    where: str
    operations: int
    read: int
    written: int


@dataclass(frozen=True, slots=True)
class Operation:
    """What became of the operations of one kind since the server began.

    ``spans`` counts the COMPOUNDs that were about it by how long they took: at most each of
    ``Picture.bounds``, or longer.
    """

    name: str
    succeeded: int
    failed: int
    spans: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Who did what in the ``span_s`` seconds since this was asked last, the busiest first."""

    span_s: float
    clients: tuple[Doing, ...]
    files: tuple[Doing, ...]
    operations: tuple[Operation, ...]
    bounds: tuple[float, ...]
    read: int
    """Octets since the server began."""
    written: int


def activity_of(service: NfsService, now: float) -> Picture:
    """Return what a server is busy with; from now on it is noted, for some seconds."""
    tally = service.tally
    noted = tally.watch(now)
    clients = (_of_client(service, number, work) for number, work in noted.clients.items())
    files = (_of_file(handle, work) for handle, work in noted.files.values())
    return Picture(
        span_s=now - noted.began,
        clients=_busiest(clients),
        files=_busiest(files),
        operations=tuple(_operations(service)),
        bounds=BOUNDS,
        read=tally.read,
        written=tally.written,
    )


def _busiest(doing: Iterable[Doing]) -> tuple[Doing, ...]:
    def weight(each: Doing) -> tuple[int, int]:
        return each.operations, each.read + each.written

    return tuple(sorted(doing, key=weight, reverse=True)[:_MOST_SHOWN])


def _of_client(service: NfsService, number: int, work: Work) -> Doing:
    client = service.registry.clients.get(number)
    if client is None:
        name, where, shown = ("(has left)" if number else "(no session)"), "", ""
    else:
        name, where, shown = shown_name(client.owner), client.source[0], id_of(client)
    return Doing(shown, name, where, work.operations, work.read, work.written)


def _of_file(handle: Filehandle, work: Work) -> Doing:
    path = handle.export.fs.path_at_hand(handle.node)
    name = f"file {handle.node.fileid}" if path is None else shown_name(path) or "."
    return Doing("", name, f"/{handle.export.name}", work.operations, work.read, work.written)


def _operations(service: NfsService) -> Iterable[Operation]:
    tally = service.tally
    succeeded = tally.succeeded
    failed: dict[int, int] = {}
    for (number, _), count in tally.failed.items():
        failed[number] = failed.get(number, 0) + count
    for number in sorted(succeeded.keys() | failed.keys() | tally.spans.keys()):
        spans = tally.spans.get(number)
        yield Operation(
            ops.name_of(number),
            succeeded.get(number, 0),
            failed.get(number, 0),
            tuple(spans.counts) if spans is not None else (),
        )
