"""A server at work on this machine: its reactor, its devices, and what it says of itself."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import quote

import click

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.choice import SHARED_MEMORY
from nfsrdma.rpcrdma.providers.registry import DEFAULT_PROVIDER, implied_provider, open_device
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.server.authority import Policy
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.edge.workers import Workers
from nfsrdma.server.service import Server
from nfsrdma.server.state.recovery import RecoveryStore
from nfsrdma.server.vfs.export import Export

from .messages import describe

RDMA_PORT: Final = 20049
TCP_PORT: Final = 2049
STAMP: Final = "%Y-%m-%d %H:%M:%S"
"""How a moment is written in the log."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def reason(error: Exception) -> str:
    """What an error says, without its number; and the file that it is about."""
    return describe(error) if isinstance(error, OSError) else str(error)


def url(transport: str, address: str, port: int, path: str) -> str:
    """What a client mounts; for a wildcard address, by this host's name."""
    if address in ("0.0.0.0", "::"):
        address = socket.gethostname()
    # RFC 6874: the percent sign before the scope of an address is written as its octet.
    host = f"[{quote(address, safe=':')}]" if ":" in address else address
    default = RDMA_PORT if transport == "rdma" else TCP_PORT
    where = host if port == default else f"{host}:{port}"
    # RFC 3986, Section 2.1: what else has a meaning in a URL is written as its octets.
    return f"nfs+{transport}://{where}/{quote(os.fsencode(path))}"


class Serving:
    """A server with its reactor, its device, and what it says of itself."""

    def __init__(
        self,
        exports: list[Export],
        config: ServerConfig,
        store: RecoveryStore | None,
        policy: Policy,
        verbose: bool,
    ) -> None:
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
                policy=policy,
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
            raise click.ClickException(f"cannot serve RDMA: {reason(error)}") from None

    def _listen_beside(self, address: str, port: int) -> None:
        """Serve the clients of this host through shared memory, if that can be."""
        try:
            device = open_device(SHARED_MEMORY, self.reactor)
            self._devices.append(device)
            self.server.listen_rdma(device, address, port, on_channel=self._connected)
        except OSError as error:
            if self._verbose:
                self._log(f"no shared memory for clients of this host: {reason(error)}")

    def listen_tcp(self, addresses: Sequence[str], port: int) -> None:
        """Serve TCP at these addresses."""
        for address in addresses:
            try:
                where = self.server.listen_tcp(address, port, on_channel=self._connected)
            except (OSError, ValueError) as error:
                raise click.ClickException(
                    f"cannot serve TCP at {address}, port {port}: {reason(error)}"
                ) from None
            self._say("tcp", *where)

    def run(self) -> None:
        """Serve until SIGINT, SIGTERM or, unless it is ignored (nohup), SIGHUP."""
        came: list[int] = []

        def end(number: int, frame: object) -> None:
            came.append(number)
            self.reactor.stop()

        for number in _ENDING:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, end)
        self.reactor.run_forever()
        if came:
            self._log(f"ended by {signal.Signals(came[0]).name}")

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

    def say(self, lines: Iterable[str]) -> None:
        """Print some lines. A full disk or a closed pipe behind them does not end the service."""
        for line in lines:
            with suppress(OSError):
                click.echo(line)

    def _say(self, transport: str, address: str, port: int) -> None:
        exports = self.server.namespace.exports
        self.say(url(transport, address, port, export.name) for export in exports)

    def _connected(self, channel: Channel) -> None:
        if self._verbose:
            peer = channel.peer
            who = f"{peer.address} port {peer.port} ({peer.transport})"
            self._log(f"connected: {who}")
            channel.on_close(lambda reason: self._log(f"gone: {who}: {reason}"))

    def _log(self, text: str) -> None:
        self.say([f"{time.strftime(STAMP)} {text}"])
