"""Long runs on a bad network (`make interop-loss`): no connection is given up."""

from __future__ import annotations

import pytest
from conftest import Run, note_counters
from lab import nfs
from lab.guest import Guest
from lab.host import PYTHON
from lab.machine import Lab
from lab.netem import LOSS, both_ways
from lab.nfs import Knfsd, Transport
from peers.server import OurServer

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(1500)]

COPIES = 24
SIZE = 4 << 20
RDMA_42 = Transport("rdma", "4.2")


def test_linux_client_copies_under_loss(
    lab: Lab, case: Run, our_server: OurServer, alpha: Guest
) -> None:
    """24 copies of 4 MiB each way between Linux's client and our server."""
    case.describe("Linux client - ours", f"{RDMA_42}, {LOSS}")
    case.expect_log(r"not responding", r"nfs: server .* OK")
    alpha.run(f"head -c {SIZE} /dev/urandom >/tmp/data")
    mount = nfs.mounted(alpha, lab.host.ipv4, RDMA_42, options=nfs.IMPATIENT)
    with mount as point, both_ways(alpha, LOSS):
        for number in range(COPIES):
            alpha.run(f"cp /tmp/data {point}/data-{number} && sync -f {point}", timeout=100)
        for number in range(COPIES):
            nfs.drop_caches(alpha)
            alpha.run(f"cmp /tmp/data {point}/data-{number}", timeout=100)
    note_counters(case, our_server.output())
    # Two rxe devices wait for each other now and then, and Linux's RPC timer ends it: that is
    # "disconnected by the peer". What must not happen is that we give up.
    assert "RETRY_EXC_ERR" not in our_server.output()


def test_our_client_copies_under_loss(lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest) -> None:
    """24 copies of 4 MiB each way between our client and knfsd."""
    case.describe("ours - knfsd", f"{RDMA_42}, {LOSS}")
    command = [*PYTHON, "-m", "peers.lossy", RDMA_42.url(alpha), str(COPIES), str(SIZE)]
    with both_ways(alpha, LOSS):
        done = lab.host.run(command, timeout=1200)
    assert done.stdout == "connections 1\n"
