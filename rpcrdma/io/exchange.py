"""Calls whose replies are there at once, over a stream socket that is waited for a little.

Where the peer answers within some microseconds, most of a round trip is what lies between sending a
call and being told of its reply: the queue of what is to be sent, a turn of the reactor, cutting
the stream into records. An exchange sends, waits, and takes the reply if it is just what is
expected; its data goes from the kernel to the caller's memory. It is tried only where nothing else
is under way. Whatever else comes, or comes late, is given to the stream in the order in which it
came, as if the reactor had read it, and the stream takes over the call as if it had sent it.

The socket's part is one function in C (``_exchange``); ``native`` says whether it is here.
"""

from __future__ import annotations

import math
import os
import select
import socket
import struct
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Final

from nfsrdma.xdr import Decoder

from ..rpc.channel import Answer
from ..rpc.record import HEAD, LAST
from ..rpc.stream import SLICE, StreamChannel
from ..software.answer import answer_in
from ..task import Future

HEAD_MAX: Final = 4096
"""Octets, at the most, that an answer begins with, or that it has if it has no data."""

_WORD: Final = struct.Struct(">I")
_LENGTH: Final = LAST - 1
_NO_LOOK: Final = 0.0
_SLEEP_S: Final = 0.002
"""How long nothing may come; others wait for the reactor meanwhile."""
_IN_ALL_S: Final = 0.008
_BRIEFLY: Final = 1 / 4
"""So much of that where the loop is not ours, as that of asyncio: it has others to serve."""
_MOST_MISSES: Final = 8


def talk_in_python(
    fd: int,
    pieces: tuple[bytes | memoryview, ...],
    expected: bytes,
    mask: bytes,
    most: int,
    sink: memoryview | None,
    look_s: float,
    sleep_s: float,
    in_all_s: float,
) -> tuple[int, bytes | None, bytes, int]:
    """Send a call in ``pieces``, the mark of its record first, and receive its answer.

    The answer is a record of one fragment that begins as ``software.answer.answer_in`` says, of
    ``most`` octets if there is no ``sink``. Looks for what comes for ``look_s`` seconds, then
    sleeps for ``sleep_s`` at the longest, and each time again that something came, until
    ``in_all_s`` are over. Returns how many octets were sent; the answer, without its mark and data,
    or None; what else has come, of which nothing is lost; and whether there was a sleep. What the
    sink holds if there is no answer means nothing. Raises ``OSError``.
    """
    end = perf_counter() + in_all_s
    size = len(expected)
    if len(mask) != size or size > HEAD_MAX or (sink is not None and size < _WORD.size):
        raise ValueError("this is no answer")
    room = HEAD_MAX if sink is None else size + (len(sink) + 3 & ~3)
    message = b"".join(pieces)
    sent = 0
    while sent < len(message):
        try:
            sent += os.write(fd, memoryview(message)[sent : sent + SLICE])
        except BlockingIOError:
            if not _is_ready(fd, select.POLLOUT, sleep_s, end):
                return sent, None, b"", 0
    came = bytearray()
    slept = 0
    while True:
        more = _look(fd, HEAD + room - len(came), look_s)
        while more is None:
            slept = 1
            if not _is_ready(fd, select.POLLIN, sleep_s, end):
                return sent, None, bytes(came), slept
            more = _read(fd, HEAD + room - len(came))
        came += more
        record = _record_in(came, size, min(most, room) if sink is None else room)
        if not more or record < 0:
            return sent, None, bytes(came), slept
        if len(came) < HEAD + size:
            continue
        if not _is_answer(came, record, expected, mask, sink):
            return sent, None, bytes(came), slept
        if len(came) >= record:
            answer = answer_in(memoryview(came)[HEAD:record], expected, mask, sink)
            return sent, answer, bytes(came[record:]), slept


def _record_in(came: bytearray, size: int, most: int) -> int:
    """Return the octets of the record that has begun, 0 if that is not known; -1: no answer."""
    if len(came) < HEAD:
        return 0
    word = int.from_bytes(came[:HEAD])
    length = word & _LENGTH
    if word < LAST or length < size or length > most:
        return -1
    return HEAD + length


def _is_answer(
    came: bytearray, record: int, expected: bytes, mask: bytes, sink: memoryview | None
) -> bool:
    """Return whether the head of the record says that it is the answer, and how long."""
    size = len(expected)
    head = bytes(came[HEAD : HEAD + size])
    if (int.from_bytes(head) ^ int.from_bytes(expected)) & int.from_bytes(mask):
        return False
    if sink is None:
        return True
    count = int.from_bytes(head[-_WORD.size :])
    return count <= len(sink) and HEAD + size + (count + 3 & ~3) == record


def _is_ready(fd: int, events: int, sleep_s: float, end: float) -> bool:
    """Sleep until a socket is ready; return whether it is, in time."""
    left = min(sleep_s, end - perf_counter())
    if left <= 0:
        return False
    poll = select.poll()
    poll.register(fd, events)
    return bool(poll.poll(math.ceil(left * 1000)))


def _read(fd: int, most: int) -> bytes | None:
    try:
        return os.read(fd, most)
    except BlockingIOError:
        return None


def _look(fd: int, most: int, look_s: float) -> bytes | None:
    end = perf_counter() + look_s
    while look_s:
        octets = _read(fd, most)
        if octets is not None or perf_counter() >= end:
            return octets
    return None


try:
    from ._exchange import talk

    native = True
except ImportError:
    talk = talk_in_python

    native = False


class Exchanges:
    """The short way (``rpc.channel.Swift``) of one stream, for the side that connected."""

    __slots__ = (
        "_came",
        "_in_all_s",
        "_left",
        "_lost",
        "_misses",
        "_sleep_s",
        "_sock",
        "_stream",
        "over",
    )

    def __init__(
        self,
        sock: socket.socket,
        stream: StreamChannel,
        came: Callable[[], None],
        lost: Callable[[OSError], None],
        *,
        briefly: bool,
    ) -> None:
        """``came`` is called when there is something ``over``, ``lost`` with what ends the stream.

        ``briefly`` bounds all waiting to a quarter.
        """
        share = _BRIEFLY if briefly else 1.0
        self._sleep_s, self._in_all_s = share * _SLEEP_S, share * _IN_ALL_S
        self._sock = sock
        self._stream = stream
        self._came = came
        self._lost = lost
        self.over = b""
        """What has come besides an answer: for the stream, before what the socket still has."""
        self._misses = 0
        self._left = 0
        """So many calls are left to the reactor."""

    def __call__(
        self,
        xid: int,
        message: Sequence[bytes | memoryview],
        max_reply: int,
        answer: Answer,
        sink: memoryview | None,
    ) -> bytes | Future[Decoder] | None:
        """See ``rpc.channel.Swift``: done where nothing else is under way."""
        stream = self._stream
        if self._left:
            self._left -= 1
            return None
        octets = sum(map(len, message))
        if self.over or not stream.idle or octets > stream.max_message:
            return None
        pieces = _WORD.pack(LAST | octets), *message
        most = min(max_reply, HEAD_MAX)
        try:
            sent, found, rest, _ = talk(
                self._sock.fileno(),
                pieces,
                answer.octets,
                answer.mask,
                most,
                sink,
                _NO_LOOK,
                self._sleep_s,
                self._in_all_s,
            )
        except OSError as error:
            reply = stream.begun(xid, (), 0)
            self._lost(error)
            return reply
        except BaseException:
            # KeyboardInterrupt, or a bug: the call may be halfway through.
            stream.handle_lost("interrupted")
            raise
        if found is not None:
            self._misses = 0
            stream.exchanged(sent)
            if rest:
                self._keep(rest)
            return found
        self._misses = min(self._misses + 1, _MOST_MISSES)
        self._left = 1 << self._misses
        reply = stream.begun(xid, pieces, sent, sink)
        if rest:
            self._keep(rest)
        return reply

    def _keep(self, rest: bytes) -> None:
        self.over = rest
        self._came()

    def post(
        self, xid: int, message: Sequence[bytes | memoryview], max_reply: int
    ) -> Future[Decoder] | None:
        """See ``rpc.channel.Swift``: done where the reply's data needs no memory of its own."""
        return self._stream.post(xid, message, max_reply)
