"""The times that files are given: a moment, the server's present, or none."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal

from nfsrdma.xdr.nfs4 import types as t

from .attributes import encode_attributes


class Moment(Enum):
    """A moment that has no number here."""

    NOW = "now"
    """The present, by the server's clock."""


NOW: Final = Moment.NOW
"""The present, by the server's clock: as one of the times of ``utime``."""
Seconds = float | Literal[Moment.NOW] | None
"""A time in seconds, :data:`NOW`, or None to leave a time as it is."""
Nanoseconds = int | Literal[Moment.NOW] | None
"""The same in nanoseconds."""
_TIME_END: Final = 1 << 63
"""The first number of seconds that an ``nfstime4`` cannot hold."""


def set_times(
    times: tuple[Seconds, Seconds] | None, ns: tuple[Nanoseconds, Nanoseconds] | None
) -> t.fattr4:
    """Return what sets the times of access and modification, as ``utime`` was asked to.

    Raises ``ValueError`` if both are given, and ``OverflowError`` for what no file can have.
    """
    if times is not None and ns is not None:
        raise ValueError("utime: times and ns cannot both be given")
    if times is not None:
        ns = _nanoseconds(times[0]), _nanoseconds(times[1])
    atime, mtime = (NOW, NOW) if ns is None else ns
    for time_ns in (atime, mtime):
        if isinstance(time_ns, int) and not -_TIME_END <= time_ns // 10**9 < _TIME_END:
            raise OverflowError(f"{time_ns} ns are no time that a file can have")
    return encode_attributes(
        atime_ns=atime if atime is not NOW else None,
        mtime_ns=mtime if mtime is not NOW else None,
        atime_now=atime is NOW,
        mtime_now=mtime is NOW,
    )


def _nanoseconds(seconds: Seconds) -> Nanoseconds:
    return seconds if seconds is None or seconds is NOW else round(seconds * 1e9)
