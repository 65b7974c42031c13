"""The list of clients on a disk: see ``state.recovery``."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from ..state.recovery import StoreError

FORMAT: Final = 1
"""Of the database. It grows when an earlier version of this program would get a later one's wrong.
Databases of the first versions have none."""
_LIVES: Final = 0xFFFFFFFF
"""The highest number of a life; the next one is 1."""
_PATIENCE_S: Final = 0.1
"""How long another process that reads the database may hold the server up."""


class NewerState(OSError):
    """The database was written by a later version of this program, which may mean it otherwise."""

    def __init__(self, found: int) -> None:
        super().__init__(
            errno.EPROTO,
            f"its recovery database has format {found}, of a later version of nfsrdma: use that "
            f"version, or another directory (this version knows format {FORMAT})",
        )


class SqliteRecoveryStore:
    """A store in an SQLite database. Raises ``sqlite3.Error`` if it cannot be opened.

    Raises :class:`NewerState` for the database of a later version.

    A client's row has the number of the life in which it last held state. A crash in the grace
    period leaves the rows of the previous life, so that clients of both may reclaim in the next.
    """

    def __init__(self, path: str) -> None:
        self._boot = 0
        self._database = sqlite3.connect(path, _PATIENCE_S, isolation_level=None)
        try:
            self._check_format()
        except BaseException:
            self._database.close()
            raise
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(
            """
            CREATE TABLE IF NOT EXISTS server (name TEXT PRIMARY KEY, value);
            CREATE TABLE IF NOT EXISTS client (owner BLOB PRIMARY KEY, boot INTEGER NOT NULL);
            CREATE TABLE IF NOT EXISTS session (
                id BLOB PRIMARY KEY, boot INTEGER NOT NULL, calls BLOB NOT NULL
            );
            INSERT OR IGNORE INTO server VALUES ('boot', 0);
            """
        )

    def _check_format(self) -> None:
        (found,) = self._database.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise NewerState(found)
        if found < FORMAT:
            self._database.execute(f"PRAGMA user_version = {FORMAT}")

    def start(self) -> tuple[int, frozenset[bytes]]:
        """Begin a new life."""
        run = self._run
        run(f"UPDATE server SET value = value % {_LIVES} + 1 WHERE name = 'boot'")
        (self._boot,) = run("SELECT value FROM server WHERE name = 'boot'").fetchone()
        owners = run("SELECT owner FROM client").fetchall()
        return self._boot, frozenset(owner for (owner,) in owners)

    def add(self, owner: bytes) -> None:
        """Note that a client may hold state."""
        self._run("INSERT OR REPLACE INTO client VALUES (?, ?)", (owner, self._boot))

    def remove(self, owner: bytes) -> None:
        """Note that a client holds no state any more."""
        self._run("DELETE FROM client WHERE owner = ?", (owner,))

    def end_grace(self) -> None:
        """Forget the clients of earlier lives."""
        self._run("DELETE FROM client WHERE boot != ?", (self._boot,))

    def leave(self, calls: Mapping[bytes, bytes]) -> None:
        """Keep something about each session for the next life."""
        rows = [(name, self._boot, said) for name, said in calls.items()]
        try:
            with self._database:
                self._database.execute("BEGIN")
                self._database.execute("DELETE FROM session")
                self._database.executemany("INSERT INTO session VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error

    def left(self) -> Mapping[bytes, bytes]:
        """Return what the life before has left, and forget it."""
        rows = self._run("SELECT id, boot, calls FROM session").fetchall()
        if rows:
            self._run("DELETE FROM session")
        return {name: calls for name, boot, calls in rows if boot % _LIVES + 1 == self._boot}

    def secret(self, fresh: bytes) -> bytes:
        """Return the secret, or make ``fresh`` it."""
        run = self._database.execute
        run("INSERT OR IGNORE INTO server VALUES ('secret', ?)", (fresh,))
        (value,) = run("SELECT value FROM server WHERE name = 'secret'").fetchone()
        return bytes(value)

    def close(self) -> None:
        """Release what the store holds."""
        self._database.close()

    def _run(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error
