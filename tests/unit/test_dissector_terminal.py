"""On a terminal: how far a capture was read, and colors; elsewhere neither."""

from __future__ import annotations

import gzip
import io
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from nfsrdma.cli import dissect_progress
from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.base.text import COLORS, PLAIN
from nfsrdma.dissector.capture import Reader, open_capture
from nfsrdma.dissector.capture.joined import open_captures
from nfsrdma.dissector.pipeline import Pipeline

DATA = Path(__file__).parents[1] / "data" / "captures"
LOSS = DATA / "linux" / "linux-client-v42-loss.pcap"
ANSI = re.compile(r"\x1b\[\d*m")


def output(*arguments: object) -> str:
    result = CliRunner().invoke(dissect, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("view", ["--lines", "-V", "--chunks", "--lint", "--slowest=3"])
def test_colors_are_all_that_differs(view: str) -> None:
    capture = DATA / "generated" / "violation-bad-header-1.pcap" if view == "--lint" else LOSS
    plain = output(view, capture)
    colored = output("--color", "always", view, capture)
    assert ANSI.sub("", colored) == plain != colored
    assert output("--color", "never", view, capture) == plain
    assert "\x1b" not in plain


def test_what_failed_is_red_and_a_path_is_not() -> None:
    lines = output("--color", "always", "-Y", "nfs.status == NFS4ERR_NOENT", LOSS).splitlines()
    assert lines
    for line in lines:
        if "NFS4ERR_NOENT" in line:
            assert f"{COLORS.error}NFS4ERR_NOENT{COLORS.end}" in line
    assert f"{COLORS.path}/" in output("--color", "always", LOSS)


def test_colors_by_themselves_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert dissect_progress.paint("auto") == PLAIN
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert dissect_progress.paint("auto") == COLORS
    monkeypatch.setenv("TERM", "dumb")
    assert dissect_progress.paint("auto") == PLAIN
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert dissect_progress.paint("auto") == PLAIN


def _parts(reader: Reader) -> list[float | None]:
    parts: list[float | None] = []
    while reader.read():
        parts.append(reader.source.part(reader.at))
    return parts


def test_how_much_of_a_capture_was_read_is_known(tmp_path: Path) -> None:
    packed = tmp_path / "packed.pcap.gz"
    packed.write_bytes(gzip.compress(LOSS.read_bytes()))
    for reader in (open_capture(LOSS), open_capture(packed), open_captures([LOSS, packed, LOSS])):
        known = [part for part in _parts(reader) if part is not None]
        assert known == sorted(known)
        assert known[-1] == 1.0
    assert known[0] > 0
    assert _parts(open_capture(LOSS))[0] != 1.0


def test_progress_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, width=100)
    monkeypatch.setattr("rich.console.Console", lambda **_: terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(dissect_progress, "_LONG", 0)
    monkeypatch.setattr(dissect_progress, "_STEP", 0)
    reader = open_capture(LOSS)
    with dissect_progress.progress("loss.pcap", reader, writes=False) as advanced:
        assert "frames" not in shown.getvalue()
        Pipeline(reader, progress=advanced).run()
        advanced()
    assert "reading loss.pcap" in shown.getvalue()
    assert f"{reader.number:,} frames" in shown.getvalue()


def test_no_progress_between_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True)
    monkeypatch.setattr("rich.console.Console", lambda **_: terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(dissect_progress, "_LONG", 0)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with dissect_progress.progress("x", open_capture(LOSS), writes=True) as advanced:
        advanced()
    assert shown.getvalue() == ""


def test_progress_is_a_terminals() -> None:
    """Standard error is none here, and gets nothing."""
    result = CliRunner().invoke(dissect, ["--summary", str(LOSS)])
    assert result.exit_code == 0
    assert result.stderr == ""


def test_one_file_is_compared_at_a_time() -> None:
    result = CliRunner().invoke(dissect, ["--compare-tshark", str(LOSS), str(LOSS)])
    assert result.exit_code == 2
    assert "one file at a time" in result.output
