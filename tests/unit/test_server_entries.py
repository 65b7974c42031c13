"""Entries of a directory as the native module lists them, beside its twin in Python."""

from __future__ import annotations

import errno
import os
import random
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from nfsrdma.server.vfs import entries, syscalls
from nfsrdma.server.vfs.entries import Looked, identity_on, look_in_python
from nfsrdma.server.vfs.interface import Attributes

try:
    from nfsrdma.server.vfs import _entries
except ImportError:
    pytest.skip("the native module is not built, or switched off", allow_module_level=True)

FIELDS = sorted(set(Attributes.__slots__) - {"change"})


class Directory:
    """A directory that is open twice: to be read, and to look at what is in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self.reader = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self.device = os.fstat(self.fd).st_dev
        try:
            self.mount = syscalls.handle_of(self.fd, b"")[2]
        except OSError:
            self.close()
            pytest.skip("this file system has no handles")

    def natively(
        self, most: int, position: int = 0, *, birth: bool = True, **other: int
    ) -> tuple[list[Looked], bool]:
        os.lseek(self.reader, position, os.SEEK_SET)
        device, mount = other.get("device", self.device), other.get("mount", self.mount)
        return _entries.look(self.reader, self.fd, most, birth, device, mount, Attributes)

    def in_python(
        self, most: int, position: int = 0, *, birth: bool = True, **other: int
    ) -> tuple[list[Looked], bool]:
        os.lseek(self.reader, position, os.SEEK_SET)
        device, mount = other.get("device", self.device), other.get("mount", self.mount)
        identify = partial(identity_on, mount, self.fd)
        return look_in_python(self.reader, self.fd, most, birth, device, identify)

    def close(self) -> None:
        os.close(self.fd)
        os.close(self.reader)


def plain(found: tuple[list[Looked], bool]) -> tuple[list[object], bool]:
    """What can be compared: attributes as a tuple."""
    listed, at_end = found
    shown: list[object] = []
    for position, name, what in listed:
        if isinstance(what, int):
            shown.append((position, name, what))
            continue
        attributes, identity = what
        assert not hasattr(attributes, "change")
        values = {field: getattr(attributes, field) for field in FIELDS}
        shown.append((position, name, values, identity))
    return shown, at_end


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    opened = Directory(tmp_path)
    yield opened
    opened.close()


def of_every_kind(folder: Path) -> None:
    (folder / "file").write_bytes(b"x" * 5000)
    (folder / "sub").mkdir(mode=0o1711)
    (folder / "link").symlink_to("file")
    (folder / "dangling").symlink_to("nowhere")
    os.link(folder / "file", folder / "second name")
    os.mkfifo(folder / "fifo", 0o640)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket"))
    for name in (b"\xff\xfe", b"new\nline", b"...", b".hidden", b"..x", b"n" * 255):
        os.close(os.open(os.fsencode(folder) + b"/" + name, os.O_CREAT | os.O_WRONLY))
    os.utime(folder / "file", ns=(-1, -1_000_000_001))
    os.utime(folder / "sub", ns=(1 << 33, (1 << 33) * 1_000_000_000 + 5))
    # Beyond the year 2262, whose nanoseconds are the last that 64 bits have.
    os.utime(folder / "fifo", ns=(10**19 + 1, 15 * 10**18 + 7))
    (folder / "file").chmod(0o6754)
    if os.geteuid() == 0:
        os.chown(folder / "fifo", 4_000_000_000, 4_294_967_294)
        os.mknod(folder / "block", 0o60600, os.makedev(4095, 1_048_575))


@pytest.mark.parametrize("birth", [False, True])
def test_every_kind_of_object(directory: Directory, birth: bool) -> None:
    of_every_kind(directory.path)
    listed, at_end = plain(directory.natively(100, birth=birth))
    assert (listed, at_end) == plain(directory.in_python(100, birth=birth))
    assert at_end
    assert len(listed) == len(os.listdir(directory.path)) >= 13


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128, 1500])
def test_any_number_from_any_position(directory: Directory, count: int) -> None:
    rng = random.Random(count)
    for number in range(count):
        (directory.path / f"{number:05}{'x' * rng.randrange(200)}").touch()
    for most in (1, 2, 63, 64, 65, 100, count or 1, count + 1, 1 << 40):
        position, seen = 0, 0
        while True:
            found = plain(directory.natively(most, position))
            assert found == plain(directory.in_python(most, position))
            listed, at_end = found
            assert len(listed) == most or at_end
            seen += len(listed)
            if at_end or (most < 60 and seen > 100):
                break
            position = listed[-1][0]  # type: ignore[index]
        assert seen == count or most < 60


def test_what_is_mounted_is_left_out(directory: Directory) -> None:
    of_every_kind(directory.path)
    others = ({"mount": directory.mount + 1}, {"device": directory.device + 1})
    for other, left in zip(others, (0, len(os.listdir(directory.path)) - 1), strict=True):
        found = plain(directory.natively(100, **other))
        assert found == plain(directory.in_python(100, **other))
        assert len(found[0]) == left


def test_what_cannot_be_looked_at_is_told_with_its_error(directory: Directory) -> None:
    """Through a descriptor that is no directory there is nothing to be looked at."""
    (directory.path / "a").touch()
    file = os.open(directory.path / "a", os.O_RDONLY)
    try:
        os.lseek(directory.reader, 0, os.SEEK_SET)
        (one,), at_end = _entries.look(
            directory.reader, file, 5, False, directory.device, directory.mount, Attributes
        )
    finally:
        os.close(file)
    assert (one[1:], at_end) == ((b"a", errno.ENOTDIR), True)


@pytest.mark.parametrize("number", [errno.EBADF, errno.ENOTDIR])
def test_what_cannot_be_read_is_an_error(directory: Directory, number: int) -> None:
    file = os.open(directory.path / "a", os.O_RDONLY | os.O_CREAT)
    try:
        fd = file if number == errno.ENOTDIR else -1
        with pytest.raises(OSError) as raised:
            _entries.look(fd, directory.fd, 5, True, 0, 0, Attributes)
    finally:
        os.close(file)
    assert raised.value.errno == number


def test_what_makes_attributes_may_fail(directory: Directory) -> None:
    (directory.path / "a").touch()

    def make() -> Attributes:
        raise MemoryError("none left")

    with pytest.raises(MemoryError, match="none left"):
        _entries.look(
            directory.reader,
            directory.fd,
            5,
            True,
            directory.device,
            directory.mount,
            make,  # type: ignore[arg-type]
        )
    os.lseek(directory.reader, 0, os.SEEK_SET)
    with pytest.raises(AttributeError):
        _entries.look(
            directory.reader,
            directory.fd,
            5,
            True,
            directory.device,
            directory.mount,
            object,  # type: ignore[arg-type]
        )
    with pytest.raises(ValueError, match="at least"):
        directory.natively(0)


def test_names_apart_are_listed_unseen(directory: Directory) -> None:
    for name in "ab":
        (directory.path / name).touch()
    identify = partial(identity_on, directory.mount, directory.fd)
    listed, at_end = look_in_python(
        directory.reader, directory.fd, 5, False, directory.device, identify, [b"a"]
    )
    found = {name: what for _, name, what in listed}
    assert found[b"a"] == errno.EXDEV
    assert isinstance(found[b"b"], tuple)
    assert at_end


def test_the_twin_is_what_runs_without_it(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_every_kind(directory.path)
    asked = (directory.reader, directory.fd, 50, True, directory.device, directory.mount)
    natively = plain(entries.look(*asked))
    monkeypatch.setattr(entries, "_entries", None)
    os.lseek(directory.reader, 0, os.SEEK_SET)
    assert plain(entries.look(*asked)) == natively
