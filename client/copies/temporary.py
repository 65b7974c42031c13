"""The names that files have before they are complete: random, recognizable, and nobody's by chance.

A name is a prefix, 128 random bits and a check word over them. So nobody can lay something in its
way beforehand, and no name that people or other programs make up is taken for one of ours: what
merely begins alike is a file like any other.
"""

from __future__ import annotations

import re
from hashlib import blake2s
from random import Random
from typing import Final

PREFIX: Final = b".nfsrdma-part-"
OLD_S: Final = 86_400
"""Age in seconds from which on a temporary file is taken for a leftover: no copy is idle a day."""

_NAME: Final = re.compile(re.escape(PREFIX) + rb"([0-9a-f]{32})-([0-9a-f]{8})")


def temporary_name(rng: Random) -> bytes:
    """A new name."""
    digits = b"%032x" % rng.getrandbits(128)
    return PREFIX + digits + b"-" + _check(digits)


def verifier_of(name: bytes) -> bytes:
    """The create verifier of a temporary file (RFC 8881, Section 18.16.3): as random."""
    start = len(PREFIX)
    return bytes.fromhex(name[start : start + 16].decode())


def is_temporary(name: bytes) -> bool:
    """Whether a copy made up this name."""
    if not name.startswith(PREFIX):
        return False
    found = _NAME.fullmatch(name)
    return found is not None and _check(found[1]) == found[2]


def is_leftover(mode: int, mtime_ns: int, ctime_ns: int, now_ns: int) -> bool:
    """Whether a temporary file of ours is one that nobody is at work on.

    Just before it gets its name it has its final mode, and a time of modification that may be
    long past; until then its mode is 0600, and it is modified all the time.
    """
    old_ns = now_ns - OLD_S * 1_000_000_000
    return mtime_ns < old_ns and (mode & 0o7777 == 0o600 or ctime_ns < old_ns)


def _check(digits: bytes) -> bytes:
    return blake2s(digits, digest_size=4, person=b"nfsrdma").hexdigest().encode()
