"""What a REJ means to the owner of a connection."""

from __future__ import annotations

from errno import ECONNREFUSED

from ...verbs.types import ConnectionRejected
from ..wire.cm_messages import RejectReason, reject_reason_name


def rejected(peer: str, reason: int, private_data: bytes) -> ConnectionRejected:
    """Return the error for a REJ of ``peer`` (``host:port``) with this reason code."""
    # What TCP calls "connection refused": there is no listener on that port.
    code = ECONNREFUSED if reason == RejectReason.INVALID_SERVICE_ID else None
    name = reject_reason_name(reason)
    text = f"{peer} rejects the connection: {name} ({reason})"
    return ConnectionRejected(text, private_data, reason=reason, code=code)
