"""Paths beside the local system: each case is done to a local directory and, over a mount, to an
equal one, and has to come out alike: the same error number, or the same tree."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs


class Local:
    """The operating system's calls under the client's names, below one directory."""

    def __init__(self, top: Path) -> None:
        self._top = str(top)

    def _at(self, path: str) -> str:
        return f"{self._top}/{path}"

    def stat(self, path: str) -> str:
        return kind(os.stat(self._at(path)).st_mode)

    def lstat(self, path: str) -> str:
        return kind(os.lstat(self._at(path)).st_mode)

    def exists(self, path: str) -> bool:
        return os.path.exists(self._at(path))

    def listdir(self, path: str) -> list[str]:
        return sorted(os.listdir(self._at(path)))

    def readlink(self, path: str) -> str:
        return os.readlink(self._at(path))

    def read(self, path: str) -> bytes:
        with open(self._at(path), "rb", buffering=0) as file:
            return file.read() or b""

    def write(self, path: str, mode: str) -> None:
        with open(self._at(path), mode, buffering=0) as file:
            file.write(b"written")

    def write_bytes(self, path: str) -> None:
        with open(self._at(path), "wb") as file:
            file.write(b"whole")

    def mkdir(self, path: str) -> None:
        os.mkdir(self._at(path))

    def symlink(self, target: str, path: str) -> None:
        os.symlink(target, self._at(path))

    def link(self, source: str, path: str) -> None:
        os.link(self._at(source), self._at(path), follow_symlinks=False)

    def rename(self, source: str, path: str) -> None:
        os.rename(self._at(source), self._at(path))

    def remove(self, path: str) -> None:
        os.remove(self._at(path))

    def rmdir(self, path: str) -> None:
        os.rmdir(self._at(path))

    def chmod(self, path: str) -> None:
        os.chmod(self._at(path), 0o700)

    def truncate(self, path: str) -> None:
        os.truncate(self._at(path), 2)

    def utime(self, path: str, seconds: int) -> None:
        os.utime(self._at(path), ns=(seconds * 10**9, seconds * 10**9))

    def chown(self, path: str, uid: int) -> None:
        os.chown(self._at(path), uid, -1)


class Mounted(Local):
    """The same over a mount."""

    def __init__(self, fs: nfs.Mount, top: str) -> None:
        self._top = top
        self._fs = fs

    def stat(self, path: str) -> str:
        return kind(self._fs.stat(self._at(path)).st_mode)

    def lstat(self, path: str) -> str:
        return kind(self._fs.lstat(self._at(path)).st_mode)

    def exists(self, path: str) -> bool:
        return self._fs.exists(self._at(path))

    def listdir(self, path: str) -> list[str]:
        return sorted(self._fs.listdir(self._at(path)))

    def readlink(self, path: str) -> str:
        return self._fs.readlink(self._at(path))

    def read(self, path: str) -> bytes:
        with self._fs.open(self._at(path), "rb") as file:
            return file.read() or b""

    def write(self, path: str, mode: str) -> None:
        with self._fs.open(self._at(path), mode) as file:
            file.write(b"written")

    def write_bytes(self, path: str) -> None:
        self._fs.write_bytes(self._at(path), b"whole")

    def mkdir(self, path: str) -> None:
        self._fs.mkdir(self._at(path))

    def symlink(self, target: str, path: str) -> None:
        self._fs.symlink(target, self._at(path))

    def link(self, source: str, path: str) -> None:
        self._fs.link(self._at(source), self._at(path))

    def rename(self, source: str, path: str) -> None:
        self._fs.rename(self._at(source), self._at(path))

    def remove(self, path: str) -> None:
        self._fs.remove(self._at(path))

    def rmdir(self, path: str) -> None:
        self._fs.rmdir(self._at(path))

    def chmod(self, path: str) -> None:
        self._fs.chmod(self._at(path), 0o700)

    def truncate(self, path: str) -> None:
        self._fs.truncate(self._at(path), 2)

    def utime(self, path: str, seconds: int) -> None:
        self._fs.utime(self._at(path), ns=(seconds * 10**9, seconds * 10**9))

    def chown(self, path: str, uid: int) -> None:
        self._fs.chown(self._at(path), uid)


def kind(mode: int) -> str:
    return stat.filemode(mode)[0]


def plant(top: Path) -> None:
    """What every case finds."""
    (top / "dir").mkdir(parents=True)
    (top / "dir" / "file").write_bytes(b"in dir")
    (top / "dir" / "below").mkdir()
    (top / "empty").mkdir()
    (top / "file").write_bytes(b"contents")
    for name, target in {
        "to_dir": "dir",
        "to_dir_slash": "dir/",
        "to_empty": "empty",
        "to_file": "file",
        "to_file_slash": "file/",
        "to_file_dot": "file/.",
        "to_none": "none",
        "to_none_slash": "none/",
        "to_up": "dir/..",
        "to_here": ".",
        "chain": "to_dir/../to_file",
        "loop": "loop",
        "ring": "ring2",
        "ring2": "ring",
        "spiral": "spiral/..",
        "deep_spiral": "deep_spiral/../deep_spiral",
    }.items():
        (top / name).symlink_to(target)


def shape(top: Path) -> dict[str, Any]:
    """All that there is below, with what links hold, what files contain, and links are counted."""
    found: dict[str, Any] = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = Path(folder, name)
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                what: Any = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                what = (path.read_bytes(), status.st_nlink)
            else:
                what = None
            found[str(path.relative_to(top))] = (kind(status.st_mode), what)
    return found


ENDS = ("", "/", "//", "/.", "/./", "/..", "/../", "/x", "/./x", "/../file", "/../dir/file")
NAMES = (
    *("dir", "empty", "file", "none", "to_dir", "to_dir_slash", "to_empty", "to_file"),
    *("to_file_slash", "to_file_dot", "to_none", "to_none_slash", "to_up", "to_here"),
    *("chain", "loop", "ring", "spiral", "deep_spiral", "dir/file", "dir/none", "none/none"),
)
PATHS = [
    name + end
    for name in NAMES
    for end in ENDS
    if not (name in ("to_up", "to_here") and ".." in end)  # out of what is planted
]
FEWER = [path for path in PATHS if not path.endswith(("//", "/./", "/../", "x", "dir/file"))]
"""Of these each change is tried."""
ODD = [
    *("x" * 255, "x" * 256, "x" * 300 + "/y", "dir/" + "x" * 256, "x" * 255 + "/", "./file", "."),
    *(".//dir//./file", "dir/below/../../file", "dir/../to_dir/../file", "x" * 1500),
    "/".join(["to_here"] * 39),
    "/".join(["to_here"] * 40),
    "/".join(["to_here"] * 41),
    "/".join(["dir/.."] * 200),
    "dir/" + "../dir/" * 100 + "file",
]

LOOKS: dict[str, Callable[[Local, str], Any]] = {
    "stat": lambda fs, path: fs.stat(path),
    "lstat": lambda fs, path: fs.lstat(path),
    "exists": lambda fs, path: fs.exists(path),
    "listdir": lambda fs, path: fs.listdir(path),
    "readlink": lambda fs, path: fs.readlink(path),
    "read": lambda fs, path: fs.read(path),
}

CHANGES: dict[str, Callable[[Local, str], Any]] = {
    "write": lambda fs, path: fs.write(path, "wb"),
    "append": lambda fs, path: fs.write(path, "ab"),
    "update": lambda fs, path: fs.write(path, "r+b"),
    "exclusive": lambda fs, path: fs.write(path, "xb"),
    "write_bytes": lambda fs, path: fs.write_bytes(path),
    "mkdir": lambda fs, path: fs.mkdir(path),
    "symlink": lambda fs, path: fs.symlink("anything", path),
    "link to": lambda fs, path: fs.link("file", path),
    "link from": lambda fs, path: fs.link(path, "new"),
    "rename from": lambda fs, path: fs.rename(path, "new"),
    "rename from, to a directory": lambda fs, path: fs.rename(path, "empty"),
    "rename from, to a slash": lambda fs, path: fs.rename(path, "new/"),
    "rename file to": lambda fs, path: fs.rename("file", path),
    "rename directory to": lambda fs, path: fs.rename("empty", path),
    "remove": lambda fs, path: fs.remove(path),
    "rmdir": lambda fs, path: fs.rmdir(path),
    "chmod": lambda fs, path: fs.chmod(path),
    "truncate": lambda fs, path: fs.truncate(path),
    "utime": lambda fs, path: fs.utime(path, 5),
}


def outcome(act: Callable[[Local, str], Any], fs: Local, path: str) -> Any:
    try:
        return act(fs, path)
    except OSError as error:
        return errno.errorcode[error.errno or 0]


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("posix")


@pytest.fixture(scope="module")
def fs(top: Path) -> Iterator[nfs.Mount]:
    server = LiveServer(path=str(top))
    with nfs.mount(server.url, timeout=30) as fs:
        yield fs
    server.stop()


@pytest.mark.parametrize("look", LOOKS)
def test_looking(fs: nfs.Mount, top: Path, look: str) -> None:
    here = top / f"look-{look}"
    plant(here)
    local, mounted = Local(here), Mounted(fs, here.name)
    act = LOOKS[look]
    wrong = [
        f"{path}: {theirs!r}, but ours {ours!r}"
        for path in PATHS + ODD
        if (theirs := outcome(act, local, path)) != (ours := outcome(act, mounted, path))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("change", CHANGES)
def test_changing(fs: nfs.Mount, top: Path, change: str) -> None:
    act = CHANGES[change]
    wrong = []
    place = top / change.replace(" ", "-").replace(",", "")
    fresh = False
    for number, path in enumerate(FEWER + ODD):
        if not fresh:
            theirs, ours = place / f"l{number}", place / f"m{number}"
            plant(theirs)
            plant(ours)
            mounted = Mounted(fs, f"{place.name}/{ours.name}")
            planted = shape(theirs)
        one, other = outcome(act, Local(theirs), path), outcome(act, mounted, path)
        after = shape(ours)
        if one != other:
            wrong.append(f"{path}: {one!r}, but ours {other!r}")
        elif shape(theirs) != after:
            wrong.append(f"{path}: {one!r}: {shape(theirs).items() ^ after.items()}")
        fresh = one == other and isinstance(one, str) and after == planted
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("utime", ("file", 1 << 63)),
        ("utime", ("file", -(1 << 63) - 1)),
        ("utime", ("file", 1 << 200)),
        ("chown", ("file", 1 << 32)),
        ("chown", ("file", -2)),
    ],
)
def test_numbers_that_do_not_fit(
    fs: nfs.Mount, top: Path, name: str, arguments: tuple[Any, ...]
) -> None:
    here = top / "numbers"
    if not here.exists():
        plant(here)
    for side in (Local(here), Mounted(fs, "numbers")):
        with pytest.raises(OverflowError):
            getattr(side, name)(*arguments)


def test_what_is_no_path(fs: nfs.Mount) -> None:
    for wrong in (3, None, 3.5, ["a"], bytearray(b"a")):
        with pytest.raises(TypeError):
            fs.stat(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="null"):
        fs.stat("a\0b")
    fs.write_bytes("by-object", b"1")
    assert fs.stat(Path("by-object")).st_size == 1  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        fs.truncate("by-object", 1 << 63)
    with fs.open("by-object", "r+b") as file:
        for use in (
            lambda: file.read_at(1 << 63, bytearray(1)),
            lambda: file.write_at(1 << 63, b"1"),
            lambda: file.seek(1 << 63),
            lambda: file.truncate(1 << 63),
        ):
            with pytest.raises(OverflowError):
                use()
    fs.remove("by-object")


def test_making_what_is_above_too(fs: nfs.Mount, top: Path) -> None:
    plant(top / "above")
    for path in ("a/b/c", "d/e/", "f/g/.", "to_dir/new", "dir/../h", "a/./i"):
        fs.makedirs(f"above/{path}")
        assert (top / "above" / path).is_dir()
        fs.makedirs(f"above/{path}", exist_ok=True)
        with pytest.raises(FileExistsError):
            fs.makedirs(f"above/{path}")
    for path in ("file", "file/", "to_file", "to_none", "loop", "to_none_slash/"):
        with pytest.raises(FileExistsError):
            fs.makedirs(f"above/{path}", exist_ok=True)


def test_there_is_no_longest_path(fs: nfs.Mount, top: Path) -> None:
    """NFS has none: a path is walked in pieces, and further than the local system can say."""
    path = ""
    for _ in range(100):
        path = f"{path}{'d' * 240}/"
        fs.mkdir(path)
    assert len(path) > 16384
    fs.write_bytes(f"{path}file", b"deep")
    assert fs.read_bytes(f"{path}file") == b"deep"
    fs.symlink("../" * 99 + "by-link", f"{path}up")
    fs.write_bytes(f"{path}up", b"at the top")
    assert fs.read_bytes("d" * 240 + "/by-link") == b"at the top"
    fs.rename(f"{path}file", f"{path}../file")
    assert sorted(fs.listdir(f"{path}..")) == ["d" * 240, "file"]
    fs.rmtree("d" * 240)
    assert not (top / ("d" * 240)).exists()
