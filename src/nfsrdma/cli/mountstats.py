"""``nfsrdma mountstats``: what a mount of ours has done, in the words of mountstats(8)."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from .common import Failed
from .messages import describe, printable
from .status import counted

if TYPE_CHECKING:
    from nfsrdma.client.fuse.mounting import Ours

Told = dict[str, Any]
"""The answer of a mount: see ``client.fuse.told``."""


@click.command()
@click.argument("directories", metavar="[DIR]...", nargs=-1)
@click.option("-n", "--nfs", "nfs", is_flag=True, help="What the mount is; no calls.")
@click.option("-r", "--rpc", "rpc", is_flag=True, help="The calls alone.")
@click.option("--nfsstat", "summary", is_flag=True, help="How many calls there were, as nfsstat.")
@click.option("--json", "as_json", is_flag=True, help="All of it, one JSON object a line.")
def mountstats(
    directories: tuple[str, ...], nfs: bool, rpc: bool, summary: bool, as_json: bool
) -> None:
    """Show what mounts of `nfsrdma mount` have done: all of them, or those at DIR.

    The process behind a mount is asked, not the mount, so that one whose server is away can be
    looked at. Root may ask, and who has mounted. Times are of calls to the server: backlog wait is
    the time until a call could be sent, RTT the time from then to its reply.
    """
    if nfs + rpc + summary + as_json > 1:
        raise click.UsageError("one of --nfs, --rpc, --nfsstat and --json is enough")
    failed = False
    for mount in chosen(directories):
        try:
            said = heard(mount)
        except Failed as error:
            error.show()
            failed = True
            continue
        if as_json:
            click.echo(json.dumps({"directory": printable(mount.path), **said}))
            continue
        try:
            lines = list(summed(said) if summary else shown(mount, said, nfs=not rpc, rpc=not nfs))
        except (KeyError, TypeError, ValueError):
            raise Failed("the answer makes no sense: is the mount of this version?") from None
        click.echo("\n".join(lines) + "\n")
    if failed:
        raise click.exceptions.Exit(1)


def chosen(directories: Sequence[str]) -> list[Ours]:
    """Return our mounts at the directories, or all. Raises :class:`Failed`."""
    from nfsrdma.client.fuse.mounting import MountError, mounted_at, ours

    every = {each.path: each for each in ours()}  # of several at one place, the topmost
    if not directories:
        if not every:
            raise Failed("nothing is mounted by nfsrdma mount")
        return list(every.values())
    try:
        return [every[mounted_at(directory)] for directory in directories]
    except MountError as error:
        raise Failed(describe(error)) from None
    except KeyError as error:
        raise Failed(f"{printable(error.args[0])}: nothing is mounted there any more") from None


def heard(mount: Ours) -> Told:
    """Return what a mount says of itself. Raises :class:`Failed`."""
    from nfsrdma.client.fuse.asked import AskError, ask

    try:
        return ask(mount)
    except AskError as error:
        raise Failed(f"{printable(mount.path)}: {error}") from None


# --- How it is shown ---


def shown(mount: Ours, said: Told, *, nfs: bool, rpc: bool) -> Iterator[str]:
    """Yield the lines about a mount."""
    yield f"Stats for {printable(said['url'])} mounted on {printable(mount.path)}:"
    if nfs:
        yield ""
        yield from _mount(said)
    if rpc:
        yield ""
        yield from _calls(said)


def _mount(said: Told) -> Iterator[str]:
    session, counters, operations = said["session"], said["counters"], said["operations"]
    yield f"  NFS mount options: {printable(said['options'])}"
    yield f"  NFS mount age: {datetime.timedelta(seconds=int(said['age_s']))}"
    yield (
        f"  NFS session: {said['transport']}, {'up' if session['up'] else 'the server is away'}, "
        f"{session['in_flight']} of {session['slots']} slots in use"
    )
    yield (
        f"  NFS connections: {counters['connections']} made, {counters['sessions']} sessions, "
        f"{counters['reclaimed']} opens reclaimed, {counters['resent_writes']} writes repeated, "
        f"{counters['callbacks']} callbacks"
    )
    for path in said["paths"]:
        trouble = f", {printable(path['trouble'])}" if path["trouble"] else ""
        yield (
            f"  NFS path: {printable(path['url'])}: {path['up']} up, {path['lost']} lost, "
            f"{counted(path['calls'], 'calls')}{trouble}"
        )
    yield f"  VFS: {said['nodes']} inodes known, {said['open']} files open"
    yield ""
    yield "NFS byte counts:"
    for name, verb in (("READ", "read"), ("WRITE", "wrote")):
        size = "bytes_received" if name == "READ" else "bytes_sent"
        octets = operations.get(name, {size: 0})[size]
        yield f"  client {verb} {octets} bytes via NFS {name}"


def _calls(said: Told) -> Iterator[str]:
    operations = said["operations"]
    total = sum(each["calls"] for each in operations.values())
    again = said["counters"]["replays"]
    yield "RPC statistics:"
    yield (
        f"  {total + again} RPC requests sent, {total} RPC replies received "
        f"({again} requests sent again, {said['counters']['delays']} deferred by the server)"
    )
    yield f"  backlog queue length: {said['session']['backlog']}"
    order = sorted(operations.items(), key=lambda each: -each[1]["calls"])
    for name, each in order:
        count = each["calls"]
        yield ""
        yield f"{printable(name)}:"
        head = f"\t{count} ops ({count * 100 // total}%)"
        for what, number in (("retrans", each["replays"]), ("errors", each["errors"])):
            if number:
                head += f" \t{number} {what} ({number * 100 // count}%)"
        yield head
        yield (
            f"\tavg bytes sent per op: {each['bytes_sent'] // count}"
            f"\tavg bytes received per op: {each['bytes_received'] // count}"
        )
        waited, rtt = (1e3 * each[which] / count for which in ("queued_s", "rtt_s"))
        yield (
            f"\tbacklog wait: {waited:f} \tRTT: {rtt:f} "
            f"\ttotal execute time: {waited + rtt:f} (milliseconds)"
        )
        least, most = 1e3 * each["rtt_least_s"], 1e3 * each["rtt_most_s"]
        yield f"\tleast RTT: {least:f} \tmost RTT: {most:f} (milliseconds)"


_COLUMNS = 5


def summed(said: Told) -> Iterator[str]:
    """Yield the lines of ``nfsstat -c``."""
    calls = {name.lower(): each["calls"] for name, each in said["operations"].items()}
    total = sum(calls.values())
    yield "Client rpc stats:"
    yield f"{'calls':<10} {'retrans':<10}"
    yield f"{total:<10} {said['counters']['replays']:<10}"
    yield ""
    yield "Client nfs v4:"
    names = sorted(calls)
    for start in range(0, len(names), _COLUMNS):
        row = names[start : start + _COLUMNS]
        yield "".join(f"{printable(name):<20}" for name in row).rstrip()
        cells = (f"{calls[name]:<10}{calls[name] * 100 // total:>3}%" for name in row)
        yield "".join(f"{cell:<20}" for cell in cells).rstrip()
