"""``nfsrdma ping``: NULL round trips."""

from __future__ import annotations

import time

import click

from .common import Options, mounted, server_options


@click.command()
@click.argument("url")
@click.option("-c", "--count", default=100, show_default=True, type=click.IntRange(1), metavar="N")
@click.option(
    "-i",
    "--interval",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Time between two calls.",
)
@server_options
def ping(url: str, count: int, interval: float, options: Options) -> None:
    """Call the server's NULL procedure again and again, and time it.

    A NULL call runs no operation: it costs what the network and both transports cost.
    """
    with mounted(url, options) as (fs, _):
        fs.ping()  # the first one warms everything up
        times: list[float] = []
        try:
            for index in range(count):
                if interval and index:
                    time.sleep(interval)
                times.append(fs.ping())
        except KeyboardInterrupt:
            if not times:
                raise
        click.echo(summary(str(fs.url), times))


def summary(url: str, times: list[float]) -> str:
    """Return minimum, median and 99th percentile in microseconds, in one line."""
    ordered = sorted(times)
    median = ordered[len(ordered) // 2]
    late = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return (
        f"{url}: {len(times)} NULL calls, "
        f"min {ordered[0] * 1e6:.0f} µs, median {median * 1e6:.0f} µs, p99 {late * 1e6:.0f} µs"
    )
