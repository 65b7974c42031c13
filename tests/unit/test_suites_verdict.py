"""Foreign suites: how what came of them is read, and held against the failures that are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.suites.__main__ import LISTS
from tests.suites.suites import SUITES, pynfs_results, tap_results
from tests.suites.verdict import Case, Known, ListError, Outcome, judge

PASSED, FAILED, SKIPPED = (Case(outcome) for outcome in Outcome)


def _list(tmp_path: Path, text: str) -> Known:
    path = tmp_path / "suite.txt"
    path.write_text(text)
    return Known.load(path)


def test_what_is_on_the_list_is_not_red(tmp_path: Path) -> None:
    known = _list(tmp_path, "# of one server\ncases 2\nB  choice  nobody needs it  # yet\n")
    assert known.reasons == {"B": ("choice", "nobody needs it")}
    verdict = judge({"A": PASSED, "B": FAILED, "C": SKIPPED}, known)
    assert (verdict.passed, verdict.skipped, verdict.known, verdict.run) == (1, 1, ("B",), 2)
    assert not verdict.red


def test_any_other_failure_is_red(tmp_path: Path) -> None:
    verdict = judge({"A": FAILED, "B": FAILED}, _list(tmp_path, "B choice nobody needs it\n"))
    assert verdict.red
    assert verdict.unknown == ("A",)


def test_a_run_that_ended_early_is_red(tmp_path: Path) -> None:
    known = _list(tmp_path, "cases 3\nB choice nobody needs it\n")
    verdict = judge({"A": PASSED, "B": FAILED, "C": SKIPPED}, known)
    assert (verdict.red, verdict.missing) == (True, 1)


def test_what_was_mended_is_told_unless_it_is_rare(tmp_path: Path) -> None:
    known = _list(tmp_path, "A open not mended\nB rare now and then\n")
    verdict = judge({"A": PASSED, "B": PASSED}, known)
    assert (verdict.mended, verdict.red) == (("A",), False)


@pytest.mark.parametrize(
    "line", ["A", "A choice", "A whim because", "cases many", "A open x\nA open y"]
)
def test_a_list_says_why(tmp_path: Path, line: str) -> None:
    with pytest.raises(ListError, match=r"suite\.txt:"):
        _list(tmp_path, line)


def test_no_list_knows_nothing(tmp_path: Path) -> None:
    assert judge({"A": FAILED}, Known.load(tmp_path / "none.txt")).red


def test_the_lists_here_can_be_read_and_belong_to_suites() -> None:
    names = {suite.name for suite in SUITES}
    lists = sorted(LISTS.glob("*.txt"))
    assert lists
    for path in lists:
        assert path.stem in names
        assert Known.load(path).cases > 0, f"{path} does not say how many cases there are"


def test_pynfs_says_what_failed_and_what_was_not_asked() -> None:
    saved = {
        "testcase": [
            {"code": "A", "time": "1"},
            {"code": "B", "failure": {"message": "wrong"}},
            {"code": "C", "skipped": 1},
        ]
    }
    assert pynfs_results(saved) == {"A": PASSED, "B": Case(Outcome.FAILED, "wrong"), "C": SKIPPED}


def test_tap_is_read_file_by_file() -> None:
    output = """\
/suite/tests/open/00.t .....
1..3
ok 1
not ok 2 - tried 'open', expected 0, got EPERM
not ok 3 # TODO not there yet
Failed 1/3 subtests
/suite/tests/open/01.t .....
1..2
ok 1
/suite/tests/open/02.t ..... ok
"""
    results = tap_results(output, "/suite/tests/")
    assert {name: case.outcome for name, case in results.items()} == {
        "open/00.t:1": Outcome.PASSED,
        "open/00.t:2": Outcome.FAILED,
        "open/00.t:3": Outcome.SKIPPED,
        "open/01.t:1": Outcome.PASSED,
        "open/01.t:end": Outcome.FAILED,
    }
    assert "expected 0" in results["open/00.t:2"].said
