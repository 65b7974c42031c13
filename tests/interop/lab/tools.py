"""The RDMA programs that Linux brings along, as recipes for a guest: servers, clients, devices."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import ip_address

from .command import Result
from .guest import DEVICE, Guest, Job
from .packages import LabError

RPING_PORT = 7174
UCMATOSE_PORT = 7471
PERFTEST_PORT = 18515

#: perftest's options for four seconds, of which the first and the last do not count.
FOR_A_WHILE = "-D 4 -f 1"
_MEASURED_SECONDS = 2


@contextlib.contextmanager
def rping_server(
    guest: Guest, address: str, *, iterations: int = 10, size: int = 4000
) -> Iterator[Job]:
    """``rping`` as a server for one client, which may use up to ``size`` octets."""
    command = f"rping -s -v -a {address} -p {RPING_PORT} -C {iterations} -S {size}"
    with guest.background(command) as job:
        await_cm_listener(guest, RPING_PORT)
        yield job


def rping_client(
    guest: Guest,
    address: str,
    *,
    iterations: int = 10,
    size: int = 4000,
    timeout: float = 60.0,
    check: bool = True,
) -> Result:
    """``rping`` as a client: per round the server reads ``size`` octets and writes them back.

    The client compares (``-V``). Its exit status may be 0 when the server gave up, so the rounds
    are counted.
    """
    command = f"rping -c -v -V -a {address} -p {RPING_PORT} -C {iterations} -S {size}"
    result = guest.run(command, timeout=timeout, check=check)
    rounds = result.stdout.count("ping data:")
    if check and rounds != iterations:
        raise LabError(f"{guest.name}: {rounds} of {iterations} rounds: {result}")
    return result


@contextlib.contextmanager
def ucmatose_server(
    guest: Guest, address: str, *, connections: int = 1, messages: int = 10, size: int = 1000
) -> Iterator[Job]:
    """``ucmatose`` as a server: on each connection it sends ``messages`` and awaits as many."""
    command = f"ucmatose -b {address} -c {connections} -C {messages} -S {size}"
    with guest.background(command) as job:
        await_cm_listener(guest, UCMATOSE_PORT)
        yield job


def ucmatose_client(
    guest: Guest,
    address: str,
    *,
    connections: int = 1,
    messages: int = 10,
    size: int = 1000,
    timeout: float = 60.0,
    check: bool = True,
) -> Result:
    """``ucmatose`` as a client."""
    family = " -f ip6" if ":" in address else ""
    command = f"ucmatose -s {address}{family} -c {connections} -C {messages} -S {size}"
    return guest.run(command, timeout=timeout, check=check)


def perftest(tool: str, options: str, address: str = "") -> str:
    """One of perftest's programs as a command: a server, or with ``address`` its client."""
    return f"{tool} {options} -d {DEVICE} -p {PERFTEST_PORT} {address}"


@contextlib.contextmanager
def perftest_server(guest: Guest, tool: str, options: str = "-R") -> Iterator[Job]:
    """One of perftest's programs (``ib_write_bw`` and so on) as a server for one client."""
    with guest.background(perftest(tool, options)) as job:
        if "-R" in options.split():
            await_cm_listener(guest, PERFTEST_PORT)
        else:
            _await_tcp_listener(guest, PERFTEST_PORT)
        yield job


def perftest_client(
    guest: Guest, tool: str, address: str, options: str = "-R", timeout: float = 60.0
) -> float:
    """The same as a client; both sides need the same options. MB/s, or microseconds (``_lat``)."""
    columns = _figures(guest, perftest(tool, options, address), timeout)
    # Bandwidth: bytes, iterations, peak, AVERAGE; latency: bytes, iterations, min, max, TYPICAL.
    return float(columns[4] if tool.endswith("_lat") else columns[3])


def perftest_per_second(guest: Guest, tool: str, address: str, options: str) -> float:
    """Iterations per second by the guest's clock, both sides with `FOR_A_WHILE` in their options.

    What perftest itself makes of them rests on the frequency of the processor's cycle counter,
    which it cannot find out in an emulated guest: it may say anything, ``inf`` too.
    """
    columns = _figures(guest, perftest(tool, options, address), 60.0)
    return int(columns[1]) / _MEASURED_SECONDS


def _figures(guest: Guest, command: str, timeout: float) -> list[str]:
    """The columns of the last line that begins with two whole numbers."""
    result = guest.run(command, timeout=timeout)
    rows = [line.split() for line in result.stdout.splitlines()]
    rows = [row for row in rows if len(row) > 3 and row[0].isdigit() and row[1].isdigit()]
    if not rows:
        raise LabError(f"{guest.name}: no figures in: {result}")
    return rows[-1]


@contextlib.contextmanager
def pingpong_server(guest: Guest, address: str, options: str = "") -> Iterator[Job]:
    """``ibv_rc_pingpong`` as a server; it makes queue pairs by hand, without the CM (``-c``: it
    checks the data)."""
    with guest.background(_pingpong(guest, address, options)) as job:
        _await_tcp_listener(guest, PERFTEST_PORT)
        yield job


def pingpong_client(guest: Guest, address: str, server: str, options: str = "") -> Result:
    """``ibv_rc_pingpong`` as a client of ``server``; ``address`` is the guest's own."""
    return guest.run(f"{_pingpong(guest, address, options)} {server}")


def _pingpong(guest: Guest, address: str, options: str) -> str:
    index = gid_index(guest, address)
    return f"ibv_rc_pingpong -d {DEVICE} -g {index} -p {PERFTEST_PORT} -c {options}"


def gid_index(guest: Guest, address: str) -> int:
    """The index of an address in the device's table of GIDs."""
    wanted = ip_address(address)
    if wanted.version == 4:
        wanted = ip_address(f"::ffff:{address}")
    folder = f"/sys/class/infiniband/{DEVICE}/ports/1/gids"
    # Empty entries read as an error; grep goes on.
    listing = guest.run(f"cd {folder} && grep -H . * 2>/dev/null", check=False).stdout
    for line in listing.splitlines():
        index, _, gid = line.partition(":")
        if ip_address(gid) == wanted:
            return int(index)
    raise LabError(f"{guest.name}: {DEVICE} has no GID for {address}")


def await_cm_listener(guest: Guest, port: int) -> None:
    """Wait until a program of this guest listens at a port of the RDMA connection manager."""
    _await(guest, f"rdma resource show cm_id | grep LISTEN | grep -q ':{port} '")


def _await_tcp_listener(guest: Guest, port: int) -> None:
    _await(guest, f"ss -Hltn sport = :{port} | grep -q .")


def _await(guest: Guest, test: str) -> None:
    guest.run(f"for i in $(seq 100); do {test} && exit 0; sleep 0.1; done; exit 1")
