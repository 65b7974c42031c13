"""How a server's log is written: text for people, JSON for programs, fields for the journal."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import click

TEXT: Final = "text"
JSON: Final = "json"
JOURNAL: Final = "journal"
FORMATS: Final = (TEXT, JSON, JOURNAL)
STAMP: Final = "%Y-%m-%d %H:%M:%S"
"""The format of times in text."""
_JOURNAL_SOCKET: Final = "/run/systemd/journal/socket"
_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)


def chosen_format(wanted: str | None) -> str:
    """Return the format that is wanted, or the journal's if standard error leads there.

    systemd.exec(5): ``$JOURNAL_STREAM`` is the device and inode of that stream.
    """
    if wanted is not None:
        return wanted
    with suppress(OSError, ValueError):
        device, inode = map(int, os.environ.get("JOURNAL_STREAM", "").split(":"))
        status = os.fstat(sys.stderr.fileno())
        if (status.st_dev, status.st_ino) == (device, inode):
            return JOURNAL
    return TEXT


def set_up(log_format: str, verbose: bool) -> None:
    """Have all loggers write in a format."""
    handler: logging.Handler = logging.StreamHandler()
    if log_format == JSON:
        handler.setFormatter(JsonFormatter())
    elif log_format == JOURNAL:
        handler = JournalHandler()
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", STAMP))
    set_level(verbose)
    logging.basicConfig(handlers=[handler], level=logging.root.level)


def set_level(verbose: bool) -> None:
    """Log what is information, too, if ``verbose``."""
    logging.getLogger().setLevel(logging.INFO if verbose else logging.WARNING)


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return what a record says for programs: of which peer it is, and the like."""
    found = getattr(record, "fields", None)
    return dict(found) if isinstance(found, dict) else {}


class JsonFormatter(logging.Formatter):
    """One object in one line: ``time`` (UTC), ``level``, ``logger``, ``message``, and fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line = as_json(record.levelname.lower(), record.getMessage(), record.created)
        line |= {"logger": record.name, **fields_of(record)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def as_json(level: str, message: str, when_s: float | None = None) -> dict[str, object]:
    """Return what every line of JSON has."""
    when = datetime.fromtimestamp(time.time() if when_s is None else when_s, UTC)
    return {"time": when.isoformat(timespec="milliseconds"), "level": level, "message": message}


class JournalHandler(logging.Handler):
    """Sends records with their fields to systemd's journal, by its native protocol.

    Fields are ``NFSRDMA_PEER`` and the like. What the journal does not take goes to standard error,
    with the priority in front (sd-daemon(3)).
    """

    def __init__(self, place: str = _JOURNAL_SOCKET) -> None:
        super().__init__()
        self._place = place
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._plain = logging.Formatter("%(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; it never waits."""
        try:
            message = self._plain.format(record)
            priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
            entry = {"MESSAGE": message, "PRIORITY": priority, "SYSLOG_IDENTIFIER": "nfsrdma"}
            entry["LOGGER"] = record.name
            entry |= {f"NFSRDMA_{name.upper()}": said for name, said in fields_of(record).items()}
            try:
                self._sock.sendto(b"".join(map(_field, entry.items())), self._place)
            except OSError:
                click.echo(f"<{priority}>{message}", err=True)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()
        super().close()


def _field(item: tuple[str, object]) -> bytes:
    """Encode a field: systemd.io/JOURNAL_NATIVE_PROTOCOL, with its length if it has lines."""
    name, said = item[0].encode(), str(item[1]).encode("utf-8", "surrogateescape")
    if b"\n" in said:
        return name + b"\n" + len(said).to_bytes(8, "little") + said + b"\n"
    return name + b"=" + said + b"\n"
