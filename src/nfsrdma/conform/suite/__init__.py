"""The tests, a module for each section. Importing this enters them in ``case.CASES``."""

from . import (
    back_channel,
    binding,
    connections,
    credits,
    faults,
    headers,
    invalidation,
    private_data,
    read_chunks,
    replay,
    reply_chunks,
    security,
    version3,
    write_chunks,
)

__all__ = [
    "back_channel",
    "binding",
    "connections",
    "credits",
    "faults",
    "headers",
    "invalidation",
    "private_data",
    "read_chunks",
    "replay",
    "reply_chunks",
    "security",
    "version3",
    "write_chunks",
]
