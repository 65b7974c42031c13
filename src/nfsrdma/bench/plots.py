"""Log-log plots against the record size: bandwidth, processor time, round trips."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .plan import show_size
from .rows import Row
from .tables import BASE, columns_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS: Final = (
    ("read", "sequential read"),
    ("write", "sequential write"),
    ("randread", "random read"),
    ("randwrite", "random write"),
)
# The colors of Okabe and Ito, which color-blind readers can tell apart.
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES: Final = ("-", "--", ":", "-.")
_MARKS: Final = ("o", "s", "^", "D")


Value = Callable[[Row], tuple[float, float, float] | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One figure: what it shows of a row (least, middle, greatest), and its titles."""

    name: str
    title: str
    unit: str
    value: Value | None
    """None: what the row is to TCP's."""
    whiskers: bool = False
    """Whether least and greatest are whiskers, as shades would cover each other."""


def _bandwidth(row: Row) -> tuple[float, float, float] | None:
    if not row.mb_s:
        return None
    low, high = row.mb_s_spread or (row.mb_s, row.mb_s)
    return low, row.mb_s, high


def _processor(row: Row) -> tuple[float, float, float] | None:
    if not row.cpu_s_per_gb_client:
        return None
    total = row.cpu_s_per_gb_client + (row.cpu_s_per_gb_server or 0.0)
    return total, total, total


def _latency(row: Row) -> tuple[float, float, float] | None:
    if not row.rtt_us_p50 or not row.rtt_us_p99:
        return None
    return row.rtt_us_p50, row.rtt_us_p50, row.rtt_us_p99


def _ratio(row: Row, tcp: Row | None) -> tuple[float, float, float] | None:
    if tcp is None or tcp is row or not row.mb_s or not tcp.mb_s:
        return None
    low, high = row.mb_s_spread or (row.mb_s, row.mb_s)
    return low / tcp.mb_s, row.mb_s / tcp.mb_s, high / tcp.mb_s


def _against_tcp(rows: Sequence[Row]) -> Value:
    """Return what gives the ratio of a row to TCP's of the same operation."""

    def place(row: Row) -> tuple[object, ...]:
        return row.op, row.record, row.size, row.depth, row.threads, row.clients

    tcp = {place(row): row for row in rows if row.label == BASE}
    return lambda row: _ratio(row, tcp.get(place(row)))


KINDS: Final = (
    Kind("bandwidth", "Bandwidth (median; least to greatest shaded)", "MB/s", _bandwidth),
    Kind("ratio", "Times TCP's bandwidth (median; least to greatest shaded)", "x TCP", None),
    Kind("cpu", "Processor time, client + server", "s per GB", _processor),
    Kind("latency", "Round trip of a record (median; whisker to 99 %)", "µs", _latency, True),
)


def draw(kind: Kind, rows: Sequence[Row]) -> Figure | None:
    """Draw one figure with a panel for each operation; None if there is nothing to draw."""
    from matplotlib.figure import Figure

    value = kind.value or _against_tcp(rows)
    sizes = [row.size for row in rows if row.size and row.record]
    # Several file sizes would be several lines of one name, so only the largest is drawn.
    usable = [row for row in rows if sizes and row.size == max(sizes) and value(row) is not None]
    panels = [(op, title) for op, title in PANELS if any(row.op == op for row in usable)]
    if not panels:
        return None
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(6.2 * across, 3.9 * down + 0.9), layout="constrained")
    figure.suptitle(f"{kind.title}, {show_size(max(sizes))} files")
    for place, (op, title) in enumerate(panels):
        axes = figure.add_subplot(down, across, place + 1)
        _panel(axes, kind, value, [row for row in usable if row.op == op], usable)
        axes.set_title(title, fontsize="medium")
        axes.set_ylabel(kind.unit)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)))
    return figure


def _panel(
    axes: Any, kind: Kind, value: Value, rows: Sequence[Row], everything: Sequence[Row]
) -> None:
    columns = columns_of(everything)
    labels = list(dict.fromkeys(column.label for column in columns))
    lanes = list(dict.fromkeys(column.lanes for column in columns))
    for column in columns:
        points = sorted(
            (row.record or 0, *(value(row) or (0.0, 0.0, 0.0)))
            for row in rows
            if (row.label, row.depth, row.threads) == column.key
        )
        if not points:
            continue
        records, low, middle, high = zip(*points, strict=True)
        look = lanes.index(column.lanes) % len(_STYLES)
        colour = _COLOURS[labels.index(column.label) % len(_COLOURS)]
        axes.plot(
            records,
            middle,
            color=colour,
            linestyle=_STYLES[look],
            marker=_MARKS[look],
            markersize=4,
            label=f"{column.label}, {column.lanes}",
        )
        if kind.whiskers:
            axes.vlines(records, low, high, color=colour, alpha=0.4, linewidth=1)
            axes.plot(records, high, color=colour, linestyle="", marker="_", alpha=0.6)
        else:
            axes.fill_between(records, low, high, color=colour, alpha=0.12, linewidth=0)
    ticks = sorted({row.record or 0 for row in rows})
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    if kind.value is None:
        axes.axhline(1.0, color="gray", linewidth=1)
        axes.set_yscale("log", base=2)
    axes.set_xticks(ticks[:: -(-len(ticks) // 8)])
    axes.set_xticklabels([show_size(tick) for tick in ticks[:: -(-len(ticks) // 8)]])
    axes.tick_params(axis="x", labelsize="small")
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(_plain)
    axes.grid(True, which="major", alpha=0.3)


def _plain(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def as_image(figure: Figure, form: str) -> bytes:
    """Return the figure as ``png`` or ``svg``."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=120)
    return buffer.getvalue()
