"""Two captures of the same traffic in one pass: each RPC with its other half.

The captures are read by turns, always the one that is behind by its own clock, which is corrected
once it is known how the clocks compare. So the halves of an RPC come at about the same time, and
what waits for its other half is only what the other capture may lack.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Protocol

from ..capture.reader import Reader
from ..fields.derived import keep_for
from ..filter import Filter
from ..pipeline import Pipeline
from ..tracking.claims import DecodeAs
from ..tracking.events import Events
from ..tracking.model import Exchange
from ..views.filtered import fits
from ..views.settled import Settled, itself
from .brief import Brief, Key

MAX_WAITING = 1 << 17
"""RPCs of one capture that wait for their other half; of more the oldest are given up."""


class Sink(Protocol):
    """What takes RPCs: those of both captures, and those of one."""

    def pair(self, first: Brief, second: Brief) -> None:
        """Take an RPC that is in both captures."""
        ...

    def single(self, which: int, brief: Brief) -> None:
        """Take an RPC that only the first (0) or the second capture (1) has."""
        ...


class _Half:
    """One of the captures: a view that makes briefs, and those that wait."""

    def __init__(
        self,
        reader: Reader,
        wanted: Filter | None,
        decode_as: DecodeAs | None,
        check_crc: bool,
        progress: Callable[[], object],
    ) -> None:
        self.reader = reader
        self.found: deque[Brief] = deque()
        self._settled: Settled[Exchange] = Settled(itself)
        self.ended = False
        self.waiting: OrderedDict[int, Brief] = OrderedDict()
        """By the identity of each, in the order in which they came."""
        self.places: dict[Key, OrderedDict[int, Brief]] = {}
        self._wanted = wanted
        self.pipeline = Pipeline(
            reader, self, decode_as=decode_as, check_crc=check_crc, progress=progress
        )

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        if self._wanted is not None:
            keep_for(events, self._wanted.derived)
        events.exchanges.subscribe(lambda exchange: self._add(self._settled.add(exchange)))
        events.closed.subscribe(lambda totals: self._add(self._settled.rest()))

    def _add(self, exchanges: Iterator[Exchange]) -> None:
        for exchange in exchanges:
            self.found.append(Brief(exchange, self._wanted is None or fits(exchange, self._wanted)))

    def step(self) -> None:
        """Read until there is an RPC, or to the end."""
        if not self.pipeline.step(self.found):
            self.ended = True

    def wait(self, brief: Brief) -> None:
        """Keep an RPC until its other half comes."""
        self.waiting[id(brief)] = brief
        for key in brief.keys:
            self.places.setdefault(key, OrderedDict())[id(brief)] = brief

    def take(self, keys: tuple[Key, ...]) -> Brief | None:
        """Return the oldest RPC that is known by one of the keys, which no longer waits."""
        for key in keys:
            there = self.places.get(key)
            if there:
                brief = next(iter(there.values()))
                self.drop(brief)
                return brief
        return None

    def drop(self, brief: Brief) -> None:
        """Let an RPC wait no longer."""
        del self.waiting[id(brief)]
        for key in brief.keys:
            there = self.places[key]
            del there[id(brief)]
            if not there:
                del self.places[key]


class Lockstep:
    """Reads two captures, and hands each RPC to a sink."""

    def __init__(
        self,
        readers: tuple[Reader, Reader],
        sink: Sink,
        *,
        wanted: tuple[Filter | None, Filter | None] = (None, None),
        decode_as: DecodeAs | None = None,
        check_crc: bool = False,
        progress: Callable[[], object] = lambda: None,
    ) -> None:
        self._sink = sink
        self._halves = [
            _Half(reader, each, decode_as, check_crc, progress)
            for reader, each in zip(readers, wanted, strict=True)
        ]
        self._ahead = 0
        """Nanoseconds by which the second clock is ahead, as the first RPC of both shows."""
        self._paired = False

    def run(self) -> None:
        """Read both to their ends. Raises ``CaptureError`` if octets ended before their time."""
        first, second = self._halves
        while not (first.ended and second.ended):
            behind = first.reader.time_ns <= second.reader.time_ns - self._ahead
            which = 0 if second.ended or (behind and not first.ended) else 1
            self._halves[which].step()
            self._match(which)
        for which, half in enumerate(self._halves):
            for brief in half.waiting.values():
                self._sink.single(which, brief)
            half.reader.check()

    def _match(self, which: int) -> None:
        """Give each RPC that was found to the sink if its other half waits, else let it wait."""
        half, other = self._halves[which], self._halves[1 - which]
        while half.found:
            brief = half.found.popleft()
            match = other.take(brief.keys)
            if match is None:
                half.wait(brief)
                if len(half.waiting) > MAX_WAITING:
                    oldest = next(iter(half.waiting.values()))
                    half.drop(oldest)
                    self._sink.single(which, oldest)
                continue
            first, second = (brief, match) if which == 0 else (match, brief)
            if not self._paired and first.call_frame and second.call_frame:
                self._paired, self._ahead = True, second.called - first.called
            self._sink.pair(first, second)
