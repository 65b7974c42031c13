"""Whoever lies at the meeting place of those who share a UDP port gets nothing and stops nobody."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from tests.support.hosts import loopback

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.sharing import SharedPort, place, post
from nfsrdma.rpcrdma.providers.sharing import port as port_module
from nfsrdma.rpcrdma.providers.sharing.book import MAX_CLAIMS
from nfsrdma.rpcrdma.providers.sharing.port import MAX_MEMBERS
from nfsrdma.rpcrdma.providers.soft import SoftDevice
from nfsrdma.rpcrdma.roce.wire.addressee import Number

HERE = loopback(3)
_TREE = Path(__file__).parents[2]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")
NOBODY = 65534


@pytest.fixture
def reactor() -> Iterator[SelectReactor]:
    made = SelectReactor()
    yield made
    made.close()


@pytest.fixture
def keeper(reactor: SelectReactor) -> Iterator[SharedPort]:
    device = SoftDevice(reactor, rng=Random(1), address=HERE)
    yield port_of(device)
    device.close()


def port_of(device: SoftDevice) -> SharedPort:
    (port,) = device._ports
    assert isinstance(port, SharedPort)
    return port


def join(reactor: SelectReactor, keeper: SharedPort) -> socket.socket:
    """Knock, and take the welcome."""
    where = place.Place(HERE)
    before = keeper.members
    with where.alone() as directory:
        found = where.find(directory)
    assert found is not None
    reactor.run_until(lambda: keeper.members == before + 1, 10)
    message, fds, _, _ = socket.recv_fds(found, 100, 4)
    assert message == bytes((post.Kind.WELCOME,))
    for fd in fds:
        os.close(fd)
    return found


@pytest.mark.parametrize(
    "messages",
    [
        [b"\xff"],
        [b"\x02abc"],
        [bytes((post.Kind.WELCOME,))],
        [bytes((post.Kind.DATAGRAMS,)) + b"\xff" * 20],
        [post.datagrams(("not an address", 1), 40)],
        list(post.about(post.Kind.CLAIM, [(Number.QUEUE_PAIR, n) for n in range(MAX_CLAIMS + 1)])),
    ],
)
def test_nonsense_ends_the_membership(
    reactor: SelectReactor, keeper: SharedPort, messages: list[bytes]
) -> None:
    with join(reactor, keeper) as liar, join(reactor, keeper):
        for message in messages:
            liar.send(message)
        reactor.run_until(lambda: keeper.members == 1, 10)
        assert keeper.keeps


def test_datagrams_of_any_kind_are_survived(reactor: SelectReactor, keeper: SharedPort) -> None:
    rng = Random(2)
    with join(reactor, keeper) as liar:
        for _ in range(300):
            host = rng.choice(["127.0.0.1", "::1", "x", "1.2.3.4%eth0"])
            head = post.datagrams((host, rng.randrange(65536)), rng.randrange(1, 100))
            liar.setblocking(True)
            liar.send(head + rng.randbytes(rng.randrange(1, 300)))
            reactor.turn(0)
        assert keeper.members == 1


def test_members_are_bounded(reactor: SelectReactor, keeper: SharedPort) -> None:
    where = place.Place(HERE)
    knocking = []
    for number in range(MAX_MEMBERS + 10):
        with where.alone() as directory:
            found = where.find(directory)
        assert found is not None
        knocking.append(found)
        reactor.run_until(lambda n=number: keeper.members == min(n + 1, MAX_MEMBERS), 10)
    reactor.run_until(lambda: bool(select.select(knocking[-1:], [], [], 0)[0]), 10)
    assert knocking[-1].recv(100) == b"", "whoever comes later is sent away"
    for each in knocking:
        each.close()
    reactor.run_until(lambda: keeper.members == 0, 10)


@pytest.mark.parametrize("what", ["a file", "a TCP socket", "nothing", "another port"])
def test_a_keeper_that_passes_something_else(
    reactor: SelectReactor, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is of this user, so a mistake; but nothing is sent through what is no such socket."""
    monkeypatch.setattr(port_module, "_PATIENCE_S", 0.05)
    where, fds = place.Place(HERE), []
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind((HERE, 4791))
    with where.alone() as directory:
        name = where.keep(directory)
    port = SharedPort(
        HERE,
        reactor,
        Counter(),
        on_receive=lambda *_: None,
        on_turn=lambda: None,
        on_writable=lambda: None,
        on_taken=lambda _: None,
    )
    accepted, _ = name.socket.accept()
    kind = socket.SOCK_STREAM if "TCP" in what else socket.SOCK_DGRAM
    other = socket.socket(socket.AF_INET, kind)
    if what == "a file":
        fds = [os.open(os.devnull, os.O_RDWR)]
    elif what != "nothing":
        fds = [other.fileno()]
    socket.send_fds(accepted, [bytes((post.Kind.WELCOME,))], fds)
    name.close()  # and it ends
    accepted.close()
    reactor.run_until(lambda: port.failure is not None, 20)
    port.close()
    other.close()
    taken.close()


def test_a_directory_of_somebody_else_is_not_used(
    reactor: SelectReactor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nobody can be found, and the port is this program's alone."""
    squatted = tmp_path / "squatted"
    squatted.mkdir()
    squatted.chmod(0o777)
    monkeypatch.setattr(place, "directory_of", lambda _: str(squatted))
    device = SoftDevice(reactor, rng=Random(1), address=HERE)
    assert not port_of(device).keeps
    assert list(squatted.iterdir()) == []
    device.listen(HERE, 7001, lambda request: None)
    device.close()


KEEPER = """
import encodings.idna, os, sys
from random import Random
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.soft import SoftDevice
os.setgroups([]); os.setgid(65534); os.setuid(65534)
reactor = SelectReactor()
device = SoftDevice(reactor, rng=Random(1), address=sys.argv[1])
print(device._ports[0]._place._path, flush=True)
reactor.run_forever()
"""


@AS_ROOT
def test_another_user_is_not_taken_in_not_even_root() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KEEPER, HERE], cwd=_TREE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            where = process.stdout.readline().strip()
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as knocking:
                knocking.settimeout(20)
                knocking.connect(f"{where}/{HERE}")
                assert knocking.recv(100) == b"", "closed without a welcome"
            reactor = SelectReactor()
            with pytest.raises(OSError, match="another user"):
                SoftDevice(reactor, rng=Random(2), address=HERE)
            reactor.close()
        finally:
            process.kill()
