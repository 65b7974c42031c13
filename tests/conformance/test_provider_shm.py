"""The shm provider: peers that do what no peer should.

In one process, one of the two ends is made to misbehave by way of its own half of the shared
memory, which is all that a hostile process has.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.conformance.harness import EVERYTHING, HARNESSES, ProviderHarness, Side, pair
from tests.support.transport import CALL_HEAD, call_message, decode_reply, echo, reply_message

from nfsrdma.rpcrdma.providers.shm import ShmDevice, messages, rendezvous
from nfsrdma.rpcrdma.providers.shm.memory import PeerFile, SharedFile
from nfsrdma.rpcrdma.providers.shm.messages import BadMessage, Kind, Offer
from nfsrdma.rpcrdma.providers.shm.regions import SLOT_MASK, TABLE_OCTETS
from nfsrdma.rpcrdma.providers.shm.ring import (
    CONSUMED,
    COUNT_BITS,
    DESCRIPTOR,
    DESCRIPTOR_OCTETS,
    IN_RING,
    PRODUCED,
    READ_ANSWER,
    file_octets,
)
from nfsrdma.rpcrdma.transport import connect_rdma, listen_rdma
from nfsrdma.rpcrdma.verbs.types import (
    Access,
    ConnectOptions,
    QpOptions,
    QpState,
    RecvWR,
    WcStatus,
    WrOpcode,
)

GUARD = b"\xa5" * 4096


@pytest.fixture
def harness(caplog: pytest.LogCaptureFixture) -> Iterator[ProviderHarness]:
    made = HARNESSES["shm"]()
    with caplog.at_level(logging.ERROR):
        yield made
    made.close()
    assert not caplog.records, caplog.text  # no callback failed


def ring_of(side: Side) -> Any:
    return side.connection._ring  # type: ignore[attr-defined]


def publish(side: Side, *fields: int) -> None:
    """Post a descriptor as the library would not."""
    ring = ring_of(side)
    produced = ring.words[PRODUCED]
    at = (produced & ring.mask) * DESCRIPTOR_OCTETS
    DESCRIPTOR.pack_into(ring.descriptors, at, *fields)
    ring.words[PRODUCED] = produced + 1
    side.connection._wake_over_socket()  # type: ignore[attr-defined]


def notify(side: Side) -> None:
    side.connection._wake_over_socket()  # type: ignore[attr-defined]


def over(harness: ProviderHarness, *sides: Side) -> None:
    harness.run_until(lambda: all(side.told("disconnected") for side in sides))
    for side in sides:
        assert side.connection.queue_pair.state == QpState.ERR


# Messages that are dealt with promptly, without a receive of their own.


def prompted(side: Side, deal: Any) -> list[bytes]:
    """Have a side shown what comes; ``deal`` says of each message whether it was dealt with."""
    seen: list[bytes] = []

    def prompt(message: memoryview) -> bool:
        seen.append(bytes(message))
        return bool(deal(len(seen)))

    side.connection.queue_pair.prompt = prompt  # type: ignore[attr-defined]
    return seen


def test_what_is_dealt_with_promptly_takes_no_receive(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=1)
    seen = prompted(server, lambda number: number != 5)
    for number in range(9):
        client.send(b"message %d" % number)
    harness.run_until(lambda: len(seen) == 5 and bool(server.received))
    # The fifth has taken the only receive, so that the others wait for one.
    assert [wc.byte_len for wc in server.received] == [9]
    server.recv(64)
    harness.run_until(lambda: len(seen) == 9)
    assert seen == [b"message %d" % number for number in range(9)]
    assert len(server.received) == 1


def test_nothing_overtakes_what_waits_to_be_completed(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=4)
    seen = prompted(server, lambda number: False)
    for number in range(4):
        client.send(b"message %d" % number)
    harness.run_until(lambda: len(server.received) == 4)
    # All four came in one batch: only the first was shown.
    assert seen[0] == b"message 0"
    assert len(seen) < 4


def test_what_is_dealt_with_may_carry_out_more(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=8)
    queue_pair: Any = server.connection.queue_pair

    def deal(number: int) -> bool:
        if number == 1:
            # As a post does that finds no room.
            machines = queue_pair._machines
            machines.responder.consume(machines.peer_words[PRODUCED])
        return True

    seen = prompted(server, deal)
    for number in range(5):
        client.send(b"message %d" % number)
    harness.run_until(lambda: len(seen) + len(server.received) == 5)
    harness.run_for(0.02)
    assert len(seen) + len(server.received) == 5
    assert seen[0] == b"message 0"
    assert ring_of(server).words[CONSUMED] == 5


def test_what_is_dealt_with_may_end_the_connection(harness: ProviderHarness) -> None:
    client, server = pair(harness, receives=4)

    def deal(number: int) -> bool:
        server.connection.close()
        return True

    seen = prompted(server, deal)
    for _ in range(3):
        client.send(b"the last one")
    harness.run_until(lambda: client.told("disconnected"))
    assert len(seen) == 1


# Words and descriptors.


@pytest.mark.parametrize("produced", [1 << 20, (1 << 64) - 1, 1 << 47])
def test_a_count_that_cannot_be(harness: ProviderHarness, produced: int) -> None:
    client, server = pair(harness, receives=3)
    ring_of(client).words[PRODUCED] = produced
    notify(client)
    over(harness, server)
    assert {wc.status for wc in server.received} == {WcStatus.WR_FLUSH_ERR}


@pytest.mark.parametrize("word", [5, (1 << 48) - 1, 99 << COUNT_BITS, 10 << COUNT_BITS | 7])
def test_an_acknowledgement_of_nothing(harness: ProviderHarness, word: int) -> None:
    client, server = pair(harness)
    server.send(b"no receive is there for it", wr_id="mine")
    harness.run_for(0.02)
    ring_of(client).words[CONSUMED] = word
    notify(client)
    over(harness, server)
    assert [wc.wr_id for wc in server.sent] == ["mine"]
    assert server.sent[0].status != WcStatus.SUCCESS


@pytest.mark.parametrize(
    "fields",
    [
        (200, 0, 0, 0, 0, 0, 0, 0),  # no such operation
        (WrOpcode.SEND, 0, 0, 0, 100, 1 << 40, 0, 0),  # in a slab that is none
        (WrOpcode.SEND, 0, 0, 0, 100, IN_RING | (1 << 18) - 10, 0, 0),  # over the ring's end
        (WrOpcode.SEND, 0, 0, 0, 100, IN_RING | 1 << 62, 0, 0),
        (READ_ANSWER, 0, 0, 0, 100, 0, 0, 0),  # to no READ
    ],
)
def test_descriptors_without_sense(harness: ProviderHarness, fields: tuple[int, ...]) -> None:
    client, server = pair(harness, receives=2)
    publish(client, *fields)
    over(harness, server)
    assert all(wc.status == WcStatus.WR_FLUSH_ERR for wc in server.received)


def test_a_peer_that_does_not_look_at_keys(harness: ProviderHarness) -> None:
    """The owner checks for itself: octets that a wild peer placed are not taken in."""
    client, server = pair(harness)
    memory = bytearray(GUARD)
    region = server.pd.register(memoryview(memory), EVERYTHING)
    remote = client.connection.queue_pair._machines.link.remote  # type: ignore[attr-defined]
    view = remote.map(region.rkey, region.address, len(memory), Access.REMOTE_WRITE)
    region.deregister()
    view[:] = bytes(len(view))
    publish(client, WrOpcode.RDMA_WRITE, 0, 0, 0, len(memory), 0, region.rkey, region.address)
    over(harness, server)
    assert memory == GUARD


def test_a_shadow_in_use_is_not_lent_again(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    old = server.pd.register(memoryview(bytearray(5000)), EVERYTHING)
    reach = client.connection.queue_pair.map_remote  # type: ignore[attr-defined]
    view = reach(old.rkey, old.address, 5000, Access.REMOTE_WRITE)
    assert view is not None
    old.deregister()
    assert reach(old.rkey, old.address, 5000, Access.REMOTE_WRITE) is None
    memories = [bytearray(5000) for _ in range(20)]
    regions = [server.pd.register(memoryview(m), EVERYTHING) for m in memories]
    view[:] = b"x" * 5000  # late, but ours: it hits nobody
    assert {region.rkey & SLOT_MASK for region in regions}.isdisjoint({old.rkey & SLOT_MASK})
    sinks = []
    for region in regions:
        sink = bytearray(5000)
        client.post(*(WrOpcode.RDMA_READ, [sink]), rkey=region.rkey, remote_address=region.address)
        sinks.append(sink)
    harness.run_until(lambda: len(client.sent) == 20)
    assert not any(map(any, sinks))
    client.connection.queue_pair.unmap_remote(old.rkey)  # type: ignore[attr-defined]
    later = [server.pd.register(memoryview(bytearray(5000)), EVERYTHING) for _ in range(3)]
    assert old.rkey & SLOT_MASK in {region.rkey & SLOT_MASK for region in later}


@pytest.mark.parametrize("seed", range(30))
def test_garbage_in_the_ring(harness: ProviderHarness, seed: int) -> None:
    """Whatever a peer writes to its half: an end in good order, and nothing else is touched."""
    rng = Random(seed)
    client, server = pair(harness, receives=20)
    memory = bytearray(GUARD * 3)
    region = server.pd.register(memoryview(memory)[4096:8192], EVERYTHING)
    other = bytearray(GUARD)
    server.pd.register(memoryview(other), Access.REMOTE_READ)
    ring = ring_of(client)
    for _ in range(rng.randint(1, 40)):
        fields = [
            rng.choice((0, 1, 2, 4, 64, rng.randrange(256))),
            rng.choice((0, 1, 2, 4, 8, rng.randrange(256))),
            *(0, rng.getrandbits(32)),
            rng.choice((0, 1, 64, 4096, rng.getrandbits(63))),
            rng.choice((0, IN_RING, IN_RING | rng.getrandbits(18), rng.getrandbits(64))),
            rng.choice((region.rkey, 0, rng.getrandbits(32))),
            rng.choice((region.address, region.address + 64, rng.getrandbits(64))),
        ]
        produced = ring.words[PRODUCED]
        DESCRIPTOR.pack_into(ring.descriptors, (produced & ring.mask) * 64, *fields)
        ring.words[PRODUCED] = produced + 1
    if rng.random() < 0.3:
        ring.words[PRODUCED] = rng.getrandbits(64)
    ring.marks[rng.randrange(len(ring.marks))] = 255
    notify(client)
    harness.run_for(0.01)
    assert memory[:4096] == memory[8192:] == GUARD
    assert other == GUARD
    # Either it made some sense, or the connection is over. Others have noticed nothing.
    if server.told("disconnected"):
        assert server.connection.queue_pair.state == QpState.ERR
    client.connection.close()
    one, two = pair(harness, receives=1)
    one.send(b"still here")
    harness.run_until(lambda: two.received)


# The socket, and what is sent over it.


def tell(side: Side, data: bytes, fds: tuple[int, ...] = ()) -> None:
    socket.send_fds(side.connection._line._socket, [data], list(fds))  # type: ignore[attr-defined]


def packet(kind: int, body: bytes = b"", version: int = 1) -> bytes:
    return messages._HEAD.pack(b"nshm", version, kind) + body


@pytest.mark.parametrize(
    "data",
    [
        b"?",
        b"x" * 3000,
        packet(99),
        packet(Kind.RTU),
        packet(Kind.REP),
        packet(Kind.SLAB),
        packet(Kind.WAKE, version=2),
    ],
)
def test_messages_without_sense(harness: ProviderHarness, data: bytes) -> None:
    client, server = pair(harness, receives=1)
    tell(client, data)
    over(harness, server)
    assert any("rules" in str(what) for _, what in server.events)


def unsealed(size: int) -> int:
    fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    return fd


@pytest.mark.parametrize("what", ["unsealed", "short", "a file", "twice", "too many"])
def test_slabs_that_are_refused(harness: ProviderHarness, tmp_path: Path, what: str) -> None:
    """A file that can be cut short would kill whoever has it mapped."""
    client, server = pair(harness)
    good = SharedFile(8192, writable=True)
    index, size, fd = 7, 8192, good.fd
    if what == "unsealed":
        fd = unsealed(8192)
    elif what == "short":
        size = 1 << 30
    elif what == "a file":
        fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        os.ftruncate(fd, 8192)
    elif what == "twice":
        tell(client, packet(Kind.SLAB, messages.encode_slab(index, size)), (fd,))
    else:
        index = 100_000
    before = len(os.listdir("/proc/self/fd"))
    tell(client, packet(Kind.SLAB, messages.encode_slab(index, size)), (fd,))
    over(harness, server)
    assert len(os.listdir("/proc/self/fd")) <= before
    if fd != good.fd:
        os.close(fd)
    good.close()


def test_memory_is_sealed() -> None:
    ours = SharedFile(5000, writable=False)
    with pytest.raises(OSError):
        os.ftruncate(ours.fd, 0)
    with pytest.raises(OSError):
        os.write(ours.fd, b"x")
    with pytest.raises(OSError):
        PeerFile(os.dup(ours.fd), ours.size, writable=True, trusted=True)
    ours.view[:2] = b"ok"
    theirs = PeerFile(os.dup(ours.fd), ours.size, writable=False, trusted=False)
    assert theirs.view[:2] == b"ok"
    assert theirs.view.readonly
    seals = fcntl.fcntl(ours.fd, fcntl.F_GET_SEALS)
    assert seals & fcntl.F_SEAL_SHRINK
    assert seals & fcntl.F_SEAL_SEAL
    ours.close()
    theirs.close()


def offer(**changed: Any) -> bytes:
    fields: dict[str, Any] = {
        "number": 1,
        "descriptors": 64,
        "messages": 4096,
        "access": 6,
        "responder_resources": 1,
        "initiator_depth": 0,
        "rnr_retry_count": 7,
        "port": 50000,
        "host": "127.0.0.1",
        "private_data": b"",
    }
    return Offer(**{**fields, **changed}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        offer()[:-1],
        offer() + b"x",
        offer(descriptors=63),
        offer(descriptors=1 << 30),
        offer(messages=0),
        offer(messages=1 << 31),
    ],
)
def test_offers_without_sense(body: bytes) -> None:
    with pytest.raises(BadMessage):
        Offer.decode(body)


@pytest.mark.parametrize("what", ["garbage", "no offer", "unsealed ring", "short ring", "silence"])
def test_strangers(harness: ProviderHarness, what: str) -> None:
    """Whoever knocks without being able to connect is dismissed; the next one is served."""
    failed: list[Side] = []

    def on_request(request: Any) -> None:
        side = Side(harness.a, QpOptions())
        side.connection = request.prepare(side.pd, side.send_cq, side.recv_cq, side.options)
        request.accept(ConnectOptions(), side)
        failed.append(side)

    port = harness.new_port()
    listener = harness.a.listen(harness.host, port, on_request)
    directory = harness.a._directory  # type: ignore[attr-defined]
    stranger, _ = rendezvous.meet(harness.host, port, directory)
    size = file_octets(64, 4096)
    ring, table = SharedFile(size, writable=False), SharedFile(TABLE_OCTETS, writable=False)
    bell = os.eventfd(0)
    if what == "garbage":
        stranger.send(b"GET / HTTP/1.1\r\n")
    elif what == "no offer":
        socket.send_fds(stranger, [packet(Kind.REQ)], [ring.fd, table.fd, bell])
    elif what != "silence":
        fd = unsealed(size) if what == "unsealed ring" else table.fd
        socket.send_fds(stranger, [packet(Kind.REQ, offer())], [fd, table.fd, bell])
        harness.run_until(lambda: failed and failed[0].told("failed"))
    harness.run_for(0.02)
    assert bool(failed) == (what in ("unsealed ring", "short ring"))
    stranger.close()
    listener.close()
    client, server = pair(harness, receives=1)
    client.send(b"hello")
    harness.run_until(lambda: server.received)
    os.close(bell)
    ring.close()
    table.close()


def test_who_says_where_it_comes_from(harness: ProviderHarness) -> None:
    device = harness.a
    assert isinstance(device, ShmDevice)
    us = rendezvous.Credentials(os.getpid(), os.geteuid(), os.getegid())
    assert device.believed("127.0.0.9", us) == "127.0.0.9"
    assert device.believed("198.51.100.1", us) == "127.0.0.1"
    assert device.believed("", us) == device.believed("x" * 200, us) == "127.0.0.1"
    nobody = rendezvous.Credentials(0, 12345, 12345)  # of whose network nothing is known
    assert device.believed("127.0.0.1", nobody) == "0.0.0.0"
    assert not device.trusts(nobody)
    assert device.trusts(us)


def test_directories_that_others_could_write(tmp_path: Path) -> None:
    place = tmp_path / "rendezvous"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    with (
        pytest.raises(OSError, match="others may write"),
        rendezvous.opened(str(place), named=False),
    ):
        pass
    with rendezvous.opened(str(place), named=True):
        pass
    if os.geteuid() == 0:
        place.chmod(0o755)
        os.chown(place, 12345, 12345)
        with (
            pytest.raises(OSError, match="somebody else's"),
            rendezvous.opened(str(place), named=False),
        ):
            pass


def test_a_name_left_behind_is_taken_over(harness: ProviderHarness) -> None:
    port = harness.new_port()
    directory = harness.a._directory  # type: ignore[attr-defined]
    first = rendezvous.Meeting(harness.host, port, directory)
    first.socket.close()  # as a process does that is killed
    second = rendezvous.Meeting(harness.host, port, directory)
    first.close()  # too late: the name is another's
    assert rendezvous.meet(harness.host, port, directory)
    with pytest.raises(OSError, match="taken"):
        rendezvous.Meeting(harness.host, port, directory)
    second.close()
    with pytest.raises(ConnectionRefusedError):
        rendezvous.meet(harness.host, port, directory)


# Without a copy.


@pytest.mark.parametrize("way", ["placed", "shorter", "elsewhere", "the call's own"])
def test_a_reply_in_the_callers_memory(harness: ProviderHarness, way: str) -> None:
    """What a service writes to the target is there; what it does not, is brought there."""
    size = 100_000
    data = Random(1).randbytes(size)
    seen: list[bool] = []

    def service(call: Any) -> None:
        dec = call.decoder
        xid = dec.unpack(CALL_HEAD)[0]
        own = dec.payload() if dec.uint32() and dec.uint32() else None
        target = call.payload_target(0, size)
        assert len(target) == size
        assert call.payload_target(1, 10) is None  # no second chunk was offered
        assert call.payload_target(0, size + 1) is None
        view: Any = memoryview(data)
        if way == "the call's own":
            view = own
            seen.append(own.obj is not target.obj)
        elif way != "elsewhere":
            target[:] = data
            view = target if way == "placed" else target[:5000]
        call.reply(reply_message(xid, [(True, view)]))

    listener = listen_rdma(harness.a, harness.reactor, harness.host, harness.new_port(), service)
    future = connect_rdma(harness.b, harness.reactor, *listener.address)
    harness.run_until(future.done)
    channel = future.result()
    sent = [(True, data)] if way == "the call's own" else []
    (server,) = listener.channels
    for xid in range(1, 4):
        memory = bytearray(size)
        reply = channel.call(call_message(xid, sent), max_reply=200, sinks=[memoryview(memory)])
        harness.run_until(reply.done)
        length = 5000 if way == "shorter" else size
        assert decode_reply(reply.result()) == (xid, [(True, data[:length])])
        assert memory == data[:length] + bytes(size - length)
        assert server.responder.buffered == 0
    assert server.stats.rdma_writes == 3
    assert server.stats.rdma_reads == 0
    assert all(seen)
    ring = server._endpoint.connection._ring  # type: ignore[attr-defined]
    assert not any(ring.marks)  # everything was let go
    channel.close()


def test_long_messages_take_turns_in_the_same_memory(harness: ProviderHarness) -> None:
    """Nobody waits for their completion, and all the same they do not take new pieces each."""
    client, server = pair(harness)
    buffer = server.recv(40_000)
    for number in range(50):
        data = bytes([number]) * 40_000
        client.send(data, signaled=False)
        harness.run_until(lambda number=number: len(server.received) > number)
        assert buffer == data
        server.connection.queue_pair.post_recv(RecvWR(memoryview(buffer)))
    arena = client.pd.arena  # type: ignore[attr-defined]
    assert len(arena.slabs) == 1
    assert arena._used <= 4 << 16


def test_a_peer_that_counts_wrongly_before_a_long_message(harness: ProviderHarness) -> None:
    client, server = pair(harness)
    buffer = server.recv(40_000)
    ring_of(server).words[CONSUMED] = 1 << 20
    client.send(b"x" * 40_000)  # whoever posts it has done nothing wrong
    harness.run_until(lambda: client.sent)
    assert buffer == b"x" * 40_000


def test_a_payload_sent_inline_is_let_go(harness: ProviderHarness) -> None:
    """It goes to shared memory at once, so its owner may resize it when the reply is there."""
    listener = listen_rdma(harness.a, harness.reactor, harness.host, harness.new_port(), echo)
    future = connect_rdma(harness.b, harness.reactor, *listener.address)
    harness.run_until(future.done)
    channel = future.result()
    data = bytearray(Random(1).randbytes(60_001))
    memory = bytearray(len(data))
    call = call_message(1, [(True, data)])
    reply = channel.call(call, max_reply=200, sinks=[memoryview(memory)])
    call.payloads.clear()
    expected = bytes(data)
    data[:] = bytes(len(data))  # copied already
    harness.run_until(reply.done)
    assert decode_reply(reply.result()) == (1, [(True, expected)])
    data.append(0)
    assert channel.stats.registrations == 0
    channel.close()
