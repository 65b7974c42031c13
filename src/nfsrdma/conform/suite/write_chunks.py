"""WC: Write chunks (RFC 8166, Sections 3.4.6 and 4.3.2)."""

from __future__ import annotations

from collections.abc import Sequence

from nfsrdma.xdr.nfs4 import types as t

from .. import nfs
from ..case import Failed, Severity, case, expect
from ..lab import Answer, File, Lab
from ..memory import Offer
from ..nfs import Call, Results
from ..peer import Silence
from ..wire import header

_WRITE_LIST = "RFC 8166, Section 4.3.2"
_FILL = "RFC 8166, Section 3.4.6"


async def _read(
    file: File, call: Call, writes: Sequence[Offer], reply: Offer | None = None
) -> tuple[Answer, Results]:
    """Send a READ with these chunks, which has to succeed."""
    answer = await file.lab.call(file.session.peer, call, writes=writes, reply=reply)
    results = answer.results(call)
    expect(results.status == t.NFS4_OK, f"READ failed: {results.status_name}")
    return answer, results


async def _reads_right(file: File, offer: Offer, content: bytes) -> None:
    answer, results = await _read(file, file.reading(len(content)), [offer])
    expect(bytes(results[-1].data) == content, "other octets than those of the file")
    expect(len(answer.placed[0]) == len(content), f"{len(answer.placed[0])} octets in the chunk")


@case("WC1", _WRITE_LIST, Severity.MUST)
async def one_segment(lab: Lab) -> None:
    """Place the data of a READ in a Write chunk, and return the chunk with its true length."""
    data = lab.rng.randbytes(20000)
    file = await lab.file(data)
    await _reads_right(file, file.session.peer.memory.offer(20000), data)


@case("WC2", _FILL, Severity.MUST)
async def segments(lab: Lab) -> None:
    """Fill up to 16 segments one after the other, each before the next is begun."""
    data = lab.rng.randbytes(16000)
    file = await lab.file(data)
    offer = file.session.peer.memory.offer
    for sizes in ((8000, 8000), (1, 15999), (1000,) * 16, (999,) * 15 + (1015,)):
        await _reads_right(file, offer(*sizes), data)


@case("WC3", "RFC 8166, Section 3.4.6.2", Severity.MUST)
async def no_pad(lab: Lab) -> None:
    """Write no XDR pad behind data of an odd length."""
    data = lab.rng.randbytes(1003)
    file = await lab.file(data)
    offer = file.session.peer.memory.offer
    for length in (1001, 1002, 1003):
        for sizes in ((length,), (length + 3,), (500, length - 500), (500, 600)):
            await _reads_right(file, offer(*sizes), data[:length])


@case("WC4", _WRITE_LIST, Severity.MUST)
async def short_read(lab: Lab) -> None:
    """Return length 0 for the segments that a READ at the end of a file does not need."""
    data = lab.rng.randbytes(1000)
    file = await lab.file(data)
    offer = file.session.peer.memory.offer(600, 600, 600)
    answer, results = await _read(file, file.reading(1800), [offer])
    expect(bytes(results[-1].data) == data, "other octets than those of the file")
    expect(results[-1].eof, "the end of the file is not told")
    lengths = [segment.length for segment in answer.header.write_list[0].segments]
    expect(lengths == [600, 400, 0], f"lengths {lengths} instead of 600, 400, 0")


@case("WC5", "RFC 8166, Section 4.3.2.2", Severity.MUST)
async def failed_read(lab: Lab) -> str:
    """Return an unused chunk, with lengths 0, where the READ has failed."""
    file = await lab.file(b"content")
    offer = file.session.peer.memory.offer(500, 500)
    wrong = t.stateid4(1, b"no such file")
    call = file.session.compound(nfs.putfh(file.handle), nfs.read(wrong, 0, 1000))
    answer = await lab.call(file.session.peer, call, writes=[offer])
    results = answer.results(call)
    expect(results.status != t.NFS4_OK, "a READ with a wrong stateid succeeded")
    expect(not answer.placed[0] and not offer.touched, "the chunk was used")
    return results.status_name


@case("WC6", "RFC 8166, Section 4.3.2.3", Severity.MUST)
async def empty_chunk(lab: Lab) -> None:
    """Leave a result inline whose Write chunk is empty."""
    data = lab.rng.randbytes(900)
    file = await lab.file(data)
    _, results = await _read(file, file.reading(900), [file.session.peer.memory.offer()])
    expect(bytes(results[-1].data) == data, "other octets than those of the file")


def _two_reads(file: File, one: int, other: int) -> Call:
    return file.session.compound(
        nfs.putfh(file.handle),
        nfs.read(file.stateid, 0, one),
        nfs.read(file.stateid, one, other),
    )


@case("WC7", _WRITE_LIST, Severity.MUST)
async def two_chunks(lab: Lab) -> None:
    """Give the n-th Write chunk to the n-th eligible result."""
    data = lab.rng.randbytes(5000)
    file = await lab.file(data)
    offer = file.session.peer.memory.offer
    answer, results = await _read(
        file, _two_reads(file, 2001, 2999), [offer(2001), offer(1000, 1999)]
    )
    expect(answer.placed == [data[:2001], data[2001:]], "the chunks hold other octets")
    expect(bytes(results[-2].data) + bytes(results[-1].data) == data, "the results are others")


@case("WC8", _WRITE_LIST, Severity.MUST)
async def spare_chunks(lab: Lab) -> None:
    """Return every Write chunk, those included that no result was left for."""
    data = lab.rng.randbytes(3000)
    file = await lab.file(data)
    offer = file.session.peer.memory.offer
    answer, _ = await _read(file, file.reading(3000), [offer(3000), offer(100, 100), offer(64)])
    expect(answer.placed == [data, b"", b""], "a chunk too many was used")


@case("WC9", _WRITE_LIST, Severity.MUST)
async def spare_results(lab: Lab) -> None:
    """Leave results inline for which there is no Write chunk."""
    data = lab.rng.randbytes(3000)
    file = await lab.file(data)
    answer, results = await _read(
        file, _two_reads(file, 2000, 1000), [file.session.peer.memory.offer(2000)]
    )
    expect(answer.placed == [data[:2000]], "the first chunk holds other octets")
    expect(bytes(results[-1].data) == data[2000:], "the second result is another")


@case("WC10", "RFC 8166, Section 4.5.3", Severity.SHOULD)
async def too_small(lab: Lab) -> str:
    """Refuse a READ that its chunk has no room for, or read less; never write beyond."""
    data = lab.rng.randbytes(9000)
    file = await lab.file(data)
    offer = file.session.peer.memory.offer(1000, 500)
    call = file.reading(9000)
    octets = header(call.xid, writes=[offer.segments]) + call.whole
    tried = await lab.try_out(file.session.peer, octets, call, [offer])
    if not tried.served:
        await file.session.settle()
        return tried.how
    assert tried.results is not None
    found = bytes(tried.results[-1].data)
    expect(found == data[: len(found)] and len(found) <= 1500, "other octets than the file's")
    expect(not tried.results[-1].eof, "the end of the file was told, and is not reached")
    return f"{len(found)} octets were read"


@case("WC11", "RFC 8267, Section 6", Severity.MUST)
async def link(lab: Lab) -> None:
    """Place the target of a symbolic link in a Write chunk, or leave it inline."""
    session = await lab.session()
    name, target = lab.file_name(), lab.rng.randbytes(200).hex().encode()[:333]
    made = await session.run(nfs.putfh(session.directory), nfs.symlink(name, target), nfs.GETFH)
    nfs.needed(made, "a symbolic link cannot be made")
    offer = session.peer.memory.offer(400)
    call = session.compound(nfs.putfh(made[-1].object), nfs.READLINK)
    answer = await lab.call(session.peer, call, writes=[offer])
    results = answer.results(call)
    expect(results.status == t.NFS4_OK, f"READLINK failed: {results.status_name}")
    expect(bytes(results[-1].link) == target, "another target than that of the link")


@case("WC12", "RFC 8267, Section 6", Severity.MUST)
async def not_eligible(lab: Lab) -> None:
    """Leave a Write chunk unused where no result is eligible: READDIR, GETATTR."""
    file = await lab.file(b"content")
    session = file.session
    offer = session.peer.memory.offer(4000)
    call = session.compound(
        nfs.putfh(session.directory), nfs.getattr_(t.FATTR4_TYPE, t.FATTR4_SIZE)
    )
    answer = await lab.call(session.peer, call, writes=[offer])
    expect(answer.results(call).status == t.NFS4_OK and not offer.touched, "GETATTR used it")
    call = session.compound(nfs.putfh(session.directory), nfs.readdir(1024))
    answer = await lab.call(session.peer, call, writes=[offer])
    expect(not offer.touched, "READDIR used it")
    expect(answer.results(call).status == t.NFS4_OK, "READDIR failed")


@case("WC13", "RFC 8166, Section 4.5", Severity.ROBUSTNESS)
async def bad_handle(lab: Lab) -> str:
    """Lose a connection over a handle that is none, and that connection only."""
    file = await lab.file(bytes(2000))
    other = await lab.peer()
    (part,) = file.session.peer.memory.offer(2000).segments
    wrong = part._replace(handle=part.handle ^ 0x5A5A5A5A)
    call = file.reading(2000)
    file.session.peer.send(header(call.xid, writes=[[wrong]]) + call.whole)
    try:
        reason = await file.session.peer.gone()
    except Silence:
        raise Failed("the connection is still up") from None
    await lab.alive(other)
    return reason
