"""Received packets on their way to a queue pair."""

from __future__ import annotations

from .opcode import ICRC_OCTETS


class Run:
    """One packet, or several MIDDLE packets of one message that follow each other.

    ``count`` packets of ``size`` octets each, headers and ICRC included, from ``offset`` of
    ``view``; their PSNs are ``psn`` and the following. ``bits`` is the second octet of their
    BTHs; ``ask`` tells whether any of them asks for an acknowledgement. The ICRCs are right, and
    the packets are long enough for the headers of their opcode ``code``.
    """

    __slots__ = ("ask", "bits", "code", "count", "offset", "psn", "size", "view")

    def __init__(
        self,
        code: int,
        bits: int,
        psn: int,
        ask: bool,
        view: memoryview,
        offset: int,
        size: int,
        count: int,
    ) -> None:
        self.code = code
        self.bits = bits
        self.psn = psn
        self.ask = ask
        self.view = view
        self.offset = offset
        self.size = size
        self.count = count

    def payload_octets(self, header: int) -> int:
        """Payload of each packet after ``header`` octets, without the pad. May be negative."""
        return self.size - header - ICRC_OCTETS - (self.bits >> 4 & 3)

    def drop(self, count: int) -> None:
        """Forget the first ``count`` packets."""
        self.psn += count
        self.offset += count * self.size
        self.count -= count
