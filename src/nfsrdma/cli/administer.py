"""``nfsrdma evict`` and ``nfsrdma drain``: what an administrator has a server of this host do."""

from __future__ import annotations

import click

from .asking import ask_at, find, server_argument, server_option, understood
from .messages import printable
from .status import counted, duration

_HELD = ("opens", "locks", "delegations")


@click.command()
@click.argument("client", metavar="CLIENT")
@server_option
def evict(client: str, server: str | None) -> None:
    """Put a client out of a server that runs here: opens, locks and delegations go at once.

    CLIENT is an id as nfsrdma status shows it, or an address for all clients there. A client that
    still runs comes again as a new one, and its programs find their files and locks lost: to keep
    it out, change the exports. Root and the server's own user may do it.
    """
    with understood():
        path, _ = find(server)
        for gone in ask_at(path, "evict", client)["clients"]:
            held = ", ".join(
                counted(gone[what], what) for what in ("opens", "locks", "delegations")
            )
            click.echo(f"put out {gone['id']} {printable(gone['address'])}: it had {held}")


@click.command()
@server_argument
@click.option(
    "--within",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="End by then, whoever is left.",
)
def drain(server: str | None, within: float | None) -> None:
    """Have a server that runs here take no new clients, and end when the last one has left.

    Clients that are there go on, also after they had to connect again. Those that come are told to
    ask again, so they wait for whatever takes the server's place.
    """
    with understood():
        path, _ = find(server)
        left = ask_at(path, "drain", "" if within is None else str(within))["clients"]
    by_then = "" if within is None else f", in {duration(within)} at the latest"
    click.echo(f"takes no new clients; ends without any, {counted(left, 'clients')} left{by_then}")
