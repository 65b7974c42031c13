"""CL16, CL17 and more: the memory that a client offers, and for how long."""

from __future__ import annotations

from typing import Final

from nfsrdma.rpcrdma.task import Future, Task
from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.transport.private_data import PrivateData

from ...case import Failed, NotApplicable, Severity, expect
from ...peer import Gone
from ...relay import CALL, REPLY, Link, Passing
from ...relay.link import Pending
from ..catalogue import scenario
from ..lab import ClientLab
from .common import refuses, undisturbed

_MEMORY: Final = "RFC 8166, Section 8.1.3"
_TRIES: Final = 3
_AFTER_S: Final = 0.3
"""How long after its reply the memory of a call has to be closed."""


@scenario("CL16", "RFC 8797, Section 3.2", Severity.ROBUSTNESS)
async def strange_invalidation(lab: ClientLab) -> str:
    """Survive the invalidation of a handle that it did not offer: the connection is lost."""
    await lab.mount()

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.kind == REPLY and len(lab.done) < _TRIES and passing.number % 9 == 0:
            passing.invalidate = lab.rng.getrandbits(32)
            lab.did("a strange handle")

    lab.act = act
    worked = await lab.tried()
    lab.needed("there were too few replies")
    return "the client told its user" if worked.failed else "the client went on"


@scenario("CL33", "RFC 8797, Section 3.2", Severity.MUST)
async def any_invalidation(lab: ClientLab) -> str:
    """Go on whether a reply invalidates any one of its call's handles, or none."""
    counts = [0, 0]  # none, one

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.kind != REPLY or pending is None:
            return
        ours = list(pending.handles.values())
        if not ours or not PrivateData.decode(link.client_data).remote_invalidation:
            return
        one = lab.rng.random() < 0.5
        passing.invalidate = lab.rng.choice(ours) if one else None
        counts[one] += 1
        lab.did("invalidated")

    await undisturbed(lab, act, "the client offers no remote invalidation, or no memory")
    return f"{counts[1]} with one, {counts[0]} with none"


def _segments(pending: Pending | None, *, reads: bool) -> list[Segment]:
    if pending is None:
        return []
    if reads:
        return [segment for _, segment in pending.reads if segment.length]
    chunks = [*pending.writes, pending.reply or []]
    return [segment for chunk in chunks for segment in chunk if segment.length]


@scenario("CL17", _MEMORY, Severity.MUST)
async def closed_afterwards(lab: ClientLab) -> str:
    """Close the memory of a call with its reply: nothing can be read or written there any more."""
    probes: list[Task[bool]] = []

    async def probe(link: Link, segment: Segment, write: bool) -> bool:
        await lab.wait(_AFTER_S)
        return await refuses(lab, link, segment, write=write)

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.kind != REPLY or len(probes) >= _TRIES or any(not p.done() for p in probes):
            return
        reads = _segments(pending, reads=True)
        writes = _segments(pending, reads=False)
        if passing.number > 10 and (reads or writes):
            segment = (reads or writes)[0]
            # It is for the client to close it, not for us.
            passing.invalidate = None
            probes.append(Task(probe(link, segment._replace(length=1), not reads)))

    await lab.mount()
    lab.act = act
    await lab.right()
    results = await _results(lab, probes)
    if not results:
        raise NotApplicable("no memory was offered, or no connection lasted long enough")
    expect(all(results), f"{results.count(False)} of {len(results)} times memory was still open")
    return f"{len(results)} times"


async def _results(lab: ClientLab, probes: list[Task[bool]]) -> list[bool]:
    """Return what came of those that could be carried out."""
    found = []
    for each in probes:
        if not each.done():
            await lab.wait(2 * _AFTER_S)
        if each.done() and not isinstance(each.error(), (Failed, Gone)):
            found.append(each.result())
    return found


@scenario("CL34", _MEMORY, Severity.ROBUSTNESS)
async def no_more_rights(lab: ClientLab) -> str:
    """Let memory of a Read list be read only, and that of the other lists be written only."""
    probed: list[tuple[str, bool]] = []
    running: Future[None] | None = None

    async def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal running
        if passing.kind != REPLY or passing.number < 10 or running is not None:
            return
        done = {what for what, _ in probed}
        reads, writes = _segments(pending, reads=True), _segments(pending, reads=False)
        if reads and "written" not in done:
            what, segment, write = "written", reads[0], True
        elif writes and "read" not in done:
            what, segment, write = "read", writes[0], False
        else:
            return
        running = Future()
        try:
            probed.append((what, await refuses(lab, link, segment._replace(length=1), write=write)))
        finally:
            running = None

    await lab.mount()
    lab.act = act
    await lab.right()
    if not probed:
        raise NotApplicable("no memory was offered")
    for what, refused in probed:
        expect(refused, f"memory could be {what} that was offered for the other")
    return " and ".join(f"not {what}" for what, _ in probed)


@scenario("CL35", _MEMORY, Severity.QUALITY)
async def to_the_octet(lab: ClientLab) -> str:
    """Offer not an octet more than the segment says."""
    probed: list[bool] = []

    async def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        segments = _segments(pending, reads=True)
        if passing.kind == CALL and passing.number > 10 and segments and len(probed) < 1:
            probed.append(False)
            behind = segments[-1]
            behind = behind._replace(offset=behind.offset + behind.length, length=1)
            probed[0] = await refuses(lab, link, behind)

    await lab.mount()
    lab.act = act
    await lab.right()
    if not probed:
        raise NotApplicable("no memory was offered to be read")
    expect(probed[0], "an octet behind the segment could be read")
    return "refused"
