"""RC: Read chunks, the Position-Zero one among them (RFC 8166, Sections 3.4.5 and 3.5)."""

from __future__ import annotations

from collections.abc import Sequence

from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.transport.header import RDMA_NOMSG
from nfsrdma.rpcrdma.transport.private_data import MAX_INLINE, PrivateData
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4

from .. import nfs
from ..case import Need, Severity, case, expect
from ..lab import File, Lab, Tried
from ..nfs import Call
from ..peer import INLINE, Silence
from ..wire import Entry, header

_POSITION = "RFC 8166, Section 3.4.5"
_PAD = "RFC 8166, Section 3.4.5.2"
_LONG = "RFC 8166, Section 3.5.3"


async def _write(file: File, data: bytes, cuts: Sequence[int] = (), pad: bool = False) -> None:
    """Write with a Read chunk that is cut so; the file must then hold the data."""
    call = file.writing(data)
    await file.written(call, len(data), await file.reduced(call, cuts, pad))
    await file.holds(data)


def _cuts(lab: Lab, length: int, segments: int) -> list[int]:
    """Return places to cut so many octets at, to make so many segments of odd lengths."""
    return sorted(lab.rng.sample(range(1, length), segments - 1))


async def _try(
    file: File, call: Call, reads: Sequence[Entry], body: bytes | None = None, proc: int = 0
) -> Tried:
    """Send a call that may be refused, and bring the slot in order."""
    lab, session = file.lab, file.session
    octets = header(call.xid, proc, reads=reads) + (call.reduced if body is None else body)
    tried = await lab.try_out(session.peer, octets, call)
    if not tried.served:
        await session.settle()
    return tried


@case("RC1", _POSITION, Severity.MUST)
async def one_segment(lab: Lab) -> None:
    """Fetch the data of a WRITE from a Read chunk of one segment."""
    await _write(await lab.file(), lab.rng.randbytes(20000))


@case("RC2", "RFC 8267, Section 6.4.2", Severity.MUST)
async def segments(lab: Lab) -> None:
    """Fetch a Read chunk of up to 16 segments in the order of the list."""
    file = await lab.file()
    for count in (2, 3, 8, 16):
        data = lab.rng.randbytes(count * 1000)
        await _write(file, data, range(1000, len(data), 1000))
        await _empty(file)


async def _empty(file: File) -> None:
    """Cut the file to no octets, so that the next write is alone."""
    values = encode_fattr4({t.FATTR4_SIZE: 0})
    await file.session.ok(
        nfs.putfh(file.handle), (t.OP_SETATTR, t.SETATTR4args(file.stateid, values))
    )


@case("RC3", _POSITION, Severity.SHOULD)
async def many_segments(lab: Lab) -> str:
    """Serve or refuse a Read chunk of more than 16 segments, and write nothing if refused."""
    peer = await lab.peer(private_data=PrivateData(MAX_INLINE, INLINE).encode())
    file = await lab.file(session=await lab.session(peer))
    room = PrivateData.decode(peer.theirs).inline_receive
    how = []
    for count in (17, 64, 256):
        if 24 * count + 400 > room:
            break
        data = lab.rng.randbytes(count * 50)
        call = file.writing(data)
        ((position, _),) = call.payloads
        parts = file.session.peer.memory.expose(data, _cuts(lab, len(data), count))
        tried = await _try(file, call, [(position, part) for part in parts])
        await file.holds(data if tried.served else b"")
        await _empty(file)
        how.append(f"{count}: {tried.how}")
    return ", ".join(how)


@case("RC4", _POSITION, Severity.MUST)
async def odd_segments(lab: Lab) -> None:
    """Fetch segments of any length, odd ones among them, and leave nothing between them."""
    file = await lab.file()
    data = lab.rng.randbytes(6000)
    await _write(file, data, (1, 4, 7, 1030, 1031, 5999))


@case("RC5", _PAD, Severity.MUST)
async def pads(lab: Lab) -> None:
    """Take data of an odd length right with and without its XDR pad in the chunk."""
    file = await lab.file()
    for length in (1001, 1002, 1003):
        for pad in (False, True):
            await _write(file, lab.rng.randbytes(length), pad=pad)
            await _empty(file)


def _two_writes(file: File, one: bytes, other: bytes) -> Call:
    return file.session.compound(
        nfs.putfh(file.handle),
        nfs.write(file.stateid, 0, one),
        nfs.write(file.stateid, len(one), other),
    )


@case("RC6", _POSITION, Severity.ROBUSTNESS, Need.DESTRUCTIVE)
async def interleaved(lab: Lab) -> str:
    """Keep the segments of two Positions apart when they are interleaved, or refuse them."""
    file = await lab.file()
    one, other = lab.rng.randbytes(2000), lab.rng.randbytes(3000)
    call = _two_writes(file, one, other)
    expose = file.session.peer.memory.expose
    (first, _), (second, _) = call.payloads
    mine = [(first, part) for part in expose(one, (700,))]
    others = [(second, part) for part in expose(other, (900,))]
    tried = await _try(file, call, [others[0], mine[0], others[1], mine[1]])
    if tried.served:
        await file.holds(one + other)
    return tried.how


@case("RC7", _POSITION, Severity.MUST)
async def positions(lab: Lab) -> str:
    """Refuse a Position off a word, past the message, or where no eligible item is."""
    file = await lab.file(b"as before")
    how = []
    data = lab.rng.randbytes(2000)
    for name, shift in (("off a word", 2), ("past the message", 1 << 20), ("in the head", -60)):
        call = file.writing(data)
        ((position, _),) = call.payloads
        (part,) = file.session.peer.memory.expose(data)
        tried = await _try(file, call, [(position + shift, part)])
        expect(not tried.served, f"{name}: the call was served")
        await file.holds(b"as before")
        how.append(f"{name}: {tried.how}")
    return ", ".join(how)


async def _long_call(file: File, call: Call, cuts: Sequence[int] = ()) -> list[Entry]:
    parts = file.session.peer.memory.expose(call.whole, cuts)
    return [(0, part) for part in parts]


@case("RC8", _LONG, Severity.MUST)
async def long_call(lab: Lab) -> None:
    """Take a whole call from a Position-Zero Read chunk."""
    file = await lab.file()
    data = lab.rng.randbytes(9001)
    call = file.writing(data)
    reads = await _long_call(file, call)
    answer = await lab.call(file.session.peer, call, reads=reads, body=b"", proc=RDMA_NOMSG)
    await file.written(call, len(data), answer)
    await file.holds(data)


@case("RC9", "RFC 8267, Section 6.4.2", Severity.MUST, Need.DESTRUCTIVE)
async def long_call_and_chunk(lab: Lab) -> None:
    """Take a call from a Position-Zero Read chunk, and its data from another Read chunk."""
    file = await lab.file()
    data = lab.rng.randbytes(9001)
    call = file.writing(data)
    ((position, _),) = call.payloads
    expose = file.session.peer.memory.expose
    reads = [(0, part) for part in expose(call.reduced)]
    reads += [(position, part) for part in expose(data, (4000,))]
    answer = await lab.call(file.session.peer, call, reads=reads, body=b"", proc=RDMA_NOMSG)
    await file.written(call, len(data), answer)
    await file.holds(data)


@case("RC10", "RFC 8166, Section 4.2.4", Severity.ROBUSTNESS, Need.DESTRUCTIVE)
async def octets_behind(lab: Lab) -> str:
    """Ignore or refuse octets behind the header of RDMA_NOMSG."""
    file = await lab.file()
    data = lab.rng.randbytes(3000)
    call = file.writing(data)
    tried = await _try(file, call, await _long_call(file, call), bytes(64), RDMA_NOMSG)
    await file.holds(data if tried.served else b"")
    return tried.how


@case("RC11", "RFC 8267, Section 6.4.2", Severity.SHOULD, Need.DESTRUCTIVE)
async def two_chunks(lab: Lab) -> str:
    """Serve two WRITEs with a Read chunk each, or refuse the call as a whole."""
    file = await lab.file()
    one, other = lab.rng.randbytes(2001), lab.rng.randbytes(3000)
    call = _two_writes(file, one, other)
    expose = file.session.peer.memory.expose
    reads = [
        (position, part) for position, data in call.payloads for part in expose(data)
    ]  # fmt: skip
    tried = await _try(file, call, reads)
    await file.holds(one + other if tried.served else b"")
    return tried.how


@case("RC12", _POSITION, Severity.ROBUSTNESS, Need.DESTRUCTIVE)
async def empty_segment(lab: Lab) -> str:
    """Pass over a segment without octets between others, or refuse it."""
    file = await lab.file()
    data = lab.rng.randbytes(3000)
    call = file.writing(data)
    ((position, _),) = call.payloads
    first, second = file.session.peer.memory.expose(data, (1000,))
    reads = [(position, part) for part in (first, Segment(second.handle, 0, second.offset), second)]
    tried = await _try(file, call, reads)
    await file.holds(data if tried.served else b"")
    return tried.how


@case("RC13", _POSITION, Severity.ROBUSTNESS, Need.DESTRUCTIVE)
async def overlap(lab: Lab) -> str:
    """Refuse Read chunks that overlap in the message."""
    file = await lab.file(b"as before")
    data = lab.rng.randbytes(2000)
    call = file.writing(data)
    ((position, _),) = call.payloads
    parts = file.session.peer.memory.expose(data + data, (2000,))
    tried = await _try(file, call, [(position, parts[0]), (position + 400, parts[1])])
    expect(not tried.served, "the call was served")
    await file.holds(b"as before")
    return tried.how


@case("RC14", _PAD, Severity.ROBUSTNESS)
async def lengths(lab: Lab) -> str:
    """Refuse data whose chunk is longer or shorter than its length word says."""
    file = await lab.file(b"as before")
    data = lab.rng.randbytes(2000)
    how = []
    for name, length in (("longer", 2400), ("shorter", 1600), ("much shorter", 4)):
        call = file.writing(data)
        ((position, _),) = call.payloads
        (part,) = file.session.peer.memory.expose((data + data)[:length])
        tried = await _try(file, call, [(position, part)])
        expect(not tried.served, f"{name}: the call was served")
        await file.holds(b"as before")
        how.append(f"{name}: {tried.how}")
    return ", ".join(how)


@case("RC15", "RFC 8166, Section 4.5", Severity.MUST)
async def bad_handle(lab: Lab) -> str:
    """Lose a connection over a handle that is none, and that connection only."""
    file = await lab.file(b"as before")
    other = await lab.peer()
    data = lab.rng.randbytes(2000)
    call = file.writing(data)
    ((position, _),) = call.payloads
    (part,) = file.session.peer.memory.expose(data)
    wrong = part._replace(handle=part.handle ^ 0x5A5A5A5A)
    file.session.peer.send(header(call.xid, reads=[(position, wrong)]) + call.reduced)
    try:
        reason = await file.session.peer.gone()
    except Silence:
        reason = "the connection is still up"
        expect(False, reason)
    await lab.alive(other)
    session = await lab.session()
    file.session = session
    file.stateid = nfs.ANONYMOUS
    await file.holds(b"as before")
    return reason
