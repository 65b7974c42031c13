"""Sessions under every failure, in virtual time: each call executed once, or an error that says so.

The server of these tests refuses a sequence id that is out of step, so a client that miscounts
after some failure cannot pass.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from tests.support.nfs_fake import FakeChannel, FakeReactor, FakeServer
from tests.support.session_world import World

from nfsrdma.client.errors import NfsError, ProtocolError, UncertainOutcomeError
from nfsrdma.rpcrdma.rpc.channel import CallRefused
from nfsrdma.rpcrdma.task import Cancelled, Task
from nfsrdma.xdr.nfs4 import types as t


@pytest.fixture
def world() -> World:
    return World()


def test_mounting_and_unmounting_leave_nothing(world: World) -> None:
    world.run(world.fs.unmount())
    assert not world.server.sessions
    assert not world.server.clients
    with pytest.raises(ConnectionError, match="closed"):
        world.run(world.fs.stat("file"))


def test_the_order_of_a_mount() -> None:
    server = FakeServer(FakeReactor())
    client = server.client()
    server.reactor.run(client.mount())
    assert server.log == [
        ["EXCHANGE_ID"],
        ["CREATE_SESSION"],
        ["SEQUENCE", "RECLAIM_COMPLETE"],
        ["SEQUENCE", "PUTROOTFH", "GETFH"],
        ["SEQUENCE", "PUTFH", "GETATTR"],
    ]
    assert client.recovery.lease_s == 20
    assert (client.rsize, client.wsize) == (65536, 65536)


def test_an_older_minor_version_is_fallen_back_to() -> None:
    server = FakeServer(FakeReactor())
    server.max_minor = 1
    client = server.mounted()
    assert client.session.header.minor_version == 1
    server.max_minor = 0
    with pytest.raises(NfsError) as caught:
        server.mounted()
    assert caught.value.status == t.NFS4ERR_MINOR_VERS_MISMATCH


def test_a_server_that_is_not_there_is_said_at_once() -> None:
    server = FakeServer(FakeReactor())
    server.up = False
    start = server.reactor.now
    with pytest.raises(ConnectionRefusedError):
        server.mounted()
    assert server.reactor.now - start < 0.1


@pytest.mark.parametrize("fate", ["lose call", "lose reply"])
def test_a_lost_call_or_reply_is_replayed_and_runs_once(world: World, fate: str) -> None:
    world.once("CREATE", fate)
    world.run(world.fs.mkdir("made"))
    assert world.count("CREATE") == 1
    assert world.fs.stats.replays == 1
    assert world.fs.stats.connections == 2
    assert world.fs.stats.sessions == 1
    world.settle()


@pytest.mark.parametrize("operation", ["READ", "REMOVE", "RENAME", "GETATTR", "WRITE", "OPEN"])
@pytest.mark.parametrize("fate", ["lose call", "lose reply"])
@pytest.mark.parametrize("times", [1, 3])
def test_every_kind_of_call_survives(world: World, operation: str, fate: str, times: int) -> None:
    world.run(world.fs.mkdir("d"))
    world.run(world.fs.write_bytes("old", b"1"))
    left = times

    def script(ops: list[str]) -> str:
        nonlocal left
        if left and operation in ops:
            left -= 1
            return fate
        return "ok"

    world.server.script = script
    assert world.run(world.fs.read_bytes("file")) == b"contents"
    world.run(world.fs.rename("old", "new"))
    world.run(world.fs.remove("new"))
    world.run(world.fs.write_bytes("w", b"22"))
    assert world.run(world.fs.read_bytes("w")) == b"22"
    assert left == 0
    assert sorted(world.run(world.fs.listdir())) == ["d", "file", "w"]
    world.settle()


def test_replies_that_are_always_lost_are_a_matter_of_the_connection(world: World) -> None:
    world.server.uncached_at_sequence = False
    fates = itertools.cycle(("lose reply", "ok"))  # the second time it says that it kept none
    world.server.script = lambda ops: next(fates) if ops[-1] == "GETATTR" else "ok"
    with pytest.raises(ConnectionError, match="each reply is lost"):
        world.run(world.fs.stat("file"))
    world.server.script = lambda ops: "ok"
    world.settle()


@pytest.mark.parametrize("at_sequence", [True, False])
def test_a_reply_that_was_not_kept_is_asked_for_anew(world: World, at_sequence: bool) -> None:
    world.server.uncached_at_sequence = at_sequence
    world.once("GETATTR", "lose reply")
    assert world.run(world.fs.stat("file")).st_size == 8
    assert world.count("GETATTR") == 2
    world.settle()


@pytest.mark.parametrize("at_sequence", [True, False])
def test_a_reply_that_was_not_kept_though_it_had_to_be(world: World, at_sequence: bool) -> None:
    world.server.uncached_at_sequence = at_sequence

    def script(ops: list[str]) -> str:
        if ops[-1] == "CREATE":
            session = world.server.sessions[world.fs.session.session_id]
            world.reactor.call_soon(lambda: session.replies.__setitem__(0, None))
            world.server.script = lambda ops: "ok"
            return "lose reply"
        return "ok"

    world.server.script = script
    with pytest.raises(UncertainOutcomeError, match="did not keep its reply"):
        world.run(world.fs.mkdir("made"))
    world.server.script = lambda ops: "ok"
    world.settle()


def test_delay_of_an_operation_is_waited_for(world: World) -> None:
    world.once("CREATE", "NFS4ERR_DELAY", 4)
    start = world.reactor.now
    world.run(world.fs.mkdir("made"))
    assert world.count("CREATE") == 1
    assert world.fs.stats.delays == 4
    assert 0.2 < world.reactor.now - start < 1
    world.settle()


def test_delay_of_sequence_keeps_slot_and_sequence_id(world: World) -> None:
    world.once("CREATE", "SEQUENCE NFS4ERR_DELAY", 5)
    world.run(world.fs.mkdir("made"))
    assert world.fs.stats.delays == 5
    world.settle()


def test_patience_has_an_end(world: World) -> None:
    world.once("CREATE", "NFS4ERR_DELAY", 10**6)
    start = world.reactor.now
    with pytest.raises(NfsError) as caught:
        world.run(world.fs.mkdir("made"))
    assert caught.value.status == t.NFS4ERR_DELAY
    assert 40 <= world.reactor.now - start < 50
    world.settle()


def test_a_silent_connection_is_given_up_and_replayed(world: World) -> None:
    silent = True

    def script(ops: list[str]) -> str:
        nonlocal silent
        if silent and (ops[-1] in ("CREATE", "NULL")):
            silent = ops[-1] != "NULL" and silent
            return "silence"
        return "ok"

    world.server.script = script
    start = world.reactor.now
    world.run(world.fs.mkdir("made"))
    assert world.count("CREATE") == 1
    assert 2.5 < world.reactor.now - start < 8
    world.settle()


@pytest.mark.parametrize("idle_s", [0.0, 7.0])
def test_a_server_that_is_silent_in_a_call_is_asked_soon(world: World, idle_s: float) -> None:
    """If it has gone without a word, as one that was killed over RDMA, only the question shows."""
    world.run(world.fs.stat("file"))
    world.reactor.advance(idle_s)
    asked: list[float] = []

    def script(ops: list[str]) -> str:
        if ops[-1] == "NULL":
            asked.append(world.reactor.now - start)
        return "silence" if ops[-1] == "CREATE" and not asked else "ok"

    world.server.script = script
    start = world.reactor.now
    task = Task(world.fs.mkdir("made"))
    world.reactor.advance(2.5)
    assert asked[0] < 2.1
    world.server.channels[-1].lose()
    world.reactor.turn(task)
    assert world.count("CREATE") == 1
    world.settle()


def test_a_slow_call_is_not_a_dead_server(world: World) -> None:
    """The server works on one call for a minute and answers NULL meanwhile: it is waited for."""
    channel = world.server.channels[-1]
    real = channel._arrive

    def slow(xid: int, message: bytes, max_reply: int) -> None:
        if b"slow" in message:
            world.reactor.call_at(world.reactor.now + 60, real, xid, message, max_reply)
        else:
            real(xid, message, max_reply)

    channel._arrive = slow  # type: ignore[method-assign]
    start = world.reactor.now
    world.run(world.fs.mkdir("slow"))
    assert world.reactor.now - start >= 60
    assert world.fs.stats.connections == 1
    world.settle()


def test_more_calls_than_slots_wait_their_turn(world: World) -> None:
    tasks = [Task(world.fs.stat("file")) for _ in range(50)]
    slots = world.fs.session.slots
    assert slots is not None
    assert slots.busy == 8
    for task in tasks:
        world.reactor.turn(task)
        assert task.result().st_size == 8
    world.settle()


def test_the_servers_target_of_slots_is_followed(world: World) -> None:
    world.server.target = 1
    world.run(world.fs.stat("file"))
    slots = world.fs.session.slots
    assert slots is not None
    tasks = [Task(world.fs.stat("file")) for _ in range(10)]
    assert slots.busy == 2
    world.server.target = 5
    for task in tasks:
        world.reactor.turn(task)
    assert slots.limit == 6


def test_many_calls_over_a_lost_connection(world: World) -> None:
    tasks = [Task(world.fs.mkdir(f"d{index}")) for index in range(30)]
    for _ in range(8):
        world.reactor.step()
    world.server.channels[-1].lose()
    for task in tasks:
        world.reactor.turn(task)
        task.result()
    assert world.count("CREATE") == 30
    world.settle()


@pytest.mark.parametrize("fate", ["ok", "lose reply", "lose call", "SEQUENCE NFS4ERR_DELAY"])
def test_a_cancelled_call_gives_its_slot_back_once_its_fate_is_known(
    world: World, fate: str
) -> None:
    world.once("CREATE", fate)
    task = Task(world.fs.mkdir("made"))
    task.cancel()
    with pytest.raises(Cancelled):
        task.result()
    slots = world.fs.session.slots
    assert slots is not None
    assert slots.busy == 1
    world.settle()


def test_a_call_cancelled_while_it_waits(world: World) -> None:
    tasks = [Task(world.fs.stat("file")) for _ in range(9)]
    tasks[-1].cancel()
    world.server.script = lambda ops: "SEQUENCE NFS4ERR_DELAY"
    world.reactor.advance(0.01)
    world.server.script = lambda ops: "ok"
    tasks[0].cancel()
    for task in tasks:
        world.reactor.turn(task)
    world.settle()


def test_a_call_cancelled_while_the_server_is_away(world: World) -> None:
    world.server.up = False
    world.once("CREATE", "lose reply")
    task = Task(world.fs.mkdir("made"))
    world.reactor.advance(0.5)
    task.cancel()
    assert isinstance(task.error(), Cancelled)
    world.server.up = True
    world.settle()


def test_memory_is_the_callers_again_only_when_no_answer_can_come(world: World) -> None:
    buffer = bytearray(100)
    file = world.run(world.fs.open("file"))
    task = Task(file.read_at(0, memoryview(buffer)))
    task.cancel()
    assert not task.done()
    task.cancel()
    assert not task.done()
    world.reactor.turn(task)
    with pytest.raises(Cancelled):
        task.result()
    world.run(file.close())
    world.settle()


def test_flags_that_concern_the_back_channel_bind_it_again_once(world: World) -> None:
    world.server.flags = t.SEQ4_STATUS_CB_PATH_DOWN
    for _ in range(5):
        world.run(world.fs.stat("file"))
    world.reactor.advance(1)
    assert world.server.log.count(["BIND_CONN_TO_SESSION"]) == 1


def test_a_server_that_restarted_with_its_sessions_asks_for_reclaims(world: World) -> None:
    world.run(world.fs.open("file"))
    world.server.grace = True
    world.server.flags = t.SEQ4_STATUS_RESTART_RECLAIM_NEEDED
    world.run(world.fs.stat("file"))
    world.server.flags = 0
    world.reactor.advance(1)
    assert ["SEQUENCE", "RECLAIM_COMPLETE"] in world.server.log
    assert world.fs.stats.reclaimed == 1
    world.settle()


def test_a_refused_call_is_tried_with_room_for_the_longest_reply(world: World) -> None:
    refused: list[int] = []

    def forge(reply: bytes) -> bytes | Exception:
        if not refused:
            refused.append(1)
            return CallRefused("ERR_CHUNK")
        return reply

    world.server.forge = forge
    assert world.run(world.fs.stat("file")).st_size == 8
    world.settle()
    refused.clear()
    with pytest.raises(ProtocolError, match="ERR_CHUNK"):
        world.run(world.fs.mkdir("made"))
    world.settle()


@pytest.mark.parametrize(
    "forge",
    [
        lambda reply: reply[:-4],
        lambda reply: b"",
        lambda reply: reply[:4] + b"\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\2",  # RPC_MISMATCH
        lambda reply: reply[:4] + b"\0\0\0\1\0\0\0\0" + bytes(8) + b"\0\0\0\4",  # GARBAGE_ARGS
        lambda reply: reply[:44] + b"another session." + reply[60:],
        lambda reply: reply[:60] + b"\1\1\1\1" + reply[64:],
    ],
)
def test_nonsense_is_an_error_and_the_slot_is_put_in_order(
    world: World, forge: Callable[[bytes], bytes]
) -> None:
    world.server.forge = forge
    task = Task(world.fs.mkdir("made"))
    for _ in range(2):
        world.reactor.step()
    world.server.forge = lambda reply: reply
    world.reactor.turn(task)
    with pytest.raises(ProtocolError):
        task.result()
    world.settle()


def test_a_server_that_only_talks_nonsense_ends_nothing_but_the_call(world: World) -> None:
    world.server.forge = lambda reply: reply[:-2]
    with pytest.raises(NfsError):
        world.run(world.fs.stat("file"))
    world.reactor.advance(30)
    world.server.forge = lambda reply: reply
    world.settle()


def test_refused_credentials_are_a_permission_error(world: World) -> None:
    denied = b"\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\5"
    real = world.server.handle

    def handle(channel: FakeChannel, message: bytes) -> bytes | Exception | None:
        if b"made" in message:  # refused before the slot is looked at: its id is not spent
            world.server.inline = 24
            return message[:4] + denied
        return real(channel, message)

    world.server.handle = handle  # type: ignore[method-assign]
    with pytest.raises(PermissionError, match="credentials"):
        world.run(world.fs.mkdir("made"))
    world.settle()


def test_too_small_a_session_is_refused() -> None:
    server = FakeServer(FakeReactor())
    server.max_ops = 4
    with pytest.raises(NfsError, match="too small"):
        server.mounted()


def test_a_delay_while_mounting_is_waited_for() -> None:
    server = FakeServer(FakeReactor())
    left = [3]

    def script(ops: list[str]) -> str:
        if ops == ["CREATE_SESSION"] and left[0]:
            left[0] -= 1
            return "NFS4ERR_DELAY"
        return "ok"

    server.script = script
    server.mounted()
    assert left == [0]


def test_unmounting_while_the_server_is_away(world: World) -> None:
    world.server.up = False
    world.server.channels[-1].lose()
    world.reactor.advance(0.2)
    world.run(world.fs.unmount())
    assert not world.server.executed


def test_unmounting_from_a_silent_server_ends_soon(world: World) -> None:
    world.server.script = lambda ops: "silence"
    start = world.reactor.now
    world.run(world.fs.unmount())
    assert world.reactor.now - start < 3


def test_a_silent_server_is_told_so_and_for_how_long(world: World) -> None:
    """Whether its machine takes connections still, as one does that is only stopped, or not."""
    world.run(world.fs.stat("file"))
    world.reactor.advance(1)
    world.server.script = lambda ops: "silence"
    with pytest.raises(
        TimeoutError, match=r"^\[Errno 110\] the server has not answered for [\d.]+ s"
    ):
        world.run(world.fs.stat("file"))


def test_a_server_that_is_silent_from_the_beginning() -> None:
    server = FakeServer(FakeReactor())
    server.script = lambda ops: "silence"
    fs = server.client(timeout=3.0)
    with pytest.raises(TimeoutError, match="has not answered for 3 s"):
        server.reactor.run(fs.mount())
