"""The crash loop in small; and that it notices what is lost, torn or done twice."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tests.crash.journal import Counted, verify
from tests.crash.loop import kill_clients, kill_servers, succeed_servers, upgrade_servers
from tests.crash.pattern import BLOCK, BLOCKS, block


def quiet(text: str) -> None:
    """Say nothing."""


@pytest.mark.parametrize("transport", ["tcp", "shm"])
def test_what_was_acknowledged_survives_a_killed_server(tmp_path: Path, transport: str) -> None:
    findings = kill_servers(transport, 2, tmp_path, random.Random(1), quiet)
    assert not findings.faults


def test_what_was_acknowledged_survives_a_killed_client(tmp_path: Path) -> None:
    findings = kill_clients("soft", 2, tmp_path, random.Random(2), quiet)
    assert not findings.faults


@pytest.mark.parametrize("transport", ["tcp", "soft"])
def test_clients_notice_nothing_of_upgrades_and_reloads(tmp_path: Path, transport: str) -> None:
    findings = upgrade_servers(transport, 2, tmp_path, random.Random(3), quiet)
    assert not findings.faults


@pytest.mark.parametrize("transport", ["tcp", "soft", "shm"])
def test_clients_notice_nothing_of_a_successor(tmp_path: Path, transport: str) -> None:
    findings = succeed_servers(transport, 2, tmp_path, random.Random(4), quiet)
    assert not findings.faults


def written(folder: Path, *lines: list[object]) -> Path:
    path = folder / "journal"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def content(name: str, *versions: int) -> bytes:
    return b"".join(block(name, version, index) for index, version in enumerate(versions))


@pytest.mark.parametrize(
    ("versions", "faults"),
    [((2, 2, 2, 2), 0), ((2, 3, 2, 3), 0), ((2, 2, 2, 1), 1), ((2, 2, 2, 4), 1), ((2, 2, 2), 1)],
)
def test_versions_that_may_be_there(tmp_path: Path, versions: list[int], faults: int) -> None:
    top = tmp_path / "top"
    top.mkdir()
    (top / "f").write_bytes(content("f", *versions))
    begun: list[object] = ["writing", "f", 3] if 3 in versions else ["writing", "f", 2]
    journal = written(tmp_path, ["writing", "f", 2], ["synced", "f", 2], begun)
    assert len(verify(journal, top).faults) == faults


def test_a_torn_block_is_a_fault_unless_a_later_version_was_on_its_way(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    data = bytearray(content("f", *[1] * BLOCKS))
    data[BLOCK + 7] ^= 1
    (top / "f").write_bytes(data)
    acknowledged: list[list[object]] = [["writing", "f", 1], ["synced", "f", 1]]
    assert len(verify(written(tmp_path, *acknowledged), top).faults) == 1
    journal = written(tmp_path, *acknowledged, ["writing", "f", 2])
    assert not verify(journal, top).faults


@pytest.mark.parametrize(
    ("lines", "there", "faults"),
    [
        ([["done", "create", "a"]], ["a"], 0),
        ([["done", "create", "a"]], [], 1),
        ([["done", "create", "a"], ["done", "rename", "a", "b"]], ["b"], 0),
        ([["done", "create", "a"], ["done", "rename", "a", "b"]], ["a", "b"], 1),
        ([["done", "create", "a"], ["try", "remove", "a"]], [], 0),
        ([["done", "create", "a"], ["try", "remove", "a"]], ["a"], 0),
        ([["done", "create", "a"], ["done", "remove", "a"]], ["a"], 1),
        ([["uncertain", "mkdir", "m"]], [], 0),
        ([["error", "rename", "a", "b", "FileNotFoundError", "done twice"]], [], 1),
    ],
)
def test_names_that_may_be_there(
    tmp_path: Path, lines: list[list[object]], there: list[str], faults: int
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    for name in there:
        (top / name).touch()
    assert len(verify(written(tmp_path, *lines), top).faults) == faults


@pytest.mark.parametrize(
    ("journals", "found", "faults"),
    [
        ([[["counting"], ["counted", 1]], [["counting"], ["counted", 2]]], b"2", 0),
        ([[["counting"], ["counted", 1]], [["counting"]]], b"2", 0),
        ([[["counting"], ["counted", 1]], [["counting"], ["counted", 1]]], b"1", 1),
        ([[["counting"], ["counted", 1]], []], b"2", 1),
        ([[["counting"], ["counted", 1], ["counting"], ["counted", 2]], []], b"1", 1),
    ],
)
def test_numbers_that_were_counted_under_a_lock(
    tmp_path: Path, journals: list[list[list[object]]], found: bytes, faults: int
) -> None:
    counted = Counted()
    for number, lines in enumerate(journals):
        folder = tmp_path / str(number)
        folder.mkdir()
        counted.read(written(folder, *lines))
    shared = tmp_path / "shared"
    shared.write_bytes(found)
    assert len(counted.compare(shared)) == faults
