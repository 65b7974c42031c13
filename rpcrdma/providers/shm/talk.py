"""What is done to the rings of both sides for a message: post, look, take. Natively or in Python.

``_talk`` is the compiled twin: the same results, octet for octet. ``native`` says which is here.
All of it looks at rings that are mapped, and whose lengths were checked when they were.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Final

from ...software.answer import answer_in
from ...verbs.types import SendWR
from .order import fence
from .remote import gather
from .ring import (
    ARMED,
    CONSUMED,
    DESCRIPTOR,
    DESCRIPTOR_OCTETS,
    IN_RING,
    INVALIDATES,
    PLACE,
    PRODUCED,
    SEND,
    WRITE,
)

if TYPE_CHECKING:
    from .exchange import Exchange
    from .send_queue import SendQueue

ASLEEP: Final = 0
"""Posted; the peer is to be woken, and nothing was looked for."""
LATE: Final = 1
"""Posted; nothing has come."""
OTHER: Final = 2
"""Posted; what has come is left where it is: not the answer, or not in the ring."""

BESIDE: Final = 3
"""Posted; nothing has come, and nothing will for now: the peer needs the processor we are on."""

DECLINED: Final = 4
"""Nothing is posted: the peer needs the processor we are on."""

NAPPED: Final = 0
"""The place in a report that says how many seconds the nap took; 0 if there was none."""
OVERSLEPT: Final = 1
"""Not 0: something had come when the nap ended."""
INVALIDATED: Final = 2
"""Not 0: the answer ends a registration, which is left to the caller, and so is to say that it is
carried out."""
NEWS: Final = 3
"""Not 0: we have asked to be woken again, but there is something to do."""
REPORTS: Final = 4

_WRITES_MOST: Final = 16
"""A peer that posts without end is looked at no longer than it takes to see so many."""
_LOOKS: Final = 16
_PR_SET_TIMERSLACK: Final = 29
_PR_GET_TIMERSLACK: Final = 30
_prctl = ctypes.CDLL(None).prctl
_prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)
_getcpu = getattr(ctypes.CDLL(None), "sched_getcpu", None)


def place_in_python() -> int:
    """Return the number of the processor that we are on, plus 1; 0 if that is not known."""
    return 0 if _getcpu is None else int(_getcpu()) + 1


def nap_in_python(seconds: float) -> None:
    """Sleep for so long, and no longer than it takes to wake up; a signal may end it early.

    The kernel makes sleeps of ordinary threads longer by up to 50 microseconds (their timer slack),
    so that it wakes up more rarely: that is given up for this one.
    """
    slack = _prctl(_PR_GET_TIMERSLACK, 0, 0, 0, 0)
    _prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    try:
        sleep(seconds)
    finally:
        _prctl(_PR_SET_TIMERSLACK, slack, 0, 0, 0)


def look_in_python(peer_words: memoryview, seen: int, wanted: int | None, seconds: float) -> int:
    """Look until the peer has not posted ``seen`` descriptors, at the longest for ``seconds``.

    Or until it has carried out ``wanted``, unless that is None. Returns ``OTHER`` then, or
    ``LATE``, or ``BESIDE``, which is known early.
    """
    end = perf_counter() + seconds
    looks = 1
    while True:
        for _ in range(looks):
            if peer_words[PRODUCED] != seen or (
                wanted is not None and peer_words[CONSUMED] >= wanted
            ):
                return OTHER
        theirs = peer_words[PLACE]
        if theirs and theirs == place_in_python():
            return BESIDE
        if perf_counter() >= end:
            return LATE
        looks = _LOOKS


def put_in_python(
    words: memoryview,
    descriptors: memoryview,
    messages: memoryview,
    peer_words: memoryview,
    produced: int,
    start: int,
    pieces: Sequence[bytes | memoryview],
) -> int:
    """Post a message in our ring, and return the peer's ``ARMED``.

    ``produced`` descriptors are posted so far; the message goes to ``start`` of ``messages``.
    Raises ``ValueError`` if there is no room.
    """
    length = sum(map(len, pieces))
    if start + length > len(messages):
        raise ValueError("a message past the end of its ring")
    gather(messages, start, pieces)
    at = produced * DESCRIPTOR_OCTETS % len(descriptors)
    DESCRIPTOR.pack_into(descriptors, at, SEND, 0, 0, 0, length, IN_RING | start, 0, 0)
    words[PRODUCED] = produced + 1
    with fence:
        pass
    return peer_words[ARMED]


def talk_in_python(
    words: memoryview,
    descriptors: memoryview,
    messages: memoryview,
    peer_words: memoryview,
    peer_descriptors: memoryview,
    peer_messages: memoryview,
    produced: int,
    start: int,
    consumed: int,
    pieces: Sequence[bytes | memoryview],
    expected: bytes,
    mask: bytes,
    most: int,
    sink: memoryview | None,
    nap: float,
    seconds: float,
    reach: tuple[int, int, int],
    arms: int,
    wanted: int,
    report: memoryview[float],
) -> bytes | int:
    """Post a message in our ring, look for the peer's next one, and take it if it is the answer.

    ``produced`` and ``consumed`` descriptors are posted, and carried out, so far; the message goes
    to ``start`` of ``messages``, where there is room. It is looked for after a ``nap`` of so many
    seconds. ``reach`` is a key with the address and the length of memory of ours that is its own
    shadow, or zeros: an RDMA WRITE of the peer to it is carried out on the way. So is the answer if
    it is returned, unless it invalidates that key, as ``report`` says then: see ``NAPPED``,
    ``OVERSLEPT``, ``INVALIDATED``. Otherwise ``ASLEEP``, ``LATE``, ``OTHER`` or ``BESIDE`` is
    returned, or ``DECLINED``: nothing is posted.

    Unless ``arms`` is 0 we ask to be woken no more, and with the answer we ask for it again by that
    number: then the report's ``NEWS`` says whether there is something to do already, as when the
    peer has carried out ``wanted``. Raises ``ValueError`` if there is no room.
    """
    report[NAPPED] = report[OVERSLEPT] = report[INVALIDATED] = report[NEWS] = 0.0
    here, theirs = place_in_python(), peer_words[PLACE]
    if 0 != here == theirs:
        return DECLINED
    if start + sum(map(len, pieces)) > len(messages):
        raise ValueError("a message past the end of its ring")
    if arms:
        words[PLACE] = here
        words[ARMED] = 0
    if put_in_python(words, descriptors, messages, peer_words, produced, start, pieces):
        return ASLEEP
    if nap:
        began = perf_counter()
        nap_in_python(nap)
        report[NAPPED] = perf_counter() - began
        report[OVERSLEPT] = peer_words[PRODUCED] != consumed
    end = perf_counter() + seconds
    rkey = reach[0]
    for writes in range(_WRITES_MOST + 1):
        outcome = look_in_python(peer_words, consumed, None, end - perf_counter())
        if outcome != OTHER:
            return outcome
        at = consumed * DESCRIPTOR_OCTETS % len(peer_descriptors)
        found = DESCRIPTOR.unpack_from(peer_descriptors, at)
        if writes == _WRITES_MOST or not _is_placed(found, reach):
            break
        consumed += 1
        words[CONSUMED] = consumed
    opcode, flags, _, _, length, where, invalidated, _ = found
    if (
        opcode != SEND
        or (flags and (flags != INVALIDATES or not rkey or invalidated != rkey))
        or not where & IN_RING
        or length > most
        or peer_words[PRODUCED] != consumed + 1
    ):
        return OTHER
    start = where ^ IN_RING
    source = peer_messages[start : start + length]
    answer = answer_in(source, expected, mask, sink) if len(source) == length else None
    if answer is None:
        return OTHER
    if flags:
        report[INVALIDATED] = 1.0
        return answer
    words[CONSUMED] = consumed = consumed + 1
    if arms:
        words[ARMED] = arms
        with fence:
            pass
        report[NEWS] = peer_words[PRODUCED] != consumed or peer_words[CONSUMED] >= wanted
    return answer


def _is_placed(found: tuple[int, ...], reach: tuple[int, int, int]) -> bool:
    """Return whether this is an RDMA WRITE of octets that are where they belong."""
    opcode, flags, _, _, length, _, rkey, address = found
    key, start, octets = reach
    return (
        opcode == WRITE
        and not flags
        and 0 != key == rkey
        and length > 0
        and start <= address
        and address + length <= start + octets
    )


def post_in_python(queue: SendQueue, pieces: Sequence[bytes | memoryview], request: SendWR) -> bool:
    """Post a message quietly if that can be done at once: here it is left to ``SendQueue.put``.

    ``request`` is what is noted of it. Returns False if nothing has happened.
    """
    return False


def speak_in_python(
    exchange: Exchange,
    pieces: Sequence[bytes | memoryview],
    expected: bytes,
    mask: bytes,
    most: int,
    sink: memoryview | None,
    seconds: float,
    arms: int,
    request: SendWR,
) -> bytes | int | None:
    """Do what an exchange without a chunk does in its rings, if that is simple.

    ``request`` is what is noted of what is posted. Returns the outcome as ``talk`` does, or None
    if nothing has happened: here it is left to ``Exchange``.
    """
    return None


try:
    from ._talk import look, nap, place, post, put, speak, talk

    native = True
except ImportError:
    look = look_in_python
    nap = nap_in_python
    place = place_in_python
    post = post_in_python
    speak = speak_in_python
    put = put_in_python
    talk = talk_in_python

    native = False

__all__ = [
    "ASLEEP",
    "BESIDE",
    "LATE",
    "OTHER",
    "look",
    "look_in_python",
    "nap",
    "nap_in_python",
    "native",
    "place",
    "place_in_python",
    "post",
    "post_in_python",
    "put",
    "put_in_python",
    "speak",
    "speak_in_python",
    "talk",
    "talk_in_python",
]
