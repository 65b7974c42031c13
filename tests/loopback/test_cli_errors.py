"""What people and machines do to the command line: it answers with a sentence, not a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs

NO_UTF8 = "caf\udce9"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(path=str(tmp_path_factory.mktemp("export")), rdma=True)
    yield server
    server.stop()


@pytest.fixture
def top(server: LiveServer) -> Path:
    """The exported directory, empty."""
    assert server.path is not None
    top = Path(server.path)
    for path in sorted(top.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    return top


def nfsrdma(*arguments: str | Path, shell: str = "", **options: Any) -> tuple[int, str, str]:
    """Status, standard output and standard error of a command; ``shell`` are redirections."""
    command = [sys.executable, "-m", "nfsrdma", *map(str, arguments)]
    if shell:
        command = ["sh", "-c", f'exec "$@" {shell}', "sh", *command]
    options["env"] = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        **options.get("env", {}),
    }
    ran = subprocess.run(command, capture_output=True, timeout=60, **options)
    out, err = ran.stdout.decode(errors="replace"), ran.stderr.decode(errors="replace")
    assert "Traceback" not in err, err
    return ran.returncode, out, err


def test_names_of_any_octets(server: LiveServer, top: Path, tmp_path: Path) -> None:
    """As octets in the argument, and percent-encoded; shown escaped."""
    url = server.url.rstrip("/")
    (top / NO_UTF8).write_bytes(b"contents")
    for name in (NO_UTF8, "caf%E9", "caf%e9"):
        assert nfsrdma("cat", f"{url}/{name}") == (0, "contents", "")
        assert "file:     /caf\\xe9\n" in nfsrdma("stat", f"{url}/{name}")[1]
    assert nfsrdma("ls", f"{url}/")[1] == "caf\\xe9\n"
    status, _, err = nfsrdma("cat", f"{url}/no{NO_UTF8}")
    assert (status, "/nocaf%E9: no such file" in err) == (1, True)
    assert nfsrdma("mv", f"{url}/{NO_UTF8}", f"{url}/other\udcff")[0] == 0
    assert nfsrdma("ln", f"{url}/other\udcff", f"{url}/third\udcfe")[0] == 0
    assert nfsrdma("ln", "-s", "to\udcff", f"{url}/link\udcfe")[0] == 0
    assert "link\\xfe -> to\\xff" in nfsrdma("ls", "-l", f"{url}/")[1]
    assert nfsrdma("mkdir", f"{url}/dir\udcfe")[0] == 0
    assert nfsrdma("mkdir", f"{url}/dir\udcfe")[0] == 1
    (tmp_path / NO_UTF8).write_bytes(b"back")
    assert nfsrdma("put", "-q", tmp_path / NO_UTF8, f"{url}/dir\udcfe")[0] == 0
    assert (top / "dir\udcfe" / NO_UTF8).read_bytes() == b"back"
    assert nfsrdma("get", "-q", f"{url}/dir%FE/{NO_UTF8}", tmp_path / "got\udcfd")[0] == 0
    assert (tmp_path / "got\udcfd").read_bytes() == b"back"
    names = ["other\udcff", "third\udcfe", "link\udcfe", "dir\udcfe"]
    assert nfsrdma("rm", "-r", *(f"{url}/{name}" for name in names)) == (0, "", "")
    assert not list(top.iterdir())


def test_a_control_character_is_part_of_a_name(server: LiveServer, top: Path) -> None:
    """Not something to be dropped, as from a URL that was broken over lines."""
    for name in ("ab", "a\tb", "a\nb", " a", "a "):
        (top / name).write_bytes(b"")
    assert nfsrdma("rm", f"{server.url}a\tb", f"{server.url}a\nb", f"{server.url} a") == (0, "", "")
    assert sorted(path.name for path in top.iterdir()) == ["a ", "ab"]


def test_output_in_an_encoding_that_has_not_all_characters(server: LiveServer, top: Path) -> None:
    (top / "snow\u2603man").write_bytes(b"")
    (top / NO_UTF8).write_bytes(b"")
    status, out, err = nfsrdma("ls", server.url, env={"PYTHONIOENCODING": "latin-1:strict"})
    assert (status, err) == (0, "")
    assert out.split() == ["caf\\xe9", "snow\\u2603man"]
    for encoding in ("ascii:strict", "utf-8:strict"):
        status, _, err = nfsrdma(
            "stat", f"{server.url}no{NO_UTF8}\u2603", env={"PYTHONIOENCODING": encoding}
        )
        assert (status, "no such file" in err) == (1, True)


@pytest.mark.parametrize(
    "url", ["nfs+tcp://h\udce9/", "nfs+tcp://a..b/", f"nfs+tcp://{'a' * 70}/", "nfs://h?x\udce9=1"]
)
def test_urls_that_lead_nowhere(url: str) -> None:
    status, out, err = nfsrdma("ls", url)
    assert (status, out) == (2, "")
    assert "Error: " in err


def test_closed_standard_streams(server: LiveServer, top: Path) -> None:
    (top / "f").write_bytes(b"x")
    for command in ("ls", "cat", "stat"):
        status, _, err = nfsrdma(command, f"{server.url}f", shell=">&-")
        assert (status, err) == (1, "nfsrdma: standard output: Bad file descriptor\n")
    assert nfsrdma("ls", f"{server.url}none", shell="<&- >&- 2>&-") == (1, "", "")
    assert nfsrdma("rm", f"{server.url}f", shell="<&- >&- 2>&-") == (0, "", "")
    assert not list(top.iterdir())


@pytest.mark.parametrize("shell", [">&-", "2>&- >&-", ">/dev/full"])
def test_a_server_serves_on_that_cannot_say_so(shell: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "nfsrdma", "serve", "--memory", "--ephemeral", "-v"),
        *("--provider", "none", "--listen", "127.0.0.1", "--tcp", str(port)),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    server = subprocess.Popen(
        ["sh", "-c", f'exec "$@" {shell}', "sh", *command],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            try:
                fs = nfs.mount(f"nfs+tcp://127.0.0.1:{port}/")
                break
            except ConnectionError:
                time.sleep(0.05)
        with fs:
            for number in range(5):
                fs.write_bytes(f"f{number}", b"x")
                with nfs.mount(f"nfs+tcp://127.0.0.1:{port}/") as other:
                    assert other.read_bytes(f"f{number}") == b"x"
            assert fs.stats.connections == 1
    finally:
        server.terminate()
        server.wait(30)
    # A service manager would take anything else for a failure, and start it again.
    assert server.returncode == 0


def test_no_packets_in_shared_memory(server: LiveServer, tmp_path: Path) -> None:
    capture = tmp_path / "a.pcapng"
    status, _, err = nfsrdma("ls", "--pcap", capture, "--provider", "shm", server.shm_url)
    assert status == 2
    assert "to capture, use --provider soft" in err
    assert not capture.exists()


def test_an_interrupt_while_modules_are_imported() -> None:
    program = """
import os, signal, sys
from nfsrdma import cli
where, sys.argv = sys.argv[1], ["nfsrdma", "ls", "nfs+tcp://127.0.0.1:1/"]
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == where:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
cli.main()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for module in ("nfsrdma.cli.group", "click", "nfsrdma.cli.files", "nfsrdma.client"):
        ran = subprocess.run(
            [sys.executable, "-c", program, module], env=environment, capture_output=True, text=True
        )
        assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("bench", "--json"),
        ("bench", "--csv"),
        ("bench", "--iozone"),
        ("rdma-bench", "--json"),
        ("demo", "--pcap"),
        ("serve", "--pcap"),
    ],
)
def test_where_nothing_can_be_written_is_told_at_once(
    tmp_path: Path, command: str, option: str
) -> None:
    """Before hours of measuring; and what is there already stays if that fails."""
    more = ["--memory", "--ephemeral", "--listen", "127.0.0.1"] if command == "serve" else []
    status, out, err = nfsrdma(command, option, tmp_path / "none" / "x", *more)
    assert status == 1
    assert str(tmp_path / "none" / "x") in err
    assert "GB/s" not in out


def test_a_result_stays_when_another_run_fails(tmp_path: Path) -> None:
    for name in ("a.json", "a.csv"):
        (tmp_path / name).write_text("precious")
    status, _, err = nfsrdma(
        *("bench", "--json", tmp_path / "a.json", "--csv", tmp_path / "a.csv"),
        *("--timeout", "1", "nowhere://127.0.0.1/"),
    )
    assert status == 2, err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious", "precious"]


def test_plots_that_cannot_be_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("")
    status, _, err = nfsrdma("bench", "--plot", tmp_path / "file" / "plots")
    assert (status, "file/plots" in err) == (1, True)


def test_a_slash_at_the_end_wants_a_directory(
    server: LiveServer, top: Path, tmp_path: Path
) -> None:
    url = server.url.rstrip("/")
    (top / "file").write_bytes(b"x")
    (top / "dir").mkdir()
    (top / "dir" / "inside").write_bytes(b"y")
    (top / "to_dir").symlink_to("dir")
    (tmp_path / "local").write_bytes(b"z")
    for command in (
        ("ls", f"{url}/file/"),
        ("cat", f"{url}/file/"),
        ("rm", f"{url}/to_dir/"),
        ("rm", "-r", f"{url}/to_dir/"),
        ("rm", "-r", f"{url}/file/"),
        ("mv", f"{url}/file", f"{url}/new/"),
        ("mv", f"{url}/file/", f"{url}/new"),
        ("mv", f"{url}/file", "new/"),
        ("ln", f"{url}/file", f"{url}/new/"),
        ("ln", "-s", "file", f"{url}/new/"),
        ("put", "-q", str(tmp_path / "local"), f"{url}/file/"),
        ("put", "-q", str(tmp_path / "local"), f"{url}/new/"),
        ("get", "-q", f"{url}/file/", str(tmp_path / "got")),
    ):
        status, out, err = nfsrdma(*command)
        assert (status, out) == (1, ""), (command, out)
        assert err.startswith("nfsrdma: server: "), command
    assert sorted(path.name for path in top.iterdir()) == ["dir", "file", "to_dir"]
    assert not (tmp_path / "got").exists()
    assert nfsrdma("ls", f"{url}/to_dir/")[1] == "inside\n"
    assert nfsrdma("ls", "-R", f"{url}/dir/")[1] == "/dir:\ninside\n"
    assert "drwx" in nfsrdma("stat", f"{url}/to_dir/")[1]
    assert nfsrdma("mkdir", f"{url}/made/")[0] == 0
    assert nfsrdma("mv", f"{url}/made/", f"{url}/dir/")[0] == 0
    assert nfsrdma("put", "-q", tmp_path / "local", f"{url}/dir/made/")[0] == 0
    assert nfsrdma("get", "-q", "-r", f"{url}/dir/", tmp_path / "tree")[0] == 0
    assert (tmp_path / "tree" / "made" / "local").read_bytes() == b"z"
    assert nfsrdma("get", "-q", "-r", f"{url}/dir/", cwd=tmp_path)[0] == 0
    assert (tmp_path / "dir" / "inside").read_bytes() == b"y"
    assert nfsrdma("rm", "-r", f"{url}/dir/")[0] == 0
    assert not (top / "dir").exists()
