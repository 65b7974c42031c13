"""A REQ that asks to be answered at the port that it comes from: our extension, both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.cm import PORT, THEM, US, Handler, World, request

from nfsrdma.rpcrdma.roce.cm import answer_port
from nfsrdma.rpcrdma.roce.cm.manager import Route
from nfsrdma.rpcrdma.roce.wire.cm_messages import Req, Rtu
from nfsrdma.rpcrdma.roce.wire.mad import encode_mad
from nfsrdma.rpcrdma.verbs.types import VerbsError


def asking(port: int) -> Req:
    ordinary = request()
    return replace(ordinary, private_data=answer_port.put_on(ordinary.private_data, port))


def receive(world: World, message: Req | Rtu, port: int) -> None:
    mad = memoryview(encode_mad(message.ATTRIBUTE, 3, message.encode()))
    world.cm.handle_mad(mad, (THEM, port), (US, 4791), world.now)
    world.turn()


@pytest.mark.parametrize(
    ("asked", "came_from", "answered"),
    [
        (50_123, 50_123, 50_123),
        (50_123, 50_124, 4791),
        (53, 50_124, 4791),
        (53, 53, 4791),
        (0, 0, 4791),
    ],
)
def test_where_a_request_is_answered(asked: int, came_from: int, answered: int) -> None:
    """At the port that it asks for, if it is its own; nobody else is sent packets."""
    world, handler = World(), Handler()
    world.listen()
    receive(world, asking(asked), came_from)
    (incoming,) = world.requests
    assert incoming.private_data.rstrip(b"\0") == b"hello", "the extension is not the owner's"
    connection = world.accept(handler)
    ((rep, _, source, destination),) = world.outbox
    assert (source, destination) == ((US, 4791), (THEM, answered))
    assert connection.queue_pair.raised["remote"] == (THEM, answered)
    rtu = Rtu(local_comm_id=rep.remote_comm_id, remote_comm_id=rep.local_comm_id)
    receive(world, rtu, came_from)
    assert handler.names() == ["established"]


def test_an_ordinary_request_is_answered_at_the_port_of_roce() -> None:
    world = World()
    world.listen()
    receive(world, request(), 50_123)
    world.accept(Handler())
    assert [destination for *_, destination in world.outbox] == [(THEM, 4791)]


def test_a_refusal_goes_there_too() -> None:
    world = World()
    receive(world, asking(50_123), 50_123)
    assert [destination for *_, destination in world.outbox] == [(THEM, 50_123)]


class Apart(World):
    """A manager whose port 4791 is another user's."""

    def _route(self, host: str, local: str | None = None) -> Route:
        return replace(super()._route(host, local), port=50_123)


def test_asking() -> None:
    world, handler = Apart(), Handler()
    world.connect(handler, private_data=b"hello")
    ((req, _, source, destination),) = world.outbox
    assert (source, destination) == ((US, 50_123), (THEM, 4791))
    plain, port = answer_port.taken_off(req)
    assert port == 50_123
    assert plain.private_data[36:].rstrip(b"\0") == b"hello"
    while not handler.told:
        world.now += 1.0
        world.turn()
    assert "4791 of this address is taken by another user" in str(handler.last)
    with pytest.raises(VerbsError, match="4791 is taken"):
        world.connect(handler, private_data=bytes(49))


def test_both_ends_meet() -> None:
    """What one manager asks for the other one does."""
    ours, theirs, handler = Apart(), World(), Handler()
    theirs.listen()
    ours.connect(handler)
    ((req, *_),) = ours.outbox
    mad = memoryview(encode_mad(req.ATTRIBUTE, 3, req.encode()))
    theirs.cm.handle_mad(mad, (US, 50_123), (THEM, 4791), theirs.now)
    assert [each.peer_address[0] for each in theirs.requests] == [US]
    assert theirs.requests[0].peer_address[1] != PORT
