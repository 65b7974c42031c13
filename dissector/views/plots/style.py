"""Figures that look alike: no global state, no screen, colors that everyone can tell apart."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

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


class _Binary(MaxNLocator):
    """Ticks at round numbers of the unit that an axis is labelled in, which is a power of 1024."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        unit = 1.0
        while max(abs(vmin), abs(vmax)) / unit >= 1000:
            unit *= 1024
        return [at * unit for at in super().tick_values(vmin / unit, vmax / unit)]


def rates(axis: Any) -> None:
    """Make an axis one of octets per second, in KiB or MiB as all other numbers of octets."""
    _octets(axis, "/s")


def octets_axis(axis: Any) -> None:
    """Make an axis one of octets, in KiB or MiB."""
    _octets(axis, "")


_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def _octets(axis: Any, suffix: str) -> None:
    """Give an axis one unit, which fits its highest value."""

    def text(value: float, _: object) -> str:
        power = 0
        while max(map(abs, axis.get_view_interval())) / 1024**power >= 1000 and power < 4:
            power += 1
        return f"{value / 1024**power:.4g} {_UNITS[power]}{suffix}" if value else "0"

    axis.set_major_locator(_Binary(nbins=6))
    axis.set_major_formatter(FuncFormatter(text))


def below(made: Figure, axes: Any, columns: int = 5) -> None:
    """Put the legend of some axes below everything, where it hides no data."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        made.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(handles)),
                    frameon=False, fontsize=8)  # fmt: skip


def seconds(axes: Any) -> None:
    """Make the horizontal axis the time since the capture's beginning."""
    axes.set_xlabel("seconds since the first packet", fontsize=9, color=INK)


def finished(name: str, title: str, made: Figure) -> Plot:
    """Return the picture of a figure."""
    out = io.BytesIO()
    made.savefig(out, format="png", metadata={"Software": None})
    return Plot(name, title, out.getvalue())
