"""``nfsrdma shell``: the file commands at a prompt, or from a script, on one mount."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import click

from .common import Options, mounted, server_options
from .messages import printable
from .shell_line import edited
from .shell_session import Ended, Session


@click.command()
@click.argument("url")
@click.option(
    "-c", "lines", multiple=True, metavar="LINE", help="Do this, and end; may be given again."
)
@click.option("-e", "stop", is_flag=True, help="End at the first error, unless at a terminal.")
@server_options
def shell(url: str, lines: tuple[str, ...], stop: bool, options: Options) -> None:
    """Run file commands at a prompt, or from standard input, on one mount.

    The commands are those of the command line, with names instead of URLs: ls, cat, get, put, sync,
    stat, acl, df, mkdir, rm, cp, mv, ln, du, find, tree, chmod, chown, touch and ping; and cd, pwd,
    lcd, lpwd, help, exit and !COMMAND. Names are completed by Tab, and quoted as in a shell; a line
    has one command, and no unquoted ; | & < or >. One that begins with # is a comment. Input
    that is no terminal is done line by line; an error does not keep the rest, and the exit
    status is that of the last line that failed.
    """
    with mounted(url, options) as (fs, path):
        session = Session(url, fs, path)
        session.begin()
        if lines:
            status = _follow(session, lines, stop)
        elif sys.stdin.isatty() and sys.stdout.isatty():
            status = _talk(session)
        else:
            status = _follow(session, _input(), stop)
    if status:
        raise click.exceptions.Exit(status)


def _input() -> Iterator[str]:
    """Yield the lines of standard input, whose octets need not be UTF-8."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "surrogateescape")


def _follow(session: Session, lines: Iterable[str], stop: bool) -> int:
    """Do all lines, and return the status of the last that failed."""
    failed = 0
    for line in lines:
        try:
            status = session.run(line)
        except Ended:
            break
        failed = status or failed
        sys.stdout.flush()
        if status == 130 or (status and stop):
            break
    return failed


def _talk(session: Session) -> int:
    """Ask for lines at the terminal until there are no more."""
    about = session.fs.about()
    click.echo(f"{session.fs.url}: NFS 4.{about.minor_version} over {about.transport}; try help")
    with edited(session):
        while True:
            sys.stdout.flush()
            try:
                session.run(input(f"{printable(f'/{session.directory}')}> "))
            except (Ended, EOFError) as end:
                if isinstance(end, EOFError):
                    click.echo()
                return 0
            except KeyboardInterrupt:
                click.echo()
