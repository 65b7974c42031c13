"""perftest and ibv_rc_pingpong in a guest, the soft provider on the host as the other side.

perftest measures and does not look at what it moves. We do: while our side holds the barrier after
the data, the memory of the program in the guest is compared with ours.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import Run, note_counters
from lab import tools
from lab.guest import Guest, Job
from lab.host import PYTHON, Background
from lab.machine import Lab
from lab.packages import LabError
from peers.perftest import HOLDING, LISTENING, PING

pytestmark = pytest.mark.timeout(300)

PEER = (*PYTHON, "-m", "peers.perftest")
PINGPONG = (*PYTHON, "-m", "peers.pingpong")
ITERATIONS = 60
SIZES = {"ib_send_bw": 65536, "ib_write_bw": 65536, "ib_read_bw": 65536, PING: 64}
TOOLS = pytest.mark.parametrize("tool", SIZES)

#: Where perftest's second buffer begins, unless a message is larger.
_HALF = 4096

_DIGEST = """\
import hashlib, subprocess, sys
name, address, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
(pid,) = subprocess.check_output(["pidof", name], text=True).split()
with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
    memory.seek(address)
    print(hashlib.sha256(memory.read(size)).hexdigest())
"""


def options(tool: str) -> str:
    """For the original; one queue pair each way, and no warnings about a slow clock."""
    return f"-R -F -s {SIZES[tool]} -n {ITERATIONS}"


def ours(role: str, tool: str, address: str, hold: Path) -> list[str]:
    """Our side as a command."""
    given = ["--size", SIZES[tool], "--iterations", ITERATIONS, "--hold", hold]
    return [str(word) for word in (*PEER, role, tool, address, *given)]


def compare(guest: Guest, tool: str, held: Background, *, local: bool) -> None:
    """What our side holds against the program's own half of its memory, or the peer's half."""
    text = held.wait_for(HOLDING, timeout=120)
    told = json.loads(text.partition(HOLDING)[2].splitlines()[0])
    size = SIZES[tool]
    address = told["address"] - (max(size, _HALF) if local else 0)
    command = f"python3 -IS - {tool} {address} {size}"
    theirs = guest.run(command, stdin=_DIGEST).stdout.strip()
    assert theirs == told["sha256"]


def average(job: Job, timeout: float) -> str:
    """What the program says of its speed, at its end."""
    found = re.findall(r"^ *\d+ +\d+ +[\d. ]+", job.wait(timeout).stdout, re.MULTILINE)
    if not found:
        raise LabError("perftest has printed no figures")
    return str(found[-1].split()[3])


@TOOLS
def test_soft_perftest_server(lab: Lab, case: Run, alpha: Guest, tool: str) -> None:
    case.describe(f"{tool} - soft", "-R")
    hold = case.folder / "go-on"
    argv = ours("server", tool, lab.host.ipv4, hold)
    with lab.host.background(argv, case.folder / "soft.log", until=LISTENING) as held:
        client = alpha.start(tools.perftest(tool, options(tool), lab.host.ipv4))
        compare(alpha, tool, held, local=True)
        hold.touch()
        figure = average(client, 60)
        assert held.process.wait(20) == 0, held.output()
    case.row.notes["us" if tool == PING else "MB/s"] = figure
    note_counters(case, held.output())


@TOOLS
def test_soft_perftest_client(lab: Lab, case: Run, alpha: Guest, tool: str) -> None:
    case.describe(f"soft - {tool}", "-R")
    hold = case.folder / "go-on"
    with tools.perftest_server(alpha, tool, options(tool)) as server:
        argv = ours("client", tool, alpha.ipv4, hold)
        with lab.host.background(argv, case.folder / "soft.log") as held:
            compare(alpha, tool, held, local=False)
            hold.touch()
            assert held.process.wait(60) == 0, held.output()
        assert server.wait(20).ok
    note_counters(case, held.output())


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_soft_pingpong_server(lab: Lab, case: Run, alpha: Guest, ipv6: bool) -> None:
    case.describe("ibv_rc_pingpong - soft", f"IPv{6 if ipv6 else 4}, no CM")
    mine, theirs = (lab.host.ipv6, alpha.ipv6) if ipv6 else (lab.host.ipv4, alpha.ipv4)
    argv = [*PINGPONG, "server", mine, lab.host.ipv4, "--size", "8192", "--rounds", "50"]
    with lab.host.background(argv, case.folder / "soft.log", until=LISTENING) as held:
        tools.pingpong_client(alpha, theirs, lab.host.ipv4, "-s 8192 -n 50")
        assert held.process.wait(20) == 0, held.output()


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_soft_pingpong_client(lab: Lab, case: Run, alpha: Guest, ipv6: bool) -> None:
    case.describe("soft - ibv_rc_pingpong", f"IPv{6 if ipv6 else 4}, no CM")
    mine, theirs = (lab.host.ipv6, alpha.ipv6) if ipv6 else (lab.host.ipv4, alpha.ipv4)
    with tools.pingpong_server(alpha, theirs, "-s 8192 -n 50") as server:
        argv = [*PINGPONG, "client", mine, alpha.ipv4, "--size", "8192", "--rounds", "50"]
        lab.host.run(argv, timeout=60)
        assert server.wait(20).ok
