"""``nfsrdma dissect --latency`` and ``--health``: views of a capture as a whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .dissect_filter import wanted
from .dissect_outputs import Output
from .dissect_wishes import Wishes
from .output import replaced

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.tracking.events import View
    from nfsrdma.dissector.views.answers import Answer
    from nfsrdma.dissector.views.plots.style import Plot


def latency(reader: Reader, wishes: Wishes) -> Output:
    """Write how long each stage of the RPCs took."""
    from nfsrdma.dissector.views.latency.latency import Latency
    from nfsrdma.dissector.views.latency.report import ndjson_latency, text_latency

    view = Latency()
    form = ndjson_latency if wishes.ndjson else text_latency

    def files() -> str | None:
        if wishes.plot is None:
            return None
        return _write(
            wishes.plot, "latency", _plots().latency.latency_plots(view), text_latency(view)
        )

    return Output(_filtered(reader, view, wishes), lambda: sys.stdout.write(form(view)), files)


def health(reader: Reader, wishes: Wishes) -> Output:
    """Write what was sent again, why, and which RPCs suffered."""
    from nfsrdma.dissector.views.health import Health
    from nfsrdma.dissector.views.health.report import ndjson_health, text_health

    view = Health()

    def text() -> None:
        sys.stdout.writelines(ndjson_health(view) if wishes.ndjson else (text_health(view),))

    def files() -> str | None:
        if wishes.plot is None:
            return None
        return _write(wishes.plot, "health", _plots().health.health_plots(view), text_health(view))

    return Output(_filtered(reader, view, wishes), text, files)


def plotted(view: Answer, folder: str | None) -> Callable[[], str | None]:
    """Return what writes the plots of a view, of those that have plots."""
    from nfsrdma.dissector.views.histogram import Histogram
    from nfsrdma.dissector.views.io_graph import IoGraph

    def files() -> str | None:
        if folder is None or not isinstance(view, Histogram | IoGraph):
            return None
        plots = _plots().drawn
        name = "histogram" if isinstance(view, Histogram) else "io-graph"
        made = plots.histogram_plots if isinstance(view, Histogram) else plots.io_plots
        return _write(folder, name, made(view), "".join(view.text()))

    return files


def _filtered(reader: Reader, view: View, wishes: Wishes) -> View:
    from nfsrdma.dissector.views.filtered import FilteredView

    fits = wanted(reader, wishes.wanted)
    return FilteredView(view, fits, closes=True) if fits else view


def _plots() -> Any:
    """Import the modules that plot. Raises ``click.ClickException`` without matplotlib."""
    try:
        from nfsrdma.dissector.views.plots import drawn, health, latency  # noqa: F401
    except ImportError as error:
        hint = "--plot needs matplotlib: pip install 'nfsrdma[plot]'"
        raise click.ClickException(hint) from error
    from nfsrdma.dissector.views import plots

    return plots


def _write(folder: str, name: str, plots: Iterable[Plot], text: str) -> str:
    """Write each plot as a file of its own, and all of them as one page."""
    from nfsrdma.dissector.views.plots.page import plot_page

    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    made = list(plots)
    for plot in made:
        _put(into / f"{plot.name}.png", plot.png)
    whole = into / f"{name}.html"
    _put(whole, plot_page(f"NFS over RDMA: {name}", made, text).encode())
    return f"{len(made)} plots in {into}, and {whole}"


def _put(path: str | Path, octets: bytes) -> None:
    with replaced(path) as file:
        file.write(octets)


def page(reader: Reader, wishes: Wishes, name: str) -> Output:
    """Write the page of a capture, with the RPCs that fit the filter."""
    from nfsrdma.dissector.views.page import PageView, assemble

    out = str(wishes.html)
    view = PageView(lambda: reader.source.view, lambda: reader.began_ns)

    def files() -> str:
        octets = assemble(f"{name}: NFS over RDMA", view.data(name)).encode()
        _put(out, octets)
        return f"{out}: {view.total} RPCs, {len(octets) / 1e6:.2f} MB"

    return Output(_filtered(reader, view, wishes), files=files)
