"""Which of several connections carries a call: how much is on its way, and how wide each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.nfs_fake import FakeReactor

from nfsrdma.client.connection import Connection, quickest
from nfsrdma.client.routes import Route
from nfsrdma.rpcrdma.budget import unbounded
from nfsrdma.rpcrdma.rpc.channel import Peer, TransportError
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder

PIECE = 1 << 20


class Link:
    """Carries calls one after the other, at a rate in octets a second."""

    def __init__(self, reactor: FakeReactor, rate: float) -> None:
        self.reactor, self.rate = reactor, rate
        self.free_at = 0.0
        self.peer, self.account = Peer("tcp", "there", 1), unbounded()
        self.relied_on, self.max_message = False, 1 << 30
        self.closed = ""

    def call(
        self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()
    ) -> Future[Decoder]:
        reply: Future[Decoder] = Future()
        octets = message.tell() + sum(map(len, sinks))
        self.free_at = max(self.free_at, self.reactor.now) + octets / self.rate
        self.reactor.call_at(self.free_at, lambda: reply.done() or reply.set_result(Decoder(b"")))
        return reply

    def close(self, reason: str = "") -> None:
        self.closed = reason


def connections(reactor: FakeReactor, *rates: float) -> list[Any]:
    def connect(timeout_s: float) -> Any:
        raise AssertionError

    return [
        Connection(Link(reactor, rate), Route("a path", connect, False, lambda: None), reactor)  # type: ignore[arg-type]
        for rate in rates
    ]


def stream(reactor: FakeReactor, links: list[Any], pieces: int, window: int) -> float:
    """Seconds for so many pieces in order, of which ``window`` may be on their way."""
    start = reactor.now
    replies: list[Future[Decoder]] = []
    sink = memoryview(bytearray(PIECE))
    for number in range(pieces):
        if number >= window:
            reactor.turn(replies[number - window])
        channel = quickest(links[0], links[1:], number % window)
        replies.append(channel.call(Encoder(), max_reply=100, sinks=(sink,)))
    for reply in replies:
        reactor.turn(reply)
    return reactor.now - start


@pytest.mark.parametrize("others", [(1e7,), (3e6,), (1e6,), (1e5,), (1e7, 1e7, 1e7)])
@pytest.mark.parametrize("window", [2, 8, 32])
def test_paths_of_any_width_are_no_slower_than_the_best(
    others: tuple[float, ...], window: int
) -> None:
    """A reader in order waits for each piece, so a slow path must not get what it cannot carry."""
    reactor = FakeReactor()
    alone = stream(reactor, connections(reactor, 1e7), 200, window)
    reactor = FakeReactor()
    links = connections(reactor, 1e7, *others)
    stream(reactor, links, 2 * len(links), 1)  # how wide they are shows with the first pieces
    for link in links:
        link.due = True
    stream(reactor, links, len(links), len(links))
    together = stream(reactor, links, 200, window)
    assert together < 1.1 * alone
    if window >= 8 and set(others) == {1e7}:
        assert together < 1.1 * alone / (1 + len(others))


def test_what_is_lost_is_on_its_way_no_more() -> None:
    reactor = FakeReactor()
    (connection,) = connections(reactor, 1e7)
    lost: Future[Decoder] = Future()
    connection.inner.call = lambda *_, **__: lost
    connection.call(Encoder(), max_reply=1, sinks=(memoryview(bytearray(PIECE)),))
    assert connection.in_flight == 1
    assert connection.load > PIECE
    lost.set_error(TransportError("cut"))
    assert (connection.in_flight, connection.load, connection.pace) == (0, 0, 0.0)


def test_a_connection_that_is_left_ends_with_its_last_reply() -> None:
    reactor = FakeReactor()
    (connection,) = connections(reactor, 1e3)
    reply = connection.call(Encoder(), max_reply=1, sinks=(memoryview(bytearray(100)),))
    connection.retire("enough")
    assert not connection.inner.closed
    reactor.turn(reply)
    assert connection.inner.closed == "enough"


def test_what_a_path_carried_is_forgotten_when_it_is_not_used() -> None:
    """It may be well again, and is tried again."""
    reactor = FakeReactor()
    slow, quick = connections(reactor, 1e5, 1e7)
    stream(reactor, [slow, quick], 20, 4)
    assert slow.pace > quick.pace
    reactor.advance(5)
    assert quickest(quick, [slow], 1) is quick
    slow.review(reactor.now)
    assert quickest(quick, [slow], 1) is slow
