"""What an operation costs does not depend on how much else there is.

Counted are the lines of the server that are executed, in the scenes of ``benchmarks/costs.py``,
which measures the time. A line that loops over all clients, opens, locks or entries is seen here.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
LESS, MORE = 16, 480
TIMES = 7
SLACK = 30
"""Lines that there may be more: a bisection's steps, a cache that is full."""


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The scenes, with a meter that counts lines of the server."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import costs_scenes
    import costs_world

    count = 0

    def line(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return line

    def call(frame: FrameType, event: str, argument: object) -> Any:
        return line if "/server/" in frame.f_code.co_filename else None

    def meter(world: object) -> int:
        return count

    monkeypatch.setattr(costs_world.World, "meter", meter)
    before = sys.gettrace()
    sys.settrace(call)
    yield costs_scenes
    sys.settrace(before)


def costs(scene: Any, size: int, folder: Path) -> dict[str, float]:
    """Return the lines of each operation, in a scene of that size."""
    found: dict[str, list[int]] = {}
    folder.mkdir()
    with scene(size, folder) as works:
        for number, work in enumerate(works.values()):
            for i in range(TIMES):
                for name, spent in work(1000 * number + i).items():
                    found.setdefault(name, []).append(spent)
    return {name: statistics.median(each) for name, each in found.items()}


@pytest.mark.parametrize(
    "word",
    ["clients", "directory", "memory", "opens", "opens-of-one", "locks", "readers", "delegations"],
)
def test_more_of_everything_costs_no_more(word: str, lines: Any, tmp_path: Path) -> None:
    scene = lines.FACTORS[word].scene
    less = costs(scene, LESS, tmp_path / "less")
    more = costs(scene, MORE, tmp_path / "more")
    assert less.keys() == more.keys()
    grown = {name: (less[name], more[name]) for name in less if more[name] > less[name] + SLACK}
    assert not grown
