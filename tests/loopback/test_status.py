"""``nfsrdma status``: the picture of a server, the control socket, and what people read."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.cli import asking
from nfsrdma.cli import status as cli
from nfsrdma.rpcrdma.io import callers
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.server.edge.control import ControlError, ControlSocket, ask, new_place
from nfsrdma.server.status import ServerStatus, status_of


class Asked:
    """A reactor on a thread, with a control socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said: Any = {"x": 1}
        self.reactor = SelectReactor()
        self.socket = ControlSocket(self.reactor, path, {"status": self._answer})
        self.thread = threading.Thread(target=self.reactor.run_forever, daemon=True)
        self.thread.start()

    def _answer(self, about: str) -> Any:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said

    def stop(self) -> None:
        self.reactor.stop()
        self.thread.join()
        self.socket.close()
        self.reactor.close()

    def raw(self, question: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(self.path))
            answer = b""
            try:
                sock.sendall(question)
                while more := sock.recv(1 << 16):
                    answer += more
            except ConnectionError:
                pass
            return answer


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    made = Asked(tmp_path / "c.sock")
    yield made
    made.stop()


def test_the_picture_of_a_server() -> None:
    server = LiveServer(rdma=True)
    try:
        with nfs.mount(server.url) as tcp, nfs.mount(server.rdma_url, provider="soft") as rdma:
            held = tcp.open("f", "w+b")
            held.lock(start=0, length=10)
            rdma.listdir()
            found = server.call(lambda: status_of(server.server, server.reactor.time()))
            secrets = server.call(lambda: [each.hex() for each in server.server.registry.sessions])
            held.close()
        check_picture(found, os.geteuid())
        text = json.dumps(asdict(found))
        assert secrets
        assert not any(secret in text for secret in secrets)
        seen = {"version": "1", "process": 7, **json.loads(text)}
        lines = "\n".join(cli.shown(seen))
        assert "1 open, 1 lock, 0 delegations" in lines
        assert "rdma/soft" in lines
        assert " of 128" in lines
        assert "NFS 4.2" in lines
        gone = server.call(lambda: status_of(server.server, server.reactor.time() + 5))
        assert all(each.lease_left_s < 0 for each in gone.clients)
    finally:
        server.stop()


def check_picture(found: ServerStatus, user: int) -> None:
    (export,) = found.exports
    assert (export.name, export.hosts, export.files_in_use) == ("/", (), 1)
    assert {(each.transport, each.connections) for each in found.listeners} >= {("tcp", 1)}
    clients = {each.sessions[0].connections[0].transport: each for each in found.clients}
    tcp, rdma = clients["tcp"], clients["rdma"]
    assert (tcp.opens, tcp.locks, rdma.opens) == (1, 1, 0)
    assert (tcp.user, tcp.version, tcp.confirmed) == (user, "4.2", True)
    assert 0 <= tcp.lease_age_s < tcp.lease_age_s + tcp.lease_left_s == pytest.approx(4)
    (connection,) = rdma.sessions[0].connections
    assert connection.credits is not None
    assert connection.credits.granted > 1
    assert connection.calls > 2
    assert tcp.sessions[0].connections[0].credits is None
    assert found.amounts["locks"].held == 1
    assert found.amounts["clients"].held == 2


def test_it_answers_its_own_user_alone(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(asked.path, "status") == {"x": 1}
    assert asked.path.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(callers, "peer_user", lambda sock: os.geteuid() + 1)
    with pytest.raises(ControlError, match="root and its own user"):
        ask(asked.path, "status")


@pytest.mark.parametrize(
    "question",
    [b"\n", b"[]\n", b'{"ask": []}\n', b'{"ask": "x"}\n', b"[" * 4000 + b"\n"],
    ids=["empty", "list", "no name", "unknown", "deep"],
)
def test_a_bad_question_has_an_error(asked: Asked, question: bytes) -> None:
    assert "there is: status" in json.loads(asked.raw(question))["error"]


def test_what_callers_may_take_is_bounded(asked: Asked) -> None:
    assert asked.raw(b"x" * 10_000) == b""
    silent = []
    for _ in range(8):
        silent.append(socket.socket(socket.AF_UNIX))
        silent[-1].connect(str(asked.path))
    assert asked.raw(b'{"ask": "status"}\n') == b"", "there are eight already"
    for sock in silent:
        sock.close()
    asked.said = ValueError("a fault")
    answer = b""
    while not answer:  # until it has seen that the others have left
        answer = asked.raw(b'{"ask": "status"}\n')
    assert "failed to answer" in json.loads(answer)["error"]


def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    first = Asked(path)
    assert ask(path, "status") == {"x": 1}
    with pytest.raises(OSError) as caught:
        ControlSocket(first.reactor, path, {})
    assert caught.value.errno == errno.EADDRINUSE
    # One that took its place is not the first one's to remove.
    path.unlink()
    path.write_text("a file")
    first.stop()
    with pytest.raises(OSError) as caught:
        ControlSocket(SelectReactor(), path, {})
    assert caught.value.errno == errno.EEXIST
    assert path.read_text() == "a file"
    assert list(tmp_path.iterdir()) == [path]


def test_the_directory_is_swept_and_is_nobody_elses(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    place = new_place(directory)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    (directory / "x.sock").write_text("a file")
    assert new_place(directory) != place
    assert [path.name for path in directory.iterdir()] == ["x.sock"]
    directory.chmod(0o777)
    with pytest.raises(PermissionError):
        new_place(directory)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.status, arguments)
    return result.exit_code, result.output


def picture(port: int, name: str = "c") -> dict[str, Any]:
    listener = {"transport": "tcp", "provider": "", "address": "127.0.0.9", "port": port}
    client = {"id": "1", "name": name, "address": "10.0.0.1", "user": None, "version": ""}
    client |= {"confirmed": False, "lease_age_s": 0, "lease_left_s": 9, "recalled": 0}
    client |= {"opens": 0, "locks": 0, "delegations": 0, "sessions": [], "sessions_left_out": 3}
    return {
        "version": "1",
        "process": port,
        "up_s": 90061,
        "lease_s": 90,
        "grace_s": 5,
        "draining": True,
        "listeners": [{**listener, "connections": 0}],
        "exports": [],
        "clients": [client],
        "clients_left_out": 2,
        "other_connections": [],
        "other_connections_left_out": 0,
        "amounts": {},
    }


def test_which_server_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "control_directory", lambda: tmp_path)
    assert run()[0] == 1
    assert "no server of this user runs here" in run()[1]
    servers = [Asked(tmp_path / f"{port}.sock") for port in (1, 2)]
    for port, server in enumerate(servers, 1):
        server.said = picture(port)
    try:
        status, output = run()
        assert status == 1
        assert "process 1 at 127.0.0.9:1; process 2 at 127.0.0.9:2" in output
        assert "process 2, up 1 d 1 h" in run("127.0.0.9:2")[1]
        assert "listens at 127.0.0.8" in run("127.0.0.8")[1]
        assert json.loads(run("127.0.0.9:2", "--json")[1])["process"] == 2
    finally:
        for server in servers:
            server.stop()


def test_who_may_only_read_and_who_is_waited_for(asked: Asked) -> None:
    asked.said = picture(1)
    export = {"name": "/a", "read_only": False, "squash": "root", "files_in_use": 0}
    hosts = {"hosts": ["10.1.0.0/16", "10.2.0.0/16"], "readers": ["10.2.0.0/16"]}
    asked.said |= {"exports": [export | hosts], "awaited": ["a\x1b of 10.0.0.1"]}
    status, output = run(str(asked.path))
    assert status == 0
    assert "10.1.0.0/16, 10.2.0.0/16 (read only)" in output
    assert "waits for a\\x1b of 10.0.0.1" in output


def test_what_waits_for_what(asked: Asked) -> None:
    lock = {"what": "lock", "path": "/a/f", "waiting": "1", "holding": "2"}
    recall = {"what": "delegation", "path": "/a/g", "waiting": "", "holding": "3"}
    asked.said = picture(1) | {"waits": [lock, lock | {"holding": ""}, recall]}
    output = run(str(asked.path))[1]
    assert "1 waits for a lock on /a/f, which 2 has" in output
    assert "1 waits for a lock on /a/f, which no client has" in output
    assert "3 is asked for its delegation of /a/g" in output


def test_what_is_shown_is_safe_on_a_terminal(asked: Asked) -> None:
    asked.said = picture(1, "evil\x1b[2J\n")
    status, output = run(str(asked.path))
    assert status == 0
    assert "evil\\x1b[2J\\n" in output
    assert "\x1b" not in output
    assert "grace period: 5 s more" in output
    assert "and 2 more clients" in output
    for nonsense in ({"x": 1}, [1], 7, {**picture(1), "clients": [3]}):
        asked.said = nonsense
        status, output = run(str(asked.path))
        assert status == 1
        assert "makes no sense" in output
