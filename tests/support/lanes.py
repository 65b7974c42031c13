"""Two servers that get the same calls: one takes the lane where it can, the other never does.

Whatever differs between them, in a reply or in what is left behind, is a fault of the lane. The
other one may have the lane in Python instead: then it is the compiled one that is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.engine import lane
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem

from .nfs import (
    LEASE,
    ROOT_USER,
    Clock,
    FakeReactor,
    Incoming,
    Op,
    Peer,
    Reply,
    Session,
    by_lane,
    compound_message,
    make_server,
    reclaim_complete,
    serve,
)


def state_of(server: NfsService) -> dict[str, Any]:
    """All that calls leave behind at a server."""
    registry = server.registry
    return {
        "sessions": [
            (
                session.id,
                session.used,
                len(session.connections),
                [(slot.seqid, slot.reply, slot.fingerprint, slot.taken) for slot in session._slots],
            )
            for session in registry.sessions.values()
        ],
        "clients": [
            (client.id, client.renewed, client.courtesy, sorted(client.open_states))
            for client in registry.clients.confirmed()
        ],
        "states": [(other, state.seqid) for other, state in registry.states._states.items()],
        "handles": list(server.namespace._handles),
        "lent": server._core.buffers.lent,
        "tally": (
            server.tally.succeeded,
            dict(server.tally.failed),
            (server.tally.read, server.tally.written),
            {number: sum(spans.counts) for number, spans in server.tally.spans.items()},
        ),
    }


class Twins:
    """A server with lanes, one without, and a connection to each.

    With ``both`` the other one has the lane in Python. ``files`` are what they serve.
    """

    def __init__(
        self, *, both: bool = False, files: Sequence[FileSystem] = (), **config: Any
    ) -> None:
        self.reactors = [FakeReactor(), FakeReactor()]
        self.files = list(files) or [MemoryFileSystem(Clock()), MemoryFileSystem(Clock())]
        self._both = both
        times = LeaseTimes(lease=LEASE, grace=LEASE)
        self.servers = []
        for number, reactor in enumerate(self.reactors):
            lanes = both or not number
            settings = ServerConfig(times=times, lanes=lanes, **config)
            with pytest.MonkeyPatch.context() as patch:
                if number:
                    patch.setattr(lane, "_lane", None)
                self.servers.append(
                    make_server(fs=self.files[number], reactor=reactor, config=settings)
                )
        self.peers = [Peer(server) for server in self.servers]
        self.taken = 0
        """Calls that the lane has answered."""
        self.calls = 0

    def message(
        self, octets: bytes, room: int = 8 << 20, payload_room: Sequence[int] = ()
    ) -> Incoming:
        """Send the same octets to both, compare, and return what became of them."""
        ways, taken = [], []
        for server, connection in zip(self.servers, self.peers, strict=True):
            incoming = Incoming(octets, connection.channel, room, payload_room)
            taken.append(by_lane(server, incoming))
            if not taken[-1]:
                serve(server, incoming)
            ways.append(incoming)
        assert taken[1] == (self._both and taken[0]), octets.hex()
        self.taken += taken[0]
        self.calls += 1
        ours, theirs = ways
        assert ours.outcome == theirs.outcome, octets.hex()
        if ours.outcome == "reply":
            assert ours.message == theirs.message, octets.hex()
            assert ours.encoder is not None
            assert theirs.encoder is not None
            if payload_room:
                ours_placed, theirs_placed = (
                    [bytes(payload.data) for payload in encoder.payloads]
                    for encoder in (ours.encoder, theirs.encoder)
                )
                assert ours_placed == theirs_placed, octets.hex()
        ours_left, theirs_left = map(state_of, self.servers)
        for what, value in ours_left.items():
            assert value == theirs_left[what], f"{what}, by {octets.hex()}"
        return ours

    def send(
        self,
        *ops: Op,
        minor: int = 2,
        credentials: Credentials = ROOT_USER,
        xid: int = 7,
        **how: Any,
    ) -> Incoming:
        """Send a compound to both."""
        return self.message(compound_message(ops, minor, b"", credentials, xid=xid), **how)

    def call(self, *ops: Op, **how: Any) -> Reply:
        """Send a compound to both; the reply."""
        return Reply(self.send(*ops, **how))

    def session(self, owner: bytes = b"client", **attrs: Any) -> Session:
        """Open a session at both: its ``peer`` is these twins."""
        opened = [peer.session(owner, complete=False, **attrs) for peer in self.peers]
        assert opened[0].id == opened[1].id
        session = opened[0]
        session.peer = self  # type: ignore[assignment]
        session.ok(reclaim_complete())
        return session

    def advance(self, seconds: float) -> None:
        """Let time pass for both."""
        for reactor in self.reactors:
            reactor.advance(seconds)


def damaged(octets: bytes, rng: Any) -> bytes:
    """A message with a few of its octets changed, cut off, or added."""
    message = bytearray(octets)
    kind = rng.randrange(4)
    if kind == 0:
        del message[rng.randrange(len(message)) :]
    elif kind == 1:
        message += rng.randbytes(4 * rng.randrange(1, 4))
    else:
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(message))
            message[at] = rng.choice((0, 1, 255, message[at] ^ 1, rng.randrange(256)))
    return bytes(message)


def chosen(rng: Any, usual: Any, unusual: Sequence[Any]) -> Any:
    """Return what is usual, or now and then something else."""
    return rng.choice(unusual) if rng.random() < 0.15 else usual
