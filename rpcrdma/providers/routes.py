"""Names, routes and local addresses: what the soft provider asks the operating system.

The kernel answers "how would you reach this host" when an unsent-on UDP socket is connected to
it: its own name is then the source address, and ``IP_MTU`` the path's.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from ..roce.cm.manager import ROCE_PORT, Route
from .udp import family_of

_IP_MTU = 14
_IPV6_MTU = 24
_OVERHEAD = 80
"""IPv6 40, UDP 8, BTH and the longest extension headers 28, ICRC 4: what Linux's rdma_cm
allows for as well."""
_PATH_MTUS = (4096, 2048, 1024, 512, 256)
_LOOPBACK_HOSTS = 16
_IF_INET6 = Path("/proc/net/if_inet6")
_FIB_TRIE = Path("/proc/net/fib_trie")
_LINK_LOCAL = 0x20


def resolve(name: str) -> list[str]:
    """Return the numeric addresses of a host name, best first. Raises ``OSError``: none."""
    found = socket.getaddrinfo(name, ROCE_PORT, type=socket.SOCK_DGRAM)
    hosts: dict[str, None] = {}
    for family, _, _, _, address in found:
        if family in (socket.AF_INET, socket.AF_INET6):
            host, scope = str(address[0]), address[3] if len(address) == 4 else 0
            if scope and "%" not in host:
                host = f"{host}%{socket.if_indextoname(int(scope))}"
            hosts[host] = None
    if not hosts:
        raise OSError(errno.EADDRNOTAVAIL, f"{name} has no IP address")
    return list(hosts)


def payload_mtu(link_mtu: int) -> int:
    """Return the path MTU (octets of payload) for a link's MTU. Raises ``OSError``: too small."""
    for octets in _PATH_MTUS:
        if octets + _OVERHEAD <= link_mtu:
            return octets
    raise OSError(errno.EMSGSIZE, f"a link MTU of {link_mtu} is too small for RoCEv2")


def find_route(host: str, local: str | None = None) -> Route:
    """Return the kernel's route to ``host`` (numeric). Raises ``OSError``."""
    family = family_of(host)
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        if local is not None:
            probe.bind(_numeric(local, 0))
        probe.connect(_numeric(host, ROCE_PORT))
        if family == socket.AF_INET6:
            mtu = probe.getsockopt(socket.IPPROTO_IPV6, _IPV6_MTU)
        else:
            mtu = probe.getsockopt(socket.IPPROTO_IP, _IP_MTU)
        name = probe.getsockname()
    source = str(name[0])
    if len(name) == 4 and name[3] and "%" not in source:
        source = f"{source}%{socket.if_indextoname(name[3])}"
    return Route(source, payload_mtu(mtu))


def alternatives(local: str) -> Iterator[str]:
    """Return other addresses from which this host can talk to itself if ``local`` is taken."""
    if ":" not in local:
        for last in range(1, _LOOPBACK_HOSTS):
            yield f"127.0.0.{last}"
        return
    try:
        table = _IF_INET6.read_text()
    except OSError:
        return
    for line in table.splitlines():
        digits, _, _, scope, _, _ = line.split()
        if int(scope, 16) != _LINK_LOCAL:  # a loopback address does not reach the others
            yield str(IPv6Address(int(digits, 16)))


def local_addresses(wildcard: str) -> list[str]:
    """Return this host's addresses of the family of ``wildcard``; itself if unknown."""
    try:
        if wildcard == "0.0.0.0":
            found = _local_ipv4(_FIB_TRIE.read_text())
        else:
            found = _local_ipv6(_IF_INET6.read_text())
    except OSError:
        found = []
    return found or [wildcard]


def _local_ipv4(trie: str) -> list[str]:
    """Yield the LOCAL hosts of a routing table; each is in it more than once."""
    hosts: dict[str, None] = {}
    address = ""
    for line in trie.splitlines():
        words = line.split()
        if words[0] == "|--":
            address = words[1]
        elif words == ["/32", "host", "LOCAL"]:
            hosts[address] = None
    return list(hosts)


def _local_ipv6(table: str) -> list[str]:
    hosts = []
    for line in table.splitlines():
        digits, _, _, scope, _, interface = line.split()
        host = str(IPv6Address(int(digits, 16)))
        hosts.append(f"{host}%{interface}" if int(scope, 16) == _LINK_LOCAL else host)
    return hosts


def is_local(host: str) -> bool:
    """Return whether ``host`` is one of this host's addresses."""
    if ip_address(host.partition("%")[0]).is_loopback:
        return True
    with socket.socket(family_of(host), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(_numeric(host, 0))
        except OSError:
            return False
    return True


def _numeric(host: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    if "%" not in host:
        return (host, port)
    address, _, interface = host.partition("%")
    return (address, port, 0, socket.if_nametoindex(interface))
