"""``mount.nfsrdma``: what mount(8) runs for ``mount -t nfsrdma`` and for lines of fstab(5).

It is called as ``mount.nfsrdma SOURCE DIR [-sfnv] [-o OPTIONS]``, and as ``mount.fuse.nfsrdma`` for
the type that the mount table shows, so that ``mount -o remount DIR`` finds it.
"""

from __future__ import annotations

import getopt
import shlex
import sys
from pathlib import Path

import click

from nfsrdma.client.errors import LocalError

from .common import Failed as InstallFailed
from .messages import describe
from .mount import MOUNT_FAILED, Failed, WrongUsage, mount_with
from .output import write_whole

NAMES = ("mount.nfsrdma", "mount.fuse.nfsrdma")
_OF_THE_KERNEL = frozenset(("fd", "rootmode", "user_id", "group_id", "max_read", "blksize"))
"""Options of FUSE that the mount table shows, or that mount(2) was given."""
_INTERNAL, _INTERRUPTED = 4, 8
_USAGE = "mount.nfsrdma URL|HOST:/PATH DIR [-sfnv] [-o OPTIONS]"


@click.command()
@click.option("--install", is_flag=True, help="Write the programs to where mount(8) looks.")
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    default=Path("/sbin"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="With --install: to DIR instead.",
)
def mount_helper(install: bool, folder: Path) -> None:
    """Have `mount -t nfsrdma` and fstab work: write mount.nfsrdma and mount.fuse.nfsrdma."""
    paths = [folder / name for name in NAMES]
    if not install:
        names = "\n  ".join(map(str, paths))
        click.echo(f"nfsrdma mount-helper --install would write\n  {names}")
        return
    script = (
        "#!/bin/sh\n"
        "# Made by nfsrdma mount-helper --install: mount(8) runs it for the type nfsrdma.\n"
        f'exec {shlex.quote(sys.executable)} -m nfsrdma.cli.mount_helper "$@"\n'
    )
    for path in paths:
        try:
            write_whole(path, script.encode())
            path.chmod(0o755)
        except OSError as error:
            reason = f"{LocalError.side}: {path}: {error.strerror}: --dir DIR writes elsewhere"
            raise InstallFailed(reason) from error
        click.echo(f"wrote {path}")


def main(arguments: list[str] | None = None) -> int:
    """Do what mount(8) asks for; return its exit status."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except Failed as error:
        error.show()
        return error.exit_code
    except OSError as error:
        click.echo(f"mount.nfsrdma: {describe(error)}", err=True)
        return MOUNT_FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        click.echo(f"mount.nfsrdma: {type(error).__name__}: {error}", err=True)
        return _INTERNAL


def _run(arguments: list[str]) -> int:
    try:
        flags, places = getopt.gnu_getopt(arguments, "sfnvho:N:t:")
    except getopt.GetoptError as error:
        raise WrongUsage(f"{error}; {_USAGE}") from None
    given = {flag for flag, _ in flags}
    texts = tuple(value for flag, value in flags if flag == "-o")
    if "-h" in given:
        click.echo(f"usage: {_USAGE}")
        return 0
    if len(places) != 2:
        raise WrongUsage(f"usage: {_USAGE}")
    source, directory = places
    if "-f" in given:
        return 0  # everything but the mount itself
    words = [word for text in texts for word in text.split(",")]
    if "remount" in words:
        _remount(directory, texts)
        return 0
    return mount_with(source, directory, texts, sloppy="-s" in given or "sloppy" in words)


def _remount(directory: str, texts: tuple[str, ...]) -> None:
    """Change what mount(2) can change: ``ro``, ``noatime`` and the like.

    mount(8) repeats the options of fstab, which need not be new: those stay as they were. Where
    there is no such line it repeats those of the mount table, which has the kernel's own. Whether
    devices and set-user-ID bits count stays as it is unless it is named: a line of fstab need not
    say ``nosuid``, nor does the mount table say ``suid``.
    """
    from nfsrdma.client.fuse.mounting import mounted_at, ours, remount
    from nfsrdma.client.fuse.options import parse_options

    where = mounted_at(directory)
    flags = next(each.flags for each in reversed(ours()) if each.path == where).split(",")
    words = [name for name in ("suid", "dev") if f"no{name}" not in flags]
    words += [word for text in texts for word in text.split(",")]
    told = tuple(word for word in words if word.partition("=")[0] not in _OF_THE_KERNEL)
    try:
        options = parse_options(told)
    except ValueError as error:
        raise WrongUsage(str(error)) from None
    remount(where, options.flags)


if __name__ == "__main__":
    sys.exit(main())
