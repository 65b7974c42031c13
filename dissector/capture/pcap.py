"""Classic pcap: a header of 24 octets, then records of 16 octets and a frame.

Micro- and nanosecond files of both byte orders, and the link types with flags in their upper
bits (FCS length) that newer libpcaps write.
"""

from __future__ import annotations

from struct import Struct

from .reader import MAX_FRAME, CaptureError, Interface, Reader
from .source import Source

MICROSECONDS = 0xA1B2C3D4
NANOSECONDS = 0xA1B23C4D
MODIFIED = 0xA1B2CD34
"""Alexey Kuznetsov's variant, with eight more octets in each record."""

MAGICS = {
    magic.to_bytes(4, order): ("<" if order == "little" else ">", magic)
    for magic in (MICROSECONDS, NANOSECONDS, MODIFIED)
    for order in ("little", "big")
}
_FILE_HEADER = 24
_ZEROS = 1 << 20
_FCS_PRESENT = 1 << 26


class PcapReader(Reader):
    """Reads classic pcap. Raises ``CaptureError`` if the file has no whole header."""

    HEADER = 16
    TIME = slice(0, 8)

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        if not self.need(_FILE_HEADER):
            raise CaptureError("the file is shorter than a pcap header")
        order, magic = MAGICS[bytes(self.view[:4])]
        self.magic = magic
        fields = Struct(order + "IHHiIII").unpack_from(self.view)
        self._scale = 1 if magic == NANOSECONDS else 1000
        self._record = Struct(order + ("IIII8x" if magic == MODIFIED else "IIII"))
        self._header = self._record.size
        if magic == MODIFIED:
            self.HEADER, self.TIME = 24, slice(0, 8)
        self.link_type = fields[6] & 0xFFFF
        self.fcs_length = (fields[6] >> 28) * 2 if fields[6] & _FCS_PRESENT else None
        """Octets of frame check sequence behind each frame, where the file says so."""
        self.interface = Interface(self.link_type, fields[5])
        self.at = _FILE_HEADER

    def read(self) -> bool:
        """Step to the next frame; ``False`` at the end."""
        header = self._header
        while True:
            at = self.at
            start = at + header
            if start > self.source.end and not self.need(start):
                return self.ended("a record's header", header)
            seconds, fraction, captured, original = self._record.unpack_from(self.view, at)
            if captured <= MAX_FRAME and (captured or original or seconds):
                break
            if not (self._resynchronised(captured) if captured else self._zeros()):
                return False
        following = start + captured
        if following > self.source.end and not self.need(following):
            return self._cut(start, seconds, fraction, original)
        self.number += 1
        self.offset = start
        self.captured = captured
        self.original = original if original > captured else captured
        self.time_ns = seconds * 1_000_000_000 + fraction * self._scale
        self.stride = header + captured
        self.at = following
        if not self.number & 0xFFF:
            self.progress(at)
        return True

    def time_at(self, offset: int) -> int:
        """Return the time of a record like the current one."""
        seconds, fraction, _, _ = self._record.unpack_from(self.view, offset - self._header)
        return int(seconds * 1_000_000_000 + fraction * self._scale)

    def _cut(self, start: int, seconds: int, fraction: int, original: int) -> bool:
        """Take what there is of the last frame, which is cut."""
        captured = self.source.end - start
        self.ended("a frame", captured)
        if not captured:
            return False
        self.number += 1
        self.offset, self.captured, self.original = start, captured, max(original, captured)
        self.time_ns = seconds * 1_000_000_000 + fraction * self._scale
        self.stride = self._header + captured
        return True

    def _zeros(self) -> bool:
        """Step over room that was never written to, as a crash leaves it."""
        self.notice("zeros in place of records: skipped")
        while True:
            self.need(self.at + _ZEROS)
            octets = bytes(self.view[self.at : min(self.at + _ZEROS, self.source.end)])
            left = octets.lstrip(b"\0")
            # What follows them begins with up to three zeros of its own, or more.
            self.at += max(0, (len(octets) - len(left) & ~3) - 12 if left else len(octets))
            if left or not octets:
                break
            self.source.passed(self.at)
        limit = min(self.source.end, self.at + 64)
        while self.at < limit and not self._plausible(self.at):
            self.at += 1
        if self.at == self.source.end:
            return self.ended("a record", 0)
        return self.at < limit or self._resynchronised(0)

    def _resynchronised(self, captured: int) -> bool:
        """Look for the next place where two records in a row make sense."""
        self.notice(f"a record says that its frame has {captured} octets: skipped what follows it")
        at = self.at + 1
        self.need(at + 4 * MAX_FRAME)
        end = self.source.end
        limit = min(end, at + 4 * MAX_FRAME)
        while at < limit and not self._plausible(at):
            at += 1
        self.at = at if at < limit else end
        return at < limit

    def _plausible(self, at: int) -> bool:
        for _ in range(3):
            if at == self.source.end:
                return True
            if at + self._header > self.source.end:
                return False
            _, fraction, captured, original = self._record.unpack_from(self.view, at)
            if not 14 <= captured <= original <= MAX_FRAME or fraction * self._scale >= 10**9:
                return False
            at += self._header + captured
        return True
