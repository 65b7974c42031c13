"""What a service manager tells a server, and is told: systemd's protocols, which others speak too.

See sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3). All of it is a datagram socket, some
descriptors and some variables of the environment; without them nothing happens.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Final

_FIRST: Final = 3
"""The descriptor after those that every program has (``SD_LISTEN_FDS_START``)."""
_MOST: Final = 64


class Notifier:
    """Tells the service manager how it stands with the server."""

    def __init__(self, environment: MutableMapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self._address = environment.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        self.watchdog_s = _watchdog(environment)
        """Seconds after which the manager takes a silent server for dead; 0 if it does not."""

    def ready(self, status: str) -> None:
        """Say that the server serves, after its start or after its configuration was read again."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Say that the configuration is read again, from now on."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the server is about to end."""
        self._send("STOPPING=1", "STATUS=ending")

    def replaced_by(self, process: int) -> None:
        """Say that another process is the service from now on; this one is about to end."""
        self._send(f"MAINPID={process}")

    def alive(self) -> None:
        """Say that the server's loop turns."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # A manager that is not there, or does not read, is no reason to end or to wait.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto("\n".join(lines).encode(), self._address)


def _watchdog(environment: MutableMapping[str, str]) -> float:
    text, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID")
    if not (text.isascii() and text.isdigit()) or pid not in (None, str(os.getpid())):
        return 0.0
    return int(text) / 1e6


def inherited_sockets(environment: MutableMapping[str, str] | None = None) -> list[socket.socket]:
    """Return the listening TCP sockets that the service manager has opened for this process.

    The variables are removed, so that nobody takes them twice. Raises ``ValueError`` for a
    descriptor that is something else.
    """
    environment = os.environ if environment is None else environment
    given = {name: environment.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS")}
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    count = given["LISTEN_FDS"]
    if given["LISTEN_PID"] != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return []
    if int(count) > _MOST:
        raise ValueError(f"more than {_MOST} sockets were handed over")
    found = []
    for place in range(int(count)):
        name = names[place] if place < len(names) else ""
        found.append(_listening(_FIRST + place, name))
    return found


def _listening(fd: int, name: str) -> socket.socket:
    """Return the socket of a descriptor. Raises ``ValueError`` if it does not listen for TCP."""
    what = f"descriptor {fd} ({name})" if name else f"descriptor {fd}"
    try:
        os.set_inheritable(fd, False)
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise ValueError(f"{what} was handed over, and is no socket: {error.strerror}") from None
    tcp = sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
    if not tcp or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.detach()
        raise ValueError(f"{what} was handed over, and is no listening TCP socket")
    return sock
