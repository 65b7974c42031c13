"""Access control lists of objects in memory: the rules that Linux has for them."""

from __future__ import annotations

import errno
import stat
from typing import Final

from .interface import User
from .memory_node import MemoryNode
from .posix import failure, without_foreign_setgid
from .posix_acl import Acls, PosixAcl

_ENTRY: Final = 64
"""Octets that an entry counts for: it is held in dictionaries."""


def acls_of(node: MemoryNode) -> Acls:
    """Return the lists of a node."""
    return Acls(node.acl or PosixAcl.of_mode(node.mode), node.default_acl)


def growth_by_acls(node: MemoryNode, who: User, acls: Acls) -> int:
    """Return by how many octets the lists will grow. Raises what forbids it."""
    if node.is_symlink:
        raise failure(errno.EOPNOTSUPP)
    if who.uid not in (0, node.uid):
        raise failure(errno.EPERM)
    new = _size(acls.access) + _size(acls.default)
    return new - _size(node.acl) - _size(node.default_acl)


def apply_acls(node: MemoryNode, who: User, acls: Acls) -> None:
    """Give a node its lists, and the mode that goes with them."""
    bits = node.mode & ~0o777 | acls.access.mode
    node.mode = without_foreign_setgid(who, node.gid, bits)
    node.acl = None if acls.access.mask is None else acls.access
    if node.is_directory:
        node.default_acl = acls.default


def size_of_inherited(parent: MemoryNode, mode: int) -> int:
    """Return how many octets what is made in a directory inherits of lists."""
    if stat.S_ISLNK(mode):
        return 0
    return _size(parent.default_acl) * (2 if stat.S_ISDIR(mode) else 1)


def inherit_acls(node: MemoryNode, parent: MemoryNode) -> None:
    """Begin with the directory's default list, less what the mode asked for leaves out."""
    default = parent.default_acl
    if default is None or node.is_symlink:
        return
    node.mode &= ~0o777 | default.mode
    node.acl = None if default.mask is None else default.with_mode(node.mode)
    if node.is_directory:
        node.default_acl = default


def _size(acl: PosixAcl | None) -> int:
    if acl is None or acl.mask is None:
        return 0
    return _ENTRY * (len(acl.users) + len(acl.groups) + 4)
