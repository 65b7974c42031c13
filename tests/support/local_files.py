"""What tests of the local back end share: a clock, open descriptors, calls that fail."""

from __future__ import annotations

import os

import pytest


class Seconds:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def fails(code: int | tuple[int, ...], call: object, *args: object) -> None:
    """Assert that a call raises OSError with one of the codes."""
    assert callable(call)
    with pytest.raises(OSError) as caught:
        call(*args)
    codes = (code,) if isinstance(code, int) else code
    assert caught.value.errno in codes
