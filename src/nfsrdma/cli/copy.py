"""The commands that copy: ``get`` and ``put``."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import SystemRandom
from types import FrameType
from typing import Any

import click

from nfsrdma.client import Mount
from nfsrdma.client.copies import Progress
from nfsrdma.client.copies.temporary import temporary_name
from nfsrdma.client.errors import local_error, make_error

from .common import Options, failure, is_directory, join, mounted, server_options
from .files import size_text, to_output

Tell = Callable[[str], object]

_PIECE = 1 << 20


@click.command()
@click.argument("url")
@click.argument("local", required=False)
@click.option("-r", "recursive", is_flag=True, help="Copy a directory with all below it.")
@click.option("--resume", is_flag=True, help="Leave alone what is there with the same time.")
@click.option("-q", "quiet", is_flag=True, help="No progress bar.")
@server_options
def get(
    url: str, local: str | None, recursive: bool, resume: bool, quiet: bool, options: Options
) -> None:
    """Copy a file, or with -r a tree, from a server to LOCAL (here, by default).

    If LOCAL is a directory, a file goes into it under its own name, and the contents of a directory
    go into it beside what is there. Modes, times, links and holes are preserved. Each file appears
    under its name when it is complete, and replaces what has that name, a link too. What cannot be
    copied is reported, and the rest goes on. LOCAL may be - for standard output.
    """
    if local == "-":
        if recursive or resume:
            raise click.UsageError("standard output takes one file, from its beginning")
        with mounted(url, options) as (fs, path):
            to_output(fs, path)
        return
    with mounted(url, options) as (fs, path):
        name = path.rstrip("/").rpartition("/")[2]
        target = local if local is not None else name or "."
        if os.path.isdir(target) and not fs.stat(path).is_dir:
            target = os.path.join(target, name)
        _copy(fs, quiet, fs.get, path, target, recursive=recursive, resume=resume)


@click.command()
@click.argument("local", type=click.Path())
@click.argument("url")
@click.option("-r", "recursive", is_flag=True, help="Copy a directory with all below it.")
@click.option("--resume", is_flag=True, help="Leave alone what is there with the same time.")
@click.option("-q", "quiet", is_flag=True, help="No progress bar.")
@server_options
def put(local: str, url: str, recursive: bool, resume: bool, quiet: bool, options: Options) -> None:
    """Copy a file, or with -r a tree, to a server.

    If the URL is that of a directory, a file goes into it under its own name, and the contents of a
    directory go into it beside what is there. Modes, times, links and holes are preserved. Each
    file appears under its name when it is complete, and replaces what has that name, a link too.
    What cannot be copied is reported, and the rest goes on. LOCAL may be - for standard input.
    """
    if local == "-":
        if recursive or resume:
            raise click.UsageError("standard input is one file, from its beginning")
        with mounted(url, options) as (fs, path):
            _from_input(fs, path)
        return
    with mounted(url, options) as (fs, path):
        name = os.path.basename(local.rstrip("/"))
        if not os.path.isdir(local):
            if not path or is_directory(fs, path):
                path = join(path, name)
            elif url.partition("?")[0].endswith("/"):
                raise make_error(errno.ENOTDIR, "not a directory", path)
        _copy(fs, quiet, fs.put, local, path, recursive=recursive, resume=resume)


def _from_input(fs: Mount, path: str) -> None:
    """Write standard input to a file, which has its name when it is complete."""
    if not path or path.endswith("/") or is_directory(fs, path):
        raise make_error(errno.EISDIR, "a directory: name the file", path)
    directory, _, _ = path.rpartition("/")
    unfinished = join(directory, temporary_name(SystemRandom()).decode())
    source = sys.stdin.buffer
    try:
        with _ended_in_order(fs), fs.open(unfinished, "xb") as file:
            while piece := source.read(_PIECE):
                file.write(piece)
        fs.rename(unfinished, path)
    except BaseException:
        with suppress(OSError):
            fs.remove(unfinished)
        raise


def _copy(
    fs: Mount, quiet: bool, copy: Callable[..., Progress], source: str, target: str, **options: bool
) -> None:
    """Copy, and report what was not copied. A failure is raised when the rest is done."""
    with _ended_in_order(fs), _telling(quiet) as (tell, report):

        def failed(error: OSError) -> None:
            tell(f"nfsrdma: {failure(fs, error)}")

        started = time.monotonic()
        done = copy(source, target, **options, progress=report, on_failure=failed)
        taken = time.monotonic() - started
    if report is not None:
        click.echo(closing_sum(done, taken), err=True)
    about = make_error if copy == fs.get else local_error  # by the side that they are on
    left = [(name, "not a file, directory or link: skipped") for name in done.special]
    left += [(name, "another copy's unfinished file: skipped") for name in done.unfinished]
    for name, text in left:
        click.echo(f"nfsrdma: {failure(fs, about(errno.EINVAL, text, name))}", err=True)


def closing_sum(done: Progress, seconds: float) -> str:
    """Return in one line what a copy has done."""
    parts = [f"{done.files_done} file{'' if done.files_done == 1 else 's'}"]
    parts.append(f"{size_text(done.octets_done)} in {seconds:.1f} s")
    parts.append(f"{size_text(done.octets_done / max(seconds, 1e-9))}/s")
    parts += [f"{done.skipped} there already"] * bool(done.skipped)
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
