"""One pass, many outputs: together they are what each is alone, or it is said why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.pipeline import Pipeline

CORPUS = Path(__file__).parents[1] / "data" / "captures" / "generated"
CAPTURE = str(CORPUS / "go-back-n.pcap")
BROKEN = str(next(iter(sorted(CORPUS.glob("violation-*.pcap")))))


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(dissect, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return result


def test_all_at_once_is_what_each_is_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    files = {"--html": "page.html", "--parquet": "rows.parquet", "--pcapng": "noted.pcapng",
             "--fix-for-wireshark": "fixed.pcapng"}  # fmt: skip
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    for option, name in files.items():
        assert run(option, alone / name, CAPTURE).stdout == ""
    texts = [run(one, CAPTURE).stdout for one in ("--lines", "--lint", "--latency", "--health")]
    passes: list[Pipeline] = []
    whole = Pipeline.run

    def counted(pipeline: Pipeline) -> None:
        passes.append(pipeline)
        whole(pipeline)

    monkeypatch.setattr(Pipeline, "run", counted)
    every = [word for option, name in files.items() for word in (option, together / name)]
    result = run("--lines", "--lint", "--latency", "--health", *every, CAPTURE)
    assert len(passes) == 1
    assert result.stdout == "".join(texts)
    assert "rows.parquet" in result.stderr
    for name in files.values():
        assert (together / name).read_bytes() == (alone / name).read_bytes(), name


def test_lines_then_lint_in_order() -> None:
    for listing in ("--lines", "-V", "--chunks"):
        result = run(listing, "--lint", BROKEN)
        assert result.stdout == run(listing, BROKEN).stdout + run("--lint", BROKEN).stdout


def test_objects_of_several_views_follow_one_another() -> None:
    both = run("--latency", "--health", "--json", CAPTURE).stdout
    assert both == "".join(run(one, "--json", CAPTURE).stdout for one in ("--latency", "--health"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-V", "--json"], "one way to list"),
        (["-V", "--chunks"], "one way to list"),
        (["--lines", "--json"], "one way to list"),
        (["--plot", "DIR"], "--histogram or --io-graph"),
        (["-o", "foo"], "go together"),
        (["--extract", "3"], "go together"),
        (["--extract", "3", "-o", "foo", "--lint"], "no other output"),
        (["--extract", "3", "-o", "foo", "-Y", "nfs"], "no other output"),
        (["--compare-tshark", "--html", "foo"], "no other output"),
        (["--compare-tshark", "-Y", "nfs"], "no other output"),
        (["--all-ops", "--lint"], "goes with lines"),
        (["--fix-for-wireshark", "foo", "-Y", "nfs"], "whole capture"),
        (["--pcapng", "-", "--lint"], "already taken"),
        (["--pcapng", "-", "--fix-for-wireshark", "-"], "same file"),
        (["--html", "foo", "--pcapng", "./foo"], "same file"),
        (["--html", CAPTURE], "the capture itself"),
        (["-r", CAPTURE], "one at a time"),
    ],
)
def test_what_cannot_go_together_is_refused(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*options, CAPTURE, code=2)
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())


def test_the_exit_code_is_lints() -> None:
    assert run("--exit-code", BROKEN, code=1).stdout == run("--lint", BROKEN).stdout
    run("--exit-code", CAPTURE)
    run("--exit-code", "--lines", BROKEN, code=1)


def test_a_capture_by_r() -> None:
    assert run("-r", CAPTURE).stdout == run(CAPTURE).stdout


def test_a_damaged_capture_leaves_the_files_that_were(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("before")
    packed = tmp_path / "cut.pcap.gz"
    import gzip

    packed.write_bytes(gzip.compress(Path(CAPTURE).read_bytes())[:-20])
    result = run("--lines", "--html", page, packed, code=1)
    assert "->" in result.stdout
    assert page.read_text() == "before"


def test_what_was_never_written_is_not_missing_from_the_capture() -> None:
    for name in ("violation-chunk-unwritten-1",):
        for listing in ("--lines", "--chunks"):
            shown = run(listing, CORPUS / f"{name}.pcap").stdout
            assert "not written before the reply" in shown, name
            assert "not in the capture" not in shown, name


def test_decode_as_is_taken_by_the_command() -> None:
    assert "no port" in run("--decode-as", "x", CAPTURE, code=2).stderr
    assert run("--decode-as", "any", CAPTURE).stdout == run(CAPTURE).stdout


def test_one_is_not_many() -> None:
    assert run("--lint", BROKEN).stdout.splitlines()[-1].startswith("1 error, 0 warnings")


def test_the_slowest_and_the_connections() -> None:
    took = {}
    for line in run("--json", CAPTURE).stdout.splitlines():
        record = json.loads(line)
        if "rpc.time" in record:
            took[record["frame.number"]] = record["rpc.time"]
    worst = max(took, key=lambda frame: took[frame])
    (slow,) = run("--slowest", "1", CAPTURE).stdout.splitlines()
    assert f">{worst} " in slow
    (record,) = map(json.loads, run("--slowest", "1", "--json", CAPTURE).stdout.splitlines())
    assert record["reply_ns"] == round(took[worst] * 1e9)
    assert len(run("--slowest", "100", CAPTURE).stdout.splitlines()) == len(took)
    records = run("--connections", "--json", CORPUS / "two-clients.pcap").stdout.splitlines()
    found = [json.loads(one) for one in records]
    assert [one["first"] for one in found] == sorted({one["first"] for one in found})
    assert len(found) == 2
    assert sum(one["calls"] for one in found) == 4
    assert "2 calls" in run("--connections", CORPUS / "two-clients.pcap").stdout
