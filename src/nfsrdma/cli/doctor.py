"""``nfsrdma doctor``: what is in the way here or at a server, and what to do about it."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterable, Iterator

import click

from .common import Options, server_options
from .doctor_checks import BAD, FAIR, GOOD, Finding, findings
from .doctor_server import server_findings

_HEADS = {
    BAD: ("In the way", "red"),
    FAIR: ("Optional, and not there", "yellow"),
    GOOD: ("Fine", "green"),
}
_WIDTH_MAX = 100
_COLUMN_MAX = 28


@click.command()
@click.argument("names", nargs=-1, metavar="[WHAT|URL]...")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@server_options
def doctor(names: tuple[str, ...], as_json: bool, options: Options) -> None:
    """Say what is in the way, and what to do about it.

    Without arguments this machine is checked, as the user who asks. WHAT is part of the name of one
    of those checks (fuse, 4791, ipv6 ...): then all that is named has to be fine. A URL is a server
    that is looked at: which providers, versions, limits and security flavours it offers, and how
    long it takes to answer. The exit status is 1 if something is in the way.
    """
    urls = [name for name in names if "://" in name]
    words = [name for name in names if "://" not in name]
    found = [each for url in urls for each in server_findings(url, options)]
    if words or not urls:
        found += list(_named(words))
    if as_json:
        click.echo(json.dumps([_record(each) for each in found], indent=2, ensure_ascii=False))
    else:
        _show(found)
    wanted = GOOD if words else FAIR
    if any(_rank(each.verdict) > _rank(wanted) for each in found):
        raise click.exceptions.Exit(1)
    if not names and not as_json:
        click.echo("\nThe soft provider runs here: try nfsrdma demo.")


def _named(words: list[str]) -> Iterator[Finding]:
    """Yield the findings about this machine that the words name; all without words."""
    every = list(findings())
    for word in words:
        if not any(word.lower() in each.what.lower() for each in every):
            names = ", ".join(each.what for each in every)
            raise click.UsageError(f"no check is called {word!r}; there are: {names}")
    for each in every:
        if not words or any(word.lower() in each.what.lower() for word in words):
            yield each


def _rank(verdict: str) -> int:
    return (GOOD, FAIR, BAD).index(verdict)


def _record(finding: Finding) -> dict[str, str]:
    return {
        "what": finding.what,
        "verdict": finding.verdict,
        "found": finding.found,
        "advice": finding.advice,
    }


def _show(found: Iterable[Finding]) -> None:
    """Print the findings, what matters first."""
    found = list(found)
    width = min(shutil.get_terminal_size().columns, _WIDTH_MAX)
    column = min(max(len(each.what) for each in found), _COLUMN_MAX, width // 2)
    first = True
    for verdict, (head, colour) in _HEADS.items():
        group = [each for each in found if each.verdict == verdict]
        if not group:
            continue
        click.echo(("" if first else "\n") + click.style(head, fg=colour, bold=True))
        first = False
        for each in group:
            click.echo("\n".join(_lines(each, column, width)))


def _lines(finding: Finding, column: int, width: int) -> Iterator[str]:
    """Yield the lines of one finding: its name, what was found, and below it what to do."""
    indent = " " * (column + 4)
    head = f"  {finding.what:<{column}}  "
    if len(head) > len(indent):
        yield head.rstrip()
        head = indent
    for text, start in ((finding.found, head), (finding.advice, indent)):
        yield from textwrap.wrap(
            text, width, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False
        )
