"""Blocks of a file that say of themselves which version they are, and whether they are whole."""

from __future__ import annotations

import hashlib
import struct
from typing import Final

BLOCK: Final = 64 << 10
BLOCKS: Final = 4

_HEAD: Final = struct.Struct(">4sQI")
_MAGIC: Final = b"kill"
_SUM: Final = 32


def block(name: str, version: int, index: int) -> bytes:
    """One block of a version of a file, ``BLOCK`` octets."""
    head = _HEAD.pack(_MAGIC, version, index)
    seed = hashlib.sha256(head + name.encode()).digest()
    body = (head + seed * (BLOCK // _SUM))[: BLOCK - _SUM]
    return body + hashlib.sha256(body).digest()


def version_of(name: str, index: int, data: bytes) -> int | None:
    """Which version of the file the block is; None if it is none, or not whole."""
    if len(data) != BLOCK:
        return None
    magic, version, _ = _HEAD.unpack_from(data)
    if magic != _MAGIC or data != block(name, version, index):
        return None
    return int(version)
