"""``nfsrdma dissect``: how far a long capture was read, and colors, on terminals only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nfsrdma.dissector.base.text import Paint
    from nfsrdma.dissector.capture import Reader

_LONG = 1.0
"""Seconds after which there is something to show: what takes less is over before it is read."""
_STEP = 0.2
"""Seconds between what is shown."""


def paint(color: str) -> Paint:
    """Return the colors to write with: ``always``, ``never``, or ``auto`` on a terminal.

    What the variables NO_COLOR and TERM=dumb ask for is respected.
    """
    from nfsrdma.dissector.base.text import COLORS, PLAIN

    if color == "auto":
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return COLORS if sys.stdout.isatty() and not plain else PLAIN
    return COLORS if color == "always" else PLAIN


@contextmanager
def progress(name: str, *readers: Reader, writes: bool) -> Iterator[Callable[[], None]]:
    """Give what shows on a terminal, each time it is called, how far captures were read.

    ``writes`` says that the pass writes to standard output as it goes: on the same terminal that
    shows the progress by itself, so nothing else is shown there.
    """
    if not sys.stderr.isatty() or (writes and sys.stdout.isatty()):
        yield _nothing
        return
    # It takes longer to import than a small capture to read.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[frames]:,} frames"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    due = time.monotonic() + _LONG
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(f"reading {name}", total=None, visible=False, frames=0)

        def advanced() -> None:
            nonlocal due
            now = time.monotonic()
            if now < due:
                return
            due = now + _STEP
            parts = [reader.source.part(reader.at) for reader in readers]
            known = [part for part in parts if part is not None]
            frames = sum(reader.number for reader in readers)
            bar.update(
                task,
                total=len(readers) if len(known) == len(readers) else None,
                completed=sum(known),
                frames=frames,
                visible=True,
            )
            bar.refresh()

        yield advanced


def _nothing() -> None:
    """Show nothing."""
