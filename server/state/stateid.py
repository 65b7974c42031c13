"""Stateids, and the opens and lock owners that they stand for (RFC 8881, Section 8.2).

The ``other`` field is the server's boot number and a count, so no two lives of a server and no
two states ever have the same.
"""

from __future__ import annotations

import struct
from typing import Final

from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import (
    NFS4ERR_BAD_STATEID,
    NFS4ERR_DELAY,
    NFS4ERR_OLD_STATEID,
    stateid4,
)

from ..vfs.interface import READ, WRITE, OpenFile
from ..vfs.namespace import Filehandle
from .client import Client
from .share import OpenedFile

ANONYMOUS: Final = bytes(12)
"""With sequence number 0: no state. With 1: the current stateid (RFC 8881, Section 8.2.3)."""
BYPASS: Final = b"\xff" * 12
"""With the largest sequence number: no state, and reads past share reservations."""
UINT32_MAX: Final = 0xFFFFFFFF

_OTHER = struct.Struct(">IQ")


class State:
    """What opens and lock owners have in common. ``seqid`` counts the changes."""

    __slots__ = ("client", "file", "other", "owner", "seqid")

    def __init__(self, client: Client, file: OpenedFile, owner: bytes, other: bytes) -> None:
        self.client = client
        self.file = file
        self.owner = owner
        self.other = other
        self.seqid = 0

    def bump(self) -> None:
        """The state changed. Zero is skipped: it means "the latest"."""
        self.seqid = self.seqid % UINT32_MAX + 1

    @property
    def stateid(self) -> stateid4:
        """As clients see it now."""
        return stateid4(self.seqid, self.other)


class OpenState(State):
    """A file opened by an owner.

    ``modes`` has the (access, deny) pairs that it was opened with: only a combination of those
    can be downgraded to. ``reader`` and ``writer`` are the same if one open made both.
    """

    __slots__ = ("access", "deny", "modes", "reader", "writer")

    def __init__(self, client: Client, file: OpenedFile, owner: bytes, other: bytes) -> None:
        super().__init__(client, file, owner, other)
        self.access = 0
        self.deny = 0
        self.modes: set[tuple[int, int]] = set()
        self.reader: OpenFile | None = None
        self.writer: OpenFile | None = None

    def take(self, opened: OpenFile, access: int) -> None:
        """Use an open file for what is still missing; close it if nothing is."""
        used = False
        if access & READ and self.reader is None:
            self.reader, used = opened, True
        if access & WRITE and self.writer is None:
            self.writer, used = opened, True
        if not used:
            opened.close()

    def release(self, keep: int = 0) -> None:
        """Close what is not needed for the access bits ``keep`` of the back end."""
        reader = self.reader if keep & READ else None
        writer = self.writer if keep & WRITE else None
        for opened in {id(file): file for file in (self.reader, self.writer) if file}.values():
            if opened is not reader and opened is not writer:
                opened.close()
        self.reader, self.writer = reader, writer


class LockState(State):
    """A lock owner on a file; its ranges are with the file. ``open`` is what it locks through."""

    __slots__ = ("open",)

    def __init__(self, open_state: OpenState, owner: bytes, other: bytes) -> None:
        super().__init__(open_state.client, open_state.file, owner, other)
        self.open = open_state


class StateTable:
    """All states by their ``other``, and the files that have any."""

    def __init__(self, boot: int, limit: int, per_client: int) -> None:
        self._boot = boot
        self._limit = limit
        self._per_client = per_client
        self._next = 1
        self._states: dict[bytes, State] = {}
        self._files: dict[bytes, OpenedFile] = {}

    def __len__(self) -> int:
        return len(self._states)

    def file(self, handle: Filehandle) -> OpenedFile | None:
        """The file, if it has state."""
        return self._files.get(handle.wire)

    def find(self, stateid: stateid4, client: Client) -> State:
        """The state of a client; its sequence number is checked, its file is not.

        Raises BAD_STATEID and OLD_STATEID. A stateid of the server's life before is bad too:
        RFC 8881, Section 15.1.16, leaves NFS4ERR_STALE_STATEID to minor version 0.
        """
        state = self._states.get(stateid.other)
        if state is None or state.client is not client:
            raise NfsError(NFS4ERR_BAD_STATEID)
        if stateid.seqid not in (0, state.seqid):
            # Serial number arithmetic: the counter goes round.
            behind = state.seqid - stateid.seqid & UINT32_MAX
            raise NfsError(NFS4ERR_OLD_STATEID if behind < 1 << 31 else NFS4ERR_BAD_STATEID)
        return state

    def add_open(self, client: Client, owner: bytes, handle: Filehandle) -> OpenState:
        """A new open, without modes yet. DELAY if the client has too many."""
        self._check_room(client)
        file = self._files.get(handle.wire)
        if file is None:
            file = self._files[handle.wire] = OpenedFile(handle)
        state = OpenState(client, file, owner, self._new_other())
        self._states[state.other] = state
        client.open_states[state.other] = state
        file.opens.append(state)
        return state

    def add_lock(self, open_state: OpenState, owner: bytes) -> LockState:
        """The lock owner's state on the file, new or not."""
        client = open_state.client
        known = open_state.file.find_lock(client, owner)
        if known is not None:
            return known
        self._check_room(client)
        state = LockState(open_state, owner, self._new_other())
        self._states[state.other] = state
        client.lock_states[state.other] = state
        state.file.lock_states.append(state)
        return state

    def close(self, state: OpenState) -> None:
        """Forget an open, with the locks made through it."""
        for lock in [lock for lock in state.file.lock_states if lock.open is state]:
            self.free(lock)
        state.release()
        del self._states[state.other]
        del state.client.open_states[state.other]
        file = state.file
        file.opens.remove(state)
        if not file.opens:
            del self._files[file.handle.wire]

    def free(self, state: LockState) -> None:
        """Forget a lock owner on a file, with its locks."""
        state.file.locks.drop(state)
        state.file.lock_states.remove(state)
        del self._states[state.other]
        del state.client.lock_states[state.other]

    def drop_client(self, client: Client) -> None:
        """Forget all that a client has."""
        for state in list(client.open_states.values()):
            self.close(state)

    def _check_room(self, client: Client) -> None:
        held = len(client.open_states) + len(client.lock_states)
        if held >= self._per_client or len(self._states) >= self._limit:
            raise NfsError(NFS4ERR_DELAY)

    def _new_other(self) -> bytes:
        other = _OTHER.pack(self._boot, self._next)
        self._next += 1
        return other
