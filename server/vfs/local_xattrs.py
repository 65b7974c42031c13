"""Extended attributes of local files: the user's namespace, and no other.

An inode is reached by its ``O_PATH`` descriptor, so that no link is followed and no name looked up.
What is small lies beside the inode; the rest may have to come from a disk.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeVar

from .heavy import Heavy
from .identity import Identity
from .interface import READ, Node, User, XattrMode
from .local_calls import Calls
from .local_nodes import Nodes
from .pace import Pace
from .posix import failure
from .syscalls import descriptor_path

T = TypeVar("T")

_PREFIX: Final = b"user."
MAX_NAME: Final = 255 - len(_PREFIX)
"""Octets of a name: Linux has room for 255 with the namespace."""
_PROBE: Final = _PREFIX + b"nfsrdma.probe"
_FLAGS: Final[Mapping[XattrMode, int]] = {
    XattrMode.EITHER: 0,
    XattrMode.CREATE: os.XATTR_CREATE,
    XattrMode.REPLACE: os.XATTR_REPLACE,
}
_HAVE_THEM: Final = (stat.S_IFREG, stat.S_IFDIR)
"""The types of objects that can have any."""


def are_supported(fd: int) -> bool:
    """Return whether the file system of a directory has extended attributes of users."""
    try:
        os.getxattr(descriptor_path(fd), _PROBE)
    except OSError as error:
        return error.errno == errno.ENODATA
    return True


class Xattrs:
    """The extended attributes of one export's files. ``changed`` moves a change attribute."""

    def __init__(
        self,
        acting: Identity,
        calls: Calls,
        nodes: Nodes,
        pace: Pace,
        heavy: Heavy,
        changed: Callable[[Node], Awaitable[None]],
    ) -> None:
        self._acting = acting
        self._calls = calls
        self._nodes = nodes
        self._pace = pace
        self._heavy = heavy
        self._changed = changed

    async def get(self, node: Node, who: User, name: bytes) -> bytes:
        """Return a value; ENODATA if there is none."""
        (fd,) = await self._nodes.reach(node)
        return await self._paced(node, partial(self._get, who=who, name=name), fd)

    async def names(self, node: Node, who: User) -> list[bytes]:
        """Return all names; EACCES if the caller may not read the object."""
        if node.type not in _HAVE_THEM:
            return []
        (fd,) = await self._nodes.reach(node)
        return await self._paced(node, partial(self._names, who=who), fd)

    async def set(self, node: Node, who: User, name: bytes, value: bytes, mode: XattrMode) -> None:
        """Set a value."""
        await self._alter(node, partial(self._set, who=who, name=name, value=value, mode=mode))

    async def remove(self, node: Node, who: User, name: bytes) -> None:
        """Remove an attribute; ENODATA if there is none."""
        await self._alter(node, partial(self._remove, who=who, name=name))

    async def _alter(self, node: Node, work: Callable[[int], None]) -> None:
        self._heavy.require_idle(node.identity)
        (fd,) = await self._nodes.reach(node)
        await self._paced(node, work, fd)
        await self._changed(node)

    async def _paced(self, node: Node, work: Callable[[int], T], fd: int) -> T:
        pace, what = self._pace, (node.identity, _PREFIX)
        result = await (pace.quick if pace.is_quick(what) else pace.slow)(work, fd)
        pace.done(what)
        return result

    # --- System calls, on any thread ---

    def _get(self, fd: int, who: User, name: bytes) -> bytes:
        with self._acting(who):
            return os.getxattr(descriptor_path(fd), _PREFIX + name)

    def _set(self, fd: int, who: User, name: bytes, value: bytes, mode: XattrMode) -> None:
        with self._acting(who):
            os.setxattr(descriptor_path(fd), _PREFIX + name, value, _FLAGS[mode])

    def _names(self, fd: int, who: User) -> list[bytes]:
        # To the kernel that there are any is no secret.
        if not self._calls.permitted(fd, who, READ):
            raise failure(errno.EACCES)
        names = map(os.fsencode, os.listxattr(descriptor_path(fd)))
        return [name[len(_PREFIX) :] for name in names if name.startswith(_PREFIX)]

    def _remove(self, fd: int, who: User, name: bytes) -> None:
        with self._acting(who):
            os.removexattr(descriptor_path(fd), _PREFIX + name)
