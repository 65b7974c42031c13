"""The suites run over every provider and every back end: tests take ``harness`` or ``backend``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.conformance.backends import BACKENDS, Backend, opened
from tests.conformance.harness import HARNESSES, ProviderHarness


@pytest.fixture(params=sorted(HARNESSES))
def harness(request: pytest.FixtureRequest) -> Iterator[ProviderHarness]:
    try:
        made = HARNESSES[request.param]()
    except OSError as error:
        pytest.skip(f"{request.param} cannot be had here: {error}")
    needs = request.node.get_closest_marker("needs")
    if needs is not None and not made.capabilities.issuperset(needs.args):
        made.close()
        pytest.skip(f"{request.param} has no {', '.join(needs.args)}")
    yield made
    made.close()


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """A back end that has the module's ``TREE``; without one it is empty."""
    opening = opened(request.param, getattr(request.module, "TREE", {}))
    try:
        made = opening.__enter__()
    except OSError as error:
        pytest.skip(f"{request.param} cannot be had here: {error}")
    try:
        needed = {each for mark in request.node.iter_markers("needs") for each in mark.args}
        if needed - made.capabilities:
            pytest.skip(f"{request.param} has no {', '.join(sorted(needed - made.capabilities))}")
        yield made
    finally:
        opening.__exit__(None, None, None)


@pytest.fixture
def fs(backend: Backend) -> Any:
    """The back end, its answers waited for."""
    return backend.fs


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): what is tested must be able to do")
