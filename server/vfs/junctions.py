"""What is mounted below an export, as file systems of their own (RFC 8881, Section 7.7).

Without the option ``crossmnt`` a directory on which something is mounted is not there for clients:
neither what is mounted nor what it covers. With it each mount that is there when the export is made
is an export within the export: with an ``fsid`` and file handles of its own, and the rules of the
export around it. Mounts that come later are not seen, and those that go stay in use.

Their handles survive a restart if the same file system is mounted in the same place: its own number
(``f_fsid``) goes into the key that they are made with, as root directories are alike on many.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from .export import Export
from .interface import ROOT, Node
from .local import LocalFileSystem

_log = logging.getLogger(__name__)

_MOUNTS: Final = "/proc/thread-self/mountinfo"
_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")
_MOST: Final = 256
"""Mounts that are crossed below one export."""
_NOT_CROSSED: Final = frozenset(
    b"autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl "
    b"hugetlbfs mqueue nfs nfs4 nsfs proc pstore rpc_pipefs securityfs selinuxfs smb3 cifs sysfs "
    b"tracefs".split()
)
"""Types that are no files of this machine. What is on another one is exported by itself, as it can
keep the server waiting for ever."""


class _Mount(NamedTuple):
    number: int
    path: bytes
    kind: bytes


class Junction(Export):
    """A file system that is mounted below an export.

    It is at ``path`` below the root of ``above``, in the directory ``parent``, and has its rules.
    """

    def __init__(self, above: Export, parent: Node, path: bytes, fs: LocalFileSystem) -> None:
        name = f"{above.name}/{os.fsdecode(path)}"
        super().__init__(name, fs)
        self.adopt(above)
        self.above = above, parent.identity
        self.salt = fs.number


def cross(export: Export) -> list[Junction]:
    """Make the junctions of what is mounted below an export of a local directory; return them.

    Those that cannot be exported are left out, and a line of the log says why.
    """
    assert isinstance(export.fs, LocalFileSystem)
    top = export.fs.path_now()
    made: dict[bytes, Export] = {os.fsencode(top): export}
    junctions: list[Junction] = []
    for mount in _mounts_below(os.fsencode(top)):
        if len(junctions) >= _MOST:
            _log.warning("more than %d mounts below %s: the others are not shown", _MOST, top)
            break
        around = max((each for each in made if _is_below(mount.path, each)), key=len)
        try:
            junction = _junction(made[around], mount, mount.path[len(around) :].lstrip(b"/"))
        except OSError as error:
            _log.warning("%s is not shown: %s", os.fsdecode(mount.path), error.strerror)
            continue
        if junction is not None:
            made[mount.path] = junction
            junctions.append(junction)
    return junctions


def _junction(around: Export, mount: _Mount, path: bytes) -> Junction | None:
    """Make the junction of a mount at ``path`` below the export around it; None if there is none.

    It is opened by its path, which may lead elsewhere by now: what counts is the mount's number.
    """
    fd = os.open(mount.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if _number_of(fd) != mount.number:
            return None  # Another one is mounted over it.
        fs = LocalFileSystem(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
    try:
        outside = around.fs
        assert isinstance(outside, LocalFileSystem)
        *directories, entry = path.split(b"/")
        parent = outside.root
        for name in directories:
            found = outside.lookup(parent, name, ROOT)
            assert isinstance(found, Node), "nothing waits before there are threads"
            parent = found
        junction = Junction(around, parent, path, fs)
        junction.mounted_on = _covered(os.path.dirname(mount.path), entry)
    except BaseException:
        fs.close()
        raise
    outside.show_mount(parent, entry)
    around.junctions[parent.identity, entry] = junction
    return junction


def _covered(directory: bytes, name: bytes) -> int:
    """Return the number of the inode that a mount covers: as its directory has it."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name == name:
                return entry.inode()
    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


def _number_of(fd: int) -> int:
    """Return the number of the mount that a descriptor is on."""
    for line in Path(f"/proc/thread-self/fdinfo/{fd}").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == "mnt_id":
            return int(value)
    raise OSError(errno.ENOTSUP, "the kernel does not number its mounts")


def _mounts_below(top: bytes) -> Iterator[_Mount]:
    """Yield the mounts below a directory, those first that others are below."""
    lines = Path(_MOUNTS).read_bytes().splitlines()
    found = (each for each in map(_mount, lines) if _is_below(each.path, top))
    shown = (each for each in found if each.kind not in _NOT_CROSSED)
    yield from sorted(shown, key=lambda each: each.path.count(b"/"))


def _mount(line: bytes) -> _Mount:
    """Read a line of mountinfo: see proc_pid_mountinfo(5)."""
    fields, _, rest = line.partition(b" - ")
    number, _, _, _, path, *_ = fields.split(b" ")
    plain = _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), path)
    return _Mount(int(number), plain, rest.partition(b" ")[0])


def _is_below(path: bytes, top: bytes) -> bool:
    return path.startswith(top.rstrip(b"/") + b"/") and path != top
