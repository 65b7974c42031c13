"""Open files of fsspec: buffered, and used from any thread but that of the event loop."""

from __future__ import annotations

import io
import secrets
from typing import TYPE_CHECKING

from fsspec.asyn import AsyncFileSystem, sync
from fsspec.spec import AbstractBufferedFile

from ..api.aio_file import AsyncFile
from ..attributes import Stat

if TYPE_CHECKING:
    from typing_extensions import Buffer

_UNASKED_SIZE = 1 << 20
"""The largest range that is read without asking first how long the file is."""


class NfsReader(AbstractBufferedFile):
    """A file that is open for reading, with one of fsspec's caches."""

    def __init__(
        self,
        fs: AsyncFileSystem,
        path: str,
        block_size: int | str,
        cache_type: str,
        cache_options: dict[str, object] | None,
    ) -> None:
        self._file: AsyncFile = sync(fs.loop, fs.open_file, path, "rb")
        status: Stat = sync(fs.loop, self._file.stat)
        super().__init__(
            fs,
            path,
            "rb",
            block_size,
            cache_type=cache_type,
            cache_options=cache_options,
            size=status.st_size,
        )

    def _fetch_range(self, start: int, end: int) -> bytes:
        found: bytes = sync(self.fs.loop, read_range, self._file, start, end)
        return found

    def close(self) -> None:
        """Close the file. Harmless to repeat."""
        if not self.closed:
            super().close()
            sync(self.fs.loop, self._file.close)

    def __del__(self) -> None:
        # The base would wait here, on any thread. What the file rests on closes without that.
        pass


class RawWriter(io.RawIOBase):
    """A file that is open for writing, unbuffered.

    Without ``autocommit`` it has a private name, in the same directory, until :meth:`commit`.
    """

    def __init__(self, fs: AsyncFileSystem, path: str, mode: str, autocommit: bool) -> None:
        super().__init__()
        self.fs = fs
        self.path = self.name = self._written = path
        self.mode = mode
        if not autocommit:
            above, _, name = path.rpartition("/")
            self._written = f"{above}/.{name[:200]}.{secrets.token_hex(8)}"
        self._file: AsyncFile = sync(fs.loop, fs.open_file, self._written, mode)

    def readable(self) -> bool:
        """Return whether the mode allows reading."""
        return self._file.readable()

    def writable(self) -> bool:
        """Return whether the mode allows writing."""
        return self._file.writable()

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer``, and return how many octets there were."""
        count: int = sync(self.fs.loop, self._file.readinto, buffer)
        return count

    def write(self, data: Buffer) -> int:
        """Write all of ``data``."""
        count: int = sync(self.fs.loop, self._file.write, data)
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position, and return it."""
        position: int = sync(self.fs.loop, self._file.seek, offset, whence)
        return position

    def truncate(self, size: int | None = None) -> int:
        """Make the file ``size`` octets long, or end it at the position; return its size."""
        length: int = sync(self.fs.loop, self._file.truncate, size)
        return length

    def close(self) -> None:
        """Commit what was written, and close. Harmless to repeat."""
        if not self.closed:
            try:
                super().close()
            finally:
                sync(self.fs.loop, self._file.close)

    def commit(self) -> None:
        """Give the file its name."""
        if self._written != self.path:
            self.fs.mv_file(self._written, self.path)
            self._written = self.path

    def discard(self) -> None:
        """Remove what was written under a private name."""
        if self._written != self.path:
            self.fs.rm_file(self._written)


class _Buffered:
    """What a buffered file that is written has besides: its end in a transaction."""

    raw: RawWriter

    @property
    def fs(self) -> AsyncFileSystem:
        """The file system of the file."""
        return self.raw.fs

    @property
    def path(self) -> str:
        """The name that the file is to have."""
        return self.raw.path

    def commit(self) -> None:
        """Give the file its name, at the end of a transaction."""
        self.raw.commit()

    def discard(self) -> None:
        """Remove what was written, at the end of a transaction that has failed."""
        self.raw.discard()


class NfsWriter(_Buffered, io.BufferedWriter):
    """A file that is open for writing."""

    raw: RawWriter


class NfsUpdater(_Buffered, io.BufferedRandom):
    """A file that is open for reading and writing."""

    raw: RawWriter


async def read_range(file: AsyncFile, start: int | None, end: int | None) -> bytes:
    """Return the octets ``[start:end]`` of a file, as of a sequence."""
    begin = 0 if start is None else start
    if end is None or begin < 0 or end < 0 or end - begin > _UNASKED_SIZE:
        begin, end, _ = slice(start, end).indices((await file.stat()).st_size)
    buffer = bytearray(max(0, end - begin))
    count = await file.read_at(begin, buffer) if buffer else 0
    return bytes(memoryview(buffer)[:count])
