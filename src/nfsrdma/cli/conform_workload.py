"""What a client under test does: files, directories and links, each looked at again.

    python -P conform_workload.py DIRECTORY      a directory of a mount
    python -P conform_workload.py nfs+rdma://…   our own client

Only the standard library is needed for a mount, so that the file can be copied to another host.
Exit status: 0 if all is right, 3 if anything read is not what was written, 4 after an error that
the client told of.
"""

from __future__ import annotations

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

WRONG, TOLD = 3, 4
SIZES = (0, 1, 5, 1021, 4096, 70_001, 1_048_583)
ENTRIES = 120
AT_A_TIME = 4


class Different(Exception):
    """What was read is not what was written."""


def content(name: str, size: int) -> bytes:
    """Return what belongs in a file."""
    block = hashlib.shake_256(name.encode()).digest(min(size, 65_521) or 1)
    return (block * (size // len(block) + 1))[:size]


def expect(found: object, wanted: object, what: str) -> None:
    """Raise ``Different`` unless both are equal."""
    if found != wanted:
        sizes = f" ({len(found)} and {len(wanted)})" if _sized(found, wanted) else ""  # type: ignore[arg-type]
        raise Different(f"{what} differs{sizes}")


def _sized(*values: object) -> bool:
    return all(isinstance(each, (bytes, list)) for each in values)


class Mounted:
    """A directory of a mount; what is read comes from the server, not from this host's memory."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def write(self, name: str, data: bytes) -> None:
        """Write a file, and have it on disk."""
        with (self._root / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def read(self, name: str) -> bytes:
        """Read a file."""
        with (self._root / name).open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            parts = []
            while part := file.read(1 << 20):
                parts.append(part)
            return b"".join(parts)

    def mkdir(self, name: str) -> None:
        """Make a directory."""
        (self._root / name).mkdir()

    def listdir(self, name: str) -> list[str]:
        """Return the names in a directory."""
        return os.listdir(self._root / name)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        (self._root / old).rename(self._root / new)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._root / name).unlink()

    def rmdir(self, name: str) -> None:
        """Remove an empty directory."""
        (self._root / name).rmdir()

    def symlink(self, target: str, name: str) -> None:
        """Make a symbolic link."""
        (self._root / name).symlink_to(target)

    def readlink(self, name: str) -> str:
        """Return where a symbolic link leads."""
        return str((self._root / name).readlink())

    def close(self) -> None:
        """Do nothing: the mount is somebody else's."""


class Ours:
    """Our own client."""

    def __init__(self, url: str) -> None:
        import nfsrdma.client as nfs

        self._fs: Any = nfs.mount(url, timeout=60)

    def write(self, name: str, data: bytes) -> None:
        """Write a file."""
        self._fs.write_bytes(name, data)

    def read(self, name: str) -> bytes:
        """Read a file."""
        return bytes(self._fs.read_bytes(name))

    def mkdir(self, name: str) -> None:
        """Make a directory."""
        self._fs.mkdir(name)

    def listdir(self, name: str) -> list[str]:
        """Return the names in a directory."""
        return list(self._fs.listdir(name))

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        self._fs.rename(old, new)

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._fs.remove(name)

    def rmdir(self, name: str) -> None:
        """Remove an empty directory."""
        self._fs.rmdir(name)

    def symlink(self, target: str, name: str) -> None:
        """Make a symbolic link."""
        self._fs.symlink(target, name)

    def readlink(self, name: str) -> str:
        """Return where a symbolic link leads."""
        return str(self._fs.readlink(name))

    def close(self) -> None:
        """Unmount."""
        self._fs.close()


def work(fs: Mounted | Ours, top: str) -> None:
    """Do everything, below a new directory. Raises ``Different``, or the client's ``OSError``."""
    fs.mkdir(top)
    names = [f"{top}/file-{size}" for size in SIZES]
    files = dict(zip(names, SIZES, strict=True))
    # Our own client is one thread's; a mount is everybody's.
    with ThreadPoolExecutor(AT_A_TIME if isinstance(fs, Mounted) else 1) as pool:
        list(pool.map(lambda name: fs.write(name, content(name, files[name])), names))
        reads = [pool.submit(fs.read, name) for name in names]
        told = [read.exception() for read in reads]
    # What was read of one file counts also where another one could not be read.
    for name, read, error in zip(names, reads, told, strict=True):
        if error is None:
            expect(read.result(), content(name, files[name]), name)
    for error in told:
        if error is not None:
            raise error
    fs.mkdir(f"{top}/many")
    entries = [f"entry-{number:03}-{'x' * 40}" for number in range(ENTRIES)]
    for entry in entries:
        fs.write(f"{top}/many/{entry}", b"")
    expect(sorted(fs.listdir(f"{top}/many")), entries, "the directory")
    for number, entry in enumerate(entries):
        if number % 3 == 0:
            fs.rename(f"{top}/many/{entry}", f"{top}/many/new-{entry}")
    renamed = [f"new-{each}" if i % 3 == 0 else each for i, each in enumerate(entries)]
    expect(sorted(fs.listdir(f"{top}/many")), sorted(renamed), "the directory, names changed")
    target = "a/long/way/" * 60 + "off"
    fs.symlink(target, f"{top}/link")
    expect(fs.readlink(f"{top}/link"), target, "the link")
    for name in (f"{top}/link", *names, *(f"{top}/many/{each}" for each in renamed)):
        fs.remove(name)
    fs.rmdir(f"{top}/many")
    fs.rmdir(top)


def main() -> int:
    """Run the workload, and return the exit status."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    where = sys.argv[1]
    try:
        fs = Ours(where) if "://" in where else Mounted(where)
        try:
            work(fs, f"conform-{os.getpid()}-{os.urandom(4).hex()}")
        finally:
            fs.close()
    except Different as error:
        print(f"WRONG DATA: {error}")
        return WRONG
    except OSError as error:
        print(f"the client told of an error: {error!r}")
        return TOLD
    return 0


if __name__ == "__main__":
    sys.exit(main())
