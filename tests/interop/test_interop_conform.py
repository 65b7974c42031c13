"""`nfsrdma conform` against knfsd and Linux's client, and against our server behind an adapter.

What came of it is kept in ``docs/conform``, a report for each kernel and provider, and compared.
``make interop-conform`` keeps it anew.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from conftest import Run, python_with_verbs
from lab import nfs
from lab.guest import Guest
from lab.host import NFSRDMA, PYTHON, REPOSITORY
from lab.machine import Lab
from lab.nfs import Knfsd, Transport
from peers.errand import Errands
from peers.server import OPEN

from nfsrdma.conform.report import Row, differences, load
from nfsrdma.conform.runner import Verdict

pytestmark = [pytest.mark.timeout(1500), pytest.mark.long]

KEPT = REPOSITORY / "docs/conform"
KEEP = "NFSRDMA_CONFORM_KEEP"
OUR_PORT = nfs.RDMA_PORT + 7
SEED = "--seed 1"

#: What kernels note of messages that make no sense; crashes and complaints of others do not match.
NOTED = r"^\[[ .\d]+\] (svcrdma|rpcrdma|rdma_rxe|nfsd|infiniband|eth0|rxe0)\b"


def judge(case: Run, name: str, local: Mapping[str, str] = MappingProxyType({})) -> list[Row]:
    """Compare a case's report with the one that is kept, or keep it; return its rows.

    ``local`` is what means something on this machine alone, as expressions, and what is kept for
    it.
    """
    report = case.folder / "report/report.json"
    _, rows = load(report.read_bytes())
    counts = Counter(row.verdict for row in rows)
    case.row.notes |= {verdict: str(count) for verdict, count in sorted(counts.items())}
    assert not counts[Verdict.ERROR], [row for row in rows if row.verdict == Verdict.ERROR]
    kept = KEPT / f"{name}.json"
    if os.environ.get(KEEP) == "1":
        text = report.read_text()
        for expression, instead in local.items():
            text = re.sub(expression, instead, text)
        kept.write_text(text)
    if not kept.exists():
        pytest.skip(f"{kept.name} is not kept yet: make interop-conform")
    _, before = load(kept.read_bytes())
    grave = [each for each in differences(before, rows) if each.grave]
    assert not grave, grave
    return rows


def kernel(lab: Lab) -> str:
    """The kernel as the reports name it: ``6.1``."""
    return ".".join(lab.kernel_release.split(".")[:2])


def over_verbs(case: Run, guest: Guest, url: str) -> None:
    """Run the tests from a guest, through its adapter; the report is in the case's folder."""
    folder = Path("/lab/cases") / case.folder.name / "report"
    ours = f"{python_with_verbs(guest)} -m nfsrdma conform --provider verbs --timeout 60 {SEED}"
    done = guest.run(f"{ours} --report {folder} '{url}'", timeout=1200, check=False)
    (case.folder / "conform.log").write_text(done.stdout + done.stderr)
    assert done.code in (0, 1), done


def test_conform_knfsd_over_soft(lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest) -> None:
    case.describe("conform - knfsd", "soft, RDMA")
    case.expect_log(NOTED)
    url = Transport("rdma", "4.1").url(alpha)
    options = [*SEED.split(), "--report", case.folder / "report"]
    done = lab.host.nfsrdma("conform", url, *options, timeout=1200, check=False)
    (case.folder / "conform.log").write_text(done.stdout + done.stderr)
    assert done.code in (0, 1), done
    judge(case, f"knfsd-{kernel(lab)}-soft")


def test_conform_knfsd_over_verbs(
    lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest, beta: Guest
) -> None:
    case.describe("conform - knfsd", "verbs on rxe, two guests")
    case.expect_log(NOTED)
    over_verbs(case, beta, Transport("rdma", "4.1").url(alpha))
    judge(case, f"knfsd-{kernel(lab)}-verbs")


def test_conform_ours_over_verbs(lab: Lab, case: Run, alpha: Guest, beta: Guest) -> None:
    """Our server passes every test of "must" and "should" that an adapter lets it be asked."""
    case.describe("conform - ours", "verbs on rxe, two guests")
    case.expect_log(NOTED)
    serve = f"{python_with_verbs(alpha)} -m nfsrdma serve --memory {OPEN} --lease 10"
    serve += f" --listen {alpha.ipv4} --port {OUR_PORT} --tcp 0 --provider verbs"
    with alpha.background(serve, until="nfs+rdma://"):
        over_verbs(case, beta, Transport("rdma", "4.1", port=OUR_PORT).url(alpha))
    rows = judge(case, f"ours-{kernel(lab)}-verbs")
    wrong = [row for row in rows if row.verdict == Verdict.FAILED]
    assert not [row for row in wrong if row.severity in ("must", "should")], wrong


@pytest.mark.timeout(3600)  # 42 tests, each with a mount by an emulated kernel of its own
def test_conform_linux_client(lab: Lab, case: Run, alpha: Guest) -> None:
    """The other half: we serve, badly on purpose, and the kernel's client is judged."""
    case.describe("conform - Linux client", "soft, RDMA")
    case.expect_log(NOTED, r"nfs: server .* (not responding|OK)", r"RPC:|NFS:|xprtrdma|rpcrdma")
    errands = case.folder / "errands"
    run = f"{PYTHON[0]} -m peers.errand {errands}"
    options = "vers=4.2,proto=rdma,port={port},soft,timeo=50,retrans=1"
    commands = {
        "--mount-cmd": f"modprobe -a nfsv4 rpcrdma; mkdir -p {{dir}}; "
        f"mount -t nfs4 -o {options} {{host}}:{{export}} {{dir}}",
        "--workload-cmd": "{workload} {dir}",
        "--umount-cmd": "umount -f {dir} || umount -l {dir}",
    }
    argv = [*NFSRDMA, "conform", "--client", lab.host.ipv4, *SEED.split()]
    argv += ["--report", case.folder / "report", "--timeout", "120"]
    for option, command in commands.items():
        argv += [option, f"{run} {shlex.quote(command)}"]
    with Errands(alpha, errands):
        done = lab.host.run(argv, timeout=3500, check=False)
    (case.folder / "conform.log").write_text(done.stdout + done.stderr)
    assert done.code in (0, 1), done
    local = {
        rf"{re.escape(run)} ": "",
        re.escape(f"{PYTHON[0]} -P {REPOSITORY}/src/nfsrdma/cli/conform_workload.py"): "{workload}",
        r"/[/\w]+/nfsrdma-conform-\w+": "{dir}",
    }
    judge(case, f"client-{kernel(lab)}-soft", local)
