"""A capture that is being made, annotated and repaired as it goes to Wireshark.

Each frame is written once the decoder has seen it, so that what was found in it is a comment on it.
What turns out later, of an earlier frame, is a comment on the frame that showed it. Handshakes are
added when it is known which queue pairs belong together: from there on Wireshark can decode.
"""

from __future__ import annotations

from collections.abc import Callable

from nfsrdma.rpcrdma.pcapng import (
    IF_TSRESOL,
    NANOSECONDS,
    comment,
    enhanced_packet,
    interface_description,
    section_header,
)

from ..base.packet import Pattern
from ..capture.live import Live
from ..capture.pcap import PcapReader
from ..capture.source import Source, Spool
from ..pipeline import Pipeline
from ..tracking.model import Connection
from .remarks import Remarks
from .repair import Repairs

Write = Callable[[bytes], object]


class _Teller(PcapReader):
    """A reader that hands each frame on when the next one is asked for."""

    def __init__(self, source: Source, told: Callable[[PcapReader], None]) -> None:
        super().__init__(source)
        self._told = told

    def read(self) -> bool:
        if self.number:
            self._told(self)
        return super().read()

    def run(self, pattern: Pattern, limit: int) -> int:
        return 0  # every frame is to be told of


def annotate_stream(live: Live, write: Write) -> None:
    """Write what ``live`` captures as pcapng, until it ends. Raises ``OSError`` from ``write``."""
    remarks = Remarks()
    paired: list[Connection] = []

    def told(reader: PcapReader) -> None:
        number = reader.number
        for connection in paired:
            if connection.paired_by != "CM":
                repairs.missing_handshake(connection, number)
        paired.clear()
        texts = remarks.frames.pop(number, [])
        for frame in list(remarks.frames):
            texts += [f"{text} (frame {frame})" for text in remarks.frames.pop(frame)]
        outputs = repairs.frame(reader)
        if outputs is None:
            start = reader.offset
            data = bytes(reader.view[start : start + reader.captured])
            options = [comment(text) for text in texts]
            write(enhanced_packet(data, reader.time_ns, original=reader.original, options=options))
            return
        for index, (frame_octets, original, comments) in enumerate(outputs):
            last = index == len(outputs) - 1
            options = [comment(text) for text in (*comments, *(texts if last else ()))]
            write(enhanced_packet(frame_octets, reader.time_ns, original=original, options=options))

    write(section_header())
    write(interface_description(live.link_type, options=[(IF_TSRESOL, bytes((NANOSECONDS,)))]))
    reader = _Teller(Spool(live.fill, endless=True), told)
    repairs = Repairs(lambda: reader.source.view)
    pipeline = Pipeline(reader, remarks, repairs)
    pipeline.events.pairs.subscribe(paired.append)
    pipeline.run()
