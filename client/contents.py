"""The contents of a file as ``bytes``, read straight into their final memory.

``bytes`` are immutable, but ``io.BytesIO`` can fill some in place and then give them away without
a copy. For a large file a copy costs about as much as the transfer.
"""

from __future__ import annotations

import io
from typing import Final

BELIEVED_MAX: Final = 256 << 20
"""Octets that are allocated at most on a server's word, before any data has come."""


class Contents:
    """A buffer for a file that is believed to have ``size`` octets."""

    __slots__ = ("_done", "_room", "_size", "_stream")

    def __init__(self, size: int) -> None:
        self._stream = io.BytesIO()
        self._size = size
        self._done = 0
        self._room = 0
        self._make_room(min(size, BELIEVED_MAX))

    @property
    def done(self) -> int:
        """The number of octets read so far."""
        return self._done

    def rest(self) -> memoryview:
        """Return where to read to next: more room than data is expected, to notice the end."""
        return self._stream.getbuffer()[self._done :]

    def filled(self, count: int) -> bool:
        """Note that ``count`` octets were read; return whether to go on reading."""
        self._done += count
        if self._done < self._room:
            return False
        room = 3 * self._room + 4096
        # The announced size, unless that is much more than what has come.
        self._make_room(self._size if self._done < self._size <= room else room)
        return True

    def take(self) -> bytes:
        """Return the contents. Call nothing else afterwards."""
        try:
            self._stream.truncate(self._done)
        except BufferError:  # a view of it is still in use
            return self._stream.getvalue()[: self._done]
        return self._stream.getvalue()

    def _make_room(self, size: int) -> None:
        self._room = size + 1
        if self._done:
            self._stream = io.BytesIO(self._stream.getbuffer()[: self._done])
        self._stream.seek(size)
        self._stream.write(b"\0")
