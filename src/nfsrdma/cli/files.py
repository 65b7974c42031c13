"""The commands that work on files of a server."""

from __future__ import annotations

import stat as stat_bits
import sys
import time
from typing import Any

import click

from nfsrdma.client import Mount, NfsError
from nfsrdma.client.attributes import Stat
from nfsrdma.client.descent import Descent
from nfsrdma.client.entries import DirEntry
from nfsrdma.client.errors import ends_everything
from nfsrdma.client.trees import TreeError

from .common import (
    Failed,
    Options,
    failure,
    for_each,
    is_directory,
    join,
    mounted,
    read_url,
    server_options,
    split_last,
)
from .messages import printable

_CAT_BUFFER = 4 << 20


@click.command()
@click.argument("url")
@click.option("-l", "long", is_flag=True, help="With type, mode, owner, size and time.")
@click.option("-R", "recursive", is_flag=True, help="And everything below.")
@server_options
def ls(url: str, long: bool, recursive: bool, options: Options) -> None:
    """List a directory, or show a file."""
    with mounted(url, options) as (fs, path):
        listing = _Listing(fs, long)
        status = fs.stat(path)
        if not status.is_dir:
            listing.show(path.rpartition("/")[2], path, fs.lstat(path))
        elif not recursive:
            listing.directory(path)
        else:
            listing.tree(path)
    if listing.failed:
        raise click.exceptions.Exit(1)


class _Listing:
    """The output of ``ls``. An entry that cannot be examined is reported, and the rest goes on."""

    def __init__(self, fs: Mount, long: bool) -> None:
        self._fs = fs
        self._long = long
        self.failed = False

    def directory(self, where: str | DirEntry) -> list[DirEntry]:
        """Print the entries of one directory, and return them."""
        entries = sorted(self._fs.scandir(where), key=lambda entry: entry.name)
        for entry in entries:
            if self._long:
                try:
                    self.show(entry.name, entry, entry.stat())
                except NfsError as error:
                    self._fail(error)
                    # An entry without attributes is shown, too.
                    click.echo(
                        f"{'?' * 10} {'?':>3} {'?':8} {'?':8} {'?':>12} {'?':>16} "
                        f"{printable(entry.name)}"
                    )
            else:
                click.echo(printable(entry.name))
        return entries

    def tree(self, path: str) -> None:
        """Print a directory and all below it, by handles, however deep it is."""
        left: list[tuple[str | DirEntry, Descent]] = [(path, Descent(b""))]
        first = True
        while left:
            where, descent = left.pop()
            shown = where if isinstance(where, str) else where.path
            shown = printable("/" + shown.rstrip("/"))
            click.echo(("" if first else "\n") + f"{shown}:")
            try:
                if isinstance(where, DirEntry):
                    descent = descent.below(where.handle, where.__fspath__)
                entries = self.directory(where)
            except NfsError as error:
                if first or ends_everything(error):
                    raise
                self._fail(error)
            else:
                left.extend((entry, descent) for entry in reversed(entries) if entry.is_dir())
            first = False

    def show(self, name: str, where: str | DirEntry, status: Stat) -> None:
        """Print one line."""
        shown = printable(name)
        if not self._long:
            click.echo(shown)
            return
        if status.is_symlink:
            shown = f"{shown} -> {printable(self._fs.readlink(where))}"
        when = _local(status.st_mtime_ns // 10**9, "%Y-%m-%d %H:%M")
        owner, group = printable(status.owner), printable(status.group)
        mode = stat_bits.filemode(status.st_mode)
        click.echo(
            f"{mode} {status.st_nlink:3} {owner:8} {group:8} {status.st_size:12} {when} {shown}"
        )

    def _fail(self, error: OSError) -> None:
        self.failed = True
        click.echo(f"nfsrdma: {failure(self._fs, error)}", err=True)


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@server_options
def cat(urls: tuple[str, ...], options: Options) -> None:
    """Write files to standard output."""
    out = sys.stdout.buffer
    buffer = memoryview(bytearray(_CAT_BUFFER))

    def copy(fs: Mount, path: str) -> None:
        with fs.open(path) as file:
            while count := file.readinto(buffer):
                out.write(buffer[:count])
        out.flush()

    for_each(urls, options, copy)


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@server_options
def stat(urls: tuple[str, ...], options: Options) -> None:
    """Show the attributes of files; a link is not followed."""

    def show(fs: Mount, path: str) -> None:
        status = fs.lstat(path)
        rows: list[tuple[str, Any]] = [
            ("file", printable(f"/{path}")),
            ("mode", stat_bits.filemode(status.st_mode)),
            ("size", status.st_size),
            ("inode", status.st_ino),
            ("links", status.st_nlink),
            ("owner", printable(status.owner)),
            ("group", printable(status.group)),
            ("accessed", _time(status.st_atime_ns)),
            ("modified", _time(status.st_mtime_ns)),
            ("changed", _time(status.st_ctime_ns)),
            ("fsid", f"{status.fsid[0]:x}:{status.fsid[1]:x}"),
            ("change", status.change),
        ]
        if status.is_symlink:
            rows.insert(1, ("target", printable(fs.readlink(path))))
        for name, value in rows:
            click.echo(f"{name + ':':10}{value}")

    for_each(urls, options, show)


def _time(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 10**9)
    return f"{_local(seconds, '%Y-%m-%d %H:%M:%S')}.{nanoseconds:09}"


def _local(seconds: int, form: str) -> str:
    """Return a local time, or the seconds of a time that no calendar here reaches."""
    try:
        return time.strftime(form, time.localtime(seconds))
    except (OverflowError, OSError, ValueError):
        return f"{seconds} s since 1970"


@click.command()
@click.argument("url")
@click.option("-h", "--human", is_flag=True, help="In KiB, MiB, GiB.")
@server_options
def df(url: str, human: bool, options: Options) -> None:
    """Show the size of the file system, and what is left of it, in KiB."""
    with mounted(url, options) as (fs, path):
        found = fs.statvfs(path)
        unit = found.f_frsize
        used = (found.f_blocks - found.f_bfree) * unit
        sizes = (found.f_blocks * unit, used, found.f_bavail * unit)
        click.echo(f"{'size':>12} {'used':>12} {'available':>12} {'files':>10} {'free':>10}")
        shown = [_size(size) if human else str(size >> 10) for size in sizes]
        click.echo(
            f"{shown[0]:>12} {shown[1]:>12} {shown[2]:>12} {found.f_files:>10} {found.f_ffree:>10}"
        )


def _size(octets: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if octets < 1024:
            return f"{octets:.1f} {unit}"
        octets /= 1024
    return f"{octets:.1f} PiB"


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-p", "parents", is_flag=True, help="With those above; no error if it exists.")
@server_options
def mkdir(urls: tuple[str, ...], parents: bool, options: Options) -> None:
    """Make directories."""

    def make(fs: Mount, path: str) -> None:
        if parents:
            fs.makedirs(path, exist_ok=True)
        else:
            fs.mkdir(path)

    for_each(urls, options, make)


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-r", "recursive", is_flag=True, help="Directories, with all below them.")
@click.option("-f", "force", is_flag=True, help="No error if there is nothing.")
@server_options
def rm(urls: tuple[str, ...], recursive: bool, force: bool, options: Options) -> None:
    """Remove files, or with -r trees. Links are removed, not followed."""

    def remove(fs: Mount, path: str) -> None:
        if not path:
            raise Failed(f"{fs.url}: this is the server's root: not removed")
        try:
            if recursive and fs.lstat(path).is_dir:
                fs.rmtree(path)
            else:
                fs.remove(path)
        except FileNotFoundError:
            if not force:
                raise
        except TreeError as error:
            for each in error.failures:
                click.echo(f"nfsrdma: {failure(fs, each)}", err=True)
            raise

    for_each(urls, options, remove)


@click.command()
@click.argument("url")
@click.argument("target")
@server_options
def mv(url: str, target: str, options: Options) -> None:
    """Rename a file or directory; TARGET is a URL of the same server, or a path of it.

    If TARGET is a directory, it goes into that under its own name.
    """
    with mounted(url, options) as (fs, path):
        new = _same_server(url, target)
        if not new or is_directory(fs, new):
            new = join(new, path.rstrip("/").rpartition("/")[2])
        fs.rename(path, new)


@click.command()
@click.argument("url")
@click.argument("target")
@server_options
def cp(url: str, target: str, options: Options) -> None:
    """Copy a file; TARGET is a URL of the same server, or a path of it.

    The data stays at the server if that can copy; else it is read and written. If TARGET is a
    directory, the copy goes into that under the file's name; a file there is replaced in place.
    """
    with mounted(url, options) as (fs, path):
        new = _same_server(url, target)
        if not new or is_directory(fs, new):
            new = join(new, path.rstrip("/").rpartition("/")[2])
        fs.copy(path, new)


@click.command()
@click.argument("source")
@click.argument("url")
@click.option("-s", "symbolic", is_flag=True, help="A symbolic link that holds SOURCE as it is.")
@server_options
def ln(source: str, url: str, symbolic: bool, options: Options) -> None:
    """Make a link at URL to SOURCE, which is a URL of the same server, or a path of it."""
    with mounted(url, options) as (fs, path):
        if symbolic:
            fs.symlink(source, path)
        else:
            fs.link(_same_server(url, source), path)


def _same_server(url: str, other: str) -> str:
    """Return the path that ``other`` means on the server of ``url``."""
    if "://" not in other:
        return other.lstrip("/")
    one, two = read_url(url), read_url(other)
    if (one.transport, one.host, one.port) != (two.transport, two.host, two.port):
        raise click.UsageError(f"{other!r} is on another server than {url!r}")
    return split_last(other)[1]
