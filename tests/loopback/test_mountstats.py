"""``nfsrdma mountstats`` and ``iostat``: what mounts say of themselves, and who is believed."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.loopback.test_fuse_mount import PATIENCE_S, Mount, can_mount
from tests.support.nfs_live import LiveServer

from nfsrdma.cli import iostat as iostat_command
from nfsrdma.cli import mountstats as mountstats_command
from nfsrdma.client.fuse import asked
from nfsrdma.client.fuse.asked import Asked, AskError, ask
from nfsrdma.client.fuse.mounting import Ours, ours
from nfsrdma.rpcrdma.io.reactor import SelectReactor

needs_fuse = pytest.mark.skipif(not can_mount(), reason="no FUSE file system can be mounted here")


@pytest.fixture
def server() -> Iterator[LiveServer]:
    server = LiveServer()
    yield server
    server.stop()


@pytest.fixture
def mount(server: LiveServer, tmp_path: Path) -> Iterator[Mount]:
    made = Mount(server.url, tmp_path / "mount")
    try:
        yield made
    finally:
        made.take_away()


def mountstats(*arguments: object) -> Result:
    return CliRunner().invoke(mountstats_command.mountstats, [*map(str, arguments)])


def iostat(*arguments: object) -> Result:
    return CliRunner().invoke(iostat_command.iostat, [*map(str, arguments)])


@needs_fuse
def test_a_mount_says_what_it_has_done(mount: Mount, server: LiveServer) -> None:
    (mount.path / "f").write_bytes(b"x" * 5000)
    fd = os.open(mount.path / "f", os.O_RDONLY | os.O_DIRECT)
    assert len(os.read(fd, 8192)) == 5000
    (found,) = (each for each in ours() if each.path == str(mount.path))
    assert (found.user, found.device) == (os.geteuid(), f"0:{os.minor(mount.path.stat().st_dev)}")
    said = mountstats("--json", mount.path)
    assert said.exit_code == 0, said.output
    told = json.loads(said.output)
    assert (told["url"], told["transport"], told["open"]) == (server.url, "tcp", 1)
    assert told["options"].startswith("rw,vers=4.2,rsize=1048576,wsize=1048576,acregmin=3")
    assert told["operations"]["WRITE"]["bytes_sent"] >= 5000
    assert told["operations"]["READ"]["bytes_received"] >= 5000
    assert told["operations"]["READ"]["rtt_s"] > 0
    os.close(fd)
    text = mountstats(mount.path).output
    assert text.startswith(f"Stats for {server.url} mounted on {mount.path}:\n\n  NFS mount opt")
    for part in ("NFS mount age: 0:0", "slots in use", "via NFS READ\n", "RPC requests sent, "):
        assert part in text
    assert "\nWRITE:\n\t1 ops (" in text
    assert "\tavg bytes sent per op: 5" in text
    assert "RPC statistics" not in mountstats("--nfs", mount.path).output
    assert "NFS byte counts" not in mountstats("--rpc", mount.path).output
    assert "write" in mountstats("--nfsstat").output
    assert mountstats("--nfs", "--rpc").exit_code == 2


@needs_fuse
def test_reports_are_of_their_interval(mount: Mount) -> None:
    (mount.path / "f").write_bytes(b"x" * 5000)
    reports = iostat("0.05", "2", "-a", "-p", mount.path)
    assert reports.exit_code == 0, reports.output
    _, first, second = reports.output.split(f" mounted on {mount.path}:\n")
    writes = []
    for report in (first, second):
        assert report.split()[:3] == ["ops/s", "rpc", "bklog"]
        kinds = [row.split(":")[0] for row in report.splitlines() if ":" in row]
        assert kinds[:3] == ["read", "write", "getattr"]
        head, row = report[report.index("write:") :].splitlines()[:2]
        assert head.split()[-1] == "errors"
        assert len(head) == len(row) == 8 * 16 + 16
        writes.append(row.split()[0])
    assert writes[0] != "0.000" == writes[1]


@needs_fuse
def test_a_mount_that_hangs_can_be_asked(mount: Mount, server: LiveServer) -> None:
    (mount.path / "f").write_bytes(b"x")
    server.stop()
    server.thread.join()
    stuck = threading.Thread(target=lambda: os.path.exists(mount.path / "new"), daemon=True)
    stuck.start()
    for _ in range(200):
        if "the server is away" in (text := mountstats(mount.path).output):
            break
    assert "the server is away" in text
    server.start()
    stuck.join(PATIENCE_S)
    assert not stuck.is_alive()
    assert "tcp, up" in mountstats(mount.path).output


@needs_fuse
def test_what_is_no_mount_of_ours_is_said(mount: Mount, tmp_path: Path) -> None:
    assert "nothing is mounted there" in mountstats(tmp_path).output
    assert "nothing is mounted there" in iostat(tmp_path).output
    mount.process.send_signal(signal.SIGKILL)
    mount.process.wait()
    gone = mountstats(mount.path)
    assert (gone.exit_code, "nobody answers for it" in gone.output) == (1, True)


@needs_fuse
def test_the_socket_goes_with_the_mount(mount: Mount) -> None:
    (found,) = (each for each in ours() if each.path == str(mount.path))
    (path,) = (each for each in asked.places(found.user, found.device) if each.exists())
    assert path.stat().st_mode & 0o777 == 0o600
    mount.close()
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [(["0"], "interval"), (["-1"], "No such option"), (["nan"], "interval"), (["1", "0"], "count")],
)
def test_times_that_make_no_sense_are_refused(words: list[str], message: str) -> None:
    refused = iostat(*words)
    assert (refused.exit_code, message in refused.output) == (2, True)


# --- Who is believed ---

OURS = Ours("/mnt", "0:99", "url", os.geteuid(), "rw")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mounts/0:99.sock"
    monkeypatch.setattr(asked, "places", lambda user, device: [path])
    return path


@pytest.fixture
def answering(place: Path) -> Iterator[list[Any]]:
    """What is answered at the place: a list of one thing, which is called."""
    answer: list[Any] = [lambda: {"x": 1}]
    reactor = SelectReactor()
    there = Asked(reactor, "0:99", lambda: answer[0]())
    thread = threading.Thread(target=reactor.run_forever, daemon=True)
    thread.start()
    yield answer
    reactor.stop()
    thread.join()
    there.close()
    reactor.close()


def test_who_has_mounted_gets_an_answer(answering: list[Any]) -> None:
    assert ask(OURS) == {"format": 1, "x": 1}


def test_a_fault_does_not_end_the_mount(answering: list[Any]) -> None:
    answering[0] = lambda: 1 // 0
    for _ in range(2):
        with pytest.raises(AskError, match="failed to answer"):
            ask(OURS)


def test_another_users_answer_is_not_believed(
    answering: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "peer_user", lambda sock: os.geteuid() + 1)
    with pytest.raises(AskError, match="another user"):
        ask(OURS)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"format": 2}', b"[" * 100_000, b"\xff"])
def test_an_answer_that_makes_no_sense_is_an_error(place: Path, text: bytes) -> None:
    place.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()

        def answer() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(100)
                sock.sendall(text)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(AskError):
            ask(OURS)
        thread.join()


def test_no_socket_is_made_where_others_may_write(place: Path) -> None:
    reactor = SelectReactor()

    def refused() -> None:
        Asked(reactor, "0:99", dict).close()
        assert not place.exists()

    place.parent.mkdir()
    place.parent.chmod(0o777)
    refused()
    place.parent.rmdir()
    place.parent.symlink_to(place.parent.parent)
    refused()
    place.parent.unlink()
    place.parent.write_text("a file")
    refused()
    reactor.close()
