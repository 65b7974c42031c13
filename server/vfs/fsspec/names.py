"""Identities, cookies and file numbers that follow from names alone.

They are hashes with the URL of the export as the key, so they mean the same after a restart. An
identity is the object's type, a hash of its whole path, and a short hash of each name on it:

    type (1) | path (12) | step (3) for each name

The steps lead to the object: in each directory few names have the step's hash, as a rule one, and
the path's hash tells which. So nothing has to be remembered for handles to stay good. The cookie of
an entry is a longer hash of its name, of which the step is the beginning: entries are listed in the
order of their hashes, and one that comes or goes moves no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, TypeAlias

Path: TypeAlias = tuple[bytes, ...]
"""The names that lead to an object from the root."""

_DIRECTORY: Final = b"D"
_FILE: Final = b"F"
_PATH: Final = 12
_STEP: Final = 3
_HEAD: Final = 1 + _PATH
_LARGEST: Final = 115
"""Octets that a file handle of NFS (128: RFC 8881, Section 2.3) leaves to an identity."""
DEEPEST: Final = (_LARGEST - _HEAD) // _STEP
"""Names of the longest path that fits an identity."""
_COOKIE_BITS: Final = 62
_STEP_SHIFT: Final = _COOKIE_BITS - 8 * _STEP
FIRST_COOKIE: Final = 3
"""Cookies 0, 1 and 2 have other meanings (RFC 8881, Section 18.23.3)."""
_SLACK: Final = 64
"""How far a cookie may be from its hash, because others have the same."""


class Names:
    """Hashes of names below one URL."""

    def __init__(self, url: str) -> None:
        self._key = hashlib.blake2s(url.encode("utf-8", "surrogateescape")).digest()

    def identity(self, path: Path, directory: bool) -> bytes:
        """Return the identity of an object; its path has at most :data:`DEEPEST` names."""
        kind = _DIRECTORY if directory else _FILE
        steps = b"".join(self._step(name) for name in path)
        return kind + self._hash(_PATH, kind, *path) + steps

    def fileid(self, path: Path, directory: bool) -> int:
        """Return the number of an object, from 1 to 2^63-1."""
        kind = _DIRECTORY if directory else _FILE
        return (int.from_bytes(self._hash(8, b"number", kind, *path), "big") >> 1) or 1

    def cookie(self, name: bytes) -> int:
        """Return the place of an entry, if no other has it already."""
        return FIRST_COOKIE + self._number(name)

    def _number(self, name: bytes) -> int:
        return int.from_bytes(self._hash(8, b"cookie", name), "big") >> (64 - _COOKIE_BITS)

    def _step(self, name: bytes) -> bytes:
        return (self._number(name) >> _STEP_SHIFT).to_bytes(_STEP, "big")

    def _hash(self, size: int, *parts: bytes) -> bytes:
        # No name has a NUL in it, so different parts are different octets.
        return hashlib.blake2s(b"\0".join(parts), digest_size=size, key=self._key).digest()


def is_identity(identity: bytes) -> bool:
    """Return whether the octets have the form of an identity."""
    steps = len(identity) - _HEAD
    kind = identity[:1]
    return 0 <= steps <= DEEPEST * _STEP and steps % _STEP == 0 and kind in (_DIRECTORY, _FILE)


def is_directory(identity: bytes) -> bool:
    """Return whether an identity is that of a directory."""
    return identity[:1] == _DIRECTORY


def places(identity: bytes) -> Iterable[tuple[int, int]]:
    """Yield for each step the lowest and the highest cookie that its name may have."""
    for start in range(_HEAD, len(identity), _STEP):
        step = int.from_bytes(identity[start : start + _STEP], "big")
        low = FIRST_COOKIE + (step << _STEP_SHIFT)
        yield low, low + (1 << _STEP_SHIFT) + _SLACK
