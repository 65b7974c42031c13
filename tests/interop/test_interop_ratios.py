"""Speed as a ratio, both sides of it in one guest: emulated, so the figures alone mean little.

`soft` against the kernel's soft-RoCE, each between two processes of the guest; and our server on
the verbs provider against the kernel's, with the kernel's client. In turns; the median counts.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator

import pytest
from conftest import Run
from lab import nfs, tools
from lab.guest import Guest
from lab.nfs import Knfsd
from peers.server import OPEN

pytestmark = pytest.mark.timeout(900)

TURNS = 3
SMALL, BULK, LARGE = 64, 64 << 10, 1 << 20
ITERATIONS = 40
FIGURES = (
    *((tool, size) for tool in ("ib_write_bw", "ib_read_bw") for size in (BULK, LARGE)),
    ("ib_send_lat", SMALL),
)
OUR_PORT = nfs.RDMA_PORT + 3

#: The wish: no less than half of the kernel's bandwidth.
AIM = 0.5

_NAMESPACE = "soft"  # where UDP port 4791 is not the kernel's


@pytest.fixture
def namespace(alpha: Guest) -> Iterator[str]:
    """The beginning of a command that is to run where our provider may have RoCEv2's port."""
    alpha.run(f"ip netns add {_NAMESPACE} && ip -n {_NAMESPACE} link set lo up")
    try:
        yield f"ip netns exec {_NAMESPACE}"
    finally:
        alpha.run(f"ip netns del {_NAMESPACE}", check=False)


def of_rxe(guest: Guest) -> dict[str, float]:
    """perftest on soft-RoCE: MB/s of WRITE and READ, microseconds of SEND."""
    gid = tools.gid_index(guest, guest.ipv4)
    found = {}
    for tool, size in FIGURES:
        options = f"-F -x {gid} -s {size} {tools.FOR_A_WHILE}"
        latency = tool.endswith("_lat")
        if not latency:
            # As many in flight as rdma-bench has, and each of them counted when it is done.
            options += " -t 64 -Q 1"
        with tools.perftest_server(guest, tool, options):
            rate = tools.perftest_per_second(guest, tool, guest.ipv4, options)
        # A latency is half of a round trip; MB are 2^20 octets, as in rdma-bench.
        found[f"{tool} {size}"] = 1e6 / (2 * rate) if latency else rate * size / (1 << 20)
    return found


def of_soft(guest: Guest, python: str, enter: str) -> dict[str, float]:
    """The same by our own program, under the names of perftest's."""
    # The interpreter's command begins with a change of directory.
    change, _, command = python.partition(" && ")
    given = f"--provider soft --sizes {SMALL},{BULK},{LARGE} --iters {ITERATIONS}"
    bench = (
        f"env {command} -m nfsrdma rdma-bench {given} --tests send,write,read --json /tmp/soft.json"
    )
    guest.run(f"{change} && {enter} {bench}", timeout=300)
    rows = json.loads(guest.run("cat /tmp/soft.json").stdout)
    by = {(row["kind"], row["test"], row["size"]): row for row in rows}
    found = {}
    for tool, size in FIGURES:
        _, test, kind = tool.split("_")
        row = by["latency" if kind == "lat" else "bandwidth", test, size]
        found[f"{tool} {size}"] = row["t_avg" if kind == "lat" else "average"]
    return found


def note(case: Run, what: str, ours: list[float], theirs: list[float], unit: str) -> float:
    """The medians and their ratio in the report: above 1 is quicker than Linux."""
    mine, kernel = statistics.median(ours), statistics.median(theirs)
    ratio = kernel / mine if unit == "us" else mine / kernel
    case.row.notes[what] = f"{mine:.1f} : {kernel:.1f} {unit} = {ratio:.2f}"
    return ratio


def test_soft_to_rxe(case: Run, alpha: Guest, verbs_python: str, namespace: str) -> None:
    """Recorded, not judged: an emulated processor favours nobody, and a busy machine does."""
    case.describe("soft : rxe", "within the guest")
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    for _ in range(TURNS):
        theirs.append(of_rxe(alpha))
        ours.append(of_soft(alpha, verbs_python, namespace))
    for tool in theirs[0]:
        unit = "us" if "_lat " in tool else "MB/s"
        ratio = note(case, tool, [each[tool] for each in ours], [e[tool] for e in theirs], unit)
        if unit == "MB/s" and ratio < AIM:
            case.row.notes[tool] += f" (aim {AIM})"


def of_client(guest: Guest, point: str) -> dict[str, float]:
    """Linux's client, past its cache: MB/s of writing and reading."""
    found = {}
    for name, command in (
        ("write", f"dd if=/dev/zero of={point}/f bs=256K count=24 oflag=direct conv=fsync"),
        ("read", f"dd if={point}/f of=/dev/null bs=256K iflag=direct"),
    ):
        said = guest.run(f"LC_ALL=C {command}", timeout=200).stderr
        octets, seconds = re.findall(r"(\d+) bytes.* ([\d.e-]+) s,", said)[0]
        found[name] = int(octets) / float(seconds) / 1e6
    return found


def test_verbs_server_to_knfsd(case: Run, alpha: Guest, knfsd: Knfsd, verbs_python: str) -> None:
    """Both servers in the guest export a tmpfs; its client asks for 256 KiB at a time."""
    case.describe("our server on verbs : knfsd", "Linux client, same guest")
    serve = f"{verbs_python} -m nfsrdma serve /tmp/rated --ephemeral {OPEN}"
    serve += f" --listen {alpha.ipv4} --port {OUR_PORT}"
    alpha.run("mkdir -p /tmp/rated /mnt/rated-ours /mnt/rated-theirs")
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    with alpha.background(f"{serve} --provider verbs", until="nfs+rdma://"):
        mounts = {"ours": OUR_PORT, "theirs": nfs.RDMA_PORT}
        for name, port in mounts.items():
            options = f"proto=rdma,port={port},vers=4.1,nosharecache"
            alpha.run(f"mount -t nfs4 -o {options} {alpha.ipv4}:/ /mnt/rated-{name}", timeout=100)
        for _ in range(TURNS):
            theirs.append(of_client(alpha, "/mnt/rated-theirs"))
            ours.append(of_client(alpha, "/mnt/rated-ours"))
        alpha.run("umount /mnt/rated-ours /mnt/rated-theirs")
    for what in theirs[0]:
        note(case, what, [each[what] for each in ours], [each[what] for each in theirs], "MB/s")
