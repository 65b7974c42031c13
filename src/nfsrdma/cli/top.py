"""``nfsrdma top``: what a server of this host is busy with, as it happens."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .asking import ask_at, find, server_argument, understood
from .files import size_text
from .messages import printable

Picture = dict[str, Any]
"""The answer: see ``server.administration.Picture``."""
_FEWEST_ROWS = 3
_LOW = 10
"""A rate below that is shown with its tenths."""
_AROUND = 11
"""Lines of a screen that are no rows: heads and spaces of three tables, and the first line."""


@click.command()
@server_argument
@click.option(
    "--interval",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0.1, 10),
    metavar="SECONDS",
    help="How long to look each time.",
)
@click.option("-n", "count", type=click.IntRange(min=1), help="Look so often, then end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each look.")
def top(server: str | None, interval: float, count: int | None, as_json: bool) -> None:
    """Show which clients, files and operations a server that runs here is busy with.

    Who does what is noted from when you look until some seconds after you have stopped. MEDIAN and
    P99 are of the calls that are about an operation, from their arrival to the reply. Root and the
    server's own user may look. To a file or a pipe it looks once, unless -n or --json says more.
    """
    path, status = find(server)
    looks = _looks(path, interval, count)
    console = Console()
    if as_json:
        for picture in looks:
            click.echo(json.dumps(picture))
            sys.stdout.flush()
        return
    with understood():
        if not console.is_terminal:
            for picture in looks if count else [next(looks)]:
                console.print(drawn(picture, status, 64))
            return
        with Live(console=console, screen=count is None, auto_refresh=False) as live:
            for picture in looks:
                rows = max(_FEWEST_ROWS, (console.height - _AROUND) // 3)
                live.update(drawn(picture, status, rows), refresh=True)


def _looks(path: Path, interval: float, count: int | None) -> Iterator[Picture]:
    """Yield what the server did in each span, until an interrupt."""
    before = ask_at(path, "activity")
    done = 0
    while count is None or done < count:
        time.sleep(interval)
        picture = ask_at(path, "activity")
        yield picture | {"operations": _since(picture["operations"], before["operations"])}
        before = picture
        done += 1


def _since(now: list[Picture], before: list[Picture]) -> list[Picture]:
    """Return what became of operations since an earlier look."""
    earlier = {each["name"]: each for each in before}
    found = []
    for each in now:
        was = earlier.get(each["name"], {"succeeded": 0, "failed": 0, "spans": []})
        spans = zip_longest(each["spans"], was["spans"], fillvalue=0)
        counts = {what: each[what] - was[what] for what in ("succeeded", "failed")}
        if any(counts.values()):
            found.append({**each, **counts, "spans": [one - other for one, other in spans]})
    return found


def drawn(picture: Picture, status: Picture, rows: int) -> Group:
    """Return a picture as three tables of at most so many rows."""
    span = max(picture["span_s"], 1e-3)
    calls = sum(each["operations"] for each in picture["clients"]) / span
    read = sum(each["read"] for each in picture["clients"]) / span
    written = sum(each["written"] for each in picture["clients"]) / span
    head = Text(
        f"process {status['process']}: {calls:,.0f} operations/s, "
        f"{size_text(read)}/s read, {size_text(written)}/s written"
    )
    return Group(
        head,
        "",
        _doing("CLIENT", picture["clients"], span, rows),
        "",
        _doing("FILE", picture["files"], span, rows),
        "",
        _operations(picture, rows),
    )


def _doing(what: str, every: list[Picture], span: float, rows: int) -> Table:
    table = _table(what, "OPS/S", "READ/S", "WRITTEN/S")
    for each in every[:rows]:
        if what == "FILE":
            name = f"{each['where'].rstrip('/')}/{each['name']}"
        else:
            name = f"{each['id']} {each['where']} {each['name']}"
        table.add_row(
            Text(printable(name.strip()), overflow="ellipsis", no_wrap=True),
            _rate(each["operations"] / span),
            f"{size_text(each['read'] / span)}",
            f"{size_text(each['written'] / span)}",
        )
    return table


def _operations(picture: Picture, rows: int) -> Table:
    span = max(picture["span_s"], 1e-3)
    table = _table("OPERATION", "OPS/S", "FAILED/S", "MEDIAN", "P99")
    every = sorted(picture["operations"], key=lambda each: -each["succeeded"] - each["failed"])
    for each in every[:rows]:
        median, high = (_at_most(each["spans"], picture["bounds"], part) for part in (0.5, 0.99))
        done, failed = (each[what] / span for what in ("succeeded", "failed"))
        table.add_row(printable(each["name"]), _rate(done), _rate(failed), median, high)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 1), expand=True, header_style="bold")
    table.add_column(first, ratio=1, overflow="ellipsis", no_wrap=True)
    for each in others:
        table.add_column(each, justify="right", min_width=9, no_wrap=True)
    return table


def _rate(each_s: float) -> str:
    return f"{each_s:.1f}" if 0 < each_s < _LOW else f"{each_s:,.0f}"


def _at_most(counts: list[int], bounds: list[float], part: float) -> str:
    """Return within what time a part of the calls was answered, as the histogram tells it."""
    wanted = sum(counts) * part
    for so_far, bound in zip(accumulate(counts), bounds, strict=False):
        if so_far and so_far >= wanted:
            return f"≤ {bound * 1e3:g} ms"
    return f"> {bounds[-1]:g} s" if sum(counts) else ""
