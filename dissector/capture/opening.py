"""From a name to a reader: which format, compressed or not, a file or standard input."""

from __future__ import annotations

import os
import stat
import threading
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from . import pcap, pcapng
from .reader import CaptureError, Reader
from .source import Source, Spool, descriptor_fill, file_source, limited_fill, stream_fill

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def open_capture(
    path: str | os.PathLike[str],
    idle: Callable[[], object] = lambda: None,
    max_unpacked: int | None = None,
) -> Reader:
    """Return the frames of a capture file; ``-`` is standard input.

    ``idle`` is called before a pipe is waited for: the time to write what is known so far.
    ``max_unpacked`` is how many octets a compressed file may have (see ``source.limited_fill``).
    Raises ``CaptureError`` for what is no capture, and ``OSError``.
    """
    if os.fspath(path) == "-":
        return reader_of(_decompressed(Spool(descriptor_fill(0, idle)), max_unpacked))
    file = open(path, "rb")  # noqa: SIM115 (the map outlives it, or the spool keeps it)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        pipe = Spool(descriptor_fill(os.dup(file.fileno()), idle))
        return reader_of(_decompressed(pipe, max_unpacked))
    start = file.read(4)
    file.seek(0)
    opener = _decompressor(start)
    if opener is None:
        return reader_of(file_source(file))
    size = os.fstat(file.fileno()).st_size
    fill = limited_fill(stream_fill(opener(file)), file.tell, max_unpacked)
    return reader_of(Spool(fill, part=lambda: file.tell() / size))


def follow_capture(
    path: str | os.PathLike[str], poll_s: float = 0.2
) -> tuple[Reader, Callable[[], None]]:
    """Return the frames of a file that is being written, and what ends waiting for more.

    The file is looked at every ``poll_s`` seconds once all of it was read; of what was read only
    the latest octets are kept. Waits for the first octets as well. Raises ``CaptureError`` for
    what is no capture that can be followed (a compressed one cannot), and ``OSError``.
    """
    file = open(path, "rb")  # noqa: SIM115 (the reader keeps it)
    stopped = threading.Event()

    def fill(room: memoryview) -> int:
        while True:
            count = file.readinto(room)
            if count or stopped.is_set():
                return count
            stopped.wait(poll_s)

    return reader_of(Spool(fill, endless=True)), stopped.set


def reader_of(source: Source) -> Reader:
    """Return the reader for what a source begins with. Raises ``CaptureError``."""
    while source.end < 4 and source.more():
        pass
    magic = bytes(source.view[:4])
    if magic in pcap.MAGICS:
        return pcap.PcapReader(source)
    if magic == pcapng.MAGIC:
        return pcapng.PcapngReader(source)
    if source.problem:
        raise CaptureError(source.problem)
    raise CaptureError(f"neither pcap nor pcapng: it begins with {magic.hex() or 'nothing'}")


def _decompressed(source: Spool, max_unpacked: int | None) -> Source:
    """Return the source, or one that decompresses it."""
    while source.end < 4 and source.more():
        pass
    opener = _decompressor(bytes(source.view[:4]))
    if opener is None:
        return source
    packed = _Sequential(source)
    fill = stream_fill(opener(cast(BinaryIO, packed)))
    return Spool(limited_fill(fill, packed.tell, max_unpacked))


class _Sequential:
    """A source as a file to read from once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def tell(self) -> int:
        """Return how many octets were read."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        source = self._source
        while source.end <= self._at or size < 0:
            if not source.more():
                break
        end = source.end if size < 0 else min(source.end, self._at + size)
        data = bytes(source.view[self._at : end])
        self._at = end
        source.passed(end)
        return data


class _Gunzip:
    """A gzip file of any number of members; what is before a cut or a damage is given first."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._pending = b""
        self._member = zlib.decompressobj(wbits=31)
        self._fresh = True

    def read(self, size: int) -> bytes:
        """Read at least one octet, or none at the end. Raises ``EOFError`` or ``zlib.error``."""
        while True:
            if not self._pending:
                self._pending = self._file.read(1 << 16)
                if not self._pending:
                    if not self._fresh:
                        raise EOFError("the gzip file is cut")
                    return b""
            if self._fresh and not self._pending.startswith(GZIP_MAGIC[:1]):
                self._pending = b""  # padding behind the last member
                continue
            octets = self._member.decompress(self._pending, size)
            self._fresh = False
            self._pending = self._member.unconsumed_tail
            if self._member.eof:
                self._pending = self._member.unused_data
                self._member = zlib.decompressobj(wbits=31)
                self._fresh = True
            if octets:
                return octets


def _decompressor(magic: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    if magic[:2] == GZIP_MAGIC:
        return lambda file: cast(BinaryIO, _Gunzip(file))
    if magic == ZSTD_MAGIC:
        return _zstd
    return None


def _zstd(file: BinaryIO) -> BinaryIO:
    try:
        import zstandard
    except ImportError:
        raise CaptureError(
            "zst needs the package zstandard: pip install nfsrdma[dissect]"
        ) from None
    decompressor: Any = zstandard.ZstdDecompressor()
    return cast(BinaryIO, decompressor.stream_reader(file, read_across_frames=True))
