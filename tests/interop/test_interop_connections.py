"""How connections come and go, between the soft provider and Linux: what is lost, old or cut off.

Who is named first in the peer column is the active side.
"""

from __future__ import annotations

import re
import signal
import time

import pytest
from conftest import Run, note_counters
from lab import tools
from lab.guest import DEVICE, Guest
from lab.host import PYTHON
from lab.machine import Lab
from lab.netem import RTU, losing, netem
from peers.idle import GONE, LISTENING, REFUSED, UP

pytestmark = pytest.mark.timeout(300)

RPING = (*PYTHON, "-m", "peers.rping")
IDLE = (*PYTHON, "-m", "peers.idle")
PERFTEST = (*PYTHON, "-m", "peers.perftest")
STALE = 10  # IBA, Table 108


def test_linux_loses_its_rtu(lab: Lab, case: Run, alpha: Guest) -> None:
    """Every RTU of the client is lost: its first data establishes the connection with us."""
    case.describe("rping - soft", "no RTU arrives")
    argv = [*RPING, "server", lab.host.ipv4, "--rounds", "5", "--timeout", "100"]
    with (
        lab.host.background(argv, case.folder / "soft.log", until=LISTENING) as ours,
        losing(alpha, RTU, sent=True) as lost,
    ):
        tools.rping_client(alpha, lab.host.ipv4, iterations=5, size=4000)
        assert ours.process.wait(30) == 0, ours.output()
        case.row.notes["RTUs lost"] = str(lost.count())
        assert lost.count() >= 1
    note_counters(case, ours.output())


def test_soft_loses_its_rtu(lab: Lab, case: Run, alpha: Guest) -> None:
    """Our RTU is lost: Linux sends its REP again, and we confirm again."""
    case.describe("soft - rping", "the first RTU is lost")
    with tools.rping_server(alpha, alpha.ipv4, iterations=5) as server:
        argv = [*RPING, "client", alpha.ipv4, "--rounds", "5", "--timeout", "100"]
        with (
            losing(alpha, RTU, sent=False) as lost,
            lab.host.background(argv, case.folder / "soft.log") as ours,
        ):
            while not lost.count():
                assert ours.process.running, ours.output()
                time.sleep(0.1)
            lost.end()
            assert ours.process.wait(100) == 0, ours.output()
        assert server.wait(30).ok
    note_counters(case, ours.output())


def test_soft_is_reborn(lab: Lab, case: Run, alpha: Guest) -> None:
    """We crash without a word and come back with an old queue pair's number: REJ, stale."""
    case.describe("soft - rping", "stale connection")
    argv = [*IDLE, "client", alpha.ipv4, "--reborn"]
    with alpha.background(f"rping -s -P -a {alpha.ipv4} -p {tools.RPING_PORT}"):
        tools.await_cm_listener(alpha, tools.RPING_PORT)
        with lab.host.background(argv, case.folder / "first.log", until=UP) as first:
            first.process.signal(signal.SIGKILL)
            first.process.wait(10)
        with lab.host.background(argv, case.folder / "second.log", until=UP) as second:
            assert f"{REFUSED} {STALE}" in second.output()


_NEW_ADAPTER = f"rdma link delete {DEVICE}; rdma link add {DEVICE} type rxe netdev eth0"


def test_linux_is_reborn(lab: Lab, case: Run, alpha: Guest) -> None:
    """The same the other way round: Linux's adapter comes back, and we refuse the old number.

    A new device has the old one's GUID, which comes from the MAC address, and its queue pairs are
    counted from the beginning.
    """
    case.describe("rping - soft", "stale connection")
    rping = f"rping -c -a {lab.host.ipv4} -p {tools.RPING_PORT}"
    argv = [*IDLE, "server", lab.host.ipv4]
    with lab.host.background(argv, case.folder / "soft.log", until=LISTENING) as ours:
        alpha.run(_NEW_ADAPTER)
        first = alpha.start(rping)
        ours.wait_for(UP)
        # Nothing more that it says gets out.
        with netem(alpha, sent="loss 100%"):
            first.signal(signal.SIGKILL)
            first.wait(30, check=False)
            alpha.run(_NEW_ADAPTER)
        assert GONE not in ours.output()
        second = alpha.run(rping, timeout=60, check=False)
        said = second.stdout + second.stderr
        assert re.search(rf"REJECTED.* {STALE}\b", said), said
        ours.wait_for(GONE)
        third = alpha.start(rping)
        deadline = time.monotonic() + 60
        while ours.output().count(UP) < 2:
            assert time.monotonic() < deadline, ours.output()
            time.sleep(0.1)
        third.stop()


def test_soft_leaves_in_the_middle(lab: Lab, case: Run, alpha: Guest) -> None:
    """We disconnect with WRITEs in flight: each of them ends, done or flushed."""
    case.describe("soft - ib_write_bw", "disconnect in traffic")
    # The program itself waits for its other side in vain, and is stopped in the end.
    with tools.perftest_server(alpha, "ib_write_bw", "-R -F -s 65536 -n 1000"):
        argv = [*PERFTEST, "client", "ib_write_bw", alpha.ipv4, "--iterations", "200", "--leave"]
        done = lab.host.run(argv, timeout=60)
        found = re.search(r"(\d+) done, (\d+) flushed", done.stdout)
        assert found, done
        assert int(found[1]) + int(found[2]) == 200
        assert int(found[2]) > 0
    note_counters(case, done.stdout)
