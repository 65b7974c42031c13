"""Measurements of verbs, shown in the tables of perftest (ib_send_bw and so on).

Bandwidth is that of ``depth`` requests in flight, from the first post to the last completion; MB
are 2^20 octets, as in perftest. BW peak is the best stretch from a post to a later completion.
Latency of SEND is half of a round trip of two SENDs, as in ib_send_lat; that of WRITE and READ is
the time from post to completion, which for WRITE means that the peer has acknowledged it.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from nfsrdma.rpcrdma.verbs.types import WC, Access, SendWR, WrOpcode

from .pattern import Pattern, WrongData, address_of, whole_pages
from .rows import percentile
from .verbs import SLOTS, End, PeerGone, offset_of

TESTS: Final = ("send", "write", "read")
_OPCODES: Final = {"write": WrOpcode.RDMA_WRITE, "read": WrOpcode.RDMA_READ}
_ITERATIONS_MAX: Final = 20_000
MB: Final = 1 << 20

BANDWIDTH_HEAD: Final = (
    " #bytes     #iterations    BW peak[MB/sec]    BW average[MB/sec]   MsgRate[Mpps]"
)
LATENCY_HEAD: Final = (
    " #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    "
    "t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec] "
)
RULE: Final = "-" * 87


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """One line of a bandwidth table. ``peak`` and ``average`` in MB of 2^20 octets per second."""

    provider: str
    test: str
    size: int
    iterations: int
    peak: float
    average: float
    mpps: float

    def line(self) -> str:
        """As perftest prints it."""
        return (
            f" {self.size:<10} {self.iterations:<14} {self.peak:<18.2f} {self.average:<20.2f} "
            f"{self.mpps:.6f}"
        )


@dataclass(frozen=True, slots=True)
class Latency:
    """One line of a latency table, in microseconds."""

    provider: str
    test: str
    size: int
    iterations: int
    t_min: float
    t_max: float
    t_typical: float
    t_avg: float
    t_stdev: float
    p99: float
    p999: float

    def line(self) -> str:
        """As perftest prints it."""
        return (
            f" {self.size:<6} {self.iterations:<14} {self.t_min:<14.2f} {self.t_max:<12.2f} "
            f"{self.t_typical:<18.2f} {self.t_avg:<14.2f} {self.t_stdev:<15.2f} "
            f"{self.p99:<22.2f} {self.p999:.2f}"
        )


def quickest(posted: Sequence[float], done: Sequence[float], depth: int) -> float:
    """Return the seconds for one message in the best stretch, from a post to a later completion.

    Stretches have ``depth`` messages, twice as many, and so on up to all.
    """
    count = len(posted)
    lengths = [depth << power for power in range(32) if depth << power < count]
    return min(
        (done[first + length - 1] - posted[first]) / length
        for length in (*lengths, count)
        for first in range(count - length + 1)
    )


class Measurer:
    """Measures over one connection; with ``check`` it compares what the last messages left."""

    def __init__(self, end: End, provider: str, size_max: int, *, check: bool) -> None:
        self._end = end
        self._provider = provider
        self._check = check
        self._pattern = Pattern(size_max, 1)

    def bandwidth(
        self, test: str, size: int, depth: int, seconds: float, iterations: int | None
    ) -> Bandwidth:
        """Measure one line, for about ``seconds`` if ``iterations`` is None.

        Raises ``PeerGone`` and ``WrongData``.
        """
        count = iterations or self._calibrated(test, size, depth, seconds)
        posted, done = self._stream(test, size, depth, count)
        elapsed = done[-1] - posted[0]
        octets = size / MB
        return Bandwidth(
            self._provider,
            test,
            size,
            count,
            octets / quickest(posted, done, depth),
            count * octets / elapsed,
            count / elapsed / 1e6,
        )

    def _calibrated(self, test: str, size: int, depth: int, seconds: float) -> int:
        """Return how many fit in that time. This does some, which warms everything up as well."""
        some = 2 * depth
        posted, done = self._stream(test, size, depth, some)
        rate = some / max(done[-1] - posted[0], 1e-6)
        return max(some, min(_ITERATIONS_MAX, int(rate * seconds)))

    def _stream(
        self, test: str, size: int, depth: int, count: int
    ) -> tuple[list[float], list[float]]:
        """Keep ``depth`` in flight until ``count`` are done; return the times of posts and ends."""
        end = self._end
        if test == "send":
            window = min(2 * depth, 1024)
            self._ask({"do": "take", "size": size, "count": count, "window": window, "echo": False})
        else:
            region = self._ask({"do": "region", "size": size})
        places = [whole_pages(size) for _ in range(SLOTS)]
        posted: list[float] = []
        done: list[float] = []

        def post() -> None:
            number = len(posted)
            record = self._pattern.record(offset_of(number, size), size, 0)
            if test == "send":
                request = SendWR(WrOpcode.SEND, [record], wr_id=True)
            else:
                slot = number % SLOTS
                request = SendWR(
                    _OPCODES[test],
                    [places[slot] if test == "read" else record],
                    wr_id=True,
                    remote_address=region["address"] + slot * size,
                    rkey=region["rkey"],
                )
            posted.append(perf_counter())
            end.post(request)

        def sent(_: WC) -> None:
            done.append(perf_counter())
            if len(posted) < count:
                post()

        end.on_sent = sent
        for _ in range(min(depth, count)):
            post()
        end.until(lambda: len(done) == count)
        end.on_sent = None
        if self._check:
            self._compare(test, size, count, places, region if test != "send" else {})
        return posted, done

    def _compare(
        self, test: str, size: int, count: int, places: list[memoryview], region: dict[str, int]
    ) -> None:
        """Compare the last messages, at the end that they went to."""
        if test == "send":
            self._ask({"do": "check", "size": size})
            return
        if test == "write":
            self._fetch(size, places, region)
        for number in range(max(0, count - SLOTS), count):
            place = places[number % SLOTS]
            # A READ finds what has always been there; a WRITE has left the octets of its number.
            of = number if test == "write" else number % SLOTS
            self._pattern.check(address_of(place), place, size, offset_of(of, size), 0)

    def _fetch(self, size: int, places: list[memoryview], region: dict[str, int]) -> None:
        """Read back what the WRITEs have left, by RDMA READ."""
        fetched: list[WC] = []
        self._end.on_sent = fetched.append
        for slot, place in enumerate(places):
            self._end.post(
                SendWR(
                    WrOpcode.RDMA_READ,
                    [place],
                    wr_id=True,
                    remote_address=region["address"] + slot * size,
                    rkey=region["rkey"],
                )
            )
        self._end.until(lambda: len(fetched) == len(places))
        self._end.on_sent = None

    def latency(self, test: str, size: int, seconds: float, iterations: int | None) -> Latency:
        """Measure one line of latency; the rest is as for :meth:`bandwidth`."""
        if iterations is None:
            some = 20
            times = self._times(test, size, some)
            iterations = max(
                some, min(_ITERATIONS_MAX, int(seconds / max(sum(times), 1e-6) * some))
            )
        times = sorted(1e6 * each for each in self._times(test, size, iterations))
        return Latency(
            self._provider,
            test,
            size,
            iterations,
            times[0],
            times[-1],
            statistics.median(times),
            statistics.fmean(times),
            statistics.pstdev(times),
            percentile(times, 99),
            percentile(times, 99.9),
        )

    def _times(self, test: str, size: int, count: int) -> list[float]:
        if test == "send":
            return [each / 2 for each in self._ping_pong(size, count)]
        posted, done = self._stream(test, size, 1, count)
        return [late - early for early, late in zip(posted, done, strict=True)]

    def _ping_pong(self, size: int, count: int) -> list[float]:
        end = self._end
        self._ask({"do": "take", "size": size, "count": count, "window": 16, "echo": True})
        place = whole_pages(size)
        times: list[float] = []
        begun = 0.0

        def ping() -> None:
            nonlocal begun
            end.post_recv(place)
            record = self._pattern.record(offset_of(len(times), size), size, 0)
            begun = perf_counter()
            end.send(record)

        def pong(completion: WC) -> None:
            times.append(perf_counter() - begun)
            if self._check:
                offset = offset_of(len(times) - 1, size)
                self._pattern.check(address_of(place), place, size, offset, 0)
            if len(times) < count:
                ping()

        wrong: list[WrongData] = []

        def checked(completion: WC) -> None:
            try:
                pong(completion)
            except WrongData as error:
                wrong.append(error)

        end.on_received = checked
        ping()
        end.until(lambda: len(times) == count or bool(wrong))
        end.on_received = None
        if wrong:
            raise wrong[0]
        return times

    def _ask(self, order: dict[str, object]) -> dict[str, int]:
        """Have the peer do something, and return its answer."""
        self._end.post_order_recv()
        self._end.tell(order)
        answer = self._end.hear()
        if "error" in answer:
            raise PeerGone(f"the peer says: {answer['error']}")
        return answer

    def registration(self, size: int, seconds: float) -> Latency:
        """Measure registering memory for the peer and deregistering it."""
        view = whole_pages(size)
        access = Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE
        times: list[float] = []
        deadline = perf_counter() + seconds
        while (begin := perf_counter()) < deadline and len(times) < _ITERATIONS_MAX:
            self._end.pd.register(view, access).deregister()
            times.append(1e6 * (perf_counter() - begin))
        times.sort()
        return Latency(
            self._provider, "register", size, len(times), times[0], times[-1],
            statistics.median(times), statistics.fmean(times), statistics.pstdev(times),
            percentile(times, 99), percentile(times, 99.9),
        )  # fmt: skip


def title(test: str, kind: str, provider: str) -> str:
    """Return the title of a table, and how the measurement differs from perftest's."""
    what = {
        ("send", "bandwidth"): "SEND bandwidth",
        ("send", "latency"): "SEND latency: half of a round trip",
        ("write", "bandwidth"): "RDMA WRITE bandwidth",
        ("write", "latency"): "RDMA WRITE latency: posted to acknowledged",
        ("read", "bandwidth"): "RDMA READ bandwidth",
        ("read", "latency"): "RDMA READ latency: posted to completed",
        ("register", "latency"): "registration and its end",
    }[test, kind]
    return f"{what}, {provider}"


def table(lines: Sequence[Bandwidth | Latency], heading: str) -> str:
    """Return the lines of one test in perftest's layout."""
    head = BANDWIDTH_HEAD if isinstance(lines[0], Bandwidth) else LATENCY_HEAD
    body = "\n".join(line.line() for line in lines)
    return f"{RULE}\n {heading}\n{RULE}\n{head}\n{body}\n{RULE}"
