"""The data items of NFS version 4 that RDMA may place directly (RFC 8267).

The rest of a message stays inline, however long it is. The compiler reads this table: the emitted
types encode these members with ``Encoder.payload`` and decode them to views.
"""

from __future__ import annotations

from typing import Final

DDP_ELIGIBLE: Final = frozenset(
    {
        ("WRITE4args", "data"),
        ("createtype4", "linkdata"),
        ("READ4resok", "data"),
        ("READLINK4resok", "link"),
    }
)
"""Pairs of a type's and a member's name: the first two in calls, the others in replies."""
