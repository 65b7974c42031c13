"""What ``nfsrdma conform`` needs beside RDMA: a restart, a port mapper, MOUNT, an NFSv3 server."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.hosts import loopback
from tests.support.nfs3_server import MOUNT_PORT, Version3, beside
from tests.support.nfs_live import LiveServer

from nfsrdma.cli.conform import conform
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import listen_tcp
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.rpc.channel import IncomingCall
from nfsrdma.rpcrdma.transport import listen_rdma
from nfsrdma.xdr import Encoder

PORTMAP = 111


def verdicts(folder: Path, *arguments: str) -> dict[str, str]:
    """What came of each test: the verdict, and what was observed."""
    options = [*arguments, "--report", str(folder), "--timeout", "20"]
    ran = CliRunner().invoke(conform, options, catch_exceptions=False)
    found = json.loads((folder / "report.json").read_text())
    assert not found["interrupted"], ran.output
    return {each["id"]: f"{each['verdict']}: {each['observed']}" for each in found["tests"]}


@pytest.mark.parametrize("provider", ["soft", "shm"])
def test_a_restart_by_a_command(provider: str, tmp_path: Path) -> None:
    server = LiveServer(rdma=True)
    ask, done = tmp_path / "ask", tmp_path / "done"
    os.mkfifo(ask)
    os.mkfifo(done)

    def restarter() -> None:
        ask.read_text()
        server.restart()
        done.write_text("up")

    thread = threading.Thread(target=restarter, daemon=True)
    thread.start()
    try:
        url = server.rdma_url if provider == "soft" else server.shm_url
        command = f"echo now > {ask}; cat {done}"
        found = verdicts(
            *(tmp_path / "out", url, "--provider", provider),
            *("--only", "RR8", "--restart-cmd", command),
        )
    finally:
        server.stop()
    assert found["RR8"].startswith("passed: NFS4ERR_"), found


def test_a_restart_that_nobody_can_make_is_said(tmp_path: Path) -> None:
    server = LiveServer(rdma=True)
    try:
        plain = verdicts(tmp_path / "a", server.rdma_url, "--only", "RR8,GS1,NB3,NB7")
        failing = verdicts(
            *(tmp_path / "b", server.rdma_url, "--only", "RR8"),
            *("--restart-cmd", "echo we cannot; exit 3"),
        )
    finally:
        server.stop()
    assert all(each.startswith("skipped: ") for each in plain.values()), plain
    assert "--restart-cmd" in plain["RR8"]
    assert "GSS-API" in plain["GS1"]
    assert "port 111 by TCP" in plain["NB3"]
    assert failing["RR8"].startswith("skipped: ")
    assert "exit status 3: we cannot" in failing["RR8"]


@contextmanager
def version_3(host: str, provider: str) -> Iterator[None]:
    """NFSv3 over RDMA at a host, with its port mapper and MOUNT."""
    reactor = SelectReactor()
    address = host.encode() + b".78.81"

    def answering(port: int) -> object:
        def answer(call: IncomingCall) -> None:
            asked = bytes(call.decoder.peek(call.decoder.remaining()))
            reply = Encoder()
            reply.buffer += beside(port, asked, address)
            call.reply(reply)

        return answer

    listeners = [
        listen_tcp(reactor, host, port, answering(port))  # type: ignore[arg-type]
        for port in (PORTMAP, MOUNT_PORT)
    ]
    device = open_device(provider, reactor, rng=random.SystemRandom(), address=host)
    listen_rdma(device, reactor, host, 20049, Version3())
    thread = threading.Thread(target=reactor.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        reactor.stop()
        thread.join(10)
        for listener in listeners:
            listener.close()
        device.close()
        reactor.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="ports below 1024 take root")
@pytest.mark.parametrize("provider", ["soft", "shm"])
def test_version_3_by_the_handles_of_mount(provider: str, tmp_path: Path) -> None:
    host = loopback(78)
    with version_3(host, provider):
        found = verdicts(
            *(tmp_path / "out", f"nfs+rdma://{host}/export", "--provider", provider),
            *("--only", "NB3,NB4,NB7,RR3"),
        )
    assert len(found) == 4
    assert all(each.startswith("passed: ") for each in found.values()), found
    assert "20049" in found["NB7"] or "78.81" in found["NB7"]
