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
    ("told_ms", "busy_until_ms", "ends_ms"),
    [
        ((), 0, 90),
        ((5,), 0, 208),  # once, and not again: it does not ask any more
        ((5, 25, 65, 125), 0, 126),  # as our client does: right after an answer
        ((88,), 0, 90),
        ((), 300, 302),
        (tuple(range(0, 3000, 21)), 0, 90),
        ((), 5000, 1000),  # nobody keeps it for ever
    ],
)
def test_the_right_moment(told_ms: tuple[int, ...], busy_until_ms: int, ends_ms: int) -> None:
    reactor = SimReactor()
    service = served(reactor)
    began = reactor.time()
    ended: list[float] = []

    def told() -> None:
        service._core.put_off_at = reactor.time()

    def idle() -> None:
        service._core.parked = 0

    for each in told_ms:
        reactor.call_at(began + each / 1000, told)
    if busy_until_ms:
        service._core.parked = 1
        reactor.call_at(began + busy_until_ms / 1000, idle)
    begin_lull(reactor, service, lambda: ended.append(reactor.time() - began))
    assert service.draining
    reactor.run_for(6)
    assert len(ended) == 1
    assert ended[0] * 1000 == pytest.approx(ends_ms, abs=5)
    service.close()
