"""The verbs provider on Linux's soft-RoCE, in a guest: against itself, ``soft`` and ``rping``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from conftest import Run
from lab import nfs, tools
from lab.guest import Guest
from lab.machine import Lab
from lab.nfs import Knfsd, Transport
from peers.server import OPEN

pytestmark = pytest.mark.timeout(900)

READY = "listening"
SERVES = "nfs+rdma://"  # what `nfsrdma serve` prints when clients may come
ROUNDS, SIZE = 10, 20000
OUR_PORT = nfs.RDMA_PORT + 1  # the kernel's server may have the usual one


def peer(verbs_python: str, role: str, address: str) -> str:
    """A command for our side of rping."""
    return f"{verbs_python} -m peers.rping {role} {address} --provider verbs --rounds {ROUNDS}"


def host_peer(role: str, address: str) -> list[str | Path]:
    """The same over the soft provider, here."""
    given = (role, address, "--rounds", str(ROUNDS), "--size", str(SIZE))
    return [sys.executable, "-m", "peers.rping", *given]


def test_conformance(lab: Lab, case: Run, alpha: Guest, verbs_python: str) -> None:
    """The suite that every provider passes, and the provider's own tests."""
    case.describe("the verbs provider", "rxe to itself")
    # A read-only mapping that cannot be pinned, which is one of the tests.
    case.expect_log("Unable to pin memory region")
    # It writes to a window of which no message has told. Newer kernels bind windows by and by, and
    # nothing but a message behind it says that one is bound.
    binds_at_once = lab.kernel_release.startswith("6.1.")
    left_out = "" if binds_at_once else " and not many_registrations_without_a_message"
    done = alpha.run(
        f"export NFSRDMA_VERBS_ADDRESS={alpha.ipv4} NFSRDMA_VERBS_NOWHERE=10.99.0.77; "
        f"{verbs_python} -m pytest tests/conformance -k 'verbs and not memory{left_out}' "
        "-p no:cacheprovider --timeout 90",
        timeout=800,
        check=False,
    )
    (case.folder / "pytest.log").write_text(done.stdout + done.stderr)
    assert done.ok, done.stdout[-4000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    case.row.notes["tests"] = passed[1] if passed else "all"


def test_speed(case: Run, alpha: Guest, verbs_python: str) -> None:
    """For the record; in an emulated guest only the proportions mean anything."""
    case.describe("the verbs provider", "rxe to itself")
    bench = f"benchmarks/verbs_provider.py verbs --address {alpha.ipv4} --port {OUR_PORT}"
    done = alpha.run(f"{verbs_python} {bench}", timeout=200)
    (case.folder / "speed.txt").write_text(done.stdout)


def test_rping_from_soft(lab: Lab, case: Run, alpha: Guest, verbs_python: str) -> None:
    case.describe("verbs server in a guest", "soft client")
    with alpha.background(peer(verbs_python, "server", alpha.ipv4), until=READY) as server:
        lab.host.run(host_peer("client", alpha.ipv4))
        assert server.wait(20).ok


def test_rping_to_soft(lab: Lab, case: Run, alpha: Guest, verbs_python: str) -> None:
    case.describe("verbs client in a guest", "soft server")
    log = case.folder / "server.log"
    with lab.host.background(host_peer("server", lab.host.ipv4), log, until=READY):
        alpha.run(peer(verbs_python, "client", lab.host.ipv4) + f" --size {SIZE}")


def test_rping_from_linux(case: Run, alpha: Guest, verbs_python: str) -> None:
    case.describe("verbs server", "rping, same guest")
    with alpha.background(peer(verbs_python, "server", alpha.ipv4), until=READY) as server:
        tools.rping_client(alpha, alpha.ipv4, iterations=ROUNDS, size=SIZE)
        assert server.wait(20).ok


def test_rping_to_linux(case: Run, alpha: Guest, verbs_python: str) -> None:
    case.describe("verbs client", "rping, same guest")
    with tools.rping_server(alpha, alpha.ipv4, iterations=ROUNDS, size=SIZE):
        alpha.run(peer(verbs_python, "client", alpha.ipv4) + f" --size {SIZE}")


def test_nfs_client(case: Run, knfsd: Knfsd, tree: str, alpha: Guest, verbs_python: str) -> None:
    """Linux's server invalidates our memory windows with its replies."""
    case.describe("our client on verbs - knfsd", "same guest")
    url = Transport("rdma", "4.2").url(alpha, "/copy")
    ours = f"{verbs_python} -m nfsrdma"
    # Loading pyverbs over 9p takes most of the five seconds that it has otherwise.
    options = "-r --provider verbs --timeout 30"
    alpha.run(f"{ours} put {options} {tree} '{url}'", timeout=100)
    wanted = nfs.checksums(alpha, tree)
    assert nfs.checksums(alpha, f"{knfsd.export}/copy") == wanted
    alpha.run(f"rm -rf /tmp/verbs-back; {ours} get {options} '{url}' /tmp/verbs-back", timeout=100)
    assert nfs.checksums(alpha, "/tmp/verbs-back") == wanted


def test_nfs_server(case: Run, tree: str, alpha: Guest, verbs_python: str) -> None:
    case.describe("Linux client - our server on verbs", "same guest")
    alpha.run("mkdir -p -m 777 /tmp/export")
    serve = f"{verbs_python} -m nfsrdma serve /tmp/export {OPEN}"
    serve += f" --listen {alpha.ipv4} --port {OUR_PORT}"
    with alpha.background(f"{serve} --provider verbs --state-dir /tmp/state", until=SERVES):
        alpha.run(
            f"mkdir -p /mnt/ours && mount -t nfs4 -o proto=rdma,port={OUR_PORT},vers=4.1 "
            f"{alpha.ipv4}:/ /mnt/ours && cp -a {tree} /mnt/ours/ && sync -f /mnt/ours",
            timeout=100,
        )
        nfs.drop_caches(alpha)
        wanted = nfs.checksums(alpha, tree)
        assert nfs.checksums(alpha, "/mnt/ours/tree") == wanted
        alpha.run("umount /mnt/ours")
    assert nfs.checksums(alpha, "/tmp/export/tree") == wanted
