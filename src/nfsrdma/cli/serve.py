"""``nfsrdma serve``: export directories over RDMA, and over TCP if asked."""

from __future__ import annotations

import gc
import ipaddress
import logging
import os
import random
import resource
import signal
import socket
import sqlite3
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.choice import SHARED_MEMORY
from nfsrdma.rpcrdma.providers.registry import (
    DEFAULT_PROVIDER,
    PROVIDERS,
    implied_provider,
    open_device,
)
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.edge.state_directory import (
    StateDirectory,
    StateDirectoryBusy,
    default_directory,
    name_of,
)
from nfsrdma.server.edge.workers import Workers
from nfsrdma.server.service import Server
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.recovery import RecoveryStore
from nfsrdma.server.state.registry import StateLimits
from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem

from .device import device_option

RDMA_PORT = 20049
TCP_PORT = 2049
NO_RDMA = "none"
_PLENTY = 1 << 20


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What all exports of one command have in common."""

    read_only: bool
    root_squash: bool
    all_squash: bool
    networks: Sequence[str]
    sync: bool


def parse_export(text: str, alone: bool) -> tuple[str, str]:
    """``NAME=DIR`` or ``DIR`` as (name, directory); a directory alone is the root.

    An argument that exists as a directory is one, whatever characters it has.
    """
    name, equals, path = text.partition("=")
    if equals and not os.path.isdir(text):
        return name.strip("/"), path
    return "" if alone else os.path.basename(os.path.abspath(text)), text


def make_exports(directories: Sequence[str], memory: bool, options: ExportOptions) -> list[Export]:
    """The exports, or a ``click.ClickException`` that says what is wrong."""
    if not directories and not memory:
        raise click.UsageError("name a directory to export, or use --memory")
    if directories and memory:
        raise click.UsageError("--memory exports an empty file system: name no directories")
    if options.root_squash and options.all_squash:
        raise click.UsageError("--all-squash squashes root as well: use one of the two")
    if memory:
        return [_export("", MemoryFileSystem(time.time_ns, instance=time.time_ns()), options)]
    exports = []
    for text in directories:
        name, path = parse_export(text, alone=len(directories) == 1)
        try:
            exports.append(_export(name, LocalFileSystem(path), options))
        except OSError as error:
            raise click.ClickException(f"cannot export {path}: {error.strerror}") from None
    return exports


def _export(name: str, fs: FileSystem, options: ExportOptions) -> Export:
    squash = Squash.ALL if options.all_squash else Squash.ROOT
    try:
        return Export(
            name,
            fs,
            read_only=options.read_only,
            squash=squash if options.all_squash or options.root_squash else Squash.NONE,
            networks=options.networks,
            sync=options.sync,
        )
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def lock_state(
    state_dir: str | None, exports: Sequence[str], listeners: Sequence[str]
) -> StateDirectory:
    """The directory for what must survive a restart: the one named, or one of this server's own.

    ``exports`` are the command's arguments, ``listeners`` the addresses and ports.
    """
    path = Path(state_dir) if state_dir is not None else None
    if path is None:
        alone = len(exports) == 1
        own = name_of((parse_export(text, alone) for text in exports), listeners)
        path = default_directory() / own
    try:
        return StateDirectory(path)
    except StateDirectoryBusy as error:
        raise click.ClickException(
            f"{error}: give each server a --state-dir of its own, or use --ephemeral"
        ) from None
    except OSError as error:
        raise click.ClickException(
            f"cannot keep state in {path}: {_reason(error)}; "
            "name another directory with --state-dir, or keep nothing with --ephemeral"
        ) from None


def open_store(directory: StateDirectory) -> RecoveryStore:
    """The recovery database."""
    try:
        return directory.open_store()
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(f"cannot keep state in {directory.path}: {error}") from None


def url(transport: str, address: str, port: int, path: str) -> str:
    """What a client mounts; for a wildcard address, by this host's name."""
    if address in ("0.0.0.0", "::"):
        address = socket.gethostname()
    host = f"[{address}]" if ":" in address else address
    default = RDMA_PORT if transport == "rdma" else TCP_PORT
    where = host if port == default else f"{host}:{port}"
    return f"nfs+{transport}://{where}/{path}"


class Serving:
    """A server with its reactor, its device, and what it says of itself."""

    def __init__(
        self,
        exports: list[Export],
        config: ServerConfig,
        store: RecoveryStore | None,
        console: Console,
        verbose: bool,
    ) -> None:
        self._console = console
        self._verbose = verbose
        self._devices: list[Device] = []
        self.reactor = SelectReactor()
        self._workers = Workers(self.reactor)
        try:
            self.server = Server(
                exports,
                self.reactor,
                random.SystemRandom(),
                config=config,
                store=store,
                born_ns=time.time_ns(),
                elsewhere=self._workers,
            )
        except ValueError as error:
            raise click.ClickException(str(error)) from None

    def listen_rdma(
        self,
        provider: str | None,
        device: str | None,
        addresses: Sequence[str],
        port: int,
        pcap: str | None,
    ) -> None:
        """Serve RDMA at these addresses.

        Without a provider that is by ``soft`` and, unless packets are to be seen or devices named,
        by ``shm`` as well: clients of this host find it there, see ``providers.choice``.
        """
        provider = implied_provider(provider, device, pcap)
        beside = provider is None
        try:
            made = open_device(provider or DEFAULT_PROVIDER, self.reactor, device=device, pcap=pcap)
            self._devices.append(made)
            for address in addresses:
                where = self.server.listen_rdma(made, address, port, on_channel=self._connected)
                if beside:
                    self._listen_beside(*where)
                self._say("rdma", *where)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"cannot serve RDMA: {_reason(error)}") from None

    def _listen_beside(self, address: str, port: int) -> None:
        """Serve the clients of this host through shared memory, if that can be."""
        try:
            device = open_device(SHARED_MEMORY, self.reactor)
            self._devices.append(device)
            self.server.listen_rdma(device, address, port, on_channel=self._connected)
        except OSError as error:
            if self._verbose:
                self._log(f"no shared memory for clients of this host: {_reason(error)}")

    def listen_tcp(self, addresses: Sequence[str], port: int) -> None:
        """Serve TCP at these addresses."""
        for address in addresses:
            try:
                where = self.server.listen_tcp(address, port, on_channel=self._connected)
            except OSError as error:
                raise click.ClickException(
                    f"cannot serve TCP at {address}, port {port}: {_reason(error)}"
                ) from None
            self._say("tcp", *where)

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.reactor.stop())
        self.reactor.run_forever()

    def close(self) -> None:
        """End the connections and give everything back."""
        self._workers.close()
        self.reactor.turn(0)
        self.server.close()
        # What was posted while closing, such as the last word to RDMA peers, goes out now.
        self.reactor.turn(0)
        for device in self._devices:
            device.close()
        self.reactor.close()

    def _say(self, transport: str, address: str, port: int) -> None:
        for export in self.server.namespace.exports:
            self._console.print(
                url(transport, address, port, export.name), highlight=False, soft_wrap=True
            )

    def _connected(self, channel: Channel) -> None:
        if self._verbose:
            peer = channel.peer
            who = f"{peer.address} port {peer.port} ({peer.transport})"
            self._log(f"connected: {who}")
            channel.on_close(lambda reason: self._log(f"gone: {who}: {reason}"))

    def _log(self, text: str) -> None:
        stamp = time.strftime("%H:%M:%S")
        self._console.print(f"{stamp} {text}", highlight=False, markup=False, soft_wrap=True)


def _reason(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return strerror if isinstance(strerror, str) else str(error)


def check_network(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Callback of ``--allow``: CIDR notation or a single address."""
    for text in value:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return value


@click.command()
@click.argument("exports", nargs=-1, metavar="[NAME=]DIR...")
@click.option(
    "--listen",
    "addresses",
    multiple=True,
    metavar="ADDR",
    default=("127.0.0.1",),
    show_default=True,
    help="Local address to serve at; may be given several times.",
)
@click.option(
    "--port",
    default=RDMA_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="RDMA port; 0 picks one.",
)
@click.option(
    "--provider",
    type=click.Choice([*PROVIDERS, NO_RDMA]),
    help="How RDMA is done.  [default: soft, and shm for clients of this host]",
)
@device_option
@click.option(
    "--tcp",
    "tcp_port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve TCP too, at this port; 0 picks one.",
)
@click.option("--read-only", is_flag=True, help="Refuse every change.")
@click.option("--root-squash", is_flag=True, help="Root of a client is nobody here.")
@click.option("--all-squash", is_flag=True, help="Every user of a client is nobody here.")
@click.option(
    "--allow",
    "networks",
    multiple=True,
    metavar="CIDR",
    callback=check_network,
    help="Network whose clients may use the exports; may be given several times.",
)
@click.option(
    "--async",
    "not_sync",
    is_flag=True,
    help="Answer changes to directories before they are durable.",
)
@click.option(
    "--lease",
    default=90.0,
    show_default=True,
    type=click.FloatRange(1, 3600),
    help="Seconds for which a silent client keeps its opens and locks.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 3600),
    metavar="S",
    help="Seconds after a restart for reclaiming.  [default: somewhat more than the lease]",
)
@click.option(
    "--state-dir",
    metavar="DIR",
    help="Where to keep what must survive a restart: the key of the file handles, and who held "
    "state.  [default: one for each server below /var/lib/nfsrdma for root, "
    "$XDG_STATE_HOME/nfsrdma for others]",
)
@click.option(
    "--ephemeral",
    is_flag=True,
    help="Keep nothing: after a restart, all file handles are stale.",
)
@click.option(
    "--max-io",
    default=1024,
    show_default=True,
    type=click.IntRange(4, 4096),
    metavar="KIB",
    help="Largest READ and WRITE.",
)
@click.option("--pcap", metavar="FILE", help="Write every RDMA packet to a pcapng file.")
@click.option("--memory", is_flag=True, help="Export an empty file system in memory.")
@click.option("-v", "--verbose", is_flag=True, help="A line for each connection.")
def serve(
    exports: tuple[str, ...],
    addresses: tuple[str, ...],
    port: int,
    provider: str | None,
    device: str | None,
    tcp_port: int | None,
    read_only: bool,
    root_squash: bool,
    all_squash: bool,
    networks: tuple[str, ...],
    not_sync: bool,
    lease: float,
    grace: float | None,
    state_dir: str | None,
    ephemeral: bool,
    max_io: int,
    pcap: str | None,
    memory: bool,
    verbose: bool,
) -> None:
    """Export directories by NFS 4.1 and 4.2.

    One DIR is the root of what clients see; several appear below it, as NAME or by their own
    last names. A server run by root acts with the rights of each caller; any other acts with its
    own, whoever calls.
    """
    if provider == NO_RDMA and tcp_port is None:
        raise click.UsageError("--provider none leaves nothing to serve without --tcp PORT")
    if provider == NO_RDMA and device is not None:
        raise click.UsageError("--provider none has no device")
    if ephemeral and state_dir is not None:
        raise click.UsageError("--ephemeral keeps nothing, --state-dir says where: use one of them")
    console = Console(stderr=False)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(message)s")
    options = ExportOptions(read_only, root_squash, all_squash, networks, not not_sync)
    descriptors = raise_descriptor_limit()
    config = ServerConfig(
        max_io=max_io << 10,
        times=LeaseTimes(lease, grace),
        state=StateLimits.affordable(descriptors),
    )
    made = make_exports(exports, memory, options)
    with ExitStack() as stack:
        store = None
        # What is exported from memory is gone when the server is.
        if not ephemeral and (not memory or state_dir is not None):
            listeners = [f"{address} {port} {tcp_port}" for address in addresses]
            state = stack.enter_context(closing(lock_state(state_dir, exports, listeners)))
            # What the server keeps for itself is nobody else's.
            stack.callback(os.umask, os.umask(0o077))
            store = open_store(state)
        serving = stack.enter_context(closing(Serving(made, config, store, console, verbose)))
        if provider != NO_RDMA:
            serving.listen_rdma(provider, device, addresses, port, pcap)
        if tcp_port is not None:
            serving.listen_tcp(addresses, tcp_port)
        # Modes are the clients' business; each of them has applied its own file mask already.
        stack.callback(os.umask, os.umask(0))
        # What is there by now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        serving.run()


def raise_descriptor_limit() -> int:
    """Open files take descriptors: get as many as the system lets us have; how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = _PLENTY
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
