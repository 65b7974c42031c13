"""Which connections are RPC-over-RDMA, and what of others' headers is said."""

from __future__ import annotations

import random
import struct

import pytest
from tests.fuzz.targets import Octets
from tests.support.rdma_wire import (
    Frame,
    Host,
    Wire,
    do_getattr,
    getattr_call,
    getattr_results,
    pcap,
    results,
)

from nfsrdma.dissector.base.finding import Finding
from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking.claims import DecodeAs, decode_as
from nfsrdma.dissector.tracking.events import Events
from nfsrdma.dissector.tracking.model import Exchange


class Seen:
    def __init__(self, frames: list[Frame], known: DecodeAs | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self.findings: list[Finding] = []
        reader = reader_of(Octets(pcap(frames)))
        self.pipeline = Pipeline(reader, self, decode_as=known)
        self.pipeline.run()

    def subscribe(self, events: Events) -> None:
        events.exchanges.subscribe(self.exchange)
        events.findings.subscribe(self.finding)

    def exchange(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def finding(self, finding: Finding) -> None:
        self.findings.append(finding)

    @property
    def rules(self) -> list[str]:
        return sorted(one.rule for one in self.findings)


def look_alikes(wire: Wire, count: int = 60) -> None:
    """Small integers where an RPC-over-RDMA header has its own."""
    chance = random.Random(3)
    for index in range(count):
        words = (index % 7, 1, chance.choice((1, 32)), chance.randrange(6), *([0] * (index % 9)))
        wire.send(wire.client if index % 2 else wire.server, struct.pack(f">{len(words)}I", *words))


@pytest.mark.parametrize("service", [None, 7471, 4420])
def test_what_only_looks_like_it_is_not_claimed(service: int | None) -> None:
    wire = Wire(service=service or 1)
    if service is not None:
        wire.connect()
    look_alikes(wire)
    seen = Seen(wire.frames)
    assert not seen.exchanges
    assert not seen.findings


@pytest.mark.parametrize("service", [None, 20049, 4420])
def test_a_call_claims_its_connection_on_any_port(service: int | None) -> None:
    wire = Wire(service=service or 1)
    if service is not None:
        wire.connect()
    for xid in range(1, 4):
        do_getattr(wire, xid)
    seen = Seen(wire.frames)
    assert len(seen.exchanges) == 3
    assert not seen.findings


def test_others_beside_it_are_their_own_connection() -> None:
    nfs, other = Wire(), Wire(Host("10.0.0.1", 0x51, 1), Host("10.0.0.2", 0x52, 1), service=7471)
    nfs.connect()
    other.connect()
    do_getattr(nfs, 1)
    look_alikes(other)
    do_getattr(nfs, 2)
    seen = Seen(sorted(nfs.frames + other.frames, key=lambda frame: frame.time))
    assert len(seen.exchanges) == 2
    assert not seen.findings


def test_what_came_before_the_first_call_is_shown_after_all() -> None:
    """A capture that begins with a reply and an error."""
    wire = Wire()
    wire.nfs_reply(1, results(1, getattr_results()))
    wire.send(wire.server, struct.pack(">5I", 2, 1, 8, 4, 2))
    do_getattr(wire, 3)
    seen = Seen(wire.frames)
    assert [one.xid for one in seen.exchanges] == [1, 3]
    assert seen.rules == ["no-call", "rdma-error"]


def test_replies_alone_are_shown_at_the_end() -> None:
    wire = Wire()
    for xid in range(1, 4):
        wire.nfs_reply(xid, results(xid, getattr_results()))
    seen = Seen(wire.frames)
    assert [one.xid for one in seen.exchanges] == [1, 2, 3]


BROKEN = {
    "nothing": b"",
    "short": bytes(8),
    "version": struct.pack(">7I", 9, 0xFFFFFFFF, 32, 0, 0, 0, 0),
    "procedure": struct.pack(">7I", 9, 1, 32, 77, 0, 0, 0),
    "no list": struct.pack(">4I", 9, 1, 32, 0),
    "a list without an end": struct.pack(">7I", 9, 1, 32, 0, 1, 0, 7),
    "no boolean": struct.pack(">7I", 9, 1, 32, 0, 5, 0, 0),
    "segments": struct.pack(">7I", 9, 1, 32, 0, 0, 1, 0xFFFFFFFF),
    "direction": struct.pack(">9I", 9, 1, 32, 0, 0, 0, 0, 9, 3),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_header_on_an_nfs_connection_is_an_error(name: str) -> None:
    wire = Wire()
    wire.connect()
    do_getattr(wire, 1)
    wire.send(wire.client, BROKEN[name])
    do_getattr(wire, 2)
    seen = Seen(wire.frames)
    (finding,) = [one for one in seen.findings if one.rule == "bad-header"]
    assert finding.severity > 0
    assert len([one for one in seen.exchanges if one.call and one.reply]) == 2


@pytest.mark.parametrize("version", [2, 3])
def test_a_header_of_another_version_and_its_refusal_belong_together(version: int) -> None:
    wire = Wire()
    wire.connect()
    do_getattr(wire, 1)
    wire.send(wire.client, struct.pack(">7I", 9, version, 32, 0, 0, 0, 0) + bytes(40))
    wire.send(wire.server, struct.pack(">7I", 9, 1, 32, 4, 1, 1, 1))
    seen = Seen(wire.frames)
    assert len(seen.findings) == 2
    assert f"version {version}" in seen.findings[0].text
    assert f"for the header in frame {seen.findings[0].frame}" in seen.findings[1].text


def test_several_replies_are_as_good_as_a_call() -> None:
    wire = Wire()
    for xid in range(1, 200):
        wire.nfs_reply(xid, results(xid, getattr_results()))
    assert len(Seen(wire.frames).exchanges) == 199


def test_what_waits_is_bounded() -> None:
    wire = Wire()
    for xid in range(1, 200):
        wire.send(wire.server, struct.pack(">5I", xid, 1, 8, 4, 2))
    seen = Seen(wire.frames)
    assert seen.rules == ["rdma-error"] * 16
    wire.nfs_call(500, getattr_call())
    assert len(Seen(wire.frames).exchanges) == 1


@pytest.mark.parametrize("words", ["any", "7471", "qp:0x11", "qp:0x22", "1 7471"])
def test_whoever_knows_better_says_so(words: str) -> None:
    wire = Wire(Host("10.0.0.1", 0x11, 1), Host("10.0.0.2", 0x22, 1), service=7471)
    wire.connect()
    wire.send(wire.client, struct.pack(">4I", 7, 1, 32, 1))  # too little for a claim
    assert not Seen(wire.frames).findings
    assert Seen(wire.frames, decode_as(words.split())).rules == ["bad-header"]
    assert not Seen(wire.frames, decode_as(("7472", "qp:0x33"))).findings


@pytest.mark.parametrize("word", ["x", "qp:", "port:3", "", "qp:0xzz"])
def test_what_is_neither_port_nor_queue_pair_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="is no port"):
        decode_as((word,))
