"""From what holds a capture (a file, a stream, an interface) to its reader."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import BinaryIO, NamedTuple, cast

from .joined import open_captures
from .live import Live, open_live
from .opening import follow_capture, open_capture, reader_of
from .reader import Reader
from .source import Spool, stream_fill

Holder = str | os.PathLike[str] | BinaryIO | Live | Sequence[str | os.PathLike[str]]
"""What may hold a capture; of several files the frames are put in the order of their times."""


class Input(NamedTuple):
    """A capture that is open."""

    reader: Reader
    stop: Callable[[], None]
    """Makes a capture end that has no end of its own; any thread may call it."""


def open_input(holder: Holder, *, follow: bool = False, max_unpacked: int | None = None) -> Input:
    """Open what holds a capture; with ``follow`` a file that is being written.

    Raises ``CaptureError`` for what is no capture, and ``OSError``; ``ValueError`` for several
    files that are to be followed.
    """
    if isinstance(holder, list | tuple):
        if follow:
            raise ValueError("several files cannot be followed: name one")
        return Input(open_captures(holder, max_unpacked), _nothing)
    if isinstance(holder, Live):
        return Input(open_live(holder), holder.stop)
    if not isinstance(holder, str | os.PathLike):
        return Input(reader_of(Spool(stream_fill(cast(BinaryIO, holder)))), _nothing)
    if follow:
        return Input(*follow_capture(holder))
    return Input(open_capture(holder, max_unpacked=max_unpacked), _nothing)


def _nothing() -> None:
    """Stop a capture that ends by itself."""
