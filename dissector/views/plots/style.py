"""Figures that look alike: no global state, no screen, colors that everyone can tell apart."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter

from ...fields.summary import duration

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#a6761d")
"""Okabe and Ito's, in an order in which neighbours differ in lightness as well."""
INK, FAINT, ALARM = "#22272e", "#d8dde3", "#c8102e"


class Plot(NamedTuple):
    """A picture: ``name`` is its file's without ``.png``."""

    name: str
    title: str
    png: bytes


def figure(title: str, *, height: float = 4.2, rows: int = 1) -> tuple[Figure, Any]:
    """Return a figure with a title and one axes, or several that share their horizontal axis."""
    made = Figure(figsize=(9.6, height), dpi=130, layout="constrained")
    axes = made.subplots(rows, 1, sharex=True)
    first = axes if rows == 1 else axes[0]
    first.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=10)
    for one in [axes] if rows == 1 else axes:
        one.spines[["top", "right"]].set_visible(False)
        one.spines[["left", "bottom"]].set_color(INK)
        one.tick_params(colors=INK, labelsize=9)
        one.grid(color=FAINT, linewidth=0.6)
        one.set_axisbelow(True)
    return made, axes


def times(axis: Any) -> None:
    """Make an axis one of nanoseconds, labeled for people."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: duration(int(value)) if value else "0"))


def rates(axis: Any) -> None:
    """Make an axis one of octets per second."""
    axis.set_major_formatter(EngFormatter(unit="B/s"))


def octets_axis(axis: Any) -> None:
    """Make an axis one of octets."""
    axis.set_major_formatter(EngFormatter(unit="B"))


def seconds(axes: Any) -> None:
    """Make the horizontal axis the time since the capture's beginning."""
    axes.set_xlabel("seconds since the first packet", fontsize=9, color=INK)


def finished(name: str, title: str, made: Figure) -> Plot:
    """Return the picture of a figure."""
    out = io.BytesIO()
    made.savefig(out, format="png", metadata={"Software": None})
    return Plot(name, title, out.getvalue())
