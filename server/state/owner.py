"""Open-owners and lock-owners of minor version 0, whose requests are numbered.

Minor version 0 has no sessions. What is done to opens and locks carries a sequence number of its
owner, and of each owner the last result is kept: a repetition is answered with it, and not executed
(RFC 7530, Section 9.1.7). One request of an owner is executed at a time.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from .refusal import OWNERS_FULL, Refusal
from .shares import Shares

if TYPE_CHECKING:
    from .client_v40 import ClientV40

_UINT32_MAX: Final = 0xFFFFFFFF
_EVICTIONS: Final = 64
"""How many owners are looked at for one that can be forgotten."""
_UNCOUNTED: Final = frozenset(
    {
        nfs.NFS4ERR_STALE_CLIENTID,
        nfs.NFS4ERR_STALE_STATEID,
        nfs.NFS4ERR_BAD_STATEID,
        nfs.NFS4ERR_BAD_SEQID,
        nfs.NFS4ERR_BADXDR,
        nfs.NFS4ERR_RESOURCE,
        nfs.NFS4ERR_NOFILEHANDLE,
        nfs.NFS4ERR_MOVED,
    }
)
"""After these statuses client and server leave the number as it is (RFC 7530, Section 9.1.7)."""


class Answered(NamedTuple):
    """The last request of an owner, and how it was answered."""

    operation: int
    digest: int
    """Of the arguments, and of who calls: a repetition has the same."""
    status: int
    body: bytes
    """What followed the status."""
    handle: bytes | None
    """The current file handle that the operation left."""


class Owner:
    """An open-owner, or a lock-owner, of a client of minor version 0."""

    __slots__ = (
        "_waiting",
        "answered",
        "busy",
        "client",
        "closed",
        "confirmed",
        "name",
        "seqid",
        "states",
        "used",
    )

    def __init__(self, client: ClientV40, name: bytes, seqid: int, now: float) -> None:
        self.client = client
        self.name = name
        self.seqid = seqid
        """The number of the last request that counted."""
        self.confirmed = False
        """Whether an open-owner has shown, by OPEN_CONFIRM, that its OPEN was no old one."""
        self.answered: Answered | None = None
        self.busy = False
        """One of its requests is executed."""
        self.states: set[bytes] = set()
        """The ``other`` of each stateid that it has."""
        self.closed: bytes | None = None
        """The ``other`` of what it closed last: CLOSE may be repeated."""
        self.used = now
        self._waiting: deque[Future[None]] = deque()

    @property
    def idle(self) -> bool:
        """Whether nothing is lost with it but its last result."""
        return not (self.states or self.busy or self._waiting)

    def turn(self) -> Future[None]:
        """Return a future that is done when the request that is executed is over."""
        future: Future[None] = Future()
        self._waiting.append(future)
        return future

    def check(self, seqid: int, operation: int, digest: int) -> Answered | None:
        """Return None for a new request, or how it was answered if it is a repetition.

        Raises BAD_SEQID for all else: another request with the number of the last one, too.
        """
        if seqid == self.seqid + 1 & _UINT32_MAX:
            return None
        answered = self.answered
        if (
            seqid == self.seqid
            and answered is not None
            and (answered.operation, answered.digest) == (operation, digest)
        ):
            return answered
        raise NfsError(nfs.NFS4ERR_BAD_SEQID)

    def acquire(self, now: float) -> None:
        """Begin a request."""
        self.busy = True
        self.used = now

    def release(self) -> None:
        """End a request; of those that wait the first one that is new has its turn."""
        self.busy = False
        # One that turns out to be a repetition, or bad, leaves the owner to the next.
        while self._waiting and not self.busy:
            self._waiting.popleft().set_result(None)


class OwnerRequest:
    """A numbered request that is executed: of one owner, or for LOCK of two."""

    __slots__ = ("_digest", "_operation", "_second", "_seqid", "owner")

    def __init__(
        self,
        owner: Owner,
        operation: int,
        seqid: int,
        digest: int,
        second: tuple[Owner, int] | None = None,
    ) -> None:
        self.owner = owner
        """The owner that keeps the result."""
        self._operation = operation
        self._seqid = seqid
        self._digest = digest
        self._second = second
        """A lock-owner whose number is counted as well, and that number."""

    def settle(self, status: int, body: bytes, handle: bytes | None) -> None:
        """Remember how the request was answered, and let others have their turn."""
        if status not in _UNCOUNTED:
            answered = Answered(self._operation, self._digest, status, body, handle)
            self.owner.seqid, self.owner.answered = self._seqid, answered
            if self._second is not None:
                owner, seqid = self._second
                owner.seqid, owner.answered = seqid, answered
        self.abandon()

    def abandon(self) -> None:
        """Forget the request, as if it had never come, and let others have their turn."""
        if self._second is not None:
            self._second[0].release()
        self.owner.release()


class OwnerTable:
    """The owners of all clients, and what they have closed last."""

    def __init__(self, limit: int) -> None:
        self._room = Shares(limit)
        self._closed: dict[bytes, Owner] = {}

    def __len__(self) -> int:
        return len(self._closed)

    def resize(self, limit: int) -> None:
        """Change how many there may be."""
        self._room.resize(limit)

    def add_opener(self, client: ClientV40, name: bytes, seqid: int, now: float) -> Owner:
        """Add an open-owner, whose first number is any. Raises DELAY if there is no room."""
        return self._add(client, client.open_owners, name, seqid, now)

    def add_locker(self, client: ClientV40, name: bytes, seqid: int, now: float) -> Owner:
        """Add a lock-owner, whose first number is any. Raises DELAY if there is no room."""
        return self._add(client, client.lock_owners, name, seqid, now)

    def _add(
        self, client: ClientV40, owners: dict[bytes, Owner], name: bytes, seqid: int, now: float
    ) -> Owner:
        if not self._room.room(client.share):
            self._make_room(client)
        owner = owners[name] = Owner(client, name, seqid - 1 & _UINT32_MAX, now)
        self._room.acquire(client.share, 1)
        return owner

    def _make_room(self, client: ClientV40) -> None:
        """Forget an owner of the client that has nothing. Raises DELAY if none is found."""
        for owners in (client.open_owners, client.lock_owners):
            for name in list(islice(owners, _EVICTIONS)):
                if owners[name].idle:
                    self.remove(owners[name])
                    return
                # The next time others are looked at.
                owners[name] = owners.pop(name)
        raise Refusal(nfs.NFS4ERR_DELAY, OWNERS_FULL)

    def remove(self, owner: Owner) -> None:
        """Forget an owner. It must have no state."""
        client = owner.client
        for owners in (client.open_owners, client.lock_owners):
            if owners.get(owner.name) is owner:
                del owners[owner.name]
                self._room.release(client.share, 1)
        self._forget_closed(owner)

    def drop_client(self, client: ClientV40) -> None:
        """Forget the owners of a client."""
        for owner in (*client.open_owners.values(), *client.lock_owners.values()):
            self.remove(owner)

    def reap(self, client: ClientV40, before: float) -> None:
        """Forget the owners of a client that have nothing and were last used before then."""
        for owner in (*client.open_owners.values(), *client.lock_owners.values()):
            if owner.idle and owner.used < before:
                self.remove(owner)

    def note_closed(self, owner: Owner, other: bytes) -> None:
        """Remember what an owner has closed last."""
        self._forget_closed(owner)
        owner.closed = other
        self._closed[other] = owner

    def closer(self, other: bytes) -> Owner | None:
        """Return the owner that has closed the stateid last of all it has closed."""
        return self._closed.get(other)

    def _forget_closed(self, owner: Owner) -> None:
        if owner.closed is not None:
            self._closed.pop(owner.closed, None)
            owner.closed = None
