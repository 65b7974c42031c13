"""``nfsrdma status``: who uses a server of this host, and what they hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click

from .asking import find, place, server_argument, understood
from .messages import printable

Status = dict[str, Any]
"""The answer: see ``server.status.ServerStatus``."""


@click.command()
@server_argument
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def status(server: str | None, as_json: bool) -> None:
    """Show the clients of a server that runs here: leases, sessions, connections, opens, locks.

    Without an argument that is the only server of this user. If there are several, name one by an
    address that it listens at, or by its control socket (nfsrdma serve --control SOCKET). Root and
    the server's own user may ask.
    """
    with understood():
        _, found = find(server)
        lines = [json.dumps(found, indent=2)] if as_json else list(shown(found))
    for line in lines:
        click.echo(line)


# --- How it is shown ---


def shown(found: Status) -> Iterator[str]:
    """Yield the lines that people read."""
    yield from _head(found)
    yield ""
    exports = [
        [
            printable(each["name"]),
            "ro" if each["read_only"] else "rw",
            f"squash {printable(each['squash'])}",
            ", ".join(_hosts(each)) or "this host",
            f"{counted(each['files_in_use'], 'files')} in use",
        ]
        for each in found["exports"]
    ]
    yield from table(["EXPORT", "", "", "HOSTS", ""], exports)
    yield ""
    if not found["clients"]:
        yield "No clients."
    for client in found["clients"]:
        yield from _client(client)
    yield from _left_out(found["clients_left_out"], "clients")
    yield from map(_wait, found.get("waits", ()))
    others = found["other_connections"]
    if others:
        yield "Connections that no session uses (NFS 4.0, or peers that have not said who they are)"
        yield from _connections(others, "  ")
        yield from _left_out(found["other_connections_left_out"], "connections")


def _hosts(export: Status) -> Iterator[str]:
    readers = export.get("readers", ())  # older servers do not say
    for host in export["hosts"]:
        yield printable(host) + (" (read only)" if host in readers else "")


def _wait(each: Status) -> str:
    path, holding = printable(each["path"]), printable(each["holding"])
    if each["what"] == "delegation":
        return f"{holding} is asked for its delegation of {path}"
    who = f"{holding} has" if holding else "no client has"
    return f"{printable(each['waiting'])} waits for a lock on {path}, which {who}"


def _head(found: Status) -> Iterator[str]:
    amounts = found["amounts"]
    yield (
        f"nfsrdma {printable(found['version'])}, process {found['process']}, "
        f"up {duration(found['up_s'])}; leases of {duration(found['lease_s'])}"
    )
    if found["grace_s"]:
        yield f"grace period: {duration(found['grace_s'])} more, for clients to reclaim"
        for each in found.get("awaited", ()):
            yield f"  waits for {printable(each)}"
    if found["draining"]:
        yield "about to end: no change is begun any more"
    for where in found["listeners"]:
        how = "/".join(filter(None, (where["transport"], where["provider"])))
        count = counted(where["connections"], "connections")
        yield f"listens at {place(where)} ({printable(how)}), {count}"
    yield ", ".join(
        f"{name} {_octets(each) if name == 'memory' else _of(each)}"
        for name, each in amounts.items()
        if each["held"] or each["limit"] is None or name in ("clients", "memory")
    )


def _of(amount: Status) -> str:
    held, limit = amount["held"], amount["limit"]
    return str(held) if limit is None else f"{held} of {limit}"


def counted(count: int, things: str) -> str:
    """Return how many things there are, in words."""
    return f"{count} {things.removesuffix('s') if count == 1 else things}"


def _octets(amount: Status) -> str:
    return f"{amount['held'] / 2**20:.1f} of {amount['limit'] / 2**20:.0f} MiB"


def _client(client: Status) -> Iterator[str]:
    version = f"NFS {client['version']}" if client["version"] else "no session"
    user = f", user {client['user']}" if client["user"] is not None else ""
    where = f"{printable(client['address'])}{user}"
    yield f"{printable(client['id'])}  {where}  {version}  {printable(client['name'])}"
    yield (
        f"  {_lease(client)}; "
        + ", ".join(counted(client[what], what) for what in ("opens", "locks", "delegations"))
        + (f" ({client['recalled']} asked back)" if client["recalled"] else "")
    )
    for session in client["sessions"]:
        busy = "at work" if session["busy"] else f"idle {duration(session['idle_s'])}"
        yield (
            f"  session {printable(session['id'])}: {session['slots']} slots, {busy}, "
            f"callbacks {printable(session['callbacks'])}"
        )
        yield from _connections(session["connections"], "    ")
        yield from _left_out(session["connections_left_out"], "connections")
    yield from _left_out(client["sessions_left_out"], "sessions")


def _lease(client: Status) -> str:
    if not client["confirmed"]:
        return "has not confirmed itself"
    age = f"heard of {duration(client['lease_age_s'])} ago"
    if client["lease_left_s"] < 0:
        return f"{age}, lease over for {duration(-client['lease_left_s'])}, kept until wanted"
    return f"{age}, lease for {duration(client['lease_left_s'])} more"


def _connections(connections: Iterable[Status], margin: str) -> Iterator[str]:
    rows = []
    for each in connections:
        granted = each["credits"]
        how = "/".join(filter(None, (each["transport"], each["provider"])))
        rows.append(
            [
                printable(how),
                place(each),
                f"credits {granted['in_use']} of {granted['granted']}" if granted else "",
                counted(each["calls"], "calls"),
            ]
        )
    yield from table([], rows, margin)


def _left_out(count: int, what: str) -> Iterator[str]:
    if count:
        yield f"  and {count} more {what}"


def table(head: list[str], rows: list[list[str]], margin: str = "") -> Iterator[str]:
    """Yield rows in columns that are as wide as they have to be."""
    every = [head, *rows] if head else rows
    if not every:
        return
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    for row in every:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        yield margin + "  ".join(cells).rstrip()


def duration(seconds: float) -> str:
    """Return a span of time in the two units that say most, such as ``3 h 12 min``."""
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
