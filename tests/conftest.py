"""What holds for all tests: the names of cases are the same in each process that runs a part."""

from __future__ import annotations

from tests.support.hosts import loopback

_OWN = loopback(0)[:-1]


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a case for an address of this process by the last octet alone."""
    if isinstance(val, str) and val.startswith(_OWN):
        return f"own{val.removeprefix(_OWN)}"
    return None
