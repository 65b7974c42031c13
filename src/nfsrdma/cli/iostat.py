"""``nfsrdma iostat``: what mounts of ours do, again and again, in the columns of nfs-iostat(8)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import click

from .common import Failed
from .messages import printable
from .mountstats import Told, chosen, heard

_PAGES: Final = ("READ", "WRITE")
_ATTRIBUTES: Final = ("GETATTR", "SETATTR", "ACCESS", "GETXATTR", "OPEN", "CLOSE")
_DIRECTORIES: Final = ("LOOKUP", "READDIR", "CREATE", "REMOVE", "RENAME", "LINK", "READLINK")
_COUNTED: Final = (
    *("calls", "errors", "replays", "bytes_sent", "bytes_received"),
    *("rtt_s", "queued_s"),
)
_NOTHING: Final = dict.fromkeys(_COUNTED, 0)
_DAY_S: Final = 86_400.0


@click.command()
@click.argument("words", metavar="[INTERVAL [COUNT]] [DIR]...", nargs=-1)
@click.option("-p", "--page", "pages", is_flag=True, help="Reading and writing: the default.")
@click.option("-a", "--attr", "attributes", is_flag=True, help="Attributes, opens and closes.")
@click.option("-d", "--dir", "directories", is_flag=True, help="Names and directories.")
def iostat(words: tuple[str, ...], pages: bool, attributes: bool, directories: bool) -> None:
    """Show how busy mounts of `nfsrdma mount` are: all of them, or those at DIR.

    The first report is of the time since the mount, and each of the following of INTERVAL seconds:
    COUNT of them in all, or until it is interrupted. A directory whose name is a number is written
    ./1. The process behind a mount is asked, not the mount. kB are of calls and replies whole;
    retrans are calls sent again after a connection was lost; avg queue is the time until a call
    could be sent, avg RTT from then to its reply, avg exe both.
    """
    interval, count, names = _read(words)
    shown = (*_ATTRIBUTES * attributes, *_DIRECTORIES * directories)
    shown = (*_PAGES, *shown) if pages or not shown else shown
    mounts = chosen(names)
    before: dict[str, Told] = {}
    done = 0
    while True:
        for mount in mounts:
            said = heard(mount)
            try:
                old = before.get(mount.path)
                click.echo("\n".join(_report(mount.path, said, old, shown)))
            except (KeyError, TypeError, ValueError):
                raise Failed("the answer makes no sense: is the mount of this version?") from None
            before[mount.path] = said
        done += 1
        if not interval or done == count:
            return
        time.sleep(interval)


def _read(words: tuple[str, ...]) -> tuple[float, int | None, tuple[str, ...]]:
    """Return interval, count and directories of the command's words."""
    numbers: list[float] = []
    for word in words[:2]:
        try:
            numbers.append(float(word))
        except ValueError:
            break
    interval = numbers[0] if numbers else 0.0
    if numbers and not 0 < interval <= _DAY_S:
        raise click.UsageError("an interval is a number of seconds above 0, and a day at most")
    if len(numbers) < 2:
        return interval, None, words[len(numbers) :]
    if numbers[1] != int(numbers[1]) or numbers[1] < 1:
        raise click.UsageError("a count is 1 or more")
    return interval, int(numbers[1]), words[2:]


def _report(
    directory: str, said: Told, before: Told | None, names: tuple[str, ...]
) -> Iterator[str]:
    operations = said["operations"]
    old = {} if before is None else before["operations"]
    seconds = max(said["age_s"] - (0.0 if before is None else before["age_s"]), 1e-3)
    calls = sum(each["calls"] for each in operations.values())
    calls -= sum(each["calls"] for each in old.values())
    yield ""
    yield f"{printable(said['url'])} mounted on {printable(directory)}:"
    yield ""
    yield f"{'ops/s':>16}{'rpc bklog':>16}"
    yield f"{calls / seconds:>16.3f}{said['session']['backlog']:>16.3f}"
    yield ""
    for name in names:
        now, then = operations.get(name, _NOTHING), old.get(name, _NOTHING)
        yield from _operation(name, {key: now[key] - then[key] for key in _COUNTED}, seconds)


def _operation(name: str, did: dict[str, float], seconds: float) -> Iterator[str]:
    calls = did["calls"]
    kilobytes = (did["bytes_sent"] + did["bytes_received"]) / 1024
    each = 1 / calls if calls else 0.0
    columns = ("ops/s", "kB/s", "kB/op", "retrans", "avg RTT (ms)", "avg exe (ms)")
    yield f"{name.lower() + ':':<16}" + "".join(
        f"{column:>16}" for column in (*columns, "avg queue (ms)", "errors")
    )
    rtt, queue = 1e3 * did["rtt_s"] * each, 1e3 * did["queued_s"] * each
    yield (
        f"{calls / seconds:>32.3f}{kilobytes / seconds:>16.3f}{kilobytes * each:>16.3f}"
        f"{_share(did['replays'], each):>16}{rtt:>16.3f}{rtt + queue:>16.3f}{queue:>16.3f}"
        f"{_share(did['errors'], each):>16}"
    )


def _share(number: float, each: float) -> str:
    return f"{number:.0f} ({100 * number * each:.1f}%)"
