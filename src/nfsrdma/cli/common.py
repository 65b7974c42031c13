"""The common part of commands that talk to a server: options, mounting, errors."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import click

from nfsrdma.client import Mount, NfsError, UrlError, mount, parse_url
from nfsrdma.client.errors import LocalError
from nfsrdma.client.url import Url

from .device import device_option
from .folding import folded
from .messages import OutputError, describe


class Failed(click.ClickException):
    """An error that is shown in one line without usage, with exit status 1."""

    def show(self, file: Any = None) -> None:
        """Print the error to standard error."""
        click.echo(f"nfsrdma: {self.message}", err=True)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of every command that talks to a server, named as ``mount()`` names them."""

    timeout: float | None
    provider: str | None
    device: str | None
    pcap: str | None
    paths: tuple[str, ...]
    verbose: bool

    def mount(self, url: str) -> Mount:
        """Mount ``url`` with these options."""
        if self.verbose:
            logging.basicConfig(level=logging.INFO, format="%(message)s")
        return mount(
            url,
            timeout=self.timeout,
            provider=self.provider,
            device=self.device,
            pcap=self.pcap,
            paths=self.paths or None,
        )


server_options = folded(
    Options,
    "options",
    (
        click.option(
            "--timeout",
            metavar="SECONDS",
            type=click.FloatRange(min=0, min_open=True),
            help="How long the server may be silent; 5 by default.",
        ),
        click.option(
            "--provider",
            metavar="NAME",
            help="The RDMA provider; by default shm with a server on this host, else soft.",
        ),
        device_option,
        click.option(
            "--pcap",
            metavar="FILE",
            type=click.Path(dir_okay=False, writable=True),
            help="Write every packet to FILE, a pcapng capture (soft provider).",
        ),
        click.option(
            "--path",
            "paths",
            multiple=True,
            metavar="URL|HOST",
            help="One more path to the server; may be given again. TCP is the last resort.",
        ),
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            help="Log connections, and which path is taken.",
        ),
    ),
)


def read_url(text: str) -> Url:
    """Parse a URL argument. Raises ``click.UsageError``."""
    try:
        return parse_url(text)
    except UrlError as error:
        raise click.UsageError(str(error)) from None


def split_last(text: str) -> tuple[str, str]:
    """Split a URL into that of the server's root, with its options, and the path below it.

    So one mount serves any path, and messages can name the whole URL. A ``/`` at the end of the
    path stays: it says that there must be a directory.
    """
    url = read_url(text)
    where, _, query = text.partition("?")
    root = url.with_path(())
    path = b"/".join(url.path).decode("utf-8", "surrogateescape")
    if path and where.endswith(("/", "/.")):
        path += "/"
    return (f"{root}?{query}" if query else root), path


@contextmanager
def mounted(text: str, options: Options) -> Iterator[tuple[Mount, str]]:
    """Mount the server of a URL for the block, which gets the mount and the URL's path.

    Errors are raised as :class:`Failed`, which names the side and the file.
    """
    with Mounts(options) as mounts:
        fs, path = mounts.get(text)
        with named(fs):
            yield fs, path


@contextmanager
def named(fs: Mount) -> Iterator[None]:
    """Raise the block's errors as :class:`Failed`, which names the side and the file."""
    try:
        yield
    except (BrokenPipeError, OutputError):
        raise
    except OSError as error:
        raise Failed(failure(fs, error)) from error


class Kept(dict[str, Mount]):
    """Mounts, by the URLs of their servers' roots, that outlive the commands of a context."""


class Mounts(ExitStack):
    """One mount for each server that the URLs of a command name, until the block ends.

    Those that are :class:`Kept` are used, and stay.
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._options = options
        context = click.get_current_context(silent=True)
        kept = context.find_object(Kept) if context is not None else None
        self._mounts: dict[str, Mount] = dict(kept or {})
        self.failed = False
        """Whether an error of one URL was shown."""

    def get(self, text: str) -> tuple[Mount, str]:
        """Return the mount of a URL's server, and the URL's path. Raises :class:`Failed`."""
        root, path = split_last(text)
        if root not in self._mounts:
            try:
                self._mounts[root] = self.enter_context(self._options.mount(root))
            except LocalError as error:
                raise Failed(describe(error)) from error
            except OSError as error:
                text = f"server: {read_url(root)}: {error.strerror or error}"
                raise Failed(text) from error
            except ValueError as error:
                raise click.UsageError(str(error)) from error
        return self._mounts[root], path

    def each(self, urls: Iterable[str], *, patterns: bool = True) -> Iterator[tuple[Mount, str]]:
        """Yield mount and path of each URL and, with ``patterns``, of each name that one matches.

        The error of one is shown by :meth:`show`, and does not keep the others.
        """
        for url in urls:
            try:
                fs, path = self.get(url)
                with named(fs):
                    paths = _matching(fs, url, path) if patterns else [path]
            except Failed as error:
                self.show(error)
                continue
            for path in paths:
                yield fs, path

    def show(self, error: Failed) -> None:
        """Show an error, which is status 1 in the end."""
        error.show()
        self.failed = True

    def end(self) -> None:
        """Exit with status 1 if an error was shown."""
        if self.failed:
            raise click.exceptions.Exit(1)


_WILD: Final = re.compile(r"[*[]")
"""What makes a pattern of a URL's path; a ``?`` begins its options."""
_QUOTED: Final = re.compile(r"%(2a|3f|5b)", re.IGNORECASE)
"""Characters of patterns that are percent-encoded: they mean themselves."""


def has_pattern(url: str) -> bool:
    """Return whether the path of a URL may be a pattern of several names."""
    return bool(_WILD.search(url.partition("://")[2].partition("?")[0].partition("/")[2]))


def _matching(fs: Mount, url: str, path: str) -> list[str]:
    """Return the paths that a URL means, sorted: itself if it exists or matches nothing."""
    if not has_pattern(url):
        return [path]
    try:
        fs.lstat(path)
    except FileNotFoundError:
        _, pattern = split_last(_QUOTED.sub(r"%5B%\1%5D", url.partition("?")[0]))
        return sorted(fs.glob(pattern)) or [path]
    return [path]


def for_each(
    urls: tuple[str, ...],
    options: Options,
    do: Callable[[Mount, str], object],
    *,
    patterns: bool = True,
) -> None:
    """Call ``do(fs, path)`` for each URL and, with ``patterns``, each name that one matches.

    An error is shown, and is status 1 after the rest.
    """
    with Mounts(options) as mounts:
        for fs, path in mounts.each(urls, patterns=patterns):
            try:
                with named(fs):
                    do(fs, path)
            except Failed as error:
                mounts.show(error)
    mounts.end()


def failure(fs: Mount, error: OSError) -> str:
    """Return ``error`` in one line with its side; a path of the server is shown as a URL."""
    if isinstance(error, NfsError):
        name = error.filename
        if name is None:
            return describe(error, str(fs.url))
        octets = name if isinstance(name, bytes) else str(name).encode("utf-8", "surrogateescape")
        parts = tuple(part for part in octets.split(b"/") if part)
        return describe(error, str(replace(fs.url, path=parts)))
    if isinstance(error, LocalError):
        return describe(error)
    # Everything else comes from what a command does with this machine's files.
    return f"{LocalError.side}: {describe(error)}"


def umask() -> int:
    """Return this process's umask, which can only be read by setting it.

    The client makes files with exactly the mode that it is given; what a user makes by a command is
    for whom the user's own programs would make it.
    """
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def is_directory(fs: Mount, path: str) -> bool:
    """Return whether ``path`` is a directory of the server."""
    try:
        return fs.stat(path).is_dir
    except FileNotFoundError:
        return False


def join(directory: str, name: str) -> str:
    """Join two paths with ``/``."""
    return f"{directory.rstrip('/')}/{name}" if directory else name


def last_of(path: str) -> str:
    """Return the last name of a path."""
    return path.rstrip("/").rpartition("/")[2]
