"""What is in a call: its operations, and where in the stream its DDP-eligible items are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from nfsrdma.rpcrdma.rpc.message import RpcError, decode_call
from nfsrdma.rpcrdma.transport.chunk import Chunk, boundaries
from nfsrdma.rpcrdma.transport.reassembly import ChunkedDecoder
from nfsrdma.xdr import Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.ops import OPERATIONS

RPCSEC_GSS: Final = 6
"""The flavor (RFC 2203, Section 4)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A call as its RPC and NFS layers see it. Without ``operations`` it is no COMPOUND."""

    program: int = 0
    version: int = 0
    procedure: int = 0
    flavor: int = 0
    minor: int = 0
    operations: tuple[t.nfs_argop4, ...] = ()
    positions: tuple[int, ...] = ()
    """Where the DDP-eligible items begin in the unreduced stream (RFC 8267, Section 6.1)."""
    lengths: tuple[int, ...] = ()
    """Their lengths in octets."""
    complaint: str = ""
    """Why it cannot be decoded."""
    names: tuple[str, ...] = field(default=())
    """The names of the operations."""

    @property
    def is_gss(self) -> bool:
        """Whether its flavor is RPCSEC_GSS."""
        return self.flavor == RPCSEC_GSS


def stream_of(body: bytes, chunks: Sequence[Chunk], contents: Sequence[bytes]) -> Stream:
    """Decode a call from what follows its header and the contents of its Read chunks.

    The chunk at Position zero, if there is one, is the first and holds the body instead. Whatever
    is wrong is told by ``complaint``.
    """
    if chunks and chunks[0].position == 0:
        body, chunks, contents = contents[0], chunks[1:], contents[1:]
    places = boundaries(chunks, len(body))
    if places is None:
        return Stream(complaint="a Read chunk has no place in the message (RFC 8166, 3.4.5)")
    decoder = ChunkedDecoder(memoryview(body), places, [memoryview(each) for each in contents])
    try:
        head = decode_call(decoder)
    except (RpcError, XdrError) as error:
        return Stream(complaint=f"the RPC call cannot be decoded: {error}")
    known = head.prog, head.vers, head.proc, head.cred.flavor
    if (head.prog, head.vers, head.proc) != (t.NFS4_PROGRAM, t.NFS_V4, t.NFSPROC4_COMPOUND):
        return Stream(*known)
    if head.cred.flavor == RPCSEC_GSS:
        return Stream(*known)
    begin = decoder.tell()
    try:
        args = t.COMPOUND4args.decode(decoder)
        decoder.done()
    except XdrError as error:
        return Stream(*known, complaint=f"the COMPOUND cannot be decoded: {error}")
    again = Encoder()
    args.encode(again)
    names = tuple(_name(each.argop) for each in args.argarray)
    return Stream(
        *known,
        args.minorversion,
        tuple(args.argarray),
        tuple(begin + each.position for each in again.payloads),
        tuple(len(each.data) for each in again.payloads),
        names=names,
    )


def _name(number: int) -> str:
    spec = OPERATIONS.get(number)
    return spec.name if spec is not None else f"operation {number}"
