"""How a mount behaves towards the kernel and its programs, where that is a choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices, as options of a mount make them."""

    direct: bool = False
    """Whether the kernel's page cache is bypassed (``noac``)."""
    close_to_open: bool = True
    """Whether each open looks whether the file has changed; not with ``nocto``."""
    write_back: bool = False
    """Whether the kernel keeps what is written (``wb``): it owns size and time of files then."""
    posix_locks: bool = True
    """Whether locks of fcntl(2) are the server's, and not this host's alone (``local_lock``)."""
    flocks: bool = True
    """Whether locks of flock(2) are the server's."""
    read_plus: bool = True
    """Whether listings bring attributes (``rdirplus``)."""
    unreachable: int | None = None
    """The ``errno`` for a server that is out of reach (``soft``, ``softerr``); None: what it is."""


DEFAULT: Final = Choices()
