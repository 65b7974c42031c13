"""What both faces use as it is: the kinds of their arguments, and pages of a listing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from operator import index
from os import PathLike, fspath
from typing import TYPE_CHECKING

from ..entries import DirEntry
from ..file import OFFSET_END
from ..paths import to_text

if TYPE_CHECKING:
    from typing_extensions import Buffer

StrOrBytesPath = str | bytes | PathLike[str] | PathLike[bytes]
"""A path: text, octets, or a path object."""


def text_of(path: StrOrBytesPath) -> str:
    """Return ``path`` as text; octets that are not UTF-8 become surrogates."""
    plain = fspath(path)
    return plain if isinstance(plain, str) else to_text(plain)


def checked_offset(offset: int) -> int:
    """Return ``offset``. Raises ``ValueError`` below 0, ``OverflowError`` beyond any file."""
    offset = index(offset)
    if offset < 0:
        raise ValueError(f"negative offset: {offset}")
    if offset >= OFFSET_END:
        raise OverflowError(f"{offset} is further than a file can reach")
    return offset


def unchanging(data: Buffer) -> memoryview:
    """Return a view that cannot change: of ``data`` if that is ``bytes``, else of a copy."""
    if type(data) is bytes:
        return memoryview(data)
    return memoryview(bytes(memoryview(data)))  # of a number bytes() would make so many zeros


async def next_page(pages: AsyncIterator[list[DirEntry]]) -> list[DirEntry] | None:
    """Return the next page of a listing, or None after the last."""
    return await anext(pages, None)
