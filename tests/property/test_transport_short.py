"""Short messages, compiled and in Python: the same comes of each, damaged ones included."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.support.shm_world import Ends, ShmWorld, shm_world, waiting

from nfsrdma.rpcrdma.rpc.message import NO_AUTH, encode_call
from nfsrdma.rpcrdma.transport import short
from nfsrdma.rpcrdma.transport.channel import RdmaChannel
from nfsrdma.rpcrdma.transport.header import SHORT
from nfsrdma.xdr import Encoder

if short._short is None:
    pytest.skip("not compiled, or NFSRDMA_NATIVE=0", allow_module_level=True)

MESSAGES = int(os.environ.get("NFSRDMA_SHORT_MESSAGES", "3000"))
PROGRAM = 100003
REPLY = struct.Struct(">2I")


class End:
    """One end of a connection, and what it has been told and has said."""

    def __init__(self, channel: RdmaChannel) -> None:
        self.channel = channel
        self.endpoint = channel._endpoint
        self.said: list[object] = []
        prompting = self.endpoint.prompting
        assert prompting is not None
        self.queue_pair: Any = prompting
        self.put, prompting.put = prompting.put, self._put  # type: ignore[method-assign]
        self.finish, prompting.finish = prompting.finish, self._finish  # type: ignore[method-assign]
        self.full = False

    def _put(self, pieces: Sequence[bytes | memoryview]) -> bool:
        self.said.append(("put", b"".join(pieces)))
        return not self.full

    def _finish(self, rkey: int = 0) -> None:
        self.said.append(("finish", rkey))
        self.finish(rkey)

    def shown(self, message: bytes) -> None:
        """Have it deal with a message, as the queue pair would."""
        taken = self.queue_pair.prompt(memoryview(bytearray(message)))
        self.said.append((taken, self.channel.responder.declined))

    def state(self) -> list[object]:
        """What is left behind."""
        window, grant = self.channel.requester.window, self.channel.responder.grant
        return [
            *self.said,
            self.channel.stats.as_dict(),
            (window.in_use, window.limit, window.violations, grant.in_use),
            sorted(self.channel.requester._sent),
            self.channel.closed,
        ]


def damaged(rng: Random, message: bytes) -> bytes:
    """Return a message with something wrong, or with nothing."""
    octets = bytearray(message)
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        octets[rng.randrange(min(len(octets), 64))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.05:
        del octets[rng.randrange(len(octets)) :]
    if rng.random() < 0.02:
        octets += bytes(rng.choice((1, 4, 2000)))
    return bytes(octets)


def null_call(xid: int) -> bytes:
    enc = Encoder()
    encode_call(enc, xid, PROGRAM, 4, 0, NO_AUTH)
    return bytes(enc.buffer)


def at_server(world: ShmWorld, rng: Random) -> list[object]:
    """Show the server calls that are more or less NULL, and what it may be asked besides."""
    (session,) = world.server.registry.sessions.values()
    (served,) = session.connections
    assert isinstance(served, RdmaChannel)
    end = End(served)
    responder = served.responder
    lane = responder.lane
    for number in range(MESSAGES):
        if end.channel.closed:
            break
        end.full = rng.random() < 0.1
        responder.lane = None if rng.random() < 0.05 else lane
        responder.grant.in_use = responder.grant.ceiling if rng.random() < 0.05 else 0
        message = SHORT.pack(number, 1, 32, 0, 0, 0, 0) + null_call(number)
        end.shown(damaged(rng, message))
        responder.grant.in_use = 0
    return end.state()


def at_client(world: ShmWorld, rng: Random) -> list[object]:
    """Post calls, and show the client replies to them, or to others."""
    end = End(world.channel)
    swift: Any = world.channel.swift
    came: list[object] = []
    for number in range(MESSAGES):
        if end.channel.closed:
            break
        end.full = rng.random() < 0.05
        pieces = tuple(bytes(rng.choice((4, 40))) for _ in range(rng.randrange(1, 4)))
        room = rng.choice((64, 64, 4096, 1 << 20))
        future = swift.post(number & 255, pieces, room)
        end.said.append(future is None)
        if future is not None:
            future.add_done_callback(
                lambda done: came.append(
                    done.error() or bytes(done.result().peek(1 << 20))  # type: ignore[union-attr]
                )
            )
        xid = rng.randrange(256) if rng.random() < 0.2 else number & 255
        body = REPLY.pack(xid, 1) + rng.randbytes(rng.choice((4, 99)))
        if rng.random() < 0.9:
            reply = SHORT.pack(xid, 1, rng.choice((0, 1, 32, 40, 1 << 31)), 0, 0, 0, 0) + body
            end.shown(damaged(rng, reply))
        if rng.random() < 0.02:
            end.channel.cancel(rng.randrange(256))
        if end.channel.requester.window.in_use > 8:
            for lost in sorted(end.channel.requester._sent):
                end.shown(SHORT.pack(lost, 1, 32, 0, 0, 0, 0) + REPLY.pack(lost, 1))
    return [*end.state(), [str(each) for each in came]]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("told", [at_server, at_client])
def test_the_same_comes_of_both(
    told: Any, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: Ends = waiting(monkeypatch)
    outcomes = []
    for name, native in (("compiled", short._short), ("twin", None)):
        monkeypatch.setattr(short, "_short", native)
        with shm_world(tmp_path / name, ends) as world:
            world.run(_ping(world))
            outcomes.append(told(world, Random(seed)))
            dealt_with = [
                each for each in outcomes[-1] if isinstance(each, tuple) and each[0] is True
            ]
            assert len(dealt_with) > MESSAGES / 10
            world.channel.close()
            monkeypatch.setattr(world.client, "unmount", _nothing)
    for ours, theirs in zip(*outcomes, strict=True):
        assert ours == theirs


async def _ping(world: ShmWorld) -> None:
    await world.client.session.ping(world.channel)


async def _nothing() -> None:
    """Not even say good-bye: there is no connection any more."""


def test_misuse_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = waiting(monkeypatch)
    with shm_world(tmp_path / "shm", ends) as world:
        swift: Any = world.channel.swift
        with pytest.raises(TypeError):
            swift.post(1, [b"no tuple"], 64)
        with pytest.raises(TypeError):
            swift.post(1, (1, 2), 64)
        with pytest.raises(TypeError):
            swift.post(1, (b"",) * 9, 64)
        compiled: Any = swift.post.__self__
        with pytest.raises(ValueError, match="no such length"):
            compiled.take(-1)
        with pytest.raises(TypeError):
            compiled.prompted(3)
