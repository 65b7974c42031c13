"""``nfsrdma dissect --latency`` and ``--health``: views of a capture as a whole."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from .dissect_filter import wanted
from .output import replaced

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.health import Health
    from nfsrdma.dissector.latency import Latency
    from nfsrdma.dissector.render.page import PageView
    from nfsrdma.dissector.render.plots.style import Plot


def run_views(
    reader: Reader, ndjson: bool, expression: str | None, *, latency: bool, plot: str | None
) -> None:
    """Write times (``latency``) or health, of the RPCs that fit ``expression``."""
    if latency:
        _latency(reader, ndjson, expression, plot)
    else:
        _health(reader, ndjson, expression, plot)


def _run(reader: Reader, view: Latency | Health | PageView, expression: str | None) -> None:
    from nfsrdma.dissector.pipeline import Pipeline
    from nfsrdma.dissector.render.filtered import FilteredView

    fits = wanted(reader, expression)
    pipeline = Pipeline(reader, FilteredView(view, fits) if fits else view)
    view.attach(pipeline)
    pipeline.run()
    if fits:
        view.close(pipeline)  # a filter tells nobody of the end


def _finish(reader: Reader) -> None:
    """Everything is written that goes to standard output."""
    sys.stdout.flush()
    reader.check()


def _latency(reader: Reader, ndjson: bool, expression: str | None, plot: str | None) -> None:
    """Write how long what took."""
    from nfsrdma.dissector.latency import Latency
    from nfsrdma.dissector.render.times import ndjson_latency, text_latency

    view = Latency()
    _run(reader, view, expression)
    sys.stdout.write(ndjson_latency(view) if ndjson else text_latency(view))
    _finish(reader)
    if plot is not None:
        plots = _plots().latency.latency_plots(view)
        _write(plot, "latency", plots, text_latency(view))


def _health(reader: Reader, ndjson: bool, expression: str | None, plot: str | None) -> None:
    """Write what was sent again, why, and who suffered."""
    from nfsrdma.dissector.health import Health
    from nfsrdma.dissector.render.health import ndjson_health, text_health

    view = Health()
    _run(reader, view, expression)
    if ndjson:
        sys.stdout.writelines(ndjson_health(view))
    else:
        sys.stdout.write(text_health(view))
    _finish(reader)
    if plot is not None:
        _write(plot, "health", _plots().health.health_plots(view), text_health(view))


def _plots() -> Any:
    """The modules that plot, if matplotlib is there."""
    try:
        from nfsrdma.dissector.render.plots import health, latency  # noqa: F401
    except ImportError as error:
        hint = "--plot needs matplotlib: pip install 'nfsrdma[plot]'"
        raise click.ClickException(hint) from error
    from nfsrdma.dissector.render import plots

    return plots


def _write(folder: str, name: str, plots: Iterable[Plot], text: str) -> None:
    """Each plot as a file of its own, and all of them as one page."""
    from nfsrdma.dissector.render.plots.page import plot_page

    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    made = list(plots)
    for plot in made:
        _put(into / f"{plot.name}.png", plot.png)
    page = into / f"{name}.html"
    _put(page, plot_page(f"NFS over RDMA: {name}", made, text).encode())
    click.echo(f"{len(made)} plots in {into}, and {page}", err=True)


def _put(path: str | Path, octets: bytes) -> None:
    with replaced(path) as file:
        file.write(octets)


def write_page(reader: Reader, expression: str | None, name: str, out: str) -> None:
    """Write the page of a capture, of the RPCs that fit ``expression``, to the file ``out``."""
    from nfsrdma.dissector.render.page import PageView, assemble

    view = PageView()
    with _progress(reader, view, name):
        _run(reader, view, expression)
    reader.check()
    page = assemble(f"{name}: NFS over RDMA", view.data(name)).encode()
    _put(out, page)
    click.echo(f"{out}: {view.total} RPCs, {len(page) / 1e6:.2f} MB", err=True)


@contextmanager
def _progress(reader: Reader, view: PageView, name: str) -> Iterator[None]:
    """How far the file was read, on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"reading {name}", total=None)

        def advanced() -> None:
            progress.update(task, completed=reader.at, total=reader.source.end)

        view.on_progress = advanced
        yield
