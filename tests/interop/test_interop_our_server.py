"""The Linux kernel's NFS client in a guest against our server on the bridge."""

from __future__ import annotations

import pytest
import workloads
from conftest import Run
from lab import nfs
from lab.guest import Guest
from lab.machine import Lab
from lab.netem import DAMAGE, DISORDER, LOSS, both_ways
from lab.network import LARGE_MTU, SMALL_MTU
from lab.nfs import Transport
from peers.server import OurServer
from workloads import Site, Workload

pytestmark = pytest.mark.timeout(240)

PEER = "Linux client - ours"

RDMA_40 = Transport("rdma", "4.0")
RDMA_41 = Transport("rdma", "4.1")
RDMA_42 = Transport("rdma", "4.2")
TCP_40 = Transport("tcp", "4.0")
TCP_41 = Transport("tcp", "4.1")
TCP_42 = Transport("tcp", "4.2")
EVERY = pytest.mark.parametrize(
    "transport", [RDMA_40, RDMA_41, RDMA_42, TCP_40, TCP_41, TCP_42], ids=str
)


@EVERY
def test_server_copy_tree(
    lab: Lab, case: Run, our_server: OurServer, tree: str, alpha: Guest, transport: Transport
) -> None:
    """A tree in and out; the folder on the host must hold the very same."""
    case.describe(PEER, transport)
    with nfs.mounted(alpha, lab.host.ipv4, transport) as point:
        alpha.run(f"cp -a {tree} {point}/copy && sync -f {point}", timeout=120)
        nfs.drop_caches(alpha)
        wanted = nfs.checksums(alpha, tree)
        assert nfs.checksums(alpha, f"{point}/copy") == wanted
        assert nfs.host_checksums(lab.host, our_server.folder / "copy") == wanted
        alpha.run(f"rm -r {point}/copy")
    assert list(our_server.folder.iterdir()) == []


def test_server_copy_tree_over_ipv6(
    lab: Lab, case: Run, our_server: OurServer, tree: str, alpha: Guest
) -> None:
    transport = Transport("rdma", "4.2", ipv6=True)
    case.describe(PEER, transport)
    our_server.stop()
    our_server.start(lab.host.ipv6)
    with nfs.mounted(alpha, lab.host.ipv6, transport) as point:
        workloads.copy_tree(Site(alpha, point, tree))


def test_server_copy_tree_with_small_packets(
    lab: Lab, case: Run, our_server: OurServer, tree: str, alpha: Guest
) -> None:
    case.describe(PEER, f"{RDMA_42}, MTU {SMALL_MTU}")
    lab.set_mtu(SMALL_MTU)
    try:
        with nfs.mounted(alpha, lab.host.ipv4, RDMA_42) as point:
            workloads.copy_tree(Site(alpha, point, tree))
    finally:
        lab.set_mtu(LARGE_MTU)


CASES = [
    *(pytest.param(TCP_40, each, id=f"4.0-{each.__name__}") for each in workloads.BASIC[1:]),
    *(pytest.param(RDMA_41, each, id=f"4.1-{each.__name__}") for each in workloads.BASIC[1:]),
    *(
        pytest.param(RDMA_42, each, id=f"4.2-{each.__name__}")
        for each in (*workloads.BASIC[1:], *workloads.SECOND)
    ),
]


@pytest.mark.parametrize(("transport", "workload"), CASES)
def test_server_workload(
    lab: Lab,
    case: Run,
    our_server: OurServer,
    tree: str,
    alpha: Guest,
    transport: Transport,
    workload: Workload,
) -> None:
    case.describe(PEER, transport)
    with nfs.mounted(alpha, lab.host.ipv4, transport) as point:
        workload(Site(alpha, point, tree))


@pytest.mark.parametrize("transport", [RDMA_41, RDMA_42], ids=str)
def test_server_large_folder(
    lab: Lab, case: Run, our_server: OurServer, alpha: Guest, transport: Transport
) -> None:
    """Ten thousand names: READDIR replies that need a reply chunk."""
    case.describe(PEER, transport)
    folder = our_server.folder / "many"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"a-name-of-some-length-{number:05}").touch()
    with nfs.mounted(alpha, lab.host.ipv4, transport) as point:
        listed = alpha.run(f"ls -f {point}/many", timeout=120).stdout.split()
    names = [name for name in listed if not name.startswith(".")]
    assert sorted(names) == sorted(path.name for path in folder.iterdir())
    assert len(names) == 10_000


@pytest.mark.parametrize("kind", ["fcntl", "flock"])
def test_server_locks_between_mounts(
    lab: Lab, case: Run, our_server: OurServer, tree: str, alpha: Guest, kind: str
) -> None:
    case.describe("Linux clients - ours", RDMA_42)
    with (
        nfs.mounted(alpha, lab.host.ipv4, RDMA_42) as one,
        nfs.mounted(alpha, lab.host.ipv4, RDMA_42, options="nosharecache") as other,
    ):
        workloads.locks(Site(alpha, one, tree), Site(alpha, other, tree), kind)


@pytest.mark.parametrize("treatment", [LOSS, DISORDER, DAMAGE], ids=["loss", "disorder", "damage"])
def test_server_copy_on_a_bad_network(
    lab: Lab, case: Run, our_server: OurServer, alpha: Guest, treatment: str
) -> None:
    case.describe(PEER, f"{RDMA_42}, {treatment}")
    alpha.run("head -c 2M /dev/urandom >/tmp/data")
    mount = nfs.mounted(alpha, lab.host.ipv4, RDMA_42, options=nfs.IMPATIENT)
    with mount as point, both_ways(alpha, treatment):
        alpha.run(f"cp /tmp/data {point}/data && sync -f {point}", timeout=100)
        nfs.drop_caches(alpha)
        alpha.run(f"cmp /tmp/data {point}/data", timeout=100)


@pytest.mark.parametrize("transport", [RDMA_41, RDMA_42, TCP_42], ids=str)
def test_server_killed_during_a_copy(
    lab: Lab, case: Run, our_server: OurServer, alpha: Guest, transport: Transport
) -> None:
    """The server dies and comes back: the client reclaims its open, and nothing is lost."""
    case.describe(PEER, f"{transport}, killed")
    case.expect_log(r"not responding", r"nfs: server .* OK")
    alpha.run("head -c 4M /dev/urandom >/tmp/data")
    with nfs.mounted(alpha, lab.host.ipv4, transport, options=nfs.IMPATIENT) as point:
        with nfs.loaded_by_copy(alpha, "/tmp/data", f"{point}/data"):
            alpha.run("sleep 0.5")
            our_server.kill()
            our_server.start()
        nfs.drop_caches(alpha)
        alpha.run(f"cmp /tmp/data {point}/data", timeout=60)


def test_server_ends_politely(lab: Lab, case: Run, our_server: OurServer, alpha: Guest) -> None:
    """SIGTERM with a client mounted: it ends at once and says no error."""
    case.describe(PEER, RDMA_42)
    case.expect_log(r"not responding", r"nfs: server .* OK")
    with nfs.mounted(alpha, lab.host.ipv4, RDMA_42, options=nfs.IMPATIENT) as point:
        alpha.run(f"echo kept >{point}/f")
        assert our_server.stop() == 0
        our_server.start()
        nfs.drop_caches(alpha)
        assert alpha.run(f"cat {point}/f", timeout=90).stdout == "kept\n"


@pytest.mark.parametrize("transport", [RDMA_42, TCP_41], ids=str)
def test_server_delegations(
    lab: Lab, case: Run, our_server: OurServer, alpha: Guest, beta: Guest, transport: Transport
) -> None:
    """One client is delegated files; what the other one opens is recalled, with its data."""
    case.describe("Linux clients - ours", f"{transport}, delegations")
    our_server.stop()
    our_server.start(options=["--delegations"])
    with (
        nfs.mounted(alpha, lab.host.ipv4, transport) as one,
        nfs.mounted(beta, lab.host.ipv4, transport) as other,
    ):
        # Reading: further opens are the client's own affair, until somebody wants to write.
        alpha.run(f"echo before >{one}/read && cat {one}/read")
        opens, returns = _calls(alpha, one, "OPEN"), _calls(alpha, one, "DELEGRETURN")
        alpha.run(f"for i in 1 2 3 4 5 6 7 8; do cat {one}/read; done")
        assert _calls(alpha, one, "OPEN") == opens
        beta.run(f"echo after >{other}/read")
        assert _calls(alpha, one, "DELEGRETURN") == returns + 1
        assert alpha.run(f"cat {one}/read").stdout == "after\n"
        # Writing: what the holder has not written yet is there for whoever opens.
        holds = f"(exec 3<>{one}/written; echo kept >&3; exec sleep 60) >/dev/null 2>&1 & echo $!"
        process = alpha.run(holds).stdout.strip()
        alpha.run(f"until grep -qs kept {one}/written; do sleep 0.1; done")
        assert beta.run(f"cat {other}/written").stdout == "kept\n"
        assert _calls(alpha, one, "DELEGRETURN") == returns + 2
        alpha.run(f"kill {process}; while [ -e /proc/{process}/fd/3 ]; do sleep 0.1; done")
        case.row.notes["delegations returned"] = "2"


def _calls(guest: Guest, point: str, operation: str) -> int:
    """Return how often a mount has called an operation; for OPEN in any of its forms."""
    script = f"awk '/ mounted on /{{on = ($5 == \"{point}\")}} on' /proc/self/mountstats"
    counts = 0
    for line in guest.run(script).stdout.splitlines():
        name, _, rest = line.strip().partition(":")
        if name == operation or (operation == "OPEN" and name == "OPEN_NOATTR"):
            counts += int(rest.split()[0])
    return counts
