"""Plots of what was sent again, when, and which RPCs suffered."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...fields.summary import amount, duration
from ..health import Event, Health
from .style import (
    ALARM,
    COLORS,
    INK,
    Plot,
    below,
    figure,
    finished,
    octets_axis,
    rates,
    seconds,
    times,
)

MAX_SUFFERERS = 24
_MARKS: tuple[tuple[str, str, str, Callable[[Event], bool]], ...] = (
    ("NAK", "v", ALARM, lambda event: event.kind == "nak"),
    ("timeout", "X", COLORS[4], lambda event: event.cause == "timeout"),
    ("congestion", "d", COLORS[2], lambda event: event.kind in ("ecn", "cnp")),
)
_FATES = (
    ("filled_octets", "lost before the capture"),
    ("lost_octets", "lost behind it"),
    ("dropped_octets", "dropped by the receiver"),
    ("had_octets", "acknowledged before"),
    ("unknown_octets", "of unknown fate"),
    ("responses_again_octets", "READ responses"),
)


def health_plots(health: Health) -> Iterator[Plot]:
    """Give every plot for which there is something to show."""
    if health.sent.sums:
        yield _over_time(health)
    if any(watch.counts.again or watch.counts.responses_again for watch in health.watches.values()):
        yield _fates(health)
    if any(sufferer.took >= 0 for sufferer in health.sufferers.values()):
        yield _sufferers(health)


def _over_time(health: Health) -> Plot:
    """Plot what was sent, what of it again, and the complaints."""
    title = "Sent, and sent again"
    made, axes = figure(title, height=4.6)
    start, top = health.first_time, 0.0
    for line, color, label in (
        (health.sent, COLORS[0], "sent"),
        (health.again, ALARM, "sent again"),
    ):
        width = line.width / 1e9
        at = [(line.start - start) / 1e9 + index * width for index in range(len(line.sums) + 1)]
        values = [octets / width for octets in line.sums] + [0.0]
        if len(values) > 1:
            axes.step(at, values, where="post", color=color, linewidth=1.1, label=label)
            top = max(top, *values)
    for height, (label, marker, color, chosen) in enumerate(_MARKS):
        moments = [(event.time - start) / 1e9 for event in health.events if chosen(event)]
        if moments:
            level = top * (1.06 + 0.06 * height)
            axes.plot(moments, [level] * len(moments), marker, color=color, markersize=6,
                      alpha=0.8, label=f"{label} ({len(moments)})")  # fmt: skip
    axes.set_ylim(0, (top or 1) * 1.25)
    rates(axes.yaxis)
    below(made, axes)
    seconds(axes)
    return finished("health-timeline", title, made)


def _fates(health: Health) -> Plot:
    """Plot what had become of the first copies of what was sent again."""
    title = "What was sent again: what had become of the first copies"
    watches = [
        watch
        for watch in health.watches.values()
        if watch.counts.again or watch.counts.responses_again
    ]
    watches = sorted(watches, key=lambda watch: -watch.counts.again_octets)[:MAX_SUFFERERS]
    made, axes = figure(title, height=1.6 + 0.5 * len(watches))
    axes.grid(axis="y", visible=False)
    for row, watch in enumerate(watches):
        left = 0
        for color, (name, label) in zip(COLORS, _FATES, strict=False):
            octets = getattr(watch.counts, name)
            axes.barh(row, octets, left=left, height=0.6, color=color,
                      label=label if row == 0 else None)  # fmt: skip
            left += octets
        axes.text(left, row, f"  {amount(left)}", va="center", fontsize=8, color=INK)
    names = [f"{watch.flow.source} to\n{watch.flow.destination}" for watch in watches]
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("octets of payload", fontsize=9, color=INK)
    octets_axis(axes.xaxis)
    made.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return finished("health-again", title, made)


def _sufferers(health: Health) -> Plot:
    """Plot how long the latest took, and how long their kind takes."""
    title = "RPCs that suffered: what they took, and the median of their kind"
    shown = [one for one in health.sufferers.values() if one.took >= 0][:MAX_SUFFERERS]
    made, axes = figure(title, height=1.4 + 0.3 * len(shown))
    axes.grid(axis="y", visible=False)
    for row, sufferer in enumerate(shown):
        late = max(0, sufferer.late or 0)
        usual = sufferer.took - late
        axes.barh(row, usual, height=0.66, color=COLORS[0],
                  label="median of its kind" if row == 0 else None)  # fmt: skip
        axes.barh(row, late, left=usual, height=0.66, color=ALARM,
                  label="later by" if row == 0 else None)  # fmt: skip
        axes.text(sufferer.took, row, f"  {duration(sufferer.took)}", va="center", fontsize=8,
                  color=INK)  # fmt: skip
    names = [f"{one.rpc.operation} {one.rpc.call_frame}>{one.rpc.reply_frame}" for one in shown]
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    times(axes.xaxis)
    below(made, axes)
    return finished("health-sufferers", title, made)
