"""The Linux client and what is beyond plain files: access control lists, and other file systems."""

from __future__ import annotations

import os
import struct

import pytest
import workloads
from conftest import Run
from lab import nfs
from lab.guest import Guest
from lab.machine import Lab
from lab.nfs import Knfsd, Transport
from peers.server import OurServer
from workloads import Site, Workload

pytestmark = pytest.mark.timeout(240)

PEER = "Linux client - ours"
RDMA_40 = Transport("rdma", "4.0")
RDMA_42 = Transport("rdma", "4.2")
TCP_42 = Transport("tcp", "4.2")


@pytest.mark.parametrize("transport", [RDMA_40, RDMA_42], ids=str)
@pytest.mark.parametrize("workload", workloads.LISTS, ids=workloads.name)
def test_names_lists(
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


def test_names_lists_are_the_file_systems(
    lab: Lab, case: Run, our_server: OurServer, alpha: Guest
) -> None:
    """What nfs4_setfacl has set is a POSIX list on the server's disk, and the other way round."""
    case.describe(PEER, RDMA_42)
    file = our_server.folder / "file"
    with nfs.mounted(alpha, lab.host.ipv4, RDMA_42) as point:
        alpha.run(f"echo kept >{point}/file; chmod 640 {point}/file")
        alpha.run(f"nfs4_setfacl -a A::1001:RW {point}/file; sync -f {point}")
        # struct posix_acl_xattr: version, then tag, permissions, identity; ACL_USER is 2.
        entries = os.getxattr(file, "system.posix_acl_access")[4:]
        assert (2, 6, 1001) in struct.iter_unpack("<HHI", entries)
        os.removexattr(file, "system.posix_acl_access")
        nfs.drop_caches(alpha)
        assert "1001" not in alpha.run(f"nfs4_getfacl {point}/file").stdout


@pytest.mark.parametrize("transport", [RDMA_42, TCP_42], ids=str)
def test_names_referral(
    lab: Lab, case: Run, our_server: OurServer, knfsd: Knfsd, alpha: Guest, transport: Transport
) -> None:
    """Our server sends the client to another one: it mounts that by itself, and comes back."""
    case.describe("Linux client - ours, knfsd", f"{transport}, referral")
    alpha.run(f"mkdir {knfsd.export}/below; echo elsewhere >{knfsd.export}/below/file")
    our_server.stop()
    our_server.start(
        exports=[f"work={our_server.folder}"], options=["--refer", f"archive={alpha.ipv4}:/below"]
    )
    (our_server.folder / "here").write_text("here\n")
    with nfs.mounted(alpha, lab.host.ipv4, transport) as point:
        assert alpha.run(f"ls {point}").stdout.split() == ["archive", "work"]
        assert alpha.run(f"cat {point}/archive/file", timeout=90).stdout == "elsewhere\n"
        assert alpha.run(f"ls {point}/archive").stdout == "file\n"
        assert f"{alpha.ipv4}:/below" in alpha.run(f"df {point}/archive").stdout
        alpha.run(f"echo changed >{point}/archive/file; sync {point}/archive/file")
        assert alpha.run(f"cat {knfsd.export}/below/file").stdout == "changed\n"
        assert alpha.run(f"cat {point}/work/here").stdout == "here\n"


@pytest.mark.parametrize("transport", [RDMA_40, RDMA_42, TCP_42], ids=str)
def test_names_junction(
    lab: Lab, case: Run, our_server: OurServer, alpha: Guest, transport: Transport
) -> None:
    """A file system that is mounted below the export is one of its own for the client."""
    case.describe(PEER, f"{transport}, crossmnt")
    inner = our_server.folder / "inner"
    inner.mkdir()
    our_server.stop()
    # In a mount namespace of its own, so that nothing of it is left behind.
    script = 'mount -t tmpfs -o size=8M,mode=777 inner "$0"; exec "$@"'
    our_server.start(
        exports=[f"{our_server.folder}:crossmnt"],
        under=["unshare", "--mount", "sh", "-ec", script, str(inner)],
    )
    with nfs.mounted(alpha, lab.host.ipv4, transport) as point:
        alpha.run(f"echo outer >{point}/file; echo inner >{point}/inner/file")
        nfs.drop_caches(alpha)
        assert alpha.run(f"cat {point}/file {point}/inner/file").stdout == "outer\ninner\n"
        outer, below = alpha.run(f"stat -c %d {point}/file {point}/inner/file").stdout.split()
        assert outer != below
        assert alpha.run(f"df -k --output=size {point}/inner").stdout.split()[1] == "8192"
        linked = alpha.run(f"ln {point}/file {point}/inner/link", check=False)
        assert "cross-device" in linked.stderr.lower()
        alpha.run(f"mv {point}/file {point}/inner/moved")
        assert alpha.run(f"ls {point} {point}/inner; cat {point}/inner/moved").stdout.split() == [
            f"{point}:", "inner", f"{point}/inner:", "file", "moved", "outer",
        ]  # fmt: skip
    assert not (inner / "file").exists()
