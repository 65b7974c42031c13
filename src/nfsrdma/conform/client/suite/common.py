"""What several tests of clients do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nfsrdma.rpcrdma.transport.chunk import Segment

from ...case import Failed, expect
from ...relay import REPLY, Link, Passing
from ...relay.link import Pending
from ..lab import ClientLab


def is_reply(passing: Passing, *names: str) -> bool:
    """Whether a message is a reply to a call that has one of these operations, or any."""
    return passing.kind == REPLY and (
        not names or any(name in passing.operations for name in names)
    )


def placed_by_chunk(passing: Passing) -> list[list[tuple[Segment, bytes]]]:
    """Return the RDMA WRITEs of each Write chunk, those of the Reply chunk behind them."""
    chunks = [*passing.writes, *([passing.reply] if passing.reply is not None else [])]
    left = list(passing.placed)
    found = []
    for segments in chunks:
        count = sum(1 for each in segments if each.length)
        found.append(left[:count])
        left = left[count:]
    return found


MOST: Final = 60
"""Times that a client is disturbed in a test."""


async def undisturbed(
    lab: ClientLab, act: Callable[[Link, Passing, Pending | None], None], nothing: str
) -> int:
    """Have the client work while ``act`` is done: it must be right, on the connections it has.

    ``act`` is called until it has said :data:`MOST` times that it did something.

    Returns how often ``lab.did`` was called. Raises ``Failed``; ``NotApplicable`` if that was
    never.
    """
    await lab.right()
    before = len(lab.requests)

    def at_most(link: Link, passing: Passing, pending: Pending | None) -> None:
        if len(lab.done) < MOST:
            act(link, passing, pending)

    lab.act = at_most
    await lab.right()
    lab.leave_alone()
    lab.needed(nothing)
    more = len(lab.requests) - before
    # A client that is started for each piece of work connects each time.
    expect(more <= before, f"{more} connections were made, {before} without this")
    return len(lab.done)


async def refuses(lab: ClientLab, link: Link, segment: Segment, *, write: bool = False) -> bool:
    """Try to reach the client's memory; return whether that is refused (and the connection lost).

    Raises ``Failed`` if the connection is lost for another reason before.
    """
    if link.ended:
        raise Failed("the connection ended before")
    if write:
        errors = len(link.near.send_errors)
        link.near.write(segment.handle, segment.offset, b"\xee")
        # A WRITE is refused by the time that a READ behind it is.
        _, done = link.near.read(segment.handle, segment.offset, 1)
        await done
        return len(link.near.send_errors) > errors
    _, done = link.near.read(segment.handle, segment.offset, segment.length)
    return await done != 0
