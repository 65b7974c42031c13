"""Everything that the fuzzer has found, and what it began with: findings, never an exception."""

from __future__ import annotations

import resource
from collections.abc import Callable

import pytest
from tests.fuzz.corpus import kept
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

MEMORY_KIB = 200 << 10
"""By how much the process may grow over one target's inputs."""


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_kept_corpus(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for octets in kept(name):
        TARGETS[name](octets)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_seeds(name: str) -> None:
    target: Callable[[bytes], None] = TARGETS[name]
    seeds = list(SEEDS[name]())
    assert seeds
    for octets in (*seeds, b"", b"\0", bytes(40)):
        target(octets)
