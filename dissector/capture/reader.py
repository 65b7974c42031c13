"""What every capture format gives: frames one after the other, and runs of frames at once.

A reader is a cursor. :meth:`Reader.read` steps to the next frame and leaves what it found in
attributes, since an object for each of some millions of frames would cost more than all else.
:meth:`Reader.run` takes, in one step, the following frames that are like the current one.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass

from ..base.packet import Pattern
from .runs import match_run
from .source import Source

MAX_FRAME = 1 << 18
"""Octets of a frame that are believed; libpcap's own limit. More is a damaged file."""

MAX_NOTICES = 1000


class CaptureError(Exception):
    """The file is no capture, or of a kind that is not understood."""


@dataclass(frozen=True, slots=True)
class Interface:
    """Where frames were captured. ``snaplen`` is 0 where there is no limit."""

    link_type: int
    snaplen: int = 0
    name: str = ""
    units_per_second: int = 1_000_000
    offset_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the file itself that its reader should know."""

    frame: int
    text: str


class Reader(abc.ABC):
    """The frames of one capture. Subclasses know a format."""

    HEADER = 0
    """How many octets before a frame's first one are to be alike in a run, but for the time."""
    TIME = slice(0, 0)
    """Where in them the time is."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.view = source.view
        self.at = 0
        """Offset of the record to come."""
        self.number = 0
        """Of the current frame, from 1."""
        self.offset = 0
        """Where the current frame's octets begin."""
        self.captured = 0
        self.original = 0
        self.time_ns = 0
        """Nanoseconds since 1970."""
        self.began_ns = 0
        """When frame 1 was: every view's times count from there. The pipeline sets it."""
        self.link_type = 0
        self.stride = 0
        """From the current record to the next."""
        self.notices: list[Notice] = []
        self.on_progress: Callable[[], None] = lambda: None
        """Called every few thousand frames, and after each run."""

    @abc.abstractmethod
    def read(self) -> bool:
        """Step to the next frame; ``False`` at the end, however the end came to be."""

    @abc.abstractmethod
    def time_at(self, offset: int) -> int:
        """Return the time of the record whose frame begins at ``offset``, one like the current."""

    def run(self, pattern: Pattern, limit: int) -> int:
        """Step over at most ``limit`` frames like the current one; how many there were.

        Their records have all the same length, so the n-th frame is at ``offset + n * stride``,
        where ``offset`` is that of the frame before the run. Afterwards the last of them is the
        current one.
        """
        room = (self.source.end - self.at) // self.stride
        if room < 1:
            return 0
        count = match_run(
            self.view, self.offset, self.stride, self.HEADER, self.TIME, pattern, min(limit, room)
        )
        if count:
            self.number += count
            self.offset += count * self.stride
            self.at += count * self.stride
            self.time_ns = self.time_at(self.offset)
            self.progress(self.at)
        return count

    def progress(self, offset: int) -> None:
        """Report now and then that what is before ``offset`` has been read."""
        self.source.passed(offset)
        self.on_progress()

    def notice(self, text: str) -> None:
        """Note what is wrong with the file at the current frame."""
        if len(self.notices) < MAX_NOTICES:
            self.notices.append(Notice(self.number, text))

    def need(self, end: int) -> bool:
        """Wait for the octets up to ``end``; return whether they are there."""
        while self.source.end < end:
            if not self.source.more():
                return False
            self.view = self.source.view
        return True

    def check(self) -> None:
        """Raise ``CaptureError`` if the octets ended early for another reason than their end."""
        if self.source.problem:
            raise CaptureError(self.source.problem)

    def ended(self, what: str, wanted: int) -> bool:
        """Note that the file ends inside of something, and be at the end."""
        if self.source.problem:
            self.notice(self.source.problem)
        left = self.source.end - self.at
        if left > 0:
            self.notice(f"the file ends inside of {what}: {left} of {wanted} octets")
        self.at = self.source.end
        return False
