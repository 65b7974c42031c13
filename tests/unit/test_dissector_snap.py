"""Frames that were cut at a snapshot length: that is no error, and nothing is made up behind it."""

from __future__ import annotations

import json
import re

import pytest
from tests.fuzz.targets import Octets
from tests.support.rdma_wire import (
    CREDENTIAL,
    Frame,
    Wire,
    do_getattr,
    do_read,
    do_write,
    getattr_call,
    getattr_results,
    pattern,
    pcap,
    results,
)

from nfsrdma.dissector.base.finding import Finding, Severity
from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.line import LineView
from nfsrdma.dissector.views.lint import Lint
from nfsrdma.dissector.views.ndjson import NdjsonView
from nfsrdma.dissector.views.tree import TreeView
from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t


def conversation() -> list[Frame]:
    wire = Wire()
    wire.connect()
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(6000), [Segment(7, 6000, 0)])
    do_write(wire, 3, pattern(5000), [Segment(8, 5000, 0)])
    wire.nfs_call(4, [], inline=tagged(4, b"AAAA" * 60))
    wire.nfs_reply(4, results(4, getattr_results()))
    return wire.frames


def tagged(xid: int, tag: bytes) -> bytes:
    enc = Encoder()
    encode_call(enc, xid, 100003, 4, 1, CREDENTIAL)
    t.COMPOUND4args(tag, 1, getattr_call()).encode(enc)
    return enc.to_bytes()


FRAMES = conversation()


@pytest.mark.parametrize("snaplen", [*range(54, 130, 3), *range(130, 500, 7)])
def test_a_cut_is_no_error(snaplen: int) -> None:
    octets = pcap(FRAMES, snaplen=snaplen)
    text: list[str] = []
    rows: list[str] = []
    for view in (TreeView(text.append), LineView(text.append), NdjsonView(rows.append)):
        Pipeline(reader_of(Octets(octets)), view).run()
    findings: list[Finding] = []
    lint = Lint(findings.append)
    Pipeline(reader_of(Octets(octets)), lint).run()
    assert not [one for one in findings if one.severity > Severity.NOTE]
    shown = "".join(text)
    assert not re.search(r"error:|warning:|-1\b|\[[RWC] 0\]", shown)
    # The one minor version is 1; what else might be taken for one are the letters of the tag.
    assert not re.search(r"NFS4\.(?!1\b)", shown)
    for line in "".join(rows).splitlines():
        for name, value in json.loads(line).items():
            assert not (name.startswith(("rpc.", "nfs.")) and value == -1)
