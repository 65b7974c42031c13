"""Extended attributes of objects in memory: the rules that Linux has for those of users."""

from __future__ import annotations

import errno
import stat
from typing import Final

from .interface import READ, WRITE, User, XattrMode
from .memory_node import MemoryNode
from .posix import failure, require

MOST: Final = 1024
"""Attributes that one object can have."""


def value_of(node: MemoryNode, who: User, name: bytes) -> bytes:
    """Return a value; ENODATA if there is none."""
    if not _has_them(node):
        raise failure(errno.ENODATA)
    _require(node, who, READ)
    try:
        return node.xattrs[name]
    except KeyError:
        raise failure(errno.ENODATA) from None


def names_of(node: MemoryNode, who: User) -> list[bytes]:
    """Return all names."""
    if _has_them(node):
        _require(node, who, READ)
    return list(node.xattrs)


def growth_by_setting(
    node: MemoryNode, who: User, name: bytes, value: bytes, mode: XattrMode
) -> int:
    """Return by how many octets the attributes will grow. Raises what forbids it."""
    _require_changeable(node, who)
    old = node.xattrs.get(name)
    if old is None:
        if mode is XattrMode.REPLACE:
            raise failure(errno.ENODATA)
        if len(node.xattrs) >= MOST:
            raise failure(errno.ENOSPC)
        return len(name) + len(value)
    if mode is XattrMode.CREATE:
        raise failure(errno.EEXIST)
    return len(value) - len(old)


def growth_by_removing(node: MemoryNode, who: User, name: bytes) -> int:
    """Return by how many octets the attributes will grow: a negative number."""
    _require_changeable(node, who)
    if name not in node.xattrs:
        raise failure(errno.ENODATA)
    return -len(name) - len(node.xattrs[name])


def _has_them(node: MemoryNode) -> bool:
    return node.is_regular or node.is_directory


def _require(node: MemoryNode, who: User, mask: int) -> None:
    require(who, node.uid, node.gid, node.mode, mask, node.is_directory, node.acl)


def _require_changeable(node: MemoryNode, who: User) -> None:
    if not _has_them(node):
        raise failure(errno.EPERM)
    # In a directory that all may write to only its owner says what it is.
    if node.is_directory and node.mode & stat.S_ISVTX and who.uid not in (0, node.uid):
        raise failure(errno.EPERM)
    _require(node, who, WRITE)
