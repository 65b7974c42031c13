"""Servers that are started one after the other, over the same file system and recovery store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.nfs import Clock, FakeReactor, Peer, make_server

from nfsrdma.server.edge.recovery import SqliteRecoveryStore
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.recovery import MemoryRecoveryStore, RecoveryStore
from nfsrdma.server.vfs.memory import MemoryFileSystem

STORES = ("memory", "sqlite")


class Machine:
    """A server that can be started again over the same file system and the same disk."""

    def __init__(self, open_store: Callable[[], RecoveryStore]) -> None:
        self.reactor = FakeReactor()
        self.fs = MemoryFileSystem(Clock())
        self._open_store = open_store
        self._starts = 0
        self.server = self.start()

    def start(self) -> NfsService:
        self._starts += 1
        self.server = make_server(
            fs=self.fs, store=self._open_store(), reactor=self.reactor, seed=self._starts
        )
        return self.server

    def peer(self) -> Peer:
        return Peer(self.server)


def opener(store: str, folder: Path) -> Callable[[], RecoveryStore]:
    """How each start finds the recovery store again, one of ``STORES``."""
    if store == "memory":
        kept = MemoryRecoveryStore(7)
        return lambda: kept
    return lambda: SqliteRecoveryStore(str(folder / "recovery.sqlite"))
