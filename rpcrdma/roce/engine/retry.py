"""When a requester sends again, and when it gives up.

It waits for one of two things at a time: for an answer of the peer, or, after a receiver-not-ready
NAK, for the peer to post a receive (``for_receive``). ``deadline`` is the end of either wait.

A peer that is silent for a timeout may only be busy. First one packet makes it speak (a probe);
only when that is not answered either, everything is sent again.
"""

from __future__ import annotations

from enum import Enum, auto

from .congestion import RetransmissionTimer
from .tuning import Tuning

_INFINITE_RNR_RETRIES = 7
_READ_PROBES = 3


class Verdict(Enum):
    """What is to be done when a deadline has passed."""

    RESUME = auto()
    """The wait for a receive is over."""
    PROBE = auto()
    """Send one packet again, to make the peer say what it has."""
    GO_BACK = auto()
    """Send everything again."""
    GIVE_UP = auto()


class Retry:
    """The timers and retry counts of one requester."""

    __slots__ = (
        "_doubt",
        "_recovering",
        "_retry_count",
        "_rnr_count",
        "_rnr_retry_count",
        "_silent_since",
        "_timed",
        "_timed_since",
        "_timeouts",
        "_tuning",
        "_waited",
        "deadline",
        "for_receive",
        "timer",
    )

    def __init__(self, tuning: Tuning, retry_count: int = 0, rnr_retry_count: int = 0) -> None:
        self._tuning = tuning
        self._retry_count = retry_count
        self._rnr_retry_count = rnr_retry_count
        self.timer = RetransmissionTimer(tuning)
        self.deadline: float | None = None
        """When the present wait ends."""
        self.for_receive = False
        """Waiting for the peer to post a receive: nothing may be sent."""
        self._timeouts = 0
        self._rnr_count = 0
        self._silent_since = 0.0
        self._recovering: int | None = None
        """The sequence that the peer misses, until something is acknowledged."""
        self._timed: int | None = None
        """The packet by which a round trip is measured; it was sent only once."""
        self._timed_since = 0.0
        self._doubt: int | None = None
        """The latest probe; if it is answered twice, it was not needed."""
        self._waited = 0.0
        """How long the first answer to the probe took."""

    def sent(self, end: int, fresh: bool, now: float) -> bool:
        """Note that packets up to ``end`` were sent, for the first time if ``fresh``.

        Return whether this has set the deadline.
        """
        if fresh and self._timed is None:
            self._timed = end
            self._timed_since = now
        if self.deadline is not None:
            return False
        self._silent_since = now
        self.deadline = now + self.timer.timeout
        return True

    def progressed(self, end: int, outstanding: bool, now: float) -> None:
        """Note that everything before ``end`` is acknowledged; ``outstanding``: more was sent."""
        self._rnr_count = 0
        if self._timeouts:
            if self._doubt is not None:
                self._waited = now - self._silent_since
            self._timeouts = 0
            self.timer.progress()
        if self._recovering is not None and end > self._recovering:
            self._recovering = None
        if self._timed is not None and end >= self._timed:
            self.timer.sample(now - self._timed_since)
            self._timed = None
        self._silent_since = now
        if not self.for_receive:
            self.deadline = now + self.timer.timeout if outstanding else None

    def recover(self, sequence: int) -> bool:
        """Note that the peer misses ``sequence``; return false if that is known already."""
        if self._recovering == sequence:
            return False
        self._recovering = sequence
        return True

    def has_rnr_retry(self) -> bool:
        """Count a receiver-not-ready NAK; return false if it is one too many."""
        if self._rnr_retry_count != _INFINITE_RNR_RETRIES:
            if self._rnr_count >= self._rnr_retry_count:
                return False
            self._rnr_count += 1
        return True

    def wait_for_receive(self, until: float) -> None:
        """Send nothing before ``until``."""
        self.for_receive = True
        self.deadline = until

    def wait_for_answer(self, now: float) -> None:
        """Wait for an answer from now on."""
        self.deadline = now + self.timer.timeout

    def timed_out(self, now: float, reading: bool) -> Verdict:
        """Return what to do: the deadline has passed.

        ``reading``: the oldest unanswered request is an RDMA READ.
        """
        self.deadline = None
        if self.for_receive:
            self.for_receive = False
            return Verdict.RESUME
        self._timeouts += 1
        if (
            self._timeouts > self._retry_count
            and now - self._silent_since >= self._tuning.retry_seconds
        ):
            return Verdict.GIVE_UP
        self.timer.back_off()
        if self._doubt is not None and self._timeouts == 1:
            self.timer.justified()  # the last probe had one answer and no second: it found a loss
        if self._recovering is None and self._timeouts <= (_READ_PROBES if reading else 1):
            return Verdict.PROBE
        self._recovering = None
        return Verdict.GO_BACK

    @property
    def is_doubtful(self) -> bool:
        """Whether the peer has not answered a probe, so that it may be gone."""
        return self._timeouts > 1

    def describe_silence(self, now: float) -> str:
        """Say how long the peer has been silent."""
        silent = now - self._silent_since
        return f"no answer for {silent:.1f} seconds and {self._timeouts - 1} retries"

    def probe(self, sequence: int) -> None:
        """Note that ``sequence`` is sent once more, by itself."""
        self._doubt = sequence
        self._timed = None

    def answered_twice(self, sequence: int, una: int) -> None:
        """Note that ``sequence`` was answered twice; if by the probe, the timeout was too short."""
        if self._doubt is not None and self._doubt <= sequence < una:
            self._doubt = None
            self.timer.hasty(self._waited)

    def went_back(self) -> None:
        """Note that packets will be sent again; nothing is waited for until then."""
        self._timed = self._doubt = None
        self.deadline = None

    def stop(self) -> None:
        """Wait for nothing any more."""
        self.deadline = None
        self.for_receive = False
