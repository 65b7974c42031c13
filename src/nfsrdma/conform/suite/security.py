"""GS: calls with RPCSEC_GSS (RFC 8166, Section 8.2.2; RFC 2203)."""

from __future__ import annotations

from typing import Final

from nfsrdma.rpcrdma.transport.header import RDMA_NOMSG
from nfsrdma.xdr.nfs4 import types as t

from .. import gss, nfs
from ..case import Failed, NotApplicable, Severity, case, expect
from ..lab import File, Lab, take_apart
from ..nfs import Op
from ..peer import Gone, Silence
from ..wire import header, words

_GSS: Final = 6
_TOKEN: Final = 2048
_VERSION, _INIT, _NONE = 1, 1, 1


async def _protected(lab: Lab) -> tuple[File, gss.Context]:
    """Return a file, and a context on its connection. Raises ``NotApplicable``."""
    mechanism = lab.outside.mechanism()
    file = await lab.file(lab.rng.randbytes(3001))
    return file, await gss.establish(lab, file.session.peer, mechanism)


def _good(results: nfs.Results, what: str) -> None:
    """Raise ``Failed`` if an operation failed, ``NotApplicable`` if the principal may not do it."""
    if results.status in (t.NFS4ERR_ACCESS, t.NFS4ERR_PERM, t.NFS4ERR_WRONGSEC):
        raise NotApplicable(f"{what} by the principal of the context: {results.status_name}")
    expect(results.status == t.NFS4_OK, f"{what} failed: {results.status_name}")


def _reading(file: File, count: int) -> list[Op]:
    session = file.session
    return [session.sequence(), nfs.putfh(file.handle), nfs.read(file.stateid, 0, count)]


@case("GS1", "RFC 8166, Section 8.2.2.2", Severity.MUST)
async def authenticated(lab: Lab) -> str:
    """Move data by chunks where RPCSEC_GSS only authenticates."""
    file, context = await _protected(lab)
    peer = file.session.peer
    data = lab.rng.randbytes(3001)
    write = nfs.write(file.stateid, 0, data)
    call = context.call(gss.NONE, [file.session.sequence(), nfs.putfh(file.handle), write])
    ((position, octets),) = call.payloads
    reads = [(position, part) for part in peer.memory.expose(octets, (1000,))]
    answer = await lab.call(peer, call, reads=reads, body=call.reduced)
    wrote = context.results(answer.body, call, gss.NONE, answer.placed)
    _good(wrote, "WRITE")
    call = context.call(gss.NONE, _reading(file, 3001))
    answer = await lab.call(peer, call, writes=[peer.memory.offer(2000, 2000)])
    read = context.results(answer.body, call, gss.NONE, answer.placed)
    _good(read, "READ")
    expect(bytes(read[-1].data) == data, "READ has other octets than were written")
    expect(answer.placed == [data], "the data of a READ are not in its Write chunk")
    return "WRITE and READ by chunks"


@case("GS2", "RFC 8166, Section 8.2.2.3", Severity.MUST)
async def nothing_reduced(lab: Lab) -> str:
    """Take no protected call apart: whole at Position zero it is served, reduced it is not."""
    file, context = await _protected(lab)
    session, observed = file.session, []
    for service in (gss.INTEGRITY, gss.PRIVACY):
        peer = session.peer
        data = lab.rng.randbytes(2000)
        ops = [session.sequence(), nfs.putfh(file.handle), nfs.write(file.stateid, 0, data)]
        call = context.call(service, ops)
        reads = [(0, part) for part in peer.memory.expose(call.whole, (700,))]
        answer = await lab.call(peer, call, reads=reads, body=b"", proc=RDMA_NOMSG,
                                reply=peer.memory.offer(4096))  # fmt: skip
        wrote = context.results(answer.body, call, service, answer.placed)
        _good(wrote, "a long WRITE")
        await file.holds(data + (await file.content(3001))[2000:])
        write = nfs.write(file.stateid, 0, lab.rng.randbytes(2000))
        call = context.call(service, [session.sequence(), nfs.putfh(file.handle), write])
        at = len(call.whole) - 1600  # within what is wrapped, where no item begins
        (part,) = peer.memory.expose(call.whole[at : at + 800])
        octets = header(call.xid, reads=[(at, part)]) + call.whole[:at] + call.whole[at + 800 :]
        tried = await lab.attempt(peer, octets, call)
        expect(tried.body is None, "a protected call that was reduced was served")
        await session.settle()
        await file.holds(data + (await file.content(3001))[2000:])
        observed.append(tried.how)
    return ", ".join(observed)


@case("GS3", "RFC 8166, Section 8.2.2.3", Severity.MUST)
async def no_data_placed(lab: Lab) -> str:
    """Send a protected reply whole: inline or by the Reply chunk, and use no Write chunk."""
    file, context = await _protected(lab)
    peer = file.session.peer
    data = await file.content(3001)
    for service in (gss.INTEGRITY, gss.PRIVACY):
        call = context.call(service, _reading(file, 3001))
        offer, reply = peer.memory.offer(4000), peer.memory.offer(8000)
        answer = await lab.call(peer, call, writes=[offer], reply=reply)
        expect(not offer.touched, "data of a protected READ went to a Write chunk")
        read = context.results(answer.body, call, service, [])
        _good(read, "READ")
        expect(bytes(read[-1].data) == data, "READ has other octets")
    return "integrity and privacy"


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
