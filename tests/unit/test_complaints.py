"""Lines about peers: once for each peer and reason, and no flood."""

from __future__ import annotations

import logging

import pytest

from nfsrdma.rpcrdma.complaints import Complaints
from nfsrdma.rpcrdma.rpc.channel import Peer

LOG = logging.getLogger("nfsrdma.test_complaints")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(caplog: pytest.LogCaptureFixture) -> Clock:
    caplog.set_level(logging.WARNING)
    return Clock()


def peer(host: int) -> Peer:
    return Peer("tcp", f"10.0.0.{host}", 700)


def test_a_peer_and_a_reason_make_one_line(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(LOG, clock)
    for port in range(50):
        complaints.about(Peer("tcp", "10.0.0.1", port, 1000), "too many connections", port)
    complaints.about(peer(1), "too many calls")
    complaints.about(peer(2), "too many calls")
    assert [record.getMessage() for record in caplog.records] == [
        "10.0.0.1 over tcp, user 1000: too many connections: 0",
        "10.0.0.1 over tcp: too many calls",
        "10.0.0.2 over tcp: too many calls",
    ]


def test_the_next_line_says_how_often(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(LOG, clock, every_s=60)
    for _ in range(8):
        complaints.about(peer(1), "closed")
    clock.now += 59.9
    complaints.about(peer(1), "closed")
    assert len(caplog.records) == 1
    clock.now += 0.2
    complaints.about(peer(1), "closed")
    assert caplog.messages[1:] == ["10.0.0.1 over tcp: closed (8 more times since the last line)"]


def test_many_addresses_are_no_way_around(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(LOG, clock, every_s=60, lines=5)
    for host in range(5000):
        complaints.about(Peer("rdma", f"10.1.{host >> 8}.{host & 255}", 1), "refused")
    assert len(caplog.records) == 5
    assert len(complaints._seen) <= 1024
    clock.now += 61
    complaints.about(peer(1), "refused")
    assert caplog.messages[5:] == [
        "4995 lines about peers were left out",
        "10.0.0.1 over tcp: refused",
    ]


def test_a_failure_is_told_once_for_each_place(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    complaints = Complaints(LOG, clock)

    def fail(kind: int) -> None:
        try:
            if kind:
                raise KeyError("here")
            raise ValueError("there")
        except Exception as error:
            complaints.failure("a callback", error)

    for number in range(20):
        fail(number & 1)
    assert len(caplog.records) == 2
    assert "ValueError: there" in caplog.text
    assert "KeyError: 'here'" in caplog.text
