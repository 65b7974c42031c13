"""Whom a packet is for: what several programs behind one UDP port are told apart by.

Packets of a connection carry the number of the queue pair. Those of the connection manager all go
to queue pair 1 and carry an identifier of the receiver's (the "remote communication ID" of the
sender); only a REQ has none yet, and names a port that somebody listens on (IBA, Section 12.6).
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

from .cm_messages import CmAttribute, service_port
from .headers import Deth
from .mad import GSI_QUEUE_PAIR, MAD_LENGTH, MadError, decode_mad
from .opcode import BTH_OCTETS

_QUEUE_PAIR: Final = slice(5, 8)
_MAD_AT: Final = BTH_OCTETS + Deth.STRUCT.size
_REMOTE_ID: Final = struct.Struct(">4xI")
_SERVICE: Final = struct.Struct(">8xQ")


class Number(IntEnum):
    """What a program is found by; no two behind one port have the same."""

    QUEUE_PAIR = 1
    IDENTIFIER = 2
    """A local communication ID. 0 stands for a message that names none."""
    PORT = 3


Key = tuple[Number, int]


def addressee(packet: memoryview) -> Key | None:
    """Return what tells whom a RoCEv2 packet is for; ``None`` if it is too short or malformed.

    Nothing is verified: whoever gets the packet does that.
    """
    number = int.from_bytes(packet[_QUEUE_PAIR])
    if len(packet) < BTH_OCTETS:
        return None
    if number != GSI_QUEUE_PAIR:
        return Number.QUEUE_PAIR, number
    try:
        attribute, _, data = decode_mad(packet[_MAD_AT : _MAD_AT + MAD_LENGTH])
    except MadError:
        return None
    if attribute == CmAttribute.REQ:
        return Number.PORT, service_port(_SERVICE.unpack_from(data)[0]) or 0
    return Number.IDENTIFIER, int(_REMOTE_ID.unpack_from(data)[0])
