"""The reverse direction: calls of the side that accepted the connection (RFC 8167).

Nothing is negotiated. Once a connection is up, either side may call, on these terms:

* The two directions have XIDs of their own. The same number may be in use in both, so a message
  is identified by the direction word of the RPC message in it.
* Each direction has an account of credits of its own. The credit field of a reverse call asks
  for reverse credits, that of a reverse reply grants them. As in the forward direction, the
  first call may be sent with one credit, and receives for all of them are posted beforehand.
* Reverse messages are inline: no chunk lists are offered, and a call with any is refused. So the
  inline thresholds bound a back channel's requests and replies.
"""

from __future__ import annotations

import struct
from typing import Final

from nfsrdma.xdr.rpc import CALL, REPLY

from .header import (
    ERR_CHUNK,
    RDMA_NOMSG,
    SHORT_HEADER_SIZE,
    RpcRdmaError,
    RpcRdmaHeader,
)

XID_AND_DIRECTION: Final = struct.Struct(">2I")
"""The first two words of an RPC message: its XID, and ``CALL`` or ``REPLY``."""


def direction(header: RpcRdmaHeader, view: memoryview, active: bool) -> int:
    """Return whether a message with chunks, or of an odd shape, is a ``CALL`` or a ``REPLY``.

    ``active`` is true on the side that connected. Raises ``RpcRdmaError`` if the message can be
    neither.
    """
    if header.proc == RDMA_NOMSG:
        # There is no RPC message to ask. Long messages exist in the forward direction only.
        return REPLY if active else CALL
    if len(view) < header.size + XID_AND_DIRECTION.size:
        raise RpcRdmaError(ERR_CHUNK, "no RPC message behind the header")
    xid, way = XID_AND_DIRECTION.unpack_from(view, header.size)
    if xid != header.xid:
        raise RpcRdmaError(
            ERR_CHUNK, "two XIDs", f"{header.xid:#x} in the header, {xid:#x} in the message"
        )
    if way not in (CALL, REPLY):
        raise RpcRdmaError(ERR_CHUNK, "neither call nor reply", f"RPC message of type {way}")
    return int(way)


def reverse_limit(send_threshold: int, receive_threshold: int) -> int:
    """Return the longest reverse call or reply, in octets, that goes inline both ways."""
    return min(send_threshold, receive_threshold) - SHORT_HEADER_SIZE
