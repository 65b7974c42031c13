"""Clients, from EXCHANGE_ID to the end of their lease (RFC 8881, Sections 2.4 and 18.35).

An owner string may stand for two records at once: the confirmed one, which has sessions and
state, and one that is not confirmed yet, because the client started again or someone else came
with the same string. CREATE_SESSION confirms.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import (
    NFS4ERR_CLID_INUSE,
    NFS4ERR_DELAY,
    NFS4ERR_NOENT,
    NFS4ERR_NOT_SAME,
    NFS4ERR_PERM,
    NFS4ERR_STALE_CLIENTID,
)

if TYPE_CHECKING:
    from .session import Session
    from .stateid import LockState, OpenState

Principal = tuple[int, int]
"""Who sent the call, as far as the client's own records go: flavor and user."""

_CLIENT_ID = struct.Struct(">II")
_UINT32_MAX: Final = 0xFFFFFFFF


class Client:
    """One record of a client."""

    __slots__ = (
        "confirmed",
        "courtesy",
        "create_reply",
        "create_seqid",
        "id",
        "lock_states",
        "open_states",
        "owner",
        "principal",
        "reclaim_complete",
        "recorded",
        "renewed",
        "sessions",
        "verifier",
    )

    def __init__(
        self, client_id: int, owner: bytes, verifier: bytes, principal: Principal, now: float
    ) -> None:
        self.id = client_id
        self.owner = owner
        self.verifier = verifier
        self.principal = principal
        self.renewed = now
        self.confirmed = False
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

    @property
    def has_state(self) -> bool:
        """Whether it has files open."""
        return bool(self.open_states or self.lock_states)

    @property
    def next_create_seqid(self) -> int:
        """The number that its next CREATE_SESSION has to have."""
        return self.create_seqid + 1 & _UINT32_MAX


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """How many of each the server keeps."""

    clients: int = 4096
    unconfirmed: int = 1024


class ClientTable:
    """All records, by number and by owner. ``boot`` goes into the numbers."""

    def __init__(self, boot: int, lease: float, limits: ClientLimits) -> None:
        self._boot = boot
        self._lease = lease
        self._limits = limits
        self._next = 1
        self._by_id: dict[int, Client] = {}
        self._confirmed: dict[bytes, Client] = {}
        self._unconfirmed: OrderedDict[bytes, Client] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, client_id: int) -> Client:
        """The record of that number; STALE_CLIENTID if there is none."""
        client = self._by_id.get(client_id)
        if client is None:
            raise NfsError(NFS4ERR_STALE_CLIENTID)
        return client

    def confirmed(self) -> list[Client]:
        """All confirmed records."""
        return list(self._confirmed.values())

    def unconfirmed(self) -> list[Client]:
        """All others, the oldest first."""
        return list(self._unconfirmed.values())

    def exchange(
        self, owner: bytes, verifier: bytes, principal: Principal, now: float
    ) -> tuple[Client, Client | None]:
        """EXCHANGE_ID that does not update; the cases are those of RFC 8881, Section 18.35.4.

        Returns the record, and a confirmed one of the same owner that is to be expired first.
        Raises CLID_INUSE.
        """
        known = self._confirmed.get(owner)
        victim: Client | None = None
        if known is not None:
            if known.principal != principal:
                # Case 3: not the same client, unless the one we know is idle or gone.
                if known.has_state and now <= known.renewed + self._lease:
                    raise NfsError(NFS4ERR_CLID_INUSE)
                victim = known
            elif known.verifier == verifier:
                # Case 2: nothing new. An attempt to start again is superseded.
                self._drop_unconfirmed(owner)
                return known, None
            # Else case 5: the client started again; what it had stays until it confirms.
        # Cases 1 and 4: a new record, in the place of any that was not confirmed.
        self._drop_unconfirmed(owner)
        return self._add(owner, verifier, principal, now, victim), victim

    def update(self, owner: bytes, verifier: bytes, principal: Principal) -> Client:
        """EXCHANGE_ID that updates a confirmed record: cases 6 to 9."""
        known = self._confirmed.get(owner)
        if known is None:
            raise NfsError(NFS4ERR_NOENT)
        if known.principal != principal:
            raise NfsError(NFS4ERR_PERM)
        if known.verifier != verifier:
            raise NfsError(NFS4ERR_NOT_SAME)
        return known

    def confirm(self, client: Client) -> Client | None:
        """The first CREATE_SESSION of a record; the one that it replaces, to be expired."""
        self._unconfirmed.pop(client.owner, None)
        replaced = self._confirmed.get(client.owner)
        self._confirmed[client.owner] = client
        client.confirmed = True
        return replaced

    def remove(self, client: Client) -> None:
        """Forget the record."""
        self._by_id.pop(client.id, None)
        if self._confirmed.get(client.owner) is client:
            del self._confirmed[client.owner]
        if self._unconfirmed.get(client.owner) is client:
            del self._unconfirmed[client.owner]

    def _add(
        self,
        owner: bytes,
        verifier: bytes,
        principal: Principal,
        now: float,
        victim: Client | None,
    ) -> Client:
        if len(self._unconfirmed) >= self._limits.unconfirmed:
            self.remove(next(iter(self._unconfirmed.values())))
        if len(self._by_id) - (victim is not None) >= self._limits.clients:
            raise NfsError(NFS4ERR_DELAY)
        number, self._next = self._next, self._next + 1 & _UINT32_MAX
        client_id = self._boot << 32 | number
        client = Client(client_id, owner, verifier, principal, now)
        self._by_id[client_id] = client
        self._unconfirmed[owner] = client
        return client

    def _drop_unconfirmed(self, owner: bytes) -> None:
        client = self._unconfirmed.get(owner)
        if client is not None:
            self.remove(client)
