"""A capture written anew as pcapng: every frame as it was, but for what an editor asks for.

Frames keep their time, to the tick, their interface and its link type. Of a pcapng everything
else is kept as well, octet for octet: sections, interfaces, options, names, statistics, secrets.
What the reader had to skip as damaged is left out. The source is read a second time from its
start, block by block, so that nothing but the block at hand is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import NamedTuple, Protocol

from nfsrdma.rpcrdma.pcapng import (
    ENHANCED_PACKET,
    IF_FCSLEN,
    IF_TSRESOL,
    SHB_USERAPPL,
    Option,
    comment,
    enhanced_packet,
    interface_description,
    section_header,
)

from .pcap import NANOSECONDS, PcapReader
from .pcapng import MAX_BLOCK, PcapngReader
from .reader import Reader
from .source import Source

_COPY = 1 << 20
_SECTION_LENGTH = slice(16, 24)
_UNKNOWN = b"\xff" * 8


class Output(NamedTuple):
    """A frame to be written. ``original`` is its length on the wire."""

    frame: bytes | memoryview
    original: int
    comments: Sequence[str] = ()


class Editor(Protocol):
    """What decides what is written."""

    def link_type(self, link_type: int) -> int:
        """Return the link type of what is written for frames that have this one."""
        ...

    def frame(self, reader: Reader) -> Sequence[Output] | None:
        """Return what to write in place of the current frame; ``None`` leaves it alone.

        Its own options stay with the output that has the frame's own octets, or else the last one.
        """
        ...


def rewrite(reader: Reader, editor: Editor, write: Callable[[bytes | memoryview], object]) -> None:
    """Write what ``reader`` has read once more, edited. Raises ``OSError`` from ``write``."""
    source = reader.source
    source.rewind()
    if isinstance(reader, PcapngReader):
        _PcapngRewriter(source, editor, write).whole()
    else:
        _from_pcap(PcapReader(source), editor, write)


def _from_pcap(
    reader: PcapReader, editor: Editor, write: Callable[[bytes | memoryview], object]
) -> None:
    nano = reader.magic == NANOSECONDS
    options: list[Option] = [(IF_TSRESOL, bytes((9 if nano else 6,)))]
    if reader.fcs_length is not None:
        options.append((IF_FCSLEN, bytes((reader.fcs_length,))))
    write(section_header([(SHB_USERAPPL, b"nfsrdma")]))
    snaplen = reader.interface.snaplen
    write(interface_description(editor.link_type(reader.link_type), snaplen, options))
    unit = 1 if nano else 1000
    while reader.read():
        ticks = reader.time_ns // unit
        for frame, original, comments in editor.frame(reader) or (_same(reader),):
            options = [comment(text) for text in comments]
            write(enhanced_packet(frame, ticks, original=original, options=options))


def _same(reader: Reader) -> Output:
    start = reader.offset
    return Output(reader.view[start : start + reader.captured], reader.original)


class _PcapngRewriter(PcapngReader):
    """Reads blocks and copies them, stretch by stretch, up to one that is to be changed."""

    def __init__(
        self, source: Source, editor: Editor, write: Callable[[bytes | memoryview], object]
    ) -> None:
        self._editor = editor
        self._write = write
        self._copied = 0
        """Everything before it was written, or left out."""
        self._block = (0, 0)
        self._stamp = (0, 0)
        super().__init__(source)

    def whole(self) -> None:
        """Write everything, to the end."""
        while self.read():
            outputs = self._editor.frame(self)
            at, length = self._block
            if outputs is None and length:
                if self.at - self._copied > _COPY:
                    self._copy(self.at)
                continue
            self._copy(at)
            self._put(outputs or (_same(self),))
            self._copied = self.at
        self._copy(self.at)

    def _copy(self, end: int) -> None:
        while self._copied < end:
            upto = min(end, self._copied + _COPY)
            self._write(self.view[self._copied : upto])
            self._copied = upto

    def _skip(self, start: int, end: int) -> None:
        """Leave out what lies between."""
        self._copy(start)
        self._copied = end

    def _put(self, outputs: Sequence[Output]) -> None:
        interface, ticks = self._stamp
        own = list(self._own_options())
        keeper = next(
            (i for i, output in enumerate(outputs) if isinstance(output.frame, memoryview)),
            len(outputs) - 1,
        )
        for index, (frame, original, comments) in enumerate(outputs):
            options = own if index == keeper else []
            self._write(
                enhanced_packet(
                    frame,
                    ticks,
                    interface=interface,
                    original=original,
                    options=[*options, *(comment(text) for text in comments)],
                    order=self._order,
                )
            )

    def _own_options(self) -> Iterator[Option]:
        at, length = self._block
        if length and self._head.unpack_from(self.view, at)[0] == ENHANCED_PACKET:
            start = self.offset + (self.captured + 3 & ~3)
            for code, value in self._options(start, at + length - 4):
                yield code, bytes(value)

    # --- What the reader does with each kind of block, watched ---

    def _section(self) -> bool:
        at = self.at
        if not super()._section():
            return False
        _, length = self._head.unpack_from(self.view, at)
        # The first section is seen twice: when the file is opened, and when it is read.
        if self._copied <= at and 28 <= length <= MAX_BLOCK and self.need(at + length):
            # The section's length, if it has one, would not be true any more.
            self._copy(at)
            header = bytearray(self.view[at : at + length])
            header[_SECTION_LENGTH] = _UNKNOWN
            self._write(bytes(header))
            self._copied = at + length
        return True

    def _interface(self, at: int, length: int) -> None:
        super()._interface(at, length)
        layout = Struct(self._order + "H")
        (before,) = layout.unpack_from(self.view, at + 8) if length >= 20 else (0,)
        after = self._editor.link_type(before)
        if after != before:
            self._copy(at)
            block = bytearray(self.view[at : at + length])
            layout.pack_into(block, 8, after)
            self._write(bytes(block))
            self._copied = at + length

    def _enhanced_packet(self, at: int, length: int) -> bool:
        self._block = (at, length)
        found = super()._enhanced_packet(at, length)
        if not found:
            self._skip(at, at + length)
        elif self._enhanced.unpack_from(self.view, at)[5] != self.captured:
            self._block = (at, 0)
        return found

    def _old_packet(self, kind: int, at: int, length: int) -> bool:
        self._block = (at, length)
        found = super()._old_packet(kind, at, length)
        if not found:
            self._skip(at, at + length)
        return found

    def _cut(self, at: int) -> bool:
        self._block = (at, 0)
        self._copy(at)
        return super()._cut(at)

    def _frame(
        self, index: int, start: int, captured: int, original: int, ticks: int, length: int
    ) -> bool:
        self._stamp = (index, ticks)
        return super()._frame(index, start, captured, original, ticks, length)

    def _resynchronised(self, what: str) -> bool:
        start = self.at
        found = super()._resynchronised(what)
        self._skip(start, self.at)
        return found

    def ended(self, what: str, wanted: int) -> bool:
        self._copy(self.at)
        self._copied = self.source.end
        return super().ended(what, wanted)


__all__ = ["Editor", "Output", "rewrite"]
