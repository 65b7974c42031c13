"""Whether the short ways are to be taken: the environment may say that they are not."""

from __future__ import annotations

import os

_VARIABLE = "NFSRDMA_LANES"


def lanes_wanted() -> bool:
    """Return whether lanes are to be used: always, unless ``NFSRDMA_LANES`` is ``0``."""
    return os.environ.get(_VARIABLE) != "0"
