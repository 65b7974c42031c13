"""A server at work for ``nfsrdma serve``, and its log."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import click

from nfsrdma import __version__
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.server.administration import activity_of, evict
from nfsrdma.server.authority import Policy
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.edge.audit import AuditFile
from nfsrdma.server.edge.control import ControlSocket, control_directory, new_place
from nfsrdma.server.edge.lull import begin_lull
from nfsrdma.server.edge.metrics import MetricsListener, open_metrics
from nfsrdma.server.edge.service_manager import inherited_sockets
from nfsrdma.server.edge.serving import Serving
from nfsrdma.server.edge.succession import Estate, Heirloom
from nfsrdma.server.metrics import metrics_of
from nfsrdma.server.records import Note, Records
from nfsrdma.server.state.recovery import RecoveryStore
from nfsrdma.server.status import status_of
from nfsrdma.server.vfs.export import Export

from .messages import describe, drop_output
from .serve_log import JSON, STAMP, TEXT, as_json
from .serve_options import NO_RDMA, Listeners, Seen, metrics_place
from .serve_settings import Settings

NO_CONTROL: Final = "none"


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
        log_format: str,
        reactor: SelectReactor | None = None,
        estate: Estate | None = None,
    ) -> None:
        self.verbose = False
        self._format = log_format
        self.reactor = reactor or SelectReactor()
        self._estate = estate or Estate()
        self.is_lasting = store is not None
        """Whether what it knows of its clients outlives it."""
        self._control: ControlSocket | None = None
        self.answers: dict[str, Callable[[str], object]] = {
            "status": self._status,
            "activity": self._activity,
            "evict": self._evict,
        }
        """What can be asked at the control socket."""
        self._metrics: MetricsListener | None = None
        self._audit: AuditFile | None = None
        try:
            self._serving = Serving(
                exports,
                self.reactor,
                config=config,
                store=store,
                policy=policy,
                on_channel=self._connected,
                estate=estate,
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
            handed_over = inherited_sockets() or self._estate.take_all("given").values()
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

    def be_seen(self, seen: Seen) -> None:
        """Have people see what the server does, as the options say."""
        self.verbose = seen.verbose
        self._listen_for_control(seen.control)
        if seen.metrics is not None:
            self._listen_for_metrics(*metrics_place(seen.metrics))
        note: Note | None = None
        if seen.audit is not None:
            note = self._begin_audit(Path(seen.audit)).note
        self._serving.service.be_watched(Records(self.reactor.time, note))
        self._serving.disclaim()

    def _begin_audit(self, path: Path) -> AuditFile:
        try:
            self._audit = AuditFile(path)
        except OSError as error:
            raise click.ClickException(f"cannot write the audit: {reason(error)}") from None
        self.say([f"who changes what is written to {path}"])
        return self._audit

    def _listen_for_control(self, wanted: str | None) -> None:
        """Answer ``nfsrdma status`` at the socket that is wanted, by default one of our own.

        Whoever names a socket gets it, or an error; without the other one the server does.
        """
        if wanted == NO_CONTROL:
            return
        directory = control_directory()
        if wanted is None and directory is None:
            return  # as in a container: there is no place for such things
        try:
            path = Path(wanted).absolute() if wanted else new_place(directory or Path())
            self._control = ControlSocket(self.reactor, path, self.answers)
        except OSError as error:
            where = f"no control socket: {reason(error)}"
            if wanted is not None:
                raise click.ClickException(f"{where}; --control names another") from None
            self.say([f"{where}; --control PATH names one, for nfsrdma status"])

    def _listen_for_metrics(self, address: str, port: int) -> None:
        """Give numbers to Prometheus at an address and a port."""
        service = self._serving.service
        try:
            sock = self._estate.take("metrics", address, port) or open_metrics(address, port)
            self._metrics = MetricsListener(
                self.reactor, sock, lambda: metrics_of(service, self.reactor.time())
            )
        except OSError as error:
            raise click.ClickException(
                f"cannot serve metrics at {address}, port {port}: {reason(error)}; "
                "--metrics names another address or port"
            ) from None
        address, port = self._metrics.address
        host = f"[{address}]" if ":" in address else address
        self.say([f"metrics at http://{host}:{port}/metrics"])

    def _status(self, about: str) -> dict[str, object]:
        status = status_of(self._serving.service, self.reactor.time())
        return {"version": __version__, "process": os.getpid(), **asdict(status)}

    def _activity(self, about: str) -> dict[str, object]:
        return asdict(activity_of(self._serving.service, self.reactor.time()))

    def _evict(self, who: str) -> dict[str, object]:
        gone = evict(self._serving.service, who)
        for each in gone:
            self.log(f"put out by the administrator: {each.address} ({each.id})")
        return {"clients": [asdict(each) for each in gone]}

    @property
    def clients_left(self) -> int:
        """How many clients there are that have confirmed themselves."""
        return len(self._serving.service.registry.clients.confirmed())

    def turn_away(self) -> None:
        """Take no new clients."""
        self._serving.service.turn_away()

    def lull(self, then: Callable[[], None]) -> None:
        """Begin no change any more, and call ``then`` when it is time to go."""
        begin_lull(self.reactor, self._serving.service, then)

    def stop_accepting(self) -> None:
        """Accept no more connections."""
        self._serving.service.stop_accepting()

    def go_on(self) -> None:
        """Begin changes again."""
        self._serving.service.hold_changes(False)

    @property
    def has_no_control(self) -> bool:
        """Whether nobody can ask it."""
        return self._control is None

    def heirlooms(self) -> Iterator[Heirloom]:
        """Yield the sockets that a successor is to have."""
        yield from self._serving.heirlooms()
        if self._metrics is not None:
            yield Heirloom("metrics", *self._metrics.address, self._metrics.socket)

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
        for each in (self._control, self._metrics):
            if each is not None:
                each.close()
        for _ in self._serving.closing():
            self.reactor.turn(0)
        if self._audit is not None:
            self._audit.close()
        self.reactor.close()
        drop_output()

    def say(self, lines: Iterable[str]) -> None:
        """Print some lines. A full disk or a closed pipe behind them does not end the service."""
        for line in lines:
            with suppress(OSError):
                click.echo(json.dumps(as_json("info", line)) if self._format == JSON else line)

    def _connected(self, channel: Channel) -> None:
        if self.verbose:
            peer = channel.peer
            who = f"{peer.address} port {peer.port} ({peer.transport})"
            self.log(f"connected: {who}")
            channel.on_close(lambda reason: self.log(f"gone: {who}: {reason}"))

    def log(self, text: str) -> None:
        """Print a line with the time."""
        self.say([f"{time.strftime(STAMP)} {text}" if self._format == TEXT else text])
