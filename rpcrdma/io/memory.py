"""Memory from the kernel itself: allocated when it is touched, freed with its last view.

The heap differs. Memory that was freed there is handed out again and has to be cleared, so large
memory that is hardly used would take all of its pages; and free memory in the middle of the heap
stays with the process.
"""

from __future__ import annotations

import mmap
from typing import Final

_PRIVATE: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def zeros(octets: int) -> memoryview:
    """Return writable memory of zeros, at least one octet, whose pages are allocated on use.

    It is freed with the last view of it; ``view.obj`` is the same for all views. Raises ``OSError``
    if there is no memory.
    """
    return memoryview(mmap.mmap(-1, octets, flags=_PRIVATE))
