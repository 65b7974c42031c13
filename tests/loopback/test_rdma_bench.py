"""``nfsrdma rdma-bench``: perftest's tables, between processes, and what it says when it fails."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nfsrdma.bench import perftest, targets, verbs
from nfsrdma.bench.pattern import WrongData
from nfsrdma.bench.servers import OwnServer, free_loopback, start_process
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.verbs.types import WC


def run(*arguments: str | Path, status: int = 0) -> str:
    command = [sys.executable, "-m", "nfsrdma", "rdma-bench", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    text = done.stdout + done.stderr
    assert done.returncode == status, text
    assert "Traceback" not in text
    return text


@pytest.fixture
def listener() -> Iterator[OwnServer]:
    command = ("rdma-bench", "--listen", free_loopback(), "--port", "0")
    peer = start_process("soft", command, "rdma://")
    yield peer
    peer.stop()


def test_a_pair_of_processes_for_each_provider(tmp_path: Path) -> None:
    out = tmp_path / "o.json"
    text = run(
        "--sizes", "64,64k", "-n", "40", "--provider", "soft,verbs", "--json", out,
        "--tests", "send,write,read,register", "--seconds", "0.02",
    )  # fmt: skip
    assert "Loopback" in text
    assert "verbs is left out" in text
    assert text.count(perftest.BANDWIDTH_HEAD) == 3
    assert text.count(perftest.LATENCY_HEAD.strip()) == 4
    assert re.search(r"^ 65536      40             \d+\.\d\d +\d+\.\d\d +0\.\d{6}$", text, re.M)
    lines = json.loads(out.read_text())
    assert {(line["test"], line["kind"]) for line in lines} == {
        *((test, kind) for test in perftest.TESTS for kind in ("bandwidth", "latency")),
        ("register", "latency"),
    }
    for line in lines:
        if line["kind"] == "latency":
            assert 0 < line["t_min"] <= line["t_typical"] <= line["p99"] <= line["t_max"]
        else:
            assert line["peak"] >= 0.999 * line["average"] > 0


def test_over_hosts(listener: OwnServer) -> None:
    where, port = listener.url.partition(" ")[0].removeprefix("rdma://").split(":")
    for _ in range(2):  # one after the other
        text = run(where, "--port", port, "--sizes", "4k", "-n", "20", "--tests", "send")
        assert "SEND bandwidth, soft" in text
    assert listener.obituary is None


def test_nobody_there_and_a_peer_that_dies(listener: OwnServer) -> None:
    assert "port 1" in run("127.0.0.1", "--port", "1", status=1)
    where, port = listener.url.partition(" ")[0].removeprefix("rdma://").split(":")
    reactor = SelectReactor()
    device = open_device("soft", reactor)
    try:
        end = verbs.connect(device, reactor, where, int(port))
        measurer = perftest.Measurer(end, "soft", 4096, check=True)
        measurer.bandwidth("send", 4096, 4, 0.1, 8)
        listener.process.send_signal(signal.SIGTERM)
        listener.process.wait()
        with pytest.raises(verbs.PeerGone):
            measurer.bandwidth("write", 4096, 4, 0.1, 8)
    finally:
        device.close()
        reactor.close()


def test_usage() -> None:
    assert "name no host" in run("h", "--listen", "127.0.0.1", status=2)
    assert "is none of soft, shm, verbs" in run("--provider", "pigeon", status=2)
    assert "no provider is left" in run("--provider", "verbs", status=1)


class _Forgetful(verbs.Passive):
    """Spoils one octet of what it shows, and of what it was sent."""

    def _expose(self, order: verbs.Order) -> verbs.Order:
        answer = super()._expose(order)
        assert self._region is not None
        self._region.view[100] ^= 1
        return answer

    def _data(self, completion: WC) -> None:
        completion.wr_id[7] ^= 1
        super()._data(completion)


@pytest.mark.parametrize(
    ("test", "kind", "error", "says"),
    [
        ("read", "bandwidth", WrongData, "offset 100"),
        ("send", "bandwidth", verbs.PeerGone, "the peer says: wrong octet at offset"),
        ("send", "latency", WrongData, "offset 7"),
    ],
)
def test_data_that_changed_is_seen(
    monkeypatch: pytest.MonkeyPatch, test: str, kind: str, error: type[Exception], says: str
) -> None:
    monkeypatch.setattr(verbs, "Passive", _Forgetful)
    reactor = SelectReactor()
    address = free_loopback()
    there, here = (open_device("soft", reactor, address=each) for each in (address, None))
    try:
        (where, port), _ = verbs.listen(there, reactor, address, 0, once=False)
        measurer = perftest.Measurer(
            verbs.connect(here, reactor, where, port), "soft", 4096, check=True
        )
        if kind == "latency":
            with pytest.raises(error, match=says):
                measurer.latency(test, 4096, 0.1, 3)
        else:
            with pytest.raises(error, match=says):
                measurer.bandwidth(test, 4096, 2, 0.1, 3)
    finally:
        here.close()
        there.close()
        reactor.close()


def test_the_peak_is_the_best_stretch() -> None:
    posted = [0.0, 0.0, 1.0, 2.0, 3.0, 3.5]
    done = [1.0, 2.0, 3.0, 3.5, 4.0, 4.5]
    # The last two take 1.5 seconds from the post of the first of them; the last four take 3.5.
    assert perftest.quickest(posted, done, 2) == pytest.approx(0.75)
    assert perftest.quickest(posted, done, 100) == pytest.approx(0.75)


@pytest.mark.parametrize("provider", ["soft", "shm"])
def test_more_messages_than_a_send_queue_holds(provider: str) -> None:
    if (reason := targets.why_not(provider)) is not None:
        pytest.skip(reason)
    text = run("--provider", provider, "--sizes", "64", "-n", "1200", "--tests", "send")
    assert f"SEND latency: half of a round trip, {provider}" in text
