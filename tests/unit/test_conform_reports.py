"""What the conformance suite writes: JSON and back, JUnit, the page, captures, comparisons."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.support.conform import SERVER, SimServer

from nfsrdma.conform import report
from nfsrdma.conform.case import CASES, GROUPS, Need, Severity, chosen
from nfsrdma.conform.report import About, ReportError, Row
from nfsrdma.conform.runner import Outcome, Verdict
from nfsrdma.dissector import dissect

ABOUT = About("nfs+rdma://host/", "soft", 7, "2026-11-30T12:00:00+00:00", "0.2.0")
EVERY = frozenset(Severity)


def row(name: str, verdict: Verdict, observed: str = "", **more: object) -> Row:
    case = CASES[name]
    made = report.row_of(Outcome(case, verdict, observed, 0.25))
    return replace(made, **more)  # type: ignore[arg-type]


ROWS = [
    row("HD2", Verdict.PASSED, "echoed"),
    row("HD8", Verdict.FAILED, "RDMA_MSG of 52 octets & <no> ERR_CHUNK\x00"),
    row("RP5", Verdict.NOTED, "executed"),
    row("RP9", Verdict.SKIPPED, "packets are not observable"),
    row("RC9", Verdict.ERROR, "no device", findings=("frame 3: error: pad-written",)),
]


def test_a_report_is_read_as_it_was_written() -> None:
    assert report.load(report.dump(ABOUT, ROWS).encode()) == (ABOUT, ROWS)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"[" * 100_000,
        b"\xff\xfe",
        b"[]",
        b'{"format": "another"}',
        json.dumps({**json.loads(report.dump(ABOUT, [])), "tests": [1]}).encode(),
        json.dumps({**json.loads(report.dump(ABOUT, [])), "seed": "x"}).encode(),
        report.dump(ABOUT, ROWS).replace('"findings": []', '"findings": [1]').encode(),
    ],
)
def test_what_is_no_report_is_refused(octets: bytes) -> None:
    with pytest.raises(ReportError):
        report.load(octets)


def test_junit_counts_what_failed() -> None:
    root = ElementTree.fromstring(report.junit(ABOUT, ROWS))
    suites = {suite.get("name"): suite for suite in root}
    assert suites[GROUPS["HD"]].get("failures") == "1"
    assert suites[GROUPS["RC"]].get("errors") == "1"
    assert suites[GROUPS["RP"]].get("failures") == "0", "quality never fails"
    assert suites[GROUPS["RP"]].get("skipped") == "1"
    failure = root.find(".//failure")
    assert failure is not None
    assert "ERR_CHUNK" in str(failure.get("message"))


def test_the_page_shows_every_test_and_trusts_no_text() -> None:
    page = report.page(ABOUT, ROWS)
    for each in ROWS:
        assert f'id="{each.id}"' in page
    assert "<no>" not in page
    assert "Failed: 1 must." in page
    assert "interrupted" in report.page(replace(ABOUT, interrupted=True), ROWS)


def test_differences_of_two_servers() -> None:
    other = [replace(ROWS[0], observed="its own"), replace(ROWS[1], verdict="passed"), *ROWS[2:4]]
    found = {each.id: each.grave for each in report.differences(ROWS, other)}
    assert found == {"HD2": False, "HD8": True, "RC9": True}


def test_a_capture_says_what_was_tested_and_what_came_of_it(tmp_path: Path) -> None:
    (outcome,) = SimServer().run([CASES["WC3"]])
    octets = report.capture(outcome, {2: "a remark"})
    for text in (CASES["WC3"].sentence, "WC3 passed", "a remark"):
        assert text.encode() in octets
    path = tmp_path / "WC3.pcapng"
    path.write_bytes(octets)
    with dissect(str(path), lint=True) as capture:
        rpcs = list(capture)
    assert any("READ" in rpc.name for rpc in rpcs)
    assert any(rpc.responder.address == SERVER for rpc in rpcs)


def test_tests_are_chosen_by_pattern_severity_and_harm() -> None:
    assert [each.id for each in chosen(("HD1*", "RC2"), ("HD11",), EVERY, False)][:2] == [
        "HD1",
        "HD10",
    ]
    only_must = chosen((), (), frozenset({Severity.MUST}), False)
    assert {each.severity for each in only_must} == {Severity.MUST}
    assert not any(Need.DESTRUCTIVE in each.needs for each in only_must)
    with pytest.raises(ValueError, match="no test is called XX"):
        chosen(("XX*",), (), EVERY, False)


def test_every_test_says_what_it_rests_on() -> None:
    for case in CASES.values():
        assert case.source.startswith(("RFC ", "IBA,")), case.id
        assert case.sentence.endswith("."), case.id
        assert len(case.sentence) < 120, case.id


def test_the_list_in_the_documents_is_fresh() -> None:
    tool = Path(__file__).resolve().parents[2] / "tools" / "conform_tests.py"
    ran = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
