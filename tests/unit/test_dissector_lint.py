"""Lint: for each rule a capture that breaks it and no other; nothing is said of good captures."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tests.support.captures import linux_captures, require
from tests.support.rdma_wire import (
    STATEID,
    Wire,
    compound,
    do_getattr,
    do_read,
    do_write,
    getattr_call,
    getattr_results,
    pattern,
    pcap,
    read_call,
    read_results,
    reduced,
    results,
    write_call,
    write_results,
)

from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.lint import RULES, Lint
from nfsrdma.dissector.model import Finding, Severity
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.render.findings import ndjson_finding, text_finding, text_summary
from nfsrdma.rpcrdma.rpc.auth import OpaqueAuth
from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import encode_header
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

VA = 0x7F00_0000_1000
DATA = pattern(1001)
SESSION = bytes(range(16))
SAID = PrivateData(4096, 4096, True)
BROKEN: list[tuple[str, Callable[[Wire], object]]] = []
"""Rules, and what two peers do that breaks them once connected, with 32 credits."""


def breaks(rule: str) -> Callable[[Callable[[Wire], object]], Callable[[Wire], object]]:
    def register(play: Callable[[Wire], object]) -> Callable[[Wire], object]:
        BROKEN.append((rule, play))
        return play

    return register


def lint_file(path: Path) -> tuple[Lint, list[Finding]]:
    out: list[Finding] = []
    view = Lint(out.append)
    pipeline = Pipeline(open_capture(path), view)
    view.attach(pipeline)
    pipeline.run()
    return view, out


def lint(wire: Wire, folder: Path) -> list[Finding]:
    path = folder / "capture"
    path.write_bytes(pcap(wire.frames))
    return lint_file(path)[1]


def connected() -> Wire:
    wire = Wire()
    wire.connect(SAID, SAID)
    do_getattr(wire, 1)
    return wire


def answer(wire: Wire, xid: int) -> None:
    wire.nfs_reply(xid, results(xid, getattr_results()))


def read_with(
    wire: Wire, offered: list[Segment], written: bytes, returned: list[Segment],
    data: bytes = DATA, invalidate: int | None = None,
) -> None:  # fmt: skip
    """READ of ``data``: ``written`` goes to where the first used segment was offered."""
    wire.nfs_call(2, read_call(0, len(data)), write=[Chunk(offered)])
    target = next(mine for mine, used in zip(offered, returned, strict=False) if used.length)
    if written:
        wire.rdma_write(wire.server, target.handle, target.offset, written)
    body = reduced(results(2, read_results(data)), data)
    wire.nfs_reply(2, body, write=[Chunk(returned)], invalidate=invalidate)


def write_at(wire: Wire, chunks: Callable[[int], list[Chunk]]) -> None:
    """WRITE of ``DATA`` by the Read chunks for the Position where it belongs."""
    whole = compound(2, write_call(0, DATA))
    read = chunks(whole.index(DATA))
    wire.nfs_call(2, [], read=read, inline=reduced(whole, DATA))
    for handle, length, address in read[0].segments:
        wire.rdma_read(wire.server, handle, address, DATA.ljust(length, b"\0")[:length])
    wire.nfs_reply(2, results(2, write_results(len(DATA))))


# Headers


@breaks("credit-zero")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call())
    wire.nfs_reply(2, results(2, getattr_results()), credits=0)


@breaks("credit-zero")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call(), credits=0)
    answer(wire, 2)


@breaks("inline-too-long")
def _(wire: Wire) -> None:
    wire.nfs_call(2, [t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"f" * 100))] * 40)
    answer(wire, 2)


@breaks("message-form")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call())
    wire.send(wire.server, bytes(encode_header(2, 32, 1)) + results(2, getattr_results()))


@breaks("message-form")
def _(wire: Wire) -> None:
    chunk = Chunk([Segment(7, 4096, VA)])
    wire.nfs_call(2, getattr_call(), reply=chunk)
    body = results(2, getattr_results())
    wire.rdma_write(wire.server, 7, VA, body)
    wire.nfs_reply(2, body, reply=Chunk([Segment(7, len(body), VA)]))


@breaks("procedure-obsolete")
def _(wire: Wire) -> None:
    head = struct.pack(">9I", 2, 1, 32, 2, 4, 100, 0, 0, 0)
    wire.send(wire.client, head + compound(2, getattr_call()))
    answer(wire, 2)


@breaks("procedure-obsolete")
def _(wire: Wire) -> None:
    wire.send(wire.client, struct.pack(">7I", 2, 1, 32, 3, 0, 0, 0))


@breaks("xid-differs")
def _(wire: Wire) -> None:
    whole = compound(0xBAD, getattr_call())
    wire.nfs_call(2, [], read=[Chunk([Segment(7, len(whole), VA)], 0)], inline=b"")
    wire.rdma_read(wire.server, 7, VA, whole)
    answer(wire, 2)


@breaks("xid-unmatched")
def _(wire: Wire) -> None:
    answer(wire, 99)


@breaks("xid-reused")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call())
    wire.nfs_call(2, getattr_call())
    answer(wire, 2)


@breaks("reply-read-list")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call())
    head = encode_header(2, 32, 0, [Chunk([Segment(7, 8, VA)], 40)])
    wire.send(wire.server, bytes(head) + results(2, getattr_results()))


@breaks("invalidate-unknown")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call())
    wire.nfs_reply(2, results(2, getattr_results()), invalidate=99)


# Read chunks


@breaks("position-misaligned")
def _(wire: Wire) -> None:
    write_at(wire, lambda at: [Chunk([Segment(7, 1001, VA)], at + 2)])


@breaks("position-overlap")
def _(wire: Wire) -> None:
    write_at(
        wire, lambda at: [Chunk([Segment(7, 1001, VA)], at), Chunk([Segment(8, 8, VA)], at + 8)]
    )


@breaks("position-range")
def _(wire: Wire) -> None:
    write_at(wire, lambda at: [Chunk([Segment(7, 1001, VA)], at + 4000)])


@breaks("pad-read")
def _(wire: Wire) -> None:
    write_at(wire, lambda at: [Chunk([Segment(7, 1004, VA)], at)])


@breaks("chunk-ineligible")
def _(wire: Wire) -> None:
    name = b"n" * 400
    whole = compound(2, [t.nfs_argop4(t.OP_LOOKUP, t.LOOKUP4args(name))])
    read = [Chunk([Segment(7, 400, VA)], whole.index(name))]
    wire.nfs_call(2, [], read=read, inline=reduced(whole, name))
    wire.rdma_read(wire.server, 7, VA, name)
    wire.nfs_reply(2, results(2, [t.nfs_resop4(t.OP_LOOKUP, t.LOOKUP4res(0))]))


@breaks("gss-ddp")
def _(wire: Wire) -> None:
    enc = Encoder()
    encode_call(enc, 2, 100003, 4, 1, OpaqueAuth(6, struct.pack(">5I", 1, 0, 1, 2, 0)))
    read = [Chunk([Segment(7, 400, VA)], 60)]
    wire.nfs_call(2, [], read=read, inline=enc.to_bytes() + bytes(16))


# Write and Reply chunks


@breaks("chunk-ineligible")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call(), write=[Chunk([Segment(7, 4096, VA)])])
    wire.rdma_write(wire.server, 7, VA, bytes(8))
    wire.nfs_reply(2, results(2, getattr_results()), write=[Chunk([Segment(7, 8, VA)])])


@breaks("chunk-mismatch")
def _(wire: Wire) -> None:
    read_with(wire, [Segment(7, 1001, VA)], DATA, [Segment(7, 1001, VA), Segment(8, 0, VA)])


@breaks("chunk-mismatch")
def _(wire: Wire) -> None:
    read_with(wire, [Segment(7, 1001, VA)], DATA, [Segment(7, 1001, VA + 4)])


@breaks("chunk-mismatch")
def _(wire: Wire) -> None:
    read_with(wire, [Segment(7, 1000, VA)], DATA[:1000], [Segment(7, 1001, VA)])


@breaks("chunk-mismatch")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call())
    wire.nfs_reply(2, results(2, getattr_results()), reply=Chunk([Segment(7, 0, VA)]))


@breaks("chunk-mismatch")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call())
    wire.nfs_reply(2, results(2, getattr_results()), write=[Chunk([Segment(7, 0, VA)])])


@breaks("chunk-fill")
def _(wire: Wire) -> None:
    read_with(
        wire, [Segment(7, 1001, VA), Segment(8, 1001, VA)], DATA,
        [Segment(7, 0, VA), Segment(8, 1001, VA)],
    )  # fmt: skip


@breaks("chunk-unwritten")
def _(wire: Wire) -> None:
    read_with(wire, [Segment(7, 1001, VA)], b"", [Segment(7, 1001, VA)])


@breaks("chunk-excess")
def _(wire: Wire) -> None:
    read_with(wire, [Segment(7, 4096, VA)], DATA + bytes(99), [Segment(7, 1001, VA)])


@breaks("pad-written")
def _(wire: Wire) -> None:
    read_with(wire, [Segment(7, 4096, VA)], DATA + bytes(3), [Segment(7, 1001, VA)])


@breaks("pad-written")
def _(wire: Wire) -> None:
    read_with(wire, [Segment(7, 4096, VA)], DATA + bytes(3), [Segment(7, 1004, VA)])


@breaks("chunk-length")
def _(wire: Wire) -> None:
    read_with(wire, [Segment(7, 4096, VA)], DATA[:500], [Segment(7, 500, VA)])


@breaks("chunk-both")
def _(wire: Wire) -> None:
    write, reply = Segment(7, 1001, VA), Segment(8, 4096, VA)
    wire.nfs_call(2, read_call(0, 1001), write=[Chunk([write])], reply=Chunk([reply]))
    wire.rdma_write(wire.server, 7, VA, DATA)
    body = reduced(results(2, read_results(DATA)), DATA)
    wire.rdma_write(wire.server, 8, VA, body)
    used = Chunk([Segment(8, len(body), VA)])
    wire.nfs_reply(2, b"", write=[Chunk([write])], reply=used)


# RDMA


@breaks("rdma-direction")
def _(wire: Wire) -> None:
    wire.nfs_call(2, read_call(0, 1001), write=[Chunk([Segment(7, 1001, VA)])])
    wire.rdma_read(wire.server, 7, VA, bytes(500))
    wire.nfs_reply(2, results(2, read_results(b"")), write=[Chunk([Segment(7, 0, VA)])])


@breaks("rdma-outside")
def _(wire: Wire) -> None:
    read_with(wire, [Segment(7, 1001, VA)], DATA + b"!", [Segment(7, 1001, VA)])


@breaks("rdma-outside")
def _(wire: Wire) -> None:
    wire.rdma_write(wire.server, 99, VA, DATA)
    do_getattr(wire, 2)


@breaks("rdma-after-reply")
def _(wire: Wire) -> None:
    do_read(wire, 2, DATA, [Segment(7, 1001, VA)])
    wire.rdma_write(wire.server, 7, VA, DATA)
    do_getattr(wire, 3)


@breaks("rdma-after-invalidation")
def _(wire: Wire) -> None:
    segment = [Segment(7, 1001, VA)]
    read_with(wire, segment, DATA, segment, invalidate=7)
    wire.rdma_write(wire.server, 7, VA, DATA)


# Sessions


def sequence_call(slot: int, sequence: int) -> list[t.nfs_argop4]:
    args = t.SEQUENCE4args(SESSION, sequence, slot, 7, False)
    return [t.nfs_argop4(t.OP_SEQUENCE, args)]


def sequence_results(slot: int, sequence: int) -> list[t.nfs_resop4]:
    done = t.SEQUENCE4resok(SESSION, sequence, slot, 7, 7, 0)
    return [t.nfs_resop4(t.OP_SEQUENCE, t.SEQUENCE4res(0, done))]


def do_sequence(wire: Wire, xid: int, slot: int, sequence: int) -> None:
    wire.nfs_call(xid, sequence_call(slot, sequence))
    wire.nfs_reply(xid, results(xid, sequence_results(slot, sequence)))


def do_session(wire: Wire, slots: int = 4) -> None:
    attributes = t.channel_attrs4(0, 4096, 4096, 4096, 16, slots, [])
    asked = t.CREATE_SESSION4args(5, 1, 0, attributes, attributes, 0x40000000, [])
    made = t.CREATE_SESSION4resok(SESSION, 1, 0, attributes, attributes)
    wire.nfs_call(50, [t.nfs_argop4(t.OP_CREATE_SESSION, asked)])
    answered = t.nfs_resop4(t.OP_CREATE_SESSION, t.CREATE_SESSION4res(0, made))
    wire.nfs_reply(50, results(50, [answered]))


@breaks("slot-busy")
def _(wire: Wire) -> None:
    do_sequence(wire, 2, 0, 7)
    wire.nfs_call(3, sequence_call(0, 8))
    wire.nfs_call(4, sequence_call(0, 9))
    for xid, sequence in ((3, 8), (4, 9)):
        wire.nfs_reply(xid, results(xid, sequence_results(0, sequence)))


@breaks("slot-sequence")
def _(wire: Wire) -> None:
    do_sequence(wire, 2, 0, 7)
    do_sequence(wire, 3, 0, 9)


@breaks("slot-sequence")
def _(wire: Wire) -> None:
    do_session(wire)
    do_sequence(wire, 2, 0, 2)


@breaks("slot-range")
def _(wire: Wire) -> None:
    do_session(wire)
    do_sequence(wire, 2, 4, 1)


# What the decoder says


@breaks("bad-header")
def _(wire: Wire) -> None:
    wire.send(wire.client, struct.pack(">7I", 2, 1, 32, 1, 5, 0, 0))


@breaks("undecoded")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call())
    wire.nfs_reply(2, results(2, getattr_results()) + bytes(4))


@breaks("rdma-error")
def _(wire: Wire) -> None:
    wire.nfs_call(2, getattr_call())
    wire.send(wire.server, struct.pack(">5I", 2, 1, 32, 4, 2))


@pytest.mark.parametrize(
    ("rule", "play"), BROKEN, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(BROKEN)]
)
def test_what_breaks_a_rule_breaks_no_other(
    tmp_path: Path, rule: str, play: Callable[[Wire], object]
) -> None:
    wire = connected()
    before = len(wire.frames)
    play(wire)
    findings = lint(wire, tmp_path)
    assert {finding.rule for finding in findings} == {rule}, findings
    for finding in findings:
        assert finding.severity == RULES[rule].severity
        assert before < finding.frame <= len(wire.frames)


def test_a_requester_begins_with_one_credit(tmp_path: Path) -> None:
    wire = Wire()
    wire.connect(SAID, SAID)
    for xid in (1, 2):
        wire.nfs_call(xid, getattr_call())
    for xid in (1, 2):
        answer(wire, xid)
    (finding,) = lint(wire, tmp_path)
    assert (finding.rule, finding.frame) == ("credit-overrun", 5)
    assert finding.text == "2 calls are in progress, 1 credits were granted"


def test_credits_taken_back_count_once_calls_on_their_way_are_answered(tmp_path: Path) -> None:
    wire = connected()
    for xid in range(10, 14):
        wire.nfs_call(xid, getattr_call())
    wire.nfs_reply(10, results(10, getattr_results()), credits=2)
    wire.nfs_call(14, getattr_call())
    for xid in range(11, 15):
        wire.nfs_reply(xid, results(xid, getattr_results()), credits=2)
    assert lint(wire, tmp_path) == []
    for xid in range(20, 23):
        wire.nfs_call(xid, getattr_call())
    assert [finding.rule for finding in lint(wire, tmp_path)] == ["credit-overrun"]


def test_without_private_data_the_defaults_hold(tmp_path: Path) -> None:
    wire = Wire()
    wire.connect(None, SAID)
    wire.nfs_call(2, [t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"f" * 100))] * 10)
    wire.nfs_reply(2, results(2, getattr_results()))
    segment = [Segment(7, 1001, VA)]
    read_with(wire, segment, DATA, segment, invalidate=7)
    assert [finding.rule for finding in lint(wire, tmp_path)] == [
        "inline-too-long",
        "invalidate-unasked",
    ]


def test_every_rule_has_a_capture_that_breaks_it() -> None:
    elsewhere = {"credit-overrun", "invalidate-unasked"}
    # In test_dissector_tcp and test_dissector_iwarp.
    streams = {"record-mark", "mpa-length", "mpa-marker", "mpa-crc", "ddp-header", "rdma-terminate"}
    assert {rule for rule, _ in BROKEN} | elsewhere | streams == set(RULES)
    for name, rule in RULES.items():
        assert name == rule.id
        assert rule.source.startswith("RFC ")
        assert rule.text.endswith(".")


def good(wire: Wire) -> None:
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(10_001), [Segment(7, 8_000, VA), Segment(8, 4_096, VA)], 4096)
    do_write(wire, 3, pattern(7_002, 3), [Segment(8, 4_096, VA), Segment(9, 2_906, VA)])
    do_session(wire)
    for index in range(4):
        do_sequence(wire, 10 + index, index % 2, 1 + index // 2)
    failed = t.nfs_resop4(t.OP_READ, t.READ4res(t.NFS4ERR_IO))
    segment = Segment(7, 4096, VA)
    wire.nfs_call(20, [t.nfs_argop4(t.OP_READ, t.READ4args(STATEID, 0, 4096))],
                  write=[Chunk([segment])])  # fmt: skip
    wire.rdma_write(wire.server, 7, VA, DATA)
    body = results(20, [failed], t.NFS4ERR_IO)
    wire.nfs_reply(20, body, write=[Chunk([segment._replace(length=0)])], invalidate=7)


@pytest.mark.parametrize("start", [0, 5, 12, 21])
def test_good_captures_from_anywhere(tmp_path: Path, start: int) -> None:
    wire = Wire()
    wire.connect(SAID, SAID)
    good(wire)
    wire.frames = wire.frames[start:]
    assert lint(wire, tmp_path) == []


def test_any_missing_frame_is_no_fault_of_the_peers(tmp_path: Path) -> None:
    wire = Wire()
    wire.connect(SAID, SAID)
    good(wire)
    frames = wire.frames
    for index in range(len(frames) - 1):
        wire.frames = frames[:index] + frames[index + 1 :]
        assert lint(wire, tmp_path) == [], index


@pytest.mark.parametrize("path", linux_captures(), ids=lambda path: path.stem)
def test_linux_breaks_no_rule(path: Path) -> None:
    view, findings = lint_file(require(path))
    assert findings == []
    assert text_summary(view) == "0 errors, 0 warnings, 0 notes\n"


def test_a_finding_as_text_and_as_json(tmp_path: Path) -> None:
    wire = connected()
    wire.nfs_call(2, getattr_call(), credits=0)
    answer(wire, 2)
    (finding,) = lint(wire, tmp_path)
    assert text_finding(finding) == (
        "       7 error: credit-zero: 0 credits are asked for, octets 8 to 12 "
        "[RFC 8166, Section 3.3.1]\n"
    )
    fields = json.loads(ndjson_finding(finding))
    assert fields["frame.number"] == 7
    assert fields["nfsrdma.finding"] == "credit-zero"
    assert fields["nfsrdma.octets"] == [8, 12]
    assert fields["nfsrdma.source"] == "RFC 8166, Section 3.3.1"


def test_what_the_capture_lacks_is_said(tmp_path: Path) -> None:
    wire = connected()
    do_getattr(wire, 2)
    del wire.frames[6]
    path = tmp_path / "capture"
    path.write_bytes(pcap(wire.frames))
    view, findings = lint_file(path)
    assert findings == []
    assert view.counts[Severity.ERROR] == 0
    assert "the capture lacks 1 packets" in text_summary(view)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_captures_end_in_findings(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    for _ in range(10):
        wire = connected()
        for _, play in random.sample(BROKEN, 4):
            play(wire)
        good(wire)
        for _ in range(20):
            frame = random.choice(wire.frames)
            octets = bytearray(frame.data)
            at = random.randrange(42, min(len(octets), 260))
            octets[at] = random.choice((0, 1, 2, 255, random.randrange(256)))
            frame.data = bytes(octets)
        if random.random() < 0.3:
            random.shuffle(wire.frames)
        for finding in lint(wire, tmp_path):
            assert text_finding(finding).endswith("]\n")
            assert json.loads(ndjson_finding(finding))["frame.number"] <= len(wire.frames)
