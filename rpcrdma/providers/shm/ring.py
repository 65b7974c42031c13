"""The file that one side of a connection writes and the other reads, in four parts.

There is one file for each side, which its peer can map for reading only. So no word has two
writers, and what a peer writes is read once, checked, and then used:

    words         how far it has got (see the names below), a cache line each
    marks         one octet for each entry of the *other* side's table of regions: in use
    descriptors   what it posted, a ring
    messages      the octets of its SENDs, a ring

Indices count for ever and are taken modulo the ring's length, which is a power of two.
"""

from __future__ import annotations

import struct
from typing import Final

from ...verbs.types import WrOpcode
from .memory import PAGE, PeerFile, SharedFile
from .regions import SLOTS

PRODUCED: Final = 0
"""Descriptors that were posted."""
CONSUMED: Final = 8
"""Descriptors of the peer that were carried out. The bits from ``COUNT_BITS`` on are the completion
status of the next one, if that failed."""
COUNT_BITS: Final = 48
COUNT_MASK: Final = (1 << COUNT_BITS) - 1
NEVER: Final = 1 << COUNT_BITS
"""More descriptors than are ever carried out, but less than the word with any status."""
ARMED: Final = 16
"""Not 0: this side sleeps, or is about to, and wants to be woken. Another number each time."""
PLACE: Final = 17
"""The processor on which this side ran when it woke, plus 1 (0: not known)."""
WANTED: Final = 32
"""This side wants to be woken when the peer has carried out so many descriptors (0: never)."""

_WORDS: Final = 4096
_MARKS: Final = _WORDS
_DESCRIPTORS: Final = _MARKS + SLOTS

DESCRIPTOR_OCTETS: Final = 64
DESCRIPTOR: Final = struct.Struct("=BBHIQQQQ")
"""Operation, flags, 0, immediate data, length, where the octets are, R_key, address."""

HAS_IMM: Final = 1
INVALIDATES: Final = 2
REFUSE: Final = 4
"""The poster saw that the key does not permit it: it has to fail in its turn."""
DIRECT: Final = 8
"""A READ that was read from the shadow already."""

WRITE: Final = int(WrOpcode.RDMA_WRITE)
WRITE_IMM: Final = int(WrOpcode.RDMA_WRITE_WITH_IMM)
SEND: Final = int(WrOpcode.SEND)
SEND_IMM: Final = int(WrOpcode.SEND_WITH_IMM)
SEND_INV: Final = int(WrOpcode.SEND_WITH_INV)
READ: Final = int(WrOpcode.RDMA_READ)
READ_ANSWER: Final = 64
"""An operation besides those of ``WrOpcode``: the octets that an earlier READ of the peer asked
for."""

IN_RING: Final = 1 << 63
"""Flag of a place: in the sender's ring of messages, at this offset; else in a slab of it."""

MAX_DESCRIPTORS: Final = 1 << 16
MAX_MESSAGES: Final = 1 << 24


class Broken(Exception):
    """The peer wrote something invalid."""


def file_octets(descriptors: int, messages: int) -> int:
    """Return the length of the file."""
    octets = _DESCRIPTORS + descriptors * DESCRIPTOR_OCTETS + messages
    return -(-octets // PAGE) * PAGE


class Ring:
    """The parts of a side's file, ours or the peer's."""

    __slots__ = (
        "count",
        "descriptors",
        "file",
        "marks",
        "mask",
        "message_mask",
        "messages",
        "words",
    )

    def __init__(self, file: SharedFile | PeerFile, descriptors: int, messages: int) -> None:
        """``descriptors`` and ``messages`` (octets) are powers of two."""
        view = file.view
        self.file = file
        self.words = view[:_WORDS].cast("Q")
        self.marks = view[_MARKS:_DESCRIPTORS]
        end = _DESCRIPTORS + descriptors * DESCRIPTOR_OCTETS
        self.descriptors = view[_DESCRIPTORS:end]
        self.messages = view[end : end + messages]
        self.count = descriptors
        self.mask = descriptors - 1
        self.message_mask = messages - 1

    def close(self) -> None:
        """Release the views and the file."""
        for view in (self.words, self.marks, self.descriptors, self.messages):
            view.release()
        self.file.close()


def power_of_two(number: int) -> int:
    """Return the least power of two that is not less than ``number``."""
    return 1 << (number - 1).bit_length()


def is_power_of_two(number: int, most: int) -> bool:
    """Return whether a number is a power of two of at most ``most``."""
    return 0 < number <= most and not number & (number - 1)
