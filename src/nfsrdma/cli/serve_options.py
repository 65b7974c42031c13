"""The options of ``nfsrdma serve``, in groups: where it listens, who may do what, what is kept."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

import click

from nfsrdma.rpcrdma.providers.registry import PROVIDERS
from nfsrdma.server.config import MINOR_VERSIONS
from nfsrdma.server.edge.serving import RDMA_PORT
from nfsrdma.server.vfs.export import Squash

from .device import device_option
from .folding import folded
from .serve_exports import ExportOptions
from .serve_log import FORMATS
from .serve_policy import EVERYONE, check_networks

NO_RDMA = "none"
_PORT_MAX = 65535
_PORT = click.IntRange(0, _PORT_MAX)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where the server listens, and by which provider."""

    addresses: tuple[str, ...]
    port: int
    provider: str | None
    device: str | None
    tcp_port: int | None
    pcap: str | None

    def check(self) -> None:
        """Raise ``click.UsageError`` if these options exclude each other."""
        if self.provider == NO_RDMA and self.tcp_port is None:
            raise click.UsageError("--provider none leaves nothing to serve without --tcp PORT")
        if self.provider == NO_RDMA and self.device is not None:
            raise click.UsageError("--provider none has no device")

    @property
    def names(self) -> list[str]:
        """What tells this server from others of its user."""
        return [f"{address} {self.port} {self.tcp_port}" for address in self.addresses]


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may do what, and as whom."""

    read_only: bool
    root_squash: bool | None
    all_squash: bool
    networks: tuple[str, ...]
    allow_users: str | None
    insecure: bool
    not_sync: bool
    local_locks: bool

    def of_exports(self) -> ExportOptions:
        """Return the options of every export. Raises ``click.UsageError`` if they contradict."""
        return ExportOptions(
            read_only=self.read_only,
            squash=self._squash(),
            squash_local_root=self.root_squash is True,
            sync=not self.not_sync,
            networks=self.networks,
            local_locks=self.local_locks,
        )

    def _squash(self) -> Squash:
        if self.all_squash and self.root_squash is not None:
            raise click.UsageError("--all-squash squashes root as well: use one of the two")
        if self.all_squash:
            return Squash.ALL
        return Squash.NONE if self.root_squash is False else Squash.ROOT


@dataclass(frozen=True, slots=True)
class Kept:
    """How long the state of clients is kept, and where."""

    lease: float
    grace: float | None
    state_dir: str | None
    ephemeral: bool
    state: str | None = None

    def check(self) -> None:
        """Raise ``click.UsageError`` if these options exclude each other."""
        if self.ephemeral and self.state_dir is not None:
            raise click.UsageError(
                "--ephemeral keeps nothing, --state-dir says where: use one of them"
            )
        if self.state is not None and (self.ephemeral or self.state_dir is not None):
            raise click.UsageError(
                "--state URL takes the place of --state-dir and --ephemeral: use one of them"
            )

    @property
    def resolved(self) -> Kept:
        """These options, with ``--state file:DIR`` and ``--state memory:`` as the older ones."""
        scheme, colon, rest = (self.state or "").partition(":")
        if scheme == "memory" and colon:
            return replace(self, state=None, ephemeral=True)
        if scheme == "file" and rest:
            return replace(self, state=None, state_dir=rest.removeprefix("//"))
        return self


@dataclass(frozen=True, slots=True)
class Seen:
    """How people see what the server does."""

    control: str | None = None
    """Where ``nfsrdma status`` asks; None is a place of the server's own."""
    metrics: str | None = None
    """The address and port for Prometheus, if it is served."""
    audit: str | None = None
    """The file of who changed what."""
    log_format: str | None = None
    verbose: bool = False

    def check(self, places: Iterable[str | None]) -> None:
        """Raise ``click.UsageError`` if clients could have at the audit, in an exported place."""
        if self.audit is None:
            return
        audit = os.path.realpath(self.audit)
        for place in filter(None, places):
            if os.path.commonpath([audit, top := os.path.realpath(place)]) == top:
                raise click.UsageError(f"--audit {self.audit} is below {place}, which is exported")


def check_minor_versions(
    context: click.Context, parameter: click.Parameter, value: str
) -> frozenset[int]:
    """Return the minor versions of a list such as ``1,2``. Raises ``click.BadParameter``."""
    known = {str(minor): minor for minor in MINOR_VERSIONS}
    try:
        return frozenset(known[each.strip().removeprefix("4.")] for each in value.split(","))
    except KeyError:
        raise click.BadParameter("a list of 0, 1 and 2, such as 1,2") from None


def metrics_place(text: str) -> tuple[str, int]:
    """Return the address and port of ``ADDR:PORT``. Raises ``ValueError``."""
    address, _, port = text.rpartition(":")
    numeric = ipaddress.ip_address(address.removeprefix("[").removesuffix("]"))
    if not (port.isascii() and port.isdigit() and int(port) <= _PORT_MAX):
        raise ValueError(f"{port!r} is no port")
    return str(numeric), int(port)


def check_metrics(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """Return ``ADDR:PORT`` as it is. Raises ``click.BadParameter`` if it is something else."""
    try:
        if value is not None:
            metrics_place(value)
    except ValueError:
        raise click.BadParameter(
            "an address of this host and a port, such as 127.0.0.1:9049 or [::1]:9049"
        ) from None
    return value


listener_options = folded(
    Listeners,
    "listeners",
    (
        click.option(
            "--listen",
            "addresses",
            multiple=True,
            metavar="ADDR",
            default=("127.0.0.1",),
            show_default=True,
            help="Local address to serve at; may be given several times.",
        ),
        click.option(
            "--port",
            default=RDMA_PORT,
            show_default=True,
            type=_PORT,
            help="RDMA port; 0 picks one.",
        ),
        click.option(
            "--provider",
            type=click.Choice([*PROVIDERS, NO_RDMA]),
            help="How RDMA is done.  [default: soft, and shm for clients of this host]",
        ),
        device_option,
        click.option(
            "--tcp",
            "tcp_port",
            type=_PORT,
            metavar="PORT",
            help="Serve TCP too, at this port; 0 picks one.",
        ),
        click.option("--pcap", metavar="FILE", help="Write every RDMA packet to a pcapng file."),
    ),
)

rights_options = folded(
    Rights,
    "rights",
    (
        click.option("--read-only", is_flag=True, help="Refuse every change."),
        click.option(
            "--root-squash/--no-root-squash",
            default=None,
            help="Root of a client is nobody here, or is root.  "
            "[default: root of other hosts is nobody]",
        ),
        click.option("--all-squash", is_flag=True, help="Every user of a client is nobody here."),
        click.option(
            "--allow",
            "networks",
            multiple=True,
            metavar="NETWORK",
            callback=check_networks,
            help="Network (CIDR) or address whose hosts may connect, or 'any'; may be given "
            "several times. Without it only this host may, and --listen takes loopback addresses "
            "alone.",
        ),
        click.option(
            "--allow-users",
            metavar="USER,...",
            is_flag=False,
            flag_value=EVERYONE,
            help="Users whose calls a server of an ordinary user serves, besides that user and "
            "root; or 'any'. All of them have the server's rights.",
        ),
        click.option(
            "--insecure",
            is_flag=True,
            help="Believe other hosts from any TCP port, and whichever user they name.",
        ),
        click.option(
            "--async",
            "not_sync",
            is_flag=True,
            help="Answer changes to directories before they are durable.",
        ),
        click.option(
            "--local-locks/--no-local-locks",
            default=True,
            show_default=True,
            help="Locks of clients and of programs of this host exclude each other.",
        ),
    ),
)

kept_options = folded(
    Kept,
    "kept",
    (
        click.option(
            "--lease",
            default=90.0,
            show_default=True,
            type=click.FloatRange(1, 3600),
            help="Seconds for which a silent client keeps its opens and locks.",
        ),
        click.option(
            "--grace",
            type=click.FloatRange(0, 3600),
            metavar="S",
            help="Seconds after a restart for reclaiming.  [default: somewhat more than the lease]",
        ),
        click.option(
            "--state-dir",
            metavar="DIR",
            help="Where to keep what must survive a restart: the key of the file handles, and who "
            "held state.  [default: one for each server below /var/lib/nfsrdma for root, "
            "$XDG_STATE_HOME/nfsrdma for others]",
        ),
        click.option(
            "--ephemeral",
            is_flag=True,
            help="Keep nothing: after a restart, all file handles are stale.",
        ),
        click.option(
            "--state",
            metavar="URL",
            help="The same by a URL: file:DIR, memory:, or that of a store of another package.",
        ),
    ),
)

seen_options = folded(
    Seen,
    "seen",
    (
        click.option(
            "--control",
            metavar="PATH",
            help="Where nfsrdma status asks: a Unix socket, for root and the server's user alone; "
            "or 'none'.  [default: one below /run/nfsrdma for root, $XDG_RUNTIME_DIR for others]",
        ),
        click.option(
            "--metrics",
            metavar="ADDR:PORT",
            callback=check_metrics,
            help="Give numbers to Prometheus at this address of this host, to whoever asks there.",
        ),
        click.option(
            "--audit",
            metavar="FILE",
            help="Write who created, opened, renamed, removed or changed what: a line of JSON "
            "each, and five files of 64 MiB at most.",
        ),
        click.option(
            "--log-format",
            type=click.Choice(FORMATS),
            help="Of the log on standard error.  [default: journal under systemd, else text]",
        ),
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            help="A line for each connection, and for operations that are refused.",
        ),
    ),
)
