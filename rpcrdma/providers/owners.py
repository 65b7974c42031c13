"""Whose process the peer of an RDMA connection is, if it is on this host."""

from __future__ import annotations

from collections.abc import Callable

from ..io.homes import is_at_home
from ..io.owners import known_user, owner_of_port
from ..roce.cm.manager import ROCE_PORT
from ..rpc.channel import UNKNOWN_USER, Owner
from ..verbs.interfaces import Connection, Device
from .shm.connection import ShmConnection


def owner_finder(device: Device) -> Callable[[Connection], Owner | None] | None:
    """What tells the owners of a device's peers; None where there are no processes (``sim``)."""
    return None if device.name.startswith("sim:") else _owner_of


def _owner_of(connection: Connection) -> Owner | None:
    """The owner by the kernel's word; None for a peer on another host.

    In shared memory that is who connected to the Unix socket. With packets it is who has bound the
    port that they come from: RoCE has one for all. Another user of this host can send *from* that
    address too, but is not told what is answered, and without the answer to EXCHANGE_ID there is no
    session. Of an adapter nobody can tell which process uses it.
    """
    if isinstance(connection, ShmConnection):
        who = connection.peer_credentials
        if who is None:
            return Owner(UNKNOWN_USER)
        uid = known_user(who.uid)
        return Owner(uid, who.groups, at_home=uid == 0 and is_at_home(who.pid))
    return owner_of_port(connection.peer_address[0], ROCE_PORT)
