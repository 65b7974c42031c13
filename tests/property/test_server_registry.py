"""Anything in any order, within narrow limits: the tables stay consistent with each other."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.nfs import (
    GETFH,
    LEASE,
    PUTROOTFH,
    FakeReactor,
    Op,
    Peer,
    Session,
    close,
    create_session,
    destroy_clientid,
    destroy_session,
    lock,
    locku,
    make_server,
    open_,
    open_downgrade,
    putfh,
    read,
    reclaim_complete,
    setattr_,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.limits import ClientLimits, StateLimits
from nfsrdma.server.state.recovery import MemoryRecoveryStore, StoreError
from nfsrdma.server.vfs.interface import ROOT
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.server.vfs.memory_node import MemoryNode
from nfsrdma.xdr.nfs4 import types as t

LIMITS = StateLimits(
    clients=ClientLimits(10, 6),
    sessions_per_client=3,
    sessions=200_000,
    states=30,
    states_per_client=12,
    ranges_per_file=10,
    ranges=20,
)
NAMES = [b"a", b"b", b"c"]
USERS = [Credentials.sys(0, 0), Credentials.sys(1000, 1000), Credentials.sys(1001, 1001)]


class FlakyStore(MemoryRecoveryStore):
    """A store whose disk is full now and then."""

    full = False

    def add(self, owner: bytes) -> None:
        if self.full:
            raise StoreError("full")
        super().add(owner)

    def remove(self, owner: bytes) -> None:
        if self.full:
            raise StoreError("full")
        super().remove(owner)


class Monkey:
    """Does things, and remembers what it was told to have tried them again when they are stale."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.reactor = FakeReactor()
        self.store = FlakyStore(7)
        config = ServerConfig(times=LeaseTimes(LEASE, courtesy=LEASE * 3), state=LIMITS)
        self.server: NfsService = make_server(
            reactor=self.reactor, store=self.store, config=config, seed=seed
        )
        self.peers = [
            Peer(self.server, user, f"192.0.2.{number % 4}", user.uid if number % 5 < 2 else None)
            for number, user in enumerate(USERS * 4)
        ]
        self.clients: list[int] = [5]
        self.sessions: list[Session] = []
        self.held: list[tuple[Session, bytes, t.stateid4]] = []

    def step(self) -> None:
        name = self.rng.choice(
            [
                "exchange", "confirm", "confirm", "session", "destroy_session", "destroy_client",
                "bind", *["open"] * 8, *["lock"] * 6, "unlock", "unlock", "close", "close",
                "downgrade", *["use"] * 6, "wait", "hang_up", "disk",
            ]
        )  # fmt: skip
        getattr(self, name)()

    def any(self, things: list[Any]) -> Any:
        # What is new is more interesting.
        return self.rng.choice(things[-self.rng.choice((2, 8, 100)) :])

    def call(self, *ops: Op) -> Any:
        reply = self.rng.choice(self.peers).call(*ops)
        assert t.NFS4ERR_SERVERFAULT not in reply.statuses
        return reply

    def run(self, session: Session, *ops: Op) -> Any:
        # The kernel tells on a process of this host that claims to be somebody else.
        honest = session.peer.channel.peer.uid
        user = session.peer.credentials if honest else self.rng.choice(USERS)
        reply = session.run(*ops, credentials=user)
        assert t.NFS4ERR_SERVERFAULT not in reply.statuses
        if reply.statuses[0] != t.NFS4_OK:
            session.seqid -= 1
            if session in self.sessions and self.rng.random() < 0.7:
                self.sessions.remove(session)
            return None
        return reply if reply.status == t.NFS4_OK else None

    def exchange(self) -> None:
        flags = self.rng.choice((0, 0, 0, t.EXCHGID4_FLAG_UPD_CONFIRMED_REC_A))
        owner = b"%d" % self.rng.randrange(5)
        reply = self.rng.choice(self.peers).exchange_id(
            owner, self.rng.choice((b"verifier", b"restart!")), flags
        )
        assert reply.status != t.NFS4ERR_SERVERFAULT
        if reply.status == t.NFS4_OK:
            self.clients.append(reply[0].eir_clientid)

    def confirm(self) -> None:
        peer = self.rng.choice(self.peers)
        reply = peer.exchange_id(b"%d" % self.rng.randrange(9))
        if reply.status == t.NFS4_OK:
            self.clients.append(reply[0].eir_clientid)
            self._create(peer, reply[0].eir_clientid, reply[0].eir_sequenceid)

    def session(self) -> None:
        self._create(self.rng.choice(self.peers), self.any(self.clients), self.rng.randrange(4))

    def _create(self, peer: Peer, number: int, sequence: int) -> None:
        slots, cached = self.rng.choice((1, 8, 64)), self.rng.choice((0, 1000, 8192))
        reply = peer.call(create_session(number, sequence, slots=slots, cached=cached))
        assert reply.status != t.NFS4ERR_SERVERFAULT
        if reply.status == t.NFS4_OK:
            session = Session(peer, number, reply[0])
            self.sessions.append(session)
            session.run(reclaim_complete())

    def destroy_session(self) -> None:
        if self.sessions:
            self.call(destroy_session(self.any(self.sessions).id))

    def destroy_client(self) -> None:
        self.call(destroy_clientid(self.any(self.clients)))

    def bind(self) -> None:
        if self.sessions:
            direction = self.rng.choice((t.CDFC4_FORE, t.CDFC4_BACK, t.CDFC4_FORE_OR_BOTH))
            arguments = t.BIND_CONN_TO_SESSION4args(self.any(self.sessions).id, direction, False)
            self.call((t.OP_BIND_CONN_TO_SESSION, arguments))

    def open(self) -> None:
        access, deny = self.rng.randrange(1, 4), self.rng.choice((0, 0, 0, 0, 0, 0, 1, 2))
        owner = b"%d" % self.rng.randrange(4)
        mode = {t.FATTR4_MODE: 0o666}
        create = self.rng.choice((None, t.UNCHECKED4, t.UNCHECKED4))
        operation = open_(
            self.rng.choice(NAMES), access, deny, owner=owner, create=create, values=mode
        )
        if not self.sessions:
            return
        session = self.any(self.sessions)
        reply = self.run(session, PUTROOTFH, operation, GETFH)
        if reply is not None:
            self._hold(session, reply[3].object, reply[2].stateid)

    def _hold(self, session: Session, handle: bytes, stateid: t.stateid4) -> None:
        self.held.append((session, handle, t.stateid4(0, stateid.other)))

    def _on_file(self, make: Callable[[t.stateid4], Op]) -> tuple[Session, bytes, Any] | None:
        """Do something with a state, as a rule one of those who do it."""
        if not self.held:
            return None
        at = self.rng.randrange(len(self.held))
        session, handle, stateid = self.held[at]
        if self.rng.random() < 0.1 and self.sessions:
            session = self.any(self.sessions)
        reply = self.run(session, putfh(handle), make(stateid))
        if reply is None and self.rng.random() < 0.5:
            del self.held[at]
        return None if reply is None else (session, handle, reply)

    def lock(self) -> None:
        kind = self.rng.choice((t.READ_LT, t.WRITE_LT))
        start, length = self.rng.randrange(20), self.rng.randrange(1, 9)
        owner = b"%d" % self.rng.randrange(4)
        done = self._on_file(lambda stateid: lock(stateid, start, length, kind, owner=owner))
        if done is not None:
            session, handle, reply = done
            self._hold(session, handle, reply[2].lock_stateid)

    def unlock(self) -> None:
        start, length = self.rng.randrange(20), self.rng.randrange(1, 9)
        self._on_file(lambda stateid: locku(stateid, start, length))

    def close(self) -> None:
        self._on_file(close)

    def downgrade(self) -> None:
        access = self.rng.randrange(1, 4)
        self._on_file(lambda stateid: open_downgrade(stateid, access, 0))

    def use(self) -> None:
        mode = self.rng.choice((0o600, 0o666, 0o666, 0))
        uses: list[Callable[[t.stateid4], Op]] = [
            lambda stateid: read(stateid, 0, 10),
            lambda stateid: write(stateid, b"x"),
            lambda stateid: setattr_({t.FATTR4_MODE: mode}, stateid),
            lambda stateid: setattr_({t.FATTR4_SIZE: 3}, stateid),
        ]
        self._on_file(self.rng.choice(uses))

    def wait(self) -> None:
        self.reactor.advance(self.rng.choice((1, 1, 1, LEASE * 0.4, LEASE * 1.2, LEASE * 5)))

    def hang_up(self) -> None:
        at = self.rng.randrange(len(self.peers))
        old = self.peers[at]
        old.channel.close()
        self.peers[at] = Peer(
            self.server, old.credentials, old.channel.peer.address, old.channel.peer.uid
        )

    def disk(self) -> None:
        self.store.full = self.rng.random() < 0.2


def check(monkey: Monkey) -> None:
    """All that is counted, counted again."""
    registry = monkey.server.registry
    clients, states = registry.clients, registry.states
    confirmed, unconfirmed = clients.confirmed(), clients.unconfirmed()
    everyone = confirmed + unconfirmed
    assert len(clients) == len(everyone) <= LIMITS.clients.clients
    assert len(unconfirmed) <= LIMITS.clients.unconfirmed
    assert sum(map(len, clients._records.values())) == len(everyone)
    sessions = [each for client in everyone for each in client.sessions.values()]
    assert {each.id for each in sessions} == set(registry.sessions)
    taken = sum(each.reserved for each in sessions)
    assert LIMITS.sessions - registry._session_room.free == taken
    assert clients._room.free == LIMITS.clients.clients - len(everyone)
    assert clients._unconfirmed_room.free == LIMITS.clients.unconfirmed - len(unconfirmed)
    bound = {(channel, session) for channel, some in registry._bound.items() for session in some}
    assert bound == {(channel, each) for each in sessions for channel in each.connections}
    opens = [each for client in everyone for each in client.open_states.values()]
    locks = [each for client in everyone for each in client.lock_states.values()]
    assert len(states) == len(opens) + len(locks) <= LIMITS.states
    assert states._room.free == LIMITS.states - len(states)
    ranges = 0
    for file in states._files.values():
        assert file.opens
        assert len(file.locks) == sum(map(file.locks.held_by, file.lock_states.values()))
        ranges += len(file.locks)
    assert ranges == LIMITS.ranges - states._ranges.free <= LIMITS.ranges
    assert ranges == sum(client.ranges for client in everyone)
    assert {id(each) for each in opens} == {
        id(each) for file in states._files.values() for each in file.opens.values()
    }
    # Who has state is on record, and nobody is there who has gone.
    owners = set(monkey.store._owners)
    assert {client.record for client in everyone if client.has_state} <= owners
    assert owners <= {client.record for client in everyone}


@pytest.mark.parametrize("seed", range(40))
def test_consistent(seed: int) -> None:
    monkey = Monkey(seed)
    for _ in range(250):
        monkey.step()
        check(monkey)
    fs = monkey.server.namespace.exports[0].fs
    assert isinstance(fs, MemoryFileSystem)
    monkey.store.full = False
    monkey.reactor.advance(LEASE * 10)
    check(monkey)
    assert len(monkey.server.registry.clients) == 0
    assert not monkey.store._owners
    for name in NAMES:
        try:
            node = fs.lookup(fs.root, name, ROOT)
        except FileNotFoundError:
            continue
        assert isinstance(node, MemoryNode)
        assert node.opens == 0
