"""The checks of ``nfsrdma doctor``: what this machine offers, and what to do about the rest."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

ROCE_PORT = 4791
UDP_SEGMENT = 103
UDP_GRO = 104
WANTED_BUFFER = 4 << 20
CAP_SYS_ADMIN = 21

GOOD, FAIR, BAD = "good", "fair", "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: ``verdict`` is GOOD, FAIR or BAD; ``advice`` may be empty."""

    what: str
    verdict: str
    found: str
    advice: str = ""


def check_python() -> Finding:
    """Check the interpreter, and the checksum library that the user-space provider needs."""
    version = ".".join(map(str, sys.version_info[:3]))
    if importlib.util.find_spec("zlib_ng") is None:
        return Finding(
            "Python and CRC-32",
            FAIR,
            f"{version}, CRC-32 by zlib",
            "pip install zlib-ng: the packet checksum of the soft provider is 3 to 5 times quicker",
        )
    return Finding("Python and CRC-32", GOOD, f"{version}, CRC-32 by zlib-ng")


NATIVE_MODULES = {
    "nfsrdma.client._quick": "calls",
    "nfsrdma.dissector.capture._guard": "captures",
    "nfsrdma.rpcrdma._future": "tasks",
    "nfsrdma.rpcrdma.io._exchange": "TCP calls",
    "nfsrdma.rpcrdma.io._serve": "TCP replies",
    "nfsrdma.rpcrdma.providers._udp": "datagrams",
    "nfsrdma.rpcrdma.providers.shm._talk": "shared memory",
    "nfsrdma.rpcrdma.roce.packets._kernel": "RoCE packets",
    "nfsrdma.rpcrdma.rpc._lanes": "lanes of procedures",
    "nfsrdma.rpcrdma.transport._short": "short messages",
    "nfsrdma.server.engine._lane": "lane",
    "nfsrdma.server.vfs._entries": "listings",
    "nfsrdma.xdr._codec": "XDR",
}
"""The optional compiled modules and what they do. Each has a twin in Python."""


def check_native() -> Iterator[Finding]:
    """Check whether the compiled modules run, or their twins in Python, and why."""
    for module, what in NATIVE_MODULES.items():
        title = f"Native code, {what}"
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            advice = (
                "the Python twin does the same work more slowly. No compiler was found when this "
                "was installed: apt-get install gcc python3-dev, then install again"
            )
            yield Finding(title, FAIR, "not built", advice)
        except ImportError as error:
            advice = "unset NFSRDMA_NATIVE, or install again if it does not fit this Python"
            yield Finding(title, FAIR, str(error), advice)
        else:
            yield Finding(title, GOOD, "runs")


_PACKAGE = Path(__file__).parents[1]


def check_compiled(package: Path = _PACKAGE) -> Finding:
    """Check whether the dissector was compiled from its own source; ``package`` is where it is."""
    title = "Compiled dissector"
    folder = package / "dissector"
    if not any((folder / f"pipeline{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
        return Finding(
            title,
            FAIR,
            "not built",
            "the same source runs interpreted, in about twice the time. As no part of the "
            "development tree: NFSRDMA_COMPILED=1 pip install, with gcc and python3-dev",
        )
    if os.environ.get("NFSRDMA_NATIVE") == "0":
        return Finding(title, FAIR, "switched off by NFSRDMA_NATIVE=0", "unset NFSRDMA_NATIVE")
    return Finding(title, GOOD, "runs")


def check_rdma_devices(root: Path = Path("/sys/class/infiniband")) -> Finding:
    """Check the kernel's RDMA devices: adapters, soft-RoCE and siw."""
    devices = sorted(p.name for p in root.iterdir()) if root.is_dir() else []
    if not devices:
        return Finding(
            "RDMA devices",
            FAIR,
            "none",
            "nothing to do: the soft provider needs none. For kernel soft-RoCE, as root: "
            "modprobe rdma_rxe && rdma link add rxe0 type rxe netdev eth0",
        )
    return Finding("RDMA devices", GOOD, ", ".join(devices))


def check_pyverbs() -> Finding:
    """Check the package that the verbs provider needs."""
    if importlib.util.find_spec("pyverbs") is None:
        return Finding(
            "pyverbs",
            FAIR,
            "not installed",
            "only for RDMA devices: apt-get install python3-pyverbs",
        )
    return Finding("pyverbs", GOOD, "installed")


def check_roce_port() -> Finding:
    """Check who has UDP port 4791 of the loopback addresses: the soft provider needs it."""
    addresses = [f"127.0.0.{host}" for host in range(1, 9)]
    taken = [address for address in addresses if not _can_bind(address, ROCE_PORT)]
    if not taken:
        return Finding("UDP port 4791", GOOD, "free")
    if taken == addresses:
        return Finding(
            "UDP port 4791",
            BAD,
            "in use on every loopback address",
            "something listens on 0.0.0.0:4791 (kernel soft-RoCE does): run the soft provider in "
            "another network namespace, or use that device; `ss -lunp sport = :4791` tells who",
        )
    return Finding(
        "UDP port 4791",
        FAIR,
        f"in use on {', '.join(taken)}",
        "another nfsrdma on this host, or kernel soft-RoCE: `ss -lunp sport = :4791` tells; "
        "programs of one user share it, and a client of this host picks another loopback address",
    )


def _can_bind(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def check_segmentation() -> Finding:
    """Check UDP segmentation offload, which saves four of five system calls."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1024)
            probe.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        except OSError as error:
            return Finding(
                "UDP GSO and GRO",
                FAIR,
                os.strerror(error.errno or 0),
                "Linux 5.0 or newer has both; without them one packet goes per system call",
            )
    return Finding("UDP GSO and GRO", GOOD, "available")


def check_buffers(root: Path = Path("/proc/sys/net/core")) -> Finding:
    """Check how large a socket buffer an ordinary user may ask for."""
    limits = {}
    for name in ("rmem_max", "wmem_max"):
        try:
            limits[name] = int((root / name).read_text())
        except (OSError, ValueError):
            return Finding("Socket buffers", FAIR, "unknown", f"{root / name} cannot be read")
    found = ", ".join(f"{name} {value:,}" for name, value in limits.items())
    if min(limits.values()) >= WANTED_BUFFER or os.geteuid() == 0:
        return Finding("Socket buffers", GOOD, found)
    return Finding(
        "Socket buffers",
        FAIR,
        found,
        f"as root: sysctl -w net.core.rmem_max={WANTED_BUFFER} net.core.wmem_max={WANTED_BUFFER} "
        "(fewer packets are lost when both ends are quick)",
    )


def check_ipv6() -> Finding:
    """Check whether the address ::1 exists."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        return Finding("IPv6", FAIR, error.strerror or str(error), "IPv4 works without it")
    return Finding("IPv6", GOOD, "loopback works")


def check_shared_memory() -> Finding:
    """Check whether client and server on this host can use shared memory, and who does."""
    from nfsrdma.rpcrdma.providers.choice import local_servers
    from nfsrdma.rpcrdma.providers.shm.order import SUITABLE

    if not SUITABLE or not hasattr(os, "memfd_create"):
        return Finding("Shared memory", FAIR, "not on this machine", "x86-64 Linux has it")
    servers = local_servers()
    if not servers:
        return Finding("Shared memory", GOOD, "available; no server of this host offers it now")
    return Finding("Shared memory", GOOD, f"available; servers at {', '.join(servers)}")


def check_fuse() -> Finding:
    """Check whether this user can mount by FUSE: the device opens, and the kernel will mount."""
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        return Finding("FUSE", FAIR, "/dev/fuse is absent", "as root: modprobe fuse")
    except OSError as error:
        advice = "as root: chmod 0666 /dev/fuse; in a container: --device /dev/fuse"
        return Finding("FUSE", FAIR, f"/dev/fuse: {os.strerror(error.errno or 0)}", advice)
    if _has_capability(CAP_SYS_ADMIN):
        return Finding("FUSE", GOOD, "available")
    helper = shutil.which("fusermount3")
    if helper is None:
        return Finding("FUSE", FAIR, "no fusermount3", "apt-get install fuse3")
    if not os.stat(helper).st_mode & stat.S_ISUID:
        advice = f"as root: chmod u+s {helper}; in a container: --cap-add SYS_ADMIN"
        return Finding("FUSE", FAIR, f"{helper} is not set-user-ID", advice)
    return Finding("FUSE", GOOD, "available")


def _has_capability(number: int) -> bool:
    """Return whether this process may do what a capability is for."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return os.geteuid() == 0
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    return effective is not None and bool(int(effective[1], 16) >> number & 1)


def check_firewall() -> Finding:
    """Check whether packets to the RDMA port can come in; only root may look."""
    title = "Firewall"
    if shutil.which("nft") is None:
        return Finding(title, GOOD, "no nft here; others were not looked for")
    listed = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=False)
    if listed.returncode:
        return Finding(title, GOOD, "only root can look: nft list ruleset")
    inward = re.findall(r"hook input.*?policy (\w+)", listed.stdout, re.DOTALL)
    if "drop" in inward and str(ROCE_PORT) not in listed.stdout:
        advice = (
            f"other hosts' packets do not come in: allow udp dport {ROCE_PORT} (RDMA), and "
            "tcp dport 2049 if you serve TCP"
        )
        return Finding(title, FAIR, "drops what it has no rule for", advice)
    return Finding(title, GOOD, "lets packets to the RDMA port in")


def check_tshark() -> Finding:
    """Check Wireshark's command line, the second opinion on captures."""
    path = shutil.which("tshark")
    if path is None:
        return Finding("tshark", FAIR, "not installed", "apt-get install tshark")
    run = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return Finding("tshark", GOOD, run.stdout.partition("\n")[0].strip() or path)


def check_qemu() -> Finding:
    """Check what the interoperability lab needs to boot its Linux guests."""
    if shutil.which("qemu-system-x86_64") is None:
        return Finding(
            "QEMU",
            FAIR,
            "not installed",
            "only for real Linux peers: apt-get install qemu-system-x86",
        )
    kvm = "with" if os.access("/dev/kvm", os.R_OK | os.W_OK) else "without"
    return Finding("QEMU", GOOD, f"installed, {kvm} /dev/kvm")


def check_privileges() -> Finding:
    """Check for root, which nothing needs, but which lets a server act with callers' rights."""
    if os.geteuid() == 0:
        return Finding("User", GOOD, "root: callers act with their own uid, gid and groups")
    return Finding("User", GOOD, f"uid {os.geteuid()}: a server does everything as this user")


CHECKS: tuple[Callable[[], Finding], ...] = (
    check_rdma_devices,
    check_pyverbs,
    check_roce_port,
    check_segmentation,
    check_buffers,
    check_ipv6,
    check_privileges,
    check_shared_memory,
    check_fuse,
    check_firewall,
    check_tshark,
    check_qemu,
)


def findings() -> Iterator[Finding]:
    """Yield the findings of all checks, in the order of the table."""
    yield check_python()
    yield from check_native()
    yield check_compiled()
    for check in CHECKS:
        yield check()
