"""``nfsrdma mount`` and ``nfsrdma umount``: a server's files for every program."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from nfsrdma.client.errors import NfsError

from .messages import describe

if TYPE_CHECKING:
    from nfsrdma.client.fuse.options import FuseOptions

MOUNT_FAILED = 32
"""The exit status of mount(8) for a mount that failed."""


class Failed(click.ClickException):
    """An error that is shown in one line without usage, with the exit status of mount(8)."""

    exit_code = MOUNT_FAILED

    def show(self, file: Any = None) -> None:
        """Print the error to standard error."""
        click.echo(f"nfsrdma: {self.message}", err=True)


class WrongUsage(Failed):
    """What was asked for makes no sense."""

    exit_code = 1


@click.command()
@click.argument("source", metavar="URL|HOST:/PATH")
@click.argument("directory", metavar="DIR")
@click.option(
    "-o",
    "--options",
    "texts",
    multiple=True,
    metavar="OPTION[,...]",
    help="Options as in mount.nfs(8); see below.",
)
@click.option("-f", "--foreground", is_flag=True, help="Stay in the foreground until unmounted.")
@click.option("-v", "--verbose", is_flag=True, help="Log connections (with -f).")
def mount(
    source: str, directory: str, texts: tuple[str, ...], foreground: bool, verbose: bool
) -> None:
    """Mount an export at DIR, by FUSE.

    The command returns when the server has answered and the file system can be used; a process in
    the background serves it until `nfsrdma umount DIR`. Each request has the rights of the user who
    makes it. Only who mounts can use it, unless root says allow_other. The exit status is that of
    mount(8): 1 for wrong usage, 32 if nothing could be mounted.

    Options are ro, rw, hard (wait for a server that is away: the default), soft and softerr (EIO
    and ETIMEDOUT after the timeout), timeo=TENTHS or timeout=SECONDS, retrans=, rsize=, wsize=,
    actimeo=, acregmin=, acregmax=, acdirmin=, acdirmax=, noac, nocto, lookupcache=all|pos|none,
    local_lock=none|all|posix|flock, nolock, nordirplus, wb (the kernel keeps what is written),
    delegations (files that the server leaves to this client are opened without it),
    vers=4.1|4.2, proto=rdma|tcp, port=, nconnect=, path=URL|HOST (one more path to the server; may
    be given again), max_connect=, sec=sys, provider=, device=, allow_other, uid=, gid= (all
    requests are made as that user), bg, fg, retry=MINUTES, fsname=, and nosuid,
    nodev, noexec, noatime and their opposites.
    """
    status = mount_with(source, directory, texts, foreground=foreground, verbose=verbose)
    if status:
        raise click.exceptions.Exit(status)


def mount_with(
    source: str,
    directory: str,
    texts: tuple[str, ...],
    *,
    foreground: bool = False,
    verbose: bool = False,
    sloppy: bool = False,
) -> int:
    """Mount, and return the exit status. Raises :class:`Failed`."""
    from nfsrdma.client.fuse.options import parse_options

    try:
        options = parse_options(texts, sloppy=sloppy)
        url = options.url(source)
    except ValueError as error:
        raise WrongUsage(str(error)) from None
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(message)s"
    )
    if foreground:
        _serve(url, directory, options, lambda: click.echo(f"{url} is mounted at {directory}"))
        return 0
    from nfsrdma.client.fuse.daemon import in_background

    # What is in its buffer would be printed twice.
    sys.stdout.flush()
    return in_background(lambda ready: _serve(url, directory, options, ready))


def _serve(url: str, directory: str, options: FuseOptions, ready: Callable[[], object]) -> None:
    from nfsrdma.client.fuse.daemon import Daemon

    try:
        Daemon(url, directory, options).run(ready)
    except NfsError as error:
        raise Failed(f"server: {url}: {error.strerror or error}") from error
    except OSError as error:
        raise Failed(describe(error)) from error
    except ValueError as error:
        raise WrongUsage(str(error)) from None


@click.command()
@click.argument("directories", metavar="DIR...", nargs=-1, required=True)
@click.option("-l", "--lazy", is_flag=True, help="Take it away now, and end when it is not used.")
@click.option(
    "-f", "--force", is_flag=True, help="End it now, with an error for all who use it or wait."
)
def umount(directories: tuple[str, ...], lazy: bool, force: bool) -> None:
    """Unmount what `nfsrdma mount` has mounted, also if its process has ended."""
    from nfsrdma.client.fuse.mounting import mounted_at, unmount

    failures = []
    for directory in directories:
        try:
            unmount(mounted_at(directory), lazy=lazy, force=force)
        except OSError as error:
            failures.append(describe(error))
    if failures:
        raise Failed("\nnfsrdma: ".join(failures))
