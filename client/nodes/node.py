"""One object of the server, and what is known of it."""

from __future__ import annotations

import stat
from typing import Final

from ..attributes import Stat
from .lifetimes import Lifetime, Lifetimes

Key = tuple[tuple[int, int], bytes]
"""What tells objects apart: the file system's fsid, and the handle."""


DEPTH_MAX: Final = 4096
"""Directories on the way to an object that are followed upwards: a server's may go round."""


class Node:
    """A file, a directory, a link, or a special file.

    ``number`` is its own for as long as the table has it, and never another node's. What is known
    is a cache: :attr:`status` are the attributes last seen, :attr:`change` the change attribute
    (RFC 8881, Section 5.8.1.4), which may have moved on since, and :attr:`names`, of a directory,
    what is in it as of that change.
    """

    __slots__ = (
        "_known_at",
        "_lifetime",
        "change",
        "fsid",
        "handle",
        "lookups",
        "name",
        "names",
        "number",
        "opens",
        "parent",
        "status",
    )

    def __init__(self, number: int, status: Stat, lifetimes: Lifetimes) -> None:
        self.number = number
        self.fsid = status.fsid
        self.handle = status.handle
        self.status = status
        self.change = status.change
        self.parent: Node | None = None
        """The directory that it was last seen in, under :attr:`name`; None for the root."""
        self.name = b""
        self.names: dict[bytes, Node | None] = {}
        """Where names lead to; None is a name that there is not."""
        self.lookups = 0
        """How often it was handed out, less what was forgotten of it."""
        self.opens = 0
        self._lifetime = Lifetime(lifetimes, status.is_dir)
        self._known_at = float("-inf")

    def __repr__(self) -> str:
        return f"<Node {self.number} {self.path()!r}>"

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.fsid, self.handle

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.status.is_dir

    @property
    def is_referred_to(self) -> bool:
        """Whether it has to be kept."""
        return self.lookups > 0 or self.opens > 0

    def path(self) -> str:
        """Return the path that it was last seen at, for messages."""
        parts: list[bytes] = []
        node: Node | None = self
        while node is not None and node.parent is not None and len(parts) < DEPTH_MAX:
            parts.append(node.name)
            node = node.parent
        return "/" + b"/".join(reversed(parts)).decode("utf-8", "surrogateescape")

    def is_same_object(self, status: Stat) -> bool:
        """Return whether ``status``, found under its name, is of this object still."""
        ours = self.status
        kinds = stat.S_IFMT(status.st_mode), stat.S_IFMT(ours.st_mode)
        return (status.fsid, status.st_ino) == (self.fsid, ours.st_ino) and kinds[0] == kinds[1]

    # --- What is known of it ---

    def seconds_left(self, now: float) -> float:
        """Return for how many seconds :attr:`status` may be believed, 0 if no more."""
        return self._lifetime.left(now) if self.status.change == self.change else 0.0

    def names_left(self, now: float) -> float:
        """Return for how many seconds :attr:`names` may be believed, and :attr:`change`."""
        return self._lifetime.left(now)

    def learn(self, status: Stat, asked_at: float) -> bool:
        """Take attributes from a call that was made at ``asked_at``; return whether they are news.

        Those of a call from before what is known already say nothing: what it saw may be past.
        """
        if asked_at < self._known_at:
            return False
        self._learn_change(status.change, asked_at)
        status.handle = self.handle
        self.status = status
        return True

    def learn_change(self, change: int, asked_at: float) -> bool:
        """Take the change attribute from a call that was made at ``asked_at``, as :meth:`learn`."""
        if asked_at < self._known_at:
            return False
        self._learn_change(change, asked_at)
        return True

    def _learn_change(self, change: int, asked_at: float) -> None:
        changed = change != self.change
        if changed:
            self.names.clear()
            self.change = change
        self._lifetime.renew(asked_at, changed)
        self._known_at = asked_at

    def moved_on(self, atomic: bool, before: int, after: int, now: float) -> None:
        """Note that a call of ours has changed this directory, as its ``change_info4`` says.

        :attr:`names` are still known if nobody else has changed anything; the attributes have to
        be asked for. What was asked for before ``now`` is no news any more.
        """
        changed = not atomic or before != self.change
        if changed:
            self.names.clear()
        self.change = after
        self._lifetime.renew(now, changed)
        self._known_at = now

    def expire(self, now: float) -> None:
        """Believe the attributes no longer, nor those of calls that were made before ``now``."""
        self._lifetime.end()
        self._known_at = now
