"""mount(2) and ``fusermount3``: how ``/dev/fuse`` is opened, mounted and unmounted."""

from __future__ import annotations

import array
import ctypes
import errno
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

TYPE: Final = "fuse.nfsrdma"
"""The type of our mounts in ``/proc/mounts``."""
_DEVICE: Final = "/dev/fuse"
_HELPER: Final = "fusermount3"
_MNT_FORCE: Final = 1
_MNT_DETACH: Final = 2
_MS_REMOUNT: Final = 32
_FLAGS: Final = {
    "ro": 1,
    "nosuid": 2,
    "nodev": 4,
    "noexec": 8,
    "sync": 16,
    "dirsync": 128,
    "nosymfollow": 256,
    "noatime": 1024,
    "nodiratime": 2048,
    "silent": 1 << 15,
    "relatime": 1 << 21,
    "strictatime": 1 << 24,
    "lazytime": 1 << 25,
}
FLAGS: Final = frozenset(_FLAGS)
"""Options of mount(2) that the kernel itself obeys."""
_NOT_FOR_HELPER: Final = ("nosuid", "nodev", "relatime", "strictatime", "lazytime", "silent")
"""It adds the first two by itself, and refuses to be told; the others change nothing here."""
_libc = ctypes.CDLL(None, use_errno=True)


class MountError(OSError):
    """Nothing could be mounted or unmounted; the message says why and what helps."""

    side = "mount"


def check_mount_point(directory: str) -> str:
    """Return the absolute path of a directory. Raises :class:`MountError` if it is none."""
    path = os.path.abspath(directory)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise MountError(errno.ENOENT, "there is no such directory", directory) from None
    except OSError as error:
        text = error.strerror or ""
        if error.errno == errno.ENOTCONN:
            text = f"a mount whose process has ended is there: nfsrdma umount {directory}"
        raise MountError(error.errno, text, directory) from None
    if not stat.S_ISDIR(mode):
        raise MountError(errno.ENOTDIR, "a mount point is a directory", directory)
    path = os.path.realpath(path)
    if any(where == path and kind == TYPE for where, kind in mounts()):
        raise MountError(errno.EBUSY, "something is mounted there already", directory)
    return path


def check_device() -> None:
    """Raise :class:`MountError` if there is no ``/dev/fuse``, or it is not for us."""
    try:
        os.close(os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        text = "not there: load the module fuse, or give the container --device /dev/fuse"
        raise MountError(errno.ENOENT, text, _DEVICE) from None
    except OSError as error:
        raise MountError(error.errno, error.strerror, _DEVICE) from None


def mount(
    directory: str,
    source: str,
    flags: Sequence[str],
    max_read: int,
    access: Sequence[str] = (),
) -> int:
    """Mount a file system at ``directory``; return the descriptor of its device.

    ``source`` is what ``/proc/mounts`` shows. ``access`` may have ``allow_other``, which only root
    can say, and ``default_permissions``. Raises :class:`MountError`.
    """
    if os.geteuid() == 0:
        try:
            return _mount_ourselves(directory, source, flags, max_read, access)
        except PermissionError:
            if shutil.which(_HELPER) is None:
                text = "not permitted: root of a container needs CAP_SYS_ADMIN to mount"
                raise MountError(errno.EPERM, text, directory) from None
    return _mount_by_helper(directory, source, flags, max_read, access)


def _mount_ourselves(
    directory: str, source: str, flags: Sequence[str], max_read: int, access: Sequence[str]
) -> int:
    fd = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    data = (
        f"fd={fd},rootmode=40000,user_id={os.geteuid()},group_id={os.getegid()},max_read={max_read}"
    )
    data = ",".join((data, *access))
    bits = _bits(flags)
    failed = _libc.mount(
        os.fsencode(source), os.fsencode(directory), TYPE.encode(), bits, data.encode()
    )
    if failed:
        number = ctypes.get_errno()
        os.close(fd)
        if number == errno.EPERM:
            raise PermissionError(number, os.strerror(number), directory)
        raise MountError(number, os.strerror(number), directory)
    return fd


def _bits(flags: Sequence[str]) -> int:
    return sum(_FLAGS[each] for each in set(flags))


def remount(directory: str, flags: Sequence[str]) -> None:
    """Change the options of mount(2) of what is mounted. Raises :class:`MountError`."""
    bits = _MS_REMOUNT | _bits(flags)
    if _libc.mount(None, os.fsencode(directory), None, bits, None):
        number = ctypes.get_errno()
        raise MountError(number, os.strerror(number), directory)


def _mount_by_helper(
    directory: str, source: str, flags: Sequence[str], max_read: int, access: Sequence[str]
) -> int:
    """Let the set-user-ID program of libfuse mount, which sends us the descriptor."""
    program = shutil.which(_HELPER)
    if program is None:
        text = f"users who are not root need {_HELPER}: install the package fuse3"
        raise MountError(errno.EPERM, text, directory)
    shown = source.replace("\\", "\\\\").replace(",", "\\,")
    options = [f"fsname={shown}", "subtype=nfsrdma", f"max_read={max_read}"]
    options += access
    options += [each for each in flags if each not in _NOT_FOR_HELPER]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = subprocess.run(
            [program, "-o", ",".join(options), "--", directory],
            env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno())},
            pass_fds=(theirs.fileno(),),
            stderr=subprocess.PIPE,
            check=False,
        )
        text = done.stderr.decode(errors="replace").strip().removeprefix(f"{_HELPER}: ")
        if done.returncode:
            raise MountError(errno.EPERM, text or f"{_HELPER} failed", directory)
        size = array.array("i").itemsize
        _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(size))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fd = array.array("i", data[:size])[0]
            os.set_inheritable(fd, False)
            return fd
    raise MountError(errno.EPROTO, f"{_HELPER} sent no descriptor", directory)


def unmount(directory: str, *, lazy: bool = False, force: bool = False) -> None:
    """Unmount what is mounted at ``directory``. Raises :class:`MountError`.

    With ``lazy`` it is taken out of the tree at once, and ends when nothing uses it any more. With
    ``force`` it ends at once: whoever waits for the server gets an error, and so does whoever uses
    it later.
    """
    if force:
        _abort(directory)
        lazy = True
    bits = (_MNT_DETACH if lazy else 0) | (_MNT_FORCE if force else 0)
    if _libc.umount2(os.fsencode(directory), bits) == 0:
        return
    number = ctypes.get_errno()
    program = shutil.which(_HELPER)
    if number == errno.EPERM and program is not None:
        command = [program, "-u", *(["-z"] if lazy else []), "--", directory]
        done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
        if done.returncode == 0:
            return
        text = done.stderr.decode(errors="replace").strip().removeprefix(f"{_HELPER}: ")
        raise MountError(errno.EBUSY, text or "fusermount3 failed", directory)
    text = os.strerror(number)
    if number == errno.EBUSY:
        text = "in use: end the programs that use it (fuser -vm), or unmount with --lazy"
    elif number == errno.EPERM:
        text = f"users who are not root need {_HELPER}: install the package fuse3"
    elif number == errno.EINVAL:
        text = "nothing is mounted there"
    raise MountError(number, text, directory)


def _abort(directory: str) -> None:
    """Have the kernel end the conversation about a mount, which its owner may do in sysfs."""
    found = [each for each in ours() if each.path == directory]
    if found:
        minor = found[-1].device.partition(":")[2]
        with suppress(OSError), open(f"/sys/fs/fuse/connections/{minor}/abort", "w") as abort:
            abort.write("1")


class Ours(NamedTuple):
    """One of our mounts, as the kernel knows it."""

    path: str
    device: str
    """``st_dev`` of what is in it, as ``0:52``."""
    source: str
    user: int
    """Who has mounted it."""
    flags: str
    """The options of mount(2)."""


def ours() -> list[Ours]:
    """Return our mounts, those mounted last at the end, without touching any (see proc(5))."""
    found = []
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            fields = line.split()
            end = fields.index(b"-", 6)
            if fields[end + 1] != TYPE.encode():
                continue
            users = (each for each in fields[end + 3].split(b",") if each.startswith(b"user_id="))
            user = int(next(users, b"user_id=0").partition(b"=")[2])
            path, source = _path(fields[4]), _path(fields[end + 2])
            found.append(Ours(path, fields[2].decode(), source, user, fields[5].decode()))
    return found


def _path(field: bytes) -> str:
    """Return a path of the mount table, where some characters are octal numbers."""
    return os.fsdecode(field.decode("unicode_escape").encode("latin-1"))


def mounts() -> Iterator[tuple[str, str]]:
    """Yield mount points and types, those mounted last at the end."""
    with open("/proc/self/mounts", "rb") as table:
        for line in table:
            fields = line.split()
            yield _path(fields[1]), fields[2].decode()


def mounted_at(directory: str) -> str:
    """Return the path under which one of our mounts is known. Raises :class:`MountError`.

    The mount itself is not touched: its process may have ended.
    """
    above, name = os.path.split(os.path.abspath(directory))
    path = os.path.join(os.path.realpath(above), name)
    kinds = [kind for where, kind in mounts() if where == path]
    if not kinds and os.path.islink(path):
        path = os.path.realpath(path)
        kinds = [kind for where, kind in mounts() if where == path]
    if not kinds:
        raise MountError(errno.EINVAL, "nothing is mounted there", directory)
    if kinds[-1] != TYPE:
        text = f"a mount of the type {kinds[-1]}, and none of nfsrdma: use umount"
        raise MountError(errno.EINVAL, text, directory)
    return path


def read_ahead(directory: str, octets: int) -> None:
    """Let the kernel read so much ahead of a process. Does nothing unless we are root."""
    try:
        device = os.stat(directory).st_dev
        name = f"{os.major(device)}:{os.minor(device)}"
        with open(f"/sys/class/bdi/{name}/read_ahead_kb", "w") as setting:
            setting.write(str(octets >> 10))
    except OSError:
        return
