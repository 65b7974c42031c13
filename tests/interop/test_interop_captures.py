"""Short conversations for the corpus in tests/data/captures/linux: see `lab.captures`.

The name of a case is the name of its file, its docstring the line in the corpus's README.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
from conftest import Run
from lab import nfs, tools
from lab.guest import Guest
from lab.host import PYTHON
from lab.machine import Lab
from lab.netem import RTU, both_ways, losing
from lab.network import LARGE_MTU, SMALL_MTU
from lab.nfs import Knfsd, Transport
from peers import idle, perftest, pingpong
from peers.server import OPEN, OurServer
from workloads import Site, locks

pytestmark = [pytest.mark.captures, pytest.mark.timeout(300)]

RPING = (*PYTHON, "-m", "peers.rping")
RDMA_41, RDMA_42 = Transport("rdma", "4.1"), Transport("rdma", "4.2")
RDMA_42_IPV6 = Transport("rdma", "4.2", ipv6=True)

#: A bit of everything, and little of it: the whole capture is to be small.
_FILES = """set -e
mkdir d; echo hello >d/small; dd if=/tmp/noise of=d/medium bs=9000 count=1 status=none
seq -f 'd/name-%02g' 12 | xargs touch; ln -s {link} d/link; ln d/small d/hard; mv d/name-01 d/moved
chmod 640 d/small; truncate -s 10000 d/medium; sync -f d
echo 3 >/proc/sys/vm/drop_caches
ls -l d; cmp -n 9000 /tmp/noise d/medium; cat d/small; readlink d/link; df .
rm -r d
"""


@pytest.fixture(autouse=True)
def settled(case: Run) -> Iterator[None]:
    """The last packets of a case have time to get into its capture."""
    yield
    time.sleep(1.0)


def use(lab: Lab, guest: Guest, transport: Transport, options: str = "") -> None:
    """A Linux client mounts our server, does a bit of everything, and unmounts."""
    guest.run("head -c 9000 /dev/urandom >/tmp/noise")
    address = transport.address(lab.host)
    with nfs.mounted(guest, address, transport, options=options) as point:
        guest.run(_FILES.format(link="t" * 900), cwd=point, timeout=100)


def test_linux_client_v41(lab: Lab, case: Run, our_server: OurServer, alpha: Guest) -> None:
    """Linux's client on our server, 4.1: mount, files made, written, read, listed (READDIR by a
    reply chunk), a symbolic link of 900 octets, hard link, rename, truncation, removal, unmount."""
    use(lab, alpha, RDMA_41)


def test_linux_client_v42_ipv6(lab: Lab, case: Run, our_server: OurServer, alpha: Guest) -> None:
    """The same in 4.2, over IPv6."""
    our_server.stop()
    our_server.start(lab.host.ipv6)
    use(lab, alpha, RDMA_42_IPV6)


def test_linux_client_v42_mtu1024(lab: Lab, case: Run, our_server: OurServer, alpha: Guest) -> None:
    """The same in 4.2, with a path MTU of 1024."""
    lab.set_mtu(SMALL_MTU)
    try:
        use(lab, alpha, RDMA_42)
    finally:
        lab.set_mtu(LARGE_MTU)


def test_linux_client_v42_loss(lab: Lab, case: Run, our_server: OurServer, alpha: Guest) -> None:
    """The same in 4.2, with 3 % of the packets lost in each direction on their way to and from the
    client: the capture is made at the server's side of the loss."""
    with both_ways(alpha, "loss 3%"):
        use(lab, alpha, RDMA_42, nfs.IMPATIENT)


def test_linux_client_v42_tcp(lab: Lab, case: Run, our_server: OurServer, alpha: Guest) -> None:
    """The same in 4.2, over TCP."""
    use(lab, alpha, Transport("tcp", "4.2"))


def test_linux_client_locks(lab: Lab, case: Run, our_server: OurServer, alpha: Guest) -> None:
    """Two mounts of Linux's client (two client identities) contend for a byte-range lock."""
    with (
        nfs.mounted(alpha, lab.host.ipv4, RDMA_42) as one,
        nfs.mounted(alpha, lab.host.ipv4, RDMA_42, options="nosharecache") as other,
    ):
        locks(Site(alpha, one, ""), Site(alpha, other, ""), "fcntl")


def test_linux_client_reclaims(lab: Lab, case: Run, our_server: OurServer, alpha: Guest) -> None:
    """Our server is killed and started again while Linux's client has a file open: BADSESSION,
    a new session, the open reclaimed in the grace period."""
    case.expect_log(r"not responding", r"nfs: server .* OK")
    with nfs.mounted(alpha, lab.host.ipv4, RDMA_42, options=nfs.IMPATIENT) as point:
        alpha.run("cat >/tmp/hold.sh", stdin="exec 3>$1; echo before >&3; echo held; sleep 9999\n")
        with alpha.background(f"sh /tmp/hold.sh {point}/f", until="held"):
            our_server.kill()
            our_server.start()
            alpha.run(f"echo after >{point}/g; sync -f {point}", timeout=100)
        assert alpha.run(f"cat {point}/f {point}/g").stdout == "before\nafter\n"


def ours_on(lab: Lab, case: Run, url: str) -> None:
    """Our client does a bit of everything at a server."""
    source = case.folder / "source"
    (source / "sub").mkdir(parents=True)
    (source / "small").write_text("hello\n")
    (source / "sub/medium").write_bytes(bytes(range(250)) * 80)
    (source / "link").symlink_to("t" * 900)
    base, _, query = url.partition("?")
    run = lab.host.nfsrdma
    run("put", "-r", source, f"{base}copy?{query}")
    run("ls", f"{base}copy?{query}")
    run("get", "-r", f"{base}copy?{query}", case.folder / "back")
    run("mv", f"{base}copy/small?{query}", f"{base}copy/moved?{query}")
    run("df", url)
    run("rm", "-r", f"{base}copy?{query}")


def test_our_client_v41(lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest) -> None:
    """Our client on Linux's server (knfsd), 4.1: a small tree copied in and out, listed, renamed
    and removed, with a connection and a session for each command."""
    ours_on(lab, case, RDMA_41.url(alpha))


def test_our_client_v42_ipv6(lab: Lab, case: Run, knfsd: Knfsd, alpha: Guest) -> None:
    """The same in 4.2, over IPv6."""
    ours_on(lab, case, RDMA_42_IPV6.url(alpha))


def test_verbs_server(lab: Lab, case: Run, alpha: Guest, verbs_python: str) -> None:
    """Our client on the soft provider, our server on the verbs provider (pyverbs over Linux's
    soft-RoCE), 4.2: remote invalidation of memory windows' peers, both ends ours."""
    alpha.run("mkdir -p -m 777 /tmp/captured")
    command = f"{verbs_python} -m nfsrdma serve /tmp/captured --ephemeral {OPEN}"
    command += f" --listen {alpha.ipv4} --port 20052"
    with alpha.background(f"{command} --provider verbs", until="nfs+rdma://"):
        ours_on(lab, case, f"nfs+rdma://{alpha.ipv4}:20052/?minor=2")


def test_rping(lab: Lab, case: Run, alpha: Guest) -> None:
    """Linux's rping and ours, each in both roles: SEND, RDMA READ, RDMA WRITE, 3 rounds of 3,000
    octets, without NFS."""
    given = ["--rounds", "3", "--size", "3000"]
    with tools.rping_server(alpha, alpha.ipv4, iterations=3, size=3000):
        lab.host.run([*RPING, "client", alpha.ipv4, *given])
    argv = [*RPING, "server", lab.host.ipv4, *given]
    with lab.host.background(argv, case.folder / "soft.log", until="listening") as ours:
        tools.rping_client(alpha, lab.host.ipv4, iterations=3, size=3000)
        assert ours.process.wait(30) == 0


def test_ucmatose(lab: Lab, case: Run, alpha: Guest) -> None:
    """Linux's ucmatose and ours: four connections at once, 10 SENDs each way on each."""
    with tools.ucmatose_server(alpha, alpha.ipv4, connections=4):
        lab.host.run([*PYTHON, "-m", "peers.ucmatose", "client", alpha.ipv4, "--connections", "4"])


@pytest.mark.parametrize("tool", [perftest.WRITE, perftest.READ, perftest.SEND])
def test_perftest(lab: Lab, case: Run, alpha: Guest, tool: str) -> None:
    """perftest's program of that name (-R) against ours: its parameters travel by SENDs on a
    connection of their own, then 5 messages of 8 KiB."""
    given = ["--size", "8192", "--iterations", "5"]
    argv = [*PYTHON, "-m", "peers.perftest", "server", tool, lab.host.ipv4, *given]
    with lab.host.background(argv, case.folder / "soft.log", until=perftest.LISTENING) as ours:
        alpha.run(tools.perftest(tool, "-R -F -s 8192 -n 5", lab.host.ipv4))
        assert ours.process.wait(30) == 0


def test_ibv_rc_pingpong(lab: Lab, case: Run, alpha: Guest) -> None:
    """ibv_rc_pingpong against ours: queue pairs without a connection manager, so a capture that
    begins with data (what was told over TCP is not in it)."""
    given = ["--size", "4096", "--rounds", "10"]
    argv = [*PYTHON, "-m", "peers.pingpong", "server", lab.host.ipv4, lab.host.ipv4, *given]
    with lab.host.background(argv, case.folder / "soft.log", until=pingpong.LISTENING):
        tools.pingpong_client(alpha, alpha.ipv4, lab.host.ipv4, "-s 4096 -n 10")


def test_connections(lab: Lab, case: Run, alpha: Guest) -> None:
    """The connection manager alone: a REQ that nobody listens for (REJ), an RTU that is lost (REP
    again), and a stale connection (the same queue pair again, REJ, and DREQ for the old one)."""
    lab.host.run([*RPING, "client", alpha.ipv4, "--port", "9"], check=False)
    argv = [*RPING, "client", alpha.ipv4, "--rounds", "1", "--size", "64"]
    with (
        tools.rping_server(alpha, alpha.ipv4, iterations=1, size=64),
        losing(alpha, RTU, sent=False) as lost,
        lab.host.background(argv, case.folder / "rtu.log") as ours,
    ):
        while not lost.count():
            assert ours.process.running, ours.output()
        lost.end()
        assert ours.process.wait(100) == 0, ours.output()
    argv = [*PYTHON, "-m", "peers.idle", "client", alpha.ipv4, "--reborn"]
    with alpha.background(f"rping -s -P -a {alpha.ipv4} -p {tools.RPING_PORT}"):
        tools.await_cm_listener(alpha, tools.RPING_PORT)
        for name in ("first.log", "second.log"):
            with lab.host.background(argv, case.folder / name, until=idle.UP) as ours:
                ours.process.signal(signal.SIGKILL)
                ours.process.wait(10)
