"""Our client with two paths to the kernel's NFS server, one of which is cut."""

from __future__ import annotations

import random

import pytest
from conftest import Run
from lab.guest import Guest
from lab.host import NFSRDMA
from lab.machine import Lab
from lab.network import HOST_NUMBER, ipv4, ipv6
from lab.nfs import Knfsd, Transport

pytestmark = pytest.mark.timeout(200)

# Where an RDMA connection goes silent in the midst of a WRITE, threads of knfsd may wait for more
# than two minutes, and answer nobody: so these are no part of the short form.
PAIRS = [
    pytest.param(
        (Transport("rdma", "4.2"), Transport("rdma", "4.2", ipv6=True)), marks=pytest.mark.long
    ),
    (Transport("tcp", "4.2"), Transport("tcp", "4.2", ipv6=True)),
    pytest.param(
        (Transport("rdma", "4.2"), Transport("tcp", "4.2", ipv6=True)), marks=pytest.mark.long
    ),
]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "+".join(map(str, pair)))
def test_one_of_two_paths_is_cut(
    lab: Lab,
    case: Run,
    knfsd: Knfsd,
    alpha: Guest,
    pair: tuple[Transport, Transport],
    which: int,
) -> None:
    """knfsd says that it is the same server at both (trunking); a copy goes on over the other."""
    case.describe("ours - knfsd", f"{pair[0]} and {pair[1]}")
    data = case.folder / "data"
    data.write_bytes(random.Random(which).randbytes(48 << 20))
    second = pair[1].url(alpha).partition("?")[0]
    argv = [*NFSRDMA, "put", "-v", "--path", second, data, pair[0].url(alpha, "/data")]
    host = ipv6(HOST_NUMBER) if pair[which].ipv6 else ipv4(HOST_NUMBER)
    family = "-6" if pair[which].ipv6 else "-4"
    with lab.host.background(argv, case.folder / "put.log") as put:
        begun = f"find {knfsd.export} -type f -size +256k | grep -q ."
        alpha.run(f"until {begun}; do sleep 0.1; done", timeout=30)
        alpha.run(f"ip {family} route add blackhole {host}")
        try:
            assert put.process.wait(120) == 0, put.output()
        finally:
            alpha.run(f"ip {family} route del blackhole {host}")
    assert "is no path to it" not in put.output()
    size = alpha.run(f"sha256sum {knfsd.export}/data", timeout=60).stdout.split()[0]
    assert size == lab.host.run(["sha256sum", data]).stdout.split()[0]
