"""The file of an audit: a line of JSON for each change, written by a thread of its own.

The server never waits for the disk: what cannot be written is counted, and the next line that can
be says how many are missing. A file that has grown to its size is renamed to ``FILE.1``, and what
was that to ``FILE.2``, up to a number of them.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

SIZE: Final = 64 << 20
"""Octets of one file."""
KEPT: Final = 4
"""Older files."""
_WAITING: Final = 20_000
"""Entries that wait to be written, at most."""
_AT_ONCE: Final = 256
"""Entries that are written together, at most."""
_CLOSING_S: Final = 5.0

Entry = dict[str, object]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


class AuditFile:
    """Appends entries to a file. Raises ``OSError`` if it cannot be opened.

    What is there already is added to. The file is for its owner alone (mode 0600) if it is new.
    """

    def __init__(
        self, path: Path, *, size: int = SIZE, kept: int = KEPT, now: Callable[[], str] = _now
    ) -> None:
        self._path = path
        self._size = size
        self._kept = kept
        self._now = now
        self._fd = self._open()
        self._waiting: deque[str] = deque()
        self._missing = 0
        """Entries that were not written since the last one that was."""
        self._complained = False
        self._wake = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="nfsrdma audit", daemon=True)
        self._thread.start()

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self._path, flags, 0o600)

    def note(self, entry: Entry) -> None:
        """Have an entry written, with the time; it is dropped if too many wait already."""
        line = json.dumps({"time": self._now(), **entry})
        with self._wake:
            if len(self._waiting) >= _WAITING:
                self._missing += 1
                return
            self._waiting.append(line)
            self._wake.notify()

    def close(self) -> None:
        """Write what waits, for some seconds at most, and close the file."""
        with self._wake:
            if self._ended:
                return
            self._ended = True
            self._wake.notify()
        self._thread.join(_CLOSING_S)

    # --- The thread ---

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._ended:
                    self._wake.wait()
                if not self._waiting:
                    break
                lines = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
                missing, self._missing = self._missing, 0
            if missing:
                lines.insert(0, json.dumps({"time": self._now(), "missing": missing}))
            try:
                self._write("".join(f"{line}\n" for line in lines).encode())
            except OSError as error:
                self._fail(error, len(lines) - bool(missing) + missing)
            else:
                self._complained = False
        with suppress(OSError):
            os.close(self._fd)

    def _write(self, octets: bytes) -> None:
        """Append whole lines, or none of them."""
        place = os.lseek(self._fd, 0, os.SEEK_END)
        if place and place + len(octets) > self._size:
            self._rotate()
            place = 0
        done = 0
        try:
            while done < len(octets):
                done += os.write(self._fd, octets[done:])
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, place)
            raise

    def _rotate(self) -> None:
        for number in range(self._kept, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path
            if number > 1:
                newer = self._path.with_name(f"{self._path.name}.{number - 1}")
            with suppress(FileNotFoundError):
                newer.replace(older)
        fd = self._open()
        os.close(self._fd)
        self._fd = fd

    def _fail(self, error: OSError, lost: int) -> None:
        with self._wake:
            self._missing += lost
        if not self._complained:
            self._complained = True
            _log.error("the audit cannot be written, and the server goes on: %s", error)
