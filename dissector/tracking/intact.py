"""Whether what is not seen did not happen, or is only not in the capture."""

from __future__ import annotations

from .model import Connection


def unbroken(connection: Connection) -> bool:
    """Return whether no packet is known to be missing in its midst, and no header is cut."""
    for side in (connection.first, connection.second):
        if side is None or side.flow is None or side.blind:
            return False
        if side.flow.tracker.lost_count or side.flow.tracker.holes:
            return False
    return True


def complete(connection: Connection) -> bool:
    """Return whether the capture has all packets from the handshake on, as far as is known."""
    return connection.established and unbroken(connection)
