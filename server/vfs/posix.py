"""The permission rules of POSIX, for back ends that keep their own attributes."""

from __future__ import annotations

import errno
import os
import stat

from .interface import EXECUTE, READ, WRITE, User


def failure(code: int) -> OSError:
    """Return an ``OSError`` as the kernel would have raised it."""
    return OSError(code, os.strerror(code))


def granted(who: User, owner: int, group: int, mode: int, mask: int, directory: bool) -> int:
    """Return what ``mode`` grants of ``mask``: one class of three applies, never their sum."""
    if who.uid == 0:
        # The superuser may execute what anyone may, and everything else.
        if directory or mode & 0o111:
            return mask & (READ | WRITE | EXECUTE)
        return mask & (READ | WRITE)
    if who.uid == owner:
        return mask & mode >> 6
    if who.member_of(group):
        return mask & mode >> 3
    return mask & mode


def require(who: User, owner: int, group: int, mode: int, mask: int, directory: bool) -> None:
    """Raise EACCES unless all of ``mask`` is granted."""
    if granted(who, owner, group, mode, mask, directory) != mask:
        raise failure(errno.EACCES)


def inherited(
    who: User, mode: int, parent_mode: int, parent_gid: int, directory: bool
) -> tuple[int, int]:
    """Return the mode and group of a new object: a set-group-ID directory passes its group on."""
    if parent_mode & stat.S_ISGID:
        if directory:
            return mode | stat.S_ISGID, parent_gid
        return without_foreign_setgid(who, parent_gid, mode), parent_gid
    return without_foreign_setgid(who, who.gid, mode), who.gid


def without_foreign_setgid(who: User, gid: int, mode: int) -> int:
    """Return ``mode``, without its set-group-ID bit if the caller is no member of the group."""
    if who.uid != 0 and not who.member_of(gid):
        return mode & ~stat.S_ISGID
    return mode


def without_setid(mode: int) -> int:
    """Return what writing to, or giving away, an executable file leaves of its mode."""
    mode &= ~stat.S_ISUID
    if mode & stat.S_IXGRP:
        mode &= ~stat.S_ISGID
    return mode
