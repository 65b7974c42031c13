"""Messages that are dealt with before they complete a receive, and answers that are waited for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.roce import REMOTE, Peer, names

from nfsrdma.rpcrdma.providers.waiting import Waiting
from nfsrdma.rpcrdma.roce.engine.awaited import Awaited
from nfsrdma.rpcrdma.roce.wire.headers import Ieth, ImmDt, Packet, Reth
from nfsrdma.rpcrdma.verbs.interfaces import ExchangingQueuePair, PromptQueuePair
from nfsrdma.rpcrdma.verbs.types import QpState, RecvWR, SendWR, VerbsError, WcStatus, WrOpcode

ANSWER = b"answer 1"
ONES = b"\xff" * 8


@pytest.fixture
def peer() -> Peer:
    made = Peer(acknowledge_within=0.001)
    for number in range(4):
        made.qp.post_recv(RecvWR(memoryview(bytearray(2000)), number))
    return made


def exchange(peer: Peer, *meanwhile: Callable[[], object], rkey: int | None = None) -> bytes | None:
    """Ask, with what happens while the answer is waited for."""

    def wait(awaited: Awaited) -> None:
        asked.extend(peer.collect())
        for each in meanwhile:
            assert not awaited.over
            each()

    asked: list[Packet] = []
    peer.end.engine.wait = wait
    peer.end.engine.waiting_pays = lambda: True
    found = peer.qp.exchange((b"ask", b"ed"), ANSWER, ONES, 1000, None, rkey)
    assert found is None or names(asked)[:1] == ["SEND_ONLY"]
    return found


def says(peer: Peer, psn: int = 10, payload: bytes = ANSWER, code: str = "SEND_ONLY") -> None:
    pad = -len(payload) & 3
    peer.inject(peer.octets(peer.packet(code, psn, payload=payload, ask=True, pad=pad)))


# Exchanges


def test_without_anybody_who_waits_nothing_is_sent(peer: Peer) -> None:
    assert peer.qp.exchange((b"asked",), ANSWER, ONES, 1000, None) is None
    assert peer.collect() == []


def test_an_answer_is_taken_without_a_receive(peer: Peer) -> None:
    for psn in range(10, 16):
        assert exchange(peer, lambda psn=psn: says(peer, psn)) == ANSWER  # type: ignore[misc]
        peer.acknowledge(100 + psn - 10)
    assert len(peer.qp.receives) == 4
    assert peer.end.received() == peer.end.sent() == []
    assert peer.qp.requester.quiet == peer.qp.requester.quiet_octets == 0


def test_its_data_goes_to_the_sink(peer: Peer) -> None:
    sink = memoryview(bytearray(9))
    peer.end.engine.waiting_pays = lambda: True
    octets = b"head\0\0\0\x05" + b"12345\0\0\0"
    peer.end.engine.wait = lambda _: says(peer, payload=octets)
    mask = b"\xff" * 4 + bytes(4)
    assert peer.qp.exchange((b"ask",), b"head" + bytes(4), mask, 99, sink) == octets[:8]
    assert sink == b"12345" + bytes(4)


def test_an_answer_of_several_packets(peer: Peer) -> None:
    parts = [ANSWER + bytes(248), b"1" * 256, b"the end"]
    codes = ["SEND_FIRST", "SEND_MIDDLE", "SEND_LAST"]
    found = exchange(
        peer,
        *(
            lambda code=code, part=part, psn=psn: says(peer, psn, part, code)
            for code, part, psn in zip(codes, parts, (10, 11, 12), strict=True)
        ),
    )
    assert found == b"".join(parts)
    assert len(peer.qp.receives) == 4


@pytest.mark.parametrize("payload", [b"answer 2", b"answer", ANSWER + bytes(1000)])
def test_what_is_no_answer_arrives_as_ever(peer: Peer, payload: bytes) -> None:
    told: list[None] = []
    peer.end.recv_cq.set_handler(lambda: told.append(None))

    def other() -> None:
        for psn, start in enumerate(range(0, len(payload), 256), 10):
            ends = start + 256 >= len(payload)
            code = "SEND_ONLY" if ends and not start else "SEND_LAST" if ends else "SEND_MIDDLE"
            says(
                peer,
                psn,
                payload[start : start + 256],
                code if start else code.replace("MIDDLE", "FIRST"),
            )
        assert not told, "an owner was called from within an exchange"

    assert exchange(peer, other) == b""
    assert not told
    peer.end.engine.deliver()
    assert len(told) == 1
    (wc,) = peer.end.received()
    assert (wc.wr_id, wc.status, wc.byte_len) == (0, 0, len(payload))


def test_a_late_answer_arrives_as_ever_and_what_was_sent_is_sent_again(peer: Peer) -> None:
    assert exchange(peer) == b""
    (again,) = peer.wait()
    assert (again.bth.psn, again.payload) == (100, b"asked")
    says(peer)
    (wc,) = peer.end.received()
    assert wc.byte_len == len(ANSWER)


def test_nothing_is_asked_while_messages_wait(peer: Peer) -> None:
    says(peer)
    assert exchange(peer) is None
    assert len(peer.end.received()) == 1
    assert exchange(peer) == b""


def test_memory_is_invalidated_with_the_answer(peer: Peer) -> None:
    region = peer.end.pd.register(memoryview(bytearray(8)), REMOTE)

    def answer() -> None:
        peer.send("WRITE_ONLY", 10, Reth(region.address, region.rkey, 4), payload=b"data")
        peer.send("SEND_ONLY_INV", 11, Ieth(region.rkey), payload=ANSWER)

    assert exchange(peer, answer, rkey=region.rkey) == ANSWER
    assert not region.valid
    assert bytes(region.view[:4]) == b"data"


def test_an_answer_that_invalidates_other_memory_arrives_as_ever(peer: Peer) -> None:
    region = peer.end.pd.register(memoryview(bytearray(8)), REMOTE)
    send = lambda: peer.send("SEND_ONLY_INV", 10, Ieth(region.rkey), payload=ANSWER)  # noqa: E731
    assert exchange(peer, send, rkey=region.rkey + 1) == b""
    (wc,) = peer.end.received()
    assert wc.invalidated_rkey == region.rkey


def test_a_queue_pair_that_fails_meanwhile_says_so_later(peer: Peer) -> None:
    assert exchange(peer, lambda: says(peer, 10, ANSWER, "SEND_LAST")) == b""
    assert peer.state is QpState.ERR
    assert peer.end.errors == []
    peer.end.engine.deliver()
    assert len(peer.end.errors) == 1
    assert exchange(peer) is None
    assert [wc.status for wc in peer.end.received()] == [WcStatus.WR_FLUSH_ERR] * 4
    assert peer.end.sent() == []


def test_no_more_is_sent_to_a_peer_that_acknowledges_nothing(peer: Peer) -> None:
    found = [exchange(peer) for _ in range(70)]
    assert found == [b""] * 64 + [None] * 6
    peer.qp.post_send(SendWR(WrOpcode.SEND, [memoryview(b"as ever")], wr_id="w"))
    peer.collect()
    peer.acknowledge(100 + 64)
    assert [wc.wr_id for wc in peer.end.sent()] == ["w"]
    assert exchange(peer) == b""


def test_datagrams_of_the_connection_manager_wait_for_the_end(peer: Peer) -> None:
    class Manager:
        def __init__(self) -> None:
            self.seen: list[tuple[bytes, float]] = []

        def handle_mad(self, mad: memoryview, _: object, __: object, now: float) -> None:
            self.seen.append((bytes(mad), now))

        def next_timeout(self) -> float | None:
            return None

        def handle_timeout(self, now: float) -> None:
            raise NotImplementedError

    manager = Manager()
    peer.end.engine.cm = manager
    sender = Peer()
    sender.end.engine.send_mad(bytes(range(256)), peer.there, peer.here)
    burst = sender.end.engine.poll_transmit(0.0)
    assert burst is not None
    octets = b"".join(burst.buffers)

    def comes() -> None:
        peer.inject(octets)
        assert manager.seen == []

    assert exchange(peer, comes) == b""
    assert manager.seen == []
    peer.end.engine.deliver()
    assert manager.seen == [(bytes(range(256)), peer.now)]


# Prompt messages


def test_a_prompt_message_completes_no_receive(peer: Peer) -> None:
    shown: list[bytes] = []

    def prompt(message: memoryview) -> bool:
        shown.append(bytes(message))
        memory = peer.qp.begin(6)
        assert memory is not None
        memory[:] = b"answer"
        peer.qp.finish()
        return True

    peer.qp.prompt = prompt
    (answer, ack) = peer.send("SEND_ONLY", 10, payload=b"call", ask=True)
    assert (names([answer, ack]), answer.payload) == (["SEND_ONLY", "ACKNOWLEDGE"], b"answer")
    first, second, last = b"1" * 256, b"2" * 256, b"end"
    assert peer.send("SEND_FIRST", 11, payload=first) == []
    assert peer.send("SEND_MIDDLE", 12, payload=second) == []
    assert len(peer.send("SEND_LAST", 13, payload=last, ask=True)) == 2
    assert shown == [b"call", first + second + last]
    assert [receive.wr_id for receive in peer.qp.receives] == [0, 1, 2, 3]
    peer.acknowledge(101)
    assert peer.end.received() == peer.end.sent() == []


def test_what_is_not_dealt_with_completes_as_ever(peer: Peer) -> None:
    shown: list[bytes] = []

    def prompt(message: memoryview) -> bool:
        shown.append(bytes(message))
        return False

    peer.qp.prompt = prompt
    peer.send("SEND_ONLY", 10, payload=b"one", ask=True)
    peer.send("SEND_ONLY", 11, payload=b"two", ask=True)  # not shown: another waits
    assert shown == [b"one"]
    assert [(wc.wr_id, wc.byte_len) for wc in peer.end.received()] == [(0, 3), (1, 3)]


def test_what_is_no_plain_message_is_not_shown(peer: Peer) -> None:
    def prompt(message: memoryview) -> bool:
        raise AssertionError(bytes(message))

    peer.qp.prompt = prompt
    region = peer.end.pd.register(memoryview(bytearray(8)), REMOTE)
    peer.send("SEND_ONLY_IMM", 10, ImmDt(5), payload=b"one", ask=True)
    assert len(peer.end.received()) == 1
    peer.send("SEND_ONLY_INV", 11, Ieth(region.rkey), payload=b"two", ask=True)
    assert len(peer.end.received()) == 1
    assert peer.end.errors == []


def test_from_within_a_prompt_message_there_is_no_exchange(peer: Peer) -> None:
    found: list[bytes | None] = []

    def prompt(message: memoryview) -> bool:
        found.append(exchange(peer))
        return True

    peer.qp.prompt = prompt
    peer.send("SEND_ONLY", 10, payload=b"call", ask=True)
    assert found == [None]


def test_an_owner_that_ends_the_connection_gets_its_receives_back_once(peer: Peer) -> None:
    def prompt(message: memoryview) -> bool:
        peer.qp.fail("enough")
        return True

    peer.qp.prompt = prompt
    peer.send("SEND_ONLY", 10, payload=b"call", ask=True)
    assert [wc.wr_id for wc in peer.end.received()] == [0, 1, 2, 3]


def test_what_was_begun_is_forgotten_with_the_connection(peer: Peer) -> None:
    assert peer.qp.begin(9) is not None
    peer.qp.fail("enough")
    peer.qp.finish()
    assert peer.qp.begin(9) is None
    assert peer.end.sent() == []
    with pytest.raises(VerbsError):
        peer.qp.place(1, 2, 3)


def test_a_message_is_put_without_a_completion(peer: Peer) -> None:
    assert isinstance(peer.qp, PromptQueuePair)
    assert isinstance(peer.qp, ExchangingQueuePair)
    assert peer.qp.put((b"a ", memoryview(b"message")))
    (packet,) = peer.collect()
    assert packet.payload == b"a message"
    peer.acknowledge(100)
    assert peer.end.sent() == []
    assert [peer.qp.put((b"x",)) for _ in range(65)] == [True] * 64 + [False]


# How long is waited


class Clock:
    """A port at which something comes, or not, after so many seconds."""

    def __init__(self, *after: float | None) -> None:
        self.now = 5.0
        self.after = list(after)
        self.asked: list[tuple[float, float]] = []

    def receive(self, looking: float, sleeping: float) -> bool:
        self.asked.append((looking, sleeping))
        after = self.after.pop(0)
        self.now += looking + sleeping if after is None else after
        return after is not None

    def time(self) -> float:
        return self.now


def waiting(peer: Peer, clock: Clock) -> Waiting:
    return Waiting(peer.end.engine, lambda: None, clock.receive, lambda: True, clock.time)


def test_after_late_answers_more_and_more_calls_are_left_to_the_reactor(peer: Peer) -> None:
    clock = Clock(*(None,) * 12)
    wait = waiting(peer, clock)
    left = []
    for _ in range(10):
        calls = 0
        while not wait.pays():
            calls += 1
        left.append(calls)
        wait(Awaited(ANSWER, ONES, 100, None, None))
    assert left == [0, 2, 4, 8, 16, 32, 64, 128, 256, 256]


def test_an_answer_in_many_pieces_is_waited_for_within_bounds(peer: Peer) -> None:
    clock = Clock(*(0.0015,) * 99)
    waiting(peer, clock)(Awaited(ANSWER, ONES, 100, None, None))
    assert len(clock.asked) == 6


def test_a_look_that_did_not_pay_is_shorter_next_time(peer: Peer) -> None:
    clock = Clock(*(0.001,) * 5, None)
    waiting(peer, clock)(Awaited(ANSWER, ONES, 100, None, None))
    looks = [looking for looking, _ in clock.asked]
    assert looks == sorted(looks, reverse=True)
    assert looks[-1] < looks[0]


def test_of_data_that_is_moved_it_is_learnt_apart_how_long_to_look(peer: Peer) -> None:
    clock = Clock(*(0.001,) * 8)
    wait = waiting(peer, clock)
    for rkey in (None, 5, 5, 5, None):
        awaited = Awaited(ANSWER, ONES, 100, None, rkey)
        clock.after[1:1] = [None]
        wait(awaited)
    looks = [looking for looking, _ in clock.asked]
    assert len(looks) == 10
    # Each waits in vain at last, and the next one of its kind looks for a shorter time.
    assert looks[2] == looks[0]
    assert looks[4] < looks[2]
    assert looks[8] < looks[0]
