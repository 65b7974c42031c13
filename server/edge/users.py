"""The user database of this host, as an ``authority.Policy`` asks it."""

from __future__ import annotations

import grp
import os
import pwd
import time
from typing import Final

from ..authority import ROOT, Policy

_REMEMBERED: Final = 1024
_FRESH_S: Final = 60.0

_known: dict[int, tuple[float, frozenset[int]]] = {}


def groups_of(uid: int) -> frozenset[int]:
    """Return the groups of a user; none for one that the database does not know.

    An answer is kept for a minute, as the database may be on another host.
    """
    now = time.monotonic()
    until, groups = _known.get(uid, (0.0, frozenset()))
    if now < until:
        return groups
    try:
        entry = pwd.getpwuid(uid)
        groups = frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))
    except (KeyError, OSError):
        groups = frozenset()
    if len(_known) >= _REMEMBERED:
        _known.clear()
    _known[uid] = now + _FRESH_S, groups
    return groups


class People:
    """The users and groups that this host knows, by whatever its ``nsswitch.conf`` names."""

    def number_of(self, name: bytes, group: bool) -> int | None:
        """Return the number of a user or group; None if there is none of that name."""
        text = os.fsdecode(name)
        try:
            return grp.getgrnam(text).gr_gid if group else pwd.getpwnam(text).pw_uid
        except (KeyError, OSError, ValueError):
            return None

    def name_of(self, number: int, group: bool) -> bytes | None:
        """Return the name of a user or group; None if there is none of that number."""
        try:
            name = grp.getgrgid(number).gr_name if group else pwd.getpwuid(number).pw_name
        except (KeyError, OSError, ValueError, OverflowError):
            return None
        return os.fsencode(name)


def own_policy(insecure: bool = False) -> Policy:
    """Return the policy of a server that this process runs: root's serves all users.

    One of another user serves that user and root, unless it is ``insecure``.
    """
    own = os.geteuid()
    users = None if own == ROOT or insecure else frozenset((own, ROOT))
    return Policy(own, users, insecure, groups_of)


def number_of(user: str) -> int:
    """Return the number of a user by number or name; raise ``ValueError`` if there is none."""
    if user.isdecimal():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ValueError(f"there is no user {user!r} here") from None


def name_of(uid: int) -> str:
    """Return how to call a user: by name if there is one."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
