"""Looking before sleeping: learn for how long that pays.

Sleeping until the doorbell rings costs both sides: a system call to ring, one to wait, one to
read, and the time that a processor takes to wake up. Where the peer answers within some
microseconds it is better to look at its words again and again; where both share a processor, or
others want it, that only keeps the peer from answering. The outcome says which of the two it is: a
success doubles the next look, a failure halves it, and when nothing is left, only one sleep in so
many is put off for a try, and the rarer the more tries have failed. (A look that ends with success
costs nothing more for having been allowed to be long. One that is too short by a little makes both
sides sleep, each as the other sleeps.)

Two sides that sleep answer each other only as quickly as processors wake up, which takes an idle
virtual one 100 microseconds and more. So a look shorter than two of these finds nothing as long as
both sleep, however quick both are when awake; and a sleep that was that short (``slept``) says that
a look may pay, sooner than the count of sleeps does.
"""

from __future__ import annotations

from typing import Final

LONGEST_S: Final = 100e-6
BOTH_WAKE_S: Final = 300e-6
"""How long to look for a peer that looks as well: it may have to be woken, as we have been."""
_SHORTEST_S: Final = 4e-6
_MOVING_S: Final = 300e-6
_MOVING_OCTET_S: Final = 1e-9
_MOVING_MOST_S: Final = 2e-3
"""How long a peer may take that moves octets: at all, for each of them, and at the most."""
_LATE_S: Final = 100e-6
"""How much later than twice the expected time an answer is looked for."""
_LATE_NAP_S: Final = 10e-6
"""How much longer than asked for a nap takes at first, before that is learned."""
_MARGIN: Final = 1 / 16
"""The part of an expected time that is looked through in any case: no two calls are the same."""
_MARGIN_S: Final = 4e-6
"""What comes between waking up and looking, while nothing is in the processor's caches."""
_LEAST_NAP_S: Final = 60e-6
"""A nap takes processor time as well, where timers are the hypervisor's as much as 15 us, and finds
the caches used by others: a shorter one saves little and costs speed."""
_SLEEPS_PER_TRY: Final = 32
_MOST_SLEEPS_PER_TRY: Final = 1024
_SHORT_SLEEP: Final = 8
"""So many sleeps one counts for that was shorter than a look may be."""


class Patience:
    """How long to look before sleeping."""

    __slots__ = ("_sleeps", "_trying", "_until_try", "longest_s", "seconds")

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self.longest_s = longest_s
        self.seconds = longest_s
        """How long to look next time."""
        self._sleeps = 0
        self._until_try = _SLEEPS_PER_TRY
        self._trying = False

    def found(self, after_s: float) -> None:
        """Learn that something came ``after_s`` seconds after the look began."""
        self.seconds = min(max(2 * self.seconds, 2 * after_s, _SHORTEST_S), self.longest_s)
        self._trying = False
        # One that pays now and then is no reason to try as often as at first.
        self._until_try = max(self._until_try // 2, _SLEEPS_PER_TRY)

    def nothing(self) -> None:
        """Learn that nothing came, or that there was no look."""
        if self._trying:
            self._trying = False
            self._until_try = min(2 * self._until_try, _MOST_SLEEPS_PER_TRY)
            self.seconds = 0.0
        elif self.seconds:
            self.seconds = self.seconds / 2 if self.seconds > _SHORTEST_S else 0.0
        else:
            self._sleep(1)

    def slept(self, after_s: float) -> None:
        """Learn that what came to a side that slept came ``after_s`` seconds after it was due."""
        if not self.seconds and after_s <= self.longest_s:
            self._sleep(_SHORT_SLEEP)

    def _sleep(self, count: int) -> None:
        """Count sleeps, and try to look when there were enough."""
        self._sleeps += count
        if self._sleeps >= self._until_try:
            self._sleeps = 0
            self._trying = True
            self.seconds = self.longest_s


class Naps:
    """How much longer than asked for a nap takes on this machine."""

    __slots__ = ("late_s",)

    def __init__(self) -> None:
        self.late_s = _LATE_NAP_S

    def took(self, asked_s: float, seconds: float) -> None:
        """Learn how long a nap took for which ``asked_s`` seconds were asked.

        One that was held up by far says little of the next one.
        """
        late = min(max(seconds - asked_s, 0.0), 2 * self.late_s + _LATE_NAP_S)
        self.late_s += (late - self.late_s) / (4 if late > self.late_s else 16)

    def none(self) -> None:
        """Learn that there was no nap: what makes them too long may be over by now."""
        self.late_s -= self.late_s / 64


class Expected:
    """How long it takes until something comes, and how much of that can be slept through.

    By the clock and not until woken: a wake-up would have to be paid for by the peer, and comes
    later. That leaves the processor to others, on a busy machine to the peer itself.
    """

    __slots__ = ("_naps", "most_s", "seconds")

    def __init__(self, most_s: float, naps: Naps) -> None:
        self.most_s = most_s
        self._naps = naps
        self.seconds = 0.0
        """Nearly the least that it took of late; 0 if that is not known."""

    @property
    def nap_s(self) -> float:
        """For how many seconds it need not be looked for."""
        nap = self.seconds - self.seconds * _MARGIN - _MARGIN_S - self._naps.late_s
        return nap if nap >= _LEAST_NAP_S else 0.0

    def late(self) -> None:
        """Learn that it took longer than was looked for."""
        self._expect(2 * self.seconds)

    def overslept(self) -> None:
        """Learn that it was there when a nap ended: all that this says is that it was too long."""
        self._expect(self.seconds * 7 / 8)

    def took(self, seconds: float) -> None:
        """Learn how long it has taken: what was held up now and then must put nobody to sleep."""
        expected = self.seconds
        if not expected or seconds < expected:
            expected = seconds
        else:
            expected += (min(seconds, 2 * expected) - expected) / 8
        self._expect(expected)

    def _expect(self, seconds: float) -> None:
        self.seconds = min(seconds, self.most_s)


class Transfer(Expected):
    """What is known of calls that have the peer move about so many ``octets``.

    A look at a word is for microseconds; these take many more, from posting them to their answer.
    """

    __slots__ = ("patience",)

    def __init__(self, octets: int, naps: Naps) -> None:
        super().__init__(min(_MOVING_S + octets * _MOVING_OCTET_S, _MOVING_MOST_S), naps)
        self.patience = Patience(self.most_s)

    @property
    def look_s(self) -> float:
        """How long to look: a peer that is late by far may be waiting for this very processor."""
        seconds, expected = self.patience.seconds, self.seconds
        return min(seconds, 2 * expected + _LATE_S) if expected else seconds
