"""All that the server knows of its clients, and what happens to it as time goes by."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import (
    NFS4ERR_BADSESSION,
    NFS4ERR_DELAY,
    NFS4ERR_NOSPC,
    NFS4ERR_SHARE_DENIED,
    channel_attrs4,
)

from .client import Client, ClientLimits, ClientTable
from .lease import Grace, LeaseTimes
from .recovery import RecoveryStore
from .session import MAX_CONNECTIONS, Session
from .share import OpenedFile
from .stateid import OpenState, StateTable

if TYPE_CHECKING:
    from random import Random

_SESSION_ID = struct.Struct(">II8s")


@dataclass(frozen=True, slots=True)
class StateLimits:
    """How much a peer can make the server remember."""

    clients: ClientLimits = field(default_factory=ClientLimits)
    sessions_per_client: int = 64
    reply_cache: int = 256 << 20
    """Octets that all slots' replies together may take."""
    states: int = 1 << 16
    """Opens and lock owners of all clients. Each open may take up to two descriptors."""
    states_per_client: int = 1 << 15
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
        self.states = StateTable(self.boot, limits.states, limits.states_per_client)
        self.sessions: dict[bytes, Session] = {}
        self._bound: dict[Channel, set[Session]] = {}
        self._reply_cache_left = limits.reply_cache
        # New in every life: a client that sees another one writes again what was not committed.
        self.write_verifier = struct.pack(">I", self.boot) + random.randbytes(4)
        self._random = random
        self._next_session = 1

    # Clients

    def has_expired(self, client: Client, now: float) -> bool:
        """Whether the client was silent for longer than its lease."""
        return now > client.renewed + self.times.lease

    def make_room(self) -> None:
        """Before another client comes: if there are too many, one that is long gone leaves."""
        if len(self.clients) >= self.limits.clients.clients:
            courteous = [client for client in self.clients.confirmed() if client.courtesy]
            if courteous:
                self.retire(min(courteous, key=lambda client: client.renewed))

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
        """A new session. NOSPC if the client has too many, DELAY if no cache is left.

        As the room for cached replies gets scarce, sessions get fewer slots.
        """
        if len(client.sessions) >= self.limits.sessions_per_client:
            raise NfsError(NFS4ERR_NOSPC)
        each = max(1, fore.ca_maxresponsesize_cached)
        if each > self._reply_cache_left:
            raise NfsError(NFS4ERR_DELAY)
        affordable = max(1, self._reply_cache_left // 8 // each)
        fore.ca_maxrequests = min(fore.ca_maxrequests, affordable)
        number, self._next_session = self._next_session, self._next_session + 1 & 0xFFFFFFFF
        session_id = _SESSION_ID.pack(self.boot, number, self._random.randbytes(8))
        session = Session(session_id, client, fore, back, callback_program)
        self.sessions[session_id] = session
        client.sessions[session_id] = session
        self._reply_cache_left -= session.reserved
        return session

    def session(self, session_id: bytes) -> Session:
        """The session of that name; BADSESSION if there is none."""
        session = self.sessions.get(session_id)
        if session is None:
            raise NfsError(NFS4ERR_BADSESSION)
        return session

    def destroy_session(self, session: Session) -> None:
        """Forget a session."""
        del self.sessions[session.id]
        del session.client.sessions[session.id]
        self._reply_cache_left += session.reserved
        for channel in list(session.channels):
            self.unbind(session, channel)

    def bind(self, session: Session, channel: Channel) -> None:
        """Let the session's callbacks take a connection, until it is closed."""
        if channel in session.channels or len(session.channels) >= MAX_CONNECTIONS:
            return
        session.channels.append(channel)
        bound = self._bound.get(channel)
        if bound is None:
            # Asked for once, however many sessions come and go on the connection.
            bound = self._bound[channel] = set()
            channel.on_close(lambda _: self._closed(channel))
        bound.add(session)

    def unbind(self, session: Session, channel: Channel) -> None:
        """The session's callbacks may not take the connection any more."""
        if channel in session.channels:
            session.channels.remove(channel)
            self._bound[channel].discard(session)

    def _closed(self, channel: Channel) -> None:
        for session in self._bound.pop(channel):
            session.channels.remove(channel)

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
