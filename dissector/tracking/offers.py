"""Which RDMA belongs to which call: by the memory that calls offer.

An operation belongs to the call in progress whose segment it touches. Where a capture begins in
the midst of an RPC there is no such call: the operation waits, and the reply that returns the
chunk claims it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..base.effort import Effort
from ..messages.rpcrdma import Segment, TransportHeader
from .model import Exchange, RdmaOp, Side

MAX_UNCLAIMED = 4096
"""Operations of one side that no call has announced."""
MAX_OPERATIONS = 1 << 14
"""Operations that are kept of one call."""
MAX_OFFERS = 1 << 15
"""Segments that the calls of one side may offer at once."""


def offering(owner: Side, op: RdmaOp, effort: Effort) -> Exchange | None:
    """Return the latest call of ``owner`` with a segment that an operation is in, or touches."""
    first, last = op.address, op.address + op.length
    within = touching = 0
    exchange: Exchange | None = None
    for start, number, end, offer in owner.offers.near(op.handle, first, last, effort):
        if start <= first and last <= end:
            if number > within:
                within, exchange = number, offer
        elif not within and number > touching and first < end and last > start:
            touching, exchange = number, offer
    return exchange


def advertise(exchange: Exchange, header: TransportHeader, effort: Effort) -> None:
    """Learn of the memory that a call offers."""
    side = exchange.requester
    for handle, length, offset in _segments(header):
        if len(side.offers) >= MAX_OFFERS:
            side.blind = True
            return
        exchange.offers.append(side.offers.add(handle, offset, offset + length, exchange))
        actor = side.peer
        if actor is not None and handle in actor.unclaimed:
            # The memory has a new meaning: what was done to it before is for no call.
            _take_unclaimed(actor, handle, offset, offset + length, effort)


def withdraw(exchange: Exchange) -> None:
    """Forget the memory that a call has offered: it is over."""
    offers = exchange.requester.offers
    for number in exchange.offers:
        offers.remove(number)
    exchange.offers.clear()


def claim(exchange: Exchange, header: TransportHeader, effort: Effort) -> None:
    """Give an exchange the operations that waited for its reply to name their memory."""
    actor = exchange.responder
    if actor is None or not actor.unclaimed:
        return
    segments = [one for chunk in header.writes for one in chunk] + (header.reply or [])
    if exchange.call_header is not None:
        segments += [Segment(*one[1:]) for one in exchange.call_header.reads]
    for handle, length, offset in segments:
        if handle in actor.unclaimed:
            for op in _take_unclaimed(actor, handle, offset, offset + length, effort):
                give(exchange, op)


def give(exchange: Exchange, op: RdmaOp) -> None:
    """Make an operation one of an exchange."""
    op.claimed = True
    if len(exchange.operations) < MAX_OPERATIONS:
        exchange.operations.append(op)


def keep_unclaimed(op: RdmaOp) -> None:
    """Have an operation wait for a reply that claims it."""
    unclaimed = op.actor.unclaimed
    unclaimed.add(op.handle, op.address, op.address + op.length, op)
    if len(unclaimed) > MAX_UNCLAIMED:
        unclaimed.drop_oldest()


def _take_unclaimed(actor: Side, handle: int, start: int, end: int, effort: Effort) -> list[RdmaOp]:
    """Take out the waiting operations on these addresses."""
    waiting = actor.unclaimed
    taken = waiting.touching(handle, start, end, effort)
    for one in taken:
        waiting.remove(one.number)
    return [one.what for one in taken]


def _segments(header: TransportHeader) -> Iterator[Segment]:
    for entry in header.reads:
        yield Segment(*entry[1:])
    for segments in header.writes:
        yield from segments
    yield from header.reply or ()
