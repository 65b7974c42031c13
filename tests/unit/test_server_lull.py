"""When a server that ends closes its connections."""

from __future__ import annotations

import random

import pytest

from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.server.edge.lull import begin_lull
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.memory import MemoryFileSystem


def served(reactor: SimReactor) -> NfsService:
    return NfsService([Export("", MemoryFileSystem(lambda: 0))], reactor, random.Random(1))


@pytest.mark.parametrize(
    ("busy_until_ms", "ends_ms"),
    [(0, 90), (50, 90), (300, 302), (5000, 1000)],  # nobody keeps it for ever
)
def test_the_right_moment(busy_until_ms: int, ends_ms: int) -> None:
    reactor = SimReactor()
    service = served(reactor)
    began = reactor.time()
    ended: list[float] = []

    def idle() -> None:
        service._core.parked = 0

    if busy_until_ms:
        service._core.parked = 1
        reactor.call_at(began + busy_until_ms / 1000, idle)
    begin_lull(reactor, service, lambda: ended.append(reactor.time() - began))
    assert service.draining
    reactor.run_for(6)
    assert len(ended) == 1
    assert ended[0] * 1000 == pytest.approx(ends_ms, abs=5)
    service.close()
