"""Find the process of an RDMA connection's peer, if it is on this host."""

from __future__ import annotations

from collections.abc import Callable

from ..io.homes import is_at_home
from ..io.owners import known_user, owner_of_port
from ..roce.cm.cm_id import CmId
from ..roce.cm.manager import ROCE_PORT
from ..rpc.channel import UNKNOWN_USER, Owner
from ..verbs.interfaces import Connection, Device
from .shm.connection import ShmConnection


def owner_finder(device: Device) -> Callable[[Connection], Owner | None] | None:
    """Return what finds the owners of a device's peers; ``None`` for a simulated device."""
    return None if device.name.startswith("sim:") else _owner_of


def _owner_of(connection: Connection) -> Owner | None:
    """Return the owner of the peer as the kernel tells it; ``None`` for a peer on another host.

    In shared memory that is the process that connected to the Unix socket. With packets it is the
    one that has bound the port that answers go to: RoCE's, or the peer's own. Another user of this
    host can send *from* that address too, but does not get the answers, and without the answer to
    EXCHANGE_ID there is no session. Which process uses an adapter cannot be known.
    """
    if isinstance(connection, ShmConnection):
        who = connection.peer_credentials
        if who is None:
            return Owner(UNKNOWN_USER)
        uid = known_user(who.uid)
        return Owner(uid, who.groups, at_home=uid == 0 and is_at_home(who.pid))
    port = connection.remote_port[1] if isinstance(connection, CmId) else ROCE_PORT
    return owner_of_port(connection.peer_address[0], port)
