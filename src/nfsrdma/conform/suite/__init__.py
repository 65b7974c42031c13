"""The tests, a module for each section. Importing this enters them in ``case.CASES``."""

from . import (
    binding,
    connections,
    credits,
    headers,
    invalidation,
    private_data,
    read_chunks,
    replay,
    reply_chunks,
    write_chunks,
)

__all__ = [
    "binding",
    "connections",
    "credits",
    "headers",
    "invalidation",
    "private_data",
    "read_chunks",
    "replay",
    "reply_chunks",
    "write_chunks",
]
