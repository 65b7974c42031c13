"""RPC record marking (RFC 5531, Section 11) in one direction of a TCP connection."""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import Struct

from ..base.extent import ByteMap, joined
from ..base.finding import Severity
from ..tracking.model import Message
from .owner import Owner

MAX_RECORD = 1 << 26
"""Octets of a record that are believed."""
MAX_FRAGMENTS = 1 << 12
MAX_CHUNKS = 1 << 16
"""Segments of one unfinished record."""
LAST = 1 << 31
_TLS_CONTENT = {20: "a change of ciphers", 21: "an alert", 22: "its handshake", 23: "data"}
"""What a record of TLS has, by its type (RFC 8446, Section 5.1)."""
TLS_BEGINNINGS = frozenset(
    kind << 16 | 0x0300 | minor for kind in _TLS_CONTENT for minor in range(1, 5)
)
"""How records of TLS begin. As a record mark it would be one of 330 MB or more, which none is."""
_WORD = Struct(">I")
_PAIR = Struct(">2I")

_CALL = rb"[\x80\x00][\x00-\x03].{2}.{4}\x00{7}\x02.{4}\x00{3}[\x00-\x0f]"
_STATUS = rb"(?:\x00{7}[\x00\x01\x06\x07]|\x00{3}\x01\x00{3}[\x00\x01])"
_REPLY = rb"[\x80\x00][\x00-\x03].{2}.{4}\x00{3}\x01" + _STATUS
_RECORD = re.compile(rb"(?=" + _CALL + rb"|" + _REPLY + rb")", re.DOTALL)
RECORD_PREFIX = 24
"""Octets that show that a record begins: its mark, and the start of an RPC header."""


def find_record(octets: bytes | bytearray | memoryview, start: int = 0) -> int:
    """Return where a record with an RPC header may begin; -1 for nowhere."""
    for match in _RECORD.finditer(octets, start):
        at = match.start()
        (mark,) = _WORD.unpack_from(octets, at)
        if mark & (LAST - 1) >= RECORD_PREFIX - 4:
            return at
    return -1


class Records:
    """Reads records from ``at``, the position of a record mark (or, lost, of anything)."""

    def __init__(
        self, owner: Owner, at: int, deliver: Callable[[Message], object], lost: bool = False
    ) -> None:
        self._owner = owner
        self._deliver = deliver
        self._at = at
        self._fragments: list[ByteMap] = []
        self._begin = at
        self._length = 0
        self._lost = lost
        self._sealed = False
        """TLS has begun (RFC 9289): the rest is encrypted."""

    def advance(self) -> None:
        """Take what is new in the stream."""
        if self._sealed:
            self._restart(self._owner.stream.end)
            self._owner.stream.drop(self._at)
            return
        while self._search() if self._lost else self._fragment():
            pass
        stream = self._owner.stream
        stream.drop(self._at if self._lost else self._begin)
        if len(stream.chunks) > MAX_CHUNKS:
            self._at = stream.end
            self._lose("a record in too many segments")

    def close(self) -> None:
        """Take the end of the stream; what is left of it is no record."""
        if self._begin < self._owner.stream.end and not self._lost:
            frame = self._owner.stream.at(self._begin).frame
            self._owner.note(frame, "capture-cut", "the capture ends inside of an RPC record")

    def _fragment(self) -> bool:
        """Take one fragment; whether to go on."""
        stream, at = self._owner.stream, self._at
        if at + 4 > stream.end:
            return False
        octets = stream.read(at, 4, self._owner.source())
        if octets is None:
            return self._lose("")
        (mark,) = _WORD.unpack(octets)
        if mark >> 8 in TLS_BEGINNINGS and not self._fragments:
            return self._seal(mark)
        size = mark & (LAST - 1)
        self._length += size
        if self._length > MAX_RECORD or len(self._fragments) >= MAX_FRAGMENTS:
            return self._lose(f"a record mark of {mark:#010x}")
        if not self._fragments and size >= 8 and stream.end >= at + 12:
            octets = stream.read(at + 4, 8, self._owner.source())
            if octets is not None and _PAIR.unpack(octets)[1] > 1:
                return self._lose("what follows a record mark is no RPC")
        end = at + 4 + size
        if end > stream.end:
            self._length -= size
            return False
        self._fragments.append(stream.map(at + 4, end))
        self._at = end
        if mark & LAST:
            self._finish()
        return True

    def _seal(self, mark: int) -> bool:
        """Say that TLS begins, and look into nothing that comes behind it."""
        stream = self._owner.stream
        what = _TLS_CONTENT[mark >> 24]
        self._owner.note(stream.at(self._at).frame, "tls", f"TLS from here on: {what}, encrypted")
        self._sealed = True
        self._restart(stream.end)
        return False

    def _finish(self) -> None:
        stream = self._owner.stream
        first, last = stream.at(self._begin), stream.at(self._at - 1)
        fragments = self._fragments
        content = fragments[0] if len(fragments) == 1 else joined(fragments)
        message = Message(self._owner.side, last.frame, last.time_ns, content)
        message.first_frame, message.first_time_ns = first.frame, first.time_ns
        message.packets = max(1, sum(1 for _ in content.frames()))
        message.sequence, message.end = self._begin, self._at
        message.carrier = last.carrier
        self._restart(self._at)
        self._deliver(message)
        stream.drop(self._at)

    def _restart(self, at: int) -> None:
        self._at = self._begin = at
        self._fragments = []
        self._length = 0

    def _lose(self, why: str) -> bool:
        """Be out of step, and find the next record by its looks. ``why`` is empty behind a hole."""
        if why:
            stream = self._owner.stream
            frame = stream.at(min(self._at, stream.end - 1)).frame
            self._owner.note(frame, "record-mark", why, Severity.WARNING)
        self._lost = True
        # Behind this mark, or it would be found again.
        self._restart(self._at + 1)
        return True

    def _search(self) -> bool:
        stream = self._owner.stream
        if self._at + RECORD_PREFIX > stream.end:
            return False
        self._restart(stream.behind_holes(self._at))
        octets = stream.map(self._at, stream.end).read(self._owner.source())
        found = find_record(octets)
        if found < 0:
            self._restart(stream.end - RECORD_PREFIX + 1)
            return False
        self._restart(self._at + found)
        self._lost = False
        return True
