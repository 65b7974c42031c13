"""Octets of the server's memory for each client, open, lock and delegation (by ``tracemalloc``)."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from costs_world import World
from tests.support.delegations import READ, WANT_READ
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    FakeChannel,
    Peer,
    close,
    create_session,
    exchange_id,
    lock,
    open_,
    putfh,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.xdr.nfs4 import types as t

COUNT: Final = 2000
WARM: Final = 100
"""How many are made before: what is made once is not counted."""

Make = Callable[[int], None]
"""Makes the i-th, and keeps nothing of it outside of the server."""


def _names(world: World) -> list[bytes]:
    """Make files, closed, whose names and nodes the server has already."""
    client = world.client()
    handles = []
    for number in range(WARM + COUNT):
        stateid, handle = world.create(client, b"%d" % number)
        world.spend(client, putfh(handle), close(stateid))
        handles.append(handle)
    return handles


def _clients(slots: int, used: bool) -> Make:
    world = World()
    peers = []
    for number in range(WARM + COUNT):
        peers.append(Peer(world.server, Credentials.sys(0, 0)))
        peers[-1].channel = FakeChannel(f"10.0.{number >> 8}.{number & 255}")

    def make(i: int) -> None:
        found = world.send(peers[i], exchange_id(b"client %d" % i))[1][0]
        made = create_session(found.eir_clientid, found.eir_sequenceid, slots=slots)
        reply = world.send(peers[i], made)[1]
        for slot in range(reply[0].csr_fore_chan_attrs.ca_maxrequests if used else 0):
            sequence = t.SEQUENCE4args(reply[0].csr_sessionid, 1, slot, slot, False)
            world.send(peers[i], (t.OP_SEQUENCE, sequence))

    return make


def _client() -> Make:
    return _clients(1, False)


def _client_in_use() -> Make:
    return _clients(8, True)


def _open() -> Make:
    world = World()
    handles, client = _names(world), world.client()

    def make(i: int) -> None:
        world.spend(client, putfh(handles[i]), open_(None, READ))

    return make


def _open_of_one() -> Make:
    world = World()
    handles, client = _names(world), world.client()

    def make(i: int) -> None:
        world.spend(client, putfh(handles[0]), open_(None, READ, owner=b"o%d" % i))

    return make


def _lock_owner() -> Make:
    world = World()
    client = world.client()
    stateid, handle = world.create(client, b"file")

    def make(i: int) -> None:
        world.spend(client, putfh(handle), lock(stateid, 4 * i, 1, owner=b"o%d" % i))

    return make


def _range() -> Make:
    world = World()
    client = world.client()
    opened, handle = world.create(client, b"file")
    state: list[t.stateid4] = []

    def make(i: int) -> None:
        how = lock(state[0], 4 * i, 1, owner=None) if state else lock(opened, 4 * i, 1)
        state[:] = [world.call(client, putfh(handle), how)[1][2].lock_stateid]

    return make


def _delegation() -> Make:
    world = World(delegations=True)
    handles, client = _names(world), world.holder()

    def make(i: int) -> None:
        found: Any = world.call(client, putfh(handles[i]), open_(None, READ | WANT_READ), GETFH)[1]
        given = found[2].delegation.delegation_type
        if given != t.OPEN_DELEGATE_READ:
            raise RuntimeError("no delegation was granted")
        world.spend(client, putfh(handles[i]), close(found[2].stateid))

    return make


def _file() -> Make:
    world = World()
    client = world.client()

    def make(i: int) -> None:
        reply = world.call(client, PUTROOTFH, open_(b"%d" % i, create=t.GUARDED4), GETFH)[1]
        world.spend(client, putfh(reply[3].object), close(reply[2].stateid))

    return make


KINDS: Final[Mapping[str, Callable[[], Make]]] = {
    "client, with a session of one slot": _client,
    "the same, of 8 slots, each used": _client_in_use,
    "open, of a file of its own": _open,
    "open, of one file by another owner": _open_of_one,
    "lock owner with one range": _lock_owner,
    "range of the same lock owner": _range,
    "read delegation": _delegation,
    "empty file in the back end in memory": _file,
}


def octets_of_each(kinds: Mapping[str, Callable[[], Make]]) -> dict[str, float]:
    """Return octets for one more of each kind, the mean of many."""
    return {what: _octets(prepare()) for what, prepare in kinds.items()}


def _octets(make: Make) -> float:
    def several(numbers: Iterable[int]) -> int:
        for number in numbers:
            make(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = several(range(WARM))
        return (several(range(WARM, WARM + COUNT)) - before) / COUNT
    finally:
        tracemalloc.stop()
