"""The front door for programs of one's own: ``connect`` a client, ``listen`` with a server.

Clients and servers are those that ``nfsrdma xdrgen`` writes from a specification (``rpc.stub``).
What is here drives them: on asyncio, and for clients also on the caller's own thread.
"""

from .address import Address, AddressError, parse_address
from .connecting import connect
from .listening import Listening, current_call, listen

__all__ = [
    "Address",
    "AddressError",
    "Listening",
    "connect",
    "current_call",
    "listen",
    "parse_address",
]
