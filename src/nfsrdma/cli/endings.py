"""Signals that end a command: what they call while it runs, and what they did before it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def ending_by(stop: Callable[[], object], *numbers: signal.Signals) -> Iterator[None]:
    """Have the signals ``numbers`` call ``stop`` meanwhile, and do afterwards what they did.

    A handler that stays would be inherited by what the process forks next.
    """
    before = [(number, signal.signal(number, lambda *_: stop())) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def interrupt() -> NoReturn:
    """End as Ctrl-C does."""
    raise KeyboardInterrupt
