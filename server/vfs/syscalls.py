"""The few Linux system calls that the standard library does not offer.

They are here for what they guarantee: ``openat2`` resolves one name without following a link or
crossing a mount, file handles find an inode without a path, and ``setfsuid`` with its kin changes
whose rights the *calling thread* has for files and nothing else of the process.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
import threading
from collections.abc import Iterator
from typing import Any, Final

AT_FDCWD: Final = -100
AT_EMPTY_PATH: Final = 0x1000
AT_EACCESS: Final = 0x200
AT_SYMLINK_NOFOLLOW: Final = 0x100
UTIME_NOW: Final = (1 << 30) - 1
UTIME_OMIT: Final = (1 << 30) - 2
FALLOC_KEEP_SIZE: Final = 1
FALLOC_PUNCH_HOLE: Final = 2
MAX_HANDLE: Final = 128

_RESOLVE: Final = 0x01 | 0x02 | 0x04 | 0x08  # NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH
_RESOLVE_CACHED: Final = 0x20
_SYS_OPENAT2: Final = 437  # Numbers from 424 on are the same on every architecture.
_SYS_FACCESSAT2: Final = 439
_SYS_SETGROUPS: Final = {"x86_64": 116, "aarch64": 159, "riscv64": 159, "s390x": 206}.get(
    platform.machine()
)
_STATX_BTIME: Final = 0x800
_STATX_SIZE: Final = 256
_STATFS_SIZE: Final = 256

_FICLONERANGE: Final = 0x4020940D
_CLONE_RANGE: Final = struct.Struct("=qQQQ")
_HANDLE_HEADER = struct.Struct("=Ii")
_OPEN_HOW = struct.Struct("=QQQ")
_DIRENT = struct.Struct("=QqHB")
_LIKELY_ENTRY: Final = 40
"""Octets of a directory entry as the kernel tells it, with a name of some length."""
_FEWEST_OCTETS: Final = 1 << 12
_MOST_OCTETS: Final = 1 << 15
_DIRECTORY_KINDS: Final = (0, 4)  # DT_UNKNOWN: some file systems do not say; DT_DIR.

_CAPABILITY_VERSION: Final = 0x20080522  # linux/capability.h; the same for every thread's two words
_CAPABILITIES: Final = struct.Struct("=6I")  # effective, permitted, inheritable; and the high words
CAP_SETGID: Final = 6
CAP_SETUID: Final = 7
CAP_SYS_RESOURCE: Final = 24

_libc: Any = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _failed(name: bytes = b"") -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code), name) if name else OSError(code, os.strerror(code))


def open_beneath(directory: int, name: bytes, flags: int, cached: bool = False) -> int:
    """Call ``openat2`` for one name, with no way out of the directory. ENOSYS where it is missing.

    With ``cached`` EAGAIN if the name is not in the kernel's cache, and EINVAL before Linux 5.12.
    """
    how = _OPEN_HOW.pack(flags, 0, _RESOLVE | _RESOLVE_CACHED if cached else _RESOLVE)
    fd = _libc.syscall(_SYS_OPENAT2, directory, name, how, len(how))
    if fd < 0:
        raise _failed(name)
    return int(fd)


class _HandleRoom(threading.local):
    """Where the kernel puts handles: made once for each thread, as each entry listed takes one."""

    def __init__(self) -> None:
        self.handle = ctypes.create_string_buffer(_HANDLE_HEADER.size + MAX_HANDLE)
        self.mount = ctypes.c_int()
        self.mount_at = ctypes.byref(self.mount)


_handle_room: Final = _HandleRoom()


def handle_of(directory: int, name: bytes) -> tuple[int, bytes, int]:
    """Return the kernel's handle for ``name`` (or, if empty, of ``directory`` itself).

    Returns its type, its octets, and the number of the mount that it lies on.
    """
    room = _handle_room
    buffer = room.handle
    _HANDLE_HEADER.pack_into(buffer, 0, MAX_HANDLE, 0)
    flags = 0 if name else AT_EMPTY_PATH
    if _libc.name_to_handle_at(directory, name, buffer, room.mount_at, flags) < 0:
        raise _failed(name)
    size, kind = _HANDLE_HEADER.unpack_from(buffer)
    return kind, buffer.raw[8 : 8 + size], room.mount.value


def open_handle(mount: int, kind: int, handle: bytes, flags: int) -> int:
    """Open the inode that a kernel handle stands for; ``mount`` is any descriptor on its mount."""
    buffer = ctypes.create_string_buffer(_HANDLE_HEADER.pack(len(handle), kind) + handle)
    fd = _libc.open_by_handle_at(mount, buffer, flags)
    if fd < 0:
        raise _failed()
    return int(fd)


def birth_time(fd: int, name: bytes = b"") -> int:
    """Return the time of birth of ``fd``, or ``name`` in it, in ns since 1970; -1 if not known."""
    buffer = ctypes.create_string_buffer(_STATX_SIZE)
    flags = AT_SYMLINK_NOFOLLOW if name else AT_EMPTY_PATH
    if _libc.statx(fd, name, flags, _STATX_BTIME, buffer) < 0:
        return -1
    (mask,) = struct.unpack_from("=I", buffer)
    if not mask & _STATX_BTIME:
        return -1
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, 80)
    return int(seconds * 1_000_000_000 + nanoseconds)


def file_system_type(fd: int) -> int:
    """Return the number in linux/magic.h of the file system of ``fd``; 0 if it cannot be told."""
    buffer = ctypes.create_string_buffer(_STATFS_SIZE)
    if _libc.fstatfs(fd, buffer) < 0:
        return 0
    (number,) = struct.unpack_from("@l", buffer)
    return int(number) & 0xFFFFFFFF


def accessible(fd: int, mask: int) -> bool:
    """Return whether the calling thread may access the inode of ``fd``. ENOSYS before Linux 5.8."""
    if _libc.syscall(_SYS_FACCESSAT2, fd, b"", mask, AT_EMPTY_PATH | AT_EACCESS) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return False


def set_times(path: bytes, atime: tuple[int, int], mtime: tuple[int, int]) -> None:
    """Set times, (seconds, nanoseconds) pairs; the latter may be UTIME_NOW or UTIME_OMIT."""
    times = struct.pack("=qqqq", *atime, *mtime)
    if _libc.utimensat(AT_FDCWD, path, times, 0) < 0:
        raise _failed(path)


def fallocate(fd: int, mode: int, offset: int, length: int) -> None:
    """Call ``fallocate``, without the C library's emulation by writing."""
    call = _libc.fallocate
    if call(fd, mode, ctypes.c_int64(offset), ctypes.c_int64(length)) < 0:
        raise _failed()


def sync_file_system(fd: int) -> None:
    """Have the whole file system of ``fd`` on its disk."""
    if _libc.syncfs(fd) < 0:
        raise _failed()


def clone_range(source: int, source_offset: int, target: int, offset: int, count: int) -> None:
    """``FICLONERANGE``: have a range of one file share the blocks of another's.

    A count of 0 reaches to the end of the source.
    """
    try:
        fcntl.ioctl(target, _FICLONERANGE, _CLONE_RANGE.pack(source, source_offset, count, offset))
    except OSError as error:
        if error.errno != errno.ENOTTY:
            raise
        # No kernel of ours, or no file system that has ever heard of it.
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP)) from None


def descriptor_path(fd: int) -> bytes:
    """Return a path that leads to a descriptor's inode, whatever has become of its name."""
    return b"/proc/self/fd/%d" % fd


def directory_entries(fd: int, expected: int) -> Iterator[tuple[int, bytes]]:
    """Return the entries from the directory's position on, as (position after it, name).

    About as many are read as are ``expected``, in portions; what is not looked at is hardly paid.
    """
    size, done = 1, 0
    while size:
        room = max(_FEWEST_OCTETS, min((expected - done) * _LIKELY_ENTRY, _MOST_OCTETS))
        buffer = ctypes.create_string_buffer(room)
        size = _libc.getdents64(fd, buffer, room)
        if size < 0:
            raise _failed()
        raw = buffer.raw
        start = 0
        while start < size:
            _, position, length, _ = _DIRENT.unpack_from(raw, start)
            name = start + _DIRENT.size
            yield position, raw[name : raw.index(0, name)]
            start += length
            done += 1


def directory_inodes(fd: int, buffer: Any) -> list[tuple[int, bytes, int, bool]]:
    """Return the next entries at the directory's position: how it goes on, name, inode, kind.

    The last is whether it may be a directory.
    """
    size = _libc.getdents64(fd, buffer, len(buffer))
    if size < 0:
        raise _failed()
    entries = []
    raw = buffer.raw
    start = 0
    while start < size:
        inode, position, length, kind = _DIRENT.unpack_from(raw, start)
        name = raw[start + _DIRENT.size : raw.index(0, start + _DIRENT.size)]
        entries.append((position, name, inode, kind in _DIRECTORY_KINDS))
        start += length
    return entries


def set_fsuid(uid: int) -> int:
    """Change the thread's file-system user; the previous one (there is no error)."""
    return int(_libc.setfsuid(ctypes.c_uint32(uid))) & 0xFFFFFFFF


def set_fsgid(gid: int) -> int:
    """Change the thread's file-system group; the previous one (there is no error)."""
    return int(_libc.setfsgid(ctypes.c_uint32(gid))) & 0xFFFFFFFF


def set_thread_groups(groups: tuple[int, ...]) -> None:
    """Change the supplementary groups of the thread alone.

    The C library's own call changes those of every thread; it is used where the number of the
    system call is not known.
    """
    if _SYS_SETGROUPS is None:
        os.setgroups(groups)
        return
    array = struct.pack(f"={len(groups)}I", *groups)
    if _libc.syscall(_SYS_SETGROUPS, len(groups), array) < 0:
        raise _failed()


def give_up_capability(number: int) -> None:
    """Do without a capability (below 32) from now on, in this thread and those that it starts.

    See capabilities(7). Raises OSError where the kernel does not let us.
    """
    header, words = _capabilities()
    words[:3] = [word & ~(1 << number) for word in words[:3]]
    data = ctypes.create_string_buffer(_CAPABILITIES.pack(*words))
    if _libc.capset(header, data) < 0:
        raise _failed()


def has_capability(number: int) -> bool:
    """Return whether this thread may use a capability (below 32). Raises OSError as above."""
    return bool(_capabilities()[1][0] >> number & 1)


def _capabilities() -> tuple[Any, list[int]]:
    """Return a header for the system calls, and the words: effective, permitted, inheritable ..."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0))
    data = ctypes.create_string_buffer(_CAPABILITIES.size)
    if _libc.capget(header, data) < 0:
        raise _failed()
    return header, list(_CAPABILITIES.unpack(data.raw[: _CAPABILITIES.size]))
