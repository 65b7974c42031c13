"""The default provider: shared memory for a server on this host, RoCEv2 for others."""

from __future__ import annotations

import os

from .registry import DEFAULT_PROVIDER
from .routes import is_local
from .shm.order import SUITABLE
from .shm.rendezvous import VARIABLE, candidates, knock, opened

SHARED_MEMORY = "shm"


def providers_for(address: str) -> list[str]:
    """Return the providers to try for a server at a numeric address, the best first.

    A server on this host may listen for peers in shared memory or not; trying costs next to
    nothing. For a server elsewhere it is tried only if the environment names a directory.
    """
    if not SUITABLE or not (os.environ.get(VARIABLE) or is_local(address)):
        return [DEFAULT_PROVIDER]
    return [SHARED_MEMORY, DEFAULT_PROVIDER]


def local_servers() -> list[str]:
    """Return where servers listen in shared memory now, as ``ADDRESS@PORT``."""
    found = []
    for directory in candidates(None):
        try:
            with opened(directory, named=bool(os.environ.get(VARIABLE))) as (fd, _):
                found += sorted(name for name in os.listdir(fd) if knock(fd, name))
        except OSError:
            continue
    return found
