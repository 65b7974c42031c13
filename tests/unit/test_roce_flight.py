"""The requester's two inner machines: what is in flight, and when to send again."""

from __future__ import annotations

import pytest

from nfsrdma.rpcrdma.roce.engine.flight import Flight
from nfsrdma.rpcrdma.roce.engine.retry import Retry, Verdict
from nfsrdma.rpcrdma.roce.engine.tuning import Tuning


def flight() -> Flight:
    """Three packets of 1000 octets queued, two of them sent."""
    made = Flight(10)
    made.append(3, 3000)
    made.send(12, 2000)
    return made


def test_what_is_sent_and_acknowledged() -> None:
    made = flight()
    assert (made.una, made.next, made.tail) == (10, 12, 13)
    assert made.acknowledge(11, 1000) == 1000
    assert made.acknowledge(12, 2000) == 1000
    assert (made.una, made.next, made.una_octets, made.next_octets) == (12, 12, 2000, 2000)


def test_going_back() -> None:
    made = flight()
    made.asked_octets = 2000
    made.acknowledge(11, 1000)
    made.go_back(11, 1000)
    assert (made.next, made.next_octets, made.asked_octets) == (11, 1000, 1000)
    # The peer had it after all.
    made.acknowledge(12, 2000)
    assert (made.next, made.next_octets) == (12, 2000)


def test_what_cannot_be() -> None:
    with pytest.raises(AssertionError):
        flight().acknowledge(14, 3000)
    with pytest.raises(AssertionError):
        flight().acknowledge(12, 3001)
    with pytest.raises(AssertionError):
        flight().go_back(12, 2000)
    with pytest.raises(AssertionError):
        flight().go_back(9, 0)


def test_a_probe_first_then_everything_then_the_end() -> None:
    tuning = Tuning(rto_initial=1.0, rto_maximum=8.0, retry_seconds=5.0)
    retry = Retry(tuning, retry_count=2)
    assert retry.sent(11, fresh=True, now=0.0)
    assert not retry.sent(12, fresh=True, now=0.1), "the deadline was set before"
    assert retry.deadline == 1.0
    verdicts, now = [], 0.0
    while not verdicts or verdicts[-1] is not Verdict.GIVE_UP:
        assert retry.deadline is not None
        now = retry.deadline
        verdicts.append(retry.timed_out(now, reading=False))
        retry.wait_for_answer(now)
    assert verdicts == [Verdict.PROBE, Verdict.GO_BACK, Verdict.GIVE_UP]
    assert retry.describe_silence(7.0) == "no answer for 7.0 seconds and 2 retries"


def test_waiting_for_a_receive_is_no_timeout() -> None:
    retry = Retry(Tuning(), rnr_retry_count=1)
    assert retry.has_rnr_retry()
    retry.wait_for_receive(0.5)
    assert retry.for_receive
    retry.progressed(11, outstanding=True, now=0.1)
    assert retry.deadline == 0.5, "an answer does not end the wait"
    assert retry.timed_out(0.5, reading=False) is Verdict.RESUME
    assert not retry.for_receive
    assert retry.has_rnr_retry(), "what moved between began a new count"
    assert not retry.has_rnr_retry()
