"""Which server of this host an administrator means, and asking it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from nfsrdma.server.edge.control import ControlError, ask, control_directory, sockets_in

from .common import Failed
from .messages import describe, printable

Answer = dict[str, Any]
_WILDCARDS = ("0.0.0.0", "::")

server_argument = click.argument("server", required=False, metavar="[ADDR[:PORT]|SOCKET]")
server_option = click.option(
    "--server",
    metavar="ADDR[:PORT]|SOCKET",
    help="Which server: an address that it listens at, or its control socket.",
)


def find(server: str | None) -> tuple[Path, Answer]:
    """Return the control socket of the server that is meant, and its status.

    None means the only one of this user. Raises :class:`Failed`.
    """
    if server is not None and "/" in server:
        path = Path(server)
        return path, ask_at(path, "status")
    running = list(_running())
    if server is not None:
        running = [each for each in running if _listens_at(each[1], server)]
        if not running:
            raise Failed(f"no server of this user listens at {server}: name its control socket")
    if not running:
        raise Failed(
            "no server of this user runs here: name the control socket of another's, or of one "
            "that was started with --control SOCKET"
        )
    if len(running) > 1:
        places = "; ".join(
            f"process {each.get('process')} at {', '.join(_places(each))}" for _, each in running
        )
        raise Failed(f"several servers run here, name an address of one: {places}")
    return running[0]


def _running() -> Iterator[tuple[Path, Answer]]:
    """Yield what each server of this user says."""
    directory = control_directory()
    for path in sockets_in(directory) if directory is not None else []:
        # Some are left behind, some end at this moment.
        with suppress(OSError, ControlError):
            yield path, ask(path, "status")


def ask_at(path: Path, what: str, about: str = "") -> Answer:
    """Ask the server behind a control socket. Raises :class:`Failed`."""
    try:
        return ask(path, what, about)
    except ControlError as error:
        raise Failed(f"{path}: {error}") from None
    except ConnectionRefusedError:
        raise Failed(f"{path}: no server listens there any more") from None
    except OSError as error:
        raise Failed(describe(error, printable(path))) from None


@contextmanager
def understood() -> Iterator[None]:
    """Raise :class:`Failed` for an answer that lacks what the block looks for."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Failed("the answer makes no sense: is it of a server of this version?") from None


def _listens_at(found: Answer, server: str) -> bool:
    return any(
        server in (where["address"], place(where), f"[{where['address']}]")
        or (where["address"] in _WILDCARDS and server.endswith(f":{where['port']}"))
        for where in found["listeners"]
    )


def place(where: Answer) -> str:
    """Return an address and port as people write them."""
    address = printable(where["address"])
    return f"[{address}]:{where['port']}" if ":" in address else f"{address}:{where['port']}"


def _places(found: Answer) -> list[str]:
    return sorted({place(where) for where in found["listeners"]})
