"""Plots of how long RPCs took, where the time went, and what the requesters had in progress."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.ticker import MaxNLocator

from ...fields.summary import amount, duration
from ..latency.latency import CHAIN, Latency
from ..latency.measure import Timeline, Times
from .style import ALARM, COLORS, INK, Plot, below, figure, finished, rates, seconds, times

MAX_OPERATIONS = 8
MAX_BARS = 16
MAX_QUEUES = 4
MAX_POINTS = 2000
_FEW = 5
"""Of fewer there is no distribution to be seen."""

_STAGE_NAMES = {
    "ack": "call to its ACK",
    "wait": "ACK to first data or reply",
    "transfer": "first to last data",
    "finish": "last data to reply",
    "confirm": "reply to its ACK",
}
_STAGE_COLORS = {
    "ack": "#9fb3c8", "wait": "#d55e00", "transfer": "#0072b2", "finish": "#b65a94",
    "confirm": "#c9b037",
}  # fmt: skip
"""Those of the page."""


def latency_plots(latency: Latency) -> Iterator[Plot]:
    """Give every plot for which there is something to show."""
    if latency.operations:
        yield _distributions(latency)
        yield _stages(latency)
    if latency.queues.all:
        yield _queues(latency)
    if latency.bulk.sums:
        yield _bulk(latency.bulk, start=_start(latency))


def _start(latency: Latency) -> int:
    """Return when the first thing happened."""
    known = [line.start for line in (latency.bulk, latency.slow) if line.sums]
    known += [step.time for queue in latency.queues.all.values() for step in list(queue.steps)[:1]]
    return min(known, default=0)


def _distributions(latency: Latency) -> Plot:
    """Plot how many of a hundred RPCs took at most so long, with half of the room for the tail."""
    title = "From call to reply: how many of the RPCs were answered within a time"
    made, axes = figure(title, height=4.8)
    shown = [
        (name, stages["reply"])
        for name, stages in latency.operations.items()
        if "reply" in stages and stages["reply"].total
    ]
    shown = [pair for pair in shown if len(pair[1]) >= _FEW] or shown
    for color, (name, spread) in zip(COLORS, shown[:MAX_OPERATIONS], strict=False):
        points, shares = _cumulative(spread)
        label = f"{name} ({len(spread)}, median {duration(spread.quantile(0.5))})"
        axes.step(points, shares, where="post", color=color, linewidth=1.6, label=label)
    axes.set_xscale("log")
    times(axes.xaxis)
    axes.set_ylim(0, 102)
    axes.set_ylabel("% of its kind", fontsize=9, color=INK)
    below(made, axes, 3)
    return finished("latency-distribution", title, made)


def _cumulative(spread: Times) -> tuple[list[int], list[float]]:
    points: list[int] = []
    shares: list[float] = []
    seen, total = 0, len(spread)
    every = max(1, total // MAX_POINTS)
    for time, count in spread.counted():
        before = seen
        seen += count
        if before // every != seen // every or seen == total or not points:
            points.append(max(1, time))
            shares.append(100 * seen / total)
    return points, shares


def _stages(latency: Latency) -> Plot:
    """Plot where the time of each kind of operation went: means, as they add up."""
    title = "Where the time went, on average"
    names = list(latency.operations)[:MAX_BARS]
    made, axes = figure(title, height=1.4 + 0.34 * len(names))
    axes.grid(axis="y", visible=False)
    for row, name in enumerate(names):
        stages = latency.operations[name]
        calls = len(stages["reply"])
        means = [stages[stage].total / calls if stage in stages else 0.0 for stage in CHAIN]
        total = sum(means)
        left = 0.0
        for stage, mean in zip(CHAIN, means, strict=True):
            width = 100 * mean / total if total else 0
            label = _STAGE_NAMES[stage] if row == 0 else None
            axes.barh(row, width, left=left, height=0.66, color=_STAGE_COLORS[stage], label=label)
            left += width
        took = duration(stages["reply"].total // calls)
        axes.text(101, row, f"{took}  × {calls}", va="center", fontsize=8, color=INK)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the time from the call to the ACK of its reply", fontsize=9, color=INK)
    made.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return finished("latency-stages", title, made)


def _queues(latency: Latency) -> Plot:
    """Plot calls in progress, credits, and the stretches with no credit left."""
    title = "Calls in progress, and the credits granted"
    queues = sorted(latency.queues.all.values(), key=lambda queue: -len(queue.depths))[:MAX_QUEUES]
    made, axes = figure(title, height=1.6 + 1.9 * len(queues), rows=len(queues))
    start = _start(latency)
    for one, queue in zip([axes] if len(queues) == 1 else axes, queues, strict=True):
        steps = list(queue.steps)
        at = [(step.time - start) / 1e9 for step in steps]
        one.step(at, [step.depth for step in steps], where="post", color=COLORS[0], linewidth=1.2,
                 label="calls in progress")  # fmt: skip
        known = [(when, step.credits) for when, step in zip(at, steps, strict=True) if step.credits]
        deepest = max((step.depth for step in steps), default=1)
        granted = max((step.credits for step in steps), default=0)
        seen = granted <= 8 * deepest
        if known and seen:
            one.step(*zip(*known, strict=True), where="post", color=COLORS[1], linewidth=1.2,
                     linestyle="--", label="credits")  # fmt: skip
        one.set_ylim(0, 1.1 * max(deepest, granted if seen else 0) + 0.2)
        one.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        stalled = f", {len(queue.stalls)} stalls" if len(queue.stalls) else ""
        label = f"{queue.side.name}\n{len(queue.depths)} calls{stalled}"
        if known and not seen:
            label += f"\nof {granted} credits"
        one.set_ylabel(label, fontsize=8, color=INK)
    below(made, axes if len(queues) == 1 else axes[0])
    seconds(axes if len(queues) == 1 else axes[-1])
    return finished("queue-depth", title, made)


def _bulk(bulk: Timeline, start: int) -> Plot:
    """Plot how much moved by RDMA."""
    title = "Data moved by RDMA"
    made, axes = figure(title)
    width = bulk.width / 1e9
    at = [(bulk.start - start) / 1e9 + index * width for index in range(len(bulk.sums) + 1)]
    values = [octets / width for octets in bulk.sums]
    axes.fill_between(at, [*values, 0], step="post", color=COLORS[0], alpha=0.25, linewidth=0)
    axes.step(at, [*values, 0], where="post", color=COLORS[0], linewidth=1)
    mean = sum(bulk.sums) / (width * len(bulk.sums))
    axes.axhline(mean, color=ALARM, linewidth=1, linestyle="--",
                 label=f"mean, {amount(round(mean))}/s")  # fmt: skip
    axes.set_ylim(0)
    rates(axes.yaxis)
    below(made, axes)
    seconds(axes)
    return finished("bulk-rate", title, made)
