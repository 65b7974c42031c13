"""How often an octet of the file is copied between the page cache and the caller's memory.

Nothing counts these at run time. They follow from how each transport is built, both ends taken
together, copies by the processor only (a DMA is none), on our own server and client; the reason is
told with the number. They are those of long records: what a device says is quicker in a message
(``DeviceLimits.short_message``) is copied to the message and from it; over shm a READ then takes 5,
a WRITE 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .plan import READING


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of one octet, and which they are."""

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
    """Of a data operation between our own ends; None where that is not known."""
    if op == "mixed":
        return None
    known = (READ if op in READING else WRITE).get(transport)
    return known.count if known is not None else None
