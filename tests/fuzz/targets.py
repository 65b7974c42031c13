"""What the fuzzer calls: each target turns octets into a capture and shows it to every view.

A target never lets a peer's octets raise anything. Only one takes whole files; the others build
what a blind fuzzer would need years to find (sequence numbers, record marks, checksums) around the
octets, so that these reach the layer that the target is about.

Nothing here needs the fuzzer: ``test_fuzz_corpus`` replays what it has found.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from tests.support.iwarp_wire import IwarpWire
from tests.support.rdma_wire import LINK_TYPES, Frame, Wire, compound, getattr_call, pcap, results
from tests.support.tcp_wire import Peer, TcpWire, marked
from tests.support.tls_records import DATA, HANDSHAKE, KEY_UPDATE, LOG, SealedWire

from nfsrdma.dissector.base.finding import Finding
from nfsrdma.dissector.capture import CaptureError, Reader, open_capture
from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.capture.rewrite import rewrite
from nfsrdma.dissector.fields.fields import message_fields
from nfsrdma.dissector.filter import FilterError, compile_filter
from nfsrdma.dissector.messages.procedures import COMPANY
from nfsrdma.dissector.pairs.diff import Diff, Difference
from nfsrdma.dissector.pairs.lockstep import Lockstep
from nfsrdma.dissector.pairs.merge import Merge, Survey
from nfsrdma.dissector.pairs.report import (
    ndjson_diff,
    ndjson_difference,
    ndjson_merge,
    ndjson_merged,
    text_diff,
    text_difference,
    text_merge,
)
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tls import Decryption, KeyLog
from nfsrdma.dissector.tracking.events import Events, Totals, View
from nfsrdma.dissector.tracking.model import Exchange
from nfsrdma.dissector.views.answers import Answer, ConnectionList, Slowest
from nfsrdma.dissector.views.chunks import ChunkView
from nfsrdma.dissector.views.columns import ColumnView, Style
from nfsrdma.dissector.views.extract import ExtractView
from nfsrdma.dissector.views.health.report import ndjson_health, text_health
from nfsrdma.dissector.views.histogram import Histogram
from nfsrdma.dissector.views.holdings import HoldingList
from nfsrdma.dissector.views.io_graph import IoGraph
from nfsrdma.dissector.views.latency.latency import Latency
from nfsrdma.dissector.views.latency.report import ndjson_latency, text_latency
from nfsrdma.dissector.views.line import LineView
from nfsrdma.dissector.views.lint import Lint
from nfsrdma.dissector.views.lint.report import ndjson_finding, text_finding
from nfsrdma.dissector.views.ndjson import NdjsonView
from nfsrdma.dissector.views.overview import Overview
from nfsrdma.dissector.views.page import PageView
from nfsrdma.dissector.views.rows import RowView
from nfsrdma.dissector.views.totals import KEYS, Failures, ServiceTimes, Top
from nfsrdma.dissector.views.tree import TreeView
from nfsrdma.dissector.views.wireshark_json import WiresharkJsonView
from nfsrdma.dissector.wireshark.remarks import Annotator, Remarks
from nfsrdma.dissector.wireshark.repair import Repairs
from nfsrdma.rpcrdma.rpc.auth import OpaqueAuth
from nfsrdma.rpcrdma.rpc.message import encode_accepted, encode_call
from nfsrdma.rpcrdma.transport.header import encode_header
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.rpc import AUTH_SYS, RPCSEC_GSS

Target = Callable[[bytes], None]

MAX_RECORDS = 64
_LINKS = (*sorted(set(LINK_TYPES.values())), 0, 14, 9999)


class Octets:
    """A capture in memory."""

    def __init__(self, octets: bytes) -> None:
        self.view = memoryview(octets)
        self.end = len(octets)
        self.problem = ""

    def more(self) -> bool:
        return False

    def passed(self, offset: int) -> None:
        """All of it stays."""

    def rewind(self) -> None:
        """It is at its start."""


class Everything:
    """All views at once, and the fields of each message."""

    def __init__(self, reader: Reader) -> None:
        self.latency = Latency()
        self.lint = Lint(self._found)
        self.page = PageView(lambda: reader.source.view, lambda: reader.began_ns)
        self.remarks = Remarks()
        self.repairs = Repairs(lambda: reader.source.view)
        self.answers: list[Answer] = [
            Overview(lambda: reader.began_ns), Slowest(3, lambda: reader.began_ns),
            ConnectionList(), Failures(), ServiceTimes(), *map(Top, KEYS), Histogram(),
            IoGraph(lambda: reader.began_ns), HoldingList(lambda: reader.began_ns),
        ]  # fmt: skip
        self.views: list[View] = [
            LineView(_text), TreeView(_text), ChunkView(_text), NdjsonView(_text), self.lint,
            self.latency, self.page,
            ExtractView(lambda: reader.source.view, lambda at, data: None, 1),
            RowView(lambda rows: _text(str(rows))), *self.answers, self.remarks, self.repairs,
            WiresharkJsonView(_text, None, lambda: reader.began_ns),
            ColumnView(_text, _COLUMNS, Style(), _DERIVED, lambda: reader.began_ns),
        ]  # fmt: skip

    @staticmethod
    def _found(finding: Finding) -> None:
        _text(text_finding(finding))
        _text(ndjson_finding(finding))

    def subscribe(self, events: Events) -> None:
        for view in self.views:
            view.subscribe(events)
        events.exchanges.subscribe(self._exchange)
        events.closed.subscribe(self._close)

    @staticmethod
    def _exchange(exchange: Exchange) -> None:
        for message in (exchange.call, exchange.reply):
            if message is not None:
                _FILTER(message_fields(exchange, message))

    def _close(self, totals: Totals) -> None:
        _text(text_latency(self.latency))
        _text(ndjson_latency(self.latency))
        _text(text_health(self.page.health))
        for line in ndjson_health(self.page.health):
            _text(line)
        _text(json.dumps(self.page.data("")))
        for answer in self.answers:
            for line in (*answer.text(), *answer.objects()):
                _text(line)


_FILTER = compile_filter(
    'nfs.path contains "a" or nfs.opcode == READ and (nfs.name contains "a" or rpc.time > 0.5)'
)


_COLUMNS = ("frame.number", "nfs.path", "infiniband.bth", "rpc.time", "nfs.fattr4.size")
_DERIVED = compile_filter("frame.len > 60 or nfs.fattr4.size > 3 or infiniband.bth[0] == 4")


def _text(text: str) -> None:
    text.encode()


def show(reader: Reader) -> None:
    """Everything that there is to be said of a capture."""
    view = Everything(reader)
    Pipeline(reader, view, check_crc=True).run()
    for editor in (Annotator(view.remarks.frames), view.repairs):
        rewrite(reader, editor, len)


def show_frames(frames: list[Frame], link_type: int = 1) -> None:
    show(reader_of(Octets(pcap(frames, link_type))))


def records(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """What a fuzzer can splice: a word of its choice, a length (16 bits each), so many octets."""
    at = 0
    for _ in range(MAX_RECORDS):
        if at + 4 > len(octets):
            return
        word, length = struct.unpack_from(">HH", octets, at)
        yield word, octets[at + 4 : at + 4 + length]
        at += 4 + length


def record(word: int, octets: bytes) -> bytes:
    """The inverse, for seeds."""
    return struct.pack(">HH", word, len(octets)) + octets


def file(octets: bytes) -> None:
    """A capture file of any format, compressed or not."""
    try:
        if octets[:2] == b"\x1f\x8b" or octets[:4] == b"\x28\xb5\x2f\xfd":
            with NamedTemporaryFile() as compressed:
                Path(compressed.name).write_bytes(octets)
                show(open_capture(compressed.name))
        else:
            show(reader_of(Octets(octets)))
    except CaptureError:
        return


def frames(octets: bytes) -> None:
    """Frames of one link type: the first octet says which."""
    if octets:
        link = _LINKS[octets[0] % len(_LINKS)]
        show_frames([Frame(word * 1000, data) for word, data in records(octets[1:])], link)


_SERVER, _LOST, _AGAIN, _CONNECT = 0x01, 0x80, 0x40, 0x20
_SEND, _WRITE, _READ, _ANSWER, _ACK, _PACKET = range(6)


def _act(wire: Wire, word: int, data: bytes) -> None:
    """One action of a side: bits 1 to 3 say which; the others what becomes of its packets."""
    sender = wire.server if word & _SERVER else wire.client
    start, kind = len(wire.frames), word >> 1 & 7
    address, handle = struct.unpack_from(">QI", data.ljust(12, b"\0"))
    if kind == _SEND:
        wire.send(sender, data, handle if word & 0x10 else None)
    elif kind == _WRITE:
        wire.rdma_write(sender, handle, address, data[12:])
    elif kind == _READ:
        wire.rdma_read(sender, handle, address, data[12:])
    elif kind == _ANSWER:
        # A reply whose header is whole, to whatever the octets are.
        head = bytes(encode_header(handle, 32, 0))
        wire.send(sender, head + results(handle, []) + data[12:])
    elif kind == _ACK:
        wire.acknowledge(sender, handle, word >> 8)
    else:
        wire.packet(sender, word >> 8, handle, data[12:28], data[28:])
    if word & _LOST and len(wire.frames) > start:
        del wire.frames[start + (word >> 8) % (len(wire.frames) - start)]
    if word & _AGAIN:
        wire.frames += wire.frames[start:]


def _acted(octets: bytes) -> list[Frame]:
    wire = Wire(mtu=256)
    if octets[0] & 1:
        wire.connect(PrivateData(), PrivateData())
    for word, data in records(octets[1:]):
        _act(wire, word, data)
    return wire.frames


def messages(octets: bytes) -> None:
    """What two hosts do on RoCE, after a handshake or without one; packets may get lost."""
    if octets:
        show_frames(_acted(octets))


def second(octets: bytes) -> None:
    """Headers of RPC-over-RDMA version 2 with good first words, and what moves their chunks."""
    wire = Wire(mtu=256)
    wire.connect(PrivateData(), PrivateData())
    for word, data in records(octets):
        sender = wire.server if word & 1 else wire.client
        if word & 0x20:
            _act(wire, word & _SERVER | (_WRITE, _READ)[word >> 1 & 1] << 1, data)
        else:
            first = struct.pack(">4I", word >> 8 & 3, 2, 32, word >> 1 & 15)
            wire.send(sender, first + data)
    show_frames(wire.frames)


def pair(octets: bytes) -> None:
    """The same in two captures, one of which lacks every n-th frame; and compared with itself."""
    if not octets:
        return
    all_frames = _acted(octets)
    some = [frame for at, frame in enumerate(all_frames) if at % (2 + (octets[0] >> 1))]
    whole, part = pcap(all_frames, 1), pcap(some, 1)
    itself = Diff(lambda one: _text(text_difference(one)))
    for first, second, diff in ((whole, part, Diff(_compared)), (whole, whole, itself)):
        survey = Survey()
        for sink in (diff, survey):
            Lockstep((reader_of(Octets(first)), reader_of(Octets(second))), sink).run()
        for line in (*text_diff(diff, ("a", "b")), *ndjson_diff(diff)):
            _text(line)
        clock = survey.clocks.read()
        if clock is not None:
            merge = Merge(clock, survey.near, lambda one: _text(ndjson_merged(one)))
            Lockstep((reader_of(Octets(first)), reader_of(Octets(second))), merge).run()
            for line in (*text_merge(merge, ("a", "b")), *ndjson_merge(merge)):
                _text(line)
    assert itself.only == [0, 0]
    assert not itself.differing


def _compared(one: Difference) -> None:
    _text(text_difference(one))
    _text(ndjson_difference(one))


_PROGRAMS = ((100003, 4), (100003, 3), (0x40000000, 1), (100005, 3), *sorted(COMPANY))
_CREDENTIALS = (
    OpaqueAuth(AUTH_SYS, struct.pack(">5I", 1, 0, 2, 3, 0)),
    OpaqueAuth(RPCSEC_GSS, struct.pack(">5I", 1, 0, 7, 2, 0)),
    OpaqueAuth(RPCSEC_GSS, struct.pack(">5I", 1, 1, 7, 1, 0)),
    OpaqueAuth(RPCSEC_GSS, struct.pack(">5I", 1, 0, 7, 3, 0)),
)


def bodies(octets: bytes) -> None:
    """Arguments and results of RPCs: program, procedure and credential are chosen by words."""
    wire = Wire(mtu=4096)
    for xid, (word, data) in enumerate(records(octets), 1):
        program, version = _PROGRAMS[(word >> 8) % len(_PROGRAMS)]
        caller, other = wire.client, wire.server
        if program >= 0x40000000:
            caller, other = other, caller
        enc = Encoder()
        credential = _CREDENTIALS[word >> 6 & 3]
        encode_call(enc, xid, program, version, word & 31, credential)
        split = int.from_bytes(data[:2], "big")
        head = bytes(encode_header(xid, 32, 0))
        wire.send(caller, head + enc.to_bytes() + data[2 : 2 + split])
        enc = Encoder()
        encode_accepted(enc, xid)
        wire.send(other, head + enc.to_bytes() + data[2 + split :])
    show_frames(wire.frames)


def stream(octets: bytes) -> None:
    """Two TCP streams (the word's first bit), as RPC records or raw, or UDP datagrams."""
    if not octets:
        return
    port = (2049, 20049, 80)[octets[0] % 3]
    wire = TcpWire(mss=512, server=Peer("10.0.0.2", port, 1000))
    if octets[0] & 0x80:
        wire.connect()
    for word, data in records(octets[1:]):
        sender = wire.server if word & 1 else wire.client
        start = len(wire.frames)
        if word & 2:
            wire.record(sender, data, max(1, word >> 8))
        elif word & 4:
            wire.datagram(sender, data)
        else:
            sender.sequence = sender.sequence + (word >> 8) - (word >> 4 & 7) & 0xFFFFFFFF
            wire.stream(sender, data)
        if word & 8 and len(wire.frames) > start:
            del wire.frames[start]
    show_frames(wire.frames)


def tls(octets: bytes) -> None:
    """What a connection of RPC-with-TLS has, under good keys and their successors, or as it is."""
    wire = SealedWire()
    for word, data in records(octets):
        sender = wire.server if word & 1 else wire.client
        sealer, start = wire.sealer(sender), len(wire.frames)
        if word & 2:
            wire.stream(sender, sealer.seal(HANDSHAKE, KEY_UPDATE))
            sealer.update()
        elif word & 4:
            wire.stream(sender, data)
        else:
            message = marked(data, max(1, word >> 8)) if word & 8 else data
            wire.stream(sender, sealer.seal(HANDSHAKE if word & 16 else DATA, message))
        if word & 32 and len(wire.frames) > start:
            del wire.frames[start + (word >> 8) % (len(wire.frames) - start)]
        if word & 64:
            wire.frames += wire.frames[start:]
    plain = bytearray()
    capture = reader_of(Octets(pcap(wire.frames, 1)))
    rewrite(capture, Decryption(KeyLog(LOG)), plain.extend)
    show(reader_of(Octets(bytes(plain))))


def iwarp(octets: bytes) -> None:
    """FPDUs with good checksums of whatever they are to carry."""
    if not octets:
        return
    flags = octets[0]
    wire = IwarpWire(markers=bool(flags & 1), crc=bool(flags & 2), enhanced=bool(flags & 4),
                     aligned=bool(flags & 16))  # fmt: skip
    if flags & 8:
        wire.connect()
    for word, data in records(octets[1:]):
        sender = wire.server if word & 1 else wire.client
        if word & 2:
            wire.send(sender, data)
        elif word & 4:
            wire.tagged(sender, word >> 8 & 15, word >> 12, word, data)
        else:
            wire.fpdu(sender, data)
    show_frames(wire.frames)


def cm(octets: bytes) -> None:
    """Messages of the connection manager, and some traffic of the queue pairs they name."""
    wire = Wire()
    for word, data in records(octets):
        sender = wire.server if word & 1 else wire.client
        head = struct.pack(">BBBBHHQHHI", 1, 7, 2, 3, 0, 0, word >> 8, 0x10 | word >> 1 & 15, 0, 0)
        mad = (head + data).ljust(256, b"\0")[: 256 - (word >> 5 & 1)]
        wire.packet(sender, 0x64, 1, struct.pack(">II", 0x80010000, 1), mad, qpn=1)
    head = bytes(encode_header(1, 32, 0))
    wire.send(wire.client, head + compound(1, getattr_call()))
    wire.send(wire.server, head + results(1, []))
    show_frames(wire.frames)


def expression(octets: bytes) -> None:
    """A display filter, and the fields of a message that it is asked about."""
    text = octets.decode("utf-8", "replace")
    try:
        test = compile_filter(text)
    except FilterError:
        return
    test({"nfs.opcode": [9, 25], "nfs.name": "a", "rpc.time": 0.25, "nfs.eof": True})
    test({})


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (file, frames, messages, second, pair, bodies, stream, tls, iwarp, cm, expression)
}
