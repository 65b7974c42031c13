"""Connections that end: at every step, in every way; nothing is left behind."""

from __future__ import annotations

import pytest
from tests.support.transport import Item, Pair, call_message, decode_call, reply_message

from nfsrdma.rpcrdma.budget import unbounded
from nfsrdma.rpcrdma.rpc.channel import TransportError
from nfsrdma.rpcrdma.transport import TransportOptions
from nfsrdma.rpcrdma.transport.send_queue import SendQueue
from nfsrdma.rpcrdma.transport.stats import TransportStats
from nfsrdma.rpcrdma.verbs.types import WC, SendWR, VerbsError, WcStatus, WrOpcode

BIG = bytes(range(256)) * 40
ITEMS: list[Item] = [(True, BIG), (False, BIG), (True, BIG[:-3])]


class Exchange:
    """Calls of every kind in both directions, and how each of them ended."""

    def __init__(self) -> None:
        options = TransportOptions(max_read_chunks=2, max_write_chunks=2, max_segment_length=4000)
        self.sent = 0
        self.expected = 0
        self.reasons: list[str] = []
        self.pair = Pair(self.service, client=options, server=options, reverse=self.service)
        self.pair.client.on_close(self.reasons.append)
        self.pair.server.on_close(self.reasons.append)
        channel = self.pair.client
        self.futures = []
        for xid in range(4):
            items = ITEMS if xid & 1 else ITEMS[:1]
            self.futures.append(
                channel.call(
                    call_message(xid, items),
                    max_reply=40000,
                    sinks=[memoryview(bytearray(len(BIG))) for _ in range(2)],
                )
            )
        self.futures.append(self.pair.server.call(call_message(9), max_reply=100))

    def service(self, call) -> None:  # type: ignore[no-untyped-def]
        xid, items = decode_call(call.decoder)
        self.expected += 1

        def on_sent() -> None:
            self.sent += 1

        call.reply(reply_message(xid, items), on_sent)

    def steps(self) -> int:
        """How many turns of the reactor all of it takes."""
        count = 0
        while self.pair.reactor.step():
            count += 1
        return count

    def assert_nothing_left(self) -> None:
        pair = self.pair
        assert all(future.done() for future in self.futures)
        for future in self.futures:
            assert future.error() is None or isinstance(future.error(), TransportError)
        assert self.sent == self.expected
        assert len(self.reasons) == 2
        assert not pair.client_device.connections
        assert not pair.server_device.connections
        assert not pair.listener.channels
        pair.assert_at_rest()


WHOLE = Exchange().steps()


@pytest.mark.parametrize("way", ["client closes", "server closes", "cable cut", "send fails"])
def test_disconnected_at_every_step(way: str) -> None:
    for step in range(WHOLE + 1):
        exchange = Exchange()
        pair = exchange.pair
        for _ in range(step):
            pair.reactor.step()
        if way == "client closes":
            pair.client.close()
            assert not pair.client_device.regions
        elif way == "server closes":
            pair.server.close()
        elif way == "cable cut":
            pair.client_qp.fail("cut")
        else:
            pair.server_qp.fail_after = 1
            pair.client_qp.fail_after = 1
            pair.client.call(call_message(1000), max_reply=100)
        pair.reactor.run()
        exchange.assert_nothing_left()


def test_all_goes_well_otherwise() -> None:
    exchange = Exchange()
    exchange.pair.reactor.run()
    assert all(future.error() is None for future in exchange.futures)
    exchange.pair.assert_at_rest()
    exchange.pair.client.close()
    exchange.pair.reactor.run()
    exchange.assert_nothing_left()


def test_device_closed() -> None:
    exchange = Exchange()
    exchange.pair.client_device.close()
    exchange.pair.reactor.run()
    exchange.assert_nothing_left()


def test_send_that_the_provider_refuses() -> None:
    pair = Pair()
    pair.client_qp._occupied = 10**6  # the provider's queue is full before ours is
    future = pair.client.call(call_message(1), max_reply=100)
    assert isinstance(future.error(), TransportError)
    assert pair.client.closed


def test_receive_that_the_provider_refuses() -> None:
    pair = Pair()
    future = pair.client.call(call_message(1), max_reply=100)

    def refuse(request: object) -> None:
        raise VerbsError("no")

    pair.client_qp.post_recv = refuse  # type: ignore[method-assign,assignment]
    pair.reactor.run()
    assert future.done()
    assert pair.client.closed


class Script:
    """A queue pair and its completion queue, completed by hand."""

    def __init__(self) -> None:
        self.posted: list[SendWR] = []
        self.completions: list[WC] = []

    def post_send(self, request: SendWR) -> None:
        self.posted.append(request)

    def poll(self, limit: int) -> list[WC]:
        taken, self.completions = self.completions[:limit], self.completions[limit:]
        return taken


def queue(depth: int, reads: int = 1) -> tuple[Script, SendQueue, list[str]]:
    script, failures = Script(), []
    made = SendQueue(script, script, depth, reads, failures.append, TransportStats(), unbounded())  # type: ignore[arg-type]
    return script, made, failures


def send(opcode: WrOpcode = WrOpcode.SEND) -> SendWR:
    return SendWR(opcode, (memoryview(b""),))


def complete(script: Script, made: SendQueue, count: int = 1) -> None:
    script.completions += [WC(None, 0, 0) for _ in range(count)]
    made.on_completions()


def test_every_fourth_part_of_the_queue_is_signaled() -> None:
    script, made, _ = queue(16)
    for _ in range(16):
        made.post(send())
    assert [request.signaled for request in script.posted] == [False, False, False, True] * 4
    made.post(send())
    assert len(script.posted) == 16
    assert made.messages_waiting == 1
    complete(script, made)
    assert len(script.posted) == 17
    assert made.messages_waiting == 0


def test_the_last_place_is_always_signaled() -> None:
    script, made, _ = queue(9)
    for _ in range(12):
        made.post(send())
    assert len(script.posted) == 9
    assert script.posted[-1].signaled
    complete(script, made, sum(request.signaled for request in script.posted))
    assert len(script.posted) == 12


def test_waiting_requests_keep_their_order() -> None:
    script, made, _ = queue(8)
    done: list[int] = []
    requests = [send() for _ in range(20)]
    for n, request in enumerate(requests):
        made.post(request, lambda n=n: done.append(n))  # type: ignore[misc]
    while len(done) < 20:
        complete(script, made)
    assert script.posted == requests
    assert done == list(range(20))


def test_reads_have_a_lane_of_their_own() -> None:
    script, made, _ = queue(16, reads=2)
    done: list[int] = []
    for n in range(5):
        made.post_read(send(WrOpcode.RDMA_READ), lambda n=n: done.append(n))  # type: ignore[misc]
    made.post(send())
    opcodes = [request.opcode for request in script.posted]
    assert opcodes == [WrOpcode.RDMA_READ, WrOpcode.RDMA_READ, WrOpcode.SEND]
    complete(script, made)
    assert done == [0]
    assert sum(request.opcode == WrOpcode.RDMA_READ for request in script.posted) == 3


def test_everyone_who_waits_for_a_send_is_told_of_the_end() -> None:
    script, made, failures = queue(8)
    done: list[str] = []
    for n in range(10):
        made.post(send(), lambda n=n: done.append(f"send {n}"))  # type: ignore[misc]
    made.post_read(send(WrOpcode.RDMA_READ), lambda: done.append("read"))
    script.completions.append(WC(None, WcStatus.RETRY_EXC_ERR, 0))
    made._fail = lambda reason: (failures.append(reason), made.close())  # type: ignore[assignment,func-returns-value]
    made.on_completions()
    assert failures == ["send failed: RETRY_EXC_ERR"]
    assert done == [f"send {n}" for n in range(10)]
    made.post(send(), lambda: done.append("late"))
    assert done[-1] == "late"
    made.post_read(send(), lambda: done.append("never"))
    made.post(send())
    made.on_completions()
    assert done[-1] == "late"
