"""Comparing a file of the server with one of this machine, by what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..opens import READ
from .local import LocalDirectory

if TYPE_CHECKING:
    from ..filesystem import FileSystem


async def same_contents(
    client: FileSystem, handle: bytes, path: str, local: LocalDirectory, name: bytes, size: int
) -> bool:
    """Return whether both files begin with the same ``size`` octets. Raises ``OSError``."""
    step = client.rsize
    theirs, ours = memoryview(bytearray(step)), memoryview(bytearray(step))
    opened = await client.open_handle(handle, READ, path)
    try:
        file = local.open(name)
        try:
            for start in range(0, size, step):
                count = min(step, size - start)
                read = await opened.read_at(start, theirs[:count])
                if read != count or file.read_at(start, ours[:count]) != count:
                    return False  # one of them became shorter meanwhile
                if theirs[:count] != ours[:count]:
                    return False
            return True
        finally:
            file.close()
    finally:
        await opened.close()
