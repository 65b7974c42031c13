"""A mount beside the library that it is made of: the same work over one transport, in one run.

    python benchmarks/mount.py [--ways tcp,shm,soft] [--rounds 3] [--only read,write] [--json FILE]
                               [--fuse-nfs PROGRAM]

For each transport a server, a mount of it (``nfsrdma mount -f``) and a client of the library are
processes of their own, on files in memory. They take turns, mount and library, round after round;
the ratio is that of the medians. libnfs's FUSE mount, where its program is named, takes its turns
over TCP too, on the same files of the same server. Needs root and ``/dev/fuse``, and takes some
three minutes.

What is cold has never been looked at by that mount: each round has a directory of its own, and
the kernel's pages of a file are dropped before it is read. Processor time is of the mount's
process, and of the server's, for each operation: with others on the machine it says more than
rates do.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import mmap
import multiprocessing
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from nfsrdma.bench.servers import OwnServer, cpu_seconds, start_server
from nfsrdma.bench.targets import scratch_folder
from nfsrdma.client import aio

MIB: Final = 1 << 20
KIB: Final = 1 << 10
FILE: Final = 128 * MIB
READERS: Final = 16
SECONDS: Final = 0.7
LISTED: Final = 10_000
"""Entries of the directory that is listed."""
WALKED: Final = (20, 1000)
"""Directories of the tree that is walked, and files in each."""
GIT_FILES: Final = 1000
UNPACKED: Final = 1000
"""Small files of the archive that is unpacked."""
_SIZES: Final = (100, 1000, 3000, 8000)
_ARCHIVE: Final = "small.tar"


@dataclass(slots=True)
class Sample:
    """What one turn did: so much in so many seconds, and the processor time that it took."""

    amount: float
    seconds: float
    own: float = 0.0
    server: float = 0.0

    @property
    def rate(self) -> float:
        """Amount per second."""
        return self.amount / self.seconds


# --- The work, as a program does it on a mount ---


def read_sequentially(path: Path) -> Sample:
    """Read a file whose pages the kernel does not have."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        buffer, done = bytearray(MIB), 0
        begin = time.monotonic()
        while count := os.readv(fd, (buffer,)):
            done += count
        return Sample(done / MIB, time.monotonic() - begin)
    finally:
        os.close(fd)


def write_sequentially(path: Path) -> Sample:
    """Write over a file, and have it stable."""
    fd = os.open(path, os.O_WRONLY)
    try:
        data = random.randbytes(MIB)
        begin = time.monotonic()
        for _ in range(FILE // MIB):
            os.write(fd, data)
        os.fsync(fd)
        return Sample(FILE / MIB, time.monotonic() - begin)
    finally:
        os.close(fd)


def _read_at_random(path: Path, seed: int, until: float) -> int:
    rng = random.Random(seed)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    buffer, count = mmap.mmap(-1, 4 * KIB), 0
    while time.monotonic() < until:
        os.preadv(fd, (buffer,), rng.randrange(FILE // (4 * KIB)) * 4 * KIB)
        count += 1
    os.close(fd)
    return count


def read_by_many(path: Path, readers: int) -> Sample:
    """Read 4 KiB at random places, by so many processes at a time."""
    begin = time.monotonic() + 0.05
    pipes = []
    for number in range(readers):
        ours, theirs = os.pipe()
        if os.fork() == 0:
            time.sleep(max(0.0, begin - time.monotonic()))
            os.write(theirs, b"%d" % _read_at_random(path, number, begin + SECONDS))
            os._exit(0)
        os.close(theirs)
        pipes.append(ours)
    counts = [int(os.read(each, 20)) for each in pipes]
    end = time.monotonic()
    for each in pipes:
        os.close(each)
        os.wait()
    return Sample(sum(counts), end - begin)


def list_long(path: Path) -> Sample:
    """List a directory with attributes, as ``ls -l`` does."""
    begin = time.monotonic()
    count = sum(1 for each in os.scandir(path) if each.stat(follow_symlinks=False).st_ino)
    return Sample(count, time.monotonic() - begin)


def walk(path: Path) -> Sample:
    """Walk a tree, and stat all that is in it."""
    begin, count = time.monotonic(), 0
    for folder, _, names in os.walk(path):
        for name in names:
            os.lstat(os.path.join(folder, name))
        count += 1 + len(names)
    return Sample(count, time.monotonic() - begin)


def find(path: Path) -> Sample:
    """Find files by name."""
    begin = time.monotonic()
    out = subprocess.run(["find", path, "-newer", "/"], check=True, capture_output=True).stdout
    return Sample(out.count(b"\n"), time.monotonic() - begin)


def git_status(path: Path) -> Sample:
    """Ask git what has changed."""
    command = ["git", "-C", str(path), "-c", "safe.directory=*", "status", "--short"]
    begin = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return Sample(1, time.monotonic() - begin)


def unpack(path: Path) -> Sample:
    """Unpack an archive of small files: each is made, written, gets its attributes, is closed."""
    archive, folder = path.parent / _ARCHIVE, tempfile.mkdtemp(dir=path)
    begin = time.monotonic()
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return Sample(UNPACKED, time.monotonic() - begin)


# --- The same by the library ---


class Library:
    """A client in a process of its own, which does what it is told by a pipe."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, url, options), daemon=True)
        self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0
        self._pipe.recv()

    def do(self, what: str, name: str) -> Sample:
        """Do one piece of work."""
        self._pipe.send((what, name))
        sample: Sample = self._pipe.recv()
        return sample

    def close(self) -> None:
        """End the process."""
        with suppress(OSError):
            self._pipe.send(None)
        self._process.join(10)
        self._process.kill()


def _serve(pipe: Connection, url: str, options: dict[str, Any]) -> None:
    async def serve() -> None:
        async with await aio.mount(url, **options) as fs:
            pipe.send(None)
            while (order := pipe.recv()) is not None:
                what, name = order
                pipe.send(await _OF_LIBRARY[what](fs, name))

    asyncio.run(serve())


async def _library_read(fs: Any, name: str) -> Sample:
    buffer, done = bytearray(MIB), 0
    async with await fs.open(name, "rb") as file:
        begin = time.monotonic()
        while count := await file.read_at(done, buffer):
            done += count
        return Sample(done / MIB, time.monotonic() - begin)


async def _library_write(fs: Any, name: str) -> Sample:
    data = random.randbytes(MIB)
    async with await fs.open(name, "r+b") as file:
        begin = time.monotonic()
        for number in range(FILE // MIB):
            await file.write_at(number * MIB, data)
        await file.fsync()
        return Sample(FILE / MIB, time.monotonic() - begin)


async def _library_many(fs: Any, name: str, readers: int) -> Sample:
    async with await fs.open(name, "rb") as file:
        begin = time.monotonic()

        async def reader(seed: int) -> int:
            rng, buffer, count = random.Random(seed), bytearray(4 * KIB), 0
            while time.monotonic() < begin + SECONDS:
                await file.read_at(rng.randrange(FILE // (4 * KIB)) * 4 * KIB, buffer)
                count += 1
            return count

        counts = await asyncio.gather(*[reader(each) for each in range(readers)])
        return Sample(sum(counts), time.monotonic() - begin)


async def _library_list(fs: Any, name: str) -> Sample:
    begin, count = time.monotonic(), 0
    async for entry in fs.scandir(name):
        count += bool(entry.stat().st_ino)
    return Sample(count, time.monotonic() - begin)


async def _library_walk(fs: Any, name: str) -> Sample:
    begin, count, folders = time.monotonic(), 1, [name]
    while folders:
        folder = folders.pop()
        async for entry in fs.scandir(folder):
            count += bool(entry.stat().st_ino)
            if entry.is_dir():
                folders.append(f"{folder}/{entry.name}")
    return Sample(count, time.monotonic() - begin)


_OF_LIBRARY: Final[dict[str, Callable[[Any, str], Any]]] = {
    "read": _library_read,
    "write": _library_write,
    "read4k": lambda fs, name: _library_many(fs, name, 1),
    "readers": lambda fs, name: _library_many(fs, name, READERS),
    "list": _library_list,
    "walk": _library_walk,
}


# --- What is measured ---


@dataclass(frozen=True, slots=True)
class Scene:
    """One line of the table."""

    name: str
    unit: str
    of_mount: Callable[[Path], Sample]
    file: str
    """What it works on; with ``{}`` another one in each round, and empty for the mount."""
    warm: bool = False
    """Whether it is done once before it is measured."""


SCENES: Final = (
    Scene("read", "MiB/s", read_sequentially, "file"),
    Scene("write", "MiB/s", write_sequentially, "written"),
    Scene("read4k", "IOPS", lambda path: read_by_many(path, 1), "file"),
    Scene("readers", "IOPS", lambda path: read_by_many(path, READERS), "file"),
    Scene("list", "entries/s", list_long, "list{}"),
    Scene("walk", "entries/s", walk, "walk{}"),
    Scene("find, warm", "entries/s", find, "walk0", warm=True),
    Scene("git status, warm", "runs/s", git_status, "git", warm=True),
    Scene("unpack", "files/s", unpack, ""),
)


@dataclass(slots=True)
class Way:
    """One transport: a server, a mount of it and a client of it."""

    name: str
    server: OwnServer
    daemon: int
    path: Path
    library: Library
    peer: tuple[int, Path] | None = None
    """The process and the place of libnfs's mount of the same server."""


def make_files(folder: Path, rounds: int) -> None:
    """Make what is read, listed and walked."""
    for name in ("file", "written"):
        (folder / name).write_bytes(random.randbytes(MIB) * (FILE // MIB))
    for number in range(rounds):
        _fill(folder / f"list{number}", LISTED)
        for each in range(WALKED[0]):
            _fill(folder / f"walk{number}" / f"d{each}", WALKED[1])
    _fill(folder / "git", GIT_FILES)
    git = ("git", "-C", str(folder / "git"), "-c", "user.name=n", "-c", "user.email=n@example.org")
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
        subprocess.run([*git, *command], check=True)


def make_archive(folder: Path) -> None:
    """Make the archive that is unpacked."""
    rng = random.Random(1)
    with tarfile.open(folder / _ARCHIVE, "w") as archive:
        for number in range(UNPACKED):
            data = rng.randbytes(rng.choice(_SIZES))
            member = tarfile.TarInfo(f"file-{number:05}")
            member.size, member.mtime = len(data), 10**9 + number
            archive.addfile(member, io.BytesIO(data))


def _fill(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"file-{number:05}").write_bytes(b"%d\n" % number)


@contextmanager
def mounted(url: str, directory: Path, options: str) -> Iterator[int]:
    """Mount ``url``; the result is the process that serves the mount."""
    directory.mkdir()
    command = [sys.executable, "-m", "nfsrdma"]
    more = ["-o", options] if options else []
    daemon = subprocess.Popen(
        [*command, "mount", "-f", url, str(directory), *more], stdout=subprocess.PIPE
    )
    try:
        assert daemon.stdout is not None
        if b"is mounted" not in daemon.stdout.readline():
            raise SystemExit(f"{url} could not be mounted")
        yield daemon.pid
    finally:
        daemon.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            daemon.wait(10)
        daemon.kill()
        daemon.wait()


@contextmanager
def mounted_by_libnfs(program: Path, url: str, directory: Path) -> Iterator[int]:
    """Mount ``url``, of ours over TCP, by ``fuse-nfs``; the result is its process."""
    directory.mkdir()
    host, _, port = url.removeprefix("nfs+tcp://").rstrip("/").rpartition(":")
    share = f"nfs://{host}/?version=4&nfsport={port}"
    large = str(MIB)
    command = [program, "-n", share, "-m", directory, "-a", "-R", large, "-W", large]
    subprocess.run(command, check=True, cwd=directory.parent)
    try:
        found = subprocess.run(["pgrep", "-f", str(directory)], capture_output=True, check=True)
        yield int(found.stdout.split()[0])
    finally:
        subprocess.run(["umount", directory], check=True)


def play(way: Way, scene: Scene, number: int) -> dict[str, Sample]:
    """Have the mount and the library do it once; which one begins is by turns."""
    name = scene.file.format(number)
    # (What fuse-nfs creates it opens for reading alone: git cannot write its index.)
    peer = None if scene.name.startswith("git") else way.peer
    if scene.warm and not number:
        scene.of_mount(way.path / name)
        if peer is not None:
            scene.of_mount(peer[1] / name)

    def of_mount() -> Sample:
        return scene.of_mount(way.path / name)

    def of_library() -> Sample:
        return way.library.do(scene.name, name)

    sides = {"mount": (way.daemon, of_mount)}
    if scene.name in _OF_LIBRARY:
        sides["library"] = (way.library.pid, of_library)
    if peer is not None:
        sides["fuse-nfs"] = (peer[0], lambda: scene.of_mount(peer[1] / name))
    found = {}
    for side in sorted(sides, reverse=bool(number % 2)):
        pid, work = sides[side]
        own, server = cpu_seconds(pid), cpu_seconds(way.server.pid)
        sample = found[side] = work()
        sample.own = cpu_seconds(pid) - own
        sample.server = cpu_seconds(way.server.pid) - server
    return found


def show(found: dict[tuple[str, str, str], list[Sample]], ways: Sequence[str]) -> Table:
    """Return the table of all medians."""
    table = Table(title="mount beside library; µs of processor for each MiB, read, entry or run")
    table.add_column("work")
    table.add_column("way")
    for column in ("mount", "library", "ratio", "µs mount", "µs library", "µs server, of each"):
        table.add_column(column, justify="right")
    for scene in SCENES:
        for way in ways:
            mount = found.get((scene.name, way, "mount"))
            if mount is None:
                continue
            library = found.get((scene.name, way, "library"))
            rate, own, server = _medians(mount)
            row = [f"{scene.name}, {scene.unit}", way, f"{rate:,.0f}"]
            if library is None:
                row += ["", "", f"{own:.1f}", "", f"{server:.1f}"]
            else:
                beside, theirs, served = _medians(library)
                row += [f"{beside:,.0f}", f"{rate / beside:.2f}", f"{own:.1f}", f"{theirs:.1f}"]
                row.append(f"{server:.1f}, {served:.1f}")
            table.add_row(*row)
    return table


def show_peer(found: dict[tuple[str, str, str], list[Sample]]) -> Table:
    """Return the table of our mounts beside libnfs's over TCP."""
    table = Table(title="mounts of the same server; µs of the mount's processor for each")
    for column in ("work", "way", "ours", "fuse-nfs", "ratio", "µs ours", "µs fuse-nfs"):
        table.add_column(column, justify="left" if column in ("work", "way") else "right")
    for (work, way, side), samples in found.items():
        theirs = found.get((work, "tcp", "fuse-nfs"))
        if side == "mount" and theirs is not None:
            (rate, own, _), (beside, other, _) = _medians(samples), _medians(theirs)
            cells = (f"{rate:,.1f}", f"{beside:,.1f}", f"{rate / beside:.2f}")
            table.add_row(work, way, *cells, f"{own:,.1f}", f"{other:,.1f}")
    return table


def _medians(samples: list[Sample]) -> tuple[float, float, float]:
    """Return the rate, and the processor time of both ends for each, in microseconds."""
    return (
        statistics.median(each.rate for each in samples),
        statistics.median(each.own / each.amount for each in samples) * 1e6,
        statistics.median(each.server / each.amount for each in samples) * 1e6,
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ways", default="tcp,shm,soft")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(each.name.split(",")[0] for each in SCENES))
    parser.add_argument("--options", default="", help="more options of the mount")
    parser.add_argument("--fuse-nfs", type=Path, metavar="PROGRAM", help="libnfs's, as a peer")
    parser.add_argument("--json", type=Path, help="where to keep every sample")
    given = parser.parse_args()
    ways, chosen = given.ways.split(","), given.only.split(",")
    scenes = [each for each in SCENES if each.name.split(",")[0] in chosen]
    found: dict[tuple[str, str, str], list[Sample]] = {}
    with ExitStack() as stack:
        scratch = Path(tempfile.mkdtemp(prefix="mount-", dir=scratch_folder(4 * FILE)))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        (scratch / "export").mkdir()
        make_files(scratch / "export", given.rounds)
        make_archive(scratch)
        places = [_place(stack, scratch, each, given.options, given.fuse_nfs) for each in ways]
        for scene in scenes:
            for number in range(given.rounds):
                for place in places:
                    for side, sample in play(place, scene, number).items():
                        found.setdefault((scene.name, place.name, side), []).append(sample)
    console = Console(width=130)
    console.print(show(found, ways))
    if given.fuse_nfs is not None:
        console.print(show_peer(found))
    if given.json is not None:
        rows = [
            {"work": work, "way": way, "side": side, "samples": [asdict(each) for each in samples]}
            for (work, way, side), samples in found.items()
        ]
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


def _place(stack: ExitStack, scratch: Path, way: str, options: str, fuse_nfs: Path | None) -> Way:
    """Start what one transport needs."""
    server = start_server(way, scratch / "export", options=("--no-root-squash",))
    stack.callback(server.stop)
    provider = {} if way == "tcp" else {"provider": way}
    words = ",".join(filter(None, (options, f"provider={way}" if provider else "")))
    library = Library(server.url, provider)
    stack.callback(library.close)
    path = scratch / f"mount-{way}"
    daemon = stack.enter_context(mounted(server.url, path, words))
    made = Way(way, server, daemon, path, library)
    if fuse_nfs is not None and way == "tcp":
        other = scratch / "fuse-nfs"
        made.peer = stack.enter_context(mounted_by_libnfs(fuse_nfs, server.url, other)), other
    return made


if __name__ == "__main__":
    main()
