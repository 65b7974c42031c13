"""Memory from the kernel itself: there when it is touched, given back when nobody has it any more.

The heap is another matter. What was freed there once is handed out again, and cleared by hand, so
that large memory that is hardly used takes all of its pages; and what is free in the midst of it
stays with the process.
"""

from __future__ import annotations

import mmap
from typing import Final

_PRIVATE: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def zeros(octets: int) -> memoryview:
    """Writable memory of zeros, at least one octet, whose pages take room when they are used.

    It goes with the last view of it; ``view.obj`` is the same for all of them. Raises ``OSError``
    if there is none to be had.
    """
    return memoryview(mmap.mmap(-1, octets, flags=_PRIVATE))
