"""The tests of clients against our own client, in virtual time."""

from __future__ import annotations

import pytest
from tests.support.conform_client import run

from nfsrdma.conform.client.catalogue import SCENARIOS
from nfsrdma.conform.runner import Verdict

UNSEEN = {"CL24"}
"""What our client does not have: RPCSEC_GSS."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_our_client_passes(name: str) -> None:
    (outcome,) = run([SCENARIOS[name]])
    wanted = Verdict.SKIPPED if name in UNSEEN else Verdict.PASSED
    assert outcome.verdict is wanted, outcome.observed
