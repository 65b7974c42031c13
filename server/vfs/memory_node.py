"""What a file system in memory consists of: objects, and the entries of its directories.

Entries have cookies that count up and are never used again, which makes listings stable.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from .interface import Node
from .posix_acl import PosixAcl

_FIRST_ENTRY = 3  # RFC 8881, Section 18.23.3: cookies 0, 1 and 2 are special.


class MemoryNode(Node):
    """An object in memory. ``content`` depends on the type."""

    __slots__ = (
        "acl",
        "atime_ns",
        "btime_ns",
        "change",
        "content",
        "ctime_ns",
        "default_acl",
        "gid",
        "mode",
        "mtime_ns",
        "nlink",
        "opens",
        "parent",
        "rdev",
        "size",
        "space",
        "uid",
        "xattrs",
    )

    content: Directory | dict[int, bytearray] | bytes
    parent: MemoryNode | None
    acl: PosixAcl | None
    """What the mode does not say; None if it says all."""
    default_acl: PosixAcl | None
    atime_ns: int
    btime_ns: int
    change: int
    ctime_ns: int
    gid: int
    mode: int
    mtime_ns: int
    nlink: int
    opens: int
    rdev: tuple[int, int]
    size: int
    space: int
    uid: int
    xattrs: dict[bytes, bytes]


class Directory:
    """Entries by name and by cookie."""

    __slots__ = ("_cookies", "_names", "_next", "entries")

    def __init__(self) -> None:
        self.entries: dict[bytes, tuple[int, MemoryNode]] = {}
        self._cookies: list[int] = []
        self._names: dict[int, bytes] = {}
        self._next = _FIRST_ENTRY

    def add(self, name: bytes, node: MemoryNode) -> None:
        """Add an entry, whose name is free."""
        cookie, self._next = self._next, self._next + 1
        self.entries[name] = (cookie, node)
        self._cookies.append(cookie)
        self._names[cookie] = name

    def remove(self, name: bytes) -> None:
        """Remove an entry."""
        cookie, _ = self.entries.pop(name)
        del self._names[cookie]
        # Dead cookies stay in the sorted list until they are the greater part of it.
        if len(self._cookies) > 64 and len(self._cookies) > 2 * len(self._names):
            self._cookies = list(self._names)

    def after(self, cookie: int) -> Iterator[tuple[int, bytes]]:
        """Yield the cookies and names after a cookie."""
        cookies = self._cookies
        for index in range(bisect_right(cookies, cookie), len(cookies)):
            name = self._names.get(cookies[index])
            if name is not None:
                yield cookies[index], name
