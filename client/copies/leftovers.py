"""What copies of ours left at the server long ago, because they were killed, is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..attributes import Stat
from ..errors import NfsError
from .remote import Place
from .temporary import is_leftover, is_temporary

if TYPE_CHECKING:
    from ..filesystem import FileSystem

_REMEMBERED: Final = 4096
"""Directories that one mount remembers to have looked at."""


async def sweep(client: FileSystem, place: Place, *, pages: int | None = None) -> None:
    """Look once in a mount's life for leftovers in the directory of ``place``, just written to.

    ``pages`` is how much of a listing is looked at, all by default. Who we are to the server, and
    what its time is, it says itself: of the file that was just put there, and of its directory.
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
        return  # the copy is complete; this was only for tidiness


def _is_old(status: Stat | int, ours: bytes, now_ns: int) -> bool:
    return (
        isinstance(status, Stat)
        and status.is_file
        and status.owner == ours
        and is_leftover(status.st_mode, status.st_mtime_ns, status.st_ctime_ns, now_ns)
    )
