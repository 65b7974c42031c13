"""The conformance suite against our own server, in virtual time; and servers that it must catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.conform import SimServer, replaced

from nfsrdma.conform.case import CASES, Severity
from nfsrdma.conform.runner import Outcome, Verdict
from nfsrdma.rpcrdma.transport import channel, header, responder


@pytest.mark.parametrize("name", CASES)
def test_our_server_passes(name: str) -> None:
    (outcome,) = SimServer().run([CASES[name]])
    assert outcome.verdict in (Verdict.PASSED, Verdict.SKIPPED, Verdict.NOTED), outcome.observed
    if outcome.case.severity is Severity.QUALITY:
        assert outcome.verdict is not Verdict.FAILED


def verdict_of(name: str) -> Outcome:
    (outcome,) = SimServer().run([CASES[name]])
    return outcome


def _version_error(xid: int, version: int, credit: int) -> bytes:
    return header.encode_chunk_error(xid, credit)


def _no_credit(xid: int, credit: int) -> bytes:
    return header.encode_chunk_error(xid ^ 1, credit)


def _any_xid(head: Any, view: memoryview, active: bool) -> int:
    return 0


MUTANTS: dict[str, tuple[str, Any, str, Callable[..., Any]]] = {
    "ERR_CHUNK for a version": ("HD2", responder, "encode_version_error", _version_error),
    "another XID in ERR_CHUNK": ("HD3", responder, "encode_chunk_error", _no_credit),
    "XIDs that differ": ("HD8", channel, "direction", _any_xid),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_server_with_a_fault_is_caught(name: str) -> None:
    case, owner, attribute, fault = MUTANTS[name]
    with replaced(owner, attribute, fault):
        outcome = verdict_of(case)
    assert outcome.verdict is Verdict.FAILED, name
    assert outcome.observed
