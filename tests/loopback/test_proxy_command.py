"""``nfsrdma proxy`` between our client and our server, over soft and shm: nothing is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.hosts import loopback
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.cli.proxy import proxy
from nfsrdma.dissector import dissect


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(path=str(tmp_path_factory.mktemp("export")), rdma=True)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("source")
    for number in range(30):
        (top / f"small-{number}").write_bytes(os.urandom(number * 37))
    (top / "large").write_bytes(os.urandom(3_000_001))
    return top


class Proxy:
    """The command in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "nfsrdma", "proxy", *arguments]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        self.first = self._process.stdout.readline()

    def end(self) -> str:
        """End it as an interrupt does; return all that it said."""
        self._process.send_signal(signal.SIGINT)
        out, _ = self._process.communicate(timeout=30)
        assert self._process.returncode == 0, out
        assert "Traceback" not in out, out
        return self.first + out


def there_and_back(url: str, tree: Path, back: Path, provider: str) -> None:
    with nfs.mount(url, timeout=30, provider=provider) as fs:
        fs.put(tree, "tree", recursive=True)
        fs.get("tree", back, recursive=True)
        fs.rmtree("tree")
    for path in tree.iterdir():
        assert (back / path.name).read_bytes() == path.read_bytes(), path.name


RULES = """\
# what a bad network does
drop 0.2% of packets
duplicate 0.5% of server->client packets
damage 2nd client->server packet where size > 1000   # and a bad server
cut after 40th reply
cut placing 2nd reply where op == READ
shrink grant to 2 of 30% of replies
"""


def test_a_tree_through_faults(server: LiveServer, tree: Path, tmp_path: Path) -> None:
    host = loopback(101)
    rules, pcap = tmp_path / "rules", tmp_path / "out.pcapng"
    rules.write_text(RULES)
    ran = Proxy(host, server.rdma_url, "--rules", str(rules), "--seed", "7",
                "--rule", "delay 5ms every 50th call", "--pcap", str(pcap))  # fmt: skip
    assert ran.first.startswith(f"{host}:20049 -> nfs+rdma://"), ran.first
    there_and_back(f"nfs+rdma://{host}/", tree, tmp_path / "back", "soft")
    said = ran.end()
    assert "cut after 40th reply" in said
    found = re.findall(r"^ *(\d+) +(\d+)  (\S.*?) *$", said, re.MULTILINE)
    counts = {rule: int(done) for _, done, rule in found}
    assert counts["cut after 40th reply"] == 1
    assert counts["cut placing 2nd reply where op == READ"] == 1
    assert all(counts.values()), said
    with dissect(str(pcap)) as capture:
        assert sum(1 for _ in capture) > 100


def test_over_shm(server: LiveServer, tree: Path, tmp_path: Path) -> None:
    host = loopback(102)
    ran = Proxy(f"{host}:4712", server.shm_url, "--provider", "shm", "--rule", "cut 30th reply")
    assert ran.first.startswith(f"{host}:4712 -> "), ran.first
    there_and_back(f"nfs+rdma://{host}:4712/", tree, tmp_path / "back", "shm")
    assert "    1" in ran.end()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rule", "lose 1% of calls"), "no action is called lose"),
        (("--rule", "cut all packets"), "^^^"),
        (("--rule", "drop all packets", "--provider", "shm"), "out of reach"),
        (("--rules", __file__), "line 1: "),
        (("--pcap", "x", "--provider", "shm"), "shared memory"),
    ],
)
def test_bad_rules_are_shown(arguments: tuple[str, ...], said: str) -> None:
    ran = CliRunner().invoke(proxy, [loopback(103), "nfs+rdma://127.0.0.1/", *arguments])
    assert ran.exit_code == 2, ran.output
    assert said in ran.output
    assert "Traceback" not in ran.output


def test_bad_places_are_told() -> None:
    run = CliRunner().invoke
    host = loopback(104)
    assert run(proxy, [host, "nfs+tcp://127.0.0.1/"]).exit_code == 2
    assert "the proxy itself" in run(proxy, [host, f"nfs+rdma://{host}/"]).output
    assert run(proxy, ["192.0.2.55", "nfs+rdma://127.0.0.1/"]).exit_code != 0
    assert run(proxy, [host, "nfs+rdma://no.such.host.invalid/"]).exit_code == 1


def test_a_server_that_is_not_there_refuses_clients(tmp_path: Path) -> None:
    host = loopback(105)
    ran = Proxy(host, f"nfs+rdma://{loopback(106)}/")
    with pytest.raises(OSError, match="rejects"), nfs.mount(f"nfs+rdma://{host}/", timeout=20):
        pass
    assert "the server cannot be reached" in ran.end()
