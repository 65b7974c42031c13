"""A private network: a namespace with a bridge, and the processes that live in it.

Nothing has a name outside. A keeper process holds a network and a PID namespace; it reads a pipe
whose other end only this process has. However this process ends, the keeper reads its end, the
kernel then kills everything in the PID namespace, and with the last process goes the network. So
two labs cannot collide, and none leaves anything behind.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from .packages import LabError

#: Addresses by host number: 1 is this host (on the bridge), guests count from 11.
IPV4_PREFIX = "10.99.0."
IPV6_PREFIX = "fd99::"
HOST_NUMBER = 1

#: Large enough for rxe to choose a path MTU of 4096; 1500 makes it 1024.
LARGE_MTU = 4500
SMALL_MTU = 1500

BRIDGE = "br0"

#: The bridge's own, of the series of the guests'. Left alone a bridge takes the lowest one of its
#: ports, so one more guest may change the host's; Linux then ends every RDMA connection that is
#: being made to the old one, and the guest's mount says "Network is unreachable".
BRIDGE_ADDRESS = f"52:54:00:99:00:{HOST_NUMBER:02x}"


def ipv4(number: int) -> str:
    """The IPv4 address of a host on the bridge."""
    return f"{IPV4_PREFIX}{number}"


def ipv6(number: int) -> str:
    """The IPv6 address of a host on the bridge; its last group reads like the IPv4 one's."""
    return f"{IPV6_PREFIX}{number}"


class Peer(Protocol):
    """Something on the bridge: a guest, or this host."""

    ipv4: str
    ipv6: str


class Process:
    """A process in the lab's namespaces.

    `popen` is nsenter, which waits for the real process and repeats its exit status; signals meant
    for the latter go to its whole session.
    """

    def __init__(self, popen: subprocess.Popen[str], name: str) -> None:
        self.popen = popen
        self.name = name

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.popen.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the process itself (not to nsenter, so that its exit is still seen)."""
        parent = self.popen.pid
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
                os.kill(int(child), number)

    def wait(self, timeout: float) -> int:
        """Its exit status; raises `subprocess.TimeoutExpired`."""
        return self.popen.wait(timeout)

    def stop(self, timeout: float = 5.0) -> int:
        """Ask it to end, kill it when it does not, and return its exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.wait(timeout)

    def kill(self) -> None:
        """Kill it and all that it started, at once."""
        if self.running:
            os.killpg(self.popen.pid, signal.SIGKILL)


class Network:
    """The namespaces, the bridge and its taps; a context manager."""

    def __init__(self, mtu: int = LARGE_MTU) -> None:
        self.mtu = mtu
        self.taps: list[str] = []
        self._processes: list[Process] = []
        unshare = ("unshare", "--net", "--pid", "--fork", "--kill-child")
        self._keeper = subprocess.Popen(
            [*unshare, "--", "/bin/sh", "-c", "echo up; read nothing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != b"up\n":
            raise LabError("no network namespace: root is needed")
        proc = f"/proc/{self._keeper.pid}/ns"
        #: The beginning of a command that is to run inside.
        self.enter = ["nsenter", f"--net={proc}/net", f"--pid={proc}/pid_for_children", "--"]
        #: The same for the network alone.
        self.enter_network = ["nsenter", f"--net={proc}/net", "--"]
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def popen(
        self,
        argv: Sequence[str | Path],
        *,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        **options: Any,
    ) -> Process:
        """Start a command inside; its standard input is empty unless ``stdin`` says otherwise."""
        options.setdefault("stdin", subprocess.DEVNULL)
        popen = subprocess.Popen(
            [*self.enter, *map(str, argv)],
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
            **options,
        )
        process = Process(popen, str(argv[0]))
        self._processes = [old for old in self._processes if old.running]
        self._processes.append(process)
        return process

    def run(self, argv: Sequence[str | Path], timeout: float = 10.0) -> str:
        """Standard output of a command inside that must succeed."""
        process = self.popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            output, errors = process.popen.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        if process.popen.returncode:
            raise LabError(f"{' '.join(map(str, argv))}: {errors.strip()}")
        return str(output)

    def add_tap(self) -> str:
        """A new tap device on the bridge, for one guest."""
        tap = f"tap{len(self.taps)}"
        self._ip(f"tuntap add dev {tap} mode tap")
        self._ip(f"link set {tap} mtu {self.mtu} master {BRIDGE} up")
        self.taps.append(tap)
        return tap

    def set_mtu(self, mtu: int) -> None:
        """Set the MTU of the bridge and its taps (the guests' own is `Guest.set_mtu`)."""
        self.mtu = mtu
        for device in (*self.taps, BRIDGE):
            self._ip(f"link set {device} mtu {mtu}")

    def close(self) -> None:
        """End every process inside and the network with them."""
        for process in self._processes:
            process.kill()
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait(10)
        for process in self._processes:
            process.popen.wait(10)

    def _build(self) -> None:
        self._ip("link set lo up")
        self._ip(f"link add {BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        self._ip(f"link set {BRIDGE} address {BRIDGE_ADDRESS} mtu {self.mtu} up")
        self._ip(f"addr add {ipv4(HOST_NUMBER)}/24 dev {BRIDGE}")
        self._ip(f"addr add {ipv6(HOST_NUMBER)}/64 dev {BRIDGE} nodad")

    def _ip(self, arguments: str) -> None:
        self.run(["ip", *arguments.split()])
