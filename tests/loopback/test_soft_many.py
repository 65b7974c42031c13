"""Many client programs at once on one address of the soft provider, in processes of their own."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.nfs_live import LiveServer

from nfsrdma.server import Export, LocalFileSystem, Server

_TREE = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[LiveServer]:
    server = LiveServer(rdma=True)
    yield server
    server.stop()


class Program:
    """A client program (``tests.support.soft_worker``)."""

    def __init__(self, url: str, *, uid: int, mounts: int, rounds: int, octets: int):
        local = url.partition("://")[2].rpartition(":")[0].rpartition(".")[0] + ".99"
        numbers = map(str, (uid, mounts, rounds, octets))
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "tests.support.soft_worker", url, local, *numbers,
            ],
            cwd=_TREE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def rest(self) -> list[str]:
        assert self.process.stdout is not None
        return self.process.stdout.read().split()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_one_of_three_is_killed(server: LiveServer) -> None:
    """It is the one that reads the port for all; the others go on, and nothing is lost."""
    me = os.geteuid()
    with ExitStack() as held:
        programs = []
        for rounds in (10_000, 30, 30):
            program = Program(server.rdma_url, uid=me, mounts=1, rounds=rounds, octets=300_000)
            programs.append(held.enter_context(program))
            assert program.hear() == "mounted"
        keeper, *others = programs
        for program in programs:
            program.go()
        assert [program.hear() for program in programs] == ["1", "1", "1"]
        keeper.process.send_signal(signal.SIGKILL)
        for program in others:
            assert program.rest()[-1:] == ["done"]


def test_a_keeper_that_is_stopped_stops_nobody(server: LiveServer) -> None:
    me = os.geteuid()
    with ExitStack() as held:
        keeper = held.enter_context(
            Program(server.rdma_url, uid=me, mounts=1, rounds=9999, octets=30_000)
        )
        assert keeper.hear() == "mounted"
        other = held.enter_context(
            Program(server.rdma_url, uid=me, mounts=1, rounds=5, octets=30_000)
        )
        assert other.hear() == "mounted"
        keeper.go()
        assert keeper.hear() == "1"
        keeper.process.send_signal(signal.SIGSTOP)
        other.go()
        assert other.rest()[-1:] == ["done"]


def test_sixty_four_mounts_at_once(server: LiveServer) -> None:
    me = os.geteuid()
    with ExitStack() as held:
        programs = [
            held.enter_context(Program(server.rdma_url, uid=me, mounts=16, rounds=2, octets=20_000))
            for _ in range(4)
        ]
        assert [program.hear() for program in programs] == ["mounted"] * 4
        packed = bytes(map(int, f"{server.address.rpartition('.')[0]}.99".split(".")))
        bound = f"{int.from_bytes(packed, sys.byteorder):08X}:{4791:04X}"
        assert Path("/proc/net/udp").read_text().count(bound) == 1, "they share one socket"
        for program in programs:
            program.go()
        for program in programs:
            assert program.rest() == ["1", "2", "done"]


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become other users")
DAEMON, NOBODY = 1, 65534


@AS_ROOT
def test_several_users_on_one_address(server: LiveServer) -> None:
    """The first one has UDP port 4791; the others have ports of their own, and it may be killed."""
    with ExitStack() as held:
        programs = []
        for uid, rounds in ((DAEMON, 10_000), (NOBODY, 10), (NOBODY, 10), (0, 10)):
            program = Program(server.rdma_url, uid=uid, mounts=1, rounds=rounds, octets=200_000)
            programs.append(held.enter_context(program))
            assert program.hear() == "mounted"
        first, *others = programs
        for program in programs:
            program.go()
        assert [program.hear() for program in programs] == ["1"] * 4
        first.process.send_signal(signal.SIGKILL)
        for program in others:
            assert program.rest()[-1:] == ["done"]


@AS_ROOT
def test_a_server_tells_users_of_one_address_apart(tmp_path: Path) -> None:
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(0o755)
    tmp_path.chmod(0o777)
    address = f"127.{random.randrange(16, 240)}.{random.randrange(256)}.3"
    exports = [Export("", LocalFileSystem(tmp_path))]
    with (
        Server(exports, addresses=[address], rdma_port=0, ephemeral=True) as served,
        ExitStack() as held,
    ):
        for uid in (DAEMON, NOBODY, 0):
            program = Program(served.urls[0], uid=uid, mounts=1, rounds=10_000, octets=1000)
            held.enter_context(program)
            assert program.hear() == "mounted"
            program.go()
            assert program.hear() == "1"
            (made,) = tmp_path.glob(f"{program.process.pid}-0")
            assert made.stat().st_uid == uid
        # A claim to be somebody else is not believed, from whichever port it comes.
        liar = Program(served.urls[0] + "?uid=0", uid=NOBODY, mounts=1, rounds=1, octets=1)
        assert held.enter_context(liar).hear() == ""
