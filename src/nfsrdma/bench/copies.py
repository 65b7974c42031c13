"""The number of times that an octet of a file is copied between page cache and caller's memory.

These numbers are not counted at run time: they follow from how each transport is built. They are
those of both ends together, our own client and server, and of copies by the processor (DMA does
not count); the reason stands beside each. They hold for long records. What is short enough to
travel in a message (``DeviceLimits.short_message``) is copied into the message and out of it: over
shm a READ then takes 2 copies, where its answer is waited for, and a WRITE 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .plan import READING


@dataclass(frozen=True, slots=True)
class Copies:
    """The number of copies of one octet, and which they are."""

    count: int
    why: str


_PREAD = "page cache to the server's buffer"
_PWRITE = "the server's buffer to the page cache"

READ: Final = {
    "tcp": Copies(3, f"{_PREAD}; to the socket; from the socket to the caller"),
    "soft": Copies(4, f"{_PREAD}; to the socket; from the socket; to the caller"),
    "shm": Copies(1, "page cache to the caller's memory, which the server has mapped"),
    "verbs": Copies(1, f"{_PREAD}; the adapter does the rest"),
}
WRITE: Final = {
    "tcp": Copies(3, f"the caller's memory to the socket; from the socket; {_PWRITE}"),
    "soft": Copies(
        4, f"the caller's memory to the socket; from the socket; to its place; {_PWRITE}"
    ),
    "shm": Copies(1, "the caller's memory, which the server has mapped, to the page cache"),
    "verbs": Copies(1, f"the adapter fetches; {_PWRITE}"),
}


def copies_per_byte(transport: str, op: str) -> int | None:
    """Return the copies of an operation between our own ends; None if unknown."""
    if op == "mixed":
        return None
    known = (READ if op in READING else WRITE).get(transport)
    return known.count if known is not None else None
