"""A real mount: programs of the system on /dev/fuse, over each transport, and what may go wrong.

Skipped where nothing can be mounted. Nothing stays mounted, whatever fails.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.nfs_live import LiveServer

from nfsrdma.xdr.nfs4 import types as nfs

SOURCE = Path(__file__).resolve().parents[2] / "src"
PATIENCE_S = 90
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def can_mount() -> bool:
    """Whether root mounts here: tried, since containers differ."""
    if os.geteuid() or not os.path.exists("/dev/fuse"):
        return False
    with tempfile.TemporaryDirectory() as where:
        fd = os.open("/dev/fuse", os.O_RDWR)
        data = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
        mounted = _libc.mount(b"probe", where.encode(), b"fuse", 0, data) == 0
        if mounted:
            _libc.umount2(where.encode(), _MNT_DETACH)
        os.close(fd)
    return mounted


pytestmark = pytest.mark.skipif(not can_mount(), reason="no FUSE file system can be mounted here")


def run(*command: str | Path, cwd: Path | None = None, status: int = 0) -> str:
    """Run a program; its output. It is killed if it hangs."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "GIT_CONFIG_GLOBAL": os.devnull},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE_S,
        check=False,
    )
    text = done.stdout.decode(errors="replace")
    assert done.returncode == status, text
    assert "Traceback" not in text
    return text


def nfsrdma(*arguments: str | Path, status: int = 0) -> str:
    return run(sys.executable, "-m", "nfsrdma", *arguments, status=status)


def python(program: str, cwd: Path, status: int = 0) -> str:
    """Run a program in Python in a directory."""
    return run(sys.executable, "-c", program, cwd=cwd, status=status)


def is_mounted(where: Path) -> bool:
    return f" {where} fuse.nfsrdma " in Path("/proc/mounts").read_text()


def take_away(where: Path) -> None:
    """Unmount whatever is there."""
    if is_mounted(where):
        _libc.umount2(os.fsencode(where), _MNT_DETACH)


_MAIN = """
import runpy
runpy.run_module("nfsrdma", run_name="__main__", alter_sys=True)
"""


class Mount:
    """A mount whose process is a child of ours; ``first`` is Python that it executes before."""

    def __init__(
        self, url: str, where: Path, *arguments: str, options: str = "", first: str = ""
    ) -> None:
        where.mkdir(exist_ok=True)
        self.path = where
        if options:
            arguments = ("-o", options, *arguments)
        program = ("-c", first + _MAIN) if first else ("-m", "nfsrdma")
        self.process = subprocess.Popen(
            [sys.executable, *program, "mount", "-f", url, str(where), *arguments],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert b"is mounted" in self.process.stdout.readline()

    def close(self) -> None:
        """Unmount. The process ends by itself."""
        try:
            nfsrdma("umount", self.path)
            assert self.process.wait(PATIENCE_S) == 0
        finally:
            self.take_away()

    def take_away(self) -> None:
        """Unmount whatever is the matter."""
        take_away(self.path)
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    server = LiveServer(rdma=True)
    yield server
    server.stop()


@pytest.fixture
def mount(server: LiveServer, tmp_path: Path) -> Iterator[Mount]:
    made = Mount(server.url, tmp_path / "mount")
    clear(made.path)
    try:
        yield made
        clear(made.path)
        made.close()
    finally:
        made.take_away()


@pytest.fixture
def second(server: LiveServer, mount: Mount, tmp_path: Path) -> Iterator[Mount]:
    """Another mount of the same server."""
    made = Mount(server.url, tmp_path / "second", "-o", "actimeo=1")
    try:
        yield made
        made.close()
    finally:
        made.take_away()


def clear(where: Path) -> None:
    run("find", where, "-mindepth", "1", "-delete")


# --- Programs ---


@pytest.mark.parametrize("transport", ["tcp", "shm", "rdma"])
def test_a_large_file_and_a_tree_arrive(server: LiveServer, tmp_path: Path, transport: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    data = os.urandom(5 << 20) * 3
    (source / "large").write_bytes(data)
    (source / "link").symlink_to("large")
    for number in range(200):
        (source / f"small-{number}").write_bytes(b"%d" % number)
    made = Mount(server.url_of(transport), tmp_path / "mount")
    try:
        run("cp", "-a", source, made.path)
        run("diff", "-r", source, made.path / "source")
        wanted = hashlib.sha256(data).hexdigest()
        assert wanted in run("sha256sum", made.path / "source/large")
        run("dd", f"if={made.path}/source/large", f"of={tmp_path}/direct", "bs=1M", "iflag=direct")
        assert (tmp_path / "direct").read_bytes() == data
        assert len(run("ls", "-l", made.path / "source").splitlines()) == 203
        run("df", made.path)
        clear(made.path)
        made.close()
    finally:
        made.take_away()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git(mount: Mount, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    run("git", "init", "-q", origin)
    for number in range(8):
        (origin / f"file-{number}").write_text(f"{number}\n" * 1000)
        run("git", "add", "-A", cwd=origin)
        who = ("-c", "user.name=n", "-c", "user.email=n@example.org")
        run("git", *who, "commit", "-qm", f"number {number}", cwd=origin)
    run("git", "clone", "-q", "--no-local", origin, mount.path / "clone")
    clone = mount.path / "clone"
    run("git", "fsck", "--strict", cwd=clone)
    assert run("git", "status", "--short", cwd=clone) == ""
    run("git", "gc", "-q", cwd=clone)
    (clone / "file-1").write_text("changed")
    assert run("git", "status", "--short", cwd=clone) == " M file-1\n"
    run("git", *who, "commit", "-qam", "changed", cwd=clone)
    run("git", "fsck", "--strict", cwd=clone)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_looks_again_at_a_tree_that_is_left_to_it_without_a_call(tmp_path: Path) -> None:
    server = LiveServer(delegations=True)
    made = Mount(server.url, tmp_path / "mount", "-o", "delegations,actimeo=600")
    tree = made.path / "tree"
    # Else git makes a lock and takes it away again, which are calls by their nature.
    status = ("env", "GIT_OPTIONAL_LOCKS=0", "git", "status", "--short")
    # As find does, which asks for the free space besides (statfs).
    walk = (
        "import os\nfor at, _, names in os.walk('tree'):\n  [os.lstat(at + '/' + n) for n in names]"
    )

    def executed() -> dict[int, int]:
        """Return what the server has executed how often, renewals of the lease apart."""
        done = server.call(lambda: dict(server.server.tally.succeeded))
        return {number: count for number, count in done.items() if number != nfs.OP_SEQUENCE}

    try:
        run("git", "init", "-q", tree)
        for number in range(20):
            (tree / f"file-{number}").write_text(f"{number}\n")
        run("git", "add", "-A", cwd=tree)
        who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
        run("git", *who, "commit", "-qm", "all", cwd=tree)
        for _ in range(3):  # what was seen before it was left to the mount is asked for once more
            assert run(*status, cwd=tree) == ""
            python(walk, made.path)
        before = executed()
        assert before
        assert run(*status, cwd=tree) == ""
        python(walk, made.path)
        assert executed() == before
        with open(tree / "file-3", "a") as file:
            file.write("more")
        assert run(*status, cwd=tree) == " M file-3\n"
        made.close()
    finally:
        made.take_away()
        server.stop()


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_sqlite_with_concurrent_writers(mount: Mount, journal: str) -> None:
    program = """
import sqlite3, sys
db = sqlite3.connect("db", timeout=60, isolation_level=None)
for number in range(15):
    db.execute("begin immediate")
    db.execute("insert into t values (?, ?)", (sys.argv[1], number))
    db.execute("commit")
"""
    make = f"""
import sqlite3
db = sqlite3.connect("db")
assert db.execute("pragma journal_mode={journal}").fetchone()[0] == "{journal}"
db.execute("create table t (who, what)")
"""
    python(make, mount.path)
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(who)], cwd=mount.path)
        for who in range(2)
    ]
    try:
        assert [writer.wait(PATIENCE_S) for writer in writers] == [0, 0]
    finally:
        for writer in writers:
            writer.kill()
    check = """
import sqlite3
db = sqlite3.connect("db")
print(db.execute("pragma integrity_check").fetchone()[0])
print(db.execute("select count(*) from t").fetchone()[0])
"""
    assert python(check, mount.path).split() == ["ok", "30"]


def test_open_files_outlive_their_names(mount: Mount) -> None:
    python(
        """
import os, mmap
with open("f", "w+b") as f:
    f.write(b"before")
    f.flush()
    os.unlink("f")
    f.write(b" and behind")
    f.flush()
    assert os.fstat(f.fileno()).st_size == 17
    f.seek(0)
    assert f.read() == b"before and behind"
with open("old", "wb") as old, open("new", "wb") as new:
    old.write(b"old"); new.write(b"new")
with open("old", "rb") as old:
    os.rename("new", "old")
    assert old.read() == b"old"
assert open("old", "rb").read() == b"new"
""",
        mount.path,
    )


def test_appending_mapping_and_holes(mount: Mount) -> None:
    python(
        """
import os, mmap
a = open("log", "ab", 0); b = open("log", "ab", 0)
for n in range(20):
    a.write(b"a"); b.write(b"b")
assert open("log", "rb").read() == b"ab" * 20
with open("mapped", "w+b") as f:
    f.truncate(100_000)
    with mmap.mmap(f.fileno(), 100_000) as m:
        m[50_000:50_005] = b"hello"
        m.flush()
    f.seek(50_000)
    assert f.read(5) == b"hello"
with open("sparse", "w+b") as f:
    f.truncate(1 << 30)
    f.seek(1 << 29); f.write(b"x"); f.flush()
    assert os.stat("sparse").st_size == 1 << 30
    f.truncate(5)
    assert os.fstat(f.fileno()).st_size == 5
    os.posix_fallocate(f.fileno(), 0, 8192)
    assert os.fstat(f.fileno()).st_size == 8192
os.setxattr("log", "user.x", b"y")
assert os.getxattr("log", "user.x") == b"y" and os.listxattr("log") == ["user.x"]
assert os.getxattr("log", "system.nfs4_acl")
os.removexattr("log", "user.x")
try:
    os.setxattr("log", "trusted.x", b"y")
except OSError as error:
    assert error.strerror == "Operation not supported", error
os.chmod("log", 0o400); os.utime("log", (-5, -5)); os.link("log", "again")
assert os.stat("again").st_mtime == -5 and os.stat("again").st_nlink == 2
os.mkfifo("fifo")
assert sorted(os.listdir(".")) == ["again", "fifo", "log", "mapped", "sparse"]
""",
        mount.path,
    )


# --- Two mounts ---


def test_a_range_is_copied_within_a_file(mount: Mount) -> None:
    """To NFS it is an error, to programs it is none: the kernel reads and writes."""
    (mount.path / "f").write_bytes(bytes(range(200)) * 100)
    program = """
import os
f = os.open("f", os.O_RDWR)
assert os.copy_file_range(f, f, 5000, 100, 10_000) == 5000
data = os.pread(f, 20_000, 0)
was = bytes(range(200)) * 100
assert data == was[:10_000] + was[100:5100] + was[15_000:]
"""
    python(program, mount.path)


def test_close_to_open(mount: Mount, second: Mount) -> None:
    for text in ("one", "another", "again", "a much longer text than all before it"):
        python(f"open('f', 'w').write({text!r})", mount.path)
        assert python("print(open('f').read())", second.path) == text + "\n"
        python(f"open('f', 'a').write({text!r})", second.path)
        assert python("print(open('f').read())", mount.path) == text + text + "\n"


def test_locks_exclude_across_mounts(mount: Mount, second: Mount) -> None:
    holds = "f = open('l', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import fcntl; {holds}"],
        cwd=mount.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        tries = """
import fcntl
f = open("l", "r+")
try:
    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("locked")
"""
        assert python(tries, second.path) == "locked\n"
        assert python(tries, mount.path) == "locked\n"
        holder.communicate(b"\n", PATIENCE_S)
        assert python(tries, second.path) == ""
    finally:
        holder.kill()
        holder.communicate()


# --- Trouble ---


def test_a_restart_of_the_server_in_the_midst_loses_nothing(
    server: LiveServer, mount: Mount
) -> None:
    program = """
import os, sys
with open("f", "wb", 0) as f:
    for n in range(64):
        f.write(bytes([n]) * 65536)
        if n == 20:
            print(flush=True)
            sys.stdin.readline()
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=mount.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        server.restart()
        writer.communicate(b"\n", PATIENCE_S)
        assert writer.returncode == 0
    finally:
        writer.kill()
    check = (
        "d = open('f', 'rb').read(); assert d == b''.join(bytes([n]) * 65536 for n in range(64))"
    )
    python(check, mount.path)


def test_a_program_that_waits_for_a_server_that_is_away_can_be_killed(
    server: LiveServer, mount: Mount
) -> None:
    python("open('f', 'w').write('x')", mount.path)
    server.stop()
    try:
        reader = subprocess.Popen(["cat", mount.path / "f"], stdout=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            reader.wait(0.5)
            raise AssertionError("it should wait")
        reader.send_signal(signal.SIGSTOP)
        reader.send_signal(signal.SIGCONT)
        with suppress(subprocess.TimeoutExpired):
            reader.wait(0.5)
            raise AssertionError("a signal that it survives is no reason to fail")
        reader.kill()
        assert reader.wait(PATIENCE_S) == -signal.SIGKILL
    finally:
        server.start()
    assert python("print(open('f').read())", mount.path) == "x\n"


def test_in_the_background(server: LiveServer, tmp_path: Path) -> None:
    where = tmp_path / "mount"
    where.mkdir()
    try:
        assert nfsrdma("mount", server.url, where, "-o", "ro,noatime,fsname=some where") == ""
        (line,) = [x for x in Path("/proc/mounts").read_text().splitlines() if str(where) in x]
        source, _, kind, options, *_ = line.split()
        assert (source, kind) == ("some\\040where", "fuse.nfsrdma")
        assert {"ro", "noatime", "nosuid", "nodev"} <= set(options.split(","))
        assert "Read-only file system" in run("touch", where / "f", status=1)
        text = nfsrdma("mount", server.url, where, status=32)
        assert "mounted there already" in text
        nfsrdma("umount", where)
        assert not is_mounted(where)
        assert "nothing is mounted there" in nfsrdma("umount", where, status=32)
    finally:
        _libc.umount2(os.fsencode(where), _MNT_DETACH)


def test_messages_come_before_the_background_begins(server: LiveServer, tmp_path: Path) -> None:
    where = tmp_path / "mount"
    where.mkdir()
    (tmp_path / "file").touch()
    for directory, wanted in (
        (tmp_path / "missing", "there is no such directory"),
        (tmp_path / "file", "a mount point is a directory"),
    ):
        assert wanted in nfsrdma("mount", server.url, directory, status=32)
    assert "no server listens" in nfsrdma("mount", "nfs+tcp://127.43.0.9:1/", where, status=32)
    assert "missing" in nfsrdma("mount", f"{server.url}missing", where, status=32)
    for options, wanted in (
        ("rsiz=4096", "is rsize meant?"),
        ("allow_other,uid=5", "all users would have the rights"),
        ("rsize=ten", "a number from"),
        ("hard=1", "takes no value"),
        ("timeo", "needs a value"),
        ("proto=rdma", "contradicts"),
    ):
        text = nfsrdma("mount", server.url, where, "-o", options, status=1)
        assert wanted in text.replace("\n", " ")
    assert "neither a URL nor host:/path" in nfsrdma("mount", "x", where, status=1)
    assert not is_mounted(where)


def test_what_a_killed_process_leaves_is_unmounted(server: LiveServer, tmp_path: Path) -> None:
    made = Mount(server.url, tmp_path / "mount")
    try:
        made.process.kill()
        made.process.wait()
        assert "not connected" in run("ls", made.path, status=2)
        assert "nfsrdma umount" in nfsrdma("mount", server.url, made.path, status=32)
        nfsrdma("umount", made.path)
        assert not is_mounted(made.path)
    finally:
        made.take_away()


@pytest.mark.parametrize("used", [False, True])
def test_a_signal_unmounts(server: LiveServer, tmp_path: Path, used: bool) -> None:
    made = Mount(server.url, tmp_path / "mount")
    try:
        user = None
        if used:
            user = subprocess.Popen(["cat"], cwd=made.path, stdin=subprocess.PIPE)
            assert "in use" in nfsrdma("umount", made.path, status=32)
        made.process.terminate()
        if user is not None:
            with suppress(subprocess.TimeoutExpired):
                made.process.wait(0.5)
            user.communicate(b"", PATIENCE_S)
        assert made.process.wait(PATIENCE_S) == 0
        assert not is_mounted(made.path)
    finally:
        made.take_away()


# Everything is imported before, as others may not be able to read where it is installed.
AS_NOBODY = """
import encodings.idna, encodings.latin_1, encodings.unicode_escape, os, subprocess
from nfsrdma.cli.mount import mount, umount
from nfsrdma.client.fuse import daemon, options
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
{command}({arguments}, prog_name="nfsrdma")
"""


@pytest.mark.skipif(shutil.which("fusermount3") is None, reason="fusermount3 is not installed")
def test_an_ordinary_user(server: LiveServer) -> None:
    with tempfile.TemporaryDirectory() as above:
        os.chmod(above, 0o755)
        where = Path(above) / "mount"
        where.mkdir()
        os.chown(where, 65534, 65534)

        def as_nobody(command: str, *arguments: str | Path, status: int = 0) -> str:
            shown = list(map(str, arguments))
            return python(AS_NOBODY.format(command=command, arguments=shown), Path(above), status)

        try:
            as_nobody("mount", server.url, where)
            assert is_mounted(where)
            assert "denied" in run("ls", where, status=2), "root has no rights here"
            as_nobody("umount", where)
            assert not is_mounted(where)
        finally:
            _libc.umount2(os.fsencode(where), _MNT_DETACH)
