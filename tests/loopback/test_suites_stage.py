"""Where foreign suites play: a server that a suite may have killed and started again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.suites.stage import NAME, Setting, Stage, StageError

from nfsrdma import client


def test_a_suite_restarts_the_server_and_finds_its_own_setting(tmp_path: Path) -> None:
    setting = Setting(("--refer", "away=192.0.2.1:/there"), special="away")
    with Stage(tmp_path / "stage", "tcp", setting=setting) as stage:
        host, port = stage.address
        url = f"nfs+tcp://{host}:{port}/"
        with client.mount(url) as mount, stage.restarts() as helper:
            mount.write_bytes(f"{NAME}/f", b"before")
            assert sorted(mount.listdir("/")) == ["away", NAME]
            done = subprocess.run([helper, "reboot"], capture_output=True, timeout=60)
            assert done.stdout == b"restarted\n"
            assert stage.address == (host, port)
            assert mount.read_bytes(f"{NAME}/f") == b"before"
            assert mount.stats.sessions > 1


def test_an_export_has_the_words_of_a_setting(tmp_path: Path) -> None:
    setting = Setting(words=("utf8_only", "async"))
    with Stage(tmp_path / "stage", "tcp", setting=setting) as stage:
        host, port = stage.address
        with client.mount(f"nfs+tcp://{host}:{port}/") as mount:
            mount.write_bytes("plain", b"")
            with pytest.raises(OSError, match="NFS4ERR_INVAL"):
                mount.mkdir(b"\xff")
            assert mount.listdir("/") == ["plain"]


def test_another_server_is_not_restarted(tmp_path: Path) -> None:
    with (
        Stage(tmp_path / "stage", "tcp", "nfs+tcp://127.0.0.1:2049/") as stage,
        pytest.raises(StageError, match="another server"),
        stage.restarts(),
    ):
        raise AssertionError("not reached")
