"""Calls that come a second time: how a slot knows them, and what they are answered.

A slot keeps the reply to its last call (RFC 8881, Section 2.10.6.1), so that a client that has lost
the reply may repeat the call, and nothing is executed twice.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from nfsrdma.xdr import Decoder
from nfsrdma.xdr.nfs4 import types as nfs

from ..state.session import Fingerprint
from .operation import RESULT, Operation

if TYPE_CHECKING:
    from .context import Compound

_FINGERPRINT: Final = 1024
"""How many octets of a call tell a repetition from another call in its place."""
_WORD: Final = struct.Struct(">I")


def fingerprint(c: Compound) -> Fingerprint:
    """What a repetition of the call has in common with it: all that follows SEQUENCE, and who.

    With it a call that merely has the number of another one is told from a repetition (a "false
    retry": RFC 8881, Section 2.10.6.1.3.1). Only the beginning is looked at: a WRITE may be long.
    """
    dec, credentials = c.decoder, c.call.credentials
    # Of a call that came in chunks only a part lies here; its repetition may come otherwise.
    in_one_piece = type(dec) is Decoder
    digest = zlib.crc32(dec.peek(_FINGERPRINT)) | dec.remaining() << 32 if in_one_piece else -1
    return Fingerprint(c.count, credentials.flavor, credentials.uid, digest)


def repeat(c: Compound, table: Mapping[int, Operation | None]) -> tuple[int, int]:
    """The slot has seen the call: answer what was answered then.

    Returns the status of the compound, and how many results the reply has.
    """
    assert c.slot is not None
    buffer = c.encoder.buffer
    reply = c.slot.reply
    if reply is None and c.count == 1:
        return nfs.NFS4_OK, 1  # What SEQUENCE has just answered, once more.
    if reply is None:
        # RFC 8881, Section 2.10.6.1.3: SEQUENCE succeeds, what follows it fails.
        number = c.decoder.uint32()
        number = number if number in table else nfs.OP_ILLEGAL
        buffer += RESULT.pack(number, nfs.NFS4ERR_RETRY_UNCACHED_REP)
        return nfs.NFS4ERR_RETRY_UNCACHED_REP, 2
    del buffer[c.start :]
    buffer += reply
    (status,) = _WORD.unpack_from(reply)
    (tag_size,) = _WORD.unpack_from(reply, 4)
    count_at = 8 + (tag_size + 3 & ~3)
    (count,) = _WORD.unpack_from(reply, count_at)
    c.count_at = c.start + count_at
    return status, count
