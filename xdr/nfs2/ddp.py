"""The data items of NFS version 2 that RDMA may place directly (RFC 8267, Section 4)."""

from __future__ import annotations

from typing import Final

DDP_ELIGIBLE: Final = frozenset(
    {
        ("writeargs", "data"),
        ("symlinkargs", "target"),
        ("readok", "data"),
        ("readlinkok", "link"),
    }
)
"""Pairs of a type's and a member's name: the first two in calls, the others in replies."""
