"""The messages over the Unix socket: each is one packet, with descriptors beside it.

Most are the connection manager's, by their InfiniBand names. REQ and REP carry three descriptors:
the sender's ring, its table of regions and its doorbell (an eventfd). SLAB carries one, and comes
before any place in that slab is mentioned. WAKE stands in for the doorbell of a peer that is not
trusted, as a write to an eventfd that is shared can block. Everything is checked when decoded.
"""

from __future__ import annotations

import array
import os
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ...verbs.types import VerbsError, WcStatus
from . import descriptors
from .ring import MAX_DESCRIPTORS, MAX_MESSAGES, is_power_of_two

VERSION: Final = 1
_HEAD: Final = struct.Struct("=4sHH")
_MAGIC: Final = b"nshm"
_OFFER: Final = struct.Struct("=IIIIBBBBHBB")
_SLAB: Final = struct.Struct("=IQ")
_MAX_PACKET: Final = 1024
_MAX_FDS: Final = 8

REQ_PRIVATE_ROOM: Final = 56
REP_PRIVATE_ROOM: Final = 196
REJ_PRIVATE_ROOM: Final = 148


class Kind(IntEnum):
    """The messages; most are named as in IB CM."""

    REQ = 1
    MRA = 2
    REP = 3
    REJ = 4
    RTU = 5
    DREQ = 6
    SLAB = 7
    WAKE = 8


class BadMessage(Exception):
    """A message of the peer is malformed or out of turn."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The body of REQ and REP: a side's geometry, and what it wants and grants."""

    number: int
    descriptors: int
    messages: int
    access: int
    responder_resources: int
    initiator_depth: int
    rnr_retry_count: int
    port: int
    host: str
    private_data: bytes

    def encode(self) -> bytes:
        """Return the body of a REQ or REP."""
        host = self.host.encode()
        return (
            _OFFER.pack(
                self.number,
                self.descriptors,
                self.messages,
                self.access,
                self.responder_resources,
                self.initiator_depth,
                self.rnr_retry_count,
                0,
                self.port,
                len(host),
                len(self.private_data),
            )
            + host
            + self.private_data
        )

    @classmethod
    def decode(cls, body: bytes) -> Offer:
        """Decode the body of a REQ or REP. Raises ``BadMessage``."""
        if len(body) < _OFFER.size:
            raise BadMessage("a short message")
        number, descriptors, messages, access, answers, depth, rnr, _, port, host_size, size = (
            _OFFER.unpack_from(body)
        )
        end = _OFFER.size + host_size
        if len(body) != end + size:
            raise BadMessage("a message of another length")
        if not is_power_of_two(descriptors, MAX_DESCRIPTORS):
            raise BadMessage(f"a ring of {descriptors}")
        if not is_power_of_two(messages, MAX_MESSAGES):
            raise BadMessage(f"a ring of {messages} octets")
        try:
            host = body[_OFFER.size : end].decode("ascii")
        except UnicodeDecodeError as error:
            raise BadMessage("a host that is none") from error
        private_data = body[end:]
        return cls(
            number=number,
            descriptors=descriptors,
            messages=messages,
            access=access,
            responder_resources=answers,
            initiator_depth=depth,
            rnr_retry_count=min(rnr, 7),
            port=port,
            host=host,
            private_data=private_data,
        )


def check_private(private_data: bytes, room: int) -> None:
    """Check that the private data fit. Raises ``VerbsError`` if not."""
    if len(private_data) > room:
        raise VerbsError(
            f"{len(private_data)} octets of private data, at most {room} fit",
            WcStatus.LOC_LEN_ERR,
        )


def encode_slab(index: int, size: int) -> bytes:
    """Return the body of a SLAB."""
    return _SLAB.pack(index, size)


def decode_slab(body: bytes) -> tuple[int, int]:
    """Return the index and the size. Raises ``BadMessage``."""
    if len(body) != _SLAB.size:
        raise BadMessage("a slab's message of another length")
    index, size = _SLAB.unpack(body)
    return index, size


def send(to: socket.socket, kind: Kind, body: bytes = b"", fds: tuple[int, ...] = ()) -> None:
    """Send a message. Raises ``OSError``; ``BlockingIOError``: the socket is full."""
    data = _HEAD.pack(_MAGIC, VERSION, kind) + body
    socket.send_fds(to, [data], list(fds), socket.MSG_NOSIGNAL)


def receive(source: socket.socket) -> tuple[Kind, bytes, list[int]] | None:
    """Return the next message and its descriptors, for the caller to close; None at the end.

    They are of shared memory, or eventfds. Raises ``BlockingIOError`` when there is no message, and
    ``BadMessage``.
    """
    if descriptors.is_crowded(source):
        raise BadMessage("its user has sent descriptors that cannot be closed")
    room = socket.CMSG_SPACE(_MAX_FDS * 4)
    data, ancillary, flags, _ = source.recvmsg(_MAX_PACKET, room, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    try:
        if not data and not fds:
            return None
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC) or len(data) < _HEAD.size:
            raise BadMessage("a message that is too long or too short")
        magic, version, number = _HEAD.unpack_from(data)
        if magic != _MAGIC or version != VERSION:
            raise BadMessage(f"version {version} of the protocol, not {VERSION}")
        try:
            kind_ = Kind(number)
        except ValueError as error:
            raise BadMessage(f"a message of kind {number}") from error
        expected = 3 if kind_ in (Kind.REQ, Kind.REP) else 1 if kind_ is Kind.SLAB else 0
        if len(fds) != expected:
            raise BadMessage(f"{len(fds)} descriptors with a {kind_.name}")
        if not descriptors.are_plain(fds):
            raise BadMessage("descriptors of something else")
    except BadMessage:
        if fds and not descriptors.are_plain(fds):
            descriptors.close_aside(source, fds)
            raise
        for fd in fds:
            os.close(fd)
        raise
    return kind_, data[_HEAD.size :], list(fds)
