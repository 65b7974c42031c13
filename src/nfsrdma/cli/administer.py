"""``nfsrdma evict``, ``drain`` and ``upgrade``: what one has a server of this host do."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from nfsrdma.server.edge.control import ControlError, ask, sockets_in

from .asking import Answer, ask_at, find, server_argument, server_option, understood
from .common import Failed
from .messages import printable
from .status import counted, duration

_HELD = ("opens", "locks", "delegations")
_LOOK_S: Final = 0.05


@click.command()
@click.argument("client", metavar="CLIENT")
@server_option
def evict(client: str, server: str | None) -> None:
    """Put a client out of a server that runs here: opens, locks and delegations go at once.

    CLIENT is an id as nfsrdma status shows it, or an address for all clients there, also those that
    a grace period lasts for. A client that
    still runs comes again as a new one, and its programs find their files and locks lost: to keep
    it out, change the exports. Root and the server's own user may do it.
    """
    with understood():
        path, _ = find(server)
        for gone in ask_at(path, "evict", client)["clients"]:
            if not gone["id"]:
                who = f"{printable(gone['name'])} of {printable(gone['address'])}"
                click.echo(f"waits no more for {who}")
                continue
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


@click.command()
@server_argument
@click.option(
    "--within",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for it.",
)
def upgrade(server: str | None, within: float) -> None:
    """Have a server that runs here replaced by a new process, while clients use it.

    The same command is started again, of the program and with the files that are there by now, and
    takes over when it is ready. Clients wait for a moment. Where it cannot start, the server goes
    on as it was, and its log says what is wrong. A unit of systemd goes on with the new process.
    """
    with understood():
        path, before = find(server)
        process = int(ask_at(path, "upgrade")["process"])
        after = _wait_for(process, path, within)
        click.echo(
            f"process {process} ({after['version']}) has taken over from process "
            f"{before['process']} ({before['version']})"
        )


def _wait_for(process: int, path: Path, within: float) -> Answer:
    """Wait until a process serves, and return its status. Raises :class:`Failed`."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            os.kill(process, 0)
        except OSError:
            raise Failed(
                f"process {process}, which was to take over, has ended; the server's log says why"
            ) from None
        own = [each for each in sockets_in(path.parent) if each.name.startswith(f"{process}-")]
        for each in (*own, path):
            with suppress(OSError, ControlError, KeyError):
                status = ask(each, "status")
                if status["process"] == process:
                    return status
        time.sleep(_LOOK_S)
    raise Failed(f"process {process} has not taken over in {within:.0f} s: see the server's log")
