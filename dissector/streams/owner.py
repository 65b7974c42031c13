"""What the readers of a stream need to know of the conversation that it is a half of."""

from __future__ import annotations

from typing import Protocol

from ..base.finding import Severity
from ..tracking.model import Side
from .reassembly import Stream


class Owner(Protocol):
    """One direction of a TCP connection, as its reader sees it."""

    side: Side
    """The sender."""
    stream: Stream

    def source(self) -> memoryview:
        """Return the octets of the capture."""
        ...

    def note(self, frame: int, rule: str, text: str, severity: Severity = ...) -> None:
        """Report something about a frame."""
        ...
