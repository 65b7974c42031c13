"""``--metrics``: the numbers, and who asks for them over HTTP."""

from __future__ import annotations

import errno
import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.cli.serve_options import check_metrics, metrics_place
from nfsrdma.rpcrdma.io.callers import Callers
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.server.edge.metrics import MetricsListener, open_metrics
from nfsrdma.server.metrics import _escaped, metrics_of

LINE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)+\})? ([0-9.e+-]+)')


def samples(text: str) -> dict[str, float]:
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            match = LINE.fullmatch(line)
            assert match, line
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_the_numbers_of_a_server() -> None:
    server = LiveServer(rdma=True)

    def scrape() -> dict[str, float]:
        return samples(server.call(lambda: metrics_of(server.server, server.reactor.time())))

    calls = next(name for name in scrape() if "rdma_calls_received_total" in name)
    try:
        assert scrape()[calls] == 0
        with nfs.mount(server.rdma_url, provider="soft") as fs:
            held = fs.open("f", "w+b")
            held.lock()
            held.write(bytes(100_000))
            held.read_at(0, bytearray(1000))
            with suppress(FileNotFoundError):
                fs.stat("nowhere")
            during = scrape()
            held.close()
        assert during[calls] > 2
        assert during["nfsrdma_clients"] == 1
        assert during["nfsrdma_locks"] == 1
        assert during["nfsrdma_states"] == 2
        assert during["nfsrdma_memory_bytes_limit"] == 256 << 20
        assert during['nfsrdma_operations_total{operation="OPEN",status="NFS4_OK"}'] == 1
        assert during['nfsrdma_operations_total{operation="LOOKUP",status="NFS4ERR_NOENT"}'] == 1
        assert during["nfsrdma_written_bytes_total"] == 100_000
        assert during["nfsrdma_read_bytes_total"] == 1000
        took = 'nfsrdma_compound_seconds_{}{{operation="WRITE"{}}}'
        writes = during['nfsrdma_operations_total{operation="WRITE",status="NFS4_OK"}']
        assert during[took.format("bucket", ',le="+Inf"')] == writes > 0
        assert during[took.format("count", "")] == writes
        assert during[took.format("sum", "")] >= 0
        while sum(v for n, v in scrape().items() if n.startswith("nfsrdma_connections")):
            pass
        assert scrape()[calls] >= during[calls], "what ended has been counted"
    finally:
        server.stop()


def test_the_dashboard_asks_for_what_there_is() -> None:
    board = json.loads((Path(__file__).parents[2] / "docs" / "grafana.json").read_text())
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"nfsrdma_[a-z_]+", target["expr"])
    }
    server = LiveServer(rdma=True)
    try:
        with nfs.mount(server.url) as fs:
            fs.write_bytes("f", b"x")
            text = server.call(lambda: metrics_of(server.server, server.reactor.time()))
    finally:
        server.stop()
    given = {name.partition("{")[0] for name in samples(text)}
    assert asked
    assert asked <= given, sorted(asked - given)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}
    assert len(places) == len(board["panels"])


def test_labels_are_escaped() -> None:
    assert _escaped('a"b\\c\n') == r"a\"b\\c\n"


@pytest.fixture
def place() -> Iterator[tuple[str, int]]:
    reactor = SelectReactor()
    listener = MetricsListener(reactor, open_metrics("127.0.0.1", 0), lambda: "nfsrdma_x 1\n")
    thread = threading.Thread(target=reactor.run_forever, daemon=True)
    thread.start()
    yield listener.address
    reactor.stop()
    thread.join()
    listener.close()
    reactor.close()


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/metrics", 200, b"nfsrdma_x 1\n"),
        ("GET", "/metrics?x=1", 200, b"nfsrdma_x 1\n"),
        ("HEAD", "/metrics", 200, b""),
        ("GET", "/../etc/passwd", 404, b"there is /metrics\n"),
        ("DELETE", "/metrics", 405, b"GET /metrics\n"),
    ],
)
def test_who_asks_over_http(
    place: tuple[str, int], method: str, path: str, status: int, body: bytes
) -> None:
    connection = http.client.HTTPConnection(*place, timeout=10)
    connection.request(method, path)
    response = connection.getresponse()
    assert (response.status, response.read()) == (status, body)
    connection.close()


class NoDescriptors(socket.socket):
    """Listens, and cannot accept."""

    tries = 0

    def accept(self) -> Any:
        self.tries += 1
        raise OSError(errno.EMFILE, "too many open files")


def test_without_descriptors_the_loop_does_not_turn_for_nothing() -> None:
    reactor = SelectReactor()
    sock = NoDescriptors(socket.AF_INET)
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    callers = Callers(reactor, sock, b"x", lambda question: b"")
    with socket.create_connection(sock.getsockname()):
        for _ in range(50):
            reactor.turn(0)
        assert sock.tries == 1
    callers.close()
    reactor.close()


def test_a_port_that_is_taken_is_an_error(place: tuple[str, int]) -> None:
    with pytest.raises(OSError, match="in use"):
        open_metrics(*place)


def test_where_metrics_are_wanted() -> None:
    context = click.Context(click.Command("x"))
    option = click.Option(["--metrics"])
    assert check_metrics(context, option, None) is None
    assert metrics_place("127.0.0.1:9100") == ("127.0.0.1", 9100)
    assert metrics_place("[::1]:0") == ("::1", 0)
    for wrong in ("9100", "host:1", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x", "127.0.0.1:-1"):
        with pytest.raises(click.BadParameter):
            check_metrics(context, option, wrong)
