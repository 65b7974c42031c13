"""The ``shm`` provider: both ends on one host, and memory between them.

What a connection consists of: a Unix socket (``rendezvous``, ``messages``, ``connection``), which
also says at once that the peer's process has died; for each side a ring that it writes and the
other reads (``ring``, ``queue_pair``); and slabs (``memory``), in which regions that the peer may
reach are, or have a shadow (``regions``).

Whom to trust. A peer can touch the slabs that it was given, at any time, and nothing else of ours.
A slab belongs to one protection domain, that is to one connection, and holds nothing but what is
registered there and messages to that peer. Memory that is registered in the ordinary way is not in
a slab: what the peer places goes there by a copy of ours, which the key must permit at that moment.
Memory that was taken from the provider to begin with (``buffers``) is filled by the peer itself;
our library never writes through a key that has ended, but a peer that is not our library could
write there for as long as it has the slab. Who does not trust the process at the other end with
that uses memory of its own.
"""

from .device import ShmDevice, open_device

__all__ = ["ShmDevice", "open_device"]
