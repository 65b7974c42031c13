"""Removal of temporary files that killed copies left at the server long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..attributes import Stat
from ..errors import NfsError
from .remote import Place
from .temporary import OLD_S, is_temporary

if TYPE_CHECKING:
    from ..filesystem import FileSystem

_REMEMBERED: Final = 4096
"""The number of swept directories that one mount remembers."""


async def sweep(client: FileSystem, place: Place, *, pages: int | None = None) -> None:
    """Remove leftovers from the directory of ``place``, just written to; once in a mount's life.

    ``pages`` bounds how much of the listing is examined: all by default. The owner of the file
    that was just put there tells who we are to the server, and its directory's modification time
    is the server's current time.
    """
    if place.directory in client.habits.swept:
        return
    if len(client.habits.swept) >= _REMEMBERED:
        client.habits.swept.clear()
    client.habits.swept.add(place.directory)
    operations = client.operations
    try:
        compound = operations.at("GETATTR", place.directory)
        directory = compound.stat()
        compound.lookup(place.name)
        file = compound.stat()
        await operations.call(compound, place.where)
        now_ns, ours = directory.value.st_mtime_ns, file.value.owner
        old: list[bytes] = []
        seen = 0
        async for page in operations.pages(place.directory, place.where):
            for name, status in page.entries:
                if is_temporary(name) and _is_old(status, ours, now_ns):
                    old.append(name)
            seen += 1
            if seen == pages:
                break
        for name in old:
            await operations.remove(place.directory, name, place.where)
    except NfsError:
        return  # the copy is complete, and tidying up is optional


def _is_old(status: Stat | int, ours: bytes, now_ns: int) -> bool:
    """Return whether no copy is working on a temporary file any more.

    The time of its modification alone does not tell: while a file is being created, a server may
    keep the create verifier in it (RFC 8881, Section 18.16.3).
    """
    old_ns = now_ns - OLD_S * 1_000_000_000
    return (
        isinstance(status, Stat)
        and status.is_file
        and status.owner == ours
        and status.st_mtime_ns < old_ns
        and status.st_ctime_ns < old_ns
    )
