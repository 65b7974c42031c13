"""Packet sequence numbers: 24-bit serial numbers that wrap.

On the wire a PSN is 24 bits. Inside the machines it is an ordinary integer that never wraps
(a *sequence*), whose low 24 bits are the PSN: comparisons are then ordinary comparisons and only
the two edges know about wrapping. ``unwrap`` is the edge inwards, ``wrap`` the one outwards.
"""

from __future__ import annotations

BITS = 24
MODULUS = 1 << BITS
MASK = MODULUS - 1
HALF = MODULUS >> 1


def wrap(sequence: int) -> int:
    """Return the PSN of a sequence."""
    return sequence & MASK


def distance(psn: int, reference: int) -> int:
    """Return how far ``psn`` is ahead of ``reference``, in ``-2**23 .. 2**23 - 1``."""
    return ((psn - reference + HALF) & MASK) - HALF


def unwrap(psn: int, near: int) -> int:
    """Return the sequence nearest to the sequence ``near`` whose PSN is ``psn``.

    It is negative when it lies before zero, where no machine ever is: the callers' range checks
    refuse it like any other stray number.
    """
    return near + ((psn - near + HALF) & MASK) - HALF
