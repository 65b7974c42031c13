"""The ``shm`` provider: both ends on one host, and memory between them.

What a connection consists of: a Unix socket (``rendezvous``, ``messages``, ``connection``), which
also says at once that the peer's process has died; for each side a ring that it writes
(``queue_pair``) and the other reads (``responder``, ``ring``); and slabs (``memory``), in which
regions that the peer may reach are, or have a shadow (``regions``).

Whom to trust. A peer can touch the slabs that it was given, at any time, and nothing else of ours.
A slab belongs to one protection domain, that is to one connection, and holds nothing but what is
registered there and messages to that peer. What is registered is not itself in a slab: what the
peer places goes there by a copy of ours, which the key must permit at that moment. So a peer that
is not our library, or has gone mad, can spoil the data of its own transfers and nothing else.
"""

from .device import ShmDevice, open_device

__all__ = ["ShmDevice", "open_device"]
