"""The data items of NFS version 3 that RDMA may place directly (RFC 8267, Section 4)."""

from __future__ import annotations

from typing import Final

DDP_ELIGIBLE: Final = frozenset(
    {
        ("WRITE3args", "data"),
        ("symlinkdata3", "symlink_data"),
        ("READ3resok", "data"),
        ("READLINK3resok", "data"),
    }
)
"""Pairs of a type's and a member's name: the first two in calls, the others in replies."""
