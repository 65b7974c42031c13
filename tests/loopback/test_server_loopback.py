"""The server over real sockets, and the command that starts it."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.nfs import (
    CURRENT,
    GETFH,
    PUTROOTFH,
    close,
    commit,
    lookup,
    open_,
    putfh,
    read,
    readdir,
    write,
)
from tests.support.nfs_wire import WireSession

from nfsrdma.cli.serve import serve
from nfsrdma.cli.serve_exports import parse_export
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import connect_tcp
from nfsrdma.server.edge.serving import ListenAddress
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.xdr.nfs4 import types as t

ANYBODY = ("--allow", "any")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def reactor() -> Iterator[SelectReactor]:
    made = SelectReactor()
    yield made
    made.close()


def connect(reactor: SelectReactor, port: int, owner: bytes = b"wire") -> WireSession:
    def wait(future: Any) -> Any:
        return reactor.run_until(future, 10)

    return WireSession(wait(connect_tcp(reactor, "127.0.0.1", port)), wait, owner)


def test_file_over_tcp(reactor: SelectReactor, tmp_path: Path) -> None:
    server = NfsService([Export("", LocalFileSystem(tmp_path))], reactor, random.Random(1))
    _, port = server.listen_tcp("127.0.0.1", 0)
    session = connect(reactor, port)
    data = random.Random(2).randbytes(1 << 20)
    create = open_(b"f", create=t.UNCHECKED4)
    results = session.run([PUTROOTFH, create, write(CURRENT, data), commit(), GETFH])
    handle, stateid = results[5].object, results[2].stateid
    assert results[3].count == len(data)
    assert (tmp_path / "f").read_bytes() == data
    sink = memoryview(bytearray(len(data)))
    results = session.run([putfh(handle), read(stateid, 0, len(data))], sinks=[sink])
    assert results[2].eof
    assert results[2].data == data
    session.run([putfh(handle), close(stateid)])
    (entry,) = [session.run([PUTROOTFH, readdir()])[2].reply.entries]
    assert entry.name == b"f"
    server.close()


def test_closing_ends_the_connections(reactor: SelectReactor, tmp_path: Path) -> None:
    server = NfsService([Export("", LocalFileSystem(tmp_path))], reactor, random.Random(1))
    _, port = server.listen_tcp("127.0.0.1", 0)
    session = connect(reactor, port)
    reasons: list[str] = []
    session.channel.on_close(reasons.append)
    server.close()
    reactor.run_until(lambda: bool(reasons), 5)


# The command


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Run ``nfsrdma serve``; its process and the first line that it says."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from nfsrdma.cli.serve import serve; serve()", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    return process, process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_over_tcp(reactor: SelectReactor, tmp_path: Path, number: int) -> None:
    (tmp_path / "hello").write_text("world")
    state = tmp_path.parent / "state"
    process, line = start(
        str(tmp_path), "--provider", "none", "--tcp", "0", "-v", "--state-dir", str(state)
    )
    try:
        port = int(re.search(r"^nfs\+tcp://127\.0\.0\.1:(\d+)/$", line)[1])  # type: ignore[index]
        session = connect(reactor, port, b"%d" % number)
        results = session.run([PUTROOTFH, lookup(b"hello"), read(t.stateid4(0, bytes(12)), 0, 100)])
        assert bytes(results[3].data) == b"world"
        session.channel.close()
    finally:
        process.send_signal(number)
        rest, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "connected: 127.0.0.1" in rest
    assert "gone: 127.0.0.1" in rest
    assert "Traceback" not in rest
    assert (state / "recovery.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ([], 2, "name a directory"),
        (["/nonexistent/dir"], 1, "cannot export /nonexistent/dir: No such file or directory"),
        (["/tmp", "--memory"], 2, "name no directories"),
        (["/tmp", "--root-squash", "--all-squash"], 2, "use one of the two"),
        (["a=/tmp", "a=/tmp", "--ephemeral"], 1, "in another's way"),
        (["/tmp", "--allow", "10.0.0.1/8"], 2, "host bits set"),
        (["/tmp", "--provider", "none"], 2, "nothing to serve"),
        (["--memory", "--provider", "none", "--tcp", "0", "--listen", "192.0.2.1", *ANYBODY], 1,
         "cannot serve TCP at 192.0.2.1"),
        (["--memory", "--listen", "192.0.2.1", *ANYBODY], 1, "cannot serve RDMA"),
        (["--memory", "--listen", "192.0.2.1"], 2, "say which of them may connect"),
        (["--memory", "--listen", "0.0.0.0"], 2, "say which of them may connect"),
        (["--memory", "--listen", "::"], 2, "say which of them may connect"),
        (["--memory", "--allow-users", "no-such-user"], 2, "no user 'no-such-user'"),
        (["=/tmp"], 2, "has a name before the '='"),
        (["/tmp:rw,no_such_word"], 2, "no option of an export"),
        (["/tmp", "--state-dir", "/proc/none"], 1, "cannot keep state"),
        (["../x/..=/tmp", "/tmp"], 1, "is no name for an export"),
    ],
)  # fmt: skip
def test_serve_says_what_is_wrong(arguments: list[str], status: int, says: str) -> None:
    result = CliRunner().invoke(serve, arguments)
    assert result.exit_code == status, result.output
    assert says in result.output
    assert "Traceback" not in result.output


def test_serve_in_process() -> None:
    """The whole command, ended from another thread as by a signal."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]

    def end() -> None:
        while signal.getsignal(signal.SIGTERM) is before[0]:
            time.sleep(0.01)  # it does not listen yet
        os.kill(os.getpid(), signal.SIGTERM)

    ender = threading.Thread(target=end, daemon=True)
    ender.start()
    try:
        result = CliRunner().invoke(
            serve, ["--memory", "--provider", "none", "--tcp", "0", "--read-only"]
        )
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("nfs+tcp://127.0.0.1:")


def test_export_arguments(tmp_path: Path) -> None:
    odd = tmp_path / "a=b"
    odd.mkdir()
    assert parse_export(str(odd), alone=True) == ("", str(odd))
    assert parse_export(str(odd), alone=False) == ("a=b", str(odd))
    assert parse_export("name=/dir", alone=True) == ("name", "/dir")
    assert parse_export("/a/b/", alone=False) == ("b", "/a/b/")


def test_urls() -> None:
    assert ListenAddress("rdma", "127.0.0.1", 20049).url("") == "nfs+rdma://127.0.0.1/"
    assert ListenAddress("rdma", "::1", 20049).url("a") == "nfs+rdma://[::1]/a"
    assert ListenAddress("rdma", "0.0.0.0", 20049).url("") == f"nfs+rdma://{socket.gethostname()}/"
    assert ListenAddress("tcp", "127.0.0.1", 20049).url("a/b") == "nfs+tcp://127.0.0.1:20049/a/b"
