"""The ``shm`` provider: both ends on one host, and memory between them.

A connection consists of

* a Unix socket (``rendezvous``, ``messages``, ``line``, ``connection``), which also says at once
  that the peer's process has died;
* for each side a ring of descriptors (``ring``), which that side writes (``send_queue``) and the
  other reads and carries out (``responder``); ``completer`` finishes what the other has done;
* slabs of memory (``memory``, ``slabs``), in which the regions that the peer may reach have a
  shadow (``regions``, ``remote``);
* an eventfd for each side, by which the other wakes it (``doorbell``).

What a peer can do. A peer can touch the slabs that it was given, at any time, and nothing else of
ours. A slab belongs to one protection domain, that is to one connection, and holds nothing but
shadows of what is registered there and messages to that peer. Registered memory itself is never in
a slab: what the peer places is copied there by us, if the key permits it at that moment. So a peer
that is not this library, or has gone mad, can spoil the data of its own transfers and nothing
else.
"""

from .device import ShmDevice, open_device

__all__ = ["ShmDevice", "open_device"]
