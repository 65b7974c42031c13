"""The permission rules of POSIX, for back ends that keep their own attributes."""

from __future__ import annotations

import errno
import os
import stat
from functools import reduce
from operator import or_

from .interface import EXECUTE, READ, WRITE, User
from .posix_acl import PosixAcl


def failure(code: int) -> OSError:
    """Return an ``OSError`` as the kernel would have raised it."""
    return OSError(code, os.strerror(code))


def granted(
    who: User,
    owner: int,
    group: int,
    mode: int,
    mask: int,
    directory: bool,
    acl: PosixAcl | None = None,
) -> int:
    """Return what ``mode``, or a list, grants of ``mask``: one class applies, never their sum."""
    if who.uid == 0:
        # The superuser may execute what anyone may, and everything else.
        if directory or mode & 0o111:
            return mask & (READ | WRITE | EXECUTE)
        return mask & (READ | WRITE)
    if who.uid == owner:
        return mask & mode >> 6
    if acl is not None:
        return mask & _granted_by(acl, who, group)
    if who.member_of(group):
        return mask & mode >> 3
    return mask & mode


def _granted_by(acl: PosixAcl, who: User, group: int) -> int:
    """Return what a list grants to somebody who is not the owner.

    Named users come before groups. What one of several groups grants is granted; Linux wants a
    single one to grant all rights that are asked for at once, which is not seen here.
    """
    limit = acl.effective_mask
    if who.uid in acl.users:
        return acl.users[who.uid] & limit
    of_groups = [acl.group] if who.member_of(group) else []
    of_groups += [rights for number, rights in acl.groups.items() if who.member_of(number)]
    if not of_groups:
        return acl.other
    return reduce(or_, of_groups) & limit


def require(
    who: User,
    owner: int,
    group: int,
    mode: int,
    mask: int,
    directory: bool,
    acl: PosixAcl | None = None,
) -> None:
    """Raise EACCES unless all of ``mask`` is granted."""
    if granted(who, owner, group, mode, mask, directory, acl) != mask:
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
