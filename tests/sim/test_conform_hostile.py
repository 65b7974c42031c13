"""The conformance suite against servers that are none: each test ends with a verdict, none passes
that rests on an answer, and nothing raises."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from tests.support.conform import PORT, SERVER, SimServer, replaced

from nfsrdma.conform.case import CASES
from nfsrdma.conform.peer import RawPeer
from nfsrdma.conform.runner import Outcome, Runner, Verdict
from nfsrdma.conform.wire import Message, header, words
from nfsrdma.rpcrdma.providers.sim import SimFabric
from nfsrdma.rpcrdma.task import Task
from nfsrdma.rpcrdma.transport.endpoint import RpcRdmaEndpoint

Behaviour = Callable[[RawPeer, Message, Random], None]


def silent(peer: RawPeer, message: Message, rng: Random) -> None:
    """Never answers."""


def nonsense(peer: RawPeer, message: Message, rng: Random) -> None:
    """Answers octets of no meaning."""
    peer.send(rng.randbytes(rng.randrange(200)))


def nonsense_with_the_xid(peer: RawPeer, message: Message, rng: Random) -> None:
    """Answers a good header, and nonsense behind it."""
    xid = message.xid
    peer.send(header(xid) + words(xid, 1, 0, 0, 0, 0) + rng.randbytes(4 * rng.randrange(40)))


def echo(peer: RawPeer, message: Message, rng: Random) -> None:
    """Answers the call itself."""
    peer.send(message.octets)


def successes(peer: RawPeer, message: Message, rng: Random) -> None:
    """Answers that all is well, whatever the question."""
    xid = message.xid
    peer.send(header(xid) + words(xid, 1, 0, 0, 0, 0, 0, 0, 1, 53, 0) + bytes(36))


def refusals(peer: RawPeer, message: Message, rng: Random) -> None:
    """Answers ERR_CHUNK to all."""
    peer.send(words(message.xid, 1, 8, 4, 2))


def many(peer: RawPeer, message: Message, rng: Random) -> None:
    """Answers seven times."""
    for _ in range(7):
        refusals(peer, message, rng)


def gone(peer: RawPeer, message: Message, rng: Random) -> None:
    """Ends the connection at each message."""
    peer.disconnect()


def writes_anywhere(peer: RawPeer, message: Message, rng: Random) -> None:
    """Writes to memory that it was not given."""
    peer.write(rng.getrandbits(32), rng.getrandbits(48), b"x" * 100)


def behaving(behaviour: Behaviour) -> Callable[[SimFabric], Any]:
    """What puts such a server on a fabric."""

    def serve(fabric: SimFabric) -> None:
        device = fabric.open_device(SERVER)
        rng = Random(3)

        def on_request(request: Any) -> None:
            def on_message(message: Message) -> bool:
                if peer.ended is None:
                    behaviour(peer, message, rng)
                return True

            peer = RawPeer(
                device, fabric.reactor, rng, timeout_s=5.0, receives=8, on_message=on_message
            )
            peer.accept(request)

        device.listen(SERVER, PORT, on_request)

    return serve


ALL = (silent, nonsense, nonsense_with_the_xid, echo, successes, refusals, many, gone)


@pytest.mark.parametrize("behaviour", [*ALL, writes_anywhere], ids=lambda each: each.__name__)
def test_what_is_no_server_fails(behaviour: Behaviour) -> None:
    outcomes = SimServer(serve=behaving(behaviour), meddles=False).run(list(CASES.values()))
    assert len(outcomes) == len(CASES)
    for outcome in outcomes:
        name = outcome.case.id
        assert outcome.verdict is not Verdict.ERROR, f"{name}: {outcome.observed}"
        assert outcome.verdict is not Verdict.PASSED, f"{name}: {outcome.observed}"
        assert outcome.observed, name


@pytest.mark.parametrize("seed", range(3))
def test_a_server_that_garbles_its_answers_is_an_outcome(seed: int) -> None:
    rng = Random(seed)
    send = RpcRdmaEndpoint.send

    def garbled(self: RpcRdmaEndpoint, message: Any, **how: Any) -> None:
        octets = bytearray(message)
        for _ in range(rng.choice((0, 0, 1, 3))):
            octets[rng.randrange(len(octets))] = rng.choice((0, 1, 2, 4, 0x7F, 0xFF))
        if rng.random() < 0.05:
            del octets[rng.randrange(len(octets)) :]
        send(self, bytes(octets), **how)

    with replaced(RpcRdmaEndpoint, "send", garbled):
        outcomes = SimServer(seed, meddles=False).run(list(CASES.values()))
    assert len(outcomes) == len(CASES)
    errors = [f"{each.case.id}: {each.observed}" for each in outcomes if each.verdict == "error"]
    assert not errors
    assert any(each.verdict is Verdict.FAILED for each in outcomes)


def test_nobody_there_is_an_outcome() -> None:
    outcomes = SimServer(serve=lambda fabric: None).run([CASES["HD2"], CASES["RC1"]])
    assert [each.verdict for each in outcomes] == [Verdict.FAILED] * 2


def test_the_rest_is_given_up_when_the_server_is_gone() -> None:
    server = SimServer()
    runner = Runner(server.reactor, server.open_lab, 60.0, packets=True)
    cases = [CASES[name] for name in ("HD2", "HD3", "HD4", "HD5", "HD6", "HD7", "HD8")]

    def dies(outcome: Outcome) -> None:
        if outcome.case.id == "HD3":
            server.service.close()

    server.reactor.run_until(Task(runner.run(cases, dies)), limit_s=3600)
    verdicts = {each.case.id: each.verdict for each in runner.outcomes}
    assert list(verdicts) == ["HD2", "HD3", "HD4", "HD5", "HD6"]
    assert verdicts["HD3"] is Verdict.PASSED
    assert all(verdicts[name] is Verdict.FAILED for name in ("HD4", "HD5", "HD6"))
    assert runner.gave_up
