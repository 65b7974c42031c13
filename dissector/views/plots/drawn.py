"""Plots of what ``--histogram`` and ``--io-graph`` say."""

from __future__ import annotations

from collections.abc import Iterator

from ...fields.summary import duration
from ..histogram import Histogram
from ..io_graph import IoGraph
from .style import ALARM, COLORS, INK, Plot, below, figure, finished, rates, seconds, times

MAX_PANELS = 6


def histogram_plots(histogram: Histogram) -> Iterator[Plot]:
    """Plot the times of the operations that there are most of, a panel for each."""
    names = histogram.names()[:MAX_PANELS]
    if not names:
        return
    title = "From call to reply: how many RPCs took how long"
    made, axes = figure(title, height=1.2 + 1.3 * len(names), rows=len(names))
    for one, name in zip([axes] if len(names) == 1 else axes, names, strict=True):
        for low, high, count in histogram.ranges(name):
            one.bar(low, count, width=high - low, align="edge", color=COLORS[0], edgecolor="white")
        spread = histogram.times[name].spread()
        assert spread is not None
        one.axvline(spread.median, color=ALARM, linewidth=1.2, linestyle="--")
        one.set_xscale("log")
        one.set_ylabel(f"{name}\n{spread.calls} RPCs", fontsize=8, color=INK)
        one.text(1.01, 0.5, f"median\n{duration(spread.median)}", transform=one.transAxes,
                 fontsize=8, color=ALARM, va="center")  # fmt: skip
        times(one.xaxis)
    yield finished("histogram", title, made)


def io_plots(graph: IoGraph) -> Iterator[Plot]:
    """Plot octets of files and RPCs over time, a panel for each unit."""
    stretches = list(graph.stretches())
    if not stretches:
        return
    title = "Read, written and called over time"
    made, (data, calls) = figure(title, height=5.2, rows=2)
    width = stretches[0].width / 1e9
    at = [one.start / 1e9 for one in stretches]
    end = [*at, at[-1] + width]
    for color, label, values in (
        (COLORS[0], "read", [one.read / width for one in stretches]),
        (COLORS[1], "written", [one.written / width for one in stretches]),
    ):
        data.step(end, [*values, 0], where="post", color=color, linewidth=1.2, label=label)
    data.set_ylim(0)
    rates(data.yaxis)
    below(made, data)
    calls.step(end, [*(one.calls / width for one in stretches), 0], where="post", color=COLORS[2],
               linewidth=1.2)  # fmt: skip
    calls.set_ylim(0)
    calls.set_ylabel("RPCs per second", fontsize=9, color=INK)
    seconds(calls)
    yield finished("io-graph", title, made)
