"""READ responses in a capture that has nothing of the side that asked for them.

What a READ is for is in its request, and in the reply that follows. Where the other side's frames
are not in the capture, there are only calls with Read chunks and responses, each of which is whole
from its first packet to its last. They belong together if their lengths allow nothing else: there
are as many responses of a length as segments of it, and each has come when all calls before it but
one had theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..messages.rpcrdma import Segment
from .data import FIRST, LAST
from .kinds import OpKind
from .model import Exchange, RdmaOp, Side
from .orphans import Orphan, Orphans

MAX_PLACED = 4096
"""Responses of one direction that are looked at."""


class Response(NamedTuple):
    """All packets of one."""

    packets: list[Orphan]
    length: int

    @property
    def frame(self) -> int:
        """The first frame of it."""
        return self.packets[0].extent.frame


class Wanted(NamedTuple):
    """A segment of a Read chunk."""

    exchange: Exchange
    segment: Segment


def place_unanswered(early: Orphans, calls: Iterable[Exchange], reader: Side) -> None:
    """Give the responses of one side to its calls; ``reader`` is the side that was not captured."""
    responses: dict[int, list[Response]] = {}
    for response in _responses(early):
        responses.setdefault(response.length, []).append(response)
    wanted: dict[int, list[Wanted]] = {}
    for exchange in calls:
        header = exchange.call_header
        for entry in header.reads if header is not None and not exchange.operations else ():
            segment = Segment(*entry[1:])
            wanted.setdefault(segment.length, []).append(Wanted(exchange, segment))
    for length, found in responses.items():
        asked = wanted.get(length, [])
        if len(asked) == len(found) <= MAX_PLACED:
            for one, response in _certain(asked, found):
                _place(one, response, reader)


def _responses(early: Orphans) -> Iterator[Response]:
    """Give those that are whole, in packets of one size but the last."""
    packets: list[Orphan] = []
    before = -1
    for number in early.between(0, 1 << 24):
        orphan = early[number]
        if orphan.position & FIRST:
            packets = []
        elif number != before + 1 or not packets:
            packets = []
            continue
        before = number
        packets.append(orphan)
        full = packets[0].extent.size
        if orphan.position & LAST:
            if orphan.extent.size <= full:
                yield Response(packets, full * (len(packets) - 1) + orphan.extent.size)
            packets = []
        elif orphan.extent.size != full:
            packets = []


def _certain(asked: list[Wanted], found: list[Response]) -> list[tuple[Wanted, Response]]:
    """Return which belong together; nothing where something else were possible as well."""
    pairs: list[tuple[Wanted, Response]] = []
    asked = sorted(asked, key=lambda one: one.exchange.frame)
    found = sorted(found, key=lambda one: one.frame)
    for index, (one, response) in enumerate(zip(asked, found, strict=True)):
        later = asked[index + 1].exchange.frame if index + 1 < len(asked) else response.frame + 1
        if not one.exchange.frame < response.frame < later:
            return []
        pairs.append((one, response))
    return pairs


def _place(one: Wanted, response: Response, reader: Side) -> None:
    handle, length, offset = one.segment
    first, last = response.packets[0], response.packets[-1]
    op = RdmaOp(OpKind.READ, reader, handle, offset, length, first.extent.frame, first.time_ns)
    op.inferred = op.claimed = True
    op.size_with(max(1, first.extent.size))
    op.next = op.end
    op.first_data_time_ns = first.time_ns
    op.last_frame, op.last_time_ns = last.extent.frame, last.time_ns
    op.packets = len(response.packets)
    op.extents = [
        orphan.extent._replace(address=offset + index * op.mtu)
        for index, orphan in enumerate(response.packets)
    ]
    one.exchange.operations.append(op)
