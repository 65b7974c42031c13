"""The parts of a shared port: whom packets are for, the keeper's book, the messages, strangers."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from random import Random

import pytest

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.sharing import place, port, post
from nfsrdma.rpcrdma.providers.sharing.book import MAX_CLAIMS, Book, TooManyClaims
from nfsrdma.rpcrdma.providers.sharing.link import Link
from nfsrdma.rpcrdma.providers.sharing.post import BadMessage, Kind
from nfsrdma.rpcrdma.roce.wire.addressee import Key, Number, addressee
from nfsrdma.rpcrdma.roce.wire.cm_messages import CmMessage, Drep, Rej, Req, service_id
from nfsrdma.rpcrdma.roce.wire.headers import GSI_QKEY, Bth, Deth
from nfsrdma.rpcrdma.roce.wire.mad import encode_mad

QP = Number.QUEUE_PAIR


def packet(number: int) -> bytes:
    return Bth(0x07, number, 5).build() + bytes(16)


def datagram(message: CmMessage) -> bytes:
    mad = encode_mad(message.ATTRIBUTE, 9, message.encode())
    return Bth(0x64, 1, 5).build() + Deth(GSI_QKEY, 1).build() + mad + bytes(4)


REQ = Req(
    local_comm_id=7,
    service_id=service_id(20049),
    local_ca_guid=1,
    local_qpn=99,
    starting_psn=0,
    local_gid=bytes(16),
    remote_gid=bytes(16),
    path_mtu=5,
)


@pytest.mark.parametrize(
    ("octets", "key"),
    [
        (packet(0xABCDEF), (QP, 0xABCDEF)),
        (datagram(REQ), (Number.PORT, 20049)),
        (
            datagram(Drep(local_comm_id=5, remote_comm_id=0xFEDCBA98)),
            (Number.IDENTIFIER, 0xFEDCBA98),
        ),
        (
            datagram(Rej(local_comm_id=5, remote_comm_id=0, message=1, reason=4)),
            (Number.IDENTIFIER, 0),
        ),
        (datagram(REQ)[:200], None),
        (packet(16)[:11], None),
        (b"", None),
    ],
)
def test_whom_a_packet_is_for(octets: bytes, key: Key | None) -> None:
    assert addressee(memoryview(octets)) == key


def readers(book: Book[str], *packets: bytes) -> tuple[bool, list[str], bool]:
    return book.readers(memoryview(b"".join(packets)), len(packets[0]))


def test_the_book() -> None:
    book: Book[str] = Book({(QP, 20)})
    book.join("a")
    book.join("b")
    assert book.claim("a", [(QP, 30), (QP, 20)]) == [(QP, 20)], "the keeper's"
    assert book.claim("b", [(QP, 31), (QP, 30)]) == [(QP, 30)], "another member's"
    assert book.claim("a", [(QP, 30)]) == [], "said twice"
    assert readers(book, packet(20), packet(20)) == (True, [], False)
    assert readers(book, packet(30), packet(30)) == (False, ["a"], False)
    assert readers(book, packet(30), packet(20), packet(31)) == (True, ["a", "b"], False)
    assert readers(book, packet(99)) == (False, [], True)
    refusal = datagram(Rej(local_comm_id=5, remote_comm_id=0, message=1, reason=4))
    assert readers(book, refusal) == (True, ["a", "b"], False)
    book.release("b", [(QP, 30), (QP, 31), (QP, 32)])
    assert (QP, 30) in book, "b cannot release what is a's"
    assert readers(book, packet(31)) == (False, [], True)
    book.leave("a")
    book.leave("a")
    assert readers(book, packet(30)) == (False, [], True)


def test_the_book_is_bounded() -> None:
    book: Book[str] = Book(set())
    book.join("a")
    with pytest.raises(TooManyClaims):
        book.claim("a", [(QP, number) for number in range(MAX_CLAIMS + 1)])


def test_tiny_segments_are_not_looked_at_one_by_one() -> None:
    assert Book[str](set()).readers(memoryview(bytes(65536)), 1) == (True, [], False)


def test_messages_there_and_back() -> None:
    keys: list[Key] = [(QP, number) for number in range(5000)] + [(Number.PORT, 1)]
    found = [key for each in post.about(Kind.CLAIM, keys) for key in post.keys_in(memoryview(each))]
    assert found == keys
    head = post.datagrams(("fe80::1%lo", 4791), 1040)
    view, size, source = post.datagrams_in(memoryview(head + b"octets"))
    assert (bytes(view), size, source) == (b"octets", 1040, ("fe80::1%lo", 4791))


def test_any_octets_are_a_message_or_refused() -> None:
    rng = Random(1)
    for _ in range(3000):
        octets = memoryview(bytes((rng.randrange(9),)) + rng.randbytes(rng.randrange(40)))
        for read in (post.kind_of, post.keys_in, post.datagrams_in):
            with suppress(BadMessage):
                read(octets)


def test_a_link_ends_with_nonsense_and_keeps_no_descriptors() -> None:
    reactor = SelectReactor()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ended = []

    def on_message(link: Link, message: memoryview, fds: list[int]) -> None:
        post.keys_in(message)

    link = Link(ours, reactor, on_message=on_message, on_turn=lambda: None, on_end=ended.append)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        socket.send_fds(theirs, [b"\x02"], [0, 1, 2])
    theirs.send(b"\x02bad")
    reactor.run_until(lambda: bool(ended), 10)
    assert len(os.listdir("/proc/self/fd")) == before - 1, "the link's own is closed, too"
    assert link.closed
    theirs.close()
    reactor.close()


def test_a_peer_that_does_not_read_is_bounded() -> None:
    reactor = SelectReactor()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ended = []
    link = Link(
        ours,
        reactor,
        on_message=lambda *_: None,
        on_turn=lambda: None,
        on_end=ended.append,
    )
    sent = 0
    while link.send(bytes(60_000), droppable=True):
        sent += 1
        assert sent < 2000
    assert not ended, "datagrams may be lost"
    while link.send(bytes(60_000)):
        sent += 1
        assert sent < 2000
    reactor.run_until(lambda: bool(ended), 10)
    theirs.close()
    reactor.close()


def test_a_stranger_is_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as a member nor as the keeper, whatever the directory's mode."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        assert place.is_ours(ours)
        uid = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: uid)
        assert not place.is_ours(ours)
    assert port.is_ours is place.is_ours
