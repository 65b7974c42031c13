"""``nfsrdma dissect -i``: from an interface, until Ctrl-C, a time or a number of frames."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from .endings import ending_by

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader


@contextmanager
def live(interface: str, expression: str, duration: float, count: int) -> Iterator[Reader]:
    """Make a reader of what an interface sees. Ctrl-C ends the capture, and is not an error.

    Output is flushed before each wait for frames. At the end it prints how many frames were lost.
    """
    from nfsrdma.dissector.capture.live import Live, open_live

    flush = sys.stdout.flush
    try:
        capture = Live(interface, expression, duration=duration, count=count, idle=flush)
    except PermissionError:
        with _dumpcap(interface, expression, duration, count) as reader:
            yield reader
        return
    except OSError as error:
        raise click.ClickException(f"{interface}: {error.strerror or error}") from None
    try:
        with ending_by(capture.stop, signal.SIGINT, signal.SIGTERM):
            reader = open_live(capture)
            yield reader
            click.echo(f"{reader.number} frames captured", err=True)
            if lost := capture.dropped():
                click.echo(f"the kernel dropped {lost} frames: decoding lags behind", err=True)
    finally:
        capture.close()


@contextmanager
def _dumpcap(interface: str, expression: str, duration: float, count: int) -> Iterator[Reader]:
    from nfsrdma.dissector.capture.live import open_dumpcap

    # Ctrl-C reaches dumpcap as well, which ends, and so does its output.
    with ending_by(lambda: None, signal.SIGINT):
        found = open_dumpcap(interface, expression, duration, count, sys.stdout.flush)
        if found is None:
            raise click.ClickException(
                "capturing needs root or CAP_NET_RAW: try sudo, or install dumpcap for your user"
            )
        reader, process = found
        try:
            yield reader
        finally:
            process.terminate()
            process.wait()
