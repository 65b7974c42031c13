"""The machine that the figures depend on, and its link to the server if there is one."""

from __future__ import annotations

import fcntl
import os
import platform
import socket
import struct
import time
from pathlib import Path
from typing import Final

_SIOCGIFADDR: Final = 0x8915
_BUSY: Final = 0.25
"""Processors that others may use without a word."""
LOOPBACK: Final = (
    "Loopback: there is no link between the two ends, only this machine's memory. What wins here "
    "is a provider, not RDMA; over a link, measure again."
)


def describe_machine() -> str:
    """Return processor, number of processors, kernel, Python and load in one line."""
    cpu = platform.machine()
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    for line in text.splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    virtual = ", virtual" if "hypervisor" in text else ""
    return (
        f"{cpu}, {os.cpu_count()} cores{virtual}; Linux {platform.release().partition('-')[0]}; "
        f"Python {platform.python_version()}; load {os.getloadavg()[0]:.1f}"
    )


def busy_processors(seconds: float = 0.5, table: Path = Path("/proc/stat")) -> float | None:
    """Return how many processors have been busy, on the mean of some seconds; None if not known.

    Unlike the load it knows nothing of what was before, and does not count who waits.
    """
    try:
        before = _jiffies(table)
        time.sleep(seconds)
        after = _jiffies(table)
    except (OSError, ValueError, IndexError):
        return None
    total = sum(after) - sum(before)
    idle = sum(after[3:5]) - sum(before[3:5])  # idle, and waiting for a disk
    return (os.cpu_count() or 1) * (1 - idle / total) if total > 0 else None


def describe_business(busy: float | None) -> str | None:
    """Return a warning if others use the processors; None if that is nothing to speak of."""
    if busy is None or busy < _BUSY:
        return None
    return (
        f"Busy machine: other programs use {busy:.1f} of {os.cpu_count()} processors. Do not trust "
        "figures of this run, nor compare them with others'."
    )


def _jiffies(table: Path) -> list[int]:
    return [int(word) for word in table.read_text().splitlines()[0].split()[1:9]]


def describe_link(host: str, port: int, root: Path = Path("/sys/class")) -> str:
    """Return the interface that leads to ``host`` and its rate, or that there is none."""
    local = _local_address(host, port)
    if local is None:
        return f"The way to {host} is not known."
    if local.startswith("127.") or local in ("::1", _resolved(host, port)):
        return LOOPBACK
    name = _interface(local)
    if name is None:
        return f"Link: from {local}, whose interface is not known."
    facts = [f"Link: {name}"]
    speed = _number(root / "net" / name / "speed")
    if speed is not None and speed > 0:
        facts.append(f"{speed:,} Mb/s = at most {speed / 8:,.0f} MB/s")
    else:
        facts.append("speed not told by its driver")
    mtu = _number(root / "net" / name / "mtu")
    if mtu is not None:
        facts.append(f"MTU {mtu}")
    facts += rdma_ports(root)
    return ", ".join(facts) + "."


def rdma_ports(root: Path = Path("/sys/class")) -> list[str]:
    """Return the RDMA devices with the rate of each port, in the kernel's words."""
    found = []
    for rate in sorted(root.glob("infiniband/*/ports/*/rate")):
        try:
            found.append(f"{rate.parts[-4]} port {rate.parts[-2]}: {rate.read_text().strip()}")
        except OSError:
            continue
    return found


def _local_address(host: str, port: int) -> str | None:
    """Return the address from which this machine would speak to ``host``. Sends no packet."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(found[0], socket.SOCK_DGRAM) as probe:
            probe.connect(found[4])
            return str(probe.getsockname()[0])
    except OSError:
        return None


def _resolved(host: str, port: int) -> str:
    return str(socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][4][0])


def _interface(address: str) -> str | None:
    """Return the interface that has ``address``."""
    if ":" in address:
        plain = socket.inet_pton(socket.AF_INET6, address.partition("%")[0]).hex()
        table = Path("/proc/net/if_inet6")
        for line in table.read_text().splitlines() if table.exists() else ():
            fields = line.split()
            if fields[0] == plain:
                return fields[5]
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
