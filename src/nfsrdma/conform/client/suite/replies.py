"""CL8 to CL10, CL14, CL15 and more: replies that are as they may be, and what is no reply."""

from __future__ import annotations

from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.transport.header import (
    RDMA_DONE,
    RDMA_MSG,
    RDMA_NOMSG,
    SHORT_HEADER_SIZE,
)
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

from ...case import Severity
from ...relay import CALL, REPLY, Link, Passing
from ...relay.link import Pending
from ...wire import header, words
from ..catalogue import scenario
from ..lab import ClientLab
from .common import is_reply, placed_by_chunk, undisturbed

_SPARE = 64
"""Octets that a header with a few segments may need, to be safe."""


@scenario("CL8", "RFC 8166, Section 4.3.3", Severity.MUST)
async def either_way(lab: ClientLab) -> str:
    """Take a reply inline or from the Reply chunk that was offered, whichever it is."""
    inline = long = 0

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal inline, long
        if pending is None or passing.kind != REPLY or pending.reply is None:
            return
        if passing.proc == RDMA_NOMSG:
            inline += _made_inline(lab, link, passing)
        elif passing.proc == RDMA_MSG and (inline + long) % 2 == 0:
            long += _made_long(passing, pending)
        else:
            inline += 1

    lab.act = act
    await lab.right()
    if inline + long:
        lab.did("both")
    lab.needed("no reply to a call with a Reply chunk was short enough to go either way")
    return f"{inline} inline, {long} in the Reply chunk"


def _made_inline(lab: ClientLab, link: Link, passing: Passing) -> bool:
    *_, pieces = placed_by_chunk(passing)
    body = b"".join(octets for _, octets in pieces)
    room = lab.record.connection(link).reply_threshold - SHORT_HEADER_SIZE - _SPARE
    if len(body) > room or passing.reply is None:
        return False
    passing.placed = passing.placed[: len(passing.placed) - len(pieces)]
    passing.reply = [each._replace(length=0) for each in passing.reply]
    passing.proc, passing.body = RDMA_MSG, body
    return True


def _made_long(passing: Passing, pending: Pending) -> bool:
    if not pending.reply or pending.reply[0].length < len(passing.body):
        return False
    first, *rest = pending.reply
    used = first._replace(length=len(passing.body))
    passing.placed.append((used, passing.body))
    passing.reply = [used, *(each._replace(length=0) for each in rest)]
    passing.proc, passing.body = RDMA_NOMSG, b""
    return True


@scenario("CL9", "RFC 8881, Section 18.22.3", Severity.MUST)
async def short_reads(lab: ClientLab) -> str:
    """Ask for the rest if a READ returns less than was asked for, and not the end of the file."""

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.kind != CALL or pending is None:
            return
        for each in pending.stream.operations:
            if each.argop == t.OP_READ and each.value.count > 2000:
                enc = Encoder()
                each.value.encode(enc)
                octets = bytes(enc.buffer)
                half = octets[:-4] + words(each.value.count // 2 + 3)
                if passing.body.count(octets) == 1:
                    passing.body = passing.body.replace(octets, half)
                    lab.did("a short READ")

    lab.act = act
    await lab.right()
    lab.needed("no READ was long enough")
    return f"{len(lab.done)} READs were answered by half"


@scenario("CL10", "RFC 8166, Section 3.4.6.2", Severity.ROBUSTNESS)
async def pads(lab: ClientLab) -> str:
    """Take no octet that was written behind the data of a Write chunk for data."""

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if not is_reply(passing, "READ") or pending is None or not pending.writes:
            return
        offered = {each.handle: each for chunk in pending.writes for each in chunk}
        for number, (segment, octets) in enumerate(passing.placed):
            room = offered.get(segment.handle)
            pad = -len(octets) % 4
            if room is not None and pad and room.length >= len(octets) + pad:
                passing.placed[number] = segment, octets + b"\xee" * pad
                lab.did("a pad")

    lab.act = act
    await lab.right()
    lab.needed("no READ had data of an odd length and room behind them")
    return f"{len(lab.done)} pads"


@scenario("CL14", "RFC 8166, Section 4.5", Severity.MUST)
async def unknown_xids(lab: ClientLab) -> str:
    """Drop a reply with an XID that no call in progress has, and go on."""
    count = 0

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal count
        if passing.kind == REPLY:
            count += 1
            if count % 5 == 0:
                xid = lab.rng.getrandbits(32)
                link.near.send(header(xid, credit=passing.credit) + words(xid, 1, 0, 0, 0, 0))
                lab.did("unknown XID")

    return f"{await undisturbed(lab, act, 'there were too few replies')} of them"


@scenario("CL15", "RFC 8166, Section 4.5", Severity.MUST)
async def reads_in_replies(lab: ClientLab) -> str:
    """Drop a reply that has a Read list, and go on."""
    count = 0

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal count
        if passing.kind == REPLY and passing.proc == RDMA_MSG and not passing.writes:
            count += 1
            if count % 5 == 0:
                memory = link.near.memory.expose(bytes(8))
                octets = header(passing.xid, credit=passing.credit, reads=[(4, memory[0])]) + words(
                    passing.xid, 1, 0, 0, 0, 0
                )
                link.near.send(octets)
                lab.did("a Read list")

    return f"{await undisturbed(lab, act, 'there were too few replies')} of them"


@scenario("CL25", "RFC 8166, Section 4.5", Severity.ROBUSTNESS)
async def twice(lab: ClientLab) -> str:
    """Drop the second of two equal replies, and go on."""

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.kind == REPLY and passing.number % 3 == 0 and passing.invalidate is None:
            passing.copies = 2
            lab.did("twice")

    return f"{await undisturbed(lab, act, 'every reply invalidates memory')} of them"


@scenario("CL26", "RFC 8166, Section 4.6", Severity.ROBUSTNESS)
async def no_replies(lab: ClientLab) -> str:
    """Drop RDMA_DONE, procedures that do not exist and other versions, and go on."""
    count = 0

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal count
        if passing.kind == REPLY:
            count += 1
            if count % 5 == 0:
                which = count // 5 % 3
                proc, version = ((RDMA_DONE, 1), (77, 1), (RDMA_MSG, 2))[which]
                xid = lab.rng.getrandbits(32) if which else passing.xid
                link.near.send(header(xid, proc, version=version) + words(xid, 1, 0, 0, 0, 0))
                lab.did("no reply")

    return f"{await undisturbed(lab, act, 'there were too few replies')} of them"


@scenario("CL27", "RFC 8166, Section 3.3.1", Severity.MUST)
async def any_order(lab: ClientLab) -> str:
    """Take replies in any order, and late."""

    async def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.kind == REPLY:
            await lab.wait(lab.rng.random() * 0.02)

    lab.act = act
    await lab.right()
    most = max((each.most_in_flight for each in lab.record.connections.values()), default=0)
    return f"at most {most} calls in flight"


def _with_errors(passing: Passing, number: int) -> bytes:
    """Return a message that would be the reply to the same call, but for its header."""
    xid, credit = passing.xid, passing.credit
    body = words(xid, 1, 0, 0, 0, 0)
    nobodys = Segment(0x0BAD, 64, 0x1000)
    kinds = (
        header(xid, 77, credit=credit) + body,
        header(xid, credit=credit, version=2) + body,
        header(xid, credit=credit, writes=[[nobodys], [nobodys]]) + body,
        header(xid, credit=credit) + words(xid ^ 1, 1, 0, 0, 0, 0),
        header(xid, credit=credit)[:-8] + words(2, 0) + body,
        header(xid, credit=credit)[:24],
        header(xid, RDMA_NOMSG, credit=credit),
    )
    return kinds[number % len(kinds)]


@scenario("CL43", "RFC 8166, Section 4.5", Severity.MUST)
async def errors_in_headers(lab: ClientLab) -> str:
    """Drop a reply whose header has errors, and take the right one when it comes."""
    count = 0

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal count
        if passing.kind == REPLY:
            count += 1
            if count % 4 == 0:
                link.near.send(_with_errors(passing, count // 4))
                lab.did("errors")

    return f"{await undisturbed(lab, act, 'there were too few replies')} of them"
