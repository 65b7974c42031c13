"""The names of files before they are complete: random, and recognizable without doubt.

A name is a prefix, 128 random bits and a check word over these. So no other process can predict it
and put something there, and a name that merely begins alike is a file like any other.
"""

from __future__ import annotations

import re
from hashlib import blake2s
from random import Random
from typing import Final

PREFIX: Final = b".nfsrdma-part-"
OLD_S: Final = 86_400
"""The age in seconds at which a temporary file is a leftover: no copy is idle for a day."""

_NAME: Final = re.compile(re.escape(PREFIX) + rb"([0-9a-f]{32})-([0-9a-f]{8})")


def temporary_name(rng: Random) -> bytes:
    """Return a new name."""
    digits = b"%032x" % rng.getrandbits(128)
    return PREFIX + digits + b"-" + _check(digits)


def verifier_of(name: bytes) -> bytes:
    """Return the create verifier for a temporary name (RFC 8881, Section 18.16.3)."""
    start = len(PREFIX)
    return bytes.fromhex(name[start : start + 16].decode())


def is_temporary(name: bytes) -> bool:
    """Return whether a copy made this name."""
    if not name.startswith(PREFIX):
        return False
    found = _NAME.fullmatch(name)
    return found is not None and _check(found[1]) == found[2]


def is_leftover(mode: int, mtime_ns: int, ctime_ns: int, now_ns: int) -> bool:
    """Return whether no copy is working on a temporary file of this machine any more.

    While it is written, its mode is 0600 and it is modified all the time. Just before it gets its
    name, it has its final mode, and a modification time that may be long past.
    """
    old_ns = now_ns - OLD_S * 1_000_000_000
    return mtime_ns < old_ns and (mode & 0o7777 == 0o600 or ctime_ns < old_ns)


def _check(digits: bytes) -> bytes:
    return blake2s(digits, digest_size=4, person=b"nfsrdma").hexdigest().encode()
