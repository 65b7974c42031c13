"""One object of the server, with cached attributes and names."""

from __future__ import annotations

import stat
from typing import Final

from ..attributes import Stat
from ..operations import Moved
from .lifetimes import Lifetime, Lifetimes

Key = tuple[tuple[int, int], bytes]
"""The identity of an object: the fsid of its file system, and its handle."""


DEPTH_MAX: Final = 4096
"""The number of ancestors that are followed at most: a server's may form a cycle."""


class _NoNames(dict[bytes, "Node | None"]):
    """The names in what is no directory: none, whatever a server says. All such nodes share it."""

    def __setitem__(self, name: bytes, node: Node | None) -> None:
        """Forget it at once."""


_NO_NAMES: Final = _NoNames()


class Node:
    """A file, a directory, a link, or a special file.

    ``number`` identifies it within its table, and is never reused. :attr:`status` has the
    attributes last seen. :attr:`change` is the latest known change attribute (RFC 8881, Section
    5.8.1.4), which may be newer than :attr:`status`. :attr:`names` are the known names in a
    directory, as of that change.
    """

    __slots__ = (
        "_known_at",
        "_lifetime",
        "change",
        "fsid",
        "generation",
        "handle",
        "lookups",
        "name",
        "names",
        "number",
        "opens",
        "pages",
        "parent",
        "status",
        "told",
    )

    def __init__(self, number: int, status: Stat, lifetimes: Lifetimes, asked_at: float) -> None:
        is_dir = status.is_dir
        self.number = number
        self.fsid = status.fsid
        self.handle = status.handle
        self.status = status
        self.change = status.change
        self.generation = 0
        """Grows when it has changed, unless that was a name made or removed by this client."""
        self.parent: Node | None = None
        """The directory where it was last seen, as :attr:`name`; None for the root."""
        self.name = b""
        self.names: dict[bytes, Node | None] = {} if is_dir else _NO_NAMES
        """The nodes of names; None for a name that does not exist."""
        self.lookups = 0
        """How often it was returned by a lookup and not forgotten yet."""
        self.opens = 0
        """How often it is open."""
        self.told: int | None = None
        """The change attribute of the attributes that the operating system was told last."""
        self.pages: int | None = None
        """The change attribute that its cached pages correspond to."""
        self._lifetime = Lifetime(lifetimes, is_dir)
        self._lifetime.renew(asked_at, changed=True)
        self._known_at = asked_at

    def __repr__(self) -> str:
        return f"<Node {self.number} {self.path()!r}>"

    @property
    def key(self) -> Key:
        """The key in the table."""
        return self.fsid, self.handle

    @property
    def is_dir(self) -> bool:
        """Whether this is a directory."""
        return self.status.is_dir

    @property
    def is_referred_to(self) -> bool:
        """Whether the table has to keep it."""
        return self.lookups > 0 or self.opens > 0

    def path(self) -> str:
        """Return the path where it was last seen, for messages."""
        parts: list[bytes] = []
        node: Node | None = self
        while node is not None and node.parent is not None and len(parts) < DEPTH_MAX:
            parts.append(node.name)
            node = node.parent
        return "/" + b"/".join(reversed(parts)).decode("utf-8", "surrogateescape")

    def is_same_object(self, status: Stat) -> bool:
        """Return whether ``status``, found under its name, is still of this object."""
        ours = self.status
        kinds = stat.S_IFMT(status.st_mode), stat.S_IFMT(ours.st_mode)
        return (status.fsid, status.st_ino) == (self.fsid, ours.st_ino) and kinds[0] == kinds[1]

    # --- Cached attributes and names ---

    def seconds_left(self, now: float) -> float:
        """Return for how many more seconds :attr:`status` is trusted; 0 if it has expired."""
        left = self._lifetime.until - now
        return left if left > 0 and self.status.change == self.change else 0.0

    def has_links(self) -> bool:
        """Return whether this is a file that has several names."""
        return self.status.st_nlink > 1 and not self.is_dir

    def is_known_since(self, when: float) -> bool:
        """Return whether what is cached is from a call that was sent after ``when``."""
        return self._known_at > when

    @property
    def known_at(self) -> float:
        """When the attributes were asked for, or last let expire."""
        return self._known_at

    def names_left(self, now: float) -> float:
        """Return for how many more seconds :attr:`change` and :attr:`names` are trusted."""
        return self._lifetime.left(now)

    def learn(self, status: Stat, asked_at: float) -> bool:
        """Cache attributes from a call that was sent at ``asked_at``; return whether they are new.

        They are ignored if newer ones are known: replies may arrive out of order.
        """
        if asked_at < self._known_at:
            return False
        self._learn_change(status.change, asked_at)
        status.handle = self.handle
        self.status = status
        return True

    def learn_change(self, change: int, asked_at: float) -> bool:
        """Cache the change attribute from a call sent at ``asked_at``, as :meth:`learn` does."""
        if asked_at < self._known_at:
            return False
        self._learn_change(change, asked_at)
        return True

    def _learn_change(self, change: int, asked_at: float) -> None:
        changed = change != self.change
        if changed:
            self._forget_names()
            self.change = change
        self._lifetime.renew(asked_at, changed)
        self._known_at = asked_at

    def moved_on(self, moved: Moved, asked_at: float, now: float) -> None:
        """Apply what a call says, sent at ``asked_at``, by which we changed this directory.

        :attr:`names` stay known if no other client has changed the directory in between. So do the
        attributes if they came with the reply and nothing was heard meanwhile; otherwise they have
        expired. Replies to calls sent before ``now`` are old from now on.
        """
        info, status = moved.info, moved.status
        after = info.after
        fresh = status is not None and asked_at >= self._known_at
        if fresh:
            assert status is not None
            status.handle = self.handle
            self.status, after = status, status.change
        changed = not info.atomic or info.before != self.change or after != info.after
        if changed:
            self._forget_names()
        self.change = after
        self._lifetime.renew(asked_at if fresh else now, changed)
        self._known_at = now

    def _forget_names(self) -> None:
        self.names.clear()
        self.generation += 1

    def expire(self, now: float) -> None:
        """Let the attributes expire, and ignore those of calls that were sent before ``now``."""
        self._lifetime.end()
        self._known_at = now
