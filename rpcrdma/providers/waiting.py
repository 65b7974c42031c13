"""Waiting for the answer to a message without a turn of the reactor: exchanges over packets.

The port is looked at again and again for as long as that has paid lately (``software.patience``),
then slept at for a moment. It is learnt apart where the peer moves data, which takes longer.

An answer that takes longer is left to the reactor, and so are the next calls: twice as many each
time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..roce.engine.awaited import Awaited
from ..roce.engine.engine import Engine
from ..software.patience import BOTH_WAKE_S, Patience

_LONGEST_S: Final = 0.002
"""How long nothing may come; others wait for the reactor meanwhile."""
_IN_ALL_S: Final = 0.008
_BRIEFLY: Final = 1 / 4
"""So much of that where the loop is not ours, as that of asyncio: it has others to serve."""
_MOST_LEFT: Final = 256


class Waiting:
    """What an engine waits by (``Engine.wait``).

    ``transmit`` sends what there is. ``receive`` takes what comes, looking for so many seconds and
    then sleeping for so many at the longest, and returns whether anything came. ``able`` says
    whether it can. ``briefly`` bounds all of it to a quarter.
    """

    __slots__ = (
        "_able",
        "_engine",
        "_in_all_s",
        "_left",
        "_longest_s",
        "_misses",
        "_moving",
        "_patience",
        "_receive",
        "_time",
        "_transmit",
    )

    def __init__(
        self,
        engine: Engine,
        transmit: Callable[[], None],
        receive: Callable[[float, float], bool],
        able: Callable[[], bool],
        time: Callable[[], float],
        *,
        briefly: bool = False,
    ) -> None:
        share = _BRIEFLY if briefly else 1
        self._longest_s, self._in_all_s = share * _LONGEST_S, share * _IN_ALL_S
        self._engine = engine
        self._transmit = transmit
        self._receive = receive
        self._able = able
        self._time = time
        self._patience = Patience(BOTH_WAKE_S)
        self._moving = Patience(BOTH_WAKE_S)
        """That where the peer moves data."""
        self._misses = 0
        self._left = 0
        """So many calls are left to the reactor."""

    def pays(self) -> bool:
        """Return whether the next answer is to be waited for."""
        if self._left:
            self._left -= 1
            return False
        return self._able()

    def __call__(self, awaited: Awaited) -> None:
        """Send, and take what comes until the answer is there or takes too long."""
        receive, time = self._receive, self._time
        patience = self._moving if awaited.moves else self._patience
        self._transmit()
        began = time()
        end = began + self._in_all_s
        while not awaited.over:
            looking = patience.seconds
            came = receive(looking, self._longest_s) if began < end else False
            now = time()
            if not came:
                patience.nothing()
                self._misses = min(self._misses + 1, 8)
                self._left = min(1 << self._misses, _MOST_LEFT)
                return
            if now - began <= looking:
                patience.found(now - began)
            else:
                patience.nothing()
            began = now
            if not awaited.over and self._engine.pending:
                self._transmit()
        self._misses = 0
