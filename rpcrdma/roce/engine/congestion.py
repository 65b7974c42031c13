"""How much may be in flight, and how long to wait for an answer.

RoCE hardware relies on a lossless network; a UDP socket has neither that nor a deep buffer. So a
queue pair has a congestion window as TCP does (RFC 5681: slow start, then additive increase,
halving on loss), in octets, and a retransmission timer from measured round trips (RFC 6298)
instead of the fixed one that connection management negotiates.
"""

from __future__ import annotations

from .tuning import Tuning

_MARGIN = 1.5
_RELIEF = 0.75


class CongestionWindow:
    """A window of ``octets`` that may be unacknowledged, at most ``ceiling``."""

    __slots__ = ("_floor", "_mtu", "ceiling", "octets", "threshold")

    def __init__(self, tuning: Tuning, mtu: int) -> None:
        self._mtu = mtu
        self.ceiling = max(tuning.flight_octets, mtu)
        self._floor = min(tuning.minimum_window, self.ceiling)
        self.octets = min(tuning.initial_window, self.ceiling)
        self.threshold = self.ceiling

    def acknowledged(self, octets: int) -> None:
        """Open the window: the peer has acknowledged ``octets`` more."""
        window = self.octets
        if window < self.ceiling:
            window += octets if window < self.threshold else self._mtu * octets // window
            self.octets = min(window, self.ceiling)

    def lost(self) -> None:
        """Halve the window: something was lost, but the peer still answers."""
        self.octets = self.threshold = max(self.octets // 2, self._floor)

    def timed_out(self) -> None:
        """Nothing was heard for a whole timeout."""
        self.threshold = max(self.octets // 2, self._floor)
        self.octets = self._floor


class RetransmissionTimer:
    """The retransmission timeout, in seconds: RFC 6298, Section 2, with back-off (5.5).

    Unlike there, progress alone ends the back-off: while much is lost there may be no round trip
    to measure for a long time, and waiting longer and longer would not help.

    How long a peer may be busy with other things is not known beforehand. So the least timeout is
    learnt: it grows with each wait that turns out to have been too short, and shrinks with each
    that found a loss.
    """

    __slots__ = (
        "_deviation",
        "_estimate",
        "_least",
        "_measured",
        "_smoothed",
        "_tuning",
        "timeout",
    )

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._least = tuning.rto_minimum
        self._smoothed: float | None = None
        self._deviation = 0.0
        self._estimate = self._measured = self.timeout = tuning.rto_initial

    @property
    def smoothed(self) -> float | None:
        """The smoothed round-trip time in seconds; ``None`` before the first sample."""
        return self._smoothed

    def sample(self, round_trip: float) -> None:
        """Account for a round trip of packets that were sent once (Karn's algorithm)."""
        smoothed = self._smoothed
        if smoothed is None:
            self._smoothed = smoothed = round_trip
            self._deviation = round_trip / 2
        else:
            self._deviation += (abs(smoothed - round_trip) - self._deviation) / 4
            self._smoothed = smoothed = smoothed + (round_trip - smoothed) / 8
        self._estimate = smoothed + 4 * self._deviation
        self._settle()
        self.timeout = self._measured

    def hasty(self, waited: float) -> None:
        """Raise the least timeout: the answer came after ``waited`` seconds, and was not lost."""
        least = min(waited * _MARGIN, self._tuning.rto_patience)
        self._least = max(self._least, least)
        self._settle()
        self.timeout = max(self.timeout, self._measured)

    def justified(self) -> None:
        """Lower the least timeout: the last one found a loss."""
        self._least = max(self._least * _RELIEF, self._tuning.rto_minimum)
        self._settle()

    def _settle(self) -> None:
        self._measured = min(max(self._estimate, self._least), self._tuning.rto_maximum)

    def back_off(self) -> None:
        """Nothing was heard for a whole timeout."""
        self.timeout = min(self.timeout * 2, self._tuning.rto_maximum)

    def progress(self) -> None:
        """End the back-off: the peer has acknowledged something new."""
        self.timeout = self._measured
