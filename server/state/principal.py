"""Who manages clients and sessions: one look at a call, one way to compare.

AUTH_SYS is a claim, so what a caller says of itself counts only together with the *source* of its
connection. Clients of different sources have nothing to do with each other, no matter which owner
strings, client ids or session ids they name.
"""

from __future__ import annotations

import ipaddress
from typing import Final, NamedTuple, TypeAlias

from nfsrdma.rpcrdma.budget import network_of
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, Peer

Source: TypeAlias = tuple[str, int | None]
"""An address, and the user of the process if it is one of this host."""

THIS_HOST: Final = "this host"
"""The address of processes of this host, which may call from any of those that it has."""
SOMEWHERE: Final = "a container of this host"
_LOOPBACK: Final = ipaddress.ip_network("127.0.0.0/8")
_USUAL: Final = "127.0.0.1"


def source_of(peer: Peer) -> Source:
    """Return what all connections of one client have in common, on any transport.

    On this host that is the user alone: RDMA uses any free address, and shared memory the server's.
    Only a client that calls over TCP from an address that must be asked for, such as 127.0.0.2, is
    told from others by it.
    """
    if peer.uid is None or peer.uid < 0:
        return peer.source
    if peer.transport == "tcp" and peer.address != _USUAL and _is_loopback(peer.address):
        return peer.source
    # Root of a container may have the same number as root of this host.
    return (THIS_HOST if peer.uid or peer.at_home else SOMEWHERE), peer.uid


def may_carry(source: Source, client: Source) -> bool:
    """Return whether connections from ``source`` may carry calls of a client of ``client``.

    Each user of this host is known, so no one calls in another's session. Another host may change
    its address while its sessions live on, and would lose its state: there the session's name,
    which cannot be guessed, is enough (RFC 8881, Section 2.10.3.1).
    """
    return source == client or (source[1] is None and client[1] is None)


def share_of(source: Source) -> Source:
    """Return the holder of the share of limited things that a source uses.

    As for connections and memory, that is the user on this host, at any of its addresses
    (``budget.holder_of``), and all IPv6 addresses of another host are one.
    """
    address, user = source
    return (THIS_HOST if user else network_of(address)), user


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.version == _LOOPBACK.version and parsed in _LOOPBACK


class Principal(NamedTuple):
    """The caller, as the records of clients and sessions know it."""

    flavor: int
    uid: int
    source: Source

    @classmethod
    def of(cls, credentials: Credentials, channel: Channel) -> Principal:
        """Return the principal of a call with these credentials over that connection."""
        return cls(credentials.flavor, credentials.uid, source_of(channel.peer))

    def stands_for(self, other: Principal) -> bool:
        """Return whether this principal may manage what the other one made.

        It may if it is the same, or if the kernel says that it is the same user of this host: a
        process that may speak for several users (root, or the server's own) may use any of them.
        """
        if self == other:
            return True
        user = self.source[1]
        return self.source == other.source and user is not None and user >= 0
