"""``dissect --parquet``: a row for each RPC, read back by others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.rdma_wire import Segment, Wire, do_getattr, do_read, do_write, pattern, pcap

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.rows import COLUMNS, RowView


def capture(folder: Path) -> Path:
    wire = Wire()
    wire.connect()
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(5000), [Segment(1, 8192, 0x10000)])
    do_write(wire, 3, pattern(3000), [Segment(2, 3000, 0x20000)])
    path = folder / "capture.pcap"
    path.write_bytes(pcap(wire.frames))
    return path


def table(folder: Path, *options: str) -> Any:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = folder / "out.parquet"
    result = CliRunner().invoke(dissect, ["--parquet", str(out), *options, str(capture(folder))])
    assert result.exit_code == 0, result.output
    read = parquet.read_table(out)
    assert f"{read.num_rows} rows in {out}" in result.output
    return read


def test_a_row_for_each_rpc(tmp_path: Path) -> None:
    read = table(tmp_path)
    assert read.column_names == list(COLUMNS)
    rows = read.to_pylist()
    assert [row["xid"] for row in rows] == [1, 2, 3]
    assert [row["operation"] for row in rows] == ["GETATTR", "READ", "WRITE"]
    assert rows[0]["operations"] == ["PUTFH", "GETATTR"]
    assert [row["write_used"] for row in rows] == [0, 5000, 0]
    assert [row["write_offered"] for row in rows] == [0, 8192, 0]
    assert [row["read_used"] for row in rows] == [0, 0, 3000]
    assert {row["status"] for row in rows} == {"OK"}
    assert {row["nfs_status"] for row in rows} == {0}
    assert rows[0]["data_ns"] is None
    # A packet each microsecond: the call, its ACK, five of data, the reply.
    assert (rows[1]["data_ns"], rows[1]["transfer_ns"], rows[1]["reply_ns"]) == (2000, 4000, 7000)
    assert rows[1]["server_port"] == 20049
    assert rows[1]["packets"] == 7
    assert rows[1]["time"].year == 2023


def test_a_filter_chooses_rows(tmp_path: Path) -> None:
    assert table(tmp_path, "-Y", "rpc.xid == 2").column("xid").to_pylist() == [2]


def test_duckdb_reads_it(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    table(tmp_path)
    query = f"select operation, sum(write_used) from '{tmp_path}/out.parquet' group by 1 order by 1"
    assert duckdb.sql(query).fetchall() == [("GETATTR", 0), ("READ", 5000), ("WRITE", 0)]


def test_rows_are_handed_on_in_groups(tmp_path: Path) -> None:
    sizes: list[int] = []
    view = RowView(lambda rows: sizes.append(len(rows)), size=2)
    Pipeline(open_capture(capture(tmp_path)), view).run()
    assert sizes == [2, 1]
    assert view.count == 3
