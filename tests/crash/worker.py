"""The load: one client that works until it is killed, and keeps a journal of it.

    python -m tests.crash.worker URL PROVIDER JOURNAL PREFIX

A line of the journal is one JSON array, appended by one ``write``, so it is whole even if the
process is killed: ``["try", op, names…]`` before a call, ``["done" | "uncertain" | "error", op,
names…]`` after it; ``["writing", file, version]`` before a file's new version, and ``["synced",
file, version]`` once ``fsync`` has returned.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Final

import nfsrdma.client as nfs

from .pattern import BLOCK, BLOCKS, block

FILES: Final = 5
"""How many files get one version after the other."""
_PATIENCE_S: Final = 60.0


class Journal:
    """Where the worker notes what it does."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, *words: object) -> None:
        """Append a line."""
        os.write(self._fd, (json.dumps(words) + "\n").encode())


class Worker:
    """Does one round of work after the other on a mount."""

    def __init__(self, fs: nfs.Mount, journal: Journal, prefix: str) -> None:
        self._fs = fs
        self._journal = journal
        self._prefix = prefix

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


def main(url: str, provider: str, path: str, prefix: str) -> None:
    """Work until killed."""
    journal = Journal(path)
    options = {} if provider == "tcp" else {"provider": provider}
    with nfs.mount(url, timeout=_PATIENCE_S, **options) as fs:
        journal.note("up")
        worker = Worker(fs, journal, prefix)
        number = 0
        while True:
            number += 1
            worker.round(number)


if __name__ == "__main__":
    main(*sys.argv[1:])
