"""Files with state: who has them open, and whom share reservations keep out.

RFC 8881, Section 9.7: an open says what it wants to do (access) and what nobody else may do at
the same time (deny). The bits of both are 1 for reading and 2 for writing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..vfs.namespace import Filehandle
from .lock import RangeLocks

if TYPE_CHECKING:
    from .client import Client
    from .stateid import LockState, OpenState


class OpenedFile:
    """A file that someone has open."""

    __slots__ = ("handle", "lock_states", "locks", "opens")

    def __init__(self, handle: Filehandle) -> None:
        self.handle = handle
        self.opens: list[OpenState] = []
        self.lock_states: list[LockState] = []
        self.locks = RangeLocks()

    def find(self, client: Client, owner: bytes) -> OpenState | None:
        """The open of that owner; there is at most one."""
        for state in self.opens:
            if state.owner == owner and state.client is client:
                return state
        return None

    def find_lock(self, client: Client, owner: bytes) -> LockState | None:
        """The state of that lock owner; there is at most one."""
        for state in self.lock_states:
            if state.owner == owner and state.client is client:
                return state
        return None

    def conflicts(
        self, access: int, deny: int, besides: OpenState | None = None
    ) -> list[OpenState]:
        """The opens that rule out another with these modes."""
        return [
            state
            for state in self.opens
            if state is not besides and (state.deny & access or state.access & deny)
        ]
