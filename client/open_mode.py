"""The mode of ``open()``, and what it means for OPEN (RFC 8881, Section 18.16)."""

from __future__ import annotations

from functools import reduce
from operator import or_
from os import (
    O_ACCMODE,
    O_APPEND,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_DSYNC,
    O_EXCL,
    O_LARGEFILE,
    O_NOATIME,
    O_NOCTTY,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_RDONLY,
    O_RDWR,
    O_RSYNC,
    O_SYNC,
    O_TRUNC,
    O_WRONLY,
)
from typing import Final, Self

from nfsrdma.xdr.nfs4 import types as t

from . import endings
from .attributes import encode_attributes
from .endings import Ending
from .opens import READ, WRITE

_UNDERSTOOD: Final = (
    O_CREAT,
    O_EXCL,
    O_TRUNC,
    O_APPEND,
    O_DSYNC,
    O_SYNC,
    O_RSYNC,
    O_NOFOLLOW,
    O_DIRECT,
)
_MEANINGLESS: Final = (O_CLOEXEC, O_LARGEFILE, O_NOATIME, O_NOCTTY, O_NONBLOCK)
"""Flags of ``os.open`` that make no difference to a file without a descriptor."""
_KNOWN: Final = reduce(or_, (O_ACCMODE, *_UNDERSTOOD, *_MEANINGLESS))
_NAMES: Final = "O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DSYNC, O_SYNC, O_NOFOLLOW and O_DIRECT"


class OpenMode:
    """The parsed mode of ``open()``. Raises ``ValueError`` for an invalid one."""

    __slots__ = (
        "access",
        "append",
        "create",
        "direct",
        "exclusive",
        "follow",
        "plain",
        "readable",
        "stability",
        "truncate",
        "writable",
    )

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
        self.follow = not self.exclusive
        """Whether a link is followed."""
        self.stability: int = t.UNSTABLE4
        """How stable what is written has to be when a write returns (``stable_how4``)."""
        self.direct = False
        """Whether no cache is used."""
        self.plain = True
        """Whether the letters of a mode say it all."""
        self._set_access()

    def _set_access(self) -> None:
        self.access = (READ if self.readable else 0) | (WRITE if self.writable else 0)

    @classmethod
    def of_flags(cls, flags: int) -> Self:
        """Return what the flags of ``os.open`` mean.

        Raises ``ValueError`` for those that have no meaning for a file of a server, or none
        together.
        """
        if flags < 0 or flags & ~_KNOWN:
            raise ValueError(f"flags {flags:#o}: what is known is {_NAMES}")
        kind = flags & O_ACCMODE
        if kind not in (O_RDONLY, O_WRONLY, O_RDWR):
            raise ValueError("flags: one of O_RDONLY, O_WRONLY and O_RDWR")
        mode = cls("r")
        mode.plain = False
        mode.readable = kind != O_WRONLY
        mode.writable = kind != O_RDONLY
        mode.create = bool(flags & O_CREAT)
        mode.exclusive = mode.create and bool(flags & O_EXCL)
        mode.truncate = bool(flags & O_TRUNC)
        mode.append = mode.writable and bool(flags & O_APPEND)
        mode.follow = not mode.exclusive and not flags & O_NOFOLLOW
        mode.direct = bool(flags & O_DIRECT)
        if flags & O_SYNC == O_SYNC:
            mode.stability = t.FILE_SYNC4
        elif flags & O_DSYNC:
            mode.stability = t.DATA_SYNC4
        if mode.truncate and not mode.writable:
            raise ValueError("flags: O_TRUNC takes O_WRONLY or O_RDWR")
        mode._set_access()
        return mode

    @property
    def letters(self) -> str:
        """The mode in the letters of ``open()`` that come closest, as of a raw file."""
        if self.exclusive:
            return "xb+" if self.readable else "xb"
        if self.append:
            return "ab+" if self.readable else "ab"
        if not self.writable:
            return "rb"
        return "rb+" if self.readable else "wb"

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
