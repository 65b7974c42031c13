"""What processes have open, by the numbers that the kernel was given for it."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Final

from nfsrdma.rpcrdma.task import Task, settled

from ..cookies import Cookies
from ..errors import make_error
from ..nodes import Node, NodeFile, Nodes
from ..nodes.lookups import Entries, Entry
from .changes import Maker

FIRST_COOKIE: Final = 3
"""The least cookie of an entry: 1 and 2 are for ``.`` and ``..`` (RFC 8881, Section 18.23.3)."""
_PAGES_AHEAD: Final = 2
"""Pages of a listing that are asked for before anybody wants them: the server makes one of them
while the other is looked at."""


class FileHandle:
    """An open file."""

    __slots__ = ("_failure", "_told", "careful", "file", "maker", "uncommitted")

    def __init__(self, file: NodeFile) -> None:
        self.file: Final = file
        self.uncommitted = 0
        """Octets written since the last commit, at least."""
        self.careful = False
        """Whether WRITEs are answered when they are executed, as one before has failed."""
        self.maker: Maker | None = None
        """Who has made the file by this open, while all that was done to it is known here."""
        self._failure: Exception | None = None
        self._told = False

    def fail(self, error: Exception) -> None:
        """Note that what was written, and answered, is not at the server."""
        self._failure, self._told, self.careful = error, False, True

    @property
    def untold(self) -> Exception | None:
        """What a WRITE has come to that no program was told yet."""
        return None if self._told else self._failure

    def tell(self) -> None:
        """Raise, once, what a WRITE before has come to; whoever commits hears of it again."""
        if self._failure is not None and not self._told:
            self._told = True
            raise self._failure

    def settle(self) -> None:
        """Raise what a WRITE since the last time has come to, and begin anew."""
        failure, self._failure, self.careful = self._failure, None, False
        if failure is not None:
            raise failure

    @property
    def node(self) -> Node:
        """What is open."""
        return self.file.node


class DirectoryHandle:
    """An open directory, the page of its listing that was read last, and those after it.

    These are asked for before anybody wants them, as who lists a directory lists it to its end.
    """

    __slots__ = (
        "_ahead",
        "_cookie",
        "_cookies",
        "_index",
        "_page",
        "_rest",
        "began_at",
        "node",
        "whole",
    )

    def __init__(self, node: Node) -> None:
        self.node: Final = node
        self.began_at = 0.0
        """When the first page was asked for."""
        self.whole = False
        """Whether all since then were read one after the other, without a change in between."""
        self._page: Entries | None = None
        self._ahead: deque[tuple[Nodes, int, Task[Entries]]] = deque()
        self._rest: tuple[Nodes, int, bytes] | None = None
        """Where the listing goes on after the pages ahead, once there are less of them."""
        self._index = 0
        self._cookie = 0
        self._cookies = Cookies()

    @property
    def change(self) -> int:
        """The directory's change attribute as of the page that was read last."""
        return self._page.change if self._page is not None else 0

    @property
    def ended(self) -> bool:
        """Whether all entries of the last page were given away."""
        page = self._page
        return page is not None and page.end and self._index == len(page.entries)

    async def entries_from(self, nodes: Nodes, cookie: int) -> list[Entry]:
        """Return some of the entries after ``cookie``; none at the end of the directory."""
        index = self._index_of(cookie)
        page = self._page
        if page is None or index is None or (index == len(page.entries) and not page.end):
            page = await self._fetch(nodes, cookie)
            self._check(page, cookie)
            self._follow(page, cookie)
            index = 0
        elif index != self._index:
            self.whole = False
        self._index, self._cookie = index, cookie
        return page.entries[index:] if index else page.entries

    async def _fetch(self, nodes: Nodes, cookie: int) -> Entries:
        """Return the page after ``cookie``, which may have been asked for already."""
        ahead = self._ahead
        if ahead and ahead[0][:2] == (nodes, cookie):
            task = ahead[0][2]
            await settled(task)
            if ahead and ahead[0][2] is task:
                ahead.popleft()
            if task.error() is None:
                if self._rest is not None:
                    self._go_on(*self._rest)
                return task.result()
        ahead.clear()  # they follow another place, or what could not be read
        self._rest = None
        verifier = self._page.verifier if self._page is not None and cookie else bytes(8)
        return await nodes.readdir(self.node, cookie, verifier, partial(self._go_on, nodes))

    def _go_on(self, nodes: Nodes, cookie: int, verifier: bytes) -> None:
        """Ask for the page after ``cookie``, or note that it comes next if enough are there."""
        self._rest = None
        if len(self._ahead) >= _PAGES_AHEAD:
            self._rest = nodes, cookie, verifier
            return
        more = partial(self._went_on, nodes, cookie)
        task = Task(nodes.readdir(self.node, cookie, verifier, more))
        self._ahead.append((nodes, cookie, task))

    def _went_on(self, nodes: Nodes, cookie: int, last: int, verifier: bytes) -> None:
        """Go on after the page that was asked for with ``cookie``, if it is still of any use."""
        if self._ahead and self._ahead[-1][:2] == (nodes, cookie):
            self._go_on(nodes, last, verifier)

    def _follow(self, page: Entries, cookie: int) -> None:
        """Go on to a page, and note whether it continues the one before."""
        before, self._page = self._page, page
        if not cookie:
            self.began_at, self.whole = page.asked_at, True
        elif before is None or not before.entries:
            self.whole = False
        else:
            self.whole &= (before.entries[-1].cookie, before.change) == (cookie, page.change)

    def _check(self, page: Entries, cookie: int) -> None:
        """Raise an error for a listing that would not come to an end."""
        before = self._page
        if before is None or not before.entries or before.entries[-1].cookie != cookie:
            self._cookies = Cookies()  # from the beginning, or from where a process went back to
        text = None
        if not page.entries:
            text = None if page.end else "READDIR goes on without an entry"
        elif any(entry.cookie < FIRST_COOKIE for entry in page.entries):
            text = "READDIR has entries with the cookies of . and .."
        elif not page.end and self._cookies.come_again(page.entries[-1].cookie):
            text = "the server's listing of this directory goes round"
        if text is not None:
            raise make_error(errno.EPROTO, text, self.node.path())

    def taken(self, entries: list[Entry]) -> None:
        """Note that ``entries``, the first ones of those returned last, were given away."""
        if entries:
            self._index += len(entries)
            self._cookie = entries[-1].cookie

    def _index_of(self, cookie: int) -> int | None:
        """Return where the entries after ``cookie`` begin in the page, if they do."""
        if self._page is None or not cookie:
            return None  # from the beginning: a new listing
        if cookie == self._cookie:
            return self._index
        for index, entry in enumerate(self._page.entries):
            if entry.cookie == cookie:
                return index + 1
        return None


class Handles:
    """The open files and directories of a mount."""

    def __init__(self) -> None:
        self._last = 0
        self._files: dict[int, FileHandle] = {}
        self._directories: dict[int, DirectoryHandle] = {}
        self._of_nodes: dict[int, dict[int, FileHandle]] = {}

    def __len__(self) -> int:
        return len(self._files) + len(self._directories)

    def add_file(self, file: NodeFile, maker: Maker | None = None) -> int:
        """Return a number for an open file; ``maker`` has made it by that.

        Who opens it to write hears, too, of what went wrong before if nobody has heard of it yet.
        """
        self._last += 1
        handle = self._files[self._last] = FileHandle(file)
        handle.maker = maker
        for other in self.files_of(file.node):
            other.maker = None
        if file.file.writable:
            for other in self.files_of(file.node):
                if other.untold is not None:
                    handle.fail(other.untold)
        self._of_nodes.setdefault(file.node.number, {})[self._last] = handle
        return self._last

    def add_directory(self, node: Node) -> int:
        """Return a number for an open directory."""
        self._last += 1
        self._directories[self._last] = DirectoryHandle(node)
        return self._last

    def file(self, number: int) -> FileHandle:
        """Return an open file. Raises an error with EBADF."""
        try:
            return self._files[number]
        except KeyError:
            raise make_error(errno.EBADF, f"no file is open as {number}") from None

    def find(self, number: int) -> FileHandle | None:
        """Return an open file, if there is one with that number."""
        return self._files.get(number)

    def directory(self, number: int) -> DirectoryHandle:
        """Return an open directory. Raises an error with EBADF."""
        try:
            return self._directories[number]
        except KeyError:
            raise make_error(errno.EBADF, f"no directory is open as {number}") from None

    def files_of(self, node: Node) -> list[FileHandle]:
        """Return the open files of a node."""
        return list(self._of_nodes.get(node.number, {}).values())

    def files(self) -> Iterator[FileHandle]:
        """Yield all open files."""
        yield from self._files.values()

    def remove_file(self, number: int) -> FileHandle:
        """Remove and return an open file. Raises an error with EBADF."""
        handle = self.file(number)
        del self._files[number]
        others = self._of_nodes[handle.node.number]
        del others[number]
        if not others:
            del self._of_nodes[handle.node.number]
        return handle

    def remove_directory(self, number: int) -> None:
        """Remove an open directory, if there is one."""
        self._directories.pop(number, None)
