"""What holds for all tests, which several processes share: names of cases, and what exists once."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.support.hosts import loopback, own_network

_OWN = loopback(0)[:-1]
_ONCE = re.compile(r"::|ipv6|all of|wildcard", re.IGNORECASE)
"""In the names of cases that use ``::1``, IPv6's one loopback address, or all addresses."""

_MEASURED_SEEDS = 3
"""Cases of each scenario by seeds, the first ones, that count for the coverage."""

_LONG = (
    *("test_mount_workloads.py", "test_bench.py", "test_nfs_seeds.py", "test_fuse_mount.py"),
    *("test_client_copies.py", "test_crashes.py", "test_fuse_seeds.py", "test_relay_sim.py"),
    *("test_conform_hostile.py", "test_cli_errors.py", "test_guides.py", "test_fuse_power.py"),
    *("test_fuse_mount_8.py", "test_rdma_bench.py", "test_failover_seeds.py", "test_examples.py"),
)
"""Files that take longest for the number of their tests: one that came last would be waited for."""


def pytest_configure() -> None:
    """Have interrupts count, also where the tests run in the background of a shell.

    Programs inherit from such a shell that SIGINT is ignored, and tests interrupt what they start.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a case for an address of this process by the last octet alone."""
    if isinstance(val, str) and val.startswith(_OWN):
        return f"own{val.removeprefix(_OWN)}"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say what is measured, and where several processes run the files, which of them come first.

    More seeds of a scenario take other turns of the code that its first ones have run, at less than
    half of the time if that is not measured: those are for their findings only.
    """
    for item in items:
        call = getattr(item, "callspec", None)
        indices = call.indices if call is not None else {}
        if max(indices.get("seed", 0), indices.get("first", 0)) >= _MEASURED_SEEDS:
            item.add_marker("no_cover")
    if hasattr(config, "workerinput"):
        sizes = Counter(item.path for item in items)
        ranks = {name: rank for rank, name in enumerate(_LONG)}
        items.sort(key=lambda item: (ranks.get(item.path.name, len(ranks)), -sizes[item.path]))


@pytest.fixture(autouse=True)
def _one_at_a_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give cases of what exists once a network of their own, or have them wait for each other."""
    if _ONCE.search(request.node.name) is None:
        yield
        return
    # An adapter is in the machine's network.
    with nullcontext(False) if "verbs" in request.node.name else own_network() as alone:
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
