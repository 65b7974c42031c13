"""The functions that run for every packet and every octet: native if built, else in Python.

``twin`` documents the functions; both modules have the same results, octet for octet. ``native``
says which one is here, and ``nfsrdma doctor`` tells the user.
"""

from __future__ import annotations

from .twin import FRAME_OCTETS, MOST_COPIED, MOST_ONLIES, MOST_TRAIN, pieces

try:
    from ._kernel import frames, message, onlies, packet, place, scan, spread, train

    native = True
except ImportError:
    from .twin import frames, message, onlies, packet, place, scan, spread, train

    native = False

__all__ = [
    "FRAME_OCTETS",
    "MOST_COPIED",
    "MOST_ONLIES",
    "MOST_TRAIN",
    "frames",
    "message",
    "native",
    "onlies",
    "packet",
    "pieces",
    "place",
    "scan",
    "spread",
    "train",
]
