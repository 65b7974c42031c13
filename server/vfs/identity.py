"""Acting on files as the caller: a thread takes on a user's rights for one system call or two.

Only a server that runs as root can do so. For any other, :class:`Identity` does nothing, and
every access is what the server's own user may do. The rights are those of the calling thread alone.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Final

from . import syscalls
from .interface import User
from .posix import failure, granted
from .posix_acl import PosixAcl

_MOST_CHECKED: Final = 4096
_AS_THE_SERVER: Final = nullcontext()


class Identity:
    """``with identity(user):`` acts as a user. Not to be nested; any thread may use it.

    To enter raises EPERM if the kernel would not take on that user (an identifier that its user
    namespace does not map).
    """

    __slots__ = ("_active", "checked", "gid", "groups")

    def __init__(self, privileged: bool | None = None) -> None:
        self._active = os.geteuid() == 0 if privileged is None else privileged
        self.groups = tuple(os.getgroups())
        self.gid = os.getegid()
        self.checked: set[tuple[int, int]] = set()
        """Users and groups that the kernel is known to take on."""

    @property
    def privileged(self) -> bool:
        """Whether callers act with their own rights."""
        return self._active

    def __call__(self, user: User) -> AbstractContextManager[None]:
        """Return the context manager that acts as ``user``."""
        # Root needs no groups to be allowed everything.
        if not self._active or (user.uid == 0 and user.gid == self.gid):
            return _AS_THE_SERVER
        return _Acting(self, user)

    def estimate(self, status: os.stat_result, acl: PosixAcl | None, user: User, mask: int) -> int:
        """Return what mode and list grant ``user``, for kernels that cannot be asked."""
        if not self._active:
            user = User(os.geteuid(), os.getegid(), tuple(os.getgroups()))
        directory = stat.S_ISDIR(status.st_mode)
        owner, group, mode = status.st_uid, status.st_gid, status.st_mode
        return granted(user, owner, group, mode, mask, directory, acl)


class _Acting:
    """One thread's time as one user."""

    __slots__ = ("_identity", "_user")

    def __init__(self, identity: Identity, user: User) -> None:
        self._identity = identity
        self._user = user

    def __enter__(self) -> None:
        user = self._user
        syscalls.set_thread_groups(user.groups)
        syscalls.set_fsgid(user.gid)
        syscalls.set_fsuid(user.uid)
        if (user.uid, user.gid) not in self._identity.checked:
            self._check(user)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # The user first: with it come back the capabilities that the rest may need.
        syscalls.set_fsuid(0)
        syscalls.set_fsgid(self._identity.gid)
        syscalls.set_thread_groups(self._identity.groups)

    def _check(self, user: User) -> None:
        # setfsuid reports nothing; asking for an impossible user returns the present one.
        if syscalls.set_fsuid(0xFFFFFFFF) != user.uid or syscalls.set_fsgid(0xFFFFFFFF) != user.gid:
            self.__exit__(None, None, None)
            raise failure(errno.EPERM)
        checked = self._identity.checked
        if len(checked) >= _MOST_CHECKED:
            checked.clear()
        checked.add((user.uid, user.gid))
