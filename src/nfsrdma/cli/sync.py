"""The command that makes one tree like another: ``sync``."""

from __future__ import annotations

import click

from .common import Options, mounted, server_options
from .copy import Part, copy_all
from .messages import printable


@click.command()
@click.argument("source")
@click.argument("target")
@click.option("-n", "--dry-run", is_flag=True, help="Do nothing, and show what would be done.")
@click.option("--checksum", is_flag=True, help="Compare contents, not sizes and times.")
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Leave such names alone on both sides; may be given again. With a / within it is a path "
    "from the top, with one at the end a directory.",
)
@click.option("--delete", is_flag=True, help="Remove from TARGET what SOURCE lacks.")
@click.option("-q", "quiet", is_flag=True, help="No progress bar.")
@server_options
def sync(
    source: str,
    target: str,
    dry_run: bool,
    checksum: bool,
    exclude: tuple[str, ...],
    delete: bool,
    quiet: bool,
    options: Options,
) -> None:
    """Make TARGET like SOURCE, a directory: one of them is a URL, the other is here.

    What has the size and time of its source is left alone. What is in SOURCE goes into TARGET, not
    SOURCE itself. With --delete, names that SOURCE lacks are removed after everything was copied,
    and only if nothing failed; links are not followed, and unfinished files of other copies stay.
    """
    if ("://" in source) == ("://" in target):
        raise click.UsageError("one of SOURCE and TARGET is a URL, and the other a path here")
    if any(not pattern.strip("/") for pattern in exclude):
        raise click.UsageError("an empty pattern: --exclude takes one of names")

    def step(verb: str, path: str) -> None:
        click.echo(f"{verb} {printable(path)}")

    with mounted(source if "://" in source else target, options) as (fs, path):
        part = Part(fs, fs.put, source, path)
        if "://" in source:
            part = Part(fs, fs.get, path, target)
        failed = copy_all(
            [part],
            quiet or dry_run,
            recursive=True,
            resume=True,
            checksum=checksum,
            exclude=exclude,
            delete=delete,
            dry_run=dry_run,
            on_step=step if dry_run else None,
        )
    if failed:
        raise click.exceptions.Exit(1)
