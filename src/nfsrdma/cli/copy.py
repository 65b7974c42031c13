"""The commands that copy: ``get`` and ``put``, of one or several things."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from random import SystemRandom
from types import FrameType
from typing import Any

import click

from nfsrdma.client import Mount
from nfsrdma.client.copies import Progress, Report
from nfsrdma.client.copies.temporary import temporary_name
from nfsrdma.client.errors import ends_everything, local_error, make_error
from nfsrdma.client.trees import TreeError

from .common import (
    Mounts,
    Options,
    failure,
    is_directory,
    join,
    last_of,
    mounted,
    named,
    server_options,
    umask,
)
from .files import Into, size_text, to_output
from .messages import printable

Tell = Callable[[str], object]

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is copied: from where, to where, and by which mount."""

    fs: Mount
    copy: Callable[..., Progress]
    source: str
    target: str


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL... [LOCAL]")
@click.option("-r", "recursive", is_flag=True, help="Copy directories with all below them.")
@click.option("--resume", is_flag=True, help="Leave alone what is there with the same time.")
@click.option("-q", "quiet", is_flag=True, help="No progress bar.")
@server_options
def get(
    urls: tuple[str, ...], recursive: bool, resume: bool, quiet: bool, options: Options
) -> None:
    """Copy files, or with -r trees, from a server to LOCAL (here, by default).

    If LOCAL is a directory, a file goes into it under its own name, and the contents of a directory
    go into it beside what is there. Several need a directory, and each goes into it under its own
    name, a directory too; names in a URL may be patterns, as of a shell. Modes, times, links
    and holes are preserved. Each file appears under its name when it is complete, and replaces what
    has that name, a link too. What cannot be copied is reported, and the rest goes on. LOCAL may be
    - for standard output.
    """
    local = None if "://" in urls[-1] else urls[-1]
    sources = urls if local is None else urls[:-1]
    if not sources:
        raise click.UsageError(f"{local!r} is no URL: name what to copy, and then to where")
    if local == "-" and (recursive or resume):
        raise click.UsageError("standard output takes one file, from its beginning")
    with Mounts(options) as mounts:
        found = list(mounts.each(sources))
        several = len(found) + mounts.failed > 1
        if local == "-":
            if several:
                raise click.UsageError("standard output takes one file: see nfsrdma cat")
            for fs, path in found:
                with named(fs):
                    to_output(fs, path)
        else:
            parts = [Part(fs, fs.get, path, _here(fs, path, local, several)) for fs, path in found]
            _check_names([part.target for part in parts])
            mounts.failed |= copy_all(parts, quiet, recursive=recursive, resume=resume)
    mounts.end()


def _here(fs: Mount, path: str, local: str | None, several: bool) -> str:
    """Return the local path to which ``path`` of a server is copied."""
    name = last_of(path)
    if several:
        if local is not None and not os.path.isdir(local):
            raise click.UsageError(f"{local!r} is no directory, as several need it")
        return os.path.join(local or ".", name)
    target = local if local is not None else name or "."
    with named(fs):
        into = os.path.isdir(target) and not fs.stat(path).is_dir
    return os.path.join(target, name) if into else target


def _check_names(targets: list[str]) -> None:
    """Raise ``click.UsageError`` if one thing would replace another of the same command."""
    names = sorted(targets)
    for one, two in pairwise(names):
        if one == two:
            raise click.UsageError(f"two of what is copied have the same name: {printable(one)}")


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(), metavar="LOCAL...")
@click.argument("url")
@click.option("-r", "recursive", is_flag=True, help="Copy directories with all below them.")
@click.option("--resume", is_flag=True, help="Leave alone what is there with the same time.")
@click.option("-q", "quiet", is_flag=True, help="No progress bar.")
@server_options
def put(
    sources: tuple[str, ...],
    url: str,
    recursive: bool,
    resume: bool,
    quiet: bool,
    options: Options,
) -> None:
    """Copy files, or with -r trees, to a server.

    If the URL is that of a directory, a file goes into it under its own name, and the contents of a
    directory go into it beside what is there. Several need a directory, and each goes into it under
    its own name, a directory too. Modes, times, links and holes are preserved. Each file appears
    under its name when it is complete, and replaces what has that name, a link too. What cannot be
    copied is reported, and the rest goes on. LOCAL may be - for standard input.
    """
    if "-" in sources and (len(sources) > 1 or recursive or resume):
        raise click.UsageError("standard input is one file, from its beginning")
    with mounted(url, options) as (fs, path):
        if sources == ("-",):
            _from_input(fs, path)
            return
        parts = []
        into = Into(len(sources) > 1)
        for local in sources:
            name = os.path.basename(
                os.path.abspath(local) if len(sources) > 1 else local.rstrip("/")
            )
            target = path
            if len(sources) > 1 or (not os.path.isdir(local)):
                target = into.name(fs, path, name)
                if target == path and url.partition("?")[0].endswith("/"):
                    raise make_error(errno.ENOTDIR, "not a directory", path)
            parts.append(Part(fs, fs.put, local, target))
        failed = copy_all(parts, quiet, recursive=recursive, resume=resume)
    if failed:
        raise click.exceptions.Exit(1)


def _from_input(fs: Mount, path: str) -> None:
    """Write standard input to a file, which has its name when it is complete."""
    if not path or path.endswith("/") or is_directory(fs, path):
        raise make_error(errno.EISDIR, "a directory: name the file", path)
    directory, _, _ = path.rpartition("/")
    unfinished = join(directory, temporary_name(SystemRandom()).decode())
    source = sys.stdin.buffer
    try:
        permissions = 0o666 & ~umask()
        with _ended_in_order(fs), fs.open(unfinished, "xb", permissions=permissions) as file:
            while piece := source.read(_PIECE):
                file.write(piece)
        fs.rename(unfinished, path)
    except BaseException:
        with suppress(OSError):
            fs.remove(unfinished)
        raise


def copy_all(parts: list[Part], quiet: bool, **options: Any) -> bool:
    """Copy all, with one progress line and one sum; show what fails, and return whether any did."""
    total = Progress()
    failed = False
    started = time.monotonic()
    with _telling(quiet) as (tell, report):
        for part in parts:
            try:
                _copy(part, total, tell, report, options)
            except OSError as error:
                tell(f"nfsrdma: {failure(part.fs, error)}")
                failed = True
                total.failed += not isinstance(error, TreeError)
                if ends_everything(error):
                    break
    if report is not None:
        click.echo(closing_sum(total, time.monotonic() - started), err=True)
    return failed


def _copy(
    part: Part, total: Progress, tell: Tell, report: Report | None, options: dict[str, Any]
) -> None:
    """Copy one part, add what it did to ``total``, and tell what was not copied."""
    fs, about = part.fs, make_error if part.copy == part.fs.get else local_error
    done = Progress()

    def failed(error: OSError) -> None:
        tell(f"nfsrdma: {failure(fs, error)}")

    def moved(progress: Progress) -> None:
        nonlocal done
        done = progress
        if report is not None:
            report(total.plus(done))

    try:
        with _ended_in_order(fs):
            done = part.copy(part.source, part.target, **options, progress=moved, on_failure=failed)
    finally:
        total.add(done)
    left = [(name, "not a file, directory or link: skipped") for name in done.special]
    left += [(name, "another copy's unfinished file: skipped") for name in done.unfinished]
    for name, text in left:
        tell(f"nfsrdma: {failure(fs, about(errno.EINVAL, text, name))}")


def closing_sum(done: Progress, seconds: float) -> str:
    """Return in one line what a copy has done."""
    parts = [f"{done.files_done} file{'' if done.files_done == 1 else 's'}"]
    parts.append(f"{size_text(done.octets_done)} in {seconds:.1f} s")
    parts.append(f"{size_text(done.octets_done / max(seconds, 1e-9))}/s")
    parts += [f"{done.skipped} there already"] * bool(done.skipped)
    parts += [f"{done.deleted} deleted"] * bool(done.deleted)
    parts += [f"{done.failed} failed"] * bool(done.failed)
    return ", ".join(parts)


@contextmanager
def _ended_in_order(fs: Mount) -> Iterator[None]:
    """Have SIGTERM and SIGHUP end the copy as an interrupt does: it removes what is half done."""

    def end(number: int, frame: FrameType | None) -> None:
        fs.interrupt(SystemExit(128 + number))

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


@contextmanager
def _telling(quiet: bool) -> Iterator[tuple[Tell, Callable[[Progress], None] | None]]:
    """Yield how to print a line, and what to report progress to: a bar on a terminal."""
    if quiet or not _interactive():
        yield (lambda text: click.echo(text, err=True)), None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.fields[files]}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, files="")

        def report(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.octets_done,
                total=progress.octets,
                files=f"{progress.files_done}/{progress.files} files",
            )

        yield (lambda text: bar.console.print(text, markup=False, highlight=False)), report


def _interactive() -> bool:
    return sys.stderr.isatty()
