"""A server at work for ``nfsrdma serve``, and its log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import click

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.server.authority import Policy
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.edge.service_manager import inherited_sockets
from nfsrdma.server.edge.serving import Serving
from nfsrdma.server.state.recovery import RecoveryStore
from nfsrdma.server.vfs.export import Export

from .messages import describe
from .serve_options import NO_RDMA, Listeners
from .serve_settings import Settings

STAMP: Final = "%Y-%m-%d %H:%M:%S"
"""The format of times in the log."""


def reason(error: Exception) -> str:
    """Return what an error says, without its number, and the file that it is about."""
    return describe(error) if isinstance(error, OSError) else str(error)


class ServeCommand:
    """A server with its devices, and the lines that it prints."""

    def __init__(
        self,
        exports: list[Export],
        config: ServerConfig,
        store: RecoveryStore | None,
        policy: Policy,
        verbose: bool,
        reactor: SelectReactor | None = None,
    ) -> None:
        self.verbose = verbose
        self.reactor = reactor or SelectReactor()
        try:
            self._serving = Serving(
                exports,
                self.reactor,
                config=config,
                store=store,
                policy=policy,
                on_channel=self._connected,
            )
        except ValueError as error:
            raise click.ClickException(str(error)) from None

    def listen(self, listeners: Listeners) -> None:
        """Serve RDMA and TCP as the options say, and print the URLs.

        Sockets that a service manager has opened take the place of addresses and port for TCP.
        """
        if listeners.provider != NO_RDMA:
            self._listen_rdma(listeners)
        try:
            handed_over = inherited_sockets()
            places = [self._serving.listen_at(sock) for sock in handed_over]
        except ValueError as error:
            raise click.ClickException(f"cannot serve TCP: {error}") from None
        for place in places:
            self.say(self._serving.urls(place))
        if listeners.tcp_port is not None and not places:
            self._listen_tcp(listeners.addresses, listeners.tcp_port)

    def _listen_rdma(self, wanted: Listeners) -> None:
        try:
            places = self._serving.listen_rdma(
                wanted.addresses,
                wanted.port,
                provider=wanted.provider,
                device=wanted.device,
                pcap=wanted.pcap,
            )
        except (OSError, ValueError) as error:
            raise click.ClickException(f"cannot serve RDMA: {reason(error)}") from None
        for place in places:
            self.say(self._serving.urls(place))

    def _listen_tcp(self, addresses: Sequence[str], port: int) -> None:
        for address in addresses:
            try:
                place = self._serving.listen_tcp(address, port)
            except (OSError, ValueError) as error:
                raise click.ClickException(
                    f"cannot serve TCP at {address}, port {port}: {reason(error)}"
                ) from None
            self.say(self._serving.urls(place))

    def drain(self) -> None:
        """Begin no change any more: the end is near."""
        self._serving.service.drain()

    @property
    def named_exports(self) -> list[Export]:
        """The exports that are mounted by their names."""
        return list(self._serving.service.namespace.named)

    def replace_exports(self, exports: list[Export], settings: Settings) -> None:
        """Serve other exports, by the rules and within the limits of some settings.

        Raises ``click.ClickException``, and then nothing has changed.
        """
        service, config = self._serving.service, settings.config
        try:
            # Whatever else the settings say, the largest call is what it was.
            replace(service.config, memory=config.memory)
            service.replace_exports(exports, policy=settings.policy, born_ns=time.time_ns())
            service.resize(config.state, config.memory)
        except ValueError as error:
            raise click.ClickException(str(error)) from None

    def close(self) -> None:
        """End the connections, and release everything."""
        for _ in self._serving.closing():
            self.reactor.turn(0)
        self.reactor.close()

    def say(self, lines: Iterable[str]) -> None:
        """Print some lines. A full disk or a closed pipe behind them does not end the service."""
        for line in lines:
            with suppress(OSError):
                click.echo(line)

    def _connected(self, channel: Channel) -> None:
        if self.verbose:
            peer = channel.peer
            who = f"{peer.address} port {peer.port} ({peer.transport})"
            self.log(f"connected: {who}")
            channel.on_close(lambda reason: self.log(f"gone: {who}: {reason}"))

    def log(self, text: str) -> None:
        """Print a line with the time."""
        self.say([f"{time.strftime(STAMP)} {text}"])
