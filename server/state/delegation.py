"""Delegations: who may keep a file's contents to itself until asked to give them back.

RFC 8881, Section 10.4. A read delegation promises that nobody else changes the file, its attributes
or its names, and a write delegation that nobody else opens it. A client has at most one of a file.
It reads and writes with its stateid, also after it has closed the file. One of a directory (Section
10.9) promises that nobody else changes its entries or its attributes.

This is the record; ``server.delegations`` decides who gets one, and calls clients to have it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from nfsrdma.rpcrdma.task import Future, TimerHandle
from nfsrdma.xdr.nfs4.types import referring_call4, referring_call_list4

from ..loop import CallSoon
from ..vfs.interface import READ, WRITE, OpenFile, User
from .client import Client
from .limits import StateLimits
from .session import Session, Slot
from .share import OpenedFile
from .shares import Shares
from .stateid import DataState, OpenState, StateTable


class Grant:
    """The call that a delegation was granted in, or a copy begun: session, slot, sequence number.

    By name alone, so that a delegation keeps nothing of a session that is gone.
    """

    __slots__ = ("number", "seqid", "session_id")

    def __init__(self, session: Session, slot: Slot) -> None:
        self.session_id = session.id
        self.number = session.number_of(slot)
        self.seqid = slot.next_seqid

    def is_unseen(self, client: Client) -> bool:
        """Return whether its reply may be on the way: the slot was not used again since."""
        session = client.sessions.get(self.session_id)
        return session is not None and not session.slot(self.number).is_past(self.seqid)

    def referring(self, client: Client) -> list[referring_call_list4]:
        """Name the call for a callback about what it began, if its reply may not have been seen.

        RFC 8881, Section 2.10.6.3.
        """
        if not self.is_unseen(client):
            return []
        call = referring_call4(self.seqid, self.number)
        return [referring_call_list4(self.session_id, [call])]


class Delegation(DataState):
    """A delegation of one file to one client; ``exclusive`` if it is one for writing."""

    __slots__ = (
        "atime_ns",
        "change",
        "exclusive",
        "grant",
        "live",
        "modified",
        "mtime_ns",
        "recalled",
        "timer",
        "times",
        "told",
        "waiting",
    )

    def __init__(
        self, client: Client, file: OpenedFile, other: bytes, exclusive: bool, grant: Grant | None
    ) -> None:
        super().__init__(client, file, b"", other)
        self.exclusive = exclusive
        self.grant = grant
        self.live = True
        """Whether the client holds it: it was neither returned nor revoked."""
        self.recalled = False
        """Whether the client was asked to return it."""
        self.timer: TimerHandle | None = None
        """When it is revoked unless it is returned."""
        self.change = 0
        """The change attribute of the file when it was granted."""
        self.atime_ns = self.mtime_ns = 0
        """The file's times when it was granted."""
        self.times = False
        """Whether the holder says what the file's times are (RFC 9754, Section 5)."""
        self.told = 0
        """The change attribute that others were told last."""
        self.modified = False
        """Whether the holder is known to have changed what it has not written yet."""
        self.waiting: list[Future[None]] = []
        """Of those who wait for the end of it."""
        self.bump()

    def borrow(self, state: OpenState) -> None:
        """Use the open files of an open that the client has made, also after it is closed."""
        if state.reader is not None:
            self.reader, self.reading = state.reader, state.reading
            self.file.share(state.reader)
        if self.exclusive and state.writer is not None:
            self.writer, self.writing = state.writer, state.writing
            if state.writer is not self.reader:
                self.file.share(state.writer)

    def lend(self, state: OpenState, access: int) -> None:
        """Let an open use what is open here, for the access bits that it lacks."""
        lent: list[OpenFile] = []
        if access & READ and state.reader is None and self.reader is not None:
            state.reader, state.reading = self.reader, self.reading
            lent.append(self.reader)
        if access & WRITE and state.writer is None and self.writer is not None:
            state.writer, state.writing = self.writer, self.writing
            if self.writer is not state.reader:
                lent.append(self.writer)
        for opened in lent:
            self.file.share(opened)


class DelegationTable:
    """All delegations. ``exclusive`` counts those for writing."""

    def __init__(self, states: StateTable, limits: StateLimits, later: CallSoon) -> None:
        self._states = states
        self._limits = limits
        self._later = later
        self._room = Shares(limits.delegations)
        self._count = 0
        self.exclusive = 0

    def __len__(self) -> int:
        return self._count

    def resize(self, limits: StateLimits) -> None:
        """Change how many there may be."""
        self._limits = limits
        self._room.resize(limits.delegations)

    def has_room(self, client: Client) -> bool:
        """Return whether a client may have one more."""
        held = len(client.delegations) + len(client.revoked)
        within = held < self._limits.delegations_per_client and self._room.room(client.share) > 0
        return within and not self._states.is_full(client)

    def is_scarce(self, client: Client) -> bool:
        """Return whether a client has most of what it may have."""
        held = len(client.delegations)
        return held * 8 >= self._limits.delegations_per_client * 7 or held >= 7 * max(
            1, self._room.room(client.share)
        )

    def conflicts(
        self, file: OpenedFile, client: Client | None, exclusive: bool
    ) -> Iterator[Delegation]:
        """Yield the delegations of others that rule out a change, or a look unless ``exclusive``.

        A client never conflicts with itself.
        """
        for holder, delegation in list(file.delegations.items()):
            if holder is not client and (exclusive or delegation.exclusive):
                yield delegation

    def add(self, state: OpenState, exclusive: bool, grant: Grant | None) -> Delegation:
        """Delegate the file of an open to its client. There must be room, and no conflict."""
        delegation = self._enter(state.client, state.file, exclusive, grant)
        delegation.borrow(state)
        return delegation

    def add_opened(
        self,
        client: Client,
        file: OpenedFile,
        opened: OpenFile,
        user: User,
        exclusive: bool,
        grant: Grant | None,
    ) -> Delegation:
        """Delegate a file that a user has opened for nothing else, and that is closed with it."""
        delegation = self._enter(client, file, exclusive, grant)
        delegation.reader, delegation.reading = opened, user
        if exclusive:
            delegation.writer, delegation.writing = opened, user
        return delegation

    def add_directory(
        self, client: Client, directory: OpenedFile, grant: Grant | None
    ) -> Delegation:
        """Delegate a directory: nothing is open, and it is never one for writing."""
        return self._enter(client, directory, False, grant)

    def _enter(
        self, client: Client, file: OpenedFile, exclusive: bool, grant: Grant | None
    ) -> Delegation:
        self._states.keep(file)
        delegation = Delegation(client, file, self._states.new_other(client), exclusive, grant)
        file.delegations[client] = delegation
        client.delegations[delegation.other] = delegation
        self._states.enter(delegation)
        self._room.acquire(client.share, 1)
        self._count += 1
        self.exclusive += exclusive
        return delegation

    def give_back(self, delegation: Delegation) -> None:
        """Forget a delegation that its client holds. Raises ``OSError`` if closing fails."""
        self._states.leave(delegation)
        self._room.release(delegation.client.share, 1)
        self._end(delegation)

    def revoke(self, delegation: Delegation) -> None:
        """Take a delegation from its client, which has to free its stateid."""
        client = delegation.client
        self._states.revoke(delegation)
        client.revoked[delegation.other] = delegation
        client.revocations += 1
        self._end(delegation)
        if not client.has_sessions:
            self.free(delegation)  # minor version 0 has no operation for that

    def free(self, delegation: Delegation) -> None:
        """Forget a delegation that was revoked."""
        client = delegation.client
        del client.revoked[delegation.other]
        self._states.forget(delegation)
        self._room.release(client.share, 1)

    def drop_client(self, client: Client) -> None:
        """Forget all that a client has. Errors of closing are nobody's any more."""
        for delegation in list(client.revoked.values()):
            self.free(delegation)
        for delegation in list(client.delegations.values()):
            try:
                self.give_back(delegation)
            except OSError:
                continue

    def _end(self, delegation: Delegation) -> None:
        """Tell those who wait that a delegation is over, on the loop's next turn."""
        client, file = delegation.client, delegation.file
        delegation.live = False
        del client.delegations[delegation.other]
        del file.delegations[client]
        self._count -= 1
        self.exclusive -= delegation.exclusive
        if delegation.timer is not None:
            delegation.timer.cancel()
            delegation.timer = None
        waiting, delegation.waiting = delegation.waiting, []
        if waiting:
            self._later(partial(_wake, waiting))
        self._states.drop_unused(file)
        delegation.release()


def _wake(waiting: list[Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
