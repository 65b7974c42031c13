"""Looking at the port for a while before the reactor sleeps, as long as that pays.

An idle processor takes its time to wake up, in a virtual machine 50 microseconds and more, and
whoever sends the packet that wakes it pays for a part of that. Where a client has one call in
flight both ends sleep in turns, and much of a call is that. So whoever has just heard of a peer
looks for what it says next before it sleeps, for as long as ``software.patience`` says: where the
two share a processor, or others want it, a look finds nothing, and there are soon no more.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

from ..software.patience import BOTH_WAKE_S, Patience

_PAYS_S: Final = BOTH_WAKE_S / 2
"""How long looks are where most of them pay."""
_UNSEEN: Final = 16
"""So many looks that find something, before the reactor sees to its other descriptors."""


class Lookout:
    """A poller of the reactor (``task.PolledReactor``).

    ``receive`` takes what comes while looking for so many seconds, and returns whether anything
    came; ``able`` says whether it can; ``turn`` follows what was taken. ``others`` has the reactor
    look at its descriptors next, as it does so after 32 turns only, and these are long ones.
    """

    __slots__ = (
        "_able",
        "_found",
        "_heard",
        "_others",
        "_patience",
        "_receive",
        "_turn",
        "_waits_since",
    )

    def __init__(
        self,
        receive: Callable[[float], bool],
        able: Callable[[], bool],
        turn: Callable[[], None],
        others: Callable[[], object],
    ) -> None:
        self._receive = receive
        self._able = able
        self._turn = turn
        self._others = others
        self._patience = Patience(BOTH_WAKE_S)
        self._found = 0
        self._heard = False
        """Whether anything came since it was last looked for in vain."""
        self._waits_since = 0.0
        """When it was, if nothing came since then."""

    @property
    def pays(self) -> bool:
        """Whether looks have paid lately: the peer is at work, on a processor of its own."""
        return self._patience.seconds >= _PAYS_S

    def heard(self) -> None:
        """Note that something came."""
        if not self._heard:
            self._heard = True
            if self._waits_since:
                self._patience.slept(perf_counter() - self._waits_since)

    def __call__(self, wait: float | None) -> bool:
        """Look before a sleep of ``wait`` seconds; return whether anything came."""
        if not self._heard:
            return False
        patience = self._patience
        seconds = patience.seconds if wait is None else min(wait, patience.seconds)
        began = perf_counter()
        if not (seconds and self._able() and self._look(seconds, began)):
            self._heard = False
            self._waits_since = began
            patience.nothing()
            return False
        return True

    def _look(self, seconds: float, began: float) -> bool:
        came = True  # also if an owner raises something
        try:
            came = self._receive(seconds)
        finally:
            if came:
                self._patience.found(perf_counter() - began)
                self._found += 1
                if self._found % _UNSEEN == 0:
                    self._others()
                self._turn()
        return came
