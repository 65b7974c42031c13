"""The owner of a peer on this host: the kernel knows the owner of every socket.

Over shared memory the Unix socket says it (``providers.shm.rendezvous``). Over TCP the peer's
socket is looked up by its two addresses, over UDP by the address that it is bound to; through
``NETLINK_SOCK_DIAG`` (sock_diag(7)), or in the tables of /proc/net if that is not available.

The kernel reports owner 0 for sockets that no process holds: closed ones whose data are still on
their way, those in TIME_WAIT, those not yet accepted. None of them has an inode, so an answer
without an inode does not count. Sockets of the kernel itself have one and are root's; that of its
own soft-RoCE, which serves every user, is bound to no address and so is never looked at here.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, NamedTuple

from ..rpc.channel import UNKNOWN_USER, Owner
from .homes import is_held_at_home

_SOCK_DIAG: Final = 4
_ROUTE: Final = 0
_DIAG_BY_FAMILY: Final = 20
_GET_ROUTE: Final = 26
_NEW_ROUTE: Final = 24
_ERROR: Final = 2
_DONE: Final = 3
_REQUEST: Final = 1
_DUMP: Final = 0x300
_RTA_DST: Final = 1
_RTA_OIF: Final = 4
_LOCAL: Final = 2  # RTN_LOCAL

_HEADER = struct.Struct("=IHHII")
_DIAG_REQUEST = struct.Struct("=BBBxI")
_DIAG_ID = struct.Struct(">HH16s16s")
_DIAG_REST = struct.Struct("=III")
_DIAG_ANSWER = struct.Struct("=BBxx")
_DIAG_OWNER = struct.Struct("=II")
_OWNER_AT: Final = 4 + 48 + 12
_ROUTE_MESSAGE = struct.Struct("=8BI")
_ATTRIBUTE = struct.Struct("=HH")
_NO_COOKIE: Final = 0xFFFFFFFF
_ESTABLISHED: Final = 1
_FIN_WAIT: Final = (4, 5)
_CLOSE_WAIT: Final = 8
_LIVING: Final = (_ESTABLISHED, *_FIN_WAIT, _CLOSE_WAIT)
"""States of a TCP socket in which a process may hold it: half-closed ones too."""
_SHORTAGES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
_PATIENCE_S: Final = 2.0
_OVERFLOW: Final = 65534
_WHOLE_MAP: Final = ["0", "0", "4294967295"]

Address = IPv4Address | IPv6Address


class _Socket(NamedTuple):
    """A socket as the kernel reports it."""

    state: int
    local: tuple[Address, int]
    remote: tuple[Address, int]
    uid: int
    inode: int


_NOBODY_KNOWS: Final = Owner(UNKNOWN_USER)


def owner_of_peer(connected: socket.socket) -> Owner | None:
    """Return the owner of the process at the other end of a TCP connection.

    None if the peer is on another host. Its user is ``UNKNOWN_USER`` if it is on this host and the
    kernel cannot tell its owner, as happens if the peer has closed its socket already. Raises
    ``OSError`` if the kernel cannot be asked.
    """
    try:
        local, remote = _end(connected.getsockname()), _end(connected.getpeername())
    except (OSError, ValueError):
        return _NOBODY_KNOWS  # it is gone
    if not is_this_host(connected.getpeername()[0]):
        return None
    for found in _tcp_sockets(remote, local):
        if (found.local, found.remote) == (remote, local) and found.state in _LIVING:
            return _owner(found)
    return _NOBODY_KNOWS


def owner_of_port(host: str, port: int) -> Owner | None:
    """Return the owner of the socket bound to this UDP port of this very address.

    None if the address is another host's. A socket bound to no particular address does not count.
    If several sockets share the address, they must all be one user's. Raises ``OSError`` if the
    kernel cannot be asked.
    """
    if not is_this_host(host):
        return None
    where = _plain(host), port
    owners = {_owner(found) for found in _udp_sockets(where) if found.local == where}
    return owners.pop() if len(owners) == 1 else _NOBODY_KNOWS


def _owner(found: _Socket) -> Owner:
    if not found.inode:
        return _NOBODY_KNOWS
    uid = known_user(found.uid)
    return Owner(uid, at_home=uid == 0 and is_held_at_home(found.inode))


def known_user(uid: int) -> int:
    """Return the user that a number from the kernel stands for.

    In a user namespace that does not have all users, all others have the same number.
    """
    return UNKNOWN_USER if uid == _OVERFLOW and not _has_all_users() else uid


def is_this_host(host: str) -> bool:
    """Return whether an address is one of this host's own, by its routing tables.

    Raises ``OSError`` if the kernel cannot be asked. A local user can bring that about, and must
    not look like another host then.
    """
    try:
        address = _plain(host)
    except ValueError:
        return False
    if address.is_loopback:
        return True
    try:
        return _route_type(address, host.partition("%")[2]) == _LOCAL
    except OSError as error:
        _raise_shortage(error)
        return _can_bind(address)


@cache
def _has_all_users() -> bool:
    try:
        return Path("/proc/self/uid_map").read_text().split() == _WHOLE_MAP
    except FileNotFoundError:
        return False  # no /proc here


def _plain(host: str) -> Address:
    """Return an address without its scope, and a mapped one as IPv4. Raises ``ValueError``."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _end(name: tuple[str, int]) -> tuple[Address, int]:
    return _plain(name[0]), name[1]


# --- Finding sockets ---


def _tcp_sockets(end: tuple[Address, int], other: tuple[Address, int]) -> Iterable[_Socket]:
    """Return sockets, among them the one that is ``end`` of the connection to ``other``."""
    try:
        found = list(_diagnose(socket.IPPROTO_TCP, end, other, _REQUEST))
    except OSError as error:
        if error.errno == errno.ENOENT:
            return []
        _raise_shortage(error)
        found = []
    # A socket that is not the one asked for may be an answer too: one that listens there.
    return found or _listed("tcp")


def _udp_sockets(end: tuple[Address, int]) -> Iterable[_Socket]:
    other = (type(end[0])(0), 0)
    try:
        found = list(_diagnose(socket.IPPROTO_UDP, end, other, _REQUEST | _DUMP))
    except OSError as error:
        _raise_shortage(error)
        found = []
    return found or _listed("udp")


def _diagnose(
    protocol: int, end: tuple[Address, int], other: tuple[Address, int], flags: int
) -> Iterator[_Socket]:
    family = socket.AF_INET if end[0].version == 4 else socket.AF_INET6
    request = (
        _DIAG_REQUEST.pack(family, protocol, 0, 0xFFFFFFFF)
        + _DIAG_ID.pack(end[1], other[1], end[0].packed, other[0].packed)
        + _DIAG_REST.pack(0, _NO_COOKIE, _NO_COOKIE)
    )
    for kind, body in _ask(_SOCK_DIAG, _DIAG_BY_FAMILY, flags, request):
        if kind == _DIAG_BY_FAMILY and len(body) >= _OWNER_AT + _DIAG_OWNER.size:
            family, state = _DIAG_ANSWER.unpack_from(body)
            port, other_port, local, remote = _DIAG_ID.unpack_from(body, _DIAG_ANSWER.size)
            uid, inode = _DIAG_OWNER.unpack_from(body, _OWNER_AT)
            here = _unpacked(family, local), port
            there = _unpacked(family, remote), other_port
            yield _Socket(state, here, there, uid, inode)


def _unpacked(family: int, packed: bytes) -> Address:
    return _plain(socket.inet_ntop(family, packed[:4] if family == socket.AF_INET else packed))


def _listed(protocol: str) -> Iterator[_Socket]:
    """Yield all sockets of a protocol, from the tables in /proc/net."""
    for name in (protocol, protocol + "6"):
        try:
            lines = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except FileNotFoundError:
            continue  # no IPv6
        for line in lines:
            words = line.split()
            local, remote, state = words[1:4]
            here, there = _hexadecimal(local), _hexadecimal(remote)
            yield _Socket(int(state, 16), here, there, int(words[7]), int(words[9]))


def _hexadecimal(text: str) -> tuple[Address, int]:
    """Decode an address of /proc/net: words in the processor's byte order, and a port."""
    digits, _, port = text.partition(":")
    octets = bytes.fromhex(digits)
    words = struct.unpack(f"={len(octets) // 4}I", octets)
    packed = struct.pack(f">{len(words)}I", *words)
    return _unpacked(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed), int(port, 16)


# --- Asking the kernel ---


def _route_type(address: Address, interface: str) -> int:
    """Return the type of the route to ``address``. Raises ``OSError``."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    request = _ROUTE_MESSAGE.pack(family, address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    request += _attribute(_RTA_DST, address.packed)
    if interface:
        request += _attribute(_RTA_OIF, struct.pack("=I", socket.if_nametoindex(interface)))
    for kind, body in _ask(_ROUTE, _GET_ROUTE, _REQUEST, request):
        if kind == _NEW_ROUTE:
            return int(_ROUTE_MESSAGE.unpack_from(body)[7])
    return 0


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value


def _can_bind(address: Address) -> bool:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError as error:
            _raise_shortage(error)
            return False
    return True


def _raise_shortage(error: OSError) -> None:
    if error.errno in _SHORTAGES:
        raise error


def _ask(family: int, kind: int, flags: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kernel's messages in answer to a request (netlink(7)). Raises ``OSError``."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family) as asking:
        asking.settimeout(_PATIENCE_S)
        asking.bind((0, 0))
        asking.sendto(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body, (0, 0))
        while True:
            data, sender = asking.recvfrom(1 << 16)
            if sender[0] != 0:
                continue  # any process may write to the socket, but only the kernel is number 0
            at = 0
            while at + _HEADER.size <= len(data):
                length, answer, _, _, _ = _HEADER.unpack_from(data, at)
                content = data[at + _HEADER.size : at + length]
                at += length + 3 & ~3
                if answer == _ERROR:
                    (code,) = struct.unpack_from("=i", content)
                    if code:
                        raise OSError(-code, os.strerror(-code))
                    return
                if answer == _DONE or length < _HEADER.size:
                    return
                yield answer, content
            if not flags & _DUMP:
                return
