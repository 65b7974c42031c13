"""`nfsrdma bench` over an rxe link: TCP, verbs and soft, our server and the kernel's.

What came of it is kept in ``benchmarks/rxe`` with ``NFSRDMA_BENCH_KEEP=1``. Both guests are
emulated, so only what is beside each other in one run means anything.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Run, python_with_verbs
from lab import nfs
from lab.guest import Guest
from lab.host import REPOSITORY
from lab.machine import Lab
from lab.nfs import Knfsd, Transport
from peers.server import OPEN

from nfsrdma.bench.page import pages
from nfsrdma.bench.rows import Row, as_json, read_json

pytestmark = [pytest.mark.timeout(1500), pytest.mark.long]

KEPT = REPOSITORY / "benchmarks/rxe"
KEEP = "NFSRDMA_BENCH_KEEP"
OUR_RDMA, OUR_TCP = nfs.RDMA_PORT + 9, nfs.TCP_PORT + 9

RECORDS, SIZE = "1k,4k,16k,64k,256k,1m,4m,16m", "16m"
#: What all measurements of one command may take; each takes as long as one record at least.
SECONDS = 100
MEASURE = f"--ops write,read --records {RECORDS} --sizes {SIZE} --depths 1 --rounds 3"

#: A namespace of the client's guest whose UDP port 4791 is not the kernel's, on the same adapter.
_NAMESPACE, _ADDRESS = "soft", "10.99.0.21"


@pytest.fixture
def ours(alpha: Guest) -> Iterator[None]:
    """Our server on the first guest's adapter, and over TCP; a folder in memory is exported."""
    serve = f"{python_with_verbs(alpha)} -m nfsrdma serve /tmp/rated {OPEN} --ephemeral"
    serve += f" --listen {alpha.ipv4} --port {OUR_RDMA} --tcp {OUR_TCP} --provider verbs"
    alpha.run("mkdir -p -m 777 /tmp/rated")
    with alpha.background(serve, until="nfs+tcp://", timeout=240):
        yield


@contextlib.contextmanager
def beside_rxe(guest: Guest, mtu: int) -> Iterator[str]:
    """The beginning of a command that is to run where our provider may have RoCEv2's port."""
    guest.run(
        f"set -e; modprobe macvlan; ip netns add {_NAMESPACE}; "
        "ip link add link eth0 name soft0 type macvlan mode bridge; "
        f"ip link set soft0 netns {_NAMESPACE}; ip -n {_NAMESPACE} link set lo up; "
        f"ip -n {_NAMESPACE} address add {_ADDRESS}/24 dev soft0; "
        f"ip -n {_NAMESPACE} link set soft0 mtu {mtu} up"
    )
    try:
        yield f"ip netns exec {_NAMESPACE}"
    finally:
        guest.run(f"ip netns del {_NAMESPACE}", check=False)


def measure(lab: Lab, case: Run, guest: Guest, name: str, urls: list[str], enter: str) -> list[Row]:
    """Run the bench in a guest; its rows."""
    # The interpreter's command begins with a change of directory.
    change, _, command = python_with_verbs(guest).partition(" && ")
    file = Path("/lab/cases") / case.folder.name / f"{name}.json"
    quoted = " ".join(f"'{url}'" for url in urls)
    done = guest.run(
        f"{change} && {enter} env {command} -m nfsrdma bench {quoted} {MEASURE} "
        f"--seconds {SECONDS} --timeout 60 --json {file}",
        timeout=600,
        check=False,
    )
    (case.folder / f"{name}.log").write_text(done.stdout + done.stderr)
    assert done.ok, done
    return read_json(lab.output / "cases" / case.folder.name / f"{name}.json")


def named(rows: list[Row], server: str) -> list[Row]:
    """The rows with labels that tell the server, without histograms."""
    for row in rows:
        row.label = f"{server}{row.transport}"
        row.rtt_us_histogram = None
        assert not row.error, row
    return rows


def test_bench_on_rxe(
    lab: Lab, case: Run, ours: None, knfsd: Knfsd, alpha: Guest, beta: Guest
) -> None:
    """Every octet that is read is compared; the figures are for the record."""
    case.describe("nfsrdma bench - ours and knfsd", "tcp, verbs, soft; two guests, rxe")
    servers = {"": (OUR_TCP, OUR_RDMA), "knfsd ": (nfs.TCP_PORT, nfs.RDMA_PORT)}
    rows: list[Row] = []
    for server, (tcp, rdma) in servers.items():
        by_tcp = Transport("tcp", "4.2", port=tcp).url(alpha)
        by_rdma = Transport("rdma", "4.2", port=rdma).url(alpha)
        word = server.strip() or "ours"
        urls = [by_tcp, f"{by_rdma}&provider=verbs"]
        rows += named(measure(lab, case, beta, f"{word}-rxe", urls, ""), server)
        with beside_rxe(beta, lab.network.mtu) as enter:
            urls = [f"{by_rdma}&provider=soft"]
            rows += named(measure(lab, case, beta, f"{word}-soft", urls, enter), server)
    about = [rows[0].machine, f"two guests ({lab.accelerator}), Linux {lab.kernel_release}, rxe"]
    found = {**pages(rows, about), "rows.json": as_json(rows).encode()}
    for name, octets in found.items():
        (case.folder / name).write_bytes(octets)
    if os.environ.get(KEEP) == "1":
        KEPT.mkdir(exist_ok=True)
        for name in ("bandwidth.png", "cpu.png", "rows.json"):
            shutil.copy(case.folder / name, KEPT / name)
    for row in rows:
        if row.record == 1 << 20:
            case.row.notes[f"{row.label} {row.op} 1 MiB"] = f"{row.mb_s} MB/s"
