"""Changes of attributes that a mount makes a little later, with what else is to be done.

Who unpacks an archive makes a file, writes it, sets its times, owner and mode, and closes it. Of a
file that the program has just made itself, as its owner, the server refuses none of that, so that
all may go in one call when the file is closed. Nothing else may: see :meth:`Maker.may_wait`.
"""

from __future__ import annotations

from copy import copy
from typing import Final

from nfsrdma.xdr.nfs4 import types as t

from ..attributes import Stat, encode_attributes
from .wire import Header, SetAttr, Valid

_PLAIN: Final = Valid.MODE | Valid.UID | Valid.GID | Valid.ATIME | Valid.MTIME
_NOW: Final = Valid.ATIME_NOW | Valid.MTIME_NOW
_OTHER: Final = Valid.FH | Valid.KILL_SUIDGID  # none of which the file has
_SPECIAL: Final = 0o7000
_RIGHTS: Final = 0o777


class Changes:
    """What is to be set: None stays as it is. The times may be the server's time then."""

    __slots__ = ("atime_now", "atime_ns", "due", "gid", "mode", "mtime_now", "mtime_ns", "uid")

    def __init__(self) -> None:
        self.mode: int | None = None
        self.uid: int | None = None
        self.gid: int | None = None
        self.atime_ns: int | None = None
        self.mtime_ns: int | None = None
        self.atime_now = self.mtime_now = False
        self.due = False
        """Whether a program has asked for it, so that nothing may be written before."""

    @classmethod
    def of_new(cls) -> Changes:
        """Return the change that a file needs which was made exclusively: its times are others."""
        changes = cls()
        changes.atime_now = changes.mtime_now = True
        return changes

    @classmethod
    def asked(cls, wanted: SetAttr) -> Changes:
        """Return what SETATTR asks for, but for the size."""
        changes = cls()
        changes.merge(wanted)
        return changes

    def merge(self, wanted: SetAttr) -> None:
        """Add what a program asks for to what there is."""
        valid = wanted.valid
        self.due = True
        if valid & Valid.MODE:
            self.mode = wanted.mode
        if valid & Valid.UID:
            self.uid = wanted.uid
        if valid & Valid.GID:
            self.gid = wanted.gid
        if valid & (Valid.ATIME | Valid.ATIME_NOW):
            self.atime_now = bool(valid & Valid.ATIME_NOW)
            self.atime_ns = None if self.atime_now else wanted.atime_ns
        if valid & (Valid.MTIME | Valid.MTIME_NOW):
            self.mtime_now = bool(valid & Valid.MTIME_NOW)
            self.mtime_ns = None if self.mtime_now else wanted.mtime_ns

    def encode(self, size: int | None = None) -> t.fattr4:
        """Return it as the server takes it, with a size if that is to be set as well."""
        return encode_attributes(
            size=size,
            mode=self.mode,
            uid=self.uid,
            gid=self.gid,
            atime_ns=self.atime_ns,
            mtime_ns=self.mtime_ns,
            atime_now=self.atime_now,
            mtime_now=self.mtime_now,
        )

    def applied(self, status: Stat, size: int) -> Stat:
        """Return what the attributes will be, of a file with ``size`` octets at least."""
        status = copy(status)
        status.st_size = max(status.st_size, size)
        if self.mode is not None:
            status.st_mode = status.st_mode & ~0o7777 | self.mode & 0o7777
        if self.atime_ns is not None:
            status.st_atime_ns = self.atime_ns
        if self.mtime_ns is not None:
            status.st_mtime_ns = self.mtime_ns
        return status


class Maker:
    """The thread that has made a file by an open of it, and how long it has made the file."""

    __slots__ = ("_gid", "_pid", "_uid", "end")

    def __init__(self, header: Header) -> None:
        self._pid, self._uid, self._gid = header.pid, header.uid, header.gid
        self.end = 0
        """Where what was written ends."""

    def may_wait(self, header: Header, wanted: SetAttr, status: Stat, mode: int) -> bool:
        """Return whether a change can be made later, since the server will not refuse it.

        It is of the same thread, which owns the file, and gives nobody fewer rights than the
        ``mode`` has: who is told that others cannot open a file any more relies on it. ``status``
        are the attributes that are known.
        """
        valid = wanted.valid
        return (
            (header.pid, header.uid, header.gid) == (self._pid, self._uid, self._gid)
            and not valid & ~(_PLAIN | _NOW | _OTHER)
            and status.st_uid == header.uid
            and not (valid & Valid.UID and wanted.uid != status.st_uid)
            and not (valid & Valid.GID and wanted.gid != status.st_gid)
            and not (mode & _SPECIAL)
            and not (
                valid & Valid.MODE and (wanted.mode & _SPECIAL or mode & ~wanted.mode & _RIGHTS)
            )
        )
