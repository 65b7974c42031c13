"""Log lines about peers, at a bounded rate: one for each peer and reason.

Code that refuses or closes a peer logs it here, with a reason that is a constant of the program and
any detail. A line that would be repeated within a while is counted instead, and the next one has
the count. All lines together are bounded as well, since a peer may have many addresses; those of
one user of this host are one peer (``budget.holder_of``). Exceptions in the handling of a peer are
logged in the same way: with a traceback, once for each place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from traceback import extract_tb
from typing import Final

from .budget import holder_of
from .rpc.channel import Peer

_REMEMBERED: Final = 1024
"""Lines that are remembered; the oldest is forgotten first."""


class Complaints:
    """Writes at most ``lines`` lines to ``log`` in ``every_s`` seconds of ``clock``.

    The same line is repeated after ``every_s`` seconds at the earliest.
    """

    __slots__ = ("_clock", "_every_s", "_left", "_lines", "_log", "_omitted", "_seen", "_until")

    def __init__(
        self,
        log: logging.Logger,
        clock: Callable[[], float],
        *,
        every_s: float = 60.0,
        lines: int = 60,
    ) -> None:
        self._log = log
        self._clock = clock
        self._every_s = every_s
        self._lines = lines
        self._left = lines
        self._until = 0.0
        self._omitted = 0
        self._seen: dict[Hashable, tuple[float, int]] = {}
        """When each line was last written, and how often it was not written since."""

    def about(
        self, peer: Peer, reason: str, detail: object = "", *, level: int = logging.WARNING
    ) -> None:
        """Log that ``peer`` was refused something, or closed.

        ``reason`` is one of a few texts; what varies belongs in ``detail``, which is made a text
        only if it is logged. The record's ``fields`` have the same for programs.
        """
        if not self._log.isEnabledFor(level):
            return
        again = self._may_say((holder_of(peer.address, peer.uid), reason))
        if again is None:
            return
        who = f"{peer.address} over {peer.transport}"
        if peer.uid is not None:
            who += f", user {peer.uid}"
        said = str(detail)
        text = f"{reason}: {said}" if said else reason
        fields: dict[str, object] = {
            "peer": peer.address,
            "transport": peer.transport,
            "reason": reason,
        }
        fields |= {"user": peer.uid} if peer.uid is not None else {}
        fields |= {"detail": said} if said else {}
        self._log.log(level, "%s: %s%s", who, text, _times(again), extra={"fields": fields})

    def failure(self, what: str, error: BaseException) -> None:
        """Log an error of our own: ``what`` raised ``error``."""
        frames = extract_tb(error.__traceback__)
        where = (frames[-1].filename, frames[-1].lineno) if frames else ()
        again = self._may_say((type(error), where))
        if again is not None:
            self._log.error("%s failed%s", what, _times(again), exc_info=error)

    def _may_say(self, line: Hashable) -> int | None:
        """Return how often a line was left out since the last time, or None to leave it out now."""
        now = self._clock()
        last, again = self._seen.pop(line, (-self._every_s, 0))
        if now >= self._until:
            self._until, self._left = now + self._every_s, self._lines
            if self._omitted:
                self._log.warning("%d lines about peers were left out", self._omitted)
                self._omitted = 0
        say = now - last >= self._every_s and self._left > 0
        if say:
            self._left -= 1
        elif self._left == 0:
            self._omitted += 1
        self._seen[line] = (now, 0) if say else (last, again + 1)
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return again if say else None


def _times(again: int) -> str:
    return f" ({again} more times since the last line)" if again else ""
