"""``nfsrdma serve``: export directories over RDMA, and over TCP if asked."""

from __future__ import annotations

import gc
import logging
import os
import resource
from contextlib import ExitStack, closing, suppress
from functools import partial

import click

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.vfs.location import Location
from nfsrdma.server.vfs.syscalls import CAP_SYS_RESOURCE, give_up_capability

from .serve_backends import open_place
from .serve_exports import Elsewhere, check_locations, make_exports, places
from .serve_limits import limits_text
from .serve_options import (
    Kept,
    Listeners,
    Rights,
    check_minor_versions,
    kept_options,
    listener_options,
    rights_options,
)
from .serve_policy import check_reach, choices, make_policy
from .serve_proxy import open_proxied
from .serve_state import NOTHING_KEPT, keep_elsewhere, keep_state, keep_to_ourselves
from .serving import STAMP, ServeCommand

_PLENTY = 1 << 20


@click.command(epilog=limits_text(ServerConfig()))
@click.argument("exports", nargs=-1, metavar="[NAME=]DIR|URL[:OPTION,...]...")
@listener_options
@rights_options
@kept_options
@click.option(
    "--max-io",
    default=1024,
    show_default=True,
    type=click.IntRange(4, 4096),
    metavar="KIB",
    help="Largest READ and WRITE.",
)
@click.option(
    "--minor-versions",
    default="0,1,2",
    show_default=True,
    metavar="N,...",
    callback=check_minor_versions,
    help="NFS 4.N that are served.",
)
@click.option(
    "--delegations/--no-delegations",
    default=False,
    show_default=True,
    help="Let clients keep files to themselves. For directories that nobody changes but through "
    "this server.",
)
@click.option(
    "--id-domain",
    metavar="DOMAIN",
    help="Take NAME@DOMAIN of users and groups besides numbers.",
)
@click.option("--id-names", is_flag=True, help="Send names of owners instead of numbers.")
@click.option(
    "--refer",
    multiple=True,
    metavar="NAME=SERVER:/PATH[,...]",
    callback=check_locations,
    help="Send clients that come to NAME to other servers.  [repeatable]",
)
@click.option(
    "--replica",
    multiple=True,
    metavar="NAME=SERVER:/PATH[,...]",
    callback=check_locations,
    help="Tell clients where the files of an export are besides.  [repeatable]",
)
@click.option("--memory", is_flag=True, help="Export an empty file system in memory.")
@click.option("-v", "--verbose", is_flag=True, help="A line for each connection.")
def serve(
    exports: tuple[str, ...],
    listeners: Listeners,
    rights: Rights,
    kept: Kept,
    max_io: int,
    minor_versions: frozenset[int],
    delegations: bool,
    id_domain: str | None,
    id_names: bool,
    refer: dict[str, tuple[Location, ...]],
    replica: dict[str, tuple[Location, ...]],
    memory: bool,
    verbose: bool,
) -> None:
    """Export directories by NFS 4.0, 4.1 and 4.2.

    One DIR is the root of what clients see; several appear below it, as NAME or by their own
    last names. A URL is exported read-only by fsspec: zip::/srv/photos.zip, s3://bucket/prefix.
    That of another NFS server, nfs+tcp://host/export, is passed through.
    A server run by root acts with the rights of each caller; any other acts with its
    own, and serves its user and root alone.

    OPTIONs are those of exports(5): ro, rw, root_squash, no_root_squash, all_squash, sync, async;
    crossmnt, for what is mounted below; and utf8_only, which refuses new names of other octets.
    """
    listeners.check()
    kept.check()
    kept = kept.resolved
    check_reach(listeners.addresses, rights.networks)
    if id_names and id_domain is None:
        raise click.UsageError("--id-names takes --id-domain DOMAIN")
    policy = make_policy(rights.allow_users, rights.insecure)
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(message)s",
        datefmt=STAMP,
    )
    options = rights.of_exports()
    descriptors = raise_descriptor_limit()
    give_up_privileges()
    config = ServerConfig(
        max_io=max_io << 10,
        minor_versions=minor_versions,
        times=LeaseTimes(kept.lease, kept.grace),
        state=StateLimits.affordable(descriptors),
        delegations=delegations,
        id_domain=id_domain,
        id_names=id_names,
    )
    elsewhere = Elsewhere(refer, replica)
    # What other servers export is mounted on the reactor that ours will run on.
    reactor = SelectReactor()
    proxied = partial(open_proxied, listeners, reactor)
    made = make_exports(exports, memory, options, elsewhere, partial(open_place, proxied=proxied))
    with ExitStack() as stack:
        store, where = None, NOTHING_KEPT
        keep_to_ourselves(made)
        # An export from memory ends with the server.
        if kept.state is not None:
            store, where = keep_elsewhere(kept.state)
        elif not kept.ephemeral and (not memory or kept.state_dir is not None):
            store, where = keep_state(stack, kept.state_dir, exports, listeners.names, made)
        serving = stack.enter_context(
            closing(ServeCommand(made, config, store, policy, verbose, reactor))
        )
        serving.listen(listeners)
        serving.say([*choices(made, places(exports, elsewhere), policy), where])
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
