"""pcapng: sections of blocks, with interfaces that each have a link type and a clock.

Read are section headers, interface descriptions, enhanced, simple and obsolete packet blocks;
all others are stepped over (name resolution, statistics, secrets, systemd journal, custom).
Source: the pcapng specification (draft-ietf-opsawg-pcapng).
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from .reader import MAX_FRAME, CaptureError, Interface, Reader
from .source import Source

SECTION = 0x0A0D0D0A
INTERFACE = 1
OBSOLETE_PACKET = 2
SIMPLE_PACKET = 3
ENHANCED_PACKET = 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
MAGIC = SECTION.to_bytes(4, "big")

_OPT_END, _IF_NAME, _IF_TSRESOL, _IF_TSOFFSET = 0, 2, 9, 14
MAX_BLOCK = 1 << 24
_MAX_INTERFACES = 4096
MAX_TIME = 1 << 62
"""Nanoseconds since 1970: in the year 2116."""
_NANO = 1_000_000_000


class PcapngReader(Reader):
    """Reads pcapng. Raises ``CaptureError`` if the first section has no sensible header."""

    HEADER = 28
    TIME = slice(12, 20)

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._interfaces: list[Interface] = []
        self._scales: list[int] = []
        """Nanoseconds in a tick of each interface, or 0 where that is no whole number."""
        if not self._section():
            raise CaptureError("the file has no whole section header")

    def _section(self) -> bool:
        """Take the byte order from a section header at the cursor."""
        if not self.need(self.at + 28):
            return False
        magic = bytes(self.view[self.at + 8 : self.at + 12])
        if magic == BYTE_ORDER_MAGIC.to_bytes(4, "little"):
            order = "<"
        elif magic == BYTE_ORDER_MAGIC.to_bytes(4, "big"):
            order = ">"
        else:
            return False
        self._order = order
        self._head = Struct(order + "II")
        self._enhanced = Struct(order + "IIIIIII")
        self._obsolete = Struct(order + "IIHHIIII")
        self._interfaces, self._scales = [], []
        return True

    def read(self) -> bool:
        """Step to the next frame; ``False`` at the end."""
        source = self.source
        while True:
            at = self.at
            if at + 28 > source.end and not self.need(at + 12):
                return self.ended("a block", 12)
            kind, length = self._head.unpack_from(self.view, at)
            if kind == SECTION:
                if not self._section():
                    if not self._resynchronised("a section header without a byte order"):
                        return False
                    continue
                _, length = self._head.unpack_from(self.view, at)
            if length < 12 or length & 3 or length > MAX_BLOCK:
                if not self._resynchronised(f"a block of {length} octets"):
                    return False
                continue
            following = at + length
            if following > source.end and not self.need(following):
                if kind == ENHANCED_PACKET and self._cut(at):
                    return True
                return self.ended("a block", length)
            self.at = following
            if kind == ENHANCED_PACKET:
                if self._enhanced_packet(at, length):
                    return True
            elif kind == INTERFACE:
                self._interface(at, length)
            elif kind in (SIMPLE_PACKET, OBSOLETE_PACKET) and self._old_packet(kind, at, length):
                return True

    def _enhanced_packet(self, at: int, length: int) -> bool:
        if length < 32:
            self.notice(f"a packet block of {length} octets")
            return False
        _, _, index, high, low, captured, original = self._enhanced.unpack_from(self.view, at)
        if captured > length - 32:
            self.notice(f"a packet block of {length} octets with a frame of {captured}")
            captured = length - 32
        return self._frame(index, at + 28, captured, original, high << 32 | low, length)

    def _old_packet(self, kind: int, at: int, length: int) -> bool:
        """Read a block without a time (simple), or with another order of fields (obsolete)."""
        if kind == OBSOLETE_PACKET:
            if length < 32:
                return False
            _, _, index, _, high, low, captured, original = self._obsolete.unpack_from(
                self.view, at
            )
            if captured > length - 32:
                return False
            return self._frame(index, at + 28, captured, original, high << 32 | low, length)
        if length < 16 or not self._interfaces:
            return False
        (original,) = Struct(self._order + "I").unpack_from(self.view, at + 8)
        snaplen = self._interfaces[0].snaplen
        captured = min(original, length - 16, snaplen or original)
        found = self._frame(0, at + 12, captured, original, 0, length)
        self.stride = 0
        return found

    def _frame(
        self, index: int, start: int, captured: int, original: int, ticks: int, length: int
    ) -> bool:
        if index >= len(self._interfaces):
            self.notice(f"a frame of interface {index}, which was not described")
            return False
        if captured > MAX_FRAME:
            self.notice(f"a frame of {captured} octets")
            return False
        self.number += 1
        self.offset = start
        self.captured = captured
        self.original = original if original > captured else captured
        self.link_type = self._interfaces[index].link_type
        self.time_ns = self._nanoseconds(index, ticks)
        self.stride = length
        if not self.number & 0xFFF:
            self.progress(start)
        return True

    def _cut(self, at: int) -> bool:
        """Take what there is of the last frame, which is cut."""
        if self.source.end < at + 29:
            return False
        _, _, index, high, low, captured, original = self._enhanced.unpack_from(self.view, at)
        there = min(captured, self.source.end - at - 28)
        self.ended("a frame", captured)
        found = self._frame(index, at + 28, there, original, high << 32 | low, 0)
        self.stride = 1 << 62
        return found

    def run(self, pattern: object, limit: int) -> int:
        # A simple packet block has another header before the frame.
        """Step over frames like the current one; return how many."""
        return super().run(pattern, limit) if self.stride else 0  # type: ignore[arg-type]

    def time_at(self, offset: int) -> int:
        """Return the time of a record like the current one."""
        kind, _, index, high, low, _, _ = self._enhanced.unpack_from(self.view, offset - 28)
        if kind == OBSOLETE_PACKET:  # half of that word says how many packets were dropped
            index = self._obsolete.unpack_from(self.view, offset - 28)[2]
        return self._nanoseconds(index, high << 32 | low)

    def _nanoseconds(self, index: int, ticks: int) -> int:
        scale = self._scales[index]
        if scale:
            time = ticks * scale
        else:
            interface = self._interfaces[index]
            time = ticks * _NANO // interface.units_per_second + interface.offset_seconds * _NANO
        # Differences of times are to fit in 64 bits, whatever a damaged file says.
        return time if 0 <= time <= MAX_TIME else 0

    def _interface(self, at: int, length: int) -> None:
        if length < 20 or len(self._interfaces) >= _MAX_INTERFACES:
            self.notice("an interface that cannot be used")
            return
        link_type, _, snaplen = Struct(self._order + "HHI").unpack_from(self.view, at + 8)
        name, units, offset = "", 1_000_000, 0
        for code, value in self._options(at + 16, at + length - 4):
            if code == _IF_NAME:
                name = bytes(value).decode("utf-8", "replace")
            elif code == _IF_TSRESOL and len(value) >= 1:
                # Beyond these a clock of 64 bits would run over at once.
                units = (
                    2 ** min(value[0] & 0x7F, 63) if value[0] & 0x80 else 10 ** min(value[0], 19)
                )
            elif code == _IF_TSOFFSET and len(value) == 8:
                (offset,) = Struct(self._order + "q").unpack(value)
        self._interfaces.append(Interface(link_type, snaplen, name, units, offset))
        exact = not offset and units <= _NANO and not _NANO % units
        self._scales.append(_NANO // units if exact else 0)

    def _options(self, at: int, end: int) -> Iterator[tuple[int, memoryview]]:
        layout = Struct(self._order + "HH")
        while at + 4 <= end:
            code, size = layout.unpack_from(self.view, at)
            if code == _OPT_END or at + 4 + size > end:
                return
            yield code, self.view[at + 4 : at + 4 + size]
            at += 4 + (size + 3 & ~3)

    def _resynchronised(self, what: str) -> bool:
        """Look for the next block whose two length words agree."""
        self.notice(f"{what}: skipped what follows it")
        at = self.at + 4
        self.need(at + 4 * MAX_FRAME)
        limit = min(self.source.end, at + 4 * MAX_FRAME)
        while at + 12 <= limit:
            kind, length = self._head.unpack_from(self.view, at)
            if kind in (ENHANCED_PACKET, SECTION) and 32 <= length <= MAX_BLOCK:
                end = at + length
                if (
                    end <= self.source.end
                    and self.view[end - 4 : end] == self.view[at + 4 : at + 8]
                ):
                    self.at = at
                    return True
            at += 4
        self.at = self.source.end
        return False
