"""The programs: each makes something in an empty directory of a mount, and checks what it made."""

from __future__ import annotations

import filecmp
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY = Path(__file__).resolve().parents[2]
_CONTAINER = Path("/usr/lib/postgresql")


class ProgramError(Exception):
    """A program failed; the message has the end of its output."""


class Missing(Exception):
    """A program is not on this machine."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program works: a directory, the user who runs it, how much it is to do, and where
    foreign suites are built."""

    path: Path
    user: int
    scale: float
    suites: Path | None = None

    def run(
        self,
        *command: str | Path,
        cwd: Path | None = None,
        timeout_s: float = 900,
        **environment: str,
    ) -> str:
        """Run a program as the user; return its output. Raises :class:`ProgramError`."""
        if "/" not in str(command[0]) and shutil.which(str(command[0])) is None:
            raise Missing(str(command[0]))
        text = " ".join(map(str, command))[:200]
        # The directory is changed by the program, since whoever starts it would wait there.
        try:
            done = subprocess.run(
                ["env", "-C", str(cwd or self.path), *map(str, command)],
                user=self.user,
                group=self.user,
                extra_groups=(),
                env={**os.environ, "HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": "/dev/null"}
                | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ProgramError(f"{text}: not done after {timeout_s:g} s") from error
        output = done.stdout.decode(errors="replace")
        if done.returncode:
            raise ProgramError(f"{text}: exit status {done.returncode}\n{output[-3000:]}")
        return output

    def some(self, count: int, least: int = 1) -> int:
        """Return how many of ``count`` are wanted."""
        return max(least, int(count * self.scale))


def expect(found: object, wanted: object, what: str) -> None:
    """Raise :class:`ProgramError` unless what was found is what was wanted."""
    if found != wanted:
        raise ProgramError(f"{what}: {found!r}, and not {wanted!r}")


def _repository(where: Path) -> Path:
    """Make a repository with some history outside the mount, readable for all."""
    origin = where / "origin"
    git = ("git", "-C", str(origin), "-c", "user.name=n", "-c", "user.email=n@example.org")
    subprocess.run(["git", "init", "-q", str(origin)], check=True)
    for number in range(12):
        for each in range(20):
            (origin / f"file-{each}.txt").write_text(f"{number} {each}\n" * (50 + 7 * number))
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", f"number {number}"], check=True)
    return origin


def git(place: Place) -> None:
    """Clone, check, change, commit, collect."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        origin = _repository(Path(made))
        subprocess.run(["chown", "-R", str(place.user), made], check=True)
        place.run("git", "clone", "-q", f"file://{origin}", "clone")
    clone = place.path / "clone"
    who = ("git", "-c", "user.name=n", "-c", "user.email=n@example.org")
    place.run(*who, "fsck", "--strict", cwd=clone)
    expect(place.run(*who, "status", "--short", cwd=clone), "", "git status after a clone")
    place.run(
        "sh", "-c", "echo changed > file-1.txt; rm file-2.txt; mkdir d; echo > d/new", cwd=clone
    )
    place.run(*who, "add", "-A", cwd=clone)
    place.run(*who, "commit", "-qm", "changed", cwd=clone)
    place.run(*who, "gc", "-q", cwd=clone)
    place.run(*who, "fsck", "--strict", cwd=clone)
    expect(place.run(*who, "status", "--short", cwd=clone), "", "git status at the end")


_MAKEFILE: Final = """\
OBJECTS := $(patsubst %.c,%.o,$(wildcard part*.c))
program: main.o libparts.a
\t$(CC) -o $@ main.o libparts.a
libparts.a: $(OBJECTS)
\t$(AR) rcs $@ $^
%.o: %.c parts.h
\t$(CC) -O1 -g -c -o $@ $<
"""


def build(place: Place) -> None:
    """Build a C program with make -j4, run it, and see that nothing is built twice."""
    count = place.some(60, 8)
    calls = " + ".join(f"part{n}({n})" for n in range(count))
    sources = {
        "Makefile": _MAKEFILE,
        "parts.h": "".join(f"int part{n}(int);\n" for n in range(count)),
        "main.c": f'#include <stdio.h>\n#include "parts.h"\nint main(void) '
        f'{{ printf("%d\\n", {calls}); return 0; }}\n',
    }
    for n in range(count):
        sources[f"part{n}.c"] = f'#include "parts.h"\nint part{n}(int x) {{ return 2 * x; }}\n'
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        for name, text in sources.items():
            Path(made, name).write_text(text)
        place.run("cp", "-r", f"{made}/.", place.path)
    place.run("make", "-j4")
    expect(place.run("./program"), f"{count * (count - 1)}\n", "the program's output")
    if "up to date" not in place.run("make"):
        raise ProgramError("make builds again what is built")


_SQLITE_WRITER: Final = """
import sqlite3, sys
who, count = sys.argv[1:]
db = sqlite3.connect("db", timeout=300, isolation_level=None)
for number in range(int(count)):
    db.execute("begin immediate")
    db.execute("insert into t values (?, ?, randomblob(500))", (who, number))
    db.execute("commit")
"""


def sqlite(place: Place) -> None:
    """Write to a database from several processes, with a rollback journal and with WAL."""
    python = sys.executable if place.user == 0 else "python3"
    writers, rows = 3, place.some(60, 4)
    for journal in ("delete", "wal"):
        folder = place.path / journal
        place.run("mkdir", folder)
        make = (
            "import sqlite3; db = sqlite3.connect('db'); "
            f"print(db.execute('pragma journal_mode={journal}').fetchone()[0]); "
            "db.execute('create table t (who, what, data)')"
        )
        expect(place.run(python, "-c", make, cwd=folder), f"{journal}\n", "the journal")
        writer = f"{python} -c '{_SQLITE_WRITER}'".replace('"', '\\"')
        script = Path(place.path, "writer.py")
        place.run("sh", "-c", f"cat > {script} <<'END'\n{_SQLITE_WRITER}\nEND")
        writer = " & ".join(
            f"{python} {script} {who} {rows} || touch failed" for who in range(writers)
        )
        place.run("sh", "-c", f"{writer} & wait; test ! -e failed", cwd=folder)
        check = (
            "import sqlite3; db = sqlite3.connect('db', timeout=300); "
            "print(db.execute('pragma integrity_check').fetchone()[0], "
            "db.execute('select count(distinct who || what) from t').fetchone()[0])"
        )
        found = place.run(python, "-c", check, cwd=folder)
        expect(found, f"ok {writers * rows}\n", f"sqlite with {journal}")


def postgres(place: Place) -> None:
    """Make a PostgreSQL cluster, load it, and stop and start it in between."""
    found = sorted(_CONTAINER.glob("*/bin"))
    if not found:
        raise Missing("postgresql")
    if place.user:
        raise Missing("other user for it than its own")
    try:
        user = pwd.getpwnam("postgres").pw_uid
    except KeyError:
        raise Missing("the user postgres") from None
    bin_, data = found[-1], place.path / "data"
    os.chmod(place.path, 0o777)
    mine = Place(place.path, user, place.scale)
    mine.run(bin_ / "initdb", "-D", data, "-A", "trust", "--no-instructions")
    # Its socket is elsewhere, as clients find it by its path.
    with tempfile.TemporaryDirectory() as sockets:
        os.chmod(sockets, 0o777)
        options = f"-k {sockets} -c listen_addresses= -c unix_socket_directories={sockets}"
        control = (bin_ / "pg_ctl", "-D", data, "-w", "-t", "300", "-l", place.path / "log")

        def start() -> None:
            mine.run(*control, "-o", options, "start")

        to = ("-h", sockets, "-U", "postgres", "postgres")
        start()
        try:
            mine.run(bin_ / "pgbench", "-i", "-q", "-s", "1", *to)
            mine.run(bin_ / "pgbench", "-c", "4", "-T", str(mine.some(15, 4)), *to)
            sums = "select (select sum(abalance) from pgbench_accounts) = " + (
                "(select sum(delta) from pgbench_history)"
            )
            expect(mine.run(bin_ / "psql", "-tAc", sums, *to), "t\n", "the sum of all accounts")
            mine.run(*control, "-m", "immediate", "stop")
            start()
            expect(mine.run(bin_ / "psql", "-tAc", sums, *to), "t\n", "it after a crash")
        except ProgramError as error:
            log = (place.path / "log").read_text(errors="replace")
            raise ProgramError(f"{error}\n{log[-2000:]}") from error
        finally:
            mine.run(*control, "-m", "fast", "stop")


def fio(place: Place) -> None:
    """Write and verify: random, mixed, direct, by mapping, appending."""
    size = f"{place.some(32, 4)}M"
    common = (
        "--verify=crc32c",
        "--verify_fatal=1",
        f"--size={size}",
        "--bs=4k-64k",
        "--output=/dev/null",
    )
    for name, more in (
        ("random", ("--rw=randwrite", "--ioengine=psync")),
        ("mixed", ("--rw=randrw", "--ioengine=psync", "--fsync=64", "--numjobs=2")),
        ("direct", ("--rw=randrw", "--ioengine=libaio", "--direct=1", "--iodepth=8")),
        ("mapped", ("--rw=randrw", "--ioengine=mmap")),
        ("sequential", ("--rw=write", "--ioengine=psync", "--end_fsync=1")),
    ):
        place.run("fio", f"--name={name}", *common, *more)


_TEST: Final = """\
import pathlib, pytest, nfsrdma.xdr

def test_that_it_is_the_one_on_the_mount():
    assert pathlib.Path(nfsrdma.xdr.__file__).parents[2] == pathlib.Path.cwd()

@pytest.mark.parametrize("n", range(50))
def test_files(n, tmp_path):
    (tmp_path / "f").write_text(str(n))
    assert (tmp_path / "f").read_text() == str(n)
"""
_TESTED: Final = ("test_xdr_nfs4.py", "test_xdr_preprocess.py")
_PYTEST: Final = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "py")
"""What pytest is made of: another Python of this machine can have it too."""


def pytest(place: Place) -> None:
    """Run the tests of a package that lies on the mount, and what they write as well."""
    package = place.path / "package"
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        os.chmod(made, 0o755)
        source = REPOSITORY / "src/nfsrdma"
        shutil.copytree(source / "xdr", made / "nfsrdma/xdr")
        for each in ("__init__.py", "interpreted.py"):
            shutil.copy(source / each, made / "nfsrdma" / each)
        (made / "tests").mkdir()
        (made / "tests/test_it.py").write_text(_TEST)
        for each in _TESTED:
            shutil.copy(REPOSITORY / "tests/unit" / each, made / "tests" / each)
        for each in _PYTEST if place.user else ():
            found = importlib.util.find_spec(each)
            if found is None or found.origin is None:
                raise Missing(each)
            if found.submodule_search_locations is None:
                shutil.copy(found.origin, made)
            else:
                shutil.copytree(Path(found.origin).parent, made / each)
        place.run("cp", "-r", f"{made}/.", package)
    python = sys.executable if place.user == 0 else "python3"
    command = (python, "-m", "pytest", "-q", "-p", "no:randomly", "--basetemp=scratch", "tests")
    text = place.run(*command, cwd=package, PYTHONPATH=str(package), timeout_s=1800)
    passed = re.search(r"(\d+) passed", text)
    if passed is None or int(passed[1]) < 100 or "failed" in text:
        raise ProgramError(text)


def rsync(place: Place) -> None:
    """Copy a tree in and out again, with all that rsync keeps, and compare."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o777)
        source, back = Path(made, "source"), Path(made, "back")
        place.run("cp", "-rL", REPOSITORY / "tests/unit", source, cwd=Path("/"))
        place.run("ln", "-s", "nowhere", source / "link", cwd=Path("/"))
        place.run(
            "sh", "-c", f"ln {source}/*compound*.py {source}/sub 2>/dev/null; :", cwd=Path("/")
        )
        place.run("truncate", "-s", "20M", source / "sparse", cwd=Path("/"))
        flags = ("rsync", "-aHS", "--delete")
        place.run(*flags, f"{source}/", place.path / "in")
        expect(
            place.run(*flags, "-ni", f"{source}/", place.path / "in"), "", "what rsync would copy"
        )
        place.run(*flags, "--checksum", f"{place.path}/in/", back)
        compare(source, back)


def compare(one: Path, other: Path) -> None:
    """Raise :class:`ProgramError` if two trees differ."""
    found = filecmp.dircmp(one, other)
    for name in (*found.left_only, *found.right_only, *found.diff_files):
        raise ProgramError(f"{one / name} and {other / name} differ")
    for name in found.common_dirs:
        compare(one / name, other / name)


_MANY_S: Final = 7200.0
"""What each step with many small files may take, on a machine that is busy."""


def small_files(place: Place) -> None:
    """Unpack many small files, walk, read and compare, and remove them."""
    count = place.some(100_000, 60)
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        for number in range(count):
            folder = Path(made, "tree", str(number // 1000))
            if number % 1000 == 0:
                folder.mkdir(parents=True)
            (folder / f"{number}").write_text(f"{number}\n")
        whose = (f"--owner=u:{place.user}", f"--group=g:{place.user}", "--sort=name")
        subprocess.run(["tar", "-C", made, *whose, "-cf", f"{made}/tree.tar", "tree"], check=True)
        shutil.rmtree(Path(made, "tree"))
        place.run("tar", "-xf", f"{made}/tree.tar", timeout_s=_MANY_S)
        found = place.run("sh", "-c", "find tree -type f | wc -l", timeout_s=_MANY_S)
        expect(found.strip(), str(count), "files that were unpacked")
        adding = "find tree -type f -printf '%s\\n' | awk '{s += $1} END {print s}'"
        sizes = place.run("sh", "-c", adding, timeout_s=_MANY_S)
        expect(
            sizes.strip(), str(sum(len(f"{n}\n") for n in range(count))), "the sum of their sizes"
        )
        # Contents, modes, owners and times, file by file.
        place.run("tar", "--compare", "-f", f"{made}/tree.tar", timeout_s=_MANY_S)
    place.run("rm", "-r", "tree", timeout_s=_MANY_S)
    expect(place.run("ls", "-A"), "", "what is left")


def pjdfstest(place: Place) -> None:
    """Run pjdfstest, as root, who acts for other users in it."""
    if place.user:
        raise Missing("pjdfstest is for root")
    tests = _suite(place, "pjdfstest") / "tests"
    text = place.run("prove", "-r", tests, timeout_s=3000)
    if "Result: PASS" not in text:
        raise ProgramError(text[-3000:])


def cthon(place: Place) -> None:
    """Run Connectathon's basic, general, special and lock tests."""
    suite = _suite(place, "cthon04")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made, "cthon04")
        shutil.copytree(suite, folder)  # it writes into itself
        subprocess.run(["chown", "-R", str(place.user), made], check=True)
        for group in ("basic", "general", "special", "lock"):
            command = ("sh", "./runtests", f"-{group[0]}", "-f", place.path / group)
            text = place.run(*command, cwd=folder)
            if "All tests completed" not in text:
                raise ProgramError(text[-3000:])


def fsx(place: Place) -> None:
    """Run fsx: one file written, cut, mapped, punched and read at random."""
    program = _suite(place, "fsx")
    count = str(place.some(20_000, 500))
    for seed, more in ((1, ()), (2, ("-W", "-R")), (3, ("-o", "200000", "-l", "3000000"))):
        place.run(program, "-N", count, "-S", str(seed), "-q", *more, f"fsx-{seed}", timeout_s=1500)


def fsstress(place: Place) -> None:
    """Run fsstress: everything at once, by several processes."""
    program = _suite(place, "fsstress")
    count = str(place.some(3000, 100))
    place.run(program, "-d", place.path, "-n", count, "-p", "4", "-s", "7", timeout_s=1500)
    place.run("find", place.path, "-mindepth", "1", "-delete")


def _suite(place: Place, name: str) -> Path:
    path = place.suites / name if place.suites is not None else None
    if path is None or not path.exists():
        raise Missing(f"{name} (built, in the folder that SUITES names)")
    return path


PROGRAMS: Final[dict[str, Callable[[Place], None]]] = {
    each.__name__: each
    for each in (
        *(git, build, sqlite, fio, rsync, pytest, small_files, postgres),
        *(pjdfstest, cthon, fsx, fsstress),
    )
}
