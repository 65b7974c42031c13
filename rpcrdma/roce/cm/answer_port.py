"""An extension of ours: a REQ that asks to be answered at the port that it comes from.

RoCEv2 packets go to UDP port 4791 of the peer. Where that port is another user's at our address,
the REQ has this at the end of its private data (IBA, Section 12.6.5), and comes from another port.
The passive side sends everything of the connection there, if it knows the extension. Others see
private data that are zero as a rule, and answer at port 4791, where nobody knows of the request.

The port must be the one that the REQ has come from, so a request has nobody else sent packets; and
none of those that services have.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from ..wire.cm_messages import Req

_LAYOUT: Final = struct.Struct(">6sH")
_MAGIC: Final = bytes.fromhex("b6f1d3479a0e")
OCTETS: Final = _LAYOUT.size
"""Room that it takes in the private data."""
LOWEST: Final = 1024
"""The lowest port that is answered."""
_AT: Final = Req.PRIVATE_ROOM - OCTETS


def put_on(private_data: bytes, port: int) -> bytes:
    """Return private data that ask for answers at ``port``. Raises ``ValueError``: no room."""
    if len(private_data) > _AT:
        raise ValueError(f"private data of {len(private_data)} octets: room for {_AT}")
    return private_data.ljust(_AT, b"\0") + _LAYOUT.pack(_MAGIC, port)


def taken_off(request: Req) -> tuple[Req, int]:
    """Return a request without the extension, and the port that it asks for; 0 if there is none."""
    if len(request.private_data) < Req.PRIVATE_ROOM:
        return request, 0
    magic, port = _LAYOUT.unpack_from(request.private_data, _AT)
    if magic != _MAGIC:
        return request, 0
    return replace(request, private_data=request.private_data[:_AT] + bytes(OCTETS)), port
