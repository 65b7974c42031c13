"""Copies that go on after their COPY was answered: the record (RFC 7862, Section 4.8).

A copy has a stateid, by which its client asks how far it is and ends it. It stays known until the
client has been told of its end, and for a lease after that; else until the client itself is gone.
What is not under way any more makes room for what is to begin.
"""

from __future__ import annotations

from typing import Final

from nfsrdma.rpcrdma.task import Task, TimerHandle
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import NFS4ERR_BAD_STATEID, stateid4

from .client import Client
from .delegation import Grant
from .limits import StateLimits
from .shares import Shares
from .stateid import StateTable

_SEQID: Final = 1
"""RFC 7862, Section 4.8: never 0, and a copy does not change."""


class CopyState:
    """One copy of a client: ``done`` octets so far, and ``status`` once it is over."""

    __slots__ = (
        "client",
        "done",
        "grant",
        "handle",
        "known",
        "other",
        "status",
        "task",
        "timer",
        "verifier",
    )

    def __init__(
        self, client: Client, other: bytes, handle: bytes, verifier: bytes, grant: Grant | None
    ) -> None:
        self.client = client
        self.other = other
        self.handle = handle
        """The file handle of the target."""
        self.verifier = verifier
        """That of the writes, as it was when the copy began: a later one tells of their loss."""
        self.grant = grant
        """The call that began it."""
        self.known = True
        """Whether its stateid is good."""
        self.done = 0
        self.status: int | None = None
        self.task: Task[None] | None = None
        """What copies, and then tells the client."""
        self.timer: TimerHandle | None = None
        """When it is forgotten, once the client was told."""

    @property
    def stateid(self) -> stateid4:
        """The stateid, as clients see it."""
        return stateid4(_SEQID, self.other)


class CopyTable:
    """All copies that are known."""

    def __init__(self, states: StateTable, limits: StateLimits) -> None:
        self._states = states
        self._copies: dict[bytes, CopyState] = {}
        self._room = Shares(limits.copies)

    def __len__(self) -> int:
        return len(self._copies)

    def resize(self, limit: int) -> None:
        """Change how many there may be."""
        self._room.resize(limit)

    def of_client(self, client: Client) -> list[CopyState]:
        """Return what is known of a client's copies, the oldest first."""
        return [copy for copy in self._copies.values() if copy.client is client]

    def is_busy(self, client: Client) -> bool:
        """Return whether a copy of a client is under way."""
        return any(copy.status is None for copy in self.of_client(client))

    def has_room(self, client: Client) -> bool:
        """Return whether a client may begin one more; what is over of its own gives way."""
        while not self._room.room(client.share):
            over = [each for each in self.of_client(client) if each.status is not None]
            if not over:
                return False
            # Rather one whose end the client has heard of.
            self.forget(min(over, key=lambda each: each.timer is None))
        return True

    def add(self, client: Client, handle: bytes, verifier: bytes, grant: Grant | None) -> CopyState:
        """Add a copy. There must be room for it."""
        copy = CopyState(client, self._states.new_other(client), handle, verifier, grant)
        self._copies[copy.other] = copy
        self._room.acquire(client.share, 1)
        return copy

    def find(self, stateid: stateid4, client: Client) -> CopyState:
        """Return a client's copy. Raises BAD_STATEID."""
        copy = self._copies.get(stateid.other)
        if copy is None or copy.client is not client or stateid.seqid != _SEQID:
            raise NfsError(NFS4ERR_BAD_STATEID)
        return copy

    def forget(self, copy: CopyState) -> None:
        """Forget a copy, and end it if it is under way."""
        if not copy.known:
            return
        copy.known = False
        del self._copies[copy.other]
        self._room.release(copy.client.share, 1)
        if copy.timer is not None:
            copy.timer.cancel()
        if copy.task is not None:
            copy.task.cancel()

    def drop_below(self, prefix: bytes) -> None:
        """Forget all copies to files whose handles begin so."""
        for copy in list(self._copies.values()):
            if copy.handle.startswith(prefix):
                self.forget(copy)

    def drop_client(self, client: Client) -> None:
        """Forget all copies of a client."""
        for copy in self.of_client(client):
            self.forget(copy)
