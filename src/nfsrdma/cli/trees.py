"""The commands that walk down a tree of a server: ``du``, ``find`` and ``tree``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

import click

from nfsrdma.client import Mount, NfsError
from nfsrdma.client.attributes import Stat
from nfsrdma.client.descent import Descent
from nfsrdma.client.entries import DirEntry
from nfsrdma.client.errors import ends_everything

from .common import Options, failure, for_each, server_options
from .files import kind_of, size_text
from .messages import printable

_LINKS_KEPT: Final = 1 << 20
"""Files of several names that ``du`` remembers, to count each once; more are counted by name."""


def below(
    fs: Mount, path: str, failed: Callable[[NfsError], object]
) -> Iterator[tuple[int, DirEntry, bool]]:
    """Yield depth (from 0), entry, and whether it is its directory's last, of all below ``path``.

    A directory comes before what is in it; it is entered by its handle, however deep it is. Links
    are not followed. ``failed`` is told of a directory that cannot be read; ``path`` has to be one.
    """
    stack = [(Descent(b""), _sorted(fs, path))]
    while stack:
        descent, entries = stack[-1]
        if not entries:
            stack.pop()
            continue
        entry = entries.pop()
        yield len(stack) - 1, entry, not entries
        if entry.is_dir():
            try:
                further = descent.below(entry.handle, entry.__fspath__)
                stack.append((further, _sorted(fs, entry)))
            except NfsError as error:
                if ends_everything(error):
                    raise
                failed(error)


def _sorted(fs: Mount, where: str | DirEntry) -> list[DirEntry]:
    """Return the entries of a directory, the first of them at the end."""
    return sorted(fs.scandir(where), key=lambda entry: entry.name, reverse=True)


class _Failures:
    """Tells of what cannot be examined, and has the status of that in the end."""

    def __init__(self) -> None:
        self.any = False

    def of(self, fs: Mount) -> Callable[[NfsError], object]:
        """Return what tells of an error of this mount."""

        def tell(error: NfsError) -> None:
            self.any = True
            click.echo(f"nfsrdma: {failure(fs, error)}", err=True)

        return tell

    def end(self) -> None:
        """Exit with status 1 if there was any."""
        if self.any:
            raise click.exceptions.Exit(1)


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-s", "summary", is_flag=True, help="Only the sum of each URL.")
@click.option("-h", "--human", is_flag=True, help="In KiB, MiB, GiB.")
@server_options
def du(urls: tuple[str, ...], summary: bool, human: bool, options: Options) -> None:
    """Show what directories take on the server's disks, in KiB, with all below them.

    A file of several names counts once.
    """
    failures = _Failures()

    def show(fs: Mount, path: str) -> None:
        usage = _Usage()
        top = fs.lstat(path)
        sums = [usage.of(top)]
        names = [f"/{path.rstrip('/')}"]

        def close() -> None:
            octets, name = sums.pop(), names.pop()
            if sums:
                sums[-1] += octets
            if not sums or not summary:
                shown = size_text(octets) if human else str((octets + 1023) >> 10)
                click.echo(f"{shown:>12}  {printable(name)}")

        if top.is_dir:
            for depth, entry, _ in below(fs, path, failures.of(fs)):
                while len(sums) > depth + 1:
                    close()
                octets = usage.of_entry(entry, failures.of(fs))
                if entry.is_dir():
                    sums.append(octets)
                    names.append(f"/{entry.path}")
                else:
                    sums[-1] += octets
        while sums:
            close()

    for_each(urls, options, show)
    failures.end()


class _Usage:
    """The octets that files take, each file counted once."""

    def __init__(self) -> None:
        self._seen: set[tuple[tuple[int, int], int]] = set()

    def of(self, status: Stat) -> int:
        """Return what a file takes, or 0 if it was counted already."""
        if status.st_nlink > 1 and not status.is_dir:
            which = (status.fsid, status.st_ino)
            if which in self._seen:
                return 0
            if len(self._seen) < _LINKS_KEPT:
                self._seen.add(which)
        return status.st_blocks * 512

    def of_entry(self, entry: DirEntry, failed: Callable[[NfsError], object]) -> int:
        """Return what an entry takes; ``failed`` is told if the server cannot say, and it is 0."""
        try:
            return self.of(entry.stat())
        except NfsError as error:
            if ends_everything(error):
                raise
            failed(error)
            return 0


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-name", "--name", metavar="PATTERN", help="Names that match, as a shell matches.")
@click.option(
    "-type",
    "--type",
    "kind",
    type=click.Choice(list("fdlpsbc")),
    help="Files, directories, links, pipes, sockets, block or character devices.",
)
@server_options
def find(urls: tuple[str, ...], name: str | None, kind: str | None, options: Options) -> None:
    """Show what is at and below each URL, as URLs, which other commands take. Links stay links."""
    failures = _Failures()

    def show(fs: Mount, path: str) -> None:
        def tell(where: str, last: str, found: str) -> None:
            if (kind is None or kind == found) and (name is None or fnmatchcase(last, name)):
                octets = where.encode("utf-8", "surrogateescape")
                parts = tuple(part for part in octets.split(b"/") if part)
                click.echo(printable(str(replace(fs.url, path=parts))))

        top = fs.lstat(path)
        tell(path, path.rstrip("/").rpartition("/")[2], kind_of(top.st_mode))
        if top.is_dir:
            for _, entry, _ in below(fs, path, failures.of(fs)):
                try:
                    found = kind_of(entry.stat().st_mode)
                except NfsError:
                    found = "?"
                tell(entry.path, entry.name, found)

    for_each(urls, options, show)
    failures.end()


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-a", "every", is_flag=True, help="Names that begin with a dot, too.")
@click.option("-L", "deepest", type=click.IntRange(min=1), help="Only so many levels.")
@server_options
def tree(urls: tuple[str, ...], every: bool, deepest: int | None, options: Options) -> None:
    """Draw directories with all below them."""
    failures = _Failures()

    def draw(fs: Mount, path: str) -> None:
        counts = [0, 0]
        is_directory = fs.stat(path).is_dir
        click.echo(printable(f"/{path.rstrip('/')}"))
        if is_directory:
            _branches(fs, path, every, deepest, counts, failures.of(fs))
        else:
            counts[1] = 1
        directories, files = counts
        click.echo(
            f"\n{directories} director{'y' if directories == 1 else 'ies'}, "
            f"{files} file{'' if files == 1 else 's'}"
        )

    for_each(urls, options, draw)
    failures.end()


def _branches(
    fs: Mount,
    path: str,
    every: bool,
    deepest: int | None,
    counts: list[int],
    failed: Callable[[NfsError], object],
) -> None:
    """Draw what is below ``path``, and count directories and others."""
    stack: list[tuple[Descent, list[DirEntry]]] = []

    def enter(descent: Descent, where: str | DirEntry) -> None:
        entries = [e for e in _sorted(fs, where) if every or not e.name.startswith(".")]
        stack.append((descent, entries))

    enter(Descent(b""), path)
    while stack:
        descent, entries = stack[-1]
        if not entries:
            stack.pop()
            continue
        entry = entries.pop()
        bars = "".join("│   " if left else "    " for _, left in stack[:-1])
        shown = printable(entry.name)
        if entry.is_symlink():
            shown += f" -> {printable(fs.readlink(entry))}"
        click.echo(f"{bars}{'├── ' if entries else '└── '}{shown}")
        counts[not entry.is_dir()] += 1
        if entry.is_dir() and (deepest is None or len(stack) < deepest):
            try:
                enter(descent.below(entry.handle, entry.__fspath__), entry)
            except NfsError as error:
                if ends_everything(error):
                    raise
                failed(error)
