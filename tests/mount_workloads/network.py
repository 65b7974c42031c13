"""Where server and mount are: at an address of this host, or two hosts with links to cut."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence

from tests.support.hosts import loopback
from tests.support.links import CUTS, Links, inside

RDMA_PORT, TCP_PORT = 20050, 2050


class Network:
    """The server's addresses, one for each of ``kinds``: the transport that is used there.

    One is of this host; for several there are two hosts, and a link for each.
    """

    def __init__(self, kinds: Sequence[str]) -> None:
        self.kinds = kinds
        self.links: Links | None = None
        if len(kinds) == 1:
            self.addresses = [loopback(9)]
            self._port = 0
        else:
            if "shm" in kinds:
                raise ValueError("no link between two hosts is shared memory")
            self.links = Links(count=len(kinds))
            self.addresses = self.links.addresses

    def at_server(self, *command: str) -> list[str]:
        """The command that runs where the server is."""
        return inside(self.links.server, *command) if self.links else list(command)

    def at_client(self, *command: str) -> list[str]:
        """The command that runs where the mount is."""
        return inside(self.links.client, *command) if self.links else list(command)

    @property
    def serving(self) -> list[str]:
        """What `nfsrdma serve` is told."""
        words = [word for address in self.addresses for word in ("--listen", address)]
        rdma = [kind for kind in self.kinds if kind != "tcp"]
        ports = [self._port, self._port] if self.links is None else [RDMA_PORT, TCP_PORT]
        if rdma:
            words += ["--provider", rdma[0], "--port", str(ports[0])]
        else:
            words += ["--provider", "none"]
        if "tcp" in self.kinds:
            words += ["--tcp", str(ports[1])]
        if self.links is not None:
            words += ["--allow", "10.77.0.0/16"]
        return words

    def found(self, port: int) -> None:
        """Take the port that the server has chosen; it is to have it again."""
        self._port = port

    @property
    def urls(self) -> list[str]:
        """What is mounted, and the further paths to it."""
        urls = []
        for kind, address in zip(self.kinds, self.addresses, strict=True):
            scheme, port = ("nfs+tcp", TCP_PORT) if kind == "tcp" else ("nfs+rdma", RDMA_PORT)
            urls.append(f"{scheme}://{address}:{port if self.links else self._port}/")
        return urls

    def close(self) -> None:
        """Take the hosts away."""
        if self.links is not None:
            self.links.close()


class Cutter:
    """Cuts one link after the other every so many seconds, each for half of them; 0 leaves them.

    Each time in another way, so that each link is cut in each.
    """

    def __init__(self, network: Network, every_s: float) -> None:
        self.cuts = [0] * len(network.kinds)
        """How often each was cut."""
        self._links = network.links
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        if every_s:
            self._thread.start()

    def _run(self) -> None:
        assert self._links is not None
        number = 0
        while not self._over.wait(self._every_s / 2):
            which = number % len(self.cuts)
            self._links.cut(which, CUTS[number % len(CUTS)])
            self.cuts[which] += 1
            self._over.wait(self._every_s / 2)
            self._links.mend(which)
            number += 1

    def close(self) -> None:
        """Leave them alone from now on, all of them whole."""
        self._over.set()
        if self._every_s:
            with contextlib.suppress(RuntimeError):
                self._thread.join()
