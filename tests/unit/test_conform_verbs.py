"""The conformance suite over the verbs provider, whose adapter is in memory: by the interface."""

from __future__ import annotations

import random

import pytest
from tests.support.conform import PORT
from tests.support.fake_librdmacm import two_devices
from tests.support.nfs import EVERYONE, Clock, open_export

from nfsrdma.conform.case import CASES, Case, Need
from nfsrdma.conform.lab import Lab, Target
from nfsrdma.conform.runner import Runner, Verdict
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.task import Task
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.vfs.memory import MemoryFileSystem

SERVER = "10.0.0.1"


class Shared:
    """The device of all tests: what a test closes stays open for the next."""

    def __init__(self, device: object) -> None:
        self._device = device

    def __getattr__(self, name: str) -> object:
        return getattr(self._device, name)

    def close(self) -> None:
        """Leave it open."""


SOME = [
    *("HD2", "HD8", "RC1", "RC5", "RC8", "RC9", "WC1", "WC3", "WC6", "WC7", "RP1", "RP3"),
    *("CR1", "CR9", "PD1", "PD2", "RI1", "RI3", "BC2", "NB8", "RR1", "RR2"),
]


@pytest.mark.parametrize("windows", [False, True])
def test_our_server_passes_over_verbs(windows: bool) -> None:
    reactor = SelectReactor()
    made = two_devices(reactor, windows=windows)
    service = NfsService(
        [open_export("", MemoryFileSystem(Clock()))],
        reactor,
        random.Random(1),
        config=ServerConfig(times=LeaseTimes(lease=90.0, grace=0.0)),
        policy=EVERYONE,
    )
    service.listen_rdma(made.a, SERVER, PORT)

    def open_lab(case: Case) -> Lab:
        device: object = Shared(made.b)
        return Lab(
            device,  # type: ignore[arg-type]
            reactor,
            random.Random(case.id),
            Target(SERVER, PORT),
            name=case.id,
            timeout_s=5.0,
            watch=None,
        )

    runner = Runner(reactor, open_lab, 30.0, packets=False)
    cases = [CASES[name] for name in SOME]
    assert not any(Need.PACKETS in case.needs for case in cases)
    reactor.run_until(Task(runner.run(cases)), 60)
    verdicts = {each.case.id: (each.verdict, each.observed) for each in runner.outcomes}
    bad = {name: found for name, found in verdicts.items() if found[0] is not Verdict.PASSED}
    if not windows:
        # Without memory windows nothing can be invalidated by a peer.
        for name in ("RI1",):
            assert bad.pop(name)[0] is Verdict.SKIPPED
    assert not bad
    service.close()
    made.b.close()
    made.a.close()
    made.close()
    reactor.close()
