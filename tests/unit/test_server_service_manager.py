"""What a service manager is told, and what it hands over."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from nfsrdma.server.edge import service_manager
from nfsrdma.server.edge.service_manager import Notifier, inherited_sockets


@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_is_told(tmp_path: Path, abstract: bool) -> None:
    address = f"@{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0"))
        manager.settimeout(5)
        notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"})
        assert notifier.watchdog_s == 30
        notifier.ready("serving")
        assert manager.recv(1000) == b"READY=1\nSTATUS=serving"
        notifier.reloading()
        first, second = manager.recv(1000).split(b"\n")
        assert first == b"RELOADING=1"
        assert second.removeprefix(b"MONOTONIC_USEC=").isdigit()
        notifier.alive()
        assert manager.recv(1000) == b"WATCHDOG=1"
        notifier.replaced_by(77)
        assert manager.recv(1000) == b"MAINPID=77"
        notifier.stopping()
        assert manager.recv(1000).startswith(b"STOPPING=1")


def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    notifier = Notifier({})
    notifier.ready("serving")
    assert not notifier.watchdog_s
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready("serving")
    assert not Notifier({"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}).watchdog_s
    assert not Notifier({"WATCHDOG_USEC": "5 s"}).watchdog_s


def given(count: object = 1, names: str = "") -> dict[str, str]:
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": names}


def test_sockets_that_are_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(service_manager, "_FIRST", os.dup(listening.fileno()))
        environment = given(names="nfs")
        (sock,) = inherited_sockets(environment)
        assert sock.getsockname() == listening.getsockname()
        assert not sock.get_inheritable()
        sock.close()
        assert environment == {}, "nobody takes them twice"


def test_what_is_for_another_process_is_left_alone() -> None:
    assert inherited_sockets({}) == []
    assert inherited_sockets({**given(), "LISTEN_PID": "1"}) == []
    assert inherited_sockets(given("x")) == []
    with pytest.raises(ValueError, match="more than"):
        inherited_sockets(given(1000))


def test_what_is_no_listening_socket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setattr(service_manager, "_FIRST", reader)
    with pytest.raises(ValueError, match=rf"descriptor {reader} \(nfs\).* is no socket"):
        inherited_sockets(given(names="nfs"))
    os.close(reader)
    os.close(writer)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        monkeypatch.setattr(service_manager, "_FIRST", udp.fileno())
        with pytest.raises(ValueError, match="no listening TCP socket"):
            inherited_sockets(given())
