"""Foreign suites: how what came of them is read, and held against the failures that are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.suites.__main__ import LISTS
from tests.suites.suites import SUITES, pynfs_results, tap_results
from tests.suites.verdict import Case, Known, ListError, Outcome, judge
from tests.suites.xfstests import GATE, check_results, chosen, quick_tests

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


def test_what_xfstests_prints_is_read_test_by_test() -> None:
    output = """\
FSTYP         -- fuse
MOUNT_OPTIONS -- -o allow_other nfs+tcp://127.0.0.1:2049/s /generic/s

generic/001         75s
generic/002 75s ...  1s
generic/003       [not run] atime related mount options have no effect on fuse
generic/035       - output mismatch (see /results/generic/035.out.bad)
    --- tests/generic/035.out\t2026-01-01
    +++ /results/generic/035.out.bad\t2026-01-02
    @@ -1,4 +1,4 @@
     QA output created by 035
    -nlink is 0
    +t_rename_overwrite: fstat(3): Stale file handle
    ...
    (Run 'diff -u /tests/generic/035.out /results/generic/035.out.bad'  to see the entire diff)
generic/126       [failed, exit status 1]
generic/127       _check_dmesg: something found in dmesg (see /results/generic/127.dmesg)

Ran: generic/001 generic/002 generic/003 generic/035 generic/126 generic/127
Not run: generic/003
"""
    results = check_results(output)
    assert {name: case.outcome for name, case in results.items()} == {
        "generic/001": Outcome.PASSED,
        "generic/002": Outcome.PASSED,
        "generic/003": Outcome.SKIPPED,
        "generic/035": Outcome.FAILED,
        "generic/126": Outcome.FAILED,
        "generic/127": Outcome.FAILED,
    }
    assert results["generic/003"].said.startswith("atime related")
    assert "+t_rename_overwrite: fstat(3): Stale file handle" in results["generic/035"].said


def test_quick_tests_are_those_for_file_systems_of_a_network() -> None:
    groups = "# QA groups\n\n001 rw auto quick\n002 auto\n003 auto quick quota\n1234 quick\n"
    assert quick_tests(groups) == ["generic/001", "generic/1234"]
    assert len(set(GATE.split())) == 61


def test_of_xfstests_some_can_be_run() -> None:
    tests = ["generic/001", "generic/007", "generic/1007"]
    assert chosen(tests, "") == tests
    assert chosen(tests, "007 009") == ["generic/007"]
