"""Guards of maps; without it nothing is mapped that others can cut (see ``source``)."""

import mmap

def guard(map: mmap.mmap, /) -> int:
    """Watch a map: its guard, or -1 where there are too many. Raises ``OSError``."""

def lost(guard: int, /) -> int:
    """From which octet on the map has zeros instead of what was there; -1 for nowhere."""

def release(guard: int, /) -> None:
    """Forget the map."""
