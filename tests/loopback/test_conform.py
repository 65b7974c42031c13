"""``nfsrdma conform`` against our own server over soft and shm, and against what is no server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.hosts import loopback
from tests.support.nfs_live import LiveServer

from nfsrdma.cli.conform import conform
from nfsrdma.conform.case import CASES


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(path=str(tmp_path_factory.mktemp("export")), rdma=True)
    yield server
    server.stop()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(conform, list(arguments), catch_exceptions=False)


SOME = "HD2,HD8,RC1,RC9,WC3,WC7,RP1,RP9,RR1,CM3,CM4,FT1,FT2,FT6"


@pytest.mark.parametrize("provider", ["soft", "shm"])
def test_our_server_passes(server: LiveServer, provider: str, tmp_path: Path) -> None:
    url = server.rdma_url if provider == "soft" else server.shm_url
    out = tmp_path / "out"
    ran = run(url, "--provider", provider, "--only", SOME, "--destructive", "--report", str(out))
    assert ran.exit_code == 0, ran.output
    found = json.loads((out / "report.json").read_text())
    verdicts = {test["id"]: test["verdict"] for test in found["tests"]}
    assert len(verdicts) == len(SOME.split(","))
    assert set(verdicts.values()) <= {"passed", "skipped"}
    skipped = {name for name, verdict in verdicts.items() if verdict == "skipped"}
    unseen = {"RP9", "CM3", "CM4", "FT1", "FT2", "FT6"} if provider == "shm" else set()
    assert skipped == unseen
    assert (out / "junit.xml").read_bytes()
    assert (out / "captures" / "RC9.pcapng").exists() == (provider == "soft")
    assert server.path is not None
    assert not list(Path(server.path).iterdir()), "files were left"


def test_the_list_and_a_comparison(server: LiveServer, tmp_path: Path) -> None:
    assert all(name in run("--list", "--destructive", "--long").output for name in CASES)
    for name in ("a", "b"):
        folder = str(tmp_path / name)
        assert run(server.rdma_url, "--only", "HD2", "--report", folder).exit_code == 0
    reports = [tmp_path / name / "report.json" for name in ("a", "b")]
    same = run("--compare", *map(str, reports))
    assert same.exit_code == 0
    assert "0 verdicts differ" in same.output
    reports[1].write_text(reports[1].read_text().replace('"passed"', '"failed"'))
    assert run("--compare", *map(str, reports)).exit_code == 1
    reports[1].write_text("{}")
    assert run("--compare", *map(str, reports)).exit_code == 2


def test_wrong_usage() -> None:
    for arguments in (
        (),
        ("nfs+tcp://127.0.0.1/",),
        ("nfs+rdma://127.0.0.1/", "--only", "XX"),
        ("nfs+rdma://127.0.0.1/", "--severity", "grave"),
    ):
        assert run(*arguments).exit_code == 2


def test_nobody_there_is_said() -> None:
    """Neither a port where nobody listens nor one that only speaks TCP is a server for us."""
    host = loopback(77)
    with socket.create_server((host, 20049)):
        ran = run(f"nfs+rdma://{host}/", "--only", "HD2", "--timeout", "0.5")
    assert ran.exit_code == 2
    assert "server: nfs+rdma://" in ran.output
    assert "port 20049 answers by TCP" in ran.output


def test_an_interrupt_leaves_a_report_and_no_file(server: LiveServer, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "nfsrdma", "conform", server.rdma_url, "--report", str(out)]
    command += ["--only", "RC*,WC*"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=None
    )
    assert process.stdout is not None
    while "RC1 " not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    found = json.loads((out / "report.json").read_text())
    assert found["interrupted"]
    assert 0 < len(found["tests"]) < len(CASES)
    assert server.path is not None
    deadline = time.monotonic() + 10
    while list(Path(server.path).iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(Path(server.path).iterdir())
