"""Quiet messages that go out at once: what nearly all packets of calls and replies are.

``Requester`` would send them as any other, in more steps: that is what happens where the window is
nearly full, where a message was sent in part, and with longer ones.
"""

from __future__ import annotations

from collections import deque
from struct import Struct

from ...verbs.types import SendWR, WrOpcode
from ..packets.burst import BurstBuilder
from ..packets.kernel import MOST_COPIED, MOST_ONLIES
from ..wire.headers import ACK_REQUEST
from ..wire.psn import MASK
from .flight import Flight
from .requests import REQUESTS, Wqe
from .shared import SharedState

_WORD = Struct(">I")
_FRAME_OCTETS = 16

_LEAST_SPARE = 4096
_MOST_SPARES = 8

QUIET = SendWR(WrOpcode.SEND, signaled=False)
"""That of all quiet messages without a key; what they consist of is in their ``Wqe``."""
QUIET_CODES = REQUESTS[WrOpcode.SEND]


def begun(spares: list[bytearray], length: int) -> memoryview:
    """Return memory for a message, of any content: what an earlier one had, if that is enough.

    New memory would have to be cleared, and for long messages often comes from the system.
    """
    if length >= _LEAST_SPARE and spares:
        if len(spares[-1]) >= length:
            return memoryview(spares.pop())[:length]
        spares.clear()  # messages have become longer
    return memoryview(bytearray(length))


def keep(spares: list[bytearray], message: memoryview | None) -> None:
    """Keep the memory of a message that the peer has, if it came from :func:`begun`."""
    if message is not None and len(spares) < _MOST_SPARES:
        memory = message.obj
        if isinstance(memory, bytearray) and len(memory) >= _LEAST_SPARE:
            spares.append(memory)


def add_quiet(
    qp: SharedState, pending: deque[Wqe], sent: deque[Wqe], flight: Flight, builder: BurstBuilder
) -> None:
    """Add the first of the ``pending`` messages, which are quiet, to an empty burst.

    It is a short message of several packets, or several of one each. The window must have room for
    everything that is queued, and two packets: so nothing but the end of the queue asks for an
    acknowledgement (``Requester._ask``).
    """
    wqe = pending[0]
    if flight.next != wqe.first:
        return
    view = wqe.view
    assert view is not None, "a quiet message is in one piece"
    mtu, words, psn = qp.mtu, qp.words, wqe.first & MASK
    if wqe.end - wqe.first == 1 and wqe.request is QUIET:
        size = wqe.length + 3 & ~3
        most = min(builder.room(size + _FRAME_OCTETS), MOST_ONLIES)
        views: list[memoryview] = []
        for wqe in pending:
            view, octets = wqe.view, wqe.length + 3 & ~3
            if view is None or wqe.request is not QUIET or octets > size or len(views) == most:
                break
            if wqe.end - wqe.first > 1:
                break
            views.append(view)
            if octets < size:
                break
        for _ in views:
            sent.append(pending.popleft())
        last = sent[-1]
        ask = ACK_REQUEST if last.end == flight.tail else 0
        builder.add_onlies(words[QUIET_CODES.only], psn, ask, views)
    else:
        codes, packets = wqe.codes, wqe.end - wqe.first
        assert codes is not None, "a message has packets"
        extension = b"" if wqe.request is QUIET else _WORD.pack(wqe.request.rkey)
        if wqe.length > MOST_COPIED or not builder.takes(wqe.length, packets, mtu, len(extension)):
            return
        ask = ACK_REQUEST if wqe.end == flight.tail else 0
        heads = words[codes.first], words[codes.middle], words[codes.last], words[codes.only]
        builder.add_message(heads, psn, ask, extension, view, mtu, packets)
        last = pending.popleft()
        sent.append(last)
    flight.next = last.end
    flight.next_octets = last.base + last.cost
    if ask:
        flight.asked_octets = flight.next_octets
