"""The conformance suite against our own server, in virtual time."""

from __future__ import annotations

import pytest
from tests.support.conform import SimServer

from nfsrdma.conform.case import CASES
from nfsrdma.conform.runner import Verdict


@pytest.mark.parametrize("name", CASES)
def test_our_server_passes(name: str) -> None:
    (outcome,) = SimServer().run([CASES[name]])
    assert outcome.verdict in (Verdict.PASSED, Verdict.SKIPPED), outcome.observed


def test_recalls_of_a_server_with_delegations() -> None:
    (outcome,) = SimServer(delegations=True).run([CASES["BC7"]])
    assert outcome.verdict is Verdict.PASSED, outcome.observed
