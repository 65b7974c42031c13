"""Several captures as one: ring buffers, and what two interfaces saw at the same time.

The frames of all files, in the order of their times, are read as one pcapng stream of one section.
So frame numbers count over all of them, and an RPC may begin in one file and end in the next.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator, Sequence

from nfsrdma.rpcrdma.pcapng import (
    IF_FCSLEN,
    IF_TSRESOL,
    Option,
    enhanced_packet,
    interface_description,
    section_header,
)

from .opening import open_capture, reader_of
from .pcap import PcapReader
from .reader import CaptureError, Reader
from .source import Spool

MAX_FILES = 1000
_NANOSECONDS = bytes((9,))
_LAST = (1 << 64) - 1


def open_captures(
    paths: Sequence[str | os.PathLike[str]], max_unpacked: int | None = None
) -> Reader:
    """Return the frames of several capture files, in the order of their times.

    Within a file the order is that of the file. Raises ``CaptureError``, which names the file that
    is no capture, and ``OSError``.
    """
    if len(paths) > MAX_FILES:
        raise CaptureError(f"{len(paths)} files: {MAX_FILES} is the most")
    readers = []
    for path in paths:
        try:
            readers.append(open_capture(path, max_unpacked=max_unpacked))
        except CaptureError as error:
            raise CaptureError(f"{os.fspath(path)}: {error}") from None
    fill = _Fill([os.fspath(path) for path in paths], readers)
    joined = reader_of(Spool(fill.fill, part=fill.part))
    fill.tell(joined.notice)
    return joined


class _Fill:
    """What fills a spool with the blocks of the section that the files become."""

    def __init__(self, names: Sequence[str], readers: Sequence[Reader]) -> None:
        self._names = names
        self._readers = readers
        self._read = 0.0
        self._blocks = _blocks(readers)
        self._pending = bytearray()
        self._told: list[str] = []
        self._notice: Callable[[str], object] = self._told.append

    def tell(self, notice: Callable[[str], object]) -> None:
        """Name who is told what is wrong with the files, once they were read."""
        for text in self._told:
            notice(text)
        self._told = []
        self._notice = notice

    def fill(self, room: memoryview) -> int:
        """Fill a room; return with how many octets, none at the end."""
        pending = self._pending
        while len(pending) < len(room):
            block = next(self._blocks, None)
            if block is None:
                self._tell()
                break
            pending += block
        count = min(len(room), len(pending))
        room[:count] = pending[:count]
        del pending[:count]
        return count

    def part(self) -> float:
        """Return about which part of the files was read; never less than before."""
        parts = [one.source.part(one.at) or 0.0 for one in self._readers]
        self._read = max(self._read, sum(parts) / len(parts)) if parts else 1.0
        return self._read

    def _tell(self) -> None:
        for name, reader in zip(self._names, self._readers, strict=True):
            if reader.source.problem:
                self._notice(f"{name}: {reader.source.problem}")
            for notice in reader.notices:
                self._notice(f"{name}: {notice.text}")
        self._names, self._readers = (), ()


def _blocks(readers: Sequence[Reader]) -> Iterator[bytes]:
    """Give the blocks of a section with all frames of the readers."""
    yield section_header()
    interfaces: dict[tuple[int, int, int], int] = {}
    for _, index in heapq.merge(*(_times(reader, at) for at, reader in enumerate(readers))):
        reader = readers[index]
        fcs = getattr(reader, "fcs_length", None) if isinstance(reader, PcapReader) else None
        key = (index, reader.link_type, -1 if fcs is None else fcs)
        if key not in interfaces:
            interfaces[key] = len(interfaces)
            options: list[Option] = [(IF_TSRESOL, _NANOSECONDS)]
            if fcs is not None:
                options.append((IF_FCSLEN, bytes((fcs,))))
            yield interface_description(reader.link_type, 0, options)
        frame = reader.view[reader.offset : reader.offset + reader.captured]
        yield enhanced_packet(
            frame,
            min(max(reader.time_ns, 0), _LAST),
            original=reader.original,
            interface=interfaces[key],
        )


def _times(reader: Reader, index: int) -> Iterator[tuple[int, int]]:
    """Give the time of each frame of a reader; times never go back, whatever the file says."""
    latest = 0
    while reader.read():
        latest = max(latest, reader.time_ns)
        yield latest, index
