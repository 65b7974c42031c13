"""Two hosts on this machine, each a network namespace, with links of a given rate between them.

It takes root, ``ip`` and ``tc``. Nothing has a name that others have, and nothing stays.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}


class Links:
    """A client's host, a server's, and the links between them."""

    def __init__(self, rate: str, count: int = 2) -> None:
        self.client, self.server = f"nfsc{os.getpid()}", f"nfss{os.getpid()}"
        self.addresses = [f"10.77.{number}.2" for number in range(count)]
        """The server's, one on each link."""
        self._made: list[str] = []
        try:
            for name in (self.client, self.server):
                _ip("netns", "add", name)
                self._made.append(name)
                _ip("-n", name, "link", "set", "lo", "up")
            for number in range(count):
                self._join(number, rate)
        except BaseException:
            self.close()
            raise

    def _join(self, number: int, rate: str) -> None:
        here, there = f"c{number}", f"s{number}"
        peer = ["type", "veth", "peer", "name", there, "netns", self.server]
        _ip("-n", self.client, "link", "add", here, *peer)
        for name, end, host in ((self.client, here, 1), (self.server, there, 2)):
            _ip("-n", name, "addr", "add", f"10.77.{number}.{host}/24", "dev", end)
            _ip("-n", name, "link", "set", end, "up")
            shape = ["tbf", "rate", rate, "burst", "128k", "latency", "400ms"]
            _run(inside(name, "tc", "qdisc", "add", "dev", end, "root", *shape))

    def cut(self, number: int) -> None:
        """Pull the cable of a link."""
        _ip("-n", self.client, "link", "set", f"c{number}", "down")

    def mend(self, number: int) -> None:
        """Put it in again."""
        _ip("-n", self.client, "link", "set", f"c{number}", "up")

    def close(self) -> None:
        """Take everything away."""
        for name in self._made:
            _run(["ip", "netns", "del", name])

    @contextlib.contextmanager
    def serving(self, kind: str, folder: Path) -> Iterator[list[str]]:
        """Our server at every address, by ``"tcp"`` or ``"soft"``; its URLs."""
        command = [sys.executable, "-m", "nfsrdma", "serve", str(folder), "--no-root-squash"]
        command += ["--allow", "10.77.0.0/16", "--state", "memory:"]
        for address in self.addresses:
            command += ["--listen", address]
        rdma = kind != "tcp"
        command += ["--provider", kind] if rdma else ["--provider", "none", "--tcp", "2049"]
        with subprocess.Popen(
            inside(self.server, *command), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                told = ""
                while not all(address in told for address in self.addresses):
                    line = process.stdout.readline()
                    assert line, "the server does not start"
                    told += line
                scheme = "nfs+rdma" if rdma else "nfs+tcp"
                yield [f"{scheme}://{address}/" for address in self.addresses]
            finally:
                process.terminate()


def obstacle() -> str:
    """Why there can be no links here; empty if there can."""
    if os.geteuid():
        return "only root can make links"
    if not (shutil.which("ip") and shutil.which("tc")):
        return "links take ip and tc (iproute2)"
    try:
        Links("100mbit").close()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no links can be made here: {error}"
    return ""


def inside(name: str, *command: str) -> list[str]:
    """The command that runs at a host."""
    return ["ip", "netns", "exec", name, *command]


def _ip(*arguments: str) -> None:
    _run(["ip", *arguments])


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
