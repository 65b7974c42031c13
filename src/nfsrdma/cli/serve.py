"""``nfsrdma serve``: export directories over RDMA, and over TCP if asked."""

from __future__ import annotations

import resource
from dataclasses import replace

import click

from nfsrdma.server.config import ServerConfig
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.vfs.location import Location

from .config_exports import exports_of, limits_of
from .exports_file import read_exports
from .serve_config import DOCUMENTS, read_config
from .serve_exports import Elsewhere, check_locations, wanted_exports
from .serve_limits import limits_text
from .serve_options import (
    Kept,
    Listeners,
    Rights,
    Seen,
    check_minor_versions,
    kept_options,
    listener_options,
    rights_options,
    seen_options,
)
from .serve_policy import check_reach, make_policy
from .serve_run import ConfiguredCommand
from .serve_settings import Settings

_PLENTY = 1 << 20


@click.command(cls=ConfiguredCommand, epilog=limits_text(ServerConfig()))
@click.argument("exports", nargs=-1, metavar="[NAME=]DIR|URL[:OPTION,...]...")
@click.option(
    "--config",
    multiple=True,
    is_eager=True,
    callback=read_config,
    metavar="PATH",
    help="Read options and exports from a file in TOML, and from those of the directory PATH.d; or "
    "from those of a directory. SIGHUP has them read again.  [repeatable]",
)
@click.option(
    "--exports-file",
    multiple=True,
    metavar="PATH",
    help="Read exports from a file as of exports(5), and from those of PATH.d.  [repeatable]",
)
@click.option(
    "--take-over",
    is_flag=True,
    help="Take the place of the server that has this one's state, while clients use it; start as "
    "ever if there is none.",
)
@click.option("--check-config", is_flag=True, help="Say whether that would do, and end.")
@click.option("--print-config", is_flag=True, help="Print all of it as one file, and end.")
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
@seen_options
@click.pass_context
def serve(
    context: click.Context,
    /,
    exports: tuple[str, ...],
    exports_file: tuple[str, ...],
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
    seen: Seen,
    **_: object,
) -> Settings:
    """Export directories by NFS 4.0, 4.1 and 4.2.

    One DIR is the root of what clients see; several appear below it, as NAME or by their own
    last names. A URL is exported read-only by fsspec: zip::/srv/photos.zip, s3://bucket/prefix.
    That of another NFS server, nfs+tcp://host/export, is passed through.
    A server run by root acts with the rights of each caller; any other acts with its
    own, and serves its user and root alone.

    OPTIONs are those of exports(5): ro, rw, root_squash, no_root_squash, all_squash, sync, async;
    crossmnt, for what is mounted below; utf8_only, by which names are UTF-8 or there already; and
    no_local_locks, by which programs of this host and clients lock files without each other.
    """
    listeners.check()
    kept.check()
    if id_names and id_domain is None:
        raise click.UsageError("--id-names takes --id-domain DOMAIN")
    documents = context.meta.get(DOCUMENTS, [])
    limits, held = limits_of(documents, StateLimits.affordable(raise_descriptor_limit()))
    options = rights.of_exports()
    further = exports_of(documents, options)
    for path in exports_file:
        further += read_exports(path, options, rights.insecure)
    wanted = wanted_exports(exports, memory, options, Elsewhere(refer, replica), further)
    seen.check(each.place for each in wanted)
    reach = [each for one in wanted for each in (*one.options.networks, *one.options.readers)]
    check_reach(listeners.addresses, reach)
    try:
        config = ServerConfig(
            max_io=max_io << 10,
            minor_versions=minor_versions,
            times=LeaseTimes(kept.lease, kept.grace),
            state=limits,
            delegations=delegations,
            id_domain=id_domain,
            id_names=id_names,
        )
        if held is not None:
            config = replace(config, memory=held)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return Settings(
        wanted=tuple(wanted),
        listeners=listeners,
        kept=kept.resolved,
        config=config,
        policy=make_policy(rights.allow_users, rights.insecure),
        seen=seen,
        files=context.params["config"],
        given=dict(context.params),
    )


def raise_descriptor_limit() -> int:
    """Raise the limit of descriptors, which open files need, to its maximum; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = _PLENTY
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
