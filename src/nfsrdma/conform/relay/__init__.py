"""A man in the middle between a client and a server, who sees and changes all that passes.

message   one RPC-over-RDMA message on its way, and what is to become of it
streams   what is in a call: its operations, and where its eligible items are
link      one connection of a client and the one to the server that belongs to it
relay     the port that clients connect to, and all its links

Both sides are terminated: chunks are fetched, kept here, and offered to the other side in memory of
the relay's own. So each octet, length and handle that either side sees can be another than it was.
"""

from .link import Link
from .message import CALL, CALLBACK, ERROR, OTHER, REPLY, Cut, Passing
from .relay import Bounds, Relay, Script

__all__ = [
    "CALL",
    "CALLBACK",
    "ERROR",
    "OTHER",
    "REPLY",
    "Bounds",
    "Cut",
    "Link",
    "Passing",
    "Relay",
    "Script",
]
