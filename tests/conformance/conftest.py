"""The suite runs over every provider: each test takes ``harness``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
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


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): what the provider must be able to do")
