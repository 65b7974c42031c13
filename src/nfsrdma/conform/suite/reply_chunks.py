"""RP: the Reply chunk (RFC 8166, Sections 3.5.3 and 4.3.3)."""

from __future__ import annotations

from nfsrdma.rpcrdma.transport.header import RDMA_NOMSG
from nfsrdma.xdr.nfs4 import types as t

from .. import nfs
from ..case import Need, Severity, case, expect
from ..lab import File, Lab, Session
from ..peer import INLINE
from ..wire import header

_REPLY = "RFC 8166, Section 4.3.3"
_LONG = "RFC 8166, Section 3.5.3"
_NAMES, _NAME = 40, 120


async def _directory(lab: Lab, session: Session) -> tuple[bytes, set[bytes]]:
    """Return the handle of a new directory whose list is longer than goes inline."""
    name = lab.file_name()
    made = await session.run(nfs.putfh(session.directory), nfs.mkdir(name), nfs.GETFH)
    handle: bytes = nfs.needed(made, "a directory cannot be made")[-1].object
    names = {f"{number:03d}".encode() * (_NAME // 3) for number in range(_NAMES)}
    ordered = sorted(names)
    for start in range(0, _NAMES, 8):
        ops = []
        for each in ordered[start : start + 8]:
            lab.leftovers.append((handle, each))
            ops += [nfs.putfh(handle), nfs.symlink(each, b"x")]
        nfs.needed(await session.run(*ops), "symbolic links cannot be made")
    return handle, names


@case("RP1", _LONG, Severity.MUST)
async def long_reply(lab: Lab) -> str:
    """Put a reply that is too long for inline in the Reply chunk, whole, in RDMA_NOMSG."""
    session = await lab.session()
    handle, names = await _directory(lab, session)
    call = session.compound(nfs.putfh(handle), nfs.readdir(16384, t.FATTR4_TYPE, t.FATTR4_FILEID))
    answer = await lab.call(session.peer, call, reply=session.peer.memory.offer(20000))
    results = answer.results(call)
    expect(results.status == t.NFS4_OK, f"READDIR failed: {results.status_name}")
    found = set()
    entry = results[-1].reply.entries
    while entry is not None:
        found.add(entry.name)
        entry = entry.nextentry
    expect(found == names, f"{len(found)} names of {len(names)}")
    expect(answer.header.proc == RDMA_NOMSG, "a message longer than the inline threshold")
    return f"{len(answer.body)} octets"


async def _read_long(file: File, count: int, *sizes: int) -> bytes:
    """Return what a READ without a Write chunk gives, and check how it came."""
    peer = file.session.peer
    call = file.reading(count)
    answer = await file.lab.call(peer, call, reply=peer.memory.offer(*sizes))
    results = answer.results(call)
    expect(results.status == t.NFS4_OK, f"READ failed: {results.status_name}")
    return bytes(results[-1].data)


@case("RP2", _REPLY, Severity.MUST)
async def short_reply(lab: Lab) -> str:
    """Send a reply that fits inline or in the Reply chunk, never in both."""
    file = await lab.file(bytes(range(200)))
    peer = file.session.peer
    call = file.reading(200)
    answer = await lab.call(peer, call, reply=peer.memory.offer(4096))
    expect(bytes(answer.results(call)[-1].data) == bytes(range(200)), "other octets")
    if answer.header.proc == RDMA_NOMSG:
        return "in the chunk"
    return "inline, the chunk " + ("left out" if answer.header.reply_chunk is None else "returned")


@case("RP3", _REPLY, Severity.MUST)
async def segments(lab: Lab) -> None:
    """Fill the segments of the Reply chunk one after the other."""
    data = lab.rng.randbytes(9001)
    file = await lab.file(data)
    for sizes in ((3000,) * 4, (1, 2, 3, 12000), (600,) * 16):
        expect(await _read_long(file, 9001, *sizes) == data, "other octets than the file's")


@case("RP4", "RFC 8166, Section 4.5.3", Severity.MUST)
async def too_small(lab: Lab) -> str:
    """Answer with an error, or less, where the Reply chunk is too small; never write beyond."""
    data = lab.rng.randbytes(9000)
    file = await lab.file(data)
    peer = file.session.peer
    offer = peer.memory.offer(4500)
    call = file.reading(9000)
    tried = await lab.try_out(
        peer, header(call.xid, reply=offer.segments) + call.whole, call, reply=offer
    )
    if tried.results is not None and tried.served:
        found = bytes(tried.results[-1].data)
        expect(found == data[: len(found)] and len(found) < 9000, "other octets than the file's")
        return f"{len(found)} octets were read"
    await file.session.settle()
    return tried.how


@case("RP5", "RFC 8166, Section 4.5.3", Severity.QUALITY)
async def not_executed(lab: Lab) -> str:
    """Change nothing if the reply cannot be sent: look at its room before."""
    data = lab.rng.randbytes(9000)
    file = await lab.file(data)
    session = file.session
    name = lab.file_name()
    call = session.compound(
        nfs.putfh(session.directory),
        nfs.symlink(name, b"made"),
        nfs.putfh(file.handle),
        nfs.read(file.stateid, 0, 9000),
    )
    offer = session.peer.memory.offer(200)
    octets = header(call.xid, reply=offer.segments) + call.whole
    tried = await lab.try_out(session.peer, octets, call, reply=offer)
    if tried.how in ("ERR_CHUNK", "GARBAGE_ARGS", "SYSTEM_ERR"):
        await session.settle()
    found = await session.run(nfs.putfh(session.directory), nfs.lookup(name))
    made = found.status == t.NFS4_OK
    expect(not made or tried.results is not None, f"{tried.how}, and the link was made")
    return f"{tried.how}, the link was {'made, and the reply tells' if made else 'not made'}"


@case("RP6", "RFC 8166, Section 4.5.3", Severity.MUST, Need.DESTRUCTIVE)
async def none(lab: Lab) -> str:
    """Answer with ERR_CHUNK, or less, where a reply is too long and there is no Reply chunk."""
    data = lab.rng.randbytes(9000)
    file = await lab.file(data)
    call = file.reading(9000)
    tried = await lab.try_out(file.session.peer, header(call.xid) + call.whole, call)
    size = len(tried.message.octets)
    expect(size <= INLINE, f"{size} octets inline, although we receive {INLINE}")
    if tried.results is not None and tried.served:
        found = bytes(tried.results[-1].data)
        expect(found == data[: len(found)], "other octets than the file's")
        return f"{len(found)} octets were read"
    await file.session.settle()
    return tried.how


@case("RP7", _LONG, Severity.MUST)
async def both(lab: Lab) -> None:
    """Place data in the Write chunk and the rest of a long reply in the Reply chunk."""
    data = lab.rng.randbytes(12001)
    file = await lab.file(data)
    peer = file.session.peer
    call = file.session.compound(
        nfs.putfh(file.handle),
        nfs.read(file.stateid, 0, 5001),
        nfs.read(file.stateid, 5001, 7000),
    )
    offers = [peer.memory.offer(5001)]
    answer = await lab.call(peer, call, writes=offers, reply=peer.memory.offer(8000))
    results = answer.results(call)
    expect(results.status == t.NFS4_OK, f"READ failed: {results.status_name}")
    expect(answer.placed == [data[:5001]], "the Write chunk holds other octets")
    expect(bytes(results[-1].data) == data[5001:], "the Reply chunk holds other octets")


@case("RP8", "RFC 8881, Section 18.36.3", Severity.MUST)
async def session_limit(lab: Lab) -> str:
    """Keep to the session's longest reply, whatever the chunks have room for."""
    session = await lab.session(reply=2048)
    limit = session.created.csr_fore_chan_attrs.ca_maxresponsesize
    expect(limit <= 2048, f"a session with replies of {limit} octets, where 2048 were asked for")
    file = await lab.file(lab.rng.randbytes(4000), session)
    call = file.reading(4000)
    peer = session.peer
    offer = peer.memory.offer(8000)
    octets = header(call.xid, reply=offer.segments) + call.whole
    tried = await lab.try_out(peer, octets, call, reply=offer)
    expect(len(offer.pieces[0].octets.rstrip(b"\xa5")) <= limit, "a longer reply")
    if tried.results is not None and tried.served:
        return f"{len(tried.results[-1].data)} octets were read"
    if tried.results is None:
        await session.settle()
    return tried.how


@case("RP9", "RFC 8166, Section 3.5.3", Severity.MUST, Need.PACKETS)
async def order(lab: Lab) -> str:
    """Write all that a reply tells of before the Send that carries the reply."""
    data = lab.rng.randbytes(30000)
    file = await lab.file(data)
    mark = lab.mark()
    expect(await file.content(30000) == data, "other octets than the file's")
    kinds = [each.kind.name for each in lab.packets(mark) if each.kind.name in ("WRITE", "SEND")]
    expect("WRITE" in kinds and "SEND" in kinds, f"only {sorted(set(kinds))} was seen")
    last = len(kinds) - 1 - kinds[::-1].index("WRITE")
    expect(last < kinds.index("SEND"), "an RDMA WRITE behind the Send")
    return f"{kinds.count('WRITE')} packets of RDMA WRITE"
