"""Sums over a capture: by file, client, user and operation, and what failed.

What is kept is bounded: of very many files or users those with the least are put together.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from nfsrdma.xdr.nfs4 import types as t

from ..base.text import printable, text
from ..fields.summary import amount, duration, many, protocol, status
from ..messages.decoder import Placed
from ..messages.procedures import READ2, READ3, WRITE2, WRITE3
from ..messages.rpc import FLAVORS
from ..tracking.events import Events
from ..tracking.model import Exchange, called, client
from .latency.latency import main_operation
from .latency.measure import Times

MAX_TALLIES = 8192
"""Files, clients, users or operations that are told apart; of more, those with the most."""
MAX_FAILURES = 4096
"""Pairs of an operation and a status that are told apart."""
_EXACT = 512
"""Times of one tally that are kept one by one."""
OTHERS = "others"
TOP = 10
"""How many are listed if nothing else is asked for."""


class Moved(NamedTuple):
    """Octets of files that an RPC read and wrote."""

    read: int
    written: int


def moved(exchange: Exchange) -> Moved:
    """Return the octets that the RPC's operations read and wrote, as far as they were executed."""
    call, reply = exchange.call_body, exchange.reply_body
    if call is None or reply is None or call.callback:
        return Moved(0, 0)
    read = written = 0
    for asked, done in zip(call.operations, reply.operations, strict=False):
        number = asked.number
        if number != done.number:
            break
        result = getattr(done.value, "value", None)
        if number in (t.OP_READ, READ3, READ2):
            read += _length(getattr(result, "data", None))
        elif number in (t.OP_WRITE, WRITE3, WRITE2):
            count = getattr(result, "count", _length(asked.value.data) if result else 0)
            written += min(count, _length(asked.value.data)) if isinstance(count, int) else 0
        elif number == t.OP_READ_PLUS:
            for content in getattr(result, "rpr_contents", ()):
                read += _length(getattr(getattr(content, "value", None), "d_data", None))
    return Moved(read, written)


def _length(data: Any) -> int:
    return len(data) if isinstance(data, bytes | memoryview | Placed) else 0


class Tally:
    """What there was of one file, client, user or operation."""

    __slots__ = ("calls", "errors", "least", "name", "read", "times", "unanswered", "written")

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = 0
        self.errors = 0
        """Replies that were no success."""
        self.unanswered = 0
        self.read = 0
        """Octets of files."""
        self.written = 0
        self.least = 0
        """The shortest time from call to reply, in nanoseconds."""
        self.times = Times(_EXACT)
        """From call to reply."""

    @property
    def octets(self) -> int:
        """Octets of files that were read and written."""
        return self.read + self.written

    def add(self, exchange: Exchange, octets: Moved) -> None:
        """Count an RPC."""
        self.calls += 1
        self.read += octets.read
        self.written += octets.written
        if exchange.reply is None:
            self.unanswered += 1
        elif status(exchange) not in ("OK", "reply"):
            self.errors += 1
        latency = exchange.latency_ns
        call, reply = exchange.call, exchange.reply
        if latency is not None and latency >= 0 and call is not None and reply is not None:
            self.least = min(self.least, latency) if len(self.times) else latency
            self.times.add(latency, call.frame, reply.frame)

    def take(self, other: Tally) -> None:
        """Add the counts of another tally, whose times are dropped."""
        self.calls += other.calls
        self.errors += other.errors
        self.unanswered += other.unanswered
        self.read += other.read
        self.written += other.written

    def fields(self) -> dict[str, object]:
        """Return it as JSON can hold it; times in nanoseconds."""
        spread = self.times.spread()
        return {
            "name": self.name, "calls": self.calls, "errors": self.errors,
            "unanswered": self.unanswered, "read": self.read, "written": self.written,
            "median_ns": spread.median if spread else None,
            "p99_ns": spread.p99 if spread else None,
            "least_ns": self.least if spread else None,
            "worst_ns": spread.worst if spread else None,
            "total_ns": self.times.total,
        }  # fmt: skip


class Tallies:
    """Tallies by key, in bounded memory."""

    def __init__(self, most: int = MAX_TALLIES) -> None:
        self._most = most
        self.all: dict[object, Tally] = {}
        self.others = Tally(OTHERS)
        """Those that had so little that they were put together."""

    def of(self, key: object, name: str) -> Tally:
        """Return the tally of a key, whose latest name that is known is ``name``."""
        found = self.all.get(key)
        if found is None:
            if len(self.all) >= self._most:
                self._fold()
            found = self.all[key] = Tally(name)
        elif name:
            found.name = name
        return found

    def _fold(self) -> None:
        """Put the lesser half together."""
        order = self.by_octets()
        keep = {id(tally) for tally in order[: self._most // 2]}
        for tally in order[self._most // 2 :]:
            self.others.take(tally)
        self.all = {key: tally for key, tally in self.all.items() if id(tally) in keep}

    def by_octets(self) -> list[Tally]:
        """Return all, those with the most octets first, then those with the most calls."""
        return sorted(self.all.values(), key=lambda one: (-one.octets, -one.calls, one.name))

    def by_time(self) -> list[Tally]:
        """Return all, those whose RPCs took the most time in total first."""
        return sorted(self.all.values(), key=lambda one: (-one.times.total, one.name))


Key = Callable[[Exchange], tuple[object, str]]
"""What an RPC is counted under, and the name of that, which may be empty if it is not known."""


def _file(exchange: Exchange) -> tuple[object, str]:
    handle, paths = exchange.handle, exchange.paths
    if not handle:
        return (called(exchange), paths[0]) if paths else (None, ""), paths[0] if paths else ""
    return (called(exchange), handle), paths[0] if paths else ""


def _client(exchange: Exchange) -> tuple[object, str]:
    address = client(exchange)
    return address, address or "?"


def _user(exchange: Exchange) -> tuple[object, str]:
    call = exchange.call_rpc
    if call is None or call.flavor < 0 or exchange.callback:
        return None, ""
    sys = call.sys()
    address = exchange.requester.address
    if sys is None:
        name = f"{FLAVORS.get(call.flavor, f'flavor {call.flavor}')} on {address}"
        return name, name
    machine = printable(text(sys.machinename))[:64]
    name = f"uid {sys.uid} on {address}" + (f", {machine}" if machine else "")
    return (address, sys.uid), name


def _operation(exchange: Exchange) -> tuple[object, str]:
    name = f"{protocol(exchange).split('.')[0]} {main_operation(exchange)}"
    return name, name


KEYS: dict[str, Key] = {"files": _file, "clients": _client, "users": _user, "ops": _operation}

_HEAD = ("read", "written", "calls", "errors", "median", "p99")
_ROW = "{:>10} {:>10} {:>8} {:>7} {:>9} {:>9}  {}"


class Top:
    """The files, clients, users or operations with the most octets, with their calls and times."""

    def __init__(self, kind: str, count: int = TOP) -> None:
        self.kind = kind
        self._key = KEYS[kind]
        self._count = count
        self.tallies = Tallies()

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Count an RPC; of one that is about no file, or no user, nothing."""
        key, name = self._key(exchange)
        if key is not None and key != (None, ""):
            self.tallies.of(key, name).add(exchange, moved(exchange))

    def label(self, key: object, tally: Tally) -> str:
        """Return the name to show: of a file without a path the hash of its handle."""
        if tally.name or not isinstance(key, tuple):
            return tally.name
        return f"fh:{zlib.crc32(key[1]):08x}" if isinstance(key[1], bytes) else str(key[1])

    def rows(self) -> list[Tally]:
        """Return those with the most, under the names to show."""
        for key, tally in self.tallies.all.items():
            tally.name = self.label(key, tally)
        shown = self.tallies.by_octets()[: self._count]
        names = Counter(tally.name for tally in shown)
        alike = [
            (key[0], tally)
            for key, tally in self.tallies.all.items()
            if isinstance(key, tuple) and names[tally.name] > 1
        ]
        if len({server for server, _ in alike}) > 1:
            for server, tally in alike:
                tally.name += f" on {server}"
        return shown

    def text(self) -> Iterator[str]:
        """Give a line for each, the one with the most octets first."""
        rows = self.rows()
        yield _ROW.format(*_HEAD, f"{self.kind}: {len(rows)} of {len(self.tallies.all)}") + "\n"
        others = self.tallies.others
        for tally in (*rows, others) if others.calls else rows:
            spread = tally.times.spread()
            yield _ROW.format(
                amount(tally.read) if tally.read else "-",
                amount(tally.written) if tally.written else "-",
                tally.calls, tally.errors,
                duration(spread.median) if spread else "-",
                duration(spread.p99) if spread else "-",
                tally.name,
            ) + "\n"  # fmt: skip

    def objects(self) -> Iterator[str]:
        """Give a JSON object for each."""
        for tally in self.rows():
            yield _line({"record": "top", "of": self.kind, **tally.fields()})


_SRT_HEAD = ("calls", "least", "mean", "median", "p99", "worst", "in total")
_SRT_ROW = "{:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}  {}"


class ServiceTimes:
    """How long each operation took to be answered, those that took the most in total first."""

    def __init__(self) -> None:
        self._tallies = Tallies(512)

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Count an RPC."""
        key, name = _operation(exchange)
        self._tallies.of(key, name).add(exchange, moved(exchange))

    def text(self) -> Iterator[str]:
        """Give a line for each operation; times are from the call's first packet to the reply."""
        yield _SRT_ROW.format(*_SRT_HEAD, "operation") + "\n"
        for tally in self._tallies.by_time():
            spread = tally.times.spread()
            if spread is None:
                yield _SRT_ROW.format(tally.calls, *"------", tally.name) + "\n"
                continue
            mean = tally.times.total // spread.calls
            times = (tally.least, mean, spread.median, spread.p99, spread.worst, tally.times.total)
            yield _SRT_ROW.format(tally.calls, *map(duration, times), tally.name) + "\n"

    def objects(self) -> Iterator[str]:
        """Give a JSON object for each operation."""
        for tally in self._tallies.by_time():
            yield _line({"record": "srt", **tally.fields()})


class Failure(NamedTuple):
    """An operation that did not succeed, how, and how often."""

    operation: str
    status: str
    calls: int
    frame: int
    """The first one's call, or its reply if that is all there is."""
    path: str
    """The first one's file, if it is known."""


class Failures:
    """What failed: by operation and status, the commonest first."""

    def __init__(self) -> None:
        self._count: dict[tuple[str, str], int] = {}
        self._first: dict[tuple[str, str], tuple[int, str]] = {}

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Count an RPC that failed, or was not answered."""
        ended = status(exchange)
        if ended in ("OK", "reply"):
            return
        key = failed_operation(exchange), ended
        if key not in self._count:
            if len(self._count) >= MAX_FAILURES:
                key = OTHERS, ""
            self._first.setdefault(key, (exchange.frame, (exchange.paths or ("",))[0]))
        self._count[key] = self._count.get(key, 0) + 1

    def all(self) -> list[Failure]:
        """Return all, the commonest first."""
        order = sorted(self._count.items(), key=lambda one: (-one[1], one[0]))
        return [Failure(*key, count, *self._first[key]) for key, count in order]

    def text(self) -> Iterator[str]:
        """Give a line for each, with an example."""
        failures = self.all()
        if not failures:
            yield "nothing failed\n"
        for one in failures:
            yield f"{one.calls:>8} {failed(one)}\n"

    def objects(self) -> Iterator[str]:
        """Give a JSON object for each."""
        for one in self.all():
            yield _line({"record": "failure", **one._asdict()})


def failed(one: Failure) -> str:
    """Return an operation, its status and the first example in words."""
    about = f" of {one.path}" if one.path else ""
    return f"{one.operation} {one.status}: first in frame {one.frame}{about}"


def failed_operation(exchange: Exchange) -> str:
    """Return the operation that a compound ended with, or what the RPC was for."""
    reply = exchange.reply_body
    if reply is not None and reply.status > 0 and reply.operations:
        return reply.names()[-1]
    return main_operation(exchange)


def calls_in_words(tally: Tally) -> str:
    """Return how many calls there were, and how many of them failed or had no answer."""
    words = many(tally.calls, "call")
    if tally.errors:
        words += f", {many(tally.errors, 'error')}"
    if tally.unanswered:
        words += f", {tally.unanswered} without a reply"
    return words


def _line(fields: dict[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"
