"""The mode of ``open()``, and what it means for OPEN (RFC 8881, Section 18.16)."""

from __future__ import annotations

from nfsrdma.xdr.nfs4 import types as t

from . import endings
from .attributes import encode_attributes
from .endings import Ending
from .opens import READ, WRITE


class OpenMode:
    """The parsed mode of ``open()``. Raises ``ValueError`` for an invalid one."""

    __slots__ = ("access", "append", "create", "exclusive", "readable", "truncate", "writable")

    def __init__(self, mode: str) -> None:
        letters = set(mode)
        kinds = letters & set("rwax")
        if len(letters) != len(mode) or letters - set("rwaxb+") or len(kinds) != 1:
            raise ValueError(f"invalid mode: {mode!r}")
        (kind,) = kinds
        self.readable = kind == "r" or "+" in letters
        self.writable = kind != "r" or "+" in letters
        self.create = kind != "r"
        self.truncate = kind == "w"
        self.append = kind == "a"
        self.exclusive = kind == "x"
        self.access = (READ if self.readable else 0) | (WRITE if self.writable else 0)

    @property
    def ending(self) -> Ending:
        """The errors for paths that do not end in a name."""
        if self.exclusive:
            return endings.MADE_ALONE
        return endings.WRITTEN if self.create else endings.OPENED

    def how(self, permissions: int) -> t.openflag4:
        """Return how OPEN makes a file, if it may; ``permissions`` are the new file's."""
        if not self.create:
            return t.openflag4(t.OPEN4_NOCREATE)
        attributes = encode_attributes(size=0 if self.truncate else None, mode=permissions)
        kind = t.GUARDED4 if self.exclusive else t.UNCHECKED4
        return t.openflag4(t.OPEN4_CREATE, t.createhow4(kind, attributes))
