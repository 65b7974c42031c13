"""Management datagrams: the 24-octet common header (IBA, Section 13.4.3) and 232 of data.

The only class spoken here is communication management, whose MADs travel as unreliable datagrams
between the queue pairs 1 of two ports. Nothing in this module knows what a datagram means: see
``cm_messages``.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

MAD_LENGTH = 256
MAD_HEADER_LENGTH = 24
MAD_DATA_LENGTH = MAD_LENGTH - MAD_HEADER_LENGTH

GSI_QUEUE_PAIR = 1
"""The queue pair that general services listen on."""
GSI_QKEY = 0x80010000
"""The well-known Q_Key of queue pair 1. Its top bit marks it privileged."""

_BASE_VERSION = 1
_CLASS_COMMUNICATION_MANAGEMENT = 0x07
_CM_CLASS_VERSION = 2
_METHOD_SEND = 0x03
_CM_PREFIX = bytes(
    (_BASE_VERSION, _CLASS_COMMUNICATION_MANAGEMENT, _CM_CLASS_VERSION, _METHOD_SEND)
)

# prefix, status, class specific, transaction, attribute, reserved, attribute modifier
_HEADER = struct.Struct(">4sHHQHHI")


class MadError(Exception):
    """The octets are not a communication management datagram that we understand."""


class Mad(NamedTuple):
    """A communication management datagram: attribute, transaction and 232 octets."""

    attribute: int
    transaction: int
    data: memoryview


def encode_mad(attribute: int, transaction: int, data: bytes) -> bytes:
    """Return the 256 octets of a communication management datagram."""
    assert len(data) == MAD_DATA_LENGTH
    return _HEADER.pack(_CM_PREFIX, 0, 0, transaction, attribute, 0, 0) + data


def decode_mad(view: memoryview) -> Mad:
    """Check the header and split the datagram. Raises ``MadError``."""
    if len(view) != MAD_LENGTH:
        raise MadError(f"{len(view)} octets are no MAD")
    prefix, status, _, transaction, attribute, _, _ = _HEADER.unpack_from(view)
    if prefix != _CM_PREFIX:
        raise MadError(f"not communication management version 2: {prefix.hex()}")
    if status:
        raise MadError(f"MAD status {status:#x}")
    return Mad(attribute, transaction, view[MAD_HEADER_LENGTH:])
