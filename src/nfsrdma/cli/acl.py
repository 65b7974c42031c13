"""Access control lists: ``nfsrdma acl``."""

from __future__ import annotations

import click

from nfsrdma.client import Ace, Mount

from .common import Options, for_each, server_options
from .messages import printable


def _entries(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> object:
    """Parse the entries given, each of which may be several with commas."""
    try:
        return [Ace.parse(text) for each in texts for text in each.split(",")]
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option(
    "--set",
    "entries",
    multiple=True,
    metavar="ENTRY[,...]",
    callback=_entries,
    help="Replace the list.  [repeatable]",
)
@server_options
def acl(urls: tuple[str, ...], entries: list[Ace], options: Options) -> None:
    """Show the access control lists of files, or set them.

    An ENTRY is TYPE:FLAGS:WHO:RIGHTS, as nfs4_getfacl shows it: A allows and D denies; WHO is
    OWNER@, GROUP@, EVERYONE@, a user, or with the flag g a group; r, w, a and x are the rights to
    read, write, append and execute. The first entry that is about somebody's right decides.
    """

    def handle(fs: Mount, path: str) -> None:
        if entries:
            fs.set_acl(path, entries)
            return
        if len(urls) > 1:
            click.echo(f"# {printable(f'/{path}')}")
        for entry in fs.acl(path):
            click.echo(printable(str(entry)))

    for_each(urls, options, handle)
