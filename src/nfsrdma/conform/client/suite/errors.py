"""CL11 to CL13 and more: errors, and replies that are wrong."""

from __future__ import annotations

from typing import Final

from nfsrdma.rpcrdma.transport.header import ERR_CHUNK, ERR_VERS, RDMA_NOMSG

from ...case import Severity, expect
from ...relay import REPLY, Link, Passing
from ...relay.link import Pending
from ..catalogue import scenario
from ..lab import ClientLab, Work
from .common import is_reply

_MOST: Final = 3
"""Replies of a test that are spoilt: enough to be met, and few enough to get on behind them."""
_FOR_EVER: Final = 500
"""Times that a call is refused before it is clear that the client will not give up."""
_READS: Final = "no READ came with a Write chunk"


def _ended(worked: Work) -> str:
    return "the client told its user" if worked.failed else "the client went on"


def _spoilt(lab: ClientLab, passing: Passing, *names: str) -> bool:
    """Whether this reply is one of those to be spoilt."""
    wanted = is_reply(passing, *names) and len(lab.done) < _MOST
    if wanted:
        lab.did("spoilt")
    return wanted


@scenario("CL12", "RFC 8166, Section 4.5.2", Severity.MUST)
async def chunk_errors(lab: ClientLab) -> str:
    """Take ERR_CHUNK for the failure of its call, and do not repeat that for ever."""
    await lab.mount()

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if is_reply(passing, "READ") and len(lab.done) < _FOR_EVER:
            passing.become_error(ERR_CHUNK)
            lab.did("ERR_CHUNK")

    lab.act = act
    worked = await lab.tried()
    lab.needed("no READ came")
    expect(
        len(lab.done) < _FOR_EVER, f"{len(lab.done)} READs were sent, each answered by ERR_CHUNK"
    )
    return f"{len(lab.done)} READs were refused: {_ended(worked)}"


@scenario("CL13", "RFC 8166, Section 4.5.1", Severity.MUST)
async def version_errors(lab: ClientLab) -> str:
    """Take ERR_VERS for the failure of its call, and do not repeat that for ever."""
    await lab.mount()

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if is_reply(passing, "READ") and len(lab.done) < _FOR_EVER:
            passing.become_error(ERR_VERS, 1, 1)
            lab.did("ERR_VERS")

    lab.act = act
    worked = await lab.tried()
    lab.needed("no READ came")
    expect(len(lab.done) < _FOR_EVER, f"{len(lab.done)} READs were sent, each answered by ERR_VERS")
    return f"{len(lab.done)} READs were refused: {_ended(worked)}"


@scenario("CL11", "RFC 8166, Section 3.4.6", Severity.ROBUSTNESS)
async def other_segments(lab: ClientLab) -> str:
    """Take no data by a Write chunk that came back with another number of segments."""

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.writes and passing.writes[0] and _spoilt(lab, passing, "READ"):
            last = passing.writes[0][-1]
            passing.writes[0].append(last._replace(length=4, offset=last.offset + last.length))

    lab.act = act
    worked = await lab.tried()
    lab.needed(_READS)
    return _ended(worked)


@scenario("CL28", "RFC 8166, Section 3.4.6", Severity.ROBUSTNESS)
async def longer_chunks(lab: ClientLab) -> str:
    """Take no octet of a Write chunk that came back longer than it was offered."""

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.writes and passing.writes[0] and _spoilt(lab, passing, "READ"):
            last = passing.writes[0].pop()
            passing.writes[0].append(last._replace(length=last.length + (1 << 20)))

    lab.act = act
    worked = await lab.tried()
    lab.needed(_READS)
    return _ended(worked)


@scenario("CL29", "RFC 8166, Section 3.4.6", Severity.ROBUSTNESS)
async def missing_data(lab: ClientLab) -> str:
    """Take nothing for data that a Write chunk is too short for by what came back of it."""

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.writes and passing.writes[0] and _spoilt(lab, passing, "READ"):
            passing.writes[0] = [each._replace(length=each.length // 2) for each in
                                 passing.writes[0]]  # fmt: skip
            passing.placed = [
                (segment, octets[: len(octets) // 2]) for segment, octets in passing.placed
            ]

    lab.act = act
    worked = await lab.tried()
    lab.needed(_READS)
    return _ended(worked)


@scenario("CL30", "RFC 8166, Section 4.2.4", Severity.ROBUSTNESS)
async def empty_replies(lab: ClientLab) -> str:
    """Survive RDMA_NOMSG with nothing in its Reply chunk, or without one."""

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if _spoilt(lab, passing, "READ", "READDIR", "GETATTR"):
            passing.proc, passing.body = RDMA_NOMSG, b""
            passing.placed = []
            if passing.reply is not None:
                passing.reply = [each._replace(length=0) for each in passing.reply]

    await lab.mount()
    lab.act = act
    worked = await lab.tried()
    lab.needed("there was no reply")
    return _ended(worked)


@scenario("CL31", "RFC 8166, Section 4.5", Severity.ROBUSTNESS)
async def cut_short(lab: ClientLab) -> str:
    """Survive replies that are cut short at any place."""
    return await _damaged(lab, lambda octets: octets.__delitem__(
        slice(lab.rng.randrange(1, len(octets)), None)))  # fmt: skip


@scenario("CL32", "RFC 8166, Section 4.5", Severity.ROBUSTNESS)
async def garbled(lab: ClientLab) -> str:
    """Survive replies with a word that is another."""

    def garble(octets: bytearray) -> None:
        at = 4 * lab.rng.randrange(min(len(octets), 160) // 4)
        octets[at : at + 4] = lab.rng.choice((bytes(4), b"\xff" * 4, lab.rng.randbytes(4)))

    return await _damaged(lab, garble)


async def _damaged(lab: ClientLab, damage: object) -> str:
    assert callable(damage)

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.kind == REPLY and len(lab.done) < 10 and lab.rng.random() < 0.1:
            passing.changes.append(damage)
            lab.did("damaged")
            # Whatever the client makes of it: the call is not answered otherwise.
            lab.reactor.call_at(lab.reactor.time() + 1.0, link.close, "by the test")

    await lab.mount()
    lab.act = act
    worked = await lab.tried()
    lab.needed("there was no reply")
    return f"{len(lab.done)} replies: {_ended(worked)}"
