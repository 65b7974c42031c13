"""What is done for every packet and every octet: compiled if it can be, otherwise in Python.

The functions are documented in ``twin``; both have the same results, octet for octet. ``native``
says which are here, and ``nfsrdma doctor`` tells the user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .twin import FRAME_OCTETS, pieces

if TYPE_CHECKING:
    from .twin import frames, packet, place, scan

    native: bool
else:
    try:
        from ._kernel import frames, packet, place, scan

        native = True
    except ImportError:
        from .twin import frames, packet, place, scan

        native = False

__all__ = ["FRAME_OCTETS", "frames", "native", "packet", "pieces", "place", "scan"]
