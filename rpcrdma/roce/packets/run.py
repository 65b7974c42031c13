"""Received packets on their way to a queue pair."""

from __future__ import annotations

from ..wire.psn import MASK
from .kernel import place, spread
from .twin import Last, Part

_SEND_MIDDLE = 0x01


class Run:
    """One packet, or several MIDDLE packets of one message that follow each other.

    They are for the queue pair ``number``: ``count`` packets of ``size`` octets each, headers and
    ICRC included; their PSNs are ``psn`` and the following. The first ``here`` of them lie from
    ``offset`` of ``view`` on. If they came in several bursts, the others are in ``rest``: for each
    burst its view, the offset, how many. Each packet has ``length`` octets of payload, without the
    pad; the pad may be a lie, then that is negative. ``ask`` tells whether any of them asks for an
    acknowledgement. The ICRCs are right, and the packets are long enough for the headers of their
    opcode ``code``.

    A SEND may be one run as a whole: its ``last`` packet is counted, but has its own size, and only
    that may ask. ``singles`` takes it apart.
    """

    __slots__ = (
        "ask",
        "code",
        "count",
        "here",
        "last",
        "length",
        "number",
        "offset",
        "psn",
        "rest",
        "size",
        "view",
    )

    def __init__(
        self,
        number: int,
        code: int,
        psn: int,
        ask: bool,
        view: memoryview,
        offset: int,
        size: int,
        here: int,
        count: int,
        length: int,
        rest: list[Part],
        last: Last | None = None,
    ) -> None:
        self.number = number
        self.code = code
        self.psn = psn
        self.ask = ask
        self.view = view
        self.offset = offset
        self.size = size
        self.here = here
        self.count = count
        self.length = length
        self.rest = rest
        self.last = last

    def singles(self) -> list[Run]:
        """Return a whole SEND as the runs of its FIRST, its MIDDLE and its LAST packets."""
        assert self.last is not None, "only a whole SEND consists of several runs"
        number, psn, size, length = self.number, self.psn, self.size, self.length
        found = [Run(number, self.code, psn, False, self.view, self.offset, size, 1, 1, length, [])]
        left = self.count - 2
        if left:
            (view, offset, here), *rest = self.parts
            if here > 1:
                offset, here = offset + size, here - 1
            else:
                (view, offset, here), *rest = rest
            psn = psn + 1 & MASK
            found.append(
                Run(
                    *(number, _SEND_MIDDLE, psn, False, view, offset, size),
                    *(here, left, length, rest),
                )
            )
        psn = self.psn + self.count - 1 & MASK
        view, offset, size, length, code = self.last
        found.append(Run(number, code, psn, self.ask, view, offset, size, 1, 1, length, []))
        return found

    def drop(self, count: int) -> None:
        """Drop the first ``count`` packets; at least one must be left."""
        self.psn += count
        self.count -= count
        while count >= self.here:
            count -= self.here
            self.view, self.offset, self.here = self.rest.pop(0)
        self.offset += count * self.size
        self.here -= count

    @property
    def parts(self) -> list[Part]:
        """Where the packets lie: view, offset of the first, how many."""
        return [(self.view, self.offset, self.here), *self.rest]

    def place(self, header: int, sink: memoryview, at: int) -> None:
        """Copy the payloads, which follow ``header`` octets of each packet, to ``sink``."""
        size, length = self.size, self.length
        if self.rest:
            spread(self.parts, header, size, length, sink, at)
        else:
            place(self.view, self.offset + header, size, self.here, length, sink, at)
