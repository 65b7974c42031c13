"""Received packets on their way to a queue pair."""

from __future__ import annotations

from collections.abc import Iterator

from .kernel import place


class Run:
    """One packet, or several MIDDLE packets of one message that follow each other.

    ``count`` packets of ``size`` octets each, headers and ICRC included; their PSNs are ``psn`` and
    the following. The first ``here`` of them lie from ``offset`` of ``view`` on. If they came in
    several bursts, the others are in ``rest``: for each burst its view, the offset, how many. Each
    packet has ``length`` octets of payload, without the pad; the pad may be a lie, then that is
    negative. ``ask`` tells whether any of them asks for an acknowledgement. The ICRCs are right,
    and the packets are long enough for the headers of their opcode ``code``.
    """

    __slots__ = ("ask", "code", "count", "here", "length", "offset", "psn", "rest", "size", "view")

    def __init__(
        self,
        view: memoryview,
        code: int,
        psn: int,
        ask: bool,
        offset: int,
        size: int,
        count: int,
        length: int,
    ) -> None:
        self.view = view
        self.code = code
        self.psn = psn
        self.ask = ask
        self.offset = offset
        self.size = size
        self.count = self.here = count
        self.length = length
        self.rest: list[tuple[memoryview, int, int]] = []

    def append(self, view: memoryview, offset: int, count: int, ask: bool) -> None:
        """Append packets of the next burst, which follow these."""
        self.rest.append((view, offset, count))
        self.count += count
        self.ask |= ask

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
    def parts(self) -> Iterator[tuple[memoryview, int, int]]:
        """Where the packets lie: view, offset of the first, how many."""
        yield self.view, self.offset, self.here
        yield from self.rest

    def place(self, header: int, sink: memoryview, at: int) -> None:
        """Copy the payloads, which follow ``header`` octets of each packet, to ``sink``."""
        size, length = self.size, self.length
        place(self.view, self.offset + header, size, self.here, length, sink, at)
        at += self.here * length
        for view, offset, count in self.rest:
            place(view, offset + header, size, count, length, sink, at)
            at += count * length
