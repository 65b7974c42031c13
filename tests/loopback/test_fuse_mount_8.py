"""A mount as mount(8) and administrators see it: its helper, users, force, an absent server.

Skipped where nothing can be mounted. Nothing stays mounted, whatever fails.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.loopback.test_fuse_mount import (
    PATIENCE_S,
    Mount,
    can_mount,
    clear,
    is_mounted,
    nfsrdma,
    run,
    take_away,
)
from tests.support.nfs_live import LiveServer
from tests.support.paths_live import PathServer

from nfsrdma.cli import mount_helper
from nfsrdma.client.fuse.daemon import Daemon
from nfsrdma.client.fuse.options import parse_options

pytestmark = pytest.mark.skipif(not can_mount(), reason="no FUSE file system can be mounted here")


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    server = LiveServer()
    yield server
    server.stop()


@pytest.fixture
def where() -> Iterator[Path]:
    """A directory that all users reach."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        path = Path(made, "mount")
        path.mkdir()
        try:
            yield path
        finally:
            take_away(path)


def options_of(where: Path) -> set[str]:
    (line,) = [x for x in Path("/proc/mounts").read_text().splitlines() if f" {where} " in x]
    return set(line.split()[3].split(","))


def as_user(user: int, *command: str, groups: tuple[int, ...] = ()) -> tuple[int, str]:
    """Run a program as a user, in the group of the same number; its exit status and output."""
    done = subprocess.run(
        command,
        user=user,
        group=user,
        extra_groups=groups,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def test_all_users_have_their_own_rights(server: LiveServer, where: Path) -> None:
    made = Mount(server.url, where, "-o", "allow_other")
    run("chmod", "1777", where)
    alice, bob = 12345, 12346
    secret, name = where / "hers", str(where / "hers/file")
    assert as_user(alice, "mkdir", "-m", "750", str(secret)) == (0, "")
    assert as_user(alice, "sh", "-c", f"echo text > {name}; chmod 644 {name}")[0] == 0
    status = os.stat(name)
    assert (status.st_uid, status.st_gid) == (alice, alice)
    assert as_user(alice, "cat", name) == (0, "text\n")
    # All may read it, but the directory lets nobody in: not even now that it is known.
    assert "Permission denied" in as_user(bob, "cat", name)[1]
    assert "Permission denied" in as_user(bob, "stat", name)[1]
    assert as_user(bob, "cat", name, groups=(7, alice)) == (0, "text\n")
    assert "not permitted" in as_user(bob, "rm", "-rf", str(secret))[1]
    assert "not permitted" in as_user(bob, "chmod", "777", str(secret))[1]
    os.chmod(name, 0o744)
    assert as_user(alice, "chmod", "755", str(secret))[0] == 0
    assert "Permission denied" in as_user(bob, "sh", "-c", name)[1], "it is not for him to execute"
    # Nobody is asked before a FIFO is opened, but the kernel knows its mode.
    os.mkfifo(where / "fifo", 0o600)
    assert "Permission denied" in as_user(bob, "sh", "-c", f": <> {where}/fifo")[1]
    assert as_user(0, "sh", "-c", f": <> {where}/fifo") == (0, "")
    run("rm", "-r", secret, where / "fifo")
    made.close()


def test_allow_other_is_for_root(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(OSError, match="allow_other is for root"):
        Daemon("nfs+tcp://127.0.0.1/", str(where), parse_options(("allow_other",)))


def test_nothing_stays_mounted_that_nobody_waits_for(
    server: LiveServer, where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that waits may have been killed before its daemon is ready."""

    def gone() -> None:
        raise BrokenPipeError

    monkeypatch.setattr(signal, "signal", lambda *_: None)  # these are the tests' own
    with pytest.raises(BrokenPipeError):
        Daemon(server.url, str(where), parse_options(())).run(gone)
    assert not os.path.ismount(where)


def test_what_mount_runs(server: LiveServer, where: Path, tmp_path: Path) -> None:
    written = nfsrdma("mount-helper", "--install", "--dir", tmp_path)
    helper = tmp_path / "mount.nfsrdma"
    assert str(helper) in written
    wanted = "rw,noexec,_netdev,nofail,user,x-systemd.automount,comment=x"
    assert run(helper, server.url, where, "-o", wanted) == ""
    assert {"rw", "noexec"} <= options_of(where)
    again = tmp_path / "mount.fuse.nfsrdma"
    assert run(again, server.url, where, "-o", "ro,remount,noatime,timeo=50") == ""
    assert {"ro", "noatime"} <= options_of(where)
    assert "Read-only" in run("touch", where / "f", status=1)
    # Without a line of fstab mount(8) repeats what the mount table shows, FUSE's own options too.
    shown = ",".join(sorted(options_of(where)))
    assert "user_id=0" in shown
    assert run(helper, server.url, where, "-o", f"{shown},rw,remount") == ""
    assert {"rw", "ro", "noatime"} & options_of(where) == {"rw", "noatime"}
    run("touch", where / "f")
    # Neither is told what is so by default, nor given up because the other says nothing of it.
    assert {"nosuid", "nodev"} <= options_of(where)
    run("umount", where)
    assert run(helper, server.url, where, "-o", "suid,dev") == ""
    assert run(helper, server.url, where, "-o", "rw,user_id=0,remount,ro") == ""
    assert {"ro", "nosuid", "nodev"} & options_of(where) == {"ro"}
    assert run(helper, server.url, where, "-o", "remount,nodev") == ""
    assert {"ro", "nosuid", "nodev"} & options_of(where) == {"nodev"}
    run("umount", where)
    assert run(helper, server.url, where, "-s", "-o", "nonsense=1") == ""
    assert is_mounted(where)
    run("umount", where)


def test_what_the_helper_says_to_nonsense(
    server: LiveServer, where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, directory = server.url, str(where)
    for arguments, status, wanted in (
        ([], 1, "usage"),
        ([source, directory, "-z"], 1, "option -z"),
        ([source, directory, "-o", "rsiz=1"], 1, "is rsize meant"),
        ([source, directory, "-o", "remount"], 32, "nothing is mounted"),
        ([source, directory, "-f"], 0, ""),
        (["-h"], 0, "usage"),
    ):
        assert mount_helper.main(arguments) == status
        shown = capsys.readouterr()
        assert wanted in shown.out + shown.err
    assert not is_mounted(where)


def test_force_ends_those_who_wait(where: Path) -> None:
    server = LiveServer()
    made = Mount(server.url, where)
    try:
        (where / "f").write_text("x")
        holding = subprocess.Popen(["sleep", "1000"], cwd=where)
        server.stop()
        waiting = subprocess.Popen(["cat", where / "f"], stderr=subprocess.PIPE)
        with suppress(subprocess.TimeoutExpired):
            waiting.wait(0.5)
            raise AssertionError("it should wait")
        nfsrdma("umount", "--force", where)
        assert waiting.wait(PATIENCE_S) == 1
        assert not is_mounted(where)
        holding.kill()
        holding.wait()
        made.process.wait(PATIENCE_S)
        waiting.communicate()
    finally:
        made.take_away()


def test_a_server_that_is_away_is_awaited_in_the_background(where: Path) -> None:
    server = LiveServer()
    server.stop()
    refused = nfsrdma("mount", server.url, where, "-o", "fg", status=32)
    assert "no server listens" in refused
    assert "trying again" in nfsrdma("mount", server.url, where, "-o", "bg")
    assert not is_mounted(where)
    server.start()
    try:
        deadline = 200
        while not is_mounted(where) and deadline:
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(["sleep", "0.1"], timeout=1, check=False)
            deadline -= 1
        run("touch", where / "f")
        nfsrdma("umount", where)
    finally:
        server.stop()


def test_names_that_are_no_utf8_long_names_and_large_offsets(
    server: LiveServer, where: Path
) -> None:
    made = Mount(server.url, where)
    clear(where)
    strange = os.fsencode(where) + b"/\xff\xfe\x01 \n"
    Path(os.fsdecode(strange)).write_text("x")
    assert os.fsencode(os.listdir(where)[0]) == b"\xff\xfe\x01 \n"
    longest = where / ("n" * 255)
    longest.touch()
    with pytest.raises(OSError, match="too long"):
        (where / ("n" * 256)).touch()
    with open(longest, "r+b") as file, pytest.raises(OSError, match=r"too large|Invalid"):
        os.pwrite(file.fileno(), b"x", (1 << 63) - 1)
    path = where / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert path.is_socket()
    run("rm", "-rf", "--", *where.iterdir())
    made.close()


@pytest.mark.parametrize("kinds", [("soft", "soft"), ("shm", "tcp")], ids="+".join)
def test_a_copy_goes_on_over_the_other_path(where: Path, tmp_path: Path, kinds: tuple[str]) -> None:
    """Programs do not notice that one of two paths is cut, whichever it is."""
    server = PathServer(*kinds, base=170)
    data = os.urandom(8 << 20) * 4
    source = tmp_path / "source"
    source.write_bytes(data)
    made = Mount(server.urls[0], where, "-o", f"path={server.urls[1]},max_connect=2")
    try:
        clear(where)
        for which in (0, 1):
            copying = subprocess.Popen(["cp", source, where / f"copy-{which}"])
            while copying.poll() is None and not (where / f"copy-{which}").exists():
                pass
            server.cut_path(which)
            assert copying.wait(PATIENCE_S) == 0
            assert (where / f"copy-{which}").read_bytes() == data
            server.mend(which)
        clear(where)
        made.close()
    finally:
        made.take_away()
        server.stop()


def test_who_writes_past_what_the_server_can_keep_is_told_at_once(where: Path) -> None:
    server = LiveServer()
    server.fs.max_file_size = 1 << 30
    made = Mount(server.url, where)
    try:
        with open(where / "f", "wb", buffering=0) as file:
            assert os.pwrite(file.fileno(), b"x", (1 << 30) - 1) == 1
            with pytest.raises(OSError, match="too large") as caught:
                os.pwrite(file.fileno(), b"x", 1 << 30)
            assert caught.value.errno == errno.EFBIG
        assert os.stat(where / "f").st_size == 1 << 30
        made.close()
    finally:
        made.take_away()
        server.stop()
