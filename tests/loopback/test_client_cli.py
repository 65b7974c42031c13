"""The command line against a server: output, exit codes, one-line errors, no traceback ever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.support.nfs_live import LiveServer

from nfsrdma.cli import COMMANDS, main
from nfsrdma.cli.changes import changed_mode
from nfsrdma.cli.copy import closing_sum
from nfsrdma.cli.files import printable
from nfsrdma.cli.ping import summary
from nfsrdma.client import parse_url
from nfsrdma.client.copies import Progress

SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    server = LiveServer(rdma=True)
    yield server
    server.stop()


class Cli:
    """Runs commands in this process."""

    def __init__(
        self, server: LiveServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.url = server.url.rstrip("/")
        self.rdma_url = server.rdma_url.rstrip("/")
        self.shm_url = server.shm_url
        self._monkeypatch = monkeypatch
        self._capfd = capfd

    def __call__(self, *arguments: str | Path, status: int = 0) -> str:
        """Standard output, or standard error if ``status`` is not 0."""
        self._monkeypatch.setattr(sys, "argv", ["nfsrdma", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = self._capfd.readouterr()
        assert caught.value.code == status, err
        assert "Traceback" not in err
        return err if status else out


@pytest.fixture
def cli(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Cli:
    cli = Cli(server, monkeypatch, capfd)
    cli("rm", "-rf", f"{cli.url}/t")
    cli("mkdir", f"{cli.url}/t")
    return cli


def test_files_there_and_back(cli: Cli, tmp_path: Path) -> None:
    local = tmp_path / "local.txt"
    local.write_bytes(b"contents\n")
    os.utime(local, (0, 86_400 * 365))
    cli("put", local, f"{cli.url}/t")
    assert cli("ls", f"{cli.url}/t") == "local.txt\n"
    assert cli("ls", f"{cli.url}/t/local.txt") == "local.txt\n"
    assert cli("cat", f"{cli.url}/t/local.txt") == "contents\n"
    cli("get", f"{cli.url}/t/local.txt", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == b"contents\n"
    (tmp_path / "dir").mkdir()
    cli("get", f"{cli.url}/t/local.txt", tmp_path / "dir")
    assert (tmp_path / "dir/local.txt").read_bytes() == b"contents\n"
    long = cli("ls", "-l", f"{cli.url}/t")
    assert long.startswith("-rw-r--r--   1 ")
    assert " 9 1971-01-01 " in long
    shown = cli("stat", f"{cli.url}/t/local.txt")
    assert "size:     9\n" in shown
    assert "file:     /t/local.txt\n" in shown


def test_trees_there_and_back(cli: Cli, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/file").write_bytes(b"1")
    (tree / "link").symlink_to("sub/file")
    os.mkfifo(tree / "pipe")
    cli("put", tree, f"{cli.url}/t/tree", status=1)
    cli("put", "-r", tree, f"{cli.url}/t/tree")
    assert cli("ls", "-R", f"{cli.url}/t/tree") == ("/t/tree:\nlink\nsub\n\n/t/tree/sub:\nfile\n")
    assert "link -> sub/file\n" in cli("ls", "-l", f"{cli.url}/t/tree")
    assert "target:   sub/file" in cli("stat", f"{cli.url}/t/tree/link")
    cli("get", "-r", "--resume", f"{cli.url}/t/tree", tmp_path / "back")
    assert (tmp_path / "back/sub/file").read_bytes() == b"1"
    assert (tmp_path / "back/link").readlink() == Path("sub/file")
    error = cli("get", f"{cli.url}/t/tree", tmp_path / "x", status=1)
    assert (
        error == f"nfsrdma: server: {cli.url}/t/tree: a directory, and the copy is not recursive\n"
    )


def test_a_copy_shows_how_far_it_is(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(bytes(1000))
    monkeypatch.setattr("nfsrdma.cli.copy._interactive", lambda: True)
    cli("put", tmp_path / "f", f"{cli.url}/t/f")
    cli("get", "-q", f"{cli.url}/t/f", tmp_path / "g")
    done = Progress(files_done=2, octets_done=3 << 20, skipped=1, failed=4)
    said = "2 files, 3.0 MiB in 2.0 s, 1.5 MiB/s, 1 there already, 4 failed"
    assert closing_sum(done, 2.0) == said
    assert (tmp_path / "g").read_bytes() == bytes(1000)


def test_names(cli: Cli) -> None:
    cli("mkdir", "-p", f"{cli.url}/t/a/b/c", f"{cli.url}/t/a/b")
    cli("mv", f"{cli.url}/t/a/b", f"{cli.url}/t/moved")
    cli("mv", f"{cli.url}/t/moved", "t/a")
    assert cli("ls", f"{cli.url}/t/a") == "moved\n"
    cli("ln", "-s", "anything at all", f"{cli.url}/t/s")
    assert "s -> anything at all" in cli("ls", "-l", f"{cli.url}/t")
    cli("rm", f"{cli.url}/t/s")
    error = cli("rm", f"{cli.url}/t/a", status=1)
    assert error == f"nfsrdma: server: {cli.url}/t/a: a directory\n"
    cli("rm", "-r", f"{cli.url}/t/a")
    cli("rm", "-f", f"{cli.url}/t/a")
    error = cli("rm", f"{cli.url}/t/a", status=1)
    assert error == f"nfsrdma: server: {cli.url}/t/a: no such file or directory\n"
    assert "not removed" in cli("rm", "-r", cli.url, status=1)
    assert "another server" in cli("mv", f"{cli.url}/t", "nfs+tcp://elsewhere/t", status=2)


def test_copies_within_a_server(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(100_000))
    cli("mkdir", "-p", f"{cli.url}/t/d")
    cli("put", tmp_path / "f", f"{cli.url}/t/f")
    cli("cp", f"{cli.url}/t/f", "t/g")
    cli("cp", f"{cli.url}/t/g", f"{cli.url}/t/d")
    cli("get", f"{cli.url}/t/d/g", tmp_path / "g")
    assert (tmp_path / "g").read_bytes() == bytes(100_000)
    assert "to itself" in cli("cp", f"{cli.url}/t/f", "t/f", status=1)
    assert "a directory" in cli("cp", f"{cli.url}/t/d", "t/e", status=1)
    assert "another server" in cli("cp", f"{cli.url}/t/f", "nfs+tcp://elsewhere/t", status=2)


def test_listings_are_chosen_and_sorted(cli: Cli) -> None:
    cli("mkdir", f"{cli.url}/t/d", f"{cli.url}/t/.h")
    cli("touch", f"{cli.url}/t/d/new")
    cli("touch", "-c", f"{cli.url}/t/d/none")
    cli("ln", "-s", "new", f"{cli.url}/t/d/a")
    time.sleep(0.01)
    cli("touch", f"{cli.url}/t/d/b")
    assert cli("ls", "-1", f"{cli.url}/t") == "d\n"
    assert cli("ls", "-a", f"{cli.url}/t") == ".h\nd\n"
    assert cli("ls", "-t", f"{cli.url}/t/d").split() == ["b", "a", "new"]
    assert " 0 B " in cli("ls", "-lh", f"{cli.url}/t/d/new")
    several = cli("ls", f"{cli.url}/t/d", f"{cli.url}/t/d/b")
    assert several == "/t/d:\na\nb\nnew\nb\n"
    rows = [json.loads(line) for line in cli("ls", "-R", "--json", f"{cli.url}/t").splitlines()]
    assert [(row["path"], row["type"]) for row in rows] == [
        ("/t", "d"),
        ("/t/d", "d"),
        ("/t/d/a", "l"),
        ("/t/d/b", "f"),
        ("/t/d/new", "f"),
    ]
    assert (rows[2]["target"], rows[3]["mode"], rows[3]["size"]) == ("new", "0644", 0)


def test_trees_are_walked(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/sub/f.py").write_bytes(bytes(range(256)) * 400)
    (tmp_path / "tree/z").symlink_to("sub")
    cli("put", "-r", tmp_path / "tree", f"{cli.url}/t/tree")
    url = f"{cli.url}/t/tree"
    assert cli("find", url).splitlines() == [url, f"{url}/sub", f"{url}/sub/f.py", f"{url}/z"]
    assert cli("find", url, "-name", "*.py") == f"{url}/sub/f.py\n"
    assert cli("find", "-type", "l", url) == f"{url}/z\n"
    drawn = "/t/tree\n├── sub\n│   └── f.py\n└── z -> sub\n\n1 directory, 2 files\n"
    assert cli("tree", url) == drawn
    assert "f.py" not in cli("tree", "-L", "1", url)
    before = cli("du", url).split()
    assert before[1::2] == ["/t/tree/sub", "/t/tree"]
    assert int(before[2]) >= int(before[0]) >= 100
    cli("ln", f"{url}/sub/f.py", f"{url}/sub/again")
    assert cli("du", "-s", url).split() == before[2:]
    assert "KiB" in cli("du", "-sh", url)
    assert "no such file" in cli("find", f"{url}/none", status=1)


def test_attributes_are_changed(cli: Cli) -> None:
    cli("mkdir", f"{cli.url}/t/d")
    cli("touch", f"{cli.url}/t/d/f")
    cli("ln", "-s", "none", f"{cli.url}/t/d/l")
    cli("chmod", "-R", "u=rwX,go-rwx", f"{cli.url}/t/d")
    assert "mode:     drwx------" in cli("stat", f"{cli.url}/t/d")
    assert "mode:     -rw-------" in cli("stat", f"{cli.url}/t/d/f")
    cli("chmod", "-w", f"{cli.url}/t/d/f")
    assert "mode:     -r--------" in cli("stat", f"{cli.url}/t/d/f")
    cli("chown", "-R", f"{os.getuid()}:{os.getgid()}", f"{cli.url}/t/d")
    assert "no mode" in cli("chmod", "u~x", f"{cli.url}/t/d", status=2)
    assert "names nobody" in cli("chown", ":", f"{cli.url}/t/d", status=2)
    for nobody in ("no-such-user", ":no-such-group"):
        said = cli("chown", nobody, f"{cli.url}/t/d", status=2)
        assert f"{nobody!r}: this host knows no such user or group: give the number" in said
    assert "no such file" in cli("chmod", "600", f"{cli.url}/t/none", status=1)


@pytest.mark.parametrize(
    ("text", "before", "directory", "after"),
    [
        ("640", 0o4777, False, 0o640),
        ("u+x,go-w", 0o666, False, 0o744),
        ("a=rX", 0o600, False, 0o444),
        ("a=rX", 0o600, True, 0o555),
        ("+X", 0o700, False, 0o711),
        ("u+s,+t", 0o755, True, 0o5755),
        ("g=", 0o775, False, 0o705),
    ],
)
def test_modes_are_changed_as_chmod_does(
    text: str, before: int, directory: bool, after: int
) -> None:
    assert changed_mode(text, before, directory=directory) == after


def test_files_go_through_pipes(cli: Cli) -> None:
    data = os.urandom(3 << 20)
    process = run("put", "-", f"{cli.url}/t/f", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.communicate(data, timeout=20) == (b"", b"")
    assert cli("ls", "-a", f"{cli.url}/t") == "f\n"
    process = run("get", f"{cli.url}/t/f", "-", stdout=subprocess.PIPE)
    assert process.communicate(timeout=20) == (data, b"")
    assert "name the file" in cli("put", "-", f"{cli.url}/t", status=1)
    assert "one file" in cli("get", "-r", f"{cli.url}/t", "-", status=2)


def test_what_commands_make_is_less_the_umask(cli: Cli) -> None:
    before = os.umask(0o027)
    try:
        cli("mkdir", f"{cli.url}/t/d")
        cli("mkdir", "-p", f"{cli.url}/t/p/q")
        cli("touch", f"{cli.url}/t/f")
        process = run("put", "-", f"{cli.url}/t/g", stdin=subprocess.PIPE)
        process.communicate(b"", timeout=20)
    finally:
        os.umask(before)
    rows = [json.loads(line) for line in cli("ls", "-R", "--json", f"{cli.url}/t").splitlines()]
    modes = {row["path"].removeprefix("/t"): row["mode"] for row in rows}
    del modes[""]
    assert modes == {"/d": "0750", "/p": "0750", "/p/q": "0750", "/f": "0640", "/g": "0640"}


def test_hard_links(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    cli("put", tmp_path / "f", f"{cli.url}/t/f")
    cli("ln", f"{cli.url}/t/f", f"{cli.url}/t/g")
    assert "links:    2" in cli("stat", f"{cli.url}/t/g")


def test_a_name_cannot_move_the_cursor(cli: Cli) -> None:
    cli("mkdir", f"{cli.url}/t/%1b%5b2J%0aü")
    assert cli("ls", f"{cli.url}/t") == "\\x1b[2J\\nü\n"
    error = cli("cat", f"{cli.url}/t/%1b%5b2J%0aü", status=1)
    assert error == f"nfsrdma: server: {cli.url}/t/%1B[2J%0Aü: a directory\n"
    assert printable("\udcff") == "\\xff"


def test_access_control_lists(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    cli("put", tmp_path / "f", f"{cli.url}/t")
    url = f"{cli.url}/t/f"
    cli("acl", "--set", "A::OWNER@:rwa,A::1001:r", "--set", "A:g:50:r", url)
    lines = cli("acl", url).splitlines()
    assert "A::OWNER@:rwatTcCy" in lines
    assert "A::1001:rtcy" in lines
    assert "A:g:50:rtcy" in lines
    assert cli("acl", url, url).splitlines().count("# /t/f") == 2
    assert "it takes the form" in cli("acl", "--set", "OWNER@", url, status=2)
    assert "not supported" in cli("acl", "--set", "U::EVERYONE@:r", url, status=1)


def test_sizes(cli: Cli) -> None:
    assert cli("df", cli.url).split()[:3] == ["size", "used", "available"]
    assert "GiB" in cli("df", "-h", cli.url)


@pytest.mark.parametrize("transport", ["url", "rdma_url", "shm_url"])
def test_ping(cli: Cli, transport: str) -> None:
    url = getattr(cli, transport)
    out = cli("ping", "-c", "5", "-i", "0.001", url)
    assert out.startswith(f"{parse_url(url)}: 5 NULL calls, min ")
    assert summary("x", [3e-6, 1e-6, 2e-6]) == ("x: 3 NULL calls, min 1 µs, median 2 µs, p99 3 µs")


def test_packets_are_captured(cli: Cli, tmp_path: Path) -> None:
    capture = tmp_path / "x.pcapng"
    cli("ls", "--pcap", capture, f"{cli.rdma_url}/t")
    assert capture.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert "use tcpdump" in cli("ls", "--pcap", capture, cli.url, status=2)


def test_errors_are_one_line(cli: Cli, tmp_path: Path) -> None:
    for arguments, error in (
        (
            ("ls", "nfs+tcp://127.0.0.1:1/x"),
            "server: nfs+tcp://127.0.0.1:1/: connection refused: no server listens on port 1 there",
        ),
        (("cat", f"{cli.url}/t/none"), f"server: {cli.url}/t/none: no such file or directory"),
        (("cat", f"{cli.url}/t"), f"server: {cli.url}/t: a directory"),
        (("mkdir", f"{cli.url}/t"), f"server: {cli.url}/t: it exists already"),
        (
            ("put", tmp_path / "none", f"{cli.url}/t/x"),
            f"local disk: {tmp_path}/none: no such file or directory",
        ),
    ):
        assert cli(*arguments, status=1) == f"nfsrdma: {error}\n"


def test_one_that_fails_does_not_keep_the_others(cli: Cli, tmp_path: Path) -> None:
    urls = [f"{cli.url}/t/{name}" for name in ("a", "none/x", "b")]
    error = cli("mkdir", *urls, status=1)
    assert error == f"nfsrdma: server: {urls[1]}: no such file or directory\n"
    assert cli("ls", f"{cli.url}/t") == "a\nb\n"
    (tmp_path / "file").write_text("x")
    for url in urls[::2]:
        cli("put", tmp_path / "file", f"{url}/file")
    files = [f"{url}/file" for url in urls]
    for command, shown in (("cat", "xx"), ("stat", "file:")):
        process = run(command, *files, stdout=subprocess.PIPE)
        out, message = process.communicate(timeout=20)
        assert process.returncode == 1
        assert shown.encode() in out
        assert message.count(b"no such file") == 1
    cli("rm", "-r", *urls, status=1)
    assert cli("ls", f"{cli.url}/t") == ""


def test_a_time_that_no_calendar_reaches(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = time.localtime

    def narrow(seconds: float | None = None) -> time.struct_time:
        if seconds == 5:
            raise OverflowError
        return real(seconds)

    (tmp_path / "file").touch()
    os.utime(tmp_path / "file", (5, 5))
    cli("put", tmp_path / "file", f"{cli.url}/t/file")
    monkeypatch.setattr(time, "localtime", narrow)
    assert "5 s since 1970 file" in cli("ls", "-l", f"{cli.url}/t")
    assert "5 s since 1970" in cli("stat", f"{cli.url}/t/file")


def test_errors_say_whose_they_are(cli: Cli, tmp_path: Path) -> None:
    """What is wrong with this machine is not blamed on the server (ENOSPC is, most often)."""
    nowhere = tmp_path / "nowhere" / "x.pcapng"
    error = cli("ls", "--pcap", nowhere, cli.rdma_url, status=1)
    assert error == f"nfsrdma: local disk: {nowhere}: No such file or directory\n"
    for command in (("ls", "-R", cli.url), ("df", cli.url), ("--help",)):
        with Path("/dev/full").open("wb") as full:
            process = run(*command, stdout=full)
            _, message = process.communicate(timeout=20)
        assert message == b"nfsrdma: standard output: No space left on device\n"
        assert process.returncode == 1


def test_wrong_usage_has_its_own_exit_code(cli: Cli) -> None:
    assert "does not begin with" in cli("ls", "http://x/", status=2)
    assert "no provider" in cli("ls", "--provider", "none", cli.rdma_url, status=2)
    assert "No such command" in cli("frobnicate", status=2)
    assert "Missing argument" in cli("ls", status=2)
    cli("ls", "--timeout", "0", cli.url, status=2)


def test_help_names_every_command_that_there_is(cli: Cli) -> None:
    text = cli("--help")
    for name, (module, _, words) in COMMANDS.items():
        if find_spec(f"nfsrdma.cli.{module}") is not None:
            assert name in text
            assert words in text
    for name in ("ls", "cat", "get", "put", "stat", "df", "mkdir", "rm", "cp", "mv", "ln", "ping"):
        assert "--timeout" in cli(name, "--help")
    assert cli("--version").startswith("nfsrdma ")


def run(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "nfsrdma", *arguments]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        command, env=environment, stderr=subprocess.PIPE, **options
    )


def test_help_imports_nothing_heavy() -> None:
    program = """
import sys
sys.argv = ["nfsrdma", "--help"]
from nfsrdma.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    imported = set(result.stderr.split())
    assert "nfsrdma.cli" in imported
    assert not imported & {"asyncio", "rich", "numpy", "nfsrdma.xdr.nfs4.types", "nfsrdma.client"}


def test_a_reader_that_leaves(cli: Cli, server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(20 << 20))
    cli("put", tmp_path / "big", f"{cli.url}/t/big")
    process = run("cat", f"{cli.url}/t/big", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(10) == 1


def test_an_interrupt_is_clean(cli: Cli, server: LiveServer) -> None:
    connections = len(server.channels)
    process = run("ping", "-c", "1000000", "-i", "0.01", cli.url, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 10
    while len(server.channels) == connections and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert err == b""
    assert b"NULL calls" in out
    assert process.returncode == 0


def test_an_interrupted_copy_leaves_no_half_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(64 << 20))
    process = run("put", str(tmp_path / "big"), f"{cli.url}/t/big", stdout=subprocess.PIPE)
    deadline = time.monotonic() + 10
    while not cli("ls", "-a", f"{cli.url}/t") and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert b"Traceback" not in err
    if process.returncode == 0:
        pytest.skip("the copy was quicker than the interrupt")
    assert process.returncode == 130
    assert cli("ls", "-a", f"{cli.url}/t") == ""


def test_doctor_of_a_server(cli: Cli) -> None:
    said = cli("doctor", f"{cli.url}/t")
    assert "20 NULL calls" in said
    assert "NFS 4.2 and 4.1" in said
    assert "/t is there" in said
    assert "sys" in said
    assert "Providers" not in said
    over_rdma = cli("doctor", cli.rdma_url, "--json", "--timeout", "3")
    found = {each["what"]: each["found"] for each in json.loads(over_rdma)}
    assert "soft" in found["Providers that reach it"]
    assert "inline" in found["Limits"]


def test_doctor_of_what_is_not_there(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for url, said in ((f"{cli.url}/none", "/none: no such"), ("nfs+tcp://127.0.0.1:1/", "refused")):
        monkeypatch.setattr(sys, "argv", ["nfsrdma", "doctor", url])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 1
        assert said in " ".join(capfd.readouterr().out.split())
