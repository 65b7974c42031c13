"""``nfsrdma doctor``: each finding says what to do, and only what is in the way fails."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
from click.testing import CliRunner

from nfsrdma.cli import doctor as command
from nfsrdma.cli import doctor_checks as doctor


def test_every_check_is_in_the_table() -> None:
    result = CliRunner(env={"COLUMNS": "160"}).invoke(command.doctor)
    assert result.exit_code == 0, result.output
    for finding in doctor.findings():
        assert finding.what in result.output
        assert finding.advice or finding.verdict == doctor.GOOD


def test_devices_are_listed(tmp_path: Path) -> None:
    assert doctor.check_rdma_devices(tmp_path / "absent").verdict == doctor.FAIR
    (tmp_path / "rxe0").mkdir()
    found = doctor.check_rdma_devices(tmp_path)
    assert (found.verdict, found.found) == (doctor.GOOD, "rxe0")


@pytest.mark.parametrize(
    ("octets", "user", "verdict"),
    [(4 << 20, 1000, doctor.GOOD), (212_992, 1000, doctor.FAIR), (212_992, 0, doctor.GOOD)],
)
def test_socket_buffers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: int, user: int, verdict: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    for name in ("rmem_max", "wmem_max"):
        (tmp_path / name).write_text(f"{octets}\n")
    assert doctor.check_buffers(tmp_path).verdict == verdict


def test_unknown_socket_buffers(tmp_path: Path) -> None:
    assert doctor.check_buffers(tmp_path).found == "unknown"


def test_a_taken_port_is_an_obstacle_only_if_it_is_taken_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "_can_bind", lambda address, port: address != "127.0.0.1")
    finding = doctor.check_roce_port()
    assert (finding.verdict, finding.found) == (doctor.FAIR, "in use on 127.0.0.1")
    monkeypatch.setattr(doctor, "_can_bind", lambda address, port: False)
    assert doctor.check_roce_port().verdict == doctor.BAD
    assert CliRunner().invoke(command.doctor).exit_code == 1
    monkeypatch.setattr(doctor, "_can_bind", lambda address, port: True)
    assert doctor.check_roce_port().verdict == doctor.GOOD


def test_a_port_that_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        assert not doctor._can_bind("127.0.0.1", port)
    assert doctor._can_bind("127.0.0.1", port)


def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for check in (doctor.check_tshark, doctor.check_qemu, doctor.check_pyverbs):
        finding = check()
        assert finding.verdict == doctor.FAIR
        assert "apt-get install" in finding.advice
    assert "zlib-ng" in doctor.check_python().advice


def test_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    version = subprocess.CompletedProcess([], 0, "TShark 9.9\nmore\n")
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: version)
    assert doctor.check_tshark().found == "TShark 9.9"
    for check in (doctor.check_qemu, doctor.check_pyverbs, doctor.check_python):
        assert check().verdict == doctor.GOOD


def test_native_modules_that_run_are_switched_off_or_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def findings_with(error: Exception | None) -> list[doctor.Finding]:
        def import_module(name: str) -> object:
            if error is not None:
                raise error
            return object()

        monkeypatch.setattr(importlib, "import_module", import_module)
        found = list(doctor.check_native())
        assert len(found) == len(doctor.NATIVE_MODULES)
        return found

    assert all(finding.verdict == doctor.GOOD for finding in findings_with(None))
    for finding in findings_with(ModuleNotFoundError("No module named _kernel")):
        assert finding.verdict == doctor.FAIR
        assert "gcc" in finding.advice
    for finding in findings_with(ImportError("switched off by NFSRDMA_NATIVE=0")):
        assert finding.verdict == doctor.FAIR
        assert "NFSRDMA_NATIVE=0" in finding.found


def test_a_compiled_dissector_that_runs_is_switched_off_or_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NFSRDMA_NATIVE", raising=False)
    (tmp_path / "dissector").mkdir()
    (tmp_path / "dissector/pipeline.py").touch()
    missing = doctor.check_compiled(tmp_path)
    assert (missing.verdict, missing.found) == (doctor.FAIR, "not built")
    assert "NFSRDMA_COMPILED=1" in missing.advice
    (tmp_path / f"dissector/pipeline{EXTENSION_SUFFIXES[0]}").touch()
    assert doctor.check_compiled(tmp_path).verdict == doctor.GOOD
    monkeypatch.setenv("NFSRDMA_NATIVE", "0")
    off = doctor.check_compiled(tmp_path)
    assert off.verdict == doctor.FAIR
    assert "NFSRDMA_NATIVE=0" in off.found


class _OldKernel(socket.socket):
    """No UDP segmentation, no IPv6."""

    def setsockopt(self, *arguments: object) -> None:
        raise OSError(92, "Protocol not available")

    def bind(self, address: object) -> None:
        raise OSError(99, "Cannot assign requested address")


def test_an_old_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", _OldKernel)
    assert doctor.check_segmentation().verdict == doctor.FAIR
    assert doctor.check_ipv6().verdict == doctor.FAIR


@pytest.mark.parametrize(("user", "says"), [(0, "root"), (1000, "uid 1000")])
def test_privileges(monkeypatch: pytest.MonkeyPatch, user: int, says: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert doctor.check_privileges().found.startswith(says)


@pytest.mark.parametrize(
    ("error", "root", "helper", "mode", "found"),
    [
        (FileNotFoundError(2, "No such file"), True, None, 0, "/dev/fuse is absent"),
        (PermissionError(13, "Permission denied"), False, None, 0, "/dev/fuse: Permission denied"),
        (None, True, None, 0, "available"),
        (None, False, None, 0, "no fusermount3"),
        (None, False, "fusermount3", 0o755, "is not set-user-ID"),
        (None, False, "fusermount3", 0o4755, "available"),
    ],
)
def test_whether_this_user_can_mount(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: OSError | None,
    root: bool,
    helper: str | None,
    mode: int,
    found: str,
) -> None:
    path = tmp_path / "fusermount3"
    path.touch()
    path.chmod(mode)

    def opened(name: str, flags: int) -> int:
        assert name == "/dev/fuse"
        if error is not None:
            raise error
        return os.dup(0)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(doctor, "_has_capability", lambda number: root)
    monkeypatch.setattr(shutil, "which", lambda name: helper and str(path))
    finding = doctor.check_fuse()
    assert finding.found.endswith(found)
    assert (finding.verdict == doctor.GOOD) == (found == "available") == (not finding.advice)


@pytest.mark.parametrize(
    ("rules", "verdict"),
    [
        ("chain input { type filter hook input priority 0; policy accept; }", doctor.GOOD),
        ("chain input { type filter hook input priority 0; policy drop; }", doctor.FAIR),
        (
            "chain i { type filter hook input priority 0; policy drop; udp dport 4791 accept; }",
            doctor.GOOD,
        ),
        (None, doctor.GOOD),
    ],
)
def test_firewalls(monkeypatch: pytest.MonkeyPatch, rules: str | None, verdict: str) -> None:
    listed = subprocess.CompletedProcess([], rules is None, rules or "")
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/sbin/nft")
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: listed)
    assert doctor.check_firewall().verdict == verdict


def test_what_is_named_has_to_be_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        doctor.Finding("FUSE", doctor.FAIR, "no fusermount3", "apt-get install fuse3"),
        doctor.Finding("IPv6", doctor.GOOD, "loopback works"),
    ]
    monkeypatch.setattr(command, "findings", lambda: iter(found))
    run = CliRunner(env={"COLUMNS": "40"}).invoke
    assert run(command.doctor, []).exit_code == 0
    assert run(command.doctor, ["ipv6"]).exit_code == 0
    named = run(command.doctor, ["fuse"])
    assert named.exit_code == 1
    assert "apt-get install fuse3" in named.output
    assert "IPv6" not in named.output
    wrong = run(command.doctor, ["fuze"])
    assert wrong.exit_code == 2
    assert "there are: FUSE, IPv6" in wrong.output
    records = json.loads(run(command.doctor, ["--json"]).output)
    assert [each["what"] for each in records] == ["FUSE", "IPv6"]
    assert set(records[0]) == {"what", "verdict", "found", "advice"}


def test_what_matters_is_said_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        doctor.Finding("fine", doctor.GOOD, "yes"),
        doctor.Finding("a port with a name that is too long for the column", doctor.BAD, "taken"),
        doctor.Finding("other", doctor.FAIR, "no", "install it"),
    ]
    monkeypatch.setattr(command, "findings", lambda: iter(found))
    result = CliRunner(env={"COLUMNS": "60"}).invoke(command.doctor)
    assert result.exit_code == 1
    heads = [line for line in result.output.splitlines() if not line.startswith(" ")]
    assert heads == ["In the way", "", "Optional, and not there", "", "Fine"]
    assert all(len(line) <= 60 for line in result.output.splitlines())
