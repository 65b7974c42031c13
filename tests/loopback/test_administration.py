"""``nfsrdma evict``, ``drain`` and ``top``: what an administrator asks of a server that runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.cli import top
from nfsrdma.cli.administer import drain, evict
from nfsrdma.server import administration
from nfsrdma.server.administration import NotDone, activity_of
from nfsrdma.server.status import status_of
from nfsrdma.xdr.nfs4 import types as t


@pytest.fixture
def server() -> Iterator[LiveServer]:
    made = LiveServer()
    yield made
    made.stop()


def test_who_is_put_out_has_nothing_left(server: LiveServer) -> None:
    service = server.server

    def the_id() -> str:
        return status_of(service, server.reactor.time()).clients[0].id

    with nfs.mount(server.url) as fs, nfs.mount(server.url) as other:
        held = fs.open("f", "w+b")
        held.lock()
        shown = server.call(the_id)
        with pytest.raises(NotDone, match="there is no client 10"):
            administration.evict(service, "10.0.0.9")
        (gone,) = server.call(lambda: administration.evict(service, shown))
        assert (gone.id, gone.opens, gone.locks) == (shown, 1, 1)
        # Another client gets the lock at once, and the first one comes again as a new client.
        with other.open("f", "r+b") as file:
            file.lock(wait=0)
        assert fs.stat("f").st_size == 0
        assert server.call(the_id) != shown
        with pytest.raises(OSError):
            held.write(b"x")


def test_a_server_that_is_to_end_takes_nobody_new(server: LiveServer) -> None:
    with nfs.mount(server.url) as fs:
        server.call(server.server.turn_away)
        with pytest.raises(OSError):
            nfs.mount(server.url, timeout=0.5)
        fs.write_bytes("f", b"goes on")
        assert fs.read_bytes("f") == b"goes on"


def test_what_a_server_is_busy_with(server: LiveServer) -> None:
    def look() -> administration.Picture:
        return server.call(lambda: activity_of(server.server, server.reactor.time()))

    with nfs.mount(server.url) as fs:
        fs.write_bytes("before", b"x")
        assert look().clients == (), "nobody was watching"
        fs.write_bytes("f", bytes(5000))
        fs.read_bytes("f")
        picture = look()
    (client,) = (each for each in picture.clients if each.id)
    assert (client.read, client.written) == (5000, 5000)
    assert (picture.read, picture.written) == (5000, 5001)
    busiest = max(picture.files, key=lambda each: each.written)
    assert (busiest.where, busiest.read, busiest.written) == ("/", 5000, 5000)
    done = {each.name: each for each in picture.operations}
    assert done["WRITE"].succeeded == 2
    compounds = sum(sum(each.spans) for each in picture.operations)
    assert done["SEQUENCE"].succeeded <= compounds <= done["SEQUENCE"].succeeded + 4
    assert server.call(lambda: server.server.tally.activity) is not None
    server.call(lambda: server.server.tally.stop_watching(server.reactor.time() + 60))
    assert server.call(lambda: server.server.tally.activity) is None


def test_what_is_watched_is_bounded(server: LiveServer) -> None:
    activity = server.server.tally.watch(0.0)
    activity = server.server.tally.activity or activity
    handle = server.server.namespace.root
    for number in range(5000):
        handle = type(handle)(server.server.namespace, handle.export, handle.node)
        handle._wire = number.to_bytes(4, "big")
        activity.note(None, handle, 1, 0)
    assert len(activity.files) == 4096
    assert activity.clients[0].operations == 5000


def test_how_it_is_drawn(server: LiveServer) -> None:
    now = server.call(lambda: activity_of(server.server, server.reactor.time()))
    operation = {"name": "READ", "succeeded": 3, "failed": 1, "spans": [0, 2, 1, *[0] * 12]}
    before = {**operation, "succeeded": 1, "spans": [0, 1, 0, *[0] * 12]}
    (since,) = top._since([operation], [before])
    assert (since["succeeded"], since["failed"], sum(since["spans"])) == (2, 0, 2)
    assert top._since([operation], [operation]) == []
    client = {"id": "ab", "name": "evil\x1b[2J", "where": "10.0.0.1", "operations": 30}
    client |= {"read": 4096, "written": 0}
    picture = asdict(now) | {"span_s": 2.0, "clients": [client], "operations": [since]}
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(top.drawn(picture, {"process": 7}, 5))
    text = console.export_text()
    assert "process 7: 15 operations/s, 2.0 KiB/s read" in text
    assert "\x1b" not in text
    assert "≤ 0.1 ms  ≤ 0.25 ms" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_server_is_drained(tmp_path: Path) -> None:
    socket, export = tmp_path / "c.sock", tmp_path / "export"
    export.mkdir()
    command = [sys.executable, "-m", "nfsrdma", "serve", str(export), "--provider", "none"]
    command += ["--tcp", "0", "--ephemeral", "--control", str(socket)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with nfs.mount(url) as fs:
                fs.write_bytes("f", b"x")
                looked = CliRunner().invoke(
                    top.top, [str(socket), "--json", "-n", "1", "--interval", "0.1"]
                )
                assert json.loads(looked.output)["span_s"] > 0
                refused = CliRunner().invoke(evict, ["nobody", "--server", str(socket)])
                assert (refused.exit_code, refused.output.count("no client nobody")) == (1, 1)
                drained = CliRunner().invoke(drain, [str(socket), "--within", "60"])
                assert "1 client left, in 1 min 0 s at the latest" in drained.output
                time.sleep(0.1)
                assert process.poll() is None
                assert fs.read_bytes("f") == b"x"
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_unknown_operations_are_one_kind(server: LiveServer) -> None:
    tally = server.server.tally
    tally.failed[t.OP_ILLEGAL, t.NFS4ERR_OP_ILLEGAL] += 1
    (row,) = activity_of(server.server, 0.0).operations
    assert (row.name, row.failed) == ("ILLEGAL", 1)
