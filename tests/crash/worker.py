"""The load: one client that works until it is killed, and keeps a journal of it.

    python -m tests.crash.worker URL PROVIDER JOURNAL PREFIX [holding]

With ``holding`` it has locks and delegations besides, of which the server must have some to give.
A line of the journal is one JSON array, appended by one ``write``, so it is whole even if the
process is killed: ``["try", op, names…]`` before a call, ``["done" | "uncertain" | "error", op,
names…]`` after it; ``["writing", file, version]`` before a file's new version, and ``["synced",
file, version]`` once ``fsync`` has returned; ``["counting"]`` before one is added to the number in
the file that all workers share, under a lock, and ``["counted", n]`` after it; ``["kept"]`` when
the file that is open all the time is still delegated after the server was killed; and ``["longest",
ms]`` when more time than ever has passed since the line before: so long took a call, or less.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import nfsrdma.client as nfs

from .pattern import BLOCK, BLOCKS, block

FILES: Final = 5
"""How many files get one version after the other."""
SHARED: Final = "shared"
"""The file with a number that all workers count up."""
KEPT: Final = b"what nobody else changes"
_REOPENS: Final = 5
_HOLD_S: Final = 0.3
"""For how long a worker keeps the lock, at most."""
_PATIENCE_S: Final = 60.0


class Journal:
    """Where the worker notes what it does."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._latest = time.monotonic()
        self._longest = 0

    def note(self, *words: object) -> None:
        """Append a line."""
        since, self._latest = self._latest, time.monotonic()
        self._append(*words)
        if (took := round(1000 * (self._latest - since))) > self._longest:
            self._longest = took
            self._append("longest", took)

    def _append(self, *words: object) -> None:
        os.write(self._fd, (json.dumps(words) + "\n").encode())


class Worker:
    """Does one round of work after the other on a mount."""

    def __init__(self, fs: nfs.Mount, journal: Journal, prefix: str) -> None:
        self._fs = fs
        self._journal = journal
        self._prefix = prefix
        self._rng = random.Random(prefix)
        self._kept: nfs.File | None = None
        self._epoch = b""

    def hold(self) -> None:
        """Have a file delegated for as long as the worker lives."""
        self._kept = self._keep()

    def _keep(self) -> nfs.File:
        """Return a file that is open, and delegated, for as long as the worker lives."""
        name = f"k-{self._prefix}"
        self._fs.write_bytes(name, KEPT)
        file = self._fs.open(name, "r+b")
        while not self._is_delegated(file):
            # The server has to know first that callbacks arrive.
            file.close()
            time.sleep(0.02)
            file = self._fs.open(name, "r+b")
        return file

    def _is_delegated(self, file: nfs.File) -> bool:
        client = self._fs._client
        return any(each.handle == file._file.handle for each in client.opens.delegations.held())

    def held(self) -> None:
        """Do what takes a delegation, and what takes a lock."""
        if self._kept is not None:
            self._look(self._kept)
            self._count()

    def _look(self, kept: nfs.File) -> None:
        """Reopen what is delegated, and see that it still is."""
        fs, name = self._fs, f"k-{self._prefix}"
        try:
            for _ in range(_REOPENS):
                with fs.open(name, "r+b") as file:
                    if file.read() != KEPT:
                        self._journal.note("error", "keep", name, "other contents")
            epoch = fs._client.session.epoch
            if epoch == self._epoch:
                return
            first, self._epoch = not self._epoch, epoch
            if not self._is_delegated(kept):
                self._journal.note("error", "keep", name, "the delegation was not granted again")
            elif not first:
                self._journal.note("kept")
        except OSError as error:
            self._journal.note("error", "keep", name, type(error).__name__, str(error))

    def _count(self) -> None:
        """Count the shared number up, under a lock that may be held when the server is killed."""
        note = self._journal.note
        try:
            with self._fs.open(SHARED, "r+b") as file:
                file.lock()
                value = int(file.read() or b"0")
                time.sleep(self._rng.random() * _HOLD_S)
                note("counting")
                file.write_at(0, b"%020d" % (value + 1))
                file.fsync()
                note("counted", value + 1)
                file.unlock()
        except OSError as error:
            note("error", "count", SHARED, type(error).__name__, str(error))

    def round(self, number: int) -> None:
        """Write and sync a new version of a file, then move names about."""
        self._new_version(number)
        a, b, c, folder = (f"{kind}-{self._prefix}-{number}" for kind in "abcm")
        fs = self._fs
        _ = (
            self._once(lambda: self._create(a), "create", a)
            and self._once(lambda: fs.rename(a, b), "rename", a, b)
            and self._once(lambda: fs.link(b, c), "link", b, c)
            and self._once(lambda: fs.remove(b), "remove", b)
        )
        _ = self._once(lambda: fs.mkdir(folder), "mkdir", folder) and self._once(
            lambda: fs.rmdir(folder), "rmdir", folder
        )

    def _new_version(self, number: int) -> None:
        name = f"d-{self._prefix}-{number % FILES}"
        note = self._journal.note
        try:
            with self._fs.open(name, "r+b" if self._fs.exists(name) else "wb") as file:
                note("writing", name, number)
                for index in range(BLOCKS):
                    file.write_at(index * BLOCK, block(name, number, index))
                file.fsync()
                note("synced", name, number)
        except OSError as error:
            note("error", "write", name, type(error).__name__, str(error))

    def _create(self, name: str) -> None:
        with self._fs.open(name, "xb") as file:
            file.write(name.encode())
            file.fsync()

    def _once(self, call: Callable[[], Any], *what: str) -> bool:
        note = self._journal.note
        note("try", *what)
        try:
            call()
        except nfs.UncertainOutcomeError:
            note("uncertain", *what)
        except OSError as error:
            note("error", *what, type(error).__name__, str(error))
        else:
            note("done", *what)
            return True
        return False


def main(url: str, provider: str, path: str, prefix: str, holding: str = "") -> None:
    """Work until killed."""
    journal = Journal(path)
    options = {} if provider == "tcp" else {"provider": provider}
    with nfs.mount(url, timeout=_PATIENCE_S, delegations=bool(holding), **options) as fs:
        worker = Worker(fs, journal, prefix)
        if holding:
            worker.hold()
        journal.note("up")
        number = 0
        while True:
            number += 1
            worker.round(number)
            worker.held()


if __name__ == "__main__":
    main(*sys.argv[1:])
