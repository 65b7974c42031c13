"""Several paths to one server, of each kind: all are used, and one that is cut is not missed."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.paths_live import PathServer, some_octets

import nfsrdma.client as nfs
from nfsrdma.cli.copy import put
from nfsrdma.cli.files import ls
from nfsrdma.client.url import UrlError, parse_url, paths_to

PAIRS = [("soft", "soft"), ("soft", "tcp"), ("shm", "tcp"), ("tcp", "tcp"), ("shm", "soft")]


@pytest.fixture
def servers() -> Iterator[Callable[..., PathServer]]:
    with ExitStack() as stack:
        number = 100

        def serve(*places: str) -> PathServer:
            nonlocal number
            server = PathServer(*places, base=number)
            number += len(places)
            stack.callback(server.stop)
            return server

        yield serve


def becomes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def up(fs: nfs.Mount) -> list[int]:
    return [path.up for path in fs.stats.paths]


def kind(pair: tuple[str, ...]) -> str:
    return "+".join(pair)


def are_equal(pair: tuple[str, str]) -> bool:
    """Whether neither is the last resort."""
    return pair[0] == pair[1] or "tcp" not in pair


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if are_equal(pair)], ids=kind)
def test_both_paths_are_used(
    servers: Callable[..., PathServer], pair: tuple[str, str], tmp_path: Path
) -> None:
    server = servers(*pair)
    with nfs.mount(server.urls[0], paths=server.urls[1:]) as fs:
        assert up(fs) == [1, 1]
        data = some_octets(1, 24 << 20)
        (tmp_path / "in").write_bytes(data)
        fs.put(tmp_path / "in", "f")
        fs.get("f", tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == data
        # Which carries how much of which is for the pace of each to say.
        for path in fs.stats.paths:
            assert path.bytes_sent + path.bytes_received > 1 << 20
        assert fs.stats.sessions == 1


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("pair", PAIRS, ids=kind)
def test_a_path_is_cut_in_the_midst_of_a_copy(
    servers: Callable[..., PathServer], pair: tuple[str, str], which: int, tmp_path: Path
) -> None:
    server = servers(*pair)
    data = some_octets(2, 24 << 20)
    (tmp_path / "in").write_bytes(data)
    with nfs.mount(server.urls[0], paths=server.urls[1:]) as fs:
        cuts = iter([4 << 20, 1 << 62])
        due = next(cuts)

        def progress(told: nfs.Progress) -> None:
            nonlocal due
            if told.octets_done >= due:
                due = next(cuts)
                server.cut_path(which)

        fs.put(tmp_path / "in", "f", progress=progress)
        assert due == 1 << 62, "it was cut"
        assert becomes_true(lambda: not up(fs)[which])
        assert becomes_true(lambda: up(fs)[1 - which] == 1)
        server.mend(which)
        expected = [1, 1] if are_equal(pair) else [int("tcp" not in each) for each in pair]
        assert becomes_true(lambda: up(fs) == expected)
        fs.get("f", tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == data
        assert fs.stats.sessions == 1
        assert fs.listdir("") == ["f"]


def test_a_cable_is_pulled_in_the_midst_of_a_copy(
    servers: Callable[..., PathServer], tmp_path: Path
) -> None:
    """Nobody says that the connection has ended."""
    server = servers("soft", "soft")
    data = some_octets(3, 32 << 20)
    (tmp_path / "in").write_bytes(data)
    with nfs.mount(server.urls[0], paths=server.urls[1:], timeout=2) as fs:
        dark = False

        def progress(told: nfs.Progress) -> None:
            nonlocal dark
            if told.octets_done >= 4 << 20 and not dark:
                dark = True
                server.darken(1)

        fs.put(tmp_path / "in", "f", progress=progress)
        assert dark
        assert up(fs) == [1, 0]
        assert fs.stats.paths[1].trouble
        assert fs.read_bytes("f") == data
        server.mend(1)
        assert becomes_true(lambda: up(fs) == [1, 1])
        assert fs.stats.sessions == 1


@pytest.mark.parametrize("pair", [("soft", "soft"), ("shm", "tcp")], ids=kind)
def test_paths_flap_while_calls_are_made(
    servers: Callable[..., PathServer], pair: tuple[str, str]
) -> None:
    """What would fail if it was done twice is done by several threads all the time."""
    server = servers(*pair)
    with nfs.mount(server.urls[0], paths=server.urls[1:]) as fs:
        stop = threading.Event()

        def work(number: int) -> int:
            count = 0
            while not stop.is_set():
                name = f"w{number}-{count}"
                fs.write_bytes(name, name.encode())
                fs.rename(name, name + "-x")
                fs.remove(name + "-x")
                count += 1
            return count

        with ThreadPoolExecutor(4) as pool:
            results = [pool.submit(work, number) for number in range(4)]
            try:
                for _ in range(4):
                    for which in (0, 1):
                        server.cut_path(which)
                        time.sleep(0.02)
                        server.mend(which)
                        assert becomes_true(lambda: any(up(fs)))
            finally:
                stop.set()
            assert all(result.result() for result in results)
        assert fs.listdir("") == []
        assert fs.stats.sessions == 1


@pytest.mark.parametrize("pair", [("soft", "soft"), ("soft", "tcp"), ("tcp", "tcp")], ids=kind)
def test_another_server_is_no_path(
    servers: Callable[..., PathServer], pair: tuple[str, str]
) -> None:
    server, other = servers(pair[0]), servers(pair[1])
    with pytest.raises(OSError, match="no path to it: another server is there") as caught:
        nfs.mount(server.urls[0], paths=other.urls)
    assert parse_url(other.urls[0]).host in str(caught.value)
    assert becomes_true(lambda: server.count(0) == 0 == other.count(0))


def test_a_path_that_accepts_and_says_nothing(servers: Callable[..., PathServer]) -> None:
    """Its time runs out, and not the mount's, whichever of the paths it is."""
    server = servers("tcp")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"nfs+tcp://127.0.0.1:{silent.getsockname()[1]}/"
        for urls in ((server.urls[0], url), (url, server.urls[0])):
            with nfs.mount(urls[0], paths=urls[1:], timeout=1) as fs:
                fs.write_bytes("f", b"1")
                place = urls.index(url)
                assert fs.stats.paths[place].up == 0
                assert fs.stats.paths[1 - place].up == 1


def test_the_recalls_of_delegations_take_another_path(servers: Callable[..., PathServer]) -> None:
    server = PathServer("soft", "tcp", base=140, delegations=True)
    try:
        with (
            nfs.mount(server.urls[0], paths=server.urls[1:], delegations=True) as one,
            nfs.mount(server.urls[1]) as two,
        ):
            one.write_bytes("f", b"1")
            with one.open("f") as file:
                assert file.read() == b"1"
                server.cut_path(0)
                assert becomes_true(lambda: up(one) == [0, 1])
                two.write_bytes("f", b"22")
                assert one.read_bytes("f") == b"22"
    finally:
        server.stop()


def test_the_log_tells_which_path_is_taken(
    servers: Callable[..., PathServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = servers("soft", "tcp")
    rdma, tcp = (url.rstrip("/") + "/" for url in server.urls)
    with caplog.at_level(logging.INFO), nfs.mount(rdma, paths=[tcp]) as fs:
        server.cut_path(0)
        assert becomes_true(lambda: up(fs) == [0, 1])
        server.mend(0)
        assert becomes_true(lambda: up(fs) == [1, 0])
    told = [record.message for record in caplog.records if " path is " in record.message]
    assert [line.partition(": ")[0] for line in told[:5]] == [rdma, rdma, tcp, rdma, tcp]
    assert [line.partition("path is ")[2].partition(":")[0] for line in told[:5]] == [
        *("taken", "left", "taken", "taken", "left")
    ]


def test_what_is_asked_for_is_checked(servers: Callable[..., PathServer]) -> None:
    url = parse_url("nfs+rdma://a:99/x?path=b&path=nfs%2Btcp://c&path=nfs+rdma://[::1]&path=::2")
    assert [str(each) for each in paths_to(url, url.options)] == [
        "nfs+rdma://a:99/x",
        "nfs+rdma://b:99/x",
        "nfs+tcp://c/x",
        "nfs+rdma://[::1]/x",
        "nfs+rdma://[::2]:99/x",
    ]
    for wrong, reason in (
        (["a:99"], "given twice"),
        (["nfs+rdma://b/elsewhere"], "the export is"),
        (["nfs+rdma://b/?uid=1"], "no options but"),
        (["b:x"], "b:x"),
        ([""], "names no host"),
        ([f"h{n}" for n in range(16)], "17 paths are given, and 16 may be used"),
    ):
        with pytest.raises(UrlError, match=reason):
            nfs.mount("nfs+rdma://a:99/x", paths=wrong)


def test_the_commands_have_it_too(servers: Callable[..., PathServer], tmp_path: Path) -> None:
    server = servers("soft", "tcp")
    source = tmp_path / "in"
    source.write_bytes(b"contents")
    server.cut_path(0)
    arguments = ["-v", "--path", server.urls[1], str(source), server.urls[0] + "f"]
    done = CliRunner().invoke(put, arguments)
    assert done.exit_code == 0, done.output
    with nfs.mount(server.urls[1]) as fs:
        assert fs.read_bytes("f") == b"contents"
    other = servers("tcp")
    done = CliRunner().invoke(ls, ["--path", other.urls[0], server.urls[1]])
    assert done.exit_code == 1
    assert "another server is there" in done.output


def test_the_guide_is_true(servers: Callable[..., PathServer]) -> None:
    guide = (Path(__file__).parents[2] / "docs/howto/paths.md").read_text()
    program = guide.partition("```python\n")[2].partition("```")[0]
    server = servers("soft", "tcp")
    done = subprocess.run(
        [sys.executable, "-c", program, *server.urls],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "1200000 octets",
        f"{server.urls[0]} 1 connections, well",
        f"{server.urls[1]} 0 connections, well",
    ]
