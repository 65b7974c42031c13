"""Entries of a directory with what they stand for, some at a time. Natively or in Python.

``_entries`` is the compiled twin: the same results. ``native`` says whether it is here. It asks the
kernel for handles itself; where identities are made in another way (``handles``), or are to be
counted in Python, :func:`look_in_python` is what runs.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from . import syscalls
from .interface import Attributes, Node
from .posix import failure

if TYPE_CHECKING:
    from .descriptors import DescriptorCache
    from .local_attributes import Stamps

try:
    from . import _entries
except ImportError:
    _entries = None  # type: ignore[assignment]

native: Final = _entries is not None
KERNEL: Final = struct.Struct(">ci")
"""What is before the octets of a kernel's handle in an identity: ``K``, and its type."""

Looked: TypeAlias = tuple[int, bytes, "tuple[Attributes, bytes] | int"]
"""An entry: the directory's position after it, its name, and its attributes (without ``change``)
with its identity, or the number of the error by which they cannot be had."""

_NOT_SHOWN: Final = (b".", b"..")
_GONE: Final = (errno.ENOENT, errno.EXDEV)
_FORMAT: Final = 0o170000
"""The bits of a mode that are the type (``S_IFMT``)."""
_NO_DEVICE: Final = (0, 0)


def attributes_of(status: os.stat_result) -> Attributes:
    """Return what a status says of an object: all but its time of birth, and ``change``."""
    result = Attributes()
    # The first seven are those of ``stat`` itself: one look for all of them.
    mode, result.fileid, _, result.nlink, result.uid, result.gid, result.size = status[:7]
    result.type = mode & _FORMAT
    result.mode = mode & 0o7777
    result.space_used = status.st_blocks * 512
    device = status.st_rdev
    result.rdev = (os.major(device), os.minor(device)) if device else _NO_DEVICE
    result.atime_ns = status.st_atime_ns
    result.mtime_ns = status.st_mtime_ns
    result.ctime_ns = status.st_ctime_ns
    result.btime_ns = -1
    return result


def at_hand_in_python(
    cache: DescriptorCache, stamps: Stamps, node: Node, make: type[Attributes]
) -> Attributes | None:
    """Return the attributes of what is no directory, and open, if that is simple.

    Here it never is: ``LocalFileSystem.attributes_at_once`` does the same.
    """
    return None


at_hand = at_hand_in_python if _entries is None else _entries.at_hand


def identity_on(mount: int, directory: int, name: bytes) -> bytes:
    """Return the kernel's handle of an entry, or of ``directory`` itself, as an identity.

    EXDEV for what lies on another mount than ``mount``.
    """
    kind, handle, actual = syscalls.handle_of(directory, name)
    if actual != mount:
        raise failure(errno.EXDEV)
    return KERNEL.pack(b"K", kind) + handle


def look_in_python(
    fd: int,
    directory: int,
    most: int,
    birth: bool,
    device: int,
    identify: Callable[[bytes], bytes],
    apart: Collection[bytes] = (),
) -> tuple[list[Looked], bool]:
    """List up to ``most`` entries from the position of ``fd`` on; and whether there are no more.

    Entries are looked at in ``directory``, the same one. Left out are the two that every directory
    has, what has gone meanwhile, and what is mounted there: a directory of another device than
    ``device``, and what ``identify`` finds to be elsewhere (EXDEV). Names ``apart`` are listed with
    that error instead.
    """
    looked: list[Looked] = []
    # With those two that are not shown, and one to know whether there are more.
    for position, name in syscalls.directory_entries(fd, most + 3):
        if name in _NOT_SHOWN:
            continue
        if len(looked) >= most:
            return looked, False
        if name in apart:
            looked.append((position, name, errno.EXDEV))
            continue
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            # Only directories tell a mount by their device: on an overlay the files of one mount
            # are on several.
            if status.st_dev != device and stat.S_ISDIR(status.st_mode):
                continue
            identity = identify(name)
        except OSError as error:
            if error.errno not in _GONE:
                looked.append((position, name, error.errno or errno.EIO))
            continue
        attributes = attributes_of(status)
        if birth:
            attributes.btime_ns = syscalls.birth_time(directory, name)
        looked.append((position, name, (attributes, identity)))
    return looked, True


def look(
    fd: int,
    directory: int,
    most: int,
    birth: bool,
    device: int,
    mount: int,
) -> tuple[list[Looked], bool]:
    """List entries whose identities are the kernel's handles: of what is on one mount."""
    if _entries is not None:
        return _entries.look(fd, directory, most, birth, device, mount, Attributes)
    identify = partial(identity_on, mount, directory)
    return look_in_python(fd, directory, most, birth, device, identify)
