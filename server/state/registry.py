"""All that the server knows of its clients, and what happens to it as time goes by."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import (
    NFS4ERR_BADSESSION,
    NFS4ERR_NOSPC,
    NFS4ERR_SHARE_DENIED,
    channel_attrs4,
)

from .client import Client, ClientLimits, ClientTable
from .lease import Grace, LeaseTimes
from .recovery import RecoveryStore
from .session import Session
from .share import OpenedFile
from .stateid import OpenState, StateTable

_SESSION_ID = struct.Struct(">II8s")


@dataclass(frozen=True, slots=True)
class StateLimits:
    """How much a peer can make the server remember."""

    clients: ClientLimits = field(default_factory=ClientLimits)
    sessions_per_client: int = 64
    states_per_client: int = 1 << 16
    ranges_per_file: int = 1 << 12


class Registry:
    """Clients, sessions, states and the grace period, kept consistent with each other."""

    def __init__(
        self,
        store: RecoveryStore,
        times: LeaseTimes,
        limits: StateLimits,
        random: Random,
        now: float,
    ) -> None:
        self.times = times
        self.limits = limits
        self.store = store
        self.grace = Grace(store, times.grace, now)
        self.boot = self.grace.boot
        self.clients = ClientTable(self.boot, times.lease, limits.clients)
        self.states = StateTable(self.boot, limits.states_per_client)
        self.sessions: dict[bytes, Session] = {}
        # New in every life: a client that sees another one writes again what was not committed.
        self.write_verifier = struct.pack(">I", self.boot) + random.randbytes(4)
        self._random = random
        self._next_session = 1

    # Clients

    def has_expired(self, client: Client, now: float) -> bool:
        """Whether the client was silent for longer than its lease."""
        return now > client.renewed + self.times.lease

    def renew(self, client: Client, now: float) -> None:
        """The client was heard of."""
        client.renewed = now
        client.courtesy = False

    def expire(self, client: Client) -> None:
        """Forget a client and all that is its."""
        self.states.drop_client(client)
        for session in list(client.sessions.values()):
            self.destroy_session(session)
        self.clients.remove(client)

    def retire(self, client: Client) -> None:
        """Forget a client that will not be missed: it may not reclaim after a restart."""
        self.expire(client)
        if client.confirmed:
            self.store.remove(client.owner)
            self.grace.completed(client.owner)

    def confirm(self, client: Client) -> None:
        """Its first session makes a record the valid one of its owner."""
        replaced = self.clients.confirm(client)
        if replaced is not None and replaced is not client:
            self.expire(replaced)

    def note_state(self, client: Client) -> None:
        """Before a client gets state for the first time: it may reclaim it after a restart."""
        if not client.recorded:
            self.store.add(client.owner)
            client.recorded = True

    def complete_reclaim(self, client: Client) -> None:
        """RECLAIM_COMPLETE."""
        client.reclaim_complete = True
        self.note_state(client)
        self.grace.completed(client.owner)

    def sweep(self, now: float) -> None:
        """Let go of what time has taken: called every few seconds."""
        for client in self.clients.unconfirmed():
            if self.has_expired(client, now):
                self.clients.remove(client)
        for client in self.clients.confirmed():
            if not self.has_expired(client, now):
                continue
            client.courtesy = True
            out_of_courtesy = now > client.renewed + self.times.lease + self.times.courtesy
            if not client.has_state or out_of_courtesy:
                self.retire(client)
        self.grace.active(now)

    # Sessions

    def create_session(
        self,
        client: Client,
        fore: channel_attrs4,
        back: channel_attrs4,
        callback_program: int,
    ) -> Session:
        """A new session. NOSPC if the client has too many."""
        if len(client.sessions) >= self.limits.sessions_per_client:
            raise NfsError(NFS4ERR_NOSPC)
        number, self._next_session = self._next_session, self._next_session + 1 & 0xFFFFFFFF
        session_id = _SESSION_ID.pack(self.boot, number, self._random.randbytes(8))
        session = Session(session_id, client, fore, back, callback_program)
        self.sessions[session_id] = session
        client.sessions[session_id] = session
        return session

    def session(self, session_id: bytes) -> Session:
        """The session of that name; BADSESSION if there is none."""
        session = self.sessions.get(session_id)
        if session is None:
            raise NfsError(NFS4ERR_BADSESSION)
        return session

    def destroy_session(self, session: Session) -> None:
        """Forget a session."""
        self.sessions.pop(session.id, None)
        session.client.sessions.pop(session.id, None)
        session.channels.clear()

    # Shares and locks: a courtesy client gives way.

    def check_share(
        self, file: OpenedFile, access: int, deny: int, besides: OpenState | None, now: float
    ) -> None:
        """SHARE_DENIED if other opens rule these modes out."""
        conflicts = file.conflicts(access, deny, besides)
        if conflicts and not self.give_way((state.client for state in conflicts), now):
            raise NfsError(NFS4ERR_SHARE_DENIED)

    def give_way(self, holders: Iterable[Client], now: float) -> bool:
        """Expire clients that hold what another wants; False, and none, if one is alive."""
        clients = {id(client): client for client in holders}.values()
        if not all(self.has_expired(client, now) for client in clients):
            return False
        for client in clients:
            self.retire(client)
        return True
