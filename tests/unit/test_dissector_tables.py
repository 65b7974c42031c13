"""RPCs as Arrow tables and data frames: the rows of --parquet, from Python."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.captures import ROOT

from nfsrdma.cli.dissect import dissect as command
from nfsrdma.dissector import dissect
from nfsrdma.dissector.views.rows import COLUMNS

LINUX = ROOT / "tests" / "data" / "captures" / "linux"
LOSS = LINUX / "linux-client-v42-loss.pcap"
BROKEN = ROOT / "tests" / "data" / "captures" / "generated" / "violation-chunk-length-1.pcap"

pyarrow = pytest.importorskip("pyarrow")


def test_a_table_has_what_the_rpcs_say() -> None:
    table = dissect(LOSS).to_arrow()
    assert table.column_names == list(COLUMNS)
    # Without pandas there is no Python type for nanoseconds since 1970.
    rows, rpcs = table.drop_columns(["time"]).to_pylist(), list(dissect(LOSS))
    times = table["time"].cast("int64").to_pylist()
    assert times == [rpc.time_ns for rpc in rpcs]
    assert len(rows) == len(rpcs) == 157
    for row, rpc in zip(rows, rpcs, strict=True):
        assert row["path"] == (rpc.path or None)
        assert row["handle"] == (rpc.handle or None)
        assert (row["client"], row["connection"]) == (rpc.requester.address, rpc.connection)
        assert (row["reply_ns"], row["resent"]) == (rpc.latency_ns, rpc.resent)
        assert row["operation"] == rpc.name
    assert sum(row["resent"] for row in rows) == 3
    (write,) = [row for row in rows if row["operation"] == "WRITE" and row["count"] > 4096]
    assert (write["path"], write["offset"], write["count"], write["uid"]) == (
        "/d/medium", 0, 9000, 0,
    )  # fmt: skip
    assert write["data_ns"] + write["transfer_ns"] + write["finish_ns"] == write["reply_ns"]


def test_it_is_the_table_of_the_command(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "rpcs.parquet"
    assert CliRunner().invoke(command, ["--parquet", str(out), str(LOSS)]).exit_code == 0
    assert parquet.read_table(out) == dissect(LOSS).to_arrow()


def test_a_filter_and_lint_reach_the_rows() -> None:
    names = dissect(LOSS, filter="nfs.opcode == OPEN").to_arrow()["operation"].to_pylist()
    assert set(names) == {"OPEN"}
    findings = dissect(BROKEN, lint=True).to_arrow()["findings"].to_pylist()
    assert any("chunk-length" in each for each in findings)


def test_batches_are_of_the_size_that_was_asked_for() -> None:
    sizes = [batch.num_rows for batch in dissect(LOSS).to_batches(50)]
    assert sizes == [50, 50, 50, 7]


def test_what_was_read_before_is_not_in_the_table() -> None:
    capture = dissect(LOSS)
    next(capture)
    assert capture.to_arrow().num_rows == 156


def test_nothing_is_an_empty_table() -> None:
    table = dissect(LOSS, filter="nfs.opcode == COPY").to_arrow()
    assert (table.num_rows, table.column_names) == (0, list(COLUMNS))


def test_several_files_are_one_table() -> None:
    both = dissect([LOSS, LINUX / "linux-client-v41.pcap"]).to_arrow()
    assert both.num_rows == 2 * 157
    with pytest.raises(ValueError, match="name one"):
        dissect([LOSS], follow=True)


def test_a_data_frame_keeps_whole_numbers() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = dissect(io.BytesIO(LOSS.read_bytes())).to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["data_ns"].isna().any()
    assert str(frame["data_ns"].dtype) == "int64[pyarrow]"
    slowest = frame.sort_values("reply_ns").iloc[-1]
    assert (slowest["path"], slowest["reply_ns"] // 10**6) == ("/d/name-07", 32)


def test_without_pyarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"nfsrdma\[arrow\]"):
        dissect(LOSS).to_arrow()
