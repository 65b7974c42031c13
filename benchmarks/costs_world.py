"""A server in memory and clients that send it calls: what ``costs.py`` measures.

No sockets and no client code: calls are encoded beforehand and replies decoded afterwards, so that
what is measured is what the server does for a call, in processor time of this thread.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from tests.support.delegations import Holder
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    FakeReactor,
    Incoming,
    Op,
    Peer,
    Reply,
    Session,
    compound_message,
    make_server,
    mkdir,
    open_,
    serve,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

ROOM: Final = 8 << 20

Meter = Callable[[], int]
"""What goes on while the server works."""
Costs = dict[str, int]
"""The cost of each operation that was done, by its name: nanoseconds, or what the meter counts."""
Work = Callable[[int], Costs]
"""Does the operations of one kind for the i-th time."""


class LiveReactor(FakeReactor):
    """The reactor of the tests, with the time of day; its timers wait for ever."""

    def time(self) -> float:
        """Return the seconds of a clock that does not go back."""
        return time.monotonic()


class World:
    """A server of one file system, and its clients. Everybody acts as root, from an own address."""

    meter: ClassVar[Meter] = time.thread_time_ns

    def __init__(self, fs: FileSystem | None = None, *, delegations: bool = False) -> None:
        self.fs = fs or MemoryFileSystem(time.time_ns)
        config = ServerConfig(delegations=delegations)
        self.server = make_server(fs=self.fs, reactor=LiveReactor(), config=config)
        self.rng = random.Random(1)
        self.clients: list[Session] = []

    @classmethod
    def on(cls, folder: Path, *, delegations: bool = False) -> World:
        """Return a server of a local directory."""
        return cls(LocalFileSystem(folder), delegations=delegations)

    def client(self) -> Session:
        """Add a client with one session, from an address of its own."""
        number = len(self.clients) + 1
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        peer = Peer(self.server, Credentials.sys(0, 0), address)
        self.clients.append(peer.session(b"client %d" % number))
        return self.clients[-1]

    def holder(self) -> Session:
        """Add a client that can be called, so that it may have delegations."""
        number = len(self.clients) + 1
        self.clients.append(Holder(self.server, b"holder %d" % number).session)
        return self.clients[-1]

    def call(self, session: Session, *ops: Op) -> tuple[int, Reply]:
        """Send a compound in a session; return what it cost the server, and the reply.

        Raises RuntimeError if it fails.
        """
        return self.send(session.peer, session.sequence(), *ops)

    def send(self, peer: Peer, *ops: Op) -> tuple[int, Reply]:
        """Send a compound that need not be in a session."""
        message = compound_message(ops, 2, b"", peer.credentials)
        incoming = Incoming(message, peer.channel, ROOM, ())
        begin = self.meter()
        serve(self.server, incoming)
        spent = self.meter() - begin
        reply = Reply(incoming)
        if reply.status != t.NFS4_OK:
            raise RuntimeError(f"a call that was to be measured failed: {reply}")
        return spent, reply

    def spend(self, session: Session, *ops: Op) -> int:
        """Send a compound in a session; return what it cost the server."""
        return self.call(session, *ops)[0]

    def create(self, session: Session, name: bytes, at: Op = PUTROOTFH) -> tuple[Any, bytes]:
        """Create a file and leave it open: its stateid and its handle."""
        reply = self.call(session, at, open_(name, create=t.UNCHECKED4, owner=name), GETFH)[1]
        return reply[2].stateid, bytes(reply[3].object)

    def mkdir(self, session: Session, name: bytes) -> bytes:
        """Make a directory in the root: its handle."""
        return bytes(self.call(session, PUTROOTFH, mkdir(name), GETFH)[1][3].object)

    def any(self, among: Sequence[Any]) -> Any:
        """Return one of them, each as likely as the others."""
        return among[self.rng.randrange(len(among))]

    def close(self) -> None:
        """End it."""
        self.server.close()
