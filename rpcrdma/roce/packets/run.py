"""Received packets on their way to a queue pair."""

from __future__ import annotations


class Run:
    """One packet, or several MIDDLE packets of one message that follow each other.

    ``count`` packets of ``size`` octets each, headers and ICRC included, from ``offset`` of
    ``view``; their PSNs are ``psn`` and the following. Each has ``length`` octets of payload,
    without the pad; the pad may be a lie, then that is negative. ``ask`` tells whether any of them
    asks for an acknowledgement. The ICRCs are right, and the packets are long enough for the
    headers of their opcode ``code``.
    """

    __slots__ = ("ask", "code", "count", "length", "offset", "psn", "size", "view")

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
        self.count = count
        self.length = length

    def drop(self, count: int) -> None:
        """Drop the first ``count`` packets."""
        self.psn += count
        self.offset += count * self.size
        self.count -= count
