"""The client's session is restored: a server that is away, sessions that are lost, restarts."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer
from tests.support.session_world import World

from nfsrdma.client.errors import ProtocolError, UncertainOutcomeError


@pytest.fixture
def world() -> World:
    return World()


def test_calls_fail_when_the_server_stays_away_and_work_when_it_is_back(world: World) -> None:
    world.server.up = False
    for channel in world.server.channels:
        channel.lose()
    start = world.reactor.now
    with pytest.raises(ConnectionError):
        world.run(world.fs.stat("file"))
    assert 3 < world.reactor.now - start < 6
    world.server.up = True
    assert world.run(world.fs.stat("file")).st_size == 8
    assert world.fs.stats.sessions == 1
    world.settle()


def test_a_replay_that_could_not_be_sent_in_time_is_settled_later(world: World) -> None:
    def script(ops: list[str]) -> str:
        if ops[-1] == "CREATE":
            world.server.up = False
            return "lose reply"
        return "ok"

    world.server.script = script
    with pytest.raises(ConnectionError):
        world.run(world.fs.mkdir("made"))
    world.server.up = True
    world.server.script = lambda ops: "ok"
    world.settle()
    assert world.count("CREATE") == 1


def test_a_short_lease_is_kept_from_the_start() -> None:
    """How short it is the client learns only when it is mounted already."""
    server = FakeServer(FakeReactor())
    fs = server.mounted(timeout=120.0)
    server.reactor.advance(19)  # the lease is 20 seconds
    assert server.log.count(["SEQUENCE"]) == 1
    assert fs.stats.sessions == 1


def test_a_recovery_that_meets_a_silent_server_is_begun_anew(world: World) -> None:
    """The first connection leads to a server that goes down again before it answers."""
    silent = 1

    def script(ops: list[str]) -> str:
        nonlocal silent
        if silent and ops[-1] == "BIND_CONN_TO_SESSION":
            silent -= 1
            return "silence"
        return "ok"

    world.server.script = script
    for channel in world.server.channels:
        channel.lose()
    assert world.run(world.fs.stat("file")).st_size == 8
    assert not silent
    assert world.fs.stats.sessions == 1
    world.settle()


def test_a_recovery_that_makes_progress_is_given_time(world: World) -> None:
    """However long it takes: there may be many opens to claim back."""
    files = [world.run(world.fs.open("file")) for _ in range(6)]
    real = world.server.handle

    def slow(channel: Any, message: bytes) -> Any:
        world.reactor.now += 1.5  # of five seconds' patience
        return real(channel, message)

    world.server.slots = 1  # one after the other
    world.server.target = 0
    world.server.restart()
    world.server.handle = slow  # type: ignore[method-assign]
    assert world.run(world.fs.stat("file")).st_size == 8
    assert world.fs.stats.reclaimed == len(files)
    assert world.fs.stats.connections == 2


def test_the_lease_is_renewed_while_idle(world: World) -> None:
    world.reactor.advance(61)
    renewals = [ops for ops in world.server.log if ops == ["SEQUENCE"]]
    assert 4 <= len(renewals) <= 7
    world.settle()


@pytest.mark.parametrize("status", ["BADSESSION", "DEADSESSION", "SEQ_MISORDERED", "BADSLOT"])
def test_a_lost_session_is_made_again(world: World, status: str) -> None:
    world.once("CREATE", f"SEQUENCE NFS4ERR_{status}")
    world.run(world.fs.mkdir("made"))
    assert world.count("CREATE") == 1
    assert world.fs.stats.sessions == 2
    world.settle()


def test_a_session_that_is_always_bad_is_given_up(world: World) -> None:
    world.once("CREATE", "SEQUENCE NFS4ERR_BADSESSION", 10**6)
    with pytest.raises(ProtocolError, match="no attempt come to an end"):
        world.run(world.fs.mkdir("made"))
    world.server.script = lambda ops: "ok"
    world.settle()


def test_an_unbound_connection_is_bound_again(world: World) -> None:
    world.once("CREATE", "SEQUENCE NFS4ERR_CONN_NOT_BOUND_TO_SESSION")
    world.run(world.fs.mkdir("made"))
    assert ["BIND_CONN_TO_SESSION"] in world.server.log
    assert world.fs.stats.sessions == 1
    world.settle()


def test_a_false_retry_is_sent_as_a_new_request(world: World) -> None:
    slots = world.fs.session.slots
    assert slots is not None
    session = world.server.sessions[world.fs.session.session_id]

    def script(ops: list[str]) -> str:
        if ops[-1] == "CREATE":
            world.server.script = lambda ops: "ok"
            session.seqids[0] += 1  # the server has executed something else under this id
            return "SEQUENCE NFS4ERR_SEQ_FALSE_RETRY"
        return "ok"

    world.server.script = script
    world.run(world.fs.mkdir("made"))
    assert world.count("CREATE") == 1
    world.settle()


def test_a_restart_before_the_call_is_harmless(world: World) -> None:
    world.server.restart(grace=False)
    world.run(world.fs.mkdir("made"))
    assert world.fs.stats.sessions == 2
    world.settle()


def test_a_restart_that_leaves_the_outcome_unknown_says_so(world: World) -> None:
    def script(ops: list[str]) -> str:
        if ops[-1] == "REMOVE":
            world.server.script = lambda ops: "ok"
            world.reactor.call_soon(world.server.restart, False)
            return "silence"
        return "ok"

    world.server.script = script
    with pytest.raises(UncertainOutcomeError, match="REMOVE") as caught:
        world.run(world.fs.remove("file"))
    assert caught.value.errno == errno.EIO
    world.server.add("file")
    world.settle()


@pytest.mark.parametrize("said", ["DEADSESSION", "BADSESSION"])
def test_a_server_that_ended_in_good_order_knows_what_it_has_not_executed(
    world: World, said: str
) -> None:
    """The client asks for it by a SEQUENCE with the number of the call, and calls once more."""
    asked = 0

    def script(ops: list[str]) -> str:
        nonlocal asked
        if ops[-1] == "REMOVE" and not asked:
            world.reactor.call_soon(world.server.restart, False)
            return "lose call"
        if ops == ["SEQUENCE"] and not asked:
            asked += 1
            return f"SEQUENCE NFS4ERR_{said}"
        return "ok"

    world.server.script = script
    if said == "DEADSESSION":
        world.run(world.fs.remove("file"))
    else:
        with pytest.raises(UncertainOutcomeError):
            world.run(world.fs.remove("file"))
        world.run(world.fs.remove("file"))
    assert asked == 1
    assert world.count("REMOVE") == 1
    world.server.add("file")
    world.settle()


def test_a_restart_does_not_trouble_what_can_be_repeated(world: World) -> None:
    def script(ops: list[str]) -> str:
        if ops[-1] == "GETATTR":
            world.server.script = lambda ops: "ok"
            world.reactor.call_soon(world.server.restart, False)
            return "silence"
        return "ok"

    world.server.script = script
    assert world.run(world.fs.stat("file")).st_size == 8
    world.settle()


def test_a_lost_answer_to_create_session_is_asked_for_again(world: World) -> None:
    world.once("CREATE_SESSION", "lose reply")
    world.server.sessions.clear()
    world.run(world.fs.stat("file"))
    world.settle()


def test_a_forgotten_client_id_is_exchanged_again(world: World) -> None:
    world.server.sessions.clear()
    world.server.clients.clear()
    world.run(world.fs.stat("file"))
    assert ["EXCHANGE_ID"] in world.server.log
    world.settle()
