"""Sums over a capture: top lists, service times, what failed, and the summary in plain words."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.captures import ROOT
from tests.support.rdma_wire import (
    Wire,
    compound,
    do_getattr,
    do_read,
    do_write,
    getattr_call,
    pattern,
    pcap,
    results,
)

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.views.totals import OTHERS, Tallies
from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr.nfs4 import types as t

LOSS = ROOT / "tests" / "data" / "captures" / "generated" / "go-back-n.pcap"
RECLAIMS = ROOT / "tests" / "data" / "captures" / "linux" / "linux-client-reclaims.pcap"
HANDLE = b"handle-of-a-file"


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(dissect, [str(one) for one in arguments])
    assert done.exit_code == code, done.output
    return done.output


def objects(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A file by its name; then it is read, written and looked at; another one is stale."""
    wire = Wire()
    wire.connect(PrivateData(4096, 8192), PrivateData(4096, 4096))
    steps = [
        (t.OP_PUTROOTFH, None, t.PUTROOTFH4res(0)),
        (t.OP_LOOKUP, t.LOOKUP4args(b"dir"), t.LOOKUP4res(0)),
        (t.OP_LOOKUP, t.LOOKUP4args(b"file"), t.LOOKUP4res(0)),
        (t.OP_GETFH, None, t.GETFH4res(0, t.GETFH4resok(HANDLE))),
    ]
    wire.nfs_call(1, [t.nfs_argop4(number, asked) for number, asked, _ in steps])
    wire.nfs_reply(1, results(1, [t.nfs_resop4(number, done) for number, _, done in steps]))
    do_read(wire, 2, pattern(10_000), [Segment(7, 10_000, 0)])
    do_write(wire, 3, pattern(3000), [Segment(8, 3000, 0)])
    do_getattr(wire, 4)
    for xid in (5, 6):
        wire.nfs_call(xid, [t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"x")), getattr_call()[1]])
        stale = t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(t.NFS4ERR_STALE))
        wire.nfs_reply(xid, results(xid, [stale], t.NFS4ERR_STALE))
    wire.nfs_call(7, [], inline=compound(7, getattr_call()))
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(wire.frames))
    return path


def test_top_files(capture: Path) -> None:
    lines = run("--top", "files", capture).splitlines()
    assert lines[0].endswith("files: 2 of 2")
    assert lines[1].split()[-1] == "/dir/file"
    assert lines[2].split()[-1].startswith("fh:")
    first, second = objects(run("--top", "files", "--json", capture))
    assert (first["name"], first["read"], first["written"]) == ("/dir/file", 10_000, 3000)
    assert (first["calls"], first["errors"], first["unanswered"]) == (5, 0, 1)
    assert first["least_ns"] <= first["median_ns"] <= first["p99_ns"] <= first["worst_ns"]
    assert (second["calls"], second["errors"], second["read"]) == (2, 2, 0)
    assert len(run("--top", "files:1", capture).splitlines()) == 2


def test_top_of_others(capture: Path) -> None:
    found = objects(run(*["--top", "clients", "--top", "users", "--top", "ops", "--json"], capture))
    by = {kind: [one for one in found if one["of"] == kind] for kind in ("clients", "users", "ops")}
    assert [one["name"] for one in by["clients"]] == ["10.0.0.1"]
    assert [one["name"] for one in by["users"]] == ["uid 1000 on 10.0.0.1, client"]
    assert {one["name"]: one["calls"] for one in by["ops"]} == {
        "NFS4 READ": 1, "NFS4 WRITE": 1, "NFS4 LOOKUP": 1, "NFS4 GETATTR": 4,
    }  # fmt: skip


@pytest.mark.parametrize("word", ["file", "files:", "files:0", "files:x", "files:²", "ops:1000000"])
def test_top_of_what_there_is_not(capture: Path, word: str) -> None:
    code = 0 if word == "files:" else 2
    run("--top", word, capture, code=code)


def test_errors_and_service_times(capture: Path) -> None:
    stale, unanswered = objects(run("--errors", "--json", capture))
    assert (stale["operation"], stale["status"], stale["calls"]) == ("PUTFH", "NFS4ERR_STALE", 2)
    assert (unanswered["operation"], unanswered["status"], unanswered["path"]) == (
        "GETATTR", "no reply", "/dir/file",
    )  # fmt: skip
    assert "PUTFH NFS4ERR_STALE: first in frame" in run("--errors", capture)
    assert run("--errors", "-Y", "nfs.opcode == READ", capture) == "nothing failed\n"
    rows = {row["name"]: row for row in objects(run("--srt", "--json", capture))}
    assert rows["NFS4 READ"]["calls"] == 1
    assert len(run("--srt", capture).splitlines()) == 5


def test_the_summary_says_it_in_words(capture: Path) -> None:
    said = run("--summary", capture)
    assert "10.0.0.1 -> 10.0.0.2 port 20049, NFS4.1 over RoCEv2: 7 calls, 2 errors" in said
    assert "1 without a reply" in said
    assert "inline up to 4096 octets out, 4096 back; 32 credits asked for, 32 granted" in said
    assert "9.77 KiB of files read, 2.93 KiB written" in said
    assert "most of it: /dir/file (12.7 KiB)" in said
    assert "2 x PUTFH NFS4ERR_STALE" in said
    assert len(said.splitlines()) < 40
    (fields,) = objects(run("--summary", "--json", capture))
    assert fields["rpcs"]["calls"] == 7
    assert fields["connections"][0]["granted"] == [32, 32]


def test_the_summary_of_loss_names_who_suffered() -> None:
    said = run("--summary", LOSS)
    assert "again" in said.split("What was lost or sent again")[1]
    (fields,) = objects(run("--summary", "--json", LOSS))
    assert fields["again"] > 0


def test_the_summary_has_the_directions_that_lost_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture of a thousand connections with a little loss each still is one screen."""
    every = _again(run("--summary", RECLAIMS))
    assert len(every) > 1
    assert every == sorted(every, reverse=True)
    monkeypatch.setattr("nfsrdma.dissector.views.overview._DIRECTIONS", 1)
    said = run("--summary", RECLAIMS)
    assert _again(said) == every[:1]
    more = len(every) - 1
    assert f"and {more} more direction{'s' * (more > 1)}: --health lists them" in said


def _again(summary: str) -> list[int]:
    lines = summary.split("What was lost or sent again")[1].splitlines()
    return [
        int(line.split(": ")[1].split()[0]) for line in lines if " -> " in line and "again" in line
    ]


def test_the_summary_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.write_bytes(pcap([]))
    assert "no RPC found" in run("--summary", path)


def test_all_at_once_from_one_pass(capture: Path, tmp_path: Path) -> None:
    alone = run("--summary", capture)
    both = run("--summary", "--lines", "--top", "ops", "--srt", "--errors", capture)
    assert alone in both
    places = [both.index(one) for one in ("What was slow", "ops: 4 of 4", "in total  operation")]
    assert places == sorted(places)


def test_what_is_told_apart_is_bounded() -> None:
    tallies = Tallies(most=16)
    for number in range(1000):
        tally = tallies.of(number, str(number))
        tally.calls += 1
        if number < 4:
            tally.read += 1000
    assert len(tallies.all) <= 16
    assert [one.name for one in tallies.by_octets()[:4]] == ["0", "1", "2", "3"]
    assert tallies.others.name == OTHERS
    assert tallies.others.calls + sum(one.calls for one in tallies.all.values()) == 1000


@pytest.mark.parametrize(
    ("what", "count"),
    [("connection:1", 7), ("connection:2", 0), ("xid:2", 1), ("xid:0x3", 1), ("file:/dir/file", 5),
     (f"file:fh:{zlib.crc32(HANDLE):x}", 5), ("file:/dir", 0), ('file:/"\\', 0)],
)  # fmt: skip
def test_one_conversation_is_followed(capture: Path, what: str, count: int) -> None:
    said = run("--lines", "--follow", what, capture)
    assert sum(" NFS4.1 " in line for line in said.splitlines()) == count
    alone = run("--lines", "--follow", what, "-Y", "nfs.opcode == READ", capture)
    assert sum(" READ " in line for line in alone.splitlines()) == (" READ " in said)


@pytest.mark.parametrize("what", ["file", "disk:1", "xid:", "xid:y", "slot:aa/x", "slot:zz/1"])
def test_what_cannot_be_followed(capture: Path, what: str) -> None:
    assert "Invalid value" in run("--follow", what, capture, code=2)


def test_one_slot_of_one_session_is_followed() -> None:
    linux = ROOT / "tests" / "data" / "captures" / "linux" / "linux-client-v41.pcap"
    first = next(row for row in objects(run("--json", linux)) if "nfs.session_id4" in row
                 and "nfs.slotid" in row)  # fmt: skip
    session, slot = first["nfs.session_id4"], first["nfs.slotid"]
    found = objects(run("--json", "--follow", f"slot:{session}/{slot}", linux))
    assert found
    messages = [row for row in found if "rpc.xid" in row]
    assert {(row["nfs.session_id4"], row["nfs.slotid"]) for row in messages} == {(session, slot)}


def test_files_of_the_same_name_are_told_apart_by_their_servers(tmp_path: Path) -> None:
    linux = ROOT / "tests" / "data" / "captures" / "linux" / "linux-client-v41.pcap"
    octets = linux.read_bytes()
    other = tmp_path / "other.pcap"
    other.write_bytes(octets.replace(b"\x0a\x63\x00", b"\x0a\x63\x07"))
    said = run("--top", "files:4", linux, other)
    names = [line.split("  ")[-1] for line in said.splitlines()[1:5]]
    assert len(set(names)) == 4
    assert {name.split(" on ")[1] for name in names} == {"10.99.0.1", "10.99.7.1"}
    assert " on " not in run("--top", "files:4", linux)
