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


CUTS = ("here", "there", "dark")
"""How a link is cut: at the client, whose sending fails; at the server; or nobody is told of it."""

_NOBODY = "02:00:00:00:00:fe"
"""An Ethernet address that is nobody's."""


class Links:
    """A client's host, a server's, and the links between them, of no certain rate by default."""

    def __init__(self, rate: str | None = None, count: int = 2) -> None:
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

    def _join(self, number: int, rate: str | None) -> None:
        here, there = f"c{number}", f"s{number}"
        peer = ["type", "veth", "peer", "name", there, "netns", self.server]
        _ip("-n", self.client, "link", "add", here, *peer)
        for name, end, host in ((self.client, here, 1), (self.server, there, 2)):
            _ip("-n", name, "addr", "add", f"10.77.{number}.{host}/24", "dev", end)
            _ip("-n", name, "link", "set", end, "up")
            if rate is not None:
                shape = ["tbf", "rate", rate, "burst", "128k", "latency", "400ms"]
                _run(inside(name, "tc", "qdisc", "add", "dev", end, "root", *shape))

    def _ends(self, number: int) -> list[tuple[str, str, int]]:
        """The ends of a link: the host, its device, and the other end's number."""
        return [(self.client, f"c{number}", 2), (self.server, f"s{number}", 1)]

    def cut(self, number: int, how: str = "here") -> None:
        """Cut a link in one of :data:`CUTS`."""
        if how == "dark":
            for host, device, other in self._ends(number):
                neighbour = [f"10.77.{number}.{other}", "lladdr", _NOBODY, "nud", "permanent"]
                _ip("-n", host, "neigh", "replace", *neighbour, "dev", device)
        else:
            host, device, _ = self._ends(number)[CUTS.index(how)]
            _ip("-n", host, "link", "set", device, "down")

    def mend(self, number: int) -> None:
        """Put it in again."""
        for host, device, other in self._ends(number):
            _ip("-n", host, "link", "set", device, "up")
            # Whom it knows was forgotten with the device, unless the link was only dark.
            neighbour = [f"10.77.{number}.{other}", "dev", device]
            subprocess.run(["ip", "-n", host, "neigh", "del", *neighbour], capture_output=True)

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
    if not all(map(shutil.which, ("ip", "tc", "nsenter"))):
        return "links take ip and tc (iproute2), and nsenter (util-linux)"
    try:
        Links("100mbit").close()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no links can be made here: {error}"
    return ""


def inside(name: str, *command: str) -> list[str]:
    """The command that runs at a host; what it mounts is seen by all."""
    return ["nsenter", f"--net=/run/netns/{name}", "--", *command]


def _ip(*arguments: str) -> None:
    _run(["ip", *arguments])


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
