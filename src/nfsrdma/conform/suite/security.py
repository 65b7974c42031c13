"""GS: calls with RPCSEC_GSS (RFC 8166, Section 8.2.2; RFC 2203)."""

from __future__ import annotations

from typing import Final

from nfsrdma.rpcrdma.transport.header import RDMA_NOMSG
from nfsrdma.xdr.nfs4 import types as t

from ..case import Failed, Severity, case, expect
from ..lab import Lab, take_apart
from ..peer import Gone, Silence
from ..wire import header, words

_GSS: Final = 6
_TOKEN: Final = 2048
_VERSION, _INIT, _NONE = 1, 1, 1


@case("GS4", "RFC 8166, Section 8.2.2", Severity.SHOULD)
async def long_token(lab: Lab) -> str:
    """Answer the creation of a context with a token of 2 KiB by RPC, whatever the answer is."""
    peer = await lab.peer()
    xid = lab.xid()
    credential = words(_VERSION, _INIT, 0, _NONE, 0)
    call = words(xid, 0, 2, t.NFS4_PROGRAM, t.NFS_V4, 0, _GSS, len(credential)) + credential
    call += words(0, 0, _TOKEN) + lab.rng.randbytes(_TOKEN)
    reads = [(0, part) for part in peer.memory.expose(call, (1000,))]
    reply = peer.memory.offer(4096)
    octets = header(xid, RDMA_NOMSG, reads=reads, reply=reply.segments)
    try:
        message = await peer.ask(octets)
    except (Gone, Silence) as error:
        raise Failed(f"no answer: {error}") from None
    answer = take_apart(message, xid, (), reply)
    expect(answer.body[:8] == words(xid, 1), f"no RPC reply: {answer.body[:12].hex(' ', 4)}")
    denied = answer.body[8:12] == words(1)
    await lab.alive()
    return "refused by RPC" if denied else "answered by GSS"
