"""Files with state: who has them open, and whom share reservations keep out.

RFC 8881, Section 9.7: an open says what it wants to do (access) and what no other may do at the
same time (deny). The bits of both are 1 for reading and 2 for writing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from ..vfs.interface import OpenFile, User
from ..vfs.namespace import Filehandle
from .lock import RangeLocks

if TYPE_CHECKING:
    from nfsrdma.rpcrdma.task import Future

    from .client import Client
    from .delegation import Delegation
    from .stateid import LockState, OpenState
    from .waiter import Waiter, Wanted

_VETTED: Final = 64
_MODES: Final = 4

Owner: TypeAlias = "tuple[Client, bytes]"
"""An open or lock owner: whose it is, and its name."""


class Kept(Protocol):
    """What keeps the ranges of a file from others than clients: see ``outside_locks``."""

    def loosen(self, start: int, end: int) -> None:
        """Note that less of a range is locked than before."""

    def settled(self) -> Future[None] | None:
        """Return a future of when others can have what was loosened; None if they can."""


class OpenedFile:
    """A file that is open.

    How many opens have each access and each deny mode is counted, so that most answers need no
    look at the opens, of which there may be thousands.
    """

    __slots__ = (
        "_accesses",
        "_denials",
        "_shared",
        "_vetted",
        "delegations",
        "handle",
        "kept",
        "lock_states",
        "locks",
        "opens",
        "waiters",
    )

    def __init__(self, handle: Filehandle) -> None:
        self.handle = handle
        self.opens: dict[Owner, OpenState] = {}
        self.delegations: dict[Client, Delegation] = {}
        """At most one of each client."""
        self.lock_states: dict[Owner, LockState] = {}
        self.locks = RangeLocks()
        self.kept: Kept | None = None
        self.waiters: dict[Wanted, Waiter] = {}
        """Who waits for a range, in the order in which they came."""
        self._accesses = [0] * _MODES
        self._denials = [0] * _MODES
        self._vetted: dict[tuple[User, int], float] = {}
        self._shared: dict[OpenFile, int] = {}
        """How many more states use an open file than the first."""

    # --- Files of the back end that several states use ---

    def share(self, opened: OpenFile) -> None:
        """Count one more state that uses what is open, and is going to close it."""
        self._shared[opened] = self._shared.get(opened, 0) + 1

    def close(self, opened: OpenFile) -> None:
        """Close what a state does not use any more, unless others do. Raises ``OSError``."""
        others = self._shared.pop(opened, 0)
        if others > 1:
            self._shared[opened] = others - 1
        elif not others:
            opened.close()

    # --- Opens ---

    def find(self, client: Client, owner: bytes) -> OpenState | None:
        """Return the open of that owner; there is at most one."""
        return self.opens.get((client, owner))

    def find_lock(self, client: Client, owner: bytes) -> LockState | None:
        """Return the state of that lock owner; there is at most one."""
        return self.lock_states.get((client, owner))

    def count(self, state: OpenState, by: int) -> None:
        """Count the modes of an open, before and after they change: ``by`` is -1, then 1."""
        self._accesses[state.access] += by
        self._denials[state.deny] += by

    def rules_out(self, access: int, deny: int) -> bool:
        """Return whether there are opens that one with these modes would conflict with."""
        return any(
            (self._denials[mode] and mode & access) or (self._accesses[mode] and mode & deny)
            for mode in range(1, _MODES)
        )

    def conflicts(self, access: int, deny: int) -> Iterator[OpenState]:
        """Yield those opens."""
        for state in list(self.opens.values()):
            if state.deny & access or state.access & deny:
                yield state

    # --- Users that the file system was asked about, besides those that opened the file ---

    def vetted(self, user: User, access: int, now: float) -> bool:
        """Return whether a user was found to have these rights a short while ago."""
        return now < self._vetted.get((user, access), now)

    def vet(self, user: User, access: int, until: float) -> None:
        """Remember for a while that a user has these rights."""
        if len(self._vetted) >= _VETTED:
            self._vetted.clear()
        self._vetted[user, access] = until

    def rights_changed(self) -> None:
        """Forget what the file system said: the mode or the owner was set."""
        self._vetted.clear()
