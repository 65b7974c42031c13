"""Which provider, when nobody said: shared memory with a server on this host, else RoCEv2."""

from __future__ import annotations

import os

from .registry import DEFAULT_PROVIDER
from .routes import is_local
from .shm.order import SUITABLE
from .shm.rendezvous import VARIABLE, candidates, knock, opened

SHARED_MEMORY = "shm"


def providers_for(address: str) -> list[str]:
    """The providers to try for a server at a numeric address, the best first.

    A server on this host may listen for peers in shared memory or not: to try costs next to
    nothing. One elsewhere is asked only if a directory to meet in was named.
    """
    if not SUITABLE or not (os.environ.get(VARIABLE) or is_local(address)):
        return [DEFAULT_PROVIDER]
    return [SHARED_MEMORY, DEFAULT_PROVIDER]


def local_servers() -> list[str]:
    """Where a server in shared memory can be met now: ``ADDRESS@PORT``, the names of sockets."""
    found = []
    for directory in candidates(None):
        try:
            with opened(directory, named=bool(os.environ.get(VARIABLE))) as (fd, _):
                found += sorted(name for name in os.listdir(fd) if knock(fd, name))
        except OSError:
            continue
    return found
