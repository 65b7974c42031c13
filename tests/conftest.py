"""What holds for all tests, which several processes share: names of cases, and what exists once."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.hosts import loopback, own_network

_OWN = loopback(0)[:-1]
_ONCE = re.compile(r"::|ipv6|all of|wildcard", re.IGNORECASE)
"""In the names of cases that use ``::1``, IPv6's one loopback address, or all addresses."""


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a case for an address of this process by the last octet alone."""
    if isinstance(val, str) and val.startswith(_OWN):
        return f"own{val.removeprefix(_OWN)}"
    return None


@pytest.fixture(autouse=True)
def _one_at_a_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give cases of what exists once a network of their own, or have them wait for each other."""
    if _ONCE.search(request.node.name) is None:
        yield
        return
    with own_network() as alone:
        if alone:
            yield
            return
    with (Path(tempfile.gettempdir()) / f"nfsrdma-tests-{os.getuid()}-ipv6.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """Fail a case that leaves a handler: what later cases fork would have it, and outlive them."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    after = [signal.getsignal(number) for number in numbers]
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    assert after == before
