"""Clients, from EXCHANGE_ID to the end of their lease (RFC 8881, Sections 2.4 and 18.35).

An owner string may stand for two records at once: a confirmed one, which has sessions and state,
and one that is not confirmed yet, because the client has restarted or another one uses the same
string. CREATE_SESSION confirms. The same string from another source is another client, so that no
other host can take a client's place or its owner string.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias, TypeVar

from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import (
    NFS4ERR_CLID_INUSE,
    NFS4ERR_DELAY,
    NFS4ERR_NOENT,
    NFS4ERR_NOT_SAME,
    NFS4ERR_PERM,
    NFS4ERR_STALE_CLIENTID,
    NFS4ERR_WRONG_CRED,
)

from .limits import ClientLimits
from .principal import Principal, Source, share_of
from .refusal import CLIENTS_FULL, NOT_YOURS, Refusal
from .shares import Shares

if TYPE_CHECKING:
    from random import Random

    from .delegation import Delegation
    from .session import Session
    from .stateid import LockState, OpenState

_UINT32_MAX: Final = 0xFFFFFFFF
_ID_BITS: Final = 64
_NUMBER: Final = struct.Struct(">Q")
_TAG_SIZE: Final = 4

Key: TypeAlias = "tuple[bytes, Source, bool]"
"""What makes a client: its owner string, where it calls from, and whether it has sessions."""
_REMEMBERED: Final = 4096


def address_and_owner(record: bytes) -> tuple[str, bytes]:
    """Return what a record (``Client.record``) is of: an address, and the client's own name."""
    where, _, owner = record.partition(b"\0")
    return where.removeprefix(b"4.0 ").partition(b",")[0].decode("ascii", "replace"), owner


class Client:
    """One record of a client."""

    __slots__ = (
        "confirmed",
        "courtesy",
        "create_reply",
        "create_seqid",
        "delegations",
        "gone",
        "id",
        "lock_states",
        "open_states",
        "owner",
        "pressed",
        "principal",
        "ranges",
        "reclaim_complete",
        "recorded",
        "renewed",
        "revocations",
        "revoked",
        "sessions",
        "share",
        "source",
        "stateid_prefix",
        "verifier",
    )

    has_sessions: ClassVar[bool] = True
    """Whether it is a client of minor version 1 or later."""

    def __init__(
        self, client_id: int, owner: bytes, verifier: bytes, principal: Principal, now: float
    ) -> None:
        self.id = client_id
        self.owner = owner
        self.verifier = verifier
        self.principal = principal
        self.source: Source = principal.source
        """Where it calls from."""
        self.share: Source = share_of(principal.source)
        """Whose part of the budgets it takes."""
        self.stateid_prefix = b""
        """How the stateids of its opens and locks begin."""
        self.renewed = now
        self.confirmed = False
        self.gone = False
        """It was put out, perhaps in the midst of a call."""
        self.courtesy = False
        """Its lease ran out; it keeps its state until someone wants it."""
        self.reclaim_complete = False
        self.recorded = False
        """It is on the list of those who may reclaim after a restart."""
        # RFC 8881, Section 18.36.4: the sequence number and reply of CREATE_SESSION.
        self.create_seqid = 0
        self.create_reply: bytes | None = None
        self.sessions: dict[bytes, Session] = {}
        self.open_states: dict[bytes, OpenState] = {}
        self.lock_states: dict[bytes, LockState] = {}
        self.ranges = 0
        """How many byte ranges it has locked."""
        self.delegations: dict[bytes, Delegation] = {}
        self.revoked: dict[bytes, Delegation] = {}
        """Delegations that were revoked, until the client frees them; by their ``other``."""
        self.revocations = 0
        """How many delegations of its were revoked so far."""
        self.pressed: float | None = None
        """When it was first asked to return delegations that it does not need (CB_RECALL_ANY)."""

    @property
    def key(self) -> Key:
        """The source and the owner string, which tell it from all other clients."""
        return self.owner, self.source, True

    @property
    def tag(self) -> bytes:
        """The upper half of its number."""
        return tag_of(self.id)

    @property
    def record(self) -> bytes:
        """Its name on the list of the clients that may reclaim after a restart."""
        address, user = self.source
        where = address if user is None else f"{address}, user {user}"
        return where.encode() + b"\0" + self.owner

    @property
    def has_state(self) -> bool:
        """Whether it has files open, or delegations."""
        return bool(self.open_states or self.lock_states or self.delegations)

    @property
    def is_reachable(self) -> bool:
        """Whether it is known to answer callbacks."""
        return any(session.back.is_up for session in self.sessions.values())

    @property
    def may_answer(self) -> bool:
        """Whether it is not known that callbacks do not reach it."""
        return any(session.back.operational for session in self.sessions.values())

    @property
    def next_create_seqid(self) -> int:
        """The sequence number of its next CREATE_SESSION."""
        return self.create_seqid + 1 & _UINT32_MAX

    def require(self, principal: Principal) -> None:
        """Raise WRONG_CRED (RFC 8881, Section 15.1.6.4) unless the caller may manage the client."""
        if not principal.stands_for(self.principal):
            raise Refusal(NFS4ERR_WRONG_CRED, NOT_YOURS)


C = TypeVar("C", bound=Client)


def tag_of(client_id: int) -> bytes:
    """Return the upper half of a client's number, which stateids of minor version 0 have."""
    return _NUMBER.pack(client_id)[:_TAG_SIZE]


class _Records:
    """The records of one share, each kind with the oldest first."""

    __slots__ = ("confirmed", "unconfirmed")

    def __init__(self) -> None:
        self.confirmed: dict[int, Client] = {}
        self.unconfirmed: dict[int, Client] = {}

    def __len__(self) -> int:
        return len(self.confirmed) + len(self.unconfirmed)


class ClientTable:
    """All records, by number, by owner and by share."""

    def __init__(self, lease: float, limits: ClientLimits, random: Random) -> None:
        self._lease = lease
        self._random = random
        self._by_id: dict[int, Client] = {}
        self._confirmed: dict[Key, Client] = {}
        self._unconfirmed: dict[Key, Client] = {}
        self._records: dict[Source, _Records] = {}
        self._room = Shares(limits.clients)
        self._unconfirmed_room = Shares(limits.unconfirmed)
        self._expired: dict[bytes, int] = {}
        """Clients of minor version 0 that were put out: their numbers by their tags."""

    def __len__(self) -> int:
        return len(self._by_id)

    def resize(self, limits: ClientLimits) -> None:
        """Change how many there may be. Those that are there stay."""
        self._room.resize(limits.clients)
        self._unconfirmed_room.resize(limits.unconfirmed)

    def find(self, client_id: int, source: Source) -> Client:
        """Return the record of that number; raise STALE_CLIENTID if there is none.

        Callers from another source get the same answer, and so learn nothing.
        """
        client = self._by_id.get(client_id)
        if client is None or not client.has_sessions:
            raise NfsError(NFS4ERR_STALE_CLIENTID)
        if client.source != source:
            raise Refusal(NFS4ERR_STALE_CLIENTID, NOT_YOURS)
        return client

    def get(self, client_id: int) -> Client | None:
        """Return the record of that number, whoever asks."""
        return self._by_id.get(client_id)

    def put_out(self, tag: bytes) -> int:
        """Return the number of a client of minor version 0 that was put out, or 0.

        ``tag`` is what its stateids begin with, besides the server's life.
        """
        return self._expired.get(tag, 0)

    def confirmed_of(self, key: Key) -> Client | None:
        """Return the confirmed record of a client."""
        return self._confirmed.get(key)

    def confirmed(self) -> list[Client]:
        """Return all confirmed records."""
        return list(self._confirmed.values())

    def unconfirmed(self) -> list[Client]:
        """Return all other records, the oldest first."""
        return list(self._unconfirmed.values())

    def exchange(
        self, owner: bytes, verifier: bytes, principal: Principal, now: float
    ) -> tuple[Client | None, Client | None]:
        """Handle an EXCHANGE_ID that does not update, by the cases of RFC 8881, Section 18.35.4.

        Return the record that stays, or None if a new one is needed (:meth:`add`), and then also
        the confirmed record of the same owner that must be put out first. Raise CLID_INUSE.
        """
        key = owner, principal.source, True
        known = self._confirmed.get(key)
        if known is None:
            return None, None
        if known.principal != principal:
            # Case 3: not the same client, unless the known one is idle or gone. One with a
            # session is not idle.
            in_use = known.has_state or known.sessions
            if in_use and now <= known.renewed + self._lease:
                raise NfsError(NFS4ERR_CLID_INUSE)
            return None, known
        if known.verifier == verifier:
            # Case 2: nothing new. An attempt to start again is superseded.
            self.drop_unconfirmed(key)
            return known, None
        # Case 5: the client started again; what it had stays until it confirms.
        return None, None

    def update(self, owner: bytes, verifier: bytes, principal: Principal) -> Client:
        """Handle an EXCHANGE_ID that updates a confirmed record: cases 6 to 9."""
        known = self._confirmed.get((owner, principal.source, True))
        if known is None:
            raise NfsError(NFS4ERR_NOENT)
        if known.principal != principal:
            raise NfsError(NFS4ERR_PERM)
        if known.verifier != verifier:
            raise NfsError(NFS4ERR_NOT_SAME)
        return known

    def add(
        self,
        owner: bytes,
        verifier: bytes,
        principal: Principal,
        now: float,
        kind: type[C],
    ) -> C:
        """Make a record, in place of any of the same owner that was not confirmed.

        Raise DELAY if there is no room for it: :meth:`victim` says who could make some.
        """
        client = kind(self._new_id(), owner, verifier, principal, now)
        self.drop_unconfirmed(client.key)
        if self.needs_room(client.share):
            raise Refusal(NFS4ERR_DELAY, CLIENTS_FULL)
        self._by_id[client.id] = client
        self._unconfirmed[client.key] = client
        self._room.acquire(client.share, 1)
        self._unconfirmed_room.acquire(client.share, 1)
        self._records.setdefault(client.share, _Records()).unconfirmed[client.id] = client
        return client

    def confirm(self, client: Client) -> Client | None:
        """Confirm a record by its first session; return the one that it replaces, to be expired."""
        key = client.key
        self._unconfirmed.pop(key, None)
        replaced = self._confirmed.get(key)
        self._confirmed[key] = client
        client.confirmed = True
        self._unconfirmed_room.release(client.share, 1)
        records = self._records[client.share]
        records.unconfirmed.pop(client.id, None)
        records.confirmed[client.id] = client
        return replaced

    def remove(self, client: Client) -> None:
        """Forget the record."""
        if self._by_id.pop(client.id, None) is None:
            return
        self._room.release(client.share, 1)
        if not client.confirmed:
            self._unconfirmed_room.release(client.share, 1)
        key = client.key
        for table in (self._confirmed, self._unconfirmed):
            if table.get(key) is client:
                del table[key]
        records = self._records[client.share]
        records.confirmed.pop(client.id, None)
        records.unconfirmed.pop(client.id, None)
        if not len(records):
            del self._records[client.share]
        if client.confirmed and not client.has_sessions:
            if len(self._expired) >= _REMEMBERED:
                del self._expired[next(iter(self._expired))]
            self._expired[client.tag] = client.id

    # --- Room ---

    def needs_room(self, share: Source) -> bool:
        """Return whether another record for ``share`` takes the place of an existing one."""
        return not (self._room.room(share) and self._unconfirmed_room.room(share))

    def victim(self, share: Source, now: float) -> Client | None:
        """Return the record that makes room for another one of ``share``; None if none may go."""
        if self._unconfirmed_room.room(share):
            return self.least(share, bool(self._room.free), now)
        own = self._records.get(share)
        if own is None or not own.unconfirmed:
            own = max(self._records.values(), key=lambda records: len(records.unconfirmed))
        return next(iter(own.unconfirmed.values()))

    def least(
        self, share: Source, only: bool, now: float, besides: Client | None = None
    ) -> Client | None:
        """Return the client that can best be spared for ``share``; None if none can.

        It is one of that share if ``only``, else of one that has as many or more. A client that has
        files open and renews its lease is never spared.
        """
        own = self._records.get(share)
        sizes: dict[int, list[_Records]] = {}
        for records in self._records.values():
            if records is own or not (only or len(records) < len(own or ())):
                sizes.setdefault(len(records), []).append(records)
        for size in sorted(sizes, reverse=True):
            found = [self._least_of(records, now, besides) for records in sizes[size]]
            spared = [client for client in found if client is not None]
            if spared:
                return min(spared, key=lambda client: (client.confirmed, client.renewed))
        return None

    def _least_of(self, records: _Records, now: float, besides: Client | None) -> Client | None:
        for client in records.unconfirmed.values():
            if client is not besides:
                return client
        spared = [
            client
            for client in records.confirmed.values()
            if client is not besides
            and (not client.has_state or now > client.renewed + self._lease)
        ]
        return min(spared, key=lambda client: client.renewed, default=None)

    def _new_id(self) -> int:
        """Return a number that cannot be guessed and is not in use."""
        while True:
            number = self._random.getrandbits(_ID_BITS)
            if number and number not in self._by_id and not self._expired.get(tag_of(number)):
                return number

    def drop_unconfirmed(self, key: Key) -> None:
        """Forget what a client has begun and not confirmed."""
        client = self._unconfirmed.get(key)
        if client is not None:
            self.remove(client)
