"""The conformance suite against our own server, in virtual time."""

from __future__ import annotations

import pytest
from tests.support.conform import CONTEXTS, VERSION_3, SimServer
from tests.support.nfs3_server import Version3

from nfsrdma.conform.case import CASES
from nfsrdma.conform.runner import Verdict


@pytest.mark.parametrize("name", CASES)
def test_our_server_passes(name: str) -> None:
    (outcome,) = SimServer().run([CASES[name]])
    assert outcome.verdict in (Verdict.PASSED, Verdict.SKIPPED), outcome.observed
    if name in VERSION_3:
        assert outcome.verdict is Verdict.SKIPPED


@pytest.mark.parametrize("name", VERSION_3)
def test_a_server_of_version_3_passes(name: str) -> None:
    (outcome,) = SimServer(version3=Version3()).run([CASES[name]])
    assert outcome.verdict is Verdict.PASSED, outcome.observed


@pytest.mark.parametrize("name", ["RR8", "NB9", *CONTEXTS])
def test_what_takes_more_than_a_connection_is_tested_here(name: str) -> None:
    (outcome,) = SimServer(contexts=name in CONTEXTS).run([CASES[name]])
    assert outcome.verdict is Verdict.PASSED, outcome.observed


def test_recalls_of_a_server_with_delegations() -> None:
    (outcome,) = SimServer(delegations=True).run([CASES["BC7"]])
    assert outcome.verdict is Verdict.PASSED, outcome.observed
