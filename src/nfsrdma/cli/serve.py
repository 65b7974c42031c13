"""``nfsrdma serve``: export directories over RDMA, and over TCP if asked."""

from __future__ import annotations

import gc
import logging
import os
import resource
from contextlib import ExitStack, closing, suppress

import click

from nfsrdma.rpcrdma.providers.registry import PROVIDERS
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.edge.serving import RDMA_PORT
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.registry import StateLimits
from nfsrdma.server.vfs.export import Squash
from nfsrdma.server.vfs.syscalls import CAP_SYS_RESOURCE, give_up_capability

from .device import device_option
from .serve_exports import ExportOptions, make_exports, places
from .serve_limits import limits_text
from .serve_policy import EVERYONE, check_networks, check_reach, choices, make_policy
from .serve_state import NOTHING_KEPT, keep_state, keep_to_ourselves
from .serving import STAMP, ServeCommand

NO_RDMA = "none"
_PLENTY = 1 << 20


def chosen_squash(root: bool | None, everyone: bool) -> Squash:
    """Return who is squashed, by two options. Raises ``click.UsageError`` if they contradict."""
    if everyone and root is not None:
        raise click.UsageError("--all-squash squashes root as well: use one of the two")
    if everyone:
        return Squash.ALL
    return Squash.NONE if root is False else Squash.ROOT


@click.command(epilog=limits_text(ServerConfig()))
@click.argument("exports", nargs=-1, metavar="[NAME=]DIR[:OPTION,...]...")
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
@click.option(
    "--root-squash/--no-root-squash",
    default=None,
    help="Root of a client is nobody here, or is root.  [default: root of other hosts is nobody]",
)
@click.option("--all-squash", is_flag=True, help="Every user of a client is nobody here.")
@click.option(
    "--allow",
    "networks",
    multiple=True,
    metavar="NETWORK",
    callback=check_networks,
    help="Network (CIDR) or address whose hosts may connect, or 'any'; may be given several times. "
    "Without it only this host may, and --listen takes loopback addresses alone.",
)
@click.option(
    "--allow-users",
    metavar="USER,...",
    is_flag=False,
    flag_value=EVERYONE,
    help="Users whose calls a server of an ordinary user serves, besides that user and root; or "
    "'any'. All of them have the server's rights.",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Believe other hosts from any TCP port, and whichever user they name.",
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
    root_squash: bool | None,
    all_squash: bool,
    networks: tuple[str, ...],
    allow_users: str | None,
    insecure: bool,
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
    own, and serves its user and root alone.

    OPTIONs are those of exports(5): ro, rw, root_squash, no_root_squash, all_squash, sync, async;
    and utf8_only, which refuses new names of other octets.
    """
    if provider == NO_RDMA and tcp_port is None:
        raise click.UsageError("--provider none leaves nothing to serve without --tcp PORT")
    if provider == NO_RDMA and device is not None:
        raise click.UsageError("--provider none has no device")
    if ephemeral and state_dir is not None:
        raise click.UsageError("--ephemeral keeps nothing, --state-dir says where: use one of them")
    check_reach(addresses, networks)
    policy = make_policy(allow_users, insecure)
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(message)s",
        datefmt=STAMP,
    )
    options = ExportOptions(
        read_only=read_only,
        squash=chosen_squash(root_squash, all_squash),
        squash_local_root=root_squash is True,
        sync=not not_sync,
        networks=networks,
    )
    descriptors = raise_descriptor_limit()
    give_up_privileges()
    config = ServerConfig(
        max_io=max_io << 10,
        times=LeaseTimes(lease, grace),
        state=StateLimits.affordable(descriptors),
    )
    made = make_exports(exports, memory, options)
    with ExitStack() as stack:
        store, kept = None, NOTHING_KEPT
        keep_to_ourselves(made)
        # An export from memory ends with the server.
        if not ephemeral and (not memory or state_dir is not None):
            listeners = [f"{address} {port} {tcp_port}" for address in addresses]
            store, kept = keep_state(stack, state_dir, exports, listeners, made)
        serving = stack.enter_context(closing(ServeCommand(made, config, store, policy, verbose)))
        if provider != NO_RDMA:
            serving.listen_rdma(provider, device, addresses, port, pcap)
        if tcp_port is not None:
            serving.listen_tcp(addresses, tcp_port)
        serving.say([*choices(made, places(exports), policy), kept])
        # Clients have applied their own file mode masks already.
        stack.callback(os.umask, os.umask(0))
        # What exists by now stays, so the collector need not examine it again.
        gc.collect()
        gc.freeze()
        serving.run()


def raise_descriptor_limit() -> int:
    """Raise the limit of descriptors, which open files need, to its maximum; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = _PLENTY
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def give_up_privileges() -> None:
    """Drop those rights of root that every caller would share.

    Files are used with each caller's own user and groups. But a capability, which stays with the
    thread, exempts it from quotas and lets it use what a disk keeps free for root.
    """
    with suppress(OSError):
        give_up_capability(CAP_SYS_RESOURCE)
