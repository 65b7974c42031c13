"""Linux on both sides: what the lab itself can do, and the yardstick for the cases with us.

A case here that fails says that the lab is broken, or Linux is, not we.
"""

from __future__ import annotations

import pytest
import workloads
from conftest import Run
from lab import nfs, tools
from lab.guest import Guest
from lab.machine import Lab
from lab.netem import DAMAGE, DISORDER, DUPLICATES, LOSS, both_ways
from lab.network import LARGE_MTU, SMALL_MTU
from lab.nfs import Knfsd, Transport
from workloads import Site, Workload

pytestmark = [pytest.mark.timeout(300), pytest.mark.yardstick]


@pytest.fixture(autouse=True)
def both(beta: Guest) -> None:
    """These cases need the second guest; ask for it before the case starts to watch the log."""


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("mtu", [LARGE_MTU, SMALL_MTU])
def test_rping(lab: Lab, case: Run, alpha: Guest, beta: Guest, mtu: int, ipv6: bool) -> None:
    case.describe("rping - rping", f"IPv{6 if ipv6 else 4} MTU {mtu}")
    address = alpha.ipv6 if ipv6 else alpha.ipv4
    lab.set_mtu(mtu)
    try:
        with tools.rping_server(alpha, address, size=20000) as server:
            tools.rping_client(beta, address, size=20000)
            assert server.wait(10).ok
    finally:
        lab.set_mtu(LARGE_MTU)


@pytest.mark.parametrize(
    "treatment", [LOSS, DUPLICATES, DISORDER, DAMAGE], ids=["loss", "dup", "disorder", "damage"]
)
def test_rping_on_a_bad_network(case: Run, alpha: Guest, beta: Guest, treatment: str) -> None:
    case.describe("rping - rping", treatment)
    parameters = {"iterations": 5, "size": 60000}
    with (
        both_ways(alpha, treatment),
        tools.rping_server(alpha, alpha.ipv4, **parameters),
    ):
        tools.rping_client(beta, alpha.ipv4, **parameters, timeout=120)


def test_ucmatose(case: Run, alpha: Guest, beta: Guest) -> None:
    case.describe("ucmatose - ucmatose", "4 connections")
    with tools.ucmatose_server(alpha, alpha.ipv4, connections=4) as server:
        tools.ucmatose_client(beta, alpha.ipv4, connections=4)
        assert server.wait(10).ok


def test_ibv_rc_pingpong(case: Run, alpha: Guest, beta: Guest) -> None:
    case.describe("ibv_rc_pingpong - itself", "no CM")
    options = "-s 8192 -n 50"
    with tools.pingpong_server(alpha, alpha.ipv4, options) as server:
        tools.pingpong_client(beta, beta.ipv4, alpha.ipv4, options)
        assert server.wait(10).ok


@pytest.mark.parametrize("tool", ["ib_send_bw", "ib_write_bw", "ib_read_bw"])
def test_perftest(case: Run, alpha: Guest, beta: Guest, tool: str) -> None:
    """Without ``-R``: with it, perftest 4.5-0.17 is at odds with itself. Its client may ask for the
    second connection before the server listens for it, is refused, and crashes in librdmacm."""
    case.describe(f"{tool} - itself", "no CM")
    options = f"-F -x {tools.gid_index(alpha, alpha.ipv4)} -s 65536 -n 100"
    with tools.perftest_server(alpha, tool, options):
        rate = tools.perftest_client(beta, tool, alpha.ipv4, options)
    case.row.notes["MB/s"] = f"{rate:.0f}"


@pytest.mark.parametrize(
    "transport",
    [
        Transport("rdma", "4.1"),
        Transport("rdma", "4.0"),
        Transport("rdma", "4.2", ipv6=True),
        Transport("tcp", "4.2"),
    ],
    ids=str,
)
def test_copy_a_tree(
    case: Run, knfsd: Knfsd, tree: str, alpha: Guest, beta: Guest, transport: Transport
) -> None:
    case.describe("Linux client - knfsd", transport)
    with nfs.mounted(beta, transport.address(alpha), transport) as point:
        workloads.copy_tree(Site(beta, point, tree))


@pytest.mark.parametrize(
    "workload", [*workloads.BASIC, *workloads.SECOND, *workloads.LISTS], ids=workloads.name
)
def test_workload(
    case: Run, knfsd: Knfsd, tree: str, alpha: Guest, beta: Guest, workload: Workload
) -> None:
    """That the workloads themselves are right: knfsd must pass what our server has to."""
    transport = Transport("rdma", "4.2")
    case.describe("Linux client - knfsd", transport)
    with nfs.mounted(beta, alpha.ipv4, transport) as point:
        workload(Site(beta, point, tree))


@pytest.mark.parametrize("kind", ["fcntl", "flock"])
def test_locks(case: Run, knfsd: Knfsd, tree: str, alpha: Guest, beta: Guest, kind: str) -> None:
    transport = Transport("rdma", "4.2")
    case.describe("Linux clients - knfsd", transport)
    with (
        nfs.mounted(beta, alpha.ipv4, transport) as one,
        nfs.mounted(beta, alpha.ipv4, transport, options="nosharecache") as other,
    ):
        workloads.locks(Site(beta, one, tree), Site(beta, other, tree), kind)


def test_copy_with_loss(case: Run, knfsd: Knfsd, alpha: Guest, beta: Guest) -> None:
    transport = Transport("rdma", "4.2")
    case.describe("Linux client - knfsd", f"{transport}, {LOSS}")
    mount = nfs.mounted(beta, alpha.ipv4, transport, options=nfs.IMPATIENT)
    with mount as point, both_ways(alpha, LOSS):
        beta.run("head -c 2M /dev/urandom >/tmp/data")
        beta.run(f"cp /tmp/data {point}/data && sync -f {point}", timeout=200)
        nfs.drop_caches(beta)
        beta.run(f"cmp /tmp/data {point}/data", timeout=200)


def test_server_restarts_during_a_copy(case: Run, knfsd: Knfsd, alpha: Guest, beta: Guest) -> None:
    transport = Transport("rdma", "4.1")
    case.describe("Linux client - knfsd", f"{transport}, restart")
    beta.run("head -c 4M /dev/urandom >/tmp/data")
    with nfs.mounted(beta, alpha.ipv4, transport) as point:
        with nfs.loaded_by_copy(beta, "/tmp/data", f"{point}/data"):
            knfsd.restart()
        nfs.drop_caches(beta)
        beta.run(f"cmp /tmp/data {point}/data", timeout=60)
