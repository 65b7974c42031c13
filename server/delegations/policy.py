"""The policy: which files are worth a delegation.

A recall costs a call to the holder and makes somebody wait, so a file that clients contend for is
better left without. This is about what pays. What must hold whenever a delegation is granted, such
as that nobody else has the file open for writing, is not up to a policy (see ``manager``).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Protocol

from ..state.client import Client

_REMEMBERED: Final = 4096
"""Files whose recalls are remembered; those recalled longest ago are forgotten first."""
_QUIET_S: Final = 30.0
"""For how long a file is left alone after a recall. Twice as long after each one that follows."""
_MOST_DOUBLINGS: Final = 5
_MOST_REVOCATIONS: Final = 2
"""Revocations after which a client gets no more delegations."""


class DelegationPolicy(Protocol):
    """Decides whether a delegation would pay."""

    def pays(self, file: bytes, client: Client, exclusive: bool, now: float) -> bool:
        """Return whether a client should have a delegation of a file, given by its handle."""

    def recalled(self, file: bytes, now: float) -> None:
        """Take note that somebody else wanted a file that was delegated."""


class AdaptivePolicy:
    """The default: no delegation of a file that was recalled lately, or to a client that is deaf.

    The more often a file is recalled, the longer it is left alone.
    """

    def __init__(self) -> None:
        self._recalls: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def pays(self, file: bytes, client: Client, exclusive: bool, now: float) -> bool:
        """Return whether the file was quiet for long enough, and the client answers recalls."""
        if client.revocations > _MOST_REVOCATIONS:
            return False
        last, times = self._recalls.get(file, (now, 0))
        return not times or now >= last + _quiet(times)

    def recalled(self, file: bytes, now: float) -> None:
        """Leave a file alone for a while."""
        last, times = self._recalls.pop(file, (now, 0))
        if now > last + 2 * _quiet(times):
            times = 0
        self._recalls[file] = now, times + 1
        if len(self._recalls) > _REMEMBERED:
            self._recalls.popitem(last=False)


def _quiet(times: int) -> float:
    return _QUIET_S * float(1 << min(max(times - 1, 0), _MOST_DOUBLINGS))
