"""The contents of a file as ``bytes``, read straight into the memory that they end up in.

``bytes`` cannot be filled once they are made, except by ``io.BytesIO``, which gives the ones that
it wrote away without a copy. For a large file a copy costs about as much as its transfer does.
"""

from __future__ import annotations

import io
from typing import Final

BELIEVED_MAX: Final = 256 << 20
"""Octets of memory that a server's word for a file's size is taken for, before the data comes."""


class Contents:
    """What was read of a file whose size is believed to be ``size``."""

    __slots__ = ("_done", "_room", "_size", "_stream")

    def __init__(self, size: int) -> None:
        self._stream = io.BytesIO()
        self._size = size
        self._done = 0
        self._room = 0
        self._make_room(min(size, BELIEVED_MAX))

    @property
    def done(self) -> int:
        """How many octets there are."""
        return self._done

    def rest(self) -> memoryview:
        """Where the next ones belong. There is room for more than are expected, to see the end."""
        return self._stream.getbuffer()[self._done :]

    def filled(self, count: int) -> bool:
        """``count`` octets were put there; whether there are more to come."""
        self._done += count
        if self._done < self._room:
            return False
        room = 3 * self._room + 4096
        # What was announced, unless that is much more than has come.
        self._make_room(self._size if self._done < self._size <= room else room)
        return True

    def take(self) -> bytes:
        """All of it. Nothing else may be called afterwards."""
        try:
            self._stream.truncate(self._done)
        except BufferError:  # someone still has a view of it
            return self._stream.getvalue()[: self._done]
        return self._stream.getvalue()

    def _make_room(self, size: int) -> None:
        self._room = size + 1
        if self._done:
            self._stream = io.BytesIO(self._stream.getbuffer()[: self._done])
        self._stream.seek(size)
        self._stream.write(b"\0")
