"""A server at work for ``nfsrdma serve``, and its log."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

import click

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.server.authority import Policy
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.edge.serving import Serving
from nfsrdma.server.state.recovery import RecoveryStore
from nfsrdma.server.vfs.export import Export

from .messages import describe
from .serve_options import NO_RDMA, Listeners

STAMP: Final = "%Y-%m-%d %H:%M:%S"
"""The format of times in the log."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
        self._verbose = verbose
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
        """Serve RDMA and TCP as the options say, and print the URLs."""
        if listeners.provider != NO_RDMA:
            self._listen_rdma(listeners)
        if listeners.tcp_port is not None:
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
        if self._verbose:
            peer = channel.peer
            who = f"{peer.address} port {peer.port} ({peer.transport})"
            self._log(f"connected: {who}")
            channel.on_close(lambda reason: self._log(f"gone: {who}: {reason}"))

    def _log(self, text: str) -> None:
        self.say([f"{time.strftime(STAMP)} {text}"])
