"""Acting on files as the caller: the thread takes on a user's rights for one system call or two.

Only a server that runs as root can do so. For any other, :class:`Identity` does nothing, and
every access is what the server's own user may do.
"""

from __future__ import annotations

import errno
import os
import stat
from types import TracebackType

from . import syscalls
from .interface import User
from .posix import failure, granted


class Identity:
    """``with identity(user):`` — a reusable context manager, not to be nested.

    Raises EPERM if the kernel would not take on that user (an identifier that its user
    namespace does not map).
    """

    __slots__ = ("_active", "_checked", "_gid", "_groups", "_user")

    def __init__(self, privileged: bool | None = None) -> None:
        self._active = os.geteuid() == 0 if privileged is None else privileged
        self._groups = tuple(os.getgroups())
        self._gid = os.getegid()
        self._user: User | None = None
        self._checked: set[tuple[int, int]] = set()

    @property
    def privileged(self) -> bool:
        """Whether callers act with their own rights."""
        return self._active

    def __call__(self, user: User) -> Identity:
        self._user = user
        return self

    def apart(self, user: User) -> Identity:
        """The same for another thread, which takes its time."""
        return Identity(self._active)(user)

    def estimate(self, status: os.stat_result, user: User, mask: int) -> int:
        """What the mode alone grants ``user``, for kernels that cannot be asked."""
        if not self._active:
            user = User(os.geteuid(), os.getegid(), tuple(os.getgroups()))
        directory = stat.S_ISDIR(status.st_mode)
        return granted(user, status.st_uid, status.st_gid, status.st_mode, mask, directory)

    def __enter__(self) -> None:
        user = self._user
        if not self._active or user is None:
            return
        if user.uid == 0 and user.gid == self._gid:
            # Root needs no groups to be allowed everything.
            self._user = None
            return
        syscalls.set_thread_groups(user.groups)
        syscalls.set_fsgid(user.gid)
        syscalls.set_fsuid(user.uid)
        if (user.uid, user.gid) not in self._checked:
            self._check(user)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._active and self._user is not None:
            self._restore()

    def _restore(self) -> None:
        # The user first: with it come back the capabilities that the rest may need.
        syscalls.set_fsuid(0)
        syscalls.set_fsgid(self._gid)
        syscalls.set_thread_groups(self._groups)

    def _check(self, user: User) -> None:
        # setfsuid reports nothing; asking for an impossible user returns the present one.
        if syscalls.set_fsuid(0xFFFFFFFF) != user.uid or syscalls.set_fsgid(0xFFFFFFFF) != user.gid:
            self._restore()
            raise failure(errno.EPERM)
        if len(self._checked) >= 4096:
            self._checked.clear()
        self._checked.add((user.uid, user.gid))
