"""Our client, as its command line, on the bridge against the kernel's NFS server in a guest."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from conftest import Run
from lab import nfs
from lab.guest import Guest
from lab.host import NFSRDMA, PYTHON
from lab.machine import Lab
from lab.netem import DAMAGE, DISORDER, LOSS, both_ways
from lab.network import LARGE_MTU, SMALL_MTU
from lab.nfs import Knfsd, Transport

pytestmark = pytest.mark.timeout(200)

PEER = "ours - knfsd"
APPLICATION = (*PYTHON, "-m", "peers.application")

RDMA_41 = Transport("rdma", "4.1")
RDMA_42 = Transport("rdma", "4.2")
EVERY = pytest.mark.parametrize(
    "transport",
    [
        RDMA_41,
        RDMA_42,
        Transport("rdma", "4.2", ipv6=True),
        Transport("tcp", "4.1"),
        Transport("tcp", "4.2"),
    ],
    ids=str,
)


@EVERY
def test_client_ping(lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest, transport: Transport) -> None:
    case.describe(PEER, transport)
    lab.host.nfsrdma("ping", transport.url(alpha))


@EVERY
def test_client_copy_tree(
    lab: Lab, case: Run, knfsd: Knfsd, tree: str, alpha: Guest, transport: Transport
) -> None:
    """A tree in and out; the export itself must hold the very same in between."""
    case.describe(PEER, transport)
    source, back = lab.output / "tree", case.folder / "back"
    lab.host.nfsrdma("put", "-r", source, transport.url(alpha, "/copy"), timeout=100)
    wanted = nfs.checksums(alpha, tree)
    assert nfs.checksums(alpha, f"{knfsd.export}/copy") == wanted
    lab.host.nfsrdma("get", "-r", transport.url(alpha, "/copy"), back, timeout=100)
    assert nfs.host_checksums(lab.host, back) == wanted
    lab.host.nfsrdma("rm", "-r", transport.url(alpha, "/copy"))
    assert alpha.run(f"ls -A {knfsd.export}").stdout == ""


def test_client_copy_tree_with_small_packets(
    lab: Lab, case: Run, knfsd: Knfsd, tree: str, alpha: Guest
) -> None:
    case.describe(PEER, f"{RDMA_42}, MTU {SMALL_MTU}")
    lab.set_mtu(SMALL_MTU)
    try:
        lab.host.nfsrdma("put", "-r", lab.output / "tree", RDMA_42.url(alpha, "/copy"))
    finally:
        lab.set_mtu(LARGE_MTU)
    assert nfs.checksums(alpha, f"{knfsd.export}/copy") == nfs.checksums(alpha, tree)


@pytest.mark.parametrize("transport", [RDMA_41, RDMA_42], ids=str)
def test_client_names(
    lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest, transport: Transport
) -> None:
    """Folders made, files moved, listed, looked at and removed."""
    case.describe(PEER, transport)
    host, export = lab.host, knfsd.export
    host.nfsrdma("mkdir", transport.url(alpha, "/made"))
    alpha.run(f"echo content >{export}/made/old; ln -s {'t' * 900} {export}/made/link")
    host.nfsrdma("mv", transport.url(alpha, "/made/old"), transport.url(alpha, "/made/new"))
    assert alpha.run(f"ls {export}/made").stdout.split() == ["link", "new"]
    assert host.nfsrdma("cat", transport.url(alpha, "/made/new")).stdout == "content\n"
    listed = host.nfsrdma("ls", transport.url(alpha, "/made")).stdout
    assert "new" in listed
    assert "link" in listed
    assert "8" in host.nfsrdma("stat", transport.url(alpha, "/made/new")).stdout
    assert host.nfsrdma("df", transport.url(alpha)).stdout
    host.nfsrdma("rm", "-r", transport.url(alpha, "/made"))
    assert alpha.run(f"ls -A {export}").stdout == ""


@pytest.mark.parametrize("transport", [RDMA_41, RDMA_42, Transport("tcp", "4.2")], ids=str)
def test_client_application(
    lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest, transport: Transport
) -> None:
    """Small files, links, open files, holes, attributes and permissions, through mount()."""
    case.describe(PEER, transport)
    done = lab.host.run([*APPLICATION, transport.url(alpha)], timeout=100)
    assert done.stdout.endswith("all done\n")


@pytest.mark.parametrize("transport", [RDMA_41, RDMA_42], ids=str)
def test_client_large_folder(
    lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest, transport: Transport
) -> None:
    """Ten thousand names: READDIR replies that need a reply chunk."""
    case.describe(PEER, transport)
    alpha.run(
        f"mkdir {knfsd.export}/many; cd {knfsd.export}/many; seq -f name-%05g 10000 | xargs touch"
    )
    listed = lab.host.nfsrdma("ls", transport.url(alpha, "/many"), timeout=120).stdout
    assert listed.count("name-") == 10_000


def test_client_is_told_what_is_wrong(lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest) -> None:
    case.describe(PEER, RDMA_42)
    absent = lab.host.nfsrdma("cat", RDMA_42.url(alpha, "/absent"), check=False)
    assert absent.code != 0
    assert "no such file" in absent.stderr.lower()
    assert "Traceback" not in absent.stderr
    refused = Transport("rdma", "4.2").url(alpha).replace(":20049", ":20050")
    nobody = lab.host.nfsrdma("ping", refused, check=False, timeout=30)
    assert nobody.code not in (0, None)
    assert "Traceback" not in nobody.stderr


@pytest.mark.parametrize("treatment", [LOSS, DISORDER, DAMAGE], ids=["loss", "disorder", "damage"])
def test_client_copy_on_a_bad_network(
    lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest, treatment: str
) -> None:
    case.describe(PEER, f"{RDMA_42}, {treatment}")
    data = write_random(case.folder / "data", 2 << 20)
    with both_ways(alpha, treatment):
        lab.host.nfsrdma("put", data, RDMA_42.url(alpha, "/data"), timeout=90)
        lab.host.nfsrdma("get", RDMA_42.url(alpha, "/data"), case.folder / "back", timeout=90)
    assert (case.folder / "back").read_bytes() == data.read_bytes()


@pytest.mark.parametrize("transport", [RDMA_41, RDMA_42, Transport("tcp", "4.2")], ids=str)
def test_client_server_restarts_during_a_copy(
    lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest, transport: Transport
) -> None:
    """knfsd goes and comes back with a grace period: our client reclaims and goes on."""
    case.describe(PEER, f"{transport}, restart")
    data = write_random(case.folder / "data", 32 << 20)
    argv = [*NFSRDMA, "put", data, transport.url(alpha, "/data")]
    with lab.host.background(argv, case.folder / "put.log") as put:
        begun = f"find {knfsd.export} -type f -size +256k | grep -q ."
        alpha.run(f"until {begun}; do sleep 0.1; done", timeout=30)
        knfsd.restart()
        assert put.process.wait(90) == 0, put.output()
    size = alpha.run(f"sha256sum {knfsd.export}/data", timeout=60).stdout.split()[0]
    assert size == lab.host.run(["sha256sum", data]).stdout.split()[0]


def write_random(path: Path, size: int) -> Path:
    """A file of reproducible noise."""
    path.write_bytes(random.Random(size).randbytes(size))
    return path
