"""All that the server knows of its clients, and how that changes as time passes."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from nfsrdma.rpcrdma.complaints import Complaints
from nfsrdma.rpcrdma.rpc.channel import Channel, Peer
from nfsrdma.rpcrdma.rpc.message import OpaqueAuth
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import (
    NFS4ERR_BADSESSION,
    NFS4ERR_DELAY,
    NFS4ERR_EXPIRED,
    NFS4ERR_GRACE,
    NFS4ERR_NO_GRACE,
    NFS4ERR_NOSPC,
    NFS4ERR_RECLAIM_BAD,
    NFS4ERR_SHARE_DENIED,
    channel_attrs4,
)

from ..loop import CallSoon
from ..vfs.export import Export
from ..vfs.namespace import Filehandle
from .backchannel import BackChannel
from .client import Client, ClientTable
from .client_v40 import ClientV40
from .copies import CopyTable
from .delegation import DelegationTable
from .lease import Grace, LeaseTimes
from .legacy import Legacy
from .limits import StateLimits
from .owner import OwnerTable
from .principal import Principal, Source, share_of
from .recovery import RecoveryStore, StoreError, revocation_of
from .refusal import NOT_YOURS, SESSIONS_FULL, STATES_FULL, TO_END, Refusal
from .session import MAX_CONNECTIONS, SESSION_OCTETS, Session, octets_of_slot
from .shares import Shares
from .stateid import StateTable

if TYPE_CHECKING:
    from random import Random

_log = logging.getLogger(__name__)

_SESSION_RANDOM: Final = 12
_LIFE_OCTETS: Final = 4
_SLOTS_SHARE: Final = 8
"""A new session gets slots for at most this part of the room that is left."""


Probe = Callable[[Session, Channel], None]
"""Finds out whether callbacks of a session arrive over a connection."""


class Reach(Protocol):
    """Finds out whether clients of minor version 0 can be called."""

    def begin(self, client: ClientV40, /) -> None:
        """Begin to call a client where it says from now on."""

    def check(self, client: ClientV40, /) -> None:
        """Look again at a client that was not called for a while."""


class Registry:
    """Clients, sessions, states and the grace period, kept consistent with each other."""

    def __init__(
        self,
        store: RecoveryStore,
        times: LeaseTimes,
        limits: StateLimits,
        random: Random,
        now: float,
        later: CallSoon,
        probe: Probe,
        reach: Reach,
    ) -> None:
        self._later = later
        self._probe = probe
        self.reach = reach
        self.times = times
        self.limits = limits
        self.store = store
        self.grace = Grace(store, times, now)
        self.boot = self.grace.boot
        self.legacy = Legacy(store, now + times.grace_period)
        self.clients = ClientTable(times.lease, limits.clients, random)
        self.states = StateTable(limits, random, later)
        self.owners = OwnerTable(limits.owners)
        """Of minor version 0."""
        self.delegations = DelegationTable(self.states, limits, later)
        self.copies = CopyTable(self.states, limits)
        """Those that go on after their COPY was answered."""
        self.closed = False
        """Whether no more clients are taken."""
        self.sessions: dict[bytes, Session] = {}
        self._bound: dict[Channel, dict[Session, None]] = {}
        self._session_room = Shares(limits.sessions)
        self.random = random
        self.renew_write_verifier()
        self.life = random.randbytes(_LIFE_OCTETS)
        """What the stateids of this life have in minor version 0, and no others."""
        self._store_failed = False
        self._now = now
        self._complaints = Complaints(_log, lambda: self._now)

    def renew_write_verifier(self) -> None:
        """Have clients write again what was not committed: in a new life, or after a failure.

        Clients that see another verifier do so (RFC 8881, Section 18.32.3).
        """
        self.write_verifier = struct.pack(">I", self.boot) + self.random.randbytes(4)

    def complain(self, peer: Peer, refusal: Refusal, now: float) -> None:
        """Log that a peer was refused something."""
        self._now = now
        self._complaints.about(peer, refusal.reason)

    def remark(self, client: Client, what: str, now: float, level: int = logging.INFO) -> None:
        """Log what became of a client, or of what it holds; ``what`` is one of a few texts."""
        self._now = now
        peers = (each.peer for one in client.sessions.values() for each in one.connections)
        peer = next(peers, None) or Peer("no connection", client.source[0], 0, client.source[1])
        self._complaints.about(peer, what, level=level)

    # --- Clients ---

    def has_expired(self, client: Client, now: float) -> bool:
        """Return whether the client was silent for longer than its lease."""
        return now > client.renewed + self.times.lease

    def introduce(self, owner: bytes, verifier: bytes, principal: Principal, now: float) -> Client:
        """Handle an EXCHANGE_ID that does not update: return the record, new or not."""
        clients, share = self.clients, share_of(principal.source)
        known, replaced = clients.exchange(owner, verifier, principal, now)
        if known is not None:
            return known
        if replaced is not None:
            self.retire(replaced)
        self._make_client_room(share, now)
        return clients.add(owner, verifier, principal, now, Client)

    def introduce_v40(
        self, owner: bytes, verifier: bytes, principal: Principal, now: float
    ) -> ClientV40:
        """Return a new record for a SETCLIENTID, in place of any that was not confirmed."""
        self._make_client_room(share_of(principal.source), now)
        client = self.clients.add(owner, verifier, principal, now, ClientV40)
        client.stateid_prefix = self.life + client.tag
        return client

    def _make_client_room(self, share: Source, now: float) -> None:
        if self.closed:
            raise Refusal(NFS4ERR_DELAY, TO_END)
        clients = self.clients
        while clients.needs_room(share):
            victim = clients.victim(share, now)
            if victim is None:
                break
            self._put_out(victim)

    def renew(self, client: Client, now: float) -> None:
        """Renew the client's lease, as it was heard of."""
        client.renewed = now
        client.courtesy = False

    def expire(self, client: Client) -> None:
        """Forget a client with all its state and sessions."""
        client.gone = True
        self.copies.drop_client(client)
        self.delegations.drop_client(client)
        self.states.drop_client(client)
        if isinstance(client, ClientV40):
            self.owners.drop_client(client)
            client.hang_up()
        for session in list(client.sessions.values()):
            self.destroy_session(session)
        self.clients.remove(client)

    def drop_export(self, export: Export, prefix: bytes) -> None:
        """Forget all state in an export whose handles, which begin so, are stale from now on."""
        self.copies.drop_below(prefix)
        for file in self.states.files_of(export):
            for delegation in list(file.delegations.values()):
                # Its client learns of it by what SEQUENCE says; others can do nothing meanwhile.
                with suppress(NfsError):
                    self.note_revocation(delegation.client)
                self.delegations.revoke(delegation)
            for state in list(file.opens.values()):
                with suppress(OSError):
                    self.states.close(state)

    def forget_idle(self) -> None:
        """Record, before a planned end, that clients without state have nothing to reclaim.

        If no other client is on record there is no grace period afterwards (see ``Grace``).
        """
        for client in self.clients.confirmed():
            if client.recorded and not client.has_state and not client.revocations:
                with suppress(NfsError):
                    self._on_record(self.store.remove, client.record)
                    client.recorded = False

    def resize(self, limits: StateLimits) -> None:
        """Change the limits. What there is stays, and is not added to beyond them."""
        self.limits = limits
        self.clients.resize(limits.clients)
        self.states.resize(limits)
        self.owners.resize(limits.owners)
        self.delegations.resize(limits)
        self.copies.resize(limits.copies)
        self._session_room.resize(limits.sessions)

    def retire(self, client: Client) -> None:
        """Forget a client that may not reclaim after a restart.

        That is recorded first, as others may get what it had: raises DELAY if it cannot be.
        """
        if client.confirmed:
            self._on_record(self.store.remove, client.record)
            if client.revocations:
                self._on_record(self.store.remove, revocation_of(client.record))
            self.grace.completed(client.record)
        self.expire(client)

    def give_up(self, record: bytes) -> None:
        """Let a client that has not come back after a restart reclaim nothing. Raises as above."""
        self._on_record(self.store.remove, record)
        self.grace.completed(record)

    def _put_out(self, client: Client) -> None:
        """Forget a client to make room. It may still reclaim what it had before a restart."""
        if client.recorded:
            self.retire(client)
        else:
            self.expire(client)

    def confirm(self, client: Client) -> None:
        """Make a record the valid one of its owner, as it has a session now."""
        replaced = self.clients.confirm(client)
        if replaced is not None and replaced is not client:
            client.recorded = replaced.recorded
            self.expire(replaced)

    def note_state(self, client: Client) -> None:
        """Record, before a client gets its first state, that it may reclaim after a restart.

        Raises DELAY if that cannot be recorded: there is never state without a record. Raises
        EXPIRED if the client was put out while its call waited.
        """
        if client.gone:
            raise NfsError(NFS4ERR_EXPIRED)
        if not client.recorded:
            self._on_record(self.store.add, client.record)
            client.recorded = True

    def check_grace(self, client: Client, reclaim: bool, now: float) -> None:
        """Raise unless a client may reclaim, or get something new, now.

        RFC 8881, Section 8.4.2.1. Clients without sessions never say that they have reclaimed all.
        """
        active = self.grace.active(now)
        if not reclaim:
            if active:
                raise NfsError(NFS4ERR_GRACE)
        elif client.reclaim_complete or not active:
            raise NfsError(NFS4ERR_NO_GRACE)
        elif not self.grace.may_reclaim(client.record):
            raise NfsError(NFS4ERR_RECLAIM_BAD)

    def note_revocation(self, client: Client) -> None:
        """Record, before a delegation is revoked, that the client may reclaim none.

        Others may change the file from now on, and a client that has not heard of it would go on
        after the next restart. Raises DELAY if that cannot be recorded.
        """
        if not client.revocations:
            self._on_record(self.store.add, revocation_of(client.record))

    def complete_reclaim(self, client: Client, now: float) -> None:
        """Handle a RECLAIM_COMPLETE."""
        self.note_state(client)
        client.reclaim_complete = True
        if client.record in self.grace.awaited:
            self.remark(client, "is back, and has reclaimed what it had", now)
        self.grace.completed(client.record)

    def sweep(self, now: float) -> None:
        """Forget clients whose time has run out. Called every few seconds."""
        for client in self.clients.unconfirmed():
            if self.has_expired(client, now):
                self.clients.remove(client)
        for client in self.clients.confirmed():
            if isinstance(client, ClientV40):
                self.owners.reap(client, now - self.times.lease)
            if not self.has_expired(client, now):
                continue
            client.courtesy = True
            if isinstance(client, ClientV40):
                client.hang_up()
            out_of_courtesy = now > client.renewed + self.times.lease + self.times.courtesy
            if not client.has_state or out_of_courtesy or self.states.is_waited_for(client):
                if client.has_state:
                    self.remark(client, "was silent for a lease, and loses what it holds", now)
                try:
                    self.retire(client)
                except NfsError:
                    break  # It cannot be recorded now; the next sweep tries again.
        self.grace.active(now)
        self.legacy.sweep(now)

    def _on_record(self, change: Callable[[bytes], None], record: bytes) -> None:
        """Record a change. Raises DELAY, and logs one line, if that is not possible now."""
        try:
            change(record)
        except StoreError as error:
            if not self._store_failed:
                _log.warning("clients have to wait, as nothing can be recorded: %s", error)
            self._store_failed = True
            raise NfsError(NFS4ERR_DELAY) from None
        if self._store_failed:
            _log.warning("what clients may reclaim can be recorded again")
        self._store_failed = False

    # --- Sessions ---

    def create_session(
        self,
        client: Client,
        fore: channel_attrs4,
        back: BackChannel,
        now: float,
    ) -> Session:
        """Make a session. Raises DELAY if there is no room for it.

        As the room for cached replies gets scarce, sessions get fewer slots. A client that has too
        many loses the one that was idle for longest; NOSPC if it is using all of them.
        """
        if len(client.sessions) >= self.limits.sessions_per_client:
            idle = [session for session in client.sessions.values() if not session.busy]
            if not idle:
                raise NfsError(NFS4ERR_NOSPC)
            self.destroy_session(min(idle, key=lambda session: session.used))
        each = octets_of_slot(fore)
        self._make_session_room(client, SESSION_OCTETS + each, now)
        affordable = max(1, self._session_room.room(client.share) // _SLOTS_SHARE // each)
        fore.ca_maxrequests = min(fore.ca_maxrequests, affordable)
        session_id = self._new_session_id()
        session = Session(session_id, client, fore, back, now)
        self.sessions[session_id] = session
        client.sessions[session_id] = session
        self._session_room.acquire(client.share, session.reserved)
        return session

    def _make_session_room(self, client: Client, octets: int, now: float) -> None:
        """Make room for one more session of a client. Raises DELAY if that is not possible.

        The first one of an address is always made: there are no more of those than clients.
        """
        room = self._session_room
        while room.room(client.share) < octets and room.taken(client.share):
            only = room.free >= octets
            victim = self.clients.least(client.share, only, now, besides=client)
            if victim is None:
                raise Refusal(NFS4ERR_DELAY, SESSIONS_FULL)
            self._put_out(victim)

    def _new_session_id(self) -> bytes:
        """Return a name that cannot be guessed, nor name a session of an earlier life."""
        while True:
            session_id = struct.pack(">I", self.boot) + self.random.randbytes(_SESSION_RANDOM)
            if session_id not in self.sessions:
                return session_id

    def session(self, session_id: bytes) -> Session:
        """Return the session of that name; raise BADSESSION if there is none."""
        session = self.sessions.get(session_id)
        if session is None:
            raise NfsError(NFS4ERR_BADSESSION)
        return session

    def session_of(self, session_id: bytes, principal: Principal) -> Session:
        """Return the session for a caller that wants to manage it.

        Raises BADSESSION also for callers from another source, and WRONG_CRED for others that may
        not.
        """
        session = self.session(session_id)
        if session.client.source != principal.source:
            raise Refusal(NFS4ERR_BADSESSION, NOT_YOURS)
        session.client.require(principal)
        return session

    def session_to_bind(self, session_id: bytes, principal: Principal, channel: Channel) -> Session:
        """Return the session for a caller that wants to bind its connection to it.

        Who calls in a session from another address (``may_carry``) may be called there, too, so
        that a client with several addresses is reached over each. Raises as :meth:`session_of`.
        """
        session = self.session(session_id)
        if channel in session.connections:
            principal = principal._replace(source=session.client.source)
        return self.session_of(session_id, principal)

    def destroy_session(self, session: Session) -> None:
        """Forget a session. Callbacks that are in progress in it fail."""
        client = session.client
        del self.sessions[session.id]
        del client.sessions[session.id]
        self._session_room.release(client.share, session.reserved)
        for channel in list(session.connections):
            self._part(session, channel)
        session.back.close()

    # --- Connections of sessions ---

    def associate(self, session: Session, channel: Channel) -> None:
        """Note that a session's calls come over a connection (RFC 8881, Section 2.10.3.1)."""
        if channel in session.connections:
            return
        while len(session.connections) >= MAX_CONNECTIONS:
            self._part(session, next(iter(session.connections)))
        session.connections[channel] = None
        channel.relied_on = True
        bound = self._bound.get(channel)
        if bound is not None:
            bound[session] = None
            return
        self._bound[channel] = {session: None}
        # Asked for once for all sessions on the connection. It may be closed already.
        channel.on_close(lambda _: self._closed(channel))

    def bind(self, session: Session, channel: Channel) -> None:
        """Let the session's callbacks take a connection, until it is closed.

        Whether they arrive there is found out once the client has heard of it.
        """
        self.associate(session, channel)
        session.back.bind(channel)
        self._later(lambda: self._probe(session, channel))

    def unbind(self, session: Session, channel: Channel) -> None:
        """Take the connection out of those for the session's callbacks."""
        session.back.unbind(channel)

    def redirect(self, session: Session, program: int, credential: OpaqueAuth) -> None:
        """Change the program, or the caller, of the session's callbacks."""
        session.back.reset(program, credential)
        for channel in session.back.paths:
            self._later(partial(self._probe, session, channel))

    def _part(self, session: Session, channel: Channel) -> None:
        self.unbind(session, channel)
        session.connections.pop(channel, None)
        bound = self._bound.get(channel)
        if bound is not None:
            bound.pop(session, None)
            channel.relied_on = bool(bound)

    def _closed(self, channel: Channel) -> None:
        for session in self._bound.pop(channel, ()):
            session.connections.pop(channel, None)
            self.unbind(session, channel)

    # --- Shares and locks: a courtesy client gives way ---

    def check_share(self, handle: Filehandle, access: int, deny: int, now: float) -> None:
        """Raise SHARE_DENIED if opens of a file rule these modes out, the caller's included."""
        file = self.states.file(handle)
        if file is None or not file.rules_out(access, deny):
            return
        holders = (state.client for state in file.conflicts(access, deny))
        if not self.give_way(holders, now):
            raise NfsError(NFS4ERR_SHARE_DENIED)

    def give_way(self, holders: Iterable[Client], now: float) -> bool:
        """Expire clients that hold what another one wants; False, and none, if one is alive."""
        clients: dict[int, Client] = {}
        for client in holders:
            if not self.has_expired(client, now):
                return False
            clients[id(client)] = client
        for client in clients.values():
            self.retire(client)
        return True

    def make_state_room(self, client: Client, now: float) -> None:
        """Make room for one more open or lock owner. Raises DELAY if that is not possible.

        Raises EXPIRED if the client was put out while its call waited.
        """
        if client.gone:
            raise NfsError(NFS4ERR_EXPIRED)
        while self.states.is_full(client):
            gone = self._longest_gone(client, now)
            if gone is None:
                raise Refusal(NFS4ERR_DELAY, STATES_FULL)
            self.retire(gone)

    def _longest_gone(self, client: Client, now: float) -> Client | None:
        """Return the client that was silent for longest, of those whose state is in the way."""
        in_the_way = (
            each
            for each in self.clients.confirmed()
            if each.has_state
            and self.has_expired(each, now)
            and self.states.is_in_the_way(each, client)
        )
        return min(in_the_way, key=lambda each: each.renewed, default=None)
