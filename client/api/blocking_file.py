"""The blocking face of an open file, which is a file of Python.

Emitted from ``aio_file.py`` by ``emit.py`` (``make emit``): change it there.
"""

from __future__ import annotations

import errno
import io
import warnings
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN
from operator import index
from os import SEEK_DATA, SEEK_HOLE
from typing import TYPE_CHECKING, NoReturn, Self

from nfsrdma.xdr.nfs4.types import READ_LT, WRITE_LT

from ..attributes import Stat
from ..contents import Contents
from ..errors import make_error
from ..file import OpenFile
from ..locks import FOREVER
from ..open_mode import OpenMode
from .on_thread import ThreadMount
from .shared import checked_offset, to_fill, unchanging

if TYPE_CHECKING:
    from typing_extensions import Buffer


class NfsFile(io.RawIOBase):
    """An open file: the methods of ``io.RawIOBase``, and reads and writes at given offsets.

    A read fills the buffer unless the file ends; a write writes everything. What was written is
    at the server when ``write`` returns, and stable after :meth:`fsync` or :meth:`close`.

    For small pieces wrap it in ``io.BufferedReader`` or ``io.BufferedWriter``, and one of those
    in ``io.TextIOWrapper`` for text, as ``open()`` of the mount does.
    """

    def __init__(self, mount: ThreadMount, file: OpenFile, letters: OpenMode, mode: str) -> None:
        super().__init__()
        self._mount = mount  # which must not go before its files
        self._runner = mount._runner
        self._run = mount._run
        self._file = file
        self._letters = letters
        self._position = 0
        self._closed = False
        self.name = file.path
        """The path that the file was opened by."""
        self.mode = mode
        """The mode that the file was opened in."""

    def __enter__(self) -> Self:
        """Return the file."""
        self._check_open()
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self.close()

    def __repr__(self) -> str:
        return f"<NfsFile {self.name!r} mode={self.mode!r}{' closed' if self.closed else ''}>"

    def __del__(self) -> None:
        # This may be any thread, in the middle of a call: only ask for it.
        if not self._closed and self._file.left_open:
            warnings.warn(f"unclosed file {self!r}", ResourceWarning, stacklevel=2, source=self)
            self._closed = True  # a buffer above it, which is collected later, must not write
            self._runner.start(self._file.close)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an open file cannot be pickled: pickle its path, and open the file again")

    @property
    def handle(self) -> bytes:
        """The NFS file handle, which ``open_handle()`` of the mount takes."""
        return self._file.handle

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    # --- At given offsets ---

    def read_at(self, offset: int, buffer: Buffer) -> int:
        """Fill ``buffer`` from ``offset`` on, and return how many octets there were.

        They are fewer than the buffer has only at the end of the file. The position does not move.
        """
        view = to_fill(buffer)
        return self._run(self._file.read_at(checked_offset(offset), view))

    def write_at(self, offset: int, data: Buffer) -> int:
        """Write all of ``data`` at ``offset``, and return its length.

        The position does not move.
        """
        return self._run(self._file.write_at(checked_offset(offset), unchanging(data)))

    def stat(self) -> Stat:
        """Return the attributes."""
        return self._run(self._file.stat())

    def fsync(self) -> None:
        """Have everything that was written on stable storage when this returns (COMMIT)."""
        self._check_open()
        self._run(self._file.commit())

    fdatasync = fsync

    def allocate(self, offset: int, length: int) -> None:
        """Reserve room for a range; the file grows if it ends before that."""
        self._run(self._file.allocate(checked_offset(offset), length))

    def punch(self, offset: int, length: int) -> None:
        """Make a range a hole, which reads as zeros; the size stays."""
        self._run(self._file.deallocate(checked_offset(offset), length))

    def lock(
        self,
        start: int = 0,
        length: int | None = None,
        *,
        shared: bool = False,
        wait: bool = True,
    ) -> None:
        """Lock a range against all other open files: to the end of any file, without ``length``.

        A ``shared`` lock excludes those that are not, and takes a file that is open for reading;
        others take one that is open for writing. Raises ``BlockingIOError`` if there is another
        lock, unless it is to ``wait``. Closing the file unlocks.
        """
        self._check_open()
        kind = READ_LT if shared else WRITE_LT
        self._run(
            self._mount._client.locks.lock(
                self._file.opened,
                self._file.opened.owner,
                kind,
                checked_offset(start),
                FOREVER if length is None else length,
                wait=wait,
                where=lambda: self.name,
            )
        )
        self._file.distrust()

    def unlock(self, start: int = 0, length: int | None = None) -> None:
        """Unlock a range, locked or not."""
        self._check_open()
        self._run(
            self._mount._client.locks.unlock(
                self._file.opened,
                self._file.opened.owner,
                checked_offset(start),
                FOREVER if length is None else length,
                where=lambda: self.name,
            )
        )

    def lockf(
        self, operation: int, length: int = 0, start: int = 0, whence: int = io.SEEK_SET
    ) -> None:
        """Lock or unlock a range by the words of ``fcntl.lockf``.

        ``operation`` is ``LOCK_SH``, ``LOCK_EX`` or ``LOCK_UN``; with ``LOCK_NB`` it does not wait,
        and raises ``BlockingIOError``. A length of 0 reaches to the end of any file. The lock is
        this open file's, against all others, also of the same process.
        """
        asked = operation & ~LOCK_NB
        if asked not in (LOCK_SH, LOCK_EX, LOCK_UN):
            raise ValueError(f"invalid operation of a lock: {operation}")
        if whence == io.SEEK_CUR:
            start += self._position
        elif whence == io.SEEK_END:
            start += self.stat().st_size
        elif whence != io.SEEK_SET:
            raise ValueError(f"invalid whence: {whence}")
        if asked == LOCK_UN:
            self.unlock(start, length or None)
        else:
            wait = not operation & LOCK_NB
            self.lock(start, length or None, shared=asked == LOCK_SH, wait=wait)

    def flock(self, operation: int) -> None:
        """Lock or unlock the whole file by the words of ``fcntl.flock``: see :meth:`lockf`."""
        self.lockf(operation)

    # --- With a position ---

    def readable(self) -> bool:
        """Return whether the file is open for reading."""
        self._check_open()
        return self._letters.readable

    def writable(self) -> bool:
        """Return whether the file is open for writing."""
        self._check_open()
        return self._letters.writable

    def seekable(self) -> bool:
        """Return True: every file here has a position."""
        self._check_open()
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer``, and return how many octets there were: fewer only at the end of file."""
        self._check_readable()
        view = to_fill(buffer)
        count = self._run(self._file.read_at(self._position, view))
        self._position += count
        return count

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` octets, or all that is left; fewer only at the end of the file."""
        if size < 0:
            return self.readall()
        buffer = bytearray(size)
        count = self.readinto(buffer)
        return bytes(memoryview(buffer)[:count])

    def readall(self) -> bytes:
        """Return all that is left."""
        self._check_readable()
        contents = Contents(max(0, self.stat().st_size - self._position))
        while contents.filled(self.readinto(contents.rest())):
            pass
        return contents.take()

    def write(self, data: Buffer) -> int:
        """Write all of ``data``, at the end of a file that is open for appending."""
        self._check_writable()
        view = unchanging(data)
        if self._letters.append:
            self._position = self._run(self._file.append(view))
        else:
            self._run(self._file.write_at(self._position, view))
        self._position += len(view)
        return len(view)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position, and return it. ``whence`` may be ``os.SEEK_DATA`` or ``SEEK_HOLE``."""
        self._check_open()
        offset = index(offset)
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            offset += self.stat().st_size
        elif whence in (SEEK_DATA, SEEK_HOLE):
            offset = self._find(checked_offset(offset), whence)
        elif whence != io.SEEK_SET:
            raise ValueError(f"invalid whence: {whence}")
        self._position = checked_offset(offset)
        return offset

    def _find(self, offset: int, whence: int) -> int:
        """Find data or a hole as lseek(2) does: ENXIO at the end of the file, and for data if none
        follows."""
        find = self._file.find_data if whence == SEEK_DATA else self._file.find_hole
        found = self._run(find(offset))
        if found is None:
            raise make_error(errno.ENXIO, "no more of the file from there on", self.name)
        return found

    def tell(self) -> int:
        """Return the position."""
        self._check_open()
        return self._position

    def truncate(self, size: int | None = None) -> int:
        """Make the file ``size`` octets long, or end it at the position; return its size."""
        self._check_writable()
        size = self._position if size is None else index(size)
        self._run(self._file.truncate(size))
        return size

    def flush(self) -> None:
        """Do nothing: nothing is buffered here. :meth:`fsync` makes data stable."""
        self._check_open()

    def close(self) -> None:
        """Commit what was written, and close. Harmless to repeat.

        The file is closed even if this raises, which it does if data may have been lost.
        """
        if self._closed:
            return
        self._closed = True
        if self._file.left_open:
            self._run(self._file.close())

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("I/O operation on closed file")

    def _check_readable(self) -> None:
        if self._closed:
            raise ValueError("I/O operation on closed file")
        if not self._letters.readable:
            raise io.UnsupportedOperation("not readable")

    def _check_writable(self) -> None:
        self._check_open()
        if not self._letters.writable:
            raise io.UnsupportedOperation("not writable")
