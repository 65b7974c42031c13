"""What both faces use as it is: the kinds of their arguments, and pages of a listing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from operator import index
from os import R_OK, W_OK, X_OK, PathLike, fspath
from typing import TYPE_CHECKING

from nfsrdma.xdr.nfs4 import types as t

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


def texts_of(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return several texts as a tuple, in whatever they are given; one text is one of them."""
    if given is None:
        return None
    return (given,) if isinstance(given, str) else tuple(given)


def checked_offset(offset: int) -> int:
    """Return ``offset``. Raises ``ValueError`` below 0, ``OverflowError`` beyond any file."""
    offset = index(offset)
    if offset < 0:
        raise ValueError(f"negative offset: {offset}")
    if offset >= OFFSET_END:
        raise OverflowError(f"{offset} is further than a file can reach")
    return offset


def to_fill(buffer: Buffer) -> memoryview:
    """Return a view of a buffer's octets. ``TypeError`` if they cannot be written to, or lie apart.

    That must be known before anything is asked of the server, which may write there by itself.
    """
    view = memoryview(buffer).cast("B")
    if view.readonly:
        raise TypeError(f"cannot read into {type(buffer).__name__}: it is read-only")
    return view


def unchanging(data: Buffer) -> memoryview:
    """Return a view that cannot change: of ``data`` if that is ``bytes``, else of a copy."""
    if type(data) is bytes:
        return memoryview(data)
    return memoryview(bytes(memoryview(data)))  # of a number bytes() would make so many zeros


async def next_page(pages: AsyncIterator[list[DirEntry]]) -> list[DirEntry] | None:
    """Return the next page of a listing, or None after the last."""
    return await anext(pages, None)


def grants(bits: int, mode: int) -> bool:
    """Return whether ``ACCESS4_`` bits are the rights of a mode of ``os.access``.

    LOOKUP has no meaning for files, nor EXECUTE for directories (RFC 8881, Section 18.1): either
    is the right to execute.
    """
    writes = t.ACCESS4_MODIFY | t.ACCESS4_EXTEND
    if mode & R_OK and not bits & t.ACCESS4_READ:
        return False
    if mode & W_OK and bits & writes != writes:
        return False
    return not mode & X_OK or bool(bits & (t.ACCESS4_LOOKUP | t.ACCESS4_EXECUTE))
