"""The order in which another process sees what this one stores.

A word of shared memory that is aligned is stored and loaded whole: ``memoryview`` of format "Q"
does it by one machine instruction. An x86 processor lets others see stores in the order made, so
what is published by storing an index is there when the index is seen. One thing it may do: load
before an earlier store of its own is seen by others. Where two sides each store a word and then
look at the other's (a doorbell that is armed, memory that is in use), there is a ``fence`` between.
"""

from __future__ import annotations

import os
import platform
from threading import Lock
from typing import Final

SUITABLE: Final = platform.machine().lower() in ("x86_64", "amd64")
"""Whether this processor keeps stores in order. Others would need barriers that Python lacks."""

fence: Final = Lock()
"""``with fence: pass``: every store before it is seen by others before any load after it is done.

To take a lock that is free is one locked instruction, which is a full barrier on x86.
"""


def _free_in_child() -> None:
    if fence.locked():  # by a thread of the parent that was in the midst of it
        fence.release()


os.register_at_fork(after_in_child=_free_in_child)
