"""Access control lists of local files: POSIX ones, which Linux shows as extended attributes.

That a caller may change them, and what they grant, is the kernel's to judge (see ``identity``).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Awaitable, Callable
from functools import partial

from .heavy import Heavy
from .identity import Identity
from .interface import Node, User
from .local_attributes import ACCESS_ACL, DEFAULT_ACL, read_acl
from .local_nodes import Nodes
from .pace import Pace
from .posix import failure
from .posix_acl import NO_LIST, Acls, PosixAcl, encode
from .syscalls import descriptor_path


def are_supported(fd: int) -> bool:
    """Return whether the file system of a directory has access control lists."""
    try:
        os.getxattr(descriptor_path(fd), DEFAULT_ACL)
    except OSError as error:
        return error.errno == errno.ENODATA
    return True


class LocalAcls:
    """The lists of one export's files. ``changed`` moves a change attribute."""

    def __init__(
        self,
        acting: Identity,
        nodes: Nodes,
        pace: Pace,
        heavy: Heavy,
        changed: Callable[[Node], Awaitable[None]],
    ) -> None:
        self._acting = acting
        self._nodes = nodes
        self._pace = pace
        self._heavy = heavy
        self._changed = changed

    async def get(self, node: Node) -> Acls:
        """Return the lists of a node."""
        (fd,) = await self._nodes.reach(node)
        pace, what = self._pace, (node.identity, ACCESS_ACL)
        found = await (pace.quick if pace.is_quick(what) else pace.slow)(_get, fd)
        pace.done(what)
        return found

    async def set(self, node: Node, who: User, acls: Acls) -> None:
        """Set the lists of a node."""
        if node.is_symlink:
            raise failure(errno.EOPNOTSUPP)
        self._heavy.require_idle(node.identity)
        (fd,) = await self._nodes.reach(node)
        await self._pace.slow(partial(self._set, who=who, acls=acls), fd)
        await self._changed(node)

    # --- System calls, on any thread ---

    def _set(self, fd: int, who: User, acls: Acls) -> None:
        path = descriptor_path(fd)
        with self._acting(who):
            # The default list first: what it may refuse leaves the rights as they were.
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                if acls.default is not None:
                    os.setxattr(path, DEFAULT_ACL, encode(acls.default))
                else:
                    # An empty list removes it, and asks for the same rights as any other.
                    os.setxattr(path, DEFAULT_ACL, NO_LIST)
            os.setxattr(path, ACCESS_ACL, encode(acls.access))


def _get(fd: int) -> Acls:
    mode = os.fstat(fd).st_mode
    access = None if stat.S_ISLNK(mode) else read_acl(fd, ACCESS_ACL)
    default = read_acl(fd, DEFAULT_ACL) if stat.S_ISDIR(mode) else None
    return Acls(access or PosixAcl.of_mode(mode), default)
