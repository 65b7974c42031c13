"""Stateids, and the opens and lock owners that they stand for (RFC 8881, Section 8.2).

The ``other`` field is random, all twelve octets of it, so that it cannot be guessed, and no two
lives of a server have the same. That of a client of minor version 0 begins with the server's life
and a random part of the client's number, as old ones have errors of their own there (RFC 7530,
Section 9.1.4).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import (
    NFS4_OK,
    NFS4ERR_BAD_STATEID,
    NFS4ERR_DELEG_REVOKED,
    NFS4ERR_OLD_STATEID,
    stateid4,
)

from ..loop import CallSoon
from ..vfs.export import Export
from ..vfs.interface import READ, WRITE, OpenFile, User
from ..vfs.namespace import Filehandle
from .client import Client
from .limits import StateLimits
from .lock import FOREVER
from .share import OpenedFile
from .shares import Shares
from .waiter import WaiterTable

if TYPE_CHECKING:
    from random import Random

    from .owner import Owner

ANONYMOUS: Final = bytes(12)
"""With sequence number 0: no state. With 1: the current stateid (RFC 8881, Section 8.2.3)."""
BYPASS: Final = b"\xff" * 12
"""With the largest sequence number: no state, and reads past share reservations."""
UINT32_MAX: Final = 0xFFFFFFFF

_log = logging.getLogger(__name__)

_OTHER_SIZE: Final = 12
_PORTION: Final = 512
"""How many files are closed before others have their turn."""


class State:
    """What opens and lock owners have in common. ``seqid`` counts the changes."""

    __slots__ = ("client", "file", "numbered", "other", "owner", "seqid")

    def __init__(self, client: Client, file: OpenedFile, owner: bytes, other: bytes) -> None:
        self.client = client
        self.file = file
        self.owner = owner
        self.other = other
        self.seqid = 0
        self.numbered: Owner | None = None
        """In minor version 0, who numbers what is done to it."""

    def bump(self) -> None:
        """Count a change. Zero is skipped: it means "the latest"."""
        self.seqid = self.seqid % UINT32_MAX + 1

    @property
    def stateid(self) -> stateid4:
        """The stateid, as clients see it now."""
        return stateid4(self.seqid, self.other)


class DataState(State):
    """State whose stateid READ and WRITE take: an open, or a delegation.

    ``reader`` and ``writer`` are the same if one open made both. ``reading`` and ``writing`` are
    the users that opened them: the rights of others must be checked.
    """

    __slots__ = ("reader", "reading", "writer", "writing")

    def __init__(self, client: Client, file: OpenedFile, owner: bytes, other: bytes) -> None:
        super().__init__(client, file, owner, other)
        self.reader: OpenFile | None = None
        self.writer: OpenFile | None = None
        self.reading: User | None = None
        self.writing: User | None = None

    def release(self, keep: int = 0) -> None:
        """Close what is not needed for the access bits ``keep`` of the back end."""
        reader, writer = self.reader, self.writer
        if not keep & READ:
            self.reader = None
        if not keep & WRITE:
            self.writer = None
        kept = self.reader, self.writer
        try:
            if reader is not None and reader not in kept:
                self.file.close(reader)
        finally:
            if writer is not None and writer is not reader and writer not in kept:
                self.file.close(writer)


class OpenState(DataState):
    """A file opened by an owner.

    ``modes`` has the (access, deny) pairs that it was opened with: only a combination of those
    can be downgraded to.
    """

    __slots__ = ("access", "deny", "locks", "modes")

    def __init__(self, client: Client, file: OpenedFile, owner: bytes, other: bytes) -> None:
        super().__init__(client, file, owner, other)
        self.access = 0
        self.deny = 0
        self.modes: set[tuple[int, int]] = set()
        self.locks: dict[bytes, LockState] = {}
        """Of those who lock through it, by their ``other``."""

    def take(self, opened: OpenFile, access: int, user: User) -> None:
        """Use what a user has opened for what is missing; close it if nothing is."""
        used = False
        if access & READ and self.reader is None:
            self.reader, self.reading, used = opened, user, True
        if access & WRITE and self.writer is None:
            self.writer, self.writing, used = opened, user, True
        if not used:
            self.file.close(opened)

    def set_modes(self, access: int, deny: int) -> None:
        """Change what it wants to do, and what it denies others."""
        self.file.count(self, -1)
        self.access, self.deny = access, deny
        self.file.count(self, 1)


class LockState(State):
    """A lock owner on a file; its ranges are with the file. ``open`` is what it locks through."""

    __slots__ = ("open",)

    def __init__(self, open_state: OpenState, owner: bytes, other: bytes) -> None:
        super().__init__(open_state.client, open_state.file, owner, other)
        self.open = open_state


class StateTable:
    """All states by their ``other``, and the files that have any."""

    def __init__(self, limits: StateLimits, random: Random, later: CallSoon) -> None:
        self._limits = limits
        self._later = later
        self._leftovers: list[OpenState] = []
        self._random = random
        self._states: dict[bytes, State] = {}
        self._revoked: dict[bytes, State] = {}
        self._files: dict[bytes, OpenedFile] = {}
        self._room = Shares(limits.states)
        self._ranges = Shares(limits.ranges)
        self.waiters = WaiterTable(limits)
        self.on_freed: Callable[[OpenedFile], None] | None = None
        """Called, a little later, for files in which somebody waits for what may be free now."""
        self._freed: dict[OpenedFile, None] = {}

    def __len__(self) -> int:
        return len(self._states)

    def resize(self, limits: StateLimits) -> None:
        """Change how much there may be. What is there stays."""
        self._limits = limits
        self._room.resize(limits.states)
        self._ranges.resize(limits.ranges)
        self.waiters.resize(limits)

    def files_of(self, export: Export) -> list[OpenedFile]:
        """Return the files of an export that have state."""
        return [file for file in self._files.values() if file.handle.export is export]

    def files_by_export(self) -> Counter[Export]:
        """Return how many files have state, by their export."""
        return Counter(file.handle.export for file in self._files.values())

    def file(self, handle: Filehandle) -> OpenedFile | None:
        """Return the file of a handle, if it has state."""
        return self._files.get(handle.wire)

    def file_of_wire(self, wire: bytes) -> OpenedFile | None:
        """Return the file of a handle's octets, if it has state."""
        return self._files.get(wire)

    def file_of(self, handle: Filehandle) -> OpenedFile:
        """Return the file of a handle, or a new one, which :meth:`keep` enters."""
        return self._files.get(handle.wire) or OpenedFile(handle)

    def keep(self, file: OpenedFile) -> None:
        """Enter a file that is about to have state."""
        self._files.setdefault(file.handle.wire, file)

    def get(self, other: bytes) -> State | None:
        """Return any client's state, whatever its sequence number."""
        return self._states.get(other)

    def find(self, stateid: stateid4, client: Client) -> State:
        """Return a client's state; its sequence number is checked, its file is not.

        Raises BAD_STATEID, OLD_STATEID and DELEG_REVOKED. A stateid of the server's life before is
        bad too: RFC 8881, Section 15.1.16, leaves NFS4ERR_STALE_STATEID to minor version 0.
        """
        state = self._states.get(stateid.other)
        if state is None or state.client is not client:
            raise NfsError(self._unknown(stateid.other, client))
        if stateid.seqid not in (0, state.seqid):
            raise NfsError(wrong_seqid(stateid.seqid, state.seqid))
        return state

    def test(self, stateids: Iterable[tuple[int, bytes]], client: Client) -> list[int]:
        """Return the statuses that :meth:`find` has for stateids, of which there may be many.

        Each is given as its sequence number and the rest.
        """
        statuses, states = [], self._states
        for seqid, other in stateids:
            state = states.get(other)
            if state is None or state.client is not client:
                statuses.append(self._unknown(other, client))
            elif seqid in (0, state.seqid):
                statuses.append(NFS4_OK)
            else:
                statuses.append(wrong_seqid(seqid, state.seqid))
        return statuses

    def _unknown(self, other: bytes, client: Client) -> int:
        """Return why a client has no such state."""
        revoked = self._revoked.get(other)
        if revoked is not None and revoked.client is client:
            return NFS4ERR_DELEG_REVOKED
        return NFS4ERR_BAD_STATEID

    def add_open(self, client: Client, owner: bytes, handle: Filehandle) -> OpenState:
        """Add an open, without modes yet. There must be room for it."""
        file = self.file_of(handle)
        self.keep(file)
        state = OpenState(client, file, owner, self.new_other(client))
        client.open_states[state.other] = state
        file.opens[client, owner] = state
        file.count(state, 1)
        self._add(state)
        return state

    def add_lock(self, open_state: OpenState, owner: bytes) -> LockState:
        """Add a lock owner's state on the file. There must be room for it."""
        client = open_state.client
        state = LockState(open_state, owner, self.new_other(client))
        client.lock_states[state.other] = state
        open_state.locks[state.other] = state
        state.file.lock_states[client, owner] = state
        self._add(state)
        return state

    def close(self, state: OpenState, at_once: bool = True) -> None:
        """Forget an open, with the locks made through it. Its files may be closed later.

        Raises ``OSError`` if that fails, and forgets it all the same.
        """
        for lock in list(state.locks.values()):
            self.free(lock)
        file, client = state.file, state.client
        if file.waiters and self.waiters.drop(state):
            self._note_freed(file)  # something may have been kept for them
        file.count(state, -1)
        del client.open_states[state.other]
        del file.opens[client, state.owner]
        self._remove(state)
        self.drop_unused(file)
        if at_once:
            state.release()

    def free(self, state: LockState) -> None:
        """Forget a lock owner on a file, with its locks."""
        client, file = state.client, state.file
        self._count_ranges(client, -file.locks.held_by(state))
        span = file.locks.span(0, FOREVER, state)
        file.locks.drop(state)
        self._note_freed(file)
        del file.lock_states[client, state.owner]
        if file.kept is not None:
            file.kept.loosen(*span)
        del client.lock_states[state.other]
        del state.open.locks[state.other]
        self._remove(state)

    def drop_client(self, client: Client) -> None:
        """Forget all that a client has."""
        states = list(client.open_states.values())
        for state in states:
            self.close(state, at_once=False)
        if len(states) <= _PORTION:
            _release(states)
            return
        if not self._leftovers:
            self._later(self._close_some)
        self._leftovers += states

    def _close_some(self) -> None:
        """Close files of clients that had so many that others would have to wait."""
        portion = self._leftovers[-_PORTION:]
        del self._leftovers[-_PORTION:]
        if self._leftovers:
            self._later(self._close_some)
        _release(portion)

    def close_all(self) -> None:
        """Close what is still to be closed."""
        leftovers, self._leftovers = self._leftovers, []
        _release(leftovers)

    def drop_unused(self, file: OpenedFile) -> None:
        """Forget a file that has neither opens nor delegations any more."""
        if not file.opens and not file.delegations:
            del self._files[file.handle.wire]

    # --- Delegations: see ``DelegationTable`` ---

    def enter(self, state: State) -> None:
        """Add a state that the caller has made with :meth:`new_other`."""
        self._add(state)

    def leave(self, state: State) -> None:
        """Forget a state that was entered."""
        self._remove(state)

    def revoke(self, state: State) -> None:
        """Keep a state that was entered as a revoked one, until :meth:`forget`."""
        del self._states[state.other]
        self._revoked[state.other] = state

    def forget(self, state: State) -> None:
        """Forget a state that was revoked."""
        del self._revoked[state.other]
        self._room.release(state.client.share, 1)

    # --- Byte ranges ---

    def lock_range(self, state: LockState, start: int, end: int, exclusive: bool) -> None:
        """Lock a range of the state's file. There must be no conflict, and room for it."""
        locks = state.file.locks
        before = len(locks)
        locks.lock(start, end, exclusive, state)
        self._count_ranges(state.client, len(locks) - before)
        if not exclusive:
            self._note_freed(state.file)  # it may have been held for writing

    def unlock_range(self, state: LockState, start: int, end: int) -> None:
        """Unlock a range of the state's file."""
        locks = state.file.locks
        before = len(locks)
        span = locks.span(start, end, state)
        locks.unlock(start, end, state)
        if state.file.kept is not None:
            state.file.kept.loosen(*span)
        self._count_ranges(state.client, len(locks) - before)
        self._note_freed(state.file)

    def _count_ranges(self, client: Client, more: int) -> None:
        if more:
            client.ranges += more
            self._ranges.acquire(client.share, more)

    def _note_freed(self, file: OpenedFile) -> None:
        if file.waiters and file not in self._freed:
            if not self._freed:
                self._later(self._tell_freed)
            self._freed[file] = None

    def _tell_freed(self) -> None:
        freed, self._freed = self._freed, {}
        for file in freed:
            if self.on_freed is not None:
                self.on_freed(file)

    def is_waited_for(self, client: Client) -> bool:
        """Return whether somebody waits for ranges of a file of which a client holds some."""
        return any(state.file.waiters for state in client.lock_states.values())

    def may_lock(self, file: OpenedFile, client: Client) -> bool:
        """Return whether there is room for what one LOCK adds: a split makes two more ranges."""
        room = self._ranges.room(client.share)
        return room >= 2 and len(file.locks) + 2 <= self._limits.ranges_per_file

    # --- Room ---

    def is_full(self, client: Client) -> bool:
        """Return whether a client may not have one more open or lock owner."""
        held = len(client.open_states) + len(client.lock_states) + len(client.delegations)
        return held >= self._limits.states_per_client or not self._room.room(client.share)

    def is_in_the_way(self, other: Client, client: Client) -> bool:
        """Return whether a client that is full could have more if the other one had less."""
        if other is client or self._room.room(client.share):
            return False
        return other.share == client.share or not self._room.free

    def _add(self, state: State) -> None:
        self._states[state.other] = state
        self._room.acquire(state.client.share, 1)

    def _remove(self, state: State) -> None:
        del self._states[state.other]
        if state.numbered is not None:
            state.numbered.states.discard(state.other)
        self._room.release(state.client.share, 1)

    def new_other(self, client: Client) -> bytes:
        """Return a random ``other`` that no state has, for a state of a client."""
        prefix = client.stateid_prefix
        while True:
            other = prefix + self._random.randbytes(_OTHER_SIZE - len(prefix))
            known = other in self._states or other in self._revoked
            if not known and other not in (ANONYMOUS, BYPASS):
                return other


def _release(states: list[OpenState]) -> None:
    """Close the files of opens that are gone; no caller is left to be told of errors."""
    for state in states:
        try:
            state.release()
        except OSError as error:
            _log.warning("closing a file of a client that is gone: %s", error)


def wrong_seqid(given: int, known: int) -> int:
    """Return OLD_STATEID for a past number, BAD_STATEID for a future one. The counter wraps."""
    behind = known - given & UINT32_MAX
    return NFS4ERR_OLD_STATEID if behind < 1 << 31 else NFS4ERR_BAD_STATEID
