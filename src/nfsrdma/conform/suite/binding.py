"""NB: the binding of NFS (RFC 8267)."""

from __future__ import annotations

from typing import Final

from nfsrdma.rpcrdma.task import sleep
from nfsrdma.rpcrdma.transport.connect import NFS_RDMA_PORT
from nfsrdma.rpcrdma.transport.header import RDMA_MSG, RDMA_NOMSG
from nfsrdma.xdr import XdrError, rpcbind
from nfsrdma.xdr.nfs4 import types as t

from .. import nfs, nfs3
from ..case import Failed, Need, NotApplicable, Severity, case, expect
from ..lab import Lab
from ..peer import Gone
from ..wire import Message, header, words

_GETADDR: Final = 3
_IDLE_S: Final = 600.0
_CALLED_S: Final = 0.5
"""How long a client is given to be called back (in seconds)."""


@case("NB1", "RFC 8267, Section 6", Severity.ROBUSTNESS)
async def eligible_only(lab: Lab) -> str:
    """Refuse an argument in a Read chunk that is not DDP-eligible, or take it for what it is."""
    session = await lab.session()
    name = lab.file_name()
    call = session.compound(nfs.putfh(session.directory), nfs.lookup(name))
    at = call.whole.index(name)
    reduced = call.whole[:at] + call.whole[at + len(name) + -len(name) % 4 :]
    (part,) = session.peer.memory.expose(name)
    octets = header(call.xid, reads=[(at, part)]) + reduced
    tried = await lab.try_out(session.peer, octets, call)
    if tried.results is None:
        await session.settle()
    if tried.how == "NFS4ERR_NOENT":
        return "a name was taken from a Read chunk"
    expect(not tried.served, "the call was served")
    return tried.how


@case("NB2", "RFC 8267, Section 6.5", Severity.MUST)
async def minor_zero(lab: Lab) -> str:
    """Make no callbacks of minor version 0 on the client's own connection."""
    called = []

    def take(message: Message) -> bool:
        call = message.octets[12:16] == words(RDMA_MSG) and message.octets[32:36] == words(0)
        if call:
            called.append(message)
        return call

    peer = await lab.peer(on_message=take)
    who = t.nfs_client_id4(lab.rng.randbytes(8), b"nfsrdma conform " + lab.rng.randbytes(8))
    # Port 9 is where nobody answers: whoever would call back there is told so.
    back = t.cb_client4(nfs.PROGRAM, t.netaddr4(b"tcp", b"127.0.0.1.0.9"))
    asked = nfs.compound(
        lab.xid(),
        [(t.OP_SETCLIENTID, t.SETCLIENTID4args(who, back, 1))],
        lab.target.credentials,
        minor=0,
    )
    made = nfs.needed((await lab.call(peer, asked)).results(asked), "SETCLIENTID")[0]
    confirmed = nfs.compound(
        lab.xid(),
        [(t.OP_SETCLIENTID_CONFIRM, t.SETCLIENTID_CONFIRM4args(made.clientid,
                                                               made.setclientid_confirm))],
        lab.target.credentials,
        minor=0,
    )  # fmt: skip
    nfs.needed((await lab.call(peer, confirmed)).results(confirmed), "SETCLIENTID_CONFIRM")
    await sleep(lab.reactor, _CALLED_S)
    await lab.alive(peer)
    expect(not called, f"{len(called)} calls came on the connection")
    return "none came"


@case("NB5", "RFC 8881, Section 18.36.3", Severity.MUST)
async def longest_request(lab: Lab) -> str:
    """Take a request as long as the session permits, its chunks counted."""
    session = await lab.session()
    limit = session.created.csr_fore_chan_attrs.ca_maxrequestsize
    file = await lab.file(session=session)
    room = min(limit, nfs.MAX_IO) - 512
    data = lab.rng.randbytes(room)
    call = file.writing(data)
    answer = await file.reduced(call)
    results = answer.results(call)
    expect(results.status == t.NFS4_OK, f"WRITE of {room} octets: {results.status_name}")
    written = results[-1].count
    expect(0 < written <= room, f"{written} octets were written of {room}")
    await file.holds(data[:written])
    return f"{written} octets of a request of {limit}"


@case("NB6", "RFC 8267, Section 6", Severity.MUST)
async def read_plus(lab: Lab) -> str:
    """Leave a Write chunk unused by READ_PLUS, which is not eligible."""
    file = await lab.file(lab.rng.randbytes(600))
    session = file.session
    args = t.READ_PLUS4args(file.stateid, 0, 600)
    session.seqid += 1
    ops = (
        session.sequence(seqid=session.seqid),
        nfs.putfh(file.handle),
        (t.OP_READ_PLUS, args),
    )
    call = nfs.compound(lab.xid(), ops, lab.target.credentials, minor=2)
    offer = session.peer.memory.offer(2000)
    octets = header(call.xid, writes=[offer.segments]) + call.whole
    tried = await lab.try_out(session.peer, octets, call, [offer])
    expect(not offer.touched, "the chunk was used")
    if tried.how in ("NFS4ERR_NOTSUPP", "NFS4ERR_MINOR_VERS_MISMATCH", "NFS4ERR_OP_ILLEGAL"):
        raise NotApplicable(f"READ_PLUS: {tried.how}")
    return tried.how


@case("NB7", "RFC 8267, Section 6.3", Severity.QUALITY)
async def registered(lab: Lab) -> str:
    """Tell the port mapper of NFS over RDMA, or be at the port where it is looked for."""
    netid = b"rdma6" if ":" in lab.target.address else b"rdma"
    wanted = rpcbind.rpcb(t.NFS4_PROGRAM, t.NFS_V4, netid, b"", b"")
    octets = nfs3.octets_of(wanted)
    found = await nfs3.plain(lab, nfs3.PORTMAP, nfs3.PORTMAPPER, 4, _GETADDR, octets)
    try:
        address = found.opaque()
    except XdrError as error:
        raise Failed(f"the port mapper's reply cannot be decoded: {error}") from None
    if not address:
        expect(lab.target.port == NFS_RDMA_PORT, f"port {lab.target.port}, and rpcbind has none")
        return f"not registered, at port {NFS_RDMA_PORT}"
    shown = address.decode("utf-8", "replace")
    # The last two of its parts are the port (RFC 5665, Section 5.2.3).
    parts = shown.split(".")[-2:]
    expect(len(parts) == 2 and all(map(str.isdecimal, parts)), f"no address: {shown}")
    port = int(parts[0]) * 256 + int(parts[1])
    expect(port == lab.target.port, f"{netid.decode()} is registered at port {port}")
    return f"{netid.decode()} at {shown}"


@case("NB9", "RFC 8267, Section 6.7.2", Severity.QUALITY, Need.LONG)
async def idle(lab: Lab) -> str:
    """Keep a connection that is idle for ten minutes, or say good-bye."""
    peer = await lab.peer()
    await lab.alive(peer)
    began = lab.reactor.time()
    try:
        await peer.quiet(_IDLE_S)
    except Gone as error:
        await lab.alive()
        return f"ended after {lab.reactor.time() - began:.0f} s: {error}"
    await lab.alive(peer)
    return "kept"


@case("NB8", "RFC 8267, Section 6.4.2", Severity.MUST)
async def all_chunks(lab: Lab) -> None:
    """Take 16 segments in a Position-Zero chunk, 16 in a Write chunk, and a Reply chunk."""
    data = lab.rng.randbytes(16000)
    file = await lab.file(data)
    peer = file.session.peer
    call = file.reading(16000)
    whole = call.whole
    cuts = [len(whole) * number // 16 for number in range(1, 16)]
    reads = [(0, part) for part in peer.memory.expose(whole, cuts)]
    answer = await lab.call(
        peer,
        call,
        reads=reads,
        writes=[peer.memory.offer(*[1000] * 16)],
        reply=peer.memory.offer(2048),
        body=b"",
        proc=RDMA_NOMSG,
    )
    results = answer.results(call)
    expect(results.status == t.NFS4_OK, f"READ failed: {results.status_name}")
    expect(answer.placed == [data], "the Write chunk holds other octets")


@case("NB10", "RFC 8267, Section 6", Severity.MUST)
async def link_target(lab: Lab) -> None:
    """Take the target of a new symbolic link from a Read chunk."""
    session = await lab.session()
    name, target = lab.file_name(), b"/somewhere/" + b"t" * 301
    call = session.compound(nfs.putfh(session.directory), nfs.symlink(name, target), nfs.GETFH)
    ((position, data),) = call.payloads
    reads = [(position, part) for part in session.peer.memory.expose(data, (100,))]
    answer = await lab.call(session.peer, call, reads=reads, body=call.reduced)
    results = nfs.needed(answer.results(call), "a symbolic link cannot be made")
    found = await session.ok(nfs.putfh(results[-1].object), nfs.READLINK)
    expect(bytes(found[-1].link) == target, "the link has another target")
