"""What to measure, and for how long: sizes as people write them, and the presets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

KIB: Final = 1 << 10
MIB: Final = 1 << 20

TRANSPORTS: Final = ("tcp", "soft", "shm", "verbs")
"""In the order of the tables: the others are compared with TCP."""

DATA_OPS: Final = ("write", "rewrite", "read", "reread", "randread", "randwrite", "mixed")
"""In the order of running: each finds the file that those before it have left."""
META_OPS: Final = ("create", "stat", "open", "readdir", "remove")
"""In the order of running: ``open`` opens and closes, ``readdir`` counts entries."""
CALL_OPS: Final = ("null", "getattr")
"""One call each: the NULL procedure, and the attributes of an open file."""
ALL_OPS: Final = (*DATA_OPS, *CALL_OPS, *META_OPS)

READING: Final = frozenset(("read", "reread", "randread"))

_UNITS: Final = {"": 1, "k": KIB, "m": MIB, "g": 1 << 30}
SLICE_MIN_S: Final = 0.04
SLICE_MAX_S: Final = 1.0
_COST_S: Final = 0.03
"""Seconds that a measurement costs besides its slice: orders, checks, removal."""


def parse_size(text: str) -> int:
    """Return the octets of ``4096``, ``64k``, ``1m``, ``2g``, ``2GiB``. Raises ``ValueError``."""
    plain = text.strip().lower().removesuffix("b").removesuffix("i")
    unit = plain[-1:] if plain[-1:] in "kmg" else ""
    digits = plain.removesuffix(unit) if unit else plain
    if not digits.isdecimal() or int(digits) == 0:
        raise ValueError(f"{text!r} is no size: 4096, 64k and 1m are")
    return int(digits) * _UNITS[unit]


def parse_sizes(text: str) -> list[int]:
    """Read sizes separated by commas; ``1k:16m`` is 1k, doubled up to 16m."""
    sizes: list[int] = []
    for part in text.split(","):
        low, colon, high = part.partition(":")
        first = parse_size(low)
        last = parse_size(high) if colon else first
        if last < first:
            raise ValueError(f"{part!r}: the first is greater than the last")
        while first <= last:
            sizes.append(first)
            first *= 2
    return sorted(set(sizes))


def parse_counts(text: str) -> list[int]:
    """Read numbers from 1 on, separated by commas. Raises ``ValueError``."""
    counts = [int(part) if part.strip().isdecimal() else 0 for part in text.split(",")]
    if not all(0 < count <= 1024 for count in counts):
        raise ValueError(f"{text!r}: numbers from 1 to 1024, separated by commas")
    return sorted(set(counts))


def show_size(octets: int) -> str:
    """Return ``64 KiB`` and the like, or octets where neither KiB nor MiB is whole."""
    if octets % MIB == 0:
        return f"{octets // MIB} MiB"
    return f"{octets // KIB} KiB" if octets % KIB == 0 else f"{octets}"


@dataclass(frozen=True, slots=True)
class Group:
    """Measurements that share a file size, a record size, a depth and a number of threads.

    ``record`` and ``size`` are None for calls that carry no data.
    """

    record: int | None
    size: int | None
    depth: int
    threads: int
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to measure, ``rounds`` times, each for about ``slice_s`` seconds."""

    groups: tuple[Group, ...]
    rounds: int
    slice_s: float
    clients: int = 1
    cached: bool = False
    verify: bool = True
    split: bool = True
    seed: int = field(default=1)

    @property
    def steps(self) -> int:
        """The number of measurements of one transport in all rounds."""
        return self.rounds * sum(len(group.ops) for group in self.groups)

    @property
    def record_max(self) -> int:
        """Octets of the largest record."""
        return max((group.record or 0 for group in self.groups), default=0) or MIB


def make_groups(
    records: Iterable[int],
    sizes: Iterable[int],
    depths: Iterable[int],
    threads: Iterable[int],
    ops: Iterable[str],
) -> tuple[Group, ...]:
    """Return every combination that makes sense: no record is longer than its file."""
    chosen = set(ops)
    data = tuple(op for op in DATA_OPS if op in chosen)
    rest = tuple(op for op in (*CALL_OPS, *META_OPS) if op in chosen)
    lanes = [(depth, count) for count in threads for depth in depths]
    groups = []
    if rest:
        groups += [Group(None, None, depth, count, rest) for depth, count in lanes]
    if data:
        # Every other operation needs a file that was written.
        wanted = data if "write" in data else ("write", *data)
        groups += [
            Group(record, size, depth, count, wanted)
            for size in sizes
            for record in records
            if record <= size
            for depth, count in lanes
        ]
    return tuple(groups)


def slice_for(groups: tuple[Group, ...], rounds: int, transports: int, budget_s: float) -> float:
    """Return the seconds of each measurement, so that all of them fit in ``budget_s``."""
    steps = rounds * transports * sum(len(group.ops) for group in groups)
    return min(SLICE_MAX_S, max(SLICE_MIN_S, budget_s / max(1, steps) - _COST_S))


@dataclass(frozen=True, slots=True)
class Preset:
    """The options that ``--short``, nothing, or ``--full`` stand for."""

    records: str
    sizes: str
    depths: str
    threads: str
    ops: tuple[str, ...]
    rounds: int
    budget_s: float


PRESETS: Final = {
    "short": Preset(
        "1k,16k,64k,1m",
        "32m",
        "1,8",
        "1",
        ("write", "read", "randread", "randwrite", *CALL_OPS),
        2,
        25.0,
    ),
    "default": Preset("1k,4k,16k,64k,256k,1m,4m,16m", "64m", "1,8", "1", ALL_OPS, 3, 110.0),
    "full": Preset("1k:16m", "16m,256m", "1,8,32", "1,4", ALL_OPS, 5, 7200.0),
}
