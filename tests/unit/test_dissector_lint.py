"""Lint: for each rule a capture that breaks it and no other; nothing is said of good captures."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tests.corpus.violations import (
    BROKEN,
    DATA,
    VA,
    answer,
    do_sequence,
    do_session,
    read_with,
    sequence_call,
)
from tests.support.captures import linux_captures, require
from tests.support.rdma_wire import (
    STATEID,
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
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.lint import RULES, Lint
from nfsrdma.dissector.views.lint.report import ndjson_finding, text_finding, text_summary
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr.nfs4 import types as t

SAID = PrivateData(4096, 4096, True)


def lint_file(path: Path) -> tuple[Lint, list[Finding]]:
    out: list[Finding] = []
    view = Lint(out.append)
    Pipeline(open_capture(path), view).run()
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
    assert "the capture lacks 1 packet:" in text_summary(view)


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


def test_a_call_without_a_result_may_have_used_its_slot_or_not(tmp_path: Path) -> None:
    """RDMA_ERROR in answer to a call, or no reply at all, says nothing of the slot."""
    for following, rules in ((3, []), (4, []), (5, []), (6, ["slot-sequence"])):
        wire = connected()
        do_session(wire)
        for sequence in (1, 2):
            do_sequence(wire, 10 + sequence, 0, sequence)
        for sequence in (3, 4):
            wire.nfs_call(10 + sequence, sequence_call(0, sequence))
            wire.send(wire.server, struct.pack(">5I", 10 + sequence, 1, 32, 4, 2))
        do_sequence(wire, 15, 0, following)
        found = [one.rule for one in lint(wire, tmp_path)]
        assert [rule for rule in found if rule != "rdma-error"] == rules


def test_an_identifier_that_another_session_has_had(tmp_path: Path) -> None:
    """As of a server that was started anew: the slots are new, too."""
    for second, rules in (([1, 2], []), ([3], ["slot-sequence"])):
        wire = connected()
        for numbers in ([1, 2, 3], second):
            do_session(wire)
            for sequence in numbers:
                do_sequence(wire, 100 * len(numbers) + sequence, 0, sequence)
        assert [one.rule for one in lint(wire, tmp_path)] == rules
