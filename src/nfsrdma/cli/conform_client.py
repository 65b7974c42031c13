"""``nfsrdma conform --client``: tests of anybody's client, which we serve."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

import click

from nfsrdma.conform.client import suite as _suite  # noqa: F401 - enters the tests
from nfsrdma.conform.client.edge import ClientMeans, Commands
from nfsrdma.rpcrdma.providers.routes import resolve
from nfsrdma.rpcrdma.task import Reactor
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.server.authority import Policy
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.vfs.export import ANY, Export, Squash
from nfsrdma.server.vfs.memory import MemoryFileSystem

from . import conform_workload
from .folding import folded

_PORT: Final = 20049
_CAPACITY: Final = 256 << 20


class Place(click.ParamType):  # type: ignore[type-arg]
    """An address to listen on, with or without a port."""

    name = "place"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, int]:
        """Return address and port."""
        if isinstance(value, tuple):
            return value
        host, colon, port = str(value).rpartition(":")
        if not colon or value.endswith("]") or (value.count(":") > 1 and not value.startswith("[")):
            host, port = str(value), str(_PORT)
        if not port.isdecimal() or not 0 < int(port) < 65536:
            self.fail(f"{value}: the port is a number from 1 to 65535", param, ctx)
        try:
            return resolve(host.strip("[]"))[0], int(port)
        except OSError as error:
            self.fail(f"{value}: {error.strerror or error}", param, ctx)


@dataclass(frozen=True, slots=True)
class OfClient:
    """Where a client is served, and how it is made to work."""

    client: tuple[str, int] | None
    mount_cmd: str | None
    umount_cmd: str | None
    workload_cmd: str | None

    @property
    def commands(self) -> Commands:
        """The commands. Raises ``click.UsageError`` for one that cannot be filled in."""
        work = self.workload_cmd
        if work is None and self.mount_cmd is not None:
            work = "{workload} {dir}"
        commands = Commands(self.mount_cmd, work, self.umount_cmd)
        try:
            commands.check()
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        return commands

    def means(self, provider: str, device: str | None, limit_s: float, seed: int) -> ClientMeans:
        """Return how the client reaches us."""
        assert self.client is not None
        host, port = self.client
        # Not the folder of the file before the standard library: it has names of its own.
        workload = shlex.join([sys.executable, "-P", str(Path(conform_workload.__file__))])
        return ClientMeans(host, port, provider, device, limit_s, seed, workload)


of_client = folded(
    OfClient,
    "of_client",
    (
        click.option(
            "--client",
            type=Place(),
            metavar="ADDRESS[:PORT]",
            help="Test a client instead: serve it there, behave badly, and judge what it does.",
        ),
        click.option(
            "--mount-cmd",
            metavar="COMMAND",
            help="Have the client mount; {host}, {port}, {export}, {dir} are filled in. Without "
            "any command, the line to type is shown for each test.",
        ),
        click.option("--umount-cmd", metavar="COMMAND", help="Have it unmount {dir}."),
        click.option(
            "--workload-cmd",
            metavar="COMMAND",
            help="Have it work: in {dir}, or by {url} if it needs no mount. Exit status 0: all was "
            "right; 3: what was read is not what was written.  [default: {workload} {dir}]",
        ),
    ),
)


def serve(device: Device, reactor: Reactor, address: tuple[str, int]) -> Callable[[], None]:
    """Put a good server of an empty tree in memory on a device; return what ends it."""
    tree = MemoryFileSystem(time.time_ns, capacity=_CAPACITY)
    service = NfsService(
        [Export("", tree, squash=Squash.NONE, networks=[ANY])],
        reactor,
        SystemRandom(),
        # No grace: there is nothing to reclaim.
        config=ServerConfig(times=LeaseTimes(lease=90.0, grace=0.0)),
        policy=Policy(),
    )
    service.listen_rdma(device, *address)
    return service.close
