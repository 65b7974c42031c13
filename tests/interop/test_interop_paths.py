"""Our client with two paths to the kernel's NFS server, one of which is cut."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Callable, Iterator

import pytest
from conftest import Run
from lab import nfs
from lab.guest import Guest
from lab.host import NFSRDMA
from lab.machine import Lab
from lab.netem import netem
from lab.network import BRIDGE, HOST_NUMBER, ipv4, ipv6
from lab.nfs import Knfsd, Transport

pytestmark = pytest.mark.timeout(300)

OVER_RDMA = (Transport("rdma", "4.2"), Transport("rdma", "4.2", ipv6=True))
OVER_TCP = (Transport("tcp", "4.2"), Transport("tcp", "4.2", ipv6=True))
OVER_BOTH = (Transport("rdma", "4.2"), Transport("tcp", "4.2", ipv6=True))

PAIRS = [OVER_RDMA, OVER_TCP, OVER_BOTH]

_NOBODY = "52:54:00:99:00:fe"
"""An Ethernet address that is nobody's: what goes there is lost, and nobody notices.

What a route refuses is an error for whoever sends, of which soft-RoCE's queue pair for making
connections does not recover.
"""


@contextlib.contextmanager
def from_the_server(lab: Lab, alpha: Guest, v6: bool) -> Iterator[None]:
    """What the guest sends to us is lost, and what we send arrives."""
    host = f"{ipv6(HOST_NUMBER) if v6 else ipv4(HOST_NUMBER)} dev eth0"
    alpha.run(f"ip neigh replace {host} lladdr {_NOBODY} nud permanent")
    try:
        yield
    finally:
        alpha.run(f"ip neigh del {host}")


@contextlib.contextmanager
def to_the_server(lab: Lab, alpha: Guest, v6: bool) -> Iterator[None]:
    """What we send to the guest is lost, and what it sends arrives: it is waited for in vain."""
    guest = [alpha.ipv6 if v6 else alpha.ipv4, "dev", BRIDGE]
    lab.host.run(["ip", "neigh", "replace", *guest, "lladdr", _NOBODY, "nud", "permanent"])
    try:
        yield
    finally:
        lab.host.run(["ip", "neigh", "del", *guest])


_MANY = 64
_MIB = 128
_RATE = "rate 300mbit"
"""With this much to copy, at most so fast, a path is cut long before all is copied."""

CUTS = [from_the_server, to_the_server]


@pytest.fixture
def threads(knfsd: Knfsd) -> Iterator[None]:
    """More threads of knfsd than there are calls at a time.

    In 6.1 each waits for the client's memory that it reads or writes. With few all wait at the path
    that is cut, for about 15 s, and nobody is left who could answer over the other one.
    """
    knfsd.set_threads(_MANY)
    yield
    knfsd.set_threads(nfs.THREADS)


# Twelve of these take some minutes: no part of the short form.
@pytest.mark.long
@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "+".join(map(str, pair)))
def test_one_of_two_paths_is_cut(
    lab: Lab,
    case: Run,
    knfsd: Knfsd,
    threads: None,
    alpha: Guest,
    pair: tuple[Transport, Transport],
    which: int,
    cut: Callable[[Lab, Guest, bool], contextlib.AbstractContextManager[None]],
) -> None:
    """knfsd says that it is the same server at both (trunking); a copy goes on over the other.

    Then knfsd serves a new client as if nothing had been.
    """
    case.describe("ours - knfsd", f"{pair[0]} and {pair[1]}")
    data = case.folder / "data"
    rng = random.Random(which)
    data.write_bytes(b"".join(rng.randbytes(1 << 20) for _ in range(_MIB)))
    second = pair[1].url(alpha).partition("?")[0]
    argv = [*NFSRDMA, "put", "-v", "--path", second, data, pair[0].url(alpha, "/data")]
    slow = netem(alpha, received=_RATE)
    with slow, lab.host.background(argv, case.folder / "put.log") as put:
        begun = f"find {knfsd.export} -type f -size +256k | grep -q ."
        alpha.run(f"until {begun}; do sleep 0.1; done", timeout=30)
        with cut(lab, alpha, pair[which].ipv6):
            code = put.process.wait(120)
            if code:
                (case.folder / "nfsd.stacks").write_text(knfsd.stacks())
            assert code == 0, put.output()
    assert "is no path to it" not in put.output()
    # TCP beside RDMA is the last resort: nothing goes that way as long as there is RDMA.
    if pair[which].proto == pair[0].proto:
        name = re.sub(r":\d+/.*", "/", pair[which].url(alpha))
        assert f"{name}: this path is left: no answer over it" in put.output()
    size = alpha.run(f"sha256sum {knfsd.export}/data", timeout=60).stdout.split()[0]
    assert size == lab.host.run(["sha256sum", data]).stdout.split()[0]
    alpha.run(f"rm {knfsd.export}/data")
    data.unlink()
    lab.host.nfsrdma("ls", "--timeout", "30", pair[which].url(alpha), timeout=60)
