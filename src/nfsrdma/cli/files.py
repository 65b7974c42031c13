"""The commands that work on files of a server."""

from __future__ import annotations

import errno
import json
import stat as stat_bits
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from nfsrdma.client import Mount, NfsError
from nfsrdma.client.attributes import Stat
from nfsrdma.client.descent import Descent
from nfsrdma.client.entries import DirEntry
from nfsrdma.client.errors import ends_everything, make_error
from nfsrdma.client.trees import TreeError

from .common import (
    Failed,
    Mounts,
    Options,
    failure,
    for_each,
    has_pattern,
    is_directory,
    join,
    last_of,
    mounted,
    named,
    read_url,
    server_options,
    split_last,
    umask,
)
from .folding import folded
from .messages import printable

_CAT_BUFFER = 4 << 20


@dataclass(frozen=True, slots=True)
class _Form:
    """What ``ls`` shows, and how."""

    every: bool
    long: bool
    human: bool
    by_time: bool
    as_json: bool


_listing_options = folded(
    _Form,
    "form",
    (
        click.option("-a", "every", is_flag=True, help="Names that begin with a dot, too."),
        click.option("-l", "long", is_flag=True, help="With type, mode, owner, size and time."),
        click.option("-h", "--human", is_flag=True, help="Sizes in KiB, MiB, GiB."),
        click.option("-t", "by_time", is_flag=True, help="The newest first."),
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
    ),
)


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-R", "recursive", is_flag=True, help="And everything below.")
@click.option("-1", "one", is_flag=True, help="One name a line, as always.")
@_listing_options
@server_options
def ls(urls: tuple[str, ...], recursive: bool, one: bool, form: _Form, options: Options) -> None:
    """List directories, or show files. The names in a URL may be patterns, as of a shell."""
    del one
    failed = False
    several = len(urls) > 1 or any(map(has_pattern, urls))
    headed = several and not form.as_json

    def show(fs: Mount, path: str) -> None:
        nonlocal failed
        listing = _Listing(fs, form)
        try:
            if not fs.stat(path).is_dir:
                listing.show(last_of(path), path, fs.lstat(path))
            elif recursive:
                if form.as_json:
                    listing.show(last_of(path), path, fs.lstat(path))
                listing.tree(path)
            else:
                if headed:
                    click.echo(f"{printable('/' + path.rstrip('/'))}:")
                listing.directory(path)
        finally:
            failed |= listing.failed

    for_each(urls, options, show)
    if failed:
        raise click.exceptions.Exit(1)


def _when(entry: DirEntry) -> int:
    try:
        return entry.stat().st_mtime_ns
    except NfsError:
        return 0


class _Listing:
    """The output of ``ls``. An entry that cannot be examined is reported, and the rest goes on."""

    def __init__(self, fs: Mount, form: _Form) -> None:
        self._fs = fs
        self._form = form
        self.failed = False

    def directory(self, where: str | DirEntry) -> list[DirEntry]:
        """Print the entries of one directory, and return them."""
        every = self._form.every
        found = (entry for entry in self._fs.scandir(where) if every or entry.name[:1] != ".")
        entries = sorted(found, key=lambda entry: entry.name)
        if self._form.by_time:
            entries.sort(key=_when, reverse=True)
        for entry in entries:
            if self._form.long or self._form.as_json:
                try:
                    self.show(entry.name, entry, entry.stat())
                except NfsError as error:
                    self._fail(error)
                    if self._form.as_json:
                        click.echo(json.dumps({"path": _text(f"/{entry.path}")}))
                        continue
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
            if not self._form.as_json:
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
        if self._form.as_json:
            self._show_json(where, status)
            return
        shown = printable(name)
        if not self._form.long:
            click.echo(shown)
            return
        if status.is_symlink:
            shown = f"{shown} -> {printable(self._fs.readlink(where))}"
        when = _local(status.st_mtime_ns // 10**9, "%Y-%m-%d %H:%M")
        owner, group = printable(status.owner), printable(status.group)
        mode = stat_bits.filemode(status.st_mode)
        size = size_text(status.st_size) if self._form.human else str(status.st_size)
        click.echo(f"{mode} {status.st_nlink:3} {owner:8} {group:8} {size:>12} {when} {shown}")

    def _show_json(self, where: str | DirEntry, status: Stat) -> None:
        """Print one object; octets that are not UTF-8 are shown as ``\\xff``."""
        path = where if isinstance(where, str) else where.path
        row: dict[str, object] = {
            "path": _text(f"/{path}"),
            "type": kind_of(status.st_mode),
            "mode": f"{stat_bits.S_IMODE(status.st_mode):04o}",
            "links": status.st_nlink,
            "owner": _text(status.owner),
            "group": _text(status.group),
            "size": status.st_size,
            "inode": status.st_ino,
            "mtime_ns": status.st_mtime_ns,
        }
        if status.is_symlink:
            row["target"] = _text(self._fs.readlink(where))
        click.echo(json.dumps(row))

    def _fail(self, error: OSError) -> None:
        self.failed = True
        click.echo(f"nfsrdma: {failure(self._fs, error)}", err=True)


def _text(name: str | bytes) -> str:
    octets = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
    return octets.decode("utf-8", "backslashreplace")


def kind_of(mode: int) -> str:
    """Return the letter of find(1) for the type of a file."""
    letter = stat_bits.filemode(mode)[0]
    return "f" if letter == "-" else letter


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@server_options
def cat(urls: tuple[str, ...], options: Options) -> None:
    """Write files to standard output."""
    for_each(urls, options, to_output)


def to_output(fs: Mount, path: str) -> None:
    """Write a file of the server to standard output."""
    out = sys.stdout.buffer
    buffer = memoryview(bytearray(_CAT_BUFFER))
    with fs.open(path) as file:
        while count := file.readinto(buffer):
            out.write(buffer[:count])
    out.flush()


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
        shown = [size_text(size) if human else str(size >> 10) for size in sizes]
        click.echo(
            f"{shown[0]:>12} {shown[1]:>12} {shown[2]:>12} {found.f_files:>10} {found.f_ffree:>10}"
        )


def size_text(octets: float) -> str:
    """Return a number of octets with the unit that suits it."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if octets < 1024:
            return f"{octets:.0f} B" if unit == "B" else f"{octets:.1f} {unit}"
        octets /= 1024
    return f"{octets:.1f} PiB"


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-p", "parents", is_flag=True, help="With those above; no error if it exists.")
@server_options
def mkdir(urls: tuple[str, ...], parents: bool, options: Options) -> None:
    """Make directories."""
    mode = 0o777 & ~umask()

    def make(fs: Mount, path: str) -> None:
        if parents:
            fs.makedirs(path, mode, exist_ok=True)
        else:
            fs.mkdir(path, mode)

    for_each(urls, options, make, patterns=False)


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
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.argument("target")
@server_options
def mv(urls: tuple[str, ...], target: str, options: Options) -> None:
    """Rename files or directories; TARGET is a URL of the same server, or a path of it.

    If TARGET is a directory, as it has to be for several, they go into it under their own names.
    """
    _within(urls, target, options, Mount.rename)


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.argument("target")
@server_options
def cp(urls: tuple[str, ...], target: str, options: Options) -> None:
    """Copy files; TARGET is a URL of the same server, or a path of it.

    The data stays at the server if that can copy; else it is read and written. If TARGET is a
    directory, as it has to be for several, the copies go into that under the files' names; a file
    there is replaced in place.
    """
    _within(urls, target, options, Mount.copy)


def _within(
    urls: tuple[str, ...], target: str, options: Options, do: Callable[[Mount, str, str], object]
) -> None:
    """Call ``do(fs, path, new)`` for all that the URLs mean; names in a directory are their own."""
    new = _same_server(urls[0], target)
    for url in urls[1:]:
        _same_server(urls[0], read_url(url).with_path(()))
    with Mounts(options) as mounts:
        found = list(mounts.each(urls))
        into = Into(len(found) + mounts.failed > 1)
        for fs, path in found:
            try:
                with named(fs):
                    do(fs, path, into.name(fs, new, last_of(path)))
            except Failed as error:
                mounts.show(error)
    mounts.end()


class Into:
    """Names at a server for one thing, or for several, which need a directory."""

    def __init__(self, several: bool) -> None:
        self._several = several
        self._given: set[str] = set()

    def name(self, fs: Mount, target: str, name: str) -> str:
        """Return the path at ``target`` for what is called ``name``. Raises ``OSError``."""
        if not target or is_directory(fs, target):
            target = join(target, name)
        elif self._several:
            raise make_error(errno.ENOTDIR, "no directory, as several need it", target)
        if target in self._given:
            raise make_error(errno.EEXIST, "two of the same name: the second is left", target)
        self._given.add(target)
        return target


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
