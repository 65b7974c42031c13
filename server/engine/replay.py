"""Requests that come a second time: how they are known, and what they are answered.

Whoever has lost a reply repeats the request, and nothing may be executed twice. A *record* keeps
the number of the last request and its reply. In minor version 1 that is a slot of a session, and
the reply that of a COMPOUND (RFC 8881, Section 2.10.6.1). A request is new (:data:`NEW`), or it is
a :class:`Repeat` of the one before, or the record refuses it with an ``NfsError``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Container
from typing import Final, NamedTuple, Protocol

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.program import Call
from nfsrdma.xdr import Decoder
from nfsrdma.xdr.nfs4 import types as nfs

from ..state.session import UNASKED_REPLY, Fingerprint
from .reply import RESULT, Reply

_FINGERPRINT: Final = 1024
"""How many octets of a call tell a repetition from another call in its place."""
_WORD: Final = struct.Struct(">I")


class Repeat(NamedTuple):
    """The request was executed before. ``octets`` was its reply; None if that was not kept."""

    octets: bytes | None


NEW: Final = None
"""The request is to be executed, and its record to be told how that ended."""


class Outcome(Protocol):
    """Where it is remembered how a request ended."""

    def release(self, reply: bytes | None) -> None:
        """Remember that the request was executed, and ``reply`` if there is one to be kept."""

    def abandon(self) -> None:
        """Forget the request, which was not executed: as if it had never come."""


class Record(Protocol):
    """Where the last request of a sequence is remembered with its reply."""

    @property
    def reply(self) -> bytes | None:
        """The reply to the last request, if it was kept."""

    def acquire(self, seqid: int, fingerprint: Fingerprint) -> bool:
        """Return whether the request is new; then the record is its own until it is over.

        Raises ``NfsError`` for what is neither new nor a repetition, and for what comes while
        another request has the record. Then that is as it was.
        """

    def release(self, reply: bytes | None) -> None:
        """Remember that the request was executed, and ``reply`` if there is one to be kept."""

    def abandon(self) -> None:
        """Forget the request, which was not executed: as if it had never come."""


def admit(record: Record, seqid: int, fingerprint: Fingerprint) -> Repeat | None:
    """Return :data:`NEW`, or the :class:`Repeat` of the last request. Raises ``NfsError``."""
    if record.acquire(seqid, fingerprint):
        return NEW
    return Repeat(record.reply)


def remember(record: Outcome, reply: Reply, count: int) -> None:
    """Remember a COMPOUND of ``count`` operations that was executed."""
    # A SEQUENCE alone can always be repeated, unless it was padded with a long tag: what slots
    # keep without being asked has to be little.
    keep = reply.cached or (count == 1 and reply.size <= UNASKED_REPLY)
    record.release(reply.octets() if keep else None)


def fingerprint(call: Call, count: int) -> Fingerprint:
    """Return what a repetition has in common with the call: what follows SEQUENCE, and who calls.

    With it a call that merely has the number of another one is told from a repetition (a "false
    retry": RFC 8881, Section 2.10.6.1.3.1). Only the beginning is looked at: a WRITE may be long.
    """
    dec, credentials = call.decoder, call.credentials
    # Of a call that came in chunks only a part lies here; its repetition may come otherwise.
    in_one_piece = type(dec) is Decoder
    octets = zlib.crc32(dec.peek(_FINGERPRINT)) | dec.remaining() << 32 if in_one_piece else -1
    return count, credentials.flavor, credentials.uid, octets


def digest(
    message: memoryview, at: int, count: int, credentials: Credentials, in_one_piece: bool
) -> Fingerprint:
    """Return the :func:`fingerprint` of a call; SEQUENCE ends at ``at``."""
    octets = -1
    if in_one_piece:
        octets = zlib.crc32(message[at : at + _FINGERPRINT]) | len(message) - at << 32
    return count, credentials.flavor, credentials.uid, octets


def answer(repeat: Repeat, call: Call, reply: Reply, count: int, known: Container[int]) -> None:
    """Write what was answered before to a COMPOUND of ``count`` operations, SEQUENCE excepted.

    ``known`` has the numbers of the operations that exist in the minor version.
    """
    if repeat.octets is not None:
        reply.repeat(repeat.octets)
    elif count == 1:
        reply.conclude(nfs.NFS4_OK, 1)  # What SEQUENCE has just answered, once more.
    else:
        # RFC 8881, Section 2.10.6.1.3: SEQUENCE succeeds, what follows it fails.
        number = call.decoder.uint32()
        number = number if number in known else nfs.OP_ILLEGAL
        reply.buffer += RESULT.pack(number, nfs.NFS4ERR_RETRY_UNCACHED_REP)
        reply.conclude(nfs.NFS4ERR_RETRY_UNCACHED_REP, 2)
