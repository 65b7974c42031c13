"""RPC-over-RDMA version 2, as its draft has it: headers, chunks, continued messages, properties."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.support.dissection import Collected, dissect
from tests.support.rdma_wire import (
    Wire,
    compound,
    getattr_call,
    getattr_results,
    pattern,
    pcap,
    read_call,
    read_results,
    results,
)

from nfsrdma.dissector.base.finding import Finding
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.messages.rpcrdma import CUT, decode_transport
from nfsrdma.dissector.messages.rpcrdma2 import SecondHeader, decode_second
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.extract import payloads
from nfsrdma.dissector.views.lint import Lint

CALL, REPLY = 10, 13


def head(xid: int, kind: int, *words: int) -> bytes:
    return struct.pack(f">{4 + len(words)}I", xid, 2, 32, kind, *words)


def seen(octets: bytes) -> SecondHeader:
    view = memoryview(octets)
    return decode_second(decode_transport(view), view)


def shown(wire: Wire, folder: Path) -> Collected:
    path = folder / "second.pcap"
    path.write_bytes(pcap(wire.frames))
    return dissect(path)


def begun() -> Wire:
    wire = Wire(mtu=1024)
    wire.connect()
    return wire


def test_calls_and_replies_are_decoded(tmp_path: Path) -> None:
    wire = begun()
    wire.send(wire.client, head(1, CALL, 0, 0, 0, 0) + compound(1, getattr_call()))
    wire.send(wire.server, head(1, REPLY, 0) + results(1, getattr_results()))
    view = shown(wire, tmp_path)
    (exchange,) = view.exchanges
    assert exchange.call_body is not None
    assert exchange.reply_body is not None
    assert exchange.call_body.names() == exchange.reply_body.names() == ["PUTFH", "GETATTR"]
    assert exchange.call_header is not None
    assert exchange.call_header.name == "RDMA2_CALL_INLINE"
    assert not view.rules


def test_a_write_chunk_is_followed(tmp_path: Path) -> None:
    wire, data = begun(), pattern(600)
    segment = (1, 1, 7, 600, 0, 0x1000)
    asked = compound(1, read_call(0, 600))
    wire.send(wire.client, head(1, CALL, 7, 0, *segment, 0, 0) + asked)
    wire.rdma_write(wire.server, 7, 0x1000, data)
    answered = results(1, read_results(data))
    at = answered.index(data)
    rest = answered[:at] + answered[at + len(data) :]
    wire.send(wire.server, head(1, REPLY, *segment, 0) + rest)
    (exchange,) = shown(wire, tmp_path).exchanges
    (payload,) = payloads(exchange)
    assert payload.length == len(data)
    assert not exchange.findings


def test_a_call_in_a_chunk(tmp_path: Path) -> None:
    wire, asked = begun(), compound(1, getattr_call())
    segment = (0, 7, len(asked), 0, 0x1000)
    wire.send(wire.client, head(1, 8, 0, 1, *segment, 0, 0, 0, 0))
    wire.rdma_read(wire.server, 7, 0x1000, asked)
    wire.send(wire.server, head(1, REPLY, 0) + results(1, getattr_results()))
    (exchange,) = shown(wire, tmp_path).exchanges
    assert exchange.call_body is not None
    assert exchange.call_body.names() == ["PUTFH", "GETATTR"]


@pytest.mark.parametrize("size", [4, 40, 100])
def test_what_is_continued_is_put_together(tmp_path: Path, size: int) -> None:
    wire, asked = begun(), compound(1, getattr_call())
    parts = [asked[at : at + size] for at in range(0, len(asked), size)]
    left = len(asked)
    for part in parts[:-1]:
        left -= len(part)
        wire.send(wire.client, head(1, 9, left) + part)
    wire.send(wire.client, head(1, CALL, 0, 0, 0, 0) + parts[-1])
    whole = results(1, getattr_results())
    wire.send(wire.server, head(1, 12, len(whole) - 20) + whole[:20])
    wire.send(wire.server, head(1, REPLY, 0) + whole[20:])
    view = shown(wire, tmp_path)
    (exchange,) = view.exchanges
    assert exchange.call_body is not None
    assert exchange.reply_body is not None
    assert exchange.call_body.names() == exchange.reply_body.names() == ["PUTFH", "GETATTR"]
    assert not view.rules


def test_properties_grants_and_errors(tmp_path: Path) -> None:
    wire = begun()
    properties = struct.pack(">I", 2) + struct.pack(">3I", 2, 4, 4096) + struct.pack(">2I", 6, 3)
    wire.send(wire.client, head(0, 7) + properties + b"abc\0")
    wire.send(wire.server, head(0, 5))
    wire.send(wire.client, head(1, CALL, 0, 0, 0, 0) + compound(1, getattr_call()))
    wire.send(wire.server, head(1, 4, 9, 0, 8192))
    view = shown(wire, tmp_path)
    texts = [one.text for one in view.found]
    assert "RDMA2_CONNPROP_FINAL, credits 32, receive size 4096, host authentication 3 octets" in (
        texts
    )
    assert "RDMA2_GRANT, credits 32" in texts
    (exchange,) = view.exchanges
    assert exchange.error is not None
    assert exchange.error.error_name == "ERR_WRITE_RESOURCE"


def test_rules_of_version_1_are_not_asked_of_version_2(tmp_path: Path) -> None:
    wire = begun()
    for xid in (1, 2, 3):
        wire.send(wire.client, head(xid, CALL, 0, 0, 0, 0) + compound(xid, getattr_call()))
    for xid in (1, 2, 3):
        wire.send(wire.server, head(xid, REPLY, 0) + results(xid, getattr_results()))
    found: list[Finding] = []
    path = tmp_path / "second.pcap"
    path.write_bytes(pcap(wire.frames))
    Pipeline(open_capture(path), Lint(found.append)).run()
    assert found == []


@pytest.mark.parametrize("kind", range(4, 14))
def test_headers_that_are_cut(kind: int) -> None:
    whole = head(1, kind, 1, 1, 1, 7, 600, 0, 0x1000, 0, 0, 0, 0, 0, 0)
    for end in range(16, len(whole)):
        header = seen(whole[:end])
        assert header.fault in ("", CUT) or "boolean" in header.fault or "chunk" in header.fault
        assert header.size <= len(whole)
    assert seen(head(1, 7, 65)).fault
    assert seen(head(1, 99)).fault
