"""``nfsrdma mount`` and ``nfsrdma umount``: a server's files for every program."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import click

from nfsrdma.client.errors import NfsError

from .messages import describe

MOUNT_FAILED = 32
"""The exit status of mount(8) for a mount that failed."""


class Failed(click.ClickException):
    """An error that is shown in one line without usage, with the exit status of mount(8)."""

    exit_code = MOUNT_FAILED

    def show(self, file: Any = None) -> None:
        """Print the error to standard error."""
        click.echo(f"nfsrdma: {self.message}", err=True)


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
    the background serves it until `nfsrdma umount DIR`. It acts with the rights of the user who
    mounts, who alone can use it.

    Options are ro, rw, hard (wait for a server that is away: the default), soft (errors after the
    timeout), timeo=TENTHS or timeout=SECONDS, rsize=, wsize=, nconnect=, actimeo=, acregmin=,
    acregmax=, acdirmin=, acdirmax=, noac, nocto, vers=4.1|4.2, proto=rdma|tcp, port=, provider=,
    device=, fsname=, and nosuid, nodev, noexec, noatime and their opposites.
    """
    from nfsrdma.client.fuse.options import parse_options

    try:
        options = parse_options(texts)
        url = options.url(source)
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    def serve(ready: Callable[[], object]) -> None:
        from nfsrdma.client.fuse.daemon import Daemon

        try:
            Daemon(url, directory, options).run(ready)
        except NfsError as error:
            raise Failed(f"server: {url}: {error.strerror or error}") from error
        except OSError as error:
            raise Failed(describe(error)) from error
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(message)s"
    )
    if foreground:
        serve(lambda: click.echo(f"{url} is mounted at {directory}"))
        return
    from nfsrdma.client.fuse.daemon import in_background

    # The files of the kernel's caller have their modes already.
    sys.stdout.flush()
    status = in_background(serve)
    if status:
        raise click.exceptions.Exit(status)


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("-l", "--lazy", is_flag=True, help="Take it away now, and end when it is not used.")
def umount(directory: str, lazy: bool) -> None:
    """Unmount what `nfsrdma mount` has mounted, also if its process has ended."""
    from nfsrdma.client.fuse.mounting import mounted_at, unmount

    try:
        unmount(mounted_at(directory), lazy=lazy)
    except OSError as error:
        raise Failed(describe(error)) from error
