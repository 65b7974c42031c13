"""What is no client, through the relay and under each test: a verdict, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from tests.support.conform_client import PORT, RELAY, SimStage

from nfsrdma.conform.client.catalogue import SCENARIOS
from nfsrdma.conform.client.lab import ClientLab, Work
from nfsrdma.conform.client.runner import ClientRunner, Limits
from nfsrdma.conform.peer import Gone, RawPeer
from nfsrdma.conform.runner import Verdict
from nfsrdma.conform.wire import header, words
from nfsrdma.rpcrdma.task import Task
from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.verbs.types import VerbsError

Say = Callable[[RawPeer, Random], bytes]
NULL = words(0, 2, 100003, 4, 0, 0, 0, 0, 0)


def nonsense(peer: RawPeer, rng: Random) -> bytes:
    """Octets of no meaning."""
    return rng.randbytes(rng.randrange(300))


def headers_of_chance(peer: RawPeer, rng: Random) -> bytes:
    """A good beginning, and words of chance behind it."""
    first = words(rng.getrandbits(32), 1, rng.randrange(9), rng.randrange(6))
    return first + words(*(rng.choice((0, 1, 2, 3, 0xFFFFFFFF)) for _ in range(rng.randrange(30))))


def chunks_of_nobody(peer: RawPeer, rng: Random) -> bytes:
    """Chunks in memory that was never offered, long ones among them."""
    xid = rng.getrandbits(32)
    segment = Segment(rng.getrandbits(32), rng.choice((0, 9, 1 << 20, 0xFFFFFFFF)), 0)
    lists = {"reads": [(rng.choice((0, 4, 44)), segment)], "writes": [[segment]] * 3}
    return header(xid, rng.randrange(2), **lists, reply=[segment]) + words(xid) + NULL  # type: ignore[arg-type]


def one_xid(peer: RawPeer, rng: Random) -> bytes:
    """The same call again and again, with chunks that are there."""
    offer = peer.memory.offer(100)
    return header(7, writes=[offer.segments], reply=offer.segments) + words(7) + NULL


def replies_only(peer: RawPeer, rng: Random) -> bytes:
    """Replies and errors to what nobody asked."""
    xid = rng.getrandbits(32)
    return rng.choice((header(xid) + words(xid, 1, 0, 0, 0, 0), words(xid, 1, 1, 4, 2)))


ALL = (nonsense, headers_of_chance, chunks_of_nobody, one_xid, replies_only)


def talking(stage: SimStage, say: Say, rng: Random) -> Callable[[ClientLab], Any]:
    """What such a client does for its work."""

    async def work(lab: ClientLab) -> Work:
        for _ in range(2):
            peer = RawPeer(stage.device, stage.reactor, rng, timeout_s=0.2)
            try:
                await peer.connect(RELAY, PORT)
                for _ in range(30):
                    peer.send(say(peer, rng))
                    await lab.wait(0.01)
            except (Gone, VerbsError):
                pass
            peer.close()
        return Work(4, "no client at all")

    return work


@pytest.mark.parametrize("say", ALL, ids=lambda each: each.__name__)
def test_what_is_no_client(say: Say, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("CL3", "CL17", "CL19", "CL32", "CL41"):
        stage = SimStage(3)
        work = talking(stage, say, Random(f"{name} {say.__name__}"))
        stage.lab._work = work
        stage.lab._mounted = True
        runner = ClientRunner(
            stage.reactor, lambda case, stage=stage: stage, Limits(300.0), packets=True
        )
        stage.reactor.run_until(Task(runner.run([SCENARIOS[name]])), limit_s=36_000)
        (outcome,) = runner.outcomes
        assert outcome.verdict in (Verdict.FAILED, Verdict.SKIPPED, Verdict.NOTED), outcome
        assert len(stage.lab.record.complaints) <= 50
        stage.reactor.run_until(Task(stage.lab.wait(30.0)), limit_s=60)
        assert stage.relay.held == 0
        assert not stage.relay.links
    assert not [record.getMessage() for record in caplog.records if record.exc_info]
