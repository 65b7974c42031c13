"""The second opinion: every difference to tshark is one that is known, and in a clean file none."""

from __future__ import annotations

import json
import os
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support import tshark
from tests.support.captures import ROOT, linux_captures, require
from tests.support.offload import superframes
from tests.support.rdma_wire import (
    Wire,
    do_getattr,
    do_read,
    do_write,
    pattern,
    pcap,
    read_call,
    read_results,
    reduced,
    results,
)

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.compare import KNOWN, Comparison, Difference
from nfsrdma.dissector.views.compare.theirs import TheirFrame, value
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment

VA = 0x10000
CORPUS = ROOT / "tests" / "data" / "captures" / "generated"


def compared(path: Path) -> Counter[str]:
    """How many differences each known defect explains; the empty one stands for none."""
    tshark.need()
    pytest.importorskip("pyshark")
    result = CliRunner().invoke(dissect, ["--compare-tshark", "--json", "--exit-code", str(path)])
    found = [json.loads(line) for line in result.output.splitlines()]
    unexplained = [one for one in found if not one["known"]]
    assert result.exit_code == bool(unexplained), result.output
    assert not unexplained, unexplained[:5]
    return Counter(one["known"] for one in found)


def connected(**options: Any) -> Wire:
    wire = Wire(**options)
    wire.server.psn = 5000
    wire.connect()
    return wire


def clean() -> Wire:
    wire = connected()
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(8000), [Segment(1, 8192, VA)])
    do_write(wire, 3, pattern(8000), [Segment(8, 8000, 2 * VA)])
    return wire


def written(folder: Path, wire: Wire, **options: Any) -> Path:
    path = folder / "capture.pcap"
    path.write_bytes(pcap(wire.frames, **options))
    return path


def reused() -> Wire:
    wire = clean()
    do_read(wire, 4, pattern(5000, 1), [Segment(1, 8192, VA)])
    return wire


def one_handle() -> Wire:
    wire = connected()
    do_read(wire, 1, pattern(8000), [Segment(1, 4096, VA), Segment(1, 8192, VA * 2)])
    return wire


def odd() -> Wire:
    wire = connected()
    do_read(wire, 1, pattern(8000), [Segment(1, 4097, VA), Segment(2, 8192, VA * 2)])
    return wire


def wrapping() -> Wire:
    wire = Wire()
    wire.server.psn = 0xFFFFFE
    wire.connect()
    do_read(wire, 1, pattern(8000), [Segment(1, 8192, VA)])
    return wire


def lost() -> Wire:
    wire = clean()
    del wire.frames[10]
    return wire


def no_handshake() -> Wire:
    wire = clean()
    del wire.frames[:2]
    return wire


def mixed() -> Wire:
    wire = connected()
    data = pattern(6000)
    wire.nfs_call(1, read_call(0, 6000), write=[Chunk([Segment(1, 8192, VA)])])
    for start, end in ((0, 500), (500, 1000), (1000, 6000)):
        wire.rdma_write(wire.server, 1, VA + start, data[start:end])
    body = reduced(results(1, read_results(data)), data)
    wire.nfs_reply(1, body, write=[Chunk([Segment(1, 6000, VA)])])
    return wire


def two_chunks() -> Wire:
    wire = connected()
    data = [pattern(3000, 1), pattern(3000, 2)]
    segments = [Segment(1, 3000, VA), Segment(2, 3000, VA * 2)]
    chunks = [Chunk([segment]) for segment in segments]
    wire.nfs_call(1, read_call(0, 3000) + read_call(3000, 3000)[1:], write=chunks)
    for (handle, _, address), part in zip(segments, data, strict=True):
        wire.rdma_write(wire.server, handle, address, part)
    whole = results(1, read_results(data[0]) + read_results(data[1])[1:])
    wire.nfs_reply(1, reduced(reduced(whole, data[0]), data[1]), write=chunks)
    return wire


def offloaded() -> Wire:
    wire = clean()
    wire.frames = superframes(wire.frames)
    return wire


def other_port() -> Wire:
    wire = clean()
    for frame in wire.frames:
        frame.data = frame.data[:34] + b"\0\x45" + frame.data[36:]
    return wire


@pytest.mark.parametrize(
    ("known", "make"),
    [
        ("handle-reused", reused), ("handle-reused", one_handle), ("odd-segments", odd),
        ("psn-wrap", wrapping), ("missing-packets", lost), ("no-handshake", no_handshake),
        ("mixed-sizes", mixed), ("several-chunks", two_chunks), ("other-protocol", other_port),
        ("segmentation-offload", offloaded),
    ],
)  # fmt: skip
def test_what_is_known_is_there_and_explains_all(tmp_path: Path, known: str, make: Any) -> None:
    found = compared(written(tmp_path, make()))
    assert found[known] > 0
    assert known in KNOWN


def test_a_clean_capture_has_no_differences(tmp_path: Path) -> None:
    path = written(tmp_path, clean())
    assert compared(path) == {}
    output = CliRunner().invoke(dissect, ["--compare-tshark", str(path)]).output
    assert output.splitlines()[0].startswith("6 messages, 134 fields compared")
    assert output.splitlines()[1].split() == ["0", "unexplained"]


@pytest.mark.parametrize("path", linux_captures()[:1], ids=lambda path: path.stem)
def test_a_capture_of_linux_has_no_differences(path: Path, tmp_path: Path) -> None:
    """Its first half a megabyte, for tshark's XML is slow."""
    start = tmp_path / path.name
    start.write_bytes(_cut(require(path).read_bytes(), 1 << 19))
    assert compared(start) == {}


def _cut(octets: bytes, most: int) -> bytes:
    """The records of a classic pcap that end before ``most``."""
    at = 24
    while at + 16 < most:
        following = at + 16 + struct.unpack_from("<I", octets, at + 8)[0]
        if following > most:
            break
        at = following
    return octets[:at]


SAMPLE = (
    "baseline-rocev2", "baseline-iwarp-markers", "callback-with-the-same-xid", "go-back-n",
    "remote-invalidation", "rpcsec-gss", "version-2", "violation-position-range-1",
    "violation-xid-differs-1", "callbacks", "company", "gss-context", "pnfs",
)  # fmt: skip


LESS = (
    "frames-swapped-", "sides-apart-", "sends-again-", "packets-of-100-", "look-alike",
    "tunnel-pseudowire", "client-only-", "server-only-",
)  # fmt: skip
"""Captures of which Wireshark makes less, or in which it sees RPCs that nobody has sent; why is not
filed by difference: frames are out of order or of one side, or in what it does not open."""


def corpus() -> list[Path]:
    """A sample of the project's own captures; with NFSRDMA_ALL_CAPTURES all but those of LESS."""
    found = sorted(path for path in CORPUS.glob("*.pcap*") if not path.name.startswith(LESS))
    if not os.environ.get("NFSRDMA_ALL_CAPTURES"):
        found = [path for path in found if path.stem in SAMPLE]
    return found or [CORPUS / "absent"]


@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.stem)
def test_the_corpus_has_no_difference_that_nothing_explains(path: Path) -> None:
    if not path.exists():
        pytest.skip("the corpus is not there")
    compared(path)


# Without tshark: a wrong opinion is not explained away


def layers(**changes: list[str]) -> list[tuple[str, dict[str, list[str]]]]:
    """What Wireshark says of the first call of ``clean``, or something else."""
    transport = {
        "rpcordma.xid": ["0x00000001"], "rpcordma.version": ["1"], "rpcordma.flow_control": ["32"],
        "rpcordma.msg_type": ["0"], "rpcordma.reads_count": ["0"],
        "rpcordma.writes_count": ["0"], "rpcordma.reply_count": ["0"],
    }  # fmt: skip
    rpc = {"rpc.xid": ["0x00000001"], "rpc.msgtyp": ["0"]}
    for name, shown in changes.items():
        name = name.replace("_", ".", 1)
        (rpc if name.startswith("rpc.") else transport)[name] = shown
    return [("rpcordma", transport), ("rpc", rpc)]


def differences(folder: Path, frames: list[TheirFrame]) -> list[Difference]:
    reader = open_capture(written(folder, clean()))
    found: list[Difference] = []
    view = Comparison(iter(frames), lambda: reader.source.view, found.append)
    Pipeline(reader, view).run()
    assert view.unexplained == sum(not one.known for one in found)
    return found


def test_a_wrong_field_is_told(tmp_path: Path) -> None:
    right = differences(tmp_path, [TheirFrame(3, layers())])
    wrong = differences(tmp_path, [TheirFrame(3, layers(rpcordma_flow_control=["33"]))])
    new = [one for one in wrong if one not in right]
    assert new == [Difference(3, 1, "call", "rpcordma.flow_control", "32", "33", "")]


def test_a_message_that_only_they_have_is_told(tmp_path: Path) -> None:
    frames = [
        TheirFrame(3, layers()),
        TheirFrame(4, layers(rpcordma_xid=["0x99"], rpc_xid=["0x99"])),
    ]
    assert Difference(4, 0x99, "call", "", "-", "a message", "") in differences(tmp_path, frames)


def test_a_message_that_they_do_not_have_is_told(tmp_path: Path) -> None:
    found = [one for one in differences(tmp_path, []) if one.frame == 3]
    assert {one.theirs for one in found} == {"-"}
    assert len(found) > 15


def test_every_known_defect_is_documented() -> None:
    page = (ROOT / "docs" / "wireshark.md").read_text()
    assert all(f"| `{known.id}` |" in page for known in KNOWN.values())


def test_values_are_read_as_wireshark_writes_them() -> None:
    shown = ["0x00000010", "17", "True", "de:ad:be", "client", ""]
    assert [value(one) for one in shown] == [16, 17, 1, "deadbe", "client", ""]


def test_what_is_missing_is_said_in_a_line(tmp_path: Path, monkeypatch: Any) -> None:
    pytest.importorskip("pyshark")
    path = written(tmp_path, clean())
    monkeypatch.setattr("pyshark.capture.capture.get_process_path", _not_found)
    result = CliRunner().invoke(dissect, ["--compare-tshark", str(path)])
    assert result.exit_code == 1
    assert "tshark was not found" in result.output
    result = CliRunner().invoke(dissect, ["--compare-tshark", "-"], input=path.read_bytes())
    assert result.exit_code != 0


def _not_found(*arguments: object, **options: object) -> str:
    from pyshark.tshark.tshark import TSharkNotFoundException

    raise TSharkNotFoundException
