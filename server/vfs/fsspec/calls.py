"""Calls of fsspec: all of them may block, and are made by threads.

What fsspec raises depends on the file system, so everything is translated here: to ``OSError``.
"""

from __future__ import annotations

import errno
import logging
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from threading import Lock
from typing import Any, Final

from ..posix import failure
from .info import Info, described, read_info

_log = logging.getLogger(__name__)

LARGEST_DIRECTORY: Final = 1 << 20
"""Entries of a directory that is listed at all."""
_STREAMS: Final = 16
"""Open streams, each with a block that was read ahead."""
_BLOCK: Final = 4 << 20
"""Octets that are read ahead."""
_TOLD: Final = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EOPNOTSUPP}
)
"""What fsspec says that means the same to a client."""
_WEB: Final = frozenset({"http", "https"})


class Calls:
    """One fsspec file system, used by several threads.

    Only those file systems promise to bear that which are asynchronous below; of any other, one
    call is made at a time.
    """

    def __init__(self, fs: Any, root: str) -> None:
        self.fs = fs
        self.root = root
        protocols = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
        self._quoted = bool(_WEB.intersection(protocols))
        self._turn = nullcontext() if getattr(fs, "async_impl", False) else Lock()
        self._streams: OrderedDict[tuple[str, int], Any] = OrderedDict()
        self._lock = Lock()
        """Held to look at the streams; never for a call."""

    def entries(self, directory: str) -> list[Info]:
        """List a directory. Names that come twice are those of the first, or of a directory."""
        with self._turn, _translated(directory):
            with suppress(NotImplementedError):
                self.fs.invalidate_cache(directory)
            told = self.fs.ls(directory, detail=True)
        if len(told) > LARGEST_DIRECTORY:
            _log.warning("%s has %d entries: too many to be listed", directory, len(told))
            raise failure(errno.EOVERFLOW)
        found: dict[bytes, Info] = {}
        for each in told:
            info = read_info(each, self.fs._strip_protocol(directory), self._quoted)
            if info is not None and (info.name not in found or info.directory):
                found[info.name] = info
        return list(found.values())

    def sized(self, infos: list[Info]) -> list[Info]:
        """Ask for the sizes that a listing does not tell. Those that nobody knows stay None."""
        asked = []
        for info in infos:
            with suppress(OSError), self._turn, _translated(info.where):
                info = described(self.fs.info(info.where), info.name, info.where, False)
            asked.append(info)
        return asked

    def read(self, info: Info, offset: int, into: memoryview) -> int:
        """Read a file at an offset; fewer octets at its end."""
        key = info.where, info.change
        with self._turn, _translated(info.where):
            with self._lock:
                stream = self._streams.pop(key, None)
            try:
                if stream is None:
                    stream = self._open(info.where)
                stream.seek(offset)
                done = 0
                while done < len(into):
                    data = stream.read(len(into) - done)
                    if not data:
                        break
                    into[done : done + len(data)] = data
                    done += len(data)
            except BaseException:
                _close(stream)
                raise
            self._keep(key, stream)
        return done

    def forget(self) -> None:
        """Close the streams that nobody reads from."""
        with self._lock:
            streams, self._streams = self._streams, OrderedDict()
        with self._turn:
            for stream in streams.values():
                _close(stream)

    def _open(self, where: str) -> Any:
        try:
            return self.fs.open(where, "rb", block_size=_BLOCK, cache_type="readahead")
        except TypeError:  # it reads nothing ahead
            return self.fs.open(where, "rb")

    def _keep(self, key: tuple[str, int], stream: Any) -> None:
        with self._lock:
            spare = [self._streams.pop(key, None)]
            self._streams[key] = stream
            if len(self._streams) > _STREAMS:
                spare.append(self._streams.popitem(last=False)[1])
        for each in spare:
            if each is not stream:
                _close(each)


def _close(stream: Any) -> None:
    if stream is not None:
        with suppress(Exception):
            stream.close()


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """Have everything that goes wrong raised as an ``OSError`` that a client can be told."""
    try:
        yield
    except OSError as error:
        code = errno.ETIMEDOUT if isinstance(error, TimeoutError) else error.errno
        if isinstance(error, FileNotFoundError):
            code = errno.ENOENT
        elif isinstance(error, PermissionError):
            code = errno.EACCES
        if code not in _TOLD and code != errno.ETIMEDOUT:
            _log.info("%s: %s", where, error)
            code = errno.EIO
        raise failure(code) from error
    except NotImplementedError as error:
        raise failure(errno.EOPNOTSUPP) from error
    except Exception as error:
        _log.info("%s: %s: %s", where, type(error).__name__, error)
        raise failure(errno.EIO) from error
