"""CB_COMPOUND, with a CB_SEQUENCE in front if there are sessions: octets of calls, and results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as nfs

R = TypeVar("R")


class Arguments(Protocol):
    """The arguments of an operation."""

    def encode(self, enc: Encoder, /) -> None:
        """Append the arguments to an encoder."""


@dataclass(frozen=True, slots=True)
class CallbackOperation(Generic[R]):
    """One operation for a client, and the type of its result."""

    number: int
    arguments: Arguments
    decode: Callable[[Decoder], R]
    """Reads a result, as ``CB_RECALL4res.decode`` does."""


@dataclass(frozen=True, slots=True)
class CompoundReply(Generic[R]):
    """The answer of a client."""

    sequence: nfs.CB_SEQUENCE4res
    result: R | None
    """The result of the operation; None without one, or if CB_SEQUENCE failed."""


def encode_compound(
    enc: Encoder,
    minor: int,
    sequence: nfs.CB_SEQUENCE4args,
    operation: CallbackOperation[R] | None,
) -> None:
    """Append the arguments of CB_COMPOUND: CB_SEQUENCE, and the operation if there is one."""
    enc.opaque(b"")
    enc.uint32(minor)
    enc.uint32(0)  # callback_ident: of use in minor version 0 only
    enc.uint32(1 if operation is None else 2)
    enc.uint32(nfs.OP_CB_SEQUENCE)
    sequence.encode(enc)
    if operation is not None:
        enc.uint32(operation.number)
        operation.arguments.encode(enc)


def decode_compound(dec: Decoder, operation: CallbackOperation[R] | None) -> CompoundReply[R]:
    """Read the results of CB_COMPOUND. Raises ``XdrError`` if they are not those of this call."""
    status = dec.int32()
    dec.opaque(nfs.NFS4_OPAQUE_LIMIT)
    count = dec.uint32()
    if not count:
        # A compound that is refused as a whole, or not understood, has no results.
        raise XdrError(f"CB_COMPOUND answered with status {status} and no results")
    if dec.uint32() != nfs.OP_CB_SEQUENCE:
        raise XdrError("the first result is not that of CB_SEQUENCE")
    sequence = nfs.CB_SEQUENCE4res.decode(dec)
    result = None
    if sequence.csr_status == nfs.NFS4_OK and operation is not None:
        if count != 2:
            raise XdrError(f"{count} results of two operations")
        number = dec.uint32()
        if number != operation.number:
            raise XdrError(f"a result of operation {number}, not of {operation.number}")
        result = operation.decode(dec)
    elif count != 1:
        raise XdrError(f"{count} results, one expected")
    dec.done()
    return CompoundReply(sequence, result)


def encode_sessionless(enc: Encoder, ident: int, operation: CallbackOperation[R]) -> None:
    """Append the arguments of minor version 0's CB_COMPOUND (RFC 7530, Section 15.2).

    ``ident`` is what the client has asked for, so that it knows which of its mounts is meant.
    """
    enc.opaque(b"")
    enc.uint32(0)
    enc.uint32(ident)
    enc.uint32(1)
    enc.uint32(operation.number)
    operation.arguments.encode(enc)


def decode_sessionless(dec: Decoder, operation: CallbackOperation[R]) -> R:
    """Read the results of such a CB_COMPOUND. Raises ``XdrError`` if they are not its own."""
    status = dec.int32()
    dec.opaque(nfs.NFS4_OPAQUE_LIMIT)
    if dec.uint32() != 1:
        raise XdrError(f"CB_COMPOUND answered with status {status} and not with one result")
    number = dec.uint32()
    if number != operation.number:
        raise XdrError(f"a result of operation {number}, not of {operation.number}")
    result = operation.decode(dec)
    dec.done()
    return result


def sequence_arguments(
    session_id: bytes,
    seqid: int,
    slot: int,
    highest: int,
    referring: Sequence[nfs.referring_call_list4],
) -> nfs.CB_SEQUENCE4args:
    """Return the arguments of CB_SEQUENCE (RFC 8881, Section 20.9).

    They do not ask for the reply to be cached: the Linux client refuses calls that do.
    """
    return nfs.CB_SEQUENCE4args(session_id, seqid, slot, highest, False, list(referring))
