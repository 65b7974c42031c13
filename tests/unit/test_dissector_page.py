"""The page's data, unpacked again: every column against what the dissector says itself."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.captures import linux_captures, public_capture, require
from tests.support.dissection import dissect as plain
from tests.support.rdma_wire import (
    Wire,
    compound,
    do_getattr,
    do_read,
    do_write,
    getattr_call,
    getattr_results,
    pattern,
    pcap,
    results,
)

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.fields import summary
from nfsrdma.dissector.views.page import collect as view
from nfsrdma.dissector.views.page import rows
from nfsrdma.dissector.views.page.tables import Strings, Table
from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.xdr.nfs4 import types as t

VA = 0x7F00_0000_1000
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=2>@data@&quot;"


def written(path: Path, *options: str) -> str:
    out = path.with_suffix(".html")
    result = CliRunner().invoke(dissect, ["--html", str(out), *options, str(path)])
    assert result.exit_code == 0, result.output
    return out.read_text()


def unpacked(page: str) -> dict[str, Any]:
    """The data of a page, with sums where there are differences."""
    found = re.search(r'<script type="application/octet-stream" id="data">([^<]*)</script>', page)
    assert found is not None
    data = json.loads(zlib.decompress(base64.b64decode(found[1]), wbits=-15))
    for table in data.values():
        if isinstance(table, dict) and "deltas" in table:
            for name in table["deltas"]:
                table[name] = list(accumulate(table[name]))
    return dict(data)


def data_of(wire: Wire, folder: Path, *options: str) -> dict[str, Any]:
    path = folder / "capture.pcap"
    path.write_bytes(pcap(wire.frames, nano=True))
    return unpacked(written(path, *options))


def texts(data: dict[str, Any], column: str) -> list[str]:
    return [data["strings"][index] for index in data["rpc"][column]]


@pytest.mark.parametrize("path", linux_captures(), ids=lambda path: path.stem)
def test_every_rpc_of_a_capture_is_there(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    copy.write_bytes(require(path).read_bytes())
    data = unpacked(written(copy))
    exchanges = sorted(
        plain(path).exchanges, key=lambda one: one.call.first_time_ns if one.call else 0
    )
    assert data["total"] == len(exchanges)
    rpc = data["rpc"]
    assert rpc["xid"] == [one.xid for one in exchanges]
    assert rpc["call"] == [one.call.frame for one in exchanges if one.call]
    assert rpc["reply"] == [one.reply.frame for one in exchanges if one.reply]
    assert rpc["latency"] == [one.latency_ns for one in exchanges]
    assert texts(data, "text") == [summary.operations(one) for one in exchanges]
    assert texts(data, "status") == [summary.status(one) for one in exchanges]
    assert rpc["call_ack"] == [one.call.ack_frame for one in exchanges if one.call]
    assert rpc["reply_ack"] == [one.reply.ack_frame for one in exchanges if one.reply]
    ops = [op for one in exchanges for op in one.operations]
    assert sum(rpc["op_count"]) == len(ops) == len(data["op"]["frame"])
    assert sum(rpc["moved"]) == sum(op.length for op in ops)
    assert sum(data["chunk"]["used"]) == sum(c.used_octets for one in exchanges for c in one.chunks)
    # Every octet that an operation carried is in a piece.
    sizes = zip(data["piece"]["size"], data["piece"]["packets"], strict=True)
    assert sum(size * packets for size, packets in sizes) == sum(
        extent.size * extent.packets for op in ops for extent in op.extents
    )
    assert data["found_total"] == 0
    suffered = len(data["sufferers"]["rpc"])
    assert suffered == (15 if "loss" in path.stem else 0)


def test_rows_and_their_times(tmp_path: Path) -> None:
    wire = Wire()
    wire.connect()
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(10_001), [Segment(7, 16_384, VA)], 4096)
    do_write(wire, 3, pattern(7_002, 3), [Segment(8, 4_096, VA), Segment(9, 2_906, VA)])
    data = data_of(wire, tmp_path)
    rpc = data["rpc"]
    assert data["packets"] == len(wire.frames)
    assert texts(data, "operation") == ["GETATTR", "READ", "WRITE"]
    # A packet each microsecond: call, ACK, ten WRITEs, reply, ACK.
    read = {name: rpc[name][1] for name in ("ack", "data", "last", "latency", "confirm", "depth")}
    assert read == {
        "ack": 1000, "data": 2000, "last": 11_000, "latency": 12_000, "confirm": 13_000, "depth": 1
    }  # fmt: skip
    assert [rpc[name][1] for name in ("call", "call_ack", "reply", "reply_ack")] == [7, 8, 19, 20]
    assert (data["op"]["frame"][0], data["op"]["last_frame"][0]) == (9, 18)
    chunk, segment = data["chunk"], data["segment"]
    assert [rows.KINDS[kind] for kind in chunk["kind"]] == ["write", "read"]
    assert (chunk["used"], chunk["offered"]) == ([10_001, 7_002], [16_384, 7_002])
    assert chunk["file"] == [4096, 0]
    assert (segment["handle"], segment["used"]) == ([7, 8, 9], [10_001, 4_096, 2_906])
    piece = data["piece"]
    whole = zip(piece["at"], piece["size"], piece["packets"], piece["frame"], strict=True)
    assert list(whole)[:2] == [(0, 1024, 9, 9), (9216, 785, 1, 18)]
    assert len(data["cm"]) == 2
    ((number, client, server, transport, paired, _),) = data["connections"]
    assert (number, client, server) == (1, "10.0.0.1", "10.0.0.2:20049")
    assert (transport, paired) == ("RoCEv2", "CM")


def test_findings_belong_to_their_rpc(tmp_path: Path) -> None:
    wire = Wire()
    do_getattr(wire, 1)
    wire.nfs_call(2, getattr_call(), credits=0)
    wire.nfs_reply(2, results(2, getattr_results()))
    data = data_of(wire, tmp_path)
    found = data["found"]
    assert [data["strings"][index] for index in found["rule"]] == ["credit-zero"]
    assert (found["frame"], found["rpc"], found["severity"]) == ([5], [1], [2])
    assert (found["start"], found["end"]) == ([8], [12])
    assert data["rules"]["credit-zero"][1] == "RFC 8166, Section 3.3.1"


def test_a_filter_chooses(tmp_path: Path) -> None:
    wire = Wire()
    for xid in range(1, 6):
        do_getattr(wire, xid)
    assert data_of(wire, tmp_path, "-Y", "rpc.xid == 3")["rpc"]["xid"] == [3]


def test_a_capture_of_nothing(tmp_path: Path) -> None:
    data = data_of(Wire(), tmp_path)
    assert data["total"] == 0
    assert data["rpc"]["time"] == []


def test_more_than_a_page_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "MAX_RPCS", 3)
    monkeypatch.setattr(rows, "MAX_PIECES", 1)
    monkeypatch.setattr(rows, "MAX_OPS", 1)
    monkeypatch.setattr(rows, "MAX_SEGMENTS", 1)
    wire = Wire()
    for xid in range(1, 6):
        do_read(wire, xid, pattern(3000), [Segment(7, 2048, VA), Segment(8, 2048, VA)])
    data = data_of(wire, tmp_path)
    assert (data["total"], len(data["rpc"]["xid"]), data["shortened"]) == (5, 3, True)
    assert data["rpc"]["op_count"] == [1, 0, 0]
    assert data["chunk"]["segment_count"] == [1, 0, 0]


def hostile(folder: Path) -> Path:
    """A capture whose file names, and whose own name, are markup."""
    wire = Wire()
    operations = [t.nfs_argop4(t.OP_LOOKUP, t.LOOKUP4args(HOSTILE.encode()))]
    wire.nfs_call(1, [], inline=compound(1, operations))
    path = folder / "@script@<b>&.pcap"
    path.write_bytes(pcap(wire.frames))
    return path


def test_names_are_no_markup(tmp_path: Path) -> None:
    page = written(hostile(tmp_path))
    assert page.count("<script") == page.count("</script>") == 2
    assert "window.hacked" not in page
    assert "<h1>@script@&lt;b&gt;&amp;.pcap: NFS over RDMA</h1>" in page
    assert texts(unpacked(page), "text") == [f"LOOKUP {HOSTILE}"]


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    page = written(hostile(tmp_path))
    shell = re.sub(r'id="data">[^<]*<', "", page)
    elsewhere = r"(?:src|href)=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)"
    assert not re.search(elsewhere, shell)
    script = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; script-src 'sha256-{digest}'" in page


@pytest.mark.parametrize("name", ["nfsv3.pcap", "nfsv4.1_pnfs.cap", "read", "infiniband.pcap"])
def test_other_transports(tmp_path: Path, name: str) -> None:
    copy = tmp_path / f"{name}.pcap"
    copy.write_bytes(public_capture(name).read_bytes())
    data = unpacked(written(copy))
    assert data["total"] == len(plain(copy).exchanges)


def test_tables() -> None:
    table = Table(("a", "b"), ("a",))
    assert [table.add(5, 1), table.add(7, 1 << 64), table.add(6, -1)] == [0, 1, 2]
    assert table.as_dict() == {"deltas": ["a"], "a": [5, 2, -1], "b": [1, -1, -1]}
    table.arranged([2, 0, 1])
    assert list(table.column("a")) == [6, 5, 7]
    strings = Strings()
    assert [strings.add(text) for text in ("x", "y", "x")] == [0, 1, 0]
    assert strings.all == ["x", "y"]
