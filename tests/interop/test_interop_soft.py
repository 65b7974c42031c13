"""The wire below NFS: the soft provider on the host against soft-RoCE in a guest.

Who is named first in the peer column is the active side.
"""

from __future__ import annotations

import pytest
from conftest import Run, note_counters
from lab import tools
from lab.command import Result
from lab.guest import Guest
from lab.host import PYTHON
from lab.machine import Lab
from lab.netem import DAMAGE, DISORDER, DUPLICATES, LOSS, both_ways
from lab.network import LARGE_MTU, SMALL_MTU

pytestmark = pytest.mark.timeout(200)

RPING = (*PYTHON, "-m", "peers.rping")
UCMATOSE = (*PYTHON, "-m", "peers.ucmatose")

BAD_NETWORKS = {"loss": LOSS, "dup": DUPLICATES, "disorder": DISORDER, "damage": DAMAGE}

NETWORKS = pytest.mark.parametrize(
    ("mtu", "ipv6"),
    [(LARGE_MTU, False), (LARGE_MTU, True), (SMALL_MTU, False), (SMALL_MTU, True)],
    ids=["4096-ipv4", "4096-ipv6", "1024-ipv4", "1024-ipv6"],
)


def address(peer: Guest | object, ipv6: bool) -> str:
    """The peer's address of a family."""
    return str(peer.ipv6 if ipv6 else peer.ipv4)  # type: ignore[attr-defined]


def rping_to_linux(lab: Lab, case: Run, alpha: Guest, ipv6: bool, **size: int) -> Result:
    """Our rping client against the original's server."""
    target = address(alpha, ipv6)
    with tools.rping_server(alpha, target, **size) as server:
        argv = [*RPING, "client", target, "--rounds", size["iterations"], "--size", size["size"]]
        result = lab.host.run([str(word) for word in argv], timeout=40)
        assert server.wait(20).ok
    note_counters(case, result.stdout)
    return result


def rping_from_linux(lab: Lab, case: Run, alpha: Guest, ipv6: bool, **size: int) -> None:
    """The original's client against our rping server."""
    target = address(lab.host, ipv6)
    argv = [*RPING, "server", target, "--rounds", str(size["iterations"]), "--timeout", "100"]
    with lab.host.background(argv, case.folder / "soft.log", until="listening") as ours:
        tools.rping_client(alpha, target, **size, timeout=40)
        assert ours.process.wait(20) == 0, ours.output()
    note_counters(case, ours.output())


@NETWORKS
def test_soft_rping_client(lab: Lab, case: Run, alpha: Guest, mtu: int, ipv6: bool) -> None:
    case.describe("soft - rping", f"IPv{6 if ipv6 else 4} MTU {mtu}")
    lab.set_mtu(mtu)
    try:
        rping_to_linux(lab, case, alpha, ipv6, iterations=10, size=60000)
    finally:
        lab.set_mtu(LARGE_MTU)


@NETWORKS
def test_soft_rping_server(lab: Lab, case: Run, alpha: Guest, mtu: int, ipv6: bool) -> None:
    case.describe("rping - soft", f"IPv{6 if ipv6 else 4} MTU {mtu}")
    lab.set_mtu(mtu)
    try:
        rping_from_linux(lab, case, alpha, ipv6, iterations=10, size=60000)
    finally:
        lab.set_mtu(LARGE_MTU)


@pytest.mark.parametrize("kind", BAD_NETWORKS)
def test_soft_rping_client_on_a_bad_network(lab: Lab, case: Run, alpha: Guest, kind: str) -> None:
    case.describe("soft - rping", BAD_NETWORKS[kind])
    with both_ways(alpha, BAD_NETWORKS[kind]):
        rping_to_linux(lab, case, alpha, ipv6=False, iterations=5, size=60000)


@pytest.mark.parametrize("kind", BAD_NETWORKS)
def test_soft_rping_server_on_a_bad_network(lab: Lab, case: Run, alpha: Guest, kind: str) -> None:
    case.describe("rping - soft", BAD_NETWORKS[kind])
    with both_ways(alpha, BAD_NETWORKS[kind]):
        rping_from_linux(lab, case, alpha, ipv6=False, iterations=5, size=60000)


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_soft_ucmatose_client(lab: Lab, case: Run, alpha: Guest, ipv6: bool) -> None:
    case.describe("soft - ucmatose", f"IPv{6 if ipv6 else 4}, 4 connections")
    target = address(alpha, ipv6)
    with tools.ucmatose_server(alpha, target, connections=4) as server:
        result = lab.host.run([*UCMATOSE, "client", target, "--connections", "4"])
        assert server.wait(20).ok
    note_counters(case, result.stdout)


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_soft_ucmatose_server(lab: Lab, case: Run, alpha: Guest, ipv6: bool) -> None:
    case.describe("ucmatose - soft", f"IPv{6 if ipv6 else 4}, 4 connections")
    target = address(lab.host, ipv6)
    argv = [*UCMATOSE, "server", target, "--connections", "4"]
    with lab.host.background(argv, case.folder / "soft.log", until="listening") as ours:
        tools.ucmatose_client(alpha, target, connections=4)
        assert ours.process.wait(20) == 0, ours.output()
    note_counters(case, ours.output())


def test_soft_is_refused_by_linux(lab: Lab, case: Run, alpha: Guest) -> None:
    case.describe("soft - nobody", "no listener")
    result = lab.host.run([*RPING, "client", alpha.ipv4], check=False, timeout=30)
    assert not result.timed_out
    assert "ConnectionRejected" in result.stderr


def test_linux_is_refused_by_soft(lab: Lab, case: Run, alpha: Guest) -> None:
    case.describe("rping - soft", "no listener at this port")
    # A server on another port, so that somebody answers at all.
    argv = [*RPING, "server", lab.host.ipv4, "--port", "9"]
    with lab.host.background(argv, case.folder / "soft.log", until="listening"):
        refused = tools.rping_client(alpha, lab.host.ipv4, check=False, timeout=30)
    assert not refused.timed_out
    assert "REJECTED" in refused.stdout + refused.stderr


def test_soft_loses_its_peer(lab: Lab, case: Run, alpha: Guest) -> None:
    """rping is killed in mid-traffic: its kernel says good-bye for it, and we notice."""
    case.describe("rping - soft", "killed while it talks")
    argv = [*RPING, "server", lab.host.ipv4, "--rounds", "0"]
    with lab.host.background(argv, case.folder / "soft.log", until="listening") as ours:
        client = alpha.start(f"rping -c -a {lab.host.ipv4} -p {tools.RPING_PORT} -S 60000")
        alpha.run("sleep 1")
        assert client.running
        client.signal(9)
        ours.process.wait(20)
        assert " rounds" in ours.output()
