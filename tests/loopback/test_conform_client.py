"""``nfsrdma conform --client`` against our own client over soft and shm, run as a command."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.hosts import loopback

from nfsrdma.cli.conform import conform
from nfsrdma.conform.client.catalogue import SCENARIOS

SOME = "CL1,CL10,CL12"
WORK = """
import sys, nfsrdma.client as nfs
data = bytes(range(256)) * 401 + b"odd"
try:
    with nfs.mount(sys.argv[1], timeout=20) as fs:
        fs.write_bytes("file", data)
        sys.exit(0 if fs.read_bytes("file") == data else 3)
except OSError as error:
    sys.exit(f"told: {error}")
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(conform, list(arguments), catch_exceptions=False)


@pytest.mark.parametrize("provider", ["soft", "shm"])
def test_our_client_passes(provider: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    host = loopback(91)
    script = tmp_path / "work.py"
    script.write_text(WORK)
    work = f"{sys.executable} {shlex.quote(str(script))} {{url}}"
    ran = run("--client", host, "--provider", provider, "--workload-cmd", work,
              "--only", f"{SOME},CL42", "--seed", "1", "--report", str(out))  # fmt: skip
    assert ran.exit_code == 0, ran.output
    found = json.loads((out / "report.json").read_text())
    verdicts = {test["id"]: test["verdict"] for test in found["tests"]}
    assert verdicts.pop("CL42") == ("passed" if provider == "soft" else "skipped")
    assert verdicts == dict.fromkeys(SOME.split(","), "passed")
    assert (out / "captures" / "CL12.pcapng").exists() == (provider == "soft")
    assert "Clients" in (out / "junit.xml").read_text()


def test_a_client_that_does_nothing_right_fails(tmp_path: Path) -> None:
    """The command says that data were wrong; or the mount fails; or nothing ever ends."""
    host = loopback(92)
    wrong = run("--client", host, "--workload-cmd", "exit 3", "--only", "CL1")
    assert wrong.exit_code == 1
    assert "wrong data" in wrong.output
    mount = run("--client", host, "--mount-cmd", "echo no such thing; false", "--only", "CL1")
    assert mount.exit_code == 1
    assert "the client did not mount: exit status 1: no such thing" in mount.output
    hung = run("--client", host, "--workload-cmd", "sleep 77", "--timeout", "0.3", "--only", "CL1")
    assert hung.exit_code == 1
    assert "hangs: `sleep 77` did not end in 0.3 s" in hung.output


def test_mounts_are_undone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    say = f">> {shlex.quote(str(log))}"
    ran = run("--client", f"{loopback(93)}:4711", "--only", "CL5", "--mount-cmd",
              f"echo mount {{host}} {{port}} {{export}} {say}", "--umount-cmd",
              f"ls -d {{dir}} && echo umount {say}", "--workload-cmd",
              f"echo work {say}")  # fmt: skip
    assert ran.exit_code == 0, ran.output
    assert log.read_text().splitlines() == [f"mount {loopback(93)} 4711 /", "work", "umount"]


@pytest.mark.parametrize("mount", ["false", "sleep 77"])
def test_what_did_not_mount_is_unmounted_as_well(tmp_path: Path, mount: str) -> None:
    """The command may have failed behind the mount, or be late: the next test must not find it."""
    undone = f"touch {shlex.quote(str(tmp_path / 'undone'))}"
    ran = run("--client", f"{loopback(97)}:4711", "--only", "CL5", "--timeout", "0.5",
              "--mount-cmd", mount, "--umount-cmd", undone)  # fmt: skip
    assert ran.exit_code == 1, ran.output
    assert (tmp_path / "undone").exists()
    assert "hangs: `sleep 77` did not end" in ran.output or mount == "false"


def test_an_unmount_that_hangs_ends_nothing_else() -> None:
    ran = run("--client", f"{loopback(97)}:4711", "--only", "CL5,CL6", "--timeout", "0.5",
              "--mount-cmd", "true", "--workload-cmd", "true",
              "--umount-cmd", "sleep 77")  # fmt: skip
    assert "2/2 CL6" in ran.output, ran.output


def test_by_hand_the_line_is_shown() -> None:
    """Nobody mounts: that is said after the time."""
    ran = run("--client", loopback(94), "--only", "CL1", "--timeout", "0.2")
    assert ran.exit_code == 1
    assert f"proto=rdma,port=20049 {loopback(94)}:/ DIRECTORY" in ran.output
    assert "nobody mounted" in ran.output


def test_wrong_usage() -> None:
    host = loopback(95)
    for arguments in (
        ("--client", "no such host.invalid"),
        ("--client", f"{host}:0"),
        ("--client", f"{host}:x"),
        ("--client", host, "nfs+rdma://127.0.0.1/"),
        ("--client", host, "--workload-cmd", "{nothing}"),
        ("--client", host, "--workload-cmd", "{"),
        ("--client", host, "--only", "RC1"),
        ("--client", "192.0.2.77", "--only", "CL1"),
    ):
        ran = run(*arguments)
        assert ran.exit_code == 2, (arguments, ran.output)
    assert all(name in run("--client", host, "--list").output for name in SCENARIOS)


def test_an_interrupt_leaves_a_report(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "nfsrdma", "conform", "--client", loopback(96)]
    command += ["--only", "CL5,CL6", "--report", str(out), "--mount-cmd", "true"]
    command += ["--umount-cmd", f"touch {tmp_path}/umounted"]
    command += ["--workload-cmd", f"test -e {tmp_path}/first && sleep 55; touch {tmp_path}/first"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "CL5 " not in (line := process.stdout.readline()):
        assert line or process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    found = json.loads((out / "report.json").read_text())
    assert found["interrupted"]
    assert [test["id"] for test in found["tests"]] == ["CL5"]
    assert (tmp_path / "umounted").exists()
