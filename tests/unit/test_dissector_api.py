"""The public face of the dissector: a capture as an iterator of RPCs."""

from __future__ import annotations

import re
import shutil
import socket
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.support.captures import ROOT
from tests.support.rdma_wire import Wire, do_getattr, do_read, do_write, pattern, pcap

import nfsrdma.dissector
from nfsrdma.dissector import CaptureError, FilterError, Finding, Peer, Rpc, dissect
from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.xdr.nfs4 import types as t

LINUX = ROOT / "tests" / "data" / "captures" / "linux" / "linux-client-v41.pcap"
BROKEN = ROOT / "tests" / "data" / "captures" / "generated" / "violation-chunk-length-1.pcap"


def conversation() -> Wire:
    wire = Wire()
    wire.connect()
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(10_001), [Segment(7, 10_001, 0)])
    do_write(wire, 3, pattern(5000), [Segment(8, 5000, 0)])
    return wire


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(conversation().frames))
    return path


def test_the_example_of_the_package_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """With another file than the example's."""
    assert nfsrdma.dissector.__doc__ is not None
    found = re.search(r"::\n\n((?:    .*\n|\n)+)", nfsrdma.dissector.__doc__)
    assert found is not None
    exec(textwrap.dedent(found[1]).replace("capture.pcapng", str(BROKEN)), {})
    said = capsys.readouterr().out
    assert "chunk-length" in said
    assert " OK " in said


def test_public_names_are_there() -> None:
    for name in nfsrdma.dissector.__all__:
        assert getattr(nfsrdma.dissector, name).__doc__
    with pytest.raises(AttributeError):
        nfsrdma.dissector.nothing  # noqa: B018


def test_what_an_rpc_says(capture: Path) -> None:
    with dissect(capture) as rpcs:
        found = list(rpcs)
        assert rpcs.frames > 20
        assert rpcs.began_ns > 0
        assert rpcs.findings == []
    assert [rpc.name for rpc in found] == ["GETATTR", "READ", "WRITE"]
    read = found[1]
    assert (read.number, read.xid, read.connection, read.transport) == (2, 2, 1, "RoCEv2")
    assert (read.program, read.program_name, read.version) == (100003, "NFS", 4)
    assert (read.procedure, read.procedure_name, read.protocol) == (1, "COMPOUND", "NFS4.1")
    assert (read.minor_version, read.callback, read.status, read.ok) == (1, False, "OK", True)
    assert isinstance(read.requester, Peer)
    assert read.responder.port == 20049
    assert read.call_frame is not None
    assert read.reply_frame is not None
    assert read.call_frame < read.reply_frame
    assert read.latency_ns is not None
    assert read.latency_ns > 0
    assert read.findings == ()
    assert read.resent == 0
    operation = read.operations[-1]
    assert (operation.name, operation.number, operation.status) == ("READ", t.OP_READ, "NFS4_OK")
    assert isinstance(operation.arguments, t.READ4args)
    assert isinstance(operation.result, t.READ4res)
    (chunk,) = read.chunks
    assert (chunk.kind, chunk.offered, chunk.used, chunk.carried) == (
        "write",
        10_001,
        10_001,
        10_001,
    )
    assert chunk.segments[0].handle == 7
    assert chunk.packets > 1
    (data,) = read.data
    assert (data.operation, data.missing, data.octets) == ("READ", 0, pattern(10_001))
    assert found[2].data[0].octets == pattern(5000)
    assert read.call_fields["rpc.msgtyp"] == 0
    assert read.reply_fields["rpc.msgtyp"] == 1
    assert str(read).split()[0] == f"{read.call_frame}>{read.reply_frame}"
    assert repr(read) == "<Rpc 2 NFS4.1 READ OK>"


def test_every_rpc_can_be_asked_for_everything() -> None:
    """Whatever a capture holds: replies without calls, callbacks, other programs, cuts."""
    names = [name for name in dir(Rpc) if isinstance(getattr(Rpc, name), property)]
    folder = LINUX.parent.parent
    for path in sorted(folder.glob("*/*.pcap*")):
        for rpc in dissect(path, lint=True):
            assert {name: getattr(rpc, name) for name in names}
            assert str(rpc)


def test_lazily_and_in_order() -> None:
    """Nothing is read before it is asked for."""
    rpcs = dissect(LINUX)
    assert rpcs.frames == 0
    first = next(rpcs)
    read = rpcs.frames
    assert 0 < read < 100
    assert first.reply_frame is not None
    assert first.reply_frame <= read
    assert len(list(rpcs)) > 50
    assert next(rpcs, None) is None


def test_a_filter_and_lint(capture: Path) -> None:
    assert [rpc.xid for rpc in dissect(capture, filter="nfs.opcode == READ")] == [2]
    with pytest.raises(FilterError):
        dissect(capture, filter="no.such.field == 1")
    rules = {finding.rule for rpc in dissect(BROKEN, lint=True) for finding in rpc.findings}
    assert rules == {"chunk-length"}
    # What does not fit is checked all the same: the rules need the order of things.
    assert not list(dissect(BROKEN, lint=True, filter="rpc.xid == 0xdeadbeef"))


def test_findings_about_no_rpc() -> None:
    path = BROKEN.parent / "violation-bad-header-1.pcap"
    rpcs = dissect(path, lint=True)
    of_rpcs = [finding for rpc in rpcs for finding in rpc.findings]
    assert all(isinstance(one, Finding) for one in [*of_rpcs, *rpcs.findings])
    assert "bad-header" in {one.rule for one in [*of_rpcs, *rpcs.findings]}


def test_a_stream(capture: Path) -> None:
    with capture.open("rb") as file:
        assert len(list(dissect(file))) == 3
    ours, theirs = socket.socketpair()
    with ours, theirs.makefile("rb") as stream:
        ours.sendall(capture.read_bytes())
        ours.shutdown(socket.SHUT_WR)
        theirs.close()
        assert [rpc.name for rpc in dissect(stream)] == ["GETATTR", "READ", "WRITE"]


def test_a_file_that_grows(capture: Path, tmp_path: Path) -> None:
    """Each RPC comes as soon as its reply is written, and the end when it is asked for."""
    octets = capture.read_bytes()
    growing = tmp_path / "growing.pcap"
    half = next(rpc for rpc in dissect(capture) if rpc.xid == 2).reply_frame
    assert half is not None
    growing.write_bytes(octets[:24])
    rpcs = dissect(growing, follow=True)
    seen: list[Any] = []
    first, second = threading.Event(), threading.Event()

    def follow() -> None:
        for rpc in rpcs:
            seen.append(rpc.name)
            (first if rpc.xid == 1 else second).set()

    thread = threading.Thread(target=follow)
    thread.start()
    with growing.open("ab") as file:
        file.write(octets[24:1900])
        file.flush()
        assert first.wait(20)
        file.write(octets[1900:])
        file.flush()
        assert second.wait(20)
    rpcs.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert seen[:2] == ["GETATTR", "READ"]


def test_what_is_no_capture(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no capture at all")
    with pytest.raises(CaptureError):
        dissect(path)
    with pytest.raises(FileNotFoundError):
        dissect(tmp_path / "nothing")
    with pytest.raises(ValueError, match="is no port"):
        dissect(shutil.copy(LINUX, tmp_path), decode_as=["qp:x"])
